/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core says to the guard, one datagram each; both are the same binary. An ARM carries the
 * route socket and, where there is a resignation, the election's. */
#ifndef DAEMON_GUARD_MSG_H
#define DAEMON_GUARD_MSG_H

#include "guard.h"

enum { GUARD_FD_ROUTE, GUARD_FD_VRRP, GUARD_FDS };

struct guard_msg {
	bool arm; /* false: disarm orders.router */
	struct guard_orders orders;
};

#endif
