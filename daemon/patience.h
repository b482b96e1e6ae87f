/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long the replication process is waited for by a router that is promoted. Pure. One that
 * answers others in turn is waited for: each of a thousand answers comes in its time. So is one
 * that wants to run and is not let. One from which nothing at all comes hangs, and then for all of
 * them: nobody waits for it again before it has said something. */
#ifndef DAEMON_PATIENCE_H
#define DAEMON_PATIENCE_H

#include "heartbeat.h"

struct patience { /* with one process; all zero at its start */
	uint64_t heard_ms;
	bool hangs;
	uint64_t looked_ms, cpu_ticks; /* since it was heard; 0: not yet */
	bool asleep;		       /* in the kernel, then */
};

struct patience_of { /* what a question is worth */
	uint64_t asked_ms;
	uint32_t silent_ms; /* nothing came for so long: it may hang */
	uint32_t most_ms;   /* even if it does not */
};

/* It said something, whatever it is. */
void patience_heard(struct patience *p, uint64_t now_ms);

enum patience_do {
	PATIENCE_WAIT,
	PATIENCE_LOOK, /* at the process, and call patience_look() */
	PATIENCE_OVER,
};
/* unread: it has said something that was not looked at. */
enum patience_do patience_judge(const struct patience *p, const struct patience_of *q, bool unread,
				uint64_t now_ms);
/* false: it hangs. */
bool patience_look(struct patience *p, const struct heartbeat_look *look, uint64_t now_ms);

#endif
