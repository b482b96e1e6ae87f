/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends IP packets, header and all, as they come on stdin: a line of hexadecimal digits each.
 * Nothing is changed but what the kernel fills in (of IPv4 total length and checksum of the
 * header). Link-local IPv6 leaves by the interface eth0. */
#include "traffic.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER	   20
#define HEADER6	   40
#define PACKET_MAX 1500
#define DST_AT	   16
#define DST6_AT	   24

static size_t from_hex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n = 0;
	unsigned byte;

	for (; n < cap && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	return n;
}

static ssize_t send_ipv4(int fd, const uint8_t *packet, size_t n)
{
	struct sockaddr_in dst = {.sin_family = AF_INET};

	if (n < HEADER)
		return -1;
	memcpy(&dst.sin_addr, packet + DST_AT, sizeof(dst.sin_addr));
	return sendto(fd, packet, n, 0, (struct sockaddr *)&dst, sizeof(dst));
}

static ssize_t send_ipv6(int fd, const uint8_t *packet, size_t n)
{
	struct sockaddr_in6 dst = {.sin6_family = AF_INET6,
				   .sin6_scope_id = if_nametoindex("eth0")};

	if (n < HEADER6)
		return -1;
	memcpy(&dst.sin6_addr, packet + DST6_AT, sizeof(dst.sin6_addr));
	return sendto(fd, packet, n, 0, (struct sockaddr *)&dst, sizeof(dst));
}

int cmd_play(const struct options *o)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	int fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	static char line[2 * PACKET_MAX + 2];
	unsigned sent = 0;

	if (fd < 0 || fd6 < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &o->source, sizeof(o->source)) < 0)
		die("socket: %s", strerror(errno));
	while (fgets(line, sizeof(line), stdin)) {
		uint8_t packet[PACKET_MAX];
		size_t n = from_hex(packet, sizeof(packet), line);

		sent += (n && packet[0] >> 4 == 6 ? send_ipv6(fd6, packet, n)
						  : send_ipv4(fd, packet, n)) >= 0;
	}
	close(fd);
	close(fd6);
	printf("{\"sent\": %u}\n", sent);
	return 0;
}
