/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is inside replication datagrams: operations of a stream (DATA) and messages between engines
 * (CONTROL). Codec only, no state. Layout in docs/protocol.md. */
#ifndef VROUTER_CTLMSG_H
#define VROUTER_CTLMSG_H

#include "digest.h"
#include "vrouter/dgram.h"
#include "vrouter/engine.h"
#include "vrouter/flow.h"
#include "vrouter/neigh.h"
#include "vrouter/verify.h"

/* A stream; term 0: none. Within a message its epoch is named by the first eight bytes. */
struct stream_key {
	uint32_t term, sender;
	uint64_t epoch;
};

struct stream_key stream_key_of(const struct dgram_hdr *h);
bool stream_key_equal(const struct stream_key *a, const struct stream_key *b);
/* <0, 0, >0 by term, then sender: the order in which replicas prefer streams. */
int stream_key_rank(const struct stream_key *a, const struct stream_key *b);
void stream_key_encode(struct wr *w, const struct stream_key *k);
struct stream_key stream_key_decode(struct rd *r);

/* ---- DATA ---- */

enum { DATA_ACK = 0x01 }; /* body flags: please acknowledge at once */

enum op_type {
	OP_PUT_NEW = 1,
	OP_PUT_UPDATE = 2,
	OP_DEL = 3,
	OP_LIST = 4, /* a PUT_NEW that belongs to a repair */
	OP_BEGIN = 5,
	OP_END = 6,
	OP_EXTENDED = 7, /* the body starts with a further type byte */
};

enum op_extended {
	OPX_COMPARE = 1, /* digests of the source's table follow */
	OPX_DIGESTS = 2,
	OPX_BUCKETS = 3, /* like BEGIN, of these buckets only */
	OPX_PUT = 4,	 /* a flow, complete: change it or create it */
	/* expectations (vrouter/expect.h) */
	OPX_EXPECT = 16,
	OPX_EXPECT_DEL = 17,
	OPX_EXPECT_LIST = 18, /* one of all that there are, between the next two */
	OPX_EXPECTS_BEGIN = 19,
	OPX_EXPECTS_END = 20, /* what was not listed goes */
};

void data_encode_head(struct wr *w, const struct flow_refs *refs);
/* false: malformed. */
must_check bool data_decode_head(struct rd *r, uint8_t *flags, struct flow_refs *refs);
void op_encode(struct wr *w, enum op_type type, const uint8_t *body, size_t len);
/* Unknown types come out like known ones, to be ignored. false: malformed. */
must_check bool op_decode(struct rd *r, unsigned *type, struct rd *body);

#define CTL_RANGES_MAX 16

struct ctl_range {
	uint64_t first, count;
};

enum { REPAIR_FORCED = 0x01 }; /* every replica takes part */

/* Lists the whole table, so there is one bucket. */
struct op_begin {
	uint32_t id;
	uint8_t flags, log2_buckets;
	uint64_t expected; /* flows, as far as the source knows; 0: it does not */
	unsigned n;
	struct ctl_range range[CTL_RANGES_MAX];
};

size_t op_begin_encode(uint8_t *out, size_t cap, const struct op_begin *b);
must_check bool op_begin_decode(struct rd body, struct op_begin *out);

enum {
	COMPARE_FORCED = 0x01, /* every replica takes part */
	COMPARE_AUDIT = 0x02,  /* those that need no repair may look whether they were right */
	COMPARE_VERIFY = 0x04, /* and find out which flows differ (engine_account.c) */
};

struct op_compare {
	uint32_t round;
	uint8_t flags;
	struct buckets by;
};

size_t op_compare_encode(uint8_t *out, size_t cap, const struct op_compare *c);
/* Of what is behind the type byte, as those below. */
must_check bool op_compare_decode(struct rd body, struct op_compare *out);

/* Digests of buckets from the first one on, 8 bytes each: the rest of the body. */
struct op_digests {
	uint32_t round;
	uint64_t first;
	struct rd sums;
};

void op_digests_head(struct wr *w, uint32_t round, uint64_t first);
must_check bool op_digests_decode(struct rd body, struct op_digests *out);

enum { BUCKETS_LAST = 0x01 }; /* the set is complete: listings follow */

/* A part of the set of buckets whose flows are listed next. */
struct op_buckets {
	uint32_t id, round;
	uint8_t flags;
	uint64_t expected; /* flows */
	uint64_t part;
	struct rd bits; /* the rest of the body; may be empty */
};

size_t op_buckets_encode(uint8_t *out, size_t cap, const struct op_buckets *b);
must_check bool op_buckets_decode(struct rd body, struct op_buckets *out);

enum { EXPECTS_PARTIAL = 0x01 }; /* of an end: not all were listed, so nothing goes */

struct op_expects {
	uint32_t id;
	uint8_t flags;
};

size_t op_expects_encode(uint8_t *out, size_t cap, enum op_extended type,
			 const struct op_expects *o);
must_check bool op_expects_decode(struct rd body, struct op_expects *out);

/* ---- CONTROL ---- */

enum ctl_type {
	CTL_STATUS = 1,
	CTL_NACK = 2,
	CTL_REPAIR = 3,
	CTL_GONE = 4,
	CTL_DIFFER = 5,
	CTL_CHALLENGE = 8, /* prove that this is your present lifetime */
	CTL_ECHO = 9,	   /* the proof: a challenge comes back */
	CTL_ASK = 10,	   /* whoever is the source: are you well? */
	CTL_VOUCH = 11,	   /* the answer, by its core */
	/* neighbours of the source (engine_neigh.c) */
	CTL_NEIGH_STATE = 12, /* the number of its last change */
	CTL_NEIGH_WANT = 13,  /* a replica has all up to a number */
	CTL_NEIGH_PAGE = 14,
	/* flow by flow, on demand (engine_verify.c) */
	CTL_VERIFY = 15,
	CTL_VERIFIED = 16,
	CTL_BEAT = 19, /* a source that sends them lives (engine_beat.c) */
	/* a planned change of the source (engine_handover.c) */
	CTL_HANDOVER = 17, /* whoever is the source: please hand over to me */
	CTL_LEAVING = 18,  /* the source is about to */
	CTL_RESERVE = 20,  /* which VIPs a controller has chosen (engine_reserve.c) */
	CTL_PULSE = 21,	   /* of a process, for all its routers (pulse.h) */
};

#define CTL_NAME_MAX 64
#define CTL_BODY_MAX 512 /* the largest body of a CONTROL datagram we send */

struct ctl_status {
	char name[CTL_NAME_MAX];
	uint8_t phase; /* enum engine_phase */
	uint8_t percent;
	uint32_t known_term;
	struct stream_key stream; /* sent, followed or, when the source is gone, last followed */
	uint64_t seq;		  /* last sent, last applied */
	bool detailed;		  /* the rest is there: older versions do not have it */
	uint32_t flows, flows_max;
	uint64_t lag_ms;
	struct repair_cost repair; /* the last one */
	uint8_t hearing;	   /* enum engine_hearing */
	uint32_t every_ms; /* the next one comes so soon, or sooner; 0: not said, by older versions
			    */
	uint64_t life;	   /* of its process, as its pulse says; 0: it has none */
};

struct ctl_nack {
	struct stream_key stream;
	unsigned n;
	struct ctl_range range[CTL_RANGES_MAX];
};

struct ctl_repair {
	struct stream_key stream;
	uint64_t at; /* last number applied: a BEGIN above it will be used */
	uint8_t log2_buckets;
	unsigned n;
	struct ctl_range range[CTL_RANGES_MAX];
	uint64_t flows; /* it holds about as many */
	uint8_t flags;
};

enum {
	REPAIR_AUDIT = 0x01,   /* only wants to compare */
	REPAIR_LEISURE = 0x02, /* its table was equal until a moment ago: there is no hurry */
};

/* Buckets whose digests differ: one part of the set. Parts without any are not sent. */
struct ctl_differ {
	struct stream_key stream;
	uint64_t at; /* last number applied */
	uint32_t round;
	uint64_t parts; /* how many there are in all */
	uint64_t part;
	unsigned len;
	uint8_t bits[DIGEST_PART];
};

struct ctl_gone {
	struct stream_key stream;
	uint64_t first; /* the first number that can still be had */
};

struct ctl_challenge { /* ECHO, ASK, VOUCH */
	uint32_t to;   /* ASK: 0, everybody */
	uint64_t nonce;
};

#define CTL_PULSE_ECHOES_MAX 24

struct ctl_pulse {
	uint64_t nonce; /* whoever sends it back has heard us lately */
	unsigned n;
	struct ctl_challenge echo[CTL_PULSE_ECHOES_MAX]; /* what was heard of others */
};

/* ctlmsg_pulse.c, for ctlmsg.c */
void ctl_pulse_encode(struct wr *w, const struct ctl_pulse *m);
void ctl_pulse_decode(struct rd *r, struct ctl_pulse *m);

struct ctl_beat {
	struct stream_key stream;
	uint64_t every_ms; /* the next one follows after that; 0: none follows */
};

struct ctl_neigh {
	struct stream_key stream;
	uint64_t stamp; /* STATE, PAGE */
	uint64_t have;	/* WANT; PAGE: no page has a stamp between this and its own */
	unsigned page;	/* PAGE */
	struct neigh_page content;
};

enum {
	VERIFY_WANTED = 0x01, /* of a replica: please compare; nothing else counts */
	VERIFY_FINAL = 0x02,  /* of the source: nothing that it listed is newer than `at` */
};

/* What has come of the comparison? */
struct ctl_verify {
	struct stream_key stream;
	uint32_t to;
	uint8_t flags;
	uint32_t round;
	uint64_t at;	/* the number that has to be applied before the answer counts */
	uint64_t first; /* finding that is asked for */
};

enum verified_state {
	VERIFIED_UNABLE, /* no such comparison (any more) */
	VERIFIED_RUNNING,
	VERIFIED_SETTLED, /* all was looked at; waits for VERIFY_FINAL */
	VERIFIED_DONE,	  /* the rest counts */
	VERIFIED_STATES,
};

enum { VERIFIED_MORE = 0x01 };

#define CTL_FINDINGS_MAX 400 /* bytes */

struct ctl_verified {
	struct stream_key stream;
	uint32_t round;
	uint8_t state; /* enum verified_state */
	uint8_t flags;
	uint64_t flows, missing, extra, different;
	uint64_t named, first; /* findings that can be had; number of the first one in here */
	unsigned len;
	uint8_t findings[CTL_FINDINGS_MAX]; /* whole ones */
};

/* As many findings of n as there is room for. */
void ctl_findings_encode(struct ctl_verified *v, const struct verify_finding *f, unsigned n);
/* The next one at r. false: malformed. */
must_check bool ctl_finding_decode(struct rd *r, struct verify_finding *f);

/* ctlmsg_verify.c, for ctlmsg.c */
void ctl_verify_encode(struct wr *w, const struct ctl_verify *v);
void ctl_verify_decode(struct rd *r, struct ctl_verify *v);
void ctl_verified_encode(struct wr *w, const struct ctl_verified *v);
void ctl_verified_decode(struct rd *r, struct ctl_verified *v);

struct ctl_handover {
	struct stream_key stream;
	struct engine_leaving leaving; /* LEAVING */
};

/* ctlmsg_reserve.c, for ctlmsg.c */
void ctl_reserve_encode(struct wr *w, const struct reserve_word *m);
void ctl_reserve_decode(struct rd *r, struct reserve_word *m);

struct ctl_msg {
	uint8_t type; /* enum ctl_type, or something newer */
	union {
		struct ctl_status status;
		struct ctl_nack nack;
		struct ctl_repair repair;
		struct ctl_gone gone;
		struct ctl_differ differ;
		struct ctl_challenge challenge;
		struct ctl_neigh neigh;
		struct ctl_beat beat;
		struct ctl_pulse pulse;
		struct ctl_verify verify;
		struct ctl_verified verified;
		struct ctl_handover handover;
		struct reserve_word reserve;
	};
};

void ctl_encode(struct wr *w, const struct ctl_msg *m);
enum ctl_decoded { CTL_MSG, CTL_UNKNOWN, CTL_END, CTL_BAD };
/* The next message of a body. */
enum ctl_decoded ctl_decode(struct rd *r, struct ctl_msg *m);

#endif
