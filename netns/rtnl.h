/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: what reading and applying share. */
#ifndef NETNS_RTNL_H
#define NETNS_RTNL_H

#include "ns.h"

struct nl_addr;
struct nl_msg;
struct nl_object;
struct nlmsghdr;
struct rtnl_link;

#define RTNL_ALIAS	 "vrouterd " /* interface aliases of ours begin with it */
#define RTNL_LAST_RESORT UINT32_MAX  /* metric of the route of last resort */

/* The metric that the kernel gives a route without one: IP6_RT_PRIO_USER, or none. */
static inline uint32_t rtnl_usual_metric(int family)
{
	return family == AF_INET6 ? 1024 : 0;
}

#define RTNL_ALIAS_VLAN " vlan " /* and has this, with a number, for a port put into a VLAN */

/* libnl has its own error numbers: -errno for one of those, 0 for what is none. */
int rtnl_errno(int nle);
/* 1: *out is the caller's to put, 0: there is no such link, or -errno. */
must_check int rtnl_find(struct nl_sock *sk, const char *name, struct rtnl_link **out);
/* -ENODEV when there is none. */
must_check int rtnl_index(struct nl_sock *sk, const char *name, unsigned *ifindex);
/* A link on the host's side that vrouterd made, by its kind and alias. */
bool rtnl_is_ours(struct rtnl_link *l);
bool rtnl_is_up(struct rtnl_link *l);

struct ip_addr rtnl_from_nl(struct nl_addr *n); /* family 0: none */
/* The caller's to put; NULL: no memory. */
struct nl_addr *rtnl_to_nl(const struct ip_addr *a, unsigned len);

/* Takes in a route, of a dump, if it is one of ours (NET_PROTOCOL). */
void rtnl_read_path(struct nl_object *route, struct net_actual *out);
/* All of these: 0 or -errno. */
must_check int rtnl_read_rules(struct nl_sock *inside, struct net_actual *out);
/* The request of ADDR_*, ROUTE_* and PATH_*; ifindex: of the leg. 0 or an error of libnl. */
must_check int rtnl_build(struct nl_msg **out, const struct net_op *op, unsigned ifindex);
/* The route of last resort. */
must_check int rtnl_add_last_resort(struct nl_sock *inside, uint8_t family);
must_check int rtnl_del_last_resort(struct nl_sock *inside, uint8_t family);
must_check int rtnl_change_rule(struct nl_sock *inside, const struct net_op *op);
/* The controller's end of the host link: its addresses and settings. */
must_check int rtnl_read_link_host(struct netns *ns, const struct net_desired *d,
				   struct net_leg_actual *a);
must_check int rtnl_set_link_host(struct netns *ns, const struct net_desired *d, unsigned ifindex);

/* All of these: 0 or -errno. Fills in all of it but the addresses and IPv6. */
must_check int rtnl_read_leg(struct netns *ns, const struct net_leg *d, struct net_leg_actual *a);
/* bridge: number of what it is attached to. The ends are down, and as the kernel made them. */
must_check int rtnl_make_leg(struct netns *ns, const struct net_leg *leg, unsigned bridge,
			     unsigned mtu);
must_check int rtnl_read_filtering(struct nl_sock *sk, unsigned bridge, bool *filters);
/* alone: the port is in this VLAN, without a tag, and in no other. */
must_check int rtnl_read_vlan(struct nl_sock *sk, unsigned port, unsigned vlan, bool *alone);
must_check int rtnl_set_vlan(struct nl_sock *sk, unsigned port, unsigned vlan);

/* Requests about addresses and routes that leave together: one call, and one for the answer. The
 * kernel carries out all of them, in their order, also behind one that it refuses. */
#define RTNL_BATCH_MAX 64
struct rtnl_batch {
	const struct net_op *op[RTNL_BATCH_MAX];
	unsigned n;
	size_t len;
	struct nlmsghdr *last;
	_Alignas(8) uint8_t buf[8192];
};
/* failed: the operation that an error is about. Takes the message in any case. 0 or -errno. */
must_check int rtnl_batch_add(struct rtnl_batch *b, struct nl_sock *sk, const struct net_op *op,
			      struct nl_msg *msg, const struct net_op **failed);
must_check int rtnl_batch_flush(struct rtnl_batch *b, struct nl_sock *sk,
				const struct net_op **failed);

#endif
