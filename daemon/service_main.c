/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper: takes its order, makes the folder and the configuration in it, goes into the
 * namespace, gives up all rights but those of the order, and becomes the program.
 *
 * It needs no CAP_CHOWN: a folder that the program writes to is made with the program's group as
 * its own, which whoever may take any group may do.
 *
 * A service of a router listens on the VIP, which a STANDBY does not have. Programs that cannot ask
 * for it themselves (IP_FREEBIND) get it by net.ipv4.ip_nonlocal_bind and its sister of the
 * router's namespace: their sockets are there before the address is, so they answer with the first
 * packet. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cap-ng.h>

#include "service_msg.h"
#include "spawn.h"

struct helper {
	struct service_order order;
	int fd[SERVICE_FDS]; /* -1: none */
	int config;	     /* for reading */
	char path[SERVICE_PATH_MAX], why[SERVICE_TEXT_MAX];
	uid_t uid;
	gid_t gid;
};

static int failed(struct helper *h, const char *what)
{
	int err = -errno;

	snprintf(h->why, sizeof(h->why), "cannot %s: %s", what, strerror(-err));
	return err;
}

static int take_order(struct helper *h)
{
	struct iovec iov = {&h->order, sizeof(h->order)};
	union {
		char buf[CMSG_SPACE(sizeof(int) * SERVICE_FDS)];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	struct pollfd p = {.fd = SPAWN_FD, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, -1) < 0)
		return -errno;
	n = recvmsg(SPAWN_FD, &m, MSG_CMSG_CLOEXEC);
	if (n != sizeof(h->order) || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EPROTO;

	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(h->fd, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return 0;
}

static void find_user(struct helper *h)
{
	const struct passwd *pw = NULL;

	if (!h->order.user[0])
		return;
	pw = getpwnam(h->order.user);
	if (!pw)
		pw = getpwnam("nobody");
	h->uid = pw ? pw->pw_uid : 65534;
	h->gid = pw ? pw->pw_gid : 65534;
}

/* What an earlier one left there may be of another kind. */
static int make_folder(struct helper *h)
{
	const char *path = h->order.folder;
	char parent[SERVICE_PATH_MAX];
	mode_t mode = h->order.writes ? 0770 : 0750;
	gid_t own = getegid();

	snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (mkdir(parent, 0755) < 0 && errno != EEXIST)
		return failed(h, "make the folder of services in run-dir");
	umask(0);
	if (setgroups(1, &h->gid) < 0 || setegid(h->gid) < 0)
		return failed(h, "take the program's group");
	if (mkdir(path, mode) < 0 &&
	    (errno != EEXIST || chown(path, (uid_t)-1, h->gid) < 0 || chmod(path, mode) < 0))
		return failed(h, "make its folder");
	umask(022);
	return setegid(own) < 0 ? failed(h, "take root's group again") : 0;
}

/* Where the program may write it could have put anything: all that an earlier one left goes, and no
 * link is followed. A pid file, too: each of them is process 1 of its namespace, and would take the
 * old one's for somebody who runs. */
static int write_config(struct helper *h)
{
	const int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	if (chdir(h->order.folder) < 0)
		return failed(h, "enter its folder");
	service_empty_folder(".");

	auto_fd int fd = open("config", O_WRONLY | flags, 0644);

	if (fd < 0 || write(fd, h->order.config, h->order.config_len) != h->order.config_len)
		return failed(h, "write its configuration");
	h->config = open("config", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return h->config < 0 ? failed(h, "read its configuration") : 0;
}

/* IPv6 may be missing from the kernel. */
static int allow_nonlocal(struct helper *h)
{
	static const char *const path[] = {"/proc/sys/net/ipv4/ip_nonlocal_bind",
					   "/proc/sys/net/ipv6/ip_nonlocal_bind"};

	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		auto_fd int fd = open(path[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT && i)
			continue;
		if (fd < 0 || write(fd, "1", 1) != 1)
			return failed(h, "set ip_nonlocal_bind in the namespace");
	}
	return 0;
}

static int enter(struct helper *h)
{
	if (h->fd[SERVICE_FD_NETNS] >= 0 && setns(h->fd[SERVICE_FD_NETNS], CLONE_NEWNET) < 0)
		return failed(h, "enter the router's namespace");
	return h->order.nonlocal ? allow_nonlocal(h) : 0;
}

/* Ambient capabilities are what an ordinary user's program keeps; the bounding set is what root's
 * does.
 */
static int choose_rights(const struct service_order *o)
{
	const capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE |
				  CAPNG_BOUNDING_SET | CAPNG_AMBIENT;

	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if ((o->caps & UINT64_C(1) << cap) && capng_update(CAPNG_ADD, sets, cap) != 0)
			return -EINVAL;
	return 0;
}

static int drop_rights(struct helper *h)
{
	errno = EPERM;
	if (choose_rights(&h->order) < 0 || capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return failed(h, "bound its capabilities");
	if (h->uid && capng_change_id((int)h->uid, (int)h->gid, CAPNG_DROP_SUPP_GRP) != 0)
		return failed(h, "become its user");
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 || capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return failed(h, "give it its capabilities (has the daemon all of them?)");
	/* behind the change of user, which takes the death signal away */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return failed(h, "set the death signal");
	return 0;
}

static int reset(struct helper *h)
{
	int out = h->fd[SERVICE_FD_OUTPUT],
	    oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* what was ignored would stay so */
	/* the daemon is spared when memory runs out; its services are not */
	if (oom >= 0 && write(oom, "0", 1) == 1)
		close(oom);
	if (dup2(h->config, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return failed(h, "connect it");
	return fcntl(SPAWN_FD, F_SETFD, FD_CLOEXEC) < 0 ? failed(h, "close descriptors") : 0;
}

/* The core may have died before the signal was set. */
static bool core_lives(void)
{
	struct pollfd p = {.fd = SPAWN_FD};

	return poll(&p, 1, 0) == 0;
}

static void become(struct helper *h)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
	char *env[] = {path, lang, NULL}, *argv[SERVICE_ARGS_MAX + 2] = {h->order.program};

	for (unsigned i = 0; i < h->order.n_args && i < SERVICE_ARGS_MAX; i++)
		argv[i + 1] = h->order.arg[i];
	if (!core_lives())
		return;
	spawn_as_usual();
	execve(h->path, argv, env);
	snprintf(h->why, sizeof(h->why), "%.80s: %s", h->path, strerror(errno));
}

static void prepare_and_become(struct helper *h)
{
	const struct service_kind kind = {.program = h->order.program, .package = h->order.package};

	if (service_find(h->path, &kind, h->why) < 0)
		return;
	find_user(h);
	if (make_folder(h) == 0 && write_config(h) == 0 && reset(h) == 0 && enter(h) == 0 &&
	    drop_rights(h) == 0)
		become(h);
}

int service_main(void)
{
	static struct helper h = {.fd = {-1, -1}};

	prctl(PR_SET_NAME, "vrouterd-svc", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (take_order(&h) < 0)
		return EXIT_FAILURE;
	prepare_and_become(&h);
	if (send(SPAWN_FD, h.why, strlen(h.why), MSG_NOSIGNAL) < 0)
		return EXIT_FAILURE;
	return EXIT_FAILURE;
}
