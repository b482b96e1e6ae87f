/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See link_sock.h. */
#include "link_sock.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#define RCVBUF (8 << 20)
#define SNDBUF (4 << 20)

struct dest link_dest(const struct ip_addr *a, uint16_t port)
{
	struct dest d = {.len = 0};

	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)&d.sa;

		*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&in->sin_addr, a->b, 4);
		d.len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (void *)&d.sa;

		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&in6->sin6_addr, a->b, 16);
		d.len = sizeof(*in6);
	}
	return d;
}

struct ip_addr link_addr(const struct sockaddr *sa)
{
	struct ip_addr a = {.family = 0};

	if (sa->sa_family == AF_INET) {
		a.family = AF_INET;
		memcpy(a.b, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		a.family = AF_INET6;
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
	return a;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Datagrams are never fragmented: a lost fragment would lose all, and sizes are chosen to fit. */
static int set_options(int fd, int family)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF) < 0 ||
	    set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SNDBUF) < 0)
		return -errno;
	if (family == AF_INET) {
		if (set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) < 0)
			return -errno;
	} else {
		if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO) < 0)
			return -errno;
	}
	return 0;
}

static int join(int fd, const struct ip_addr *group, uint16_t port, unsigned ifindex)
{
	struct group_req req = {.gr_interface = ifindex};
	struct dest to = link_dest(group, port);
	int level = group->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	memcpy(&req.gr_group, &to.sa, sizeof(req.gr_group));
	return setsockopt(fd, level, MCAST_JOIN_GROUP, &req, sizeof(req)) < 0 ? -errno : 0;
}

int link_sock_setup(int fd, const char *name, unsigned ifindex, const struct ip_addr *group,
		    int family, uint16_t port)
{
	const struct ip_addr any = {.family = (uint8_t)family};
	struct dest here = link_dest(&any, port);
	int err = set_options(fd, family);

	if (err < 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0 ||
	    bind(fd, (const struct sockaddr *)&here.sa, here.len) < 0)
		return -errno;
	return group->family ? join(fd, group, port, ifindex) : 0;
}

int link_sock_no_checksum(int fd)
{
	return set_int(fd, SOL_SOCKET, SO_NO_CHECK, 1) < 0 ? -errno : 0;
}

struct link_look link_look(int fd, const char *name)
{
	struct link_look look = {.why = "does not exist"};
	struct ifreq r = {.ifr_ifindex = 0};
	unsigned ifindex;

	memcpy(r.ifr_name, name, IFNAMSIZ);
	if (ioctl(fd, SIOCGIFINDEX, &r) < 0)
		return look;
	ifindex = (unsigned)r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return look;
	look.why = "is down";
	if (!(r.ifr_flags & IFF_UP))
		return look;
	look.carrier = r.ifr_flags & IFF_RUNNING;
	if (ioctl(fd, SIOCGIFMTU, &r) < 0)
		return look;
	look.mtu = (size_t)(r.ifr_mtu < LINK_MTU_MAX ? r.ifr_mtu : LINK_MTU_MAX);
	look.ifindex = ifindex;
	return look;
}
