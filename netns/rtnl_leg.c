/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads one leg: what it is attached to, its end inside and, by kind, what there is of it on the
 * host's side. On the host's side single links are asked for by name, never a whole table: a
 * controller may have thousands. */
#include "rtnl.h"

#include <errno.h>
#include <string.h>

#include <linux/if_link.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/vlan.h>

static bool is_type(struct rtnl_link *l, const char *type)
{
	const char *t = rtnl_link_get_type(l);

	return t && strcmp(t, type) == 0;
}

bool rtnl_is_up(struct rtnl_link *l)
{
	return rtnl_link_get_flags(l) & IFF_UP;
}

/* No IPv6 on it at all is as good. */
static bool is_silent(struct rtnl_link *l)
{
	uint8_t mode;

	return rtnl_link_inet6_get_addr_gen_mode(l, &mode) < 0 || mode == IN6_ADDR_GEN_MODE_NONE;
}

bool rtnl_is_ours(struct rtnl_link *l)
{
	const char *alias = rtnl_link_get_ifalias(l);

	return (is_type(l, "veth") || is_type(l, "vlan")) && alias &&
	       strncmp(alias, RTNL_ALIAS, strlen(RTNL_ALIAS)) == 0;
}

static void read_mac(struct rtnl_link *l, uint8_t mac[static NET_MAC_BYTES])
{
	struct nl_addr *addr = rtnl_link_get_addr(l);

	if (addr && nl_addr_get_len(addr) == NET_MAC_BYTES)
		memcpy(mac, nl_addr_get_binary_addr(addr), NET_MAC_BYTES);
}

/* ---- do the ends belong together? -------------------------------------------------------------
 */

static bool on_top(struct rtnl_link *upper, unsigned lower)
{
	return lower && rtnl_link_get_link(upper) == (int)lower;
}

static bool is_pair(struct rtnl_link *in, struct rtnl_link *host)
{
	return host && is_type(in, "veth") && is_type(host, "veth") &&
	       on_top(in, (unsigned)rtnl_link_get_ifindex(host)) &&
	       on_top(host, (unsigned)rtnl_link_get_ifindex(in));
}

static bool is_macvlan(const struct net_leg *d, const struct net_leg_actual *a,
		       struct rtnl_link *in, struct rtnl_link *host)
{
	if (!rtnl_link_is_macvlan(in) || rtnl_link_macvlan_get_mode(in) != MACVLAN_MODE_BRIDGE)
		return false;
	if (!d->vlan)
		return on_top(in, a->bridge_ifindex);
	return host && rtnl_link_is_vlan(host) && rtnl_link_vlan_get_id(host) == (int)d->vlan &&
	       on_top(host, a->bridge_ifindex) && on_top(in, (unsigned)rtnl_link_get_ifindex(host));
}

/* Of the kernel's datapath, or of the one in user space. */
static bool is_port(struct rtnl_link *in)
{
	return is_type(in, "openvswitch") || is_type(in, "tun");
}

static bool belongs(const struct net_leg *d, const struct net_leg_actual *a, struct rtnl_link *in,
		    struct rtnl_link *host)
{
	switch (d->attach) {
	case NET_ATTACH_BRIDGE:
	case NET_ATTACH_HOST:
		return is_pair(in, host);
	case NET_ATTACH_MACVLAN:
		return is_macvlan(d, a, in, host);
	case NET_ATTACH_OVS:
		return is_port(in);
	}
	return false;
}

/* ---- what is there ----------------------------------------------------------------------------
 */

static void fill_in(struct net_leg_actual *a, struct rtnl_link *in)
{
	a->exists = true;
	a->ifindex = (unsigned)rtnl_link_get_ifindex(in);
	a->mtu = rtnl_link_get_mtu(in);
	a->up = rtnl_is_up(in);
	a->carrier = rtnl_link_get_carrier(in);
	a->silent = is_silent(in);
	read_mac(in, a->mac);
}

static void fill_host(struct net_leg_actual *a, struct rtnl_link *host)
{
	a->host_exists = true;
	a->host_ifindex = (unsigned)rtnl_link_get_ifindex(host);
	a->host_mtu = rtnl_link_get_mtu(host);
	a->host_master = (unsigned)rtnl_link_get_master(host);
	a->host_up = rtnl_is_up(host);
	a->host_silent = is_silent(host);
}

static int fill_ends(struct netns *ns, const struct net_leg *d, struct net_leg_actual *a,
		     struct rtnl_link *in, struct rtnl_link *host)
{
	const char *alias = host ? rtnl_link_get_ifalias(host) : NULL;

	if (in)
		fill_in(a, in);
	if (host)
		fill_host(a, host);
	a->host_is_peer = in && belongs(d, a, in, host);
	a->host_foreign = host && !a->host_is_peer && !rtnl_is_ours(host);
	if (d->attach != NET_ATTACH_BRIDGE || !a->host_is_peer)
		return 0;
	a->vlan_is_left = !d->vlan && alias && strstr(alias, RTNL_ALIAS_VLAN);
	return d->vlan && a->bridge_filters
		       ? rtnl_read_vlan(ns->host, a->host_ifindex, d->vlan, &a->vlan_is_set)
		       : 0;
}

static int read_bridge(struct netns *ns, const struct net_leg *d, struct net_leg_actual *a)
{
	struct rtnl_link *l;
	const char *master;
	int err = rtnl_find(ns->host, d->bridge, &l);

	if (err <= 0)
		return err;
	a->bridge_exists = true;
	a->bridge_is_bridge = is_type(l, "bridge");
	a->bridge_up = rtnl_is_up(l);
	a->bridge_ifindex = (unsigned)rtnl_link_get_ifindex(l);
	a->bridge_mtu = rtnl_link_get_mtu(l);
	master = rtnl_link_get_slave_type(l);
	a->bridge_is_port = master && strcmp(master, "vrf") != 0;
	rtnl_link_put(l);
	return d->vlan && a->bridge_is_bridge
		       ? rtnl_read_filtering(ns->host, a->bridge_ifindex, &a->bridge_filters)
		       : 0;
}

int rtnl_read_leg(struct netns *ns, const struct net_leg *d, struct net_leg_actual *a)
{
	struct rtnl_link *in = NULL, *host = NULL;
	int err = d->attach == NET_ATTACH_HOST ? 0 : read_bridge(ns, d, a);

	if (err >= 0 && d->ifname[0])
		err = rtnl_find(ns->inside, d->ifname, &in);
	if (err >= 0)
		err = rtnl_find(ns->host, d->hostname, &host);
	if (err >= 0)
		err = fill_ends(ns, d, a, in, host);
	if (in)
		rtnl_link_put(in);
	if (host)
		rtnl_link_put(host);
	return err < 0 ? err : 0;
}
