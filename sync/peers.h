/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who else takes part: what each engine last said of itself, and which of its CONTROL datagrams
 * were seen. A table of fixed size; a new peer takes a free place or that of the one that is lost
 * for longest. Pure. */
#ifndef VROUTER_PEERS_H
#define VROUTER_PEERS_H

#include "ctlmsg.h"
#include "vrouter/engine.h"

struct peer {
	uint32_t id; /* 0: free */
	bool named;  /* said its name: status is valid */
	bool lost;   /* as of the last peers_expire() */
	uint64_t heard_at;
	struct ctl_status status;

	uint8_t epoch[DGRAM_EPOCH_LEN]; /* of its CONTROL datagrams */
	uint64_t top, window;		/* highest number; bit n: top - n was seen */

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
	struct peer peer[ENGINE_PEERS_MAX];
	uint32_t loss_ms;
};

struct peer *peers_find(struct peers *p, uint32_t id);
/* The sender's entry, new if need be; NULL: the table is full of living ones. */
struct peer *peers_place(struct peers *p, const struct dgram_hdr *h, uint64_t now);
/* false: this number was seen (or is too old to tell). */
must_check bool peer_is_fresh(struct peer *p, const struct dgram_hdr *h);
/* Marks who was not heard for too long; true when that changed anything. */
bool peers_expire(struct peers *p, uint64_t now);
/* Lives and follows the stream. */
bool peer_follows(const struct peer *p, const struct stream_key *k);

#endif
