/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conversation of a verify. The source begins a comparison that says so, and asks each replica
 * that was READY then what has come of it, again and again: the answers are RUNNING, SETTLED (no
 * more differences can be found), and after VERIFY_FINAL, which says by when everything that was
 * listed has been told, DONE with what differs, a few flows at a time. Nothing of it depends on a
 * single datagram. Who was not READY, or was repaired meanwhile, gets another comparison, twice.
 * A replica asks its source to begin one, and takes the result from its own account. */
#include "engine_impl.h"

/* ---- telling who asked ---- */

static void tell(struct engine *e, struct verify_page *p)
{
	p->request = e->verify.request;
	if (p->request && e->ops->on_verified)
		e->ops->on_verified(e->ctx, p);
}

static void tell_outcome(struct engine *e, enum verify_outcome o)
{
	struct verify_page p = {.last = true, .outcome = o};

	tell(e, &p);
}

/* All pages of one replica; n 0: f may be NULL. */
static void tell_findings(struct engine *e, struct verify_page *p, const struct verify_finding *f,
			  unsigned n, bool last)
{
	unsigned at = 0;

	do {
		p->n = n - at < VERIFY_PAGE_MAX ? n - at : VERIFY_PAGE_MAX;
		for (unsigned i = 0; i < p->n; i++)
			p->finding[i] = f[at + i];
		at += p->n;
		p->last = last && at == n;
		tell(e, p);
	} while (at < n);
}

static void tell_peer(struct engine *e, const struct verify_peer *v, bool last)
{
	const struct peer *p = peers_find(&e->peers, v->id);
	struct verify_page page = {.id = v->id,
				   .phase = v->phase,
				   .outcome = v->outcome,
				   .more = v->last.flags & VERIFIED_MORE,
				   .flows = v->last.flows,
				   .missing = v->last.missing,
				   .extra = v->last.extra,
				   .different = v->last.different};

	if (p)
		memcpy(page.name, p->status.name, sizeof(page.name));
	tell_findings(e, &page, v->finding, v->n, last);
}

static void tell_account(struct engine *e)
{
	const struct engine_account *a = &e->account;
	struct verify_page page = {.id = e->conf.self,
				   .phase = ENGINE_READY, /* as it was */
				   .outcome = VERIFY_COMPARED,
				   .more = a->more,
				   .flows = a->flows,
				   .missing = a->missing,
				   .extra = a->extra,
				   .different = a->different};

	memcpy(page.name, e->conf.name, sizeof(page.name));
	tell_findings(e, &page, a->finding, a->n_findings, true);
}

/* ---- beginning and end ---- */

static void forget_peers(struct engine_verify *v)
{
	for (unsigned i = 0; i < v->n; i++)
		free(v->peer[i].finding);
	memset(v->peer, 0, v->n * sizeof(*v->peer));
	v->n = 0;
}

static void begin(struct engine *e, uint32_t request)
{
	struct engine_verify *v = &e->verify;

	forget_peers(v);
	v->state = VERIFY_BEGIN;
	v->request = request;
	v->attempts = 0;
	v->understood = false;
	v->began_at = e->now;
	v->at = v->ask_at = e->now;
	v->until = e->now + ENGINE_VERIFY_MAX_MS;
}

static void end(struct engine *e)
{
	struct engine_verify *v = &e->verify;
	uint32_t next = v->waiting;

	forget_peers(v);
	v->state = VERIFY_IDLE;
	v->waiting = 0;
	v->ended_at = e->now;
	if (next)
		begin(e, next);
}

void engine_verify(struct engine *e, uint32_t request, uint64_t now)
{
	e->now = now;
	if (e->verify.state == VERIFY_IDLE)
		begin(e, request);
	else
		e->verify.waiting = request;
}

static void end_with(struct engine *e, enum verify_outcome o)
{
	tell_outcome(e, o);
	end(e);
}

void verify_stop(struct engine *e)
{
	while (e->verify.state != VERIFY_IDLE)
		end_with(e, VERIFY_ROLE);
}

/* ---- source: the comparison ---- */

static bool is_replica(const struct peer *p)
{
	return p->id && p->named && p->status.phase != ENGINE_SOURCE;
}

static struct verify_peer *record_of(struct engine_verify *v, uint32_t id)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->peer[i].id == id)
			return &v->peer[i];
	return NULL;
}

/* Of those that are not compared yet. */
static void count_replicas(struct engine *e, unsigned *living, unsigned *ready)
{
	*living = *ready = 0;
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];
		const struct verify_peer *r = record_of(&e->verify, p->id);

		if (!is_replica(p) || p->lost || (r && r->outcome == VERIFY_COMPARED))
			continue;
		(*living)++;
		*ready += peer_follows(p, &e->stream) && p->status.phase == ENGINE_READY;
	}
}

bool verify_is_due(struct engine *e)
{
	const struct engine_verify *v = &e->verify;
	unsigned living, ready;

	/* a repair that is about to begin would cut it short */
	if (v->state != VERIFY_BEGIN || e->now < v->at || e->src.wanted)
		return false;
	count_replicas(e, &living, &ready);
	return ready && (ready == living || e->now - v->began_at >= VERIFY_READY_MS);
}

static enum verify_outcome outcome_of(const struct engine *e, const struct peer *p)
{
	if (p->lost)
		return VERIFY_LOST;
	if (!peer_follows(p, &e->stream))
		return VERIFY_OTHER;
	return p->status.phase == ENGINE_READY ? VERIFY_WAITS : VERIFY_SYNCING;
}

/* Who is there. Those that were compared by an earlier attempt are done. */
static void gather_peers(struct engine *e)
{
	struct engine_verify *v = &e->verify;

	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];
		struct verify_peer *r = record_of(v, p->id);

		if (!is_replica(p) || (r && r->outcome == VERIFY_COMPARED))
			continue;
		if (!r && v->n == ENGINE_PEERS_MAX)
			return;
		if (!r)
			r = &v->peer[v->n++];
		free(r->finding);
		*r = (struct verify_peer){
			.id = p->id, .phase = p->status.phase, .outcome = outcome_of(e, p)};
	}
}

void verify_round_begun(struct engine *e)
{
	struct engine_verify *v = &e->verify;

	gather_peers(e);
	v->state = VERIFY_ASK;
	v->round = e->round.id;
	v->round_seq = e->round.begin_seq;
	v->round_at = e->now;
	v->ask_at = e->now;
	v->attempts++;
}

void verify_again(struct engine *e)
{
	if (e->verify.state == VERIFY_IDLE)
		return;
	e->verify.state = VERIFY_BEGIN;
	e->verify.at = e->now + ENGINE_RETRY_MS;
}

bool verify_needs_round(const struct engine *e)
{
	return e->verify.state == VERIFY_ASK && e->verify.round == e->round.id;
}

/* ---- source: asking ---- */

static void ask(struct engine *e, const struct verify_peer *r)
{
	const struct ctl_msg m = {.type = CTL_VERIFY,
				  .verify = {.stream = e->stream,
					     .to = r->id,
					     .flags = r->final ? VERIFY_FINAL : 0,
					     .round = e->verify.round,
					     .at = r->final ? r->at : e->verify.round_seq,
					     .first = r->n}};

	engine_send_ctl(e, &m);
}

/* From when on all has been told that there was when the listing ended: events, and what changes
 * without one (masters). See source_change(). */
static void finalize(struct engine *e, struct verify_peer *r)
{
	if (!r->settled || r->final)
		return;
	if (e->src.listed_unread) {
		if (e->ops->read_events)
			e->ops->read_events(e->ctx);
		return;
	}
	expects_look(e);
	sender_send(&e->sender, false);
	r->final = true;
	r->at = e->sender.seq;
	ask(e, r);
}

static enum verify_outcome look_at(const struct engine *e, const struct verify_peer *r)
{
	const struct engine_verify *v = &e->verify;
	unsigned i = 0;

	while (i < e->peers.n && e->peers.peer[i].id != r->id)
		i++;
	if (i == e->peers.n || e->peers.peer[i].lost)
		return VERIFY_LOST;
	if (!peer_follows(&e->peers.peer[i], &e->stream))
		return VERIFY_OTHER;
	if (e->now >= v->until)
		return VERIFY_TIMEOUT;
	/* another comparison took the place of ours, or it was forgotten */
	if (!r->settled && (e->round.id != v->round || !e->round.asked.bits))
		return VERIFY_CUT;
	if (!r->answered && e->now - v->round_at >= VERIFY_SILENT_MS)
		return VERIFY_SILENT;
	return VERIFY_WAITS;
}

static void finish(struct engine *e)
{
	struct engine_verify *v = &e->verify;

	if (!v->n)
		tell_outcome(e, VERIFY_NO_REPLICA);
	for (unsigned i = 0; i < v->n; i++)
		tell_peer(e, &v->peer[i], i + 1 == v->n);
	end(e);
}

/* Everybody has an outcome. One that may be better the next time is not told yet. */
static void attempt_ends(struct engine *e)
{
	struct engine_verify *v = &e->verify;
	bool again = false;

	for (unsigned i = 0; i < v->n; i++)
		again |= v->peer[i].outcome == VERIFY_CUT || v->peer[i].outcome == VERIFY_SYNCING ||
			 v->peer[i].outcome == VERIFY_OTHER;
	if (again && v->attempts < VERIFY_ATTEMPTS && e->now < v->until) {
		v->state = VERIFY_BEGIN;
		v->at = e->now + ENGINE_RETRY_MS;
		v->began_at = e->now;
		return;
	}
	finish(e);
}

static uint64_t run_ask(struct engine *e)
{
	struct engine_verify *v = &e->verify;
	bool due = e->now >= v->ask_at, waits = false;

	for (unsigned i = 0; i < v->n; i++) {
		struct verify_peer *r = &v->peer[i];

		if (r->outcome != VERIFY_WAITS)
			continue;
		r->outcome = look_at(e, r);
		if (r->outcome != VERIFY_WAITS)
			continue;
		waits = true;
		finalize(e, r);
		if (due)
			ask(e, r);
	}
	if (!waits) {
		attempt_ends(e);
		return e->now;
	}
	if (due)
		v->ask_at = e->now + VERIFY_ASK_MS;
	return v->ask_at;
}

/* Until the next comparison begins, which is up to begin_work(). */
static uint64_t run_begin(struct engine *e)
{
	struct engine_verify *v = &e->verify;
	uint64_t ready_by = v->began_at + VERIFY_READY_MS;
	unsigned living, ready;

	count_replicas(e, &living, &ready);
	if (e->now >= v->until || !living || (!ready && e->now >= ready_by)) {
		gather_peers(e);
		for (unsigned i = 0; i < v->n; i++)
			if (v->peer[i].outcome == VERIFY_WAITS)
				v->peer[i].outcome = VERIFY_TIMEOUT;
		finish(e);
		return e->now;
	}
	if (e->now < v->at)
		return v->at;
	return e->now < ready_by ? ready_by : v->until;
}

/* ---- source: the answers ---- */

static bool take_findings(struct verify_peer *r, const struct ctl_verified *m)
{
	struct rd left = rd_of(m->findings, m->len);

	if (!r->finding && m->named)
		r->finding = calloc(VERIFY_TOLD_MAX, sizeof(*r->finding));
	while (!rd_done(&left)) {
		struct verify_finding f;

		if (!ctl_finding_decode(&left, &f))
			return false;
		if (r->finding && r->n < VERIFY_TOLD_MAX)
			r->finding[r->n++] = f;
	}
	return true;
}

bool verify_on_answer(struct engine *e, struct peer *p, const struct ctl_verified *m)
{
	struct engine_verify *v = &e->verify;
	struct verify_peer *r = record_of(v, p->id);

	v->understood |= p->id == e->stream.sender;
	if (!e->is_source || v->state != VERIFY_ASK || m->round != v->round || !r ||
	    r->outcome != VERIFY_WAITS || !stream_key_equal(&m->stream, &e->stream))
		return true;
	r->answered = true;
	if (m->state == VERIFIED_UNABLE)
		r->outcome = VERIFY_CUT;
	r->settled |= m->state == VERIFIED_SETTLED;
	finalize(e, r);
	if (m->state != VERIFIED_DONE || !r->final || m->first != r->n)
		return true;
	r->last = *m;
	if (!take_findings(r, m))
		return false;
	if (!m->len || r->n >= m->named)
		r->outcome = VERIFY_COMPARED;
	else
		ask(e, r);
	return true;
}

/* ---- replica ---- */

static void answer(struct engine *e, const struct ctl_verify *m)
{
	const struct engine_account *a = &e->account;
	struct ctl_msg reply = {.type = CTL_VERIFIED,
				.verified = {.stream = e->stream,
					     .round = m->round,
					     .state = VERIFIED_RUNNING,
					     .flags = a->more ? VERIFIED_MORE : 0,
					     .flows = a->flows,
					     .missing = a->missing,
					     .extra = a->extra,
					     .different = a->different,
					     .named = a->n_findings,
					     .first = m->first}};

	if (a->state == ACCOUNT_NONE || a->round != m->round) /* or its COMPARE is on its way */
		reply.verified.state =
			e->receiver.next <= m->at ? VERIFIED_RUNNING : VERIFIED_UNABLE;
	else if (a->state == ACCOUNT_SETTLED)
		reply.verified.state = VERIFIED_SETTLED;
	else if (a->state == ACCOUNT_DONE)
		reply.verified.state = VERIFIED_DONE;
	if (reply.verified.state == VERIFIED_DONE && m->first < a->n_findings)
		ctl_findings_encode(&reply.verified, a->finding + m->first,
				    a->n_findings - (unsigned)m->first);
	engine_send_ctl(e, &reply);
}

/* A replica of ours wants one. What is under way may have begun before it asked. */
static void on_wanted(struct engine *e)
{
	const struct ctl_msg understood = {
		.type = CTL_VERIFIED, .verified = {.stream = e->stream, .state = VERIFIED_RUNNING}};
	const struct engine_verify *v = &e->verify;

	engine_send_ctl(e, &understood);
	if (v->state == VERIFY_IDLE && e->now - v->ended_at >= VERIFY_PAUSE_MS)
		begin(e, 0);
}

void verify_on_ask(struct engine *e, struct peer *p, const struct ctl_verify *m)
{
	struct engine_account *a = &e->account;
	uint64_t applied = e->receiver.next - 1;

	if (m->to != e->conf.self || !stream_key_equal(&m->stream, &e->stream))
		return;
	if (e->is_source && m->flags & VERIFY_WANTED)
		on_wanted(e);
	if (e->is_source || p->id != e->stream.sender || m->flags & VERIFY_WANTED)
		return;
	if (m->flags & VERIFY_FINAL && a->state == ACCOUNT_SETTLED && a->round == m->round &&
	    applied >= m->at)
		account_judge(e);
	answer(e, m);
}

static void ask_source(struct engine *e)
{
	const struct ctl_msg m = {
		.type = CTL_VERIFY,
		.verify = {.stream = e->stream, .to = e->stream.sender, .flags = VERIFY_WANTED}};

	engine_send_ctl(e, &m);
	e->verify.ask_at = e->now + ENGINE_ASK_AGAIN_MS;
}

/* Of a replica: what its account says, or why there is none. */
static uint64_t run_replica(struct engine *e)
{
	struct engine_verify *v = &e->verify;
	const struct engine_account *a = &e->account;
	bool opened = a->state != ACCOUNT_NONE && a->opened_at >= v->began_at;
	bool ready = e->rep.state == REPLICA_CLEAN;

	if (opened && a->state == ACCOUNT_DONE) {
		tell_account(e);
		end(e);
	} else if (!replica_hears_source(e)) {
		end_with(e, VERIFY_NO_SOURCE);
	} else if (e->now >= v->until) {
		end_with(e, VERIFY_TIMEOUT);
	} else if (!ready && e->now >= v->began_at + VERIFY_READY_MS && !opened) {
		end_with(e, VERIFY_SYNCING);
	} else if (ready && !v->understood && e->now >= v->began_at + VERIFY_SILENT_MS) {
		end_with(e, VERIFY_SILENT);
	} else if (ready && !opened && e->now >= v->ask_at) {
		ask_source(e);
	}
	return e->verify.state == VERIFY_IDLE ? UINT64_MAX : e->now + ENGINE_ASK_AGAIN_MS;
}

/* ---- timers ---- */

uint64_t verify_run(struct engine *e)
{
	if (e->verify.state == VERIFY_IDLE)
		return UINT64_MAX;
	if (!e->is_source)
		return run_replica(e);
	return e->verify.state == VERIFY_ASK ? run_ask(e) : run_begin(e);
}
