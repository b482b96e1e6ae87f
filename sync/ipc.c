/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The message pair between core and sync process; see vrouter/sync_ipc.h. A message is as long as
 * its type says, so a report does not cost what the largest message would. */
#include "vrouter/sync_ipc.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define EMPTY	   offsetof(struct sync_msg, conf)
#define WITH(type) (EMPTY + sizeof(struct type))

/* 0: no such type; a number from the other end may be anything. */
static size_t message_len(uint32_t type)
{
	static const size_t len[] = {
		[SYNC_MSG_CONF] = WITH(sync_msg_conf),
		[SYNC_MSG_ROUTER] = WITH(sync_msg_router),
		[SYNC_MSG_ROUTER_DEL] = WITH(sync_msg_role),
		[SYNC_MSG_PROMOTE] = WITH(sync_msg_role),
		[SYNC_MSG_DEMOTE] = WITH(sync_msg_role),
		[SYNC_MSG_DRAIN] = WITH(sync_msg_role),
		[SYNC_MSG_QUERY] = WITH(sync_msg_role),
		[SYNC_MSG_PING] = EMPTY,
		[SYNC_MSG_ASK] = WITH(sync_msg_path),
		[SYNC_MSG_VOUCH] = WITH(sync_msg_path),
		[SYNC_MSG_HEARS] = WITH(sync_msg_path),
		[SYNC_MSG_VERIFY] = WITH(sync_msg_role),
		[SYNC_MSG_WANT] = WITH(sync_msg_path),
		[SYNC_MSG_LEAVE] = WITH(sync_msg_leaving),
		[SYNC_MSG_STREAM] = WITH(sync_msg_stream),
		[SYNC_MSG_RESERVE] = WITH(sync_msg_reserve),
		[SYNC_MSG_NEIGH] = WITH(sync_msg_neigh),
		[SYNC_MSG_UP] = EMPTY,
		[SYNC_MSG_PROMOTED] = WITH(sync_msg_role),
		[SYNC_MSG_PONG] = EMPTY,
		[SYNC_MSG_DRAINED] = WITH(sync_msg_role),
		[SYNC_MSG_REPORT] = WITH(sync_msg_report),
		[SYNC_MSG_ASKED] = WITH(sync_msg_path),
		[SYNC_MSG_VOUCHED] = WITH(sync_msg_path),
		[SYNC_MSG_BEATS] = WITH(sync_msg_path),
		[SYNC_MSG_VERIFIED] = WITH(sync_msg_verified),
		[SYNC_MSG_WANTED] = WITH(sync_msg_path),
		[SYNC_MSG_LEAVING] = WITH(sync_msg_leaving),
		[SYNC_MSG_RESERVED] = WITH(sync_msg_reserve),
		[SYNC_MSG_DIAL] = WITH(sync_msg_stream),
		[SYNC_MSG_LINK] = WITH(sync_msg_link),
	};

	return type < ARRAY_LEN(len) ? len[type] : 0;
}

int sync_ipc_send(int fd, const struct sync_msg *m, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(SYNC_FDS * sizeof(int))];
	} control = {.buf = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m, .iov_len = message_len(m->type)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (!iov.iov_len || n_fds > SYNC_FDS)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	for (;;) {
		if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* Takes the descriptors out of the control data. */
static unsigned take_fds(struct msghdr *msg, int fds[static SYNC_FDS])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			int got;

			memcpy(&got, CMSG_DATA(c) + at, sizeof(got));
			if (n < SYNC_FDS)
				fds[n++] = got;
			else
				close(got);
		}
	}
	return n;
}

int sync_ipc_recv(int fd, struct sync_msg *m, int fds[static SYNC_FDS], unsigned *n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(SYNC_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	ssize_t n;

	*n_fds = 0;
	memset(m, 0, sizeof(*m));
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	/* reset: it closed with something of ours unread */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0)
		return -errno;
	*n_fds = take_fds(&msg, fds);
	if (n >= (ssize_t)sizeof(m->type) && (size_t)n == message_len(m->type) &&
	    !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	while (*n_fds)
		close(fds[--*n_fds]);
	return -EPROTO;
}
