/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source's end of a stream: gathers changes, coalesces them by flow, fills datagrams, numbers
 * them and keeps the last ones for retransmission. Owned by the engine. No clock, no sockets, no
 * memory per flow: everything is allocated by sender_init(), and is not there before it is used.
 *
 * Order: operations of one flow leave in the order of its changes. Operations of different flows
 * leave in the order in which their slots were opened, and a flow that is new after it was deleted
 * opens another slot; so the DEL of a flow always leaves before the PUT of one that took over its
 * NAT tuple. */
#ifndef VROUTER_SENDER_H
#define VROUTER_SENDER_H

#include "ctlmsg.h"
#include "vrouter/counters.h"
#include "vrouter/engine.h"

#define SENDER_SLOTS 256
#define SENDER_INDEX 1024 /* power of two, at least twice the slots */

enum sender_kind { SENDER_NOTHING, SENDER_NEW, SENDER_UPDATE, SENDER_EITHER, SENDER_DEL };

struct sender_slot {
	struct flow flow;
	uint64_t hash;
	uint8_t kind; /* enum sender_kind */
	bool open;    /* further changes of the flow go here */
};

struct sender_sent {
	uint32_t off, len;
	uint32_t resent_ms; /* low bits of when it was last sent again */
};

struct sender {
	void (*emit)(void *ctx, uint64_t seq, const uint8_t *body, size_t len);
	void *ctx;
	struct sync_counters *counters;
	struct flow_refs refs;
	uint64_t seq;	    /* last one sent */
	uint64_t ack_every; /* each that many datagrams ask for acknowledgement; 0: none do */

	struct sender_slot *slot; /* SENDER_SLOTS */
	unsigned n;		  /* slots in use */
	uint16_t *index;	  /* SENDER_INDEX: 1 + slot, by hash; behind the slots */

	uint8_t *body; /* the open datagram */
	struct wr wr;
	size_t head_len; /* of flags and references */
	bool has_ops;

	uint8_t *kept; /* owned: both */
	uint8_t *ring;
	size_t ring_size, ring_at; /* where the next body goes */
	struct sender_sent *sent;  /* by number, see sent_at() */
	uint64_t sent_mask;
	uint64_t first; /* lowest seq in the ring; seq + 1: none */
};

/* 0 or -ENOMEM. emit is called with each datagram's body, borrowed. */
must_check int sender_init(struct sender *s, const struct engine_conf *conf,
			   struct sync_counters *counters,
			   void (*emit)(void *ctx, uint64_t seq, const uint8_t *body, size_t len),
			   void *ctx);
void sender_fini(struct sender *s);

/* A new stream: numbers start at 1, the ring is empty. What was not sent is forgotten. */
void sender_open(struct sender *s);
/* keep_del: NEW and DESTROY of one flow leave a DEL, as it may have been listed in between. */
void sender_change(struct sender *s, uint64_t hash, const struct flow *f, enum flow_change change,
		   bool keep_del);
/* f is complete, and nobody knows whether replicas have it. */
void sender_either(struct sender *s, uint64_t hash, const struct flow *f);
/* A slot holds the flow complete, so that an update can be merged into it. */
bool sender_holds(struct sender *s, uint64_t hash, const struct flow *f);
/* Slots become operations of the open datagram (full ones leave). */
void sender_flush(struct sender *s);
/* Appends an operation behind what was flushed. */
void sender_op(struct sender *s, enum op_type type, const uint8_t *body, size_t len);
void sender_list(struct sender *s, const struct flow *f);
/* Flushes and sends what is open; nothing open: nothing is sent unless ack is asked for. */
void sender_send(struct sender *s, bool ack);
/* Sends again. false: it is no longer in the ring (or was never sent). At most once in 2 ms. */
bool sender_resend(struct sender *s, uint64_t seq, uint64_t now, bool force);

#endif
