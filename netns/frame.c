/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames that announce a VIP. Pure. */
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

static size_t put_neighbour(uint8_t *frame, const uint8_t mac[static ETH_ALEN],
			    const struct ip_addr *vip)
{
	static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
	struct {
		struct nd_neighbor_advert na;
		struct nd_opt_hdr opt;
		uint8_t lladdr[ETH_ALEN];
	} msg = {.na = {.nd_na_hdr = {.icmp6_type = ND_NEIGHBOR_ADVERT}},
		 .opt = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1}};
	struct ip6_hdr ip = {.ip6_dst = {.s6_addr = {0xff, 0x02, [15] = 1}}};
	size_t at = put_ethernet(frame, all_nodes_mac, mac, ETHERTYPE_IPV6);

	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons(sizeof(msg));
	ip.ip6_nxt = IPPROTO_ICMPV6;
	ip.ip6_hlim = 255; /* anything else is dropped as coming from beyond a router */
	memcpy(&ip.ip6_src, vip->b, sizeof(ip.ip6_src));
	msg.na.nd_na_flags_reserved = ND_NA_FLAG_ROUTER | ND_NA_FLAG_OVERRIDE;
	memcpy(&msg.na.nd_na_target, vip->b, sizeof(msg.na.nd_na_target));
	memcpy(msg.lladdr, mac, sizeof(msg.lladdr));
	msg.na.nd_na_cksum = icmp6_sum(&ip, &msg, sizeof(msg));
	memcpy(frame + at, &ip, sizeof(ip));
	memcpy(frame + at + sizeof(ip), &msg, sizeof(msg));
	return at + sizeof(ip) + sizeof(msg);
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
