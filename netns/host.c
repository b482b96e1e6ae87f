/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One socket for the links and addresses (and routes, where something looks at one) of the host's
 * side, for all routers: with one for each, a link that a router makes would be told to every other
 * one, and a thousand routers read two million messages at the start.
 *
 * What queued up is skimmed for names first; then each router's few names are looked up among
 * these. So a message costs nothing per router, and a round of messages one look at each. */
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define SETTLE_MS    5	/* one change makes several messages */
#define INTERVAL_MS  50 /* at least, between two rounds */
#define QUEUE_BYTES  (1 << 20)
#define MESSAGES_MAX 4096 /* of a round */
#define SLOTS	     1024 /* a power of two */
#define NAMES_MAX    512
#define ADDRS_MAX    64

/* What a round of messages was about. */
struct round {
	char name[SLOTS][IFNAMSIZ]; /* an open hash; empty: free */
	unsigned n;
	bool lost;		       /* everything may have changed */
	bool route[NET_FAMILIES][129]; /* by the length of the prefix */
	bool any_route;
	unsigned addr[ADDRS_MAX], n_addrs; /* of these interfaces */
};

struct net_host {
	struct hub *hub;
	int fd;
	struct event *readable, *timer;
	uint64_t called_ms;
	struct host_client *clients;
	bool routes; /* the socket listens to them */
	struct round round;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- names ------------------------------------------------------------------------------------
 */

/* Its slot, or the free one where it belongs. There is always a free one. FNV-1a. */
static char *slot_of(struct round *r, const char *name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < IFNAMSIZ && name[i]; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	while (r->name[h % SLOTS][0] && strncmp(r->name[h % SLOTS], name, IFNAMSIZ) != 0)
		h++;
	return r->name[h % SLOTS];
}

static void note_name(struct round *r, const char *name)
{
	char *slot = slot_of(r, name);

	if (!name[0] || slot[0])
		return;
	if (r->n == NAMES_MAX) {
		r->lost = true;
		return;
	}
	snprintf(slot, IFNAMSIZ, "%.15s", name);
	r->n++;
}

static bool has_name(struct round *r, const char *name)
{
	return name[0] && slot_of(r, name)[0];
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void on_link(struct round *r, struct nlmsghdr *nh)
{
	const struct nlattr *attr = nlmsg_find_attr(nh, sizeof(struct ifinfomsg), IFLA_IFNAME);

	if (attr && nla_len(attr) && !((const char *)nla_data(attr))[nla_len(attr) - 1])
		note_name(r, nla_data(attr));
}

static void on_route(struct round *r, struct nlmsghdr *nh)
{
	const struct rtmsg *rt = nlmsg_data(nh);

	if (nlmsg_datalen(nh) < (int)sizeof(*rt) || rt->rtm_dst_len > 128)
		return;
	r->any_route = true;
	r->route[rt->rtm_family == AF_INET6 ? NET_V6 : NET_V4][rt->rtm_dst_len] = true;
}

static void on_addr(struct round *r, struct nlmsghdr *nh)
{
	const struct ifaddrmsg *ifa = nlmsg_data(nh);

	if (nlmsg_datalen(nh) < (int)sizeof(*ifa))
		return;
	if (r->n_addrs == ADDRS_MAX)
		r->lost = true;
	else
		r->addr[r->n_addrs++] = ifa->ifa_index;
}

static void skim(struct round *r, void *buf, int len)
{
	for (struct nlmsghdr *nh = buf; nlmsg_ok(nh, len); nh = nlmsg_next(nh, &len)) {
		if (nh->nlmsg_type == RTM_NEWLINK || nh->nlmsg_type == RTM_DELLINK)
			on_link(r, nh);
		else if (nh->nlmsg_type == RTM_NEWROUTE || nh->nlmsg_type == RTM_DELROUTE)
			on_route(r, nh);
		else if (nh->nlmsg_type == RTM_NEWADDR || nh->nlmsg_type == RTM_DELADDR)
			on_addr(r, nh);
	}
}

static void drain(struct net_host *h)
{
	_Alignas(struct nlmsghdr) char buf[16384];

	memset(&h->round, 0, sizeof(h->round));
	for (int i = 0; i < MESSAGES_MAX; i++) {
		ssize_t n = recv(h->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			h->round.lost = true;
		else
			skim(&h->round, buf, (int)n);
	}
	h->round.lost = true;
}

/* ---- who it matters to ------------------------------------------------------------------------
 */

static bool concerns(struct round *r, const struct net_look *l)
{
	if (l->host && l->kind == NET_LOOK_ROUTE)
		return r->route[l->dst.addr.family == AF_INET6 ? NET_V6 : NET_V4][l->dst.len];
	return (l->host && has_name(r, l->ifname)) || has_name(r, l->bridge);
}

static void tell(struct round *r, struct host_client *c)
{
	struct net_news news = {.net = r->lost, .looks = r->lost};

	for (size_t i = 0; !news.net && r->n && i < ARRAY_LEN(c->ns->watched); i++)
		news.net = has_name(r, c->ns->watched[i]);
	for (unsigned i = 0; !news.net && i < r->n_addrs; i++)
		news.net = r->addr[i] == c->ns->link_ifindex;
	for (unsigned i = 0; !news.looks && i < c->n_looks; i++)
		news.looks = concerns(r, &c->look[i]);
	if (news.net || news.looks)
		c->on_news(c, &news);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_host *h = arg;
	uint64_t now = now_ms(), due = now + SETTLE_MS, next = h->called_ms + INTERVAL_MS;
	struct timeval tv;

	(void)fd;
	(void)what;
	if (due < next)
		due = next;
	tv = (struct timeval){.tv_usec = (suseconds_t)(due - now) * 1000};
	event_del(h->readable);
	event_add(h->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct net_host *h = arg;
	struct round *r = &h->round;

	(void)fd;
	(void)what;
	drain(h);
	event_add(h->readable, NULL);
	h->called_ms = now_ms();
	if (!r->n && !r->lost && !r->any_route && !r->n_addrs)
		return;
	for (struct host_client *c = h->clients; c; c = c->next)
		tell(r, c);
}

/* ---- clients ----------------------------------------------------------------------------------
 */

struct hub *host_hub(struct net_host *h)
{
	return h->hub;
}

void host_join(struct net_host *h, struct host_client *c)
{
	c->prev = NULL;
	c->next = h->clients;
	if (c->next)
		c->next->prev = c;
	h->clients = c;
}

void host_leave(struct net_host *h, struct host_client *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		h->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	host_looks_changed(h);
}

static bool looks_at_routes(const struct host_client *c)
{
	for (unsigned i = 0; i < c->n_looks; i++)
		if (c->look[i].host && c->look[i].kind == NET_LOOK_ROUTE)
			return true;
	return false;
}

/* Of addresses there, only a host link's matter; routes only if something looks at one. */
void host_looks_changed(struct net_host *h)
{
	static const int groups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	const struct host_client *c = h->clients;

	while (c && !looks_at_routes(c))
		c = c->next;
	if ((c != NULL) == h->routes)
		return;
	h->routes = c != NULL;
	/* without it a route that goes is noticed when it is next looked at */
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		(void)setsockopt(h->fd, SOL_NETLINK,
				 h->routes ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
				 &groups[i], sizeof(groups[i]));
}

/* ---- owner's calls ----------------------------------------------------------------------------
 */

int net_host_new(struct net_host **out, struct event_base *base)
{
	const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};
	const int queue = QUEUE_BYTES;
	struct net_host *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->fd = rtnl_listen(NETLINK_ROUTE, groups, ARRAY_LEN(groups));
	err = h->fd < 0 ? h->fd : hub_new(&h->hub, base);
	if (err < 0) {
		net_host_free(h);
		return err;
	}
	if (setsockopt(h->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void)setsockopt(h->fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	h->readable = event_new(base, h->fd, EV_READ | EV_PERSIST, on_readable, h);
	h->timer = event_new(base, -1, 0, on_timer, h);
	if (!h->readable || !h->timer || event_add(h->readable, NULL) < 0) {
		net_host_free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

void net_host_free(struct net_host *h)
{
	if (!h)
		return;
	if (h->readable)
		event_free(h->readable);
	if (h->timer)
		event_free(h->timer);
	if (h->fd >= 0)
		close(h->fd);
	hub_free(h->hub);
	free(h);
}

const struct net_heard *net_host_heard(const struct net_host *h)
{
	return hub_heard(h->hub);
}
