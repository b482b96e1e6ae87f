/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

static void hash_is_siphash(void **state)
{
	/* SipHash-2-4 of bytes 00..0f under key 00..0f: the vector of its authors' paper is for 15
	 * bytes; this one is of their reference vectors, length 16. */
	uint8_t key[16];
	struct flow f = {.family = 0x00, .proto = 0x01, .zone = 0x0203};
	const uint8_t l4[4] = {4, 5, 6, 7}, src[4] = {8, 9, 10, 11}, dst[4] = {12, 13, 14, 15};

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	memcpy(&f.orig.l4.raw, l4, 4);
	memcpy(f.orig.src, src, 4);
	memcpy(f.orig.dst, dst, 4);
	assert_true(flow_hash(&f, key) == 0x3f2acc7f57c29bdbull);
}

static void identity(void **state)
{
	struct flow a = sample_tcp_snat(1), b = a;
	const uint8_t key[16] = {1};

	(void)state;
	b.mark = 5;
	b.status = 0;
	b.reply.l4.raw = 0;
	assert_true(flow_same(&a, &b));
	assert_true(flow_hash(&a, key) == flow_hash(&b, key));
	b.zone = 1;
	assert_false(flow_same(&a, &b));
	assert_true(flow_hash(&a, key) != flow_hash(&b, key));
	b = a;
	b.orig.dst[3] ^= 1;
	assert_false(flow_same(&a, &b));
	b = a;
	b.orig.l4.dport_be ^= 1;
	assert_false(flow_same(&a, &b));
}

static void invert(void **state)
{
	static const struct {
		uint8_t proto, type, answer;
		const char *src, *dst, *why;
	} row[] = {
		{IPPROTO_ICMP, 8, 0, "10.0.0.1", "192.0.2.1", "echo"},
		{IPPROTO_ICMP, 0, 8, "10.0.0.1", "192.0.2.1", "its reply"},
		{IPPROTO_ICMP, 13, 14, "10.0.0.1", "192.0.2.1", "timestamp"},
		{IPPROTO_ICMP, 3, 3, "10.0.0.1", "192.0.2.1", "an error has no answer"},
		{IPPROTO_ICMPV6, 128, 129, "2001:db8::1", "2001:db8::2", "echo"},
		{IPPROTO_ICMPV6, 8, 8, "2001:db8::1", "2001:db8::2", "not IPv4's numbers"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct flow f = sample_flow(row[i].proto, row[i].src, 77, row[i].dst,
					    (uint16_t)(row[i].type << 8));

		if (f.reply.l4.icmp.type != row[i].answer)
			fail_msg("%s", row[i].why);
		assert_int_equal(f.reply.l4.icmp.id_be, htons(77));
		assert_false(flow_is_snat(&f) || flow_is_dnat(&f));
	}

	struct flow tcp = sample_flow(IPPROTO_TCP, "10.0.0.1", 5, "192.0.2.1", 6);

	assert_int_equal(tcp.reply.l4.sport_be, htons(6));
	assert_int_equal(tcp.reply.l4.dport_be, htons(5));
}

static void nat(void **state)
{
	struct flow f = sample_tcp_snat(9);

	(void)state;
	assert_true(flow_is_snat(&f));
	assert_false(flow_is_dnat(&f));

	/* only the port changed */
	f = sample_flow(IPPROTO_UDP, "10.0.0.1", 5, "192.0.2.1", 6);
	f.reply.l4.dport_be = htons(7);
	assert_true(flow_is_snat(&f));
	assert_false(flow_is_dnat(&f));

	f = sample_flow(IPPROTO_UDP, "192.0.2.1", 5, "203.0.113.1", 53);
	sample_addr(f.reply.src, "10.20.0.5");
	assert_true(flow_is_dnat(&f));
	assert_false(flow_is_snat(&f));

	/* an ICMP id belongs to the origin: its change is source NAT */
	f = sample_snat(sample_flow(IPPROTO_ICMP, "10.0.0.1", 5, "192.0.2.1", 0x0800),
			"203.0.113.1", 900);
	assert_true(flow_is_snat(&f));
	assert_false(flow_is_dnat(&f));
}

static void equal(void **state)
{
	struct flow a = sample_tcp_snat(1), b = a;

	(void)state;
	b.has |= FLOW_HAS_TIMEOUT | FLOW_HAS_MARK;
	b.timeout_s = 5;
	b.status |= IPS_SEQ_ADJUST;
	b.tcp.wscale[0] = 1;
	assert_true(flow_equal(&a, &b)); /* a mark of zero is as none */
	b.mark = 1;
	assert_false(flow_equal(&a, &b));
	b = a;
	b.status &= ~(uint32_t)IPS_ASSURED;
	assert_false(flow_equal(&a, &b));
	b = a;
	b.tcp.state = TCP_CONNTRACK_FIN_WAIT;
	assert_false(flow_equal(&a, &b));
	b = a;
	b.reply.l4.dport_be ^= 1;
	assert_false(flow_equal(&a, &b));
	b = a;
	b.has &= ~(uint32_t)FLOW_HAS_TCP;
	assert_false(flow_equal(&a, &b));

	a = b = sample_sctp(sample_flow(IPPROTO_SCTP, "10.0.0.1", 1, "192.0.2.1", 2));
	assert_true(flow_equal(&a, &b));
	b.sctp.vtag_be[1] ^= 1;
	assert_false(flow_equal(&a, &b));
	a = b = sample_dccp(sample_flow(IPPROTO_DCCP, "10.0.0.1", 1, "192.0.2.1", 2));
	assert_true(flow_equal(&a, &b));
	b.dccp.handshake_seq ^= 1;
	assert_false(flow_equal(&a, &b));
}

static void rare(void **state)
{
	struct flow plain = sample_tcp_snat(1), all = sample_rare(plain), f;
	unsigned bits = 0;

	(void)state;
	memset(&plain.rare, 0x5a, sizeof(plain.rare)); /* nobody reads it */
	assert_true(flow_equal(&plain, &all));	       /* a kernel may refuse these */
	assert_false(flow_rare_equal(&plain, &all));
	flow_copy(&f, &plain);
	assert_true(flow_rare_equal(&plain, &f));
	for (uint32_t bit = 1; bit; bit <<= 1) {
		if (!(bit & FLOW_HAS_RARE))
			continue;
		bits++;
		f = all;
		f.has &= ~bit;
		assert_false(flow_rare_equal(&f, &all));
		/* one by one into one that has none makes all */
		f = all;
		f.has = bit;
		flow_merge(&plain, &f);
	}
	assert_int_equal(bits, 5);
	assert_true(flow_rare_equal(&plain, &all));
	assert_true(flow_equal(&plain, &all));
	for (size_t i = 0; i < sizeof(all.rare.labels); i++) {
		f = all;
		f.rare.labels[i] ^= 1;
		assert_false(flow_rare_equal(&f, &all));
	}
	f = all;
	f.rare.helper[0] = 'x';
	assert_false(flow_rare_equal(&f, &all));
	f = all;
	f.rare.master.dst[0] ^= 1;
	assert_false(flow_rare_equal(&f, &all));
	f = all;
	f.rare.seqadj[1].after ^= 1;
	assert_false(flow_rare_equal(&f, &all));
	f = all;
	f.rare.synproxy.its ^= 1;
	assert_false(flow_rare_equal(&f, &all));
}

static void merge(void **state)
{
	struct flow a = sample_tcp_snat(1), b = a;

	(void)state;
	b.has = FLOW_HAS_MARK;
	b.mark = 3;
	b.status = 0;
	b.tcp.state = 0;
	flow_merge(&a, &b);
	assert_int_equal(a.mark, 3);
	assert_int_equal(a.tcp.state, TCP_CONNTRACK_ESTABLISHED);
	assert_true(a.status & IPS_ASSURED);
	b.has = FLOW_HAS_TCP | FLOW_HAS_STATUS;
	b.tcp.state = TCP_CONNTRACK_CLOSE;
	flow_merge(&a, &b);
	assert_int_equal(a.tcp.state, TCP_CONNTRACK_CLOSE);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.mark, 3);
}

static void through(void **state)
{
	static const struct {
		const char *src, *dst, *server;
		bool through;
		const char *why;
		uint8_t icmpv6_type;
	} row[] = {
		{"10.20.0.7", "198.51.100.9", NULL, true, "a node's connection", 0},
		{"203.0.113.1", "198.51.100.9", NULL, false, "the router's own", 0},
		{"10.20.0.7", "10.20.0.1", NULL, false, "to the router: DNS", 0},
		{"198.51.100.9", "203.0.113.1", "10.20.0.8", true, "translated to a node", 0},
		{"10.20.0.7", "198.51.100.9", "10.20.0.1", false, "redirected to the router", 0},
		{"127.0.0.1", "127.0.0.1", NULL, false, "loopback", 0},
		{"10.20.0.7", "224.0.0.18", NULL, false, "multicast is not forwarded", 0},
		{"10.20.0.7", "255.255.255.255", NULL, false, "nor broadcast", 0},
		{"0.0.0.0", "10.20.0.9", NULL, false, "DHCP", 0},
		{"fe80::1", "2001:db8::1", NULL, false, "link-local", 0},
		{"2001:db8::5", "2001:db8:1::1", NULL, true, "IPv6", 0},
		{"2001:db8::5", "2001:db8::1", NULL, false, "IPv6 VIP", 0},
		{"::1", "::1", NULL, false, "IPv6 loopback", 0},
		{"2001:db8::5", "fe80::1", NULL, false, "to link-local", 0},
		{"febf::1", "2001:db8:1::1", NULL, false, "the last of link-local", 0},
		{"fec0::1", "2001:db8:1::1", NULL, true, "beyond it", 0},
		{"2001:db8::5", "ff0e::1", NULL, false, "IPv6 multicast", 0},
		{"::", "2001:db8:1::1", NULL, false, "no address yet", 0},
		{"2001:db8::5", "2001:db8:1::1", NULL, true, "ping", 128},
		{"2001:db8::5", "2001:db8:1::1", NULL, false, "neighbour solicitation", 135},
		{"2001:db8::5", "2001:db8:1::1", NULL, false, "advertisement", 136},
		{"2001:db8::5", "2001:db8:1::1", NULL, false, "listener query", 130},
		{"2001:db8::5", "2001:db8:1::1", NULL, false, "listener report", 143},
	};
	struct flow_locals l = {.n = 3};

	(void)state;
	assert_int_equal(ip_addr_parse(&l.addr[0], "10.20.0.1"), 0);
	assert_int_equal(ip_addr_parse(&l.addr[1], "203.0.113.1"), 0);
	assert_int_equal(ip_addr_parse(&l.addr[2], "2001:db8::1"), 0);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct flow f = sample_flow(IPPROTO_UDP, row[i].src, 1, row[i].dst, 2);

		if (row[i].icmpv6_type)
			f = sample_flow(IPPROTO_ICMPV6, row[i].src, 1, row[i].dst,
					(uint16_t)(row[i].icmpv6_type << 8));
		if (row[i].server)
			sample_addr(f.reply.src, row[i].server);
		if (flow_is_through(&f, &l) != row[i].through)
			fail_msg("%s > %s: %s", row[i].src, row[i].dst, row[i].why);
	}
}

static void timeouts(void **state)
{
	struct flow_timeouts t;
	struct flow f = sample_tcp_snat(1);

	(void)state;
	flow_timeouts_default(&t);
	assert_int_equal(flow_timeout_s(&t, &f), 432000);
	f.tcp.state = TCP_CONNTRACK_TIME_WAIT;
	assert_int_equal(flow_timeout_s(&t, &f), 120);
	f.has &= ~(uint32_t)FLOW_HAS_TCP; /* unknown: rather too long */
	assert_int_equal(flow_timeout_s(&t, &f), 432000);
	f = sample_flow(IPPROTO_UDP, "10.0.0.1", 1, "192.0.2.1", 2);
	assert_int_equal(flow_timeout_s(&t, &f), 120);
	f.status = IPS_CONFIRMED | IPS_SEEN_REPLY;
	assert_int_equal(flow_timeout_s(&t, &f), 30);
	f.proto = IPPROTO_ICMP;
	assert_int_equal(flow_timeout_s(&t, &f), 30);
	t.icmpv6 = 31;
	f.proto = IPPROTO_ICMPV6;
	assert_int_equal(flow_timeout_s(&t, &f), 31);
	f.proto = IPPROTO_UDPLITE;
	assert_int_equal(flow_timeout_s(&t, &f), 30);
	f.proto = IPPROTO_GRE;
	assert_int_equal(flow_timeout_s(&t, &f), 30);
	f.status |= IPS_ASSURED;
	assert_int_equal(flow_timeout_s(&t, &f), 180);
	f.proto = IPPROTO_ESP;
	assert_int_equal(flow_timeout_s(&t, &f), 600);
	f.proto = IPPROTO_DCCP; /* of a kernel that does not know it */
	assert_int_equal(flow_timeout_s(&t, &f), 600);
	f = sample_dccp(f);
	assert_int_equal(flow_timeout_s(&t, &f), 43200);
	f = sample_sctp(sample_flow(IPPROTO_SCTP, "10.0.0.1", 1, "192.0.2.1", 2));
	assert_int_equal(flow_timeout_s(&t, &f), 210);
	f.sctp.state = SCTP_CONNTRACK_COOKIE_WAIT;
	assert_int_equal(flow_timeout_s(&t, &f), 3);
}

static void format(void **state)
{
	char buf[FLOW_STRLEN];
	struct flow f = sample_tcp_snat(1);

	(void)state;
	f.has |= FLOW_HAS_MARK;
	f.mark = 4;
	assert_string_equal(flow_format(&f, buf),
			    "tcp 10.20.0.7:1 > 198.51.100.9:443 reply 198.51.100.9:443 > "
			    "203.0.113.1:21844 ESTABLISHED assured mark 4");
	f = sample_flow(IPPROTO_ICMPV6, "2001:db8:ffff:ffff:ffff:ffff:ffff:1", 65535,
			"2001:db8:ffff:ffff:ffff:ffff:ffff:2", 0x8000);
	f.has |= FLOW_HAS_MARK | FLOW_HAS_TIMEOUT;
	f.mark = f.timeout_s = UINT32_MAX;
	f.zone = 65535;
	assert_null(strstr(flow_format(&f, buf), "helper"));
	f = sample_rare(f);
	f.rare.master = f.orig;
	assert_true(strlen(flow_format(&f, buf)) < FLOW_STRLEN);
	assert_non_null(strstr(buf, " helper netbios-ns_123."));
	f = sample_sctp(sample_flow(IPPROTO_SCTP, "2001:db8::1", 1, "2001:db8::2", 2));
	assert_string_equal(flow_format(&f, buf),
			    "sctp 2001:db8::1:1 > 2001:db8::2:2 reply 2001:db8::2:2 > "
			    "2001:db8::1:1 ESTABLISHED vtags 01020304 a1a2a3a4 assured");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash),
		cmocka_unit_test(identity),
		cmocka_unit_test(invert),
		cmocka_unit_test(nat),
		cmocka_unit_test(equal),
		cmocka_unit_test(merge),
		cmocka_unit_test(rare),
		cmocka_unit_test(through),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
