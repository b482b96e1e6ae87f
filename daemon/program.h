/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a program of the operator's beside the event loop: one at a time, with a time limit, an
 * environment of its own and nothing else of the daemon's (descriptors, priority, signal mask).
 * What it prints goes to the log, at most PROGRAM_LINES lines a run. Nothing here blocks. */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "vrouter/util.h"

#define PROGRAM_ARGS  32
#define PROGRAM_LINES 64

struct event_base;
struct program;

enum program_end { PROGRAM_DONE, PROGRAM_FAILED, PROGRAM_TIMEOUT };

/* Called from the event loop, once for each program_start() that returned 0. text says how it
 * ended; valid during the call. The next one may be started from here. */
typedef void program_ended(void *ctx, enum program_end end, const char *text);

/* instance (for the log) and ctx are borrowed. 0 or -errno. */
must_check int program_new(struct program **out, struct event_base *base, const char *instance,
			   program_ended *fn, void *ctx);
/* One that runs is killed, and its end not reported. NULL is allowed. */
void program_free(struct program *p);
/* env: NAME=VALUE, ended by NULL; it is the whole environment, and copied. 0, -EBUSY when one runs,
 * or -errno. A path that cannot be run makes PROGRAM_FAILED. */
must_check int program_start(struct program *p, const char *path, char *const env[],
			     uint32_t limit_ms);
struct program_job {
	const char *path;
	char *const *args; /* ended by NULL, without the path, at most PROGRAM_ARGS; NULL: none */
	char *const *env;
	uint32_t limit_ms;
	bool mute; /* what it prints goes nowhere */
	/* Not to the log, but here, with the ctx of program_new(), line by line; NULL: to the log
	 */
	void (*on_line)(void *ctx, const char *line);
	int netns; /* descriptor of the network namespace that it runs in; 0: the core's */
};
/* The same, with all that there is to say. */
must_check int program_run(struct program *p, const struct program_job *job);
bool program_runs(const struct program *p);

/* May it be run: a regular, executable file that not everybody may write to. 0 or -errno; *why is
 * static. */
must_check int program_check(const char *path, const char **why);

#endif
