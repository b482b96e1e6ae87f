/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor around life_step(). Everything that happens becomes an event in a small queue, and
 * one loop takes them out one by one: an action may cause the next event (a promotion by hand makes
 * the election say so at once), but never from inside a step.
 *
 * The network is never assumed: each wake-up from the kernel, and each second of a fault, runs
 * net_ensure() again, and what comes out is the fault or its end. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "router_state.h"
#include "vrouter/log.h"
#include "vrouter/pages.h"

#define PROMOTE_WAIT_MS 50 /* while nothing at all comes from replication */
#define PROMOTE_EACH_MS                                                                            \
	10 /* and for each other router, as long as it answers one after the other */
#define PROMOTE_LOOK_MS 10   /* that */
#define OTHERS_MS	3    /* what that one's promotion takes on a quiet machine, about */
#define STOCK_WAIT_MS	5000 /* conntrackd commits then, which takes its time */
#define COMMAND_MS	5000
#define HOOK_POLL_MS	20
#define SAVE_MS		10 /* the term is written after the promotion, not during it */

static void run(struct router *r);

static void push_request(struct router *r, struct life_in in, const char *why, uint64_t request)
{
	struct queued *q = r->n_queued < QUEUE_MAX ? malloc(sizeof(*q)) : NULL;

	if (!q) {
		log_err("router", r->conf.name, "too many events at once: %s is lost",
			life_event_name(in.ev));
		return;
	}
	*q = (struct queued){.in = in, .request = request};
	*r->queue_end = q;
	r->queue_end = &q->next;
	r->n_queued++;
	if (why)
		snprintf(q->why, sizeof(q->why), "%s", why);
	run(r);
}

void router_push(struct router *r, struct life_in in, const char *why)
{
	push_request(r, in, why, 0);
}

void router_push_command(struct router *r, struct life_in in, uint64_t request)
{
	push_request(r, in, NULL, request);
}

void router_happened(struct router *r, enum happening_type type, const char *text,
		     const char *reason)
{
	struct happening h = {.type = type, .term = r->life.term};

	snprintf(h.router, sizeof(h.router), "%s", r->conf.name);
	snprintf(h.text, sizeof(h.text), "%s", text);
	snprintf(h.reason, sizeof(h.reason), "%.*s", (int)sizeof(h.reason) - 1,
		 reason ? reason : "");
	r->env->on_happening(r->env->ctx, &h);
}

void router_arm(struct event *timer, uint64_t ms)
{
	struct timeval tv = timeval_ms(ms);

	evtimer_add(timer, &tv);
}

/* ---- the executor -----------------------------------------------------------------------------
 */

static void execute(struct router *r, uint32_t todo)
{
	router_check_role(r);
	router_services_role(r);
	if (todo & LIFE_DO_VIPS_OFF) {
		router_vips_off(r);
		router_guard_disarm(r);
	}
	if (todo & LIFE_DO_SYNC_DEMOTE)
		router_sync_role(r, SYNC_MSG_DEMOTE);
	if (todo & LIFE_DO_SYNC_PROMOTE)
		router_sync_role(r, SYNC_MSG_PROMOTE);
	if (todo & LIFE_DO_VIPS_ON) {
		router_vips_on(r);
		router_guard_arm(r);
	}
	if (todo & LIFE_DO_LINGER)
		router_handover_linger(r);
	if (todo & LIFE_DO_SYNC_DRAIN) {
		router_handover_leave(r);
		router_sync_role(r, SYNC_MSG_DRAIN);
	}
	if (todo & LIFE_DO_GATE)
		router_elect(r, VRRP_EV_GATE);
	if (todo & LIFE_DO_ELECT_START)
		router_elect(r, VRRP_EV_START);
	if ((todo & LIFE_DO_ELECT_ADOPT) && r->vrrp && !r->group) { /* a group looks by itself */
		vrrp_io_continue(r->vrrp, &r->kept.life);
		vrrp_io_event(r->vrrp,
			      (struct vrrp_in){.ev = VRRP_EV_ADOPT, .boosted = r->kept.boosted});
	}
	if (todo & LIFE_DO_ELECT_BOOST)
		router_elect(r, VRRP_EV_BOOST);
	if (todo & LIFE_DO_ELECT_RESIGN)
		router_elect(r, VRRP_EV_RESIGN);
	if (todo & LIFE_DO_ELECT_STAY) {
		router_handover_stay(r);
		router_elect(r, VRRP_EV_STAY);
	}
	if (todo & LIFE_DO_ELECT_STOP)
		router_elect(r, VRRP_EV_STOP);
	if (todo & LIFE_DO_SAVE_TERM)
		router_arm(r->save_timer, SAVE_MS + router_others_ms(r));
}

static void label(const struct router *r, enum life_state s, char *buf, size_t cap)
{
	const char *role = life_role_name(life_role(s));

	if (s == LIFE_LINGERING)
		snprintf(buf, cap, "%s(%s)", role, life_state_name(s));
	else if (life_role(s) == LIFE_ROLE_STANDBY && r->life.sync != LIFE_SYNC_NONE)
		snprintf(buf, cap, "%s(%s)", role, life_sync_name(r->life.sync));
	else
		snprintf(buf, cap, "%s", role);
}

/* Exactly one line per change of role. */
static void tell_role(struct router *r, enum life_state before, const char *from)
{
	char to[32], text[96], tail[80] = "";
	const struct life *l = &r->life;

	if (life_role(before) == life_role(l->state))
		return;
	label(r, l->state, to, sizeof(to));
	if (l->state == LIFE_ACTIVE && r->promotion_us)
		snprintf(tail, sizeof(tail), " (term %u, promotion took %llu.%llu ms)", l->term,
			 (unsigned long long)(r->promotion_us / 1000),
			 (unsigned long long)(r->promotion_us % 1000 / 100));
	snprintf(text, sizeof(text), "%s -> %s", from, to);
	log_info("router", r->conf.name, "%s: %s%s", text, l->reason, tail);
	router_happened(r, HAPPENING_ROLE, text, l->reason);
	router_hook_tell(r);
	router_track_role(r);
	router_vips_role(r);
}

static void give_answer(struct router *r, const struct queued *q, const struct life_out *out)
{
	bool command = q->in.ev == LIFE_EV_PROMOTE || q->in.ev == LIFE_EV_DEMOTE;
	uint64_t request = command ? q->request : r->pending_request;

	if (out->answer == LIFE_ANSWER_NONE) {
		if (command)
			r->pending_request = q->request;
		return;
	}
	if (!command)
		r->pending_request = 0;
	if (request && r->group)
		router_group_answer(r, out->answer == LIFE_ANSWER_DONE, out->answer_text);
	else if (request)
		r->env->on_answer(r->env->ctx, request, out->answer == LIFE_ANSWER_DONE,
				  out->answer_text);
}

static void set_life_timer(struct router *r, uint64_t at, uint64_t now)
{
	if (r->ended) /* the timer is on its way to the owner */
		return;
	if (at == LIFE_NEVER)
		evtimer_del(r->life_timer);
	else
		router_arm(r->life_timer, at > now ? at - now : 0);
}

static uint32_t others(const struct router *r)
{
	unsigned n = *r->env->n_routers;

	return n ? n - 1 : 0;
}

uint32_t router_others_ms(const struct router *r)
{
	return OTHERS_MS * others(r);
}

static uint32_t promote_wait_ms(const struct router *r)
{
	if (r->env->stock)
		return STOCK_WAIT_MS;
	return r->env->sync && sync_child_hangs(r->env->sync) ? 0 : PROMOTE_WAIT_MS;
}

/* Of many that are promoted together the last one's answer comes, and is read, behind the
 * promotions of all. */
static bool sync_is_busy(const struct router *r)
{
	const bool drains = r->life.state == LIFE_DRAINING;
	const struct patience_of q = {.asked_ms = r->sync_asked_ms,
				      .silent_ms = PROMOTE_WAIT_MS,
				      .most_ms = PROMOTE_WAIT_MS + PROMOTE_EACH_MS * others(r) +
						 (drains ? r->conf.drain_ms : 0)};

	return (drains || r->life.state == LIFE_PROMOTING) && r->env->sync &&
	       sync_child_is_worth_waiting(r->env->sync, &q);
}

static void step(struct router *r, struct queued *q)
{
	enum life_state before = r->life.state;
	struct life_out out;
	char from[32];

	label(r, before, from, sizeof(from));
	r->life_cfg.promote_wait_ms = promote_wait_ms(r);
	q->in.now_ms = now_ms();
	q->in.why = q->why[0] ? q->why : NULL;
	out = life_step(&r->life_cfg, &r->life, &q->in);
	if (before == LIFE_STANDBY && r->life.state == LIFE_PROMOTING)
		snprintf(r->standby_label, sizeof(r->standby_label), "%s", from);
	if (life_role(before) != life_role(r->life.state)) /* the guard is told, too */
		r->since_ms = r->life.adopted ? r->kept.since_ms : wall_ms();
	execute(r, out.todo);
	set_life_timer(r, out.timer_ms, q->in.now_ms);
	tell_role(r, before, before == LIFE_PROMOTING ? r->standby_label : from);
	if (out.note) {
		log_warn("router", r->conf.name, "%s", out.note);
		router_happened(r, HAPPENING_NOTE, out.note, NULL);
	}
	give_answer(r, q, &out);
	router_guard_refresh(r);
	router_group_look(r);
	if (out.todo & LIFE_DO_ENDED) {
		r->ended = true;
		router_arm(r->life_timer, 0); /* the owner frees it from the event loop */
	}
}

static void run(struct router *r)
{
	if (r->running)
		return;
	r->running = true;
	while (r->queue) {
		struct queued *q = r->queue;

		r->queue = q->next;
		if (!r->queue)
			r->queue_end = &r->queue;
		r->n_queued--;
		step(r, q);
		free(q);
	}
	r->running = false;
}

static void on_life_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;

	(void)fd;
	(void)what;
	if (r->ended && router_hook_busy(r))
		router_arm(r->life_timer, HOOK_POLL_MS); /* it may be about this very end */
	else if (r->ended)
		r->env->on_ended(r->env->ctx, r);
	else if (sync_is_busy(r))
		router_arm(r->life_timer, PROMOTE_LOOK_MS);
	else
		router_push(r, (struct life_in){.ev = LIFE_EV_TIMER}, NULL);
}

static void on_save(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;
	int err = router_state_write(r->env->run_dir, r->conf.name, r->life.term);

	(void)fd;
	(void)what;
	if (err < 0)
		log_warn("router", r->conf.name, "cannot save the term in %s: %s", r->env->run_dir,
			 strerror(-err));
}

/* ---- owner's calls ----------------------------------------------------------------------------
 */

/* Was it ACTIVE when the core before this one died? */
static void look_for_kept(struct router *r)
{
	const struct guard_role *k =
		adopt_find(r->env->adopt, r->conf.name, conf_router_id(&r->conf));

	if (!k)
		return;
	r->kept = *k;
	r->is_kept = true;
}

static void set_life_cfg(struct router *r)
{
	static const enum life_mode mode[] = {[CONF_ELECTION_VRRP] = LIFE_MODE_VRRP,
					      [CONF_ELECTION_EXTERNAL] = LIFE_MODE_EXTERNAL,
					      [CONF_ELECTION_SINGLE] = LIFE_MODE_SINGLE};

	r->life_cfg = (struct life_cfg){.mode = mode[r->conf.election.mode],
					.hold_ms = r->conf.sync_hold_s * 1000,
					.drain_ms = r->conf.drain_ms,
					.linger_ms = r->conf.linger_ms,
					.trail_ms = router_handover_linger_ms(&r->conf),
					.command_ms = COMMAND_MS};
}

int router_new(struct router **out, const struct conf_router *conf, const struct router_env *env,
	       char reason[static NET_REASON_MAX])
{
	struct router *r = pages_new(sizeof(*r));
	int err;

	snprintf(reason, NET_REASON_MAX, "out of memory");
	if (!r)
		return -ENOMEM;
	r->env = env;
	r->events_fd = -1;
	r->queue_end = &r->queue;
	conf_router_copy(&r->conf, conf);
	r->track.priority = (uint8_t)conf->election.priority;
	r->since_ms = wall_ms();
	r->life.sync = env->sync || env->stock ? LIFE_SYNC_DOWN : LIFE_SYNC_NONE;
	r->life.term = router_state_read(env->run_dir, conf->name);
	set_life_cfg(r);
	err = router_report_room(r, 0);
	if (!err)
		err = router_vips_open(r);
	if (!err) {
		look_for_kept(r);
		router_vips_init(r);
	}
	r->life_timer = evtimer_new(env->base, on_life_timer, r);
	r->save_timer = evtimer_new(env->base, on_save, r);
	if (!err)
		err = r->life_timer && r->save_timer ? router_hook_open(r) : -ENOMEM;
	if (!err)
		err = router_takeover_open(r);
	if (!err)
		err = router_handover_open(r);
	if (!err)
		err = router_neigh_open(r);
	if (!err)
		err = router_election_open(r, reason);
	if (!err)
		err = router_net_open(r, reason);
	if (!err)
		err = router_services_open(r);
	if (!err)
		err = router_stock_open(r);
	if (err < 0) {
		router_free(r);
		return err;
	}
	router_vips_begin(r);
	if (env->sync && sync_child_is_up(env->sync))
		router_on_sync_up(r);
	router_net_build(r);
	router_net_leftovers(r);
	err = router_track_open(r);
	if (err < 0) {
		snprintf(reason, NET_REASON_MAX, "cannot track: %s", strerror(-err));
		router_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void router_free(struct router *r)
{
	if (!r)
		return;
	if (r->save_timer && evtimer_pending(r->save_timer, NULL))
		on_save(-1, 0, r);
	router_check_cancel(r, "the router is gone");
	router_group_leave(r);
	vrrp_io_free(r->vrrp);
	router_ovs_close(r);
	router_track_close(r);
	router_neigh_close(r);
	router_services_close(r);
	router_stock_close(r);
	router_link_close(r);
	router_net_close(r);
	router_hook_close(r);
	router_takeover_close(r);
	router_handover_close(r);
	router_vips_close(r);
	if (r->events_fd >= 0)
		close(r->events_fd);
	if (r->life_timer)
		event_free(r->life_timer);
	if (r->save_timer)
		event_free(r->save_timer);
	free(r->report);
	pages_free(r, sizeof(*r));
}

void router_teardown(struct router *r)
{
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;

	router_sync_role(r, SYNC_MSG_ROUTER_DEL);
	conf_net_desired(&d, &r->conf, false);
	if (net_teardown(r->ns, &d, reason) < 0)
		log_warn("router", r->conf.name, "cannot take it down: %s", reason);
	router_handover_reset(r);
	router_ovs_return(r->env->ovs, &r->conf);
}

bool router_has_adopted(struct router *r)
{
	if (!r->life.adopted || !r->vrrp)
		return false;
	if (router_group_is_first(r)) /* advertises */
		vrrp_io_event(r->vrrp, (struct vrrp_in){.ev = VRRP_EV_RECONF});
	return r->life.adopted;
}

const char *router_name(const struct router *r)
{
	return r->conf.name;
}

int router_reconfigure(struct router *r, const struct conf_router *conf,
		       char reason[static NET_REASON_MAX])
{
	int err, tracked, served;

	auto_free struct conf_router *was = malloc(sizeof(*was));

	if (!was) {
		snprintf(reason, NET_REASON_MAX, "out of memory");
		return -ENOMEM;
	}
	router_check_cancel(r, "its configuration has just changed: ask again");
	*was = r->conf;
	conf_router_copy(&r->conf, conf);
	if (r->ns)
		net_forget(r->ns);
	router_vips_reconfigure(r);
	set_life_cfg(r);
	tracked = router_track_reconfigure(r, was);
	router_group_look(r);
	router_ovs_reconfigure(r, was);
	router_election_reconfigure(r);
	router_sync_reconfigure(r);
	router_neigh_reconfigure(r);
	served = router_services_reconfigure(r);
	err = router_net_reconfigure(r, reason);
	router_guard_arm(r); /* the VIPs may be others */
	if (!err && tracked < 0)
		snprintf(reason, NET_REASON_MAX, "nothing is tracked: %s", strerror(-tracked));
	else if (!err && served < 0)
		snprintf(reason, NET_REASON_MAX, "DNS, NTP, DHCP: %s", strerror(-served));
	return err ? err : tracked ? tracked : served;
}

void router_command(struct router *r, bool promote, bool force, uint64_t request)
{
	struct life_in in = {.ev = promote ? LIFE_EV_PROMOTE : LIFE_EV_DEMOTE,
			     .force = force,
			     .have_peer = router_peer_lives(r)};

	if (r->group) {
		router_group_command(r, promote, force, request);
		return;
	}
	if (promote)
		r->elected_us = now_us();
	router_push_command(r, in, request);
}

void router_stop(struct router *r, const char *why)
{
	router_push(r, (struct life_in){.ev = LIFE_EV_STOP, .have_peer = router_peer_lives(r)},
		    why);
}

void router_view(const struct router *r, struct router_view *out)
{
	*out = (struct router_view){
		.conf = &r->conf,
		.life = &r->life,
		.report = r->reported ? r->report : NULL,
		.vrrp = r->vrrp ? vrrp_io_inst(r->vrrp) : NULL,
		.vrrp_stats = r->vrrp ? vrrp_io_stats(r->vrrp) : NULL,
		.ends = r->vrrp ? vrrp_io_ends(r->vrrp) : NULL,
		.since_ms = r->since_ms,
		.repairs = r->repairs,
		.announcements = r->announcements,
		.promotions = r->promotions,
		.promotion_us = r->promotion_us,
		.hook = r->hook,
		.hook_coalesced = r->hook_queue.coalesced,
		.takeover = r->takeover_stats,
		.left = r->left,
		.busy = router_hook_busy(r) || program_runs(r->fence),
	};
	router_neigh_view(r, &out->neigh);
	router_group_view(r, out);
	out->has_stock = r->stock != NULL;
	if (r->stock)
		stock_view(r->stock, &out->stock);
	if (r->vrrp)
		out->preempt_delay_us = vrrp_io_delay_us(r->vrrp);
	if (r->vrrp)
		out->heard = vrrp_io_last_heard(r->vrrp, &out->heard_us_ago, &out->heard_from,
						&out->heard_prio);
}
