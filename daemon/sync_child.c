/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process is pinged every second; one that does not answer (heartbeat.h) is ended.
 *
 * A process that dies at once again and again is restarted ever more slowly (100 ms to 5 s); one
 * that has lived for ten seconds starts from the shortest wait again.
 *
 * Nothing here blocks, except sync_child_free() at the very end. */
#include "sync_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "clock.h"
#include "heartbeat.h"
#include "vrouter/log.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define SETTLED_MS     10000 /* it lived that long: not a start that fails */
#define START_MS       5000  /* until it must have said UP */
#define END_MS	       500
#define PING_MS	       1000

_Static_assert(SYNC_IPC_FD == SPAWN_FD, "the pair's end in the replication process");

struct sync_child {
	struct event_base *base;
	const struct sync_child_ops *ops;
	void *ctx;
	struct spawn_opts opts;
	struct sync_msg conf;
	pid_t pid;
	int fd; /* -1: no process to speak to */
	bool up, broken;
	unsigned restarts;
	uint64_t backoff_ms, started_ms;
	struct heartbeat heartbeat;
	struct event *readable, *timer, *child, *ping;
};

static void start(struct sync_child *c);

static void arm(struct sync_child *c, uint64_t ms)
{
	struct timeval tv = timeval_ms(ms);

	evtimer_add(c->timer, &tv);
}

/* The process is not to be spoken to any more; when it has been reaped, a new one is due. */
static void give_up(struct sync_child *c, const char *why)
{
	bool was_up = c->up;

	if (c->readable)
		event_free(c->readable);
	c->readable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->up = c->broken = false;
	evtimer_del(c->ping);
	if (c->pid > 0)
		kill(c->pid, SIGKILL);
	if (now_ms() - c->started_ms >= SETTLED_MS)
		c->backoff_ms = BACKOFF_MIN_MS;
	log_err("sync", NULL, "replication process: %s; starting it again in %llu ms", why,
		(unsigned long long)c->backoff_ms);
	arm(c, c->backoff_ms);
	c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
	if (was_up)
		c->ops->on_down(c->ctx, why);
}

static void take(struct sync_child *c, const struct sync_msg *m)
{
	const struct timeval every = timeval_ms(PING_MS);

	if (m->type == SYNC_MSG_UP && !c->up) {
		c->up = true;
		c->heartbeat = (struct heartbeat){0};
		evtimer_del(c->timer);
		evtimer_add(c->ping, &every);
		c->ops->on_up(c->ctx);
	} else if (m->type == SYNC_MSG_PONG) {
		c->heartbeat.waiting = false;
	} else if (m->type != SYNC_MSG_UP) {
		c->ops->on_message(c->ctx, m);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sync_child *c = ctx;

	(void)fd;
	(void)what;
	/* bounded, so that a talkative process cannot keep the election waiting */
	for (int i = 0; i < 64 && c->fd >= 0 && !c->broken; i++) {
		int fds[SYNC_FDS];
		unsigned n_fds = 0;
		struct sync_msg m;
		int rc = sync_ipc_recv(c->fd, &m, fds, &n_fds);

		while (n_fds) /* it has none to give us */
			close(fds[--n_fds]);
		if (rc == -EAGAIN)
			return;
		if (rc <= 0) {
			give_up(c, rc == 0 ? "ended" : "sent something malformed");
			return;
		}
		take(c, &m);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sync_child *c = ctx;

	(void)fd;
	(void)what;
	if (c->broken)
		give_up(c, "does not take messages");
	else if (c->fd >= 0)
		give_up(c, "did not come up");
	else if (c->pid > 0)
		arm(c, BACKOFF_MIN_MS); /* not reaped yet */
	else
		start(c);
}

/* What the kernel says of the process; nothing when it cannot be had. */
static struct heartbeat_look look_at(pid_t pid)
{
	char path[32], text[512] = "";
	unsigned long user = 0, system = 0;
	struct heartbeat_look look = {0};
	const char *p;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);

	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return look;
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (p && sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user,
			&system) == 3) {
		look.runnable = state == 'R';
		look.cpu_ticks = (uint64_t)user + system;
	}
	return look;
}

static void on_ping(evutil_socket_t fd, short what, void *ctx)
{
	const struct sync_msg ping = {.type = SYNC_MSG_PING};
	struct sync_child *c = ctx;
	struct heartbeat_look look = {0};

	(void)fd;
	(void)what;
	if (c->broken)
		return;
	if (c->heartbeat.waiting)
		look = look_at(c->pid);
	switch (heartbeat_step(&c->heartbeat, &look)) {
	case HEARTBEAT_ASK:
		sync_child_send(c, &ping, NULL, 0);
		break;
	case HEARTBEAT_WAIT:
		break;
	case HEARTBEAT_DEAD:
		give_up(c, "does not answer");
		break;
	}
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
	struct sync_child *c = ctx;
	int status;

	(void)sig;
	(void)what;
	if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	if (WIFSIGNALED(status))
		log_err("sync", NULL, "replication process %d: %s%s", c->pid,
			strsignal(WTERMSIG(status)),
			WTERMSIG(status) == SIGSYS ? ": it tried what its filter forbids" : "");
	else
		log_debug("sync", NULL, "replication process %d: exit status %d", c->pid,
			  WEXITSTATUS(status));
	c->pid = 0;
	if (c->fd >= 0)
		give_up(c, "died");
}

static int start_process(struct sync_child *c)
{
	int fd;
	pid_t pid = spawn_helper("--sync-worker", &c->opts, &fd);

	if (pid < 0)
		return pid;
	c->pid = pid;
	c->fd = fd;
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	if (!c->readable || event_add(c->readable, NULL) < 0)
		return -ENOMEM;
	return sync_ipc_send(c->fd, &c->conf, NULL, 0);
}

static void start(struct sync_child *c)
{
	c->started_ms = now_ms();
	c->restarts++;

	int err = start_process(c);

	if (err < 0)
		give_up(c, strerror(-err));
	else
		arm(c, START_MS);
}

static void copy_conf(struct sync_child *c, const struct sync_msg_conf *conf)
{
	memset(&c->conf, 0, sizeof(c->conf));
	c->conf.type = SYNC_MSG_CONF;
	c->conf.conf = *conf;
}

int sync_child_new(struct sync_child **out, struct event_base *base,
		   const struct sync_msg_conf *conf, const struct spawn_opts *opts,
		   const struct sync_child_ops *ops, void *ctx)
{
	struct sync_child *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->ops = ops;
	c->ctx = ctx;
	c->opts = *opts;
	c->fd = -1;
	c->backoff_ms = BACKOFF_MIN_MS;
	copy_conf(c, conf);
	c->timer = evtimer_new(base, on_timer, c);
	c->ping = event_new(base, -1, EV_PERSIST, on_ping, c);
	c->child = evsignal_new(base, SIGCHLD, on_child, c);
	if (!c->timer || !c->ping || !c->child || event_add(c->child, NULL) < 0) {
		sync_child_free(c);
		return -ENOMEM;
	}
	arm(c, 0);
	*out = c;
	return 0;
}

static void wait_for_end(pid_t pid)
{
	const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};

	for (int ms = 0; ms < END_MS; ms += 5) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		nanosleep(&nap, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void sync_child_free(struct sync_child *c)
{
	if (!c)
		return;
	if (c->readable)
		event_free(c->readable);
	if (c->fd >= 0)
		close(c->fd); /* it ends by itself then */
	if (c->pid > 0)
		wait_for_end(c->pid);
	if (c->timer)
		event_free(c->timer);
	if (c->ping)
		event_free(c->ping);
	if (c->child)
		event_free(c->child);
	explicit_bzero(&c->conf, sizeof(c->conf));
	free(c);
}

bool sync_child_is_up(const struct sync_child *c)
{
	return c->up && !c->broken;
}

pid_t sync_child_pid(const struct sync_child *c)
{
	return c->pid;
}

unsigned sync_child_restarts(const struct sync_child *c)
{
	return c->restarts ? c->restarts - 1 : 0;
}

void sync_child_set_conf(struct sync_child *c, const struct sync_msg_conf *conf)
{
	copy_conf(c, conf);
	if (c->up)
		sync_child_send(c, &c->conf, NULL, 0);
}

void sync_child_send(struct sync_child *c, const struct sync_msg *m, const int *fds, unsigned n_fds)
{
	if (!c->up || c->broken)
		return;
	if (sync_ipc_send(c->fd, m, fds, n_fds) < 0) {
		c->broken = true; /* the caller may be in the middle of something */
		arm(c, 0);
	}
}
