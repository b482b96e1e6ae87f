/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon knows, as JSON. vrouterctl prints its readable form from the same objects, so the
 * two cannot differ. Field names are an interface: they may be added to, not changed. */
#include <string.h>

#include "announcing.h"
#include "app.h"
#include "clock.h"
#include "conf_track.h"
#include "guard.h"
#include "procwatch.h"
#include "status.h"
#include "status_stock.h"

static json_t *text_or_null(const char *s)
{
	return s && s[0] ? json_string(s) : json_null();
}

json_t *status_time_json(uint64_t wall)
{
	char day[32], text[48];
	time_t s = (time_t)(wall / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned)(wall % 1000));
	return json_string(text);
}

json_t *happening_json(const struct happening *h)
{
	if (!h)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:s, s:s, s:s, s:I}", "id", (json_int_t)h->id, "time",
			 status_time_json(h->time_ms), "router", text_or_null(h->router), "type",
			 happening_name(h->type), "text", h->text, "reason", h->reason, "term",
			 (json_int_t)h->term);
}

static json_t *alarms_json(const struct app *a, const struct router_view *v)
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
	json_t *list = json_array();

	for (unsigned i = 0; v->report && i < ARRAY_LEN(row); i++)
		if (v->report->status.alarms & row[i].bit)
			json_array_append_new(list, json_string(row[i].text));
	for (unsigned i = 0; i < ROUTER_ALARMS; i++)
		if (v->alarm[i]->text[0])
			json_array_append_new(
				list,
				json_sprintf("%s: %s", router_alarm_name((enum router_alarm_kind)i),
					     v->alarm[i]->text));
	if (v->life->sync == LIFE_SYNC_DOWN)
		json_array_append_new(list, json_string("replication-down"));
	for (unsigned i = 0; i < a->n_links; i++)
		json_array_append_new(list, json_sprintf("link-down: %s: %s", a->link[i].interface,
							 a->link[i].text));
	return list;
}

static unsigned live_peers(const struct router_view *v)
{
	unsigned n = 0;

	for (unsigned i = 0; v->report && i < v->report->n_peers; i++)
		n += !v->report->peer[i].lost;
	return n;
}

static void append_vips(json_t *list, const struct conf_leg *leg, bool pending)
{
	char buf[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < leg->n_vips && !(leg->automatic && pending); i++)
		json_array_append_new(list, json_string(ip_prefix_format(&leg->vip[i], buf)));
}

/* Takes vips over. */
static json_t *leg_json(const struct conf_router *c, unsigned i, json_t *vips)
{
	static const char *const kind[] = {[NET_ATTACH_BRIDGE] = "bridge",
					   [NET_ATTACH_MACVLAN] = "macvlan",
					   [NET_ATTACH_OVS] = "ovs"};
	const struct conf_leg *leg = &c->leg[i];
	bool outside = i == NET_PUBLIC || leg->outside;
	char attach[IFNAMSIZ + 16];

	snprintf(attach, sizeof(attach), "%s:%s", kind[leg->attach], leg->bridge);
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:o}", "name", conf_leg_name(c, i), "side",
			 outside ? "outside" : "inside", "interface", leg->interface, "attach",
			 attach, "vlan", (int)leg->vlan, "vips", vips);
}

/* All of them, and those of each leg. */
void status_add_vips(json_t *j, const struct conf_router *c, bool pending)
{
	static const char *const name[NET_LEGS] = {"management_vips", "public_vips"};
	json_t *all = json_array(), *legs = json_array();

	for (unsigned i = 0; i < conf_legs(c); i++) {
		json_t *of_leg = json_array();

		append_vips(of_leg, &c->leg[i], pending);
		append_vips(all, &c->leg[i], pending);
		if (i < NET_LEGS)
			json_object_set(j, name[i], of_leg);
		json_array_append_new(legs, leg_json(c, i, of_leg));
	}
	json_object_set_new(j, "legs", legs);
	json_object_set_new(j, "vips", all);
}

/* Whom it speaks to by unicast; by multicast there is nobody to name. */
static json_t *election_peers(const struct vrrp_ends *e)
{
	char text[INET6_ADDRSTRLEN];
	json_t *list = json_array();

	for (unsigned i = 0; e->unicast && i < e->n_to; i++)
		json_array_append_new(list, json_string(ip_addr_format(&e->to[i], text)));
	return list;
}

static json_t *election_json(const struct router_view *v)
{
	static const char *const mode[] = {"vrrp", "external", "single"};
	static const char *const auth[] = {"none", "offer", "hmac"};
	char from[INET6_ADDRSTRLEN];
	json_t *e = json_pack("{s:s}", "mode", mode[v->conf->election.mode]);

	if (!v->vrrp)
		return e;
	json_object_set_new(e, "state", json_string(vrrp_state_name(v->vrrp->state)));
	json_object_set_new(e, "family", json_string(v->conf->election.ipv6 ? "ipv6" : "ipv4"));
	json_object_set_new(e, "interface", json_string(v->conf->election.interface));
	json_object_set_new(e, "address",
			    v->ends->self.family ? json_string(ip_addr_format(&v->ends->self, from))
						 : json_null());
	json_object_set_new(e, "peers", election_peers(v->ends));
	json_object_set_new(e, "group", text_or_null(v->group));
	json_object_set_new(e, "group_routers", json_integer(v->group_size));
	json_object_set_new(e, "vrid", json_integer(v->conf->election.vrid));
	json_object_set_new(e, "priority", json_integer(v->conf->election.priority));
	json_object_set_new(e, "effective_priority", json_integer(v->priority));
	json_object_set_new(e, "advert_interval_ms",
			    json_integer(v->conf->election.advert_interval_ms));
	json_object_set_new(e, "preempt", json_boolean(v->conf->election.preempt));
	json_object_set_new(e, "veto", json_boolean(v->conf->election.veto));
	json_object_set_new(e, "fast_detect", json_integer(v->conf->election.fast_detect));
	json_object_set_new(e, "fast_interval_ms",
			    json_integer(v->conf->election.fast_interval_ms));
	json_object_set_new(e, "heartbeats", json_string(engine_heartbeats_name(v->beats)));
	json_object_set_new(e, "version", json_integer(v->conf->election.version));
	json_object_set_new(e, "auth", json_string(auth[v->conf->election.auth]));
	json_object_set_new(e, "preempt_delay_s", json_integer(v->conf->election.preempt_delay_s));
	json_object_set_new(e, "preempt_delay_left_ms",
			    json_integer((json_int_t)(v->preempt_delay_us / 1000)));
	json_object_set_new(
		e, "blind",
		json_boolean(v->vrrp->blind && v->vrrp->state == VRRP_ACTIVE && !v->vrrp->boosted));
	if (v->heard) {
		json_object_set_new(e, "heard_from",
				    json_string(ip_addr_format(&v->heard_from, from)));
		json_object_set_new(e, "heard_priority", json_integer(v->heard_prio));
		json_object_set_new(e, "heard_ms_ago",
				    json_integer((json_int_t)(v->heard_us_ago / 1000)));
	}
	return e;
}

static void add_replication(json_t *j, const struct router_view *v)
{
	const struct sync_msg_report *r = v->report;

	json_object_set_new(j, "sync", json_string(life_sync_name(v->life->sync)));
	json_object_set_new(j, "sync_percent",
			    r ? json_integer(r->status.repair_percent) : json_null());
	json_object_set_new(j, "source", text_or_null(r ? r->status.source_name : NULL));
	json_object_set_new(j, "lag_ms", r ? json_integer((json_int_t)r->lag_ms) : json_null());
	json_object_set_new(j, "flows", r ? json_integer(r->flows) : json_null());
	json_object_set_new(j, "flows_max", r ? json_integer(r->flows_max) : json_null());
	json_object_set_new(j, "peers", json_integer(live_peers(v)));
}

static json_t *neighbours_json(const struct router_neigh_stats *n)
{
	return json_pack("{s:i, s:i, s:I, s:I, s:I}", "known", (int)n->known, "installed",
			 (int)n->installed, "refused", (json_int_t)n->refused, "left_out",
			 (json_int_t)n->left_out, "install_us", (json_int_t)n->install_us);
}

static json_t *track_json(const struct conf_track *c, const struct track *t, const char *effect)
{
	uint64_t now = now_ms();
	char what[CONF_TRACK_WHAT_MAX];
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", c->name, "kind",
			      track_kind_name(c->kind), "what", conf_track_what(c, what), "state",
			      track_state_name(t->state), "effect", effect, "judged",
			      track_is_judged(&c->rule, t));

	json_object_set_new(j, "weight",
			    c->rule.weight ? json_integer(c->rule.weight) : json_null());
	json_object_set_new(j, "reason", text_or_null(t->state == TRACK_FAILING ? t->why : NULL));
	json_object_set_new(
		j, "held_ms",
		json_integer(t->hold_until_ms > now ? (json_int_t)(t->hold_until_ms - now) : 0));
	json_object_set_new(j, "samples", json_integer((json_int_t)t->samples));
	json_object_set_new(j, "failed", json_integer((json_int_t)t->failed));
	json_object_set_new(j, "changes", json_integer((json_int_t)t->changes));
	return j;
}

static json_t *tracks_json(const struct router *r, const struct conf_router *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->n_tracks; i++)
		json_array_append_new(list, track_json(&c->track[i], router_track_state(r, i),
						       router_track_effect(c, i)));
	return list;
}

static json_t *vip_choice_json(const struct router_vips_view *v)
{
	const char *state = v->failed ? "failed" : v->pending ? "choosing" : "agreed";

	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I}", "state", state, "reason",
			 text_or_null(v->pending ? v->why : NULL), "searches",
			 (json_int_t)v->stats.searches, "probes", (json_int_t)v->stats.asked,
			 "not_free", (json_int_t)v->stats.not_free, "conflicts",
			 (json_int_t)v->stats.conflicts);
}

static json_t *router_json(const struct app *a, const struct router *r)
{
	struct router_vips_view vips;
	struct router_view v;
	bool chosen;

	router_view(r, &v);

	const struct life *l = v.life;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "router", v.conf->name, "role",
			      life_role_name(life_role(l->state)), "state",
			      life_state_name(l->state), "reason", l->reason);

	json_object_set_new(j, "since", status_time_json(v.since_ms));
	json_object_set_new(j, "fault",
			    l->faults & ~(uint32_t)LIFE_FAULT_CHOOSING ? json_string(l->reason)
								       : json_null());
	json_object_set_new(j, "alarms", alarms_json(a, &v));
	json_object_set_new(j, "term", json_integer(l->term));
	json_object_set_new(j, "adopted", json_boolean(l->adopted));
	json_object_set_new(j, "group", text_or_null(v.group));
	json_object_set_new(j, "namespace", json_string(v.conf->namespace));
	json_object_set_new(j, "left_alone", text_or_null(v.left));
	chosen = router_vips_view(r, &vips);
	status_add_vips(j, v.conf, chosen && vips.pending);
	json_object_set_new(j, "vip_choice", chosen ? vip_choice_json(&vips) : json_null());
	json_object_set_new(j, "nat", status_nat_json(v.conf));
	json_object_set_new(j, "may_preempt", json_boolean(!l->gated));
	json_object_set_new(j, "demoted_by_hand", json_boolean(l->held));
	json_object_set_new(j, "election", election_json(&v));
	add_replication(j, &v);
	json_object_set_new(j, "engine", json_string(v.has_stock ? "conntrackd" : "native"));
	json_object_set_new(j, "conntrackd", stock_status_json(&v));
	json_object_set_new(j, "neighbours", neighbours_json(&v.neigh));
	json_object_set_new(j, "tracks", tracks_json(r, v.conf));
	json_object_set_new(j, "services", services_json(r));
	return j;
}

static json_t *each(const struct app *a, const char *only,
		    json_t *(*fn)(const struct app *a, const struct router *r))
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->n_routers; i++)
		if (!only[0] || strcmp(only, router_name(a->router[i])) == 0)
			json_array_append_new(list, fn(a, a->router[i]));
	return list;
}

json_t *status_json(const struct app *a, const char *only)
{
	json_t *routers = each(a, only, router_json);

	for (unsigned i = 0; a->off && i < a->conf->n_routers; i++) {
		const struct conf_router *c = &a->conf->router[i];
		const struct app_off *o = app_off_find(a, c->name);

		if (o && !o->busy && (!only[0] || strcmp(only, c->name) == 0))
			json_array_append_new(routers, status_off_json(o, c));
	}
	return json_pack("{s:s, s:s, s:i, s:o, s:o}", "controller", a->conf->controller.name,
			 "version", VR_VERSION, "pid", (int)getpid(), "started",
			 status_time_json(a->started_ms), "routers", routers);
}

static json_t *peer_json(const struct engine_peer *p)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "name", p->name, "id", "",
			 "phase", engine_phase_name(p->phase), "term", (json_int_t)p->term, "acked",
			 (json_int_t)p->acked, "behind", (json_int_t)p->behind, "heard_ms_ago",
			 (json_int_t)p->heard_ms_ago, "lost", p->lost);
}

static json_t *repair_json(const struct repair_cost *c)
{
	if (!c->why)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "why", engine_repair_why(c->why),
			 "ago_ms", (json_int_t)c->ago_ms, "took_ms", (json_int_t)c->took_ms,
			 "listed", (json_int_t)c->listed, "deleted", (json_int_t)c->deleted,
			 "bytes", (json_int_t)c->bytes);
}

static void add_progress(json_t *j, const struct engine_peer *p)
{
	json_object_set_new(j, "percent", json_integer(p->percent));
	if (!p->detailed)
		return;
	json_object_set_new(j, "flows", json_integer(p->flows));
	json_object_set_new(j, "flows_max", json_integer(p->flows_max));
	json_object_set_new(j, "lag_ms", json_integer((json_int_t)p->lag_ms));
	json_object_set_new(j, "last_repair", repair_json(&p->repair));
}

/* In the same form as a peer. */
static json_t *self_json(const struct app *a, const struct sync_msg_report *m)
{
	const struct engine_peer self = {.percent = m->status.repair_percent,
					 .detailed = true,
					 .flows = m->flows,
					 .flows_max = m->flows_max,
					 .lag_ms = m->status.lag_ms,
					 .repair = m->status.repair};
	json_t *j =
		json_pack("{s:s, s:s, s:I}", "name", a->conf->controller.name, "phase",
			  engine_phase_name(m->status.phase), "term", (json_int_t)m->status.term);

	add_progress(j, &self);
	json_object_set_new(j, "heartbeats", json_string(engine_heartbeats_name(m->status.beats)));
	return j;
}

static json_t *problem_json(const struct refused_entry *e)
{
	switch (e->why) {
	case REFUSED_KEY_UNKNOWN:
		return json_sprintf("key %u unknown", e->key_id);
	case REFUSED_KEY_WRONG:
		return json_string("wrong key");
	case REFUSED_CLEAR:
		return json_string("not sealed");
	case REFUSED_SEALED:
		return json_string("sealed, we are not");
	}
	return json_null();
}

static json_t *find_peer(json_t *list, const char *id)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *j = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(j, "id")), id) == 0)
			return j;
	}
	return NULL;
}

/* Who is heard and not understood. Not of those that are understood: then it was somebody else. */
static void add_refused(json_t *list, const struct sync_msg_report *report)
{
	for (unsigned i = 0; i < report->n_refused; i++) {
		const struct refused_entry *e = &report->refused[i];
		struct engine_peer unknown = {.heard_ms_ago = e->heard_at};
		char id[16];
		json_t *j;

		snprintf(id, sizeof(id), "%08x", e->sender);
		j = find_peer(list, id);
		if (j && !json_is_true(json_object_get(j, "lost")))
			continue;
		if (!j) {
			j = peer_json(&unknown);
			json_object_set_new(j, "phase", json_string("unknown"));
			json_object_set_new(j, "id", json_string(id));
			json_array_append_new(list, j);
		}
		json_object_set_new(j, "problem", problem_json(e));
	}
}

static json_t *router_peers(const struct app *a, const struct router *r)
{
	json_t *list = json_array();
	struct router_view v;

	router_view(r, &v);
	for (unsigned i = 0; v.report && i < v.report->n_peers; i++) {
		const struct engine_peer *p = &v.report->peer[i];
		json_t *j = peer_json(p);

		json_object_set_new(j, "id", json_sprintf("%08x", p->id));
		add_progress(j, p);
		json_object_set_new(j, "problem", json_null());
		json_array_append_new(list, j);
	}
	if (v.report)
		add_refused(list, v.report);
	return json_pack("{s:s, s:o, s:o}", "router", v.conf->name, "self",
			 v.report ? self_json(a, v.report) : json_null(), "peers", list);
}

json_t *peers_json(const struct app *a, const char *only)
{
	return each(a, only, router_peers);
}

static json_t *counters_json(const struct sync_counters *c)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < SYNC_COUNTER_N; i++)
		json_object_set_new(j, sync_counter_name((enum sync_counter)i),
				    json_integer((json_int_t)c->v[i]));
	return j;
}

static json_t *vrrp_json(const struct vrrp_stats *s)
{
	json_t *errors = json_object();

	for (unsigned i = 1; i < VRRP_E_N; i++)
		json_object_set_new(errors, vrrp_err_name((enum vrrp_err)i),
				    json_integer((json_int_t)s->rx_err[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "tx", (json_int_t)s->tx, "rx",
			 (json_int_t)s->rx, "rx_prio_zero", (json_int_t)s->rx_prio_zero,
			 "rx_no_pseudo_header", (json_int_t)s->rx_plain_sum, "tx_errors",
			 (json_int_t)s->tx_errors, "tx_challenges", (json_int_t)s->tx_challenges,
			 "fast_takeovers", (json_int_t)s->fast_takeovers, "rx_refused", errors);
}

static json_t *takeover_json(const struct router_takeover_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "vetoes", (json_int_t)s->vetoes,
			 "clashes", (json_int_t)s->clashes, "rivals", (json_int_t)s->rivals,
			 "fence_runs", (json_int_t)s->fence_runs, "fence_failed",
			 (json_int_t)s->fence_failed, "fence_killed", (json_int_t)s->fence_killed);
}

static json_t *router_stats(const struct app *a, const struct router *r)
{
	struct nat_counters counters;
	struct router_view v;

	(void)a;
	router_view(r, &v);
	router_counters(r, &counters);
	json_t *hook = json_pack("{s:I, s:I, s:I, s:I}", "runs", (json_int_t)v.hook.runs, "failed",
				 (json_int_t)v.hook.failed, "killed", (json_int_t)v.hook.killed,
				 "coalesced", (json_int_t)v.hook_coalesced);

	return json_pack(
		"{s:s, s:{s:I, s:I, s:I, s:I}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"router", v.conf->name, "network", "promotions", (json_int_t)v.promotions,
		"last_promotion_us", (json_int_t)v.promotion_us, "announcements",
		(json_int_t)v.announcements, "repairs", (json_int_t)v.repairs, "vrrp",
		v.vrrp_stats ? vrrp_json(v.vrrp_stats) : json_null(), "replication",
		v.report ? counters_json(&v.report->counters) : json_null(), "on_role_change", hook,
		"takeover", takeover_json(&v.takeover), "neighbours", neighbours_json(&v.neigh),
		"drops", status_drops_json(&counters), "forwards",
		status_forwards_json(v.conf, &counters), "services", service_stats_json(r),
		"conntrackd", stock_stats_json(&v));
}

static json_t *announcing_json(const struct announce_stats *s)
{
	return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I}", "waiting", (int)s->waiting, "unheard",
			 (int)s->unheard, "waiting_max", (int)s->waiting_max, "longest_wait_us",
			 (json_int_t)s->longest_us, "sends", (json_int_t)s->sends, "spent_us",
			 (json_int_t)s->spent_us);
}

json_t *stats_json(const struct app *a, const char *only)
{
	const struct ctl_stats *c = ctl_server_stats(a->ctl);

	return json_pack(
		"{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:b, s:i, s:i}, s:{s:i, s:i}, s:{s:i, s:i}, s:o, "
		"s:o}",
		"control", "clients", (json_int_t)c->clients, "requests", (json_int_t)c->requests,
		"bad_requests", (json_int_t)c->bad_requests, "refused_clients",
		(json_int_t)c->refused_clients, "slow_clients", (json_int_t)c->slow_clients,
		"replication_process", "up", a->sync && sync_child_is_up(a->sync), "pid",
		a->sync ? (int)sync_child_pid(a->sync) : 0, "restarts",
		a->sync ? (int)sync_child_restarts(a->sync) : 0, "guard", "pid",
		(int)guard_pid(a->guard), "restarts", (int)guard_restarts(a->guard), "procwatch",
		"pid", (int)procwatch_pid(a->procs), "restarts", (int)procwatch_restarts(a->procs),
		"announcing", announcing_json(announcing_stats(a->announcing)), "routers",
		each(a, only, router_stats));
}
