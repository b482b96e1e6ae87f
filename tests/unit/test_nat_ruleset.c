/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/netns.h"

static struct net_desired desired(enum net_nat nat, bool random)
{
	struct net_desired d = {
		.router = "r1",
		.namespace = "r1",
		.leg = {{.ifname = "vr-mgmt", .n_vips = 1}, {.ifname = "vr-ex", .n_vips = 1}},
		.nat = nat,
		.nat_random = random,
	};

	assert_int_equal(ip_prefix_parse(&d.leg[NET_MANAGEMENT].vip[0], "10.20.0.1/24"), 0);
	assert_int_equal(ip_prefix_parse(&d.leg[NET_PUBLIC].vip[0], "198.18.0.1/24"), 0);
	return d;
}

static void rules(void **state)
{
	static const char
		snat[] = "iifname \"vr-mgmt\" oifname \"vr-ex\" snat ip to 198.18.0.1\n",
		no_new[] = "iifname \"vr-ex\" ct state new counter name \"unsolicited\" drop\n";
	static const struct {
		enum net_nat nat;
		bool random;
		const char *has, *lacks;
		const char *why;
	} row[] = {
		{NET_NAT_SNAT, false, snat, "random", "ports are kept where possible"},
		{NET_NAT_SNAT, true, "snat ip to 198.18.0.1 fully-random\n", "masquerade",
		 "random"},
		{NET_NAT_SNAT, false, no_new, "masquerade", "nothing new comes in"},
		{NET_NAT_MASQUERADE, false, snat, "\"vr-ex\" masquerade", "masquerade"},
		{NET_NAT_MASQUERADE, true, "snat ip to 198.18.0.1 fully-random\n",
		 "\"vr-ex\" masquerade", "both"},
		{NET_NAT_MASQUERADE, false, no_new, "\"vr-ex\" masquerade", "nothing new comes in"},
		{NET_NAT_NONE, false, "chain input", "chain postrouting", "no NAT"},
		{NET_NAT_NONE, false, "chain input", "chain forward", "no NAT: routes everything"},
		{NET_NAT_NONE, false, "ct state invalid counter name \"input_invalid\" drop",
		 "chain forward", "never a RST of our own"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct net_desired d = desired(row[i].nat, row[i].random);
		char text[4096];
		size_t n = nat_ruleset(text, sizeof(text), &d, NULL, NULL);

		assert_int_equal(n, strlen(text));
		if (!strstr(text, row[i].has) || strstr(text, row[i].lacks))
			fail_msg("%s:\n%s", row[i].why, text);
	}
}

static void add_ipv6(struct net_desired *d)
{
	struct net_leg *m = &d->leg[NET_MANAGEMENT], *p = &d->leg[NET_PUBLIC];

	assert_int_equal(ip_prefix_parse(&m->vip[m->n_vips++], "2001:db8:1::1/64"), 0);
	assert_int_equal(ip_prefix_parse(&p->vip[p->n_vips++], "fe80::1/64"), 0);
	assert_int_equal(ip_prefix_parse(&p->vip[p->n_vips++], "2001:db8:2::1/64"), 0);
	assert_int_equal(ip_prefix_parse(&p->vip[p->n_vips++], "2001:db8:2::2/64"), 0);
}

static void only_ipv6(struct net_desired *d)
{
	d->leg[NET_PUBLIC].n_vips = d->leg[NET_MANAGEMENT].n_vips = 0;
	add_ipv6(d);
}

static void both(struct net_desired *d)
{
	add_ipv6(d);
}

static void only_ipv4(struct net_desired *d)
{
	(void)d;
}

static void closed(struct net_desired *d)
{
	d->closed = true;
}

static void closed_both(struct net_desired *d)
{
	add_ipv6(d);
	d->closed = true;
}

/* NAT per IP version, and what the VIPs take. */
static void versions(void **state)
{
	static const char snat4[] = "oifname \"vr-ex\" snat ip to 198.18.0.1\n",
			  snat6[] = "oifname \"vr-ex\" snat ip6 to 2001:db8:2::1\n",
			  echo4[] = "iifname \"vr-ex\" icmp type echo-request accept\n",
			  echo6[] = "iifname \"vr-ex\" icmpv6 type echo-request accept\n",
			  neighbours[] = "icmpv6 type { mld-listener-query, nd-neighbor-solicit, "
					 "nd-neighbor-advert } accept\n",
			  redirect[] = "icmpv6 type nd-redirect drop\n",
			  shut[] = "iifname \"vr-mgmt\" ct state established,related accept\n"
				   "\t\tiifname \"vr-mgmt\" counter name \"input_refused\" drop\n";
	static const struct {
		void (*change)(struct net_desired *d);
		enum net_nat nat;
		const char *has, *lacks;
	} row[] = {
		{only_ipv4, NET_NAT_SNAT, snat4, "ip6"},
		{only_ipv4, NET_NAT_SNAT, echo4, "icmpv6"},
		{both, NET_NAT_SNAT, snat4, "fe80"},
		{both, NET_NAT_SNAT, snat6, "2001:db8:2::2"},
		{both, NET_NAT_SNAT, neighbours, shut},
		{both, NET_NAT_SNAT, redirect, shut},
		{both, NET_NAT_SNAT, echo6, shut},
		{both, NET_NAT_NONE, echo6, "snat"},
		{both, NET_NAT_MASQUERADE, snat4, "masquerade"},
		{both, NET_NAT_MASQUERADE, "oifname \"vr-ex\" snat ip6 to 2001:db8:2::2\n", "fe80"},
		{only_ipv6, NET_NAT_SNAT, snat6, "snat ip to"},
		{closed, NET_NAT_SNAT, shut, "echo-request"},
		{closed, NET_NAT_SNAT, snat4, "icmpv6"},
		{closed_both, NET_NAT_SNAT, neighbours, "echo-request"},
		{closed_both, NET_NAT_NONE, shut, "echo-request"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct net_desired d = desired(row[i].nat, false);
		char text[4096];

		row[i].change(&d);
		assert_in_range(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 1,
				sizeof(text) - 1);
		if (!strstr(text, row[i].has) || strstr(text, row[i].lacks))
			fail_msg("row %zu:\n%s", i, text);
	}
}

/* Replaced as a whole and in one transaction. */
static void transaction(void **state)
{
	static const char head[] =
		"add table inet vrouter\ndelete table inet vrouter\ntable inet vrouter {\n";
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char text[4096];

	(void)state;
	nat_ruleset(text, sizeof(text), &d, NULL, NULL);
	assert_memory_equal(text, head, strlen(head));
}

static void comment_of(const struct net_desired *d, char out[static 128])
{
	char text[4096], *at;

	assert_in_range(nat_ruleset(text, sizeof(text), d, NULL, NULL), 1, sizeof(text) - 1);
	at = strstr(text, "comment \"");
	assert_non_null(at);
	snprintf(out, 128, "%.*s", (int)strcspn(at, "\n"), at);
}

/* The comment is how a daemon knows a table: same for the same rules, else another one. */
static void comments(void **state)
{
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char first[128], other[128];

	(void)state;
	comment_of(&d, first);
	d.active = true;
	comment_of(&d, other);
	assert_string_equal(first, other);
	d.nat_random = true;
	comment_of(&d, other);
	assert_string_not_equal(first, other);
	d = desired(NET_NAT_SNAT, false);
	d.leg[NET_PUBLIC].vip[0].addr.b[3]++;
	comment_of(&d, other);
	assert_string_not_equal(first, other);

	strcpy(d.router, "a\"; flush\\\n");
	comment_of(&d, other);
	assert_memory_equal(other, "comment \"vrouterd a_;_flush__ ", 30);
}

static void bad_names(void **state)
{
	static const char *const bad[] = {"", "*", "vr*", "a\"b", "a b", "a\\b", "a}"};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct net_desired d = desired(NET_NAT_SNAT, false);

		strcpy(d.leg[NET_PUBLIC].ifname, bad[i]);
		if (nat_ruleset(text, sizeof(text), &d, NULL, NULL))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void bounded(void **state)
{
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char text[4096], small[4096];
	size_t n = nat_ruleset(text, sizeof(text), &d, NULL, NULL);

	(void)state;
	for (size_t cap = 0; cap <= n; cap++) {
		memset(small, '#', sizeof(small));
		assert_int_equal(nat_ruleset(small, cap, &d, NULL, NULL), n);
		assert_int_equal(small[cap], '#');
	}
}

/* Ours has more than nft's listing (what replaces the table), nft's has empty lines. */
static void counts(void **state)
{
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char text[4096];

	(void)state;
	assert_int_equal(nat_count_rules(""), 0);
	assert_int_equal(nat_count_rules("\t\ta"), 1);
	assert_int_equal(nat_count_rules("table inet vrouter {\n\tchain c {\n\t\ttype filter hook"
					 "\n\t\ta\n\t}\n\n\tchain d {\n\t\tb\n\t}\n}\n"),
			 3);
	assert_in_range(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 1, sizeof(text) - 1);
	/* three hooks, two rules of forward, six of input, one of postrouting */
	assert_int_equal(nat_count_rules(text), 12);
}

static void of_a_handover_ipv6(struct net_desired d)
{
	struct ip_prefix *vip = &d.leg[NET_PUBLIC].vip[d.leg[NET_PUBLIC].n_vips++];
	char text[2048];
	size_t n;

	assert_int_equal(ip_addr_parse(&vip->addr, "2001:db8::1"), 0);
	vip->len = 64;
	n = handover_silence_ruleset(text, sizeof(text), &d);
	assert_in_range(n, 1, sizeof(text) - 1);
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "table arp"));
	assert_non_null(strstr(text, "table ip6 vrouter-silence {\n"));
	assert_non_null(strstr(text, "oifname { \"vr-mgmt\", \"vr-ex\" } icmpv6 type { "
				     "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, "
				     "nd-neighbor-advert, nd-redirect } counter drop\n"));
	n = handover_return_ruleset(text, sizeof(text), &d);
	assert_in_range(n, 1, sizeof(text) - 1);
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "dup to 192.0.0.8 device"));
	assert_non_null(strstr(text,
			       "iifname \"vr-ex\" meta l4proto != { tcp, ipv6-icmp } ct state "
			       "new counter dup to 100::8 device \"vr-ex\" drop\n"));
}

/* The pool and the forwards are the public leg's; who may use the router is asked on each inside.
 */
static void more_rules(struct net_desired *d)
{
	static const char *const has[] = {
		"iifname \"vr-mgmt\" oifname \"vr-ex\" snat ip to 198.18.0.7\n",
		"iifname \"vr-mgmt\" oifname \"vr-o\" snat ip to 203.0.113.1\n",
		"iifname \"vr-i\" oifname \"vr-ex\" snat ip to 198.18.0.7\n",
		"iifname \"vr-i\" oifname \"vr-o\" snat ip to 203.0.113.1\n",
		"iifname \"vr-mgmt\" ct state new ip saddr != { 10.0.0.0/8 } counter",
		"iifname \"vr-i\" ct state new ip saddr != { 10.0.0.0/8 } counter",
		"iifname \"vr-ex\" ct state new ct status & dnat == 0 counter",
		"iifname \"vr-o\" ct state new counter name \"unsolicited\" drop\n",
		"iifname \"vr-mgmt\" oifname \"vr-mgmt\" ct status dnat snat ip to 10.20.0.1\n",
		"iifname \"vr-i\" oifname \"vr-i\" ct status dnat snat ip to 10.30.0.1\n",
	};
	struct nat_forward *f = &d->rules.forward[0];
	char text[8192];

	d->rules.n_pool = d->rules.n_sources = d->rules.n_forwards = 1;
	assert_int_equal(ip_addr_parse(&d->rules.pool[0].first, "198.18.0.7"), 0);
	d->rules.pool[0].last = d->rules.pool[0].first;
	assert_int_equal(ip_prefix_parse(&d->rules.source[0], "10.0.0.0/8"), 0);
	snprintf(f->name, sizeof(f->name), "web");
	f->n_protocols = 1;
	f->port.first = f->port.last = 80;
	assert_int_equal(ip_addr_parse(&f->to.addr, "10.20.0.9"), 0);
	assert_in_range(nat_ruleset(text, sizeof(text), d, NULL, NULL), 1, sizeof(text) - 1);
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		if (!strstr(text, has[i]))
			fail_msg("lacks %s:\n%s", has[i], text);
	assert_null(strstr(text, "iifname \"vr-o\" ct state new ct status"));
	assert_null(strstr(text, "iifname \"vr-o\" ct state new ip saddr"));
	assert_null(strstr(text, "oifname \"vr-o\" snat ip to 198.18.0.7"));
}

/* Each inside leg to each outside one, and nothing new from there. */
static void more_legs(void **state)
{
	static const char *const has[] = {
		"iifname \"vr-mgmt\" oifname \"vr-ex\" snat ip to 198.18.0.1\n",
		"iifname \"vr-mgmt\" oifname \"vr-o\" snat ip to 203.0.113.1\n",
		"iifname \"vr-i\" oifname \"vr-ex\" snat ip to 198.18.0.1\n",
		"iifname \"vr-i\" oifname \"vr-o\" snat ip to 203.0.113.1\n",
		"iifname \"vr-ex\" ct state new counter name \"unsolicited\" drop\n",
		"iifname \"vr-o\" ct state new counter name \"unsolicited\" drop\n",
		"iifname \"vr-o\" counter name \"input_refused\" drop\n",
	};
	static const char *const lacks[] = {"iifname \"vr-i\" ct state new",
					    "iifname \"vr-i\" counter", "oifname \"vr-i\"",
					    "oifname \"vr-mgmt\""};
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char text[4096];

	(void)state;
	d.n_extra = 2;
	d.leg[2] = (struct net_leg){.ifname = "vr-i", .n_vips = 1};
	d.leg[3] = (struct net_leg){.ifname = "vr-o", .n_vips = 1, .outside = true};
	assert_int_equal(ip_prefix_parse(&d.leg[2].vip[0], "10.30.0.1/24"), 0);
	assert_int_equal(ip_prefix_parse(&d.leg[3].vip[0], "203.0.113.1/24"), 0);
	assert_in_range(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 1, sizeof(text) - 1);
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		if (!strstr(text, has[i]))
			fail_msg("lacks %s:\n%s", has[i], text);
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++)
		if (strstr(text, lacks[i]))
			fail_msg("has %s:\n%s", lacks[i], text);
	assert_in_range(handover_silence_ruleset(text, sizeof(text), &d), 1, sizeof(text) - 1);
	assert_non_null(
		strstr(text, "oifname { \"vr-mgmt\", \"vr-ex\", \"vr-i\", \"vr-o\" } counter"));
	more_rules(&d);
	strcpy(d.leg[3].ifname, "v\"");
	assert_int_equal(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 0);
}

/* The most that there can be. */
static void all_legs(void **state)
{
	struct net_desired d = desired(NET_NAT_SNAT, true);
	char text[NAT_RULESET_MAX];

	(void)state;
	d.closed = true;
	d.n_extra = NET_LEGS_MAX - NET_LEGS;
	for (unsigned i = 0; i < NET_LEGS_MAX; i++) {
		struct net_leg *l = &d.leg[i];

		snprintf(l->ifname, sizeof(l->ifname), "a-long-name-%u", i);
		l->outside = i >= NET_LEGS_MAX / 2;
		l->n_vips = 2;
		assert_int_equal(ip_prefix_parse(&l->vip[0], "198.118.100.123/24"), 0);
		assert_int_equal(
			ip_prefix_parse(&l->vip[1], "2001:db8:1111:2222:3333:4444:5555:6666/64"),
			0);
	}
	assert_in_range(nat_ruleset(text, sizeof(text), &d, NULL, NULL), 1, sizeof(text) - 1);
}

static void of_a_handover(void **state)
{
	static const char back[] = "iifname \"vr-mgmt\" ct state invalid counter dup to 192.0.0.8 "
				   "device \"vr-mgmt\" drop\n";
	struct net_desired d = desired(NET_NAT_SNAT, false);
	char text[2048];
	size_t n = handover_return_ruleset(text, sizeof(text), &d);

	(void)state;
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, back));
	/* what comes from inside and is new is ours to forward */
	assert_null(strstr(text, "iifname \"vr-mgmt\" meta"));
	assert_non_null(
		strstr(text, "iifname \"vr-ex\" meta l4proto != { tcp, icmp } ct state new"));
	assert_int_equal(handover_return_ruleset(text, 10, &d), n);
	n = handover_silence_ruleset(text, sizeof(text), &d);
	assert_int_equal(n, strlen(text));
	assert_non_null(strstr(text, "table arp"));
	assert_null(strstr(text, "ip6"));
	assert_non_null(strstr(text, "iifname { \"vr-mgmt\", \"vr-ex\" } counter drop\n"));
	assert_non_null(strstr(text, "oifname { \"vr-mgmt\", \"vr-ex\" } counter drop\n"));
	of_a_handover_ipv6(d);
	strcpy(d.leg[NET_PUBLIC].ifname, "vr*");
	assert_int_equal(handover_silence_ruleset(text, sizeof(text), &d), 0);
	assert_int_equal(handover_return_ruleset(text, sizeof(text), &d), 0);
}

static void note_removed(void *ctx, const char *rule)
{
	strcat(strcat(strcat(ctx, "-"), rule), "\n");
}

static void note_added(void *ctx, const char *rule)
{
	strcat(strcat(strcat(ctx, "+"), rule), "\n");
}

static void differences(void **state)
{
	static const struct nat_diff_ops ops = {.removed = note_removed, .added = note_added};
	static char a[NAT_RULESET_MAX], b[NAT_RULESET_MAX], said[4 * NAT_RULE_MAX];
	struct net_desired d = desired(NET_NAT_SNAT, false);

	(void)state;
	nat_ruleset(a, sizeof(a), &d, NULL, NULL);
	assert_int_equal(nat_ruleset_diff(a, a, &ops, said), 0);
	assert_string_equal(said, "");
	d.rules.mss = NAT_MSS_PATH;
	d.nat_random = true;
	nat_ruleset(b, sizeof(b), &d, NULL, NULL);
	assert_int_equal(nat_ruleset_diff(a, b, &ops, said), 0);
	assert_string_equal(
		said, "-postrouting: iifname \"vr-mgmt\" oifname \"vr-ex\" snat ip to 198.18.0.1\n"
		      "+forward: tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n"
		      "+postrouting: iifname \"vr-mgmt\" oifname \"vr-ex\" snat ip to 198.18.0.1 "
		      "fully-random\n");
	/* the same rule twice is another thing than once */
	said[0] = '\0';
	assert_int_equal(nat_ruleset_diff("\tchain x {\n\t\ta\n\t\ta\n\t}\n",
					  "\tchain x {\n\t\ta\n\t}\n\tset y {\n\t\tb\n", &ops,
					  said),
			 0);
	assert_string_equal(said, "-x: a\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),       cmocka_unit_test(transaction),
		cmocka_unit_test(comments),    cmocka_unit_test(bad_names),
		cmocka_unit_test(bounded),     cmocka_unit_test(versions),
		cmocka_unit_test(counts),      cmocka_unit_test(of_a_handover),
		cmocka_unit_test(more_legs),   cmocka_unit_test(all_legs),
		cmocka_unit_test(differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
