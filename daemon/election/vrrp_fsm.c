/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The election: RFC 9568 section 6.4 as one pure function (config, state, event) -> state and
 * effects, plus what an operator and the replication ask of it: a gate that forbids to preempt and
 * a delay before it, a bid of 1 by an ACTIVE that knows nothing, promotion by hand, and a planned
 * leave that keeps the addresses until a successor is heard. Version 2 (RFC 3768) differs in
 * Skew_Time.
 *
 * There is one timer and its meaning follows from the state: ACTIVE advertises when it runs out,
 * BACKUP becomes ACTIVE. It runs in both of them at all times, never in INIT. boosted, resigning
 * and claims are set in ACTIVE only. */
#include "vrouter/vrrp.h"

#define US_PER_CS  10000
#define US_PER_S   1000000
#define CLAIMS_MAX 3 /* as many as a BACKUP may miss before it gives an ACTIVE up */

const char *vrrp_state_name(enum vrrp_state s)
{
	static const char *const name[] = {
		[VRRP_INIT] = "INIT",
		[VRRP_BACKUP] = "BACKUP",
		[VRRP_ACTIVE] = "ACTIVE",
	};

	return (size_t)s < ARRAY_LEN(name) ? name[s] : "unknown";
}

uint8_t vrrp_bid(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	if (v->resigning)
		return VRRP_PRIO_RESIGN;
	if (v->claims)
		return VRRP_PRIO_OWNER;
	if (v->boosted)
		return cfg->prio < VRRP_PRIO_BOOST ? VRRP_PRIO_BOOST : cfg->prio;
	return v->blind ? VRRP_PRIO_BLIND : cfg->prio;
}

uint64_t vrrp_adv_us(const struct vrrp_cfg *cfg)
{
	return (uint64_t)cfg->adv_cs * US_PER_CS;
}

uint64_t vrrp_replaced_us(const struct vrrp_cfg *cfg, bool by_replication)
{
	return (by_replication ? 3 : 6) * vrrp_adv_us(cfg) / 2;
}

uint64_t vrrp_skew_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	uint64_t whole = cfg->version == 2 ? US_PER_S : (uint64_t)v->active_adv_cs * US_PER_CS;

	return (256 - (uint64_t)cfg->prio) * whole / 256;
}

uint64_t vrrp_down_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	return 3 * (uint64_t)v->active_adv_cs * US_PER_CS + vrrp_skew_us(cfg, v);
}

uint64_t vrrp_doubt_us(const struct vrrp_inst *v)
{
	return 3 * (uint64_t)v->active_adv_cs * US_PER_CS / 2;
}

uint64_t vrrp_fast_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	return vrrp_doubt_us(v) + (v->sole ? 0 : vrrp_skew_us(cfg, v));
}

static struct vrrp_out keep(void)
{
	return (struct vrrp_out){.timer_us = VRRP_TIMER_KEEP};
}

/* An advertisement now, the next one after a whole interval. */
static struct vrrp_out advertise(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	return (struct vrrp_out){
		.todo = v->resigning ? VRRP_DO_RESIGN : VRRP_DO_ADVERT,
		.timer_us = vrrp_adv_us(cfg),
	};
}

/* This also holds the address owner: without the flows even it would break connections. */
static bool held_back(const struct vrrp_inst *v)
{
	return v->gated || v->blind;
}

bool vrrp_may_be_fast(const struct vrrp_inst *v)
{
	return v->state == VRRP_BACKUP && v->timer_why == VRRP_WHY_SILENCE && v->active_prio &&
	       !held_back(v);
}

/* A blind ACTIVE is about to be followed, or soon bids what it is configured for. */
static bool would_preempt(const struct vrrp_cfg *cfg, const struct vrrp_inst *v)
{
	return !held_back(v) && (cfg->preempt || cfg->prio == VRRP_PRIO_OWNER) &&
	       v->active_prio > VRRP_PRIO_BLIND && v->active_prio < cfg->prio;
}

uint64_t vrrp_delay_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v, uint64_t now_us)
{
	uint64_t end = v->lower_since_us + cfg->preempt_delay_us;

	if (v->state != VRRP_BACKUP || !v->lower_since_us || !would_preempt(cfg, v))
		return 0;
	return end > now_us ? end - now_us : 0;
}

static void enter(struct vrrp_inst *v, enum vrrp_state state)
{
	v->state = state;
	v->boosted = false;
	v->resigning = false;
	v->claims = 0;
	v->active_prio = 0;
	v->lower_since_us = 0;
	v->timer_why = VRRP_WHY_NONE;
}

static struct vrrp_out enter_active(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				    enum vrrp_why why)
{
	enter(v, VRRP_ACTIVE);
	return (struct vrrp_out){
		.todo = VRRP_DO_ADVERT | VRRP_DO_BECOME,
		.why = why,
		.timer_us = vrrp_adv_us(cfg),
	};
}

static struct vrrp_out enter_backup(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				    uint8_t active_prio, uint16_t active_adv_cs, enum vrrp_why why)
{
	enter(v, VRRP_BACKUP);
	v->active_prio = active_prio;
	v->active_adv_cs = active_adv_cs;
	v->timer_why = VRRP_WHY_SILENCE;
	return (struct vrrp_out){
		.todo = VRRP_DO_BECOME,
		.why = why,
		.timer_us = vrrp_down_us(cfg, v),
	};
}

static struct vrrp_out enter_init(struct vrrp_inst *v, uint32_t todo)
{
	enter(v, VRRP_INIT);
	return (struct vrrp_out){
		.todo = todo | VRRP_DO_BECOME,
		.why = VRRP_WHY_STOPPED,
		.timer_us = VRRP_TIMER_OFF,
	};
}

/* RFC 9568 6.4.1, but for the address owner */
static struct vrrp_out on_init(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in)
{
	struct vrrp_out out;

	if (in.ev == VRRP_EV_ADOPT) {
		out = enter_active(cfg, v, VRRP_WHY_ADOPTED);
		v->boosted = in.boosted;
		return out;
	}
	if (in.ev != VRRP_EV_START)
		return keep();
	return enter_backup(cfg, v, 0, cfg->adv_cs, VRRP_WHY_STARTED);
}

/* The delay counts from when there first was something to preempt, gated or not. */
static void note_active(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in)
{
	v->active_prio = in.prio;
	if (in.prio >= cfg->prio)
		v->lower_since_us = 0;
	else if (!v->lower_since_us)
		v->lower_since_us = in.now_us;
}

/* RFC 9568 6.4.2 (Backup), advertisements */
static struct vrrp_out backup_advert(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				     struct vrrp_in in)
{
	struct vrrp_out out = keep();

	if (in.prio == VRRP_PRIO_RESIGN) {
		/* Its successor was faster than this packet: who leaves is not who is ACTIVE. */
		if (in.from_other)
			return out;
		/* A resigner repeats it once per interval. The skew of a low priority is nearly
		 * that long, so only the first one may arm the timer. */
		if (v->timer_why != VRRP_WHY_RESIGNED)
			out.timer_us = v->sole && !held_back(v) ? 0 : vrrp_skew_us(cfg, v);
		v->timer_why = VRRP_WHY_RESIGNED;
		v->active_prio = 0;
		v->lower_since_us = 0;
		return out;
	}
	note_active(cfg, v, in);
	if (would_preempt(cfg, v) && !vrrp_delay_us(cfg, v, in.now_us)) {
		/* Not heeded: the timer runs on and then we take over. */
		v->timer_why = VRRP_WHY_WE_BID_MORE;
		return out;
	}
	v->timer_why = VRRP_WHY_SILENCE;
	v->active_adv_cs = in.adv_cs;
	out.timer_us = vrrp_down_us(cfg, v);
	return out;
}

/* What made us ignore a lower bidder may no longer hold: listen to it for a whole interval again
 * before the timer, of which little may be left, makes us ACTIVE. */
static struct vrrp_out backup_reconsider(const struct vrrp_cfg *cfg, struct vrrp_inst *v)
{
	struct vrrp_out out = keep();

	if (v->timer_why == VRRP_WHY_WE_BID_MORE) {
		v->timer_why = VRRP_WHY_SILENCE;
		out.timer_us = vrrp_down_us(cfg, v);
	}
	return out;
}

static struct vrrp_out backup_boost(const struct vrrp_cfg *cfg, struct vrrp_inst *v)
{
	uint8_t claims = v->active_prio >= VRRP_PRIO_BOOST ? CLAIMS_MAX : 0;
	struct vrrp_out out = enter_active(cfg, v, VRRP_WHY_BOOSTED);

	v->boosted = true;
	v->claims = claims;
	return out;
}

/* Not in the RFC: somebody knows better than silence. */
static struct vrrp_out backup_timer(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				    struct vrrp_in in)
{
	struct vrrp_out out = keep();

	if (!in.held || (v->timer_why != VRRP_WHY_SILENCE && v->timer_why != VRRP_WHY_WE_BID_MORE))
		return enter_active(cfg, v, in.beatless ? VRRP_WHY_BEATS : v->timer_why);
	out.timer_us = 2 * (uint64_t)v->active_adv_cs * US_PER_CS;
	return out;
}

/* RFC 9568 6.4.2 */
static struct vrrp_out on_backup(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in)
{
	switch (in.ev) {
	case VRRP_EV_STOP:
		return enter_init(v, 0);
	case VRRP_EV_TIMER:
		return backup_timer(cfg, v, in);
	case VRRP_EV_ADVERT:
		return backup_advert(cfg, v, in);
	case VRRP_EV_GATE:
		return held_back(v) ? backup_reconsider(cfg, v) : keep();
	case VRRP_EV_RECONF:
		return backup_reconsider(cfg, v);
	case VRRP_EV_BOOST:
		return backup_boost(cfg, v);
	case VRRP_EV_START:
	case VRRP_EV_RESIGN:
	case VRRP_EV_STAY:
	case VRRP_EV_ADOPT:
		break;
	}
	return keep();
}

/* It has announced its addresses just now. The winner may not know that yet, and has to win back
 * what points here: one more advertisement tells it. */
static struct vrrp_out blind_yields(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				    struct vrrp_in in)
{
	struct vrrp_out out = enter_backup(cfg, v, in.prio, in.adv_cs, VRRP_WHY_THEY_BID_MORE);

	out.todo |= VRRP_DO_ADVERT;
	return out;
}

/* RFC 9568 6.4.3 (Active), advertisements. A resigner bids 0, so it yields to everybody. */
static struct vrrp_out active_advert(const struct vrrp_cfg *cfg, struct vrrp_inst *v,
				     struct vrrp_in in)
{
	uint8_t bid = vrrp_bid(cfg, v);
	struct vrrp_out out;

	if (in.prio == VRRP_PRIO_RESIGN)
		return v->resigning ? keep() : advertise(cfg, v);
	if (v->resigning)
		return enter_backup(cfg, v, in.prio, in.adv_cs, VRRP_WHY_SUCCEEDED);
	if (in.prio > bid && bid == VRRP_PRIO_BLIND && !in.overdue)
		return blind_yields(cfg, v, in);
	if (in.prio > bid)
		return enter_backup(cfg, v, in.prio, in.adv_cs, VRRP_WHY_THEY_BID_MORE);
	/* No reason to give up a table of flows; but newer advertisements may wait behind this one,
	 * so nothing is answered before the timer. */
	if (in.overdue && in.prio == VRRP_PRIO_BLIND && bid != VRRP_PRIO_BLIND)
		return keep();
	if (in.overdue)
		return enter_backup(cfg, v, in.prio, in.adv_cs, VRRP_WHY_STALLED);
	if (in.prio == bid && in.from_higher_addr)
		return enter_backup(cfg, v, in.prio, in.adv_cs, VRRP_WHY_THEIR_ADDRESS);
	out = advertise(cfg, v);
	out.todo |= VRRP_DO_RIVAL;
	return out;
}

static void end_boost(struct vrrp_inst *v)
{
	v->boosted = false;
	v->claims = 0;
}

/* RFC 9568 6.4.3. bid: before the event. */
static struct vrrp_out on_active(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in,
				 uint8_t bid)
{
	switch (in.ev) {
	case VRRP_EV_STOP:
		return enter_init(v, VRRP_DO_RESIGN);
	case VRRP_EV_TIMER:
		if (in.held)
			return enter_backup(cfg, v, 0, cfg->adv_cs, VRRP_WHY_STALLED);
		if (v->claims)
			v->claims--;
		return advertise(cfg, v);
	case VRRP_EV_ADVERT:
		return active_advert(cfg, v, in);
	case VRRP_EV_BOOST:
		v->boosted = true;
		v->resigning = false;
		return advertise(cfg, v);
	case VRRP_EV_RESIGN:
		if (v->resigning)
			return keep();
		v->resigning = true;
		v->boosted = false;
		v->claims = 0;
		return advertise(cfg, v);
	case VRRP_EV_STAY:
		if (!v->resigning)
			return keep();
		v->resigning = false;
		return advertise(cfg, v);
	case VRRP_EV_RECONF:
		if (in.worse)
			end_boost(v);
		/* At once, so that a longer interval is known before the old one is missed. */
		return advertise(cfg, v);
	case VRRP_EV_GATE:
		/* who may be about to take over must know at once */
		return vrrp_bid(cfg, v) == bid ? keep() : advertise(cfg, v);
	case VRRP_EV_START:
	case VRRP_EV_ADOPT:
		break;
	}
	return keep();
}

bool vrrp_addresses_first(const struct vrrp_inst *v, enum vrrp_why why)
{
	return why == VRRP_WHY_WE_BID_MORE || why == VRRP_WHY_BOOSTED ||
	       (why == VRRP_WHY_RESIGNED && v->sole);
}

struct vrrp_out vrrp_step(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in)
{
	uint8_t bid = vrrp_bid(cfg, v);

	if (in.ev == VRRP_EV_GATE) {
		v->gated = in.gated;
		v->blind = in.blind;
		v->sole = in.sole;
	}
	switch (v->state) {
	case VRRP_INIT:
		return on_init(cfg, v, in);
	case VRRP_BACKUP:
		return on_backup(cfg, v, in);
	case VRRP_ACTIVE:
		return on_active(cfg, v, in, bid);
	}
	return keep();
}
