/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/peers.h"
#include "../../sync/repair.h"

static uint64_t mix(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15u;
}

static void seen(void **state)
{
	struct repair_seen s = {.max = 0};

	(void)state;
	repair_seen_start(&s, 0);
	assert_false(repair_seen_has(&s, 1));
	for (uint64_t i = 0; i < 50000; i++) {
		repair_seen_add(&s, mix(i));
		repair_seen_add(&s, mix(i / 2));
	}
	assert_int_equal(s.n, 50000);
	/* also while it grows to its next size */
	assert_true(s.size * sizeof(*s.slot) * 3 / 2 <= 64 * s.n);
	for (uint64_t i = 0; i < 50000; i++)
		assert_true(repair_seen_has(&s, mix(i)));
	for (uint64_t i = 50000; i < 60000; i++)
		assert_false(repair_seen_has(&s, mix(i)));
	repair_seen_add(&s, 0); /* a hash like any other */
	assert_true(repair_seen_has(&s, 0));
	repair_seen_start(&s, 100000); /* no growing on the way */
	assert_int_equal(s.size, 262144);
	assert_false(repair_seen_has(&s, mix(1)));
	for (uint64_t i = 0; i < 100000; i++)
		repair_seen_add(&s, mix(i));
	assert_int_equal(s.size, 262144);
	repair_seen_free(&s);
}

static void seen_bound(void **state)
{
	struct repair_seen s = {.max = 2048};

	(void)state;
	repair_seen_start(&s, 0);
	for (uint64_t i = 0; i < 2000; i++)
		repair_seen_add(&s, mix(i));
	assert_true(s.failed);
	assert_null(s.slot);
	repair_seen_start(&s, UINT64_MAX);
	assert_int_equal(s.size, 2048);
	assert_false(s.failed);
	repair_seen_free(&s);
}

static void changed(void **state)
{
	static struct repair_changed c;
	unsigned wrong = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		repair_changed_add(&c, mix(i));
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(repair_changed_has(&c, mix(i)));
	for (uint64_t i = 1000; i < 11000; i++)
		wrong += repair_changed_has(&c, mix(i));
	assert_true(wrong < 400); /* 1.5 % are expected */
	repair_changed_clear(&c);
	for (uint64_t i = 0; i < 1000; i++)
		assert_false(repair_changed_has(&c, mix(i)));
}

static struct flow numbered(unsigned i)
{
	struct flow f = i % 3 ? sample_flow(IPPROTO_TCP, "10.0.0.1", (uint16_t)i, "10.0.0.2", 80)
			      : sample_flow(IPPROTO_UDP, "fd00::1", (uint16_t)i, "fd00::2", 53);

	f.zone = (uint16_t)(i % 5);
	return f;
}

static void flow_index(void **state)
{
	struct repair_index x = {.max = 0};
	struct flow got;
	size_t at = 0;

	(void)state;
	repair_index_start(&x, 0);
	assert_false(repair_index_next(&x, &at, &got));
	for (unsigned i = 0; i < 20000; i++) {
		struct flow f = numbered(i);

		repair_index_add(&x, &f);
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct flow f = numbered(i);

		assert_true(repair_index_next(&x, &at, &got));
		assert_true(flow_same(&f, &got));
		assert_int_equal(got.has, 0);
	}
	assert_false(repair_index_next(&x, &at, &got));
	assert_true(x.used <= 20000 * 40);
	repair_index_start(&x, 1000); /* empty again */
	at = 0;
	assert_false(repair_index_next(&x, &at, &got));
	repair_index_free(&x);
}

static void flow_index_bound(void **state)
{
	struct repair_index x = {.max = 1 << 17};

	(void)state;
	repair_index_start(&x, UINT64_MAX);
	assert_int_equal(x.size, 1 << 17);
	for (unsigned i = 0; i < 10000; i++) {
		struct flow f = numbered(i);

		repair_index_add(&x, &f);
	}
	assert_true(x.failed);
	assert_null(x.p); /* whoever has it looks at the kernel's table instead */
	repair_index_free(&x);
}

static void replay_window(void **state)
{
	static const struct {
		uint64_t seq;
		bool fresh;
		const char *why;
	} row[] = {
		{5, true, "the first"},
		{5, false, "again"},
		{3, true, "late"},
		{3, false, "late, again"},
		{70, true, "ahead by more than the window"},
		{5, false, "too old to tell"},
		{7, true, "the oldest that is known"},
		{6, false, "one older"},
		{69, true, "late by one"},
		{70, false, "again"},
		{71, true, "next"},
		{69, false, "the window moved with it"},
	};
	struct peers p = {.loss_ms = 1000};
	struct dgram_hdr h = {.kind = DGRAM_CONTROL, .sender = 9};
	struct peer *peer = peers_place(&p, &h, 0);

	(void)state;
	assert_non_null(peer);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		h.seq = row[i].seq;
		if (peer_is_fresh(peer, &h) != row[i].fresh)
			fail_msg("%zu: %s", i, row[i].why);
	}
	/* restarted: numbers count anew, and only from the proof on */
	h.epoch[0] = 1;
	h.seq = 50;
	assert_false(peer_has_proven(&p, peer, &h, 0));
	peer_prove(peer, &h);
	assert_true(peer_has_proven(&p, peer, &h, 0));
	assert_false(peer_is_fresh(peer, &h));
	h.seq = 49;
	assert_false(peer_is_fresh(peer, &h));
	h.seq = 51;
	assert_true(peer_is_fresh(peer, &h));
	/* what was before the restart is of an unproven lifetime again, however high its number */
	h.epoch[0] = 0;
	h.seq = 1000;
	assert_false(peer_has_proven(&p, peer, &h, 0));
}

static void places(void **state)
{
	struct peers p = {.loss_ms = 1000};
	struct dgram_hdr h = {.kind = DGRAM_CONTROL};

	(void)state;
	for (uint32_t i = 1; i <= ENGINE_PEERS_MAX; i++) {
		h.sender = i;
		assert_non_null(peers_place(&p, &h, i));
		p.peer[i - 1].named = true;
	}
	h.sender = 100;
	assert_null(peers_place(&p, &h, 20)); /* all of them live */
	assert_true(peers_expire(&p, 1004));
	assert_false(peers_expire(&p, 1004));
	assert_non_null(peers_place(&p, &h, 1004));
	assert_null(peers_find(&p, 1)); /* the one that was lost for longest */
	assert_non_null(peers_find(&p, 2));
	assert_null(peers_find(&p, 0));
}

/* A controller that stood still with all others has not lost them. */
static void no_silence_while_asleep(void **state)
{
	struct peers p = {.loss_ms = 1000};
	struct dgram_hdr h = {.kind = DGRAM_CONTROL, .sender = 1};
	struct peer *peer = peers_place(&p, &h, 5000);

	(void)state;
	peer->named = true;
	p.slept_ms += 1500;
	assert_false(peers_expire(&p, 6900)); /* 400 ms awake */
	assert_false(peers_expire(&p, 7499));
	assert_true(peers_expire(&p, 7500));
	assert_true(peer->lost);
	/* what was slept before counts no more, and more than passed is nothing */
	peer_is_heard(&p, peer, 8000);
	assert_int_equal(peers_silent_ms(&p, peer->heard_at, peer->slept_ms, 8700), 700);
	p.slept_ms += 1000;
	assert_int_equal(peers_silent_ms(&p, peer->heard_at, peer->slept_ms, 8700), 0);
	assert_true(peers_expire(&p, 8700));
	assert_false(peer->lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen),	      cmocka_unit_test(seen_bound),
		cmocka_unit_test(flow_index), cmocka_unit_test(flow_index_bound),
		cmocka_unit_test(changed),    cmocka_unit_test(replay_window),
		cmocka_unit_test(places),     cmocka_unit_test(no_silence_while_asleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
