/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What controllers say of VIPs that are chosen, from engine to engine: again and again, soon to who
 * does not know, by whoever is believed. Two engines on a wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine_stub.h"

#include "../../sync/engine_impl.h"

struct side {
	struct engine *e;
	struct sync_counters c;
	struct world *w;
	unsigned told;
	char name[64];
	struct reserve_word word;
};

struct world {
	struct side side[2];
	uint64_t now, random;
	bool cut;
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct side *from = ctx;
	struct world *w = from->w;
	struct side *to = &w->side[from == &w->side[0]];

	if (to->e && !w->cut)
		engine_on_datagram(to->e, h, body, len, w->now);
}

static void op_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ((struct side *)ctx)->w;

	w->random++;
	memset(buf, 0, len);
	memcpy(buf, &w->random, len < sizeof(w->random) ? len : sizeof(w->random));
}

static void op_reserve(void *ctx, uint32_t peer, const char *name, const struct reserve_word *word)
{
	struct side *s = ctx;

	s->told++;
	s->word = *word;
	snprintf(s->name, sizeof(s->name), "%s", name);
	assert_int_equal(peer, s == &s->w->side[0] ? 2 : 1);
}

static const struct engine_ops ops = {.send = op_send,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing,
				      .on_reserve = op_reserve};

static void run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now++;
		for (unsigned i = 0; i < 2; i++)
			(void)engine_run(w->side[i].e, w->now);
	}
}

static void words(void **state)
{
	static struct world w = {.now = 5000};
	struct reserve_word held = {.stage = RESERVE_HELD, .set = {.n = 1}};
	const struct reserve_word looking = {.stage = RESERVE_LOOKING};
	struct engine_conf conf;

	(void)state;
	assert_int_equal(ip_addr_parse(&held.set.addr[0], "192.0.2.7"), 0);
	for (unsigned i = 0; i < 2; i++) {
		engine_conf_defaults(&conf);
		snprintf(conf.name, sizeof(conf.name), "side-%u", i);
		conf.self = i + 1;
		w.side[i].w = &w;
		assert_int_equal(
			engine_new(&w.side[i].e, &conf, &ops, &w.side[i], &w.side[i].c, w.now), 0);
	}
	run(&w, 1000);
	assert_int_equal(w.side[1].told, 0); /* nothing to say */
	engine_set_reserve(w.side[0].e, &held, w.now);
	run(&w, 1);
	assert_int_equal(w.side[1].told, 1);
	assert_string_equal(w.side[1].name, "side-0");
	assert_int_equal(w.side[1].word.stage, RESERVE_HELD);
	assert_true(reserve_set_equal(&w.side[1].word.set, &held.set));
	run(&w, 10000);
	assert_in_range(w.side[1].told, 10, 12);
	/* who does not know is told soon, and no more than is good */
	engine_set_reserve(w.side[1].e, &looking, w.now);
	run(&w, 1000);
	assert_in_range(w.side[0].told, 1000 / RESERVE_WORD_MS, 1000 / RESERVE_WORD_MS + 1);
	w.side[1].told = 0;
	run(&w, 1000);
	assert_in_range(w.side[1].told, 4, 11);
	/* in any role */
	(void)engine_promote(w.side[0].e, 0, w.now);
	w.side[1].told = 0;
	run(&w, 1000);
	assert_in_range(w.side[1].told, 4, 11);
	w.cut = true;
	for (unsigned i = 0; i < 2; i++)
		engine_free(w.side[i].e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
