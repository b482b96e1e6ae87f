/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seeded simulation of replication: 2 to 5 engines, each on a model of a kernel, a network that
 * loses, duplicates, delays, reorders and partitions, and an operator and a murderer who promote,
 * switch, crash and restart. One step is a millisecond.
 *
 * Checked, by the numbers of docs/protocol.md:
 *  G1 after the last fault all replicas become READY and equal within QUIET_MS; and whenever a
 *     replica is READY and has applied all that a quiet source sent, the tables are equal
 *  G2 no put of a flow's life that the stream has ended; the final tables are equal (G1)
 *  G3 live changes of a flow are applied in the order of their versions; nothing is listed that is
 *     older than what was applied
 *  G4 an engine never goes to a stream of lower rank, nor between two of the same rank
 *  -- a replica that comes back with its old table is listed little more than what differs
 *  G6 hashes are kept during repairs only; ring and reorder buffer within their bounds
 * It looks into the engine (engine_impl.h) to tell listed flows from live ones. */
#include <getopt.h>

#include "replication_world.h"

#define QUIET_MS 90000

/* ---- what is compared ---- */

static bool is_quiet(const struct node *n)
{
	return !n->kernel.ev_n && !n->kernel.overrun && !n->engine->sender.n &&
	       !n->engine->sender.has_ops && n->engine->hold.head == n->engine->hold.tail &&
	       !(n->engine->alarms & ENGINE_ALARM_OVERRUN);
}

static int first_difference(const struct model_kernel *a, const struct model_kernel *b)
{
	for (unsigned i = 0; i < MODEL_FLOWS; i++)
		if (model_is_there(a, i) != model_is_there(b, i) ||
		    (model_is_there(a, i) && (!flow_equal(&a->flow[i], &b->flow[i]) ||
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

/* READY and up to date is a promise. Returns how many replicas are so. */
static unsigned check_ready(struct sim *s, const struct node *src)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *rep = &s->node[i];
		struct engine_status st;
		int id;

		if (!rep->alive || rep == src)
			continue;
		engine_status(rep->engine, &st);
		if (st.phase != ENGINE_READY ||
		    !stream_key_equal(&rep->engine->stream, &src->engine->stream) ||
		    st.seq != src->engine->sender.seq || rep->n_queue ||
		    rep->engine->rep.uncommitted || !is_quiet(src))
			continue;
		n++;
		id = first_difference(&src->kernel, &rep->kernel);
		if (id >= 0)
			show_difference(s, src, rep, id);
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

static void deliver(struct sim *s)
{
	struct packet *p = s->due[s->now % DELAY_MAX];

	s->due[s->now % DELAY_MAX] = NULL;
	while (p) {
		struct packet *next = p->next;
		struct node *n = &s->node[p->to];

		if (n->alive && !s->cut[p->from][p->to]) {
			engine_on_datagram(n->engine, &p->h, p->body, p->len, s->now);
			check_stream(n);
			n->input = true;
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

static void step(struct sim *s)
{
	s->now++;
	deliver(s);
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (is_active(&s->node[i]))
			traffic(s, &s->node[i]);
	for (unsigned i = 0; i < s->n_nodes; i++)
		node_step(s, &s->node[i]);
}

static void steps(struct sim *s, unsigned ms)
{
	while (ms-- && !s->failed) {
		step(s);
		if (s->now % s->period == s->period - 1)
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

/* ---- faults ---- */

static void fault_crash(struct sim *s)
{
	unsigned old = find_active(s), next;

	if (old == NOBODY)
		return;
	node_stop(s, old);
	steps(s, 20 + rnd(s, 400));
	next = pick_alive(s, old);
	if (next != old)
		node_promote(s, next);
	steps(s, rnd(s, 1500));
	node_start(s, old, chance(s, 500));
}

/* Who was READY when the drain began holds all that was sent until then. */
static void check_drained(struct sim *s, struct node *src)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct node *rep = &s->node[i];
		struct peer *p = rep->alive && rep != src
					 ? peers_find(&src->engine->peers, rep->engine->conf.self)
					 : NULL;
		int id;

		if (!p || !p->drained_for || p->lost)
			continue;
		id = first_difference(&src->kernel, &rep->kernel);
		if (id >= 0)
			show_difference(s, src, rep, id);
	}
}

static void drain_quietly(struct sim *s, struct node *n)
{
	unsigned traffic = s->traffic, burst = s->burst;

	s->traffic = 0;
	s->burst = 0;
	for (unsigned i = 0; i < 300 && !is_quiet(n); i++)
		steps(s, 1);
	if (is_quiet(n)) {
		n->drained = false;
		engine_drain(n->engine, 500, s->now);
		n->run_at = s->now;
		for (unsigned i = 0; i < 600 && !n->drained; i++)
			steps(s, 1);
		if (n->drained && n->drain_ok)
			check_drained(s, n);
	}
	s->traffic = traffic;
	s->burst = burst;
}

static void fault_switchover(struct sim *s)
{
	unsigned old = find_active(s), next = pick_alive(s, old);
	struct node *n;

	if (old == NOBODY || next == old)
		return;
	n = &s->node[old];
	if (chance(s, 500))
		drain_quietly(s, n);
	n->drained = false;
	trace(s, "node %u drains", old);
	engine_drain(n->engine, 500, s->now);
	n->run_at = s->now;
	for (unsigned i = 0; i < 600 && !n->drained; i++)
		steps(s, 1);
	if (!n->drained)
		broken(s, "no answer to a drain");
	trace(s, "drained: %d", n->drain_ok);
	if (chance(s, 500)) {
		node_promote(s, next);
		steps(s, rnd(s, 20));
		node_demote(s, old);
	} else {
		node_demote(s, old);
		steps(s, rnd(s, 20));
		node_promote(s, next);
	}
}

static void fault_restart_engine(struct sim *s)
{
	unsigned i = rnd(s, s->n_nodes);
	bool was_active = is_active(&s->node[i]);

	if (!s->node[i].alive)
		return;
	node_stop(s, i);
	if (chance(s, 500))
		steps(s, rnd(s, 1500));
	node_start(s, i, !was_active && chance(s, 300));
	if (was_active) { /* the router itself went on: blank engine, filled kernel */
		steps(s, rnd(s, 3));
		if (find_active(s) == NOBODY)
			node_promote(s, i);
	}
}

static void heal(struct sim *s)
{
	memset(s->cut, 0, sizeof(s->cut));
}

static void fault_partition(struct sim *s)
{
	unsigned side = 1 + rnd(s, (1u << s->n_nodes) - 2), active = find_active(s), other;
	bool one_way = chance(s, 300);

	for (unsigned i = 0; i < s->n_nodes; i++)
		for (unsigned j = 0; j < s->n_nodes; j++)
			s->cut[i][j] =
				(side >> i & 1) != (side >> j & 1) && !(one_way && side >> i & 1);
	trace(s, "partition %x%s", side, one_way ? ", one way" : "");
	steps(s, 100 + rnd(s, 1500));
	other = pick_alive(s, active);
	if (active != NOBODY && other != active && chance(s, 600) &&
	    (side >> active & 1) != (side >> other & 1)) {
		node_promote(s, other); /* two sources */
		steps(s, rnd(s, 1500));
		heal(s);
		trace(s, "healed");
		steps(s, rnd(s, 300));
		node_demote(s, chance(s, 500) ? active : other);
		return;
	}
	heal(s);
	trace(s, "healed");
}

static void fault_table_full(struct sim *s)
{
	unsigned i = rnd(s, s->n_nodes);
	struct node *n = &s->node[i];

	if (!n->alive || is_active(n))
		return;
	n->kernel.cap = 1 + rnd(s, s->n_flows);
	trace(s, "node %u has room for %u flows", i, n->kernel.cap);
	steps(s, rnd(s, 3000));
	n->kernel.cap = MODEL_FLOWS;
}

/* Somebody deletes flows on a replica by hand; their next change brings them back. */
static void fault_deleted(struct sim *s)
{
	unsigned active = find_active(s), i = rnd(s, s->n_nodes);
	struct model_kernel *src;

	if (active == NOBODY || i == active || !s->node[i].alive || s->node[i].n_queue)
		return;
	src = &s->node[active].kernel;
	trace(s, "flows deleted on node %u", i);
	for (unsigned id = 0; id < s->n_flows && s->version + 1 < VERSION_MAX;
	     id += 1 + rnd(s, 9)) {
		if (!model_is_there(src, id) || !model_is_there(&s->node[i].kernel, id))
			continue;
		model_remove(&s->node[i].kernel, id);
		s->version++;
		s->life_of_version[s->version] = s->life_of_version[src->flow[id].mark];
		model_traffic_update(src, id, rnd(s, 24), s->version);
	}
}

static void fault(struct sim *s)
{
	static void (*const kind[])(struct sim * s) = {
		fault_crash,	 fault_switchover, fault_restart_engine,
		fault_partition, fault_table_full, fault_deleted,
	};

	kind[rnd(s, ARRAY_LEN(kind))](s);
	if (find_active(s) == NOBODY)
		node_promote(s, pick_alive(s, NOBODY));
	steps(s, rnd(s, 2000));
}

/* ---- a run ---- */

static void set_up(struct sim *s)
{
	s->rng = s->seed * 0x2545f4914f6cdd1du;
	s->n_nodes = 2 + rnd(s, NODES_MAX - 1);
	s->n_flows = 5 + rnd(s, rnd(s, 3) ? 60 : MODEL_FLOWS - 10);
	s->n_ports = s->n_flows + rnd(s, s->n_flows);
	s->loss = chance(s, 300) ? 0 : rnd(s, 300);
	s->dup = chance(s, 500) ? 0 : rnd(s, 100);
	s->delay = rnd(s, 10);
	s->reorder = rnd(s, 60);
	s->traffic = 20u << rnd(s, 8);
	s->burst = chance(s, 300) ? rnd(s, 400) : 0;
	s->hold_ms = s->seed % 3 ? 0 : 1u << s->seed / 3 % 10;
	s->period = 50u << rnd(s, 5);
	s->on = s->period * (10 + rnd(s, 91)) / 100;
	for (unsigned i = 0; i < s->n_nodes; i++)
		node_start(s, i, true);
	node_promote(s, rnd(s, s->n_nodes));
}

static void check_rearmed(struct sim *s, const struct node *n)
{
	for (unsigned i = 0; i < s->n_flows; i++) {
		const struct flow *f = &n->kernel.flow[i];

		if (model_is_there(&n->kernel, i) && f->timeout_s > model_normal_timeout(f))
			broken(s, "flow %u of source %u is still pinned", i, n->index);
	}
}

/* An audit may be under way, which takes no READY away; its datagrams arrive sooner or later. */
static void check_stays_ready(struct sim *s, const struct node *src)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < s->n_nodes; i++)
		if (s->node[i].alive && &s->node[i] != src &&
		    s->node[i].engine->rep.state != REPLICA_CLEAN)
			broken(s, "G1: node %u did not stay READY", i);
	for (unsigned i = 0; i < 100 && ready != s->n_nodes - 1; i++) {
		steps(s, 20);
		ready = check_ready(s, src);
	}
	if (ready != s->n_nodes - 1)
		broken(s, "G1: did not stay READY and equal");
}

/* No faults, one source, no traffic: everything must become equal. */
static void settle(struct sim *s)
{
	unsigned active;
	uint64_t since = s->now;

	heal(s);
	s->traffic = 0;
	s->burst = 0;
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (!s->node[i].alive)
			node_start(s, i, true);
	active = find_active(s);
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (i != active)
			node_demote(s, i);
	trace(s, "quiet");
	while (!s->failed && s->now - since < QUIET_MS) {
		steps(s, 20);
		if (check_ready(s, &s->node[active]) == s->n_nodes - 1)
			break;
	}
	s->converged_ms = s->now - since;
	if (s->now - since >= QUIET_MS)
		broken(s, "G1: not equal and READY after %u ms", QUIET_MS);
	steps(s, 6000);
	check_stays_ready(s, &s->node[active]);
	check_rearmed(s, &s->node[active]);
}

/* A replica that is back with its table costs what differs, not the table. */
static void check_rejoin(struct sim *s)
{
	unsigned active = find_active(s), i = pick_alive(s, active), changed = 0;
	struct node *src = &s->node[active];
	uint64_t listed, since;

	if (s->loss || src->kernel.n < 2 * ENGINE_COMPARE_MIN || s->version + 10 >= VERSION_MAX)
		return;
	node_stop(s, i);
	for (unsigned id = rnd(s, s->n_flows); id < s->n_flows && changed < 3; id += 7) {
		if (!model_is_there(&src->kernel, id))
			continue;
		s->version++;
		s->life_of_version[s->version] = s->life_of_version[src->kernel.flow[id].mark];
		model_traffic_update(&src->kernel, id, rnd(s, 24), s->version);
		changed++;
	}
	steps(s, 2500);
	listed = src->counters.v[SYNC_REPAIR_FLOWS];
	node_start(s, i, false);
	since = s->now;
	while (!s->failed && check_ready(s, src) != s->n_nodes - 1 && s->now - since < QUIET_MS)
		steps(s, 20);
	if (s->now - since >= QUIET_MS)
		broken(s, "G1: not equal and READY after a rejoin");
	listed = src->counters.v[SYNC_REPAIR_FLOWS] - listed;
	if (listed > changed * 3 * DIGEST_FLOWS)
		broken(s, "a rejoin with %u of %u flows different listed %llu", changed,
		       src->kernel.n, (unsigned long long)listed);
	s->rejoins++;
}

static void tear_down(struct sim *s, struct totals *t)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (s->node[i].alive)
			engine_free(s->node[i].engine);
		for (unsigned c = 0; c < SYNC_COUNTER_N; c++)
			t->counters.v[c] += s->node[i].counters.v[c];
	}
	for (unsigned i = 0; i < DELAY_MAX; i++)
		while (s->due[i]) {
			struct packet *p = s->due[i];

			s->due[i] = p->next;
			free(p);
		}
	t->changes += s->version;
	t->max_seen = s->max_seen > t->max_seen ? s->max_seen : t->max_seen;
	t->max_reorder = s->max_reorder > t->max_reorder ? s->max_reorder : t->max_reorder;
	if (s->converged_ms > t->max_converged)
		t->max_converged = s->converged_ms;
}

static bool run(struct sim *s, uint64_t seed, bool with_trace, struct totals *t)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->trace = with_trace;
	s->now = 1000;
	for (unsigned i = 0; i < NODES_MAX; i++) {
		s->node[i].sim = s;
		s->node[i].index = i;
	}
	set_up(s);
	steps(s, rnd(s, 1000));
	for (unsigned n = rnd(s, 5); n-- && !s->failed;)
		fault(s);
	if (!s->failed)
		settle(s);
	if (!s->failed)
		check_rejoin(s);
	t->rejoins += s->rejoins;
	tear_down(s, t);
	return !s->failed;
}

static void report(const struct totals *t, uint64_t seeds)
{
	printf("%llu seeds, %llu changes, %llu rejoins; slowest convergence %llu ms; most memory: "
	       "%llu bytes of hashes, %llu of reordering\n",
	       (unsigned long long)seeds, (unsigned long long)t->changes,
	       (unsigned long long)t->rejoins, (unsigned long long)t->max_converged,
	       (unsigned long long)t->max_seen, (unsigned long long)t->max_reorder);
	for (unsigned c = 0; c < SYNC_COUNTER_N; c++)
		if (t->counters.v[c])
			printf("  %-16s %llu\n", sync_counter_name(c),
			       (unsigned long long)t->counters.v[c]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
						{"seed", required_argument, NULL, 's'},
						{NULL, 0, NULL, 0}};
	struct sim *s = malloc(sizeof(*s));
	struct totals totals = {.changes = 0};
	uint64_t first = 1, n = 3000, failures = 0;
	bool with_trace = false;
	int c;

	if (!s)
		return 2;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		if (c == 'n') {
			n = strtoull(optarg, NULL, 10);
		} else {
			first = strtoull(optarg, NULL, 10);
			n = 1;
			with_trace = true;
		}
	}
	for (uint64_t seed = first; seed < first + n && failures < 5; seed++)
		failures += !run(s, seed, with_trace, &totals);
	free(s);
	if (failures) {
		printf("failed; --seed N replays one\n");

		return 1;
	}
	report(&totals, n);
	return 0;
}
