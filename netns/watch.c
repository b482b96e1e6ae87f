/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wake-ups from the kernel about links, addresses, routes and rules. A message is never taken for a
 * delta: it only says "look again", and a lost one (ENOBUFS) says the same.
 *
 * A storm on the host's side, with thousands of ports on its bridges, must cost little: after the
 * first message the sockets rest for a while, then what has queued up (bounded by a small receive
 * buffer) is skimmed for the few links and routes that matter. on_change comes at most 20 times a
 * second, so a fight with another program over a setting stays bounded, too.
 *
 * Of the rules only those of our table matter, and who changed them. The kernel tells of each
 * transaction first what is in it, then its number; the numbers of our own are known (nat.c). */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>
#include <linux/if_addr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define SETTLE_MS    5	/* one change makes several messages */
#define INTERVAL_MS  50 /* at least, between two calls of on_change */
#define QUEUE_BYTES  65536
#define MESSAGES_MAX 256 /* more than the queue can hold of the smallest interesting kind */
#define TABLE_NAME   (&NAT_TABLE[5]) /* without its family */

enum { INSIDE, HOST, RULES, SIDES };

struct net_watch {
	struct netns *ns; /* borrowed */
	int fd[SIDES];
	struct event *readable[SIDES], *timer;
	uint64_t called_ms;
	const struct net_look *look; /* borrowed */
	unsigned n_looks;
	bool host_routes; /* the host's socket listens to routes */
	bool touched;	  /* RULES: our table, by the transaction whose number is yet to come */
	void (*on_change)(void *ctx, const struct net_news *news);
	void *ctx;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the host's side --------------------------------------------------------------------------
 */

static void on_host_link(const struct net_watch *w, struct nlmsghdr *nh, struct net_news *news)
{
	const struct nlattr *attr = nlmsg_find_attr(nh, sizeof(struct ifinfomsg), IFLA_IFNAME);
	const char *name = attr ? nla_data(attr) : NULL;

	for (size_t i = 0; name && i < ARRAY_LEN(w->ns->watched); i++)
		news->net = news->net || strncmp(name, w->ns->watched[i], IFNAMSIZ) == 0;
	for (unsigned i = 0; name && i < w->n_looks; i++)
		news->looks =
			news->looks ||
			(w->look[i].host && strncmp(name, w->look[i].ifname, IFNAMSIZ) == 0) ||
			strncmp(name, w->look[i].bridge, IFNAMSIZ) == 0;
}

static void on_host_route(const struct net_watch *w, struct nlmsghdr *nh, struct net_news *news)
{
	const struct rtmsg *rt = nlmsg_data(nh);

	if (nlmsg_datalen(nh) < (int)sizeof(*rt))
		return;
	for (unsigned i = 0; i < w->n_looks; i++)
		if (w->look[i].host && w->look[i].kind == NET_LOOK_ROUTE &&
		    w->look[i].dst.len == rt->rtm_dst_len &&
		    w->look[i].dst.addr.family == rt->rtm_family)
			news->looks = true;
}

/* The host link's own. */
static void on_host_addr(const struct net_watch *w, struct nlmsghdr *nh, struct net_news *news)
{
	const struct ifaddrmsg *ifa = nlmsg_data(nh);

	if (nlmsg_datalen(nh) >= (int)sizeof(*ifa) && w->ns->link_ifindex &&
	    ifa->ifa_index == w->ns->link_ifindex)
		news->net = true;
}

static void on_host(struct net_watch *w, struct nlmsghdr *nh, struct net_news *news)
{
	if (nh->nlmsg_type == RTM_NEWADDR || nh->nlmsg_type == RTM_DELADDR)
		on_host_addr(w, nh, news);
	if (nh->nlmsg_type == RTM_NEWLINK || nh->nlmsg_type == RTM_DELLINK)
		on_host_link(w, nh, news);
	if (nh->nlmsg_type == RTM_NEWROUTE || nh->nlmsg_type == RTM_DELROUTE)
		on_host_route(w, nh, news);
}

/* ---- rules ------------------------------------------------------------------------------------
 */

const char *ns_family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	}
	return "";
}

/* Of the operator's file only that a table goes: what happens inside of it is the operator's. */
static bool concerns_us(const struct netns *ns, unsigned message, uint8_t family, const char *table)
{
	struct nft_table t;

	if (family == NFPROTO_INET && strcmp(table, TABLE_NAME) == 0)
		return true;
	if (message != NFT_MSG_DELTABLE || !ns->file)
		return false;
	snprintf(t.family, sizeof(t.family), "%s", ns_family_name(family));
	snprintf(t.name, sizeof(t.name), "%s", table);
	return nft_tables_have(&ns->file->tables, &t);
}

static void on_rules(struct net_watch *w, struct nlmsghdr *nh, struct net_news *news)
{
	struct rules_event e;

	if (!rules_event(&e, nh))
		return;
	if (!e.ends) {
		w->touched = w->touched || concerns_us(w->ns, e.message, e.family, e.table);
		return;
	}
	if (w->touched && !rules_is_own(&w->ns->own, e.number)) {
		news->rules = true;
		if (e.by[0])
			memcpy(news->by, e.by, sizeof(news->by));
	}
	w->touched = false;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* Unknown what was lost. */
static void lost(struct net_watch *w, int side, struct net_news *news)
{
	if (side == RULES) {
		news->rules = true;
		w->touched = false;
	} else {
		news->net = news->looks = true;
	}
}

static void take(struct net_watch *w, int side, void *buf, int len, struct net_news *news)
{
	if (side == INSIDE)
		news->net = news->looks = true;
	for (struct nlmsghdr *nh = buf; side != INSIDE && nlmsg_ok(nh, len);
	     nh = nlmsg_next(nh, &len)) {
		if (side == HOST)
			on_host(w, nh, news);
		else
			on_rules(w, nh, news);
	}
}

/* Empties the socket. */
static void drain(struct net_watch *w, int side, struct net_news *news)
{
	_Alignas(struct nlmsghdr) char buf[16384];

	for (int i = 0; i < MESSAGES_MAX; i++) {
		ssize_t n = recv(w->fd[side], buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			lost(w, side, news);
		else
			take(w, side, buf, (int)n, news);
	}
	lost(w, side, news);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_watch *w = arg;
	uint64_t now = now_ms(), due = now + SETTLE_MS, next = w->called_ms + INTERVAL_MS;
	struct timeval tv;

	(void)fd;
	(void)what;
	if (due < next)
		due = next;
	tv = (struct timeval){.tv_usec = (suseconds_t)(due - now) * 1000};
	for (int side = 0; side < SIDES; side++)
		event_del(w->readable[side]);
	event_add(w->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct net_watch *w = arg;
	struct net_news news = {.net = false};

	(void)fd;
	(void)what;
	for (int side = 0; side < SIDES; side++) {
		drain(w, side, &news);
		event_add(w->readable[side], NULL);
	}
	if (!news.net && !news.looks && !news.rules)
		return;
	w->called_ms = now_ms();
	w->on_change(w->ctx, &news); /* last: it may free w */
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static int open_inside(void *arg)
{
	const int groups[] = {RTNLGRP_LINK,	   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
			      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,	RTNLGRP_IPV4_RULE,
			      RTNLGRP_IPV6_RULE};

	(void)arg;
	return rtnl_listen(NETLINK_ROUTE, groups, ARRAY_LEN(groups));
}

static int open_rules(void *arg)
{
	(void)arg;
	return rules_listen();
}

/* Of addresses there, only the host link's matter; routes only if something looks at one. */
static int open_host(void)
{
	const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};

	return rtnl_listen(NETLINK_ROUTE, groups, ARRAY_LEN(groups));
}

int net_watch_new(struct net_watch **out, struct netns *ns, struct event_base *base,
		  void (*on_change)(void *ctx, const struct net_news *news), void *ctx)
{
	const int queue = QUEUE_BYTES;
	struct net_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	*w = (struct net_watch){.ns = ns, .fd = {-1, -1, -1}, .on_change = on_change, .ctx = ctx};
	w->fd[INSIDE] = netns_run(ns, open_inside, NULL);
	w->fd[HOST] = open_host();
	w->fd[RULES] = netns_run(ns, open_rules, NULL);
	w->timer = event_new(base, -1, 0, on_timer, w);
	if (!w->timer)
		goto fail;
	for (int side = 0; side < SIDES; side++) {
		if (w->fd[side] < 0) {
			err = w->fd[side];
			goto fail;
		}
		(void)setsockopt(w->fd[side], SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
		w->readable[side] =
			event_new(base, w->fd[side], EV_READ | EV_PERSIST, on_readable, w);
		if (!w->readable[side] || event_add(w->readable[side], NULL) < 0)
			goto fail;
	}
	*out = w;
	return 0;
fail:
	net_watch_free(w);
	return err;
}

void net_watch_looks(struct net_watch *w, const struct net_look *looks, unsigned n)
{
	static const int groups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	bool routes = false;

	w->look = looks;
	w->n_looks = n;
	for (unsigned i = 0; i < n; i++)
		routes = routes || (looks[i].host && looks[i].kind == NET_LOOK_ROUTE);
	if (routes == w->host_routes)
		return;
	w->host_routes = routes;
	/* without it a route that goes is noticed when it is next looked at */
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		(void)setsockopt(w->fd[HOST], SOL_NETLINK,
				 routes ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
				 &groups[i], sizeof(groups[i]));
}

void net_watch_free(struct net_watch *w)
{
	if (!w)
		return;
	for (int side = 0; side < SIDES; side++) {
		if (w->readable[side])
			event_free(w->readable[side]);
		if (w->fd[side] >= 0)
			close(w->fd[side]);
	}
	if (w->timer)
		event_free(w->timer);
	free(w);
}
