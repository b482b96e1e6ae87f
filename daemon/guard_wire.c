/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_wire.h"

#include <errno.h>
#include <string.h>

#include "vrouter/wire.h"

static const uint8_t magic[4] = {'V', 'R', 'G', '1'};

enum { HELLO = 1, DONE = 2 };
enum { FLAG_BOOSTED = 1 << 0, FLAG_HAD_TABLE = 1 << 1 };

static void put_name(struct wr *w, const char *name)
{
	wr_u8(w, (uint8_t)strlen(name));
	wr_bytes(w, name, strlen(name));
}

static void get_name(struct rd *r, char name[static NET_NAME_MAX])
{
	size_t len = rd_u8(r);

	memset(name, 0, NET_NAME_MAX);
	if (len == 0 || len >= NET_NAME_MAX)
		r->bad = true;
	else
		rd_copy(r, name, len);
	if (strlen(name) != len)
		r->bad = true;
}

static void put_head(struct wr *w, uint8_t type)
{
	wr_bytes(w, magic, sizeof(magic));
	wr_u8(w, type);
}

static void get_head(struct rd *r, uint8_t type)
{
	const uint8_t *m = rd_bytes(r, sizeof(magic));

	if (!m || memcmp(m, magic, sizeof(magic)) != 0 || rd_u8(r) != type)
		r->bad = true;
}

static size_t end_of(const struct wr *w)
{
	return wr_ok(w) ? wr_len(w) : 0;
}

size_t guard_hello_encode(const struct guard_hello *h, uint8_t *buf, size_t cap)
{
	struct wr w = wr_of(buf, cap);

	if (h->n > GUARD_WIRE_ROUTERS)
		return 0;
	put_head(&w, HELLO);
	wr_be32(&w, h->pid);
	wr_be64(&w, h->sync_id);
	wr_be16(&w, (uint16_t)h->n);
	for (unsigned i = 0; i < h->n; i++) {
		const struct guard_role *r = &h->role[i];

		wr_be16(&w, (uint16_t)(1 + strlen(r->router) + 37));
		put_name(&w, r->router);
		wr_be64(&w, r->id);
		wr_be32(&w, r->term);
		wr_be64(&w, r->since_ms);
		wr_u8(&w, (uint8_t)((r->boosted ? FLAG_BOOSTED : 0) |
				    (r->had_table ? FLAG_HAD_TABLE : 0)));
		wr_be64(&w, r->life.epoch);
		wr_be64(&w, r->life.number);
	}
	return end_of(&w);
}

static struct vrrp_lifetime get_life(struct rd *e)
{
	struct vrrp_lifetime l = {.epoch = 0};

	if (!e->left) /* of a version without it */
		return l;
	l.epoch = rd_be64(e);
	l.number = rd_be64(e);
	return l;
}

int guard_hello_decode(struct guard_hello *out, const uint8_t *buf, size_t len)
{
	struct rd r = rd_of(buf, len);

	get_head(&r, HELLO);
	out->pid = rd_be32(&r);
	out->sync_id = rd_be64(&r);
	out->n = rd_be16(&r);
	if (out->n > GUARD_WIRE_ROUTERS)
		return -EPROTO;
	for (unsigned i = 0; i < out->n; i++) {
		struct rd e = rd_sub(&r, rd_be16(&r));
		struct guard_role *role = &out->role[i];
		uint8_t flags;

		get_name(&e, role->router);
		role->id = rd_be64(&e);
		role->term = rd_be32(&e);
		role->since_ms = rd_be64(&e);
		flags = rd_u8(&e);
		role->boosted = flags & FLAG_BOOSTED;
		role->had_table = flags & FLAG_HAD_TABLE;
		role->life = get_life(&e);
		if (!rd_ok(&e))
			return -EPROTO;
	}
	return rd_ok(&r) ? 0 : -EPROTO;
}

size_t guard_done_encode(const char (*names)[NET_NAME_MAX], unsigned n, uint8_t *buf, size_t cap)
{
	struct wr w = wr_of(buf, cap);

	if (n > GUARD_WIRE_ROUTERS)
		return 0;
	put_head(&w, DONE);
	wr_be16(&w, (uint16_t)n);
	for (unsigned i = 0; i < n; i++) {
		wr_be16(&w, (uint16_t)(1 + strlen(names[i])));
		put_name(&w, names[i]);
	}
	return end_of(&w);
}

int guard_done_decode(char (*names)[NET_NAME_MAX], const uint8_t *buf, size_t len)
{
	struct rd r = rd_of(buf, len);
	unsigned n;

	get_head(&r, DONE);
	n = rd_be16(&r);
	if (n > GUARD_WIRE_ROUTERS)
		return -EPROTO;
	for (unsigned i = 0; i < n; i++) {
		struct rd e = rd_sub(&r, rd_be16(&r));

		get_name(&e, names[i]);
		if (!rd_ok(&e))
			return -EPROTO;
	}
	return rd_ok(&r) ? (int)n : -EPROTO;
}
