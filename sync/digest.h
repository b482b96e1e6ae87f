/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing two tables without sending them: flows are divided into buckets, and a bucket's digest
 * is the sum of keyed 64-bit hashes of the flows in it, each over all that flow_equal() compares.
 * The key is drawn for each comparison and travels sealed, so nobody outside can aim at a
 * collision. Memory is taken while a comparison or a repair runs, and given back after it. Pure. */
#ifndef VROUTER_DIGEST_H
#define VROUTER_DIGEST_H

#include "vrouter/flow.h"

enum {
	DIGEST_LOG2_MIN = 3, /* a set of buckets is whole bytes */
	DIGEST_LOG2_MAX = 20,
	DIGEST_FLOWS = 8, /* a bucket holds half of it up to it, below the largest number of them */
	DIGEST_PART = 256, /* bytes of a set that are sent in one piece */
	DIGEST_PARTS_MAX = (1 << DIGEST_LOG2_MAX) / 8 / DIGEST_PART,
};

/* How flows are divided. */
struct buckets {
	uint8_t key[16];
	uint8_t log2; /* 0: there are none */
};

uint8_t buckets_log2(uint64_t flows);
uint32_t buckets_of(const struct buckets *b, const struct flow *f);

static inline uint32_t buckets_n(const struct buckets *b)
{
	return 1u << b->log2;
}

static inline size_t buckets_set_size(const struct buckets *b)
{
	return buckets_n(b) / 8;
}

/* One digest per bucket. */
struct digests {
	uint64_t *sum; /* NULL: none are kept */
	size_t n;
};

/* All zero. false: no memory. */
must_check bool digests_start(struct digests *d, const struct buckets *b);
void digests_free(struct digests *d);
void digests_add(struct digests *d, const struct buckets *b, const struct flow *f);

/* A set of buckets. */
struct bucket_set {
	uint8_t *bits; /* NULL: empty, and nothing can be added */
	size_t size;
};

/* Empty. false: no memory. */
must_check bool bucket_set_start(struct bucket_set *s, const struct buckets *b);
void bucket_set_free(struct bucket_set *s);
void bucket_set_clear(struct bucket_set *s);
void bucket_set_add(struct bucket_set *s, uint32_t bucket);
bool bucket_set_has(const struct bucket_set *s, uint32_t bucket);
uint32_t bucket_set_count(const struct bucket_set *s);
bool bucket_set_covers(const struct bucket_set *s, const struct bucket_set *other);
/* Pieces of DIGEST_PART bytes, the last one may be shorter. */
size_t bucket_set_parts(const struct bucket_set *s);
size_t bucket_set_part_size(const struct bucket_set *s, size_t part);
bool bucket_set_part_empty(const struct bucket_set *s, size_t part);
/* false: no such part, or not of this size. */
must_check bool bucket_set_part_add(struct bucket_set *s, size_t part, const uint8_t *bits,
				    size_t len);
bool bucket_set_part_covered(const struct bucket_set *s, size_t part, const uint8_t *bits,
			     size_t len);

#endif
