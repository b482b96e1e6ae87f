/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The config file as text: what is read, and what each error says. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "vrouter/conf.h"

#define SYNC "sync { interface = eth0 group = \"239.0.0.1\" key-file = \"/k\" }\n"
#define LEGS                                                                                       \
	"management { attach = \"bridge:bm\" interface = m vip = \"10.0.0.1/24\" }\n"              \
	"public { attach = \"bridge:be\" interface = e vip = \"192.0.2.1/24\" }\n"
#define ELECTION "election { interface = eth0 vrid = 1 }\n"
#define GOOD	 "controller c {}\n" SYNC "router r {\n" LEGS ELECTION "}\n"

static const char full[] =
	"# a comment\n"
	"controller \"controller-1\" { // another\n"
	"  run-dir = \"/run/vr\"  control-socket = \"/run/vr.sock\"\n"
	"  realtime = no\n"
	"}\n"
	"sync {\n"
	"  interface = { br-mgmt, \"eth1\" } /* two */\n"
	"  group = \"239.255.77.1\"\n"
	"  peers = { \"10.20.0.2\", \"10.20.0.3%eth1\" }\n"
	"  port = 4000\n"
	"  protocol = \"native\"\n"
	"  security = none\n"
	"  ring = 4096  hold-new = 250\n"
	"}\n"
	"/* of\n"
	"   three\n"
	"   lines */\n"
	"router \"vrouter\" {\n"
	"  namespace = vr-ns\n"
	"  sync-hold = 1  drain = 2  linger = 3  announce-refresh = 4  warm-neighbours = false"
	"  on-role-change = \"/opt/told\"  on-role-change-timeout = 5  fence = /opt/fence  "
	"fence-timeout = 6  crash = adopt  adopt-timeout = 7\n"
	"  management {\n"
	"    attach = \"bridge:br-mgmt\"\n"
	"    interface = \"vr-mgmt\"\n"
	"    vip = \"10.20.0.1/24\"\n"
	"  }\n"
	"  public { attach = bridge:br-ex interface = vr-ex vip = 198.18.0.1/24\n"
	"           gateway = 198.18.0.254 }\n"
	"  nat { mode = masquerade random = true }\n"
	"  election { mode = vrrp interface = br-mgmt vrid = 51 priority = 150\n"
	"             advert-interval = 10 preempt = false preempt-delay = 7\n"
	"             version = 3 auth = none checksum = no-pseudo-header }\n"
	"}\n";

static struct conf *load(const char *text)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;

	if (conf_load_text(&c, text, "f", &e) < 0)
		fail_msg("%s", e.n ? e.text[0] : "no reason");
	assert_int_equal(e.n, 0);
	return c;
}

static void reads_all(void **state)
{
	struct conf *c = load(full);
	const struct conf_router *r = &c->router[0];
	char buf[IP_PREFIX_STRLEN];

	(void)state;
	assert_string_equal(c->controller.name, "controller-1");
	assert_string_equal(c->controller.run_dir, "/run/vr");
	assert_string_equal(c->controller.control_socket, "/run/vr.sock");
	assert_false(c->controller.realtime);
	assert_int_equal(c->sync.n_interfaces, 2);
	assert_string_equal(c->sync.interface[1], "eth1");
	assert_int_equal(c->sync.n_peers, 2);
	assert_string_equal(ip_addr_format(&c->sync.peer[1].addr, buf), "10.20.0.3");
	assert_string_equal(c->sync.peer[0].interface, "");
	assert_string_equal(c->sync.peer[1].interface, "eth1");
	assert_int_equal(c->sync.port, 4000);
	assert_false(c->sync.sealed);
	assert_int_equal(c->sync.ring_kb, 4096);
	assert_int_equal(c->sync.hold_new_ms, 250);
	assert_int_equal(c->n_routers, 1);
	assert_string_equal(r->namespace, "vr-ns");
	assert_int_equal(r->sync_hold_s * 1000 + r->drain_ms * 100 + r->linger_ms * 10, 1230);
	assert_int_equal(r->announce_refresh_s, 4);
	assert_false(r->warm_neighbours);
	assert_string_equal(r->on_role_change, "/opt/told");
	assert_int_equal(r->on_role_change_timeout_s, 5);
	assert_string_equal(r->fence, "/opt/fence");
	assert_int_equal(r->fence_timeout_s, 6);
	assert_int_equal(r->crash, CONF_CRASH_ADOPT);
	assert_int_equal(r->adopt_timeout_s, 7);
	assert_string_equal(r->leg[NET_PUBLIC].bridge, "br-ex");
	assert_string_equal(ip_prefix_format(&r->leg[NET_MANAGEMENT].vip[0], buf), "10.20.0.1/24");
	assert_string_equal(ip_addr_format(&r->gateway[0], buf), "198.18.0.254");
	assert_int_equal(r->nat, NET_NAT_MASQUERADE);
	assert_true(r->nat_random);
	assert_int_equal(r->election.vrid, 51);
	assert_int_equal(r->election.priority, 150);
	assert_int_equal(r->election.advert_interval_ms, 10);
	assert_false(r->election.preempt);
	assert_int_equal(r->election.preempt_delay_s, 7);
	assert_true(r->election.plain_sum);
	/* lines are those of the file, comments or not */
	assert_int_equal(c->controller.line, 2);
	assert_int_equal(c->sync.line, 6);
	assert_int_equal(r->line, 18);
	assert_int_equal(r->leg[NET_MANAGEMENT].line, 21);
	assert_int_equal(r->leg[NET_MANAGEMENT].vip_line, 24);
	assert_int_equal(r->gateway_line, 27);
	conf_free(c);
}

static void has_defaults(void **state)
{
	struct conf *c = load(GOOD);
	const struct conf_router *r = &c->router[0];

	(void)state;
	assert_string_equal(c->controller.run_dir, "/run/vrouterd");
	assert_string_equal(c->controller.control_socket, "/run/vrouterd/control.sock");
	assert_true(c->controller.realtime && c->sync.sealed);
	assert_int_equal(c->sync.port, 3781);
	assert_string_equal(r->namespace, "r");
	assert_int_equal(r->nat, NET_NAT_SNAT);
	assert_int_equal(r->election.priority, 100);
	assert_int_equal(r->election.version, 3);
	assert_int_equal(r->election.preempt_delay_s, 0);
	assert_false(r->election.plain_sum);
	assert_int_equal(r->election.auth, VRRP_AUTH_NONE);
	assert_true(r->election.accept && !r->election.virtual_mac && !r->election.ipv6);
	assert_int_equal(r->leg[NET_PUBLIC].n_vips, 1);
	assert_int_equal(r->n_gateways, 0);
	assert_int_equal(r->election.advert_interval_ms, 100);
	assert_true(r->election.preempt && r->election.veto);
	assert_int_equal(r->election.fast_detect, 0);
	assert_int_equal(r->election.fast_interval_ms, 3);
	assert_int_equal(r->fence_timeout_s, 10);
	assert_int_equal(r->crash, CONF_CRASH_WITHDRAW);
	assert_int_equal(r->adopt_timeout_s, 10);
	assert_int_equal(r->sync_hold_s, 30);
	assert_int_equal(r->drain_ms, 500);
	assert_int_equal(r->linger_ms, 1000);
	assert_true(r->warm_neighbours);
	assert_int_equal(r->announce_refresh_s, 30);
	assert_string_equal(r->on_role_change, "");
	assert_int_equal(r->on_role_change_timeout_s, 10);
	conf_free(c);
}

static void reads_lists(void **state)
{
	struct conf *c =
		load("controller c {}\n" SYNC "router r {\nmanagement { attach = \"bridge:bm\"\n"
		     "interface = m vip = { 10.0.0.1/24, \"2001:db8:1::1/64\", \"fe80::1/64\" } }\n"
		     "public { attach = \"bridge:be\" interface = e\n"
		     "vip = { \"2001:db8:2::1/64\", 192.0.2.1/24 }\n"
		     "gateway = { 192.0.2.2, \"fe80::2\" } }\n"
		     "election { interface = eth0 vrid = 1 virtual-mac = true accept = false\n"
		     "family = ipv6 peers = { \"2001:db8:1::11\", \"2001:db8:1::12\" } }\n}\n");
	const struct conf_router *r = &c->router[0];
	char buf[IP_PREFIX_STRLEN];

	(void)state;
	assert_int_equal(r->leg[NET_MANAGEMENT].n_vips, 3);
	assert_string_equal(ip_prefix_format(&r->leg[NET_MANAGEMENT].vip[2], buf), "fe80::1/64");
	assert_int_equal(r->leg[NET_PUBLIC].n_vips, 2);
	assert_string_equal(ip_prefix_format(&r->leg[NET_PUBLIC].vip[0], buf), "2001:db8:2::1/64");
	assert_int_equal(r->n_gateways, 2);
	assert_string_equal(ip_addr_format(&r->gateway[1], buf), "fe80::2");
	assert_true(r->election.virtual_mac && !r->election.accept && r->election.ipv6);
	assert_int_equal(r->election.peers.n, 2);
	assert_string_equal(ip_addr_format(&r->election.peers.addr[1], buf), "2001:db8:1::12");
	conf_free(c);
}

/* Where a router has a filter, that counts instead of sync's. */
static void reads_filters(void **state)
{
	struct conf *c = load(
		"controller c {}\nsync { interface = eth0 group = \"239.0.0.1\" key-file = \"/k\"\n"
		"filter { protocols = { tcp, 47 } addresses = { 10.0.0.0/8, \"2001:db8::1\" }\n"
		"ignore-addresses = 10.1.1.1 tcp-states = { ESTABLISHED, SYN_SENT2 }\n"
		"assured = true } }\nrouter r {\n" LEGS ELECTION "}\nrouter s {\n"
		"management { attach = \"bridge:x\" interface = m vip = \"10.0.0.1/24\" }\n"
		"public { attach = \"bridge:y\" interface = e vip = \"192.0.2.1/24\" }\n"
		"election { interface = eth0 vrid = 2 } filter { ignore-protocols = udp } }\n");
	struct flow_filter f;

	(void)state;
	conf_filter(&f, &c->router[0].filter);
	for (unsigned proto = 0; proto < 256; proto++)
		assert_int_equal(flow_filter_proto_out(&f, (uint8_t)proto),
				 proto != IPPROTO_TCP && proto != IPPROTO_GRE);
	assert_int_equal(f.tcp_states, 1 << 3 | 1 << 9);
	assert_true(f.assured);
	assert_int_equal(f.n_only, 2);
	assert_int_equal(f.only[0].len, 8);
	assert_int_equal(f.only[1].addr.family, AF_INET6);
	assert_int_equal(f.only[1].len, 128);
	assert_int_equal(f.n_ignored, 1);
	assert_int_equal(f.ignored[0].len, 32);
	conf_filter(&f, &c->router[1].filter);
	for (unsigned proto = 0; proto < 256; proto++)
		assert_int_equal(flow_filter_proto_out(&f, (uint8_t)proto), proto == IPPROTO_UDP);
	assert_int_equal(f.n_only + f.n_ignored + f.tcp_states + f.assured, 0);
	conf_free(c);
}

#define IN_CONTROLLER(text) "controller c {\n" text "\n}\n" SYNC "router r {\n" LEGS ELECTION "}\n"
#define IN_SYNC(text)                                                                              \
	"controller c {}\nsync { interface = eth0 group = \"239.0.0.1\" key-file = \"/k\"\n" text  \
	"\n}\nrouter r {\n" LEGS ELECTION "}\n"
#define IN_ROUTER(text) "controller c {}\n" SYNC "router r {\n" text "\n" LEGS ELECTION "}\n"
#define IN_ELECTION(text)                                                                          \
	"controller c {}\n" SYNC "router r {\n" LEGS "election { interface = eth0 vrid = 1\n" text \
	"\n}\n}\n"
#define IN_ELECTION_OF(sync, text)                                                                 \
	"controller c {}\nsync { interface = eth0 group = \"239.1.1.1\" key-file = \"/k\"\n" sync  \
	" }\nrouter r {\n" LEGS "election { interface = eth0 vrid = 1\n" text "\n}\n}\n"
#define IN_PUBLIC(attach, iface, vip, more)                                                        \
	"controller c {}\n" SYNC                                                                   \
	"router r {\nmanagement { attach = \"bridge:bm\" interface = m vip = \"10.0.0.1/24\" }\n"  \
	"public {\nattach = \"" attach "\"\ninterface = \"" iface "\"\nvip = \"" vip "\"\n" more   \
	"\n}\n" ELECTION "}\n"

/* The error's beginning (file, line, option), and what it allows. */
static const struct {
	const char *text, *says, *allows;
} bad[] = {
	{IN_CONTROLLER("run-dir = \"run\""), "f:2: controller \"c\": run-dir = \"run\"",
	 "absolute path"},
	{IN_CONTROLLER("realtime = maybe"), "f:2: controller \"c\": realtime = \"maybe\"",
	 "true, false"},
	{IN_CONTROLLER("rundir = \"/x\""), "f:2: no such option 'rundir' in controller \"c\"",
	 "run-dir, control-socket, realtime"},
	{IN_SYNC("filter {\nprotocols = { tcp, tpc } }"),
	 "f:4: sync: filter: protocols = \"tpc\": is no protocol", "\"tcp\", \"udp\""},
	{IN_SYNC("filter { ignore-protocols = 256 }"),
	 "f:3: sync: filter: ignore-protocols = \"256\": is out of range", "from 1 to 255"},
	{IN_SYNC("filter { addresses = \"10.0.0.0/33\" }"),
	 "f:3: sync: filter: addresses = \"10.0.0.0/33\"", "\"192.0.2.0/24\""},
	{IN_SYNC("filter { ignore-addresses = host }"),
	 "f:3: sync: filter: ignore-addresses = \"host\"", "\"2001:db8::/32\""},
	{IN_SYNC("filter { tcp-states = LISTEN }"), "f:3: sync: filter: tcp-states = \"LISTEN\"",
	 "\"SYN_SENT\", \"SYN_RECV\", \"ESTABLISHED\""},
	{IN_SYNC("filter { assured = 1 }"), "f:3: sync: filter: assured = \"1\"", "true, false"},
	{IN_SYNC("filter { states = all }"), "f:3: no such option 'states' in filter",
	 "protocols, ignore-protocols, addresses, ignore-addresses, tcp-states, assured"},
	{IN_SYNC("filter { }\nfilter { }"), "f:4: sync: filter: a second one", "one"},
	{IN_ROUTER("filter { protocols = gre2 }"),
	 "f:4: router \"r\": filter: protocols = \"gre2\"", "\"gre\""},
	{IN_SYNC("port = 0"), "f:3: sync: port = \"0\": is out of range", "from 1 to 65535"},
	{IN_SYNC("port = 70000"), "f:3: sync: port = \"70000\"", "from 1 to 65535"},
	{IN_SYNC("port = 12x"), "f:3: sync: port = \"12x\": is not a number", "from 1 to 65535"},
	{IN_SYNC("port = -1"), "f:3: sync: port = \"-1\"", "from 1 to 65535"},
	{IN_SYNC("port = 99999999999999999999"), "f:3: sync: port", "from 1 to 65535"},
	{IN_SYNC("protocol = pfsync"), "f:3: sync: protocol = \"pfsync\"",
	 "\"native\", \"conntrackd\""},
	{IN_SYNC("mode = ftfw"), "f:3: sync: mode = \"ftfw\"", "\"ft-fw\", \"notrack\", \"alarm\""},
	{IN_SYNC("mode = alarm"), "f:3: sync: mode: is an option of conntrackd's",
	 "with protocol = \"conntrackd\""},
	{IN_SYNC("checksum = false"), "f:3: sync: checksum: is an option of conntrackd's",
	 "with protocol = \"conntrackd\""},
	{IN_SYNC("protocol = conntrackd\nrefresh = 5"), "f:4: sync: refresh: nothing is told again",
	 "mode = \"alarm\""},
	{IN_SYNC("protocol = conntrackd\nrefresh = 0"), "f:4: sync: refresh = \"0\"",
	 "1 to 3600 (s)"},
	{IN_SYNC("protocol = conntrackd\nsecurity = sealed"), "f:4: sync: security: conntrackd's",
	 "\"none\", or protocol = \"native\""},
	{IN_SYNC("protocol = conntrackd\nhold-new = 5"), "f:4: sync: hold-new: conntrackd's",
	 "protocol = \"native\""},
	{IN_ELECTION_OF("protocol = conntrackd", "fast-detect = 3"),
	 "f:8: router \"r\": election: fast-detect: conntrackd's", "allowed: 0"},
	{IN_SYNC("security = tls"), "f:3: sync: security = \"tls\"", "\"none\", \"sealed\""},
	{IN_SYNC("ring = 1"), "f:3: sync: ring = \"1\"", "from 64 to 1048576 (KiB)"},
	{IN_SYNC("peers = { \"10.0.0.256\" }"), "f:3: sync: peers = \"10.0.0.256\"",
	 "an address like"},
	{IN_SYNC("peers = { \"10.0.0.2%\" }"),
	 "f:3: sync: peers = \"10.0.0.2%\": names no interface", "an address like"},
	{IN_SYNC("peers = "
		 "{1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9}"),
	 "f:3: sync: peers lists 9 values", "at most 8"},
	{IN_SYNC("port = 5\nport = 6"), "f:3: port: is given again", "once"},
	{IN_ROUTER("namespace = \"a/b\""), "f:4: router \"r\": namespace = \"a/b\"", "letters"},
	{IN_ROUTER("namespace = \"..\""), "f:4: router \"r\": namespace", "letters"},
	{IN_ROUTER("on-role-change = bin/true"), "f:4: router \"r\": on-role-change",
	 "absolute path"},
	{IN_ROUTER("on-role-change-timeout = 0"), "f:4: router \"r\": on-role-change-timeout",
	 "1 to 600 (s)"},
	{IN_ROUTER("fence-timeout = 601"), "f:4: router \"r\": fence-timeout", "1 to 600 (s)"},
	{IN_ROUTER("crash = resign"), "f:4: router \"r\": crash", "withdraw"},
	{IN_ROUTER("adopt-timeout = 0"), "f:4: router \"r\": adopt-timeout", "1 to 600 (s)"},
	{IN_ROUTER("sync-hold = 3601"), "f:4: router \"r\": sync-hold", "0 to 3600 (s)"},
	{IN_ROUTER("dns-servers = { 1.1.1.1, 2.2.2.2, 3.3.3.3, 4.4.4.4, 5.5.5.5, 6.6.6.6, 7.7.7.7, "
		   "8.8.8.8, 9.9.9.9 }"),
	 "f:4: router \"r\": dns-servers lists 9 values", "at most 8"},
	{IN_ROUTER("ntp-servers = { \"pool.ntp.org\" }"),
	 "f:4: router \"r\": ntp-servers = \"pool.ntp.org\": is not an address", "an address like"},
	{IN_ROUTER("dhcp-range = \"10.0.0.5\""), "f:4: router \"r\": dhcp-range = \"10.0.0.5\"",
	 "192.0.2.100-192.0.2.199"},
	{IN_ROUTER("dhcp-range = \"10.0.0.5-2001:db8::1\""),
	 "f:4: router \"r\": dhcp-range = \"10.0.0.5-2001:db8::1\": is no range of IPv4",
	 "192.0.2.100-192.0.2.199"},
	{IN_ROUTER("dhcp-lease-time = 60"), "f:4: router \"r\": dhcp-lease-time",
	 "120 to 604800 (s)"},
	{IN_ROUTER("router-advertisements = maybe"), "f:4: router \"r\": router-advertisements",
	 "true, false"},
	{IN_ROUTER("bogus { }"), "f:4: no such option 'bogus' in router \"r\"",
	 "management, public"},
	{IN_ROUTER("nat { mode = dnat }"), "f:4: router \"r\": nat: mode = \"dnat\"",
	 "\"none\", \"snat\", \"masquerade\""},
	{IN_ROUTER("nat { }\nnat { }"), "f:5: router \"r\": nat: a second one", "one"},
	{IN_ELECTION("mode = paxos"), "f:7: router \"r\": election: mode = \"paxos\"",
	 "\"vrrp\", \"external\", \"single\""},
	{IN_ELECTION("priority = 254"), "f:7: router \"r\": election: priority", "2 to 253"},
	{IN_ELECTION("priority = 256"), "f:7: router \"r\": election: priority",
	 "a number from 2 to 253, or 255"},
	{IN_ELECTION("version = 1"), "f:7: router \"r\": election: version", "2 to 3"},
	{IN_ELECTION("version = 2"), "f:6: router \"r\": election: advert-interval = 100",
	 "a multiple of 1000"},
	{IN_ELECTION("preempt-delay = 1001"), "f:7: router \"r\": election: preempt-delay",
	 "0 to 1000 (s)"},
	{IN_ELECTION("auth = md5"), "f:7: router \"r\": election: auth = \"md5\"",
	 "\"none\", \"offer\", \"hmac\""},
	{IN_ELECTION("checksum = rfc"), "f:7: router \"r\": election: checksum = \"rfc\"",
	 "\"pseudo-header\", \"no-pseudo-header\""},
	{IN_ELECTION("priority = 1"), "f:7: router \"r\": election: priority", "2 to 253"},
	{IN_ELECTION("advert-interval = 15"), "f:7: router \"r\": election: advert-interval = 15",
	 "a multiple of 10"},
	{IN_PUBLIC("macvlan:eth0/1", "e", "192.0.2.1/24", ""),
	 "f:6: router \"r\": public: attach = \"macvlan:eth0/1\": is not allowed",
	 "\"bridge:NAME\", a Linux bridge, \"macvlan:NAME\", an interface, or \"ovs:NAME\""},
	{IN_PUBLIC("vxlan:be", "e", "192.0.2.1/24", ""), "f:6: router \"r\": public: attach",
	 "macvlan:"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "vlan = 4095"),
	 "f:9: router \"r\": public: vlan = \"4095\"", "1 to 4094"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "mtu = 67"),
	 "f:9: router \"r\": public: mtu = \"67\"", "68 to 65521 (bytes)"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "side = inside"),
	 "f:9: no such option 'side' in public",
	 "attach, interface, vip, vip-range, vlan, mtu, gateway"},
	{IN_ROUTER("leg x { side = dmz attach = \"bridge:b\" interface = x vip = 10.9.0.1/24 }"),
	 "f:4: router \"r\": leg \"x\": side = \"dmz\"", "\"inside\", \"outside\""},
	{IN_ROUTER("leg x { attach = \"bridge:b\" interface = x }"),
	 "f:4: router \"r\": leg \"x\": vip is missing", "an address"},
	{IN_ROUTER("leg x { attach = \"bridge:b\" interface = m vip = 10.9.0.1/24 }"),
	 "f:4: router \"r\": leg \"x\": interface = \"m\": is the management leg's", "of its own"},
	{IN_PUBLIC("br-ex", "e", "192.0.2.1/24", ""), "f:6: router \"r\": public: attach",
	 "bridge:"},
	{IN_PUBLIC("bridge:", "e", "192.0.2.1/24", ""), "f:6: router \"r\": public: attach",
	 "bridge:"},
	{IN_PUBLIC("bridge:be", "an-interface-too-long", "192.0.2.1/24", ""),
	 "f:7: router \"r\": public: interface", "1 to 15"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1", ""),
	 "f:8: router \"r\": public: vip = \"192.0.2.1\"", "with prefix length"},
	{IN_PUBLIC("bridge:be", "e", "2001:db8::1/129", ""), "f:8: router \"r\": public: vip",
	 "\"2001:db8::1/64\""},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "gateway = { 192.0.2.2, \"::2\", \"::3\" }"),
	 "f:9: router \"r\": public: gateway lists 3 values", "at most 2"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.0/24", ""), "f:8: router \"r\": public: vip",
	 "that a host can have"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "gateway = \"192.0.3.1\""),
	 "f:9: router \"r\": public: gateway = \"192.0.3.1\": cannot be reached", "allowed"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "gateway = \"2001:db8::1\""),
	 "f:9: router \"r\": public: gateway = \"2001:db8::1\": cannot be reached", "allowed"},
	{IN_PUBLIC("bridge:be", "e", "192.0.2.1/24", "gateway = \"2001:db8::x\""),
	 "f:9: router \"r\": public: gateway", "\"2001:db8::1\""},
	{"controller c {}\n" SYNC "router r {\n" ELECTION "}\n",
	 "f:3: router \"r\": management: section is missing", ""},
	{SYNC "router r {\n" LEGS ELECTION "}\n", "f: section controller is missing",
	 "controller \"NAME\""},
	{GOOD "controller d {}\n", "f:8: controller: a second one", "one"},
	{GOOD SYNC, "f:8: sync: a second one", "one"},
	{GOOD "router r {}\n", "f:8: found duplicate title 'r'", ""},
	{"controller \"a b\" {}\n", "f:1: controller \"a b\": is no name", "letters"},
	{"bogus = 1\n", "f:1: no such option 'bogus' in the file", "controller, sync, router"},
	{"controller c {}\n\nrouter {\n}\n", "f:3: missing title for section 'router'", ""},
	{"controller c {}\nrouter r {\n", "f:2: a brace that opens here is not closed", ""},
	{"controller c {}\n}\n", "f:2: unexpected closing brace", ""},
	{"a {\n{\n{{{{{{\n{", "f:4: braces are nested too deeply", ""},
	{"controller c {}\nrouter r {}\nrouter", "f:3: premature end of file", ""},
	{"controller c { run-dir = \"abc\n\" }", "f:1: a quoted text does not end", ""},
	{"controller c {}\n /* never\nending", "f:2: a comment that opens here", ""},
	{"controller c {}\n ***\n", "f:2: a character that has no meaning", ""},
	{"controller c {}\n\n\x01\n", "f:3: a character that has no meaning", ""},
	{"controller c { realtime + true }\n", "f:1: a stray '+'", ""},
	{"", "f: section controller is missing", ""},
};

static void reads_legs(void **state)
{
	struct conf *c = load(
		"controller c {}\n" SYNC
		"router r {\nmanagement { attach = \"macvlan:eth0\" interface = m vlan = 20\n"
		"vip = 10.0.0.1/24 }\n"
		"public { attach = \"bridge:be\" interface = e vip = 192.0.2.1/24 mtu = 1400 }\n"
		"leg storage { attach = \"bridge:bs\" interface = s vip = { 10.1.0.1/24,\n"
		"\"2001:db8:9::1/64\" } }\n"
		"leg partner { side = outside attach = \"macvlan:eth9\" interface = p\n"
		"vip = 203.0.113.1/24 }\n"
		"leg v { attach = \"ovs:br-int\" interface = vp vlan = 9 vip = 10.2.0.1/24 "
		"}\n" ELECTION "}\n");
	const struct conf_router *r = &c->router[0];
	struct net_desired d;

	(void)state;
	assert_int_equal(r->leg[NET_MANAGEMENT].attach, NET_ATTACH_MACVLAN);
	assert_string_equal(r->leg[NET_MANAGEMENT].bridge, "eth0");
	assert_int_equal(r->leg[NET_MANAGEMENT].vlan, 20);
	assert_int_equal(r->leg[NET_PUBLIC].mtu, 1400);
	assert_int_equal(conf_legs(r), 5);
	assert_int_equal(r->leg[4].attach, NET_ATTACH_OVS);
	assert_string_equal(c->controller.ovs_db, "/run/openvswitch/db.sock");
	assert_string_equal(conf_leg_name(r, NET_PUBLIC), "public");
	assert_string_equal(conf_leg_name(r, 2), "storage");
	assert_int_equal(r->leg[2].n_vips, 2);
	assert_false(r->leg[2].outside);
	assert_true(r->leg[3].outside);
	conf_net_desired(&d, r, true);
	assert_int_equal(net_legs(&d), 5);
	assert_string_equal(d.leg[4].hostname, "vp"); /* one name on both sides */
	assert_string_equal(d.leg[3].name, "partner");
	assert_true(net_is_outside(&d, 3) && net_is_outside(&d, NET_PUBLIC));
	assert_false(net_is_outside(&d, 2) || net_is_outside(&d, NET_MANAGEMENT));
	assert_int_equal(d.leg[2].n_vips, 3); /* a link-local one of its own */
	assert_int_equal(d.leg[NET_MANAGEMENT].vlan, 20);
	conf_free(c);
}

static void bad_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_errors e = {0};
		struct conf *c = NULL;
		int err = conf_load_text(&c, bad[i].text, "f", &e);

		if (err != -EINVAL || c || !e.n)
			fail_msg("accepted: %s", bad[i].text);
		if (strncmp(e.text[0], bad[i].says, strlen(bad[i].says)) != 0 ||
		    !strstr(e.text[0], bad[i].allows))
			fail_msg("expected \"%s ... %s\", got: %s", bad[i].says, bad[i].allows,
				 e.text[0]);
		conf_errors_free(&e);
	}
}

/* One reading finds every wrong value, each with its own line. */
static void all_at_once(void **state)
{
	static const char text[] = "controller c {\nrealtime = x\n}\nsync {\nport = 0\n}\n"
				   "router r {\ndrain = y\n" LEGS "election {\nvrid = 999\n}\n}\n";
	static const char *const says[] = {"f:2: controller", "f:4: sync: interface is missing",
					   "f:5: sync: port", "f:8: router \"r\": drain",
					   "f:12: router \"r\": election: vrid"};
	struct conf_errors e = {0};
	struct conf *c = NULL;

	(void)state;
	assert_int_equal(conf_load_text(&c, text, "f", &e), -EINVAL);
	assert_int_equal(e.n, ARRAY_LEN(says));
	for (unsigned i = 0; i < e.n; i++)
		if (strncmp(e.text[i], says[i], strlen(says[i])) != 0)
			fail_msg("expected %s, got %s", says[i], e.text[i]);
	conf_errors_free(&e);
}

/* A reading that failed leaves nothing behind that the next one would trip over. */
static void after_a_failure(void **state)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;

	(void)state;
	assert_int_equal(conf_load_text(&c, "controller c { run-dir = '", "f", &e), -EINVAL);
	conf_errors_free(&e);
	assert_int_equal(conf_load_text(&c, "router x { management { vip = ", "f", &e), -EINVAL);
	conf_errors_free(&e);
	conf_free(load(GOOD));
	conf_free(load("#\n" GOOD)); /* an empty comment first */
}

static void from_file(void **state)
{
	char path[] = "/tmp/conf-test-XXXXXX";
	struct conf_errors e = {0};
	struct conf *c = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, GOOD, strlen(GOOD)), strlen(GOOD));
	assert_int_equal(conf_load(&c, path, &e), 0);
	assert_string_equal(c->path, path);
	conf_free(c);
	c = NULL;
	assert_int_equal(pwrite(fd, "\0", 1, 3), 1);
	assert_int_equal(conf_load(&c, path, &e), -EINVAL);
	assert_non_null(strstr(e.text[0], "NUL"));
	conf_errors_free(&e);
	assert_int_equal(ftruncate(fd, CONF_TEXT_MAX + 1), 0);
	assert_int_equal(conf_load(&c, path, &e), -EINVAL);
	conf_errors_free(&e);
	close(fd);
	unlink(path);
	assert_int_equal(conf_load(&c, path, &e), -ENOENT);
	assert_int_equal(e.n, 1);
	conf_errors_free(&e);
	assert_int_equal(conf_load(&c, "/", &e), -EINVAL);
	conf_errors_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all),	 cmocka_unit_test(has_defaults),
		cmocka_unit_test(reads_filters), cmocka_unit_test(reads_lists),
		cmocka_unit_test(reads_legs),	 cmocka_unit_test(bad_texts),
		cmocka_unit_test(all_at_once),	 cmocka_unit_test(after_a_failure),
		cmocka_unit_test(from_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
