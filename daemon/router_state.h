/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of a router: over restarts, in files of run-dir, in ROUTER.state its highest term,
 * so that terms only grow, and in ROUTER.off that it was stopped or removed by hand; over reboots
 * as well, in STATE-DIR/ROUTER.vips, the VIPs that were chosen for it. */
#ifndef DAEMON_ROUTER_STATE_H
#define DAEMON_ROUTER_STATE_H

#include <stdint.h>

#include "vrouter/reserve.h"

/* 0 when there is no file or it holds none. */
uint32_t router_state_read(const char *run_dir, const char *router);
/* Replaces the file. 0 or -errno. */
must_check int router_state_write(const char *run_dir, const char *router, uint32_t term);

/* false: there is no such file, or it holds none. */
must_check bool router_vips_read(const char *state_dir, const char *router,
				 struct reserve_set *out);
/* Replaces the file. 0 or -errno. */
must_check int router_vips_write(const char *state_dir, const char *router,
				 const struct reserve_set *set);

/* By an operator's word. */
enum router_off { ROUTER_ON, ROUTER_STOPPED, ROUTER_REMOVED };
/* ROUTER_ON when there is no file, or one that says nothing. *since_ms: wall clock. */
enum router_off router_off_read(const char *run_dir, const char *router, uint64_t *since_ms);
/* ROUTER_ON: no file. 0 or -errno. */
must_check int router_off_write(const char *run_dir, const char *router, enum router_off off,
				uint64_t since_ms);
/* Nothing is kept of it any more. */
void router_state_forget(const char *run_dir, const char *state_dir, const char *router);

#endif
