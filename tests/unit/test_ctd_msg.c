/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of conntrackd: what the program itself sent is read as what it was, and everything
 * that is read is written as what is read the same. */
#include "ctd_captures.h"
#include "flow_samples.h"

#include "../../sync/conntrackd/msg.h"

#define DATAGRAM_MAX 2048
/* Of a byte in long recordings, which hold what short ones do many times over: every value, but
 * only some where the compiler's checks make each of them slow. */
#ifdef __SANITIZE_ADDRESS__
#define LONG_STEP 51
#else
#define LONG_STEP 1
#endif

static size_t capture(uint8_t *out, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ctd_captures); i++)
		if (strcmp(ctd_captures[i].name, name) == 0)
			return ctd_from_hex(out, DATAGRAM_MAX, ctd_captures[i].hex);
	fail_msg("no capture %s", name);
	return 0;
}

/* The nth message of a capture. */
static struct ctd_msg message(uint8_t *buf, const char *name, unsigned nth)
{
	struct rd r = rd_of(buf, capture(buf, name));
	struct ctd_msg m;

	do
		assert_int_equal(ctd_msg_next(&r, &m), CTD_OK);
	while (nth--);
	return m;
}

static struct flow flow_of(const char *name, unsigned nth)
{
	uint8_t buf[DATAGRAM_MAX];
	struct ctd_msg m = message(buf, name, nth);
	struct flow f;

	assert_int_equal(ctd_flow_decode(m.body, m.type, &f), CTD_OK);
	return f;
}

static struct flow plain(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			 uint16_t dport)
{
	struct flow f = sample_flow(proto, src, sport, dst, dport);

	f.status = IPS_CONFIRMED;
	return f;
}

static void assert_same(const struct flow *got, const struct flow *want)
{
	char a[FLOW_STRLEN], b[FLOW_STRLEN];

	if (!flow_equal(got, want))
		fail_msg("%s\n  is not %s", flow_format(got, a), flow_format(want, b));
}

static void test_control(void **state)
{
	uint8_t buf[DATAGRAM_MAX];
	struct ctd_msg m = message(buf, "ftfw-0", 0);

	(void)state;
	assert_int_equal(m.type, CTD_CTL);
	assert_int_equal(m.flags, CTD_HELLO | CTD_ALIVE);
	m = message(buf, "ftfw-11", 0);
	assert_int_equal(m.flags, CTD_HELLO | CTD_RESYNC);
	m = message(buf, "notrack-0", 0);
	assert_int_equal(m.flags, CTD_ALIVE);
}

static void test_flows(void **state)
{
	struct flow f = flow_of("ftfw-2", 0), want;

	(void)state;
	want = sample_snat(sample_flow(IPPROTO_TCP, "10.20.0.102", 1026, "198.18.0.254", 80),
			   "198.18.0.1", 40000);
	assert_same(&f, &want);
	/* the second is translated to another host and port */
	f = flow_of("ftfw-3", 0);
	assert_int_equal(ntohs(f.reply.l4.sport_be), 8080);
	assert_int_equal(f.reply.src[3], 5);
	assert_int_equal(f.mark, 3);
	assert_true(flow_is_dnat(&f) && !flow_is_snat(&f));
	f = flow_of("ftfw-4", 0);
	want = sample_snat(plain(IPPROTO_UDP, "10.20.0.102", 1028, "198.18.0.254", 53),
			   "198.18.0.1", 40001);
	assert_same(&f, &want);
	/* type and code of ICMP are told as ports of a translation */
	f = flow_of("ftfw-5", 0);
	want = sample_snat(plain(IPPROTO_ICMP, "10.20.0.102", 77, "198.18.0.254", 8 << 8),
			   "198.18.0.1", 77);
	assert_same(&f, &want);
	f = flow_of("ftfw-6", 0);
	assert_int_equal(f.sctp.state, 4);
	assert_int_equal(f.sctp.vtag_be[0], 5); /* as the kernel has it, little-endian here */
	f = flow_of("ftfw6-2", 0);
	want = plain(IPPROTO_ICMPV6, "2001:db8:1::5", 9, "2001:db8:ffff::254", 128 << 8);
	assert_same(&f, &want);
	f = flow_of("ftfw6-3", 0);
	want = sample_snat(plain(IPPROTO_TCP, "2001:db8:1::5", 1035, "2001:db8:ffff::254", 80),
			   "2001:db8:ffff::1", 1035);
	assert_same(&f, &want);
}

static void test_unsupported(void **state)
{
	uint8_t buf[DATAGRAM_MAX];
	struct ctd_msg m = message(buf, "ftfw-8", 0);
	struct flow f;

	(void)state;
	assert_int_equal(ctd_flow_decode(m.body, m.type, &f), CTD_E_UNSUPPORTED); /* UDP-Lite */
	f = flow_of("ftfw-9", 0);						  /* unknown */
	assert_int_equal(f.proto, 99);
	f = flow_of("ftfw-7", 0);
	assert_int_equal(f.proto, IPPROTO_GRE);
}

static void test_tracking(void **state)
{
	struct flow f = flow_of("ftfw-2", 0);

	(void)state;
	/* recorded with TCPWindowTracking on, and off */
	assert_int_equal(f.tcp.flags[0], IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_WINDOW_SCALE);
	f = flow_of("ftfw6-0", 0);
	assert_int_equal(f.tcp.flags[1], IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_BE_LIBERAL);
}

static void test_rare(void **state)
{
	struct flow f = flow_of("ftp-2", 0);

	(void)state;
	assert_string_equal(f.rare.helper, "ftp");
	assert_true(f.has & FLOW_HAS_LABELS && !(f.has & FLOW_HAS_SYNPROXY));
	assert_int_equal(f.rare.labels[0], 1 << 5);
}

static void test_expectation(void **state)
{
	uint8_t buf[DATAGRAM_MAX], own[CTD_MSG_MAX];
	struct ctd_msg m = message(buf, "ftp-2", 1);
	struct wr w = wr_of(own, sizeof(own));
	struct expect x, back;

	(void)state;
	assert_int_equal(m.type, CTD_EXP_NEW);
	assert_int_equal(ctd_expect_decode(m.body, &x), CTD_OK);
	assert_int_equal(ntohs(x.tuple.l4.dport_be), 5141);
	assert_int_equal(x.tuple.l4.sport_be, 0);
	assert_int_equal(ntohs(x.master.l4.dport_be), 21);
	assert_string_equal(x.helper, "ftp");
	assert_string_equal(x.fn, "nat-follow-master");
	assert_int_equal(x.timeout_s, 300);
	assert_true(x.nat);
	assert_true(ctd_expect_encode(&w, &x));
	assert_int_equal(ctd_expect_decode(rd_of(own, wr_len(&w)), &back), CTD_OK);
	assert_true(expect_equal(&x, &back));
	/* byte for byte what conntrackd sends, but for the order of two attributes */
	assert_int_equal(wr_len(&w), m.body.left);
}

static void assert_round_trip(const struct flow *f)
{
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct flow back;

	assert_true(ctd_flow_encode(&w, f, 60));
	assert_true(wr_ok(&w));
	assert_int_equal(ctd_flow_decode(rd_of(buf, wr_len(&w)), CTD_CT_UPD, &back), CTD_OK);
	assert_same(&back, f);
	assert_true(flow_rare_equal(&back, f));
}

static void assert_told(const struct flow *f)
{
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct flow back;

	assert_round_trip(f);
	/* its end says which one it was, and nothing more */
	assert_true(ctd_flow_encode_end(&w, f));
	assert_true(wr_ok(&w) && wr_len(&w) <= 68);
	assert_int_equal(ctd_flow_decode(rd_of(buf, wr_len(&w)), CTD_CT_DEL, &back), CTD_OK);
	assert_true(flow_same(&back, f));
}

static void test_encode(void **state)
{
	struct flow f = sample_rare(sample_tcp_snat(4711));

	(void)state;
	assert_told(&f);
	f = sample_rare(sample_snat(sample_flow(IPPROTO_TCP, "2001:db8::1", 1, "2001:db8::2", 2),
				    "2001:db8::3", 5));
	assert_told(&f);
	f = sample_flow(IPPROTO_ICMP, "10.20.0.7", 0x1234, "198.51.100.9", 8 << 8);
	assert_told(&f);
	f = sample_flow(99, "10.20.0.7", 0, "198.51.100.9", 0);
	assert_told(&f);
}

static void test_cannot_tell(void **state)
{
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct flow f = sample_tcp_snat(1);

	(void)state;
	f.zone = 7;
	assert_false(ctd_flow_encode(&w, &f, 60));
	f = sample_snat(sample_flow(IPPROTO_ICMP, "10.20.0.7", 1, "198.51.100.9", 8 << 8),
			"203.0.113.1", 2);
	assert_false(ctd_flow_encode(&w, &f, 60));
	f = sample_flow(IPPROTO_UDPLITE, "10.20.0.7", 1, "198.51.100.9", 2);
	assert_false(ctd_flow_encode(&w, &f, 60));
	f = sample_flow(IPPROTO_GRE, "10.20.0.7", 1, "198.51.100.9", 2);
	assert_false(ctd_flow_encode(&w, &f, 60));
	assert_false(ctd_flow_encode_end(&w, &f));
	assert_int_equal(wr_len(&w), 0);
}

/* Whatever is accepted is something that a kernel may be given, and (again: it takes time) is
 * written as what is read the same. */
static void look_at(const uint8_t *p, size_t len, bool again)
{
	struct rd r = rd_of(p, len);
	size_t left = len + 1;

	while (!rd_done(&r)) {
		struct ctd_msg m;
		struct expect x;
		struct flow f;

		assert_true(r.left < left);
		left = r.left;
		if (ctd_msg_next(&r, &m) != CTD_OK || m.type == CTD_CTL)
			continue;
		assert_true(m.body.p >= p && m.body.p + m.body.left <= p + len);
		if (m.type > CTD_CT_DEL) {
			if (ctd_expect_decode(m.body, &x) == CTD_OK)
				assert_true(x.proto && x.class <= UINT8_MAX && x.nat_dir <= 1);
		} else if (ctd_flow_decode(m.body, m.type, &f) == CTD_OK) {
			assert_true(f.proto && (f.family == AF_INET || f.family == AF_INET6));
			if (again && m.type != CTD_CT_DEL)
				assert_round_trip(&f);
		}
	}
}

static void test_damaged(void **state)
{
	uint8_t buf[DATAGRAM_MAX], was;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ctd_captures); i++) {
		size_t n = ctd_from_hex(buf, DATAGRAM_MAX, ctd_captures[i].hex);
		unsigned step = n > 300 ? LONG_STEP : 1;

		for (size_t cut = 0; cut <= n; cut++) {
			/* one byte behind the end is one too many */
			uint8_t *copy = malloc(cut ? cut : 1);

			memcpy(copy, buf, cut);
			look_at(copy, cut, true);
			free(copy);
		}
		for (size_t at = 0; at < n; at++) {
			was = buf[at];
			for (unsigned v = 0; v < 256; v += step) {
				buf[at] = (uint8_t)v;
				look_at(buf, n, v % 32 == 0);
			}
			buf[at] = was;
		}
	}
}

static void assert_refused(uint8_t *buf, size_t n, enum ctd_err want)
{
	struct rd r = rd_of(buf, n);
	struct ctd_msg m;
	struct flow f;
	enum ctd_err err = ctd_msg_next(&r, &m);

	if (err == CTD_OK)
		err = ctd_flow_decode(m.body, m.type, &f);
	assert_string_equal(ctd_err_name(err), ctd_err_name(want));
}

static void test_reasons(void **state)
{
	uint8_t buf[DATAGRAM_MAX];
	size_t n = capture(buf, "ftfw-4");

	(void)state;
	assert_refused(buf, n, CTD_OK);
	assert_refused(buf, n - 4, CTD_E_SHORT);
	buf[0] = 0x20;
	assert_refused(buf, n, CTD_E_VERSION);
	buf[0] = 0x16;
	assert_refused(buf, n, CTD_E_TYPE);
	buf[0] = 0x10;
	buf[1] = CTD_ACK;
	assert_refused(buf, n, CTD_E_TYPE);
	buf[1] = 0;
	buf[3]++;
	assert_refused(buf, n, CTD_E_LENGTH);
	buf[3] = 4;
	assert_refused(buf, n, CTD_E_LENGTH);
	buf[3] = (uint8_t)n;
	buf[47] = 5; /* a second status in place of the timeout */
	assert_refused(buf, n, CTD_E_ATTR);
	buf[47] = 6;
	buf[11] = 32; /* the addresses */
	assert_refused(buf, n, CTD_E_ATTR);
	buf[11] = 5; /* are a status, which comes behind */
	assert_refused(buf, n, CTD_E_LENGTH);
	buf[11] = 0;
	buf[32] = 0; /* protocol */
	assert_refused(buf, n, CTD_E_VALUE);
	buf[32] = IPPROTO_ICMP;
	assert_refused(buf, n, CTD_E_MISSING);
	buf[32] = IPPROTO_UDPLITE;
	assert_refused(buf, n, CTD_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),	    cmocka_unit_test(test_flows),
		cmocka_unit_test(test_unsupported), cmocka_unit_test(test_tracking),
		cmocka_unit_test(test_rare),	    cmocka_unit_test(test_expectation),
		cmocka_unit_test(test_encode),	    cmocka_unit_test(test_cannot_tell),
		cmocka_unit_test(test_damaged),	    cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
