/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

static struct flow_refs refs_of(const char *a, const char *b)
{
	struct flow_refs r = {.n = 2};

	assert_int_equal(ip_addr_parse(&r.addr[0], a), 0);
	assert_int_equal(ip_addr_parse(&r.addr[1], b), 0);
	return r;
}

static size_t encode(uint8_t buf[static FLOW_WIRE_MAX], const struct flow *f,
		     const struct flow_refs *refs, bool del)
{
	struct wr w = wr_of(buf, FLOW_WIRE_MAX);

	if (del)
		flow_encode_del(&w, f, refs);
	else
		flow_encode_put(&w, f, refs);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static struct flow sample(unsigned i)
{
	struct flow f;

	switch (i) {
	case 0:
		return sample_tcp_snat(1000);
	case 1:
		return sample_flow(IPPROTO_UDP, "10.20.0.7", 53, "198.51.100.9", 5353);
	case 2:
		return sample_snat(sample_flow(IPPROTO_ICMP, "10.20.0.7", 5, "192.0.2.1", 0x0800),
				   "203.0.113.1", 900);
	case 3: /* translated to a server, on another port */
		f = sample_flow(IPPROTO_TCP, "192.0.2.1", 4000, "203.0.113.1", 80);
		sample_addr(f.reply.src, "10.20.0.8");
		f.reply.l4.sport_be = htons(8080);
		f.status |= IPS_DST_NAT;
		return f;
	case 4:
		f = sample_flow(IPPROTO_TCP, "2001:db8::7", 4000, "2001:db8:1::9", 443);
		f.has |= FLOW_HAS_MARK;
		f.mark = UINT32_MAX;
		f.zone = 65535;
		return f;
	case 5: /* IPv6 with everything spelled: the largest */
		f = sample_flow(IPPROTO_TCP, "2001:db8::7", 4000, "2001:db8:1::9", 443);
		sample_addr(f.reply.src, "2001:db8:2::1");
		f = sample_snat(f, "2001:db8:3::1", 5);
		f.reply.l4.sport_be = htons(8443);
		f.status |= IPS_DST_NAT;
		f.has |= FLOW_HAS_MARK;
		f.mark = UINT32_MAX;
		f.zone = 9;
		return f;
	case 6: /* a partial update: only the mark, and it became zero */
		f = sample_tcp_snat(7);
		f.has = FLOW_HAS_REPLY | FLOW_HAS_MARK;
		f.status = 0;
		memset(&f.tcp, 0, sizeof(f.tcp));
		return f;
	case 7: /* a protocol without a code of its own */
		return sample_flow(IPPROTO_ESP, "10.20.0.7", 0, "198.51.100.9", 0);
	case 8:
		return sample_snat(sample_flow(IPPROTO_SCTP, "10.20.0.7", 1, "198.51.100.9", 2),
				   "198.51.100.200", 1);
	default:
		f = sample_flow(IPPROTO_ICMPV6, "2001:db8::7", 3, "2001:db8:1::9", 0x8000);
		f.status = IPS_CONFIRMED;
		return f;
	}
}
#define SAMPLES 10

static void round_trip(void **state)
{
	struct flow_refs refs = refs_of("203.0.113.1", "10.20.0.1"), none = {.n = 0};

	(void)state;
	for (unsigned i = 0; i < 2 * SAMPLES; i++) {
		struct flow f = sample(i / 2), got;
		const struct flow_refs *r = i % 2 ? &refs : &none;
		uint8_t buf[FLOW_WIRE_MAX];
		size_t n = encode(buf, &f, r, false);

		memset(&got, 0xaa, sizeof(got));
		assert_int_equal(flow_decode_put(rd_of(buf, n), r, &got), FLOW_OK);
		assert_memory_equal(&got.orig, &f.orig, sizeof(f.orig));
		assert_memory_equal(&got.reply, &f.reply, sizeof(f.reply));
		assert_int_equal(got.has, f.has);
		assert_int_equal(got.status, f.status);
		assert_int_equal(got.mark, f.mark);
		assert_int_equal(got.zone, f.zone);
		assert_int_equal(got.proto, f.proto);
		assert_int_equal(got.family, f.family);
		assert_memory_equal(&got.tcp, &f.tcp, sizeof(f.tcp));

		n = encode(buf, &f, r, true);
		assert_int_equal(flow_decode_del(rd_of(buf, n), r, &got), FLOW_OK);
		assert_true(flow_same(&got, &f));
		assert_int_equal(got.has, 0);
	}
}

static void golden(void **state)
{
	/* head, source, destination, ports; parts, NAT byte, NAT port, TCP */
	static const uint8_t put[] = {0x01, 10,	  20,	0,    7,    198,  51,
				      100,  9,	  0x03, 0xe8, 0x01, 0xbb, 0x4f,
				      0x1a, 0x56, 0xbd, 0x03, 0x97, 0x23, 0x22};
	static const uint8_t del[] = {0x01, 10, 20, 0, 7, 198, 51, 100, 9, 0x03, 0xe8, 0x01, 0xbb};
	struct flow_refs refs = refs_of("203.0.113.1", "10.20.0.1");
	struct flow f = sample_tcp_snat(1000);
	uint8_t buf[FLOW_WIRE_MAX];

	(void)state;
	assert_int_equal(encode(buf, &f, &refs, false), sizeof(put));
	assert_memory_equal(buf, put, sizeof(put));
	assert_int_equal(encode(buf, &f, &refs, true), sizeof(del));
	assert_memory_equal(buf, del, sizeof(del));
}

static void largest(void **state)
{
	struct flow_refs none = {.n = 0};
	uint8_t buf[FLOW_WIRE_MAX];

	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct flow f = sample(i);

		assert_true(encode(buf, &f, &none, false) <= 96);
	}
}

/* Every prefix of a record fails and leaves *out alone; bytes behind it are for newer peers. */
static void truncated(void **state)
{
	struct flow_refs refs = refs_of("203.0.113.1", "10.20.0.1");

	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct flow f = sample(i), untouched, got;
		uint8_t buf[FLOW_WIRE_MAX + 4] = {0};
		size_t n = encode(buf, &f, &refs, false);

		memset(&untouched, 0x5a, sizeof(untouched));
		got = untouched;
		for (size_t len = 0; len < n; len++) {
			uint8_t exact[FLOW_WIRE_MAX];

			memcpy(exact, buf, len);
			if (flow_decode_put(rd_of(exact, len), &refs, &got) != FLOW_E_SHORT)
				fail_msg("sample %u: %zu of %zu bytes", i, len, n);
			assert_memory_equal(&got, &untouched, sizeof(got));
		}
		assert_int_equal(flow_decode_put(rd_of(buf, n + 4), &refs, &got), FLOW_OK);
		assert_true(flow_equal(&got, &f));
	}
}

static void refused(void **state)
{
	static const struct {
		uint8_t at, value;
		enum flow_err err;
		const char *why;
	} row[] = {
		{0, 0x41, FLOW_E_REF, "destination by reference 198"},
		{0, 0x21, FLOW_E_REF, "source by reference 10"},
		{14, 0x7a, FLOW_E_REF, "NAT address by reference 6"},
		{17, 10, FLOW_E_VALUE, "no such TCP state"},
		{18, 0x0f, FLOW_E_VALUE, "window scale 15"},
		{18, 0xf0, FLOW_E_VALUE, "window scale 15, replies"},
		{0, 0x02, FLOW_E_VALUE, "UDP with a TCP state"},
	};
	struct flow_refs refs = refs_of("203.0.113.1", "10.20.0.1");
	struct flow f = sample_tcp_snat(1000), got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[FLOW_WIRE_MAX];
		size_t n = encode(buf, &f, &refs, false);

		buf[row[i].at] = row[i].value;
		if (flow_decode_put(rd_of(buf, n), &refs, &got) != row[i].err)
			fail_msg("%s", row[i].why);
	}
	/* a mark of more than 32 bits */
	static const uint8_t mark[] = {0x02, 1, 2, 3,	 4,    5,    6,	   7,	 8,   0,
				       1,    0, 2, 0x30, 0xff, 0xff, 0xff, 0xff, 0x7f};

	assert_int_equal(flow_decode_put(rd_of(mark, sizeof(mark)), &refs, &got), FLOW_E_VALUE);
	assert_string_equal(flow_err_name(FLOW_E_REF), "ref");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(golden),	 cmocka_unit_test(largest),
		cmocka_unit_test(truncated),  cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
