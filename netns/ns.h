/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: what an open namespace is made of. */
#ifndef NETNS_NS_H
#define NETNS_NS_H

#include "vrouter/netns.h"

struct nl_sock;

#define NS_GENERATIONS 4 /* own transactions between two looks at the events */

struct netns {
	char name[NET_NAME_MAX];
	int fd;				      /* the namespace */
	int home;			      /* where netns_open() was called: "the host's side" */
	struct nl_sock *inside, *host;	      /* blocking route sockets, for requests only */
	char watched[2 * NET_LEGS][IFNAMSIZ]; /* links on the host's side that matter to it */
	char changes[NET_REASON_MAX];	      /* see net_changes() */
	uint32_t generation[NS_GENERATIONS];  /* of the last rules of ours; a ring */
	unsigned n_generations;
};

/* Writes "what: strerror(-err)" and returns err; cap is the capability to name when err says that
 * it is missing, or NULL. */
int ns_fail(char reason[static NET_REASON_MAX], int err, const char *cap, const char *fmt, ...)
	printf_like(4, 5);

/* Runs fn inside; fn fills reason when it fails. */
must_check int ns_run(struct netns *ns, int (*fn)(void *arg), void *arg,
		      char reason[static NET_REASON_MAX]);

/* New route sockets on both sides in place of those there are. 0 or -errno. */
must_check int ns_sockets(struct netns *ns, char reason[static NET_REASON_MAX]);

/* The sysctls of a NAT router, in the namespace that the caller is in. */
must_check int ns_sysctls(char reason[static NET_REASON_MAX]);
/* Fills in which legs have IPv6. 0 or -errno of entering. */
must_check int ns_read_ipv6(struct netns *ns, const struct net_desired *d, struct net_actual *a);
/* 0 or -errno. */
must_check int ns_set_ipv6(struct netns *ns, const char *ifname, bool on);
/* Is conntrack netlink there (loads its module)? In the namespace that the caller is in. */
must_check int ns_conntrack(char reason[static NET_REASON_MAX]);

/* Runs one nftables transaction inside. Where it carries a comment line, only if that is not there
 * yet. 0 or -errno. */
must_check int ns_nft(struct netns *ns, const char *text, char reason[static NET_REASON_MAX]);
/* As a leg's name in rules: nft takes '*' as a wildcard and '"' as the end. */
bool ruleset_takes_name(const char *ifname);

/* A route socket in the namespace that the caller is in. NULL with errno. */
struct nl_sock *rtnl_open(void);
/* A bound, non-blocking netlink fd (NETLINK_ROUTE, NETLINK_NETFILTER) that listens to the given
 * groups (RTNLGRP_*, NFNLGRP_*). -errno. */
int rtnl_listen(int protocol, const int *groups, size_t n);
void rtnl_close(struct nl_sock *sk);
/* Deletes the host's ends of both legs, in the namespace that the caller is in. 0 or -errno. */
must_check int rtnl_delete_host_ends(const char *namespace);

#endif
