/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router's options mean for its election. Pure. */
#include <arpa/inet.h>

#include "vrouter/conf.h"

#define LINK_LOCAL_V4 0xa9fe0000u

static bool has_vip(const struct conf_leg *leg, int family)
{
	return ip_prefix_of_family(leg->vip, leg->n_vips, family) != NULL;
}

bool conf_mac_is_ipv6(const struct conf_router *r)
{
	if (r->election.mode == CONF_ELECTION_VRRP)
		return r->election.ipv6;
	for (unsigned i = 0; i < conf_legs(r); i++)
		if (has_vip(&r->leg[i], AF_INET))
			return false;
	return true;
}

static void add(struct vrrp_io_cfg *out, const struct conf_router *r, bool link_local)
{
	for (unsigned i = 0; i < conf_legs(r); i++)
		for (unsigned k = 0; k < r->leg[i].n_vips; k++) {
			const struct ip_addr *a = &r->leg[i].vip[k].addr;

			if (a->family == out->family && ip_addr_is_link_local(a) == link_local)
				out->addrs[out->n_addrs++] = *a;
		}
}

/* The first leg that has IPv6 has a link-local address anyway, see net_own_link_local(). */
static void add_own_link_local(struct vrrp_io_cfg *out, const struct conf_router *r)
{
	struct ip_prefix own;
	unsigned leg = 0;

	while (leg + 1 < conf_legs(r) && !has_vip(&r->leg[leg], AF_INET6))
		leg++;
	net_own_link_local(&own, r->name, leg);
	out->addrs[out->n_addrs++] = own.addr;
}

/* Of 169.254.0.0/16; the first and last 256 of it are reserved (RFC 3927 2.1). */
static void add_of_group(struct vrrp_io_cfg *out, const struct conf_router *r)
{
	uint32_t id = id_of(r->election.group), host = (id >> 16 ^ id) & 0xffff;
	struct ip_prefix own = {.addr = ip_addr_v4(htonl(LINK_LOCAL_V4 + 0x100 + host % 0xfe00))};

	if (r->election.ipv6)
		net_own_link_local(&own, r->election.group, NET_MANAGEMENT);
	out->addrs[out->n_addrs++] = own.addr;
}

void conf_vrrp(struct vrrp_io_cfg *out, const struct conf_router *r)
{
	const uint64_t us_per_s = 1000000;

	*out = (struct vrrp_io_cfg){
		.router = r->election.group[0] ? r->election.group : r->name,
		.interface = r->election.interface,
		.family = r->election.ipv6 ? AF_INET6 : AF_INET,
		.peers = r->election.peers,
		.vrid = (uint8_t)r->election.vrid,
		.fsm = {.prio = (uint8_t)r->election.priority,
			.adv_cs = (uint16_t)(r->election.advert_interval_ms / 10),
			.fast = r->election.fast_detect != 0,
			.preempt = r->election.preempt,
			.version = (uint8_t)r->election.version,
			.preempt_delay_us = r->election.preempt_delay_s * us_per_s},
		.auth = r->election.auth,
		.plain_sum = r->election.plain_sum,
	};
	if (r->election.group[0]) {
		add_of_group(out, r);
		return;
	}
	add(out, r, true);
	if (r->election.ipv6 && !out->n_addrs)
		add_own_link_local(out, r);
	add(out, r, false);
}
