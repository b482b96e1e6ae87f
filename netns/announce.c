/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends what frame.c builds. */
#include "ns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <net/ethernet.h>

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

/* Interface index and MAC are asked for each time: the leg may have been made anew meanwhile. */
static int look_up(const struct announcer *a, struct sockaddr_ll *to,
		   uint8_t mac[static NET_MAC_BYTES])
{
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", a->ifname);
	if (ioctl(a->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, NET_MAC_BYTES);
	if (ioctl(a->fd, SIOCGIFINDEX, &ifr) < 0)
		return -errno;
	*to = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = ifr.ifr_ifindex};
	return 0;
}

static int send_frame(const struct announcer *a, const struct sockaddr_ll *to, const uint8_t *frame,
		      size_t len)
{
	return sendto(a->fd, frame, len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0 ? -errno
											  : 0;
}

int announcer_send(struct announcer *a, const struct ip_addr *vip, enum announce_forms forms)
{
	struct announcement news;
	uint8_t mac[NET_MAC_BYTES];
	struct sockaddr_ll to;
	int err = look_up(a, &to, mac);

	if (err < 0)
		return err;
	announce_build(&news, mac, vip);
	if (!news.n)
		return -EAFNOSUPPORT;
	to.sll_protocol = htons(news.ethertype);
	for (unsigned i = 0; i < news.n && !err; i++)
		if (forms & (i ? ANNOUNCE_OTHER : ANNOUNCE_ONE))
			err = send_frame(a, &to, news.frame[i], news.len);
	return err;
}

int announcer_farewell(struct announcer *a, const struct ip_addr *link_local)
{
	uint8_t frame[ANNOUNCE_FRAME_MAX], mac[NET_MAC_BYTES];
	struct sockaddr_ll to;
	int err = look_up(a, &to, mac);

	if (err < 0)
		return err;
	to.sll_protocol = htons(ETHERTYPE_IPV6);
	return send_frame(a, &to, frame, farewell_build(frame, mac, link_local));
}
