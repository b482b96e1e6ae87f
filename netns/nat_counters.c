/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The named counters of the router's table, from the kernel: asked for when somebody wants to see
 * them, and when the table is about to be replaced. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define ANSWER_BYTES 32768
#define TABLE_NAME   (&NAT_TABLE[5]) /* without its family */
#define FORWARD	     "forward."

struct reading {
	const struct net_desired *d;
	struct nat_counters *out;
};

static uint64_t be64(const struct nlattr *a)
{
	const uint8_t *b = a && nla_len(a) == 8 ? nla_data(a) : NULL;
	uint64_t v = 0;

	for (unsigned i = 0; b && i < 8; i++)
		v = v << 8 | b[i];
	return v;
}

static void take(const struct reading *r, const char *name, uint64_t packets, uint64_t bytes)
{
	const struct nat_rules *rules = &r->d->rules;

	for (unsigned i = 0; i < NAT_DROPS; i++)
		if (strcmp(name, nat_drop_name((enum nat_drop)i)) == 0) {
			r->out->drop[i].packets = packets;
			r->out->drop[i].bytes = bytes;
		}
	if (strncmp(name, FORWARD, strlen(FORWARD)) != 0)
		return;
	for (unsigned i = 0; i < rules->n_forwards; i++)
		if (strcmp(name + strlen(FORWARD), rules->forward[i].name) == 0) {
			r->out->forward[i].packets = packets;
			r->out->forward[i].bytes = bytes;
		}
}

static void take_object(const struct reading *r, struct nlmsghdr *nh)
{
	const struct nlattr *name = nlmsg_find_attr(nh, sizeof(struct nfgenmsg), NFTA_OBJ_NAME);
	const struct nlattr *data = nlmsg_find_attr(nh, sizeof(struct nfgenmsg), NFTA_OBJ_DATA);
	char text[NAT_NAME_MAX + sizeof(FORWARD)];

	if (!name || !data || (size_t)nla_len(name) > sizeof(text))
		return;
	snprintf(text, sizeof(text), "%.*s", nla_len(name), (const char *)nla_data(name));
	take(r, text, be64(nla_find(nla_data(data), nla_len(data), NFTA_COUNTER_PACKETS)),
	     be64(nla_find(nla_data(data), nla_len(data), NFTA_COUNTER_BYTES)));
}

/* 1: the end of the listing. */
static int take_all(const struct reading *r, void *buf, int len)
{
	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, len); nh = nlmsg_next(nh, &len)) {
		if (nh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nh->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)nlmsg_data(nh))->error;
		if (nh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ))
			take_object(r, nh);
	}
	return 0;
}

static int ask(int fd)
{
	struct nfgenmsg g = {.nfgen_family = NFPROTO_INET};
	struct nl_msg *m = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ,
					      NLM_F_REQUEST | NLM_F_DUMP);
	int err = -ENOMEM;

	if (m && nlmsg_append(m, &g, sizeof(g), NLMSG_ALIGNTO) == 0 &&
	    nla_put_string(m, NFTA_OBJ_TABLE, TABLE_NAME) == 0 &&
	    nla_put_u32(m, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER)) == 0)
		err = send(fd, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len, 0) < 0 ? -errno : 0;
	nlmsg_free(m);
	return err;
}

int nat_counters_inside(const struct net_desired *d, struct nat_counters *out)
{
	const struct reading r = {.d = d, .out = out};
	auto_free char *buf = malloc(ANSWER_BYTES);
	auto_fd int fd = rtnl_listen(NETLINK_NETFILTER, NULL, 0);
	int err;

	memset(out, 0, sizeof(*out));
	if (!buf || fd < 0)
		return buf ? fd : -ENOMEM;
	err = ask(fd);
	while (!err) {
		/* the kernel answers within the call */
		ssize_t n = recv(fd, buf, ANSWER_BYTES, 0);

		err = n <= 0 ? -EIO : take_all(&r, buf, (int)n);
	}
	return err > 0 || err == -ENOENT ? 0 : err;
}

static int read_inside(void *arg)
{
	const struct reading *r = arg;

	return nat_counters_inside(r->d, r->out);
}

int nat_counters_read(struct netns *ns, const struct net_desired *d, struct nat_counters *out)
{
	struct reading r = {.d = d, .out = out};

	memset(out, 0, sizeof(*out));
	return netns_run(ns, read_inside, &r);
}
