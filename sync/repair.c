/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "repair.h"

#include <string.h>

#include "vrouter/pages.h"

#define SEEN_FIRST_SIZE 1024

void repair_changed_clear(struct repair_changed *c)
{
	if (c->any)
		memset(c, 0, sizeof(*c));
}

void repair_changed_add(struct repair_changed *c, uint64_t hash)
{
	unsigned bit = (unsigned)(hash >> 48) % REPAIR_CHANGED_BITS;

	c->word[bit / 64] |= 1ull << bit % 64;
	c->any = true;
}

bool repair_changed_has(const struct repair_changed *c, uint64_t hash)
{
	unsigned bit = (unsigned)(hash >> 48) % REPAIR_CHANGED_BITS;

	return c->word[bit / 64] >> bit % 64 & 1;
}

static uint64_t *slots_new(size_t size)
{
	return pages_new(size * sizeof(uint64_t));
}

static void slots_free(uint64_t *p, size_t size)
{
	pages_free(p, size * sizeof(uint64_t));
}

void repair_seen_start(struct repair_seen *s, uint64_t expected)
{
	size_t size = SEEN_FIRST_SIZE;

	repair_seen_free(s);
	s->failed = false;
	if (!s->max)
		s->max = REPAIR_SEEN_MAX;
	if (!expected)
		return;
	while (size < s->max && size / 4 * 3 <= expected)
		size *= 2;
	s->slot = slots_new(size);
	s->size = s->slot ? size : 0;
}

void repair_seen_free(struct repair_seen *s)
{
	slots_free(s->slot, s->size);
	s->slot = NULL;
	s->size = 0;
	s->n = 0;
}

/* Where the hash is or belongs. There is always a free slot. */
static size_t find(const struct repair_seen *s, uint64_t hash)
{
	size_t i = (size_t)hash & (s->size - 1);

	while (s->slot[i] && s->slot[i] != hash)
		i = (i + 1) & (s->size - 1);
	return i;
}

static bool grow(struct repair_seen *s)
{
	struct repair_seen bigger = {.size = s->size ? s->size * 2 : SEEN_FIRST_SIZE};

	if (bigger.size > s->max)
		return false;
	bigger.slot = slots_new(bigger.size);
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (s->slot[i])
			bigger.slot[find(&bigger, s->slot[i])] = s->slot[i];
	slots_free(s->slot, s->size);
	s->slot = bigger.slot;
	s->size = bigger.size;
	return true;
}

void repair_seen_add(struct repair_seen *s, uint64_t hash)
{
	size_t i;

	hash += !hash;
	if (s->failed)
		return;
	if (s->n >= s->size / 4 * 3 && !grow(s)) {
		repair_seen_free(s);
		s->failed = true;
		return;
	}
	i = find(s, hash);
	if (!s->slot[i]) {
		s->slot[i] = hash;
		s->n++;
	}
}

bool repair_seen_has(const struct repair_seen *s, uint64_t hash)
{
	hash += !hash;
	return s->size && s->slot[find(s, hash)] == hash;
}

/* ---- index ---- */

#define INDEX_FIRST_SIZE ((size_t)1 << 16)
#define INDEX_HEAD	 8

static size_t addr_size(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

void repair_index_start(struct repair_index *x, uint64_t expected)
{
	repair_index_free(x);
	x->failed = false;
	if (!x->max)
		x->max = REPAIR_INDEX_MAX;
	x->size = INDEX_FIRST_SIZE;
	while (x->size < x->max && x->size / 16 < expected)
		x->size *= 2;
	x->p = mmap(NULL, x->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (x->p == MAP_FAILED) {
		x->p = NULL;
		x->failed = true;
	}
}

void repair_index_free(struct repair_index *x)
{
	if (x->p)
		munmap(x->p, x->size);
	x->p = NULL;
	x->used = 0;
	x->size = 0;
}

/* Pages are moved, not copied, and what was not used yet costs nothing. */
static bool index_grow(struct repair_index *x)
{
	void *p = MAP_FAILED;

	if (x->size * 2 <= x->max)
		p = mremap(x->p, x->size, x->size * 2, MREMAP_MAYMOVE);
	if (p == MAP_FAILED) {
		repair_index_free(x);
		x->failed = true;
		return false;
	}
	x->p = p;
	x->size *= 2;
	return true;
}

void repair_index_add(struct repair_index *x, const struct flow *f)
{
	size_t n = addr_size(f->family);
	uint8_t *p;

	if (!x->p || (x->size - x->used < INDEX_HEAD + 2 * n && !index_grow(x)))
		return;
	p = x->p + x->used;
	p[0] = f->family;
	p[1] = f->proto;
	memcpy(p + 2, &f->zone, sizeof(f->zone));
	memcpy(p + 4, &f->orig.l4.raw, sizeof(f->orig.l4.raw));
	memcpy(p + INDEX_HEAD, f->orig.src, n);
	memcpy(p + INDEX_HEAD + n, f->orig.dst, n);
	x->used += INDEX_HEAD + 2 * n;
}

bool repair_index_next(const struct repair_index *x, size_t *at, struct flow *out)
{
	const uint8_t *p = x->p + *at;
	size_t n;

	if (*at >= x->used)
		return false;
	flow_clear(out);
	out->family = p[0];
	out->proto = p[1];
	n = addr_size(out->family);
	memcpy(&out->zone, p + 2, sizeof(out->zone));
	memcpy(&out->orig.l4.raw, p + 4, sizeof(out->orig.l4.raw));
	memcpy(out->orig.src, p + INDEX_HEAD, n);
	memcpy(out->orig.dst, p + INDEX_HEAD + n, n);
	*at += INDEX_HEAD + 2 * n;
	return true;
}
