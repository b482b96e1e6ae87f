/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "ka_text.h"
#include "model.h"

int import_new(struct import **out, const struct import_opts *opts, import_include *include,
	       void *ctx)
{
	struct import *im = calloc(1, sizeof(*im));

	if (!im)
		return -ENOMEM;
	im->opts = *opts;
	im->include = include;
	im->ctx = ctx;
	*out = im;
	return 0;
}

void import_free(struct import *im)
{
	if (!im)
		return;
	arena_free(&im->arena);
	free(im);
}

/* ---- the report ------------------------------------------------------------------------------ */

static void say(struct import *im, enum import_verdict v, const char *file, int line,
		const char *fmt, va_list ap) printf_like(5, 0);
static void say(struct import *im, enum import_verdict v, const char *file, int line,
		const char *fmt, va_list ap)
{
	char text[600];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	/* what comes from a file may be anything, and goes to terminals and into comments */
	for (char *p = text; n > 0 && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	im->count[v]++;
	if (im->n_lines == IMPORT_LINES_MAX) {
		im->more++;
		return;
	}

	const char *kept = n < 0 ? NULL : arena_copy(&im->arena, text, strlen(text));

	im->line[im->n_lines++] = (struct import_line){
		.verdict = v, .file = file, .line = line, .text = kept ? kept : "out of memory"};
}

void import_say(struct import *im, enum import_verdict v, const struct stmt *s, const char *fmt,
		...)
{
	va_list ap;

	va_start(ap, fmt);
	say(im, v, s ? s->file : NULL, s ? s->line : 0, fmt, ap);
	va_end(ap);
}

void import_error(struct import *im, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(im, IMPORT_ERROR, file, line, fmt, ap);
	va_end(ap);
}

const struct import_line *import_report(const struct import *im, unsigned *n, unsigned *more)
{
	*n = im->n_lines;
	*more = im->more;
	return im->line;
}

unsigned import_count(const struct import *im, enum import_verdict verdict)
{
	return im->count[verdict];
}

const char *import_verdict_name(enum import_verdict verdict)
{
	static const char *const name[] = {[IMPORT_USED] = "used",
					   [IMPORT_NOTHING] = "does not apply",
					   [IMPORT_MISSING] = "no equal here",
					   [IMPORT_CHOSEN] = "chosen",
					   [IMPORT_ERROR] = "error"};

	return name[verdict];
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void unknown(struct import *im, const struct rules *rules, const struct stmt *s)
{
	struct txt names = {0};

	rules_names(rules, &names);
	import_say(im, IMPORT_ERROR, s, "%.80s: is unknown in %s; allowed: %.440s", s->word[0],
		   rules->where, names.p ? names.p : "");
	txt_free(&names);
}

static void walk_one(struct import *im, const struct rules *rules, const struct stmt *s,
		     import_take *take)
{
	const struct rule *r = rules_find(rules, s->word[0]);
	const char *wrong = r ? rule_check(r, s) : NULL;

	if (!r) {
		unknown(im, rules, s);
	} else if (wrong && (r->min || r->max)) {
		import_say(im, IMPORT_ERROR, s, "%.80s: %s; allowed: %u to %u", s->word[0], wrong,
			   r->min, r->max);
	} else if (wrong) {
		import_say(im, IMPORT_ERROR, s, "%.80s: %s", s->word[0], wrong);
	} else if (r->verdict != IMPORT_USED) {
		import_say(im, r->verdict, s, "%.80s: %s", s->word[0], r->why);
	} else if (!r->id || take(im, r->id, s)) {
		if (r->why)
			import_say(im, IMPORT_USED, s, "%.80s: %s", s->word[0], r->why);
		if (r->inner && s->block)
			import_walk(im, r->inner, s->inner, take);
	}
}

void import_walk(struct import *im, const struct rules *rules, const struct stmt *list,
		 import_take *take)
{
	for (const struct stmt *s = list; s; s = s->next)
		walk_one(im, rules, s, take);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* conntrackd's files begin with one of its four sections. */
static bool is_conntrackd(const char *text, size_t len)
{
	size_t i = 0, n = 0;

	while (i < len && (text[i] == '#' || strchr(" \t\r\n", text[i]))) {
		if (text[i] == '#')
			while (i < len && text[i] != '\n')
				i++;
		else
			i++;
	}
	while (i + n < len && text[i + n] >= 'A' && text[i + n] <= 'z')
		n++;
	for (unsigned k = 0; k < ctd_rules.n; k++)
		if (n == strlen(ctd_rules.rule[k].name) &&
		    memcmp(text + i, ctd_rules.rule[k].name, n) == 0)
			return true;
	return false;
}

void import_text(struct import *im, const char *name, const char *text, size_t len)
{
	const char *file = arena_copy(&im->arena, name, strlen(name));
	const char *nul = memchr(text, '\0', len);

	if (!file || im->n_files == IM_FILES) {
		import_error(im, NULL, 0, "%.200s: more than %u files, or no memory", name,
			     IM_FILES);
		return;
	}
	im->n_files++;
	if (len > TXT_MAX)
		import_error(im, file, 0, "is longer than %u bytes", TXT_MAX);
	else if (nul)
		import_error(im, file, 0, "has a NUL byte; this is no configuration");
	else if (!im->depth && is_conntrackd(text, len))
		ctd_read(im, file, text, len);
	else
		ka_read(im, file, text, len);
}
