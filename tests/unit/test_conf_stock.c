/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync { engine = "conntrackd" }: what does not go with it is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_fixture.h"

static struct conf_router routers[2];

static struct conf stock(void)
{
	struct conf c = fixture_conf(routers, 1);

	c.sync.stock = true;
	c.sync.key_file[0] = '\0';
	c.sync.engine_line = 7;
	return c;
}

static void says(const struct conf *c, const char *where, const char *what)
{
	struct conf_errors e = {0};

	conf_check(c, &e);
	if (e.n != 1 || strncmp(e.text[0], where, strlen(where)) != 0 || !strstr(e.text[0], what))
		fail_msg("\"%s\" is not about %s %s", e.n ? e.text[0] : "nothing", where, what);
	conf_errors_free(&e);
}

static void good(void **state)
{
	struct conf c = stock();
	struct conf_errors e = {0};

	(void)state;
	conf_check(&c, &e);
	if (e.n)
		fail_msg("%s", e.text[0]);
}

static void sync_options(void **state)
{
	struct conf c = stock();

	(void)state;
	strcpy(c.sync.key_file, "/etc/key");
	c.sync.key_file_line = 8;
	says(&c, "test.conf:8: sync: key-file", "encrypts");
	c = stock();
	c.sync.group = fixture_addr("ff02::77");
	c.sync.group_line = 9;
	says(&c, "test.conf:9: sync: engine", "IPv4 multicast");
	c = stock();
	c.sync.conntrackd = true;
	c.sync.sealed = false;
	c.sync.protocol_line = 11;
	says(&c, "test.conf:11: sync: protocol", "by itself");
	c = stock();
	c.sync.peer[0].addr = fixture_addr("10.20.0.12");
	c.sync.n_peers = 1;
	c.sync.peers_line = 10;
	says(&c, "test.conf:10: sync: peers", "multicast only");
}

static void hold_new(void **state)
{
	struct conf c = stock();

	(void)state;
	c.sync.hold_new_line = 12;
	says(&c, "test.conf:12: sync: hold-new", "as they come");
}

static void link_names(void **state)
{
	struct conf c = stock();

	(void)state;
	strcpy(c.router[0].leg[0].interface, "ctd0");
	c.router[0].leg[0].interface_line = 13;
	says(&c, "test.conf:13: router \"r0\": interface", "another name");
	strcpy(c.router[0].leg[0].interface, "ctd1"); /* there is one link */
	good(NULL);
}

static void router_options(void **state)
{
	struct conf c = stock();

	(void)state;
	c.router[0].filter.assured = true;
	c.router[0].filter.line = 21;
	says(&c, "test.conf:21: router \"r0\": filter", "assured");
	c = stock();
	c.router[0].crash = CONF_CRASH_ADOPT;
	c.router[0].crash_line = 22;
	says(&c, "test.conf:22: router \"r0\": crash", "withdraw");
	c = stock();
	c.router[0].election.fast_detect = 3;
	c.router[0].election.fast_detect_line = 23;
	says(&c, "test.conf:23: router \"r0\": election: fast-detect", "heartbeats");
	c = stock();
	c.router[0].election.auth = VRRP_AUTH_HMAC;
	c.router[0].election.auth_line = 24;
	says(&c, "test.conf:24: router \"r0\": election: auth", "no key");
	c = stock();
	memset(c.controller.run_dir, 'x', CONF_PATH_MAX - 20);
	c.controller.run_dir[CONF_PATH_MAX - 20] = '\0';
	says(&c, "test.conf:10: router \"r0\": its name and run-dir", "107");
}

static void two_routers(void **state)
{
	struct conf c = stock();

	(void)state;
	fixture_router(&routers[1], 1);
	c.n_routers = 2;
	says(&c, "test.conf:7: sync: engine", "one router");
}

static void restart(void **state)
{
	struct conf c = stock(), native = stock();

	(void)state;
	native.sync.stock = false;
	assert_string_equal(conf_diff_global(&native, &c), "sync: engine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),		  cmocka_unit_test(sync_options),
		cmocka_unit_test(router_options), cmocka_unit_test(two_routers),
		cmocka_unit_test(restart),	  cmocka_unit_test(hold_new),
		cmocka_unit_test(link_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
