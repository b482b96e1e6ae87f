/* SPDX-License-Identifier: GPL-2.0-or-later */
/* on-role-change: tells a program of the operator's what became of the router. It is started from
 * the event loop after the step that changed the role, so it is on no promotion's path. */
#include "router_priv.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "vrouter/log.h"

#define ENV_PREFIX "VROUTERD_"

void router_environment_add(struct environment *e, const char *name, const char *value)
{
	snprintf(e->text[e->n], sizeof(e->text[e->n]), "%s=%s", name, value);
	e->list[e->n] = e->text[e->n];
	e->list[++e->n] = NULL;
}

/* The first, and all of them. */
static void put_vips(struct environment *e, const char *name, const char *all,
		     const struct conf_leg *leg)
{
	char text[NET_VIPS_MAX * (IP_PREFIX_STRLEN + 1)] = "", vip[IP_PREFIX_STRLEN];
	size_t at = 0;

	for (unsigned i = 0; i < leg->n_vips && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
				       ip_prefix_format(&leg->vip[i], vip));
	router_environment_add(e, name, ip_prefix_format(&leg->vip[0], vip));
	router_environment_add(e, all, text);
}

void router_environment(struct environment *e, const struct router *r, const struct hook_news *news)
{
	char term[16];

	e->n = 0;
	snprintf(term, sizeof(term), "%u", news->term);
	router_environment_add(e, "PATH",
			       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	router_environment_add(e, ENV_PREFIX "CONTROLLER", r->env->controller);
	router_environment_add(e, ENV_PREFIX "ROUTER", r->conf.name);
	router_environment_add(e, ENV_PREFIX "GROUP", r->conf.election.group);
	router_environment_add(e, ENV_PREFIX "ROLE", life_role_name(news->role));
	router_environment_add(e, ENV_PREFIX "OLD_ROLE", life_role_name(news->old_role));
	router_environment_add(e, ENV_PREFIX "REASON", news->reason);
	router_environment_add(e, ENV_PREFIX "TERM", term);
	router_environment_add(e, ENV_PREFIX "SYNC", life_sync_name(news->sync));
	router_environment_add(e, ENV_PREFIX "NAMESPACE", r->conf.namespace);
	put_vips(e, ENV_PREFIX "MANAGEMENT_VIP", ENV_PREFIX "MANAGEMENT_VIPS",
		 &r->conf.leg[NET_MANAGEMENT]);
	put_vips(e, ENV_PREFIX "PUBLIC_VIP", ENV_PREFIX "PUBLIC_VIPS", &r->conf.leg[NET_PUBLIC]);
}

static void complain(struct router *r, const char *what)
{
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", r->conf.on_role_change, what);
	log_warn("router", r->conf.name, "on-role-change: %s", text);
	router_happened(r, HAPPENING_NOTE, "on-role-change failed", text);
}

static void on_end(void *ctx, enum program_end end, const char *text);

/* Most routers have none. */
static int prepare(struct router *r)
{
	return r->program || !r->conf.on_role_change[0]
		       ? 0
		       : program_new(&r->program, r->env->base, r->conf.name, on_end, r);
}

/* Runs until something is under way, or nothing is left to tell. */
static void start(struct router *r, bool go, struct hook_news *news)
{
	while (go) {
		struct environment e;
		int err;

		if (!r->conf.on_role_change[0]) { /* a reload took it away */
			go = hook_queue_done(&r->hook_queue, news);
			continue;
		}
		router_environment(&e, r, news);
		r->hook.runs++;
		err = prepare(r);
		if (!err)
			err = program_start(r->program, r->conf.on_role_change, e.list,
					    r->conf.on_role_change_timeout_s * 1000);
		if (!err)
			return;
		r->hook.failed++;
		complain(r, strerror(-err));
		go = hook_queue_done(&r->hook_queue, news);
	}
}

static void on_end(void *ctx, enum program_end end, const char *text)
{
	struct router *r = ctx;
	struct hook_news news;

	r->hook.failed += end == PROGRAM_FAILED;
	r->hook.killed += end == PROGRAM_TIMEOUT;
	if (end != PROGRAM_DONE)
		complain(r, text);
	start(r, hook_queue_done(&r->hook_queue, &news), &news);
}

/* The change's own step is over. */
static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;
	struct hook_news news;

	(void)fd;
	(void)what;
	start(r, hook_queue_push(&r->hook_queue, &r->hook_due, &news), &news);
}

int router_hook_open(struct router *r)
{
	r->hook_timer = evtimer_new(r->env->base, on_due, r);
	return r->hook_timer ? prepare(r) : -ENOMEM;
}

void router_hook_close(struct router *r)
{
	program_free(r->program);
	if (r->hook_timer)
		event_free(r->hook_timer);
}

void router_hook_tell(struct router *r)
{
	if (!r->conf.on_role_change[0])
		return;
	r->hook_queue.coalesced += evtimer_pending(r->hook_timer, NULL) != 0;
	r->hook_due = (struct hook_news){
		.role = life_role(r->life.state), .sync = r->life.sync, .term = r->life.term};
	snprintf(r->hook_due.reason, sizeof(r->hook_due.reason), "%s", r->life.reason);
	router_arm(r->hook_timer, 0);
}

bool router_hook_busy(const struct router *r)
{
	return evtimer_pending(r->hook_timer, NULL) || program_runs(r->program);
}
