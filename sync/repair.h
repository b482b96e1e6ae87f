/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memories that a repair needs, and only while it runs.
 * Source: which flows changed since the previous dump call (a dumped entry may be that old).
 * Replica: which flows the source has, to delete the others at the end.
 * Both, between a comparison and the listing that follows: which flows there were, so that the
 * kernel's table need not be read once more. */
#ifndef VROUTER_REPAIR_H
#define VROUTER_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrouter/flow.h"

/* Fixed size; answers "perhaps" too often when much changes, which costs a look at the kernel. */
#define REPAIR_CHANGED_BITS (1u << 16)

struct repair_changed {
	uint64_t word[REPAIR_CHANGED_BITS / 64];
	bool any;
};

void repair_changed_clear(struct repair_changed *c);
void repair_changed_add(struct repair_changed *c, uint64_t hash);
bool repair_changed_has(const struct repair_changed *c, uint64_t hash);

/* Set of 64-bit hashes, open addressing. At most 24 bytes per flow (36 while it grows). */
#define REPAIR_SEEN_MAX ((size_t)1 << 25) /* slots; three quarters of them are used at most */

struct repair_seen {
	uint64_t *slot; /* 0: free */
	size_t size, n; /* size: 0 or a power of two */
	size_t max;	/* bound of size */
	bool failed;	/* it could not grow: incomplete, of no use */
};

/* Empty and usable, with room for as many if there is memory. */
void repair_seen_start(struct repair_seen *s, uint64_t expected);
void repair_seen_free(struct repair_seen *s);
void repair_seen_add(struct repair_seen *s, uint64_t hash);
bool repair_seen_has(const struct repair_seen *s, uint64_t hash);

/* Identities of flows: 16 bytes for IPv4, 40 for IPv6. */
#define REPAIR_INDEX_MAX ((size_t)1 << 29) /* bytes */

struct repair_index {
	uint8_t *p;
	size_t used, size;
	size_t max;  /* bound of size */
	bool failed; /* it could not grow: of no use */
};

/* Empty and usable, with room for as many IPv4 flows. */
void repair_index_start(struct repair_index *x, uint64_t expected);
void repair_index_free(struct repair_index *x);
void repair_index_add(struct repair_index *x, const struct flow *f);
/* The one at *at, which moves to the next. false: that was all. */
must_check bool repair_index_next(const struct repair_index *x, size_t *at, struct flow *out);

#endif
