/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds many TCP connections. With --interval-us they also talk all the time, one after the other,
 * so that some packet falls into every moment of a failover. "check" sends one token on each and
 * waits for its echo: a connection is alive only when every token ever sent has come back in order.
 * Resets are noticed at any time.
 */
#include "traffic.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPENING_MAX 200 /* connects under way at a time */
#define STDIN_KEY   UINT32_MAX
#define SETTLE_NS   2000000000u /* for what was said before a check */

enum conn_state { CONN_NONE, CONN_OPENING, CONN_OPEN, CONN_RESET, CONN_CLOSED, CONN_STATES };

struct conn {
	int fd;
	enum conn_state state;
	uint64_t sent, answered; /* tokens */
	uint64_t since_ns;	 /* waiting for an answer since then */
	size_t have;		 /* bytes of an incomplete token */
	uint8_t buf[sizeof(struct token)];
};

struct flows {
	const struct options *o;
	int epoll;
	struct conn *conn;
	unsigned n, started, by_state[CONN_STATES];
	unsigned waiting;	     /* open connections with tokens outstanding */
	uint64_t slowest_ns;	     /* longest such wait since the last check */
	uint64_t late_ns;	     /* the same: longest time that we ourselves did not run */
	uint64_t retrans;	     /* of all connections, as the last check found */
	uint64_t period_ns, next_ns; /* of talking; 0: quiet */
	unsigned next;		     /* whose turn it is */
};

unsigned tcp_retransmissions(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_total_retrans;
}

static void set_state(struct flows *f, struct conn *c, enum conn_state state)
{
	if (c->state == CONN_OPEN && c->sent > c->answered)
		f->waiting--;
	f->by_state[c->state]--;
	f->by_state[state]++;
	c->state = state;
	if (state == CONN_RESET || state == CONN_CLOSED) {
		close(c->fd);
		c->fd = -1;
	}
}

static void conn_failed(struct flows *f, struct conn *c, int err)
{
	if (c->state == CONN_OPENING || err == ETIMEDOUT)
		fprintf(stderr, "connection %td: %s\n", c - f->conn, strerror(err));
	set_state(f, c,
		  err == ECONNRESET || err == EPIPE || err == ECONNREFUSED ? CONN_RESET
									   : CONN_CLOSED);
}

static void conn_open(struct flows *f, struct conn *c)
{
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr = f->o->source};
	struct epoll_event ev = {.events = EPOLLOUT, .data.u32 = (uint32_t)(c - f->conn)};
	int one = 1, family = f->o->target6.sin6_family ? AF_INET6 : AF_INET;
	const void *to = family == AF_INET6 ? (const void *)&f->o->target6 : &f->o->target;
	socklen_t to_len = family == AF_INET6 ? sizeof(f->o->target6) : sizeof(f->o->target);

	c->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (src.sin_addr.s_addr && bind(c->fd, (struct sockaddr *)&src, sizeof(src)))
		die("bind: %s", strerror(errno));
	set_state(f, c, CONN_OPENING);
	if (connect(c->fd, to, to_len) && errno != EINPROGRESS)
		conn_failed(f, c, errno);
	else if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &ev))
		die("epoll: %s", strerror(errno));
}

static void conn_opened(struct flows *f, struct conn *c)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - f->conn)};
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
		conn_failed(f, c, err);
		return;
	}
	set_state(f, c, CONN_OPEN);
	if (epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &ev))
		die("epoll: %s", strerror(errno));
}

static void conn_token(struct flows *f, struct conn *c)
{
	struct token t;
	uint64_t took = now_ns() - c->since_ns;

	memcpy(&t, c->buf, sizeof(t));
	c->have = 0;
	if (t.magic != TOKEN_MAGIC || t.flow != (uint32_t)(c - f->conn) ||
	    t.round != c->answered + 1)
		die("connection %td: wrong data came back", c - f->conn);
	c->answered++;
	if (c->answered == c->sent) {
		f->waiting--;
		if (took > f->slowest_ns)
			f->slowest_ns = took;
	}
}

static void conn_read(struct flows *f, struct conn *c)
{
	for (;;) {
		ssize_t n = read(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			conn_failed(f, c, errno);
			return;
		}
		if (n == 0) {
			set_state(f, c, CONN_CLOSED);
			return;
		}
		c->have += (size_t)n;
		if (c->have == sizeof(c->buf))
			conn_token(f, c);
	}
}

/* One round of the loop; true when a line is waiting on stdin. */
static bool turn(struct flows *f, int wait_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(f->epoll, ev, ARRAY_LEN(ev), wait_ms);
	bool line = false;

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == STDIN_KEY) {
			line = true;
			continue;
		}
		struct conn *c = &f->conn[ev[i].data.u32];
		if (c->state == CONN_OPENING)
			conn_opened(f, c);
		else if (c->state == CONN_OPEN)
			conn_read(f, c);
	}
	return line;
}

static void open_all(struct flows *f)
{
	uint64_t start = now_ns();

	for (unsigned i = 0; i < f->n; i++)
		f->conn[i].fd = -1;
	f->by_state[CONN_NONE] = f->n;
	while (f->started < f->n || f->by_state[CONN_OPENING]) {
		while (f->started < f->n && f->by_state[CONN_OPENING] < OPENING_MAX)
			conn_open(f, &f->conn[f->started++]);
		turn(f, 100);
		if (now_ns() - start > 60000000000u)
			die("only %u of %u connections opened in 60 s", f->by_state[CONN_OPEN],
			    f->n);
	}
	printf("{\"opened\": %u, \"failed\": %u, \"ms\": %.0f}\n", f->by_state[CONN_OPEN],
	       f->n - f->by_state[CONN_OPEN], (double)(now_ns() - start) / 1e6);
}

static void send_token(struct flows *f, struct conn *c)
{
	struct token t = {TOKEN_MAGIC, (uint32_t)(c - f->conn), c->sent + 1};

	if (c->state != CONN_OPEN)
		return;
	if (write(c->fd, &t, sizeof(t)) != sizeof(t)) {
		conn_failed(f, c, errno);
		return;
	}
	if (c->sent == c->answered) {
		f->waiting++;
		c->since_ns = now_ns();
	}
	c->sent++;
}

/* Sends what is due and returns how long epoll may wait. */
static int talk(struct flows *f)
{
	uint64_t now = now_ns();

	if (!f->period_ns)
		return -1;
	if (now > f->next_ns && now - f->next_ns > f->late_ns)
		f->late_ns = now - f->next_ns;
	for (; f->next_ns <= now; f->next_ns += f->period_ns) {
		send_token(f, &f->conn[f->next]);
		f->next = (f->next + 1) % f->n;
	}
	return (int)((f->next_ns - now) / 1000000) + 1;
}

/* Segments that had to be sent again, on all connections that are open. */
static uint64_t retransmissions(const struct flows *f)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += f->conn[i].state == CONN_OPEN ? tcp_retransmissions(f->conn[i].fd) : 0;
	return n;
}

/* What they said before has its answer first: the slowest of these. All that is asked at once below
 * waits for each other. */
static uint64_t settle(struct flows *f)
{
	uint64_t end = now_ns() + SETTLE_NS;

	while (f->waiting && now_ns() < end)
		turn(f, 10);
	return f->slowest_ns;
}

static void check(struct flows *f)
{
	uint64_t talk_ns = settle(f), asked = now_ns(), before = f->retrans;

	for (unsigned i = 0; i < f->n; i++)
		send_token(f, &f->conn[i]);
	while (f->waiting) {
		uint64_t spent_ms = (now_ns() - asked) / 1000000;

		if (spent_ms >= f->o->deadline_ms)
			break;
		/* a line that waits on stdin would make this spin: nothing asks twice */
		turn(f, (int)(f->o->deadline_ms - spent_ms));
	}
	f->retrans = retransmissions(f);
	printf("{\"count\": %u, \"alive\": %u, \"reset\": %u, \"closed\": %u, \"timeout\": %u, "
	       "\"slowest_ms\": %.1f, \"talk_ms\": %.1f, \"late_ms\": %.1f, \"retrans\": %lu}\n",
	       f->n, f->by_state[CONN_OPEN] - f->waiting, f->by_state[CONN_RESET],
	       f->by_state[CONN_CLOSED], f->waiting, (double)f->slowest_ns / 1e6,
	       (double)talk_ns / 1e6, (double)f->late_ns / 1e6, f->retrans - before);
	f->slowest_ns = f->late_ns = 0;
}

int cmd_tcp_flows(const struct options *o)
{
	struct flows f = {.o = o, .epoll = epoll_create1(EPOLL_CLOEXEC), .n = o->count};
	struct epoll_event in = {.events = EPOLLIN, .data.u32 = STDIN_KEY};
	char line[64];

	files_to_hard_limit();
	f.conn = calloc(f.n, sizeof(*f.conn));
	if (!f.conn)
		die("out of memory");
	open_all(&f);
	if (epoll_ctl(f.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &in))
		die("stdin must be a pipe: %s", strerror(errno));
	f.period_ns = o->interval_us * 1000ull;
	f.next_ns = now_ns();
	for (;;) {
		if (!turn(&f, talk(&f)))
			continue;
		if (!stdin_line(line, sizeof(line)))
			break;
		if (!strcmp(line, "check"))
			check(&f);
		f.next_ns = now_ns(); /* what was missed meanwhile is not made up for */
	}
	free(f.conn);
	return 0;
}
