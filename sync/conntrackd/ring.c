/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include <errno.h>

#define ROOM_MIN 1024

int ctd_ring_new(struct ctd_ring *r, size_t bytes)
{
	size_t room = bytes / sizeof(*r->at);

	*r = (struct ctd_ring){.room = room < ROOM_MIN ? ROOM_MIN : room};
	r->at = calloc(r->room, sizeof(*r->at));
	return r->at ? 0 : -ENOMEM;
}

void ctd_ring_free(struct ctd_ring *r)
{
	free(r->at);
	r->at = NULL;
}

void ctd_ring_add(struct ctd_ring *r, const struct ctd_sent *s)
{
	r->at[r->tail++ % r->room] = *s;
	if (r->tail - r->head > r->room)
		r->head++;
}

const struct ctd_sent *ctd_ring_get(const struct ctd_ring *r, uint32_t seq)
{
	uint64_t n = r->tail - r->head;
	uint32_t first = n ? r->at[r->head % r->room].seq : 0;

	return seq - first < n ? &r->at[(r->head + (seq - first)) % r->room] : NULL;
}
