/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/addr.h"

static void prefix_parse(void **state)
{
	static const struct {
		const char *text, *back;
		const char *why;
	} row[] = {
		{"10.20.0.1/24", "10.20.0.1/24", "host part is kept"},
		{"2001:db8::1/64", "2001:db8::1/64", "IPv6"},
		{"10.20.0.1", NULL, "length is required"},
		{"10.20.0.1/33", NULL, "longer than the address"},
		{"10.20.0.1/", NULL, "empty length"},
		{"10.20.0.1/2x", NULL, "length is a number"},
		{"10.20.0/24", NULL, "four numbers"},
		{"/24", NULL, "no address"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/1", NULL,
		 "longer than the buffer"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char buf[IP_PREFIX_STRLEN];
		struct ip_prefix p;
		int err = ip_prefix_parse(&p, row[i].text);

		if ((err == 0) != (row[i].back != NULL))
			fail_msg("%s: %s", row[i].text, row[i].why);
		if (row[i].back)
			assert_string_equal(ip_prefix_format(&p, buf), row[i].back);
	}
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(&p, text), 0);
	return p;
}

static void contains(void **state)
{
	static const struct {
		const char *net, *addr;
		bool inside;
	} row[] = {
		{"10.20.0.1/24", "10.20.0.254/32", true},
		{"10.20.0.1/24", "10.20.1.1/32", false},
		{"10.20.0.1/23", "10.20.1.1/32", true},
		{"0.0.0.0/0", "192.0.2.1/32", true},
		{"0.0.0.0/0", "2001:db8::1/128", false},
		{"2001:db8::/47", "2001:db8:1::1/128", true},
		{"2001:db8::/48", "2001:db8:1::1/128", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip_prefix net = prefix(row[i].net), a = prefix(row[i].addr);

		if (ip_prefix_contains(&net, &a.addr) != row[i].inside)
			fail_msg("%s in %s", row[i].addr, row[i].net);
		assert_int_equal(ip_prefix_overlap(&net, &a), row[i].inside);
		assert_int_equal(ip_prefix_overlap(&a, &net), row[i].inside);
	}
}

static void is_host(void **state)
{
	static const struct {
		const char *text;
		bool host;
	} row[] = {
		{"10.20.0.1/24", true},	  {"10.20.0.0/24", false},  {"10.20.0.255/24", false},
		{"10.20.0.255/23", true}, {"10.20.0.0/31", true},   {"10.20.0.255/32", true},
		{"127.0.0.1/8", false},	  {"224.0.0.18/24", false}, {"0.0.0.0/0", false},
		{"::1/128", false},	  {"ff02::1/64", false},    {"2001:db8::/64", false},
		{"2001:db8::1/64", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip_prefix p = prefix(row[i].text);

		if (ip_prefix_is_host(&p) != row[i].host)
			fail_msg("%s", row[i].text);
	}
}

static void order(void **state)
{
	struct ip_prefix a = prefix("10.0.0.9/8"), b = prefix("10.0.0.10/8"),
			 c = prefix("fe80::1/64");

	(void)state;
	assert_true(ip_addr_cmp(&a.addr, &b.addr) < 0);
	assert_true(ip_addr_cmp(&b.addr, &a.addr) > 0);
	assert_int_equal(ip_addr_cmp(&a.addr, &a.addr), 0);
	assert_true(ip_addr_cmp(&b.addr, &c.addr) < 0);
	assert_false(ip_addr_equal(&a.addr, &c.addr));
}

static void lists(void **state)
{
	const struct ip_prefix list[] = {prefix("fe80::1/64"), prefix("10.0.0.1/24"),
					 prefix("2001:db8::1/64"), prefix("2001:db8::2/64")};
	const struct {
		const char *addr;
		const struct ip_prefix *around;
		bool is;
	} row[] = {
		{"fe80::2/64", &list[0], false},     {"10.0.0.1/32", &list[1], true},
		{"10.0.1.1/24", NULL, false},	     {"2001:db8::2/64", &list[2], true},
		{"2001:db8:0:1::1/64", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip_prefix a = prefix(row[i].addr);

		if (ip_prefix_around(list, ARRAY_LEN(list), &a.addr) != row[i].around ||
		    ip_prefix_any_is(list, ARRAY_LEN(list), &a.addr) != row[i].is)
			fail_msg("%s", row[i].addr);
	}
	assert_ptr_equal(ip_prefix_of_family(list, ARRAY_LEN(list), AF_INET), &list[1]);
	assert_ptr_equal(ip_prefix_of_family(list, ARRAY_LEN(list), AF_INET6), &list[2]);
	assert_null(ip_prefix_of_family(list, 2, AF_INET6));
}

static void link_local(void **state)
{
	static const struct {
		const char *text;
		bool yes;
	} row[] = {
		{"fe80::1/64", true},  {"febf::1/64", true},	  {"fec0::1/64", false},
		{"fe00::1/64", false}, {"2001:db8::1/64", false}, {"254.128.0.1/8", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ip_prefix p = prefix(row[i].text);

		if (ip_addr_is_link_local(&p.addr) != row[i].yes)
			fail_msg("%s", row[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_parse), cmocka_unit_test(contains),
		cmocka_unit_test(is_host),	cmocka_unit_test(order),
		cmocka_unit_test(lists),	cmocka_unit_test(link_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
