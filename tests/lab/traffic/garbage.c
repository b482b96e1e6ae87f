/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random bytes of every length: datagrams to a UDP socket, multicast ones included; with port 112
 * raw VRRP packets, half of them with a plausible header so that they get past the first check; or
 * lines to a Unix socket, one connection each. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VRRP_PROTO 112
#define UDP_LEN	   1400u
#define VRRP_LEN   64u

static void fill_random(uint8_t *buf, size_t len)
{
	for (size_t done = 0; done < len; done += 256)
		if (getrandom(buf + done, len - done < 256 ? len - done : 256, 0) < 0)
			die("getrandom: %s", strerror(errno));
}

static int datagram_socket(const struct options *o, bool vrrp)
{
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr = o->source};
	int fd = socket(AF_INET, (vrrp ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			vrrp ? VRRP_PROTO : 0);
	int ttl = 255;

	if (fd < 0 || bind(fd, (struct sockaddr *)&src, sizeof(src)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &o->source, sizeof(o->source)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
	    setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)))
		die("socket: %s", strerror(errno));
	return fd;
}

static unsigned datagrams(const struct options *o)
{
	bool vrrp = ntohs(o->target.sin_port) == VRRP_PROTO;
	struct sockaddr_in dst = o->target;
	int fd = datagram_socket(o, vrrp);
	uint8_t buf[UDP_LEN];
	unsigned sent = 0;

	if (vrrp)
		dst.sin_port = 0;
	for (unsigned i = 0; i < o->count; i++) {
		size_t len = i % ((vrrp ? VRRP_LEN : UDP_LEN) + 1);

		fill_random(buf, len);
		if (vrrp && i % 2 && len > 4) {
			buf[0] = 0x31; /* version 3, advertisement */
			buf[1] = 51;
			buf[3] = (uint8_t)(i % 4);
		}
		sent += sendto(fd, buf, len, 0, (struct sockaddr *)&dst, sizeof(dst)) >= 0;
	}
	close(fd);
	return sent;
}

static unsigned lines(const struct options *o)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	uint8_t buf[8192];
	unsigned sent = 0;

	if (strlen(o->socket) >= sizeof(un.sun_path))
		die("%s: too long", o->socket);
	strcpy(un.sun_path, o->socket);
	for (unsigned i = 0; i < o->count; i++) {
		size_t len = i * 97 % sizeof(buf);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)))
			die("%s: %s", o->socket, strerror(errno));
		fill_random(buf, len);
		if (i % 3 && len)
			buf[len - 1] = '\n';
		sent += send(fd, buf, len, MSG_NOSIGNAL) >= 0;
		close(fd);
	}
	return sent;
}

int cmd_garbage(const struct options *o)
{
	printf("{\"sent\": %u}\n", o->socket ? lines(o) : datagrams(o));
	return 0;
}
