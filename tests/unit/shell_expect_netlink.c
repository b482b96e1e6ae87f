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
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "vrouter/conntrack.h"

/* What Linux 6.18 tells when 10.20.0.101 is told "227 ..." by 198.18.0.254: its answer to a dump.
 * The last byte of it is the string's own.
 */
static const uint8_t dumped[] =
	"\x30\x01\x00\x00\x00\x02\x02\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"
	"\x34\x00\x02\x80\x14\x00\x01\x80\x08\x00\x01\x00\x0a\x14\x00\x65\x08\x00\x02\x00\xc6\x12"
	"\x00"
	"\xfe\x1c\x00\x02\x80\x05\x00\x01\x00\x06\x00\x00\x00\x06\x00\x02\x00\x00\x00\x00\x00\x06"
	"\x00"
	"\x03\x00\xc3\x50\x00\x00"
	"\x34\x00\x03\x80\x14\x00\x01\x80\x08\x00\x01\x00\xff\xff\xff\xff\x08\x00\x02\x00\xff\xff"
	"\xff"
	"\xff\x1c\x00\x02\x80\x05\x00\x01\x00\x06\x00\x00\x00\x06\x00\x02\x00\x00\x00\x00\x00\x06"
	"\x00"
	"\x03\x00\xff\xff\x00\x00"
	"\x34\x00\x01\x80\x14\x00\x01\x80\x08\x00\x01\x00\x0a\x14\x00\x65\x08\x00\x02\x00\xc6\x12"
	"\x00"
	"\xfe\x1c\x00\x02\x80\x05\x00\x01\x00\x06\x00\x00\x00\x06\x00\x02\x00\xcd\x94\x00\x00\x06"
	"\x00"
	"\x03\x00\x00\x15\x00\x00"
	"\x40\x00\x0a\x80\x08\x00\x01\x00\x00\x00\x00\x00\x34\x00\x02\x80\x14\x00\x01\x80\x08\x00"
	"\x01"
	"\x00\x00\x00\x00\x00\x08\x00\x02\x00\x00\x00\x00\x00\x1c\x00\x02\x80\x05\x00\x01\x00\x06"
	"\x00"
	"\x00\x00\x06\x00\x02\x00\xc3\x50\x00\x00\x06\x00\x03\x00\x00\x00\x00\x00"
	"\x08\x00\x04\x00\x00\x00\x01\x2a\x08\x00\x05\x00\x52\xc0\xc3\xf5\x08\x00\x08\x00\x00\x00"
	"\x00"
	"\x00\x08\x00\x09\x00\x00\x00\x00\x00\x08\x00\x06\x00\x66\x74\x70\x00"
	"\x16\x00\x0b\x00\x6e\x61\x74\x2d\x66\x6f\x6c\x6c\x6f\x77\x2d\x6d\x61\x73\x74\x65\x72\x00"
	"\x00";

union message {
	struct nlmsghdr nlh;
	uint8_t b[FLOW_NETLINK_MAX];
};

static struct expect passive(void)
{
	struct expect x = {.family = AF_INET,
			   .proto = IPPROTO_TCP,
			   .master_proto = IPPROTO_TCP,
			   .timeout_s = 298,
			   .helper = "ftp",
			   .fn = "nat-follow-master",
			   .nat = true,
			   .nat_proto = IPPROTO_TCP};
	static const uint8_t client[] = {10, 20, 0, 101}, server[] = {198, 18, 0, 254};

	memcpy(x.tuple.src, client, 4);
	memcpy(x.tuple.dst, server, 4);
	x.tuple.l4.dport_be = htons(50000);
	memset(x.mask.src, 0xff, 4);
	memset(x.mask.dst, 0xff, 4);
	x.mask.l4.dport_be = 0xffff;
	x.master = x.tuple;
	x.master.l4.sport_be = htons(52628);
	x.master.l4.dport_be = htons(21);
	x.nat_to.l4.sport_be = htons(50000);
	return x;
}

static union message told(void)
{
	union message m = {.b = {0}};

	memcpy(&m, dumped, sizeof(dumped));
	assert_int_equal(m.nlh.nlmsg_len, sizeof(dumped));
	return m;
}

static const struct nlattr *find(const struct nlmsghdr *nlh, unsigned type)
{
	const struct nlattr *a;

	for (a = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	     mnl_attr_ok(a, (int)((const char *)mnl_nlmsg_get_payload_tail(nlh) - (const char *)a));
	     a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static void kernel_tells(void **state)
{
	union message m = told();
	struct expect x = passive(), got;
	enum flow_change change;

	(void)state;
	assert_true(expect_netlink_is(&m.nlh));
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), 0);
	assert_int_equal(change, FLOW_NEW);
	assert_true(expect_equal(&got, &x));
	assert_int_equal(got.timeout_s, 298);
	m.nlh.nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_DELETE;
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), 0);
	assert_int_equal(change, FLOW_DESTROY);
	m.nlh.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	assert_false(expect_netlink_is(&m.nlh));
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), -EPROTO);
	m = told();
	((struct nfgenmsg *)mnl_nlmsg_get_payload(&m.nlh))->nfgen_family = AF_BRIDGE;
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), -EOPNOTSUPP);
}

static void truncated(void **state)
{
	union message m = told();
	enum flow_change change;
	struct expect got;

	(void)state;
	for (uint32_t len = 0; len < m.nlh.nlmsg_len; len++) {
		size_t room = len > sizeof(struct nlmsghdr) ? len : sizeof(struct nlmsghdr);
		struct nlmsghdr *exact = malloc(room);

		assert_non_null(exact);
		memcpy(exact, &m, room);
		exact->nlmsg_len = len;
		if (expect_netlink_parse(exact, &got, &change) == 0)
			assert_true(got.proto && got.master_proto);
		free(exact);
	}
}

static void any_byte_wrong(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	const union message m = told();
	enum flow_change change;
	struct expect got;

	(void)state;
	for (uint32_t at = sizeof(struct nlmsghdr); at < m.nlh.nlmsg_len; at++) {
		for (size_t v = 0; v < ARRAY_LEN(values); v++) {
			struct nlmsghdr *exact = malloc(m.nlh.nlmsg_len);

			assert_non_null(exact);
			memcpy(exact, &m, m.nlh.nlmsg_len);
			((uint8_t *)exact)[at] = values[v];
			if (expect_netlink_parse(exact, &got, &change) == 0) {
				assert_true(got.nat_dir <= 1 && got.class <= UINT8_MAX);
				assert_true(strlen(got.helper) < sizeof(got.helper) &&
					    strlen(got.fn) < sizeof(got.fn));
			}
			free(exact);
		}
	}
}

/* The kernel gives a helper that is named to what comes, and the class counts only with it. */
static void put(void **state)
{
	struct expect x = passive(), got;
	enum flow_change change;
	union message m;

	(void)state;
	assert_true(expect_netlink_put(&m, sizeof(m), &x, 900, 7) > 0);
	assert_int_equal(m.nlh.nlmsg_seq, 7);
	assert_int_equal(m.nlh.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE);
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), 0);
	assert_int_equal(got.timeout_s, 900);
	assert_null(find(&m.nlh, CTA_EXPECT_HELP_NAME));
	assert_null(find(&m.nlh, CTA_EXPECT_CLASS));
	strcpy(got.helper, "ftp");
	assert_true(expect_equal(&got, &x));
	x.class = 2;
	x.flags = 1;
	strcpy(x.helper, "h323");
	assert_true(expect_netlink_put(&m, sizeof(m), &x, 900, 7) > 0);
	assert_int_equal(expect_netlink_parse(&m.nlh, &got, &change), 0);
	assert_true(expect_equal(&got, &x));
	x.class = 0;
	strcpy(x.helper, "sip-5061");
	assert_true(expect_netlink_put(&m, sizeof(m), &x, 900, 7) > 0);
	assert_non_null(find(&m.nlh, CTA_EXPECT_HELP_NAME));
}

/* One without a tuple would delete all there are. */
static void delete_names_it(void **state)
{
	struct expect x = passive();
	union message m;

	(void)state;
	assert_true(expect_netlink_delete(&m, sizeof(m), &x, 1) > 0);
	assert_non_null(find(&m.nlh, CTA_EXPECT_TUPLE));
	assert_null(find(&m.nlh, CTA_EXPECT_ZONE));
	x.zone = 3;
	assert_true(expect_netlink_delete(&m, sizeof(m), &x, 1) > 0);
	assert_non_null(find(&m.nlh, CTA_EXPECT_ZONE));
	assert_int_equal(expect_netlink_delete(&m, FLOW_NETLINK_MAX - 1, &x, 1), 0);
	x.proto = 0;
	assert_int_equal(expect_netlink_delete(&m, sizeof(m), &x, 1), 0);
	assert_int_equal(expect_netlink_put(&m, sizeof(m), &x, 1, 1), 0);
	x.proto = IPPROTO_TCP;
	x.family = AF_UNIX;
	assert_int_equal(expect_netlink_delete(&m, sizeof(m), &x, 1), 0);
}

static void longest(void **state)
{
	struct expect x = passive();
	union message m;

	(void)state;
	x.family = AF_INET6;
	x.zone = 1;
	x.class = x.flags = 3;
	strcpy(x.helper, "netbios-ns_123.");
	memset(x.fn, 'x', sizeof(x.fn) - 1);
	assert_in_range(expect_netlink_put(&m, sizeof(m), &x, 1, 1), 400, FLOW_NETLINK_MAX - 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_tells),	   cmocka_unit_test(truncated),
		cmocka_unit_test(any_byte_wrong),  cmocka_unit_test(put),
		cmocka_unit_test(delete_names_it), cmocka_unit_test(longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
