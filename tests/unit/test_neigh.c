/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours: the wire form, the table, and how replicas learn it although datagrams get lost. */
#include "engine_stub.h"
#include "flow_samples.h"

#include "../../sync/engine_impl.h"

static struct neigh v4(uint32_t number, uint8_t leg)
{
	struct neigh n = {.addr = ip_addr_v4(htonl(0x0a140000u + number)),
			  .leg = leg,
			  .mac = {2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number}};

	return n;
}

static struct neigh v6(uint8_t number, uint8_t leg)
{
	struct neigh n = {.addr = {.family = AF_INET6, .b = {0x20, 1, [15] = number}},
			  .leg = leg,
			  .mac = {2, 0, 0, 1, 0, number}};

	return n;
}

/* ---- wire ---- */

static void test_wire(void **state)
{
	uint8_t buf[CTL_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct ctl_msg in = {.type = CTL_NEIGH_PAGE,
			     .neigh = {.stream = {1, 2, 3},
				       .page = NEIGH_PAGES_MAX - 1,
				       .stamp = UINT64_MAX,
				       .have = UINT64_MAX - 1,
				       .content = {.n = NEIGH_PAGE_MAX}}},
		       out = {0};
	struct rd r;

	(void)state;
	for (uint8_t i = 0; i < NEIGH_PAGE_MAX; i++)
		in.neigh.content.e[i] = v6((uint8_t)(i + 1), i % NEIGH_LEGS);
	in.neigh.content.e[3] = v4(7, 1);
	ctl_encode(&w, &in);
	assert_true(wr_ok(&w)); /* the largest fits */
	r = rd_of(buf, wr_len(&w));
	assert_int_equal(ctl_decode(&r, &out), CTL_MSG);
	assert_int_equal(out.neigh.page, in.neigh.page);
	assert_true(out.neigh.stamp == in.neigh.stamp && out.neigh.have == in.neigh.have);
	assert_memory_equal(&out.neigh.content, &in.neigh.content, sizeof(in.neigh.content));
	for (size_t len = 0; len < wr_len(&w); len++) {
		r = rd_of(buf, len);
		assert_true(ctl_decode(&r, &out) != CTL_MSG);
	}
}

static void test_sane(void **state)
{
	struct neigh n = v4(1, 0);
	struct neigh_page p = {.n = 1}, out;
	uint8_t buf[64];
	struct wr w;
	struct rd r;

	(void)state;
	assert_true(neigh_is_sane(&n));
	n.leg = NEIGH_LEGS;
	assert_false(neigh_is_sane(&n));
	n = v4(1, 0);
	n.mac[0] |= 1;
	assert_false(neigh_is_sane(&n));
	n = v4(1, 0);
	memset(n.mac, 0, sizeof(n.mac));
	assert_false(neigh_is_sane(&n));
	n = v4(1, 0);
	n.addr.b[0] = 224;
	assert_false(neigh_is_sane(&n));
	n = v6(1, 0);
	assert_true(neigh_is_sane(&n));
	n.addr.b[0] = 0xff;
	assert_false(neigh_is_sane(&n));
	p.e[0] = n;
	w = wr_of(buf, sizeof(buf));
	neigh_page_encode(&w, &p);
	r = rd_of(buf, wr_len(&w));
	assert_false(neigh_page_decode(&r, &out));
}

/* ---- table ---- */

static unsigned drain(struct neigh_table *t, unsigned *entries)
{
	struct neigh_page p;
	unsigned page, pages = 0;

	*entries = 0;
	while (neigh_table_take(t, &page, &p)) {
		pages++;
		*entries += p.n;
	}
	return pages;
}

static void test_table(void **state)
{
	struct neigh_table *t = neigh_table_new();
	struct neigh n = v4(1, 0), other_leg = v4(1, 1);
	unsigned entries, page;
	struct neigh_page p;

	(void)state;
	neigh_table_put(t, &n);
	neigh_table_put(t, &other_leg);
	assert_int_equal(neigh_table_count(t), 2);
	assert_int_equal(drain(t, &entries), 1);
	assert_int_equal(entries, 2);
	neigh_table_put(t, &n); /* nothing new */
	assert_int_equal(drain(t, &entries), 0);
	n.mac[5] = 99;
	neigh_table_put(t, &n);
	assert_true(neigh_table_take(t, &page, &p));
	assert_int_equal(p.n, 2);
	assert_int_equal(p.e[0].mac[5], 99);
	neigh_table_del(t, &other_leg);
	neigh_table_del(t, &other_leg);
	assert_true(neigh_table_take(t, &page, &p));
	assert_int_equal(p.n, 1);
	neigh_table_again(t);
	assert_int_equal(drain(t, &entries), 1);
	neigh_table_free(t);
}

static void test_bound_and_listing(void **state)
{
	struct neigh_table *t = neigh_table_new();
	unsigned entries;
	struct neigh n;

	(void)state;
	for (uint32_t i = 1; i <= NEIGH_MAX + 5; i++) {
		n = v4(i, 0);
		neigh_table_put(t, &n);
	}
	assert_int_equal(neigh_table_count(t), NEIGH_MAX);
	assert_int_equal(neigh_table_left_out(t), 5);
	assert_int_equal(drain(t, &entries), NEIGH_PAGES_MAX);
	assert_int_equal(entries, NEIGH_MAX);

	neigh_table_list_begin(t);
	for (uint32_t i = 1; i <= 20; i++) {
		n = v4(i, 0);
		neigh_table_put(t, &n);
	}
	neigh_table_list_end(t);
	assert_int_equal(neigh_table_count(t), 20);
	/* what is free is used again */
	n = v4(NEIGH_MAX + 1, 0);
	neigh_table_put(t, &n);
	assert_int_equal(neigh_table_count(t), 21);
	assert_int_equal(neigh_table_left_out(t), 5);
	neigh_table_free(t);
}

/* ---- two engines ---- */

#define QUEUE 4096

struct node {
	struct world *w;
	struct engine *e;
	struct sync_counters c;
	struct neigh_page got[NEIGH_PAGES_MAX];
	unsigned cleared;
	bool no_memory;
};

struct world {
	struct node node[2];
	uint64_t now, random;
	unsigned loss; /* percent */
	unsigned pages_sent;
	struct {
		struct dgram_hdr h;
		size_t len;
		uint8_t body[1500];
	} * queue;
	unsigned queued;
};

static uint64_t next_random(struct world *w)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return w->random >> 16;
}

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct node *n = ctx;
	struct world *w = n->w;
	struct rd r = rd_of(body, len);
	struct ctl_msg m;

	while (h->kind == DGRAM_CONTROL && ctl_decode(&r, &m) == CTL_MSG)
		w->pages_sent += m.type == CTL_NEIGH_PAGE;
	if (next_random(w) % 100 < w->loss)
		return;
	assert_true(w->queued < QUEUE && len <= sizeof(w->queue->body));
	w->queue[w->queued].h = *h;
	w->queue[w->queued].len = len;
	memcpy(w->queue[w->queued++].body, body, len);
}

static bool op_neighbours(void *ctx, unsigned page, const struct neigh_page *p)
{
	struct node *n = ctx;

	if (n->no_memory)
		return false;
	if (!p) {
		memset(n->got, 0, sizeof(n->got));
		n->cleared++;
	} else {
		n->got[page] = *p;
	}
	return true;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	struct node *n = ctx;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)next_random(n->w);
}

static const struct engine_ops ops = {
	.send = op_send,
	.put = stub_put,
	.del = stub_del,
	.set_timeout = stub_set_timeout,
	.commit = stub_nothing,
	.dump = stub_dump,
	.count = stub_count,
	.expects = stub_expects,
	.neighbours = op_neighbours,
	.random = op_random,
	.on_status = stub_nothing,
};

static void make(struct world *w, unsigned i)
{
	struct engine_conf conf;

	engine_conf_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "node-%u", i);
	conf.self = i + 1;
	w->node[i].w = w;
	assert_int_equal(engine_new(&w->node[i].e, &conf, &ops, &w->node[i], &w->node[i].c, w->now),
			 0);
}

static struct world *set_up(unsigned loss)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->queue = calloc(QUEUE, sizeof(*w->queue));
	assert_non_null(w->queue);
	w->now = 5000;
	w->random = 1;
	w->loss = loss;
	for (unsigned i = 0; i < 2; i++)
		make(w, i);
	return w;
}

static void tear_down(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		engine_free(w->node[i].e);
	free(w->queue);
	free(w);
}

static void run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now++;
		for (unsigned i = 0; i < w->queued; i++) {
			struct node *to = &w->node[w->queue[i].h.sender == 1];

			engine_on_datagram(to->e, &w->queue[i].h, w->queue[i].body, w->queue[i].len,
					   w->now);
		}
		w->queued = 0;
		for (unsigned i = 0; i < 2; i++)
			(void)engine_run(w->node[i].e, w->now);
	}
}

static void tell(struct world *w, unsigned node, struct neigh_table *t)
{
	struct neigh_page p;
	unsigned page;

	while (neigh_table_take(t, &page, &p))
		engine_set_neighbours(w->node[node].e, page, &p);
}

static unsigned known(const struct node *n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++)
		sum += n->got[i].n;
	return sum;
}

/* Everything that the source was told is at the replica, and nothing else. */
static void assert_equal_tables(const struct world *w, unsigned source)
{
	const struct engine *e = w->node[source].e;
	const struct node *replica = &w->node[1 - source];

	for (unsigned i = 0; i < NEIGH_PAGES_MAX; i++) {
		unsigned n = e->neigh.own[i] ? e->neigh.own[i]->n : 0;

		assert_int_equal(replica->got[i].n, n);
		if (n)
			assert_memory_equal(replica->got[i].e, e->neigh.own[i]->e,
					    n * sizeof(struct neigh));
	}
}

static void fill(struct neigh_table *t, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		struct neigh e = v4(i, i % 2);

		neigh_table_put(t, &e);
	}
}

static void test_learns(void **state)
{
	struct world *w = set_up(0);
	struct neigh_table *t = neigh_table_new();
	unsigned before;

	(void)state;
	(void)engine_promote(w->node[0].e, 0, w->now);
	fill(t, 1, 1000);
	tell(w, 0, t);
	run(w, 2000);
	assert_int_equal(known(&w->node[1]), 1000);
	assert_equal_tables(w, 0);

	before = w->pages_sent;
	run(w, 2000);
	assert_int_equal(w->pages_sent, before); /* at rest there is silence */

	struct neigh gone = v4(500, 0);
	neigh_table_del(t, &gone);
	tell(w, 0, t);
	run(w, 400);
	assert_equal_tables(w, 0);
	assert_int_equal(known(&w->node[1]), 999);
	assert_int_equal(w->pages_sent, before + 1); /* a change costs its page */

	engine_clear_neighbours(w->node[0].e);
	run(w, 1000);
	assert_int_equal(known(&w->node[1]), 0);
	neigh_table_free(t);
	tear_down(w);
}

static void test_loss(void **state)
{
	struct world *w = set_up(40);
	struct neigh_table *t = neigh_table_new();

	(void)state;
	(void)engine_promote(w->node[0].e, 0, w->now);
	for (uint32_t round = 0; round < 20; round++) {
		struct neigh gone = v4(round * 200 + 3, (round * 200 + 3) % 2);

		fill(t, round * 200, 200);
		neigh_table_del(t, &gone);
		tell(w, 0, t);
		run(w, 150);
	}
	/* from a table that was cut off while it changed all the time */
	w->loss = 5;
	run(w, 10000);
	assert_int_equal(known(&w->node[1]), neigh_table_count(t));
	assert_equal_tables(w, 0);
	neigh_table_free(t);
	tear_down(w);
}

/* Memory that was not there is asked for again. */
static void test_no_memory(void **state)
{
	struct world *w = set_up(0);
	struct neigh_table *t = neigh_table_new();

	(void)state;
	(void)engine_promote(w->node[0].e, 0, w->now);
	run(w, 1000);
	w->node[1].no_memory = true;
	fill(t, 1, 50);
	tell(w, 0, t);
	run(w, 1000);
	assert_int_equal(known(&w->node[1]), 0);
	w->node[1].no_memory = false;
	run(w, 1000);
	assert_equal_tables(w, 0);
	neigh_table_free(t);
	tear_down(w);
}

/* Who is promoted tells its own; what the former source said is void. */
static void test_other_source(void **state)
{
	struct world *w = set_up(0);
	struct neigh_table *a = neigh_table_new(), *b = neigh_table_new();

	(void)state;
	(void)engine_promote(w->node[0].e, 0, w->now);
	fill(a, 1, 100);
	tell(w, 0, a);
	run(w, 1000);
	assert_int_equal(known(&w->node[1]), 100);

	engine_clear_neighbours(w->node[0].e);
	engine_demote(w->node[0].e, w->now);
	(void)engine_promote(w->node[1].e, 0, w->now);
	fill(b, 1000, 10);
	tell(w, 1, b);
	run(w, 2000);
	assert_int_equal(known(&w->node[0]), 10);
	assert_int_equal(w->node[0].cleared, 1);
	assert_equal_tables(w, 1);
	neigh_table_free(a);
	neigh_table_free(b);
	tear_down(w);
}

/* The source's process is replaced. Until the next one has told what there is, what the former told
 * is better than nothing: the source may be gone by then. */
static void test_another_process(void **state)
{
	struct world *w = set_up(0);
	struct neigh_table *t = neigh_table_new();
	struct node *source = &w->node[0], *replica = &w->node[1];

	(void)state;
	(void)engine_promote(source->e, 0, w->now);
	fill(t, 1, 100);
	tell(w, 0, t);
	run(w, 1000);
	assert_int_equal(known(replica), 100);

	engine_free(source->e);
	make(w, 0);
	(void)engine_promote(source->e, 0, w->now);
	run(w, 1000);
	assert_true(stream_key_equal(&replica->e->stream, &source->e->stream));
	assert_int_equal(known(replica), 100);

	for (uint32_t i = 1; i <= 50; i++) {
		struct neigh gone = v4(i, i % 2);

		neigh_table_del(t, &gone);
	}
	neigh_table_again(t);
	tell(w, 0, t);
	run(w, 400);
	assert_int_equal(known(replica), 50);
	run(w, 5000);
	assert_equal_tables(w, 0);

	/* and one that does not tell */
	engine_free(source->e);
	make(w, 0);
	(void)engine_promote(source->e, 0, w->now);
	run(w, 1000);
	assert_int_equal(known(replica), 50);
	replica->no_memory = true;
	run(w, 5000);
	assert_int_equal(known(replica), 50);
	replica->no_memory = false;
	run(w, 200);
	assert_int_equal(known(replica), 0);
	assert_int_equal(replica->cleared, 1);
	neigh_table_free(t);
	tear_down(w);
}

/* Of who is not the source of the stream that is followed, nothing counts. */
static void test_only_of_the_source(void **state)
{
	struct world *w = set_up(0);
	struct neigh_table *t = neigh_table_new();
	struct ctl_neigh m = {.page = 1, .stamp = 1000, .content = {.n = 1, .e = {v4(9, 0)}}};
	struct peer stranger = {.id = 77}, source = {.id = 1};
	struct engine *replica = w->node[1].e;

	(void)state;
	(void)engine_promote(w->node[0].e, 0, w->now);
	fill(t, 1, 5);
	tell(w, 0, t);
	run(w, 1000);
	m.stream = replica->stream;
	neigh_on_page(replica, &stranger, &m);
	m.stream.epoch++;
	neigh_on_page(replica, &source, &m);
	assert_equal_tables(w, 0);
	m.stream = replica->stream;
	neigh_on_page(replica, &source, &m);
	assert_int_equal(known(&w->node[1]), 6);
	neigh_table_free(t);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_sane),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bound_and_listing),
		cmocka_unit_test(test_learns),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_other_source),
		cmocka_unit_test(test_another_process),
		cmocka_unit_test(test_only_of_the_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
