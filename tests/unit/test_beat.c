/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../sync/beat.h"

enum { EVERY = 10, MISSES = 3 };

static uint64_t t; /* now */

static bool looks_until(struct beat_watch *w, uint64_t end)
{
	bool missing = false;

	while (t < end && beat_next(w, MISSES) <= end) {
		t = beat_next(w, MISSES);
		missing = beat_look(w, MISSES, t);
	}
	t = end;
	return missing;
}

static void none_was_heard(void **state)
{
	struct beat_watch w = {0};

	(void)state;
	assert_false(beat_look(&w, MISSES, 1000));
	assert_true(beat_next(&w, MISSES) == UINT64_MAX);
	beat_alive(&w, 1000); /* that there is a process does not make it one that sends them */
	assert_false(beat_look(&w, MISSES, 5000));
	beat_heard(&w, EVERY, 5000);
	beat_heard(&w, 0, 5010); /* "no more will come" */
	assert_false(beat_look(&w, MISSES, 9000));
	assert_true(beat_next(&w, MISSES) == UINT64_MAX);
}

static void missing_after_so_many(void **state)
{
	struct beat_watch w = {0};

	(void)state;
	t = 1000;
	beat_heard(&w, EVERY, t);
	assert_false(looks_until(&w, 1000 + MISSES * EVERY - 1));
	assert_true(looks_until(&w, 1000 + MISSES * EVERY));
	assert_true(beat_next(&w, MISSES) == UINT64_MAX);
	assert_true(beat_look(&w, MISSES, 2000));
	beat_heard(&w, EVERY, 2000);
	assert_false(beat_look(&w, MISSES, 2001));
}

static void whatever_is_heard_counts(void **state)
{
	struct beat_watch w = {0};

	(void)state;
	t = 1000;
	beat_heard(&w, EVERY, t);
	for (unsigned i = 0; i < 20; i++) {
		assert_false(looks_until(&w, t + MISSES * EVERY - 1));
		beat_alive(&w, t);
	}
	assert_true(looks_until(&w, t + MISSES * EVERY));
}

/* What is in the socket is read after that look, perhaps. */
static void own_sleep_is_no_silence(void **state)
{
	struct beat_watch w = {0};

	(void)state;
	for (unsigned misses = BEAT_MISSES_MIN; misses < 6; misses++) {
		t = 1000;
		beat_heard(&w, EVERY, t);
		t += 100000;
		assert_false(beat_look(&w, misses, t));
		assert_int_equal(w.woke_at, t);
		for (unsigned i = 2; i < misses; i++) {
			t = beat_next(&w, misses);
			assert_false(beat_look(&w, misses, t));
		}
		t = beat_next(&w, misses);
		assert_true(beat_look(&w, misses, t));
		assert_int_equal(w.woke_at, 101000); /* awake since */
	}
}

static void sleeping_often_is_sleeping(void **state)
{
	struct beat_watch w = {0};

	(void)state;
	beat_heard(&w, EVERY, 1000);
	for (t = 1500; t < 1500 + 500 * (MISSES - 1); t += 500)
		assert_false(beat_look(&w, MISSES, t));
	/* heard after a pause: what it was awake for begins there */
	beat_heard(&w, EVERY, 5000);
	assert_int_equal(w.woke_at, 5000);
	beat_heard(&w, EVERY, 5010);
	assert_int_equal(w.woke_at, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_was_heard),
		cmocka_unit_test(missing_after_so_many),
		cmocka_unit_test(whatever_is_heard_counts),
		cmocka_unit_test(own_sleep_is_no_silence),
		cmocka_unit_test(sleeping_often_is_sleeping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
