/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop, start, remove. What is wished is noted first, so that a core that dies on the way is
 * followed by one that completes it; then the router ends as it does when the configuration loses
 * it: it hands its role over, and takes away what it made. */
#include "app_off.h"

#include <errno.h>
#include <string.h>

#include "app.h"
#include "clock.h"
#include "vrouter/log.h"

#define TEXT_MAX 512

struct app_off *app_off_find(const struct app *a, const char *name)
{
	struct app_off *o = a->off;

	while (o && strcmp(o->name, name) != 0)
		o = o->next;
	return o;
}

const struct app_off *app_off_busy(const struct app *a)
{
	const struct app_off *o = a->off;

	while (o && !o->busy)
		o = o->next;
	return o;
}

static struct app_off *add(struct app *a, const char *name, enum router_off what, uint64_t since_ms)
{
	struct app_off *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->what = what;
	o->since_ms = since_ms;
	snprintf(o->name, sizeof(o->name), "%s", name);
	o->next = a->off;
	a->off = o;
	return o;
}

static void drop(struct app *a, struct app_off *o)
{
	struct app_off **at = &a->off;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	free(o);
}

void app_off_free(struct app *a)
{
	while (a->off)
		drop(a, a->off);
}

void app_off_forget(struct app *a, const char *name)
{
	struct app_off *o = app_off_find(a, name);

	if (o)
		drop(a, o);
	router_state_forget(a->env.run_dir, a->env.state_dir, name);
}

static const struct conf_router *conf_of(const struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->conf->n_routers; i++)
		if (strcmp(a->conf->router[i].name, name) == 0)
			return &a->conf->router[i];
	return NULL;
}

static void tell(struct app *a, const char *router, const char *text, const char *reason)
{
	struct happening h = {.type = HAPPENING_NOTE};

	snprintf(h.router, sizeof(h.router), "%s", router);
	snprintf(h.text, sizeof(h.text), "%s", text);
	snprintf(h.reason, sizeof(h.reason), "%.*s", (int)sizeof(h.reason) - 1, reason);
	log_info("router", router, "%s%s%s", text, *reason ? ": " : "", reason);
	app_happening(a, &h);
}

/* ---- taking away ------------------------------------------------------------------------------
 */

/* 0, or -errno with text. Nothing of it runs any more. */
static int clear(struct app *a, struct app_off *o, const struct conf_router *c,
		 char text[static TEXT_MAX])
{
	const bool remove = o->what == ROUTER_REMOVED;
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;
	int err;

	conf_net_desired(&d, c, false);
	router_ovs_return(a->ovs, c);
	err = net_clear(c->namespace, &d, remove, o->left, reason);
	if (err < 0)
		snprintf(text, TEXT_MAX, "%s", reason);
	else if (o->left[0])
		snprintf(text, TEXT_MAX,
			 "its legs and rules are gone, but namespace %s stays: what is left in it "
			 "is "
			 "none of vrouterd's (%s); take that away, and remove it again",
			 c->namespace, o->left);
	else if (remove)
		snprintf(text, TEXT_MAX, "removed, with its namespace %s", c->namespace);
	else
		snprintf(text, TEXT_MAX, "stopped; its namespace %s stays", c->namespace);
	return err < 0 ? err : o->left[0] ? -ENOTEMPTY : 0;
}

static void complete(struct app *a, struct app_off *o, uint64_t client)
{
	const struct conf_router *c = conf_of(a, o->name);
	char text[TEXT_MAX];
	int err = clear(a, o, c, text);

	tell(a, o->name, o->what == ROUTER_REMOVED ? "removed by hand" : "stopped by hand",
	     err < 0 ? text : "");
	if (client)
		app_on_answer(a, client, err == 0, text);
}

/* Asked for, and known from now on, whatever happens to this process. */
static int note(struct app *a, const char *name, enum router_off what)
{
	return router_off_write(a->conf->controller.run_dir, name, what, wall_ms());
}

bool app_off_kept(struct app *a, const struct conf_router *c)
{
	char text[TEXT_MAX];
	uint64_t since_ms;
	enum router_off what = router_off_read(a->conf->controller.run_dir, c->name, &since_ms);
	struct app_off *o = what == ROUTER_ON ? NULL : add(a, c->name, what, since_ms);

	if (!o)
		return false;
	if (clear(a, o, c, text) < 0)
		log_warn("router", c->name, "%s", text);
	log_info("router", c->name, "%s by hand: it is not started",
		 what == ROUTER_REMOVED ? "removed" : "stopped");
	return true;
}

void app_off_ended(struct app *a, const char *name)
{
	struct app_off *o = app_off_find(a, name);
	uint64_t client;

	if (!o || !o->busy)
		return;
	client = o->client;
	o->busy = false;
	o->client = 0;
	if (o->what == ROUTER_REMOVED)
		router_state_forget(a->env.run_dir, a->env.state_dir, name);
	if (note(a, name, o->what) < 0) /* it was noted before: only the time is another */
		log_warn("router", name, "cannot note that it is off");
	complete(a, o, client);
}

/* ---- verbs ------------------------------------------------------------------------------------
 */

static void fail(struct app *a, uint64_t client, const char *fmt, ...) printf_like(3, 4);

static void fail(struct app *a, uint64_t client, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	app_on_answer(a, client, false, text);
}

static void stop_running(struct app *a, const struct conf_router *c, enum router_off what,
			 uint64_t client)
{
	struct app_off *o;
	int err = note(a, c->name, what);

	if (err < 0) {
		fail(a, client, "cannot note it in %s: %s", a->conf->controller.run_dir,
		     strerror(-err));
		return;
	}
	o = add(a, c->name, what, wall_ms());
	if (!o) {
		fail(a, client, "out of memory");
		return;
	}
	o->busy = true;
	o->client = client;
	app_end_router(a, c->name, what == ROUTER_REMOVED ? "removed by hand" : "stopped by hand");
}

void app_off_stop(struct app *a, const struct conf_router *c, enum router_off what, uint64_t client)
{
	struct app_off *o = app_off_find(a, c->name);
	int err;

	if (a->stopping) {
		fail(a, client, "the daemon is ending");
	} else if (!o) {
		stop_running(a, c, what, client);
	} else if (o->busy) {
		fail(a, client, "it is being %s right now",
		     o->what == ROUTER_REMOVED ? "removed" : "stopped");
	} else if (what == ROUTER_STOPPED) {
		app_on_answer(a, client, true,
			      o->what == ROUTER_STOPPED ? "stopped already" : "removed already");
	} else {
		o->what = ROUTER_REMOVED;
		router_state_forget(a->env.run_dir, a->env.state_dir, c->name);
		err = note(a, c->name, o->what);
		if (err < 0)
			log_warn("router", c->name, "cannot note that it is removed: %s",
				 strerror(-err));
		complete(a, o, client);
	}
}

void app_off_start(struct app *a, const struct conf_router *c, uint64_t client)
{
	struct app_off *o = app_off_find(a, c->name);
	char reason[NET_REASON_MAX] = "";
	const char *refused = o ? router_group_refuses(&a->groups, c) : NULL;
	int err;

	app_know_processes(a, true);
	if (a->stopping) {
		fail(a, client, "the daemon is ending");
	} else if (!o) {
		app_on_answer(a, client, true, "it is not stopped");
	} else if (o->busy) {
		fail(a, client, "it is being stopped right now; try again");
	} else if (refused) {
		fail(a, client, "%s cannot change while group \"%s\" runs", refused,
		     c->election.group);
	} else if ((err = app_add_router(a, c, reason)) < 0) {
		fail(a, client, "%s", reason[0] ? reason : strerror(-err));
	} else {
		drop(a, o);
		if (note(a, c->name, ROUTER_ON) < 0)
			log_warn("router", c->name,
				 "its note in %s stays: the next start will not "
				 "start it",
				 a->conf->controller.run_dir);
		router_groups_whole(&a->groups);
		tell(a, c->name, "started by hand", "");
		app_on_answer(a, client, true, "started");
	}
	app_know_processes(a, false);
}
