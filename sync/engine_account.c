/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replica's account of a verify: which flows differ, without changing any.
 *
 *   COMPARE ─ digests ─> equal: SETTLED
 *                        else ASK ─ BUCKETS ─> LISTED ─ END ─> SWEEP ─> SETTLED ─ FINAL ─> DONE
 *
 * It stays READY meanwhile. Whatever changes while it is looked at must neither look like a
 * difference nor hide one:
 * - Buckets whose digests are equal are equal (engine_round.c). Others may differ only because the
 *   two tables were read at different moments, so their flows are listed, and compared one by one.
 * - A listed flow may be ahead of the stream: what made it so is an event that the source has not
 *   read yet, which will come. So a flow that differs is only a candidate. Live changes are applied
 *   to the source's version here as they are to the kernel's; one that explained the difference
 *   makes both equal, and what no change touches stays different.
 * - When the source has read all events that were there at the END of the listing, and all of
 *   that is applied here (FINAL), the candidates are compared with the kernel once more. What
 *   differs now is what would have stayed so. */
#include "engine_impl.h"

#include <errno.h>

void account_free(struct engine *e)
{
	struct engine_account *a = &e->account;

	repair_seen_free(&a->seen);
	free(a->candidate);
	free(a->finding);
	*a = (struct engine_account){.state = ACCOUNT_NONE};
	if (e->job == JOB_VERIFY)
		e->job = JOB_NONE;
}

void account_open(struct engine *e, uint32_t round)
{
	account_free(e);
	e->account.state = ACCOUNT_COMPARE;
	e->account.round = round;
	e->account.opened_at = e->now;
	e->account.moved_at = e->now;
}

void account_on_forget(struct engine *e)
{
	if (account_compares(&e->account))
		account_free(e);
}

void account_on_hole(struct engine *e)
{
	if (e->account.state != ACCOUNT_DONE)
		account_free(e);
}

static void settle(struct engine *e)
{
	struct engine_account *a = &e->account;

	a->state = ACCOUNT_SETTLED;
	a->moved_at = e->now;
	repair_seen_free(&a->seen);
	compare_forget(e);
}

void account_on_verdict(struct engine *e)
{
	e->account.moved_at = e->now;
	if (!bucket_set_count(&e->cmp.differ)) {
		settle(e);
		return;
	}
	e->account.state = ACCOUNT_ASK;
	compare_ask(e);
}

void account_on_buckets(struct engine *e, uint32_t listing)
{
	struct engine_account *a = &e->account;

	replica_commit(e);
	if (e->job == JOB_VERIFY)
		e->job = JOB_NONE;
	repair_seen_start(&a->seen, 0);
	a->state = ACCOUNT_LISTED;
	a->listing = listing;
	a->moved_at = e->now;
	a->more = false;
	a->n = 0;
}

/* ---- candidates ---- */

static struct candidate *find(struct engine_account *a, const struct flow *f, uint64_t hash)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->candidate[i].hash == hash && flow_same(&a->candidate[i].flow, f))
			return &a->candidate[i];
	return NULL;
}

static bool make_room(struct engine_account *a)
{
	unsigned cap = a->cap ? 2 * a->cap : 16;
	struct candidate *bigger;

	if (a->n < a->cap)
		return true;
	bigger = cap <= VERIFY_KEEP_MAX ? realloc(a->candidate, cap * sizeof(*bigger)) : NULL;
	if (!bigger)
		return false;
	a->candidate = bigger;
	a->cap = cap;
	return true;
}

static void add(struct engine *e, const struct flow *f, bool at_source)
{
	struct engine_account *a = &e->account;
	uint64_t hash = flow_hash(f, e->hash_key);
	struct candidate *c = find(a, f, hash);

	if (!c && !make_room(a)) {
		a->more = true;
		return;
	}
	if (!c)
		c = &a->candidate[a->n++];
	c->hash = hash;
	c->at_source = at_source;
	flow_copy(&c->flow, f);
}

/* As the digests have it. */
static bool equal(const struct engine *e, const struct flow *a, const struct flow *b)
{
	return flow_digest(a, e->hash_key) == flow_digest(b, e->hash_key);
}

bool account_on_list(struct engine *e, struct rd body, const struct flow_refs *refs)
{
	struct engine_account *a = &e->account;
	struct flow f, own;

	if (a->state != ACCOUNT_LISTED)
		return true;
	if (flow_decode_put(body, refs, &f) != FLOW_OK)
		return false;
	a->moved_at = e->now;
	if (!compare_differs(e, &f))
		return true; /* another replica asked for it */
	repair_seen_add(&a->seen, flow_hash(&f, e->hash_key));
	if (a->more)
		return true; /* so much differs that one more does not matter */
	replica_commit(e);   /* what the stream said before */
	if (e->ops->get(e->ctx, &f, &own) < 0 || !equal(e, &f, &own))
		add(e, &f, true);
	return true;
}

void account_on_end(struct engine *e, uint32_t listing)
{
	struct engine_account *a = &e->account;

	if (a->state != ACCOUNT_LISTED || listing != a->listing)
		return;
	replica_commit(e);
	a->state = ACCOUNT_SWEEP;
	a->moved_at = e->now;
	if (e->job == JOB_REPIN) /* later, then */
		e->rep.repin_at = e->now;
	engine_job_begin(e, JOB_VERIFY);
}

void account_on_flow(struct engine *e, const struct flow *f)
{
	if (compare_differs(e, f) && !repair_seen_has(&e->account.seen, flow_hash(f, e->hash_key)))
		add(e, f, false);
}

void account_swept(struct engine *e)
{
	if (e->account.seen.failed)
		account_free(e);
	else
		settle(e);
}

static void apply_to(struct candidate *c, unsigned type, const struct flow *f)
{
	switch (type) {
	case OP_DEL:
		c->at_source = false;
		break;
	case OP_PUT_UPDATE:
		if (c->at_source)
			flow_merge(&c->flow, f);
		break;
	default: /* complete */
		c->at_source = true;
		flow_copy(&c->flow, f);
	}
}

void account_on_change(struct engine *e, unsigned type, const struct flow *f)
{
	struct engine_account *a = &e->account;
	struct candidate *c;
	uint64_t hash;

	if (a->state < ACCOUNT_LISTED || a->state == ACCOUNT_DONE)
		return;
	hash = flow_hash(f, e->hash_key);
	if (a->state != ACCOUNT_SETTLED && type != OP_DEL && type != OP_PUT_UPDATE)
		repair_seen_add(&a->seen, hash);
	c = find(a, f, hash);
	if (c)
		apply_to(c, type, f);
}

/* ---- the end ---- */

static const struct flow *flow_of(const struct verify_finding *f)
{
	return f->source.family ? &f->source : &f->replica;
}

/* By protocol, addresses and ports. */
static int compare(const struct flow *a, const struct flow *b)
{
	int d = (a->family > b->family) - (a->family < b->family);

	if (!d)
		d = (a->proto > b->proto) - (a->proto < b->proto);
	if (!d)
		d = memcmp(a->orig.src, b->orig.src, sizeof(a->orig.src));
	if (!d)
		d = memcmp(a->orig.dst, b->orig.dst, sizeof(a->orig.dst));
	if (!d)
		d = memcmp(&a->orig.l4, &b->orig.l4, sizeof(a->orig.l4));
	return d ? d : (a->zone > b->zone) - (a->zone < b->zone);
}

/* The first ones are kept, in order. (Not by qsort(), which asks the system how much memory there
 * is: the process may not.) */
static void keep(struct engine_account *a, const struct verify_finding *f)
{
	unsigned at = a->n_findings;

	if (!a->finding)
		a->finding = calloc(VERIFY_TOLD_MAX, sizeof(*a->finding));
	while (at && compare(flow_of(f), flow_of(&a->finding[at - 1])) < 0)
		at--;
	if (!a->finding || at == VERIFY_TOLD_MAX)
		return;
	a->n_findings += a->n_findings < VERIFY_TOLD_MAX;
	memmove(&a->finding[at + 1], &a->finding[at],
		(a->n_findings - 1 - at) * sizeof(*a->finding));
	a->finding[at] = *f;
}

static void found(struct engine_account *a, const struct candidate *c, const struct flow *own)
{
	struct verify_finding f = {.what = VERIFY_DIFFERENT};

	if (!own)
		f.what = VERIFY_MISSING;
	else if (!c->at_source)
		f.what = VERIFY_EXTRA;
	a->missing += f.what == VERIFY_MISSING;
	a->extra += f.what == VERIFY_EXTRA;
	a->different += f.what == VERIFY_DIFFERENT;
	if (c->at_source)
		flow_copy(&f.source, &c->flow);
	if (own)
		flow_copy(&f.replica, own);
	keep(a, &f);
}

/* false: the kernel did not tell; from this one on once more, later. */
static bool judge_all(struct engine *e)
{
	struct engine_account *a = &e->account;

	for (; a->judged < a->n; a->judged++) {
		const struct candidate *c = &a->candidate[a->judged];
		struct flow own;
		int err = e->ops->get(e->ctx, &c->flow, &own);

		if (err < 0 && err != -ENOENT)
			return false;
		if (err < 0 && c->at_source)
			found(a, c, NULL);
		else if (err == 0 && (!c->at_source || !equal(e, &c->flow, &own)))
			found(a, c, &own);
	}
	return true;
}

void account_judge(struct engine *e)
{
	struct engine_account *a = &e->account;
	uint64_t n;

	replica_commit(e);
	/* which may have found that a repair is needed */
	if (a->state != ACCOUNT_SETTLED)
		return;
	if (!judge_all(e))
		return;
	n = a->missing + a->extra + a->different;
	if (!n && a->more) { /* those without room are not known */
		account_free(e);
		return;
	}
	a->state = ACCOUNT_DONE;
	a->moved_at = e->now;
	engine_count(e, SYNC_VERIFIES);
	e->counters->v[SYNC_VERIFY_DIFFER] += n;
	if (!n)
		return;
	report_repair_begins(e, REPAIR_WHY_AUDIT);
	replica_need_repair(e, 0);
}

uint64_t account_run(struct engine *e)
{
	struct engine_account *a = &e->account;
	bool kept = a->state == ACCOUNT_DONE || a->state == ACCOUNT_SETTLED;
	uint64_t end = a->moved_at + (kept ? ACCOUNT_KEPT_MS : ACCOUNT_QUIET_MS);

	/* compare_run() looks after digests that do not come, and the sweep has its own pace */
	if (a->state == ACCOUNT_NONE || a->state == ACCOUNT_COMPARE || a->state == ACCOUNT_SWEEP)
		return UINT64_MAX;
	if (e->now >= end) {
		if (!kept)
			compare_forget(e);
		account_free(e);
		return UINT64_MAX;
	}
	if (a->state == ACCOUNT_ASK)
		return engine_min(end, compare_tell(e));
	return end;
}
