/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Version skew: what a newer controller might send. Rewrites the bodies that a node sends, so that
 * they hold what this version does not know: operations, types of EXTENDED, attributes, messages,
 * flags, and bytes behind the known fields. All of it must be skipped.
 * A retransmission is the same bytes again, so what is added depends on the datagram only. */
#ifndef REPLICATION_SKEW_H
#define REPLICATION_SKEW_H

#include "../../sync/ctlmsg.h"

#define SKEW_BODY_MAX 2048
#define SKEW_ROOM     64 /* what one addition takes at most */

struct skew {
	uint64_t rng;
	struct wr w;
	unsigned added;
};

static inline unsigned skew_rnd(struct skew *k, unsigned below)
{
	k->rng = k->rng * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(k->rng >> 33) % below;
}

static inline void skew_junk(struct skew *k, struct wr *w, unsigned n)
{
	while (n--)
		wr_u8(w, (uint8_t)skew_rnd(k, 256));
}

/* Is there still room for one more, when `left` bytes of the original follow? */
static inline bool skew_wants(struct skew *k, size_t left, unsigned one_in)
{
	bool wants = skew_rnd(k, one_in) == 0 && wr_left(&k->w) > left + 8 * SKEW_ROOM;

	k->added += wants;
	return wants;
}

/* Where in a flow's body the byte with its parts is. */
static inline size_t skew_parts_at(const uint8_t *p)
{
	size_t addr = p[0] & 0x08 ? 16u : 4u;

	return 1 + (p[0] & 0x07 ? 0u : 1u) + (p[0] & 0x10 ? 2u : 0u) + (p[0] & 0x20 ? 1 : addr) +
	       (p[0] & 0x40 ? 1 : addr) + 4;
}

/* Where the block of attributes is or belongs. */
static inline size_t skew_block_at(const uint8_t *p)
{
	static const uint8_t half[] = {0, 2, 2, 4};
	size_t at = skew_parts_at(p), addr = p[0] & 0x08 ? 16 : 4;
	uint8_t parts = p[at++];

	if (parts & 0x40) {
		uint8_t nat = p[at++];

		at += (nat & 0x01 ? addr : 0) + (nat & 0x02 && !(nat & 0x70) ? addr : 0) +
		      half[nat >> 2 & 3];
	}
	if (parts & 0x08)
		at += 4;
	if (parts & 0x20)
		while (p[at++] & 0x80)
			;
	return at;
}

static inline void skew_attr(struct wr *w, uint8_t type, struct skew *k, unsigned n)
{
	wr_u8(w, type);
	wr_varint(w, n);
	skew_junk(k, w, n);
}

/* Unknown attributes before and behind the known ones, which get longer where they may. */
static inline void skew_block(struct skew *k, struct wr *w, struct rd old)
{
	skew_attr(w, (uint8_t)(100 + skew_rnd(k, 50)), k, skew_rnd(k, 8));
	while (!rd_done(&old)) {
		uint8_t type = rd_u8(&old);
		struct rd value = rd_sub(&old, (size_t)rd_varint(&old));
		bool fixed = type == 1 || type == 2 || (type >= 5 && type <= 7);
		unsigned more = fixed ? skew_rnd(k, 5) : 0;

		wr_u8(w, type);
		wr_varint(w, value.left + more);
		wr_bytes(w, value.p, value.left);
		skew_junk(k, w, more);
	}
	skew_attr(w, (uint8_t)(150 + skew_rnd(k, 50)), k, skew_rnd(k, 8));
}

static inline void skew_flow(struct skew *k, struct wr *w, struct rd body)
{
	uint8_t block[512];
	size_t parts = skew_parts_at(body.p), at = skew_block_at(body.p);
	struct wr b = wr_of(block, sizeof(block));
	struct rd rest = rd_of(body.p + at, body.left - at);
	struct rd old = rd_of(NULL, 0);

	if (body.p[parts] & 0x80)
		old = rd_sub(&rest, (size_t)rd_varint(&rest));
	skew_block(k, &b, old);
	wr_bytes(w, body.p, at);
	w->start[parts] |= 0x80;
	wr_varint(w, wr_len(&b));
	wr_bytes(w, block, wr_len(&b));
	skew_junk(k, w, skew_rnd(k, 6)); /* behind the known fields */
}

static inline void skew_extended(struct skew *k, struct wr *w, struct rd body)
{
	wr_bytes(w, body.p, body.left);
	if (body.p[0] == OPX_COMPARE) {
		w->start[5] |= 0x80;
		skew_junk(k, w, skew_rnd(k, 6));
	} else if (body.p[0] == OPX_BUCKETS) {
		w->start[9] |= 0x80;
	} else if (body.p[0] == OPX_EXPECT || body.p[0] == OPX_EXPECT_LIST) {
		skew_attr(w, (uint8_t)(100 + skew_rnd(k, 100)), k, skew_rnd(k, 20));
	} else if (body.p[0] == OPX_EXPECTS_BEGIN || body.p[0] == OPX_EXPECTS_END) {
		w->start[5] |= 0x80;
		skew_junk(k, w, skew_rnd(k, 6));
	}
}

static inline void skew_op(struct skew *k, unsigned type, struct rd body)
{
	uint8_t out[SKEW_BODY_MAX];
	struct wr w = wr_of(out, sizeof(out));

	switch (type) {
	case OP_PUT_NEW:
	case OP_PUT_UPDATE:
	case OP_LIST:
		skew_flow(k, &w, body);
		break;
	case OP_EXTENDED:
		skew_extended(k, &w, body);
		break;
	default:
		wr_bytes(&w, body.p, body.left);
		if (type == OP_BEGIN)
			out[4] |= 0x80;
		skew_junk(k, &w, skew_rnd(k, 6));
	}
	op_encode(&k->w, (enum op_type)type, out, wr_len(&w));
}

static inline void skew_new_op(struct skew *k)
{
	uint8_t out[SKEW_ROOM];
	struct wr w = wr_of(out, sizeof(out));
	bool extended = skew_rnd(k, 2);

	if (extended)
		wr_u8(&w, (uint8_t)(128 + skew_rnd(k, 128)));
	skew_junk(k, &w, skew_rnd(k, 40));
	op_encode(&k->w, extended ? OP_EXTENDED : 0, out, wr_len(&w));
}

static inline void skew_data(struct skew *k, struct rd r)
{
	uint8_t flags = rd_u8(&r), n = rd_u8(&r);
	unsigned type;
	struct rd body;

	wr_u8(&k->w, flags | (uint8_t)(skew_rnd(k, 64) << 2));
	wr_u8(&k->w, n);
	while (n--) {
		uint8_t family = rd_u8(&r);
		size_t len = family == 6 ? 16 : 4;

		wr_u8(&k->w, family);
		wr_bytes(&k->w, rd_bytes(&r, len), len);
	}
	while (!rd_done(&r) && op_decode(&r, &type, &body)) {
		if (skew_wants(k, body.left + r.left, 6))
			skew_new_op(k);
		if (skew_wants(k, body.left + r.left, 3))
			skew_op(k, type, body);
		else
			op_encode(&k->w, (enum op_type)type, body.p, body.left);
	}
	if (skew_wants(k, 0, 6))
		skew_new_op(k);
}

static inline void skew_control(struct skew *k, struct rd r)
{
	while (!rd_done(&r)) {
		uint8_t type = rd_u8(&r);
		struct rd body = rd_sub(&r, (size_t)rd_varint(&r));
		unsigned more = skew_wants(k, body.left + r.left, 2) ? 1 + skew_rnd(k, 20) : 0;

		if (skew_wants(k, body.left + r.left, 3))
			skew_attr(&k->w, (uint8_t)(100 + skew_rnd(k, 100)), k, skew_rnd(k, 20));
		wr_u8(&k->w, type);
		wr_varint(&k->w, body.left + more);
		wr_bytes(&k->w, body.p, body.left);
		skew_junk(k, &k->w, more);
	}
	if (skew_wants(k, 0, 3))
		skew_attr(&k->w, (uint8_t)(100 + skew_rnd(k, 100)), k, skew_rnd(k, 20));
}

/* Rewrites into out, of SKEW_BODY_MAX bytes; returns the length. *added: how much is unknown. */
static inline size_t skew_rewrite(uint8_t *out, const struct dgram_hdr *h, const uint8_t *body,
				  size_t len, unsigned *added)
{
	struct skew k = {.rng = h->seq * 0x9e3779b97f4a7c15u ^ h->epoch[0] ^
				(uint64_t)h->kind << 32,
			 .w = wr_of(out, SKEW_BODY_MAX)};

	if (h->kind == DGRAM_DATA)
		skew_data(&k, rd_of(body, len));
	else
		skew_control(&k, rd_of(body, len));
	*added = k.added;
	if (!wr_ok(&k.w))
		abort();
	return wr_len(&k.w);
}

#endif
