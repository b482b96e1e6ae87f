/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another process sends and hears in the place of a vrrp_io, whose own process is gone. */
#include <errno.h>
#include <sys/socket.h>

#include "vrouter/vrrp_standin.h"
#include "vrrp_sock.h"

int vrrp_standin_advertise(const struct vrrp_standin *s, int fd)
{
	const struct vrrp_ends *e = &s->ends;
	int failed = 0;

	for (unsigned i = 0; i < e->n_to; i++) {
		const struct vrrp_meta meta = {.src = e->self, .dst = e->to[i], .ttl = VRRP_TTL};
		uint8_t buf[VRRP_PACKET_MAX];
		const struct vrrp_parcel p = {
			.src = &e->self,
			.dst = &e->to[i],
			.buf = buf,
			.len = vrrp_encode(&s->ours, &meta, buf, sizeof(buf)),
		};
		int err = vrrp_sock_send(fd, s->resignation.ifindex, &p);

		failed = err ? err : failed;
	}
	return failed;
}

int vrrp_resign(const struct vrrp_resignation *r, int fd)
{
	int failed = 0;

	for (unsigned i = 0; i < r->n; i++) {
		const struct vrrp_parcel p = {.src = &r->src,
					      .dst = &r->to[i].dst,
					      .whole = r->whole,
					      .buf = r->to[i].packet,
					      .len = r->to[i].len};
		int err = vrrp_sock_send(fd, r->ifindex, &p);

		failed = err ? err : failed;
	}
	return failed;
}

int vrrp_standin_hear(const struct vrrp_standin *s, int fd, struct vrrp_packet *p,
		      bool *from_higher_addr)
{
	struct vrrp_datagram d;
	int rc = vrrp_sock_recv(fd, s->family, &d);

	if (rc < 0)
		return rc == -EINTR ? 0 : rc;
	if (!d.meta.src.family || ip_addr_equal(&d.meta.src, &s->ends.self) ||
	    vrrp_decode(p, &d.meta, d.packet.p, d.packet.left) != VRRP_OK ||
	    !vrrp_ends_hear(&s->ends, &d.meta.src) || vrrp_match(p, &s->ours) != VRRP_OK)
		return 0;
	*from_higher_addr = ip_addr_cmp(&d.meta.src, &s->ends.self) > 0;
	return 1;
}

static bool has_address(const struct vrrp_link *l, const struct ip_addr *a)
{
	for (unsigned i = 0; i < l->addrs.n; i++)
		if (ip_addr_equal(&l->addrs.a[i].addr, a))
			return l->addrs.a[i].state == VRRP_ADDR_USABLE;
	return false;
}

const char *vrrp_standin_look(const struct vrrp_standin *s)
{
	struct vrrp_link link;
	int fd = vrrp_link_open();
	int err = fd < 0 ? fd : vrrp_link_read(fd, s->interface, s->family, &link);

	if (fd >= 0)
		close(fd);
	if (err == -ENODEV)
		return "the election's interface is gone";
	if (err < 0) /* the kernel could not say: what was true is the best guess */
		return NULL;
	if (link.ifindex != s->resignation.ifindex)
		return "the election's interface is gone";
	if (!link.up || !link.carrier)
		return "the election's interface is down";
	if (!has_address(&link, &s->ends.self))
		return "the election's interface has another address";
	return NULL;
}
