/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The story once more, with both IP versions and a virtual MAC: nothing of them is seen of a
 * STANDBY, and an ACTIVE carries both. */
#include "net_lab.h"

#include <arpa/inet.h>
#include <errno.h>

#define PROMOTIONS   50
#define QUIET_MS     1200 /* unsolicited MLD reports come within a second */
#define DUAL_CHANGES 12	  /* MAC and IPv6 on two legs, two and four addresses, two routes */

static int listener6, client6, server6;

static void add_vip(enum net_leg_id id, const char *text)
{
	struct net_leg *l = &s.d.leg[id];

	assert_int_equal(ip_prefix_parse(&l->vip[l->n_vips++], text), 0);
	net_own_link_local(&l->vip[l->n_vips++], s.d.router, id);
}

static bool has_virtual_mac(unsigned leg)
{
	uint8_t mac[ETH_ALEN];

	mac_of(leg, mac);
	return memcmp(mac, s.d.mac, sizeof(mac)) == 0;
}

void ipv6_standby(void **state)
{
	int capture = probe_capture(s.controller);

	(void)state;
	add_vip(NET_MANAGEMENT, "2001:db8:1::1/64");
	add_vip(NET_PUBLIC, "2001:db8:2::1/64");
	assert_int_equal(ip_addr_parse(&s.d.gateway[NET_V6], "2001:db8:2::fe"), 0);
	s.d.virtual_mac = true;
	net_virtual_mac(s.d.mac, 51, false);
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	assert_int_equal(ensure(false), 1); /* the route of last resort */

	ensure(true);
	assert_true(has_virtual_mac(NET_MANAGEMENT) && has_virtual_mac(NET_PUBLIC));
	assert_int_equal(ensure(false), DUAL_CHANGES);
	assert_false(has_virtual_mac(NET_MANAGEMENT) || has_virtual_mac(NET_PUBLIC));
	assert_false(look().leg[NET_PUBLIC].ipv6);
	while (probe_next(capture, &(struct frame){.len = 0}, 0))
		; /* what the ACTIVE said */
	probe_sh("nsenter --net=/run/netns/%s bash -c 'echo >/dev/udp/2001:db8:80::80/9'", s.node);
	assert_quiet(capture, QUIET_MS);
	close(capture);
}

void ipv6_promotion(void **state)
{
	uint64_t slowest = 0, all = 0;
	char text[512];

	(void)state;
	for (unsigned i = 0; i < PROMOTIONS; i++) {
		uint64_t start = probe_now_us(), us;

		assert_int_equal(ensure(true), DUAL_CHANGES);
		us = probe_now_us() - start;
		all += us;
		slowest = us > slowest ? us : slowest;
		assert_int_equal(ensure(true), 0);
		if (i < PROMOTIONS - 1)
			assert_int_equal(ensure(false), DUAL_CHANGES);
	}
	print_message("promotion with IPv6: mean %llu us, slowest of %d %llu us\n",
		      (unsigned long long)(all / PROMOTIONS), PROMOTIONS,
		      (unsigned long long)slowest);
	/* of use from the first moment on */
	snprintf(text, sizeof(text), "ip -n %s -6 -o address show tentative", s.router);
	probe_output(text, text, sizeof(text));
	assert_string_equal(text, "");
}

static void talk6(void)
{
	char c = 0;

	assert_int_equal(send(client6, "?", 1, 0), 1);
	probe_wait(server6, "the client's byte over IPv6");
	assert_int_equal(recv(server6, &c, 1, 0), 1);
	assert_int_equal(send(server6, "!", 1, 0), 1);
	probe_wait(client6, "the server's byte over IPv6");
	assert_int_equal(recv(client6, &c, 1, 0), 1);
}

/* Neighbours are asked three times in three seconds, and a kernel that is busy with links, others'
 * too, may let none of that pass. */
static int connect6(const struct sockaddr_in6 *to)
{
	uint64_t end = probe_now_us() + PROBE_WAIT_MS * 1000ull;
	int fd = probe_socket(s.node, AF_INET6, SOCK_STREAM, 0);

	while (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0) {
		if (errno != EHOSTUNREACH || probe_now_us() > end)
			fail_msg("no connection over IPv6: %s", strerror(errno));
		close(fd);
		fd = probe_socket(s.node, AF_INET6, SOCK_STREAM, 0);
	}
	return fd;
}

void ipv6_traffic(void **state)
{
	struct sockaddr_in6 web = {.sin6_family = AF_INET6, .sin6_port = htons(8080)}, from;
	socklen_t len = sizeof(from);
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:80::80", &web.sin6_addr), 1);
	listener6 = probe_socket(s.gateway, AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bind(listener6, (struct sockaddr *)&web, sizeof(web)), 0);
	assert_int_equal(listen(listener6, 1), 0);
	client6 = connect6(&web);
	probe_wait(listener6, "a connection");
	server6 = accept(listener6, (struct sockaddr *)&from, &len);
	assert_true(server6 >= 0);
	assert_string_equal(inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text)),
			    "2001:db8:2::1");
	talk6();
}

void ipv6_drift(void **state)
{
	static const char *const spoil[] = {
		"ip netns exec %s sysctl -qw net.ipv6.conf.vr-mgmt.disable_ipv6=1",
		"ip netns exec %s sysctl -qw net.ipv6.conf.vr-ex.disable_ipv6=1",
		"ip -n %s addr del 2001:db8:1::1/64 dev vr-mgmt",
		"ip -n %s addr add 2001:db8:3::1/64 dev vr-mgmt",
		"ip -n %s -6 addr flush dev vr-mgmt scope link",
		"ip -n %s -6 route del default via 2001:db8:2::fe",
		"ip -n %s -6 route replace default via 2001:db8:2::77 metric 1024",
		"ip -n %s -6 route del blackhole default metric 4294967295",
		"ip -n %s link set vr-ex down",
		"ip -n %s link set vr-mgmt address 02:00:00:00:00:01",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
		char cmd[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(cmd, sizeof(cmd), spoil[i], s.router);
#pragma GCC diagnostic pop
		assert_int_equal(probe_sh("%s", cmd), 0);
		if (ensure(true) == 0)
			fail_msg("not repaired: %s", cmd);
		if (ensure(true) != 0)
			fail_msg("repaired only in part: %s", cmd);
		/* what neighbours learnt meanwhile is put right by an announcement, not here */
		assert_int_equal(probe_sh("ip -n %s neigh flush all; ip -n %s neigh flush all",
					  s.node, s.gateway),
				 0);
		talk6();
	}
}

/* Node and router know their gateways by link-local addresses. */
void ipv6_probes(void **state)
{
	(void)state;
	probe("2001:db8:2::fe", "2001:db8:2::77");
	talk6();
}

void ipv6_link_local(void **state)
{
	const struct net_leg *m = &s.d.leg[NET_MANAGEMENT];
	struct ip_addr before = s.d.gateway[NET_V6];
	char ours[INET6_ADDRSTRLEN];

	(void)state;
	ip_addr_format(&m->vip[m->n_vips - 1].addr, ours);
	assert_int_equal(probe_sh("ip -n %s addr add fe80::fe/64 dev eth0 nodad", s.gateway), 0);
	assert_int_equal(ip_addr_parse(&s.d.gateway[NET_V6], "fe80::fe"), 0);
	assert_int_equal(ensure(true), 1);
	assert_int_equal(ensure(true), 0);
	assert_int_equal(
		probe_sh("ip -n %s -6 route replace default via %s dev eth0", s.node, ours), 0);
	talk6();
	s.d.gateway[NET_V6] = before;
	assert_int_equal(ensure(true), 1);
}

/* The configuration without IPv6 again. */
void ipv6_no_more(void **state)
{
	(void)state;
	s.d.leg[NET_MANAGEMENT].n_vips = s.d.leg[NET_PUBLIC].n_vips = 1;
	s.d.gateway[NET_V6].family = 0;
	s.d.virtual_mac = false;
	assert_int_equal(ensure(true), 9); /* a route, four addresses, IPv6 and MAC twice */
	assert_int_equal(ensure(true), 0);
	assert_false(look().leg[NET_MANAGEMENT].ipv6);
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	ensure(false);
	close(client6);
	close(server6);
	close(listener6);
}
