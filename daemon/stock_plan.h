/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of conntrackd's commands are due, one after another. Pure.
 *
 * Promotion: the flows of the other controller go into the kernel (-c), and VIPs may come when that
 * is done; then the caches, which are about the time before, are emptied (-f), ours is filled
 * from the kernel (-R) and sent to the other one (-B). Demotion: what is in our kernel ends soon
 * (-t), for the other one's flows are what counts; and it is asked for them (-n). */
#ifndef DAEMON_STOCK_PLAN_H
#define DAEMON_STOCK_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum stock_command {
	STOCK_NONE,
	STOCK_COMMIT,
	STOCK_FLUSH,
	STOCK_RESYNC,
	STOCK_BULK,
	STOCK_TIMERS,
	STOCK_REQUEST,
	STOCK_STATUS, /* only asked whether it lives; never planned */
	STOCK_COMMANDS
};
const char *stock_command_name(enum stock_command c);	/* "commit" */
const char *stock_command_option(enum stock_command c); /* "-c" */

struct stock_plan { /* all zero: nothing is due */
	enum stock_command due[4];
	unsigned n;
};

/* Each replaces what was due before. */
void stock_plan_promote(struct stock_plan *p);
void stock_plan_demote(struct stock_plan *p);
/* It is up, and knows nothing: of an ACTIVE router, or another one. */
void stock_plan_up(struct stock_plan *p, bool active);
/* It is down. */
void stock_plan_clear(struct stock_plan *p);
bool stock_plan_has(const struct stock_plan *p, enum stock_command c);
/* Takes out the next one. */
enum stock_command stock_plan_next(struct stock_plan *p);

/* Does conntrackd say in this line of its output that a commit has left out flows or expectations?
 * Its command does not say so. */
bool stock_left_out(const char *line, unsigned *n);

#endif
