/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds many UDP or ICMP echo flows. "check" asks on each until it is answered or the deadline is
 * over. Loss is no fault of a datagram flow; a changed translation is: the answer says under which
 * address and port (or id) the public side saw us, and it must be the same for ever. Between checks
 * each flow says something now and then, or the kernel would forget it on a machine so busy that
 * the next check comes late. */
#include "traffic.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASK_EVERY_MS  200
#define KEEP_EVERY_MS 8000 /* the shortest timeout of such a flow is 30 s */
#define ICMP_FIRST_ID 1000

struct dflow {
	int fd; /* UDP: its own; ICMP: all the same */
	bool known, moved;
	struct seen seen;
	uint64_t answered; /* round */
	unsigned refused;
};

struct dflows {
	const struct options *o;
	bool icmp;
	int epoll;
	struct dflow *flow;
	unsigned n, waiting;
	uint64_t round, asked_ns, slowest_ns;
};

static int open_flow(const struct dflows *f, uint32_t key)
{
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr = f->o->source};
	struct sockaddr_in dst = f->o->target;
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = key};
	int big = 4 << 20;
	int fd = socket(AF_INET, (f->icmp ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			f->icmp ? IPPROTO_ICMP : 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (f->icmp) {
		dst.sin_port = 0;
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	}
	if (f->o->sources)
		src.sin_addr.s_addr = htonl(ntohl(src.sin_addr.s_addr) + key % f->o->sources);
	if (src.sin_addr.s_addr && bind(fd, (struct sockaddr *)&src, sizeof(src)))
		die("bind: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&dst, sizeof(dst)))
		die("connect: %s", strerror(errno));
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &ev))
		die("epoll: %s", strerror(errno));
	return fd;
}

static void ask(const struct dflows *f, unsigned i)
{
	struct token t = {TOKEN_MAGIC, i, f->round};
	struct icmphdr h = {.type = ICMP_ECHO};
	char buf[sizeof(h) + sizeof(t)];

	if (!f->icmp) {
		(void)!send(f->flow[i].fd, &t, sizeof(t), 0); /* asked again soon */
		return;
	}
	h.un.echo.id = htons((uint16_t)(ICMP_FIRST_ID + i));
	h.un.echo.sequence = htons((uint16_t)f->round);
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &t, sizeof(t));
	h.checksum = icmp_checksum(buf, sizeof(buf));
	memcpy(buf, &h, sizeof(h));
	(void)!send(f->flow[i].fd, buf, sizeof(buf), 0);
}

static void answered(struct dflows *f, const char *data, size_t len)
{
	struct token t;
	struct seen seen;

	if (len != sizeof(t) + sizeof(seen))
		return;
	memcpy(&t, data, sizeof(t));
	memcpy(&seen, data + sizeof(t), sizeof(seen));
	if (t.magic != TOKEN_MAGIC || t.flow >= f->n || t.round != f->round)
		return;
	struct dflow *d = &f->flow[t.flow];
	if (d->answered == f->round)
		return;
	if (d->known && memcmp(&d->seen, &seen, sizeof(seen)))
		d->moved = true;
	d->known = true;
	d->seen = seen;
	d->answered = f->round;
	f->waiting--;
	f->slowest_ns = now_ns() - f->asked_ns;
}

static void receive(struct dflows *f, uint32_t key)
{
	char buf[2048];

	for (;;) {
		ssize_t n = recv(f->flow[key].fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == ECONNREFUSED)
			f->flow[key].refused++;
		if (n < 0)
			return;
		size_t skip = 0;
		if (f->icmp) {
			struct iphdr ip;
			struct icmphdr h;

			memcpy(&ip, buf, sizeof(ip));
			skip = ip.ihl * 4u + sizeof(h);
			if ((size_t)n < skip)
				continue;
			memcpy(&h, buf + ip.ihl * 4u, sizeof(h));
			if (h.type != ICMP_ECHOREPLY)
				continue;
		}
		answered(f, buf + skip, (size_t)n - skip);
	}
}

static void ask_and_wait(struct dflows *f)
{
	struct epoll_event ev[256];
	uint64_t next_ns = 0;

	f->round++;
	f->waiting = f->n;
	f->slowest_ns = 0;
	f->asked_ns = now_ns();
	while (f->waiting && (now_ns() - f->asked_ns) / 1000000 < f->o->deadline_ms) {
		if (now_ns() >= next_ns) {
			for (unsigned i = 0; i < f->n; i++)
				if (f->flow[i].answered != f->round)
					ask(f, i);
			next_ns = now_ns() + ASK_EVERY_MS * 1000000u;
		}
		int n = epoll_wait(f->epoll, ev, ARRAY_LEN(ev), 20);

		for (int i = 0; i < n; i++)
			receive(f, ev[i].data.u32);
	}
}

static void check(struct dflows *f)
{
	unsigned alive = 0, moved = 0, refused = 0;

	ask_and_wait(f);
	for (unsigned i = 0; i < f->n; i++) {
		const struct dflow *d = &f->flow[i];

		alive += d->answered == f->round && !d->moved;
		moved += d->moved;
		refused += d->refused;
	}
	printf("{\"count\": %u, \"alive\": %u, \"moved\": %u, \"refused\": %u, \"timeout\": %u, "
	       "\"slowest_ms\": %.1f}\n",
	       f->n, alive, moved, refused, f->waiting, (double)f->slowest_ns / 1e6);
}

/* What comes back is of a round that is over, and ignored. */
static void keep_until_asked(const struct dflows *f)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	while (poll(&in, 1, KEEP_EVERY_MS) == 0)
		for (unsigned i = 0; i < f->n; i++)
			ask(f, i);
}

static int hold(const struct options *o, bool icmp)
{
	struct dflows f = {
		.o = o, .icmp = icmp, .epoll = epoll_create1(EPOLL_CLOEXEC), .n = o->count};
	char line[64];

	files_to_hard_limit();
	f.flow = calloc(f.n, sizeof(*f.flow));
	if (!f.flow)
		die("out of memory");
	for (unsigned i = 0; i < f.n; i++)
		f.flow[i].fd = icmp && i ? f.flow[0].fd : open_flow(&f, i);
	ask_and_wait(&f);
	printf("{\"opened\": %u, \"failed\": %u}\n", f.n - f.waiting, f.waiting);
	for (;;) {
		keep_until_asked(&f);
		if (!stdin_line(line, sizeof(line)))
			break;
		if (!strcmp(line, "check"))
			check(&f);
	}
	free(f.flow);
	return 0;
}

int cmd_udp_flows(const struct options *o)
{
	return hold(o, false);
}

int cmd_ping_flows(const struct options *o)
{
	return hold(o, true);
}
