/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The role of one router on this controller: (state, event, now) -> state + actions. Pure.
 *
 *   INIT -> STANDBY -> PROMOTING -> ACTIVE -> DRAINING -> RESIGNING -> LINGERING -> STANDBY
 *   any -> FAULT
 *
 * What it guarantees, whatever comes in whatever order:
 *  - VIPS_ON is never asked for before replication said PROMOTED, is known to be down, or has had
 *    its bounded time, but by who lingers: flows are in the kernel before the VIPs are.
 *  - Replication is demoted only after, or together with, VIPS_OFF.
 *  - Outside of ACTIVE, DRAINING and RESIGNING no VIP is wanted (life_wants_vips), and outside of
 *    these and LINGERING none is there (life_keeps_vips).
 *  - A wait always has a deadline.
 *  - The election knows of gate and blindness before it can act on them.
 * Times are ms of a monotonic clock. */
#ifndef VROUTER_LIFECYCLE_H
#define VROUTER_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#define LIFE_REASON_MAX 160
#define LIFE_NEVER	UINT64_MAX

enum life_state {
	LIFE_INIT,	/* nothing is built yet */
	LIFE_STANDBY,	/* follows, or waits for somebody to follow */
	LIFE_PROMOTING, /* won; replication puts the last flows into the kernel */
	LIFE_ACTIVE,
	LIFE_DRAINING,	/* leaves by plan: replicas catch up */
	LIFE_RESIGNING, /* leaves by plan: waits for a successor, VIPs still here */
	/* Its successor has the VIPs. It answers for them no more, but forwards what still comes,
	 * and its stream tells what that changes. */
	LIFE_LINGERING,
	LIFE_FAULT,   /* cannot be a router at all; faults says why */
	LIFE_STOPPED, /* ended; only replication's state is still noted */
	LIFE_STATES
};
const char *life_state_name(enum life_state s);

enum life_role { LIFE_ROLE_INIT, LIFE_ROLE_STANDBY, LIFE_ROLE_ACTIVE, LIFE_ROLE_FAULT };
enum life_role life_role(enum life_state s);
const char *life_role_name(enum life_role r);

/* What replication says about this router. */
enum life_sync {
	LIFE_SYNC_NONE, /* not configured */
	LIFE_SYNC_DOWN, /* its process does not run */
	LIFE_SYNC_ALONE,
	LIFE_SYNC_SYNCING,
	LIFE_SYNC_READY,
	LIFE_SYNC_SOURCE,
	LIFE_SYNCS
};
const char *life_sync_name(enum life_sync s);

enum life_mode { LIFE_MODE_VRRP, LIFE_MODE_EXTERNAL, LIFE_MODE_SINGLE };

enum {
	LIFE_FAULT_NET = 1 << 0,
	LIFE_FAULT_ELECTION = 1 << 1,
	LIFE_FAULT_TRACK = 1 << 2,    /* something fails that is tracked without a weight */
	LIFE_FAULT_GROUP = 1 << 3,    /* another router that shares the election has a fault */
	LIFE_FAULT_VIPS = 1 << 4,     /* none can be chosen */
	LIFE_FAULT_CHOOSING = 1 << 5, /* none have been yet: by itself that keeps it in INIT */
};

struct life_cfg {
	enum life_mode mode;
	/* PROMOTING goes on without replication after this; its owner may give it more */
	uint32_t promote_wait_ms;
	/* For this long an incomplete replica does not preempt, and an ACTIVE that never was a
	 * complete one is blind. */
	uint32_t hold_ms;
	uint32_t drain_ms, linger_ms;
	uint32_t trail_ms;   /* of LINGERING; 0: it leaves at once */
	uint32_t command_ms; /* a promotion by hand that brought nothing fails after this */
};

/* Only life_step() writes it; everybody may read it. */
struct life {
	enum life_state state;
	enum life_sync sync;
	uint32_t faults; /* LIFE_FAULT_* */
	bool electing;	 /* the election was started */
	bool held;	 /* demoted by hand: does not preempt until it is ACTIVE again */
	bool gated;	 /* what the election was told last; so is blind */
	bool blind;	 /* ACTIVE or about to be, but who meets it may hold the flows */
	bool had_table;	 /* was complete once, or others follow it: then what it has is the table */
	bool adopted;	 /* ACTIVE since before this process: so may be the stream */
	bool unsure;	 /* whether it is; the next phase tells */
	bool stopping;	 /* the daemon, or this router, is to end */
	bool promoting_by_hand, demoting_by_hand; /* a command waits for its outcome */
	uint32_t term;				  /* highest known of */
	uint64_t hold_until_ms, deadline_ms;
	char reason[LIFE_REASON_MAX]; /* why the state is what it is */
};

enum life_event {
	LIFE_EV_BUILT, /* the namespace is there and as it should be */
	LIFE_EV_ADOPT, /* instead of BUILT: it is ACTIVE, in.term, as a core that died left it */
	LIFE_EV_FAULT, /* in.fault began, or has another text */
	LIFE_EV_RECOVERED, /* in.fault is over */
	LIFE_EV_ELECTED,
	LIFE_EV_LOST,	   /* somebody else is ACTIVE */
	LIFE_EV_SYNC_UP,   /* replication runs and has been told about this router */
	LIFE_EV_SYNC_DOWN, /* its process died */
	LIFE_EV_SYNC_PHASE,
	LIFE_EV_PROMOTED, /* in.term */
	LIFE_EV_DRAINED,  /* in.ok */
	LIFE_EV_PROMOTE,  /* by hand; in.force: though the replica is not complete */
	LIFE_EV_DEMOTE,	  /* by hand; in.have_peer */
	LIFE_EV_WANTED,	  /* one that bids more asks for the role; in.why */
	LIFE_EV_STOP,	  /* in.have_peer */
	LIFE_EV_TIMER,
	LIFE_EVENTS
};
const char *life_event_name(enum life_event e);

struct life_in {
	enum life_event ev;
	uint64_t now_ms;
	const char *why;      /* FAULT, ELECTED, LOST, STOP, WANTED */
	uint32_t fault;	      /* FAULT, RECOVERED: LIFE_FAULT_* */
	enum life_sync phase; /* SYNC_PHASE */
	uint32_t term;	      /* PROMOTED, SYNC_PHASE: highest heard of */
	bool ok, force, have_peer;
	/* SYNC_PHASE: a replica follows us and nobody else is a source; ADOPT: one did */
	bool followed;
	bool kept; /* SYNC_UP: it is the process that ran before this one */
};

/* Actions, to be run in this order. */
enum {
	LIFE_DO_VIPS_OFF = 1 << 0,
	LIFE_DO_SYNC_DEMOTE = 1 << 1,
	LIFE_DO_SYNC_PROMOTE = 1 << 2, /* with life.term */
	LIFE_DO_VIPS_ON = 1 << 3,      /* addresses, routes, then announce */
	LIFE_DO_SYNC_DRAIN = 1 << 4,
	LIFE_DO_GATE = 1 << 5, /* tell the election life.gated and life.blind */
	LIFE_DO_ELECT_START = 1 << 6,
	LIFE_DO_ELECT_BOOST = 1 << 7,
	LIFE_DO_ELECT_RESIGN = 1 << 8,
	LIFE_DO_ELECT_STAY = 1 << 9,
	LIFE_DO_ELECT_STOP = 1 << 10,
	LIFE_DO_SAVE_TERM = 1 << 11,
	LIFE_DO_ENDED = 1 << 12,       /* the owner may free the router */
	LIFE_DO_ELECT_ADOPT = 1 << 13, /* the election is ACTIVE from the start */
	LIFE_DO_LINGER = 1 << 14,      /* VIPs stay, and nobody is to hear of it */
};

enum life_answer { LIFE_ANSWER_NONE, LIFE_ANSWER_DONE, LIFE_ANSWER_FAILED };

struct life_out {
	uint32_t todo;
	uint64_t timer_ms; /* when to feed TIMER, absolute; LIFE_NEVER */
	/* The command that this event is, or that waited, has its outcome. */
	enum life_answer answer;
	const char *answer_text; /* static */
	const char *note;	 /* static; worth a line and an event beside the change of role */
};

/* l is all zero but for sync at the start: LIFE_SYNC_NONE, or LIFE_SYNC_DOWN when it will come. */
struct life_out life_step(const struct life_cfg *cfg, struct life *l, const struct life_in *in);

/* VIPs and default route belong on this controller now. */
bool life_wants_vips(const struct life *l);
/* They are here, perhaps no longer for long. */
bool life_keeps_vips(const struct life *l);
/* Its table is not complete, and that is reason to hold back. */
bool life_waits_for_replica(const struct life *l, uint64_t now_ms);
bool life_is_blind(const struct life *l, uint64_t now_ms);

#endif
