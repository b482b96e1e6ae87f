/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's end: starts the guard, tells it, starts it again. */
#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "clock.h"
#include "guard_msg.h"
#include "vrouter/log.h"

#define AGAIN_MS 100 /* before it is started again */

struct guard {
	struct event_base *base;
	struct spawn_opts opts;
	void (*on_up)(void *ctx);
	void *ctx;
	pid_t pid;
	int fd; /* -1: nobody to speak to */
	unsigned starts;
	struct event *child, *timer;
};

static void arm_timer(struct guard *g, uint64_t ms)
{
	struct timeval tv = timeval_ms(ms);

	evtimer_add(g->timer, &tv);
}

static void start(struct guard *g)
{
	pid_t pid = spawn_helper("--guard", &g->opts, &g->fd);

	if (pid < 0) {
		log_err("guard", NULL, "cannot start: %s", strerror(-pid));
		arm_timer(g, AGAIN_MS);
		return;
	}
	g->pid = pid;
	g->starts++;
	g->on_up(g->ctx);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct guard *g = ctx;

	(void)fd;
	(void)what;
	if (!g->pid)
		start(g);
}

/* Nothing more to say to this one; when it has been reaped, another one is due. */
static void give_up(struct guard *g)
{
	/* first: it would take the end of the pair for ours */
	if (g->pid)
		kill(g->pid, SIGKILL);
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
	struct guard *g = ctx;
	int status;

	(void)sig;
	(void)what;
	if (!g->pid || waitpid(g->pid, &status, WNOHANG) != g->pid)
		return;
	log_err("guard", NULL, "process %d died: until another one is there, nobody leaves for us",
		g->pid);
	g->pid = 0;
	give_up(g);
	arm_timer(g, AGAIN_MS);
}

static int send_msg(int fd, const struct guard_msg *m, const int *fds, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(GUARD_FDS * sizeof(int))];
	} control = {.buf = {0}};
	bool elects = m->type == GUARD_MSG_ARM && n_fds > GUARD_FD_VRRP;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m,
			    .iov_len = elects ? sizeof(*m) : GUARD_MSG_SHORT};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n_fds) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void tell(struct guard *g, const struct guard_msg *m, const int *fds, unsigned n_fds)
{
	int err = g->fd >= 0 ? send_msg(g->fd, m, fds, n_fds) : 0;

	if (err == 0)
		return;
	log_err("guard", NULL, "does not take orders (%s): starting another one", strerror(-err));
	give_up(g);
}

int guard_new(struct guard **out, struct event_base *base, const struct spawn_opts *opts,
	      void (*on_up)(void *ctx), void *ctx)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	*g = (struct guard){.base = base, .opts = *opts, .on_up = on_up, .ctx = ctx, .fd = -1};
	g->timer = evtimer_new(base, on_timer, g);
	g->child = evsignal_new(base, SIGCHLD, on_child, g);
	if (!g->timer || !g->child || event_add(g->child, NULL) < 0) {
		guard_free(g);
		return -ENOMEM;
	}
	arm_timer(g, 0);
	*out = g;
	return 0;
}

void guard_free(struct guard *g)
{
	const struct guard_msg leave = {.type = GUARD_MSG_LEAVE};

	if (!g)
		return;
	if (g->fd >= 0) {
		tell(g, &leave, NULL, 0);
		close(g->fd);
	}
	/* it is quick: a few messages, and it ends */
	while (g->pid && waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (g->timer)
		event_free(g->timer);
	if (g->child)
		event_free(g->child);
	free(g);
}

pid_t guard_pid(const struct guard *g)
{
	return g->pid;
}

unsigned guard_restarts(const struct guard *g)
{
	return g->starts ? g->starts - 1 : 0;
}

/* ---- orders -----------------------------------------------------------------------------------
 */

void guard_arm(struct guard *g, const struct guard_orders *o, int route_fd,
	       const struct vrrp_standin *standin, int vrrp_fd)
{
	struct guard_msg m = {.type = GUARD_MSG_ARM, .orders = *o};
	const int fds[GUARD_ARM_FDS] = {[GUARD_FD_ROUTE] = route_fd, [GUARD_FD_VRRP] = vrrp_fd};

	if (vrrp_fd >= 0)
		m.standin = *standin;
	tell(g, &m, fds, vrrp_fd >= 0 ? GUARD_ARM_FDS : GUARD_ARM_FDS - 1);
	vrrp_standin_forget(&m.standin);
}

void guard_disarm(struct guard *g, const char *router)
{
	struct guard_msg m = {.type = GUARD_MSG_DISARM};

	snprintf(m.orders.role.router, sizeof(m.orders.role.router), "%s", router);
	tell(g, &m, NULL, 0);
}

void guard_hold(struct guard *g, const struct guard_hold *h)
{
	const struct guard_msg m = {.type = GUARD_MSG_HOLD, .sync_id = h->sync_id};
	const int fds[GUARD_HOLD_FDS] = {[GUARD_FD_LISTENER] = h->listener,
					 [GUARD_FD_SYNC] = h->sync,
					 [GUARD_FD_SYNC_PID] = h->sync_pidfd};

	tell(g, &m, fds, h->listener < 0 ? 0 : h->sync < 0 ? 1 : GUARD_HOLD_FDS);
}
