/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several requests to the kernel in one call. Only the last one is acknowledged, and the kernel
 * tells of each that it refuses in any case, in their order: so what comes for the last is the end.
 */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

/* What is there already, or gone already, is as it should be. */
static int judge(const struct net_op *op, int err)
{
	if (op->kind == NET_OP_ADDR_ADD && err == -EEXIST)
		return 0;
	if (op->kind == NET_OP_ADDR_DEL && err == -EADDRNOTAVAIL)
		return 0;
	/* with its leg, or its leg's last address */
	if ((op->kind == NET_OP_ROUTE_DEL || op->kind == NET_OP_PATH_DEL) &&
	    (err == -ESRCH || err == -ENOENT))
		return 0;
	return err;
}

/* 1: that was the last answer, 0: there are more, or -errno of this module's own. */
static int take(const struct rtnl_batch *b, const struct nlmsghdr *nh, int *err,
		const struct net_op **failed)
{
	const struct nlmsgerr *e = nlmsg_data(nh);
	unsigned i = nh->nlmsg_seq - 1;
	int is;

	if (nh->nlmsg_type != NLMSG_ERROR || nlmsg_datalen(nh) < (int)sizeof(*e) || i >= b->n)
		return -EIO;
	is = judge(b->op[i], e->error);
	if (is < 0 && *err == 0) {
		*err = is;
		*failed = b->op[i];
	}
	return i == b->n - 1;
}

/* 0, or what the first one that was refused was refused for. */
static int answers(const struct rtnl_batch *b, int fd, const struct net_op **failed)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	int err = 0, end = 0;

	while (end == 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (struct nlmsghdr *nh = (struct nlmsghdr *)(void *)buf;
		     end == 0 && nlmsg_ok(nh, left); nh = nlmsg_next(nh, &left))
			end = take(b, nh, &err, failed);
	}
	return end < 0 ? end : err;
}

int rtnl_batch_flush(struct rtnl_batch *b, struct nl_sock *sk, const struct net_op **failed)
{
	int fd = nl_socket_get_fd(sk), err;

	if (!b->n)
		return 0;
	*failed = b->op[b->n - 1];
	if (send(fd, b->buf, b->len, 0) < 0)
		err = -errno;
	else
		err = answers(b, fd, failed);
	b->n = 0;
	b->len = 0;
	return err;
}

int rtnl_batch_add(struct rtnl_batch *b, struct nl_sock *sk, const struct net_op *op,
		   struct nl_msg *msg, const struct net_op **failed)
{
	struct nlmsghdr *nh = nlmsg_hdr(msg);
	size_t len = NLMSG_ALIGN(nh->nlmsg_len);
	int err = 0;

	if (b->n == RTNL_BATCH_MAX || b->len + len > sizeof(b->buf))
		err = rtnl_batch_flush(b, sk, failed);
	if (err == 0 && len > sizeof(b->buf))
		err = -EMSGSIZE;
	if (err == 0) {
		if (b->n)
			b->last->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
		b->op[b->n++] = op;
		nh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
		nh->nlmsg_seq = b->n;
		memset(b->buf + b->len, 0, len);
		memcpy(b->buf + b->len, nh, nh->nlmsg_len);
		b->last = (struct nlmsghdr *)(void *)(b->buf + b->len);
		b->len += len;
	}
	nlmsg_free(msg);
	return err;
}
