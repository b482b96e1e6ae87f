/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "flow_samples.h"

#include "vrouter/expect.h"

static const struct flow_refs refs = {.n = 1, .addr = {{.family = AF_INET, .b = {203, 0, 113, 1}}}};

/* What PORT of a translated client lets the kernel expect. */
static struct expect ftp(void)
{
	struct expect x = {.family = AF_INET,
			   .proto = IPPROTO_TCP,
			   .master_proto = IPPROTO_TCP,
			   .timeout_s = 300,
			   .helper = "ftp",
			   .fn = "nat-follow-master",
			   .nat = true,
			   .nat_dir = 1,
			   .nat_proto = IPPROTO_TCP};

	sample_addr(x.tuple.src, "198.51.100.9");
	sample_addr(x.tuple.dst, "203.0.113.1");
	x.tuple.l4.dport_be = htons(51210);
	sample_addr(x.mask.src, "255.255.255.255");
	sample_addr(x.mask.dst, "255.255.255.255");
	x.mask.l4.dport_be = 0xffff;
	sample_addr(x.master.src, "10.20.0.7");
	sample_addr(x.master.dst, "198.51.100.9");
	x.master.l4.sport_be = htons(40000);
	x.master.l4.dport_be = htons(21);
	x.nat_to.l4.sport_be = htons(51210);
	return x;
}

/* All that there can be, as long as it can be. */
static struct expect largest(void)
{
	struct expect x = ftp();

	x.family = AF_INET6;
	x.proto = 200;
	x.zone = 0x1234;
	x.timeout_s = EXPECT_TIMEOUT_MAX;
	x.flags = EXPECT_FLAGS;
	x.class = 255;
	memset(&x.tuple, 0x11, sizeof(x.tuple));
	memset(x.mask.src, 0xff, 16);
	memset(x.mask.dst, 0xff, 16);
	x.mask.l4.sport_be = 0xf0f0;
	memset(&x.master, 0x22, sizeof(x.master));
	x.master_proto = 201;
	strcpy(x.helper, "netbios-ns_123.");
	memset(x.fn, 'x', sizeof(x.fn) - 1);
	memset(x.nat_to.src, 0x33, 16);
	return x;
}

static struct expect plain(void)
{
	struct expect x = ftp();

	x.nat = false;
	x.nat_dir = x.nat_proto = 0;
	memset(&x.nat_to, 0, sizeof(x.nat_to));
	x.helper[0] = x.fn[0] = 0;
	return x;
}

#define SAMPLES 3
static struct expect sample(unsigned i)
{
	return i == 0 ? ftp() : i == 1 ? largest() : plain();
}

static size_t encode(uint8_t *buf, const struct expect *x)
{
	struct wr w = wr_of(buf, EXPECT_WIRE_MAX);

	expect_encode(&w, x, &refs);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static void golden(void **state)
{
	static const uint8_t wire[] = {/* TCP, destination by reference */
				       10, 0x41, 198, 51, 100, 9, 0, 0, 0, 200, 10,
				       /* the master */
				       13, 0x01, 10, 20, 0, 7, 198, 51, 100, 9, 0x9c, 0x40, 0, 21,
				       /* mask, 300 s, flags, class */
				       255, 255, 255, 255, 0, 0, 0xac, 0x02, 0, 0,
				       /* NAT: replies, TCP, no address, port */
				       1, 8, 1, 6, 0, 0, 0, 0, 200, 10,
				       /* names */
				       2, 3, 'f', 't', 'p', 3, 17, 'n', 'a', 't', '-', 'f', 'o',
				       'l', 'l', 'o', 'w', '-', 'm', 'a', 's', 't', 'e', 'r'};
	struct expect x = ftp(), got;
	uint8_t buf[EXPECT_WIRE_MAX];
	size_t n = encode(buf, &x);
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	assert_int_equal(wire[0], 10);
	assert_int_equal(n, sizeof(wire));
	assert_memory_equal(buf, wire, n);
	expect_encode_del(&w, &x, &refs);
	assert_int_equal(wr_len(&w), 11);
	assert_memory_equal(buf, wire, 11);
	assert_int_equal(expect_decode_del(rd_of(buf, 11), &refs, &got), FLOW_OK);
	assert_true(expect_same(&got, &x));
}

static void round_trip(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct expect x = sample(i), got;
		uint8_t buf[EXPECT_WIRE_MAX + 8] = {0};
		size_t n = encode(buf, &x);

		assert_int_equal(expect_decode(rd_of(buf, n), &refs, &got), FLOW_OK);
		assert_true(expect_equal(&x, &got));
		assert_int_equal(got.timeout_s, x.timeout_s);
		/* an attribute of a newer peer */
		memcpy(buf + n, "\x7f\x02hi", 4);
		assert_int_equal(expect_decode(rd_of(buf, n + 4), &refs, &got), FLOW_OK);
		assert_true(expect_equal(&x, &got));
	}
}

/* A prefix is short, or ends between two attributes: those that are there are complete then. */
static void truncated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct expect x = sample(i), bare = x, untouched, got;
		uint8_t buf[EXPECT_WIRE_MAX], back[EXPECT_WIRE_MAX];
		size_t n = encode(buf, &x), least;

		bare.nat = false;
		bare.helper[0] = bare.fn[0] = 0;
		least = encode(back, &bare);
		memset(&untouched, 0x5a, sizeof(untouched));
		for (size_t len = 0; len < n; len++) {
			uint8_t *exact = malloc(len + 1);
			enum flow_err err;

			assert_non_null(exact);
			memcpy(exact, buf, len);
			got = untouched;
			err = expect_decode(rd_of(exact, len), &refs, &got);
			if (err != FLOW_OK)
				assert_memory_equal(&got, &untouched, sizeof(got));
			else if (len < least || encode(back, &got) != len)
				fail_msg("sample %u: %zu of %zu bytes", i, len, n);
			free(exact);
		}
	}
}

static void any_bit_wrong(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct expect x = sample(i), got, again;
		uint8_t buf[EXPECT_WIRE_MAX], back[EXPECT_WIRE_MAX];
		size_t n = encode(buf, &x);

		for (size_t at = 0; at < 8 * n; at++) {
			uint8_t *exact = malloc(n);

			assert_non_null(exact);
			memcpy(exact, buf, n);
			exact[at / 8] ^= (uint8_t)(1 << at % 8);
			if (expect_decode(rd_of(exact, n), &refs, &got) == FLOW_OK) {
				size_t len = encode(back, &got);

				assert_int_equal(expect_decode(rd_of(back, len), &refs, &again),
						 FLOW_OK);
				assert_true(expect_equal(&got, &again));
			}
			free(exact);
		}
	}
}

static void refused(void **state)
{
	static const struct {
		uint8_t at, value;
		enum flow_err err;
		const char *why;
	} row[] = {
		{1, 0x40, FLOW_E_VALUE, "protocol 198 takes a byte: the port is short"},
		{5, 0x09, FLOW_OK, "another address"},
		{12, 0x09, FLOW_E_SHORT, "an IPv6 master"},
		{12, 0x11, FLOW_E_VALUE, "a master in another zone"},
		{37, 2, FLOW_E_VALUE, "no such direction"},
		{35, 0, FLOW_OK, "type 0 is skipped"},
		{47, '/', FLOW_E_VALUE, "no name of a helper"},
		{52, '/', FLOW_E_VALUE, "no name of a function"},
		{50, 2, FLOW_E_VALUE, "two helpers"},
	};
	struct expect x = ftp(), got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[EXPECT_WIRE_MAX];
		size_t n = encode(buf, &x);
		enum flow_err err;

		buf[row[i].at] = row[i].value;
		err = expect_decode(rd_of(buf, n), &refs, &got);
		if ((err == FLOW_OK) != (row[i].err == FLOW_OK))
			fail_msg("%s: %s", row[i].why, flow_err_name(err));
	}
	/* a timeout of years: two more digits */
	uint8_t buf[EXPECT_WIRE_MAX];
	size_t n = encode(buf, &x);

	memmove(buf + 33, buf + 31, n - 31);
	buf[31] = buf[32] = 0xff;
	assert_int_equal(expect_decode(rd_of(buf, n + 2), &refs, &got), FLOW_E_VALUE);
}

/* Each part counts where it should. */
static void equality(void **state)
{
	static const uint8_t key[16] = {1};
	struct expect a = largest(), b = a;
	char text[FLOW_STRLEN];
	struct flow master;

	(void)state;
	b.timeout_s = 1;
	assert_true(expect_equal(&a, &b));
	b.nat_to.l4.sport_be ^= 1;
	assert_false(expect_equal(&a, &b));
	assert_true(expect_same(&a, &b) && expect_hash(&a, key) == expect_hash(&b, key));
	b = a;
	b.flags ^= 1;
	assert_false(expect_equal(&a, &b));
	b = a;
	b.tuple.l4.dport_be ^= 1;
	assert_false(expect_same(&a, &b) || expect_hash(&a, key) == expect_hash(&b, key));
	expect_master(&a, &master);
	assert_int_equal(master.proto, 201);
	assert_int_equal(master.zone, a.zone);
	assert_memory_equal(&master.orig, &a.master, sizeof(a.master));
	assert_non_null(strstr(expect_format(&a, text), "netbios-ns_123."));
	assert_false(expect_fn_ok("", 0) || expect_fn_ok("a b", 3) ||
		     expect_fn_ok("0123456789012345678901234", EXPECT_FN_LEN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),    cmocka_unit_test(round_trip),
		cmocka_unit_test(truncated), cmocka_unit_test(any_bit_wrong),
		cmocka_unit_test(refused),   cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
