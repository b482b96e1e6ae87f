/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the lifecycle: lifecycle.c says what each event does in each state, lifecycle_enter.c
 * what entering a state means. */
#ifndef DAEMON_LIFECYCLE_IMPL_H
#define DAEMON_LIFECYCLE_IMPL_H

#include "vrouter/lifecycle.h"

/* One call of life_step(). */
struct life_run {
	const struct life_cfg *cfg;
	struct life *l;
	const struct life_in *in;
	struct life_out out;
};

/* Faults that the election has to leave for. With one of its own it has left by itself, and comes
 * back by itself; with one of another router the group sees to it (group.h). */
#define LIFE_FAULTS_LEAVE (LIFE_FAULT_NET | LIFE_FAULT_TRACK)

void life_set_reason(struct life *l, const char *why);
void life_reply(struct life_run *s, enum life_answer a, const char *text);
void life_fail_pending(struct life_run *s, const char *text);
void life_election_off(struct life_run *s);
void life_enter_active(struct life_run *s, const char *note);
void life_enter_promoting(struct life_run *s, const char *why);
void life_enter_adopted(struct life_run *s);
void life_enter_standby(struct life_run *s, const char *why);
void life_enter_stopped(struct life_run *s, const char *why);
void life_enter_fault(struct life_run *s);
void life_left(struct life_run *s, const char *why);
void life_enter_resigning(struct life_run *s);
void life_succeeded(struct life_run *s);
void life_come_back(struct life_run *s);
void life_stop_active(struct life_run *s);
void life_hand_over(struct life_run *s);
void life_command_promote(struct life_run *s);
void life_command_demote(struct life_run *s);

#endif
