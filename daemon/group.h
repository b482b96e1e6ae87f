/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routers that share one election: (state, event) -> what the election and the members are told.
 * Each member keeps its lifecycle; what that says to its election is said to the group instead.
 *
 * All or nothing:
 *  - The election runs while every member could be ACTIVE. One with a fault of its own takes the
 *    others along: the election stops, which resigns, and they are in a fault that says whose it
 *    is. So a promotion that fails for one member is taken back for all.
 *  - The weakest decides: the group is as complete as its least complete member, bids what the
 *    worst one would, says that it is there when the last one has its addresses, and resigns when
 *    the last one has drained.
 *  - Whoever joins later counts from the moment on at which it worked here: as ACTIVE, where the
 *    others are.
 *
 * What members are is kept as sums, so that what happens to one costs nothing of the others. Pure;
 * no allocation. A call that tells members something may be called back by them (group_look()). */
#ifndef DAEMON_GROUP_H
#define DAEMON_GROUP_H

#include "vrouter/lifecycle.h"
#include "vrouter/vrrp.h"

struct group;

/* What a member adds to the sums. */
struct group_part {
	bool counts; /* was fit once, or belongs to those that the group started with */
	bool fit; /* could be ACTIVE as far as it alone is concerned: built, and without a fault */
	bool gated, blind, shared;
	bool stays;  /* ACTIVE, and not about to leave */
	bool leaves; /* has drained */
	bool bare;   /* without its addresses since the group was elected */
	bool behind; /* not told (again) that the group is not fit */
	uint8_t priority;
};

struct group_member {
	struct group_member *next, *prev;
	struct group *group; /* NULL: of none */
	const char *name;    /* borrowed, as are those below */
	const struct life *life;
	bool sole; /* see struct vrrp_inst; this and the priority: as the owner knows it */
	uint8_t priority;
	bool kept; /* a guard stood in for it when it joined */
	/* inside */
	struct group_part part;
	bool counts, late, resigns, has_addresses, along, stale;
};

struct group_ops {
	void (*tell)(struct group_member *m, const struct life_in *in, const char *why);
	/* START, ADOPT, STOP, GATE, BOOST, RESIGN, STAY */
	void (*elect)(void *ctx, const struct vrrp_in *in);
	/* What to bid is another one. */
	void (*bid)(void *ctx, uint8_t before, uint8_t now);
	void (*has_addresses)(void *ctx); /* all of them */
	/* m, or m no more, is the first by name of those that count. */
	void (*first)(struct group_member *m);
};

struct group {
	const struct group_ops *ops;
	void *ctx;
	char name[64];
	struct group_member *members, *last; /* a list, in the order in which they came */
	unsigned n;
	struct group_member *first; /* by name, of those that count: the same on all controllers */
	struct {
		unsigned counts, unfit, gated, blind, shared, stays, leaves, bare, behind;
		unsigned priority[256];
	} sum;
	enum vrrp_state state;
	bool whole;   /* all that the configuration has are there */
	bool on;      /* the election was started */
	uint8_t bid;  /* 0: nobody counts */
	bool boosted; /* to be adopted as that */
	bool boost, resigning, addressed;
	bool gated, blind, sole; /* as the election was told */
	char fault[96];		 /* the election's; empty: none */
	const struct group_member *culprit;
	unsigned along, held;
	bool again;
};

void group_init(struct group *g, const char *name, const struct group_ops *ops, void *ctx);
/* Until then nothing is started. For who joins later it is as if it had been called already. */
void group_whole(struct group *g);
void group_join(struct group *g, struct group_member *m);
void group_leave(struct group_member *m);

/* Something about the member may be another than it was. */
void group_look(struct group_member *m);
/* What its lifecycle says to the election. */
void group_elect(struct group_member *m, enum vrrp_event ev);
void group_has_addresses(struct group_member *m);

/* What the election says. */
void group_on_state(struct group *g, enum vrrp_state state, const char *why);
void group_on_fault(struct group *g, const char *fault); /* NULL: over */

/* Between the two, nothing is concluded from what members say: all are to be told first. */
void group_hold(struct group *g);
void group_release(struct group *g);

#endif
