/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The UDP socket of one replication link: its options, and what its interface is like. */
#ifndef SYNC_LINK_SOCK_H
#define SYNC_LINK_SOCK_H

#include <sys/socket.h>

#include "vrouter/addr.h"

struct dest {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct dest link_dest(const struct ip_addr *a, uint16_t port);
struct ip_addr link_addr(const struct sockaddr *sa);

struct link_look {
	unsigned ifindex; /* 0: not usable, why says so */
	bool carrier;
	size_t mtu; /* at most LINK_MTU_MAX */
	const char *why;
};

#define LINK_MTU_MAX 9000

struct link_look link_look(int fd, const char *name);
/* Bound to the interface and the port, with group joined where it is one. 0 or -errno. */
must_check int link_sock_setup(int fd, const char *name, unsigned ifindex,
			       const struct ip_addr *group, int family, uint16_t port);
/* What is sent has no checksum of UDP; IPv4 only. 0 or -errno. */
must_check int link_sock_no_checksum(int fd);

#endif
