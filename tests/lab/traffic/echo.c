/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public side: a TCP, UDP and ICMP echo server on one address. Datagrams with our token come
 * back with the sender as seen from here, so that the other end notices a changed translation.
 * ICMP echo is answered here and not by the kernel for that reason. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
	int epoll, tcp, udp, icmp;
	struct in_addr addr;
};

static int open_socket(const struct server *s, int type, int proto, const struct sockaddr *sa)
{
	int one = 1, big = 8 << 20;
	int fd = socket(sa->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type != SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	if (bind(fd, sa,
		 sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in)))
		die("bind: %s", strerror(errno));
	if (type == SOCK_STREAM && listen(fd, 4096))
		die("listen: %s", strerror(errno));
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev))
		die("epoll: %s", strerror(errno));
	return fd;
}

/* Per network namespace; the kernel would answer first, with the payload it got. */
static void silence_kernel_echo(void)
{
	int fd = open("/proc/sys/net/ipv4/icmp_echo_ignore_all", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("icmp_echo_ignore_all: %s", strerror(errno));
	close(fd);
}

static void serve_accept(const struct server *s)
{
	for (;;) {
		int one = 1;
		int fd = accept4(s->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0)
			die("accept: %s", strerror(errno));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev))
			die("epoll: %s", strerror(errno));
	}
}

/* Tokens are a few bytes, so a socket that does not take them is a fault of the lab. */
static void serve_tcp(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close(fd);
		return;
	}
	if (write(fd, buf, (size_t)n) != n)
		close(fd);
}

/* Appends what was seen when the datagram is ours; returns the new length. */
static size_t add_seen(char *data, size_t len, const struct sockaddr_in *from, uint16_t port_be)
{
	struct token t;
	struct seen seen = {from->sin_addr.s_addr, port_be, 0};

	if (len != sizeof(t))
		return len;
	memcpy(&t, data, sizeof(t));
	if (t.magic != TOKEN_MAGIC)
		return len;
	memcpy(data + len, &seen, sizeof(seen));
	return len + sizeof(seen);
}

static void serve_udp(const struct server *s)
{
	char buf[2048 + sizeof(struct seen)];
	struct sockaddr_in from;

	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(s->udp, buf, 2048, 0, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		size_t len = add_seen(buf, (size_t)n, &from, from.sin_port);
		/* a full queue loses an answer, as on any network */
		(void)!sendto(s->udp, buf, len, 0, (struct sockaddr *)&from, from_len);
	}
}

static void serve_icmp(const struct server *s)
{
	char buf[2048 + sizeof(struct seen)];
	struct sockaddr_in from;
	struct iphdr ip;
	struct icmphdr h;

	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(s->icmp, buf, 2048, 0, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return;
		memcpy(&ip, buf, sizeof(ip));
		size_t head = ip.ihl * 4u;
		if ((size_t)n < head + sizeof(h) || ip.daddr != s->addr.s_addr)
			continue;
		char *icmp = buf + head;
		size_t len = (size_t)n - head;
		memcpy(&h, icmp, sizeof(h));
		if (h.type != ICMP_ECHO)
			continue;
		h.type = ICMP_ECHOREPLY;
		h.checksum = 0;
		memcpy(icmp, &h, sizeof(h));
		len = sizeof(h) + add_seen(icmp + sizeof(h), len - sizeof(h), &from, h.un.echo.id);
		h.checksum = icmp_checksum(icmp, len);
		memcpy(icmp, &h, sizeof(h));
		(void)!sendto(s->icmp, icmp, len, 0, (struct sockaddr *)&from, from_len);
	}
}

int cmd_echo_server(const struct options *o)
{
	struct server s = {.epoll = epoll_create1(EPOLL_CLOEXEC),
			   .udp = -1,
			   .icmp = -1,
			   .addr = o->target.sin_addr};
	struct epoll_event ev[256];
	struct sockaddr_in raw = o->target;

	files_to_hard_limit();
	if (o->target6.sin6_family) {
		s.tcp = open_socket(&s, SOCK_STREAM, 0, (const struct sockaddr *)&o->target6);
	} else {
		silence_kernel_echo();
		raw.sin_port = 0;
		s.tcp = open_socket(&s, SOCK_STREAM, 0, (const struct sockaddr *)&o->target);
		s.udp = open_socket(&s, SOCK_DGRAM, 0, (const struct sockaddr *)&o->target);
		s.icmp = open_socket(&s, SOCK_RAW, IPPROTO_ICMP, (const struct sockaddr *)&raw);
	}
	puts("{\"ready\": true}");
	for (;;) {
		int n = epoll_wait(s.epoll, ev, ARRAY_LEN(ev), -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == s.tcp)
				serve_accept(&s);
			else if (ev[i].data.fd == s.udp)
				serve_udp(&s);
			else if (ev[i].data.fd == s.icmp)
				serve_icmp(&s);
			else
				serve_tcp(ev[i].data.fd);
		}
	}
}
