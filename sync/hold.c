/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MASK (HOLD_MAX - 1)

int hold_init(struct hold *h, uint32_t ms)
{
	*h = (struct hold){.ms = ms};
	if (!ms)
		return 0;
	h->entry = calloc(HOLD_MAX, sizeof(*h->entry));
	h->bucket = calloc(HOLD_MAX, sizeof(*h->bucket));
	if (h->entry && h->bucket)
		return 0;
	hold_fini(h);
	return -ENOMEM;
}

void hold_fini(struct hold *h)
{
	free(h->entry);
	free(h->bucket);
	*h = (struct hold){.ms = 0};
}

void hold_clear(struct hold *h)
{
	while (hold_first(h))
		hold_drop_first(h);
}

bool hold_is_full(const struct hold *h)
{
	return h->tail - h->head == HOLD_MAX;
}

void hold_add(struct hold *h, uint64_t hash, const struct flow *f, uint64_t now)
{
	unsigned at = (unsigned)(h->tail++ & MASK);
	struct hold_entry *e = &h->entry[at];
	uint16_t *first = &h->bucket[hash & MASK];

	flow_copy(&e->flow, f);
	e->hash = hash;
	e->since = now;
	e->here = true;
	e->next = *first;
	*first = (uint16_t)(at + 1);
}

/* Where the bucket, or the entry before, names the flow; *link is 0 when nothing does. */
static uint16_t *find(struct hold *h, uint64_t hash, const struct flow *f)
{
	uint16_t *link = &h->bucket[hash & MASK];

	while (*link) {
		struct hold_entry *e = &h->entry[*link - 1];

		if (e->hash == hash && flow_same(&e->flow, f))
			break;
		link = &e->next;
	}
	return link;
}

bool hold_has(struct hold *h, uint64_t hash, const struct flow *f)
{
	return h->ms && *find(h, hash, f);
}

bool hold_take(struct hold *h, uint64_t hash, const struct flow *f, struct flow *out)
{
	uint16_t *link = find(h, hash, f);
	struct hold_entry *e;

	if (!*link)
		return false;
	e = &h->entry[*link - 1];
	flow_copy(out, &e->flow);
	*link = e->next;
	e->here = false;
	return true;
}

const struct hold_entry *hold_first(struct hold *h)
{
	while (h->head != h->tail && !h->entry[h->head & MASK].here)
		h->head++;
	return h->head != h->tail ? &h->entry[h->head & MASK] : NULL;
}

void hold_drop_first(struct hold *h)
{
	struct hold_entry *e = &h->entry[h->head++ & MASK];
	uint16_t *link = find(h, e->hash, &e->flow);

	*link = e->next;
	e->here = false;
}
