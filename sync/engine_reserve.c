/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VIPs that are chosen: what this controller says of them, and what others do. The engine carries
 * it, as it knows whom to believe; what it means is the core's affair (vrouter/reserve.h). It is
 * said again and again, so nothing has to be acknowledged; and soon when somebody does not know. */
#include "engine_impl.h"

enum {
	RESERVE_HELD_MS = 1000,	 /* between two words when the VIPs are held */
	RESERVE_ANSWER_MS = 100, /* at most so often, whoever asks */
};

void engine_set_reserve(struct engine *e, const struct reserve_word *word, uint64_t now)
{
	e->now = now;
	e->reserve = *word;
	e->reserve_at = now;
}

uint64_t reserve_run(struct engine *e)
{
	if (!e->reserve.stage)
		return UINT64_MAX;
	if (e->now >= e->reserve_at) {
		const struct ctl_msg m = {.type = CTL_RESERVE, .reserve = e->reserve};

		engine_send_ctl(e, &m);
		e->reserve_said_at = e->now;
		e->reserve_at = e->now + (e->reserve.stage == RESERVE_HELD ? RESERVE_HELD_MS
									   : RESERVE_WORD_MS);
	}
	return e->reserve_at;
}

void reserve_on_word(struct engine *e, const struct peer *p, const struct reserve_word *word)
{
	if (word->stage != RESERVE_HELD && e->reserve_at > e->reserve_said_at + RESERVE_ANSWER_MS)
		e->reserve_at = e->reserve_said_at + RESERVE_ANSWER_MS;
	if (e->ops->on_reserve && p->named)
		e->ops->on_reserve(e->ctx, p->id, p->status.name, word);
}
