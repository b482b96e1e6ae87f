/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The world of sim_election: nodes that run the election as vrrp_io does, a network, and time.
 * Included once. */
#ifndef SIM_ELECTION_WORLD_H
#define SIM_ELECTION_WORLD_H

#include <stdarg.h>
#include <string.h>

#include "../../daemon/takeover.h"
#include "../../sync/beat.h"
#include "vrouter/vrrp.h"

#define NODES	4
#define PACKETS 4096
#define BACKLOG                                                                                    \
	256 /* packets that wait for a paused node; a socket buffer holds about that many          \
	     */
#define PACKET_BYTES 40
#define LINGER	     10 /* intervals that the lifecycle waits for a successor */
#define DRAIN	     2	/* and at most for its replicas */
#define ASKED	     5	/* and whoever bids more for an ACTIVE that it asked to hand over */
#define NEVER	     UINT64_MAX
#define MISSES	     3 /* heartbeats */
#define BEATS	     4 /* heartbeats an interval */

struct packet {
	uint64_t at, order;
	unsigned term; /* of a heartbeat; 0: an advertisement */
	unsigned from, to;
	uint8_t len, b[PACKET_BYTES];
};

struct node {
	struct vrrp_cfg cfg;
	struct vrrp_inst v;
	struct ip_addr addr, active; /* active: who advertised more than 0 last */
	bool alive;
	uint64_t deadline, last_tx, active_since;
	uint64_t lower_since;  /* an ACTIVE is heard that bids less; NEVER: none */
	uint64_t paused_until; /* 0: runs */
	bool frozen;	       /* with the whole machine, which hears nothing meanwhile */
	uint64_t resign_until; /* NEVER: does not resign */
	/* its replication: a process of its own */
	uint64_t hung_until; /* 0: runs */
	unsigned term;	     /* of the stream that is sent, or followed */
	uint64_t beat_at;    /* ACTIVE: the next heartbeat; others: the next look */
	struct beat_watch watch;
	bool beatless; /* what its core makes of it, as vrrp_io does */
	uint64_t heard_at, woke_at, timer_at;
	uint64_t drained_at; /* NEVER: was not asked to hand over */
	bool older;	     /* of a version that does not hand over */
	struct takeover takeover;
	enum vrrp_why why; /* of its state */
	struct packet backlog[BACKLOG];
	unsigned n_backlog, backlog_term;
};

struct sim {
	uint64_t seed, rng, now, order;
	bool trace, failed;
	unsigned n;
	struct node node[NODES];
	uint8_t version;
	unsigned settle; /* intervals */
	bool mixed;	 /* not all have the same interval */
	bool in_order;	 /* as on a real link; trouble reorders, too */
	uint64_t last_at[NODES][NODES];
	bool cut[NODES][NODES];	     /* from, to */
	bool veto;		     /* replication is asked before a takeover */
	bool path_cut[NODES][NODES]; /* the same of replication */
	unsigned long vetoes, fast, handovers;
	unsigned term;		     /* the highest */
	unsigned loss, dup, corrupt; /* per mille */
	uint64_t delay_max;
	struct packet heap[PACKETS];
	unsigned n_heap;
	unsigned part;		     /* set of nodes that is watched for gaps */
	uint64_t gap_start, gap_max; /* NEVER: there is an ACTIVE */
	uint64_t two_start, two_max; /* NEVER: there are not two */
	bool settled;		     /* no trouble left: who preempts must be allowed to */
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
		.dst = vrrp_group(AF_INET),
		.ttl = VRRP_TTL,
	};
}

static struct vrrp_packet ours(const struct sim *s, unsigned i)
{
	return (struct vrrp_packet){
		.version = s->version,
		.vrid = 51,
		.adv_cs = s->node[i].cfg.adv_cs,
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
	struct vrrp_packet v = ours(s, from);
	struct packet p = {.from = from};

	v.prio = prio;
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

static void watch_span(struct sim *s, bool on, uint64_t *start, uint64_t *max)
{
	if (!on && *start != NEVER && s->now - *start > *max)
		*max = s->now - *start;
	if (!on)
		*start = NEVER;
	else if (*start == NEVER)
		*start = s->now;
}

static void watch_gap(struct sim *s)
{
	watch_span(s, actives(s, s->part) > 1, &s->two_start, &s->two_max);
	if (actives(s, s->part)) {
		if (s->gap_start != NEVER && s->now - s->gap_start > s->gap_max)
			s->gap_max = s->now - s->gap_start;
		s->gap_start = NEVER;
	} else if (s->gap_start == NEVER) {
		s->gap_start = s->now;
	}
}

static bool preempts(const struct node *n, uint8_t bid)
{
	return !n->v.gated && !n->v.blind && (n->cfg.preempt || n->cfg.prio == VRRP_PRIO_OWNER) &&
	       bid != VRRP_PRIO_BLIND && n->cfg.prio > bid;
}

/* In peace nobody becomes ACTIVE beside one whose advertisements it must have heard, unless it may
 * preempt. Not so with different intervals, which RFC 9568 forbids (a node that starts waits by its
 * own one, and who loses the dispute has taught others a wrong one), and not where delays exceed a
 * skew: a third node may hear a resigner's last packets after its successor's first. */
static void check_preempt(struct sim *s, unsigned i)
{
	const struct node *n = &s->node[i];

	if (s->mixed || s->delay_max > interval(s) / 300)
		return;
	for (unsigned a = 0; a < s->n; a++) {
		const struct node *other = &s->node[a];

		if (a == i || !(s->part >> a & 1) || !other->alive || other->paused_until ||
		    other->v.state != VRRP_ACTIVE || other->v.resigning ||
		    s->now - other->active_since <= s->delay_max + 20)
			continue;
		if (!preempts(n, vrrp_bid(&other->cfg, &other->v)))
			fail(s, "node %u must not preempt node %u", i, a);
	}
}

static void became(struct sim *s, unsigned i, enum vrrp_why why)
{
	struct node *n = &s->node[i];

	say(s, "node %u is %s (why %u)", i, vrrp_state_name(n->v.state), why);
	n->why = why;
	takeover_waits_no_more(&n->takeover);
	s->changes++;
	s->last_change = s->now;
	if (why == VRRP_WHY_WE_BID_MORE &&
	    (n->lower_since == NEVER || s->now - n->lower_since < n->cfg.preempt_delay_us))
		fail(s, "node %u preempts before its delay is over", i);
	n->lower_since = NEVER;
	if (n->v.state != VRRP_ACTIVE)
		return;
	n->active_since = s->now;
	if (s->settled && !n->v.boosted)
		check_preempt(s, i);
}

/* ---- heartbeats: engine_beat.c, and vrrp_fast.c at the core's side --------------------------- */

static uint64_t beat_every(const struct sim *s)
{
	return interval(s) / BEATS;
}

static uint64_t fast_at(const struct node *n)
{
	uint64_t since = n->heard_at > n->woke_at ? n->heard_at : n->woke_at;

	return n->beatless && n->v.state == VRRP_BACKUP && n->v.timer_why == VRRP_WHY_SILENCE
		       ? since + vrrp_fast_us(&n->cfg, &n->v)
		       : NEVER;
}

static void arm(struct sim *s, struct node *n)
{
	uint64_t at = fast_at(n) < n->deadline ? fast_at(n) : n->deadline;

	if (fast_at(n) != NEVER && at > s->now + vrrp_doubt_us(&n->v) / 6)
		at = s->now + vrrp_doubt_us(&n->v) / 6;
	n->timer_at = at == NEVER || at > s->now ? at : s->now;
}

static void set_beatless(struct sim *s, unsigned i, bool beatless)
{
	struct node *n = &s->node[i];

	beatless = beatless && n->cfg.fast && vrrp_may_be_fast(&n->v);
	if (n->beatless == beatless)
		return;
	n->beatless = beatless;
	if (n->watch.woke_at > n->woke_at)
		n->woke_at = n->watch.woke_at;
	arm(s, n);
}

static void send_beat(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	for (unsigned to = 0; to < s->n; to++) {
		struct packet p = {.from = i, .to = to, .term = n->term};

		if (to == i || s->path_cut[i][to] || chance(s, s->loss))
			continue;
		p.at = s->now + 20 + below(s, s->delay_max);
		p.order = s->order++;
		heap_push(s, &p);
	}
	n->beat_at = s->now + beat_every(s);
}

/* One that comes once the source is another one is of a stream that is not followed any more. */
static void hear_beat(struct sim *s, unsigned i, unsigned term)
{
	struct node *n = &s->node[i];

	if (term < n->term || n->v.state == VRRP_ACTIVE)
		return;
	n->term = term;
	beat_heard(&n->watch, beat_every(s), s->now);
	n->beat_at = beat_next(&n->watch, MISSES);
	set_beatless(s, i, false);
}

static void look_for_beats(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	/* an advertisement may have shown since that this means nothing: it is said once */
	if (!n->watch.missing && beat_look(&n->watch, MISSES, s->now)) {
		say(s, "node %u misses heartbeats", i);
		set_beatless(s, i, true);
	}
	n->beat_at = beat_next(&n->watch, MISSES);
}

static void on_beat_time(struct sim *s, unsigned i)
{
	if (s->node[i].v.state == VRRP_ACTIVE)
		send_beat(s, i);
	else
		look_for_beats(s, i);
}

/* Its stream ends, or begins. */
static void beats_role(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];
	bool active = n->v.state == VRRP_ACTIVE;

	n->watch = (struct beat_watch){.missing = false};
	n->beatless = false;
	n->beat_at = active && n->cfg.fast ? s->now : NEVER;
	if (active)
		n->term = ++s->term;
}

static void step(struct sim *s, unsigned i, struct vrrp_in in)
{
	struct node *n = &s->node[i];
	enum vrrp_state before = n->v.state;
	struct vrrp_out out = vrrp_step(&n->cfg, &n->v, in);

	s->order++;
	if (out.timer_us == VRRP_TIMER_OFF)
		n->deadline = NEVER;
	else if (out.timer_us != VRRP_TIMER_KEEP)
		n->deadline = s->now + out.timer_us;
	if (n->v.state != before)
		beats_role(s, i);
	arm(s, n);
	if (out.todo & VRRP_DO_ADVERT)
		broadcast(s, i, vrrp_bid(&n->cfg, &n->v));
	if (out.todo & VRRP_DO_RESIGN)
		broadcast(s, i, VRRP_PRIO_RESIGN);
	if (out.todo & VRRP_DO_BECOME)
		became(s, i, out.why);
	watch_gap(s);
}

static void event(struct sim *s, unsigned i, enum vrrp_event ev)
{
	bool worse = ev == VRRP_EV_RECONF && chance(s, 300);

	if (s->node[i].alive)
		step(s, i, (struct vrrp_in){.ev = ev, .worse = worse});
}

static bool is_blind(const struct node *n)
{
	return vrrp_bid(&n->cfg, &n->v) == VRRP_PRIO_BLIND;
}

static void gate(struct sim *s, unsigned i, bool gated, bool blind)
{
	say(s, "node %u: %sgated, %sblind", i, gated ? "" : "not ", blind ? "" : "not ");
	step(s, i,
	     (struct vrrp_in){
		     .ev = VRRP_EV_GATE, .gated = gated, .blind = blind, .sole = s->n == 2});
}

static void resign(struct sim *s, unsigned i)
{
	event(s, i, VRRP_EV_RESIGN);
	if (s->node[i].v.resigning)
		s->node[i].resign_until = s->now + LINGER * interval(s);
}

/* It drains first; what it is asked meanwhile changes nothing. */
static void ask_to_hand_over(struct sim *s, unsigned i)
{
	for (unsigned k = 0; k < s->n; k++) {
		struct node *n = &s->node[k];

		if (k == i || s->path_cut[i][k] || !n->alive || n->paused_until || n->older ||
		    n->v.state != VRRP_ACTIVE || n->v.resigning || n->drained_at != NEVER ||
		    chance(s, s->loss))
			continue;
		say(s, "node %u asks node %u to hand over", i, k);
		n->drained_at = s->now + below(s, DRAIN * interval(s));
	}
}

static void hand_over(struct sim *s, unsigned i)
{
	s->node[i].drained_at = NEVER;
	if (s->node[i].v.state != VRRP_ACTIVE || s->node[i].v.resigning)
		return;
	say(s, "node %u hands over", i);
	s->handovers++;
	resign(s, i);
}

/* As vrrp_io does it. */
static void hear(struct sim *s, const struct packet *p)
{
	const struct vrrp_packet mine = ours(s, p->to);
	struct vrrp_meta meta = meta_of(s, p->from);
	struct node *n = &s->node[p->to];
	struct vrrp_packet v;
	bool from_other;

	s->packets++;
	if (vrrp_decode(&v, &meta, p->b, p->len) != VRRP_OK || vrrp_match(&v, &mine) != VRRP_OK)
		return;
	from_other = n->active.family && !ip_addr_equal(&n->active, &meta.src);
	if (v.prio)
		n->active = meta.src;
	n->heard_at = s->now;
	n->beatless = false;
	if (v.prio >= n->cfg.prio)
		n->lower_since = NEVER;
	else if (v.prio && n->lower_since == NEVER)
		n->lower_since = s->now;
	step(s, p->to,
	     (struct vrrp_in){
		     .ev = VRRP_EV_ADVERT,
		     .prio = v.prio,
		     .adv_cs = v.adv_cs,
		     .now_us = s->now + 1, /* never 0 */
		     .from_higher_addr = ip_addr_cmp(&meta.src, &n->addr) > 0,
		     .from_other = from_other,
		     .overdue =
			     s->now - n->last_tx > (n->cfg.fast ? 3 : 6) * vrrp_adv_us(&n->cfg) / 2,
	     });
}

static void deliver(struct sim *s, const struct packet *p)
{
	struct node *n = &s->node[p->to];

	if (!n->alive || (n->frozen && n->paused_until))
		return;
	if (p->term) {
		/* what waits is heard when the process goes on, and says as much as the last of it
		 */
		if (!n->paused_until && !n->hung_until)
			hear_beat(s, p->to, p->term);
		else if (p->term >= n->backlog_term)
			n->backlog_term = p->term;
	} else if (!n->paused_until)
		hear(s, p);
	else if (n->n_backlog < BACKLOG)
		n->backlog[n->n_backlog++] = *p;
}

/* Its replication goes on: sockets come before timers. */
static void unhang(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	n->hung_until = 0;
	if (n->backlog_term)
		hear_beat(s, i, n->backlog_term);
	n->backlog_term = 0;
}

/* Packets that waited come before the timer. */
static void resume(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	say(s, "node %u goes on, %u packets waited", i, n->n_backlog);
	n->paused_until = 0;
	n->frozen = false;
	for (unsigned k = 0; k < n->n_backlog; k++)
		hear(s, &n->backlog[k]);
	n->n_backlog = 0;
	unhang(s, i);
}

static void crash(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	n->alive = false;
	n->deadline = NEVER;
	n->resign_until = NEVER;
	n->drained_at = NEVER;
	n->paused_until = 0;
	n->frozen = false;
	n->n_backlog = 0;
	n->backlog_term = 0;
	n->hung_until = 0;
	memset(&n->v, 0, sizeof(n->v));
	beats_role(s, i);
	arm(s, n);
	n->active.family = 0;
	watch_gap(s);
}

static void restart(struct sim *s, unsigned i)
{
	bool gated = chance(s, 300), blind = chance(s, 300);

	s->node[i].alive = true;
	gate(s, i, gated, blind);
	event(s, i, VRRP_EV_START);
}

/* Somebody answers that it is ACTIVE and well. The way there and back is not modelled: questions
 * are asked early enough. */
static bool vetoed(struct sim *s, unsigned i)
{
	for (unsigned k = 0; k < s->n && s->veto; k++) {
		const struct node *n = &s->node[k];

		if (k == i || s->path_cut[i][k] || s->path_cut[k][i] || !n->alive ||
		    n->paused_until || n->v.state != VRRP_ACTIVE || n->v.resigning ||
		    vrrp_bid(&n->cfg, &n->v) == VRRP_PRIO_BLIND || chance(s, s->loss))
			continue;
		s->vetoes++;
		return true;
	}
	return false;
}

static void on_timer(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];
	const struct vrrp_inst *v = &n->v;
	bool fast;

	if (fast_at(n) != NEVER && s->now - n->timer_at > vrrp_doubt_us(v) / 3) {
		say(s, "node %u stood still", i);
		n->woke_at = s->now;
	}
	fast = fast_at(n) <= s->now;
	if (!fast && n->deadline > s->now) {
		arm(s, n);
		return;
	}
	if (fast) {
		s->fast++;
		step(s, i, (struct vrrp_in){.ev = VRRP_EV_TIMER, .beatless = true});
		return;
	}

	bool overdue = s->now - s->node[i].last_tx > 3 * vrrp_adv_us(&s->node[i].cfg);
	bool asks = v->state == VRRP_ACTIVE ? overdue : v->timer_why == VRRP_WHY_SILENCE;
	bool held = asks && vetoed(s, i);

	if (v->state == VRRP_BACKUP && v->timer_why == VRRP_WHY_WE_BID_MORE) {
		held = takeover_waits(&s->node[i].takeover, s->now / 1000,
				      (uint32_t)(ASKED * interval(s) / 1000));
		if (held)
			ask_to_hand_over(s, i);
		step(s, i, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = held});
		return;
	}
	if (held)
		say(s, "node %u: another one answers that it is ACTIVE", i);
	step(s, i, (struct vrrp_in){.ev = VRRP_EV_TIMER, .held = held});
}

/* ---- time --------------------------------------------------------------------------------- */

static uint64_t node_due(const struct node *n)
{
	if (!n->alive)
		return NEVER;
	if (n->paused_until)
		return n->paused_until;
	uint64_t own = n->timer_at < n->resign_until ? n->timer_at : n->resign_until;
	uint64_t beats = n->hung_until ? n->hung_until : n->beat_at;

	own = own < n->drained_at ? own : n->drained_at;
	return own < beats ? own : beats;
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
	else if (n->hung_until && n->hung_until <= s->now)
		unhang(s, i);
	else if (!n->hung_until && n->beat_at <= s->now)
		on_beat_time(s, i);
	else if (n->timer_at <= s->now)
		on_timer(s, i);
	else if (n->drained_at <= s->now)
		hand_over(s, i);
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

#endif
