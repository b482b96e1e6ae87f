/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's neighbours of the legs: a dump and the events after it come through one socket and
 * say the same ("this entry is so now"), so which is which does not matter. Installing is a few
 * large writes without acknowledgements: the kernel answers only what it refuses. */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>

#define QUEUE_BYTES (1024 * 1024)
#define READ_BYTES  32768 /* more than the kernel puts into one message of a dump */
#define READS_MAX   16	  /* before others get their turn */
#define BATCH	    256	  /* entries of one write */
#define ATTR_HEAD   sizeof(struct nlattr)
#define USABLE	    (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct neigh_watch {
	int fd;
	int ifindex[NET_LEGS_MAX]; /* 0: none */
	struct event *readable;
	uint32_t dump; /* number of the running one */
	bool dumping, lost;
	const struct neigh_watch_ops *ops;
	void *ctx;
};

/* One for all, as nothing stays in it. */
static uint8_t read_buf[READ_BYTES] __attribute__((aligned(8)));

_Static_assert(NEIGH_LEGS == NET_LEGS_MAX, "legs");

static int find_legs(struct netns *ns, const struct net_desired *d,
		     int ifindex[static NET_LEGS_MAX])
{
	memset(ifindex, 0, NET_LEGS_MAX * sizeof(*ifindex));
	for (unsigned i = 0; i < net_legs(d); i++) {
		struct rtnl_link *l;
		int err = rtnl_find(ns->inside, d->leg[i].ifname, &l);

		if (err <= 0)
			return err < 0 ? err : -ENODEV;
		ifindex[i] = rtnl_link_get_ifindex(l);
		rtnl_link_put(l);
	}
	return 0;
}

/* ---- watch ------------------------------------------------------------------------------------
 */

static bool leg_of(const struct neigh_watch *w, int ifindex, uint8_t *leg)
{
	for (unsigned i = 0; i < NET_LEGS_MAX; i++)
		if (ifindex && w->ifindex[i] == ifindex) {
			*leg = (uint8_t)i;
			return true;
		}
	return false;
}

static void on_entry(struct neigh_watch *w, struct nlmsghdr *nh)
{
	const struct ndmsg *nd = nlmsg_data(nh);
	const struct nlattr *dst, *mac;
	struct neigh n = {.leg = 0};
	bool there;

	if (nlmsg_datalen(nh) < (int)sizeof(*nd) || (nd->ndm_flags & NTF_PROXY) ||
	    !leg_of(w, nd->ndm_ifindex, &n.leg))
		return;
	n.addr.family = nd->ndm_family;
	dst = nlmsg_find_attr(nh, sizeof(*nd), NDA_DST);
	mac = nlmsg_find_attr(nh, sizeof(*nd), NDA_LLADDR);
	if (!dst || !ip_addr_size(&n.addr) || nla_len(dst) != (int)ip_addr_size(&n.addr))
		return;
	memcpy(n.addr.b, nla_data(dst), ip_addr_size(&n.addr));
	there = nh->nlmsg_type == RTM_NEWNEIGH && (nd->ndm_state & USABLE) && mac &&
		nla_len(mac) == NEIGH_MAC_LEN;
	if (there)
		memcpy(n.mac, nla_data(mac), NEIGH_MAC_LEN);
	w->ops->on_neigh(w->ctx, &n, there);
}

static void dump(struct neigh_watch *w)
{
	struct {
		struct nlmsghdr nh;
		struct ndmsg nd;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETNEIGH,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = w->dump + 1}};

	/* one that runs still must end first */
	w->lost = w->dumping || send(w->fd, &ask, sizeof(ask), 0) < 0;
	if (w->lost)
		return;
	w->dumping = true;
	w->dump++;
	w->ops->on_listing(w->ctx, true);
}

static void on_message(struct neigh_watch *w, struct nlmsghdr *nh)
{
	bool ends = nh->nlmsg_type == NLMSG_DONE || nh->nlmsg_type == NLMSG_ERROR;

	if (nh->nlmsg_type == RTM_NEWNEIGH || nh->nlmsg_type == RTM_DELNEIGH)
		on_entry(w, nh);
	if (!ends || !w->dumping || nh->nlmsg_seq != w->dump)
		return;
	w->dumping = false;
	if (nh->nlmsg_type == NLMSG_ERROR)
		w->lost = true;
	else if (!w->lost) /* else what was not listed may be there */
		w->ops->on_listing(w->ctx, false);
}

/* false: nothing more for now. */
static bool read_some(struct neigh_watch *w)
{
	ssize_t n = recv(w->fd, read_buf, sizeof(read_buf), 0);

	if (n < 0 && errno == ENOBUFS)
		w->lost = true;
	if (n < 0)
		return errno == ENOBUFS || errno == EINTR;

	int left = (int)n;

	for (struct nlmsghdr *nh = (struct nlmsghdr *)(void *)read_buf; nlmsg_ok(nh, left);
	     nh = nlmsg_next(nh, &left))
		on_message(w, nh);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct neigh_watch *w = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < READS_MAX && read_some(w); i++)
		;
	if (w->lost && !w->dumping)
		dump(w);
}

static int open_watch(void *arg)
{
	const int groups[] = {RTNLGRP_NEIGH};

	(void)arg;
	return rtnl_listen(NETLINK_ROUTE, groups, ARRAY_LEN(groups));
}

int neigh_watch_new(struct neigh_watch **out, struct netns *ns, const struct net_desired *d,
		    struct event_base *base, const struct neigh_watch_ops *ops, void *ctx)
{
	const int queue = QUEUE_BYTES;
	struct neigh_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	w->ops = ops;
	w->ctx = ctx;
	w->fd = netns_run(ns, open_watch, NULL);
	err = w->fd < 0 ? w->fd : find_legs(ns, d, w->ifindex);
	if (err == 0) {
		/* as long as the kernel lets one have it */
		(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
		w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
		err = w->readable && event_add(w->readable, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (err < 0) {
		neigh_watch_free(w);
		return err;
	}
	dump(w);
	*out = w;
	return 0;
}

void neigh_watch_free(struct neigh_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

/* ---- install ----------------------------------------------------------------------------------
 */

struct install_msg {
	struct nlmsghdr nh;
	struct ndmsg nd;
	uint8_t attr[2 * ATTR_HEAD + 16 + 8];
};

static size_t put_attr(uint8_t *at, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = {.nla_type = type, .nla_len = (uint16_t)(ATTR_HEAD + len)};

	memcpy(at, &a, sizeof(a));
	memcpy(at + ATTR_HEAD, data, len);
	return ATTR_HEAD + (len + 3) / 4 * 4;
}

static size_t build(struct install_msg *m, const struct neigh *n, int ifindex)
{
	size_t len = offsetof(struct install_msg, attr);

	*m = (struct install_msg){
		.nh = {.nlmsg_type = RTM_NEWNEIGH,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE},
		.nd = {.ndm_family = n->addr.family,
		       .ndm_ifindex = ifindex,
		       .ndm_state = NUD_STALE}};
	len += put_attr(m->attr, NDA_DST, n->addr.b, ip_addr_size(&n->addr));
	len += put_attr((uint8_t *)m + len, NDA_LLADDR, n->mac, NEIGH_MAC_LEN);
	m->nh.nlmsg_len = (uint32_t)len;
	return len;
}

/* How many the kernel refused, as far as it has told. */
static int refused(int fd)
{
	uint8_t buf[READ_BYTES] __attribute__((aligned(8)));
	ssize_t n;
	int bad = 0;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		int left = (int)n;

		for (struct nlmsghdr *nh = (struct nlmsghdr *)(void *)buf; nlmsg_ok(nh, left);
		     nh = nlmsg_next(nh, &left))
			bad += nh->nlmsg_type == NLMSG_ERROR;
	}
	return bad;
}

static int install(int fd, const int ifindex[static NET_LEGS_MAX], const struct neigh *list,
		   unsigned n)
{
	static const size_t most = sizeof(struct install_msg);
	uint8_t *buf = malloc(BATCH * most);
	unsigned done = 0;
	int bad = 0, err = buf ? 0 : -ENOMEM;

	while (err == 0 && done < n) {
		size_t len = 0;

		for (unsigned i = 0; i < BATCH && done < n; i++, done++) {
			struct install_msg m;
			size_t one = build(&m, &list[done], ifindex[list[done].leg]);

			memcpy(buf + len, &m, one);
			len += one;
		}
		/* the kernel does it all before it returns */
		if (send(fd, buf, len, 0) < 0)
			err = -errno;
		bad += refused(fd);
	}
	free(buf);
	return err < 0 ? err : (int)n - bad;
}

static int open_plain(void *arg)
{
	(void)arg;
	return rtnl_listen(NETLINK_ROUTE, NULL, 0);
}

int neigh_install(struct netns *ns, const struct net_desired *d, const struct neigh *list,
		  unsigned n)
{
	int ifindex[NET_LEGS_MAX], fd = netns_run(ns, open_plain, NULL);
	int got = fd < 0 ? fd : find_legs(ns, d, ifindex);

	if (got == 0)
		got = install(fd, ifindex, list, n);
	if (fd >= 0)
		close(fd);
	return got;
}
