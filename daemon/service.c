/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "clock.h"
#include "lines.h"
#include "proc_look.h"
#include "service_msg.h"
#include "spawn.h"
#include "vrouter/log.h"
#include "vrouter/netns.h"

#define LINES_MAX	32 /* of its output in the log, within */
#define LINES_WINDOW_MS 60000

struct service {
	const struct service_kind *kind;
	const struct service_env *env;
	const struct service_ops *ops;
	void *ctx;
	char label[96]; /* for the log */
	char *config;	/* NULL: it never was to run */
	struct service_care care;
	enum service_state told; /* UP or WAITING, as the owner knows it; OFF: nothing yet */
	uint64_t since_ms;
	pid_t pid;
	int pidfd, helper, output; /* -1: none */
	struct event *timer, *ended, *readable;
	struct lines lines;
	unsigned logged; /* lines, since */
	uint64_t lines_ms;
	char reason[SERVICE_TEXT_MAX]; /* see service_view */
};

static void step(struct service *s, enum service_event ev);

/* ---- its output -------------------------------------------------------------------------------
 */

static void on_line(void *ctx, const char *line)
{
	struct service *s = ctx;

	if (line && s->ops->on_line)
		s->ops->on_line(s->ctx, line);
	if (line && s->logged < LINES_MAX)
		log_info("service", s->label, "%s", line);
	else if (s->logged == LINES_MAX)
		log_warn("service", s->label, "its other output of this minute is left out");
	s->logged += s->logged <= LINES_MAX;
}

static void close_output(struct service *s)
{
	lines_end(&s->lines, on_line, s);
	if (s->readable)
		event_free(s->readable);
	s->readable = NULL;
	if (s->output >= 0)
		close(s->output);
	s->output = -1;
}

/* A part at a time: a talkative program must not keep the election waiting. False: there is no
 * more.
 */
static bool read_output(struct service *s)
{
	char buf[1024];
	ssize_t n = read(s->output, buf, sizeof(buf));

	if (now_ms() - s->lines_ms >= LINES_WINDOW_MS) {
		s->logged = 0;
		s->lines_ms = now_ms();
	}
	if (n > 0)
		lines_take(&s->lines, buf, (size_t)n, on_line, s);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_output(s);
	return n > 0;
}

static void on_output(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	read_output(ctx);
}

/* ---- its end ----------------------------------------------------------------------------------
 */

/* Why it ended is in the program's own words, which do not say what to do. */
static void say_exit(struct service *s, int status)
{
	const char *last = s->lines.text;
	bool taken = strstr(last, strerrordesc_np(EADDRINUSE));

	snprintf(s->reason, sizeof(s->reason), "it ended with exit status %d%s%.*s%s", status,
		 last[0] ? ": " : "", taken ? 90 : 120, last,
		 taken ? "; ss -lnp inside shows whose" : "");
}

/* What the helper said, or the program last, or how it ended. */
static void say_end(struct service *s, const siginfo_t *info)
{
	ssize_t n = s->helper < 0 ? -1 : recv(s->helper, s->reason, sizeof(s->reason) - 1, 0);

	if (n > 0) {
		s->reason[n] = '\0';
		return;
	}
	if (info->si_code == CLD_EXITED)
		say_exit(s, info->si_status);
	else if (s->care.state != SERVICE_ENDING)
		snprintf(s->reason, sizeof(s->reason), "it was ended by a signal: %s",
			 strsignal(info->si_status));
}

static void forget(struct service *s)
{
	if (s->ended)
		event_free(s->ended);
	s->ended = NULL;
	close_output(s);
	if (s->helper >= 0)
		close(s->helper);
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->pidfd = s->helper = -1;
	s->pid = 0;
}

static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	struct service *s = ctx;
	siginfo_t info = {.si_code = 0};

	(void)what;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || !info.si_code)
		return;
	for (unsigned i = 0; i < 16 && s->output >= 0 && read_output(s); i++)
		;
	close_output(s); /* its last line ends, too, and stays in s->lines */
	say_end(s, &info);
	forget(s);
	step(s, SERVICE_EV_ENDED);
}

/* ---- its start --------------------------------------------------------------------------------
 */

static void add_args(struct service_order *o, const struct service_kind *kind)
{
	for (; o->n_args < SERVICE_ARGS_MAX && kind->args[o->n_args]; o->n_args++)
		snprintf(o->arg[o->n_args], sizeof(o->arg[0]), "%s", kind->args[o->n_args]);
}

static int send_order(const struct service *s, int output)
{
	const struct service_kind *kind = s->kind;
	auto_free struct service_order *o = calloc(1, sizeof(*o));
	struct iovec iov = {o, sizeof(*o)};
	int fd[SERVICE_FDS] = {output, s->env->ns ? netns_fd(s->env->ns) : -1};
	size_t size = sizeof(int) * (s->env->ns ? SERVICE_FDS : 1);
	union {
		char buf[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = {.buf = {0}};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = CMSG_SPACE(size)};

	if (!o)
		return -ENOMEM;
	o->caps = kind->caps;
	o->writes = kind->writes;
	o->nonlocal = kind->nonlocal;
	snprintf(o->program, sizeof(o->program), "%s", kind->program);
	snprintf(o->package, sizeof(o->package), "%s", kind->package);
	snprintf(o->user, sizeof(o->user), "%s", kind->user ? kind->user : "");
	service_folder(o->folder, s->env->run_dir, s->env->instance, kind->name);
	add_args(o, kind);
	o->config_len = (uint32_t)strlen(s->config);
	memcpy(o->config, s->config, o->config_len);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(&control.align), fd, size);
	return sendmsg(s->helper, &m, MSG_NOSIGNAL) == sizeof(*o) ? 0 : -errno;
}

/* Of the process and its output. */
static int watch(struct service *s)
{
	s->pidfd = pidfd_open(s->pid, 0);
	if (s->pidfd < 0)
		return -errno;
	s->ended = event_new(s->env->base, s->pidfd, EV_READ, on_ended, s);
	s->readable = event_new(s->env->base, s->output, EV_READ | EV_PERSIST, on_output, s);
	if (!s->ended || !s->readable || event_add(s->ended, NULL) < 0 ||
	    event_add(s->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int spawn(struct service *s)
{
	const struct spawn_opts opts = {.alone = true};
	int fds[2], err;

	s->lines = (struct lines){.max = UINT_MAX};
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	s->output = fds[0];
	fcntl(s->output, F_SETFL, O_NONBLOCK);
	s->pid = spawn_helper("--service", &opts, &s->helper);
	err = s->pid < 0 ? (int)s->pid : watch(s);
	if (!err)
		err = send_order(s, fds[1]);
	close(fds[1]);
	return err;
}

/* One that could not be told what to become ends by itself. */
static void start(struct service *s)
{
	int err = spawn(s);

	if (err >= 0)
		return;
	snprintf(s->reason, sizeof(s->reason), "cannot start it: %s", strerror(-err));
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	forget(s);
	step(s, SERVICE_EV_ENDED);
}

/* ---- care -------------------------------------------------------------------------------------
 */

static void arm(struct service *s)
{
	uint64_t now = now_ms(), at = s->care.timer_ms;
	const struct timeval tv = timeval_ms(at > now ? at - now : 0);

	if (at == SERVICE_NEVER)
		evtimer_del(s->timer);
	else
		evtimer_add(s->timer, &tv);
}

static void tell(struct service *s, enum service_state before)
{
	enum service_state now = s->care.state;

	if (now != before)
		s->since_ms = wall_ms();
	if (now == SERVICE_OFF)
		s->told = SERVICE_OFF;
	if ((now != SERVICE_UP && now != SERVICE_WAITING) || now == s->told)
		return;
	if (now == SERVICE_UP)
		log_info("service", s->label, "%s is up", s->kind->program);
	else
		log_err("service", s->label, "%s is down: %s", s->kind->program, s->reason);
	s->told = now;
	if (s->ops->on_state)
		s->ops->on_state(s->ctx, now, s->reason);
}

static void step(struct service *s, enum service_event ev)
{
	struct service_in in = {.ev = ev, .now_ms = now_ms()};
	enum service_state before = s->care.state;
	struct service_out out;

	if (ev == SERVICE_EV_TIMER && s->care.heartbeat.waiting && s->pid > 0)
		in.look = proc_look(s->pid);
	out = service_step(&s->care, &in);
	if (out.why)
		snprintf(s->reason, sizeof(s->reason), "it %s", out.why);
	if (out.todo & SERVICE_DO_KILL)
		pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
	if (out.todo & SERVICE_DO_START)
		start(s);
	if (out.todo & SERVICE_DO_ASK)
		s->ops->ask(s->ctx);
	arm(s);
	tell(s, before);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	step(ctx, SERVICE_EV_TIMER);
}

/* ---- owner's calls ----------------------------------------------------------------------------
 */

int service_new(struct service **out, const struct service_kind *kind,
		const struct service_env *env, const struct service_ops *ops, void *ctx)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct service){.kind = kind,
			      .env = env,
			      .ops = ops,
			      .ctx = ctx,
			      .care = {.asks = ops->ask != NULL, .timer_ms = SERVICE_NEVER},
			      .since_ms = wall_ms(),
			      .pidfd = -1,
			      .helper = -1,
			      .output = -1};
	snprintf(s->label, sizeof(s->label), "%s %s", env->instance, kind->name);
	s->timer = evtimer_new(env->base, on_timer, s);
	if (!s->timer) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

/* What the program left there, too. */
static void remove_folder(const struct service *s)
{
	char folder[SERVICE_PATH_MAX];

	service_folder(folder, s->env->run_dir, s->env->instance, s->kind->name);
	service_empty_folder(folder);
	rmdir(folder);
}

void service_free(struct service *s)
{
	if (!s)
		return;
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	forget(s);
	event_free(s->timer);
	if (s->config)
		remove_folder(s);
	free(s->config);
	free(s);
}

int service_run(struct service *s, const char *config)
{
	bool same = s->config && strcmp(s->config, config) == 0;
	char *copy = same || strlen(config) >= SERVICE_CONFIG_MAX ? NULL : strdup(config);

	if (!same && !copy)
		return strlen(config) >= SERVICE_CONFIG_MAX ? -E2BIG : -ENOMEM;
	if (!same) {
		free(s->config);
		s->config = copy;
	}
	if (!same && s->care.wanted)
		step(s, SERVICE_EV_RENEW);
	else if (!s->care.wanted)
		step(s, SERVICE_EV_ON);
	return 0;
}

void service_end(struct service *s)
{
	if (s->care.wanted)
		step(s, SERVICE_EV_OFF);
}

void service_can_be_asked(struct service *s, bool can)
{
	if (s->ops->ask && s->care.asks != can)
		step(s, can ? SERVICE_EV_ASK : SERVICE_EV_HUSH);
}

void service_answered(struct service *s)
{
	step(s, SERVICE_EV_ANSWERED);
}

void service_view(const struct service *s, struct service_view *out)
{
	*out = (struct service_view){.kind = s->kind,
				     .care = &s->care,
				     .pid = s->pid,
				     .since_ms = s->since_ms,
				     .reason = s->reason};
}
