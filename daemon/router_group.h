/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group of a router, if it is in one: shared by router.c and the files around it. Without a
 * group each of these says of the router alone. */
#ifndef DAEMON_ROUTER_GROUP_H
#define DAEMON_ROUTER_GROUP_H

#include "router_priv.h"

/* Joins the group that the configuration names, and makes it if it is the first. 0 or -errno. */
must_check int router_group_join(struct router *r, const struct vrrp_io_cfg *cfg);
void router_group_leave(struct router *r);
/* Something about the router is another than it was. */
void router_group_look(struct router *r);
/* What is to be shown of the group. */
void router_group_view(const struct router *r, struct router_view *out);
/* What the election bids, with the weights of what fails. */
uint8_t router_group_bid(const struct router *r);

/* For all of them one asks, and has the alarms and the fence. */
struct router *router_group_lead(struct router *r);
/* One sends heartbeats, or expects them: the same one on all controllers. */
bool router_group_is_first(const struct router *r);
/* One resigns for all when the core dies: r, if there was none yet. */
void router_group_carry(struct router *r);
bool router_group_carries(const struct router *r);
/* r has no VIPs any more. */
void router_group_put_down(struct router *r);

/* A command, for all; its answer comes when the last one's has. */
void router_group_command(struct router *r, bool promote, bool force, uint64_t request);
void router_group_answer(struct router *r, bool ok, const char *text);
/* One that bids more asks for the role. */
void router_group_wanted(struct router *r, const char *why);

#endif
