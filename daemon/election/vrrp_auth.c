/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vrouter/vrrp_auth.h. The option, of an experimental type (RFC 4727 3.3) that is copied into
 * fragments and of no use to anybody else:
 *
 *  | 0x9e | 40 | format 1 | key id | epoch (8) | number (6) | nonce (6) | tag (16) | */
#include "vrouter/vrrp_auth.h"

#include <string.h>

#define OPTION_TYPE 0x9e
#define OPTION_END  0
#define OPTION_NOP  1
#define FORMAT	    1
#define CHALLENGE   0x3f /* version 3, type 15 */
#define CHECKSUM_AT 6

#define NONCE_US  3000000 /* so long an answer counts */
#define ASK_US	  5000	  /* no more than one challenge in this time */
#define SILENT_US 3000000 /* who does not answer for this long is complained of */

/* ---- codec ---------------------------------------------------------------------------------- */

/* All but the tag. */
static void put_head(struct wr *w, const struct vrrp_auth_stamp *s)
{
	wr_u8(w, OPTION_TYPE);
	wr_u8(w, VRRP_AUTH_OPTION_LEN);
	wr_u8(w, FORMAT);
	wr_u8(w, s->key_id);
	wr_be64(w, s->epoch);
	wr_be(w, s->number, 6);
	wr_be(w, s->nonce, 6);
}

void vrrp_auth_encode(const struct vrrp_auth_stamp *s, uint8_t option[static VRRP_AUTH_OPTION_LEN])
{
	struct wr w = wr_of(option, VRRP_AUTH_OPTION_LEN);

	put_head(&w, s);
	wr_bytes(&w, s->tag, sizeof(s->tag));
}

static bool get_stamp(struct vrrp_auth_stamp *out, struct rd r)
{
	struct vrrp_auth_stamp s = {.key_id = 0};
	uint8_t format = rd_u8(&r);

	s.key_id = rd_u8(&r);
	s.epoch = rd_be64(&r);
	s.number = rd_be(&r, 6);
	s.nonce = rd_be(&r, 6);
	rd_copy(&r, s.tag, sizeof(s.tag));
	if (!rd_ok(&r) || r.left || format != FORMAT)
		return false;
	*out = s;
	return true;
}

bool vrrp_auth_find(struct vrrp_auth_stamp *out, const uint8_t *options, size_t len)
{
	struct rd r = rd_of(options, len);

	while (r.left) {
		uint8_t type = rd_u8(&r), n;

		if (type == OPTION_END)
			return false;
		if (type == OPTION_NOP)
			continue;
		n = rd_u8(&r);
		if (!rd_ok(&r) || n < 2 || n - 2u > r.left)
			return false;

		struct rd value = rd_of(r.p, n - 2u);

		rd_bytes(&r, n - 2u);
		if (type == OPTION_TYPE)
			return get_stamp(out, value);
	}
	return false;
}

size_t vrrp_auth_text(uint8_t text[static VRRP_AUTH_TEXT_MAX], const struct vrrp_auth_stamp *s,
		      const struct ip_addr *src, const uint8_t *packet, size_t len)
{
	struct wr w = wr_of(text, VRRP_AUTH_TEXT_MAX);

	if (len < CHECKSUM_AT + 2 || len > VRRP_PACKET_MAX)
		return 0;
	put_head(&w, s);
	wr_bytes(&w, src->b, ip_addr_size(src));
	wr_bytes(&w, packet, CHECKSUM_AT);
	wr_bytes(&w, packet + CHECKSUM_AT + 2, len - CHECKSUM_AT - 2);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

void vrrp_auth_challenge(uint8_t packet[static VRRP_AUTH_CHALLENGE_LEN], uint8_t vrid)
{
	memset(packet, 0, VRRP_AUTH_CHALLENGE_LEN);
	packet[0] = CHALLENGE;
	packet[1] = vrid;
}

bool vrrp_auth_is_challenge(const uint8_t *packet, size_t len)
{
	return len == VRRP_AUTH_CHALLENGE_LEN && packet[0] == CHALLENGE;
}

/* ---- who is believed ------------------------------------------------------------------------ */

/* Its place, else a free one, else that of who was heard the longest ago. */
static struct vrrp_auth_peer *place_of(struct vrrp_auth_peers *p, const struct ip_addr *addr)
{
	struct vrrp_auth_peer *oldest = &p->peer[0];

	for (size_t i = 0; i < ARRAY_LEN(p->peer); i++) {
		struct vrrp_auth_peer *e = &p->peer[i];

		if (ip_addr_equal(&e->addr, addr))
			return e;
		if (oldest->addr.family && (!e->addr.family || e->heard_us < oldest->heard_us))
			oldest = e;
	}
	*oldest = (struct vrrp_auth_peer){.addr = *addr};
	return oldest;
}

static uint64_t question(struct vrrp_auth_peer *e, uint64_t now, uint64_t random)
{
	if (!e->nonce || now - e->nonce_us >= NONCE_US) {
		e->nonce = (random & VRRP_AUTH_48_BITS) ? random & VRRP_AUTH_48_BITS : 1;
		e->nonce_us = now;
	}
	if (e->asked_us && now - e->asked_us < ASK_US)
		return 0;
	e->asked_us = now;
	return e->nonce;
}

static bool answers(const struct vrrp_auth_peer *e, const struct vrrp_auth_stamp *s, uint64_t now)
{
	return e->nonce && s->nonce == e->nonce && now - e->nonce_us < NONCE_US;
}

enum vrrp_err vrrp_auth_judge(struct vrrp_auth_peers *p, const struct ip_addr *from,
			      const struct vrrp_auth_stamp *s, uint64_t now_us, uint64_t random,
			      uint64_t *ask)
{
	struct vrrp_auth_peer *e = place_of(p, from);
	bool known = e->proven && s->epoch == e->epoch;

	*ask = 0;
	if (known && s->number <= e->number)
		return VRRP_E_REPLAYED;
	if (known || answers(e, s, now_us)) {
		*e = (struct vrrp_auth_peer){.addr = *from,
					     .proven = true,
					     .epoch = s->epoch,
					     .number = s->number,
					     .nonce = known ? e->nonce : 0,
					     .nonce_us = e->nonce_us,
					     .asked_us = e->asked_us,
					     .heard_us = now_us};
		return VRRP_OK;
	}
	if (!e->since_us || now_us - e->heard_us >= SILENT_US)
		e->since_us = now_us;
	e->heard_us = now_us;
	*ask = question(e, now_us, random);
	return now_us - e->since_us < SILENT_US ? VRRP_E_UNPROVEN : VRRP_E_UNANSWERED;
}
