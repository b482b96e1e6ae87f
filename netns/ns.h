/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: what an open namespace is made of. */
#ifndef NETNS_NS_H
#define NETNS_NS_H

#include "vrouter/netns.h"

struct nl_sock;

#define RULES_OWN_MAX 4 /* own transactions between two looks at the events */

/* The kernel numbers transactions of nftables in a network: those that were our own, a ring. */
struct rules_own {
	uint32_t number[RULES_OWN_MAX];
	unsigned n;
};
/* Of the last one in the network that the caller is in, whoever made it. 0: unknown. */
uint32_t rules_number(void);
/* Ours was made between these two. When somebody else's came in between, too, ours is not known. */
void rules_note(struct rules_own *own, uint32_t before, uint32_t after);

/* A message about rules: what was touched, or the end of the transaction that touched it. */
struct rules_event {
	bool ends;
	unsigned message; /* NFT_MSG_* */
	uint8_t family;	  /* NFPROTO_* */
	const char *table;
	uint32_t number; /* ends: of the transaction */
	char by[48];	 /* ends: see struct net_news */
};
struct nlmsghdr;
/* false: it is no such message. */
bool rules_event(struct rules_event *out, struct nlmsghdr *nh);
bool rules_is_own(const struct rules_own *own, uint32_t number);
/* A socket that hears of rules, in the network that the caller is in; or -errno. */
int rules_listen(void);

struct netns {
	char name[NET_NAME_MAX];
	int fd;			       /* the namespace */
	int home;		       /* where netns_open() was called: "the host's side" */
	int ipv6;		       /* its net/ipv6/conf of /proc/sys; -1: not needed yet */
	struct nl_sock *inside, *host; /* blocking route sockets, for requests only */
	char watched[2 * NET_SLOTS][IFNAMSIZ]; /* links on the host's side that matter to it */
	unsigned link_ifindex;		       /* of the host link's end there; 0: none */
	char link_why[NET_REASON_MAX];	       /* see net_link_why() */
	char changes[NET_REASON_MAX];	       /* see net_changes() */
	unsigned ports;			       /* see net_ports() */
	struct rules_own own;
	struct net_watch *watch;   /* borrowed; NULL: nobody does */
	struct ns_ready *ready;	   /* owned; NULL: what a promotion has to do is not known */
	struct nft_file *file;	   /* the operator's rules, owned; NULL: none */
	struct nft_tables applied; /* of such a file, in the kernel */
};

/* A file of the operator's rules as it was read, see nat_file_check(). */
struct nft_file {
	char path[NAT_PATH_MAX];
	uint64_t hash;
	struct nft_tables tables;
	char text[]; /* ends with a NUL */
};
/* Reads it, and looks at what it defines. NULL with why. */
struct nft_file *nft_file_read(const char *path, char why[static NAT_FILE_WHY_MAX]);

struct nft_ctx;
/* With its outputs in buffers. NULL: no memory. */
struct nft_ctx *nft_open(void);
void nft_close(struct nft_ctx *nft);
/* Runs text so that errors say their line: libnftables knows that of files only. 0 or not. */
int nft_run_lines(struct nft_ctx *nft, const char *text);
/* "...:3:4-9: Error: Could not process rule: No such file\n<the rule>\n^^^": the sentence, and its
 * line (0: none). */
int nft_said(const char *all, const char **sentence, size_t *len);

/* nat_counters_read() in the namespace that the caller is in. */
must_check int nat_counters_inside(const struct net_desired *d, struct nat_counters *out);

/* Runs fn in a network namespace that nobody else sees and that is gone afterwards, or with the
 * last socket that fn leaves open in it. Returns what fn returns, or -errno. */
int ns_scratch(int (*fn)(void *arg), void *arg);

/* Writes "what: strerror(-err)" and returns err; cap is the capability to name when err says that
 * it is missing, or NULL. */
int ns_fail(char reason[static NET_REASON_MAX], int err, const char *cap, const char *fmt, ...)
	printf_like(4, 5);

/* Runs fn inside; fn fills reason when it fails. */
must_check int ns_run(struct netns *ns, int (*fn)(void *arg), void *arg,
		      char reason[static NET_REASON_MAX]);

/* New route sockets on both sides in place of those there are. 0 or -errno. */
must_check int ns_sockets(struct netns *ns, char reason[static NET_REASON_MAX]);

/* What a promotion will have to do, if nothing happens until then: p, of the network as it is. */
struct net_plan;
void ns_keep_ready(struct netns *ns, const struct net_actual *a, const struct net_plan *p);
void ns_forget_ready(struct netns *ns);
/* There is some. Does it, and forgets it. 0 or -errno with reason. */
must_check int ns_apply_ready(struct netns *ns, const struct net_desired *d, unsigned *changed,
			      char reason[static NET_REASON_MAX]);

/* The sysctls of a NAT router, in the namespace that the caller is in. */
must_check int ns_sysctls(char reason[static NET_REASON_MAX]);
/* Fills in which legs have IPv6. 0 or -errno of entering. */
must_check int ns_read_ipv6(struct netns *ns, const struct net_desired *d, struct net_actual *a);
/* 0 or -errno. */
must_check int ns_set_ipv6(struct netns *ns, const char *ifname, bool on);
/* Of the host link's end on the controller's side, in the network of the daemon. */
bool ns_link_is_set(const char *ifname, bool ipv6);
must_check int ns_link_set(const char *ifname, bool ipv6, char reason[static NET_REASON_MAX]);
bool ns_link_forwards6(const char *ifname);
/* Is conntrack netlink there (loads its module)? In the namespace that the caller is in. */
must_check int ns_conntrack(char reason[static NET_REASON_MAX]);

/* Runs one nftables transaction inside. Where it carries a comment line, only if that is not there
 * yet. 0 or -errno. */
must_check int ns_nft(struct netns *ns, const char *text, char reason[static NET_REASON_MAX]);
/* Which tables came from the operator's file, as our table notes it: into ns->applied. 0 or -errno.
 */
must_check int nat_read_notes(struct netns *ns);
/* Of nftables (NFPROTO_*), as nft calls it. */
const char *ns_family_name(uint8_t family);
/* As a leg's name in rules: nft takes '*' as a wildcard and '"' as the end. */
bool ruleset_takes_name(const char *ifname);

/* A route socket in the namespace that the caller is in. NULL with errno. */
struct nl_sock *rtnl_open(void);
/* A bound, non-blocking netlink fd (NETLINK_ROUTE, NETLINK_NETFILTER) that listens to the given
 * groups (RTNLGRP_*, NFNLGRP_*). -errno. */
int rtnl_listen(int protocol, const int *groups, size_t n);
void rtnl_close(struct nl_sock *sk);
/* Deletes the host's ends of all legs and of the host link, in the namespace that the caller is in.
 * 0 or -errno. */
must_check int rtnl_delete_host_ends(const char *namespace);

#endif
