/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening side of the control socket. A client is in one of three moods: it may send (its
 * deadline runs), its request is being worked on (nothing is read, no deadline), or it follows the
 * events. What waits to be written is bounded in size and time. Of a long reply nothing waits: its
 * next piece is made when the one before has left, and of all clients one gets a piece at a time.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "clock.h"
#include "vrouter/control.h"
#include "vrouter/log.h"

#define PIECE_BYTES 12288 /* libevent writes 16 KB at once */
#define PIECE_US    2000  /* for which others wait, at most; and for what was begun then */

struct client {
	struct ctl_server *server;
	struct bufferevent *bev; /* NULL: the slot is free */
	struct event *deadline;
	uint64_t number;
	bool busy, follows, closing;
	struct ctl_pieces *pieces; /* of the reply under way; NULL: none is */
	struct jbuf piece;
	bool hungry; /* the piece before has left */
};

struct ctl_server {
	struct event_base *base;
	ctl_handler *fn;
	void *ctx;
	int fd;
	struct event *accept, *turn;
	unsigned fed; /* the client that got the last piece */
	uint64_t next_number;
	struct client client[CTL_CLIENTS_MAX];
	struct ctl_stats stats;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void end_pieces(struct client *c)
{
	struct ctl_pieces *p = c->pieces;

	c->pieces = NULL;
	c->hungry = false;
	jbuf_free(&c->piece);
	if (p)
		p->end(p);
}

static void client_close(struct client *c)
{
	end_pieces(c);
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->deadline)
		event_free(c->deadline);
	memset(c, 0, sizeof(*c));
}

static struct client *find(struct ctl_server *s, uint64_t number)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (s->client[i].bev && s->client[i].number == number)
			return &s->client[i];
	return NULL;
}

static void arm(struct client *c)
{
	static const struct timeval limit = {.tv_sec = CTL_DEADLINE_S};

	evtimer_add(c->deadline, &limit);
}

/* Takes line over. false: the client is gone. */
static bool client_write(struct client *c, json_t *line)
{
	struct ctl_server *s = c->server;
	auto_free char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	struct evbuffer *out = bufferevent_get_output(c->bev);

	json_decref(line);
	if (!text || evbuffer_get_length(out) + strlen(text) + 1 > CTL_OUT_MAX) {
		s->stats.slow_clients++;
		client_close(c);
		return false;
	}
	bufferevent_write(c->bev, text, strlen(text));
	bufferevent_write(c->bev, "\n", 1);
	return true;
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct client *c = ctx;

	(void)fd;
	(void)what;
	if (c->busy || c->follows)
		return;
	c->server->stats.slow_clients++;
	client_close(c);
}

/* It was answered. */
static void next_request(struct client *c)
{
	c->busy = false;
	arm(c);
	bufferevent_enable(c->bev, EV_READ);
	/* lines that came meanwhile; not from here, the handler is on the stack */
	bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* Of whom that number waits for an answer; NULL: it is gone. */
static struct client *waiting(struct ctl_server *s, uint64_t number)
{
	struct client *c = find(s, number);

	return c && c->busy && !c->pieces ? c : NULL;
}

static void finish(struct ctl_server *s, uint64_t number, json_t *reply)
{
	struct client *c = waiting(s, number);

	if (!c)
		json_decref(reply);
	else if (client_write(c, reply))
		next_request(c);
}

/* Until it is large enough, or has taken long; never an empty one, which nobody would say has left.
 * false: that was the last one. */
static bool make_piece(struct client *c)
{
	struct ctl_stats *stats = &c->server->stats;
	uint64_t began = now_us(), took = 0;
	bool more = true;

	while (more && (!c->piece.len || (c->piece.len < PIECE_BYTES && took < PIECE_US))) {
		more = c->pieces->more(c->pieces, &c->piece);
		took = now_us() - began;
	}
	stats->pieces++;
	if (took > stats->longest_us)
		stats->longest_us = took;
	return more;
}

static void write_piece(struct client *c)
{
	bool more = make_piece(c);

	if (!more)
		jbuf_raw(&c->piece, "}\n");
	if (c->piece.failed || bufferevent_write(c->bev, c->piece.text, c->piece.len) < 0) {
		client_close(c);
		return;
	}
	jbuf_empty(&c->piece);
	if (more)
		return;
	end_pieces(c);
	next_request(c);
}

/* In a turn of the loop of its own: what else is due comes between. */
static void next_piece(struct client *c)
{
	static const struct timeval at_once = {0};

	c->hungry = true;
	evtimer_add(c->server->turn, &at_once);
}

/* In turns; NULL: none is. */
static struct client *hungry(struct ctl_server *s)
{
	for (unsigned i = 1; i <= CTL_CLIENTS_MAX; i++) {
		struct client *c = &s->client[(s->fed + i) % CTL_CLIENTS_MAX];

		if (c->hungry)
			return c;
	}
	return NULL;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct ctl_server *s = ctx;
	struct client *c = hungry(s);

	(void)fd;
	(void)what;
	if (!c)
		return;
	s->fed = (unsigned)(c - s->client);
	c->hungry = false;
	write_piece(c);
	c = hungry(s);
	if (c)
		next_piece(c);
}

void ctl_server_pieces(struct ctl_server *s, uint64_t client, struct ctl_pieces *p)
{
	struct client *c = waiting(s, client);

	if (!c) {
		p->end(p);
		return;
	}
	c->pieces = p;
	jbuf_raw(&c->piece, "{\"ok\":true,\"data\":");
	next_piece(c);
}

void ctl_server_reply(struct ctl_server *s, uint64_t client, json_t *data)
{
	finish(s, client, json_pack("{s:b, s:o}", "ok", 1, "data", data));
}

void ctl_server_error(struct ctl_server *s, uint64_t client, enum ctl_code code, const char *fmt,
		      ...)
{
	char text[CTL_LINE_MAX]; /* a config file may be wrong in many places */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	finish(s, client,
	       json_pack("{s:b, s:s, s:s}", "ok", 0, "error", text, "code", ctl_code_name(code)));
}

void ctl_server_follow(struct ctl_server *s, uint64_t client, json_t *data)
{
	struct client *c = find(s, client);

	ctl_server_reply(s, client, data);
	c = c ? find(s, client) : NULL;
	if (!c)
		return;
	c->follows = true;
	evtimer_del(c->deadline);
}

bool ctl_server_has_followers(const struct ctl_server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (s->client[i].bev && s->client[i].follows)
			return true;
	return false;
}

void ctl_server_publish(struct ctl_server *s, json_t *line)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (s->client[i].bev && s->client[i].follows)
			client_write(&s->client[i], json_incref(line));
	json_decref(line);
}

const struct ctl_stats *ctl_server_stats(const struct ctl_server *s)
{
	return &s->stats;
}

/* One line; the next one is taken when this is answered. */
static void take_line(struct client *c)
{
	struct ctl_server *s = c->server;
	struct evbuffer *in = bufferevent_get_input(c->bev);
	char why[CTL_WHY_MAX];
	struct ctl_request req;
	size_t len;
	auto_free char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
	uint64_t number = c->number;

	if (!line && evbuffer_get_length(in) < CTL_LINE_MAX)
		return;
	c->busy = true;
	bufferevent_disable(c->bev, EV_READ);
	evtimer_del(c->deadline);
	s->stats.requests++;
	if (!line || len > CTL_LINE_MAX) {
		s->stats.bad_requests++;
		/* where the next request would begin is not known */
		evbuffer_drain(in, evbuffer_get_length(in));
		ctl_server_error(s, number, CTL_USAGE, "the request is longer than %d bytes",
				 CTL_LINE_MAX);
		c = find(s, number);
		if (c)
			c->closing = true;
		return;
	}
	if (ctl_request_parse(&req, line, len, why) < 0) {
		s->stats.bad_requests++;
		ctl_server_error(s, number, CTL_USAGE, "%s", why);
	} else {
		s->fn(s->ctx, number, &req);
	}
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct client *c = ctx;

	if (c->closing || c->follows) {
		struct evbuffer *in = bufferevent_get_input(bev);

		evbuffer_drain(in, evbuffer_get_length(in));
		if (c->closing && !evbuffer_get_length(bufferevent_get_output(bev)))
			client_close(c);
	} else if (!c->busy) {
		take_line(c);
	}
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	struct client *c = ctx;

	(void)bev;
	if (c->pieces)
		next_piece(c);
	else if (c->closing)
		client_close(c);
}

static void on_gone(struct bufferevent *bev, short what, void *ctx)
{
	struct client *c = ctx;

	if (what & BEV_EVENT_TIMEOUT)
		c->server->stats.slow_clients++;
	/* A client may close its sending side and wait for the reply. */
	if ((what & BEV_EVENT_EOF) && !c->follows &&
	    evbuffer_get_length(bufferevent_get_output(bev)))
		c->closing = true;
	else
		client_close(c);
}

static bool may_connect(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static struct client *free_slot(struct ctl_server *s)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (!s->client[i].bev)
			return &s->client[i];
	return NULL;
}

static int client_open(struct ctl_server *s, int fd)
{
	static const struct timeval limit = {.tv_sec = CTL_DEADLINE_S};
	struct client *c = may_connect(fd) ? free_slot(s) : NULL;

	if (!c)
		return -EBUSY;
	c->server = s;
	c->number = ++s->next_number;
	c->deadline = evtimer_new(s->base, on_deadline, c);
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->deadline || !c->bev) {
		bool owned = c->bev != NULL;

		client_close(c);
		return owned ? 0 : -ENOMEM;
	}
	bufferevent_setcb(c->bev, on_read, on_written, on_gone, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CTL_LINE_MAX + 1);
	bufferevent_set_timeouts(c->bev, NULL, &limit);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	arm(c);
	s->stats.clients++;
	return 0;
}

static void on_accept(evutil_socket_t listener, short what, void *ctx)
{
	struct ctl_server *s = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (client_open(s, fd) < 0) {
		s->stats.refused_clients++;
		close(fd);
	}
}

static int listen_on(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, err = 0;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	/* Only one daemon runs on a run-dir, so a socket that is there is a dead one's. */
	if (lstat(path, &st) == 0 && (!S_ISSOCK(st.st_mode) || unlink(path) < 0))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	mode_t mask = umask(0177);

	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 16) < 0)
		err = -errno;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int ctl_server_new(struct ctl_server **out, struct event_base *base, const char *path,
		   ctl_handler *fn, void *ctx)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->base = base;
	s->fn = fn;
	s->ctx = ctx;
	s->fd = err = listen_on(path);
	if (err < 0)
		goto free_server;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->accept = event_new(base, s->fd, EV_READ | EV_PERSIST, on_accept, s);
	s->turn = evtimer_new(base, on_turn, s);
	if (!s->accept || !s->turn || event_add(s->accept, NULL) < 0) {
		ctl_server_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
free_server:
	free(s);
	return err;
}

void ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		client_close(&s->client[i]);
	if (s->accept)
		event_free(s->accept);
	if (s->turn)
		event_free(s->turn);
	unlink(s->path);
	close(s->fd);
	free(s);
}
