/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the options of nat and of port forwards fit together, and to the legs. Pure. */
#include <string.h>

#include "conf_check.h"

#define BURST_SECONDS_MAX 600 /* a burst is full again within that time */

struct check {
	const struct conf *c;
	const struct conf_router *r;
	struct conf_errors *errors;
};

#define FAIL(k, at, fmt, ...)                                                                      \
	conf_error((k)->errors, (k)->c->path, (at) ? (at) : (k)->r->line, "router \"%s\": " fmt,   \
		   (k)->r->name, __VA_ARGS__)

static const char *const mode_name[] = {"none", "snat", "masquerade"};

static const struct ip_prefix *vip_of(const struct check *k, unsigned leg, int family)
{
	return ip_prefix_of_family(k->r->leg[leg].vip, k->r->leg[leg].n_vips, family);
}

static bool touches(const struct ip_range *r, const struct ip_prefix *p)
{
	const struct ip_range net = ip_range_of(p);

	return ip_range_overlap(r, &net);
}

/* ---- where to translate to ---------------------------------------------------------------------
 */

static const char *range_is_bad(const struct check *k, const struct ip_range *r)
{
	const struct conf_leg *p = &k->r->leg[NET_PUBLIC];

	if (!ip_addr_is_host(&r->first) || !ip_addr_is_host(&r->last) ||
	    ip_addr_is_link_local(&r->first) || ip_addr_is_link_local(&r->last))
		return "has addresses that nobody can have";
	if (!vip_of(k, NET_PUBLIC, r->first.family))
		return "there is no public vip of its IP version, so nothing can be routed to it";
	for (unsigned id = 0; id < conf_legs(k->r); id++)
		for (unsigned i = 0; id != NET_PUBLIC && i < k->r->leg[id].n_vips; i++)
			if (touches(r, &k->r->leg[id].vip[i]))
				return id == NET_MANAGEMENT
					       ? "is in the network of the management vip"
					       : "is in the network of the vip of a further leg";
	for (unsigned i = 0; i < p->n_vips; i++) {
		struct ip_prefix first = {.addr = r->first, .len = p->vip[i].len};
		struct ip_prefix last = {.addr = r->last, .len = p->vip[i].len};

		if (!touches(r, &p->vip[i]) || ip_addr_is_link_local(&p->vip[i].addr))
			continue;
		if (!ip_prefix_contains(&p->vip[i], &r->first) ||
		    !ip_prefix_contains(&p->vip[i], &r->last))
			return "is in the network of the public vip in part";
		if (!ip_prefix_is_host(&first) || !ip_prefix_is_host(&last))
			return "has the first or last address of the public vip's network";
	}
	for (unsigned i = 0; i < k->r->n_gateways; i++)
		if (ip_range_contains(r, &k->r->gateway[i]))
			return "has the gateway in it";
	return NULL;
}

static void check_pool(const struct check *k)
{
	const struct conf_nat *n = &k->r->nat_more;
	struct ip_prefix held[NAT_HELD_MAX];
	char a[IP_RANGE_STRLEN], b[IP_RANGE_STRLEN];
	unsigned count;

	if (n->rules.n_pool && k->r->nat != NET_NAT_SNAT) {
		FAIL(k, n->addresses_line,
		     "nat: addresses: mode \"%s\" does not choose among addresses; allowed: with "
		     "mode \"snat\"",
		     mode_name[k->r->nat]);
		return;
	}
	for (unsigned i = 0; i < n->rules.n_pool; i++) {
		const struct ip_range *r = &n->rules.pool[i];
		const char *why = range_is_bad(k, r);

		ip_range_format(r, a);
		if (why)
			FAIL(k, n->addresses_line,
			     "nat: addresses: \"%s\": %s; allowed: free hosts of the public vip's "
			     "network, or addresses that others route to the vip",
			     a, why);
		for (unsigned j = 0; j < i; j++)
			if (ip_range_overlap(r, &n->rules.pool[j]))
				FAIL(k, n->addresses_line,
				     "nat: addresses: \"%s\" overlaps \"%s\"; allowed: each "
				     "address once",
				     a, ip_range_format(&n->rules.pool[j], b));
	}
	count = conf_nat_held(held, k->r);
	if (count > NAT_HELD_MAX)
		FAIL(k, n->addresses_line,
		     "nat: addresses: more than %d addresses (with those of forwards) of the "
		     "public vip's network; allowed: at most %d there, and any number that others "
		     "route to the vip",
		     NAT_HELD_MAX, NAT_HELD_MAX);
}

/* ---- who, and how much -------------------------------------------------------------------------
 */

static void check_numbers(const struct check *k)
{
	const struct conf_nat *n = &k->r->nat_more;
	const struct nat_rules *r = &n->rules;

	if (r->ports.first && k->r->nat == NET_NAT_NONE)
		FAIL(k, n->ports_line,
		     "nat: port-range: mode \"%s\" translates nothing; allowed: "
		     "with mode \"snat\" or \"masquerade\"",
		     mode_name[k->r->nat]);
	if (r->persistent && k->r->nat != NET_NAT_SNAT)
		FAIL(k, n->persistent_line,
		     "nat: persistent: mode \"%s\" does not choose among addresses; allowed: with "
		     "mode \"snat\"",
		     mode_name[k->r->nat]);
	if (r->new_flows_burst && !r->new_flows)
		FAIL(k, n->burst_line,
		     "nat: new-flow-burst = %u: there is no limit; allowed: with new-flow-limit",
		     r->new_flows_burst);
	else if (r->new_flows_burst > BURST_SECONDS_MAX * (uint64_t)r->new_flows)
		FAIL(k, n->burst_line,
		     "nat: new-flow-burst = %u: would not be full again within %d seconds; "
		     "allowed: at most %d times new-flow-limit",
		     r->new_flows_burst, BURST_SECONDS_MAX, BURST_SECONDS_MAX);
}

static void check_nets(const struct check *k, int line, const char *option,
		       const struct ip_prefix *net, unsigned n)
{
	char a[IP_PREFIX_STRLEN], b[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (ip_prefix_overlap(&net[i], &net[j]))
				FAIL(k, line, "%s: \"%s\" overlaps \"%s\"; allowed: networks apart",
				     option, ip_prefix_format(&net[i], a),
				     ip_prefix_format(&net[j], b));
}

/* ---- port forwards -----------------------------------------------------------------------------
 */

static const char *target_is_bad(const struct check *k, const struct ip_addr *to)
{
	bool reached = false;

	if (!ip_addr_is_host(to) || ip_addr_is_link_local(to))
		return "is no address that a host can have";
	for (unsigned id = 0; id < conf_legs(k->r); id++) {
		const struct conf_leg *l = &k->r->leg[id];
		bool outside = id == NET_PUBLIC || l->outside;

		if (ip_prefix_any_is(l->vip, l->n_vips, to))
			return "is the router itself";
		if (outside && ip_prefix_around(l->vip, l->n_vips, to))
			return id == NET_PUBLIC ? "is on the public side" : "is on an outside leg";
		reached = reached || (!outside && vip_of(k, id, to->family));
	}
	return reached ? NULL : "there is no management vip of its IP version";
}

static const char *address_is_bad(const struct check *k, const struct nat_forward *f)
{
	const struct ip_addr *a = &f->address;

	if (!vip_of(k, NET_PUBLIC, f->to.addr.family))
		return "there is no public vip of the target's IP version";
	if (!a->family)
		return NULL;
	if (a->family != f->to.addr.family)
		return "is of another IP version than the target";
	if (!ip_addr_is_host(a) || ip_addr_is_link_local(a))
		return "is no address that a host can have";
	for (unsigned id = 0; id < conf_legs(k->r); id++)
		if (id != NET_PUBLIC &&
		    ip_prefix_around(k->r->leg[id].vip, k->r->leg[id].n_vips, a))
			return id == NET_MANAGEMENT
				       ? "is in the network of the management vip"
				       : "is in the network of the vip of a further leg";
	for (unsigned i = 0; i < k->r->n_gateways; i++)
		if (ip_addr_equal(&k->r->gateway[i], a))
			return "is the gateway";
	return NULL;
}

/* Of a forward whose address is fine. */
static const struct ip_addr *address_of(const struct check *k, const struct nat_forward *f)
{
	const struct ip_prefix *vip = vip_of(k, NET_PUBLIC, f->to.addr.family);

	return f->address.family || !vip ? &f->address : &vip->addr;
}

static bool share_protocol(const struct nat_forward *a, const struct nat_forward *b)
{
	for (unsigned i = 0; i < a->n_protocols; i++)
		for (unsigned j = 0; j < b->n_protocols; j++)
			if (a->protocol[i] == b->protocol[j])
				return true;
	return false;
}

static bool share_source(const struct nat_forward *a, const struct nat_forward *b)
{
	if (!a->n_from || !b->n_from)
		return true;
	for (unsigned i = 0; i < a->n_from; i++)
		for (unsigned j = 0; j < b->n_from; j++)
			if (ip_prefix_overlap(&a->from[i], &b->from[j]))
				return true;
	return false;
}

static bool clash(const struct check *k, const struct nat_forward *a, const struct nat_forward *b)
{
	return ip_addr_equal(address_of(k, a), address_of(k, b)) && share_protocol(a, b) &&
	       a->port.first <= b->port.last && b->port.first <= a->port.last && share_source(a, b);
}

static void check_from(const struct check *k, const struct nat_forward *f)
{
	char option[NAT_NAME_MAX + 32], buf[IP_PREFIX_STRLEN];

	snprintf(option, sizeof(option), "forward \"%s\": from", f->name);
	check_nets(k, f->from_line, option, f->from, f->n_from);
	for (unsigned i = 0; i < f->n_from; i++)
		if (f->from[i].addr.family != f->to.addr.family)
			FAIL(k, f->from_line,
			     "%s: \"%s\": is of another IP version than the target; allowed: "
			     "networks of that one",
			     option, ip_prefix_format(&f->from[i], buf));
}

static void check_forward(const struct check *k, const struct nat_forward *f)
{
	const char *to = target_is_bad(k, &f->to.addr), *at = to ? NULL : address_is_bad(k, f);
	char buf[INET6_ADDRSTRLEN];

	if (to)
		FAIL(k, f->to_line,
		     "forward \"%s\": to: %s %s; allowed: a host behind the management leg",
		     f->name, ip_addr_format(&f->to.addr, buf), to);
	if (at)
		FAIL(k, f->address_line ? f->address_line : f->line,
		     "forward \"%s\": address: %s%s%s; allowed: a public vip, a free host of its "
		     "network, or an address that others route to it",
		     f->name, f->address.family ? ip_addr_format(&f->address, buf) : "",
		     f->address.family ? " " : "", at);
	if (f->n_protocols == 2 && f->protocol[0] == f->protocol[1])
		FAIL(k, f->line, "forward \"%s\": protocol: is listed twice; allowed: each once",
		     f->name);
	check_from(k, f);
}

static void check_clashes(const struct check *k, unsigned i)
{
	const struct nat_forward *f = k->r->nat_more.rules.forward;
	char buf[INET6_ADDRSTRLEN];

	for (unsigned j = 0; j < i; j++)
		if (clash(k, &f[i], &f[j]))
			FAIL(k, f[i].port_line,
			     "forward \"%s\": port: %u-%u of %s is forward \"%s\"'s, too (line "
			     "%d); allowed: other ports, another address, or from networks apart",
			     f[i].name, f[i].port.first, f[i].port.last,
			     ip_addr_format(address_of(k, &f[i]), buf), f[j].name, f[j].line);
}

void conf_nat_check(const struct conf *c, const struct conf_router *r, struct conf_errors *errors)
{
	const struct check k = {.c = c, .r = r, .errors = errors};
	const struct conf_nat *n = &r->nat_more;

	check_pool(&k);
	check_numbers(&k);
	check_nets(&k, n->sources_line, "nat: sources", n->rules.source, n->rules.n_sources);
	for (unsigned i = 0; i < n->rules.n_forwards; i++) {
		check_forward(&k, &n->rules.forward[i]);
		check_clashes(&k, i);
	}
}

/* ---- two routers -------------------------------------------------------------------------------
 */

static void check_taken(const struct check *k, const struct ip_prefix *mine, unsigned n,
			const struct conf_router *other, const struct ip_prefix *its, unsigned m)
{
	char buf[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < n; i++)
		if (ip_prefix_any_is(its, m, &mine[i].addr))
			FAIL(k, k->r->nat_more.addresses_line,
			     "nat: addresses, forwards: %s is router \"%s\"'s, too, on bridge "
			     "\"%s\"; allowed: an address of its own",
			     ip_addr_format(&mine[i].addr, buf), other->name,
			     k->r->leg[NET_PUBLIC].bridge);
}

void conf_nat_check_pair(const struct conf *c, const struct conf_router *a,
			 const struct conf_router *b, struct conf_errors *errors)
{
	const struct check of_a = {.c = c, .r = a, .errors = errors};
	const struct check of_b = {.c = c, .r = b, .errors = errors};
	const struct conf_leg *x = &a->leg[NET_PUBLIC], *y = &b->leg[NET_PUBLIC];
	struct ip_prefix held_a[NAT_HELD_MAX], held_b[NAT_HELD_MAX];
	unsigned n, m;

	if (!(a->nat_more.rules.n_pool || a->nat_more.rules.n_forwards ||
	      b->nat_more.rules.n_pool || b->nat_more.rules.n_forwards) ||
	    !conf_leg_same_wire(x, y))
		return;
	n = conf_nat_held(held_a, a);
	m = conf_nat_held(held_b, b);
	n = n < NAT_HELD_MAX ? n : NAT_HELD_MAX;
	m = m < NAT_HELD_MAX ? m : NAT_HELD_MAX;
	check_taken(&of_b, held_b, m, a, held_a, n);
	check_taken(&of_b, held_b, m, a, x->vip, x->n_vips);
	check_taken(&of_a, held_a, n, b, y->vip, y->n_vips);
}
