/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New flows that are not told yet: those that end while they are here need not be told at all. One
 * queue in the order of arrival, which is the order of leaving, and an index by hash. Bounded, and
 * without any memory when nothing is to be held. Owned by the engine's source. Pure. */
#ifndef SYNC_HOLD_H
#define SYNC_HOLD_H

#include "vrouter/flow.h"

#define HOLD_MAX 8192 /* power of two; new flows within the time, ended ones included */

struct hold_entry {
	struct flow flow;
	uint64_t hash, since;
	uint16_t next; /* 1 + place of the next one in the bucket */
	bool here;     /* false: taken */
};

struct hold {
	uint32_t ms; /* 0: nothing is held */
	struct hold_entry *entry;
	uint16_t *bucket;    /* 1 + place */
	uint64_t head, tail; /* ever left and ever come */
};

/* 0 or -ENOMEM. */
must_check int hold_init(struct hold *h, uint32_t ms);
void hold_fini(struct hold *h);
void hold_clear(struct hold *h);
bool hold_is_full(const struct hold *h);
/* It is not full, and does not have the flow. */
void hold_add(struct hold *h, uint64_t hash, const struct flow *f, uint64_t now);
bool hold_has(struct hold *h, uint64_t hash, const struct flow *f);
/* Takes the flow out; false: it is not here. */
bool hold_take(struct hold *h, uint64_t hash, const struct flow *f, struct flow *out);
/* The oldest, NULL: none. It stays until hold_drop_first(). */
const struct hold_entry *hold_first(struct hold *h);
void hold_drop_first(struct hold *h);

#endif
