/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to change so that the network of a router becomes what the configuration wants: desired
 * x actual -> an ordered list of operations, or a fault. Pure.
 *
 * Orders that matter:
 * - promotion: the legs' MAC addresses and IPv6, addresses, then the default route (which needs the
 * public network), then what is left of old addresses; so the new VIP is there before the old one
 * goes and the last address of a leg, with which the kernel drops every route of it, never goes in
 * between;
 * - demotion and faults: the default route, then the addresses, IPv6 and the MAC addresses, before
 *   any other repair. Only who is ACTIVE may be seen with a virtual MAC, or a switch would send the
 *   frames for it to the wrong port.
 * A leg whose bridge is missing is left as it is; the other legs are still looked after.
 *
 * A port of Open vSwitch is made by that, not by us, and it is an offer first: an interface on the
 * host's side whose number Open vSwitch has told. It is taken inside, in the place of what is there
 * of its name: after Open vSwitch was started anew, that is the shell of the former port, which
 * has no carrier any more. */
#include "plan.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "hash.h"

static const char *const op_name[] = {
	[NET_OP_LO_UP] = "set the loopback up",
	[NET_OP_BLACKHOLE_ADD] = "add the route of last resort",
	[NET_OP_LEG_DELETE] = "delete what is left of a leg",
	[NET_OP_LEG_CREATE] = "create a leg",
	[NET_OP_LEG_SILENCE] = "silence a leg",
	[NET_OP_LEG_MTU] = "set the MTU of a leg",
	[NET_OP_LEG_ENSLAVE] = "attach a leg to its bridge",
	[NET_OP_LEG_VLAN] = "put a leg into its VLAN",
	[NET_OP_LEG_UP] = "set a leg up",
	[NET_OP_LINK_HOST] = "set up the controller's end of the host link",
	[NET_OP_LEG_MAC] = "set the MAC address of a leg",
	[NET_OP_LEG_IPV6_ON] = "switch on IPv6 on a leg",
	[NET_OP_LEG_IPV6_OFF] = "switch off IPv6 on a leg",
	[NET_OP_ADDR_ADD] = "add an address",
	[NET_OP_ADDR_DEL] = "delete an address",
	[NET_OP_ROUTE_ADD] = "set the default route",
	[NET_OP_ROUTE_DEL] = "delete the default route",
	[NET_OP_PATH_ADD] = "set a route",
	[NET_OP_PATH_DEL] = "delete a route",
	[NET_OP_RULE_ADD] = "add a rule for a source",
	[NET_OP_RULE_DEL] = "delete a rule for a source",
};

const char *net_op_name(enum net_op_kind k)
{
	return op_name[k];
}

void net_op_text(char out[static NET_OP_TEXT_MAX], const struct net_op *op,
		 const struct net_desired *d)
{
	bool of_all = op->kind == NET_OP_LO_UP || op->kind == NET_OP_BLACKHOLE_ADD ||
		      op->kind >= NET_OP_PATH_ADD;
	char addr[IP_PREFIX_STRLEN] = "", via[INET6_ADDRSTRLEN + 5] = "";

	if (op->kind == NET_OP_ADDR_ADD || op->kind == NET_OP_ADDR_DEL)
		ip_prefix_format(&op->addr, addr);
	else if (op->kind == NET_OP_ROUTE_ADD)
		ip_addr_format(&op->addr.addr, addr);
	else if (op->kind == NET_OP_RULE_ADD || op->kind == NET_OP_RULE_DEL)
		ip_prefix_format(&op->rule.from, addr);
	else if (op->kind == NET_OP_PATH_ADD || op->kind == NET_OP_PATH_DEL)
		ip_prefix_format(&op->path.to, addr);
	if (op->kind == NET_OP_PATH_ADD)
		ip_addr_format(&op->path.via, stpcpy(via, " via "));
	snprintf(out, NET_OP_TEXT_MAX, "%s (%s%s%s%s)", op_name[op->kind],
		 of_all ? d->namespace : d->leg[op->leg].ifname, *addr ? " " : "", addr, via);
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
		      (*name >= '0' && *name <= '9') || *name == '-' || *name == '_'))
			return false;
	return true;
}

/* One for each leg. */
static char letter(unsigned leg)
{
	static const char of[NET_SLOTS] = {'m', 'p', '1', '2', '3', '4', '5', '6', 'h'};

	return of[leg % NET_SLOTS];
}

bool net_has_host_end(const struct net_leg *l)
{
	return l->attach == NET_ATTACH_BRIDGE || l->attach == NET_ATTACH_HOST ||
	       (l->attach == NET_ATTACH_MACVLAN && l->vlan);
}

/* Else a hash of it does. */
static bool names_legs(const char *namespace)
{
	return strlen(namespace) + 2 < IFNAMSIZ && is_plain(namespace);
}

static uint64_t leg_hash(const char *namespace)
{
	return hash_text(namespace) >> 20;
}

void net_hostname(char out[static IFNAMSIZ], const char *namespace, unsigned leg)
{
	char end = letter(leg);

	if (names_legs(namespace))
		snprintf(out, IFNAMSIZ, "%.13s-%c", namespace, end);
	else
		snprintf(out, IFNAMSIZ, "vr%011llx-%c", (unsigned long long)leg_hash(namespace),
			 end);
}

/* Of a thousand routers each is compared with each: the names themselves are made where one could
 * be the other's hash. */
bool net_hostnames_equal(const char *a, const char *b)
{
	bool plain = names_legs(a);
	char x[IFNAMSIZ], y[IFNAMSIZ];

	if (plain == names_legs(b))
		return plain ? strcmp(a, b) == 0 : leg_hash(a) == leg_hash(b);
	net_hostname(x, a, 0);
	net_hostname(y, b, 0);
	return strcmp(x, y) == 0;
}

void net_own_link_local(struct ip_prefix *out, const char *router, unsigned leg)
{
	char name[NET_NAME_MAX + 2];
	uint64_t id;

	snprintf(name, sizeof(name), "%c%s", letter(leg), router);
	id = hash_text(name);
	*out = (struct ip_prefix){.addr = {AF_INET6, {0xfe, 0x80}}, .len = 64};
	for (unsigned i = 0; i < 8; i++)
		out->addr.b[8 + i] = (uint8_t)(id >> (8 * i));
	out->addr.b[8] &= 0xfd; /* made here, not by a manufacturer (RFC 4291 2.5.1) */
}

static const uint8_t virtual_prefix[] = {0x00, 0x00, 0x5e, 0x00};

void net_virtual_mac(uint8_t out[static NET_MAC_BYTES], uint8_t vrid, bool ipv6)
{
	memcpy(out, virtual_prefix, sizeof(virtual_prefix));
	out[4] = ipv6 ? 2 : 1;
	out[5] = vrid;
}

static bool is_virtual_mac(const uint8_t mac[static NET_MAC_BYTES])
{
	return memcmp(mac, virtual_prefix, sizeof(virtual_prefix)) == 0 &&
	       (mac[4] == 1 || mac[4] == 2);
}

static bool leg_wants_ipv6(const struct net_leg *l)
{
	for (unsigned i = 0; i < l->n_vips; i++)
		if (l->vip[i].addr.family == AF_INET6)
			return true;
	return false;
}

bool net_wants_ipv6(const struct net_desired *d)
{
	for (unsigned id = 0; id < net_legs(d); id++)
		if (leg_wants_ipv6(&d->leg[id]))
			return true;
	return false;
}

/* ---- plan ---- */

#define IPV6_MTU_MIN 1280 /* RFC 8200 5 */

static const uint8_t family_of[NET_FAMILIES] = {[NET_V4] = AF_INET, [NET_V6] = AF_INET6};

struct net_op *plan_add(struct net_plan *p, enum net_op_kind kind, unsigned leg)
{
	struct net_op *op = &p->op[p->n];

	/* lo; default routes; per leg its structure, MAC and IPv6, VIPs, and what is to be deleted;
	 * routes and rules, and those of them that are to be deleted */
	static_assert(1 + 2 * NET_FAMILIES + NET_SLOTS * (6 + 2 + NET_HELD_MAX + NET_ADDRS_MAX) +
				      2 * (NET_PATHS_MAX + NET_RULES_MAX) <=
			      NET_OPS_MAX,
		      "plan too small");
	p->n++;
	*op = (struct net_op){.kind = kind, .leg = leg};
	return op;
}

static void add_addr(struct net_plan *p, enum net_op_kind kind, unsigned leg,
		     const struct ip_prefix *addr)
{
	plan_add(p, kind, leg)->addr = *addr;
}

/* The first fault is the one that people read. */
__attribute__((format(printf, 2, 3))) static void fault(struct net_plan *p, const char *fmt, ...)
{
	va_list ap;

	if (p->fault[0])
		return;
	va_start(ap, fmt);
	vsnprintf(p->fault, sizeof(p->fault), fmt, ap);
	va_end(ap);
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

static bool has_addr(const struct net_leg_actual *l, const struct ip_prefix *p)
{
	for (unsigned i = 0; i < l->n_addrs; i++)
		if (same_prefix(&l->addrs[i], p))
			return true;
	return false;
}

static const char *const attach_name[] = {
	[NET_ATTACH_BRIDGE] = "bridge",
	[NET_ATTACH_MACVLAN] = "interface",
	[NET_ATTACH_OVS] = "Open vSwitch bridge",
	[NET_ATTACH_HOST] = "controller",
};

static unsigned mtu_of(const struct net_leg *d, const struct net_leg_actual *a)
{
	return d->mtu ? d->mtu : a->bridge_mtu;
}

/* On the host's side, and it is the real one. */
static bool is_offered(const struct net_leg *d, const struct net_leg_actual *a)
{
	return d->attach == NET_ATTACH_OVS && a->host_exists && d->port_ifindex &&
	       a->host_ifindex == d->port_ifindex;
}

/* What a leg is attached to. The same answer as check_leg(). */
static bool check_bridge(struct net_plan *p, const struct net_leg *d,
			 const struct net_leg_actual *a)
{
	if (!a->bridge_exists)
		fault(p, "%s %s does not exist", attach_name[d->attach], d->bridge);
	else if (d->attach == NET_ATTACH_BRIDGE && !a->bridge_is_bridge)
		fault(p, "%s is not a bridge", d->bridge);
	else if (d->attach == NET_ATTACH_BRIDGE && d->vlan && !a->bridge_filters)
		fault(p,
		      "bridge %s knows no VLANs, and %s is to be in VLAN %u: ip link set %s type "
		      "bridge vlan_filtering 1",
		      d->bridge, d->ifname, d->vlan, d->bridge);
	else if (d->attach == NET_ATTACH_MACVLAN && a->bridge_is_port)
		fault(p,
		      "interface %s is a port of a bridge or bond, so no macvlan can be on it: "
		      "attach %s to that one",
		      d->bridge, d->ifname);
	else if (d->attach == NET_ATTACH_MACVLAN && d->mtu > a->bridge_mtu)
		fault(p, "the MTU of %s is to be %u, and interface %s has %u only", d->ifname,
		      d->mtu, d->bridge, a->bridge_mtu);
	else
		return true;
	return false;
}

/* A port without carrier has nobody behind it any more. */
static bool check_port(struct net_plan *p, unsigned id, const struct net_leg *d,
		       const struct net_leg_actual *a)
{
	if (d->attach != NET_ATTACH_OVS || is_offered(d, a) ||
	    (a->exists && a->host_is_peer && (a->carrier || !a->up)))
		return true;
	fault(p, "Open vSwitch has no port %s in bridge %s", d->ifname, d->bridge);
	p->ports |= 1u << id;
	return false;
}

/* false: this leg cannot be built, and the plan says why. */
static bool check_leg(struct net_plan *p, unsigned id, const struct net_leg *d,
		      const struct net_leg_actual *a)
{
	if (d->attach == NET_ATTACH_OVS && !a->bridge_exists)
		p->ports |= 1u << id; /* who is asked for it knows more */
	if (!check_bridge(p, d, a) || !check_port(p, id, d, a))
		return false;
	if (net_has_host_end(d) && a->host_foreign)
		fault(p, "interface %s is needed for %s but is already used by something else",
		      d->hostname, d->ifname);
	else if (leg_wants_ipv6(d) && mtu_of(d, a) < IPV6_MTU_MIN)
		fault(p, "%s %s has an MTU of %u; IPv6 needs %u", attach_name[d->attach], d->bridge,
		      mtu_of(d, a), IPV6_MTU_MIN);
	else
		return true;
	return false;
}

/* That of an Open vSwitch bridge is of no account. */
static void check_up(struct net_plan *p, const struct net_leg *d, const struct net_leg_actual *a)
{
	if (!a->bridge_up && d->attach != NET_ATTACH_OVS)
		fault(p, "%s %s is down", attach_name[d->attach], d->bridge);
}

static void check_gateway(struct net_plan *p, const struct net_leg *l, const struct ip_addr *to)
{
	static const struct ip_prefix none;
	const struct ip_prefix *near = ip_prefix_around(l->vip, l->n_vips, to);
	const struct ip_prefix *any = ip_prefix_of_family(l->vip, l->n_vips, to->family);
	char gateway[INET6_ADDRSTRLEN], net[IP_PREFIX_STRLEN];

	if (!to->family)
		return;
	ip_addr_format(to, gateway);
	if (!near)
		fault(p, "gateway %s is not in the network of the public VIP %s", gateway,
		      ip_prefix_format(any ? any : &none, net));
	else if (ip_prefix_any_is(l->vip, l->n_vips, to))
		fault(p, "gateway %s is the public VIP itself", gateway);
}

static void plan_new_leg(struct net_plan *p, unsigned id, const struct net_leg *d,
			 const struct net_leg_actual *a)
{
	if (a->exists || (a->host_exists && net_has_host_end(d)))
		plan_add(p, NET_OP_LEG_DELETE, id);
	plan_add(p, NET_OP_LEG_CREATE, id)->mtu = mtu_of(d, a);
	if (d->attach == NET_ATTACH_BRIDGE)
		plan_add(p, NET_OP_LEG_ENSLAVE, id);
	if (d->attach == NET_ATTACH_BRIDGE && d->vlan)
		plan_add(p, NET_OP_LEG_VLAN, id);
	plan_add(p, NET_OP_LEG_UP, id);
}

/* Its port in a Linux bridge. */
static void plan_in_bridge(struct net_plan *p, unsigned id, const struct net_leg *d,
			   const struct net_leg_actual *a)
{
	bool elsewhere = a->host_master != a->bridge_ifindex;

	if (elsewhere)
		plan_add(p, NET_OP_LEG_ENSLAVE, id);
	if (d->vlan && (elsewhere || !a->vlan_is_set))
		plan_add(p, NET_OP_LEG_VLAN, id);
}

/* Structure of one leg. True: it is a new one, so nothing of its old addresses and routes is left.
 */
static bool plan_leg(struct net_plan *p, unsigned id, const struct net_leg *d,
		     const struct net_leg_actual *a)
{
	bool ends = net_has_host_end(d);
	unsigned mtu = mtu_of(d, a);

	if (!a->exists || !a->host_is_peer || (ends && !a->host_exists) || is_offered(d, a) ||
	    a->vlan_is_left) {
		plan_new_leg(p, id, d, a);
		return true;
	}
	if (!a->silent || (ends && !a->host_silent))
		plan_add(p, NET_OP_LEG_SILENCE, id);
	if (a->mtu != mtu || (ends && a->host_mtu != mtu))
		plan_add(p, NET_OP_LEG_MTU, id)->mtu = mtu;
	if (d->attach == NET_ATTACH_BRIDGE)
		plan_in_bridge(p, id, d, a);
	if (!a->up || (ends && !a->host_up))
		plan_add(p, NET_OP_LEG_UP, id);
	return false;
}

static bool is_ours(const struct net_actual *a, const struct net_route *r)
{
	const struct net_leg_actual *l = &a->leg[NET_PUBLIC];

	return r->exists && l->exists && r->ifindex == l->ifindex;
}

static void plan_route_del(struct net_plan *p, const struct net_actual *a, enum net_family f)
{
	if (is_ours(a, &a->route[f]))
		plan_add(p, NET_OP_ROUTE_DEL, NET_PUBLIC)->addr.addr.family = family_of[f];
}

static bool is_wanted(const struct net_leg *l, const struct ip_prefix *addr)
{
	for (unsigned i = 0; i < l->n_vips; i++)
		if (same_prefix(&l->vip[i], addr))
			return true;
	return false;
}

/* Addresses on our legs are ours: what is neither a VIP nor wanted now is drift. */
static void plan_addr_del(struct net_plan *p, const struct net_desired *d,
			  const struct net_actual *a, bool active, const bool fresh[NET_SLOTS])
{
	for (unsigned id = net_legs(d); id-- > 0;) {
		const struct net_leg_actual *l = &a->leg[id];

		for (unsigned i = 0; !fresh[id] && i < l->n_addrs; i++)
			if (!active || !is_wanted(&d->leg[id], &l->addrs[i]))
				add_addr(p, NET_OP_ADDR_DEL, id, &l->addrs[i]);
	}
}

/* Takes from a leg what only an ACTIVE's has, or what it should not have in any role. */
static void plan_leg_plain(struct net_plan *p, unsigned id, const struct net_leg_actual *a,
			   bool keep_ipv6, bool keep_mac)
{
	if (!keep_ipv6 && a->ipv6)
		plan_add(p, NET_OP_LEG_IPV6_OFF, id);
	if (!keep_mac && a->exists && is_virtual_mac(a->mac))
		plan_add(p, NET_OP_LEG_MAC, id);
}

/* The order that addresses are added in. IPv4 does not wait for IPv6, and that not for itself: a
 * packet that is to be forwarded while there is no link-local address stands still for a second,
 * for the kernel cannot ask for its next hop, and takes the question for lost. */
enum addr_rank { LINK_LOCAL, IPV4, IPV6 };

static enum addr_rank rank_of(const struct ip_addr *a)
{
	return a->family == AF_INET ? IPV4 : ip_addr_is_link_local(a) ? LINK_LOCAL : IPV6;
}

static void plan_addr_add(struct net_plan *p, const struct net_desired *d,
			  const struct net_actual *a, const bool fresh[NET_SLOTS],
			  enum addr_rank rank)
{
	for (unsigned id = 0; id < net_legs(d); id++) {
		const struct net_leg *l = &d->leg[id];

		for (unsigned i = 0; i < l->n_vips; i++)
			if (rank_of(&l->vip[i].addr) == rank &&
			    (fresh[id] || !has_addr(&a->leg[id], &l->vip[i])))
				add_addr(p, NET_OP_ADDR_ADD, id, &l->vip[i]);
	}
}

static void plan_leg_active(struct net_plan *p, const struct net_desired *d, unsigned id,
			    const struct net_leg_actual *a, bool fresh)
{
	if (d->virtual_mac && (fresh || memcmp(a->mac, d->mac, sizeof(d->mac)) != 0))
		memcpy(plan_add(p, NET_OP_LEG_MAC, id)->mac, d->mac, sizeof(d->mac));
	if (leg_wants_ipv6(&d->leg[id]) && (fresh || !a->ipv6))
		plan_add(p, NET_OP_LEG_IPV6_ON, id);
}

static void plan_route(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
		       enum net_family f, bool fresh)
{
	const struct ip_addr *gateway = &d->gateway[f];
	/* A leg that goes down loses its routes. */
	bool lost = fresh || !a->leg[NET_PUBLIC].up || !is_ours(a, &a->route[f]);

	if (gateway->family && (lost || !ip_addr_equal(&a->route[f].via, gateway)))
		plan_add(p, NET_OP_ROUTE_ADD, NET_PUBLIC)->addr.addr = *gateway;
	else if (!gateway->family && !fresh)
		plan_route_del(p, a, f);
}

static void plan_active(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
			const bool fresh[NET_SLOTS])
{
	for (unsigned id = 0; id < net_legs(d); id++)
		plan_leg_active(p, d, id, &a->leg[id], fresh[id]);
	plan_addr_add(p, d, a, fresh, LINK_LOCAL);
	plan_addr_add(p, d, a, fresh, IPV4);
	plan_route(p, d, a, NET_V4, fresh[NET_PUBLIC]);
	plan_addr_add(p, d, a, fresh, IPV6);
	plan_route(p, d, a, NET_V6, fresh[NET_PUBLIC]);
	plan_paths_add(p, d, a, fresh);
	plan_paths_del(p, d, a);
	plan_addr_del(p, d, a, true, fresh);
	for (unsigned id = 0; id < net_legs(d); id++)
		if (!fresh[id])
			plan_leg_plain(p, id, &a->leg[id], leg_wants_ipv6(&d->leg[id]),
				       d->virtual_mac);
}

static void plan_leave(struct net_plan *p, const struct net_desired *d, const struct net_actual *a)
{
	static const bool fresh[NET_SLOTS];

	for (unsigned f = 0; f < NET_FAMILIES; f++)
		plan_route_del(p, a, (enum net_family)f);
	plan_paths_del(p, d, a);
	plan_addr_del(p, d, a, false, fresh);
	for (unsigned id = 0; id < net_legs(d); id++)
		plan_leg_plain(p, id, &a->leg[id], false, false);
}

static void plan_last_resort(struct net_plan *p, const struct net_desired *d,
			     const struct net_actual *a)
{
	for (unsigned f = 0; f < NET_FAMILIES; f++)
		if (!a->blackhole[f] && (f == NET_V4 || net_wants_ipv6(d)))
			plan_add(p, NET_OP_BLACKHOLE_ADD, NET_MANAGEMENT)->addr.addr.family =
				family_of[f];
}

/* The host link is there in every role, and also beside legs that are missing. */
static void plan_link(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
		      bool fresh[static NET_SLOTS])
{
	const struct net_leg *l = &d->leg[NET_HOST_LINK];
	const struct net_leg_actual *is = &a->leg[NET_HOST_LINK];
	bool ready = is->host_ready;

	p->link_blocked = net_wants_link(d) && is->host_foreign;
	if (!net_wants_link(d) && is->host_exists && !is->host_foreign)
		plan_add(p, NET_OP_LEG_DELETE, NET_HOST_LINK);
	if (!net_wants_link(d) || p->link_blocked)
		return;
	fresh[NET_HOST_LINK] = plan_leg(p, NET_HOST_LINK, l, is);
	if (fresh[NET_HOST_LINK] || !ready)
		plan_add(p, NET_OP_LINK_HOST, NET_HOST_LINK);
	if (leg_wants_ipv6(l) && (fresh[NET_HOST_LINK] || !is->ipv6))
		plan_add(p, NET_OP_LEG_IPV6_ON, NET_HOST_LINK);
	for (unsigned i = 0; i < l->n_vips; i++)
		if (fresh[NET_HOST_LINK] || !has_addr(is, &l->vip[i]))
			add_addr(p, NET_OP_ADDR_ADD, NET_HOST_LINK, &l->vip[i]);
	for (unsigned i = 0; !fresh[NET_HOST_LINK] && i < is->n_addrs; i++)
		if (!is_wanted(l, &is->addrs[i]))
			add_addr(p, NET_OP_ADDR_DEL, NET_HOST_LINK, &is->addrs[i]);
}

static void check(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
		  bool buildable[static NET_LEGS_MAX])
{
	for (unsigned id = 0; id < net_legs(d); id++)
		buildable[id] = check_leg(p, id, &d->leg[id], &a->leg[id]);
	for (unsigned id = 0; id < net_legs(d); id++)
		if (buildable[id])
			check_up(p, &d->leg[id], &a->leg[id]);
	for (unsigned f = 0; f < NET_FAMILIES; f++)
		check_gateway(p, &d->leg[NET_PUBLIC], &d->gateway[f]);
}

void net_plan(struct net_plan *out, const struct net_desired *d, const struct net_actual *a)
{
	bool buildable[NET_LEGS_MAX], fresh[NET_SLOTS] = {false};
	struct net_desired standby;

	out->n = out->ports = 0;
	out->fault[0] = '\0';
	check(out, d, a, buildable);
	if (d->active && out->fault[0]) {
		standby = *d;
		standby.active = false;
		d = &standby;
	}
	if (!d->active)
		plan_leave(out, d, a);
	if (!a->lo_up)
		plan_add(out, NET_OP_LO_UP, NET_MANAGEMENT);
	plan_last_resort(out, d, a);
	for (unsigned id = 0; id < net_legs(d); id++)
		if (buildable[id])
			fresh[id] = plan_leg(out, id, &d->leg[id], &a->leg[id]);
	plan_link(out, d, a, fresh);
	if (d->active)
		plan_active(out, d, a, fresh);
	else
		plan_paths_add(out, d, a, fresh);
}

/* ---- announcements ---- */

/* The first at once; again before TCP's shortest retransmission (200 ms) should the first be lost
 * in a full queue; the later ones are for switches whose ports open late and for peers that were
 * restarting. */
static const uint64_t burst_ms[] = {0, 20, 100, 500, 1000, 2000};

uint64_t announce_due_ms(unsigned n, uint64_t refresh_ms)
{
	unsigned last = ARRAY_LEN(burst_ms) - 1;

	if (n <= last)
		return burst_ms[n];
	if (!refresh_ms || refresh_ms > (UINT64_MAX - burst_ms[last]) / (n - last))
		return UINT64_MAX;
	return burst_ms[last] + (n - last) * refresh_ms;
}
