/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of an interface's addresses the election speaks with. Pure. */
#include "vrouter/vrrp.h"

/* RFC 9568 5.1.1.2, 5.1.2.2 */
struct ip_addr vrrp_group(int family)
{
	static const struct ip_addr v4 = {.family = AF_INET, .b = {224, 0, 0, 18}};
	static const struct ip_addr v6 = {.family = AF_INET6, .b = {0xff, 0x02, [15] = 0x12}};

	return family == AF_INET ? v4 : v6;
}

static bool fits(const struct ip_addr *a, int family)
{
	return a->family == family && (family == AF_INET || ip_addr_is_link_local(a));
}

static const char *problem(int family, bool found, enum vrrp_addr_state state)
{
	if (!found)
		return family == AF_INET ? "has no IPv4 address" : "has no link-local address";
	if (state == VRRP_ADDR_DUPLICATE)
		return "has an address that another host has, too (DAD failed)";
	return "has an address that is not verified yet (DAD)";
}

const char *vrrp_ends_choose(struct vrrp_ends *e, int family, const struct vrrp_if_addrs *own)
{
	unsigned best = own->n;

	for (unsigned i = 0; i < own->n; i++) {
		bool usable = own->a[i].state == VRRP_ADDR_USABLE;

		if (!fits(&own->a[i].addr, family))
			continue;
		if (best == own->n || (usable && (own->a[best].state != VRRP_ADDR_USABLE ||
						  ip_addr_equal(&own->a[i].addr, &e->self))))
			best = i;
	}
	if (best == own->n)
		return problem(family, false, VRRP_ADDR_USABLE);
	if (own->a[best].state != VRRP_ADDR_USABLE)
		return problem(family, true, own->a[best].state);
	e->self = own->a[best].addr;
	e->to = vrrp_group(family);
	return NULL;
}
