/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard's process: waits for orders, and for the end of who gives them. All it will need is
 * open, and its memory locked, long before. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "election/vrrp_sock.h"
#include "guard_msg.h"
#include "vrouter/contain.h"
#include "vrouter/log.h"

#define PRIORITY  3  /* above the core's: it runs when that one has failed */
#define LINGER_MS 12 /* the kernel goes on forwarding while a successor takes over */

struct armed {
	struct guard_orders orders;
	int fd[GUARD_FDS]; /* -1: none */
};

struct state {
	struct armed *armed;
	unsigned n, cap;
};

/* ---- leaving ----------------------------------------------------------------------------------
 */

static void resign(const struct armed *a)
{
	const struct vrrp_resignation *r = &a->orders.resignation;

	for (unsigned i = 0; i < r->n && a->fd[GUARD_FD_VRRP] >= 0; i++) {
		int err = vrrp_sock_send(a->fd[GUARD_FD_VRRP], r->ifindex, &r->src, &r->to[i].dst,
					 r->to[i].packet, r->to[i].len);

		if (err < 0)
			log_warn("guard", a->orders.router, "cannot resign: %s", strerror(-err));
	}
}

static void request(const struct armed *a, const struct nlmsghdr *nlh, const char *what)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(a->fd[GUARD_FD_ROUTE], nlh, nlh->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		log_warn("guard", a->orders.router, "cannot %s: %s", what, strerror(errno));
}

static void withdraw(const struct armed *a, unsigned i)
{
	const struct ip_prefix *p = &a->orders.vip[i].addr;
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = p->addr.family;
	ifa->ifa_prefixlen = p->len;
	ifa->ifa_index = a->orders.vip[i].ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, p->addr.family == AF_INET ? 4 : 16, p->addr.b);
	request(a, nlh, "withdraw a VIP");
}

/* Whatever the leg may still send (IPv6 answers queries about multicast without any address) would
 * draw the successor's frames to this port. */
static void take_virtual_mac(const struct armed *a, unsigned ifindex)
{
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint8_t mac[NET_MAC_BYTES];
	struct ifinfomsg *ifi;

	if (!ifindex || net_random_mac(mac) < 0)
		return;
	nlh->nlmsg_type = RTM_SETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = (int)ifindex;
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	request(a, nlh, "take away the virtual MAC");
}

/* Make before break, but bounded: who succeeds us needs a few ms, in which what still arrives here
 * is better forwarded than dropped; what lasts longer would be two holders of one address. */
static void leave(const struct state *s)
{
	const struct timespec linger = {.tv_nsec = LINGER_MS * 1000000L};

	if (!s->n)
		return;
	for (unsigned i = 0; i < s->n; i++)
		resign(&s->armed[i]);
	nanosleep(&linger, NULL);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < s->armed[i].orders.n_vips; k++)
			withdraw(&s->armed[i], k);
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned k = 0; k < NET_LEGS; k++)
			take_virtual_mac(&s->armed[i], s->armed[i].orders.virtual_mac[k]);
	for (unsigned i = 0; i < s->n; i++)
		log_err("guard", s->armed[i].orders.router,
			"the daemon ended while ACTIVE: resigned, VIPs withdrawn");
}

/* ---- orders -----------------------------------------------------------------------------------
 */

static struct armed *find(struct state *s, const char *router)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->armed[i].orders.router, router) == 0)
			return &s->armed[i];
	return NULL;
}

static void close_all(int fd[static GUARD_FDS])
{
	for (unsigned i = 0; i < GUARD_FDS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

static void disarm(struct state *s, const char *router)
{
	struct armed *a = find(s, router);

	if (!a)
		return;
	close_all(a->fd);
	*a = s->armed[--s->n];
}

static void arm(struct state *s, const struct guard_orders *o, int fd[static GUARD_FDS])
{
	disarm(s, o->router);
	if (s->n == s->cap) {
		unsigned cap = s->cap ? 2 * s->cap : 8;
		struct armed *more = reallocarray(s->armed, cap, sizeof(*more));

		if (!more) {
			log_err("guard", o->router, "out of memory: nobody leaves for it");
			close_all(fd);
			return;
		}
		s->armed = more;
		s->cap = cap;
	}
	s->armed[s->n].orders = *o;
	memcpy(s->armed[s->n++].fd, fd, sizeof(s->armed->fd));
}

static void take_fds(struct msghdr *msg, int fd[static GUARD_FDS])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len && n < GUARD_FDS;
		     at += sizeof(int))
			memcpy(&fd[n++], CMSG_DATA(c) + at, sizeof(int));
}

static bool fits(const struct vrrp_resignation *r)
{
	if (r->n > ARRAY_LEN(r->to))
		return false;
	for (unsigned i = 0; i < r->n; i++)
		if (r->to[i].len > sizeof(r->to[i].packet))
			return false;
	return true;
}

static bool makes_sense(const struct guard_msg *m, ssize_t len, const int fd[static GUARD_FDS])
{
	const struct guard_orders *o = &m->orders;

	return len == sizeof(*m) && memchr(o->router, '\0', sizeof(o->router)) &&
	       o->n_vips <= ARRAY_LEN(o->vip) && fits(&o->resignation) &&
	       (!m->arm || fd[GUARD_FD_ROUTE] >= 0);
}

/* false: the core is gone. */
static bool take_order(struct state *s)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(GUARD_FDS * sizeof(int))];
	} control;
	struct guard_msg m;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	int fd[GUARD_FDS] = {-1, -1};
	ssize_t n = recvmsg(SPAWN_FD, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	take_fds(&msg, fd);
	if (makes_sense(&m, n, fd) && m.arm) {
		arm(s, &m.orders, fd);
		return true;
	}
	if (makes_sense(&m, n, fd))
		disarm(s, m.orders.router);
	close_all(fd);
	return true;
}

/* ---- the process ------------------------------------------------------------------------------
 */

/* Two descriptors a router. */
static void allow_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int guard_main(bool realtime)
{
	/* what a terminal or a service manager sends to everybody: the core decides when we end */
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
	struct state s = {0};

	prctl(PR_SET_NAME, "vrouterd-guard", 0, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	allow_descriptors();
	if (realtime) {
		contain_lock_memory();
		contain_schedule(PRIORITY);
	}
	if (contain_drop_privileges() < 0 || fcntl(SPAWN_FD, F_SETFL, 0) < 0) {
		log_err("guard", NULL, "cannot start: it needs CAP_NET_ADMIN");
		return EXIT_FAILURE;
	}
	while (take_order(&s))
		;
	leave(&s);
	for (unsigned i = 0; i < s.n; i++)
		close_all(s.armed[i].fd);
	free(s.armed);
	return EXIT_SUCCESS;
}
