/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The role machine: stories that people know, and every state x event x circumstance against the
 * invariants of its header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/lifecycle.h"
#include "vrouter/util.h"

static const struct life_cfg base_cfg = {.mode = LIFE_MODE_VRRP,
					 .promote_wait_ms = 50,
					 .hold_ms = 30000,
					 .drain_ms = 500,
					 .linger_ms = 1000,
					 .trail_ms = 400,
					 .command_ms = 5000};

/* ---- stories ----------------------------------------------------------------------------------
 */

struct story {
	struct life_cfg cfg;
	struct life life;
	struct life_out out;
	uint64_t now;
};

static void begin(struct story *s, enum life_mode mode, enum life_sync sync)
{
	*s = (struct story){.cfg = base_cfg, .life = {.sync = sync}, .now = 1000};
	s->cfg.mode = mode;
}

static void feed(struct story *s, struct life_in in)
{
	in.now_ms = s->now;
	s->out = life_step(&s->cfg, &s->life, &in);
}

static void feed_ev(struct story *s, enum life_event ev)
{
	feed(s, (struct life_in){.ev = ev});
}

static void phase(struct story *s, enum life_sync p)
{
	feed(s, (struct life_in){.ev = LIFE_EV_SYNC_PHASE, .phase = p});
}

static void timer(struct story *s)
{
	assert_true(s->out.timer_ms != LIFE_NEVER);
	s->now = s->out.timer_ms;
	feed_ev(s, LIFE_EV_TIMER);
}

/* A replica that is ready, or an ACTIVE with a stream. */
static void standby(struct story *s, enum life_mode mode)
{
	begin(s, mode, LIFE_SYNC_DOWN);
	feed_ev(s, LIFE_EV_BUILT);
	feed_ev(s, LIFE_EV_SYNC_UP);
	phase(s, LIFE_SYNC_READY);
	assert_int_equal(s->life.state, LIFE_STANDBY);
}

static void active(struct story *s, enum life_mode mode)
{
	standby(s, mode);
	feed(s, mode == LIFE_MODE_VRRP
			? (struct life_in){.ev = LIFE_EV_ELECTED, .why = "no advertisement"}
			: (struct life_in){.ev = LIFE_EV_PROMOTE});
	assert_int_equal(s->life.state, LIFE_PROMOTING);
	feed(s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 3});
	assert_int_equal(s->life.state, LIFE_ACTIVE);
	phase(s, LIFE_SYNC_SOURCE);
}

static bool did(const struct story *s, uint32_t bits)
{
	return (s->out.todo & bits) == bits;
}

static bool none_of(const struct story *s, uint32_t bits)
{
	return (s->out.todo & bits) == 0;
}

static void promotion_order(void **state)
{
	struct story s;

	(void)state;
	standby(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_ELECTED, .why = "no advertisement for 361 ms"});
	assert_true(did(&s, LIFE_DO_SYNC_PROMOTE) && none_of(&s, LIFE_DO_VIPS_ON));
	assert_int_equal(life_role(s.life.state), LIFE_ROLE_STANDBY);
	feed(&s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 7});
	assert_true(did(&s, LIFE_DO_VIPS_ON | LIFE_DO_SAVE_TERM));
	assert_int_equal(s.life.term, 7);
	assert_string_equal(s.life.reason, "no advertisement for 361 ms");
	assert_true(s.out.timer_ms == LIFE_NEVER);
}

static void promotion_without_answer(void **state)
{
	struct story s;

	(void)state;
	standby(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_ELECTED);
	assert_int_equal(s.out.timer_ms, s.now + base_cfg.promote_wait_ms);
	feed_ev(&s, LIFE_EV_TIMER);
	assert_int_equal(s.life.state, LIFE_PROMOTING);
	s.now += base_cfg.promote_wait_ms;
	feed_ev(&s, LIFE_EV_TIMER);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_true(did(&s, LIFE_DO_VIPS_ON));
	assert_non_null(s.out.note);
	feed(&s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 4}); /* late */
	assert_int_equal(s.life.term, 4);
	assert_true(did(&s, LIFE_DO_SAVE_TERM) && none_of(&s, LIFE_DO_VIPS_ON));
}

static void lost_election(void **state)
{
	struct story s;

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "10.20.0.12 bids more"});
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));
	phase(&s, LIFE_SYNC_SYNCING);
	assert_true(s.life.gated); /* its table is no longer the newest */
	phase(&s, LIFE_SYNC_READY);
	assert_false(s.life.gated);
	assert_true(did(&s, LIFE_DO_GATE));
}

static void gate_is_bounded(void **state)
{
	struct story s;

	(void)state;
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_BUILT);
	assert_true(s.life.gated && did(&s, LIFE_DO_GATE | LIFE_DO_ELECT_START));
	feed_ev(&s, LIFE_EV_SYNC_UP);
	phase(&s, LIFE_SYNC_SYNCING);
	assert_true(s.life.gated);
	assert_int_equal(s.out.timer_ms, 1000 + base_cfg.hold_ms);
	timer(&s);
	assert_false(s.life.gated);
	assert_true(did(&s, LIFE_DO_GATE));
	assert_true(s.out.timer_ms == LIFE_NEVER);
}

/* Long after the start the source changes: complete no more, so held back again. */
static void ready_no_longer(void **state)
{
	struct story s;

	(void)state;
	standby(&s, LIFE_MODE_VRRP);
	s.now += 100 * base_cfg.hold_ms;
	phase(&s, LIFE_SYNC_SYNCING);
	assert_true(s.life.gated);
	assert_int_equal(s.out.timer_ms, s.now + base_cfg.hold_ms);
}

/* No ACTIVE at all: the election ignores the gate then, and so does the role. */
static void gated_but_alone(void **state)
{
	struct story s;

	(void)state;
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_BUILT);
	feed_ev(&s, LIFE_EV_SYNC_UP);
	feed_ev(&s, LIFE_EV_ELECTED);
	feed(&s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 1});
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_false(s.life.gated);
}

/* Boots with links that do not work yet. */
static void alone(struct story *s)
{
	begin(s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed_ev(s, LIFE_EV_BUILT);
	feed_ev(s, LIFE_EV_SYNC_UP);
	assert_true(s->life.blind); /* before it can be elected: the first bid counts */
	feed_ev(s, LIFE_EV_ELECTED);
	feed(s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 1});
	phase(s, LIFE_SYNC_SOURCE);
	assert_int_equal(s->life.state, LIFE_ACTIVE);
	assert_true(s->life.blind && !s->life.had_table);
}

static void blind_until_it_was_complete(void **state)
{
	struct story s;

	(void)state;
	alone(&s);
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "10.20.0.12 bids 140, we bid 1"});
	assert_true(s.life.blind);
	phase(&s, LIFE_SYNC_SYNCING);
	assert_true(s.life.blind && s.life.gated);
	phase(&s, LIFE_SYNC_READY);
	assert_true(!s.life.blind && !s.life.gated && did(&s, LIFE_DO_GATE));
	/* from then on it knows */
	feed_ev(&s, LIFE_EV_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_ELECTED);
	feed(&s, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "bridge"});
	feed_ev(&s, LIFE_EV_BUILT);
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(!s.life.blind && s.life.gated);
}

/* A start, and no fault as long as nothing else is wrong; but no election either. */
static void vips_to_be_chosen(void **state)
{
	const struct life_in choosing = {
		.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_CHOOSING, .why = "asks the others"};
	const struct life_in none = {.ev = LIFE_EV_FAULT,
				     .fault = LIFE_FAULT_CHOOSING | LIFE_FAULT_VIPS,
				     .why = "exhausted"};
	const struct life_in chosen = {.ev = LIFE_EV_RECOVERED,
				       .fault = LIFE_FAULT_CHOOSING | LIFE_FAULT_VIPS};
	struct story s;

	(void)state;
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed(&s, choosing);
	feed_ev(&s, LIFE_EV_BUILT);
	assert_int_equal(s.life.state, LIFE_INIT);
	assert_string_equal(s.life.reason, "asks the others");
	feed(&s, chosen);
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_ELECT_START));

	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed(&s, choosing);
	feed(&s, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "bridge"});
	assert_int_equal(s.life.state, LIFE_FAULT);
	feed(&s, (struct life_in){.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_NET});
	assert_int_equal(s.life.state, LIFE_FAULT);
	feed(&s, none);
	assert_string_equal(s.life.reason, "exhausted");
	feed(&s, (struct life_in){.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_VIPS});
	assert_int_equal(s.life.state, LIFE_FAULT);
	feed(&s, chosen);
	assert_int_equal(s.life.state, LIFE_STANDBY);
}

static void blind_until_somebody_follows(void **state)
{
	struct story s;

	(void)state;
	alone(&s);
	feed(&s, (struct life_in){
			 .ev = LIFE_EV_SYNC_PHASE, .phase = LIFE_SYNC_SOURCE, .followed = true});
	assert_true(!s.life.blind && did(&s, LIFE_DO_GATE));
	assert_true(s.out.timer_ms == LIFE_NEVER);
	phase(&s, LIFE_SYNC_SOURCE); /* and the replica leaves again */
	assert_true(!s.life.blind && none_of(&s, LIFE_DO_GATE));
}

static void blind_is_bounded(void **state)
{
	struct story s;

	(void)state;
	alone(&s);
	assert_int_equal(s.out.timer_ms, 1000 + base_cfg.hold_ms);
	timer(&s);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_true(!s.life.blind && did(&s, LIFE_DO_GATE));
	assert_true(s.out.timer_ms == LIFE_NEVER);
	/* without replication, without an election or without the wish there is nothing to know */
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_NONE);
	feed_ev(&s, LIFE_EV_BUILT);
	assert_false(s.life.blind);
	begin(&s, LIFE_MODE_EXTERNAL, LIFE_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_BUILT);
	assert_false(s.life.blind);
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	s.cfg.hold_ms = 0;
	feed_ev(&s, LIFE_EV_BUILT);
	assert_false(s.life.blind);
}

static void planned_switchover(void **state)
{
	struct story s;

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_DEMOTE, .have_peer = true});
	assert_int_equal(s.life.state, LIFE_DRAINING);
	assert_true(did(&s, LIFE_DO_SYNC_DRAIN | LIFE_DO_GATE));
	assert_int_equal(s.out.answer, LIFE_ANSWER_NONE);
	feed(&s, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true});
	assert_int_equal(s.life.state, LIFE_RESIGNING);
	assert_true(did(&s, LIFE_DO_ELECT_RESIGN) && none_of(&s, LIFE_DO_VIPS_OFF));
	assert_null(s.out.note);
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "successor"});
	assert_int_equal(s.life.state, LIFE_LINGERING);
	assert_true(did(&s, LIFE_DO_LINGER));
	assert_true(none_of(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));
	assert_true(!life_wants_vips(&s.life) && life_keeps_vips(&s.life));
	assert_int_equal(life_role(s.life.state), LIFE_ROLE_STANDBY);
	assert_int_equal(s.out.answer, LIFE_ANSWER_DONE);
	assert_int_equal(s.out.timer_ms, s.now + base_cfg.trail_ms);
	timer(&s);
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));
	assert_string_equal(s.life.reason, "demoted by hand");
	phase(&s, LIFE_SYNC_READY);
	assert_true(s.life.gated); /* until it is wanted again */
	s.now += 10 * base_cfg.hold_ms;
	feed_ev(&s, LIFE_EV_TIMER);
	assert_true(s.life.gated);
	feed_ev(&s, LIFE_EV_PROMOTE);
	assert_false(s.life.gated);
	assert_true(did(&s, LIFE_DO_GATE | LIFE_DO_ELECT_BOOST));
}

static void linger(struct story *s)
{
	active(s, LIFE_MODE_VRRP);
	feed(s, (struct life_in){.ev = LIFE_EV_DEMOTE, .have_peer = true});
	feed(s, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true});
	feed(s, (struct life_in){.ev = LIFE_EV_LOST, .why = "successor"});
	assert_int_equal(s->life.state, LIFE_LINGERING);
}

static void lingering(void **state)
{
	struct story s;

	(void)state;
	linger(&s); /* the successor dies: all flows are here still */
	feed(&s, (struct life_in){.ev = LIFE_EV_ELECTED, .why = "no advertisement"});
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_true(did(&s, LIFE_DO_VIPS_ON | LIFE_DO_SYNC_PROMOTE));
	assert_false(s.life.gated);
	assert_true(s.out.timer_ms == LIFE_NEVER);

	linger(&s);
	feed(&s, (struct life_in){.ev = LIFE_EV_STOP, .why = "the daemon is stopped"});
	assert_int_equal(s.life.state, LIFE_LINGERING);
	feed(&s, (struct life_in){.ev = LIFE_EV_ELECTED}); /* not that late */
	assert_int_equal(s.life.state, LIFE_LINGERING);
	timer(&s);
	assert_int_equal(s.life.state, LIFE_STOPPED);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE | LIFE_DO_ENDED));

	/* told to stop while ACTIVE: it is gone soon, and does not come back before that */
	active(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_STOP, .have_peer = true, .why = "stopped"});
	feed(&s, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true});
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "successor"});
	assert_int_equal(s.life.state, LIFE_LINGERING);
	assert_true(s.life.gated);

	linger(&s);
	feed(&s, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "no leg"});
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));

	/* replaced while it drains: who came knows of no way back */
	active(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_DEMOTE, .have_peer = true});
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "somebody bids more"});
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));
}

/* One that bids more asks. The role may come back: nobody said that it must not. */
static void handed_over(void **state)
{
	struct story s;

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_WANTED, .why = "controller-1 asks"});
	assert_int_equal(s.life.state, LIFE_DRAINING);
	feed(&s, (struct life_in){.ev = LIFE_EV_WANTED, .why = "again"});
	assert_string_equal(s.life.reason, "controller-1 asks");
	feed(&s, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true});
	feed(&s, (struct life_in){.ev = LIFE_EV_LOST, .why = "successor"});
	assert_int_equal(s.life.state, LIFE_LINGERING);
	assert_int_equal(s.out.answer, LIFE_ANSWER_NONE);
	assert_true(s.life.gated);
	timer(&s);
	phase(&s, LIFE_SYNC_READY);
	assert_true(!s.life.held && !s.life.gated);

	standby(&s, LIFE_MODE_VRRP);
	feed(&s, (struct life_in){.ev = LIFE_EV_WANTED, .why = "late"});
	assert_int_equal(s.life.state, LIFE_STANDBY);
	active(&s, LIFE_MODE_EXTERNAL); /* somebody else decides */
	feed(&s, (struct life_in){.ev = LIFE_EV_WANTED, .why = "odd"});
	assert_int_equal(s.life.state, LIFE_ACTIVE);
}

static void nobody_takes_over(void **state)
{
	struct story s;

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_DEMOTE);
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	feed(&s, (struct life_in){.ev = LIFE_EV_DEMOTE, .have_peer = true});
	timer(&s); /* replication does not answer the drain */
	assert_int_equal(s.life.state, LIFE_RESIGNING);
	assert_non_null(s.out.note);
	timer(&s);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_true(did(&s, LIFE_DO_ELECT_STAY) && none_of(&s, LIFE_DO_VIPS_OFF));
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED);
	assert_false(s.life.gated);
}

static void stop(void **state)
{
	static const struct {
		bool have_peer;
		enum life_mode mode;
		enum life_state first;
		const char *why;
	} row[] = {
		{true, LIFE_MODE_VRRP, LIFE_DRAINING, "hands over in order"},
		{false, LIFE_MODE_VRRP, LIFE_STOPPED, "nobody to wait for"},
		{true, LIFE_MODE_EXTERNAL, LIFE_STOPPED, "who decides is somebody else"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct story s;

		active(&s, row[i].mode);
		feed(&s, (struct life_in){.ev = LIFE_EV_STOP, .have_peer = row[i].have_peer});
		if (s.life.state != row[i].first)
			fail_msg("%s", row[i].why);
		for (int n = 0; s.life.state != LIFE_STOPPED && n < 5; n++)
			timer(&s);
		assert_int_equal(s.life.state, LIFE_STOPPED);
		assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE | LIFE_DO_ENDED));
		assert_true(did(&s, LIFE_DO_ELECT_STOP) == (row[i].mode == LIFE_MODE_VRRP));
	}
}

static void external(void **state)
{
	struct story s;

	(void)state;
	standby(&s, LIFE_MODE_EXTERNAL);
	assert_true(none_of(&s, LIFE_DO_ELECT_START));
	phase(&s, LIFE_SYNC_SYNCING);
	feed_ev(&s, LIFE_EV_PROMOTE);
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED); /* flows would be missing */
	feed(&s, (struct life_in){.ev = LIFE_EV_PROMOTE, .force = true});
	assert_int_equal(s.life.state, LIFE_PROMOTING);
	feed(&s, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = 1});
	assert_int_equal(s.out.answer, LIFE_ANSWER_DONE);
	feed_ev(&s, LIFE_EV_DEMOTE);
	assert_int_equal(s.life.state, LIFE_DRAINING);
	feed(&s, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true});
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE));
	assert_int_equal(s.out.answer, LIFE_ANSWER_DONE);
}

static void single(void **state)
{
	struct story s;

	(void)state;
	begin(&s, LIFE_MODE_SINGLE, LIFE_SYNC_NONE);
	feed_ev(&s, LIFE_EV_BUILT);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_true(did(&s, LIFE_DO_VIPS_ON));
	assert_true(none_of(&s, LIFE_DO_SYNC_PROMOTE | LIFE_DO_ELECT_START));
	assert_null(s.out.note);
	feed(&s, (struct life_in){.ev = LIFE_EV_DEMOTE, .have_peer = true, .force = true});
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED);
}

/* Something that is tracked without a weight: as any fault, the election leaves for it; and two
 * faults are over when both are. */
static void tracked_faults(void **state)
{
	struct story s;
	struct life_in net = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "no bridge"};
	struct life_in tr = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_TRACK, .why = "no carrier"};

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed(&s, tr);
	assert_int_equal(s.life.state, LIFE_FAULT);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE | LIFE_DO_ELECT_STOP));
	assert_string_equal(s.life.reason, "no carrier");
	feed(&s, net);
	tr.ev = LIFE_EV_RECOVERED;
	feed(&s, tr);
	assert_int_equal(s.life.state, LIFE_FAULT);
	net.ev = LIFE_EV_RECOVERED;
	feed(&s, net);
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_ELECT_START));

	begin(&s, LIFE_MODE_SINGLE, LIFE_SYNC_NONE);
	feed_ev(&s, LIFE_EV_BUILT);
	tr.ev = LIFE_EV_FAULT;
	feed(&s, tr);
	assert_int_equal(s.life.state, LIFE_FAULT);
	assert_true(did(&s, LIFE_DO_VIPS_OFF));
}

static void fault_and_recovery(void **state)
{
	struct story s;
	struct life_in net = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "no bridge"};
	struct life_in el = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_ELECTION, .why = "no link"};

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed(&s, net);
	assert_int_equal(s.life.state, LIFE_FAULT);
	assert_true(did(&s, LIFE_DO_VIPS_OFF | LIFE_DO_SYNC_DEMOTE | LIFE_DO_ELECT_STOP));
	assert_string_equal(s.life.reason, "no bridge");
	feed(&s, el);
	net.ev = LIFE_EV_RECOVERED;
	feed(&s, net);
	assert_int_equal(s.life.state, LIFE_FAULT);
	el.ev = LIFE_EV_RECOVERED;
	feed(&s, el);
	assert_int_equal(s.life.state, LIFE_STANDBY);
	assert_true(did(&s, LIFE_DO_ELECT_START | LIFE_DO_GATE));

	active(&s, LIFE_MODE_VRRP);
	el.ev = LIFE_EV_FAULT;
	feed(&s, el);
	assert_true(none_of(&s, LIFE_DO_ELECT_STOP)); /* it left by itself, and comes back so */
}

/* Replication dies under an ACTIVE: VIPs stay, the stream is opened again with a higher term. */
static void replication_restarts(void **state)
{
	struct story s;

	(void)state;
	active(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_SYNC_DOWN);
	assert_int_equal(s.out.todo, 0);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	feed_ev(&s, LIFE_EV_SYNC_UP);
	assert_int_equal(s.out.todo, LIFE_DO_SYNC_PROMOTE);
	assert_int_equal(s.life.term, 3);

	standby(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_SYNC_DOWN);
	assert_true(s.life.gated);
	feed_ev(&s, LIFE_EV_ELECTED);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_non_null(s.out.note);
	feed_ev(&s, LIFE_EV_SYNC_UP);
	assert_true(did(&s, LIFE_DO_SYNC_PROMOTE));
}

/* The daemon starts again beside VIPs, flows and perhaps a stream that were kept. */
static void adopted(void **state)
{
	const struct life_in adopt = {
		.ev = LIFE_EV_ADOPT, .term = 9, .followed = true, .why = "adopted"};
	struct story s;

	(void)state;
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed(&s, adopt);
	assert_int_equal(s.life.state, LIFE_ACTIVE);
	assert_int_equal(s.out.todo, LIFE_DO_ELECT_ADOPT | LIFE_DO_GATE | LIFE_DO_SAVE_TERM);
	assert_int_equal(s.life.term, 9);
	assert_false(s.life.blind);
	feed(&s, (struct life_in){.ev = LIFE_EV_SYNC_UP, .kept = true});
	assert_int_equal(s.out.todo, 0);
	phase(&s, LIFE_SYNC_SOURCE);
	assert_int_equal(s.out.todo, 0); /* the stream goes on */
	feed_ev(&s, LIFE_EV_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_SYNC_UP);
	assert_int_equal(s.out.todo, LIFE_DO_SYNC_PROMOTE); /* this one knows nothing */

	/* the core had died before it could tell a new process of its role */
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed(&s, adopt);
	feed(&s, (struct life_in){.ev = LIFE_EV_SYNC_UP, .kept = true});
	phase(&s, LIFE_SYNC_ALONE);
	assert_int_equal(s.out.todo, LIFE_DO_SYNC_PROMOTE);
	phase(&s, LIFE_SYNC_SOURCE);
	assert_int_equal(s.out.todo, 0);

	/* what was never complete goes on bidding little, for a bounded time */
	begin(&s, LIFE_MODE_VRRP, LIFE_SYNC_DOWN);
	feed_ev(&s, LIFE_EV_ADOPT);
	assert_true(s.life.blind && s.out.timer_ms == s.now + base_cfg.hold_ms);

	/* kept, but not adopted: a new stream */
	active(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_SYNC_DOWN);
	feed(&s, (struct life_in){.ev = LIFE_EV_SYNC_UP, .kept = true});
	assert_int_equal(s.out.todo, LIFE_DO_SYNC_PROMOTE);
}

static void promotion_by_hand_fails(void **state)
{
	struct story s;

	(void)state;
	standby(&s, LIFE_MODE_VRRP);
	feed_ev(&s, LIFE_EV_PROMOTE);
	assert_int_equal(s.out.answer, LIFE_ANSWER_NONE);
	feed_ev(&s, LIFE_EV_PROMOTE);
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED); /* the first one still waits */
	timer(&s);
	assert_int_equal(s.out.answer, LIFE_ANSWER_FAILED);
	assert_false(s.life.promoting_by_hand);
}

/* ---- every state x event x circumstance -------------------------------------------------------
 */

struct probe {
	struct life_cfg cfg;
	struct life before, after;
	struct life_in in;
	struct life_out out;
};

static const char *name_of(const struct probe *p)
{
	static char text[160];

	snprintf(text, sizeof(text), "mode %d, %s x %s -> %s, sync %s -> %s, todo %#x",
		 (int)p->cfg.mode, life_state_name(p->before.state), life_event_name(p->in.ev),
		 life_state_name(p->after.state), life_sync_name(p->before.sync),
		 life_sync_name(p->after.sync), p->out.todo);
	return text;
}

#define must(p, cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("%s: not so: %s", name_of(p), #cond);                             \
	} while (0)

static bool runs(enum life_sync s)
{
	return s != LIFE_SYNC_NONE && s != LIFE_SYNC_DOWN;
}

static void check_order(const struct probe *p)
{
	bool had = life_keeps_vips(&p->before), has = life_keeps_vips(&p->after);
	bool wanted = life_wants_vips(&p->before), wants = life_wants_vips(&p->after);
	uint32_t todo = p->out.todo;

	must(p, ((todo & LIFE_DO_VIPS_OFF) != 0) == (had && !has) || !had);
	must(p, ((todo & LIFE_DO_VIPS_ON) != 0) == (!wanted && wants && p->in.ev != LIFE_EV_ADOPT));
	must(p, ((todo & LIFE_DO_LINGER) != 0) == (wanted && !wants && has));
	must(p,
	     (todo & (LIFE_DO_VIPS_ON | LIFE_DO_VIPS_OFF)) != (LIFE_DO_VIPS_ON | LIFE_DO_VIPS_OFF));
	/* a stream ends only where VIPs do, or before they were there */
	if (todo & LIFE_DO_SYNC_DEMOTE)
		must(p, (todo & LIFE_DO_VIPS_OFF) || p->before.state == LIFE_PROMOTING);
	if (had && !has && runs(p->after.sync))
		must(p, todo & LIFE_DO_SYNC_DEMOTE);
	/* flows first */
	if (todo & LIFE_DO_VIPS_ON)
		must(p,
		     !runs(p->after.sync) || p->in.ev == LIFE_EV_PROMOTED ||
			     p->before.state == LIFE_LINGERING ||
			     (p->in.ev == LIFE_EV_TIMER && p->in.now_ms >= p->before.deadline_ms));
	if (todo & (LIFE_DO_SYNC_PROMOTE | LIFE_DO_SYNC_DRAIN | LIFE_DO_SYNC_DEMOTE))
		must(p, runs(p->after.sync));
}

static void check_bounds(const struct probe *p)
{
	bool waits = p->after.state == LIFE_PROMOTING || p->after.state == LIFE_DRAINING ||
		     p->after.state == LIFE_RESIGNING || p->after.state == LIFE_LINGERING ||
		     (p->after.state == LIFE_STANDBY && p->after.promoting_by_hand);

	must(p, !waits || p->out.timer_ms != LIFE_NEVER);
	must(p, p->after.state != LIFE_STOPPED || p->out.timer_ms == LIFE_NEVER);
	must(p, p->after.term >= p->before.term);
	must(p, (p->after.state == LIFE_STOPPED && p->before.state != LIFE_STOPPED) ==
			((p->out.todo & LIFE_DO_ENDED) != 0));
	must(p, p->before.state != LIFE_STOPPED || p->after.state == LIFE_STOPPED);
}

static void check_election(const struct probe *p)
{
	uint32_t vrrp = LIFE_DO_ELECT_START | LIFE_DO_ELECT_BOOST | LIFE_DO_ELECT_RESIGN |
			LIFE_DO_ELECT_STAY | LIFE_DO_ELECT_STOP | LIFE_DO_ELECT_ADOPT;

	must(p, p->cfg.mode == LIFE_MODE_VRRP || !(p->out.todo & vrrp));
	must(p, !(p->out.todo & (LIFE_DO_ELECT_START | LIFE_DO_ELECT_ADOPT)) ||
			(p->out.todo & LIFE_DO_GATE));
	must(p, p->after.state != LIFE_STOPPED || !p->after.electing);
	must(p, !(p->after.faults & LIFE_FAULT_NET) || !p->after.electing ||
			p->after.state != LIFE_FAULT);
	must(p, (p->after.gated != p->before.gated) <= ((p->out.todo & LIFE_DO_GATE) != 0));
	must(p, (p->after.blind != p->before.blind) <= ((p->out.todo & LIFE_DO_GATE) != 0));
	must(p, p->after.state != LIFE_LINGERING || p->after.gated);
	must(p, !life_wants_vips(&p->after) || p->after.state != LIFE_ACTIVE || !p->after.gated);
}

/* Who starts without a table is blind from the start, for a bounded time, and never after it had
 * one. */
static void check_blind(const struct probe *p)
{
	const struct life *l = &p->after;

	must(p, l->had_table || (!p->before.had_table && l->sync != LIFE_SYNC_READY));
	must(p, l->had_table || p->in.ev != LIFE_EV_SYNC_PHASE || !p->in.followed);
	must(p, !l->blind || (l->electing && !l->had_table && l->sync != LIFE_SYNC_NONE));
	must(p,
	     !l->blind || (p->in.now_ms < l->hold_until_ms && p->out.timer_ms <= l->hold_until_ms));
	if (p->out.todo & LIFE_DO_ELECT_START)
		must(p, l->blind || l->had_table || l->sync == LIFE_SYNC_NONE);
}

/* A command is answered now, or it is what waits afterwards. */
static void check_answer(const struct probe *p)
{
	bool command = p->in.ev == LIFE_EV_PROMOTE || p->in.ev == LIFE_EV_DEMOTE;
	bool waited = p->before.promoting_by_hand || p->before.demoting_by_hand;
	bool waits = p->after.promoting_by_hand || p->after.demoting_by_hand;

	if (command && p->out.answer == LIFE_ANSWER_NONE)
		must(p, !waited && waits);
	if (!command && waited && !waits)
		must(p, p->out.answer != LIFE_ANSWER_NONE);
	if (!command && !waited)
		must(p, p->out.answer == LIFE_ANSWER_NONE);
	must(p, p->out.answer == LIFE_ANSWER_NONE || p->out.answer_text);
	must(p, !(p->after.promoting_by_hand && p->after.demoting_by_hand));
}

static void probe(struct probe *p)
{
	p->after = p->before;
	p->out = life_step(&p->cfg, &p->after, &p->in);
	check_order(p);
	check_bounds(p);
	check_election(p);
	check_blind(p);
	check_answer(p);
}

/* Only states that can be: what a state implies for the other members. */
static struct life life_in_state(enum life_state st, enum life_mode mode, enum life_sync sync,
				 unsigned bits)
{
	struct life l = {.state = st, .sync = sync, .term = 5, .deadline_ms = 2000};

	l.electing = mode == LIFE_MODE_VRRP && st != LIFE_INIT && st != LIFE_STOPPED;
	l.hold_until_ms = bits & 1 ? 3000 : 500;
	l.held = (bits & 2) && st != LIFE_ACTIVE;
	l.gated = l.held || st == LIFE_LINGERING ||
		  (st == LIFE_STANDBY && runs(sync) && sync != LIFE_SYNC_READY &&
		   sync != LIFE_SYNC_SOURCE && (bits & 1));
	if (st == LIFE_FAULT) {
		l.faults = bits & 4 ? (bits & 2 ? LIFE_FAULT_TRACK : LIFE_FAULT_NET)
				    : LIFE_FAULT_ELECTION;
		l.electing = l.electing && !(bits & 4);
	}
	l.had_table = (bits & 16) || sync == LIFE_SYNC_READY;
	l.blind = l.electing && sync != LIFE_SYNC_NONE && !l.had_table && (bits & 1);
	if (st == LIFE_DRAINING || st == LIFE_RESIGNING) {
		l.stopping = bits & 4;
		l.demoting_by_hand = bits & 8; /* or another one asked */
		l.held = true;
	} else if (st == LIFE_LINGERING) {
		l.stopping = bits & 4;
	} else if (st == LIFE_STANDBY || st == LIFE_PROMOTING) {
		l.promoting_by_hand = bits & 8;
	}
	return l;
}

static bool of_sync(enum life_event ev)
{
	return ev == LIFE_EV_SYNC_UP || ev == LIFE_EV_SYNC_DOWN || ev == LIFE_EV_SYNC_PHASE ||
	       ev == LIFE_EV_PROMOTED || ev == LIFE_EV_DRAINED;
}

/* What the world does not do: an unconfigured replication does not speak, and nobody waits for one
 * that does not run; who has no election is not told to be the only one twice. */
static bool possible(const struct probe *p)
{
	enum life_state st = p->before.state;
	bool waits = st == LIFE_PROMOTING || st == LIFE_DRAINING;
	bool vrrp = st == LIFE_RESIGNING || st == LIFE_LINGERING;

	if (of_sync(p->in.ev) && p->before.sync == LIFE_SYNC_NONE)
		return false;
	if (waits && !runs(p->before.sync))
		return false;
	if (p->cfg.mode == LIFE_MODE_SINGLE &&
	    (st == LIFE_STANDBY || st == LIFE_DRAINING || st == LIFE_RESIGNING))
		return false;
	return p->cfg.mode == LIFE_MODE_VRRP || !vrrp;
}

static void every_step(void **state)
{
	static const uint64_t now[] = {1000, 2000, 4000};
	unsigned n = 0;

	(void)state;
	for (unsigned mode = 0; mode < 3; mode++)
		for (unsigned st = 0; st < LIFE_STATES; st++)
			for (unsigned sync = 0; sync < LIFE_SYNCS; sync++)
				for (unsigned bits = 0; bits < 32; bits++)
					for (unsigned in = 0; in < 3 * 4 * LIFE_EVENTS * LIFE_SYNCS;
					     in++) {
						struct probe p = {.cfg = base_cfg};
						unsigned flags = in / LIFE_EVENTS % 4;

						p.cfg.mode = (enum life_mode)mode;
						p.before = life_in_state(
							(enum life_state)st, p.cfg.mode,
							(enum life_sync)sync, bits);
						p.in.ev = (enum life_event)(in % LIFE_EVENTS);
						p.in.now_ms = now[in / LIFE_EVENTS / 4 % 3];
						p.in.have_peer = p.in.ok = flags & 1;
						p.in.followed = flags & 2;
						p.in.force = flags & 2;
						p.in.fault = 1u << flags % 3;
						p.in.phase = (enum life_sync)(in / LIFE_EVENTS /
									      12 % LIFE_SYNCS);
						p.in.term = flags;
						p.in.why = "why";
						/* reports never say these two */
						if (p.in.phase == LIFE_SYNC_NONE ||
						    p.in.phase == LIFE_SYNC_DOWN)
							p.in.phase = LIFE_SYNC_ALONE;
						if (!possible(&p))
							continue;
						probe(&p);
						n++;
					}
	assert_true(n > 100000);
}

/* Long random walks: what no single step shows. */
static void random_walks(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned walk = 0; walk < 2000; walk++) {
		struct probe p = {.cfg = base_cfg};

		p.cfg.mode = (enum life_mode)(walk % 3);
		p.after.sync = walk & 8 ? LIFE_SYNC_NONE : LIFE_SYNC_DOWN;
		for (unsigned i = 0; i < 200; i++) {
			p.before = p.after;
			seed = seed * 1664525u + 1013904223u;
			p.in = (struct life_in){.ev = (enum life_event)(seed >> 24) % LIFE_EVENTS,
						.now_ms = p.in.now_ms + (seed >> 16) % 800,
						.phase = LIFE_SYNC_ALONE + (seed >> 8) % 4,
						.fault = 1u << (seed >> 12) % 2,
						.ok = seed & 64,
						.have_peer = seed & 128,
						.force = seed & 32,
						.followed = (seed & 0x1c00) == 0,
						.term = i,
						.why = "walk"};
			if (p.in.ev == LIFE_EV_STOP && i < 150)
				continue;
			if (possible(&p))
				probe(&p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promotion_order),
		cmocka_unit_test(promotion_without_answer),
		cmocka_unit_test(lost_election),
		cmocka_unit_test(gate_is_bounded),
		cmocka_unit_test(ready_no_longer),
		cmocka_unit_test(gated_but_alone),
		cmocka_unit_test(blind_until_it_was_complete),
		cmocka_unit_test(vips_to_be_chosen),
		cmocka_unit_test(blind_until_somebody_follows),
		cmocka_unit_test(blind_is_bounded),
		cmocka_unit_test(planned_switchover),
		cmocka_unit_test(lingering),
		cmocka_unit_test(handed_over),
		cmocka_unit_test(nobody_takes_over),
		cmocka_unit_test(stop),
		cmocka_unit_test(external),
		cmocka_unit_test(single),
		cmocka_unit_test(fault_and_recovery),
		cmocka_unit_test(tracked_faults),
		cmocka_unit_test(replication_restarts),
		cmocka_unit_test(adopted),
		cmocka_unit_test(promotion_by_hand_fails),
		cmocka_unit_test(every_step),
		cmocka_unit_test(random_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
