/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another process sends and hears in the place of a vrrp_io, whose own process is gone. */
#include <errno.h>
#include <sys/socket.h>

#include "vrouter/vrrp_standin.h"
#include "vrrp_stamp.h"

static int send_one(const struct vrrp_standin *s, int fd, const struct ip_addr *to,
		    struct vrrp_serial serial)
{
	const struct vrrp_meta meta = {.src = s->ends.self, .dst = *to, .ttl = VRRP_TTL};
	uint8_t packet[VRRP_PACKET_MAX], whole[VRRP_WHOLE_MAX];
	struct vrrp_parcel p = {.src = &s->ends.self, .dst = to, .buf = packet};
	int err;

	p.len = vrrp_encode(&s->ours, &meta, packet, sizeof(packet));
	err = vrrp_stamp(&s->stamping, serial, &p, whole);
	return err ? err : vrrp_sock_send(fd, s->resignation.ifindex, &p);
}

int vrrp_standin_advertise(struct vrrp_standin *s, int fd, uint64_t nonce)
{
	const struct vrrp_serial serial = {++s->stamping.life.number, nonce};
	int failed = 0;

	for (unsigned i = 0; i < s->ends.n_to; i++) {
		int err = send_one(s, fd, &s->ends.to[i], serial);

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

/* Who is not heard asks again. */
static void ask(struct vrrp_standin *s, int fd, const struct ip_addr *whom, uint64_t nonce)
{
	struct vrrp_parcel p = {.src = &s->ends.self, .dst = whom};
	uint8_t whole[VRRP_WHOLE_MAX];

	if (nonce && vrrp_stamp_question(&s->stamping, s->ours.vrid, nonce, &p, whole) == 0)
		(void)!vrrp_sock_send(fd, s->resignation.ifindex, &p);
}

static enum vrrp_standin_heard judge(struct vrrp_standin *s, int fd, const struct vrrp_datagram *d,
				     struct vrrp_standin_news *news)
{
	uint64_t nonce;
	enum vrrp_err err = vrrp_stamp_challenge(&s->stamping, s->ours.vrid, d, &news->nonce);

	if (err != VRRP_OK)
		return news->nonce ? VRRP_HEARD_CHALLENGE : VRRP_HEARD_NOTHING;
	if (vrrp_decode(&news->packet, &d->meta, d->packet.p, d->packet.left) != VRRP_OK ||
	    !vrrp_ends_hear(&s->ends, &d->meta.src) ||
	    vrrp_match(&news->packet, &s->ours) != VRRP_OK)
		return VRRP_HEARD_NOTHING;
	err = vrrp_stamp_judge(&s->stamping, d, &nonce);
	ask(s, fd, &d->meta.src, nonce);
	if (err == VRRP_OK)
		return VRRP_HEARD_ADVERT;
	return err == VRRP_E_UNPROVEN ? VRRP_HEARD_UNPROVEN : VRRP_HEARD_NOTHING;
}

int vrrp_standin_hear(struct vrrp_standin *s, int fd, struct vrrp_standin_news *news)
{
	struct vrrp_datagram d;
	int rc = vrrp_sock_recv(fd, s->family, &d);

	news->what = VRRP_HEARD_NOTHING;
	if (rc < 0)
		return rc == -EINTR ? 0 : rc;
	if (!d.meta.src.family || ip_addr_equal(&d.meta.src, &s->ends.self))
		return 0;
	news->from_higher_addr = ip_addr_cmp(&d.meta.src, &s->ends.self) > 0;
	news->what = judge(s, fd, &d, news);
	return 0;
}

void vrrp_standin_forget(struct vrrp_standin *s)
{
	seal_forget(&s->stamping.keys);
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
