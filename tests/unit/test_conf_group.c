/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routers that share an election, in the configuration: what must be the same, what a reload may
 * change, what is advertised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_fixture.h"

#define N 3

static struct conf_router routers[N], changed[N];

/* r0 alone, r1 and r2 in a group. */
static struct conf grouped(struct conf_router *to)
{
	struct conf c = fixture_conf(to, N);

	for (unsigned i = 1; i < N; i++) {
		strcpy(to[i].election.group, "g");
		to[i].election.group_line = to[i].line + 7;
		to[i].election.vrid = 60;
	}
	return c;
}

static void assert_says(struct conf *c, const char *says)
{
	struct conf_errors e = {0};

	conf_check(c, &e);
	if (!says) {
		if (e.n)
			fail_msg("%s", e.text[0]);
		return;
	}
	if (e.n != 1)
		fail_msg("%u errors in place of \"%s\": %s", e.n, says, e.n > 1 ? e.text[1] : "");
	if (!strstr(e.text[0], says) || !strstr(e.text[0], "allowed: "))
		fail_msg("\"%s\" is not in: %s", says, e.text[0]);
	conf_errors_free(&e);
}

static void good(void **state)
{
	struct conf c = grouped(routers);

	(void)state;
	assert_says(&c, NULL);
	/* a VIP of the version that is spoken need not be in each, as none is told */
	routers[2].election.ipv6 = routers[1].election.ipv6 = true;
	assert_says(&c, NULL);
	/* what is not about the election is each router's own */
	routers[2].election.accept = false;
	routers[2].sync_hold_s = 7;
	routers[2].drain_ms = 8;
	assert_says(&c, NULL);
}

static void interface(struct conf_router *r)
{
	strcpy(r->election.interface, "eth7");
}
static void peers(struct conf_router *r)
{
	r->election.peers.addr[0] = fixture_addr("10.20.0.12");
	r->election.peers.n = 1;
}
static void vrid(struct conf_router *r)
{
	r->election.vrid = 61;
}
static void priority(struct conf_router *r)
{
	r->election.priority = 150;
}
static void advert(struct conf_router *r)
{
	r->election.advert_interval_ms = 200;
}
static void preempt(struct conf_router *r)
{
	r->election.preempt = false;
}
static void preempt_delay(struct conf_router *r)
{
	r->election.preempt_delay_s = 3;
}
static void auth(struct conf_router *r)
{
	r->election.auth = VRRP_AUTH_HMAC;
}
static void checksum(struct conf_router *r)
{
	r->election.plain_sum = true;
}
static void veto(struct conf_router *r)
{
	r->election.veto = !r->election.veto;
}
static void fast_detect(struct conf_router *r)
{
	r->election.fast_detect = 9;
}
static void fast_interval(struct conf_router *r)
{
	r->election.fast_interval_ms = 9;
}
static void fence(struct conf_router *r)
{
	strcpy(r->fence, "/bin/true");
}
static void fence_timeout(struct conf_router *r)
{
	r->fence_timeout_s = 9;
}
static void crash(struct conf_router *r)
{
	r->crash = CONF_CRASH_ADOPT;
}
static void adopt_timeout(struct conf_router *r)
{
	r->adopt_timeout_s = 9;
}

static const struct {
	void (*spoil)(struct conf_router *r);
	const char *option;
} same[] = {
	{interface, "election: interface"},
	{peers, "election: peers"},
	{vrid, "election: vrid"},
	{priority, "election: priority"},
	{advert, "election: advert-interval"},
	{preempt, "election: preempt"},
	{preempt_delay, "election: preempt-delay"},
	{auth, "election: auth"},
	{checksum, "election: checksum"},
	{veto, "election: veto"},
	{fast_detect, "election: fast-detect"},
	{fast_interval, "election: fast-interval"},
	{fence, "fence"},
	{fence_timeout, "fence-timeout"},
	{crash, "crash"},
	{adopt_timeout, "adopt-timeout"},
};

static void all_say_the_same(void **state)
{
	char says[200];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(same); i++) {
		struct conf c = grouped(routers);

		same[i].spoil(&routers[2]);
		snprintf(says, sizeof(says),
			 "test.conf:37: router \"r2\": %s: is another one than router \"r1\" of "
			 "the same group \"g\" has (line 20)",
			 same[i].option);
		assert_says(&c, says);
		/* also where both are of another one */
		strcpy(routers[2].election.group, "h");
		routers[2].election.vrid = 61;
		assert_says(&c, NULL);
	}
}

static void mistakes(void **state)
{
	struct conf c = grouped(routers);

	(void)state;
	strcpy(routers[2].election.group, "h");
	assert_says(&c,
		    "test.conf:33: router \"r2\": election: vrid = 60: is router \"r1\"'s, too");
	routers[2].election.vrid = 61;
	routers[2].election.mode = CONF_ELECTION_EXTERNAL;
	assert_says(&c,
		    "test.conf:37: router \"r2\": election: group = \"h\": there is no election");
	c = grouped(routers);
	for (unsigned i = 1; i < N; i++)
		strcpy(routers[i].election.group, "r0");
	assert_says(&c,
		    "router \"r1\": election: group = \"r0\": is the name of a router (line 10)");
	/* one bridge is no place for two of one MAC */
	c = grouped(routers);
	strcpy(routers[1].leg[NET_PUBLIC].bridge, "br-a");
	strcpy(routers[2].leg[NET_PUBLIC].bridge, "br-b");
	strcpy(routers[2].leg[NET_MANAGEMENT].bridge, "br-c");
	routers[1].election.virtual_mac = routers[2].election.virtual_mac = true;
	assert_says(&c, NULL);
	strcpy(routers[2].leg[NET_MANAGEMENT].bridge, "br-mgmt");
	assert_says(&c, "virtual-mac: router \"r1\" has the same VRID");
}

/* ---- reload and restart -----------------------------------------------------------------------
 */

static const char *refusal(void (*change)(struct conf_router *r), enum conf_change *what)
{
	struct conf old = grouped(routers), new = grouped(changed);
	struct conf_delta d[2 * N];

	change(&changed[1]);
	assert_int_equal(conf_diff(&old, &new, d), N);
	*what = d[1].change;
	return d[1].what;
}

static void other_group(struct conf_router *r)
{
	strcpy(r->election.group, "h");
}

static void out_of_it(struct conf_router *r)
{
	r->election.group[0] = '\0';
}

static void vip(struct conf_router *r)
{
	r->leg[NET_PUBLIC].vip[0] = fixture_prefix("198.18.0.77/24");
}

static void reload(void **state)
{
	enum conf_change what;

	(void)state;
	assert_string_equal(refusal(other_group, &what), "election: group");
	assert_int_equal(what, CONF_REFUSED);
	assert_string_equal(refusal(out_of_it, &what), "election: group");
	assert_string_equal(refusal(vrid, &what), "election: vrid");
	/* no advertisement tells of it */
	assert_null(refusal(vip, &what));
	assert_int_equal(what, CONF_LIVE);
	assert_null(refusal(priority, &what));
	assert_int_equal(what, CONF_LIVE);
}

static void adopted(void **state)
{
	uint64_t id;

	(void)state;
	grouped(routers);
	grouped(changed);
	id = conf_router_id(&routers[1]);
	vip(&changed[1]);
	assert_true(conf_router_id(&changed[1]) == id);
	other_group(&changed[1]);
	assert_false(conf_router_id(&changed[1]) == id);
}

/* ---- advertisements ---------------------------------------------------------------------------
 */

static struct ip_addr told(const struct conf_router *r, const char *name)
{
	struct vrrp_io_cfg cfg;

	conf_vrrp(&cfg, r);
	assert_string_equal(cfg.router, name);
	assert_int_equal(cfg.n_addrs, 1);
	assert_int_equal(cfg.addrs[0].family, cfg.family);
	return cfg.addrs[0];
}

static void one_address(void **state)
{
	struct ip_addr a, b;

	(void)state;
	grouped(routers);
	a = told(&routers[1], "g");
	b = told(&routers[2], "g");
	assert_true(ip_addr_equal(&a, &b));
	assert_true(a.b[0] == 169 && a.b[1] == 254 && a.b[2] > 0 && a.b[2] < 255);
	strcpy(routers[2].election.group, "h");
	b = told(&routers[2], "h");
	assert_false(ip_addr_equal(&a, &b));
	routers[1].election.ipv6 = true;
	a = told(&routers[1], "g");
	assert_true(ip_addr_is_link_local(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	    cmocka_unit_test(all_say_the_same),
		cmocka_unit_test(mistakes), cmocka_unit_test(reload),
		cmocka_unit_test(adopted),  cmocka_unit_test(one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
