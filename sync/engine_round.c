/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparison, the source's side: COMPARE, a pass over the kernel's table, the digests of all
 * buckets, all of them in the stream; then the union of what replicas say differs is listed.
 *
 * Why nothing that is wrong can look equal: say that source and replica both read a flow as x,
 * whenever each of them did. What the stream says of the flow behind the replica's reading is
 * applied to x there; what it said before is part of x. So a field ends as the last change of it
 * left it, here and there. It takes a stream without a hole from COMPARE to the end, changes that
 * reach the replica's kernel (those that do not put their bucket in doubt), and that NEW and
 * DESTROY of one flow leave a DEL, as for a listing. A flow that changes meanwhile at worst makes
 * its bucket differ in vain. */
#include "engine_impl.h"

#include <errno.h>

#define TELL_MIN	 64
#define TELL_MAX	 1500
#define TELL_AT_ONCE	 8
#define ROUND_FINER_LOG2 2

void round_forget(struct engine *e)
{
	struct engine_round *r = &e->round;

	digests_free(&r->digests);
	bucket_set_free(&r->asked);
	bucket_set_free(&r->covered);
	repair_index_free(&r->index);
	*r = (struct engine_round){.id = r->id, .audit_at = r->audit_at};
}

static void retry(struct engine *e)
{
	digests_free(&e->round.digests);
	repair_index_free(&e->round.index);
	if (e->round.forced)
		e->src.forced = true;
	if (e->round.verify)
		verify_again(e);
	if (e->round.audit) {
		e->round.audit_at = e->now + ENGINE_RETRY_MS;
	} else {
		e->src.wanted = true;
		e->src.hurry |= !e->round.leisure;
		e->src.at = e->now + ENGINE_RETRY_MS;
	}
	/* the replicas that wait for it need not wait for others */
	e->round.hold_until = e->now;
}

static void say_compare(struct engine *e)
{
	struct engine_round *r = &e->round;
	struct op_compare c = {.round = r->id, .by = r->by};
	uint8_t buf[64];

	c.flags = (uint8_t)((r->forced ? COMPARE_FORCED : 0) | (r->audit ? COMPARE_AUDIT : 0) |
			    (r->verify ? COMPARE_VERIFY : 0));
	source_release_held(e);
	sender_flush(&e->sender);
	sender_op(&e->sender, OP_EXTENDED, buf, op_compare_encode(buf, sizeof(buf), &c));
	sender_send(&e->sender, false);
	r->begin_seq = e->sender.seq;
}

/* Of a table in which a moment's changes are a part that counts, smaller buckets have less to list
 * beside them. */
static uint8_t log2_of(const struct engine_round *r, uint32_t flows)
{
	bool finer = r->leisure && !r->audit && flows < ENGINE_LEISURE_FLOWS;

	return (uint8_t)(buckets_log2(flows) + (finer ? ROUND_FINER_LOG2 : 0));
}

void round_begin(struct engine *e, enum round_kind kind)
{
	struct engine_round *r = &e->round;

	round_forget(e);
	r->id++;
	r->forced = kind == ROUND_FORCED;
	r->audit = kind == ROUND_AUDIT || kind == ROUND_VERIFY;
	r->verify = kind == ROUND_VERIFY;
	r->leisure = kind == ROUND_AUDIT || kind == ROUND_LEISURE;
	r->leisure_until = r->audit ? UINT64_MAX : e->now + ENGINE_LEISURE_MAX_MS;
	r->audit_at = e->now + e->conf.audit_ms;
	r->by.log2 = log2_of(r, source_count(e));
	e->ops->random(e->ctx, r->by.key, sizeof(r->by.key));
	if (!digests_start(&r->digests, &r->by) || !bucket_set_start(&r->asked, &r->by) ||
	    !bucket_set_start(&r->covered, &r->by)) {
		retry(e);
		round_forget(e);
		return;
	}
	if (!r->audit)
		repair_index_start(&r->index, source_count(e));
	say_compare(e);
	if (r->verify)
		verify_round_begun(e);
	engine_count(e, SYNC_COMPARES);
	engine_job_begin(e, JOB_DIGEST);
}

void round_on_flow(struct engine *e, const struct flow *f)
{
	digests_add(&e->round.digests, &e->round.by, f);
	repair_index_add(&e->round.index, f);
}

/* ---- telling ---- */

/* As many digests as the open datagram has room for. */
static void tell_some(struct engine *e)
{
	struct engine_round *r = &e->round;
	uint8_t buf[TELL_MAX];
	size_t room = wr_left(&e->sender.wr);
	struct wr w;

	if (room < TELL_MIN) {
		sender_send(&e->sender, false);
		room = wr_left(&e->sender.wr);
	}
	room -= 4; /* the head of an operation */
	w = wr_of(buf, room < sizeof(buf) ? room : sizeof(buf));
	op_digests_head(&w, r->id, r->told);
	while (r->told < buckets_n(&r->by) && wr_left(&w) >= sizeof(uint64_t))
		wr_be64(&w, r->digests.sum[r->told++]);
	sender_op(&e->sender, OP_EXTENDED, buf, wr_len(&w));
}

static void told_all(struct engine *e)
{
	struct engine_round *r = &e->round;

	r->telling = false;
	digests_free(&r->digests);
	e->sender.ack_every = 0;
	sender_send(&e->sender, true);
	r->hold_until = e->now + ENGINE_ROUND_HOLD_MS;
	r->forget_at = e->now + ENGINE_ROUND_FORGET_MS;
	if (r->forced && !e->src.lost_again) {
		e->src.forced = false;
		e->src.overrun_end_seq = r->begin_seq;
	}
}

static uint64_t pass_step(struct engine *e)
{
	int more = engine_job_dump(e);

	if (more > 0) {
		e->job_at = e->round.leisure ? engine_at_leisure(e) : e->now;
		return e->job_at;
	}
	e->job = JOB_NONE;
	/* flows were read whose events may be unread */
	e->src.listed_unread = true;
	if (more < 0 || !expects_list(e)) {
		retry(e);
		return e->now;
	}
	e->round.telling = true;
	source_serve_begun(e);
	return e->now;
}

uint64_t round_step(struct engine *e)
{
	if (e->job == JOB_DIGEST)
		return pass_step(e);
	if (e->now < e->job_at)
		return e->job_at;
	sender_flush(&e->sender);
	for (unsigned i = 0; i < TELL_AT_ONCE && e->round.told < buckets_n(&e->round.by); i++) {
		if (!source_has_credit(e))
			return e->now + ENGINE_RETRY_MS; /* or at the next acknowledgement */
		tell_some(e);
	}
	if (e->round.told == buckets_n(&e->round.by)) {
		told_all(e);
		return e->now;
	}
	e->job_at = e->round.leisure ? engine_at_leisure(e) : e->now;
	return e->job_at;
}

/* ---- what differs ---- */

static void count_part(struct peer *p, const struct ctl_differ *m)
{
	uint64_t bit = 1ull << m->part % 64;

	if (p->differ_round != m->round) {
		p->differ_round = m->round;
		p->differ_n = 0;
		memset(p->differ_part, 0, sizeof(p->differ_part));
	}
	p->differ_n += !(p->differ_part[m->part / 64] & bit);
	p->differ_part[m->part / 64] |= bit;
}

/* We have forgotten that comparison: what its STATUS said may be lost, and then it was nobody that
 * we had to wait for. It goes on telling, and hears no more of it; so it gets another one. Who is
 * READY needs none. One that has begun since is the other one already, and may take its time. */
static void told_too_late(struct engine *e, struct peer *p, const struct ctl_differ *m)
{
	const struct ctl_repair again = {.stream = m->stream,
					 .at = m->at,
					 .flags = m->at < e->round.begin_seq ? REPAIR_LEISURE : 0,
					 .flows = source_count(e)};

	if (!peer_follows(p, &e->stream) || p->status.phase != ENGINE_READY)
		source_on_repair(e, p, &again);
}

void round_on_differ(struct engine *e, struct peer *p, const struct ctl_differ *m)
{
	struct engine_round *r = &e->round;

	if (!stream_key_equal(&m->stream, &e->stream))
		return;
	if (m->round != r->id || !r->asked.bits) {
		told_too_late(e, p, m);
		return;
	}
	p->progress_at = e->now;
	r->forget_at = e->now + ENGINE_ROUND_FORGET_MS;
	/* the listing that is on its way has them */
	if (m->at < r->list_seq && bucket_set_part_covered(&r->covered, m->part, m->bits, m->len))
		return;
	if (!bucket_set_part_add(&r->asked, m->part, m->bits, m->len))
		return;
	count_part(p, m);
	if (p->differ_n < m->parts)
		return;
	p->differ_round = 0;
	if (!r->list_wanted)
		r->list_at = e->now + ENGINE_GATHER_MS;
	r->list_wanted = true;
}

void round_list(struct engine *e)
{
	struct engine_round *r = &e->round;
	struct bucket_set listed = r->asked;
	size_t parts = bucket_set_parts(&listed);
	struct op_buckets b = {.id = e->src.id, .round = r->id};

	r->asked = r->covered;
	r->covered = listed;
	bucket_set_clear(&r->asked);
	r->list_wanted = false;
	r->partial = true;
	r->index_at = 0;
	r->pick_failures = 0;
	b.expected = (uint64_t)source_count(e) * bucket_set_count(&listed) >> r->by.log2;
	sender_flush(&e->sender);
	r->list_seq = e->sender.seq + 1;
	for (size_t part = 0; part < parts; part++) {
		uint8_t buf[CTL_BODY_MAX];
		bool last = part + 1 == parts;

		if (!last && bucket_set_part_empty(&listed, part))
			continue;
		b.flags = last ? BUCKETS_LAST : 0;
		b.part = part;
		b.bits = rd_of(listed.bits + part * DIGEST_PART,
			       bucket_set_part_size(&listed, part));
		sender_op(&e->sender, OP_EXTENDED, buf, op_buckets_encode(buf, sizeof(buf), &b));
	}
	e->src.begin_seq = e->sender.seq + 1;
}

void round_all_listed(struct engine *e)
{
	struct engine_round *r = &e->round;

	r->partial = false;
	r->list_wanted = false;
	bucket_set_clear(&r->asked);
	if (r->covered.bits)
		memset(r->covered.bits, 0xff, r->covered.size);
	r->list_seq = e->src.begin_seq;
}

void round_list_again(struct engine *e)
{
	struct engine_round *r = &e->round;

	for (size_t i = 0; r->asked.bits && i < r->asked.size; i++)
		r->asked.bits[i] |= r->covered.bits[i];
	r->list_wanted = true;
	r->list_at = e->now + ENGINE_RETRY_MS;
}

bool round_lists(const struct engine *e, const struct flow *f)
{
	return bucket_set_has(&e->round.covered, buckets_of(&e->round.by, f));
}

/* What an audit finds is not of a moment. */
bool round_lists_at_leisure(const struct engine *e)
{
	return e->round.partial && e->round.leisure && !e->round.audit;
}

/* The index has what there was when the table was read; all that is newer is in the stream. */
int round_pick(struct engine *e)
{
	struct engine_round *r = &e->round;
	unsigned most = round_lists_at_leisure(e) ? ENGINE_PICK_AT_LEISURE : ENGINE_PICK_AT_ONCE;
	unsigned picked = 0;
	struct flow f;

	for (unsigned i = 0; i < ENGINE_INDEX_AT_ONCE && picked < most; i++) {
		size_t at = r->index_at;
		int err;

		if (!repair_index_next(&r->index, &r->index_at, &f))
			return 0;
		if (!round_lists(e, &f))
			continue;
		err = source_list_fresh(e, &f);
		if (err < 0) { /* once more */
			r->index_at = at;
			return ++r->pick_failures < ENGINE_PICK_FAILURES ? -EAGAIN : err;
		}
		picked++;
	}
	return 1;
}
