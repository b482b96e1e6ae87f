/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's part for verify: the replica's account of what differs (engine_account.c) and the
 * conversation about it (engine_verify.c). Memory is taken while a verify runs, and given back. */
#ifndef VROUTER_ENGINE_VERIFY_H
#define VROUTER_ENGINE_VERIFY_H

#include "ctlmsg.h"
#include "repair.h"

enum {
	VERIFY_KEEP_MAX = 1024,	  /* flows that a replica looks at twice */
	VERIFY_ASK_MS = 100,	  /* between two questions */
	VERIFY_READY_MS = 5000,	  /* for which replicas that are being repaired are waited for */
	VERIFY_SILENT_MS = 5000,  /* without any answer: it does not know the question */
	VERIFY_ATTEMPTS = 3,	  /* rounds */
	VERIFY_PAUSE_MS = 1000,	  /* between two that replicas want */
	ACCOUNT_KEPT_MS = 30000,  /* for the source to fetch it */
	ACCOUNT_QUIET_MS = 10000, /* without a word about it: it has come to nothing */
};

enum account_state {
	ACCOUNT_NONE,
	ACCOUNT_COMPARE, /* digests are on their way */
	ACCOUNT_ASK,	 /* it told which buckets differ */
	ACCOUNT_LISTED,	 /* their flows are being listed */
	ACCOUNT_SWEEP,	 /* reading the own table: which were not listed? */
	ACCOUNT_SETTLED, /* all candidates are known, and can only become fewer */
	ACCOUNT_DONE,
};

/* A flow that was not the same here and at the source when it was listed. */
struct candidate {
	uint64_t hash;
	bool at_source;
	struct flow flow; /* as the source has it; its identity, when the source has it not */
};

/* A replica's. */
struct engine_account {
	enum account_state state;
	uint32_t round, listing;
	uint64_t opened_at, moved_at;
	uint64_t flows; /* of the own table */
	bool more;	/* there was no room for all candidates */
	struct candidate *candidate;
	unsigned n, cap, judged;
	struct repair_seen seen; /* what was listed, or put by the stream since then */
	uint64_t missing, extra, different;
	struct verify_finding *finding; /* VERIFY_TOLD_MAX of room */
	unsigned n_findings;
};

/* A source's, of one replica. */
struct verify_peer {
	uint32_t id;
	uint8_t phase; /* when the comparison began */
	enum verify_outcome outcome;
	bool answered, settled, final;
	uint64_t at; /* final: the number that it must have applied */
	struct ctl_verified last;
	struct verify_finding *finding; /* last.named of room */
	unsigned n;
};

enum verify_state {
	VERIFY_IDLE,
	VERIFY_BEGIN, /* source: the next comparison will be one; replica: the source is asked */
	VERIFY_ASK,   /* source: it is under way */
};

struct engine_verify {
	enum verify_state state;
	uint32_t request; /* 0: a replica wants it */
	uint32_t waiting; /* request that is next; 0: none */
	uint64_t began_at, until, at, ask_at, ended_at;
	unsigned attempts;
	bool understood; /* replica: by its source */
	uint32_t round;
	uint64_t round_seq, round_at; /* the datagram with COMPARE, and when it left */
	unsigned n;
	struct verify_peer *peer; /* ENGINE_PEERS_MAX */
};

struct engine;
struct peer;

/* ---- engine_account.c ---- */

/* Of a comparison that begins. */
void account_open(struct engine *e, uint32_t round);
void account_free(struct engine *e);
/* It needs the digests and buckets of the running comparison. */
static inline bool account_compares(const struct engine_account *a)
{
	return a->state >= ACCOUNT_COMPARE && a->state <= ACCOUNT_SWEEP;
}
/* It has compared digests, and waits for a listing or has one. */
static inline bool account_asks(const struct engine_account *a)
{
	return a->state >= ACCOUNT_ASK && a->state <= ACCOUNT_SWEEP;
}
/* They are gone; the stream has a hole. Each ends what depends on it. */
void account_on_forget(struct engine *e);
void account_on_hole(struct engine *e);
/* The digests are compared; cmp.differ has what came of it. */
void account_on_verdict(struct engine *e);
/* cmp.listed covers cmp.differ: their listing begins. */
void account_on_buckets(struct engine *e, uint32_t listing);
must_check bool account_on_list(struct engine *e, struct rd body, const struct flow_refs *refs);
void account_on_end(struct engine *e, uint32_t listing);
/* A live change (OP_*, and OP_EXTENDED for OPX_PUT) is about to be applied. */
void account_on_change(struct engine *e, unsigned type, const struct flow *f);
void account_on_flow(struct engine *e, const struct flow *f); /* of the sweep */
void account_swept(struct engine *e);
/* Nothing of the source is on its way any more: compares what is left, and repairs. */
void account_judge(struct engine *e);
uint64_t account_run(struct engine *e);

/* ---- engine_verify.c ---- */

/* A comparison for it should begin now; it has begun; it came to nothing. */
bool verify_is_due(struct engine *e);
void verify_round_begun(struct engine *e);
void verify_again(struct engine *e);
/* The source still needs what is remembered of its round. */
bool verify_needs_round(const struct engine *e);
void verify_stop(struct engine *e); /* our role ends, or the engine */
void verify_on_ask(struct engine *e, struct peer *p, const struct ctl_verify *m);
must_check bool verify_on_answer(struct engine *e, struct peer *p, const struct ctl_verified *m);
uint64_t verify_run(struct engine *e);

#endif
