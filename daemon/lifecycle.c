/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One function per state says what each event does there; enter_*() are the only writers of state.
 * Replication's condition (l->sync) is noted before the state looks at the event, and gate,
 * blindness and timer are derived from the result after it, so none can be forgotten. */
#include "vrouter/lifecycle.h"

#include <string.h>

#include "vrouter/util.h"

struct step {
	const struct life_cfg *cfg;
	struct life *l;
	const struct life_in *in;
	struct life_out out;
};

static bool sync_runs(const struct life *l)
{
	return l->sync != LIFE_SYNC_NONE && l->sync != LIFE_SYNC_DOWN;
}

static void set_reason(struct life *l, const char *why)
{
	if (why && why != l->reason)
		snprintf(l->reason, sizeof(l->reason), "%s", why);
}

static void answer(struct step *s, enum life_answer a, const char *text)
{
	s->out.answer = a;
	s->out.answer_text = text;
}

/* ---- entering states --------------------------------------------------------------------------
 */

/* The commands that waited for something else than what happened. */
static void fail_pending(struct step *s, const char *text)
{
	if (s->l->promoting_by_hand || s->l->demoting_by_hand)
		answer(s, LIFE_ANSWER_FAILED, text);
	s->l->promoting_by_hand = s->l->demoting_by_hand = false;
}

static void election_on(struct step *s)
{
	if (s->cfg->mode != LIFE_MODE_VRRP || s->l->electing)
		return;
	s->l->electing = true;
	s->out.todo |= LIFE_DO_ELECT_START;
}

static void election_off(struct step *s)
{
	if (!s->l->electing)
		return;
	s->l->electing = false;
	s->out.todo |= LIFE_DO_ELECT_STOP;
}

/* VIPs, if any, and the stream, if any, end here; in this order. */
static void drop_role(struct step *s)
{
	if (life_wants_vips(s->l))
		s->out.todo |= LIFE_DO_VIPS_OFF;
	if ((life_wants_vips(s->l) || s->l->state == LIFE_PROMOTING) && sync_runs(s->l))
		s->out.todo |= LIFE_DO_SYNC_DEMOTE;
}

static void enter_active(struct step *s, const char *note)
{
	s->l->state = LIFE_ACTIVE;
	s->l->held = false;
	s->out.todo |= LIFE_DO_VIPS_ON | LIFE_DO_SAVE_TERM;
	s->out.note = note;
	if (s->l->promoting_by_hand)
		answer(s, LIFE_ANSWER_DONE, "ACTIVE");
	s->l->promoting_by_hand = false;
}

static void enter_promoting(struct step *s, const char *why)
{
	set_reason(s->l, why);
	if (!sync_runs(s->l)) {
		bool missing = s->l->sync == LIFE_SYNC_DOWN && s->cfg->mode != LIFE_MODE_SINGLE;

		enter_active(s,
			     missing ? "promoted while replication was down: flows may be missing"
				     : NULL);
		return;
	}
	s->l->state = LIFE_PROMOTING;
	s->l->deadline_ms = s->in->now_ms + s->cfg->promote_wait_ms;
	s->out.todo |= LIFE_DO_SYNC_PROMOTE;
}

static void enter_standby(struct step *s, const char *why)
{
	drop_role(s);
	s->l->state = LIFE_STANDBY;
	set_reason(s->l, why);
	if (s->l->sync != LIFE_SYNC_READY)
		s->l->hold_until_ms = s->in->now_ms + s->cfg->hold_ms;
	election_on(s);
	if (s->cfg->mode == LIFE_MODE_SINGLE)
		enter_promoting(s, "the only controller");
}

static void enter_stopped(struct step *s, const char *why)
{
	drop_role(s);
	fail_pending(s, "the daemon or the router ends");
	s->l->state = LIFE_STOPPED;
	set_reason(s->l, why);
	election_off(s);
	s->out.todo |= LIFE_DO_ENDED;
}

static void enter_fault(struct step *s)
{
	set_reason(s->l, s->in->why);
	if (s->l->stopping) {
		enter_stopped(s, s->in->why);
		return;
	}
	drop_role(s);
	fail_pending(s, "a fault came in between");
	s->l->state = LIFE_FAULT;
	/* With a fault of its own the election has left by itself, and comes back by itself. */
	if (s->l->faults & LIFE_FAULT_NET)
		election_off(s);
}

/* The way out ends: STANDBY, or the end. */
static void left(struct step *s, const char *why)
{
	if (s->l->stopping) {
		enter_stopped(s, why);
		return;
	}
	if (s->l->demoting_by_hand) {
		s->l->demoting_by_hand = false;
		s->l->held = true;
		answer(s, LIFE_ANSWER_DONE, "STANDBY");
	}
	enter_standby(s, why);
}

static void enter_resigning(struct step *s)
{
	if (s->cfg->mode != LIFE_MODE_VRRP) {
		left(s, s->l->reason);
		return;
	}
	s->l->state = LIFE_RESIGNING;
	s->l->deadline_ms = s->in->now_ms + s->cfg->linger_ms;
	s->out.todo |= LIFE_DO_ELECT_RESIGN;
}

/* A planned leave of an ACTIVE. */
static void enter_draining(struct step *s, const char *why)
{
	set_reason(s->l, why);
	s->l->held = true; /* so that preemption does not bring it back */
	if (!sync_runs(s->l)) {
		enter_resigning(s);
		return;
	}
	s->l->state = LIFE_DRAINING;
	/* replication keeps the time; this is for when it does not answer */
	s->l->deadline_ms = s->in->now_ms + s->cfg->drain_ms + s->cfg->promote_wait_ms;
	s->out.todo |= LIFE_DO_SYNC_DRAIN;
}

static void stop_active(struct step *s)
{
	s->l->stopping = true;
	if (s->cfg->mode == LIFE_MODE_VRRP && s->in->have_peer)
		enter_draining(s, s->in->why);
	else
		enter_stopped(s, s->in->why);
}

/* ---- commands ---------------------------------------------------------------------------------
 */

static void command_promote(struct step *s)
{
	struct life *l = s->l;

	if (l->promoting_by_hand || l->demoting_by_hand) {
		answer(s, LIFE_ANSWER_FAILED, "another promotion or demotion is under way");
		return;
	}
	if (l->sync == LIFE_SYNC_SYNCING && !s->in->force) {
		answer(s, LIFE_ANSWER_FAILED,
		       "its table of flows is not complete yet; wait, or force it");
		return;
	}
	l->promoting_by_hand = true;
	l->held = false;
	if (s->cfg->mode == LIFE_MODE_VRRP) {
		set_reason(l, "promoted by hand");
		l->deadline_ms = s->in->now_ms + s->cfg->command_ms;
		s->out.todo |= LIFE_DO_ELECT_BOOST;
	} else {
		enter_promoting(s, "promoted by hand");
	}
}

static void command_demote(struct step *s)
{
	if (s->cfg->mode == LIFE_MODE_SINGLE) {
		answer(s, LIFE_ANSWER_FAILED,
		       "election mode is \"single\": nobody could take over");
		return;
	}
	if (s->cfg->mode == LIFE_MODE_VRRP && !s->in->have_peer && !s->in->force) {
		answer(s, LIFE_ANSWER_FAILED, "no other controller takes over");
		return;
	}
	s->l->demoting_by_hand = true;
	enter_draining(s, "demoted by hand");
}

/* ---- one function per state -------------------------------------------------------------------
 */

static void on_init(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
		if (!s->l->faults)
			enter_standby(s, "started");
		break;
	case LIFE_EV_FAULT:
		enter_fault(s);
		break;
	case LIFE_EV_STOP:
		enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		answer(s, LIFE_ANSWER_FAILED, "the router is still being built");
		break;
	case LIFE_EV_ELECTED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

static void on_standby(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_ELECTED:
		enter_promoting(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		enter_fault(s);
		break;
	case LIFE_EV_PROMOTE:
		command_promote(s);
		break;
	case LIFE_EV_DEMOTE:
		s->l->held = true;
		answer(s, LIFE_ANSWER_DONE, "STANDBY already; it will not preempt");
		break;
	case LIFE_EV_STOP:
		enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_TIMER:
		if (s->l->promoting_by_hand && s->in->now_ms >= s->l->deadline_ms)
			fail_pending(s, "the election was not won");
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EVENTS:
		break;
	}
}

static void on_promoting(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_PROMOTED:
		enter_active(s, NULL);
		break;
	case LIFE_EV_TIMER:
		if (s->in->now_ms >= s->l->deadline_ms)
			enter_active(s, "replication did not answer in time: flows may be missing");
		break;
	case LIFE_EV_SYNC_DOWN:
		enter_active(s, "replication died during the promotion: flows may be missing");
		break;
	case LIFE_EV_SYNC_UP:
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
		break;
	case LIFE_EV_LOST:
		fail_pending(s, "another controller won the election");
		enter_standby(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		enter_fault(s);
		break;
	case LIFE_EV_STOP:
		enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		answer(s, LIFE_ANSWER_FAILED, "it is being promoted right now");
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_DRAINED:
	case LIFE_EVENTS:
		break;
	}
}

static void on_active(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_LOST:
		enter_standby(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		enter_fault(s);
		break;
	case LIFE_EV_SYNC_UP:
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
		break;
	case LIFE_EV_PROMOTED:
		s->out.todo |= LIFE_DO_SAVE_TERM;
		break;
	case LIFE_EV_PROMOTE:
		answer(s, LIFE_ANSWER_DONE, "ACTIVE already");
		break;
	case LIFE_EV_DEMOTE:
		command_demote(s);
		break;
	case LIFE_EV_STOP:
		stop_active(s);
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_DRAINED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

/* DRAINING and RESIGNING: the end of the wait is not here. */
static void on_leaving(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_LOST:
		left(s, s->l->reason);
		break;
	case LIFE_EV_FAULT:
		enter_fault(s);
		break;
	case LIFE_EV_SYNC_UP:
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
		break;
	case LIFE_EV_STOP:
		s->l->stopping = true;
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		answer(s, LIFE_ANSWER_FAILED, "it is being demoted right now");
		break;
	case LIFE_EV_PROMOTED:
		s->out.todo |= LIFE_DO_SAVE_TERM;
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_DRAINED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

static void on_draining(struct step *s)
{
	bool late = s->in->ev == LIFE_EV_TIMER && s->in->now_ms >= s->l->deadline_ms;

	if (s->in->ev == LIFE_EV_DRAINED || s->in->ev == LIFE_EV_SYNC_DOWN || late) {
		if (late || !s->in->ok)
			s->out.note = "replicas did not acknowledge the last changes in time";
		enter_resigning(s);
	} else {
		on_leaving(s);
	}
}

static void on_resigning(struct step *s)
{
	if (s->in->ev != LIFE_EV_TIMER || s->in->now_ms < s->l->deadline_ms) {
		on_leaving(s);
	} else if (s->l->stopping) {
		enter_stopped(s, s->l->reason);
	} else {
		s->l->state = LIFE_ACTIVE;
		s->l->held = false;
		s->out.todo |= LIFE_DO_ELECT_STAY;
		s->out.note = "nobody took over: stays ACTIVE";
		set_reason(s->l, "nobody took over");
		fail_pending(s, "no other controller took over: stays ACTIVE");
	}
}

static void on_fault(struct step *s)
{
	switch (s->in->ev) {
	case LIFE_EV_FAULT:
		set_reason(s->l, s->in->why);
		if (s->l->faults & LIFE_FAULT_NET)
			election_off(s);
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
		if (!s->l->faults)
			enter_standby(s, "the fault is over");
		break;
	case LIFE_EV_STOP:
		enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
		answer(s, LIFE_ANSWER_FAILED, "it is in FAULT");
		break;
	case LIFE_EV_DEMOTE:
		s->l->held = true;
		answer(s, LIFE_ANSWER_DONE, "in FAULT; it will not preempt afterwards");
		break;
	case LIFE_EV_ELECTED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

/* ---- what holds in every state ----------------------------------------------------------------
 */

static void note_sync(struct step *s)
{
	struct life *l = s->l;
	enum life_sync before = l->sync;

	if (l->sync == LIFE_SYNC_NONE)
		return;
	if (s->in->ev == LIFE_EV_SYNC_DOWN)
		l->sync = LIFE_SYNC_DOWN;
	else if (s->in->ev == LIFE_EV_SYNC_UP)
		l->sync = LIFE_SYNC_ALONE;
	else if (s->in->ev == LIFE_EV_SYNC_PHASE)
		l->sync = s->in->phase;
	if (s->in->term > l->term)
		l->term = s->in->term;
	if (s->in->ev == LIFE_EV_SYNC_PHASE && (l->sync == LIFE_SYNC_READY || s->in->followed))
		l->had_table = true;
	/* What was complete no longer is: it may hold preemption back again, for a bounded time. */
	if (before == LIFE_SYNC_READY && l->sync != LIFE_SYNC_READY)
		l->hold_until_ms = s->in->now_ms + s->cfg->hold_ms;
}

static void note_fault(struct step *s)
{
	if (s->in->ev == LIFE_EV_FAULT)
		s->l->faults |= s->in->fault;
	else if (s->in->ev == LIFE_EV_RECOVERED)
		s->l->faults &= ~s->in->fault;
	else if (s->in->ev == LIFE_EV_BUILT)
		s->l->faults &= ~(uint32_t)LIFE_FAULT_NET;
}

/* Who is ACTIVE is not gated: losing the role closes the gate in the same step. */
static void settle_gate(struct step *s)
{
	struct life *l = s->l;
	bool waits = life_waits_for_replica(l, s->in->now_ms);
	bool blind = life_is_blind(l, s->in->now_ms);
	bool gated = l->held || (!life_wants_vips(l) && l->state != LIFE_PROMOTING && waits);

	if (gated == l->gated && blind == l->blind && !(s->out.todo & LIFE_DO_ELECT_START))
		return;
	l->gated = gated;
	l->blind = blind;
	s->out.todo |= LIFE_DO_GATE;
}

static void settle_timer(struct step *s)
{
	const struct life *l = s->l;
	uint64_t at = LIFE_NEVER;

	switch (l->state) {
	case LIFE_STANDBY:
		if (life_waits_for_replica(l, s->in->now_ms))
			at = l->hold_until_ms;
		if (l->promoting_by_hand && l->deadline_ms < at)
			at = l->deadline_ms;
		break;
	case LIFE_PROMOTING:
	case LIFE_DRAINING:
	case LIFE_RESIGNING:
		at = l->deadline_ms;
		break;
	case LIFE_INIT:
	case LIFE_ACTIVE:
	case LIFE_FAULT:
	case LIFE_STOPPED:
	case LIFE_STATES:
		break;
	}
	s->out.timer_ms = l->blind && l->hold_until_ms < at ? l->hold_until_ms : at;
}

static void dispatch(struct step *s)
{
	switch (s->l->state) {
	case LIFE_INIT:
		on_init(s);
		break;
	case LIFE_STANDBY:
		on_standby(s);
		break;
	case LIFE_PROMOTING:
		on_promoting(s);
		break;
	case LIFE_ACTIVE:
		on_active(s);
		break;
	case LIFE_DRAINING:
		on_draining(s);
		break;
	case LIFE_RESIGNING:
		on_resigning(s);
		break;
	case LIFE_FAULT:
		on_fault(s);
		break;
	case LIFE_STOPPED:
	case LIFE_STATES:
		if (s->in->ev == LIFE_EV_PROMOTE || s->in->ev == LIFE_EV_DEMOTE)
			answer(s, LIFE_ANSWER_FAILED, "the daemon or the router ends");
		break;
	}
}

struct life_out life_step(const struct life_cfg *cfg, struct life *l, const struct life_in *in)
{
	struct step s = {.cfg = cfg, .l = l, .in = in};
	bool of_election = in->ev == LIFE_EV_ELECTED || in->ev == LIFE_EV_LOST;

	note_sync(&s);
	note_fault(&s);
	if (!of_election || cfg->mode == LIFE_MODE_VRRP)
		dispatch(&s);
	settle_gate(&s);
	settle_timer(&s);
	return s.out;
}
