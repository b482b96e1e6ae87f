/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samples in, state out. The only writers of track.state are set() and track_hold_over(). */
#include "vrouter/track.h"

const char *track_kind_name(enum track_kind k)
{
	static const char *const name[TRACK_KINDS] = {
		[TRACK_CARRIER] = "carrier", [TRACK_BRIDGE_PORT] = "bridge-port",
		[TRACK_GATEWAY] = "gateway", [TRACK_SCRIPT] = "script",
		[TRACK_PROCESS] = "process", [TRACK_ROUTE] = "route",
	};

	return name[k];
}

const char *track_state_name(enum track_state s)
{
	static const char *const name[] = {
		[TRACK_UNKNOWN] = "unknown", [TRACK_OK] = "ok", [TRACK_FAILING] = "failing"};

	return name[s];
}

static bool set(struct track *t, enum track_state state)
{
	bool other = t->state != state;

	t->state = state;
	t->run = 0;
	t->changes += other;
	if (state != TRACK_FAILING)
		t->hold_until_ms = 0;
	if (state == TRACK_OK && t->active)
		t->holds = 0;
	return other;
}

/* How many samples in a row it takes. */
static unsigned needed(const struct track_rule *r, const struct track *t, bool ok)
{
	if (t->state == TRACK_UNKNOWN && (ok || !r->active_only))
		return 1;
	return ok ? r->rise : r->fall;
}

bool track_sample(const struct track_rule *r, struct track *t, bool ok, const char *why,
		  uint64_t now_ms)
{
	enum track_state says = ok ? TRACK_OK : TRACK_FAILING;

	if (!ok && r->ours && now_ms < t->quiet_until_ms)
		return false;
	t->samples++;
	t->failed += !ok;
	t->last = ok;
	if (!ok && why != t->why)
		snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
	if (t->state == says) {
		t->run = 0;
		return false;
	}
	return ++t->run >= needed(r, t, ok) && set(t, says);
}

bool track_news(const struct track_rule *r, struct track *t, bool ok, const char *why,
		uint64_t now_ms)
{
	if (t->samples && ok == t->last)
		return false;
	return track_sample(r, t, ok, why, now_ms);
}

static uint64_t hold_ms(const struct track_rule *r, unsigned holds)
{
	uint64_t factor = 1;

	while (holds-- && factor < TRACK_HOLD_FACTOR)
		factor *= 2;
	return r->hold_ms * factor;
}

bool track_role(const struct track_rule *r, struct track *t, bool active, uint64_t now_ms)
{
	bool before = t->active;

	t->active = active;
	if (!r->active_only || before == active)
		return false;
	t->run = 0;
	t->hold_until_ms = 0;
	if (active)
		return false;
	if (t->state != TRACK_FAILING)
		return set(t, TRACK_UNKNOWN);
	t->hold_until_ms = now_ms + hold_ms(r, t->holds++);
	return false;
}

bool track_hold_over(struct track *t, uint64_t now_ms)
{
	if (!t->hold_until_ms || now_ms < t->hold_until_ms)
		return false;
	return set(t, TRACK_UNKNOWN);
}

void track_quiet(const struct track_rule *r, struct track *t, uint64_t now_ms)
{
	if (r->ours)
		t->quiet_until_ms = now_ms + TRACK_QUIET_MS;
}

bool track_is_judged(const struct track_rule *r, const struct track *t)
{
	return !r->active_only || t->active;
}

int track_weight(const struct track_rule *r, const struct track *t)
{
	return t->state == TRACK_FAILING ? r->weight : 0;
}

bool track_is_fault(const struct track_rule *r, const struct track *t)
{
	return t->state == TRACK_FAILING && !r->weight;
}

uint8_t track_priority(unsigned configured, int weights)
{
	int p = (int)configured + weights;

	/* as it was written; an owner bids the most already */
	if (!weights || (weights > 0 && configured > TRACK_PRIO_MAX))
		return (uint8_t)configured;
	return (uint8_t)(p < TRACK_PRIO_MIN   ? TRACK_PRIO_MIN
			 : p > TRACK_PRIO_MAX ? TRACK_PRIO_MAX
					      : p);
}
