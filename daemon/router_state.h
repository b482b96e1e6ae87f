/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file RUN-DIR/ROUTER.state keeps a router's highest term over restarts, so that terms only
 * grow. STATE-DIR/ROUTER.vips keeps the VIPs that were chosen for it, over reboots as well. */
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
void router_vips_remove(const char *state_dir, const char *router);

#endif
