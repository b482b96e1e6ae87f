/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard (guard.h) is told of a router. It is armed right after the VIPs came up, for that
 * is what must not wait, and disarmed when they are gone. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "guard.h"
#include "router_group.h"
#include "vrouter/log.h"

struct look {
	const struct net_desired *net;
	struct guard_orders *orders;
};

static void add_route(struct look *l, const struct ip_prefix *to, uint32_t table, unsigned leg)
{
	unsigned n = l->orders->n_vips + l->orders->n_routes++;

	l->orders->item[n] =
		(struct guard_item){.prefix = *to, .table = table, .ifindex = l->orders->leg[leg]};
}

static void add_routes(struct look *l)
{
	struct net_path path[NET_PATHS_MAX];
	unsigned n = net_paths(path, l->net);

	for (unsigned i = 0; i < n; i++)
		if (path[i].leg != NET_HOST_LINK)
			add_route(l, &path[i].to, path[i].table, path[i].leg);
	for (unsigned f = 0; f < NET_FAMILIES; f++)
		if (l->net->gateway[f].family)
			add_route(
				l,
				&(struct ip_prefix){.addr = {.family = l->net->gateway[f].family}},
				NET_TABLE_MAIN, NET_PUBLIC);
}

/* Inside of the namespace: a route socket, and where the VIPs are. */
static int open_route(void *arg)
{
	struct look *l = arg;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	for (unsigned i = 0; fd >= 0 && i < net_legs(l->net); i++) {
		const struct net_leg *leg = &l->net->leg[i];
		unsigned ifindex = if_nametoindex(leg->ifname);

		for (unsigned k = 0; k < leg->n_vips; k++) {
			l->orders->item[l->orders->n_vips++] =
				(struct guard_item){.prefix = leg->vip[k], .ifindex = ifindex};
		}
		l->orders->leg[i] = ifindex;
	}
	l->orders->n_legs = net_legs(l->net);
	add_routes(l);
	l->orders->virtual_mac = l->net->virtual_mac;
	return fd < 0 ? -errno : fd;
}

/* With one controller nobody succeeds it: its VIPs stay for the daemon that is started next. */
static bool is_guarded(const struct router *r)
{
	return r->env->guard && r->conf.election.mode != CONF_ELECTION_SINGLE;
}

/* Who is about to leave is not to be kept. */
static unsigned adopt_s(const struct router *r)
{
	return r->conf.crash == CONF_CRASH_ADOPT && r->life.state == LIFE_ACTIVE
		       ? r->conf.adopt_timeout_s
		       : 0;
}

/* The election's socket, or -1. */
static int tell_election(const struct router *r, struct guard_orders *o,
			 struct vrrp_standin *standin)
{
	if (!r->vrrp || !router_group_carries(r))
		return -1;
	/* keys are only for who may need them */
	if (o->adopt_s && vrrp_io_standin(r->vrrp, standin) >= 0)
		o->role.boosted = standin->boosted;
	return vrrp_io_resignation(r->vrrp, &standin->resignation);
}

static void tell_role(const struct router *r, struct guard_role *role)
{
	snprintf(role->router, sizeof(role->router), "%s", r->conf.name);
	role->id = conf_router_id(&r->conf);
	role->term = r->life.term;
	role->since_ms = r->since_ms;
	role->had_table = r->life.had_table;
}

/* What may change while it is armed. */
static struct router_guarded guarded_now(const struct router *r)
{
	bool carries = r->vrrp && router_group_carries(r);
	const struct vrrp_inst *v = carries ? vrrp_io_inst(r->vrrp) : NULL;

	return (struct router_guarded){.armed = true,
				       .adopt_s = adopt_s(r),
				       .priority = carries ? router_group_bid(r) : 0,
				       .term = r->life.term,
				       .since_ms = r->since_ms,
				       .had_table = r->life.had_table,
				       .boosted = v && v->boosted,
				       .blind = v && v->blind};
}

void router_guard_arm(struct router *r)
{
	struct guard_orders o = {.n_vips = 0};
	struct vrrp_standin standin = {.family = 0};
	struct net_desired net;
	struct look look = {.net = &net, .orders = &o};
	int route, vrrp;

	if (!is_guarded(r) || !life_wants_vips(&r->life))
		return;
	conf_net_desired(&net, &r->conf, true);
	route = netns_run(r->ns, open_route, &look);
	if (route < 0) {
		log_warn("router", r->conf.name, "cannot arm the guard: %s", strerror(-route));
		return;
	}
	tell_role(r, &o.role);
	o.group = r->group ? id_of(r->conf.election.group) : 0;
	router_group_carry(r);
	o.adopt_s = adopt_s(r);
	vrrp = tell_election(r, &o, &standin);
	guard_arm(r->env->guard, &o, route, &standin, vrrp);
	vrrp_standin_forget(&standin);
	r->guarded = guarded_now(r);
	close(route);
}

void router_guard_refresh(struct router *r)
{
	const struct router_guarded now = guarded_now(r), *told = &r->guarded;

	if (told->armed && (now.adopt_s != told->adopt_s || now.term != told->term ||
			    now.priority != told->priority || now.since_ms != told->since_ms ||
			    now.had_table != told->had_table || now.boosted != told->boosted ||
			    now.blind != told->blind))
		router_guard_arm(r);
}

void router_guard_disarm(struct router *r)
{
	r->guarded.armed = false;
	if (is_guarded(r))
		guard_disarm(r->env->guard, r->conf.name);
	router_group_put_down(r);
}
