/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's inside, shared by engine.c (interface, roles, timers, status), engine_source.c and
 * engine_replica.c only. */
#ifndef VROUTER_ENGINE_IMPL_H
#define VROUTER_ENGINE_IMPL_H

#include <stddef.h>

#include "beat.h"
#include "ctlmsg.h"
#include "engine_expect.h"
#include "engine_verify.h"
#include "hold.h"
#include "lag.h"
#include "peers.h"
#include "receiver.h"
#include "repair.h"
#include "sender.h"
#include "vrouter/engine.h"

enum {
	ENGINE_WINDOW = 256,	       /* at most, and at most half of the ring */
	ENGINE_PACE_GIVE_UP_MS = 1000, /* a replica without progress no longer paces */
	ENGINE_GATHER_MS = 5,	       /* between the first request and a repair */
	ENGINE_RETRY_MS = 100,	       /* after a failed dump; between lost events and repair */
	ENGINE_ASK_AGAIN_MS = 200,     /* replica: repair requests */
	ENGINE_BACKOFF_MIN_MS = 1000,  /* replica: after repairs with failures */
	ENGINE_BACKOFF_MAX_MS = 10000,
	ENGINE_COLLECT_MAX_MS = 10000, /* replica: BEGIN without anything behind it */
	ENGINE_REARM_PASSES = 4,
	ENGINE_REARM_PAUSE_MS = 1000,
	ENGINE_DRAIN_ASK_MS = 20,
	ENGINE_ASKED_MS = 1,	   /* between two questions of one peer that are heeded */
	ENGINE_CHALLENGE_MS = 20,  /* between two challenges of one peer */
	ENGINE_NONCE_MS = 3000,	   /* for which an answer is taken */
	ENGINE_PULSED_MS = 2000,   /* for which a lost peer is asked when its pulse is back */
	ENGINE_ECHOES_MAX = 8,	   /* in one datagram, and as many challenges */
	ENGINE_FOLLOWED_BEATS = 3, /* source: heartbeats until a follower is counted on */
	ENGINE_OVERRUN_WAIT_MAX_MS = 10000,
	ENGINE_COMPARE_MIN = 32,       /* flows; smaller tables are listed at once */
	ENGINE_COMPARE_MAX_MS = 30000, /* replica: digests that do not come */
	ENGINE_DIFFER_MAX_MS = 10000,  /* replica: buckets asked for and not listed */
	ENGINE_VERDICT_MS = 500,       /* replica: an audit waits so long for what is on its way */
	ENGINE_ROUND_HOLD_MS = 300,    /* source: before the next comparison, for the slower ones */
	ENGINE_ROUND_FORGET_MS = 30000, /* source: after the last that was heard of one */
	ENGINE_PARTS_AT_ONCE = 32,
	ENGINE_INDEX_AT_ONCE = 4096, /* flows looked at in memory */
	ENGINE_PICK_AT_ONCE = 128,   /* flows looked up in the kernel */
	ENGINE_PICK_AT_LEISURE = 32,
	ENGINE_LEISURE_MS = 4,	       /* between two steps that nobody waits for; */
	ENGINE_LEISURE_FLOWS = 100000, /* 1 from so many on */
	/* of a comparison after a change of source: then its replica has been less than READY for
	 * long enough */
	ENGINE_LEISURE_MAX_MS = 3000,
	ENGINE_PICK_FAILURES = 100, /* then the listing fails */
	REPORT_QUIET_MS = 60000,    /* while nothing happens; there may be more room since */
	REPORT_COUNT_MS = 500,	    /* between two looks at the size of the table */
	REPORT_BEHIND_MS = 2000,    /* of lag: an alarm */
	REPORT_LATELY_MS = 5000,
	LAG_EVERY_MS = 10,
};

#define ENGINE_HOLD_MAX_MS 60000

/* What reads the kernel's table chunk by chunk; one at a time. */
enum engine_job {
	JOB_NONE,
	JOB_SERVE,
	JOB_SWEEP,
	JOB_REPIN,
	JOB_REARM,
	JOB_DIGEST,
	JOB_VERIFY, /* replica: what of the own table was not listed */
};

enum replica_state {
	REPLICA_NEED,	 /* a repair is needed */
	REPLICA_COMPARE, /* digests are on their way */
	REPLICA_DIFFER,	 /* it told which buckets differ */
	REPLICA_COLLECT, /* between BEGIN (or BUCKETS) and END */
	REPLICA_SWEEP,	 /* deleting what was not listed */
	REPLICA_CLEAN,
};

struct engine_source {
	bool wanted, forced; /* a repair; with everybody taking part */
	bool hurry;	     /* somebody who asked for it misses more than a moment */
	bool lost_again;     /* events, since the running one began */
	bool all_wanted;     /* somebody has next to nothing */
	bool drained;	     /* the last drain was acknowledged */
	uint64_t at;	     /* not before */
	uint32_t id;
	uint64_t begin_seq; /* the datagram with the last BEGIN */
	uint64_t overrun_at;
	uint32_t overrun_wait_ms; /* before the next repair for lost events */
	uint64_t overrun_end_seq; /* with the END of the repair after lost events; 0: not yet */
	bool listing_failed;	  /* the kernel did not tell of a flow */
	bool listed_unread;	  /* flows were listed whose events may be unread */
	unsigned rearm_passes;
	uint64_t rearm_at;
	bool rearm_found;
	bool draining;
	uint64_t drain_seq, drain_until, drain_ask_at;
};

/* The source's last comparison. */
struct engine_round {
	uint32_t id;
	struct buckets by;
	struct digests digests;	   /* until they are told */
	struct repair_index index; /* what was read; an audit keeps none */
	size_t index_at;
	unsigned pick_failures;
	uint32_t told;
	bool telling, audit, forced, verify;
	bool leisure;
	uint64_t leisure_until;
	uint64_t begin_seq; /* the datagram with COMPARE */
	uint64_t hold_until, forget_at;
	uint64_t audit_at;

	/* buckets that replicas say differ */
	struct bucket_set asked, covered; /* to be listed; listed last */
	bool list_wanted, partial;	  /* partial: the running listing is of `covered` */
	uint64_t list_at, list_seq;	  /* the datagram with the first BUCKETS */
};

/* The replica's comparison: its own digests against those that come in the stream. */
struct engine_compare {
	bool running, audit, own_done;
	uint32_t round;
	struct buckets by;
	struct digests own, theirs;
	struct repair_index index; /* of the own table; an audit keeps none */
	size_t index_at;
	uint32_t got;
	uint64_t heard_at, verdict_at;
	/* audit: buckets that live changes touched; otherwise where something did not reach the
	 * kernel: they differ, whatever the digests say */
	struct bucket_set doubt;
	struct bucket_set differ; /* the result; kept while DIFFER and COLLECT */
	struct bucket_set listed; /* what BUCKETS named */
	uint32_t listed_id;
	size_t next_part, parts;
	uint64_t differ_at;
};

struct engine_replica {
	enum replica_state state;
	bool heard;		     /* heard_at is valid */
	uint64_t heard_at, slept_ms; /* as of a peer */
	uint32_t repair_id;
	uint64_t listed, expected;
	bool failed; /* something of this repair did not reach the kernel */
	uint64_t ask_at, collect_at, clean_since;
	uint32_t backoff_ms;
	uint64_t repin_at;
	bool uncommitted, updates_pending;
	bool partial;		 /* the running repair is of some buckets only */
	bool trailing;		 /* packets come here already, see engine_trail() */
	bool leisure;		 /* equal until a moment ago: the comparison takes its time, */
	uint64_t leisure_until;	 /* at most until then */
	uint32_t buckets_differ; /* as the last comparison found */
	uint64_t audited;	 /* audits that came to a verdict */
	uint8_t seen_key[16];
	struct repair_seen seen;
};

enum repair_why {
	REPAIR_WHY_NONE,
	REPAIR_WHY_STREAM, /* the first one that is followed, or another one */
	REPAIR_WHY_GAP,
	REPAIR_WHY_APPLY,
	REPAIR_WHY_BODY,
	REPAIR_WHY_EVENTS,
	REPAIR_WHY_AUDIT,
};

struct engine_quiet {
	uint64_t busy_at; /* when something changed last; what it was then: */
	uint64_t seq, neigh;
	uint32_t known_term;
	struct stream_key stream;
	bool was_source;
	enum engine_hearing hearing;
	bool stirred; /* a peer said something new */
};

struct growth {
	uint64_t seen, until;
};

struct engine_report {
	bool counted;
	uint64_t counted_at;
	uint32_t flows, flows_max;
	bool repairing;
	uint64_t began_at, done_at, deleted_before;
	struct repair_cost running, last;
	struct growth clashes, unsent;
};

struct engine_neigh {
	/* by page (NEIGH_PAGES_MAX): what the core told of its kernel's, as source; NULL: never any
	 */
	struct neigh_page **own;
	uint64_t *own_stamp;
	uint64_t version, pushed; /* highest stamp; up to which all was told */
	uint64_t push_at, answered_at;
	/* replica: whose, up to which stamp all is here, each page's, what the source said last */
	struct stream_key stream;
	uint64_t have, *seen, announced, asked_at;
	bool any_seen;
	bool *former;	       /* by page: told in an earlier stream only */
	uint64_t former_until; /* 0: there is none */
};

/* What most engines never use: behind all else, and only its pages that are used are there. */
struct engine_room {
	struct repair_changed changed;
	struct expects_look look[EXPECTS_LOOK_MAX];
	struct verify_peer verify[ENGINE_PEERS_MAX];
	struct neigh_page *own[NEIGH_PAGES_MAX];
	uint64_t own_stamp[NEIGH_PAGES_MAX], seen[NEIGH_PAGES_MAX];
	bool former[NEIGH_PAGES_MAX];
};

struct engine {
	struct engine_conf conf;
	const struct engine_ops *ops;
	void *ctx;
	struct sync_counters *counters;
	uint64_t now, started_at;

	bool is_source;
	uint32_t known_term;
	struct stream_key stream; /* sent, or followed last; replicas never go to a lower one */
	uint64_t stream_since;
	uint8_t epoch[DGRAM_EPOCH_LEN]; /* of our stream */
	uint8_t ctl_epoch[DGRAM_EPOCH_LEN];
	uint64_t ctl_seq;
	uint8_t hash_key[16];

	uint64_t window; /* datagrams a repair may be ahead of the slowest replica */
	struct ctl_challenge echo[ENGINE_ECHOES_MAX]; /* to be sent; to: whose challenge it was */
	unsigned n_echoes;
	uint32_t alarms;
	uint64_t clash_at;
	enum engine_hearing hearing;
	uint64_t beat_at;	       /* source: the next heartbeat */
	struct beat_watch watch;       /* replica: those of the followed stream */
	bool beats_told;	       /* that they are missing */
	struct engine_leaving leaving; /* as source; trail_ms 0: it is not */
	uint64_t reserve_at, reserve_said_at;
	bool status_due; /* before the next heartbeat */
	uint64_t status_at, status_sent_at;
	struct engine_quiet quiet;
	uint64_t pulsed_at;
	bool peers_changed;	    /* since on_status() */
	struct engine_status shown; /* what on_status() last told of */

	enum engine_job job;
	bool job_start;
	uint64_t job_at; /* not before */

	bool filtering; /* filter lets not everything through */
	/* flows of the running pass over the table, and of the last whole one; how many are in */
	uint64_t dumped, dumped_in, passed, passed_in;

	struct engine_report report;
	struct lag lag;
	uint64_t lag_ms;
	struct engine_source src;
	struct engine_round round;
	struct engine_compare cmp;
	struct engine_replica rep;
	struct engine_expects expects;
	struct engine_neigh neigh;
	struct engine_account account;
	struct engine_verify verify;
	struct hold hold;
	struct sender sender;
	struct receiver receiver;
	struct peers peers; /* most places are free */

	/* From the second peer on, what many engines do not use. */
	struct peer own; /* who uses our id */
	struct flow_filter filter;
	struct reserve_word reserve; /* ours; stage 0: nothing to say */
	struct engine_room room;
};

#define ENGINE_PAGE 4096
_Static_assert(offsetof(struct engine, peers.peer[1]) <= ENGINE_PAGE,
	       "what each of a thousand routers uses is one page of it");

static inline void engine_count(struct engine *e, enum sync_counter c)
{
	e->counters->v[c]++;
}

static inline uint64_t engine_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When bulk work goes on for which nobody waits. It is done with real-time priority. A replica that
 * asks for other work waits for this. */
static inline uint64_t engine_at_leisure(const struct engine *e)
{
	if (e->is_source && e->src.wanted)
		return e->now;
	return e->now + (e->report.flows < ENGINE_LEISURE_FLOWS ? ENGINE_LEISURE_MS : 1);
}

/* engine.c */
void engine_send_ctl(struct engine *e, const struct ctl_msg *m);
void engine_job_begin(struct engine *e, enum engine_job job);
/* One ops.dump() of the running job. */
int engine_job_dump(struct engine *e);
void engine_knows_term(struct engine *e, uint32_t term);
uint32_t engine_jitter(struct engine *e, uint32_t below);
/* Another controller claims to be the source, and not only before our stream began. */
bool engine_other_source(const struct engine *e);

/* engine_trust.c */
/* Whether a CONTROL datagram of p is to be believed: it is of the lifetime that answered our
 * challenge, now or before, and new. Otherwise counts it, and asks. */
must_check bool trust_control(struct engine *e, struct peer *p, const struct dgram_hdr *h,
			      const uint8_t *body, size_t len);
/* The sender of h is to prove its lifetime (again) and to say what it sends. */
void trust_ask(struct engine *e, const struct dgram_hdr *h);
/* Peers whose proof grows old are asked again. */
void trust_renew(struct engine *e);
void trust_on_challenge(struct engine *e, const struct peer *p, const struct ctl_challenge *c);
void trust_on_echo(struct engine *e, struct peer *p, const struct ctl_challenge *c);
/* What goes along with a STATUS. */
void trust_encode(struct engine *e, struct wr *w);

/* engine_quiet.c */
uint32_t quiet_said_ms(const struct engine *e); /* 0: nothing */
uint64_t quiet_due(const struct engine *e); /* the next STATUS, when nothing happens until then */
/* Something may have happened: the next STATUS may be due sooner. */
void quiet_look(struct engine *e);

/* engine_path.c */
void path_on_ask(struct engine *e, struct peer *p, const struct ctl_challenge *c);
void path_on_vouch(struct engine *e, const struct peer *p, const struct ctl_challenge *c);

/* engine_beat.c */
uint64_t beats_run(struct engine *e);
/* false: it makes no sense. */
bool beats_on_message(struct engine *e, const struct ctl_beat *m);
/* Something else of the followed stream's source is heard. */
void beats_alive(struct engine *e);
void beats_forget(struct engine *e); /* another stream is followed, or none */
enum engine_heartbeats beats_state(const struct engine *e);

/* engine_handover.c */
void handover_on_ask(struct engine *e, const struct peer *p, const struct ctl_handover *m);
uint64_t reserve_run(struct engine *e);
void reserve_on_word(struct engine *e, const struct peer *p, const struct reserve_word *word);
void handover_on_leaving(struct engine *e, const struct peer *p, const struct ctl_handover *m);
void handover_encode(const struct engine *e, struct wr *w); /* what goes along with a STATUS */
uint64_t drain_run(struct engine *e);
void drain_give_up(struct engine *e); /* answers one that runs: not acknowledged */

/* engine_source.c */
void source_open(struct engine *e, uint32_t term);
void source_close(struct engine *e);
void source_on_status(struct engine *e, struct peer *p, uint64_t acked_before);
/* p has said which stream it follows. */
void source_note_follower(struct engine *e, struct peer *p);
void source_on_nack(struct engine *e, const struct ctl_nack *m);
void source_on_repair(struct engine *e, struct peer *p, const struct ctl_repair *m);
void source_on_dump(struct engine *e, const struct flow *f);
uint64_t source_run(struct engine *e);

/* A change into the stream, or back into hold. */
void source_change(struct engine *e, const struct flow *f, enum flow_change what);

/* engine_filter.c */
bool source_wants(const struct engine *e, const struct flow *f);
/* The same for one of a pass over the table. */
bool source_wants_dumped(struct engine *e, const struct flow *f);
/* About how many flows of the table it wants. */
uint32_t source_count(const struct engine *e);
/* source_change(), as far as the filter lets it through. */
void source_filtered_change(struct engine *e, const struct flow *f, enum flow_change what);

/* engine_hold.c */
void source_release_held(struct engine *e);
/* false: the change is to be sent as it is. listing: flows may be listed whose NEW is unread. */
must_check bool source_hold_back(struct engine *e, uint64_t hash, const struct flow *f,
				 enum flow_change what, bool listing);
/* Tells of what is old enough. When there is something to do again. */
uint64_t source_hold_run(struct engine *e);

/* The same, of one flow. */
void source_release_flow(struct engine *e, const struct flow *f);

/* Tells of a flow's sequence adjustment as it is now, and of nothing else. */
void source_tell_seqadj(struct engine *e, const struct flow *master);
void source_tell_masters_seqadj(struct engine *e, const struct flow *child);
/* Changes were lost, or the kernel did not tell all: every replica takes part. */
void source_force_repair(struct engine *e);
void source_serve_begun(struct engine *e);
must_check int source_list_fresh(struct engine *e, const struct flow *f);
bool source_has_credit(const struct engine *e);
void source_failed(struct engine *e);

/* engine_round.c: the source's side of a comparison */
void round_forget(struct engine *e);
enum round_kind {
	ROUND_REPAIR,
	ROUND_LEISURE, /* a repair of who misses a moment */
	ROUND_FORCED,  /* a repair with every replica */
	ROUND_AUDIT,
	ROUND_VERIFY, /* an audit, at once */
};
void round_begin(struct engine *e, enum round_kind kind);
void round_on_flow(struct engine *e, const struct flow *f);
uint64_t round_step(struct engine *e);
void round_on_differ(struct engine *e, struct peer *p, const struct ctl_differ *m);
/* Everything is being listed: what was asked for before is part of it. */
void round_all_listed(struct engine *e);
/* Names the buckets of the listing that begins. */
void round_list(struct engine *e);
void round_list_again(struct engine *e);
bool round_lists(const struct engine *e, const struct flow *f);
bool round_lists_at_leisure(const struct engine *e);
/* Lists some of the flows in question; like ops.dump(). -EAGAIN: go on, but later. */
int round_pick(struct engine *e);

/* engine_compare.c: the replica's side */
void compare_forget(struct engine *e);
bool compare_on_begin(struct engine *e, struct rd body);
bool compare_on_digests(struct engine *e, struct rd body);
bool compare_on_buckets(struct engine *e, struct rd body);
void compare_on_flow(struct engine *e, const struct flow *f);
void compare_restart(struct engine *e);
void compare_own_done(struct engine *e);
/* Which buckets differ is to be told from now on; tells some of it, if that is due. Returns when it
 * is due again. */
void compare_ask(struct engine *e);
uint64_t compare_tell(struct engine *e);
/* A live change was applied, or was not. */
void compare_touched(struct engine *e, const struct flow *f);
/* Deletes some of the flows that were not listed; like ops.dump(). */
int compare_sweep(struct engine *e);
bool compare_differs(const struct engine *e, const struct flow *f);
uint64_t compare_run(struct engine *e);

/* engine_neigh.c */
void neigh_opened(struct engine *e); /* another stream of ours */
uint64_t neigh_run(struct engine *e);
void neigh_encode(const struct engine *e, struct wr *w); /* what goes along with a STATUS */
void neigh_on_state(struct engine *e, const struct peer *p, const struct ctl_neigh *m);
void neigh_on_want(struct engine *e, const struct ctl_neigh *m);
void neigh_on_page(struct engine *e, const struct peer *p, const struct ctl_neigh *m);
void neigh_forget(struct engine *e);

/* engine_report.c */
void report_refresh(struct engine *e);
void report_repair_begins(struct engine *e, enum repair_why why); /* unless one is under way */
void report_repair_bytes(struct engine *e, size_t len);
void report_repair_listed(struct engine *e);
void report_repair_done(struct engine *e);
void report_repair_ends(struct engine *e); /* it came to nothing */
struct repair_cost report_last(const struct engine *e);
void report_fill(const struct engine *e, struct ctl_status *s);
void report_alarms(struct engine *e);

/* engine_follow.c */
void replica_leave(struct engine *e);
void replica_enter(struct engine *e);
bool replica_hears_source(const struct engine *e);
unsigned replica_percent(const struct engine *e);
void replica_on_data(struct engine *e, const struct dgram_hdr *h, const uint8_t *body, size_t len);
void replica_on_status(struct engine *e, const struct peer *p);
void replica_on_nack(struct engine *e, const struct ctl_nack *m);
void replica_on_gone(struct engine *e, const struct ctl_gone *m);
/* The stream goes on at `to`; a repair must make good what is left out. */
void replica_skip_to(struct engine *e, uint64_t to);

/* engine_replica.c, engine_failed.c */
void replica_forget_repair(struct engine *e);
void replica_need_repair(struct engine *e, uint32_t delay_ms);
void replica_need_repair_later(struct engine *e);
void replica_repaired(struct engine *e);
/* The running repair makes the flow's bucket equal. */
bool replica_covers(const struct engine *e, const struct flow *f);
/* The kernel does not have this flow, which the source has. */
void replica_lacks(struct engine *e, const struct flow *f);
/* Deletes the flow if the source does not have it. */
void replica_sweep(struct engine *e, const struct flow *f);
void replica_collect(struct engine *e, uint32_t id, uint64_t expected, bool partial);
void replica_deliver(void *ctx, const uint8_t *body, size_t len);
void replica_on_dump(struct engine *e, const struct flow *f);
void replica_commit(struct engine *e);
uint64_t replica_run(struct engine *e);

#endif
