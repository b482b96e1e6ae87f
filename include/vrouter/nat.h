/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration says about NAT and filter beyond the mode, as plain data: the nftables
 * rules are made of it (vrouter/netns.h). Pure. */
#ifndef VROUTER_NAT_H
#define VROUTER_NAT_H

#include "vrouter/addr.h"

#define NAT_NAME_MAX	 64
#define NAT_PATH_MAX	 108
#define NAT_POOL_MAX	 16 /* ranges of addresses to translate to */
#define NAT_HELD_MAX	 32 /* addresses of pool and forwards that are the public leg's, but no VIP */
#define NAT_SOURCES_MAX	 16
#define NAT_FORWARDS_MAX 32
#define NAT_FROM_MAX	 4     /* networks that may use a forward */
#define NAT_PROTOCOLS	 2     /* enum nat_protocol */
#define NAT_SET_SIZE	 65536 /* sources of an IP version that a limit remembers */

/* The bounds of mss-clamp in bytes (RFC 9293 3.7.1: 536; the rest is what fits a packet). */
#define NAT_MSS_MIN  536
#define NAT_MSS_MAX  65495
#define NAT_MSS_PATH 1 /* not a number of bytes: as the path's MTU allows */

enum nat_protocol { NAT_TCP, NAT_UDP };

enum nat_unsolicited {
	NAT_UNSOLICITED_AUTO, /* dropped, but for mode "none" */
	NAT_UNSOLICITED_DROP,
	NAT_UNSOLICITED_ACCEPT,
};

/* Both of one IP version, first <= last. */
struct ip_range {
	struct ip_addr first, last;
};

struct nat_ports {
	uint16_t first, last; /* 0: none given */
};

struct nat_target {
	struct ip_addr addr;
	uint16_t port; /* 0: the same */
};

/* A port forward: what is sent to address and port goes to `to`, if it comes from one of `from`. */
struct nat_forward {
	char name[NAT_NAME_MAX];
	unsigned protocol[NAT_PROTOCOLS], n_protocols; /* enum nat_protocol; at least one */
	struct nat_ports port;
	struct ip_addr address; /* family 0: the first public VIP of to's IP version */
	struct nat_target to;
	struct ip_prefix from[NAT_FROM_MAX];
	unsigned n_from; /* 0: everybody */
	/* where it was written, see conf_router */
	int line, port_line, address_line, to_line, from_line;
};

struct nat_rules {
	struct ip_range pool[NAT_POOL_MAX];
	unsigned n_pool; /* 0: the first public VIP of each IP version */
	struct nat_ports ports;
	bool persistent; /* one address of the pool per source, whatever the destination */
	struct ip_prefix source[NAT_SOURCES_MAX];
	unsigned n_sources;   /* 0: everybody */
	unsigned unsolicited; /* enum nat_unsolicited */
	unsigned mss;	      /* 0: off; NAT_MSS_PATH; or at most so many bytes */
	unsigned new_flows;   /* per second and source; 0: no limit */
	unsigned new_flows_burst;
	struct nat_forward forward[NAT_FORWARDS_MAX];
	unsigned n_forwards;
	char file[NAT_PATH_MAX]; /* the operator's own rules; empty: none */
	uint64_t file_hash;	 /* of its content, see nat_file_check() */
};

bool nat_rules_equal(const struct nat_rules *a, const struct nat_rules *b);

/* A single address, "A-B" of one IP version, or a network: all of its addresses. 0 or -EINVAL; *out
 * untouched on failure. */
must_check int ip_range_parse(struct ip_range *out, const char *text);
/* All addresses of p's network. */
struct ip_range ip_range_of(const struct ip_prefix *p);
#define IP_RANGE_STRLEN (2 * INET6_ADDRSTRLEN)
const char *ip_range_format(const struct ip_range *r, char buf[static IP_RANGE_STRLEN]);
bool ip_range_contains(const struct ip_range *r, const struct ip_addr *a);
bool ip_range_overlap(const struct ip_range *a, const struct ip_range *b);
/* How many addresses, but at most max. */
unsigned ip_range_count(const struct ip_range *r, unsigned max);
/* The next address, as a number. */
struct ip_addr ip_addr_next(struct ip_addr a);

/* Counters in the router's table. Those of drops come first, then one for each forward. */
enum nat_drop {
	NAT_DROP_INVALID,	/* forwarded, and no flow's that is known */
	NAT_DROP_UNSOLICITED,	/* new flows from the public side */
	NAT_DROP_SOURCE,	/* from who may not use the router */
	NAT_DROP_NEW_FLOWS,	/* more new flows than allowed */
	NAT_DROP_INPUT_INVALID, /* to the router itself, of no flow that is known */
	NAT_DROP_INPUT_REFUSED, /* to the router itself, not offered there */
	NAT_DROP_HOST_LINK,	/* to or from the host link, and not the router's own */
	NAT_DROPS
};
const char *nat_drop_name(enum nat_drop d);

struct nat_counters {
	struct {
		uint64_t packets, bytes;
	} drop[NAT_DROPS], forward[NAT_FORWARDS_MAX]; /* forwards: a packet is a flow */
};

/* ---- the operator's own rules ------------------------------------------------------------------
 */

#define NAT_FILE_MAX	    65536 /* bytes */
#define NAT_FILE_TABLES_MAX 8

struct nft_table {
	char family[8], name[NAT_NAME_MAX];
};
struct nft_tables {
	struct nft_table at[NAT_FILE_TABLES_MAX];
	unsigned n;
};
/* Which tables a file of rules defines. It may do nothing else but "define": no other command, no
 * "include", no table that is named like one of ours. 0, or the line that is at fault and why
 * (static text). text ends with a NUL. */
int nft_file_tables(struct nft_tables *out, const char *text, const char **why);
bool nft_tables_have(const struct nft_tables *t, const struct nft_table *one);

#endif
