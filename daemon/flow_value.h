/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the options of `vrouterctl flows`. Each function returns NULL, or what is wrong; what
 * it writes is undefined then. */
#ifndef DAEMON_FLOW_VALUE_H
#define DAEMON_FLOW_VALUE_H

#include "vrouter/flow_query.h"

/* "0x1f", "017" or "31", as conntrack(8) reads them */
const char *flow_value_number(const char *arg, uint32_t max, int32_t *out);
const char *flow_value_net(const char *arg, struct flow_query_net *out);
const char *flow_value_nat(const char *arg, struct flow_query_nat *out);
const char *flow_value_mark(const char *arg, struct flow_query *q);
const char *flow_value_state(const char *arg, struct flow_query *q);
const char *flow_value_status(const char *arg, struct flow_query *q);
const char *flow_value_family(const char *arg, uint8_t *out);
const char *flow_value_output(const char *arg, unsigned *out);
const char *flow_value_events(const char *arg, unsigned *out);

#endif
