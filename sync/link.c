/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See link.h. One queue of datagrams serves all links; each link has a position in it, counted in
 * (datagram, destination) pairs, and what all have passed is free. A link that does not take more
 * never holds up the others: when the queue is full it loses the oldest datagram, which is counted
 * and which the stream's ring can send again. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "vrouter/log.h"

#define QUEUE	  128 /* datagrams */
#define BATCH	  64  /* datagrams a system call */
#define DESTS_MAX (1 + SYNC_UNICAST_MAX)
#define RCVBUF	  (8 << 20)
#define SNDBUF	  (4 << 20)
#define RETRY_MS  500
#define DRAIN_MAX 4096 /* batches; more than the receive buffer can hold */
#define MTU_MAX	  9000
#define MTU_USUAL 1500
#define TEXT_MAX  (sizeof((struct sync_msg_link){0}.text))

struct dest {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct link {
	struct links *all;
	char name[IFNAMSIZ];
	int fd; /* -1: not usable */
	unsigned ifindex;
	size_t payload;
	bool told, told_up; /* what on_state said last */
	unsigned n_dests;   /* the first so many of links.dest */
	uint64_t pos;	    /* next (datagram * n_dests + destination) to send */
	struct event *read, *write;
};

struct slot {
	size_t len;
	uint64_t *errors; /* may be NULL */
	uint8_t buf[LINK_DATAGRAM_MAX];
};

struct links {
	struct event_base *base;
	int priority;
	const struct link_ops *ops;
	void *ctx;
	int family;
	uint16_t port;
	struct ip_addr group;
	struct dest dest[DESTS_MAX]; /* the group first, where there is one */
	struct link link[SYNC_LINKS_MAX];
	unsigned n;
	struct event *retry;
	uint64_t head, tail; /* datagrams ever freed and queued */
	struct slot queue[QUEUE];
	struct mmsghdr rx_msg[BATCH];
	struct iovec rx_iov[BATCH];
	struct sockaddr_storage rx_from[BATCH];
	uint8_t rx_buf[BATCH][LINK_DATAGRAM_MAX];
};

/* ---- addresses ---------------------------------------------------------------------------- */

static struct dest dest_of(const struct ip_addr *a, uint16_t port)
{
	struct dest d = {.len = 0};

	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)&d.sa;

		*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&in->sin_addr, a->b, 4);
		d.len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (void *)&d.sa;

		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&in6->sin6_addr, a->b, 16);
		d.len = sizeof(*in6);
	}
	return d;
}

static struct ip_addr addr_of(const struct sockaddr *sa)
{
	struct ip_addr a = {.family = 0};

	if (sa->sa_family == AF_INET) {
		a.family = AF_INET;
		memcpy(a.b, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		a.family = AF_INET6;
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
	return a;
}

/* ---- one link: open, fail, watch ---------------------------------------------------------- */

static void tell(struct link *k, bool up, const char *text)
{
	if (k->told && k->told_up == up)
		return;
	k->told = true;
	k->told_up = up;
	k->all->ops->on_state(k->all->ctx, k->name, up, text);
}

static void close_link(struct link *k)
{
	if (k->read)
		event_free(k->read);
	if (k->write)
		event_free(k->write);
	k->read = k->write = NULL;
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

static void lose_queue(struct link *k);
static void free_passed(struct links *l);

printf_like(2, 3) static void fail(struct link *k, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lose_queue(k);
	close_link(k);
	free_passed(k->all);
	tell(k, false, text);
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Datagrams are never fragmented: a lost fragment would lose all, and sizes are chosen to fit. */
static int set_options(int fd, int family)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF) < 0 ||
	    set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SNDBUF) < 0)
		return -errno;
	if (family == AF_INET) {
		if (set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) < 0 ||
		    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO) < 0)
			return -errno;
	} else {
		if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1) < 0 ||
		    set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO) < 0)
			return -errno;
	}
	return 0;
}

static int join(int fd, const struct links *l, unsigned ifindex)
{
	struct group_req req = {.gr_interface = ifindex};
	struct dest group = dest_of(&l->group, l->port);
	int level = l->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	if (!l->group.family)
		return 0;
	memcpy(&req.gr_group, &group.sa, sizeof(req.gr_group));
	return setsockopt(fd, level, MCAST_JOIN_GROUP, &req, sizeof(req)) < 0 ? -errno : 0;
}

/* The interface as it is now: its index, or 0 with *why set. */
static unsigned look(int fd, const char *name, const char **why, size_t *mtu)
{
	struct ifreq r = {.ifr_ifindex = 0};
	unsigned ifindex;

	memcpy(r.ifr_name, name, IFNAMSIZ);
	*why = "does not exist";
	if (ioctl(fd, SIOCGIFINDEX, &r) < 0)
		return 0;
	ifindex = (unsigned)r.ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return 0;
	*why = "is down";
	if (!(r.ifr_flags & IFF_UP))
		return 0;
	if (ioctl(fd, SIOCGIFMTU, &r) < 0)
		return 0;
	*mtu = (size_t)(r.ifr_mtu < MTU_MAX ? r.ifr_mtu : MTU_MAX);
	return ifindex;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static size_t overhead(int family)
{
	return family == AF_INET ? 20 + 8 : 40 + 8;
}

static int watch(struct link *k)
{
	struct links *l = k->all;

	k->read = event_new(l->base, k->fd, EV_READ | EV_PERSIST, on_readable, k);
	k->write = event_new(l->base, k->fd, EV_WRITE, on_writable, k);
	if (!k->read || !k->write)
		return -ENOMEM;
	event_priority_set(k->read, l->priority);
	event_priority_set(k->write, l->priority);
	return event_add(k->read, NULL) < 0 ? -ENOMEM : 0;
}

static void open_link(struct link *k)
{
	struct links *l = k->all;
	const struct ip_addr any = {.family = (uint8_t)l->family};
	char text[TEXT_MAX];
	struct dest here = dest_of(&any, l->port);
	const char *why;
	size_t mtu;
	int err;

	k->fd = socket(l->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->fd < 0) {
		fail(k, "cannot open a UDP socket: %s", strerror(errno));
		return;
	}
	k->ifindex = look(k->fd, k->name, &why, &mtu);
	if (!k->ifindex) {
		fail(k, "interface %s %s", k->name, why);
		return;
	}
	k->payload = mtu - overhead(l->family);
	err = set_options(k->fd, l->family);
	if (err == 0 &&
	    setsockopt(k->fd, SOL_SOCKET, SO_BINDTODEVICE, k->name, (socklen_t)strlen(k->name)) < 0)
		err = -errno;
	if (err == 0 && bind(k->fd, (const struct sockaddr *)&here.sa, here.len) < 0)
		err = -errno;
	if (err == 0)
		err = join(k->fd, l, k->ifindex);
	if (err == 0)
		err = watch(k);
	if (err < 0) {
		fail(k, "cannot use port %u on %s: %s", l->port, k->name, strerror(-err));
		return;
	}
	k->pos = l->tail * k->n_dests;
	snprintf(text, sizeof(text), "port %u, %zu bytes a datagram", l->port, k->payload);
	tell(k, true, text);
}

/* An interface can go, come back as another one, or be taken down, and the socket does not tell. */
static void check_link(struct link *k)
{
	const char *why;
	unsigned ifindex;
	size_t mtu;

	if (k->fd < 0) {
		open_link(k);
		return;
	}
	ifindex = look(k->fd, k->name, &why, &mtu);
	if (!ifindex)
		fail(k, "interface %s %s", k->name, why);
	else if (ifindex != k->ifindex)
		fail(k, "interface %s was replaced", k->name);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct links *l = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < l->n; i++)
		check_link(&l->link[i]);
}

/* ---- sending ------------------------------------------------------------------------------ */

static bool link_sends(const struct link *k)
{
	return k->fd >= 0 && k->n_dests > 0;
}

static void free_passed(struct links *l)
{
	uint64_t least = l->tail;

	for (unsigned i = 0; i < l->n; i++) {
		const struct link *k = &l->link[i];

		if (link_sends(k) && k->pos / k->n_dests < least)
			least = k->pos / k->n_dests;
	}
	l->head = least;
}

static void count_error(struct slot *s)
{
	if (s->errors)
		++*s->errors;
}

/* What a link that fails has not sent yet. */
static void lose_queue(struct link *k)
{
	struct links *l = k->all;

	if (!link_sends(k))
		return;
	for (uint64_t at = k->pos / k->n_dests; at < l->tail; at++)
		count_error(&l->queue[at % QUEUE]);
	k->pos = l->tail * k->n_dests;
}

/* Room for one by losing the oldest of those links that have not sent it yet. */
static void drop_oldest(struct links *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct link *k = &l->link[i];

		if (!link_sends(k) || k->pos / k->n_dests > l->head)
			continue;
		count_error(&l->queue[l->head % QUEUE]);
		k->pos = (l->head + 1) * k->n_dests;
	}
	free_passed(l);
}

uint8_t *links_put(struct links *l, size_t len, uint64_t *errors)
{
	struct slot *s;
	bool any = false;

	for (unsigned i = 0; i < l->n; i++)
		any |= link_sends(&l->link[i]);
	if (!any || len > LINK_DATAGRAM_MAX) {
		++*errors;
		return NULL;
	}
	if (l->tail - l->head == QUEUE)
		links_flush(l);
	if (l->tail - l->head == QUEUE)
		drop_oldest(l);
	s = &l->queue[l->tail++ % QUEUE];
	s->len = len;
	s->errors = errors;
	return s->buf;
}

void links_forget(struct links *l, const uint64_t *errors)
{
	for (unsigned i = 0; i < QUEUE; i++)
		if (l->queue[i].errors == errors)
			l->queue[i].errors = NULL;
}

/* What sending the datagram at k->pos failed with. true: go on with the next. */
static bool send_failed(struct link *k, int err)
{
	switch (err) {
	case EINTR:
		return true;
	case EAGAIN:
		event_add(k->write, NULL);
		return false;
	case ENODEV:
	case ENXIO:
	case ENETDOWN:
		fail(k, "interface %s: %s", k->name, strerror(err));
		return false;
	}
	/* ENOBUFS: a full device queue; EMSGSIZE, EPERM, ENETUNREACH: nothing better to do */
	count_error(&k->all->queue[k->pos / k->n_dests % QUEUE]);
	k->pos++;
	return true;
}

static bool send_batch(struct link *k)
{
	struct links *l = k->all;
	uint64_t left = l->tail * k->n_dests - k->pos;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	unsigned n = left < BATCH ? (unsigned)left : BATCH;
	int sent;

	if (!n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		struct slot *s = &l->queue[(k->pos + i) / k->n_dests % QUEUE];
		struct dest *d = &l->dest[(k->pos + i) % k->n_dests];

		iov[i] = (struct iovec){.iov_base = s->buf, .iov_len = s->len};
		msg[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &d->sa,
						      .msg_namelen = d->len,
						      .msg_iov = &iov[i],
						      .msg_iovlen = 1}};
	}
	sent = sendmmsg(k->fd, msg, n, MSG_DONTWAIT);
	if (sent < 0)
		return send_failed(k, errno);
	k->pos += (unsigned)sent;
	return true;
}

void links_flush(struct links *l)
{
	for (unsigned i = 0; i < l->n; i++)
		while (link_sends(&l->link[i]) && send_batch(&l->link[i]))
			;
	free_passed(l);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct link *k = arg;

	(void)fd;
	(void)what;
	links_flush(k->all);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* One batch. Whether there may be more. */
static bool receive(struct link *k)
{
	struct links *l = k->all;
	int n;

	for (unsigned i = 0; i < BATCH; i++)
		l->rx_msg[i].msg_hdr.msg_namelen = sizeof(l->rx_from[i]);
	n = recvmmsg(k->fd, l->rx_msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct ip_addr from = addr_of((const void *)&l->rx_from[i]);

		/* one that does not fit into the buffer is not from a controller: it will fail
		 * as what it is, damaged */
		l->ops->on_datagram(l->ctx, l->rx_buf[i], l->rx_msg[i].msg_len, &from);
	}
	return n == BATCH;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *k = arg;

	(void)fd;
	(void)what;
	(void)receive(k);
	k->all->ops->on_batch(k->all->ctx);
}

void links_drain(struct links *l)
{
	for (unsigned i = 0; i < l->n; i++)
		for (unsigned b = 0; b < DRAIN_MAX && l->link[i].fd >= 0; b++)
			if (!receive(&l->link[i]))
				break;
	l->ops->on_batch(l->ctx);
}

/* ---- all links ---------------------------------------------------------------------------- */

size_t links_payload(const struct links *l)
{
	size_t least = MTU_MAX;
	bool any = false;

	for (unsigned i = 0; i < l->n; i++) {
		const struct link *k = &l->link[i];

		any |= k->fd >= 0;
		if (k->fd >= 0 && k->payload < least)
			least = k->payload;
	}
	return any ? least : MTU_USUAL - overhead(l->family);
}

/* Peers of the other family cannot be reached through these sockets. */
static unsigned set_dests(struct links *l, const struct sync_msg_conf *c)
{
	unsigned n = 0;

	if (c->group.family)
		l->dest[n++] = dest_of(&c->group, c->port);
	for (unsigned i = 0; i < c->n_peers && i < SYNC_UNICAST_MAX; i++) {
		char text[INET6_ADDRSTRLEN];

		if (c->peer[i].family == l->family)
			l->dest[n++] = dest_of(&c->peer[i], c->port);
		else
			log_err("sync", NULL,
				"peer %s is left out: group and peers must be of one IP version",
				ip_addr_format(&c->peer[i], text));
	}
	return n;
}

static void set_links(struct links *l, const struct sync_msg_conf *c)
{
	unsigned n_dests = set_dests(l, c), n_group = c->group.family ? 1 : 0;

	l->n = c->n_interfaces < SYNC_LINKS_MAX ? c->n_interfaces : SYNC_LINKS_MAX;
	for (unsigned i = 0; i < l->n; i++) {
		l->link[i] =
			(struct link){.all = l, .fd = -1, .n_dests = i == 0 ? n_dests : n_group};
		memcpy(l->link[i].name, c->interface[i], IFNAMSIZ - 1);
	}
	for (unsigned i = 0; i < BATCH; i++) {
		l->rx_iov[i] =
			(struct iovec){.iov_base = l->rx_buf[i], .iov_len = LINK_DATAGRAM_MAX};
		l->rx_msg[i].msg_hdr = (struct msghdr){.msg_name = &l->rx_from[i],
						       .msg_namelen = sizeof(l->rx_from[i]),
						       .msg_iov = &l->rx_iov[i],
						       .msg_iovlen = 1};
	}
}

int links_new(struct links **out, struct event_base *base, int priority,
	      const struct sync_msg_conf *conf, const struct link_ops *ops, void *ctx)
{
	const struct timeval every = {.tv_usec = RETRY_MS * 1000};
	struct links *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->base = base;
	l->priority = priority;
	l->ops = ops;
	l->ctx = ctx;
	l->port = conf->port;
	l->group = conf->group;
	l->family = conf->group.family ? conf->group.family
		    : conf->n_peers    ? conf->peer[0].family
				       : AF_INET;
	set_links(l, conf);
	l->retry = event_new(base, -1, EV_PERSIST, on_retry, l);
	if (!l->retry || event_add(l->retry, &every) < 0) {
		links_free(l);
		return -ENOMEM;
	}
	on_retry(-1, 0, l);
	*out = l;
	return 0;
}

void links_free(struct links *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n; i++)
		close_link(&l->link[i]);
	if (l->retry)
		event_free(l->retry);
	free(l);
}
