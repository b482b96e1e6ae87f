/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an engine says of itself in STATUS beyond its place in the stream, and the alarms that
 * follow from what others say there: how many flows it holds and may hold, how far it lags, what
 * its last repair cost. */
#include "engine_impl.h"

void report_refresh(struct engine *e)
{
	struct engine_report *r = &e->report;
	/* so no flow has come or gone, unless outside of a filter */
	bool quiet = quiet_said_ms(e) > e->conf.heartbeat_ms && !e->filtering;

	if (r->counted && e->now - r->counted_at < (quiet ? REPORT_QUIET_MS : REPORT_COUNT_MS))
		return;
	r->counted = true;
	r->counted_at = e->now;
	r->flows = e->ops->count(e->ctx);
	r->flows_max = e->ops->limit ? e->ops->limit(e->ctx) : 0;
}

/* ---- repairs ----------------------------------------------------------------------------------
 */

void report_repair_begins(struct engine *e, enum repair_why why)
{
	struct engine_report *r = &e->report;

	if (r->repairing)
		return;
	r->repairing = true;
	r->running = (struct repair_cost){.why = (uint8_t)why};
	r->began_at = e->now;
	r->deleted_before = e->counters->v[SYNC_REPAIR_DELETED];
}

void report_repair_bytes(struct engine *e, size_t len)
{
	if (e->report.repairing)
		e->report.running.bytes += len;
}

void report_repair_listed(struct engine *e)
{
	e->report.running.listed++;
}

void report_repair_ends(struct engine *e)
{
	e->report.repairing = false;
}

void report_repair_done(struct engine *e)
{
	struct engine_report *r = &e->report;

	if (!r->repairing)
		return;
	r->repairing = false;
	r->last = r->running;
	r->last.deleted = e->counters->v[SYNC_REPAIR_DELETED] - r->deleted_before;
	r->last.took_ms = e->now - r->began_at;
	r->done_at = e->now;
}

struct repair_cost report_last(const struct engine *e)
{
	struct repair_cost last = e->report.last;

	last.ago_ms = last.why ? e->now - e->report.done_at : 0;
	return last;
}

void report_fill(const struct engine *e, struct ctl_status *s)
{
	const struct engine_report *r = &e->report;

	s->detailed = true;
	s->flows = r->flows;
	s->flows_max = r->flows_max;
	s->lag_ms = e->lag_ms;
	s->repair = report_last(e);
	s->hearing = (uint8_t)e->hearing;
}

const char *engine_repair_why(uint8_t why)
{
	static const char *const text[] = {
		[REPAIR_WHY_NONE] = "",
		[REPAIR_WHY_STREAM] = "another stream",
		[REPAIR_WHY_GAP] = "datagrams lost for good",
		[REPAIR_WHY_APPLY] = "changes that the kernel did not take",
		[REPAIR_WHY_BODY] = "a datagram that could not be decoded",
		[REPAIR_WHY_EVENTS] = "kernel events lost at the source",
		[REPAIR_WHY_AUDIT] = "an audit found differences",
	};

	return why < ARRAY_LEN(text) ? text[why] : "unknown";
}

/* ---- alarms -----------------------------------------------------------------------------------
 */

static void set_alarm(struct engine *e, uint32_t alarm, bool on)
{
	if (on)
		e->alarms |= alarm;
	else
		e->alarms &= ~alarm;
}

/* Something was counted lately. */
static bool grows(struct engine *e, struct growth *g, enum sync_counter c)
{
	uint64_t v = e->counters->v[c];

	if (v > g->seen)
		g->until = e->now + REPORT_LATELY_MS;
	g->seen = v;
	return e->now < g->until;
}

/* Of what is said by those who are there: a replica that holds less than it must. */
static bool too_small(const struct engine *e, const struct peer *p)
{
	const struct ctl_status *s = &p->status;

	if (!p->id || !p->named || p->lost || !s->detailed)
		return false;
	if (e->is_source)
		return peer_follows(p, &e->stream) && s->flows_max &&
		       s->flows_max < e->report.flows;
	return p->id == e->stream.sender && s->phase == ENGINE_SOURCE && e->report.flows_max &&
	       e->report.flows_max < s->flows;
}

/* Two bounds, so that it does not flicker. */
static bool behind(const struct engine *e, uint64_t lag_ms)
{
	return lag_ms >= (e->alarms & ENGINE_ALARM_BEHIND ? ENGINE_CAUGHT_UP_MS : REPORT_BEHIND_MS);
}

void report_alarms(struct engine *e)
{
	struct engine_report *r = &e->report;
	bool small = false, late = !e->is_source && behind(e, e->lag_ms);

	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		small |= too_small(e, p);
		late |= e->is_source && p->id && peer_follows(p, &e->stream) &&
			behind(e, p->status.lag_ms);
	}
	set_alarm(e, ENGINE_ALARM_TABLE_SMALL, small);
	set_alarm(e, ENGINE_ALARM_BEHIND, late);
	set_alarm(e, ENGINE_ALARM_CLASH, grows(e, &r->clashes, SYNC_APPLY_CLASH));
	set_alarm(e, ENGINE_ALARM_SEND, grows(e, &r->unsent, SYNC_TX_ERRORS));
}

const char *engine_heartbeats_name(enum engine_heartbeats b)
{
	static const char *const name[] = {
		[ENGINE_BEATS_OFF] = "off",	    [ENGINE_BEATS_SENT] = "sent",
		[ENGINE_BEATS_NONE] = "none",	    [ENGINE_BEATS_HEARD] = "heard",
		[ENGINE_BEATS_MISSING] = "missing",
	};

	return name[b];
}

const char *engine_phase_name(enum engine_phase p)
{
	switch (p) {
	case ENGINE_ALONE:
		return "alone";
	case ENGINE_SYNCING:
		return "syncing";
	case ENGINE_READY:
		return "ready";
	case ENGINE_SOURCE:
		return "source";
	case ENGINE_UNSAID:
		break;
	}
	return "unknown";
}
