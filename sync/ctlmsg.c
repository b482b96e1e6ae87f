/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctlmsg.h"

/* Operation head: type in the upper three bits, length in the lower five; 31: a varint with the
 * length above 31 follows. A PUT of IPv4 has one byte of framing. */
#define OP_LEN_EXTENDED 31u

struct stream_key stream_key_of(const struct dgram_hdr *h)
{
	struct rd r = rd_of(h->epoch, DGRAM_EPOCH_LEN);

	return (struct stream_key){.term = h->term, .sender = h->sender, .epoch = rd_be64(&r)};
}

bool stream_key_equal(const struct stream_key *a, const struct stream_key *b)
{
	return a->epoch == b->epoch && a->term == b->term && a->sender == b->sender;
}

int stream_key_rank(const struct stream_key *a, const struct stream_key *b)
{
	if (a->term != b->term)
		return a->term < b->term ? -1 : 1;
	return a->sender < b->sender ? -1 : a->sender > b->sender;
}

void stream_key_encode(struct wr *w, const struct stream_key *k)
{
	wr_be32(w, k->term);
	wr_be32(w, k->sender);
	wr_be64(w, k->epoch);
}

struct stream_key stream_key_decode(struct rd *r)
{
	struct stream_key k = {.term = rd_be32(r)};

	k.sender = rd_be32(r);
	k.epoch = rd_be64(r);
	return k;
}

/* ---- DATA ---- */

void data_encode_head(struct wr *w, const struct flow_refs *refs)
{
	wr_u8(w, 0);
	wr_u8(w, (uint8_t)refs->n);
	for (unsigned i = 0; i < refs->n; i++) {
		wr_u8(w, refs->addr[i].family == AF_INET6 ? 6 : 4);
		wr_bytes(w, refs->addr[i].b, ip_addr_size(&refs->addr[i]));
	}
}

bool data_decode_head(struct rd *r, uint8_t *flags, struct flow_refs *refs)
{
	*flags = rd_u8(r);
	refs->n = rd_u8(r);
	if (refs->n > FLOW_REFS_MAX)
		return false;
	for (unsigned i = 0; i < refs->n; i++) {
		unsigned version = rd_u8(r);

		if (version != 4 && version != 6)
			return false;
		refs->addr[i].family = version == 6 ? AF_INET6 : AF_INET;
		rd_copy(r, refs->addr[i].b, version == 6 ? 16 : 4);
	}
	return rd_ok(r);
}

void op_encode(struct wr *w, enum op_type type, const uint8_t *body, size_t len)
{
	size_t inl = len < OP_LEN_EXTENDED ? len : OP_LEN_EXTENDED;

	wr_u8(w, (uint8_t)((unsigned)type << 5 | inl));
	if (inl == OP_LEN_EXTENDED)
		wr_varint(w, len - OP_LEN_EXTENDED);
	wr_bytes(w, body, len);
}

bool op_decode(struct rd *r, unsigned *type, struct rd *body)
{
	unsigned head = rd_u8(r);
	uint64_t len = head & OP_LEN_EXTENDED;

	if (len == OP_LEN_EXTENDED)
		len += rd_varint(r);
	if (len > r->left)
		return false;
	*type = head >> 5;
	*body = rd_sub(r, (size_t)len);
	return rd_ok(r);
}

static void encode_ranges(struct wr *w, const struct ctl_range *range, unsigned n)
{
	wr_varint(w, n);
	for (unsigned i = 0; i < n; i++) {
		wr_varint(w, range[i].first);
		wr_varint(w, range[i].count);
	}
}

static unsigned decode_ranges(struct rd *r, struct ctl_range range[static CTL_RANGES_MAX])
{
	uint64_t n = rd_varint(r);

	if (n > CTL_RANGES_MAX) {
		r->bad = true;
		return 0;
	}
	for (uint64_t i = 0; i < n; i++) {
		range[i].first = rd_varint(r);
		range[i].count = rd_varint(r);
	}
	return (unsigned)n;
}

size_t op_begin_encode(uint8_t *out, size_t cap, const struct op_begin *b)
{
	struct wr w = wr_of(out, cap);

	wr_be32(&w, b->id);
	wr_u8(&w, b->flags);
	wr_u8(&w, b->log2_buckets);
	wr_varint(&w, b->expected);
	encode_ranges(&w, b->range, b->n);
	return wr_len(&w);
}

bool op_begin_decode(struct rd body, struct op_begin *out)
{
	out->id = rd_be32(&body);
	out->flags = rd_u8(&body);
	out->log2_buckets = rd_u8(&body);
	out->expected = rd_varint(&body);
	out->n = decode_ranges(&body, out->range);
	return rd_ok(&body);
}

size_t op_compare_encode(uint8_t *out, size_t cap, const struct op_compare *c)
{
	struct wr w = wr_of(out, cap);

	wr_u8(&w, OPX_COMPARE);
	wr_be32(&w, c->round);
	wr_u8(&w, c->flags);
	wr_u8(&w, c->by.log2);
	wr_bytes(&w, c->by.key, sizeof(c->by.key));
	return wr_len(&w);
}

bool op_compare_decode(struct rd body, struct op_compare *out)
{
	out->round = rd_be32(&body);
	out->flags = rd_u8(&body);
	out->by.log2 = rd_u8(&body);
	rd_copy(&body, out->by.key, sizeof(out->by.key));
	return rd_ok(&body) && out->by.log2 >= DIGEST_LOG2_MIN && out->by.log2 <= DIGEST_LOG2_MAX;
}

void op_digests_head(struct wr *w, uint32_t round, uint64_t first)
{
	wr_u8(w, OPX_DIGESTS);
	wr_be32(w, round);
	wr_varint(w, first);
}

bool op_digests_decode(struct rd body, struct op_digests *out)
{
	out->round = rd_be32(&body);
	out->first = rd_varint(&body);
	out->sums = body;
	return rd_ok(&body) && body.left % sizeof(uint64_t) == 0;
}

size_t op_buckets_encode(uint8_t *out, size_t cap, const struct op_buckets *b)
{
	struct wr w = wr_of(out, cap);

	wr_u8(&w, OPX_BUCKETS);
	wr_be32(&w, b->id);
	wr_be32(&w, b->round);
	wr_u8(&w, b->flags);
	wr_varint(&w, b->expected);
	wr_varint(&w, b->part);
	wr_bytes(&w, b->bits.p, b->bits.left);
	return wr_len(&w);
}

bool op_buckets_decode(struct rd body, struct op_buckets *out)
{
	out->id = rd_be32(&body);
	out->round = rd_be32(&body);
	out->flags = rd_u8(&body);
	out->expected = rd_varint(&body);
	out->part = rd_varint(&body);
	out->bits = body;
	return rd_ok(&body);
}

size_t op_expects_encode(uint8_t *out, size_t cap, enum op_extended type,
			 const struct op_expects *o)
{
	struct wr w = wr_of(out, cap);

	wr_u8(&w, (uint8_t)type);
	wr_be32(&w, o->id);
	wr_u8(&w, o->flags);
	return wr_len(&w);
}

bool op_expects_decode(struct rd body, struct op_expects *out)
{
	out->id = rd_be32(&body);
	out->flags = rd_u8(&body);
	return rd_ok(&body);
}

/* ---- CONTROL ---- */

/* What came with later versions: behind all that the first one had. */
static void encode_details(struct wr *w, const struct ctl_status *s)
{
	wr_varint(w, s->flows);
	wr_varint(w, s->flows_max);
	wr_varint(w, s->lag_ms);
	wr_u8(w, s->repair.why);
	wr_varint(w, s->repair.ago_ms);
	wr_varint(w, s->repair.took_ms);
	wr_varint(w, s->repair.listed);
	wr_varint(w, s->repair.deleted);
	wr_varint(w, s->repair.bytes);
	wr_u8(w, s->hearing);
	wr_varint(w, s->every_ms);
	wr_be64(w, s->life);
}

static uint32_t rd_varint32(struct rd *r)
{
	uint64_t v = rd_varint(r);

	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void decode_details(struct rd *r, struct ctl_status *s)
{
	s->detailed = !rd_done(r);
	s->hearing = ENGINE_HEARING_UNKNOWN;
	s->every_ms = 0;
	s->life = 0;
	if (!s->detailed)
		return;
	s->flows = rd_varint32(r);
	s->flows_max = rd_varint32(r);
	s->lag_ms = rd_varint(r);
	s->repair.why = rd_u8(r);
	s->repair.ago_ms = rd_varint(r);
	s->repair.took_ms = rd_varint(r);
	s->repair.listed = rd_varint(r);
	s->repair.deleted = rd_varint(r);
	s->repair.bytes = rd_varint(r);
	if (!rd_done(r))
		s->hearing = rd_u8(r);
	if (!rd_done(r))
		s->every_ms = rd_varint32(r);
	if (!rd_done(r))
		s->life = rd_be64(r);
}

static void encode_status(struct wr *w, const struct ctl_status *s)
{
	size_t n = strnlen(s->name, sizeof(s->name) - 1);

	wr_u8(w, (uint8_t)n);
	wr_bytes(w, s->name, n);
	wr_u8(w, s->phase);
	wr_u8(w, s->percent);
	wr_be32(w, s->known_term);
	stream_key_encode(w, &s->stream);
	wr_varint(w, s->seq);
	if (s->detailed)
		encode_details(w, s);
}

static void decode_status(struct rd *r, struct ctl_status *s)
{
	size_t n = rd_u8(r);

	memset(s->name, 0, sizeof(s->name));
	if (n >= sizeof(s->name))
		r->bad = true;
	else
		rd_copy(r, s->name, n);
	s->phase = rd_u8(r);
	s->percent = rd_u8(r);
	s->known_term = rd_be32(r);
	s->stream = stream_key_decode(r);
	s->seq = rd_varint(r);
	decode_details(r, s);
	/* a name goes into logs and JSON: nothing but printable ASCII */
	for (size_t i = 0; i < n && rd_ok(r); i++)
		if (s->name[i] < 0x21 || s->name[i] > 0x7e)
			r->bad = true;
}

static void encode_differ(struct wr *w, const struct ctl_differ *d)
{
	stream_key_encode(w, &d->stream);
	wr_varint(w, d->at);
	wr_be32(w, d->round);
	wr_varint(w, d->parts);
	wr_varint(w, d->part);
	wr_varint(w, d->len);
	wr_bytes(w, d->bits, d->len);
}

static void decode_differ(struct rd *r, struct ctl_differ *d)
{
	uint64_t len;

	d->stream = stream_key_decode(r);
	d->at = rd_varint(r);
	d->round = rd_be32(r);
	d->parts = rd_varint(r);
	d->part = rd_varint(r);
	len = rd_varint(r);
	if (len > sizeof(d->bits) || d->part >= DIGEST_PARTS_MAX) {
		r->bad = true;
		return;
	}
	d->len = (unsigned)len;
	rd_copy(r, d->bits, d->len);
}

static void encode_repair(struct wr *w, const struct ctl_repair *m)
{
	stream_key_encode(w, &m->stream);
	wr_varint(w, m->at);
	wr_u8(w, m->log2_buckets);
	encode_ranges(w, m->range, m->n);
	wr_varint(w, m->flows);
	wr_u8(w, m->flags);
}

static void decode_repair(struct rd *r, struct ctl_repair *m)
{
	m->stream = stream_key_decode(r);
	m->at = rd_varint(r);
	m->log2_buckets = rd_u8(r);
	m->n = decode_ranges(r, m->range);
	/* not said by older peers */
	m->flows = r->left ? rd_varint(r) : 0;
	m->flags = r->left ? rd_u8(r) : 0;
}

static void encode_neigh_page(struct wr *w, const struct ctl_neigh *m)
{
	stream_key_encode(w, &m->stream);
	wr_varint(w, m->page);
	wr_varint(w, m->stamp);
	wr_varint(w, m->have);
	neigh_page_encode(w, &m->content);
}

static void decode_neigh_page(struct rd *r, struct ctl_neigh *m)
{
	uint64_t page;

	m->stream = stream_key_decode(r);
	page = rd_varint(r);
	m->page = (unsigned)page;
	m->stamp = rd_varint(r);
	m->have = rd_varint(r);
	if (page >= NEIGH_PAGES_MAX || !neigh_page_decode(r, &m->content))
		r->bad = true;
}

static void encode_beat(struct wr *w, const struct ctl_beat *b)
{
	stream_key_encode(w, &b->stream);
	wr_varint(w, b->every_ms);
}

static void decode_beat(struct rd *r, struct ctl_beat *b)
{
	b->stream = stream_key_decode(r);
	b->every_ms = rd_varint(r);
}

static void encode_handover(struct wr *w, const struct ctl_msg *m)
{
	stream_key_encode(w, &m->handover.stream);
	if (m->type != CTL_LEAVING)
		return;
	wr_varint(w, m->handover.leaving.trail_ms);
	wr_bytes(w, m->handover.leaving.mac, sizeof(m->handover.leaving.mac));
}

static void decode_handover(struct rd *r, struct ctl_msg *m)
{
	struct engine_leaving *l = &m->handover.leaving;

	m->handover.stream = stream_key_decode(r);
	*l = (struct engine_leaving){.trail_ms = 0};
	if (m->type != CTL_LEAVING)
		return;
	l->trail_ms = rd_varint32(r);
	rd_copy(r, l->mac, sizeof(l->mac));
	/* of a host, and of one */
	for (unsigned i = 0; i < ENGINE_LEAVING_LEGS; i++)
		if (l->mac[i][0] & 1)
			r->bad = true;
	if (l->trail_ms > ENGINE_TRAIL_MAX_MS)
		l->trail_ms = ENGINE_TRAIL_MAX_MS;
}

static void encode_body(struct wr *w, const struct ctl_msg *m)
{
	switch (m->type) {
	case CTL_STATUS:
		encode_status(w, &m->status);
		break;
	case CTL_NACK:
		stream_key_encode(w, &m->nack.stream);
		encode_ranges(w, m->nack.range, m->nack.n);
		break;
	case CTL_REPAIR:
		encode_repair(w, &m->repair);
		break;
	case CTL_DIFFER:
		encode_differ(w, &m->differ);
		break;
	case CTL_CHALLENGE:
	case CTL_ECHO:
	case CTL_ASK:
	case CTL_VOUCH:
		wr_be32(w, m->challenge.to);
		wr_be64(w, m->challenge.nonce);
		break;
	case CTL_GONE:
		stream_key_encode(w, &m->gone.stream);
		wr_varint(w, m->gone.first);
		break;
	case CTL_NEIGH_STATE:
		stream_key_encode(w, &m->neigh.stream);
		wr_varint(w, m->neigh.stamp);
		break;
	case CTL_NEIGH_WANT:
		stream_key_encode(w, &m->neigh.stream);
		wr_varint(w, m->neigh.have);
		break;
	case CTL_NEIGH_PAGE:
		encode_neigh_page(w, &m->neigh);
		break;
	case CTL_BEAT:
		encode_beat(w, &m->beat);
		break;
	case CTL_VERIFY:
		ctl_verify_encode(w, &m->verify);
		break;
	case CTL_VERIFIED:
		ctl_verified_encode(w, &m->verified);
		break;
	case CTL_HANDOVER:
	case CTL_LEAVING:
		encode_handover(w, m);
		break;
	case CTL_RESERVE:
		ctl_reserve_encode(w, &m->reserve);
		break;
	case CTL_PULSE:
		ctl_pulse_encode(w, &m->pulse);
		break;
	}
}

void ctl_encode(struct wr *w, const struct ctl_msg *m)
{
	uint8_t buf[CTL_BODY_MAX];
	struct wr body = wr_of(buf, sizeof(buf));

	encode_body(&body, m);
	if (!wr_ok(&body))
		w->bad = true;
	wr_u8(w, m->type);
	wr_varint(w, wr_len(&body));
	wr_bytes(w, buf, wr_len(&body));
}

/* Of types that not every peer knows. false: nor do we. */
static bool decode_newer(struct rd *body, struct ctl_msg *m)
{
	switch (m->type) {
	case CTL_BEAT:
		decode_beat(body, &m->beat);
		break;
	case CTL_VERIFY:
		ctl_verify_decode(body, &m->verify);
		break;
	case CTL_VERIFIED:
		ctl_verified_decode(body, &m->verified);
		break;
	case CTL_HANDOVER:
	case CTL_LEAVING:
		decode_handover(body, m);
		break;
	case CTL_RESERVE:
		ctl_reserve_decode(body, &m->reserve);
		break;
	case CTL_PULSE:
		ctl_pulse_decode(body, &m->pulse);
		break;
	default:
		return false;
	}
	return true;
}

enum ctl_decoded ctl_decode(struct rd *r, struct ctl_msg *m)
{
	uint64_t len;
	struct rd body;

	if (rd_done(r))
		return CTL_END;
	m->type = rd_u8(r);
	len = rd_varint(r);
	if (!rd_ok(r) || len > r->left)
		return CTL_BAD;
	body = rd_sub(r, (size_t)len);
	switch (m->type) {
	case CTL_STATUS:
		decode_status(&body, &m->status);
		break;
	case CTL_NACK:
		m->nack.stream = stream_key_decode(&body);
		m->nack.n = decode_ranges(&body, m->nack.range);
		break;
	case CTL_REPAIR:
		decode_repair(&body, &m->repair);
		break;
	case CTL_DIFFER:
		decode_differ(&body, &m->differ);
		break;
	case CTL_CHALLENGE:
	case CTL_ECHO:
	case CTL_ASK:
	case CTL_VOUCH:
		m->challenge.to = rd_be32(&body);
		m->challenge.nonce = rd_be64(&body);
		break;
	case CTL_GONE:
		m->gone.stream = stream_key_decode(&body);
		m->gone.first = rd_varint(&body);
		break;
	case CTL_NEIGH_STATE:
		m->neigh.stream = stream_key_decode(&body);
		m->neigh.stamp = rd_varint(&body);
		break;
	case CTL_NEIGH_WANT:
		m->neigh.stream = stream_key_decode(&body);
		m->neigh.have = rd_varint(&body);
		break;
	case CTL_NEIGH_PAGE:
		decode_neigh_page(&body, &m->neigh);
		break;
	default:
		if (!decode_newer(&body, m))
			return CTL_UNKNOWN;
	}
	return rd_ok(&body) ? CTL_MSG : CTL_BAD;
}
