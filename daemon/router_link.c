/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host link of a router: how its programs reach their servers while the VIPs are elsewhere. The
 * link itself is a part of the network (router_net.c); this is the controller's side of it, and
 * what is said when it does not work. That is an alarm and no fault: nothing that a router forwards
 * needs it. */
#include <errno.h>
#include <string.h>

#include "router_priv.h"
#include "vrouter/log.h"

void router_link_look(struct router *r)
{
	const char *why = net_link_why(r->ns);

	if (!why && r->conf.host_link.line)
		why = host_nat_why(r->env->host_nat);
	router_alarm(r, ROUTER_ALARM_LINK, why);
}

int router_link_set(struct router *r)
{
	struct net_desired d;
	struct host_link link;

	conf_net_desired(&d, &r->conf, false);
	host_link_of(&link, &d);
	return host_nat_set(r->env->host_nat, r->conf.namespace, &link);
}

/* Nothing of it is left with a daemon that has ended in order. */
void router_link_close(struct router *r)
{
	struct net_desired d;
	int err;

	if (!r->ns)
		return;
	conf_net_desired(&d, &r->conf, false);
	err = net_link_remove(r->ns, &d);
	if (err < 0)
		log_warn("router", r->conf.name, "cannot remove the host link: %s", strerror(-err));
	if (host_nat_set(r->env->host_nat, r->conf.namespace, NULL) < 0)
		log_warn("router", r->conf.name, "out of memory");
}
