/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and rules of ours, but for the default routes through the gateways: read, set, deleted. */
#include "rtnl.h"

#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

/* ---- routes -----------------------------------------------------------------------------------
 */

static struct ip_prefix prefix_of(struct nl_addr *a, int family)
{
	struct ip_prefix p = {.addr = {.family = (uint8_t)family}};

	if (!a || !nl_addr_get_prefixlen(a))
		return p;
	p.addr = rtnl_from_nl(a);
	p.len = (uint8_t)nl_addr_get_prefixlen(a);
	return p;
}

void rtnl_read_path(struct nl_object *route, struct net_actual *out)
{
	struct rtnl_route *r = (struct rtnl_route *)route;
	struct net_path p;

	if (rtnl_route_get_protocol(r) != NET_PROTOCOL || out->n_paths == NET_PATHS_MAX)
		return;
	p = (struct net_path){.to = prefix_of(rtnl_route_get_dst(r), rtnl_route_get_family(r)),
			      .table = rtnl_route_get_table(r),
			      .metric = rtnl_route_get_priority(r)};
	if (rtnl_route_get_nnexthops(r) == 1) {
		struct rtnl_nexthop *hop = rtnl_route_nexthop_n(r, 0);

		p.ifindex = (unsigned)rtnl_route_nh_get_ifindex(hop);
		p.via = rtnl_from_nl(rtnl_route_nh_get_gateway(hop));
	}
	out->path[out->n_paths++] = p;
}

static int set_hop(struct rtnl_route *r, const struct ip_addr *via, unsigned ifindex)
{
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *to = rtnl_to_nl(via, (unsigned)ip_addr_size(via) * 8);

	if (!hop || !to) {
		if (hop)
			rtnl_route_nh_free(hop);
		nl_addr_put(to);
		return -NLE_NOMEM;
	}
	rtnl_route_nh_set_ifindex(hop, (int)ifindex);
	rtnl_route_nh_set_gateway(hop, to);
	rtnl_route_add_nexthop(r, hop); /* the route's now */
	nl_addr_put(to);
	return 0;
}

static int build_path(struct nl_msg **out, const struct net_op *op, unsigned ifindex)
{
	const struct net_path *p = &op->path;
	struct rtnl_route *r = rtnl_route_alloc();
	struct nl_addr *to = rtnl_to_nl(&p->to.addr, p->to.len);
	bool adds = op->kind == NET_OP_PATH_ADD;
	int err = r && to ? rtnl_route_set_dst(r, to) : -NLE_NOMEM;

	if (err == 0) {
		rtnl_route_set_table(r, p->table);
		rtnl_route_set_protocol(r, NET_PROTOCOL);
		rtnl_route_set_scope(r, RT_SCOPE_UNIVERSE);
		rtnl_route_set_priority(r, p->metric);
	}
	if (err == 0 && p->via.family && (adds || p->ifindex))
		err = set_hop(r, &p->via, adds ? ifindex : p->ifindex);
	if (err == 0)
		err = adds ? rtnl_route_build_add_request(r, NLM_F_CREATE | NLM_F_REPLACE, out)
			   : rtnl_route_build_del_request(r, 0, out);
	nl_addr_put(to);
	rtnl_route_put(r);
	return err;
}

/* ---- addresses and default routes ---------------------------------------------------------------
 */

static int build_addr(struct nl_msg **out, const struct net_op *op, unsigned ifindex)
{
	struct rtnl_addr *r = rtnl_addr_alloc();
	struct nl_addr *local = rtnl_to_nl(&op->addr.addr, op->addr.len);
	int err = -NLE_NOMEM;

	if (r && local) {
		rtnl_addr_set_ifindex(r, (int)ifindex);
		err = rtnl_addr_set_local(r, local);
	}
	if (err == 0)
		err = op->kind == NET_OP_ADDR_ADD ? rtnl_addr_build_add_request(r, 0, out)
						  : rtnl_addr_build_delete_request(r, 0, out);
	nl_addr_put(local);
	rtnl_addr_put(r);
	return err;
}

/* A default route of the main table, without where it leads. */
static struct rtnl_route *default_route(uint8_t family, uint8_t type, uint32_t prio)
{
	const struct ip_addr any = {.family = family};
	struct rtnl_route *r = rtnl_route_alloc();
	struct nl_addr *dst = rtnl_to_nl(&any, 0);

	if (r && dst && rtnl_route_set_dst(r, dst) == 0 && rtnl_route_set_type(r, type) == 0) {
		rtnl_route_set_table(r, RT_TABLE_MAIN);
		rtnl_route_set_protocol(r, RTPROT_STATIC);
		rtnl_route_set_scope(r, RT_SCOPE_UNIVERSE);
		rtnl_route_set_priority(r, prio);
	} else {
		rtnl_route_put(r);
		r = NULL;
	}
	nl_addr_put(dst);
	return r;
}

int rtnl_add_last_resort(struct nl_sock *inside, uint8_t family)
{
	struct rtnl_route *r = default_route(family, RTN_BLACKHOLE, RTNL_LAST_RESORT);
	int err = r ? rtnl_route_add(inside, r, NLM_F_EXCL) : -NLE_NOMEM;

	rtnl_route_put(r);
	return err == -NLE_EXIST ? 0 : rtnl_errno(err);
}

int rtnl_del_last_resort(struct nl_sock *inside, uint8_t family)
{
	struct rtnl_route *r = default_route(family, RTN_BLACKHOLE, RTNL_LAST_RESORT);
	int err = r ? rtnl_route_delete(inside, r, 0) : -NLE_NOMEM;

	rtnl_route_put(r);
	/* OPNOTSUPP: a kernel without IPv6 */
	return err == -NLE_OBJ_NOTFOUND || err == -NLE_OPNOTSUPP ? 0 : rtnl_errno(err);
}

static int build_default(struct nl_msg **out, const struct net_op *op, unsigned ifindex)
{
	uint8_t family = op->addr.addr.family;
	struct rtnl_route *r = default_route(family, RTN_UNICAST, rtnl_usual_metric(family));
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *via = NULL;
	int err = -NLE_NOMEM;

	if (op->kind == NET_OP_ROUTE_ADD)
		via = rtnl_to_nl(&op->addr.addr, (unsigned)ip_addr_size(&op->addr.addr) * 8);
	if (r && hop && (via || op->kind == NET_OP_ROUTE_DEL)) {
		rtnl_route_nh_set_ifindex(hop, (int)ifindex);
		if (via)
			rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_add_nexthop(r, hop);
		hop = NULL; /* the route's now */
		err = via ? rtnl_route_build_add_request(r, NLM_F_CREATE | NLM_F_REPLACE, out)
			  : rtnl_route_build_del_request(r, 0, out);
	}
	nl_addr_put(via);
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(r);
	return err;
}

int rtnl_build(struct nl_msg **out, const struct net_op *op, unsigned ifindex)
{
	if (op->kind == NET_OP_ADDR_ADD || op->kind == NET_OP_ADDR_DEL)
		return build_addr(out, op, ifindex);
	if (op->kind == NET_OP_ROUTE_ADD || op->kind == NET_OP_ROUTE_DEL)
		return build_default(out, op, ifindex);
	return build_path(out, op, ifindex);
}

/* ---- rules ------------------------------------------------------------------------------------
 */

static void read_rule(struct nl_object *obj, void *arg)
{
	struct rtnl_rule *r = (struct rtnl_rule *)obj;
	struct net_actual *out = arg;
	uint8_t protocol = 0;

	if (rtnl_rule_get_protocol(r, &protocol) < 0 || protocol != NET_PROTOCOL ||
	    out->n_rules == NET_RULES_MAX)
		return;
	out->rule[out->n_rules++] =
		(struct net_rule){.from = prefix_of(rtnl_rule_get_src(r), rtnl_rule_get_family(r)),
				  .table = rtnl_rule_get_table(r),
				  .prio = rtnl_rule_get_prio(r)};
}

int rtnl_read_rules(struct nl_sock *inside, struct net_actual *out)
{
	static const int family[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < ARRAY_LEN(family); i++) {
		struct nl_cache *rules;
		int err = rtnl_rule_alloc_cache(inside, family[i], &rules);

		/* a kernel without IPv6 */
		if (err == -NLE_OPNOTSUPP || err == -NLE_AF_NOSUPPORT)
			continue;
		if (err < 0)
			return rtnl_errno(err);
		nl_cache_foreach(rules, read_rule, out);
		nl_cache_free(rules);
	}
	return 0;
}

int rtnl_change_rule(struct nl_sock *inside, const struct net_op *op)
{
	const struct net_rule *rule = &op->rule;
	struct rtnl_rule *r = rtnl_rule_alloc();
	struct nl_addr *from = rtnl_to_nl(&rule->from.addr, rule->from.len);
	bool adds = op->kind == NET_OP_RULE_ADD;
	int err = -NLE_NOMEM;

	if (r && from) {
		rtnl_rule_set_family(r, rule->from.addr.family);
		rtnl_rule_set_prio(r, rule->prio);
		rtnl_rule_set_table(r, rule->table);
		rtnl_rule_set_action(r, FR_ACT_TO_TBL);
		rtnl_rule_set_protocol(r, NET_PROTOCOL);
		err = rtnl_rule_set_src(r, from);
	}
	if (err == 0)
		err = adds ? rtnl_rule_add(inside, r, NLM_F_EXCL) : rtnl_rule_delete(inside, r, 0);
	if ((adds && err == -NLE_EXIST) || (!adds && err == -NLE_OBJ_NOTFOUND))
		err = 0;
	nl_addr_put(from);
	rtnl_rule_put(r);
	return rtnl_errno(err);
}
