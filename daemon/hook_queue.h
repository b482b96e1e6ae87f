/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router's on-role-change program is told, and when: one run at a time, in order, and what
 * changes during a run is told by one more run, with the latest. Pure. */
#ifndef DAEMON_HOOK_QUEUE_H
#define DAEMON_HOOK_QUEUE_H

#include "vrouter/lifecycle.h"

struct hook_news {
	/* old_role is what the run before was told (INIT before the first), so that each run
	 * continues the one before. Both are the same when the role went and came back during a
	 * run. */
	enum life_role role, old_role;
	enum life_sync sync;
	uint32_t term;
	char reason[LIFE_REASON_MAX];
};

struct hook_queue { /* all zero is an empty one */
	bool running, waiting;
	enum life_role told;
	struct hook_news next; /* waiting */
	uint64_t coalesced;    /* changes that no run was about, because a later one came first */
};

/* The role changed; news->old_role is not looked at. true: start a run about *out now. */
bool hook_queue_push(struct hook_queue *q, const struct hook_news *news, struct hook_news *out);
/* The run ended. true: start another one about *out now. */
bool hook_queue_done(struct hook_queue *q, struct hook_news *out);

#endif
