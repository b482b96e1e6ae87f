/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wake-ups from the kernel about links, addresses, routes and rules. A message is never taken for a
 * delta: it only says "look again", and a lost one (ENOBUFS) says the same.
 *
 * A storm of messages must cost little: after the first one the sockets rest for a while, then what
 * has queued up (bounded by a small receive buffer) is read. on_change comes at most 20 times a
 * second, so a fight with another program over a setting stays bounded, too. The host's side is one
 * for all routers (host.c).
 *
 * Of the rules only those of our table matter, and who changed them. The kernel tells of each
 * transaction first what is in it, then its number; the numbers of our own are known (nat.c). */
#include "watch.h"

#include <errno.h>
#include <stddef.h>
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

enum { INSIDE, RULES, SIDES };

struct net_watch {
	struct netns *ns; /* borrowed */
	int fd[SIDES];
	struct event *readable[SIDES], *timer;
	uint64_t called_ms;
	struct net_host *host;	      /* borrowed */
	struct host_client host_side; /* of this router */
	struct net_news told;	      /* by it, since the last on_change */
	bool touched; /* RULES: our table, by the transaction whose number is yet to come */
	void (*on_change)(void *ctx, const struct net_news *news);
	void *ctx;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
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

static void rest(struct net_watch *w, uint64_t settle_ms)
{
	uint64_t now = now_ms(), due = now + settle_ms, next = w->called_ms + INTERVAL_MS;
	struct timeval tv;

	if (due < next)
		due = next;
	tv = (struct timeval){.tv_usec = (suseconds_t)(due - now) * 1000};
	for (int side = 0; side < SIDES; side++)
		event_del(w->readable[side]);
	event_add(w->timer, &tv);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	rest(arg, SETTLE_MS);
}

/* It has settled there. */
static void on_host(struct host_client *c, const struct net_news *news)
{
	struct net_watch *w = (void *)((char *)c - offsetof(struct net_watch, host_side));

	w->told.net = w->told.net || news->net;
	w->told.looks = w->told.looks || news->looks;
	rest(w, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct net_watch *w = arg;
	struct net_news news = w->told;

	(void)fd;
	(void)what;
	w->told = (struct net_news){.net = false};
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

int net_watch_new(struct net_watch **out, struct netns *ns, struct event_base *base,
		  struct net_host *host, void (*on_change)(void *ctx, const struct net_news *news),
		  void *ctx)
{
	const int queue = QUEUE_BYTES;
	struct net_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	*w = (struct net_watch){.ns = ns,
				.fd = {-1, -1},
				.host = host,
				.host_side = {.ns = ns, .on_news = on_host},
				.on_change = on_change,
				.ctx = ctx};
	host_join(host, &w->host_side);
	w->fd[INSIDE] = netns_run(ns, open_inside, NULL);
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
	w->host_side.look = looks;
	w->host_side.n_looks = n;
	host_looks_changed(w->host);
}

void net_watch_free(struct net_watch *w)
{
	if (!w)
		return;
	host_leave(w->host, &w->host_side);
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
