/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATUS is rare where nothing happens, soon there when something does, and nobody is taken for
 * lost for it: not when one gets lost, and not by a version that does not know of it. */
#include "engine_stub.h"
#include "flow_samples.h"

#include "../../sync/engine_impl.h"
#include "../../sync/pulse.h"

#define QUIET_MS 3200
#define RARE_MS	 12800 /* as rare as a pulse lets it be */
#define STEP_MS	 10

struct side {
	struct engine *e;
	struct pulse pulse; /* self 0: none */
	bool hung;	    /* the engine, not its process */
	unsigned missed;    /* pulses */
	uint64_t due;	    /* when its engine wants to run, or something came for it */
	struct sync_counters c;
	struct world *w;
	unsigned sent, named; /* CONTROL; that name the longer interval */
	uint64_t sent_at;
};

struct world {
	struct side side[2];
	uint64_t now, random;
	bool cut;
	bool mute[2]; /* what the engine of that side says gets lost */
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct side *from = ctx;
	struct world *w = from->w;
	struct side *to = &w->side[from == &w->side[0]];
	struct rd r = rd_of(body, len);
	struct ctl_msg m;

	while (h->kind == DGRAM_CONTROL && ctl_decode(&r, &m) == CTL_MSG)
		from->named += m.type == CTL_STATUS && m.status.every_ms == QUIET_MS;
	from->sent += h->kind == DGRAM_CONTROL;
	from->sent_at = h->kind == DGRAM_CONTROL ? w->now : from->sent_at;
	if (!to->e || w->cut || w->mute[from == &w->side[1]])
		return;
	engine_on_datagram(to->e, h, body, len, w->now);
	to->due = w->now;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	struct world *w = ((struct side *)ctx)->w;

	w->random++;
	memset(buf, 0, len);
	memcpy(buf, &w->random, len < sizeof(w->random) ? len : sizeof(w->random));
}

static const struct engine_ops ops = {.send = op_send,
				      .put = stub_put,
				      .del = stub_del,
				      .commit = stub_nothing,
				      .dump = stub_dump,
				      .count = stub_count,
				      .expects = stub_expects,
				      .random = op_random,
				      .on_status = stub_nothing};

static bool lost(const struct side *s)
{
	struct engine_peer p[ENGINE_PEERS_MAX];
	unsigned n = engine_peers(s->e, p, s->w->now);

	return n != 1 || p[0].lost;
}

/* Wakes the engines for what is new, and only then. */
static void pulse(struct world *w, struct side *from)
{
	struct side *to = &w->side[from == &w->side[0]];
	uint8_t body[CTL_BODY_MAX];
	struct wr b = wr_of(body, sizeof(body));
	struct dgram_hdr h;

	if (!from->pulse.self)
		return;
	if (pulse_expire(&from->pulse, w->now)) {
		from->missed++;
		from->due = w->now;
	}
	if (!pulse_next(&from->pulse, w->now, ++w->random, &h, &b) || w->cut || !to->pulse.self)
		return;
	if (pulse_on(&to->pulse, &h, body, wr_len(&b), w->now) == PULSE_NEWS) {
		engine_pulsed(to->e, w->now);
		to->due = w->now;
	}
}

/* From one due moment to the next, and at most STEP_MS, which is for pulses: an engine runs when it
 * said that it would, and when something came. How often anybody was taken for lost then. */
static unsigned run(struct world *w, unsigned ms)
{
	uint64_t end = w->now + ms, next = w->now;
	unsigned losses = 0;

	while (w->now < end) {
		w->now = next > w->now ? next : w->now + 1;
		w->now = w->now < end ? w->now : end;
		next = w->now + STEP_MS;
		for (unsigned i = 0; i < 2; i++) {
			struct side *s = &w->side[i];
			uint64_t due;

			pulse(w, s);
			if (s->hung || w->now < s->due)
				continue;
			s->due = UINT64_MAX;
			due = engine_run(s->e, w->now);
			s->due = due < s->due ? due : s->due; /* it may have been answered */
		}
		for (unsigned i = 0; i < 2; i++)
			if (!w->side[i].hung && w->side[i].due < next)
				next = w->side[i].due;
		losses += lost(&w->side[0]) || lost(&w->side[1]);
	}
	return losses;
}

static void make(struct world *w, unsigned i, uint32_t quiet_ms)
{
	struct engine_conf conf;

	engine_conf_defaults(&conf);
	snprintf(conf.name, sizeof(conf.name), "side-%u", i);
	conf.self = i + 1;
	conf.router = 16 * 3 + 5;
	conf.quiet_ms = quiet_ms;
	conf.pulse = w->side[i].pulse.self ? &w->side[i].pulse : NULL;
	w->side[i].w = w;
	assert_int_equal(engine_new(&w->side[i].e, &conf, &ops, &w->side[i], &w->side[i].c, w->now),
			 0);
}

static struct world *make_world(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now = 5003; /* no moment at which routers say anything together */
	return w;
}

/* 0 is the source, 1 follows. */
static struct world *begin(struct world *w, uint32_t first_ms, uint32_t second_ms)
{
	make(w, 0, first_ms);
	make(w, 1, second_ms);
	(void)run(w, 500);
	(void)engine_promote(w->side[0].e, 6, w->now);
	w->side[0].due = w->now;
	(void)run(w, 5000);
	w->side[0].sent = w->side[1].sent = 0;
	return w;
}

static struct world *set_up(uint32_t first_ms, uint32_t second_ms)
{
	return begin(make_world(), first_ms, second_ms);
}

/* Bit i: side i has a pulse. */
static struct world *set_up_with_pulses(unsigned which)
{
	struct world *w = make_world();

	for (unsigned i = 0; i < 2; i++) {
		const uint8_t epoch[DGRAM_EPOCH_LEN] = {(uint8_t)(i + 1)};

		if (which & 1u << i)
			pulse_init(&w->side[i].pulse, i + 1, epoch, w->now);
	}
	return begin(w, RARE_MS, RARE_MS);
}

static void tear_down(struct world *w)
{
	w->cut = true;
	for (unsigned i = 0; i < 2; i++)
		engine_free(w->side[i].e);
	free(w);
}

static void rare(void **state)
{
	struct world *w = set_up(QUIET_MS, QUIET_MS);

	(void)state;
	assert_int_equal(run(w, 64000), 0);
	for (unsigned i = 0; i < 2; i++) /* 20, and proofs of who they are */
		assert_in_range(w->side[i].sent, 20, 40);
	tear_down(w);
}

/* One wake-up of the process is for many routers, and each has a moment of its own. */
static void together(void **state)
{
	struct world *w = set_up(QUIET_MS, QUIET_MS);

	(void)state;
	(void)run(w, 2 * QUIET_MS);
	for (unsigned i = 0; i < 2; i++) {
		assert_in_range(w->side[i].e->status_at, w->now, w->now + QUIET_MS);
		assert_int_equal(w->side[i].e->status_at % QUIET_MS, 5 * (QUIET_MS / 16));
	}
	tear_down(w);
}

/* Both ends hear of the tail of a burst as soon as ever. */
static void soon(void **state)
{
	struct world *w = set_up(QUIET_MS, QUIET_MS);
	const struct flow f = sample_tcp_snat(1);

	(void)state;
	assert_int_equal(run(w, 10007), 0);
	engine_on_change(w->side[0].e, &f, FLOW_NEW, w->now);
	engine_on_drained(w->side[0].e, w->now);
	w->side[0].due = w->now;
	assert_int_equal(run(w, 101), 0);
	assert_in_range(w->now - w->side[0].sent_at, 0, 100);
	assert_in_range(w->now - w->side[1].sent_at, 0, 100);
	w->side[0].sent = w->side[1].sent = 0;
	assert_int_equal(run(w, 800), 0);
	assert_in_range(w->side[0].sent, 7, 20);
	assert_in_range(w->side[1].sent, 7, 20);
	tear_down(w);
}

static void found_lost(void **state)
{
	struct world *w = set_up(QUIET_MS, QUIET_MS);

	(void)state;
	assert_int_equal(run(w, 10000), 0);
	w->cut = true;
	(void)run(w, 5 * QUIET_MS + 500);
	assert_true(lost(&w->side[0]) && lost(&w->side[1]));
	w->cut = false;
	(void)run(w, QUIET_MS + 100);
	assert_false(lost(&w->side[0]) || lost(&w->side[1]));
	tear_down(w);
}

/* Whenever it is silent for most of a second, also while they say that they will be. */
static void a_while_without_a_word(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 8000; at += 50) {
		struct world *w = set_up(QUIET_MS, QUIET_MS);
		const struct flow f = sample_tcp_snat(1);

		(void)run(w, 4000);
		engine_on_change(w->side[0].e, &f, FLOW_NEW, w->now);
		engine_on_drained(w->side[0].e, w->now);
		w->side[0].due = w->now;
		assert_int_equal(run(w, at), 0);
		w->cut = true;
		assert_int_equal(run(w, 700), 0);
		w->cut = false;
		assert_int_equal(run(w, 8000), 0);
		tear_down(w);
	}
}

/* The longer interval is named in ten datagrams before it is used. */
static void named_before_it_is_used(void **state)
{
	struct world *w = set_up(QUIET_MS, QUIET_MS);
	const struct flow f = sample_tcp_snat(1);

	(void)state;
	assert_int_equal(run(w, 10000), 0);
	engine_on_change(w->side[0].e, &f, FLOW_NEW, w->now);
	engine_on_drained(w->side[0].e, w->now);
	w->side[0].due = w->now;
	for (unsigned i = 0; i < 2; i++)
		w->side[i].named = 0;
	assert_int_equal(run(w, 500), 0);
	assert_int_equal(w->side[0].named + w->side[1].named, 0);
	assert_int_equal(run(w, 1600), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(w->side[i].named, 9, 20);
	tear_down(w);
}

static void another_version(void **state)
{
	struct world *w = set_up(QUIET_MS, 0);

	(void)state;
	assert_int_equal(run(w, 20000), 0);
	assert_in_range(w->side[0].sent, 199, 300);
	assert_in_range(w->side[1].sent, 199, 300);
	tear_down(w);
}

static void different(void **state)
{
	struct world *w = set_up(QUIET_MS, 100);

	(void)state;
	assert_int_equal(run(w, 64000), 0);
	assert_in_range(w->side[0].sent, 20, 110); /* who speaks often proves often who it is */
	assert_in_range(w->side[1].sent, 640, 720);
	engine_set_quiet(w->side[0].e, 100);
	w->side[0].due = w->now;
	w->side[0].sent = 0;
	assert_int_equal(run(w, 10000), 0);
	assert_in_range(w->side[0].sent, 95, 120);
	tear_down(w);
}

static void with_a_pulse(void **state)
{
	struct world *w = set_up_with_pulses(3);

	(void)state;
	assert_int_equal(run(w, 10 * RARE_MS), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(w->side[i].sent, 10, 20);
	tear_down(w);
}

/* And no longer than others take. */
static void no_pulse_no_rarer(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 3; which++) {
		struct world *w = set_up_with_pulses(which);

		assert_int_equal(run(w, 64000), 0);
		for (unsigned i = 0; i < 2; i++)
			assert_in_range(w->side[i].sent, 20, 40);
		tear_down(w);
	}
}

/* As soon as with one router, and found again as soon. */
static void process_found_lost(void **state)
{
	struct world *w = set_up_with_pulses(3);

	(void)state;
	for (unsigned at = 0; at < 20; at++) {
		assert_int_equal(run(w, 5000 + 650 * at), 0);
		w->cut = true;
		assert_int_equal(run(w, 850), 0);
		(void)run(w, 300);
		assert_true(lost(&w->side[0]) && lost(&w->side[1]));
		(void)run(w, 700 * at);
		w->cut = false;
		(void)run(w, 500);
		assert_false(lost(&w->side[0]) || lost(&w->side[1]));
	}
	tear_down(w);
}

/* One of them missed the other for a moment, which knows nothing of it. */
static void asked_when_found_again(void **state)
{
	struct world *w = set_up_with_pulses(3);

	(void)state;
	assert_int_equal(run(w, 20000), 0);
	w->mute[1] = true;
	assert_int_equal(run(w, 2 * PULSE_LOSS_MS), 0);
	for (unsigned i = 0; i < w->side[0].pulse.n; i++)
		w->side[0].pulse.peer[i].heard_at -= PULSE_LOSS_MS;
	(void)run(w, 500);
	assert_true(lost(&w->side[0]));
	assert_false(lost(&w->side[1]));
	w->mute[1] = false;
	(void)run(w, 300);
	assert_false(lost(&w->side[0]) || lost(&w->side[1]));
	tear_down(w);
}

/* When the pulse is missed it was heard itself a moment ago, and is for that moment there still. */
static void process_found_lost_after_a_word(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 3 * PULSE_EVERY_MS; ms += 10) {
		struct world *w = set_up_with_pulses(3);

		assert_int_equal(run(w, 20000), 0);
		while (w->side[1].sent_at != w->now)
			assert_int_equal(run(w, 1), 0);
		assert_int_equal(run(w, ms), 0);
		w->cut = true;
		(void)run(w, PULSE_LOSS_MS + PULSE_EVERY_MS + 2 * STEP_MS);
		assert_true(lost(&w->side[0]));
		tear_down(w);
	}
}

/* A source is followed by who has said so once, and has not taken it back since. */
static void followed_without_another_word(void **state)
{
	struct world *w = set_up_with_pulses(3);
	struct engine_peer p[ENGINE_PEERS_MAX];

	(void)state;
	assert_int_equal(run(w, 20000), 0);
	w->side[0].e->peers.peer[0].follows = false; /* as after a second source */
	w->side[0].e->peers.peer[0].followed_at = 0;
	w->side[0].due = w->now;
	w->mute[1] = true;
	assert_int_equal(run(w, 200), 0);
	assert_int_equal(engine_peers(w->side[0].e, p, w->now), 1);
	assert_false(p[0].follows);
	assert_int_equal(run(w, 150), 0);
	assert_int_equal(engine_peers(w->side[0].e, p, w->now), 1);
	assert_true(p[0].follows);
	tear_down(w);
}

/* Somebody else's process is of no matter. */
static void another_pulse(void **state)
{
	struct world *w = set_up_with_pulses(3);

	(void)state;
	assert_int_equal(run(w, 20000), 0);
	w->side[0].sent = 0;
	for (unsigned i = 0; i < 10; i++) {
		engine_pulsed(w->side[0].e, w->now);
		w->side[0].due = w->now;
		assert_int_equal(run(w, 100), 0);
	}
	assert_in_range(w->side[0].sent, 0, 3);
	tear_down(w);
}

/* A router that is not there any more, in a process that is. */
static void router_found_lost(void **state)
{
	struct world *w = set_up_with_pulses(3);

	(void)state;
	(void)run(w, 20000);
	w->side[1].hung = true;
	(void)run(w, 4 * RARE_MS);
	assert_false(lost(&w->side[0]));
	(void)run(w, RARE_MS + 500);
	assert_true(lost(&w->side[0]));
	w->side[0].sent = 0;
	(void)run(w, 10 * RARE_MS);
	assert_in_range(w->side[0].sent, 10, 30);
	assert_true(w->side[0].e->peers.peer[0].proven);
	(void)run(w, 11 * RARE_MS); /* five times as long as it took, in all */
	assert_false(w->side[0].e->peers.peer[0].proven);
	tear_down(w);
}

/* The tail of a burst is shown for as long as a replica has not said that it has it. */
static void until_acknowledged(void **state)
{
	struct world *w = set_up_with_pulses(3);
	const struct flow f = sample_tcp_snat(1);

	(void)state;
	assert_int_equal(run(w, 20000), 0);
	w->mute[0] = w->mute[1] = true;
	engine_on_change(w->side[0].e, &f, FLOW_NEW, w->now);
	engine_on_drained(w->side[0].e, w->now);
	w->side[0].due = w->now;
	assert_int_equal(run(w, 1000), 0);
	w->mute[0] = false;
	w->side[0].sent = 0;
	assert_int_equal(run(w, 10000), 0);
	assert_in_range(w->side[0].sent, 95, 200);
	assert_int_equal(w->side[1].e->receiver.next, w->side[0].e->sender.seq + 1);
	w->mute[1] = false;
	assert_int_equal(run(w, RARE_MS), 0);
	w->side[0].sent = 0;
	assert_int_equal(run(w, 10 * RARE_MS), 0);
	assert_in_range(w->side[0].sent, 10, 20);
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_pulse),
		cmocka_unit_test(no_pulse_no_rarer),
		cmocka_unit_test(process_found_lost),
		cmocka_unit_test(process_found_lost_after_a_word),
		cmocka_unit_test(followed_without_another_word),
		cmocka_unit_test(another_pulse),
		cmocka_unit_test(asked_when_found_again),
		cmocka_unit_test(router_found_lost),
		cmocka_unit_test(until_acknowledged),
		cmocka_unit_test(rare),
		cmocka_unit_test(together),
		cmocka_unit_test(soon),
		cmocka_unit_test(found_lost),
		cmocka_unit_test(a_while_without_a_word),
		cmocka_unit_test(named_before_it_is_used),
		cmocka_unit_test(another_version),
		cmocka_unit_test(different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
