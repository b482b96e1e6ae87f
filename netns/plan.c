/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to change so that the network of a router becomes what the configuration wants: desired
 * x actual -> an ordered list of operations, or a fault. Pure.
 *
 * Orders that matter:
 * - promotion: addresses, then the default route (which needs the public network), then what is
 *   left of old addresses; so the new VIP is there before the old one goes and the last address of
 *   a leg, with which the kernel drops every route of it, never goes in between;
 * - demotion and faults: the default route, then the addresses, before any other repair.
 * A leg whose bridge is missing is left as it is; the other leg is still looked after. */
#include "vrouter/netns.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char *const op_name[] = {
	[NET_OP_LO_UP] = "set the loopback up",
	[NET_OP_BLACKHOLE_ADD] = "add the route of last resort",
	[NET_OP_LEG_DELETE] = "delete what is left of a leg",
	[NET_OP_LEG_CREATE] = "create a leg",
	[NET_OP_LEG_SILENCE] = "silence a leg",
	[NET_OP_LEG_MTU] = "set the MTU of a leg",
	[NET_OP_LEG_ENSLAVE] = "attach a leg to its bridge",
	[NET_OP_LEG_UP] = "set a leg up",
	[NET_OP_ADDR_ADD] = "add an address",
	[NET_OP_ADDR_DEL] = "delete an address",
	[NET_OP_ROUTE_ADD] = "set the default route",
	[NET_OP_ROUTE_DEL] = "delete the default route",
};

const char *net_op_name(enum net_op_kind k)
{
	return op_name[k];
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
		      (*name >= '0' && *name <= '9') || *name == '-' || *name == '_'))
			return false;
	return true;
}

/* FNV-1a: names and texts of our own making only, nobody chooses them to collide. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	return h;
}

void net_hostname(char out[static IFNAMSIZ], const char *namespace, enum net_leg_id leg)
{
	char end = leg == NET_MANAGEMENT ? 'm' : 'p';

	if (strlen(namespace) + 2 < IFNAMSIZ && is_plain(namespace))
		snprintf(out, IFNAMSIZ, "%.13s-%c", namespace, end);
	else
		snprintf(out, IFNAMSIZ, "vr%011llx-%c", (unsigned long long)(hash(namespace) >> 20),
			 end);
}

/* ---- plan ---- */

static struct net_op *add(struct net_plan *p, enum net_op_kind kind, enum net_leg_id leg)
{
	struct net_op *op = &p->op[p->n];

	/* lo, last resort, 5 per leg, a VIP per leg, NET_ADDRS_MAX to delete per leg, the route */
	static_assert(2 + NET_LEGS * (5 + 1 + NET_ADDRS_MAX) + 1 <= NET_OPS_MAX, "plan too small");
	p->n++;
	*op = (struct net_op){.kind = kind, .leg = leg};
	return op;
}

static void add_addr(struct net_plan *p, enum net_op_kind kind, enum net_leg_id leg,
		     const struct ip_prefix *addr)
{
	add(p, kind, leg)->addr = *addr;
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

/* false: this leg cannot be built, and the plan says why. */
static bool check_leg(struct net_plan *p, const struct net_leg *d, const struct net_leg_actual *a)
{
	if (!a->bridge_exists)
		fault(p, "bridge %s does not exist", d->bridge);
	else if (!a->bridge_is_bridge)
		fault(p, "%s is not a bridge", d->bridge);
	else if (a->host_foreign)
		fault(p, "interface %s is needed for %s but is already used by something else",
		      d->hostname, d->ifname);
	else
		return true;
	return false;
}

static void check_gateway(struct net_plan *p, const struct net_desired *d)
{
	const struct ip_prefix *vip = &d->leg[NET_PUBLIC].vip;
	char gateway[INET6_ADDRSTRLEN], net[IP_PREFIX_STRLEN];

	if (!d->gateway.family)
		return;
	ip_addr_format(&d->gateway, gateway);
	if (!ip_prefix_contains(vip, &d->gateway))
		fault(p, "gateway %s is not in the network of the public VIP %s", gateway,
		      ip_prefix_format(vip, net));
	else if (ip_addr_equal(&vip->addr, &d->gateway))
		fault(p, "gateway %s is the public VIP itself", gateway);
}

/* Structure of one leg. True: it is a new one, so nothing of its old addresses and routes is left.
 */
static bool plan_leg(struct net_plan *p, enum net_leg_id id, const struct net_leg_actual *a)
{
	if (!a->exists || !a->host_exists || !a->host_is_peer) {
		if (a->exists || a->host_exists)
			add(p, NET_OP_LEG_DELETE, id);
		add(p, NET_OP_LEG_CREATE, id)->mtu = a->bridge_mtu;
		add(p, NET_OP_LEG_ENSLAVE, id);
		add(p, NET_OP_LEG_UP, id);
		return true;
	}
	if (!a->silent || !a->host_silent)
		add(p, NET_OP_LEG_SILENCE, id);
	if (a->mtu != a->bridge_mtu || a->host_mtu != a->bridge_mtu)
		add(p, NET_OP_LEG_MTU, id)->mtu = a->bridge_mtu;
	if (a->host_master != a->bridge_ifindex)
		add(p, NET_OP_LEG_ENSLAVE, id);
	if (!a->up || !a->host_up)
		add(p, NET_OP_LEG_UP, id);
	return false;
}

static bool default_is_ours(const struct net_actual *a)
{
	const struct net_leg_actual *l = &a->leg[NET_PUBLIC];

	return a->default_route && l->exists && a->default_ifindex == l->ifindex;
}

/* Addresses on our legs are ours: what is neither the VIP nor wanted now is drift. */
static void plan_addr_del(struct net_plan *p, const struct net_desired *d,
			  const struct net_actual *a, bool active, const bool fresh[NET_LEGS])
{
	for (unsigned id = NET_LEGS; id-- > 0;) {
		const struct net_leg_actual *l = &a->leg[id];

		for (unsigned i = 0; !fresh[id] && i < l->n_addrs; i++)
			if (!active || !same_prefix(&l->addrs[i], &d->leg[id].vip))
				add_addr(p, NET_OP_ADDR_DEL, (enum net_leg_id)id, &l->addrs[i]);
	}
}

static void plan_active(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
			const bool fresh[NET_LEGS])
{
	const struct net_leg_actual *pub = &a->leg[NET_PUBLIC];

	for (unsigned id = 0; id < NET_LEGS; id++)
		if (fresh[id] || !has_addr(&a->leg[id], &d->leg[id].vip))
			add_addr(p, NET_OP_ADDR_ADD, (enum net_leg_id)id, &d->leg[id].vip);

	/* A leg that goes down loses its routes. */
	bool lost = fresh[NET_PUBLIC] || !pub->up || !default_is_ours(a);

	if (d->gateway.family && (lost || !ip_addr_equal(&a->default_via, &d->gateway)))
		add(p, NET_OP_ROUTE_ADD, NET_PUBLIC)->addr = (struct ip_prefix){.addr = d->gateway};
	else if (!d->gateway.family && !fresh[NET_PUBLIC] && default_is_ours(a))
		add(p, NET_OP_ROUTE_DEL, NET_PUBLIC);
	plan_addr_del(p, d, a, true, fresh);
}

void net_plan(struct net_plan *out, const struct net_desired *d, const struct net_actual *a)
{
	bool buildable[NET_LEGS], fresh[NET_LEGS] = {false};

	out->n = 0;
	out->fault[0] = '\0';
	for (unsigned id = 0; id < NET_LEGS; id++)
		buildable[id] = check_leg(out, &d->leg[id], &a->leg[id]);
	for (unsigned id = 0; id < NET_LEGS; id++)
		if (buildable[id] && !a->leg[id].bridge_up)
			fault(out, "bridge %s is down", d->leg[id].bridge);
	check_gateway(out, d);

	bool active = d->active && !out->fault[0];

	if (!active) {
		if (default_is_ours(a))
			add(out, NET_OP_ROUTE_DEL, NET_PUBLIC);
		plan_addr_del(out, d, a, false, fresh);
	}
	if (!a->lo_up)
		add(out, NET_OP_LO_UP, NET_MANAGEMENT);
	if (!a->blackhole)
		add(out, NET_OP_BLACKHOLE_ADD, NET_MANAGEMENT);
	for (unsigned id = 0; id < NET_LEGS; id++)
		if (buildable[id])
			fresh[id] = plan_leg(out, (enum net_leg_id)id, &a->leg[id]);
	if (active)
		plan_active(out, d, a, fresh);
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

/* ---- NAT and filter ---- */

struct text {
	char *buf;
	size_t cap, len; /* len counts what did not fit, too */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	size_t left = t->len < t->cap ? t->cap - t->len : 0;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(left ? t->buf + t->len : NULL, left, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
}

/* Without NAT the router only routes: no state is needed to carry on a flow, so none is asked for.
 */
static void put_forward(struct text *t, const struct net_desired *d)
{
	if (d->nat == NET_NAT_NONE)
		return;
	put(t,
	    "\tchain forward {\n"
	    "\t\ttype filter hook forward priority filter; policy accept;\n"
	    /* would leave untranslated, or belongs to a flow whose entry is still on its way */
	    "\t\tct state invalid counter drop\n"
	    "\t\tiifname \"%s\" ct state new counter drop\n"
	    "\t}\n",
	    d->leg[NET_PUBLIC].ifname);
}

/* A packet of a live flow that this controller does not know must never be answered by the local
 * stack: a RST or an ICMP unreachable kills what a retransmission, some milliseconds later, would
 * have saved. With nf_conntrack_tcp_loose = 0 such TCP is "invalid"; the flags rule says the same
 * without depending on it. */
static void put_input(struct text *t, const struct net_desired *d)
{
	const char *pub = d->leg[NET_PUBLIC].ifname;

	put(t,
	    "\tchain input {\n"
	    "\t\ttype filter hook input priority filter; policy accept;\n"
	    "\t\tiifname \"lo\" accept\n"
	    "\t\tct state invalid counter drop\n"
	    "\t\ttcp flags & (fin | syn | rst | ack) != syn ct state new counter drop\n"
	    "\t\tiifname \"%s\" ct state established,related accept\n"
	    "\t\tiifname \"%s\" icmp type echo-request accept\n"
	    "\t\tiifname \"%s\" counter drop\n"
	    "\t}\n",
	    pub, pub, pub);
}

static void put_nat(struct text *t, const struct net_desired *d)
{
	const char *random = d->nat_random ? " fully-random" : "";
	char vip[INET6_ADDRSTRLEN];

	if (d->nat == NET_NAT_NONE)
		return;
	put(t,
	    "\tchain postrouting {\n"
	    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
	    "\t\tiifname \"%s\" oifname \"%s\" ",
	    d->leg[NET_MANAGEMENT].ifname, d->leg[NET_PUBLIC].ifname);
	if (d->nat == NET_NAT_MASQUERADE)
		put(t, "masquerade%s\n", random);
	else
		put(t, "snat ip to %s%s\n", ip_addr_format(&d->leg[NET_PUBLIC].vip.addr, vip),
		    random);
	put(t, "\t}\n");
}

/* nft takes '*' as a wildcard and '"' as the end; such names are refused rather than escaped. */
static bool is_ifname(const char *name)
{
	size_t n = strcspn(name, "*\"\\ \t\n{};#");

	return n > 0 && !name[n];
}

size_t nat_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	char body[2048], router[NET_NAME_MAX];
	struct text b = {body, sizeof(body), 0}, t = {buf, cap, 0};

	for (unsigned id = 0; id < NET_LEGS; id++)
		if (!is_ifname(d->leg[id].ifname))
			return 0;
	snprintf(router, sizeof(router), "%s", d->router);
	for (char *c = router; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '_';
	put_forward(&b, d);
	put_input(&b, d);
	put_nat(&b, d);
	put(&t,
	    "add table " NAT_TABLE "\n"
	    "delete table " NAT_TABLE "\n"
	    "table " NAT_TABLE " {\n"
	    "\tcomment \"vrouterd %s %016llx\"\n%s}\n",
	    router, (unsigned long long)hash(body), body);
	return t.len;
}
