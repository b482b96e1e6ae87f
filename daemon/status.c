/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roles, faults and alarms. vrouterctl prints its readable form from the same objects, so the two
 * cannot differ. */
#include "status.h"

#include <string.h>
#include <time.h>

#include "clock.h"
#include "conf_track.h"

const char *status_time(uint64_t wall, char text[static STATUS_TIME_LEN])
{
	char day[32];
	time_t s = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, STATUS_TIME_LEN, "%s.%03uZ", day, (unsigned)(wall % 1000));
	return text;
}

static void put_alarms(struct jbuf *b, const struct app *a, const struct router_view *v)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} row[] = {
		{ENGINE_ALARM_TABLE_FULL, "table-full"},
		{ENGINE_ALARM_ID_CLASH, "id-clash"},
		{ENGINE_ALARM_OVERRUN, "event-overrun"},
		{ENGINE_ALARM_TWO_SOURCES, "two-sources"},
		{ENGINE_ALARM_TABLE_SMALL, "table-too-small"},
		{ENGINE_ALARM_BEHIND, "replica-behind"},
		{ENGINE_ALARM_CLASH, "flow-clash"},
		{ENGINE_ALARM_SEND, "send-failed"},
	};

	jbuf_open(b, "alarms", '[');
	for (unsigned i = 0; v->report && i < ARRAY_LEN(row); i++)
		if (v->report->status.alarms & row[i].bit)
			jbuf_text(b, NULL, row[i].text);
	for (unsigned i = 0; i < ROUTER_ALARMS; i++)
		if (v->alarm[i]->text[0])
			jbuf_format(b, NULL, "%s: %s", router_alarm_name((enum router_alarm_kind)i),
				    v->alarm[i]->text);
	if (v->life->sync == LIFE_SYNC_DOWN)
		jbuf_text(b, NULL, "replication-down");
	for (unsigned i = 0; i < a->n_links; i++)
		jbuf_format(b, NULL, "link-down: %s: %s", a->link[i].interface, a->link[i].text);
	jbuf_close(b, ']');
}

static unsigned live_peers(const struct router_view *v)
{
	unsigned n = 0;

	for (unsigned i = 0; v->report && i < v->report->n_peers; i++)
		n += !v->report->peer[i].lost;
	return n;
}

/* ---- addresses --------------------------------------------------------------------------------
 */

static void put_leg_vips(struct jbuf *b, const struct conf_leg *leg, bool pending)
{
	char buf[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < leg->n_vips && !(leg->automatic && pending); i++)
		jbuf_text(b, NULL, ip_prefix_format(&leg->vip[i], buf));
}

static void put_leg(struct jbuf *b, const struct conf_router *c, unsigned i, bool pending)
{
	static const char *const kind[] = {[NET_ATTACH_BRIDGE] = "bridge",
					   [NET_ATTACH_MACVLAN] = "macvlan",
					   [NET_ATTACH_OVS] = "ovs"};
	const struct conf_leg *leg = &c->leg[i];
	bool outside = i == NET_PUBLIC || leg->outside;

	jbuf_open(b, NULL, '{');
	jbuf_text(b, "name", conf_leg_name(c, i));
	jbuf_text(b, "side", outside ? "outside" : "inside");
	jbuf_text(b, "interface", leg->interface);
	jbuf_format(b, "attach", "%s:%s", kind[leg->attach], leg->bridge);
	jbuf_int(b, "vlan", leg->vlan);
	jbuf_open(b, "vips", '[');
	put_leg_vips(b, leg, pending);
	jbuf_close(b, ']');
	jbuf_close(b, '}');
}

void status_vips(struct jbuf *b, const struct conf_router *c, bool pending)
{
	static const char *const name[NET_LEGS] = {"management_vips", "public_vips"};

	for (unsigned i = 0; i < NET_LEGS; i++) {
		jbuf_open(b, name[i], '[');
		put_leg_vips(b, &c->leg[i], pending);
		jbuf_close(b, ']');
	}
	jbuf_open(b, "legs", '[');
	for (unsigned i = 0; i < conf_legs(c); i++)
		put_leg(b, c, i, pending);
	jbuf_close(b, ']');
	jbuf_open(b, "vips", '[');
	for (unsigned i = 0; i < conf_legs(c); i++)
		put_leg_vips(b, &c->leg[i], pending);
	jbuf_close(b, ']');
}

static void put_vip_choice(struct jbuf *b, const struct router_vips_view *v)
{
	jbuf_open(b, "vip_choice", '{');
	jbuf_text(b, "state", v->failed ? "failed" : v->pending ? "choosing" : "agreed");
	jbuf_said(b, "reason", v->pending ? v->why : NULL);
	jbuf_int(b, "searches", (int64_t)v->stats.searches);
	jbuf_int(b, "probes", (int64_t)v->stats.asked);
	jbuf_int(b, "not_free", (int64_t)v->stats.not_free);
	jbuf_int(b, "conflicts", (int64_t)v->stats.conflicts);
	jbuf_close(b, '}');
}

static void put_all_vips(struct jbuf *b, const struct router *r, const struct conf_router *c)
{
	struct router_vips_view vips;
	bool chosen = router_vips_view(r, &vips);

	status_vips(b, c, chosen && vips.pending);
	if (chosen)
		put_vip_choice(b, &vips);
	else
		jbuf_null(b, "vip_choice");
}

/* ---- the election -----------------------------------------------------------------------------
 */

/* Who we are in it, and whom we speak to by unicast; by multicast there is nobody to name. */
static void put_ends(struct jbuf *b, const struct vrrp_ends *e)
{
	char text[INET6_ADDRSTRLEN];

	jbuf_text(b, "address", e->self.family ? ip_addr_format(&e->self, text) : NULL);
	jbuf_open(b, "peers", '[');
	for (unsigned i = 0; e->unicast && i < e->n_to; i++)
		jbuf_text(b, NULL, ip_addr_format(&e->to[i], text));
	jbuf_close(b, ']');
}

static void put_bid(struct jbuf *b, const struct router_view *v)
{
	const struct conf_router *c = v->conf;

	jbuf_said(b, "group", v->group);
	jbuf_int(b, "group_routers", v->group_size);
	jbuf_int(b, "vrid", c->election.vrid);
	jbuf_int(b, "priority", c->election.priority);
	jbuf_int(b, "effective_priority", v->priority);
	jbuf_int(b, "advert_interval_ms", c->election.advert_interval_ms);
	jbuf_bool(b, "preempt", c->election.preempt);
	jbuf_bool(b, "veto", c->election.veto);
}

static void put_heard(struct jbuf *b, const struct router_view *v)
{
	char from[INET6_ADDRSTRLEN];

	if (!v->heard)
		return;
	jbuf_text(b, "heard_from", ip_addr_format(&v->heard_from, from));
	jbuf_int(b, "heard_priority", v->heard_prio);
	jbuf_int(b, "heard_ms_ago", (int64_t)(v->heard_us_ago / 1000));
}

static void put_vrrp(struct jbuf *b, const struct router_view *v)
{
	static const char *const auth[] = {"none", "offer", "hmac"};
	const struct conf_router *c = v->conf;

	jbuf_text(b, "state", vrrp_state_name(v->vrrp->state));
	jbuf_text(b, "family", c->election.ipv6 ? "ipv6" : "ipv4");
	jbuf_text(b, "interface", c->election.interface);
	put_ends(b, v->ends);
	put_bid(b, v);
	jbuf_int(b, "fast_detect", c->election.fast_detect);
	jbuf_int(b, "fast_interval_ms", c->election.fast_interval_ms);
	jbuf_text(b, "heartbeats", engine_heartbeats_name(v->beats));
	jbuf_int(b, "version", c->election.version);
	jbuf_text(b, "auth", auth[c->election.auth]);
	jbuf_int(b, "preempt_delay_s", c->election.preempt_delay_s);
	jbuf_int(b, "preempt_delay_left_ms", (int64_t)(v->preempt_delay_us / 1000));
	jbuf_bool(b, "blind", v->vrrp->blind && v->vrrp->state == VRRP_ACTIVE && !v->vrrp->boosted);
	put_heard(b, v);
}

static void put_election(struct jbuf *b, const struct router_view *v)
{
	static const char *const mode[] = {"vrrp", "external", "single"};

	jbuf_open(b, "election", '{');
	jbuf_text(b, "mode", mode[v->conf->election.mode]);
	if (v->vrrp)
		put_vrrp(b, v);
	jbuf_close(b, '}');
}

/* ---- replication and the rest -----------------------------------------------------------------
 */

static void put_int_of(struct jbuf *b, const char *key, const struct sync_msg_report *r, int64_t v)
{
	if (r)
		jbuf_int(b, key, v);
	else
		jbuf_null(b, key);
}

static void put_replication(struct jbuf *b, const struct router_view *v)
{
	const struct sync_msg_report *r = v->report;

	jbuf_text(b, "sync", life_sync_name(v->life->sync));
	put_int_of(b, "sync_percent", r, r ? r->status.repair_percent : 0);
	jbuf_said(b, "source", r ? r->status.source_name : NULL);
	put_int_of(b, "lag_ms", r, r ? (int64_t)r->lag_ms : 0);
	put_int_of(b, "flows", r, r ? r->flows : 0);
	put_int_of(b, "flows_max", r, r ? r->flows_max : 0);
	jbuf_int(b, "peers", live_peers(v));
}

void status_neighbours(struct jbuf *b, const struct router_neigh_stats *n)
{
	jbuf_open(b, "neighbours", '{');
	jbuf_int(b, "known", n->known);
	jbuf_int(b, "installed", n->installed);
	jbuf_int(b, "refused", (int64_t)n->refused);
	jbuf_int(b, "left_out", (int64_t)n->left_out);
	jbuf_int(b, "install_us", (int64_t)n->install_us);
	jbuf_close(b, '}');
}

static void put_track(struct jbuf *b, const struct conf_track *c, const struct track *t,
		      const char *effect)
{
	uint64_t now = now_ms();
	char what[CONF_TRACK_WHAT_MAX];

	jbuf_open(b, NULL, '{');
	jbuf_text(b, "name", c->name);
	jbuf_text(b, "kind", track_kind_name(c->kind));
	jbuf_text(b, "what", conf_track_what(c, what));
	jbuf_text(b, "state", track_state_name(t->state));
	jbuf_text(b, "effect", effect);
	jbuf_bool(b, "judged", track_is_judged(&c->rule, t));
	if (c->rule.weight)
		jbuf_int(b, "weight", c->rule.weight);
	else
		jbuf_null(b, "weight");
	jbuf_said(b, "reason", t->state == TRACK_FAILING ? t->why : NULL);
	jbuf_int(b, "held_ms", t->hold_until_ms > now ? (int64_t)(t->hold_until_ms - now) : 0);
	jbuf_int(b, "samples", (int64_t)t->samples);
	jbuf_int(b, "failed", (int64_t)t->failed);
	jbuf_int(b, "changes", (int64_t)t->changes);
	jbuf_close(b, '}');
}

static void put_tracks(struct jbuf *b, const struct router *r, const struct conf_router *c)
{
	jbuf_open(b, "tracks", '[');
	for (unsigned i = 0; i < c->n_tracks; i++)
		put_track(b, &c->track[i], router_track_state(r, i), router_track_effect(c, i));
	jbuf_close(b, ']');
}

/* ---- a router ---------------------------------------------------------------------------------
 */

static void put_role(struct jbuf *b, const struct app *a, const struct router_view *v)
{
	const struct life *l = v->life;
	bool faulty = l->faults & ~(uint32_t)LIFE_FAULT_CHOOSING;
	char since[STATUS_TIME_LEN];

	jbuf_text(b, "router", v->conf->name);
	jbuf_text(b, "role", life_role_name(life_role(l->state)));
	jbuf_text(b, "state", life_state_name(l->state));
	jbuf_text(b, "reason", l->reason);
	jbuf_text(b, "since", status_time(v->since_ms, since));
	jbuf_text(b, "fault", faulty ? l->reason : NULL);
	put_alarms(b, a, v);
	jbuf_int(b, "term", l->term);
}

static void put_more(struct jbuf *b, const struct router *r, const struct router_view *v)
{
	jbuf_bool(b, "adopted", v->life->adopted);
	jbuf_text(b, "namespace", v->conf->namespace);
	jbuf_said(b, "left_alone", v->left);
	put_all_vips(b, r, v->conf);
	status_nat(b, v->conf);
	jbuf_bool(b, "may_preempt", !v->life->gated);
	jbuf_bool(b, "demoted_by_hand", v->life->held);
	put_election(b, v);
	jbuf_text(b, "engine", v->has_stock ? "conntrackd" : "native");
	status_stock(b, v);
	status_neighbours(b, &v->neigh);
	put_tracks(b, r, v->conf);
	status_services(b, r);
}

void status_router(struct jbuf *b, const struct app *a, const struct router *r, bool brief)
{
	struct router_view v;

	router_view(r, &v);
	jbuf_open(b, NULL, '{');
	put_role(b, a, &v);
	jbuf_said(b, "group", v.group);
	put_replication(b, &v);
	if (!brief)
		put_more(b, r, &v);
	jbuf_close(b, '}');
}

void status_head(struct jbuf *b, const struct app *a)
{
	char started[STATUS_TIME_LEN];

	jbuf_text(b, "controller", a->conf->controller.name);
	jbuf_text(b, "version", VR_VERSION);
	jbuf_int(b, "pid", getpid());
	jbuf_text(b, "started", status_time(a->started_ms, started));
}
