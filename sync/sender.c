/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender.h"

#include <errno.h>

#include "vrouter/pages.h"

#define RESEND_PAUSE_MS 2 /* several replicas ask for the same: one answer is heard by all */

#define SLOTS_BYTES (SENDER_SLOTS * sizeof(struct sender_slot) + SENDER_INDEX * sizeof(uint16_t))

/* Index and ring are one piece. A stream begins where they meet, in the middle of a page: of the
 * stream of a router without flows there is no more than that one. */
#define PAGE	   4096
#define MEET	   (PAGE / 2)
#define SENT_FIRST (MEET / sizeof(struct sender_sent))

static size_t sent_bytes(const struct sender *s)
{
	return (size_t)(s->sent_mask + 1) * sizeof(struct sender_sent);
}

/* In front of the index. */
static size_t pad_bytes(const struct sender *s)
{
	return (MEET - sent_bytes(s) % PAGE + PAGE) % PAGE;
}

static size_t kept_bytes(const struct sender *s)
{
	return pad_bytes(s) + sent_bytes(s) + s->ring_size;
}

static struct sender_sent *sent_at(const struct sender *s, uint64_t seq)
{
	return &s->sent[(seq - 1 - SENT_FIRST) & s->sent_mask];
}

static void body_start(struct sender *s, size_t mtu)
{
	s->wr = wr_of(s->body, mtu);
	data_encode_head(&s->wr, &s->refs);
	s->head_len = wr_len(&s->wr);
	s->has_ops = false;
}

static void body_restart(struct sender *s)
{
	s->wr.p = s->body + s->head_len;
	s->wr.bad = false;
	s->body[0] = 0;
	s->has_ops = false;
}

int sender_init(struct sender *s, const struct engine_conf *conf, struct sync_counters *counters,
		void (*emit)(void *ctx, uint64_t seq, const uint8_t *body, size_t len), void *ctx)
{
	uint64_t sent = 64;

	memset(s, 0, sizeof(*s));
	s->emit = emit;
	s->ctx = ctx;
	s->counters = counters;
	for (; s->refs.n < conf->locals.n && s->refs.n < FLOW_REFS_MAX; s->refs.n++)
		s->refs.addr[s->refs.n] = conf->locals.addr[s->refs.n];
	/* at low rates datagrams are small: the index allows for 128 bytes each */
	while (sent < conf->ring_bytes / 128)
		sent *= 2;
	s->sent_mask = sent - 1;
	s->ring_size = conf->ring_bytes;
	s->body = malloc(conf->mtu_body);
	s->slot = pages_new(SLOTS_BYTES);
	s->kept = pages_new(kept_bytes(s));
	if (!s->slot || !s->body || !s->kept) {
		sender_fini(s);
		return -ENOMEM;
	}
	s->sent = (void *)(s->kept + pad_bytes(s));
	s->ring = s->kept + pad_bytes(s) + sent_bytes(s);
	s->index = (void *)(s->slot + SENDER_SLOTS);
	body_start(s, conf->mtu_body);
	sender_open(s);
	return 0;
}

void sender_fini(struct sender *s)
{
	pages_free(s->slot, SLOTS_BYTES);
	free(s->body);
	pages_free(s->kept, kept_bytes(s));
	s->slot = NULL;
	s->body = NULL;
	s->kept = NULL;
}

static void slots_clear(struct sender *s)
{
	if (s->n) /* else there is nothing in it */
		memset(s->index, 0, SENDER_INDEX * sizeof(*s->index));
	s->n = 0;
}

void sender_open(struct sender *s)
{
	s->seq = 0;
	s->first = 1;
	s->ring_at = 0;
	slots_clear(s);
	body_restart(s);
}

/* ---- ring ---- */

/* Makes room for len bytes in one piece and returns where. The oldest bodies go. */
static size_t ring_room(struct sender *s, size_t len)
{
	for (;;) {
		uint64_t count = s->seq + 1 - s->first;

		if (!count)
			return 0;
		if (count <= s->sent_mask) {
			size_t tail = sent_at(s, s->first)->off;

			if (s->ring_at > tail) {
				if (s->ring_size - s->ring_at >= len)
					return s->ring_at;
				if (tail > len)
					return 0;
			} else if (tail - s->ring_at > len) {
				return s->ring_at;
			}
		}
		s->first++;
	}
}

static void ring_add(struct sender *s, const uint8_t *body, size_t len)
{
	size_t at = ring_room(s, len);

	memcpy(s->ring + at, body, len);
	s->seq++;
	*sent_at(s, s->seq) = (struct sender_sent){.off = (uint32_t)at, .len = (uint32_t)len};
	s->ring_at = at + len;
}

bool sender_resend(struct sender *s, uint64_t seq, uint64_t now, bool force)
{
	struct sender_sent *e = sent_at(s, seq);

	if (seq < s->first || seq > s->seq)
		return false;
	if (!force && e->resent_ms && (uint32_t)now - e->resent_ms < RESEND_PAUSE_MS)
		return true;
	e->resent_ms = (uint32_t)now;
	s->counters->v[SYNC_TX_RESENT]++;
	s->emit(s->ctx, seq, s->ring + e->off, e->len);
	return true;
}

/* ---- datagram ---- */

static void body_send(struct sender *s)
{
	size_t len = wr_len(&s->wr);

	if (s->ack_every && (s->seq + 1) % s->ack_every == 0)
		s->body[0] |= DATA_ACK;
	ring_add(s, s->body, len);
	s->counters->v[SYNC_TX_DATAGRAMS]++;
	s->emit(s->ctx, s->seq, s->body, len);
	body_restart(s);
}

void sender_op(struct sender *s, enum op_type type, const uint8_t *body, size_t len)
{
	/* one byte of head and at most three of a longer length */
	if (s->has_ops && wr_left(&s->wr) < len + (len < 31 ? 1 : 4))
		body_send(s);
	op_encode(&s->wr, type, body, len);
	s->has_ops = true;
}

static void put_op(struct sender *s, enum op_type type, const struct flow *f)
{
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	flow_encode_put(&w, f, &s->refs);
	sender_op(s, type, buf, wr_len(&w));
}

static void either_op(struct sender *s, const struct flow *f)
{
	uint8_t buf[1 + FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	wr_u8(&w, OPX_PUT);
	flow_encode_put(&w, f, &s->refs);
	sender_op(s, OP_EXTENDED, buf, wr_len(&w));
}

static void del_op(struct sender *s, const struct flow *f)
{
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	flow_encode_del(&w, f, &s->refs);
	sender_op(s, OP_DEL, buf, wr_len(&w));
	s->counters->v[SYNC_TX_DEL]++;
}

void sender_list(struct sender *s, const struct flow *f)
{
	put_op(s, OP_LIST, f);
	s->counters->v[SYNC_REPAIR_FLOWS]++;
}

void sender_flush(struct sender *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct sender_slot *slot = &s->slot[i];

		switch ((enum sender_kind)slot->kind) {
		case SENDER_NOTHING:
			break;
		case SENDER_NEW:
			put_op(s, OP_PUT_NEW, &slot->flow);
			s->counters->v[SYNC_TX_PUT]++;
			break;
		case SENDER_UPDATE:
			put_op(s, OP_PUT_UPDATE, &slot->flow);
			s->counters->v[SYNC_TX_PUT]++;
			break;
		case SENDER_EITHER:
			either_op(s, &slot->flow);
			s->counters->v[SYNC_TX_PUT]++;
			break;
		case SENDER_DEL:
			del_op(s, &slot->flow);
			break;
		}
	}
	if (s->n)
		slots_clear(s);
}

void sender_send(struct sender *s, bool ack)
{
	sender_flush(s);
	if (!s->has_ops && !ack)
		return;
	if (ack)
		s->body[0] |= DATA_ACK;
	body_send(s);
}

/* ---- slots ---- */

/* The open slot of a flow or NULL; *at: where it is in the index or would be put. */
static struct sender_slot *slot_find(struct sender *s, uint64_t hash, const struct flow *f,
				     unsigned *at)
{
	unsigned i = (unsigned)(hash & (SENDER_INDEX - 1));

	for (; s->index[i]; i = (i + 1) & (SENDER_INDEX - 1)) {
		struct sender_slot *slot = &s->slot[s->index[i] - 1];

		if (slot->open && slot->hash == hash && flow_same(&slot->flow, f)) {
			*at = i;
			return slot;
		}
	}
	*at = i;
	return NULL;
}

static void slot_add(struct sender *s, uint64_t hash, const struct flow *f, enum sender_kind kind)
{
	struct sender_slot *slot;
	unsigned at;

	if (s->n == SENDER_SLOTS)
		sender_flush(s);
	(void)slot_find(s, hash, f, &at);
	slot = &s->slot[s->n++];
	s->index[at] = (uint16_t)s->n;
	flow_copy(&slot->flow, f);
	slot->hash = hash;
	slot->kind = (uint8_t)kind;
	slot->open = true;
}

static enum sender_kind kind_of(enum flow_change change)
{
	switch (change) {
	case FLOW_NEW:
		return SENDER_NEW;
	case FLOW_UPDATE:
		return SENDER_UPDATE;
	case FLOW_DESTROY:
		return SENDER_DEL;
	}
	return SENDER_NOTHING;
}

/* The change goes into the slot; false: it needs another one behind it. */
static bool slot_coalesce(struct sender_slot *slot, const struct flow *f, enum flow_change change,
			  bool keep_del)
{
	switch (change) {
	case FLOW_NEW: /* may use a NAT tuple that only a later slot sets free */
		return false;
	case FLOW_UPDATE:
		if (slot->kind == SENDER_DEL)
			return false;
		flow_merge(&slot->flow, f);
		return true;
	case FLOW_DESTROY:
		if (slot->kind == SENDER_NEW && !keep_del) {
			slot->kind = SENDER_NOTHING;
			slot->open = false;
		} else {
			slot->kind = SENDER_DEL;
		}
		return true;
	}
	return false;
}

void sender_change(struct sender *s, uint64_t hash, const struct flow *f, enum flow_change change,
		   bool keep_del)
{
	unsigned at;
	struct sender_slot *slot = slot_find(s, hash, f, &at);

	if (slot && slot_coalesce(slot, f, change, keep_del)) {
		s->counters->v[SYNC_COALESCED]++;
		return;
	}
	if (slot)
		slot->open = false;
	slot_add(s, hash, f, kind_of(change));
}

bool sender_holds(struct sender *s, uint64_t hash, const struct flow *f)
{
	unsigned at;
	const struct sender_slot *slot = slot_find(s, hash, f, &at);

	return slot && (slot->kind == SENDER_NEW || slot->kind == SENDER_EITHER);
}

void sender_either(struct sender *s, uint64_t hash, const struct flow *f)
{
	unsigned at;
	struct sender_slot *slot = slot_find(s, hash, f, &at);

	if (slot && slot_coalesce(slot, f, FLOW_UPDATE, false)) {
		if (slot->kind == SENDER_UPDATE)
			slot->kind = SENDER_EITHER;
		s->counters->v[SYNC_COALESCED]++;
		return;
	}
	if (slot)
		slot->open = false;
	slot_add(s, hash, f, SENDER_EITHER);
}
