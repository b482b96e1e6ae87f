/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core says to its guard, one datagram each; both are the same binary. An ARM carries the
 * route socket and, where there is an election, that of it; a HOLD the listener and, if there is
 * one, replication's pair and pidfd. */
#ifndef DAEMON_GUARD_MSG_H
#define DAEMON_GUARD_MSG_H

#include <stddef.h>

#include "guard.h"

enum { GUARD_FD_ROUTE, GUARD_FD_VRRP, GUARD_ARM_FDS };
enum { GUARD_FD_LISTENER, GUARD_FD_SYNC, GUARD_FD_SYNC_PID, GUARD_HOLD_FDS };
#define GUARD_FDS GUARD_HOLD_FDS

enum guard_msg_type {
	GUARD_MSG_ARM = 1,
	GUARD_MSG_DISARM, /* orders.role.router */
	GUARD_MSG_HOLD,	  /* sync_id */
	GUARD_MSG_LEAVE,  /* for all that are armed, whatever their `crash` says */
};

struct guard_msg {
	enum guard_msg_type type;
	uint64_t sync_id;
	struct guard_orders orders;
	struct vrrp_standin standin; /* ARM with an election; else it is not sent */
};
#define GUARD_MSG_SHORT offsetof(struct guard_msg, standin)

#endif
