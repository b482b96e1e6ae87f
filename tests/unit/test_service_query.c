/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The questions and answers by which servers are found alive; the answers as dnsmasq 2.90 and
 * chronyd 4.3 give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/service_query.h"

#define DNS_NAME                                                                                   \
	0x05, 'a', 'l', 'i', 'v', 'e', 0x08, 'v', 'r', 'o', 'u', 't', 'e', 'r', 'd', 0x07, 'i',    \
		'n', 'v', 'a', 'l', 'i', 'd', 0x00, 0x00, 0x01, 0x00, 0x01

static const uint8_t question[] = {0x12, 0x34, 0x00, 0x00, 0x00, 0x01,	  0x00,
				   0x00, 0x00, 0x00, 0x00, 0x00, DNS_NAME};
static const uint8_t answer[] = {0x12, 0x34, 0x84,     0x80, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00,
				 0x00, 0x00, DNS_NAME, 0xc0, 0x0c, 0x00, 0x01, 0x00, 0x01, 0x00,
				 0x00, 0x00, 0x00,     0x00, 0x04, 192,	 0,    0,    8};

static void dns(void **state)
{
	uint8_t buf[SERVICE_QUERY_MAX];

	(void)state;
	assert_int_equal(dns_query(buf, 0x1234), sizeof(question));
	assert_memory_equal(buf, question, sizeof(question));
	assert_true(dns_is_answer(answer, sizeof(answer), 0x1234));
	assert_false(dns_is_answer(answer, sizeof(answer), 0x1235));
	for (size_t len = 0; len < sizeof(answer); len++)
		assert_false(dns_is_answer(answer, len, 0x1234));
}

/* Of every byte that says what it is an answer to; the rest (time to live, counts) may differ. */
static void dns_that_is_none(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} row[] = {{2, 0x04, "a question"},	  {2, 0x8c, "another operation"},
		   {2, 0x86, "truncated"},	  {3, 0x85, "refused"},
		   {5, 2, "two questions"},	  {7, 0, "no answer"},
		   {14, 'x', "another name"},	  {37, 2, "another type was asked for"},
		   {41, 0x0d, "of another name"}, {43, 28, "of another type"},
		   {51, 3, "of another length"},  {55, 9, "another address"}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t buf[sizeof(answer)];

		memcpy(buf, answer, sizeof(buf));
		assert_int_not_equal(buf[row[i].at], row[i].value);
		buf[row[i].at] = row[i].value;
		if (dns_is_answer(buf, sizeof(buf), 0x1234))
			fail_msg("%s", row[i].why);
	}
}

#define NONCE 0x0123456789abcdefu

static const uint8_t own_clock[48] = {0x24, 0x0a, 0x00, 0xe7, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
				      0x00, 0x00, 0x7f, 0x7f, 0x01, 0x01, 0xec, 0xb3, 0x5f, 0x2d,
				      0x11, 0x22, 0x33, 0x44, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
				      0xcd, 0xef, 0xec, 0xb3, 0x5f, 0x2e, 0x11, 0x22, 0x33, 0x44,
				      0xec, 0xb3, 0x5f, 0x2e, 0x11, 0x22, 0x33, 0x55};

/* Of others: whatever they say is an answer, if it is to that question. */
static void dns_of_others(void **state)
{
	static const uint8_t asked[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	uint8_t buf[SERVICE_QUERY_MAX], said[sizeof(asked)], rcode = 77;

	(void)state;
	assert_int_equal(dns_root_query(buf, 0x1234), sizeof(asked));
	assert_memory_equal(buf, asked, sizeof(asked));
	memcpy(said, asked, sizeof(said));
	assert_false(dns_root_parse(&rcode, said, sizeof(said), 0x1234)); /* a question */
	said[2] = 0x83;							  /* truncated, too */
	said[3] = 0x85;
	assert_false(dns_root_parse(&rcode, said, sizeof(said), 0x1235));
	for (size_t len = 0; len < sizeof(said); len++)
		assert_false(dns_root_parse(&rcode, said, len, 0x1234));
	assert_int_equal(rcode, 77);
	assert_true(dns_root_parse(&rcode, said, sizeof(said), 0x1234));
	assert_int_equal(rcode, 5);
	assert_string_equal(dns_rcode_name(rcode), "REFUSED");
	assert_string_equal(dns_rcode_name(15), "code");
	said[14] = 1; /* of another type */
	assert_false(dns_root_parse(&rcode, said, sizeof(said), 0x1234));
	said[5] = 0; /* it does not say of what */
	assert_true(dns_root_parse(&rcode, said, 12, 0x1234));
}

static void sntp(void **state)
{
	uint8_t buf[SERVICE_QUERY_MAX], from[48];
	struct sntp_answer a;

	(void)state;
	assert_int_equal(sntp_query(buf, NONCE), 48);
	assert_int_equal(buf[0], 0x23); /* version 4, client */
	assert_memory_equal(buf + 40, own_clock + 24, 8);
	assert_true(sntp_parse(&a, own_clock, sizeof(own_clock), NONCE));
	assert_int_equal(a.stratum, 10);
	assert_false(a.synchronised);

	memcpy(from, own_clock, sizeof(from));
	from[1] = 3;
	memcpy(from + 12, "\xc6\x12\x00\xfe", 4);
	assert_true(sntp_parse(&a, from, sizeof(from), NONCE));
	assert_int_equal(a.stratum, 3);
	assert_true(a.synchronised);
	from[0] |= 0xc0; /* it says itself that it is not */
	assert_true(sntp_parse(&a, from, sizeof(from), NONCE));
	assert_false(a.synchronised);
}

static void sntp_that_is_none(void **state)
{
	struct sntp_answer a = {.stratum = 77};
	uint8_t buf[48];

	(void)state;
	for (size_t len = 0; len < sizeof(own_clock); len++)
		assert_false(sntp_parse(&a, own_clock, len, NONCE));
	assert_false(sntp_parse(&a, own_clock, sizeof(own_clock), NONCE + 1));
	memcpy(buf, own_clock, sizeof(buf));
	buf[0] = 0x23;
	assert_false(sntp_parse(&a, buf, sizeof(buf), NONCE));
	buf[0] = own_clock[0];
	buf[1] = 0; /* a kiss of death */
	assert_false(sntp_parse(&a, buf, sizeof(buf), NONCE));
	buf[1] = 16;
	assert_false(sntp_parse(&a, buf, sizeof(buf), NONCE));
	assert_int_equal(a.stratum, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns),
		cmocka_unit_test(dns_that_is_none),
		cmocka_unit_test(dns_of_others),
		cmocka_unit_test(sntp),
		cmocka_unit_test(sntp_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
