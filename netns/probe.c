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
#define ETHER_SRC  6  /* offsets in a frame */
#define ARP_SPA	   28
#define ARP_TPA	   38
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
	enum net_probe_for what;
	uint8_t mac[NET_MAC_BYTES]; /* that was sent with; zero: nothing was */
	struct event *readable;
	void (*on_heard)(void *ctx, const uint8_t mac[static NET_MAC_BYTES]);
	void *ctx;
};

static uint16_t protocol(const struct net_probe *p)
{
	return htons(p->target.family == AF_INET ? ETHERTYPE_ARP : ETHERTYPE_IPV6);
}

/* By the last four bytes of the address; probe_is_answer() is exact. Of solicitations: those from
 * the address, and with claims those for it from nowhere. */
static int filter_ipv6(int fd, uint32_t last, bool claims)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP6_NEXT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 9),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP6_TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP6_SRC + 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, last, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, claims ? 0 : last, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ND_TARGET + 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, last, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {.len = ARRAY_LEN(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int filter_arp(int fd, uint32_t addr, bool claims)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SPA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, addr, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, claims ? 0 : addr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_TPA),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, addr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = {.len = ARRAY_LEN(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int filter(int fd, const struct ip_addr *target, bool claims)
{
	uint32_t last;

	memcpy(&last, target->b + (target->family == AF_INET ? 0 : 12), sizeof(last));
	last = ntohl(last);
	return target->family == AF_INET ? filter_arp(fd, last, claims)
					 : filter_ipv6(fd, last, claims);
}

/* Protocol 0: nothing is queued before the filter is there and a leg is chosen. */
static int open_packet(void *arg)
{
	const struct net_probe *p = arg;
	bool claims = p->what == NET_PROBE_CLAIMS;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err = 0;

	if (fd < 0)
		return -errno;
	if (filter(fd, &p->target, claims) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0) {
		err = -errno;
		close(fd);
	}
	return err < 0 ? err : fd;
}

static bool is_heard(const struct net_probe *p, const uint8_t *frame, size_t len)
{
	bool is = p->what == NET_PROBE_CLAIMS ? probe_is_claim(frame, len, &p->target)
					      : probe_is_answer(frame, len, &p->target);

	return is && memcmp(frame + ETHER_SRC, p->mac, sizeof(p->mac)) != 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_probe *p = arg;
	uint8_t mac[NET_MAC_BYTES];
	bool heard = false;

	(void)what;
	for (unsigned i = 0; i < READ_MAX; i++) {
		uint8_t frame[128];
		ssize_t n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) /* EAGAIN, or the leg went down */
			break;
		if (!is_heard(p, frame, (size_t)n))
			continue;
		heard = true;
		memcpy(mac, frame + ETHER_SRC, sizeof(mac));
	}
	if (heard)
		p->on_heard(p->ctx, mac); /* last: it may free p */
}

int net_probe_new(struct net_probe **out, struct netns *ns, struct event_base *base,
		  const char *ifname, const struct ip_addr *target, enum net_probe_for what,
		  void (*on_heard)(void *ctx, const uint8_t mac[static NET_MAC_BYTES]), void *ctx)
{
	struct net_probe *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	*p = (struct net_probe){
		.ns = ns, .target = *target, .what = what, .on_heard = on_heard, .ctx = ctx};
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

/* Duplicate detection is answered to all nodes, and a macvlan passes on only the groups that
 * somebody asked for. */
static void hear_groups(const struct net_probe *p)
{
	const struct packet_mreq all = {.mr_ifindex = (int)p->ifindex,
					.mr_type = PACKET_MR_ALLMULTI};

	if (p->what == NET_PROBE_CLAIMS && p->target.family == AF_INET6)
		(void)setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
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
	hear_groups(p);
	/* that the old leg went down is no error of the new one */
	(void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &old, &(socklen_t){sizeof(old)});
	return 0;
}

int net_probe_send(struct net_probe *p, const struct ip_addr *from)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = protocol(p)};
	uint8_t frame[PROBE_FRAME_MAX];
	struct ifreq ifr = {0};
	size_t len;
	int err = net_probe_renew(p);

	if (err < 0)
		return err;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->ifname);
	if (ioctl(p->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(p->mac, ifr.ifr_hwaddr.sa_data, sizeof(p->mac));
	len = probe_build(frame, p->mac, from, &p->target);
	to.sll_ifindex = (int)p->ifindex;
	return sendto(p->fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}
