/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to the control socket. What replication counts is asked for first, with a bound: without
 * its answer, the last known figures are told. */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include <event2/event.h>

#include "app.h"
#include "clock.h"
#include "vrouter/log.h"

#define QUERY_MS     200
#define MANY_ROUTERS 64

static void answer_query(struct app *a, const struct app_query *q)
{
	const char *only = q->req.router;
	json_t *data = NULL;

	if (q->req.cmd == CTL_CHECK) {
		app_check(a, q->client, &q->req);
		return;
	}
	if (q->req.cmd == CTL_STATUS)
		data = status_json(a, only);
	else if (q->req.cmd == CTL_PEERS)
		data = peers_json(a, only);
	else
		data = stats_json(a, only);
	if (data)
		ctl_server_reply(a->ctl, q->client, data);
	else
		ctl_server_error(a->ctl, q->client, CTL_FAILED, "out of memory");
	if (a->n_routers >= MANY_ROUTERS)
		malloc_trim(0); /* of a thousand routers that was 30 MB */
}

void app_answer_queries(struct app *a)
{
	unsigned n = a->n_queries;

	evtimer_del(a->query_timer);
	a->answers_due = a->n_queries = 0;
	for (unsigned i = 0; i < n; i++)
		answer_query(a, &a->query[i]);
}

void app_on_report(struct app *a)
{
	if (a->answers_due && --a->answers_due == 0)
		app_answer_queries(a);
}

static void ask(struct app *a, uint64_t client, const struct ctl_request *req)
{
	struct sync_msg m = {.type = SYNC_MSG_QUERY};
	struct timeval tv = timeval_ms(QUERY_MS);
	struct app_query q = {.client = client, .req = *req};

	if (!a->sync || !sync_child_is_up(a->sync) || !a->n_routers ||
	    a->n_queries == CTL_CLIENTS_MAX) {
		answer_query(a, &q);
		return;
	}
	a->query[a->n_queries++] = q;
	if (a->answers_due) /* it was asked already */
		return;
	a->answers_due = a->n_routers;
	evtimer_add(a->query_timer, &tv);
	sync_child_send(a->sync, &m, NULL, 0);
}

static void tell_namespaces(struct app *a, uint64_t client, const struct ctl_request *req)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->n_routers; i++) {
		struct router_view v;

		router_view(a->router[i], &v);
		if (!req->router[0] || strcmp(req->router, v.conf->name) == 0)
			json_array_append_new(list, json_pack("{s:s, s:s}", "router", v.conf->name,
							      "namespace", v.conf->namespace));
	}
	ctl_server_reply(a->ctl, client, list);
}

static void tell_events(struct app *a, uint64_t client, const struct ctl_request *req)
{
	json_t *list = json_array();
	uint64_t end, id = event_ring_last(&a->ring, req->lines, &end);

	for (; id < end; id++)
		json_array_append_new(list, happening_json(event_ring_get(&a->ring, id)));
	if (req->follow)
		ctl_server_follow(a->ctl, client, list);
	else
		ctl_server_reply(a->ctl, client, list);
}

static void reload(struct app *a, uint64_t client)
{
	char text[APP_TEXT_MAX];
	struct happening h = {.type = HAPPENING_CONFIG};
	int err = app_reload(a, text);

	snprintf(h.text, sizeof(h.text), "%s", err < 0 ? "reload failed" : "reload");
	snprintf(h.reason, sizeof(h.reason), "%.*s", (int)sizeof(h.reason) - 1, text);
	app_happening(a, &h);
	if (err < 0)
		ctl_server_error(a->ctl, client, CTL_FAILED,
				 err == -EIO ? "%s" : "nothing changed: %s", text);
	else
		ctl_server_reply(a->ctl, client, json_pack("{s:s}", "text", text));
}

static void plan(struct app *a, uint64_t client)
{
	char why[APP_TEXT_MAX];
	json_t *data = app_plan(a, why);

	if (data)
		ctl_server_reply(a->ctl, client, data);
	else
		ctl_server_error(a->ctl, client, CTL_FAILED, "a reload would change nothing: %s",
				 why[0] ? why : "out of memory");
}

static void tell_version(struct app *a, uint64_t client)
{
	ctl_server_reply(a->ctl, client,
			 json_pack("{s:s, s:i, s:s, s:s}", "version", VR_VERSION, "pid",
				   (int)getpid(), "controller", a->conf->controller.name, "config",
				   a->config));
}

void app_on_answer(void *ctx, uint64_t client, bool ok, const char *text)
{
	struct app *a = ctx;

	if (ok)
		ctl_server_reply(a->ctl, client, json_pack("{s:s}", "text", text));
	else
		ctl_server_error(a->ctl, client, CTL_FAILED, "%s", text);
}

static const struct conf_router *find_conf(const struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->conf->n_routers; i++)
		if (strcmp(a->conf->router[i].name, name) == 0)
			return &a->conf->router[i];
	return NULL;
}

/* The request is about a router that does not run here. true: that is its answer. */
static bool refuse_off(struct app *a, uint64_t client, const struct ctl_request *req)
{
	const struct app_off *o = app_off_find(a, req->router);
	bool moves = req->cmd == CTL_PROMOTE || req->cmd == CTL_DEMOTE;

	if (o && (req->cmd == CTL_STATUS || req->cmd == CTL_START || req->cmd == CTL_STOP ||
		  req->cmd == CTL_REMOVE))
		return false;
	if (o)
		ctl_server_error(a->ctl, client, CTL_FAILED,
				 "router \"%s\" was %s by hand: vrouterctl start %s", o->name,
				 o->what == ROUTER_REMOVED ? "removed" : "stopped", o->name);
	else
		ctl_server_error(a->ctl, client, CTL_NOT_FOUND, "there is no router %s\"%s\"",
				 moves ? "or group of routers " : "", req->router);
	return true;
}

static void turn(struct app *a, uint64_t client, const struct ctl_request *req)
{
	const struct conf_router *c = find_conf(a, req->router);

	if (!c)
		app_on_answer(a, client, false,
			      "it is being removed: the configuration has it no more");
	else if (req->cmd == CTL_START)
		app_off_start(a, c, client);
	else
		app_off_stop(a, c, req->cmd == CTL_STOP ? ROUTER_STOPPED : ROUTER_REMOVED, client);
}

void app_on_request(void *ctx, uint64_t client, const struct ctl_request *req)
{
	struct app *a = ctx;
	struct router *r = req->router[0] ? app_find(a, req->router) : NULL;
	bool moves = req->cmd == CTL_PROMOTE || req->cmd == CTL_DEMOTE;

	if (!r && moves)
		r = router_group_find(&a->groups, req->router);
	if (req->router[0] && !r && refuse_off(a, client, req))
		return;
	switch (req->cmd) {
	case CTL_STATUS:
	case CTL_PEERS:
	case CTL_STATS:
	case CTL_CHECK:
		ask(a, client, req);
		break;
	case CTL_FLOWS:
		tell_namespaces(a, client, req);
		break;
	case CTL_PROMOTE:
	case CTL_DEMOTE:
		router_command(r, req->cmd == CTL_PROMOTE, req->force, client);
		break;
	case CTL_STOP:
	case CTL_START:
	case CTL_REMOVE:
		turn(a, client, req);
		break;
	case CTL_VERIFY:
		app_verify(a, req->router, client);
		break;
	case CTL_EVENTS:
		tell_events(a, client, req);
		break;
	case CTL_RELOAD:
		reload(a, client);
		break;
	case CTL_PLAN:
		plan(a, client);
		break;
	case CTL_UPGRADE:
		app_upgrade(a, client);
		break;
	case CTL_VERSION:
		tell_version(a, client);
		break;
	case CTL_CMDS:
		break;
	}
}
