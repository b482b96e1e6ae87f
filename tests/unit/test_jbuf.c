/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON that is written as text: commas, escapes, and what is not UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/jbuf.h"

static void expect(struct jbuf *b, const char *text)
{
	if (b->failed || b->len != strlen(text) || memcmp(b->text, text, b->len) != 0)
		fail_msg("%.*s, not %s", (int)b->len, b->text, text);
	jbuf_empty(b);
}

static void values(void **state)
{
	struct jbuf b = {.len = 0};

	(void)state;
	jbuf_open(&b, NULL, '{');
	jbuf_int(&b, "a", INT64_MIN);
	jbuf_open(&b, "b", '[');
	jbuf_bool(&b, NULL, true);
	jbuf_bool(&b, NULL, false);
	jbuf_close(&b, ']');
	jbuf_open(&b, "c", '{');
	jbuf_close(&b, '}');
	jbuf_null(&b, "d");
	jbuf_text(&b, "e", NULL);
	jbuf_text(&b, "f", "");
	jbuf_said(&b, "g", "");
	jbuf_said(&b, "h", NULL);
	jbuf_said(&b, "i", "x");
	jbuf_format(&b, "j", "%u-%u", 1, 2);
	jbuf_close(&b, '}');
	expect(&b, "{\"a\":-9223372036854775808,\"b\":[true,false],\"c\":{},\"d\":null,"
		   "\"e\":null,\"f\":\"\",\"g\":null,\"h\":null,\"i\":\"x\",\"j\":\"1-2\"}");
	jbuf_free(&b);
}

/* Emptied in the middle, it goes on where it was. */
static void in_pieces(void **state)
{
	struct jbuf b = {.len = 0};

	(void)state;
	jbuf_open(&b, NULL, '[');
	expect(&b, "[");
	jbuf_int(&b, NULL, 1);
	expect(&b, "1");
	jbuf_int(&b, NULL, 2);
	expect(&b, ",2");
	jbuf_close(&b, ']');
	jbuf_raw(&b, "}\n");
	expect(&b, "]}\n");
	jbuf_free(&b);
}

static const struct {
	const char *is, *becomes;
} sample[] = {
	{"plain", "plain"},
	{"\"\\/", "\\\"\\\\/"},
	{"a\nb\x1b\x7f", "a\\u000ab\\u001b\x7f"},
	{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8d\x8c", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8d\x8c"},
	{"\x80 \xbf", "\\ufffd \\ufffd"},
	{"\xc0\x80", "\\ufffd\\ufffd"},		     /* overlong */
	{"\xe0\x9f\x80", "\\ufffd\\ufffd\\ufffd"},   /* overlong */
	{"\xed\xa0\x80!", "\\ufffd\\ufffd\\ufffd!"}, /* half of a pair */
	{"\xf0\x8f\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	{"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
	{"\xf5", "\\ufffd"},
	{"cut \xe2\x82", "cut \\ufffd\\ufffd"},
	{"cut \xc3", "cut \\ufffd"},
};

static void texts(void **state)
{
	struct jbuf b = {.len = 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sample); i++) {
		char want[80];

		snprintf(want, sizeof(want), "\"%s\"", sample[i].becomes);
		jbuf_text(&b, NULL, sample[i].is);
		expect(&b, want);
		b.comma = false;
	}
	jbuf_free(&b);
}

static void grows(void **state)
{
	struct jbuf b = {.len = 0};

	(void)state;
	jbuf_open(&b, NULL, '[');
	for (int i = 0; i < 10000; i++)
		jbuf_int(&b, NULL, 12345);
	assert_int_equal(b.len, 1 + 10000 * 6 - 1);
	assert_false(b.failed);
	jbuf_free(&b);
	assert_null(b.text);
}

/* What is cut or no JSON is shown as it is, within its bounds. */
static void indented(void **state)
{
	static const char *const odd[] = {"", "\"", "\"\\", "{\"a", "}}]", "[[[", "1", "::"};
	static const char json[] =
		"{\"a\":[1,-2.5e3,\"x\\\",{\\\\\"],\"b\":{},\"c\":[],\"d\":{\"e\":null}}";
	struct jbuf b = {.len = 0};

	(void)state;
	jbuf_indented(&b, json, sizeof(json) - 1);
	expect(&b, "{\n  \"a\": [\n    1,\n    -2.5e3,\n    \"x\\\",{\\\\\"\n  ],\n  \"b\": {},\n"
		   "  \"c\": [],\n  \"d\": {\n    \"e\": null\n  }\n}");
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		char *exact = malloc(strlen(odd[i]) ? strlen(odd[i]) : 1);

		memcpy(exact, odd[i], strlen(odd[i]));
		jbuf_indented(&b, exact, strlen(odd[i]));
		free(exact);
	}
	jbuf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(in_pieces), cmocka_unit_test(texts),
		cmocka_unit_test(grows),  cmocka_unit_test(indented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
