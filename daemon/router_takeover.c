/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second path beside VRRP: asks the ACTIVE over the replication links before it is given up,
 * answers who asks us, runs the fence, and tells where a link works in one direction only. What is
 * decided is in takeover.c. */
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

#define ONEWAY_MS 3000 /* a second ACTIVE that is still heard after its first order to leave */

const char *router_alarm_name(enum router_alarm_kind k)
{
	static const char *const name[ROUTER_ALARMS] = {
		[ROUTER_ALARM_VETO] = "veto",
		[ROUTER_ALARM_FENCE] = "fence",
		[ROUTER_ALARM_DEAF] = "deaf-peer",
		[ROUTER_ALARM_ONEWAY] = "one-way",
		[ROUTER_ALARM_ALONE] = "no-peer",
		[ROUTER_ALARM_ENGINE] = "conntrackd",
		[ROUTER_ALARM_LINK] = "host-link",
		[ROUTER_ALARM_VIP_CONFLICT] = "vip-conflict",
		[ROUTER_ALARM_VIP_SPLIT] = "vip-split",
	};

	return name[k];
}

void router_alarm(struct router *r, enum router_alarm_kind k, const char *text)
{
	struct router_alarm *a = &r->alarm[k];
	bool on = text && text[0];

	if (strcmp(a->text, on ? text : "") == 0)
		return;
	log_warn("router", r->conf.name, "alarm%s: %s", on ? "" : " over", on ? text : a->text);
	router_happened(r, HAPPENING_NOTE, on ? "alarm" : "alarm over", on ? text : a->text);
	snprintf(a->text, sizeof(a->text), "%s", on ? text : "");
}

static bool can_ask(const struct router *r)
{
	return r->env->sync && sync_child_is_up(r->env->sync);
}

void router_send_path(struct router *r, struct sync_msg_path path, enum sync_msg_type type)
{
	struct sync_msg m = {.type = type, .path = path};

	if (!can_ask(r))
		return;
	snprintf(m.path.router, sizeof(m.path.router), "%s", r->conf.name);
	sync_child_send(r->env->sync, &m, NULL, 0);
}

static void tell_hearing(struct router *r, enum engine_hearing hearing)
{
	if (r->hearing == hearing || !can_ask(r))
		return;
	r->hearing = hearing;
	router_send_path(r, (struct sync_msg_path){.hearing = hearing}, SYNC_MSG_HEARS);
}

/* ---- who asks --------------------------------------------------------------------------------
 */

bool router_takeover_doubt(void *ctx)
{
	struct router *r = ctx;
	uint64_t question = takeover_ask(&r->takeover);

	if (!r->conf.election.veto || !can_ask(r) || !router_peer_lives(r))
		return false;
	router_send_path(r, (struct sync_msg_path){.question = question}, SYNC_MSG_ASK);
	return true;
}

static void on_veto(struct router *r)
{
	char text[sizeof(r->alarm[0].text)];

	snprintf(text, sizeof(text),
		 "%s says by replication that it is ACTIVE and well (term %u), but is not heard "
		 "on %s: no takeover",
		 r->takeover.name, r->takeover.term, r->conf.election.interface);
	r->takeover_stats.vetoes += !r->alarm[ROUTER_ALARM_VETO].text[0];
	router_alarm(r, ROUTER_ALARM_VETO, text);
	tell_hearing(r, ENGINE_HEARING_DEAF);
}

/* ---- the fence -------------------------------------------------------------------------------
 */

static void fence_alarm(struct router *r, const char *what)
{
	char text[sizeof(r->alarm[0].text)];

	snprintf(text, sizeof(text), "%s: %.100s: no takeover", r->conf.fence, what);
	router_alarm(r, ROUTER_ALARM_FENCE, text);
}

static void on_fence_end(void *ctx, enum program_end end, const char *text)
{
	struct router *r = ctx;

	r->takeover_stats.fence_failed += end == PROGRAM_FAILED;
	r->takeover_stats.fence_killed += end == PROGRAM_TIMEOUT;
	if (!takeover_ended(&r->takeover, end == PROGRAM_DONE, now_ms()))
		return;
	if (end != PROGRAM_DONE) {
		fence_alarm(r, text);
		return;
	}
	router_happened(r, HAPPENING_NOTE, "fence succeeded", r->conf.fence);
	vrrp_io_judge(r->vrrp);
}

/* Most routers have none. */
static int prepare_fence(struct router *r)
{
	return r->fence || !r->conf.fence[0]
		       ? 0
		       : program_new(&r->fence, r->env->base, r->conf.name, on_fence_end, r);
}

static void start_fence(struct router *r)
{
	struct hook_news news = {.role = LIFE_ROLE_STANDBY,
				 .old_role = LIFE_ROLE_STANDBY,
				 .sync = r->life.sync,
				 .term = r->life.term};
	char from[INET6_ADDRSTRLEN] = "";
	struct environment e;
	struct ip_addr addr;
	uint64_t us_ago;
	uint8_t prio;
	int err;

	snprintf(news.reason, sizeof(news.reason), "no advertisement is heard");
	router_environment(&e, r, &news);
	if (vrrp_io_last_heard(r->vrrp, &us_ago, &addr, &prio))
		ip_addr_format(&addr, from);
	router_environment_add(&e, "VROUTERD_PEER_ADDRESS", from);
	router_environment_add(&e, "VROUTERD_PEER",
			       r->reported ? r->report->status.source_name : "");
	r->takeover_stats.fence_runs++;
	err = prepare_fence(r);
	if (!err)
		err = program_start(r->fence, r->conf.fence, e.list,
				    r->conf.fence_timeout_s * 1000);
	if (err < 0) {
		r->takeover_stats.fence_failed++;
		takeover_ended(&r->takeover, false, now_ms());
	}
	fence_alarm(r, err < 0 ? strerror(-err) : "runs");
}

bool router_takeover_may(void *ctx)
{
	struct router *r = ctx;
	const struct takeover_cfg cfg = {.veto = r->conf.election.veto,
					 .fence = r->conf.fence[0] != 0};
	enum takeover_verdict v = takeover_judge(&cfg, &r->takeover, now_ms());

	if (v == TAKEOVER_VETO)
		on_veto(r);
	else
		router_alarm(r, ROUTER_ALARM_VETO, NULL);
	if (v == TAKEOVER_FENCE)
		start_fence(r);
	return v == TAKEOVER_GO;
}

bool router_takeover_was_replaced(void *ctx)
{
	return ((const struct router *)ctx)->takeover.vouched;
}

void router_takeover_heard(void *ctx)
{
	struct router *r = ctx;

	takeover_over(&r->takeover);
	router_alarm(r, ROUTER_ALARM_VETO, NULL);
	router_alarm(r, ROUTER_ALARM_FENCE, NULL);
	router_alarm(r, ROUTER_ALARM_ONEWAY, NULL);
	r->rival_ms = 0;
	tell_hearing(r, ENGINE_HEARING_FINE);
}

/* ---- who is asked ----------------------------------------------------------------------------
 */

/* This process answers, not the one of replication, which may live on beside a core that hangs. */
static bool is_well(const struct router *r)
{
	return r->life.state == LIFE_ACTIVE && r->vrrp && vrrp_io_is_well(r->vrrp);
}

/* What the ACTIVE answered before it fell silent is older than its silence. */
static void on_beats(struct router *r, const struct sync_msg_path *m)
{
	if (m->missing)
		takeover_silent(&router_group_lead(r)->takeover);
	if (r->vrrp)
		vrrp_io_beats(r->vrrp, m->missing, m->awake_ms * 1000);
}

void router_takeover_message(struct router *r, const struct sync_msg *m)
{
	if (m->type == SYNC_MSG_VOUCHED)
		takeover_vouched(&r->takeover, m->path.question, m->path.name, m->path.term);
	else if (m->type == SYNC_MSG_BEATS)
		on_beats(r, &m->path);
	else if (is_well(r))
		router_send_path(r, m->path, SYNC_MSG_VOUCH);
}

/* ---- one way, and two ACTIVE -----------------------------------------------------------------
 */

static void look_for_deaf(struct router *r)
{
	char text[sizeof(r->alarm[0].text)] = "";

	for (unsigned i = 0; r->reported && i < r->report->n_peers; i++) {
		const struct engine_peer *p = &r->report->peer[i];

		if (life_wants_vips(&r->life) && !p->lost && p->hearing == ENGINE_HEARING_DEAF)
			snprintf(text, sizeof(text),
				 "%s does not hear our advertisements (%s), but hears us by "
				 "replication",
				 p->name, r->conf.election.interface);
	}
	router_alarm(r, ROUTER_ALARM_DEAF, text);
	if (r->vrrp)
		vrrp_io_unheard(r->vrrp, text[0]);
}

static void tell_winner(struct router *r)
{
	const struct engine_status *s = &r->report->status;
	char text[64 + CONF_NAME_MAX];

	if (!s->source_name[0])
		return;
	snprintf(text, sizeof(text), "two were ACTIVE; %s stays, term %u", s->source_name, s->term);
	log_warn("router", r->conf.name, "%s", text);
	router_happened(r, HAPPENING_WINNER, text, s->source_name);
}

void router_takeover_report(struct router *r, uint32_t before)
{
	bool was = before & ENGINE_ALARM_TWO_SOURCES, is = r->alarms & ENGINE_ALARM_TWO_SOURCES;

	r->takeover_stats.clashes += is && !was;
	if (was && !is) {
		router_alarm(r, ROUTER_ALARM_ONEWAY, NULL);
		tell_winner(r);
	}
	look_for_deaf(r);
}

/* It was told to leave by our advertisement, and is still there. */
void router_takeover_rival(struct router *r)
{
	uint64_t now = now_ms();
	char text[sizeof(r->alarm[0].text)], from[INET6_ADDRSTRLEN];
	struct ip_addr addr;
	uint64_t us_ago;
	uint8_t prio;

	r->takeover_stats.rivals++;
	if (r->rival_ms &&
	    now - r->rival_ms < ONEWAY_MS + 3 * r->conf.election.advert_interval_ms &&
	    vrrp_io_last_heard(r->vrrp, &us_ago, &addr, &prio)) {
		snprintf(text, sizeof(text),
			 "%s is heard on %s as a second ACTIVE and does not hear us: one way only",
			 ip_addr_format(&addr, from), r->conf.election.interface);
		router_alarm(r, ROUTER_ALARM_ONEWAY, text);
	}
	r->rival_ms = now;
}

/* What the guard would send in our place is another one, too. */
void router_takeover_ends(void *ctx)
{
	struct router *r = ctx;
	char text[sizeof(r->alarm[0].text)] = "";

	if (!vrrp_io_ends(r->vrrp)->n_to)
		snprintf(text, sizeof(text),
			 "election: peers lists addresses of this controller (%s) only: nobody is "
			 "told who is ACTIVE",
			 r->conf.election.interface);
	router_alarm(r, ROUTER_ALARM_ALONE, text);
	router_guard_arm(r);
}

/* ---- life ------------------------------------------------------------------------------------
 */

int router_takeover_open(struct router *r)
{
	/* who answers another one's question, or one of before a restart, does not answer this */
	r->takeover.question = now_us() << 16;
	return prepare_fence(r);
}

void router_takeover_close(struct router *r)
{
	program_free(r->fence);
}
