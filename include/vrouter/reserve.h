/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VIPs that are chosen (vip = "auto"): how the controllers of a router agree on them. Each says
 * over replication how far it is; who finds others that hold a set takes that; who finds none, and
 * is the first of those who look, searches for free addresses. Pure: (state, what happened, now) ->
 * what to do. Times are ms of a monotonic clock. docs/architecture.md says why it is like this. */
#ifndef VROUTER_RESERVE_H
#define VROUTER_RESERVE_H

#include "vrouter/addr.h"

#define RESERVE_MAX	  16 /* VIPs of a router */
#define RESERVE_PEERS_MAX 15
#define RESERVE_NAME_MAX  64

/* One for each range, in the order of the configuration. */
struct reserve_set {
	unsigned n; /* 0: none */
	struct ip_addr addr[RESERVE_MAX];
};
bool reserve_set_equal(const struct reserve_set *a, const struct reserve_set *b);

enum reserve_stage {
	RESERVE_LOOKING = 1, /* has none, and listens */
	RESERVE_CHOOSING,    /* searches */
	RESERVE_KEPT,	     /* has some of before its start, and listens */
	RESERVE_HELD,	     /* these are its VIPs now */
};

/* What a controller says of itself. LOOKING and CHOOSING go without a set, the others have one. */
struct reserve_word {
	uint8_t stage; /* 0: nothing */
	struct reserve_set set;
};

/* ---- agreeing ---- */

/* Whoever lives is heard within that time: two words in a row may be lost. Two that do not know of
 * each other are apart by less, so who waits for two such times before it holds something hears
 * what the other one holds. */
#define RESERVE_SILENCE_MS     600
#define RESERVE_WORD_MS	       200   /* between two words, until VIPs are held */
#define RESERVE_LISTEN_MS      2000  /* before a set is chosen */
#define RESERVE_LISTEN_KEPT_MS 1500  /* before one of earlier is used again */
#define RESERVE_PATIENCE_MS    3000  /* the same, when there is no link to listen on */
#define RESERVE_RETRY_MS       10000 /* after a search that found nothing */

struct reserve_peer {
	uint32_t id;
	char name[RESERVE_NAME_MAX];
	bool lives;
	bool fits; /* its set is of our ranges */
	struct reserve_word word;
};

struct reserve {
	uint32_t self;		  /* id; the lowest one chooses */
	bool alone;		  /* nobody to agree with: no replication */
	struct reserve_word word; /* ours; HELD is final */
	uint64_t since_ms;
	uint64_t until_ms; /* listens until then; 0: has not begun to */
	struct reserve_peer peer[RESERVE_PEERS_MAX];
	unsigned n_peers;
};

enum reserve_do {
	RESERVE_WAIT,
	RESERVE_SEARCH, /* begin a search */
	RESERVE_STOP,	/* another one searches: end it */
	RESERVE_AGREED, /* word.set are the VIPs */
};

/* kept: of before the start; in_use: and they are there, with flows. */
void reserve_init(struct reserve *s, uint32_t self, bool alone, const struct reserve_set *kept,
		  bool in_use, uint64_t now);
/* A peer's word: name is its name, fits whether its set is of our ranges. */
void reserve_hear(struct reserve *s, uint32_t id, const char *name, const struct reserve_word *w,
		  bool fits);
/* Of those that were heard only these live; what the others said counts again when they do. */
void reserve_living(struct reserve *s, const uint32_t *id, unsigned n);
/* linked: a replication link works. Also when something was heard, and every 100 ms or so. */
enum reserve_do reserve_step(struct reserve *s, bool linked, uint64_t now);
/* The search has ended; found NULL: without a result. */
enum reserve_do reserve_found(struct reserve *s, const struct reserve_set *found, uint64_t now);
/* The ranges are others, or have been given up: from the beginning. */
void reserve_again(struct reserve *s, uint64_t now);
/* Who holds another set while we hold ours, or who holds one that is not of our ranges; NULL. */
const struct reserve_peer *reserve_other(const struct reserve *s);
/* Whom we wait for, or NULL. */
const struct reserve_peer *reserve_awaited(const struct reserve *s);

/* ---- searching ---- */

/* RFC 5227 2.1.1 asks so often, and allows other times than its seconds, which are those of
 * networks of its day; RFC 4862 5.4 asks once. */
#define RESERVE_PROBES	 3
#define RESERVE_PROBE_MS 250 /* between two; after the last one it waits twice as long */

struct reserve_range {
	struct ip_addr first;
	uint32_t count; /* 1 .. 65536 */
};

struct reserve_slot {
	struct reserve_range range;
	uint32_t start, tried; /* candidates: first + (start + n) % count */
	struct ip_addr addr;   /* the present one; family 0: none is left */
	unsigned asked;
	uint64_t due_ms;
};

struct reserve_search {
	unsigned n; /* 0: none is under way */
	struct reserve_slot slot[RESERVE_MAX];
	/* Addresses that are somebody's by what we know ourselves. */
	bool (*taken)(void *ctx, const struct ip_addr *a);
	void *ctx;
};

enum reserve_search_do {
	RESERVE_SEARCH_WAIT,  /* until *at */
	RESERVE_SEARCH_ASK,   /* ask for slot *at; then reserve_asked() */
	RESERVE_SEARCH_FOUND, /* all slots' addresses are free */
	RESERVE_SEARCH_NONE,  /* of slot *at none is */
};

/* name: the router's; where in a range it begins depends on that, so routers that share a range
 * seldom meet, and one that searches again finds the same. taken and ctx are borrowed. */
void reserve_search_begin(struct reserve_search *s, const char *name,
			  const struct reserve_range *range, unsigned n,
			  bool (*taken)(void *ctx, const struct ip_addr *a), void *ctx,
			  uint64_t now);
enum reserve_search_do reserve_search_step(struct reserve_search *s, uint64_t now, uint64_t *at);
/* ok: it was sent; else it is tried again. */
void reserve_asked(struct reserve_search *s, unsigned slot, bool ok, uint64_t now);
/* Somebody has, or wants, the slot's address: the next one. */
void reserve_answered(struct reserve_search *s, unsigned slot, uint64_t now);
void reserve_search_result(const struct reserve_search *s, struct reserve_set *out);

/* ---- in a file ---- */

#define RESERVE_TEXT_MAX 1024

/* An address a line. Its length. */
size_t reserve_format(const struct reserve_set *set, char buf[static RESERVE_TEXT_MAX]);
/* false: it is none of ours. len bytes at text, no NUL needed. */
must_check bool reserve_parse(struct reserve_set *out, const char *text, size_t len);

#endif
