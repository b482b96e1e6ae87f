/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/hold.h"

static struct hold set_up(void)
{
	struct hold h;

	assert_int_equal(hold_init(&h, 100), 0);
	return h;
}

static void nothing_is_free(void **state)
{
	struct hold h;

	(void)state;
	assert_int_equal(hold_init(&h, 0), 0);
	assert_null(h.entry);
	assert_null(hold_first(&h));
	hold_clear(&h);
	hold_fini(&h);
}

static void leaves_in_order(void **state)
{
	struct hold h = set_up();

	(void)state;
	for (uint16_t i = 0; i < 10; i++) {
		struct flow f = sample_tcp_snat(i);

		hold_add(&h, i % 3, &f, 1000u + i); /* hashes that meet */
	}
	for (uint16_t i = 0; i < 10; i++) {
		struct flow f = sample_tcp_snat(i), out;
		const struct hold_entry *e = hold_first(&h);

		if (i == 4) { /* was taken */
			assert_false(hold_take(&h, i % 3, &f, &out));
			continue;
		}
		assert_non_null(e);
		assert_true(flow_same(&e->flow, &f));
		assert_int_equal(e->since, 1000 + i);
		hold_drop_first(&h);
		assert_false(hold_take(&h, i % 3, &f, &out));
		if (i == 3) {
			f = sample_tcp_snat(4);
			assert_true(hold_take(&h, 4 % 3, &f, &out));
			assert_true(flow_equal(&out, &f));
		}
	}
	assert_null(hold_first(&h));
	hold_fini(&h);
}

/* Every way of leaving, for many times its size. */
static void goes_round(void **state)
{
	struct hold h = set_up();
	uint64_t in = 0, out = 0;

	(void)state;
	for (unsigned n = 0; n < 5 * HOLD_MAX; n++) {
		struct flow f = sample_tcp_snat((uint16_t)n), other;

		if (hold_is_full(&h)) {
			assert_non_null(hold_first(&h));
			if (hold_is_full(&h)) {
				hold_drop_first(&h);
				out++;
			}
		}
		hold_add(&h, n * 7u, &f, n);
		in++;
		if (n % 5)
			continue;
		assert_true(hold_take(&h, n * 7u, &f, &other));
		out++;
	}
	for (; hold_first(&h); out++)
		hold_drop_first(&h);
	assert_int_equal(in, out);
	for (unsigned i = 0; i < HOLD_MAX; i++)
		assert_int_equal(h.bucket[i], 0);
	hold_fini(&h);
}

static void clears(void **state)
{
	struct hold h = set_up();
	struct flow f = sample_tcp_snat(1), out;

	(void)state;
	hold_add(&h, 1, &f, 0);
	hold_clear(&h);
	assert_false(hold_take(&h, 1, &f, &out));
	assert_null(hold_first(&h));
	hold_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_free),
		cmocka_unit_test(leaves_in_order),
		cmocka_unit_test(goes_round),
		cmocka_unit_test(clears),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
