/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon and its guard: what that is to hold for the next core, and what the guard of the core
 * before this one hands over. */
#include "app.h"

#include <errno.h>
#include <string.h>

#include "adopt.h"
#include "build_id.h"
#include "guard.h"
#include "vrouter/log.h"

/* ---- for the next core ------------------------------------------------------------------------
 */

static bool is_any_adopted(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_routers; i++)
		if (c->router[i].crash == CONF_CRASH_ADOPT)
			return true;
	return false;
}

void app_hold(struct app *a)
{
	struct guard_hold h = {.listener = -1, .sync = -1, .sync_pidfd = -1};
	const char *run_dir = a->conf->controller.run_dir;
	struct sync_child_kept sync;

	if (!is_any_adopted(a->conf)) {
		if (a->listener >= 0)
			guard_hold(a->guard, &h);
		return;
	}
	if (a->listener < 0)
		a->listener = guard_socket_listen(run_dir);
	if (a->listener < 0) {
		log_err("guard", NULL, "%s/guard.sock: %s: nothing will be adopted", run_dir,
			strerror(-a->listener));
		return;
	}
	h.listener = a->listener;
	if (a->sync && sync_child_share(a->sync, &sync)) {
		h.sync = sync.fd;
		h.sync_pidfd = sync.pidfd;
		h.sync_id = conf_sync_id(a->conf, VR_BUILD);
	}
	guard_hold(a->guard, &h);
}

/* ---- from the core before ---------------------------------------------------------------------
 */

/* Each of them advertises before the one that did it meanwhile stops. */
static void finish_adoption(struct app *a)
{
	char(*names)[NET_NAME_MAX] = calloc(a->n_routers + 1, sizeof(*names));
	unsigned n = 0;

	a->adopting = false;
	for (unsigned i = 0; names && i < a->n_routers; i++)
		if (router_has_adopted(a->router[i]))
			snprintf(names[n++], sizeof(*names), "%s", router_name(a->router[i]));
	adopt_done(a->adopt, (const char(*)[NET_NAME_MAX])names, n);
	free(names);
}

/* In this order: there is no moment in which nobody would leave for a router. */
static void on_guard_up(void *ctx)
{
	struct app *a = ctx;

	app_hold(a);
	for (unsigned i = 0; i < a->n_routers; i++)
		router_guard_arm(a->router[i]);
	if (a->adopting)
		finish_adoption(a);
}

int app_start_guard(struct app *a)
{
	struct spawn_opts opts = app_spawn_opts(a);

	return guard_new(&a->guard, a->base, &opts, on_guard_up, a);
}

int app_look_for_kept(struct app *a)
{
	int err = adopt_new(&a->adopt, a->base, a->conf->controller.run_dir);

	if (err < 0)
		log_err("guard", NULL, "the one before is not understood: %s", strerror(-err));
	a->adopting = a->adopt != NULL;
	return err == -ENOMEM ? err : 0;
}

void app_end_guard(struct app *a)
{
	guard_free(a->guard); /* what is still ACTIVE leaves now */
	adopt_free(a->adopt);
	if (a->listener < 0)
		return;
	close(a->listener);
	guard_socket_remove(a->conf->controller.run_dir);
}
