/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "repair.h"

#include <string.h>
#include <sys/mman.h>

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

/* Pages of its own: what malloc() took back it might keep, and a repair is to leave nothing. */
static uint64_t *pages(size_t size)
{
	void *p = mmap(NULL, size * sizeof(uint64_t), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void pages_free(uint64_t *p, size_t size)
{
	if (p)
		munmap(p, size * sizeof(uint64_t));
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
	s->slot = pages(size);
	s->size = s->slot ? size : 0;
}

void repair_seen_free(struct repair_seen *s)
{
	pages_free(s->slot, s->size);
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
	bigger.slot = pages(bigger.size);
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (s->slot[i])
			bigger.slot[find(&bigger, s->slot[i])] = s->slot[i];
	pages_free(s->slot, s->size);
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
