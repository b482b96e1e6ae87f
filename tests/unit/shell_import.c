/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd.conf and keepalived.conf: what is made of the forms that others generate (samples
 * beside this file, with what has to come out of them), and what is wrong is said with its line.
 * UPDATE_GOLDEN=1 writes the expected files anew: to be read before they are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../conntrackd-conf/import.h"
#include "vrouter/conf.h"

static void read_all(const char *path, struct txt *out)
{
	auto_file FILE *f = fopen(path, "r");
	char buf[4096];
	size_t n;

	if (!f)
		fail_msg("%s cannot be read", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		txt_put(out, buf, n);
}

static const char one[] = "$PRIORITY=130\nvirtual_router_id 7\n";

static int include(void *ctx, struct import *im, const char *pattern, const char *from)
{
	(void)ctx;
	(void)from;
	if (strcmp(pattern, "one") == 0)
		import_text(im, "one", one, strlen(one));
	else if (strcmp(pattern, "loop") == 0)
		import_text(im, "loop", "include loop\n", strlen("include loop\n"));
	else
		return 0;
	return 1;
}

static void print_report(const struct import *im, struct txt *out)
{
	unsigned n, more;
	const struct import_line *l = import_report(im, &n, &more);

	assert_int_equal(more, 0);
	for (unsigned i = 0; i < n; i++)
		txt_add(out, "# %s:%d: %s: %s\n", l[i].file ? l[i].file : "", l[i].line,
			import_verdict_name(l[i].verdict), l[i].text);
}

static void must_load(const char *text)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	int err = conf_load_text(&c, text, "result", &e);

	if (err)
		print_message("%s\n%s", e.n ? e.text[0] : "?", text);
	assert_int_equal(err, 0);
	conf_errors_free(&e);
	conf_free(c);
}

struct sample {
	const char *name, *file[3];
	struct import_opts opts;
};

static void check_golden(const struct sample *s, const struct txt *got)
{
	struct txt want = {0};
	char path[512];

	snprintf(path, sizeof(path), SAMPLES "/%s.golden", s->name);
	if (getenv("UPDATE_GOLDEN")) {
		auto_file FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(got->p, f);
		return;
	}
	read_all(path, &want);
	if (strcmp(want.p, got->p) != 0)
		fail_msg("%s is not what comes out now:\n%s", path, got->p);
	txt_free(&want);
}

static void golden(const struct sample *s)
{
	struct txt out = {0};
	struct import *im;
	int err;

	assert_int_equal(import_new(&im, &s->opts, include, NULL), 0);
	for (unsigned i = 0; s->file[i]; i++) {
		struct txt text = {0};
		char path[512];

		snprintf(path, sizeof(path), SAMPLES "/%s", s->file[i]);
		read_all(path, &text);
		import_text(im, s->file[i], text.p, text.len);
		txt_free(&text);
	}
	err = import_build(im, &out);
	if (!err)
		must_load(out.p);
	else
		print_message("%s is refused\n", s->name);
	print_report(im, &out);
	if (err)
		print_message("%s", out.p);
	assert_int_equal(err, 0);
	check_golden(s, &out);
	txt_free(&out);
	import_free(im);
}

static void samples(void **state)
{
	static const struct sample sample[] = {
		{"neutron",
		 {"neutron-keepalived.conf", "neutron-conntrackd.conf"},
		 {.controller = "net-1", .namespace = "qrouter-6e5bd2ea"}},
		{"vyos", {"vyos-keepalived.conf", "vyos-conntrackd.conf"}, {.controller = "fw-1"}},
		{"fuel",
		 {"fuel-conntrackd.conf"},
		 {.controller = "node-1", .namespace = "vrouter"}},
		{"vyos-wire",
		 {"vyos-keepalived.conf", "vyos-conntrackd.conf"},
		 {.controller = "fw-1", .conntrackd = true}},
		{"every",
		 {"every-keepalived.conf", "every-conntrackd.conf"},
		 {.controller = "c1", .config_id = "main"}},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sample); i++)
		golden(&sample[i]);
}

/* One file; what is wrong with it, and where. */
static void refused(const char *why, const char *text, int line, const char *says)
{
	const struct import_opts opts = {.controller = "c"};
	const struct import_line *l;
	struct txt out = {0};
	struct import *im;
	unsigned n, more;
	bool found = false;

	assert_int_equal(import_new(&im, &opts, include, NULL), 0);
	import_text(im, "f", text, strlen(text));
	if (import_build(im, &out) == 0)
		fail_msg("%s: is taken", why);
	l = import_report(im, &n, &more);
	for (unsigned i = 0; i < n; i++)
		found |= l[i].verdict == IMPORT_ERROR && l[i].line == line &&
			 strstr(l[i].text, says);
	if (!found)
		fail_msg("%s: line %d does not say \"%s\" but: %d %s", why, line, says,
			 n ? l[n - 1].line : 0, n ? l[n - 1].text : "nothing");
	txt_free(&out);
	import_free(im);
}

static bool is_said(const struct import *im, int line)
{
	unsigned n, more;
	const struct import_line *l = import_report(im, &n, &more);

	for (unsigned i = 0; i < n; i++)
		if (l[i].line == line)
			return true;
	return false;
}

/* A line that is no more than a bracket, around what is said. */
static bool is_bracket(const char *line, size_t len)
{
	static const char *const plain[] = {"}", "Sync {", "Options {", "General {"};

	for (unsigned i = 0; i < ARRAY_LEN(plain); i++)
		if (strlen(plain[i]) == len && memcmp(plain[i], line, len) == 0)
			return true;
	return false;
}

static void all_said(const char *mode, const char *channel, const char *rest)
{
	const struct import_opts opts = {.controller = "c", .conntrackd = true};
	struct txt text = {0}, out = {0};
	struct import *im;
	int line = 1;

	txt_add(&text, "Sync {\n%s%s%s", mode, channel, rest);
	assert_int_equal(import_new(&im, &opts, include, NULL), 0);
	import_text(im, "f", text.p, text.len);
	(void)!import_build(im, &out);
	if (import_count(im, IMPORT_ERROR))
		fail_msg("%s\n%s", text.p, out.p);
	for (const char *p = text.p; *p; line++) {
		size_t len = strcspn(p, "\n");

		if (!is_bracket(p, len) && !is_said(im, line))
			fail_msg("nothing is said of line %d: %.*s", line, (int)len, p);
		p += len + 1;
	}
	txt_free(&text);
	txt_free(&out);
	import_free(im);
}

/* Every statement of conntrackd.conf(5) of 1.4.7: none is unknown, and of each something is said by
 * its line. (Blocks that do not apply are said as a whole.) */
static void every_statement(void **state)
{
	static const char *const mode[] = {
		"Mode FTFW {\nResendQueueSize 131072\nACKWindowSize 300\nCommitTimeout 180\n"
		"PurgeTimeout 60\nDisableExternalCache off\nStartupResync no\n}\n",
		"Mode NOTRACK {\nCommitTimeout 180\nPurgeTimeout 60\nDisableInternalCache on\n"
		"DisableExternalCache on\nStartupResync yes\n}\n",
		"Mode ALARM {\nRefreshTime 15\nCacheTimeout 180\nCommitTimeout 180\n"
		"PurgeTimeout 60\n}\n",
	};
	static const char *const channel[] = {
		"Multicast {\nIPv4_address 225.0.0.50\nGroup 3780\nIPv4_interface 10.1.0.1\n"
		"Interface a\nSndSocketBuffer 1249280\nRcvSocketBuffer 1249280\nChecksum on\n}\n",
		"Multicast {\nIPv6_address ff02::50\nGroup 3780\nInterface a\n}\n",
		"UDP {\nIPv4_address 10.1.0.1\nIPv4_Destination_Address 10.1.0.2\nPort 3780\n"
		"Interface a\nSndSocketBuffer 1\nRcvSocketBuffer 1\nChecksum on\n}\n",
		"UDP {\nIPv6_address fd00::1\nIPv6_Destination_Address fd00::2\nPort 3780\n"
		"Interface a\n}\n",
		"TCP {\nIPv6_address fd00::1\nIPv6_Destination_Address fd00::2\nPort 3780\n"
		"Interface a\nSndSocketBuffer 1\nRcvSocketBuffer 1\nChecksum on\n}\n",
	};
	static const char rest[] =
		"Options {\nExpectationSync { ftp ras q.931 h.245 sip }\nTCPWindowTracking on\n}\n"
		"}\nGeneral {\nSystemd on\nNice -20\nHashSize 32768\nHashLimit 131072\n"
		"LogFile on\nSyslog local0\nLockfile /var/lock/conntrack.lock\n"
		"UNIX { Path /var/run/conntrackd.ctl Backlog 20 }\nNetlinkBufferSize 2097152\n"
		"NetlinkBufferSizeMaxGrowth 8388608\nNetlinkOverrunResync 60\n"
		"NetlinkEventsReliable on\nPollSecs 15\nEventIterationLimit 100\n"
		"Scheduler { Type FIFO Priority 99 }\nFilter From Userspace {\n"
		"Protocol Accept { TCP SCTP DCCP UDP ICMP IPv6-ICMP }\nAddress Ignore {\n"
		"IPv4_address 10.0.0.0/8\nIPv6_address ::1\n}\n"
		"State Accept { ESTABLISHED CLOSED TIME_WAIT CLOSE_WAIT for TCP }\n}\n}\n"
		"Stats { LogFile on Syslog off NetlinkEventsReliable off }\n"
		"Helper { Type ftp inet tcp { QueueNum 0 QueueLen 10240 Policy ftp { ExpectMax 1 "
		"ExpectTimeout 300 } } Setup on }\n";

	(void)state;
	for (unsigned m = 0; m < ARRAY_LEN(mode); m++)
		for (unsigned c = 0; c < ARRAY_LEN(channel); c++)
			all_said(mode[m], channel[c], rest);
}

static void errors_of_conntrackd(void **state)
{
	(void)state;
	refused("unknown", "Sync {\n Mode FTFW { }\n Foo 1\n}\n", 3, "Foo: is unknown in Sync");
	refused("open", "Sync {\n Mode FTFW {\n", 2, "not closed");
	refused("closed", "Sync { } }\n", 1, "closes what was not opened");
	refused("mode", "Sync {\nMode FOO { }\n}", 2, "needs FTFW");
	refused("no block", "Sync {\nMode FTFW\n}", 2, "needs a block");
	refused("option of another mode's word", "Sync {\nMode FTFW {\nFoo 3\n}\n}", 3, "unknown");
	refused("number", "General {\nHashSize many\n}\nSync { Mode FTFW { } }", 2, "number");
	refused("port", "Sync { Mode FTFW { }\nUDP {\nPort 70000\n}\n}", 3, "1 to 65535");
	refused("address", "Sync { Mode FTFW { }\nMulticast {\nIPv4_address 225.0.0.500\n}\n}", 3,
		"IPv4 address");
	refused("no group",
		"Sync { Mode FTFW { }\nMulticast {\nIPv4_address 10.0.0.1 Interface a\n}\n}", 2,
		"multicast group");
	refused("no interface", "Sync { Mode FTFW { }\nUDP {\nPort 3780\n}\n}", 2, "Interface");
	refused("policy", "Sync { }\nGeneral {\nFilter {\nProtocol Maybe { TCP }\n}\n}", 4,
		"Accept");
	refused("protocol", "Sync { }\nGeneral { Filter {\nProtocol Accept { TCP FOO }\n}\n}", 3,
		"FOO");
	refused("for TCP", "Sync { }\nGeneral { Filter {\nState Accept { CLOSED }\n}\n}", 3,
		"for TCP");
	refused("five links",
		"Sync { Multicast { }\nMulticast { }\nMulticast { }\nMulticast { }\nMulticast { "
		"}\n}",
		5, "more than 4");
	refused("quote", "Sync {\n Mode \"FTFW\" { }\n}", 2, "no meaning");
	refused("nothing", "# nothing\n", 0, "neither");
	refused("statistics", "Stats { LogFile on }\nGeneral { HashSize 1 }\n", 0, "neither");
}

#define INST(inside) "vrrp_instance a {\n interface eth0\n virtual_router_id 1\n" inside "\n}\n"

static void errors_of_keepalived(void **state)
{
	(void)state;
	refused("no name", "vrrp_script {\n}\n" INST(""), 1, "needs a value");
	refused("unknown", INST(" foo 1"), 4, "foo: is unknown in vrrp_instance");
	refused("range", "vrrp_instance a {\n virtual_router_id 256\n}", 2, "1 to 255");
	refused("no vrid", "vrrp_instance a {\n interface eth0\n}\n", 1, "virtual_router_id");
	refused("twice", INST("") "vrrp_instance a {\n}\n", 6, "already");
	refused("address", INST("virtual_ipaddress {\n 10.0.0.256\n}"), 5, "no address");
	refused("network", INST("virtual_ipaddress {\n 10.0.0.0/24\n}"), 5, "a host can have");
	refused("interface", "vrrp_instance a {\n interface ${X}\n virtual_router_id 1\n}", 2,
		"name of an");
	refused("quote", INST("notify \"/a b"), 4, "quoted text");
	refused("open", "vrrp_instance a {\n virtual_ipaddress {\n", 2, "not closed");
	refused("closed", INST("}"), 5, "closes");
	refused("brace", "{\n}\n", 1, "without a statement");
	refused("no such script", INST("track_script {\n b\n}"), 5, "no vrrp_script");
	refused("weight", INST("track_interface {\n b weight heavy\n}"), 5, "weight");
	refused("no such member", INST("") "vrrp_sync_group g {\n group {\n b\n }\n}\n", 6,
		"no vrrp_instance");
	refused("~SEQ", "~SEQ(A, 1, 2)\n" INST(""), 1, "write the lines out");
	refused("itself", "$A=${A}x\n" INST("$A"), 5, "variables");
	refused("grows",
		"$A=${B}${B}${B}${B}\n$B=${C}${C}${C}${C}\n$C=${D}${D}${D}${D}\n"
		"$D=${E}${E}${E}${E}\n$E=${F}${F}${F}${F}\n$F=${G}${G}${G}${G}\n"
		"$G=${H}${H}${H}${H}\n$H=${I}${I}${I}${I}\n$I=xxxxxxxx\n$A\n",
		10, "too much");
	refused("definition", "$A= \\\n a \\\n", 2, "does not end");
	refused("includes itself", "include loop\n", 1, "inside each other");
	refused("strict include", "includea nothing\n", 1, "cannot be read");
}

static const char *built(const char *text, struct txt *out)
{
	const struct import_opts opts = {.controller = "c", .config_id = "high"};
	struct import *im;

	out->len = 0;
	assert_int_equal(import_new(&im, &opts, include, NULL), 0);
	import_text(im, "f", text, strlen(text));
	if (import_build(im, out) < 0) {
		unsigned n, more;
		const struct import_line *l = import_report(im, &n, &more);

		fail_msg("line %d: %s", l[n - 1].line, l[n - 1].text);
	}
	must_load(out->p);
	import_free(im);
	return out->p;
}

static void variables(void **state)
{
	struct txt out = {0};

	(void)state;
	assert_non_null(strstr(built("vrrp_instance a {\n include one\n interface eth0\n"
				     " priority $PRIORITY\n}\n",
				     &out),
			       "priority = 130"));
	assert_non_null(strstr(out.p, "vrid = 7"));
	built("$NET=10.2.${SUB}\n$SUB=0\n"
	      "$INSTANCE= \\\nvrrp_instance VI_${NUM} { \\\n interface eth0.${NUM} \\\n"
	      " virtual_router_id ${NUM} \\\n @high priority 130 \\\n @low priority 120 \\\n"
	      " virtual_ipaddress { \\\n ${NET}.${NUM}/24 \\\n } \\\n}\n"
	      "$NUM=1\n$INSTANCE\n$SUB=10\n$NUM=2\n$INSTANCE\n",
	      &out);
	assert_non_null(strstr(out.p, "router \"VI_1\""));
	assert_non_null(strstr(out.p, "10.2.0.1/24"));
	assert_non_null(strstr(out.p, "router \"VI_2\""));
	assert_non_null(strstr(out.p, "10.2.10.2/24"));
	assert_non_null(strstr(out.p, "priority = 130"));
	assert_null(strstr(out.p, "priority = 120"));
	txt_free(&out);
}

/* keepalived adds a positive weight while all is well; -254..254 of ours are added while it fails.
 */
static void weights(void **state)
{
	static const struct {
		const char *track, *priority, *weight;
	} row[] = {
		{"x weight 20", "priority = 120", "weight = -20"},
		{"x weight -20", "priority = 100", "weight = -20"},
		{"x weight 20 reverse", "priority = 80", "weight = 20"},
		{"x weight -20 reverse", "priority = 100", "weight = 20"},
		{"x", "priority = 100", "\"x\" }"},
	};
	struct txt out = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		char text[200];

		snprintf(text, sizeof(text), INST("track_interface {\n %s\n}"), row[i].track);
		built(text, &out);
		if (!strstr(out.p, row[i].priority) || !strstr(out.p, row[i].weight))
			fail_msg("%s: %s", row[i].track, out.p);
	}
	txt_free(&out);
}

/* Nothing of a foreign file gets out of its place in ours. */
static void hostile(void **state)
{
	struct txt out = {0};

	(void)state;
	built("vrrp_script s {\n script \"/bin/x 'a\\\" } ${HOME} \\\\ \\n' b'\\x'c\"\n}\n"
	      "vrrp_instance \"a\\\" } router x {\" {\n interface eth0\n"
	      " virtual_router_id 1\n track_script {\n s\n }\n}\n",
	      &out);
	txt_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(every_statement),
		cmocka_unit_test(errors_of_conntrackd),
		cmocka_unit_test(errors_of_keepalived),
		cmocka_unit_test(variables),
		cmocka_unit_test(weights),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
