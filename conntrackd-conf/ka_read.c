/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived.conf: lines, includes and blocks. A statement is a line; it ends at a brace, too. */
#include <errno.h>
#include <string.h>

#include "ka_take.h"
#include "ka_text.h"

#define LINES_MAX  65536u
#define EXPAND_MAX 16

struct ka_level {
	struct stmt *head, **tail, *last;
	int opened;
	const char *file;
};

/* Blocks go on across includes, so all files fill one of these. */
struct ka_tree {
	struct import *im;
	struct ka_level level[IM_DEPTH + 1];
	unsigned depth, lines, expanded;
	bool bad;
};

struct ka_file {
	struct ka_tree *t;
	const char *name;
	int line;
	/* a definition that goes on in the next line */
	const char *define;
	size_t define_len;
	struct txt value;
};

static void fail(struct ka_file *f, const char *what)
{
	if (!f->t->bad)
		import_error(f->t->im, f->name, f->line, "%s", what);
	f->t->bad = true;
}

/* ---- statements ------------------------------------------------------------------------------ */

static void open_block(struct ka_file *f)
{
	struct ka_tree *t = f->t;
	struct ka_level *l = &t->level[t->depth];

	if (!l->last || l->last->block) {
		fail(f, "a brace without a statement before it");
	} else if (t->depth == IM_DEPTH) {
		fail(f, "braces are nested too deeply");
	} else {
		l->last->block = true;
		t->depth++;
		t->level[t->depth] = (struct ka_level){.opened = f->line, .file = f->name};
		t->level[t->depth].tail = &t->level[t->depth].head;
	}
}

static void close_block(struct ka_file *f)
{
	struct ka_tree *t = f->t;

	if (!t->depth) {
		fail(f, "a brace closes what was not opened");
		return;
	}
	t->depth--;
	t->level[t->depth].last->inner = t->level[t->depth + 1].head;
}

static void add_stmt(struct ka_file *f, char **word, unsigned n)
{
	struct ka_level *l = &f->t->level[f->t->depth];

	if (!n)
		return;
	l->last = stmt_add(&f->t->im->arena, &l->tail, f->name, f->line, word, n);
	if (!l->last)
		fail(f, "out of memory");
}

static void take_words(struct ka_file *f, const char *line)
{
	char *word[STMT_WORDS_MAX];
	bool quoted[STMT_WORDS_MAX];
	const char *why;
	int n = ka_words(f->t->im, line, word, quoted, &why), from = 0;

	if (n < 0)
		fail(f, why);
	for (int i = 0; i < n && !f->t->bad; i++) {
		bool brace = !quoted[i] && strchr("{}", *word[i]) && *word[i] && !word[i][1];

		if (!brace)
			continue;
		add_stmt(f, word + from, (unsigned)(i - from));
		if (!f->t->bad && *word[i] == '{')
			open_block(f);
		else if (!f->t->bad)
			close_block(f);
		from = i + 1;
	}
	if (n > from && !f->t->bad)
		add_stmt(f, word + from, (unsigned)(n - from));
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void take_line(struct ka_file *f, const char *line);

static void read_lines(struct ka_file *f, const char *text, size_t len, bool count);

/* "include", "includea" and so on: true when the line is one. */
static bool take_include(struct ka_file *f, const char *line)
{
	static const char *const form[] = {"include",  "includer", "includem",
					   "includew", "includeb", "includea"};
	struct import *im = f->t->im;
	size_t n = strcspn(line, " \t"), skip = n + strspn(line + n, " \t");
	unsigned k = 0;
	int got;

	while (k < ARRAY_LEN(form) && (strlen(form[k]) != n || memcmp(form[k], line, n) != 0))
		k++;
	if (k == ARRAY_LEN(form))
		return false;

	char *pattern = arena_copy(&im->arena, line + skip, strcspn(line + skip, " \t\r"));

	if (!pattern || !*pattern || im->depth == IM_DEPTH) {
		fail(f, "include: needs a file; at most 8 of them inside each other");
		return true;
	}
	im->depth++;
	got = im->include ? im->include(im->ctx, im, pattern, f->name) : -ENOENT;
	im->depth--;
	if ((got < 0 && k) || (got == 0 && k > 1)) /* includer: it may match nothing */
		import_error(im, f->name, f->line, "%.100s: cannot be read", pattern);
	else
		import_say(im, got > 0 ? IMPORT_USED : IMPORT_NOTHING,
			   &(struct stmt){.file = f->name, .line = f->line},
			   got > 0 ? "include %.200s: read"
				   : "include %.200s: there is no such file",
			   pattern);
	return true;
}

/* Of one line, or with a backslash at its end of several. */
static void start_definition(struct ka_file *f, const char *line, size_t name)
{
	const char *value = line + name + 2;
	size_t len = strlen(value), end = len;

	while (end && strchr(" \t\r", value[end - 1]))
		end--;

	char *copy = arena_copy(&f->t->im->arena, value, end);

	if (!copy) {
		fail(f, "out of memory");
	} else if (end && copy[end - 1] == '\\') {
		f->define = line + 1;
		f->define_len = name;
	} else if (ka_define(f->t->im, line + 1, name, copy) < 0) {
		fail(f, "too many variables");
	}
}

static void more_definition(struct ka_file *f, const char *line)
{
	size_t end = strlen(line);
	bool goes_on;

	while (end && strchr(" \t\r", line[end - 1]))
		end--;
	goes_on = end && line[end - 1] == '\\';
	txt_put(&f->value, line, goes_on ? end - 1 : end);
	txt_put(&f->value, "\n", 1);
	if (goes_on)
		return;
	if (f->value.failed || ka_define(f->t->im, f->define, f->define_len, f->value.p) < 0)
		fail(f, "too many variables, or too long ones");
	txt_free(&f->value);
	f->define = NULL;
}

static void take_replaced(struct ka_file *f, const char *line)
{
	const char *why = NULL, *text = ka_replace(f->t->im, line, &why);

	if (!text) {
		fail(f, why);
	} else if (!strchr(text, '\n')) {
		line = ka_condition(f->t->im, text);
		if (line)
			take_words(f, line);
	} else if (f->t->expanded == EXPAND_MAX) {
		fail(f, "variables of several lines contain each other too deeply");
	} else {
		f->t->expanded++;
		read_lines(f, text, strlen(text), false);
		f->t->expanded--;
	}
}

static void take_line(struct ka_file *f, const char *line)
{
	size_t name;

	if (f->define) {
		more_definition(f, line);
		return;
	}
	line = ka_condition(f->t->im, line);
	if (!line || !*line)
		return;
	name = ka_definition(line);
	if (name)
		start_definition(f, line, name);
	else if (line[0] == '~' && (strncmp(line, "~SEQ", 4) == 0 || strncmp(line, "~LST", 4) == 0))
		fail(f, "~SEQ and ~LST are not understood; write the lines out");
	else if (!take_include(f, line))
		take_replaced(f, line);
}

static void read_lines(struct ka_file *f, const char *text, size_t len, bool count)
{
	for (const char *p = text, *end = text + len; p < end && !f->t->bad;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		char *line = arena_copy(&f->t->im->arena, p, n);

		f->line += count;
		p += n + 1;
		if (!line || ++f->t->lines > LINES_MAX) {
			fail(f, "too many lines, or no memory");
			return;
		}
		ka_uncomment(line);
		n = strlen(line);
		while (n && strchr(" \t\r", line[n - 1]))
			line[--n] = '\0';
		take_line(f, line + strspn(line, " \t\r"));
	}
}

/* ---- files ----------------------------------------------------------------------------------- */

static void read_file(struct ka_tree *t, const char *name, const char *text, size_t len)
{
	struct ka_file f = {.t = t, .name = name};

	read_lines(&f, text, len, true);
	if (f.define && !t->bad)
		fail(&f, "a definition does not end before the file does");
	txt_free(&f.value);
}

void ka_read(struct import *im, const char *name, const char *text, size_t len)
{
	struct ka_tree tree = {.im = im};
	bool outer = !im->ka_tree;

	if (outer) {
		im->ka_tree = &tree;
		tree.level[0].tail = &tree.level[0].head;
	}
	if (!im->ka_text)
		im->ka_text = arena_alloc(&im->arena, sizeof(*im->ka_text));
	if (im->ka_text)
		read_file(im->ka_tree, name, text, len);
	if (!outer)
		return;
	im->ka_tree = NULL;
	if (!im->ka_text)
		import_error(im, name, 0, "out of memory");
	else if (tree.depth && !tree.bad)
		import_error(im, tree.level[tree.depth].file, tree.level[tree.depth].opened,
			     "a brace that opens here is not closed");
	else if (!tree.bad)
		import_walk(im, &ka_rules, tree.level[0].head, ka_take);
}
