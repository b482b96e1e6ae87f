/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reload changes, and what of it a running daemon can take. Pure. */
#include <string.h>

#include "conf_services.h"
#include "conf_track.h"

static bool same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static const char *diff_sync(const struct conf_sync *a, const struct conf_sync *b)
{
	if (a->present != b->present)
		return "sync";
	if (!a->present)
		return NULL;
	if (a->stock != b->stock)
		return "sync: engine";
	if (a->conntrackd != b->conntrackd) /* another process, with all that it is told */
		return NULL;
	if (a->n_interfaces != b->n_interfaces)
		return "sync: interface";
	for (unsigned i = 0; i < a->n_interfaces; i++)
		if (!same_text(a->interface[i], b->interface[i]))
			return "sync: interface";
	for (unsigned i = 0; i < a->n_interfaces; i++) {
		struct ip_addr one = conf_sync_group(a, i), other = conf_sync_group(b, i);

		if (!ip_addr_equal(&one, &other))
			return "sync: group";
		if (conf_sync_port(a, i) != conf_sync_port(b, i))
			return "sync: port";
	}
	if (a->n_peers != b->n_peers)
		return "sync: peers";
	for (unsigned i = 0; i < a->n_peers; i++)
		if (!ip_addr_equal(&a->peer[i].addr, &b->peer[i].addr) ||
		    strcmp(a->peer[i].interface, b->peer[i].interface) != 0)
			return "sync: peers";
	if (a->conntrackd != b->conntrackd)
		return "sync: protocol";
	if (a->mode != b->mode)
		return "sync: mode";
	if (a->tcp != b->tcp)
		return "sync: transport";
	if (a->checksum != b->checksum)
		return "sync: checksum";
	if (a->refresh_s != b->refresh_s)
		return "sync: refresh";
	if (a->sealed != b->sealed)
		return "sync: security";
	if (a->hold_new_ms != b->hold_new_ms)
		return "sync: hold-new";
	if (a->ring_kb != b->ring_kb)
		return "sync: ring";
	/* key-file may change: keys are read again at each reload; the filter is the routers' */
	return NULL;
}

bool conf_protocol_changes(const struct conf *old, const struct conf *new)
{
	return old->sync.conntrackd != new->sync.conntrackd;
}

const char *conf_diff_global(const struct conf *old, const struct conf *new)
{
	if (!same_text(old->controller.name, new->controller.name))
		return "controller: name";
	if (!same_text(old->controller.run_dir, new->controller.run_dir))
		return "controller: run-dir";
	if (!same_text(old->controller.state_dir, new->controller.state_dir))
		return "controller: state-dir";
	if (!same_text(old->controller.control_socket, new->controller.control_socket))
		return "controller: control-socket";
	if (old->controller.realtime != new->controller.realtime)
		return "controller: realtime";
	if (!same_text(old->controller.ovs_db, new->controller.ovs_db))
		return "controller: ovs-db";
	return diff_sync(&old->sync, &new->sync);
}

/* In this order, too: the first public one of a family is what is translated to. */
static bool same_vips(const struct conf_leg *a, const struct conf_leg *b)
{
	if (a->automatic || b->automatic) /* see conf_vips_refused() */
		return true;
	if (a->n_vips != b->n_vips)
		return false;
	for (unsigned i = 0; i < a->n_vips; i++)
		if (!ip_addr_equal(&a->vip[i].addr, &b->vip[i].addr) ||
		    a->vip[i].len != b->vip[i].len)
			return false;
	return true;
}

static bool same_gateways(const struct conf_router *a, const struct conf_router *b)
{
	if (a->n_gateways != b->n_gateways)
		return false;
	for (unsigned i = 0; i < a->n_gateways; i++)
		if (!ip_addr_equal(&a->gateway[i], &b->gateway[i]))
			return false;
	return true;
}

/* The same ones, in this order: by that they are known to neighbours' replicas. */
static bool same_extra_legs(const struct conf_router *a, const struct conf_router *b)
{
	if (a->n_extra_legs != b->n_extra_legs)
		return false;
	for (unsigned i = NET_LEGS; i < conf_legs(a); i++)
		if (!same_text(a->leg[i].name, b->leg[i].name) ||
		    !same_text(a->leg[i].interface, b->leg[i].interface))
			return false;
	return true;
}

const char *conf_refused_election(const struct conf_router *a, const struct conf_router *b)
{
	if (a->election.mode != b->election.mode)
		return "election: mode";
	if (a->election.mode != CONF_ELECTION_VRRP)
		return NULL;
	if (!same_text(a->election.group, b->election.group))
		return "election: group";
	if (!same_text(a->election.interface, b->election.interface))
		return "election: interface";
	if (a->election.ipv6 != b->election.ipv6)
		return "election: family";
	/* Some heard by multicast and some by unicast: there would be two ACTIVE. */
	if (!a->election.peers.n != !b->election.peers.n)
		return "election: peers";
	if (a->election.vrid != b->election.vrid)
		return "election: vrid";
	if (a->election.version != b->election.version)
		return "election: version";
	/* a peer that has another one does not count there */
	if (a->election.version == 2 &&
	    a->election.advert_interval_ms != b->election.advert_interval_ms)
		return "election: advert-interval";
	return NULL;
}

/* The option that cannot change while the router runs, or NULL. */
static const char *refused(const struct conf_router *a, const struct conf_router *b)
{
	const char *what = conf_refused_election(a, b);

	if (!same_text(a->namespace, b->namespace))
		return "namespace";
	if (!same_text(a->leg[NET_MANAGEMENT].interface, b->leg[NET_MANAGEMENT].interface))
		return "management: interface";
	if (!same_text(a->leg[NET_PUBLIC].interface, b->leg[NET_PUBLIC].interface))
		return "public: interface";
	if (!same_extra_legs(a, b))
		return "leg";
	if (!what)
		what = conf_vips_refused(a, b);
	if (what || a->election.mode != CONF_ELECTION_VRRP || a->election.group[0])
		return what;
	/* Advertisements carry the VIPs, and a peer that has others does not count: with the two
	 * changed one after the other, both would become ACTIVE. */
	if (!same_vips(&a->leg[NET_MANAGEMENT], &b->leg[NET_MANAGEMENT]))
		return "management: vip";
	if (!same_vips(&a->leg[NET_PUBLIC], &b->leg[NET_PUBLIC]))
		return "public: vip";
	for (unsigned i = NET_LEGS; i < conf_legs(a); i++)
		if (!same_vips(&a->leg[i], &b->leg[i]))
			return "leg: vip";
	return NULL;
}

static bool same_peers(const struct vrrp_peers *a, const struct vrrp_peers *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!ip_addr_equal(&a->addr[i], &b->addr[i]))
			return false;
	return true;
}

static bool same_filter(const struct conf_filter *a, const struct conf_filter *b)
{
	struct flow_filter x, y;

	conf_filter(&x, a);
	conf_filter(&y, b);
	return flow_filter_equal(&x, &y);
}

static bool same_nat(const struct conf_router *a, const struct conf_router *b)
{
	struct nat_rules x, y;

	conf_nat_rules(&x, a);
	conf_nat_rules(&y, b);
	return a->nat == b->nat && a->nat_random == b->nat_random && nat_rules_equal(&x, &y);
}

static bool same_ranges(const struct conf_leg *a, const struct conf_leg *b)
{
	if (a->n_ranges != b->n_ranges)
		return false;
	for (unsigned i = 0; i < a->n_ranges; i++)
		if (!ip_addr_equal(&a->range[i].range.first, &b->range[i].range.first) ||
		    !ip_addr_equal(&a->range[i].range.last, &b->range[i].range.last))
			return false;
	return true;
}

static bool same_live(const struct conf_router *a, const struct conf_router *b)
{
	for (unsigned i = 0; i < conf_legs(a); i++)
		if (!same_vips(&a->leg[i], &b->leg[i]) || !same_ranges(&a->leg[i], &b->leg[i]) ||
		    !conf_leg_same_wire(&a->leg[i], &b->leg[i]) || a->leg[i].mtu != b->leg[i].mtu ||
		    a->leg[i].outside != b->leg[i].outside)
			return false;
	return same_gateways(a, b) && conf_routes_same(a, b) &&
	       same_peers(&a->election.peers, &b->election.peers) && same_nat(a, b) &&
	       a->election.priority == b->election.priority &&
	       a->election.advert_interval_ms == b->election.advert_interval_ms &&
	       a->election.preempt == b->election.preempt &&
	       a->election.preempt_delay_s == b->election.preempt_delay_s &&
	       a->election.plain_sum == b->election.plain_sum &&
	       a->election.auth == b->election.auth &&
	       a->election.virtual_mac == b->election.virtual_mac &&
	       a->election.veto == b->election.veto &&
	       a->election.fast_detect == b->election.fast_detect &&
	       a->election.fast_interval_ms == b->election.fast_interval_ms &&
	       same_text(a->fence, b->fence) && a->fence_timeout_s == b->fence_timeout_s &&
	       a->election.accept == b->election.accept && a->sync_hold_s == b->sync_hold_s &&
	       a->drain_ms == b->drain_ms && a->linger_ms == b->linger_ms &&
	       a->announce_refresh_s == b->announce_refresh_s &&
	       a->warm_neighbours == b->warm_neighbours &&
	       same_text(a->on_role_change, b->on_role_change) &&
	       a->on_role_change_timeout_s == b->on_role_change_timeout_s && a->crash == b->crash &&
	       a->adopt_timeout_s == b->adopt_timeout_s && same_filter(&a->filter, &b->filter) &&
	       conf_tracks_same(a, b) && conf_services_same(&a->services, &b->services);
}

static const struct conf_router *find(const struct conf *c, const char *name, unsigned *index)
{
	for (unsigned i = 0; i < c->n_routers; i++)
		if (same_text(c->router[i].name, name)) {
			*index = i;
			return &c->router[i];
		}
	return NULL;
}

unsigned conf_diff(const struct conf *old, const struct conf *new, struct conf_delta *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < old->n_routers; i++) {
		struct conf_delta d = {.change = CONF_REMOVED, .old_index = i};
		const struct conf_router *b = find(new, old->router[i].name, &d.new_index);

		if (b) {
			d.what = refused(&old->router[i], b);
			d.change = d.what			   ? CONF_REFUSED
				   : same_live(&old->router[i], b) ? CONF_SAME
								   : CONF_LIVE;
		}
		out[n++] = d;
	}
	for (unsigned i = 0; i < new->n_routers; i++) {
		unsigned unused;

		if (!find(old, new->router[i].name, &unused))
			out[n++] = (struct conf_delta){.change = CONF_ADDED, .new_index = i};
	}
	return n;
}

static void net_leg(struct net_leg *out, const struct conf_router *r, unsigned id)
{
	const struct conf_leg *from = &r->leg[id];
	bool ipv6 = ip_prefix_of_family(from->vip, from->n_vips, AF_INET6), link_local = false;

	snprintf(out->ifname, sizeof(out->ifname), "%s", from->interface);
	snprintf(out->bridge, sizeof(out->bridge), "%s", from->bridge);
	snprintf(out->name, sizeof(out->name), "%s", conf_leg_name(r, id));
	out->outside = from->outside;
	out->attach = from->attach;
	out->vlan = from->vlan;
	out->mtu = from->mtu;
	/* Open vSwitch knows its port by one name, here and there */
	if (from->attach == NET_ATTACH_OVS)
		snprintf(out->hostname, sizeof(out->hostname), "%s", from->interface);
	else
		net_hostname(out->hostname, r->namespace, id);
	for (unsigned i = 0; i < from->n_vips; i++) {
		out->vip[out->n_vips++] = from->vip[i];
		link_local = link_local || ip_addr_is_link_local(&from->vip[i].addr);
	}
	if (ipv6 && !link_local)
		net_own_link_local(&out->vip[out->n_vips++], r->name, id);
}

static void net_held(struct net_leg *out, const struct conf_router *r)
{
	unsigned n = conf_nat_held(out->vip + out->n_vips, r);

	out->n_vips += n < NAT_HELD_MAX ? n : NAT_HELD_MAX;
}

void conf_net_desired(struct net_desired *out, const struct conf_router *r, bool active)
{
	*out = (struct net_desired){.nat = r->nat,
				    .nat_random = r->nat_random,
				    .closed = !r->election.accept,
				    .virtual_mac = r->election.virtual_mac,
				    .n_extra = r->n_extra_legs,
				    .active = active};

	snprintf(out->router, sizeof(out->router), "%s", r->name);
	snprintf(out->namespace, sizeof(out->namespace), "%s", r->namespace);
	net_virtual_mac(out->mac, (uint8_t)r->election.vrid, conf_mac_is_ipv6(r));
	for (unsigned i = 0; i < r->n_gateways; i++)
		out->gateway[r->gateway[i].family == AF_INET6 ? NET_V6 : NET_V4] = r->gateway[i];
	for (unsigned i = 0; i < conf_legs(r); i++)
		net_leg(&out->leg[i], r, i);
	net_held(&out->leg[NET_PUBLIC], r);
	conf_nat_rules(&out->rules, r);
	conf_net_routes(out, r);
}
