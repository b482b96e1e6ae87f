/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat and forward sections as text: what is read, and what each error says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/conf.h"

/* text begins on line 4 */
#define ROUTER(text)                                                                               \
	"controller c { }\n"                                                                       \
	"router r { election { mode = single } management { attach = \"bridge:bm\" interface = m " \
	"vip = { \"10.20.0.1/24\", \"2001:db8:1::1/64\" } }\n"                                     \
	"public { attach = \"bridge:be\" interface = e vip = { \"198.18.0.1/24\", "                \
	"\"2001:db8:2::1/64\" } gateway = { \"198.18.0.254\", \"fe80::1\" } }\n" text "\n}\n"
#define NAT(text) ROUTER("nat { " text " }")
/* A forward that is fine but for what is in text, on line 5. */
#define FORWARD(text) ROUTER("forward web { protocol = tcp\n" text " }")

static void reads(void **state)
{
	static const char text[] = ROUTER(
		"nat { mode = snat random = true persistent = true\n"
		"addresses = { \"198.18.0.10-198.18.0.19\", \"203.0.113.0/28\" }\n"
		"port-range = \"1024-65535\" sources = { 10.20.0.0/25, \"2001:db8:1::/64\" }\n"
		"unsolicited = accept mss-clamp = 1400 new-flow-limit = 100 new-flow-burst = 500\n"
		"nft-file = \"/etc/own.nft\" }\n"
		"forward a { protocol = { tcp, udp } port = 8080 to = \"10.20.0.5:80\"\n"
		"from = { 192.0.2.0/24, 203.0.113.9 } address = 198.18.0.9 }\n"
		"forward b { protocol = udp port = \"5000-5009\" to = \"2001:db8:1::5\" }\n"
		"forward c { protocol = udp port = \"53\" to = \"[2001:db8:1::5]:5353\" }");
	struct conf_errors e = {0};
	struct conf *c = NULL;
	char buf[IP_RANGE_STRLEN];

	(void)state;
	if (conf_load_text(&c, text, "f", &e) < 0)
		fail_msg("%s", e.text[0]);

	const struct conf_router *r = &c->router[0];
	const struct nat_rules *n = &r->nat_more.rules;

	assert_true(r->nat == NET_NAT_SNAT && r->nat_random && n->persistent);
	assert_int_equal(n->n_pool, 2);
	assert_string_equal(ip_range_format(&n->pool[1], buf), "203.0.113.0-203.0.113.15");
	assert_true(n->ports.first == 1024 && n->ports.last == 65535 && n->n_sources == 2);
	assert_int_equal(n->unsolicited, NAT_UNSOLICITED_ACCEPT);
	assert_int_equal(n->mss, 1400);
	assert_int_equal(n->new_flows, 100);
	assert_int_equal(n->new_flows_burst, 500);
	assert_string_equal(n->file, "/etc/own.nft");
	assert_int_equal(n->n_forwards, 3);
	assert_string_equal(n->forward[0].name, "a");
	assert_true(n->forward[0].n_protocols == 2 && n->forward[0].protocol[1] == NAT_UDP);
	assert_true(n->forward[0].port.first == 8080 && n->forward[0].port.last == 8080);
	assert_int_equal(n->forward[0].to.port, 80);
	assert_int_equal(n->forward[0].n_from, 2);
	assert_string_equal(ip_addr_format(&n->forward[0].address, buf), "198.18.0.9");
	assert_true(n->forward[1].port.last == 5009 && !n->forward[1].to.port);
	assert_true(n->forward[2].to.port == 5353 && n->forward[2].to.addr.family == AF_INET6);
	assert_int_equal(n->forward[1].line, 11);
	conf_free(c);
}

static void defaults(void **state)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	struct nat_rules n;

	(void)state;
	assert_int_equal(conf_load_text(&c, NAT("new-flow-limit = 7"), "f", &e), 0);
	conf_nat_rules(&n, &c->router[0]);
	assert_int_equal(n.new_flows_burst, 14);
	assert_true(!n.n_pool && !n.ports.first && !n.n_sources && !n.mss && !n.file[0] &&
		    !n.persistent && n.unsolicited == NAT_UNSOLICITED_AUTO);
	conf_free(c);
}

static const struct {
	const char *text, *says, *allows;
} bad[] = {
	/* values */
	{NAT("addresses = \"198.18.0.9-198.18.0.8\""),
	 "f:4: router \"r\": nat: addresses = ", "\"203.0.113.0/28\""},
	{NAT("port-range = \"99999\""), "f:4: router \"r\": nat: port-range = \"99999\"",
	 "from 1 to 65535"},
	{NAT("port-range = \"20-10\""), "f:4: router \"r\": nat: port-range = \"20-10\": ends",
	 "the lower one first"},
	{NAT("port-range = \"0-10\""), "f:4: router \"r\": nat: port-range = \"0-10\"",
	 "from 1 to 65535"},
	{NAT("mss-clamp = 100"), "f:4: router \"r\": nat: mss-clamp = \"100\"",
	 "from 536 to 65495"},
	{NAT("mss-clamp = 1400x"), "f:4: router \"r\": nat: mss-clamp", "from 536 to 65495"},
	{NAT("unsolicited = maybe"), "f:4: router \"r\": nat: unsolicited", "\"drop\", \"accept\""},
	{NAT("new-flow-limit = 1000001"), "f:4: router \"r\": nat: new-flow-limit",
	 "from 0 to 1000000"},
	{NAT("nft-file = own.nft"), "f:4: router \"r\": nat: nft-file", "absolute path"},
	{NAT("pool = 1"), "f:4: no such option 'pool' in nat", "addresses, port-range"},
	{FORWARD("port = 80 to = \"10.20.0.5:0\""),
	 "f:5: router \"r\": forward \"web\": to = \"10.20.0.5:0\"", "\"[2001:db8::5]:80\""},
	{FORWARD("port = 80 to = \"[10.20.0.5]:1\""),
	 "f:5: router \"r\": forward \"web\": to = ", "\"10.20.0.5:80\""},
	{FORWARD("port = 80 to = \"[2001:db8::5\""),
	 "f:5: router \"r\": forward \"web\": to = ", "\"10.20.0.5:80\""},
	{FORWARD("port = 80"), "f:4: router \"r\": forward \"web\": to is missing",
	 "\"10.20.0.5\""},
	{FORWARD("to = \"10.20.0.5\""), "f:4: router \"r\": forward \"web\": port is missing",
	 "\"8000-8099\""},
	{ROUTER("forward web { port = 1 to = 10.20.0.5 }"),
	 "f:4: router \"r\": forward \"web\": protocol is missing", "\"tcp\", \"udp\""},
	{ROUTER("forward web { protocol = gre port = 1 to = 10.20.0.5 }"),
	 "f:4: router \"r\": forward \"web\": protocol = \"gre\"", "\"tcp\", \"udp\""},
	/* the pool */
	{NAT("mode = masquerade addresses = 198.18.0.9"), "f:4: router \"r\": nat: addresses: mode",
	 "with mode \"snat\""},
	{NAT("addresses = 10.20.0.9"),
	 "f:4: router \"r\": nat: addresses: \"10.20.0.9\": is in the "
	 "network of the management vip",
	 "free hosts"},
	{NAT("addresses = \"0.0.0.0/1\""), "f:4: router \"r\": nat: addresses: ", "free hosts"},
	{NAT("addresses = \"198.18.0.250-198.18.1.5\""),
	 "f:4: router \"r\": nat: addresses: \"198.18.0.250-198.18.1.5\": is in the network of the "
	 "public vip in part",
	 "free hosts"},
	{NAT("addresses = 198.18.0.255"),
	 "f:4: router \"r\": nat: addresses: \"198.18.0.255\": has the first or last",
	 "free hosts"},
	{NAT("addresses = \"198.18.0.250-198.18.0.254\""),
	 "f:4: router \"r\": nat: addresses: \"198.18.0.250-198.18.0.254\": has the gateway",
	 "free hosts"},
	{NAT("addresses = { 198.18.0.7, \"198.18.0.5-198.18.0.9\" }"),
	 "f:4: router \"r\": nat: addresses: \"198.18.0.5-198.18.0.9\" overlaps \"198.18.0.7\"",
	 "each address once"},
	{NAT("addresses = \"198.18.0.64/26\""), "f:4: router \"r\": nat: addresses: more than 32",
	 "at most 32"},
	{NAT("addresses = \"fe80::9\""), "f:4: router \"r\": nat: addresses: \"fe80::9\": has",
	 "free hosts"},
	{NAT("addresses = 224.0.0.9"), "f:4: router \"r\": nat: addresses: \"224.0.0.9\": has",
	 "free hosts"},
	/* the rest of nat */
	{NAT("mode = none port-range = \"1-2\""),
	 "f:4: router \"r\": nat: port-range: mode \"none\"",
	 "with mode \"snat\" or \"masquerade\""},
	{NAT("mode = masquerade persistent = true"), "f:4: router \"r\": nat: persistent",
	 "with mode \"snat\""},
	{NAT("new-flow-burst = 5"), "f:4: router \"r\": nat: new-flow-burst = 5",
	 "with new-flow-limit"},
	{NAT("new-flow-limit = 1 new-flow-burst = 601"),
	 "f:4: router \"r\": nat: new-flow-burst = 601", "at most 600 times"},
	{NAT("sources = { 10.20.0.0/24, 10.20.0.7 }"),
	 "f:4: router \"r\": nat: sources: \"10.20.0.7/32\" overlaps \"10.20.0.0/24\"",
	 "networks apart"},
	/* forwards */
	{FORWARD("port = 80 to = 10.20.0.1"),
	 "f:5: router \"r\": forward \"web\": to: 10.20.0.1 is "
	 "the router itself",
	 "behind the management leg"},
	{FORWARD("port = 80 to = 198.18.0.7"),
	 "f:5: router \"r\": forward \"web\": to: 198.18.0.7 "
	 "is on the public side",
	 "behind the management leg"},
	{FORWARD("port = 80 to = 224.0.0.7"), "f:5: router \"r\": forward \"web\": to: 224.0.0.7",
	 "behind the management leg"},
	{FORWARD("port = 80 to = 10.20.0.5 address = \"2001:db8:2::1\""),
	 "f:5: router \"r\": forward \"web\": address: 2001:db8:2::1 is of another IP version",
	 "a public vip"},
	{FORWARD("port = 80 to = 10.20.0.5 address = 10.20.0.9"),
	 "f:5: router \"r\": forward \"web\": address: 10.20.0.9 is in the network of the "
	 "management vip",
	 "a public vip"},
	{FORWARD("port = 80 to = 10.20.0.5 address = 198.18.0.254"),
	 "f:5: router \"r\": forward \"web\": address: 198.18.0.254 is the gateway",
	 "a public vip"},
	{FORWARD("port = 80 to = 10.20.0.5 from = { 192.0.2.0/24, 192.0.2.7 }"),
	 "f:5: router \"r\": forward \"web\": from: \"192.0.2.7/32\" overlaps", "networks apart"},
	{FORWARD("port = 80 to = 10.20.0.5 from = \"2001:db8::/32\""),
	 "f:5: router \"r\": forward \"web\": from: \"2001:db8::/32\": is of another",
	 "of that one"},
	{ROUTER("forward web { protocol = { tcp, tcp } port = 80 to = 10.20.0.5 }"),
	 "f:4: router \"r\": forward \"web\": protocol: is listed twice", "each once"},
	{ROUTER("forward a { protocol = tcp port = \"80-89\" to = 10.20.0.5 }\n"
		"forward b { protocol = { udp, tcp } port = 85 to = 10.20.0.6 }"),
	 "f:5: router \"r\": forward \"b\": port: 85-85 of 198.18.0.1 is forward \"a\"'s, too "
	 "(line "
	 "4)",
	 "other ports"},
	{ROUTER("forward a { protocol = tcp port = 80 to = 10.20.0.5 from = 192.0.2.0/24 }\n"
		"forward b { protocol = tcp port = 80 to = 10.20.0.6 address = 198.18.0.1 "
		"from = { 203.0.113.0/24, 192.0.2.9 } }"),
	 "f:5: router \"r\": forward \"b\": port: 80-80", "networks apart"},
};

static void mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_errors e = {0};
		struct conf *c = NULL;

		if (conf_load_text(&c, bad[i].text, "f", &e) == 0)
			fail_msg("accepted: %s", bad[i].says);
		if (e.n != 1 || strncmp(e.text[0], bad[i].says, strlen(bad[i].says)) != 0 ||
		    !strstr(e.text[0], bad[i].allows))
			fail_msg("row %zu, %u errors: %s", i, e.n, e.text[0]);
		conf_errors_free(&e);
	}
}

/* Alike, and fine. */
static void no_clash(void **state)
{
	static const char *const good[] = {
		ROUTER("forward a { protocol = tcp port = 80 to = 10.20.0.5 }\n"
		       "forward b { protocol = udp port = 80 to = 10.20.0.6 }\n"
		       "forward c { protocol = tcp port = 80 to = 10.20.0.6 address = 198.18.0.9 "
		       "}\n"
		       "forward d { protocol = tcp port = 81 to = 10.20.0.6 from = 192.0.2.1 }\n"
		       "forward e { protocol = tcp port = 81 to = 10.20.0.7 from = 192.0.2.2 }\n"
		       "forward f { protocol = tcp port = 80 to = \"2001:db8:1::6\" }"),
		NAT("addresses = { \"198.18.0.1-198.18.0.32\", \"192.0.2.0/24\", "
		    "\"2001:db8:9::/48\" }"),
		NAT("mode = none sources = { 10.20.0.0/25, 10.20.0.128/25 } mss-clamp = off"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct conf_errors e = {0};
		struct conf *c = NULL;

		if (conf_load_text(&c, good[i], "f", &e) < 0)
			fail_msg("%s", e.text[0]);
		conf_free(c);
	}
}

/* Of two routers on one bridge. */
static void two_routers(void **state)
{
#define SECOND(vip, nat)                                                                           \
	NAT("addresses = \"198.18.0.10-198.18.0.12\"")                                             \
	"router s { namespace = s election { mode = single } management { attach = "               \
	"\"bridge:bm\" interface = m vip = \"10.20.0.2/24\" }\n"                                   \
	"public { attach = \"bridge:be\" interface = e vip = \"" vip "\" }\n" nat " }\n"
	static const struct {
		const char *text, *says;
	} row[] = {
		{SECOND("198.18.0.2/24", "nat { addresses = 198.18.0.12 }"),
		 "router \"s\": nat: addresses, forwards: 198.18.0.12 is router \"r\"'s, too"},
		{SECOND("198.18.0.11/24", ""),
		 "router \"r\": nat: addresses, forwards: 198.18.0.11 is router \"s\"'s, too"},
		{SECOND("198.18.0.2/24",
			"forward a { protocol = tcp port = 1 to = 10.20.0.9 address "
			"= 198.18.0.10 }"),
		 "router \"s\": nat: addresses, forwards: 198.18.0.10 is router \"r\"'s, too"},
		{SECOND("198.18.0.2/24", "nat { addresses = 198.18.0.13 }"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct conf_errors e = {0};
		struct conf *c = NULL;
		int err = conf_load_text(&c, row[i].text, "f", &e);

		if ((err == 0) != !row[i].says || (err < 0 && !strstr(e.text[0], row[i].says)))
			fail_msg("row %zu: %s", i, e.n ? e.text[0] : "accepted");
		conf_free(c);
		conf_errors_free(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),       cmocka_unit_test(defaults),
		cmocka_unit_test(mistakes),    cmocka_unit_test(no_clash),
		cmocka_unit_test(two_routers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
