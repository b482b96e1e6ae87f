/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "beat.h"

/* Looks are never further apart than heartbeats, so twice that is a pause. */
static void notice_pause(struct beat_watch *w, uint64_t now)
{
	if (now - w->looked_at > 2 * w->every)
		w->woke_at = now;
	w->looked_at = now;
}

void beat_heard(struct beat_watch *w, uint64_t every, uint64_t now)
{
	notice_pause(w, now);
	w->every = every;
	w->silent = 0;
	w->missing = false;
}

void beat_alive(struct beat_watch *w, uint64_t now)
{
	if (w->every)
		beat_heard(w, w->every, now);
}

bool beat_look(struct beat_watch *w, unsigned misses, uint64_t now)
{
	uint64_t passed = now - w->looked_at;

	if (!w->every || w->missing)
		return w->missing;
	notice_pause(w, now);
	w->silent += passed < w->every ? passed : w->every;
	w->missing = w->silent >= misses * w->every;
	return w->missing;
}

uint64_t beat_next(const struct beat_watch *w, unsigned misses)
{
	uint64_t left = misses * w->every - w->silent;

	if (!w->every || w->missing)
		return UINT64_MAX;
	return w->looked_at + (left < w->every ? left : w->every);
}
