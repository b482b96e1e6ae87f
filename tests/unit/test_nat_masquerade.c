/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Masquerading that is written down as SNAT: the rules choose what the kernel would. The model is
 * its inet_select_addr() and ipv6_dev_get_saddr(), as a kernel (6.18) was seen to choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/netns.h"

#define OUT "\t\tiifname \"vr-mgmt\" oifname \"vr-ex\" "

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	if (ip_prefix_parse(&p, text) < 0)
		fail_msg("%s", text);
	return p;
}

static struct net_desired desired(const char *const *vip)
{
	struct net_desired d = {
		.router = "r1",
		.namespace = "r1",
		.leg = {{.ifname = "vr-mgmt"}, {.ifname = "vr-ex"}},
		.nat = NET_NAT_MASQUERADE,
	};

	d.leg[NET_MANAGEMENT].vip[d.leg[NET_MANAGEMENT].n_vips++] = prefix("10.20.0.1/24");
	for (struct net_leg *p = &d.leg[NET_PUBLIC]; *vip; vip++)
		p->vip[p->n_vips++] = prefix(*vip);
	return d;
}

static char text[NAT_RULESET_MAX];

static void write_down(const struct net_desired *d)
{
	assert_in_range(nat_ruleset(text, sizeof(text), d, NULL, NULL), 1, sizeof(text) - 1);
}

/* Does what the rule asks for, if anything, hold for the next hop, or destination? */
static bool holds(const char *rule, int family, const struct ip_addr *to)
{
	static const char *const asks[] = {"rt ip nexthop ", "ip6 daddr "};
	char net[IP_PREFIX_STRLEN];
	const char *at = strstr(rule, asks[family == AF_INET6]);
	struct ip_prefix p;

	if (!at || at > strchr(rule, '\n'))
		return true;
	at += strlen(asks[family == AF_INET6]);
	snprintf(net, sizeof(net), "%.*s", (int)strcspn(at, " "), at);
	p = prefix(net);
	return ip_prefix_contains(&p, to);
}

/* What the first rule that matches translates to. */
static struct ip_addr by_rules(int family, const struct ip_addr *to)
{
	const char *snat = family == AF_INET ? "snat ip to " : "snat ip6 to ";
	struct ip_addr a = {0};

	for (const char *rule = strstr(text, OUT); rule; rule = strstr(rule + 1, OUT)) {
		const char *at = strstr(rule, snat);
		char addr[INET6_ADDRSTRLEN];

		if (!at || at > strchr(rule, '\n') || !holds(rule, family, to))
			continue;
		at += strlen(snat);
		snprintf(addr, sizeof(addr), "%.*s", (int)strcspn(at, " \n"), at);
		assert_int_equal(ip_addr_parse(&a, addr), 0);
		return a;
	}
	return a;
}

static bool is_bit_equal(const struct ip_addr *a, const struct ip_addr *b, unsigned i)
{
	return !((a->b[i / 8] ^ b->b[i / 8]) >> (7 - i % 8) & 1);
}

static struct ip_addr by_kernel(const struct net_leg *l, int family, const struct ip_addr *to)
{
	const struct ip_prefix *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; family == AF_INET && i < l->n_vips; i++) {
		const struct ip_prefix *v = &l->vip[i];

		if (v->addr.family == AF_INET && ip_prefix_contains(v, to))
			return v->addr;
		if (v->addr.family == AF_INET && !best)
			best = v;
	}
	for (unsigned i = l->n_vips; family == AF_INET6 && i-- > 0;) { /* the newest is its first */
		const struct ip_prefix *v = &l->vip[i];
		unsigned n = 0;

		if (v->addr.family != AF_INET6 || ip_addr_is_link_local(&v->addr))
			continue;
		while (n < v->len && is_bit_equal(&v->addr, to, n))
			n++;
		if (!best || n > most) {
			best = v;
			most = n;
		}
	}
	return best ? best->addr : (struct ip_addr){0};
}

static uint32_t random_below(uint32_t n)
{
	static uint32_t x = 52001;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

/* One that begins like one of these, mostly. */
static struct ip_addr random_near(const struct net_leg *l, int family)
{
	struct ip_addr a = {.family = (uint8_t)family};
	unsigned bits = family == AF_INET ? 32 : 128, from = random_below(bits);

	for (unsigned i = random_below(8); i < l->n_vips; i++)
		if (l->vip[i].addr.family == family)
			a = l->vip[i].addr;
	for (unsigned i = from; i < bits; i++)
		a.b[i / 8] ^= (uint8_t)((i == from || random_below(2)) << (7 - i % 8));
	return a;
}

static void random_vips(struct net_leg *l)
{
	for (l->n_vips = 0; l->n_vips < NET_VIPS_MAX; l->n_vips++) {
		int family = l->n_vips % 2 ? AF_INET6 : AF_INET;
		unsigned bits = family == AF_INET ? 32 : 128;
		struct ip_addr a = random_near(l, family);

		l->vip[l->n_vips] =
			(struct ip_prefix){.addr = a, .len = (uint8_t)(1 + random_below(bits))};
	}
}

static void the_rules_choose_as_the_kernel(void **state)
{
	static const char *const none[] = {NULL};
	struct net_desired d = desired(none);
	struct net_leg *l = &d.leg[NET_PUBLIC];

	(void)state;
	for (unsigned set = 0; set < 300; set++) {
		random_vips(l);
		write_down(&d);
		assert_null(strstr(text, "masquerade\n"));
		for (unsigned i = 0; i < 200; i++) {
			int family = i % 2 ? AF_INET6 : AF_INET;
			struct ip_addr to = random_near(l, family), k = by_kernel(l, family, &to);
			struct ip_addr r = by_rules(family, &to);
			char buf[INET6_ADDRSTRLEN];

			if (!ip_addr_equal(&k, &r))
				fail_msg("set %u, to %s:\n%s", set, ip_addr_format(&to, buf), text);
		}
	}
}

/* A model can be wrong in the same way: what a kernel was seen to choose. */
static void as_it_was_seen(void **state)
{
	static const char *const vips[] = {
		"192.0.2.1/24",	    "198.51.100.1/24",	"fd00:2::1/64", "2001:db8:2::1/64",
		"2001:db8:2::2/64", "2001:db8:3::1/64", "fe80::1/64",	NULL};
	static const struct {
		const char *to, *from;
	} row[] = {
		{"198.51.100.9", "198.51.100.1"},
		{"192.0.2.9", "192.0.2.1"},
		{"203.0.113.9", "192.0.2.1"},
		{"2a00::1", "2001:db8:3::1"},
		{"2001:db8:3::7", "2001:db8:3::1"},
		{"2001:db8:2::7", "2001:db8:2::2"},
		{"2001:db8:2:0:8000::1", "2001:db8:2::2"},
		{"fd77::1", "fd00:2::1"},
	};
	struct net_desired d = desired(vips);

	(void)state;
	write_down(&d);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip_addr to, from, r;

		assert_int_equal(ip_addr_parse(&to, row[i].to), 0);
		assert_int_equal(ip_addr_parse(&from, row[i].from), 0);
		r = by_rules(to.family, &to);
		if (!ip_addr_equal(&r, &from))
			fail_msg("to %s:\n%s", row[i].to, text);
	}
}

static void one_address_needs_no_question(void **state)
{
	static const char *const vips[] = {"198.18.0.1/24", "2001:db8:2::1/64", NULL};
	struct net_desired d = desired(vips);

	(void)state;
	write_down(&d);
	assert_non_null(strstr(text, OUT "snat ip to 198.18.0.1\n"));
	assert_non_null(strstr(text, OUT "snat ip6 to 2001:db8:2::1\n"));
	assert_null(strstr(text, "nexthop"));
	assert_null(strstr(text, "daddr 2001"));
	assert_null(strstr(text, "\" masquerade"));
}

/* What the kernel alone can do is left to it. */
static void the_rest_is_the_kernels(void **state)
{
	static const char *const vips[] = {"198.18.0.1/24", NULL};
	struct net_desired d = desired(vips);
	struct net_leg *extra = &d.leg[NET_LEGS];

	(void)state;
	write_down(&d);
	assert_non_null(strstr(text, OUT "meta nfproto ipv6 masquerade\n"));
	assert_null(strstr(text, "nfproto ipv4"));
	/* a leg inside is no other way out */
	strcpy(extra->ifname, "vr-3");
	extra->vip[extra->n_vips++] = prefix("203.0.113.1/24");
	d.n_extra = 1;
	write_down(&d);
	assert_non_null(strstr(text, OUT "snat ip to 198.18.0.1\n"));
	extra->outside = true;
	write_down(&d);
	assert_non_null(strstr(text, OUT "masquerade\n"));
	assert_non_null(strstr(text, "\t\tiifname \"vr-mgmt\" oifname \"vr-3\" masquerade\n"));
	assert_null(strstr(text, "snat ip"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_choose_as_the_kernel),
		cmocka_unit_test(as_it_was_seen),
		cmocka_unit_test(one_address_needs_no_question),
		cmocka_unit_test(the_rest_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
