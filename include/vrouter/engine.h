/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replication of one router: the pure engine around sender, receiver and repair. It is a source
 * while the router is ACTIVE here, a replica otherwise. No sockets, no clock, no memory per flow in
 * steady state: the kernel's table is the only flow database, reached through engine_ops.
 *
 *   source:  on_change* -> on_drained -> send         replica: on_datagram -> put/del -> commit ->
 * send(ack) both:    run() from time to time: heartbeats, NACKs, one step of bulk work (repair,
 * sweep, re-arm)
 *
 * What it guarantees (G1..G6) and the messages: docs/protocol.md. Times are ms of a monotonic
 * clock. */
#ifndef VROUTER_ENGINE_H
#define VROUTER_ENGINE_H

#include "vrouter/counters.h"
#include "vrouter/dgram.h"
#include "vrouter/expect.h"
#include "vrouter/filter.h"
#include "vrouter/flow.h"
#include "vrouter/neigh.h"
#include "vrouter/reserve.h"
#include "vrouter/verify.h"

struct engine;
struct pulse;

enum flow_change { FLOW_NEW, FLOW_UPDATE, FLOW_DESTROY };

/* What a controller's election hears of the one that is ACTIVE. */
enum engine_hearing {
	ENGINE_HEARING_UNKNOWN, /* nothing to say: no election, or an older version */
	ENGINE_HEARING_FINE,
	ENGINE_HEARING_DEAF, /* no advertisements, though replication says that there is one */
};

/* Fast detection: heartbeats of the source every few ms. */
struct engine_beats {
	uint32_t every_ms; /* as source; 0: none are sent, and none are missed */
	uint32_t misses;   /* so many in a row are missing: at least 2 */
};
#define ENGINE_BEAT_MAX_MS 1000

enum engine_heartbeats {
	ENGINE_BEATS_OFF,
	ENGINE_BEATS_SENT, /* we are the source */
	ENGINE_BEATS_NONE, /* none was heard of the stream that is followed */
	ENGINE_BEATS_HEARD,
	ENGINE_BEATS_MISSING,
};
const char *engine_heartbeats_name(enum engine_heartbeats b);

/* A source that is about to leave by plan, and what its successor may use of it meanwhile. */
#define ENGINE_TRAIL_MAX_MS 5000
#define ENGINE_LEAVING_LEGS 2 /* management and public */
struct engine_leaving {
	uint32_t trail_ms; /* for so long after its successor came it forwards; 0: it stays */
	uint8_t mac[ENGINE_LEAVING_LEGS][NEIGH_MAC_LEN]; /* of those legs then */
};

/* How sure the engine is about what the replica's kernel holds. */
enum flow_put {
	FLOW_PUT_NEW,	 /* complete; it should not be there: create, and where something is in its
			    way, it wins */
	FLOW_PUT_UPDATE, /* perhaps partial; it should be there: change it; creating needs all parts
			  */
	FLOW_PUT_EITHER, /* complete; nobody knows whether it is there: change it or create it */
	FLOW_PUT_ABSENT, /* complete; create it, unless something is in its way: that stays */
};

struct engine_ops {
	/* Queue one datagram for the group; the body (at most engine_conf.mtu_body) is borrowed for
	 * the call. A retransmission comes with the header and body of the first time. */
	void (*send)(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len);
	/* Queue a change for the kernel; commit() makes all that is queued true before it returns.
	 * Final failures come back through engine_on_apply_failed(), from put/del/commit. del and
	 * set_timeout are given an identity only (has == 0, no reply tuple). */
	void (*put)(void *ctx, const struct flow *f, enum flow_put how);
	void (*del)(void *ctx, const struct flow *f);
	void (*set_timeout)(void *ctx, const struct flow *f, uint32_t timeout_s);
	void (*commit)(void *ctx);
	/* One chunk of the kernel's table through engine_on_dump(), start: from the beginning (also
	 * when an earlier dump was not read to its end). The kernel fills a chunk one call ahead:
	 * an entry may be as old as the previous dump call. 1: more, 0: that was the last, or
	 * -errno (the engine starts over). */
	int (*dump)(void *ctx, bool start);
	/* How many entries the kernel's table has, about. */
	uint32_t (*count)(void *ctx);
	/* How many it may have, as of the last count(); 0, or no such function: not known. */
	uint32_t (*limit)(void *ctx);
	/* The flow as it is in the kernel now. 0, -ENOENT or another -errno. */
	int (*get)(void *ctx, const struct flow *key, struct flow *out);
	/* Expectations, at once; the master's changes have been committed before. put: what has its
	 * identity goes. del and timeout are given an identity only, or all of it. 0 or -errno;
	 * -ENOENT: put: its master is not there. */
	int (*expect_put)(void *ctx, const struct expect *x, uint32_t timeout_s);
	int (*expect_del)(void *ctx, const struct expect *x);
	int (*expect_timeout)(void *ctx, const struct expect *x, uint32_t timeout_s);
	/* All of them, as they are now, through engine_on_expect(), which may call what is above.
	 * 0, or -errno and none was told. */
	int (*expects)(void *ctx);
	/* Replica: neighbours of the source, in place of what the page had before; p NULL: of no
	 * page, what an engine before this one was told is void. Optional. false: no memory. */
	bool (*neighbours)(void *ctx, unsigned page, const struct neigh_page *p);
	void (*random)(void *ctx, void *buf, size_t len);
	/* engine_status() changed in a way people care about (phase, followed source, alarms,
	 * peers). */
	void (*on_status)(void *ctx);
	/* Answer to engine_drain(): every healthy replica has applied all, or the time was up. */
	void (*on_drained)(void *ctx, bool acknowledged);
	/* All below may be NULL. The engine waits for engine_on_drained(): it is to be called also
	 * when the kernel's queue is empty already. */
	void (*read_events)(void *ctx);
	/* A part of the answer to engine_verify(), from within engine_run() or a change of role.
	 * NULL: nobody asks. */
	void (*on_verified)(void *ctx, const struct verify_page *p);
	/* We are the source, and a believed peer asks whether we are
	 * well: who answers for the whole of this controller calls engine_vouch(). */
	void (*on_asked)(void *ctx, uint32_t peer, uint64_t question);
	/* We are the source, and a believed replica that has all we have asks us to hand over to
	 * it; may be NULL, as the next, which is of a replica: the source that it follows is about
	 * to leave, told again with each of its STATUS. */
	void (*on_handover)(void *ctx, const char *name);
	void (*on_leaving)(void *ctx, const struct engine_leaving *l);
	/* May be NULL: a believed peer says which VIPs it has chosen, again and again. */
	void (*on_reserve)(void *ctx, uint32_t peer, const char *name,
			   const struct reserve_word *word);
	/* The source of the highest stream answers our engine_ask(). */
	void (*on_vouched)(void *ctx, const char *name, uint32_t term, uint64_t question);
	/* May be NULL. Replica: heartbeats of the source are missing, or no longer. We have been
	 * awake for that long without a pause. */
	void (*on_beats)(void *ctx, bool missing, uint64_t awake_ms);
};

struct engine_conf {
	char name[64];	       /* the controller's */
	uint32_t self, router; /* id_of() of both names */
	size_t mtu_body;       /* bytes of body in a full datagram */
	size_t ring_bytes;     /* bound of the retransmission ring */
	uint32_t hold_new_ms;  /* a new flow is told when it is that old, or changes; 0: at once */
	size_t reorder_bytes;  /* bound of what waits for a gap to close */
	uint32_t
		heartbeat_ms; /* status message interval; a peer is lost after 5 of them + 500 ms */
	uint32_t quiet_ms;    /* that interval while nothing changes, if it is longer; see
			       * engine_quiet.c. 0: the same */
	/* of this process (sync/pulse.h): who is heard there need not say STATUS as often.
	 * Borrowed, for as long as the engine is there. NULL: there is none */
	const struct pulse *pulse;
	uint32_t pin_s;	   /* timeout of flows on a replica */
	uint32_t audit_ms; /* a source has replicas compare their tables so often; 0: never */
	struct flow_timeouts timeouts;
	struct flow_locals locals; /* also the first wire references */
	struct engine_beats beats;
	const struct flow_filter *filter; /* as source; borrowed for the call; NULL: everything */
};
void engine_conf_defaults(struct engine_conf *c);

/* 0 or -ENOMEM, -EINVAL. ops, ctx and counters are borrowed and outlive the engine. Starts as a
 * replica. */
must_check int engine_new(struct engine **out, const struct engine_conf *conf,
			  const struct engine_ops *ops, void *ctx, struct sync_counters *counters,
			  uint64_t now);
void engine_free(struct engine *e); /* NULL is allowed */
#define ENGINE_QUIET_MAX_MS 20000
void engine_set_quiet(struct engine *e, uint32_t quiet_ms);
/* Somebody's pulse is there (again): if a peer is lost that it may be of, what was said meanwhile
 * may have been lost, so STATUS is said often for a while, and asked for. */
void engine_pulsed(struct engine *e, uint64_t now);
/* The controller with this id has said its name, whenever that was. */
bool engine_has_peer(const struct engine *e, uint32_t id);

/* Becomes the source: applies and commits what it has in order, opens a stream with a term above
 * every term it has heard of and above min_term. The caller is already subscribed to kernel events,
 * and sets VIPs only afterwards. Returns the term. */
uint32_t engine_promote(struct engine *e, uint32_t min_term, uint64_t now);
/* Becomes a replica, which needs repair. */
void engine_demote(struct engine *e, uint64_t now);
/* Another filter. A source opens a new stream, so its replicas are READY again when they hold what
 * the new one lets through, and nothing else. */
void engine_set_filter(struct engine *e, const struct flow_filter *filter, uint64_t now);
void engine_set_beats(struct engine *e, const struct engine_beats *beats, uint64_t now);
/* Before a planned demotion: flush, ask for acknowledgement, answer through on_drained within
 * wait_ms. */
void engine_drain(struct engine *e, uint32_t wait_ms, uint64_t now);

/* Is the source well? Whoever is it answers through on_vouched, with the same number. */
void engine_ask(struct engine *e, uint64_t question, uint64_t now);
/* The answer to on_asked; nothing is sent by who is no source (any more). */
void engine_vouch(struct engine *e, uint32_t peer, uint64_t question, uint64_t now);
/* Compares the tables of source and replicas now: a source all replicas with itself, a replica
 * itself with its source. Answered through on_verified, always, within ENGINE_VERIFY_MAX_MS. What
 * is found is repaired afterwards. One request at a time, another one waits. */
#define ENGINE_VERIFY_MAX_MS 30000
void engine_verify(struct engine *e, uint32_t request, uint64_t now);
/* Told to everybody in STATUS. */
void engine_hears(struct engine *e, enum engine_hearing hearing, uint64_t now);
/* Source: a page of neighbours (vrouter/neigh.h) as it is now. What is told while a replica is kept
 * until it is a source. clear: all pages are empty. move: to an engine that takes the place of
 * another. */
void engine_set_neighbours(struct engine *e, unsigned page, const struct neigh_page *p);
void engine_clear_neighbours(struct engine *e);
void engine_move_neighbours(struct engine *to, struct engine *from);

/* Told to everybody, again and again, in any role. */
void engine_set_reserve(struct engine *e, const struct reserve_word *word, uint64_t now);

/* Asks the source to hand over to us; perhaps it will. Nothing is asked by who is not READY. */
void engine_ask_handover(struct engine *e, uint64_t now);
/* Source: it is about to leave; told until it is promoted the next time. trail_ms 0: it is not. */
void engine_set_leaving(struct engine *e, const struct engine_leaving *l, uint64_t now);
/* A replica's addresses are about to come, by plan, and its source still forwards: it goes on
 * following the stream, in which whatever its own kernel knows better is left out, until it is
 * promoted. false: it cannot, and is to be promoted at once. */
must_check bool engine_trail(struct engine *e, uint64_t now);
/* The source has ended its stream, or the replica needs a repair: promote it now. */
must_check bool engine_trail_ended(const struct engine *e);
/* It will not be promoted. */
void engine_trail_stop(struct engine *e);

/* Capture, while source. on_drained: the kernel's queue is empty, so what is gathered leaves now.
 */
void engine_on_change(struct engine *e, const struct flow *f, enum flow_change change,
		      uint64_t now);
void engine_on_expect_change(struct engine *e, const struct expect *x, enum flow_change change,
			     uint64_t now);
void engine_on_drained(struct engine *e, uint64_t now);
void engine_on_overrun(struct engine *e, uint64_t now); /* events were lost: everybody repairs */
/* Capture, while not source: the kernel ended a flow by itself; NULL: many, and events were lost.
 * What the source has is missing then. */
void engine_on_gone(struct engine *e, const struct flow *f, uint64_t now);
/* From within ops.dump. */
void engine_on_dump(struct engine *e, const struct flow *f);
/* From within ops.expects. */
void engine_on_expect(struct engine *e, const struct expect *x);
/* From within put, del or commit: err is -errno of the kernel (-ENOMEM, -ENOSPC, -ENFILE: its table
 * is full). f as it was given: a put has FLOW_HAS_REPLY, del and set_timeout have not. Counts it
 * (apply_missing, apply_table_full, apply_errors); what succeeded is counted by the caller. */
void engine_on_apply_failed(struct engine *e, const struct flow *f, int err);

/* An authentic datagram (unsealed, or security = "none"). */
void engine_on_datagram(struct engine *e, const struct dgram_hdr *h, const uint8_t *body,
			size_t len, uint64_t now);

/* For so long, beyond what was known, this process was kept from running: it heard nobody
 * meanwhile, and that is no silence of others. */
void engine_slept(struct engine *e, uint64_t ms);
/* Timers and one step of bulk work; commits what datagrams brought, and then acknowledges it.
 * Returns when it wants to be called again: now for "at once, after the sockets", else a later
 * time. Call it after every batch of input, too. */
uint64_t engine_run(struct engine *e, uint64_t now);

enum engine_phase {
	ENGINE_ALONE,	/* replica: no source is heard */
	ENGINE_SYNCING, /* replica: follows, repair not complete */
	ENGINE_READY,	/* replica: holds all the source has */
	ENGINE_SOURCE,
	ENGINE_UNSAID, /* of a peer: its protocol does not say */
};
const char *engine_phase_name(enum engine_phase p);

enum { /* alarms */
       ENGINE_ALARM_TABLE_FULL =
	       1 << 0, /* inserts failed for lack of room; cleared by a complete repair */
       ENGINE_ALARM_ID_CLASH = 1 << 1, /* another controller has our name or id */
       ENGINE_ALARM_OVERRUN =
	       1 << 2, /* kernel events were lost; cleared when replicas are repaired */
       ENGINE_ALARM_TWO_SOURCES = 1 << 3, /* another live source for this router */
       /* a replica may hold fewer flows than the source has; at both */
       ENGINE_ALARM_TABLE_SMALL = 1 << 4,
       ENGINE_ALARM_BEHIND = 1 << 5, /* a replica lags by seconds; at both */
       ENGINE_ALARM_CLASH = 1 << 6,  /* own entries had to make room for the source's, lately */
       ENGINE_ALARM_SEND = 1 << 7,   /* datagrams could not be sent, lately */
};

/* A repair that a replica went through. */
struct repair_cost {
	uint8_t why; /* 0: there was none */
	uint64_t ago_ms, took_ms;
	uint64_t listed, deleted; /* flows */
	uint64_t bytes;		  /* of the repair alone, received and sent */
};

struct engine_status {
	enum engine_phase phase;
	uint32_t alarms;
	uint32_t term;	     /* of the stream we send or follow; 0: none yet */
	uint32_t known_term; /* highest heard of */
	uint32_t source;     /* sender id, 0: none */
	char source_name[64];
	uint64_t seq;		/* last sent or last applied */
	uint8_t repair_percent; /* replica: 100 when ready */
	uint64_t lag_ms; /* replica: age of the oldest change known of and not applied; 0: none */
	struct repair_cost repair; /* our last one as replica */
	enum engine_heartbeats beats;
};
void engine_status(const struct engine *e, struct engine_status *out);

const char *engine_repair_why(uint8_t why);

#define ENGINE_PEERS_MAX    15
#define ENGINE_CAUGHT_UP_MS 500 /* a replica that lagged behind by more does no longer */
struct engine_peer {
	uint32_t id;
	char name[64];
	enum engine_phase phase;
	uint32_t term;	 /* of the stream it sends or follows */
	uint64_t acked;	 /* last number it applied (of our stream), or sent when it is a source */
	uint64_t behind; /* datagrams, when it follows us */
	uint64_t heard_ms_ago;
	bool lost;
	bool follows;	 /* our stream, and has done so for some heartbeats */
	uint8_t percent; /* of its table, while it is being repaired */
	bool detailed;	 /* the following are known: older versions do not tell them */
	uint32_t flows, flows_max;
	uint64_t lag_ms;
	struct repair_cost repair; /* its last */
	enum engine_hearing hearing;
};
unsigned engine_peers(const struct engine *e, struct engine_peer out[static ENGINE_PEERS_MAX],
		      uint64_t now);

/* A sender whose datagrams the shell refused before they came here. */
#define REFUSED_MAX	 4
#define REFUSED_SHOWN_MS 5000
enum refused_why {
	REFUSED_KEY_UNKNOWN = 1, /* sealed with a key that is not in the key file */
	REFUSED_KEY_WRONG,	 /* a key with that id is there, but it does not unseal */
	REFUSED_CLEAR,		 /* not sealed, and we seal */
	REFUSED_SEALED,		 /* sealed, and we do not */
};
struct refused_entry {
	enum refused_why why; /* 0: free */
	uint32_t sender;      /* as its header says, so anybody can have said it */
	uint8_t key_id;
	uint64_t heard_at; /* monotonic ms; in a report: ms ago */
};

#endif
