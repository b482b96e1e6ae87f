/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The encoding of an expectation: layout in docs/protocol.md. The identities of what is expected
 * and of the master are those of flows, each behind its length. */
#include "vrouter/expect.h"

enum { ATTR_NAT = 1, ATTR_HELPER, ATTR_FN, ATTR_N };

static size_t addr_len(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

static void encode_identity(struct wr *w, const struct expect *x, uint8_t proto,
			    const struct flow_tuple *t, const struct flow_refs *refs)
{
	struct flow f = {.family = x->family, .proto = proto, .zone = x->zone, .orig = *t};
	uint8_t buf[EXPECT_WIRE_MAX];
	struct wr id = wr_of(buf, sizeof(buf));

	flow_encode_del(&id, &f, refs);
	wr_varint(w, wr_len(&id));
	wr_bytes(w, buf, wr_len(&id));
}

static void encode_name(struct wr *w, uint8_t type, const char *name)
{
	if (!name[0])
		return;
	wr_u8(w, type);
	wr_varint(w, strlen(name));
	wr_bytes(w, name, strlen(name));
}

void expect_encode(struct wr *w, const struct expect *x, const struct flow_refs *refs)
{
	encode_identity(w, x, x->proto, &x->tuple, refs);
	encode_identity(w, x, x->master_proto, &x->master, refs);
	wr_bytes(w, x->mask.src, addr_len(x->family));
	wr_bytes(w, &x->mask.l4.sport_be, 2);
	wr_varint(w, x->timeout_s < EXPECT_TIMEOUT_MAX ? x->timeout_s : EXPECT_TIMEOUT_MAX);
	wr_varint(w, x->flags & EXPECT_FLAGS);
	wr_varint(w, x->class);
	if (x->nat) {
		wr_u8(w, ATTR_NAT);
		wr_varint(w, 2 + addr_len(x->family) + 2);
		wr_u8(w, x->nat_dir);
		wr_u8(w, x->nat_proto);
		wr_bytes(w, x->nat_to.src, addr_len(x->family));
		wr_bytes(w, &x->nat_to.l4.sport_be, 2);
	}
	encode_name(w, ATTR_HELPER, x->helper);
	encode_name(w, ATTR_FN, x->fn);
}

void expect_encode_del(struct wr *w, const struct expect *x, const struct flow_refs *refs)
{
	encode_identity(w, x, x->proto, &x->tuple, refs);
}

static enum flow_err decode_identity(struct rd *r, const struct flow_refs *refs, struct flow *f)
{
	struct rd id = rd_sub(r, rd_varint(r));

	return rd_ok(&id) ? flow_decode_del(id, refs, f) : FLOW_E_SHORT;
}

static enum flow_err decode_subject(struct rd *r, const struct flow_refs *refs, struct expect *x)
{
	enum flow_err err;
	struct flow f;

	err = decode_identity(r, refs, &f);
	if (err != FLOW_OK)
		return err;
	x->family = f.family;
	x->proto = f.proto;
	x->zone = f.zone;
	x->tuple = f.orig;
	return x->proto ? FLOW_OK : FLOW_E_VALUE;
}

static enum flow_err decode_master(struct rd *r, const struct flow_refs *refs, struct expect *x)
{
	enum flow_err err;
	struct flow f;

	err = decode_identity(r, refs, &f);
	if (err != FLOW_OK)
		return err;
	x->master_proto = f.proto;
	x->master = f.orig;
	return f.family == x->family && f.zone == x->zone && f.proto ? FLOW_OK : FLOW_E_VALUE;
}

static enum flow_err decode_numbers(struct rd *r, struct expect *x)
{
	uint64_t timeout, flags, class;

	rd_copy(r, x->mask.src, addr_len(x->family));
	rd_copy(r, &x->mask.l4.sport_be, 2);
	timeout = rd_varint(r);
	flags = rd_varint(r);
	class = rd_varint(r);
	if (!rd_ok(r))
		return FLOW_E_SHORT;
	if (timeout > EXPECT_TIMEOUT_MAX || class > UINT8_MAX)
		return FLOW_E_VALUE;
	/* all of it counts: the kernel keeps no mask of the destination */
	memset(x->mask.dst, 0xff, addr_len(x->family));
	x->mask.l4.dport_be = UINT16_MAX;
	x->timeout_s = (uint32_t)timeout;
	x->flags = (uint32_t)(flags & EXPECT_FLAGS); /* unknown ones are ignored */
	x->class = (uint32_t) class;
	return FLOW_OK;
}

static enum flow_err decode_nat(struct rd *v, struct expect *x)
{
	x->nat = true;
	x->nat_dir = rd_u8(v);
	x->nat_proto = rd_u8(v);
	rd_copy(v, x->nat_to.src, addr_len(x->family));
	rd_copy(v, &x->nat_to.l4.sport_be, 2);
	return x->nat_dir <= 1 ? FLOW_OK : FLOW_E_VALUE;
}

static enum flow_err decode_attr(unsigned type, struct rd *v, struct expect *x)
{
	size_t n = v->left;
	const char *name = (const char *)v->p;

	switch (type) {
	case ATTR_NAT:
		return decode_nat(v, x);
	case ATTR_HELPER:
		if (!flow_helper_ok(name, n))
			return FLOW_E_VALUE;
		rd_copy(v, x->helper, n);
		break;
	case ATTR_FN:
		if (!expect_fn_ok(name, n))
			return FLOW_E_VALUE;
		rd_copy(v, x->fn, n);
		break;
	}
	return FLOW_OK;
}

enum flow_err expect_decode(struct rd body, const struct flow_refs *refs, struct expect *out)
{
	struct expect x = {.family = 0};
	enum flow_err err = decode_subject(&body, refs, &x);
	uint32_t seen = 0;

	if (err == FLOW_OK)
		err = decode_master(&body, refs, &x);
	if (err == FLOW_OK)
		err = decode_numbers(&body, &x);
	while (err == FLOW_OK && !rd_done(&body)) {
		unsigned type = rd_u8(&body);
		struct rd v = rd_sub(&body, rd_varint(&body));

		if (!rd_ok(&v))
			return FLOW_E_SHORT;
		if (!type || type >= ATTR_N)
			continue;
		if (seen & 1u << type)
			return FLOW_E_VALUE;
		seen |= 1u << type;
		err = decode_attr(type, &v, &x);
		if (err == FLOW_OK && !rd_ok(&v))
			err = FLOW_E_SHORT;
	}
	if (err == FLOW_OK)
		*out = x;
	return err;
}

enum flow_err expect_decode_del(struct rd body, const struct flow_refs *refs, struct expect *out)
{
	struct expect x = {.family = 0};
	enum flow_err err = decode_subject(&body, refs, &x);

	if (err == FLOW_OK)
		*out = x;
	return err;
}
