/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "net_probe.h"

#define MARK 0x5a /* in the low byte of ports and ids that crafted packets use */

static int home = -1;

void probe_init(void)
{
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		abort();
}

uint64_t probe_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int probe_sh(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

void probe_output(const char *cmd, char *buf, size_t cap)
{
	FILE *f = popen(cmd, "r");

	assert_non_null(f);
	buf[fread(buf, 1, cap - 1, f)] = '\0';
	pclose(f);
}

static void enter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", name);

	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

static void leave(void)
{
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
}

int probe_socket(const char *name, int family, int type, int proto)
{
	enter(name);

	int fd = socket(family, type | SOCK_CLOEXEC, proto);

	leave();
	assert_true(fd >= 0);
	return fd;
}

void probe_wait(int fd, const char *what)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, PROBE_WAIT_MS) != 1)
		fail_msg("waited in vain for %s", what);
}

struct sockaddr_in probe_addr(const char *addr, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET, addr, &a.sin_addr), 1);
	return a;
}

/* ---- frames ---- */

int probe_capture(const char *name)
{
	return probe_socket(name, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

bool probe_next(int fd, struct frame *f, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	socklen_t len = sizeof(f->from);
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = recvfrom(fd, f->data, sizeof(f->data), 0, (struct sockaddr *)&f->from, &len);
	assert_true(n >= 0);
	f->len = (size_t)n;
	return true;
}

bool probe_is_announcement(const struct frame *f, const struct ip_addr *vip)
{
	const struct ether_arp *arp = (const void *)(f->data + ETH_HLEN);

	return f->len >= ETH_HLEN + sizeof(*arp) && f->data[12] == 8 && f->data[13] == 6 &&
	       memcmp(arp->arp_spa, vip->b, 4) == 0 && memcmp(arp->arp_tpa, vip->b, 4) == 0;
}

/* Sum over 16-bit words, RFC 1071. */
static uint32_t sum(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	return total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

void probe_send_ack(const char *ns, const char *from, const char *to, uint16_t dport)
{
	struct sockaddr_in src = probe_addr(from, 0), dst = probe_addr(to, 0);
	struct tcphdr tcp = {
		.th_sport = htons(0x4d00 | MARK),
		.th_dport = htons(dport),
		.th_seq = htonl(1000),
		.th_ack = htonl(2000),
		.th_off = 5,
		.th_flags = TH_ACK,
		.th_win = htons(1000),
	};
	int fd = probe_socket(ns, AF_INET, SOCK_RAW, IPPROTO_TCP);

	tcp.th_sum = fold(sum(&src.sin_addr, 4) + sum(&dst.sin_addr, 4) + IPPROTO_TCP +
			  (uint32_t)sizeof(tcp) + sum(&tcp, sizeof(tcp)));
	assert_int_equal(sendto(fd, &tcp, sizeof(tcp), 0, (struct sockaddr *)&dst, sizeof(dst)),
			 sizeof(tcp));
	close(fd);
}

void probe_send_udp(const char *ns, const char *to, uint16_t dport)
{
	struct sockaddr_in dst = probe_addr(to, dport);
	int fd = probe_socket(ns, AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&dst, sizeof(dst)), 1);
	close(fd);
}

void probe_send_echo(const char *ns, const char *to)
{
	struct sockaddr_in dst = probe_addr(to, 0);
	struct icmphdr icmp = {.type = ICMP_ECHO, .un.echo.id = htons(MARK)};
	int fd = probe_socket(ns, AF_INET, SOCK_RAW, IPPROTO_ICMP);

	icmp.checksum = fold(sum(&icmp, sizeof(icmp)));
	assert_int_equal(sendto(fd, &icmp, sizeof(icmp), 0, (struct sockaddr *)&dst, sizeof(dst)),
			 sizeof(icmp));
	close(fd);
}

void probe_only_echo(int capture, const char *by)
{
	struct in_addr addr = probe_addr(by, 0).sin_addr;
	struct frame f;

	while (probe_next(capture, &f, PROBE_WAIT_MS)) {
		const struct iphdr *ip = (const void *)(f.data + ETH_HLEN);
		const uint8_t *l4 = f.data + ETH_HLEN + sizeof(*ip);

		if (f.from.sll_pkttype == PACKET_OUTGOING || f.len < ETH_HLEN + sizeof(*ip) + 8 ||
		    f.data[12] != 8 || f.data[13] != 0 || ip->saddr != addr.s_addr)
			continue;
		if (ip->protocol == IPPROTO_TCP)
			fail_msg("%s answered a segment of an unknown flow", by);
		if (ip->protocol == IPPROTO_ICMP && l4[0] == ICMP_DEST_UNREACH)
			fail_msg("%s answered with ICMP unreachable", by);
		if (ip->protocol == IPPROTO_ICMP && l4[0] == ICMP_ECHOREPLY)
			return;
	}
	fail_msg("%s does not answer an echo request", by);
}
