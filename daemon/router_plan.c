/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another configuration would change in the network of a router that runs: the same reading
 * and the same plan as those of a reload, and nothing is applied. */
#include "router_priv.h"

#include <errno.h>

int router_plan(struct router *r, const struct conf_router *to, struct router_planned *out,
		char reason[static NET_REASON_MAX])
{
	auto_free struct net_actual *actual = malloc(sizeof(*actual));
	auto_free struct conf_router *with = malloc(sizeof(*with));
	struct net_desired now;
	int err;

	if (!actual || !with) {
		snprintf(reason, NET_REASON_MAX, "out of memory");
		return -ENOMEM;
	}
	router_desired(r, &now, life_keeps_vips(&r->life));
	*with = *to;
	router_vips_use(r, with);
	conf_net_desired(&out->desired, with, now.active);
	router_ovs_fill(r, &now);
	router_ovs_fill(r, &out->desired);
	err = net_read(r->ns, &now, actual, reason);
	if (!err) {
		net_plan(&out->drift, &now, actual);
		err = net_read(r->ns, &out->desired, actual, reason);
	}
	if (!err)
		net_plan(&out->plan, &out->desired, actual);
	out->now = now;
	return err;
}
