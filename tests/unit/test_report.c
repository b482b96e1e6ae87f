/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an engine tells of itself in STATUS, and the alarms that follow from what others tell. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../sync/engine_impl.h"
#include "engine_stub.h"

#define SELF 1u
#define PEER 2u

/* A kernel that says what the test wants, and a network that keeps the last STATUS. */
struct world {
	struct engine *e;
	struct sync_counters counters;
	uint32_t flows, flows_max;
	struct ctl_status told;
	bool has_told;
	bool asked; /* the peer is to prove that it is there */
	uint64_t nonce;
	uint64_t now, seq;
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct world *w = ctx;
	struct rd r = rd_of(body, len);
	struct ctl_msg m;

	if (h->kind != DGRAM_CONTROL)
		return;
	while (ctl_decode(&r, &m) == CTL_MSG) {
		if (m.type == CTL_STATUS) {
			w->told = m.status;
			w->has_told = true;
		} else if (m.type == CTL_CHALLENGE && m.challenge.to == PEER) {
			w->asked = true;
			w->nonce = m.challenge.nonce;
		}
	}
}

static uint32_t op_count(void *ctx)
{
	return ((struct world *)ctx)->flows;
}

static uint32_t op_limit(void *ctx)
{
	return ((struct world *)ctx)->flows_max;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	(void)ctx;
	(void)key;
	(void)out;
	return -ENOENT;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 7, len);
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	(void)ctx;
	(void)acknowledged;
}

static const struct engine_ops ops = {
	.send = op_send,
	.put = stub_put,
	.del = stub_del,
	.set_timeout = stub_set_timeout,
	.commit = stub_nothing,
	.dump = stub_dump,
	.count = op_count,
	.limit = op_limit,
	.get = op_get,
	.expects = stub_expects,
	.random = op_random,
	.on_status = stub_nothing,
	.on_drained = op_on_drained,
};

static void start(struct world *w, bool source)
{
	struct engine_conf c;

	*w = (struct world){.flows = 1000, .flows_max = 5000, .now = 1000};
	engine_conf_defaults(&c);
	strcpy(c.name, "self");
	c.self = SELF;
	c.router = 9;
	assert_int_equal(engine_new(&w->e, &c, &ops, w, &w->counters, w->now), 0);
	if (source)
		(void)engine_promote(w->e, 4, w->now);
}

static void run(struct world *w, uint64_t ms)
{
	w->now += ms;
	(void)engine_run(w->e, w->now);
}

/* As the peer says it; s.stream and the name are filled in. */
static void hear_once(struct world *w, struct ctl_status s, bool as_source)
{
	const struct ctl_msg proof = {.type = CTL_ECHO,
				      .challenge = {.to = SELF, .nonce = w->nonce}};
	struct dgram_hdr h = {.kind = DGRAM_CONTROL,
			      .router = 9,
			      .sender = PEER,
			      .term = 5,
			      .seq = ++w->seq,
			      .epoch = {1}};
	struct ctl_msg m = {.type = CTL_STATUS, .status = s};
	uint8_t buf[CTL_BODY_MAX];
	struct wr to = wr_of(buf, sizeof(buf));

	strcpy(m.status.name, "peer");
	m.status.detailed = true;
	m.status.phase = as_source ? ENGINE_SOURCE : ENGINE_READY;
	m.status.known_term = 5;
	m.status.stream = as_source ? (struct stream_key){.term = 5, .sender = PEER, .epoch = 3}
				    : w->e->stream;
	if (w->asked)
		ctl_encode(&to, &proof);
	w->asked = false;
	ctl_encode(&to, &m);
	engine_on_datagram(w->e, &h, buf, wr_len(&to), w->now);
	run(w, 2);
}

static void hear(struct world *w, struct ctl_status s, bool as_source)
{
	hear_once(w, s, as_source);
	if (w->asked)
		hear_once(w, s, as_source);
}

static bool has_alarm(const struct world *w, uint32_t which)
{
	struct engine_status s;

	engine_status(w->e, &s);
	return s.alarms & which;
}

static void table_too_small(void **state)
{
	struct world w;

	(void)state;
	/* at the replica: as soon as the source says how much it holds */
	start(&w, false);
	run(&w, 0);
	hear(&w, (struct ctl_status){.flows = 5000, .flows_max = 9000}, true);
	assert_false(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	hear(&w, (struct ctl_status){.flows = 5001, .flows_max = 9000}, true);
	assert_true(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	w.flows_max = 6000;
	run(&w, 600); /* the limit was raised */
	hear(&w, (struct ctl_status){.flows = 5001, .flows_max = 9000}, true);
	assert_false(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	engine_free(w.e);
	/* at the source: of a replica that follows */
	start(&w, true);
	run(&w, 0);
	hear(&w, (struct ctl_status){.flows = 10, .flows_max = 999}, false);
	assert_true(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	hear(&w, (struct ctl_status){.flows = 10, .flows_max = 1000}, false);
	assert_false(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	hear(&w, (struct ctl_status){.flows = 10, .flows_max = 999}, false);
	run(&w, 2000); /* lost: it is no replica any more */
	assert_false(has_alarm(&w, ENGINE_ALARM_TABLE_SMALL));
	engine_free(w.e);
}

static void replica_behind(void **state)
{
	static const struct {
		uint64_t lag_ms;
		bool alarm;
	} row[] = {{1999, false}, {2000, true}, {501, true}, {499, false}, {1999, false}};
	struct world w;

	(void)state;
	start(&w, true);
	run(&w, 0);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		hear(&w, (struct ctl_status){.lag_ms = row[i].lag_ms}, false);
		assert_int_equal(has_alarm(&w, ENGINE_ALARM_BEHIND), row[i].alarm);
	}
	engine_free(w.e);
}

static void lately(void **state)
{
	static const struct {
		enum sync_counter counter;
		uint32_t alarm;
	} row[] = {{SYNC_APPLY_CLASH, ENGINE_ALARM_CLASH}, {SYNC_TX_ERRORS, ENGINE_ALARM_SEND}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct world w;

		start(&w, false);
		run(&w, 1);
		assert_false(has_alarm(&w, row[i].alarm));
		w.counters.v[row[i].counter]++;
		run(&w, 1);
		assert_true(has_alarm(&w, row[i].alarm));
		run(&w, REPORT_LATELY_MS - 1);
		assert_true(has_alarm(&w, row[i].alarm));
		run(&w, 1);
		assert_false(has_alarm(&w, row[i].alarm));
		engine_free(w.e);
	}
}

/* One that is repaired tells when, why and at what price. */
static void last_repair(void **state)
{
	struct world w;

	(void)state;
	start(&w, false);
	run(&w, 200);
	assert_true(w.has_told && w.told.detailed);
	assert_int_equal(w.told.flows, 1000);
	assert_int_equal(w.told.flows_max, 5000);
	assert_int_equal(w.told.repair.why, REPAIR_WHY_NONE);
	report_repair_bytes(w.e, 300);
	report_repair_listed(w.e);
	report_repair_listed(w.e);
	w.counters.v[SYNC_REPAIR_DELETED] += 5;
	report_repair_begins(w.e, REPAIR_WHY_GAP); /* one is under way: the first reason stays */
	w.now += 40;
	w.e->now = w.now;
	report_repair_done(w.e);
	run(&w, 1000);
	assert_int_equal(w.told.repair.why, REPAIR_WHY_STREAM);
	assert_int_equal(w.told.repair.listed, 2);
	assert_int_equal(w.told.repair.deleted, 5);
	assert_int_equal(w.told.repair.bytes, 300);
	assert_int_equal(w.told.repair.took_ms, 240);
	assert_int_equal(w.told.repair.ago_ms, 1000);
	for (uint8_t why = REPAIR_WHY_STREAM; why <= REPAIR_WHY_AUDIT; why++)
		assert_true(strlen(engine_repair_why(why)) > 5);
	assert_string_equal(engine_repair_why(200), "unknown");
	engine_free(w.e);
}

/* The first version's STATUS ends with the number. */
static void older_peers(void **state)
{
	struct ctl_msg m = {.type = CTL_STATUS,
			    .status = {.name = "old", .phase = ENGINE_READY, .seq = 77}};
	uint8_t buf[CTL_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	ctl_encode(&w, &m);
	r = rd_of(buf, wr_len(&w));
	memset(&m, 0xff, sizeof(m));
	assert_int_equal(ctl_decode(&r, &m), CTL_MSG);
	assert_int_equal(m.status.seq, 77);
	assert_false(m.status.detailed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_too_small), cmocka_unit_test(replica_behind),
		cmocka_unit_test(lately),	   cmocka_unit_test(last_repair),
		cmocka_unit_test(older_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
