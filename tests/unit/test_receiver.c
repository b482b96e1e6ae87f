/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/receiver.h"

struct world {
	struct receiver r;
	struct sync_counters counters;
	uint64_t got[256];
	unsigned n;
};

static void on_deliver(void *ctx, const uint8_t *body, size_t len)
{
	struct world *w = ctx;
	struct rd r = rd_of(body, len);

	assert_int_equal(len, 8);
	w->got[w->n++] = rd_be64(&r);
}

static struct world *set_up(unsigned cells)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_conf conf;

	assert_non_null(w);
	engine_conf_defaults(&conf);
	conf.mtu_body = 600;
	conf.reorder_bytes = cells * 604;
	assert_int_equal(receiver_init(&w->r, &conf, &w->counters, on_deliver, w, 1), 0);
	return w;
}

static void tear_down(struct world *w)
{
	receiver_fini(&w->r);
	free(w);
}

static void on(struct world *w, uint64_t seq, uint64_t now)
{
	uint8_t body[8];
	struct wr wr = wr_of(body, sizeof(body));

	wr_be64(&wr, seq);
	receiver_on(&w->r, seq, body, sizeof(body), now);
}

static void order(void **state)
{
	static const uint64_t in[] = {1, 3, 2, 2, 6, 5, 3, 4, 6, 7};
	struct world *w = set_up(8);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		on(w, in[i], 10);
	assert_int_equal(w->n, 7);
	for (unsigned i = 0; i < w->n; i++)
		assert_int_equal(w->got[i], i + 1);
	assert_int_equal(w->counters.v[SYNC_RX_DUPLICATE], 3);
	assert_int_equal(w->counters.v[SYNC_RX_REORDERED], 3);
	assert_int_equal(receiver_due(&w->r), UINT64_MAX);
	tear_down(w);
}

static void asks(void **state)
{
	struct world *w = set_up(8);
	struct ctl_range gap[CTL_RANGES_MAX];
	uint64_t now = 100, last = 0;
	unsigned asked = 0;

	(void)state;
	on(w, 1, now);
	on(w, 3, now);
	on(w, 6, now);
	assert_int_equal(receiver_step(&w->r, now), RECEIVER_WAIT); /* may be reordering */
	assert_true(receiver_due(&w->r) >= now + RECEIVER_REORDER_MS);
	assert_int_equal(receiver_missing(&w->r, gap), 2);
	assert_int_equal(gap[0].first, 2);
	assert_int_equal(gap[0].count, 1);
	assert_int_equal(gap[1].first, 4);
	assert_int_equal(gap[1].count, 2);
	for (;; now++) {
		enum receiver_todo todo = receiver_step(&w->r, now);

		if (todo == RECEIVER_GIVE_UP)
			break;
		if (todo == RECEIVER_ASK) {
			/* the first two within 20 ms, later ones ever more seldom */
			if (asked < 2)
				assert_true(now <= 120);
			assert_true(now > last);
			last = now;
			asked++;
		}
	}
	assert_int_equal(now, 100 + RECEIVER_GIVE_UP_MS);
	assert_in_range(asked, 6, 20);
	assert_int_equal(receiver_resume(&w->r), 3);
	receiver_skip(&w->r, 3, now);
	assert_int_equal(w->r.next, 4);
	assert_true(w->r.gap); /* 4 and 5 are still missing */
	receiver_skip(&w->r, 7, now);
	assert_int_equal(w->n, 3);
	assert_int_equal(w->got[2], 6);
	assert_false(w->r.gap);
	tear_down(w);
}

static void lost_tail(void **state)
{
	struct world *w = set_up(8);
	struct ctl_range gap[CTL_RANGES_MAX];

	(void)state;
	on(w, 1, 10);
	receiver_known(&w->r, 3, 10);
	assert_int_equal(receiver_missing(&w->r, gap), 1);
	assert_int_equal(gap[0].first, 2);
	assert_int_equal(gap[0].count, 2);
	on(w, 2, 11);
	on(w, 3, 11);
	assert_false(w->r.gap);
	tear_down(w);
}

static void suppression(void **state)
{
	struct world *w = set_up(8);
	const struct ctl_range other = {.first = 5, .count = 1}, same = {.first = 1, .count = 2};

	(void)state;
	on(w, 3, 10);

	uint64_t due = receiver_due(&w->r);

	receiver_asked(&w->r, &other, 1, due);
	assert_int_equal(receiver_due(&w->r), due);
	receiver_asked(&w->r, &same, 1, due);
	assert_int_equal(receiver_step(&w->r, due), RECEIVER_WAIT);
	assert_true(receiver_due(&w->r) >= due + RECEIVER_RETRY_MS);
	tear_down(w);
}

static void bounds(void **state)
{
	struct world *w = set_up(4);
	struct ctl_range gap[CTL_RANGES_MAX];

	(void)state;
	for (uint64_t seq = 2; seq <= 20; seq++)
		on(w, seq, 10);
	assert_int_equal(w->counters.v[SYNC_RX_REORDERED], 4);
	assert_int_equal(w->counters.v[SYNC_RX_DROPPED], 15);
	/* no more is asked for than can be used */
	assert_int_equal(receiver_missing(&w->r, gap), 1);
	assert_int_equal(gap[0].first, 1);
	assert_int_equal(gap[0].count, 1);
	on(w, 1, 11);
	assert_int_equal(w->n, 5);
	receiver_missing(&w->r, gap);
	assert_int_equal(gap[0].first, 6);
	assert_int_equal(gap[0].count, 5);
	on(w, UINT64_MAX - 1, 12); /* far beyond the window */
	assert_int_equal(w->counters.v[SYNC_RX_DROPPED], 16);
	tear_down(w);
}

/* Any order of arrival, any loss that is made good: delivered is 1, 2, 3, ... */
static void any_order(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 200; seed++) {
		struct world *w = set_up(4 + seed % 60);
		uint32_t x = seed * 2654435761u;

		for (unsigned i = 0; i < 100000 && w->r.next <= 200; i++) {
			x = x * 1664525 + 1013904223;
			uint64_t seq = w->r.next + (x >> 16) % 40;

			on(w, seq > 3 ? seq - 3 : 1, i);
		}
		assert_true(w->n >= 200);
		for (unsigned i = 0; i < w->n; i++)
			assert_int_equal(w->got[i], i + 1);
		tear_down(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),     cmocka_unit_test(asks),
		cmocka_unit_test(lost_tail), cmocka_unit_test(suppression),
		cmocka_unit_test(bounds),    cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
