/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of nat and forwards as rules: what text they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf_fixture.h"

static struct ip_range range(const char *text)
{
	struct ip_range r;

	if (ip_range_parse(&r, text) < 0)
		fail_msg("%s", text);
	return r;
}

static void add_range(struct conf_router *r, const char *text)
{
	r->nat_more.rules.pool[r->nat_more.rules.n_pool++] = range(text);
}

static void add_ipv6(struct conf_router *r)
{
	struct conf_leg *m = &r->leg[NET_MANAGEMENT], *p = &r->leg[NET_PUBLIC];

	m->vip[m->n_vips++] = fixture_prefix("2001:db8:1::1/64");
	p->vip[p->n_vips++] = fixture_prefix("2001:db8:2::1/64");
}

static struct nat_forward *add_forward(struct conf_router *r, const char *name, const char *to)
{
	struct nat_forward *f = &r->nat_more.rules.forward[r->nat_more.rules.n_forwards++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	f->protocol[0] = NAT_TCP;
	f->n_protocols = 1;
	f->port = (struct nat_ports){80, 80};
	f->to.addr = fixture_addr(to);
	return f;
}

static void pool(struct conf_router *r)
{
	add_range(r, "198.18.0.20-198.18.0.23");
}

static void pools(struct conf_router *r)
{
	r->nat_random = true;
	r->nat_more.rules.persistent = true;
	add_range(r, "198.18.0.20-198.18.0.21");
	add_range(r, "203.0.113.0/28");
	add_range(r, "198.18.0.40");
}

static void pool_and_ipv6(struct conf_router *r)
{
	add_ipv6(r);
	pool(r);
}

static void pool6_ports(struct conf_router *r)
{
	add_ipv6(r);
	add_range(r, "2001:db8:2::10-2001:db8:2::1f");
	r->nat_more.rules.ports = (struct nat_ports){2000, 2999};
}

static void ports(struct conf_router *r)
{
	r->nat_more.rules.ports = (struct nat_ports){1024, 65535};
}

static void masqueraded_ports(struct conf_router *r)
{
	ports(r);
	r->nat = NET_NAT_MASQUERADE;
	r->nat_random = true;
}

static void sources(struct conf_router *r)
{
	r->nat_more.rules.source[0] = fixture_prefix("10.20.0.0/25");
	r->nat_more.rules.source[1] = fixture_prefix("10.30.0.0/16");
	r->nat_more.rules.n_sources = 2;
}

static void none(struct conf_router *r)
{
	r->nat = NET_NAT_NONE;
}

static void none_shut(struct conf_router *r)
{
	none(r);
	r->nat_more.rules.unsolicited = NAT_UNSOLICITED_DROP;
}

static void none_sources(struct conf_router *r)
{
	none(r);
	sources(r);
}

static void open(struct conf_router *r)
{
	r->nat_more.rules.unsolicited = NAT_UNSOLICITED_ACCEPT;
}

static void mss_path(struct conf_router *r)
{
	r->nat_more.rules.mss = NAT_MSS_PATH;
}

static void mss_none(struct conf_router *r)
{
	none(r);
	r->nat_more.rules.mss = 1400;
}

static void limit(struct conf_router *r)
{
	r->nat_more.rules.new_flows = 100;
}

static void limit6(struct conf_router *r)
{
	add_ipv6(r);
	limit(r);
	r->nat_more.rules.new_flows_burst = 1000;
}

static void forward(struct conf_router *r)
{
	add_forward(r, "web", "10.20.0.5");
}

static void forward_all(struct conf_router *r)
{
	struct nat_forward *f = add_forward(r, "a.b-c", "10.20.0.5");

	f->protocol[f->n_protocols++] = NAT_UDP;
	f->port = (struct nat_ports){8000, 8099};
	f->to.port = 80;
	f->address = fixture_addr("198.18.0.9");
	f->from[f->n_from++] = fixture_prefix("192.0.2.0/24");
	f->from[f->n_from++] = fixture_prefix("203.0.113.7/32");
}

static void forward6(struct conf_router *r)
{
	add_ipv6(r);
	add_forward(r, "six", "2001:db8:1::5")->to.port = 8080;
}

static void forward_none(struct conf_router *r)
{
	none(r);
	forward(r);
}

#define OUT "iifname \"vr-mgmt\" oifname \"vr-ex\" "

static void texts(void **state)
{
	static const struct {
		void (*change)(struct conf_router *r);
		const char *has, *lacks;
	} row[] = {
		{pool, OUT "snat ip to 198.18.0.20-198.18.0.23\n", "198.18.0.1\n"},
		{pool, "policy accept;", "ip daddr 198.18.0.20"}, /* is on the leg */
		{pools,
		 OUT "jhash ip saddr mod 19 seed 0x1 0-1 snat ip to 198.18.0.20-198.18.0.21 "
		     "fully-random,persistent\n",
		 "198.18.0.1 "},
		{pools,
		 OUT "jhash ip saddr mod 19 seed 0x1 2-17 snat ip to 203.0.113.0-203.0.113.15 "
		     "fully-random,persistent\n",
		 "198.18.0.1 "},
		{pools, OUT "snat ip to 198.18.0.40 fully-random,persistent\n", "18-18"},
		{pools, "\t\tip daddr 203.0.113.0-203.0.113.15 counter name \"unsolicited\" drop\n",
		 "ip daddr 198"},
		{pool_and_ipv6, OUT "snat ip6 to 2001:db8:2::1\n", "198.18.0.1\n"},
		{pool6_ports,
		 OUT "meta l4proto { tcp, udp, udplite, dccp, sctp } snat ip6 to "
		     "[2001:db8:2::10]-[2001:db8:2::1f]:2000-2999\n",
		 "random"},
		{pool6_ports, OUT "snat ip6 to 2001:db8:2::10-2001:db8:2::1f\n", "random"},
		{ports,
		 OUT "meta l4proto { tcp, udp, udplite, dccp, sctp } snat ip to "
		     "198.18.0.1:1024-65535\n",
		 "random"},
		{ports, OUT "snat ip to 198.18.0.1\n", "random"},
		{masqueraded_ports,
		 OUT "meta l4proto { tcp, udp, udplite, dccp, sctp } snat ip to "
		     "198.18.0.1:1024-65535 fully-random\n",
		 "nfproto ipv4"},
		{masqueraded_ports,
		 OUT
		 "meta nfproto ipv6 meta l4proto { tcp, udp, udplite, dccp, sctp } masquerade to "
		 ":1024-65535 fully-random\n",
		 "nfproto ipv4"},
		{masqueraded_ports, OUT "meta nfproto ipv6 masquerade fully-random\n",
		 "nfproto ipv4"},
		{sources,
		 "iifname \"vr-mgmt\" ct state new ip saddr != { 10.20.0.0/25, 10.30.0.0/16 } "
		 "counter name \"source\" drop\n",
		 "ip6 saddr"},
		{sources,
		 "iifname \"vr-mgmt\" ct state new meta nfproto ipv6 counter name \"source\" "
		 "drop\n",
		 "ip6 saddr"},
		{none, "chain input", "chain forward"},
		{none_shut, "iifname \"vr-ex\" ct state new counter name \"unsolicited\" drop\n",
		 "postrouting"},
		{none_shut, "ct state invalid counter name \"invalid\" drop\n", "snat"},
		{none_sources, "10.30.0.0/16 } counter name \"source\" drop\n",
		 "ct state invalid counter name \"invalid\""},
		{open, "ct state invalid counter name \"invalid\" drop\n",
		 "counter name \"unsolicited\""},
		{mss_path, "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n",
		 "update @"},
		{mss_none, "tcp option maxseg size set 1400\n",
		 "ct state invalid counter name \"invalid\""},
		{limit,
		 "ct state new ct status & confirmed == 0 update @new_ip { ip saddr limit rate "
		 "over "
		 "100/second burst 200 packets } counter name \"new_flow_limit\" drop\n",
		 "new_ip6"},
		{limit, "\tset new_ip {\n\t\ttype ipv4_addr\n\t\tsize 65536\n", "new_ip6"},
		{limit6,
		 "update @new_ip6 { ip6 saddr limit rate over 100/second burst 1000 packets }",
		 "burst 200"},
		{limit6, "timeout 12s", "burst 200"},
		{forward,
		 "ip daddr 198.18.0.1 meta l4proto { tcp } th dport 80 counter name "
		 "\"forward.web\" "
		 "dnat ip to 10.20.0.5\n",
		 "saddr"},
		{forward,
		 "iifname \"vr-ex\" ct state new ct status & dnat == 0 counter name "
		 "\"unsolicited\" drop\n",
		 "saddr"},
		{forward,
		 "iifname \"vr-mgmt\" oifname \"vr-mgmt\" ct status dnat snat ip to 10.20.0.1\n",
		 "ip6"},
		{forward, "\tcounter forward.web {\n\t\tpackets 0 bytes 0\n\t}\n", "ip6"},
		{forward_all,
		 "ip saddr { 192.0.2.0/24, 203.0.113.7/32 } ip daddr 198.18.0.9 meta l4proto { "
		 "tcp, udp } th dport 8000-8099 counter name \"forward.a.b-c\" dnat ip to "
		 "10.20.0.5:80\n",
		 "ip6"},
		{forward6, "ip6 daddr 2001:db8:2::1 meta l4proto { tcp } th dport 80", "ip daddr"},
		{forward6, "dnat ip6 to [2001:db8:1::5]:8080\n", "ip daddr"},
		{forward6, "ct status dnat snat ip6 to 2001:db8:1::1\n", "snat ip to 10"},
		{forward_none, "dnat ip to 10.20.0.5\n", "chain forward"},
		{forward_none, "ct status dnat snat ip to 10.20.0.1\n", OUT},
	};
	static struct conf_router routers[1];
	static char text[NAT_RULESET_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct net_desired d;

		fixture_router(routers, 0);
		row[i].change(routers);
		conf_net_desired(&d, routers, true);
		assert_in_range(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 1,
				sizeof(text) - 1);
		if (!strstr(text, row[i].has) || strstr(text, row[i].lacks))
			fail_msg("row %zu:\n%s", i, text);
	}
}

/* On the public leg, behind its VIPs, each once. */
static void held(void **state)
{
	static struct conf_router r;
	struct ip_prefix out[NAT_HELD_MAX];
	struct net_desired d;
	char buf[IP_PREFIX_STRLEN];

	(void)state;
	fixture_router(&r, 0);
	add_range(&r, "198.18.0.1-198.18.0.3"); /* the first is the VIP */
	add_range(&r, "203.0.113.0/28");	/* elsewhere */
	add_forward(&r, "a", "10.20.0.5")->address = fixture_addr("198.18.0.3");
	add_forward(&r, "b", "10.20.0.5")->address = fixture_addr("198.18.0.9");
	add_forward(&r, "c", "10.20.0.5")->address = fixture_addr("203.0.113.1");
	add_forward(&r, "d", "10.20.0.5");
	assert_int_equal(conf_nat_held(out, &r), 3);
	conf_net_desired(&d, &r, true);
	assert_int_equal(d.leg[NET_PUBLIC].n_vips, 4);
	assert_int_equal(d.leg[NET_MANAGEMENT].n_vips, 1);
	assert_string_equal(ip_prefix_format(&d.leg[NET_PUBLIC].vip[0], buf), "198.18.0.1/24");
	assert_string_equal(ip_prefix_format(&d.leg[NET_PUBLIC].vip[1], buf), "198.18.0.2/32");
	assert_string_equal(ip_prefix_format(&d.leg[NET_PUBLIC].vip[3], buf), "198.18.0.9/32");
	r.nat = NET_NAT_NONE; /* forwards stay */
	assert_int_equal(conf_nat_held(out, &r), 2);
	add_range(&r, "198.18.0.0/24");
	r.nat = NET_NAT_SNAT;
	assert_true(conf_nat_held(out, &r) > NAT_HELD_MAX);
	conf_net_desired(&d, &r, true);
	assert_int_equal(d.leg[NET_PUBLIC].n_vips, 1 + NAT_HELD_MAX);
}

/* All there can be fits, with room for names. */
static void fits(void **state)
{
	static struct conf_router r;
	static char text[NAT_RULESET_MAX];
	struct nft_tables tables = {.n = NAT_FILE_TABLES_MAX};
	struct nat_counters counters;
	struct net_desired d;
	char name[CONF_NAME_MAX];

	(void)state;
	fixture_router(&r, 0);
	memset(&counters, 0xff, sizeof(counters));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	limit6(&r);
	pool6_ports(&r);
	mss_path(&r);
	for (unsigned i = 0; i < NAT_POOL_MAX; i++)
		r.nat_more.rules.pool[i] = range("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111-"
						 "2001:db8:aaaa:bbbb:cccc:dddd:eeee:eeee");
	r.nat_more.rules.n_pool = NAT_POOL_MAX;
	r.nat_random = r.nat_more.rules.persistent = true;
	r.nat_more.rules.n_sources = NAT_SOURCES_MAX;
	for (unsigned i = 0; i < NAT_SOURCES_MAX; i++)
		r.nat_more.rules.source[i] =
			fixture_prefix("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111/127");
	for (unsigned i = 0; i < NAT_FORWARDS_MAX; i++) {
		struct nat_forward *f =
			add_forward(&r, name, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:5");

		f->protocol[f->n_protocols++] = NAT_UDP;
		f->address = f->to.addr;
		f->port = (struct nat_ports){60000, 60999};
		f->to.port = 50000;
		for (f->n_from = 0; f->n_from < NAT_FROM_MAX; f->n_from++)
			f->from[f->n_from] = r.nat_more.rules.source[0];
	}
	for (unsigned i = 0; i < tables.n; i++) {
		strcpy(tables.at[i].family, "bridge");
		strcpy(tables.at[i].name, name);
	}
	conf_net_desired(&d, &r, true);
	assert_in_range(nat_ruleset(text, sizeof(text), &d, &tables, &counters), 8192,
			sizeof(text) - 1);
	/* of IPv4, as its table is */
	for (unsigned i = 0; i < NAT_FORWARDS_MAX; i++) {
		struct nat_forward *f = &r.nat_more.rules.forward[i];

		f->to.addr = f->address = fixture_addr("198.118.100.100");
		for (unsigned k = 0; k < NAT_FROM_MAX; k++)
			f->from[k] = fixture_prefix("198.118.100.100/32");
	}
	conf_net_desired(&d, &r, true);
	assert_in_range(handover_return_ruleset(text, HANDOVER_RETURN_MAX, &d), 4096,
			HANDOVER_RETURN_MAX - 1);
}

static void comment_of(const char *text, char out[static 128])
{
	const char *at = strstr(text, "comment \"");

	assert_non_null(at);
	snprintf(out, 128, "%.*s", (int)strcspn(at, "\n"), at);
}

/* Counters are no difference; the operator's tables are one, and can be read back. */
static void counters_and_notes(void **state)
{
	static struct conf_router r;
	static char text[NAT_RULESET_MAX];
	const struct nft_tables tables = {.at = {{"inet", "own"}, {"ip6", "a.b-c"}}, .n = 2};
	struct nat_counters counters = {.drop = {[NAT_DROP_SOURCE] = {5, 300}},
					.forward = {{7, 400}}};
	char first[128], other[128];
	struct nft_tables found;
	struct net_desired d;
	unsigned n;

	(void)state;
	fixture_router(&r, 0);
	forward(&r);
	conf_net_desired(&d, &r, true);
	nat_ruleset(text, sizeof(text), &d, NULL, NULL);
	n = nat_count_rules(text);
	comment_of(text, first);
	nat_noted_tables(&found, text);
	assert_int_equal(found.n, 0);
	nat_ruleset(text, sizeof(text), &d, NULL, &counters);
	comment_of(text, other);
	assert_string_equal(first, other);
	assert_int_equal(nat_count_rules(text), n);
	assert_non_null(strstr(text, "\tcounter source {\n\t\tpackets 5 bytes 300\n\t}\n"));
	assert_non_null(strstr(text, "\tcounter forward.web {\n\t\tpackets 7 bytes 400\n\t}\n"));
	nat_ruleset(text, sizeof(text), &d, &tables, NULL);
	comment_of(text, other);
	assert_string_not_equal(first, other);
	nat_noted_tables(&found, text);
	assert_int_equal(found.n, 2);
	assert_true(nft_tables_have(&found, &tables.at[0]) &&
		    nft_tables_have(&found, &tables.at[1]));
	limit(&r);
	conf_net_desired(&d, &r, true);
	nat_ruleset(text, sizeof(text), &d, NULL, NULL);
	assert_int_equal(nat_count_rules(text), n + 1); /* a set has no rules */
}

/* What the one who comes must not pass back. */
static void handover(void **state)
{
	static struct conf_router r;
	static char text[HANDOVER_RETURN_MAX];
	static const char taken[] =
		"iifname \"vr-ex\" ct state new ip saddr { 192.0.2.0/24, 203.0.113.7/32 } ip daddr "
		"198.18.0.9 meta l4proto udp th dport 8000-8099 accept\n";
	struct net_desired d;
	const char *at;

	(void)state;
	fixture_router(&r, 0);
	forward(&r); /* of TCP: what is new is taken in any case */
	forward_all(&r);
	forward6(&r);
	conf_net_desired(&d, &r, true);
	assert_in_range(handover_return_ruleset(text, sizeof(text), &d), 1, sizeof(text) - 1);
	at = strstr(text, taken);
	assert_non_null(at);
	assert_non_null(strstr(at, "l4proto != { tcp, icmp }")); /* before */
	at = strstr(at, "table ip6");
	assert_non_null(at);
	assert_null(strstr(at, "198.18.0.9"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),    cmocka_unit_test(held),
		cmocka_unit_test(fits),	    cmocka_unit_test(counters_and_notes),
		cmocka_unit_test(handover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
