/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static routes, ways through the host link and rules: what there is to be in a role, and what of
 * it a plan sets or deletes; the rules of both sides of the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf_fixture.h"

#define LINK NET_HOST_LINK

/* As a configuration makes it. */
static struct net_desired wanted(bool active)
{
	struct net_desired d;
	struct conf_router r;

	fixture_router(&r, 0);
	r.route[0] = (struct net_static){.to = fixture_prefix("10.40.0.0/16"),
					 .via = fixture_addr("198.18.0.253")};
	r.route[1] = (struct net_static){.to = {.addr = {.family = AF_INET}},
					 .via = fixture_addr("10.20.0.9"),
					 .from = fixture_prefix("10.20.0.128/25")};
	r.n_routes = 2;
	r.other[0] = fixture_prefix("10.30.0.0/24");
	r.n_others = 1;
	r.host_link = (struct conf_host_link){
		.prefix = {fixture_prefix("169.254.77.0/30"), fixture_prefix("fd00:77::/126")},
		.n_prefixes = 2,
		.interface = "vr-host",
		.default_route = true,
		.line = 9};
	conf_net_desired(&d, &r, active);
	return d;
}

/* All of it is there. */
static struct net_actual complete(const struct net_desired *d)
{
	struct net_actual a = {.lo_up = true, .blackhole = {true, true}};
	struct net_path path[NET_PATHS_MAX];

	for (unsigned id = 0; id < NET_SLOTS; id++) {
		struct net_leg_actual *l = &a.leg[id];

		if (id >= net_legs(d) && id != LINK)
			continue;
		*l = (struct net_leg_actual){.bridge_exists = true,
					     .bridge_is_bridge = true,
					     .bridge_up = true,
					     .bridge_ifindex = 50 + id,
					     .bridge_mtu = 1500,
					     .exists = true,
					     .host_exists = true,
					     .host_is_peer = true,
					     .ifindex = 2 + id,
					     .host_ifindex = 20 + id,
					     .mtu = id == LINK ? 65535 : 1500,
					     .host_mtu = id == LINK ? 65535 : 1500,
					     .host_master = 50 + id,
					     .up = true,
					     .host_up = true,
					     .carrier = true,
					     .silent = true,
					     .host_silent = true,
					     .ipv6 = id == LINK,
					     .host_ready = true};
		for (unsigned i = 0; (d->active || id == LINK) && i < d->leg[id].n_vips; i++)
			l->addrs[l->n_addrs++] = d->leg[id].vip[i];
	}
	if (d->active)
		a.route[NET_V4] = (struct net_route){
			.exists = true, .via = d->gateway[NET_V4], .ifindex = 2 + NET_PUBLIC};
	a.n_paths = net_paths(path, d);
	for (unsigned i = 0; i < a.n_paths; i++) {
		a.path[i] = path[i];
		a.path[i].ifindex = 2 + path[i].leg;
	}
	a.n_rules = net_rules(a.rule, d);
	return a;
}

/* Operations in words, one a line. */
static const char *ops(const struct net_desired *d, const struct net_actual *a)
{
	static struct net_plan p;
	static char text[8192];
	size_t at = 0;

	net_plan(&p, d, a);
	text[0] = '\0';
	for (unsigned i = 0; i < p.n; i++) {
		char one[NET_OP_TEXT_MAX];

		net_op_text(one, &p.op[i], d);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n", one);
		assert_true(at < sizeof(text));
	}
	return text;
}

#define STATICS_ADDED                                                                              \
	"set a route (ns0 10.40.0.0/16 via 198.18.0.253)\n"                                        \
	"set a route (ns0 0.0.0.0/0 via 10.20.0.9)\n"                                              \
	"add a rule for a source (ns0 10.20.0.128/25)\n"
#define STATICS_DELETED                                                                            \
	"delete a rule for a source (ns0 10.20.0.128/25)\n"                                        \
	"delete a route (ns0 10.40.0.0/16)\n"                                                      \
	"delete a route (ns0 0.0.0.0/0)\n"

static void roles(void **state)
{
	struct net_desired on = wanted(true), off = wanted(false);
	struct net_actual is_on = complete(&on), is_off = complete(&off);

	(void)state;
	assert_string_equal(ops(&on, &is_on), "");
	assert_string_equal(ops(&off, &is_off), "");
	assert_string_equal(ops(&on, &is_off),
			    "add an address (vr-mgmt 10.20.0.1/24)\n"
			    "add an address (vr-ex 198.18.0.1/24)\n"
			    "set the default route (vr-ex 198.18.0.254)\n" STATICS_ADDED
			    "delete a route (ns0 10.30.0.0/24)\n");
	assert_string_equal(ops(&off, &is_on), "delete the default route (vr-ex)\n" STATICS_DELETED
					       "delete an address (vr-ex 198.18.0.1/24)\n"
					       "delete an address (vr-mgmt 10.20.0.1/24)\n"
					       "set a route (ns0 10.30.0.0/24 via 169.254.77.1)\n");
}

static void drift(void **state)
{
	struct net_desired d = wanted(true);
	struct net_actual a = complete(&d);

	(void)state;
	for (unsigned i = 0; i < a.n_paths; i++) {
		struct net_actual b = a;

		b.path[i].via.b[3] ^= 1;
		if (!strstr(ops(&d, &b), "set a route") || strstr(ops(&d, &b), "delete"))
			fail_msg("another way of %u: %s", i, ops(&d, &b));
		b = a;
		b.path[i].table = 77; /* nobody wants that one */
		if (!strstr(ops(&d, &b), "set a route") || !strstr(ops(&d, &b), "delete a route"))
			fail_msg("another table of %u: %s", i, ops(&d, &b));
	}
	a.leg[NET_PUBLIC].up = false; /* a leg that goes down loses its routes */
	assert_non_null(strstr(ops(&d, &a), "set a route (ns0 10.40.0.0/16 via 198.18.0.253)"));
	assert_null(strstr(ops(&d, &a), "10.20.0.9"));
}

/* A fault is not ACTIVE, whatever is wanted; the link is there all the same. */
static void faults(void **state)
{
	struct net_desired d = wanted(true);
	struct net_actual a = complete(&d);

	(void)state;
	a.leg[NET_PUBLIC].bridge_exists = false;
	assert_non_null(strstr(ops(&d, &a), STATICS_DELETED));
	assert_non_null(strstr(ops(&d, &a), "set a route (ns0 10.30.0.0/24 via 169.254.77.1)"));
	assert_null(strstr(ops(&d, &a), "set a route (ns0 10.40"));
}

static void link_itself(void **state)
{
	struct net_desired d = wanted(false), none = d;
	struct net_actual a = complete(&d), b = a;

	(void)state;
	b.leg[LINK] = (struct net_leg_actual){.exists = false};
	b.n_paths = b.n_rules = 0;
	assert_string_equal(ops(&d, &b), "create a leg (vr-host)\n"
					 "set a leg up (vr-host)\n"
					 "set up the controller's end of the host link (vr-host)\n"
					 "switch on IPv6 on a leg (vr-host)\n"
					 "add an address (vr-host 169.254.77.2/30)\n"
					 "add an address (vr-host fd00:77::2/126)\n"
					 "set a route (ns0 0.0.0.0/0 via 169.254.77.1)\n"
					 "set a route (ns0 0.0.0.0/0 via 169.254.77.1)\n"
					 "set a route (ns0 10.30.0.0/24 via 169.254.77.1)\n"
					 "set a route (ns0 ::/0 via fd00:77::1)\n"
					 "set a route (ns0 ::/0 via fd00:77::1)\n"
					 "add a rule for a source (ns0 169.254.77.2/32)\n"
					 "add a rule for a source (ns0 fd00:77::2/128)\n");
	/* the name is somebody else's: an alarm, no fault, and no way through it */
	b.leg[LINK] = (struct net_leg_actual){.host_exists = true, .host_foreign = true};

	static struct net_plan p;

	net_plan(&p, &d, &b);
	assert_true(p.link_blocked && !p.fault[0]);
	assert_null(strstr(ops(&d, &b), "vr-host"));
	assert_null(strstr(ops(&d, &b), "set a route"));
	/* the other side has lost something; an address too many */
	b = a;
	b.leg[LINK].host_ready = false;
	assert_string_equal(ops(&d, &b),
			    "set up the controller's end of the host link (vr-host)\n");
	b = a;
	b.leg[LINK].addrs[b.leg[LINK].n_addrs++] = fixture_prefix("169.254.78.2/30");
	assert_string_equal(ops(&d, &b), "delete an address (vr-host 169.254.78.2/30)\n");
	/* no longer wanted */
	none.leg[LINK].ifname[0] = '\0';
	assert_non_null(strstr(ops(&none, &a), "delete what is left of a leg"));
	assert_non_null(strstr(ops(&none, &a), "delete a rule for a source (ns0 169.254.77.2/32)"));
	/* without a default route */
	d.link_default = false;
	assert_string_equal(ops(&d, &a), "delete a route (ns0 0.0.0.0/0)\n"
					 "delete a route (ns0 ::/0)\n");
}

/* What is more specific is looked at first, and whoever shares a source shares a table. */
static void tables(void **state)
{
	struct net_desired d = wanted(true);
	struct net_path path[NET_PATHS_MAX];
	struct net_rule rule[NET_RULES_MAX];
	unsigned n;

	(void)state;
	d.route[2] = (struct net_static){.to = fixture_prefix("10.50.0.0/16"),
					 .via = fixture_addr("10.20.0.8"),
					 .from = fixture_prefix("10.20.0.0/24")};
	d.route[3] = (struct net_static){.to = fixture_prefix("10.60.0.0/16"),
					 .via = fixture_addr("10.20.0.8"),
					 .from = fixture_prefix("10.20.0.128/25")};
	d.n_routes = 4;
	n = net_paths(path, &d);
	assert_int_equal(path[n - 4].table, NET_TABLE_MAIN);
	assert_int_equal(path[n - 3].table, NET_FROM_TABLE);
	assert_int_equal(path[n - 2].table, NET_FROM_TABLE + 1);
	assert_int_equal(path[n - 1].table, NET_FROM_TABLE);
	assert_int_equal(net_rules(rule, &d), 4);
	assert_int_equal(rule[2].table, NET_FROM_TABLE);
	assert_int_equal(rule[3].table, NET_FROM_TABLE + 1);
	assert_true(rule[2].prio < rule[3].prio);
	assert_true(rule[3].prio < 32766);
}

/* ---- rules of nftables ------------------------------------------------------------------------
 */

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("not there: %s\n%s", what, text);
}

static void router_side(void **state)
{
	struct net_desired d = wanted(false), v4 = d;
	static char text[NAT_RULESET_MAX];
	const char *chain;
	size_t n;

	(void)state;
	d.nat = NET_NAT_NONE; /* in any case */
	n = nat_ruleset(text, sizeof(text), &d, NULL, NULL);
	assert_int_equal(n, strlen(text));
	has(text, "priority filter; policy accept;\n"
		  "\t\tiifname \"vr-host\" counter name \"host_link\" drop\n"
		  "\t\toifname \"vr-host\" counter name \"host_link\" drop\n");
	has(text, "oifname \"vr-host\" ip saddr != 169.254.77.2 counter name \"host_link\" drop");
	has(text, "oifname != { \"lo\", \"vr-host\" } ip6 saddr fd00:77::2 counter");
	has(text, "oifname \"vr-host\" ip ttl set 1\n");
	has(text, "iifname != \"vr-host\" ip daddr 169.254.77.2 counter");
	chain = strstr(text, "chain input");
	assert_true(chain &&
		    strstr(chain, "iifname \"vr-host\" counter name \"input_refused\" drop"));
	v4.leg[LINK].n_vips = 1; /* the other IP version does not leave at all */
	nat_ruleset(text, sizeof(text), &v4, NULL, NULL);
	has(text, "oifname \"vr-host\" meta nfproto ipv6 counter name \"host_link\" drop");
	v4.leg[LINK].ifname[0] = '\0';
	nat_ruleset(text, sizeof(text), &v4, NULL, NULL);
	assert_null(strstr(text, "vr-host"));
}

#define CONTROLLER(ip, addr, nd, limit, router, end)                                               \
	"add table " ip " vrouter-host\n"                                                          \
	"delete table " ip " vrouter-host\n"                                                       \
	"table " ip " vrouter-host {\n"                                                            \
	"\tset links {\n\t\ttype ifname\n\t\telements = { \"ns0-h\" }\n\t}\n"                      \
	"\tset may_enter {\n\t\ttype ifname . " addr "\n\t\telements = { \"ns0-h\" . " router      \
	" }\n\t}\n"                                                                                \
	"\tset routers {\n\t\ttype " addr "\n\t\telements = { " router " }\n\t}\n"                 \
	"\tset ends {\n\t\ttype " addr "\n\t\telements = { " end " }\n\t}\n"                       \
	"\tcounter wrong_source {\n\t}\n"                                                          \
	"\tcounter refused {\n\t}\n"                                                               \
	"\tchain from_link {\n"                                                                    \
	"\t\ttype filter hook prerouting priority raw; policy accept;\n"                           \
	"\t\tiifname != @links accept\n" nd "\t\tiifname . " ip                                    \
	" saddr != @may_enter counter name \"wrong_source\" drop\n"                                \
	"\t\t" limit " set 64\n"                                                                   \
	"\t}\n"                                                                                    \
	"\tchain to_link {\n"                                                                      \
	"\t\ttype filter hook prerouting priority dstnat + 10; policy accept;\n"                   \
	"\t\tiifname \"lo\" accept\n"                                                              \
	"\t\tiifname @links " ip " daddr @routers counter name \"refused\" drop\n"                 \
	"\t\tiifname @links accept\n"                                                              \
	"\t\t" ip " daddr @routers ct state established,related dup to " ip " daddr drop\n"        \
	"\t\t" ip " daddr @routers counter name \"refused\" drop\n"                                \
	"\t\t" ip " daddr @ends counter name \"refused\" drop\n"                                   \
	"\t}\n"                                                                                    \
	"\tchain translate {\n"                                                                    \
	"\t\ttype nat hook postrouting priority srcnat; policy accept;\n"                          \
	"\t\toifname != @links " ip " saddr @routers masquerade\n"                                 \
	"\t}\n"                                                                                    \
	"\tchain leaving {\n"                                                                      \
	"\t\ttype filter hook postrouting priority srcnat + 10; policy accept;\n"                  \
	"\t\toifname != @links " ip " saddr @routers counter name \"wrong_source\" drop\n"         \
	"\t}\n"                                                                                    \
	"}\n"

static void controller_side(void **state)
{
	struct net_desired d = wanted(false);
	struct host_link l[2];
	static char text[16384];
	size_t n;

	(void)state;
	host_link_of(&l[0], &d);
	n = host_nat_ruleset(text, sizeof(text), l, 1);
	assert_int_equal(n, strlen(text));
	assert_string_equal(
		text,
		CONTROLLER("ip", "ipv4_addr", "", "ip ttl", "169.254.77.2", "169.254.77.1")
			CONTROLLER("ip6", "ipv6_addr",
				   "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } "
				   "accept\n",
				   "ip6 hoplimit", "fd00:77::2", "fd00:77::1"));
	assert_int_equal(host_nat_ruleset(NULL, 0, l, 1), strlen(text));
	/* a second one, of IPv4 alone: its name counts for both */
	l[1] = l[0];
	strcpy(l[1].ifname, "ns1-h");
	l[1].router[NET_V4] = fixture_addr("169.254.77.6");
	l[1].router[NET_V6].family = l[1].end[NET_V6].family = 0;
	n = host_nat_ruleset(text, sizeof(text), l, 2);
	assert_int_equal(n, strlen(text));
	has(text, "elements = { \"ns0-h\" . 169.254.77.2, \"ns1-h\" . 169.254.77.6 }");
	has(strstr(text, "table ip6 vrouter-host {"), "elements = { \"ns0-h\", \"ns1-h\" }");
	has(strstr(text, "table ip6 vrouter-host {"), "elements = { \"ns0-h\" . fd00:77::2 }");
	/* none */
	host_nat_ruleset(text, sizeof(text), NULL, 0);
	assert_string_equal(text, "add table ip vrouter-host\ndelete table ip vrouter-host\n"
				  "add table ip6 vrouter-host\ndelete table ip6 vrouter-host\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles),	   cmocka_unit_test(drift),
		cmocka_unit_test(faults),	   cmocka_unit_test(link_itself),
		cmocka_unit_test(tables),	   cmocka_unit_test(router_side),
		cmocka_unit_test(controller_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
