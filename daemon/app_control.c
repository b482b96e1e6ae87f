/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to the control socket. */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "status.h"

json_t *happening_json(const struct happening *h)
{
	char time[STATUS_TIME_LEN];

	if (!h)
		return json_null();
	return json_pack("{s:I, s:s, s:s?, s:s, s:s, s:s, s:I}", "id", (json_int_t)h->id, "time",
			 status_time(h->time_ms, time), "router", h->router[0] ? h->router : NULL,
			 "type", happening_name(h->type), "text", h->text, "reason", h->reason,
			 "term", (json_int_t)h->term);
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
	case CTL_FLOWS:
		app_answer(a, client, req);
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
