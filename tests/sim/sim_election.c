/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elections among 2 to 4 controllers, each the real state machine and codec, on a virtual clock and
 * a network that loses, delays, duplicates, corrupts and cuts. Everything comes from one seed:
 *
 *   sim_election [--seeds N] [--seed N]      (--seed replays one and prints what happened)
 *
 * Each seed first makes trouble (cuts, also one-way; pauses, crashes, restarts, resignations,
 * promotions by hand, gates, blindness, new priorities), then stops it and checks:
 *
 *  1. SETTLE intervals later each connected part has exactly one ACTIVE, nobody who may preempt
 *     bids more than it does, and from then on nothing changes any more. SETTLE adds up from: 10
 *     until the lifecycle's bound on a resignation, 4 to miss the ACTIVE, 1 for a dispute of two,
 *     4 to preempt, 3 claims of a promotion and 4 to preempt after them, 2 for packets in flight,
 *     and twice 7 for who preempts and asks first, and is not heard; and twice the longest delay
 *     before preempting. Nobody preempts before its delay is over.
 *     Where replication goes on between the parts, an ACTIVE of one keeps the other from having its
 *     own; then one of them has one, and none has two.
 *  2. Four calm transitions, in random order: a resignation leaves no moment without ACTIVE; a stop
 *     no longer one than the shortest skew and a packet's delay; a crash no longer one than the
 *     shortest Active_Down and a delay; a promotion is done within two delays; a
 *     node that stood still comes back without a fight; nobody preempts who must not; a node that
 *     was ACTIVE alone and blind takes nothing from the ACTIVE it meets; who preempts is handed the
 *     role, no moment is without ACTIVE and two are for a packet's delay; or, not heard or not
 *     understood, it takes the role in bounded time.
 *
 * Half of the seeds have fast detection: with heartbeats of the ACTIVE a crash is noticed sooner,
 * but what happens to replication alone, or a BACKUP that stood still, changes nothing. */

#include "election_world.h"
#include "sim_runner.h"

#define SETTLE	  42 /* intervals, without delays before preempting */
#define DELAY_MAX 5  /* intervals */

/* ---- trouble ------------------------------------------------------------------------------ */

static void random_cfg(struct sim *s, struct vrrp_cfg *cfg)
{
	static const uint8_t few[] = {1, 100, 100, 150, 150, 200, 254, 255};

	cfg->prio = chance(s, 500) ? few[below(s, sizeof(few))] : (uint8_t)(1 + below(s, 254));
	cfg->preempt = chance(s, 700);
}

static void cut_links(struct sim *s)
{
	bool one_way = chance(s, 300);

	for (unsigned a = 0; a < s->n; a++) {
		for (unsigned b = 0; b < a; b++) {
			bool cut = chance(s, 400);

			s->cut[a][b] = cut;
			s->cut[b][a] = one_way ? chance(s, 400) : cut;
		}
	}
	say(s, "links are cut at random%s", one_way ? ", one-way" : "");
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			s->path_cut[a][b] = chance(s, 300);
}

static void trouble_node(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	switch (below(s, s->node[0].cfg.fast ? 9 : 8)) {
	case 0:
		say(s, "node %u crashes", i);
		crash(s, i);
		break;
	case 1:
		say(s, "node %u stops", i);
		event(s, i, VRRP_EV_STOP);
		event(s, i, VRRP_EV_START);
		break;
	case 2:
		n->paused_until = s->now + 1 + below(s, 12 * interval(s));
		say(s, "node %u stands still until %llu us", i,
		    (unsigned long long)n->paused_until);
		break;
	case 3:
		say(s, "node %u resigns", i);
		resign(s, i);
		break;
	case 4:
		say(s, "node %u is promoted by hand", i);
		event(s, i, VRRP_EV_BOOST);
		break;
	case 5:
		gate(s, i, chance(s, 500), chance(s, 300));
		break;
	case 6:
		random_cfg(s, &n->cfg);
		say(s, "node %u bids %u now, preempt %d", i, n->cfg.prio, n->cfg.preempt);
		event(s, i, VRRP_EV_RECONF);
		break;
	case 8:
		n->hung_until = s->now + 1 + below(s, 12 * interval(s));
		say(s, "the replication of node %u stands still until %llu us", i,
		    (unsigned long long)n->hung_until);
		break;
	default:
		event(s, i, VRRP_EV_STAY);
		break;
	}
}

static void trouble(struct sim *s)
{
	unsigned i = (unsigned)below(s, s->n);
	struct node *n = &s->node[i];

	if (chance(s, 200)) {
		cut_links(s);
	} else if (chance(s, 150)) {
		say(s, "all links are well");
		memset(s->cut, 0, sizeof(s->cut));
		memset(s->path_cut, 0, sizeof(s->path_cut));
	} else if (!n->alive) {
		say(s, "node %u starts", i);
		restart(s, i);
	} else if (!n->paused_until) {
		trouble_node(s, i);
	}
}

/* across: replication goes on between the two sides. */
static void calm(struct sim *s, unsigned side, bool across)
{
	s->loss = s->dup = s->corrupt = 0;
	/* half of them shorter than any skew, so that a successor cannot overtake whom it succeeds
	 */
	s->delay_max = 1 + below(s, interval(s) / (chance(s, 500) ? 50 : 300));
	s->in_order = true;
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			s->path_cut[a][b] = !across && (side >> a & 1) != (side >> b & 1);
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			s->cut[a][b] = (side >> a & 1) != (side >> b & 1);
	for (unsigned i = 0; i < s->n; i++) {
		if (s->node[i].alive && s->node[i].paused_until)
			resume(s, i);
		unhang(s, i);
		if (!s->node[i].alive && chance(s, 900))
			restart(s, i);
	}
	say(s, "trouble ends, one side is %x%s", side, across ? ", replication is whole" : "");
}

/* ---- checks ------------------------------------------------------------------------------- */

static unsigned alive_in(const struct sim *s, unsigned set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += set >> i & 1 && s->node[i].alive;
	return n;
}

static unsigned the_active(const struct sim *s, unsigned set)
{
	for (unsigned i = 0; i < s->n; i++)
		if (set >> i & 1 && s->node[i].alive && s->node[i].v.state == VRRP_ACTIVE)
			return i;
	return NODES;
}

static void check_part(struct sim *s, unsigned set, bool may_be_none)
{
	if (!alive_in(s, set) || (may_be_none && !actives(s, set)))
		return;
	if (actives(s, set) != 1) {
		fail(s, "%u ACTIVE in part %x", actives(s, set), set);
		return;
	}

	const struct node *a = &s->node[the_active(s, set)];
	uint8_t bid = vrrp_bid(&a->cfg, &a->v);

	for (unsigned i = 0; i < s->n; i++) {
		const struct node *b = &s->node[i];

		if (set >> i & 1 && b->alive && b != a && preempts(b, bid))
			fail(s, "the ACTIVE bids %u, node %u bids %u", bid, i, b->cfg.prio);
	}
}

static void check_settled(struct sim *s, unsigned side, bool across)
{
	unsigned all = (1u << s->n) - 1;
	unsigned long changes = s->changes;

	check_part(s, side, across && actives(s, all & ~side));
	check_part(s, all & ~side, across && actives(s, side));
	advance(s, s->now + 20 * interval(s));
	if (s->changes != changes)
		fail(s, "not stable after it settled");
}

static void cut_off(struct sim *s, unsigned i, unsigned set, bool cut)
{
	for (unsigned k = 0; k < s->n; k++)
		if (k != i && set >> k & 1)
			s->cut[i][k] = s->cut[k][i] = s->path_cut[i][k] = s->path_cut[k][i] = cut;
}

/* The least over all BACKUPs of the part. */
static uint64_t least(const struct sim *s, unsigned set,
		      uint64_t (*figure)(const struct vrrp_cfg *, const struct vrrp_inst *))
{
	uint64_t min = NEVER;

	for (unsigned i = 0; i < s->n; i++) {
		const struct node *n = &s->node[i];

		if (set >> i & 1 && n->alive && n->v.state == VRRP_BACKUP &&
		    figure(&n->cfg, &n->v) < min)
			min = figure(&n->cfg, &n->v);
	}
	return min;
}

static void check_gap(struct sim *s, uint64_t max, const char *what)
{
	if (s->gap_start != NEVER)
		fail(s, "%s: still nobody is ACTIVE", what);
	if (s->gap_max > max)
		fail(s, "%s: nobody was ACTIVE for %llu us, allowed are %llu us", what,
		     (unsigned long long)s->gap_max, (unsigned long long)max);
}

static void calm_resign(struct sim *s, unsigned set, unsigned a)
{
	uint64_t skew = least(s, set, vrrp_skew_us), delay = s->delay_max + 20;

	say(s, "node %u resigns in peace", a);
	gate(s, a, true, s->node[a].v.blind);
	resign(s, a);
	advance(s, s->now + skew + 2 * delay);
	check_gap(s, 0, "resignation");
	if (s->node[a].v.state != VRRP_BACKUP)
		fail(s, "node %u resigned and is %s", a, vrrp_state_name(s->node[a].v.state));
}

static void calm_stop(struct sim *s, unsigned set, unsigned a)
{
	uint64_t max = least(s, set, vrrp_skew_us) + s->delay_max + 20;

	say(s, "node %u stops in peace", a);
	event(s, a, VRRP_EV_STOP);
	advance(s, s->now + max);
	check_gap(s, max, "stop");
	event(s, a, VRRP_EV_START);
}

static bool is_fast(const struct node *n)
{
	return n->watch.every && !n->watch.missing && vrrp_may_be_fast(&n->v);
}

static bool all_are_fast(const struct sim *s, unsigned set)
{
	for (unsigned i = 0; i < s->n; i++)
		if (set >> i & 1 && s->node[i].alive && s->node[i].v.state == VRRP_BACKUP &&
		    !is_fast(&s->node[i]))
			return false;
	return true;
}

/* With heartbeats a crash costs what the fastest of those needs that watch them. */
static uint64_t least_fast(const struct sim *s, unsigned set)
{
	uint64_t min = NEVER, beats = (MISSES + 1) * beat_every(s);

	for (unsigned i = 0; i < s->n; i++) {
		const struct node *n = &s->node[i];

		if (!(set >> i & 1) || !n->alive || !is_fast(n))
			continue;
		uint64_t own = vrrp_fast_us(&n->cfg, &n->v);

		own = own > beats ? own : beats;
		min = own < min ? own : min;
	}
	return min;
}

static void calm_crash(struct sim *s, unsigned set, unsigned a)
{
	uint64_t down = least(s, set, vrrp_down_us), fast = least_fast(s, set);
	uint64_t max = (fast < down ? fast : down) + s->delay_max + 20;

	say(s, "node %u crashes in peace", a);
	crash(s, a);
	advance(s, s->now + max);
	check_gap(s, max, "crash");
	restart(s, a);
}

static void calm_boost(struct sim *s, unsigned set, unsigned a)
{
	unsigned b = (unsigned)below(s, s->n);
	const struct node *old = &s->node[a];

	if (b == a || !(set >> b & 1) || !s->node[b].alive || vrrp_bid(&old->cfg, &old->v) == 255)
		return;
	say(s, "node %u is promoted by hand in peace", b);
	event(s, b, VRRP_EV_BOOST);
	advance(s, s->now + 2 * (s->delay_max + 20));
	check_gap(s, 0, "promotion");
	if (actives(s, set) != 1 || the_active(s, set) != b)
		fail(s, "node %u was promoted, node %u is ACTIVE", b, the_active(s, set));
}

/* Whoever stood still fights nobody when it goes on: an ACTIVE leaves to its successor, but not to
 * one that knows nothing, and a BACKUP has missed nothing. */
static void calm_stall(struct sim *s, unsigned set, unsigned a)
{
	unsigned i = (unsigned)below(s, s->n);
	struct node *n = &s->node[i];
	unsigned long changes;
	unsigned other;
	bool stays;

	if (!(set >> i & 1) || !n->alive)
		return;
	say(s, "node %u stands still in peace", i);
	gate(s, i, true, n->v.blind);
	n->paused_until = s->now + 8 * interval(s);
	if (i == a && !s->mixed && all_are_fast(s, set))
		n->paused_until = s->now + least_fast(s, set) + 6 * (s->delay_max + 20);
	advance(s, n->paused_until - 1);
	if (s->failed)
		return;
	other = the_active(s, set & ~(1u << i));
	if (i == a && other == NODES)
		fail(s, "node %u stood still and nobody took over", i);
	if (other != NODES && s->node[other].drained_at != NEVER)
		return; /* to whoever asked */
	stays = i == a && other != NODES && is_blind(&s->node[other]) && !is_blind(n);
	changes = s->changes + (i == a);
	advance(s, s->now + 3 * interval(s));
	if ((n->v.state == VRRP_ACTIVE) != stays)
		fail(s, "node %u stood still and %s", i,
		     stays ? "left to a blind one" : "did not leave");
	/* a blind one's farewell carries its own interval, which others take for a while */
	if (s->changes != changes && !(stays && s->mixed))
		fail(s, "node %u stood still and changed more than its own state", i);
}

/* Neither what happens to replication alone changes anything, nor a nap of a BACKUP, nor both: one
 * that misses heartbeats and freezes before it hears that the ACTIVE lives. Its machine may lose
 * two advertisements meanwhile. */
static void calm_replication(struct sim *s, unsigned set, unsigned a)
{
	unsigned i = (unsigned)below(s, s->n);
	unsigned long changes = s->changes;
	struct node *n = &s->node[i];

	if (s->mixed) /* delays as long as somebody's advertisements are late */
		return;
	if (chance(s, 300)) {
		say(s, "replication is cut in peace");
		memset(s->path_cut, 1, sizeof(s->path_cut));
	} else if (chance(s, 700)) {
		say(s, "the replication of node %u stands still in peace", a);
		s->node[a].hung_until = s->now + below(s, 6 * interval(s));
	}
	advance(s, s->now + below(s, 2 * interval(s)));
	if (i != a && set >> i & 1 && n->alive) {
		n->frozen = chance(s, 700);
		n->paused_until = s->now + 3 * interval(s) / 4 + 1 +
				  below(s, (n->frozen ? 2 : 60) * interval(s) / 10);
		say(s, "node %u %s in peace", i, n->frozen ? "freezes" : "naps");
	}
	advance(s, s->now + 8 * interval(s));
	for (unsigned x = 0; x < s->n; x++)
		for (unsigned y = 0; y < s->n; y++)
			s->path_cut[x][y] = (set >> x & 1) != (set >> y & 1);
	advance(s, s->now + 2 * interval(s));
	if (s->changes != changes)
		fail(s, "that changed who is ACTIVE");
}

/* A link that comes late: whoever was alone behind it is ACTIVE, but blind. Not with different
 * intervals: a third node may learn the wrong one. */
static void calm_meet(struct sim *s, unsigned set, unsigned a)
{
	unsigned i = (unsigned)below(s, s->n);
	struct node *n = &s->node[i], *holder;
	unsigned long changes;

	gate(s, a, s->node[a].v.gated, false);
	advance(s, s->now + s->settle * interval(s));
	a = the_active(s, set);
	holder = &s->node[a];
	if (s->failed || s->mixed || i == a || !(set >> i & 1) || !n->alive ||
	    vrrp_bid(&holder->cfg, &holder->v) == VRRP_PRIO_BLIND)
		return;
	say(s, "node %u is alone, blind", i);
	s->part = set & ~(1u << i);
	s->settled = false;
	event(s, i, VRRP_EV_STOP);
	cut_off(s, i, set, true);
	gate(s, i, chance(s, 500), true);
	event(s, i, VRRP_EV_START);
	advance(s, s->now + 10 * interval(s));
	if (n->v.state != VRRP_ACTIVE)
		fail(s, "node %u was alone and is %s", i, vrrp_state_name(n->v.state));
	changes = s->changes + 1;
	say(s, "node %u is alone no more", i);
	cut_off(s, i, set, false);
	advance(s, s->now + 4 * interval(s));
	if (n->v.state != VRRP_BACKUP || holder->v.state != VRRP_ACTIVE || s->changes != changes)
		fail(s, "node %u is blind and took something from node %u", i, a);
	check_gap(s, 0, "meeting");
	s->part = set;
	s->settled = true;
}

/* Another one bids most now. */
static void calm_preempt(struct sim *s, unsigned set, unsigned a)
{
	unsigned b = (unsigned)below(s, s->n);
	struct node *n = &s->node[b];
	const struct node *old = &s->node[a];
	bool deaf = chance(s, 300);

	for (unsigned i = 0; i < s->n; i++)
		if (set >> i & 1 && s->node[i].alive && s->node[i].cfg.prio >= 254)
			return;
	if (b == a || s->mixed || !(set >> b & 1) || !n->alive || old->v.boosted ||
	    vrrp_bid(&old->cfg, &old->v) == VRRP_PRIO_BLIND)
		return;
	say(s, "node %u bids most now%s", b, deaf ? ", and is not heard by replication" : "");
	s->path_cut[b][a] = deaf;
	gate(s, b, false, false);
	n->cfg.prio = 254;
	n->cfg.preempt = true;
	event(s, b, VRRP_EV_RECONF);
	advance(s, s->now + 16 * interval(s));
	check_gap(s, 0, "preemption");
	if (s->two_start != NEVER || s->two_max > s->delay_max + 20)
		fail(s, "preemption: two were ACTIVE for %llu us", (unsigned long long)s->two_max);
	if (actives(s, set) != 1 || the_active(s, set) != b)
		fail(s, "node %u bids most, node %u is ACTIVE", b, the_active(s, set));
	if ((n->why == VRRP_WHY_RESIGNED) != (!deaf && !old->older))
		fail(s, "node %u is ACTIVE for reason %u", b, n->why);
	s->path_cut[b][a] = false;
}

static void calm_transitions(struct sim *s, unsigned set)
{
	static void (*const transition[])(struct sim *, unsigned, unsigned) = {
		calm_resign, calm_stop, calm_crash,	  calm_boost,
		calm_stall,  calm_meet, calm_replication, calm_preempt};

	s->settled = true;
	s->part = set;
	for (int i = 0; i < 4 && !s->failed && alive_in(s, set) > 1; i++) {
		s->gap_start = s->two_start = NEVER;
		s->gap_max = s->two_max = 0;
		transition[below(s, ARRAY_LEN(transition))](s, set, the_active(s, set));
		advance(s, s->now + s->settle * interval(s));
		if (!s->failed)
			check_part(s, set, false);
	}
}

/* ---- one seed ----------------------------------------------------------------------------- */

static void set_up(struct sim *s)
{
	static const uint16_t adv[] = {1, 10, 100};
	uint16_t common = adv[below(s, ARRAY_LEN(adv))];

	bool fast;

	s->mixed = chance(s, 150);
	s->version = common == 100 && !s->mixed && chance(s, 500) ? 2 : 3;
	s->settle = chance(s, 300) ? SETTLE + 2 * DELAY_MAX : SETTLE;
	s->n = 2 + (unsigned)below(s, NODES - 1);
	s->gap_start = s->two_start = NEVER;
	s->veto = chance(s, 600);
	fast = chance(s, 500);
	for (unsigned i = 0; i < s->n; i++) {
		struct node *n = &s->node[i];

		random_cfg(s, &n->cfg);
		n->cfg.adv_cs = s->mixed ? adv[below(s, ARRAY_LEN(adv))] : common;
		n->cfg.version = s->version;
		n->lower_since = NEVER;
		if (s->settle > SETTLE)
			n->cfg.preempt_delay_us = below(s, DELAY_MAX * vrrp_adv_us(&n->cfg) + 1);
		n->addr = ip_addr_v4(htonl(0x0a14000b + (i * 7 + (uint32_t)s->seed) % 29));
		n->deadline = NEVER;
		n->resign_until = n->drained_at = NEVER;
		n->timer_at = n->beat_at = NEVER;
		n->cfg.fast = fast;
		n->older = chance(s, 200);
		say(s, "node %u: prio %u interval %u cs preempt %d after %llu us", i, n->cfg.prio,
		    n->cfg.adv_cs, n->cfg.preempt, (unsigned long long)n->cfg.preempt_delay_us);
	}
	if (chance(s, 700)) {
		s->loss = (unsigned)below(s, 400);
		s->dup = (unsigned)below(s, 200);
		s->corrupt = (unsigned)below(s, 50);
	}
	s->delay_max = 1 + below(s, chance(s, 300) ? 3 * interval(s) : interval(s) / 20);
}

/* Returns how long it took to settle, in intervals, as a figure to look at. */
static uint64_t run_seed(struct sim *s)
{
	unsigned actions = 5 + (unsigned)below(s, 30), side;
	uint64_t start;
	bool across;

	set_up(s);
	for (unsigned i = 0; i < s->n; i++)
		restart(s, i);
	for (unsigned i = 0; i < actions && !s->failed; i++) {
		advance(s, s->now + below(s, 5 * interval(s)));
		trouble(s);
	}
	side = chance(s, 300) ? (unsigned)below(s, 1u << s->n) : (1u << s->n) - 1;
	across = s->veto && chance(s, 300);
	calm(s, side, across);
	start = s->now;
	advance(s, start + s->settle * interval(s));
	uint64_t took = s->last_change > start ? (s->last_change - start) / interval(s) : 0;

	if (!s->failed)
		check_settled(s, side, across);
	if (!s->failed && !across)
		calm_transitions(s, side);
	if (s->overflow)
		fail(s, "%lu packets did not fit", s->overflow);
	return took;
}

struct totals {
	uint64_t longest, packets, changes, vetoes, fast, handovers;
};

static bool run(uint64_t seed, bool with_trace, void *totals)
{
	static struct sim *s;
	struct totals *t = totals;
	uint64_t took;

	if (!s)
		s = malloc(sizeof(*s));
	if (!s)
		abort();
	memset(s, 0, sizeof(*s));
	s->seed = s->rng = seed;
	s->trace = with_trace;
	took = run_seed(s);
	t->longest = took > t->longest ? took : t->longest;
	t->packets += s->packets;
	t->changes += s->changes;
	t->vetoes += s->vetoes;
	t->fast += s->fast;
	t->handovers += s->handovers;
	return !s->failed;
}

static void merge(void *into, const void *from)
{
	struct totals *to = into;
	const struct totals *t = from;

	to->longest = t->longest > to->longest ? t->longest : to->longest;
	to->packets += t->packets;
	to->changes += t->changes;
	to->vetoes += t->vetoes;
	to->fast += t->fast;
	to->handovers += t->handovers;
}

static void report(const void *totals, uint64_t seeds, bool stats)
{
	const struct totals *t = totals;

	(void)stats;
	printf("%llu seeds, %llu packets, %llu state changes, %llu vetoes, %llu fast takeovers, "
	       "%llu handovers, settled within %llu intervals\n",
	       (unsigned long long)seeds, (unsigned long long)t->packets,
	       (unsigned long long)t->changes, (unsigned long long)t->vetoes,
	       (unsigned long long)t->fast, (unsigned long long)t->handovers,
	       (unsigned long long)t->longest + 1);
}

int main(int argc, char **argv)
{
	const struct runner_program program = {
		.seeds = 10000,
		.totals_size = sizeof(struct totals),
		.run = run,
		.merge = merge,
		.report = report,
	};

	return runner_main(&program, argc, argv);
}
