/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tracking: what else has to be well for this controller to be a good ACTIVE. Each track is judged
 * by samples; as many as it takes in a row make it fail, or be well again. While it fails its
 * weight is added to the VRRP priority, or, without a weight, it is a fault. Pure.
 *
 * Two kinds of trouble are not the track's, and are kept away from it:
 *  - What the daemon itself changes (legs, their ports, routes that come and go with the role) may
 *    look broken for a moment: for TRACK_QUIET_MS after a change of its own, failed samples of such
 *    a track do not count (rule.ours).
 *  - Some things only an ACTIVE can judge, as a STANDBY is silent and has neither addresses nor
 *    routes (rule.active_only). One that failed and cost the role cannot be judged any more; taken
 *    for well at once, it would bring the role back, fail again, and so on for ever. So it stays
 *    failed for a time, which doubles each time until it was well in between, and at most
 *    TRACK_HOLD_FACTOR-fold. Signs of life that a STANDBY gets for nothing end it sooner.
 *
 * Times are ms of a monotonic clock. */
#ifndef VROUTER_TRACK_H
#define VROUTER_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "vrouter/util.h"

#define TRACK_MAX	 16 /* of a router */
#define TRACK_WHY_MAX	 160
#define TRACK_WEIGHT_MAX 254
#define TRACK_QUIET_MS                                                                             \
	1500 /* a port of a bridge forwards up to a second after its carrier came                  \
	      */
#define TRACK_HOLD_FACTOR 16
/* 1 and 254 have a meaning (VRRP_PRIO_BLIND, VRRP_PRIO_BOOST): an ACTIVE whose sum of weights came
 * to a bid of 1 would be taken for one that is about to bid more, and not be preempted. */
#define TRACK_PRIO_MIN 2
#define TRACK_PRIO_MAX 253

enum track_kind {
	TRACK_CARRIER,	   /* of a leg and its bridge, or of an interface of the host */
	TRACK_BRIDGE_PORT, /* a leg or an interface of the host is in a bridge, and forwards */
	TRACK_GATEWAY,	   /* answers ARP or neighbour solicitations */
	TRACK_SCRIPT,	   /* ends with status 0 */
	TRACK_PROCESS,	   /* runs */
	TRACK_ROUTE,	   /* is in a table */
	TRACK_KINDS
};
const char *track_kind_name(enum track_kind k);

struct track_rule {
	int weight;	  /* -TRACK_WEIGHT_MAX..TRACK_WEIGHT_MAX; 0: failing is a fault */
	unsigned rise;	  /* samples in a row that make it well, 1.. */
	unsigned fall;	  /* that make it fail, 1.. */
	bool active_only; /* see above */
	bool ours;	  /* see above */
	uint32_t hold_ms; /* active_only: the first time */
};

enum track_state {
	TRACK_UNKNOWN, /* counts as well; but for active_only, the first sample decides */
	TRACK_OK,
	TRACK_FAILING
};
const char *track_state_name(enum track_state s);

/* All zero is a new one. Only track_*() write it; everybody may read it. */
struct track {
	enum track_state state;
	unsigned run; /* samples in a row that speak against the state */
	bool last;    /* what the last sample said */
	bool active;  /* this controller is ACTIVE */
	unsigned holds;
	uint64_t hold_until_ms; /* 0: none. FAILING until then at least */
	uint64_t quiet_until_ms;
	char why[TRACK_WHY_MAX]; /* FAILING: why; of the last failed sample */
	uint64_t samples, failed, changes;
};

/* All four say whether the state has changed. */

/* why: of one that failed; may be NULL otherwise. */
bool track_sample(const struct track_rule *r, struct track *t, bool ok, const char *why,
		  uint64_t now_ms);
/* A look because something was said to have changed. It counts only when it says something new: how
 * often something is said must not count. */
bool track_news(const struct track_rule *r, struct track *t, bool ok, const char *why,
		uint64_t now_ms);
/* The role is another one; or, at the start and after a reload, this one. */
bool track_role(const struct track_rule *r, struct track *t, bool active, uint64_t now_ms);
/* The hold may be over. */
bool track_hold_over(struct track *t, uint64_t now_ms);

/* The daemon has changed the router's network. */
void track_quiet(const struct track_rule *r, struct track *t, uint64_t now_ms);
/* Samples mean something now. */
bool track_is_judged(const struct track_rule *r, const struct track *t);

/* What it adds to the priority now. */
int track_weight(const struct track_rule *r, const struct track *t);
bool track_is_fault(const struct track_rule *r, const struct track *t);
/* What is left of a configured priority. */
uint8_t track_priority(unsigned configured, int weights);

#endif
