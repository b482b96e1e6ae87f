/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of an interface's addresses the election speaks with, and whom it speaks to. Pure. */
#include "vrouter/vrrp.h"

/* RFC 9568 5.1.1.2, 5.1.2.2 */
struct ip_addr vrrp_group(int family)
{
	static const struct ip_addr v4 = {.family = AF_INET, .b = {224, 0, 0, 18}};
	static const struct ip_addr v6 = {.family = AF_INET6, .b = {0xff, 0x02, [15] = 0x12}};

	return family == AF_INET ? v4 : v6;
}

static bool is_listed(const struct vrrp_peers *peers, const struct ip_addr *a)
{
	for (unsigned i = 0; i < peers->n; i++)
		if (ip_addr_equal(&peers->addr[i], a))
			return true;
	return false;
}

static bool is_own(const struct vrrp_if_addrs *own, const struct ip_addr *a)
{
	for (unsigned i = 0; i < own->n; i++)
		if (ip_addr_equal(&own->a[i].addr, a))
			return true;
	return false;
}

static bool wants_link_local(int family, const struct vrrp_peers *peers)
{
	return family == AF_INET6 && (!peers->n || ip_addr_is_link_local(&peers->addr[0]));
}

static const char *missing(int family, bool link_local)
{
	if (link_local)
		return "has no link-local address";
	return family == AF_INET ? "has no IPv4 address"
				 : "has no IPv6 address but link-local ones";
}

static const char *state_problem(enum vrrp_addr_state state)
{
	if (state == VRRP_ADDR_DUPLICATE)
		return "has an address that another host has, too (DAD failed)";
	return "has an address that is not verified yet (DAD)";
}

static void set_targets(struct vrrp_ends *e, int family, const struct vrrp_peers *peers,
			const struct vrrp_if_addrs *own)
{
	e->unicast = peers->n > 0;
	e->n_to = 0;
	if (!e->unicast)
		e->to[e->n_to++] = vrrp_group(family);
	for (unsigned i = 0; i < peers->n; i++)
		if (!is_own(own, &peers->addr[i]))
			e->to[e->n_to++] = peers->addr[i];
}

const char *vrrp_ends_choose(struct vrrp_ends *e, int family, const struct vrrp_peers *peers,
			     const struct vrrp_if_addrs *own)
{
	bool link_local = wants_link_local(family, peers), listed = false;
	unsigned best = own->n;

	for (unsigned i = 0; i < own->n; i++)
		listed = listed || is_listed(peers, &own->a[i].addr);
	for (unsigned i = 0; i < own->n; i++) {
		const struct ip_addr *a = &own->a[i].addr;
		bool usable = own->a[i].state == VRRP_ADDR_USABLE;

		if (listed ? !is_listed(peers, a)
			   : a->family != family || ip_addr_is_link_local(a) != link_local)
			continue;
		if (best == own->n || (usable && (own->a[best].state != VRRP_ADDR_USABLE ||
						  ip_addr_equal(a, &e->self))))
			best = i;
	}
	if (best == own->n)
		return missing(family, link_local);
	if (own->a[best].state != VRRP_ADDR_USABLE)
		return state_problem(own->a[best].state);
	e->self = own->a[best].addr;
	set_targets(e, family, peers, own);
	return NULL;
}

bool vrrp_ends_hear(const struct vrrp_ends *e, const struct ip_addr *from)
{
	for (unsigned i = 0; e->unicast && i < e->n_to; i++)
		if (ip_addr_equal(&e->to[i], from))
			return true;
	return !e->unicast;
}
