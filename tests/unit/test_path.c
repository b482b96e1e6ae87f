/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replication as the election's second path: who is asked, who answers, whose answer counts. Two
 * engines on a wire. */
#include <stdint.h>

struct seen {
	unsigned asked, vouched, missing, heard_again;
	uint64_t question;
	uint32_t asker, term;
	char name[64];
};

#include "engine_pair.h"

static void op_asked(void *ctx, uint32_t peer, uint64_t question)
{
	struct side *s = ctx;

	s->seen.asked++;
	s->seen.asker = peer;
	s->seen.question = question;
}

static void op_vouched(void *ctx, const char *name, uint32_t term, uint64_t question)
{
	struct side *s = ctx;

	s->seen.vouched++;
	s->seen.term = term;
	s->seen.question = question;
	strcpy(s->seen.name, name);
}

static void op_beats(void *ctx, bool missing, uint64_t awake_ms)
{
	struct side *s = ctx;

	(void)awake_ms;
	s->seen.missing += missing;
	s->seen.heard_again += !missing;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = stub_put,
				      .del = stub_del,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing,
				      .on_asked = op_asked,
				      .on_vouched = op_vouched,
				      .on_beats = op_beats};

static void asked_and_answered(void **state)
{
	struct world *w = set_up(&ops);
	struct side *source = &w->side[0], *replica = &w->side[1];

	(void)state;
	engine_ask(replica->e, 42, w->now);
	assert_int_equal(source->seen.asked, 1);
	assert_int_equal(source->seen.question, 42);
	assert_int_equal(source->seen.asker, 2);
	assert_int_equal(replica->seen.vouched, 0); /* an engine alone has no opinion */
	engine_vouch(source->e, source->seen.asker, source->seen.question, w->now);
	assert_int_equal(replica->seen.vouched, 1);
	assert_int_equal(replica->seen.question, 42);
	assert_int_equal(replica->seen.term, 7);
	assert_string_equal(replica->seen.name, "side-0");
	/* an answer to somebody else */
	engine_vouch(source->e, 77, 43, w->now);
	assert_int_equal(replica->seen.vouched, 1);
	tear_down(w);
}

static void bounded(void **state)
{
	struct world *w = set_up(&ops);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		engine_ask(w->side[1].e, i, w->now);
	assert_int_equal(w->side[0].seen.asked, 1);
	run(w, 1);
	engine_ask(w->side[1].e, 100, w->now);
	assert_int_equal(w->side[0].seen.asked, 2);
	tear_down(w);
}

static void who_is_no_source_says_nothing(void **state)
{
	struct world *w = set_up(&ops);

	(void)state;
	engine_ask(w->side[0].e, 1, w->now);
	assert_int_equal(w->side[1].seen.asked, 0);
	engine_vouch(w->side[1].e, 1, 1, w->now);
	assert_int_equal(w->side[0].seen.vouched, 0);
	tear_down(w);
}

/* The highest stream's source alone can say that no other is needed. */
static void a_source_that_was_replaced(void **state)
{
	struct world *w = set_up(&ops);

	(void)state;
	engine_knows_term(w->side[1].e, 8);
	engine_vouch(w->side[0].e, 2, 1, w->now);
	assert_int_equal(w->side[1].seen.vouched, 0);
	tear_down(w);
}

static void hearing_is_told(void **state)
{
	struct world *w = set_up(&ops);
	struct engine_peer peer[ENGINE_PEERS_MAX];

	(void)state;
	assert_int_equal(engine_peers(w->side[0].e, peer, w->now), 1);
	assert_int_equal(peer[0].hearing, ENGINE_HEARING_UNKNOWN);
	engine_hears(w->side[1].e, ENGINE_HEARING_DEAF, w->now);
	run(w, 2); /* at once, not with the next heartbeat */
	assert_int_equal(engine_peers(w->side[0].e, peer, w->now), 1);
	assert_int_equal(peer[0].hearing, ENGINE_HEARING_DEAF);
	tear_down(w);
}

static const struct engine_beats beats = {.every_ms = 3, .misses = 3};

static struct world *beating(void)
{
	struct world *w = set_up(&ops);

	engine_set_beats(w->side[0].e, &beats, w->now);
	engine_set_beats(w->side[1].e, &beats, w->now);
	run(w, 50);
	assert_int_equal(w->side[1].seen.missing, 0);
	return w;
}

static enum engine_heartbeats state_of(const struct side *s)
{
	struct engine_status status;

	engine_status(s->e, &status);
	return status.beats;
}

static void heartbeats(void **state)
{
	struct world *w = beating();
	struct side *source = &w->side[0], *replica = &w->side[1];

	(void)state;
	assert_true(source->c.v[SYNC_TX_BEATS] >= 50 / 3 && source->c.v[SYNC_TX_BEATS] <= 18);
	assert_int_equal(state_of(source), ENGINE_BEATS_SENT);
	assert_int_equal(state_of(replica), ENGINE_BEATS_HEARD);
	w->cut = true;
	run(w, 3 * 3 - 3);
	assert_int_equal(replica->seen.missing, 0);
	run(w, 3);
	assert_int_equal(replica->seen.missing, 1); /* said once */
	run(w, 300);
	assert_int_equal(replica->seen.missing, 1);
	assert_int_equal(state_of(replica), ENGINE_BEATS_MISSING);
	w->cut = false;
	run(w, 3);
	assert_int_equal(replica->seen.heard_again, 1);
	assert_int_equal(state_of(replica), ENGINE_BEATS_HEARD);
	assert_int_equal(source->seen.missing, 0);
	tear_down(w);
}

static void none_are_missed_of_who_sends_none(void **state)
{
	struct world *w = beating();
	struct side *source = &w->side[0], *replica = &w->side[1];

	(void)state;
	engine_set_beats(source->e, &(struct engine_beats){0}, w->now);
	w->cut = true;
	run(w, 300);
	assert_int_equal(replica->seen.missing, 0);
	assert_int_equal(state_of(replica), ENGINE_BEATS_NONE);
	w->cut = false;
	run(w, 300);
	/* a replica that is not to be fast says nothing */
	engine_set_beats(source->e, &beats, w->now);
	run(w, 50);
	engine_set_beats(replica->e, &(struct engine_beats){0}, w->now);
	w->cut = true;
	run(w, 300);
	assert_int_equal(replica->seen.missing, 0);
	assert_int_equal(state_of(replica), ENGINE_BEATS_OFF);
	tear_down(w);
}

/* A source that was replaced may go on for a moment. */
static void heartbeats_of_another_stream(void **state)
{
	struct world *w = beating();
	struct side *replica = &w->side[1];
	const struct ctl_beat old = {.stream = {.term = 1, .sender = 1}, .every_ms = 3};
	const struct ctl_beat absurd = {.stream = w->side[0].e->stream,
					.every_ms = ENGINE_BEAT_MAX_MS + 1};

	(void)state;
	w->cut = true;
	for (unsigned i = 0; i < 20; i++) {
		run(w, 1);
		assert_true(beats_on_message(replica->e, &old));
	}
	assert_int_equal(replica->seen.missing, 1);
	assert_false(beats_on_message(replica->e, &absurd));
	/* who is ACTIVE itself misses nobody */
	(void)engine_promote(replica->e, 9, w->now);
	assert_int_equal(replica->seen.heard_again, 1);
	run(w, 100);
	assert_int_equal(replica->seen.missing, 1);
	assert_int_equal(state_of(replica), ENGINE_BEATS_SENT);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_and_answered),
		cmocka_unit_test(bounded),
		cmocka_unit_test(who_is_no_source_says_nothing),
		cmocka_unit_test(a_source_that_was_replaced),
		cmocka_unit_test(hearing_is_told),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(none_are_missed_of_who_sends_none),
		cmocka_unit_test(heartbeats_of_another_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
