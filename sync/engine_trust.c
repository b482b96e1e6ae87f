/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which datagrams are of the present. A seal shows that a holder of the key made a datagram once; a
 * recorded one has it, too. So a peer's lifetime (the epoch of its CONTROL datagrams) is believed
 * from the datagram on that brings back a random number which we sent a moment ago, and streams are
 * believed when such a peer says that it is their source.
 *
 * There is one open number per peer, whatever epochs are heard of it: replays cannot push out
 * anything, and bring no more than a challenge every ENGINE_CHALLENGE_MS. A number is spent by the
 * first answer, so a recorded answer is worth nothing. Proofs are renewed all the time: of a
 * lifetime that ended, what somebody held up can be given to us for a short while only. Challenges
 * are answered before their sender has proven anything (two that start together must come out of
 * it), but only in datagrams of status, of which there is at most one a millisecond. */
#include "engine_impl.h"
#include "pulse.h"

static void ask(struct engine *e, struct peer *p)
{
	if (p->asked_at && e->now - p->asked_at < ENGINE_CHALLENGE_MS)
		return;
	if (!p->asks || e->now - p->nonce_at >= ENGINE_NONCE_MS) {
		e->ops->random(e->ctx, &p->nonce, sizeof(p->nonce));
		p->nonce_at = e->now;
	}
	p->asks = true;
	p->ask_due = true;
	p->asked_at = e->now;
	e->status_due = true;
}

void trust_ask(struct engine *e, const struct dgram_hdr *h)
{
	struct peer *p = peers_place(&e->peers, h, e->now);

	if (p)
		ask(e, p);
}

/* Whether it is the answer, which then is spent. */
static bool answers(struct engine *e, struct peer *p, const struct ctl_challenge *c)
{
	if (c->to != e->conf.self || !p->asks || c->nonce != p->nonce ||
	    e->now - p->nonce_at >= ENGINE_NONCE_MS)
		return false;
	p->asks = false;
	p->ask_due = false;
	p->proven_at = p->nonce_at;
	return true;
}

void trust_on_echo(struct engine *e, struct peer *p, const struct ctl_challenge *c)
{
	(void)answers(e, p, c);
}

void trust_on_challenge(struct engine *e, const struct peer *p, const struct ctl_challenge *c)
{
	unsigned i = 0;

	if (c->to != e->conf.self)
		return;
	while (i < e->n_echoes && (e->echo[i].to != p->id || e->echo[i].nonce != c->nonce))
		i++;
	if (i == ENGINE_ECHOES_MAX)
		return; /* it will ask again */
	e->echo[i] = (struct ctl_challenge){.to = p->id, .nonce = c->nonce};
	e->n_echoes += i == e->n_echoes;
	e->status_due = true;
}

/* Of all that an unproven datagram says, proofs and challenges alone count. */
static bool brings_proof(struct engine *e, struct peer *p, const uint8_t *body, size_t len)
{
	struct rd r = rd_of(body, len);
	enum ctl_decoded got;
	struct ctl_msg m;
	bool proof = false;

	while ((got = ctl_decode(&r, &m)) == CTL_MSG || got == CTL_UNKNOWN) {
		if (got == CTL_MSG && m.type == CTL_ECHO)
			proof |= answers(e, p, &m.challenge);
		else if (got == CTL_MSG && m.type == CTL_CHALLENGE)
			trust_on_challenge(e, p, &m.challenge);
	}
	return proof;
}

bool trust_control(struct engine *e, struct peer *p, const struct dgram_hdr *h, const uint8_t *body,
		   size_t len)
{
	p->number = h->seq;
	if (peer_has_proven(&e->peers, p, h, e->now)) {
		if (peer_is_fresh(p, h))
			return true;
		engine_count(e, SYNC_RX_REPLAYED);
		return false;
	}
	if (brings_proof(e, p, body, len)) {
		peer_prove(p, h);
		return true;
	}
	engine_count(e, SYNC_RX_UNPROVEN);
	ask(e, p);
	return false;
}

/* One that is lost though its process is heard may have nothing new to say: it answers. */
static bool has_to_answer(const struct engine *e, const struct peer *p)
{
	if (p->lost)
		return p->named && e->now - e->pulsed_at < ENGINE_PULSED_MS &&
		       pulse_is_alive(e->peers.pulse, p->id, p->status.life);
	return p->proven && e->now - p->proven_at >= peer_proof_ms(&e->peers, p, e->now);
}

void trust_renew(struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		struct peer *p = &e->peers.peer[i];

		if (has_to_answer(e, p) && e->now - p->asked_at >= e->conf.heartbeat_ms)
			ask(e, p);
	}
}

static void encode(struct wr *w, enum ctl_type type, uint32_t to, uint64_t nonce)
{
	const struct ctl_msg m = {.type = (uint8_t)type, .challenge = {.to = to, .nonce = nonce}};

	ctl_encode(w, &m);
}

void trust_encode(struct engine *e, struct wr *w)
{
	unsigned room = ENGINE_ECHOES_MAX;

	for (unsigned i = 0; i < e->n_echoes; i++)
		encode(w, CTL_ECHO, e->echo[i].to, e->echo[i].nonce);
	e->n_echoes = 0;
	/* those beyond the room: when they are heard again */
	for (unsigned i = 0; i <= e->peers.n && room; i++) {
		struct peer *p = i < e->peers.n ? &e->peers.peer[i] : &e->own;

		if (!p->ask_due)
			continue;
		p->ask_due = false;
		encode(w, CTL_CHALLENGE, p->id, p->nonce);
		room--;
	}
}
