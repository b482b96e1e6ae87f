/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peers.h"

#include "pulse.h"

struct peer *peers_find(struct peers *p, uint32_t id)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->peer[i].id == id && id)
			return &p->peer[i];
	return NULL;
}

/* One that was never taken, else of whom is lost for longest, else NULL. */
static struct peer *place_for_new(struct peers *p)
{
	struct peer *best = NULL;

	if (p->n < ENGINE_PEERS_MAX)
		return &p->peer[p->n++];
	for (unsigned i = 0; i < p->n; i++) {
		struct peer *c = &p->peer[i];

		if (c->lost && (!best || c->heard_at < best->heard_at))
			best = c;
	}
	return best;
}

struct peer *peers_place(struct peers *p, const struct dgram_hdr *h, uint64_t now)
{
	struct peer *peer = peers_find(p, h->sender);

	if (!peer) {
		peer = place_for_new(p);
		if (!peer)
			return NULL;
		*peer = (struct peer){.id = h->sender};
		peer_is_heard(p, peer, now);
	}
	return peer;
}

uint64_t peers_silent_ms(const struct peers *p, uint64_t at, uint64_t slept_ms, uint64_t now)
{
	uint64_t passed = now - at, slept = p->slept_ms - slept_ms;

	return passed > slept ? passed - slept : 0;
}

void peer_is_heard(const struct peers *all, struct peer *p, uint64_t now)
{
	p->heard_at = now;
	p->slept_ms = all->slept_ms;
}

uint32_t peer_loss_ms(const struct peers *all, const struct peer *p)
{
	uint32_t said = p->named ? 5 * p->status.every_ms + 500 : 0;

	return said > all->loss_ms ? said : all->loss_ms;
}

static bool process_is_gone(const struct peers *all, const struct peer *p, uint32_t ms,
			    uint64_t now)
{
	return p->named && pulse_is_gone(all->pulse, p->id, p->status.life, ms, now);
}

bool peer_is_silent(const struct peers *all, const struct peer *p, uint64_t ms, uint64_t now)
{
	return ms >= all->loss_ms &&
	       (!p || ms >= peer_loss_ms(all, p) || process_is_gone(all, p, 0, now));
}

/* Until it is heard again itself: that its process is says nothing of what was missed. */
static bool is_lost(const struct peers *all, const struct peer *p, uint64_t now)
{
	uint64_t ms = peers_silent_ms(all, p->heard_at, p->slept_ms, now);

	return peer_is_silent(all, p, ms, now) || (p->lost && ms >= all->loss_ms);
}

uint64_t peers_due(const struct peers *all, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (unsigned i = 0; i < all->n; i++) {
		const struct peer *p = &all->peer[i];
		uint64_t ms = peers_silent_ms(all, p->heard_at, p->slept_ms, now);
		uint32_t loss_ms =
			process_is_gone(all, p, 0, now) ? all->loss_ms : peer_loss_ms(all, p);

		if (p->id && !p->lost && ms < loss_ms && now + loss_ms - ms < due)
			due = now + loss_ms - ms;
	}
	return due;
}

uint64_t peer_proof_ms(const struct peers *all, const struct peer *p, uint64_t now)
{
	bool alive = p->named && !p->lost && pulse_is_alive(all->pulse, p->id, p->status.life);

	if (process_is_gone(all, p, (PEERS_PROOFS - 1) * all->loss_ms, now))
		return all->loss_ms;
	return alive || process_is_gone(all, p, 0, now) ? UINT64_MAX / PEERS_PROOFS
							: peer_loss_ms(all, p);
}

/* What of its last datagrams was held up could be given to us at leisure. Not as soon as it is
 * lost: a process that was kept from running finds what others said meanwhile in its socket, and
 * believes it. Who is lost has been as good as proven until it was heard last, by its pulse. */
static bool proof_is_old(const struct peers *all, const struct peer *p, uint64_t now)
{
	uint64_t since = p->lost && p->heard_at > p->proven_at ? p->heard_at : p->proven_at;

	return now - since >= PEERS_PROOFS * peer_proof_ms(all, p, now);
}

bool peer_has_proven(const struct peers *all, const struct peer *p, const struct dgram_hdr *h,
		     uint64_t now)
{
	return p->proven && !proof_is_old(all, p, now) &&
	       memcmp(p->epoch, h->epoch, DGRAM_EPOCH_LEN) == 0;
}

void peer_prove(struct peer *p, const struct dgram_hdr *h)
{
	memcpy(p->epoch, h->epoch, DGRAM_EPOCH_LEN);
	p->proven = true;
	p->top = h->seq;
	p->window = UINT64_MAX;
	p->status_number = 0;
}

bool peer_vouches(const struct peers *all, const struct peer *p, const struct stream_key *k,
		  uint64_t now)
{
	return p->proven && p->named && !is_lost(all, p, now) && p->status.phase == ENGINE_SOURCE &&
	       stream_key_equal(&p->status.stream, k);
}

bool peer_is_fresh(struct peer *p, const struct dgram_hdr *h)
{
	if (h->seq > p->top) {
		uint64_t ahead = h->seq - p->top;

		p->window = ahead < 64 ? p->window << ahead | 1 : 1;
		p->top = h->seq;
		return true;
	}

	uint64_t behind = p->top - h->seq;

	if (behind >= 64 || p->window >> behind & 1)
		return false;
	p->window |= 1ull << behind;
	return true;
}

bool peers_expire(struct peers *p, uint64_t now)
{
	bool changed = false;

	for (unsigned i = 0; i < p->n; i++) {
		struct peer *c = &p->peer[i];
		bool lost = is_lost(p, c, now);

		if (!c->id)
			continue;
		changed |= c->named && lost != c->lost;
		c->lost = lost;
		if (proof_is_old(p, c, now))
			c->proven = false;
		if (lost) {
			c->followed_at = 0;
			c->follows = false;
		}
	}
	return changed;
}

bool peer_follows(const struct peer *p, const struct stream_key *k)
{
	return p->named && !p->lost && p->status.phase != ENGINE_SOURCE &&
	       stream_key_equal(&p->status.stream, k);
}
