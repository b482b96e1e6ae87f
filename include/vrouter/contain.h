/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How little a helper process can do once it runs, should somebody take it over through what it
 * parses: one capability, another user, no new privileges, no file, no program, no memory that is
 * written and executed. To be called in this order, before the first byte from a network is read.
 */
#ifndef VROUTER_CONTAIN_H
#define VROUTER_CONTAIN_H

#include <stdbool.h>

#include "vrouter/util.h"

/* So that a replica answers as fast on a machine that swaps; a warning where it is refused. */
void contain_lock_memory(void);
/* SCHED_RR; that of the core is 2. Without it a replica that lags is mostly waiting for a CPU.
 * A warning where it is refused. */
void contain_schedule(int priority);
/* For a call into the kernel that takes long and that nothing interrupts: with a real-time priority
 * the process stays on its CPU until contain_unpin(). The scheduler wakes a process of higher
 * priority on another CPU than the one it slept on if what runs there may run nowhere else
 * (select_task_rq_rt(), kernel/sched/rt.c), and lets it wait for the end of the call if not.
 * Nothing is done where one CPU is all there is. Not nested. */
void contain_pin(void);
void contain_unpin(void);
/* An empty directory as root: there is no path to any file, even where the kernel has no filter for
 * calls. 0; -ENOTSUP: not in this build; -errno. Needs CAP_SYS_CHROOT. */
must_check int contain_root(void);
/* CAP_NET_ADMIN and the user nobody. 0 or -errno. */
must_check int contain_drop_privileges(void);
/* From here on a system call that is not on the list ends the process. 0; -ENOTSUP: not in this
 * build; -errno: the kernel has no such filters. Needs no_new_privs, which dropping sets. */
must_check int contain_system_calls(bool to_syslog);

#endif
