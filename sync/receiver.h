/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replica's end of a stream: hands out datagrams in order, keeps early ones in a bounded
 * buffer, says what is missing and when to ask for it, and when to give up. Owned by the engine,
 * one stream at a time. No clock, no sockets; memory is allocated by receiver_init() only,
 * and is not there before it is used. */
#ifndef VROUTER_RECEIVER_H
#define VROUTER_RECEIVER_H

#include "ctlmsg.h"
#include "vrouter/counters.h"
#include "vrouter/engine.h"

#define RECEIVER_WINDOW	      4096 /* numbers ahead that can be kept; power of two */
#define RECEIVER_NACK_MAX     64   /* datagrams asked for at once */
#define RECEIVER_REORDER_MS   2	   /* how long a gap may be mere reordering */
#define RECEIVER_RETRY_MS     8	   /* first interval of asking again */
#define RECEIVER_RETRY_MAX_MS 200
#define RECEIVER_GIVE_UP_MS   1500 /* without any progress */

enum receiver_todo { RECEIVER_WAIT, RECEIVER_ASK, RECEIVER_GIVE_UP };

struct receiver {
	void (*deliver)(void *ctx, const uint8_t *body, size_t len);
	void *ctx;
	struct sync_counters *counters;
	uint64_t next; /* number that is due */
	uint64_t top;  /* highest number known to exist */

	uint8_t *cells; /* each: be32 length, body */
	size_t cell_size;
	unsigned n_cells, n_used;
	unsigned n_fresh;    /* cells from this one on were not used since the stream began */
	uint16_t *free_cell; /* stack of the others that are free: n_fresh - n_used */
	uint16_t *at;	     /* 1 + cell by number & (WINDOW - 1) */

	bool gap;
	uint64_t ask_at, progress_at;
	uint32_t interval_ms;
	uint32_t rng;
};

must_check int receiver_init(struct receiver *r, const struct engine_conf *conf,
			     struct sync_counters *counters,
			     void (*deliver)(void *ctx, const uint8_t *body, size_t len), void *ctx,
			     uint32_t seed);
void receiver_fini(struct receiver *r);

void receiver_start(struct receiver *r, uint64_t next); /* another stream */
void receiver_on(struct receiver *r, uint64_t seq, const uint8_t *body, size_t len, uint64_t now);
/* The source says that it sent this number. */
void receiver_known(struct receiver *r, uint64_t seq, uint64_t now);
/* Somebody else asked for seq: the answer comes to us, too. */
void receiver_asked(struct receiver *r, const struct ctl_range *range, unsigned n, uint64_t now);

/* What is to be done now; ASK once per retry. */
enum receiver_todo receiver_step(struct receiver *r, uint64_t now);
uint64_t receiver_due(const struct receiver *r); /* UINT64_MAX: never */
unsigned receiver_missing(const struct receiver *r, struct ctl_range out[static CTL_RANGES_MAX]);
/* Goes on at `to` (at least): what is kept is delivered in order, what is missing is not waited
 * for. */
void receiver_skip(struct receiver *r, uint64_t to, uint64_t now);
/* Where to go on after giving up: the first number that is kept. */
uint64_t receiver_resume(const struct receiver *r);

#endif
