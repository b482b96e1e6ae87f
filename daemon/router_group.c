/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routers that share one election: the shell around group.h. Owns the election; what it asks of the
 * replication side (router_takeover.c, router_handover.c) one of the routers asks for all, since
 * they move together. */
#include "router_group.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "vrouter/log.h"

struct router_group {
	struct router_group *next;
	struct router_groups *all;
	struct group group;
	struct vrrp_io *vrrp;
	struct router *lead;
	struct router *carrier; /* whose guard has the election; NULL: none */
	struct {
		uint64_t request;
		unsigned due; /* answers; 0: no command is under way */
		bool ok;
		char text[200];
	} command;
};

static struct router *router_of(struct group_member *m)
{
	return (void *)((char *)m - offsetof(struct router, member));
}

static struct router *next_of(const struct router *r)
{
	return r->member.next ? router_of(r->member.next) : NULL;
}

/* NULL: none is left. */
static struct router *first_of(const struct router_group *g)
{
	return g->group.members ? router_of(g->group.members) : NULL;
}

/* ---- one for all ------------------------------------------------------------------------------
 */

static struct router *find_lead(const struct router_group *g, bool ready)
{
	struct router *r = first_of(g);

	while (r && !(router_peer_lives(r) && (!ready || r->life.sync == LIFE_SYNC_READY)))
		r = next_of(r);
	return r;
}

/* One that other controllers have, too; best of all one that follows the ACTIVE. But a fence that
 * runs, or has succeeded, is the old one's. */
static void choose_lead(struct router_group *g)
{
	struct router *was = g->lead, *r;

	if (was->takeover.fence != TAKEOVER_UNFENCED ||
	    (router_peer_lives(was) && was->life.sync == LIFE_SYNC_READY))
		return;
	r = find_lead(g, true);
	if (!r && !router_peer_lives(was))
		r = find_lead(g, false);
	if (!r || r == was)
		return;
	router_takeover_heard(was); /* its alarms are over */
	g->lead = r;
}

struct router *router_group_lead(struct router *r)
{
	return r->group ? r->group->lead : r;
}

bool router_group_is_first(const struct router *r)
{
	return !r->group || r->group->group.first == &r->member;
}

/* ---- the guard --------------------------------------------------------------------------------
 */

bool router_group_carries(const struct router *r)
{
	return !r->group || r->group->carrier == r;
}

void router_group_carry(struct router *r)
{
	if (r->group && !r->group->carrier)
		r->group->carrier = r;
}

/* If r alone leaves, another one has to. */
void router_group_put_down(struct router *r)
{
	struct router_group *g = r->group;
	struct router *next;

	if (!g || g->carrier != r)
		return;
	g->carrier = NULL;
	if (!g->group.on || g->group.state != VRRP_ACTIVE)
		return;
	next = first_of(g);
	while (next && (next == r || !next->guarded.armed))
		next = next_of(next);
	if (next)
		router_guard_arm(next);
}

static void refresh_guard(struct router_group *g)
{
	if (g->carrier)
		router_guard_refresh(g->carrier);
}

/* ---- what the group says ----------------------------------------------------------------------
 */

static void tell(struct group_member *m, const struct life_in *in, const char *why)
{
	struct router *r = router_of(m);

	if (in->ev == LIFE_EV_ELECTED)
		r->elected_us = now_us();
	router_push(r, *in, why);
	if (in->ev == LIFE_EV_RECOVERED)
		router_track_remind(r);
}

static void on_elect(void *ctx, const struct vrrp_in *in)
{
	struct router_group *g = ctx;
	struct vrrp_in copy = *in;

	for (struct router *r = first_of(g); r && in->ev == VRRP_EV_ADOPT; r = next_of(r)) {
		copy.boosted = copy.boosted || r->kept.boosted;
		vrrp_io_continue(g->vrrp,
				 &r->kept.life); /* the one that carried the election has it */
	}
	vrrp_io_event(g->vrrp, copy);
	refresh_guard(g);
}

static void on_bid(void *ctx, uint8_t before, uint8_t now)
{
	struct router_group *g = ctx;
	struct router *r = first_of(g);
	struct vrrp_io_cfg cfg;

	router_election_cfg(&cfg, r);
	vrrp_io_reconfigure(g->vrrp, &cfg, now < before && now < r->conf.election.priority);
	seal_forget(&cfg.keys);
	refresh_guard(g);
}

static void on_addresses(void *ctx)
{
	vrrp_io_has_addresses(((struct router_group *)ctx)->vrrp);
}

/* Who expects heartbeats is another one. */
static void on_first(struct group_member *m)
{
	struct router *r = router_of(m);

	if (m->group && r->ns)
		router_sync_reconfigure(r);
}

/* ---- what the election says -------------------------------------------------------------------
 */

static void on_state(void *ctx, enum vrrp_state state, const char *why)
{
	struct router_group *g = ctx;

	if (g->lead) { /* none: the last one leaves */
		router_takeover_heard(g->lead);
		takeover_waits_no_more(&g->lead->takeover);
	}
	log_info("group", g->group.name, "%s, %u router%s%s%s", vrrp_state_name(state), g->group.n,
		 g->group.n == 1 ? "" : "s", why[0] ? ": " : "", why);
	group_on_state(&g->group, state, why);
}

static void on_fault(void *ctx, const char *fault)
{
	group_on_fault(&((struct router_group *)ctx)->group, fault);
}

static struct router *lead_of(const void *ctx)
{
	return ((const struct router_group *)ctx)->lead;
}

static void on_rival(void *ctx, const char *what)
{
	struct router *lead = lead_of(ctx);

	router_election_rival(lead, what);
	for (struct router *r = first_of(ctx); r; r = next_of(r))
		if (r != lead && life_wants_vips(&r->life))
			router_start_announcing(r);
}

static bool on_doubt(void *ctx)
{
	choose_lead(ctx);
	return router_takeover_doubt(lead_of(ctx));
}

static bool may_take_over(void *ctx)
{
	return router_takeover_may(lead_of(ctx));
}

static bool was_replaced(void *ctx)
{
	return router_takeover_was_replaced(lead_of(ctx));
}

static void on_heard(void *ctx)
{
	router_takeover_heard(lead_of(ctx));
}

static void on_ends(void *ctx)
{
	struct router_group *g = ctx;

	router_takeover_ends(lead_of(ctx));
	if (g->carrier)
		router_guard_arm(g->carrier);
}

/* Who has not all flows does not ask for the role, see router_handover_may_preempt(). */
static bool may_preempt(void *ctx)
{
	const struct router_group *g = ctx;

	for (struct router *r = first_of(g); r; r = next_of(r))
		if (r->member.counts && r->life.sync != LIFE_SYNC_READY)
			return true;
	return router_handover_may_preempt(lead_of(ctx));
}

static void on_refused(void *ctx, const char *what)
{
	router_happened(lead_of(ctx), HAPPENING_NOTE, "a VRRP packet was refused", what);
}

/* ---- commands ---------------------------------------------------------------------------------
 */

/* What would come of it is tried on a copy: one that cannot follow is a refusal for all. */
static void try(const struct router *r, const struct life_in *in, char why[static 200])
{
	struct life copy = r->life;
	struct life_out out = life_step(&r->life_cfg, &copy, in);

	if (out.answer == LIFE_ANSWER_FAILED)
		snprintf(why, 200, "router \"%.63s\" of the group: %.100s", r->conf.name,
			 out.answer_text);
}

static struct life_in command_of(const struct router *r, bool promote, bool force)
{
	return (struct life_in){.ev = promote ? LIFE_EV_PROMOTE : LIFE_EV_DEMOTE,
				.force = force,
				.have_peer = router_peer_lives(r),
				.now_ms = now_ms()};
}

void router_group_command(struct router *any, bool promote, bool force, uint64_t request)
{
	struct router_group *g = any->group;
	char why[200] = "";
	unsigned n = 0;

	if (g->command.due)
		snprintf(why, sizeof(why), "another command to the group is under way");
	for (struct router *r = first_of(g); r && !why[0]; r = next_of(r)) {
		const struct life_in in = command_of(r, promote, force);

		n += r->member.counts;
		if (r->member.counts)
			try(r, &in, why);
	}
	if (!why[0] && !n)
		snprintf(why, sizeof(why), "no router of the group is built yet");
	if (why[0]) {
		any->env->on_answer(any->env->ctx, request, false, why);
		return;
	}
	g->command.request = request;
	g->command.ok = true;
	g->command.due = n;
	group_hold(&g->group);
	for (struct router *r = first_of(g); r; r = next_of(r))
		if (r->member.counts)
			router_push_command(r, command_of(r, promote, force), request);
	group_release(&g->group);
}

void router_group_answer(struct router *r, bool ok, const char *text)
{
	struct router_group *g = r->group;
	bool first = g->command.ok;

	if (!g->command.due)
		return;
	if (ok && g->command.ok)
		snprintf(g->command.text, sizeof(g->command.text), "%s", text);
	else if (!ok && first)
		snprintf(g->command.text, sizeof(g->command.text),
			 "router \"%.63s\" of the group: %.100s", r->conf.name, text);
	g->command.ok = g->command.ok && ok;
	if (--g->command.due == 0)
		r->env->on_answer(r->env->ctx, g->command.request, g->command.ok, g->command.text);
}

void router_group_wanted(struct router *any, const char *why)
{
	struct router_group *g = any->group;

	group_hold(&g->group);
	for (struct router *r = first_of(g); r; r = next_of(r))
		router_push(r, (struct life_in){.ev = LIFE_EV_WANTED}, why);
	group_release(&g->group);
}

/* ---- life -------------------------------------------------------------------------------------
 */

void router_group_look(struct router *r)
{
	if (!r->group)
		return;
	r->member.sole = r->sole;
	r->member.priority = r->track.priority;
	group_look(&r->member);
}

uint8_t router_group_bid(const struct router *r)
{
	return r->group && r->group->group.bid ? r->group->group.bid : r->track.priority;
}

void router_group_view(const struct router *r, struct router_view *out)
{
	const struct router_group *g = r->group;
	const struct group_member *m = g ? g->group.first : &r->member;
	const struct router *first = m ? router_of((struct group_member *)(uintptr_t)m) : r;

	out->group = g ? g->group.name : "";
	out->group_size = g ? g->group.n : 0;
	out->priority = router_group_bid(r);
	out->beats_of = first->conf.name;
	out->beats = first->reported ? first->report->status.beats : ENGINE_BEATS_OFF;
	for (unsigned i = 0; i < ROUTER_ALARMS; i++) {
		bool shared = g && i <= ROUTER_ALARM_ALONE && !r->alarm[i].text[0];

		out->alarm[i] = shared ? &g->lead->alarm[i] : &r->alarm[i];
	}
}

static struct router_group *find(const struct router_groups *all, const char *name)
{
	struct router_group *g = all->first;

	while (g && strcmp(g->group.name, name) != 0)
		g = g->next;
	return g;
}

struct router *router_group_find(const struct router_groups *all, const char *name)
{
	const struct router_group *g = find(all, name);

	return g ? first_of(g) : NULL;
}

const char *router_group_refuses(const struct router_groups *all, const struct conf_router *c)
{
	const struct router *r = router_group_find(all, c->election.group);

	return r ? conf_refused_election(&r->conf, c) : NULL;
}

void router_groups_whole(struct router_groups *all)
{
	for (struct router_group *g = all->first; g; g = g->next)
		group_whole(&g->group);
}

static void drop(struct router_group *g)
{
	struct router_group **at = &g->all->first;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	vrrp_io_free(g->vrrp);
	free(g);
}

static int make(struct router_group **out, const struct router *r, const struct vrrp_io_cfg *cfg)
{
	static const struct group_ops group_ops = {.tell = tell,
						   .elect = on_elect,
						   .bid = on_bid,
						   .has_addresses = on_addresses,
						   .first = on_first};
	static const struct vrrp_io_ops vrrp_ops = {.on_state = on_state,
						    .on_fault = on_fault,
						    .on_rival = on_rival,
						    .on_doubt = on_doubt,
						    .may_take_over = may_take_over,
						    .was_replaced = was_replaced,
						    .may_preempt = may_preempt,
						    .on_heard = on_heard,
						    .on_ends = on_ends,
						    .on_refused = on_refused};
	struct router_group *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->all = r->env->groups;
	group_init(&g->group, r->conf.election.group, &group_ops, g);
	g->next = g->all->first;
	g->all->first = g;
	err = vrrp_io_new(&g->vrrp, r->env->base, cfg, &vrrp_ops, g);
	if (err < 0) {
		drop(g);
		return err;
	}
	*out = g;
	return 0;
}

int router_group_join(struct router *r, const struct vrrp_io_cfg *cfg)
{
	struct router_group *g = find(r->env->groups, r->conf.election.group);
	int err = g ? 0 : make(&g, r, cfg);

	if (err < 0)
		return err;
	r->group = g;
	r->vrrp = g->vrrp;
	r->member = (struct group_member){.name = r->conf.name,
					  .life = &r->life,
					  .priority = r->track.priority,
					  .kept = r->is_kept};
	if (!g->lead)
		g->lead = r;
	group_join(&g->group, &r->member);
	return 0;
}

void router_group_leave(struct router *r)
{
	struct router_group *g = r->group;

	if (!g)
		return;
	router_group_put_down(r);
	if (g->lead == r) {
		g->lead = first_of(g);
		g->lead = g->lead == r ? next_of(r) : g->lead;
	}
	group_leave(&r->member);
	r->group = NULL;
	r->vrrp = NULL;
	if (!g->group.n)
		drop(g);
}
