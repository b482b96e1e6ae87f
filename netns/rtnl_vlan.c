/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VLANs of a Linux bridge, which libnl-route knows little of: whether a bridge filters them
 * (IFLA_BR_VLAN_FILTERING, if_link.h), those of a port (RTM_GETVLAN, if_bridge.h), and putting a
 * port into one (IFLA_BRIDGE_VLAN_INFO). */
#include "rtnl.h"

#include <errno.h>
#include <string.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>

#define VID_MIN 1
#define VID_MAX 4094
#define ALONE	(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED)

static struct nlattr *inside(struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

/* Sends msg, which is freed, and hands what comes back to take. An answer that is no dump has an
 * acknowledgement behind it. 0 or -errno. */
static int ask(struct nl_sock *sk, struct nl_msg *msg, int (*take)(struct nl_msg *, void *),
	       void *arg)
{
	bool dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP;
	struct nl_cb *own = nl_socket_get_cb(sk), *cb = nl_cb_clone(own);
	int err = cb ? nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take, arg) : -NLE_NOMEM;

	if (err >= 0)
		err = nl_send_auto(sk, msg);
	if (err >= 0)
		err = nl_recvmsgs(sk, cb);
	if (err >= 0 && !dump)
		err = nl_wait_for_ack(sk);
	nlmsg_free(msg);
	nl_cb_put(cb);
	nl_cb_put(own);
	return rtnl_errno(err);
}

/* ---- read -------------------------------------------------------------------------------------
 */

static int take_filtering(struct nl_msg *msg, void *filters)
{
	struct nlattr *info =
		nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct ifinfomsg), IFLA_LINKINFO);
	struct nlattr *on = inside(inside(info, IFLA_INFO_DATA), IFLA_BR_VLAN_FILTERING);

	*(bool *)filters = on && nla_len(on) >= 1 && nla_get_u8(on);
	return NL_OK;
}

int rtnl_read_filtering(struct nl_sock *sk, unsigned bridge, bool *filters)
{
	struct nl_msg *msg;
	int err = rtnl_link_build_get_request((int)bridge, NULL, &msg);

	*filters = false;
	return err < 0 ? rtnl_errno(err) : ask(sk, msg, take_filtering, filters);
}

struct seen {
	unsigned vlan;
	bool wanted, other;
};

static int take_vlans(struct nl_msg *msg, void *arg)
{
	struct seen *s = arg;
	struct nlmsghdr *nh = nlmsg_hdr(msg);
	struct nlattr *entry;
	int left;

	if (nh->nlmsg_type != RTM_NEWVLAN || nlmsg_datalen(nh) < (int)sizeof(struct br_vlan_msg))
		return NL_OK;
	nlmsg_for_each_attr(entry, nh, sizeof(struct br_vlan_msg), left)
	{
		const struct nlattr *info = nla_type(entry) == BRIDGE_VLANDB_ENTRY
						    ? inside(entry, BRIDGE_VLANDB_ENTRY_INFO)
						    : NULL;
		struct bridge_vlan_info v;

		if (!info || nla_len(info) < (int)sizeof(v))
			continue;
		memcpy(&v, nla_data(info), sizeof(v));
		if (v.vid == s->vlan && (v.flags & ALONE) == ALONE &&
		    !inside(entry, BRIDGE_VLANDB_ENTRY_RANGE))
			s->wanted = true;
		else
			s->other = true;
	}
	return NL_OK;
}

int rtnl_read_vlan(struct nl_sock *sk, unsigned port, unsigned vlan, bool *alone)
{
	const struct br_vlan_msg bvm = {.family = AF_BRIDGE, .ifindex = port};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETVLAN, NLM_F_DUMP);
	struct seen s = {.vlan = vlan};
	int err;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, (void *)(uintptr_t)&bvm, sizeof(bvm), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = ask(sk, msg, take_vlans, &s);
	*alone = s.wanted && !s.other;
	return err;
}

/* ---- write ------------------------------------------------------------------------------------
 */

static int put(struct nl_msg *msg, unsigned vid, unsigned flags)
{
	const struct bridge_vlan_info v = {.flags = (uint16_t)flags, .vid = (uint16_t)vid};

	return nla_put(msg, IFLA_BRIDGE_VLAN_INFO, sizeof(v), &v);
}

/* Both included; from above to: none. */
static int put_range(struct nl_msg *msg, unsigned from, unsigned to)
{
	int err;

	if (from >= to)
		return from == to ? put(msg, from, 0) : 0;
	err = put(msg, from, BRIDGE_VLAN_INFO_RANGE_BEGIN);
	return err < 0 ? err : put(msg, to, BRIDGE_VLAN_INFO_RANGE_END);
}

static int put_all(struct nl_msg *msg, int type, unsigned vlan)
{
	int err;

	if (type == RTM_SETLINK)
		return put(msg, vlan, ALONE);
	err = put_range(msg, VID_MIN, vlan - 1);
	return err < 0 ? err : put_range(msg, vlan + 1, VID_MAX);
}

/* RTM_SETLINK: puts the port into the VLAN. RTM_DELLINK: takes it out of all others; that it is not
 * in one is no error to the kernel. */
static int change(struct nl_sock *sk, int type, unsigned port, unsigned vlan)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_BRIDGE, .ifi_index = (int)port};
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);
	struct nlattr *spec;
	int err = -NLE_NOMEM;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, (void *)(uintptr_t)&ifi, sizeof(ifi), NLMSG_ALIGNTO) == 0 &&
	    (spec = nla_nest_start(msg, IFLA_AF_SPEC)) && put_all(msg, type, vlan) == 0) {
		nla_nest_end(msg, spec);
		return rtnl_errno(nl_send_sync(sk, msg)); /* frees it */
	}
	nlmsg_free(msg);
	return rtnl_errno(err);
}

int rtnl_set_vlan(struct nl_sock *sk, unsigned port, unsigned vlan)
{
	int err = change(sk, RTM_SETLINK, port, vlan);

	return err < 0 ? err : change(sk, RTM_DELLINK, port, vlan);
}
