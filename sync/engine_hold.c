/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-new, the engine's side: new flows that the stream does not speak of yet. A held flow that
 * ends is never mentioned, so no replica may have it: none may have been listed or compared. So
 * all leave before a listing or a comparison begins, and none is held until the events of that time
 * have been read. */
#include "engine_impl.h"

static void release_first(struct engine *e)
{
	const struct hold_entry *h = hold_first(&e->hold);

	sender_change(&e->sender, h->hash, &h->flow, FLOW_NEW, false);
	hold_drop_first(&e->hold);
}

void source_release_held(struct engine *e)
{
	while (hold_first(&e->hold))
		release_first(e);
}

void source_release_flow(struct engine *e, const struct flow *f)
{
	uint64_t hash = flow_hash(f, e->hash_key);
	struct flow held;

	if (e->hold.ms && hold_take(&e->hold, hash, f, &held))
		sender_change(&e->sender, hash, &held, FLOW_NEW, false);
}

static void hold_new(struct engine *e, uint64_t hash, const struct flow *f)
{
	/* looking for the oldest forgets those before it that have ended */
	if (hold_is_full(&e->hold) && hold_first(&e->hold) && hold_is_full(&e->hold)) {
		release_first(e);
		engine_count(e, SYNC_HOLD_FULL);
	}
	hold_add(&e->hold, hash, f, e->now);
}

bool source_hold_back(struct engine *e, uint64_t hash, const struct flow *f, enum flow_change what,
		      bool listing)
{
	struct flow held;
	bool found;

	if (!e->hold.ms)
		return false;
	found = hold_take(&e->hold, hash, f, &held);
	switch (what) {
	case FLOW_NEW: /* of one that is here the end was lost */
		if (!listing)
			hold_new(e, hash, f);
		return !listing;
	case FLOW_UPDATE:
		if (!found)
			return false;
		flow_merge(&held, f);
		sender_change(&e->sender, hash, &held, FLOW_NEW, false);
		return true;
	case FLOW_DESTROY:
		if (found)
			engine_count(e, SYNC_HOLD_ENDED);
		return found;
	}
	return false;
}

uint64_t source_hold_run(struct engine *e)
{
	const struct hold_entry *h;
	bool any = false;

	for (; (h = hold_first(&e->hold)) && h->since + e->hold.ms <= e->now; any = true)
		release_first(e);
	if (any)
		sender_send(&e->sender, false);
	return h ? h->since + e->hold.ms : UINT64_MAX;
}
