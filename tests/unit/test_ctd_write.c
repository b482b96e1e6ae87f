/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written for conntrackd: as the golden text has it (its own parser is asked in
 * tests/interop), and what it cannot do is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../conntrackd-conf/ctd_write.h"
#include "../../conntrackd-conf/import.h"
#include "conf_fixture.h"

static void fixture(struct conf_sync *s, struct conf_router *r, struct ctd_write *w)
{
	fixture_router(r, 0);
	*s = (struct conf_sync){.interface = {"sync0"},
				.n_interfaces = 1,
				.group = fixture_addr("225.0.0.50"),
				.port = 3781,
				.checksum = true};
	*w = (struct ctd_write){
		.sync = s,
		.router = r,
		.dir = "/run/x",
		.link[0] = {.interface = "ctd0", .own = fixture_addr("169.254.7.9")}};
}

static const char golden[] = "# Made by vrouterctl export for the router \"r0\".\n"
			     "Sync {\n"
			     "    Mode FTFW {\n"
			     "        DisableExternalCache off\n"
			     "    }\n"
			     "    Multicast Default {\n"
			     "        IPv4_address 225.0.0.50\n"
			     "        Group 3781\n"
			     "        IPv4_interface 169.254.7.9\n"
			     "        Interface ctd0\n"
			     "        SndSocketBuffer 24985600\n"
			     "        RcvSocketBuffer 24985600\n"
			     "        Checksum on\n"
			     "    }\n"
			     "    Options {\n"
			     "        ExpectationSync on\n"
			     "    }\n"
			     "}\n"
			     "General {\n"
			     "    HashSize 65536\n"
			     "    HashLimit 4194304\n"
			     "    LogFile off\n"
			     "    Syslog off\n"
			     "    LockFile /run/x/lock\n"
			     "    UNIX {\n"
			     "        Path /run/x/ctl\n"
			     "    }\n"
			     "    NetlinkBufferSize 16777216\n"
			     "    NetlinkBufferSizeMaxGrowth 67108864\n"
			     "    NetlinkOverrunResync on\n"
			     "    Filter From Userspace {\n"
			     "        Protocol Accept { TCP IPv6-ICMP }\n"
			     "        Address Ignore {\n"
			     "            IPv4_address 10.99.0.0/16\n"
			     "            IPv4_address 127.0.0.0/8\n"
			     "            IPv6_address ::1\n"
			     "            IPv4_address 169.254.0.0/16\n"
			     "            IPv4_address 10.20.0.1\n"
			     "            IPv4_address 198.18.0.1\n"
			     "        }\n"
			     "        State Accept { ESTABLISHED CLOSED LISTEN for TCP }\n"
			     "    }\n"
			     "}\n";

static void writes(void **state)
{
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;
	struct txt out = {0};
	char why[CTD_WHY_MAX];

	(void)state;
	fixture(&s, &r, &w);
	r.filter = (struct conf_filter){.protocol = {IPPROTO_TCP, IPPROTO_ICMPV6},
					.n_protocols = 2,
					.ignored_address = {fixture_prefix("10.99.0.0/16")},
					.n_ignored_addresses = 1,
					.tcp_state = {2, 7, 8},
					.n_tcp_states = 3};
	assert_int_equal(ctd_write(&out, &w, why), 0);
	assert_string_equal(out.p, golden);
	txt_free(&out);
}

/* What the router is itself is not replicated, whatever leg it is on. */
static void leaves_out_its_own(void **state)
{
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;
	struct txt out = {0};
	char why[CTD_WHY_MAX];

	(void)state;
	fixture(&s, &r, &w);
	r.leg[NET_LEGS] = (struct conf_leg){
		.name = "storage", .vip = {fixture_prefix("10.30.0.1/24")}, .n_vips = 1};
	r.n_extra_legs = 1;
	w.link[0].own = fixture_addr("169.10.0.1"); /* somebody's, and not 169.254.0.0/16 */
	assert_int_equal(ctd_write(&out, &w, why), 0);
	assert_non_null(strstr(out.p, "IPv4_address 10.30.0.1\n"));
	assert_non_null(strstr(out.p, "IPv4_address 169.10.0.1\n"));
	txt_free(&out);
}

/* Our reader takes what our writer writes, and finds in it what was meant. */
static void is_read_again(void **state)
{
	const struct import_opts opts = {.controller = "c"};
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;
	struct txt out = {0}, back = {0};
	char why[CTD_WHY_MAX];
	struct import *im;

	(void)state;
	fixture(&s, &r, &w);
	s.group.family = 0;
	snprintf(s.interface[1], IFNAMSIZ, "sync1");
	s.n_interfaces = s.n_peers = 2;
	s.peer[0].addr = fixture_addr("10.9.0.2");
	s.peer[1].addr = fixture_addr("10.9.1.2");
	snprintf(s.peer[1].interface, IFNAMSIZ, "sync1");
	w.link[0] = (struct ctd_link){"sync0", fixture_addr("10.9.0.1")};
	w.link[1] = (struct ctd_link){"sync1", fixture_addr("10.9.1.1")};
	r.filter =
		(struct conf_filter){.ignored_protocol = {IPPROTO_UDP}, .n_ignored_protocols = 1};
	assert_int_equal(ctd_write(&out, &w, why), 0);
	assert_int_equal(import_new(&im, &opts, NULL, NULL), 0);
	import_text(im, "f", out.p, out.len);
	assert_int_equal(import_build(im, &back), 0);
	assert_non_null(strstr(back.p, "interface = { \"sync0\", \"sync1\" }"));
	assert_non_null(strstr(back.p, "peers = { \"10.9.0.2%sync0\", \"10.9.0.1%sync0\", "
				       "\"10.9.1.2%sync1\", \"10.9.1.1%sync1\" }"));
	assert_non_null(strstr(back.p, "ignore-protocols = { udp }"));
	import_free(im);
	txt_free(&back);
	txt_free(&out);
}

/* Each link's group and port, and the kind of all of them, come back as they were. */
static void links_are_read_again(void **state)
{
	const struct import_opts opts = {.controller = "c", .conntrackd = true};
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;

	(void)state;
	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct txt out = {0}, back = {0};
		char why[CTD_WHY_MAX];
		struct import *im;

		fixture(&s, &r, &w);
		s.conntrackd = true;
		s.tcp = tcp;
		strcpy(s.interface[1], "sync1");
		s.n_interfaces = s.n_ports = s.n_groups = 2;
		s.ports[1] = 3799;
		s.groups[1] = fixture_addr("225.0.0.51");
		if (tcp)
			s.group.family = 0;
		for (unsigned i = 0; i < 2 * tcp; i++) {
			s.peer[i].addr = fixture_addr(i ? "10.9.1.2" : "10.9.0.2");
			strcpy(s.peer[i].interface, s.interface[i]);
			s.n_peers = 2;
		}
		w.link[0] = (struct ctd_link){"sync0", fixture_addr("10.9.0.1")};
		w.link[1] = (struct ctd_link){"sync1", fixture_addr("10.9.1.1")};
		assert_int_equal(ctd_write(&out, &w, why), 0);
		assert_int_equal(import_new(&im, &opts, NULL, NULL), 0);
		import_text(im, "f", out.p, out.len);
		assert_int_equal(import_build(im, &back), 0);
		assert_non_null(strstr(back.p, "interface = { \"sync0\", \"sync1\" }"));
		assert_non_null(strstr(back.p, "port = { 3781, 3799 }"));
		assert_non_null(strstr(back.p, tcp ? "transport = \"tcp\""
						   : "group = { \"225.0.0.50\", "
						     "\"225.0.0.51\" }"));
		import_free(im);
		txt_free(&back);
		txt_free(&out);
	}
}

static void refused(const struct ctd_write *w, const char *says)
{
	struct txt out = {0};
	char why[CTD_WHY_MAX];

	assert_int_equal(ctd_write(&out, w, why), -EINVAL);
	if (!strstr(why, says))
		fail_msg("\"%s\" does not say \"%s\"", why, says);
	txt_free(&out);
}

static void refuses(void **state)
{
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;

	(void)state;
	fixture(&s, &r, &w);
	r.filter.assured = true;
	refused(&w, "assured");
	r.filter = (struct conf_filter){.protocol = {132, 200}, .n_protocols = 2};
	refused(&w, "number");
	r.filter = (struct conf_filter){.n_addresses = 1, .n_ignored_addresses = 1};
	refused(&w, "one of them");
	r.filter = (struct conf_filter){0};
	w.link[0].own = (struct ip_addr){0};
	refused(&w, "not known");
	s.group.family = 0;
	refused(&w, "no other controller");
	s.n_peers = 2;
	s.peer[0].addr = fixture_addr("10.9.0.2");
	s.peer[1].addr = fixture_addr("10.9.0.3");
	refused(&w, "no more");
}

/* With conntrackd's protocol the other side has our mode, and the reader finds it again. */
static void modes(void **state)
{
	static const struct {
		enum ctd_mode mode;
		unsigned refresh_s;
		const char *theirs, *ours;
	} row[] = {
		{CTD_MODE_FTFW, 15, "Mode FTFW {\n        DisableExternalCache off\n", "\"ft-fw\""},
		{CTD_MODE_NOTRACK, 15, "Mode NOTRACK {\n        DisableExternalCache off\n",
		 "\"notrack\""},
		{CTD_MODE_ALARM, 15,
		 "Mode ALARM {\n        RefreshTime 15\n        CacheTimeout 180\n",
		 "\"alarm\"\n  refresh = 15\n"},
		{CTD_MODE_ALARM, 60,
		 "Mode ALARM {\n        RefreshTime 60\n        CacheTimeout 240\n",
		 "\"alarm\"\n  refresh = 60\n"},
	};
	const struct import_opts opts = {.controller = "c", .conntrackd = true};
	struct conf_router r;
	struct conf_sync s;
	struct ctd_write w;
	char why[CTD_WHY_MAX];

	(void)state;
	fixture(&s, &r, &w);
	s.conntrackd = true;
	s.checksum = false;
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		struct txt out = {0}, back = {0};
		struct import *im;

		s.mode = row[i].mode;
		s.refresh_s = row[i].refresh_s;
		assert_int_equal(ctd_write(&out, &w, why), 0);
		assert_non_null(strstr(out.p, row[i].theirs));
		assert_int_equal(import_new(&im, &opts, NULL, NULL), 0);
		import_text(im, "f", out.p, out.len);
		assert_int_equal(import_build(im, &back), 0);
		assert_non_null(strstr(back.p, row[i].ours));
		assert_non_null(strstr(back.p, "checksum = false"));
		import_free(im);
		txt_free(&back);
		txt_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),	 cmocka_unit_test(leaves_out_its_own),
		cmocka_unit_test(is_read_again), cmocka_unit_test(links_are_read_again),
		cmocka_unit_test(refuses),	 cmocka_unit_test(modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
