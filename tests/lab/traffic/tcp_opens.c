/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens TCP connections all the time, one per interval: connect, one token and its echo, then it
 * ends with a reset, so that no port is kept. What matters is counted by the kernel, not timed: a
 * SYN that had to be sent again, and anything else that had to be. Asked to settle it opens no more
 * and waits for those under way. */
#include "traffic.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPENS_MAX 4096 /* at a time; more are left out, and counted */
#define AT_ONCE	  8    /* of those that were due while it did not run */
#define STDIN_KEY UINT32_MAX

struct opening {
	int fd; /* -1: free */
	bool connected;
	uint64_t since_ns;
};

struct opens {
	const struct options *o;
	int epoll;
	struct opening at[OPENS_MAX];
	unsigned hand; /* where the last free place was found */
	unsigned pending;
	uint64_t period_ns, next_ns; /* next_ns UINT64_MAX: settled */
	uint64_t begun, done, failed, skipped, syn_retrans, retrans, slowest_ns;
};

static void opens_reset(struct opens *s)
{
	if (s->next_ns == UINT64_MAX)
		s->next_ns = now_ns();
	s->begun = s->pending;
	s->done = s->failed = s->skipped = s->syn_retrans = s->retrans = s->slowest_ns = 0;
}

static void opens_report(const struct opens *s)
{
	printf("{\"begun\": %lu, \"done\": %lu, \"failed\": %lu, \"pending\": %u, \"skipped\": "
	       "%lu, "
	       "\"syn_retrans\": %lu, \"retrans\": %lu, \"slowest_ms\": %.1f}\n",
	       s->begun, s->done, s->failed, s->pending, s->skipped, s->syn_retrans, s->retrans,
	       (double)s->slowest_ns / 1e6);
}

static void opening_ends(struct opens *s, struct opening *c, bool ok)
{
	const struct linger abort = {.l_onoff = 1, .l_linger = 0};
	uint64_t took = now_ns() - c->since_ns;

	s->done += ok;
	s->failed += !ok;
	s->retrans += tcp_retransmissions(c->fd);
	if (took > s->slowest_ns)
		s->slowest_ns = took;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(c->fd);
	c->fd = -1;
	s->pending--;
}

static void opening_connected(struct opens *s, struct opening *c)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - s->at)};
	struct token t = {TOKEN_MAGIC, ev.data.u32, 1};
	int err = 0;
	socklen_t len = sizeof(err);

	c->connected = true;
	s->syn_retrans += tcp_retransmissions(c->fd);
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err ||
	    write(c->fd, &t, sizeof(t)) != sizeof(t)) {
		opening_ends(s, c, false);
		return;
	}
	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		die("epoll: %s", strerror(errno));
}

static void opening_readable(struct opens *s, struct opening *c)
{
	struct token t;

	opening_ends(s, c,
		     read(c->fd, &t, sizeof(t)) == sizeof(t) && t.magic == TOKEN_MAGIC &&
			     t.flow == (uint32_t)(c - s->at));
}

static struct opening *free_place(struct opens *s)
{
	for (unsigned i = 0; i < OPENS_MAX; i++) {
		s->hand = (s->hand + 1) % OPENS_MAX;
		if (s->at[s->hand].fd < 0)
			return &s->at[s->hand];
	}
	return NULL;
}

static void open_one(struct opens *s)
{
	struct opening *c = free_place(s);
	int one = 1, family = s->o->target6.sin6_family ? AF_INET6 : AF_INET;
	const void *to = family == AF_INET6 ? (const void *)&s->o->target6 : &s->o->target;
	socklen_t to_len = family == AF_INET6 ? sizeof(s->o->target6) : sizeof(s->o->target);

	if (!c) {
		s->skipped++;
		return;
	}

	struct epoll_event ev = {.events = EPOLLOUT, .data.u32 = (uint32_t)(c - s->at)};

	*c = (struct opening){.fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
			      .since_ns = now_ns()};
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	s->begun++;
	s->pending++;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, to, to_len) && errno != EINPROGRESS)
		opening_ends(s, c, false);
	else if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &ev))
		die("epoll: %s", strerror(errno));
}

/* True: a line is waiting on stdin. */
static bool opens_turn(struct opens *s, int wait_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(s->epoll, ev, ARRAY_LEN(ev), wait_ms);
	bool line = false;

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == STDIN_KEY) {
			line = true;
			continue;
		}

		struct opening *c = &s->at[ev[i].data.u32];

		if (c->fd >= 0 && c->connected)
			opening_readable(s, c);
		else if (c->fd >= 0)
			opening_connected(s, c);
	}
	return line;
}

static void opens_settle(struct opens *s)
{
	uint64_t end = now_ns() + s->o->deadline_ms * 1000000ull;

	s->next_ns = UINT64_MAX;
	while (s->pending && now_ns() < end)
		opens_turn(s, 10);
}

/* Opens what is due and returns how long epoll may wait. What more was missed is left out. */
static int opens_due(struct opens *s)
{
	uint64_t now = now_ns();

	if (s->next_ns == UINT64_MAX)
		return -1;
	for (unsigned i = 0; s->next_ns <= now; i++) {
		if (i < AT_ONCE)
			open_one(s);
		s->next_ns += s->period_ns;
	}
	return (int)((s->next_ns - now) / 1000000) + 1;
}

int cmd_tcp_opens(const struct options *o)
{
	static struct opens s; /* large */
	struct epoll_event in = {.events = EPOLLIN, .data.u32 = STDIN_KEY};
	char line[64];

	files_to_hard_limit();
	s.o = o;
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < OPENS_MAX; i++)
		s.at[i].fd = -1;
	if (epoll_ctl(s.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &in))
		die("stdin must be a pipe: %s", strerror(errno));
	s.period_ns = (o->interval_us ? o->interval_us : 1000) * 1000ull;
	s.next_ns = now_ns();
	puts("{\"ready\": true}");
	for (;;) {
		if (!opens_turn(&s, opens_due(&s)))
			continue;
		if (!stdin_line(line, sizeof(line)))
			return 0;
		if (!strcmp(line, "reset"))
			opens_reset(&s);
		else if (!strcmp(line, "settle"))
			opens_settle(&s);
		opens_report(&s);
	}
}
