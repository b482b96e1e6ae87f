/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast detection, the listener's side: have heartbeats of the source been missing for so long that
 * it may be dead? What counts is time in which the listener was awake. Between two looks it may
 * have stood still, and what was sent to it meanwhile may not be read yet: so a pause counts as one
 * heartbeat, however long it was, and one heartbeat is never enough. Pure; times are of a monotonic
 * clock, all in one unit. */
#ifndef VROUTER_BEAT_H
#define VROUTER_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#define BEAT_MISSES_MIN 2

struct beat_watch {	/* all zero: none was heard */
	uint64_t every; /* between two heartbeats, as their sender says; 0: it sends none */
	uint64_t looked_at, silent;
	uint64_t woke_at; /* the end of the last pause; awake without a break since */
	bool missing;
};

/* every: 0: it says that no more will come, and nothing is missing then. */
void beat_heard(struct beat_watch *w, uint64_t every, uint64_t now);
/* Something else by the same process: it is as good. */
void beat_alive(struct beat_watch *w, uint64_t now);
/* Counts what has passed. misses: BEAT_MISSES_MIN or more. Whether that many are missing. */
bool beat_look(struct beat_watch *w, unsigned misses, uint64_t now);
/* When to look again; UINT64_MAX: when the next is heard. */
uint64_t beat_next(const struct beat_watch *w, unsigned misses);

#endif
