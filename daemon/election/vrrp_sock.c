/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrrp_sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOS_CONTROL  0xc0 /* internetwork control */
#define PRIO_CONTROL 7	  /* TC_PRIO_CONTROL */
#define IPV4_HEADER  20	  /* without options */

static int set_opt(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

struct option {
	int level, name, value;
};

static int set_ints(int fd, const struct option *o, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = set_opt(fd, o[i].level, o[i].name, &o[i].value, sizeof(o[i].value));
	return err;
}

static int set_ipv4(int fd, unsigned ifindex)
{
	const struct ip_mreqn out = {.imr_ifindex = (int)ifindex};
	static const struct option o[] = {
		{IPPROTO_IP, IP_MULTICAST_ALL, 0}, /* only groups that this socket has joined */
		{IPPROTO_IP, IP_MULTICAST_LOOP, 0},	 {IPPROTO_IP, IP_MULTICAST_TTL, VRRP_TTL},
		{IPPROTO_IP, IP_TTL, VRRP_TTL},		 {IPPROTO_IP, IP_TOS, TOS_CONTROL},
		{SOL_SOCKET, SO_PRIORITY, PRIO_CONTROL}, /* after IP_TOS, which sets it, too */
	};
	int err = set_ints(fd, o, ARRAY_LEN(o));

	return err ? err : set_opt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out));
}

static int set_ipv6(int fd, unsigned ifindex)
{
	const struct option o[] = {
		{IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},
		{IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
		{IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_TTL},
		{IPPROTO_IPV6, IPV6_UNICAST_HOPS, VRRP_TTL},
		{IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)ifindex},
		{IPPROTO_IPV6, IPV6_TCLASS, TOS_CONTROL},
		/* the socket delivers no header: what of it is judged comes beside the packet */
		{IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
		{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
		{IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1},
		{SOL_SOCKET, SO_PRIORITY, PRIO_CONTROL},
	};

	return set_ints(fd, o, ARRAY_LEN(o));
}

static int join(int fd, unsigned ifindex, int family)
{
	const struct ip_addr group = vrrp_group(family);
	const struct ip_mreqn v4 = {
		.imr_multiaddr.s_addr = ip_addr_v4_be(&group),
		.imr_ifindex = (int)ifindex,
	};
	struct ipv6_mreq v6 = {.ipv6mr_interface = ifindex};

	memcpy(&v6.ipv6mr_multiaddr, group.b, sizeof(v6.ipv6mr_multiaddr));
	return family == AF_INET ? set_opt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4))
				 : set_opt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof(v6));
}

int vrrp_sock_open(const char *interface, unsigned ifindex, int family, bool group)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, VRRP_PROTO);
	int err;

	if (fd < 0)
		return -errno;
	err = set_opt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface));
	if (!err)
		err = family == AF_INET ? set_ipv4(fd, ifindex) : set_ipv6(fd, ifindex);
	if (!err && group)
		err = join(fd, ifindex, family);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Where to, and, in the control message, from where: the checksum covers the source, and a socket
 * that is bound to an address would not hear the group. */
struct way {
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void put_control(struct msghdr *msg, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c = msg->msg_control;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
	msg->msg_controllen = CMSG_SPACE(len);
}

static void way_v4(struct way *w, struct msghdr *msg, unsigned ifindex, const struct ip_addr *src,
		   const struct ip_addr *dst)
{
	const struct in_pktinfo info = {
		.ipi_ifindex = (int)ifindex,
		.ipi_spec_dst.s_addr = ip_addr_v4_be(src),
	};

	w->to.v4 =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = ip_addr_v4_be(dst)};
	msg->msg_namelen = sizeof(w->to.v4);
	put_control(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void way_v6(struct way *w, struct msghdr *msg, unsigned ifindex, const struct ip_addr *src,
		   const struct ip_addr *dst)
{
	struct in6_pktinfo info = {.ipi6_ifindex = ifindex};

	w->to.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_scope_id = ifindex};
	memcpy(&w->to.v6.sin6_addr, dst->b, sizeof(w->to.v6.sin6_addr));
	msg->msg_namelen = sizeof(w->to.v6);
	memcpy(&info.ipi6_addr, src->b, sizeof(info.ipi6_addr));
	put_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

/* Before each packet, as the socket may be another process's meanwhile (the guard's), or stamps may
 * be wanted no more. */
static int say_whole(int fd, int family, bool whole)
{
	int on = whole;

	return family == AF_INET ? set_opt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on))
				 : set_opt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on));
}

int vrrp_sock_send(int fd, unsigned ifindex, const struct vrrp_parcel *p)
{
	struct way w = {.control = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p->buf, .iov_len = p->len};
	struct msghdr msg = {
		.msg_name = &w.to,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = w.control,
		.msg_controllen = sizeof(w.control),
	};
	int err = say_whole(fd, p->dst->family, p->whole);

	if (err)
		return err;
	if (p->dst->family == AF_INET)
		way_v4(&w, &msg, ifindex, p->src, p->dst);
	else
		way_v6(&w, &msg, ifindex, p->src, p->dst);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* A raw socket delivers the header of IPv4. */
static void take_ipv4(struct vrrp_datagram *d, size_t n)
{
	if (vrrp_split_ipv4(&d->meta, &d->packet, d->buf, n) == VRRP_OK)
		d->options =
			rd_of(d->buf + IPV4_HEADER, (size_t)(d->packet.p - d->buf) - IPV4_HEADER);
}

static struct ip_addr addr_v6(const struct in6_addr *a)
{
	struct ip_addr out = {.family = AF_INET6};

	memcpy(out.b, a, sizeof(out.b));
	return out;
}

static void take_options(struct vrrp_datagram *d, const struct cmsghdr *c)
{
	size_t n = c->cmsg_len - CMSG_LEN(0);

	n = n < sizeof(d->more) ? n : sizeof(d->more);
	memcpy(d->more, CMSG_DATA(c), n);
	d->options = rd_of(d->more, n);
}

/* Of IPv6 what the header said comes beside the packet. */
static void take_ipv6(struct vrrp_datagram *d, struct msghdr *msg, const struct in6_addr *src)
{
	struct vrrp_meta m = {.src = addr_v6(src)};
	struct in6_pktinfo info;
	bool hops = false;
	int n;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			m.dst = addr_v6(&info.ipi6_addr);
		} else if (c->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&n, CMSG_DATA(c), sizeof(n));
			m.ttl = (uint8_t)n;
			hops = true;
		} else if (c->cmsg_type == IPV6_DSTOPTS) {
			take_options(d, c);
		}
	}
	if (hops && m.dst.family)
		d->meta = m;
}

int vrrp_sock_recv(int fd, int family, struct vrrp_datagram *d)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +
		       CMSG_SPACE(VRRP_OPTIONS_MAX)];
	} control;
	struct sockaddr_in6 from = {.sin6_family = AF_UNSPEC};
	struct iovec iov = {.iov_base = d->buf, .iov_len = sizeof(d->buf)};
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	d->meta = (struct vrrp_meta){.ttl = 0};
	d->options = rd_of(d->more, 0);
	d->packet = rd_of(d->buf, (size_t)n);
	if (family == AF_INET)
		take_ipv4(d, (size_t)n);
	else if (from.sin6_family == AF_INET6)
		take_ipv6(d, &msg, &from.sin6_addr);
	return 0;
}
