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
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "clock.h"
#include "heartbeat.h"
#include "proc_look.h"
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
	int pidfd; /* while there is a pid */
	int fd;	   /* -1: no process to speak to */
	bool up, broken, kept;
	unsigned restarts;
	uint64_t backoff_ms, started_ms;
	struct heartbeat heartbeat;
	struct patience patience;
	struct event *readable, *timer, *ended, *ping;
};

static void start(struct sync_child *c);

static void arm(struct sync_child *c, uint64_t ms)
{
	struct timeval tv = timeval_ms(ms);

	evtimer_add(c->timer, &tv);
}

/* The process is not to be spoken to any more, and ends by itself. */
static void let_go(struct sync_child *c, const char *why)
{
	bool was_up = c->up;

	if (c->readable)
		event_free(c->readable);
	c->readable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->up = c->broken = c->kept = false;
	evtimer_del(c->ping);
	if (was_up)
		c->ops->on_down(c->ctx, why);
}

static void kill_it(const struct sync_child *c)
{
	if (c->pid > 0)
		pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
}

/* When it has been reaped, a new one is due. */
static void give_up(struct sync_child *c, const char *why)
{
	kill_it(c);
	if (now_ms() - c->started_ms >= SETTLED_MS)
		c->backoff_ms = BACKOFF_MIN_MS;
	log_err("sync", NULL, "replication process: %s; starting it again in %llu ms", why,
		(unsigned long long)c->backoff_ms);
	arm(c, c->backoff_ms);
	c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
	let_go(c, why);
}

static void come_up(struct sync_child *c)
{
	const struct timeval every = timeval_ms(PING_MS);

	c->up = true;
	c->heartbeat = (struct heartbeat){0};
	c->patience = (struct patience){0};
	evtimer_del(c->timer);
	evtimer_add(c->ping, &every);
	c->ops->on_up(c->ctx);
}

/* What a process that was kept had to say to the core before is of no use. */
static void take(struct sync_child *c, const struct sync_msg *m)
{
	if (!c->up && m->type == (c->kept ? SYNC_MSG_PONG : SYNC_MSG_UP))
		come_up(c);
	else if (m->type == SYNC_MSG_PONG)
		c->heartbeat.waiting = false;
	else if (c->up && m->type != SYNC_MSG_UP)
		c->ops->on_message(c->ctx, m);
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
		patience_heard(&c->patience, now_ms());
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
	else if (c->pid > 0) { /* not reaped yet; one that was to end by itself had its time */
		kill_it(c);
		arm(c, BACKOFF_MIN_MS);
	} else
		start(c);
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
		look = proc_look(c->pid);
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

static void tell_end(const struct sync_child *c, const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		log_debug("sync", NULL, "replication process %d: exit status %d", c->pid,
			  info->si_status);
	else
		log_err("sync", NULL, "replication process %d: %s%s", c->pid,
			strsignal(info->si_status),
			info->si_status == SIGSYS ? ": it tried what its filter forbids" : "");
}

/* How one ended that another core has started is not known. */
static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	struct sync_child *c = ctx;
	siginfo_t info = {.si_code = 0};

	(void)what;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_code)
		tell_end(c, &info);
	event_free(c->ended);
	c->ended = NULL;
	close(c->pidfd);
	c->pid = 0;
	c->pidfd = -1;
	if (c->fd >= 0)
		give_up(c, "died");
}

/* Of the process behind fd, pidfd and pid. */
static int watch(struct sync_child *c)
{
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->ended = event_new(c->base, c->pidfd, EV_READ, on_ended, c);
	if (!c->readable || !c->ended || event_add(c->readable, NULL) < 0 ||
	    event_add(c->ended, NULL) < 0)
		return -ENOMEM;
	return sync_ipc_send(c->fd, &c->conf, NULL, 0);
}

static int start_process(struct sync_child *c)
{
	int fd;
	pid_t pid = spawn_helper("--sync-worker", &c->opts, &fd);

	if (pid < 0)
		return pid;
	c->pidfd = pidfd_open(pid, 0);
	if (c->pidfd < 0) {
		int err = -errno;

		close(fd); /* it ends by itself then */
		waitpid(pid, NULL, 0);
		return err;
	}
	c->pid = pid;
	c->fd = fd;
	return watch(c);
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

/* The process of a pidfd; 0: it has ended, or cannot be known. */
static pid_t pid_of(int pidfd)
{
	char path[64], text[512] = "";
	const char *p;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);

	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
		p = strstr(text, "\nPid:");
		if (p && sscanf(p, "\nPid: %d", &pid) == 1 && pid > 0)
			return pid;
	}
	return 0;
}

/* It has its routers and goes on as it was; an answer shows that it lives. */
static int go_on(struct sync_child *c)
{
	const struct sync_msg ping = {.type = SYNC_MSG_PING};
	int err;

	c->kept = true;
	c->restarts++;
	c->started_ms = now_ms();
	c->pid = pid_of(c->pidfd);
	if (!c->pid) {
		close(c->pidfd);
		c->pidfd = -1;
		return -ESRCH;
	}
	err = watch(c);
	return err ? err : sync_ipc_send(c->fd, &ping, NULL, 0);
}

static int make(struct sync_child *c)
{
	c->timer = evtimer_new(c->base, on_timer, c);
	c->ping = event_new(c->base, -1, EV_PERSIST, on_ping, c);
	return c->timer && c->ping ? 0 : -ENOMEM;
}

int sync_child_new(struct sync_child **out, struct event_base *base,
		   const struct sync_msg_conf *conf, const struct spawn_opts *opts,
		   const struct sync_child_kept *kept, const struct sync_child_ops *ops, void *ctx)
{
	struct sync_child *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct sync_child){.base = base,
				 .ops = ops,
				 .ctx = ctx,
				 .opts = *opts,
				 .fd = kept ? kept->fd : -1,
				 .pidfd = kept ? kept->pidfd : -1,
				 .backoff_ms = BACKOFF_MIN_MS};
	copy_conf(c, conf);
	if (make(c) < 0) {
		sync_child_free(c);
		return -ENOMEM;
	}
	if (!kept)
		arm(c, 0);
	else if (go_on(c) < 0)
		give_up(c, "cannot be adopted");
	else
		arm(c, START_MS);
	*out = c;
	return 0;
}

/* The pair is closed, so it ends by itself; but not for ever. */
static void wait_for_end(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	if (poll(&p, 1, END_MS) == 0) {
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		poll(&p, 1, END_MS);
	}
	waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED | WNOHANG);
	close(pidfd);
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void sync_child_free(struct sync_child *c)
{
	if (!c)
		return;
	free_event(c->readable);
	free_event(c->ended);
	free_event(c->timer);
	free_event(c->ping);
	if (c->fd >= 0)
		close(c->fd);
	if (c->pidfd >= 0)
		wait_for_end(c->pidfd);
	explicit_bzero(&c->conf, sizeof(c->conf));
	free(c);
}

bool sync_child_is_up(const struct sync_child *c)
{
	return c->up && !c->broken;
}

bool sync_child_is_worth_waiting(struct sync_child *c, const struct patience_of *q)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	struct heartbeat_look look;
	enum patience_do what;

	if (!sync_child_is_up(c))
		return false;
	what = patience_judge(&c->patience, q, poll(&p, 1, 0) > 0, now_ms());
	if (what != PATIENCE_LOOK)
		return what == PATIENCE_WAIT;
	look = proc_look(c->pid);
	if (patience_look(&c->patience, &look, now_ms()))
		return true;
	log_err("sync", NULL, "replication process: no word for %u ms: nobody waits for it",
		q->silent_ms);
	return false;
}

bool sync_child_hangs(const struct sync_child *c)
{
	return c->patience.hangs;
}

pid_t sync_child_pid(const struct sync_child *c)
{
	return c->pid;
}

bool sync_child_is_kept(const struct sync_child *c)
{
	return c->kept;
}

bool sync_child_share(const struct sync_child *c, struct sync_child_kept *out)
{
	*out = (struct sync_child_kept){.fd = c->fd, .pidfd = c->pidfd};
	return sync_child_is_up(c);
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

void sync_child_replace(struct sync_child *c, const struct sync_msg_conf *conf)
{
	copy_conf(c, conf);
	c->backoff_ms = BACKOFF_MIN_MS;
	arm(c, BACKOFF_MIN_MS);
	let_go(c, "it is started anew");
}

const struct seal_keyring *sync_child_keys(const struct sync_child *c)
{
	return &c->conf.conf.keys;
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
