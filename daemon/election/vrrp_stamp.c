/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet with a stamp is sent with its IP header: an option that the kernel does not know may be
 * set on a socket by holders of CAP_NET_RAW only, which the guard is not. */
#include "vrrp_stamp.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "../clock.h"

_Static_assert(VRRP_AUTH_TAG_LEN == SEAL_TAG_LEN, "tag size");

int vrrp_stamp_open(struct vrrp_stamping *s)
{
	s->life.number = 0;
	return getentropy(&s->life.epoch, sizeof(s->life.epoch)) < 0 ? -errno : 0;
}

void vrrp_stamp_use(struct vrrp_stamping *s, const struct vrrp_io_cfg *cfg)
{
	s->mode = cfg->auth;
	s->keys = cfg->keys;
}

/* ---- sending -------------------------------------------------------------------------------- */

int vrrp_stamp(const struct vrrp_stamping *from, struct vrrp_serial serial, struct vrrp_parcel *p,
	       uint8_t buf[static VRRP_WHOLE_MAX])
{
	struct vrrp_auth_stamp s = {.key_id = from->keys.key[0].id,
				    .epoch = from->life.epoch,
				    .number = serial.number,
				    .nonce = serial.nonce};
	uint8_t text[VRRP_AUTH_TEXT_MAX];
	size_t n;

	if (from->mode == VRRP_AUTH_NONE)
		return 0;
	n = vrrp_auth_text(text, &s, p->src, p->buf, p->len);
	if (!n || !seal_tag(&from->keys, s.key_id, text, n, s.tag))
		return -ENOKEY;
	n = vrrp_auth_header(buf, &s, p->src, p->dst, p->len);
	memcpy(buf + n, p->buf, p->len);
	p->buf = buf;
	p->len += n;
	p->whole = true;
	return 0;
}

int vrrp_stamp_question(struct vrrp_stamping *s, uint8_t vrid, uint64_t nonce,
			struct vrrp_parcel *p, uint8_t buf[static VRRP_WHOLE_MAX])
{
	uint8_t packet[VRRP_AUTH_CHALLENGE_LEN];

	vrrp_auth_challenge(packet, vrid);
	p->buf = packet;
	p->len = sizeof(packet);
	return vrrp_stamp(s, (struct vrrp_serial){++s->life.number, nonce}, p, buf);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static enum vrrp_err check_tag(const struct vrrp_stamping *with, struct vrrp_auth_stamp *s,
			       const struct vrrp_datagram *d)
{
	uint8_t text[VRRP_AUTH_TEXT_MAX];
	size_t n;

	if (!vrrp_auth_find(s, d->meta.src.family, d->options.p, d->options.left))
		return VRRP_E_NO_AUTH;
	n = vrrp_auth_text(text, s, &d->meta.src, d->packet.p, d->packet.left);
	if (!n)
		return VRRP_E_AUTH_BAD;
	switch (seal_check_tag(&with->keys, s->key_id, text, n, s->tag)) {
	case 0:
		return VRRP_OK;
	case -ENOKEY:
		return VRRP_E_AUTH_KEY;
	default:
		return VRRP_E_AUTH_BAD;
	}
}

enum vrrp_err vrrp_stamp_challenge(const struct vrrp_stamping *s, uint8_t vrid,
				   const struct vrrp_datagram *d, uint64_t *nonce)
{
	struct vrrp_auth_stamp stamp;
	enum vrrp_err err;

	*nonce = 0;
	if (!vrrp_auth_is_challenge(d->packet.p, d->packet.left))
		return VRRP_OK;
	if (d->packet.p[1] != vrid)
		return VRRP_E_VRID;
	if (d->meta.ttl != VRRP_TTL)
		return VRRP_E_TTL;
	if (s->mode == VRRP_AUTH_NONE)
		return VRRP_E_TYPE;
	err = check_tag(s, &stamp, d);
	if (err != VRRP_OK)
		return err;
	*nonce = stamp.nonce;
	return VRRP_E_CHALLENGE;
}

enum vrrp_err vrrp_stamp_judge(struct vrrp_stamping *s, const struct vrrp_datagram *d,
			       uint64_t *ask)
{
	struct vrrp_auth_stamp stamp;
	uint64_t random;
	enum vrrp_err err;

	*ask = 0;
	if (s->mode != VRRP_AUTH_HMAC)
		return VRRP_OK;
	err = check_tag(s, &stamp, d);
	if (err == VRRP_OK && getentropy(&random, sizeof(random)) < 0)
		err = VRRP_E_UNPROVEN;
	if (err != VRRP_OK)
		return err;
	return vrrp_auth_judge(&s->peers, &d->meta.src, &stamp, now_us(), random, ask);
}
