/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the loop of the sync process rests between two rounds. Pure.
 *
 * A round costs the same for one change as for sixty. When changes come faster than rounds are
 * worth, a short rest lets them gather: more events per read, more flows per datagram, and so more
 * per netlink batch at the replicas. Slow changes never wait: one that comes after a quiet
 * millisecond leaves at once.
 *
 * Bulk work (repairs) rests, too: the process may have real-time priority, and what has none, the
 * kernel's own threads that forward packets included, must not wait behind a million flows. */
#ifndef VROUTER_PACE_H
#define VROUTER_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PACE_FAST = 8, /* changes in a millisecond */
	PACE_GATHER_US = 200,
	PACE_BULK_US = 20,
};

struct pace {
	uint64_t tick; /* the millisecond that is counted */
	unsigned count, before;
};

/* Microseconds, 0: none. work: changes read in this round; bulk: more bulk work is due at once. */
unsigned pace_rest_us(struct pace *p, unsigned work, bool bulk, uint64_t now_ms);

#endif
