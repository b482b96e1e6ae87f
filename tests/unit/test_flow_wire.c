/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include <stdlib.h>

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
	case 10:
		return sample_sctp(
			sample_snat(sample_flow(IPPROTO_SCTP, "10.20.0.7", 1, "198.51.100.9", 2),
				    "198.51.100.200", 9));
	case 11:
		return sample_dccp(sample_flow(IPPROTO_DCCP, "2001:db8::7", 1, "2001:db8:1::9", 2));
	case 12:
		return sample_rare(sample_tcp_snat(5));
	case 13: /* the largest of all */
		f = sample(5);
		f.proto = IPPROTO_SCTP;
		f.has &= ~(uint32_t)FLOW_HAS_TCP;
		memset(&f.dccp, 0, sizeof(f.dccp));
		return sample_sctp(sample_rare(f));
	case 14: /* short labels; an update of nothing else */
		f = sample_flow(IPPROTO_GRE, "10.20.0.7", 11, "198.51.100.9", 12);
		f.has = FLOW_HAS_REPLY;
		f.status = 0;
		flow_rare_add(&f, FLOW_HAS_LABELS)->labels[2] = 1;
		return f;
	case 15:
		f = sample_flow(IPPROTO_UDPLITE, "2001:db8::7", 4000, "2001:db8:1::9", 443);
		strcpy(flow_rare_add(&f, FLOW_HAS_HELPER)->helper, "x");
		return f;
	default:
		f = sample_flow(IPPROTO_ICMPV6, "2001:db8::7", 3, "2001:db8:1::9", 0x8000);
		f.status = IPS_CONFIRMED;
		return f;
	}
}
#define SAMPLES 16

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
		assert_true(flow_equal(&got, &f) && flow_rare_equal(&got, &f));
		if (f.has & FLOW_HAS_TCP)
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
		size_t n = encode(buf, &f, &none, false);

		if (n > (f.has & FLOW_HAS_RARE ? FLOW_WIRE_MAX - 16 : 96))
			fail_msg("sample %u: %zu bytes", i, n);
	}
}

/* What a newer peer adds, and what each of the two would do to the other. */
static void more(void **state)
{
	static const struct {
		uint8_t block[32];
		enum flow_err err;
		const char *why;
	} row[] = {
		{{0}, FLOW_OK, "empty"},
		{{5, 99, 3, 1, 2, 3}, FLOW_OK, "unknown attribute"},
		{{4, 0, 0, 8, 0}, FLOW_OK, "two of them, empty"},
		{{5, 4, 3, 'f', 't', 'p'}, FLOW_OK, "helper"},
		{{17, 7, 15, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9},
		 FLOW_OK,
		 "longer than known"},
		{{5, 4, 4, 'f', 't', 'p'}, FLOW_E_SHORT, "beyond the block"},
		{{13, 7, 11, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}, FLOW_E_SHORT, "synproxy cut"},
		{{1, 7}, FLOW_E_SHORT, "no length"},
		{{2, 4, 0}, FLOW_E_VALUE, "helper without a name"},
		{{5, 4, 3, 'f', 0, 'p'}, FLOW_E_VALUE, "helper with a zero"},
		{{5, 4, 3, 'a', '/', 'b'}, FLOW_E_VALUE, "helper as a path"},
		{{18, 4, 16, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',
		  'a', 'a'},
		 FLOW_E_VALUE,
		 "helper too long"},
		{{8, 3, 2, 1, 1, 3, 2, 1, 1}, FLOW_E_VALUE, "twice"},
		{{11, 1, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0}, FLOW_E_VALUE, "UDP with an SCTP state"},
		{{12, 2, 10, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, FLOW_E_VALUE, "UDP with a DCCP state"},
		{{15, 5, 13}, FLOW_E_VALUE, "master of no protocol"},
	};
	static const uint8_t head[] = {0x02, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2, 0x81};
	const struct flow_refs none = {.n = 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[sizeof(head) + sizeof(row[0].block)];
		struct flow f;
		enum flow_err err;

		memcpy(buf, head, sizeof(head));
		memcpy(buf + sizeof(head), row[i].block, sizeof(row[i].block));
		err = flow_decode_put(rd_of(buf, sizeof(head) + 1 + row[i].block[0]), &none, &f);
		if (err != row[i].err)
			fail_msg("%s: %s", row[i].why, flow_err_name(err));
	}
}

static void states_out_of_range(void **state)
{
	const struct flow_refs none = {.n = 0};
	struct flow f = sample(10), got;
	uint8_t buf[FLOW_WIRE_MAX];
	size_t n = encode(buf, &f, &none, false);

	(void)state;
	buf[n - 9] = SCTP_CONNTRACK_MAX; /* the kernel would read beyond its table */
	assert_int_equal(flow_decode_put(rd_of(buf, n), &none, &got), FLOW_E_VALUE);
	f = sample(11);
	n = encode(buf, &f, &none, false);
	buf[n - 10] = FLOW_DCCP_STATES;
	assert_int_equal(flow_decode_put(rd_of(buf, n), &none, &got), FLOW_E_VALUE);
	buf[n - 10] = FLOW_DCCP_OPEN;
	buf[n - 9] = 2;
	assert_int_equal(flow_decode_put(rd_of(buf, n), &none, &got), FLOW_E_VALUE);
}

/* Decodes to something that encodes to the same, or is refused. */
static void any_byte_wrong(void **state)
{
	struct flow_refs refs = refs_of("203.0.113.1", "10.20.0.1");

	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		struct flow f = sample(i), got, again;
		uint8_t buf[FLOW_WIRE_MAX], back[FLOW_WIRE_MAX];
		size_t n = encode(buf, &f, &refs, false);

		for (size_t at = 0; at < 8 * n; at++) {
			/* on the heap and not longer, for the sanitizer to see */
			uint8_t *exact = malloc(n);

			assert_non_null(exact);
			memcpy(exact, buf, n);
			exact[at / 8] ^= (uint8_t)(1 << at % 8);
			if (flow_decode_put(rd_of(exact, n), &refs, &got) == FLOW_OK) {
				size_t len = encode(back, &got, &refs, false);

				assert_int_equal(flow_decode_put(rd_of(back, len), &refs, &again),
						 FLOW_OK);
				assert_true(flow_equal(&got, &again) &&
					    flow_rare_equal(&got, &again));
			}
			free(exact);
		}
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
		assert_true(flow_equal(&got, &f) && flow_rare_equal(&got, &f));
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
		cmocka_unit_test(round_trip),
		cmocka_unit_test(golden),
		cmocka_unit_test(largest),
		cmocka_unit_test(truncated),
		cmocka_unit_test(refused),
		cmocka_unit_test(more),
		cmocka_unit_test(states_out_of_range),
		cmocka_unit_test(any_byte_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
