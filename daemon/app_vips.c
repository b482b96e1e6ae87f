/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known here of all routers together, for those that choose their VIPs. */
#include <string.h>

#include "app.h"

const struct router *app_chosen_for(const struct app *a, const struct ip_addr *vip)
{
	for (unsigned i = 0; i < a->n_routers; i++)
		if (router_vips_has(a->router[i], vip))
			return a->router[i];
	return NULL;
}

static bool is_configured(const struct conf_router *c, const struct ip_addr *vip)
{
	for (unsigned i = 0; i < conf_legs(c); i++)
		if (!c->leg[i].automatic && ip_prefix_any_is(c->leg[i].vip, c->leg[i].n_vips, vip))
			return true;
	return false;
}

bool app_is_taken(void *ctx, const struct router *asks, const struct ip_addr *vip)
{
	const struct app *a = ctx;

	for (unsigned i = 0; i < a->n_routers; i++)
		if (a->router[i] != asks && router_vips_has(a->router[i], vip))
			return true;
	for (unsigned i = 0; i < a->conf->n_routers; i++)
		if (strcmp(a->conf->router[i].name, router_name(asks)) != 0 &&
		    is_configured(&a->conf->router[i], vip))
			return true;
	return false;
}

bool app_is_linked(void *ctx)
{
	const struct app *a = ctx;

	return a->sync && sync_child_is_up(a->sync) && a->n_links < a->conf->sync.n_interfaces;
}
