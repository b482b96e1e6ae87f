/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of a verify, and how a finding looks in them: what (1), then the flow as the source
 * has it and as the replica has it, each a length (varint) and the body of a PUT; 0: it has none.
 */
#include "ctlmsg.h"

static const struct flow_refs no_refs = {.n = 0};

void ctl_verify_encode(struct wr *w, const struct ctl_verify *v)
{
	stream_key_encode(w, &v->stream);
	wr_be32(w, v->to);
	wr_u8(w, v->flags);
	wr_be32(w, v->round);
	wr_varint(w, v->at);
	wr_varint(w, v->first);
}

void ctl_verify_decode(struct rd *r, struct ctl_verify *v)
{
	v->stream = stream_key_decode(r);
	v->to = rd_be32(r);
	v->flags = rd_u8(r);
	v->round = rd_be32(r);
	v->at = rd_varint(r);
	v->first = rd_varint(r);
}

void ctl_verified_encode(struct wr *w, const struct ctl_verified *v)
{
	stream_key_encode(w, &v->stream);
	wr_be32(w, v->round);
	wr_u8(w, v->state);
	wr_u8(w, v->flags);
	wr_varint(w, v->flows);
	wr_varint(w, v->missing);
	wr_varint(w, v->extra);
	wr_varint(w, v->different);
	wr_varint(w, v->named);
	wr_varint(w, v->first);
	wr_varint(w, v->len);
	wr_bytes(w, v->findings, v->len);
}

void ctl_verified_decode(struct rd *r, struct ctl_verified *v)
{
	uint64_t len;

	v->stream = stream_key_decode(r);
	v->round = rd_be32(r);
	v->state = rd_u8(r);
	v->flags = rd_u8(r);
	v->flows = rd_varint(r);
	v->missing = rd_varint(r);
	v->extra = rd_varint(r);
	v->different = rd_varint(r);
	v->named = rd_varint(r);
	v->first = rd_varint(r);
	len = rd_varint(r);
	if (len > sizeof(v->findings) || v->state >= VERIFIED_STATES ||
	    v->named > VERIFY_TOLD_MAX) {
		r->bad = true;
		return;
	}
	v->len = (unsigned)len;
	rd_copy(r, v->findings, v->len);
}

/* ---- findings ---- */

static void encode_side(struct wr *w, const struct flow *f)
{
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr body = wr_of(buf, sizeof(buf));

	if (f->family)
		flow_encode_put(&body, f, &no_refs);
	if (!wr_ok(&body))
		w->bad = true;
	wr_varint(w, wr_len(&body));
	wr_bytes(w, buf, wr_len(&body));
}

static size_t encode_finding(uint8_t *to, size_t cap, const struct verify_finding *f)
{
	static const struct flow none = {.family = 0};
	struct wr w = wr_of(to, cap);

	wr_u8(&w, (uint8_t)f->what);
	encode_side(&w, &f->source);
	encode_side(&w, &f->replica);
	if (wr_ok(&w))
		return wr_len(&w);
	/* one that is too long for a page of its own: as the source has it */
	if (cap < CTL_FINDINGS_MAX || f->what != VERIFY_DIFFERENT)
		return 0;
	w = wr_of(to, cap);
	wr_u8(&w, (uint8_t)f->what);
	encode_side(&w, &f->source);
	encode_side(&w, &none);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

void ctl_findings_encode(struct ctl_verified *v, const struct verify_finding *f, unsigned n)
{
	v->len = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t len =
			encode_finding(v->findings + v->len, sizeof(v->findings) - v->len, &f[i]);

		if (!len)
			return;
		v->len += (unsigned)len;
	}
}

static void decode_side(struct rd *r, struct flow *f)
{
	uint64_t len = rd_varint(r);

	flow_clear(f);
	if (!len || len > r->left) {
		r->bad |= len != 0;
		return;
	}
	if (flow_decode_put(rd_sub(r, (size_t)len), &no_refs, f) != FLOW_OK)
		r->bad = true;
}

bool ctl_finding_decode(struct rd *r, struct verify_finding *f)
{
	bool source, replica;

	f->what = (enum verify_what)rd_u8(r);
	decode_side(r, &f->source);
	decode_side(r, &f->replica);
	source = f->source.family != 0;
	replica = f->replica.family != 0;
	switch (f->what) {
	case VERIFY_MISSING:
		return rd_ok(r) && source && !replica;
	case VERIFY_EXTRA:
		return rd_ok(r) && !source && replica;
	case VERIFY_DIFFERENT:
		return rd_ok(r) && source && (!replica || flow_same(&f->source, &f->replica));
	case VERIFY_WHATS:
		break;
	}
	return false;
}

const char *verify_what_name(enum verify_what w)
{
	static const char *const name[VERIFY_WHATS] = {
		[VERIFY_MISSING] = "missing",
		[VERIFY_EXTRA] = "extra",
		[VERIFY_DIFFERENT] = "different",
	};

	return w < VERIFY_WHATS && name[w] ? name[w] : "unknown";
}

const char *verify_outcome_text(enum verify_outcome o)
{
	static const char *const text[VERIFY_OUTCOMES] = {
		[VERIFY_WAITS] = "",
		[VERIFY_COMPARED] = "",
		[VERIFY_NO_REPLICA] = "no replica is heard",
		[VERIFY_NO_SOURCE] = "no source is heard",
		[VERIFY_LOST] = "is no longer heard",
		[VERIFY_OTHER] = "does not follow this source",
		[VERIFY_SYNCING] = "is being repaired",
		[VERIFY_SILENT] = "does not answer (an older version?)",
		[VERIFY_CUT] = "repairs came in between",
		[VERIFY_TIMEOUT] = "took too long",
		[VERIFY_ROLE] = "the source changed meanwhile",
		[VERIFY_PROTOCOL] = "the protocol of conntrackd cannot compare tables",
	};

	return o < VERIFY_OUTCOMES ? text[o] : "unknown";
}
