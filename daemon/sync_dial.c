/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sync_dial.h. */
#include "sync_dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "clock.h"
#include "vrouter/log.h"

#define CONNECT_MS 3000
#define ACCEPT_MS  100	/* from one caller to the next */
#define BACKLOG	   8	/* more than there are peers of a link */
#define SILENT_MS  4000 /* what is sent is acknowledged, or the connection is gone */
#define BUFFER	   (4 << 20)

struct call { /* one that is being made */
	struct sync_dial *all;
	unsigned link, peer;
	int fd;	   /* -1: none */
	bool self; /* that is this controller's own address, as the list may have it */
	struct event *ready;
};

struct door { /* one link's */
	struct sync_dial *all;
	unsigned link;
	int fd; /* -1: closed */
	bool told;
	struct event *ready, *later;
};

struct sync_dial {
	struct event_base *base;
	struct sync_msg_conf conf;
	sync_dial_give *give;
	void *ctx;
	struct door door[SYNC_LINKS_MAX];
	struct call call[SYNC_LINKS_MAX][SYNC_UNICAST_MAX];
};

static void forget(struct event **e, int *fd)
{
	if (*e)
		event_free(*e);
	*e = NULL;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

static socklen_t address(struct sockaddr_storage *out, const struct ip_addr *a, uint16_t port)
{
	*out = (struct sockaddr_storage){.ss_family = a->family};
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)out;

		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b, 4);
		return sizeof(*in);
	}

	struct sockaddr_in6 *in6 = (void *)out;

	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

static struct ip_addr who(const struct sockaddr_storage *sa)
{
	struct ip_addr a = {.family = (uint8_t)sa->ss_family};

	if (a.family == AF_INET)
		memcpy(a.b, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	return a;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Bound to the link. A connection that nobody answers ends soon, so that a new one can be made. */
static int open_socket(const struct sync_dial *d, unsigned link)
{
	const char *name = d->conf.interface[link];
	int family = d->conf.peer[0].addr.family;
	auto_fd int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int own;

	if (fd < 0 || set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) < 0 ||
	    set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER) < 0 ||
	    set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER) < 0 ||
	    set(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 || set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1) < 0 ||
	    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENT_MS) < 0 ||
	    (family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0)
		return -errno;
	own = fd;
	fd = -1;
	return own;
}

static bool is_self(int fd)
{
	struct sockaddr_storage here = {.ss_family = AF_UNSPEC}, there = here;
	socklen_t len = sizeof(here), other_len = sizeof(there);
	struct ip_addr a, b;

	if (getsockname(fd, (void *)&here, &len) < 0 ||
	    getpeername(fd, (void *)&there, &other_len) < 0)
		return false;
	a = who(&here);
	b = who(&there);
	return ip_addr_equal(&a, &b);
}

static bool leads_to(const struct sync_dial *d, unsigned link, unsigned peer)
{
	const char *by = d->conf.peer[peer].interface;

	return by[0] ? strcmp(by, d->conf.interface[link]) == 0 : link == 0;
}

static void hand_over(struct sync_dial *d, unsigned link, unsigned peer, bool out, int fd)
{
	const struct sync_msg_stream m = {.link = link, .peer = peer, .out = out};

	d->give(d->ctx, &m, fd);
}

/* ---- who calls us -----------------------------------------------------------------------------
 */

static void let_in(struct door *k, const struct ip_addr *from, int fd)
{
	const struct sync_msg_conf *c = &k->all->conf;
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < c->n_peers; i++) {
		if (!leads_to(k->all, k->link, i) || !ip_addr_equal(&c->peer[i].addr, from))
			continue;
		hand_over(k->all, k->link, i, false, fd);
		return;
	}
	log_remote("sync", c->interface[k->link], "a connection from %s, which is no peer: closed",
		   ip_addr_format(from, text));
}

static void on_caller(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval later = {.tv_usec = ACCEPT_MS * 1000};
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);
	struct door *k = arg;
	auto_fd int got = accept4(fd, (void *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (got >= 0 && !is_self(got)) {
		struct ip_addr from = who(&sa);

		let_in(k, &from, got);
	}
	evtimer_add(k->later, &later);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct door *k = arg;

	(void)fd;
	(void)what;
	if (k->ready)
		event_add(k->ready, NULL);
}

static int open_door(struct door *k)
{
	const struct sync_dial *d = k->all;
	const struct ip_addr any = {.family = d->conf.peer[0].addr.family};
	struct sockaddr_storage sa;
	socklen_t len = address(&sa, &any, d->conf.port[k->link]);

	k->fd = open_socket(d, k->link);
	if (k->fd < 0)
		return k->fd;
	if (bind(k->fd, (void *)&sa, len) < 0 || listen(k->fd, BACKLOG) < 0)
		return -errno;
	k->ready = event_new(d->base, k->fd, EV_READ, on_caller, k);
	if (!k->ready || event_add(k->ready, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static void listen_on(struct door *k, bool anew)
{
	const char *name = k->all->conf.interface[k->link];
	int err;

	if (anew)
		forget(&k->ready, &k->fd);
	if (k->fd >= 0)
		return;
	err = open_door(k);
	if (err < 0) {
		forget(&k->ready, &k->fd);
		if (!k->told)
			log_warn("sync", name, "cannot listen on TCP port %u: %s",
				 k->all->conf.port[k->link], strerror(-err));
	}
	k->told = err < 0;
}

/* ---- whom we call -----------------------------------------------------------------------------
 */

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct call *c = arg;
	socklen_t len = sizeof(int);
	int err = 0;

	if (what & EV_TIMEOUT || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err)
		err = err ? err : ETIMEDOUT;
	c->self = !err && is_self(fd);
	if (!err && !c->self)
		hand_over(c->all, c->link, c->peer, true, c->fd);
	forget(&c->ready, &c->fd);
}

static void call(struct call *c)
{
	static const struct timeval patience = {.tv_sec = CONNECT_MS / 1000};
	const struct sync_dial *d = c->all;
	struct sockaddr_storage sa;
	socklen_t len = address(&sa, &d->conf.peer[c->peer].addr, d->conf.port[c->link]);

	if (c->ready || c->self)
		return;
	c->fd = open_socket(d, c->link);
	if (c->fd >= 0 && (connect(c->fd, (void *)&sa, len) == 0 || errno == EINPROGRESS))
		c->ready = event_new(d->base, c->fd, EV_WRITE, on_answer, c);
	if (!c->ready || event_add(c->ready, &patience) < 0)
		forget(&c->ready, &c->fd);
}

void sync_dial_request(struct sync_dial *d, const struct sync_msg_stream *m)
{
	if (!d->conf.tcp || m->link >= d->conf.n_interfaces || m->peer >= d->conf.n_peers ||
	    !leads_to(d, m->link, m->peer))
		return;
	listen_on(&d->door[m->link], m->anew);
	if (m->anew)
		for (unsigned i = 0; i < SYNC_UNICAST_MAX; i++)
			d->call[m->link][i].self = false;
	if (m->out)
		call(&d->call[m->link][m->peer]);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int sync_dial_new(struct sync_dial **out, struct event_base *base, const struct sync_msg_conf *conf,
		  sync_dial_give *give, void *ctx)
{
	struct sync_dial *d = calloc(1, sizeof(*d));
	bool ok = d;

	if (!d)
		return -ENOMEM;
	d->base = base;
	d->conf = *conf;
	explicit_bzero(&d->conf.keys, sizeof(d->conf.keys));
	d->give = give;
	d->ctx = ctx;
	for (unsigned i = 0; i < SYNC_LINKS_MAX; i++) {
		d->door[i] = (struct door){.all = d, .link = i, .fd = -1};
		d->door[i].later = evtimer_new(base, on_later, &d->door[i]);
		ok &= d->door[i].later != NULL;
		for (unsigned k = 0; k < SYNC_UNICAST_MAX; k++)
			d->call[i][k] = (struct call){.all = d, .link = i, .peer = k, .fd = -1};
	}
	if (!ok) {
		sync_dial_free(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void sync_dial_free(struct sync_dial *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < SYNC_LINKS_MAX; i++) {
		forget(&d->door[i].ready, &d->door[i].fd);
		if (d->door[i].later)
			event_free(d->door[i].later);
		for (unsigned k = 0; k < SYNC_UNICAST_MAX; k++)
			forget(&d->call[i][k].ready, &d->call[i][k].fd);
	}
	free(d);
}
