/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../daemon/announce_queue.h"

#define START_US UINT64_C(1000000000)

/* What the owner does: items of two VIPs, which go from level to level. */
struct world {
	struct announce_queue q;
	uint64_t now;
	struct announce_item *it;
	unsigned n, sent[ANNOUNCE_LEVELS];
	uint64_t first_us; /* the last of all had told all its VIPs once */
};

static void begin(struct world *w, unsigned n)
{
	*w = (struct world){.now = START_US, .n = n};
	announce_queue_init(&w->q, w->now);
	w->it = calloc(n, sizeof(*w->it));
	assert_non_null(w->it);
	for (unsigned i = 0; i < n; i++)
		announce_put(&w->q, &w->it[i], ANNOUNCE_FIRST, w->now);
	assert_int_equal(w->q.stats.waiting, n);
}

static void told(struct world *w, struct announce_item *it)
{
	enum announce_level level = it->level;

	announce_told(&w->q, it, w->now);
	if (level == ANNOUNCE_FIRST)
		w->first_us = w->now;
	if (level < ANNOUNCE_REPEAT)
		announce_put(&w->q, it, level + 1, w->now);
}

/* One send, or the wait until it is somebody's turn. false: nobody waits. */
static bool step(struct world *w, uint64_t cost_us)
{
	struct announce_item *it = announce_turn(&w->q, w->now);

	if (!it) {
		uint64_t wait = announce_wait_us(&w->q, w->now);

		if (wait == UINT64_MAX)
			return false;
		assert_int_not_equal(wait, 0);
		w->now += wait;
		assert_int_equal(announce_wait_us(&w->q, w->now), 0);
		return true;
	}
	if (it->at == 2) {
		told(w, it);
		return true;
	}
	if (it->level != ANNOUNCE_FIRST)
		assert_int_equal(w->sent[ANNOUNCE_FIRST], 2 * w->n);
	it->at++;
	w->sent[it->level]++;
	w->now += cost_us;
	announce_sent(&w->q, it->level, cost_us);
	return true;
}

static void few_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 20);
	while (announce_turn(&w.q, w.now))
		assert_true(step(&w, 50));
	assert_false(step(&w, 50)); /* not for lack of room */
	for (unsigned i = ANNOUNCE_FIRST; i <= ANNOUNCE_REPEAT; i++)
		assert_int_equal(w.sent[i], 40);
	assert_int_equal(w.now - START_US, 120 * 50);
	free(w.it);
}

/* Frames that cost milliseconds: nobody repeats before all have spoken once, and the loop has its
 * share in between. */
static void many(void **state)
{
	const uint64_t cost = 3400, work = 2 * 1000 * cost;
	struct world w;

	(void)state;
	begin(&w, 1000);
	while (step(&w, cost))
		;
	for (unsigned i = ANNOUNCE_FIRST; i <= ANNOUNCE_REPEAT; i++)
		assert_int_equal(w.sent[i], 2000);
	assert_true(w.first_us - START_US >= work * 5 / 4 - 30000);
	assert_true(w.first_us - START_US <= work * 5 / 4 + 10000);
	assert_true(w.now - START_US >= work * (125 + 200 + 500) / 100 - 200000);
	assert_true(w.q.stats.longest_us >= w.first_us - START_US - 2 * cost);
	assert_int_equal(w.q.stats.sends, 6000);
	assert_int_equal(w.q.stats.spent_us, 3 * work);
	assert_int_equal(w.q.stats.waiting, 0);
	assert_int_equal(w.q.stats.waiting_max, 1000);
	free(w.it);
}

/* Refreshes of an hour, 0.3 % of the time at most; a promotion in between is at once. */
static void refresh(void **state)
{
	struct announce_item it = {.next = NULL}, other = {.next = NULL};
	struct announce_queue q;
	uint64_t now = START_US, busy = 0;

	(void)state;
	announce_queue_init(&q, now);
	while (now - START_US < UINT64_C(3600000000)) {
		if (!it.waits)
			announce_put(&q, &it, ANNOUNCE_REFRESH, now);
		if (announce_turn(&q, now) == &it) {
			now += 1000;
			busy += 1000;
			announce_sent(&q, ANNOUNCE_REFRESH, 1000);
			announce_told(&q, &it, now);
			continue;
		}
		announce_put(&q, &other, ANNOUNCE_FIRST, now);
		assert_ptr_equal(announce_turn(&q, now), &other);
		announce_drop(&q, &other);
		now += announce_wait_us(&q, now);
	}
	assert_true(busy >= UINT64_C(10700000) && busy <= UINT64_C(10900000));
}

static void leaving(void **state)
{
	struct announce_item it[4] = {{.next = NULL}};
	struct announce_queue q;

	(void)state;
	announce_queue_init(&q, START_US);
	assert_null(announce_turn(&q, START_US));
	assert_true(announce_wait_us(&q, START_US) == UINT64_MAX);
	announce_drop(&q, &it[0]); /* waits not */
	for (unsigned i = 0; i < 4; i++)
		announce_put(&q, &it[i], ANNOUNCE_FIRST, START_US);
	announce_drop(&q, &it[1]); /* in the middle, at the end, at the head */
	announce_drop(&q, &it[3]);
	announce_drop(&q, &it[0]);
	assert_ptr_equal(announce_turn(&q, START_US), &it[2]);
	assert_int_equal(q.stats.unheard, 1);
	announce_put(&q, &it[0], ANNOUNCE_REPEAT, START_US);
	it[2].at = 1;
	announce_put(&q, &it[2], ANNOUNCE_REPEAT, START_US); /* anew, at another level, behind */
	assert_int_equal(it[2].at, 0);
	assert_ptr_equal(announce_turn(&q, START_US), &it[0]);
	announce_drop(&q, &it[0]);
	assert_ptr_equal(announce_turn(&q, START_US), &it[2]);
	announce_drop(&q, &it[2]);
	assert_int_equal(q.stats.waiting, 0);
	assert_int_equal(q.stats.unheard, 0);
}

/* A process that stood still within a send, and a clock that jumps: no debt without end. */
static void stalls(void **state)
{
	struct announce_item it = {.next = NULL};
	struct announce_queue q;

	(void)state;
	announce_queue_init(&q, START_US);
	announce_put(&q, &it, ANNOUNCE_FIRST, START_US);
	announce_sent(&q, ANNOUNCE_FIRST, UINT64_MAX / 4);
	assert_null(announce_turn(&q, START_US));
	assert_true(announce_wait_us(&q, START_US) < 300000);
	assert_ptr_equal(announce_turn(&q, UINT64_MAX), &it);
	assert_ptr_equal(announce_turn(&q, START_US), &it); /* backwards: nothing passed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_at_once), cmocka_unit_test(many),	 cmocka_unit_test(refresh),
		cmocka_unit_test(leaving),     cmocka_unit_test(stalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
