/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wake-ups from the kernel about links, addresses and routes. A message is never taken for a
 * delta: it only says "look again", and a lost one (ENOBUFS) says the same.
 *
 * A storm on the host's side, with thousands of ports on its bridges, must cost little: after the
 * first message the sockets rest for a while, then what has queued up (bounded by a small receive
 * buffer) is skimmed for the few links that matter. on_change comes at most 20 times a second, so
 * a fight with another program over a setting stays bounded, too. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define SETTLE_MS    5	/* one change makes several messages */
#define INTERVAL_MS  50 /* at least, between two calls of on_change */
#define QUEUE_BYTES  65536
#define MESSAGES_MAX 256 /* more than the queue can hold of the smallest interesting kind */

enum { INSIDE, HOST, SIDES };

struct net_watch {
	struct netns *ns; /* borrowed */
	int fd[SIDES];
	struct event *readable[SIDES], *timer;
	uint64_t called_ms;
	void (*on_change)(void *ctx);
	void *ctx;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The name in a link message, or NULL. */
static const char *link_name(struct nlmsghdr *nh)
{
	const struct nlattr *name;

	if (nh->nlmsg_type != RTM_NEWLINK && nh->nlmsg_type != RTM_DELLINK)
		return NULL;
	name = nlmsg_find_attr(nh, sizeof(struct ifinfomsg), IFLA_IFNAME);
	return name ? nla_data(name) : NULL;
}

static bool matters(const struct net_watch *w, int side, void *buf, int len)
{
	if (side == INSIDE)
		return true;
	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, len); nh = nlmsg_next(nh, &len)) {
		const char *name = link_name(nh);

		for (size_t i = 0; name && i < ARRAY_LEN(w->ns->watched); i++)
			if (strncmp(name, w->ns->watched[i], IFNAMSIZ) == 0)
				return true;
	}
	return false;
}

/* Empties the socket. True: something that matters changed, or perhaps did. */
static bool drain(const struct net_watch *w, int side)
{
	_Alignas(struct nlmsghdr) char buf[16384];
	bool changed = false;

	for (int i = 0; i < MESSAGES_MAX; i++) {
		ssize_t n = recv(w->fd[side], buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return changed;
		if (n <= 0)
			changed = true; /* ENOBUFS: unknown what was lost */
		else if (!changed)
			changed = matters(w, side, buf, (int)n);
	}
	return true;
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
	bool changed = false;

	(void)fd;
	(void)what;
	for (int side = 0; side < SIDES; side++) {
		changed = drain(w, side) || changed;
		event_add(w->readable[side], NULL);
	}
	if (!changed)
		return;
	w->called_ms = now_ms();
	w->on_change(w->ctx); /* last: it may free w */
}

static int open_inside(void *arg)
{
	const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
			      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE};

	(void)arg;
	return rtnl_listen(groups, ARRAY_LEN(groups));
}

/* Addresses and routes of the host are no business of ours. */
static int open_host(void)
{
	const int groups[] = {RTNLGRP_LINK};

	return rtnl_listen(groups, ARRAY_LEN(groups));
}

int net_watch_new(struct net_watch **out, struct netns *ns, struct event_base *base,
		  void (*on_change)(void *ctx), void *ctx)
{
	const int queue = QUEUE_BYTES;
	struct net_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return err;
	*w = (struct net_watch){.ns = ns, .fd = {-1, -1}, .on_change = on_change, .ctx = ctx};
	w->fd[INSIDE] = netns_run(ns, open_inside, NULL);
	w->fd[HOST] = open_host();
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
