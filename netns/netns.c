/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's namespace: created or adopted the way `ip netns` does it, so that people can use
 * `ip netns exec` on it; a bind mount on /run/netns/NAME keeps it alive while no process is in it.
 *
 * The daemon has one thread; going inside and coming back is therefore a property of the process
 * for that moment. If coming back ever failed, every later socket would be opened on the wrong
 * network: then nothing is safe but to stop. */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#define NETNS_DIR  "/run/netns"
#define OWN_NET	   "/proc/thread-self/ns/net"
#define PATH_BYTES (sizeof(NETNS_DIR) + 1 + NET_NAME_MAX)

int ns_fail(char reason[static NET_REASON_MAX], int err, const char *cap, const char *fmt, ...)
{
	bool denied = cap && (err == -EPERM || err == -EACCES);
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, NET_REASON_MAX, fmt, ap);
	va_end(ap);
	n = strlen(reason);
	snprintf(reason + n, NET_REASON_MAX - n, ": %s%s%s%s", strerror(-err),
		 denied ? " (needs " : "", denied ? cap : "", denied ? ")" : "");
	return err;
}

static int open_own(void)
{
	int fd = open(OWN_NET, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void go_home(int home)
{
	if (setns(home, CLONE_NEWNET) == 0)
		return;
	fprintf(stderr, "cannot return from a router's namespace: %s\n", strerror(errno));
	abort();
}

int netns_run(const struct netns *ns, int (*fn)(void *arg), void *arg)
{
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return -errno;

	int ret = fn(arg);

	go_home(ns->home);
	return ret;
}

int ns_scratch(int (*fn)(void *arg), void *arg)
{
	auto_fd int home = open_own();

	if (home < 0)
		return home;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;

	int ret = fn(arg);

	go_home(home);
	return ret;
}

int netns_fd(const struct netns *ns)
{
	return ns->fd;
}

/* ---- create ---- */

/* The folder is a shared mount, so that the mounts in it reach every mount namespace. */
static int ensure_dir(void)
{
	if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
		return -errno;

	/* `ip netns add` takes the same lock, so that only one makes the mount */
	auto_fd int lock = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return -errno;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL) /* EINVAL: not a mount point yet */
		return -errno;
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

/* -EEXIST: there is something at path. */
static int create(const char *path, int home)
{
	int err = ensure_dir();

	if (err < 0)
		return err;

	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	if (unshare(CLONE_NEWNET) < 0) {
		err = -errno;
	} else {
		if (mount(OWN_NET, path, "none", MS_BIND, NULL) < 0)
			err = -errno;
		go_home(home);
	}
	if (err < 0)
		unlink(path);
	return err;
}

/* ---- adopt ---- */

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* A file without a namespace on it stays behind after a reboot (when /run is on a disk) or after a
 * creation that was interrupted. */
static int remove_leftover(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return -ENOTUNIQ;
	return unlink(path) < 0 ? -errno : -ENOENT;
}

/* An fd, -ENOENT when nothing is there (any more), -EBUSY for the controller's own network,
 * -ENOTUNIQ for something that is no network namespace. */
static int adopt(const char *path, int home)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0)
		err = -errno;
	else if (fs.f_type != NSFS_MAGIC)
		err = remove_leftover(path, fd);
	else if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		err = -ENOTUNIQ;
	else if (same_file(fd, home))
		err = -EBUSY;
	else
		return fd;
	close(fd);
	return err;
}

/* Sets ns->fd. created NULL: it is not made. */
static int attach(struct netns *ns, bool *created, char reason[static NET_REASON_MAX])
{
	char path[PATH_BYTES];
	int fd = -ENOENT;

	snprintf(path, sizeof(path), NETNS_DIR "/%s", ns->name);
	for (int i = 0; i < 3 && fd == -ENOENT; i++) {
		fd = adopt(path, ns->home);
		if (fd != -ENOENT || !created)
			break;

		int err = create(path, ns->home);

		if (err < 0 && err != -EEXIST)
			return ns_fail(reason, err, "CAP_SYS_ADMIN", "cannot create namespace %s",
				       ns->name);
		*created = err == 0;
	}
	if (fd == -EBUSY)
		snprintf(reason, NET_REASON_MAX,
			 "namespace %s is the controller's own network, not a router's", ns->name);
	else if (fd == -ENOTUNIQ)
		snprintf(reason, NET_REASON_MAX, "%s is not a network namespace", path);
	else if (fd < 0)
		return ns_fail(reason, fd, "CAP_SYS_ADMIN", "cannot open namespace %s", ns->name);
	if (fd < 0)
		return fd;
	ns->fd = fd;
	return 0;
}

/* ---- open, close, remove ---- */

int ns_run(struct netns *ns, int (*fn)(void *arg), void *arg, char reason[static NET_REASON_MAX])
{
	reason[0] = '\0';

	int err = netns_run(ns, fn, arg);

	if (err < 0 && !reason[0])
		ns_fail(reason, err, "CAP_SYS_ADMIN", "cannot enter namespace %s", ns->name);
	return err;
}

static int furnish(void *reason)
{
	int err = ns_conntrack(reason);

	return err < 0 ? err : ns_sysctls(reason);
}

static int open_socket(void *arg)
{
	struct nl_sock **sk = arg;

	*sk = rtnl_open();
	return *sk ? 0 : -errno;
}

int ns_sockets(struct netns *ns, char reason[static NET_REASON_MAX])
{
	struct nl_sock *inside = NULL, *host = NULL;
	int err = open_socket(&host);

	if (err == 0)
		err = netns_run(ns, open_socket, &inside);
	if (err < 0) {
		rtnl_close(host);
		return ns_fail(reason, err, "CAP_SYS_ADMIN",
			       "cannot open route sockets for namespace %s", ns->name);
	}
	rtnl_close(ns->inside);
	rtnl_close(ns->host);
	ns->inside = inside;
	ns->host = host;
	return 0;
}

static bool name_ok(const char *name)
{
	return *name && strlen(name) < NET_NAME_MAX && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

int netns_open(struct netns **out, const char *name, bool *created,
	       char reason[static NET_REASON_MAX])
{
	bool made = false, *make = created ? &made : NULL;
	struct netns *ns;
	int err;

	if (!name_ok(name)) {
		snprintf(reason, NET_REASON_MAX, "\"%.64s\" is not a name for a namespace", name);
		return -EINVAL;
	}
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return ns_fail(reason, -ENOMEM, NULL, "cannot open namespace %s", name);
	snprintf(ns->name, sizeof(ns->name), "%s", name);
	ns->fd = ns->ipv6 = -1;
	ns->home = open_own();
	if (ns->home < 0)
		err = ns_fail(reason, ns->home, NULL, "cannot open " OWN_NET);
	else
		err = attach(ns, make, reason);
	if (err == 0 && created)
		err = ns_run(ns, furnish, reason, reason);
	if (err == 0)
		err = ns_sockets(ns, reason);
	if (err < 0) {
		netns_close(ns);
		if (made && netns_remove(name) < 0)
			fprintf(stderr, "cannot remove namespace %s again\n", name);
		return err;
	}
	*out = ns;
	if (created)
		*created = made;
	return 0;
}

void netns_close(struct netns *ns)
{
	if (!ns)
		return;
	rtnl_close(ns->inside);
	rtnl_close(ns->host);
	if (ns->fd >= 0)
		close(ns->fd);
	if (ns->home >= 0)
		close(ns->home);
	if (ns->ipv6 >= 0)
		close(ns->ipv6);
	ns_forget_ready(ns);
	free(ns->file);
	free(ns);
}

int netns_remove(const char *name)
{
	char path[PATH_BYTES];

	if (!name_ok(name))
		return -EINVAL;

	/* sockets that another process holds inside could keep the legs alive, on their bridges */
	int err = rtnl_delete_host_ends(name);

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL) /* EINVAL: not a mount point */
		return -errno;
	if (unlink(path) < 0)
		return -errno;
	return err;
}
