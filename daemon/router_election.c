/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A router's VRRP, its own or that of its group: what it says goes to the role machine, and back.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

static void on_election(void *ctx, enum vrrp_state state, const char *why)
{
	struct router *r = ctx;

	router_takeover_heard(r);
	takeover_waits_no_more(&r->takeover);
	switch (state) {
	case VRRP_INIT: /* we stopped it, or on_election_fault says more */
		break;
	case VRRP_BACKUP:
		router_push(r, (struct life_in){.ev = LIFE_EV_LOST}, why);
		break;
	case VRRP_ACTIVE:
		r->elected_us = now_us();
		router_push(r, (struct life_in){.ev = LIFE_EV_ELECTED}, why);
		break;
	}
}

static void on_election_fault(void *ctx, const char *fault)
{
	struct life_in in = {.ev = fault ? LIFE_EV_FAULT : LIFE_EV_RECOVERED,
			     .fault = LIFE_FAULT_ELECTION};

	router_push(ctx, in, fault);
	if (!fault)
		router_track_remind(ctx);
}

/* A second ACTIVE was heard and has to leave: what learnt its addresses must learn ours again. */
void router_election_rival(struct router *r, const char *what)
{
	log_warn("router", r->conf.name, "%s", what);
	router_takeover_rival(r);
	router_happened(r, HAPPENING_NOTE, "a second ACTIVE was heard; announcing again", what);
	if (life_wants_vips(&r->life))
		router_start_announcing(r);
}

static void on_rival(void *ctx, const char *what)
{
	router_election_rival(ctx, what);
}

static void on_refused(void *ctx, const char *what)
{
	router_happened(ctx, HAPPENING_NOTE, "a VRRP packet was refused", what);
}

void router_elect(struct router *r, enum vrrp_event ev)
{
	if (r->group)
		group_elect(&r->member, ev);
	else if (r->vrrp)
		vrrp_io_event(r->vrrp, (struct vrrp_in){.ev = ev,
							.gated = r->life.gated,
							.blind = r->life.blind,
							.sole = r->sole});
}

void router_election_cfg(struct vrrp_io_cfg *cfg, const struct router *r)
{
	conf_vrrp(cfg, &r->conf);
	cfg->fsm.prio = router_group_bid(r);
	if (cfg->auth != VRRP_AUTH_NONE)
		seal_derive_vrrp(&cfg->keys, sync_child_keys(r->env->sync), id_of(cfg->router));
}

int router_election_open(struct router *r, char reason[static NET_REASON_MAX])
{
	static const struct vrrp_io_ops ops = {.on_state = on_election,
					       .on_fault = on_election_fault,
					       .on_rival = on_rival,
					       .on_doubt = router_takeover_doubt,
					       .may_take_over = router_takeover_may,
					       .was_replaced = router_takeover_was_replaced,
					       .may_preempt = router_handover_may_preempt,
					       .on_heard = router_takeover_heard,
					       .on_ends = router_takeover_ends,
					       .on_refused = on_refused};
	struct vrrp_io_cfg cfg;
	int err;

	if (r->conf.election.mode != CONF_ELECTION_VRRP)
		return 0;
	router_election_cfg(&cfg, r);
	err = r->conf.election.group[0] ? router_group_join(r, &cfg)
					: vrrp_io_new(&r->vrrp, r->env->base, &cfg, &ops, r);
	seal_forget(&cfg.keys);
	if (err < 0)
		snprintf(reason, NET_REASON_MAX, "VRRP on interface %s: %s", cfg.interface,
			 strerror(-err));
	return err;
}

void router_on_report(struct router *r)
{
	if (!router_sync_sole(r))
		return;
	if (r->group)
		router_group_look(r);
	else
		router_elect(r, VRRP_EV_GATE);
}

void router_election_reconfigure(struct router *r)
{
	struct vrrp_io_cfg cfg;

	if (!r->vrrp)
		return;
	router_election_cfg(&cfg, r);
	vrrp_io_set_peers(r->vrrp, &cfg.peers);
	vrrp_io_reconfigure(r->vrrp, &cfg, false);
	seal_forget(&cfg.keys);
}

void router_rekey(struct router *r)
{
	if (r->conf.election.auth == VRRP_AUTH_NONE)
		return;
	router_election_reconfigure(r);
	router_guard_arm(r); /* its packet is stamped */
}
