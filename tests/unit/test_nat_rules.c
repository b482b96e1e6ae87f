/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/nat.h"

static struct ip_range range(const char *text)
{
	struct ip_range r;

	if (ip_range_parse(&r, text) < 0)
		fail_msg("%s", text);
	return r;
}

static void ranges(void **state)
{
	static const struct {
		const char *text, *is;
		unsigned count;
	} row[] = {
		{"192.0.2.1", "192.0.2.1", 1},
		{"192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9", 9},
		{"192.0.1.255-192.0.2.0", "192.0.1.255-192.0.2.0", 2},
		{"192.0.2.17/28", "192.0.2.16-192.0.2.31", 16},
		{"192.0.2.0/24", "192.0.2.0-192.0.2.255", 100},
		{"0.0.0.0/0", "0.0.0.0-255.255.255.255", 100},
		{"2001:db8::1", "2001:db8::1", 1},
		{"2001:db8::/64", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff", 100},
		{"2001:db8::ff-2001:db8::100", "2001:db8::ff-2001:db8::100", 2},
	};
	static const char *const bad[] = {"",
					  "-",
					  "192.0.2.1-",
					  "192.0.2.2-192.0.2.1",
					  "192.0.2.1-::1",
					  "192.0.2.1/33",
					  "a",
					  "192.0.2.1-192.0.2.9-192.0.2.10",
					  "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:1"};
	struct ip_range r;
	char buf[IP_RANGE_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		r = range(row[i].text);
		assert_string_equal(ip_range_format(&r, buf), row[i].is);
		assert_int_equal(ip_range_count(&r, 100), row[i].count);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (ip_range_parse(&r, bad[i]) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void relations(void **state)
{
	const struct ip_range a = range("192.0.2.10-192.0.2.19"),
			      b = range("192.0.2.19-192.0.2.20"), c = range("192.0.2.20-192.0.3.1"),
			      all = range("192.0.0.0/16"), six = range("2001:db8::/64");
	struct ip_addr x = a.last, end;

	(void)state;
	assert_true(ip_range_overlap(&a, &b) && ip_range_overlap(&b, &a));
	assert_false(ip_range_overlap(&a, &c) || ip_range_overlap(&c, &a));
	assert_true(ip_range_overlap(&all, &a) && ip_range_overlap(&a, &all));
	assert_false(ip_range_overlap(&six, &a));
	assert_true(ip_range_contains(&a, &a.first) && ip_range_contains(&a, &a.last));
	x = ip_addr_next(x);
	assert_false(ip_range_contains(&a, &x));
	assert_true(ip_addr_equal(&x, &c.first));
	x = ip_addr_next(range("192.0.2.255").first);
	end = range("192.0.3.0").first;
	assert_true(ip_addr_equal(&x, &end));
	/* there is none: it begins anew */
	x = ip_addr_next(range("255.255.255.255").first);
	end = range("0.0.0.0").first;
	assert_true(ip_addr_equal(&x, &end));
}

static void equality(void **state)
{
	struct nat_rules a = {.n_pool = 1, .n_forwards = 1, .n_sources = 1}, b;

	(void)state;
	a.pool[0] = range("192.0.2.1");
	a.source[0] = (struct ip_prefix){.addr = a.pool[0].first, .len = 24};
	a.forward[0] = (struct nat_forward){.name = "x", .n_protocols = 1, .n_from = 1};
#define DIFFERS(change)                                                                            \
	do {                                                                                       \
		b = a;                                                                             \
		assert_true(nat_rules_equal(&a, &b));                                              \
		b.change;                                                                          \
		if (nat_rules_equal(&a, &b))                                                       \
			fail_msg("%s: the same", #change);                                         \
	} while (0)
	DIFFERS(n_pool = 0);
	DIFFERS(pool[0].last.b[3]++);
	DIFFERS(ports.last = 9);
	DIFFERS(persistent = true);
	DIFFERS(source[0].len--);
	DIFFERS(n_sources = 0);
	DIFFERS(unsolicited = NAT_UNSOLICITED_DROP);
	DIFFERS(mss = 1);
	DIFFERS(new_flows = 1);
	DIFFERS(new_flows_burst = 1);
	DIFFERS(file[0] = '/');
	DIFFERS(file_hash = 1);
	DIFFERS(n_forwards = 0);
	DIFFERS(forward[0].name[0] = 'y');
	DIFFERS(forward[0].protocol[0] = NAT_UDP);
	DIFFERS(forward[0].n_protocols = 2);
	DIFFERS(forward[0].port.first = 1);
	DIFFERS(forward[0].address.family = AF_INET);
	DIFFERS(forward[0].to.port = 1);
	DIFFERS(forward[0].to.addr.family = AF_INET);
	DIFFERS(forward[0].from[0].len = 1);
}

/* ---- the operator's rules ----------------------------------------------------------------------
 */

static void files(void **state)
{
	static const struct {
		const char *text;
		int line; /* at fault; 0: none */
		const char *says;
	} row[] = {
		{"table inet a { }", 0, "inet a;"},
		{"table a {\n}\n", 0, "ip a;"},
		{"#!/usr/sbin/nft -f\n# one\ntable ip6 a-b.c { chain x { drop; } }; table bridge b "
		 "{ }\n",
		 0, "ip6 a-b.c;bridge b;"},
		{"table inet a { chain x { }\n}\ntable inet a { chain y { }\n}\n", 0, "inet a;"},
		{"define A = { 1,\n 2 }\ndefine B = \"x}\"\ntable inet a { }", 0, "inet a;"},
		{"table inet a { chain x { log prefix \"}{ include\" } }", 0, "inet a;"},
		{"table inet a { # }\n}\n", 0, "inet a;"},
		{"", 1, "no table"},
		{"# table inet a { }\n", 2, "no table"},
		{"\nflush ruleset", 2, "allowed: table"},
		{"table inet a { }\nadd rule inet vrouter input drop", 2, "allowed: table"},
		{"table inet a { } delete table inet vrouter", 1, "allowed: table"},
		{"define A = 1; delete table inet vrouter", 1, "allowed: table"},
		{"table inet vrouter { }", 1, "the daemon's"},
		{"table arp vrouter-silence { }", 1, "the daemon's"},
		{"\n\ninclude \"x\"\n", 3, "allowed: table"},
		{"table inet a {\n\tinclude \"x\"\n}\n", 2, "include"},
		{"define A = { include \"x\" }\n", 1, "include"},
		{"table inet a", 1, "without its"},
		{"table inet $A { }", 1, "no name"},
		{"table { }", 1, "no name"},
		{"\ntable inet a {\n{\n}\n", 2, "not closed"},
		{"table inet a { }\n}\n", 2, "allowed: table"},
		{"table inet a {\n \"x\n}\n", 2, "does not end"},
		{"table inet aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		 "{}",
		 1, "no name"},
		{"table a {}\ntable b {}\ntable c {}\ntable d {}\ntable e {}\ntable f {}\ntable g "
		 "{}\ntable h {}\ntable i {}\n",
		 9, "too many"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct nft_tables t;
		const char *why = NULL;
		char got[256] = "";
		int line = nft_file_tables(&t, row[i].text, &why);
		size_t at = 0;

		for (unsigned k = 0; !line && k < t.n; k++)
			at += (size_t)snprintf(got + at, sizeof(got) - at, "%s %s;", t.at[k].family,
					       t.at[k].name);
		if (line != row[i].line ||
		    (line ? !strstr(why, row[i].says) : strcmp(got, row[i].says) != 0))
			fail_msg("%s\nline %d: %s%s", row[i].text, line, why ? why : "", got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(relations),
		cmocka_unit_test(equality),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
