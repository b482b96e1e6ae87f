/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends IPv4 packets, header and all, as they come on stdin: a line of hexadecimal digits each.
 * Nothing is changed but what the kernel fills in (total length and checksum of the header). */
#include "traffic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER	   20
#define PACKET_MAX 1500
#define DST_AT	   16

static size_t from_hex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n = 0;
	unsigned byte;

	for (; n < cap && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	return n;
}

int cmd_play(const struct options *o)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	static char line[2 * PACKET_MAX + 2];
	unsigned sent = 0;

	if (fd < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &o->source, sizeof(o->source)) < 0)
		die("socket: %s", strerror(errno));
	while (fgets(line, sizeof(line), stdin)) {
		struct sockaddr_in dst = {.sin_family = AF_INET};
		uint8_t packet[PACKET_MAX];
		size_t n = from_hex(packet, sizeof(packet), line);

		if (n < HEADER)
			continue;
		memcpy(&dst.sin_addr, packet + DST_AT, sizeof(dst.sin_addr));
		sent += sendto(fd, packet, n, 0, (struct sockaddr *)&dst, sizeof(dst)) >= 0;
	}
	close(fd);
	printf("{\"sent\": %u}\n", sent);
	return 0;
}
