/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/ctlmsg.h"

static const struct stream_key key = {.term = 7, .sender = 0xabcdef01, .epoch = 0x1122334455667788};

static size_t encode(uint8_t buf[static CTL_BODY_MAX], const struct ctl_msg *m)
{
	struct wr w = wr_of(buf, CTL_BODY_MAX);

	ctl_encode(&w, m);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static void messages(void **state)
{
	const struct ctl_msg sent[] = {
		{.type = CTL_STATUS,
		 .status = {.name = "controller-1",
			    .phase = 2,
			    .percent = 100,
			    .known_term = 9,
			    .stream = key,
			    .seq = UINT64_MAX}},
		{.type = CTL_STATUS,
		 .status = {.name = "controller-2",
			    .stream = key,
			    .detailed = true,
			    .flows = 70000,
			    .repair = {.why = 1, .bytes = UINT64_MAX},
			    .hearing = 2,
			    .every_ms = 3200,
			    .life = 0x1122334455667788}},
		{.type = CTL_NACK, .nack = {.stream = key, .n = 2, .range = {{5, 1}, {9, 300}}}},
		{.type = CTL_REPAIR,
		 .repair = {.stream = key, .at = 70000, .n = 1, .range = {{0, 1}}}},
		{.type = CTL_DIFFER,
		 .differ = {.stream = key,
			    .at = 12345,
			    .round = 77,
			    .parts = 5,
			    .part = 4,
			    .len = 3,
			    .bits = {0x80, 0, 1}}},
		{.type = CTL_CHALLENGE, .challenge = {.to = 77, .nonce = 0x1122334455667788}},
		{.type = CTL_ECHO, .challenge = {.to = 1, .nonce = UINT64_MAX}},
		{.type = CTL_ASK, .challenge = {.nonce = 1}},
		{.type = CTL_VOUCH, .challenge = {.to = UINT32_MAX, .nonce = 1}},
		{.type = CTL_HANDOVER, .handover = {.stream = key}},
		{.type = CTL_LEAVING,
		 .handover = {.stream = key,
			      .leaving = {.trail_ms = 500,
					  .mac = {{2, 0, 0, 0, 0, 1}, {0xfe, 1, 2, 3, 4, 5}}}}},
		{.type = CTL_RESERVE, .reserve = {.stage = RESERVE_LOOKING}},
		{.type = CTL_RESERVE,
		 .reserve = {.stage = RESERVE_HELD,
			     .set = {.n = 2,
				     .addr = {{.family = AF_INET, .b = {192, 0, 2, 7}},
					      {.family = AF_INET6, .b = {0x20, 1, [15] = 7}}}}}},
		{.type = CTL_GONE, .gone = {.stream = key, .first = 12345678901}},
		{.type = CTL_PULSE,
		 .pulse = {.nonce = 7, .n = 2, .echo = {{5, 6}, {7, UINT64_MAX}}}},
		{.type = CTL_BEAT, .beat = {.stream = key, .every_ms = 300}},
		{.type = CTL_VERIFY,
		 .verify = {.stream = key,
			    .to = 3,
			    .flags = VERIFY_FINAL,
			    .round = 8,
			    .at = UINT64_MAX,
			    .first = 99}},
		{.type = CTL_VERIFIED,
		 .verified = {.stream = key,
			      .round = UINT32_MAX,
			      .state = VERIFIED_DONE,
			      .flags = VERIFIED_MORE,
			      .flows = UINT64_MAX,
			      .missing = UINT64_MAX,
			      .extra = UINT64_MAX,
			      .different = UINT64_MAX,
			      .named = VERIFY_TOLD_MAX,
			      .first = VERIFY_TOLD_MAX,
			      .len = CTL_FINDINGS_MAX,
			      .findings = {1, 1, 0xaa, 0}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		uint8_t buf[CTL_BODY_MAX];
		size_t n = encode(buf, &sent[i]);
		struct rd r = rd_of(buf, n);
		struct ctl_msg got = {.type = 0};

		assert_int_equal(ctl_decode(&r, &got), CTL_MSG);
		assert_memory_equal(&got, &sent[i], sizeof(got));
		assert_int_equal(ctl_decode(&r, &got), CTL_END);
		for (size_t len = 1; len < n; len++) {
			r = rd_of(buf, len);
			assert_int_equal(ctl_decode(&r, &got), CTL_BAD);
		}
	}
}

static void leaving(void **state)
{
	struct ctl_msg m = {.type = CTL_LEAVING,
			    .handover = {.stream = key, .leaving = {.trail_ms = UINT32_MAX}}};
	uint8_t buf[CTL_BODY_MAX];
	struct rd r = rd_of(buf, encode(buf, &m));

	(void)state;
	assert_int_equal(ctl_decode(&r, &m), CTL_MSG);
	assert_int_equal(m.handover.leaving.trail_ms, ENGINE_TRAIL_MAX_MS);
	m.handover.leaving.mac[1][0] = 1; /* packets would go to everybody */
	r = rd_of(buf, encode(buf, &m));
	assert_int_equal(ctl_decode(&r, &m), CTL_BAD);
}

/* Only addresses that a router may have, as many as it may have, and only where they belong. */
static void reserve(void **state)
{
	static const struct {
		uint8_t body[24];
		uint8_t len;
		enum ctl_decoded got;
	} row[] = {
		{{RESERVE_LOOKING, 0}, 2, CTL_MSG},
		{{RESERVE_KEPT, 1, 4, 192, 0, 2, 1}, 7, CTL_MSG},
		{{0, 0}, 2, CTL_BAD},
		{{RESERVE_HELD + 1, 0}, 2, CTL_BAD},
		{{RESERVE_HELD, 0}, 2, CTL_BAD},
		{{RESERVE_CHOOSING, 1, 4, 192, 0, 2, 1}, 7, CTL_BAD},
		{{RESERVE_HELD, 1, 5, 192, 0, 2, 1}, 7, CTL_BAD},
		{{RESERVE_HELD, 1, 4, 224, 0, 0, 1}, 7, CTL_BAD},
		{{RESERVE_HELD, 1, 4, 0, 0, 0, 0}, 7, CTL_BAD},
		{{RESERVE_HELD, 2, 4, 192, 0, 2, 1}, 7, CTL_BAD},
		{{RESERVE_HELD, 17, 4, 192, 0, 2, 1}, 7, CTL_BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[32] = {CTL_RESERVE, row[i].len};
		struct rd r = rd_of(buf, 2u + row[i].len);
		struct ctl_msg m;

		memcpy(buf + 2, row[i].body, row[i].len);
		if (ctl_decode(&r, &m) != row[i].got)
			fail_msg("row %zu", i);
	}
}

static void newer_peer(void **state)
{
	/* an unknown message, then a GONE that has grown a field */
	uint8_t buf[64] = {99, 3, 1, 2, 3, CTL_GONE, 19};
	struct rd r = rd_of(buf, 7 + 19);
	struct ctl_msg m;

	(void)state;
	buf[23] = 5;
	assert_int_equal(ctl_decode(&r, &m), CTL_UNKNOWN);
	assert_int_equal(ctl_decode(&r, &m), CTL_MSG);
	assert_int_equal(m.gone.first, 5);
	assert_int_equal(ctl_decode(&r, &m), CTL_END);
}

static void names(void **state)
{
	static const struct {
		const char *name;
		enum ctl_decoded got;
		const char *why;
	} row[] = {
		{"controller-1", CTL_MSG, "as usual"},
		{"", CTL_MSG, "none"},
		{"a\nb", CTL_BAD, "would forge a log line"},
		{"a\xff", CTL_BAD, "not ASCII"},
		{"a b", CTL_BAD, "space"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ctl_msg m = {.type = CTL_STATUS};
		uint8_t buf[CTL_BODY_MAX];
		struct rd r;

		strcpy(m.status.name, row[i].name);
		r = rd_of(buf, encode(buf, &m));
		if (ctl_decode(&r, &m) != row[i].got)
			fail_msg("%s", row[i].why);
	}
}

static void too_many_ranges(void **state)
{
	uint8_t buf[CTL_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct ctl_msg m;
	struct rd r;

	(void)state;
	wr_u8(&w, CTL_NACK);
	wr_varint(&w, 16 + 1 + 2 * 17);
	for (unsigned i = 0; i < 16; i++)
		wr_u8(&w, 0);
	wr_varint(&w, CTL_RANGES_MAX + 1);
	for (unsigned i = 0; i < 2 * 17; i++)
		wr_u8(&w, 1);
	r = rd_of(buf, wr_len(&w));
	assert_int_equal(ctl_decode(&r, &m), CTL_BAD);
}

static void operations(void **state)
{
	static const size_t len[] = {0, 1, 30, 31, 32, 158, 159, 300};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(len); i++) {
		uint8_t body[300], buf[310];
		struct wr w = wr_of(buf, sizeof(buf));
		struct rd r, got;
		unsigned type;

		memset(body, (int)i, sizeof(body));
		op_encode(&w, OP_EXTENDED, body, len[i]);
		/* one byte of framing for a PUT of IPv4 */
		assert_int_equal(wr_len(&w) - len[i], len[i] < 31 ? 1 : len[i] < 159 ? 2 : 3);
		r = rd_of(buf, wr_len(&w));
		assert_true(op_decode(&r, &type, &got));
		assert_int_equal(type, OP_EXTENDED);
		assert_int_equal(got.left, len[i]);
		assert_true(rd_done(&r));
		for (size_t n = 0; n < wr_len(&w); n++) {
			r = rd_of(buf, n);
			assert_false(op_decode(&r, &type, &got));
		}
	}
}

static void data_head(void **state)
{
	struct flow_refs refs = {.n = 2}, got;
	uint8_t buf[64], flags;
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	assert_int_equal(ip_addr_parse(&refs.addr[0], "203.0.113.1"), 0);
	assert_int_equal(ip_addr_parse(&refs.addr[1], "2001:db8::1"), 0);
	data_encode_head(&w, &refs);
	for (size_t n = 0; n < wr_len(&w); n++) {
		r = rd_of(buf, n);
		assert_false(data_decode_head(&r, &flags, &got));
	}
	r = rd_of(buf, wr_len(&w));
	assert_true(data_decode_head(&r, &flags, &got));
	assert_int_equal(got.n, 2);
	assert_true(ip_addr_equal(&got.addr[1], &refs.addr[1]));
	buf[2] = 5;
	r = rd_of(buf, wr_len(&w));
	assert_false(data_decode_head(&r, &flags, &got)); /* no such IP version */
	buf[1] = FLOW_REFS_MAX + 1;
	r = rd_of(buf, wr_len(&w));
	assert_false(data_decode_head(&r, &flags, &got));
}

static void begin(void **state)
{
	const struct op_begin sent = {.id = 5,
				      .flags = REPAIR_FORCED,
				      .log2_buckets = 8,
				      .expected = 100000,
				      .n = 2,
				      .range = {{0, 3}, {7, 9}}};
	struct op_begin got = {.id = 0};
	uint8_t buf[64];
	size_t n = op_begin_encode(buf, sizeof(buf), &sent);

	(void)state;
	assert_true(op_begin_decode(rd_of(buf, n), &got));
	assert_memory_equal(&got, &sent, sizeof(got));
	for (size_t len = 0; len < n; len++)
		assert_false(op_begin_decode(rd_of(buf, len), &got));
}

static void older_peer(void **state)
{
	/* a REPAIR without how many flows it holds */
	uint8_t buf[64] = {CTL_REPAIR, 21};
	struct rd r = rd_of(buf, 2 + 21);
	struct ctl_msg m = {.repair = {.flows = 9, .flags = 9}};

	(void)state;
	buf[2 + 16] = 5;     /* at */
	buf[2 + 16 + 2] = 1; /* one range */
	assert_int_equal(ctl_decode(&r, &m), CTL_MSG);
	assert_int_equal(m.repair.at, 5);
	assert_int_equal(m.repair.flows, 0);
	assert_int_equal(m.repair.flags, 0);
}

static void differ_refused(void **state)
{
	static const struct {
		uint64_t part;
		unsigned len;
		const char *why;
	} row[] = {
		{DIGEST_PARTS_MAX, 1, "no set has so many parts"},
		{0, DIGEST_PART + 1, "longer than a part"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t body[400] = {0}, buf[420];
		struct wr w = wr_of(body, sizeof(body)), out = wr_of(buf, sizeof(buf));
		struct ctl_msg m;
		struct rd r;

		w.p += 16 + 1 + 4;
		wr_varint(&w, 1);
		wr_varint(&w, row[i].part);
		wr_varint(&w, row[i].len);
		w.p += row[i].len;
		wr_u8(&out, CTL_DIFFER);
		wr_varint(&out, wr_len(&w));
		wr_bytes(&out, body, wr_len(&w));
		r = rd_of(buf, wr_len(&out));
		if (ctl_decode(&r, &m) != CTL_BAD)
			fail_msg("%s", row[i].why);
	}
}

static void compare(void **state)
{
	const struct op_compare sent = {
		.round = 9, .flags = COMPARE_AUDIT, .by = {.log2 = 12, .key = {1, 2, 3}}};
	static const uint8_t bad_log2[] = {0, DIGEST_LOG2_MIN - 1, DIGEST_LOG2_MAX + 1, 64, 255};
	struct op_compare got;
	uint8_t buf[64];
	size_t n = op_compare_encode(buf, sizeof(buf), &sent);

	(void)state;
	assert_int_equal(buf[0], OPX_COMPARE);
	assert_true(op_compare_decode(rd_of(buf + 1, n - 1), &got));
	assert_memory_equal(&got, &sent, sizeof(got));
	for (size_t len = 0; len < n - 1; len++)
		assert_false(op_compare_decode(rd_of(buf + 1, len), &got));
	for (size_t i = 0; i < ARRAY_LEN(bad_log2); i++) {
		buf[6] = bad_log2[i];
		assert_false(op_compare_decode(rd_of(buf + 1, n - 1), &got));
	}
}

static void digests_and_buckets(void **state)
{
	const uint8_t bits[] = {1, 0, 0xff};
	const struct op_buckets sent = {.id = 3,
					.round = 4,
					.flags = BUCKETS_LAST,
					.expected = 1000,
					.part = 7,
					.bits = rd_of(bits, sizeof(bits))};
	struct op_buckets got;
	struct op_digests d;
	uint8_t buf[64];
	struct wr w = wr_of(buf, sizeof(buf));
	size_t n;

	(void)state;
	op_digests_head(&w, 5, 300);
	wr_be64(&w, 0x0102030405060708u);
	n = wr_len(&w);
	assert_true(op_digests_decode(rd_of(buf + 1, n - 1), &d));
	assert_int_equal(d.round, 5);
	assert_int_equal(d.first, 300);
	assert_int_equal(rd_be64(&d.sums), 0x0102030405060708u);
	assert_false(op_digests_decode(rd_of(buf + 1, n - 2), &d)); /* half a digest */

	n = op_buckets_encode(buf, sizeof(buf), &sent);
	assert_true(op_buckets_decode(rd_of(buf + 1, n - 1), &got));
	assert_int_equal(got.id, 3);
	assert_int_equal(got.round, 4);
	assert_int_equal(got.flags, BUCKETS_LAST);
	assert_int_equal(got.expected, 1000);
	assert_int_equal(got.part, 7);
	assert_int_equal(got.bits.left, sizeof(bits));
	assert_memory_equal(got.bits.p, bits, sizeof(bits));
	for (size_t len = 0; len < n - 1 - sizeof(bits); len++)
		assert_false(op_buckets_decode(rd_of(buf + 1, len), &got));
}

static void rank(void **state)
{
	static const struct {
		struct stream_key a, b;
		int want;
	} row[] = {
		{{1, 9, 0}, {2, 1, 0}, -1},
		{{2, 1, 0}, {2, 2, 0}, -1},
		{{2, 2, 1}, {2, 2, 5}, 0},
		{{3, 1, 0}, {2, 2, 0}, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		assert_int_equal(stream_key_rank(&row[i].a, &row[i].b), row[i].want);
		assert_int_equal(stream_key_rank(&row[i].b, &row[i].a), -row[i].want);
	}
	assert_false(stream_key_equal(&row[2].a, &row[2].b));
}

static struct verify_finding finding(enum verify_what what, const struct flow *f)
{
	struct verify_finding r = {.what = what};

	if (what != VERIFY_EXTRA)
		r.source = *f;
	if (what != VERIFY_MISSING)
		r.replica = *f;
	return r;
}

static void findings(void **state)
{
	const struct flow f = sample_tcp_snat(1),
			  v6 = sample_rare(
				  sample_flow(IPPROTO_TCP, "2001:db8::1", 1, "2001:db8::2", 2));
	const struct verify_finding in[] = {
		finding(VERIFY_MISSING, &f),	finding(VERIFY_EXTRA, &v6),
		finding(VERIFY_DIFFERENT, &f),	finding(VERIFY_MISSING, &v6),
		finding(VERIFY_DIFFERENT, &v6), finding(VERIFY_EXTRA, &f),
	};
	struct ctl_verified m = {.len = 0};
	struct verify_finding out;
	unsigned at = 0, pages = 0;

	(void)state;
	for (; at < ARRAY_LEN(in); pages++) {
		struct rd r;

		ctl_findings_encode(&m, in + at, ARRAY_LEN(in) - at);
		assert_true(m.len > 0 && m.len <= sizeof(m.findings));
		for (r = rd_of(m.findings, m.len); !rd_done(&r); at++) {
			assert_true(ctl_finding_decode(&r, &out));
			assert_int_equal(out.what, in[at].what);
			if (out.source.family)
				assert_true(flow_equal(&out.source, &in[at].source) &&
					    flow_rare_equal(&out.source, &in[at].source));
			assert_int_equal(out.source.family, in[at].source.family);
			if (out.replica.family)
				assert_true(flow_equal(&out.replica, &in[at].replica));
			else /* two of the largest do not fit one page */
				assert_true(in[at].what == VERIFY_MISSING || at == 4);
		}
		assert_true(rd_ok(&r));
	}
	assert_true(pages > 1);
}

static void findings_refused(void **state)
{
	static const struct {
		uint8_t what;
		bool source, replica, other;
		const char *why;
	} row[] = {
		{VERIFY_MISSING, false, false, false, "of no flow"},
		{VERIFY_MISSING, true, true, false, "missing, and there"},
		{VERIFY_EXTRA, true, false, false, "extra, and not there"},
		{VERIFY_EXTRA, true, true, false, "extra, and not extra"},
		{VERIFY_DIFFERENT, false, true, false, "not at the source"},
		{VERIFY_DIFFERENT, true, true, true, "two flows"},
		{0, true, true, false, "no such kind"},
		{VERIFY_WHATS, true, true, false, "no such kind"},
	};
	const struct flow f = sample_tcp_snat(1), g = sample_tcp_snat(2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct verify_finding in = {.what = (enum verify_what)row[i].what}, out;
		struct ctl_verified m = {.len = 0};
		struct rd r;

		if (row[i].source)
			in.source = f;
		if (row[i].replica)
			in.replica = row[i].other ? g : f;
		ctl_findings_encode(&m, &in, 1);
		r = rd_of(m.findings, m.len);
		if (ctl_finding_decode(&r, &out))
			fail_msg("%s", row[i].why);
	}
}

static void verified_refused(void **state)
{
	static const struct ctl_verified row[] = {{.state = VERIFIED_STATES},
						  {.named = VERIFY_TOLD_MAX + 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ctl_msg m = {.type = CTL_VERIFIED, .verified = row[i]};
		uint8_t buf[CTL_BODY_MAX];
		struct rd r = rd_of(buf, encode(buf, &m));

		assert_int_equal(ctl_decode(&r, &m), CTL_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(leaving),
		cmocka_unit_test(reserve),
		cmocka_unit_test(newer_peer),
		cmocka_unit_test(names),
		cmocka_unit_test(too_many_ranges),
		cmocka_unit_test(operations),
		cmocka_unit_test(data_head),
		cmocka_unit_test(begin),
		cmocka_unit_test(rank),
		cmocka_unit_test(older_peer),
		cmocka_unit_test(differ_refused),
		cmocka_unit_test(findings),
		cmocka_unit_test(findings_refused),
		cmocka_unit_test(verified_refused),
		cmocka_unit_test(compare),
		cmocka_unit_test(digests_and_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
