/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the files that make a plan. Pure. */
#ifndef NETNS_PLAN_H
#define NETNS_PLAN_H

#include "vrouter/netns.h"

struct net_op *plan_add(struct net_plan *p, enum net_op_kind kind, unsigned leg);

/* Routes but for those through the gateways, and rules: what is missing, and what has no business
 * there. fresh: the leg is a new one, nothing of its old routes is left. */
void plan_paths_add(struct net_plan *p, const struct net_desired *d, const struct net_actual *a,
		    const bool fresh[static NET_SLOTS]);
void plan_paths_del(struct net_plan *p, const struct net_desired *d, const struct net_actual *a);

#endif
