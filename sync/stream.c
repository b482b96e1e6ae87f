/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stream.h. */
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "conntrackd/framing.h"
#include "vrouter/log.h"

#define OUT_MAX	  (1 << 20) /* that the kernel has not taken yet */
#define DRAIN_MAX 256	    /* times what is read at once: more than a receive buffer holds */

enum { IN, OUT, WAYS };

struct stream {
	struct streams *all;
	unsigned peer;
	bool out;
	int fd; /* -1: none */
	struct event *read, *write;
	/* owned, with the connection: one of them */
	struct ctd_framing *in;
	uint8_t *buf; /* OUT_MAX, of which these wait */
	size_t from, to;
};

struct streams {
	struct event_base *base;
	int priority;
	const struct stream_ops *ops;
	void *ctx;
	unsigned link, n_peers;
	char name[IFNAMSIZ];
	bool here[SYNC_UNICAST_MAX]; /* the peer is reached through this link */
	struct ip_addr peer[SYNC_UNICAST_MAX];
	struct stream stream[SYNC_UNICAST_MAX][WAYS];
};

static void drop(struct stream *s)
{
	if (s->read)
		event_free(s->read);
	if (s->write)
		event_free(s->write);
	s->read = s->write = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	free(s->in);
	free(s->buf);
	s->in = NULL;
	s->buf = NULL;
	s->from = s->to = 0;
}

static void lose(struct stream *s, const char *why)
{
	char text[INET6_ADDRSTRLEN];

	log_remote("sync", s->all->name, "connection %s %s: %s", s->out ? "to" : "from",
		   ip_addr_format(&s->all->peer[s->peer], text), why);
	drop(s);
}

/* ---- receiving --------------------------------------------------------------------------------
 */

static void on_messages(void *ctx, uint8_t *messages, size_t len)
{
	const struct stream *s = ctx;
	const struct streams *all = s->all;

	(void)all->ops->on_messages(all->ctx, messages, len, &all->peer[s->peer]);
}

/* What comes back on an outgoing one is not looked at: but for its end. */
static ssize_t receive(struct stream *s)
{
	uint8_t nothing[4096], *to = nothing;
	size_t room = sizeof(nothing);
	ssize_t n;

	if (!s->out)
		to = ctd_framing_room(s->in, &room);
	n = recv(s->fd, to, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		lose(s, n < 0 ? strerror(errno) : "closed by the other side");
		return 0;
	}
	if (!s->out && !ctd_framing_add(s->in, (size_t)n, on_messages, s)) {
		lose(s, "a message's length cannot be; it has to be made anew");
		return 0;
	}
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	const struct streams *all = s->all;

	(void)fd;
	(void)what;
	(void)receive(s);
	all->ops->on_batch(all->ctx);
}

void streams_drain(struct streams *s)
{
	for (unsigned i = 0; i < s->n_peers; i++)
		for (unsigned n = 0; n < DRAIN_MAX && s->stream[i][IN].fd >= 0; n++)
			if (!receive(&s->stream[i][IN]))
				break;
}

/* ---- sending ----------------------------------------------------------------------------------
 */

static void push(struct stream *s)
{
	while (s->fd >= 0 && s->from < s->to) {
		ssize_t n =
			send(s->fd, s->buf + s->from, s->to - s->from, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			s->from += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			lose(s, strerror(errno));
	}
	if (s->from == s->to)
		s->from = s->to = 0;
	else
		event_add(s->write, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	push(arg);
}

/* false: there is no room. */
static bool put(struct stream *s, const uint8_t *buf, size_t len)
{
	if (s->fd < 0)
		return false;
	if (s->to + len > OUT_MAX) {
		memmove(s->buf, s->buf + s->from, s->to - s->from);
		s->to -= s->from;
		s->from = 0;
	}
	if (s->to + len > OUT_MAX)
		return false;
	memcpy(s->buf + s->to, buf, len);
	s->to += len;
	push(s);
	return true;
}

unsigned streams_send(struct streams *s, const uint8_t *buf, size_t len)
{
	unsigned reached = 0, lost = 0;

	for (unsigned i = 0; i < s->n_peers; i++) {
		bool there = s->stream[i][OUT].fd >= 0, taken = put(&s->stream[i][OUT], buf, len);

		reached += taken;
		lost += there && !taken;
	}
	/* this controller's own address may be in the list, and is never connected */
	return lost || reached ? lost : 1;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static int watch(struct stream *s)
{
	const struct streams *all = s->all;

	if (s->out)
		s->buf = malloc(OUT_MAX);
	else
		s->in = malloc(sizeof(*s->in));
	s->read = event_new(all->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->write = event_new(all->base, s->fd, EV_WRITE, on_writable, s);
	if ((!s->buf && !s->in) || !s->read || !s->write)
		return -ENOMEM;
	if (s->in)
		s->in->len = 0;
	event_priority_set(s->read, all->priority);
	event_priority_set(s->write, all->priority);
	return event_add(s->read, NULL) < 0 ? -ENOMEM : 0;
}

void streams_take(struct streams *s, unsigned peer, bool out, int fd)
{
	struct stream *k = &s->stream[peer][out ? OUT : IN];
	char text[INET6_ADDRSTRLEN];

	if (peer >= s->n_peers) {
		close(fd);
		return;
	}
	/* what it had sent before it began anew is in the old one still */
	if (k->fd >= 0 && !out)
		(void)receive(k);
	drop(k);
	k->fd = fd;
	if (watch(k) < 0)
		drop(k);
	else
		log_remote("sync", s->name, "connection %s %s", out ? "to" : "from",
			   ip_addr_format(&s->peer[peer], text));
}

void streams_ask(struct streams *s, bool anew)
{
	for (unsigned i = 0; i < s->n_peers; i++) {
		bool out = s->stream[i][OUT].fd < 0;
		const struct sync_msg_stream m = {
			.link = s->link, .peer = i, .out = out, .anew = anew};

		if (!s->here[i] || (!out && s->stream[i][IN].fd >= 0))
			continue;
		s->ops->on_missing(s->ctx, &m);
		anew = false; /* one door for all of them */
	}
}

void streams_close(struct streams *s)
{
	for (unsigned i = 0; i < s->n_peers; i++)
		for (unsigned way = 0; way < WAYS; way++)
			drop(&s->stream[i][way]);
}

int streams_new(struct streams **out, struct event_base *base, int priority,
		const struct sync_msg_conf *conf, unsigned link, const struct stream_ops *ops,
		void *ctx)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct streams){.base = base,
			      .priority = priority,
			      .ops = ops,
			      .ctx = ctx,
			      .link = link,
			      .n_peers = conf->n_peers};
	memcpy(s->name, conf->interface[link], IFNAMSIZ);
	for (unsigned i = 0; i < s->n_peers; i++) {
		const struct sync_peer_addr *p = &conf->peer[i];

		s->peer[i] = p->addr;
		s->here[i] =
			p->interface[0] ? strncmp(p->interface, s->name, IFNAMSIZ) == 0 : link == 0;
		for (unsigned way = 0; way < WAYS; way++)
			s->stream[i][way] =
				(struct stream){.all = s, .peer = i, .out = way == OUT, .fd = -1};
	}
	*out = s;
	return 0;
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	streams_close(s);
	free(s);
}
