/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter, the source's side. What is outside of it is not told, not listed and not counted in
 * digests, so to replicas it does not exist; they hold what they are told and delete the rest, and
 * need not know the filter.
 *
 * Nobody remembers which flows are in. Each event is judged by the state that it tells, so after
 * the last one a flow is told if it is in, and deleted if it may have been in and is not. Where the
 * state counts (ASSURED, TCP states), an update may be that by which a flow enters, and the kernel
 * tells little more in it than what changed: the rest is read from the kernel. What the event says
 * goes before what was read, so no field is told in an order that it did not have. */
#include "engine_impl.h"

#include <errno.h>

/* Fewer flows say little about the share of them that is in. */
#define SHARE_MIN 64

bool source_wants(const struct engine *e, const struct flow *f)
{
	return !e->filtering || flow_filter_look(&e->filter, f) == FILTER_IN;
}

bool source_wants_dumped(struct engine *e, const struct flow *f)
{
	bool in = source_wants(e, f);

	e->dumped++;
	e->dumped_in += in;
	return in;
}

uint32_t source_count(const struct engine *e)
{
	uint32_t n = e->ops->count(e->ctx);

	if (!e->filtering || e->passed < SHARE_MIN)
		return n;
	return (uint32_t)(n * e->passed_in / e->passed);
}

/* One that is in, or whose state the event does not tell. */
static void tell_whole(struct engine *e, uint64_t hash, const struct flow *f)
{
	enum filter_verdict verdict;
	struct flow whole;
	int err = e->ops->get(e->ctx, f, &whole);

	if (err == -ENOENT) /* its end follows */
		return;
	if (err < 0) {
		source_force_repair(e);
		return;
	}
	flow_merge(&whole, f);
	verdict = flow_filter_look(&e->filter, &whole);
	if (verdict == FILTER_IN) {
		if (e->job != JOB_NONE)
			repair_changed_add(&e->room.changed, hash);
		sender_either(&e->sender, hash, &whole);
		if (whole.has & FLOW_HAS_MASTER)
			source_tell_masters_seqadj(e, &whole);
		if (whole.has & FLOW_HAS_HELPER) /* it may have entered just now */
			expects_tell_of(e, &whole);
		return;
	}
	engine_count(e, SYNC_EVENTS_FILTERED);
	if (verdict == FILTER_OUT)
		source_change(e, f, FLOW_DESTROY);
}

void source_filtered_change(struct engine *e, const struct flow *f, enum flow_change what)
{
	enum filter_verdict verdict = flow_filter_look(&e->filter, f);
	bool sure = verdict != FILTER_UNSURE;
	uint64_t hash;

	if (verdict == FILTER_NEVER || (verdict == FILTER_OUT && what != FLOW_DESTROY))
		engine_count(e, SYNC_EVENTS_FILTERED);
	if (verdict == FILTER_NEVER || (verdict == FILTER_OUT && what == FLOW_NEW))
		return;
	if (verdict == FILTER_OUT)
		what = FLOW_DESTROY;
	if (what == FLOW_DESTROY || (what == FLOW_NEW && sure) ||
	    !flow_filter_has_state(&e->filter)) {
		source_change(e, f, what);
		return;
	}
	hash = flow_hash(f, e->hash_key);
	/* what waits is in, and the event adds to it */
	if (what == FLOW_UPDATE &&
	    (sender_holds(&e->sender, hash, f) || hold_has(&e->hold, hash, f)))
		source_change(e, f, what);
	else
		tell_whole(e, hash, f);
}

static void use(struct engine *e, const struct flow_filter *filter)
{
	e->filter = *filter;
	e->filtering = !flow_filter_is_empty(filter);
	e->passed = 0;
	e->dumped = 0;
	e->dumped_in = 0;
}

void engine_set_filter(struct engine *e, const struct flow_filter *filter, uint64_t now)
{
	e->now = now;
	if (flow_filter_equal(filter, &e->filter))
		return;
	if (!e->is_source) {
		use(e, filter);
		return;
	}
	source_release_held(e);
	sender_send(&e->sender, false);
	use(e, filter);
	source_open(e, e->known_term < UINT32_MAX ? e->known_term + 1 : UINT32_MAX);
}
