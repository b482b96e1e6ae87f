/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the election sends. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "../clock.h"
#include "vrouter/log.h"
#include "vrouter/vrrp_standin.h"
#include "vrrp_io_impl.h"

#define ANSWERS 8 /* between two regular advertisements; challengers may be recordings */

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
	const struct vrrp_serial last = {.number = VRRP_AUTH_LAST};
	int err = 0;

	if (io->fd < 0)
		return -ENOTCONN;
	*out = (struct vrrp_resignation){
		.ifindex = io->ifindex, .src = io->ends.self, .n = io->ends.n_to};
	for (unsigned i = 0; !err && i < out->n; i++) {
		uint8_t packet[VRRP_PACKET_MAX];
		struct vrrp_parcel p = {.src = &out->src, .dst = &io->ends.to[i], .buf = packet};

		p.len = make_packet(io, VRRP_PRIO_RESIGN, p.dst, packet);
		err = vrrp_stamp(&io->stamping, last, &p, out->to[i].packet);
		if (!p.whole)
			memcpy(out->to[i].packet, packet, p.len);
		out->to[i].dst = *p.dst;
		out->to[i].len = p.len;
		out->whole = p.whole;
	}
	return err ? err : io->fd;
}

/* Whom we believe does not go with it: what of that is told is old when it counts, and recordings
 * of what came since would be believed. */
static int give_stamping(const struct vrrp_io *io, struct vrrp_stamping *out)
{
	out->mode = io->stamping.mode;
	if (out->mode == VRRP_AUTH_NONE)
		return 0;
	out->keys = io->stamping.keys;
	out->life = vrrp_auth_for_guard(io->stamping.life);
	return out->life.epoch ? 0 : -EOVERFLOW;
}

int vrrp_io_standin(struct vrrp_io *io, struct vrrp_standin *out)
{
	struct vrrp_inst inst = io->inst;

	inst.claims = 0; /* three of our own: others hear them, or have settled it */
	if (inst.state != VRRP_ACTIVE || inst.resigning)
		return -ENOTCONN;
	*out = (struct vrrp_standin){.family = io->family,
				     .ends = io->ends,
				     .ours = io->ours,
				     .fsm = io->cfg,
				     .boosted = inst.boosted,
				     .blind = inst.blind};
	out->ours.prio = vrrp_bid(&io->cfg, &inst);
	out->ours.adv_cs = io->cfg.adv_cs;
	memcpy(out->interface, io->interface, sizeof(out->interface));
	out->able = give_stamping(io, &out->stamping) == 0;
	return vrrp_io_resignation(io, &out->resignation);
}

static int send_one(struct vrrp_io *io, uint8_t prio, const struct ip_addr *to,
		    struct vrrp_serial serial)
{
	uint8_t packet[VRRP_PACKET_MAX], whole[VRRP_WHOLE_MAX];
	struct vrrp_parcel p = {.src = &io->ends.self, .dst = to, .buf = packet};
	int err;

	p.len = make_packet(io, prio, to, packet);
	err = vrrp_stamp(&io->stamping, serial, &p, whole);
	if (!err)
		err = vrrp_sock_send(io->fd, io->ifindex, &p);
	if (!err)
		io->stats.tx++;
	return err;
}

/* One stamp for all whom it goes to. */
static void say(struct vrrp_io *io, uint8_t prio, uint64_t nonce)
{
	const struct vrrp_serial serial = {++io->stamping.life.number, nonce};
	int failed = 0;

	io->last_tx_us = now_us();
	if (io->fd < 0) { /* a resignation on an interface that is gone */
		io->stats.tx_errors++;
		return;
	}
	for (unsigned i = 0; i < io->ends.n_to; i++) {
		int err = send_one(io, prio, &io->ends.to[i], serial);

		failed = err ? err : failed;
	}
	if (failed)
		tx_failed(io, -failed);
	else
		io->tx_errno = 0;
}

void vrrp_advertise(struct vrrp_io *io, uint8_t prio)
{
	io->answers = ANSWERS;
	say(io, prio, 0);
}

void vrrp_answer(struct vrrp_io *io, uint64_t nonce)
{
	if (!nonce || io->inst.state != VRRP_ACTIVE || io->owes || !io->answers)
		return;
	io->answers--;
	say(io, vrrp_bid(&io->cfg, &io->inst), nonce);
}

void vrrp_ask(struct vrrp_io *io, const struct ip_addr *whom, uint64_t nonce)
{
	struct vrrp_parcel p = {.src = &io->ends.self, .dst = whom};
	uint8_t whole[VRRP_WHOLE_MAX];
	int err = vrrp_stamp_question(&io->stamping, io->ours.vrid, nonce, &p, whole);

	if (!err)
		err = vrrp_sock_send(io->fd, io->ifindex, &p);
	if (err)
		io->stats.tx_errors++;
	else
		io->stats.tx_challenges++;
}
