/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: a small process that outlives the core. While a router is ACTIVE it holds what it
 * takes to leave: a route socket inside of the namespace, the VIPs, the election's socket and the
 * packet that resigns. When the pair to the core closes, however the core ended (SIGKILL, abort, a
 * bug), it does what the router's `crash` says:
 *
 *  - withdraw: it resigns and takes the VIPs away. So a successor need not wait until silence is
 *    noticed, and no address has two holders.
 *  - adopt: it stands in for the core (guard_standin.c): advertises, and holds replication's
 *    process, until the next core has taken both over from it, for a bounded time.
 *
 * It parses the core's own messages, and while it stands in advertisements. When it dies first, the
 * core starts it again and arms it anew. */
#ifndef DAEMON_GUARD_H
#define DAEMON_GUARD_H

#include "guard_wire.h"
#include "spawn.h"
#include "vrouter/flow.h"
#include "vrouter/netns.h"
#include "vrouter/vrrp_standin.h"

struct event_base;
struct guard;

/* VIPs, a link-local one of each leg, and what is translated on the public one. */
#define GUARD_VIPS_MAX (FLOW_LOCALS_MAX + NET_LEGS_MAX + NAT_HELD_MAX)

/* Those through the gateways, and the static ones. */
#define GUARD_ROUTES_MAX (NET_FAMILIES + NET_STATICS_MAX)

/* A VIP, or a route that only an ACTIVE has. */
struct guard_item {
	struct ip_prefix prefix;
	unsigned ifindex; /* inside of the namespace */
	uint32_t table;	  /* of a route */
};
#define GUARD_ITEMS_MAX (GUARD_VIPS_MAX + GUARD_ROUTES_MAX)

struct guard_orders {
	struct guard_role role;
	unsigned leg[NET_LEGS_MAX]; /* ifindex */
	unsigned n_legs, n_vips, n_routes;
	bool virtual_mac; /* to be taken from the legs */
	/* Of routers that share an election, id_of() its name; 0: none. One of them has it (a
	 * vrrp_fd, and what it takes to use it); the others follow that one. */
	uint32_t group;
	unsigned adopt_s; /* crash = "adopt": at most that long; 0: withdraw */
	/* VIPs, then routes; last, so that the guard keeps as many as there are. */
	struct guard_item item[GUARD_ITEMS_MAX];
};

/* on_up: a guard that knows nothing yet is there; from the event loop. base, ctx are borrowed. 0 or
 * -errno. */
must_check int guard_new(struct guard **out, struct event_base *base, const struct spawn_opts *opts,
			 void (*on_up)(void *ctx), void *ctx);
/* What is armed is withdrawn. NULL is allowed. */
void guard_free(struct guard *g);
pid_t guard_pid(const struct guard *g); /* 0: none just now */
unsigned guard_restarts(const struct guard *g);

/* route_fd: a NETLINK_ROUTE socket inside of the namespace; vrrp_fd: for the election, with what is
 * to be said there; or -1: none of our own. The guard gets copies. */
void guard_arm(struct guard *g, const struct guard_orders *o, int route_fd,
	       const struct vrrp_standin *standin, int vrrp_fd);
void guard_disarm(struct guard *g, const char *router);
/* What every router that is adopted needs: the socket where the next core comes to, and, if there
 * is one (else -1), replication's pair and the pidfd of its process. listener -1: none is adopted
 * any more. The guard gets copies. */
struct guard_hold {
	int listener, sync, sync_pidfd;
	uint64_t sync_id;
};
void guard_hold(struct guard *g, const struct guard_hold *h);

/* RUN-DIR/guard.sock. A new listener in the place of what is there, and a connection to the guard
 * that stands in. The descriptor (SOCK_SEQPACKET, the listener non-blocking) or -errno. */
must_check int guard_socket_listen(const char *run_dir);
must_check int guard_socket_connect(const char *run_dir);
void guard_socket_remove(const char *run_dir);

/* main() of the process: "vrouterd --guard". An exit status. */
int guard_main(bool realtime);

#endif
