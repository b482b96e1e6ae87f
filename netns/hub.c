/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For each message about an address or a route the kernel goes through all sockets of the host that
 * listen to anything of the kind, in whatever namespace, 0.1 us for each. With one of each router's
 * own a thousand routers spent a third of a failover on that. So there is one set of sockets for
 * all (NETLINK_LISTEN_ALL_NSID, netlink(7)): each message says which namespace it is from, by the
 * number that this has in the one where the socket is. That is one of the hub's own, where nothing
 * is and nobody else has a number, so what happens on the controller and in containers is not even
 * queued.
 *
 * A namespace in which much happens costs the others little: a message is a look at its number, and
 * reading takes turns with the rest of the loop. What follows from messages takes a queue, each
 * client at most 20 times a second, and all together a share of the time. When the kernel drops
 * messages all the same, everything may have changed everywhere: all clients take that queue.
 *
 * The kernel finds a number by going through all that there are, twice for each message: with a
 * thousand routers that is more than it takes to set an address. While routers are changed by
 * ourselves one after the other, as when many are promoted, the socket listens to nothing; then
 * everything is looked at. */
#include "hub.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/event.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "vrouter/log.h"

#define REST_MS	      5	 /* one change makes several messages */
#define INTERVAL_MS   50 /* at least, between two turns of a client */
#define TURN_US	      3000
#define ROOM_US	      20000 /* of serving at once; more comes back as a share of the time */
#define SHARE	      4	    /* one part of so many */
#define MESSAGES_TURN 1024  /* of one side, before others have their turn */
#define QUEUE_BYTES   (8 << 20)
#define CROWD	      8 /* own changes, each so soon after the one before: many routers are changed */
#define CROWD_MS      20
#define CALM_MS	      300
#define DEAF_MAX_MS   2000
#define READ_BYTES    16384
#define SLOTS	      256

struct hub {
	struct event_base *base;
	int ask; /* a route socket for requests */
	struct hub_ear {
		struct hub *hub;
		int fd;
		struct event *readable;
	} ear[HUB_SIDES];
	struct event *reading, *serving, *calm;
	uint64_t own_ms, deaf_ms; /* of the last own change; since when it listens to nothing */
	bool deaf;
	struct hub_client *slot[SLOTS];
	struct hub_client *first, *last; /* that are due */
	unsigned crowd;			 /* own changes in a row */
	int last_id;
	int64_t room_us;
	uint64_t room_at_us, serving_us;
	struct net_heard heard;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void arm(struct event *timer, uint64_t us)
{
	const struct timeval tv = {.tv_sec = (time_t)(us / 1000000),
				   .tv_usec = (suseconds_t)(us % 1000000)};

	event_add(timer, &tv);
}

/* ---- the queue --------------------------------------------------------------------------------
 */

static void dequeue(struct hub *h, struct hub_client *c)
{
	if (!c->waits)
		return;
	if (c->prev_due)
		c->prev_due->next_due = c->next_due;
	else
		h->first = c->next_due;
	if (c->next_due)
		c->next_due->prev_due = c->prev_due;
	else
		h->last = c->prev_due;
	c->waits = false;
}

static void enqueue(struct hub *h, struct hub_client *c)
{
	c->next_due = NULL;
	c->prev_due = h->last;
	if (c->prev_due)
		c->prev_due->next_due = c;
	else
		h->first = c;
	h->last = c;
	c->waits = true;
}

static void refill(struct hub *h, uint64_t now)
{
	uint64_t passed = now - h->room_at_us;

	h->room_at_us = now;
	if (passed > (uint64_t)SHARE * 2 * ROOM_US)
		passed = (uint64_t)SHARE * 2 * ROOM_US;
	h->room_us += (int64_t)passed / SHARE;
	if (h->room_us > ROOM_US)
		h->room_us = ROOM_US;
}

/* NULL: nobody's turn has come; *wait_ms until it has, UINT64_MAX: nobody waits. */
static struct hub_client *due_now(const struct hub *h, uint64_t now_ms, uint64_t *wait_ms)
{
	*wait_ms = UINT64_MAX;
	for (struct hub_client *c = h->first; c; c = c->next_due) {
		if (c->due_ms <= now_ms)
			return c;
		if (c->due_ms - now_ms < *wait_ms)
			*wait_ms = c->due_ms - now_ms;
	}
	return NULL;
}

static void arm_serving(struct hub *h, uint64_t due_us)
{
	uint64_t now = now_us();

	h->serving_us = due_us;
	arm(h->serving, due_us > now ? due_us - now : 0);
}

static void serve_next(struct hub *h)
{
	uint64_t now = now_us(), wait_ms;
	struct hub_client *c = due_now(h, now / 1000, &wait_ms);

	if (c && h->room_us > 0)
		arm_serving(h, now);
	else if (c)
		arm_serving(h, now + (uint64_t)(1 - h->room_us) * SHARE);
	else if (wait_ms != UINT64_MAX)
		arm_serving(h, now + wait_ms * 1000);
}

static void on_serving(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	uint64_t began = now_us(), now = began, wait_ms;
	struct hub_client *c;

	(void)fd;
	(void)what;
	refill(h, now);
	while (now - began < TURN_US && h->room_us > 0 && (c = due_now(h, now / 1000, &wait_ms))) {
		uint64_t since = now;

		dequeue(h, c);
		c->served_ms = now / 1000;
		h->heard.served++;
		c->serve(c);
		now = now_us();
		/* who stood still meanwhile did not work for so long */
		h->room_us -= now - since < ROOM_US ? (int64_t)(now - since) : ROOM_US;
	}
	serve_next(h);
}

void hub_due(struct hub *h, struct hub_client *c, uint64_t settle_ms)
{
	uint64_t due = now_us() / 1000 + settle_ms, next = c->served_ms + INTERVAL_MS;

	if (due < next)
		due = next;
	if (c->waits && due >= c->due_ms)
		return;
	c->due_ms = due;
	if (!c->waits)
		enqueue(h, c);
	if (!event_pending(h->serving, EV_TIMEOUT, NULL) || due * 1000 < h->serving_us)
		arm_serving(h, due * 1000);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static struct hub_client **slot_of(struct hub *h, int id)
{
	return &h->slot[(unsigned)id % SLOTS];
}

static void all_lost(struct hub *h, enum hub_side side)
{
	for (unsigned i = 0; i < SLOTS; i++)
		for (struct hub_client *c = h->slot[i]; c; c = c->next)
			if (c->hears & 1u << side)
				c->on_message(c, side, NULL);
}

static void lost(struct hub *h, enum hub_side side)
{
	if (!h->heard.overflows++)
		log_warn("network", NULL,
			 "the kernel dropped messages about routers' networks: more happens there "
			 "than is read; all routers are looked at (further times are counted)");
	all_lost(h, side);
}

/* The number of the namespace that it is from; 0: none of a router. */
static int from(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
			int id;

			memcpy(&id, CMSG_DATA(c), sizeof(id));
			return id;
		}
	return 0;
}

static void take(struct hub *h, enum hub_side side, int id, void *buf, int len)
{
	unsigned of = 0;

	h->heard.messages++;
	for (struct hub_client *c = id > 0 ? *slot_of(h, id) : NULL; c; c = c->next) {
		int left = len;

		if (c->id != id)
			continue;
		of++;
		for (struct nlmsghdr *nh = buf; (c->hears & 1u << side) && nlmsg_ok(nh, left);
		     nh = nlmsg_next(nh, &left))
			c->on_message(c, side, nh);
	}
	h->heard.foreign += !of;
}

/* 1: it was taken, 0: there is nothing more. */
static int read_one(struct hub *h, enum hub_side side)
{
	static _Alignas(
		struct nlmsghdr) char buf[READ_BYTES]; /* one for all: nothing stays in it */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(h->ear[side].fd, &m, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		lost(h, side);
	else
		take(h, side, from(&m), buf, (int)n);
	return 1;
}

/* false: there is more. */
static bool read_some(struct hub *h, enum hub_side side)
{
	for (unsigned i = 0; i < MESSAGES_TURN; i++)
		if (!read_one(h, side))
			return true;
	return false;
}

void hub_read(struct hub *h, enum hub_side side)
{
	(void)read_some(h, side);
}

static void on_reading(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	bool more = false;

	(void)fd;
	(void)what;
	for (unsigned side = 0; side < HUB_SIDES; side++)
		more = !read_some(h, side) || more;
	for (unsigned side = 0; !more && side < HUB_SIDES; side++)
		event_add(h->ear[side].readable, NULL);
	if (more)
		arm(h->reading, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = ((struct hub_ear *)arg)->hub;

	(void)fd;
	(void)what;
	for (unsigned side = 0; side < HUB_SIDES; side++)
		event_del(h->ear[side].readable);
	arm(h->reading, REST_MS * 1000);
}

/* ---- own changes ------------------------------------------------------------------------------
 */

static const int net_groups[] = {RTNLGRP_LINK,	      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
				 RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
				 RTNLGRP_IPV6_RULE};

/* 0 or -errno */
static int set_membership(struct hub *h, int option)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(net_groups); i++)
		if (setsockopt(h->ear[HUB_NET].fd, SOL_NETLINK, option, &net_groups[i],
			       sizeof(net_groups[i])) < 0)
			err = -errno;
	return err;
}

void hub_own(struct hub *h)
{
	uint64_t now = now_us() / 1000;

	h->crowd = now - h->own_ms < CROWD_MS ? h->crowd + 1 : 0;
	if (!h->deaf && h->crowd >= CROWD) {
		h->deaf = true;
		h->deaf_ms = now;
		(void)set_membership(h, NETLINK_DROP_MEMBERSHIP);
		arm(h->calm, CALM_MS * 1000);
	}
	h->own_ms = now;
}

static void on_calm(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	uint64_t now = now_us() / 1000;

	(void)fd;
	(void)what;
	if ((now - h->own_ms < CALM_MS && now - h->deaf_ms < DEAF_MAX_MS) ||
	    set_membership(h, NETLINK_ADD_MEMBERSHIP) < 0) {
		arm(h->calm, CALM_MS * 1000);
		return;
	}
	h->deaf = false;
	h->crowd = 0;
	h->heard.deaf++;
	all_lost(h, HUB_NET);
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

struct nsid_msg {
	struct nlmsghdr nh;
	struct rtgenmsg g;
	uint8_t pad[3];
	struct nlattr fd_head;
	uint32_t fd;
	struct nlattr id_head;
	int32_t id;
};

/* Of RTM_GETNSID, the number; of RTM_NEWNSID 0; or -errno. */
static int ask(int sock, uint16_t type, int ns, int id)
{
	_Alignas(struct nlmsghdr) char buf[1024];
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	const bool gives = type == RTM_NEWNSID;
	const uint32_t len = gives ? sizeof(struct nsid_msg) : offsetof(struct nsid_msg, id_head);
	const struct nsid_msg m = {
		.nh = {.nlmsg_len = len,
		       .nlmsg_type = type,
		       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | (gives ? NLM_F_ACK : 0))},
		.fd_head = {.nla_len = sizeof(struct nlattr) + 4, .nla_type = NETNSA_FD},
		.fd = (uint32_t)ns,
		.id_head = {.nla_len = sizeof(struct nlattr) + 4, .nla_type = NETNSA_NSID},
		.id = id};
	const struct nlattr *a;
	ssize_t n;

	/* the kernel answers within the call */
	if (send(sock, &m, len, 0) < 0 || (n = recv(sock, buf, sizeof(buf), 0)) < 0)
		return -errno;
	if (!nlmsg_ok(nh, (int)n))
		return -EPROTO;
	if (nh->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)nlmsg_data(nh))->error;
	a = nlmsg_find_attr(nh, sizeof(struct rtgenmsg), NETNSA_NSID);
	if (!a || nla_len(a) != sizeof(id))
		return -EPROTO;
	memcpy(&id, nla_data(a), sizeof(id));
	return id;
}

/* No number is given twice: what is still queued of one that is gone is nobody's. A namespace that
 * stays has its number for as long as the hub is there. */
static int number(struct hub *h, int ns)
{
	int err = ask(h->ask, RTM_NEWNSID, ns, h->last_id + 1);

	if (err == -EEXIST)
		return ask(h->ask, RTM_GETNSID, ns, 0);
	return err < 0 ? err : ++h->last_id;
}

int hub_join(struct hub *h, struct hub_client *c, struct netns *ns)
{
	struct hub_client **slot;
	int id = number(h, netns_fd(ns));

	if (id <= 0)
		return id < 0 ? id : -EPROTO;
	slot = slot_of(h, id);
	c->id = id;
	c->waits = false;
	c->served_ms = 0;
	c->prev = NULL;
	c->next = *slot;
	if (c->next)
		c->next->prev = c;
	*slot = c;
	return 0;
}

void hub_leave(struct hub *h, struct hub_client *c)
{
	if (!c->id)
		return;
	dequeue(h, c);
	if (c->prev)
		c->prev->next = c->next;
	else
		*slot_of(h, c->id) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->id = 0;
}

const struct net_heard *hub_heard(const struct hub *h)
{
	return &h->heard;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

static int listen_all(int protocol, const int *groups, size_t n)
{
	const int queue = QUEUE_BYTES, on = 1;
	int fd = rtnl_listen(protocol, groups, n), err = 0;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	return fd;
}

/* In a namespace that is the hub's own for as long as these sockets are open. */
static int open_sockets(void *arg)
{
	static const int rules[] = {NFNLGRP_NFTABLES}, neigh[] = {RTNLGRP_NEIGH};
	struct hub *h = arg;

	h->ask = rtnl_listen(NETLINK_ROUTE, NULL, 0);
	if (h->ask < 0)
		return h->ask;
	h->ear[HUB_NET].fd = listen_all(NETLINK_ROUTE, net_groups, ARRAY_LEN(net_groups));
	h->ear[HUB_RULES].fd = listen_all(NETLINK_NETFILTER, rules, ARRAY_LEN(rules));
	h->ear[HUB_NEIGH].fd = listen_all(NETLINK_ROUTE, neigh, ARRAY_LEN(neigh));
	for (unsigned side = 0; side < HUB_SIDES; side++)
		if (h->ear[side].fd < 0)
			return h->ear[side].fd;
	return 0;
}

static int make_events(struct hub *h)
{
	h->reading = event_new(h->base, -1, 0, on_reading, h);
	h->serving = event_new(h->base, -1, 0, on_serving, h);
	h->calm = event_new(h->base, -1, 0, on_calm, h);
	if (!h->reading || !h->serving || !h->calm)
		return -ENOMEM;
	for (unsigned side = 0; side < HUB_SIDES; side++) {
		struct hub_ear *e = &h->ear[side];

		e->readable = event_new(h->base, e->fd, EV_READ | EV_PERSIST, on_readable, e);
		if (!e->readable || event_add(e->readable, NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

int hub_new(struct hub **out, struct event_base *base)
{
	struct hub *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	*h = (struct hub){.base = base, .ask = -1, .room_us = ROOM_US, .room_at_us = now_us()};
	for (unsigned side = 0; side < HUB_SIDES; side++)
		h->ear[side] = (struct hub_ear){.hub = h, .fd = -1};
	err = ns_scratch(open_sockets, h);
	if (err == 0)
		err = make_events(h);
	if (err < 0) {
		hub_free(h);
		return err;
	}
	*out = h;
	return 0;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	for (unsigned side = 0; side < HUB_SIDES; side++) {
		free_event(h->ear[side].readable);
		if (h->ear[side].fd >= 0)
			close(h->ear[side].fd);
	}
	free_event(h->reading);
	free_event(h->serving);
	free_event(h->calm);
	if (h->ask >= 0)
		close(h->ask);
	free(h);
}
