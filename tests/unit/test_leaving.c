/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/leaving.h"

static void nobody_leaves(void **state)
{
	struct leaving l = {0};

	(void)state;
	assert_int_equal(leaving_trail_ms(&l), 0);
	assert_false(leaving_look(&l));
	assert_int_equal(leaving_trail_ms(&l), 0);
}

/* The way back stays for as long as the former ACTIVE may linger beyond that. */
static void is_believed_for_ten_looks(void **state)
{
	struct leaving l = {0};

	(void)state;
	leaving_heard(&l, 500);
	for (unsigned i = 0; i < LEAVING_LOOKS; i++) {
		assert_int_equal(leaving_trail_ms(&l), 1500);
		assert_true(leaving_look(&l));
	}
	assert_int_equal(leaving_trail_ms(&l), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(leaving_look(&l));
	assert_false(leaving_look(&l));
	assert_false(leaving_look(&l));
}

static void is_told_again(void **state)
{
	struct leaving l = {0};

	(void)state;
	leaving_heard(&l, 500);
	for (unsigned i = 0; i + 1 < LEAVING_LOOKS; i++)
		(void)leaving_look(&l);
	leaving_heard(&l, 500);
	for (unsigned i = 0; i + 1 < LEAVING_LOOKS; i++)
		assert_true(leaving_look(&l));
	assert_int_equal(leaving_trail_ms(&l), 1500);
}

/* Who is ACTIVE by now passes back for longer, and follows nobody once more for that. */
static void lingers_for_longer(void **state)
{
	struct leaving l = {0};

	(void)state;
	leaving_heard(&l, 500);
	for (unsigned i = 0; i < LEAVING_LOOKS + 4; i++)
		assert_true(leaving_look(&l));
	leaving_goes_on(&l, 500);
	assert_true(leaving_look(&l));
	assert_int_equal(leaving_trail_ms(&l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_leaves),
		cmocka_unit_test(is_believed_for_ten_looks),
		cmocka_unit_test(is_told_again),
		cmocka_unit_test(lingers_for_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
