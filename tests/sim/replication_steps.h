/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time in the world of sim_replication.c: datagrams arrive, traffic flows, tables are compared. */
#ifndef REPLICATION_STEPS_H
#define REPLICATION_STEPS_H

#include "attacker.h"

#define BACKLOG_MAX 2000

/* ---- what is compared ---- */

static bool is_quiet(const struct node *n)
{
	return !n->kernel.ev_n && !n->kernel.overrun && !n->engine->sender.n &&
	       !n->engine->sender.has_ops && n->engine->hold.head == n->engine->hold.tail &&
	       !(n->engine->alarms & ENGINE_ALARM_OVERRUN) && !n->engine->expects.n_look &&
	       !n->kernel.adjust_next;
}

/* A replica has what the source has and its filter lets through; local flows are nobody's business.
 */
static bool is_wanted(const struct node *src, unsigned i)
{
	return model_is_there(&src->kernel, i) &&
	       (i == MODEL_FLOWS - 1 ||
		flow_filter_look(&src->filter, &src->kernel.flow[i]) == FILTER_IN);
}

static int first_difference(const struct node *src, const struct node *rep)
{
	const struct model_kernel *a = &src->kernel, *b = &rep->kernel;

	for (unsigned i = 0; i < MODEL_FLOWS; i = model_next(a, i))
		if (is_wanted(src, i) != model_is_there(b, i) ||
		    (model_is_there(b, i) && (!flow_equal(&a->flow[i], &b->flow[i]) ||
					      !flow_rare_equal(&a->flow[i], &b->flow[i]))))
			return (int)i;
	return -1;
}

static void show_difference(struct sim *s, const struct node *src, const struct node *rep, int id)
{
	char a[FLOW_STRLEN] = "nothing", b[FLOW_STRLEN] = "nothing";

	if (model_is_there(&src->kernel, (unsigned)id))
		flow_format(&src->kernel.flow[id], a);
	if (model_is_there(&rep->kernel, (unsigned)id))
		flow_format(&rep->kernel.flow[id], b);
	broken(s, "G1: flow %d differs\n  source  %u: %s\n  replica %u: %s", id, src->index, a,
	       rep->index, b);
}

/* Of masters that are replicated. */
static int expect_difference(const struct node *src, const struct node *rep)
{
	for (unsigned i = 0; i < src->kernel.flows; i++) {
		const struct expect *x = &src->kernel.expect[i], *y = &rep->kernel.expect[i];
		bool told = x->proto && is_wanted(src, i);

		if (told != !!y->proto || (told && !expect_equal(x, y)))
			return (int)i;
	}
	return -1;
}

static void compare_tables(struct sim *s, const struct node *src, const struct node *rep)
{
	int id = first_difference(src, rep);
	const struct expect *x, *y;

	if (id >= 0) {
		show_difference(s, src, rep, id);
		return;
	}
	id = expect_difference(src, rep);
	if (id < 0)
		return;
	x = &src->kernel.expect[id];
	y = &rep->kernel.expect[id];
	broken(s,
	       "G1: what flow %d expects differs: source %u version %u, replica %u version %u "
	       "(0: nothing)",
	       id, src->index, x->proto ? model_expect_version(x) : 0, rep->index,
	       y->proto ? model_expect_version(y) : 0);
}

/* READY and up to date is a promise. Returns how many replicas are so. */
static unsigned check_ready(struct sim *s, const struct node *src)
{
	unsigned n = 0;

	if (!is_quiet(src))
		return 0;
	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *rep = &s->node[i];
		struct engine_status st;

		if (!rep->alive || rep->dead || rep == src || rep->tampered || rep->trail_until)
			continue;
		if (!stream_key_equal(&rep->engine->stream, &src->engine->stream) || rep->n_queue ||
		    rep->engine->rep.uncommitted)
			continue;
		engine_status(rep->engine, &st);
		if (st.phase != ENGINE_READY || st.seq != src->engine->sender.seq)
			continue;
		n++;
		compare_tables(s, src, rep);
	}
	return n;
}

static void check_all(struct sim *s)
{
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (is_active(&s->node[i]))
			(void)check_ready(s, &s->node[i]);
}

/* ---- world ---- */

/* The socket's buffer of a stopped process holds some. */
static bool keep_for_later(struct sim *s, struct node *n, struct packet *p)
{
	struct packet **at = &s->due[(s->now + DELAY_MAX - 1) % DELAY_MAX];

	if (n->backlog >= BACKLOG_MAX)
		return false;
	n->backlog++;
	while (*at)
		at = &(*at)->next;
	p->next = NULL;
	*at = p;
	return true;
}

static void deliver(struct sim *s)
{
	struct packet *p = s->due[s->now % DELAY_MAX];

	s->due[s->now % DELAY_MAX] = NULL;
	while (p) {
		struct packet *next = p->next;
		struct node *n = &s->node[p->to];

		if (n->paused_until > s->now && n->alive) {
			if (keep_for_later(s, n, p))
				p = NULL;
		} else if (n->alive && !n->dead && !s->cut[p->from][p->to]) {
			node_on_datagram(s, n, p);
			check_stream(n);
		}
		free(p);
		p = next;
	}
}

static void traffic(struct sim *s, struct node *n)
{
	unsigned changes = s->traffic / 1000 + chance(s, s->traffic % 1000);

	if (s->now % s->period >= s->on)
		return;
	if (chance(s, 3))
		changes += s->burst;
	while (changes-- && s->version + 1 < VERSION_MAX) {
		unsigned id = rnd(s, s->n_flows), what = rnd(s, 10);

		if (!model_is_there(&n->kernel, id)) {
			s->version++;
			s->life_of_version[s->version] = ++s->life[id];
			model_traffic_new(&n->kernel, id, rnd(s, s->n_ports), s->version);
		} else if (what < 3) {
			model_traffic_destroy(&n->kernel, id);
			/* its NAT port goes to the next flow at once */
		} else {
			s->version++;
			s->life_of_version[s->version] =
				s->life_of_version[n->kernel.flow[id].mark];
			model_traffic_update(&n->kernel, id, rnd(s, 24), s->version);
		}
	}
}

/* Control connections announce, and what they announced comes or does not. */
static void expectations(struct sim *s, struct node *n)
{
	unsigned id = rnd(s, s->n_flows) / 5 * 5;

	if (s->now % s->period >= s->on || !chance(s, s->traffic / 10) || !s->traffic ||
	    !model_is_there(&n->kernel, id))
		return;
	if (chance(s, 400))
		model_expect_end(&n->kernel, id);
	else
		model_expect_new(&n->kernel, id, ++s->expect_version, s->now + rnd(s, 3));
}

static void step(struct sim *s)
{
	s->now++;
	deliver(s);
	if (s->attacker)
		attacker_step(s->attacker, s);
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (is_active(&s->node[i]) || s->node[i].trail_until)
			traffic(s, &s->node[i]);
	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (is_active(&s->node[i]))
			expectations(s, &s->node[i]);
		model_adjust(&s->node[i].kernel, s->now);
	}
	for (unsigned i = 0; i < s->n_nodes; i++)
		node_step(s, &s->node[i]);
}

static uint64_t node_due(const struct sim *s, const struct node *n)
{
	const struct model_kernel *k = &n->kernel;
	uint64_t at = n->run_at > n->paused_until ? n->run_at : n->paused_until;

	if (n->pulse.self && n->pulse.due < at)
		at = n->pulse.due > n->paused_until ? n->pulse.due : n->paused_until;
	if (n->dead || n->input || has_events(n))
		return s->now + 1;
	return k->adjust_next && k->adjust_next < at ? k->adjust_next : at;
}

/* The next millisecond in which something happens: without traffic most of them are empty. */
static uint64_t next_due(const struct sim *s)
{
	uint64_t at = s->attacker ? (s->attacker->next_us + 999) / 1000 : UINT64_MAX;

	if (s->traffic || s->burst) {
		uint64_t t = s->now + 1, in = t % s->period;

		if (in < s->on)
			return t;
		at = engine_min(at, t - in + s->period);
	}
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (s->node[i].alive && node_due(s, &s->node[i]) < at)
			at = node_due(s, &s->node[i]);
	for (unsigned d = 1; d < DELAY_MAX && s->now + d < at; d++)
		if (s->due[(s->now + d) % DELAY_MAX])
			at = s->now + d;
	return at > s->now ? at : s->now + 1;
}

static void steps(struct sim *s, unsigned ms)
{
	uint64_t end = s->now + ms;

	while (s->now < end && !s->failed) {
		uint64_t before = s->now, at = next_due(s);

		s->now = (at < end ? at : end) - 1;
		step(s);
		if ((before + 1) / s->period != (s->now + 1) / s->period)
			check_all(s);
	}
}

static unsigned find_active(struct sim *s)
{
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (is_active(&s->node[i]))
			return i;
	return NOBODY;
}

/* Somebody living, preferably not `other`. */
static unsigned pick_alive(struct sim *s, unsigned other)
{
	unsigned start = rnd(s, s->n_nodes);

	for (unsigned i = 0; i < s->n_nodes; i++) {
		unsigned c = (start + i) % s->n_nodes;

		if (s->node[c].alive && c != other)
			return c;
	}
	return other;
}

#endif
