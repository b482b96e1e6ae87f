/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface that the election speaks on: its socket is opened when it is there, and it is
 * looked at five times per second, and at once when sending fails. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "vrouter/log.h"
#include "vrrp_io_impl.h"
#include "vrrp_sock.h"

#define READ_MAX 64 /* packets per readable event */
#define PROBE_US 200000

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	vrrp_receive(arg, READ_MAX);
}

static void close_socket(struct vrrp_io *io)
{
	if (io->readable)
		event_free(io->readable);
	io->readable = NULL;
	if (io->fd >= 0)
		close(io->fd);
	io->fd = -1;
	io->ifindex = 0;
}

static int open_socket(struct vrrp_io *io, unsigned ifindex)
{
	int fd = vrrp_sock_open(io->interface, ifindex);

	if (fd < 0)
		return fd;
	io->fd = fd;
	io->ifindex = ifindex;
	io->readable = event_new(io->base, fd, EV_READ | EV_PERSIST, on_readable, io);
	if (io->readable && event_add(io->readable, NULL) == 0)
		return 0;
	close_socket(io);
	return -ENOMEM;
}

static void use_address(struct vrrp_io *io, const struct ip_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (ip_addr_equal(&io->self, addr))
		return;
	io->self = *addr;
	log_info("vrrp", io->router, "%s has the address %s now", io->interface,
		 ip_addr_format(addr, text));
}

/* Compares the interface with what we use; opens the socket anew where it is another interface of
 * the same name. NULL: usable. */
static const char *check_link(struct vrrp_io *io)
{
	struct vrrp_link link;

	if (vrrp_sock_link(io->ctl_fd, io->interface, &link) < 0) {
		close_socket(io);
		return "is gone";
	}
	if (!link.up)
		return "is down";
	if (!link.carrier)
		return "has no carrier";
	if (!link.addr.family)
		return "has no IPv4 address";
	if (link.ifindex != io->ifindex) {
		close_socket(io);

		int err = open_socket(io, link.ifindex);

		if (err)
			return strerror(-err);
	}
	use_address(io, &link.addr);
	return NULL;
}

bool vrrp_look_at_link(struct vrrp_io *io)
{
	const char *problem = check_link(io);
	char fault[sizeof(io->fault)] = "";

	if (problem)
		snprintf(fault, sizeof(fault), "interface %s: %s", io->interface, problem);
	if (strcmp(fault, io->fault) == 0)
		return !problem;
	memcpy(io->fault, fault, sizeof(fault));
	if (problem && io->inst.state != VRRP_INIT)
		vrrp_run(io, (struct vrrp_in){.ev = VRRP_EV_STOP});
	io->ops->on_fault(io->ctx, problem ? fault : NULL);
	if (!problem && io->wanted)
		vrrp_start(io);
	return !problem;
}

static void on_probe(evutil_socket_t fd, short what, void *arg)
{
	struct vrrp_io *io = arg;

	(void)fd;
	(void)what;
	vrrp_add_event(io, io->probe, PROBE_US);
	vrrp_look_at_link(io);
}

int vrrp_interface_open(struct vrrp_io *io)
{
	struct vrrp_link link;
	int err;

	io->ctl_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (io->ctl_fd < 0)
		return -errno;
	io->probe = evtimer_new(io->base, on_probe, io);
	if (!io->probe)
		return -ENOMEM;
	err = vrrp_sock_link(io->ctl_fd, io->interface, &link);
	if (err)
		return err;
	if (!link.addr.family)
		return -EADDRNOTAVAIL;
	err = open_socket(io, link.ifindex);
	if (err)
		return err;
	io->self = link.addr;
	vrrp_add_event(io, io->probe, PROBE_US);
	return 0;
}

void vrrp_interface_close(struct vrrp_io *io)
{
	close_socket(io);
	if (io->probe)
		event_free(io->probe);
	if (io->ctl_fd >= 0)
		close(io->ctl_fd);
}
