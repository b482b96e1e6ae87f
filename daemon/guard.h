/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: a small process that outlives the core by a moment. While a router is ACTIVE it holds
 * what it takes to leave: a route socket inside of the namespace, the VIPs, the election's socket
 * and the packet that resigns. When the pair to the core closes, however the core ended (SIGKILL,
 * abort, a bug), it resigns and withdraws the VIPs of every router that is armed, and ends. So a
 * successor need not wait until silence is noticed, and no address has two holders.
 *
 * It decides nothing and parses nothing but the core's own messages. When it dies first, the core
 * starts it again and arms it anew. */
#ifndef DAEMON_GUARD_H
#define DAEMON_GUARD_H

#include "spawn.h"
#include "vrouter/netns.h"
#include "vrouter/vrrp.h"

struct event_base;
struct guard;

struct guard_orders {
	char router[NET_NAME_MAX];
	struct {
		struct ip_prefix addr;
		unsigned ifindex; /* inside of the namespace */
	} vip[(NET_VIPS_MAX + 1) * NET_LEGS];
	unsigned n_vips;
	unsigned virtual_mac[NET_LEGS]; /* ifindex of legs to take a virtual MAC from; 0: none */
	struct vrrp_resignation resignation; /* n 0: no election of our own */
};

/* on_up: a guard that knows nothing yet is there; from the event loop. base, ctx are borrowed. 0 or
 * -errno. */
must_check int guard_new(struct guard **out, struct event_base *base, const struct spawn_opts *opts,
			 void (*on_up)(void *ctx), void *ctx);
/* What is armed is withdrawn. NULL is allowed. */
void guard_free(struct guard *g);
pid_t guard_pid(const struct guard *g); /* 0: none just now */
unsigned guard_restarts(const struct guard *g);

/* route_fd: a NETLINK_ROUTE socket inside of the namespace; vrrp_fd: for the resignation, or -1.
 * The guard gets copies. */
void guard_arm(struct guard *g, const struct guard_orders *o, int route_fd, int vrrp_fd);
void guard_disarm(struct guard *g, const char *router);

/* main() of the process: "vrouterd --guard". An exit status. */
int guard_main(bool realtime);

#endif
