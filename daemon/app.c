/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start: load and check the config, then everything that can be known beforehand (startup.h), and
 * only then the first change. End: every router resigns in order; namespaces, legs and flows stay,
 * so that the next start adopts them. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#include <event2/event.h>

#include "announcing.h"
#include "clock.h"
#include "notify.h"
#include "ovs.h"
#include "procwatch.h"
#include "startup.h"
#include "vrouter/dgram.h"
#include "vrouter/log.h"

/* Pages of its own for each router: those of it that are not used are not there. */
#define MMAP_ABOVE (16 * 1024)
#define NOTIFY_MS  100 /* of many changes of role one word to the service manager */

/* Replication speaks of each router several times, so where one was found is kept by its name. */
struct router *app_find(struct app *a, const char *name)
{
	uint16_t *at = &a->found[id_of(name) % ARRAY_LEN(a->found)];

	if (*at < a->n_routers && strcmp(router_name(a->router[*at]), name) == 0)
		return a->router[*at];
	for (unsigned i = 0; i < a->n_routers; i++)
		if (strcmp(router_name(a->router[i]), name) == 0) {
			*at = (uint16_t)i;
			return a->router[i];
		}
	return NULL;
}

/* One line for `systemctl status`, of the first routers. */
static void notify_status(const struct app *a)
{
	char text[512] = "STATUS=";
	size_t at = strlen(text);

	for (unsigned i = 0; i < a->n_routers && at < sizeof(text); i++) {
		struct router_view v;

		router_view(a->router[i], &v);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s: %s", i ? ", " : "",
				       v.conf->name, life_role_name(life_role(v.life->state)));
	}
	notify("%s", text);
}

void app_happening(struct app *a, const struct happening *h)
{
	const struct timeval tv = timeval_ms(NOTIFY_MS);
	struct happening copy = *h;

	copy.time_ms = wall_ms();

	const struct happening *kept = event_ring_add(&a->ring, &copy);

	if (a->ctl && ctl_server_has_followers(a->ctl))
		ctl_server_publish(a->ctl, happening_json(kept));
	if (h->type == HAPPENING_ROLE)
		evtimer_add(a->notify_timer, &tv);
}

static void on_happening(void *ctx, const struct happening *h)
{
	app_happening(ctx, h);
}

struct spawn_opts app_spawn_opts(const struct app *a)
{
	return (struct spawn_opts){.to_syslog = !a->opts->foreground,
				   .debug = a->opts->debug,
				   .realtime = a->conf->controller.realtime};
}

static void on_host_nat(void *ctx, const char *why)
{
	struct app *a = ctx;

	if (why)
		log_err("vrouterd", NULL, "%s", why);
	for (unsigned i = 0; i < a->n_routers; i++)
		router_link_look(a->router[i]);
}

static int start_helpers(struct app *a)
{
	struct spawn_opts opts = app_spawn_opts(a);
	int err = app_start_guard(a);

	if (!err)
		err = procwatch_new(&a->procs, a->base, &opts);
	if (!err)
		err = host_nat_new(&a->host_nat, a->base, on_host_nat, a);
	if (!err)
		err = net_host_new(&a->host, a->base);
	if (!err)
		err = announcing_new(&a->announcing, a->base, &router_announcing_ops);
	return err ? err : ovs_new(&a->ovs, a->base, a->conf->controller.ovs_db);
}

/* ---- routers ----------------------------------------------------------------------------------
 */

static void end_if_last(struct app *a)
{
	if (a->stopping && !a->n_routers)
		event_base_loopbreak(a->base);
}

static void on_ended(void *ctx, struct router *r)
{
	struct app *a = ctx;

	char name[CONF_NAME_MAX];

	snprintf(name, sizeof(name), "%s", router_name(r));
	for (unsigned i = 0; i < a->n_routers; i++) {
		if (a->router[i] != r)
			continue;
		if (a->leaves[i])
			router_teardown(r);
		a->n_routers--;
		a->router[i] = a->router[a->n_routers];
		a->leaves[i] = a->leaves[a->n_routers];
		router_free(r);
		break;
	}
	app_off_ended(a, name);
	app_answer_now(a); /* somebody may wait for its report */
	app_verify_ended(a);
	end_if_last(a);
}

void app_know_processes(struct app *a, bool know)
{
	net_processes_free(a->env.processes);
	a->env.processes = know ? net_processes_read() : NULL;
}

void app_end_router(struct app *a, const char *name, const char *why)
{
	for (unsigned i = 0; i < a->n_routers; i++) {
		if (strcmp(router_name(a->router[i]), name) == 0) {
			a->leaves[i] = true;
			router_stop(a->router[i], why);
			return;
		}
	}
}

int app_add_router(struct app *a, const struct conf_router *conf,
		   char reason[static NET_REASON_MAX])
{
	struct router *r;
	int err;

	if (a->n_routers == CONF_ROUTERS_MAX)
		return -ENOSPC;
	err = router_new(&r, conf, &a->env, reason);
	if (err < 0) {
		log_err("router", conf->name, "%s", reason);
		return err;
	}
	a->leaves[a->n_routers] = false;
	a->router[a->n_routers++] = r;
	return 0;
}

/* ---- signals and the service manager ----------------------------------------------------------
 */

static void on_stop_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct app *a = ctx;

	(void)what;
	if (a->stopping) {
		log_warn("vrouterd", NULL, "%s again: ending at once",
			 sig == SIGTERM ? "SIGTERM" : "SIGINT");
		event_base_loopbreak(a->base);
		return;
	}
	a->stopping = true;
	log_info("vrouterd", NULL, "%s: resigning", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	notify("STOPPING=1");
	for (unsigned i = 0; i < a->n_routers; i++)
		router_stop(a->router[i], "the daemon is stopped");
	end_if_last(a);
}

/* Line by line: a config may have many errors. Cuts text into them. */
static void log_reload(char *text, int err)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (err == 0)
			log_info("vrouterd", NULL, "%s", line);
		else
			log_err("vrouterd", NULL,
				err == -EIO ? "%s" : "reload: nothing changed: %s", line);
}

static void on_reload_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct app *a = ctx;
	char text[APP_TEXT_MAX];
	struct happening h = {.type = HAPPENING_CONFIG};
	int err;

	(void)sig;
	(void)what;
	notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now_us());
	err = app_reload(a, text);
	snprintf(h.text, sizeof(h.text), "%s", err < 0 ? "reload failed" : "reload");
	snprintf(h.reason, sizeof(h.reason), "%.*s", (int)sizeof(h.reason) - 1, text);
	log_reload(text, err);
	app_happening(a, &h);
	notify("READY=1");
}

static void on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	struct app *a = ctx;
	struct timeval tv = timeval_ms(a->watchdog_ms);

	(void)fd;
	(void)what;
	notify("WATCHDOG=1");
	evtimer_add(a->watchdog, &tv);
}

static void on_notify_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	notify_status(arg);
}

static int make_events(struct app *a)
{
	uint64_t usec = notify_watchdog_us();

	a->sigterm = evsignal_new(a->base, SIGTERM, on_stop_signal, a);
	a->sigint = evsignal_new(a->base, SIGINT, on_stop_signal, a);
	a->sighup = evsignal_new(a->base, SIGHUP, on_reload_signal, a);
	a->watchdog = evtimer_new(a->base, on_watchdog, a);
	a->notify_timer = evtimer_new(a->base, on_notify_timer, a);
	if (!a->sigterm || !a->sigint || !a->sighup || !a->watchdog || !a->notify_timer ||
	    app_answers_init(a) < 0)
		return -ENOMEM;
	if (event_add(a->sigterm, NULL) < 0 || event_add(a->sigint, NULL) < 0 ||
	    event_add(a->sighup, NULL) < 0)
		return -ENOMEM;
	if (usec) {
		a->watchdog_ms = usec / 2000;
		on_watchdog(-1, 0, a);
	}
	return 0;
}

/* ---- start and end ----------------------------------------------------------------------------
 */

static int make_base(struct app *a)
{
	struct event_config *cfg = event_config_new();

	if (!cfg)
		return -ENOMEM;
	/* an election of 10 ms intervals cannot live with timers of whole milliseconds */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
	a->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	a->router = calloc(CONF_ROUTERS_MAX, sizeof(struct router *));
	a->leaves = calloc(CONF_ROUTERS_MAX, sizeof(*a->leaves));
	return a->base && a->router && a->leaves ? 0 : -ENOMEM;
}

static int start(struct app *a)
{
	char reason[NET_REASON_MAX] = "";
	int err = nft_reserve();

	if (!err)
		err = make_base(a);

	a->started_ms = wall_ms();
	if (!err)
		err = make_events(a);
	if (!err)
		err = app_look_for_kept(a);
	if (!err)
		err = app_start_sync(a);
	if (!err)
		err = start_helpers(a);
	if (err < 0)
		return err;
	snprintf(a->run_dir, sizeof(a->run_dir), "%s", a->conf->controller.run_dir);
	snprintf(a->state_dir, sizeof(a->state_dir), "%s", a->conf->controller.state_dir);
	snprintf(a->controller, sizeof(a->controller), "%s", a->conf->controller.name);
	a->stock = a->conf->sync;
	a->env = (struct router_env){.base = a->base,
				     .run_dir = a->run_dir,
				     .state_dir = a->state_dir,
				     .controller = a->controller,
				     .sync = a->sync,
				     .stock = a->stock.stock ? &a->stock : NULL,
				     .guard = a->guard,
				     .procs = a->procs,
				     .groups = &a->groups,
				     .ovs = a->ovs,
				     .host_nat = a->host_nat,
				     .host = a->host,
				     .announcing = a->announcing,
				     .n_routers = &a->n_routers,
				     .adopt = a->adopt,
				     .is_taken = app_is_taken,
				     .is_linked = app_is_linked,
				     .on_happening = on_happening,
				     .on_answer = app_on_answer,
				     .on_ended = on_ended,
				     .ctx = a};
	app_set_sync(a);
	err = ctl_server_new(&a->ctl, a->base, a->conf->controller.control_socket, app_on_request,
			     a);
	if (err < 0) {
		log_err("vrouterd", NULL, "control socket %s: %s",
			a->conf->controller.control_socket, strerror(-err));
		return err;
	}
	app_know_processes(a, true);
	for (unsigned i = 0; !err && i < a->conf->n_routers; i++)
		if (!app_off_kept(a, &a->conf->router[i]))
			err = app_add_router(a, &a->conf->router[i], reason);
	app_know_processes(a, false);
	if (!err)
		router_groups_whole(&a->groups);
	return err;
}

static void free_event(struct event **e)
{
	if (*e)
		event_free(*e);
	*e = NULL;
}

static void finish(struct app *a)
{
	while (a->n_routers)
		router_free(a->router[--a->n_routers]);
	app_upgrade_free(a);
	app_end_guard(a);
	procwatch_free(a->procs);
	ovs_free(a->ovs);
	host_nat_free(a->host_nat);
	net_host_free(a->host);
	announcing_free(a->announcing);
	app_verify_down(a, "the daemon ends");
	ctl_server_free(a->ctl);
	sync_dial_free(a->dial);
	sync_child_free(a->sync);
	free_event(&a->sigterm);
	free_event(&a->sigint);
	free_event(&a->sighup);
	free_event(&a->watchdog);
	free_event(&a->notify_timer);
	app_answers_fini(a);
	if (a->base)
		event_base_free(a->base);
	libevent_global_shutdown();
	app_off_free(a);
	free(a->router);
	free(a->leaves);
	conf_free(a->conf);
	free(a->config);
	free(a->exe);
}

static int load(struct app *a)
{
	struct conf_errors errors = {0};
	int err;

	/* a reload must find it, whatever the working directory is then */
	a->config = realpath(a->opts->config, NULL);
	a->exe = realpath("/proc/self/exe", NULL);
	err = conf_load(&a->conf, a->config ? a->config : a->opts->config, &errors);

	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	if (errors.more)
		fprintf(stderr, "and %u more\n", errors.more);
	conf_errors_free(&errors);
	malloc_trim(0); /* what parsing took */
	return err;
}

/* All that can be known before the first change. */
static int check(struct app *a, int *lock)
{
	char why[APP_TEXT_MAX] = "";
	struct sync_msg_conf keys;
	int err = seal_init();

	if (!err)
		err = startup_check_caps(why);
	if (!err && app_has_sync(a->conf)) {
		err = app_sync_conf(a->conf, &keys, why);
		explicit_bzero(&keys, sizeof(keys));
	}
	if (!err)
		err = startup_check_links(a->conf, why);
	if (!err)
		err = startup_check_programs(a->conf, why);
	if (!err)
		err = startup_check_rules(a->conf, why);
	if (!err)
		err = startup_check_conntrack(why);
	if (!err)
		err = startup_check_state(a->conf, why);
	if (!err)
		err = startup_lock(lock, a->conf->controller.run_dir, why);
	if (err < 0)
		log_err("vrouterd", NULL, "%s", why[0] ? why : strerror(-err));
	return err;
}

/* The classic way to the background: the parent stays until the child runs, and exits as it says.
 */
static int detach(int *ready)
{
	int pipe_fds[2];
	char ok = 0;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;

	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &ok, 1) == 1 ? 0 : 1);
	}
	close(pipe_fds[0]);
	*ready = pipe_fds[1];
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static void detached(int ready, bool debug)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_init("vrouterd", true, debug);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (write(ready, "1", 1) != 1)
		log_warn("vrouterd", NULL, "nobody waits for the start");
	close(ready);
}

static int serve(struct app *a, int lock)
{
	int ready = -1, err = a->opts->foreground || a->opts->resume ? 0 : detach(&ready);

	if (err < 0)
		return err;
	startup_write_pid(lock);
	if (a->conf->controller.realtime)
		startup_realtime();
	log_info("vrouterd", NULL, "version " VR_VERSION ", controller \"%s\", %u router%s",
		 a->conf->controller.name, a->conf->n_routers, a->conf->n_routers == 1 ? "" : "s");
	err = start(a);
	if (err < 0)
		return err;
	if (ready >= 0)
		detached(ready, a->opts->debug);
	notify("READY=1");
	notify_status(a);
	event_base_dispatch(a->base);
	log_info("vrouterd", NULL, "ended");
	return 0;
}

int app_run(const struct app_opts *opts)
{
	struct app *a = calloc(1, sizeof(*a));
	int lock = -1, err;

	if (!a)
		return EXIT_FAILURE;
	a->opts = opts;
	a->listener = -1;
	mallopt(M_MMAP_THRESHOLD, MMAP_ABOVE);
	signal(SIGPIPE, SIG_IGN);
	err = load(a);
	if (!err)
		err = check(a, &lock);
	if (!err)
		err = serve(a, lock);
	finish(a);
	if (lock >= 0)
		close(lock);
	free(a);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
