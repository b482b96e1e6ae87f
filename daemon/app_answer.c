/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app_answer.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "app.h"
#include "clock.h"
#include "ctl_list.h"
#include "status.h"

#define QUERY_MS 200

/* ---- what is said of each router --------------------------------------------------------------
 */

/* An object with a list of them, not the list alone. */
static bool has_head(const struct ctl_request *req)
{
	return req->cmd == CTL_STATUS || req->cmd == CTL_STATS;
}

static void open_list(void *ctx, const struct ctl_request *req, struct jbuf *out)
{
	const struct app *a = ctx;
	bool head = has_head(req);

	if (head)
		jbuf_open(out, NULL, '{');
	if (req->cmd == CTL_STATUS)
		status_head(out, a);
	else if (req->cmd == CTL_STATS)
		status_stats_head(out, a);
	jbuf_open(out, head ? "routers" : NULL, '[');
}

static void close_list(const struct ctl_request *req, struct jbuf *out)
{
	jbuf_close(out, ']');
	if (has_head(req))
		jbuf_close(out, '}');
}

static void put_namespace(struct jbuf *out, const struct router *r)
{
	struct router_view v;

	router_view(r, &v);
	jbuf_open(out, NULL, '{');
	jbuf_text(out, "router", v.conf->name);
	jbuf_text(out, "namespace", v.conf->namespace);
	jbuf_close(out, '}');
}

static const struct app_off *is_off(const struct app *a, const struct conf_router *c)
{
	const struct app_off *o = app_off_find(a, c->name);

	return o && !o->busy ? o : NULL;
}

static void put_off(const struct app *a, const char *name, bool brief, struct jbuf *out)
{
	for (unsigned i = 0; i < a->conf->n_routers; i++) {
		const struct conf_router *c = &a->conf->router[i];
		const struct app_off *o = strcmp(c->name, name) == 0 ? is_off(a, c) : NULL;

		if (o)
			status_off(out, o, c, brief);
	}
}

static void put_router(void *ctx, const struct ctl_request *req, const char *name, struct jbuf *out)
{
	struct app *a = ctx;
	const struct router *r = app_find(a, name);

	if (!r && req->cmd == CTL_STATUS)
		put_off(a, name, req->brief, out);
	else if (!r)
		return;
	else if (req->cmd == CTL_STATUS)
		status_router(out, a, r, req->brief);
	else if (req->cmd == CTL_PEERS)
		status_peers(out, a, r);
	else if (req->cmd == CTL_STATS)
		status_stats(out, r);
	else
		put_namespace(out, r);
}

static void add_if(struct ctl_list *l, const struct ctl_request *req, const char *name)
{
	if (!req->router[0] || strcmp(req->router, name) == 0)
		ctl_list_add(l, name);
}

static void tell(struct app *a, uint64_t client, const struct ctl_request *req)
{
	static const struct ctl_list_ops ops = {
		.open = open_list, .close = close_list, .item = put_router};
	struct ctl_list *l = ctl_list_new(&ops, a, req);

	if (!l) {
		ctl_server_error(a->ctl, client, CTL_FAILED, "out of memory");
		return;
	}
	for (unsigned i = 0; i < a->n_routers; i++)
		add_if(l, req, router_name(a->router[i]));
	for (unsigned i = 0; req->cmd == CTL_STATUS && a->off && i < a->conf->n_routers; i++)
		if (is_off(a, &a->conf->router[i]))
			add_if(l, req, a->conf->router[i].name);
	ctl_list_send(l, a->ctl, client);
}

/* ---- what replication is asked before ---------------------------------------------------------
 */

static void answer(struct app *a, const struct app_query *q)
{
	if (q->req.cmd == CTL_CHECK)
		app_check(a, q->client, &q->req);
	else
		tell(a, q->client, &q->req);
}

static bool covers(const struct app_answers *w, const struct ctl_request *req)
{
	return !w->asked[0] || strcmp(w->asked, req->router) == 0;
}

static void query(struct app *a, const char *router)
{
	struct sync_msg m = {.type = SYNC_MSG_QUERY};

	snprintf(m.role.router, sizeof(m.role.router), "%s", router);
	sync_child_send(a->sync, &m, NULL, 0);
}

static void ask_one(struct app *a, const char *name)
{
	struct app_answers *w = &a->answers;
	const struct router *r = app_find(a, name);
	struct router_view v = {.beats_of = name};

	if (r)
		router_view(r, &v);
	snprintf(w->beats_of, sizeof(w->beats_of), "%s", v.beats_of);
	w->due = 1;
	query(a, name);
	if (strcmp(w->beats_of, name) == 0)
		return;
	w->due++;
	query(a, w->beats_of);
}

/* Replication is asked for what the oldest one needs. */
static void ask(struct app *a)
{
	struct app_answers *w = &a->answers;
	struct timeval tv = timeval_ms(QUERY_MS);

	memcpy(w->asked, w->query[0].req.router, sizeof(w->asked));
	evtimer_add(w->timer, &tv);
	if (w->asked[0]) {
		ask_one(a, w->asked);
		return;
	}
	w->due = a->n_routers;
	query(a, "");
}

static bool can_ask(const struct app *a, const struct ctl_request *req)
{
	return a->sync && sync_child_is_up(a->sync) &&
	       (req->router[0] ? !app_off_find(a, req->router) : a->n_routers > 0);
}

/* Those that what was asked covers are answered, and taken out. */
static void answer_covered(struct app *a)
{
	struct app_answers *w = &a->answers;
	struct app_query ready[CTL_CLIENTS_MAX];
	unsigned n = 0, left = 0;

	for (unsigned i = 0; i < w->n; i++) {
		if (covers(w, &w->query[i].req))
			ready[n++] = w->query[i];
		else
			w->query[left++] = w->query[i];
	}
	w->n = left;
	w->due = 0;
	evtimer_del(w->timer);
	for (unsigned i = 0; i < n; i++)
		answer(a, &ready[i]);
}

static void next(struct app *a)
{
	answer_covered(a);
	if (a->answers.n && !a->answers.due)
		ask(a);
}

void app_answer(struct app *a, uint64_t client, const struct ctl_request *req)
{
	const struct app_query q = {.client = client, .req = *req};
	struct app_answers *w = &a->answers;

	if (req->cmd == CTL_FLOWS || !can_ask(a, req) || w->n == CTL_CLIENTS_MAX) {
		answer(a, &q);
		return;
	}
	w->query[w->n++] = q;
	if (!w->due)
		ask(a);
}

static bool was_asked(const struct app_answers *w, const char *router)
{
	return !w->asked[0] || strcmp(w->asked, router) == 0 || strcmp(w->beats_of, router) == 0;
}

void app_answer_report(struct app *a, const char *router)
{
	struct app_answers *w = &a->answers;

	w->reports++;
	if (w->due && was_asked(w, router) && --w->due == 0)
		next(a);
}

void app_answer_now(struct app *a)
{
	a->answers.asked[0] = '\0';
	answer_covered(a);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	next(ctx);
}

int app_answers_init(struct app *a)
{
	a->answers.timer = evtimer_new(a->base, on_timer, a);
	return a->answers.timer ? 0 : -ENOMEM;
}

void app_answers_fini(struct app *a)
{
	if (a->answers.timer)
		event_free(a->answers.timer);
}
