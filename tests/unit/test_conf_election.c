/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_fixture.h"

static struct conf_router routers[1];

static struct conf_router *router(void)
{
	fixture_conf(routers, 1);
	return &routers[0];
}

static void add_vip(struct conf_leg *leg, const char *text)
{
	leg->vip[leg->n_vips++] = fixture_prefix(text);
}

static void assert_addrs(const struct vrrp_io_cfg *cfg, const char *const *want, unsigned n)
{
	assert_int_equal(cfg->n_addrs, n);
	for (unsigned i = 0; i < n; i++) {
		char text[INET6_ADDRSTRLEN];

		assert_string_equal(ip_addr_format(&cfg->addrs[i], text), want[i]);
	}
}

static void ipv4(void **state)
{
	static const char *const want[] = {"10.20.0.1", "198.18.0.1"};
	struct conf_router *r = router();
	struct vrrp_io_cfg cfg;

	(void)state;
	add_vip(&r->leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	add_vip(&r->leg[NET_MANAGEMENT], "fe80::1/64");
	conf_vrrp(&cfg, r);
	assert_int_equal(cfg.family, AF_INET);
	assert_int_equal(cfg.vrid, 51);
	assert_int_equal(cfg.fsm.prio, 100);
	assert_int_equal(cfg.fsm.adv_cs, 10);
	assert_true(cfg.fsm.preempt);
	assert_string_equal(cfg.router, "r0");
	assert_string_equal(cfg.interface, "br-mgmt");
	assert_addrs(&cfg, want, ARRAY_LEN(want));
}

/* RFC 9568 5.2.9: a link-local address is the first, wherever it is in the configuration. */
static void ipv6(void **state)
{
	static const char *const want[] = {"fe80::1", "2001:db8:1::1", "2001:db8:2::1"};
	struct conf_router *r = router();
	struct vrrp_io_cfg cfg;

	(void)state;
	r->election.ipv6 = true;
	add_vip(&r->leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	add_vip(&r->leg[NET_PUBLIC], "2001:db8:2::1/64");
	add_vip(&r->leg[NET_PUBLIC], "fe80::1/64");
	conf_vrrp(&cfg, r);
	assert_int_equal(cfg.family, AF_INET6);
	assert_addrs(&cfg, want, ARRAY_LEN(want));
}

/* Where there is none, it is the one that the leg has anyway. */
static void ipv6_without_link_local(void **state)
{
	for (unsigned leg = 0; leg < NET_LEGS; leg++) {
		struct conf_router *r = router();
		struct net_desired d;
		struct vrrp_io_cfg cfg;

		(void)state;
		r->election.ipv6 = true;
		add_vip(&r->leg[leg], "2001:db8:1::1/64");
		conf_vrrp(&cfg, r);
		conf_net_desired(&d, r, true);
		assert_int_equal(cfg.n_addrs, 2);
		assert_true(ip_addr_is_link_local(&cfg.addrs[0]));
		assert_true(ip_prefix_any_is(d.leg[leg].vip, d.leg[leg].n_vips, &cfg.addrs[0]));
	}
}

static void peers(void **state)
{
	struct conf_router *r = router();
	struct vrrp_io_cfg cfg;

	(void)state;
	conf_vrrp(&cfg, r);
	assert_int_equal(cfg.peers.n, 0);
	r->election.peers.addr[0] = fixture_addr("10.20.0.11");
	r->election.peers.addr[1] = fixture_addr("10.20.0.12");
	r->election.peers.n = 2;
	conf_vrrp(&cfg, r);
	assert_int_equal(cfg.peers.n, 2);
	assert_true(ip_addr_equal(&cfg.peers.addr[1], &r->election.peers.addr[1]));
}

static void most(void **state)
{
	struct conf_router *r = router();
	struct vrrp_io_cfg cfg;

	(void)state;
	r->election.ipv6 = true;
	for (unsigned i = 0; i < NET_LEGS; i++) {
		r->leg[i].n_vips = 0;
		while (r->leg[i].n_vips < NET_VIPS_MAX)
			add_vip(&r->leg[i], "2001:db8:1::1/64");
	}
	conf_vrrp(&cfg, r);
	assert_int_equal(cfg.n_addrs, VRRP_MAX_ADDRS);
}

/* Of the IP version that elects; without an election of the version that there is. */
static void virtual_mac(void **state)
{
	struct conf_router *r = router();
	struct net_desired d;

	(void)state;
	r->election.virtual_mac = true;
	add_vip(&r->leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	assert_false(conf_mac_is_ipv6(r));
	r->election.ipv6 = true;
	assert_true(conf_mac_is_ipv6(r));
	conf_net_desired(&d, r, true);
	assert_memory_equal(d.mac, ((uint8_t[]){0, 0, 0x5e, 0, 2, 51}), sizeof(d.mac));
	r->election.mode = CONF_ELECTION_EXTERNAL;
	assert_false(conf_mac_is_ipv6(r));
	for (unsigned i = 0; i < NET_LEGS; i++)
		r->leg[i].vip[0] = fixture_prefix("2001:db8:3::1/64");
	assert_true(conf_mac_is_ipv6(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(ipv6_without_link_local),
		cmocka_unit_test(most),
		cmocka_unit_test(peers),
		cmocka_unit_test(virtual_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
