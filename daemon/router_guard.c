/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard (guard.h) is told of a router. It is armed right after the VIPs came up, for that
 * is what must not wait, and disarmed when they are gone. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "guard.h"
#include "router_priv.h"
#include "vrouter/log.h"

struct look {
	const struct net_desired *net;
	struct guard_orders *orders;
};

/* Inside of the namespace: a route socket, and where the VIPs are. */
static int open_route(void *arg)
{
	struct look *l = arg;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	for (unsigned i = 0; fd >= 0 && i < NET_LEGS; i++) {
		const struct net_leg *leg = &l->net->leg[i];
		unsigned ifindex = if_nametoindex(leg->ifname);

		for (unsigned k = 0; k < leg->n_vips; k++) {
			unsigned n = l->orders->n_vips++;

			l->orders->vip[n].addr = leg->vip[k];
			l->orders->vip[n].ifindex = ifindex;
		}
		l->orders->virtual_mac[i] = l->net->virtual_mac ? ifindex : 0;
	}
	return fd < 0 ? -errno : fd;
}

/* With one controller nobody succeeds it: its VIPs stay for the daemon that is started next. */
static bool is_guarded(const struct router *r)
{
	return r->env->guard && r->conf.election.mode != CONF_ELECTION_SINGLE;
}

void router_guard_arm(struct router *r)
{
	struct guard_orders o = {.n_vips = 0};
	struct net_desired net;
	struct look look = {.net = &net, .orders = &o};
	int route, vrrp = -1;

	if (!is_guarded(r) || !life_wants_vips(&r->life))
		return;
	conf_net_desired(&net, &r->conf, true);
	snprintf(o.router, sizeof(o.router), "%s", r->conf.name);
	route = netns_run(r->ns, open_route, &look);
	if (route < 0) {
		log_warn("router", r->conf.name, "cannot arm the guard: %s", strerror(-route));
		return;
	}
	if (r->vrrp)
		vrrp = vrrp_io_resignation(r->vrrp, &o.resignation);
	guard_arm(r->env->guard, &o, route, vrrp);
	close(route);
}

void router_guard_disarm(struct router *r)
{
	if (is_guarded(r))
		guard_disarm(r->env->guard, r->conf.name);
}
