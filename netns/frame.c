/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames that announce a VIP, and those that ask for somebody. Pure. */
#include <arpa/inet.h>
#include <string.h>

#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>

#include "vrouter/netns.h"

#define ARP_BYTES 60 /* Ethernet's minimum without the checksum: some bridges drop less */

static size_t put_ethernet(uint8_t *frame, const uint8_t to[static ETH_ALEN],
			   const uint8_t from[static ETH_ALEN], uint16_t type)
{
	struct ether_header eth = {.ether_type = htons(type)};

	memcpy(eth.ether_dhost, to, ETH_ALEN);
	memcpy(eth.ether_shost, from, ETH_ALEN);
	memcpy(frame, &eth, sizeof(eth));
	return sizeof(eth);
}

static void put_arp(uint8_t *frame, const uint8_t mac[static ETH_ALEN], const struct ip_addr *vip,
		    uint16_t op)
{
	static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct ether_arp arp = {
		.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
			   .ar_pro = htons(ETHERTYPE_IP),
			   .ar_hln = ETH_ALEN,
			   .ar_pln = 4,
			   .ar_op = htons(op)},
	};
	size_t at = put_ethernet(frame, everybody, mac, ETHERTYPE_ARP);

	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, vip->b, 4);
	/* Linux takes a reply for gratuitous, and so overrides an entry that is younger than its
	 * lock time of a second, only when the target is the sender; a request's is ignored (RFC
	 * 5227 2.1.1: zero). */
	if (op == ARPOP_REPLY)
		memcpy(arp.arp_tha, mac, ETH_ALEN);
	memcpy(arp.arp_tpa, vip->b, 4);
	memcpy(frame + at, &arp, sizeof(arp));
}

static uint32_t add_words(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	return sum;
}

/* Over the pseudo-header of RFC 8200 8.1 and the message. */
static uint16_t icmp6_sum(const struct ip6_hdr *ip, const void *msg, size_t len)
{
	uint32_t sum = IPPROTO_ICMPV6 + (uint32_t)len;

	sum = add_words(sum, &ip->ip6_src, sizeof(ip->ip6_src));
	sum = add_words(sum, &ip->ip6_dst, sizeof(ip->ip6_dst));
	sum = add_words(sum, msg, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* From an address to all nodes of its link; len: of the message that follows. */
static size_t put_all_nodes(uint8_t *frame, const uint8_t mac[static ETH_ALEN],
			    const struct ip_addr *from, struct ip6_hdr *ip, size_t len)
{
	static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
	size_t at = put_ethernet(frame, all_nodes_mac, mac, ETHERTYPE_IPV6);

	*ip = (struct ip6_hdr){.ip6_dst = {.s6_addr = {0xff, 0x02, [15] = 1}}};
	ip->ip6_flow = htonl(6u << 28);
	ip->ip6_plen = htons((uint16_t)len);
	ip->ip6_nxt = IPPROTO_ICMPV6;
	ip->ip6_hlim = 255; /* anything else is dropped as coming from beyond a router */
	memcpy(&ip->ip6_src, from->b, sizeof(ip->ip6_src));
	memcpy(frame + at, ip, sizeof(*ip));
	return at + sizeof(*ip);
}

static size_t put_neighbour(uint8_t *frame, const uint8_t mac[static ETH_ALEN],
			    const struct ip_addr *vip)
{
	struct {
		struct nd_neighbor_advert na;
		struct nd_opt_hdr opt;
		uint8_t lladdr[ETH_ALEN];
	} msg = {.na = {.nd_na_hdr = {.icmp6_type = ND_NEIGHBOR_ADVERT}},
		 .opt = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1}};
	struct ip6_hdr ip;
	size_t at = put_all_nodes(frame, mac, vip, &ip, sizeof(msg));

	msg.na.nd_na_flags_reserved = ND_NA_FLAG_ROUTER | ND_NA_FLAG_OVERRIDE;
	memcpy(&msg.na.nd_na_target, vip->b, sizeof(msg.na.nd_na_target));
	memcpy(msg.lladdr, mac, sizeof(msg.lladdr));
	msg.na.nd_na_cksum = icmp6_sum(&ip, &msg, sizeof(msg));
	memcpy(frame + at, &msg, sizeof(msg));
	return at + sizeof(msg);
}

size_t farewell_build(uint8_t frame[static ANNOUNCE_FRAME_MAX],
		      const uint8_t mac[static NET_MAC_BYTES], const struct ip_addr *link_local)
{
	struct nd_router_advert ra = {.nd_ra_hdr = {.icmp6_type = ND_ROUTER_ADVERT}};
	struct ip6_hdr ip;
	size_t at = put_all_nodes(frame, mac, link_local, &ip, sizeof(ra));

	ra.nd_ra_cksum = icmp6_sum(&ip, &ra, sizeof(ra));
	memcpy(frame + at, &ra, sizeof(ra));
	return at + sizeof(ra);
}

void announce_build(struct announcement *out, const uint8_t mac[static NET_MAC_BYTES],
		    const struct ip_addr *vip)
{
	*out = (struct announcement){.n = 0};
	if (vip->family == AF_INET) {
		put_arp(out->frame[0], mac, vip, ARPOP_REQUEST);
		put_arp(out->frame[1], mac, vip, ARPOP_REPLY);
		out->len = ARP_BYTES;
		out->n = 2;
		out->ethertype = ETHERTYPE_ARP;
	} else if (vip->family == AF_INET6) {
		out->len = put_neighbour(out->frame[0], mac, vip);
		out->n = 1;
		out->ethertype = ETHERTYPE_IPV6;
	}
}

/* ---- probes ---- */

const struct ip_addr *probe_source(const struct net_leg *leg, const struct ip_addr *target)
{
	const struct ip_prefix *p = ip_prefix_around(leg->vip, leg->n_vips, target);

	for (unsigned i = 0; !p && ip_addr_is_link_local(target) && i < leg->n_vips; i++)
		if (ip_addr_is_link_local(&leg->vip[i].addr))
			p = &leg->vip[i];
	return p ? &p->addr : NULL;
}

static size_t build_arp(uint8_t *frame, const uint8_t mac[static ETH_ALEN],
			const struct ip_addr *from, const struct ip_addr *target)
{
	struct ether_arp arp;
	const size_t at = ETH_HLEN;

	memset(frame, 0, ARP_BYTES);
	put_arp(frame, mac, from, ARPOP_REQUEST);
	memcpy(&arp, frame + at, sizeof(arp));
	memcpy(arp.arp_tpa, target->b, 4);
	memcpy(frame + at, &arp, sizeof(arp));
	return ARP_BYTES;
}

static bool is_zero(const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

/* To the group of the target's last three bytes (RFC 4291 2.7.1). One that comes from nobody says
 * no link-layer address (RFC 4861 4.3). */
static size_t build_solicitation(uint8_t *frame, const uint8_t mac[static ETH_ALEN],
				 const struct ip_addr *from, const struct ip_addr *target)
{
	uint8_t to[ETH_ALEN] = {0x33, 0x33, 0xff};
	struct {
		struct nd_neighbor_solicit ns;
		struct nd_opt_hdr opt;
		uint8_t lladdr[ETH_ALEN];
	} msg = {.ns = {.nd_ns_hdr = {.icmp6_type = ND_NEIGHBOR_SOLICIT}},
		 .opt = {.nd_opt_type = ND_OPT_SOURCE_LINKADDR, .nd_opt_len = 1}};
	struct ip6_hdr ip = {.ip6_dst = {.s6_addr = {0xff, 0x02, [11] = 1, [12] = 0xff}}};
	size_t at, len = is_zero(from->b, 16) ? sizeof(msg.ns) : sizeof(msg);

	memcpy(to + 3, target->b + 13, 3);
	at = put_ethernet(frame, to, mac, ETHERTYPE_IPV6);
	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons((uint16_t)len);
	ip.ip6_nxt = IPPROTO_ICMPV6;
	ip.ip6_hlim = 255;
	memcpy(&ip.ip6_src, from->b, sizeof(ip.ip6_src));
	memcpy(ip.ip6_dst.s6_addr + 13, target->b + 13, 3);
	memcpy(&msg.ns.nd_ns_target, target->b, sizeof(msg.ns.nd_ns_target));
	memcpy(msg.lladdr, mac, sizeof(msg.lladdr));
	msg.ns.nd_ns_cksum = icmp6_sum(&ip, &msg, len);
	memcpy(frame + at, &ip, sizeof(ip));
	memcpy(frame + at + sizeof(ip), &msg, len);
	return at + sizeof(ip) + len;
}

struct ip_addr probe_nobody(const struct net_leg *leg, const struct ip_addr *addr)
{
	struct ip_addr nobody = {.family = addr->family};
	const struct ip_addr *own = &nobody;

	for (unsigned i = 0; addr->family == AF_INET6 && i < leg->n_vips; i++) {
		const struct ip_addr *a = &leg->vip[i].addr;

		if (a->family == AF_INET6 && !ip_addr_equal(a, addr) &&
		    (own == &nobody || ip_addr_is_link_local(a)))
			own = a;
	}
	return *own;
}

size_t probe_build(uint8_t frame[static PROBE_FRAME_MAX], const uint8_t mac[static NET_MAC_BYTES],
		   const struct ip_addr *from, const struct ip_addr *target)
{
	return target->family == AF_INET ? build_arp(frame, mac, from, target)
					 : build_solicitation(frame, mac, from, target);
}

static bool is_arp_of(const uint8_t *packet, size_t len, const struct ip_addr *target, bool claims)
{
	struct ether_arp arp;

	if (len < sizeof(arp))
		return false;
	memcpy(&arp, packet, sizeof(arp));
	if (arp.ea_hdr.ar_pro != htons(ETHERTYPE_IP) || arp.ea_hdr.ar_hln != ETH_ALEN ||
	    arp.ea_hdr.ar_pln != 4)
		return false;
	if (claims && is_zero(arp.arp_spa, 4) && arp.ea_hdr.ar_op == htons(ARPOP_REQUEST))
		return memcmp(arp.arp_tpa, target->b, 4) == 0;
	return memcmp(arp.arp_spa, target->b, 4) == 0;
}

static bool is_neighbour(const uint8_t *packet, size_t len, const struct ip_addr *target,
			 bool claims)
{
	struct nd_neighbor_advert na; /* a solicitation has the same form */
	struct ip6_hdr ip;
	bool about;

	if (len < sizeof(ip) + sizeof(na))
		return false;
	memcpy(&ip, packet, sizeof(ip));
	memcpy(&na, packet + sizeof(ip), sizeof(na));
	/* a hop limit of 255: it has not come through a router (RFC 4861 7.1) */
	if (ip.ip6_nxt != IPPROTO_ICMPV6 || ip.ip6_hlim != 255)
		return false;
	about = memcmp(&na.nd_na_target, target->b, sizeof(na.nd_na_target)) == 0;
	if (na.nd_na_type == ND_NEIGHBOR_SOLICIT && claims && is_zero(ip.ip6_src.s6_addr, 16))
		return about;
	if (na.nd_na_type == ND_NEIGHBOR_SOLICIT)
		return memcmp(&ip.ip6_src, target->b, sizeof(ip.ip6_src)) == 0;
	return na.nd_na_type == ND_NEIGHBOR_ADVERT && about;
}

static bool is_heard(const uint8_t *frame, size_t len, const struct ip_addr *target, bool claims)
{
	struct ether_header eth;

	if (len < sizeof(eth))
		return false;
	memcpy(&eth, frame, sizeof(eth));
	frame += sizeof(eth);
	len -= sizeof(eth);
	if (target->family == AF_INET)
		return eth.ether_type == htons(ETHERTYPE_ARP) &&
		       is_arp_of(frame, len, target, claims);
	return target->family == AF_INET6 && eth.ether_type == htons(ETHERTYPE_IPV6) &&
	       is_neighbour(frame, len, target, claims);
}

bool probe_is_answer(const uint8_t *frame, size_t len, const struct ip_addr *target)
{
	return is_heard(frame, len, target, false);
}

bool probe_is_claim(const uint8_t *frame, size_t len, const struct ip_addr *target)
{
	return is_heard(frame, len, target, true);
}
