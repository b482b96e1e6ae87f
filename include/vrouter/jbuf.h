/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON (RFC 8259) written straight into memory, value after value. For what a daemon of a thousand
 * routers says of all of them: a tree of objects first, which is then turned to text, costs ten
 * times as much. Pure. */
#ifndef VROUTER_JBUF_H
#define VROUTER_JBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrouter/util.h"

struct jbuf {	    /* all zero is an empty one */
	char *text; /* owned; len bytes, no NUL */
	size_t len, cap;
	bool comma;  /* before the next value */
	bool failed; /* out of memory: nothing is added any more, and what is there is no JSON */
};

void jbuf_free(struct jbuf *b);
/* What was written is taken elsewhere; what comes next continues it. */
void jbuf_empty(struct jbuf *b);
/* As it is, between values. */
void jbuf_raw(struct jbuf *b, const char *text);

/* key: NULL inside of a list and at the top. */
void jbuf_open(struct jbuf *b, const char *key, char bracket);
void jbuf_close(struct jbuf *b, char bracket);
void jbuf_null(struct jbuf *b, const char *key);
void jbuf_bool(struct jbuf *b, const char *key, bool v);
void jbuf_int(struct jbuf *b, const char *key, int64_t v);
/* What is not UTF-8 becomes U+FFFD. NULL: null. */
void jbuf_text(struct jbuf *b, const char *key, const char *v);
/* The same, and null for an empty one, too. */
void jbuf_said(struct jbuf *b, const char *key, const char *v);
/* A text of at most 511 bytes. */
void jbuf_format(struct jbuf *b, const char *key, const char *fmt, ...) printf_like(3, 4);

/* Adds JSON for people: what stands in len bytes of it, a line for each value, indented by two
 * spaces. It is not checked. */
void jbuf_indented(struct jbuf *b, const char *json, size_t len);

#endif
