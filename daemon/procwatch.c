/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's end: starts the helper, tells it what to watch, starts it again. */
#include "procwatch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "clock.h"
#include "procwatch_msg.h"
#include "vrouter/log.h"

#define AGAIN_MS 1000 /* before it is started again */
#define READ_MAX 64   /* messages of one wake-up */

struct procwatch_item {
	struct procwatch *w;
	struct procwatch_item *next;
	struct proc_order order;
	procwatch_fn *fn;
	void *ctx;
};

struct procwatch {
	struct event_base *base;
	struct spawn_opts opts;
	struct procwatch_item *items;
	uint32_t last_id;
	pid_t pid;
	int fd; /* -1: nobody to speak to */
	unsigned starts;
	struct event *child, *timer, *readable;
};

static void arm_timer(struct procwatch *w, uint64_t ms)
{
	struct timeval tv = timeval_ms(ms);

	evtimer_add(w->timer, &tv);
}

/* Nothing more to say to this one; when it has been reaped, another one is due. */
static void give_up(struct procwatch *w)
{
	if (w->readable)
		event_free(w->readable);
	w->readable = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	if (w->pid)
		kill(w->pid, SIGKILL);
}

static void tell(struct procwatch *w, const struct proc_order *o)
{
	if (w->fd < 0 || send(w->fd, o, sizeof(*o), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*o))
		return;
	log_err("procwatch", NULL, "does not take orders (%s): starting another one",
		strerror(errno));
	give_up(w);
}

static void take_news(struct procwatch *w, const struct proc_news *n)
{
	for (struct procwatch_item *i = w->items; i; i = i->next)
		if (i->order.id == n->id) {
			i->fn(i->ctx, n->pid, n->why);
			return;
		}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct procwatch *w = ctx;

	(void)what;
	for (unsigned i = 0; i < READ_MAX && w->fd == fd; i++) {
		struct proc_news n;
		ssize_t len = recv(fd, &n, sizeof(n), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len != sizeof(n)) {
			give_up(w);
			return;
		}
		n.why[sizeof(n.why) - 1] = '\0';
		take_news(w, &n);
	}
}

static void start(struct procwatch *w)
{
	pid_t pid = spawn_helper("--procwatch", &w->opts, &w->fd);

	if (pid < 0) {
		log_err("procwatch", NULL, "cannot start: %s", strerror(-pid));
		arm_timer(w, AGAIN_MS);
		return;
	}
	w->pid = pid;
	w->starts++;
	w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0) {
		give_up(w);
		return;
	}
	for (struct procwatch_item *i = w->items; i; i = i->next)
		tell(w, &i->order);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct procwatch *w = ctx;

	(void)fd;
	(void)what;
	if (!w->pid && w->items)
		start(w);
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
	struct procwatch *w = ctx;
	int status;

	(void)sig;
	(void)what;
	if (!w->pid || waitpid(w->pid, &status, WNOHANG) != w->pid)
		return;
	log_err("procwatch", NULL, "process %d died: processes are not watched just now", w->pid);
	w->pid = 0;
	give_up(w);
	arm_timer(w, AGAIN_MS);
}

int procwatch_new(struct procwatch **out, struct event_base *base, const struct spawn_opts *opts)
{
	struct procwatch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct procwatch){.base = base, .opts = *opts, .fd = -1};
	w->opts.realtime = false; /* nothing that hurries */
	w->timer = evtimer_new(base, on_timer, w);
	w->child = evsignal_new(base, SIGCHLD, on_child, w);
	if (!w->timer || !w->child || event_add(w->child, NULL) < 0) {
		procwatch_free(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

void procwatch_free(struct procwatch *w)
{
	if (!w)
		return;
	give_up(w);
	while (w->pid && waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (w->timer)
		event_free(w->timer);
	if (w->child)
		event_free(w->child);
	free(w);
}

pid_t procwatch_pid(const struct procwatch *w)
{
	return w->pid;
}

unsigned procwatch_restarts(const struct procwatch *w)
{
	return w->starts ? w->starts - 1 : 0;
}

int procwatch_add(struct procwatch_item **out, struct procwatch *w, bool pid_file, const char *what,
		  uint32_t interval_ms, procwatch_fn *fn, void *ctx)
{
	struct procwatch_item *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	*i = (struct procwatch_item){.w = w, .next = w->items, .fn = fn, .ctx = ctx};
	i->order.id = ++w->last_id;
	i->order.interval_ms = interval_ms;
	i->order.watch = true;
	i->order.pid_file = pid_file;
	snprintf(i->order.what, sizeof(i->order.what), "%s", what);
	w->items = i;
	*out = i;
	if (w->pid)
		tell(w, &i->order);
	else if (!evtimer_pending(w->timer, NULL))
		arm_timer(w, 0);
	return 0;
}

void procwatch_del(struct procwatch_item *i)
{
	if (!i)
		return;
	for (struct procwatch_item **at = &i->w->items; *at; at = &(*at)->next)
		if (*at == i) {
			*at = i->next;
			break;
		}
	i->order.watch = false;
	tell(i->w, &i->order);
	free(i);
}
