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
			assert_int_equal(pace_rest_us(&p, 1, false, ms), 0);
}

static void fast_changes_gather(void **state)
{
	struct pace p = {0};

	(void)state;
	for (unsigned i = 1; i < PACE_FAST; i++)
		assert_int_equal(pace_rest_us(&p, 1, false, 1000), 0);
	assert_int_equal(pace_rest_us(&p, 1, false, 1000), PACE_GATHER_US);
	/* the next millisecond knows of it from its first round on, the one after that no more */
	assert_int_equal(pace_rest_us(&p, 1, false, 1001), PACE_GATHER_US);
	assert_int_equal(pace_rest_us(&p, 1, false, 1002), 0);
}

static void a_pause_ends_it(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 100, false, 1000), PACE_GATHER_US);
	assert_int_equal(pace_rest_us(&p, 1, false, 1002), 0);
}

static void bulk_work_lets_others_run(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_int_equal(pace_rest_us(&p, 0, true, 1000), PACE_BULK_US);
	/* also while changes come fast: it must not take long */
	assert_int_equal(pace_rest_us(&p, 100, true, 1000), PACE_BULK_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_changes_never_wait),
		cmocka_unit_test(fast_changes_gather),
		cmocka_unit_test(a_pause_ends_it),
		cmocka_unit_test(bulk_work_lets_others_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
