/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../sync/pace.h"

static void slow_changes_never_wait(void **state)
{
	struct pace p = {0};

	(void)state;
	for (uint64_t ms = 1000; ms < 1100; ms++)
		for (unsigned i = 1; i < PACE_FAST; i++)
			assert_int_equal(pace_rest_us(&p, 1, false, ms * 1000, 0), 0);
}

static void fast_changes_gather(void **state)
{
	struct pace p = {0};

	(void)state;
	for (unsigned i = 1; i < PACE_FAST; i++)
		assert_int_equal(pace_rest_us(&p, 1, false, 1000000, 0), 0);
	assert_int_equal(pace_rest_us(&p, 1, false, 1000000, 0), PACE_GATHER_US);
	/* the next millisecond knows of it from its first round on, the one after that no more */
	assert_int_equal(pace_rest_us(&p, 1, false, 1001000, 0), PACE_GATHER_US);
	assert_int_equal(pace_rest_us(&p, 1, false, 1002000, 0), 0);
}

/* What is sent once a millisecond gathers for as long. */
static void a_slower_protocol_gathers_longer(void **state)
{
	struct pace p = {.conntrackd = true};

	(void)state;
	assert_int_equal(pace_rest_us(&p, PACE_FAST - 1, false, 1000000, 0), 0);
	assert_int_equal(pace_rest_us(&p, 20, false, 1001000, 0), PACE_GATHER_CTD_US);
	/* two milliseconds later, as a rest and the work take more than one */
	assert_int_equal(pace_rest_us(&p, 40, false, 1003000, 0), PACE_GATHER_CTD_US);
	assert_int_equal(pace_rest_us(&p, 1, false, 1006000, 0), 0);
}

static void a_pause_ends_it(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 100, false, 1000000, 0), PACE_GATHER_US);
	assert_int_equal(pace_rest_us(&p, 1, false, 1002000, 0), 0);
}

static void bulk_work_lets_others_run(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 0, true, 1000000, 0), PACE_BULK_US);
	/* also while changes come fast: it must not take long */
	assert_int_equal(pace_rest_us(&p, 100, true, 1000000, 0), PACE_BULK_US);
}

/* Whoever works all the time leaves a seventh of it to others; who waits anyway is not slowed down.
 */
static void a_share_is_left(void **state)
{
	struct pace p = {0};
	uint64_t now = 1000000, cpu = 0, rested = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		unsigned us = pace_rest_us(&p, 0, false, now, cpu);

		rested += us;
		now += us + 100;
		cpu += 100;
	}
	assert_in_range(rested * PACE_SHARE, cpu - PACE_SHARE * PACE_WORK_US, cpu);
	for (unsigned i = 0; i < 10000; i++) {
		unsigned us = pace_rest_us(&p, 0, false, now, cpu);

		/* of work that began before the waiting, a rest may be left */
		assert_true(us == 0 || i * 100 < PACE_WORK_US);
		now += us + 120;
		cpu += 100;
	}
}

static uint64_t waited;

static uint64_t waited_us(void)
{
	return waited;
}

/* While it waits for a CPU, others of real-time priority have it, so that is nobody's rest. */
static void waiting_for_a_cpu_is_no_rest(void **state)
{
	struct pace rests = {0}, waits = {.waited_us = waited_us};
	uint64_t now = 1000000, cpu = 0;

	(void)state;
	waited = 0;
	assert_int_equal(pace_rest_us(&rests, 0, false, now, cpu), 0);
	assert_int_equal(pace_rest_us(&waits, 0, false, now, cpu), 0);
	cpu = PACE_WORK_US;
	waited = PACE_WORK_US / PACE_SHARE;
	now += cpu + waited;
	assert_int_equal(pace_rest_us(&rests, 0, false, now, cpu), 0);
	assert_int_equal(pace_rest_us(&waits, 0, false, now, cpu), PACE_WORK_US / PACE_SHARE);
}

/* Nor does it save up while it waits: a burst after a quiet minute rests like any other. */
static void waiting_is_not_saved(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 0, false, 1000000, 0), 0);
	assert_int_equal(pace_rest_us(&p, 0, false, 61000000, 100), 0);
	assert_in_range(pace_rest_us(&p, 0, false, 61008000, 8100), 1, 8000 / PACE_SHARE);
}

/* One step that took long is not paid for in one piece. */
static void a_rest_is_short(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 0, true, 1000000, 0), PACE_BULK_US);
	assert_int_equal(pace_rest_us(&p, 0, true, 7000000, 6000000), PACE_REST_MAX_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_changes_never_wait),
		cmocka_unit_test(fast_changes_gather),
		cmocka_unit_test(a_slower_protocol_gathers_longer),
		cmocka_unit_test(a_pause_ends_it),
		cmocka_unit_test(bulk_work_lets_others_run),
		cmocka_unit_test(a_share_is_left),
		cmocka_unit_test(waiting_for_a_cpu_is_no_rest),
		cmocka_unit_test(waiting_is_not_saved),
		cmocka_unit_test(a_rest_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
