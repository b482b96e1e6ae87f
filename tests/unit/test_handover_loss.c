/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A planned change of the source in which datagrams are lost: each of them once, alone and with
 * those behind it, and at random. None may be one that all wait for. Two engines on a wire, and
 * tables that differ by what began in the moment of the change. */
#include <errno.h>
#include <stdint.h>

#include "vrouter/engine.h"

#define FLOWS	64
#define SHARED	40 /* so many that tables are compared */
#define BEGUN	3
#define ASKS_MS 200 /* the election asks for the role again */
#define LINGERS 50

/* Of virtual time, beyond what it takes without loss: a few heartbeats, questions and requests. A
 * wait that only its own deadline ends takes 10 s. */
#define LATE_MS	       500
#define LATE_RANDOM_MS 3000
#define SEEDS	       400

struct seen {
	struct flow flow[FLOWS];
	unsigned n, told; /* of a dump */
	bool wanted, drained, acknowledged;
};

#include "engine_pair.h"

#define CHUNK 8

struct loss {
	unsigned from, n; /* datagrams */
	unsigned percent; /* of all that come next */
	uint32_t seed;
};

static struct loss loss;
static unsigned sent;

static bool is_lost(void)
{
	if (sent >= loss.from && sent - loss.from < loss.n)
		return true;
	loss.seed ^= loss.seed << 13;
	loss.seed ^= loss.seed >> 17;
	loss.seed ^= loss.seed << 5;
	return loss.seed % 100 < loss.percent;
}

static void lossy_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	bool lost = is_lost();

	sent++;
	if (!lost)
		op_send(ctx, h, body, len);
}

/* ---- a kernel's table ---- */

static struct flow *find(struct side *s, const struct flow *key)
{
	for (unsigned i = 0; i < s->seen.n; i++)
		if (flow_hash(&s->seen.flow[i], s->e->hash_key) == flow_hash(key, s->e->hash_key))
			return &s->seen.flow[i];
	return NULL;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct side *s = ctx;
	struct flow *at = find(s, f);

	if (at && how == FLOW_PUT_ABSENT)
		return;
	if (!at && how == FLOW_PUT_UPDATE) {
		engine_on_apply_failed(s->e, f, -ENOENT);
		return;
	}
	assert_true(at || s->seen.n < FLOWS);
	at = at ? at : &s->seen.flow[s->seen.n++];
	*at = *f;
}

static void op_del(void *ctx, const struct flow *f)
{
	struct side *s = ctx;
	struct flow *at = find(s, f);

	if (at)
		*at = s->seen.flow[--s->seen.n];
}

static int op_dump(void *ctx, bool start)
{
	struct side *s = ctx;

	if (start)
		s->seen.told = 0;
	for (unsigned i = 0; i < CHUNK && s->seen.told < s->seen.n; i++)
		engine_on_dump(s->e, &s->seen.flow[s->seen.told++]);
	return s->seen.told < s->seen.n;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	const struct flow *at = find(ctx, key);

	if (!at)
		return -ENOENT;
	*out = *at;
	return 0;
}

static uint32_t op_count(void *ctx)
{
	return ((struct side *)ctx)->seen.n;
}

static void op_handover(void *ctx, const char *name)
{
	(void)name;
	((struct side *)ctx)->seen.wanted = true;
}

static void op_drained(void *ctx, bool acknowledged)
{
	((struct side *)ctx)->seen.drained = true;
	((struct side *)ctx)->seen.acknowledged = acknowledged;
}

static void op_leaving(void *ctx, const struct engine_leaving *l)
{
	(void)ctx;
	(void)l;
}

static const struct engine_ops ops = {.send = lossy_send,
				      .put = op_put,
				      .del = op_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = op_dump,
				      .count = op_count,
				      .get = op_get,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing,
				      .on_drained = op_drained,
				      .on_handover = op_handover,
				      .on_leaving = op_leaving};

/* ---- the change ---- */

static enum engine_phase phase(const struct side *s)
{
	struct engine_status st;

	engine_status(s->e, &st);
	return st.phase;
}

/* A packet makes it; the kernel tells, if somebody listens. */
static void begins(struct world *w, unsigned side, uint16_t number)
{
	struct side *s = &w->side[side];
	struct flow f = sample_tcp_snat(number);

	s->seen.flow[s->seen.n++] = f;
	if (!s->e->is_source)
		return;
	engine_on_change(s->e, &f, FLOW_NEW, w->now);
	engine_on_drained(s->e, w->now);
}

static void equal_and_ready(struct world *w)
{
	for (uint16_t i = 0; i < SHARED; i++)
		begins(w, 0, (uint16_t)(i + 1));
	run(w, 1000);
	assert_int_equal(w->side[1].seen.n, SHARED);
	assert_int_equal(phase(&w->side[1]), ENGINE_READY);
}

static bool is_over(const struct world *w)
{
	return phase(&w->side[1]) == ENGINE_SOURCE && phase(&w->side[0]) == ENGINE_READY &&
	       w->side[0].seen.n == SHARED + BEGUN;
}

/* What both cores and the election do meanwhile. */
static void steps(struct world *w, uint64_t began, uint64_t *drained, uint64_t *trails)
{
	static const struct engine_leaving leaving = {.trail_ms = LINGERS, .mac = {{2}, {2}}};
	struct side *old = &w->side[0], *new = &w->side[1];

	if (!old->seen.wanted && (w->now - began) % ASKS_MS == 0)
		engine_ask_handover(new->e, w->now);
	if (old->seen.wanted && !*drained) {
		engine_set_leaving(old->e, &leaving, w->now);
		engine_drain(old->e, 10000, w->now);
		*drained = w->now;
	}
	if (old->seen.drained && !*trails) {
		assert_true(engine_trail(new->e, w->now));
		for (uint16_t i = 0; i < BEGUN; i++)
			begins(w, 1, (uint16_t)(SHARED + i + 1));
		*trails = w->now;
	}
	if (*trails && w->now == *trails + LINGERS)
		engine_demote(old->e, w->now);
	if (*trails && !new->e->is_source &&
	    (engine_trail_ended(new->e) || w->now >= *trails + LINGERS + 1000))
		(void)engine_promote(new->e, 6, w->now);
}

/* In ms. */
static unsigned planned_change(struct loss what)
{
	struct world *w = set_up(&ops);
	uint64_t began, drained = 0, trails = 0;
	unsigned took;

	equal_and_ready(w);
	sent = 0;
	loss = what;
	began = w->now;
	while (!is_over(w) && w->now < began + 60000) {
		steps(w, began, &drained, &trails);
		run(w, 1);
	}
	took = (unsigned)(w->now - began);
	loss = (struct loss){0};
	assert_true(is_over(w));
	assert_true(w->side[0].seen.acknowledged);
	tear_down(w);
	return took;
}

static void each_datagram_may_be_lost(void **state)
{
	unsigned quiet = planned_change((struct loss){0}), all = sent;

	(void)state;
	assert_true(all > 10);
	for (unsigned n = 1; n <= 4; n++)
		for (unsigned from = 0; from < all; from++) {
			unsigned took = planned_change((struct loss){.from = from, .n = n});

			if (took > quiet + LATE_MS)
				fail_msg("%u lost from %u on: %u ms, not %u", n, from, took, quiet);
		}
}

static void so_may_any_of_them(void **state)
{
	unsigned quiet = planned_change((struct loss){0});

	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct loss some = {.percent = 20, .seed = seed * 2654435761u | 1};
		unsigned took = planned_change(some);

		if (took > quiet + LATE_RANDOM_MS)
			fail_msg("seed %u: %u ms, not %u", seed, took, quiet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_datagram_may_be_lost),
		cmocka_unit_test(so_may_any_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
