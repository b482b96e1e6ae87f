/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the links of a leg, by kind. The end inside is made inside at once where that is possible,
 * and never exists under its name on the host's side. */
#include "rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <linux/if_link.h>
#include <net/ethernet.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vlan.h>

/* A bridge without an address of its own takes the lowest of its ports', and would change it under
 * the feet of the host when we come. fe: sorts last. Nothing is ever sent from this one. */
static int set_high_mac(struct rtnl_link *l)
{
	uint8_t mac[ETH_ALEN];
	struct nl_addr *addr;

	if (getrandom(mac, sizeof(mac), GRND_NONBLOCK) != (ssize_t)sizeof(mac))
		return -NLE_AGAIN;
	mac[0] = 0xfe;
	addr = nl_addr_build(AF_LLC, mac, sizeof(mac));
	if (!addr)
		return -NLE_NOMEM;
	rtnl_link_set_addr(l, addr);
	nl_addr_put(addr);
	return 0;
}

static int add_veth(struct netns *ns, const struct net_leg *leg, unsigned mtu)
{
	struct rtnl_link *l = rtnl_link_veth_alloc(), *peer = NULL;
	int err = -NLE_NOMEM;

	if (l)
		peer = rtnl_link_veth_get_peer(l);
	if (peer) {
		rtnl_link_set_name(l, leg->hostname);
		rtnl_link_set_mtu(l, mtu);
		rtnl_link_set_name(peer, leg->ifname);
		rtnl_link_set_mtu(peer, mtu);
		rtnl_link_set_ns_fd(peer, ns->fd);
		err = set_high_mac(l);
	}
	if (err == 0)
		err = rtnl_link_add(ns->host, l, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(l);
	return rtnl_errno(err);
}

/* ---- macvlan ----------------------------------------------------------------------------------
 */

/* On the host's side. There is one device for a VLAN of an interface: -EEXIST may be about another
 * one than that of our name. */
static int add_vlan(struct netns *ns, const struct net_leg *leg, unsigned parent, unsigned mtu)
{
	struct rtnl_link *l = rtnl_link_vlan_alloc();
	int err = l ? rtnl_link_vlan_set_id(l, (uint16_t)leg->vlan) : -NLE_NOMEM;

	if (err == 0) {
		rtnl_link_set_name(l, leg->hostname);
		rtnl_link_set_link(l, (int)parent);
		rtnl_link_set_mtu(l, mtu);
		err = rtnl_link_add(ns->host, l, NLM_F_CREATE | NLM_F_EXCL);
	}
	rtnl_link_put(l);
	return rtnl_errno(err);
}

static int add_macvlan(struct netns *ns, const struct net_leg *leg, unsigned lower, unsigned mtu)
{
	struct rtnl_link *l = rtnl_link_macvlan_alloc();
	int err = l ? rtnl_link_macvlan_set_mode(l, MACVLAN_MODE_BRIDGE) : -NLE_NOMEM;

	if (err == 0) {
		rtnl_link_set_name(l, leg->ifname);
		rtnl_link_set_link(l, (int)lower);
		rtnl_link_set_mtu(l, mtu);
		rtnl_link_set_ns_fd(l, ns->fd);
		err = rtnl_link_add(ns->host, l, NLM_F_CREATE | NLM_F_EXCL);
	}
	rtnl_link_put(l);
	return rtnl_errno(err);
}

static int make_macvlan(struct netns *ns, const struct net_leg *leg, unsigned parent, unsigned mtu)
{
	unsigned lower = parent;
	int err = leg->vlan ? add_vlan(ns, leg, parent, mtu) : 0;

	if (err == 0 && leg->vlan)
		err = rtnl_index(ns->host, leg->hostname, &lower);
	return err < 0 ? err : add_macvlan(ns, leg, lower, mtu);
}

/* ---- Open vSwitch -----------------------------------------------------------------------------
 */

/* The port is there, by the name of the leg: Open vSwitch knows it by that. */
static int take_inside(struct netns *ns, unsigned port)
{
	struct rtnl_link *l = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int err = -NLE_NOMEM;

	if (l && change) {
		rtnl_link_set_ifindex(l, (int)port);
		rtnl_link_set_ns_fd(change, ns->fd);
		err = rtnl_link_change(ns->host, l, change, 0);
	}
	rtnl_link_put(change);
	rtnl_link_put(l);
	return rtnl_errno(err);
}

int rtnl_make_leg(struct netns *ns, const struct net_leg *leg, unsigned bridge, unsigned mtu)
{
	switch (leg->attach) {
	case NET_ATTACH_BRIDGE:
	case NET_ATTACH_HOST:
		return add_veth(ns, leg, mtu);
	case NET_ATTACH_MACVLAN:
		return make_macvlan(ns, leg, bridge, mtu);
	case NET_ATTACH_OVS:
		return take_inside(ns, leg->port_ifindex);
	}
	return -EINVAL;
}
