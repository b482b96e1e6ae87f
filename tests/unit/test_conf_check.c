/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_fixture.h"

static struct conf_router routers[2];

static void good(void **state)
{
	struct conf c = fixture_conf(routers, 2);
	struct conf_errors e = {0};

	(void)state;
	conf_check(&c, &e);
	if (e.n)
		fail_msg("%s", e.text[0]);
}

/* ---- one mistake, one error that names line and option ----------------------------------------
 */

static void vip_is_network(struct conf *c)
{
	c->router[0].leg[NET_MANAGEMENT].vip[0] = fixture_prefix("10.20.0.0/24");
}

static void vip_is_broadcast(struct conf *c)
{
	c->router[0].leg[NET_PUBLIC].vip[0] = fixture_prefix("198.18.0.255/24");
}

static void add_vip(struct conf_leg *l, const char *text)
{
	l->vip[l->n_vips++] = fixture_prefix(text);
}

static void vip_is_ipv6_network(struct conf *c)
{
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "2001:db8::/64");
	c->router[0].leg[NET_MANAGEMENT].vip_line = 77;
}

static void vip_twice(struct conf *c)
{
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "2001:db8::1/64");
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "2001:db8::1/48");
}

static void vips_link_local_only(struct conf *c)
{
	c->router[0].leg[NET_MANAGEMENT].n_vips = 0;
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "fe80::1/64");
}

static void second_vips_overlap(struct conf *c)
{
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	add_vip(&c->router[0].leg[NET_PUBLIC], "2001:db8:1::2/48");
}

static void vrrp_without_ipv4(struct conf *c)
{
	c->router[0].leg[NET_MANAGEMENT].vip[0] = fixture_prefix("2001:db8:1::1/64");
	c->router[0].leg[NET_PUBLIC].vip[0] = fixture_prefix("2001:db8:2::1/64");
	c->router[0].n_gateways = 0;
}

static void vrrp_without_ipv6(struct conf *c)
{
	c->router[0].election.ipv6 = true;
	c->router[0].election.family_line = 77;
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "fe80::1/64");
}

static void election_add_peer(struct conf *c, const char *text)
{
	struct vrrp_peers *p = &c->router[0].election.peers;

	p->addr[p->n++] = fixture_addr(text);
	c->router[0].election.peers_line = 76;
}

static void election_peer_is_multicast(struct conf *c)
{
	election_add_peer(c, "10.20.0.12");
	election_add_peer(c, "224.0.0.18");
}

static void election_peer_of_other_version(struct conf *c)
{
	election_add_peer(c, "fe80::2");
}

static void election_peer_twice(struct conf *c)
{
	election_add_peer(c, "10.20.0.12");
	election_add_peer(c, "10.20.0.12");
}

static void election_peer_is_vip(struct conf *c)
{
	election_add_peer(c, "10.20.0.1");
}

static void election_peers_of_two_kinds(struct conf *c)
{
	c->router[0].election.ipv6 = true;
	add_vip(&c->router[0].leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	election_add_peer(c, "2001:db8:1::11");
	election_add_peer(c, "fe80::12");
}

static void add_gateway(struct conf *c, const char *text)
{
	c->router[0].gateway[c->router[0].n_gateways++] = fixture_addr(text);
}

static void gateway_twice(struct conf *c)
{
	add_gateway(c, "198.18.0.253");
}

static void gateway_ipv6_outside(struct conf *c)
{
	add_vip(&c->router[0].leg[NET_PUBLIC], "2001:db8:2::1/64");
	add_gateway(c, "2001:db8:3::1");
}

static void gateway_ipv6_without_vip(struct conf *c)
{
	add_gateway(c, "fe80::fe");
}

static void virtual_mac_one_bridge(struct conf *c)
{
	strcpy(c->router[0].leg[NET_PUBLIC].bridge, "br-mgmt");
	c->router[0].election.virtual_mac = true;
	c->router[0].election.virtual_mac_line = 88;
}

static void virtual_mac_without_vrid(struct conf *c)
{
	c->router[0].election.mode = CONF_ELECTION_SINGLE;
	c->router[0].election.vrid = 0;
	c->router[0].election.virtual_mac = true;
}

static void fast_detect_of_one(struct conf *c)
{
	c->router[0].election.fast_detect = 1;
	c->router[0].election.fast_detect_line = 88;
}

static void fast_detect_single(struct conf *c)
{
	c->router[0].election.mode = CONF_ELECTION_SINGLE;
	c->router[0].election.fast_detect = 3;
}

static void vips_overlap(struct conf *c)
{
	c->router[0].leg[NET_PUBLIC].vip[0] = fixture_prefix("10.20.5.1/16");
	c->router[0].gateway[0] = fixture_addr("10.20.0.254");
}

static void gateway_outside(struct conf *c)
{
	c->router[0].gateway[0] = fixture_addr("198.18.1.254");
	c->router[0].gateway_line = 33;
}

static void gateway_is_vip(struct conf *c)
{
	c->router[0].gateway[0] = fixture_addr("198.18.0.1");
}

static void gateway_is_broadcast(struct conf *c)
{
	c->router[0].gateway[0] = fixture_addr("198.18.0.255");
}

static void same_interface(struct conf *c)
{
	strcpy(c->router[0].leg[NET_PUBLIC].interface, "vr-mgmt");
}

static void interface_is_lo(struct conf *c)
{
	strcpy(c->router[0].leg[NET_PUBLIC].interface, "lo");
}

static void advert_not_centiseconds(struct conf *c)
{
	c->router[0].election.advert_interval_ms = 105;
}

static void advert_too_long(struct conf *c)
{
	c->router[0].election.advert_interval_ms = 40960;
}

static void advert_zero(struct conf *c)
{
	c->router[0].election.advert_interval_ms = 0;
}

static void adopt_external(struct conf *c)
{
	c->router[0].election.mode = CONF_ELECTION_EXTERNAL;
	c->router[0].crash = CONF_CRASH_ADOPT;
	c->router[0].crash_line = 55;
}

static void adopt_single(struct conf *c)
{
	c->router[0].election.mode = CONF_ELECTION_SINGLE;
	c->router[0].crash = CONF_CRASH_ADOPT;
}

static void advert_of_version_2(struct conf *c)
{
	c->router[0].election.version = 2;
	c->router[0].election.advert_interval_ms = 1500;
}

static void version_2_of_ipv6(struct conf *c)
{
	c->router[0].election.version = 2;
	c->router[0].election.version_line = 66;
	c->router[0].election.advert_interval_ms = 1000;
	c->router[0].election.ipv6 = true;
	for (unsigned i = 0; i < NET_LEGS; i++)
		c->router[0].leg[i].vip[c->router[0].leg[i].n_vips++] =
			fixture_prefix(i ? "2001:db8:2::1/64" : "2001:db8:1::1/64");
}

static void owner_accepts_nothing(struct conf *c)
{
	c->router[0].election.priority = 255;
	c->router[0].election.accept = false;
	c->router[0].election.accept_line = 99;
}

static void auth_without_key(struct conf *c)
{
	c->router[0].election.auth = VRRP_AUTH_OFFER;
	c->router[0].election.auth_line = 77;
	c->sync.sealed = false;
}

static void no_vrid(struct conf *c)
{
	c->router[0].election.vrid = 0;
}

static void no_election_interface(struct conf *c)
{
	c->router[0].election.interface[0] = '\0';
}

static void no_sync(struct conf *c)
{
	c->sync = (struct conf_sync){0};
}

static void no_sync_external(struct conf *c)
{
	c->sync = (struct conf_sync){0};
	c->router[0].election.mode = CONF_ELECTION_EXTERNAL;
}

static void no_key_file(struct conf *c)
{
	c->sync.key_file[0] = '\0';
}

/* What is not true of it is refused by name. */
static void conntrackd(struct conf *c)
{
	c->sync.conntrackd = c->sync.checksum = true;
	c->sync.sealed = false;
}

static void two_routers_of_conntrackd(struct conf *c)
{
	conntrackd(c);
	fixture_router(&c->router[1], 1);
	c->n_routers = 2;
}

static void two_links(struct conf *c)
{
	conntrackd(c);
	strcpy(c->sync.interface[1], "eth7");
	c->sync.n_interfaces = 2;
	c->sync.peers_line = c->sync.group_line = c->sync.port_line = 6;
}

static void three_on_two_links(struct conf *c)
{
	two_links(c);
	for (unsigned i = 0; i < 3; i++) {
		c->sync.peer[i].addr = fixture_addr("10.20.9.1");
		c->sync.peer[i].addr.b[3] = (uint8_t)(i + 1);
		strcpy(c->sync.peer[i].interface, "eth7");
	}
	c->sync.n_peers = 3;
}

static void nobody_on_the_second_link(struct conf *c)
{
	two_links(c);
	c->sync.group = (struct ip_addr){0};
	c->sync.peer[0].addr = fixture_addr("10.20.9.1");
	c->sync.n_peers = 1;
}

static void tcp_to_a_group(struct conf *c)
{
	two_links(c);
	c->sync.tcp = true;
}

static void groups_of_both_versions(struct conf *c)
{
	two_links(c);
	c->sync.groups[1] = fixture_addr("ff02::77");
	c->sync.n_groups = 2;
}

static void more_groups_than_links(struct conf *c)
{
	two_links(c);
	c->sync.groups[1] = c->sync.groups[2] = c->sync.group;
	c->sync.n_groups = 3;
}

static void ports_run_out(struct conf *c)
{
	two_links(c);
	c->sync.port = 65535;
}

static void two_ports_of_native(struct conf *c)
{
	c->sync.n_ports = 2;
	c->sync.port_line = 6;
}

static void no_checksum_of_ipv6(struct conf *c)
{
	conntrackd(c);
	c->sync.group = fixture_addr("ff02::77");
	c->sync.checksum = false;
	c->sync.checksum_line = 6;
}

static void nobody_to_sync_with(struct conf *c)
{
	c->sync.group = (struct ip_addr){0};
}

static void group_is_unicast(struct conf *c)
{
	c->sync.group = fixture_addr("10.20.0.12");
}

static void peer_is_multicast(struct conf *c)
{
	c->sync.peer[0].addr = fixture_addr("239.1.1.1");
	c->sync.n_peers = 1;
}

static void peer_is_ipv6_multicast(struct conf *c)
{
	c->sync.group = (struct ip_addr){0};
	c->sync.peer[0].addr = fixture_addr("ff02::1");
	c->sync.n_peers = 1;
}

static void peer_is_ipv6_loopback(struct conf *c)
{
	c->sync.group = fixture_addr("ff02::77");
	c->sync.peer[0].addr = fixture_addr("::1");
	c->sync.n_peers = 1;
}

static void peer_of_other_version(struct conf *c)
{
	c->sync.peer[0].addr = fixture_addr("fe80::1");
	c->sync.n_peers = 1;
}

static void peer_on_other_interface(struct conf *c)
{
	c->sync.peer[0].addr = fixture_addr("10.20.0.12");
	strcpy(c->sync.peer[0].interface, "eth7");
	c->sync.n_peers = 1;
}

static void group_is_ipv6_unicast(struct conf *c)
{
	c->sync.group = fixture_addr("fe80::1");
}

static void interface_twice(struct conf *c)
{
	strcpy(c->sync.interface[1], "br-mgmt");
	c->sync.n_interfaces = 2;
}

static void filter_both(struct conf *c)
{
	c->sync.filter = (struct conf_filter){.n_protocols = 1,
					      .protocol = {IPPROTO_TCP},
					      .n_ignored_protocols = 1,
					      .ignored_protocol = {IPPROTO_UDP},
					      .line = 6,
					      .ignored_protocols_line = 7};
}

static void filter_states_without_tcp(struct conf *c)
{
	c->router[0].own_filter = true;
	c->router[0].filter = (struct conf_filter){
		.n_protocols = 1, .protocol = {IPPROTO_UDP}, .n_tcp_states = 1, .line = 8};
}

static void filter_without_sync(struct conf *c)
{
	c->sync.present = false;
	c->router[0].election.mode = CONF_ELECTION_SINGLE;
	c->router[0].own_filter = true;
	c->router[0].filter.line = 9;
}

static void no_router(struct conf *c)
{
	c->n_routers = 0;
}

static struct conf_leg *add_leg(struct conf *c, const char *name, const char *vip)
{
	struct conf_router *r = &c->router[0];
	struct conf_leg *l = &r->leg[conf_legs(r)];

	r->n_extra_legs++;
	*l = (struct conf_leg){.line = 30 + (int)r->n_extra_legs};
	strcpy(l->name, name);
	snprintf(l->bridge, sizeof(l->bridge), "br-%.10s", name);
	snprintf(l->interface, sizeof(l->interface), "vr-%.10s", name);
	add_vip(l, vip);
	return l;
}

static void leg_overlaps(struct conf *c)
{
	add_leg(c, "dmz", "10.30.0.1/24");
	add_leg(c, "more", "10.30.0.2/25");
}

static void leg_twice(struct conf *c)
{
	add_leg(c, "dmz", "10.30.0.1/24");
	strcpy(add_leg(c, "dmz", "10.31.0.1/24")->interface, "vr-other");
}

static void leg_called_public(struct conf *c)
{
	add_leg(c, "public", "10.30.0.1/24");
}

static void leg_on_same_interface(struct conf *c)
{
	strcpy(add_leg(c, "dmz", "10.30.0.1/24")->interface, "vr-ex");
}

static void leg_with_ipv6_and_small_mtu(struct conf *c)
{
	struct conf_leg *l = add_leg(c, "dmz", "2001:db8:9::1/64");

	l->mtu = 1279;
	l->mtu_line = 44;
}

static void one_vlan_device(struct conf *c)
{
	struct conf_leg *p = &c->router[0].leg[NET_PUBLIC], *l = add_leg(c, "dmz", "10.30.0.1/24");

	p->attach = l->attach = NET_ATTACH_MACVLAN;
	strcpy(p->bridge, "eth0");
	strcpy(l->bridge, "eth0");
	p->vlan = l->vlan = 20;
}

static void too_many_vips(struct conf *c)
{
	for (unsigned i = 0; i < 3; i++) {
		char name[8], vip[32];
		struct conf_leg *l;

		snprintf(name, sizeof(name), "x%u", i);
		snprintf(vip, sizeof(vip), "10.3%u.0.1/24", i);
		l = add_leg(c, name, vip);
		for (unsigned k = 0; k < 4; k++) {
			snprintf(vip, sizeof(vip), "10.3%u.0.1%u/24", i, k);
			add_vip(l, vip);
		}
	}
}

static void virtual_mac_of_macvlan(struct conf *c)
{
	c->router[0].leg[NET_PUBLIC].attach = NET_ATTACH_MACVLAN;
	c->router[0].election.virtual_mac = true;
	c->router[0].election.virtual_mac_line = 88;
}

static void virtual_mac_on_one_wire(struct conf *c)
{
	strcpy(add_leg(c, "dmz", "10.30.0.1/24")->bridge, "br-ex");
	c->router[0].election.virtual_mac = true;
	c->router[0].election.virtual_mac_line = 88;
}

static const struct {
	void (*spoil)(struct conf *c);
	const char *says; /* the beginning of the error */
	const char *also; /* and somewhere in it */
} one[] = {
	{filter_both, "test.conf:7: sync: filter: ignore-protocols and protocols", "one of them"},
	{filter_states_without_tcp, "test.conf:8: router \"r0\": filter: tcp-states: TCP is not",
	 "allowed"},
	{filter_without_sync, "test.conf:9: router \"r0\": filter: nothing is replicated",
	 "with a sync section"},
	{vip_is_network, "test.conf:11: router \"r0\": management: vip = \"10.20.0.0/24\"",
	 "allowed"},
	{vip_is_broadcast, "test.conf:12: router \"r0\": public: vip", "allowed"},
	{vip_is_ipv6_network, "test.conf:77: router \"r0\": management: vip = \"2001:db8::/64\"",
	 "that a host can have"},
	{vip_twice, "test.conf:11: router \"r0\": management: vip = \"2001:db8::1/48\"",
	 "is listed twice"},
	{vips_link_local_only, "test.conf:11: router \"r0\": management: vip: there are link-local",
	 "at least one other"},
	{second_vips_overlap, "test.conf:12: router \"r0\": public: vip = \"2001:db8:1::2/48\"",
	 "overlaps that of the management vip \"2001:db8:1::1/64\""},
	{vrrp_without_ipv4, "test.conf:13: router \"r0\": election: VRRP is spoken over IPv4",
	 "external"},
	{vrrp_without_ipv6, "test.conf:77: router \"r0\": election: VRRP is spoken over IPv6",
	 "at least one IPv6 vip (or family = \"ipv4\""},
	{election_peer_is_multicast,
	 "test.conf:76: router \"r0\": election: peers: \"224.0.0.18\" is no address",
	 "the controllers' addresses"},
	{election_peer_of_other_version,
	 "test.conf:76: router \"r0\": election: peers: \"fe80::2\" is of another",
	 "one version for both"},
	{election_peer_twice,
	 "test.conf:76: router \"r0\": election: peers: \"10.20.0.12\" is listed twice", "once"},
	{election_peer_is_vip,
	 "test.conf:76: router \"r0\": election: peers: \"10.20.0.1\" is a vip", "own"},
	{election_peers_of_two_kinds,
	 "test.conf:76: router \"r0\": election: peers: \"fe80::12\" is link-local", "all or none"},
	{gateway_twice, "test.conf:12: router \"r0\": public: gateway = \"198.18.0.253\"",
	 "second one of its IP version"},
	{gateway_ipv6_outside, "test.conf:12: router \"r0\": public: gateway = \"2001:db8:3::1\"",
	 "network of \"2001:db8:2::1/64\""},
	{gateway_ipv6_without_vip, "test.conf:12: router \"r0\": public: gateway = \"fe80::fe\"",
	 "there is no public vip of IPv6"},
	{virtual_mac_one_bridge, "test.conf:88: router \"r0\": election: virtual-mac: both legs",
	 "two bridges"},
	{virtual_mac_without_vrid, "test.conf:13: router \"r0\": election: virtual-mac: it is",
	 "with a vrid"},
	{fast_detect_of_one,
	 "test.conf:88: router \"r0\": election: fast-detect = 1: one heartbeat", "2 to 100"},
	{fast_detect_single,
	 "test.conf:13: router \"r0\": election: fast-detect: nobody is given up", "mode \"vrrp\""},
	{vips_overlap, "test.conf:12: router \"r0\": public: vip", "overlaps"},
	{gateway_outside, "test.conf:33: router \"r0\": public: gateway", "cannot be reached"},
	{gateway_is_vip, "test.conf:12: router \"r0\": public: gateway", "the public vip itself"},
	{gateway_is_broadcast, "test.conf:12: router \"r0\": public: gateway", "no address"},
	{same_interface, "test.conf:12: router \"r0\": public: interface", "of its own"},
	{interface_is_lo, "test.conf:10: router \"r0\": interface", "loopback"},
	{advert_not_centiseconds, "test.conf:13: router \"r0\": election: advert-interval = 105",
	 "a multiple of 10 from 10 to 40950"},
	{advert_too_long, "test.conf:13: router \"r0\": election: advert-interval = 40960",
	 "allowed"},
	{advert_zero, "test.conf:13: router \"r0\": election: advert-interval = 0", "allowed"},
	{adopt_external, "test.conf:55: router \"r0\": crash = \"adopt\": with election mode",
	 "\"vrrp\""},
	{adopt_single,
	 "test.conf:10: router \"r0\": crash = \"adopt\": with election mode \"single\"",
	 "\"vrrp\""},
	{advert_of_version_2,
	 "test.conf:13: router \"r0\": election: advert-interval = 1500: version 2",
	 "a multiple of 1000 from 1000 to 40000"},
	{version_2_of_ipv6, "test.conf:66: router \"r0\": election: version = 2: knows IPv4 only",
	 "version = 3"},
	{owner_accepts_nothing, "test.conf:99: router \"r0\": election: accept = false",
	 "accept = true"},
	{auth_without_key, "test.conf:77: router \"r0\": election: auth: there is no key",
	 "key-file"},
	{no_vrid, "test.conf:13: router \"r0\": election: vrid is missing", "1 to 255"},
	{no_election_interface, "test.conf:13: router \"r0\": election: interface is missing", ""},
	{no_sync, "test.conf:10: router \"r0\": several controllers need a sync section", "single"},
	{no_sync_external, "test.conf:10: router \"r0\": several controllers", "single"},
	{no_key_file, "test.conf:5: sync: key-file is missing", "keygen"},
	{two_routers_of_conntrackd,
	 "test.conf:20: router \"r1\": conntrackd's protocol names no router",
	 "allowed: one router"},
	{three_on_two_links, "test.conf:6: sync: peers: conntrackd's protocol on several links",
	 "one interface"},
	{nobody_on_the_second_link, "test.conf:6: sync: peers: nobody is reached through eth7",
	 "ADDRESS%eth7"},
	{tcp_to_a_group, "test.conf:6: sync: group: TCP has two ends", "peers"},
	{groups_of_both_versions, "test.conf:6: sync: group: groups of both", "one version"},
	{more_groups_than_links, "test.conf:6: sync: group: more than there are", "for all"},
	{ports_run_out, "test.conf:6: sync: port: the links that follow", "one for each link"},
	{two_ports_of_native, "test.conf:6: sync: port: one for each link", "allowed: one"},
	{no_checksum_of_ipv6, "test.conf:6: sync: checksum: IPv6", "addresses of IPv4"},
	{nobody_to_sync_with, "test.conf:5: sync: neither group nor peers", "allowed"},
	{group_is_unicast, "test.conf:5: sync: group = \"10.20.0.12\"", "239.255.255.255"},
	{peer_is_multicast, "test.conf:5: sync: peers: \"239.1.1.1\"", ""},
	{peer_is_ipv6_multicast, "test.conf:5: sync: peers: \"ff02::1\" is no address", ""},
	{peer_is_ipv6_loopback, "test.conf:5: sync: peers: \"::1\" is no address", ""},
	{peer_of_other_version, "test.conf:5: sync: peers: \"fe80::1\" is of another IP version",
	 "one version"},
	{peer_on_other_interface, "test.conf:5: sync: peers: \"10.20.0.12%eth7\": eth7 is none",
	 ""},
	{group_is_ipv6_unicast, "test.conf:5: sync: group = \"fe80::1\"", "ff00::/8"},
	{interface_twice, "test.conf:5: sync: interface: \"br-mgmt\" is listed twice", ""},
	{leg_overlaps,
	 "test.conf:32: router \"r0\": leg \"more\": vip = \"10.30.0.2/25\": its network overlaps "
	 "that of the dmz vip",
	 "apart"},
	{leg_twice, "test.conf:32: router \"r0\": leg \"dmz\": there is one of this name already",
	 "31"},
	{leg_called_public, "test.conf:31: router \"r0\": leg \"public\": is the name of another",
	 "of its own"},
	{leg_on_same_interface,
	 "test.conf:31: router \"r0\": leg \"dmz\": interface = \"vr-ex\": is the public leg's",
	 "of its own"},
	{leg_with_ipv6_and_small_mtu, "test.conf:44: router \"r0\": leg \"dmz\": mtu = 1279",
	 "1280"},
	{one_vlan_device, "test.conf:31: router \"r0\": leg \"dmz\": vlan = 20: is that of another",
	 "without vlan"},
	{too_many_vips, "test.conf:10: router \"r0\": vip: its legs have 17 in all", "at most 16"},
	{virtual_mac_of_macvlan,
	 "test.conf:88: router \"r0\": election: virtual-mac: the public leg is a macvlan",
	 "no macvlans"},
	{virtual_mac_on_one_wire, "test.conf:88: router \"r0\": election: virtual-mac: both legs",
	 "two bridges"},
	{no_router, "test.conf: there is no router", "allowed"},
};

static void one_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(one); i++) {
		struct conf c = fixture_conf(routers, 1);
		struct conf_errors e = {0};

		one[i].spoil(&c);
		conf_check(&c, &e);
		if (e.n != 1)
			fail_msg("%s: %u errors, first: %s", one[i].says, e.n,
				 e.n ? e.text[0] : "none");
		if (strncmp(e.text[0], one[i].says, strlen(one[i].says)) != 0 ||
		    !strstr(e.text[0], one[i].also))
			fail_msg("expected \"%s...%s\", got: %s", one[i].says, one[i].also,
				 e.text[0]);
		conf_errors_free(&e);
	}
}

/* ---- two routers ------------------------------------------------------------------------------
 */

static void same_name(struct conf_router *b)
{
	strcpy(b->name, "r0");
}

static void same_namespace(struct conf_router *b)
{
	strcpy(b->namespace, "ns0");
}

/* A name that is the other one's hash. */
static void same_hostname(struct conf_router *b)
{
	char name[IFNAMSIZ];

	strcpy(routers[0].namespace, "a-long-namespace-1");
	net_hostname(name, routers[0].namespace, NET_MANAGEMENT);
	snprintf(b->namespace, sizeof(b->namespace), "%.*s", (int)strlen(name) - 2, name);
}

static void same_vrid(struct conf_router *b)
{
	b->election.vrid = 51;
}

static void same_vip(struct conf_router *b)
{
	b->leg[NET_MANAGEMENT].vip[0] = fixture_prefix("10.20.0.1/24");
}

static void same_ipv6_vip(struct conf_router *b)
{
	add_vip(&routers[0].leg[NET_PUBLIC], "fe80::1/64");
	add_vip(&b->leg[NET_PUBLIC], "2001:db8::1/64");
	add_vip(&b->leg[NET_PUBLIC], "fe80::1/64");
}

static void same_virtual_mac(struct conf_router *b)
{
	routers[0].election.virtual_mac = b->election.virtual_mac = true;
	b->election.vrid = 51;
	strcpy(b->election.interface, "br-other");
	strcpy(b->leg[NET_MANAGEMENT].bridge, "br-other");
}

static void same_port(struct conf_router *b)
{
	struct conf_leg *x = &routers[0].leg[NET_PUBLIC], *y = &b->leg[NET_PUBLIC];

	x->attach = y->attach = NET_ATTACH_OVS;
	strcpy(y->bridge, "br-else");
}

static const struct {
	void (*spoil)(struct conf_router *b);
	const char *says;
} two[] = {
	{same_ipv6_vip, "test.conf:22: router \"r1\": public: vip = \"fe80::1/64\": is router"},
	{same_virtual_mac, "test.conf:23: router \"r1\": election: virtual-mac: router \"r0\""},
	{same_port,
	 "test.conf:22: router \"r1\": public: interface = \"vr-ex\": is a leg of router"},
	{same_name, "test.conf:20: router \"r0\": there is one of this name already (line 10)"},
	{same_namespace,
	 "test.conf:20: router \"r1\": namespace = \"ns0\": is router \"r0\"'s, too"},
	{same_hostname, "test.conf:20: router \"r1\": namespace = \"vr"},
	{same_vrid, "test.conf:23: router \"r1\": election: vrid = 51: is router \"r0\"'s, too"},
	{same_vip,
	 "test.conf:21: router \"r1\": management: vip = \"10.20.0.1/24\": is router \"r0\"'s"},
};

static void two_routers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(two); i++) {
		struct conf c = fixture_conf(routers, 2);
		struct conf_errors e = {0};

		two[i].spoil(&c.router[1]);
		conf_check(&c, &e);
		if (e.n != 1 || strncmp(e.text[0], two[i].says, strlen(two[i].says)) != 0)
			fail_msg("expected \"%s\", got %u: %s", two[i].says, e.n,
				 e.n ? e.text[0] : "none");
		conf_errors_free(&e);
	}
}

/* Names are numbers on the wire, and these two are the same one. */
static void same_id(void **state)
{
	struct conf c = fixture_conf(routers, 2);
	struct conf_errors e = {0};

	(void)state;
	strcpy(c.router[0].name, "costarring");
	strcpy(c.router[1].name, "liquid");
	conf_check(&c, &e);
	assert_int_equal(e.n, 1);
	assert_non_null(strstr(e.text[0], "test.conf:20: router \"liquid\""));
	conf_errors_free(&e);
}

/* VRIDs are of one IP version, and so are the virtual MACs. */
static void same_vrid_other_family(void **state)
{
	struct conf c = fixture_conf(routers, 2);
	struct conf_errors e = {0};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		c.router[i].election.vrid = 51;
		c.router[i].election.virtual_mac = true;
	}
	add_vip(&c.router[1].leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	c.router[1].election.ipv6 = true;
	conf_check(&c, &e);
	if (e.n)
		fail_msg("%s", e.text[0]);
	c.router[1].election.ipv6 = false;
	conf_check(&c, &e);
	assert_true(e.n >= 2); /* the VRID, and the MAC on each bridge */
	conf_errors_free(&e);
}

/* What looks alike and is none of anybody's business. */
static void no_clash(void **state)
{
	struct conf c = fixture_conf(routers, 2);
	struct conf_errors e = {0};

	(void)state;
	c.router[1].election.vrid = 51;
	strcpy(c.router[1].election.interface, "br-other");
	c.router[1].leg[NET_MANAGEMENT].vip[0] = c.router[0].leg[NET_MANAGEMENT].vip[0];
	strcpy(c.router[1].leg[NET_MANAGEMENT].bridge, "br-third");
	conf_check(&c, &e);
	if (e.n)
		fail_msg("%s", e.text[0]);

	/* both versions, link-local ones on both legs */
	add_vip(&c.router[0].leg[NET_MANAGEMENT], "2001:db8:1::1/64");
	add_vip(&c.router[0].leg[NET_MANAGEMENT], "fe80::1/64");
	add_vip(&c.router[0].leg[NET_PUBLIC], "2001:db8:2::1/64");
	add_vip(&c.router[0].leg[NET_PUBLIC], "fe80::1/64");
	add_gateway(&c, "2001:db8:2::fe");
	c.router[0].election.virtual_mac = true;
	conf_check(&c, &e);
	if (e.n)
		fail_msg("IPv6: %s", e.text[0]);
	c.router[0].gateway[1] = fixture_addr("fe80::fe");
	conf_check(&c, &e);
	if (e.n)
		fail_msg("link-local gateway: %s", e.text[0]);
	c.router[0].election.virtual_mac = false;

	c.router[1] = c.router[0];
	c.n_routers = 1;
	c.sync = (struct conf_sync){0};
	c.router[0].election.mode = CONF_ELECTION_SINGLE;
	c.router[0].election.vrid = 0;
	c.router[0].election.interface[0] = '\0';
	c.router[0].n_gateways = 0;
	conf_check(&c, &e);
	if (e.n)
		fail_msg("single: %s", e.text[0]);
}

static void all_mistakes_at_once(void **state)
{
	struct conf c = fixture_conf(routers, 1);
	struct conf_errors e = {0};

	(void)state;
	vip_is_network(&c);
	gateway_outside(&c);
	advert_zero(&c);
	no_key_file(&c);
	conf_check(&c, &e);
	assert_int_equal(e.n, 4);
	conf_errors_free(&e);
}

static void errors_are_bounded(void **state)
{
	struct conf_errors e = {0};

	(void)state;
	for (unsigned i = 0; i < CONF_ERRORS_MAX + 7; i++)
		conf_error(&e, "f", (int)i, "x");
	assert_int_equal(e.n, CONF_ERRORS_MAX);
	assert_int_equal(e.more, 7);
	assert_string_equal(e.text[0], "f: x");
	assert_string_equal(e.text[1], "f:1: x");
	conf_errors_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(one_mistake),
		cmocka_unit_test(two_routers),
		cmocka_unit_test(same_id),
		cmocka_unit_test(same_vrid_other_family),
		cmocka_unit_test(no_clash),
		cmocka_unit_test(all_mistakes_at_once),
		cmocka_unit_test(errors_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
