/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine as source: changes into the stream, retransmission, repairs for replicas, re-arming of
 * timeouts after a promotion.
 *
 * A repair lists the kernel's table inside the stream. Two things make that safe:
 * - A dumped entry may be as old as the previous dump call. A flow that changed since (`changed`)
 *   is looked up anew, so nothing is listed that is older than what the stream already said (G2).
 * - A flow may be listed before its NEW event was read. Until the events of that time are read,
 *   NEW and DESTROY of one flow do not cancel out but leave a DEL (`listed_unread`). */
#include "engine_impl.h"

#include <errno.h>

void source_open(struct engine *e, uint32_t term)
{
	struct rd r = rd_of(e->epoch, sizeof(e->epoch));

	drain_give_up(e);
	if (!e->src.forced) /* whoever follows the new stream is repaired anyway */
		e->alarms &= ~(uint32_t)ENGINE_ALARM_OVERRUN;
	e->ops->random(e->ctx, e->epoch, sizeof(e->epoch));
	e->stream = (struct stream_key){.term = term, .sender = e->conf.self};
	e->stream.epoch = rd_be64(&r);
	e->stream_since = e->now;
	engine_knows_term(e, term);
	sender_open(&e->sender);
	neigh_opened(e);
	hold_clear(&e->hold); /* the repair that a new stream begins with lists it */
	e->sender.ack_every = 0;
	if (e->job == JOB_SERVE || e->job == JOB_DIGEST)
		e->job = JOB_NONE;
	round_forget(e);
	verify_again(e);
	e->round.audit_at = e->now + e->conf.audit_ms;
	e->src = (struct engine_source){
		/* flows listed in an earlier stream of ours are still there */
		.listed_unread = true,
		.id = e->src.id,
		.forced = e->src.forced,
		.at = e->src.at,
		.overrun_at = e->src.overrun_at,
		.overrun_wait_ms =
			e->src.overrun_wait_ms ? e->src.overrun_wait_ms : ENGINE_RETRY_MS,
		.wanted = e->src.forced,
		.rearm_passes = e->src.rearm_passes,
		.rearm_at = e->src.rearm_at,
	};
	e->status_due = true;
}

void source_close(struct engine *e)
{
	source_release_held(e);
	expects_look(e);
	sender_send(&e->sender, false);
	expects_closed(e);
	drain_give_up(e);
	e->src.rearm_passes = 0;
	e->src.forced = false;
	e->sender.ack_every = 0;
	e->job = JOB_NONE;
	round_forget(e);
	e->alarms &= ~(uint32_t)ENGINE_ALARM_OVERRUN;
}

/* ---- changes ---- */

void source_change(struct engine *e, const struct flow *f, enum flow_change what)
{
	uint64_t hash = flow_hash(f, e->hash_key);
	bool listing = e->src.listed_unread || e->job == JOB_SERVE || e->job == JOB_DIGEST;

	if (e->job != JOB_NONE)
		repair_changed_add(&e->room.changed, hash);
	if (!source_hold_back(e, hash, f, what, listing))
		sender_change(&e->sender, hash, f, what, listing);
}

void source_force_repair(struct engine *e)
{
	e->alarms |= ENGINE_ALARM_OVERRUN;
	e->src.overrun_end_seq = 0;
	/* a source that cannot keep up must not be kept busy with repairs as well */
	if (!e->src.forced || !e->src.wanted) {
		if (e->now - e->src.overrun_at > ENGINE_BACKOFF_MAX_MS)
			e->src.overrun_wait_ms = ENGINE_RETRY_MS;
		e->src.at = e->now + e->src.overrun_wait_ms;
		if (e->src.overrun_wait_ms < ENGINE_OVERRUN_WAIT_MAX_MS)
			e->src.overrun_wait_ms *= 2;
	}
	e->src.overrun_at = e->now;
	e->src.lost_again = true;
	e->src.forced = true;
	e->src.wanted = true;
}

/* The kernel tells of no change of a sequence adjustment. A helper makes one when it translates
 * what announces another flow, so when that one comes, its master is looked at. No more than this
 * part is told: the rest may be newer than what was told so far. */
void source_tell_seqadj(struct engine *e, const struct flow *master)
{
	struct flow fresh;
	int err = e->ops->get(e->ctx, master, &fresh);

	if (err < 0 && err != -ENOENT)
		source_force_repair(e);
	if (err < 0 || !(fresh.has & FLOW_HAS_SEQADJ) ||
	    !flow_is_through(&fresh, &e->conf.locals) || !source_wants(e, &fresh))
		return;
	fresh.has &= FLOW_HAS_REPLY | FLOW_HAS_SEQADJ;
	source_change(e, &fresh, FLOW_UPDATE);
}

void source_tell_masters_seqadj(struct engine *e, const struct flow *child)
{
	const struct flow master = {.family = child->family,
				    .proto = child->rare.master_proto,
				    .zone = child->zone,
				    .orig = child->rare.master};

	source_tell_seqadj(e, &master);
}

void engine_on_change(struct engine *e, const struct flow *f, enum flow_change what, uint64_t now)
{
	e->now = now;
	if (!e->is_source)
		return;
	if (!flow_is_through(f, &e->conf.locals)) {
		engine_count(e, SYNC_EVENTS_LOCAL);
		return;
	}
	if (e->filtering)
		source_filtered_change(e, f, what);
	else
		source_change(e, f, what);
	if (what == FLOW_NEW && f->has & FLOW_HAS_MASTER)
		source_tell_masters_seqadj(e, f);
}

void engine_on_drained(struct engine *e, uint64_t now)
{
	e->now = now;
	if (!e->is_source)
		return;
	sender_send(&e->sender, false);
	e->src.listed_unread = false;
}

void engine_on_overrun(struct engine *e, uint64_t now)
{
	e->now = now;
	engine_count(e, SYNC_EVENT_OVERRUNS);
	if (!e->is_source)
		return;
	source_force_repair(e);
}

/* ---- what replicas say ---- */

/* A replica holds on to a stream that ranks above ours and has no living source: ours after a
 * restart, or that of somebody who is gone. It follows us only when our term is higher. */
static void check_rank(struct engine *e, const struct peer *p)
{
	const struct ctl_status *s = &p->status;
	bool stuck = s->phase == ENGINE_ALONE || s->stream.sender == e->conf.self;
	uint32_t term = e->known_term < UINT32_MAX ? e->known_term + 1 : UINT32_MAX;

	if (!stuck || s->phase == ENGINE_SOURCE || stream_key_equal(&s->stream, &e->stream) ||
	    stream_key_rank(&s->stream, &e->stream) < 0 || engine_other_source(e))
		return;
	sender_send(&e->sender, false);
	source_open(e, term);
}

void source_on_status(struct engine *e, struct peer *p, uint64_t acked_before)
{
	const struct ctl_status *s = &p->status;

	if (peer_follows(p, &e->stream)) {
		if (s->seq > acked_before || s->seq >= e->sender.seq)
			p->progress_at = e->now;
	} else {
		check_rank(e, p);
	}
}

void source_on_nack(struct engine *e, const struct ctl_nack *m)
{
	unsigned sent = 0;
	bool gone = false;

	if (!stream_key_equal(&m->stream, &e->stream))
		return;
	for (unsigned i = 0; i < m->n; i++) {
		uint64_t seq = m->range[i].first, last = seq + m->range[i].count;

		if (seq < e->sender.first) {
			gone = true;
			seq = e->sender.first;
		}
		for (; seq < last && seq <= e->sender.seq && sent < RECEIVER_NACK_MAX;
		     seq++, sent++)
			(void)sender_resend(&e->sender, seq, e->now, false);
	}
	if (gone) {
		struct ctl_msg reply = {.type = CTL_GONE,
					.gone = {.stream = e->stream, .first = e->sender.first}};

		engine_count(e, SYNC_TX_GONE);
		engine_send_ctl(e, &reply);
	}
}

void source_on_repair(struct engine *e, struct peer *p, const struct ctl_repair *m)
{
	bool leisure = m->flags & REPAIR_LEISURE;

	if (!stream_key_equal(&m->stream, &e->stream))
		return;
	p->progress_at = e->now;
	if (m->flags & REPAIR_AUDIT) {
		e->round.audit_at = engine_min(e->round.audit_at, e->now);
		return;
	}
	/* it will see the BEGIN or COMPARE that is on its way */
	if (e->job == JOB_SERVE && !e->round.partial && m->at < e->src.begin_seq)
		return;
	if (m->at < e->round.begin_seq) {
		e->round.audit = false;
		e->round.leisure &= leisure;
		e->round.leisure_until =
			engine_min(e->round.leisure_until, e->now + ENGINE_LEISURE_MAX_MS);
		return;
	}
	if (!e->src.wanted) {
		e->src.at = e->now + ENGINE_GATHER_MS;
		e->src.all_wanted = false;
		e->src.hurry = false;
	}
	e->src.wanted = true;
	e->src.hurry |= !leisure;
	/* most of the buckets would differ */
	if (!e->src.all_wanted)
		e->src.all_wanted = m->flows < source_count(e) / 4;
}

static uint64_t follow_ms(const struct engine *e)
{
	return (uint64_t)ENGINE_FOLLOWED_BEATS * e->conf.heartbeat_ms;
}

/* Where two sources meet, replicas and their sources hear of each other in any order, and who
 * follows whom is open until all have spoken. So it counts only when it lasts and no other source
 * is heard. */
void source_note_follower(struct engine *e, struct peer *p)
{
	bool replica = p->status.phase == ENGINE_SYNCING || p->status.phase == ENGINE_READY;
	bool follows;

	if (!e->is_source || !replica || !peer_follows(p, &e->stream) || engine_other_source(e))
		p->followed_at = 0;
	else if (!p->followed_at)
		p->followed_at = e->now;
	follows = p->followed_at && e->now - p->followed_at >= follow_ms(e);
	e->peers_changed |= follows != p->follows;
	e->quiet.stirred |= follows != p->follows;
	p->follows = follows;
}

/* ---- repairs ---- */

/* What every listing begins with, behind its BEGIN or BUCKETS. */
void source_serve_begun(struct engine *e)
{
	e->sender.ack_every = e->window / 4 + !(e->window / 4);
	for (unsigned i = 0; i < e->peers.n; i++)
		e->peers.peer[i].progress_at = e->now;
	e->src.listing_failed = false;
}

static void serve_buckets(struct engine *e)
{
	source_release_held(e);
	e->src.id++;
	round_list(e);
	source_serve_begun(e);
	engine_job_begin(e, JOB_SERVE);
}

static void serve_all(struct engine *e)
{
	uint8_t buf[CTL_BODY_MAX];
	struct op_begin b = {.id = ++e->src.id,
			     .flags = e->src.forced ? REPAIR_FORCED : 0,
			     .expected = source_count(e),
			     .n = 1,
			     .range = {{.first = 0, .count = 1}}};
	size_t len = op_begin_encode(buf, sizeof(buf), &b);

	source_release_held(e);
	sender_flush(&e->sender);
	sender_op(&e->sender, OP_BEGIN, buf, len);
	e->src.begin_seq = e->sender.seq + 1;
	e->src.wanted = false;
	e->src.lost_again = false;
	round_all_listed(e);
	source_serve_begun(e);
	engine_job_begin(e, JOB_SERVE);
}

static void serve_end(struct engine *e)
{
	uint8_t id[4];
	struct wr w = wr_of(id, sizeof(id));

	wr_be32(&w, e->src.id);
	sender_op(&e->sender, OP_END, id, sizeof(id));
	e->sender.ack_every = 0;
	sender_send(&e->sender, true);
	e->src.listed_unread = true;
	engine_count(e, SYNC_REPAIRS_SERVED);
	if (e->src.forced && !e->round.partial && !e->src.lost_again) {
		e->src.forced = false;
		e->src.overrun_end_seq = e->sender.seq;
	}
}

/* The slowest replica allows for more. Those that need no repair count, too: what the repair pushes
 * out of the ring can no longer be sent to them again. */
bool source_has_credit(const struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id && peer_follows(p, &e->stream) &&
		    e->now - p->progress_at < ENGINE_PACE_GIVE_UP_MS &&
		    e->sender.seq >= p->status.seq + e->window)
			return false;
	}
	return true;
}

/* Returns when to go on. */
static uint64_t serve_step(struct engine *e)
{
	bool from_index = e->round.partial && e->round.index.p;
	int more;

	if (!source_has_credit(e))
		return e->now + ENGINE_RETRY_MS; /* or at the next acknowledgement */
	sender_flush(&e->sender); /* what was said of a flow goes before its listing */
	more = from_index ? round_pick(e) : engine_job_dump(e);
	if (more == -EAGAIN && from_index)
		return e->now + ENGINE_GATHER_MS;
	if (more > 0 && !e->src.listing_failed) {
		e->job_at = round_lists_at_leisure(e) ? engine_at_leisure(e) : e->now;
		return e->job_at;
	}
	e->job = JOB_NONE;
	if (more == 0 && !e->src.listing_failed && expects_list(e)) {
		serve_end(e);
	} else { /* once more with another BEGIN */
		source_failed(e);
	}
	return e->now;
}

void source_failed(struct engine *e)
{
	e->src.listed_unread = true;
	if (e->job == JOB_NONE && e->round.partial) {
		round_list_again(e);
		return;
	}
	e->src.wanted = true;
	e->src.at = e->now + ENGINE_RETRY_MS;
}

/* As it is now. 0, also when it is gone, or -errno: it could not be looked up. */
int source_list_fresh(struct engine *e, const struct flow *f)
{
	struct flow fresh;
	int err = e->ops->get(e->ctx, f, &fresh);

	if (err == 0 && source_wants(e, &fresh))
		sender_list(&e->sender, &fresh);
	return err == -ENOENT ? 0 : err;
}

static void serve_flow(struct engine *e, const struct flow *f)
{
	if (e->round.partial && !round_lists(e, f))
		return;
	if (repair_changed_has(&e->room.changed, flow_hash(f, e->hash_key)))
		e->src.listing_failed |= source_list_fresh(e, f) < 0;
	else
		sender_list(&e->sender, f);
}

/* ---- timeouts after a promotion ---- */

static void rearm_flow(struct engine *e, const struct flow *f)
{
	uint32_t normal = flow_timeout_s(&e->conf.timeouts, f);
	struct flow id = *f;

	if (!(f->has & FLOW_HAS_TIMEOUT) || f->timeout_s <= normal)
		return;
	e->src.rearm_found = true;
	/* what changed since the entry was read: the next pass knows its new state */
	if (repair_changed_has(&e->room.changed, flow_hash(f, e->hash_key)))
		return;
	id.has = 0;
	e->ops->set_timeout(e->ctx, &id, normal);
	engine_count(e, SYNC_REARMED);
}

static uint64_t rearm_step(struct engine *e)
{
	int more = engine_job_dump(e);

	e->ops->commit(e->ctx);
	if (more > 0) {
		e->job_at = engine_at_leisure(e);
		return e->job_at;
	}
	e->job = JOB_NONE;
	e->src.rearm_at = e->now + (more < 0 ? ENGINE_RETRY_MS : ENGINE_REARM_PAUSE_MS);
	if (more < 0)
		return e->now;
	e->src.rearm_passes = e->src.rearm_found ? e->src.rearm_passes - 1 : 0;
	return e->now;
}

void source_on_dump(struct engine *e, const struct flow *f)
{
	/* a timeout is set back to normal whether replicas have the flow or not */
	if (e->filtering && !source_wants_dumped(e, f) && e->job != JOB_REARM)
		return;
	if (e->job == JOB_SERVE)
		serve_flow(e, f);
	else if (e->job == JOB_DIGEST)
		round_on_flow(e, f);
	else if (e->job == JOB_REARM)
		rearm_flow(e, f);
}

/* ---- timers ---- */

/* Every living replica is READY and has applied this number. */
static bool all_ready(const struct engine *e, uint64_t seq)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id && peer_follows(p, &e->stream) &&
		    (p->status.phase != ENGINE_READY || p->status.seq < seq))
			return false;
	}
	return true;
}

/* Lost events are made good when every living replica is through the repair that followed. */
static void check_overrun(struct engine *e)
{
	if (!(e->alarms & ENGINE_ALARM_OVERRUN) || !e->src.overrun_end_seq)
		return;
	if (all_ready(e, e->src.overrun_end_seq))
		e->alarms &= ~(uint32_t)ENGINE_ALARM_OVERRUN;
}

static bool has_followers(const struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++)
		if (e->peers.peer[i].id && peer_follows(&e->peers.peer[i], &e->stream))
			return true;
	return false;
}

/* Nobody needs what is remembered of it. An audit's verdict comes later. */
static bool round_is_over(const struct engine *e)
{
	if (e->now >= e->round.forget_at)
		return true;
	return !e->round.audit && !verify_needs_round(e) && all_ready(e, e->round.begin_seq);
}

/* The next bulk work, if any is due. */
static void begin_work(struct engine *e)
{
	struct engine_source *src = &e->src;

	if (e->round.list_wanted && e->now >= e->round.list_at) {
		serve_buckets(e);
	} else if (src->wanted && e->now >= src->at &&
		   (src->all_wanted || source_count(e) < ENGINE_COMPARE_MIN)) {
		serve_all(e);
	} else if (src->wanted && e->now >= src->at &&
		   (src->forced || e->now >= e->round.hold_until)) {
		src->wanted = false;
		src->lost_again = false;
		round_begin(e, src->forced  ? ROUND_FORCED
			       : src->hurry ? ROUND_REPAIR
					    : ROUND_LEISURE);
	} else if (verify_is_due(e)) {
		round_begin(e, ROUND_VERIFY);
	} else if (src->rearm_passes && e->now >= src->rearm_at) {
		src->rearm_found = false;
		engine_job_begin(e, JOB_REARM);
	} else if (e->conf.audit_ms && !src->rearm_passes && e->now >= e->round.audit_at &&
		   !verify_needs_round(e)) {
		if (has_followers(e))
			round_begin(e, ROUND_AUDIT);
		e->round.audit_at = e->now + e->conf.audit_ms;
	}
}

static uint64_t next_work(const struct engine *e)
{
	const struct engine_source *src = &e->src;
	uint64_t next = UINT64_MAX;

	if (src->wanted)
		next = src->at > e->round.hold_until ? src->at : e->round.hold_until;
	if (src->wanted && (src->forced || src->all_wanted))
		next = src->at;
	if (e->round.list_wanted)
		next = engine_min(next, e->round.list_at);
	if (src->rearm_passes)
		next = engine_min(next, src->rearm_at);
	if (e->conf.audit_ms && !src->rearm_passes)
		next = engine_min(next, e->round.audit_at);
	return next;
}

/* Who follows does not say so again for a while, where nothing happens. */
static uint64_t note_followers(struct engine *e)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < e->peers.n; i++) {
		struct peer *p = &e->peers.peer[i];

		if (!p->id || !peer_follows(p, &e->stream))
			continue;
		source_note_follower(e, p);
		if (p->followed_at && !p->follows)
			next = engine_min(next, p->followed_at + follow_ms(e));
	}
	return next;
}

uint64_t source_run(struct engine *e)
{
	uint64_t next = engine_min(engine_min(drain_run(e), source_hold_run(e)),
				   engine_min(expects_run(e), verify_run(e)));

	next = engine_min(next, note_followers(e));
	check_overrun(e);
	e->round.leisure &= e->now < e->round.leisure_until;
	if (e->job == JOB_NONE && !e->round.telling)
		begin_work(e);
	if (e->job != JOB_NONE && e->now < e->job_at)
		return engine_min(next, e->job_at);
	if (e->job == JOB_SERVE)
		return engine_min(next, serve_step(e));
	if (e->job == JOB_REARM)
		return engine_min(next, rearm_step(e));
	if (e->job == JOB_DIGEST || e->round.telling)
		return engine_min(next, round_step(e));
	if (e->round.asked.bits && !e->round.list_wanted && round_is_over(e))
		round_forget(e);
	return engine_min(next, next_work(e));
}
