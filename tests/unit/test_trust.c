/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is believed of datagrams that a holder of the key has made, now or once. One engine; the
 * test plays its peer and who records it. */
#include "engine_stub.h"
#include "flow_samples.h"

#include "../../sync/engine_impl.h"

#define PEER 77
#define ME   9

struct world {
	struct engine *e;
	struct sync_counters c;
	uint64_t now, random;
	unsigned sent, challenges, echoes, statuses;
	struct ctl_challenge last; /* challenge, or echo */
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct world *w = ctx;
	struct rd r = rd_of(body, len);
	struct ctl_msg m;

	w->sent++;
	assert_true(len <= CTL_BODY_MAX);
	while (h->kind == DGRAM_CONTROL && ctl_decode(&r, &m) == CTL_MSG) {
		w->statuses += m.type == CTL_STATUS;
		w->challenges += m.type == CTL_CHALLENGE;
		w->echoes += m.type == CTL_ECHO;
		if (m.type == CTL_CHALLENGE || m.type == CTL_ECHO)
			w->last = m.challenge;
	}
}

static void op_random(void *ctx, void *buf, size_t len)
{
	stub_random(&((struct world *)ctx)->random, buf, len);
}

static const struct engine_ops ops = {
	.send = op_send,
	.put = stub_put,
	.del = stub_del,
	.commit = stub_nothing,
	.count = stub_count,
	.random = op_random,
	.on_status = stub_nothing,
};

static struct world *set_up(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_conf conf;

	assert_non_null(w);
	engine_conf_defaults(&conf);
	strcpy(conf.name, "me");
	conf.self = ME;
	w->now = 5000;
	assert_int_equal(engine_new(&w->e, &conf, &ops, w, &w->c, w->now), 0);
	return w;
}

static void tear_down(struct world *w)
{
	engine_free(w->e);
	free(w);
}

static void run(struct world *w, unsigned ms)
{
	while (ms--) {
		w->now++;
		(void)engine_run(w->e, w->now);
	}
}

/* A CONTROL datagram of that lifetime of the peer. */
static void say(struct world *w, uint8_t life, uint64_t number, const struct ctl_msg *m, unsigned n)
{
	struct dgram_hdr h = {
		.kind = DGRAM_CONTROL, .sender = PEER, .seq = number, .epoch = {life}};
	uint8_t buf[CTL_BODY_MAX];
	struct wr wr = wr_of(buf, sizeof(buf));

	for (unsigned i = 0; i < n; i++)
		ctl_encode(&wr, &m[i]);
	engine_on_datagram(w->e, &h, buf, wr_len(&wr), w->now);
}

static struct ctl_msg source(uint32_t term, uint64_t seq)
{
	return (struct ctl_msg){.type = CTL_STATUS,
				.status = {.name = "peer",
					   .phase = ENGINE_SOURCE,
					   .percent = 100,
					   .known_term = term,
					   .stream = {term, PEER, term},
					   .seq = seq}};
}

static struct ctl_msg echo(const struct world *w)
{
	return (struct ctl_msg){.type = CTL_ECHO, .challenge = {.to = ME, .nonce = w->last.nonce}};
}

static void data(struct world *w, uint32_t term, uint64_t seq)
{
	struct dgram_hdr h = {.kind = DGRAM_DATA,
			      .sender = PEER,
			      .term = term,
			      .seq = seq,
			      .epoch = {0, 0, 0, 0, 0, 0, 0, (uint8_t)term}};
	const uint8_t body[] = {0, 0};

	engine_on_datagram(w->e, &h, body, sizeof(body), w->now);
}

static const struct peer *peer(const struct world *w)
{
	return &w->e->peers.peer[0];
}

/* The peer's lifetime is believed; it is the source of that term. */
static void meet(struct world *w, uint8_t life, uint64_t number, uint32_t term, uint64_t seq)
{
	struct ctl_msg m[] = {echo(w), source(term, seq)};

	w->now += ENGINE_NONCE_MS;
	say(w, life, number, &m[1], 1);
	run(w, 2);
	m[0] = echo(w);
	say(w, life, number + 1, m, 2);
	assert_int_equal(w->e->stream.term, term);
}

static void asked_then_believed(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m[] = {{.type = CTL_ECHO}, source(3, 10)};

	(void)state;
	say(w, 1, 1, &m[1], 1);
	assert_int_equal(w->c.v[SYNC_RX_UNPROVEN], 1);
	assert_int_equal(w->e->known_term, 0);
	assert_int_equal(w->e->stream.term, 0);
	assert_false(peer(w)->named);
	assert_int_equal(w->challenges, 0);
	run(w, 1); /* without a heartbeat in between */
	assert_int_equal(w->challenges, 1);
	assert_int_equal(w->last.to, PEER);
	/* somebody else's answer, a wrong number, then the right one */
	m[0] = echo(w);
	m[0].challenge.to = ME + 1;
	say(w, 1, 2, m, 2);
	m[0] = echo(w);
	m[0].challenge.nonce++;
	say(w, 1, 3, m, 2);
	assert_int_equal(w->e->stream.term, 0);
	m[0] = echo(w);
	say(w, 1, 4, m, 2);
	assert_int_equal(w->e->stream.term, 3);
	assert_int_equal(w->e->receiver.next, 11);
	assert_int_equal(w->e->known_term, 3);
	assert_string_equal(peer(w)->status.name, "peer");
	/* from then on it needs no more */
	m[1] = source(3, 12);
	say(w, 1, 5, &m[1], 1);
	assert_int_equal(w->e->receiver.top, 12);
	/* but nothing of before */
	say(w, 1, 3, &m[1], 1);
	assert_int_equal(w->c.v[SYNC_RX_REPLAYED], 1);
	tear_down(w);
}

static void answer_is_spent(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m[] = {{.type = CTL_ECHO}, source(3, 10)}, old[2];

	(void)state;
	say(w, 1, 1, &m[1], 1);
	run(w, 1);
	m[0] = echo(w);
	say(w, 1, 2, m, 2);
	memcpy(old, m, sizeof(old));
	/* it restarts; the record of its first lifetime does not bring that back */
	m[1] = source(4, 1);
	run(w, ENGINE_CHALLENGE_MS);
	say(w, 2, 1, &m[1], 1);
	run(w, 1);
	m[0] = echo(w);
	say(w, 2, 2, m, 2);
	assert_int_equal(w->e->stream.term, 4);
	for (unsigned i = 0; i < 3; i++) {
		say(w, 1, 2, old, 2);
		say(w, 1, 1000, old, 2);
		run(w, ENGINE_CHALLENGE_MS);
	}
	assert_int_equal(peer(w)->epoch[0], 2);
	assert_int_equal(peer(w)->status.stream.term, 4);
	/* nor does one that comes late */
	run(w, ENGINE_CHALLENGE_MS);
	say(w, 3, 1, NULL, 0);
	run(w, 1);
	m[0] = echo(w);
	w->now += ENGINE_NONCE_MS;
	say(w, 3, 2, m, 2);
	assert_int_equal(peer(w)->epoch[0], 2);
	tear_down(w);
}

/* However much is replayed: a challenge now and then, and the real one gets through at once. */
static void flood(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m[] = {{.type = CTL_ECHO}, source(3, 10)};
	unsigned statuses;

	(void)state;
	statuses = w->statuses;
	for (unsigned ms = 0; ms < 200; ms++) {
		for (uint8_t life = 10; life < 60; life++)
			say(w, life, ms, &m[1], 1);
		run(w, 1);
	}
	assert_in_range(w->challenges, 5, 200 / ENGINE_CHALLENGE_MS + 1);
	assert_in_range(w->statuses - statuses, 5, 200 / ENGINE_CHALLENGE_MS + 4);
	assert_int_equal(w->c.v[SYNC_RX_UNPROVEN], 200 * 50);
	m[0] = echo(w);
	say(w, 1, 1, m, 2);
	assert_int_equal(w->e->stream.term, 3);
	assert_null(peers_find(&w->e->peers, 0));
	assert_int_equal(w->e->peers.peer[1].id, 0); /* one place for all of its lifetimes */
	tear_down(w);
}

/* A record of a stream with a high term is not followed, and nobody goes above that term. */
static void recorded_stream(void **state)
{
	struct world *w = set_up();
	uint64_t heard;

	(void)state;
	data(w, 900, 5);
	run(w, 1);
	assert_int_equal(w->challenges, 1);
	assert_int_equal(w->e->stream.term, 0);
	meet(w, 1, 1, 3, 10);
	heard = w->e->rep.heard_at;
	run(w, 50);
	data(w, 900, 5);
	data(w, 900, 6);
	assert_int_equal(w->e->stream.term, 3);
	assert_int_equal(w->e->known_term, 3);
	/* replays of what is followed are no sign of life */
	data(w, 3, 9);
	data(w, 3, 10);
	assert_int_equal(w->e->rep.heard_at, heard);
	assert_int_equal(w->c.v[SYNC_RX_DUPLICATE], 2);
	data(w, 3, 11);
	assert_int_equal(w->e->rep.heard_at, w->now);
	assert_int_equal(w->e->receiver.next, 12);
	run(w, 2000);
	data(w, 3, 11);
	assert_int_equal(engine_promote(w->e, 0, w->now), 4);
	tear_down(w);
}

/* A new stream of a peer that is known is followed with its first datagram of status, without a
 * question; where that is lost, the first of data brings the question. */
static void failover_is_not_slowed(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m = source(4, 0);
	unsigned asked;

	(void)state;
	meet(w, 1, 1, 3, 10);
	run(w, 50);
	asked = w->challenges;
	say(w, 1, 10, &m, 1);
	assert_int_equal(w->e->stream.term, 4);
	data(w, 4, 1);
	assert_int_equal(w->e->receiver.next, 2);
	assert_int_equal(w->challenges, asked);

	data(w, 5, 1);
	run(w, 1);
	assert_int_equal(w->e->stream.term, 4);
	assert_int_equal(w->challenges, asked + 1);
	m = source(5, 1);
	say(w, 1, 11, &m, 1);
	assert_int_equal(w->e->stream.term, 5);
	assert_int_equal(w->e->receiver.next, 2);
	tear_down(w);
}

static void held_up_status(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m = source(3, 20), old = source(3, 5);
	uint64_t heard;

	(void)state;
	meet(w, 1, 1, 3, 10);
	say(w, 1, 40, &m, 1);
	heard = peer(w)->heard_at;
	run(w, 10);
	old.status.phase = ENGINE_ALONE;
	say(w, 1, 39, &old, 1); /* new to us, but overtaken */
	assert_int_equal(peer(w)->status.phase, ENGINE_SOURCE);
	assert_int_equal(peer(w)->status.seq, 20);
	assert_int_equal(peer(w)->heard_at, heard);
	tear_down(w);
}

static void challenges_are_answered(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m = {.type = CTL_CHALLENGE, .challenge = {.to = ME, .nonce = 4711}};

	(void)state;
	run(w, 5);
	say(w, 1, 1, &m, 1); /* also one who has proven nothing: both may have started just now */
	say(w, 1, 1, &m, 1);
	run(w, 1);
	assert_int_equal(w->echoes, 1);
	assert_int_equal(w->challenges, 1);
	m.challenge.to = ME + 1; /* not for us */
	say(w, 1, 2, &m, 1);
	run(w, 5);
	assert_int_equal(w->echoes, 1);
	/* more than fit: bounded, and the rest is asked for again */
	m.challenge.to = ME;
	for (uint64_t i = 0; i < 100; i++) {
		m.challenge.nonce = i;
		say(w, 1, 10 + i, &m, 1);
	}
	run(w, 1);
	assert_int_equal(w->echoes, 1 + ENGINE_ECHOES_MAX);
	tear_down(w);
}

/* Of a lifetime that is heard and does not answer no more is believed in the end: these may be its
 * last datagrams, which somebody gives us one by one. */
static void proof_is_renewed(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m[] = {{.type = CTL_ECHO}, source(3, 10)};
	uint64_t number = 10, until;

	(void)state;
	meet(w, 1, 1, 3, 10);
	until = w->now + PEERS_PROOFS * w->e->peers.loss_ms;
	while (w->now < until + 100) {
		run(w, 50);
		say(w, 1, number++, &m[1], 1);
	}
	assert_false(peer(w)->proven);
	assert_true(w->challenges > 10);
	m[0] = echo(w);
	say(w, 1, number++, m, 2);
	for (unsigned i = 0; i < 200; i++) { /* and with answers for good */
		run(w, 50);
		m[0] = echo(w);
		say(w, 1, number++, m, 2);
		assert_true(peer(w)->proven);
	}
	tear_down(w);
}

/* One that did not run for longer than the others live without a word finds all that they said in
 * its socket: that is believed, and they are there again, without a question. */
static void backlog_after_a_pause(void **state)
{
	struct world *w = set_up();
	struct ctl_msg m = source(3, 12);

	(void)state;
	meet(w, 1, 1, 3, 10);
	run(w, 5);
	w->now += w->e->peers.loss_ms + 2000;
	(void)engine_run(w->e, w->now); /* a timer is first */
	assert_true(peer(w)->lost);
	for (uint64_t i = 0; i < 30; i++)
		say(w, 1, 10 + i, &m, 1);
	assert_false(peer(w)->lost);
	assert_int_equal(w->e->receiver.top, 12);
	assert_int_equal(w->c.v[SYNC_RX_UNPROVEN], 1); /* the very first */
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_then_believed),
		cmocka_unit_test(answer_is_spent),
		cmocka_unit_test(flood),
		cmocka_unit_test(proof_is_renewed),
		cmocka_unit_test(backlog_after_a_pause),
		cmocka_unit_test(recorded_stream),
		cmocka_unit_test(failover_is_not_slowed),
		cmocka_unit_test(held_up_status),
		cmocka_unit_test(challenges_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
