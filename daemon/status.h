/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of status and statistics that have a file of their own. New references. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <jansson.h>

#include "vrouter/conf.h"

json_t *status_nat_json(const struct conf_router *c);
/* Packets by reason; new flows by port forward. */
json_t *status_drops_json(const struct nat_counters *c);
json_t *status_forwards_json(const struct conf_router *c, const struct nat_counters *n);

#endif
