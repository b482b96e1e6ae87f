/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election needs from the kernel: a raw socket on one interface, of either IP version, and
 * the interface's state. */
#ifndef VROUTER_ELECTION_VRRP_SOCK_H
#define VROUTER_ELECTION_VRRP_SOCK_H

#include "vrouter/vrrp.h"

/* A non-blocking raw socket that sends and hears, also the group if told so, on this interface
 * only. The fd or -errno. */
must_check int vrrp_sock_open(const char *interface, unsigned ifindex, int family, bool group);
/* One packet to dst, from an address of ours of the same IP version. 0 or -errno. */
must_check int vrrp_sock_send(int fd, unsigned ifindex, const struct ip_addr *src,
			      const struct ip_addr *dst, const void *buf, size_t len);
/* One packet of an IPv6 socket: what its header said goes to *meta (family 0: the kernel did not
 * tell), the rest to buf. Of an IPv4 socket buf has the header, too, and *meta stays. The length,
 * or -errno. */
must_check ssize_t vrrp_sock_recv(int fd, void *buf, size_t cap, struct vrrp_meta *meta);

struct vrrp_link {
	unsigned ifindex;
	bool up, carrier;
	struct vrrp_if_addrs addrs; /* of one IP version */
};

/* The socket that vrrp_link_read() asks. The fd or -errno. */
must_check int vrrp_link_open(void);
/* 0, -ENODEV: there is no such interface, or -errno. */
must_check int vrrp_link_read(int fd, const char *interface, int family, struct vrrp_link *link);

#endif
