/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the processes of other controllers live: one small datagram for all routers of a process,
 * every PULSE_EVERY_MS, so that nobody is noticed later for having many of them. Pure.
 *
 * Each carries a random number, and brings back the last one that was heard of everybody. So
 * whoever brings back ours has heard us within the last two seconds, and it is no record. Before
 * that it counts for nothing, but that its number is sent back: two that start together must come
 * out of it. Which routers it speaks for their own STATUS say, by naming its life; they are
 * believed for what they prove themselves (engine_trust.c). */
#ifndef VROUTER_PULSE_H
#define VROUTER_PULSE_H

#include "ctlmsg.h"

#define PULSE_ROUTER	0 /* of such a datagram: none, see id_of() */
#define PULSE_EVERY_MS	100
#define PULSE_LOSS_MS	1000 /* ten in a row, as of a router that says STATUS as often */
#define PULSE_NONCE_MS	1000 /* for which a number is sent; it is taken for as long again */
#define PULSE_STRANGERS 8    /* whose numbers are sent back with the next one */

struct pulse_peer {
	uint32_t id;
	uint64_t life; /* whose numbers rise; not 0 */
	uint64_t top;
	uint64_t nonce, nonce_at; /* its last one */
	uint64_t heard_at, slept_ms;
	bool alive;
	uint64_t since; /* when it was missed last, whatever life it had; or heard first */
};

struct pulse {
	uint32_t self;
	uint8_t epoch[DGRAM_EPOCH_LEN];
	uint64_t seq, due;		  /* when the next one is */
	uint64_t nonce, former, nonce_at; /* 0: none yet */
	uint64_t slept_ms;
	unsigned n, n_strangers;
	struct pulse_peer peer[ENGINE_PEERS_MAX];
	struct ctl_challenge stranger[PULSE_STRANGERS];
};

enum pulse_heard {
	PULSE_OLD,	/* seen before, or of no matter */
	PULSE_HEARD,	/* nothing new */
	PULSE_NEWS,	/* somebody is there (again), or in another life */
	PULSE_UNPROVEN, /* may be a record */
	PULSE_BAD,	/* cannot be decoded */
};

/* epoch: random, new for each process. */
void pulse_init(struct pulse *p, uint32_t self, const uint8_t epoch[static DGRAM_EPOCH_LEN],
		uint64_t now);
/* What our routers name in their STATUS. */
uint64_t pulse_life(const struct pulse *p);
/* For so long this process was kept from running, and could hear nobody. */
void pulse_slept(struct pulse *p, uint64_t ms);

/* Who was not heard for too long is not alive any more: true when that is so of anybody new. */
must_check bool pulse_expire(struct pulse *p, uint64_t now);
/* true: the next datagram is due, and is in h and w. random: not used before. */
must_check bool pulse_next(struct pulse *p, uint64_t now, uint64_t random, struct dgram_hdr *h,
			   struct wr *w);
/* An authentic one. */
enum pulse_heard pulse_on(struct pulse *p, const struct dgram_hdr *h, const uint8_t *body,
			  size_t len, uint64_t now);

/* That life of the controller is heard. p: NULL: nobody is. */
bool pulse_is_alive(const struct pulse *p, uint32_t id, uint64_t life);
/* Some life of it is. */
bool pulse_hears(const struct pulse *p, uint32_t id);
/* It was, and is not for so long, or another one is. */
bool pulse_is_gone(const struct pulse *p, uint32_t id, uint64_t life, uint32_t ms, uint64_t now);

#endif
