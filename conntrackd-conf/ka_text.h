/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived's variables, conditions and quotes: what a line says before its words mean anything.
 * Pure. */
#ifndef CONNTRACKD_CONF_KA_TEXT_H
#define CONNTRACKD_CONF_KA_TEXT_H

#include "model.h"

struct ka_text {
	struct {
		const char *name, *value; /* a value of several lines has newlines */
	} define[IM_DEFINES];
	unsigned n;
};

/* "$NAME=..." at p: its name's length, else 0. */
size_t ka_definition(const char *p);
/* 0, or -ENOSPC. */
must_check int ka_define(struct import *im, const char *name, size_t len, const char *value);

/* The line with its variables replaced, as often as they contain others, until it is several lines:
 * each of these may define some anew. NULL: too much (*why). */
const char *ka_replace(struct import *im, const char *line, const char **why);

/* Cuts off a comment: '#' or '!', outside of quotes. */
void ka_uncomment(char *line);

/* Is the line for this controller? Takes "@id" and "@^id" off its beginning; NULL: it is not. */
const char *ka_condition(const struct import *im, const char *line);

/* Splits a line into words; braces are words of their own. How many, or -1 (*why). Quotes and
 * escapes are taken off; quoted[i]: it was in quotes, so a brace is none. */
int ka_words(struct import *im, const char *line, char *word[static STMT_WORDS_MAX],
	     bool quoted[static STMT_WORDS_MAX], const char **why);

#endif
