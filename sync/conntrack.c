/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conntrack netlink sockets; see vrouter/conntrack.h. */
#include "vrouter/conntrack.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

int conntrack_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);

	return fd < 0 ? -errno : fd;
}

static int read_port(int fd, uint32_t *port)
{
	struct sockaddr_nl sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	if (len != sizeof(sa) || sa.nl_family != AF_NETLINK)
		return -ENOTSOCK;
	*port = sa.nl_pid;
	return 0;
}

int conntrack_port(int fd, uint32_t *port)
{
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int err = read_port(fd, port);

	if (err < 0 || *port)
		return err;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return read_port(fd, port);
}
