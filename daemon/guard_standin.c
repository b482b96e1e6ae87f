/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core has died, and routers are to be adopted by the next one: meanwhile this process does for
 * them what the core would do and nothing else could: it advertises, hears others, and answers for
 * the ACTIVE where a replica asks by replication. It changes nothing, and repairs nothing: what is
 * not as it was is a reason to leave.
 *
 * Each round hears everything that waits before it says anything (guard_care.h tells why). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "clock.h"
#include "guard_state.h"
#include "vrouter/log.h"
#include "vrouter/sync_ipc.h"

#define LOOK_US	    250000   /* between two looks at what is there */
#define LOOK_MIN_US 1000     /* but so long after what another router has */
#define HANDOVER_US 30000000 /* the next core has connected, and builds its routers */
#define READ_MAX    512	     /* packets of a router a round; more than the socket buffers */
#define SYNC_MAX    64

enum { POLL_CORE, POLL_SYNC, POLL_SIGNAL, POLL_ROUTERS };

struct standin {
	struct guard_state *s;
	struct pollfd *poll; /* POLL_ROUTERS + n */
	int core;	     /* the next one, connected; -1: none */
	int signals;	     /* SIGTERM: whoever manages the service wants an end */
	uint64_t look_us, handover_us;
	unsigned looked;
	struct sync_msg heard; /* here as it is large */
};

static void leave_all(struct standin *g, const char *why)
{
	for (unsigned i = 0; i < g->s->n; i++)
		guard_seal_fate(g->s, &g->s->armed[i], GUARD_RESIGNS, why);
}

/* ---- the election -----------------------------------------------------------------------------
 */

static void advertise(struct guard_armed *a, uint64_t nonce)
{
	int err = vrrp_standin_advertise(a->standin, a->fd[GUARD_FD_VRRP], nonce);

	if (err < 0)
		log_warn("guard", a->orders->role.router, "cannot advertise: %s", strerror(-err));
}

static void obey(struct guard_state *s, struct guard_armed *a, enum care_do what)
{
	char why[96];

	switch (what) {
	case CARE_NOTHING:
		break;
	case CARE_ADVERTISE:
		advertise(a, 0);
		break;
	case CARE_YIELD:
		guard_seal_fate(s, a, GUARD_YIELDS,
				"the daemon ended, and another controller is ACTIVE");
		break;
	case CARE_RESIGN:
		snprintf(why, sizeof(why), "the daemon ended, and was not back within %u s",
			 a->orders->adopt_s);
		guard_seal_fate(s, a, GUARD_RESIGNS, why);
		break;
	}
}

/* False: nothing was waiting. What is no advertisement of this router is left out silently: the
 * core counts such things, not this process. */
static bool hear_one(struct guard_state *s, struct guard_armed *a)
{
	struct vrrp_standin_news news;
	int rc = vrrp_standin_hear(a->standin, a->fd[GUARD_FD_VRRP], &news);

	switch (news.what) {
	case VRRP_HEARD_NOTHING:
		break;
	case VRRP_HEARD_ADVERT:
		obey(s, a, care_heard(&a->care, &news.packet, news.from_higher_addr, now_us()));
		break;
	case VRRP_HEARD_UNPROVEN:
		care_unproven(&a->care, now_us());
		break;
	case VRRP_HEARD_CHALLENGE:
		if (care_asked(&a->care))
			advertise(a, news.nonce);
		break;
	}
	return rc >= 0;
}

static void hear_all(struct standin *g)
{
	for (unsigned i = 0; i < g->s->n; i++) {
		struct guard_armed *a = &g->s->armed[i];

		for (unsigned k = 0; k < READ_MAX && a->fate == GUARD_STAYS && !guard_follows(a) &&
				     hear_one(g->s, a);
		     k++)
			;
	}
}

/* ---- replication ------------------------------------------------------------------------------
 */

static void drop_sync(struct standin *g)
{
	guard_close(&g->s->hold[GUARD_FD_SYNC], 2);
}

/* A replica asks whether the ACTIVE is well: it is, as long as this process advertises for it. All
 * else is for a core; the next one asks for it anew. */
static void answer(const struct standin *g, struct sync_msg *m)
{
	for (unsigned i = 0; m->type == SYNC_MSG_ASKED && i < g->s->n; i++) {
		const struct guard_armed *a = &g->s->armed[i], *leader;

		if (strcmp(a->orders->role.router, m->path.router) != 0 || a->fate != GUARD_STAYS)
			continue;
		leader = guard_leader(g->s, a);
		if (!leader || leader->care.inst.blind)
			continue;
		m->type = SYNC_MSG_VOUCH;
		if (sync_ipc_send(g->s->hold[GUARD_FD_SYNC], m, NULL, 0) < 0)
			return;
	}
}

/* Once the next core has the pair, what comes is its. */
static void hear_sync(struct standin *g)
{
	for (unsigned i = 0; i < SYNC_MAX && g->core < 0 && g->s->hold[GUARD_FD_SYNC] >= 0; i++) {
		int fds[SYNC_FDS], rc;
		unsigned n_fds;

		rc = sync_ipc_recv(g->s->hold[GUARD_FD_SYNC], &g->heard, fds, &n_fds);
		if (rc == -EAGAIN)
			return;
		while (rc == 1 && n_fds)
			close(fds[--n_fds]);
		if (rc == 1)
			answer(g, &g->heard);
		else
			drop_sync(g);
	}
}

/* ---- the next core ----------------------------------------------------------------------------
 */

static size_t make_hello(const struct guard_state *s, uint8_t *buf, size_t cap)
{
	struct guard_hello h = {.pid = (uint32_t)getpid(), .sync_id = s->sync_id, .n = s->n};
	size_t len = 0;

	h.role = calloc(s->n, sizeof(*h.role));
	for (unsigned i = 0; h.role && i < s->n; i++) {
		h.role[i] = s->armed[i].orders->role;
		if (s->armed[i].standin)
			h.role[i].life = vrrp_auth_for_core(s->armed[i].standin->stamping.life);
	}
	if (h.role)
		len = guard_hello_encode(&h, buf, cap);
	free(h.role);
	return len;
}

static int say_hello(const struct guard_state *s, int fd)
{
	auto_free uint8_t *buf = malloc(GUARD_WIRE_MAX);
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control = {.buf = {0}};
	struct iovec iov = {.iov_base = buf};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	iov.iov_len = buf ? make_hello(s, buf, GUARD_WIRE_MAX) : 0;
	if (!iov.iov_len)
		return -ENOMEM;
	if (s->hold[GUARD_FD_SYNC] >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(&control.align), &s->hold[GUARD_FD_SYNC], 2 * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void welcome(struct standin *g)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd = accept4(g->s->hold[GUARD_FD_LISTENER], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int err;

	if (fd < 0)
		return;
	err = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.uid != g->s->core
		      ? -EPERM
		      : say_hello(g->s, fd);
	if (err < 0) {
		log_warn("guard", NULL, "a connection is refused: %s", strerror(-err));
		close(fd);
		return;
	}
	g->core = fd;
	g->handover_us = now_us() + HANDOVER_US;
}

/* What it has said meanwhile is older than what we say from here on. */
static void lose_core(struct standin *g)
{
	close(g->core);
	g->core = -1;
	for (unsigned i = 0; i < g->s->n; i++)
		if (g->s->armed[i].standin)
			g->s->armed[i].standin->stamping.life.number += 2 * VRRP_AUTH_CORE_SKIP;
	log_warn("guard", NULL, "the daemon started and ended again: still standing in");
}

static bool was_adopted(char (*names)[NET_NAME_MAX], int n, const char *router)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], router) == 0)
			return true;
	return false;
}

/* What it has taken over is its own affair from here on; what it has not, nobody's. */
static void hear_core(struct standin *g)
{
	auto_free uint8_t *buf = malloc(GUARD_WIRE_MAX);
	auto_free char(*names)[NET_NAME_MAX] = calloc(GUARD_WIRE_ROUTERS, sizeof(*names));
	ssize_t len = buf && names ? recv(g->core, buf, GUARD_WIRE_MAX, MSG_DONTWAIT) : 0;
	int n;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	n = len > 0 ? guard_done_decode(names, buf, (size_t)len) : -EPROTO;
	if (n < 0) {
		lose_core(g);
		return;
	}
	for (unsigned i = g->s->n; i-- > 0;)
		if (was_adopted(names, n, g->s->armed[i].orders->role.router))
			guard_forget(g->s, i);
	leave_all(g, "the daemon was started again, and has not adopted it");
}

/* ---- rounds -----------------------------------------------------------------------------------
 */

/* One at a time, so that many do not keep the advertisements waiting. */
static void look(struct standin *g, uint64_t now)
{
	struct guard_armed *a;
	const char *what;
	char why[sizeof(a->why)];

	if (!g->s->n || now < g->look_us)
		return;
	g->look_us = now + (LOOK_US / g->s->n > LOOK_MIN_US ? LOOK_US / g->s->n : LOOK_MIN_US);
	a = &g->s->armed[g->looked++ % g->s->n];
	what = a->fate == GUARD_STAYS ? guard_look(a) : NULL;
	snprintf(why, sizeof(why), "the daemon ended, and %s", what ? what : "");
	if (what)
		guard_seal_fate(g->s, a, GUARD_RESIGNS, why);
}

static void tell_time(struct standin *g)
{
	uint64_t now = now_us();

	look(g, now);
	if (g->core >= 0 && now >= g->handover_us)
		lose_core(g);
	for (unsigned i = 0; i < g->s->n; i++) {
		struct guard_armed *a = &g->s->armed[i];

		if (a->fate != GUARD_STAYS || guard_follows(a))
			continue;
		/* an end in the middle of a handover would be the new core's */
		if (g->core >= 0 && a->care.until_us < g->handover_us)
			a->care.until_us = g->handover_us;
		obey(g->s, a, care_time(&a->care, now));
	}
}

static void wait_for_more(struct standin *g)
{
	struct guard_state *s = g->s;
	uint64_t due = g->look_us, now = now_us();
	struct timespec ts;

	g->poll[POLL_CORE].fd = g->core >= 0 ? g->core : s->hold[GUARD_FD_LISTENER];
	g->poll[POLL_SYNC].fd = g->core >= 0 ? -1 : s->hold[GUARD_FD_SYNC];
	g->poll[POLL_SIGNAL].fd = g->signals;
	for (unsigned i = 0; i < s->n; i++) {
		g->poll[POLL_ROUTERS + i].fd = s->armed[i].fd[GUARD_FD_VRRP];
		if (!guard_follows(&s->armed[i]) && care_due_us(&s->armed[i].care) < due)
			due = care_due_us(&s->armed[i].care);
	}
	for (unsigned i = 0; i < POLL_ROUTERS + s->n; i++)
		g->poll[i].events = POLLIN;
	due = due > now ? due - now : 0;
	ts = (struct timespec){.tv_sec = (time_t)(due / 1000000),
			       .tv_nsec = (long)(due % 1000000 * 1000)};
	if (ppoll(g->poll, POLL_ROUTERS + s->n, &ts, NULL) <= 0)
		for (unsigned i = 0; i < POLL_ROUTERS; i++)
			g->poll[i].revents = 0;
}

static void run_round(struct standin *g)
{
	hear_all(g);
	hear_sync(g);
	if (g->poll[POLL_SIGNAL].revents)
		leave_all(g, "the daemon ended, and its guard was told to");
	if (g->poll[POLL_CORE].revents && g->core >= 0)
		hear_core(g);
	else if (g->poll[POLL_CORE].revents)
		welcome(g);
	tell_time(g);
	guard_share_fates(g->s);
	guard_leave(g->s);
}

static int start(struct standin *g)
{
	struct guard_state *s = g->s;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	g->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	g->poll = calloc(POLL_ROUTERS + s->n, sizeof(*g->poll));
	if (!g->poll)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n; i++) {
		struct guard_armed *a = &s->armed[i];

		if (a->fate != GUARD_STAYS)
			continue;
		if (a->standin)
			care_start(&a->care, a->standin, a->orders->adopt_s * 1000000ull, now_us());
		log_warn("guard", a->orders->role.router,
			 "the daemon ended while ACTIVE: standing in for it, at most %u s",
			 a->orders->adopt_s);
	}
	return 0;
}

void guard_stand_in(struct guard_state *s)
{
	struct standin g = {.s = s, .core = -1, .signals = -1};

	if (start(&g) < 0) {
		leave_all(&g, "out of memory");
		guard_leave(s);
	}
	while (s->n) {
		run_round(&g);
		if (s->n)
			wait_for_more(&g);
	}
	free(g.poll);
	guard_close(&g.core, 1);
	guard_close(&g.signals, 1);
}
