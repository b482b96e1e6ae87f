/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One function per state says what each event does there. Replication's condition (l->sync) is
 * noted before the state looks at the event, and gate, blindness and timer are derived from the
 * result after it, so none can be forgotten. */
#include "lifecycle_impl.h"

#include <stddef.h>

/* ---- one function per state -------------------------------------------------------------------
 */

static void on_init(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
		if (!s->l->faults)
			life_enter_standby(s, "started");
		break;
	case LIFE_EV_ADOPT:
		life_enter_adopted(s);
		break;
	case LIFE_EV_FAULT:
		if (s->l->faults == LIFE_FAULT_CHOOSING)
			life_set_reason(s->l, s->in->why);
		else
			life_enter_fault(s);
		break;
	case LIFE_EV_STOP:
		life_enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		life_reply(s, LIFE_ANSWER_FAILED, "the router is still being built");
		break;
	case LIFE_EV_ELECTED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

static void on_standby(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_ELECTED:
		life_enter_promoting(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		life_enter_fault(s);
		break;
	case LIFE_EV_PROMOTE:
		life_command_promote(s);
		break;
	case LIFE_EV_DEMOTE:
		s->l->held = true;
		life_reply(s, LIFE_ANSWER_DONE, "STANDBY already; it will not preempt");
		break;
	case LIFE_EV_STOP:
		life_enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_TIMER:
		if (s->l->promoting_by_hand && s->in->now_ms >= s->l->deadline_ms)
			life_fail_pending(s, "the election was not won");
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_ADOPT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EVENTS:
		break;
	}
}

static void on_promoting(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_PROMOTED:
		life_enter_active(s, NULL);
		break;
	case LIFE_EV_TIMER:
		if (s->in->now_ms >= s->l->deadline_ms)
			life_enter_active(
				s, "replication did not answer in time: flows may be missing");
		break;
	case LIFE_EV_SYNC_DOWN:
		life_enter_active(s, "replication died during the promotion: flows may be missing");
		break;
	case LIFE_EV_SYNC_UP:
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
		break;
	case LIFE_EV_LOST:
		life_fail_pending(s, "another controller won the election");
		life_enter_standby(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		life_enter_fault(s);
		break;
	case LIFE_EV_STOP:
		life_enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		life_reply(s, LIFE_ANSWER_FAILED, "it is being promoted right now");
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_ADOPT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EVENTS:
		break;
	}
}

/* Replication was started, or it is that of before an adopted ACTIVE: then its stream goes on, if
 * it had come so far. */
static void continue_stream(struct life_run *s)
{
	bool up = s->in->ev == LIFE_EV_SYNC_UP, kept = s->in->kept && s->l->adopted;
	bool none = !up && s->l->unsure && s->l->sync != LIFE_SYNC_SOURCE;

	if ((up && !kept) || none)
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
	s->l->unsure = up && kept;
}

static void on_active(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_LOST:
		life_enter_standby(s, s->in->why);
		break;
	case LIFE_EV_FAULT:
		life_enter_fault(s);
		break;
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_PHASE:
		continue_stream(s);
		break;
	case LIFE_EV_PROMOTED:
		s->out.todo |= LIFE_DO_SAVE_TERM;
		break;
	case LIFE_EV_PROMOTE:
		life_reply(s, LIFE_ANSWER_DONE, "ACTIVE already");
		break;
	case LIFE_EV_DEMOTE:
		life_command_demote(s);
		break;
	case LIFE_EV_WANTED:
		life_hand_over(s);
		break;
	case LIFE_EV_STOP:
		life_stop_active(s);
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_ADOPT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_DRAINED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

/* DRAINING and RESIGNING: the end of the wait is not here. */
static void on_leaving(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_LOST:
		life_succeeded(s);
		break;
	case LIFE_EV_FAULT:
		life_enter_fault(s);
		break;
	case LIFE_EV_SYNC_UP:
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
		break;
	case LIFE_EV_STOP:
		s->l->stopping = true;
		break;
	case LIFE_EV_PROMOTE:
	case LIFE_EV_DEMOTE:
		life_reply(s, LIFE_ANSWER_FAILED, "it is being demoted right now");
		break;
	case LIFE_EV_PROMOTED:
		s->out.todo |= LIFE_DO_SAVE_TERM;
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_ADOPT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_ELECTED:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

static void on_draining(struct life_run *s)
{
	bool late = s->in->ev == LIFE_EV_TIMER && s->in->now_ms >= s->l->deadline_ms;

	if (s->in->ev == LIFE_EV_DRAINED || s->in->ev == LIFE_EV_SYNC_DOWN || late) {
		if (late || !s->in->ok)
			s->out.note = "replicas did not acknowledge the last changes in time";
		life_enter_resigning(s);
	} else {
		on_leaving(s);
	}
}

static void on_resigning(struct life_run *s)
{
	if (s->in->ev != LIFE_EV_TIMER || s->in->now_ms < s->l->deadline_ms) {
		on_leaving(s);
	} else if (s->l->stopping) {
		life_enter_stopped(s, s->l->reason);
	} else {
		s->l->state = LIFE_ACTIVE;
		s->l->held = false;
		s->out.todo |= LIFE_DO_ELECT_STAY;
		s->out.note = "nobody took over: stays ACTIVE";
		life_set_reason(s->l, "nobody took over");
		life_fail_pending(s, "no other controller took over: stays ACTIVE");
	}
}

static void on_lingering(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_TIMER:
		if (s->in->now_ms >= s->l->deadline_ms)
			life_left(s, s->l->reason);
		break;
	case LIFE_EV_ELECTED: /* its successor is gone already */
		if (!s->l->stopping)
			life_come_back(s);
		break;
	case LIFE_EV_FAULT:
		life_enter_fault(s);
		break;
	case LIFE_EV_STOP:
		s->l->stopping = true;
		life_set_reason(s->l, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
		life_reply(s, LIFE_ANSWER_FAILED, "it is being demoted right now");
		break;
	case LIFE_EV_DEMOTE:
		s->l->held = true;
		life_reply(s, LIFE_ANSWER_DONE, "STANDBY already; it will not preempt");
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_ADOPT:
	case LIFE_EV_RECOVERED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EVENTS:
		break;
	}
}

static void on_fault(struct life_run *s)
{
	switch (s->in->ev) {
	case LIFE_EV_FAULT:
		life_set_reason(s->l, s->in->why);
		if (s->l->faults & LIFE_FAULTS_LEAVE)
			life_election_off(s);
		break;
	case LIFE_EV_BUILT:
	case LIFE_EV_RECOVERED:
		if (!s->l->faults)
			life_enter_standby(s, "the fault is over");
		break;
	case LIFE_EV_STOP:
		life_enter_stopped(s, s->in->why);
		break;
	case LIFE_EV_PROMOTE:
		life_reply(s, LIFE_ANSWER_FAILED, "it is in FAULT");
		break;
	case LIFE_EV_DEMOTE:
		s->l->held = true;
		life_reply(s, LIFE_ANSWER_DONE, "in FAULT; it will not preempt afterwards");
		break;
	case LIFE_EV_ADOPT:
	case LIFE_EV_ELECTED:
	case LIFE_EV_LOST:
	case LIFE_EV_SYNC_UP:
	case LIFE_EV_SYNC_DOWN:
	case LIFE_EV_SYNC_PHASE:
	case LIFE_EV_PROMOTED:
	case LIFE_EV_DRAINED:
	case LIFE_EV_WANTED:
	case LIFE_EV_TIMER:
	case LIFE_EVENTS:
		break;
	}
}

/* ---- what holds in every state ----------------------------------------------------------------
 */

static void note_sync(struct life_run *s)
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

static void note_fault(struct life_run *s)
{
	if (s->in->ev == LIFE_EV_FAULT)
		s->l->faults |= s->in->fault;
	else if (s->in->ev == LIFE_EV_RECOVERED)
		s->l->faults &= ~s->in->fault;
	else if (s->in->ev == LIFE_EV_BUILT)
		s->l->faults &= ~(uint32_t)LIFE_FAULT_NET;
}

/* Who is ACTIVE is not gated: losing the role closes the gate in the same step. */
static void settle_gate(struct life_run *s)
{
	struct life *l = s->l;
	bool waits = life_waits_for_replica(l, s->in->now_ms);
	bool blind = life_is_blind(l, s->in->now_ms);
	bool gated = l->held || l->state == LIFE_LINGERING ||
		     (!life_wants_vips(l) && l->state != LIFE_PROMOTING && waits);

	if (gated == l->gated && blind == l->blind &&
	    !(s->out.todo & (LIFE_DO_ELECT_START | LIFE_DO_ELECT_ADOPT)))
		return;
	l->gated = gated;
	l->blind = blind;
	s->out.todo |= LIFE_DO_GATE;
}

static void settle_timer(struct life_run *s)
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
	case LIFE_LINGERING:
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

static void dispatch(struct life_run *s)
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
	case LIFE_LINGERING:
		on_lingering(s);
		break;
	case LIFE_FAULT:
		on_fault(s);
		break;
	case LIFE_STOPPED:
	case LIFE_STATES:
		if (s->in->ev == LIFE_EV_PROMOTE || s->in->ev == LIFE_EV_DEMOTE)
			life_reply(s, LIFE_ANSWER_FAILED, "the daemon or the router ends");
		break;
	}
}

struct life_out life_step(const struct life_cfg *cfg, struct life *l, const struct life_in *in)
{
	struct life_run s = {.cfg = cfg, .l = l, .in = in};
	bool of_election = in->ev == LIFE_EV_ELECTED || in->ev == LIFE_EV_LOST;

	note_sync(&s);
	note_fault(&s);
	if (!of_election || cfg->mode == LIFE_MODE_VRRP)
		dispatch(&s);
	settle_gate(&s);
	settle_timer(&s);
	return s.out;
}
