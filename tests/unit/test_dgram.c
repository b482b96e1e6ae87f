/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/counters.h"
#include "vrouter/dgram.h"

static const struct dgram_hdr sample = {
	.kind = DGRAM_DATA,
	.key_id = 3,
	.router = 0x01020304,
	.sender = 0x05060708,
	.term = 0x090a0b0c,
	.epoch = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.seq = 0x1122334455667788,
};

static void golden(void **state)
{
	static const uint8_t want[DGRAM_HDR_LEN] = {
		0x56, 1,  1,  3,  1,	2,    3,    4,	  5,	6,    7,    8,	 9,  10,
		11,   12, 1,  2,  3,	4,    5,    6,	  7,	8,    9,    10,	 11, 12,
		13,   14, 15, 16, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	uint8_t buf[DGRAM_HDR_LEN];
	struct dgram_hdr got;

	(void)state;
	dgram_hdr_encode(buf, &sample);
	assert_memory_equal(buf, want, sizeof(want));
	assert_int_equal(dgram_hdr_decode(&got, buf, sizeof(buf)), DGRAM_OK);
	assert_memory_equal(&got, &sample, sizeof(got));
}

static void refused(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum dgram_err err;
	} row[] = {
		{0, 0x57, DGRAM_E_MAGIC}, {1, 2, DGRAM_E_VERSION}, {1, 0, DGRAM_E_VERSION},
		{2, 0, DGRAM_E_KIND},	  {2, 3, DGRAM_E_KIND},
	};
	uint8_t buf[DGRAM_HDR_LEN];
	struct dgram_hdr got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		dgram_hdr_encode(buf, &sample);
		buf[row[i].at] = row[i].value;
		assert_int_equal(dgram_hdr_decode(&got, buf, sizeof(buf)), row[i].err);
	}
	for (size_t len = 0; len < DGRAM_HDR_LEN; len++)
		assert_int_equal(dgram_hdr_decode(&got, buf, len), DGRAM_E_SHORT);
	assert_string_equal(dgram_err_name(DGRAM_E_MAGIC), "magic");
}

static void ids(void **state)
{
	(void)state;
	assert_int_equal(id_of(""), 2166136261u);
	assert_int_equal(id_of("a"), 0xe40c292c); /* FNV-1a's published value */
	assert_true(id_of("controller-1") != id_of("controller-2"));
}

static void counters(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SYNC_COUNTER_N; i++) {
		assert_true(*sync_counter_name((enum sync_counter)i));
		assert_true(*sync_counter_text((enum sync_counter)i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(sync_counter_name((enum sync_counter)i),
						sync_counter_name((enum sync_counter)j));
	}
	assert_string_equal(sync_counter_name(SYNC_TX_PUT), "tx_put");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(refused),
		cmocka_unit_test(ids),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
