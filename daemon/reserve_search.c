/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search for free addresses: each range has one candidate at a time, all are asked for at the
 * same time. Who answers, or asks for the same, has it. */
#include "vrouter/reserve.h"

#include <string.h>

#include "vrouter/dgram.h"

/* n is below 65536, so a carry goes through three bytes at most. */
static struct ip_addr plus(struct ip_addr a, uint32_t n)
{
	for (size_t i = ip_addr_size(&a); i-- > 0 && n; n >>= 8) {
		n += a.b[i];
		a.b[i] = (uint8_t)n;
	}
	return a;
}

static bool is_other_slots(const struct reserve_search *s, const struct reserve_slot *of,
			   const struct ip_addr *a)
{
	for (unsigned i = 0; i < s->n; i++)
		if (&s->slot[i] != of && ip_addr_equal(&s->slot[i].addr, a))
			return true;
	return false;
}

/* From number `tried` on, the first that is not known to be taken. */
static void next_candidate(struct reserve_search *s, struct reserve_slot *slot, uint64_t now)
{
	slot->asked = 0;
	slot->due_ms = now;
	for (; slot->tried < slot->range.count; slot->tried++) {
		slot->addr =
			plus(slot->range.first, (slot->start + slot->tried) % slot->range.count);
		if (!is_other_slots(s, slot, &slot->addr) && !s->taken(s->ctx, &slot->addr))
			return;
	}
	slot->addr.family = 0;
}

void reserve_search_begin(struct reserve_search *s, const char *name,
			  const struct reserve_range *range, unsigned n,
			  bool (*taken)(void *ctx, const struct ip_addr *a), void *ctx,
			  uint64_t now)
{
	*s = (struct reserve_search){.n = n, .taken = taken, .ctx = ctx};
	for (unsigned i = 0; i < n; i++) {
		s->slot[i].range = range[i];
		s->slot[i].start = id_of(name) % range[i].count;
	}
	for (unsigned i = 0; i < n; i++)
		next_candidate(s, &s->slot[i], now);
}

enum reserve_search_do reserve_search_step(struct reserve_search *s, uint64_t now, uint64_t *at)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < s->n; i++) {
		const struct reserve_slot *slot = &s->slot[i];
		bool asks = slot->asked < RESERVE_PROBES;

		if (!slot->addr.family || (asks && slot->due_ms <= now)) {
			*at = i;
			return slot->addr.family ? RESERVE_SEARCH_ASK : RESERVE_SEARCH_NONE;
		}
		if (slot->due_ms > now && (!next || slot->due_ms < next))
			next = slot->due_ms;
	}
	*at = next;
	return next ? RESERVE_SEARCH_WAIT : RESERVE_SEARCH_FOUND;
}

void reserve_asked(struct reserve_search *s, unsigned slot, bool ok, uint64_t now)
{
	struct reserve_slot *t = &s->slot[slot];

	t->asked = ok ? t->asked + 1 : 0;
	t->due_ms = now + RESERVE_PROBE_MS * (t->asked == RESERVE_PROBES ? 2u : 1u);
}

void reserve_answered(struct reserve_search *s, unsigned slot, uint64_t now)
{
	s->slot[slot].tried++;
	next_candidate(s, &s->slot[slot], now);
}

void reserve_search_result(const struct reserve_search *s, struct reserve_set *out)
{
	*out = (struct reserve_set){.n = s->n};
	for (unsigned i = 0; i < s->n; i++)
		out->addr[i] = s->slot[i].addr;
}
