/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compact encoding of a flow: layout in docs/protocol.md.
 * Identity is spelled, the reply tuple only where it differs from the inverse of the original one,
 * status is two bits (the NAT bits follow from the tuples). A field that a newer peer appends
 * behind the known ones is not read; the record's length comes from outside. */
#include "vrouter/flow.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/* first byte: identity */
enum {
	ID_PROTO = 0x07, /* index into proto_code; 0: spelled */
	ID_IPV6 = 0x08,
	ID_ZONE = 0x10,
	ID_SRC_REF = 0x20,
	ID_DST_REF = 0x40,
};

/* second byte of a PUT: parts */
enum {
	PART_STATUS = 0x01,
	PART_SEEN_REPLY = 0x02,
	PART_ASSURED = 0x04,
	PART_TCP = 0x08,
	PART_MARK = 0x10,	  /* known; zero unless the next bit is set */
	PART_MARK_NONZERO = 0x20, /* its value follows */
	PART_NAT = 0x40,	  /* the reply is not the inverse */
	PART_MORE = 0x80,	  /* a block of attributes follows all of the above */
};

/* attributes of that block */
enum {
	ATTR_SCTP = 1,
	ATTR_DCCP,
	ATTR_LABELS,
	ATTR_HELPER,
	ATTR_MASTER,
	ATTR_SEQADJ,
	ATTR_SYNPROXY,
	ATTR_N
};
#define HAS_MORE (FLOW_HAS_SCTP | FLOW_HAS_DCCP | FLOW_HAS_RARE)

/* NAT byte: which fields of the reply are spelled */
enum {
	NAT_SRC = 0x01,
	NAT_DST = 0x02,
	NAT_L4_FIRST = 0x04,
	NAT_L4_SECOND = 0x08,
	NAT_DST_REF = 0x70, /* 1 + index of dst; 0: spelled */
	NAT_DST_REF_SHIFT = 4,
};

static const uint8_t proto_code[] = {0,
				     IPPROTO_TCP,
				     IPPROTO_UDP,
				     IPPROTO_ICMP,
				     IPPROTO_ICMPV6,
				     IPPROTO_SCTP,
				     IPPROTO_DCCP,
				     IPPROTO_GRE};

const char *flow_err_name(enum flow_err e)
{
	static const char *const name[FLOW_E_N] = {
		[FLOW_OK] = "ok",	  [FLOW_E_SHORT] = "short",
		[FLOW_E_VALUE] = "value", [FLOW_E_MISSING] = "missing",
		[FLOW_E_REF] = "ref",
	};

	return e < FLOW_E_N ? name[e] : "unknown";
}

static size_t addr_len(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

/* Index of the address in the table, or -1. */
static int ref_of(const struct flow_refs *refs, uint8_t family, const uint8_t *a)
{
	for (unsigned i = 0; i < refs->n; i++)
		if (refs->addr[i].family == family &&
		    memcmp(refs->addr[i].b, a, addr_len(family)) == 0)
			return (int)i;
	return -1;
}

static void put_addr(struct wr *w, uint8_t family, const uint8_t *a, int ref)
{
	if (ref >= 0)
		wr_u8(w, (uint8_t)ref);
	else
		wr_bytes(w, a, addr_len(family));
}

static void encode_identity(struct wr *w, const struct flow *f, const struct flow_refs *refs)
{
	int src = ref_of(refs, f->family, f->orig.src), dst = ref_of(refs, f->family, f->orig.dst);
	unsigned code = ARRAY_LEN(proto_code) - 1;

	while (code && proto_code[code] != f->proto)
		code--;
	wr_u8(w,
	      (uint8_t)(code | (f->family == AF_INET6 ? ID_IPV6 : 0u) | (f->zone ? ID_ZONE : 0u) |
			(src >= 0 ? ID_SRC_REF : 0u) | (dst >= 0 ? ID_DST_REF : 0u)));
	if (!code)
		wr_u8(w, f->proto);
	if (f->zone)
		wr_be16(w, f->zone);
	put_addr(w, f->family, f->orig.src, src);
	put_addr(w, f->family, f->orig.dst, dst);
	wr_bytes(w, &f->orig.l4.raw, 4);
}

/* The halves of the layer 4 part are the ports; of an ICMP query, id and type with code. */
static const uint8_t *l4_half(const union flow_l4 *l4, unsigned half)
{
	return (const uint8_t *)l4 + (half ? 2 : 0);
}

static unsigned nat_bits(const struct flow *f, const struct flow_tuple *inv)
{
	unsigned bits = 0;

	if (memcmp(inv->src, f->reply.src, sizeof(inv->src)) != 0)
		bits |= NAT_SRC;
	if (memcmp(inv->dst, f->reply.dst, sizeof(inv->dst)) != 0)
		bits |= NAT_DST;
	if (memcmp(l4_half(&inv->l4, 0), l4_half(&f->reply.l4, 0), 2) != 0)
		bits |= NAT_L4_FIRST;
	if (memcmp(l4_half(&inv->l4, 1), l4_half(&f->reply.l4, 1), 2) != 0)
		bits |= NAT_L4_SECOND;
	return bits;
}

static void encode_nat(struct wr *w, const struct flow *f, unsigned bits,
		       const struct flow_refs *refs)
{
	int dst = bits & NAT_DST ? ref_of(refs, f->family, f->reply.dst) : -1;

	wr_u8(w, (uint8_t)(bits | (unsigned)(dst + 1) << NAT_DST_REF_SHIFT));
	if (bits & NAT_SRC)
		wr_bytes(w, f->reply.src, addr_len(f->family));
	if (bits & NAT_DST && dst < 0)
		wr_bytes(w, f->reply.dst, addr_len(f->family));
	if (bits & NAT_L4_FIRST)
		wr_bytes(w, l4_half(&f->reply.l4, 0), 2);
	if (bits & NAT_L4_SECOND)
		wr_bytes(w, l4_half(&f->reply.l4, 1), 2);
}

static void encode_state(struct wr *w, const struct flow *f)
{
	if (f->has & FLOW_HAS_SCTP) {
		wr_u8(w, ATTR_SCTP);
		wr_varint(w, 9);
		wr_u8(w, f->sctp.state);
		wr_bytes(w, f->sctp.vtag_be, 8);
	}
	if (f->has & FLOW_HAS_DCCP) {
		wr_u8(w, ATTR_DCCP);
		wr_varint(w, 10);
		wr_u8(w, f->dccp.state);
		wr_u8(w, f->dccp.role);
		wr_be64(w, f->dccp.handshake_seq);
	}
}

static void encode_seqadj(struct wr *w, const struct flow_seqadj seqadj[static 2])
{
	wr_u8(w, ATTR_SEQADJ);
	wr_varint(w, 24);
	for (unsigned d = 0; d < 2; d++) {
		wr_be32(w, seqadj[d].pos);
		wr_be32(w, seqadj[d].before);
		wr_be32(w, seqadj[d].after);
	}
}

static void encode_rare(struct wr *w, const struct flow *f)
{
	const struct flow_rare *r = &f->rare;
	size_t n = sizeof(r->labels);

	if (f->has & FLOW_HAS_LABELS) { /* most labels have low numbers */
		while (n && !r->labels[n - 1])
			n--;
		wr_u8(w, ATTR_LABELS);
		wr_varint(w, n);
		wr_bytes(w, r->labels, n);
	}
	if (f->has & FLOW_HAS_HELPER) {
		wr_u8(w, ATTR_HELPER);
		wr_varint(w, strlen(r->helper));
		wr_bytes(w, r->helper, strlen(r->helper));
	}
	if (f->has & FLOW_HAS_MASTER) {
		wr_u8(w, ATTR_MASTER);
		wr_varint(w, 1 + 2 * addr_len(f->family) + 4);
		wr_u8(w, r->master_proto);
		wr_bytes(w, r->master.src, addr_len(f->family));
		wr_bytes(w, r->master.dst, addr_len(f->family));
		wr_bytes(w, &r->master.l4.raw, 4);
	}
	if (f->has & FLOW_HAS_SEQADJ)
		encode_seqadj(w, r->seqadj);
	if (f->has & FLOW_HAS_SYNPROXY) {
		wr_u8(w, ATTR_SYNPROXY);
		wr_varint(w, 12);
		wr_be32(w, r->synproxy.isn);
		wr_be32(w, r->synproxy.its);
		wr_be32(w, r->synproxy.tsoff);
	}
}

static void encode_more(struct wr *w, const struct flow *f)
{
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr block = wr_of(buf, sizeof(buf));

	encode_state(&block, f);
	encode_rare(&block, f);
	wr_varint(w, wr_len(&block));
	wr_bytes(w, buf, wr_len(&block));
}

void flow_encode_put(struct wr *w, const struct flow *f, const struct flow_refs *refs)
{
	struct flow_tuple inv = flow_invert(f, &f->orig);
	unsigned nat = f->has & FLOW_HAS_REPLY ? nat_bits(f, &inv) : 0, parts = 0;

	if (f->has & FLOW_HAS_STATUS)
		parts |= PART_STATUS | (f->status & IPS_SEEN_REPLY ? PART_SEEN_REPLY : 0u) |
			 (f->status & IPS_ASSURED ? PART_ASSURED : 0u);
	if (f->has & FLOW_HAS_TCP)
		parts |= PART_TCP;
	if (f->has & FLOW_HAS_MARK)
		parts |= PART_MARK | (f->mark ? PART_MARK_NONZERO : 0u);
	if (nat)
		parts |= PART_NAT;
	if (f->has & HAS_MORE)
		parts |= PART_MORE;

	encode_identity(w, f, refs);
	wr_u8(w, (uint8_t)parts);
	if (nat)
		encode_nat(w, f, nat, refs);
	if (parts & PART_TCP) {
		wr_u8(w, f->tcp.state);
		wr_u8(w, (uint8_t)((f->tcp.wscale[0] & 15) | (f->tcp.wscale[1] & 15) << 4));
		wr_bytes(w, f->tcp.flags, 2);
	}
	if (parts & PART_MARK_NONZERO)
		wr_varint(w, f->mark);
	if (parts & PART_MORE)
		encode_more(w, f);
}

void flow_encode_del(struct wr *w, const struct flow *f, const struct flow_refs *refs)
{
	encode_identity(w, f, refs);
}

static enum flow_err get_ref(uint8_t *to, uint8_t family, unsigned index,
			     const struct flow_refs *refs)
{
	if (index >= refs->n || refs->addr[index].family != family)
		return FLOW_E_REF;
	memcpy(to, refs->addr[index].b, addr_len(family));
	return FLOW_OK;
}

static enum flow_err decode_addr(struct rd *r, uint8_t *to, uint8_t family, bool is_ref,
				 const struct flow_refs *refs)
{
	if (!is_ref) {
		rd_copy(r, to, addr_len(family));
		return rd_ok(r) ? FLOW_OK : FLOW_E_SHORT;
	}

	unsigned index = rd_u8(r);

	return rd_ok(r) ? get_ref(to, family, index, refs) : FLOW_E_SHORT;
}

static enum flow_err decode_identity(struct rd *r, const struct flow_refs *refs, struct flow *f)
{
	unsigned head = rd_u8(r);
	enum flow_err err;

	f->family = head & ID_IPV6 ? AF_INET6 : AF_INET;
	f->proto = head & ID_PROTO ? proto_code[head & ID_PROTO] : rd_u8(r);
	if (head & ID_ZONE)
		f->zone = rd_be16(r);
	err = decode_addr(r, f->orig.src, f->family, head & ID_SRC_REF, refs);
	if (err == FLOW_OK)
		err = decode_addr(r, f->orig.dst, f->family, head & ID_DST_REF, refs);
	rd_copy(r, &f->orig.l4.raw, 4);
	if (err != FLOW_OK)
		return err;
	return rd_ok(r) ? FLOW_OK : FLOW_E_SHORT;
}

static enum flow_err decode_nat(struct rd *r, const struct flow_refs *refs, struct flow *f)
{
	unsigned bits = rd_u8(r), dst_ref = (bits & NAT_DST_REF) >> NAT_DST_REF_SHIFT;
	enum flow_err err = FLOW_OK;

	if (bits & NAT_SRC)
		rd_copy(r, f->reply.src, addr_len(f->family));
	if (bits & NAT_DST && dst_ref)
		err = get_ref(f->reply.dst, f->family, dst_ref - 1, refs);
	else if (bits & NAT_DST)
		rd_copy(r, f->reply.dst, addr_len(f->family));
	if (bits & NAT_L4_FIRST)
		rd_copy(r, &f->reply.l4.sport_be, 2);
	if (bits & NAT_L4_SECOND)
		rd_copy(r, &f->reply.l4.dport_be, 2);
	return err;
}

static enum flow_err decode_tcp(struct rd *r, struct flow_tcp *tcp)
{
	uint8_t scale;

	tcp->state = rd_u8(r);
	scale = rd_u8(r);
	tcp->wscale[0] = scale & 15;
	tcp->wscale[1] = scale >> 4;
	rd_copy(r, tcp->flags, 2);
	/* what the kernel would refuse, and with it the batch that carries it */
	if (tcp->state > TCP_CONNTRACK_SYN_SENT2 || tcp->wscale[0] > 14 || tcp->wscale[1] > 14)
		return FLOW_E_VALUE;
	return FLOW_OK;
}

static enum flow_err decode_sctp(struct rd *v, struct flow *f)
{
	f->has |= FLOW_HAS_SCTP;
	f->sctp.state = rd_u8(v);
	rd_copy(v, f->sctp.vtag_be, 8);
	/* the kernel uses it as an index, unchecked */
	return f->proto == IPPROTO_SCTP && f->sctp.state < SCTP_CONNTRACK_MAX ? FLOW_OK
									      : FLOW_E_VALUE;
}

static enum flow_err decode_dccp(struct rd *v, struct flow *f)
{
	f->has |= FLOW_HAS_DCCP;
	f->dccp.state = rd_u8(v);
	f->dccp.role = rd_u8(v);
	f->dccp.handshake_seq = rd_be64(v);
	return f->proto == IPPROTO_DCCP && f->dccp.state < FLOW_DCCP_STATES && f->dccp.role <= 1
		       ? FLOW_OK
		       : FLOW_E_VALUE;
}

static enum flow_err decode_labels(struct rd *v, struct flow *f)
{
	size_t n = v->left < FLOW_LABELS_LEN ? v->left : FLOW_LABELS_LEN;

	rd_copy(v, flow_rare_add(f, FLOW_HAS_LABELS)->labels, n);
	return FLOW_OK;
}

static enum flow_err decode_helper(struct rd *v, struct flow *f)
{
	size_t n = v->left;
	const char *name = (const char *)rd_bytes(v, n);

	if (!flow_helper_ok(name, n))
		return FLOW_E_VALUE;
	memcpy(flow_rare_add(f, FLOW_HAS_HELPER)->helper, name, n);
	return FLOW_OK;
}

static enum flow_err decode_master(struct rd *v, struct flow *f)
{
	struct flow_rare *r = flow_rare_add(f, FLOW_HAS_MASTER);

	r->master_proto = rd_u8(v);
	rd_copy(v, r->master.src, addr_len(f->family));
	rd_copy(v, r->master.dst, addr_len(f->family));
	rd_copy(v, &r->master.l4.raw, 4);
	return r->master_proto ? FLOW_OK : FLOW_E_VALUE;
}

static enum flow_err decode_seqadj(struct rd *v, struct flow *f)
{
	struct flow_rare *r = flow_rare_add(f, FLOW_HAS_SEQADJ);

	for (unsigned d = 0; d < 2; d++) {
		r->seqadj[d].pos = rd_be32(v);
		r->seqadj[d].before = rd_be32(v);
		r->seqadj[d].after = rd_be32(v);
	}
	return FLOW_OK;
}

static enum flow_err decode_synproxy(struct rd *v, struct flow *f)
{
	struct flow_rare *r = flow_rare_add(f, FLOW_HAS_SYNPROXY);

	r->synproxy.isn = rd_be32(v);
	r->synproxy.its = rd_be32(v);
	r->synproxy.tsoff = rd_be32(v);
	return FLOW_OK;
}

/* Attributes of a newer peer, and what it appended to one, are skipped. */
static enum flow_err decode_more(struct rd *r, struct flow *f)
{
	static enum flow_err (*const decode[ATTR_N])(struct rd * v, struct flow * f) = {
		[ATTR_SCTP] = decode_sctp,	   [ATTR_DCCP] = decode_dccp,
		[ATTR_LABELS] = decode_labels,	   [ATTR_HELPER] = decode_helper,
		[ATTR_MASTER] = decode_master,	   [ATTR_SEQADJ] = decode_seqadj,
		[ATTR_SYNPROXY] = decode_synproxy,
	};
	struct rd block = rd_sub(r, rd_varint(r));
	uint32_t seen = 0;

	while (!rd_done(&block)) {
		uint8_t type = rd_u8(&block);
		struct rd v = rd_sub(&block, rd_varint(&block));
		enum flow_err err;

		if (!rd_ok(&v))
			return FLOW_E_SHORT;
		if (type >= ATTR_N || !decode[type])
			continue;
		if (seen & 1u << type)
			return FLOW_E_VALUE;
		seen |= 1u << type;
		err = decode[type](&v, f);
		if (!rd_ok(&v))
			return FLOW_E_SHORT;
		if (err != FLOW_OK)
			return err;
	}
	return rd_ok(&block) ? FLOW_OK : FLOW_E_SHORT;
}

static enum flow_err decode_parts(struct rd *r, unsigned parts, struct flow *f)
{
	enum flow_err err = FLOW_OK;

	if (parts & PART_TCP) {
		if (f->proto != IPPROTO_TCP)
			return FLOW_E_VALUE;
		f->has |= FLOW_HAS_TCP;
		err = decode_tcp(r, &f->tcp);
	}
	if (parts & PART_MARK) {
		uint64_t mark = parts & PART_MARK_NONZERO ? rd_varint(r) : 0;

		if (mark > UINT32_MAX)
			err = FLOW_E_VALUE;
		f->mark = (uint32_t)mark;
		f->has |= FLOW_HAS_MARK;
	}
	if (err == FLOW_OK && parts & PART_MORE)
		err = decode_more(r, f);
	return err;
}

/* The status as the kernel would report it for these tuples. */
static void derive_status(struct flow *f, unsigned parts)
{
	if (!(parts & PART_STATUS))
		return;
	f->has |= FLOW_HAS_STATUS;
	f->status = IPS_CONFIRMED | (parts & PART_SEEN_REPLY ? (uint32_t)IPS_SEEN_REPLY : 0u) |
		    (parts & PART_ASSURED ? (uint32_t)IPS_ASSURED : 0u);
	if (parts & PART_NAT)
		f->status |= (flow_is_snat(f) ? (uint32_t)IPS_SRC_NAT : 0u) |
			     (flow_is_dnat(f) ? (uint32_t)IPS_DST_NAT : 0u);
}

enum flow_err flow_decode_put(struct rd body, const struct flow_refs *refs, struct flow *out)
{
	enum flow_err err;
	struct flow f;
	unsigned parts;

	flow_clear(&f);
	f.has = FLOW_HAS_REPLY;
	err = decode_identity(&body, refs, &f);
	parts = rd_u8(&body);
	if (err != FLOW_OK)
		return err;
	f.reply = flow_invert(&f, &f.orig);
	if (parts & PART_NAT)
		err = decode_nat(&body, refs, &f);
	if (err == FLOW_OK)
		err = decode_parts(&body, parts, &f);
	if (!rd_ok(&body))
		return FLOW_E_SHORT;
	if (err != FLOW_OK)
		return err;
	derive_status(&f, parts);
	flow_copy(out, &f);
	return FLOW_OK;
}

enum flow_err flow_decode_del(struct rd body, const struct flow_refs *refs, struct flow *out)
{
	enum flow_err err;
	struct flow f;

	flow_clear(&f);
	err = decode_identity(&body, refs, &f);
	if (err == FLOW_OK)
		flow_copy(out, &f);
	return err;
}
