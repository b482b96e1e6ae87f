/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface that the election speaks on: its socket is opened when it is there, and it is
 * looked at five times per second, and at once when sending fails or the kernel tells of a link. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "vrouter/log.h"
#include "vrrp_io_impl.h"

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
	int fd = vrrp_sock_open(io->interface, ifindex, io->family, !io->peers.n);

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

static bool same_ends(const struct vrrp_ends *a, const struct vrrp_ends *b)
{
	if (!ip_addr_equal(&a->self, &b->self) || a->n_to != b->n_to)
		return false;
	for (unsigned i = 0; i < a->n_to; i++)
		if (!ip_addr_equal(&a->to[i], &b->to[i]))
			return false;
	return true;
}

static void use_ends(struct vrrp_io *io, const struct vrrp_ends *ends)
{
	char self[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN] = "nobody", more[32] = "";

	if (same_ends(&io->ends, ends))
		return;
	io->ends = *ends;
	if (ends->n_to)
		ip_addr_format(&ends->to[0], to);
	if (ends->n_to > 1)
		snprintf(more, sizeof(more), " and %u more", ends->n_to - 1);
	log_info("vrrp", io->router, "speaks as %s to %s%s on %s",
		 ip_addr_format(&ends->self, self), to, more, io->interface);
	if (io->ops->on_ends)
		io->ops->on_ends(io->ctx);
}

/* Without an address IPv6 may forget who is in a group, so the socket goes with it. */
static const char *check_addresses(struct vrrp_io *io, const struct vrrp_link *link)
{
	struct vrrp_ends ends = io->ends;
	const char *problem = vrrp_ends_choose(&ends, io->family, &io->peers, &link->addrs);
	int err;

	if (problem || link->ifindex != io->ifindex)
		close_socket(io);
	if (problem)
		return problem;
	err = io->fd < 0 ? open_socket(io, link->ifindex) : 0;
	if (err)
		return strerror(-err);
	use_ends(io, &ends);
	return NULL;
}

/* Compares the interface with what we use; opens the socket anew where it is another interface of
 * the same name. NULL: usable. */
static const char *check_link(struct vrrp_io *io)
{
	struct vrrp_link link;
	int err = vrrp_link_read(io->link_fd, io->interface, io->family, &link);

	if (err == -ENODEV) {
		close_socket(io);
		return "is gone";
	}
	if (err < 0) /* the kernel could not say: what was true is the best guess */
		return io->fd < 0 ? strerror(-err) : NULL;
	if (!link.up)
		return "is down";
	if (!link.carrier)
		return "has no carrier";
	return check_addresses(io, &link);
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
		vrrp_start(io, (struct vrrp_in){.ev = VRRP_EV_START});
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

void vrrp_io_set_peers(struct vrrp_io *io, const struct vrrp_peers *peers)
{
	if (memcmp(&io->peers, peers, sizeof(*peers)) == 0)
		return;
	io->peers = *peers;
	vrrp_look_at_link(io);
}

int vrrp_interface_open(struct vrrp_io *io)
{
	struct vrrp_link link;
	int err;

	io->link_fd = vrrp_link_open();
	if (io->link_fd < 0)
		return io->link_fd;
	io->probe = evtimer_new(io->base, on_probe, io);
	if (!io->probe)
		return -ENOMEM;
	err = vrrp_link_read(io->link_fd, io->interface, io->family, &link);
	if (!err)
		err = open_socket(io, link.ifindex);
	if (err)
		return err;
	vrrp_add_event(io, io->probe, PROBE_US);
	return vrrp_watch_open(io);
}

void vrrp_interface_close(struct vrrp_io *io)
{
	vrrp_watch_close(io);
	close_socket(io);
	if (io->probe)
		event_free(io->probe);
	if (io->link_fd >= 0)
		close(io->link_fd);
}
