/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tracks mean for their router: the priority that it bids, role FAULT, and words about it. */
#include "router_track.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

static unsigned tracks(const struct router *r)
{
	return r->track.started ? r->conf.n_tracks : 0;
}

/* ---- what follows -----------------------------------------------------------------------------
 */

static uint8_t priority(const struct router *r)
{
	int weights = 0;

	for (unsigned i = 0; i < tracks(r); i++)
		weights += track_weight(&r->conf.track[i].rule, &r->track.at[i]->state);
	return track_priority(r->conf.election.priority, weights);
}

/* All faults, as many as there is room for. */
static void fault_text(const struct router *r, char text[static LIFE_REASON_MAX])
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < tracks(r) && at < LIFE_REASON_MAX; i++)
		if (track_is_fault(&r->conf.track[i].rule, &r->track.at[i]->state))
			at += (size_t)snprintf(text + at, LIFE_REASON_MAX - at, "%strack %s: %s",
					       at ? "; " : "", r->conf.track[i].name,
					       r->track.at[i]->state.why);
}

void router_track_remind(struct router *r)
{
	if (r->track_fault[0])
		router_push(r, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_TRACK},
			    r->track_fault);
}

static void settle_fault(struct router *r)
{
	char text[LIFE_REASON_MAX];

	fault_text(r, text);
	if (strcmp(text, r->track_fault) == 0)
		return;
	memcpy(r->track_fault, text, sizeof(text));
	if (text[0])
		router_track_remind(r);
	else
		router_push(r, (struct life_in){.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_TRACK},
			    NULL);
}

static void settle_priority(struct router *r)
{
	uint8_t now = priority(r), before = r->track.priority;
	struct vrrp_io_cfg cfg;

	r->track.priority = now;
	router_group_look(r);
	if (!r->vrrp || r->group || now == before)
		return;
	router_election_cfg(&cfg, r);
	vrrp_io_reconfigure(r->vrrp, &cfg, now < before);
	seal_forget(&cfg.keys);
	router_guard_refresh(r);
}

/* ---- words ------------------------------------------------------------------------------------
 */

const char *router_track_effect(const struct conf_router *c, unsigned i)
{
	if (!c->track[i].rule.weight)
		return "fault";
	return c->election.mode == CONF_ELECTION_VRRP ? "priority" : "none";
}

/* "weight -30: priority 120" */
static void put_effect(const struct tracker *t, char *buf, size_t cap)
{
	const struct conf_track *c = tracker_conf(t);

	if (!c->rule.weight)
		snprintf(buf, cap, "fault");
	else if (t->r->vrrp)
		snprintf(buf, cap, "weight %+d: priority %u", c->rule.weight, priority(t->r));
	else
		snprintf(buf, cap, "weight %+d, only shown: no VRRP here", c->rule.weight);
}

static void tell(struct tracker *t)
{
	bool failing = t->state.state == TRACK_FAILING;
	const char *why = failing ? t->state.why
			  : t->state.state == TRACK_UNKNOWN
				  ? "held long enough; only an ACTIVE can tell"
				  : "well again";
	char text[160], reason[160], effect[64];

	put_effect(t, effect, sizeof(effect));
	snprintf(text, sizeof(text), "track %s: %s", tracker_conf(t)->name,
		 track_state_name(t->state.state));
	snprintf(reason, sizeof(reason), "%.90s (%s)", why, effect);
	if (failing)
		log_warn("track", t->r->conf.name, "%s: %s", text, reason);
	else
		log_info("track", t->r->conf.name, "%s: %s", text, reason);
	router_happened(t->r, HAPPENING_TRACK, text, reason);
}

/* ---- events -----------------------------------------------------------------------------------
 */

void tracker_changed(struct tracker *t)
{
	bool failing = t->state.state == TRACK_FAILING;

	/* that it is well at first is no news, nor that nobody looks just now */
	if (failing != t->told)
		tell(t);
	t->told = failing;
	settle_priority(t->r);
	settle_fault(t->r);
}

void tracker_sample(struct tracker *t, bool ok, const char *why)
{
	if (track_sample(&tracker_conf(t)->rule, &t->state, ok, why, now_ms()))
		tracker_changed(t);
}

void tracker_news(struct tracker *t, bool ok, const char *why)
{
	if (track_news(&tracker_conf(t)->rule, &t->state, ok, why, now_ms()))
		tracker_changed(t);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct tracker *t = ctx;

	(void)fd;
	(void)what;
	router_arm(t->timer, tracker_conf(t)->interval_ms);
	if (t->r->life.state == LIFE_STOPPED)
		return;
	if (track_hold_over(&t->state, now_ms()))
		tracker_changed(t);
	tracker_tick(t);
}

void router_track_look(struct router *r)
{
	for (unsigned i = 0; i < tracks(r); i++)
		tracker_look(r->track.at[i]);
}

void router_track_quiet(struct router *r)
{
	for (unsigned i = 0; i < tracks(r); i++)
		track_quiet(&r->conf.track[i].rule, &r->track.at[i]->state, now_ms());
}

void router_track_role(struct router *r)
{
	bool active = life_wants_vips(&r->life);

	for (unsigned i = 0; i < tracks(r); i++) {
		struct tracker *t = r->track.at[i];

		if (t->state.active == active)
			continue;
		(void)track_role(&r->conf.track[i].rule, &t->state, active, now_ms());
		if (t->answer)
			evtimer_del(t->answer); /* nobody knows what came of it */
		if (r->conf.track[i].rule.active_only)
			router_arm(t->timer, 0);
	}
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	tracker_close(t);
	if (t->timer)
		event_free(t->timer);
	free(t);
}

static struct tracker *tracker_new(struct router *r, unsigned index)
{
	struct tracker *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (!t)
		return NULL;
	t->r = r;
	t->index = index;
	t->timer = evtimer_new(r->env->base, on_timer, t);
	if (t->timer)
		err = tracker_open(t);
	if (err < 0) {
		log_err("track", r->conf.name, "%s: %s", r->conf.track[index].name, strerror(-err));
		tracker_free(t);
		return NULL;
	}
	(void)track_role(&r->conf.track[index].rule, &t->state, life_wants_vips(&r->life),
			 now_ms());
	track_quiet(&r->conf.track[index].rule, &t->state, now_ms());
	router_arm(t->timer, 0);
	return t;
}

/* What the kernel's news are to be about. */
static void watch(struct router *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->conf.n_tracks; i++)
		if (r->track.at[i]->look.ifname[0] || r->track.at[i]->look.dst.addr.family)
			r->track_look[n++] = r->track.at[i]->look;
	net_watch_looks(r->watch, r->track_look, n);
}

/* old: what there is now, by the old configuration; it is emptied of what goes on. */
static int take(struct router *r, struct tracker **old, const struct conf_router *was)
{
	for (unsigned i = 0; i < r->conf.n_tracks; i++) {
		struct tracker **at = &r->track.at[i];

		*at = NULL;
		for (unsigned k = 0; k < was->n_tracks && !*at; k++)
			if (old[k] && conf_track_same_look(&was->track[k], &r->conf.track[i])) {
				*at = old[k];
				old[k] = NULL;
			}
		if (!*at)
			*at = tracker_new(r, i);
		if (!*at)
			return -ENOMEM;
		(*at)->index = i;
		tracker_renew(*at);
	}
	return 0;
}

static int start(struct router *r, const struct conf_router *was)
{
	struct tracker *old[TRACK_MAX];
	int err;

	memcpy(old, r->track.at, sizeof(old));
	memset(r->track.at, 0, sizeof(r->track.at));
	err = take(r, old, was);
	for (unsigned i = 0; i < was->n_tracks; i++)
		tracker_free(old[i]);
	r->track.started = !err;
	if (!err)
		watch(r);
	else
		net_watch_looks(r->watch, NULL, 0);
	return err;
}

int router_track_open(struct router *r)
{
	static const struct conf_router nothing;

	return start(r, &nothing);
}

void router_track_close(struct router *r)
{
	for (unsigned i = 0; i < TRACK_MAX; i++)
		tracker_free(r->track.at[i]);
}

int router_track_reconfigure(struct router *r, const struct conf_router *was)
{
	int err;

	r->track.started = false; /* nothing is to be settled half way */
	err = start(r, was);
	r->track.priority = priority(r);
	settle_fault(r);
	return err;
}

const struct track *router_track_state(const struct router *r, unsigned i)
{
	static const struct track unknown;

	return i < tracks(r) ? &r->track.at[i]->state : &unknown;
}
