/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no single value can tell: how options of a config fit together. Pure. Reports all it finds,
 * each with the line of the option that is at fault. */
#include <string.h>

#include "conf_check.h"
#include "conf_services.h"
#include "conf_track.h"

struct check {
	const struct conf *c;
	struct conf_errors *errors;
};

static int line_or(int line, int section)
{
	return line ? line : section;
}

/* An IPv6 gateway may be link-local: it is on the leg, whatever the VIPs there. */
static const char *gateway_wrong(const struct conf_leg *p, const struct ip_addr *gateway)
{
	const struct ip_prefix *net = ip_prefix_around(p->vip, p->n_vips, gateway);
	struct ip_prefix gw = {.addr = *gateway};

	if (ip_prefix_any_is(p->vip, p->n_vips, gateway))
		return "is the public vip itself";
	if (ip_addr_is_link_local(gateway))
		return ip_prefix_of_family(p->vip, p->n_vips, AF_INET6)
			       ? NULL
			       : "cannot be reached: there is no public vip of IPv6";
	if (!net)
		return "cannot be reached: it is not in the network of the public vip";
	gw.len = net->len;
	return ip_prefix_is_host(&gw) ? NULL : "is no address that a host can have";
}

static void check_gateways(const struct check *k, const struct conf_router *r)
{
	const struct conf_leg *p = &r->leg[NET_PUBLIC];
	int line = line_or(r->gateway_line, p->line);
	char a[INET6_ADDRSTRLEN], b[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < r->n_gateways; i++) {
		const struct ip_addr *gateway = &r->gateway[i];
		const struct ip_prefix *vip =
			ip_prefix_of_family(p->vip, p->n_vips, gateway->family);
		const char *why = gateway_wrong(p, gateway);

		ip_addr_format(gateway, a);
		if (why)
			conf_error(k->errors, k->c->path, line,
				   "router \"%s\": public: gateway = \"%s\": %s; allowed: another "
				   "host "
				   "of the network of \"%s\"",
				   r->name, a, why, ip_prefix_format(vip ? vip : &p->vip[0], b));
		if (i && gateway->family == r->gateway[0].family)
			conf_error(k->errors, k->c->path, line,
				   "router \"%s\": public: gateway = \"%s\": is the second one of "
				   "its IP version; allowed: one for IPv4 and one for IPv6",
				   r->name, a);
	}
}

static void check_election_family(const struct check *k, const struct conf_router *r)
{
	const char *spoken = r->election.ipv6 ? "IPv6" : "IPv4";

	if (r->election.group[0]) /* its advertisements list no VIP */
		return;
	for (unsigned i = 0; i < conf_legs(r); i++)
		if (ip_prefix_of_family(r->leg[i].vip, r->leg[i].n_vips,
					r->election.ipv6 ? AF_INET6 : AF_INET))
			return;
	conf_error(k->errors, k->c->path,
		   line_or(r->election.family_line, line_or(r->election.line, r->line)),
		   "router \"%s\": election: VRRP is spoken over %s and needs a VIP of it to tell; "
		   "allowed: at least one %s vip (or family = \"%s\", or mode = \"external\", "
		   "\"single\")",
		   r->name, spoken, spoken, r->election.ipv6 ? "ipv4" : "ipv6");
}

static void check_version(const struct check *k, const struct conf_router *r)
{
	unsigned adv = r->election.advert_interval_ms;

	if (r->election.version == 2 && adv % 1000)
		conf_error(k->errors, k->c->path,
			   line_or(r->election.advert_line, line_or(r->election.line, r->line)),
			   "router \"%s\": election: advert-interval = %u: version 2 of VRRP "
			   "counts in seconds; allowed: a multiple of 1000 from 1000 to 40000 (ms)",
			   r->name, adv);
}

/* RFC 3768 knows IPv4 only. */
static void check_version_family(const struct check *k, const struct conf_router *r)
{
	if (r->election.version == 2 && r->election.ipv6)
		conf_error(
			k->errors, k->c->path,
			line_or(r->election.version_line, line_or(r->election.line, r->line)),
			"router \"%s\": election: version = 2: knows IPv4 only; allowed: family = "
			"\"ipv4\", or version = 3",
			r->name);
}

static void check_owner(const struct check *k, const struct conf_router *r)
{
	if (r->election.priority == 255 && !r->election.accept)
		conf_error(k->errors, k->c->path,
			   line_or(r->election.accept_line, line_or(r->election.line, r->line)),
			   "router \"%s\": election: accept = false: whoever owns the addresses "
			   "(priority 255) takes what is sent to them; allowed: accept = true, or "
			   "another priority",
			   r->name);
}

static void check_auth(const struct check *k, const struct conf_router *r)
{
	const struct conf_sync *s = &k->c->sync;

	if (r->election.auth != VRRP_AUTH_NONE && (!s->present || !s->sealed || s->stock))
		conf_error(k->errors, k->c->path,
			   line_or(r->election.auth_line, line_or(r->election.line, r->line)),
			   "router \"%s\": election: auth: there is no key; allowed: with a sync "
			   "section that has a key-file (security = \"sealed\")",
			   r->name);
}

static void check_election(const struct check *k, const struct conf_router *r)
{
	int line = line_or(r->election.line, r->line);
	unsigned adv = r->election.advert_interval_ms;

	if (adv % 10 || adv < 10 || adv > 40950)
		conf_error(k->errors, k->c->path, line_or(r->election.advert_line, line),
			   "router \"%s\": election: advert-interval = %u: VRRP counts in "
			   "centiseconds; allowed: a multiple of 10 from 10 to 40950 (ms)",
			   r->name, adv);
	if (r->election.mode != CONF_ELECTION_VRRP)
		return;
	if (!r->election.interface[0])
		conf_error(
			k->errors, k->c->path, line,
			"router \"%s\": election: interface is missing; allowed: the controller's "
			"interface that VRRP speaks on (or mode = \"external\", \"single\")",
			r->name);
	if (!r->election.vrid)
		conf_error(
			k->errors, k->c->path, line,
			"router \"%s\": election: vrid is missing; allowed: a number from 1 to 255",
			r->name);
	check_election_family(k, r);
	check_version(k, r);
	check_version_family(k, r);
	check_owner(k, r);
	check_auth(k, r);
}

static void check_needs_sync(const struct check *k, const struct conf_router *r)
{
	if (!k->c->sync.present && r->election.mode != CONF_ELECTION_SINGLE)
		conf_error(
			k->errors, k->c->path, line_or(r->election.mode_line, r->line),
			"router \"%s\": several controllers need a sync section; allowed without "
			"one: election { mode = \"single\" }",
			r->name);
}

static bool is_link(const struct conf_sync *s, const char *name)
{
	for (unsigned i = 0; i < s->n_interfaces; i++)
		if (strcmp(s->interface[i], name) == 0)
			return true;
	return false;
}

static void check_peers(const struct check *k)
{
	const struct conf_sync *s = &k->c->sync;
	int line = line_or(s->peers_line, s->line);
	const char *path = k->c->path;
	char buf[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < s->n_peers; i++) {
		const struct sync_peer_addr *p = &s->peer[i];
		int family = s->group.family ? s->group.family : s->peer[0].addr.family;

		ip_addr_format(&p->addr, buf);
		if (!ip_addr_is_host(&p->addr))
			conf_error(k->errors, path, line,
				   "sync: peers: \"%s\" is no address that a host can have", buf);
		else if (p->addr.family != family)
			conf_error(k->errors, path, line,
				   "sync: peers: \"%s\" is of another IP version; allowed: one "
				   "version for group and all peers",
				   buf);
		if (p->interface[0] && !is_link(s, p->interface))
			conf_error(k->errors, path, line,
				   "sync: peers: \"%s%%%s\": %s is none of sync's interfaces", buf,
				   p->interface, p->interface);
	}
}

static bool has_tcp(const struct conf_filter *f)
{
	struct flow_filter rule;

	conf_filter(&rule, f);
	return !flow_filter_proto_out(&rule, IPPROTO_TCP);
}

/* where: "sync" or a router */
static void check_filter(const struct check *k, const struct conf_filter *f, const char *where)
{
	if (f->n_protocols && f->n_ignored_protocols)
		conf_error(k->errors, k->c->path, line_or(f->ignored_protocols_line, f->line),
			   "%s: filter: ignore-protocols and protocols are given; allowed: one of "
			   "them",
			   where);
	else if (f->n_tcp_states && !has_tcp(f))
		conf_error(k->errors, k->c->path, line_or(f->tcp_states_line, f->line),
			   "%s: filter: tcp-states: TCP is not replicated; allowed: with TCP among "
			   "the protocols",
			   where);
}

static void check_sync(const struct check *k)
{
	const struct conf_sync *s = &k->c->sync;
	char buf[INET6_ADDRSTRLEN];

	if (!s->present)
		return;
	if (s->sealed && !s->stock && !s->key_file[0])
		conf_error(k->errors, k->c->path, s->line,
			   "sync: key-file is missing; allowed: the path of a file made by "
			   "\"vrouterctl keygen\" (or security = \"none\" to send in the clear)");
	if (!s->group.family && !s->n_peers)
		conf_error(k->errors, k->c->path, s->line,
			   "sync: neither group nor peers is given; allowed: a multicast group, a "
			   "list of the other controllers' addresses, or both");
	for (unsigned i = 0; s->group.family && (i < s->n_groups || !i); i++)
		if (!ip_addr_is_multicast(&s->groups[i]))
			conf_error(
				k->errors, k->c->path, line_or(s->group_line, s->line),
				"sync: group = \"%s\": is no multicast group; allowed: 224.0.0.0 "
				"to 239.255.255.255, ff00::/8",
				ip_addr_format(&s->groups[i], buf));
	check_peers(k);
	check_filter(k, &s->filter, "sync");
	for (unsigned i = 0; i < s->n_interfaces; i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(s->interface[i], s->interface[j]) == 0)
				conf_error(
					k->errors, k->c->path, line_or(s->interface_line, s->line),
					"sync: interface: \"%s\" is listed twice", s->interface[i]);
}

static void check_router_filter(const struct check *k, const struct conf_router *r)
{
	char where[CONF_NAME_MAX + 16];

	if (!r->own_filter)
		return;
	snprintf(where, sizeof(where), "router \"%s\"", r->name);
	if (!k->c->sync.present)
		conf_error(k->errors, k->c->path, r->filter.line,
			   "%s: filter: nothing is replicated; allowed: with a sync section",
			   where);
	check_filter(k, &r->filter, where);
}

static bool of_one_group(const struct conf_router *a, const struct conf_router *b)
{
	return a->election.group[0] && strcmp(a->election.group, b->election.group) == 0;
}

static void check_pair(const struct check *k, const struct conf_router *a,
		       const struct conf_router *b)
{
	bool vrrp =
		a->election.mode == CONF_ELECTION_VRRP && b->election.mode == CONF_ELECTION_VRRP;

	if (strcmp(a->name, b->name) == 0)
		conf_error(k->errors, k->c->path, b->line,
			   "router \"%s\": there is one of this name already (line %d)", b->name,
			   a->line);
	else if (id_of(a->name) == id_of(b->name))
		conf_error(k->errors, k->c->path, b->line,
			   "router \"%s\": replication cannot tell its name from \"%s\" (both are "
			   "%08x on the wire); allowed: another name",
			   b->name, a->name, id_of(a->name));
	if (strcmp(a->namespace, b->namespace) == 0)
		conf_error(k->errors, k->c->path, line_or(b->namespace_line, b->line),
			   "router \"%s\": namespace = \"%s\": is router \"%s\"'s, too; allowed: a "
			   "namespace of its own",
			   b->name, b->namespace, a->name);
	if (vrrp && !of_one_group(a, b) && a->election.vrid &&
	    a->election.vrid == b->election.vrid && a->election.ipv6 == b->election.ipv6 &&
	    strcmp(a->election.interface, b->election.interface) == 0)
		conf_error(
			k->errors, k->c->path, line_or(b->election.vrid_line, b->election.line),
			"router \"%s\": election: vrid = %u: is router \"%s\"'s, too, on interface "
			"\"%s\"; allowed: a VRID of its own",
			b->name, b->election.vrid, a->name, b->election.interface);
	conf_check_legs_of_two(k->c, a, b, k->errors);
	conf_nat_check_pair(k->c, a, b, k->errors);
	conf_check_host_links(k->c, a, b, k->errors);
}

static void check_fence(const struct check *k, const struct conf_router *r)
{
	if (r->fence[0] && r->election.mode != CONF_ELECTION_VRRP)
		conf_error(k->errors, k->c->path, line_or(r->fence_line, r->line),
			   "router \"%s\": fence: nobody is given up here for being silent; "
			   "allowed: with election mode \"vrrp\"",
			   r->name);
}

static void check_fast(const struct check *k, const struct conf_router *r)
{
	int line = line_or(r->election.fast_detect_line, line_or(r->election.line, r->line));

	if (r->election.fast_detect == 1)
		conf_error(
			k->errors, k->c->path, line,
			"router \"%s\": election: fast-detect = 1: one heartbeat can be late, or "
			"be lost; allowed: 0 (off), or 2 to 100",
			r->name);
	if (r->election.fast_detect && r->election.mode != CONF_ELECTION_VRRP)
		conf_error(
			k->errors, k->c->path, line,
			"router \"%s\": election: fast-detect: nobody is given up here for being "
			"silent; allowed: with election mode \"vrrp\"",
			r->name);
}

static void check_crash(const struct check *k, const struct conf_router *r)
{
	int line = line_or(r->crash_line, r->line);

	if (r->crash != CONF_CRASH_ADOPT)
		return;
	if (r->election.mode != CONF_ELECTION_VRRP)
		conf_error(k->errors, k->c->path, line,
			   "router \"%s\": crash = \"adopt\": %s; allowed: with election mode "
			   "\"vrrp\"",
			   r->name,
			   r->election.mode == CONF_ELECTION_SINGLE
				   ? "with election mode \"single\" the VIPs stay in any case"
				   : "with election mode \"external\" the cluster manager decides");
}

void conf_check(const struct conf *c, struct conf_errors *errors)
{
	const struct check k = {.c = c, .errors = errors};

	if (!c->n_routers)
		conf_error(errors, c->path, 0,
			   "there is no router; allowed: router \"NAME\" { ... }, at least one");
	check_sync(&k);
	conf_check_conntrackd(c, errors);
	conf_check_stock(c, errors);
	for (unsigned i = 0; i < c->n_routers; i++) {
		const struct conf_router *r = &c->router[i];

		conf_check_legs(c, r, errors);
		conf_vips_check(c, r, errors);
		check_gateways(&k, r);
		conf_check_routes(c, r, errors);
		check_election(&k, r);
		conf_check_election_peers(c, r, errors);
		conf_nat_check(c, r, errors);
		check_needs_sync(&k, r);
		check_router_filter(&k, r);
		check_fence(&k, r);
		check_fast(&k, r);
		conf_track_check(c->path, r, errors);
		conf_check_group(c, i, errors);
		check_crash(&k, r);
		conf_services_check(c->path, r, errors);
		for (unsigned j = 0; j < i; j++)
			check_pair(&k, &c->router[j], r);
	}
}
