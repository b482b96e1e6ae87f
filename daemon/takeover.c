/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "takeover.h"

#include <stdio.h>

uint64_t takeover_ask(struct takeover *t)
{
	t->vouched = false;
	return ++t->question;
}

void takeover_vouched(struct takeover *t, uint64_t question, const char *name, uint32_t term)
{
	if (question != t->question)
		return;
	t->vouched = true;
	t->term = term;
	snprintf(t->name, sizeof(t->name), "%s", name);
}

void takeover_silent(struct takeover *t)
{
	t->vouched = false;
}

enum takeover_verdict takeover_judge(const struct takeover_cfg *cfg, struct takeover *t,
				     uint64_t now)
{
	if (cfg->veto && t->vouched) {
		/* whoever was fenced is back; one that runs may still succeed, and counts for
		 * nothing then */
		t->fence = TAKEOVER_UNFENCED;
		return TAKEOVER_VETO;
	}
	if (!cfg->fence || t->fence == TAKEOVER_FENCED)
		return TAKEOVER_GO;
	if (t->fence == TAKEOVER_FENCING || now < t->retry_at)
		return TAKEOVER_WAIT;
	t->fence = TAKEOVER_FENCING;
	return TAKEOVER_FENCE;
}

bool takeover_ended(struct takeover *t, bool ok, uint64_t now)
{
	if (t->fence != TAKEOVER_FENCING)
		return false;
	t->fence = ok ? TAKEOVER_FENCED : TAKEOVER_UNFENCED;
	if (ok)
		return true;
	t->retry_ms = t->retry_ms ? 2 * t->retry_ms : TAKEOVER_RETRY_MIN_MS;
	if (t->retry_ms > TAKEOVER_RETRY_MAX_MS)
		t->retry_ms = TAKEOVER_RETRY_MAX_MS;
	t->retry_at = now + t->retry_ms;
	return true;
}

void takeover_over(struct takeover *t)
{
	t->vouched = false;
	t->fence = TAKEOVER_UNFENCED;
	t->retry_at = 0;
	t->retry_ms = 0;
}

bool takeover_waits(struct takeover *t, uint64_t now, uint32_t wait_ms)
{
	if (!t->asked_until || now >= t->asked_until + wait_ms)
		t->asked_until = now + wait_ms;
	return now < t->asked_until;
}

void takeover_waits_no_more(struct takeover *t)
{
	t->asked_until = 0;
}
