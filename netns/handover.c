/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network's part of a planned change of the ACTIVE, make before break. Whoever leaves keeps its
 * addresses for a moment, and forwards what still comes to its MAC; but nothing that it says may
 * teach a neighbour its address again. Whoever comes passes back what its kernel cannot place: the
 * answer to a flow that began a moment ago on the other side. */
#include "rtnl.h"

#include <errno.h>

#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

int handover_silence(struct netns *ns, const struct net_desired *d,
		     char reason[static NET_REASON_MAX])
{
	char text[2048];
	size_t n = handover_silence_ruleset(text, sizeof(text), d);

	return n && n < sizeof(text) ? ns_nft(ns, text, reason) : -EINVAL;
}

int handover_clear(struct netns *ns, char reason[static NET_REASON_MAX])
{
#define NONE(table) "add table " table "\ndelete table " table "\n"
	return ns_nft(ns,
		      NONE("arp " HANDOVER_SILENCE) NONE("ip6 " HANDOVER_SILENCE)
			      NONE("ip " HANDOVER_RETURN) NONE("ip6 " HANDOVER_RETURN),
		      reason);
#undef NONE
}

/* ---- the way back -----------------------------------------------------------------------------
 */

static struct nl_addr *return_addr(int family)
{
	struct ip_addr a;

	if (ip_addr_parse(&a, family == AF_INET ? HANDOVER_RETURN_V4 : HANDOVER_RETURN_V6) < 0)
		return NULL;
	return nl_addr_build(family, a.b, ip_addr_size(&a));
}

static int put_neigh(struct nl_sock *sk, int ifindex, int family,
		     const uint8_t mac[static NET_MAC_BYTES])
{
	struct nl_addr *dst = return_addr(family);
	struct nl_addr *ll = nl_addr_build(AF_LLC, mac, NET_MAC_BYTES);
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	int err = -NLE_NOMEM;

	if (dst && ll && n) {
		rtnl_neigh_set_ifindex(n, ifindex);
		rtnl_neigh_set_dst(n, dst);
		rtnl_neigh_set_lladdr(n, ll);
		rtnl_neigh_set_state(n, NUD_PERMANENT);
		err = rtnl_neigh_add(sk, n, NLM_F_CREATE | NLM_F_REPLACE);
	}
	rtnl_neigh_put(n);
	nl_addr_put(ll);
	nl_addr_put(dst);
	return rtnl_errno(err);
}

/* On each leg the same address: two routes, told apart by their metric. */
static int put_route(struct nl_sock *sk, int ifindex, int family, enum net_leg_id leg)
{
	struct nl_addr *dst = return_addr(family);
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	struct rtnl_route *r = rtnl_route_alloc();
	int err = -NLE_NOMEM;

	if (dst && nh && r) {
		rtnl_route_set_family(r, (uint8_t)family);
		rtnl_route_set_dst(r, dst);
		rtnl_route_set_scope(r, RT_SCOPE_LINK);
		rtnl_route_set_priority(r, (uint32_t)leg + 1);
		rtnl_route_nh_set_ifindex(nh, ifindex);
		rtnl_route_add_nexthop(r, nh);
		nh = NULL; /* the route's now */
		err = rtnl_route_add(sk, r, NLM_F_CREATE | NLM_F_REPLACE);
	}
	if (nh)
		rtnl_route_nh_free(nh);
	rtnl_route_put(r);
	nl_addr_put(dst);
	return rtnl_errno(err);
}

static int put_way(struct netns *ns, const struct net_desired *d, int family, enum net_leg_id leg,
		   const uint8_t mac[static NET_MAC_BYTES])
{
	struct rtnl_link *l;
	int err = rtnl_find(ns->inside, d->leg[leg].ifname, &l), ifindex;

	if (err <= 0)
		return err < 0 ? err : -ENODEV;
	ifindex = rtnl_link_get_ifindex(l);
	rtnl_link_put(l);
	err = put_neigh(ns->inside, ifindex, family, mac);
	return err < 0 ? err : put_route(ns->inside, ifindex, family, leg);
}

static int put_ways(struct netns *ns, const struct net_desired *d, int family,
		    const uint8_t mac[static NET_LEGS][NET_MAC_BYTES],
		    char reason[static NET_REASON_MAX])
{
	for (unsigned i = 0; i < NET_LEGS; i++) {
		int err = put_way(ns, d, family, (enum net_leg_id)i, mac[i]);

		if (err < 0)
			return ns_fail(reason, err, "CAP_NET_ADMIN", "cannot set the way back");
	}
	return 0;
}

int handover_return(struct netns *ns, const struct net_desired *d,
		    const uint8_t mac[static NET_LEGS][NET_MAC_BYTES],
		    char reason[static NET_REASON_MAX])
{
	char text[HANDOVER_RETURN_MAX];
	size_t n = handover_return_ruleset(text, sizeof(text), d);
	int err;

	if (!n || n >= sizeof(text))
		return -EINVAL;
	err = put_ways(ns, d, AF_INET, mac, reason);
	return err < 0 ? err : ns_nft(ns, text, reason);
}

int handover_return_ipv6(struct netns *ns, const struct net_desired *d,
			 const uint8_t mac[static NET_LEGS][NET_MAC_BYTES],
			 char reason[static NET_REASON_MAX])
{
	return net_wants_ipv6(d) ? put_ways(ns, d, AF_INET6, mac, reason) : 0;
}
