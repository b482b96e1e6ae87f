/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to the files that write rules: text into a buffer of a given size. */
#ifndef NETNS_RULESET_H
#define NETNS_RULESET_H

#include "ns.h"

struct text {
	char *buf;
	size_t cap, len; /* len counts what did not fit, too */
};
void put(struct text *t, const char *fmt, ...) printf_like(2, 3);

/* "counter name "X" drop" and the end of the line. */
void put_drop(struct text *t, enum nat_drop why);
/* " { a, b }" and a blank, of one IP version; how many there are. */
unsigned put_nets(struct text *t, const char *before, const struct ip_prefix *net, unsigned n,
		  int family);

static inline const char *ip_keyword(int family)
{
	return family == AF_INET6 ? "ip6" : "ip";
}

/* Of a leg, of an IP version, what others may know it by; or NULL. */
const struct ip_prefix *ruleset_vip(const struct net_desired *d, unsigned leg, int family);

/* ruleset_link.c: the host link's part of chains; nothing, where there is none */
void put_link_forward(struct text *t, const struct net_desired *d);
void put_link_input(struct text *t, const struct net_desired *d);
void put_link_output(struct text *t, const struct net_desired *d);

/* ruleset_nat.c: chains, and what of them other chains depend on */
void put_prerouting(struct text *t, const struct net_desired *d);
void put_postrouting(struct text *t, const struct net_desired *d);
/* The addresses of the pool that are on no leg. */
void put_routed_pool(struct text *t, const struct net_desired *d);
/* From an inside leg to an outside one. */
struct way {
	const struct net_desired *d;
	unsigned in, out;
};
/* The beginning of a rule for it. */
void put_out(struct text *t, const struct way *w);
/* nft takes ports only behind a protocol that has some. */
void put_ports_match(struct text *t);
/* How ports and addresses are chosen, and the end of the line. */
void put_flags(struct text *t, const struct net_desired *d);
/* Rules that translate to the range what matches ("" or with a blank at its end). */
void put_snat(struct text *t, const struct way *w, const struct ip_range *r, const char *match);
/* The beginning of a rule: what a forward takes of one protocol, in one IP version. */
void put_forward_match(struct text *t, const struct net_desired *d, const struct nat_forward *f,
		       const char *protocols);

/* ruleset_masquerade.c */
void put_masquerade(struct text *t, const struct way *w);

#endif
