/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP addresses and prefixes of either family as plain values. Pure. */
#ifndef VROUTER_ADDR_H
#define VROUTER_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "vrouter/util.h"

/* Bytes in network order; IPv4 uses the first four, the rest are zero.
 * family is AF_INET, AF_INET6, or 0 for "none". */
struct ip_addr {
	uint8_t family;
	uint8_t b[16];
};

/* addr keeps its host part: "10.20.0.1/24" is an address and its network. */
struct ip_prefix {
	struct ip_addr addr;
	uint8_t len;
};

#define IP_PREFIX_STRLEN (INET6_ADDRSTRLEN + 4)

/* 0 or -EINVAL; *out untouched on failure. */
must_check int ip_addr_parse(struct ip_addr *out, const char *text);
/* Needs the "/len" part. 0 or -EINVAL. */
must_check int ip_prefix_parse(struct ip_prefix *out, const char *text);
const char *ip_addr_format(const struct ip_addr *a, char buf[static INET6_ADDRSTRLEN]);
const char *ip_prefix_format(const struct ip_prefix *p, char buf[static IP_PREFIX_STRLEN]);

struct ip_addr ip_addr_v4(uint32_t be);
uint32_t ip_addr_v4_be(const struct ip_addr *a);
size_t ip_addr_size(const struct ip_addr *a); /* 4, 16 or 0 */
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
/* Sorts like the number does: <0, 0, >0. Families sort by their number. */
int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_prefix_contains(const struct ip_prefix *net, const struct ip_addr *a);
bool ip_prefix_overlap(const struct ip_prefix *a, const struct ip_prefix *b);
/* fe80::/10: valid on one link only (RFC 4291 2.5.6). */
bool ip_addr_is_link_local(const struct ip_addr *a);
/* The first of n prefixes whose network a is in, or NULL. */
const struct ip_prefix *ip_prefix_around(const struct ip_prefix *p, size_t n,
					 const struct ip_addr *a);
/* Is a the address of one of n prefixes? */
bool ip_prefix_any_is(const struct ip_prefix *p, size_t n, const struct ip_addr *a);
/* The first of n prefixes of a family that is not link-local, or NULL. */
const struct ip_prefix *ip_prefix_of_family(const struct ip_prefix *p, size_t n, int family);
bool ip_addr_is_multicast(const struct ip_addr *a);
/* Somebody's, of whatever network: not zero, multicast, loopback, or IPv4's broadcast. */
bool ip_addr_is_host(const struct ip_addr *a);
/* An address a router can own: not zero, multicast, broadcast of its prefix or loopback. */
bool ip_prefix_is_host(const struct ip_prefix *p);

#endif
