/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the thing is that a track is about, by kind. A look at a link or a route is a request to the
 * kernel; all else is asked, and answers later. A gateway is asked by an ACTIVE only: whatever a
 * STANDBY sends, switches learn from it, and neighbours too. What it happens to hear of the gateway
 * counts (router_track.c: hold). */
#include "router_track.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "vrouter/log.h"

/* ---- links and routes -------------------------------------------------------------------------
 */

/* 1, 0, -errno: see net_look(). */
static int look(struct tracker *t, char why[static NET_REASON_MAX])
{
	int n = net_look(t->r->ns, &t->look, why);

	if (n < 0)
		log_debug("track", t->r->conf.name, "%s: cannot look: %s", tracker_conf(t)->name,
			  strerror(-n));
	return n;
}

/* ---- gateway ----------------------------------------------------------------------------------
 */

static void on_heard(void *ctx, const uint8_t mac[static NET_MAC_BYTES])
{
	struct tracker *t = ctx;
	uint64_t now = now_ms();

	(void)mac;

	if (t->state.active && !evtimer_pending(t->answer, NULL))
		return; /* late, or not asked for */
	evtimer_del(t->answer);
	/* while it cannot be asked one sign of life an interval is a sample */
	if (!t->state.active &&
	    (t->state.state != TRACK_FAILING || now - t->heard_ms < tracker_conf(t)->interval_ms))
		return;
	t->heard_ms = now;
	tracker_sample(t, true, NULL);
}

static void on_no_answer(evutil_socket_t fd, short what, void *ctx)
{
	struct tracker *t = ctx;
	char addr[INET6_ADDRSTRLEN], why[TRACK_WHY_MAX];

	(void)fd;
	(void)what;
	snprintf(why, sizeof(why), "%s does not answer",
		 ip_addr_format(&tracker_conf(t)->target, addr));
	tracker_sample(t, false, why);
}

static void ask_gateway(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);
	const struct ip_addr *from;
	struct net_desired d;
	int err;

	conf_net_desired(&d, &t->r->conf, true);
	from = probe_source(&d.leg[c->leg], &c->target);
	err = from ? net_probe_send(t->probe, from) : -EADDRNOTAVAIL;
	if (err < 0)
		tracker_sample(t, false, strerror(-err));
	else
		router_arm(t->answer, c->timeout_ms);
}

/* ---- script -----------------------------------------------------------------------------------
 */

static void on_end(void *ctx, enum program_end end, const char *text)
{
	struct tracker *t = ctx;
	char why[TRACK_WHY_MAX];

	snprintf(why, sizeof(why), "%s: %.40s", tracker_conf(t)->program, text);
	tracker_sample(t, end == PROGRAM_DONE, why);
}

static void run_script(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);
	const struct hook_news news = {.role = life_role(t->r->life.state),
				       .old_role = life_role(t->r->life.state),
				       .sync = t->r->life.sync,
				       .term = t->r->life.term};
	char *args[CONF_ARGUMENTS_MAX + 1] = {NULL};
	struct environment e;
	int err;

	_Static_assert(CONF_ARGUMENTS_MAX <= PROGRAM_ARGS, "arguments");
	if (program_runs(t->program))
		return;
	for (unsigned i = 0; i < c->n_arguments; i++)
		args[i] = (char *)(uintptr_t)c->argument[i];
	router_environment(&e, t->r, &news);
	router_environment_add(&e, "VROUTERD_TRACK", c->name);
	err = program_run(t->program, &(struct program_job){.path = c->program,
							    .args = args,
							    .env = e.list,
							    .limit_ms = c->timeout_ms,
							    .mute = true});
	if (err < 0)
		tracker_sample(t, false, strerror(-err));
}

/* ---- process ----------------------------------------------------------------------------------
 */

static void on_process(void *ctx, pid_t pid, const char *why)
{
	struct tracker *t = ctx;

	t->known = true;
	t->runs = pid != 0;
	snprintf(t->why, sizeof(t->why), "%s", why);
	tracker_news(t, t->runs, t->why);
}

/* ---- by kind ----------------------------------------------------------------------------------
 */

static bool is_look(enum track_kind k)
{
	return k == TRACK_CARRIER || k == TRACK_BRIDGE_PORT || k == TRACK_ROUTE;
}

void tracker_renew(struct tracker *t)
{
	if (is_look(tracker_conf(t)->kind)) /* a leg's bridge may be another one */
		conf_track_look(&t->look, &t->r->conf, tracker_conf(t));
}

static int open_gateway(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);

	t->answer = evtimer_new(t->r->env->base, on_no_answer, t);
	if (!t->answer)
		return -ENOMEM;
	return net_probe_new(&t->probe, t->r->ns, t->r->env->base, t->r->conf.leg[c->leg].interface,
			     &c->target, NET_PROBE_ANSWERS, on_heard, t);
}

int tracker_open(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);
	const struct router_env *env = t->r->env;

	switch (c->kind) {
	case TRACK_CARRIER:
	case TRACK_BRIDGE_PORT:
	case TRACK_ROUTE:
		tracker_renew(t);
		return 0;
	case TRACK_GATEWAY:
		return open_gateway(t);
	case TRACK_SCRIPT:
		return program_new(&t->program, env->base, t->r->conf.name, on_end, t);
	case TRACK_PROCESS:
		return procwatch_add(&t->process, env->procs, !c->process[0],
				     c->process[0] ? c->process : c->pid_file, c->interval_ms,
				     on_process, t);
	case TRACK_KINDS:
		break;
	}
	return -EINVAL;
}

void tracker_close(struct tracker *t)
{
	net_probe_free(t->probe);
	if (t->answer)
		event_free(t->answer);
	program_free(t->program);
	procwatch_del(t->process);
}

void tracker_tick(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);
	char why[NET_REASON_MAX];
	int n;

	switch (c->kind) {
	case TRACK_CARRIER:
	case TRACK_BRIDGE_PORT:
	case TRACK_ROUTE:
		n = track_is_judged(&c->rule, &t->state) ? look(t, why) : -EAGAIN;
		if (n >= 0)
			tracker_sample(t, n, why);
		break;
	case TRACK_GATEWAY:
		(void)!net_probe_renew(t->probe); /* it listens in any role */
		if (track_is_judged(&c->rule, &t->state))
			ask_gateway(t);
		break;
	case TRACK_SCRIPT:
		run_script(t);
		break;
	case TRACK_PROCESS:
		if (t->known)
			tracker_sample(t, t->runs, t->why);
		break;
	case TRACK_KINDS:
		break;
	}
}

void tracker_look(struct tracker *t)
{
	const struct conf_track *c = tracker_conf(t);
	char why[NET_REASON_MAX];
	int n;

	if (!is_look(c->kind) || !track_is_judged(&c->rule, &t->state))
		return;
	n = look(t, why);
	if (n >= 0)
		tracker_news(t, n, why);
}
