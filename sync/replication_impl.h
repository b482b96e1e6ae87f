/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a router's replication, shared by replication.c and replication_ops.c (what its
 * engine needs from outside) only. */
#ifndef VROUTER_REPLICATION_IMPL_H
#define VROUTER_REPLICATION_IMPL_H

#include <stddef.h>

#include "protocol.h"
#include "refused.h"
#include "replication.h"
#include "vrouter/conntrack.h"

struct verified; /* a part of the answer to a VERIFY */

/* What the core is still to be told. */
struct news {
	bool promoted, drained, answer, status;
	struct sync_msg_role promoted_with, drained_with;
	bool vouched;
	struct sync_msg_path vouched_with;
	unsigned n_asked;
	bool beats, beats_missing;
	uint64_t beats_awake_ms;
	bool wanted, leaving;
	struct sync_msg_path wanted_with;
	struct engine_leaving leaving_with;
	bool reserved;				   /* see replication.reserved */
	bool neigh_clear;			   /* before the pages */
	unsigned neigh_n;			   /* pages */
	struct verified *verified, **verified_end; /* a list; owned */
	struct neigh_page **neigh;		   /* NEIGH_PAGES_MAX, owned; NULL: nothing new */
	/* hardly ever used, and not there before */
	struct sync_msg_path asked[ENGINE_PEERS_MAX];
};

/* What a peer said of chosen VIPs. */
struct reserved {
	uint32_t peer; /* 0: free */
	bool told;
	char name[RESERVE_NAME_MAX];
	struct reserve_word word;
};

struct replication {
	struct shared *shared;
	struct sync_msg_router conf;
	uint32_t id;
	struct protocol proto;
	struct capture *capture;
	struct table *table;
	struct apply *apply;
	struct expects *expects;
	int fd[SYNC_FDS];
	bool source;
	bool watches;	      /* not a source: what the kernel ends, see engine_on_gone() */
	uint64_t trail_until; /* a source soon, see engine_trail(); 0: no */
	uint32_t trail_term;  /* at least */
	size_t room;	      /* in a datagram, that the engine was made for */
	struct sync_counters counters;
	struct event *on_capture, *on_time, *on_bulk;
	struct seal_keys keys;
	struct refused refused;
	uint32_t flows_max;	     /* as of the last count */
	struct reserve_word reserve; /* ours */
	struct reserved *reserved;   /* ENGINE_PEERS_MAX; NULL: nobody said anything */
	enum engine_phase told_phase;
	uint64_t told_ms;  /* when the last status was taken */
	uint64_t armed_ms; /* when on_time is due */
	struct news news;  /* large, and last */
};

#define REPLICATION_PAGE 4096
_Static_assert(offsetof(struct replication, news.asked) <= REPLICATION_PAGE,
	       "what each of a thousand routers uses is one page of it");

extern const struct engine_ops replication_engine_ops; /* ctx is the struct replication */
extern const struct ctd_ops replication_ctd_ops;       /* the same */

/* replication_make.c: an engine for the protocol that is configured; and bytes of body in a
 * datagram on these links, the timeout of flows while this is a replica. make: 0 or -errno. */
must_check int replication_make(struct replication *r, const struct sync_msg_router *conf,
				struct protocol *out);
size_t replication_room(const struct replication *r);
uint32_t replication_pin_s(const struct replication *r);

/* replication_neigh.c: pages of neighbours that wait for the core. put: false: no memory. */
must_check bool replication_neigh_put(void *ctx, unsigned page, const struct neigh_page *p);
must_check bool replication_neigh_take(struct replication *r, struct sync_msg *out);
void replication_neigh_untake(struct replication *r, const struct sync_msg *m);
void replication_neigh_drop(struct replication *r);

/* replication_reserve.c */
void replication_reserve_on(void *ctx, uint32_t peer, const char *name,
			    const struct reserve_word *word);
must_check bool replication_reserve_take(struct replication *r, struct sync_msg *out);
void replication_reserve_untake(struct replication *r, const struct sync_msg *m);

/* replication_beat.c */
void replication_beats_set(struct replication *r, const struct engine_beats *beats);
void replication_beats_on(void *ctx, bool missing, uint64_t awake_ms);
must_check bool replication_beats_take(struct replication *r, struct sync_msg *out);

/* replication_verify.c: parts of an answer that wait for the core. */
void replication_verify_put(void *ctx, const struct verify_page *p);
void replication_verify_read_events(void *ctx);
must_check bool replication_verify_take(struct replication *r, struct sync_msg *out);
void replication_verify_untake(struct replication *r, const struct sync_msg *m);
void replication_verify_drop(struct replication *r);

/* There is something to tell the core. */
void replication_news(struct replication *r);

#endif
