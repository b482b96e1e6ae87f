/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A planned change of the source: who may ask for it, who is told of it, and what a successor that
 * has packets already takes from the old stream. Two engines on a wire. */
#include <stdint.h>

#include "vrouter/engine.h"

struct seen {
	unsigned wanted, told, puts[FLOW_PUT_ABSENT + 1], dels, drained;
	unsigned chunks, left, dumps; /* of its table; of a pass; since somebody asked */
	char name[64];
	struct engine_leaving leaving;
};

#include "engine_pair.h"

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	(void)f;
	((struct side *)ctx)->seen.puts[how]++;
}

static void op_del(void *ctx, const struct flow *f)
{
	(void)f;
	((struct side *)ctx)->seen.dels++;
}

static void op_handover(void *ctx, const char *name)
{
	struct side *s = ctx;

	s->seen.wanted++;
	strcpy(s->seen.name, name);
}

static void op_leaving(void *ctx, const struct engine_leaving *l)
{
	struct side *s = ctx;

	s->seen.told++;
	s->seen.leaving = *l;
}

static void op_drained(void *ctx, bool acknowledged)
{
	((struct side *)ctx)->seen.drained += acknowledged;
}

static int op_dump(void *ctx, bool start)
{
	struct seen *s = &((struct side *)ctx)->seen;

	if (start)
		s->left = s->chunks;
	s->dumps++;
	return s->left && --s->left;
}

/* So many that they are compared. */
static uint32_t op_count(void *ctx)
{
	(void)ctx;
	return 1000;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = op_put,
				      .del = op_del,
				      .commit = stub_nothing,
				      .dump = op_dump,
				      .count = op_count,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing,
				      .on_drained = op_drained,
				      .on_handover = op_handover,
				      .on_leaving = op_leaving};

static enum engine_phase phase(const struct side *s)
{
	struct engine_status st;

	engine_status(s->e, &st);
	return st.phase;
}

static void change(struct world *w, enum flow_change what)
{
	struct flow f = sample_tcp_snat(1);

	engine_on_change(w->side[0].e, &f, what, w->now);
	engine_on_drained(w->side[0].e, w->now);
	run(w, 5);
}

static void a_ready_replica_may_ask(void **state)
{
	struct world *w = set_up(&ops);
	struct ctl_handover old = {.stream = w->side[1].e->stream};

	(void)state;
	engine_ask_handover(w->side[1].e, w->now);
	assert_int_equal(w->side[0].seen.wanted, 1);
	assert_string_equal(w->side[0].seen.name, "side-1");
	assert_int_equal(w->side[1].c.v[SYNC_TX_HANDOVER], 1);
	/* a source does not; nor is one asked for what another stream was about */
	engine_ask_handover(w->side[0].e, w->now);
	assert_int_equal(w->side[1].seen.wanted, 0);
	old.stream.term--;
	handover_on_ask(w->side[0].e, peers_find(&w->side[0].e->peers, 2), &old);
	assert_int_equal(w->side[0].seen.wanted, 1);
	/* nor by who would take over with flows missing, as it knows itself, or as we know */
	replica_need_repair(w->side[1].e, 10000);
	engine_ask_handover(w->side[1].e, w->now);
	assert_int_equal(w->side[0].seen.wanted, 1);
	run(w, 5);
	old.stream.term++;
	handover_on_ask(w->side[0].e, peers_find(&w->side[0].e->peers, 2), &old);
	assert_int_equal(w->side[0].seen.wanted, 1);
	tear_down(w);
}

static void who_leaves_says_so(void **state)
{
	struct engine_leaving l = {.trail_ms = 300, .mac = {{2, 1, 2, 3, 4, 5}, {2, 6}}};
	struct world *w = set_up(&ops);
	unsigned told;

	(void)state;
	engine_set_leaving(w->side[1].e, &l, w->now);
	run(w, 200);
	assert_int_equal(w->side[0].seen.told, 0); /* a replica has nothing to leave */
	engine_set_leaving(w->side[0].e, &l, w->now);
	run(w, 2); /* at once */
	assert_int_equal(w->side[1].seen.told, 1);
	assert_memory_equal(&w->side[1].seen.leaving, &l, sizeof(l));
	run(w, 250); /* and again, should it be lost */
	assert_true(w->side[1].seen.told > 1);
	engine_set_leaving(w->side[0].e, &(struct engine_leaving){.trail_ms = 0}, w->now);
	told = w->side[1].seen.told;
	run(w, 250);
	assert_int_equal(w->side[1].seen.told, told);
	tear_down(w);
}

/* What a successor takes: what is new, and what changes, but neither ends nor what it has. */
static void a_successor_trails(void **state)
{
	struct world *w = set_up(&ops);
	struct side *s = &w->side[1];

	(void)state;
	change(w, FLOW_NEW);
	assert_int_equal(s->seen.puts[FLOW_PUT_NEW], 1);
	change(w, FLOW_DESTROY);
	assert_int_equal(s->seen.dels, 1);
	assert_true(engine_trail(s->e, w->now));
	change(w, FLOW_NEW);
	assert_int_equal(s->seen.puts[FLOW_PUT_NEW], 1);
	assert_int_equal(s->seen.puts[FLOW_PUT_ABSENT], 1);
	change(w, FLOW_DESTROY);
	assert_int_equal(s->seen.dels, 1);
	assert_false(engine_trail_ended(s->e));
	engine_demote(w->side[0].e, w->now);
	assert_true(engine_trail_ended(s->e));
	assert_int_equal(engine_promote(s->e, 6, w->now), 8);
	run(w, 500);
	assert_int_equal(phase(&w->side[0]), ENGINE_READY);
	tear_down(w);
}

static void a_trail_ends(void **state)
{
	struct world *w = set_up(&ops);
	struct side *s = &w->side[1];

	(void)state;
	assert_false(engine_trail(w->side[0].e, w->now)); /* the source itself */
	assert_true(engine_trail(s->e, w->now));
	replica_need_repair(s->e, 10000); /* would sweep what the kernel made meanwhile */
	assert_true(engine_trail_ended(s->e));
	assert_false(engine_trail(s->e, w->now));
	tear_down(w);

	w = set_up(&ops);
	s = &w->side[1];
	assert_true(engine_trail(s->e, w->now));
	w->cut = true;
	run(w, 1100);
	assert_true(engine_trail_ended(s->e));
	tear_down(w);

	w = set_up(&ops);
	s = &w->side[1];
	assert_true(engine_trail(s->e, w->now));
	engine_trail_stop(s->e);
	change(w, FLOW_NEW);
	assert_int_equal(s->seen.puts[FLOW_PUT_NEW], 1);
	tear_down(w);
}

/* The most that a side reads within a millisecond, however often it runs, until 0 is READY. */
static unsigned most_at_once(struct world *w)
{
	unsigned most = 0;

	for (unsigned ms = 0; ms < 1000 && phase(&w->side[0]) != ENGINE_READY; ms++) {
		w->now++;
		for (unsigned i = 0; i < 2; i++)
			w->side[i].seen.dumps = 0;
		for (unsigned n = 0; n < 20; n++)
			for (unsigned i = 0; i < 2; i++)
				(void)engine_run(w->side[i].e, w->now);
		for (unsigned i = 0; i < 2; i++)
			if (w->side[i].seen.dumps > most)
				most = w->side[i].seen.dumps;
	}
	assert_int_equal(phase(&w->side[0]), ENGINE_READY);
	return most;
}

/* In ms, if both run ten times in each of them. */
static unsigned ready_after(struct world *w, const struct side *s)
{
	unsigned ms = 0;

	while (ms < 30000 && phase(s) != ENGINE_READY) {
		w->now++;
		ms++;
		for (unsigned n = 0; n < 10; n++)
			for (unsigned i = 0; i < 2; i++)
				(void)engine_run(w->side[i].e, w->now);
	}
	return ms;
}

/* So many that it would take 16 s. */
static void leisure_ends(void **state)
{
	struct world *w = set_up(&ops);
	unsigned ms;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		w->side[i].seen.chunks = 4000;
	engine_drain(w->side[0].e, 500, w->now);
	run(w, 5);
	engine_demote(w->side[0].e, w->now);
	(void)engine_promote(w->side[1].e, 6, w->now);
	ms = ready_after(w, &w->side[0]);
	assert_in_range(ms, ENGINE_LEISURE_MAX_MS, ENGINE_LEISURE_MAX_MS + 1000);
	tear_down(w);
}

/* What the source does for nobody does not keep those who wait for it. */
static void leisure_is_not_waited_for(void **state)
{
	struct world *w = set_up(&ops);

	(void)state;
	w->side[0].seen.chunks = 4000;
	for (unsigned ms = 0; ms < 30000 && w->side[0].e->job != JOB_REARM; ms++)
		run(w, 1);
	run(w, 100);
	assert_int_equal(w->side[0].e->job, JOB_REARM);
	replica_need_repair(w->side[1].e, 0);
	assert_in_range(ready_after(w, &w->side[1]), 1, 1500);
	tear_down(w);
}

static unsigned change_of_source(bool planned)
{
	struct world *w = set_up(&ops);
	unsigned most;

	for (unsigned i = 0; i < 2; i++)
		w->side[i].seen.chunks = 40;
	if (planned) {
		engine_drain(w->side[0].e, 500, w->now);
		run(w, 5);
		assert_int_equal(w->side[0].seen.drained, 1);
		assert_true(engine_trail(w->side[1].e, w->now));
		change(w, FLOW_NEW);
	}
	engine_demote(w->side[0].e, w->now);
	(void)engine_promote(w->side[1].e, 6, w->now);
	most = most_at_once(w);
	tear_down(w);
	return most;
}

/* Whoever was equal a moment ago does not keep the CPU from those for whom all this is done. */
static void a_planned_change_is_compared_at_leisure(void **state)
{
	(void)state;
	assert_int_equal(change_of_source(true), 1);
	assert_true(change_of_source(false) > 5);
}

/* A replica that was READY when its source opened another stream. */
static void so_is_what_a_ready_replica_follows(void **state)
{
	const struct flow_filter filter = {.assured = true};
	struct world *w = set_up(&ops);

	(void)state;
	engine_set_filter(w->side[0].e, &filter, w->now);
	run(w, 1);
	assert_true(w->side[1].e->rep.leisure);
	run(w, 500);
	assert_int_equal(phase(&w->side[1]), ENGINE_READY);
	assert_false(w->side[1].e->rep.leisure);
	/* what is found later is of another kind */
	replica_need_repair(w->side[1].e, 0);
	assert_false(w->side[1].e->rep.leisure);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ready_replica_may_ask),
		cmocka_unit_test(who_leaves_says_so),
		cmocka_unit_test(a_successor_trails),
		cmocka_unit_test(a_trail_ends),
		cmocka_unit_test(a_planned_change_is_compared_at_leisure),
		cmocka_unit_test(so_is_what_a_ready_replica_follows),
		cmocka_unit_test(leisure_ends),
		cmocka_unit_test(leisure_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
