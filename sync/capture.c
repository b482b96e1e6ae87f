/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture of conntrack changes by netlink events. The socket is a member of the event groups only
 * while started: a listener makes every new flow of the namespace dearer. Its buffer is large
 * because memory is charged only for what waits in it, and what overflows costs a repair. */
#include "vrouter/conntrack.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define RCVBUF	      (64 << 20)
#define BATCH	      64   /* messages a system call */
#define MESSAGE_MAX   2048 /* an IPv6 entry with every extension needs half of it */
#define DISCARD_CALLS 65536

struct capture {
	int fd;
	uint32_t own_port;
	const struct capture_ops *ops;
	void *ctx;
	struct sync_counters *counters;
	bool overrun; /* since the queue was last empty */
};

/* What one system call reads; one for all routers, as nothing stays in it. */
static struct {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_nl from[BATCH];
	_Alignas(struct nlmsghdr) uint8_t buf[BATCH][MESSAGE_MAX];
} batch;

static const unsigned groups[] = {
	/* endings first: a flow that is told and never ended would be worse than the other way */
	NFNLGRP_CONNTRACK_DESTROY,     NFNLGRP_CONNTRACK_UPDATE,  NFNLGRP_CONNTRACK_NEW,
	NFNLGRP_CONNTRACK_EXP_DESTROY, NFNLGRP_CONNTRACK_EXP_NEW,
};
#define GROUPS_FLOWS 3 /* the first ones */

int capture_new(struct capture **out, int fd, uint32_t own_port, const struct capture_ops *ops,
		void *ctx, struct sync_counters *counters)
{
	struct capture *c;
	uint32_t port;
	int err = conntrack_port(fd, &port);

	if (err < 0)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->fd = fd;
	c->own_port = own_port;
	c->ops = ops;
	c->ctx = ctx;
	c->counters = counters;
	*out = c;
	return 0;
}

void capture_free(struct capture *c)
{
	free(c);
}

int capture_filter(struct capture *c, const struct flow_filter *filter,
		   const struct flow_locals *locals)
{
	struct sock_filter op[FILTER_PROGRAM_MAX];
	struct sock_fprog program = {.filter = op};
	int none = 0, err = 0;

	program.len = (unsigned short)flow_filter_program(op, c->own_port, filter, locals);
	if (program.len &&
	    setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0)
		return 0;
	if (program.len)
		err = -errno;
	/* the one before may be stricter than this */
	(void)setsockopt(c->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
	return err;
}

int capture_fd(const struct capture *c)
{
	return c->fd;
}

static int receive_batch(const struct capture *c, unsigned max, int flags)
{
	for (unsigned i = 0; i < max; i++) {
		batch.iov[i] = (struct iovec){.iov_base = batch.buf[i], .iov_len = MESSAGE_MAX};
		batch.msg[i].msg_hdr = (struct msghdr){.msg_name = &batch.from[i],
						       .msg_namelen = sizeof(batch.from[i]),
						       .msg_iov = &batch.iov[i],
						       .msg_iovlen = 1};
	}
	return recvmmsg(c->fd, batch.msg, max, MSG_DONTWAIT | flags, NULL);
}

/* Messages received, at most so many; 0 when none is waiting. flags: MSG_PEEK, or 0. */
static unsigned receive(struct capture *c, unsigned max, int flags)
{
	for (;;) {
		int n = receive_batch(c, max, flags);

		if (n >= 0)
			return (unsigned)n;
		if (errno == ENOBUFS)
			c->overrun = true;
		else if (errno != EINTR)
			return 0;
	}
}

static void tell_expect(struct capture *c, const struct nlmsghdr *nlh)
{
	enum flow_change change;
	struct expect x;

	if (expect_netlink_parse(nlh, &x, &change) < 0)
		c->counters->v[SYNC_EVENTS_BAD]++;
	else if (c->ops->on_expect)
		c->ops->on_expect(c->ctx, &x, change);
}

static void tell(struct capture *c, const struct nlmsghdr *nlh)
{
	enum flow_change change;
	struct flow f;

	c->counters->v[SYNC_EVENTS]++;
	if (nlh->nlmsg_pid == c->own_port) {
		c->counters->v[SYNC_EVENTS_OWN]++;
		return;
	}
	if (expect_netlink_is(nlh)) {
		tell_expect(c, nlh);
		return;
	}
	if (flow_netlink_parse(nlh, &f, &change) < 0) {
		c->counters->v[SYNC_EVENTS_BAD]++;
		return;
	}
	c->ops->on_change(c->ctx, &f, change);
}

static void tell_message(struct capture *c, unsigned i)
{
	const struct msghdr *m = &batch.msg[i].msg_hdr;
	int left = (int)batch.msg[i].msg_len;

	/* the kernel's port is 0: anybody else's message is not an event */
	if (m->msg_namelen < sizeof(batch.from[i]) || batch.from[i].nl_pid != 0 ||
	    m->msg_flags & MSG_TRUNC) {
		c->counters->v[SYNC_EVENTS_BAD]++;
		return;
	}
	for (const struct nlmsghdr *nlh = (const void *)batch.buf[i]; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		tell(c, nlh);
}

/* The kernel says at once that it dropped something, and then drops everything until the queue has
 * been read to its end. So what is in the queue is older than what was lost, and whoever reads the
 * table to make up for it must have heard it before: a flow whose beginning is in the queue may
 * have ended among the lost. */
static void tell_overrun(struct capture *c)
{
	if (!c->overrun)
		return;
	c->overrun = false;
	c->ops->on_overrun(c->ctx);
}

bool capture_read(struct capture *c, unsigned max)
{
	unsigned told = 0, n;

	do {
		n = receive(c, BATCH, 0);
		for (unsigned i = 0; i < n; i++)
			tell_message(c, i);
		told += n;
	} while (n == BATCH && told < max);
	/* whoever is told that more is waiting is not called again if it is not */
	if (n == BATCH && receive(c, 1, MSG_PEEK))
		return true;
	tell_overrun(c);
	return false;
}

/* Of the groups, as many as are listened to. */
static size_t groups_n(const struct capture *c)
{
	return c->ops->on_expect ? ARRAY_LEN(groups) : GROUPS_FLOWS;
}

static void leave(const struct capture *c)
{
	for (size_t i = 0; i < groups_n(c); i++)
		(void)setsockopt(c->fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &groups[i],
				 sizeof(groups[i]));
}

/* Throws away what is waiting; bounded, should somebody still fill the socket. */
static void discard(struct capture *c)
{
	for (unsigned i = 0; i < DISCARD_CALLS; i++) {
		int n = receive_batch(c, BATCH, 0);

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			return;
	}
}

int capture_start(struct capture *c)
{
	int size = RCVBUF;

	discard(c);
	c->overrun = false;
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		return -errno;
	for (size_t i = 0; i < groups_n(c); i++) {
		if (setsockopt(c->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0) {
			int err = -errno;

			leave(c);
			return err;
		}
	}
	return 0;
}

int capture_start_ends(struct capture *c)
{
	return setsockopt(c->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[0],
			  sizeof(groups[0])) < 0
		       ? -errno
		       : 0;
}

void capture_stop(struct capture *c)
{
	leave(c);
	discard(c);
}
