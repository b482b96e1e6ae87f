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
	for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++) {
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
