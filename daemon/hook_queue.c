/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook_queue.h"

static bool next(struct hook_queue *q, struct hook_news *out)
{
	if (q->running || !q->waiting)
		return false;
	*out = q->next;
	out->old_role = q->told;
	q->told = out->role;
	q->waiting = false;
	q->running = true;
	return true;
}

bool hook_queue_push(struct hook_queue *q, const struct hook_news *news, struct hook_news *out)
{
	q->coalesced += q->waiting;
	q->next = *news;
	q->waiting = true;
	return next(q, out);
}

bool hook_queue_done(struct hook_queue *q, struct hook_news *out)
{
	q->running = false;
	return next(q, out);
}
