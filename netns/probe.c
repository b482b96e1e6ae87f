/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks for one address on a leg and hears what comes from it, on a packet socket of its own: the
 * kernel's own neighbour entries stay as traffic has made them. A filter in the kernel lets little
 * through but what comes from the target. */
#include "ns.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>

#define READ_MAX   16 /* frames of one wake-up */
#define ARP_SPA	   28 /* offsets in a frame */
#define IP6_NEXT   20
#define IP6_SRC	   22
#define ICMP6_TYPE 54
#define ND_TARGET  62

struct net_probe {
	struct netns *ns; /* borrowed */
	int fd;
	unsigned ifindex; /* that it listens to */
	char ifname[IFNAMSIZ];
	struct ip_addr target;
	uint8_t heard_mac[NET_MAC_BYTES]; /* of the last frame that was it */
	struct event *readable;
	void (*on_heard)(void *ctx);
	void *ctx;
};

static uint16_t protocol(const struct net_probe *p)
{
	return htons(p->target.family == AF_INET ? ETHERTYPE_ARP : ETHERTYPE_IPV6);
}

/* By the last four bytes of the address; probe_is_answer() is exact. */
static int filter_ipv6(int fd, uint32_t last)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP6_NEXT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP6_TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_SRC + 12),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ND_TARGET + 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, last, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {.len = ARRAY_LEN(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int filter_arp(int fd, uint32_t addr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SPA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, addr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {.len = ARRAY_LEN(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int filter(int fd, const struct ip_addr *target)
{
	uint32_t last;

	memcpy(&last, target->b + (target->family == AF_INET ? 0 : 12), sizeof(last));
	last = ntohl(last);
	return target->family == AF_INET ? filter_arp(fd, last) : filter_ipv6(fd, last);
}

/* Protocol 0: nothing is queued before the filter is there and a leg is chosen. */
static int open_packet(void *arg)
{
	const struct net_probe *p = arg;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err = 0;

	if (fd < 0)
		return -errno;
	if (filter(fd, &p->target) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0) {
		err = -errno;
		close(fd);
	}
	return err < 0 ? err : fd;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_probe *p = arg;
	bool heard = false;

	(void)what;
	for (unsigned i = 0; i < READ_MAX; i++) {
		uint8_t frame[128];
		ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) /* EAGAIN, or the leg went down */
			break;
		if (!probe_is_answer(frame, (size_t)n, &p->target))
			continue;
		memcpy(p->heard_mac, frame + ETH_ALEN, ETH_ALEN);
		heard = true;
	}
	if (heard)
		p->on_heard(p->ctx); /* last: it may free p */
}

int net_probe_new(struct net_probe **out, struct netns *ns, struct event_base *base,
		  const char *ifname, const struct ip_addr *target, void (*on_heard)(void *ctx),
		  void *ctx)
{
	struct net_probe *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	*p = (struct net_probe){.ns = ns, .target = *target, .on_heard = on_heard, .ctx = ctx};
	snprintf(p->ifname, sizeof(p->ifname), "%s", ifname);
	p->fd = netns_run(ns, open_packet, p);
	err = p->fd < 0 ? p->fd : 0;
	p->readable = err ? NULL : event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	if (!err && (!p->readable || event_add(p->readable, NULL) < 0))
		err = -ENOMEM;
	if (err < 0) {
		net_probe_free(p);
		return err;
	}
	(void)!net_probe_renew(p); /* the leg may come later */
	*out = p;
	return 0;
}

void net_probe_free(struct net_probe *p)
{
	if (!p)
		return;
	if (p->readable)
		event_free(p->readable);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

const uint8_t *net_probe_heard_mac(const struct net_probe *p)
{
	return p->heard_mac;
}

int net_probe_renew(struct net_probe *p)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = protocol(p)};
	struct ifreq ifr = {0};
	int old;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->ifname);
	if (ioctl(p->fd, SIOCGIFINDEX, &ifr) < 0)
		return -errno;
	if ((unsigned)ifr.ifr_ifindex == p->ifindex)
		return 0;
	to.sll_ifindex = ifr.ifr_ifindex;
	if (bind(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	p->ifindex = (unsigned)ifr.ifr_ifindex;
	/* that the old leg went down is no error of the new one */
	(void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &old, &(socklen_t){sizeof(old)});
	return 0;
}

int net_probe_send(struct net_probe *p, const struct ip_addr *from)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = protocol(p)};
	uint8_t frame[PROBE_FRAME_MAX], mac[NET_MAC_BYTES];
	struct ifreq ifr = {0};
	size_t len;
	int err = net_probe_renew(p);

	if (err < 0)
		return err;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->ifname);
	if (ioctl(p->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(mac));
	len = probe_build(frame, mac, from, &p->target);
	to.sll_ifindex = (int)p->ifindex;
	return sendto(p->fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
