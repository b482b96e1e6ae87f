/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine as replica: what it means that the kernel did not take a change. */
#include "engine_impl.h"

#include <errno.h>

/* An update missed its flow, but the running repair is yet to list it. What the stream has put
 * since that began is newer than what will be listed. */
static bool comes_later(struct engine *e, const struct flow *f)
{
	const struct engine_replica *r = &e->rep;

	if (r->state == REPLICA_NEED)
		return true;
	if (r->state == REPLICA_CLEAN || r->state == REPLICA_SWEEP ||
	    repair_seen_has(&r->seen, flow_hash(f, r->seen_key)))
		return false;
	if (r->state == REPLICA_COLLECT)
		return replica_covers(e, f);
	if (r->state == REPLICA_DIFFER)
		return compare_differs(e, f);
	compare_touched(e, f);
	return true;
}

/* A repair goes on: its sweep may make the room that was missing. */
static void replica_failed(struct engine *e)
{
	report_repair_begins(e, REPAIR_WHY_APPLY);
	if (e->rep.state == REPLICA_CLEAN)
		replica_need_repair_later(e);
	else
		e->rep.failed = true;
}

void replica_lacks(struct engine *e, const struct flow *f)
{
	if (!comes_later(e, f))
		replica_failed(e);
}

void engine_on_gone(struct engine *e, const struct flow *f, uint64_t now)
{
	e->now = now;
	if (e->is_source)
		return;
	if (!f)
		replica_failed(e);
	else if (flow_is_through(f, &e->conf.locals))
		replica_lacks(e, f);
}

void engine_on_apply_failed(struct engine *e, const struct flow *f, int err)
{
	struct engine_replica *r = &e->rep;
	bool is_put = f->has & FLOW_HAS_REPLY;

	if (err == -ENOENT) {
		engine_count(e, SYNC_APPLY_MISSING);
		/* a deletion is as good as done */
		if (e->is_source || !is_put || comes_later(e, f))
			return;
	} else if (err == -ENOMEM || err == -ENOSPC || err == -ENFILE) {
		engine_count(e, SYNC_APPLY_TABLE_FULL);
		if (!e->is_source)
			e->alarms |= ENGINE_ALARM_TABLE_FULL;
	} else {
		engine_count(e, SYNC_APPLY_ERRORS);
		/* refused as listed, in full: another repair would only repeat it */
		if (r->state == REPLICA_COLLECT && replica_covers(e, f))
			return;
	}
	if (!e->is_source)
		replica_failed(e);
}
