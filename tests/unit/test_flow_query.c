/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of `vrouterctl flows`, and which flows they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/flow_query.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

static int no_proto(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "ospf") == 0 ? 89 : -1;
}

static int some_label(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "bulk") == 0 ? 9 : -1;
}

static const struct flow_names names = {.proto = no_proto, .label = some_label};

/* Blanks part arguments; "" is none. */
static int parse(struct flow_ask *a, const char *line, char why[static FLOW_ASK_WHY_MAX])
{
	static char text[512];
	char *argv[32] = {(char *)"flows"}, *save = NULL;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(a, 0, sizeof(*a));
	why[0] = '\0';
	return flow_ask_parse(a, argc, argv, &names, why);
}

static struct flow_ask parsed(const char *line)
{
	char why[FLOW_ASK_WHY_MAX];
	struct flow_ask a;

	if (parse(&a, line, why) < 0)
		fail_msg("%s: %s", line, why);
	return a;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static struct flow_facts facts(uint8_t proto, const char *src, int sport, const char *dst,
			       int dport)
{
	struct flow_facts f = {.proto = proto,
			       .addr = {addr(src), addr(dst), addr(dst), addr(src)},
			       .port = {sport, dport, dport, sport},
			       .icmp = {-1, -1, -1},
			       .state = -1,
			       .status = IPS_CONFIRMED | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE};

	f.family = f.addr[0].family;
	return f;
}

enum { TCP, MASQ, DNAT, UDP6, SCTP, ICMP, ICMP6, GRE, OSPF, ROWS };

/* TCP and ICMP passed NAT untranslated: the kernel sets the status bits all the same. */
static void make(struct flow_facts f[static ROWS])
{
	f[TCP] = facts(IPPROTO_TCP, "10.0.0.1", 1000, "192.0.2.1", 80);
	f[TCP].state = TCP_CONNTRACK_ESTABLISHED;
	f[TCP].status |= IPS_SEEN_REPLY | IPS_ASSURED;
	f[TCP].mark = 0x15;
	f[MASQ] = facts(IPPROTO_TCP, "10.0.0.9", 1001, "192.0.2.1", 443);
	f[MASQ].state = TCP_CONNTRACK_SYN_SENT2;
	f[MASQ].addr[FLOW_REPLY_DST] = addr("203.0.113.1");
	f[MASQ].port[FLOW_REPLY_DST] = 4000;
	f[MASQ].status |= IPS_SEEN_REPLY;
	f[DNAT] = facts(IPPROTO_UDP, "198.51.100.7", 53, "203.0.113.1", 53);
	f[DNAT].port[FLOW_REPLY_SRC] = 5353; /* another port only */
	f[DNAT].zone[FLOW_ZONE] = 5;
	f[DNAT].labels[1] = 1 << 1; /* 9 */
	f[UDP6] = facts(IPPROTO_UDP, "2001:db8::1", 1, "2001:db8:1::2", 53);
	f[UDP6].addr[FLOW_REPLY_DST] = addr("2001:db8:9::9");
	f[UDP6].zone[FLOW_ZONE_ORIG] = 6;
	f[SCTP] = facts(IPPROTO_SCTP, "10.0.0.1", 5, "192.0.2.1", 6);
	f[SCTP].state = SCTP_CONNTRACK_ESTABLISHED;
	f[ICMP] = facts(IPPROTO_ICMP, "10.0.0.1", -1, "192.0.2.1", -1);
	f[ICMP].icmp[FLOW_ICMP_TYPE] = 8;
	f[ICMP].icmp[FLOW_ICMP_CODE] = 0;
	f[ICMP].icmp[FLOW_ICMP_ID] = 77;
	f[ICMP6] = facts(IPPROTO_ICMPV6, "2001:db8::1", -1, "2001:db8:1::2", -1);
	f[ICMP6].icmp[FLOW_ICMP_TYPE] = 128;
	f[ICMP6].icmp[FLOW_ICMP_CODE] = 0;
	f[ICMP6].icmp[FLOW_ICMP_ID] = 77;
	f[GRE] = facts(IPPROTO_GRE, "10.0.0.1", 5, "192.0.2.1", 6);
	f[GRE].labels[1] = 0x82; /* 9 and 15 */
	f[OSPF] = facts(89, "10.0.0.1", -1, "192.0.2.1", -1);
	f[OSPF].status = IPS_CONFIRMED | IPS_FIXED_TIMEOUT;
}

#define B(x)	(1u << (x))
#define ALL	(B(ROWS) - 1)
#define SIX	(B(UDP6) | B(ICMP6))
#define REPLIED (B(TCP) | B(MASQ))

static void matches(void **state)
{
	static const struct {
		const char *args;
		unsigned want; /* rows */
	} row[] = {
		{"", ALL},
		{"-p tcp", B(TCP) | B(MASQ)},
		{"--protonum TCP", B(TCP) | B(MASQ)},
		{"-p 0x84", B(SCTP)},
		{"-p ospf", B(OSPF)},
		{"-f ipv6", SIX},
		{"-s 10.0.0.1", B(TCP) | B(SCTP) | B(ICMP) | B(GRE) | B(OSPF)},
		{"--orig-src 10.0.0.9/29", B(MASQ)},
		{"-s 10.0.0.9/28", ALL & ~(SIX | B(DNAT))},
		{"-s 10.0.0.15 --mask-src 255.255.255.240", ALL & ~(SIX | B(DNAT))},
		{"-s 0.0.0.0/0", ALL & ~SIX},
		{"-s ::/0", SIX},
		{"-d 2001:db8:1::/48", SIX},
		{"-d 203.0.113.0/31 --mask-dst 255.255.255.255", 0},
		{"-q 203.0.113.1", B(MASQ)},
		{"-r 203.0.113.0/24", B(DNAT)},
		{"--sport 5", B(SCTP) | B(GRE)},
		{"-p sctp --orig-port-src 5 --dport 6", B(SCTP)},
		{"--reply-port-src 5353", B(DNAT)},
		{"--reply-port-dst 4000", B(MASQ)},
		{"--state ESTABLISHED", B(TCP) | B(SCTP)},
		{"-p tcp --state established", B(TCP)},
		{"--state LISTEN", B(MASQ)},
		{"--state SYN_SENT2", B(MASQ)},
		{"--state COOKIE_WAIT", 0},
		{"--icmp-type 8", B(ICMP)},
		{"--icmp-id 77", B(ICMP)},
		{"-p icmpv6 --icmpv6-id 77 --icmpv6-code 0", B(ICMP6)},
		{"--icmpv6-type 129", 0},
		{"--srckey 0x5", B(GRE)},
		{"--srckey 5 --reply-key-src 6", B(GRE)},
		{"-m 0x15", B(TCP)},
		{"-m 5/0xf", B(TCP)},
		{"-m 0x15/0xf", 0},
		{"-m 0", ALL & ~B(TCP)},
		{"-u ASSURED", B(TCP)},
		{"-u !ASSURED", ALL & ~B(TCP)},
		{"-u seen_reply,!assured", B(MASQ)},
		{"-u UNREPLIED", ALL & ~REPLIED},
		{"-u UNSET", ALL & ~(REPLIED | B(OSPF))},
		{"-u SEEN_REPLY -u ASSURED", B(TCP)},
		{"-u FIXED_TIMEOUT", B(OSPF)},
		{"-w 5", B(DNAT)},
		{"-w 0", ALL & ~B(DNAT)},
		{"--orig-zone 6", B(UDP6)},
		{"--reply-zone 6", 0},
		{"-l bulk", B(DNAT) | B(GRE)},
		{"-l bulk,15", B(GRE)},
		{"-l 9 -l 15", B(GRE)},
		{"-l 16", 0},
		{"-n", B(MASQ) | B(UDP6)},
		{"-g", B(DNAT)},
		{"-j", B(MASQ) | B(UDP6) | B(DNAT)},
		{"-n -g", 0},
		{"-n 203.0.113.1", B(MASQ)},
		{"--src-nat=203.0.113.1:4000", B(MASQ)},
		{"-n 203.0.113.1:4001", 0},
		{"-n 203.0.113.2", 0},
		{"-j 203.0.113.1", B(MASQ)},
		{"-n 2001:db8:9::9", B(UDP6)},
		{"-n [2001:db8:9::9]:1", 0}, /* that port is not translated */
		{"-n 2001:db8:9::8", 0},
		{"-p tcp -s 10.0.0.0/8 -m 0x15 -u ASSURED --dport 80 -w 0", B(TCP)},
	};
	struct flow_facts f[ROWS];

	(void)state;
	make(f);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct flow_ask a = parsed(row[i].args);
		unsigned have = 0;

		for (unsigned k = 0; k < ROWS; k++)
			have |= (unsigned)flow_query_match(&a.query, &f[k]) << k;
		if (have != row[i].want)
			fail_msg("%s: %x, not %x", row[i].args, have, row[i].want);
	}
}

static void options(void **state)
{
	struct flow_ask a = parsed("-n vr1");

	(void)state;
	assert_string_equal(a.router, "vr1"); /* no address: the router */
	assert_true(a.query.nat[FLOW_SNAT].wanted);
	a = parsed("vr2 -n 192.0.2.1 -o xml,ID -oextended");
	assert_string_equal(a.router, "vr2");
	assert_string_equal(a.filter, "src-nat");
	assert_int_equal(a.output, FLOW_OUT_XML | FLOW_OUT_ID | FLOW_OUT_EXTENDED);
	a = parsed("-E -e NEW,destroy -b 65536 --json");
	assert_true(a.follow && a.json && !a.filter && !a.router);
	assert_int_equal(a.events, FLOW_ASK_NEW | FLOW_ASK_DESTROY);
	assert_int_equal(a.buffer, 65536);
	a = parsed("--replica=controller-2 vr1");
	assert_true(a.replica);
	assert_string_equal(a.peer, "controller-2");
	a = parsed("--expect --count -f ipv6");
	assert_true(a.expect && a.count && a.query.family == AF_INET6 && !a.filter);
	assert_int_equal(a.events, FLOW_ASK_ALL);
	a = parsed("-o userspace,secctx");
	assert_int_equal(a.output, 0);
	assert_true(parsed("-z -f ipv4").zero);
}

static void refusals(void **state)
{
	static const struct {
		const char *args, *why; /* parts of it, | between them */
	} row[] = {
		{"-x", "unknown option -x"},
		{"--nothing", "unknown option --nothing"},
		{"-s", "-s needs an argument"},
		{"--dport", "--dport needs an argument"},
		{"a b", "\"b\" is a second one"},
		{"-s 10.0.0.0/33", "--src|\"10.0.0.0/33\"|ADDRESS/LENGTH"},
		{"-s 10.0.0", "--src: \"10.0.0\" is no IP address"},
		{"-d 2001:db8::1 -s 10.0.0.1", "--src|another family"},
		{"-f ipv4 -d ::1", "--dst|another family"},
		{"-f ip", "--family: \"ip\"|ipv4 or ipv6"},
		{"--mask-src 255.0.0.0", "--mask-src needs --src"},
		{"-s 10.0.0.1 --mask-src 255.0.0.0/8", "--mask-src|is no mask"},
		{"-p nothing", "--proto: \"nothing\" is no protocol"},
		{"-p 256", "--proto: \"256\""},
		{"--sport 65536", "--sport: \"65536\"|0 to 65535"},
		{"--sport -1", "--sport: \"-1\""},
		{"--sport 1x", "--sport: \"1x\""},
		{"--state NOTHING", "--state: \"NOTHING\" is no state"},
		{"--icmp-type 8 -p tcp --icmp-code 0", "--icmp-code goes with another protocol"},
		{"--srckey 0x10000", "--srckey|0 to 65535"},
		{"-m x", "--mark: \"x\"|MARK/MASK"},
		{"-m 1/", "--mark: \"1/\""},
		{"-m 0x100000000", "--mark"},
		{"-u", "-u needs"},
		{"-u FINE", "--status: \"FINE\"|ASSURED"},
		{"-u ASSURED,", "--status"},
		{"-u ASSURED,!ASSURED", "wanted and not wanted"},
		{"-w 65536", "--zone|0 to 65535"},
		{"-l nothing", "--label: \"nothing\" is no label"},
		{"-l 128", "--label: \"128\""},
		{"--src-nat=nothing", "--src-nat: \"nothing\" is no IP address"},
		/* what is no address is the router, so x is a second one */
		{"-n 192.0.2.1:65536 x", "\"x\" is a second one"},
		{"-n192.0.2.1:65536", "--src-nat|port"},
		{"-n192.0.2.1:", "--src-nat|port"},
		{"-n[2001:db8::1]:x", "--src-nat|port"},
		{"-j -n", "--any-nat does not go together with --src-nat"},
		{"-o json", "--output: \"json\"|ktimestamp"},
		{"-o save,id", "--output|save"},
		{"-o id -o save", "--output|save"},
		{"-E -e OLD", "--event-mask: \"OLD\"|DESTROY"},
		{"-e NEW", "--event-mask needs --follow"},
		{"-b 1024", "--buffer-size needs --follow"},
		{"-E -b 2000000000", "--buffer-size"},
		{"-z -p tcp", "--zero does not go together with --proto"},
		{"-z -E", "--zero|--follow"},
		{"-C -E", "--follow|--count"},
		{"-C -o id", "--count|--output"},
		{"--json -o id", "--json|--output"},
		{"--expect -p tcp", "--expect does not go together with --proto"},
		{"--expect -o id", "--expect|--output"},
		{"--replica -s 10.0.0.1", "--replica|--src"},
		{"--replica --expect", "--replica|--expect"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char why[FLOW_ASK_WHY_MAX], parts[128], *save = NULL;
		struct flow_ask a;

		if (parse(&a, row[i].args, why) == 0)
			fail_msg("%s: taken", row[i].args);
		snprintf(parts, sizeof(parts), "%s", row[i].why);
		for (char *p = strtok_r(parts, "|", &save); p; p = strtok_r(NULL, "|", &save))
			if (!strstr(why, p))
				fail_msg("%s: \"%s\" does not say \"%s\"", row[i].args, why, p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(options),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
