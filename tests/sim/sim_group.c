/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two controllers, each with a group of routers that share one election: the lifecycles, the group
 * and the election as the daemon runs them, with faults of single routers, promotions that fail for
 * one, commands, routers that come and go, crashes, and loss. After every event: nobody has VIPs
 * where the group is not elected, or where one of it is broken. In the end one controller has them
 * all, and the other none. */
#include "../../daemon/group.h"
#include "sim_runner.h"

#define NODES	  2
#define MEMBERS	  5
#define QUEUE	  32
#define PACKETS	  64
#define NEVER	  UINT64_MAX
#define ADV_US	  100000u
#define STEP_US	  2000
#define TROUBLE_S 10
#define PEACE_S	  9

struct node;

struct member {
	struct group_member m;
	struct node *node;
	char name[4];
	struct life life;
	struct life_in queue[QUEUE];
	unsigned head, queued;
	bool exists, running, vips;
	uint64_t timer, promoted, drained, well, sync; /* us; NEVER: none */
};

struct node {
	struct sim *s;
	unsigned index;
	struct group group;
	struct vrrp_cfg cfg;
	struct vrrp_inst v;
	struct member member[MEMBERS];
	bool alive, owes;
	uint64_t deadline, last_tx, back; /* back: from a crash */
};

struct packet {
	uint64_t at;
	unsigned to;
	uint8_t prio;
};

enum { MOVES, FAULTS, TAKEN_BACK, COMMANDS, COUNTS };

struct sim {
	uint64_t seed, rng, now;
	bool trace, failed, peace;
	unsigned loss; /* per mille */
	struct node node[NODES];
	struct packet packet[PACKETS];
	unsigned n_packets;
	uint64_t *count;
};

static const struct life_cfg life_cfg = {.mode = LIFE_MODE_VRRP,
					 .promote_wait_ms = 50,
					 .hold_ms = 3000,
					 .drain_ms = 300,
					 .linger_ms = 1000,
					 .trail_ms = 200,
					 .command_ms = 2000};

static uint64_t below(struct sim *s, uint64_t n) /* splitmix64 */
{
	uint64_t z = s->rng += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % n;
}

static bool chance(struct sim *s, unsigned per_mille)
{
	return below(s, 1000) < per_mille;
}

static void fail(struct sim *s, const char *what, unsigned node)
{
	if (!s->failed)
		printf("seed %llu failed at %llu us: node %u: %s\n", (unsigned long long)s->seed,
		       (unsigned long long)s->now, node, what);
	s->failed = true;
}

static void say(const struct sim *s, const char *who, unsigned node, const char *what)
{
	if (s->trace)
		printf("%10llu  node %u %s: %s\n", (unsigned long long)s->now / 1000, node, who,
		       what);
}

/* ---- the election: as vrrp_io does it ---------------------------------------------------------
 */

static void advertise(struct node *n, uint8_t prio)
{
	struct sim *s = n->s;

	n->last_tx = s->now;
	n->owes = false;
	if (s->n_packets < PACKETS && !chance(s, s->loss))
		s->packet[s->n_packets++] = (struct packet){
			.at = s->now + 50 + below(s, 500), .to = !n->index, .prio = prio};
}

static void vrrp(struct node *n, struct vrrp_in in)
{
	struct vrrp_out out = vrrp_step(&n->cfg, &n->v, in);
	bool become = out.todo & VRRP_DO_BECOME;

	if (out.timer_us == VRRP_TIMER_OFF)
		n->deadline = NEVER;
	else if (out.timer_us != VRRP_TIMER_KEEP)
		n->deadline = n->s->now + out.timer_us;
	if ((out.todo & VRRP_DO_ADVERT) && become && vrrp_addresses_first(&n->v, out.why))
		n->owes = true;
	else if (out.todo & VRRP_DO_ADVERT)
		advertise(n, vrrp_bid(&n->cfg, &n->v));
	if (out.todo & VRRP_DO_RESIGN)
		advertise(n, VRRP_PRIO_RESIGN);
	if (!become)
		return;
	say(n->s, "election", n->index, vrrp_state_name(n->v.state));
	n->s->count[MOVES] += n->v.state == VRRP_ACTIVE;
	group_on_state(&n->group, n->v.state, "");
}

static void on_elect(void *ctx, const struct vrrp_in *in)
{
	struct node *n = ctx;
	bool gated = false;

	for (const struct group_member *m = n->group.members; m; m = m->next) {
		gated = gated || (m->counts && m->life->gated);
		if (in->ev == VRRP_EV_RESIGN && m->counts && m->life->state == LIFE_ACTIVE)
			fail(n->s, "resigns before all have drained", n->index);
	}
	if (in->ev == VRRP_EV_START && in->gated != gated)
		fail(n->s, "starts with a gate that none has, or without one", n->index);
	vrrp(n, *in);
}

static void on_bid(void *ctx, uint8_t before, uint8_t now)
{
	struct node *n = ctx;

	n->cfg.prio = now;
	vrrp(n, (struct vrrp_in){.ev = VRRP_EV_RECONF, .worse = now < before});
}

static void on_addresses(void *ctx)
{
	struct node *n = ctx;

	for (unsigned i = 0; i < MEMBERS; i++)
		if (n->member[i].exists && n->member[i].m.counts && !n->member[i].vips)
			fail(n->s, "says that all addresses are there", n->index);
	if (n->owes && n->v.state == VRRP_ACTIVE)
		advertise(n, vrrp_bid(&n->cfg, &n->v));
}

/* ---- a router: as router.c does it ------------------------------------------------------------
 */

static void push(struct member *r, const struct life_in *in);

static void push_ev(struct member *r, enum life_event ev)
{
	push(r, &(struct life_in){.ev = ev, .have_peer = true, .ok = true, .term = 1});
}

static void fault(struct member *r)
{
	r->well = r->node->s->now + 50000 + below(r->node->s, 800000);
	r->node->s->count[FAULTS]++;
	push(r, &(struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET, .why = "broken"});
}

static void vips_on(struct member *r)
{
	struct sim *s = r->node->s;

	if (!s->peace && chance(s, 60)) {
		s->count[TAKEN_BACK]++;
		fault(r);
		return;
	}
	r->vips = true;
	group_has_addresses(&r->m);
}

static void execute(struct member *r, uint32_t todo)
{
	static const struct {
		uint32_t todo;
		enum vrrp_event ev;
	} to_election[] = {
		{LIFE_DO_GATE, VRRP_EV_GATE},	      {LIFE_DO_ELECT_START, VRRP_EV_START},
		{LIFE_DO_ELECT_BOOST, VRRP_EV_BOOST}, {LIFE_DO_ELECT_RESIGN, VRRP_EV_RESIGN},
		{LIFE_DO_ELECT_STAY, VRRP_EV_STAY},   {LIFE_DO_ELECT_STOP, VRRP_EV_STOP}};
	struct sim *s = r->node->s;

	if (todo & LIFE_DO_VIPS_OFF)
		r->vips = false;
	if (todo & LIFE_DO_SYNC_PROMOTE)
		r->promoted = s->now + 100 + below(s, chance(s, 50) ? 100000 : 5000);
	if (todo & LIFE_DO_VIPS_ON)
		vips_on(r);
	if (todo & LIFE_DO_SYNC_DRAIN)
		r->drained = s->now + 100 + below(s, chance(s, 100) ? 500000 : 20000);
	for (unsigned i = 0; i < ARRAY_LEN(to_election); i++)
		if (todo & to_election[i].todo)
			group_elect(&r->m, to_election[i].ev);
}

static void step(struct member *r, struct life_in *in)
{
	enum life_state before = r->life.state;
	struct life_out out;

	in->now_ms = r->node->s->now / 1000;
	out = life_step(&life_cfg, &r->life, in);
	if (before != r->life.state)
		say(r->node->s, r->name, r->node->index, life_state_name(r->life.state));
	execute(r, out.todo);
	r->timer = out.timer_ms == LIFE_NEVER ? NEVER : out.timer_ms * 1000;
	group_look(&r->m);
}

static void push(struct member *r, const struct life_in *in)
{
	if (r->queued == QUEUE) {
		fail(r->node->s, "too many events at once", r->node->index);
		return;
	}
	r->queue[(r->head + r->queued++) % QUEUE] = *in;
	if (r->running)
		return;
	r->running = true;
	while (r->queued) {
		struct life_in next = r->queue[r->head];

		r->head = (r->head + 1) % QUEUE;
		r->queued--;
		step(r, &next);
	}
	r->running = false;
}

static void on_tell(struct group_member *m, const struct life_in *in, const char *why)
{
	struct member *r = (void *)((char *)m - offsetof(struct member, m));

	(void)why;
	push(r, in);
}

static void on_first(struct group_member *m)
{
	(void)m;
}

static const struct group_ops ops = {.tell = on_tell,
				     .elect = on_elect,
				     .bid = on_bid,
				     .has_addresses = on_addresses,
				     .first = on_first};

static void join(struct member *r)
{
	struct sim *s = r->node->s;

	r->life = (struct life){.sync = LIFE_SYNC_DOWN};
	r->head = r->queued = 0;
	r->vips = r->running = false;
	r->exists = true;
	r->timer = r->promoted = r->drained = r->well = NEVER;
	r->sync = s->now;
	r->m = (struct group_member){
		.name = r->name, .life = &r->life, .priority = (uint8_t)(100 + below(s, 3))};
	say(s, r->name, r->node->index, "joins");
	group_join(&r->node->group, &r->m);
	push_ev(r, LIFE_EV_SYNC_UP);
	if (chance(s, 150))
		fault(r);
	else
		push_ev(r, LIFE_EV_BUILT);
}

static void leave(struct member *r)
{
	say(r->node->s, r->name, r->node->index, "leaves");
	push(r, &(struct life_in){.ev = LIFE_EV_STOP, .have_peer = true, .why = "removed"});
}

static bool is_source(const struct member *r)
{
	return life_keeps_vips(&r->life) || r->life.state == LIFE_PROMOTING;
}

/* Replication's report. */
static void report(struct member *r)
{
	struct sim *s = r->node->s;
	const struct member *peer = &s->node[!r->node->index].member[r - r->node->member];
	struct life_in in = {.ev = LIFE_EV_SYNC_PHASE, .phase = LIFE_SYNC_ALONE};

	r->sync = s->now + 100000 + below(s, 100000);
	if (is_source(r))
		in.phase = LIFE_SYNC_SOURCE;
	else if (r->node->s->node[!r->node->index].alive && peer->exists && is_source(peer))
		in.phase = chance(s, 700) || s->peace ? LIFE_SYNC_READY : LIFE_SYNC_SYNCING;
	in.followed = in.phase == LIFE_SYNC_SOURCE && peer->exists;
	r->m.sole = in.phase == LIFE_SYNC_READY;
	push(r, &in);
}

/* ---- controllers ------------------------------------------------------------------------------
 */

static void boot(struct node *n)
{
	n->alive = true;
	n->back = NEVER;
	group_init(&n->group, "g", &ops, n);
	for (unsigned i = 0; i < MEMBERS; i++)
		if (n->member[i].exists)
			join(&n->member[i]);
	group_whole(&n->group);
}

static void crash(struct node *n)
{
	struct sim *s = n->s;

	say(s, "all", n->index, "crash");
	n->alive = n->owes = false;
	n->deadline = NEVER;
	memset(&n->v, 0, sizeof(n->v));
	n->back = s->now + below(s, 3000000);
	for (unsigned i = 0; i < MEMBERS; i++)
		n->member[i].vips = false;
}

static void command(struct node *n, enum life_event ev)
{
	const struct life_in in = {.ev = ev, .have_peer = true};

	say(n->s, "all", n->index, life_event_name(ev));
	n->s->count[COMMANDS]++;
	group_hold(&n->group);
	for (struct group_member *m = n->group.members; m; m = m->next)
		on_tell(m, &in, NULL);
	group_release(&n->group);
}

static void trouble(struct sim *s)
{
	struct node *n = &s->node[below(s, NODES)];
	struct member *r = &n->member[below(s, MEMBERS)];

	if (!n->alive)
		return;
	switch (below(s, 8)) {
	case 0:
	case 1:
		if (r->exists && r->well == NEVER)
			fault(r);
		break;
	case 2:
		command(n, LIFE_EV_DEMOTE);
		break;
	case 3:
		command(n, LIFE_EV_PROMOTE);
		break;
	case 4:
		if (chance(s, 300))
			crash(n);
		break;
	case 5:
		if (!r->exists)
			join(r);
		else if (n->group.n > 1)
			leave(r);
		break;
	case 6:
		r->m.priority = (uint8_t)(100 + below(s, 3));
		group_look(&r->m);
		break;
	default:
		s->loss = chance(s, 500) ? 0 : 300;
	}
}

/* ---- time -------------------------------------------------------------------------------------
 */

static bool take(uint64_t *at, uint64_t now)
{
	if (*at > now)
		return false;
	*at = NEVER;
	return true;
}

static void run_member(struct member *r)
{
	uint64_t now = r->node->s->now;

	if (take(&r->promoted, now))
		push_ev(r, LIFE_EV_PROMOTED);
	if (take(&r->drained, now))
		push_ev(r, LIFE_EV_DRAINED);
	if (take(&r->well, now))
		push(r, &(struct life_in){.ev = r->life.state == LIFE_INIT ? LIFE_EV_BUILT
									   : LIFE_EV_RECOVERED,
					  .fault = LIFE_FAULT_NET});
	if (r->sync <= now)
		report(r);
	if (take(&r->timer, now))
		push_ev(r, LIFE_EV_TIMER);
	if (r->life.state != LIFE_STOPPED || r->running)
		return;
	group_leave(&r->m);
	r->exists = false;
}

static void run_node(struct node *n)
{
	uint64_t now = n->s->now;

	if (!n->alive) {
		if (n->back <= now)
			boot(n);
		return;
	}
	if (take(&n->deadline, now))
		vrrp(n, (struct vrrp_in){.ev = VRRP_EV_TIMER});
	for (unsigned i = 0; i < MEMBERS; i++)
		if (n->member[i].exists)
			run_member(&n->member[i]);
}

static void deliver(struct sim *s)
{
	for (unsigned i = 0; i < s->n_packets;) {
		struct packet p = s->packet[i];
		struct node *n = &s->node[p.to];

		if (p.at > s->now) {
			i++;
			continue;
		}
		s->packet[i] = s->packet[--s->n_packets];
		if (n->alive)
			vrrp(n, (struct vrrp_in){.ev = VRRP_EV_ADVERT,
						 .prio = p.prio,
						 .adv_cs = ADV_US / 10000,
						 .now_us = s->now + 1,
						 .from_higher_addr = p.to == 0,
						 .overdue = s->now - n->last_tx > 3 * ADV_US});
	}
}

static void check(struct sim *s, const struct node *n)
{
	const struct group *g = &n->group;
	unsigned counts = 0, unfit = 0, active = 0;

	for (unsigned i = 0; i < MEMBERS; i++) {
		const struct member *r = &n->member[i];

		if (!r->exists)
			continue;
		counts += r->m.counts;
		unfit += r->m.counts && !r->m.part.fit;
		active += life_wants_vips(&r->life);
	}
	if (counts != g->sum.counts || unfit != g->sum.unfit)
		fail(s, "the sums are wrong", n->index);
	if (active && (n->v.state != VRRP_ACTIVE || !g->on))
		fail(s, "ACTIVE without being elected", n->index);
	if (active && unfit)
		fail(s, "ACTIVE beside one that is broken", n->index);
	if (g->held)
		fail(s, "held back for ever", n->index);
}

static void check_end(struct sim *s)
{
	unsigned holders = 0;

	for (unsigned k = 0; k < NODES; k++) {
		const struct node *n = &s->node[k];
		unsigned active = 0, exist = 0;

		for (unsigned i = 0; i < MEMBERS; i++) {
			exist += n->member[i].exists;
			active += n->member[i].exists && n->member[i].vips &&
				  n->member[i].life.state == LIFE_ACTIVE;
		}
		if (active && active != exist)
			fail(s, "in the end some have moved and some not", k);
		holders += active != 0;
	}
	if (holders != 1)
		fail(s, holders ? "in the end both hold the group" : "in the end nobody holds it",
		     0);
}

static void advance(struct sim *s, uint64_t until)
{
	for (; s->now < until && !s->failed; s->now += STEP_US) {
		deliver(s);
		for (unsigned k = 0; k < NODES; k++) {
			run_node(&s->node[k]);
			if (s->node[k].alive)
				check(s, &s->node[k]);
		}
		if (!s->peace && chance(s, 8))
			trouble(s);
	}
}

static bool run(uint64_t seed, bool trace, void *totals)
{
	static struct sim sim;
	struct sim *s = &sim;

	memset(s, 0, sizeof(*s));
	s->count = totals;
	s->seed = s->rng = seed;
	s->trace = trace;
	for (unsigned k = 0; k < NODES; k++) {
		struct node *n = &s->node[k];

		*n = (struct node){.s = s, .index = k, .deadline = NEVER};
		n->cfg = (struct vrrp_cfg){.prio = 100,
					   .adv_cs = ADV_US / 10000,
					   .preempt = chance(s, 500),
					   .version = 3};
		n->back = below(s, 500000);
		for (unsigned i = 0; i < MEMBERS; i++) {
			n->member[i] =
				(struct member){.node = n, .exists = i == 0 || chance(s, 700)};
			snprintf(n->member[i].name, sizeof(n->member[i].name), "r%u", i);
		}
	}
	advance(s, TROUBLE_S * 1000000ull);
	s->peace = true;
	s->loss = 0;
	advance(s, s->now + PEACE_S * 1000000ull);
	if (!s->failed)
		check_end(s);
	return !s->failed;
}

static void merge(void *into, const void *from)
{
	for (unsigned i = 0; i < COUNTS; i++)
		((uint64_t *)into)[i] += ((const uint64_t *)from)[i];
}

static void report_totals(const void *totals, uint64_t seeds, bool stats)
{
	const uint64_t *t = totals;

	(void)stats;
	printf("%llu seeds: elected %llu times, %llu faults, %llu of them in a promotion, "
	       "%llu commands\n",
	       (unsigned long long)seeds, (unsigned long long)t[MOVES],
	       (unsigned long long)t[FAULTS], (unsigned long long)t[TAKEN_BACK],
	       (unsigned long long)t[COMMANDS]);
}

int main(int argc, char **argv)
{
	const struct runner_program program = {
		.seeds = 1000,
		.totals_size = COUNTS * sizeof(uint64_t),
		.run = run,
		.merge = merge,
		.report = report_totals,
	};

	return runner_main(&program, argc, argv);
}
