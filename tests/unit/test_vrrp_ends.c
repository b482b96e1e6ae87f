/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/vrrp.h"

#define OK	  VRRP_ADDR_USABLE
#define TENTATIVE VRRP_ADDR_TENTATIVE
#define DUPLICATE VRRP_ADDR_DUPLICATE

static struct ip_addr addr(const char *text)
{
	struct ip_addr a = {0};

	if (text)
		assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static void choose(void **state)
{
	static const struct {
		const char *why;
		int family;
		const char *before; /* our address so far */
		struct {
			const char *addr;
			enum vrrp_addr_state state;
		} own[3];
		const char *self, *says; /* one of them */
	} row[] = {
		{"nothing there", AF_INET, NULL, {{0}}, NULL, "has no IPv4 address"},
		{"nothing there", AF_INET6, NULL, {{0}}, NULL, "has no link-local address"},
		{"the primary",
		 AF_INET,
		 NULL,
		 {{"10.0.0.1", OK}, {"10.0.0.2", OK}},
		 "10.0.0.1",
		 NULL},
		{"what we have stays",
		 AF_INET,
		 "10.0.0.2",
		 {{"10.0.0.1", OK}, {"10.0.0.2", OK}},
		 "10.0.0.2",
		 NULL},
		{"what we had is gone",
		 AF_INET,
		 "10.0.0.3",
		 {{"10.0.0.1", OK}, {"10.0.0.2", OK}},
		 "10.0.0.1",
		 NULL},
		{"link-local only",
		 AF_INET6,
		 NULL,
		 {{"2001:db8::1", OK}, {"fe80::1", OK}},
		 "fe80::1",
		 NULL},
		{"none is link-local",
		 AF_INET6,
		 "fe80::1",
		 {{"2001:db8::1", OK}},
		 NULL,
		 "has no link-local address"},
		{"not verified yet",
		 AF_INET6,
		 NULL,
		 {{"fe80::1", TENTATIVE}},
		 NULL,
		 "has an address that is not verified yet (DAD)"},
		{"not verified any more",
		 AF_INET6,
		 "fe80::1",
		 {{"fe80::1", TENTATIVE}},
		 NULL,
		 "has an address that is not verified yet (DAD)"},
		{"somebody else's",
		 AF_INET6,
		 NULL,
		 {{"fe80::1", DUPLICATE}},
		 NULL,
		 "has an address that another host has, too (DAD failed)"},
		{"a second one is usable",
		 AF_INET6,
		 NULL,
		 {{"fe80::1", DUPLICATE}, {"fe80::2", OK}},
		 "fe80::2",
		 NULL},
		{"what we had is not usable",
		 AF_INET6,
		 "fe80::1",
		 {{"fe80::1", DUPLICATE}, {"fe80::2", OK}, {"fe80::3", OK}},
		 "fe80::2",
		 NULL},
		{"what we have stays, of IPv6",
		 AF_INET6,
		 "fe80::2",
		 {{"fe80::1", OK}, {"fe80::2", OK}, {"fe80::3", OK}},
		 "fe80::2",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct vrrp_ends e = {.self = addr(row[i].before)}, before = e;
		struct ip_addr self = addr(row[i].self), group = vrrp_group(row[i].family);
		struct vrrp_if_addrs own = {.n = 0};
		const char *says;

		for (; own.n < 3 && row[i].own[own.n].addr; own.n++) {
			own.a[own.n].addr = addr(row[i].own[own.n].addr);
			own.a[own.n].state = row[i].own[own.n].state;
		}
		says = vrrp_ends_choose(&e, row[i].family, &own);
		if (!says != !row[i].says || (says && strcmp(says, row[i].says) != 0))
			fail_msg("%s: \"%s\"", row[i].why, says ? says : "fine");
		if (says && memcmp(&e, &before, sizeof(e)) != 0)
			fail_msg("%s: and has changed something", row[i].why);
		if (!says && (!ip_addr_equal(&e.self, &self) || !ip_addr_equal(&e.to, &group)))
			fail_msg("%s: another address", row[i].why);
	}
}

static void groups(void **state)
{
	struct ip_addr v4 = addr("224.0.0.18"), v6 = addr("ff02::12"), a;

	(void)state;
	a = vrrp_group(AF_INET);
	assert_true(ip_addr_equal(&a, &v4));
	a = vrrp_group(AF_INET6);
	assert_true(ip_addr_equal(&a, &v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choose),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
