/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router serves: which options fit together, and what they make of the programs'
 * configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/conf_services.h"
#include "conf_fixture.h"

static struct conf_router router(void)
{
	struct conf_router r;

	fixture_router(&r, 0);
	r.services = (struct conf_services){
		.dns = {fixture_addr("198.18.0.53")},
		.ntp = {fixture_addr("2001:db8:ffff::123")},
		.n_dns = 1,
		.n_ntp = 1,
		.dhcp = {fixture_addr("10.20.0.100"), fixture_addr("10.20.0.199")},
		.lease_s = 3600,
		.dns_line = 71,
		.ntp_line = 72,
		.dhcp_line = 73,
		.ra_line = 74};
	return r;
}

static void add_vip(struct conf_router *r, const char *text)
{
	struct conf_leg *m = &r->leg[NET_MANAGEMENT];

	m->vip[m->n_vips++] = fixture_prefix(text);
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static void good(struct conf_router *r)
{
	add_vip(r, "2001:db8:1::1/64");
	add_vip(r, "fe80::1/64");
	r->services.ra = true;
}

static void dns_is_multicast(struct conf_router *r)
{
	r->services.dns[0] = fixture_addr("224.0.0.251");
}

static void dns_is_itself(struct conf_router *r)
{
	r->services.dns[0] = r->leg[NET_PUBLIC].vip[0].addr;
}

static void dns_twice(struct conf_router *r)
{
	r->services.dns[r->services.n_dns++] = r->services.dns[0];
}

static void ntp_is_link_local(struct conf_router *r)
{
	r->services.ntp[0] = fixture_addr("fe80::1");
}

static void range_elsewhere(struct conf_router *r)
{
	r->services.dhcp.last = fixture_addr("10.20.1.4");
}

static void range_with_broadcast(struct conf_router *r)
{
	r->services.dhcp.last = fixture_addr("10.20.0.255");
}

static void range_with_network(struct conf_router *r)
{
	r->services.dhcp.first = fixture_addr("10.20.0.0");
}

static void range_backwards(struct conf_router *r)
{
	r->services.dhcp.last = fixture_addr("10.20.0.99");
}

static void range_with_vip(struct conf_router *r)
{
	add_vip(r, "10.20.0.150/24");
}

static void ra_without_ipv6(struct conf_router *r)
{
	r->services.ra = true;
}

static void ra_of_another_length(struct conf_router *r)
{
	good(r);
	r->leg[NET_MANAGEMENT].vip[1].len = 56;
}

static void closed(struct conf_router *r)
{
	r->election.accept = false;
	r->election.accept_line = 75;
	r->services.n_ntp = 0;
	r->services.dhcp.first.family = 0;
}

static const struct row {
	void (*change)(struct conf_router *r);
	const char *want; /* NULL: no error */
} rows[] = {
	{good, NULL},
	{dns_is_multicast, "f:71: router \"r0\": dns-servers: \"224.0.0.251\" is no address"},
	{dns_is_itself, "f:71: router \"r0\": dns-servers: \"198.18.0.1\" is a vip"},
	{dns_twice, "f:71: router \"r0\": dns-servers: \"198.18.0.53\" is listed twice"},
	{ntp_is_link_local, "f:72: router \"r0\": ntp-servers: \"fe80::1\" is link-local"},
	{range_elsewhere, "f:73: router \"r0\": dhcp-range = \"10.20.0.100-10.20.1.4\": is not in"},
	{range_with_broadcast, "f:73: router \"r0\": dhcp-range = \"10.20.0.100-10.20.0.255\": has "
			       "the network's first or last"},
	{range_with_network, "f:73: router \"r0\": dhcp-range = \"10.20.0.0-10.20.0.199\": has"},
	{range_backwards, "f:73: router \"r0\": dhcp-range = \"10.20.0.100-10.20.0.99\": ends"},
	{range_with_vip, "f:73: router \"r0\": dhcp-range = \"10.20.0.100-10.20.0.199\": has a "
			 "management vip in it"},
	{ra_without_ipv6, "f:74: router \"r0\": router-advertisements: there is no"},
	{ra_of_another_length, "f:74: router \"r0\": router-advertisements: nodes cannot make "
			       "addresses in the network of \"2001:db8:1::1/56\""},
	{closed, "f:75: router \"r0\": election: accept = false"},
};

static void one_mistake_one_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_errors e = {0};
		struct conf_router r = router();

		rows[i].change(&r);
		conf_services_check("f", &r, &e);
		if (e.n != (rows[i].want != NULL))
			fail_msg("row %zu: %u errors: %s", i, e.n, e.n ? e.text[0] : "");
		if (e.n && strncmp(e.text[0], rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("row %zu: %s", i, e.text[0]);
		conf_errors_free(&e);
	}
}

static void any_change_is_seen(void **state)
{
	struct conf_router a = router(), b = router();

	(void)state;
	assert_true(conf_services_same(&a.services, &b.services));
	dns_twice(&b);
	assert_false(conf_services_same(&a.services, &b.services));
	b = router();
	ntp_is_link_local(&b);
	assert_false(conf_services_same(&a.services, &b.services));
	b = router();
	range_backwards(&b);
	assert_false(conf_services_same(&a.services, &b.services));
	b = router();
	b.services.lease_s++;
	assert_false(conf_services_same(&a.services, &b.services));
	b = router();
	b.services.ra = true;
	assert_false(conf_services_same(&a.services, &b.services));
}

/* ---- configurations ---------------------------------------------------------------------------
 */

static const char *text_of(const struct conf_router *r, enum service_id id)
{
	static char buf[4096];
	size_t len = service_config(buf, sizeof(buf), r, id);

	assert_in_range(len, 1, sizeof(buf) - 1);
	assert_int_equal(len, strlen(buf));
	assert_int_equal(service_config(buf, 10, r, id), len); /* it says that it does not fit */
	assert_int_equal(service_config(buf, sizeof(buf), r, id), len);
	return buf;
}

#define COMMENT "# made by vrouterd; it is written anew at each start\n"
#define DNSMASQ COMMENT "keep-in-foreground\nlog-facility=-\npid-file=\nbind-interfaces\n"

static void dns(void **state)
{
	struct conf_router r = router();

	(void)state;
	good(&r);
	assert_string_equal(text_of(&r, SERVICE_DNS),
			    DNSMASQ "no-resolv\nno-hosts\nno-poll\ncache-size=1000\n"
				    "listen-address=127.0.0.1\n"
				    "host-record=alive.vrouterd.invalid,192.0.0.8\n"
				    "listen-address=10.20.0.1\n"
				    "listen-address=2001:db8:1::1\n"
				    "server=198.18.0.53\n");
}

static void ntp(void **state)
{
	struct conf_router r = router();

	(void)state;
	assert_string_equal(
		text_of(&r, SERVICE_NTP),
		COMMENT "cmdport 0\nbindcmdaddress /\npidfile pid\nallow all\nlocal stratum 10\n"
			"bindaddress 10.20.0.1\n"
			"bindaddress ::1\n" /* and not everywhere */
			"server 2001:db8:ffff::123 iburst maxpoll 6\n");
	r.leg[NET_MANAGEMENT].n_vips = 0;
	add_vip(&r, "2001:db8:1::1/64");
	assert_non_null(strstr(text_of(&r, SERVICE_NTP),
			       "bindaddress 127.0.0.1\nbindaddress 2001:db8:1::1\n"));
}

static void dhcp(void **state)
{
	struct conf_router r = router();

	(void)state;
	assert_string_equal(text_of(&r, SERVICE_DHCP),
			    DNSMASQ "port=0\ninterface=vr-mgmt\nexcept-interface=lo\n"
				    "leasefile-ro\ndhcp-authoritative\n"
				    "dhcp-range=10.20.0.100,10.20.0.199,255.255.255.0,3600\n"
				    "dhcp-option=option:router,10.20.0.1\n"
				    "dhcp-option=option:dns-server,10.20.0.1\n"
				    "dhcp-option=option:ntp-server,10.20.0.1\n");
	r.services.n_dns = r.services.n_ntp = 0;
	assert_null(strstr(text_of(&r, SERVICE_DHCP), "dns-server"));
	assert_null(strstr(text_of(&r, SERVICE_DHCP), "ntp-server"));
}

static void advertisements(void **state)
{
	struct conf_router r = router();

	(void)state;
	good(&r);
	r.services.dhcp.first.family = 0;
	assert_string_equal(text_of(&r, SERVICE_DHCP),
			    DNSMASQ "port=0\ninterface=vr-mgmt\nexcept-interface=lo\n"
				    "enable-ra\nquiet-ra\nra-param=vr-mgmt,200,1800\n"
				    "dhcp-range=2001:db8:1::,ra-only,64,86400\n"
				    "dhcp-option=option6:dns-server,[2001:db8:1::1]\n");
}

static void who_is_wanted(void **state)
{
	struct conf_router r = router();

	(void)state;
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		assert_true(service_is_wanted(&r, (enum service_id)i));
	r.services = (struct conf_services){.lease_s = 3600};
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		assert_false(service_is_wanted(&r, (enum service_id)i));
	r.services.ra = true;
	assert_true(service_is_wanted(&r, SERVICE_DHCP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mistake_one_error),
		cmocka_unit_test(any_change_is_seen),
		cmocka_unit_test(dns),
		cmocka_unit_test(ntp),
		cmocka_unit_test(dhcp),
		cmocka_unit_test(advertisements),
		cmocka_unit_test(who_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
