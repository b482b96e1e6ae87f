/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static routes and the host link: text, what fits together, and what of it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/conf_option.h"
#include "conf_fixture.h"

static void texts(void **state)
{
	static const struct {
		const char *text, *why; /* NULL: fine */
	} row[] = {
		{"10.40.0.0/16 via 198.18.0.253", NULL},
		{"  10.40.0.1\tvia  198.18.0.253  ", NULL},
		{"2001:db8:2::/64 via fe80::1", NULL},
		{"default via 198.18.0.253 from 10.20.0.128/25", NULL},
		{"", "is no route"},
		{"10.40.0.0/16", "is no route"},
		{"10.40.0.0/16 198.18.0.253", "is no route"},
		{"10.40.0.0/16 viaviavia 198.18.0.253", "is no route"},
		{"10.40.0.0/16 via", "is no route"},
		{"10.40.0.0/16 via there", "has no address"},
		{"10.40.0.0/33 via 198.18.0.253", "does not begin"},
		{"there via 198.18.0.253", "does not begin"},
		{"10.40.0.0/16 via 198.18.0.253 from", "something else"},
		{"10.40.0.0/16 via 198.18.0.253 from 10.20.0.0/24 too", "something else"},
		{"10.40.0.0/16 via 198.18.0.253 dev eth0", "something else"},
		{"10.40.0.0/16 via fe80::1", "mixes IP versions"},
		{"10.40.0.0/16 via 198.18.0.253 from ::/64", "mixes IP versions"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct net_static s = {.leg = 5};
		const char *why = conf_route_set(&s, row[i].text);

		if (row[i].why ? !why || !strstr(why, row[i].why) || s.leg != 5 : why != NULL)
			fail_msg("\"%s\": %s", row[i].text, why ? why : "accepted");
	}
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static void route(struct conf_router *r, const char *text)
{
	assert_null(conf_route_set(&r->route[r->n_routes++], text));
}

static void add_vip6(struct conf_router *r)
{
	struct conf_leg *p = &r->leg[NET_PUBLIC];

	p->vip[p->n_vips++] = fixture_prefix("2001:db8:ffff::1/64");
}

static void link_to(struct conf_router *r, const char *prefix)
{
	struct conf_host_link *l = &r->host_link;

	l->line = 80;
	l->prefix_line = 81;
	l->interface_line = 82;
	if (!l->interface[0])
		strcpy(l->interface, "vr-host");
	l->prefix[l->n_prefixes++] = fixture_prefix(prefix);
}

static void other(struct conf_router *r, const char *net)
{
	r->other[r->n_others++] = fixture_prefix(net);
}

/* "prefix P", "interface I", "other N", "vip6", or a route; several with ';' between them. */
static void apply(struct conf_router *r, const char *what)
{
	char one[128];

	for (; *what; what += strspn(what, "; ")) {
		size_t n = strcspn(what, ";");

		assert_true(n < sizeof(one));
		memcpy(one, what, n);
		one[n] = '\0';
		what += n;
		if (strncmp(one, "prefix ", 7) == 0)
			link_to(r, one + 7);
		else if (strncmp(one, "other ", 6) == 0)
			other(r, one + 6);
		else if (strncmp(one, "interface ", 10) == 0)
			strcpy(r->host_link.interface, one + 10);
		else if (strcmp(one, "vip6") == 0)
			add_vip6(r);
		else
			route(r, one);
	}
}

static void checks(void **state)
{
	static const struct {
		const char *what, *line, *why; /* NULL: fine */
	} row[] = {
		{"10.40.0.0/16 via 198.18.0.253", NULL, NULL},
		{"10.0.0.0/8 via 10.20.0.9", NULL, NULL}, /* around a leg's network */
		{"vip6;2001:db8:2::/64 via fe80::1", NULL, NULL},
		{"default via 198.18.0.253 from 10.20.0.128/25", NULL, NULL},
		{"10.40.0.0/16 via 10.20.0.9;10.40.0.0/16 via 10.20.0.8 from 10.20.0.7/32", NULL,
		 NULL},
		{"prefix 169.254.77.0/30;prefix fd00:77::/126;other 10.30.0.0/24", NULL, NULL},
		{"10.40.0.0/16 via 10.99.0.1", ":70:", "in the network of no leg"},
		{"10.40.0.0/16 via 198.18.0.1", ":70:", "is a vip of the router itself"},
		{"10.40.0.0/16 via 198.18.0.255", ":70:", "no address that a host can have"},
		{"2001:db8:2::/64 via fe80::1", ":70:", "no public vip of IPv6"},
		{"default via 198.18.0.253", ":70:", "allowed: gateway in public, or with from"},
		{"10.40.0.1/16 via 198.18.0.253", ":70:", "with its host bits zero"},
		{"10.20.0.64/26 via 198.18.0.253", ":70:", "overlaps the network of a vip"},
		{"198.18.0.0/24 via 198.18.0.253", ":70:", "overlaps the network of a vip"},
		{"224.0.0.0/24 via 198.18.0.253", ":70:", "no network that hosts can be in"},
		{"10.40.0.0/16 via 198.18.0.253;10.40.0.0/16 via 198.18.0.252",
		 ":70:", "there is a route to there"},
		{"10.40.0.0/16 via 198.18.0.253 from 10.20.0.1/24", ":70:", "host bits zero"},
		{"10.40.0.0/16 via 198.18.0.253 from 0.0.0.0/0", ":70:", "is from everybody"},
		{"prefix 169.254.77.0/30;169.254.77.0/30 via 198.18.0.253",
		 ":70:", "overlaps the prefix of the host-link"},
		{"prefix 10.20.0.64/30", ":81:", "overlaps the network of a vip"},
		{"prefix 10.0.0.0/8", ":81:", "overlaps the network of a vip"},
		{"prefix 169.254.77.1/30", ":81:", "with its host bits zero"},
		{"prefix 169.254.77.0/31", ":81:", "is too small for two ends"},
		{"prefix fe80::/64", ":81:", "is link-local"},
		{"prefix 169.254.77.0/30;prefix 169.254.78.0/30", ":81:", "second one of its IP"},
		{"prefix 169.254.77.0/30;interface vr-ex", ":82:", "is the public leg's, too"},
		{"prefix 169.254.77.0/30;interface lo", ":82:", "is the loopback interface"},
		{"other 10.30.0.0/24", ":71:", "with a host-link that has a prefix of this IP"},
		{"prefix fd00:77::/126;other 10.30.0.0/24", ":71:", "prefix of this IP version"},
		{"prefix 169.254.77.0/30;other 169.254.77.0/30", ":71:", "overlaps the prefix"},
		{"prefix 169.254.77.0/30;other 0.0.0.0/0", ":71:", "is everything"},
		{"prefix 169.254.77.0/30;other 10.30.0.0/24;other 10.30.0.0/24", ":71:", "twice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct conf_router r[1];
		struct conf c = fixture_conf(r, 1);
		struct conf_errors e = {0};

		r->routes_line = 70;
		r->other_line = 71;
		apply(r, row[i].what);
		conf_check(&c, &e);
		if (row[i].why ? e.n != 1 || !strstr(e.text[0], row[i].line) ||
					 !strstr(e.text[0], row[i].why)
			       : e.n != 0)
			fail_msg("%s: %u errors: %s", row[i].what, e.n, e.n ? e.text[0] : "");
		conf_errors_free(&e);
	}
}

static void two_routers(void **state)
{
	struct conf_router r[2];
	struct conf c = fixture_conf(r, 2);
	struct conf_errors e = {0};

	(void)state;
	link_to(&r[0], "169.254.77.0/28");
	link_to(&r[1], "169.254.77.16/28");
	conf_check(&c, &e);
	assert_int_equal(e.n, 0);
	r[1].host_link.prefix[0] = fixture_prefix("169.254.77.4/30");
	conf_check(&c, &e);
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.text[0], ":81: router \"r1\": host-link: prefix = "
					  "\"169.254.77.4/30\": overlaps that of router \"r0\""));
	conf_errors_free(&e);
}

/* ---- a reload, and what the network's side gets -----------------------------------------------
 */

static void changes(void **state)
{
	static const char *const change[] = {"10.40.0.0/16 via 198.18.0.253",
					     "prefix 169.254.77.0/30;interface x",
					     "prefix 169.254.77.0/30;prefix fd00:77::/126",
					     "prefix 169.254.78.0/30",
					     "prefix 169.254.77.0/30;other 10.30.0.0/24",
					     ""};
	struct conf_router a[1], b[1];
	struct conf old = fixture_conf(a, 1), new = fixture_conf(b, 1);
	struct conf_delta d[2];

	(void)state;
	apply(a, "prefix 169.254.77.0/30");
	apply(b, "prefix 169.254.77.0/30");
	b->host_link.line++;
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_SAME);
	for (size_t i = 0; i < ARRAY_LEN(change); i++) {
		new = fixture_conf(b, 1);
		apply(b, change[i]);
		conf_diff(&old, &new, d);
		if (d[0].change != CONF_LIVE)
			fail_msg("no change: %s", change[i]);
	}
}

static void desired(void **state)
{
	struct conf_router r;
	struct net_desired d;
	char buf[IP_PREFIX_STRLEN];

	(void)state;
	fixture_router(&r, 0);
	conf_net_desired(&d, &r, false);
	assert_false(net_wants_link(&d));
	assert_string_equal(d.leg[NET_HOST_LINK].hostname,
			    "ns0-h"); /* to find what is left of it */
	apply(&r, "prefix 169.254.77.8/29;prefix fd00:77::/64;vip6;10.40.0.0/16 via 10.20.0.9;"
		  "2001:db8:2::/64 via fe80::1");
	conf_net_desired(&d, &r, false);
	assert_true(net_wants_link(&d));
	assert_string_equal(ip_prefix_format(&d.link_end[NET_V4], buf), "169.254.77.9/29");
	assert_string_equal(ip_prefix_format(&d.leg[NET_HOST_LINK].vip[0], buf),
			    "169.254.77.10/29");
	assert_string_equal(ip_prefix_format(&d.link_end[NET_V6], buf), "fd00:77::1/64");
	assert_string_equal(ip_prefix_format(&d.leg[NET_HOST_LINK].vip[1], buf), "fd00:77::2/64");
	assert_int_equal(d.n_routes, 2);
	assert_int_equal(d.route[0].leg, NET_MANAGEMENT);
	assert_int_equal(d.route[1].leg, NET_PUBLIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),   cmocka_unit_test(checks),  cmocka_unit_test(two_routers),
		cmocka_unit_test(changes), cmocka_unit_test(desired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
