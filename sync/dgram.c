/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/dgram.h"

#include "vrouter/counters.h"

#define MAGIC 0x56 /* V */

const char *dgram_err_name(enum dgram_err e)
{
	switch (e) {
	case DGRAM_OK:
		return "ok";
	case DGRAM_E_SHORT:
		return "short";
	case DGRAM_E_MAGIC:
		return "magic";
	case DGRAM_E_VERSION:
		return "version";
	case DGRAM_E_KIND:
		return "kind";
	}
	return "unknown";
}

void dgram_hdr_encode(uint8_t out[static DGRAM_HDR_LEN], const struct dgram_hdr *h)
{
	struct wr w = wr_of(out, DGRAM_HDR_LEN);

	wr_u8(&w, MAGIC);
	wr_u8(&w, DGRAM_VERSION);
	wr_u8(&w, h->kind);
	wr_u8(&w, h->key_id);
	wr_be32(&w, h->router);
	wr_be32(&w, h->sender);
	wr_be32(&w, h->term);
	wr_bytes(&w, h->epoch, DGRAM_EPOCH_LEN);
	wr_be64(&w, h->seq);
}

enum dgram_err dgram_hdr_decode(struct dgram_hdr *out, const uint8_t *p, size_t len)
{
	struct dgram_hdr h = {.kind = 0};
	struct rd r = rd_of(p, len);

	if (len < DGRAM_HDR_LEN)
		return DGRAM_E_SHORT;
	if (rd_u8(&r) != MAGIC)
		return DGRAM_E_MAGIC;
	if (rd_u8(&r) != DGRAM_VERSION)
		return DGRAM_E_VERSION;
	h.kind = rd_u8(&r);
	if (h.kind != DGRAM_DATA && h.kind != DGRAM_CONTROL)
		return DGRAM_E_KIND;
	h.key_id = rd_u8(&r);
	h.router = rd_be32(&r);
	h.sender = rd_be32(&r);
	h.term = rd_be32(&r);
	rd_copy(&r, h.epoch, DGRAM_EPOCH_LEN);
	h.seq = rd_be64(&r);
	*out = h;
	return DGRAM_OK;
}

/* FNV-1a */
uint32_t id_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h ? h : 1;
}

const char *sync_counter_name(enum sync_counter c)
{
	static const char *const name[] = {
#define X(id, name, text) name,
		SYNC_COUNTERS(X)
#undef X
	};

	return c < SYNC_COUNTER_N ? name[c] : "unknown";
}

const char *sync_counter_text(enum sync_counter c)
{
	static const char *const text[] = {
#define X(id, name, text) text,
		SYNC_COUNTERS(X)
#undef X
	};

	return c < SYNC_COUNTER_N ? text[c] : "unknown";
}
