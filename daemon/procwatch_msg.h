/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the core and the helper that watches processes: one message each on their pair. */
#ifndef DAEMON_PROCWATCH_MSG_H
#define DAEMON_PROCWATCH_MSG_H

#include <stdbool.h>
#include <stdint.h>

#define PROC_WHAT_MAX 108 /* CONF_PATH_MAX */
#define PROC_WHY_MAX  160

struct proc_order {
	uint32_t id, interval_ms;
	bool watch; /* else: no longer */
	bool pid_file;
	char what[PROC_WHAT_MAX];
};

struct proc_news {
	uint32_t id;
	int32_t pid; /* 0: it does not run */
	char why[PROC_WHY_MAX];
};

#endif
