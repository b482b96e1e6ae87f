/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparison, the replica's side. COMPARE in the stream starts a pass over the own table; when that
 * is through and the source's digests are there, the buckets that differ are known. A replica
 * that needs repair asks for them until BUCKETS names them all. One that needs none (an audit)
 * waits until what was on its way is applied, and leaves out buckets that live changes touched; in
 * a verify it asks for all of them, and goes on in engine_account.c.
 * Why this is sound: engine_round.c. */
#include "engine_impl.h"

void compare_forget(struct engine *e)
{
	struct engine_compare *c = &e->cmp;

	digests_free(&c->own);
	digests_free(&c->theirs);
	bucket_set_free(&c->doubt);
	bucket_set_free(&c->differ);
	bucket_set_free(&c->listed);
	repair_index_free(&c->index);
	c->running = false;
	if (e->job == JOB_DIGEST)
		e->job = JOB_NONE;
	account_on_forget(e);
}

static bool compare_start(struct engine *e, const struct op_compare *o)
{
	struct engine_compare *c = &e->cmp;

	compare_forget(e);
	*c = (struct engine_compare){.round = o->round, .by = o->by, .heard_at = e->now};
	if (!digests_start(&c->own, &c->by) || !digests_start(&c->theirs, &c->by) ||
	    !bucket_set_start(&c->doubt, &c->by) || !bucket_set_start(&c->differ, &c->by) ||
	    !bucket_set_start(&c->listed, &c->by)) {
		compare_forget(e);
		return false;
	}
	c->running = true;
	if (e->job == JOB_REPIN) /* later, then */
		e->rep.repin_at = e->now;
	engine_job_begin(e, JOB_DIGEST);
	return true;
}

/* What the stream puts from now on is not to be deleted. */
static void start_remembering(struct engine *e)
{
	memcpy(e->rep.seen_key, e->cmp.by.key, sizeof(e->rep.seen_key));
	repair_seen_start(&e->rep.seen, 0);
	e->rep.failed = false;
}

bool compare_on_begin(struct engine *e, struct rd body)
{
	struct op_compare o;
	bool forced, leisure = e->rep.leisure;

	if (!op_compare_decode(body, &o))
		return false;
	forced = o.flags & COMPARE_FORCED;
	switch (e->rep.state) {
	case REPLICA_COLLECT:
	case REPLICA_SWEEP:
		if (!forced)
			return true;
		break;
	case REPLICA_CLEAN:
		if (!forced && !(o.flags & COMPARE_AUDIT))
			return true;
		break;
	case REPLICA_NEED:
	case REPLICA_COMPARE:
	case REPLICA_DIFFER:
		break;
	}
	/* what is queued must be in the kernel before it is read */
	replica_commit(e);
	if (e->rep.state == REPLICA_CLEAN && !forced) {
		e->cmp.audit = compare_start(e, &o);
		if (e->cmp.audit && o.flags & COMPARE_VERIFY)
			account_open(e, o.round);
		return true;
	}
	report_repair_begins(e, REPAIR_WHY_EVENTS);
	replica_need_repair(e, 0);
	e->rep.leisure = leisure && !forced;
	if (!compare_start(e, &o))
		return true;
	e->rep.state = REPLICA_COMPARE;
	start_remembering(e);
	return true;
}

void compare_restart(struct engine *e)
{
	struct engine_compare *c = &e->cmp;

	memset(c->own.sum, 0, c->own.n * sizeof(*c->own.sum));
	e->account.flows = account_compares(&e->account) ? 0 : e->account.flows;
	if (!c->audit)
		repair_index_start(&c->index, e->ops->count(e->ctx));
}

void compare_on_flow(struct engine *e, const struct flow *f)
{
	digests_add(&e->cmp.own, &e->cmp.by, f);
	repair_index_add(&e->cmp.index, f);
	e->account.flows += account_compares(&e->account);
}

int compare_sweep(struct engine *e)
{
	struct flow f;

	for (unsigned i = 0; i < ENGINE_INDEX_AT_ONCE; i++) {
		if (!repair_index_next(&e->cmp.index, &e->cmp.index_at, &f))
			return 0;
		replica_sweep(e, &f);
	}
	return 1;
}

void compare_touched(struct engine *e, const struct flow *f)
{
	if (e->cmp.running)
		bucket_set_add(&e->cmp.doubt, buckets_of(&e->cmp.by, f));
}

bool compare_differs(const struct engine *e, const struct flow *f)
{
	return bucket_set_has(&e->cmp.differ, buckets_of(&e->cmp.by, f));
}

/* ---- the result ---- */

static uint32_t find_differing(struct engine *e)
{
	struct engine_compare *c = &e->cmp;
	uint32_t certain = 0;

	for (uint32_t i = 0; i < buckets_n(&c->by); i++) {
		bool differs = c->own.sum[i] != c->theirs.sum[i];
		bool doubt = bucket_set_has(&c->doubt, i);

		if (differs || (doubt && !c->audit))
			bucket_set_add(&c->differ, i);
		certain += differs && !(doubt && c->audit);
	}
	e->rep.buckets_differ = certain;
	return certain;
}

void compare_ask(struct engine *e)
{
	struct engine_compare *c = &e->cmp;

	e->rep.ask_at = e->now;
	c->differ_at = e->now;
	c->next_part = 0;
	c->parts = 0;
	for (size_t i = 0; i < bucket_set_parts(&c->differ); i++)
		c->parts += !bucket_set_part_empty(&c->differ, i);
}

static void verdict(struct engine *e)
{
	struct engine_compare *c = &e->cmp;
	uint32_t certain = find_differing(e);

	c->running = false;
	digests_free(&c->own);
	digests_free(&c->theirs);
	bucket_set_free(&c->doubt);
	if (account_compares(&e->account)) {
		account_on_verdict(e);
		return;
	}
	if (c->audit) {
		engine_count(e, SYNC_AUDITS);
		e->rep.audited++;
		if (!certain) {
			compare_forget(e);
			return;
		}
		e->counters->v[SYNC_AUDIT_DIFFER] += certain;
		e->status_due = true;
		report_repair_begins(e, REPAIR_WHY_AUDIT);
		start_remembering(e);
	}
	if (bucket_set_count(&c->differ)) {
		e->rep.state = REPLICA_DIFFER;
		compare_ask(e);
	} else if (e->rep.failed) {
		replica_need_repair_later(e);
	} else {
		replica_repaired(e);
	}
}

static void maybe_verdict(struct engine *e)
{
	struct engine_compare *c = &e->cmp;

	if (!c->running || !c->own_done || c->got != buckets_n(&c->by))
		return;
	if (!c->audit || account_compares(&e->account)) {
		verdict(e);
		return;
	}
	if (!c->verdict_at)
		c->verdict_at = e->now + ENGINE_VERDICT_MS;
	if (e->now >= c->verdict_at)
		verdict(e);
}

void compare_own_done(struct engine *e)
{
	e->cmp.own_done = true;
	maybe_verdict(e);
}

bool compare_on_digests(struct engine *e, struct rd body)
{
	struct engine_compare *c = &e->cmp;
	struct op_digests o;

	if (!op_digests_decode(body, &o))
		return false;
	if (!c->running || o.round != c->round)
		return true;
	if (o.first != c->got || o.sums.left / sizeof(uint64_t) > buckets_n(&c->by) - c->got)
		return false;
	while (!rd_done(&o.sums))
		c->theirs.sum[c->got++] = rd_be64(&o.sums);
	c->heard_at = e->now;
	maybe_verdict(e);
	return true;
}

bool compare_on_buckets(struct engine *e, struct rd body)
{
	struct engine_compare *c = &e->cmp;
	enum replica_state state = e->rep.state;
	bool account = account_asks(&e->account);
	struct op_buckets o;

	if (!op_buckets_decode(body, &o))
		return false;
	if (o.round != c->round || !c->listed.bits ||
	    !(state == REPLICA_DIFFER || (state == REPLICA_COLLECT && e->rep.partial) || account))
		return true;
	if (o.id != c->listed_id)
		bucket_set_clear(&c->listed);
	c->listed_id = o.id;
	if (!bucket_set_part_add(&c->listed, o.part, o.bits.p, o.bits.left))
		return false;
	/* that of another replica */
	if (!(o.flags & BUCKETS_LAST) || !bucket_set_covers(&c->listed, &c->differ))
		return true;
	if (account)
		account_on_buckets(e, o.id);
	else
		replica_collect(e, o.id, o.expected, true);
	return true;
}

/* ---- timers ---- */

static void tell_part(struct engine *e, size_t part)
{
	const struct engine_compare *c = &e->cmp;
	struct ctl_msg m = {.type = CTL_DIFFER,
			    .differ = {.stream = e->stream,
				       .at = e->receiver.next - 1,
				       .round = c->round,
				       .parts = c->parts,
				       .part = part,
				       .len = (unsigned)bucket_set_part_size(&c->differ, part)}};

	memcpy(m.differ.bits, c->differ.bits + part * DIGEST_PART, m.differ.len);
	report_repair_bytes(e, m.differ.len);
	engine_send_ctl(e, &m);
}

uint64_t compare_tell(struct engine *e)
{
	struct engine_compare *c = &e->cmp;
	size_t n = bucket_set_parts(&c->differ);

	if (e->now < e->rep.ask_at)
		return e->rep.ask_at;

	for (unsigned sent = 0; c->next_part < n && sent < ENGINE_PARTS_AT_ONCE; c->next_part++) {
		if (bucket_set_part_empty(&c->differ, c->next_part))
			continue;
		tell_part(e, c->next_part);
		sent++;
	}
	e->rep.ask_at = e->now + 1;
	if (c->next_part == n) {
		c->next_part = 0;
		e->rep.ask_at =
			e->now + ENGINE_ASK_AGAIN_MS + engine_jitter(e, ENGINE_ASK_AGAIN_MS / 4);
	}
	return e->rep.ask_at;
}

uint64_t compare_run(struct engine *e)
{
	struct engine_compare *c = &e->cmp;

	if (c->running && c->audit) {
		maybe_verdict(e);
		if (c->running && e->now - c->heard_at >= 4 * ENGINE_COMPARE_MAX_MS)
			compare_forget(e);
		return c->running && c->verdict_at ? c->verdict_at : UINT64_MAX;
	}
	if (e->rep.state == REPLICA_COMPARE) {
		if (e->now - c->heard_at >= ENGINE_COMPARE_MAX_MS)
			replica_need_repair(e, 0);
		return c->heard_at + ENGINE_COMPARE_MAX_MS;
	}
	if (e->rep.state == REPLICA_DIFFER) {
		if (e->now - c->differ_at >= ENGINE_DIFFER_MAX_MS)
			replica_need_repair(e, 0);
		else
			(void)compare_tell(e);
		return e->rep.ask_at;
	}
	return UINT64_MAX;
}
