/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The router's network on a real kernel. Started by test_net.sh inside the controller's namespace;
 * the tests are one story, in their order: build, stay silent, promote, carry traffic, repair,
 * adopt, demote, take away. */
#include "net_lab.h"

#include <cap-ng.h>
#include <netinet/ip.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define SILENCE_MS 3000 /* duplicate detection, MLD and router solicitations are over by then */
#define PROMOTIONS 50

struct story s;
char reason[NET_REASON_MAX];

unsigned ensure(bool active)
{
	unsigned changed;

	s.d.active = active;
	assert_ok(net_ensure(s.ns, &s.d, &changed, reason));
	return changed;
}

void assert_fault(const char *want)
{
	unsigned changed;

	assert_int_equal(net_ensure(s.ns, &s.d, &changed, reason), -ENOTRECOVERABLE);
	assert_string_equal(reason, want);
}

struct net_actual look(void)
{
	struct net_actual a;

	assert_ok(net_read(s.ns, &s.d, &a, reason));
	return a;
}

void mac_of(unsigned leg, uint8_t mac[static ETH_ALEN])
{
	struct ifreq ifr = {0};
	int fd = probe_socket(s.router, AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", s.d.leg[leg].ifname);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
}

/* ---- the story: before the router ---- */

static void names_refused(void **state)
{
	char path[128], want[NET_REASON_MAX];
	struct netns *ns = NULL;
	bool created;

	(void)state;
	assert_int_equal(netns_open(&ns, "a/b", &created, reason), -EINVAL);
	assert_int_equal(netns_open(&ns, "..", &created, reason), -EINVAL);
	assert_int_equal(netns_open(&ns, "", &created, reason), -EINVAL);

	assert_int_equal(netns_open(&ns, s.controller, &created, reason), -EBUSY);
	snprintf(want, sizeof(want), "namespace %s is the controller's own network, not a router's",
		 s.controller);
	assert_string_equal(reason, want);

	snprintf(path, sizeof(path), "/run/netns/%s", s.router);
	assert_int_equal(probe_sh("echo data >%s", path), 0);
	assert_true(netns_open(&ns, s.router, &created, reason) < 0);
	snprintf(want, sizeof(want), "%s is not a network namespace", path);
	assert_string_equal(reason, want);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(path), 0);
	assert_null(ns);
}

static void leftover_replaced(void **state)
{
	bool created = false;

	(void)state;
	assert_int_equal(probe_sh(": >/run/netns/%s", s.router), 0);
	assert_ok(netns_open(&s.ns, s.router, &created, reason));
	assert_true(created);
	assert_int_equal(probe_sh("ip netns list | grep -qw %s", s.router), 0);
	assert_int_equal(probe_sh("ip netns exec %s true", s.router), 0);
}

static void assert_sysctls(const char *const *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int len = (int)strcspn(want[i], "=");

		if (probe_sh("test \"$(nsenter --net=/run/netns/%s cat /proc/sys/net/%.*s)\" = %s",
			     s.router, len, want[i], want[i] + len + 1) != 0)
			fail_msg("%s", want[i]);
	}
}

static void sysctls(void **state)
{
	static const char *const want[] = {
		"ipv4/ip_forward=1",
		"ipv4/conf/all/rp_filter=0",
		"ipv4/conf/lo/send_redirects=0",
		"ipv4/conf/default/arp_ignore=1",
		"ipv6/conf/default/disable_ipv6=1",
		"ipv6/conf/lo/disable_ipv6=1",
		"ipv6/conf/all/forwarding=1",
		"ipv6/conf/lo/accept_redirects=0",
		"ipv6/conf/default/accept_dad=0",
		"netfilter/nf_conntrack_events=1",
		"netfilter/nf_conntrack_tcp_loose=0",
	};

	(void)state;
	assert_sysctls(want, ARRAY_LEN(want));
}

/* Without the right to make a namespace: said so, and nothing is left behind. */
static void no_capability(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct netns *ns;
		bool created;
		int err;

		capng_get_caps_process();
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN);
		capng_apply(CAPNG_SELECT_CAPS);
		err = netns_open(&ns, s.router, &created, reason);
		_exit(err == -EPERM && strstr(reason, "(needs CAP_SYS_ADMIN)") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(probe_sh("ls /run/netns | grep -qx %s", s.router) == 0, 0);
}

static void faults(void **state)
{
	struct net_actual a;

	(void)state;
	strcpy(s.d.leg[NET_PUBLIC].bridge, "br-none");
	s.d.active = true;
	assert_fault("bridge br-none does not exist");
	a = look();
	assert_true(a.leg[NET_MANAGEMENT].host_is_peer);
	assert_int_equal(a.leg[NET_MANAGEMENT].n_addrs, 0);
	assert_false(a.leg[NET_PUBLIC].exists);
	strcpy(s.d.leg[NET_PUBLIC].bridge, "gate");
	assert_fault("gate is not a bridge");
	strcpy(s.d.leg[NET_PUBLIC].bridge, "br-ex");

	assert_int_equal(probe_sh("ip link add %s type bridge", s.d.leg[NET_PUBLIC].hostname), 0);
	s.d.active = false;
	assert_int_equal(net_ensure(s.ns, &s.d, &(unsigned){0}, reason), -ENOTRECOVERABLE);
	assert_int_equal(probe_sh("ip link del %s", s.d.leg[NET_PUBLIC].hostname), 0);
	assert_ok(net_teardown(s.ns, &s.d, reason));
}

/* ---- STANDBY ---- */

void assert_quiet(int capture, unsigned ms)
{
	uint64_t end = probe_now_us() + (uint64_t)ms * 1000;
	struct net_actual a = look();
	uint8_t mac[NET_LEGS][ETH_ALEN];
	struct announcer *announcer;
	bool control = false;
	struct frame f;

	for (unsigned id = 0; id < NET_LEGS; id++)
		mac_of(id, mac[id]);
	assert_ok(announcer_new(&announcer, s.ns, s.d.leg[NET_PUBLIC].ifname));
	while (!control) {
		bool over = probe_now_us() >= end;

		if (over)
			assert_ok(announcer_send(announcer, &s.d.leg[NET_PUBLIC].vip[0].addr,
						 ANNOUNCE_ALL));
		if (!probe_next(capture, &f, over ? PROBE_WAIT_MS : 10)) {
			if (over)
				fail_msg("the capture does not see the legs' frames");
			continue;
		}
		for (unsigned id = 0; id < NET_LEGS; id++) {
			bool port = f.from.sll_ifindex == (int)a.leg[id].host_ifindex &&
				    f.from.sll_pkttype != PACKET_OUTGOING;

			if (!port && memcmp(f.data + ETH_ALEN, mac[id], ETH_ALEN) != 0)
				continue;
			if (!over || id != NET_PUBLIC ||
			    !probe_is_announcement(&f, &s.d.leg[NET_PUBLIC].vip[0].addr))
				fail_msg("leg %u sent a frame of type %02x%02x", id, f.data[12],
					 f.data[13]);
			control = true;
		}
	}
	announcer_free(announcer);
}

static void silent_standby(void **state)
{
	static const char *const inherited[] = {
		"ipv4/conf/vr-ex/rp_filter=0",	    "ipv4/conf/vr-ex/arp_ignore=1",
		"ipv4/conf/vr-mgmt/arp_announce=2", "ipv4/conf/vr-mgmt/send_redirects=0",
		"ipv6/conf/vr-ex/disable_ipv6=1",   "ipv6/conf/vr-mgmt/accept_ra=0",
	};
	int capture = probe_capture(s.controller);
	char before[512], after[512];
	struct net_actual a;

	(void)state;
	probe_output("ip -o link show type bridge | grep -o 'ether.*'", before, sizeof(before));
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	assert_true(ensure(false) > 0);
	assert_int_equal(ensure(false), 0);
	/* a bridge takes the lowest address of its ports: never ours */
	probe_output("ip -o link show type bridge | grep -o 'ether.*'", after, sizeof(after));
	assert_string_equal(before, after);
	assert_sysctls(inherited, ARRAY_LEN(inherited));
	a = look();
	for (unsigned id = 0; id < NET_LEGS; id++) {
		assert_true(a.leg[id].host_is_peer && a.leg[id].up && a.leg[id].carrier);
		assert_int_equal(a.leg[id].host_master, a.leg[id].bridge_ifindex);
		assert_int_equal(a.leg[id].n_addrs, 0);
	}
	assert_int_equal(a.leg[NET_PUBLIC].mtu, 1400);
	assert_int_equal(a.leg[NET_PUBLIC].host_mtu, 1400);
	assert_int_equal(a.leg[NET_MANAGEMENT].mtu, 1500);
	/* makes the node ask for the VIP, which nobody may answer */
	probe_send_udp(s.node, "203.0.113.80", 9);
	assert_quiet(capture, SILENCE_MS);
	close(capture);
}

/* ---- ACTIVE ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void promotion(void **state)
{
	uint64_t us[PROMOTIONS];
	struct net_actual a;

	(void)state;
	for (unsigned i = 0; i < PROMOTIONS; i++) {
		uint64_t start = probe_now_us();

		assert_int_equal(ensure(true), 3);
		us[i] = probe_now_us() - start;
		assert_int_equal(ensure(true), 0);
		if (i < PROMOTIONS - 1)
			assert_int_equal(ensure(false), 3);
	}
	qsort(us, PROMOTIONS, sizeof(us[0]), by_value);
	print_message("promotion: median %llu us, slowest of %d %llu us\n",
		      (unsigned long long)us[PROMOTIONS / 2], PROMOTIONS,
		      (unsigned long long)us[PROMOTIONS - 1]);
	a = look();
	assert_int_equal(a.leg[NET_MANAGEMENT].n_addrs, 1);
	assert_int_equal(a.leg[NET_PUBLIC].n_addrs, 1);
	assert_true(a.route[NET_V4].exists &&
		    ip_addr_equal(&a.route[NET_V4].via, &s.d.gateway[NET_V4]));
}

static void announcement(void **state)
{
	const struct ip_addr *vip = &s.d.leg[NET_MANAGEMENT].vip[0].addr;
	int capture = probe_capture(s.node);
	struct announcer *announcer;
	unsigned forms = 0;
	uint8_t mac[ETH_ALEN];
	struct frame f;

	(void)state;
	mac_of(NET_MANAGEMENT, mac);
	assert_ok(announcer_new(&announcer, s.ns, s.d.leg[NET_MANAGEMENT].ifname));
	assert_ok(announcer_send(announcer, vip, ANNOUNCE_ONE));
	assert_ok(announcer_send(announcer, vip, ANNOUNCE_OTHER));
	while (forms != 3 && probe_next(capture, &f, PROBE_WAIT_MS)) {
		const struct ether_arp *arp = (const void *)(f.data + ETH_HLEN);

		if (!probe_is_announcement(&f, vip))
			continue;
		assert_memory_equal(f.data + ETH_ALEN, mac, ETH_ALEN);
		assert_memory_equal(arp->arp_sha, mac, ETH_ALEN);
		forms |= arp->arp_op == htons(ARPOP_REQUEST) ? 1u : 2u;
	}
	assert_int_equal(forms, 3);
	announcer_free(announcer);
	close(capture);

	assert_ok(announcer_new(&announcer, s.ns, "nosuch"));
	assert_int_equal(announcer_send(announcer, vip, ANNOUNCE_ALL), -ENODEV);
	announcer_free(announcer);
}

void talk(void)
{
	char c = 0;

	assert_int_equal(send(s.client, "?", 1, 0), 1);
	probe_wait(s.server, "the client's byte");
	assert_int_equal(recv(s.server, &c, 1, 0), 1);
	assert_int_equal(c, '?');
	assert_int_equal(send(s.server, "!", 1, 0), 1);
	probe_wait(s.client, "the server's byte");
	assert_int_equal(recv(s.client, &c, 1, 0), 1);
	assert_int_equal(c, '!');
}

static void traffic(void **state)
{
	struct sockaddr_in web = probe_addr("203.0.113.80", 8080), from;
	socklen_t len = sizeof(from);

	(void)state;
	s.listener = probe_socket(s.gateway, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s.listener, (struct sockaddr *)&web, sizeof(web)), 0);
	assert_int_equal(listen(s.listener, 1), 0);
	s.client = probe_socket(s.node, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(s.client, (struct sockaddr *)&web, sizeof(web)), 0);
	probe_wait(s.listener, "a connection");
	s.server = accept(s.listener, (struct sockaddr *)&from, &len);
	assert_true(s.server >= 0);
	assert_int_equal(from.sin_addr.s_addr, probe_addr("198.18.0.1", 0).sin_addr.s_addr);
	talk();
}

/* What a live flow's packet meets on a controller that does not know the flow: nothing. */
static void unknown_flows(void **state)
{
	int public = probe_capture(s.gateway), management = probe_capture(s.node);

	(void)state;
	probe_send_ack(s.gateway, "198.18.0.254", "198.18.0.1", 40000);
	probe_send_udp(s.gateway, "198.18.0.1", 40000);
	probe_send_echo(s.gateway, "198.18.0.1");
	probe_only_echo(public, "198.18.0.1");

	probe_send_ack(s.node, "10.20.0.10", "10.20.0.1", 22);
	probe_send_echo(s.node, "10.20.0.1");
	probe_only_echo(management, "10.20.0.1");
	/* would reach the listener, which would answer RST */
	probe_send_ack(s.node, "10.20.0.10", "203.0.113.80", 8080);
	probe_send_echo(s.node, "203.0.113.80");
	probe_only_echo(management, "203.0.113.80");
	close(public);
	close(management);
}

/* New connections from the public side end at the router. */
static void nothing_new_comes_in(void **state)
{
	int capture = probe_capture(s.node);
	struct frame f;

	(void)state;
	assert_int_equal(probe_sh("ip -n %s route add 10.20.0.0/24 via 198.18.0.1", s.gateway), 0);
	probe_send_udp(s.gateway, "10.20.0.10", 9);
	probe_send_echo(s.gateway, "198.18.0.1");
	assert_int_equal(probe_sh("ip -n %s route del 10.20.0.0/24", s.gateway), 0);
	while (probe_next(capture, &f, 100)) {
		const struct iphdr *ip = (const void *)(f.data + ETH_HLEN);

		if (f.data[12] == 8 && f.data[13] == 0 && ip->protocol == IPPROTO_UDP &&
		    ip->saddr == probe_addr("198.18.0.254", 0).sin_addr.s_addr)
			fail_msg("a new flow came in");
	}
	close(capture);
	talk();
}

static void prepare(char **argv)
{
	s = (struct story){
		.controller = argv[1], .node = argv[2], .gateway = argv[3], .router = argv[4]};
	probe_init();
	snprintf(s.d.router, sizeof(s.d.router), "lab");
	snprintf(s.d.namespace, sizeof(s.d.namespace), "%s", s.router);
	s.d.nat = NET_NAT_SNAT;
	strcpy(s.d.leg[NET_MANAGEMENT].ifname, "vr-mgmt");
	strcpy(s.d.leg[NET_MANAGEMENT].bridge, "br-mgmt");
	strcpy(s.d.leg[NET_PUBLIC].ifname, "vr-ex");
	strcpy(s.d.leg[NET_PUBLIC].bridge, "br-ex");
	for (unsigned id = 0; id < NET_LEGS; id++)
		net_hostname(s.d.leg[id].hostname, s.router, (enum net_leg_id)id);
	if (ip_prefix_parse(&s.d.leg[NET_MANAGEMENT].vip[0], "10.20.0.1/24") < 0 ||
	    ip_prefix_parse(&s.d.leg[NET_PUBLIC].vip[0], "198.18.0.1/24") < 0 ||
	    ip_addr_parse(&s.d.gateway[NET_V4], "198.18.0.254") < 0)
		abort();
	s.d.leg[NET_MANAGEMENT].n_vips = s.d.leg[NET_PUBLIC].n_vips = 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_refused),
		cmocka_unit_test(no_capability),
		cmocka_unit_test(leftover_replaced),
		cmocka_unit_test(sysctls),
		cmocka_unit_test(faults),
		cmocka_unit_test(kinds_of_legs),
		cmocka_unit_test(silent_standby),
		cmocka_unit_test(promotion),
		cmocka_unit_test(announcement),
		cmocka_unit_test(traffic),
		cmocka_unit_test(unknown_flows),
		cmocka_unit_test(nothing_new_comes_in),
		cmocka_unit_test(drift),
		cmocka_unit_test(many_strays),
		cmocka_unit_test(watch),
		cmocka_unit_test(drift_of_rules),
		cmocka_unit_test(many_files),
		cmocka_unit_test(noise_next_door),
		cmocka_unit_test(messages_lost),
		cmocka_unit_test(strangers),
		cmocka_unit_test(known_promotion),
		cmocka_unit_test(looks),
		cmocka_unit_test(probes),
		cmocka_unit_test(adoption),
		cmocka_unit_test(new_rules_keep_flows),
		cmocka_unit_test(new_vip),
		cmocka_unit_test(bridge_made_anew),
		cmocka_unit_test(demotion),
		cmocka_unit_test(ipv6_standby),
		cmocka_unit_test(ipv6_promotion),
		cmocka_unit_test(ipv6_traffic),
		cmocka_unit_test(ipv6_drift),
		cmocka_unit_test(ipv6_probes),
		cmocka_unit_test(ipv6_link_local),
		cmocka_unit_test(ipv6_no_more),
		cmocka_unit_test(teardown),
	};

	if (argc != 5)
		return 2;
	prepare(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
