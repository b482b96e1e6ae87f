/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the guard's process: guard_main.c takes orders, guard_standin.c stands in for a core
 * that died, guard_group.c keeps those together that share an election, guard_look.c sees whether
 * there is still something to stand in for, guard_leave.c ends it. */
#ifndef DAEMON_GUARD_STATE_H
#define DAEMON_GUARD_STATE_H

#include "guard_care.h"
#include "guard_msg.h"

enum guard_fate { GUARD_STAYS, GUARD_RESIGNS, GUARD_YIELDS };

struct guard_armed {
	struct guard_orders *orders;  /* owned; with room for the items that there are */
	int fd[GUARD_ARM_FDS];	      /* -1: none */
	struct vrrp_standin *standin; /* owned; NULL: no election of its own */
	enum guard_fate fate;
	char why[96]; /* the fate */
	bool led;     /* there is one that has its group's election */
	struct care care;
};

struct guard_state {
	struct guard_armed *armed;
	unsigned n, cap;
	int hold[GUARD_HOLD_FDS]; /* -1: none */
	uint64_t sync_id;
	uid_t core;  /* whose the core was */
	bool leaves; /* all of them, when the core ends */
	bool sealed; /* a fate that those of the same group have yet to share */
};

void guard_close(int *fd, unsigned n);
/* Takes it out of the list; the last one takes its place. */
void guard_forget(struct guard_state *s, unsigned i);

/* guard_group.c. Has it no election of its own, but that of its group? */
bool guard_follows(const struct guard_armed *a);
/* Whom it follows, or itself; NULL: that one is gone. */
const struct guard_armed *guard_leader(const struct guard_state *s, const struct guard_armed *a);
/* Those of a group stay, or leave, together. */
void guard_share_fates(struct guard_state *s);
void guard_seal_fate(struct guard_state *s, struct guard_armed *a, enum guard_fate fate,
		     const char *why);

/* guard_leave.c: those with a fate meet it, and are forgotten. */
void guard_leave(struct guard_state *s);

/* guard_look.c. NULL: VIPs, legs and the election's interface are there; else what is not. */
const char *guard_look(const struct guard_armed *a);

/* guard_standin.c: until none is left. */
void guard_stand_in(struct guard_state *s);

#endif
