/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "vrouter/conntrack.h"

/* Events of Linux 6.18 for
 * conntrack -I -p tcp -s 10.0.0.2 -d 198.51.100.7 --sport 40000 --dport 443 --state ESTABLISHED
 *   -t 300 -u ASSURED,SEEN_REPLY --src-nat 198.18.0.1:4711 -m 9
 * and conntrack -D of it. */
static const uint8_t event_new[] = {
	0xe8, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0xf9, 0x7c, 0x00,
	0x00, 0x02, 0x00, 0x00, 0x00, 0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00,
	0x01, 0x00, 0x0a, 0x00, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0xc6, 0x33, 0x64, 0x07, 0x1c,
	0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00,
	0x9c, 0x40, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00, 0x01, 0xbb, 0x00, 0x00, 0x34, 0x00, 0x02,
	0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0xc6, 0x33, 0x64, 0x07, 0x08, 0x00,
	0x02, 0x00, 0xc6, 0x12, 0x00, 0x01, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06,
	0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x01, 0xbb, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x12, 0x67, 0x00, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x0d, 0xb6, 0x3c, 0x77, 0x08, 0x00, 0x03,
	0x00, 0x00, 0x00, 0x01, 0x9e, 0x08, 0x00, 0x07, 0x00, 0x00, 0x00, 0x01, 0x2c, 0x30, 0x00,
	0x04, 0x80, 0x2c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x05,
	0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x06, 0x00, 0x04, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x0a, 0x00, 0x00,
	0x00, 0x1c, 0x00, 0x18, 0x80, 0x08, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00,
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08,
	0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x09};
static const uint8_t event_destroy[] = {
	0xac, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x73, 0x1e,
	0xf4, 0x02, 0x00, 0x00, 0x00, 0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00,
	0x01, 0x00, 0x0a, 0x00, 0x00, 0x02, 0x08, 0x00, 0x02, 0x00, 0xc6, 0x33, 0x64, 0x07, 0x1c,
	0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00,
	0x9c, 0x40, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00, 0x01, 0xbb, 0x00, 0x00, 0x34, 0x00, 0x02,
	0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0xc6, 0x33, 0x64, 0x07, 0x08, 0x00,
	0x02, 0x00, 0xc6, 0x12, 0x00, 0x01, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06,
	0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x01, 0xbb, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00,
	0x12, 0x67, 0x00, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x0d, 0xb6, 0x3c, 0x77, 0x08, 0x00, 0x03,
	0x00, 0x00, 0x00, 0x03, 0x9e, 0x08, 0x00, 0x07, 0x00, 0x00, 0x00, 0x01, 0x2b, 0x10, 0x00,
	0x04, 0x80, 0x0c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08,
	0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x09};

union message {
	struct nlmsghdr nlh;
	uint8_t b[FLOW_NETLINK_MAX];
};

static struct flow expected(void)
{
	static const uint8_t client[] = {10, 0, 0, 2}, server[] = {198, 51, 100, 7};
	static const uint8_t vip[] = {198, 18, 0, 1};
	struct flow f = {.family = AF_INET,
			 .proto = IPPROTO_TCP,
			 .has = FLOW_HAS_STATUS | FLOW_HAS_TCP | FLOW_HAS_MARK | FLOW_HAS_TIMEOUT |
				FLOW_HAS_REPLY,
			 .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED,
			 .mark = 9,
			 .tcp.state = TCP_CONNTRACK_ESTABLISHED};

	memcpy(f.orig.src, client, 4);
	memcpy(f.orig.dst, server, 4);
	f.orig.l4.sport_be = htons(40000);
	f.orig.l4.dport_be = htons(443);
	f.reply = flow_invert(&f, &f.orig);
	memcpy(f.reply.dst, vip, 4);
	f.reply.l4.dport_be = htons(4711);
	return f;
}

static void kernel_events(void **state)
{
	static const struct {
		const uint8_t *b;
		size_t len;
		enum flow_change change;
		uint32_t timeout_s;
	} row[] = {
		{event_new, sizeof(event_new), FLOW_NEW, 300},
		{event_destroy, sizeof(event_destroy), FLOW_DESTROY, 299},
	};
	const struct flow want = expected();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		enum flow_change change;
		union message m;
		struct flow f;

		memcpy(m.b, row[i].b, row[i].len);
		assert_int_equal(flow_netlink_parse(&m.nlh, &f, &change), 0);
		assert_int_equal(change, row[i].change);
		assert_int_equal(f.has, want.has);
		assert_true(flow_equal(&f, &want));
		assert_int_equal(f.timeout_s, row[i].timeout_s);
		assert_true(f.status & IPS_SRC_NAT);
	}
}

/* Cut anywhere: refused, or read as far as whole attributes go; never beyond. */
static void truncated(void **state)
{
	struct flow f;
	enum flow_change change;

	(void)state;
	for (uint32_t len = 0; len < sizeof(event_new); len++) {
		/* on the heap and not longer, for the sanitizer to see */
		uint8_t *b = malloc(len > sizeof(struct nlmsghdr) ? len : sizeof(struct nlmsghdr));
		int err;

		assert_non_null(b);
		memcpy(b, event_new, len > sizeof(struct nlmsghdr) ? len : sizeof(struct nlmsghdr));
		((struct nlmsghdr *)(void *)b)->nlmsg_len = len;
		err = flow_netlink_parse((void *)b, &f, &change);
		/* both tuples end here */
		if ((err == 0) != (len >= 124))
			fail_msg("%u bytes: %d", len, err);
		free(b);
	}
}

static void any_byte_wrong(void **state)
{
	struct flow f;
	enum flow_change change;

	(void)state;
	for (size_t i = sizeof(struct nlmsghdr); i < sizeof(event_new); i++) {
		for (unsigned v = 0; v < 256; v += 5) {
			uint8_t *b = malloc(sizeof(event_new));

			assert_non_null(b);
			memcpy(b, event_new, sizeof(event_new));
			b[i] = (uint8_t)v;
			if (flow_netlink_parse((void *)b, &f, &change) == 0)
				assert_int_not_equal(f.proto, 0);
			free(b);
		}
	}
}

/* What the kernel sends never looks like this; each has one thing wrong. */
static void refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int err;
		const char *why;
	} row[] = {
		{5, 0x02, -EPROTO, "another subsystem (expectations)"},
		{4, 0x01, -EPROTO, "another message type"},
		{16, AF_UNSPEC, -EOPNOTSUPP, "no address family"},
		{16, AF_BRIDGE, -EOPNOTSUPP, "another family"},
		{16, AF_INET6, -EPROTO, "IPv4 addresses in an IPv6 entry"},
		{22, 0x1f, -EPROTO, "no original tuple"},
		{74, 0x1f, -EPROTO, "no reply tuple"},
		{52, 17, -EPROTO, "UDP there and TCP back"},
		{52, 0, -EPROTO, "no protocol"},
		{46, 0x03, -EOPNOTSUPP, "a zone for one direction"},
		{132, 0x06, -EPROTO, "a status of two bytes"},
		{28, 0x05, -EPROTO, "an address of one byte"},
	};
	struct flow f = {.mark = 77};
	enum flow_change change = FLOW_DESTROY;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		union message m;
		int err;

		memcpy(m.b, event_new, sizeof(event_new));
		m.b[row[i].at] = row[i].value;
		err = flow_netlink_parse(&m.nlh, &f, &change);
		if (err != row[i].err)
			fail_msg("%s: %d", row[i].why, err);
		assert_int_equal(f.mark, 77);
		assert_int_equal(change, FLOW_DESTROY);
	}
}

static void update_is_not_new(void **state)
{
	enum flow_change change;
	union message m;
	struct flow f;

	(void)state;
	memcpy(m.b, event_new, sizeof(event_new));
	m.nlh.nlmsg_flags = 0;
	assert_int_equal(flow_netlink_parse(&m.nlh, &f, &change), 0);
	assert_int_equal(change, FLOW_UPDATE);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* Attribute of the message itself; NULL when it is not there. */
static const struct nlattr *find(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	const uint8_t *end = mnl_nlmsg_get_payload_tail(nlh);

	for (; mnl_attr_ok(a, (int)(end - (const uint8_t *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static void create(void **state)
{
	const struct flow f = expected();
	enum flow_change change;
	union message m;
	struct flow back;
	size_t len = flow_netlink_create(&m, sizeof(m), &f, 777, 5);

	(void)state;
	assert_int_equal(len, m.nlh.nlmsg_len);
	assert_int_equal(m.nlh.nlmsg_seq, 5);
	assert_int_equal(m.nlh.nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(flow_netlink_parse(&m.nlh, &back, &change), 0);
	assert_true(flow_same(&back, &f));
	/* the kernel translates the plain reply tuple itself */
	assert_false(flow_is_snat(&back));
	assert_non_null(find(&m.nlh, CTA_NAT_SRC));
	assert_null(find(&m.nlh, CTA_NAT_DST));
	assert_int_equal(back.timeout_s, 777);
	assert_int_equal(back.status, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
	for (unsigned d = 0; d < 2; d++)
		assert_int_equal(back.tcp.flags[d], IP_CT_TCP_FLAG_BE_LIBERAL);
}

static void update(void **state)
{
	struct flow f = expected(), back;
	union message m;

	(void)state;
	f.status |= IPS_SRC_NAT | IPS_DYING | IPS_EXPECTED;
	assert_true(flow_netlink_update(&m, sizeof(m), &f, 777, 5) > 0);
	assert_int_equal(m.nlh.nlmsg_flags, NLM_F_REQUEST);
	assert_null(find(&m.nlh, CTA_NAT_SRC));
	assert_null(find(&m.nlh, CTA_TUPLE_REPLY));
	assert_int_equal(ntohl(mnl_attr_get_u32(find(&m.nlh, CTA_STATUS))),
			 IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
	back = f;
	back.has &= ~(uint32_t)(FLOW_HAS_STATUS | FLOW_HAS_TCP | FLOW_HAS_MARK);
	assert_true(flow_netlink_update(&m, sizeof(m), &back, 777, 5) > 0);
	assert_null(find(&m.nlh, CTA_STATUS));
	assert_null(find(&m.nlh, CTA_PROTOINFO));
	assert_null(find(&m.nlh, CTA_MARK));
	assert_non_null(find(&m.nlh, CTA_TIMEOUT));
	assert_true(flow_netlink_timeout(&m, sizeof(m), &f, 777, 5) > 0);
	assert_null(find(&m.nlh, CTA_STATUS));
	assert_null(find(&m.nlh, CTA_MARK));
}

/* A delete without a tuple would empty the table. */
static void deletes_name_a_tuple(void **state)
{
	struct flow f = expected();
	union message m;

	(void)state;
	assert_true(flow_netlink_delete(&m, sizeof(m), &f, FLOW_NETLINK_ORIG, 5) > 0);
	assert_non_null(find(&m.nlh, CTA_TUPLE_ORIG));
	assert_true(flow_netlink_delete(&m, sizeof(m), &f, FLOW_NETLINK_REPLY, 5) > 0);
	assert_null(find(&m.nlh, CTA_TUPLE_ORIG));
	assert_non_null(find(&m.nlh, CTA_TUPLE_REPLY));
	f.has = 0;
	assert_int_equal(flow_netlink_delete(&m, sizeof(m), &f, FLOW_NETLINK_REPLY, 5), 0);
	f.family = 0;
	assert_int_equal(flow_netlink_delete(&m, sizeof(m), &f, FLOW_NETLINK_ORIG, 5), 0);
}

static void what_cannot_be_expressed(void **state)
{
	struct flow f = expected();
	union message m;

	(void)state;
	assert_int_equal(flow_netlink_create(&m, sizeof(m) - 1, &f, 1, 1), 0);
	f.has &= ~(uint32_t)FLOW_HAS_TCP;
	assert_false(flow_netlink_complete(&f));
	assert_int_equal(flow_netlink_create(&m, sizeof(m), &f, 1, 1), 0);
	f.proto = IPPROTO_UDP;
	assert_true(flow_netlink_complete(&f));
	f.has &= ~(uint32_t)FLOW_HAS_STATUS;
	assert_false(flow_netlink_complete(&f));
	f = expected();
	f.proto = 0;
	assert_int_equal(flow_netlink_get(&m, sizeof(m), &f, 1), 0);
}

static struct flow with_rare(struct flow f)
{
	struct flow_rare *r = flow_rare_add(&f, FLOW_HAS_RARE);

	memset(r->labels, 0x11, sizeof(r->labels));
	strcpy(r->helper, "netbios-ns_123.");
	r->master = f.orig;
	r->master_proto = IPPROTO_TCP;
	r->seqadj[0] = (struct flow_seqadj){1, (uint32_t)-2, 3};
	r->seqadj[1] = (struct flow_seqadj){UINT32_MAX, 5, (uint32_t)-6};
	r->synproxy.isn = 7;
	r->synproxy.its = 8;
	r->synproxy.tsoff = UINT32_MAX;
	return f;
}

/* What is written for the kernel is read as it was. */
static void what_few_have(void **state)
{
	struct flow f = with_rare(expected()), back;
	enum flow_change change;
	union message m;

	(void)state;
	assert_true(flow_netlink_create(&m, sizeof(m), &f, 1, 1) > 0);
	assert_null(find(&m.nlh, CTA_LABELS));
	assert_int_equal(flow_netlink_parse(&m.nlh, &back, &change), 0);
	flow_rare_add(&back, FLOW_HAS_LABELS);
	memcpy(back.rare.labels, f.rare.labels, sizeof(f.rare.labels));
	assert_true(flow_rare_equal(&back, &f));
	for (uint32_t len = 0; len < m.nlh.nlmsg_len; len++) {
		struct nlmsghdr *exact = malloc(len > sizeof(*exact) ? len : sizeof(*exact));

		assert_non_null(exact);
		memcpy(exact, &m, len > sizeof(*exact) ? len : sizeof(*exact));
		exact->nlmsg_len = len;
		if (flow_netlink_parse(exact, &back, &change) == 0)
			assert_true(flow_same(&back, &f));
		free(exact);
	}

	/* what an entry that is there cannot be given */
	assert_true(flow_netlink_update(&m, sizeof(m), &f, 1, 1) > 0);
	assert_null(find(&m.nlh, CTA_HELP));
	assert_null(find(&m.nlh, CTA_TUPLE_MASTER));
	assert_null(find(&m.nlh, CTA_LABELS));
	assert_non_null(find(&m.nlh, CTA_SEQ_ADJ_ORIG));
	assert_non_null(find(&m.nlh, CTA_SYNPROXY));
	assert_true(flow_netlink_labels(&m, sizeof(m), &f, 1) > 0);
	assert_non_null(find(&m.nlh, CTA_LABELS));
	assert_null(find(&m.nlh, CTA_TIMEOUT));
	f.has &= ~(uint32_t)FLOW_HAS_LABELS;
	assert_int_equal(flow_netlink_labels(&m, sizeof(m), &f, 1), 0);
}

static void other_protocols(void **state)
{
	struct flow f = expected(), back;
	enum flow_change change;
	union message m;

	(void)state;
	f.proto = IPPROTO_SCTP;
	f.has = FLOW_HAS_STATUS | FLOW_HAS_REPLY;
	assert_false(flow_netlink_complete(&f)); /* every packet would be dropped */
	f.has |= FLOW_HAS_SCTP;
	f.sctp = (struct flow_sctp){.state = 4, .vtag_be = {htonl(1), htonl(2)}};
	assert_true(flow_netlink_create(&m, sizeof(m), &f, 1, 1) > 0);
	assert_int_equal(flow_netlink_parse(&m.nlh, &back, &change), 0);
	f.reply = back.reply; /* the kernel translates it */
	assert_true(flow_equal(&back, &f));

	f.proto = IPPROTO_DCCP;
	f.has = FLOW_HAS_STATUS | FLOW_HAS_REPLY | FLOW_HAS_DCCP;
	f.dccp =
		(struct flow_dccp){.state = FLOW_DCCP_OPEN, .role = 1, .handshake_seq = 1ull << 47};
	assert_true(flow_netlink_create(&m, sizeof(m), &f, 1, 1) > 0);
	assert_int_equal(flow_netlink_parse(&m.nlh, &back, &change), 0);
	assert_true(flow_equal(&back, &f));
	/* the state of another protocol than the tuple's */
	f.proto = IPPROTO_UDP;
	assert_true(flow_netlink_create(&m, sizeof(m), &f, 1, 1) > 0);
	assert_int_equal(flow_netlink_parse(&m.nlh, &back, &change), -EPROTO);
}

/* The longest request there is must leave room, as nothing checks on the way. */
static void longest(void **state)
{
	struct flow f = expected();
	union message m;
	size_t len;

	(void)state;
	f.family = AF_INET6;
	f.zone = 1;
	memset(f.orig.src, 1, 16);
	memset(f.orig.dst, 2, 16);
	memset(f.reply.src, 3, 16);
	memset(f.reply.dst, 4, 16);
	f.reply.l4.raw = ~f.orig.l4.raw;
	f = with_rare(f);
	len = flow_netlink_create(&m, sizeof(m), &f, 1, 1);
	assert_non_null(find(&m.nlh, CTA_TUPLE_MASTER));
	assert_non_null(find(&m.nlh, CTA_SYNPROXY));
	assert_non_null(find(&m.nlh, CTA_NAT_SRC));
	assert_non_null(find(&m.nlh, CTA_NAT_DST));
	assert_in_range(len, 500, FLOW_NETLINK_MAX - 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_events),
		cmocka_unit_test(truncated),
		cmocka_unit_test(any_byte_wrong),
		cmocka_unit_test(refused),
		cmocka_unit_test(update_is_not_new),
		cmocka_unit_test(create),
		cmocka_unit_test(update),
		cmocka_unit_test(deletes_name_a_tuple),
		cmocka_unit_test(what_cannot_be_expressed),
		cmocka_unit_test(what_few_have),
		cmocka_unit_test(other_protocols),
		cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
