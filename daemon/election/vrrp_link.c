/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of the election's interface, as the kernel has it: never more than one answer old. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "vrrp_sock.h"

#define NLM_BUF 8192 /* of at least NLMSG_GOODSIZE the kernel uses what it gets */

struct request {
	struct nlmsghdr head;
	struct ifaddrmsg addr;
};

struct listing {
	struct vrrp_if_addrs *addrs;
	unsigned ifindex;
	int family;
};

int vrrp_link_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;

	/* so that the kernel lists one interface and not all; without it, list_one() does */
	if (fd >= 0)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	return fd < 0 ? -errno : fd;
}

static enum vrrp_addr_state state_of(uint32_t flags)
{
	if (flags & IFA_F_DADFAILED)
		return VRRP_ADDR_DUPLICATE;
	return flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC) ? VRRP_ADDR_TENTATIVE
								      : VRRP_ADDR_USABLE;
}

static int note_attr(const struct nlattr *attr, void *ctx)
{
	const struct nlattr **known = ctx;

	if (mnl_attr_get_type(attr) <= IFA_FLAGS)
		known[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int list_one(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *known[IFA_FLAGS + 1] = {NULL}, *addr;
	struct listing *l = ctx;
	struct ip_addr a = {.family = (uint8_t)l->family};
	uint32_t flags = ifa->ifa_flags;

	if (nlh->nlmsg_type != RTM_NEWADDR || ifa->ifa_index != l->ifindex ||
	    ifa->ifa_family != l->family || l->addrs->n == VRRP_IF_ADDRS_MAX)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifa), note_attr, known);
	/* where the link is point-to-point, IFA_ADDRESS is the other end */
	addr = known[IFA_LOCAL] ? known[IFA_LOCAL] : known[IFA_ADDRESS];
	if (!addr || mnl_attr_get_payload_len(addr) != ip_addr_size(&a))
		return MNL_CB_OK;
	if (known[IFA_FLAGS] && mnl_attr_get_payload_len(known[IFA_FLAGS]) == sizeof(flags))
		flags = mnl_attr_get_u32(known[IFA_FLAGS]);
	memcpy(a.b, mnl_attr_get_payload(addr), ip_addr_size(&a));
	l->addrs->a[l->addrs->n].addr = a;
	l->addrs->a[l->addrs->n++].state = state_of(flags);
	return MNL_CB_OK;
}

static int list(int fd, struct listing *l)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_Alignas(struct nlmsghdr) char buf[NLM_BUF];
	struct request r = {.head = {.nlmsg_len = sizeof(r),
				     .nlmsg_type = RTM_GETADDR,
				     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
			    .addr = {.ifa_family = (uint8_t)l->family, .ifa_index = l->ifindex}};
	int more = MNL_CB_OK;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0) /* the rest of one that failed */
		;
	if (sendto(fd, &r, sizeof(r), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n >= 0)
			more = mnl_cb_run(buf, (size_t)n, 0, 0, list_one, l);
	}
	return more < 0 ? -errno : 0;
}

int vrrp_link_read(int fd, const char *interface, int family, struct vrrp_link *link)
{
	struct vrrp_link l = {.ifindex = 0};
	struct listing listing = {.addrs = &l.addrs, .family = family};
	struct ifreq req;
	int err;

	memset(&req, 0, sizeof(req));
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFINDEX, &req) < 0)
		return -ENODEV;
	l.ifindex = listing.ifindex = (unsigned)req.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		return -ENODEV;
	l.up = req.ifr_flags & IFF_UP;
	l.carrier = req.ifr_flags & IFF_RUNNING;
	err = list(fd, &listing);
	if (err < 0)
		return err;
	*link = l;
	return 0;
}
