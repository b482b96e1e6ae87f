/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The world of sim_replication.c: nodes with an engine and a model kernel each, the network between
 * them, and the checks of what is applied. */
#ifndef REPLICATION_WORLD_H
#define REPLICATION_WORLD_H

#include <stdarg.h>

#include "../../sync/engine_impl.h"
#include "../../sync/pulse.h"
#include "model_expect.h"
#include "replication_skew.h"

#define NODES_MAX    5
#define DELAY_MAX    128 /* ms, power of two */
#define QUEUE_MAX    4096
#define NOBODY	     UINT32_MAX
#define CTL_RATE_MAX 1000
#define VERSION_MAX  200000

struct packet {
	struct packet *next;
	unsigned from, to;
	struct dgram_hdr h;
	size_t len;
	uint8_t body[];
};

struct change { /* queued for the kernel until commit */
	struct flow f;
	enum { CHANGE_PUT, CHANGE_DEL, CHANGE_TIMEOUT } what;
	enum flow_put how;
	bool listed;
	uint32_t timeout_s;
};

/* What a replica was given in the stream that it follows. */
struct told {
	uint32_t live_version, live_life, dead_life;
	uint32_t expect_live, expect_dead; /* versions of what it expects */
};

struct node {
	struct sim *sim;
	unsigned index;
	uint32_t id; /* of its engines */
	bool alive;
	struct engine *engine;
	struct pulse pulse; /* of its process; self 0: a version without */
	struct sync_counters counters;
	uint64_t run_at;
	bool input;	 /* since the last engine_run() */
	bool read_asked; /* by the engine, though the kernel may have nothing to tell */
	unsigned n_queue;
	uint64_t last_listed;
	uint32_t last_repair;
	struct stream_key followed;
	struct told told[MODEL_FLOWS];
	bool drained, drain_ok;
	uint64_t promoted_at;
	uint64_t trail_until; /* packets come here already, the stream is still another's; 0: no */
	struct flow_filter filter;
	bool newer;    /* speaks a later version of the protocol */
	unsigned doom; /* it dies in its so many-th operation from here; 0: it does not */
	enum { DOOM_ANY, DOOM_REPAIR, DOOM_ROLE } doom_in; /* of which operations */
	bool changes_role;
	bool tampered; /* READY, and not equal */
	bool dead;     /* died in the middle of an engine's call: what it still does is not done */
	uint64_t paused_until;
	unsigned backlog; /* datagrams that wait for a paused one */
	uint64_t ctl_second;
	unsigned ctl_n;			 /* control datagrams sent in that second */
	unsigned life;			 /* counts engines */
	uint64_t started_at, changed_at; /* the engine; started or stopped */

	struct model_kernel kernel;	/* its end and what follows is not cleared */
	struct change queue[QUEUE_MAX]; /* of the kernel */
};

/* What happens in a run; counted, so that a run shows what it has tried. */
#define SITUATIONS(X)                                                                              \
	X(CRASH, "the source crashes")                                                             \
	X(CRASH_SEND, "dies in a send")                                                            \
	X(CRASH_COMMIT, "dies within a commit, part of it done")                                   \
	X(CRASH_LOOK, "dies while it reads its kernel's table")                                    \
	X(CRASH_SOURCE, "dies in an operation as source")                                          \
	X(CRASH_REPAIR, "dies in an operation while it is repaired")                               \
	X(CRASH_LIST, "dies in an operation while it lists or compares")                           \
	X(CRASH_PROMOTE, "dies while it is promoted or demoted")                                   \
	X(RESTART_FULL, "restarts with its kernel's table")                                        \
	X(RESTART_EMPTY, "restarts with an empty kernel")                                          \
	X(SWITCHOVER, "planned switchover")                                                        \
	X(DRAINED, "a drain is acknowledged")                                                      \
	X(TRAIL, "a successor follows the old stream for a while")                                 \
	X(TRAIL_REPAIR, "and is to be repaired meanwhile")                                         \
	X(LEISURE, "a comparison after a change of source, at leisure")                            \
	X(PARTITION, "partition")                                                                  \
	X(TWO_SOURCES, "two sources or more behind a partition")                                   \
	X(TWO_HEALED, "they hear each other, and both make changes")                               \
	X(WINNER_STAYS, "the source of the highest stream stays")                                  \
	X(LOSER_STAYS, "it is demoted, a lower one stays")                                         \
	X(RARE, "STATUS is as rare as only a pulse lets it be")                                    \
	X(PULSE_LOST, "the pulse of a process is lost")                                            \
	X(PULSE_BACK, "it is there again, and was of that life before")                            \
	X(PAUSE_SOURCE, "a source is stopped for a while")                                         \
	X(PAUSE_REPLICA, "a replica is stopped for a while")                                       \
	X(PAUSE_TAKEN, "a stopped source is replaced meanwhile")                                   \
	X(TABLE_FULL, "a table is full")                                                           \
	X(DELETED, "flows are deleted by hand")                                                    \
	X(FILTER, "another filter on a controller")                                                \
	X(VERIFY, "a verify is asked for")                                                         \
	X(VERIFY_EQUAL, "it finds a replica equal")                                                \
	X(VERIFY_FOUND, "it finds what was tampered with")                                         \
	X(SKEW, "additions of a newer version")                                                    \
	X(SKEW_BOTH, "a newer node and an older one are in a run")

enum situation {
#define X(id, text) SITUATION_##id,
	SITUATIONS(X)
#undef X
		SITUATION_N
};

struct attacker;

/* The answer to a verify, as it comes. */
struct verified {
	uint32_t request;
	bool done;
	enum verify_outcome outcome; /* of all; COMPARED: see the replicas' */
	struct verified_of {
		bool told;
		enum verify_outcome outcome;
		unsigned missing, extra, different, named;
		enum verify_what what[MODEL_FLOWS];
	} of[NODES_MAX];
};

struct sim {
	uint64_t seed, rng, now, last_fault;
	bool trace, failed;
	unsigned n_nodes, n_flows, n_ports;
	bool cut[NODES_MAX][NODES_MAX];
	struct packet *due[DELAY_MAX];
	unsigned loss, dup, delay, reorder; /* per mille, per mille, ms, ms */
	unsigned traffic;		    /* changes per second */
	unsigned burst;
	uint32_t hold_ms; /* hold-new */
	bool filters;
	unsigned period, on; /* traffic comes in spells: ms of each, ms of traffic in it */
	uint32_t version;
	uint32_t life[MODEL_FLOWS]; /* how often it was created, anywhere */
	uint32_t expect_version;
	uint64_t max_seen, max_reorder, max_ctl, converged_ms, rejoins;
	uint64_t times[SITUATION_N];
	struct verified verified;
	struct attacker *attacker; /* NULL: nobody attacks */
	unsigned replays;	   /* per second */

	uint32_t life_of_version[VERSION_MAX]; /* index: mark */
	struct node node[NODES_MAX];
};

static void attacker_record(struct attacker *a, struct sim *s, const struct packet *p);

struct totals {
	uint64_t max_seen, max_reorder, max_ctl, max_converged, changes, rejoins;
	uint64_t replayed, judged;
	uint64_t times[SITUATION_N], seeds[SITUATION_N]; /* that it happened in */
	struct sync_counters counters;
};

/* ---- helpers ---- */

static uint64_t rnd64(struct sim *s)
{
	uint64_t z = (s->rng += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned rnd(struct sim *s, unsigned below)
{
	return below ? (unsigned)(rnd64(s) % below) : 0;
}

static bool chance(struct sim *s, unsigned per_mille)
{
	return rnd(s, 1000) < per_mille;
}

static void trace(struct sim *s, const char *fmt, ...) printf_like(2, 3);
static void trace(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->trace)
		return;
	printf("%7llu ", (unsigned long long)s->now);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void broken(struct sim *s, const char *fmt, ...) printf_like(2, 3);
static void broken(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failed)
		return;
	s->failed = true;
	printf("seed %llu at %llu ms: ", (unsigned long long)s->seed, (unsigned long long)s->now);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void happened(struct sim *s, enum situation what)
{
	s->times[what]++;
}

/* As memset() of all, but for the large arrays. */
static void sim_clear(struct sim *s)
{
	memset(s->life_of_version, 0, (s->version + 1) * sizeof(*s->life_of_version));
	memset(s, 0, offsetof(struct sim, life_of_version));
	for (unsigned i = 0; i < NODES_MAX; i++)
		memset(&s->node[i], 0,
		       offsetof(struct node, kernel) + offsetof(struct model_kernel, event));
}

/* ---- engine_ops ---- */

/* Death comes between any two of a node's operations. From then on what it does has no effect,
 * until its engine is out of the call and can be removed. */
static bool is_dead(struct node *n, enum situation where)
{
	const struct engine *e = n->engine;
	bool repair = e->is_source ? e->job == JOB_SERVE || e->job == JOB_DIGEST
				   : e->rep.state != REPLICA_NEED && e->rep.state != REPLICA_CLEAN;

	if (n->dead || !n->doom || (n->doom_in == DOOM_REPAIR && !repair) ||
	    (n->doom_in == DOOM_ROLE && !n->changes_role) || --n->doom)
		return n->dead;
	n->dead = true;
	trace(n->sim, "node %u dies", n->index);
	happened(n->sim, where);
	if (e->is_source)
		happened(n->sim, SITUATION_CRASH_SOURCE);
	if (repair)
		happened(n->sim, e->is_source ? SITUATION_CRASH_LIST : SITUATION_CRASH_REPAIR);
	return true;
}

/* STATUS is sent once a millisecond at most, the rest in answer to what comes. */
static void check_control_rate(struct node *n)
{
	struct sim *s = n->sim;

	if (n->ctl_second != s->now / 1000) {
		n->ctl_second = s->now / 1000;
		n->ctl_n = 0;
	}
	if (++n->ctl_n > s->max_ctl)
		s->max_ctl = n->ctl_n;
	if (n->ctl_n > CTL_RATE_MAX)
		broken(s, "G6: node %u: more than %u control datagrams in a second", n->index,
		       CTL_RATE_MAX);
}

static void post(struct sim *s, const struct packet *p)
{
	unsigned delay = 1 + rnd(s, s->delay + 1) + (chance(s, 100) ? rnd(s, s->reorder + 1) : 0);
	struct packet **at = &s->due[(s->now + delay) % DELAY_MAX];
	struct packet *copy = malloc(sizeof(*p) + p->len);

	if (!copy)
		abort();
	memcpy(copy, p, sizeof(*p) + p->len);
	copy->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = copy;
}

static void send_to_all(struct node *n, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct sim *s = n->sim;
	struct packet *p;
	unsigned added = 0;

	p = malloc(sizeof(*p) + SKEW_BODY_MAX);
	if (!p)
		abort();
	*p = (struct packet){.from = n->index, .h = *h, .len = len};
	if (n->newer)
		p->len = skew_rewrite(p->body, h, body, len, &added);
	else
		memcpy(p->body, body, len);
	s->times[SITUATION_SKEW] += added;
	if (s->attacker)
		attacker_record(s->attacker, s, p);
	for (p->to = 0; p->to < s->n_nodes; p->to++) {
		if (p->to == n->index || s->cut[n->index][p->to])
			continue;
		if (!chance(s, s->loss))
			post(s, p);
		if (chance(s, s->dup))
			post(s, p);
	}
	free(p);
}

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct node *n = ctx;

	if (is_dead(n, SITUATION_CRASH_SEND))
		return;
	if (h->kind == DGRAM_CONTROL)
		check_control_rate(n);
	send_to_all(n, h, body, len);
}

/* Not the engine's own function: it is what is tested. */
static bool is_higher(const struct stream_key *a, const struct stream_key *b)
{
	return a->term != b->term ? a->term > b->term : a->sender > b->sender;
}

static void check_stream(struct node *n)
{
	const struct stream_key *k = &n->engine->stream;

	if (stream_key_equal(k, &n->followed))
		return;
	if (!is_higher(k, &n->followed))
		broken(n->sim, "G4: node %u went from term %u of %x to term %u of %x", n->index,
		       n->followed.term, n->followed.sender, k->term, k->sender);
	n->followed = *k;
	n->last_repair = 0;
	memset(n->told, 0, sizeof(n->told));
}

static void check_put(struct node *n, const struct flow *f, bool listed)
{
	struct told *t = &n->told[model_id(f)];
	uint32_t life = n->sim->life_of_version[f->mark];

	if (!(f->has & FLOW_HAS_MARK)) /* of a master, which has no event and so no version */
		return;
	if (life <= t->dead_life)
		broken(n->sim, "G2: node %u: %s of flow %u, version %u of life %u, which ended",
		       n->index, listed ? "listing" : "put", model_id(f), f->mark, life);
	if (f->mark < t->live_version)
		broken(n->sim, "G3: node %u: %s of flow %u version %u after %u", n->index,
		       listed ? "listing" : "put", model_id(f), f->mark, t->live_version);
	if (listed)
		return;
	t->live_version = f->mark;
	t->live_life = life;
}

static void op_commit(void *ctx)
{
	struct node *n = ctx;

	for (unsigned i = 0; i < n->n_queue; i++) {
		struct change *c = &n->queue[i];
		unsigned id = model_id(&c->f);
		int err = 0;
		bool clash;

		if (is_dead(n, SITUATION_CRASH_COMMIT))
			break;
		switch (c->what) {
		case CHANGE_PUT:
			check_put(n, &c->f, c->listed);
			err = model_put(&n->kernel, &c->f, c->how, &clash);
			break;
		case CHANGE_DEL:
			if (model_is_there(&n->kernel, id))
				model_remove(&n->kernel, id);
			else
				err = -ENOENT;
			break;
		case CHANGE_TIMEOUT:
			if (model_is_there(&n->kernel, id))
				n->kernel.flow[id].timeout_s = c->timeout_s;
			else
				err = -ENOENT;
			break;
		}
		if (err < 0)
			engine_on_apply_failed(n->engine, &c->f, err);
	}
	n->n_queue = 0;
}

static void queue_change(struct node *n, struct change c)
{
	if (n->n_queue == QUEUE_MAX)
		op_commit(n);
	n->queue[n->n_queue++] = c;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct node *n = ctx;
	uint64_t listed = n->engine->rep.listed;

	check_stream(n);
	if (n->last_repair != n->engine->rep.repair_id)
		n->last_listed = 0;
	n->last_repair = n->engine->rep.repair_id;
	queue_change(n, (struct change){.f = *f,
					.what = CHANGE_PUT,
					.how = how,
					.listed = listed != n->last_listed});
	n->last_listed = listed;
}

static void op_del(void *ctx, const struct flow *f)
{
	struct node *n = ctx;
	struct told *t = &n->told[model_id(f)];

	check_stream(n);
	if (n->engine->job != JOB_SWEEP) {
		/* the puts of this life are queued already: look at them, too */
		for (unsigned i = 0; i < n->n_queue; i++) {
			const struct change *c = &n->queue[i];

			if (c->what == CHANGE_PUT && !c->listed && flow_same(&c->f, f))
				t->live_life = n->sim->life_of_version[c->f.mark];
		}
		op_commit(n);
		/* a flow that left a filter may come back; that no other does, the end shows */
		if (!n->sim->filters)
			t->dead_life = t->live_life;
	}
	queue_change(n, (struct change){.f = *f, .what = CHANGE_DEL});
}

static void op_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	queue_change(ctx, (struct change){.f = *f, .what = CHANGE_TIMEOUT, .timeout_s = timeout_s});
}

static void on_dumped(void *ctx, const struct flow *f)
{
	engine_on_dump(((struct node *)ctx)->engine, f);
}

static int op_dump(void *ctx, bool start)
{
	struct node *n = ctx;

	if (is_dead(n, SITUATION_CRASH_LOOK) || chance(n->sim, 3))
		return -EINTR;
	n->sim->times[SITUATION_LEISURE] += start && n->engine->rep.leisure;
	return model_dump(&n->kernel, start, on_dumped, n);
}

static uint32_t op_count(void *ctx)
{
	return ((struct node *)ctx)->kernel.n;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	struct node *n = ctx;

	if (is_dead(n, SITUATION_CRASH_LOOK) || chance(n->sim, 20))
		return -EAGAIN;
	if (!model_is_there(&n->kernel, model_id(key)))
		return -ENOENT;
	*out = n->kernel.flow[model_id(key)];
	return 0;
}

static int op_expect_put(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	struct node *n = ctx;
	unsigned id = model_expect_id(x);
	struct told *t = &n->told[id];
	uint32_t version = model_expect_version(x);
	bool listed = n->engine->expects.collecting;

	if (is_dead(n, SITUATION_CRASH_COMMIT))
		return -EIO;
	check_stream(n);
	if (n->n_queue)
		broken(n->sim, "G3: node %u: an expectation before the flows", n->index);
	/* With filters it leaves and comes back with its master, and is then told as it is, which
	 * may be ahead of events that are yet to be read. */
	if (version <= t->expect_dead && !n->sim->filters)
		broken(n->sim, "G2: node %u: %s of what flow %u expects, version %u, after the end",
		       n->index, listed ? "listing" : "put", id, version);
	if (version < t->expect_live && !n->sim->filters)
		broken(n->sim, "G3: node %u: %s of what flow %u expects, version %u after %u",
		       n->index, listed ? "listing" : "put", id, version, t->expect_live);
	if (!listed)
		t->expect_live = version;
	return model_expect_put(&n->kernel, x, timeout_s);
}

/* Whose stream it is, if its kernel is still as it was in that stream. */
static const struct node *source_of(const struct node *n)
{
	const struct sim *s = n->sim;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		const struct node *src = &s->node[i];

		if (src->id != n->engine->stream.sender)
			continue;
		if (!src->alive || (src->engine->is_source &&
				    stream_key_equal(&src->engine->stream, &n->engine->stream)))
			return src;
	}
	return NULL;
}

/* What the stream told of, and the source still has, was there when it was listed. */
static void check_expect_sweep(struct node *n, unsigned id)
{
	const struct node *src = source_of(n);
	const struct expect *x = src ? &src->kernel.expect[id] : NULL;

	if (x && x->proto && model_expect_version(x) == n->told[id].expect_live && !n->sim->filters)
		broken(n->sim, "node %u sweeps what flow %u expects, version %u, and source %u has",
		       n->index, id, n->told[id].expect_live, src->index);
}

static int op_expect_del(void *ctx, const struct expect *x)
{
	struct node *n = ctx;
	struct told *t = &n->told[model_expect_id(x)];

	if (is_dead(n, SITUATION_CRASH_COMMIT))
		return -EIO;
	check_stream(n);
	if (n->engine->expects.collecting)
		check_expect_sweep(n, model_expect_id(x));
	else
		t->expect_dead = t->expect_live;
	return model_expect_del(&n->kernel, x);
}

static int op_expect_timeout(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	struct node *n = ctx;

	if (is_dead(n, SITUATION_CRASH_COMMIT))
		return -EIO;
	n->kernel.expect[model_expect_id(x)].timeout_s = timeout_s;
	return 0;
}

static int op_expects(void *ctx)
{
	struct node *n = ctx;

	if (is_dead(n, SITUATION_CRASH_LOOK) || chance(n->sim, 3))
		return -EINTR;
	for (unsigned id = 0; id < n->kernel.flows; id++) {
		const struct expect x = n->kernel.expect[id];

		if (x.proto)
			engine_on_expect(n->engine, &x);
	}
	return 0;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = (uint8_t)rnd64(((struct node *)ctx)->sim);
}

static void op_on_status(void *ctx)
{
	struct node *n = ctx;
	struct engine_status st;

	engine_status(n->engine, &st);
	trace(n->sim, "node %u: %s, term %u, seq %llu, alarms %x", n->index,
	      engine_phase_name(st.phase), st.term, (unsigned long long)st.seq, st.alarms);
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	struct node *n = ctx;

	n->drained = true;
	n->drain_ok = acknowledged;
}

static void op_read_events(void *ctx)
{
	((struct node *)ctx)->read_asked = true;
}

static void op_on_verified(void *ctx, const struct verify_page *p)
{
	struct sim *s = ((struct node *)ctx)->sim;
	struct verified *v = &s->verified;
	unsigned i = NODES_MAX;

	if (p->request != v->request || v->done)
		return;
	v->done = p->last;
	if (!p->id) {
		v->outcome = p->outcome;
		return;
	}
	if (sscanf(p->name, "controller-%u", &i) != 1 || i >= s->n_nodes)
		broken(s, "verify: an answer of %s", p->name);
	if (i >= s->n_nodes)
		return;
	v->of[i].told = true;
	v->of[i].outcome = p->outcome;
	v->of[i].missing = (unsigned)p->missing;
	v->of[i].extra = (unsigned)p->extra;
	v->of[i].different = (unsigned)p->different;
	for (unsigned k = 0; k < p->n; k++) {
		const struct verify_finding *f = &p->finding[k];
		unsigned id = model_id(f->source.family ? &f->source : &f->replica);

		if (id >= MODEL_FLOWS || v->of[i].what[id])
			broken(s, "verify: flow %u is named twice, or is none", id);
		else
			v->of[i].what[id] = f->what;
		v->of[i].named++;
	}
}

static const struct engine_ops ops = {
	.send = op_send,
	.put = op_put,
	.del = op_del,
	.set_timeout = op_set_timeout,
	.commit = op_commit,
	.dump = op_dump,
	.count = op_count,
	.get = op_get,
	.expect_put = op_expect_put,
	.expect_del = op_expect_del,
	.expect_timeout = op_expect_timeout,
	.expects = op_expects,
	.random = op_random,
	.on_status = op_on_status,
	.on_drained = op_on_drained,
	.read_events = op_read_events,
	.on_verified = op_on_verified,
};

/* ---- nodes ---- */

static bool is_active(const struct node *n)
{
	return n->alive && !n->dead && n->engine->is_source;
}

static struct flow local_flow(void)
{
	struct flow f = model_flow(MODEL_FLOWS - 1, MODEL_PORTS - 1, 0);
	const uint8_t vip[4] = {203, 0, 113, 1};

	memcpy(f.orig.src, vip, 4); /* the router's own */
	return f;
}

/* Controllers may have different ones: that of the source rules. */
static struct flow_filter random_filter(struct sim *s)
{
	struct flow_filter f = {.n_only = 0};

	if (!s->filters || chance(s, 200))
		return f;
	if (chance(s, 300))
		f.proto_out[0] = chance(s, 500) ? 1u << IPPROTO_UDP : 1u << IPPROTO_TCP;
	f.assured = chance(s, 400);
	if (chance(s, 400))
		f.tcp_states = rnd(s, 1024) | 1u << TCP_CONNTRACK_ESTABLISHED;
	if (chance(s, 200)) {
		f.ignored[0] = (struct ip_prefix){ip_addr_v4(htonl(0x0a000010)), 28};
		f.n_ignored = 1;
	}
	if (chance(s, 200)) {
		f.only[0] = (struct ip_prefix){ip_addr_v4(htonl(0x0a000000)), 25};
		f.n_only = 1;
	}
	return f;
}

static void node_start(struct sim *s, unsigned i, bool empty)
{
	struct node *n = &s->node[i];
	struct engine_conf conf;
	struct flow own = local_flow();

	if (n->alive)
		return;
	happened(s, empty ? SITUATION_RESTART_EMPTY : SITUATION_RESTART_FULL);
	trace(s, "node %u starts%s", i, empty ? " with an empty kernel" : "");
	engine_conf_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "controller-%u", i);
	conf.self = n->id = id_of(conf.name);
	conf.router = 7;
	conf.mtu_body = CTL_BODY_MAX + rnd(s, 3) * 400;
	conf.ring_bytes = conf.mtu_body * (4u << rnd(s, 8));
	conf.hold_new_ms = s->hold_ms;
	n->filter = random_filter(s);
	conf.filter = &n->filter;
	conf.reorder_bytes = conf.mtu_body * (5u << rnd(s, 6));
	conf.audit_ms = chance(s, 500) ? 1000 + rnd(s, 6000) : 0;
	conf.quiet_ms = chance(s, 500) ? 100u << rnd(s, 6) : 0; /* 0: a version without */
	n->pulse = (struct pulse){.self = 0};
	if (chance(s, 600)) { /* one with a pulse */
		uint8_t epoch[DGRAM_EPOCH_LEN];

		op_random(n, epoch, sizeof(epoch));
		pulse_init(&n->pulse, n->id, epoch, s->now);
		conf.pulse = &n->pulse;
		conf.quiet_ms = 100u << rnd(s, 8);
	}
	conf.locals.n = 1;
	conf.locals.addr[0] = ip_addr_v4(htonl(0xcb007101)); /* 203.0.113.1 */
	if (empty) {
		model_init(&n->kernel, s->n_flows, 50u << rnd(s, 6), 1 + rnd(s, MODEL_CHUNK));
		(void)model_insert(&n->kernel, &own);
	}
	n->kernel.subscribed = false;
	n->kernel.ev_n = 0;
	n->kernel.overrun = false;
	n->dead = false;
	n->changes_role = false;
	n->doom = 0;
	n->n_queue = 0;
	n->last_listed = 0;
	n->followed = (struct stream_key){.term = 0};
	memset(n->told, 0, sizeof(n->told));
	if (engine_new(&n->engine, &conf, &ops, n, &n->counters, s->now) < 0)
		abort();
	n->alive = true;
	n->life++;
	n->started_at = n->changed_at = s->now;
	n->run_at = s->now;
}

static void node_stop(struct sim *s, unsigned i)
{
	if (!s->node[i].alive)
		return;
	trace(s, "node %u stops", i);
	engine_free(s->node[i].engine);
	s->node[i].engine = NULL;
	s->node[i].alive = false;
	s->node[i].changed_at = s->now;
	s->node[i].kernel.subscribed = false;
	s->node[i].trail_until = 0;
	s->node[i].paused_until = 0;
	s->node[i].n_queue = 0;
}

/* Removes what died in a call. */
static void node_bury(struct sim *s, struct node *n, bool role)
{
	if (!n->alive || !n->dead)
		return;
	if (role)
		happened(s, SITUATION_CRASH_PROMOTE);
	node_stop(s, n->index);
}

static void node_promote(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];
	uint32_t term;

	if (!n->alive || n->dead || n->engine->is_source)
		return;
	n->trail_until = 0;
	n->kernel.subscribed = true;
	n->read_asked = true;
	n->changes_role = true;
	term = engine_promote(n->engine, 0, s->now);
	n->changes_role = false;
	n->promoted_at = s->now;
	n->run_at = s->now;
	trace(s, "node %u promoted, term %u", i, term);
	node_bury(s, n, true);
}

/* Its addresses are there, its predecessor forwards still. As replication_promote() does it. */
static void node_trail(struct sim *s, unsigned i, unsigned ms)
{
	struct node *n = &s->node[i];

	if (!n->alive || n->dead || n->engine->is_source || !engine_trail(n->engine, s->now)) {
		node_promote(s, i);
		return;
	}
	trace(s, "node %u trails", i);
	happened(s, SITUATION_TRAIL);
	n->trail_until = s->now + ms;
	n->run_at = s->now;
}

static void node_trail_step(struct sim *s, struct node *n)
{
	if (!n->trail_until || n->dead ||
	    (s->now < n->trail_until && !engine_trail_ended(n->engine)))
		return;
	s->times[SITUATION_TRAIL_REPAIR] += n->engine->rep.state != REPLICA_CLEAN;
	node_promote(s, n->index);
}

static void node_demote(struct sim *s, unsigned i)
{
	struct node *n = &s->node[i];

	if (!is_active(n))
		return;
	trace(s, "node %u demoted", i);
	n->changes_role = true;
	engine_demote(n->engine, s->now);
	n->changes_role = false;
	n->kernel.subscribed = false;
	n->kernel.ev_n = 0;
	n->kernel.overrun = false;
	n->run_at = s->now;
	node_bury(s, n, true);
}

/* Live changes wait for no replica, however slow, dead or under repair it is. */
static void check_nothing_waits(struct node *n)
{
	const struct sender *snd = &n->engine->sender;

	if (n->alive && !n->dead && (snd->n || snd->has_ops))
		broken(n->sim, "G6: source %u holds back live changes", n->index);
}

/* Reads what the kernel has queued: all of it, or a part as when the loop has more to do. */
static void node_read_events(struct sim *s, struct node *n)
{
	unsigned limit = chance(s, 200) ? rnd(s, 20) : UINT32_MAX;
	struct model_event ev;

	n->input = true;
	while (limit-- && model_next_event(&n->kernel, &ev)) {
		if (ev.x.proto)
			engine_on_expect_change(n->engine, &ev.x, ev.change, s->now);
		else
			engine_on_change(n->engine, &ev.f, ev.change, s->now);
	}
	if (n->kernel.ev_n)
		return;
	if (n->kernel.overrun) {
		n->kernel.overrun = false;
		engine_on_overrun(n->engine, s->now);
	}
	n->read_asked = false;
	engine_on_drained(n->engine, s->now);
	check_nothing_waits(n);
}

static bool has_events(const struct node *n)
{
	return is_active(n) && (n->kernel.ev_n || n->kernel.overrun || n->read_asked);
}

static void check_memory(struct node *n)
{
	const struct engine *e = n->engine;
	bool repairs =
		!e->is_source && e->rep.state != REPLICA_NEED && e->rep.state != REPLICA_CLEAN;
	uint64_t memory = e->rep.seen.size * 8 + e->round.index.used + e->cmp.index.used;

	if (e->rep.seen.slot && !repairs)
		broken(n->sim, "G6: node %u keeps hashes outside of a repair", n->index);
	if ((e->cmp.differ.bits || e->cmp.own.sum || e->cmp.theirs.sum) &&
	    (e->is_source ||
	     (!e->cmp.running && e->rep.state == REPLICA_CLEAN && !account_compares(&e->account))))
		broken(n->sim, "G6: node %u keeps digests outside of a repair", n->index);
	if (e->round.digests.sum && e->job != JOB_DIGEST && !e->round.telling)
		broken(n->sim, "G6: source %u keeps digests", n->index);
	if (e->expects.seen.slot && !e->expects.collecting)
		broken(n->sim, "G6: node %u keeps hashes of expectations", n->index);
	if (e->receiver.n_used > e->receiver.n_cells || e->sender.ring_at > e->sender.ring_size)
		broken(n->sim, "G6: node %u: a buffer beyond its bound", n->index);
	if (n->counters.v[SYNC_RX_BAD_BODY])
		broken(n->sim, "node %u met a body that it cannot decode", n->index);
	if (memory > 64 * (uint64_t)MODEL_FLOWS + 8192)
		broken(n->sim, "G6: node %u: a repair takes %llu bytes", n->index,
		       (unsigned long long)memory);
	if (e->rep.seen.size * 8 > n->sim->max_seen)
		n->sim->max_seen = e->rep.seen.size * 8;
	if (e->receiver.n_used * e->receiver.cell_size > n->sim->max_reorder)
		n->sim->max_reorder = e->receiver.n_used * e->receiver.cell_size;
}

/* As the worker has it, which tells all its engines. */
static void node_on_datagram(struct sim *s, struct node *n, const struct packet *p)
{
	enum pulse_heard heard;
	unsigned before = n->pulse.n;

	n->input = true;
	if (p->h.router != PULSE_ROUTER) {
		engine_on_datagram(n->engine, &p->h, p->body, p->len, s->now);
		return;
	}
	heard = n->pulse.self ? pulse_on(&n->pulse, &p->h, p->body, p->len, s->now) : PULSE_OLD;
	if (heard == PULSE_BAD)
		broken(s, "node %u met a pulse that it cannot decode", n->index);
	if (heard != PULSE_NEWS)
		return;
	s->times[SITUATION_PULSE_BACK] += n->pulse.n == before;
	trace(s, "node %u: pulse of %x", n->index, p->h.sender);
	engine_pulsed(n->engine, s->now);
}

static void node_pulse(struct sim *s, struct node *n)
{
	uint8_t body[CTL_BODY_MAX];
	struct wr w = wr_of(body, sizeof(body));
	struct dgram_hdr h;

	if (!n->pulse.self)
		return;
	if (pulse_expire(&n->pulse, s->now)) {
		trace(s, "node %u: a pulse is lost", n->index);
		happened(s, SITUATION_PULSE_LOST);
		n->input = true;
	}
	if (pulse_next(&n->pulse, s->now, rnd64(s), &h, &w))
		send_to_all(n, &h, body, wr_len(&w));
	s->times[SITUATION_RARE] += n->engine->status_at > s->now + 5000;
}

static void node_step(struct sim *s, struct node *n)
{
	node_bury(s, n, false);
	if (!n->alive || n->paused_until > s->now)
		return;
	node_pulse(s, n);
	if (has_events(n) && chance(s, 300))
		node_read_events(s, n);
	if (!n->input && n->run_at > s->now)
		return;
	/* a busy loop comes round a few times a millisecond */
	for (unsigned i = 0; i < 3 && !n->dead && (n->input || n->run_at <= s->now); i++) {
		n->input = false;
		node_trail_step(s, n);
		if (!n->alive)
			return;
		n->run_at = engine_run(n->engine, s->now);
		if (n->trail_until && n->trail_until < n->run_at)
			n->run_at = n->trail_until;
		check_stream(n);
	}
	check_memory(n);
	node_bury(s, n, false);
}

#endif
