/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose transaction of nftables was it? The kernel numbers them, and tells of each first what is in
 * it, then its number and who made it. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define TABLE_ATTR 1 /* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, ...: all are 1 */

/* 0: there is none. */
static uint32_t number(struct nlmsghdr *nh, int attr)
{
	const struct nlattr *a = nlmsg_find_attr(nh, sizeof(struct nfgenmsg), attr);
	uint32_t be = 0;

	if (a && nla_len(a) == sizeof(be))
		memcpy(&be, nla_data(a), sizeof(be));
	return ntohl(be);
}

static bool is_end(const struct nlmsghdr *nh)
{
	return nh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
}

uint32_t rules_number(void)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	const struct {
		struct nlmsghdr nh;
		struct nfgenmsg g;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			.nlmsg_flags = NLM_F_REQUEST}};
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	auto_fd int fd = rtnl_listen(NETLINK_NETFILTER, NULL, 0);
	ssize_t n;

	/* the kernel answers within the call */
	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return 0;
	n = recv(fd, buf, sizeof(buf), 0);
	return n > 0 && nlmsg_ok(nh, (int)n) && is_end(nh) ? number(nh, NFTA_GEN_ID) : 0;
}

/* They count up by one and leave zero out. What is not known to be ours is taken for a stranger's,
 * and our table is replaced once more. */
void rules_note(struct rules_own *own, uint32_t before, uint32_t after)
{
	if (after && after == before + 1 + (before == UINT32_MAX))
		own->number[own->n++ % RULES_OWN_MAX] = after;
}

bool rules_is_own(const struct rules_own *own, uint32_t which)
{
	for (unsigned i = 0; i < RULES_OWN_MAX; i++)
		if (which && own->number[i] == which)
			return true;
	return false;
}

/* The pid is that of the kernel's first namespace of processes. */
static void note_who(struct nlmsghdr *nh, struct rules_event *e)
{
	const struct nlattr *name =
		nlmsg_find_attr(nh, sizeof(struct nfgenmsg), NFTA_GEN_PROC_NAME);

	if (name)
		snprintf(e->by, sizeof(e->by), "%.*s (pid %u)",
			 (int)strnlen(nla_data(name), (size_t)nla_len(name)),
			 (const char *)nla_data(name), number(nh, NFTA_GEN_PROC_PID));
}

bool rules_event(struct rules_event *out, struct nlmsghdr *nh)
{
	const struct nfgenmsg *g = nlmsg_data(nh);
	const struct nlattr *table;

	if (nlmsg_datalen(nh) < (int)sizeof(*g) || nh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return false;
	*out = (struct rules_event){
		.ends = is_end(nh), .message = nh->nlmsg_type & 0xff, .family = g->nfgen_family};
	if (out->ends) {
		out->number = number(nh, NFTA_GEN_ID);
		note_who(nh, out);
		return true;
	}
	table = nlmsg_find_attr(nh, sizeof(*g), TABLE_ATTR);
	if (!table || !nla_len(table) || ((const char *)nla_data(table))[nla_len(table) - 1])
		return false;
	out->table = nla_data(table);
	return true;
}

int rules_listen(void)
{
	const int groups[] = {NFNLGRP_NFTABLES};

	return rtnl_listen(NETLINK_NETFILTER, groups, ARRAY_LEN(groups));
}
