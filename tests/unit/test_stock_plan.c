/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which order conntrackd is driven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/stock_plan.h"

/* Takes all that is due; "-c -f ". */
static const char *rest(struct stock_plan *p)
{
	static char text[64];
	enum stock_command c;

	text[0] = '\0';
	while ((c = stock_plan_next(p)) != STOCK_NONE) {
		strcat(text, stock_command_option(c));
		strcat(text, " ");
	}
	return text;
}

static void orders(void **state)
{
	struct stock_plan p = {.n = 0};

	(void)state;
	assert_string_equal(rest(&p), "");
	stock_plan_promote(&p);
	assert_string_equal(rest(&p), "-c -f -R -B ");
	stock_plan_demote(&p);
	assert_string_equal(rest(&p), "-t -n ");
	stock_plan_up(&p, true);
	assert_string_equal(rest(&p), "-R -B ");
	stock_plan_up(&p, false);
	assert_string_equal(rest(&p), "-n ");
}

/* What was due for the role before is not done any more. */
static void role_changes_meanwhile(void **state)
{
	struct stock_plan p = {.n = 0};

	(void)state;
	stock_plan_promote(&p);
	assert_int_equal(stock_plan_next(&p), STOCK_COMMIT);
	stock_plan_demote(&p);
	assert_string_equal(rest(&p), "-t -n ");
	stock_plan_demote(&p);
	stock_plan_promote(&p);
	assert_string_equal(rest(&p), "-c -f -R -B ");
	stock_plan_promote(&p);
	stock_plan_clear(&p);
	assert_string_equal(rest(&p), "");
}

/* A commit that ends is the one that is waited for, unless another one is due. */
static void another_is_due(void **state)
{
	struct stock_plan p = {.n = 0};

	(void)state;
	stock_plan_promote(&p);
	assert_true(stock_plan_has(&p, STOCK_COMMIT));
	assert_int_equal(stock_plan_next(&p), STOCK_COMMIT);
	assert_false(stock_plan_has(&p, STOCK_COMMIT));
	stock_plan_demote(&p);
	stock_plan_promote(&p);
	assert_true(stock_plan_has(&p, STOCK_COMMIT));
}

static void left_out(void **state)
{
	static const struct {
		const char *line;
		unsigned n; /* 0: it says nothing of that */
	} row[] = {
		{"[Sat Nov 28 08:23:43 2026] (pid=27064) [notice] 12 entries can't be committed",
		 12},
		{"7 expectations can't be committed", 7},
		{"[notice] Committed 12 new entries", 0},
		{" entries can't be committed", 0},
		{"0 entries can't be committed", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned n = 0;

		assert_int_equal(stock_left_out(row[i].line, &n), row[i].n > 0);
		assert_int_equal(n, row[i].n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(role_changes_meanwhile),
		cmocka_unit_test(another_is_due),
		cmocka_unit_test(left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
