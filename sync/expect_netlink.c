/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct expect <-> expectation messages. Facts of the kernel (nf_conntrack_netlink.c):
 * - A new expectation gets the timeout of its helper's policy whatever the request says; a request
 *   for one that is there changes its timeout and nothing else.
 * - The class counts only with a helper's name, and that helper is then given to the flow that
 *   comes. What is expected of FTP, in class 0, has none; of SIP it has.
 * - It does not tell the zone, so what is expected in another zone than 0 has no master here.
 * - A delete without a tuple empties the table: a message that could not be built has no length. */
#include "vrouter/conntrack.h"

#include <errno.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "flow_netlink_priv.h"

/* ---- reading ------------------------------------------------------------------------------ */

static bool take_name(const struct nlattr *a, char *to, bool (*ok)(const char *name, size_t len))
{
	const char *name = attr_data(a);
	size_t room = attr_len(a), len = strnlen(name, room);

	if (len == room || !ok(name, len))
		return false;
	memcpy(to, name, len + 1);
	return true;
}

static int read_nat(const struct nlattr *nest, struct expect *x)
{
	const struct nlattr *a;
	uint32_t dir = UINT32_MAX;
	int err = -EPROTO;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		if (attr_type(a) == CTA_EXPECT_NAT_DIR && !take_be32(a, &dir))
			return -EPROTO;
		if (attr_type(a) == CTA_EXPECT_NAT_TUPLE)
			err = flow_netlink_read_tuple(a, &x->nat_to, x->family, &x->nat_proto);
	}
	if (err < 0 || dir > 1)
		return -EPROTO;
	x->nat = true;
	x->nat_dir = (uint8_t)dir;
	/* the kernel keeps no more */
	memset(x->nat_to.dst, 0, sizeof(x->nat_to.dst));
	x->nat_to.l4.dport_be = 0;
	return 0;
}

enum { GOT_TUPLE = 1, GOT_MASK = 2, GOT_MASTER = 4 };

static int read_tuple(const struct nlattr *a, struct flow_tuple *t, uint8_t family, uint8_t *proto,
		      unsigned *got, unsigned bit)
{
	*got |= bit;
	return flow_netlink_read_tuple(a, t, family, proto);
}

static int read_attr(const struct nlattr *a, struct expect *x, unsigned *got)
{
	bool ok = true;
	uint8_t proto;
	uint16_t be;

	switch (attr_type(a)) {
	case CTA_EXPECT_TUPLE:
		return read_tuple(a, &x->tuple, x->family, &x->proto, got, GOT_TUPLE);
	case CTA_EXPECT_MASK:
		return read_tuple(a, &x->mask, x->family, &proto, got, GOT_MASK);
	case CTA_EXPECT_MASTER:
		return read_tuple(a, &x->master, x->family, &x->master_proto, got, GOT_MASTER);
	case CTA_EXPECT_NAT:
		return read_nat(a, x);
	case CTA_EXPECT_TIMEOUT:
		ok = take_be32(a, &x->timeout_s);
		break;
	case CTA_EXPECT_FLAGS:
		ok = take_be32(a, &x->flags);
		x->flags &= EXPECT_FLAGS;
		break;
	case CTA_EXPECT_CLASS:
		ok = take_be32(a, &x->class) && x->class <= UINT8_MAX;
		break;
	case CTA_EXPECT_ZONE:
		ok = take(a, &be, sizeof(be));
		x->zone = ok ? ntohs(be) : 0;
		break;
	case CTA_EXPECT_HELP_NAME:
		ok = take_name(a, x->helper, flow_helper_ok);
		break;
	case CTA_EXPECT_FN:
		ok = take_name(a, x->fn, expect_fn_ok);
		break;
	}
	return ok ? 0 : -EPROTO;
}

bool expect_netlink_is(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP;
}

int expect_netlink_parse(const struct nlmsghdr *nlh, struct expect *out, enum flow_change *change)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	bool is_new = nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW);
	bool is_del = nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_DELETE);
	const struct nlattr *a;
	struct expect x = {.family = 0};
	unsigned got = 0;
	int err;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*nfg)) || (!is_new && !is_del))
		return -EPROTO;
	x.family = nfg->nfgen_family;
	if (x.family != AF_INET && x.family != AF_INET6)
		return -EOPNOTSUPP;
	for (a = attr_first_of(nlh, sizeof(*nfg)); a; a = attr_next_of(a, nlh)) {
		err = read_attr(a, &x, &got);
		if (err < 0)
			return err;
	}
	if (got != (GOT_TUPLE | GOT_MASK | GOT_MASTER) || !x.proto || !x.master_proto)
		return -EPROTO;
	*out = x;
	*change = is_del ? FLOW_DESTROY : FLOW_NEW;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static struct nlmsghdr *start(void *buf, size_t cap, const struct expect *x, unsigned type,
			      unsigned flags, uint32_t seq)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	/* the longest request is known to fit, so nothing is checked again on the way */
	if (cap < FLOW_NETLINK_MAX || (x->family != AF_INET && x->family != AF_INET6) || !x->proto)
		return NULL;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK_EXP << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = x->family;
	nfg->version = NFNETLINK_V0;
	if (x->zone)
		mnl_attr_put_u16(nlh, CTA_EXPECT_ZONE, htons(x->zone));
	flow_netlink_put_tuple(nlh, CTA_EXPECT_TUPLE, x->family, x->proto, &x->tuple);
	return nlh;
}

static void put_nat(struct nlmsghdr *nlh, const struct expect *x)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_EXPECT_NAT);

	mnl_attr_put_u32(nlh, CTA_EXPECT_NAT_DIR, htonl(x->nat_dir));
	flow_netlink_put_tuple(nlh, CTA_EXPECT_NAT_TUPLE, x->family, x->nat_proto, &x->nat_to);
	mnl_attr_nest_end(nlh, nest);
}

/* See above. */
static bool helper_counts(const struct expect *x)
{
	return x->helper[0] && (x->class || strncmp(x->helper, "sip", 3) == 0);
}

size_t expect_netlink_put(void *buf, size_t cap, const struct expect *x, uint32_t timeout_s,
			  uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, x, IPCTNL_MSG_EXP_NEW, NLM_F_CREATE, seq);

	if (!nlh || !x->master_proto)
		return 0;
	flow_netlink_put_tuple(nlh, CTA_EXPECT_MASK, x->family, x->proto, &x->mask);
	flow_netlink_put_tuple(nlh, CTA_EXPECT_MASTER, x->family, x->master_proto, &x->master);
	mnl_attr_put_u32(nlh, CTA_EXPECT_TIMEOUT, htonl(timeout_s));
	if (x->flags)
		mnl_attr_put_u32(nlh, CTA_EXPECT_FLAGS, htonl(x->flags));
	if (helper_counts(x)) {
		mnl_attr_put_u32(nlh, CTA_EXPECT_CLASS, htonl(x->class));
		mnl_attr_put_strz(nlh, CTA_EXPECT_HELP_NAME, x->helper);
	}
	if (x->fn[0])
		mnl_attr_put_strz(nlh, CTA_EXPECT_FN, x->fn);
	if (x->nat)
		put_nat(nlh, x);
	return nlh->nlmsg_len;
}

size_t expect_netlink_delete(void *buf, size_t cap, const struct expect *x, uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, x, IPCTNL_MSG_EXP_DELETE, 0, seq);

	return nlh ? nlh->nlmsg_len : 0;
}
