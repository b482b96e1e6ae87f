/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two or three of those who speak conntrackd's protocol, with kernels that are tables of a few
 * flows, on a link that loses what it is told to. */
#include <errno.h>

#include "flow_samples.h"

#include "../../sync/conntrackd/msg.h"
#include "vrouter/ctd.h"

#define NODES_MAX 3
#define FLOWS_MAX 4096
#define WIRE_MAX  4096
#define CHUNK	  64

struct node {
	struct ctd *ctd;
	struct sync_counters counters;
	struct ip_addr addr;
	struct flow *flow; /* of FLOWS_MAX; family 0: free */
	unsigned n, dumped;
	bool cut, full, pair;
	int drained; /* -1: not yet */
	int outcome;
};

static struct world {
	struct node node[NODES_MAX];
	unsigned n;
	uint64_t now;
	unsigned lose; /* every so many datagrams one; 0: none */
	unsigned sent, random;
	struct {
		unsigned from;
		size_t len;
		uint8_t buf[1500];
	} wire[WIRE_MAX];
	unsigned head, tail;
} w;

static struct flow *find(struct node *n, const struct flow *key)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->flow[i].family && flow_same(&n->flow[i], key))
			return &n->flow[i];
	return NULL;
}

static unsigned count(const struct node *n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n->n; i++)
		sum += n->flow[i].family != 0;
	return sum;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct node *n = ctx;
	struct flow *at = find(n, f);

	(void)how;
	if (at) {
		flow_merge(at, f);
		return;
	}
	if (n->full) {
		ctd_on_apply_failed(n->ctd, f, -ENOMEM);
		return;
	}
	assert_true(n->n < FLOWS_MAX);
	n->flow[n->n++] = *f;
}

static void op_del(void *ctx, const struct flow *f)
{
	struct flow *at = find(ctx, f);

	if (at)
		at->family = 0;
	else
		ctd_on_apply_failed(((struct node *)ctx)->ctd, f, -ENOENT);
}

static void op_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	struct flow *at = find(ctx, f);

	if (!at)
		return;
	at->timeout_s = timeout_s;
	at->has |= FLOW_HAS_TIMEOUT;
}

static void op_nothing(void *ctx)
{
	(void)ctx;
}

static int op_dump(void *ctx, bool start)
{
	struct node *n = ctx;
	unsigned end;

	n->dumped = start ? 0 : n->dumped;
	end = n->dumped + CHUNK < n->n ? n->dumped + CHUNK : n->n;
	for (; n->dumped < end; n->dumped++)
		if (n->flow[n->dumped].family)
			ctd_on_dump(n->ctd, &n->flow[n->dumped]);
	return n->dumped < n->n;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	const struct flow *at = find(ctx, key);

	if (at)
		*out = *at;
	return at ? 0 : -ENOENT;
}

static int op_expects(void *ctx)
{
	(void)ctx;
	return 0;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	uint8_t *p = buf;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)((w.random = w.random * 1103515245 + 12345) >> 16);
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	((struct node *)ctx)->drained = acknowledged;
}

static void op_on_verified(void *ctx, const struct verify_page *p)
{
	assert_true(p->last);
	((struct node *)ctx)->outcome = (int)p->outcome;
}

static const struct engine_ops kernel = {
	.put = op_put,
	.del = op_del,
	.set_timeout = op_set_timeout,
	.commit = op_nothing,
	.dump = op_dump,
	.get = op_get,
	.expects = op_expects,
	.random = op_random,
	.on_status = op_nothing,
	.on_drained = op_on_drained,
	.on_verified = op_on_verified,
};

static void op_send(void *ctx, const uint8_t *datagram, size_t len)
{
	struct node *n = ctx;
	unsigned at = w.tail % WIRE_MAX;

	assert_true(len <= sizeof(w.wire[0].buf) && w.tail - w.head < WIRE_MAX);
	if (n->cut || (w.lose && ++w.sent % w.lose == 0))
		return;
	w.wire[at].from = (unsigned)(n - w.node);
	w.wire[at].len = len;
	memcpy(w.wire[at].buf, datagram, len);
	w.tail++;
}

static const struct ctd_ops ops = {.kernel = &kernel, .send = op_send};

static void deliver(void)
{
	while (w.head != w.tail) {
		unsigned at = w.head++ % WIRE_MAX, from = w.wire[at].from;

		for (unsigned i = 0; i < w.n; i++)
			if (i != from && w.node[i].ctd && !w.node[i].cut)
				(void)ctd_on_datagram(w.node[i].ctd, &w.node[from].addr,
						      w.wire[at].buf, w.wire[at].len, w.now);
	}
}

static void run(unsigned ms)
{
	for (uint64_t end = w.now + ms; w.now < end; w.now++) {
		for (unsigned i = 0; i < w.n; i++)
			if (w.node[i].ctd)
				(void)ctd_run(w.node[i].ctd, w.now);
		deliver();
	}
}

static void start(unsigned i, enum ctd_mode mode)
{
	struct node *n = &w.node[i];
	struct ctd_conf conf = {.mode = mode,
				.room = 1472,
				.ring_bytes = 1 << 18,
				.pin_s = 604800,
				.refresh_ms = 3000,
				.pair = n->pair};

	flow_timeouts_default(&conf.timeouts);
	ctd_free(n->ctd);
	n->addr = ip_addr_v4(htonl(0x0a090001 + i));
	n->drained = n->outcome = -1;
	assert_int_equal(ctd_new(&n->ctd, &conf, &ops, n, &n->counters, w.now), 0);
}

static void begin(unsigned n, enum ctd_mode mode)
{
	w.n = n;
	w.now = 1000;
	for (unsigned i = 0; i < n; i++) {
		if (!w.node[i].flow)
			w.node[i].flow = calloc(FLOWS_MAX, sizeof(struct flow));
		start(i, mode);
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.random = 4711;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NODES_MAX; i++) {
		ctd_free(w.node[i].ctd);
		free(w.node[i].flow);
	}
	return 0;
}

static struct flow nth(unsigned i)
{
	return sample_tcp_snat((uint16_t)(1024 + i));
}

/* In the source's kernel, and told. */
static void change(unsigned node, unsigned i, enum flow_change what)
{
	struct node *n = &w.node[node];
	struct flow f = nth(i);

	if (what == FLOW_DESTROY)
		op_del(n, &f);
	else
		op_put(n, &f, FLOW_PUT_NEW);
	ctd_on_change(n->ctd, &f, what, w.now);
	if (i % 7 == 0)
		ctd_on_drained(n->ctd, w.now);
}

static enum engine_phase phase(unsigned i)
{
	struct engine_status s;

	ctd_status(w.node[i].ctd, &s);
	return s.phase;
}

static void assert_equal(unsigned a, unsigned b)
{
	assert_int_equal(count(&w.node[a]), count(&w.node[b]));
	for (unsigned i = 0; i < w.node[a].n; i++) {
		struct flow *f = &w.node[a].flow[i];

		assert_true(!f->family ||
			    (find(&w.node[b], f) && flow_equal(f, find(&w.node[b], f))));
	}
}

/* The source has flows before, and changes meanwhile. */
static void traffic(unsigned source, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		change(source, i, FLOW_NEW);
		if (i % 3 == 0)
			change(source, i, FLOW_DESTROY);
		if (i % 16 == 0)
			run(1);
	}
}

static void test_join(void **state)
{
	(void)state;
	begin(2, CTD_MODE_FTFW);
	assert_int_equal(phase(1), ENGINE_ALONE);
	for (unsigned i = 0; i < 500; i++) {
		struct flow f = nth(i);

		op_put(&w.node[0], &f, FLOW_PUT_NEW);
	}
	assert_int_equal(ctd_promote(w.node[0].ctd, 7, w.now), 8);
	/* the role goes first: reading a table takes time */
	assert_true(ctd_run(w.node[0].ctd, w.now) > w.now);
	assert_int_equal(w.node[0].dumped, 0);
	run(3000);
	assert_int_equal(phase(0), ENGINE_SOURCE);
	assert_int_equal(phase(1), ENGINE_READY);
	assert_equal(0, 1);
	assert_int_equal(w.node[0].counters.v[SYNC_TX_RESENT], 0);
}

static void test_loss(void **state)
{
	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(3000);
	w.lose = 20;
	traffic(0, 0, 2000);
	run(200);
	traffic(0, 2000, 1000);
	run(8000);
	assert_true(w.node[0].counters.v[SYNC_TX_RESENT] > 0);
	assert_int_equal(w.node[0].counters.v[SYNC_TX_GONE], 0);
	assert_equal(0, 1);
}

/* Nothing old comes back when what was missed is sent again. */
static void test_no_resurrection(void **state)
{
	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(3000);
	w.node[0].cut = true;
	change(0, 1, FLOW_NEW);
	ctd_on_drained(w.node[0].ctd, w.now);
	w.node[0].cut = false;
	change(0, 1, FLOW_DESTROY);
	ctd_on_drained(w.node[0].ctd, w.now);
	run(3000);
	assert_int_equal(count(&w.node[1]), 0);
	assert_int_equal(w.node[0].counters.v[SYNC_TX_RESENT], 1);
}

static void test_restart(void **state)
{
	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	traffic(0, 0, 100);
	run(1000);
	/* another number, another life: it is taken for what it is, and gets all of them */
	w.node[1].n = 0;
	start(1, CTD_MODE_FTFW);
	run(5000);
	assert_int_equal(phase(1), ENGINE_READY);
	assert_equal(0, 1);
	start(0, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	traffic(0, 200, 100);
	run(3000);
	assert_equal(0, 1);
}

static void test_switch(void **state)
{
	struct engine_peer peer[ENGINE_PEERS_MAX];

	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	traffic(0, 0, 100);
	assert_int_equal(ctd_peers(w.node[0].ctd, peer, w.now), 1);
	assert_true(peer[0].follows && !peer[0].lost && peer[0].phase == ENGINE_UNSAID);
	assert_string_equal(peer[0].name, "10.9.0.2");
	ctd_drain(w.node[0].ctd, 500, w.now);
	run(20);
	assert_int_equal(w.node[0].drained, true);
	ctd_demote(w.node[0].ctd, w.now);
	ctd_promote(w.node[1].ctd, 1, w.now);
	traffic(1, 100, 100);
	run(3000);
	assert_int_equal(phase(0), ENGINE_READY);
	assert_equal(1, 0);
	w.node[0].cut = true;
	change(1, 300, FLOW_NEW);
	ctd_drain(w.node[1].ctd, 500, w.now);
	run(600);
	assert_int_equal(w.node[1].drained, false);
}

/* Two that send are two: neither's numbers are gaps in the other's. */
static void test_three(void **state)
{
	(void)state;
	begin(3, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	w.lose = 20;
	traffic(0, 0, 500);
	run(6000);
	assert_equal(0, 1);
	assert_equal(0, 2);
	w.lose = 0;
	w.node[0].counters.v[SYNC_CTD_LOST] = w.node[2].counters.v[SYNC_CTD_LOST] = 0;
	run(3000);
	assert_int_equal(w.node[0].counters.v[SYNC_CTD_LOST], 0);
	assert_int_equal(w.node[2].counters.v[SYNC_CTD_LOST], 0);
}

/* More is missing than is remembered: all is told. */
static void test_gone(void **state)
{
	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	w.node[1].cut = true;
	for (unsigned k = 0; k < 10; k++)
		for (unsigned i = 0; i < 1000; i++) {
			struct flow f = nth(i);

			op_put(&w.node[0], &f, FLOW_PUT_NEW);
			ctd_on_change(w.node[0].ctd, &f, FLOW_UPDATE, w.now);
			if (i % 64 == 0) {
				ctd_on_drained(w.node[0].ctd, w.now);
				deliver();
			}
		}
	w.node[1].cut = false;
	run(4000);
	assert_true(w.node[0].counters.v[SYNC_TX_GONE] > 0);
	assert_equal(0, 1);
}

static void test_full(void **state)
{
	struct engine_status s;

	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(3000);
	assert_int_equal(phase(1), ENGINE_READY);
	w.node[1].full = true;
	traffic(0, 0, 50);
	run(1000);
	ctd_status(w.node[1].ctd, &s);
	assert_true(s.phase == ENGINE_SYNCING && s.alarms & ENGINE_ALARM_TABLE_FULL);
	w.node[1].full = false;
	run(12000);
	ctd_status(w.node[1].ctd, &s);
	assert_true(s.phase == ENGINE_READY && !s.alarms);
	assert_equal(0, 1);
}

static void test_notrack(void **state)
{
	(void)state;
	begin(2, CTD_MODE_NOTRACK);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	assert_int_equal(phase(1), ENGINE_READY);
	w.node[0].cut = true;
	for (unsigned i = 1; i < 100; i++)
		change(0, i, FLOW_NEW);
	ctd_on_drained(w.node[0].ctd, w.now);
	w.node[0].cut = false;
	run(1500);
	/* it knows that it lacks something, and asks for all of it */
	assert_int_equal(phase(1), ENGINE_SYNCING);
	run(8000);
	assert_int_equal(phase(1), ENGINE_READY);
	assert_equal(0, 1);
	ctd_drain(w.node[0].ctd, 500, w.now);
	run(2);
	assert_int_equal(w.node[0].drained, false);
}

static void test_alarm(void **state)
{
	(void)state;
	begin(2, CTD_MODE_ALARM);
	for (unsigned i = 0; i < 200; i++) {
		struct flow f = nth(i);

		op_put(&w.node[0], &f, FLOW_PUT_NEW);
	}
	ctd_promote(w.node[0].ctd, 0, w.now);
	w.lose = 3;
	run(3000);
	w.lose = 0;
	run(4000);
	assert_int_equal(phase(1), ENGINE_READY);
	assert_equal(0, 1);
	assert_true(w.node[0].counters.v[SYNC_REPAIRS_SERVED] >= 2);
}

static void test_verify(void **state)
{
	(void)state;
	begin(1, CTD_MODE_FTFW);
	ctd_verify(w.node[0].ctd, 1);
	assert_int_equal(w.node[0].outcome, VERIFY_PROTOCOL);
}

/* Control messages of somebody who means no good: no more than a listing a second. */
static void test_flood(void **state)
{
	struct ip_addr evil = ip_addr_v4(htonl(0x0a0900ff));
	uint8_t buf[CTD_ACK_LEN];
	uint64_t before;

	(void)state;
	begin(2, CTD_MODE_FTFW);
	traffic(0, 0, 100);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(2000);
	before = w.node[0].counters.v[SYNC_REPAIRS_SERVED];
	for (unsigned i = 0; i < 3000; i++) {
		static const uint8_t flag[] = {CTD_RESYNC, CTD_NACK, CTD_ACK};
		struct wr r = wr_of(buf, sizeof(buf));

		ctd_msg_begin(&r, CTD_CTL, flag[i % 3], i);
		ctd_msg_range(&r, i * 77777777u, i * 77777777u + i);
		assert_int_equal(ctd_msg_end(&r), sizeof(buf));
		(void)ctd_on_datagram(w.node[0].ctd, &evil, buf, sizeof(buf), w.now);
		run(1);
	}
	assert_true(w.node[0].counters.v[SYNC_REPAIRS_SERVED] - before <= 4);
	/* and as many addresses as there can be */
	for (uint32_t i = 0; i < 100; i++) {
		evil = ip_addr_v4(htonl(0x0a0a0000 + i));
		(void)ctd_on_datagram(w.node[0].ctd, &evil, buf, sizeof(buf), w.now);
	}
	assert_true(w.node[0].counters.v[SYNC_RX_NO_PLACE] > 80);
	traffic(0, 200, 100);
	run(3000);
	assert_equal(0, 1);
}

/* A change after a quiet millisecond leaves at once; those that follow share a datagram, and leave
 * by the next one. */
static void test_fast_changes_share_datagrams(void **state)
{
	uint64_t before;

	(void)state;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(3000);
	before = w.node[0].counters.v[SYNC_TX_DATAGRAMS];
	change(0, 0, FLOW_NEW); /* ends in a drained queue, as the next ones do */
	assert_int_equal(w.node[0].counters.v[SYNC_TX_DATAGRAMS], before + 1);
	for (unsigned i = 7; i < 35; i += 7)
		change(0, i, FLOW_NEW);
	assert_int_equal(w.node[0].counters.v[SYNC_TX_DATAGRAMS], before + 1);
	assert_true(ctd_run(w.node[0].ctd, w.now) <= w.now + 1);
	run(2);
	assert_int_equal(w.node[0].counters.v[SYNC_TX_DATAGRAMS], before + 2);
	assert_equal(0, 1);
}

/* The source loses its link in the middle, and goes on from another address: what was under way is
 * missed, and there is still one other controller. */
static void test_another_link(void **state)
{
	struct engine_peer peer[ENGINE_PEERS_MAX];

	(void)state;
	w.node[1].pair = true;
	begin(2, CTD_MODE_FTFW);
	ctd_promote(w.node[0].ctd, 0, w.now);
	run(3000);
	traffic(0, 0, 300);
	ctd_on_drained(w.node[0].ctd, w.now);
	w.head = w.tail;
	w.node[0].addr = ip_addr_v4(htonl(0x0a090101));
	run(2000);
	assert_true(w.node[1].counters.v[SYNC_CTD_LOST] > 0);
	assert_equal(0, 1);
	assert_int_equal(ctd_peers(w.node[1].ctd, peer, w.now), 1);
	assert_string_equal(peer[0].name, "10.9.1.1");
	assert_false(peer[0].lost);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_join),
		WORLD_TEST(test_loss),
		WORLD_TEST(test_another_link),
		WORLD_TEST(test_fast_changes_share_datagrams),
		WORLD_TEST(test_no_resurrection),
		WORLD_TEST(test_restart),
		WORLD_TEST(test_switch),
		WORLD_TEST(test_three),
		WORLD_TEST(test_gone),
		WORLD_TEST(test_full),
		WORLD_TEST(test_notrack),
		WORLD_TEST(test_alarm),
		WORLD_TEST(test_verify),
		WORLD_TEST(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
