/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: what the kernel tells of the namespaces of all routers, by one set of sockets.
 */
#ifndef NETNS_HUB_H
#define NETNS_HUB_H

#include "ns.h"

struct event_base;
struct hub;

/* A socket for each, so that much of the one loses nothing of the others. */
enum hub_side {
	HUB_NET,   /* links, addresses, routes, routing rules */
	HUB_RULES, /* of nftables */
	HUB_NEIGH,
	HUB_SIDES
};

/* Borrowed while it is joined; what is above the line is the caller's to set. */
struct hub_client {
	unsigned hears; /* bits: 1 << enum hub_side */
	/* nh NULL: something was lost, nobody knows what. Cheap, and joins or leaves nobody. */
	void (*on_message)(struct hub_client *c, enum hub_side side, struct nlmsghdr *nh);
	/* It is due, see hub_due(). May leave. */
	void (*serve)(struct hub_client *c);
	/* ---- */
	struct hub_client *next, *prev; /* of its slot */
	struct hub_client *next_due, *prev_due;
	int id; /* of its namespace */
	bool waits;
	uint64_t due_ms, served_ms;
};

/* 0 or -errno. base is borrowed. */
must_check int hub_new(struct hub **out, struct event_base *base);
void hub_free(struct hub *h); /* behind the last client; NULL is allowed */
/* 0 or -errno. */
must_check int hub_join(struct hub *h, struct hub_client *c, struct netns *ns);
void hub_leave(struct hub *h, struct hub_client *c); /* also if it did not join */
/* serve() comes in so long, not more than 20 times a second, and when it is this one's turn. One
 * that waits already stays where it is, unless this is sooner. */
void hub_due(struct hub *h, struct hub_client *c, uint64_t settle_ms);
/* What waits now, as far as that is little. */
void hub_read(struct hub *h, enum hub_side side);
/* Something in a namespace is about to be changed by ourselves. */
void hub_own(struct hub *h);
const struct net_heard *hub_heard(const struct hub *h);

#endif
