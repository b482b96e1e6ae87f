/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vrrp_io needs from the kernel: the raw socket of one interface and the interface's state. */
#ifndef VROUTER_ELECTION_VRRP_SOCK_H
#define VROUTER_ELECTION_VRRP_SOCK_H

#include "vrouter/addr.h"

struct vrrp_link {
	unsigned ifindex;
	bool up, carrier;
	struct ip_addr addr; /* primary IPv4 address; family 0: none */
};

/* Asks over any IPv4 socket. 0 or -ENODEV. */
must_check int vrrp_sock_link(int fd, const char *interface, struct vrrp_link *link);
/* A non-blocking raw socket that hears and sends on this interface only. The fd or -errno. */
must_check int vrrp_sock_open(const char *interface, unsigned ifindex);
/* One packet to dst, from an address of ours. 0 or -errno. */
must_check int vrrp_sock_send(int fd, unsigned ifindex, const struct ip_addr *src,
			      const struct ip_addr *dst, const void *buf, size_t len);

#endif
