/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_ring.h"

#include <stddef.h>

const char *happening_name(enum happening_type t)
{
	static const char *const name[HAPPENING_TYPES] = {
		[HAPPENING_ROLE] = "role",     [HAPPENING_NOTE] = "note",
		[HAPPENING_SYNC] = "sync",     [HAPPENING_REPAIR] = "repair",
		[HAPPENING_CONFIG] = "config", [HAPPENING_WINNER] = "winner",
		[HAPPENING_TRACK] = "track",   [HAPPENING_SERVICE] = "service",
	};

	return name[t];
}

const struct happening *event_ring_add(struct event_ring *r, const struct happening *h)
{
	struct happening *to = &r->at[r->next % EVENT_RING_SIZE];

	*to = *h;
	to->id = ++r->next;
	return to;
}

const struct happening *event_ring_get(const struct event_ring *r, uint64_t id)
{
	if (id == 0 || id > r->next || r->next - id >= EVENT_RING_SIZE)
		return NULL;
	return &r->at[(id - 1) % EVENT_RING_SIZE];
}

uint64_t event_ring_last(const struct event_ring *r, uint64_t n, uint64_t *end)
{
	uint64_t held = r->next < EVENT_RING_SIZE ? r->next : EVENT_RING_SIZE;

	*end = r->next + 1;
	return *end - (n < held ? n : held);
}
