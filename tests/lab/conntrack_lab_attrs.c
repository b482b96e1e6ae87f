/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every attribute on its way: made in one namespace, captured, encoded, decoded, applied in another
 * one, dumped there, and equal. */
#include "conntrack_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Labels have room only where a rule uses them; a rule that uses conntrack makes it work at all. */
#define RULES                                                                                      \
	"nft -f - <<'END'\n"                                                                       \
	"table inet lab {\n"                                                                       \
	"	chain out { type filter hook output priority 0;\n"                                       \
	"		ct state new meta l4proto udplite ct label set 3\n"                                     \
	"	}\n"                                                                                     \
	"}\n"                                                                                      \
	"END"

struct pair {
	struct lab *src, *dst;
	int home, away; /* the namespaces of the source and of the replica */
};

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		fail_msg("setns: %s", strerror(errno));
}

static void run(const char *command)
{
	int status = system(command);

	if (status != 0)
		fail_msg("%s: status %d", command, status);
}

static int pair_setup_with(void **state, const char *dst_rules)
{
	struct pair *p = calloc(1, sizeof(*p));
	void *lab;

	assert_non_null(p);
	p->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(p->home >= 0);
	run(RULES);
	assert_int_equal(lab_setup(&lab), 0);
	p->src = lab;
	assert_int_equal(capture_start(p->src->capture), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	p->away = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(p->away >= 0);
	run("ip link set lo up");
	run(dst_rules);
	assert_int_equal(lab_setup(&lab), 0);
	p->dst = lab;
	enter(p->home);
	*state = p;
	return 0;
}

static int pair_setup(void **state)
{
	return pair_setup_with(state, RULES);
}

static int bare_pair_setup(void **state)
{
	return pair_setup_with(state, ":");
}

static int pair_teardown(void **state)
{
	struct pair *p = *state;
	void *src = p->src, *dst = p->dst;

	lab_teardown(&src);
	lab_teardown(&dst);
	run("nft delete table inet lab");
	close(p->home);
	close(p->away);
	free(p);
	return 0;
}

/* The wire in between. */
static struct flow over_the_wire(const struct flow *f, const char *why)
{
	const struct flow_refs refs = {.n = 1, .addr = {{.family = AF_INET, .b = {30, 0, 0, 1}}}};
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct flow back;

	flow_encode_put(&w, f, &refs);
	if (!wr_ok(&w) || flow_decode_put(rd_of(buf, wr_len(&w)), &refs, &back) != FLOW_OK)
		fail_msg("%s: not over the wire", why);
	return back;
}

static void same(const struct flow *want, const struct flow *is, const char *where, const char *why)
{
	char a[FLOW_STRLEN], b[FLOW_STRLEN];

	if (!flow_equal(want, is) || !flow_rare_equal(want, is))
		fail_msg("%s: %s:\nwant %s\nis   %s", why, where, flow_format(want, a),
			 flow_format(is, b));
}

/* What the source told, to the replica; its changes merged as the sender does it. */
static void carry(struct pair *p, enum flow_change change, enum flow_put how, const char *why)
{
	struct flow f;

	memset(p->src->n_change, 0, sizeof(p->src->n_change));
	while (capture_read(p->src->capture, 4096))
		;
	if (p->src->n_change[change] == 0)
		fail_msg("%s: not told", why);
	f = over_the_wire(&p->src->merged, why);
	lab_put(p->dst, &f, how);
	if (p->dst->n_failed)
		fail_msg("%s: refused: %s", why, strerror(-p->dst->last_err));
}

static void replicate(struct pair *p, const struct flow *want, const char *why)
{
	struct flow src, dst;

	carry(p, FLOW_NEW, FLOW_PUT_NEW, why);
	same(want, &p->src->merged, "captured", why);
	if (!lab_has(p->src, want, &src) || !lab_has(p->dst, want, &dst))
		fail_msg("%s: not there", why);
	same(want, &src, "source", why);
	same(&src, &dst, "replica", why);
	if ((src.status ^ dst.status) & (IPS_EXPECTED | IPS_SRC_NAT | IPS_DST_NAT | IPS_SEQ_ADJUST))
		fail_msg("%s: status %x at the source, %x here", why, src.status, dst.status);
	assert_int_equal(p->dst->counters.v[SYNC_APPLY_REDUCED], 0);
}

/* ---- protocols ---------------------------------------------------------------------------- */

static struct flow in_zone(struct flow f)
{
	f.zone = 9;
	return f;
}

static void protocols(void **state)
{
	static const struct {
		uint8_t family, proto;
	} kind[] = {
		{AF_INET, IPPROTO_TCP},	    {AF_INET, IPPROTO_UDP},   {AF_INET, IPPROTO_UDPLITE},
		{AF_INET, IPPROTO_ICMP},    {AF_INET, IPPROTO_SCTP},  {AF_INET, IPPROTO_GRE},
		{AF_INET6, IPPROTO_TCP},    {AF_INET6, IPPROTO_UDP},  {AF_INET6, IPPROTO_UDPLITE},
		{AF_INET6, IPPROTO_ICMPV6}, {AF_INET6, IPPROTO_SCTP}, {AF_INET6, IPPROTO_GRE},
	};
	struct pair *p = *state;
	char why[64];

	for (uint32_t i = 0; i < ARRAY_LEN(kind); i++) {
		/* a port, id or key of its own for each, all in one table */
		struct flow f = flow_plain(kind[i].family, kind[i].proto, 10 * i);
		struct flow plain = flow_plain(kind[i].family, kind[i].proto, 10 * i + 1);
		struct flow row[4] = {
			plain, flow_snat(f, (uint16_t)(5000 + i)),
			flow_dnat(f, (uint16_t)(6000 + i)),
			flow_snat(flow_dnat(f, (uint16_t)(7000 + i)), (uint16_t)(7000 + i))};

		for (uint32_t k = 0; k < ARRAY_LEN(row); k++) {
			struct flow r = row[k];

			snprintf(why, sizeof(why), "family %u protocol %u %s", r.family, r.proto,
				 k == 0	  ? "plain"
				 : k == 1 ? "SNAT"
				 : k == 2 ? "DNAT"
					  : "both");
			r.has |= FLOW_HAS_MARK;
			r.mark = 1000 * i + k;
			lab_put_other(&r);
			replicate(p, &r, why);
			apply_del(p->src->apply, &r);
			apply_commit(p->src->apply);
			apply_del(p->dst->apply, &r);
			apply_commit(p->dst->apply);
			r = in_zone(r);
			lab_put_other(&r);
			replicate(p, &r, "the same in a zone");
		}
	}
}

/* What conntrack(8) makes is not made by the code under test. */
static void sctp_changes(void **state)
{
	struct pair *p = *state;
	struct flow src, dst;

	run("conntrack -I -p sctp -s 10.1.1.1 -d 10.2.2.2 --sport 7 --dport 9 -t 60"
	    " --state COOKIE_WAIT --orig-vtag 17 --reply-vtag 18 >/dev/null 2>&1");
	carry(p, FLOW_NEW, FLOW_PUT_NEW, "SCTP");
	run("conntrack -U -p sctp -s 10.1.1.1 -d 10.2.2.2 --sport 7 --dport 9"
	    " --state ESTABLISHED --orig-vtag 33 --reply-vtag 34 >/dev/null 2>&1");
	carry(p, FLOW_UPDATE, FLOW_PUT_UPDATE, "SCTP, later");
	assert_true(lab_has(p->src, &p->src->merged, &src));
	assert_true(lab_has(p->dst, &src, &dst));
	same(&src, &dst, "replica", "SCTP, later");
	assert_int_equal(dst.sctp.state, SCTP_CONNTRACK_ESTABLISHED);
	assert_true(dst.sctp.vtag_be[0] && dst.sctp.vtag_be[1]);
	assert_int_not_equal(dst.sctp.vtag_be[0], dst.sctp.vtag_be[1]);
}

static void dccp(void **state)
{
	struct pair *p = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_DCCP, 1), 4711);

	if (access("/proc/sys/net/netfilter/nf_conntrack_dccp_timeout_open", F_OK) < 0)
		skip(); /* without a tracker it has neither ports nor a state */
	f.has |= FLOW_HAS_DCCP;
	f.dccp.state = FLOW_DCCP_OPEN;
	f.dccp.role = 1;
	f.dccp.handshake_seq = 1ull << 47 | 5;
	lab_put_other(&f);
	replicate(p, &f, "DCCP");
}

/* ---- attributes --------------------------------------------------------------------------- */

static struct flow labelled(struct flow f)
{
	flow_rare_add(&f, FLOW_HAS_LABELS)->labels[0] = 8;
	f.rare.labels[15] = 0x80;
	return f;
}

static struct flow helped(struct flow f, const char *name)
{
	strcpy(flow_rare_add(&f, FLOW_HAS_HELPER)->helper, name);
	return f;
}

static struct flow expected_by(struct flow f, const struct flow *master)
{
	struct flow_rare *r = flow_rare_add(&f, FLOW_HAS_MASTER);

	r->master = master->orig;
	r->master_proto = master->proto;
	return f;
}

static struct flow adjusted(struct flow f)
{
	struct flow_rare *r = flow_rare_add(&f, FLOW_HAS_SEQADJ);

	r->seqadj[0] = (struct flow_seqadj){0xfffffff0, (uint32_t)-5, 7};
	r->seqadj[1] = (struct flow_seqadj){1, 2, (uint32_t)-3};
	return f;
}

static struct flow proxied(struct flow f)
{
	struct flow_rare *r = flow_rare_add(&f, FLOW_HAS_SYNPROXY);

	r->synproxy.isn = 0xdeadbeef;
	r->synproxy.its = 12;
	r->synproxy.tsoff = 0x80000001;
	return f;
}

static void attributes(void **state)
{
	struct pair *p = *state;

	for (uint8_t v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;
		struct flow master = flow_snat(flow_plain(family, IPPROTO_TCP, 500), 555);
		struct flow f = flow_snat(flow_plain(family, IPPROTO_TCP, 501), 556);
		struct flow one[] = {
			labelled(f),
			helped(f, "ftp"),
			adjusted(f),
			proxied(f),
			expected_by(f, &master),
			labelled(helped(adjusted(proxied(expected_by(f, &master))), "ftp")),
		};
		static const char *const why[] = {"labels",   "helper", "sequence adjustment",
						  "synproxy", "master", "all"};

		master = helped(master, "ftp");
		lab_put_other(&master);
		replicate(p, &master, "the master");
		for (unsigned i = 0; i < ARRAY_LEN(one); i++) {
			lab_put_other(&one[i]);
			replicate(p, &one[i], why[i]);
			apply_del(p->src->apply, &f);
			apply_commit(p->src->apply);
			/* stays at the replica: the next one takes its place */
		}
	}
}

static void attributes_change(void **state)
{
	struct pair *p = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711), dst;
	struct lab *other;
	void *lab;

	lab_put_other(&f);
	carry(p, FLOW_NEW, FLOW_PUT_NEW, "plain");
	assert_int_equal(lab_setup(&lab), 0);
	other = lab;
	f = labelled(adjusted(proxied(f)));
	lab_put(other, &f, FLOW_PUT_UPDATE);
	assert_int_equal(other->n_failed, 0);
	carry(p, FLOW_UPDATE, FLOW_PUT_UPDATE, "attributes");
	assert_true(lab_has(p->dst, &f, &dst));
	assert_memory_equal(dst.rare.labels, f.rare.labels, sizeof(f.rare.labels));
	lab_teardown(&lab);
}

/* ---- what a kernel does not take ---------------------------------------------------------- */

static void refused(void **state)
{
	struct pair *p = *state;
	struct flow nobody = flow_plain(AF_INET, IPPROTO_TCP, 900);
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	const struct {
		struct flow f;
		unsigned lost;
		const char *why;
	} row[] = {
		{helped(f, "nonsense"), 1, "no such helper"},
		{expected_by(f, &nobody), 1, "no such master"},
		{labelled(f), 1, "no room for labels"},
		{labelled(expected_by(helped(f, "nonsense"), &nobody)), 3, "none of the three"},
	};
	uint64_t before = 0;

	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		lab_put(p->dst, &row[i].f, FLOW_PUT_NEW);
		if (p->dst->n_failed)
			fail_msg("%s: %s", row[i].why, strerror(-p->dst->last_err));
		lab_assert_has(p->dst, &f, row[i].why);
		if (p->dst->counters.v[SYNC_APPLY_REDUCED] != before + row[i].lost)
			fail_msg("%s: counted %llu", row[i].why,
				 (unsigned long long)p->dst->counters.v[SYNC_APPLY_REDUCED]);
		before += row[i].lost;
	}
	assert_int_equal(p->dst->counters.v[SYNC_APPLIED_PUT], ARRAY_LEN(row));
	assert_int_equal(p->dst->counters.v[SYNC_APPLY_CLASH], 0);
}

static void master_behind_its_child(void **state)
{
	struct pair *p = *state;
	struct flow master = flow_plain(AF_INET, IPPROTO_TCP, 1), dst;
	struct flow child = expected_by(flow_plain(AF_INET, IPPROTO_TCP, 2), &master);

	apply_put(p->dst->apply, &child, FLOW_PUT_NEW);
	apply_put(p->dst->apply, &master, FLOW_PUT_NEW);
	apply_commit(p->dst->apply);
	assert_int_equal(p->dst->counters.v[SYNC_APPLY_REDUCED], 0);
	assert_true(lab_has(p->dst, &child, &dst));
	same(&child, &dst, "in one batch", "master behind its child");
}

/* ---- real packets ------------------------------------------------------------------------- */

static void udplite_packet(int family)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons(4000),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons(4000),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *to = family == AF_INET ? (void *)&v4 : (void *)&v6;
	int fd = socket(family, SOCK_DGRAM, IPPROTO_UDPLITE);

	if (fd < 0 && errno == EPROTONOSUPPORT)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, "x", 1, 0, to, family == AF_INET ? sizeof(v4) : sizeof(v6)), 1);
	close(fd);
}

static void udplite_traffic(void **state)
{
	struct pair *p = *state;
	static const int family[] = {AF_INET, AF_INET6};

	for (unsigned i = 0; i < ARRAY_LEN(family); i++) {
		udplite_packet(family[i]);
		while (capture_read(p->src->capture, 4096))
			;
		struct flow want = p->src->merged, f = over_the_wire(&want, "traffic"), dst;

		assert_int_equal(want.proto, IPPROTO_UDPLITE);
		assert_int_equal(want.has & FLOW_HAS_RARE, FLOW_HAS_LABELS);
		assert_int_equal(want.rare.labels[0], 1 << 3);
		lab_put(p->dst, &f, FLOW_PUT_NEW);
		assert_int_equal(p->dst->n_failed, 0);
		assert_true(lab_has(p->dst, &want, &dst));
		same(&want, &dst, "replica", "UDP-Lite");
	}
}

/* A DATA chunk from 127.0.0.1 to 127.0.0.2, as it leaves (no checksum is looked at there). */
static void sctp_packet(uint32_t vtag)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
	uint8_t packet[32] = {0, 7, 0, 9, [12] = 0, 3, 0, 20};
	uint32_t be = htonl(vtag);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_SCTP);

	assert_true(fd >= 0);
	memcpy(packet + 4, &be, sizeof(be));
	assert_int_equal(sendto(fd, packet, sizeof(packet), 0, (const void *)&to, sizeof(to)),
			 sizeof(packet));
	close(fd);
}

/* The replica's kernel goes on with the tags that it was given, and with no others. */
static void sctp_traffic(void **state)
{
	struct pair *p = *state;
	struct flow f = flow_plain(AF_INET, IPPROTO_SCTP, 1), got;
	const uint8_t from[] = {127, 0, 0, 1}, to[] = {127, 0, 0, 2};

	memcpy(f.orig.src, from, 4);
	memcpy(f.orig.dst, to, 4);
	f.orig.l4.sport_be = htons(7);
	f.orig.l4.dport_be = htons(9);
	f.reply = flow_invert(&f, &f.orig);
	f.sctp.vtag_be[0] = htonl(0xcafe0001);
	lab_put_other(&f);
	replicate(p, &f, "SCTP");
	enter(p->away);
	sctp_packet(0xcafe0002);
	enter(p->home);
	assert_true(lab_has(p->dst, &f, &got));
	assert_in_range(got.timeout_s, LAB_PIN_S - 60, LAB_PIN_S); /* taken for a stranger's */
	enter(p->away);
	sctp_packet(0xcafe0001);
	enter(p->home);
	assert_true(lab_has(p->dst, &f, &got));
	assert_in_range(got.timeout_s, 1, LAB_PIN_S / 2);
	same(&f, &got, "replica", "SCTP after traffic");
}

#define PAIR_TEST(fn)	   cmocka_unit_test_setup_teardown(fn, pair_setup, pair_teardown)
#define BARE_PAIR_TEST(fn) cmocka_unit_test_setup_teardown(fn, bare_pair_setup, pair_teardown)

int lab_run_attr_tests(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(protocols),
		PAIR_TEST(sctp_changes),
		PAIR_TEST(dccp),
		PAIR_TEST(attributes),
		PAIR_TEST(attributes_change),
		BARE_PAIR_TEST(refused),
		PAIR_TEST(master_behind_its_child),
		PAIR_TEST(udplite_traffic),
		PAIR_TEST(sctp_traffic),
	};

	return cmocka_run_group_tests_name("attributes", tests, NULL, NULL);
}
