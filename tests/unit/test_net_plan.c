/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of (desired, actual) -> operations. Each row starts from a router whose network is complete,
 * STANDBY or ACTIVE, and spoils something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/netns.h"

#define M NET_MANAGEMENT
#define P NET_PUBLIC
#define X NET_LEGS /* one beside them */

struct world {
	struct net_desired d;
	struct net_actual a;
};

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(&p, text), 0);
	return p;
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static struct net_desired wanted(bool active)
{
	struct net_desired d = {
		.router = "r1",
		.namespace = "r1",
		.leg = {{"vr-mgmt", "r1-m", "br-mgmt", {{{0}, 0}}, 1},
			{"vr-ex", "r1-p", "br-ex", {{{0}, 0}}, 1}},
		.gateway = {address("198.18.0.254")},
		.nat = NET_NAT_SNAT,
		.active = active,
	};

	d.leg[M].vip[0] = prefix("10.20.0.1/24");
	d.leg[P].vip[0] = prefix("198.18.0.1/24");
	return d;
}

static struct net_actual nothing(void)
{
	struct net_actual a = {.lo_up = false};

	for (unsigned id = 0; id < NET_LEGS; id++)
		a.leg[id] = (struct net_leg_actual){
			.bridge_exists = true,
			.bridge_is_bridge = true,
			.bridge_up = true,
			.bridge_ifindex = 5 + id,
			.bridge_mtu = 1500,
		};
	return a;
}

static struct net_actual complete(bool active)
{
	struct net_actual a = nothing();

	a.lo_up = a.blackhole[NET_V4] = true;
	for (unsigned id = 0; id < NET_LEGS; id++) {
		struct net_leg_actual *l = &a.leg[id];

		l->exists = l->host_exists = l->host_is_peer = true;
		l->up = l->host_up = l->carrier = l->silent = l->host_silent = true;
		l->ifindex = 2 + id;
		l->host_ifindex = 12 + id;
		l->mtu = l->host_mtu = l->bridge_mtu;
		l->host_master = l->bridge_ifindex;
	}
	if (active) {
		a.leg[M].addrs[a.leg[M].n_addrs++] = prefix("10.20.0.1/24");
		a.leg[P].addrs[a.leg[P].n_addrs++] = prefix("198.18.0.1/24");
		a.route[NET_V4].exists = true;
		a.route[NET_V4].via = address("198.18.0.254");
		a.route[NET_V4].ifindex = a.leg[P].ifindex;
	}
	return a;
}

/* "create-m:1500 addr+m:10.20.0.1/24": one word per operation. */
static void describe(const struct net_plan *p, char *out, size_t cap)
{
	static const char *const word[] = {
		[NET_OP_LO_UP] = "lo",
		[NET_OP_BLACKHOLE_ADD] = "hole",
		[NET_OP_LEG_DELETE] = "delete",
		[NET_OP_LEG_CREATE] = "create",
		[NET_OP_LEG_SILENCE] = "silence",
		[NET_OP_LEG_MTU] = "mtu",
		[NET_OP_LEG_ENSLAVE] = "attach",
		[NET_OP_LEG_VLAN] = "vlan",
		[NET_OP_LEG_UP] = "up",
		[NET_OP_LEG_MAC] = "mac",
		[NET_OP_LEG_IPV6_ON] = "ipv6+",
		[NET_OP_LEG_IPV6_OFF] = "ipv6-",
		[NET_OP_ADDR_ADD] = "addr+",
		[NET_OP_ADDR_DEL] = "addr-",
		[NET_OP_ROUTE_ADD] = "route+",
		[NET_OP_ROUTE_DEL] = "route-",
	};
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < p->n; i++) {
		const struct net_op *op = &p->op[i];
		char addr[IP_PREFIX_STRLEN] = "", mtu[12] = "";
		const char *more = "";

		if (op->kind == NET_OP_ADDR_ADD || op->kind == NET_OP_ADDR_DEL)
			ip_prefix_format(&op->addr, addr);
		if (op->kind == NET_OP_ROUTE_ADD)
			ip_addr_format(&op->addr.addr, addr);
		if (op->kind == NET_OP_LEG_MAC)
			more = op->mac[5] ? ":virtual" : ":own";
		if (op->kind == NET_OP_BLACKHOLE_ADD || op->kind == NET_OP_ROUTE_DEL)
			more = op->addr.addr.family == AF_INET6 ? ":v6" : "";
		if (op->mtu)
			snprintf(mtu, sizeof(mtu), "%u", op->mtu);
		n += (size_t)snprintf(out + n, cap - n, "%s%s-%c%s%s%s%s", i ? " " : "",
				      word[op->kind], "mpx"[op->leg], *addr || *mtu ? ":" : "",
				      addr, mtu, more);
		assert_true(n < cap);
	}
}

#define ADD_M	"addr+-m:10.20.0.1/24"
#define ADD_P	"addr+-p:198.18.0.1/24"
#define DEL_M	"addr--m:10.20.0.1/24"
#define DEL_P	"addr--p:198.18.0.1/24"
#define ROUTE	"route+-p:198.18.0.254"
#define BUILD_M "create-m:1500 attach-m up-m"
#define BUILD_P "create-p:1500 attach-p up-p"
#define LEAVE	"route--p " DEL_P " " DEL_M

static void add_addr(struct net_leg_actual *l, const char *text)
{
	l->addrs[l->n_addrs++] = prefix(text);
}

static void same(struct world *w)
{
	(void)w;
}

static void fresh(struct world *w)
{
	w->a = nothing();
}

static void promote(struct world *w)
{
	w->d.active = true;
}

static void demote(struct world *w)
{
	w->d.active = false;
}

static void lo_down(struct world *w)
{
	w->a.lo_up = false;
}

static void no_blackhole(struct world *w)
{
	w->a.blackhole[NET_V4] = false;
}

static void no_bridge(struct world *w)
{
	w->a.leg[P].bridge_exists = w->a.leg[P].bridge_is_bridge = w->a.leg[P].bridge_up = false;
	w->a.leg[P].bridge_ifindex = w->a.leg[P].bridge_mtu = 0;
	w->a.leg[P].host_master = 0;
}

static void no_bridge_fresh(struct world *w)
{
	fresh(w);
	no_bridge(w);
}

static void not_a_bridge(struct world *w)
{
	w->a.leg[M].bridge_is_bridge = false;
}

static void bridge_down(struct world *w)
{
	w->a.leg[M].bridge_up = false;
}

static void other_bridge(struct world *w)
{
	w->a.leg[M].bridge_ifindex = 77;
}

static void lost_master(struct world *w)
{
	w->a.leg[P].host_master = 0;
}

static void host_end_lost(struct world *w)
{
	w->a.leg[M].host_exists = w->a.leg[M].host_is_peer = false;
}

static void inner_end_lost(struct world *w)
{
	w->a.leg[P] = (struct net_leg_actual){
		.bridge_exists = true,
		.bridge_is_bridge = true,
		.bridge_up = true,
		.bridge_ifindex = 6,
		.bridge_mtu = 1500,
		.host_exists = true,
		.host_ifindex = 13,
	};
	w->a.route[NET_V4].exists = false;
}

static void not_peers(struct world *w)
{
	w->a.leg[P].host_is_peer = false;
}

static void foreign(struct world *w)
{
	w->a.leg[M].host_is_peer = false;
	w->a.leg[M].host_foreign = true;
}

static void loud_inside(struct world *w)
{
	w->a.leg[M].silent = false;
}

static void loud_outside(struct world *w)
{
	w->a.leg[P].host_silent = false;
}

static void mtu_grew(struct world *w)
{
	w->a.leg[P].bridge_mtu = 9000;
}

static void mtu_inside(struct world *w)
{
	w->a.leg[M].mtu = 1400;
}

static void leg_down(struct world *w)
{
	w->a.leg[P].up = false;
	w->a.route[NET_V4].exists = false;
}

static void host_down(struct world *w)
{
	w->a.leg[M].host_up = false;
}

static void stray_addr(struct world *w)
{
	add_addr(&w->a.leg[M], "192.0.2.9/24");
}

static void addr_lost(struct world *w)
{
	w->a.leg[M].n_addrs = 0;
}

static void wrong_len(struct world *w)
{
	w->a.leg[M].addrs[0].len = 16;
}

static void vip_changed(struct world *w)
{
	w->d.leg[P].vip[0] = prefix("198.18.0.2/24");
}

static void net_changed(struct world *w)
{
	w->d.leg[P].vip[0] = prefix("203.0.113.1/24");
	w->d.gateway[NET_V4] = address("203.0.113.254");
}

static void route_lost(struct world *w)
{
	w->a.route[NET_V4].exists = false;
	w->a.route[NET_V4].via = (struct ip_addr){0};
	w->a.route[NET_V4].ifindex = 0;
}

static void route_elsewhere(struct world *w)
{
	w->a.route[NET_V4].via = address("198.18.0.99");
}

static void route_other_link(struct world *w)
{
	w->a.route[NET_V4].exists = true;
	w->a.route[NET_V4].via = address("240.0.0.5");
	w->a.route[NET_V4].ifindex = 40;
}

static void gateway_none(struct world *w)
{
	w->d.gateway[NET_V4] = (struct ip_addr){0};
}

static void promote_gateway_none(struct world *w)
{
	promote(w);
	gateway_none(w);
}

static void gateway_outside(struct world *w)
{
	w->d.gateway[NET_V4] = address("203.0.113.1");
}

static void gateway_is_vip(struct world *w)
{
	w->d.gateway[NET_V4] = address("198.18.0.1");
}

static void promote_after_reboot(struct world *w)
{
	promote(w);
	fresh(w);
}

static void two_faults(struct world *w)
{
	no_bridge(w);
	not_a_bridge(w);
}

/* ---- both IP versions, and a virtual MAC ---- */

#define ON6	 "ipv6+-m ipv6+-p"
#define LOCAL6	 "addr+-m:fe80::1/64 addr+-p:fe80::1/64"
#define ADD6	 "addr+-m:2001:db8:1::1/64 addr+-p:2001:db8:2::1/64"
#define V4	 ADD_M " " ADD_P " " ROUTE
#define PROMOTE6 LOCAL6 " " V4 " " ADD6 " route+-p:2001:db8:2::fe"
#define DEL6	 "addr--m:10.20.0.1/24 addr--m:2001:db8:1::1/64 addr--m:fe80::1/64"
#define DEL6_P	 "addr--p:198.18.0.1/24 addr--p:2001:db8:2::1/64 addr--p:fe80::1/64"
#define LEAVE6	 "route--p route--p:v6 " DEL6_P " " DEL6

static void add_vips6(struct net_leg *l, const char *vip)
{
	l->vip[l->n_vips++] = prefix(vip);
	l->vip[l->n_vips++] = prefix("fe80::1/64");
}

static void dual(struct world *w)
{
	add_vips6(&w->d.leg[M], "2001:db8:1::1/64");
	add_vips6(&w->d.leg[P], "2001:db8:2::1/64");
	w->d.gateway[NET_V6] = address("2001:db8:2::fe");
	w->a.blackhole[NET_V6] = true;
	for (unsigned id = 0; id < NET_LEGS && w->d.active; id++) {
		w->a.leg[id].ipv6 = true;
		for (unsigned i = 1; i < w->d.leg[id].n_vips; i++)
			w->a.leg[id].addrs[w->a.leg[id].n_addrs++] = w->d.leg[id].vip[i];
		w->a.route[NET_V6] = (struct net_route){true, w->d.gateway[NET_V6], 3};
	}
}

static void dual_fresh(struct world *w)
{
	dual(w);
	fresh(w);
}

static void dual_promote(struct world *w)
{
	dual(w);
	promote(w);
}

static void dual_demote(struct world *w)
{
	dual(w);
	demote(w);
}

static void dual_promote_fresh(struct world *w)
{
	dual_promote(w);
	fresh(w);
}

static void link_local_promote(struct world *w)
{
	promote(w);
	w->d.leg[M].vip[w->d.leg[M].n_vips++] = prefix("fe80::1/64");
	w->a.blackhole[NET_V6] = true;
}

static void dual_ipv6_lost(struct world *w)
{
	dual(w);
	w->a.leg[P].ipv6 = false;
	w->a.leg[P].n_addrs = 1;
	w->a.route[NET_V6].exists = false;
}

static void dual_route_lost(struct world *w)
{
	dual(w);
	w->a.route[NET_V6].via = address("2001:db8:2::99");
}

static void dual_no_more(struct world *w)
{
	dual(w);
	w->d.leg[M].n_vips = w->d.leg[P].n_vips = 1;
	w->d.gateway[NET_V6].family = 0;
}

static void dual_standby_loud(struct world *w)
{
	dual(w);
	w->a.leg[M].ipv6 = true;
}

static void dual_small_mtu(struct world *w)
{
	dual(w);
	w->a.leg[M].bridge_mtu = w->a.leg[M].mtu = w->a.leg[M].host_mtu = 1279;
}

static void dual_gateway_outside(struct world *w)
{
	dual(w);
	w->d.gateway[NET_V6] = address("2001:db8:3::1");
}

static void dual_gateway_link_local(struct world *w)
{
	dual(w);
	w->d.gateway[NET_V6] = address("fe80::fe");
}

static void mac_promote(struct world *w)
{
	promote(w);
	w->d.virtual_mac = true;
	net_virtual_mac(w->d.mac, 51, false);
}

static void mac_active(struct world *w)
{
	mac_promote(w);
	for (unsigned id = 0; id < NET_LEGS; id++)
		memcpy(w->a.leg[id].mac, w->d.mac, sizeof(w->d.mac));
}

static void mac_demote(struct world *w)
{
	mac_active(w);
	demote(w);
}

static void mac_lost(struct world *w)
{
	mac_active(w);
	w->a.leg[P].mac[5]++;
}

static void mac_no_more(struct world *w)
{
	mac_active(w);
	w->d.virtual_mac = false;
}

static void mac_faulty(struct world *w)
{
	mac_active(w);
	no_bridge(w);
}

static void mac_dual_promote(struct world *w)
{
	dual(w);
	mac_promote(w);
}

static void full_of_strays(struct world *w)
{
	for (unsigned id = 0; id < NET_LEGS; id++) {
		w->a.leg[id].n_addrs = 0;
		w->d.leg[id].n_vips = 0;
		for (unsigned i = 0; i < NET_VIPS_MAX + 1; i++)
			w->d.leg[id].vip[w->d.leg[id].n_vips++] = prefix("2001:db8::1/64");
		for (unsigned i = 0; i < NET_ADDRS_MAX; i++)
			add_addr(&w->a.leg[id], "192.0.2.9/24");
		w->a.leg[id].silent = w->a.leg[id].up = false;
		w->a.leg[id].mtu = 1;
		w->a.leg[id].host_master = 0;
	}
	w->d.gateway[NET_V4].family = 0;
	w->d.gateway[NET_V6] = address("2001:db8::fe");
	w->d.virtual_mac = true;
	w->d.mac[5] = 1;
	w->a.lo_up = w->a.blackhole[NET_V4] = false;
}

/* ---- legs of other kinds, with VLANs, and beside the two ---- */

#define BUILD_MV "create-p:1500 up-p"
#define FRESH_P	 ADD_P " " ROUTE

static void vlan(struct world *w)
{
	w->d.leg[P].vlan = 20;
	w->a.leg[P].bridge_filters = w->a.leg[P].vlan_is_set = true;
}

static void vlan_fresh(struct world *w)
{
	fresh(w);
	vlan(w);
}

static void vlan_lost(struct world *w)
{
	vlan(w);
	w->a.leg[P].vlan_is_set = false;
}

static void vlan_other_bridge(struct world *w)
{
	vlan(w);
	w->a.leg[P].bridge_ifindex = 77;
}

static void vlan_no_filter(struct world *w)
{
	vlan(w);
	w->a.leg[P].bridge_filters = false;
}

static void vlan_no_more(struct world *w)
{
	w->a.leg[P].vlan_is_left = true;
}

static void mtu_fixed(struct world *w)
{
	w->d.leg[P].mtu = 1400;
}

static void mtu_fixed_is(struct world *w)
{
	mtu_fixed(w);
	w->a.leg[P].mtu = w->a.leg[P].host_mtu = 1400;
	w->a.leg[P].bridge_mtu = 9000;
}

/* A complete leg of that kind without an end on the host's side. */
static void attach(struct world *w, enum net_attach kind)
{
	struct net_leg_actual *l = &w->a.leg[P];

	w->d.leg[P].attach = kind;
	strcpy(w->d.leg[P].bridge, "eth0");
	l->bridge_is_bridge = l->host_exists = l->host_up = l->host_silent = false;
	l->host_ifindex = l->host_mtu = l->host_master = 0;
}

static void macvlan(struct world *w)
{
	attach(w, NET_ATTACH_MACVLAN);
}

static void macvlan_fresh(struct world *w)
{
	fresh(w);
	macvlan(w);
}

static void macvlan_was_veth(struct world *w)
{
	w->d.leg[P].attach = NET_ATTACH_MACVLAN;
	w->a.leg[P].host_is_peer = false;
}

static void macvlan_foreign_name(struct world *w)
{
	macvlan(w);
	w->a.leg[P].host_exists = w->a.leg[P].host_foreign = true;
}

static void macvlan_gone(struct world *w)
{
	macvlan(w);
	w->a.leg[P] = (struct net_leg_actual){.exists = false};
	route_lost(w);
}

static void macvlan_down(struct world *w)
{
	macvlan(w);
	w->a.leg[P].bridge_up = false;
}

static void macvlan_no_carrier(struct world *w)
{
	macvlan(w);
	w->a.leg[P].carrier = false;
}

static void macvlan_on_port(struct world *w)
{
	macvlan_fresh(w);
	w->a.leg[P].bridge_is_port = true;
}

static void macvlan_mtu(struct world *w)
{
	macvlan(w);
	w->a.leg[P].bridge_mtu = 9000;
}

static void macvlan_mtu_too_large(struct world *w)
{
	macvlan(w);
	w->d.leg[P].mtu = 9000;
}

static void macvlan_loud(struct world *w)
{
	macvlan(w);
	w->a.leg[P].silent = false;
}

static void macvlan_vlan(struct world *w)
{
	macvlan(w);
	w->d.leg[P].vlan = 20;
	w->a.leg[P].host_exists = w->a.leg[P].host_up = w->a.leg[P].host_silent = true;
	w->a.leg[P].host_mtu = 1500;
}

static void macvlan_vlan_half(struct world *w)
{
	macvlan_vlan(w);
	w->a.leg[P].host_exists = w->a.leg[P].host_is_peer = false;
}

static void macvlan_vlan_down(struct world *w)
{
	macvlan_vlan(w);
	w->a.leg[P].host_up = false;
}

static void macvlan_vlan_foreign(struct world *w)
{
	macvlan_vlan(w);
	w->a.leg[P].host_foreign = true;
	w->a.leg[P].host_is_peer = false;
}

static void port(struct world *w)
{
	attach(w, NET_ATTACH_OVS);
	w->a.leg[P].bridge_up = false; /* of no account */
}

static void port_none(struct world *w)
{
	port(w);
	w->a.leg[P].exists = w->a.leg[P].host_is_peer = false;
	route_lost(w);
}

static void port_offered(struct world *w)
{
	port_none(w);
	w->a.leg[P].host_exists = true;
	w->a.leg[P].host_ifindex = w->d.leg[P].port_ifindex = 7;
	w->a.leg[P].n_addrs = 0;
}

static void port_not_that_one(struct world *w)
{
	port_offered(w);
	w->d.leg[P].port_ifindex = 6;
}

static void port_dead(struct world *w)
{
	port(w);
	w->a.leg[P].carrier = false;
}

static void port_dead_and_offered(struct world *w)
{
	port_offered(w);
	w->a.leg[P].exists = w->a.leg[P].host_is_peer = true;
	w->a.leg[P].carrier = false;
}

static void port_new_and_down(struct world *w)
{
	port(w);
	w->a.leg[P].carrier = w->a.leg[P].up = false;
}

static void port_no_bridge(struct world *w)
{
	port(w);
	w->a.leg[P].bridge_exists = false;
}

static void extra(struct world *w)
{
	struct net_leg *l = &w->d.leg[X];

	w->d.n_extra = 1;
	strcpy(l->ifname, "vr-dmz");
	strcpy(l->hostname, "r1-1");
	strcpy(l->bridge, "br-dmz");
	l->vip[l->n_vips++] = prefix("10.30.0.1/24");
	w->a.leg[X] = w->a.leg[M];
	w->a.leg[X].n_addrs = 0;
	if (w->d.active)
		add_addr(&w->a.leg[X], "10.30.0.1/24");
}

static void extra_promote(struct world *w)
{
	extra(w);
	promote(w);
}

static void extra_demote(struct world *w)
{
	extra(w);
	demote(w);
}

static void extra_fresh(struct world *w)
{
	extra(w);
	w->a.leg[X] = nothing().leg[M];
}

static void extra_no_bridge(struct world *w)
{
	extra(w);
	w->a.leg[X].bridge_exists = false;
}

static const struct row {
	const char *why;
	bool active; /* the router that the row starts from */
	void (*spoil)(struct world *w);
	const char *ops, *fault;
} rows[] = {
	{"a new namespace is built, silent and without addresses", false, fresh,
	 "lo-m hole-m " BUILD_M " " BUILD_P, ""},
	{"a complete STANDBY is adopted as it is", false, same, "", ""},
	{"a complete ACTIVE is adopted as it is", true, same, "", ""},
	{"promotion is two addresses and a route", false, promote, ADD_M " " ADD_P " " ROUTE, ""},
	{"demotion takes the route first", true, demote, LEAVE, ""},
	{"promotion of a router that is not built yet", false, promote_after_reboot,
	 "lo-m hole-m " BUILD_M " " BUILD_P " " ADD_M " " ADD_P " " ROUTE, ""},

	{"drift: loopback", true, lo_down, "lo-m", ""},
	{"drift: route of last resort", false, no_blackhole, "hole-m", ""},
	{"drift: a leg makes link-local addresses", true, loud_inside, "silence-m", ""},
	{"drift: a host's end makes link-local addresses", true, loud_outside, "silence-p", ""},
	{"drift: MTU of an end", true, mtu_inside, "mtu-m:1500", ""},
	{"the bridge got another MTU", true, mtu_grew, "mtu-p:9000", ""},
	{"drift: an inner end that went down lost its routes", true, leg_down, "up-p " ROUTE, ""},
	{"drift: a host's end went down", true, host_down, "up-m", ""},
	{"drift: taken off the bridge", true, lost_master, "attach-p", ""},
	{"the bridge was made anew", true, other_bridge, "attach-m", ""},
	{"drift: VIP lost", true, addr_lost, ADD_M, ""},
	{"drift: VIP with another length; the right one comes before the wrong one goes", true,
	 wrong_len, ADD_M " addr--m:10.20.0.1/16", ""},
	{"drift: a stray address while ACTIVE", true, stray_addr, "addr--m:192.0.2.9/24", ""},
	{"drift: a stray address while STANDBY", false, stray_addr, "addr--m:192.0.2.9/24", ""},
	{"drift: default route lost", true, route_lost, ROUTE, ""},
	{"drift: default route through another gateway", true, route_elsewhere, ROUTE, ""},
	{"drift: default route through another link is replaced", true, route_other_link, ROUTE,
	 ""},
	{"a default route that is not ours stays while STANDBY", false, route_other_link, "", ""},

	{"half a veth: only the inner end", true, host_end_lost, "delete-m " BUILD_M " " ADD_M, ""},
	{"half a veth: only the host's end; new legs have no routes", true, inner_end_lost,
	 "delete-p " BUILD_P " " ADD_P " " ROUTE, ""},
	{"both ends, but not each other's", true, not_peers,
	 "delete-p " BUILD_P " " ADD_P " " ROUTE, ""},
	{"both ends, but not each other's, while STANDBY", false, not_peers, "delete-p " BUILD_P,
	 ""},
	{"somebody else's interface is not touched", true, foreign, LEAVE,
	 "interface r1-m is needed for vr-mgmt but is already used by something else"},

	{"new VIP in the same network: new before old", true, vip_changed,
	 "addr+-p:198.18.0.2/24 " DEL_P, ""},
	{"new public network: address, route, and only then the old address", true, net_changed,
	 "addr+-p:203.0.113.1/24 route+-p:203.0.113.254 " DEL_P, ""},
	{"promotion without a gateway", false, promote_gateway_none, ADD_M " " ADD_P, ""},
	{"the gateway was removed from the configuration", true, gateway_none, "route--p", ""},

	{"missing bridge: the VIPs leave, the other leg stays", true, no_bridge, LEAVE,
	 "bridge br-ex does not exist"},
	{"missing bridge: the other leg is built", false, no_bridge_fresh, "lo-m hole-m " BUILD_M,
	 "bridge br-ex does not exist"},
	{"a bridge that is something else", true, not_a_bridge, LEAVE, "br-mgmt is not a bridge"},
	{"a bridge that is down", true, bridge_down, LEAVE, "bridge br-mgmt is down"},
	{"the first of two faults is told", true, two_faults, LEAVE, "br-mgmt is not a bridge"},
	{"gateway outside of the public network", true, gateway_outside, LEAVE,
	 "gateway 203.0.113.1 is not in the network of the public VIP 198.18.0.1/24"},
	{"gateway outside, found before the promotion", false, gateway_outside, "",
	 "gateway 203.0.113.1 is not in the network of the public VIP 198.18.0.1/24"},
	{"both versions: a new namespace is built", false, dual_fresh,
	 "lo-m hole-m hole-m:v6 " BUILD_M " " BUILD_P, ""},
	{"both versions: a complete STANDBY", false, dual, "", ""},
	{"both versions: a complete ACTIVE", true, dual, "", ""},
	{"both versions: promotion switches IPv6 on before its addresses", false, dual_promote,
	 ON6 " " PROMOTE6, ""},
	{"both versions: promotion of what is not built", false, dual_promote_fresh,
	 "lo-m hole-m hole-m:v6 " BUILD_M " " BUILD_P " " ON6 " " PROMOTE6, ""},
	{"a link-local VIP beside IPv4 needs IPv6, too", false, link_local_promote,
	 "ipv6+-m addr+-m:fe80::1/64 " V4, ""},
	{"both versions: demotion leaves no IPv6 on the legs", true, dual_demote,
	 LEAVE6 " ipv6--m ipv6--p", ""},
	{"drift: IPv6 switched off took its addresses and route along", true, dual_ipv6_lost,
	 "ipv6+-p addr+-p:fe80::1/64 addr+-p:2001:db8:2::1/64 route+-p:2001:db8:2::fe", ""},
	{"drift: IPv6's default route alone", true, dual_route_lost, "route+-p:2001:db8:2::fe", ""},
	{"no more IPv6: route and addresses, then IPv6 itself", true, dual_no_more,
	 "route--p:v6 addr--p:2001:db8:2::1/64 addr--p:fe80::1/64 addr--m:2001:db8:1::1/64 "
	 "addr--m:fe80::1/64 ipv6--m ipv6--p",
	 ""},
	{"drift: IPv6 on a STANDBY's leg", false, dual_standby_loud, "ipv6--m", ""},
	{"IPv6 on a bridge that is too narrow for it", false, dual_small_mtu, "",
	 "bridge br-mgmt has an MTU of 1279; IPv6 needs 1280"},
	{"IPv6 gateway outside", false, dual_gateway_outside, "",
	 "gateway 2001:db8:3::1 is not in the network of the public VIP 2001:db8:2::1/64"},
	{"IPv6 gateway by its link-local address", true, dual_gateway_link_local,
	 "route+-p:fe80::fe", ""},

	{"virtual MAC: before the addresses", false, mac_promote, "mac-m:virtual mac-p:virtual " V4,
	 ""},
	{"virtual MAC: before IPv6, which would speak with the other", false, mac_dual_promote,
	 "mac-m:virtual ipv6+-m mac-p:virtual ipv6+-p " PROMOTE6, ""},
	{"virtual MAC: a complete ACTIVE", true, mac_active, "", ""},
	{"virtual MAC: a STANDBY has its own, after the addresses went", true, mac_demote,
	 LEAVE " mac-m:own mac-p:own", ""},
	{"virtual MAC: drift", true, mac_lost, "mac-p:virtual", ""},
	{"virtual MAC: switched off", true, mac_no_more, "mac-m:own mac-p:own", ""},
	{"virtual MAC: not with a fault", true, mac_faulty, LEAVE " mac-m:own mac-p:own",
	 "bridge br-ex does not exist"},

	{"VLAN: a complete leg", true, vlan, "", ""},
	{"VLAN: the port is put into it before it is up", false, vlan_fresh,
	 "lo-m hole-m " BUILD_M " create-p:1500 attach-p vlan-p up-p", ""},
	{"VLAN: drift", true, vlan_lost, "vlan-p", ""},
	{"VLAN: another bridge knows nothing of it", true, vlan_other_bridge, "attach-p vlan-p",
	 ""},
	{"VLAN: a bridge without", true, vlan_no_filter, LEAVE,
	 "bridge br-ex knows no VLANs, and vr-ex is to be in VLAN 20: ip link set br-ex type "
	 "bridge vlan_filtering 1"},
	{"VLAN: no more; a new port has what the bridge gives it", true, vlan_no_more,
	 "delete-p " BUILD_P " " FRESH_P, ""},
	{"MTU: a fixed one", true, mtu_fixed, "mtu-p:1400", ""},
	{"MTU: a fixed one does not follow", true, mtu_fixed_is, "", ""},

	{"macvlan: a complete leg has no other end", true, macvlan, "", ""},
	{"macvlan: built", false, macvlan_fresh, "lo-m hole-m " BUILD_M " " BUILD_MV, ""},
	{"macvlan: in the place of a veth", true, macvlan_was_veth,
	 "delete-p " BUILD_MV " " FRESH_P, ""},
	{"macvlan: what is called like a host's end is nobody's business", true,
	 macvlan_foreign_name, "", ""},
	{"macvlan: it goes with its parent", true, macvlan_gone, DEL_M,
	 "interface eth0 does not exist"},
	{"macvlan: its parent is down", true, macvlan_down, LEAVE, "interface eth0 is down"},
	{"macvlan: that the parent has no carrier is for tracking to say", true, macvlan_no_carrier,
	 "", ""},
	{"macvlan: its parent is a port", false, macvlan_on_port, "lo-m hole-m " BUILD_M,
	 "interface eth0 is a port of a bridge or bond, so no macvlan can be on it: attach vr-ex "
	 "to that one"},
	{"macvlan: MTU follows the parent's", true, macvlan_mtu, "mtu-p:9000", ""},
	{"macvlan: an MTU that the parent cannot have", true, macvlan_mtu_too_large, LEAVE,
	 "the MTU of vr-ex is to be 9000, and interface eth0 has 1500 only"},
	{"macvlan: drift: it makes link-local addresses", false, macvlan_loud, "silence-p", ""},
	{"macvlan, VLAN: a complete leg", true, macvlan_vlan, "", ""},
	{"macvlan, VLAN: half of it", true, macvlan_vlan_half, "delete-p " BUILD_MV " " FRESH_P,
	 ""},
	{"macvlan, VLAN: drift: its device is down", true, macvlan_vlan_down, "up-p", ""},
	{"macvlan, VLAN: the name is taken", true, macvlan_vlan_foreign, LEAVE,
	 "interface r1-p is needed for vr-ex but is already used by something else"},

	{"Open vSwitch: a complete leg", true, port, "", ""},
	{"Open vSwitch: no port, nothing to build from", true, port_none,
	 "addr--p:198.18.0.1/24 " DEL_M, "Open vSwitch has no port vr-ex in bridge eth0"},
	{"Open vSwitch: the port is there, and is taken inside", true, port_offered,
	 "create-p:1500 up-p " FRESH_P, ""},
	{"Open vSwitch: another interface of its name is not", true, port_not_that_one, DEL_M,
	 "Open vSwitch has no port vr-ex in bridge eth0"},
	{"Open vSwitch: nobody is behind the port", true, port_dead, LEAVE,
	 "Open vSwitch has no port vr-ex in bridge eth0"},
	{"Open vSwitch: the new port takes the place of the dead one", true, port_dead_and_offered,
	 "delete-p create-p:1500 up-p " FRESH_P, ""},
	{"Open vSwitch: what is down has no carrier yet", true, port_new_and_down, "up-p " ROUTE,
	 ""},
	{"Open vSwitch: no bridge", true, port_no_bridge, LEAVE,
	 "Open vSwitch bridge eth0 does not exist"},

	{"one leg more: a complete ACTIVE", true, extra, "", ""},
	{"one leg more: built", false, extra_fresh, "create-x:1500 attach-x up-x", ""},
	{"one leg more: its address moves with the others", false, extra_promote,
	 ADD_M " " ADD_P " addr+-x:10.30.0.1/24 " ROUTE, ""},
	{"one leg more: and goes with them", true, extra_demote,
	 "route--p addr--x:10.30.0.1/24 " DEL_P " " DEL_M, ""},
	{"one leg more: what it lacks is a fault of the router", true, extra_no_bridge,
	 "route--p addr--x:10.30.0.1/24 " DEL_P " " DEL_M, "bridge br-dmz does not exist"},

	{"gateway is the VIP", false, gateway_is_vip, "",
	 "gateway 198.18.0.1 is the public VIP itself"},
};

static void plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = {wanted(rows[i].active), complete(rows[i].active)};
		struct net_plan p;
		char ops[2048];

		rows[i].spoil(&w);
		net_plan(&p, &w.d, &w.a);
		describe(&p, ops, sizeof(ops));
		if (strcmp(ops, rows[i].ops) || strcmp(p.fault, rows[i].fault))
			fail_msg("%s:\n got  %s (%s)\n want %s (%s)", rows[i].why, ops, p.fault,
				 rows[i].ops, rows[i].fault);
	}
}

static void fits(void **state)
{
	struct world w = {wanted(true), complete(true)};
	struct net_plan p;

	(void)state;
	full_of_strays(&w);
	net_plan(&p, &w.d, &w.a);
	assert_int_equal(p.n, 3 + NET_LEGS * (4 + 2 + NET_VIPS_MAX + 1 + NET_ADDRS_MAX) + 2);
}

/* Open vSwitch is asked for what it lacks. */
static void ports(void **state)
{
	static const struct {
		void (*spoil)(struct world *w);
		unsigned ports;
	} row[] = {{port, 0},	      {port_none, 1u << P},	 {port_dead, 1u << P},
		   {port_offered, 0}, {port_no_bridge, 1u << P}, {no_bridge, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct world w = {wanted(true), complete(true)};
		struct net_plan p;

		row[i].spoil(&w);
		net_plan(&p, &w.d, &w.a);
		assert_int_equal(p.ports, row[i].ports);
	}
}

static void hostnames(void **state)
{
	static const struct {
		const char *namespace, *public;
	} row[] = {
		{"vrouter", "vrouter-p"}, {"exactly-13-ch", "exactly-13-ch-p"},
		{"fourteen-chars", NULL}, {"with space", NULL},
		{"dotted.name", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char m[IFNAMSIZ], p[IFNAMSIZ], again[IFNAMSIZ];

		net_hostname(m, row[i].namespace, M);
		net_hostname(p, row[i].namespace, P);
		net_hostname(again, row[i].namespace, P);
		assert_string_equal(p, again);
		assert_string_not_equal(m, p);
		assert_int_equal(m[strlen(m) - 1], 'm');
		if (row[i].public)
			assert_string_equal(p, row[i].public);
		else if (strncmp(p, "vr", 2) || strlen(p) != IFNAMSIZ - 1 || strpbrk(p, " ./"))
			fail_msg("%s: %s", row[i].namespace, p);
	}

	char a[IFNAMSIZ], b[IFNAMSIZ];

	/* one for each leg, and the host link */
	for (unsigned i = 0; i < NET_SLOTS; i++)
		for (unsigned k = 0; k < i; k++) {
			net_hostname(a, "vrouter", i);
			net_hostname(b, "vrouter", k);
			assert_string_not_equal(a, b);
		}
	net_hostname(a, "a-long-namespace-1", M);
	net_hostname(b, "a-long-namespace-2", M);
	assert_string_not_equal(a, b);
}

/* What they are compared by is what they are. */
static void equal_hostnames(void **state)
{
	char of_hash[IFNAMSIZ];
	const char *const name[] = {
		"vrouter",     "vrouter2", "a-long-namespace-1", "a-long-namespace-2",
		"dotted.name", of_hash};

	(void)state;
	net_hostname(of_hash, "a-long-namespace-1", M);
	of_hash[strlen(of_hash) - 2] = '\0'; /* without "-m" */
	for (size_t i = 0; i < ARRAY_LEN(name); i++)
		for (size_t k = 0; k < ARRAY_LEN(name); k++) {
			char a[IFNAMSIZ], b[IFNAMSIZ];

			net_hostname(a, name[i], P);
			net_hostname(b, name[k], P);
			assert_int_equal(net_hostnames_equal(name[i], name[k]), strcmp(a, b) == 0);
		}
	assert_true(net_hostnames_equal("a-long-namespace-1", of_hash));
}

/* Of what is not configured: the same on all controllers, and nobody else's. */
static void link_locals(void **state)
{
	struct ip_prefix a, b;

	(void)state;
	net_own_link_local(&a, "r1", M);
	net_own_link_local(&b, "r1", M);
	assert_true(ip_addr_equal(&a.addr, &b.addr));
	assert_true(ip_addr_is_link_local(&a.addr) && ip_prefix_is_host(&a));
	assert_int_equal(a.len, 64);
	assert_int_equal(a.addr.b[8] & 2, 0);
	net_own_link_local(&b, "r1", P);
	assert_false(ip_addr_equal(&a.addr, &b.addr));
	net_own_link_local(&b, "r2", M);
	assert_false(ip_addr_equal(&a.addr, &b.addr));
}

static void virtual_macs(void **state)
{
	static const uint8_t v4[] = {0, 0, 0x5e, 0, 1, 255}, v6[] = {0, 0, 0x5e, 0, 2, 7};
	uint8_t mac[NET_MAC_BYTES];

	(void)state;
	net_virtual_mac(mac, 255, false);
	assert_memory_equal(mac, v4, sizeof(mac));
	net_virtual_mac(mac, 7, true);
	assert_memory_equal(mac, v6, sizeof(mac));
}

static void op_names(void **state)
{
	(void)state;
	for (int k = NET_OP_LO_UP; k <= NET_OP_RULE_DEL; k++)
		assert_non_null(net_op_name((enum net_op_kind)k));
}

static void op_texts(void **state)
{
	struct net_desired d = {.namespace = "ns", .leg = {{.ifname = "m"}, {.ifname = "p"}}};
	struct net_op op = {.kind = NET_OP_ADDR_ADD, .leg = NET_PUBLIC};
	char text[NET_OP_TEXT_MAX];

	(void)state;
	assert_int_equal(ip_prefix_parse(&op.addr, "198.18.0.1/24"), 0);
	net_op_text(text, &op, &d);
	assert_string_equal(text, "add an address (p 198.18.0.1/24)");
	op.kind = NET_OP_ROUTE_ADD;
	net_op_text(text, &op, &d);
	assert_string_equal(text, "set the default route (p 198.18.0.1)");
	op = (struct net_op){.kind = NET_OP_LEG_ENSLAVE, .leg = NET_MANAGEMENT};
	net_op_text(text, &op, &d);
	assert_string_equal(text, "attach a leg to its bridge (m)");
	op.kind = NET_OP_LO_UP;
	net_op_text(text, &op, &d);
	assert_string_equal(text, "set the loopback up (ns)");
}

static void announcements(void **state)
{
	static const struct {
		unsigned n;
		uint64_t refresh, due;
		const char *why;
	} row[] = {
		{0, 0, 0, "the first at once"},
		{5, 0, 2000, "the end of the burst"},
		{6, 0, UINT64_MAX, "no refresh"},
		{6, 30000, 32000, "first refresh"},
		{16, 30000, 332000, "eleventh refresh"},
		{7, UINT64_MAX / 2, UINT64_MAX, "does not wrap"},
		{UINT32_MAX, 30000, 2000 + (UINT32_MAX - 5) * UINT64_C(30000), "after centuries"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		if (announce_due_ms(row[i].n, row[i].refresh) != row[i].due)
			fail_msg("%s", row[i].why);
	for (unsigned n = 1; n < 20; n++)
		assert_true(announce_due_ms(n, 1000) > announce_due_ms(n - 1, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans),       cmocka_unit_test(fits),
		cmocka_unit_test(hostnames),   cmocka_unit_test(equal_hostnames),
		cmocka_unit_test(op_names),    cmocka_unit_test(announcements),
		cmocka_unit_test(link_locals), cmocka_unit_test(virtual_macs),
		cmocka_unit_test(op_texts),    cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
