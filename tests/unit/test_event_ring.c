/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/event_ring.h"

static void keeps_the_last(void **state)
{
	static struct event_ring r;
	uint64_t end, first;

	(void)state;
	assert_null(event_ring_get(&r, 0));
	assert_null(event_ring_get(&r, 1));
	assert_int_equal(event_ring_last(&r, 10, &end), 1);
	assert_int_equal(end, 1); /* empty */
	for (uint32_t i = 1; i <= EVENT_RING_SIZE + 10; i++)
		assert_int_equal(event_ring_add(&r, &(struct happening){.term = i})->id, i);
	assert_null(event_ring_get(&r, 10));
	for (uint64_t id = 11; id <= EVENT_RING_SIZE + 10; id++) {
		const struct happening *h = event_ring_get(&r, id);

		assert_non_null(h);
		assert_int_equal(h->id, id);
		assert_int_equal(h->term, id);
	}
	assert_null(event_ring_get(&r, EVENT_RING_SIZE + 11));
	first = event_ring_last(&r, UINT64_MAX, &end);
	assert_int_equal(first, 11);
	assert_int_equal(end, EVENT_RING_SIZE + 11);
	assert_int_equal(event_ring_last(&r, 3, &end), EVENT_RING_SIZE + 8);
	assert_int_equal(event_ring_last(&r, 0, &end), end);
}

static void every_type_has_a_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HAPPENING_TYPES; i++)
		assert_non_null(happening_name((enum happening_type)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_last),
		cmocka_unit_test(every_type_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
