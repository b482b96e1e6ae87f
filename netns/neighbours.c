/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's neighbours of the legs: a dump, and what changes after it (hub.c). A dump is read at
 * one go, so nothing in it is older than a change that was taken before; one that is taken behind
 * it and is older is followed by all that came after it. Installing is a few large writes without
 * acknowledgements: the kernel answers only what it refuses. */
#include "rtnl.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>

#define READ_BYTES 32768 /* more than the kernel puts into one message of a dump */
#define READS_MAX  256	 /* of a dump: some 70,000 entries */
#define AGAIN_MS   1000	 /* when a dump did not come to its end */
#define BATCH	   256	 /* entries of one write */
#define ATTR_HEAD  sizeof(struct nlattr)
#define USABLE	   (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

struct neigh_watch {
	struct hub_client client;
	struct netns *ns; /* borrowed, as the host is */
	struct net_host *host;
	int ifindex[NET_LEGS_MAX]; /* 0: none */
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

/* 1: that was all, 0: more is to come, or -errno. */
static int take_dump(struct neigh_watch *w, int fd)
{
	ssize_t n = recv(fd, read_buf, sizeof(read_buf), 0);
	int left = (int)n;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (struct nlmsghdr *nh = (struct nlmsghdr *)(void *)read_buf; nlmsg_ok(nh, left);
	     nh = nlmsg_next(nh, &left)) {
		if (nh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nh->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (nh->nlmsg_type == RTM_NEWNEIGH)
			on_entry(w, nh);
	}
	return 0;
}

static int open_plain(void *arg)
{
	(void)arg;
	return rtnl_listen(NETLINK_ROUTE, NULL, 0);
}

/* What is not in it is not there any more, so one that is not whole says nothing about that. The
 * kernel makes the next part within the call that reads one, so nothing waits. */
static int dump(struct neigh_watch *w)
{
	const struct {
		struct nlmsghdr nh;
		struct ndmsg nd;
	} ask = {.nh = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETNEIGH,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	auto_fd int fd = netns_run(w->ns, open_plain, NULL);
	int end = 0;

	if (fd < 0)
		return fd;
	if (send(fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	w->ops->on_listing(w->ctx, true);
	for (unsigned i = 0; end == 0 && i < READS_MAX; i++)
		end = take_dump(w, fd);
	if (end == 1)
		w->ops->on_listing(w->ctx, false);
	return end == 1 ? 0 : end < 0 ? end : -E2BIG;
}

static struct neigh_watch *of_client(struct hub_client *c)
{
	return (void *)((char *)c - offsetof(struct neigh_watch, client));
}

static void serve(struct hub_client *c)
{
	if (dump(of_client(c)) < 0)
		hub_due(host_hub(of_client(c)->host), c, AGAIN_MS);
}

static void on_message(struct hub_client *c, enum hub_side side, struct nlmsghdr *nh)
{
	(void)side;
	if (!nh)
		hub_due(host_hub(of_client(c)->host), c, 0);
	else if (nh->nlmsg_type == RTM_NEWNEIGH || nh->nlmsg_type == RTM_DELNEIGH)
		on_entry(of_client(c), nh);
}

int neigh_watch_new(struct neigh_watch **out, struct netns *ns, const struct net_desired *d,
		    struct net_host *host, const struct neigh_watch_ops *ops, void *ctx)
{
	struct neigh_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	*w = (struct neigh_watch){
		.client = {.hears = 1u << HUB_NEIGH, .on_message = on_message, .serve = serve},
		.ns = ns,
		.host = host,
		.ops = ops,
		.ctx = ctx};
	err = find_legs(ns, d, w->ifindex);
	if (err == 0)
		err = hub_join(host_hub(host), &w->client, ns);
	if (err == 0)
		err = dump(w); /* behind it, so nothing is between the two */
	if (err < 0) {
		neigh_watch_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void neigh_watch_free(struct neigh_watch *w)
{
	if (!w)
		return;
	hub_leave(host_hub(w->host), &w->client);
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
