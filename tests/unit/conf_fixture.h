/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A config without errors, as plain data, for tests to spoil. */
#ifndef TESTS_CONF_FIXTURE_H
#define TESTS_CONF_FIXTURE_H

#include <string.h>

#include "vrouter/conf.h"

static inline struct ip_addr fixture_addr(const char *text)
{
	struct ip_addr a = {0};

	if (ip_addr_parse(&a, text) < 0)
		abort();
	return a;
}

static inline struct ip_prefix fixture_prefix(const char *text)
{
	struct ip_prefix p = {0};

	if (ip_prefix_parse(&p, text) < 0)
		abort();
	return p;
}

static inline void fixture_router(struct conf_router *r, unsigned n)
{
	char text[32];

	*r = (struct conf_router){.nat = NET_NAT_SNAT, .line = 10 * (int)n + 10};
	snprintf(r->name, sizeof(r->name), "r%u", n);
	snprintf(r->namespace, sizeof(r->namespace), "ns%u", n);
	r->leg[NET_MANAGEMENT] =
		(struct conf_leg){.bridge = "br-mgmt", .interface = "vr-mgmt", .line = r->line + 1};
	snprintf(text, sizeof(text), "10.20.0.%u/24", n + 1);
	r->leg[NET_MANAGEMENT].vip[0] = fixture_prefix(text);
	r->leg[NET_MANAGEMENT].n_vips = 1;
	r->leg[NET_PUBLIC] =
		(struct conf_leg){.bridge = "br-ex", .interface = "vr-ex", .line = r->line + 2};
	snprintf(text, sizeof(text), "198.18.0.%u/24", n + 1);
	r->leg[NET_PUBLIC].vip[0] = fixture_prefix(text);
	r->leg[NET_PUBLIC].n_vips = 1;
	r->gateway[0] = fixture_addr("198.18.0.254");
	r->n_gateways = 1;
	strcpy(r->election.interface, "br-mgmt");
	r->election.vrid = 51 + n;
	r->election.version = 3;
	r->election.priority = 100;
	r->election.advert_interval_ms = 100;
	r->election.preempt = true;
	r->election.accept = true;
	r->election.line = r->line + 3;
}

/* routers: room for n */
static inline struct conf fixture_conf(struct conf_router *routers, unsigned n)
{
	struct conf c = {.path = "test.conf", .router = routers, .n_routers = n};

	strcpy(c.controller.name, "controller-1");
	strcpy(c.controller.run_dir, "/run/x");
	strcpy(c.controller.control_socket, "/run/x/control.sock");
	c.sync = (struct conf_sync){.interface = {"br-mgmt"},
				    .n_interfaces = 1,
				    .group = fixture_addr("239.255.77.1"),
				    .port = 3781,
				    .sealed = true,
				    .key_file = "/etc/key",
				    .ring_kb = 2048,
				    .present = true,
				    .line = 5};
	for (unsigned i = 0; i < n; i++)
		fixture_router(&routers[i], i);
	return c;
}

#endif
