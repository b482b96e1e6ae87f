/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper adjusts its flow's numbers behind the event of an expectation, and the kernel does not
 * tell. So the flow is looked at a moment later, whatever becomes of the stream meanwhile. */
#include <errno.h>
#include <stdint.h>

struct seen {
	unsigned listed;
	uint32_t after; /* of the master: source, in its kernel; replica, as it was told */
};

#include "engine_pair.h"

static struct flow master(uint32_t after)
{
	struct flow f = sample_tcp_snat(9);

	f.has |= FLOW_HAS_STATUS;
	f.status |= IPS_ASSURED;
	strcpy(flow_rare_add(&f, FLOW_HAS_HELPER)->helper, "ftp");
	if (after)
		flow_rare_add(&f, FLOW_HAS_SEQADJ)->seqadj[0].after = after;
	return f;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct side *s = ctx;

	(void)how;
	s->seen.listed += s->e->rep.state == REPLICA_COLLECT;
	if (f->has & FLOW_HAS_SEQADJ)
		s->seen.after = f->rare.seqadj[0].after;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	const struct flow f = master(((struct side *)ctx)->seen.after);

	if (!flow_same(key, &f))
		return -ENOENT;
	*out = f;
	return 0;
}

static int op_dump(void *ctx, bool start)
{
	struct side *s = ctx;
	const struct flow f = master(s->seen.after);

	(void)start;
	engine_on_dump(s->e, &f);
	return 0;
}

static uint32_t op_count(void *ctx)
{
	(void)ctx;
	return 1;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = op_put,
				      .del = stub_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = op_dump,
				      .count = op_count,
				      .get = op_get,
				      .expects = stub_expects,
				      .expect_put = stub_expect_for,
				      .random = op_random,
				      .on_status = stub_nothing};

static void announce(struct world *w)
{
	const struct flow f = master(0);
	const struct expect x = sample_expect(&f);

	engine_on_expect_change(w->side[0].e, &x, FLOW_NEW, w->now);
	engine_on_drained(w->side[0].e, w->now);
}

static void in_one_stream(void **state)
{
	struct world *w = set_up(&ops);

	(void)state;
	announce(w);
	run(w, 2);
	w->side[0].seen.after = 7;
	run(w, 2 * EXPECTS_LOOK_MS);
	assert_int_equal(w->side[1].seen.after, 7);
	tear_down(w);
}

/* Events were lost, so the next stream begins with a listing at once: of the flow as it is then. */
static void another_stream_begins(void **state)
{
	const struct flow_filter assured = {.assured = true};
	struct world *w = set_up(&ops);
	struct seen *replica = &w->side[1].seen;
	struct stream_key old = w->side[0].e->stream;

	(void)state;
	engine_on_overrun(w->side[0].e, w->now);
	run(w, ENGINE_RETRY_MS - 2);
	replica->listed = 0;
	announce(w);
	engine_set_filter(w->side[0].e, &assured, w->now);
	run(w, EXPECTS_LOOK_MS / 2);
	assert_false(stream_key_equal(&w->side[1].e->stream, &old));
	assert_int_equal(replica->listed, 1);
	assert_int_equal(replica->after, 0);
	w->side[0].seen.after = 7;
	run(w, 2 * EXPECTS_LOOK_MS);
	assert_int_equal(w->side[1].e->rep.state, REPLICA_CLEAN);
	assert_int_equal(replica->listed, 1);
	assert_int_equal(replica->after, 7);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one_stream),
		cmocka_unit_test(another_stream_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
