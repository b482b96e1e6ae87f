/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static routes of an ACTIVE, the ways through the host link, and rules for sources that have ways
 * of their own. All of them carry NET_PROTOCOL, and what carries it and is not wanted is deleted;
 * what others made is never touched. Pure.
 *
 * The host link's default route is the last but one: worse than every other, better than the one of
 * last resort. So whatever an ACTIVE has wins, and while it has nothing only the filter (which lets
 * nothing out there but the router's own) is between a node's packet and the controller; dropped
 * there, it vanishes as in the route of last resort. */
#include "plan.h"

#include <assert.h>
#include <string.h>

#define METRIC_LINK (UINT32_MAX - 1) /* the worst but for the route of last resort */
/* Before the kernel's table "main"; the more specific of two sources first. */
#define RULE_PRIO 11800
#define BITS_MAX  128

static uint32_t usual_metric(int family)
{
	return family == AF_INET6 ? 1024 : 0; /* IP6_RT_PRIO_USER, or none */
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

/* ---- what there is to be ----------------------------------------------------------------------
 */

/* Sources have numbers by their first routes. 0: from everybody. */
static unsigned source_of(const struct net_desired *d, unsigned route)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= route; i++) {
		const struct ip_prefix *from = &d->route[i].from;
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again = again || same_prefix(&d->route[k].from, from);
		n += from->addr.family && !again;
		if (i < route && from->addr.family && same_prefix(from, &d->route[route].from))
			return n;
	}
	return d->route[route].from.addr.family ? n : 0;
}

static unsigned put_link_paths(struct net_path *out, const struct net_desired *d)
{
	unsigned n = 0;

	for (unsigned f = 0; f < NET_FAMILIES; f++) {
		const struct ip_addr *end = &d->link_end[f].addr;
		struct net_path p = {
			.to = {.addr = {.family = end->family}}, .via = *end, .leg = NET_HOST_LINK};

		if (!end->family)
			continue;
		p.table = NET_LINK_TABLE;
		p.metric = usual_metric(end->family);
		out[n++] = p;
		p.table = NET_TABLE_MAIN;
		p.metric = METRIC_LINK;
		if (d->link_default)
			out[n++] = p;
		for (unsigned i = 0; !d->active && i < d->n_others; i++) {
			p.to = d->other[i];
			if (p.to.addr.family == end->family)
				out[n++] = p;
		}
	}
	return n;
}

unsigned net_paths(struct net_path out[static NET_PATHS_MAX], const struct net_desired *d)
{
	unsigned n = net_wants_link(d) ? put_link_paths(out, d) : 0;

	static_assert(2 * NET_FAMILIES + NET_OTHERS_MAX + NET_STATICS_MAX <= NET_PATHS_MAX,
		      "too few paths");
	for (unsigned i = 0; d->active && i < d->n_routes; i++) {
		const struct net_static *r = &d->route[i];
		unsigned source = source_of(d, i);

		out[n++] = (struct net_path){.to = r->to,
					     .via = r->via,
					     .leg = r->leg,
					     .table = source ? NET_FROM_TABLE + source - 1
							     : NET_TABLE_MAIN,
					     .metric = usual_metric(r->via.family)};
	}
	return n;
}

static struct net_rule rule(const struct ip_prefix *from, uint32_t table)
{
	return (struct net_rule){
		.from = *from, .table = table, .prio = RULE_PRIO + BITS_MAX - from->len};
}

unsigned net_rules(struct net_rule out[static NET_RULES_MAX], const struct net_desired *d)
{
	const struct net_leg *l = &d->leg[NET_HOST_LINK];
	unsigned n = 0, known = 0;

	static_assert(NET_FAMILIES + NET_STATICS_MAX <= NET_RULES_MAX, "too few rules");
	for (unsigned i = 0; net_wants_link(d) && i < l->n_vips; i++) {
		struct ip_prefix from = {l->vip[i].addr,
					 (uint8_t)(ip_addr_size(&l->vip[i].addr) * 8)};

		out[n++] = rule(&from, NET_LINK_TABLE);
	}
	for (unsigned i = 0; d->active && i < d->n_routes; i++) {
		unsigned source = source_of(d, i);

		if (source > known) {
			out[n++] = rule(&d->route[i].from, NET_FROM_TABLE + source - 1);
			known = source;
		}
	}
	return n;
}

/* ---- the difference ---------------------------------------------------------------------------
 */

/* What the kernel takes for one route: it is replaced by another way to there. */
static bool same_place(const struct net_path *a, const struct net_path *b)
{
	return a->table == b->table && a->metric == b->metric && same_prefix(&a->to, &b->to);
}

static bool same_rule(const struct net_rule *a, const struct net_rule *b)
{
	return a->table == b->table && a->prio == b->prio && same_prefix(&a->from, &b->from);
}

static bool is_there(const struct net_actual *a, const struct net_path *want)
{
	for (unsigned i = 0; i < a->n_paths; i++)
		if (same_place(&a->path[i], want) && ip_addr_equal(&a->path[i].via, &want->via) &&
		    a->path[i].ifindex == a->leg[want->leg].ifindex)
			return true;
	return false;
}

/* Not where there is nothing that it could lead through. */
static bool can_be(const struct net_plan *p, const struct net_path *want)
{
	return want->leg != NET_HOST_LINK || !p->link_blocked;
}

static bool has_rule(const struct net_rule *list, unsigned n, const struct net_rule *want)
{
	for (unsigned i = 0; i < n; i++)
		if (same_rule(&list[i], want))
			return true;
	return false;
}

/* Rules behind the routes that they lead to. */
void plan_paths_add(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
		    const bool fresh[static NET_SLOTS])
{
	struct net_path path[NET_PATHS_MAX];
	struct net_rule rules[NET_RULES_MAX];
	unsigned n = net_paths(path, d), n_rules = net_rules(rules, d);

	for (unsigned i = 0; i < n; i++) {
		unsigned leg = path[i].leg;
		/* A leg that goes down loses its routes. */
		bool lost = fresh[leg] || !a->leg[leg].up || !is_there(a, &path[i]);

		if (lost && can_be(p, &path[i]))
			plan_add(p, NET_OP_PATH_ADD, leg)->path = path[i];
	}
	for (unsigned i = 0; i < n_rules; i++)
		if (!has_rule(a->rule, a->n_rules, &rules[i]))
			plan_add(p, NET_OP_RULE_ADD, NET_MANAGEMENT)->rule = rules[i];
}

void plan_paths_del(struct net_plan *p, const struct net_desired *d, const struct net_actual *a)
{
	struct net_path path[NET_PATHS_MAX];
	struct net_rule rules[NET_RULES_MAX];
	unsigned n = net_paths(path, d), n_rules = net_rules(rules, d);

	for (unsigned i = 0; i < a->n_rules; i++)
		if (!has_rule(rules, n_rules, &a->rule[i]))
			plan_add(p, NET_OP_RULE_DEL, NET_MANAGEMENT)->rule = a->rule[i];
	for (unsigned i = 0; i < a->n_paths; i++) {
		bool wanted = false;

		for (unsigned k = 0; k < n; k++)
			wanted = wanted || same_place(&path[k], &a->path[i]);
		if (!wanted)
			plan_add(p, NET_OP_PATH_DEL, NET_MANAGEMENT)->path = a->path[i];
	}
}
