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
 *  -- verify names what differs, and nothing else (replication_verify.h)
 *  -- a replica that comes back with its old table is listed little more than what differs
 *  G5 replayed datagrams of the past change nothing (attacker.h)
 *  G6 hashes are kept during repairs only; ring and reorder buffer within their bounds
 * It looks into the engine (engine_impl.h) to tell listed flows from live ones. */
#include "replication_faults.h"
#include "replication_verify.h"
#include "sim_runner.h"

#define QUIET_MS 90000

/* ---- a run ---- */

static void set_up(struct sim *s)
{
	unsigned newer = 0;
	bool skew;

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
	s->filters = s->seed % 4 == 0;
	s->period = 50u << rnd(s, 5);
	s->on = s->period * (10 + rnd(s, 91)) / 100;
	if (s->attacker)
		s->replays = 50u << rnd(s, 5);
	skew = chance(s, 400);
	for (unsigned i = 0; i < s->n_nodes; i++) {
		s->node[i].newer = skew && chance(s, 500);
		newer += s->node[i].newer;
		node_start(s, i, true);
	}
	s->times[SITUATION_SKEW_BOTH] += newer && newer < s->n_nodes;
	node_promote(s, rnd(s, s->n_nodes));
}

static void check_rearmed(struct sim *s, const struct node *n)
{
	for (unsigned i = 0; i < s->n_flows; i++) {
		const struct flow *f = &n->kernel.flow[i];

		if (model_is_there(&n->kernel, i) && f->timeout_s > model_normal_timeout(f))
			broken(s, "flow %u of source %u is still pinned", i, n->index);
		if (n->kernel.expect[i].proto && n->kernel.expect[i].timeout_s > MODEL_EXPECT_S)
			broken(s, "what flow %u of source %u expects is still pinned", i, n->index);
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

	/* what is in is only estimated: a rejoin may list it all */
	if (s->loss || s->filters || src->kernel.n < 2 * ENGINE_COMPARE_MIN ||
	    s->version + 10 >= VERSION_MAX)
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
			node_stop(s, i);
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
	for (unsigned i = 0; i < SITUATION_N; i++) {
		t->times[i] += s->times[i];
		t->seeds[i] += s->times[i] > 0;
	}
	t->max_ctl = s->max_ctl > t->max_ctl ? s->max_ctl : t->max_ctl;
	t->max_seen = s->max_seen > t->max_seen ? s->max_seen : t->max_seen;
	t->max_reorder = s->max_reorder > t->max_reorder ? s->max_reorder : t->max_reorder;
	if (s->converged_ms > t->max_converged)
		t->max_converged = s->converged_ms;
}

static bool run(struct sim *s, uint64_t seed, bool with_trace, struct totals *t)
{
	static struct attacker attacker;

	sim_clear(s);
	s->attacker = seed % 4 != 1 ? NULL : &attacker;
	s->seed = seed;
	s->trace = with_trace;
	s->now = 1000;
	for (unsigned i = 0; i < NODES_MAX; i++) {
		s->node[i].sim = s;
		s->node[i].index = i;
	}
	set_up(s);
	steps(s, rnd(s, 1000));
	if (s->seed / 4 % 5 == 1)
		verify_healthy(s);
	for (unsigned n = rnd(s, 5); n-- && !s->failed;)
		fault(s);
	if (!s->failed)
		settle(s);
	if (!s->failed && s->seed / 4 % 5 == 1)
		verify_tampered(s);
	if (!s->failed)
		check_rejoin(s);
	t->rejoins += s->rejoins;
	t->replayed += attacker.replayed;
	t->judged += attacker.judged;
	tear_down(s, t);
	attacker_clear(&attacker);
	return !s->failed;
}

static bool run_seed(uint64_t seed, bool with_trace, void *totals)
{
	static struct sim *s;

	if (!s)
		s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	return run(s, seed, with_trace, totals);
}

static void merge(void *into, const void *from)
{
	struct totals *to = into;
	const struct totals *t = from;

	to->max_seen = t->max_seen > to->max_seen ? t->max_seen : to->max_seen;
	to->max_reorder = t->max_reorder > to->max_reorder ? t->max_reorder : to->max_reorder;
	if (t->max_converged > to->max_converged)
		to->max_converged = t->max_converged;
	if (t->max_ctl > to->max_ctl)
		to->max_ctl = t->max_ctl;
	to->changes += t->changes;
	to->rejoins += t->rejoins;
	to->replayed += t->replayed;
	to->judged += t->judged;
	for (unsigned i = 0; i < SITUATION_N; i++) {
		to->times[i] += t->times[i];
		to->seeds[i] += t->seeds[i];
	}
	for (unsigned c = 0; c < SYNC_COUNTER_N; c++)
		to->counters.v[c] += t->counters.v[c];
}

static void report(const void *totals, uint64_t seeds, bool stats)
{
	static const char *const name[] = {
#define X(id, text) text,
		SITUATIONS(X)
#undef X
	};
	const struct totals *t = totals;

	printf("%llu seeds, %llu changes, %llu rejoins; slowest convergence %llu ms; most: "
	       "%llu bytes of hashes, %llu of reordering, %llu control datagrams a second\n",
	       (unsigned long long)seeds, (unsigned long long)t->changes,
	       (unsigned long long)t->rejoins, (unsigned long long)t->max_converged,
	       (unsigned long long)t->max_seen, (unsigned long long)t->max_reorder,
	       (unsigned long long)t->max_ctl);
	printf("%llu datagrams replayed, %llu of them of the past\n",
	       (unsigned long long)t->replayed, (unsigned long long)t->judged);
	for (unsigned i = 0; i < SITUATION_N && stats; i++)
		printf("  %-46s %10llu times in %llu seeds\n", name[i],
		       (unsigned long long)t->times[i], (unsigned long long)t->seeds[i]);
	for (unsigned c = 0; c < SYNC_COUNTER_N && stats; c++)
		if (t->counters.v[c])
			printf("  %-16s %llu\n", sync_counter_name(c),
			       (unsigned long long)t->counters.v[c]);
}

int main(int argc, char **argv)
{
	const struct runner_program program = {
		.seeds = 10000,
		.totals_size = sizeof(struct totals),
		.run = run_seed,
		.merge = merge,
		.report = report,
	};

	return runner_main(&program, argc, argv);
}
