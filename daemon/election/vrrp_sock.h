/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election needs from the kernel: a raw socket on one interface, of either IP version, and
 * the interface's state. */
#ifndef VROUTER_ELECTION_VRRP_SOCK_H
#define VROUTER_ELECTION_VRRP_SOCK_H

#include "vrouter/vrrp.h"

#define VRRP_OPTIONS_MAX 256 /* of a Destination Options header; more of it is not looked at */

/* What is sent, from an address of ours to another one of the same IP version. */
struct vrrp_parcel {
	const struct ip_addr *src, *dst;
	bool whole; /* with its IP header; the kernel takes that from everybody who has the socket
		     */
	const void *buf;
	size_t len;
};

/* What was received. meta.src.family 0: it cannot be used. */
struct vrrp_datagram {
	struct vrrp_meta meta;
	struct rd options; /* of the IPv4 header, or an IPv6 Destination Options header; or none */
	struct rd packet;  /* what follows the IP header */
	uint8_t buf[2048], more[VRRP_OPTIONS_MAX];
};

/* A non-blocking raw socket that sends and hears, also the group if told so, on this interface
 * only. The fd or -errno. */
must_check int vrrp_sock_open(const char *interface, unsigned ifindex, int family, bool group);
/* 0 or -errno. */
must_check int vrrp_sock_send(int fd, unsigned ifindex, const struct vrrp_parcel *p);
/* 0 or -errno. */
must_check int vrrp_sock_recv(int fd, int family, struct vrrp_datagram *d);

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
