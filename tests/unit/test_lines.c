/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/lines.h"

struct said {
	unsigned n, left_out;
	char last[LINES_LEN];
};

static void on_line(void *ctx, const char *line)
{
	struct said *s = ctx;

	s->n += line != NULL;
	s->left_out += line == NULL;
	if (line)
		strcpy(s->last, line);
}

static void take(struct lines *l, const char *text, struct said *s)
{
	lines_take(l, text, strlen(text), on_line, s);
}

static void in_pieces(void **state)
{
	struct lines l = {.max = 10};
	struct said s = {0};

	(void)state;
	take(&l, "on", &s);
	assert_int_equal(s.n, 0);
	take(&l, "e\ntw\x1bo\n\n\nthr", &s);
	assert_int_equal(s.n, 2); /* an empty one is none */
	assert_string_equal(s.last, "tw?o");
	lines_end(&l, on_line, &s);
	assert_string_equal(s.last, "thr");
	l.empty = true;
	take(&l, "a\n\nb\n", &s);
	assert_int_equal(s.n, 6);
	lines_end(&l, on_line, &s); /* there is none under way */
	assert_int_equal(s.n, 6);
}

static void is_bounded(void **state)
{
	struct lines l = {.max = 3};
	struct said s = {0};

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		take(&l, "x\n", &s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.left_out, 1);
	l.n = 0; /* another window */
	for (unsigned i = 0; i < LINES_LEN + 10; i++)
		take(&l, "y", &s);
	assert_int_equal(s.n, 4);
	assert_int_equal(strlen(s.last), LINES_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
