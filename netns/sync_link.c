/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A link of a router's namespace to what the controllers share: for programs in there that have to
 * speak with those of other controllers. A macvlan needs nothing of its parent, be that a port or a
 * bridge. */
#include <errno.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvlan.h>

#include "rtnl.h"

static int make(struct netns *ns, const char *parent, const char *name)
{
	struct rtnl_link *on, *l;
	int err = rtnl_find(ns->host, parent, &on);

	if (err <= 0)
		return err < 0 ? err : -ENODEV;
	l = rtnl_link_macvlan_alloc();
	err = -NLE_NOMEM;
	if (l) {
		rtnl_link_set_name(l, name);
		rtnl_link_set_link(l, rtnl_link_get_ifindex(on));
		rtnl_link_set_ns_fd(l, ns->fd);
		err = rtnl_link_macvlan_set_mode(l, MACVLAN_MODE_BRIDGE);
	}
	if (err == 0)
		err = rtnl_link_add(ns->host, l, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(l);
	rtnl_link_put(on);
	return rtnl_errno(err);
}

static int set_up(struct netns *ns, struct rtnl_link *l)
{
	struct rtnl_link *change = rtnl_link_alloc();
	int err = -NLE_NOMEM;

	if (change) {
		rtnl_link_set_flags(change, IFF_UP);
		err = rtnl_link_change(ns->inside, l, change, 0);
	}
	rtnl_link_put(change);
	return rtnl_errno(err);
}

static int add_address(struct netns *ns, int ifindex, const struct ip_prefix *p)
{
	struct nl_addr *local = nl_addr_build(p->addr.family, p->addr.b, ip_addr_size(&p->addr));
	struct rtnl_addr *a = rtnl_addr_alloc();
	int err = -NLE_NOMEM;

	if (local && a) {
		nl_addr_set_prefixlen(local, p->len);
		rtnl_addr_set_ifindex(a, ifindex);
		err = rtnl_addr_set_local(a, local);
	}
	if (err == 0)
		err = rtnl_addr_add(ns->inside, a, 0);
	rtnl_addr_put(a);
	nl_addr_put(local);
	return err == -NLE_EXIST ? 0 : rtnl_errno(err);
}

int net_sync_link(struct netns *ns, const char *parent, const char *name,
		  const struct ip_prefix *address, bool *made, char reason[static NET_REASON_MAX])
{
	struct rtnl_link *l = NULL;
	int err = rtnl_find(ns->inside, name, &l);

	*made = false;
	if (err == 0) {
		err = make(ns, parent, name);
		*made = err == 0;
		if (err == 0)
			err = rtnl_find(ns->inside, name, &l);
	}
	if (err > 0) {
		err = set_up(ns, l);
		if (err == 0)
			err = add_address(ns, rtnl_link_get_ifindex(l), address);
		rtnl_link_put(l);
	}
	return err < 0 ? ns_fail(reason, err, "CAP_NET_ADMIN",
				 "cannot make the link %s of namespace %s to %s", name, ns->name,
				 parent)
		       : 0;
}

void net_sync_link_remove(struct netns *ns, const char *name)
{
	struct rtnl_link *l;

	if (rtnl_find(ns->inside, name, &l) <= 0)
		return;
	(void)!rtnl_link_delete(ns->inside, l); /* it is gone, or goes with the namespace */
	rtnl_link_put(l);
}
