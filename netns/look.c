/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks at single links and routes, for tracking: what is there now, never what was said to have
 * changed. Each look has a socket of its own, so that the listing of a table can be broken off. The
 * kernel answers a request within the call that sends it, so nothing waits. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define ATTR_HEAD sizeof(struct nlattr)
#define BUF_BYTES 32768 /* more than the kernel puts into one message of a dump */

struct link {
	bool up, carrier, is_port;
	unsigned ifindex, master;
	uint8_t port_state; /* BR_STATE_* */
};

struct search {
	const struct net_look *look;
	unsigned seen;
	bool there, usable;
};

static int open_socket(void *arg)
{
	(void)arg;
	return rtnl_listen(NETLINK_ROUTE, NULL, 0);
}

static int ask(int fd, const void *request, size_t len)
{
	const int on = 1;

	if (setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0 ||
	    send(fd, request, len, 0) < 0)
		return -errno;
	return 0;
}

/* Of NLMSG_ERROR; never 0, as nothing asks for an acknowledgement. */
static int error_of(struct nlmsghdr *nh)
{
	const struct nlmsgerr *e = nlmsg_data(nh);

	return nlmsg_datalen(nh) >= (int)sizeof(*e) && e->error ? e->error : -EPROTO;
}

static uint32_t number(const struct nlattr *attr, uint32_t none)
{
	uint32_t v = none;

	if (attr && nla_len(attr) == sizeof(v))
		memcpy(&v, nla_data(attr), sizeof(v));
	return v;
}

static uint8_t byte(const struct nlattr *attr)
{
	return attr && nla_len(attr) == 1 ? *(const uint8_t *)nla_data(attr) : 0;
}

static const struct nlattr *inside(const struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

/* ---- links ------------------------------------------------------------------------------------
 */

static void take_link(struct link *l, struct nlmsghdr *nh)
{
	const struct ifinfomsg *ifi = nlmsg_data(nh);
	const struct nlattr *info = nlmsg_find_attr(nh, sizeof(*ifi), IFLA_LINKINFO);
	const struct nlattr *kind = inside(info, IFLA_INFO_SLAVE_KIND);

	*l = (struct link){.ifindex = (unsigned)ifi->ifi_index, .up = ifi->ifi_flags & IFF_UP};
	l->carrier = l->up && byte(nlmsg_find_attr(nh, sizeof(*ifi), IFLA_CARRIER));
	l->master = number(nlmsg_find_attr(nh, sizeof(*ifi), IFLA_MASTER), 0);
	l->is_port = kind && nla_strcmp(kind, "bridge") == 0;
	l->port_state = byte(inside(inside(info, IFLA_INFO_SLAVE_DATA), IFLA_BRPORT_STATE));
}

static int ask_link(int fd, const char *name)
{
	struct {
		struct nlmsghdr nh;
		struct ifinfomsg ifi;
		struct nlattr mask_head;
		uint32_t mask;
		struct nlattr name_head;
		char name[IFNAMSIZ];
	} ask_for = {
		.nh = {.nlmsg_len = sizeof(ask_for),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST},
		.mask_head = {.nla_len = ATTR_HEAD + sizeof(uint32_t), .nla_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_SKIP_STATS,
		.name_head = {.nla_len = ATTR_HEAD + IFNAMSIZ, .nla_type = IFLA_IFNAME}};

	snprintf(ask_for.name, sizeof(ask_for.name), "%s", name);
	return ask(fd, &ask_for, sizeof(ask_for));
}

/* 1, 0: there is none, -errno */
static int get_link(int fd, const char *name, struct link *out)
{
	_Alignas(struct nlmsghdr) char buf[BUF_BYTES];
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	int err = ask_link(fd, name);
	ssize_t n;

	if (err < 0)
		return err;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	if (!nlmsg_ok(nh, (int)n))
		return -EPROTO;
	if (nh->nlmsg_type == NLMSG_ERROR) {
		err = error_of(nh);
		return err == -ENODEV ? 0 : err;
	}
	if (nh->nlmsg_type != RTM_NEWLINK || nlmsg_datalen(nh) < (int)sizeof(struct ifinfomsg))
		return -EPROTO;
	take_link(out, nh);
	return 1;
}

/* The same three answers as net_look() itself. */
static int look_carrier(int fd, const char *name, char why[static NET_REASON_MAX])
{
	struct link l;
	int n = get_link(fd, name, &l);

	if (n < 0)
		return n;
	if (n == 0)
		snprintf(why, NET_REASON_MAX, "interface %s does not exist", name);
	else if (!l.up)
		snprintf(why, NET_REASON_MAX, "interface %s is down", name);
	else if (!l.carrier)
		snprintf(why, NET_REASON_MAX, "interface %s has no carrier", name);
	else
		return 1;
	return 0;
}

static int look_port(int fd, const struct net_look *what, char why[static NET_REASON_MAX])
{
	static const char *const state[] = {"disabled", "listening", "learning", "forwarding",
					    "blocking"};
	struct link port, bridge;
	int n = get_link(fd, what->ifname, &port);
	int m = n > 0 ? get_link(fd, what->bridge, &bridge) : n;

	if (n < 0 || m < 0)
		return n < 0 ? n : m;
	if (n == 0)
		snprintf(why, NET_REASON_MAX, "interface %s does not exist", what->ifname);
	else if (m == 0)
		snprintf(why, NET_REASON_MAX, "bridge %s does not exist", what->bridge);
	else if (port.master != bridge.ifindex || !port.is_port)
		snprintf(why, NET_REASON_MAX, "%s is not in bridge %s", what->ifname, what->bridge);
	else if (port.port_state != BR_STATE_FORWARDING)
		snprintf(why, NET_REASON_MAX, "port %s of bridge %s is %s", what->ifname,
			 what->bridge,
			 port.port_state < ARRAY_LEN(state) ? state[port.port_state] : "unusable");
	else
		return 1;
	return 0;
}

/* ---- routes -----------------------------------------------------------------------------------
 */

/* What drops is none, and neither is one whose next hops are all on dead links. */
static bool is_usable(const struct rtmsg *rt, const struct nlattr *multipath)
{
	const unsigned gone = RTNH_F_DEAD | RTNH_F_LINKDOWN;
	const struct rtnexthop *hop = multipath ? nla_data(multipath) : NULL;
	int left = multipath ? nla_len(multipath) : 0;

	if (rt->rtm_type != RTN_UNICAST && rt->rtm_type != RTN_LOCAL)
		return false;
	if (!multipath)
		return !(rt->rtm_flags & gone);
	while (left >= (int)sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		if (!(hop->rtnh_flags & gone))
			return true;
		left -= NLA_ALIGN(hop->rtnh_len);
		hop = (const struct rtnexthop *)(const void *)((const char *)hop +
							       NLA_ALIGN(hop->rtnh_len));
	}
	return false;
}

static void take_route(struct search *s, struct nlmsghdr *nh)
{
	const struct rtmsg *rt = nlmsg_data(nh);
	const struct nlattr *to;
	struct ip_prefix dst;

	s->seen++;
	if (nlmsg_datalen(nh) < (int)sizeof(*rt))
		return;
	dst = (struct ip_prefix){.addr.family = rt->rtm_family, .len = rt->rtm_dst_len};
	to = nlmsg_find_attr(nh, sizeof(*rt), RTA_DST);
	if (to && nla_len(to) == (int)ip_addr_size(&dst.addr))
		memcpy(dst.addr.b, nla_data(to), ip_addr_size(&dst.addr));
	if (number(nlmsg_find_attr(nh, sizeof(*rt), RTA_TABLE), rt->rtm_table) != s->look->table ||
	    dst.len != s->look->dst.len || !ip_prefix_contains(&s->look->dst, &dst.addr))
		return;
	s->there = true;
	s->usable = s->usable || is_usable(rt, nlmsg_find_attr(nh, sizeof(*rt), RTA_MULTIPATH));
}

/* 1: that was all, 0: more is to come, -errno */
static int take_answer(struct search *s, void *buf, int left)
{
	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, left); nh = nlmsg_next(nh, &left)) {
		if (nh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nh->nlmsg_type == NLMSG_ERROR)
			return error_of(nh) == -ENOENT ? 1 : error_of(nh); /* no such table */
		if (nh->nlmsg_type == RTM_NEWROUTE)
			take_route(s, nh);
	}
	return 0;
}

static int list_routes(int fd, struct search *s)
{
	_Alignas(struct nlmsghdr) char buf[BUF_BYTES];
	const struct {
		struct nlmsghdr nh;
		struct rtmsg rt;
		struct nlattr head;
		uint32_t table;
	} list = {.nh = {.nlmsg_len = sizeof(list),
			 .nlmsg_type = RTM_GETROUTE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		  .rt = {.rtm_family = s->look->dst.addr.family},
		  .head = {.nla_len = ATTR_HEAD + sizeof(uint32_t), .nla_type = RTA_TABLE},
		  .table = s->look->table};
	int err = ask(fd, &list, sizeof(list));

	while (err == 0 && !s->usable && s->seen < NET_LOOK_ROUTES_MAX) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		err = n < 0 ? -errno : take_answer(s, buf, (int)n);
	}
	return err < 0 ? err : 0;
}

static int look_route(int fd, const struct net_look *what, char why[static NET_REASON_MAX])
{
	struct search s = {.look = what};
	char dst[IP_PREFIX_STRLEN];
	int err = list_routes(fd, &s);

	if (err < 0)
		return err;
	ip_prefix_format(&what->dst, dst);
	if (s.usable)
		return 1;
	if (s.seen >= NET_LOOK_ROUTES_MAX)
		return -E2BIG;
	snprintf(why, NET_REASON_MAX, "%s %s in table %u",
		 s.there ? "no usable route to" : "no route to", dst, what->table);
	return 0;
}

/* ---- interface of the module ------------------------------------------------------------------
 */

static int look_carriers(const struct net_look *what, int fd, char why[static NET_REASON_MAX])
{
	auto_fd int host = -1; /* bridges are the host's */
	int n = look_carrier(fd, what->ifname, why);

	if (n <= 0 || !what->bridge[0])
		return n;
	host = open_socket(NULL);
	return host < 0 ? host : look_carrier(host, what->bridge, why);
}

int net_look(struct netns *ns, const struct net_look *what, char why[static NET_REASON_MAX])
{
	auto_fd int fd = what->host ? open_socket(NULL) : netns_run(ns, open_socket, NULL);

	why[0] = '\0';
	if (fd < 0)
		return fd;
	switch (what->kind) {
	case NET_LOOK_CARRIER:
		return look_carriers(what, fd, why);
	case NET_LOOK_PORT:
		return look_port(fd, what, why);
	case NET_LOOK_ROUTE:
		return look_route(fd, what, why);
	}
	return -EINVAL;
}
