/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong in the world of sim_replication.c. */
#ifndef REPLICATION_FAULTS_H
#define REPLICATION_FAULTS_H

#include "replication_steps.h"

/* ---- faults ---- */

static void fault_crash(struct sim *s)
{
	unsigned old = find_active(s), next;

	if (old == NOBODY)
		return;
	node_stop(s, old);
	happened(s, SITUATION_CRASH);
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

		if (!p || !p->drained_for || p->lost)
			continue;
		compare_tables(s, src, rep);
	}
}

static void drain_quietly(struct sim *s, struct node *n)
{
	unsigned traffic = s->traffic, burst = s->burst;

	s->traffic = 0;
	s->burst = 0;
	for (unsigned i = 0; i < 300 && is_active(n) && !is_quiet(n); i++)
		steps(s, 1);
	if (is_active(n) && is_quiet(n)) {
		n->drained = false;
		engine_drain(n->engine, 500, s->now);
		n->run_at = s->now;
		for (unsigned i = 0; i < 600 && n->alive && !n->drained; i++)
			steps(s, 1);
		if (is_active(n) && n->drained && n->drain_ok)
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
	if (!is_active(n))
		return;
	n->drained = false;
	trace(s, "node %u drains", old);
	engine_drain(n->engine, 500, s->now);
	n->run_at = s->now;
	for (unsigned i = 0; i < 600 && n->alive && !n->drained; i++)
		steps(s, 1);
	if (!n->drained && n->alive)
		broken(s, "no answer to a drain");
	happened(s, SITUATION_SWITCHOVER);
	s->times[SITUATION_DRAINED] += n->drained && n->drain_ok;
	trace(s, "drained: %d", n->drain_ok);
	if (chance(s, 400)) {
		node_trail(s, next, 100 + rnd(s, 600));
		steps(s, rnd(s, 500));
		node_demote(s, old);
	} else if (chance(s, 500)) {
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
	happened(s, SITUATION_PARTITION);
	trace(s, "partition %x%s", side, one_way ? ", one way" : "");
	steps(s, 100 + rnd(s, 1500));
	other = pick_alive(s, active);
	if (active != NOBODY && other != active && chance(s, 300) &&
	    (side >> active & 1) != (side >> other & 1)) {
		node_promote(s, other); /* two sources */
		happened(s, SITUATION_TWO_SOURCES);
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

/* The source whose stream ranks highest. */
static unsigned find_winner(const struct sim *s)
{
	unsigned best = NOBODY;

	for (unsigned i = 0; i < s->n_nodes; i++)
		if (is_active(&s->node[i]) &&
		    (best == NOBODY ||
		     is_higher(&s->node[i].engine->stream, &s->node[best].engine->stream)))
			best = i;
	return best;
}

/* Long after sources hear each other the replicas are with the highest stream, and the sources know
 * that they are not alone. */
static void check_one_wins(struct sim *s)
{
	unsigned winner = find_winner(s);

	for (unsigned i = 0; i < s->n_nodes && winner != NOBODY; i++) {
		struct node *n = &s->node[i];

		if (!n->alive || n->dead || i == winner)
			continue;
		if (!n->engine->is_source &&
		    is_higher(&s->node[winner].engine->stream, &n->engine->stream))
			broken(s, "G4: node %u does not follow the highest stream", i);
		if (n->engine->is_source && !(n->engine->alarms & ENGINE_ALARM_TWO_SOURCES))
			broken(s, "node %u does not know of another source", i);
	}
}

/* Parts the network in up to three; each part has a source and traffic. Healed again, one side
 * hearing the other earlier, the sources go on for a while; then all but one are demoted. */
static void fault_split_brain(struct sim *s)
{
	unsigned part[NODES_MAX], n_parts = 2 + rnd(s, 2), sources = 0, stays;

	for (unsigned i = 0; i < s->n_nodes; i++)
		part[i] = i < n_parts ? i : rnd(s, n_parts);
	for (unsigned i = 0; i < s->n_nodes; i++)
		for (unsigned j = 0; j < s->n_nodes; j++)
			s->cut[i][j] = part[i] != part[j];
	trace(s, "split brain");
	steps(s, rnd(s, 1500));
	for (unsigned i = 0; i < s->n_nodes && i < n_parts; i++) {
		bool has = false;

		for (unsigned j = 0; j < s->n_nodes; j++)
			has |= part[j] == part[i] && is_active(&s->node[j]);
		if (!has)
			node_promote(s, i);
		steps(s, rnd(s, 300));
	}
	steps(s, rnd(s, 2500));
	for (unsigned i = 0; i < s->n_nodes; i++)
		for (unsigned j = 0; j < i; j++)
			s->cut[i][j] = false;
	steps(s, rnd(s, 2) ? rnd(s, 600) : 0);
	heal(s);
	trace(s, "healed");
	for (unsigned i = 0; i < s->n_nodes; i++)
		sources += is_active(&s->node[i]);
	happened(s, SITUATION_TWO_SOURCES);
	if (sources > 1)
		happened(s, SITUATION_TWO_HEALED);
	if (rnd(s, 3)) {
		steps(s, rnd(s, 800));
	} else {
		steps(s, 4000);
		check_one_wins(s);
	}
	stays = find_winner(s);
	if (chance(s, 300) && sources > 1)
		stays = find_active(s);
	if (sources > 1)
		happened(s,
			 stays == find_winner(s) ? SITUATION_WINNER_STAYS : SITUATION_LOSER_STAYS);
	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (i != stays && is_active(&s->node[i])) {
			node_demote(s, i);
			steps(s, rnd(s, 200));
		}
	}
}

/* A process is stopped (SIGSTOP, or starved) and goes on later; a source may be replaced by then.
 */
static void fault_pause(struct sim *s)
{
	unsigned i = pick_alive(s, NOBODY), other = pick_alive(s, i);
	struct node *n = &s->node[i];

	if (i == NOBODY || !n->alive)
		return;
	happened(s, is_active(n) ? SITUATION_PAUSE_SOURCE : SITUATION_PAUSE_REPLICA);
	trace(s, "node %u is stopped", i);
	n->backlog = 0;
	n->paused_until = s->now + 50 + rnd(s, 3000);
	steps(s, rnd(s, 1500));
	if (is_active(n) && other != i && chance(s, 400)) {
		node_promote(s, other);
		happened(s, SITUATION_PAUSE_TAKEN);
		steps(s, rnd(s, 2500));
		node_demote(s, i);
	}
	while (n->paused_until > s->now && !s->failed)
		steps(s, 10);
	trace(s, "node %u goes on", i);
}

static void fault_table_full(struct sim *s)
{
	unsigned i = rnd(s, s->n_nodes);
	struct node *n = &s->node[i];

	if (!n->alive || is_active(n))
		return;
	n->kernel.cap = 1 + rnd(s, s->n_flows);
	happened(s, SITUATION_TABLE_FULL);
	trace(s, "node %u has room for %u flows", i, n->kernel.cap);
	steps(s, rnd(s, 3000));
	n->kernel.cap = MODEL_FLOWS;
}

/* Somebody deletes flows on a replica by hand; their next change brings them back. */
static void fault_deleted(struct sim *s)
{
	unsigned active = find_active(s), i = rnd(s, s->n_nodes);
	struct model_kernel *src;

	/* the kernel of a source would tell */
	if (active == NOBODY || is_active(&s->node[i]) || !s->node[i].alive || s->node[i].n_queue)
		return;
	src = &s->node[active].kernel;
	trace(s, "flows deleted on node %u", i);
	happened(s, SITUATION_DELETED);
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

/* Somebody dies in the middle of something: somewhere within another fault. */
static void doom_somebody(struct sim *s)
{
	unsigned i = chance(s, 500) ? find_active(s) : pick_alive(s, NOBODY);
	struct node *n;

	if (i == NOBODY || !s->node[i].alive)
		return;
	n = &s->node[i];
	n->doom_in = rnd(s, 3);
	n->doom = 1 + rnd(s, n->doom_in == DOOM_ROLE ? 4 : 1u << rnd(s, 11));
	trace(s, "node %u has %u operations to live", i, n->doom);
}

static void undo_doom(struct sim *s)
{
	bool wait = chance(s, 300);

	for (unsigned i = 0; i < s->n_nodes; i++)
		s->node[i].doom = 0;
	if (find_active(s) == NOBODY) {
		node_promote(s, pick_alive(s, NOBODY));
		steps(s, rnd(s, 1500));
	}
	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (wait)
			steps(s, rnd(s, 700));
		node_start(s, i, chance(s, 500));
	}
}

/* A reload: another filter, on one controller or all. */
static void fault_filter(struct sim *s)
{
	bool all = chance(s, 500);

	if (!s->filters)
		return;
	for (unsigned i = all ? 0 : rnd(s, s->n_nodes); i < s->n_nodes; i++) {
		struct node *n = &s->node[i];

		if (!n->alive || n->dead || n->paused_until > s->now)
			continue;
		s->times[SITUATION_FILTER]++;
		trace(s, "node %u: another filter", i);
		n->filter = random_filter(s);
		engine_set_filter(n->engine, &n->filter, s->now);
		n->run_at = s->now;
		if (!all)
			return;
	}
}

static void fault(struct sim *s)
{
	static void (*const kind[])(struct sim * s) = {
		fault_crash,	   fault_switchover, fault_restart_engine,
		fault_split_brain, fault_filter,     fault_partition,
		fault_table_full,  fault_deleted,    fault_pause,
	};

	if (chance(s, 400))
		doom_somebody(s);
	kind[rnd(s, ARRAY_LEN(kind))](s);
	steps(s, rnd(s, 1000));
	undo_doom(s);
	if (find_active(s) == NOBODY)
		node_promote(s, pick_alive(s, NOBODY));
	steps(s, rnd(s, 1500));
}

#endif
