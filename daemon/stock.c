/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include <event2/event.h>

#include "../conntrackd-conf/ctd_write.h"
#include "clock.h"
#include "program.h"
#include "vrouter/log.h"
#include "vrouter/netns.h"

#define LINK_RETRY_MS 1000
#define STATUS_MS     2000
#define COMMAND_MS    30000

struct stock {
	struct stock_env env;
	const struct conf_router *router;
	const struct stock_ops *ops;
	void *ctx;
	struct service_env service_env;
	struct service *service;
	struct program *program, *status; /* commands; whether it lives */
	struct event *timer;		  /* the next try to make its links */
	struct stock_plan plan;
	struct stock_stats stats;
	enum stock_command running, failed;
	char reason[160];
	char run_dir[CONF_PATH_MAX], controller[CONF_NAME_MAX];
	char folder[SERVICE_PATH_MAX], path[SERVICE_PATH_MAX];
	pid_t up; /* the process that has answered, and whose caches are known; 0: none */
	bool troubled;
};

static const struct service_kind kind = {
	.name = "conntrackd",
	.program = "conntrackd",
	.package = "conntrackd",
	.caps = UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW |
		UINT64_C(1) << CAP_SYS_NICE,
	.writes = true,
	.args = {"-C", SERVICE_CONFIG},
};

static void trouble(struct stock *s, const char *what)
{
	bool on = what != NULL;

	if (on != s->troubled)
		s->ops->on_trouble(s->ctx, what);
	s->troubled = on;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void failed(struct stock *s, enum stock_command c, const char *why)
{
	s->stats.failed[c]++;
	if (c == STOCK_STATUS) /* its supervision counts these */
		return;
	s->failed = c;
	snprintf(s->reason, sizeof(s->reason), "conntrackd %s (%s): %s", stock_command_option(c),
		 stock_command_name(c), why);
	s->ops->on_command(s->ctx, c, s->reason);
}

static bool run(struct stock *s, struct program *program, enum stock_command c)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C",
		    opt[] = "-C";
	char config[SERVICE_PATH_MAX + 8], command[4], *env[] = {path, lang, NULL};
	char *args[] = {opt, config, command, NULL};
	struct program_job job = {.path = s->path,
				  .args = args,
				  .env = env,
				  .limit_ms = c == STOCK_STATUS	  ? STATUS_MS
					      : c == STOCK_COMMIT ? STOCK_COMMIT_MS
								  : COMMAND_MS,
				  .mute = c == STOCK_STATUS,
				  .netns = netns_fd(s->env.ns)};
	int err;

	snprintf(config, sizeof(config), "%s/config", s->folder);
	snprintf(command, sizeof(command), "%s", stock_command_option(c));
	s->stats.runs[c]++;
	err = program_run(program, &job);
	if (err < 0)
		failed(s, c, strerror(-err));
	return err == 0;
}

static void run_next(struct stock *s)
{
	enum stock_command c = STOCK_NONE;

	while (!program_runs(s->program) && (c = stock_plan_next(&s->plan)) != STOCK_NONE) {
		if (!run(s, s->program, c))
			continue;
		s->running = c;
		service_can_be_asked(s->service, false);
	}
}

static void on_end(void *ctx, enum program_end end, const char *text)
{
	struct stock *s = ctx;
	enum stock_command c = s->running;

	s->running = STOCK_NONE;
	if (end != PROGRAM_DONE)
		failed(s, c, text);
	else
		s->ops->on_command(s->ctx, c, NULL);
	run_next(s);
	if (!program_runs(s->program))
		service_can_be_asked(s->service, true);
}

/* Its supervision restarts it without a word where nothing is wrong with it (another configuration,
 * a new link): what counts is whether this one has the caches that were filled. */
static void look(struct stock *s, const char *why)
{
	struct service_view v;
	pid_t now;

	service_view(s->service, &v);
	now = v.care->state == SERVICE_UP ? v.pid : 0;
	if (now == s->up)
		return;
	if (s->up) {
		s->up = 0;
		stock_plan_clear(&s->plan);
		s->ops->on_down(s->ctx, why);
	}
	if (now) {
		s->up = now;
		stock_plan_up(&s->plan, s->ops->is_active(s->ctx));
		s->ops->on_up(s->ctx); /* a promotion that waited replaces it */
		run_next(s);
	}
}

static void on_status(void *ctx, enum program_end end, const char *text)
{
	struct stock *s = ctx;

	if (end != PROGRAM_DONE) {
		failed(s, STOCK_STATUS, text);
		return;
	}
	service_answered(s->service);
	look(s, "it was started anew");
}

static void ask(void *ctx)
{
	struct stock *s = ctx;

	if (!program_runs(s->status))
		run(s, s->status, STOCK_STATUS);
}

/* ---- its life -------------------------------------------------------------------------------- */

/* It refuses to start while its lock file is there, and one that was killed leaves it; a second one
 * of ours there never is. */
static void forget_lock(const struct stock *s)
{
	char lock[SERVICE_PATH_MAX + 8];

	snprintf(lock, sizeof(lock), "%s/lock", s->folder);
	unlink(lock);
}

static void on_state(void *ctx, enum service_state state, const char *why)
{
	(void)state;
	forget_lock(ctx);
	look(ctx, why);
}

static void on_line(void *ctx, const char *line)
{
	struct stock *s = ctx;
	unsigned n;

	if (!stock_left_out(line, &n))
		return;
	s->stats.left_out += n;
	s->ops->on_left_out(s->ctx, n);
}

/* Makes the links where they are not there. True: nothing is missing. */
static bool make_links(struct stock *s, struct ctd_write *w, bool *made)
{
	char reason[NET_REASON_MAX], name[IFNAMSIZ];
	struct ip_prefix own;

	ctd_link_address(&own, s->controller, s->router->name);
	for (unsigned i = 0; i < s->env.sync->n_interfaces; i++) {
		bool one;

		ctd_link_name(name, i);
		if (net_sync_link(s->env.ns, s->env.sync->interface[i], name, &own, &one, reason) <
		    0) {
			trouble(s, reason);
			return false;
		}
		*made |= one;
		w->link[i].own = own.addr;
		own.addr.b[3] = (uint8_t)(own.addr.b[3] % 254 + 1); /* each has one of its own */
	}
	return true;
}

static int write_config(struct stock *s, struct ctd_write *w)
{
	char name[SYNC_LINKS_MAX][IFNAMSIZ], why[CTD_WHY_MAX];
	struct txt config = {0};
	int err;

	for (unsigned i = 0; i < s->env.sync->n_interfaces; i++) {
		ctd_link_name(name[i], i);
		w->link[i].interface = name[i];
	}
	err = ctd_write(&config, w, why);
	if (!err) {
		err = service_run(s->service, config.p);
		snprintf(why, sizeof(why), "its configuration: %s", strerror(-err));
	}
	txt_free(&config);
	trouble(s, err ? why : NULL);
	return err;
}

/* Once a second: a link that went with its parent is made again, and then it needs a new start, for
 * its sockets were the old one's. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct stock *s = ctx;
	struct ctd_write w = {.sync = s->env.sync, .router = s->router, .dir = s->folder};
	const struct timeval again = timeval_ms(LINK_RETRY_MS);
	bool made = false;

	(void)fd;
	(void)what;
	if (make_links(s, &w, &made)) {
		if (made)
			service_end(s->service);
		(void)!write_config(s, &w); /* it has said what is wrong */
		look(s, made ? "its link is a new one" : "its configuration is another one");
	}
	evtimer_add(s->timer, &again);
}

int stock_new(struct stock **out, const struct stock_env *env, const struct conf_router *router,
	      const struct stock_ops *ops, void *ctx)
{
	static const struct service_ops service_ops = {
		.ask = ask, .on_state = on_state, .on_line = on_line};
	struct stock *s = calloc(1, sizeof(*s));
	const struct timeval now = {0};
	char why[SERVICE_TEXT_MAX];
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct stock){.env = *env, .router = router, .ops = ops, .ctx = ctx};
	snprintf(s->run_dir, sizeof(s->run_dir), "%s", env->run_dir);
	snprintf(s->controller, sizeof(s->controller), "%s", env->controller);
	s->service_env = (struct service_env){
		.base = env->base, .ns = env->ns, .run_dir = s->run_dir, .instance = router->name};
	service_folder(s->folder, env->run_dir, router->name, kind.name);
	s->timer = evtimer_new(env->base, on_timer, s);
	err = s->timer ? service_find(s->path, &kind, why) : -ENOMEM;
	if (err < 0 && s->timer)
		log_err("sync", router->name, "%s", why);
	if (!err)
		err = program_new(&s->program, env->base, router->name, on_end, s);
	if (!err)
		err = program_new(&s->status, env->base, router->name, on_status, s);
	if (!err)
		err = service_new(&s->service, &kind, &s->service_env, &service_ops, s);
	if (!err && evtimer_add(s->timer, &now) < 0)
		err = -ENOMEM;
	if (err < 0) {
		stock_free(s);
		return err;
	}
	forget_lock(s); /* that of a daemon that was killed */
	*out = s;
	return 0;
}

void stock_free(struct stock *s)
{
	char name[IFNAMSIZ];

	if (!s)
		return;
	if (s->timer)
		event_free(s->timer);
	program_free(s->program);
	program_free(s->status);
	service_free(s->service);
	for (unsigned i = 0; i < s->env.sync->n_interfaces; i++) {
		ctd_link_name(name, i);
		net_sync_link_remove(s->env.ns, name);
	}
	free(s);
}

void stock_reconfigure(struct stock *s, const struct conf_router *router)
{
	s->router = router;
	on_timer(-1, 0, s);
}

bool stock_is_up(const struct stock *s)
{
	return s->up != 0;
}

void stock_promote(struct stock *s)
{
	if (!s->up)
		return;
	stock_plan_promote(&s->plan);
	run_next(s);
}

void stock_demote(struct stock *s)
{
	if (!s->up)
		return;
	stock_plan_demote(&s->plan);
	run_next(s);
}

void stock_request(struct stock *s)
{
	if (!s->up)
		return;
	stock_plan_up(&s->plan, false);
	run_next(s);
}

bool stock_is_due(const struct stock *s, enum stock_command c)
{
	return stock_plan_has(&s->plan, c);
}

void stock_view(const struct stock *s, struct stock_view *out)
{
	*out = (struct stock_view){.stats = s->stats,
				   .up = s->up != 0,
				   .running = s->running,
				   .failed = s->failed,
				   .reason = s->reason};
	service_view(s->service, &out->service);
	out->stats.starts = out->service.care->starts;
	out->stats.died = out->service.care->died;
	out->stats.hung = out->service.care->hung;
}
