/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two engines on a wire: 0 is the source, 1 follows, and they believe each other. Who includes this
 * has defined `struct seen` before, what is noted of one side. */
#ifndef TESTS_ENGINE_PAIR_H
#define TESTS_ENGINE_PAIR_H

#include "engine_stub.h"
#include "flow_samples.h"

#include "../../sync/engine_impl.h"

struct side {
	struct engine *e;
	struct sync_counters c;
	struct world *w;
	struct seen seen;
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
	stub_random(&((struct side *)ctx)->w->random, buf, len);
}

static void run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now++;
		for (unsigned i = 0; i < 2; i++)
			(void)engine_run(w->side[i].e, w->now);
	}
}

static struct world *set_up(const struct engine_ops *ops)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_conf conf;

	assert_non_null(w);
	w->now = 5000;
	for (unsigned i = 0; i < 2; i++) {
		engine_conf_defaults(&conf);
		snprintf(conf.name, sizeof(conf.name), "side-%u", i);
		conf.self = i + 1;
		w->side[i].w = w;
		assert_int_equal(
			engine_new(&w->side[i].e, &conf, ops, &w->side[i], &w->side[i].c, w->now),
			0);
	}
	run(w, 500);
	(void)engine_promote(w->side[0].e, 6, w->now);
	run(w, 500);
	return w;
}

static void tear_down(struct world *w)
{
	w->cut = true;
	for (unsigned i = 0; i < 2; i++)
		engine_free(w->side[i].e);
	free(w);
}

#endif
