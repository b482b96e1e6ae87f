/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vrouter/vrrp_auth.h. The option, of an experimental type (RFC 4727 3.3) that is copied into
 * fragments and of no use to anybody else:
 *
 *  | 0x9e | 40 | format 1 | key id | epoch (8) | number (6) | nonce (6) | tag (16) |
 *
 * Of IPv6 its type is 0x1e (experimental, RFC 4727 3.4; the two bits at the top say: skip it, the
 * next one: nobody changes it on the way), and its length, 38, leaves out the first two bytes. It
 * is in a Destination Options header (RFC 8200 4.6), which PadN fills to a multiple of 8:
 *
 *  | 112 | 5 | 0x1e | 38 | ... | 1 | 4 | 0 0 0 0 | */
#include "vrouter/vrrp_auth.h"

#include <string.h>

#define V4_TYPE	      0x9e
#define V4_END	      0
#define V4_NOP	      1
#define V6_TYPE	      0x1e
#define V6_PAD1	      0
#define V6_PADN	      1
#define V6_DSTOPTS    60
#define V6_DSTOPT_LEN (8 + VRRP_AUTH_OPTION_LEN)
#define TOS_CONTROL   0xc0 /* as the socket's, see vrrp_sock.c */
#define FORMAT	      1
#define CHALLENGE     0x3f /* version 3, type 15 */
#define CHECKSUM_AT   6

#define NONCE_US  3000000 /* so long an answer counts */
#define ASK_US	  5000	  /* no more than one challenge in this time */
#define SILENT_US 3000000 /* who does not answer for this long is complained of */

/* ---- codec ---------------------------------------------------------------------------------- */

/* All but the tag. */
static void put_head(struct wr *w, const struct vrrp_auth_stamp *s, int family)
{
	wr_u8(w, family == AF_INET ? V4_TYPE : V6_TYPE);
	wr_u8(w, family == AF_INET ? VRRP_AUTH_OPTION_LEN : VRRP_AUTH_OPTION_LEN - 2);
	wr_u8(w, FORMAT);
	wr_u8(w, s->key_id);
	wr_be64(w, s->epoch);
	wr_be(w, s->number, 6);
	wr_be(w, s->nonce, 6);
}

static void put_ends(struct wr *w, const struct ip_addr *src, const struct ip_addr *dst)
{
	wr_bytes(w, src->b, ip_addr_size(src));
	wr_bytes(w, dst->b, ip_addr_size(dst));
}

static void put_ipv4(struct wr *w, const struct ip_addr *src, const struct ip_addr *dst)
{
	wr_u8(w, 0x40 | (20 + VRRP_AUTH_OPTION_LEN) / 4);
	wr_u8(w, TOS_CONTROL);
	wr_be(w, 0, 6); /* total length, identification, fragment */
	wr_u8(w, VRRP_TTL);
	wr_u8(w, VRRP_PROTO);
	wr_be16(w, 0); /* checksum */
	put_ends(w, src, dst);
}

static void put_ipv6(struct wr *w, const struct ip_addr *src, const struct ip_addr *dst,
		     size_t packet_len)
{
	wr_be32(w, 6u << 28 | TOS_CONTROL << 20);
	wr_be16(w, (uint16_t)(V6_DSTOPT_LEN + packet_len));
	wr_u8(w, V6_DSTOPTS);
	wr_u8(w, VRRP_TTL);
	put_ends(w, src, dst);
	wr_u8(w, VRRP_PROTO);
	wr_u8(w, V6_DSTOPT_LEN / 8 - 1);
}

static void put_padding(struct wr *w)
{
	wr_u8(w, V6_PADN);
	wr_u8(w, 4);
	wr_be32(w, 0);
}

size_t vrrp_auth_header(uint8_t header[static VRRP_AUTH_HEADER_MAX],
			const struct vrrp_auth_stamp *s, const struct ip_addr *src,
			const struct ip_addr *dst, size_t packet_len)
{
	struct wr w = wr_of(header, VRRP_AUTH_HEADER_MAX);

	if (src->family == AF_INET)
		put_ipv4(&w, src, dst);
	else
		put_ipv6(&w, src, dst, packet_len);
	put_head(&w, s, src->family);
	wr_bytes(&w, s->tag, sizeof(s->tag));
	if (src->family != AF_INET)
		put_padding(&w);
	return wr_len(&w);
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

/* What follows type and length of an option; the length of IPv4 counts these, too. */
static struct rd get_value(struct rd *r, int family)
{
	const size_t counted = family == AF_INET ? 2 : 0, n = rd_u8(r);

	r->bad |= n < counted;
	return rd_sub(r, r->bad ? 0 : n - counted);
}

bool vrrp_auth_find(struct vrrp_auth_stamp *out, int family, const uint8_t *options, size_t len)
{
	const uint8_t ours = family == AF_INET ? V4_TYPE : V6_TYPE;
	struct rd r = rd_of(options, len);

	if (family != AF_INET)
		rd_bytes(&r, 2); /* Next Header, and the length, which the kernel has judged */
	while (rd_ok(&r) && r.left) {
		uint8_t type = rd_u8(&r);
		struct rd value;

		if (family == AF_INET && type == V4_END)
			return false;
		if (type == (family == AF_INET ? V4_NOP : V6_PAD1))
			continue;
		value = get_value(&r, family);
		if (type == ours)
			return rd_ok(&r) && get_stamp(out, value);
	}
	return false;
}

size_t vrrp_auth_text(uint8_t text[static VRRP_AUTH_TEXT_MAX], const struct vrrp_auth_stamp *s,
		      const struct ip_addr *src, const uint8_t *packet, size_t len)
{
	struct wr w = wr_of(text, VRRP_AUTH_TEXT_MAX);

	if (len < CHECKSUM_AT + 2 || len > VRRP_PACKET_MAX)
		return 0;
	put_head(&w, s, src->family);
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

static struct vrrp_lifetime later(struct vrrp_lifetime l, uint64_t skip, uint64_t limit)
{
	if (!l.epoch || l.number > limit)
		return (struct vrrp_lifetime){.epoch = 0};
	l.number += skip;
	return l;
}

struct vrrp_lifetime vrrp_auth_for_guard(struct vrrp_lifetime core)
{
	return later(core, VRRP_AUTH_GUARD_SKIP, VRRP_AUTH_LAST - 2 * VRRP_AUTH_GUARD_SKIP);
}

struct vrrp_lifetime vrrp_auth_for_core(struct vrrp_lifetime guard)
{
	return later(guard, VRRP_AUTH_CORE_SKIP, VRRP_AUTH_LAST / 2);
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
