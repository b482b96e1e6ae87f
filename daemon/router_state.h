/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file RUN-DIR/ROUTER.state keeps a router's highest term over restarts, so that terms only
 * grow. */
#ifndef DAEMON_ROUTER_STATE_H
#define DAEMON_ROUTER_STATE_H

#include <stdint.h>

#include "vrouter/util.h"

/* 0 when there is no file or it holds none. */
uint32_t router_state_read(const char *run_dir, const char *router);
/* Replaces the file. 0 or -errno. */
must_check int router_state_write(const char *run_dir, const char *router, uint32_t term);

#endif
