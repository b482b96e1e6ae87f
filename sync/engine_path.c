/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replication as a second path of the election: a controller that hears no advertisement asks here
 * whether the ACTIVE is well, and says whether it hears any. The engine carries questions and
 * answers; it has no opinion of its own, as it may live on in a controller whose core is hung. A
 * question costs nothing in steady state, and its answer is as fresh as can be. */
#include "engine_impl.h"

static void say(struct engine *e, enum ctl_type type, uint32_t to, uint64_t question)
{
	const struct ctl_msg m = {.type = (uint8_t)type,
				  .challenge = {.to = to, .nonce = question}};

	engine_send_ctl(e, &m);
}

void engine_ask(struct engine *e, uint64_t question, uint64_t now)
{
	e->now = now;
	engine_count(e, SYNC_TX_ASKED);
	say(e, CTL_ASK, 0, question);
}

void path_on_ask(struct engine *e, struct peer *p, const struct ctl_challenge *c)
{
	if (!e->is_source || !e->ops->on_asked || e->now - p->question_at < ENGINE_ASKED_MS)
		return;
	p->question_at = e->now;
	e->ops->on_asked(e->ctx, p->id, c->nonce);
}

void engine_vouch(struct engine *e, uint32_t peer, uint64_t question, uint64_t now)
{
	e->now = now;
	if (!e->is_source)
		return;
	engine_count(e, SYNC_TX_VOUCHED);
	say(e, CTL_VOUCH, peer, question);
}

/* Of one whose stream was replaced by a higher one it says nothing that matters. Unless a source
 * asks, which stood still: two open higher streams in turn. */
void path_on_vouch(struct engine *e, const struct peer *p, const struct ctl_challenge *c)
{
	const struct ctl_status *s = &p->status;

	if (c->to != e->conf.self || !e->ops->on_vouched || !p->named ||
	    s->phase != ENGINE_SOURCE || (!e->is_source && s->stream.term < e->known_term))
		return;
	e->ops->on_vouched(e->ctx, s->name, s->stream.term, c->nonce);
}

void engine_hears(struct engine *e, enum engine_hearing hearing, uint64_t now)
{
	e->now = now;
	e->status_due |= e->hearing != hearing;
	e->hearing = hearing;
}
