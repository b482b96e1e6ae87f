/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded reader and writer for wire formats. The first access out of bounds latches `bad`;
 * every later one returns zero or does nothing, so a decoder checks once, at its end.
 * Numbers are big-endian; varints are LEB128 (7 bits a byte, low bits first, at most 10 bytes). */
#ifndef VROUTER_WIRE_H
#define VROUTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct rd rd_of(const void *p, size_t len)
{
	return (struct rd){.p = p, .left = len};
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

static inline bool rd_done(const struct rd *r)
{
	return r->bad || r->left == 0;
}

static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	if (r->bad || n > r->left) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *at = r->p;
	r->p += n;
	r->left -= n;
	return at;
}

static inline void rd_copy(struct rd *r, void *to, size_t n)
{
	const uint8_t *from = rd_bytes(r, n);

	if (from)
		memcpy(to, from, n);
}

/* Big-endian number of n <= 8 bytes. */
static inline uint64_t rd_be(struct rd *r, size_t n)
{
	const uint8_t *b = rd_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; b && i < n; i++)
		v = v << 8 | b[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_be(r, 1);
}

static inline uint16_t rd_be16(struct rd *r)
{
	return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_be32(struct rd *r)
{
	return (uint32_t)rd_be(r, 4);
}

static inline uint64_t rd_be64(struct rd *r)
{
	return rd_be(r, 8);
}

static inline uint64_t rd_varint(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t b = rd_u8(r);

		/* the tenth byte holds one bit of a 64-bit number */
		if (r->bad || (shift == 63 && b > 1))
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

/* A reader of the next n bytes that cannot outrun them. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *at = rd_bytes(r, n);

	return at ? rd_of(at, n) : (struct rd){.bad = true};
}

struct wr {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline struct wr wr_of(void *p, size_t cap)
{
	return (struct wr){.start = p, .p = p, .end = (uint8_t *)p + cap};
}

static inline bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

static inline size_t wr_left(const struct wr *w)
{
	return (size_t)(w->end - w->p);
}

static inline void wr_bytes(struct wr *w, const void *from, size_t n)
{
	if (w->bad || n > wr_left(w)) {
		w->bad = true;
		return;
	}
	memcpy(w->p, from, n);
	w->p += n;
}

static inline void wr_be(struct wr *w, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	wr_bytes(w, b, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_be16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

static inline void wr_be32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

static inline void wr_be64(struct wr *w, uint64_t v)
{
	wr_be(w, v, 8);
}

static inline void wr_varint(struct wr *w, uint64_t v)
{
	uint8_t b[10];
	size_t n = 0;

	do {
		b[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
		n++;
	} while (v);
	wr_bytes(w, b, n);
}

#endif
