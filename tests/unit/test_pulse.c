/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pulse of a process: who is heard, when it is missed, and what a record of it is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../sync/pulse.h"

#define ID(i) (0x100u + (i))

struct datagram {
	struct dgram_hdr h;
	uint8_t body[CTL_BODY_MAX];
	size_t len;
};

struct world {
	struct pulse p[3];
	struct datagram last[3]; /* of each */
	uint64_t now, random;
	bool cut[3][3];
	unsigned news[3], lost[3];
};

static void start(struct world *w, unsigned i)
{
	uint8_t epoch[DGRAM_EPOCH_LEN];

	memset(epoch, 0, sizeof(epoch));
	w->random++;
	memcpy(epoch, &w->random, sizeof(w->random));
	pulse_init(&w->p[i], ID(i), epoch, w->now);
}

static enum pulse_heard give(struct world *w, unsigned to, const struct datagram *d)
{
	enum pulse_heard heard = pulse_on(&w->p[to], &d->h, d->body, d->len, w->now);

	w->news[to] += heard == PULSE_NEWS;
	return heard;
}

static void step(struct world *w, unsigned i)
{
	struct datagram *d = &w->last[i];
	struct wr body = wr_of(d->body, sizeof(d->body));

	w->lost[i] += pulse_expire(&w->p[i], w->now);
	if (!pulse_next(&w->p[i], w->now, ++w->random, &d->h, &body))
		return;
	d->len = wr_len(&body);
	for (unsigned to = 0; to < 3; to++)
		if (to != i && w->p[to].self && !w->cut[i][to])
			(void)give(w, to, d);
}

static void run(struct world *w, unsigned ms)
{
	for (uint64_t end = w->now + ms; w->now < end; w->now++)
		for (unsigned i = 0; i < 3; i++)
			if (w->p[i].self)
				step(w, i);
}

static bool hears(const struct world *w, unsigned a, unsigned b)
{
	return pulse_is_alive(&w->p[a], ID(b), pulse_life(&w->p[b]));
}

static bool misses(const struct world *w, unsigned a, unsigned b)
{
	return pulse_is_gone(&w->p[a], ID(b), pulse_life(&w->p[b]), 0, w->now);
}

static struct world *set_up(unsigned n)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now = 5000;
	for (unsigned i = 0; i < n; i++)
		start(w, i);
	return w;
}

static void start_together(void **state)
{
	struct world *w = set_up(3);

	(void)state;
	assert_false(misses(w, 0, 1)); /* who was never heard is not missed */
	run(w, 2 * PULSE_EVERY_MS + 1);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 3; k++)
			assert_true(i == k || hears(w, i, k));
	run(w, 60000);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(w->news[i], 2);
		assert_int_equal(w->lost[i], 0);
		assert_int_equal(w->p[i].seq, 603);
	}
	free(w);
}

/* A timer's lateness, which is now more and now less. */
static void late_now_and_then(void **state)
{
	const uint64_t at[] = {1003, 1100, 1204, 1300, 1950, 2000, 2049, 2050};
	const bool due[] = {true, true, true, true, true, false, false, true};
	const uint8_t epoch[DGRAM_EPOCH_LEN] = {1};
	struct pulse p;

	(void)state;
	pulse_init(&p, ID(0), epoch, 1000);
	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		uint8_t body[CTL_BODY_MAX];
		struct wr w = wr_of(body, sizeof(body));
		struct dgram_hdr h;

		assert_int_equal(pulse_next(&p, at[i], 7, &h, &w), due[i]);
	}
}

static void missed_in_time(void **state)
{
	struct world *w = set_up(2);

	(void)state;
	run(w, 1000);
	w->p[1].self = 0; /* it dies */
	run(w, PULSE_LOSS_MS - PULSE_EVERY_MS - 1);
	assert_true(hears(w, 0, 1));
	run(w, 2 * PULSE_EVERY_MS);
	assert_false(hears(w, 0, 1));
	assert_true(misses(w, 0, 1));
	assert_int_equal(w->lost[0], 1);
	assert_false(pulse_is_gone(&w->p[0], ID(1), pulse_life(&w->p[1]), 4000, w->now));
	run(w, 4000);
	assert_true(pulse_is_gone(&w->p[0], ID(1), pulse_life(&w->p[1]), 4000, w->now));
	assert_int_equal(w->lost[0], 1);
	free(w);
}

/* Eight get lost, in either direction. */
static void eight_in_a_row(void **state)
{
	struct world *w = set_up(2);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		run(w, PULSE_EVERY_MS);
		w->cut[0][1] = i & 1;
		w->cut[1][0] = !(i & 1);
		run(w, 8 * PULSE_EVERY_MS - 1);
		w->cut[0][1] = w->cut[1][0] = false;
		run(w, PULSE_EVERY_MS);
		assert_int_equal(w->lost[0] + w->lost[1], 0);
	}
	assert_true(hears(w, 0, 1) && hears(w, 1, 0));
	free(w);
}

/* Who is heard and does not hear is missed as well. */
static void one_direction(void **state)
{
	struct world *w = set_up(2);

	(void)state;
	run(w, 1000);
	w->cut[0][1] = true;
	run(w, PULSE_LOSS_MS + PULSE_EVERY_MS);
	assert_true(misses(w, 1, 0));
	run(w, 2 * PULSE_NONCE_MS);
	assert_true(misses(w, 0, 1));
	w->cut[0][1] = false;
	run(w, 2 * PULSE_EVERY_MS);
	assert_true(hears(w, 0, 1) && hears(w, 1, 0));
	assert_int_equal(w->news[0], 2);
	free(w);
}

static void another_life(void **state)
{
	struct world *w = set_up(2);
	uint64_t former = pulse_life(&w->p[1]);

	(void)state;
	run(w, 1000);
	start(w, 1);
	run(w, PULSE_LOSS_MS + 3 * PULSE_EVERY_MS);
	assert_true(hears(w, 0, 1));
	assert_false(pulse_is_alive(&w->p[0], ID(1), former));
	assert_true(pulse_is_gone(&w->p[0], ID(1), former, 0, w->now));
	assert_int_equal(w->p[0].n, 1);
	assert_int_equal(w->news[0], 2);
	free(w);
}

/* Of the present life, of one that ended, and to one that began later. */
static void records(void **state)
{
	struct world *w = set_up(2);
	struct datagram old, late;

	(void)state;
	run(w, 1000);
	old = w->last[1];
	assert_int_equal(give(w, 0, &old), PULSE_OLD);
	w->cut[1][0] = true;
	run(w, PULSE_EVERY_MS);
	late = w->last[1]; /* it never arrived */
	w->p[1].self = 0;
	run(w, 3 * PULSE_NONCE_MS);
	assert_true(misses(w, 0, 1));
	assert_int_equal(give(w, 0, &late), PULSE_UNPROVEN);
	assert_true(misses(w, 0, 1));
	start(w, 1);
	w->cut[1][0] = false;
	run(w, 1000);
	assert_true(hears(w, 0, 1));
	assert_int_equal(give(w, 0, &old), PULSE_UNPROVEN);
	assert_int_equal(give(w, 0, &late), PULSE_UNPROVEN);
	assert_true(hears(w, 0, 1));
	start(w, 0);
	assert_int_equal(give(w, 0, &old), PULSE_UNPROVEN);
	assert_int_equal(w->p[0].n, 0);
	free(w);
}

/* However many of them: who lives is heard. */
static void records_in_the_way(void **state)
{
	struct world *w = set_up(2);
	struct datagram d[2 * PULSE_STRANGERS];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(d); i++) {
		start(w, 1);
		run(w, PULSE_EVERY_MS);
		d[i] = w->last[1];
	}
	run(w, 1000);
	run(w, PULSE_LOSS_MS);
	for (unsigned ms = 0; ms < 10000; ms++) {
		run(w, 1);
		(void)give(w, 0, &d[ms % (ARRAY_LEN(d) - 1)]);
		assert_true(hears(w, 0, 1) && hears(w, 1, 0));
	}
	free(w);
}

/* Nobody was silent while nobody here could hear. */
static void stood_still(void **state)
{
	struct world *w = set_up(2);

	(void)state;
	run(w, 1000);
	w->now += 5000;
	pulse_slept(&w->p[0], 5000 - PULSE_EVERY_MS);
	assert_false(pulse_expire(&w->p[0], w->now));
	assert_true(hears(w, 0, 1));
	assert_true(pulse_expire(&w->p[1], w->now));
	free(w);
}

static void many(void **state)
{
	struct world *w = set_up(1);
	struct pulse p;

	(void)state;
	for (unsigned i = 0; i < 2 * ENGINE_PEERS_MAX; i++) {
		const uint8_t epoch[DGRAM_EPOCH_LEN] = {(uint8_t)(i + 1)};

		w->random = 1000;
		run(w, PULSE_EVERY_MS);
		pulse_init(&p, 1000 + i, epoch, w->now);
		for (unsigned k = 0; k < 2; k++) {
			struct datagram d;
			struct wr body = wr_of(d.body, sizeof(d.body));

			assert_true(pulse_next(&p, w->now + k * PULSE_EVERY_MS, 7, &d.h, &body));
			d.len = wr_len(&body);
			(void)give(w, 0, &d);
			(void)pulse_on(&p, &w->last[0].h, w->last[0].body, w->last[0].len, w->now);
		}
	}
	assert_int_equal(w->p[0].n, ENGINE_PEERS_MAX);
	start(w, 1);
	run(w, PULSE_LOSS_MS + 3 * PULSE_EVERY_MS);
	assert_true(hears(w, 0, 1) && hears(w, 1, 0));
	assert_int_equal(w->p[0].n, ENGINE_PEERS_MAX);
	free(w);
}

static void what_makes_no_sense(void **state)
{
	struct world *w = set_up(2);
	struct datagram d;

	(void)state;
	run(w, 1000);
	d = w->last[1];
	d.h.seq++;
	for (size_t len = 0; len < w->last[1].len; len++) {
		d.len = len;
		assert_int_equal(give(w, 0, &d), PULSE_BAD);
	}
	d.len = w->last[1].len;
	d.body[10] = CTL_PULSE_ECHOES_MAX + 1;
	assert_int_equal(give(w, 0, &d), PULSE_BAD);
	d = w->last[1];
	d.h.sender = ID(0); /* our own comes back */
	assert_int_equal(give(w, 0, &d), PULSE_OLD);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_together),
		cmocka_unit_test(late_now_and_then),
		cmocka_unit_test(missed_in_time),
		cmocka_unit_test(eight_in_a_row),
		cmocka_unit_test(one_direction),
		cmocka_unit_test(another_life),
		cmocka_unit_test(records),
		cmocka_unit_test(records_in_the_way),
		cmocka_unit_test(stood_still),
		cmocka_unit_test(many),
		cmocka_unit_test(what_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
