/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/heartbeat.h"

static const struct row {
	const char *why;
	bool runnable, uninterruptible;
	unsigned ticks_per_step;
	unsigned dead_after; /* steps without an answer; 0: never within 100 */
} rows[] = {
	{"stopped, or waiting for something", false, false, 0, HEARTBEAT_MISSED_MAX},
	{"an endless loop", true, false, 100, HEARTBEAT_MISSED_MAX},
	{"wants to run and is not let", true, false, 0, 0},
	{"the kernel does not let go of it", false, true, 0, 0},
};

static void without_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct heartbeat h = {0};
		struct heartbeat_look look = {.runnable = rows[i].runnable,
					      .uninterruptible = rows[i].uninterruptible};
		unsigned dead = 0;

		assert_int_equal(heartbeat_step(&h, &look), HEARTBEAT_ASK);
		for (unsigned n = 1; n <= 100 && !dead; n++) {
			look.cpu_ticks += rows[i].ticks_per_step;
			if (heartbeat_step(&h, &look) == HEARTBEAT_DEAD)
				dead = n;
		}
		if (dead != rows[i].dead_after)
			fail_msg("%s: dead after %u", rows[i].why, dead);
	}
}

static void an_answer_counts_from_the_start(void **state)
{
	struct heartbeat h = {0};
	const struct heartbeat_look stopped = {0};

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		assert_int_equal(heartbeat_step(&h, &stopped), HEARTBEAT_ASK);
		for (unsigned n = 1; n < HEARTBEAT_MISSED_MAX; n++)
			assert_int_equal(heartbeat_step(&h, &stopped), HEARTBEAT_WAIT);
		h.waiting = false;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_answer),
		cmocka_unit_test(an_answer_counts_from_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
