/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A replica is promoted while datagrams of its stream are missing: what came behind them is applied
 * as well, but nothing is concluded from a comparison or a listing that has a hole. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

struct seen {
	unsigned put, expects_gone;
	bool expects; /* its kernel expects something */
};

#include "engine_pair.h"

static struct flow master(void)
{
	return sample_tcp_snat(9);
}

static struct expect expectation(void)
{
	const struct flow f = master();

	return sample_expect(&f);
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	(void)f;
	(void)how;
	((struct side *)ctx)->seen.put++;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	const struct flow f = master();

	(void)ctx;
	if (!flow_same(key, &f))
		return -ENOENT;
	*out = f;
	return 0;
}

static int op_expects(void *ctx)
{
	struct side *s = ctx;
	const struct expect x = expectation();

	if (s->seen.expects)
		engine_on_expect(s->e, &x);
	return 0;
}

static int op_expect_del(void *ctx, const struct expect *x)
{
	(void)x;
	((struct side *)ctx)->seen.expects_gone++;
	return 0;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = op_put,
				      .del = stub_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .get = op_get,
				      .expects = op_expects,
				      .expect_put = stub_expect_for,
				      .expect_del = op_expect_del,
				      .expect_timeout = stub_expect_for,
				      .random = op_random,
				      .on_status = stub_nothing};

/* ---- the source's datagrams, of which one is lost ---- */

struct body {
	uint8_t buf[1400];
	struct wr w;
};

static void body_start(struct body *b)
{
	const struct flow_refs none = {.n = 0};

	b->w = wr_of(b->buf, sizeof(b->buf));
	data_encode_head(&b->w, &none);
}

/* The so many-th behind what the replica has. */
static void give(struct world *w, const struct body *b, unsigned ahead)
{
	const struct engine *source = w->side[0].e;
	struct engine *replica = w->side[1].e;
	struct dgram_hdr h = {.kind = DGRAM_DATA,
			      .sender = source->conf.self,
			      .term = source->stream.term,
			      .seq = replica->receiver.next + ahead};

	memcpy(h.epoch, source->epoch, sizeof(h.epoch));
	engine_on_datagram(replica, &h, b->buf, wr_len(&b->w), w->now);
}

static void add_digests(struct body *b, uint64_t first, unsigned n)
{
	uint8_t buf[128];
	struct wr w = wr_of(buf, sizeof(buf));

	op_digests_head(&w, 7, first);
	while (n--)
		wr_be64(&w, 1);
	op_encode(&b->w, OP_EXTENDED, buf, wr_len(&w));
}

static void add_bracket(struct body *b, enum op_extended type)
{
	const struct op_expects o = {.id = 3};
	uint8_t buf[16];

	op_encode(&b->w, OP_EXTENDED, buf, op_expects_encode(buf, sizeof(buf), type, &o));
}

static void add_new(struct body *b)
{
	const struct flow_refs none = {.n = 0};
	const struct flow f = master();
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	flow_encode_put(&w, &f, &none);
	op_encode(&b->w, OP_PUT_NEW, buf, wr_len(&w));
}

/* The digests that are here do not follow those that were lost; what is behind them counts. */
static void in_a_comparison(void **state)
{
	struct op_compare o = {.round = 7, .flags = COMPARE_AUDIT, .by = {.log2 = 3}};
	struct world *w = set_up(&ops);
	struct side *replica = &w->side[1];
	struct body b;
	uint8_t buf[64];

	(void)state;
	assert_int_equal(replica->e->rep.state, REPLICA_CLEAN);
	w->cut = true;
	body_start(&b);
	op_encode(&b.w, OP_EXTENDED, buf, op_compare_encode(buf, sizeof(buf), &o));
	give(w, &b, 0);
	assert_true(replica->e->cmp.running);
	body_start(&b);
	add_digests(&b, 4, 4);
	add_new(&b);
	give(w, &b, 1);
	assert_int_equal(replica->seen.put, 0);
	(void)engine_promote(replica->e, 0, w->now);
	assert_int_equal(replica->seen.put, 1);
	assert_int_equal(replica->c.v[SYNC_RX_BAD_BODY], 0);
	assert_int_equal(replica->c.v[SYNC_AUDITS], 0);
	tear_down(w);
}

/* What was lost may have listed it. */
static void in_a_listing_of_expectations(void **state)
{
	struct world *w = set_up(&ops);
	struct side *replica = &w->side[1];
	struct body b;

	(void)state;
	replica->seen.expects = true;
	replica->seen.expects_gone = 0;
	w->cut = true;
	body_start(&b);
	add_bracket(&b, OPX_EXPECTS_BEGIN);
	give(w, &b, 0);
	body_start(&b);
	add_bracket(&b, OPX_EXPECTS_END);
	add_new(&b);
	give(w, &b, 1);
	(void)engine_promote(replica->e, 0, w->now);
	assert_int_equal(replica->seen.put, 1);
	assert_int_equal(replica->seen.expects_gone, 0);
	tear_down(w);
}

/* The repair that a promotion ended is none that took as long as it was a source. */
static void in_a_repair(void **state)
{
	struct world *w = set_up(&ops);
	struct engine_status st;

	(void)state;
	w->cut = true;
	replica_need_repair(w->side[1].e, 0);
	report_repair_begins(w->side[1].e, REPAIR_WHY_GAP);
	(void)engine_promote(w->side[1].e, 0, w->now);
	engine_demote(w->side[0].e, w->now);
	w->cut = false;
	run(w, 20000);
	engine_demote(w->side[1].e, w->now);
	(void)engine_promote(w->side[0].e, 0, w->now);
	run(w, 1000);
	engine_status(w->side[1].e, &st);
	assert_int_equal(st.phase, ENGINE_READY);
	assert_int_equal(st.repair.why, REPAIR_WHY_STREAM);
	assert_in_range(st.repair.took_ms, 0, 1000);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_comparison),
		cmocka_unit_test(in_a_listing_of_expectations),
		cmocka_unit_test(in_a_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
