/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf_fixture.h"

static struct conf_router old_routers[3], new_routers[3];

/* ---- the daemon's part ------------------------------------------------------------------------
 */

static void name(struct conf *c)
{
	strcpy(c->controller.name, "other");
}

static void run_dir(struct conf *c)
{
	strcpy(c->controller.run_dir, "/run/y");
}

static void control_socket(struct conf *c)
{
	strcpy(c->controller.control_socket, "/run/y.sock");
}

static void realtime(struct conf *c)
{
	c->controller.realtime = !c->controller.realtime;
}

static void sync_gone(struct conf *c)
{
	c->sync.present = false;
}

static void sync_interface(struct conf *c)
{
	strcpy(c->sync.interface[0], "eth1");
}

static void sync_interfaces(struct conf *c)
{
	c->sync.n_interfaces = 2;
}

static void group(struct conf *c)
{
	c->sync.group = fixture_addr("239.255.77.2");
}

static void peers(struct conf *c)
{
	c->sync.n_peers = 1;
}

static void port(struct conf *c)
{
	c->sync.port++;
}

static void security(struct conf *c)
{
	c->sync.sealed = false;
}

static void hold_new(struct conf *c)
{
	c->sync.hold_new_ms++;
}

static void ring(struct conf *c)
{
	c->sync.ring_kb++;
}

static void key_file(struct conf *c)
{
	strcpy(c->sync.key_file, "/etc/other");
}

static void peer_interface(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new;

	(void)state;
	old.sync.peer[0].addr = fixture_addr("10.20.0.12");
	old.sync.n_peers = 1;
	new = old;
	assert_null(conf_diff_global(&old, &new));
	strcpy(new.sync.peer[0].interface, "sync");
	assert_string_equal(conf_diff_global(&old, &new), "sync: peers");
}

/* With another protocol all of replication may be another. */
static void protocol(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new = fixture_conf(new_routers, 1);

	(void)state;
	assert_false(conf_protocol_changes(&old, &new));
	port(&new);
	assert_string_equal(conf_diff_global(&old, &new), "sync: port");
	new.sync.conntrackd = true;
	security(&new);
	peers(&new);
	assert_null(conf_diff_global(&old, &new));
	assert_true(conf_protocol_changes(&old, &new));
	assert_true(conf_sync_id(&old, "x") != conf_sync_id(&new, "x"));
	new.sync.stock = true;
	assert_string_equal(conf_diff_global(&old, &new), "sync: engine");
	new.sync.stock = false;
	name(&new);
	assert_string_equal(conf_diff_global(&old, &new), "controller: name");
}

static void filter(struct conf *c)
{
	c->sync.filter.assured = true;
}

static void lines_only(struct conf *c)
{
	c->controller.line++;
	c->sync.line++;
}

static void global(void **state)
{
	static const struct {
		void (*change)(struct conf *c);
		const char *what; /* NULL: needs no restart */
	} row[] = {
		{name, "controller: name"},
		{run_dir, "controller: run-dir"},
		{control_socket, "controller: control-socket"},
		{realtime, "controller: realtime"},
		{sync_gone, "sync"},
		{sync_interface, "sync: interface"},
		{sync_interfaces, "sync: interface"},
		{group, "sync: group"},
		{peers, "sync: peers"},
		{port, "sync: port"},
		{security, "sync: security"},
		{ring, "sync: ring"},
		{hold_new, "sync: hold-new"},
		{key_file, NULL},
		{filter, NULL}, /* the routers differ then */
		{lines_only, NULL},
	};
	struct conf old = fixture_conf(old_routers, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct conf new = fixture_conf(new_routers, 1);
		const char *what;

		row[i].change(&new);
		what = conf_diff_global(&old, &new);
		if (!row[i].what && what)
			fail_msg("row %zu: %s", i, what);
		if (row[i].what && (!what || strcmp(what, row[i].what) != 0))
			fail_msg("%s: got %s", row[i].what, what ? what : "nothing");
		/* where it listens and writes is nothing to the process; it is told the rest */
		if (row[i].change == run_dir || row[i].change == control_socket ||
		    row[i].change == sync_gone)
			what = NULL;
		if ((conf_sync_id(&old, "x") != conf_sync_id(&new, "x")) != (what != NULL))
			fail_msg("row %zu: the id of replication", i);
	}
	assert_true(conf_sync_id(&old, "x") != conf_sync_id(&old, "y"));
}

/* ---- one router -------------------------------------------------------------------------------
 */

static void nothing(struct conf_router *r)
{
	r->line++;
}

static void namespace(struct conf_router *r)
{
	strcpy(r->namespace, "other");
}

static void leg_interface(struct conf_router *r)
{
	strcpy(r->leg[NET_PUBLIC].interface, "other");
}

static void mode(struct conf_router *r)
{
	r->election.mode = CONF_ELECTION_EXTERNAL;
}

static void peers_at_all(struct conf_router *r)
{
	r->election.peers.addr[r->election.peers.n++] = fixture_addr("10.20.0.12");
}

static void family(struct conf_router *r)
{
	r->election.ipv6 = true;
}

static void election_interface(struct conf_router *r)
{
	strcpy(r->election.interface, "eth9");
}

static void vrid(struct conf_router *r)
{
	r->election.vrid++;
}

static void vip(struct conf_router *r)
{
	r->leg[NET_MANAGEMENT].vip[0].len = 25;
}

static void vip_more(struct conf_router *r)
{
	r->leg[NET_PUBLIC].vip[r->leg[NET_PUBLIC].n_vips++] = fixture_prefix("2001:db8::1/64");
}

static void gateway_more(struct conf_router *r)
{
	r->gateway[r->n_gateways++] = fixture_addr("2001:db8::2");
}

static void virtual_mac(struct conf_router *r)
{
	r->election.virtual_mac = true;
}

static void accept_nothing(struct conf_router *r)
{
	r->election.accept = false;
}

static void own_filter(struct conf_router *r)
{
	r->filter.n_tcp_states = 1;
}

static void priority(struct conf_router *r)
{
	r->election.priority++;
}

static void advert(struct conf_router *r)
{
	r->election.advert_interval_ms = 10;
}

static void preempt(struct conf_router *r)
{
	r->election.preempt = false;
}

static void preempt_delay(struct conf_router *r)
{
	r->election.preempt_delay_s++;
}

static void version(struct conf_router *r)
{
	r->election.version = 2;
}

static void checksum(struct conf_router *r)
{
	r->election.plain_sum = !r->election.plain_sum;
}

static void auth(struct conf_router *r)
{
	r->election.auth = VRRP_AUTH_HMAC;
}

static void owner(struct conf_router *r)
{
	r->election.priority = 255;
}

static void gateway(struct conf_router *r)
{
	r->gateway[0] = fixture_addr("198.18.0.253");
}

static void nat(struct conf_router *r)
{
	r->nat = NET_NAT_MASQUERADE;
}

static void nat_random(struct conf_router *r)
{
	r->nat_random = true;
}

static void nat_rules(struct conf_router *r)
{
	r->nat_more.rules.mss = NAT_MSS_PATH;
}

/* the same path, another content */
static void nft_file(struct conf_router *r)
{
	r->nat_more.rules.file_hash++;
}

static void bridge(struct conf_router *r)
{
	strcpy(r->leg[NET_PUBLIC].bridge, "br-new");
}

static void macvlan(struct conf_router *r)
{
	r->leg[NET_PUBLIC].attach = NET_ATTACH_MACVLAN;
}

static void leg_vlan(struct conf_router *r)
{
	r->leg[NET_PUBLIC].vlan = 20;
}

static void leg_mtu(struct conf_router *r)
{
	r->leg[NET_PUBLIC].mtu = 1400;
}

static void leg_more(struct conf_router *r)
{
	r->n_extra_legs = 1;
}

static void hold(struct conf_router *r)
{
	r->sync_hold_s++;
}

static void drain(struct conf_router *r)
{
	r->drain_ms++;
}

static void linger(struct conf_router *r)
{
	r->linger_ms++;
}

static void refresh(struct conf_router *r)
{
	r->announce_refresh_s++;
}

static void neighbours(struct conf_router *r)
{
	r->warm_neighbours = !r->warm_neighbours;
}

static void hook(struct conf_router *r)
{
	strcpy(r->on_role_change, "/bin/true");
}

static void hook_timeout(struct conf_router *r)
{
	r->on_role_change_timeout_s++;
}

static void veto(struct conf_router *r)
{
	r->election.veto = !r->election.veto;
}

static void fast_detect(struct conf_router *r)
{
	r->election.fast_detect = 3;
}

static void fast_interval(struct conf_router *r)
{
	r->election.fast_interval_ms++;
}

static void fence(struct conf_router *r)
{
	strcpy(r->fence, "/bin/true");
}

static void fence_timeout(struct conf_router *r)
{
	r->fence_timeout_s++;
}

static void track(struct conf_router *r)
{
	r->n_tracks = 1;
}

static void crash(struct conf_router *r)
{
	r->crash = CONF_CRASH_ADOPT;
}

static void adopt_timeout(struct conf_router *r)
{
	r->adopt_timeout_s++;
}

static const struct {
	void (*change)(struct conf_router *r);
	enum conf_change is;
	const char *what;
} one[] = {
	{nothing, CONF_SAME, NULL},
	{namespace, CONF_REFUSED, "namespace"},
	{leg_interface, CONF_REFUSED, "public: interface"},
	{mode, CONF_REFUSED, "election: mode"},
	{election_interface, CONF_REFUSED, "election: interface"},
	{family, CONF_REFUSED, "election: family"},
	{peers_at_all, CONF_REFUSED, "election: peers"},
	{vrid, CONF_REFUSED, "election: vrid"},
	{vip, CONF_REFUSED, "management: vip"},
	{vip_more, CONF_REFUSED, "public: vip"},
	{gateway_more, CONF_LIVE, NULL},
	{virtual_mac, CONF_LIVE, NULL},
	{accept_nothing, CONF_LIVE, NULL},
	{priority, CONF_LIVE, NULL},
	{advert, CONF_LIVE, NULL},
	{preempt, CONF_LIVE, NULL},
	{preempt_delay, CONF_LIVE, NULL},
	{version, CONF_REFUSED, "election: version"},
	{checksum, CONF_LIVE, NULL},
	{auth, CONF_LIVE, NULL},
	{owner, CONF_LIVE, NULL},
	{gateway, CONF_LIVE, NULL},
	{nat, CONF_LIVE, NULL},
	{nat_random, CONF_LIVE, NULL},
	{nat_rules, CONF_LIVE, NULL},
	{nft_file, CONF_LIVE, NULL},
	{bridge, CONF_LIVE, NULL},
	{macvlan, CONF_LIVE, NULL},
	{leg_vlan, CONF_LIVE, NULL},
	{leg_mtu, CONF_LIVE, NULL},
	{leg_more, CONF_REFUSED, "leg"},
	{hold, CONF_LIVE, NULL},
	{drain, CONF_LIVE, NULL},
	{linger, CONF_LIVE, NULL},
	{own_filter, CONF_LIVE, NULL},
	{refresh, CONF_LIVE, NULL},
	{neighbours, CONF_LIVE, NULL},
	{hook, CONF_LIVE, NULL},
	{hook_timeout, CONF_LIVE, NULL},
	{veto, CONF_LIVE, NULL},
	{fast_detect, CONF_LIVE, NULL},
	{fast_interval, CONF_LIVE, NULL},
	{fence, CONF_LIVE, NULL},
	{fence_timeout, CONF_LIVE, NULL},
	{track, CONF_LIVE, NULL},
	{crash, CONF_LIVE, NULL},
	{adopt_timeout, CONF_LIVE, NULL},
};

static void join(void *ctx, const char *what)
{
	char *all = ctx;
	size_t at = strlen(all);

	snprintf(all + at, 256 - at, "%s%s", at ? ", " : "", what);
}

static const char *changes(const struct conf_router *a, const struct conf_router *b)
{
	static char all[256];

	all[0] = '\0';
	conf_changes(a, b, join, all);
	return all;
}

static void one_router(void **state)
{
	struct conf old = fixture_conf(old_routers, 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(one); i++) {
		struct conf new = fixture_conf(new_routers, 1);
		struct conf_delta d[2];

		one[i].change(&new.router[0]);
		assert_int_equal(conf_diff(&old, &new, d), 1);
		if (d[0].change != one[i].is ||
		    (one[i].what && strcmp(one[i].what, d[0].what) != 0))
			fail_msg("row %zu: change %d, %s", i, (int)d[0].change,
				 d[0].what ? d[0].what : "-");
		/* what a reload refuses is what another daemon does not adopt */
		if ((conf_router_id(&old.router[0]) != conf_router_id(&new.router[0])) !=
		    (one[i].is == CONF_REFUSED))
			fail_msg("row %zu: the id", i);
		/* what changes has a name */
		if ((*changes(&old.router[0], &new.router[0]) == '\0') != (one[i].is == CONF_SAME))
			fail_msg("row %zu: changes \"%s\"", i,
				 changes(&old.router[0], &new.router[0]));
	}
}

static void two_forwards(struct conf_router *r)
{
	struct nat_rules *rules = &r->nat_more.rules;

	rules->n_forwards = 2;
	strcpy(rules->forward[0].name, "web");
	strcpy(rules->forward[1].name, "ssh");
}

static void names_of_changes(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new = fixture_conf(new_routers, 1);
	struct conf_router *a = &old.router[0], *b = &new.router[0];

	(void)state;
	priority(b);
	gateway(b);
	own_filter(b);
	assert_string_equal(changes(a, b),
			    "public: gateway, election: priority, filter: tcp-states");
	*b = *a;
	macvlan(b);
	assert_string_equal(changes(a, b), "public: attach");
	*b = *a;
	nft_file(b);
	assert_string_equal(changes(a, b), "nat: nft-file: what is in it");
	*b = *a;
	two_forwards(a);
	assert_string_equal(changes(a, b), "forward \"web\": removed, forward \"ssh\": removed");
	assert_string_equal(changes(b, a), "forward \"web\": added, forward \"ssh\": added");
	*b = *a;
	b->nat_more.rules.forward[1].to.port = 22;
	assert_string_equal(changes(a, b), "forward \"ssh\": to");
	b->nat_more.rules.forward[0] = b->nat_more.rules.forward[1];
	b->nat_more.rules.forward[1] = a->nat_more.rules.forward[0];
	assert_string_equal(changes(a, b), "forward \"ssh\": to, forward: their order");
}

/* Without VRRP nobody else judges by the VIPs. */
static void vip_without_vrrp(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new = fixture_conf(new_routers, 1);
	struct conf_delta d[2];

	(void)state;
	old.router[0].election.mode = new.router[0].election.mode = CONF_ELECTION_SINGLE;
	vip(&new.router[0]);
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_LIVE);
	assert_true(conf_router_id(&old.router[0]) == conf_router_id(&new.router[0]));
}

/* Of version 2 a peer with another interval does not count, either. */
static void interval_of_version_2(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new = fixture_conf(new_routers, 1);
	struct conf_delta d[2];

	(void)state;
	old.router[0].election.version = new.router[0].election.version = 2;
	advert(&new.router[0]);
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_REFUSED);
	assert_string_equal(d[0].what, "election: advert-interval");
	assert_true(conf_router_id(&old.router[0]) != conf_router_id(&new.router[0]));
}

static void come_and_go(void **state)
{
	struct conf old = fixture_conf(old_routers, 3), new = fixture_conf(new_routers, 3);
	struct conf_delta d[6];

	(void)state;
	strcpy(new.router[0].name, "r2"); /* another order */
	strcpy(new.router[2].name, "r0");
	strcpy(new.router[1].name, "fresh");
	strcpy(new.router[0].namespace, "ns2");
	strcpy(new.router[2].namespace, "ns0");
	assert_int_equal(conf_diff(&old, &new, d), 4);
	assert_int_equal(d[0].new_index, 2);
	assert_int_equal(d[1].change, CONF_REMOVED);
	assert_int_equal(d[1].old_index, 1);
	assert_int_equal(d[2].new_index, 0);
	assert_int_equal(d[3].change, CONF_ADDED);
	assert_int_equal(d[3].new_index, 1);
}

static void desired(void **state)
{
	struct conf c = fixture_conf(old_routers, 1);
	struct net_desired d;

	(void)state;
	c.router[0].nat_random = true;
	conf_net_desired(&d, &c.router[0], true);
	assert_string_equal(d.router, "r0");
	assert_string_equal(d.namespace, "ns0");
	assert_string_equal(d.leg[NET_PUBLIC].ifname, "vr-ex");
	assert_string_equal(d.leg[NET_PUBLIC].bridge, "br-ex");
	assert_true(d.leg[NET_PUBLIC].hostname[0] != '\0');
	assert_true(d.active && d.nat_random && d.nat == NET_NAT_SNAT);
	assert_true(ip_addr_equal(&d.gateway[NET_V4], &c.router[0].gateway[0]));
	assert_int_equal(d.leg[NET_PUBLIC].n_vips, 1);
	assert_false(d.gateway[NET_V6].family || d.virtual_mac || d.closed);
	conf_net_desired(&d, &c.router[0], false);
	assert_false(d.active);
}

/* Unicast stays unicast. */
static void election_peers(void **state)
{
	struct conf old = fixture_conf(old_routers, 1), new = fixture_conf(new_routers, 1);
	struct conf_delta d[2];

	(void)state;
	peers_at_all(&old.router[0]);
	peers_at_all(&new.router[0]);
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_SAME);
	peers_at_all(&new.router[0]);
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_LIVE);
	old.router[0].election.peers = new.router[0].election.peers;
	old.router[0].election.peers.addr[1] = fixture_addr("10.20.0.13");
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_int_equal(d[0].change, CONF_LIVE);
	new.router[0].election.peers.n = 0;
	assert_int_equal(conf_diff(&old, &new, d), 1);
	assert_string_equal(d[0].what, "election: peers");
}

static void desired_ipv6(void **state)
{
	struct conf c = fixture_conf(old_routers, 1);
	struct conf_router *r = &c.router[0];
	struct net_desired d;

	(void)state;
	vip_more(r);
	gateway_more(r);
	virtual_mac(r);
	accept_nothing(r);
	conf_net_desired(&d, r, true);
	assert_true(ip_addr_equal(&d.gateway[NET_V4], &r->gateway[0]));
	assert_true(ip_addr_equal(&d.gateway[NET_V6], &r->gateway[1]));
	assert_true(d.virtual_mac && d.closed);
	assert_int_equal(d.mac[4], 1);
	assert_int_equal(d.mac[5], 51);
	assert_int_equal(d.leg[NET_MANAGEMENT].n_vips, 1);
	/* to solicit neighbours for what it forwards */
	assert_int_equal(d.leg[NET_PUBLIC].n_vips, 3);
	assert_true(ip_addr_is_link_local(&d.leg[NET_PUBLIC].vip[2].addr));

	/* unless there is one */
	r->leg[NET_PUBLIC].vip[r->leg[NET_PUBLIC].n_vips++] = fixture_prefix("fe80::1/64");
	conf_net_desired(&d, r, true);
	assert_int_equal(d.leg[NET_PUBLIC].n_vips, 3);
	assert_int_equal(d.leg[NET_PUBLIC].vip[2].addr.b[15], 1);

	r->leg[NET_MANAGEMENT].vip[0] = fixture_prefix("2001:db8:1::1/64");
	r->leg[NET_PUBLIC].vip[0] = fixture_prefix("2001:db8:2::1/64");
	r->election.ipv6 = true;
	conf_net_desired(&d, r, true);
	assert_int_equal(d.mac[4], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global),
		cmocka_unit_test(protocol),
		cmocka_unit_test(peer_interface),
		cmocka_unit_test(one_router),

		cmocka_unit_test(names_of_changes),
		cmocka_unit_test(vip_without_vrrp),
		cmocka_unit_test(come_and_go),
		cmocka_unit_test(desired),
		cmocka_unit_test(desired_ipv6),
		cmocka_unit_test(election_peers),
		cmocka_unit_test(interval_of_version_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
