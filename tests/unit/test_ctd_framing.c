/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP connection of conntrackd: recorded messages come out of it wherever it is cut, wherever it
 * ends and whatever byte of it is another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctd_captures.h"
#include "vrouter/util.h"

#include "../../sync/conntrackd/framing.h"

#define STREAM_MAX 70000
#define SHORT	   9 /* recordings: what is changed byte by byte has something of each kind */

static struct ctd_framing f;
static struct {
	uint8_t all[STREAM_MAX];
	size_t whole; /* what has to come out */
	bool ends;
	size_t got;
	unsigned calls;
} t;

static size_t record(unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += ctd_from_hex(t.all + len, STREAM_MAX - len, ctd_captures[i].hex);
	return len;
}

static void look(size_t size)
{
	size_t len = 0;

	t.ends = false;
	for (t.whole = 0; size - t.whole >= 8; t.whole += len) {
		len = (size_t)t.all[t.whole + 2] << 8 | t.all[t.whole + 3];
		t.ends = len < 8 || len % 4;
		if (t.ends || len > size - t.whole)
			return;
	}
}

static void on_messages(void *ctx, uint8_t *messages, size_t len)
{
	(void)ctx;
	assert_in_range(len, 1, t.whole - t.got);
	assert_memory_equal(messages, t.all + t.got, len);
	t.got += len;
	t.calls++;
}

static bool add(const uint8_t *p, size_t n)
{
	size_t room;
	uint8_t *to = ctd_framing_room(&f, &room);

	assert_true(room >= n && n);
	memcpy(to, p, n);
	return ctd_framing_add(&f, n, on_messages, NULL);
}

/* In pieces of that size. */
static void feed(size_t size, size_t piece)
{
	bool goes_on = true;

	look(size);
	f.len = t.got = t.calls = 0;
	for (size_t at = 0; at < size && goes_on; at += piece)
		goes_on = add(t.all + at, piece < size - at ? piece : size - at);
	assert_int_equal(goes_on, !t.ends);
	assert_int_equal(t.got, t.whole);
}

static void test_cuts(void **state)
{
	size_t size = record(ARRAY_LEN(ctd_captures));

	(void)state;
	feed(size, size);
	assert_int_equal(t.whole, size); /* they are recordings */
	assert_int_equal(t.calls, 1);
	for (size_t piece = 1; piece < 300; piece++)
		feed(size, piece);
	for (size_t at = 1; at < size; at++)
		feed(size, at); /* in two from the middle on */
}

static void test_truncated(void **state)
{
	size_t size = record(ARRAY_LEN(ctd_captures));

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		feed(cut, 1000);
		assert_false(t.ends);
		assert_int_equal(f.len, cut - t.whole);
	}
}

static void test_changed(void **state)
{
	size_t size = record(SHORT);
	unsigned ended = 0;

	(void)state;
	for (size_t at = 0; at < size; at++) {
		uint8_t was = t.all[at];

		for (unsigned v = 0; v < 256; v++) {
			t.all[at] = (uint8_t)v;
			feed(size, 61);
			ended += t.ends;
		}
		t.all[at] = was;
	}
	assert_true(ended > 128u * SHORT); /* each has a low byte of a length */
}

/* The longest message there can be, and the first byte of one behind it. */
static void test_longest(void **state)
{
	static const uint8_t head[] = {0x10, 0, 0xff, 0xfc};
	size_t room;

	(void)state;
	memset(t.all, 0, sizeof(t.all));
	memcpy(t.all, head, sizeof(head));
	feed(65531, 4096);
	assert_int_equal(t.calls, 0);
	ctd_framing_room(&f, &room);
	assert_in_range(room, 1, CTD_FRAMING_MAX - 65531);
	t.whole = 65532;
	assert_true(add(t.all + 65531, 2));
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.got, 65532);
	assert_int_equal(f.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
