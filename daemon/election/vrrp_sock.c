/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrrp_sock.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "vrouter/vrrp.h"

#define TOS_CONTROL  0xc0 /* internetwork control */
#define PRIO_CONTROL 7	  /* TC_PRIO_CONTROL */

int vrrp_sock_link(int fd, const char *interface, struct vrrp_link *link)
{
	struct vrrp_link l = {0};
	struct sockaddr_in sin;
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFINDEX, &req) < 0)
		return -ENODEV;
	l.ifindex = (unsigned)req.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		return -ENODEV;
	l.up = req.ifr_flags & IFF_UP;
	l.carrier = req.ifr_flags & IFF_RUNNING;
	req.ifr_addr.sa_family = AF_INET;
	if (ioctl(fd, SIOCGIFADDR, &req) == 0) {
		memcpy(&sin, &req.ifr_addr, sizeof(sin));
		l.addr = ip_addr_v4(sin.sin_addr.s_addr);
	}
	*link = l;
	return 0;
}

static int set_opt(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

static int set_options(int fd, const char *interface, unsigned ifindex)
{
	const struct ip_mreqn group = {
		.imr_multiaddr.s_addr = htonl(VRRP_GROUP_V4),
		.imr_ifindex = (int)ifindex,
	};
	static const struct {
		int level, name, value;
	} row[] = {
		{IPPROTO_IP, IP_MULTICAST_ALL, 0}, /* only groups that this socket has joined */
		{IPPROTO_IP, IP_MULTICAST_LOOP, 0},
		{IPPROTO_IP, IP_MULTICAST_TTL, VRRP_TTL},
		{IPPROTO_IP, IP_TOS, TOS_CONTROL},
		{SOL_SOCKET, SO_PRIORITY, PRIO_CONTROL}, /* after IP_TOS, which sets it, too */
	};
	int err = set_opt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface));

	for (size_t i = 0; !err && i < ARRAY_LEN(row); i++)
		err = set_opt(fd, row[i].level, row[i].name, &row[i].value, sizeof(row[i].value));
	if (!err)
		err = set_opt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group));
	if (!err)
		err = set_opt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	return err;
}

int vrrp_sock_open(const char *interface, unsigned ifindex)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, VRRP_PROTO);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, interface, ifindex);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The source is given, not left to the kernel: the checksum covers it, and a socket that is bound
 * to an address would not hear the group. */
int vrrp_sock_send(int fd, unsigned ifindex, const struct ip_addr *src, const struct ip_addr *dst,
		   const void *buf, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = ip_addr_v4_be(dst)};
	const struct in_pktinfo info = {
		.ipi_ifindex = (int)ifindex,
		.ipi_spec_dst.s_addr = ip_addr_v4_be(src),
	};
	union {
		struct cmsghdr head;
		uint8_t b[CMSG_SPACE(sizeof(info))];
	} control = {.b = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	const struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.head.cmsg_level = IPPROTO_IP;
	control.head.cmsg_type = IP_PKTINFO;
	control.head.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(&control.head), &info, sizeof(info));
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
