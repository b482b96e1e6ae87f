/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard's process: waits for orders, and for the end of who gives them. All it will need is
 * open, and its memory locked, long before. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "guard_state.h"
#include "vrouter/contain.h"
#include "vrouter/log.h"

#define PRIORITY 3 /* above the core's: it runs when that one has failed */

void guard_close(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

void guard_forget(struct guard_state *s, unsigned i)
{
	guard_close(s->armed[i].fd, GUARD_ARM_FDS);
	if (s->armed[i].standin)
		vrrp_standin_forget(s->armed[i].standin);
	free(s->armed[i].standin);
	free(s->armed[i].orders);
	s->armed[i] = s->armed[--s->n];
}

/* Large pieces: realloc() moves pages of them, and copies nothing. */
static bool make_room(struct guard_state *s)
{
	unsigned cap = s->cap ? 2 * s->cap : 8;
	struct guard_armed *more;

	if (s->n < s->cap)
		return true;
	more = reallocarray(s->armed, cap, sizeof(*more));
	if (!more)
		return false;
	s->armed = more;
	s->cap = cap;
	return true;
}

/* With an election, what it takes to speak there. false: no memory. */
static bool add(struct guard_state *s, const struct guard_msg *m, bool elects)
{
	struct vrrp_standin *standin = elects ? malloc(sizeof(*standin)) : NULL;
	size_t size = offsetof(struct guard_orders, item) +
		      (m->orders.n_vips + m->orders.n_routes) * sizeof(m->orders.item[0]);
	struct guard_orders *orders = malloc(size);

	if ((elects && !standin) || !orders || !make_room(s)) {
		free(standin);
		free(orders);
		return false;
	}
	memcpy(orders, &m->orders, size);
	if (standin)
		*standin = m->standin;
	s->armed[s->n++] = (struct guard_armed){.orders = orders, .standin = standin};
	return true;
}

/* ---- orders -----------------------------------------------------------------------------------
 */

static void disarm(struct guard_state *s, const char *router)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->armed[i].orders->role.router, router) != 0)
			continue;
		guard_forget(s, i);
		return;
	}
}

/* Takes the descriptors over. */
static void arm(struct guard_state *s, const struct guard_msg *m, int fd[static GUARD_ARM_FDS])
{
	disarm(s, m->orders.role.router);
	if (!add(s, m, fd[GUARD_FD_VRRP] >= 0)) {
		log_err("guard", m->orders.role.router, "out of memory: nobody leaves for it");
		return;
	}
	memcpy(s->armed[s->n - 1].fd, fd, sizeof(s->armed->fd));
	fd[GUARD_FD_ROUTE] = fd[GUARD_FD_VRRP] = -1;
}

static void hold(struct guard_state *s, uint64_t sync_id, int fd[static GUARD_HOLD_FDS])
{
	guard_close(s->hold, GUARD_HOLD_FDS);
	memcpy(s->hold, fd, sizeof(s->hold));
	s->sync_id = sync_id;
	for (unsigned i = 0; i < GUARD_HOLD_FDS; i++)
		fd[i] = -1;
}

static void take_fds(struct msghdr *msg, int fd[static GUARD_FDS])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len && n < GUARD_FDS;
		     at += sizeof(int))
			memcpy(&fd[n++], CMSG_DATA(c) + at, sizeof(int));
}

static bool makes_sense(const struct guard_msg *m, ssize_t len)
{
	const struct guard_orders *o = &m->orders;
	const struct vrrp_standin *v = &m->standin;
	const struct vrrp_resignation *r = &v->resignation;

	for (unsigned i = 0; i < r->n && i < ARRAY_LEN(r->to); i++)
		if (r->to[i].len > sizeof(r->to[i].packet))
			return false;
	return (len == sizeof(*m) || len == GUARD_MSG_SHORT) &&
	       memchr(o->role.router, '\0', sizeof(o->role.router)) &&
	       o->n_legs <= ARRAY_LEN(o->leg) && o->n_vips <= GUARD_VIPS_MAX &&
	       o->n_routes <= GUARD_ROUTES_MAX && r->n <= ARRAY_LEN(r->to) &&
	       v->ends.n_to <= ARRAY_LEN(v->ends.to) &&
	       v->stamping.keys.n <= ARRAY_LEN(v->stamping.keys.key) &&
	       memchr(v->interface, '\0', sizeof(v->interface));
}

static void obey(struct guard_state *s, const struct guard_msg *m, int fd[static GUARD_FDS])
{
	switch (m->type) {
	case GUARD_MSG_ARM:
		if (fd[GUARD_FD_ROUTE] >= 0)
			arm(s, m, fd);
		break;
	case GUARD_MSG_DISARM:
		disarm(s, m->orders.role.router);
		break;
	case GUARD_MSG_HOLD:
		hold(s, m->sync_id, fd);
		break;
	case GUARD_MSG_LEAVE:
		s->leaves = true;
		break;
	}
}

/* false: the core is gone. */
static bool take_order(struct guard_state *s)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(GUARD_FDS * sizeof(int))];
	} control;
	struct guard_msg m = {.type = 0};
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	int fd[GUARD_FDS] = {-1, -1, -1};
	ssize_t n = recvmsg(SPAWN_FD, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	take_fds(&msg, fd);
	if (makes_sense(&m, n))
		obey(s, &m, fd);
	vrrp_standin_forget(&m.standin);
	guard_close(fd, GUARD_FDS); /* what was not taken over */
	return true;
}

/* ---- the core is gone -------------------------------------------------------------------------
 */

/* Who cannot be found by the next core cannot hand anything over. */
static bool is_adopted(const struct guard_state *s, const struct guard_armed *a)
{
	if (s->leaves || !a->orders->adopt_s || s->hold[GUARD_FD_LISTENER] < 0)
		return false;
	return guard_follows(a) || (a->standin && a->standin->able);
}

static void after_the_core(struct guard_state *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct guard_armed *a = &s->armed[i];

		if (!is_adopted(s, a))
			guard_seal_fate(s, a, GUARD_RESIGNS, "the daemon ended while ACTIVE");
	}
	s->sealed = true; /* one may be without the one that speaks for it */
	guard_share_fates(s);
	guard_stand_in(s);
}

/* ---- the process ------------------------------------------------------------------------------
 */

/* Whoever made the pair. */
static int know_core(struct guard_state *s)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(SPAWN_FD, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return -errno;
	s->core = who.uid;
	return fcntl(SPAWN_FD, F_SETFL, 0) < 0 ? -errno : 0;
}

int guard_main(bool realtime)
{
	/* what a terminal or a service manager sends to everybody: the core decides when we end */
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	struct guard_state s = {.hold = {-1, -1, -1}};

	prctl(PR_SET_NAME, "vrouterd-guard", 0, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	if (realtime) {
		contain_lock_memory();
		contain_schedule(PRIORITY);
	}
	if (contain_drop_privileges() < 0 || know_core(&s) < 0) {
		log_err("guard", NULL, "cannot start: it needs CAP_NET_ADMIN");
		return EXIT_FAILURE;
	}
	while (take_order(&s))
		;
	after_the_core(&s);
	guard_close(s.hold, GUARD_HOLD_FDS);
	free(s.armed);
	return EXIT_SUCCESS;
}
