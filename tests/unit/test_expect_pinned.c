/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new source tells what is left of an expectation without the pin that is still on it, however it
 * comes to tell of it: else replicas put theirs on top, and each promotion adds one. */
#include <errno.h>
#include <stdint.h>

struct seen {
	uint32_t left_s;	   /* source: of what its kernel expects */
	uint32_t listed_s, live_s; /* replica: put by a listing; otherwise */
};

#include "engine_pair.h"

#define LEFT_S 300

static struct flow master(void)
{
	struct flow f = sample_tcp_snat(9);

	f.has |= FLOW_HAS_STATUS;
	f.status |= IPS_ASSURED;
	strcpy(flow_rare_add(&f, FLOW_HAS_HELPER)->helper, "ftp");
	return f;
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
	const struct flow f = master();
	struct expect x = sample_expect(&f);

	x.timeout_s = s->seen.left_s;
	x.tuple.l4.dport_be = htons(51210);
	x.mask.l4.sport_be = 0;
	if (s->seen.left_s)
		engine_on_expect(s->e, &x);
	return 0;
}

static int op_expect_put(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	struct side *s = ctx;

	(void)x;
	*(s->e->expects.collecting ? &s->seen.listed_s : &s->seen.live_s) = timeout_s;
	return 0;
}

static int op_expect_timeout(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	(void)x;
	((struct side *)ctx)->seen.left_s = timeout_s;
	return 0;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = stub_put,
				      .del = stub_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .get = op_get,
				      .expects = op_expects,
				      .expect_put = op_expect_put,
				      .expect_timeout = op_expect_timeout,
				      .random = op_random,
				      .on_status = stub_nothing};

/* By an update the master enters the filter. */
static void enters(struct world *w)
{
	struct flow f = master();

	f.has &= ~(uint32_t)FLOW_HAS_RARE;
	w->side[1].seen.live_s = 0;
	engine_on_change(w->side[0].e, &f, FLOW_UPDATE, w->now);
	engine_on_drained(w->side[0].e, w->now);
	run(w, 20);
}

static void pin_is_not_told(void **state)
{
	const struct flow_filter assured = {.assured = true};
	struct world *w = set_up(&ops);
	struct seen *source = &w->side[0].seen, *replica = &w->side[1].seen;

	(void)state;
	source->left_s = LEFT_S + EXPECT_PIN_S; /* of the time as replica */
	engine_set_filter(w->side[0].e, &assured, w->now);
	run(w, 100);
	enters(w);
	assert_int_equal(source->left_s, LEFT_S + EXPECT_PIN_S); /* not yet */
	assert_int_equal(replica->listed_s, LEFT_S + EXPECT_PIN_S);
	assert_int_equal(replica->live_s, LEFT_S + EXPECT_PIN_S);

	run(w, 2 * ENGINE_REARM_PAUSE_MS);
	assert_int_equal(source->left_s, LEFT_S);
	enters(w);
	assert_int_equal(replica->live_s, LEFT_S + EXPECT_PIN_S);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pin_is_not_told)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
