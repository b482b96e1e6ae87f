/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vrouter/neigh.h. Entries are found by chains of a small hash table. Who picks addresses that
 * fall into one chain makes it slow, not wrong: it is never longer than NEIGH_MAX. */
#include "vrouter/neigh.h"

#include <stdlib.h>

#define HEADS 1024
#define NONE  UINT16_MAX

/* A leg's lowest bit, the rest of it above. */
enum { WIRE_LEG = 0x01, WIRE_IPV6 = 0x02, WIRE_LEGS_SHIFT = 1, WIRE_LEGS = 0xfc };

struct slot {
	struct neigh n; /* family 0: free */
	uint16_t next;	/* of the chain, or of what is free */
	bool listed;
};

struct neigh_table {
	struct slot *slot;
	uint16_t *head; /* HEADS of them, with the first page */
	unsigned pages, n;
	uint64_t left_out;
	bool changed[NEIGH_PAGES_MAX];
	uint16_t free;
};

bool neigh_is_sane(const struct neigh *n)
{
	static const uint8_t zero[sizeof(n->addr.b)];
	bool multicast;

	if (n->leg >= NEIGH_LEGS || (n->addr.family != AF_INET && n->addr.family != AF_INET6))
		return false;
	/* 224.0.0.0 and above is not one host's, broadcast included */
	multicast = n->addr.family == AF_INET ? n->addr.b[0] >= 0xe0 : n->addr.b[0] == 0xff;
	return !multicast && memcmp(n->addr.b, zero, sizeof(zero)) != 0 && !(n->mac[0] & 1) &&
	       memcmp(n->mac, zero, sizeof(n->mac)) != 0;
}

/* ---- wire ---- */

void neigh_page_encode(struct wr *w, const struct neigh_page *p)
{
	wr_varint(w, p->n);
	for (unsigned i = 0; i < p->n; i++) {
		const struct neigh *n = &p->e[i];
		bool ipv6 = n->addr.family == AF_INET6;

		wr_u8(w, (uint8_t)((n->leg & WIRE_LEG) | (ipv6 ? WIRE_IPV6 : 0) |
				   ((n->leg << WIRE_LEGS_SHIFT) & WIRE_LEGS)));
		wr_bytes(w, n->addr.b, ip_addr_size(&n->addr));
		wr_bytes(w, n->mac, sizeof(n->mac));
	}
}

bool neigh_page_decode(struct rd *r, struct neigh_page *out)
{
	uint64_t n = rd_varint(r);

	memset(out, 0, sizeof(*out));
	if (n > NEIGH_PAGE_MAX)
		return false;
	out->n = (unsigned)n;
	for (unsigned i = 0; i < out->n; i++) {
		struct neigh *e = &out->e[i];
		uint8_t kind = rd_u8(r);

		e->leg = (uint8_t)((kind & WIRE_LEG) | ((kind & WIRE_LEGS) >> WIRE_LEGS_SHIFT));
		e->addr.family = kind & WIRE_IPV6 ? AF_INET6 : AF_INET;
		rd_copy(r, e->addr.b, ip_addr_size(&e->addr));
		rd_copy(r, e->mac, sizeof(e->mac));
		if (!rd_ok(r) || !neigh_is_sane(e))
			return false;
	}
	return rd_ok(r);
}

/* ---- table ---- */

struct neigh_table *neigh_table_new(void)
{
	struct neigh_table *t = calloc(1, sizeof(*t));

	if (t)
		t->free = NONE;
	return t;
}

void neigh_table_free(struct neigh_table *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t->head);
	free(t);
}

unsigned neigh_table_count(const struct neigh_table *t)
{
	return t->n;
}

uint64_t neigh_table_left_out(const struct neigh_table *t)
{
	return t->left_out;
}

static bool same_key(const struct neigh *a, const struct neigh *b)
{
	return a->leg == b->leg && ip_addr_equal(&a->addr, &b->addr);
}

static uint16_t *chain_of(struct neigh_table *t, const struct neigh *n)
{
	uint32_t h = 2166136261u ^ n->leg;

	for (size_t i = 0; i < sizeof(n->addr.b); i++)
		h = (h ^ n->addr.b[i]) * 16777619u;
	return &t->head[(h ^ h >> 16) % HEADS];
}

/* Where the chain names it, or ends; NULL: there is no entry at all yet. */
static uint16_t *find(struct neigh_table *t, const struct neigh *key)
{
	uint16_t *at = t->head ? chain_of(t, key) : NULL;

	while (at && *at != NONE && !same_key(&t->slot[*at].n, key))
		at = &t->slot[*at].next;
	return at;
}

static void touch(struct neigh_table *t, unsigned slot)
{
	t->changed[slot / NEIGH_PAGE_MAX] = true;
}

static bool make_heads(struct neigh_table *t)
{
	if (t->head)
		return true;
	t->head = malloc(HEADS * sizeof(*t->head));
	for (unsigned i = 0; t->head && i < HEADS; i++)
		t->head[i] = NONE;
	return t->head;
}

static bool grow(struct neigh_table *t)
{
	unsigned first = t->pages * NEIGH_PAGE_MAX;
	struct slot *slot;

	if (t->pages == NEIGH_PAGES_MAX || !make_heads(t))
		return false;
	slot = realloc(t->slot, (first + NEIGH_PAGE_MAX) * sizeof(*slot));
	if (!slot)
		return false;
	memset(slot + first, 0, NEIGH_PAGE_MAX * sizeof(*slot));
	for (unsigned i = first + NEIGH_PAGE_MAX; i-- > first;) {
		slot[i].next = t->free;
		t->free = (uint16_t)i;
	}
	t->slot = slot;
	t->pages++;
	return true;
}

static void add(struct neigh_table *t, const struct neigh *n)
{
	uint16_t *head, at;

	if (t->free == NONE && !grow(t)) {
		t->left_out++;
		return;
	}
	at = t->free;
	t->free = t->slot[at].next;
	head = chain_of(t, n);
	t->slot[at] = (struct slot){.n = *n, .next = *head, .listed = true};
	*head = at;
	t->n++;
	touch(t, at);
}

void neigh_table_put(struct neigh_table *t, const struct neigh *n)
{
	const uint16_t *link;
	uint16_t at;

	if (!neigh_is_sane(n))
		return;
	link = find(t, n);
	if (!link || *link == NONE) {
		add(t, n);
		return;
	}
	at = *link;
	t->slot[at].listed = true;
	if (memcmp(t->slot[at].n.mac, n->mac, sizeof(n->mac)) != 0) {
		memcpy(t->slot[at].n.mac, n->mac, sizeof(n->mac));
		touch(t, at);
	}
}

void neigh_table_del(struct neigh_table *t, const struct neigh *key)
{
	uint16_t *link = find(t, key), at = link ? *link : NONE;

	if (at == NONE)
		return;
	*link = t->slot[at].next;
	t->slot[at] = (struct slot){.next = t->free};
	t->free = at;
	t->n--;
	touch(t, at);
}

void neigh_table_list_begin(struct neigh_table *t)
{
	for (unsigned i = 0; i < t->pages * NEIGH_PAGE_MAX; i++)
		t->slot[i].listed = false;
}

void neigh_table_list_end(struct neigh_table *t)
{
	for (unsigned i = 0; i < t->pages * NEIGH_PAGE_MAX; i++) {
		const struct neigh gone = t->slot[i].n;

		if (gone.addr.family && !t->slot[i].listed)
			neigh_table_del(t, &gone);
	}
}

bool neigh_table_take(struct neigh_table *t, unsigned *page, struct neigh_page *out)
{
	unsigned p = 0;

	while (p < t->pages && !t->changed[p])
		p++;
	if (p == t->pages)
		return false;
	memset(out, 0, sizeof(*out));
	for (unsigned i = p * NEIGH_PAGE_MAX; i < (p + 1) * NEIGH_PAGE_MAX; i++)
		if (t->slot[i].n.addr.family)
			out->e[out->n++] = t->slot[i].n;
	t->changed[p] = false;
	*page = p;
	return true;
}

void neigh_table_again(struct neigh_table *t)
{
	for (unsigned p = 0; p < t->pages; p++)
		t->changed[p] = true;
}
