/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine as replica: which stream it follows, and what it hears of that. It goes to a stream of
 * higher rank at once and never to one of lower rank; and to none for which no source vouches that
 * is there now (engine_trust.c). */
#include "engine_impl.h"

bool replica_hears_source(const struct engine *e)
{
	const struct peer *p = NULL;

	for (unsigned i = 0; i < e->peers.n && e->stream.sender; i++)
		if (e->peers.peer[i].id == e->stream.sender)
			p = &e->peers.peer[i];
	return e->rep.heard &&
	       !peer_is_silent(&e->peers, p,
			       peers_silent_ms(&e->peers, e->rep.heard_at, e->rep.slept_ms, e->now),
			       e->now);
}

unsigned replica_percent(const struct engine *e)
{
	const struct engine_replica *r = &e->rep;

	switch (r->state) {
	case REPLICA_NEED:
		return 0;
	case REPLICA_COMPARE:
	case REPLICA_DIFFER:
		return 1;
	case REPLICA_COLLECT:
		if (!r->expected)
			return 1;
		return r->listed >= r->expected ? 98 : (unsigned)(1 + r->listed * 97 / r->expected);
	case REPLICA_SWEEP:
		return 99;
	case REPLICA_CLEAN:
		return 100;
	}
	return 0;
}

void replica_leave(struct engine *e)
{
	replica_forget_repair(e);
	account_free(e);
	verify_stop(e);
	expects_forget(e);
	report_repair_ends(e);
	e->job = JOB_NONE;
	e->rep.heard = false;
	beats_forget(e);
}

void replica_enter(struct engine *e)
{
	e->rep = (struct engine_replica){
		.state = REPLICA_NEED,
		.ask_at = e->now,
		.leisure = e->src.drained,
		.leisure_until = e->now + ENGINE_LEISURE_MAX_MS,
		.repin_at = e->now + e->conf.pin_s * 250ull,
		.seen = e->rep.seen,
	};
	receiver_start(&e->receiver, 1);
	report_repair_begins(e, REPAIR_WHY_STREAM);
	e->status_due = true;
}

static void follow(struct engine *e, const struct stream_key *key, uint64_t next)
{
	replica_commit(e);
	replica_forget_repair(e);
	expects_forget(e);
	report_repair_begins(e, REPAIR_WHY_STREAM);
	e->stream = *key;
	e->stream_since = e->now;
	beats_forget(e);
	if (e->rep.state == REPLICA_CLEAN) {
		e->rep.leisure = true;
		e->rep.leisure_until = e->now + ENGINE_LEISURE_MAX_MS;
	}
	e->rep.state = REPLICA_NEED;
	e->rep.ask_at = e->now + engine_jitter(e, ENGINE_GATHER_MS);
	e->rep.backoff_ms = 0;
	e->rep.repair_id = 0;
	e->rep.listed = 0;
	receiver_start(&e->receiver, next);
	e->status_due = true;
}

static bool ranks_above(const struct engine *e, const struct stream_key *key)
{
	return key->term && stream_key_rank(key, &e->stream) > 0;
}

static void hears(struct engine *e)
{
	e->rep.heard = true;
	e->rep.heard_at = e->now;
	e->rep.slept_ms = e->peers.slept_ms;
	beats_alive(e);
}

/* true: the datagram is of the stream that we follow, perhaps from now on. One that could be
 * followed but for which no proven source vouches may be a record: its sender is asked, and says in
 * the same datagram where the stream stands now. */
static bool choose(struct engine *e, const struct dgram_hdr *h)
{
	const struct stream_key key = stream_key_of(h);
	const struct peer *p;

	if (stream_key_equal(&key, &e->stream))
		return true;
	if (!ranks_above(e, &key)) {
		engine_count(e, SYNC_RX_OTHER_STREAM);
		return false;
	}
	p = peers_find(&e->peers, h->sender);
	if (!p || !peer_vouches(&e->peers, p, &key, e->now)) {
		engine_count(e, SYNC_RX_UNPROVEN);
		trust_ask(e, h);
		return false;
	}
	/* the datagram itself may be old */
	follow(e, &key, h->seq > p->status.seq ? h->seq : p->status.seq + 1);
	return true;
}

void replica_on_data(struct engine *e, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	if (!h->seq || h->seq == UINT64_MAX) {
		engine_count(e, SYNC_RX_OTHER_STREAM);
		return;
	}
	if (!choose(e, h))
		return;
	engine_count(e, SYNC_RX_DATAGRAMS);
	if (h->seq > e->receiver.top)
		hears(e); /* others may be old */
	/* also of a datagram that we had: the answer to the first may have been lost */
	if (len && body[0] & DATA_ACK)
		e->status_due = true;
	receiver_on(&e->receiver, h->seq, body, len, e->now);
}

void replica_on_status(struct engine *e, const struct peer *p)
{
	const struct ctl_status *s = &p->status;

	if (s->phase != ENGINE_SOURCE || s->stream.sender != p->id || s->seq == UINT64_MAX)
		return;
	if (ranks_above(e, &s->stream))
		follow(e, &s->stream, s->seq + 1);
	if (!stream_key_equal(&s->stream, &e->stream))
		return;
	hears(e);
	receiver_known(&e->receiver, s->seq, e->now);
}

void replica_on_nack(struct engine *e, const struct ctl_nack *m)
{
	if (stream_key_equal(&m->stream, &e->stream))
		receiver_asked(&e->receiver, m->range, m->n, e->now);
}

/* The stream goes on at `to`; a repair must make good what is left out. */
void replica_skip_to(struct engine *e, uint64_t to)
{
	while (e->receiver.next < to) {
		uint64_t kept = receiver_resume(&e->receiver);

		report_repair_begins(e, REPAIR_WHY_GAP);
		e->rep.leisure = false;
		/* before what is behind the hole is applied: it may hold a BEGIN */
		replica_need_repair(e, ENGINE_RETRY_MS);
		expects_forget(e);
		receiver_skip(&e->receiver, engine_min(kept, to), e->now);
	}
}

void replica_on_gone(struct engine *e, const struct ctl_gone *m)
{
	if (stream_key_equal(&m->stream, &e->stream) && m->first > e->receiver.next &&
	    e->receiver.gap)
		replica_skip_to(e, engine_min(m->first, e->receiver.top + 1));
}
