/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches processes by name or pid file. To find one takes files (/proc, the pid file), and those
 * the core's loop does not touch: a slow disk or thousands of processes would delay the election.
 * So a helper looks for them, holds a pidfd of each that it has found, and so hears at once when
 * one ends. It has no capabilities, and what it reads it only compares.
 *
 * (The kernel's process connector, which needs no looking, speaks in the first network namespace
 * only, and tells everything about every process.) */
#ifndef DAEMON_PROCWATCH_H
#define DAEMON_PROCWATCH_H

#include <stdint.h>

#include "spawn.h"

struct event_base;
struct procwatch;
struct procwatch_item;

/* Starts no helper before there is something to watch. base is borrowed. 0 or -errno. */
must_check int procwatch_new(struct procwatch **out, struct event_base *base,
			     const struct spawn_opts *opts);
void procwatch_free(struct procwatch *w);	/* its items are gone before; NULL is allowed */
pid_t procwatch_pid(const struct procwatch *w); /* 0: none just now */
unsigned procwatch_restarts(const struct procwatch *w);

/* pid 0: it does not run, and why. Called once the helper has looked for the first time, and then
 * with each change. */
typedef void procwatch_fn(void *ctx, pid_t pid, const char *why);

/* what: a process's name (as in /proc/PID/comm), or the path of a file that begins with a pid.
 * While it does not run it is looked for each interval. 0 or -errno. */
must_check int procwatch_add(struct procwatch_item **out, struct procwatch *w, bool pid_file,
			     const char *what, uint32_t interval_ms, procwatch_fn *fn, void *ctx);
void procwatch_del(struct procwatch_item *i); /* NULL is allowed */

/* main() of the helper: "vrouterd --procwatch". An exit status. */
int procwatch_main(void);

#endif
