/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../sync/lag.h"

/* The engine as the lag sees it. */
struct engine {
	enum engine_phase phase;
	uint64_t applied, sent;
	bool source_lost;
};

void engine_status(const struct engine *e, struct engine_status *out)
{
	*out = (struct engine_status){.phase = e->phase, .source = 7, .seq = e->applied};
}

unsigned engine_peers(const struct engine *e, struct engine_peer out[static ENGINE_PEERS_MAX],
		      uint64_t now)
{
	(void)now;
	/* another replica, which is further than we are, and the source */
	out[0] = (struct engine_peer){.id = 5, .phase = ENGINE_READY, .acked = e->sent + 50};
	out[1] = (struct engine_peer){
		.id = 7, .phase = ENGINE_SOURCE, .acked = e->sent, .lost = e->source_lost};
	return 2;
}

static void age_of_the_oldest(void **state)
{
	static const struct {
		uint64_t now, sent, applied, lag;
		const char *why;
	} row[] = {
		{1000, 10, 10, 0, "all applied"},
		{1100, 14, 10, 0, "just heard of"},
		{1150, 14, 12, 50, "the last of them still waits"},
		{1200, 20, 13, 100, "newer ones do not make it younger"},
		{1250, 20, 14, 0, "the oldest is applied: the next begins to count"},
		{1300, 20, 19, 50, "and waits"},
		{1350, 20, 20, 0, "all applied again"},
	};
	struct engine e = {.phase = ENGINE_READY};
	struct lag lag = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint64_t got;

		e.sent = row[i].sent;
		e.applied = row[i].applied;
		got = lag_update(&lag, &e, row[i].now);
		if (got != row[i].lag)
			fail_msg("%s: %llu", row[i].why, (unsigned long long)got);
		assert_int_equal(lag.checked_ms, row[i].now);
	}
}

static void only_behind_a_living_source(void **state)
{
	struct engine e = {.phase = ENGINE_READY, .applied = 1, .sent = 9};
	struct lag lag = {0};

	(void)state;
	(void)lag_update(&lag, &e, 100);
	assert_int_equal(lag_update(&lag, &e, 200), 100);
	e.phase = ENGINE_ALONE;
	assert_int_equal(lag_update(&lag, &e, 300), 0);
	e.phase = ENGINE_SOURCE;
	assert_int_equal(lag_update(&lag, &e, 400), 0);
	e.phase = ENGINE_SYNCING;
	e.source_lost = true;
	assert_int_equal(lag_update(&lag, &e, 500), 0);
	assert_int_equal(lag_update(&lag, &e, 600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(age_of_the_oldest),
		cmocka_unit_test(only_behind_a_living_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
