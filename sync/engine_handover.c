/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A planned change of the source, as far as engines are concerned. A replica asks the source to
 * hand over (HANDOVER); a source that is about to leave says so (LEAVING), with what its successor
 * has to know of it. A successor that has the addresses already goes on following the old stream
 * for a moment (it trails): packets that are on their way still reach the old router, which
 * forwards them and tells what they change. Meanwhile the successor's kernel has flows of its own,
 * which win; so nothing is deleted, and a repair, which would, ends it. */
#include "engine_impl.h"

void engine_ask_handover(struct engine *e, uint64_t now)
{
	const struct ctl_msg m = {.type = CTL_HANDOVER, .handover = {.stream = e->stream}};

	e->now = now;
	if (e->is_source || e->rep.state != REPLICA_CLEAN)
		return;
	engine_count(e, SYNC_TX_HANDOVER);
	engine_send_ctl(e, &m);
}

/* Of our stream, and by who has all of it: another one could not succeed us without loss. */
void handover_on_ask(struct engine *e, const struct peer *p, const struct ctl_handover *m)
{
	if (!e->is_source || !e->ops->on_handover || !stream_key_equal(&m->stream, &e->stream) ||
	    !peer_follows(p, &e->stream) || p->status.phase != ENGINE_READY)
		return;
	e->ops->on_handover(e->ctx, p->status.name);
}

void engine_set_leaving(struct engine *e, const struct engine_leaving *l, uint64_t now)
{
	e->now = now;
	e->leaving = *l;
	e->status_due |= e->is_source;
}

/* Goes along with a STATUS, so it needs no repetition of its own. */
void handover_encode(const struct engine *e, struct wr *w)
{
	const struct ctl_msg m = {.type = CTL_LEAVING,
				  .handover = {.stream = e->stream, .leaving = e->leaving}};

	if (e->leaving.trail_ms)
		ctl_encode(w, &m);
}

void handover_on_leaving(struct engine *e, const struct peer *p, const struct ctl_handover *m)
{
	if (e->is_source || !e->ops->on_leaving || p->id != m->stream.sender ||
	    !stream_key_equal(&m->stream, &e->stream))
		return;
	e->ops->on_leaving(e->ctx, &m->leaving);
}

bool engine_trail(struct engine *e, uint64_t now)
{
	e->now = now;
	if (e->is_source || !replica_hears_source(e) || e->rep.state != REPLICA_CLEAN)
		return false;
	replica_commit(e);
	e->rep.trailing = true;
	return !engine_trail_ended(e);
}

bool engine_trail_ended(const struct engine *e)
{
	if (!e->rep.trailing || e->rep.state != REPLICA_CLEAN)
		return true;
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id == e->stream.sender && p->named && !p->lost)
			return p->status.phase != ENGINE_SOURCE;
	}
	return true;
}

void engine_trail_stop(struct engine *e)
{
	e->rep.trailing = false;
}

/* ---- drain ---- */

static void drain_answer(struct engine *e, bool acknowledged)
{
	e->src.draining = false;
	e->src.drained = acknowledged;
	e->ops->on_drained(e->ctx, acknowledged);
}

void drain_give_up(struct engine *e)
{
	if (e->src.draining)
		drain_answer(e, false);
}

/* Of those that were READY when the drain began. */
static void drain_state(struct engine *e, unsigned *living, unsigned *behind)
{
	*living = 0;
	*behind = 0;
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (!p->id || !p->drained_for || !peer_follows(p, &e->stream))
			continue;
		(*living)++;
		/* one that went on behind a hole has the number, but not what was in the hole */
		*behind += p->status.seq < e->src.drain_seq || p->status.phase != ENGINE_READY;
	}
}

uint64_t drain_run(struct engine *e)
{
	unsigned living, behind;

	if (!e->src.draining)
		return UINT64_MAX;
	drain_state(e, &living, &behind);
	if (!living || !behind || e->now >= e->src.drain_until) {
		drain_answer(e, living && !behind);
		return UINT64_MAX;
	}
	if (e->now >= e->src.drain_ask_at) {
		/* the answer may have been lost: the flag in the same datagram asks again */
		(void)sender_resend(&e->sender, e->src.drain_seq, e->now, true);
		e->src.drain_ask_at = e->now + ENGINE_DRAIN_ASK_MS;
	}
	return engine_min(e->src.drain_until, e->src.drain_ask_at);
}

void engine_drain(struct engine *e, uint32_t wait_ms, uint64_t now)
{
	e->now = now;
	if (!e->is_source) {
		e->ops->on_drained(e->ctx, false);
		return;
	}
	source_release_held(e);
	expects_look(e);
	sender_send(&e->sender, true);
	e->src.draining = true;
	e->src.drained = false;
	e->src.drain_seq = e->sender.seq;
	e->src.drain_until = now + wait_ms;
	e->src.drain_ask_at = now + ENGINE_DRAIN_ASK_MS;
	for (unsigned i = 0; i < e->peers.n; i++) {
		struct peer *p = &e->peers.peer[i];

		p->drained_for =
			p->id && peer_follows(p, &e->stream) && p->status.phase == ENGINE_READY;
	}
	(void)drain_run(e);
}
