/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gratuitous ARP: tells neighbours and switches where a VIP is now. Two forms, because some stacks
 * learn from requests only and some from replies only (RFC 5227 3). */
#include "ns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <netinet/if_ether.h>

#define FRAME_BYTES 60 /* Ethernet's minimum without the checksum: some bridges drop less */

struct announcer {
	int fd;
	char ifname[IFNAMSIZ];
};

static int open_packet(void *arg)
{
	/* protocol 0: sends only, nothing is queued to it */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)arg;
	return fd < 0 ? -errno : fd;
}

int announcer_new(struct announcer **out, struct netns *ns, const char *ifname)
{
	struct announcer *a;

	if (!*ifname || strlen(ifname) >= IFNAMSIZ)
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	snprintf(a->ifname, sizeof(a->ifname), "%s", ifname);
	a->fd = netns_run(ns, open_packet, NULL);
	if (a->fd < 0) {
		int err = a->fd;

		free(a);
		return err;
	}
	*out = a;
	return 0;
}

void announcer_free(struct announcer *a)
{
	if (!a)
		return;
	close(a->fd);
	free(a);
}

static void build(uint8_t frame[static FRAME_BYTES], const uint8_t mac[static ETH_ALEN],
		  const struct ip_addr *vip, uint16_t op)
{
	struct ether_header eth = {.ether_type = htons(ETHERTYPE_ARP)};
	struct ether_arp arp = {
		.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
			   .ar_pro = htons(ETHERTYPE_IP),
			   .ar_hln = ETH_ALEN,
			   .ar_pln = 4,
			   .ar_op = htons(op)},
	};

	memset(eth.ether_dhost, 0xff, ETH_ALEN);
	memcpy(eth.ether_shost, mac, ETH_ALEN);
	memcpy(arp.arp_sha, mac, ETH_ALEN);
	memcpy(arp.arp_spa, vip->b, 4);
	/* Linux takes a reply for gratuitous, and so overrides an entry that is younger than its
	 * lock time of a second, only when the target is the sender; a request's is ignored (RFC
	 * 5227 2.1.1: zero). */
	if (op == ARPOP_REPLY)
		memcpy(arp.arp_tha, mac, ETH_ALEN);
	memcpy(arp.arp_tpa, vip->b, 4);
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &arp, sizeof(arp));
}

/* Interface index and MAC are asked for each time: the leg may have been made anew meanwhile. */
int announcer_send(struct announcer *a, const struct ip_addr *vip)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_ARP)};
	struct ifreq ifr = {0};
	uint8_t mac[ETH_ALEN], frame[2][FRAME_BYTES];

	if (vip->family != AF_INET)
		return -EAFNOSUPPORT;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", a->ifname);
	if (ioctl(a->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(mac));
	if (ioctl(a->fd, SIOCGIFINDEX, &ifr) < 0)
		return -errno;
	to.sll_ifindex = ifr.ifr_ifindex;
	build(frame[0], mac, vip, ARPOP_REQUEST);
	build(frame[1], mac, vip, ARPOP_REPLY);
	for (size_t i = 0; i < ARRAY_LEN(frame); i++)
		if (sendto(a->fd, frame[i], FRAME_BYTES, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			return -errno;
	return 0;
}
