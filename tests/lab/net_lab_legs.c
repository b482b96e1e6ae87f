/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before the story begins: the public leg as a macvlan and, where the kernel has VLANs, as one with
 * a VLAN and as a port of a bridge that filters them; each in the place of the one before. */
#include "net_lab.h"

static void build(const char *look_for)
{
	unsigned changed = ensure(false);

	if (changed == 0)
		fail_msg("nothing was made for \"%s\"", look_for);
	assert_int_equal(ensure(false), 0);
	if (probe_sh("%s", look_for) != 0)
		fail_msg("not so: %s", look_for);
}

/* Somebody spoils it, and it is repaired. */
static void repaired(const char *spoil, const char *look_for)
{
	if (probe_sh("%s", spoil) != 0)
		fail_msg("cannot: %s", spoil);
	build(look_for);
}

static void attach(enum net_attach kind, const char *to, unsigned vlan)
{
	struct net_leg *l = &s.d.leg[NET_PUBLIC];

	l->attach = kind;
	l->vlan = vlan;
	snprintf(l->bridge, sizeof(l->bridge), "%s", to);
}

static void as_macvlan(void)
{
	char text[256];

	attach(NET_ATTACH_MACVLAN, "wire", 0);
	snprintf(text, sizeof(text), "ip -n %s -d link show vr-ex | grep -q 'macvlan mode bridge'",
		 s.router);
	build(text);
	assert_true(look().leg[NET_PUBLIC].carrier);
	assert_int_equal(probe_sh("ip link set wire-peer down"), 0);
	assert_false(look().leg[NET_PUBLIC].carrier);
	assert_int_equal(probe_sh("ip link set wire-peer up"), 0);
	snprintf(text, sizeof(text), "ip -n %s link show vr-ex | grep -q 'mtu 1400'", s.router);
	/* the kernel takes it down itself, not up again */
	assert_int_equal(probe_sh("ip link set wire mtu 1400"), 0);
	assert_int_equal(ensure(false), 0);
	assert_int_equal(probe_sh("%s", text), 0);
	snprintf(text, sizeof(text), "ip -n %s link show vr-ex | grep -q 'mtu 1500'", s.router);
	repaired("ip link set wire mtu 1500", text);
	/* a port of a bridge has no room for it */
	assert_int_equal(probe_sh("ip link set wire-peer master br-ex"), 0);
	attach(NET_ATTACH_MACVLAN, "wire-peer", 0);
	assert_int_equal(net_ensure(s.ns, &s.d, &(unsigned){0}, reason), -ENOTRECOVERABLE);
	assert_non_null(strstr(reason, "interface wire-peer is a port of a bridge or bond"));
	assert_int_equal(probe_sh("ip link set wire-peer nomaster"), 0);
}

static void as_macvlan_with_vlan(void)
{
	const char *host = s.d.leg[NET_PUBLIC].hostname;
	char text[256], spoil[256];

	attach(NET_ATTACH_MACVLAN, "wire", 20);
	snprintf(text, sizeof(text), "ip -d link show %s | grep -q 'vlan protocol 802.1Q id 20'",
		 host);
	build(text);
	snprintf(spoil, sizeof(spoil), "ip link set %s down", host);
	repaired(spoil, text);
	snprintf(spoil, sizeof(spoil), "ip link del %s", host);
	repaired(spoil, text);
	s.d.leg[NET_PUBLIC].vlan = 21;
	snprintf(text, sizeof(text), "ip -d link show %s | grep -q 'id 21'", host);
	build(text);
	/* another device has it */
	assert_int_equal(probe_sh("ip link add link wire name other type vlan id 22"), 0);
	s.d.leg[NET_PUBLIC].vlan = 22;
	assert_int_equal(net_ensure(s.ns, &s.d, &(unsigned){0}, reason), -EEXIST);
	assert_non_null(strstr(reason, "VLAN 22 of interface wire is there already"));
	assert_int_equal(probe_sh("ip link del other"), 0);
}

static void as_port_in_vlan(void)
{
	const char *host = s.d.leg[NET_PUBLIC].hostname;
	char text[256], spoil[256];

	attach(NET_ATTACH_BRIDGE, "br-ex", 20);
	s.d.active = false;
	assert_int_equal(net_ensure(s.ns, &s.d, &(unsigned){0}, reason), -ENOTRECOVERABLE);
	assert_non_null(strstr(reason, "bridge br-ex knows no VLANs"));
	assert_int_equal(probe_sh("ip link set br-ex type bridge vlan_filtering 1"), 0);
	/* itself and nothing beside it */
	snprintf(text, sizeof(text),
		 "bridge vlan show dev %s | tail -n +2 | tr -s ' ' | tr -d '\\n' | "
		 "grep -qx '%s 20 PVID Egress Untagged *'",
		 host, host);
	build(text);
	snprintf(spoil, sizeof(spoil), "bridge vlan add dev %s vid 30-40", host);
	repaired(spoil, text);
	snprintf(spoil, sizeof(spoil), "bridge vlan add dev %s vid 20", host);
	repaired(spoil, text);
	snprintf(spoil, sizeof(spoil), "bridge vlan del dev %s vid 20", host);
	repaired(spoil, text);
	/* the ends of the range */
	s.d.leg[NET_PUBLIC].vlan = 2;
	snprintf(text, sizeof(text), "bridge vlan show dev %s | grep -q ' 2 PVID'", host);
	build(text);
	s.d.leg[NET_PUBLIC].vlan = 4094;
	snprintf(text, sizeof(text), "bridge vlan show dev %s | grep -q ' 4094 PVID'", host);
	build(text);
	s.d.leg[NET_PUBLIC].vlan = 0;
	snprintf(text, sizeof(text), "bridge vlan show dev %s | grep -q ' 1 PVID'", host);
	build(text);
	assert_int_equal(probe_sh("ip link set br-ex type bridge vlan_filtering 0"), 0);
}

void kinds_of_legs(void **state)
{
	(void)state;
	assert_int_equal(probe_sh("ip link add wire type veth peer name wire-peer && "
				  "ip link set wire up && ip link set wire-peer up"),
			 0);
	as_macvlan();
	if (probe_sh("ip link add link wire name wire.9 type vlan id 9 2>/dev/null && "
		     "ip link del wire.9") == 0) {
		as_macvlan_with_vlan();
		as_port_in_vlan();
	} else {
		print_message("[  kernel  ] no VLANs here\n");
	}
	attach(NET_ATTACH_BRIDGE, "br-ex", 0);
	(void)ensure(false);
	assert_ok(net_teardown(s.ns, &s.d, reason));
	assert_int_equal(probe_sh("ip link del wire"), 0);
}
