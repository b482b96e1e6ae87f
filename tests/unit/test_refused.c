/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../sync/refused.h"

static void latest_few(void **state)
{
	struct refused r = {.entry = {{.why = 0}}};
	struct refused_entry out[REFUSED_MAX];

	(void)state;
	assert_int_equal(refused_list(&r, 100, out), 0);
	refused_note(&r, 1, REFUSED_KEY_UNKNOWN, 7, 100);
	refused_note(&r, 1, REFUSED_KEY_WRONG, 8, 150); /* one line for each sender */
	assert_int_equal(refused_list(&r, 160, out), 1);
	assert_int_equal(out[0].why, REFUSED_KEY_WRONG);
	assert_int_equal(out[0].key_id, 8);
	assert_int_equal(out[0].heard_at, 10);
	for (uint32_t i = 2; i < 50; i++)
		refused_note(&r, i, REFUSED_CLEAR, 0, 200 + i);
	assert_int_equal(refused_list(&r, 300, out), REFUSED_MAX);
	for (unsigned i = 0; i < REFUSED_MAX; i++)
		assert_in_range(out[i].sender, 50 - REFUSED_MAX, 49);
	refused_note(&r, 49, REFUSED_SEALED, 3, 249 + REFUSED_SHOWN_MS);
	assert_int_equal(refused_list(&r, 249 + REFUSED_SHOWN_MS, out),
			 1); /* the others are silent */
	assert_int_equal(out[0].sender, 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(latest_few)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
