/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the oldest change that a replica knows of has been waiting to be applied. The source
 * says with each heartbeat what it has sent, so looking now and then is enough. Pure; embedded in
 * its owner; all zero is the beginning. */
#ifndef VROUTER_SYNC_LAG_H
#define VROUTER_SYNC_LAG_H

#include "vrouter/engine.h"

struct lag {
	uint64_t checked_ms;
	uint64_t seq; /* a number the source has sent and we have not applied; 0: none */
	uint64_t since_ms;
};

/* Looks, and returns the lag in ms; 0: none. */
uint64_t lag_update(struct lag *lag, const struct engine *e, uint64_t now_ms);

#endif
