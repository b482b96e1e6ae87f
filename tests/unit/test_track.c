/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/track.h"

static const struct track_rule script = {.weight = -10, .rise = 2, .fall = 3};
static const struct track_rule link_of_ours = {.rise = 1, .fall = 1, .ours = true};
static const struct track_rule gateway = {
	.weight = -30, .rise = 2, .fall = 3, .active_only = true, .ours = true, .hold_ms = 60000};

/* 'o' well, 'x' failed, one after the other; after each the state has to be as want says: '?' 'o'
 * 'x'
 */
static void samples(const struct track_rule *r, struct track *t, const char *says, const char *want,
		    uint64_t now)
{
	static const char state[] = {
		[TRACK_UNKNOWN] = '?', [TRACK_OK] = 'o', [TRACK_FAILING] = 'x'};

	for (size_t i = 0; says[i]; i++) {
		enum track_state before = t->state;
		bool changed = track_sample(r, t, says[i] == 'o', "why", now);

		if (state[t->state] != want[i])
			fail_msg("%s: sample %zu makes it '%c', not '%c'", says, i, state[t->state],
				 want[i]);
		assert_int_equal(changed, t->state != before);
	}
}

static void rises_and_falls(void **state)
{
	static const struct {
		const char *says, *want, *why;
	} row[] = {
		{"o", "o", "the first sample decides"}, {"x", "x", "that it fails, too"},
		{"oxxx", "ooox", "three in a row"},	{"oxxoxxo", "ooooooo", "in a row"},
		{"xo", "xx", "once is no rise"},	{"xoo", "xxo", "two in a row"},
		{"xoxoxoo", "xxxxxxo", "in a row"},	{"oxxxoxooxxx", "oooxxxxooox", "all of it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct track t = {0};

		samples(&script, &t, row[i].says, row[i].want, 0);
		assert_int_equal(t.samples, strlen(row[i].says));
	}
}

static void news_count_once(void **state)
{
	struct track t = {0};

	(void)state;
	assert_true(track_news(&script, &t, true, NULL, 0));
	for (int i = 0; i < 10; i++)
		assert_false(track_news(&script, &t, false, "down", 0));
	assert_int_equal(t.state, TRACK_OK); /* it was said ten times, and is one sample */
	assert_int_equal(t.samples, 2);
	samples(&script, &t, "xx", "ox", 0);
	assert_string_equal(t.why, "why");
}

static void own_changes_do_not_count(void **state)
{
	struct track t = {0};

	(void)state;
	track_quiet(&link_of_ours, &t, 1000);
	samples(&link_of_ours, &t, "xx", "??", 1000 + TRACK_QUIET_MS - 1);
	assert_int_equal(t.samples, 0);
	samples(&link_of_ours, &t, "ox", "oo", 1000); /* that it is well does */
	samples(&link_of_ours, &t, "x", "x", 1000 + TRACK_QUIET_MS);

	/* what is not ours is not excused */
	t = (struct track){0};
	track_quiet(&script, &t, 1000);
	samples(&script, &t, "x", "x", 1000);
}

/* ---- what only an ACTIVE can judge ---- */

static void one_probe_is_no_verdict(void **state)
{
	struct track t = {0};

	(void)state;
	track_role(&gateway, &t, true, 0);
	samples(&gateway, &t, "xx", "??", 5000);
	samples(&gateway, &t, "x", "x", 5000);

	t = (struct track){0};
	track_role(&gateway, &t, true, 0);
	samples(&gateway, &t, "oxx", "ooo", 5000);
	/* a well one is not known to be well once the role is gone */
	assert_true(track_role(&gateway, &t, false, 6000));
	assert_int_equal(t.state, TRACK_UNKNOWN);
	assert_int_equal(t.hold_until_ms, 0);
	assert_false(track_is_judged(&gateway, &t));
	/* nor do two failed probes of last time count for the next */
	track_role(&gateway, &t, true, 7000);
	samples(&gateway, &t, "xx", "??", 9000);
}

/* Loses the role because of it. */
static void lose(struct track *t, uint64_t now)
{
	track_role(&gateway, t, true, now);
	samples(&gateway, t, "xxx", "\?\?x", now);
	assert_false(track_role(&gateway, t, false, now));
	assert_int_equal(t->state, TRACK_FAILING);
}

static void failure_is_held(void **state)
{
	static const unsigned factor[] = {1, 2, 4, 8, 16, 16, 16};
	struct track t = {0};
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(factor); i++) {
		uint64_t until = now + 60000u * factor[i];

		lose(&t, now);
		assert_int_equal(t.hold_until_ms, until);
		assert_false(track_hold_over(&t, until - 1));
		assert_int_equal(track_weight(&gateway, &t), -30);
		assert_true(track_hold_over(&t, until));
		assert_int_equal(t.state, TRACK_UNKNOWN);
		assert_int_equal(track_weight(&gateway, &t), 0);
		assert_false(track_hold_over(&t, until));
		now = until;
	}
	/* well in between: from the beginning again */
	track_role(&gateway, &t, true, now);
	samples(&gateway, &t, "oxxx", "ooox", now);
	track_role(&gateway, &t, false, now);
	assert_int_equal(t.hold_until_ms, now + 60000);
}

static void signs_of_life_end_it(void **state)
{
	struct track t = {0};

	(void)state;
	lose(&t, 1000);
	samples(&gateway, &t, "oo", "xo", 2000);
	assert_int_equal(t.hold_until_ms, 0);
	/* but one that only seemed well, and is not for who is ACTIVE, is held for longer */
	track_role(&gateway, &t, true, 3000);
	samples(&gateway, &t, "xxx", "oox", 9000);
	track_role(&gateway, &t, false, 9000);
	assert_int_equal(t.hold_until_ms, 9000 + 120000);
}

/* Nobody else can do it: the role comes back while it is held. It is judged again then. */
static void comes_back_early(void **state)
{
	struct track t = {0};

	(void)state;
	lose(&t, 1000);
	track_role(&gateway, &t, true, 2000);
	assert_int_equal(t.state, TRACK_FAILING);
	assert_int_equal(t.hold_until_ms, 0);
	assert_false(track_hold_over(&t, UINT64_MAX));
	samples(&gateway, &t, "oo", "xo", 3000);
}

static void role_is_nothing_to_others(void **state)
{
	struct track t = {0};

	(void)state;
	samples(&script, &t, "ox", "oo", 0);
	assert_false(track_role(&script, &t, true, 1));
	assert_false(track_role(&script, &t, false, 2));
	assert_int_equal(t.hold_until_ms, 0);
	assert_true(track_is_judged(&script, &t));
	samples(&script, &t, "xx", "ox", 3);
}

/* ---- what it means ---- */

static void weights(void **state)
{
	static const struct {
		unsigned configured;
		int weights;
		unsigned bids;
	} row[] = {
		{150, 0, 150},	  {150, -30, 120},  {150, 30, 180}, {150, -148, 2},
		{150, -149, 2},	  {150, -4000, 2},  {2, -1, 2},	    {253, 1, 253},
		{100, 4000, 253}, {2, 254, 253},    {253, -254, 2}, {255, 0, 255},
		{255, -1, 253},	  {255, -100, 155}, {255, -254, 2}, {255, 10, 255},
	};
	struct track t = {.state = TRACK_FAILING};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(track_priority(row[i].configured, row[i].weights), row[i].bids);
	assert_int_equal(track_weight(&script, &t), -10);
	assert_false(track_is_fault(&script, &t));
	assert_int_equal(track_weight(&link_of_ours, &t), 0);
	assert_true(track_is_fault(&link_of_ours, &t));
	for (int s = TRACK_UNKNOWN; s < TRACK_FAILING; s++) {
		t.state = (enum track_state)s;
		assert_int_equal(track_weight(&script, &t), 0);
		assert_false(track_is_fault(&link_of_ours, &t));
	}
}

static void names(void **state)
{
	(void)state;
	for (int k = 0; k < TRACK_KINDS; k++)
		assert_non_null(track_kind_name((enum track_kind)k));
	assert_string_equal(track_kind_name(TRACK_BRIDGE_PORT), "bridge-port");
	assert_string_equal(track_state_name(TRACK_FAILING), "failing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rises_and_falls),
		cmocka_unit_test(news_count_once),
		cmocka_unit_test(own_changes_do_not_count),
		cmocka_unit_test(one_probe_is_no_verdict),
		cmocka_unit_test(failure_is_held),
		cmocka_unit_test(signs_of_life_end_it),
		cmocka_unit_test(comes_back_early),
		cmocka_unit_test(role_is_nothing_to_others),
		cmocka_unit_test(weights),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
