/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "heartbeat.h"

enum heartbeat_do heartbeat_step(struct heartbeat *h, const struct heartbeat_look *look)
{
	bool starved = look->runnable && look->cpu_ticks == h->cpu_ticks;
	bool held = starved || look->uninterruptible;

	if (!h->waiting) {
		*h = (struct heartbeat){.waiting = true};
		return HEARTBEAT_ASK;
	}
	h->cpu_ticks = look->cpu_ticks;
	if (!held)
		h->missed++;
	return h->missed < HEARTBEAT_MISSED_MAX ? HEARTBEAT_WAIT : HEARTBEAT_DEAD;
}
