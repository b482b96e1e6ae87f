/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl verify` in the world of sim_replication.c: somebody changes a replica's table behind
 * its engine's back. All that is named was changed so, whatever the traffic does meanwhile; all
 * that traffic has not touched since is named; and what is equal is never called different. */
#ifndef REPLICATION_VERIFY_H
#define REPLICATION_VERIFY_H

#include "replication_steps.h"

#define VERIFY_ANSWER_MS (2 * ENGINE_VERIFY_MAX_MS + 1000) /* another one may be under way */

/* What was done to a flow of a replica, and what the source had then. */
struct tampered {
	enum verify_what what; /* 0: nothing */
	uint32_t life, version;
	bool there;
};

static void verify_now(struct sim *s, struct node *asked)
{
	struct verified *v = &s->verified;
	uint64_t since = s->now;

	memset(v->of, 0, sizeof(v->of));
	v->done = false;
	v->outcome = VERIFY_COMPARED;
	v->request++;
	happened(s, SITUATION_VERIFY);
	trace(s, "node %u: verify", asked->index);
	engine_verify(asked->engine, v->request, s->now);
	asked->run_at = s->now;
	while (!s->failed && !v->done && s->now - since < VERIFY_ANSWER_MS)
		steps(s, 5);
	if (!v->done)
		broken(s, "no answer to a verify of node %u", asked->index);
	trace(s, "verified: %s", verify_outcome_text(v->outcome));
	for (unsigned i = 0; i < s->n_nodes; i++)
		if (v->of[i].told)
			trace(s, "  node %u: %u missing, %u extra, %u different %s", i,
			      v->of[i].missing, v->of[i].extra, v->of[i].different,
			      verify_outcome_text(v->of[i].outcome));
}

/* ---- nothing differs ---- */

static void check_nothing_found(struct sim *s, bool must_be_equal)
{
	for (unsigned i = 0; i < s->n_nodes && !s->failed; i++) {
		const struct verified_of *v = &s->verified.of[i];

		if (v->missing || v->extra || v->different)
			broken(s,
			       "verify: %u missing, %u extra, %u different on node %u, which is "
			       "equal",
			       v->missing, v->extra, v->different, i);
		if (v->told && v->outcome != VERIFY_COMPARED && must_be_equal)
			broken(s, "verify: node %u %s", i, verify_outcome_text(v->outcome));
		s->times[SITUATION_VERIFY_EQUAL] += v->told && v->outcome == VERIFY_COMPARED;
	}
}

/* Before anything went wrong, but for events that the kernel loses: then replicas do differ. */
static void verify_healthy(struct sim *s)
{
	unsigned active = find_active(s), i = chance(s, 700) ? active : pick_alive(s, active);
	const struct engine *src = s->node[active].engine;
	uint64_t since = s->now;

	if (!chance(s, 300) || src->alarms & ENGINE_ALARM_OVERRUN)
		return;
	verify_now(s, &s->node[i]);
	if (src->src.overrun_at < since)
		check_nothing_found(s, false);
}

/* ---- something differs ---- */

static void note(const struct sim *s, const struct node *src, struct tampered *t, unsigned id,
		 enum verify_what what)
{
	t[id] = (struct tampered){.what = what,
				  .life = s->life[id],
				  .there = model_is_there(&src->kernel, id),
				  .version = src->kernel.flow[id].mark};
}

static bool is_untouched(const struct sim *s, const struct node *src, const struct tampered *t,
			 unsigned id)
{
	return t->life == s->life[id] && t->there == model_is_there(&src->kernel, id) &&
	       (!t->there || t->version == src->kernel.flow[id].mark);
}

static void tamper_one(struct sim *s, const struct node *src, struct node *rep, struct tampered *t,
		       unsigned id)
{
	unsigned port = s->n_ports + rnd(s, MODEL_PORTS - 1 - s->n_ports); /* no traffic takes it */
	struct model_kernel *k = &rep->kernel;
	struct flow f;

	if (model_is_there(k, id) && chance(s, 500)) {
		note(s, src, t, id, VERIFY_MISSING);
		model_remove(k, id);
	} else if (model_is_there(k, id)) {
		note(s, src, t, id, VERIFY_DIFFERENT);
		k->flow[id].mark = VERSION_MAX - 1;
		k->flow[id].has |= FLOW_HAS_MARK;
	} else if (!model_is_there(&src->kernel, id) && k->port_owner[port] < 0) {
		note(s, src, t, id, VERIFY_EXTRA);
		f = model_flow(id, port, VERSION_MAX - 2);
		(void)model_insert(k, &f);
	}
}

static void tamper(struct sim *s, const struct node *src, struct node *rep, struct tampered *t)
{
	unsigned n = 0, step = 1 + rnd(s, chance(s, 200) ? 2 : 1 + s->n_flows / 2);

	memset(t, 0, MODEL_FLOWS * sizeof(*t));
	for (unsigned id = rnd(s, step); id < s->n_flows; id += step) {
		tamper_one(s, src, rep, t, id);
		n += t[id].what != 0;
	}
	rep->tampered = true;
	trace(s, "node %u: %u flows tampered with%s", rep->index, n,
	      s->traffic ? ", with traffic" : "");
}

static uint64_t count_repairs(const struct node *rep)
{
	return rep->counters.v[SYNC_REPAIRS] + rep->counters.v[SYNC_REPAIRS_FAILED] +
	       rep->engine->report.repairing;
}

/* repairs: since it was tampered with. The first is because of what was found, or nothing is. */
static void check_found(struct sim *s, const struct node *src, const struct node *rep,
			const struct tampered *t, uint64_t repairs)
{
	const struct verified_of *v = &s->verified.of[rep->index];
	uint64_t n = v->missing + v->extra + v->different, must = 0, done = 0;
	bool repaired = repairs > (n > 0);

	for (unsigned id = 0; id < s->n_flows && !s->failed; id++) {
		bool untouched = t[id].what && is_untouched(s, src, &t[id], id);

		must += untouched;
		done += t[id].what != 0;
		if (v->what[id] && !t[id].what)
			broken(s, "verify: flow %u of node %u is called %s, and is equal", id,
			       rep->index, verify_what_name(v->what[id]));
		if (v->what[id] && untouched && v->what[id] != t[id].what)
			broken(s, "verify: flow %u of node %u is called %s, and is %s", id,
			       rep->index, verify_what_name(v->what[id]),
			       verify_what_name(t[id].what));
		if (untouched && !v->what[id] && !repaired && v->named < VERIFY_TOLD_MAX)
			broken(s, "verify: flow %u of node %u is %s, and is not named", id,
			       rep->index, verify_what_name(t[id].what));
	}
	if ((n < must && !repaired) || n > done ||
	    v->named != (n < VERIFY_TOLD_MAX ? n : VERIFY_TOLD_MAX))
		broken(s, "verify: %llu flows of node %u differ, %u are named; %llu to %llu do",
		       (unsigned long long)n, rep->index, v->named, (unsigned long long)must,
		       (unsigned long long)done);
	s->times[SITUATION_VERIFY_FOUND] += n > 0;
}

static bool is_settled(struct sim *s, const struct node *src)
{
	for (unsigned i = 0; i < 4500 && !s->failed; i++) {
		if (check_ready(s, src) == s->n_nodes - 1)
			return true;
		steps(s, 20);
	}
	return false;
}

static void wait_until_clean(struct sim *s, const struct node *src)
{
	for (unsigned n = 0, clean = 0; n < 4500 && clean != s->n_nodes - 1 && !s->failed; n++) {
		clean = 0;
		steps(s, 20);
		if (src->engine->alarms & (ENGINE_ALARM_OVERRUN | ENGINE_ALARM_BEHIND))
			continue; /* it is looked for what was lost, or a replica still is */
		for (unsigned i = 0; i < s->n_nodes; i++)
			clean +=
				&s->node[i] != src && s->node[i].engine->rep.state == REPLICA_CLEAN;
	}
}

/* Of a world that has settled: all are READY and equal, and no fault comes. */
static void verify_tampered(struct sim *s)
{
	static struct tampered t[MODEL_FLOWS];
	unsigned active = find_active(s), i = pick_alive(s, active), traffic = s->traffic;
	struct node *src = &s->node[active], *rep = &s->node[i];
	struct verified_of *v = &s->verified.of[i];
	uint64_t repairs, since;

	if (s->failed || s->version + 20000 >= VERSION_MAX)
		return;
	/* an audit would repair before it is asked */
	src->engine->conf.audit_ms = 0;
	steps(s, 3000);
	if (!is_settled(s, src))
		return;
	verify_now(s, chance(s, 500) ? src : rep);
	check_nothing_found(s, true);
	if (s->failed || !is_settled(s, src))
		return;
	if (chance(s, 500)) /* not so much that replicas are being repaired all the time */
		s->traffic = 20u << rnd(s, 5);
	repairs = count_repairs(rep);
	since = s->now;
	tamper(s, src, rep, t);
	v->outcome = VERIFY_WAITS;
	verify_now(s, chance(s, 700) ? src : rep);
	if (v->outcome != VERIFY_COMPARED) { /* too much: once more, in peace */
		s->traffic = 0;
		wait_until_clean(s, src);
		verify_now(s, chance(s, 700) ? src : rep);
	}
	if (v->outcome != VERIFY_COMPARED)
		broken(s, "verify: node %u: %s", i, verify_outcome_text(v->outcome));
	/* with an event that the kernel lost replicas do differ in more */
	if (!s->failed && src->engine->src.overrun_at < since)
		check_found(s, src, rep, t, count_repairs(rep) - repairs);
	rep->tampered = false;
	s->traffic = traffic;
	if (!is_settled(s, src))
		broken(s, "G1: not equal and READY after a verify");
	verify_now(s, src);
	check_nothing_found(s, true);
}

#endif
