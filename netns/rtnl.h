/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: what reading and applying share. */
#ifndef NETNS_RTNL_H
#define NETNS_RTNL_H

#include "ns.h"

struct rtnl_link;

#define RTNL_ALIAS	 "vrouterd " /* interface aliases of ours begin with it */
#define RTNL_LAST_RESORT UINT32_MAX  /* metric of the route of last resort */

/* The metric that the kernel gives a route without one: IP6_RT_PRIO_USER, or none. */
static inline uint32_t rtnl_usual_metric(int family)
{
	return family == AF_INET6 ? 1024 : 0;
}

extern const char *const rtnl_leg_name[NET_LEGS];

/* libnl has its own error numbers: -errno for one of those, 0 for what is none. */
int rtnl_errno(int nle);
/* 1: *out is the caller's to put, 0: there is no such link, or -errno. */
must_check int rtnl_find(struct nl_sock *sk, const char *name, struct rtnl_link **out);
/* A veth that vrouterd made, by its alias. */
bool rtnl_is_ours(struct rtnl_link *l);

#endif
