/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ovs-vsctl 3.1 says of a port, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/ovs_record.h"

static const struct ovs_port port = {.name = "vr-ex", .bridge = "br-ex", .namespace = "r1"};

static void next(void **state)
{
	static const struct {
		const char *text;
		bool lost;
		enum ovs_next next;
		unsigned ifindex;
		const char *why;
	} row[] = {
		{"", true, OVS_MAKE, 0, "there is none"},
		{"\n\n\n\n", false, OVS_MAKE, 0, "none, in empty lines"},
		{"vr-ex\n\"r1 br-ex\"\n4\n[]\n", true, OVS_FINE, 4, "it is there to be taken"},
		{"vr-ex\n\"r1 br-ex\"\n0\n[]\n", true, OVS_REPLACE, 0, "its interface is gone"},
		{"vr-ex\n\"r1 br-ex\"\n[]\n\"could not open network device vr-ex\"\n", true,
		 OVS_REPLACE, 0, "it could not be made"},
		{"vr-ex\n\"r1 br-ex\"\n0\n[]\n", false, OVS_MAKE, 0, "inside: its VLAN is set"},
		{"vr-ex\n\"r1 br-old\"\n0\n[]\n", false, OVS_REPLACE, 0, "of another bridge"},
		{"vr-ex\n\"r11 br-ex\"\n4\n[]\n", true, OVS_FOREIGN, 4, "another router's"},
		{"vr-ex\nr1\n4\n[]\n", true, OVS_FOREIGN, 4, "half a name"},
		{"vr-ex\n\n4\n[]\n", true, OVS_FOREIGN, 4, "somebody else's"},
		{"vr-ex\n\"r1 br-ex\"\n4x\n[]\n", true, OVS_REPLACE, 0, "no number"},
		{"vr-ex\n\"r1 br-ex\"\n99999999999999999999\n[]", true, OVS_REPLACE, 0, "too much"},
		{"vr-ex", true, OVS_FOREIGN, 0, "cut off"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct ovs_record r;

		ovs_record_parse(&r, row[i].text);
		if (ovs_record_next(&r, &port, row[i].lost) != row[i].next ||
		    r.ifindex != row[i].ifindex)
			fail_msg("%s: %d, %u", row[i].why, ovs_record_next(&r, &port, row[i].lost),
				 r.ifindex);
	}
}

static void bounded(void **state)
{
	char text[OVS_TEXT_MAX];
	struct ovs_record r;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 300; i < 900; i += 300)
		text[i] = '\n';
	ovs_record_parse(&r, text);
	assert_true(r.exists);
	assert_int_equal(strlen(r.owner), sizeof(r.owner) - 1);
	assert_int_equal(strlen(r.error), 0); /* the fourth line */
}

static void explained(void **state)
{
	static const struct {
		const char *line;
		bool making, timeout;
		const char *has;
	} row[] = {
		{"ovs-vsctl: unix:/x: database connection failed (No such file or directory)",
		 false, false, "Open vSwitch is not running (systemctl start"},
		{"ovs-vsctl: no bridge named br-ex", true, false,
		 "has no bridge br-ex (ovs-vsctl add-br br-ex"},
		{"WARN|terminating with signal 14 (Alarm clock)", true, true, "ovs-vswitchd"},
		{"WARN|terminating with signal 14 (Alarm clock)", false, true, "ovsdb-server"},
		{"ovs-vsctl: strange", true, false, "Open vSwitch: strange"},
		{"", true, false, "ovs-vsctl failed"},
	};
	char why[NET_REASON_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		ovs_explain(why, &port, row[i].line, row[i].making, row[i].timeout);
		if (!strstr(why, row[i].has))
			fail_msg("%s: %s", row[i].line, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next),
		cmocka_unit_test(bounded),
		cmocka_unit_test(explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
