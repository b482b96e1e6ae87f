/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guard and the next core say to each other, perhaps of different versions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/guard_wire.h"

static struct guard_role roles[GUARD_WIRE_ROUTERS];
static char names[GUARD_WIRE_ROUTERS][NET_NAME_MAX];
static uint8_t buf[GUARD_WIRE_MAX + 64];

/* The bytes are fixed: another version depends on them. */
static const uint8_t golden_hello[] = {'V',  'R',  'G',	 '1',  1,		    /* HELLO */
				       0,    0,	   0x12, 0x34,			    /* pid */
				       1,    2,	   3,	 4,    5,    6,	   7,	 8, /* sync id */
				       0,    1,					    /* one router */
				       0,    40,   2,	 'r',  '1', /* its length; name */
				       0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, /* id */
				       0,    0,	   0,	 9,			       /* term */
				       0,    0,	   1,	 0x8b, 0xcf, 0xe5, 0x68, 0x00,
				       0x03, /* since, flags */
				       0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,	/* epoch */
				       0,    0,	   0x31, 0x32, 0x33, 0x34, 0x35, 0x36}; /* number */
static const uint8_t golden_done[] = {'V', 'R', 'G', '1', 2, 0, 2,   0,	 3,
				      2,   'r', '1', 0,	  3, 2, 'r', '2'};

static void hello(void **state)
{
	struct guard_role role = {.router = "r1",
				  .id = 0x1112131415161718,
				  .term = 9,
				  .since_ms = 1700000000000,
				  .boosted = true,
				  .had_table = true,
				  .life = {0x2122232425262728, 0x313233343536}};
	struct guard_hello h = {
		.pid = 0x1234, .sync_id = 0x0102030405060708, .n = 1, .role = &role};
	struct guard_hello got = {.role = roles};
	size_t len = guard_hello_encode(&h, buf, sizeof(buf));

	(void)state;
	assert_int_equal(len, sizeof(golden_hello));
	assert_memory_equal(buf, golden_hello, len);
	assert_int_equal(guard_hello_decode(&got, buf, len), 0);
	assert_true(got.pid == h.pid && got.sync_id == h.sync_id && got.n == 1);
	assert_string_equal(roles[0].router, "r1");
	assert_true(roles[0].id == role.id && roles[0].term == 9 &&
		    roles[0].since_ms == role.since_ms && roles[0].boosted && roles[0].had_table);
	assert_true(roles[0].life.epoch == role.life.epoch &&
		    roles[0].life.number == role.life.number);
	for (size_t cap = 0; cap < len; cap++) {
		assert_int_equal(guard_hello_encode(&h, buf, cap), 0);
		assert_int_equal(guard_hello_decode(&got, golden_hello, cap), -EPROTO);
	}
}

/* Fields that a later version appends, to the entry and to the end. */
static void newer(void **state)
{
	struct guard_hello got = {.role = roles};
	const size_t entry = 19, len = sizeof(golden_hello);

	(void)state;
	memcpy(buf, golden_hello, len);
	buf[entry + 1] += 3;
	memset(buf + len, 0xee, 10);
	assert_int_equal(guard_hello_decode(&got, buf, len + 10), 0);
	assert_string_equal(roles[0].router, "r1");
	assert_true(roles[0].had_table);
}

/* A guard that knows nothing of stamps. */
static void older(void **state)
{
	struct guard_hello got = {.role = roles};
	const size_t entry = 19, len = sizeof(golden_hello) - 16;

	(void)state;
	memcpy(buf, golden_hello, len);
	buf[entry + 1] -= 16;
	memset(roles, 0xee, sizeof(roles[0]));
	assert_int_equal(guard_hello_decode(&got, buf, len), 0);
	assert_true(roles[0].had_table && !roles[0].life.epoch);
}

static void hello_spoiled(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} row[] = {
		{0, 'X'},   {3, '2'},  {4, 2},	 {17, 0xff}, {18, 2}, /* magic, type, count */
		{20, 41},   {20, 255},				      /* length of the entry */
		{21, 0},    {21, 3},   {21, 64},		      /* length of the name */
		{22, '\0'}, /* a name with an end inside */
	};
	struct guard_hello got = {.role = roles};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		memcpy(buf, golden_hello, sizeof(golden_hello));
		buf[row[i].at] = row[i].value;
		if (guard_hello_decode(&got, buf, sizeof(golden_hello)) != -EPROTO)
			fail_msg("accepted: byte %zu = %u", row[i].at, row[i].value);
	}
}

static void done(void **state)
{
	static const char two[2][NET_NAME_MAX] = {"r1", "r2"};
	size_t len = guard_done_encode(two, 2, buf, sizeof(buf));

	(void)state;
	assert_int_equal(len, sizeof(golden_done));
	assert_memory_equal(buf, golden_done, len);
	assert_int_equal(guard_done_decode(names, buf, len), 2);
	assert_string_equal(names[0], "r1");
	assert_string_equal(names[1], "r2");
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(guard_done_decode(names, golden_done, cap), -EPROTO);
	assert_int_equal(guard_done_decode(names, golden_hello, sizeof(golden_hello)), -EPROTO);
	assert_int_equal(guard_done_decode(names, buf, guard_done_encode(two, 0, buf, 7)), 0);
}

/* The longest names of the most routers fit. */
static void bounds(void **state)
{
	struct guard_hello h = {.n = GUARD_WIRE_ROUTERS, .role = roles};
	struct guard_role *copy = calloc(GUARD_WIRE_ROUTERS, sizeof(*copy));
	struct guard_hello got = {.role = copy};

	(void)state;
	for (unsigned i = 0; i < GUARD_WIRE_ROUTERS; i++) {
		memset(&roles[i], 0, sizeof(roles[i]));
		memset(roles[i].router, 'x', NET_NAME_MAX - 1);
		memcpy(names[i], roles[i].router, NET_NAME_MAX);
	}
	size_t len = guard_hello_encode(&h, buf, GUARD_WIRE_MAX);

	assert_true(len > 0);
	assert_int_equal(guard_hello_decode(&got, buf, len), 0);
	assert_memory_equal(copy, roles, sizeof(roles));
	len = guard_done_encode((const char(*)[NET_NAME_MAX])names, GUARD_WIRE_ROUTERS, buf,
				GUARD_WIRE_MAX);
	assert_true(len > 0);
	assert_int_equal(guard_done_decode(names, buf, len), GUARD_WIRE_ROUTERS);
	h.n++;
	assert_int_equal(guard_hello_encode(&h, buf, sizeof(buf)), 0);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),	 cmocka_unit_test(newer), cmocka_unit_test(older),
		cmocka_unit_test(hello_spoiled), cmocka_unit_test(done),  cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
