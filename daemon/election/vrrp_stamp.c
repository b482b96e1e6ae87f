/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stamps what the election sends and judges the stamps of others (vrouter/vrrp_auth.h).
 *
 * The kernel takes an option that it does not know from holders of CAP_NET_RAW only. The guard has
 * no such right, so it is given a socket of its own, on which the option is set already. */
#include <errno.h>
#include <linux/filter.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "vrouter/log.h"
#include "vrrp_io_impl.h"
#include "vrrp_sock.h"

#define IPV4_HEADER 20 /* without options */
#define ANSWERS	    8  /* between two regular advertisements; challengers may be recordings */

_Static_assert(VRRP_AUTH_TAG_LEN == SEAL_TAG_LEN, "tag size");

int vrrp_stamp_open(struct vrrp_io *io)
{
	return getentropy(&io->stamping.epoch, sizeof(io->stamping.epoch)) < 0 ? -errno : 0;
}

static void close_last(struct vrrp_stamping *s)
{
	if (s->last_fd >= 0)
		close(s->last_fd);
	s->last_fd = -1;
}

void vrrp_stamp_close(struct vrrp_io *io)
{
	close_last(&io->stamping);
	seal_forget(&io->stamping.keys);
}

void vrrp_stamp_use(struct vrrp_io *io, const struct vrrp_io_cfg *cfg)
{
	io->stamping.mode = cfg->auth;
	io->stamping.keys = cfg->keys;
}

/* ---- sending -------------------------------------------------------------------------------- */

static int set_stamp(const struct vrrp_io *io, int fd, uint64_t number, const uint8_t *packet,
		     size_t len)
{
	const struct vrrp_stamping *from = &io->stamping;
	struct vrrp_auth_stamp s = {.key_id = from->keys.key[0].id,
				    .epoch = from->epoch,
				    .number = number,
				    .nonce = from->nonce};
	uint8_t text[VRRP_AUTH_TEXT_MAX], option[VRRP_AUTH_OPTION_LEN];
	size_t n = vrrp_auth_text(text, &s, &io->ends.self, packet, len);

	if (!n || !seal_tag(&from->keys, s.key_id, text, n, s.tag))
		return -ENOKEY;
	vrrp_auth_encode(&s, option);
	return setsockopt(fd, IPPROTO_IP, IP_OPTIONS, option, sizeof(option)) < 0 ? -errno : 0;
}

int vrrp_stamp(struct vrrp_io *io, const uint8_t *packet, size_t len)
{
	struct vrrp_stamping *s = &io->stamping;

	if (s->mode == VRRP_AUTH_NONE && !s->sticks)
		return 0;
	if (s->mode == VRRP_AUTH_NONE) { /* it was another before a reload */
		s->sticks = false;
		return setsockopt(io->fd, IPPROTO_IP, IP_OPTIONS, NULL, 0) < 0 ? -errno : 0;
	}
	s->sticks = true;
	if (!s->nonce)
		s->answers = ANSWERS;
	return set_stamp(io, io->fd, ++s->number, packet, len);
}

/* Sends only: nobody reads it. */
static int open_deaf(const struct vrrp_io *io)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &nothing};
	int fd = vrrp_sock_open(io->interface, io->ifindex, AF_INET, false);

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int vrrp_stamp_last(struct vrrp_io *io, const uint8_t *packet, size_t len)
{
	struct vrrp_stamping *s = &io->stamping;
	int err;

	if (s->mode == VRRP_AUTH_NONE)
		return io->fd;
	close_last(s);
	s->last_fd = open_deaf(io);
	if (s->last_fd < 0)
		return s->last_fd;
	err = set_stamp(io, s->last_fd, VRRP_AUTH_LAST, packet, len);
	return err ? err : s->last_fd;
}

static void ask(struct vrrp_io *io, const struct ip_addr *whom, uint64_t nonce)
{
	uint8_t packet[VRRP_AUTH_CHALLENGE_LEN];
	int err;

	vrrp_auth_challenge(packet, io->ours.vrid);
	io->stamping.nonce = nonce;
	err = vrrp_stamp(io, packet, sizeof(packet));
	io->stamping.nonce = 0;
	if (!err)
		err = vrrp_sock_send(io->fd, io->ifindex, &io->ends.self, whom, packet,
				     sizeof(packet));
	if (err)
		io->stats.tx_errors++;
	else
		io->stats.tx_challenges++;
}

static void answer(struct vrrp_io *io, uint64_t nonce)
{
	if (io->inst.state != VRRP_ACTIVE || io->owes || !io->stamping.answers)
		return;
	io->stamping.answers--;
	io->stamping.nonce = nonce;
	vrrp_advertise(io, vrrp_bid(&io->cfg, &io->inst));
	io->stamping.nonce = 0;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static enum vrrp_err check_tag(const struct vrrp_io *io, struct vrrp_auth_stamp *s,
			       const uint8_t *datagram, const struct rd *packet,
			       const struct vrrp_meta *meta)
{
	const uint8_t *options = datagram + IPV4_HEADER;
	uint8_t text[VRRP_AUTH_TEXT_MAX];
	size_t n;

	if (!vrrp_auth_find(s, options, (size_t)(packet->p - options)))
		return VRRP_E_NO_AUTH;
	n = vrrp_auth_text(text, s, &meta->src, packet->p, packet->left);
	if (!n)
		return VRRP_E_AUTH_BAD;
	switch (seal_check_tag(&io->stamping.keys, s->key_id, text, n, s->tag)) {
	case 0:
		return VRRP_OK;
	case -ENOKEY:
		return VRRP_E_AUTH_KEY;
	default:
		return VRRP_E_AUTH_BAD;
	}
}

enum vrrp_err vrrp_stamp_challenge(struct vrrp_io *io, const uint8_t *datagram,
				   const struct rd *packet, const struct vrrp_meta *meta)
{
	struct vrrp_auth_stamp s;
	enum vrrp_err err;

	if (!vrrp_auth_is_challenge(packet->p, packet->left))
		return VRRP_OK;
	if (packet->p[1] != io->ours.vrid)
		return VRRP_E_VRID;
	if (meta->ttl != VRRP_TTL)
		return VRRP_E_TTL;
	if (io->stamping.mode == VRRP_AUTH_NONE)
		return VRRP_E_TYPE;
	err = check_tag(io, &s, datagram, packet, meta);
	if (err != VRRP_OK)
		return err;
	if (s.nonce)
		answer(io, s.nonce);
	return VRRP_E_CHALLENGE;
}

enum vrrp_err vrrp_stamp_judge(struct vrrp_io *io, const uint8_t *datagram, const struct rd *packet,
			       const struct vrrp_meta *meta)
{
	struct vrrp_auth_stamp s;
	uint64_t random, nonce = 0;
	enum vrrp_err err;

	if (io->stamping.mode != VRRP_AUTH_HMAC)
		return VRRP_OK;
	err = check_tag(io, &s, datagram, packet, meta);
	if (err == VRRP_OK && getentropy(&random, sizeof(random)) < 0)
		err = VRRP_E_UNPROVEN;
	if (err != VRRP_OK)
		return err;
	err = vrrp_auth_judge(&io->stamping.peers, &meta->src, &s, now_us(), random, &nonce);
	if (nonce)
		ask(io, &meta->src, nonce);
	return err;
}
