/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface, roles, timers and status of the engine; what it does in each role is in
 * engine_source.c and engine_replica.c. */
#include "engine_impl.h"

#include <errno.h>

#include "pulse.h"
#include "vrouter/pages.h"

void engine_conf_defaults(struct engine_conf *c)
{
	*c = (struct engine_conf){
		/* an Ethernet frame less IPv4, UDP, our header and the tag */
		.mtu_body = 1500 - 28 - DGRAM_HDR_LEN - DGRAM_TAG_LEN,
		.ring_bytes = 2048 * 1024,
		.reorder_bytes = 1024 * 1024,
		.heartbeat_ms = 100,
		/* above every normal timeout (five days), so that re-arming only ever lowers */
		.pin_s = 7 * 24 * 3600,
		.audit_ms = 5 * 60 * 1000,
	};
	flow_timeouts_default(&c->timeouts);
}

static bool conf_is_valid(const struct engine_conf *c)
{
	return c->self && c->name[0] && memchr(c->name, 0, sizeof(c->name)) &&
	       c->mtu_body >= CTL_BODY_MAX && c->mtu_body <= 65000 &&
	       c->ring_bytes >= 4 * c->mtu_body && c->ring_bytes <= UINT32_MAX &&
	       c->reorder_bytes >= 4 * c->mtu_body && c->heartbeat_ms && c->pin_s &&
	       c->locals.n <= FLOW_LOCALS_MAX &&
	       (!c->filter || (c->filter->n_only <= FILTER_NETS_MAX &&
			       c->filter->n_ignored <= FILTER_NETS_MAX)) &&
	       c->hold_new_ms <= ENGINE_HOLD_MAX_MS && c->beats.every_ms <= ENGINE_BEAT_MAX_MS &&
	       (!c->beats.every_ms || c->beats.misses >= BEAT_MISSES_MIN);
}

static void on_emit(void *ctx, uint64_t seq, const uint8_t *body, size_t len)
{
	struct engine *e = ctx;
	struct dgram_hdr h = {.kind = DGRAM_DATA,
			      .router = e->conf.router,
			      .sender = e->conf.self,
			      .term = e->stream.term,
			      .seq = seq};

	memcpy(h.epoch, e->epoch, sizeof(h.epoch));
	e->ops->send(e->ctx, &h, body, len);
}

static void use_room(struct engine *e)
{
	e->expects.look = e->room.look;
	e->verify.peer = e->room.verify;
	e->neigh.own = e->room.own;
	e->neigh.own_stamp = e->room.own_stamp;
	e->neigh.seen = e->room.seen;
	e->neigh.former = e->room.former;
}

int engine_new(struct engine **out, const struct engine_conf *conf, const struct engine_ops *ops,
	       void *ctx, struct sync_counters *counters, uint64_t now)
{
	struct engine *e;
	uint32_t seed;
	int err;

	if (!conf_is_valid(conf))
		return -EINVAL;
	e = pages_new(sizeof(*e));
	if (!e)
		return -ENOMEM;
	use_room(e);
	e->conf = *conf;
	e->ops = ops;
	e->ctx = ctx;
	e->counters = counters;
	e->now = now;
	e->started_at = now;
	e->status_at = now;
	e->conf.filter = NULL;
	e->filtering = conf->filter && !flow_filter_is_empty(conf->filter);
	if (e->filtering)
		e->filter = *conf->filter;
	e->window = conf->ring_bytes / conf->mtu_body / 2;
	if (e->window > ENGINE_WINDOW)
		e->window = ENGINE_WINDOW;
	e->peers.loss_ms = 5 * conf->heartbeat_ms + 500;
	e->peers.pulse = conf->pulse;
	ops->random(ctx, e->hash_key, sizeof(e->hash_key));
	ops->random(ctx, e->ctl_epoch, sizeof(e->ctl_epoch));
	ops->random(ctx, &seed, sizeof(seed));
	err = receiver_init(&e->receiver, conf, counters, replica_deliver, e, seed);
	if (err < 0)
		goto free_engine;
	err = sender_init(&e->sender, conf, counters, on_emit, e);
	if (err < 0)
		goto free_receiver;
	err = hold_init(&e->hold, conf->hold_new_ms);
	if (err < 0)
		goto free_sender;
	replica_enter(e);
	engine_status(e, &e->shown);
	*out = e;
	return 0;

free_sender:
	sender_fini(&e->sender);
free_receiver:
	receiver_fini(&e->receiver);
free_engine:
	pages_free(e, sizeof(*e));
	return err;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	repair_seen_free(&e->rep.seen);
	expects_forget(e);
	neigh_forget(e);
	account_free(e);
	verify_stop(e);
	compare_forget(e);
	round_forget(e);
	hold_fini(&e->hold);
	sender_fini(&e->sender);
	receiver_fini(&e->receiver);
	pages_free(e, sizeof(*e));
}

void engine_knows_term(struct engine *e, uint32_t term)
{
	if (term > e->known_term)
		e->known_term = term;
}

uint32_t engine_jitter(struct engine *e, uint32_t below)
{
	uint32_t v;

	e->ops->random(e->ctx, &v, sizeof(v));
	return below ? v % below : 0;
}

/* ---- dumps ---- */

void engine_job_begin(struct engine *e, enum engine_job job)
{
	e->job = job;
	e->job_start = true;
	e->job_at = e->now;
}

int engine_job_dump(struct engine *e)
{
	bool start = e->job_start;
	int more;

	if (start) {
		repair_changed_clear(&e->room.changed);
		e->dumped = 0;
		e->dumped_in = 0;
	}
	e->job_start = false;
	more = e->ops->dump(e->ctx, start);
	if (more == 0) {
		e->passed = e->dumped;
		e->passed_in = e->dumped_in;
	}
	/* only now: what this call gave may be as old as the one before */
	repair_changed_clear(&e->room.changed);
	return more;
}

void engine_on_dump(struct engine *e, const struct flow *f)
{
	if (!flow_is_through(f, &e->conf.locals))
		return;
	if (e->is_source)
		source_on_dump(e, f);
	else
		replica_on_dump(e, f);
}

/* ---- control messages ---- */

static void send_ctl(struct engine *e, const uint8_t *body, size_t len)
{
	struct dgram_hdr h = {.kind = DGRAM_CONTROL,
			      .router = e->conf.router,
			      .sender = e->conf.self,
			      .term = e->known_term,
			      .seq = ++e->ctl_seq};

	memcpy(h.epoch, e->ctl_epoch, sizeof(h.epoch));
	e->ops->send(e->ctx, &h, body, len);
}

void engine_send_ctl(struct engine *e, const struct ctl_msg *m)
{
	uint8_t buf[CTL_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	ctl_encode(&w, m);
	send_ctl(e, buf, wr_len(&w));
}

static enum engine_phase phase_of(const struct engine *e)
{
	if (e->is_source)
		return ENGINE_SOURCE;
	if (!replica_hears_source(e))
		return ENGINE_ALONE;
	return e->rep.state == REPLICA_CLEAN ? ENGINE_READY : ENGINE_SYNCING;
}

static void send_status(struct engine *e)
{
	uint8_t buf[CTL_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct ctl_msg m = {
		.type = CTL_STATUS,
		.status = {.phase = (uint8_t)phase_of(e),
			   .percent = (uint8_t)(e->is_source ? 100 : replica_percent(e)),
			   .known_term = e->known_term,
			   .stream = e->stream,
			   .seq = e->is_source ? e->sender.seq : e->receiver.next - 1}};

	memcpy(m.status.name, e->conf.name, sizeof(m.status.name));
	report_refresh(e);
	report_fill(e, &m.status);
	m.status.every_ms = quiet_said_ms(e);
	m.status.life = e->conf.pulse ? pulse_life(e->conf.pulse) : 0;
	trust_encode(e, &w);
	ctl_encode(&w, &m);
	if (e->is_source) {
		neigh_encode(e, &w);
		handover_encode(e, &w);
	}
	send_ctl(e, buf, wr_len(&w));
	e->status_due = false;
	e->status_sent_at = e->now;
	e->status_at = quiet_due(e);
}

static void clash(struct engine *e)
{
	e->clash_at = e->now;
	/* right after a start these may be our own of before it */
	if (e->now - e->started_at >= e->peers.loss_ms)
		e->alarms |= ENGINE_ALARM_ID_CLASH;
}

/* Somebody with our id answers our challenges, as we do his; a record of ourselves does not. */
static void on_own(struct engine *e, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	if (h->kind != DGRAM_CONTROL || memcmp(h->epoch, e->ctl_epoch, sizeof(h->epoch)) == 0) {
		engine_count(e, SYNC_RX_OWN);
		return;
	}
	engine_count(e, SYNC_RX_ID_CLASH);
	e->own.id = e->conf.self;
	if (trust_control(e, &e->own, h, body, len))
		clash(e);
}

static bool on_status(struct engine *e, struct peer *p, const struct ctl_status *s)
{
	uint64_t acked = stream_key_equal(&p->status.stream, &s->stream) ? p->status.seq : 0;
	bool changed;

	if (s->phase > ENGINE_SOURCE || s->percent > 100 || s->hearing > ENGINE_HEARING_DEAF ||
	    s->every_ms > ENGINE_QUIET_MAX_MS)
		return false;
	if (p->number < p->status_number)
		return true; /* overtaken by a newer one */
	p->status_number = p->number;
	if (p->named && strcmp(p->status.name, s->name) != 0) {
		engine_count(e, SYNC_RX_ID_CLASH);
		clash(e);
	}
	changed = !p->named || p->lost || p->status.phase != s->phase ||
		  p->status.hearing != s->hearing;
	e->peers_changed |= changed;
	e->quiet.stirred |= changed;
	p->status = *s;
	p->named = true;
	p->lost = false;
	source_note_follower(e, p);
	engine_knows_term(e, s->known_term);
	if (e->is_source)
		source_on_status(e, p, acked);
	else
		replica_on_status(e, p);
	return true;
}

static void for_core(struct engine *e, const struct peer *p, const struct ctl_msg *m)
{
	if (m->type == CTL_HANDOVER)
		handover_on_ask(e, p, &m->handover);
	else if (m->type == CTL_LEAVING)
		handover_on_leaving(e, p, &m->handover);
	else
		reserve_on_word(e, p, &m->reserve);
}

/* false: it makes no sense. */
static bool on_ctl(struct engine *e, struct peer *p, const struct ctl_msg *m)
{
	switch ((enum ctl_type)m->type) {
	case CTL_STATUS:
		return on_status(e, p, &m->status);
	case CTL_NACK:
		if (e->is_source)
			source_on_nack(e, &m->nack);
		else
			replica_on_nack(e, &m->nack);
		return true;
	case CTL_REPAIR:
		if (e->is_source)
			source_on_repair(e, p, &m->repair);
		return true;
	case CTL_DIFFER:
		if (e->is_source)
			round_on_differ(e, p, &m->differ);
		return true;
	case CTL_GONE:
		if (!e->is_source && p->id == m->gone.stream.sender)
			replica_on_gone(e, &m->gone);
		return true;
	case CTL_CHALLENGE:
		trust_on_challenge(e, p, &m->challenge);
		return true;
	case CTL_ECHO:
		trust_on_echo(e, p, &m->challenge);
		return true;
	case CTL_ASK:
		path_on_ask(e, p, &m->challenge);
		return true;
	case CTL_VOUCH:
		path_on_vouch(e, p, &m->challenge);
		return true;
	case CTL_NEIGH_STATE:
		neigh_on_state(e, p, &m->neigh);
		return true;
	case CTL_NEIGH_WANT:
		neigh_on_want(e, &m->neigh);
		return true;
	case CTL_NEIGH_PAGE:
		neigh_on_page(e, p, &m->neigh);
		return true;
	case CTL_BEAT:
		return beats_on_message(e, &m->beat);
	case CTL_VERIFY:
		verify_on_ask(e, p, &m->verify);
		return true;
	case CTL_VERIFIED:
		return verify_on_answer(e, p, &m->verified);
	case CTL_HANDOVER:
	case CTL_LEAVING:
	case CTL_RESERVE:
		for_core(e, p, m);
		return true;
	case CTL_PULSE: /* of a process, not of its routers */
		return true;
	}
	return true;
}

static void on_control(struct engine *e, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct peer *p = peers_place(&e->peers, h, e->now);
	struct rd r = rd_of(body, len);
	enum ctl_decoded got;
	struct ctl_msg m;

	if (!p) {
		engine_count(e, SYNC_RX_NO_PLACE);
		return;
	}
	if (!trust_control(e, p, h, body, len))
		return;
	if (h->seq == p->top) /* what was held up says nothing of now */
		peer_is_heard(&e->peers, p, e->now);
	engine_count(e, SYNC_RX_DATAGRAMS);
	do {
		got = ctl_decode(&r, &m);
		if (got == CTL_BAD || (got == CTL_MSG && !on_ctl(e, p, &m))) {
			engine_count(e, SYNC_RX_BAD_BODY);
			return;
		}
	} while (got != CTL_END);
}

void engine_on_datagram(struct engine *e, const struct dgram_hdr *h, const uint8_t *body,
			size_t len, uint64_t now)
{
	e->now = now;
	if (h->router != e->conf.router) {
		engine_count(e, SYNC_RX_OTHER_STREAM);
	} else if (h->sender == e->conf.self) {
		on_own(e, h, body, len);
	} else if (h->kind == DGRAM_CONTROL) {
		on_control(e, h, body, len);
	} else if (e->is_source) {
		engine_count(e, SYNC_RX_OTHER_STREAM);
	} else {
		replica_on_data(e, h, body, len);
	}
}

/* ---- roles ---- */

uint32_t engine_promote(struct engine *e, uint32_t min_term, uint64_t now)
{
	e->now = now;
	if (e->is_source)
		return e->stream.term;
	/* What waits behind a gap is newer than what we have: better than nothing. But a listing or
	 * a comparison with a hole is none. */
	replica_skip_to(e, e->receiver.top + 1);
	replica_commit(e);
	replica_leave(e);
	e->rep.trailing = false;
	e->leaving.trail_ms = 0;
	e->alarms &= ~(uint32_t)ENGINE_ALARM_TABLE_FULL;
	engine_knows_term(e, min_term);
	e->is_source = true;
	e->src.rearm_passes = ENGINE_REARM_PASSES;
	e->src.rearm_at = now + ENGINE_REARM_PAUSE_MS;
	expects_promoted(e);
	source_open(e, e->known_term < UINT32_MAX ? e->known_term + 1 : UINT32_MAX);
	send_status(e);
	return e->stream.term;
}

void engine_demote(struct engine *e, uint64_t now)
{
	e->now = now;
	if (!e->is_source)
		return;
	source_close(e);
	verify_stop(e);
	e->is_source = false;
	replica_enter(e);
	send_status(e);
}

/* ---- timers ---- */

bool engine_other_source(const struct engine *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		/* one that fell silent when another took over is not a second one */
		n += p->id && p->named && !p->lost && p->status.phase == ENGINE_SOURCE &&
		     p->heard_at > e->stream_since + e->conf.heartbeat_ms;
	}
	return n > (e->is_source ? 0u : 1u);
}

static void update_alarms(struct engine *e)
{
	if (engine_other_source(e))
		e->alarms |= ENGINE_ALARM_TWO_SOURCES;
	else
		e->alarms &= ~(uint32_t)ENGINE_ALARM_TWO_SOURCES;
	if (e->now - e->clash_at >= e->peers.loss_ms)
		e->alarms &= ~(uint32_t)ENGINE_ALARM_ID_CLASH;
	report_alarms(e);
}

static void tell_of_change(struct engine *e)
{
	struct engine_status s;

	engine_status(e, &s);
	if (!e->peers_changed && s.phase == e->shown.phase && s.alarms == e->shown.alarms &&
	    s.term == e->shown.term && s.source == e->shown.source)
		return;
	if (s.phase != e->shown.phase)
		e->status_due = true;
	e->peers_changed = false;
	e->shown = s;
	e->ops->on_status(e->ctx);
}

void engine_slept(struct engine *e, uint64_t ms)
{
	e->peers.slept_ms += ms;
}

uint64_t engine_run(struct engine *e, uint64_t now)
{
	uint64_t next;

	e->now = now;
	e->peers_changed |= peers_expire(&e->peers, now);
	e->rep.heard = e->rep.heard && replica_hears_source(e); /* until it is heard again */
	trust_renew(e);
	next = e->is_source ? source_run(e) : replica_run(e);
	if (e->is_source)
		next = engine_min(next, neigh_run(e));
	next = engine_min(next, beats_run(e));
	next = engine_min(next, reserve_run(e));
	next = engine_min(next, peers_due(&e->peers, now));
	if (now - e->lag.checked_ms >= LAG_EVERY_MS)
		e->lag_ms = lag_update(&e->lag, e, now);
	update_alarms(e);
	quiet_look(e);
	tell_of_change(e);
	/* at most one a millisecond, however many datagrams ask for it */
	if (now >= e->status_at || (e->status_due && now > e->status_sent_at))
		send_status(e);
	if (e->status_due)
		next = engine_min(next, e->status_sent_at + 1);
	return engine_min(next, e->status_at);
}

/* ---- status ---- */

void engine_status(const struct engine *e, struct engine_status *out)
{
	*out = (struct engine_status){
		.phase = phase_of(e),
		.alarms = e->alarms,
		.term = e->stream.term,
		.known_term = e->known_term,
		.seq = e->is_source ? e->sender.seq : e->receiver.next - 1,
		.repair_percent = (uint8_t)(e->is_source ? 100 : replica_percent(e)),
		.lag_ms = e->lag_ms,
		.repair = report_last(e),
		.beats = beats_state(e),
	};
	if (e->is_source) {
		out->source = e->conf.self;
		memcpy(out->source_name, e->conf.name, sizeof(out->source_name));
	} else if (out->phase != ENGINE_ALONE) {
		out->source = e->stream.sender;
		for (unsigned i = 0; i < e->peers.n; i++)
			if (e->peers.peer[i].id == out->source)
				memcpy(out->source_name, e->peers.peer[i].status.name,
				       sizeof(out->source_name));
	}
}

unsigned engine_peers(const struct engine *e, struct engine_peer out[static ENGINE_PEERS_MAX],
		      uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];
		struct engine_peer *o = &out[n];
		const struct ctl_status *s = &p->status;

		if (!p->id || !p->named)
			continue;
		*o = (struct engine_peer){.id = p->id,
					  .phase = (enum engine_phase)s->phase,
					  .term = s->stream.term,
					  .acked = s->seq,
					  .heard_ms_ago = now - p->heard_at,
					  .lost = p->lost,
					  .follows = p->follows,
					  .percent = s->percent,
					  .detailed = s->detailed,
					  .flows = s->flows,
					  .flows_max = s->flows_max,
					  .lag_ms = s->lag_ms,
					  .repair = s->repair,
					  .hearing = (enum engine_hearing)s->hearing};
		memcpy(o->name, s->name, sizeof(o->name));
		if (e->is_source && s->phase != ENGINE_SOURCE &&
		    stream_key_equal(&s->stream, &e->stream) && s->seq < e->sender.seq)
			o->behind = e->sender.seq - s->seq;
		n++;
	}
	return n;
}
