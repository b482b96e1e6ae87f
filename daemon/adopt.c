/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "adopt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "guard.h"
#include "vrouter/log.h"

#define ANSWER_S 1
#define END_MS	 500

struct adopt {
	struct event_base *base;
	int fd;			     /* to the guard; -1: it has ended */
	struct sync_child_kept sync; /* -1: none */
	struct guard_hello hello;
	struct event *ended;
};

static void take_fds(struct msghdr *msg, int fd[static 2])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		for (size_t at = 0; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
				    CMSG_LEN(at + sizeof(int)) <= c->cmsg_len && n < 2;
		     at += sizeof(int))
			memcpy(&fd[n++], CMSG_DATA(c) + at, sizeof(int));
}

/* 0: it has ended, or is about to. */
static int hear(struct adopt *a)
{
	auto_free uint8_t *buf = malloc(GUARD_WIRE_MAX);
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = GUARD_WIRE_MAX};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	int fd[2] = {-1, -1}, err;
	ssize_t n = buf ? recvmsg(a->fd, &msg, MSG_CMSG_CLOEXEC) : -1;

	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? 0 : -errno;
	take_fds(&msg, fd);
	a->sync = (struct sync_child_kept){.fd = fd[0], .pidfd = fd[1]};
	err = guard_hello_decode(&a->hello, buf, (size_t)n);
	return err < 0 ? err : 1;
}

int adopt_new(struct adopt **out, struct event_base *base, const char *run_dir)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int fd = guard_socket_connect(run_dir), rc = -ENOMEM;
	struct adopt *a;

	*out = NULL;
	if (fd < 0)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a) {
		close(fd);
		return -ENOMEM;
	}
	*a = (struct adopt){.base = base, .fd = fd, .sync = {-1, -1}};
	a->hello.role = calloc(GUARD_WIRE_ROUTERS, sizeof(*a->hello.role));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (a->hello.role)
		rc = hear(a);
	if (rc == 1) {
		*out = a;
		return 0;
	}
	adopt_free(a);
	return rc;
}

static void close_sync(struct adopt *a)
{
	if (a->sync.fd >= 0)
		close(a->sync.fd);
	if (a->sync.pidfd >= 0)
		close(a->sync.pidfd);
	a->sync = (struct sync_child_kept){-1, -1};
}

void adopt_free(struct adopt *a)
{
	if (!a)
		return;
	close_sync(a);
	if (a->ended)
		event_free(a->ended);
	if (a->fd >= 0)
		close(a->fd);
	free(a->hello.role);
	free(a);
}

const struct guard_role *adopt_find(const struct adopt *a, const char *router, uint64_t id)
{
	for (unsigned i = 0; a && i < a->hello.n; i++)
		if (strcmp(a->hello.role[i].router, router) == 0 && a->hello.role[i].id == id)
			return &a->hello.role[i];
	return NULL;
}

/* Its sockets would be in the way of the next one's. */
static void end_sync(const struct adopt *a)
{
	struct pollfd p = {.fd = a->sync.pidfd, .events = POLLIN};

	if (p.fd < 0 || pidfd_send_signal(p.fd, SIGKILL, NULL, 0) < 0)
		return;
	poll(&p, 1, END_MS);
	waitid(P_PIDFD, (id_t)p.fd, NULL,
	       WEXITED | WNOHANG); /* ours, if this process is still it */
}

bool adopt_take_sync(struct adopt *a, uint64_t id, struct sync_child_kept *out)
{
	if (!a || a->sync.fd < 0 || a->sync.pidfd < 0)
		return false;
	if (a->hello.sync_id != id) {
		log_info("sync", NULL,
			 "the replication process is of another build or configuration: replaced");
		end_sync(a);
		close_sync(a);
		return false;
	}
	*out = a->sync;
	a->sync = (struct sync_child_kept){-1, -1};
	return true;
}

/* A core that was replaced in its own process is the guard's parent. */
static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	struct adopt *a = ctx;
	uint8_t byte;

	(void)what;
	if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	event_free(a->ended);
	a->ended = NULL;
	close(a->fd);
	a->fd = -1;
	waitpid((pid_t)a->hello.pid, NULL, 0);
}

void adopt_done(struct adopt *a, const char (*names)[NET_NAME_MAX], unsigned n)
{
	auto_free uint8_t *buf = malloc(GUARD_WIRE_MAX);
	size_t len = buf ? guard_done_encode(names, n, buf, GUARD_WIRE_MAX) : 0;

	if (!len || send(a->fd, buf, len, MSG_NOSIGNAL) < 0)
		log_err("guard", NULL, "the one before cannot be told: %s",
			strerror(len ? errno : ENOMEM));
	a->ended = event_new(a->base, a->fd, EV_READ | EV_PERSIST, on_ended, a);
	if (a->ended)
		event_add(a->ended, NULL);
}
