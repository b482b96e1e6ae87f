/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vip = "auto" as text: what is read, what each mistake is told, and what a reload may change. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/conf.h"

#define SYNC "sync { interface = eth0 group = \"239.0.0.1\" key-file = \"/k\" }\n"
#define ROUTER(management, public, more)                                                           \
	"router r {\n"                                                                             \
	"management { attach = \"bridge:bm\" interface = m\n" management " }\n"                    \
	"public { attach = \"bridge:be\" interface = e\n" public " }\n"                            \
								 "election { interface = eth0 "    \
								 "vrid = 1 }\n" more "\n}\n"
#define CONF(management, public, more) "controller c {}\n" SYNC ROUTER(management, public, more)
#define MGMT			       "vip = 10.0.0.1/24"
#define AUTO_M			       "vip = auto vip-range = \"10.0.0.10-10.0.0.20/24\""
#define AUTO_P                                                                                     \
	"vip = auto vip-range = { \"192.0.2.10-192.0.2.12/24\", "                                  \
	"\"2001:db8::10-2001:db8::1f/64\" }"

static struct conf *load(const char *text)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	int err = conf_load_text(&c, text, "f", &e);

	for (unsigned i = 0; i < e.n; i++)
		print_error("%s\n", e.text[i]);
	assert_int_equal(err, 0);
	return c;
}

static struct reserve_set set_of(unsigned n, const char *const *text)
{
	struct reserve_set s = {.n = n};

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ip_addr_parse(&s.addr[i], text[i]), 0);
	return s;
}

static void reads(void **state)
{
	static const char *const good[] = {"10.0.0.20", "192.0.2.10", "2001:db8::1f"};
	static const char *const bad[] = {"10.0.0.20", "192.0.2.13", "2001:db8::1f"};
	struct conf *c = load(CONF(AUTO_M, AUTO_P " gateway = 192.0.2.254", ""));
	struct reserve_set set = set_of(3, good), other = set_of(3, bad);
	struct conf_router *r = &c->router[0];
	char buf[IP_PREFIX_STRLEN];
	unsigned leg;

	(void)state;
	assert_string_equal(c->controller.state_dir, "/var/lib/vrouterd");
	assert_true(r->leg[NET_MANAGEMENT].automatic && r->leg[NET_PUBLIC].automatic);
	/* how many there will be, and of which networks, is known */
	assert_int_equal(r->leg[NET_PUBLIC].n_vips, 2);
	assert_string_equal(ip_prefix_format(&r->leg[NET_PUBLIC].vip[1], buf), "2001:db8::10/64");
	assert_int_equal(conf_vips_chosen(r), 3);
	assert_int_equal(conf_vips_range(r, 2, &leg)->len, 64);
	assert_int_equal(leg, NET_PUBLIC);
	assert_true(conf_vips_fit(r, &set));
	assert_false(conf_vips_fit(r, &other));
	set.n = 2;
	assert_false(conf_vips_fit(r, &set));
	set.n = 3;
	conf_vips_use(r, &set);
	assert_string_equal(ip_prefix_format(&r->leg[NET_MANAGEMENT].vip[0], buf), "10.0.0.20/24");
	assert_string_equal(ip_prefix_format(&r->leg[NET_PUBLIC].vip[1], buf), "2001:db8::1f/64");
	conf_free(c);

	c = load(CONF(MGMT, AUTO_P, ""));
	assert_int_equal(conf_vips_chosen(&c->router[0]), 2);
	assert_false(c->router[0].leg[NET_MANAGEMENT].automatic);
	conf_free(c);
	c = load(CONF(MGMT, "vip = 192.0.2.1/24", ""));
	assert_int_equal(conf_vips_chosen(&c->router[0]), 0);
	conf_free(c);
}

/* Two routers may share ranges, and one may have an address of another's. */
static void shared(void **state)
{
	struct conf *c = load("controller c {}\n" SYNC ROUTER(
		AUTO_M, AUTO_P,
		"") "router s { namespace = s management { attach = \"bridge:bm\" interface = "
		    "m " AUTO_M
		    " }\npublic { attach = \"bridge:be\" interface = e vip = 192.0.2.11/24 "
		    "}\nelection { interface = eth0 vrid = 2 } }\n");

	(void)state;
	conf_free(c);
}

static const struct {
	const char *text, *says, *allows;
} bad[] = {
	{CONF(MGMT, "vip = auto", ""),
	 "f:7: router \"r\": public: vip = \"auto\": vip-range is missing", "with one range"},
	{CONF(MGMT, "vip = 192.0.2.1/24\nvip-range = \"192.0.2.10-192.0.2.20/24\"", ""),
	 "f:8: router \"r\": public: vip-range: there is nothing to choose", "vip = \"auto\""},
	{CONF(MGMT, "vip = { auto, 192.0.2.1/24 }\nvip-range = \"192.0.2.10-192.0.2.20/24\"", ""),
	 "f:7: router \"r\": public: vip: \"auto\" is one of several", "it alone"},
	{CONF(MGMT,
	      "vip = auto\nvip-range = { \"192.0.2.10-192.0.2.11/24\", "
	      "\"192.0.2.20-192.0.2.21/24\" }",
	      ""),
	 "f:8: router \"r\": public: vip-range: there are two of one IP version", "one for IPv4"},
	{CONF(MGMT, "vip = automatic", ""), "f:7: router \"r\": public: vip = \"automatic\"",
	 "or \"auto\""},
	{CONF(MGMT, "vip = auto\nvip-range = 192.0.2.10/24", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.10/24\": is no range", "192.0.2.99/24"},
	{CONF(MGMT, "vip = auto\nvip-range = \"192.0.2.10-192.0.2.20\"", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.10-192.0.2.20\": is no range of "
	 "addresses with a prefix length",
	 "192.0.2.99/24"},
	{CONF(MGMT, "vip = auto\nvip-range = \"192.0.2.20-192.0.2.10/24\"", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.20-192.0.2.10/24\": ends before", ""},
	{CONF(MGMT, "vip = auto\nvip-range = \"192.0.2.10-192.0.3.10/24\"", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.10-192.0.3.10/24\": is not of one "
	 "network",
	 ""},
	{CONF(MGMT, "vip = auto\nvip-range = \"192.0.2.10-2001:db8::1/64\"", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.10-2001:db8::1/64\": is not of one "
	 "network",
	 ""},
	{CONF(MGMT, "vip = auto\nvip-range = \"192.0.2.0-192.0.2.9/24\"", ""),
	 "f:8: router \"r\": public: vip-range = \"192.0.2.0-192.0.2.9/24\": has addresses", ""},
	{CONF(MGMT, "vip = auto\nvip-range = \"fe80::1-fe80::9/64\"", ""),
	 "f:8: router \"r\": public: vip-range = \"fe80::1-fe80::9/64\": has addresses", ""},
	{CONF(MGMT, "vip = auto\nvip-range = \"2001:db8::1-2001:db8::1:1/64\"", ""),
	 "f:8: router \"r\": public: vip-range = \"2001:db8::1-2001:db8::1:1/64\": has too many",
	 "at most 65536"},
	{CONF(MGMT, AUTO_P "\ngateway = 192.0.2.12", ""),
	 "f:7: router \"r\": public: vip-range: \"192.0.2.10-192.0.2.12\" has the gateway in it",
	 "that nobody has"},
	{CONF(AUTO_M, AUTO_P, "dhcp-range = \"10.0.0.20-10.0.0.99\""),
	 "f:5: router \"r\": management: vip-range: \"10.0.0.10-10.0.0.20\" has addresses of "
	 "dhcp-range in it",
	 "that nobody has"},
	{CONF(AUTO_M, AUTO_P, "dns-servers = 192.0.2.11"),
	 "f:7: router \"r\": public: vip-range: \"192.0.2.10-192.0.2.12\" has one of dns-servers",
	 ""},
	{CONF(AUTO_M, AUTO_P, "ntp-servers = 192.0.2.11"),
	 "f:7: router \"r\": public: vip-range: \"192.0.2.10-192.0.2.12\" has one of ntp-servers",
	 ""},
	{CONF(MGMT, AUTO_P, "nat { addresses = \"192.0.2.12-192.0.2.13\" }"),
	 "f:7: router \"r\": public: vip-range: \"192.0.2.10-192.0.2.12\" has addresses of nat",
	 ""},
	{CONF(MGMT, AUTO_P, "track t { kind = gateway target = 192.0.2.10 }"),
	 "f:7: router \"r\": public: vip-range: \"192.0.2.10-192.0.2.12\" has the target of a "
	 "track",
	 ""},
	{"controller c {}\nsync { interface = eth0 group = \"239.0.0.1\" protocol = conntrackd "
	 "}\n" ROUTER(MGMT, AUTO_P, ""),
	 "f:7: router \"r\": public: vip = \"auto\": controllers cannot agree in conntrackd's "
	 "protocol",
	 "protocol = \"native\""},
};

static bool says(const struct conf_errors *e, const char *what, const char *allows)
{
	for (unsigned i = 0; i < e->n; i++)
		if (strncmp(e->text[i], what, strlen(what)) == 0 && strstr(e->text[i], allows))
			return true;
	return false;
}

static void mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_errors e = {0};
		struct conf *c = NULL;

		assert_int_equal(conf_load_text(&c, bad[i].text, "f", &e), -EINVAL);
		if (!says(&e, bad[i].says, bad[i].allows))
			fail_msg("row %zu: %s", i, e.n ? e.text[0] : "nothing");
		conf_errors_free(&e);
	}
}

/* Alone, nobody has to be agreed with. */
static void single(void **state)
{
	struct conf *c =
		load("controller c {}\nrouter r { management { attach = \"bridge:bm\" "
		     "interface = m " AUTO_M " }\npublic { attach = \"bridge:be\" interface "
		     "= e " AUTO_P " }\nelection { mode = single } }\n");

	(void)state;
	conf_free(c);
}

#define P(range) CONF(MGMT, "vip = auto vip-range = \"" range "\"", "")

static const struct {
	const char *from, *to;
	enum conf_change change;
} reloads[] = {
	{P("192.0.2.10-192.0.2.12/24"), P("192.0.2.10-192.0.2.12/24"), CONF_SAME},
	{P("192.0.2.10-192.0.2.12/24"), P("192.0.2.9-192.0.2.13/24"), CONF_LIVE},
	{P("192.0.2.10-192.0.2.12/24"), P("192.0.2.11-192.0.2.13/24"), CONF_REFUSED},
	{P("192.0.2.10-192.0.2.12/24"), P("192.0.2.9-192.0.2.11/24"), CONF_REFUSED},
	{P("192.0.2.10-192.0.2.12/24"), P("192.0.2.10-192.0.2.12/25"), CONF_REFUSED},
	{P("192.0.2.10-192.0.2.12/24"), CONF(MGMT, "vip = 192.0.2.10/24", ""), CONF_REFUSED},
	{CONF(MGMT, "vip = 192.0.2.10/24", ""), P("192.0.2.10-192.0.2.12/24"), CONF_REFUSED},
	{CONF(MGMT, AUTO_P, ""), P("192.0.2.10-192.0.2.12/24"), CONF_REFUSED},
};

static void reload(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reloads); i++) {
		struct conf *a = load(reloads[i].from), *b = load(reloads[i].to);
		struct conf_delta d[2];

		assert_int_equal(conf_diff(a, b, d), 1);
		if (d[0].change != reloads[i].change)
			fail_msg("row %zu: change %d, %s", i, (int)d[0].change,
				 d[0].what ? d[0].what : "-");
		conf_free(a);
		conf_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),  cmocka_unit_test(shared), cmocka_unit_test(mistakes),
		cmocka_unit_test(single), cmocka_unit_test(reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
