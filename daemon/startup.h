/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be so before the daemon changes anything; each is found out without changing anything,
 * and what is not so is logged with what to do about it. */
#ifndef DAEMON_STARTUP_H
#define DAEMON_STARTUP_H

#include "vrouter/conf.h"

#define STARTUP_WHY_MAX 1024

/* The capabilities that the core cannot do without. 0 or -EPERM; why names those that are missing.
 */
must_check int startup_check_caps(char why[static STARTUP_WHY_MAX]);
/* Interfaces that replication and elections speak on, and whether prefixes of host links are free.
 * 0 or -errno. */
must_check int startup_check_links(const struct conf *c, char why[static STARTUP_WHY_MAX]);
/* What legs are attached to. That is asked before a running state is changed; at the start what is
 * missing is a fault of its router, which may come later. 0 or -ENODEV. */
must_check int startup_check_legs(const struct conf *c, char why[static STARTUP_WHY_MAX]);
/* The programs that the config names may be run. 0 or -errno. */
must_check int startup_check_programs(const struct conf *c, char why[static STARTUP_WHY_MAX]);
/* The operator's files of nftables rules (nft-file) are fine; their hashes go into the config. 0 or
 * -errno; -EPERM: as far as they can be looked at without privileges. */
must_check int startup_check_rules(struct conf *c, char why[static STARTUP_WHY_MAX]);
/* The programs of what routers serve are installed. 0 or -errno. A daemon that starts does without:
 * they are looked for again all the time. */
must_check int startup_check_services(const struct conf *c, char why[static STARTUP_WHY_MAX]);
/* The kernel speaks conntrack netlink. 0 or -errno. */
must_check int startup_check_conntrack(char why[static STARTUP_WHY_MAX]);

/* state-dir, where a router needs it; it is made. 0 or -errno. */
must_check int startup_check_state(const struct conf *c, char why[static STARTUP_WHY_MAX]);

/* One daemon per run-dir: creates it and locks the pid file in it. The descriptor is the lock; 0 or
 * -errno, -EBUSY when another daemon has it. */
must_check int startup_lock(int *fd, const char *run_dir, char why[static STARTUP_WHY_MAX]);
/* Says in the locked file who we are (after the last fork). */
void startup_write_pid(int fd);

/* Real-time priority and locked memory, so that a loaded machine does not delay an election; only a
 * warning where it is refused. */
void startup_realtime(void);

#endif
