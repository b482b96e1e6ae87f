/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard_care.h"

#define MISSED_MAX 3 /* intervals that a BACKUP waits at least */
#define ANSWERS	   8 /* between two advertisements; challengers may be recordings */

void care_start(struct care *c, const struct vrrp_standin *s, uint64_t timeout_us, uint64_t now_us)
{
	*c = (struct care){
		.cfg = s->fsm,
		.inst = {.state = VRRP_ACTIVE, .boosted = s->boosted, .blind = s->blind},
		.until_us = now_us + timeout_us,
		.next_us = now_us,
	};
}

static enum care_do advertise(struct care *c, uint64_t now_us)
{
	c->sent_us = now_us;
	c->next_us = now_us + vrrp_adv_us(&c->cfg);
	c->waited = false;
	c->answers = ANSWERS;
	return CARE_ADVERTISE;
}

/* A BACKUP may have taken over meanwhile. */
static bool is_overdue(const struct care *c, uint64_t now_us)
{
	uint64_t adv_us = vrrp_adv_us(&c->cfg);

	return !c->sent_us ||
	       now_us - c->sent_us > (c->cfg.fast ? 3 * adv_us / 2 : MISSED_MAX * adv_us);
}

static enum care_do step(struct care *c, struct vrrp_in in, uint64_t now_us)
{
	struct vrrp_out out = vrrp_step(&c->cfg, &c->inst, in);

	if (c->inst.state != VRRP_ACTIVE)
		return CARE_YIELD;
	return out.todo & VRRP_DO_ADVERT ? advertise(c, now_us) : CARE_NOTHING;
}

enum care_do care_heard(struct care *c, const struct vrrp_packet *p, bool from_higher_addr,
			uint64_t now_us)
{
	return step(c,
		    (struct vrrp_in){.ev = VRRP_EV_ADVERT,
				     .prio = p->prio,
				     .adv_cs = p->adv_cs,
				     .now_us = now_us,
				     .from_higher_addr = from_higher_addr,
				     .overdue = is_overdue(c, now_us)},
		    now_us);
}

void care_unproven(struct care *c, uint64_t now_us)
{
	uint64_t answered_us = now_us + vrrp_adv_us(&c->cfg) / 2;

	if (c->waited || !is_overdue(c, now_us))
		return;
	c->waited = true;
	if (c->next_us < answered_us)
		c->next_us = answered_us;
}

bool care_asked(struct care *c)
{
	if (!c->answers) /* nor before anything was said */
		return false;
	c->answers--;
	return true;
}

enum care_do care_time(struct care *c, uint64_t now_us)
{
	if (now_us >= c->until_us)
		return CARE_RESIGN;
	return now_us >= c->next_us ? step(c, (struct vrrp_in){.ev = VRRP_EV_TIMER}, now_us)
				    : CARE_NOTHING;
}

uint64_t care_due_us(const struct care *c)
{
	return c->next_us < c->until_us ? c->next_us : c->until_us;
}
