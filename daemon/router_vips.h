/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VIPs of a router that are chosen (vip = "auto"): what vrouter/reserve.h decides is carried out
 * here. Until they are agreed on the router stays in INIT, or is in FAULT with what is missing;
 * afterwards it is like any other one, but that they are watched while it is ACTIVE. */
#ifndef DAEMON_ROUTER_VIPS_H
#define DAEMON_ROUTER_VIPS_H

#include "router_priv.h"

struct vips_slot {
	struct router *r;
	unsigned i;
	/* of the candidate; of the VIP while ACTIVE; NULL: none */
	struct net_probe *probe;
};

struct router_vips {
	bool pending; /* not agreed on yet */
	struct reserve reserve;
	struct reserve_search search;
	struct vips_slot slot[RESERVE_MAX];
	struct event *timer;
	struct reserve_set saved; /* in the file */
	struct reserve_word told; /* to replication */
	bool exhausted;
	unsigned exhausted_slot;
	char why[LIFE_REASON_MAX]; /* it is pending, as the role machine knows it */
	bool failed;		   /* the same, as a fault */

	bool watching;
	uint64_t active_ms, first_ms, heard_ms; /* of somebody who has a VIP, too */
	struct router_vips_stats stats;
};

/* router_vips_watch.c */
void vips_slots_close(struct router_vips *v);
must_check int vips_slot_ask(struct vips_slot *s, const struct ip_addr *addr,
			     enum net_probe_for what,
			     void (*on_heard)(void *ctx, const uint8_t mac[static NET_MAC_BYTES]));
void vips_watch_tick(struct router *r);
/* Of the set, or of part of it: "10.20.0.12, 198.18.0.7". */
const char *vips_text(const struct reserve_set *set, char *buf, size_t cap);

#endif
