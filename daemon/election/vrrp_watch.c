/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's news of links (rtnetlink(7), RTMGRP_LINK): a wake-up only, what there is is read
 * anew. So nothing is parsed, and news that were dropped (ENOBUFS) are news, too. */
#include "vrrp_io_impl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <event2/event.h>

#define BATCH 64 /* messages a wake-up; the rest makes the next one */

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct vrrp_io *io = arg;
	char byte;

	(void)what;
	for (unsigned i = 0; i < BATCH; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) < 0 && errno == EAGAIN)
			break;
	(void)vrrp_look_at_link(io);
}

int vrrp_watch_open(struct vrrp_io *io)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};

	io->watch_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (io->watch_fd < 0 ||
	    bind(io->watch_fd, (const struct sockaddr *)(const void *)&to, sizeof(to)) < 0)
		return -errno;
	io->watch = event_new(io->base, io->watch_fd, EV_READ | EV_PERSIST, on_news, io);
	return io->watch && event_add(io->watch, NULL) == 0 ? 0 : -ENOMEM;
}

void vrrp_watch_close(struct vrrp_io *io)
{
	if (io->watch)
		event_free(io->watch);
	io->watch = NULL;
	if (io->watch_fd >= 0)
		close(io->watch_fd);
	io->watch_fd = -1;
}
