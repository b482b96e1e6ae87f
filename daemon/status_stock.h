/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of status.c: a router's conntrackd. JSON's null where our own process replicates. */
#ifndef DAEMON_STATUS_STOCK_H
#define DAEMON_STATUS_STOCK_H

#include <jansson.h>

#include "router.h"

json_t *stock_status_json(const struct router_view *v);
json_t *stock_stats_json(const struct router_view *v);

#endif
