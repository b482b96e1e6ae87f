/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller's end of the host link: its addresses, and what the kernel does with what comes
 * from there. Of the controller's addresses only those of this one interface are asked for. */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>

#define ENDS_MAX 16 /* addresses of it that one look takes in */

struct ends {
	struct ip_prefix addr[ENDS_MAX];
	unsigned n;
};

/* ---- what is there ---- */

static void take(struct ends *e, struct nlmsghdr *nh, unsigned ifindex)
{
	const struct ifaddrmsg *ifa = nlmsg_data(nh);
	struct ip_prefix *p = &e->addr[e->n];
	const struct nlattr *local;

	if (nh->nlmsg_type != RTM_NEWADDR || nlmsg_datalen(nh) < (int)sizeof(*ifa) ||
	    ifa->ifa_index != ifindex || e->n == ENDS_MAX)
		return;
	local = nlmsg_find_attr(nh, sizeof(*ifa), IFA_LOCAL);
	if (!local)
		local = nlmsg_find_attr(nh, sizeof(*ifa), IFA_ADDRESS);
	*p = (struct ip_prefix){.addr = {.family = ifa->ifa_family}, .len = ifa->ifa_prefixlen};
	if (!local || (size_t)nla_len(local) != ip_addr_size(&p->addr))
		return;
	memcpy(p->addr.b, nla_data(local), (size_t)nla_len(local));
	e->n++;
}

/* 1: that was the last of it. */
static int read_answer(struct ends *e, void *buf, int len, unsigned ifindex)
{
	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, len); nh = nlmsg_next(nh, &len)) {
		if (nh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nh->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		take(e, nh, ifindex);
	}
	return 0;
}

/* Strict: then the kernel tells of that interface alone. libnl has no words for it. */
static int read_ends(unsigned ifindex, struct ends *e)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	const struct {
		struct nlmsghdr nh;
		struct ifaddrmsg ifa;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		 .ifa = {.ifa_index = ifindex}};
	auto_fd int fd = rtnl_listen(NETLINK_ROUTE, NULL, 0);
	int on = 1, done = 0;

	e->n = 0;
	if (fd < 0)
		return fd;
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (send(fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	/* the kernel answers within the call */
	while (!done) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done = read_answer(e, buf, (int)n, ifindex);
	}
	return done < 0 ? done : 0;
}

static bool same(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

static bool has(const struct ip_prefix *list, unsigned n, const struct ip_prefix *p)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].addr.family && same(&list[i], p))
			return true;
	return false;
}

int rtnl_read_link_host(struct netns *ns, const struct net_desired *d, struct net_leg_actual *a)
{
	const char *name = d->leg[NET_HOST_LINK].hostname;
	bool ipv6 = d->link_end[NET_V6].addr.family;
	unsigned wanted = 0;
	struct ends e;
	int err;

	(void)ns;
	if (!a->host_is_peer)
		return 0;
	err = read_ends(a->host_ifindex, &e);
	if (err < 0)
		return err == -ENODEV ? 0 : err;
	a->host_ready = ns_link_is_set(name, ipv6);
	for (unsigned f = 0; f < NET_FAMILIES; f++) {
		wanted += d->link_end[f].addr.family != 0;
		a->host_ready = a->host_ready &&
				(!d->link_end[f].addr.family || has(e.addr, e.n, &d->link_end[f]));
	}
	a->host_ready = a->host_ready && e.n == wanted;
	return 0;
}

/* ---- as it is to be ---- */

static int change(struct netns *ns, unsigned ifindex, const struct ip_prefix *p, bool adds)
{
	struct rtnl_addr *r = rtnl_addr_alloc();
	struct nl_addr *local = rtnl_to_nl(&p->addr, p->len);
	int err = -NLE_NOMEM;

	if (r && local) {
		rtnl_addr_set_ifindex(r, (int)ifindex);
		err = rtnl_addr_set_local(r, local);
	}
	if (err == 0 && p->addr.family == AF_INET6)
		rtnl_addr_set_flags(r, IFA_F_NODAD);
	if (err == 0)
		err = adds ? rtnl_addr_add(ns->host, r, NLM_F_CREATE | NLM_F_REPLACE)
			   : rtnl_addr_delete(ns->host, r, 0);
	if (!adds && err == -NLE_NOADDR)
		err = 0;
	nl_addr_put(local);
	rtnl_addr_put(r);
	return rtnl_errno(err);
}

int rtnl_set_link_host(struct netns *ns, const struct net_desired *d, unsigned ifindex)
{
	char reason[NET_REASON_MAX];
	struct ends e;
	int err = ns_link_set(d->leg[NET_HOST_LINK].hostname, d->link_end[NET_V6].addr.family,
			      reason);

	if (err == 0)
		err = read_ends(ifindex, &e);
	for (unsigned f = 0; err == 0 && f < NET_FAMILIES; f++)
		if (d->link_end[f].addr.family && !has(e.addr, e.n, &d->link_end[f]))
			err = change(ns, ifindex, &d->link_end[f], true);
	for (unsigned i = 0; err == 0 && i < e.n; i++)
		if (!has(d->link_end, NET_FAMILIES, &e.addr[i]))
			err = change(ns, ifindex, &e.addr[i], false);
	return err;
}
