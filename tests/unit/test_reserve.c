/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VIPs that are chosen: who decides, what is kept, which addresses are tried, and what is in the
 * file. At the end controllers that start, stop and lose words at random, over many seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "vrouter/dgram.h"
#include "vrouter/reserve.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr a = {0};

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static struct reserve_set pair(const char *a, const char *b)
{
	struct reserve_set s = {.n = 2};

	s.addr[0] = addr(a);
	s.addr[1] = addr(b);
	return s;
}

static const struct reserve_set none;

static void hear(struct reserve *s, uint32_t id, enum reserve_stage stage,
		 const struct reserve_set *set)
{
	const struct reserve_word w = {.stage = (uint8_t)stage, .set = *set};

	reserve_hear(s, id, "other", &w, true);
}

static void alone_at_once(void **state)
{
	struct reserve_set kept = pair("10.0.0.5", "192.0.2.5");
	struct reserve s;

	(void)state;
	reserve_init(&s, 7, true, &none, false, 1000);
	assert_int_equal(reserve_step(&s, false, 1000), RESERVE_SEARCH);
	assert_int_equal(s.word.stage, RESERVE_CHOOSING);
	assert_int_equal(reserve_step(&s, false, 1001), RESERVE_WAIT);
	assert_int_equal(reserve_found(&s, &kept, 2000), RESERVE_AGREED);
	assert_int_equal(s.word.stage, RESERVE_HELD);
	assert_true(reserve_set_equal(&s.word.set, &kept));
	assert_int_equal(reserve_step(&s, false, 2001), RESERVE_WAIT);

	reserve_init(&s, 7, true, &kept, false, 1000);
	assert_int_equal(s.word.stage, RESERVE_HELD);
	reserve_init(&s, 7, false, &kept, true, 1000); /* it still runs with them */
	assert_int_equal(s.word.stage, RESERVE_HELD);
}

/* Without a link nobody can be asked: nothing new is chosen, ever; what was chosen before holds. */
static void no_link(void **state)
{
	struct reserve_set kept = pair("10.0.0.5", "192.0.2.5");
	struct reserve s;

	(void)state;
	reserve_init(&s, 7, false, &none, false, 1000);
	assert_int_equal(reserve_step(&s, false, 1000000), RESERVE_WAIT);
	assert_int_equal(s.word.stage, RESERVE_LOOKING);
	/* it listens from when there is one */
	assert_int_equal(reserve_step(&s, true, 1000000), RESERVE_WAIT);
	assert_int_equal(reserve_step(&s, true, 1000000 + RESERVE_LISTEN_MS - 1), RESERVE_WAIT);
	assert_int_equal(reserve_step(&s, true, 1000000 + RESERVE_LISTEN_MS), RESERVE_SEARCH);
	/* and stops when that is gone */
	assert_int_equal(reserve_step(&s, false, 1002001), RESERVE_STOP);
	assert_int_equal(s.word.stage, RESERVE_LOOKING);

	reserve_init(&s, 7, false, &kept, false, 1000);
	assert_int_equal(reserve_step(&s, false, 1000 + RESERVE_PATIENCE_MS - 1), RESERVE_WAIT);
	assert_int_equal(reserve_step(&s, false, 1000 + RESERVE_PATIENCE_MS), RESERVE_AGREED);
	assert_true(reserve_set_equal(&s.word.set, &kept));
}

static void what_others_hold(void **state)
{
	struct reserve_set kept = pair("10.0.0.5", "192.0.2.5"),
			   held = pair("10.0.0.6", "192.0.2.6");
	struct reserve s;

	(void)state;
	reserve_init(&s, 7, false, &kept, false, 0);
	hear(&s, 9, RESERVE_HELD, &held);
	assert_int_equal(reserve_step(&s, true, 1), RESERVE_AGREED); /* at once */
	assert_true(reserve_set_equal(&s.word.set, &held));
	assert_null(reserve_other(&s));

	/* also in the middle of a search */
	reserve_init(&s, 7, false, &none, false, 0);
	(void)reserve_step(&s, true, 1);
	assert_int_equal(reserve_step(&s, true, 1 + RESERVE_LISTEN_MS), RESERVE_SEARCH);
	hear(&s, 9, RESERVE_HELD, &held);
	assert_int_equal(reserve_step(&s, true, 3000), RESERVE_AGREED);

	/* a set that we may not have: ours would be a second one */
	reserve_init(&s, 7, false, &kept, false, 0);
	reserve_hear(&s, 9, "c9", &(struct reserve_word){.stage = RESERVE_HELD, .set = held},
		     false);
	assert_int_equal(reserve_step(&s, true, 1000000), RESERVE_WAIT);
	assert_string_equal(reserve_other(&s)->name, "c9");
	/* until that one is no more */
	reserve_living(&s, NULL, 0);
	assert_null(reserve_other(&s));
	(void)reserve_step(&s, true, 1000001);
	assert_int_equal(reserve_step(&s, true, 1000001 + RESERVE_LISTEN_KEPT_MS), RESERVE_AGREED);

	/* both in use, and different: said, and nothing else */
	hear(&s, 3, RESERVE_HELD, &held);
	assert_int_equal(reserve_step(&s, true, 2000000), RESERVE_WAIT);
	assert_true(reserve_set_equal(&s.word.set, &kept));
	assert_int_equal(reserve_other(&s)->id, 3);
}

static void the_first_one_decides(void **state)
{
	struct reserve_set kept = pair("10.0.0.5", "192.0.2.5"),
			   old = pair("10.0.0.6", "192.0.2.6");
	struct reserve s;

	(void)state;
	/* of those who look it is the one with the lowest id */
	reserve_init(&s, 7, false, &none, false, 0);
	hear(&s, 5, RESERVE_LOOKING, &none);
	(void)reserve_step(&s, true, 1);
	assert_int_equal(reserve_step(&s, true, 10000), RESERVE_WAIT);
	assert_int_equal(reserve_awaited(&s)->id, 5);
	reserve_living(&s, &(uint32_t){6}, 1); /* which dies */
	assert_null(reserve_awaited(&s));
	hear(&s, 9, RESERVE_LOOKING, &none);
	assert_int_equal(reserve_step(&s, true, 10001), RESERVE_SEARCH);
	/* two search: the lower one goes on, which is not us */
	hear(&s, 9, RESERVE_CHOOSING, &none);
	assert_int_equal(reserve_step(&s, true, 10002), RESERVE_WAIT);
	hear(&s, 5, RESERVE_CHOOSING, &none);
	assert_int_equal(reserve_step(&s, true, 10003), RESERVE_STOP);
	assert_int_equal(reserve_found(&s, &kept, 10004), RESERVE_WAIT); /* came too late */

	/* who searches already is not disturbed by a lower one that comes */
	reserve_init(&s, 3, false, &none, false, 0);
	hear(&s, 9, RESERVE_CHOOSING, &none);
	(void)reserve_step(&s, true, 1);
	assert_int_equal(reserve_step(&s, true, 10000), RESERVE_WAIT);
	assert_int_equal(reserve_awaited(&s)->id, 9);

	/* sets of before the start come first: of the lowest id again, and not ours */
	reserve_init(&s, 7, false, &kept, false, 0);
	hear(&s, 5, RESERVE_KEPT, &old);
	(void)reserve_step(&s, true, 1);
	assert_int_equal(reserve_step(&s, true, 1 + RESERVE_LISTEN_KEPT_MS), RESERVE_AGREED);
	assert_true(reserve_set_equal(&s.word.set, &old));
	reserve_init(&s, 3, false, &none, false, 0);
	hear(&s, 5, RESERVE_KEPT, &old);
	(void)reserve_step(&s, true, 1);
	assert_int_equal(reserve_step(&s, true, 1 + RESERVE_LISTEN_MS), RESERVE_AGREED);
	assert_true(reserve_set_equal(&s.word.set, &old));
}

static void nothing_is_free(void **state)
{
	struct reserve_set found = pair("10.0.0.5", "192.0.2.5");
	struct reserve s;

	(void)state;
	reserve_init(&s, 7, true, &none, false, 0);
	(void)reserve_step(&s, true, 0);
	assert_int_equal(reserve_found(&s, NULL, 100), RESERVE_WAIT);
	assert_int_equal(reserve_step(&s, true, 99 + RESERVE_RETRY_MS), RESERVE_WAIT);
	assert_int_equal(reserve_step(&s, true, 100 + RESERVE_RETRY_MS), RESERVE_SEARCH);
	reserve_again(&s, 20000); /* wider */
	assert_int_equal(reserve_step(&s, true, 20000), RESERVE_SEARCH);
	assert_int_equal(reserve_found(&s, &found, 20100), RESERVE_AGREED);
}

static void too_many_peers(void **state)
{
	struct reserve_set held = pair("10.0.0.6", "192.0.2.6");
	uint32_t id[RESERVE_PEERS_MAX];
	struct reserve s;

	(void)state;
	reserve_init(&s, 1000, false, &none, false, 0);
	for (uint32_t i = 0; i < RESERVE_PEERS_MAX; i++) {
		id[i] = i + 1;
		hear(&s, id[i], RESERVE_LOOKING, &none);
	}
	hear(&s, 500, RESERVE_HELD, &held); /* no room */
	assert_int_equal(reserve_step(&s, true, 1), RESERVE_WAIT);
	reserve_living(&s, id + 1, RESERVE_PEERS_MAX - 1); /* one is gone */
	hear(&s, 500, RESERVE_HELD, &held);
	assert_int_equal(reserve_step(&s, true, 2), RESERVE_AGREED);
}

/* ---- searching ---- */

static const struct ip_addr *taken[8];

static bool is_taken(void *ctx, const struct ip_addr *a)
{
	(*(unsigned *)ctx)++;
	for (unsigned i = 0; i < ARRAY_LEN(taken); i++)
		if (taken[i] && ip_addr_equal(taken[i], a))
			return true;
	return false;
}

/* Asks until `limit`; answers for the address that somebody has. */
static enum reserve_search_do run(struct reserve_search *s, uint64_t *now,
				  const struct ip_addr *has, unsigned *asked)
{
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t at;
		enum reserve_search_do what = reserve_search_step(s, *now, &at);

		if (what == RESERVE_SEARCH_WAIT) {
			assert_true(at > *now);
			*now = at;
		} else if (what == RESERVE_SEARCH_ASK) {
			(*asked)++;
			reserve_asked(s, (unsigned)at, true, *now);
			if (has && ip_addr_equal(&s->slot[at].addr, has))
				reserve_answered(s, (unsigned)at, *now);
		} else {
			return what;
		}
	}
	fail();
	return RESERVE_SEARCH_NONE;
}

static void a_search(void **state)
{
	const struct reserve_range range[2] = {{addr("10.0.0.254"), 4},
					       {addr("2001:db8::fffe"), 3}};
	struct ip_addr used = addr("10.0.0.255"), ours = addr("2001:db8::ffff");
	unsigned calls = 0, asked = 0, start = id_of("r1") % 4;
	struct reserve_search s;
	struct reserve_set found;
	uint64_t now = 500;

	(void)state;
	memset(taken, 0, sizeof(taken));
	taken[0] = &ours;
	reserve_search_begin(&s, "r1", range, 2, is_taken, &calls, now);
	assert_int_equal(run(&s, &now, &used, &asked), RESERVE_SEARCH_FOUND);
	reserve_search_result(&s, &found);
	assert_int_equal(found.n, 2);
	assert_false(ip_addr_equal(&found.addr[0], &used));
	assert_false(ip_addr_equal(&found.addr[1], &ours));
	assert_in_range(asked, 2 * RESERVE_PROBES, 2 * RESERVE_PROBES + 1);
	assert_in_range(now, 500 + (RESERVE_PROBES + 1) * RESERVE_PROBE_MS,
			500 + (RESERVE_PROBES + 2) * RESERVE_PROBE_MS);
	/* the same again: where it begins is the router's */
	taken[0] = NULL;
	reserve_search_begin(&s, "r1", range, 2, is_taken, &calls, now);
	assert_int_equal(s.slot[0].start, start);
	assert_int_equal(s.slot[0].addr.b[3], (254 + start) % 256);
	assert_int_equal(s.slot[0].addr.b[2], (254 + start) / 256); /* a carry */
}

/* All addresses of a range are tried, each once, before it is given up. */
static void an_exhausted_range(void **state)
{
	const struct reserve_range range = {addr("10.0.0.250"), 1000};
	struct reserve_search s;
	uint64_t at = 0, now = 0;
	unsigned calls = 0, n = 0;
	static bool seen[1000];

	(void)state;
	memset(taken, 0, sizeof(taken));
	reserve_search_begin(&s, "any", &range, 1, is_taken, &calls, 0);
	while (reserve_search_step(&s, now, &at) == RESERVE_SEARCH_ASK) {
		const uint8_t *b = s.slot[0].addr.b;
		unsigned which = (unsigned)(b[2] * 256 + b[3] - 250);

		assert_in_range(which, 0, 999);
		assert_false(seen[which]);
		seen[which] = true;
		n++;
		reserve_asked(&s, 0, true, now);
		reserve_answered(&s, 0, now);
	}
	assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_NONE);
	assert_int_equal(at, 0);
	assert_int_equal(n, 1000);
	assert_int_equal(calls, 1000);
}

/* What could not be sent does not count; an answer after the last probe does. */
static void late_and_unsent(void **state)
{
	const struct reserve_range range = {addr("10.0.0.1"), 2};
	struct reserve_search s;
	unsigned calls = 0;
	uint64_t at, now = 0;

	(void)state;
	memset(taken, 0, sizeof(taken));
	reserve_search_begin(&s, "any", &range, 1, is_taken, &calls, 0);
	for (unsigned i = 0; i < 20; i++, now += RESERVE_PROBE_MS) {
		assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_ASK);
		reserve_asked(&s, 0, false, now);
		assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_WAIT);
	}
	for (unsigned i = 0; i < RESERVE_PROBES; i++, now += RESERVE_PROBE_MS) {
		assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_ASK);
		reserve_asked(&s, 0, true, now);
	}
	assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_WAIT);
	reserve_answered(&s, 0, now);
	assert_int_equal(s.slot[0].tried, 1);
	assert_int_equal(reserve_search_step(&s, now, &at), RESERVE_SEARCH_ASK);
}

/* Two ranges that overlap: no address twice. */
static void not_twice(void **state)
{
	const struct reserve_range range[2] = {{addr("10.0.0.1"), 2}, {addr("10.0.0.1"), 2}};
	struct reserve_search s;
	unsigned calls = 0;

	(void)state;
	memset(taken, 0, sizeof(taken));
	reserve_search_begin(&s, "any", range, 2, is_taken, &calls, 0);
	assert_false(ip_addr_equal(&s.slot[0].addr, &s.slot[1].addr));
}

/* ---- the file ---- */

static void a_file(void **state)
{
	struct reserve_set set = pair("10.0.0.5", "2001:db8::5"), got = {.n = 0};
	static const char *const bad[] = {
		"",
		"10.0.0.5",
		"10.0.0.5\n\n",
		"10.0.0.5/24\n",
		"x\n",
		"224.0.0.1\n",
		"0.0.0.0\n",
		" 10.0.0.5\n",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001\n",
	};
	char text[RESERVE_TEXT_MAX];
	size_t len = reserve_format(&set, text);

	(void)state;
	assert_string_equal(text, "10.0.0.5\n2001:db8::5\n");
	assert_true(reserve_parse(&got, text, len));
	assert_true(reserve_set_equal(&got, &set));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (reserve_parse(&got, bad[i], strlen(bad[i])))
			print_error("\"%s\" was taken\n", bad[i]);
		assert_false(reserve_parse(&got, bad[i], strlen(bad[i])));
	}
	assert_false(reserve_parse(&got, "10.0.0.5\0x\n", 11));
	assert_true(reserve_set_equal(&got, &set)); /* untouched */
	set.n = RESERVE_MAX;
	for (unsigned i = 0; i < RESERVE_MAX; i++)
		set.addr[i] = addr("2001:db8:1111:2222:3333:4444:5555:6666");
	len = reserve_format(&set, text);
	assert_true(reserve_parse(&got, text, len));
	memcpy(text + len, "10.0.0.1\n", 9);
	assert_false(reserve_parse(&got, text, len + 9)); /* one too many */
}

/* ---- many controllers ---- */

#define N	3
#define STEP_MS 50
#define STEPS	900

struct controller {
	bool up;
	struct reserve r;
	struct reserve_set file;
	uint64_t found_at; /* its search ends then; 0: it does not search */
	unsigned lost[N];  /* words to each, in a row */
};

static uint64_t seed_state;

static unsigned random_below(unsigned n)
{
	seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed_state >> 33) % n;
}

static void step(struct controller *c, uint64_t now)
{
	struct reserve_set found = pair("10.0.0.1", "192.0.2.1");
	enum reserve_do what;

	if (!c->up)
		return;
	what = reserve_step(&c->r, true, now);
	if (what == RESERVE_SEARCH)
		c->found_at = now + 800 + random_below(1000);
	if (what == RESERVE_STOP)
		c->found_at = 0;
	if (c->found_at && now >= c->found_at) {
		found.addr[0].b[2] =
			(uint8_t)random_below(256); /* what is free differs by moment */
		found.addr[0].b[3] = (uint8_t)(1 + random_below(200));
		what = reserve_found(&c->r, &found, now);
		c->found_at = 0;
	}
	if (what == RESERVE_AGREED)
		c->file = c->r.word.set;
}

static void start_or_stop(struct controller *c, unsigned i, uint64_t now)
{
	c->up = !c->up;
	c->found_at = 0;
	memset(c->lost, 0, sizeof(c->lost));
	reserve_init(&c->r, 10 + i, false, &c->file, false, now);
}

/* Half of all words are lost, but never three of one to another in a row. */
static void exchange(struct controller c[N], unsigned from, unsigned to)
{
	uint32_t id[N], n = 0;

	if (!c[from].up || !c[to].up || from == to)
		return;
	if (random_below(2) || ++c[from].lost[to] == 3) {
		c[from].lost[to] = 0;
		hear(&c[to].r, 10 + from, (enum reserve_stage)c[from].r.word.stage,
		     &c[from].r.word.set);
	}
	for (unsigned i = 0; i < N; i++)
		if (c[i].up)
			id[n++] = 10 + i;
	reserve_living(&c[to].r, id, n);
}

static const struct reserve_set *held(const struct controller *c)
{
	return c->up && c->r.word.stage == RESERVE_HELD ? &c->r.word.set : NULL;
}

/* Two that hold something always hold the same. */
static bool agree(const struct controller c[N])
{
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < i; k++)
			if (held(&c[i]) && held(&c[k]) &&
			    !reserve_set_equal(held(&c[i]), held(&c[k])))
				return false;
	return true;
}

static void a_world(uint64_t seed)
{
	struct controller c[N];

	memset(c, 0, sizeof(c));
	seed_state = seed;
	for (unsigned t = 0; t < STEPS; t++) {
		uint64_t now = 1000 + t * STEP_MS;

		for (unsigned i = 0; i < N; i++)
			if (t < STEPS - 200 ? random_below(120) == 0 : !c[i].up)
				start_or_stop(&c[i], i, now);
		for (unsigned i = 0; i < N; i++)
			for (unsigned k = 0; k < N; k++)
				if (t % (RESERVE_WORD_MS / STEP_MS) == i)
					exchange(c, i, k);
		for (unsigned i = 0; i < N; i++)
			step(&c[i], now);
		if (!agree(c))
			fail_msg("seed %llu: two sets after %u steps", (unsigned long long)seed, t);
	}
	for (unsigned i = 0; i < N; i++)
		if (!held(&c[i]))
			fail_msg("seed %llu: %u holds none at the end", (unsigned long long)seed,
				 i);
}

static void many_worlds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++)
		a_world(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_at_once),    cmocka_unit_test(no_link),
		cmocka_unit_test(what_others_hold), cmocka_unit_test(the_first_one_decides),
		cmocka_unit_test(nothing_is_free),  cmocka_unit_test(too_many_peers),
		cmocka_unit_test(a_search),	    cmocka_unit_test(an_exhausted_range),
		cmocka_unit_test(late_and_unsent),  cmocka_unit_test(not_twice),
		cmocka_unit_test(a_file),	    cmocka_unit_test(many_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
