/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program of others prints, cut into lines for the log: bounded in length and number,
 * without control characters. Pure. */
#ifndef DAEMON_LINES_H
#define DAEMON_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINES_LEN 256

/* line NULL: the budget is used up, what follows is left out. Said once. */
typedef void lines_fn(void *ctx, const char *line);

struct lines {
	unsigned n, max; /* said so far, of the budget; n may be set back to 0 */
	size_t len;	 /* of the line under way */
	bool empty;	 /* lines without anything are told, too; else they are none */
	char text[LINES_LEN];
};

void lines_take(struct lines *l, const char *buf, size_t n, lines_fn *fn, void *ctx);
/* The line under way is over. */
void lines_end(struct lines *l, lines_fn *fn, void *ctx);

#endif
