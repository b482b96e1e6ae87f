/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine as replica: applying its stream, and being repaired.
 *
 *            a stream begins, a hole in it,           every flow that is
 *            a change that did not fit                not listed is deleted
 *   any ───────────────────────────────> NEED          ┌──> SWEEP ──> CLEAN
 *                                         └─ BEGIN ─> COLLECT ─ END ─┘
 *
 * A BEGIN is used whenever it is needed, whoever asked for it; a FORCED one by everybody. During
 * COLLECT every flow that the stream puts is remembered (as a hash) until the sweep is over. */
#include "engine_impl.h"

#include <errno.h>

bool replica_covers(const struct engine *e, const struct flow *f)
{
	return !e->rep.partial || bucket_set_has(&e->cmp.listed, buckets_of(&e->cmp.by, f));
}

void replica_forget_repair(struct engine *e)
{
	repair_seen_free(&e->rep.seen);
	compare_forget(e);
	account_on_hole(e);
	if (e->job == JOB_SWEEP)
		e->job = JOB_NONE;
}

/* What the kernel holds is no longer known to be what the source holds. */
void replica_need_repair(struct engine *e, uint32_t delay_ms)
{
	struct engine_replica *r = &e->rep;

	if (r->state == REPLICA_NEED)
		return;
	r->leisure = false;
	if (r->state == REPLICA_CLEAN)
		e->status_due = true;
	else if (r->state == REPLICA_COLLECT || r->state == REPLICA_SWEEP)
		engine_count(e, SYNC_REPAIRS_FAILED);
	replica_forget_repair(e);
	r->state = REPLICA_NEED;
	r->ask_at = e->now + delay_ms + engine_jitter(e, ENGINE_GATHER_MS);
}

/* Changes that the kernel does not take will not fit better the next moment. */
static uint32_t next_backoff(struct engine *e)
{
	struct engine_replica *r = &e->rep;
	uint32_t delay;

	if (r->state == REPLICA_CLEAN && e->now - r->clean_since > ENGINE_BACKOFF_MAX_MS)
		r->backoff_ms = 0;
	delay = r->backoff_ms;
	if (!delay)
		r->backoff_ms = ENGINE_BACKOFF_MIN_MS;
	else if (delay < ENGINE_BACKOFF_MAX_MS / 2)
		r->backoff_ms = delay * 2;
	else
		r->backoff_ms = ENGINE_BACKOFF_MAX_MS;
	return delay;
}

/* A thousand flows that fail together are one reason to wait longer, not a thousand. */
void replica_need_repair_later(struct engine *e)
{
	if (e->rep.state != REPLICA_NEED)
		replica_need_repair(e, next_backoff(e));
}

/* ---- applying ---- */

void replica_commit(struct engine *e)
{
	if (!e->rep.uncommitted)
		return;
	e->rep.uncommitted = false;
	e->rep.updates_pending = false;
	e->ops->commit(e->ctx);
}

/* Complete puts are what the sweep spares. An update is of a flow that is listed, too; should it
 * miss the flow, whether it was listed by then tells if that matters, so it is committed before. */
static void remember(struct engine *e, unsigned type, const struct flow *f)
{
	struct engine_replica *r = &e->rep;

	if (r->state == REPLICA_NEED || r->state == REPLICA_CLEAN)
		return;
	if (type == OP_PUT_UPDATE) {
		r->updates_pending |= r->state != REPLICA_SWEEP;
		return;
	}
	if (r->updates_pending)
		replica_commit(e);
	/* before COLLECT nobody knows which will be */
	if (r->state == REPLICA_COMPARE || r->state == REPLICA_DIFFER || replica_covers(e, f))
		repair_seen_add(&r->seen, flow_hash(f, r->seen_key));
}

static bool covers_all(const struct op_begin *b)
{
	return b->log2_buckets < 64 && b->n == 1 && b->range[0].first == 0 &&
	       b->range[0].count == 1ull << b->log2_buckets;
}

void replica_collect(struct engine *e, uint32_t id, uint64_t expected, bool partial)
{
	struct engine_replica *r = &e->rep;
	bool failed;

	replica_commit(e);
	failed = partial && r->failed; /* outside of these buckets */
	if (!partial) {
		replica_forget_repair(e);
		repair_seen_start(&r->seen, expected);
		memcpy(r->seen_key, e->hash_key, sizeof(r->seen_key));
	}
	r->state = REPLICA_COLLECT;
	r->partial = partial;
	r->repair_id = id;
	r->expected = expected;
	r->listed = 0;
	r->failed = failed;
	r->collect_at = e->now;
}

static bool apply_begin(struct engine *e, struct rd body)
{
	struct engine_replica *r = &e->rep;
	struct op_begin b;

	if (!op_begin_decode(body, &b))
		return false;
	if (!covers_all(&b) || (!(b.flags & REPAIR_FORCED) &&
				(r->state == REPLICA_CLEAN || r->state == REPLICA_SWEEP)))
		return true;
	report_repair_begins(e, REPAIR_WHY_EVENTS);
	if (r->state == REPLICA_CLEAN)
		e->status_due = true;
	replica_collect(e, b.id, b.expected, false);
	return true;
}

static bool apply_end(struct engine *e, struct rd body)
{
	uint32_t id = rd_be32(&body);

	if (!rd_ok(&body))
		return false;
	account_on_end(e, id);
	if (e->rep.state != REPLICA_COLLECT || id != e->rep.repair_id)
		return true;
	replica_commit(e); /* until here a missing flow could be yet to come */
	if (e->rep.seen.failed)
		replica_need_repair_later(e);
	else
		e->rep.state = REPLICA_SWEEP;
	return true;
}

/* OP_EXTENDED is OPX_PUT. */
/* A complete flow that may be there changes what is there, which keeps what cannot be taken back.
 * Until a repair is through, that may be another source's: then it is made anew. */
static enum flow_put how_to_put(const struct engine *e, unsigned type)
{
	if (type == OP_PUT_UPDATE)
		return FLOW_PUT_UPDATE;
	if (e->rep.trailing)
		return FLOW_PUT_ABSENT;
	return type == OP_EXTENDED && e->rep.state == REPLICA_CLEAN ? FLOW_PUT_EITHER
								    : FLOW_PUT_NEW;
}

static bool apply_put(struct engine *e, unsigned type, struct rd body, const struct flow_refs *refs)
{
	struct flow f;

	if (type == OP_LIST && e->rep.state != REPLICA_COLLECT)
		return account_on_list(e, body, refs);
	if (flow_decode_put(body, refs, &f) != FLOW_OK)
		return false;
	if (e->cmp.audit)
		compare_touched(e, &f);
	account_on_change(e, type, &f);
	remember(e, type, &f);
	if (type == OP_LIST) {
		e->rep.listed++;
		report_repair_listed(e);
		e->rep.collect_at = e->now;
	}
	e->rep.uncommitted = true;
	e->ops->put(e->ctx, &f, how_to_put(e, type));
	return true;
}

static bool apply_del(struct engine *e, struct rd body, const struct flow_refs *refs)
{
	struct flow f;

	if (flow_decode_del(body, refs, &f) != FLOW_OK)
		return false;
	/* it may be in use here by now; if not, it ends by itself */
	if (e->rep.trailing)
		return true;
	if (e->cmp.audit)
		compare_touched(e, &f);
	account_on_change(e, OP_DEL, &f);
	e->rep.uncommitted = true;
	e->ops->del(e->ctx, &f);
	return true;
}

static bool apply_extended(struct engine *e, struct rd body, const struct flow_refs *refs)
{
	unsigned type = rd_u8(&body);

	if (!rd_ok(&body))
		return false;
	switch (type) {
	case OPX_COMPARE:
		return compare_on_begin(e, body);
	case OPX_DIGESTS:
		return compare_on_digests(e, body);
	case OPX_BUCKETS:
		return compare_on_buckets(e, body);
	case OPX_PUT:
		return apply_put(e, OP_EXTENDED, body, refs);
	}
	return expects_on_op(e, type, body, refs);
}

static bool apply_op(struct engine *e, unsigned type, struct rd body, const struct flow_refs *refs)
{
	if (type >= OP_LIST)
		report_repair_bytes(e, body.left + 1);
	switch (type) {
	case OP_PUT_NEW:
	case OP_PUT_UPDATE:
	case OP_LIST:
		return apply_put(e, type, body, refs);
	case OP_DEL:
		return apply_del(e, body, refs);
	case OP_BEGIN:
		return apply_begin(e, body);
	case OP_END:
		return apply_end(e, body);
	case OP_EXTENDED:
		return apply_extended(e, body, refs);
	}
	return true; /* of a newer peer */
}

/* The receiver's next datagram. */
void replica_deliver(void *ctx, const uint8_t *body, size_t len)
{
	struct engine *e = ctx;
	struct rd r = rd_of(body, len);
	struct flow_refs refs;
	uint8_t flags;
	bool ok = data_decode_head(&r, &flags, &refs);

	while (ok && !rd_done(&r)) {
		unsigned type;
		struct rd op;

		ok = op_decode(&r, &type, &op) && apply_op(e, type, op, &refs);
	}
	if (!ok) {
		engine_count(e, SYNC_RX_BAD_BODY);
		expects_forget(e);
		report_repair_begins(e, REPAIR_WHY_BODY);
		replica_need_repair_later(e);
	}
}

/* ---- reading our own kernel ---- */

void replica_sweep(struct engine *e, const struct flow *f)
{
	struct flow id = *f;

	if (!replica_covers(e, f) || repair_seen_has(&e->rep.seen, flow_hash(f, e->rep.seen_key)))
		return;
	id.has = 0;
	e->rep.uncommitted = true;
	e->ops->del(e->ctx, &id);
	engine_count(e, SYNC_REPAIR_DELETED);
}

static void repin_flow(struct engine *e, const struct flow *f)
{
	struct flow id = *f;

	if (!(f->has & FLOW_HAS_TIMEOUT) || f->timeout_s >= e->conf.pin_s / 2)
		return;
	id.has = 0;
	e->rep.uncommitted = true;
	e->ops->set_timeout(e->ctx, &id, e->conf.pin_s);
}

void replica_on_dump(struct engine *e, const struct flow *f)
{
	if (e->job == JOB_SWEEP)
		replica_sweep(e, f);
	else if (e->job == JOB_REPIN)
		repin_flow(e, f);
	else if (e->job == JOB_DIGEST)
		compare_on_flow(e, f);
	else if (e->job == JOB_VERIFY)
		account_on_flow(e, f);
}

static void sweep_end(struct engine *e)
{
	struct engine_replica *r = &e->rep;

	if (r->seen.failed || r->failed) {
		replica_need_repair_later(e);
		return;
	}
	replica_repaired(e);
}

void replica_repaired(struct engine *e)
{
	struct engine_replica *r = &e->rep;

	replica_forget_repair(e);
	r->state = REPLICA_CLEAN;
	r->leisure = false;
	r->clean_since = e->now;
	e->alarms &= ~(uint32_t)ENGINE_ALARM_TABLE_FULL;
	e->status_due = true;
	report_repair_done(e);
	engine_count(e, SYNC_REPAIRS);
}

/* One chunk of the running job; returns when to go on. */
static uint64_t job_step(struct engine *e)
{
	enum engine_job job = e->job;
	bool leisure;
	int more;

	if (e->now < e->job_at)
		return e->job_at;
	if (job == JOB_DIGEST && e->job_start)
		compare_restart(e);
	if (job == JOB_SWEEP && e->rep.partial && e->cmp.index.p)
		more = compare_sweep(e);
	else
		more = engine_job_dump(e);
	replica_commit(e);
	if (more > 0) {
		/* an audit takes its time, but for that of a verify */
		leisure = e->rep.leisure ||
			  (job == JOB_DIGEST && e->cmp.audit && !account_compares(&e->account));
		e->job_at = leisure ? engine_at_leisure(e) : e->now;
		return e->job_at;
	}
	if (more < 0) {
		e->job_start = true;
		e->job_at = e->now + ENGINE_RETRY_MS;
		return e->job_at;
	}
	e->job = JOB_NONE;
	if (job == JOB_SWEEP)
		sweep_end(e);
	else if (job == JOB_DIGEST)
		compare_own_done(e);
	else if (job == JOB_VERIFY)
		account_swept(e);
	return e->now;
}

/* ---- timers ---- */

static void ask_for_datagrams(struct engine *e)
{
	struct ctl_msg m = {.type = CTL_NACK, .nack = {.stream = e->stream}};

	m.nack.n = receiver_missing(&e->receiver, m.nack.range);
	engine_count(e, SYNC_RX_GAPS);
	engine_send_ctl(e, &m);
}

static void ask_for_repair(struct engine *e)
{
	struct ctl_msg m = {.type = CTL_REPAIR,
			    .repair = {.stream = e->stream,
				       .at = e->receiver.next - 1,
				       .n = 1,
				       .range = {{.first = 0, .count = 1}},
				       .flags = e->rep.leisure ? REPAIR_LEISURE : 0,
				       .flows = e->ops->count(e->ctx)}};

	engine_send_ctl(e, &m);
	e->rep.ask_at = e->now + ENGINE_ASK_AGAIN_MS + engine_jitter(e, ENGINE_ASK_AGAIN_MS / 4);
}

static uint64_t gap_step(struct engine *e)
{
	switch (receiver_step(&e->receiver, e->now)) {
	case RECEIVER_WAIT:
		break;
	case RECEIVER_ASK:
		ask_for_datagrams(e);
		break;
	case RECEIVER_GIVE_UP:
		replica_skip_to(e, receiver_resume(&e->receiver));
		break;
	}
	return receiver_due(&e->receiver);
}

static uint64_t repair_step(struct engine *e)
{
	struct engine_replica *r = &e->rep;

	if (r->state == REPLICA_COLLECT && e->now - r->collect_at >= ENGINE_COLLECT_MAX_MS)
		replica_need_repair(e, 0);
	switch (r->state) {
	case REPLICA_NEED:
		if (!replica_hears_source(e))
			return UINT64_MAX;
		if (e->now >= r->ask_at)
			ask_for_repair(e);
		return r->ask_at;
	case REPLICA_COMPARE:
	case REPLICA_DIFFER:
		return compare_run(e);
	case REPLICA_COLLECT:
		return r->collect_at + ENGINE_COLLECT_MAX_MS;
	case REPLICA_SWEEP:
		if (e->job == JOB_NONE)
			engine_job_begin(e, JOB_SWEEP);
		return UINT64_MAX;
	case REPLICA_CLEAN:
		if (e->job == JOB_NONE && e->now >= r->repin_at && replica_hears_source(e)) {
			r->repin_at = e->now + e->conf.pin_s * 250ull;
			engine_job_begin(e, JOB_REPIN);
		}
		return engine_min(compare_run(e), r->repin_at > e->now ? r->repin_at : UINT64_MAX);
	}
	return UINT64_MAX;
}

uint64_t replica_run(struct engine *e)
{
	uint64_t next;

	e->rep.leisure &= e->now < e->rep.leisure_until;
	replica_commit(e);
	next = gap_step(e);
	next = engine_min(next, repair_step(e));
	next = engine_min(next, engine_min(account_run(e), verify_run(e)));
	if (e->job != JOB_NONE)
		next = engine_min(next, job_step(e));
	replica_commit(e);
	return next;
}
