/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

#include "vrouter/pages.h"

uint8_t buckets_log2(uint64_t flows)
{
	uint8_t log2 = DIGEST_LOG2_MIN;

	while (log2 < DIGEST_LOG2_MAX && (uint64_t)DIGEST_FLOWS << log2 < flows)
		log2++;
	return log2;
}

uint32_t buckets_of(const struct buckets *b, const struct flow *f)
{
	return (uint32_t)(flow_hash(f, b->key) >> (64 - b->log2));
}

/* ---- digests ---- */

bool digests_start(struct digests *d, const struct buckets *b)
{
	digests_free(d);
	d->n = buckets_n(b);
	d->sum = pages_new(d->n * sizeof(*d->sum));
	return d->sum;
}

void digests_free(struct digests *d)
{
	pages_free(d->sum, d->n * sizeof(*d->sum));
	d->sum = NULL;
}

void digests_add(struct digests *d, const struct buckets *b, const struct flow *f)
{
	d->sum[buckets_of(b, f)] += flow_digest(f, b->key);
}

/* ---- sets of buckets ---- */

bool bucket_set_start(struct bucket_set *s, const struct buckets *b)
{
	bucket_set_free(s);
	s->size = buckets_set_size(b);
	s->bits = pages_new(s->size);
	return s->bits;
}

void bucket_set_free(struct bucket_set *s)
{
	pages_free(s->bits, s->size);
	s->bits = NULL;
}

void bucket_set_clear(struct bucket_set *s)
{
	if (s->bits)
		memset(s->bits, 0, s->size);
}

void bucket_set_add(struct bucket_set *s, uint32_t bucket)
{
	if (s->bits)
		s->bits[bucket / 8] |= (uint8_t)(1u << bucket % 8);
}

bool bucket_set_has(const struct bucket_set *s, uint32_t bucket)
{
	return s->bits && s->bits[bucket / 8] >> bucket % 8 & 1;
}

uint32_t bucket_set_count(const struct bucket_set *s)
{
	uint32_t n = 0;

	for (size_t i = 0; s->bits && i < s->size; i++)
		n += (uint32_t)__builtin_popcount(s->bits[i]);
	return n;
}

bool bucket_set_covers(const struct bucket_set *s, const struct bucket_set *other)
{
	if (!s->bits || !other->bits || s->size != other->size)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (other->bits[i] & (uint8_t)~s->bits[i])
			return false;
	return true;
}

size_t bucket_set_parts(const struct bucket_set *s)
{
	return s->bits ? (s->size + DIGEST_PART - 1) / DIGEST_PART : 0;
}

size_t bucket_set_part_size(const struct bucket_set *s, size_t part)
{
	size_t at = part * DIGEST_PART;

	return s->size - at < DIGEST_PART ? s->size - at : DIGEST_PART;
}

bool bucket_set_part_empty(const struct bucket_set *s, size_t part)
{
	const uint8_t *p = s->bits + part * DIGEST_PART;

	for (size_t i = 0; i < bucket_set_part_size(s, part); i++)
		if (p[i])
			return false;
	return true;
}

bool bucket_set_part_add(struct bucket_set *s, size_t part, const uint8_t *bits, size_t len)
{
	if (part >= bucket_set_parts(s) || len != bucket_set_part_size(s, part))
		return false;
	for (size_t i = 0; i < len; i++)
		s->bits[part * DIGEST_PART + i] |= bits[i];
	return true;
}

bool bucket_set_part_covered(const struct bucket_set *s, size_t part, const uint8_t *bits,
			     size_t len)
{
	if (part >= bucket_set_parts(s) || len != bucket_set_part_size(s, part))
		return false;
	for (size_t i = 0; i < len; i++)
		if (bits[i] & (uint8_t)~s->bits[part * DIGEST_PART + i])
			return false;
	return true;
}
