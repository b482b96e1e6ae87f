/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a process that was asked still lives. Pure: a step a second, counted in steps and not in
 * time, so that a machine that stood still for a minute has missed one. A process that wants to run
 * and is not let is no dead one: ending it would make the load worse. Nor is one that the kernel
 * keeps asleep whatever signal comes (state D: `conntrack -F` of a million flows holds the lock of
 * all conntrack requests for 10 s on a busy machine): it would die no earlier than it answers. */
#ifndef DAEMON_HEARTBEAT_H
#define DAEMON_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#define HEARTBEAT_MISSED_MAX 10

struct heartbeat {
	bool waiting; /* for an answer; the owner ends it */
	unsigned missed;
	uint64_t cpu_ticks; /* at the step before */
};

struct heartbeat_look {
	bool runnable;
	bool uninterruptible;
	uint64_t cpu_ticks; /* that it ever used */
};

enum heartbeat_do { HEARTBEAT_ASK, HEARTBEAT_WAIT, HEARTBEAT_DEAD };

/* look is used only while waiting. */
enum heartbeat_do heartbeat_step(struct heartbeat *h, const struct heartbeat_look *look);

#endif
