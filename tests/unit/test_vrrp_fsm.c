/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The election's state machine against a table of rules. The exhaustive test walks every
 * combination of state, event, priority, preempt, gate, blindness and address; exactly one row of
 * the table must apply to each, and tells all that has to come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/vrrp.h"

#define OWN_ADV	  10 /* cs */
#define THEIR_ADV 20

/* What a situation is made of; a row names sets of each. */
enum { S_INIT = 1, S_BACKUP = 2, S_PLAIN = 4, S_BOOSTED = 8, S_CLAIMING = 16, S_RESIGNING = 32 };
enum { P_ZERO = 1, P_LESS = 2, P_SAME = 4, P_MORE = 8, P_SOME = 14 }; /* than our bid */
enum { NO = 1, YES = 2 };
enum { W_SILENCE = 1, W_RESIGNED = 2, W_OUTBID = 4 }; /* what a BACKUP waits for */
enum { T_KEEP, T_OFF, T_ADV, T_SKEW, T_DOWN_OWN, T_DOWN_THEIRS };

#define S_ACTIVE (S_PLAIN | S_BOOSTED | S_CLAIMING | S_RESIGNING)
#define S_BIDS	 (S_PLAIN | S_BOOSTED | S_CLAIMING)
#define S_ANY	 (S_INIT | S_BACKUP | S_ACTIVE)
#define SAME	 0 /* state after: as before */

#define ADV    VRRP_DO_ADVERT
#define RES    VRRP_DO_RESIGN
#define BECOME VRRP_DO_BECOME

struct rule {
	enum vrrp_event ev;
	unsigned states;
	/* sets; 0: any */
	unsigned prio, preempted, higher_addr, from_other, overdue, replaced, to_held_back,
		quits_aloud, new_bid, wait;
	/* expected */
	unsigned after;
	uint32_t todo;
	int timer;
	enum vrrp_why why;
	const char *text;
};

/* clang-format off */
static const struct rule rules[] = {
	/* INIT */
	{.ev = VRRP_EV_START, .states = S_INIT, .after = S_BACKUP, .todo = BECOME,
	 .timer = T_DOWN_OWN, .why = VRRP_WHY_STARTED,
	 .text = "listens first, the address owner, too"},
	{.ev = VRRP_EV_STOP, .states = S_INIT, .text = "is stopped"},
	{.ev = VRRP_EV_TIMER, .states = S_INIT, .text = "has no timer"},
	{.ev = VRRP_EV_ADVERT, .states = S_INIT, .text = "hears nothing"},
	{.ev = VRRP_EV_GATE, .states = S_INIT, .text = "remembers only"},
	{.ev = VRRP_EV_BOOST, .states = S_INIT, .text = "cannot be promoted"},
	{.ev = VRRP_EV_RESIGN, .states = S_INIT, .text = "has nothing to leave"},
	{.ev = VRRP_EV_STAY, .states = S_INIT, .text = "has nothing to take back"},
	{.ev = VRRP_EV_RECONF, .states = S_INIT, .text = "uses it at the start"},
	{.ev = VRRP_EV_ADOPT, .states = S_INIT, .after = S_PLAIN, .todo = ADV | BECOME,
	 .timer = T_ADV, .why = VRRP_WHY_ADOPTED, .text = "goes on where the guard stops"},

	/* BACKUP */
	{.ev = VRRP_EV_START, .states = S_BACKUP, .text = "is started"},
	{.ev = VRRP_EV_STOP, .states = S_BACKUP, .after = S_INIT, .todo = BECOME,
	 .timer = T_OFF, .why = VRRP_WHY_STOPPED, .text = "leaves silently"},
	{.ev = VRRP_EV_TIMER, .states = S_BACKUP, .wait = W_SILENCE, .after = S_PLAIN,
	 .todo = ADV | BECOME, .timer = T_ADV, .why = VRRP_WHY_SILENCE, .text = "nobody there"},
	{.ev = VRRP_EV_TIMER, .states = S_BACKUP, .wait = W_RESIGNED, .after = S_PLAIN,
	 .todo = ADV | BECOME, .timer = T_ADV, .why = VRRP_WHY_RESIGNED, .text = "succeeds"},
	{.ev = VRRP_EV_TIMER, .states = S_BACKUP, .wait = W_OUTBID, .after = S_PLAIN,
	 .todo = ADV | BECOME, .timer = T_ADV, .why = VRRP_WHY_WE_BID_MORE, .text = "preempts"},
	{.ev = VRRP_EV_ADVERT, .states = S_BACKUP, .prio = P_ZERO, .from_other = YES,
	 .text = "the resignation of somebody who has a successor already"},
	{.ev = VRRP_EV_ADVERT, .states = S_BACKUP, .prio = P_ZERO, .from_other = NO,
	 .wait = W_SILENCE | W_OUTBID,
	 .timer = T_SKEW, .text = "a resignation: skew, gated or not"},
	{.ev = VRRP_EV_ADVERT, .states = S_BACKUP, .prio = P_ZERO, .from_other = NO,
	 .wait = W_RESIGNED,
	 .text = "a repeated resignation does not start the skew again"},
	{.ev = VRRP_EV_ADVERT, .states = S_BACKUP, .prio = P_SOME, .preempted = YES,
	 .text = "a lower bidder does not hold the timer up"},
	{.ev = VRRP_EV_ADVERT, .states = S_BACKUP, .prio = P_SOME, .preempted = NO,
	 .timer = T_DOWN_THEIRS, .text = "alive; a lower bidder is respected, too: it is blind, "
	 "or we are, or gated, or do not preempt"},
	{.ev = VRRP_EV_GATE, .states = S_BACKUP, .to_held_back = NO,
	 .text = "next advert decides"},
	{.ev = VRRP_EV_GATE, .states = S_BACKUP, .to_held_back = YES,
	 .wait = W_SILENCE | W_RESIGNED, .text = "was not preempting"},
	{.ev = VRRP_EV_GATE, .states = S_BACKUP, .to_held_back = YES, .wait = W_OUTBID,
	 .timer = T_DOWN_OWN, .text = "was about to preempt: must not"},
	{.ev = VRRP_EV_RECONF, .states = S_BACKUP, .wait = W_SILENCE | W_RESIGNED,
	 .text = "goes on"},
	{.ev = VRRP_EV_RECONF, .states = S_BACKUP, .wait = W_OUTBID, .timer = T_DOWN_OWN,
	 .text = "may not bid more any longer"},
	{.ev = VRRP_EV_BOOST, .states = S_BACKUP, .after = S_BOOSTED, .todo = ADV | BECOME,
	 .timer = T_ADV, .why = VRRP_WHY_BOOSTED, .text = "by hand: at once, gated or not"},
	{.ev = VRRP_EV_RESIGN, .states = S_BACKUP, .text = "has nothing to leave"},
	{.ev = VRRP_EV_STAY, .states = S_BACKUP, .text = "has nothing to take back"},
	{.ev = VRRP_EV_ADOPT, .states = S_BACKUP, .text = "is started"},

	/* ACTIVE */
	{.ev = VRRP_EV_START, .states = S_ACTIVE, .text = "is started"},
	{.ev = VRRP_EV_STOP, .states = S_ACTIVE, .after = S_INIT, .todo = RES | BECOME,
	 .timer = T_OFF, .why = VRRP_WHY_STOPPED, .text = "says that it leaves"},
	{.ev = VRRP_EV_TIMER, .states = S_BIDS, .todo = ADV, .timer = T_ADV,
	 .text = "advertises"},
	{.ev = VRRP_EV_TIMER, .states = S_RESIGNING, .todo = RES, .timer = T_ADV,
	 .text = "repeats that it leaves"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_ZERO, .todo = ADV, .timer = T_ADV,
	 .text = "a rival leaves: say that we are here"},
	{.ev = VRRP_EV_ADVERT, .states = S_RESIGNING, .prio = P_ZERO, .text = "leaves as well"},
	{.ev = VRRP_EV_ADVERT, .states = S_RESIGNING, .prio = P_SOME, .after = S_BACKUP,
	 .todo = BECOME, .timer = T_DOWN_THEIRS, .why = VRRP_WHY_SUCCEEDED, .text = "successor"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_MORE, .quits_aloud = NO,
	 .after = S_BACKUP, .todo = BECOME, .timer = T_DOWN_THEIRS,
	 .why = VRRP_WHY_THEY_BID_MORE, .text = "loses by priority"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_MORE, .quits_aloud = YES,
	 .after = S_BACKUP, .todo = ADV | BECOME, .timer = T_DOWN_THEIRS,
	 .why = VRRP_WHY_THEY_BID_MORE, .text = "blind: loses, and says that it was here"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_SAME | P_LESS, .replaced = YES,
	 .after = S_BACKUP, .todo = BECOME, .timer = T_DOWN_THEIRS, .why = VRRP_WHY_STALLED,
	 .text = "was replaced while it stood still"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_LESS, .overdue = YES, .replaced = NO,
	 .text = "by one that has no table: the timer asks"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_SAME, .overdue = NO,
	 .higher_addr = YES, .after = S_BACKUP, .todo = BECOME, .timer = T_DOWN_THEIRS,
	 .why = VRRP_WHY_THEIR_ADDRESS, .text = "loses by address"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_SAME, .overdue = NO,
	 .higher_addr = NO, .todo = ADV | VRRP_DO_RIVAL, .timer = T_ADV,
	 .text = "wins by address"},
	{.ev = VRRP_EV_ADVERT, .states = S_BIDS, .prio = P_LESS, .overdue = NO,
	 .todo = ADV | VRRP_DO_RIVAL, .timer = T_ADV,
	 .text = "wins by priority, preempt or not"},
	{.ev = VRRP_EV_GATE, .states = S_ACTIVE, .new_bid = NO,
	 .text = "the gate is for a BACKUP"},
	{.ev = VRRP_EV_GATE, .states = S_ACTIVE, .new_bid = YES, .todo = ADV, .timer = T_ADV,
	 .text = "blind no more: tells it at once"},
	{.ev = VRRP_EV_BOOST, .states = S_PLAIN | S_BOOSTED | S_RESIGNING, .after = S_BOOSTED,
	 .todo = ADV, .timer = T_ADV, .text = "bids more from now on"},
	{.ev = VRRP_EV_BOOST, .states = S_CLAIMING, .todo = ADV, .timer = T_ADV,
	 .text = "again"},
	{.ev = VRRP_EV_RESIGN, .states = S_BIDS, .after = S_RESIGNING, .todo = RES,
	 .timer = T_ADV, .text = "stays until there is a successor"},
	{.ev = VRRP_EV_RESIGN, .states = S_RESIGNING, .text = "is leaving"},
	{.ev = VRRP_EV_STAY, .states = S_BIDS, .text = "stays anyway"},
	{.ev = VRRP_EV_STAY, .states = S_RESIGNING, .after = S_PLAIN, .todo = ADV,
	 .timer = T_ADV, .text = "takes it back"},
	{.ev = VRRP_EV_ADOPT, .states = S_ACTIVE, .text = "is started"},
	{.ev = VRRP_EV_RECONF, .states = S_BIDS, .todo = ADV, .timer = T_ADV,
	 .text = "tells it"},
	{.ev = VRRP_EV_RECONF, .states = S_RESIGNING, .todo = RES, .timer = T_ADV,
	 .text = "is leaving"},
};
/* clang-format on */

struct situation {
	struct vrrp_cfg cfg;
	struct vrrp_inst v;
	struct vrrp_in in;
	unsigned state, prio, wait; /* one bit each */
};

static bool in_set(unsigned set, unsigned bit)
{
	return !set || (set & bit);
}

static unsigned yes_no(bool b)
{
	return b ? YES : NO;
}

/* What an instance in this state bids, or would. */
static unsigned own_bid(const struct situation *s)
{
	if (s->state == S_CLAIMING || (s->state == S_BOOSTED && s->cfg.prio == 255))
		return 255;
	if (s->state == S_BOOSTED)
		return 254;
	if (s->v.blind && s->state == S_PLAIN)
		return VRRP_PRIO_BLIND;
	return s->cfg.prio;
}

static bool applies(const struct rule *r, const struct situation *s)
{
	bool held_back = s->v.gated || s->v.blind;
	bool preempted = !held_back && (s->cfg.preempt || s->cfg.prio == 255) &&
			 s->in.prio != VRRP_PRIO_BLIND && s->in.prio < s->cfg.prio;
	bool quits_aloud = own_bid(s) == VRRP_PRIO_BLIND && !s->in.overdue;
	bool replaced =
		s->in.overdue && (s->in.prio != VRRP_PRIO_BLIND || own_bid(s) == VRRP_PRIO_BLIND);
	bool new_bid =
		s->state == S_PLAIN && s->cfg.prio != VRRP_PRIO_BLIND && s->in.blind != s->v.blind;

	return r->ev == s->in.ev && in_set(r->states, s->state) && in_set(r->prio, s->prio) &&
	       in_set(r->preempted, yes_no(preempted)) &&
	       in_set(r->higher_addr, yes_no(s->in.from_higher_addr)) &&
	       in_set(r->from_other, yes_no(s->in.from_other)) &&
	       in_set(r->overdue, yes_no(s->in.overdue)) && in_set(r->replaced, yes_no(replaced)) &&
	       in_set(r->to_held_back, yes_no(s->in.gated || s->in.blind)) &&
	       in_set(r->quits_aloud, yes_no(quits_aloud)) && in_set(r->new_bid, yes_no(new_bid)) &&
	       in_set(r->wait, s->wait);
}

static unsigned state_bit(const struct vrrp_inst *v)
{
	switch (v->state) {
	case VRRP_INIT:
		return S_INIT;
	case VRRP_BACKUP:
		return S_BACKUP;
	case VRRP_ACTIVE:
		break;
	}
	return v->resigning ? S_RESIGNING
	       : v->claims  ? S_CLAIMING
	       : v->boosted ? S_BOOSTED
			    : S_PLAIN;
}

static uint64_t timer_us(int timer, const struct vrrp_cfg *cfg)
{
	uint64_t own = OWN_ADV * 10000u, theirs = THEIR_ADV * 10000u, gap = 256u - cfg->prio;

	switch (timer) {
	case T_OFF:
		return VRRP_TIMER_OFF;
	case T_ADV:
		return own;
	case T_SKEW:
		return gap * own / 256;
	case T_DOWN_OWN:
		return 3 * own + gap * own / 256;
	case T_DOWN_THEIRS:
		return 3 * theirs + gap * theirs / 256;
	}
	return VRRP_TIMER_KEEP;
}

#define expect(cond, r, s)                                                                         \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("%s: !(%s) state %u event %u prio %u (cfg %u) wait %u",           \
				 (r)->text, #cond, (s)->state, (s)->in.ev, (s)->in.prio,           \
				 (s)->cfg.prio, (s)->wait);                                        \
	} while (0)

static void check_invariants(const struct rule *r, const struct situation *s,
			     const struct vrrp_inst *after, const struct vrrp_out *out)
{
	bool changed = after->state != s->v.state;
	bool gated = s->in.ev == VRRP_EV_GATE ? s->in.gated : s->v.gated;
	bool blind = s->in.ev == VRRP_EV_GATE ? s->in.blind : s->v.blind;

	expect(changed == !!(out->todo & VRRP_DO_BECOME), r, s);
	expect(changed == (out->why != VRRP_WHY_NONE), r, s);
	expect(after->gated == gated && after->blind == blind, r, s);
	expect(after->state == VRRP_ACTIVE ||
		       (!after->boosted && !after->resigning && !after->claims),
	       r, s);
	expect(!(out->todo & VRRP_DO_ADVERT) || vrrp_bid(&s->cfg, after) > 0, r, s);
	expect(!(out->todo & VRRP_DO_ADVERT) || !(out->todo & VRRP_DO_RESIGN), r, s);
	/* whoever has advertised does it again in one interval, unless it left */
	if (out->todo & (VRRP_DO_ADVERT | VRRP_DO_RESIGN) && after->state != VRRP_BACKUP)
		expect(out->timer_us == (after->state == VRRP_INIT ? VRRP_TIMER_OFF : 100000), r,
		       s);
	expect(!changed || out->timer_us != VRRP_TIMER_KEEP, r, s);
	expect(after->state != VRRP_BACKUP || after->timer_why != VRRP_WHY_NONE, r, s);
}

static unsigned check(struct situation *s)
{
	const struct rule *rule = NULL;
	struct vrrp_inst v = s->v;
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (applies(&rules[i], s)) {
			rule = &rules[i];
			n++;
		}
	}
	if (n != 1)
		fail_msg("%u rules for state %u event %u prio %u wait %u", n, s->state, s->in.ev,
			 s->prio, s->wait);

	struct vrrp_out out = vrrp_step(&s->cfg, &v, s->in);

	expect(state_bit(&v) == (rule->after == SAME ? s->state : rule->after), rule, s);
	expect(out.todo == rule->todo, rule, s);
	expect(out.why == rule->why, rule, s);
	expect(out.timer_us == timer_us(rule->timer, &s->cfg), rule, s);
	check_invariants(rule, s, &v, &out);
	return 1;
}

/* Lower, equal and higher. */
static unsigned with_prios(struct situation *s)
{
	unsigned own = own_bid(s), n = 0;

	s->prio = P_ZERO;
	s->in.prio = 0;
	n += check(s);
	if (s->in.ev != VRRP_EV_ADVERT)
		return n;
	s->prio = P_LESS;
	for (unsigned p = 1; p < own; p++) {
		s->in.prio = (uint8_t)p;
		n += check(s);
	}
	s->prio = P_SAME;
	s->in.prio = (uint8_t)own;
	n += check(s);
	s->prio = P_MORE;
	for (unsigned p = own + 1; p < 256; p++) {
		s->in.prio = (uint8_t)p;
		n += check(s);
	}
	return n;
}

static unsigned with_waits(struct situation *s)
{
	static const struct {
		enum vrrp_why why;
		unsigned bit;
	} wait[] = {{VRRP_WHY_SILENCE, W_SILENCE},
		    {VRRP_WHY_RESIGNED, W_RESIGNED},
		    {VRRP_WHY_WE_BID_MORE, W_OUTBID}};
	unsigned n = 0;

	if (s->state != S_BACKUP)
		return with_prios(s);
	for (size_t i = 0; i < ARRAY_LEN(wait); i++) {
		s->v.timer_why = wait[i].why;
		s->wait = wait[i].bit;
		n += with_prios(s);
	}
	return n;
}

static unsigned with_flags(struct situation *s)
{
	unsigned n = 0;

	for (unsigned bits = 0; bits < 256; bits++) {
		s->cfg.preempt = bits & 1;
		s->v.gated = bits & 2;
		s->in.gated = bits & 4;
		s->in.from_higher_addr = bits & 8;
		s->in.overdue = bits & 16;
		s->in.from_other = bits & 32;
		s->v.blind = bits & 64;
		s->in.blind = bits & 128;
		n += with_waits(s);
	}
	return n;
}

static void exhaustive(void **state)
{
	static const uint8_t prio[] = {1, 100, 253, 254, 255};
	unsigned n = 0;

	(void)state;
	for (unsigned st = S_INIT; st <= S_RESIGNING; st <<= 1) {
		for (int ev = VRRP_EV_START; ev <= VRRP_EV_RECONF; ev++) {
			for (size_t i = 0; i < ARRAY_LEN(prio); i++) {
				struct situation s = {
					.cfg = {.prio = prio[i], .adv_cs = OWN_ADV},
					.in = {.ev = (enum vrrp_event)ev, .adv_cs = THEIR_ADV},
					.v = {.active_adv_cs = OWN_ADV,
					      .boosted = st & (S_BOOSTED | S_CLAIMING),
					      .claims = st == S_CLAIMING ? 3 : 0,
					      .resigning = st == S_RESIGNING},
					.state = st,
				};

				s.v.state = st & S_ACTIVE    ? VRRP_ACTIVE
					    : st == S_BACKUP ? VRRP_BACKUP
							     : VRRP_INIT;
				n += with_flags(&s);
			}
		}
	}
	assert_true(n > 2400000);
}

/* Figures of RFC 9568 6.1, worked out by hand. */
static void figures(void **state)
{
	static const struct {
		uint8_t prio;
		uint16_t adv_cs;
		uint64_t skew_us, down_us;
	} row[] = {
		{100, 100, 609375, 3609375},
		{100, 10, 60937, 360937},
		{150, 1, 4140, 34140},
		{254, 1, 78, 30078},
		{255, 1, 39, 30039},
		{1, 1, 9960, 39960},
		{1, 4095, 40790039, 163640039},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct vrrp_cfg cfg = {.prio = row[i].prio, .adv_cs = 7};
		struct vrrp_inst v = {.state = VRRP_BACKUP, .active_adv_cs = row[i].adv_cs};

		assert_int_equal(vrrp_skew_us(&cfg, &v), row[i].skew_us);
		assert_int_equal(vrrp_down_us(&cfg, &v), row[i].down_us);
		assert_int_equal(vrrp_replaced_us(&cfg, false), 210000);
		/* before anybody can, who asks by replication and waits for the answer */
		assert_int_equal(vrrp_replaced_us(&cfg, true), 105000);
		/* version 2, RFC 3768 6.1: the skew is a part of a second, whatever the interval */
		cfg.version = 2;
		assert_int_equal(vrrp_skew_us(&cfg, &v), (256u - row[i].prio) * 1000000u / 256);
		assert_int_equal(vrrp_down_us(&cfg, &v),
				 row[i].adv_cs * 30000u + (256u - row[i].prio) * 1000000u / 256);
	}
}

static struct vrrp_out advert(const struct vrrp_cfg *cfg, struct vrrp_inst *v, uint8_t prio,
			      bool higher)
{
	return vrrp_step(cfg, v,
			 (struct vrrp_in){.ev = VRRP_EV_ADVERT,
					  .prio = prio,
					  .adv_cs = cfg->adv_cs,
					  .from_higher_addr = higher});
}

static struct vrrp_out event(const struct vrrp_cfg *cfg, struct vrrp_inst *v, enum vrrp_event ev)
{
	return vrrp_step(cfg, v, (struct vrrp_in){.ev = ev});
}

/* The ACTIVE's interval is followed from its first advertisement on, and forgotten at a start. */
static void interval_learned(void **state)
{
	struct vrrp_cfg cfg = {.prio = 100, .adv_cs = 100, .preempt = true};
	struct vrrp_inst v = {0};
	struct vrrp_out out;

	(void)state;
	event(&cfg, &v, VRRP_EV_START);
	assert_int_equal(v.active_adv_cs, 100);
	out = vrrp_step(&cfg, &v,
			(struct vrrp_in){.ev = VRRP_EV_ADVERT, .prio = 200, .adv_cs = 10});
	assert_int_equal(out.timer_us, 360937);
	/* one that is not heeded is not learned from */
	vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_ADVERT, .prio = 50, .adv_cs = 4000});
	assert_int_equal(v.active_adv_cs, 10);
	assert_int_equal(v.active_prio, 50);
	out = advert(&cfg, &v, 0, false);
	assert_int_equal(out.timer_us, 60937);
	event(&cfg, &v, VRRP_EV_STOP);
	event(&cfg, &v, VRRP_EV_START);
	assert_int_equal(v.active_adv_cs, 100);
}

/* Promoted by hand one after the other: the later one wins, whatever its address. */
static void later_promotion_wins(void **state)
{
	struct vrrp_cfg cfg = {.prio = 100, .adv_cs = 10, .preempt = true};

	(void)state;
	for (int first_is_higher = 0; first_is_higher < 2; first_is_higher++) {
		struct vrrp_inst first = {0}, second = {0};

		event(&cfg, &first, VRRP_EV_START);
		event(&cfg, &second, VRRP_EV_START);
		event(&cfg, &first, VRRP_EV_BOOST);
		assert_int_equal(vrrp_bid(&cfg, &first), 254);
		advert(&cfg, &second, 254, first_is_higher);
		event(&cfg, &second, VRRP_EV_BOOST);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(vrrp_bid(&cfg, &second), 255);
			event(&cfg, &second, VRRP_EV_TIMER);
		}
		assert_int_equal(vrrp_bid(&cfg, &second), 254);
		advert(&cfg, &first, 255, !first_is_higher);
		assert_int_equal(first.state, VRRP_BACKUP);
		assert_false(first.boosted);
		/* and the first one, preempting or not, does not come back */
		struct vrrp_out out = advert(&cfg, &first, 254, !first_is_higher);

		assert_int_equal(out.timer_us, 360937);
	}
}

/* Nobody else was promoted: 255 stays what it is meant for. */
static void promotion_bids_254(void **state)
{
	struct vrrp_cfg cfg = {.prio = 100, .adv_cs = 10};
	struct vrrp_cfg owner = {.prio = 255, .adv_cs = 10};
	struct vrrp_inst v = {0};

	(void)state;
	event(&cfg, &v, VRRP_EV_START);
	advert(&cfg, &v, 253, true);
	event(&cfg, &v, VRRP_EV_BOOST);
	assert_int_equal(vrrp_bid(&cfg, &v), 254);
	assert_int_equal(vrrp_bid(&owner, &v), 255);
	event(&cfg, &v, VRRP_EV_RESIGN);
	assert_int_equal(vrrp_bid(&cfg, &v), 0);
	event(&cfg, &v, VRRP_EV_STAY);
	assert_int_equal(vrrp_bid(&cfg, &v), 100);
}

/* Nobody else could be meant: Skew_Time would only be time without ACTIVE. Who may not preempt
 * leaves it to the end of that time all the same, should there be somebody with a better table. */
static void sole_successor_does_not_wait(void **state)
{
	static const struct {
		bool sole, gated, blind;
		uint64_t wait_us;
		const char *why;
	} row[] = {
		{true, false, false, 0, "sole and ready"},
		{false, false, false, 609375, "one of several"},
		{true, true, false, 609375, "sole, and gated"},
		{true, false, true, 609375, "sole, and blind"},
	};
	struct vrrp_cfg cfg = {.prio = 100, .adv_cs = 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct vrrp_inst v = {0};
		struct vrrp_out out;

		event(&cfg, &v, VRRP_EV_START);
		advert(&cfg, &v, 200, true);
		vrrp_step(&cfg, &v,
			  (struct vrrp_in){.ev = VRRP_EV_GATE,
					   .gated = row[i].gated,
					   .blind = row[i].blind,
					   .sole = row[i].sole});
		out = advert(&cfg, &v, VRRP_PRIO_RESIGN, true);
		if (out.timer_us != row[i].wait_us)
			fail_msg("%s: waits %llu us", row[i].why, (unsigned long long)out.timer_us);
		out = event(&cfg, &v, VRRP_EV_TIMER);
		assert_int_equal(out.why, VRRP_WHY_RESIGNED);
	}
}

/* Whoever hands over keeps the addresses until it hears us; where nobody holds them, or a third one
 * may be about to succeed, all must hear at once. */
static void addresses_come_first(void **state)
{
	struct vrrp_inst v = {.state = VRRP_ACTIVE};

	(void)state;
	assert_true(vrrp_addresses_first(&v, VRRP_WHY_WE_BID_MORE));
	assert_true(vrrp_addresses_first(&v, VRRP_WHY_BOOSTED));
	assert_false(vrrp_addresses_first(&v, VRRP_WHY_SILENCE));
	assert_false(vrrp_addresses_first(&v, VRRP_WHY_RESIGNED));
	v.sole = true;
	assert_true(vrrp_addresses_first(&v, VRRP_WHY_RESIGNED));
}

/* An ACTIVE that bids less, heard each 100 ms from the given time on; when it is not heeded any
 * more. */
static uint64_t preempted_at(const struct vrrp_cfg *cfg, struct vrrp_inst *v, uint64_t from,
			     uint8_t prio)
{
	for (uint64_t now = from;; now += 100000) {
		struct vrrp_out out = vrrp_step(cfg, v,
						(struct vrrp_in){.ev = VRRP_EV_ADVERT,
								 .prio = prio,
								 .adv_cs = cfg->adv_cs,
								 .now_us = now});

		if (out.timer_us == VRRP_TIMER_KEEP)
			return now;
		assert_int_equal(out.timer_us, vrrp_down_us(cfg, v));
		assert_int_equal(v->timer_why, VRRP_WHY_SILENCE);
		assert_true(now < from + 1000000000);
	}
}

static void hear(const struct vrrp_cfg *cfg, struct vrrp_inst *v, uint64_t now, uint8_t prio)
{
	vrrp_step(
		cfg, v,
		(struct vrrp_in){
			.ev = VRRP_EV_ADVERT, .prio = prio, .adv_cs = cfg->adv_cs, .now_us = now});
}

/* It counts from the first advertisement of an ACTIVE that bids less, and anew when there was none
 * such in between. */
static void preempt_delay(void **state)
{
	struct vrrp_cfg cfg = {
		.prio = 200, .adv_cs = 10, .preempt = true, .preempt_delay_us = 5000000};
	struct vrrp_inst v = {0};

	(void)state;
	event(&cfg, &v, VRRP_EV_START);
	assert_int_equal(vrrp_delay_us(&cfg, &v, 1), 0); /* there is nothing to preempt */
	assert_int_equal(preempted_at(&cfg, &v, 7000000, 100), 12000000);
	assert_int_equal(event(&cfg, &v, VRRP_EV_TIMER).why, VRRP_WHY_WE_BID_MORE);

	event(&cfg, &v, VRRP_EV_STOP);
	event(&cfg, &v, VRRP_EV_START);
	hear(&cfg, &v, 20000000, 100);
	hear(&cfg, &v, 21000000, 150); /* another one, which bids less, too */
	assert_int_equal(vrrp_delay_us(&cfg, &v, 21000000), 4000000);
	hear(&cfg, &v, 22000000, 200); /* somebody who is not to be preempted */
	assert_int_equal(vrrp_delay_us(&cfg, &v, 22000000), 0);
	assert_int_equal(preempted_at(&cfg, &v, 23000000, 100), 28000000);
	hear(&cfg, &v, 28100000, 0); /* resigned: its successor may be another */
	assert_int_equal(preempted_at(&cfg, &v, 28200000, 100), 33200000);

	/* silence is no preemption */
	event(&cfg, &v, VRRP_EV_STOP);
	event(&cfg, &v, VRRP_EV_START);
	hear(&cfg, &v, 40000000, 100);
	assert_int_equal(event(&cfg, &v, VRRP_EV_TIMER).why, VRRP_WHY_SILENCE);
	assert_int_equal(vrrp_delay_us(&cfg, &v, 40000001), 0);
}

/* It runs while the gate is closed, is another one at once after a reload, and says nothing where
 * nothing would be preempted anyway. */
static void preempt_delay_and_the_rest(void **state)
{
	struct vrrp_cfg cfg = {
		.prio = 200, .adv_cs = 10, .preempt = true, .preempt_delay_us = 5000000};
	struct vrrp_inst v = {.gated = true};

	(void)state;
	event(&cfg, &v, VRRP_EV_START);
	hear(&cfg, &v, 1000000, 100);
	assert_int_equal(vrrp_delay_us(&cfg, &v, 1000000), 0); /* the gate holds it back */
	vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_GATE});
	assert_int_equal(vrrp_delay_us(&cfg, &v, 3000000), 3000000);
	cfg.preempt_delay_us = 3000000;
	event(&cfg, &v, VRRP_EV_RECONF);
	assert_int_equal(vrrp_delay_us(&cfg, &v, 3000000), 1000000);
	assert_int_equal(preempted_at(&cfg, &v, 3000000, 100), 4000000);
	cfg.preempt = false;
	assert_int_equal(vrrp_delay_us(&cfg, &v, 1000000), 0);
	cfg.preempt = true;
	hear(&cfg, &v, 5000000, VRRP_PRIO_BLIND);
	assert_int_equal(vrrp_delay_us(&cfg, &v, 1000000), 0);
}

/* Priority 255: preempts whatever `preempt` says, and nobody can bid more; but it listens first,
 * and waits for its replica, as RFC 9568 does not know. */
static void address_owner(void **state)
{
	struct vrrp_cfg owner = {.prio = 255, .adv_cs = 10}, other = {.prio = 254, .adv_cs = 10};
	struct vrrp_inst v = {.gated = true}, peer = {.state = VRRP_ACTIVE};
	struct vrrp_out out;

	(void)state;
	out = event(&owner, &v, VRRP_EV_START);
	assert_int_equal(v.state, VRRP_BACKUP);
	assert_int_equal(out.timer_us, 300390);
	out = advert(&owner, &v, 254, true);
	assert_int_equal(out.timer_us, 300390); /* its replica is not complete */
	vrrp_step(&owner, &v, (struct vrrp_in){.ev = VRRP_EV_GATE});
	out = advert(&owner, &v, 254, true);
	assert_int_equal(out.timer_us, VRRP_TIMER_KEEP);
	out = event(&owner, &v, VRRP_EV_TIMER);
	assert_int_equal(out.why, VRRP_WHY_WE_BID_MORE);
	assert_true(vrrp_addresses_first(&v, out.why));
	/* the other one yields, and does not come back by itself */
	out = advert(&other, &peer, vrrp_bid(&owner, &v), false);
	assert_int_equal(out.why, VRRP_WHY_THEY_BID_MORE);
	other.preempt = true;
	out = advert(&other, &peer, 255, false);
	assert_int_equal(out.timer_us, vrrp_down_us(&other, &peer));
	/* two owners: a mistake, settled by address */
	out = advert(&owner, &v, 255, false);
	assert_int_equal(out.todo, ADV | VRRP_DO_RIVAL);
	out = advert(&owner, &v, 255, true);
	assert_int_equal(out.why, VRRP_WHY_THEIR_ADDRESS);
}

/* The gate, over a whole life: a candidate that becomes complete preempts after at most one
 * Active_Down; one that is gated again in the middle of that does not. */
static void gate(void **state)
{
	struct vrrp_cfg cfg = {.prio = 200, .adv_cs = 10, .preempt = true};
	struct vrrp_inst v = {.gated = true};
	struct vrrp_out out;

	(void)state;
	event(&cfg, &v, VRRP_EV_START);
	out = advert(&cfg, &v, 100, false);
	assert_int_equal(out.timer_us, 321875);
	vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_GATE, .gated = false});
	out = advert(&cfg, &v, 100, false);
	assert_int_equal(out.timer_us, VRRP_TIMER_KEEP);
	out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_GATE, .gated = true});
	assert_int_equal(out.timer_us, 321875);
	out = event(&cfg, &v, VRRP_EV_TIMER);
	assert_int_equal(out.why, VRRP_WHY_SILENCE);
	assert_int_equal(v.state, VRRP_ACTIVE);
	assert_true(v.gated);
}

static struct vrrp_out set_blind(const struct vrrp_cfg *cfg, struct vrrp_inst *v, bool blind)
{
	return vrrp_step(cfg, v, (struct vrrp_in){.ev = VRRP_EV_GATE, .blind = blind});
}

/* A link that comes late: the higher priority was ACTIVE alone and knows nothing. */
static void blind_one_meets_the_holder(void **state)
{
	struct vrrp_cfg high = {.prio = 150, .adv_cs = 10, .preempt = true};
	struct vrrp_cfg low = {.prio = 140, .adv_cs = 10, .preempt = true};
	struct vrrp_inst blind = {0}, holder = {.state = VRRP_ACTIVE};
	struct vrrp_out out;

	(void)state;
	set_blind(&high, &blind, true);
	event(&high, &blind, VRRP_EV_START);
	out = event(&high, &blind, VRRP_EV_TIMER);
	assert_int_equal(out.todo, ADV | BECOME);
	assert_int_equal(vrrp_bid(&high, &blind), VRRP_PRIO_BLIND);
	out = advert(&low, &holder, vrrp_bid(&high, &blind), true);
	assert_int_equal(out.todo, ADV | VRRP_DO_RIVAL);
	assert_int_equal(holder.state, VRRP_ACTIVE);
	out = advert(&high, &blind, vrrp_bid(&low, &holder), false);
	assert_int_equal(out.why, VRRP_WHY_THEY_BID_MORE);
	assert_int_equal(blind.state, VRRP_BACKUP);
	/* once complete it is what it is configured to be */
	set_blind(&high, &blind, false);
	out = advert(&high, &blind, 140, false);
	assert_int_equal(out.timer_us, VRRP_TIMER_KEEP);
	out = event(&high, &blind, VRRP_EV_TIMER);
	assert_int_equal(out.why, VRRP_WHY_WE_BID_MORE);
	assert_int_equal(vrrp_bid(&high, &blind), 150);
}

/* All start at once: the first ACTIVE is not preempted for the time in which it gets a follower. */
static void blind_one_gets_a_follower(void **state)
{
	struct vrrp_cfg high = {.prio = 150, .adv_cs = 10, .preempt = true};
	struct vrrp_cfg low = {.prio = 140, .adv_cs = 10, .preempt = true};
	struct vrrp_inst first = {.state = VRRP_ACTIVE, .blind = true}, other = {.gated = true};
	struct vrrp_out out;

	(void)state;
	event(&low, &other, VRRP_EV_START);
	set_blind(&low, &other, false); /* complete, gate open */
	out = advert(&low, &other, vrrp_bid(&high, &first), true);
	assert_int_equal(out.timer_us, vrrp_down_us(&low, &other));
	out = set_blind(&high, &first, false);
	assert_int_equal(out.todo, ADV);
	assert_int_equal(vrrp_bid(&high, &first), 150);
	out = advert(&low, &other, 150, true);
	assert_int_equal(out.timer_us, vrrp_down_us(&low, &other));
}

static void blind_but_by_hand(void **state)
{
	static const uint8_t prio[] = {100, 254, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prio); i++) {
		struct vrrp_cfg cfg = {.prio = prio[i], .adv_cs = 10};
		struct vrrp_inst v = {.blind = true};

		event(&cfg, &v, VRRP_EV_START);
		event(&cfg, &v, VRRP_EV_BOOST);
		assert_int_equal(vrrp_bid(&cfg, &v), prio[i] == 255 ? 255 : 254);
		event(&cfg, &v, VRRP_EV_RESIGN);
		assert_int_equal(vrrp_bid(&cfg, &v), VRRP_PRIO_RESIGN);
		event(&cfg, &v, VRRP_EV_STAY);
		assert_int_equal(vrrp_bid(&cfg, &v), VRRP_PRIO_BLIND);
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vrrp_state_name(VRRP_INIT), "INIT");
	assert_string_equal(vrrp_state_name(VRRP_BACKUP), "BACKUP");
	assert_string_equal(vrrp_state_name(VRRP_ACTIVE), "ACTIVE");
}

static void a_takeover_is_held_back(void **state)
{
	static const struct vrrp_cfg cfg = {.prio = 100, .adv_cs = OWN_ADV, .preempt = true};
	static const enum vrrp_why whys[] = {VRRP_WHY_SILENCE, VRRP_WHY_RESIGNED,
					     VRRP_WHY_WE_BID_MORE};
	const struct vrrp_in timer = {.ev = VRRP_EV_TIMER, .held = true};

	(void)state;
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		struct vrrp_inst v = {
			.state = VRRP_BACKUP, .active_adv_cs = THEIR_ADV, .timer_why = whys[i]};
		struct vrrp_out out = vrrp_step(&cfg, &v, timer);

		if (whys[i] == VRRP_WHY_RESIGNED) { /* of that there are no two opinions */
			assert_int_equal(v.state, VRRP_ACTIVE);
			continue;
		}
		assert_int_equal(v.state, VRRP_BACKUP);
		assert_int_equal(out.todo, 0);
		assert_int_equal(out.timer_us, 2 * THEIR_ADV * 10000);
		assert_int_equal(v.timer_why, whys[i]);
		/* the question goes out when one is missing by half an interval, whatever the skew
		 */
		assert_true(vrrp_doubt_us(&v) < out.timer_us);
		assert_int_equal(vrrp_down_us(&cfg, &v) - vrrp_doubt_us(&v),
				 THEIR_ADV * 15000 + vrrp_skew_us(&cfg, &v));
		out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_TIMER});
		assert_int_equal(v.state, VRRP_ACTIVE);
		assert_int_equal(out.why, whys[i]);
	}
}

static void heartbeats_are_missing(void **state)
{
	static const struct vrrp_cfg cfg = {.prio = 100, .adv_cs = OWN_ADV, .fast = true};
	const struct vrrp_inst backup = {.state = VRRP_BACKUP,
					 .active_adv_cs = THEIR_ADV,
					 .active_prio = 150,
					 .timer_why = VRRP_WHY_SILENCE};
	const struct vrrp_in timer = {.ev = VRRP_EV_TIMER, .beatless = true};
	struct vrrp_inst v = backup;
	struct vrrp_out out;

	(void)state;
	/* another BACKUP with a higher priority goes first */
	assert_int_equal(vrrp_fast_us(&cfg, &v), THEIR_ADV * 15000 + vrrp_skew_us(&cfg, &v));
	v.sole = true;
	assert_int_equal(vrrp_fast_us(&cfg, &v), THEIR_ADV * 15000);
	assert_true(vrrp_may_be_fast(&v));
	out = vrrp_step(&cfg, &v, timer);
	assert_int_equal(v.state, VRRP_ACTIVE);
	assert_int_equal(out.why, VRRP_WHY_BEATS);
	assert_false(vrrp_may_be_fast(&v));
	assert_false(vrrp_addresses_first(&v, out.why)); /* it settles who it is */
	v = backup;
	out = vrrp_step(&cfg, &v,
			(struct vrrp_in){.ev = VRRP_EV_TIMER, .beatless = true, .held = true});
	assert_int_equal(v.state, VRRP_BACKUP); /* by a fence */
	/* who holds less, was demoted, heard nobody, or has another reason takes its time */
	v.gated = true;
	assert_false(vrrp_may_be_fast(&v));
	v = backup;
	v.active_prio = 0;
	assert_false(vrrp_may_be_fast(&v));
	v = backup;
	v.timer_why = VRRP_WHY_RESIGNED;
	assert_false(vrrp_may_be_fast(&v));
}

/* Who bids more asks for the role, and has it when the ACTIVE resigns. */
static void asked_for_and_handed_over(void **state)
{
	static const struct vrrp_cfg cfg = {.prio = 200, .adv_cs = OWN_ADV, .preempt = true};
	struct vrrp_inst v = {.state = VRRP_BACKUP, .active_adv_cs = THEIR_ADV, .sole = true};
	struct vrrp_out out = advert(&cfg, &v, 100, false);

	(void)state;
	assert_int_equal(v.timer_why, VRRP_WHY_WE_BID_MORE);
	vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = true});
	out = advert(&cfg, &v, 100, false);
	assert_int_equal(out.timer_us, VRRP_TIMER_KEEP);
	out = advert(&cfg, &v, VRRP_PRIO_RESIGN, false);
	assert_int_equal(out.timer_us, 0);
	out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = true});
	assert_int_equal(v.state, VRRP_ACTIVE);
	assert_int_equal(out.why, VRRP_WHY_RESIGNED);
	assert_true(vrrp_addresses_first(&v, out.why));
}

static void who_stood_still_leaves(void **state)
{
	static const struct vrrp_cfg cfg = {.prio = 200, .adv_cs = OWN_ADV, .preempt = true};
	struct vrrp_inst v = {.state = VRRP_ACTIVE, .active_adv_cs = OWN_ADV};
	struct vrrp_out out =
		vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = true});

	(void)state;
	assert_int_equal(v.state, VRRP_BACKUP);
	assert_int_equal(out.todo, VRRP_DO_BECOME); /* and says nothing */
	assert_int_equal(out.why, VRRP_WHY_STALLED);
	assert_int_equal(out.timer_us, vrrp_down_us(&cfg, &v));
}

/* A promotion by hand outbids everybody; not once something fails that was well then. */
static void worse_ends_a_boost(void **state)
{
	struct vrrp_cfg cfg = {.prio = 120, .adv_cs = OWN_ADV, .preempt = true};
	struct vrrp_inst v = {.state = VRRP_ACTIVE, .boosted = true, .claims = 2};
	struct vrrp_out out;

	(void)state;
	out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_RECONF});
	assert_true(v.boosted && v.claims == 2);
	assert_int_equal(vrrp_bid(&cfg, &v), VRRP_PRIO_OWNER);
	out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_RECONF, .worse = true});
	assert_int_equal(out.todo, VRRP_DO_ADVERT);
	assert_int_equal(v.state, VRRP_ACTIVE);
	assert_int_equal(vrrp_bid(&cfg, &v), 120);
	/* who leaves goes on leaving */
	v.resigning = true;
	out = vrrp_step(&cfg, &v, (struct vrrp_in){.ev = VRRP_EV_RECONF, .worse = true});
	assert_int_equal(out.todo, VRRP_DO_RESIGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhaustive),
		cmocka_unit_test(figures),
		cmocka_unit_test(interval_learned),
		cmocka_unit_test(later_promotion_wins),
		cmocka_unit_test(promotion_bids_254),
		cmocka_unit_test(worse_ends_a_boost),
		cmocka_unit_test(sole_successor_does_not_wait),
		cmocka_unit_test(addresses_come_first),
		cmocka_unit_test(preempt_delay),
		cmocka_unit_test(preempt_delay_and_the_rest),
		cmocka_unit_test(address_owner),
		cmocka_unit_test(gate),
		cmocka_unit_test(blind_one_meets_the_holder),
		cmocka_unit_test(blind_one_gets_a_follower),
		cmocka_unit_test(blind_but_by_hand),
		cmocka_unit_test(a_takeover_is_held_back),
		cmocka_unit_test(heartbeats_are_missing),
		cmocka_unit_test(asked_for_and_handed_over),
		cmocka_unit_test(who_stood_still_leaves),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
