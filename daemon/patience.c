/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "patience.h"

#define TICK_MS 10 /* USER_HZ is 100 for all programs */

void patience_heard(struct patience *p, uint64_t now_ms)
{
	*p = (struct patience){.heard_ms = now_ms};
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

enum patience_do patience_judge(const struct patience *p, const struct patience_of *q, bool unread,
				uint64_t now_ms)
{
	uint64_t since = later(q->asked_ms, later(p->heard_ms, p->looked_ms));

	if (now_ms >= q->asked_ms + q->most_ms)
		return PATIENCE_OVER;
	if (unread)
		return PATIENCE_WAIT;
	if (p->hangs)
		return PATIENCE_OVER;
	return now_ms < since + q->silent_ms ? PATIENCE_WAIT : PATIENCE_LOOK;
}

/* It has nothing to do, or is stopped; or the kernel keeps it asleep, and did at the last look; or
 * it ran for most of the time since that. */
bool patience_look(struct patience *p, const struct heartbeat_look *look, uint64_t now_ms)
{
	uint64_t ran = (look->cpu_ticks - p->cpu_ticks) * TICK_MS;
	bool spins = p->looked_ms && 2 * ran > now_ms - p->looked_ms;

	p->hangs = look->uninterruptible ? p->asleep : !look->runnable || spins;
	p->asleep = look->uninterruptible;
	p->looked_ms = now_ms;
	p->cpu_ticks = look->cpu_ticks;
	return !p->hangs;
}
