/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a process that does not answer wants to run and is not let (heartbeat.h). */
#ifndef DAEMON_PROC_LOOK_H
#define DAEMON_PROC_LOOK_H

#include <sys/types.h>

#include "heartbeat.h"

/* What the kernel says of it; nothing when it cannot be had. One small file of /proc. */
struct heartbeat_look proc_look(pid_t pid);

#endif
