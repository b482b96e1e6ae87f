/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulator does not look at one by one: messages, roles, counters, alarms, the barrier.
 * A network of engines without loss; kernels are lists of what they were told. */
#include <errno.h>

#include "flow_samples.h"

#include "../../sync/engine_impl.h"

#define NODES	 3
#define TABLE	 64
#define MAILS	 256
#define BODY_MAX 1500

struct mail {
	unsigned from;
	struct dgram_hdr h;
	size_t len;
	uint8_t body[BODY_MAX];
};

struct node {
	struct world *w;
	unsigned index;
	struct engine *e;
	struct sync_counters c;
	struct flow table[TABLE];
	unsigned n;
	int put_error;
	unsigned sent, commits, dumps, statuses;
	int drained; /* -1: no answer */
	bool deaf;
};

struct world {
	uint32_t hold_ms;
	struct flow_filter filter;
	struct node node[NODES];
	struct mail mail[MAILS];
	unsigned n_mail;
	uint64_t now;
	uint8_t next_random;
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct node *n = ctx;
	struct mail *m = &n->w->mail[n->w->n_mail++];

	assert_true(n->w->n_mail <= MAILS && len <= BODY_MAX);
	n->sent++;
	m->from = n->index;
	m->h = *h;
	m->len = len;
	memcpy(m->body, body, len);
}

static struct flow *find(struct node *n, const struct flow *f)
{
	for (unsigned i = 0; i < n->n; i++)
		if (flow_same(&n->table[i], f))
			return &n->table[i];
	return NULL;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct node *n = ctx;
	struct flow *at = find(n, f);

	if (n->put_error || (!at && how == FLOW_PUT_UPDATE)) {
		engine_on_apply_failed(n->e, f, n->put_error ? n->put_error : -ENOENT);
		return;
	}
	if (at) {
		flow_merge(at, f);
		return;
	}
	assert_true(n->n < TABLE);
	n->table[n->n] = *f;
	n->table[n->n].has |= FLOW_HAS_TIMEOUT;
	n->table[n->n++].timeout_s = 604800;
}

static void op_del(void *ctx, const struct flow *f)
{
	struct node *n = ctx;
	struct flow *at = find(n, f);

	assert_int_equal(f->has, 0);
	if (at)
		*at = n->table[--n->n];
	else
		engine_on_apply_failed(n->e, f, -ENOENT);
}

static void op_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	struct flow *at = find(ctx, f);

	assert_int_equal(f->has, 0);
	if (at)
		at->timeout_s = timeout_s;
}

static void op_commit(void *ctx)
{
	((struct node *)ctx)->commits++;
}

static int op_dump(void *ctx, bool start)
{
	struct node *n = ctx;
	struct flow copy[TABLE];
	unsigned count = n->n;

	assert_true(start); /* one chunk is all */
	n->dumps++;
	memcpy(copy, n->table, sizeof(copy));
	for (unsigned i = 0; i < count; i++)
		engine_on_dump(n->e, &copy[i]);
	return 0;
}

static uint32_t op_count(void *ctx)
{
	return ((struct node *)ctx)->n;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	struct flow *at = find(ctx, key);

	if (!at)
		return -ENOENT;
	*out = *at;
	return 0;
}

/* Expectations have tests of their own: test_expect.c, and the simulator. */
static int op_expect(void *ctx, const struct expect *x)
{
	(void)ctx;
	(void)x;
	return 0;
}

static int op_expect_for(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	(void)timeout_s;
	return op_expect(ctx, x);
}

static int op_expects(void *ctx)
{
	(void)ctx;
	return 0;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	memset(buf, ++((struct node *)ctx)->w->next_random, len);
}

static void op_on_status(void *ctx)
{
	((struct node *)ctx)->statuses++;
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	((struct node *)ctx)->drained = acknowledged;
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
	.expect_put = op_expect_for,
	.expect_del = op_expect,
	.expect_timeout = op_expect_for,
	.expects = op_expects,
	.random = op_random,
	.on_status = op_on_status,
	.on_drained = op_on_drained,
};

static void start(struct world *w, unsigned i)
{
	struct node *n = &w->node[i];
	struct engine_conf conf;

	engine_conf_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "controller-%u", i);
	conf.self = id_of(conf.name);
	conf.router = 1;
	conf.hold_new_ms = w->hold_ms;
	conf.filter = &w->filter;
	*n = (struct node){.w = w, .index = i, .drained = -1};
	assert_int_equal(engine_new(&n->e, &conf, &ops, n, &n->c, w->now), 0);
}

static struct world *set_up_with(uint32_t ms, struct flow_filter filter)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now = 1000;
	w->hold_ms = ms;
	w->filter = filter;
	for (unsigned i = 0; i < NODES; i++)
		start(w, i);
	return w;
}

static struct world *set_up_holding(uint32_t ms)
{
	return set_up_with(ms, (struct flow_filter){.n_only = 0});
}

static struct world *set_up(void)
{
	return set_up_holding(0);
}

static void tear_down(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++)
		engine_free(w->node[i].e);
	free(w);
}

static void deliver(struct world *w)
{
	static struct mail mail[MAILS];
	unsigned n = w->n_mail;

	memcpy(mail, w->mail, n * sizeof(*mail));
	w->n_mail = 0;
	for (unsigned m = 0; m < n; m++)
		for (unsigned i = 0; i < NODES; i++)
			if (i != mail[m].from && !w->node[i].deaf)
				engine_on_datagram(w->node[i].e, &mail[m].h, mail[m].body,
						   mail[m].len, w->now);
}

static void run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now++;
		deliver(w);
		for (unsigned i = 0; i < NODES; i++)
			(void)engine_run(w->node[i].e, w->now);
	}
}

static enum engine_phase phase(struct world *w, unsigned i)
{
	struct engine_status st;

	engine_status(w->node[i].e, &st);
	return st.phase;
}

static uint32_t alarms(struct world *w, unsigned i)
{
	struct engine_status st;

	engine_status(w->node[i].e, &st);
	return st.alarms;
}

/* The kernel of a source has the flow, and says so. */
static void add(struct world *w, unsigned i, uint16_t number)
{
	struct flow f = sample_tcp_snat(number);
	struct node *n = &w->node[i];

	f.has |= FLOW_HAS_TIMEOUT;
	f.timeout_s = 432000;
	n->table[n->n++] = f;
	engine_on_change(n->e, &f, FLOW_NEW, w->now);
}

static void conf_refused(void **state)
{
	struct engine_conf good, bad;
	struct sync_counters c;
	struct engine *e = NULL;
	struct world w = {.now = 0};
	struct node n = {.w = &w};

	(void)state;
	engine_conf_defaults(&good);
	strcpy(good.name, "a");
	assert_int_equal(engine_new(&e, &good, &ops, &n, &c, 0), -EINVAL); /* no id */
	good.self = 1;
	bad = good;
	bad.mtu_body = 100;
	assert_int_equal(engine_new(&e, &bad, &ops, &n, &c, 0), -EINVAL);
	bad = good;
	bad.ring_bytes = bad.mtu_body;
	assert_int_equal(engine_new(&e, &bad, &ops, &n, &c, 0), -EINVAL);
	bad = good;
	bad.locals.n = FLOW_LOCALS_MAX + 1;
	assert_int_equal(engine_new(&e, &bad, &ops, &n, &c, 0), -EINVAL);
	assert_null(e);
	assert_int_equal(engine_new(&e, &good, &ops, &n, &c, 0), 0);
	engine_free(e);
	engine_free(NULL);
}

static void join_and_follow(void **state)
{
	struct world *w = set_up();
	struct engine_status st;
	struct engine_peer peer[ENGINE_PEERS_MAX];

	(void)state;
	run(w, 50);
	assert_int_equal(phase(w, 1), ENGINE_ALONE);
	/* what a replica has and the source has not, goes; its own traffic stays */
	w->node[1].table[w->node[1].n++] = sample_tcp_snat(999);
	w->node[1].table[w->node[1].n++] = sample_flow(IPPROTO_UDP, "127.0.0.1", 1, "127.0.0.1", 2);
	for (uint16_t i = 0; i < 20; i++)
		w->node[0].table[w->node[0].n++] = sample_tcp_snat(i);
	assert_int_equal(engine_promote(w->node[0].e, 41, w->now), 42);
	run(w, 30);
	assert_int_equal(phase(w, 0), ENGINE_SOURCE);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	assert_int_equal(phase(w, 2), ENGINE_READY);
	assert_int_equal(w->node[1].n, 21);
	assert_int_equal(w->node[2].n, 20);
	assert_int_equal(w->node[1].c.v[SYNC_REPAIR_DELETED], 1);
	assert_int_equal(w->node[0].c.v[SYNC_REPAIRS_SERVED], 1); /* one for both */

	/* without a heartbeat in between: one new flow is one datagram, at once */
	w->n_mail = 0;
	add(w, 0, 100);
	assert_int_equal(w->n_mail, 0);
	engine_on_drained(w->node[0].e, w->now);
	assert_int_equal(w->n_mail, 1);
	run(w, 1);
	assert_int_equal(w->node[2].n, 21);

	engine_status(w->node[2].e, &st);
	assert_int_equal(st.term, 42);
	assert_int_equal(st.repair_percent, 100);
	assert_string_equal(st.source_name, "controller-0");
	run(w, 200);
	assert_int_equal(engine_peers(w->node[0].e, peer, w->now), 2);
	assert_string_equal(peer[0].name, "controller-1");
	assert_int_equal(peer[0].phase, ENGINE_READY);
	assert_int_equal(peer[0].behind, 0);
	assert_false(peer[0].lost);
	tear_down(w);
}

/* As the kernel tells it; its table does not matter here. */
static void tell(struct world *w, uint16_t number, enum flow_change what)
{
	struct flow f = sample_tcp_snat(number);

	engine_on_change(w->node[0].e, &f, what, w->now);
}

static bool has(struct world *w, uint16_t number)
{
	struct flow f = sample_tcp_snat(number);

	return find(&w->node[1], &f) != NULL;
}

static struct world *set_up_source_holding(uint32_t ms)
{
	struct world *w = set_up_holding(ms);

	(void)engine_promote(w->node[0].e, 0, w->now);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 100);
	engine_on_drained(w->node[0].e, w->now);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	return w;
}

static void held_until_old(void **state)
{
	struct world *w = set_up_source_holding(100);
	const uint64_t *c = w->node[0].c.v;

	(void)state;
	tell(w, 1, FLOW_NEW);
	tell(w, 2, FLOW_NEW);
	tell(w, 3, FLOW_NEW);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 50);
	assert_int_equal(c[SYNC_TX_PUT], 0);
	tell(w, 2, FLOW_UPDATE);
	tell(w, 3, FLOW_DESTROY);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
	assert_true(!has(w, 1) && has(w, 2) && !has(w, 3));
	run(w, 44);
	assert_false(has(w, 1));
	run(w, 6);
	assert_true(has(w, 1));
	assert_int_equal(c[SYNC_TX_PUT], 2);
	assert_int_equal(c[SYNC_TX_DEL], 0);
	assert_int_equal(c[SYNC_HOLD_ENDED], 1);
	/* what was told ends as ever */
	tell(w, 1, FLOW_DESTROY);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
	assert_false(has(w, 1));
	tear_down(w);
}

static void held_leaves_before(void **state)
{
	struct world *w = set_up_source_holding(60000);

	(void)state;
	tell(w, 1, FLOW_NEW);
	run(w, 10);
	assert_false(has(w, 1));
	engine_drain(w->node[0].e, 100, w->now);
	run(w, 3);
	assert_true(has(w, 1)); /* a planned switchover takes it along */
	tell(w, 2, FLOW_NEW);
	engine_demote(w->node[0].e, w->now);
	run(w, 3);
	assert_true(has(w, 2));
	tear_down(w);
}

static void held_are_bounded(void **state)
{
	struct world *w = set_up_source_holding(60000);

	(void)state;
	for (unsigned i = 0; i < HOLD_MAX + 5; i++)
		tell(w, (uint16_t)i, FLOW_NEW);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
	assert_int_equal(w->node[0].c.v[SYNC_HOLD_FULL], 5);
	assert_true(has(w, 4) && !has(w, 5)); /* the oldest */
	tear_down(w);
}

static void takeover(void **state)
{
	struct world *w = set_up();
	uint32_t term = engine_promote(w->node[0].e, 0, w->now);

	(void)state;
	run(w, 20);
	add(w, 0, 1);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
	w->node[0].deaf = true;
	engine_demote(w->node[0].e, w->now);
	w->n_mail = 0; /* it died: nothing of this was sent */
	run(w, 1100);
	assert_int_equal(phase(w, 1), ENGINE_ALONE);
	w->node[0].deaf = false;
	assert_int_equal(engine_promote(w->node[1].e, 0, w->now), term + 1);
	assert_int_equal(engine_promote(w->node[1].e, 99, w->now), term + 1); /* is it already */
	assert_true(w->n_mail > 0);					      /* says so at once */
	run(w, 30);
	assert_int_equal(phase(w, 0), ENGINE_READY);
	assert_int_equal(phase(w, 2), ENGINE_READY);
	assert_int_equal(w->node[0].n, 1);
	/* pinned on the replica, back to normal after the promotion */
	assert_int_equal(w->node[1].table[0].timeout_s, 604800);
	run(w, 2000);
	assert_int_equal(w->node[1].table[0].timeout_s, 432000);
	assert_int_equal(w->node[1].c.v[SYNC_REARMED], 1);

	unsigned dumps = w->node[1].dumps;

	run(w, 5000);
	assert_int_equal(w->node[1].dumps, dumps); /* the second pass found nothing */
	tear_down(w);
}

static void barrier(void **state)
{
	struct world *w = set_up();

	(void)state;
	engine_drain(w->node[0].e, 500, w->now);
	assert_int_equal(w->node[0].drained, 0); /* not a source */
	engine_promote(w->node[0].e, 0, w->now);
	w->node[0].drained = -1;
	engine_drain(w->node[0].e, 500, w->now);
	assert_int_equal(w->node[0].drained, 0); /* nobody follows */

	run(w, 30);
	add(w, 0, 1);
	w->node[0].drained = -1;
	engine_drain(w->node[0].e, 500, w->now);
	assert_int_equal(w->node[0].drained, -1);
	run(w, 3);
	assert_int_equal(w->node[0].drained, 1);
	assert_int_equal(w->node[1].n, 1);

	/* one does not answer any more */
	w->node[2].deaf = true;
	add(w, 0, 2);
	w->node[0].drained = -1;
	engine_drain(w->node[0].e, 300, w->now);
	run(w, 299);
	assert_int_equal(w->node[0].drained, -1);
	run(w, 1);
	assert_int_equal(w->node[0].drained, 0);

	w->node[0].drained = -1;
	engine_drain(w->node[0].e, 300, w->now);
	engine_demote(w->node[0].e, w->now);
	assert_int_equal(w->node[0].drained, 0);
	tear_down(w);
}

static void table_full(void **state)
{
	struct world *w = set_up();
	uint64_t repairs;

	(void)state;
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 30);
	w->node[1].put_error = -ENOMEM;
	add(w, 0, 1);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 30);
	assert_int_equal(alarms(w, 1), ENGINE_ALARM_TABLE_FULL);
	assert_int_equal(alarms(w, 2), 0);
	assert_int_equal(phase(w, 1), ENGINE_SYNCING);
	assert_true(w->node[1].c.v[SYNC_APPLY_TABLE_FULL] > 0);
	run(w, 10000);
	repairs = w->node[0].c.v[SYNC_REPAIRS_SERVED];
	assert_in_range(repairs, 3, 8); /* ever more seldom */
	w->node[1].put_error = 0;
	run(w, 20000);
	assert_int_equal(alarms(w, 1), 0);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	assert_int_equal(w->node[1].n, 1);
	tear_down(w);
}

/* What the kernel refuses for good must not keep a replica from ever being READY. */
static void refused(void **state)
{
	struct world *w = set_up();

	(void)state;
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 30);
	w->node[1].put_error = -EINVAL;
	add(w, 0, 1);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
	assert_int_equal(phase(w, 1), ENGINE_SYNCING);
	run(w, 50);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	assert_int_equal(w->node[1].c.v[SYNC_APPLY_ERRORS], 2);
	assert_int_equal(w->node[1].n, 0);
	tear_down(w);
}

/* Events are lost all the time: repairs become ever more seldom. */
static void overload(void **state)
{
	struct world *w = set_up();

	(void)state;
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 30);
	for (unsigned i = 0; i < 2000; i++) {
		engine_on_overrun(w->node[0].e, w->now);
		run(w, 10);
	}
	assert_in_range(w->node[0].c.v[SYNC_REPAIRS_SERVED], 4, 10);
	run(w, 12000);
	assert_int_equal(alarms(w, 0), 0);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	tear_down(w);
}

static void overrun(void **state)
{
	struct world *w = set_up();

	(void)state;
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 30);
	w->node[0].table[w->node[0].n++] = sample_tcp_snat(5); /* its event was lost */
	engine_on_overrun(w->node[0].e, w->now);
	assert_int_equal(alarms(w, 0), ENGINE_ALARM_OVERRUN);
	run(w, 50);
	assert_int_equal(alarms(w, 0), ENGINE_ALARM_OVERRUN);
	run(w, 300);
	assert_int_equal(w->node[1].n, 1);
	assert_int_equal(w->node[2].n, 1);
	assert_int_equal(alarms(w, 0), 0);
	assert_int_equal(w->node[0].c.v[SYNC_EVENT_OVERRUNS], 1);
	tear_down(w);
}

static void two_sources(void **state)
{
	struct world *w = set_up();

	(void)state;
	assert_int_equal(engine_promote(w->node[0].e, 0, w->now), 1);
	assert_int_equal(engine_promote(w->node[1].e, 0, w->now), 1);
	run(w, 400);
	assert_int_equal(alarms(w, 0), ENGINE_ALARM_TWO_SOURCES);
	assert_int_equal(alarms(w, 1), ENGINE_ALARM_TWO_SOURCES);
	assert_int_equal(alarms(w, 2), ENGINE_ALARM_TWO_SOURCES);
	/* one of the two, by rank, and no race of terms */
	assert_int_equal(w->node[2].e->stream.sender,
			 w->node[0].e->conf.self > w->node[1].e->conf.self
				 ? w->node[0].e->conf.self
				 : w->node[1].e->conf.self);
	assert_int_equal(w->node[0].e->stream.term, 1);
	/* whoever stays is followed in the end, also the one of lower rank */
	engine_demote(w->node[w->node[0].e->conf.self > w->node[1].e->conf.self ? 0 : 1].e, w->now);
	run(w, 2500);
	assert_int_equal(phase(w, 2), ENGINE_READY);
	assert_int_equal(alarms(w, 0) | alarms(w, 1) | alarms(w, 2), 0);
	tear_down(w);
}

/* How many peers node i counts on as its followers. */
static unsigned followers(struct world *w, unsigned i)
{
	struct engine_peer peer[ENGINE_PEERS_MAX];
	unsigned n = engine_peers(w->node[i].e, peer, w->now), count = 0;

	for (unsigned k = 0; k < n; k++)
		count += peer[k].follows;
	return count;
}

static void counted_on(void **state)
{
	struct world *w = set_up();
	unsigned told;

	(void)state;
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 200);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	assert_int_equal(followers(w, 0), 0); /* not long enough yet */
	told = w->node[0].statuses;
	run(w, 300);
	assert_int_equal(followers(w, 0), 2);
	assert_true(w->node[0].statuses > told);
	told = w->node[0].statuses;
	run(w, 1000);
	assert_int_equal(w->node[0].statuses, told); /* news once */

	w->node[1].deaf = true;
	run(w, 2000);
	assert_int_equal(phase(w, 1), ENGINE_ALONE);
	assert_int_equal(followers(w, 0), 1); /* it is heard, but follows nobody */
	w->node[1].deaf = false;
	run(w, 600);
	assert_int_equal(followers(w, 0), 2);
	engine_promote(w->node[1].e, 0, w->now);
	run(w, 600);
	assert_int_equal(phase(w, 2), ENGINE_READY);
	assert_int_equal(w->node[2].e->stream.sender, w->node[1].e->conf.self);
	assert_int_equal(followers(w, 0), 0);
	assert_int_equal(followers(w, 1), 0); /* while there are two sources */
	engine_demote(w->node[0].e, w->now);
	run(w, 600);
	assert_int_equal(followers(w, 0), 0);
	assert_int_equal(followers(w, 1), 2);
	tear_down(w);
}

/* A source that restarted knows no term; those who know a higher one must still follow it. */
static void blank_source(void **state)
{
	struct world *w = set_up();

	(void)state;
	engine_promote(w->node[0].e, 7, w->now);
	run(w, 30);
	engine_free(w->node[0].e);
	start(w, 0);
	assert_int_equal(engine_promote(w->node[0].e, 0, w->now), 1);
	run(w, 300);
	assert_int_equal(w->node[0].e->stream.term, 9);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	assert_int_equal(phase(w, 2), ENGINE_READY);
	tear_down(w);
}

static void send_to(struct world *w, unsigned to, struct dgram_hdr h, const uint8_t *body, size_t n)
{
	h.router = 1;
	engine_on_datagram(w->node[to].e, &h, body, n, w->now);
}

/* Brings back what `to` challenged the sender of h with, so that this lifetime is believed. */
static void prove(struct world *w, unsigned to, struct dgram_hdr h)
{
	uint8_t buf[64] = {0};

	h.seq = 1;
	h.kind = DGRAM_CONTROL;
	send_to(w, to, h, buf, 0);
	w->n_mail = 0;
	w->now += 2;
	(void)engine_run(w->node[to].e, w->now);
	for (unsigned i = 0; i < w->n_mail; i++) {
		struct rd r = rd_of(w->mail[i].body, w->mail[i].len);
		struct ctl_msg m;

		while (w->mail[i].h.kind == DGRAM_CONTROL && ctl_decode(&r, &m) == CTL_MSG) {
			struct wr wr = wr_of(buf, sizeof(buf));

			if (m.type != CTL_CHALLENGE || m.challenge.to != h.sender)
				continue;
			m.type = CTL_ECHO;
			m.challenge.to = w->node[to].e->conf.self;
			ctl_encode(&wr, &m);
			h.seq = 2;
			send_to(w, to, h, buf, wr_len(&wr));
			return;
		}
	}
	fail_msg("no challenge");
}

/* That sender is a source of this term, with this number. */
static void vouch(struct world *w, unsigned to, const struct dgram_hdr *data, uint64_t seq)
{
	struct ctl_msg m = {.type = CTL_STATUS,
			    .status = {.name = "stranger",
				       .phase = ENGINE_SOURCE,
				       .known_term = data->term,
				       .stream = stream_key_of(data),
				       .seq = seq}};
	struct dgram_hdr h = {.kind = DGRAM_CONTROL, .sender = data->sender, .seq = 100 + seq};
	uint8_t buf[CTL_BODY_MAX];
	struct wr wr = wr_of(buf, sizeof(buf));

	ctl_encode(&wr, &m);
	send_to(w, to, h, buf, wr_len(&wr));
}

static void strangers(void **state)
{
	struct world *w = set_up();
	struct node *n = &w->node[1];
	const uint8_t bad[] = {0, 0, 0x61, 0xff}, ctl[] = {CTL_GONE, 2, 0, 0};
	struct dgram_hdr data = {.kind = DGRAM_DATA, .sender = 55, .term = 3, .seq = 1};
	struct dgram_hdr control = {.kind = DGRAM_CONTROL, .sender = 56, .seq = 1};
	struct dgram_hdr own = {.kind = DGRAM_CONTROL, .sender = n->e->conf.self, .seq = 1};

	(void)state;
	send_to(w, 1, data, bad, sizeof(bad));
	assert_int_equal(n->c.v[SYNC_RX_BAD_BODY], 0);
	assert_int_equal(n->c.v[SYNC_RX_UNPROVEN], 1);
	assert_int_equal(n->e->known_term, 0);
	prove(w, 1, data);
	vouch(w, 1, &data, 0);
	send_to(w, 1, data, bad, sizeof(bad));
	assert_int_equal(n->c.v[SYNC_RX_BAD_BODY], 1);
	assert_int_equal(n->e->known_term, 3);
	data.term = 2;
	send_to(w, 1, data, bad, sizeof(bad));
	assert_int_equal(n->c.v[SYNC_RX_OTHER_STREAM], 1);
	data.term = 3;
	data.seq = 0;
	send_to(w, 1, data, bad, sizeof(bad));
	assert_int_equal(n->c.v[SYNC_RX_OTHER_STREAM], 2);

	prove(w, 1, control);
	control.seq = 3;
	send_to(w, 1, control, ctl, sizeof(ctl));
	assert_int_equal(n->c.v[SYNC_RX_BAD_BODY], 2);
	send_to(w, 1, control, ctl, sizeof(ctl));
	assert_int_equal(n->c.v[SYNC_RX_REPLAYED], 1);
	for (uint32_t i = 0; i < 20; i++) {
		control.sender = 1000 + i;
		send_to(w, 1, control, ctl, 0);
	}
	assert_int_equal(n->c.v[SYNC_RX_NO_PLACE], 20 - (ENGINE_PEERS_MAX - 2));

	/* our own of before a restart, then really somebody with our id */
	send_to(w, 1, own, ctl, 0);
	assert_int_equal(alarms(w, 1), 0);
	run(w, 1100);
	send_to(w, 1, own, ctl, 0); /* a record of it changes nothing */
	assert_int_equal(alarms(w, 1), 0);
	assert_int_equal(n->c.v[SYNC_RX_ID_CLASH], 2);
	prove(w, 1, own);
	assert_int_equal(alarms(w, 1), ENGINE_ALARM_ID_CLASH);
	assert_int_equal(n->c.v[SYNC_RX_ID_CLASH], 4);
	run(w, 1100);
	assert_int_equal(alarms(w, 1), 0);
	memcpy(own.epoch, n->e->ctl_epoch, sizeof(own.epoch));
	send_to(w, 1, own, ctl, 0);
	assert_int_equal(n->c.v[SYNC_RX_OWN], 1);
	tear_down(w);
}

/* The kernel does not tell that a helper began to adjust its flow, but tells of the flow behind. */
static void master_is_looked_at(void **state)
{
	struct world *w = set_up();
	struct flow child = sample_tcp_snat(2), *master;
	struct flow_rare *r = flow_rare_add(&child, FLOW_HAS_MASTER);

	(void)state;
	add(w, 0, 1);
	engine_promote(w->node[0].e, 0, w->now);
	run(w, 500);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	master = &w->node[0].table[0];
	flow_rare_add(master, FLOW_HAS_SEQADJ)->seqadj[0].after = 7;
	master->mark = 5; /* its event is on its way */
	master->has |= FLOW_HAS_MARK;
	r->master = master->orig;
	r->master_proto = master->proto;
	engine_on_change(w->node[0].e, &child, FLOW_NEW, w->now);
	r->master.l4.raw = 0; /* not there, or any more: harmless */
	child.orig.l4.raw ^= 1;
	engine_on_change(w->node[0].e, &child, FLOW_NEW, w->now);
	engine_on_drained(w->node[0].e, w->now);
	run(w, 50);
	assert_int_equal(w->node[1].n, 3);
	assert_true(w->node[1].table[0].has & FLOW_HAS_SEQADJ);
	assert_int_equal(w->node[1].table[0].rare.seqadj[0].after, 7);
	assert_false(w->node[1].table[0].has & FLOW_HAS_MARK);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	tear_down(w);
}

/* ---- filter ---- */

static struct world *set_up_filter(struct flow_filter filter, uint32_t hold_ms)
{
	struct world *w = set_up_with(hold_ms, filter);

	(void)engine_promote(w->node[0].e, 0, w->now);
	run(w, 100);
	engine_on_drained(w->node[0].e, w->now);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	return w;
}

/* The kernel has the flow with this state, and tells of it; an update tells no mark and no helper.
 */
static void tell_of(struct world *w, uint16_t number, uint8_t tcp, bool assured,
		    enum flow_change what)
{
	struct flow f = sample_tcp_snat(number), *at = find(&w->node[0], &f);

	f.tcp.state = tcp;
	f.mark = number;
	f.has |= FLOW_HAS_MARK;
	if (!assured)
		f.status &= ~(uint32_t)IPS_ASSURED;
	strcpy(flow_rare_add(&f, FLOW_HAS_HELPER)->helper, "ftp");
	if (!at)
		at = &w->node[0].table[w->node[0].n++];
	*at = f;
	if (what == FLOW_UPDATE)
		f.has &= ~(uint32_t)(FLOW_HAS_MARK | FLOW_HAS_RARE);
	if (what == FLOW_DESTROY)
		*at = w->node[0].table[--w->node[0].n];
	engine_on_change(w->node[0].e, &f, what, w->now);
}

static void settle(struct world *w)
{
	engine_on_drained(w->node[0].e, w->now);
	run(w, 3);
}

static void filter_by_assured(void **state)
{
	struct world *w = set_up_filter((struct flow_filter){.assured = true}, 0);
	const uint64_t *c = w->node[0].c.v;
	uint64_t dels;

	(void)state;
	tell_of(w, 1, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	tell_of(w, 2, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	tell_of(w, 1, TCP_CONNTRACK_SYN_RECV, false, FLOW_UPDATE);
	tell_of(w, 2, TCP_CONNTRACK_CLOSE, false, FLOW_DESTROY);
	settle(w);
	assert_int_equal(c[SYNC_TX_PUT] + c[SYNC_TX_DEL], 0);
	assert_int_equal(c[SYNC_EVENTS_FILTERED], 4);
	/* in: whole, though the event tells less */
	tell_of(w, 1, TCP_CONNTRACK_ESTABLISHED, true, FLOW_UPDATE);
	settle(w);
	assert_true(has(w, 1));
	assert_int_equal(w->node[1].table[0].mark, 1);
	assert_string_equal(w->node[1].table[0].rare.helper, "ftp");
	assert_int_equal(w->node[1].c.v[SYNC_APPLY_MISSING], 0);
	/* once more: it is changed, not made anew */
	tell_of(w, 1, TCP_CONNTRACK_FIN_WAIT, true, FLOW_UPDATE);
	settle(w);
	assert_int_equal(w->node[1].n, 1);
	assert_int_equal(w->node[1].table[0].tcp.state, TCP_CONNTRACK_FIN_WAIT);
	dels = c[SYNC_TX_DEL];
	tell_of(w, 1, TCP_CONNTRACK_TIME_WAIT, true, FLOW_DESTROY);
	settle(w);
	assert_false(has(w, 1));
	assert_int_equal(c[SYNC_TX_DEL], dels + 1);
	assert_int_equal(c[SYNC_EVENTS_FILTERED], 4);
	tear_down(w);
}

static void filter_by_state(void **state)
{
	const struct flow_filter filter = {.tcp_states = 1u << TCP_CONNTRACK_ESTABLISHED};
	struct world *w = set_up_filter(filter, 0);
	struct flow f = sample_tcp_snat(1);

	(void)state;
	tell_of(w, 1, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	tell_of(w, 1, TCP_CONNTRACK_ESTABLISHED, true, FLOW_UPDATE);
	settle(w);
	assert_true(has(w, 1));
	/* what tells no state: that of the kernel counts */
	f.has &= ~(uint32_t)FLOW_HAS_TCP;
	f.has |= FLOW_HAS_MARK;
	f.mark = 9;
	engine_on_change(w->node[0].e, &f, FLOW_UPDATE, w->now);
	settle(w);
	assert_int_equal(w->node[1].table[0].mark, 9);
	tell_of(w, 1, TCP_CONNTRACK_FIN_WAIT, true, FLOW_UPDATE);
	settle(w);
	assert_false(has(w, 1));
	engine_on_change(w->node[0].e, &f, FLOW_UPDATE, w->now);
	settle(w);
	assert_false(has(w, 1));
	/* in and out before anything is sent; and back */
	tell_of(w, 2, TCP_CONNTRACK_ESTABLISHED, true, FLOW_NEW);
	tell_of(w, 2, TCP_CONNTRACK_CLOSE, true, FLOW_UPDATE);
	tell_of(w, 3, TCP_CONNTRACK_ESTABLISHED, true, FLOW_NEW);
	tell_of(w, 3, TCP_CONNTRACK_CLOSE, true, FLOW_UPDATE);
	tell_of(w, 3, TCP_CONNTRACK_ESTABLISHED, true, FLOW_UPDATE);
	settle(w);
	assert_true(!has(w, 2) && has(w, 3));
	assert_int_equal(phase(w, 1), ENGINE_READY);
	tear_down(w);
}

static void filter_and_hold(void **state)
{
	const struct flow_filter filter = {.tcp_states = 1u << TCP_CONNTRACK_SYN_SENT |
							 1u << TCP_CONNTRACK_ESTABLISHED};
	struct world *w = set_up_filter(filter, 100);
	const uint64_t *c = w->node[0].c.v;

	(void)state;
	tell_of(w, 1, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	tell_of(w, 2, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	tell_of(w, 3, TCP_CONNTRACK_SYN_SENT, false, FLOW_NEW);
	settle(w);
	tell_of(w, 1, TCP_CONNTRACK_CLOSE, false, FLOW_UPDATE);	     /* out: never told */
	tell_of(w, 2, TCP_CONNTRACK_ESTABLISHED, true, FLOW_UPDATE); /* at once */
	settle(w);
	assert_true(!has(w, 1) && has(w, 2) && !has(w, 3));
	assert_int_equal(c[SYNC_TX_DEL], 0);
	assert_int_equal(c[SYNC_HOLD_ENDED], 1);
	run(w, 100);
	assert_true(has(w, 3)); /* old enough */
	assert_int_equal(w->node[1].c.v[SYNC_APPLY_MISSING], 0);
	tear_down(w);
}

/* Replicas end with what the new filter lets through, whatever theirs is; then there is rest. */
static void filter_changes(void **state)
{
	struct flow_filter filter = {.n_only = 0}, other = {.assured = true};
	struct world *w = set_up_filter(filter, 0);
	uint64_t repairs;

	(void)state;
	for (uint16_t i = 0; i < 20; i++)
		tell_of(w, i, TCP_CONNTRACK_ESTABLISHED, i % 2, FLOW_NEW);
	settle(w);
	assert_int_equal(w->node[1].n, 20);
	engine_set_filter(w->node[0].e, &other, w->now);
	engine_set_filter(w->node[2].e, &(struct flow_filter){.proto_out = {1u << IPPROTO_TCP}},
			  w->now); /* a replica's own does not count */
	run(w, 3);
	assert_int_equal(phase(w, 1), ENGINE_SYNCING);
	run(w, 200);
	for (unsigned i = 1; i < NODES; i++) {
		assert_int_equal(phase(w, i), ENGINE_READY);
		assert_int_equal(w->node[i].n, 10);
	}
	assert_true(has(w, 1) && !has(w, 2));
	repairs = w->node[0].c.v[SYNC_REPAIRS_SERVED];
	engine_set_filter(w->node[0].e, &other, w->now); /* the same */
	run(w, 2000);
	assert_int_equal(w->node[0].c.v[SYNC_REPAIRS_SERVED], repairs);
	engine_set_filter(w->node[0].e, &filter, w->now);
	run(w, 200);
	assert_int_equal(w->node[1].n, 20);
	assert_int_equal(phase(w, 1), ENGINE_READY);
	tear_down(w);
}

static void phases(void **state)
{
	(void)state;
	assert_string_equal(engine_phase_name(ENGINE_ALONE), "alone");
	assert_string_equal(engine_phase_name(ENGINE_SYNCING), "syncing");
	assert_string_equal(engine_phase_name(ENGINE_READY), "ready");
	assert_string_equal(engine_phase_name(ENGINE_SOURCE), "source");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_refused),
		cmocka_unit_test(join_and_follow),
		cmocka_unit_test(takeover),
		cmocka_unit_test(barrier),
		cmocka_unit_test(table_full),
		cmocka_unit_test(refused),
		cmocka_unit_test(overload),
		cmocka_unit_test(overrun),
		cmocka_unit_test(two_sources),
		cmocka_unit_test(blank_source),
		cmocka_unit_test(counted_on),
		cmocka_unit_test(strangers),
		cmocka_unit_test(held_until_old),
		cmocka_unit_test(held_leaves_before),
		cmocka_unit_test(held_are_bounded),
		cmocka_unit_test(filter_by_assured),
		cmocka_unit_test(filter_by_state),
		cmocka_unit_test(filter_and_hold),
		cmocka_unit_test(filter_changes),
		cmocka_unit_test(phases),
		cmocka_unit_test(master_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
