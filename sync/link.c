/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See link.h; stream.h for TCP. One queue of datagrams serves all links; each link has a position
 * in it, counted in (datagram, destination) pairs, and what all have passed is free. A link that
 * does not take more never holds up the others: when the queue is full it loses the oldest
 * datagram, which is counted and which the stream's ring can send again. */
#include "link.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "link_priv.h"
#include "vrouter/log.h"

#define RETRY_MS  500
#define DRAIN_MAX 4096 /* batches; more than the receive buffer can hold */
#define MTU_USUAL 1500
#define TEXT_MAX  (sizeof((struct sync_msg_link){0}.text))

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
	k->carrier = false;
	if (k->streams)
		streams_close(k->streams);
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
	link_choose(k->all);
	free_passed(k->all);
	tell(k, false, text);
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

static void tell_up(struct link *k)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%sport %u, %zu bytes a datagram", k->streams ? "TCP " : "",
		 k->port, k->payload);
	tell(k, true, text);
}

static void cannot_use(struct link *k, int err)
{
	unsigned port = k->port;

	if (err == -EADDRINUSE)
		fail(k,
		     "port %u on %s is another program's (ss -lunp sport = :%u says whose): end "
		     "it, "
		     "or give sync another port",
		     port, k->name, port);
	else
		fail(k, "cannot use port %u on %s: %s", port, k->name, strerror(-err));
}

static int use(struct link *k)
{
	struct links *l = k->all;
	int err = 0;

	if (k->streams)
		return 0;
	err = link_sock_setup(k->fd, k->name, k->ifindex, &k->group, l->family, k->port);
	if (err == 0 && l->no_checksum)
		err = link_sock_no_checksum(k->fd);
	return err == 0 ? watch(k) : err;
}

static void open_link(struct link *k)
{
	struct links *l = k->all;
	struct link_look look;
	int err;

	k->fd = socket(l->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->fd < 0) {
		fail(k, "cannot open a UDP socket: %s", strerror(errno));
		return;
	}
	look = link_look(k->fd, k->name);
	if (!look.ifindex) {
		fail(k, "interface %s %s", k->name, look.why);
		return;
	}
	k->ifindex = look.ifindex;
	k->payload = look.mtu - overhead(l->family);
	k->silent = 0;
	err = use(k);
	if (err < 0) {
		cannot_use(k, err);
		return;
	}
	k->pos = l->tail * k->n_dests;
	k->carrier = look.carrier;
	if (k->streams)
		streams_ask(k->streams, true);
	if (look.carrier)
		tell_up(k);
	else
		tell(k, false, "no carrier");
}

/* An interface can go, come back as another one or with another MTU, or be taken down, and
 * the socket does not tell. One that only leads nowhere keeps its socket: it may carry
 * again at any moment. */
static void check_link(struct link *k)
{
	struct link_look look;

	if (k->fd < 0) {
		open_link(k);
		return;
	}
	look = link_look(k->fd, k->name);
	k->carrier = look.ifindex && look.carrier;
	if (!look.ifindex)
		fail(k, "interface %s %s", k->name, look.why);
	else if (look.ifindex != k->ifindex)
		fail(k, "interface %s was replaced", k->name);
	else if (look.mtu - overhead(k->all->family) != k->payload)
		fail(k, "interface %s has another MTU", k->name); /* opened again at once */
	else if (!look.carrier)
		tell(k, false, "no carrier");
	else if (k->silent >= LINK_SILENT)
		tell(k, false, "nothing is heard on it, though other links carry");
	else
		tell_up(k);
	if (k->fd < 0 && look.ifindex)
		open_link(k);
	else if (k->streams && k->fd >= 0)
		streams_ask(k->streams, false);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct links *l = arg;

	(void)fd;
	(void)what;
	link_count_silence(l);
	for (unsigned i = 0; i < l->n; i++)
		check_link(&l->link[i]);
	link_choose(l);
}

/* ---- sending
 * ------------------------------------------------------------------------------ */

static bool link_sends(const struct link *k)
{
	return k->fd >= 0 && k->n_dests > 0 && (!k->all->in_use || k->all->in_use == k);
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
	/* ENOBUFS: a full device queue; EMSGSIZE, EPERM, ENETUNREACH: nothing better to do
	 */
	count_error(&k->all->queue[k->pos / k->n_dests % QUEUE]);
	k->pos++;
	return true;
}

/* Always taken or lost. */
static void send_streams(struct link *k)
{
	for (; k->pos < k->all->tail; k->pos++) {
		struct slot *s = &k->all->queue[k->pos % QUEUE];

		if (streams_send(k->streams, s->buf, s->len))
			count_error(s);
	}
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
		struct dest *d = &k->dest[(k->pos + i) % k->n_dests];

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
	for (unsigned i = 0; l && i < l->n; i++)
		if (link_sends(&l->link[i]) && l->link[i].streams)
			send_streams(&l->link[i]);
		else
			while (link_sends(&l->link[i]) && send_batch(&l->link[i]))
				;
	if (l)
		free_passed(l);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct link *k = arg;

	(void)fd;
	(void)what;
	links_flush(k->all);
}

/* ---- receiving
 * ---------------------------------------------------------------------------- */

/* One batch. Whether there may be more. */
static bool receive(struct link *k)
{
	struct links *l = k->all;
	int n;

	for (unsigned i = 0; i < BATCH; i++)
		l->rx_msg[i].msg_hdr.msg_namelen = sizeof(l->rx_from[i]);
	n = recvmmsg(k->fd, l->rx_msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct ip_addr from = link_addr((const void *)&l->rx_from[i]);

		/* one that does not fit into the buffer is not from a controller: it will
		 * fail as what it is, damaged */
		k->heard |= l->ops->on_datagram(l->ctx, l->rx_buf[i], l->rx_msg[i].msg_len, &from);
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
		if (l->link[i].streams)
			streams_drain(l->link[i].streams);
		else
			for (unsigned b = 0; b < DRAIN_MAX && l->link[i].fd >= 0; b++)
				if (!receive(&l->link[i]))
					break;
	l->ops->on_batch(l->ctx);
}

/* ---- all links
 * ---------------------------------------------------------------------------- */

size_t links_payload(const struct links *l)
{
	size_t least = LINK_MTU_MAX;
	bool any = false;

	for (unsigned i = 0; i < l->n; i++) {
		const struct link *k = &l->link[i];

		any |= k->fd >= 0;
		if (k->fd >= 0 && k->payload < least)
			least = k->payload;
	}
	return any ? least : MTU_USUAL - overhead(l->family);
}

/* Where this link sends to: the group, and the peers that are reached through it. */
static void set_dests(struct link *k, const struct sync_msg_conf *c, bool first)
{
	k->n_dests = c->tcp; /* its streams know who they lead to */
	if (c->tcp)
		return;
	if (k->group.family)
		k->dest[k->n_dests++] = link_dest(&k->group, k->port);
	for (unsigned i = 0; i < c->n_peers && i < SYNC_UNICAST_MAX; i++) {
		const struct sync_peer_addr *p = &c->peer[i];

		/* of the other family: cannot be reached through this socket, and is
		 * refused before it comes here */
		if (p->addr.family == k->all->family &&
		    (p->interface[0] ? strncmp(p->interface, k->name, IFNAMSIZ) == 0 : first))
			k->dest[k->n_dests++] = link_dest(&p->addr, k->port);
	}
}

/* ---- TCP
 * --------------------------------------------------------------------------------------
 */

static bool on_messages(void *ctx, uint8_t *buf, size_t len, const struct ip_addr *from)
{
	struct link *k = ctx;
	bool theirs = k->all->ops->on_datagram(k->all->ctx, buf, len, from);

	k->heard |= theirs;
	return theirs;
}

static void on_stream_batch(void *ctx)
{
	const struct links *l = ((struct link *)ctx)->all;

	l->ops->on_batch(l->ctx);
}

static void on_missing(void *ctx, const struct sync_msg_stream *which)
{
	const struct links *l = ((struct link *)ctx)->all;

	l->ops->on_missing(l->ctx, which);
}

int links_take(struct links *l, const struct sync_msg_stream *m, int fd)
{
	struct link *k = m->link < l->n ? &l->link[m->link] : NULL;

	if (k && k->streams && k->fd >= 0 && m->peer < SYNC_UNICAST_MAX) {
		streams_take(k->streams, m->peer, m->out, fd);
		return 0;
	}
	close(fd);
	return k && k->streams ? 0 : -EPROTO;
}

static int set_links(struct links *l, const struct sync_msg_conf *c)
{
	static const struct stream_ops stream_ops = {
		.on_messages = on_messages, .on_batch = on_stream_batch, .on_missing = on_missing};
	int err = 0;

	l->n = c->n_interfaces < SYNC_LINKS_MAX ? c->n_interfaces : SYNC_LINKS_MAX;
	l->in_use = c->conntrackd ? &l->link[0] : NULL;
	for (unsigned i = 0; i < l->n; i++) {
		struct link *k = &l->link[i];

		*k = (struct link){.all = l, .fd = -1, .port = c->port[i], .group = c->group[i]};
		memcpy(k->name, c->interface[i], IFNAMSIZ - 1);
		set_dests(k, c, i == 0);
		if (c->tcp && err == 0)
			err = streams_new(&k->streams, l->base, l->priority, c, i, &stream_ops, k);
	}
	for (unsigned i = 0; i < BATCH; i++) {
		l->rx_iov[i] =
			(struct iovec){.iov_base = l->rx_buf[i], .iov_len = LINK_DATAGRAM_MAX};
		l->rx_msg[i].msg_hdr = (struct msghdr){.msg_name = &l->rx_from[i],
						       .msg_namelen = sizeof(l->rx_from[i]),
						       .msg_iov = &l->rx_iov[i],
						       .msg_iovlen = 1};
	}
	return err;
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
	l->no_checksum = conf->no_checksum;
	l->family = conf->group[0].family ? conf->group[0].family
		    : conf->n_peers	  ? conf->peer[0].addr.family
					  : AF_INET;
	l->retry = event_new(base, -1, EV_PERSIST, on_retry, l);
	if (set_links(l, conf) < 0 || !l->retry || event_add(l->retry, &every) < 0) {
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
	for (unsigned i = 0; i < l->n; i++) {
		close_link(&l->link[i]);
		streams_free(l->link[i].streams);
	}
	if (l->retry)
		event_free(l->retry);
	free(l);
}
