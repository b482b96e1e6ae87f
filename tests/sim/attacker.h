/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An attacker on the network of sim_replication.c: records datagrams, of earlier lifetimes, too,
 * and gives them to anybody at any time. It holds no key, so of what it could make up nothing
 * passes the seal; what it replays does.
 *
 * G5: what is of an earlier lifetime of its sender, or was made before its receiver's began, or
 * belongs to a stream that the receiver does not follow, changes nothing but counters, and what is
 * asked and answered about it. Until the proof of a lifetime that ended is too old, a datagram of
 * it that was held up cannot be told from a slow one, so these are not judged. */
#ifndef ATTACKER_H
#define ATTACKER_H

#include "replication_world.h"

#define RECORDS_MAX 4096
#define SLOW_MS	    5300 /* PEERS_PROOFS times loss_ms, and until a timer has looked */

struct record {
	struct packet *p;
	uint64_t at;
	unsigned life; /* of its sender */
};

struct attacker {
	struct record record[RECORDS_MAX];
	unsigned n;
	uint64_t next_us; /* when the next one is replayed */
	uint64_t replayed, judged;
};

/* What a replica or source lives by. */
struct believed {
	uint32_t known_term, alarms;
	struct stream_key stream;
	uint64_t stream_since, heard_at, next, top;
	bool is_source, heard;
	enum replica_state state;
	unsigned n_queue;
	struct {
		uint32_t id;
		bool named, lost, follows;
		uint64_t heard_at, top, window;
		struct ctl_status status;
		uint8_t epoch[DGRAM_EPOCH_LEN];
	} peer[ENGINE_PEERS_MAX];
	unsigned n_pulses;
	struct {
		uint32_t id;
		bool alive;
		uint64_t life, top, heard_at;
	} pulse[ENGINE_PEERS_MAX];
};

static void believe(struct believed *b, const struct node *n)
{
	const struct engine *e = n->engine;

	memset(b, 0, sizeof(*b)); /* it is compared as a whole */
	b->known_term = e->known_term;
	b->alarms = e->alarms;
	b->stream.term = e->stream.term;
	b->stream.sender = e->stream.sender;
	b->stream.epoch = e->stream.epoch;
	b->stream_since = e->stream_since;
	b->is_source = e->is_source;
	b->heard = e->rep.heard;
	b->heard_at = e->rep.heard_at;
	b->next = e->receiver.next;
	b->top = e->receiver.top;
	b->state = e->rep.state;
	b->n_queue = n->n_queue;
	for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (!p->proven) /* a place, and a question */
			continue;
		b->peer[i].id = p->id;
		b->peer[i].named = p->named;
		b->peer[i].lost = p->lost;
		b->peer[i].follows = p->follows;
		b->peer[i].heard_at = p->heard_at;
		b->peer[i].top = p->top;
		b->peer[i].window = p->window;
		memcpy(&b->peer[i].status, &p->status, sizeof(p->status));
		memcpy(b->peer[i].epoch, p->epoch, DGRAM_EPOCH_LEN);
	}
	b->n_pulses = n->pulse.n;
	for (unsigned i = 0; i < n->pulse.n; i++) {
		const struct pulse_peer *p = &n->pulse.peer[i];

		b->pulse[i].id = p->id;
		b->pulse[i].alive = p->alive;
		b->pulse[i].life = p->life;
		b->pulse[i].top = p->top;
		b->pulse[i].heard_at = p->heard_at;
	}
}

static void attacker_record(struct attacker *a, struct sim *s, const struct packet *p)
{
	/* all of the first, then a sample */
	unsigned at = a->n < RECORDS_MAX ? a->n++ : rnd(s, 8 * RECORDS_MAX);
	struct packet *copy;

	if (at >= RECORDS_MAX)
		return;
	copy = malloc(sizeof(*p) + p->len);
	if (!copy)
		abort();
	memcpy(copy, p, sizeof(*p) + p->len);
	free(a->record[at].p);
	a->record[at] = (struct record){copy, s->now, s->node[p->from].life};
}

static bool is_of_the_past(const struct record *r, const struct node *from, const struct node *to)
{
	const struct stream_key key = stream_key_of(&r->p->h);
	bool ended = !from->dead && (!from->alive || from->life != r->life) &&
		     to->sim->now - from->changed_at > SLOW_MS;

	/* one that was stopped has not looked yet how old its proofs are */
	if (to->paused_until && to->sim->now < to->paused_until + SLOW_MS)
		return false;
	if (r->p->h.kind == DGRAM_DATA)
		return !stream_key_equal(&key, &to->engine->stream) &&
		       (ended || to->engine->is_source);
	return ended || r->at < to->started_at;
}

/* One record to one node. */
static void attacker_replay(struct attacker *a, struct sim *s)
{
	static struct believed before, after;
	const struct record *r;
	struct node *to;
	bool past;

	if (!a->n)
		return;
	r = &a->record[rnd(s, a->n)];
	to = &s->node[rnd(s, s->n_nodes)];
	if (!to->alive || to->dead || to->paused_until > s->now)
		return;
	past = is_of_the_past(r, &s->node[r->p->from], to);
	if (past)
		believe(&before, to);
	node_on_datagram(s, to, r->p);
	a->replayed++;
	if (!past || to->dead)
		return;
	a->judged++;
	believe(&after, to);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		broken(s,
		       "G5: node %u believed %s number %llu, term %u, of an earlier life of node "
		       "%u",
		       to->index, r->p->h.kind == DGRAM_DATA ? "DATA" : "CONTROL",
		       (unsigned long long)r->p->h.seq, r->p->h.term, r->p->from);
}

/* At random moments, replays a second in the mean. */
static void attacker_step(struct attacker *a, struct sim *s)
{
	for (; a->next_us <= s->now * 1000; a->next_us += 1 + rnd(s, 2000000 / s->replays))
		attacker_replay(a, s);
}

static void attacker_clear(struct attacker *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		free(a->record[i].p);
		a->record[i].p = NULL;
	}
	a->n = 0;
	a->replayed = 0;
	a->judged = 0;
	a->next_us = 0;
}

#endif
