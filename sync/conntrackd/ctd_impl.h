/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of struct ctd, shared by the ctd_*.c files only. */
#ifndef SYNC_CONNTRACKD_CTD_IMPL_H
#define SYNC_CONNTRACKD_CTD_IMPL_H

#include "../repair.h"
#include "peer.h"
#include "ring.h"
#include "vrouter/ctd.h"

#define CTD_DATAGRAM_MAX 9216
#define CTD_ALIVE_MS	 1000
#define CTD_LOST_MS	 3500 /* three signs of life, and a half */
#define CTD_RETRY_MS	 1000
#define CTD_AHEAD	 1024 /* messages of a listing that nobody has acknowledged yet */
#define CTD_AHEAD_MS	 20   /* then a chunk leaves only so often */
#define CTD_BLIND_MS	 5    /* where nobody acknowledges: so often */
#define CTD_RESEND_TURN	 256  /* messages sent again in one turn */
#define CTD_RESEND_MS	 5    /* from one to the next: anybody can ask */
#define CTD_ASKS_MAX	 64   /* ranges that wait to be sent again */
#define CTD_PROMOTED_MS	 100  /* from a promotion to its listing: the role goes first */
#define CTD_DEMOTED_MS	 1000 /* from a demotion until its flows are a replica's */
#define CTD_BULK_MS	 1000 /* a RESYNC within that time of the last listing waits */

/* What a pass over the kernel's table does with each flow. */
enum {
	PASS_TELL = 1,	/* source: tells it */
	PASS_REARM = 2, /* source: gives it the timeout of its state, not that of a replica */
	PASS_RENEW = 4, /* replica: lets it live on */
};

struct ctd_range {
	uint32_t from, to;
};

struct ctd {
	struct ctd_conf conf;
	const struct ctd_ops *ops;
	void *ctx;
	struct sync_counters *counters;
	uint8_t hash_key[16];
	uint64_t now;
	bool source;
	uint32_t term;
	uint32_t alarms;

	/* sending */
	uint32_t seq;  /* the next message's */
	uint64_t sent; /* messages */
	bool hello, hello_back;
	uint64_t alive_at;
	size_t len; /* of what waits in datagram */
	uint64_t flushed_at;
	uint8_t datagram[CTD_DATAGRAM_MAX];
	struct ctd_ring ring;
	struct ctd_range ask[CTD_ASKS_MAX];
	unsigned n_asks;
	uint64_t resend_at;

	struct ctd_peers peers;

	/* the pass over the table */
	unsigned pass, wanted; /* under way; due next */
	bool fresh;	       /* its next call is the first one */
	bool overrun;	       /* events were lost; a listing is on its way */
	uint64_t begin_at;     /* none begins before */
	uint64_t pass_at, told_at;
	uint64_t renew_at;
	struct repair_changed changed;

	/* replica */
	bool uncommitted;
	uint64_t asked_at; /* for everything; 0: not yet */
	uint64_t ready_at; /* 0: it is not */
	uint64_t gap_at;
	uint64_t data_at;
	enum engine_phase told;

	/* a drain */
	bool draining;
	uint32_t drain_seq;
	uint64_t drain_until;
};

static inline void ctd_count(struct ctd *c, enum sync_counter what)
{
	c->counters->v[what]++;
}

/* ctd_send.c */
/* The message that ctd_msg_begin() of ctd_start() has begun in w; what it says is kept for a NACK.
 * sent->seq is set here. */
struct wr ctd_start(struct ctd *c, uint8_t buf[static CTD_MSG_MAX], uint8_t type, uint8_t flags);
void ctd_finish(struct ctd *c, struct wr *w, const struct ctd_sent *sent);
void ctd_ctl(struct ctd *c, uint8_t flags, uint32_t from, uint32_t to);
void ctd_tell(struct ctd *c, uint8_t type, const struct flow *f);
void ctd_tell_expect(struct ctd *c, uint8_t type, const struct expect *x);
/* A number that is not used: it brings about an acknowledgement of all before it. */
void ctd_skip(struct ctd *c);
void ctd_flush(struct ctd *c);
/* The same, but not twice within a millisecond: what comes fast goes in datagrams that are full. */
void ctd_flush_paced(struct ctd *c);
void ctd_ack(struct ctd *c, struct ctd_peer *p);
void ctd_on_nack(struct ctd *c, uint32_t from, uint32_t to);
/* Sends some of what was asked for; when it wants to be called again. */
uint64_t ctd_resend(struct ctd *c);

/* ctd_source.c */
bool ctd_wants(const struct ctd *c, const struct flow *f);
/* One step of the pass; when it wants the next. */
uint64_t ctd_pass(struct ctd *c);
void ctd_want_pass(struct ctd *c, unsigned what);

/* ctd_replica.c */
void ctd_commit(struct ctd *c);
void ctd_ask_all(struct ctd *c);
enum engine_phase ctd_phase(const struct ctd *c);
uint64_t ctd_replica_run(struct ctd *c);

/* ctd.c */
bool ctd_lost(const struct ctd *c, const struct ctd_peer *p);
uint64_t ctd_lost_ms(const struct ctd *c);

#endif
