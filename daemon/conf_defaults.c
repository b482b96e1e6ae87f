/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "conf_option.h"

void conf_defaults(struct conf *c)
{
	strcpy(c->controller.run_dir, "/run/vrouterd");
	strcpy(c->controller.state_dir, "/var/lib/vrouterd");
	strcpy(c->controller.ovs_db, "/run/openvswitch/db.sock");
	c->controller.realtime = true;
	c->sync.port = 3781;
	c->sync.checksum = true;
	c->sync.refresh_s = 15;
	c->sync.sealed = true;
	c->sync.ring_kb = 2048;
}

void conf_router_defaults(struct conf_router *r)
{
	r->nat = NET_NAT_SNAT;
	r->election.mode = CONF_ELECTION_VRRP;
	r->election.version = 3;
	r->election.priority = 100;
	r->election.advert_interval_ms = 100;
	r->election.preempt = true;
	r->election.accept = true;
	r->election.veto = true;
	r->election.fast_interval_ms = 3;
	r->sync_hold_s = 30;
	r->drain_ms = 500;
	r->linger_ms = 1000;
	r->announce_refresh_s = 30;
	r->warm_neighbours = true;
	r->on_role_change_timeout_s = 10;
	r->fence_timeout_s = 10;
	r->adopt_timeout_s = 10;
	r->services.lease_s = 3600;
	strcpy(r->host_link.interface, "vr-host");
	r->host_link.default_route = true;
}

void conf_router_copy(struct conf_router *to, const struct conf_router *from)
{
	size_t piece = 64;

	for (size_t at = 0; at < sizeof(*to); at += piece) {
		if (piece > sizeof(*to) - at)
			piece = sizeof(*to) - at;
		if (memcmp((const char *)to + at, (const char *)from + at, piece) != 0)
			memcpy((char *)to + at, (const char *)from + at, piece);
	}
}
