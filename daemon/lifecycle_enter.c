/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entering states, and the commands. The only writers of life.state are here, but for the way back
 * from RESIGNING. */
#include "lifecycle_impl.h"

#include "vrouter/util.h"

static bool sync_runs(const struct life *l)
{
	return l->sync != LIFE_SYNC_NONE && l->sync != LIFE_SYNC_DOWN;
}

void life_set_reason(struct life *l, const char *why)
{
	if (why && why != l->reason)
		snprintf(l->reason, sizeof(l->reason), "%s", why);
}

void life_reply(struct life_run *s, enum life_answer a, const char *text)
{
	s->out.answer = a;
	s->out.answer_text = text;
}

/* ---- entering states --------------------------------------------------------------------------
 */

/* The commands that waited for something else than what happened. */
void life_fail_pending(struct life_run *s, const char *text)
{
	if (s->l->promoting_by_hand || s->l->demoting_by_hand)
		life_reply(s, LIFE_ANSWER_FAILED, text);
	s->l->promoting_by_hand = s->l->demoting_by_hand = false;
}

static void election_on(struct life_run *s)
{
	if (s->cfg->mode != LIFE_MODE_VRRP || s->l->electing)
		return;
	s->l->electing = true;
	s->out.todo |= LIFE_DO_ELECT_START;
}

void life_election_off(struct life_run *s)
{
	if (!s->l->electing)
		return;
	s->l->electing = false;
	s->out.todo |= LIFE_DO_ELECT_STOP;
}

/* VIPs, if any, and the stream, if any, end here; in this order. */
static void drop_role(struct life_run *s)
{
	s->l->adopted = s->l->unsure = false;
	if (life_keeps_vips(s->l))
		s->out.todo |= LIFE_DO_VIPS_OFF;
	if ((life_keeps_vips(s->l) || s->l->state == LIFE_PROMOTING) && sync_runs(s->l))
		s->out.todo |= LIFE_DO_SYNC_DEMOTE;
}

void life_enter_active(struct life_run *s, const char *note)
{
	s->l->state = LIFE_ACTIVE;
	s->l->held = false;
	s->out.todo |= LIFE_DO_VIPS_ON | LIFE_DO_SAVE_TERM;
	s->out.note = note;
	if (s->l->promoting_by_hand)
		life_reply(s, LIFE_ANSWER_DONE, "ACTIVE");
	s->l->promoting_by_hand = false;
}

void life_enter_promoting(struct life_run *s, const char *why)
{
	life_set_reason(s->l, why);
	if (!sync_runs(s->l)) {
		bool missing = s->l->sync == LIFE_SYNC_DOWN && s->cfg->mode != LIFE_MODE_SINGLE;

		life_enter_active(
			s, missing ? "promoted while replication was down: flows may be missing"
				   : NULL);
		return;
	}
	s->l->state = LIFE_PROMOTING;
	s->l->deadline_ms = s->in->now_ms + s->cfg->promote_wait_ms;
	s->out.todo |= LIFE_DO_SYNC_PROMOTE;
}

/* VIPs, flows and, with replication's process, the stream are there as a core that died left them.
 */
void life_enter_adopted(struct life_run *s)
{
	struct life *l = s->l;

	l->state = LIFE_ACTIVE;
	l->held = false;
	l->adopted = true;
	l->had_table = l->had_table || s->in->followed;
	l->hold_until_ms = s->in->now_ms + s->cfg->hold_ms;
	l->term = s->in->term > l->term ? s->in->term : l->term;
	life_set_reason(l, s->in->why);
	s->out.todo |= LIFE_DO_SAVE_TERM;
	if (s->cfg->mode == LIFE_MODE_VRRP) {
		l->electing = true;
		s->out.todo |= LIFE_DO_ELECT_ADOPT;
	}
}

void life_enter_standby(struct life_run *s, const char *why)
{
	drop_role(s);
	s->l->state = LIFE_STANDBY;
	life_set_reason(s->l, why);
	if (s->l->sync != LIFE_SYNC_READY)
		s->l->hold_until_ms = s->in->now_ms + s->cfg->hold_ms;
	election_on(s);
	if (s->cfg->mode == LIFE_MODE_SINGLE)
		life_enter_promoting(s, "the only controller");
}

void life_enter_stopped(struct life_run *s, const char *why)
{
	drop_role(s);
	life_fail_pending(s, "the daemon or the router ends");
	s->l->state = LIFE_STOPPED;
	life_set_reason(s->l, why);
	life_election_off(s);
	s->out.todo |= LIFE_DO_ENDED;
}

void life_enter_fault(struct life_run *s)
{
	life_set_reason(s->l, s->in->why);
	if (s->l->stopping) {
		life_enter_stopped(s, s->in->why);
		return;
	}
	drop_role(s);
	life_fail_pending(s, "a fault came in between");
	s->l->state = LIFE_FAULT;
	if (s->l->faults & LIFE_FAULTS_LEAVE)
		life_election_off(s);
}

/* Somebody else is ACTIVE. Who was asked for the role may have it again; the rest may not preempt.
 */
static void role_is_gone(struct life_run *s)
{
	if (s->l->state != LIFE_LINGERING)
		s->l->held = s->l->demoting_by_hand || s->l->stopping;
	if (s->l->demoting_by_hand)
		life_reply(s, LIFE_ANSWER_DONE, "STANDBY");
	s->l->demoting_by_hand = false;
}

/* The way out ends: STANDBY, or the end. */
void life_left(struct life_run *s, const char *why)
{
	if (s->l->stopping) {
		life_enter_stopped(s, why);
		return;
	}
	role_is_gone(s);
	life_enter_standby(s, why);
}

/* Who has drained forwards for a moment still; who has not, was replaced. */
void life_succeeded(struct life_run *s)
{
	if (s->l->state != LIFE_RESIGNING || !s->cfg->trail_ms) {
		life_left(s, s->l->reason);
		return;
	}
	role_is_gone(s);
	s->l->state = LIFE_LINGERING;
	s->l->deadline_ms = s->in->now_ms + s->cfg->trail_ms;
	s->out.todo |= LIFE_DO_LINGER;
}

/* From LINGERING: all flows are here. Its successor may have opened a stream that ranks above ours.
 */
void life_come_back(struct life_run *s)
{
	life_set_reason(s->l, s->in->why);
	if (sync_runs(s->l))
		s->out.todo |= LIFE_DO_SYNC_PROMOTE;
	life_enter_active(s, NULL);
}

void life_enter_resigning(struct life_run *s)
{
	if (s->cfg->mode != LIFE_MODE_VRRP) {
		life_left(s, s->l->reason);
		return;
	}
	s->l->state = LIFE_RESIGNING;
	s->l->deadline_ms = s->in->now_ms + s->cfg->linger_ms;
	s->out.todo |= LIFE_DO_ELECT_RESIGN;
}

/* A planned leave of an ACTIVE. */
static void enter_draining(struct life_run *s, const char *why)
{
	life_set_reason(s->l, why);
	s->l->held = true; /* so that preemption does not bring it back */
	if (!sync_runs(s->l)) {
		life_enter_resigning(s);
		return;
	}
	s->l->state = LIFE_DRAINING;
	/* replication keeps the time; this is for when it does not answer */
	s->l->deadline_ms = s->in->now_ms + s->cfg->drain_ms + s->cfg->promote_wait_ms;
	s->out.todo |= LIFE_DO_SYNC_DRAIN;
}

void life_stop_active(struct life_run *s)
{
	s->l->stopping = true;
	if (s->cfg->mode == LIFE_MODE_VRRP && s->in->have_peer)
		enter_draining(s, s->in->why);
	else
		life_enter_stopped(s, s->in->why);
}

/* Who asks bids more and has all flows. It is told nothing: it hears the resignation, or takes over
 * as VRRP has it when it has waited long enough. */
void life_hand_over(struct life_run *s)
{
	if (s->cfg->mode == LIFE_MODE_VRRP)
		enter_draining(s, s->in->why);
}

/* ---- commands ---------------------------------------------------------------------------------
 */

void life_command_promote(struct life_run *s)
{
	struct life *l = s->l;

	if (l->promoting_by_hand || l->demoting_by_hand) {
		life_reply(s, LIFE_ANSWER_FAILED, "another promotion or demotion is under way");
		return;
	}
	if (l->sync == LIFE_SYNC_SYNCING && !s->in->force) {
		life_reply(s, LIFE_ANSWER_FAILED,
			   "its table of flows is not complete yet; wait, or force it");
		return;
	}
	l->promoting_by_hand = true;
	l->held = false;
	if (s->cfg->mode == LIFE_MODE_VRRP) {
		life_set_reason(l, "promoted by hand");
		l->deadline_ms = s->in->now_ms + s->cfg->command_ms;
		s->out.todo |= LIFE_DO_ELECT_BOOST;
	} else {
		life_enter_promoting(s, "promoted by hand");
	}
}

void life_command_demote(struct life_run *s)
{
	if (s->cfg->mode == LIFE_MODE_SINGLE) {
		life_reply(s, LIFE_ANSWER_FAILED,
			   "election mode is \"single\": nobody could take over");
		return;
	}
	if (s->cfg->mode == LIFE_MODE_VRRP && !s->in->have_peer && !s->in->force) {
		life_reply(s, LIFE_ANSWER_FAILED, "no other controller takes over");
		return;
	}
	s->l->demoting_by_hand = true;
	enter_draining(s, "demoted by hand");
}
