/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elections among 2 to 4 controllers, each the real state machine and codec, on a virtual clock and
 * a network that loses, delays, duplicates, corrupts and cuts. Everything comes from one seed:
 *
 *   sim_election [--seeds N] [--seed N]      (--seed replays one and prints what happened)
 *
 * Each seed first makes trouble (cuts, also one-way; pauses, crashes, restarts, resignations,
 * promotions by hand, gates, new priorities), then stops it and checks:
 *
 *  1. SETTLE intervals later each connected part has exactly one ACTIVE, nobody who may preempt
 *     bids more than it does, and from then on nothing changes any more. SETTLE adds up from: 10
 *     until the lifecycle's bound on a resignation, 4 to miss the ACTIVE, 1 for a dispute of two,
 *     4 to preempt, 3 claims of a promotion and 4 to preempt after them, 2 for packets in flight.
 *  2. Four calm transitions, in random order: a resignation leaves no moment without ACTIVE; a stop
 *     no longer one than the shortest skew and a packet's delay; a crash no longer one than the
 *     shortest Active_Down and a delay; a promotion is done within two delays. */
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "vrouter/vrrp.h"

#define NODES	4
#define PACKETS 4096
#define BACKLOG                                                                                    \
	256 /* packets that wait for a paused node; a socket buffer holds about that many          \
	     */
#define PACKET_BYTES 32
#define SETTLE	     28
#define LINGER	     10 /* intervals that the lifecycle waits for a successor */
#define NEVER	     UINT64_MAX

struct packet {
	uint64_t at, order;
	unsigned from, to;
	uint8_t len, b[PACKET_BYTES];
};

struct node {
	struct vrrp_cfg cfg;
	struct vrrp_inst v;
	struct ip_addr addr;
	bool alive;
	uint64_t deadline, last_tx;
	uint64_t paused_until; /* 0: runs */
	uint64_t resign_until; /* NEVER: does not resign */
	struct packet backlog[BACKLOG];
	unsigned n_backlog;
};

struct sim {
	uint64_t seed, rng, now, order;
	bool trace, failed;
	unsigned n;
	struct node node[NODES];
	bool in_order; /* as on a real link; trouble reorders, too */
	uint64_t last_at[NODES][NODES];
	bool cut[NODES][NODES];	     /* from, to */
	unsigned loss, dup, corrupt; /* per mille */
	uint64_t delay_max;
	struct packet heap[PACKETS];
	unsigned n_heap;
	unsigned part;		     /* set of nodes that is watched for gaps */
	uint64_t gap_start, gap_max; /* NEVER: there is an ACTIVE */
	uint64_t last_change;
	unsigned long packets, changes, overflow;
};

/* ---- small things ------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t next_random(struct sim *s)
{
	uint64_t z = s->rng += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t below(struct sim *s, uint64_t n)
{
	return next_random(s) % n;
}

static bool chance(struct sim *s, unsigned per_mille)
{
	return below(s, 1000) < per_mille;
}

printf_like(2, 3) static void say(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->trace)
		return;
	printf("%10llu.%03llu ms  ", (unsigned long long)s->now / 1000,
	       (unsigned long long)s->now % 1000);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

printf_like(2, 3) static void fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failed)
		return;
	s->failed = true;
	printf("seed %llu failed at %llu us: ", (unsigned long long)s->seed,
	       (unsigned long long)s->now);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static uint64_t interval(const struct sim *s)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (vrrp_adv_us(&s->node[i].cfg) > max)
			max = vrrp_adv_us(&s->node[i].cfg);
	return max;
}

/* ---- network ------------------------------------------------------------------------------ */

static bool earlier(const struct packet *a, const struct packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct sim *s, const struct packet *p)
{
	unsigned i = s->n_heap;

	if (s->n_heap == PACKETS) {
		s->overflow++;
		return;
	}
	for (s->n_heap++; i && earlier(p, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = *p;
}

static struct packet heap_pop(struct sim *s)
{
	struct packet top = s->heap[0], last = s->heap[--s->n_heap];
	unsigned i = 0;

	for (;;) {
		unsigned c = 2 * i + 1;

		if (c >= s->n_heap)
			break;
		if (c + 1 < s->n_heap && earlier(&s->heap[c + 1], &s->heap[c]))
			c++;
		if (!earlier(&s->heap[c], &last))
			break;
		s->heap[i] = s->heap[c];
		i = c;
	}
	s->heap[i] = last;
	return top;
}

static struct vrrp_meta meta_of(const struct sim *s, unsigned from)
{
	return (struct vrrp_meta){
		.src = s->node[from].addr,
		.dst = ip_addr_v4(htonl(VRRP_GROUP_V4)),
		.ttl = VRRP_TTL,
	};
}

static struct vrrp_packet ours(void)
{
	return (struct vrrp_packet){
		.vrid = 51,
		.n_addrs = 2,
		.addrs = {ip_addr_v4(htonl(0x0a140001)), ip_addr_v4(htonl(0xc6120001))},
	};
}

static void send_copy(struct sim *s, const struct packet *p, unsigned to)
{
	struct packet copy = *p;

	if (s->cut[p->from][to] || chance(s, s->loss))
		return;
	copy.to = to;
	copy.at = s->now + 20 + below(s, s->delay_max);
	if (s->in_order && copy.at < s->last_at[p->from][to])
		copy.at = s->last_at[p->from][to];
	s->last_at[p->from][to] = copy.at;
	copy.order = s->order++;
	if (chance(s, s->corrupt))
		copy.b[below(s, copy.len)] ^= (uint8_t)(1 + below(s, 255));
	heap_push(s, &copy);
}

static void broadcast(struct sim *s, unsigned from, uint8_t prio)
{
	struct vrrp_meta meta = meta_of(s, from);
	struct vrrp_packet v = ours();
	struct packet p = {.from = from};

	v.prio = prio;
	v.adv_cs = s->node[from].cfg.adv_cs;
	p.len = (uint8_t)vrrp_encode(&v, &meta, p.b, sizeof(p.b));
	if (!p.len)
		fail(s, "node %u could not encode", from);
	s->node[from].last_tx = s->now;
	for (unsigned to = 0; to < s->n; to++) {
		if (to == from)
			continue;
		send_copy(s, &p, to);
		if (chance(s, s->dup))
			send_copy(s, &p, to);
	}
}

/* ---- nodes -------------------------------------------------------------------------------- */

static unsigned actives(const struct sim *s, unsigned set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (set & 1u << i && s->node[i].alive && s->node[i].v.state == VRRP_ACTIVE)
			n++;
	return n;
}

static void watch_gap(struct sim *s)
{
	if (actives(s, s->part)) {
		if (s->gap_start != NEVER && s->now - s->gap_start > s->gap_max)
			s->gap_max = s->now - s->gap_start;
		s->gap_start = NEVER;
	} else if (s->gap_start == NEVER) {
		s->gap_start = s->now;
	}
}

static void step(struct sim *s, unsigned i, struct vrrp_in in)
{
	struct node *n = &s->node[i];
	struct vrrp_out out = vrrp_step(&n->cfg, &n->v, in);

	s->order++;
	if (out.timer_us == VRRP_TIMER_OFF)
		n->deadline = NEVER;
	else if (out.timer_us != VRRP_TIMER_KEEP)
		n->deadline = s->now + out.timer_us;
	if (out.todo & VRRP_DO_ADVERT)
		broadcast(s, i, vrrp_bid(&n->cfg, &n->v));
	if (out.todo & VRRP_DO_RESIGN)
		broadcast(s, i, VRRP_PRIO_RESIGN);
	if (out.todo & VRRP_DO_BECOME) {
		say(s, "node %u is %s (why %u)", i, vrrp_state_name(n->v.state), out.why);
		s->changes++;
		s->last_change = s->now;
	}
	watch_gap(s);
}

static void event(struct sim *s, unsigned i, enum vrrp_event ev)
{
	if (s->node[i].alive)
		step(s, i, (struct vrrp_in){.ev = ev});
}

static void gate(struct sim *s, unsigned i, bool gated)
{
	step(s, i, (struct vrrp_in){.ev = VRRP_EV_GATE, .gated = gated});
}

static void resign(struct sim *s, unsigned i)
{
	event(s, i, VRRP_EV_RESIGN);
	if (s->node[i].v.resigning)
		s->node[i].resign_until = s->now + LINGER * interval(s);
}

/* As vrrp_io does it. */
static void hear(struct sim *s, const struct packet *p)
{
	const struct vrrp_packet mine = ours();
	struct vrrp_meta meta = meta_of(s, p->from);
	struct node *n = &s->node[p->to];
	struct vrrp_packet v;

	s->packets++;
	if (vrrp_decode(&v, &meta, p->b, p->len) != VRRP_OK || vrrp_match(&v, &mine) != VRRP_OK)
		return;
	step(s, p->to,
	     (struct vrrp_in){
		     .ev = VRRP_EV_ADVERT,
		     .prio = v.prio,
		     .adv_cs = v.adv_cs,
		     .from_higher_addr = ip_addr_cmp(&meta.src, &n->addr) > 0,
		     .overdue = s->now - n->last_tx > 3 * vrrp_adv_us(&n->cfg),
	     });
}

static void deliver(struct sim *s, const struct packet *p)
{
	struct node *n = &s->node[p->to];

	if (!n->alive)
		return;
	if (!n->paused_until)
		hear(s, p);
	else if (n->n_backlog < BACKLOG)
		n->backlog[n->n_backlog++] = *p;
}

/* Packets that waited come before the timer. */
static void resume(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	say(s, "node %u goes on, %u packets waited", i, n->n_backlog);
	n->paused_until = 0;
	for (unsigned k = 0; k < n->n_backlog; k++)
		hear(s, &n->backlog[k]);
	n->n_backlog = 0;
}

static void crash(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	n->alive = false;
	n->deadline = NEVER;
	n->resign_until = NEVER;
	n->paused_until = 0;
	n->n_backlog = 0;
	memset(&n->v, 0, sizeof(n->v));
	watch_gap(s);
}

static void restart(struct sim *s, unsigned i)
{
	bool gated = chance(s, 300);

	s->node[i].alive = true;
	gate(s, i, gated);
	event(s, i, VRRP_EV_START);
}

/* ---- time --------------------------------------------------------------------------------- */

static uint64_t node_due(const struct node *n)
{
	if (!n->alive)
		return NEVER;
	if (n->paused_until)
		return n->paused_until;
	return n->deadline < n->resign_until ? n->deadline : n->resign_until;
}

/* The lifecycle does not wait for a successor for ever. */
static void give_up_resigning(struct sim *s, unsigned i)
{
	s->node[i].resign_until = NEVER;
	if (!s->node[i].v.resigning)
		return;
	if (chance(s, 500)) {
		event(s, i, VRRP_EV_STAY);
		return;
	}
	event(s, i, VRRP_EV_STOP);
	event(s, i, VRRP_EV_START);
}

static void run_node(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	if (n->paused_until)
		resume(s, i);
	else if (n->deadline <= s->now)
		event(s, i, VRRP_EV_TIMER);
	else
		give_up_resigning(s, i);
}

static void advance(struct sim *s, uint64_t until)
{
	while (!s->failed) {
		uint64_t at = s->n_heap ? s->heap[0].at : NEVER;
		unsigned who = NODES;

		for (unsigned i = 0; i < s->n; i++) {
			if (node_due(&s->node[i]) < at) {
				at = node_due(&s->node[i]);
				who = i;
			}
		}
		if (at > until)
			break;
		if (at > s->now)
			s->now = at;
		if (who < NODES) {
			run_node(s, who);
		} else {
			struct packet p = heap_pop(s);

			deliver(s, &p);
		}
	}
	s->now = until;
}

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
}

static void trouble_node(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	switch (below(s, 8)) {
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
		say(s, "node %u changes its gate", i);
		gate(s, i, !n->v.gated);
		break;
	case 6:
		random_cfg(s, &n->cfg);
		say(s, "node %u bids %u now, preempt %d", i, n->cfg.prio, n->cfg.preempt);
		event(s, i, VRRP_EV_RECONF);
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
	} else if (!n->alive) {
		say(s, "node %u starts", i);
		restart(s, i);
	} else if (!n->paused_until) {
		trouble_node(s, i);
	}
}

static void calm(struct sim *s, unsigned side)
{
	s->loss = s->dup = s->corrupt = 0;
	s->delay_max = 1 + below(s, interval(s) / 50);
	s->in_order = true;
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			s->cut[a][b] = (side >> a & 1) != (side >> b & 1);
	for (unsigned i = 0; i < s->n; i++) {
		if (s->node[i].alive && s->node[i].paused_until)
			resume(s, i);
		if (!s->node[i].alive && chance(s, 900))
			restart(s, i);
	}
	say(s, "trouble ends, one side is %x", side);
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

static void check_part(struct sim *s, unsigned set)
{
	if (!alive_in(s, set))
		return;
	if (actives(s, set) != 1) {
		fail(s, "%u ACTIVE in part %x", actives(s, set), set);
		return;
	}

	const struct node *a = &s->node[the_active(s, set)];
	uint8_t bid = vrrp_bid(&a->cfg, &a->v);

	for (unsigned i = 0; i < s->n; i++) {
		const struct node *b = &s->node[i];
		bool may = b->cfg.prio == VRRP_PRIO_OWNER || b->cfg.preempt;

		if (set >> i & 1 && b->alive && b != a && may && !b->v.gated && b->cfg.prio > bid)
			fail(s, "the ACTIVE bids %u, node %u bids %u", bid, i, b->cfg.prio);
	}
}

static void check_settled(struct sim *s, unsigned side)
{
	unsigned all = (1u << s->n) - 1;
	unsigned long changes = s->changes;

	check_part(s, side);
	check_part(s, all & ~side);
	advance(s, s->now + 20 * interval(s));
	if (s->changes != changes)
		fail(s, "not stable after it settled");
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
	gate(s, a, true);
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

static void calm_crash(struct sim *s, unsigned set, unsigned a)
{
	uint64_t max = least(s, set, vrrp_down_us) + s->delay_max + 20;

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

static void calm_transitions(struct sim *s, unsigned set)
{
	static void (*const transition[])(struct sim *, unsigned, unsigned) = {
		calm_resign, calm_stop, calm_crash, calm_boost};

	for (int i = 0; i < 4 && !s->failed && alive_in(s, set) > 1; i++) {
		s->part = set;
		s->gap_start = NEVER;
		s->gap_max = 0;
		transition[below(s, ARRAY_LEN(transition))](s, set, the_active(s, set));
		advance(s, s->now + SETTLE * interval(s));
		if (!s->failed)
			check_part(s, set);
	}
}

/* ---- one seed ----------------------------------------------------------------------------- */

static void set_up(struct sim *s)
{
	static const uint16_t adv[] = {1, 10, 100};
	uint16_t common = adv[below(s, ARRAY_LEN(adv))];
	bool mixed = chance(s, 150);

	s->n = 2 + (unsigned)below(s, NODES - 1);
	s->gap_start = NEVER;
	for (unsigned i = 0; i < s->n; i++) {
		struct node *n = &s->node[i];

		random_cfg(s, &n->cfg);
		n->cfg.adv_cs = mixed ? adv[below(s, ARRAY_LEN(adv))] : common;
		n->addr = ip_addr_v4(htonl(0x0a14000b + (i * 7 + (uint32_t)s->seed) % 29));
		n->deadline = NEVER;
		n->resign_until = NEVER;
		say(s, "node %u: prio %u interval %u cs preempt %d", i, n->cfg.prio, n->cfg.adv_cs,
		    n->cfg.preempt);
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

	set_up(s);
	for (unsigned i = 0; i < s->n; i++)
		restart(s, i);
	for (unsigned i = 0; i < actions && !s->failed; i++) {
		advance(s, s->now + below(s, 5 * interval(s)));
		trouble(s);
	}
	side = chance(s, 300) ? (unsigned)below(s, 1u << s->n) : (1u << s->n) - 1;
	calm(s, side);
	start = s->now;
	advance(s, start + SETTLE * interval(s));
	uint64_t took = s->last_change > start ? (s->last_change - start) / interval(s) : 0;

	if (!s->failed)
		check_settled(s, side);
	if (!s->failed)
		calm_transitions(s, side);
	if (s->overflow)
		fail(s, "%lu packets did not fit", s->overflow);
	return took;
}

static bool parse(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 0);
	return *text && !*end;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	uint64_t first = 1, n = 5000, longest = 0, packets = 0, changes = 0;
	struct sim *s = malloc(sizeof(*s));
	bool trace = false, failed = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || !parse(optarg, c == 's' ? &first : &n))
			return 2;
		trace |= c == 's';
	}
	if (!s)
		return 2;
	for (uint64_t seed = first; seed < first + (trace ? 1 : n); seed++) {
		memset(s, 0, sizeof(*s));
		s->seed = s->rng = seed;
		s->trace = trace;

		uint64_t took = run_seed(s);

		longest = took > longest ? took : longest;
		packets += s->packets;
		changes += s->changes;
		failed |= s->failed;
	}
	printf("%llu seeds, %llu packets, %llu state changes, settled within %llu intervals: %s\n",
	       (unsigned long long)(trace ? 1 : n), (unsigned long long)packets,
	       (unsigned long long)changes, (unsigned long long)longest + 1,
	       failed ? "FAILED" : "ok");
	free(s);
	return failed;
}
