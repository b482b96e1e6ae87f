/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second half of the story: the router works. Drift, a restarted daemon, changes of the
 * configuration, a bridge that goes and comes back; then the end. */
#include "net_lab.h"

#include <event2/event.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>

/* ---- drift, with and without a watcher ---- */

void drift(void **state)
{
	static const char *const spoil[] = {
		"ip -n %1$s addr del 10.20.0.1/24 dev vr-mgmt",
		"ip -n %1$s addr add 192.0.2.1/24 dev vr-ex",
		"ip -n %1$s route del default via 198.18.0.254",
		"ip -n %1$s route replace default via 198.18.0.77",
		"ip -n %1$s link set vr-ex down",
		"ip -n %1$s link set vr-mgmt mtu 1300",
		"ip -n %1$s link set lo down",
		"ip -n %1$s route del blackhole default metric 4294967295",
		"ip link set %2$s nomaster",
		"ip link set %2$s down",
		"ip link set %2$s addrgenmode eui64",
		"ip link set br-mgmt mtu 1450 && ip link set br-ex mtu 1390",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
		char cmd[256];
		unsigned changed;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(cmd, sizeof(cmd), spoil[i], s.router, s.d.leg[NET_PUBLIC].hostname);
#pragma GCC diagnostic pop
		assert_int_equal(probe_sh("%s", cmd), 0);
		changed = ensure(true);
		if (changed == 0)
			fail_msg("not repaired: %s", cmd);
		if (ensure(true) != 0)
			fail_msg("repaired only in part: %s", cmd);
		talk();
	}
	assert_int_equal(probe_sh("ip link set br-mgmt mtu 1500 && ip link set br-ex mtu 1400"), 0);
	ensure(true);
}

/* More strays than one reading holds. */
void many_strays(void **state)
{
	(void)state;
	assert_int_equal(probe_sh("for i in $(seq 1 20); do "
				  "ip -n %s addr add 192.0.2.$i/32 dev vr-mgmt; done",
				  s.router),
			 0);
	assert_true(ensure(true) >= 20);
	assert_int_equal(ensure(true), 0);
	talk();
}

struct watching {
	unsigned calls, changed, rules;
	struct net_news news;
};

static void on_change(void *ctx, const struct net_news *news)
{
	struct watching *w = ctx;

	w->calls++;
	w->rules += news->rules;
	if (news->rules) /* something else may be told behind it */
		w->news = *news;
	w->changed += ensure(true);
}

static void run_loop(struct event_base *base, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

/* For what must come, which it counts; what comes with it has its moment, too. */
static void run_until(struct event_base *base, const unsigned *came, int ms)
{
	uint64_t end = probe_now_us() + PROBE_WAIT_MS * 1000ull;

	while (*came == 0 && probe_now_us() < end)
		run_loop(base, 10);
	run_loop(base, ms);
}

/* Our own change wakes us once more, a busy kernel later than another one, then it is quiet. */
static void assert_calms_down(struct event_base *base, struct watching *w)
{
	for (unsigned i = 0; i == 0 || (w->calls && i < 20); i++) {
		w->calls = 0;
		run_loop(base, 200);
	}
	assert_int_equal(w->calls, 0);
}

void watch(void **state)
{
	struct event_base *base = event_base_new();
	struct watching w = {0};
	struct net_watch *watch;
	struct net_host *host;

	(void)state;
	assert_ok(net_host_new(&host, base));
	assert_ok(net_watch_new(&watch, s.ns, host, on_change, &w));
	run_loop(base, 20);
	assert_int_equal(w.calls, 0);

	assert_int_equal(probe_sh("ip -n %s addr del 10.20.0.1/24 dev vr-mgmt", s.router), 0);
	run_until(base, &w.changed, 0);
	assert_true(w.changed > 0);
	talk();
	assert_calms_down(base, &w);

	w.changed = 0;
	assert_int_equal(probe_sh("ip link set %s nomaster", s.d.leg[NET_PUBLIC].hostname), 0);
	run_until(base, &w.changed, 200);
	assert_true(w.changed > 0);
	talk();
	assert_calms_down(base, &w);

	/* other links of the host come and go */
	w.calls = 0;
	assert_int_equal(probe_sh("ip link add other type bridge && ip link set other up && "
				  "ip link del other"),
			 0);
	run_loop(base, 200);
	assert_int_equal(w.calls, 0);

	/* a storm of what matters */
	assert_int_equal(
		probe_sh("for i in $(seq 1 100); do echo addr add 192.0.2.$i/32 dev vr-ex; "
			 "done | ip -n %s -batch -",
			 s.router),
		0);
	run_until(base, &w.calls, 500);
	assert_in_range(w.calls, 1, 12);
	assert_int_equal(ensure(true), 0);
	net_watch_free(watch);
	net_host_free(host);
	event_base_free(base);
}

/* ---- rules ---- */

static void list_rules(char *buf, size_t cap)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "ip netns exec %s nft --stateless list table inet vrouter",
		 s.router);
	probe_output(cmd, buf, cap);
}

static void watch_rules(struct watching *w, const char *cmd)
{
	w->rules = 0;
	w->news = (struct net_news){.net = false};
	assert_int_equal(probe_sh("ip netns exec %s sh -c '%s'", s.router, cmd), 0);
}

static void assert_not_ours(struct event_base *base, struct watching *w, const char *cmd)
{
	watch_rules(w, cmd);
	run_loop(base, 150);
	assert_int_equal(w->rules, 0);
}

/* libnftables waits by select(). */
void many_files(void **state)
{
	int fd[1200];
	struct rlimit l;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	assert_ok(nft_reserve());
	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd[i] >= 0);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_ok(nat_replace(s.ns, &s.d, reason));
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	talk();
}

/* Who changes our table is noticed, and named; neither we nor who changes another one. */
void drift_of_rules(void **state)
{
	static const char *const spoil[] = {
		"nft flush chain inet vrouter postrouting",
		"nft insert rule inet vrouter forward drop",
		"nft chain inet vrouter input { policy drop \\; }",
		"nft delete table inet vrouter",
		"nft flush ruleset",
	};
	struct event_base *base = event_base_new();
	struct watching w = {0};
	struct net_watch *watch;
	struct net_host *host;
	char before[8192], after[8192];

	(void)state;
	assert_ok(net_host_new(&host, base));
	assert_ok(net_watch_new(&watch, s.ns, host, on_change, &w));
	for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
		watch_rules(&w, spoil[i]);
		run_until(base, &w.rules, 150);
		if (w.rules == 0)
			fail_msg("not noticed: %s", spoil[i]);
		assert_int_equal(strncmp(w.news.by, "nft (pid ", 9), 0);
		w.rules = 0;
		assert_ok(nat_replace(s.ns, &s.d, reason));
		assert_ok(nat_replace(s.ns, &s.d, reason));
		run_loop(base, 150);
		assert_int_equal(w.rules, 0);
		talk();
	}
	assert_not_ours(base, &w, "nft add table inet other");
	assert_not_ours(base, &w, "nft add table ip vrouter");
	assert_not_ours(base, &w, "nft delete table inet other && nft delete table ip vrouter");
	net_watch_free(watch);
	net_host_free(host);
	event_base_free(base);

	/* what happened while nobody watched: a rule less, a rule more */
	list_rules(before, sizeof(before));
	assert_int_equal(
		probe_sh("ip netns exec %s nft flush chain inet vrouter postrouting", s.router), 0);
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	list_rules(after, sizeof(after));
	assert_string_equal(before, after);
	assert_int_equal(
		probe_sh("ip netns exec %s nft insert rule inet vrouter forward drop", s.router),
		0);
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	list_rules(after, sizeof(after));
	assert_string_equal(before, after);
	talk();
}

/* ---- looks ---- */

static void assert_look(struct net_look what, const char *why)
{
	char text[NET_REASON_MAX];
	int n = net_look(s.ns, &what, text);

	if (n < 0 || (n == 1) != !why || (why && !strstr(text, why)))
		fail_msg("%d \"%s\" instead of \"%s\"", n, text, why ? why : "");
}

static struct net_look route(const char *dst, bool host)
{
	struct net_look l = {.kind = NET_LOOK_ROUTE, .host = host, .table = RT_TABLE_MAIN};

	assert_int_equal(ip_prefix_parse(&l.dst, dst), 0);
	return l;
}

static void looks_at_links(void)
{
	struct net_look leg = {.kind = NET_LOOK_CARRIER};
	struct net_look port = {.kind = NET_LOOK_PORT, .host = true, .bridge = "br-ex"};
	struct net_look none = {.kind = NET_LOOK_CARRIER, .host = true, .ifname = "no-such"};

	strcpy(leg.ifname, s.d.leg[NET_PUBLIC].ifname);
	strcpy(leg.bridge, "br-ex");
	strcpy(port.ifname, s.d.leg[NET_PUBLIC].hostname);
	assert_look(none, "interface no-such does not exist");
	assert_look(leg, NULL);
	assert_look(port, NULL);
	assert_int_equal(probe_sh("ip link set %s nomaster", port.ifname), 0);
	assert_look(port, "is not in bridge br-ex");
	assert_int_equal(probe_sh("ip link set %s master br-mgmt", port.ifname), 0);
	assert_look(port, "is not in bridge br-ex");
	assert_int_equal(probe_sh("ip link set %s down", port.ifname), 0);
	assert_look(leg, "has no carrier");
	strcpy(port.bridge, "br-mgmt");
	assert_look(port, "is disabled");
	ensure(true);
	assert_look(leg, NULL);
	assert_int_equal(probe_sh("ip link set br-ex down"), 0);
	assert_look(leg, "interface br-ex is down");
	assert_int_equal(probe_sh("ip link set br-ex up"), 0);
}

void looks(void **state)
{
	struct net_look other = route("192.0.2.0/24", true);

	(void)state;
	ensure(true);
	looks_at_links();
	ensure(true);
	assert_look(route("0.0.0.0/0", false), NULL);
	assert_look(route("198.18.0.0/24", false), NULL);
	assert_look(route("198.18.0.0/25", false), "no route to 198.18.0.0/25");
	assert_look(route("::/0", false), "no route to ::/0 in table 254");
	assert_look(other, "no route to");
	other.table = 4711;
	assert_look(other, "table 4711");
	assert_int_equal(probe_sh("ip route add 192.0.2.0/24 dev br-mgmt table 4711"), 0);
	assert_look(other, NULL);
	assert_int_equal(probe_sh("ip route replace blackhole 192.0.2.0/24 table 4711"), 0);
	assert_look(other, "no usable route to");
	assert_int_equal(probe_sh("ip route flush table 4711"), 0);
	ensure(false);
	/* what is left is the route of last resort, which drops */
	assert_look(route("0.0.0.0/0", false), "no usable route to 0.0.0.0/0");
	ensure(true);
	talk();
}

/* ---- probes ---- */

struct hearing {
	struct event_base *base;
	unsigned heard;
};

static void on_heard(void *ctx, const uint8_t mac[static NET_MAC_BYTES])
{
	struct hearing *h = ctx;

	(void)mac;
	h->heard++;
	event_base_loopbreak(h->base);
}

static unsigned ask(struct net_probe *p, struct hearing *h, const struct ip_addr *target, int ms)
{
	const struct ip_addr *from = probe_source(&s.d.leg[NET_PUBLIC], target);

	h->heard = 0;
	assert_non_null(from);
	assert_ok(net_probe_send(p, from));
	run_loop(h->base, ms);
	return h->heard;
}

/* The gateway is there, its neighbour is not; one that is not ours to hear is not heard; a leg that
 * was made anew is still listened to. */
void probe(const char *there, const char *missing)
{
	struct hearing h = {.base = event_base_new()};
	struct ip_addr is, not ;
	struct net_probe *p, *q;

	ensure(true);
	assert_int_equal(ip_addr_parse(&is, there), 0);
	assert_int_equal(ip_addr_parse(&not, missing), 0);
	assert_ok(net_probe_new(&p, s.ns, h.base, s.d.leg[NET_PUBLIC].ifname, &is,
				NET_PROBE_ANSWERS, on_heard, &h));
	assert_ok(net_probe_new(&q, s.ns, h.base, s.d.leg[NET_PUBLIC].ifname, &not,
				NET_PROBE_ANSWERS, on_heard, &h));
	assert_int_equal(ask(p, &h, &is, PROBE_WAIT_MS), 1);
	assert_int_equal(ask(q, &h, &not, 200), 0);
	assert_int_equal(probe_sh("ip -n %s link del %s", s.router, s.d.leg[NET_PUBLIC].ifname), 0);
	assert_int_equal(net_probe_renew(p), -ENODEV);
	ensure(true);
	/* its port forwards a moment later */
	for (int i = 0; i < 50 && ask(p, &h, &is, 100) == 0; i++)
		;
	assert_int_equal(h.heard, 1);
	net_probe_free(p);
	net_probe_free(q);
	event_base_free(h.base);
}

void probes(void **state)
{
	(void)state;
	probe("198.18.0.254", "198.18.0.77");
	talk();
}

/* ---- adoption and changes while it runs ---- */

static void table(char *buf, size_t cap)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "ip netns exec %s nft list ruleset", s.router);
	probe_output(cmd, buf, cap);
	assert_non_null(strstr(buf, "snat ip to"));
}

void adoption(void **state)
{
	char before[8192], after[8192];
	uint8_t mac[2][ETH_ALEN];
	bool created = true;

	(void)state;
	mac_of(NET_PUBLIC, mac[0]);
	table(before, sizeof(before));
	netns_close(s.ns);
	assert_ok(netns_open(&s.ns, s.router, &created, reason));
	assert_false(created);
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	assert_int_equal(ensure(true), 0);
	mac_of(NET_PUBLIC, mac[1]);
	assert_memory_equal(mac[0], mac[1], ETH_ALEN);
	table(after, sizeof(after)); /* counters included, some of which are not zero */
	assert_string_equal(before, after);
	talk();
}

void new_rules_keep_flows(void **state)
{
	char text[8192];

	(void)state;
	s.d.nat_random = true;
	assert_ok(nat_ensure(s.ns, &s.d, reason));
	table(text, sizeof(text));
	assert_non_null(strstr(text, "fully-random"));
	talk();
}

void new_vip(void **state)
{
	struct ip_prefix old = s.d.leg[NET_PUBLIC].vip[0];
	struct net_actual a;

	(void)state;
	assert_int_equal(ip_prefix_parse(&s.d.leg[NET_PUBLIC].vip[0], "198.18.0.2/24"), 0);
	assert_int_equal(ensure(true), 2);
	assert_int_equal(ensure(true), 0);
	a = look();
	assert_int_equal(a.leg[NET_PUBLIC].n_addrs, 1);
	assert_true(a.route[NET_V4].exists);
	s.d.leg[NET_PUBLIC].vip[0] = old;
	ensure(true);
	talk();
}

void bridge_made_anew(void **state)
{
	(void)state;
	assert_int_equal(probe_sh("ip link del br-ex"), 0);
	assert_fault("bridge br-ex does not exist");
	assert_int_equal(look().leg[NET_MANAGEMENT].n_addrs, 0);
	assert_int_equal(probe_sh("ip link add br-ex mtu 1400 type bridge && "
				  "ip link set gate master br-ex"),
			 0);
	assert_fault("bridge br-ex is down");
	assert_int_equal(probe_sh("ip link set br-ex up"), 0);
	ensure(true);
	talk();

	assert_int_equal(probe_sh("ip link del %s", s.d.leg[NET_PUBLIC].hostname), 0);
	ensure(true);
	assert_int_equal(ensure(true), 0);
	assert_int_equal(probe_sh("ip -n %s neigh flush all", s.gateway), 0);
	talk();
}

/* ---- the end ---- */

void demotion(void **state)
{
	struct net_actual a;

	(void)state;
	assert_int_equal(ensure(false), 3);
	a = look();
	assert_int_equal(a.leg[NET_MANAGEMENT].n_addrs, 0);
	assert_int_equal(a.leg[NET_PUBLIC].n_addrs, 0);
	assert_false(a.route[NET_V4].exists);
	assert_true(a.blackhole[NET_V4]);
	ensure(true);
	talk(); /* the flow is still known */
	ensure(false);
}

void teardown(void **state)
{
	char text[64];

	(void)state;
	assert_ok(net_teardown(s.ns, &s.d, reason));
	assert_ok(net_teardown(s.ns, &s.d, reason));
	assert_int_equal(probe_sh("ip -n %s -br link | grep -q vr-", s.router) == 0, 0);
	assert_int_equal(probe_sh("ip -br link | grep -q %s", s.d.leg[0].hostname) == 0, 0);
	snprintf(text, sizeof(text), "ip netns exec %s nft list ruleset", s.router);
	assert_int_equal(probe_sh("test -z \"$(%s)\"", text), 0);

	ensure(false);
	assert_ok(netns_remove(s.router)); /* although s.ns keeps it alive */
	assert_int_equal(probe_sh("ip netns list | grep -qw %s", s.router) == 0, 0);
	assert_int_equal(probe_sh("ip -br link | grep -q %s", s.d.leg[0].hostname) == 0, 0);
	assert_int_equal(netns_remove(s.router), -ENOENT);
	netns_close(s.ns);
	s.ns = NULL;
}
