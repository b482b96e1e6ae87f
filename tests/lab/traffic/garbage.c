/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random datagrams of every length for UDP sockets, multicast ones included; with port 112 raw VRRP
 * packets instead, half of them with a plausible header, so that they get past the first check. */
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define VRRP_PROTO 112

int cmd_garbage(const struct options *o)
{
	bool vrrp = ntohs(o->target.sin_port) == VRRP_PROTO;
	int fd = socket(AF_INET, (vrrp ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			vrrp ? VRRP_PROTO : 0);
	struct sockaddr_in src = {.sin_family = AF_INET, .sin_addr = o->source}, dst = o->target;
	int ttl = 255;
	uint8_t buf[1400];
	unsigned sent = 0;

	if (vrrp)
		dst.sin_port = 0;
	if (fd < 0 || bind(fd, (struct sockaddr *)&src, sizeof(src)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &o->source, sizeof(o->source)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
	    setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)))
		die("socket: %s", strerror(errno));
	for (unsigned i = 0; i < o->count; i++) {
		size_t len = i % (vrrp ? 64 : sizeof(buf) + 1);

		if (getrandom(buf, sizeof(buf), 0) != sizeof(buf))
			die("getrandom: %s", strerror(errno));
		if (vrrp && i % 2) {
			buf[0] = 0x31; /* version 3, advertisement */
			buf[1] = 51;
			buf[3] = (uint8_t)(i % 4);
		}
		sent += sendto(fd, buf, len, 0, (struct sockaddr *)&dst, sizeof(dst)) >= 0;
	}
	printf("{\"sent\": %u}\n", sent);
	close(fd);
	return 0;
}
