/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else takes part: what each engine last said of itself, and which of its CONTROL datagrams
 * were seen. A table of fixed size; a new peer takes a free place or that of the one that is lost
 * for longest. Pure. */
#ifndef VROUTER_PEERS_H
#define VROUTER_PEERS_H

#include "ctlmsg.h"
#include "vrouter/engine.h"

/* loss_ms that a proof is good for: more than the longest time for which both ends may stand still,
 * and the one after which it is renewed. */
#define PEERS_PROOFS 5

struct peer {
	uint32_t id;
	bool named;		     /* said its name: status is valid */
	bool lost;		     /* as of the last peers_expire() */
	uint64_t heard_at, slept_ms; /* slept_ms: of all peers' then */
	struct ctl_status status;

	/* its present lifetime: the epoch of its CONTROL datagrams, from its answer to a challenge
	 * until it has not answered for PEERS_PROOFS times loss_ms */
	bool proven;
	uint8_t epoch[DGRAM_EPOCH_LEN];
	uint64_t top, window; /* highest number; bit n: top - n was seen */
	uint64_t number;      /* of the datagram at hand */
	uint64_t status_number;

	bool asks, ask_due; /* a challenge is open; it is to be sent (again) */
	uint64_t nonce, nonce_at, asked_at, proven_at;
	uint64_t question_at; /* when it last asked whether we are well */

	/* a source's view of a replica */
	bool drained_for;      /* was READY when engine_drain() was called */
	uint64_t progress_at;  /* when its acknowledgement last moved */
	uint64_t followed_at;  /* since when it follows us without a break; 0: it does not */
	bool follows;	       /* for long enough to count on it */
	uint32_t differ_round; /* what it said in that comparison: */
	unsigned differ_n;     /* parts that came, and which */
	uint64_t differ_part[DIGEST_PARTS_MAX / 64];
};

struct peers {
	unsigned n;		   /* places below were taken ever; they are not given back */
	uint32_t loss_ms;	   /* of one that does not say how often it speaks */
	uint64_t slept_ms;	   /* for so long, in all, this process was kept from running */
	const struct pulse *pulse; /* NULL: there is none */
	struct peer peer[ENGINE_PEERS_MAX];
};

/* For how long nothing was heard, but for the time in which nobody here could hear, since AT, when
 * SLEPT_MS was peers.slept_ms. Where everybody stands still nobody was silent. */
uint64_t peers_silent_ms(const struct peers *p, uint64_t at, uint64_t slept_ms, uint64_t now);
void peer_is_heard(const struct peers *all, struct peer *p, uint64_t now);

struct peer *peers_find(struct peers *p, uint32_t id);
/* The sender's entry, new if need be; NULL: the table is full of living ones. One that never proves
 * anything counts as living for loss_ms. */
struct peer *peers_place(struct peers *p, const struct dgram_hdr *h, uint64_t now);
/* false: this number was seen (or is too old to tell). */
must_check bool peer_is_fresh(struct peer *p, const struct dgram_hdr *h);
/* The lifetime that sent h is the present one; nothing of it counts that was sent before h. */
void peer_prove(struct peer *p, const struct dgram_hdr *h);
/* Its present lifetime is that of h, as far as its proof is not too old. */
bool peer_has_proven(const struct peers *all, const struct peer *p, const struct dgram_hdr *h,
		     uint64_t now);
/* Lives, and says that it is the source of this stream. */
bool peer_vouches(const struct peers *all, const struct peer *p, const struct stream_key *k,
		  uint64_t now);
/* Of whom nothing was heard for so long, that one is lost: five of its intervals and 500 ms. */
uint32_t peer_loss_ms(const struct peers *all, const struct peer *p);
/* When the next one is lost, if nothing is heard and no pulse comes or goes until then. Nothing
 * else tells of that: who was heard a moment before its process was missed is lost later. */
uint64_t peers_due(const struct peers *all, uint64_t now);
/* A proof is to be renewed when it is that old, and good for PEERS_PROOFS times as long. A pulse is
 * a proof in itself, of those in its process that are not lost. */
uint64_t peer_proof_ms(const struct peers *all, const struct peer *p, uint64_t now);
/* Silent for that long, or for loss_ms and its process is, too. p: NULL: it has said nothing. */
bool peer_is_silent(const struct peers *all, const struct peer *p, uint64_t ms, uint64_t now);
/* Marks who was not heard for too long; true when that changed anything. */
bool peers_expire(struct peers *p, uint64_t now);
/* Lives and follows the stream. */
bool peer_follows(const struct peer *p, const struct stream_key *k);

#endif
