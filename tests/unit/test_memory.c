/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engines of routers without flows use of their memory: a page each, and one more for the
 * stream of a source. Rooms for what might be are not touched by anything that always happens: a
 * start, a peer, a promotion, a repair, a heartbeat. */
#include <stdint.h>

#include "vrouter/engine.h"

struct seen {
	bool told; /* of neighbours */
};

#include "engine_pair.h"
#include "memory.h"

#define PAIRS 64
/* three pages, the open datagram of each, and this test's own notes; not one page more */
#define PAIR_KB 18

static bool op_neighbours(void *ctx, unsigned page, const struct neigh_page *p)
{
	(void)page;
	(void)p;
	((struct side *)ctx)->seen.told = true;
	return true;
}

static const struct engine_ops ops = {.send = op_send,
				      .put = stub_put,
				      .del = stub_del,
				      .set_timeout = stub_set_timeout,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .expects = stub_expects,
				      .neighbours = op_neighbours,
				      .random = op_random,
				      .on_status = stub_nothing};

static enum engine_phase phase(const struct side *s)
{
	struct engine_status st;

	engine_status(s->e, &st);
	return st.phase;
}

static void idle(void **state)
{
	struct world *w[PAIRS];
	unsigned long before, after;

	(void)state;
	tear_down(set_up(&ops)); /* what the first one alone brings */
	before = memory_kb();
	if (!MEMORY_COUNTS || !before)
		skip();
	for (unsigned i = 0; i < PAIRS; i++) {
		w[i] = set_up(&ops);
		run(w[i], 3000); /* beyond what is kept of a former stream's neighbours */
		assert_int_equal(phase(&w[i]->side[0]), ENGINE_SOURCE);
		assert_int_equal(phase(&w[i]->side[1]), ENGINE_READY);
	}
	after = memory_kb();
	print_message("%lu KB a pair\n", (after - before) / PAIRS);
	assert_in_range(after - before, 1, PAIRS * PAIR_KB);
	for (unsigned i = 0; i < PAIRS; i++)
		tear_down(w[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(idle)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
