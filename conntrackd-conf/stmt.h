/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both readers make of a file: statements of words, with statements inside; and the tables
 * that say what each means here. All memory is the arena's, bounded, and freed with it. Pure. */
#ifndef CONNTRACKD_CONF_STMT_H
#define CONNTRACKD_CONF_STMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrouter/util.h"

#define ARENA_MAX (8u * 1024 * 1024)

struct arena {
	struct arena_chunk *head;
	size_t used;
};
/* Zeroed; NULL when there is no memory, or no more than ARENA_MAX. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_copy(struct arena *a, const char *text, size_t len);
void arena_free(struct arena *a);

/* A text that grows. What does not fit any more (TXT_MAX, no memory) sets `failed`. */
#define TXT_MAX (1024u * 1024)
struct txt {
	char *p; /* ends with a NUL, or NULL: empty */
	size_t len, cap;
	bool failed;
};
void txt_add(struct txt *t, const char *fmt, ...) printf_like(2, 3);
void txt_put(struct txt *t, const char *bytes, size_t len);
void txt_free(struct txt *t);

#define STMT_WORDS_MAX 64
struct stmt {
	const char *file;
	int line;
	unsigned n; /* at least 1 */
	char **word;
	bool block; /* has braces */
	struct stmt *inner, *next;
};
/* Appends one to the list that *tail ends; *tail moves on. NULL: no memory. */
struct stmt *stmt_add(struct arena *a, struct stmt ***tail, const char *file, int line,
		      char *const *word, unsigned n);

/* What a statement's other words have to be. */
enum arg {
	ARG_NONE,
	ARG_ANY, /* anything, also nothing */
	ARG_NUMBER,
	ARG_SIGNED,
	ARG_BOOL,
	ARG_BOOL_OR_ANY, /* a number, path or word instead */
	ARG_BOOL_OPTIONAL,
	ARG_PATH,
	ARG_IP4,
	ARG_IP6,
	ARG_NET4,
	ARG_NET6,
	ARG_WORD,
	ARG_WORDS,   /* one at least */
	ARG_SECONDS, /* with a fraction perhaps */
};

enum import_verdict {
	IMPORT_USED,
	IMPORT_NOTHING, /* does not apply here */
	IMPORT_MISSING, /* means something that vrouterd has no equal of */
	IMPORT_CHOSEN,	/* by us: the files do not say */
	IMPORT_ERROR,
	IMPORT_VERDICTS,
};

struct rules;
struct rule {
	const char *name; /* "*": every other name */
	uint8_t id;	  /* for the reader; 0: nothing is kept */
	enum arg arg;
	enum import_verdict verdict;
	const char *why; /* USED: as what; else why not */
	/* A block: what is inside. With `words` each word inside is a statement of its own. */
	const struct rules *inner;
	bool block, words; /* block: it needs braces */
	unsigned min, max; /* NUMBER and SECONDS; both 0: any */
};

struct rules {
	const char *where; /* for messages */
	const struct rule *rule;
	unsigned n;
};
/* NULL: there is no such statement. */
const struct rule *rules_find(const struct rules *r, const char *name);
/* The names that are allowed, for messages. */
void rules_names(const struct rules *r, struct txt *out);
/* NULL, or what is wrong with its words (static text). */
const char *rule_check(const struct rule *r, const struct stmt *s);

/* These are 0 or -EINVAL; *out is set on 0 only. */
must_check int word_number(const char *w, unsigned *out);
must_check int word_signed(const char *w, int *out);
must_check int word_bool(const char *w, bool *out);
/* Seconds with at most six decimals, into microseconds. */
must_check int word_seconds(const char *w, uint64_t *us);

#endif
