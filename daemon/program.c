/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fork and exec, not posix_spawn: that keeps the caller waiting until the exec is done, which on a
 * slow disk is longer than an advert interval. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "lines.h"
#include "spawn.h"
#include "vrouter/log.h"

struct program {
	struct event_base *base;
	const char *instance;
	program_ended *fn;
	void *ctx;
	pid_t pid; /* 0: none */
	bool late; /* it was killed for its time limit */
	uint32_t limit_ms;
	int fd; /* its output; -1: none */
	struct event *child, *timer, *output;
	struct lines lines;
	void (*on_line)(void *ctx, const char *line); /* NULL: to the log */
};

/* ---- in the new process: async-signal-safe calls only -----------------------------------------
 */

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* what was ignored would stay so */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The daemon is spared when memory runs out; its programs are not. */
static void reset_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return;
	close(fd);
}

static void become_program(const struct program_job *job, int out)
{
	char *argv[PROGRAM_ARGS + 2] = {(char *)(uintptr_t)job->path};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; job->args && job->args[i] && i < PROGRAM_ARGS; i++)
		argv[i + 1] = job->args[i];
	if (job->mute)
		out = null;

	setpgid(0, 0);
	if (job->netns > 0 && setns(job->netns, CLONE_NEWNET) < 0)
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody else would end it in time */
	reset_signals();
	reset_oom();
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/") < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	spawn_as_usual();
	execve(job->path, argv, job->env);

	const char *why = strerrordesc_np(errno);

	if (!why || write(2, why, strlen(why)) < 0)
		_exit(126);
	_exit(127);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void on_line(void *ctx, const char *line)
{
	struct program *p = ctx;

	if (p->on_line && line)
		p->on_line(p->ctx, line);
	else if (p->on_line)
		return;
	else if (line)
		log_info("program", p->instance, "%s", line);
	else
		log_warn("program", p->instance, "its other output is left out");
}

static void take_output(struct program *p, const char *buf, size_t n)
{
	lines_take(&p->lines, buf, n, on_line, p);
}

static void close_output(struct program *p)
{
	lines_end(&p->lines, on_line, p);
	if (p->output)
		event_free(p->output);
	p->output = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* A part at a time: a talkative program must not keep the election waiting. */
static void on_output(evutil_socket_t fd, short what, void *ctx)
{
	struct program *p = ctx;
	char buf[1024];
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n > 0)
		take_output(p, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_output(p);
}

/* What is in the pipe when it has ended; not what its own children may still write. */
static void last_output(struct program *p)
{
	for (unsigned i = 0; i < 64 && p->fd >= 0; i++) {
		char buf[1024];
		ssize_t n = read(p->fd, buf, sizeof(buf));

		if (n <= 0)
			break;
		take_output(p, buf, (size_t)n);
	}
	close_output(p);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void say_limit(uint32_t ms, char *text, size_t cap)
{
	bool whole = ms % 1000 == 0;

	snprintf(text, cap, "killed: it ran for longer than %u %s", whole ? ms / 1000 : ms,
		 whole ? "s" : "ms");
}

static void end(struct program *p, int status)
{
	enum program_end how = PROGRAM_FAILED;
	char text[96];

	last_output(p);
	evtimer_del(p->timer);
	p->pid = 0;
	if (p->late) {
		how = PROGRAM_TIMEOUT;
		say_limit(p->limit_ms, text, sizeof(text));
	} else if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "ended by %s", strsignal(WTERMSIG(status)));
	} else {
		how = WEXITSTATUS(status) == 0 ? PROGRAM_DONE : PROGRAM_FAILED;
		snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
	}
	p->fn(p->ctx, how, text);
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
	struct program *p = ctx;
	int status;

	(void)sig;
	(void)what;
	if (p->pid > 0 && waitpid(p->pid, &status, WNOHANG) == p->pid)
		end(p, status);
}

/* With all that it started in its process group. */
static void kill_all(const struct program *p)
{
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL); /* it may not have made its group yet */
}

static void on_limit(evutil_socket_t fd, short what, void *ctx)
{
	struct program *p = ctx;

	(void)fd;
	(void)what;
	p->late = true;
	kill_all(p); /* on_child() comes next */
}

int program_new(struct program **out, struct event_base *base, const char *instance,
		program_ended *fn, void *ctx)
{
	struct program *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct program){.base = base, .instance = instance, .fn = fn, .ctx = ctx, .fd = -1};
	p->timer = evtimer_new(base, on_limit, p);
	p->child = evsignal_new(base, SIGCHLD, on_child, p);
	if (!p->timer || !p->child || event_add(p->child, NULL) < 0) {
		program_free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void program_free(struct program *p)
{
	if (!p)
		return;
	if (p->pid > 0) {
		kill_all(p);
		waitpid(p->pid, NULL, 0);
	}
	close_output(p);
	if (p->timer)
		event_free(p->timer);
	if (p->child)
		event_free(p->child);
	free(p);
}

static int watch_output(struct program *p, int fd)
{
	p->fd = fd;
	p->output = event_new(p->base, fd, EV_READ | EV_PERSIST, on_output, p);
	return p->output && event_add(p->output, NULL) == 0 ? 0 : -ENOMEM;
}

/* Its own end blocks, as a program expects. */
static int make_pipe(struct program *p, bool mute, int fds[static 2])
{
	fds[0] = fds[1] = -1;
	p->lines = (struct lines){.max = PROGRAM_LINES, .empty = p->on_line != NULL};
	if (mute)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return watch_output(p, fds[0]);
}

int program_run(struct program *p, const struct program_job *job)
{
	struct timeval limit = timeval_ms(job->limit_ms);
	int fds[2], err;

	if (p->pid > 0)
		return -EBUSY;
	p->on_line = job->on_line;
	err = make_pipe(p, job->mute, fds);
	p->pid = err ? 0 : fork();
	if (p->pid == 0 && !err)
		become_program(job, fds[1]);
	if (p->pid < 0)
		err = -errno;
	if (fds[1] >= 0)
		close(fds[1]);
	if (err < 0) {
		p->pid = 0;
		close_output(p);
		return err;
	}
	p->late = false;
	p->limit_ms = job->limit_ms;
	evtimer_add(p->timer, &limit);
	return 0;
}

int program_start(struct program *p, const char *path, char *const env[], uint32_t limit_ms)
{
	return program_run(p,
			   &(struct program_job){.path = path, .env = env, .limit_ms = limit_ms});
}

bool program_runs(const struct program *p)
{
	return p && p->pid > 0;
}

int program_check(const char *path, const char **why)
{
	struct stat st;

	*why = "cannot be found";
	if (stat(path, &st) < 0)
		return -errno;
	*why = "is not a regular file";
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*why = "is not executable";
	if (access(path, X_OK) < 0)
		return -errno;
	*why = "may be written to by everybody, and would run as root";
	return st.st_mode & S_IWOTH ? -EPERM : 0;
}
