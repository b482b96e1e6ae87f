/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check says of what was found out: of each thing one line, and what to do if it is wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/check.h"
#include "conf_fixture.h"

static struct conf_router conf;
static struct life life;
static struct sync_msg_report report;
static struct net_desired desired;
static struct net_actual actual;
static struct net_plan plan;
static struct check_lines lines;

/* An ACTIVE of which all is well. */
static struct check_facts well(void)
{
	struct check_facts f = {.conf = &conf,
				.life = &life,
				.report = &report,
				.desired = &desired,
				.actual = &actual,
				.plan = &plan,
				.net_why = ""};
	const struct check_question answered = {.asked = true, .answered = true};

	fixture_router(&conf, 0);
	life = (struct life){.state = LIFE_ACTIVE, .sync = LIFE_SYNC_SOURCE, .reason = "r"};
	memset(&report, 0, sizeof(report));
	report.n_peers = 1;
	report.peer[0] = (struct engine_peer){.id = 7, .phase = ENGINE_READY, .detailed = true};
	strcpy(report.peer[0].name, "controller-2");
	conf_net_desired(&desired, &conf, true);
	memset(&actual, 0, sizeof(actual));
	for (unsigned i = 0; i < NET_LEGS; i++)
		actual.leg[i] = (struct net_leg_actual){.bridge_exists = true,
							.bridge_is_bridge = true,
							.bridge_up = true,
							.exists = true,
							.up = true,
							.carrier = true};
	actual.route[NET_V4] = (struct net_route){.exists = true, .via = conf.gateway[0]};
	plan.n = 0;
	plan.fault[0] = '\0';
	f.gateway[NET_V4] = answered;
	f.vip[0] = (struct check_vip){.leg = NET_PUBLIC, .addr = conf.leg[NET_PUBLIC].vip[0].addr};
	f.vip[0].q.asked = true;
	f.n_vips = 1;
	f.service[SERVICE_DNS] = (struct check_service){.wanted = true,
							.state = SERVICE_UP,
							.program = "dnsmasq",
							.at = fixture_addr("10.20.0.1"),
							.q = answered,
							.n_up = 1};
	f.service[SERVICE_DNS].up[0] =
		(struct check_upstream){.addr = fixture_addr("198.18.0.254"), .q = answered};
	f.service[SERVICE_NTP] = f.service[SERVICE_DNS];
	strcpy(f.service[SERVICE_NTP].program, "chronyd");
	f.service[SERVICE_NTP].ntp = (struct sntp_answer){.stratum = 3, .synchronised = true};
	f.service[SERVICE_DHCP] =
		(struct check_service){.wanted = true, .state = SERVICE_UP, .program = "dnsmasq"};
	f.connect = (struct nat_target){.addr = fixture_addr("192.0.2.1"), .port = 80};
	f.connected = answered;
	f.flows = (struct check_flows){.looked = true,
				       .translated = true,
				       .node = fixture_addr("10.20.0.101"),
				       .as = fixture_addr("198.18.0.1")};
	return f;
}

static const struct check_line *line_of(enum check_id id)
{
	unsigned i = 0;

	while (i < lines.n && lines.at[i].id != id)
		i++;
	if (i == lines.n)
		fail_msg("no line about %s", check_name(id));
	return &lines.at[i];
}

static void all_well(void **state)
{
	struct check_facts f = well();

	(void)state;
	check_judge(&lines, &f);
	for (unsigned i = 0; i < lines.n; i++) {
		const struct check_line *l = &lines.at[i];

		if (l->result != CHECK_OK || l->advice[0])
			fail_msg("%s %s: %s", check_name(l->id), l->subject, l->text);
	}
	for (unsigned id = 0; id < CHECK_IDS; id++)
		line_of((enum check_id)id);
	assert_int_equal(lines.wrong, 0);
	assert_string_equal(line_of(CHECK_NAT)->text, "10.20.0.101 is seen as 198.18.0.1");
	assert_string_equal(line_of(CHECK_CONNECT)->subject, "192.0.2.1:80");
}

/* ---- what may be wrong ------------------------------------------------------------------------
 */

static void fault(struct check_facts *f)
{
	(void)f;
	life.state = LIFE_FAULT;
	report.status.phase = ENGINE_READY;
	strcpy(life.reason, "bridge br-ex does not exist");
}

static void no_bridge(struct check_facts *f)
{
	(void)f;
	actual.leg[NET_MANAGEMENT].bridge_exists = false;
}

static void bridge_down(struct check_facts *f)
{
	(void)f;
	actual.leg[NET_MANAGEMENT].bridge_up = false;
}

static void no_leg(struct check_facts *f)
{
	(void)f;
	actual.leg[NET_MANAGEMENT].exists = false;
}

static void no_carrier(struct check_facts *f)
{
	(void)f;
	actual.leg[NET_MANAGEMENT].carrier = false;
}

static void drift(struct check_facts *f)
{
	(void)f;
	plan.op[plan.n++] = (struct net_op){.kind = NET_OP_LEG_UP, .leg = NET_PUBLIC};
}

static void unreadable(struct check_facts *f)
{
	f->net_why = "no such namespace";
}

static void no_route(struct check_facts *f)
{
	(void)f;
	actual.route[NET_V4].exists = false;
}

static void other_route(struct check_facts *f)
{
	(void)f;
	actual.route[NET_V4].via = fixture_addr("198.18.0.9");
}

static void silent_gateway(struct check_facts *f)
{
	f->gateway[NET_V4].answered = false;
}

static void leg_gone(struct check_facts *f)
{
	f->gateway[NET_V4] = (struct check_question){.err = -ENODEV};
}

static void vip_taken(struct check_facts *f)
{
	memcpy(f->vip[0].mac, "\x02\x00\x00\x00\xab\xcd", NET_MAC_BYTES);
	f->vip[0].q.answered = true;
}

static void dns_down(struct check_facts *f)
{
	f->service[SERVICE_DNS].state = SERVICE_WAITING;
	strcpy(f->service[SERVICE_DNS].reason, "exit status 2");
}

static void dns_silent(struct check_facts *f)
{
	f->service[SERVICE_DNS].q.answered = false;
}

static void upstream_silent(struct check_facts *f)
{
	f->service[SERVICE_DNS].up[0].q.answered = false;
}

static void upstream_far(struct check_facts *f)
{
	f->service[SERVICE_NTP].up[0].q = (struct check_question){.err = -ENETUNREACH};
}

static void dhcp_down(struct check_facts *f)
{
	f->service[SERVICE_DHCP].state = SERVICE_STARTING;
}

static void refused(struct check_facts *f)
{
	f->connected = (struct check_question){.asked = true, .err = -ECONNREFUSED};
}

static void no_answer(struct check_facts *f)
{
	f->connected.answered = false;
}

static void other_version(struct check_facts *f)
{
	f->connect.addr = fixture_addr("2001:db8::1");
}

static void untranslated(struct check_facts *f)
{
	f->flows = (struct check_flows){.looked = true,
					.bare = true,
					.bare_node = fixture_addr("10.20.0.101"),
					.bare_target = fixture_addr("192.0.2.1")};
}

static void replication_down(struct check_facts *f)
{
	(void)f;
	life.sync = LIFE_SYNC_DOWN;
}

static void alone(struct check_facts *f)
{
	(void)f;
	report.n_peers = 0;
}

static void peer_lost(struct check_facts *f)
{
	(void)f;
	report.peer[0].lost = true;
	report.peer[0].heard_ms_ago = 5500;
}

static void peer_syncing(struct check_facts *f)
{
	(void)f;
	report.peer[0].phase = ENGINE_SYNCING;
	report.peer[0].percent = 40;
}

static void peer_behind(struct check_facts *f)
{
	(void)f;
	report.peer[0].lag_ms = 2500;
}

static void two_sources(struct check_facts *f)
{
	(void)f;
	report.peer[0].phase = ENGINE_SOURCE;
}

static void wrong_key(struct check_facts *f)
{
	alone(f);
	report.n_peers = 1;
	report.n_refused = 1;
	report.refused[0] = (struct refused_entry){.why = REFUSED_KEY_WRONG, .sender = 9};
}

static void wrong_things(void **state)
{
	static const struct {
		void (*spoil)(struct check_facts *f);
		enum check_id id;
		const char *says;
	} row[] = {
		{fault, CHECK_ROLE, "FAULT: bridge br-ex does not exist"},
		{no_bridge, CHECK_CARRIER, "bridge br-mgmt does not exist"},
		{bridge_down, CHECK_CARRIER, "bridge br-mgmt is down"},
		{no_leg, CHECK_CARRIER, "missing"},
		{no_carrier, CHECK_CARRIER, "no carrier"},
		{drift, CHECK_NETWORK, "set a leg up (vr-ex)"},
		{unreadable, CHECK_NETWORK, "no such namespace"},
		{no_route, CHECK_ROUTE, "no default route; it should be via 198.18.0.254"},
		{other_route, CHECK_ROUTE, "via 198.18.0.9 and not via 198.18.0.254"},
		{silent_gateway, CHECK_GATEWAY, "does not answer ARP on vr-ex"},
		{leg_gone, CHECK_GATEWAY, "cannot be asked"},
		{vip_taken, CHECK_VIP, "02:00:00:00:ab:cd on vr-ex"},
		{dns_down, CHECK_DNS, "dnsmasq is waiting: exit status 2"},
		{dns_silent, CHECK_DNS, "dnsmasq does not answer on 10.20.0.1"},
		{upstream_silent, CHECK_DNS_UPSTREAM, "does not answer"},
		{upstream_far, CHECK_NTP_UPSTREAM, "Network is unreachable"},
		{dhcp_down, CHECK_DHCP, "starting"},
		{refused, CHECK_CONNECT, "from 198.18.0.1: Connection refused"},
		{no_answer, CHECK_CONNECT, "timed out"},
		{other_version, CHECK_CONNECT, "no public VIP"},
		{untranslated, CHECK_NAT, "10.20.0.101 to 192.0.2.1"},
		{replication_down, CHECK_PEER, "does not run"},
		{alone, CHECK_PEER, "no other controller"},
		{peer_lost, CHECK_PEER, "not heard any more for 5 s"},
		{peer_syncing, CHECK_PEER, "40 %"},
		{peer_behind, CHECK_PEER, "2500 ms behind"},
		{two_sources, CHECK_PEER, "ACTIVE, too"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct check_facts f = well();
		const struct check_line *l;

		row[i].spoil(&f);
		check_judge(&lines, &f);
		l = line_of(row[i].id);
		if (l->result != CHECK_WRONG || !strstr(l->text, row[i].says) || !l->advice[0])
			fail_msg("row %zu: %s: %s", i, row[i].says, l->text);
		assert_int_equal(lines.wrong, 1);
	}
}

static void who_is_not_understood(void **state)
{
	struct check_facts f = well();

	(void)state;
	wrong_key(&f);
	check_judge(&lines, &f);
	assert_int_equal(lines.wrong, 1);
	assert_string_equal(lines.at[lines.n - 1].subject, "00000009");
	assert_non_null(strstr(lines.at[lines.n - 1].advice, "key file"));
	report.refused[0].sender = report.peer[0].id;
	check_judge(&lines, &f);
	assert_int_equal(lines.wrong, 0);
}

/* ---- a STANDBY --------------------------------------------------------------------------------
 */

static void standby(void **state)
{
	struct check_facts f = well();

	(void)state;
	life.state = LIFE_STANDBY;
	life.sync = LIFE_SYNC_READY;
	report.status.phase = ENGINE_READY;
	strcpy(report.status.source_name, "controller-1");
	f.gateway[NET_V4] = f.vip[0].q = f.connected = (struct check_question){.asked = false};
	f.service[SERVICE_NTP].q = f.gateway[NET_V4];
	f.service[SERVICE_DHCP].state = SERVICE_OFF;
	f.service[SERVICE_DNS].up[0].q.err = -EINVAL;
	actual.route[NET_V4].exists = false;
	check_judge(&lines, &f);
	assert_int_equal(lines.wrong, 0);
	assert_int_equal(line_of(CHECK_ROUTE)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_GATEWAY)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_VIP)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_DHCP)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_CONNECT)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_DNS_UPSTREAM)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_DNS)->result, CHECK_OK);
	assert_int_equal(line_of(CHECK_NTP)->result, CHECK_OK);
	assert_string_equal(line_of(CHECK_PEER)->subject, "controller-1");
	report.status.phase = ENGINE_SYNCING;
	report.status.repair_percent = 30;
	check_judge(&lines, &f);
	assert_non_null(strstr(line_of(CHECK_PEER)->text, "30 %"));
	report.status.phase = ENGINE_ALONE;
	check_judge(&lines, &f);
	assert_int_equal(line_of(CHECK_PEER)->result, CHECK_WRONG);
}

static void not_configured(void **state)
{
	struct check_facts f = well();

	(void)state;
	desired.gateway[NET_V4].family = 0;
	desired.nat = NET_NAT_NONE;
	life.sync = LIFE_SYNC_NONE;
	f.connect.addr.family = 0;
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		f.service[i] = (struct check_service){.wanted = false};
	check_judge(&lines, &f);
	assert_int_equal(lines.wrong, 0);
	assert_int_equal(line_of(CHECK_GATEWAY)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_NAT)->result, CHECK_SKIPPED);
	assert_int_equal(line_of(CHECK_PEER)->result, CHECK_SKIPPED);
	assert_string_equal(line_of(CHECK_DNS)->text, "dns-servers is not configured");
	for (unsigned i = 0; i < lines.n; i++)
		assert_int_not_equal(lines.at[i].id, CHECK_CONNECT);
}

/* As much of everything as there can be; the last line takes what has no room. */
static void bounded(void **state)
{
	struct check_facts f = well();

	(void)state;
	for (f.n_vips = 0; f.n_vips < CHECK_VIPS_MAX; f.n_vips++)
		f.vip[f.n_vips] = f.vip[0];
	f.service[SERVICE_DNS].n_up = f.service[SERVICE_NTP].n_up = CONF_UPSTREAMS_MAX;
	report.n_peers = ENGINE_PEERS_MAX;
	report.n_refused = REFUSED_MAX;
	for (unsigned i = 0; i < REFUSED_MAX; i++)
		report.refused[i] = (struct refused_entry){.why = REFUSED_CLEAR, .sender = 9};
	desired.n_extra = NET_LEGS_MAX - NET_LEGS;
	plan.n = NET_OPS_MAX;
	for (unsigned i = 0; i < NET_OPS_MAX; i++)
		plan.op[i] = (struct net_op){.kind = NET_OP_LEG_UP};
	check_judge(&lines, &f);
	assert_true(lines.n < CHECK_LINES_MAX);
	for (unsigned i = 0; i < 2 * CHECK_LINES_MAX; i++)
		check_add(&lines, CHECK_PEER, "x");
	assert_int_equal(lines.n, CHECK_LINES_MAX);
}

/* ---- flows ------------------------------------------------------------------------------------
 */

static struct flow flow(const char *src, const char *dst, const char *back)
{
	struct ip_addr a = fixture_addr(src), b = fixture_addr(dst), c = fixture_addr(back);
	struct flow f = {.family = a.family, .proto = IPPROTO_TCP};

	memcpy(f.orig.src, a.b, 16);
	memcpy(f.orig.dst, b.b, 16);
	memcpy(f.reply.src, b.b, 16);
	memcpy(f.reply.dst, c.b, 16);
	return f;
}

static void flows(void **state)
{
	static const struct {
		const char *src, *dst, *back, *why;
		bool translated, bare;
	} row[] = {
		{"10.20.0.101", "192.0.2.1", "198.18.0.1", "a node's", true, false},
		{"10.20.0.101", "192.0.2.1", "10.20.0.101", "not translated", false, true},
		{"10.20.0.101", "10.20.0.1", "10.20.0.101", "to the router", false, false},
		{"10.20.0.101", "10.20.0.102", "10.20.0.101", "to a node", false, false},
		{"198.18.0.1", "192.0.2.1", "198.18.0.1", "the router's own", false, false},
		{"192.0.2.1", "198.18.0.1", "192.0.2.1", "from outside", false, false},
		{"2001:db8::2", "2001:db8:9::1", "2001:db8::2", "not ours to translate", false,
		 false},
	};

	(void)state;
	well();
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct check_flows out = {.seen = 0};
		struct flow f = flow(row[i].src, row[i].dst, row[i].back);

		check_flow(&out, &desired, &f);
		if (out.translated != row[i].translated || out.bare != row[i].bare)
			fail_msg("%s", row[i].why);
		assert_int_equal(out.seen, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_well),
		cmocka_unit_test(wrong_things),
		cmocka_unit_test(who_is_not_understood),
		cmocka_unit_test(standby),
		cmocka_unit_test(not_configured),
		cmocka_unit_test(bounded),
		cmocka_unit_test(flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
