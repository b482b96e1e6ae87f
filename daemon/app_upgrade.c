/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl upgrade`: the binary that is installed now takes the place of this process, in it. To
 * the guard that is a core which ended: it stands in until the new one has adopted everything.
 *
 * Before that, the new binary has to start and accept the configuration. */
#include "app.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "guard.h"
#include "notify.h"
#include "ovs.h"
#include "procwatch.h"
#include "program.h"
#include "vrouter/log.h"

#define CHECK_MS 10000
#define REPLY_MS 50 /* for the answer to reach the client */

struct upgrade {
	struct app *app;
	struct program *check; /* NULL until the first one */
	struct event *timer;
	uint64_t client;
	bool going_on;
};

/* Why not now, or NULL. name: of the router. */
static const char *obstacle(const struct app *a, const struct router_view *v)
{
	bool single = v->conf->election.mode == CONF_ELECTION_SINGLE;

	switch (v->life->state) {
	case LIFE_INIT:
	case LIFE_PROMOTING:
	case LIFE_DRAINING:
	case LIFE_RESIGNING:
	case LIFE_LINGERING:
		return "its role is about to change; try again";
	case LIFE_ACTIVE:
		if (!single && v->conf->crash != CONF_CRASH_ADOPT)
			return "it is ACTIVE, and crash is not \"adopt\": demote it first";
		if (!single && (!guard_pid(a->guard) || a->adopting))
			return "its guard is not there yet; try again";
		break;
	case LIFE_STANDBY:
	case LIFE_FAULT:
	case LIFE_STOPPED:
	case LIFE_STATES:
		break;
	}
	return v->busy ? "its program still runs; try again" : NULL;
}

/* 0 or -EBUSY. */
static int look_for_obstacles(const struct app *a, char why[static APP_TEXT_MAX])
{
	if (a->stopping) {
		snprintf(why, APP_TEXT_MAX, "the daemon is ending");
		return -EBUSY;
	}
	for (unsigned i = 0; i < a->n_routers; i++) {
		struct router_view v;
		const char *what;

		router_view(a->router[i], &v);
		what = obstacle(a, &v);
		if (!what)
			continue;
		snprintf(why, APP_TEXT_MAX, "router \"%s\": %s", v.conf->name, what);
		return -EBUSY;
	}
	return 0;
}

/* Another process would not know whose children these are. */
static void replace(struct app *a)
{
	static char resume[] = "--resume", config[] = "--config", foreground[] = "--foreground",
		    syslog[] = "--syslog", debug[] = "--debug";
	char *argv[8] = {a->exe, resume, config, a->config,
			 a->opts->foreground ? foreground : syslog};

	if (a->opts->debug)
		argv[5] = debug;
	log_info("vrouterd", NULL, "upgrade: %s goes on in this process", a->exe);
	notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now_us());
	procwatch_free(a->procs);
	for (unsigned i = 0; i < a->n_routers; i++)
		router_end_services(a->router[i]);
	ovs_free(a->ovs);
	execv(a->exe, argv);
	log_err("vrouterd", NULL, "upgrade: %s: %s; ending as it is", a->exe, strerror(errno));
	_exit(EXIT_FAILURE);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct upgrade *u = ctx;
	char why[APP_TEXT_MAX];

	(void)fd;
	(void)what;
	u->going_on = false;
	if (look_for_obstacles(u->app, why) < 0)
		log_err("vrouterd", NULL, "upgrade: %s; nothing changed", why);
	else
		replace(u->app);
}

static void on_checked(void *ctx, enum program_end end, const char *text)
{
	struct upgrade *u = ctx;
	const struct timeval soon = timeval_ms(REPLY_MS);
	char why[APP_TEXT_MAX];

	if (end != PROGRAM_DONE)
		snprintf(why, sizeof(why),
			 "%s does not accept the configuration, its words are in the log: %s",
			 u->app->exe, text);
	else if (look_for_obstacles(u->app, why) == 0)
		snprintf(why, sizeof(why), "%s takes over", u->app->exe);
	else
		end = PROGRAM_FAILED;
	u->going_on = end == PROGRAM_DONE;
	app_on_answer(u->app, u->client, u->going_on, why);
	if (u->going_on)
		evtimer_add(u->timer, &soon);
}

/* 0 or -errno. */
static int make(struct app *a)
{
	struct upgrade *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	*u = (struct upgrade){.app = a};
	a->upgrade = u;
	u->timer = evtimer_new(a->base, on_timer, u);
	return u->timer ? program_new(&u->check, a->base, "upgrade", on_checked, u) : -ENOMEM;
}

static int start(struct app *a, char why[static APP_TEXT_MAX])
{
	static char *const none[] = {NULL};
	static char check[] = "--check-config", config[] = "--config", resume[] = "--resume";
	char *args[] = {resume, check, config, a->config, NULL};
	const struct program_job job = {
		.path = a->exe, .args = args, .env = none, .limit_ms = CHECK_MS};
	int err = look_for_obstacles(a, why);

	if (err < 0)
		return err;
	if (!a->upgrade)
		err = make(a);
	if (!err && a->upgrade->going_on)
		err = -EBUSY;
	if (!err)
		err = program_run(a->upgrade->check, &job);
	if (err < 0)
		snprintf(why, APP_TEXT_MAX, "%s: %s", a->exe,
			 err == -EBUSY ? "an upgrade is under way" : strerror(-err));
	return err;
}

void app_upgrade(struct app *a, uint64_t client)
{
	char why[APP_TEXT_MAX];

	if (start(a, why) < 0)
		app_on_answer(a, client, false, why);
	else
		a->upgrade->client = client;
}

void app_upgrade_free(struct app *a)
{
	if (!a->upgrade)
		return;
	program_free(a->upgrade->check);
	if (a->upgrade->timer)
		event_free(a->upgrade->timer);
	free(a->upgrade);
}
