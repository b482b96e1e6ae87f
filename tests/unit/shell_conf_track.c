/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The track sections of a config file: what is read, what holds without, what each error says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/conf_track.h"

#define BEFORE                                                                                     \
	"controller c {}\n"                                                                        \
	"sync { interface = eth0 group = \"239.0.0.1\" key-file = \"/k\" }\n"                      \
	"router r {\n"                                                                             \
	"management { attach = \"bridge:bm\" interface = m vip = \"10.0.0.1/24\" }\n"              \
	"public { attach = \"bridge:be\" interface = e vip = { 192.0.2.1/24, "                     \
	"\"2001:db8::1/64\" }\n"                                                                   \
	" gateway = 192.0.2.254 }\n"                                                               \
	"election { interface = eth0 vrid = 1 }\n"

static struct conf *load(const char *text)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;

	if (conf_load_text(&c, text, "f", &e) < 0)
		fail_msg("%s", e.n ? e.text[0] : "no reason");
	return c;
}

static void reads_all(void **state)
{
	struct conf *c = load(
		BEFORE
		"track up { kind = carrier interface = eth1 weight = -30 interval = 500 rise = 4 "
		"fall = 5 }\n"
		"track port { kind = bridge-port interface = eth1 bridge = be weight = 254 }\n"
		"track gw { kind = gateway target = \"2001:db8::2\" timeout = 100 hold = 7 }\n"
		"track s { kind = script program = /bin/x arguments = { a, \"b c\", \"\" } timeout "
		"= 9000 }\n"
		"track p { kind = process pid-file = /run/p }\n"
		"track q { kind = process process = \"[kthreadd]\" }\n"
		"track d { kind = route destination = 0.0.0.0/0 table = 77 namespace = host }\n"
		"track l { kind = bridge-port leg = management weight = \"+1\" }\n}\n");
	const struct conf_track *t = c->router[0].track;

	(void)state;
	assert_int_equal(c->router[0].n_tracks, 8);
	assert_string_equal(t[0].name, "up");
	assert_int_equal(t[0].kind, TRACK_CARRIER);
	assert_int_equal(t[0].rule.weight, -30);
	assert_int_equal(t[0].interval_ms, 500);
	assert_int_equal(t[0].rule.rise * 10 + t[0].rule.fall, 45);
	assert_string_equal(t[0].interface, "eth1");
	assert_int_equal(t[0].line, 8);
	assert_int_equal(t[1].rule.weight, 254);
	assert_string_equal(t[1].bridge, "be");
	assert_int_equal(t[2].target.family, AF_INET6);
	assert_int_equal(t[2].timeout_ms, 100);
	assert_int_equal(t[2].rule.hold_ms, 7000);
	assert_string_equal(t[3].program, "/bin/x");
	assert_int_equal(t[3].n_arguments, 3);
	assert_string_equal(t[3].argument[1], "b c");
	assert_string_equal(t[3].argument[2], "");
	assert_string_equal(t[4].pid_file, "/run/p");
	assert_string_equal(t[5].process, "[kthreadd]");
	assert_int_equal(t[6].table, 77);
	assert_true(t[6].host);
	assert_int_equal(t[6].destination.addr.family * 1000 + t[6].destination.len,
			 AF_INET * 1000);
	assert_int_equal(t[7].leg, NET_MANAGEMENT);
	assert_int_equal(t[7].rule.weight, 1);
	conf_free(c);
}

static void has_defaults(void **state)
{
	struct conf *c = load(
		BEFORE "track c { kind = carrier leg = public }\n"
		       "track g { kind = gateway }\n"
		       "track s { kind = script program = /bin/x }\n"
		       "track r { kind = route destination = \"::/0\" }\n"
		       "track h { kind = route destination = \"::/0\" namespace = host }\n}\n");
	const struct conf_track *t = c->router[0].track;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(t[i].rule.weight, 0); /* a fault */
		assert_int_equal(t[i].interval_ms, 1000);
	}
	assert_int_equal(t[0].rule.rise * 10 + t[0].rule.fall, 11);
	assert_true(t[0].rule.ours && !t[0].rule.active_only);
	assert_int_equal(t[1].rule.rise * 10 + t[1].rule.fall, 23);
	assert_int_equal(t[1].timeout_ms, 1000);
	assert_true(t[1].rule.ours && t[1].rule.active_only);
	assert_int_equal(t[1].rule.hold_ms, 60000);
	assert_true(ip_addr_equal(&t[1].target, &c->router[0].gateway[0]));
	assert_int_equal(t[2].rule.rise * 10 + t[2].rule.fall, 23);
	assert_true(!t[2].rule.ours && !t[2].rule.active_only);
	assert_true(t[3].rule.ours && t[3].rule.active_only);
	assert_int_equal(t[3].table, 254);
	assert_true(!t[4].rule.ours && !t[4].rule.active_only);
	conf_free(c);
}

static void one_error(const char *text, const char *says, const char *also)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;

	assert_true(conf_load_text(&c, text, "f", &e) < 0);
	if (e.n != 1)
		fail_msg("%s: %u errors, first: %s", says, e.n, e.n ? e.text[0] : "none");
	if (strncmp(e.text[0], says, strlen(says)) != 0 || !strstr(e.text[0], also))
		fail_msg("expected \"%s...%s\", got: %s", says, also, e.text[0]);
	conf_errors_free(&e);
}

static void bad_texts(void **state)
{
	static const struct {
		const char *body, *says, *also;
	} row[] = {
		{"weight = 1", "f:8: router \"r\": track \"t\": kind is missing",
		 "\"carrier\", \"bridge-port\", \"gateway\", \"script\", \"process\", \"route\""},
		{"kind = bogus", "f:9: router \"r\": track \"t\": kind = \"bogus\"", "\"process\""},
		{"bogus = 1", "f:9: no such option 'bogus' in track \"t\"; allowed: kind, weight",
		 ""},
		{"kind = process process = p\nweight = 0",
		 "f:10: router \"r\": track \"t\": weight = \"0\": is out of range", "a fault"},
		{"kind = process process = p weight = 255",
		 "f:9: router \"r\": track \"t\": weight", "-254 to 254"},
		{"kind = process process = p weight = -255",
		 "f:9: router \"r\": track \"t\": weight", "-254 to 254"},
		{"kind = process process = p weight = \"--1\"",
		 "f:9: router \"r\": track \"t\": weight = \"--1\": is not a number", ""},
		{"kind = process process = p interval = 99",
		 "f:9: router \"r\": track \"t\": interval", "100 to 3600000 (ms)"},
		{"kind = process process = p rise = 0", "f:9: router \"r\": track \"t\": rise",
		 "1 to 1000"},
		{"kind = carrier",
		 "f:8: router \"r\": track \"t\": leg and interface are both missing",
		 "\"public\""},
		{"kind = carrier leg = public\ninterface = eth1",
		 "f:10: router \"r\": track \"t\": leg and interface are both given", "allowed"},
		{"kind = carrier leg = upper", "f:9: router \"r\": track \"t\": leg = \"upper\"",
		 "\"management\", \"public\""},
		{"kind = bridge-port interface = eth1",
		 "f:8: router \"r\": track \"t\": bridge is missing", "with interface"},
		{"kind = bridge-port leg = public\nbridge = be",
		 "f:10: router \"r\": track \"t\": bridge is given with leg", "allowed"},
		{"kind = gateway target = 10.9.9.9",
		 "f:9: router \"r\": track \"t\": target = \"10.9.9.9\": cannot be asked",
		 "its leg"},
		{"kind = gateway target = 192.0.2.1",
		 "f:9: router \"r\": track \"t\": target = \"192.0.2.1\": is a VIP", ""},
		{"kind = gateway leg = management",
		 "f:8: router \"r\": track \"t\": target is missing", "of its VIPs"},
		{"kind = gateway leg = management target = \"fe80::1\"",
		 "f:9: router \"r\": track \"t\": target = \"fe80::1\": cannot be asked", ""},
		{"kind = gateway timeout = 1001",
		 "f:9: router \"r\": track \"t\": timeout = 1001: is longer than interval",
		 "at most 1000"},
		{"kind = script", "f:8: router \"r\": track \"t\": program is missing", "absolute"},
		{"kind = script program = x", "f:9: router \"r\": track \"t\": program = \"x\"",
		 "an absolute path"},
		{"kind = script program = /x arguments = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }",
		 "f:9: router \"r\": track \"t\": arguments lists 9 values", "at most 8"},
		{"kind = script program = /x arguments = "
		 "0123456789012345678901234567890123456789012345678901234567890123",
		 "f:9: router \"r\": track \"t\": arguments", "at most 63 characters"},
		{"kind = process",
		 "f:8: router \"r\": track \"t\": process and pid-file are both missing",
		 "one of them"},
		{"kind = process process = a\npid-file = /b",
		 "f:10: router \"r\": track \"t\": process and pid-file are both given", ""},
		{"kind = process process = a-name-of-16-chr",
		 "f:9: router \"r\": track \"t\": process", "1 to 15 characters"},
		{"kind = route", "f:8: router \"r\": track \"t\": destination is missing", "::/0"},
		{"kind = route destination = default",
		 "f:9: router \"r\": track \"t\": destination = \"default\"", "network"},
		{"kind = route destination = ::/0 namespace = host hold = 1",
		 "f:9: router \"r\": track \"t\": hold: ", "namespace = \"router\""},
		{"kind = route destination = ::/0\nprogram = /x",
		 "f:10: router \"r\": track \"t\": program does not belong to kind \"route\"",
		 "fall, hold, destination, table, namespace"},
		{"kind = script program = /x hold = 1",
		 "f:9: router \"r\": track \"t\": hold does not belong to kind \"script\"",
		 "timeout, program, arguments"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char text[2048];

		snprintf(text, sizeof(text), BEFORE "track t {\n%s\n}\n}\n", row[i].body);
		one_error(text, row[i].says, row[i].also);
	}
}

static void bad_sections(void **state)
{
#define GOOD(name) "track " name " { kind = process process = p }\n"
	char text[4096] = BEFORE;

	(void)state;
	one_error(BEFORE GOOD("a") GOOD("a") "}\n", "f:9: found duplicate title 'a'", "");
	one_error(BEFORE GOOD("\"a b\"") "}\n", "f:8: router \"r\": track \"a b\": is no name",
		  "letters");
	one_error(BEFORE "track { kind = gateway }\n}\n", "f:8: missing title for section 'track'",
		  "");
	for (unsigned i = 0; i <= TRACK_MAX; i++) {
		size_t at = strlen(text);

		snprintf(text + at, sizeof(text) - at, "track t%u { kind = gateway }\n", i);
	}
	strcat(text, "}\n");
	one_error(text, "f:24: router \"r\": 17 track sections", "at most 16");
}

/* ---- what is looked at ---- */

static void looks(void **state)
{
	struct conf *c =
		load(BEFORE "namespace = ns track a { kind = carrier leg = public }\n"
			    "track b { kind = bridge-port leg = public }\n"
			    "track c { kind = carrier interface = eth1 }\n"
			    "track d { kind = bridge-port interface = eth1 bridge = bx }\n"
			    "track e { kind = route destination = 192.0.2.0/24 table = 7 }\n}\n");
	const struct conf_router *r = &c->router[0];
	static const struct {
		enum net_look_kind kind;
		bool host;
		const char *ifname, *bridge, *what;
	} row[] = {
		{NET_LOOK_CARRIER, false, "e", "be", "public leg"},
		{NET_LOOK_PORT, true, "ns-p", "be", "public leg"},
		{NET_LOOK_CARRIER, true, "eth1", "", "eth1"},
		{NET_LOOK_PORT, true, "eth1", "bx", "eth1 in bx"},
		{NET_LOOK_ROUTE, false, "", "", "192.0.2.0/24 in table 7 of the router"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char what[CONF_TRACK_WHAT_MAX];
		struct net_look look;

		conf_track_look(&look, r, &r->track[i]);
		assert_int_equal(look.kind, row[i].kind);
		assert_int_equal(look.host, row[i].host);
		assert_string_equal(look.ifname, row[i].ifname);
		assert_string_equal(look.bridge, row[i].bridge);
		assert_string_equal(conf_track_what(&r->track[i], what), row[i].what);
	}
	conf_free(c);
}

/* What a reload keeps of what is known. */
static void same_looks(void **state)
{
	static const struct {
		const char *a, *b;
		bool same, same_look;
	} row[] = {
		{"kind = gateway", "kind = gateway", true, true},
		{"kind = gateway", "kind = gateway weight = -1", false, true},
		{"kind = gateway", "kind = gateway interval = 2000 timeout = 1000", false, true},
		{"kind = gateway", "kind = gateway hold = 1", false, true},
		{"kind = gateway", "kind = gateway fall = 1", false, true},
		{"kind = gateway", "kind = gateway target = 192.0.2.254", true, true},
		{"kind = gateway", "kind = gateway target = 192.0.2.253", false, false},
		{"kind = carrier leg = public", "kind = bridge-port leg = public", false, false},
		{"kind = carrier leg = public", "kind = carrier leg = management", false, false},
		{"kind = script program = /a", "kind = script program = /a arguments = x", false,
		 false},
		{"kind = script program = /a arguments = y",
		 "kind = script program = /a arguments = x", false, false},
		{"kind = process process = a", "kind = process process = b", false, false},
		{"kind = process process = a", "kind = process process = a interval = 100", false,
		 false},
		{"kind = process pid-file = /a", "kind = process pid-file = /b", false, false},
		{"kind = route destination = 10.0.0.0/8", "kind = route destination = 10.0.0.0/9",
		 false, false},
		{"kind = route destination = 10.0.0.0/8",
		 "kind = route destination = 10.0.0.0/8 table = 1", false, false},
		{"kind = route destination = 10.0.0.0/8",
		 "kind = route destination = 10.0.0.0/8 namespace = host", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char text[2][2048];
		struct conf *a, *b;

		snprintf(text[0], sizeof(text[0]), BEFORE "track t {\n%s\n}\n}\n", row[i].a);
		snprintf(text[1], sizeof(text[1]), BEFORE "track t {\n%s\n}\n}\n", row[i].b);
		a = load(text[0]);
		b = load(text[1]);
		assert_int_equal(conf_tracks_same(&a->router[0], &b->router[0]), row[i].same);
		if (conf_track_same_look(&a->router[0].track[0], &b->router[0].track[0]) !=
		    row[i].same_look)
			fail_msg("%s, %s", row[i].a, row[i].b);
		conf_free(a);
		conf_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all), cmocka_unit_test(has_defaults),
		cmocka_unit_test(bad_texts), cmocka_unit_test(bad_sections),
		cmocka_unit_test(looks),     cmocka_unit_test(same_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
