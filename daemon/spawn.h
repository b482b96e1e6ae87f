/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helper processes: the daemon's own binary in another role, with a message pair to the core. */
#ifndef DAEMON_SPAWN_H
#define DAEMON_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "vrouter/util.h"

#define SPAWN_FD 3 /* the pair's end in the helper */

struct spawn_opts {
	bool to_syslog, debug, realtime;
	bool alone; /* in a PID namespace of its own: with it ends all that it has started */
};

/* Starts "vrouterd ROLE" with nothing open but standard streams and SPAWN_FD. The pid, and the
 * core's end of the pair (SOCK_SEQPACKET, non-blocking) in *fd; or -errno. */
must_check pid_t spawn_helper(const char *role, const struct spawn_opts *opts, int *fd);

/* As many open files as there may be (a router has about ten); helpers inherit that. */
void spawn_many_files(void);
/* For a program of others that is about to be executed: the usual bound, which who uses select()
 * relies on, and huge pages if the machine has them. Async-signal-safe. */
void spawn_as_usual(void);

#endif
