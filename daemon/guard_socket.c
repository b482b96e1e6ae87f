/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the next core finds the guard that stands in. The core makes the listener, for the guard
 * may not write to the directory; so it is also the core that removes it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "guard.h"

static int address(struct sockaddr_un *a, const char *run_dir)
{
	int n;

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(a->sun_path, sizeof(a->sun_path), "%s/guard.sock", run_dir);
	return n < (int)sizeof(a->sun_path) ? 0 : -ENAMETOOLONG;
}

static int listen_at(int fd, const struct sockaddr_un *a)
{
	mode_t old;
	int rc;

	if (unlink(a->sun_path) < 0 && errno != ENOENT)
		return -errno;
	old = umask(0177);
	rc = bind(fd, (const struct sockaddr *)a, sizeof(*a));
	umask(old);
	return rc < 0 || listen(fd, 1) < 0 ? -errno : 0;
}

int guard_socket_listen(const char *run_dir)
{
	struct sockaddr_un a;
	int err = address(&a, run_dir), fd;

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = listen_at(fd, &a);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int guard_socket_connect(const char *run_dir)
{
	struct sockaddr_un a;
	int err = address(&a, run_dir), fd;

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void guard_socket_remove(const char *run_dir)
{
	struct sockaddr_un a;

	if (address(&a, run_dir) == 0)
		unlink(a.sun_path);
}
