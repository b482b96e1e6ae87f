/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd.conf (conntrackd.conf(5) of 1.4.7) and the part of keepalived.conf (keepalived.conf(5)
 * of 2.2.7) that describes a router pair, made into a vrouterd.conf and a report that accounts for
 * every statement. Pure: other files come by a callback, nothing is asked of the system. */
#ifndef CONNTRACKD_CONF_IMPORT_H
#define CONNTRACKD_CONF_IMPORT_H

#include "stmt.h"

struct import;

struct import_opts {
	const char *controller; /* its name, where the files give none */
	const char *namespace;	/* that of the router; NULL: what the files say, or its name */
	const char *config_id;	/* keepalived's, for lines with '@' */
	bool conntrackd; /* the other controller still runs it: sync { protocol = "conntrackd" } */
};

/* `include`: calls import_text() for each file that the pattern names, beside the file `from`. How
 * many that were, or -errno. */
typedef int import_include(void *ctx, struct import *im, const char *pattern, const char *from);

struct import_line {
	enum import_verdict verdict;
	const char *file; /* NULL: CHOSEN */
	int line;
	const char *text;
};
#define IMPORT_LINES_MAX 4096

/* opts, include and ctx are borrowed. 0 or -ENOMEM. */
must_check int import_new(struct import **out, const struct import_opts *opts,
			  import_include *include, void *ctx);
void import_free(struct import *im); /* NULL is allowed */

/* Reads one file; its first word tells whose it is. Errors are in the report. To be called by
 * import_include, too. */
void import_text(struct import *im, const char *name, const char *text, size_t len);

/* The vrouterd.conf; to be called once, after all files. 0, or -EINVAL: the report has errors, or
 * no file said anything. */
must_check int import_build(struct import *im, struct txt *out);

/* The report, in the order of reading; *n of them (borrowed), *more did not fit. */
const struct import_line *import_report(const struct import *im, unsigned *n, unsigned *more);
unsigned import_count(const struct import *im, enum import_verdict verdict);
const char *import_verdict_name(enum import_verdict verdict);

#endif
