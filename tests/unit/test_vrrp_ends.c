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

struct row {
	const char *why;
	int family;
	const char *peers[3];
	const char *before; /* our address so far */
	struct {
		const char *addr;
		enum vrrp_addr_state state;
	} own[3];
	const char *self, *says; /* one of them */
	const char *to[3];	 /* NULL: the group */
};

#define NO_V4	 "has no IPv4 address"
#define NO_LINK	 "has no link-local address"
#define NO_V6	 "has no IPv6 address but link-local ones"
#define NOT_YET	 "has an address that is not verified yet (DAD)"
#define NOT_OURS "has an address that another host has, too (DAD failed)"

static void check(const struct row *r)
{
	struct vrrp_ends e = {.self = addr(r->before)}, before = e;
	struct ip_addr self = addr(r->self), group = vrrp_group(r->family);
	struct vrrp_if_addrs own = {.n = 0};
	struct vrrp_peers peers = {.n = 0};
	unsigned n_to = 0;
	const char *says;

	for (; own.n < 3 && r->own[own.n].addr; own.n++) {
		own.a[own.n].addr = addr(r->own[own.n].addr);
		own.a[own.n].state = r->own[own.n].state;
	}
	for (; peers.n < 3 && r->peers[peers.n]; peers.n++)
		peers.addr[peers.n] = addr(r->peers[peers.n]);
	says = vrrp_ends_choose(&e, r->family, &peers, &own);
	if (!says != !r->says || (says && strcmp(says, r->says) != 0))
		fail_msg("%s: \"%s\"", r->why, says ? says : "fine");
	if (says) {
		assert_memory_equal(&e, &before, sizeof(e));
		return;
	}
	if (!ip_addr_equal(&e.self, &self))
		fail_msg("%s: another address", r->why);
	for (; n_to < 3 && r->to[n_to]; n_to++) {
		struct ip_addr to = addr(r->to[n_to]);

		if (n_to >= e.n_to || !ip_addr_equal(&e.to[n_to], &to))
			fail_msg("%s: not to %s", r->why, r->to[n_to]);
		assert_true(vrrp_ends_hear(&e, &to));
	}
	assert_true(e.unicast == (peers.n > 0));
	if (!e.unicast)
		assert_true(ip_addr_equal(&e.to[n_to++], &group));
	if (e.n_to != n_to)
		fail_msg("%s: to %u", r->why, e.n_to);
	assert_true(vrrp_ends_hear(&e, &self) == !e.unicast);
}

static void multicast(void **state)
{
	static const struct row row[] = {
		{"nothing there", AF_INET, .says = NO_V4},
		{"nothing there", AF_INET6, .says = NO_LINK},
		{"the primary", AF_INET, .own = {{"10.0.0.1", OK}, {"10.0.0.2", OK}},
		 .self = "10.0.0.1"},
		{"what we have stays", AF_INET, .before = "10.0.0.2",
		 .own = {{"10.0.0.1", OK}, {"10.0.0.2", OK}}, .self = "10.0.0.2"},
		{"what we had is gone", AF_INET, .before = "10.0.0.3",
		 .own = {{"10.0.0.1", OK}, {"10.0.0.2", OK}}, .self = "10.0.0.1"},
		{"link-local only", AF_INET6, .own = {{"2001:db8::1", OK}, {"fe80::1", OK}},
		 .self = "fe80::1"},
		{"none is link-local", AF_INET6, .before = "fe80::1", .own = {{"2001:db8::1", OK}},
		 .says = NO_LINK},
		{"not verified yet", AF_INET6, .own = {{"fe80::1", TENTATIVE}}, .says = NOT_YET},
		{"not any more", AF_INET6, .before = "fe80::1", .own = {{"fe80::1", TENTATIVE}},
		 .says = NOT_YET},
		{"somebody else's", AF_INET6, .own = {{"fe80::1", DUPLICATE}}, .says = NOT_OURS},
		{"a second one is usable", AF_INET6,
		 .own = {{"fe80::1", DUPLICATE}, {"fe80::2", OK}}, .self = "fe80::2"},
		{"what we had is not usable", AF_INET6, .before = "fe80::1",
		 .own = {{"fe80::1", DUPLICATE}, {"fe80::2", OK}, {"fe80::3", OK}},
		 .self = "fe80::2"},
		{"what we have stays, of IPv6", AF_INET6, .before = "fe80::2",
		 .own = {{"fe80::1", OK}, {"fe80::2", OK}, {"fe80::3", OK}}, .self = "fe80::2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		check(&row[i]);
}

static void unicast(void **state)
{
	static const struct row row[] = {
		{"ourselves is left out",
		 AF_INET,
		 {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		 .own = {{"10.0.0.2", OK}},
		 .self = "10.0.0.2",
		 .to = {"10.0.0.1", "10.0.0.3"}},
		{"the others only",
		 AF_INET,
		 {"10.0.0.1"},
		 .own = {{"10.0.0.2", OK}},
		 .self = "10.0.0.2",
		 .to = {"10.0.0.1"}},
		{"what is listed, not the primary",
		 AF_INET,
		 {"10.0.0.1", "10.0.0.2"},
		 .before = "10.9.9.9",
		 .own = {{"10.9.9.9", OK}, {"10.0.0.2", OK}},
		 .self = "10.0.0.2",
		 .to = {"10.0.0.1"}},
		{"nobody else",
		 AF_INET,
		 {"10.0.0.2"},
		 .own = {{"10.0.0.2", OK}},
		 .self = "10.0.0.2"},
		{"two of ours",
		 AF_INET,
		 {"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		 .before = "10.0.0.3",
		 .own = {{"10.0.0.1", OK}, {"10.0.0.3", OK}},
		 .self = "10.0.0.3",
		 .to = {"10.0.0.2"}},
		{"nothing there", AF_INET, {"10.0.0.1"}, .says = NO_V4},
		{"of the peers' kind",
		 AF_INET6,
		 {"2001:db8::2"},
		 .before = "fe80::1",
		 .own = {{"fe80::1", OK}, {"2001:db8::1", OK}},
		 .self = "2001:db8::1",
		 .to = {"2001:db8::2"}},
		{"link-local peers",
		 AF_INET6,
		 {"fe80::2"},
		 .own = {{"2001:db8::1", OK}, {"fe80::1", OK}},
		 .self = "fe80::1",
		 .to = {"fe80::2"}},
		{"none of their kind",
		 AF_INET6,
		 {"2001:db8::2"},
		 .own = {{"fe80::1", OK}},
		 .says = NO_V6},
		{"none of their kind",
		 AF_INET6,
		 {"fe80::2"},
		 .own = {{"2001:db8::1", OK}},
		 .says = NO_LINK},
		{"listed, and not verified yet",
		 AF_INET6,
		 {"2001:db8::1", "2001:db8::2"},
		 .own = {{"2001:db8::9", OK}, {"2001:db8::1", TENTATIVE}},
		 .says = NOT_YET},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		check(&row[i]);
}

static void unknown_peer(void **state)
{
	struct vrrp_ends e = {.self = addr("10.0.0.1")};
	struct vrrp_peers peers = {.addr = {addr("10.0.0.1"), addr("10.0.0.2")}, .n = 2};
	struct vrrp_if_addrs own = {.a[0].addr = e.self, .n = 1};
	struct ip_addr unknown = addr("10.0.0.3");

	(void)state;
	assert_null(vrrp_ends_choose(&e, AF_INET, &peers, &own));
	assert_false(vrrp_ends_hear(&e, &unknown));
	peers.n = 0;
	assert_null(vrrp_ends_choose(&e, AF_INET, &peers, &own));
	assert_true(vrrp_ends_hear(&e, &unknown));
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
		cmocka_unit_test(multicast),
		cmocka_unit_test(unicast),
		cmocka_unit_test(unknown_peer),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
