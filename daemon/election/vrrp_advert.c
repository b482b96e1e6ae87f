/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election sends. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "../clock.h"
#include "vrouter/log.h"
#include "vrrp_io_impl.h"
#include "vrrp_sock.h"

static void tx_failed(struct vrrp_io *io, int err)
{
	io->stats.tx_errors++;
	if (err != io->tx_errno)
		log_warn("vrrp", io->router, "cannot send an advertisement: %s", strerror(err));
	io->tx_errno = err;
	event_active(io->probe, EV_TIMEOUT, 0);
}

static size_t make_packet(const struct vrrp_io *io, uint8_t prio, const struct ip_addr *to,
			  uint8_t buf[VRRP_PACKET_MAX])
{
	struct vrrp_meta meta = {.src = io->ends.self, .dst = *to, .ttl = VRRP_TTL};
	struct vrrp_packet p = io->ours;

	p.prio = prio;
	return vrrp_encode(&p, &meta, buf, VRRP_PACKET_MAX);
}

int vrrp_io_resignation(struct vrrp_io *io, struct vrrp_resignation *out)
{
	if (io->fd < 0)
		return -ENOTCONN;
	*out = (struct vrrp_resignation){
		.ifindex = io->ifindex, .src = io->ends.self, .n = io->ends.n_to};
	for (unsigned i = 0; i < out->n; i++) {
		out->to[i].dst = io->ends.to[i];
		out->to[i].len =
			make_packet(io, VRRP_PRIO_RESIGN, &io->ends.to[i], out->to[i].packet);
	}
	return out->n ? vrrp_stamp_last(io, out->to[0].packet, out->to[0].len) : io->fd;
}

/* One for all whom it goes to: they differ in the checksum only. */
static int stamp(struct vrrp_io *io, uint8_t prio)
{
	uint8_t buf[VRRP_PACKET_MAX];
	size_t len = make_packet(io, prio, &io->ends.to[0], buf);

	return vrrp_stamp(io, buf, len);
}

int vrrp_io_standin(struct vrrp_io *io, struct vrrp_standin *out)
{
	struct vrrp_inst inst = io->inst;

	inst.claims = 0; /* three of our own: others hear them, or have settled it */
	if (inst.state != VRRP_ACTIVE || inst.resigning)
		return -ENOTCONN;
	if (io->stamping.mode != VRRP_AUTH_NONE)
		return -EOPNOTSUPP;
	*out = (struct vrrp_standin){.family = io->family,
				     .ends = io->ends,
				     .ours = io->ours,
				     .fsm = io->cfg,
				     .able = true,
				     .boosted = inst.boosted,
				     .blind = inst.blind};
	out->ours.prio = vrrp_bid(&io->cfg, &inst);
	out->ours.adv_cs = io->cfg.adv_cs;
	memcpy(out->interface, io->interface, sizeof(out->interface));
	return vrrp_io_resignation(io, &out->resignation);
}

static int send_one(struct vrrp_io *io, uint8_t prio, const struct ip_addr *to)
{
	uint8_t buf[VRRP_PACKET_MAX];
	size_t len = make_packet(io, prio, to, buf);
	int err = vrrp_sock_send(io->fd, io->ifindex, &io->ends.self, to, buf, len);

	if (!err)
		io->stats.tx++;
	return err;
}

void vrrp_advertise(struct vrrp_io *io, uint8_t prio)
{
	int failed;

	io->last_tx_us = now_us();
	if (io->fd < 0) { /* a resignation on an interface that is gone */
		io->stats.tx_errors++;
		return;
	}
	failed = io->ends.n_to ? stamp(io, prio) : 0;
	for (unsigned i = 0, n = failed ? 0 : io->ends.n_to; i < n; i++) {
		int err = send_one(io, prio, &io->ends.to[i]);

		failed = err ? err : failed;
	}
	if (failed)
		tx_failed(io, -failed);
	else
		io->tx_errno = 0;
}
