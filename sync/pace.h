/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the loop of the sync process rests between two rounds. Pure.
 *
 * A round costs the same for one change as for sixty. When changes come faster than rounds are
 * worth, a short rest lets them gather: more events per read, more flows per datagram, and so more
 * per netlink batch at the replicas. Slow changes never wait: one that comes after a quiet
 * millisecond leaves at once. In conntrackd's protocol the rest is longer, as a datagram that is
 * not full leaves once a millisecond anyway.
 *
 * Bulk work (repairs) rests a little in each round, so that the kernel's own threads that forward
 * packets need not wait behind a million flows. And whatever the work is, a seventh of the time is
 * left to others: the process has real-time priority by default, and Linux ends the starvation of
 * all else on a CPU by handing them 50 ms in one piece (sched_rt_runtime_us, the fair server), in
 * which the core cannot run either: at adverts of 10 ms it would lose the election. Linux asks for
 * a twentieth; what else has real-time priority, the core included, takes from the rest, too. */
#ifndef VROUTER_PACE_H
#define VROUTER_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACE_FAST = 8, /* changes in a millisecond */
	PACE_GATHER_US = 200,
	PACE_GATHER_CTD_US = 1000,
	PACE_BULK_US = 20,
	PACE_WORK_US = 4000,	  /* of CPU, after which it counts how much was left to others */
	PACE_SHARE = 6,		  /* one part of rest for as many of work */
	PACE_REST_MAX_US = 60000, /* in one piece, which an order of the core's ends */
};

struct pace {
	bool conntrackd;
	uint64_t tick; /* the millisecond that is counted */
	unsigned count, before;
	uint64_t since_us, since_cpu_us, since_waited_us; /* what it counts from */
	uint64_t (*waited_us)(void);			  /* for a CPU, so far; NULL: not known */
};

/* Microseconds, 0: none. work: changes read in this round; bulk: more bulk work is due at once;
 * cpu_us: what the process has used so far. */
unsigned pace_rest_us(struct pace *p, unsigned work, bool bulk, uint64_t now_us, uint64_t cpu_us);

#endif
