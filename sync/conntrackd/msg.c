/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "msg.h"

#include <string.h>

#define ATTR_HDR_LEN 4
#define ALIGN	     4

const char *ctd_err_name(enum ctd_err e)
{
	static const char *const name[CTD_E_N] = {
		[CTD_OK] = "ok",
		[CTD_E_SHORT] = "ends too early",
		[CTD_E_LENGTH] = "a length that cannot be",
		[CTD_E_VERSION] = "another protocol version",
		[CTD_E_TYPE] = "no such type, or not with these flags",
		[CTD_E_ATTR] = "an attribute that is not known, or twice",
		[CTD_E_VALUE] = "a value out of its range",
		[CTD_E_MISSING] = "an attribute is missing",
		[CTD_E_UNSUPPORTED] = "a flow that this protocol cannot name",
	};

	return (unsigned)e < CTD_E_N ? name[e] : "?";
}

size_t ctd_msg_len(const uint8_t *p, size_t len)
{
	size_t said = len < 4 ? 0 : (size_t)p[2] << 8 | p[3];

	return said >= CTD_HDR_LEN && said % ALIGN == 0 ? said : 0;
}

/* Of a CTL message: one kind, and the length that it has. */
static bool ctl_fits(uint8_t kind, size_t len)
{
	switch (kind) {
	case CTD_ALIVE:
		return len == CTD_HDR_LEN;
	case CTD_ACK:
	case CTD_NACK:
	case CTD_RESYNC:
		return len == CTD_ACK_LEN;
	}
	return false;
}

static enum ctd_err look_at(struct ctd_msg *m, uint8_t version, size_t len)
{
	uint8_t kind = m->flags & (uint8_t)~CTD_HELLOS;

	if (version != CTD_VERSION)
		return CTD_E_VERSION;
	if (m->type <= CTD_EXP_DEL)
		return kind ? CTD_E_TYPE : CTD_OK;
	if (m->type != CTD_CTL || !ctl_fits(kind, len))
		return CTD_E_TYPE;
	m->from = len == CTD_ACK_LEN ? rd_be32(&m->body) : 0;
	m->to = len == CTD_ACK_LEN ? rd_be32(&m->body) : 0;
	/* they wrap: what is further apart than half of all numbers is the wrong way round */
	return m->to - m->from > INT32_MAX ? CTD_E_VALUE : CTD_OK;
}

enum ctd_err ctd_msg_next(struct rd *datagram, struct ctd_msg *out)
{
	size_t len = ctd_msg_len(datagram->p, datagram->left);
	bool is_short = datagram->left < CTD_HDR_LEN || len > datagram->left;
	struct ctd_msg m = {.type = 0};
	uint8_t first;

	if (is_short || !len) {
		*datagram = rd_of(datagram->p, 0);
		return is_short ? CTD_E_SHORT : CTD_E_LENGTH;
	}
	m.body = rd_sub(datagram, len);
	first = rd_u8(&m.body);
	m.type = first & 15;
	m.flags = rd_u8(&m.body);
	(void)rd_be16(&m.body);
	m.seq = rd_be32(&m.body);

	enum ctd_err err = look_at(&m, first >> 4, len);

	if (err == CTD_OK)
		*out = m;
	return err;
}

void ctd_msg_begin(struct wr *w, uint8_t type, uint8_t flags, uint32_t seq)
{
	wr_u8(w, (uint8_t)(CTD_VERSION << 4 | type));
	wr_u8(w, flags);
	wr_be16(w, 0);
	wr_be32(w, seq);
}

void ctd_msg_range(struct wr *w, uint32_t from, uint32_t to)
{
	wr_be32(w, from);
	wr_be32(w, to);
}

size_t ctd_msg_end(struct wr *w)
{
	size_t len = wr_len(w);

	if (!wr_ok(w) || len > UINT16_MAX)
		return 0;
	w->start[2] = (uint8_t)(len >> 8);
	w->start[3] = (uint8_t)len;
	return len;
}

/* ---- attributes ------------------------------------------------------------------------------ */

enum ctd_err ctd_attrs_read(struct rd body, const struct ctd_size *size, unsigned n,
			    struct ctd_attrs *out)
{
	out->got = 0;
	while (!rd_done(&body)) {
		size_t len = rd_be16(&body);
		unsigned type = rd_be16(&body);
		struct rd v;

		if (!rd_ok(&body))
			return CTD_E_SHORT;
		if (len < ATTR_HDR_LEN)
			return CTD_E_LENGTH;
		len -= ATTR_HDR_LEN;
		v = rd_sub(&body, len);
		rd_bytes(&body, (ALIGN - len % ALIGN) % ALIGN);
		if (!rd_ok(&v) || !rd_ok(&body))
			return CTD_E_SHORT;
		if (type >= n || ctd_has(out, type))
			return CTD_E_ATTR;
		if (len < size[type].min || len > size[type].max)
			return CTD_E_LENGTH;
		out->got |= 1u << type;
		out->at[type] = v;
	}
	return CTD_OK;
}

void ctd_put(struct wr *w, unsigned type, const void *value, size_t len)
{
	static const uint8_t zero[ALIGN];

	wr_be16(w, (uint16_t)(ATTR_HDR_LEN + len));
	wr_be16(w, (uint16_t)type);
	wr_bytes(w, value, len);
	wr_bytes(w, zero, (ALIGN - len % ALIGN) % ALIGN);
}

void ctd_put_u8(struct wr *w, unsigned type, uint8_t v)
{
	ctd_put(w, type, &v, 1);
}

void ctd_put_u32(struct wr *w, unsigned type, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	ctd_put(w, type, b, 4);
}

void ctd_put_addrs(struct wr *w, unsigned type4, uint8_t family, const struct flow_tuple *t)
{
	size_t n = family == AF_INET6 ? 16 : 4;
	uint8_t b[32];

	memcpy(b, t->src, n);
	memcpy(b + n, t->dst, n);
	ctd_put(w, family == AF_INET6 ? type4 + 1 : type4, b, 2 * n);
}

bool ctd_text(const struct ctd_attrs *a, unsigned type, char *to, size_t cap)
{
	const struct rd *v = &a->at[type];

	if (!v->left || v->left > cap || memchr(v->p, '\0', v->left) != v->p + v->left - 1)
		return false;
	memcpy(to, v->p, v->left);
	return true;
}

bool ctd_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

/* The ports of UDP-Lite are not told, so two of its flows would be one. */
bool ctd_can_name(uint8_t family, uint8_t proto)
{
	return proto && proto != IPPROTO_UDPLITE &&
	       proto != (family == AF_INET6 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}
