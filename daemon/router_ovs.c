/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legs that are ports of Open vSwitch. Making one takes a program and some time, so it is asked
 * for, and the network is looked at again when the answer is there; meanwhile the missing port is a
 * fault like a missing bridge. */
#include "router_priv.h"

#include <string.h>

#include "vrouter/log.h"

static bool is_port(const struct conf_router *c, unsigned leg)
{
	return leg < conf_legs(c) && c->leg[leg].attach == NET_ATTACH_OVS;
}

static struct ovs_port port_of(const struct conf_router *c, unsigned leg)
{
	struct ovs_port p = {.vlan = c->leg[leg].vlan};

	snprintf(p.name, sizeof(p.name), "%s", c->leg[leg].interface);
	snprintf(p.bridge, sizeof(p.bridge), "%s", c->leg[leg].bridge);
	snprintf(p.namespace, sizeof(p.namespace), "%s", c->namespace);
	return p;
}

void router_ovs_fill(const struct router *r, struct net_desired *d)
{
	for (unsigned i = 0; i < net_legs(d); i++)
		d->leg[i].port_ifindex = r->ovs.ifindex[i];
}

const char *router_ovs_why(const struct router *r, unsigned ports)
{
	for (unsigned i = 0; i < NET_LEGS_MAX; i++)
		if ((ports & 1u << i) && r->ovs.why[i][0])
			return r->ovs.why[i];
	return NULL;
}

static void on_answer(void *ctx, unsigned leg, unsigned ifindex, const char *why)
{
	struct router *r = ctx;

	if (*why && strcmp(why, r->ovs.why[leg]) != 0)
		log_warn("router", r->conf.name, "%s", why);
	r->ovs.ifindex[leg] = ifindex;
	snprintf(r->ovs.why[leg], sizeof(r->ovs.why[leg]), "%s", why);
	/* what is missing still is asked for again by and by */
	r->ovs.patient = true;
	router_net_look(r);
	r->ovs.patient = false;
}

static void want(struct router *r, unsigned ports, bool lost)
{
	for (unsigned i = 0; i < NET_LEGS_MAX; i++) {
		struct ovs_port p;

		if (!(ports & 1u << i) || !is_port(&r->conf, i))
			continue;
		p = port_of(&r->conf, i);
		ovs_want(r->env->ovs, &p, lost, on_answer, r, i);
	}
}

void router_ovs_missing(struct router *r, unsigned ports)
{
	if (!r->ovs.patient)
		want(r, ports, true);
}

void router_ovs_check(struct router *r)
{
	want(r, UINT32_MAX, false);
}

static void give_back(struct ovs *ovs, const struct conf_router *c, unsigned leg)
{
	const struct ovs_port p = port_of(c, leg);

	ovs_give_back(ovs, &p);
}

void router_ovs_reconfigure(struct router *r, const struct conf_router *was)
{
	for (unsigned i = 0; i < conf_legs(was); i++)
		if (is_port(was, i) && !is_port(&r->conf, i))
			give_back(r->env->ovs, was, i);
}

void router_ovs_return(struct ovs *ovs, const struct conf_router *c)
{
	for (unsigned i = 0; i < conf_legs(c); i++)
		if (is_port(c, i))
			give_back(ovs, c, i);
}

void router_ovs_close(struct router *r)
{
	ovs_forget(r->env->ovs, r);
}
