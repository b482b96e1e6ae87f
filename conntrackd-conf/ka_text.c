/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ka_text.h"

#include <errno.h>
#include <string.h>

#define REPLACED_MAX 65536u
#define ROUNDS_MAX   32

static bool name_char(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && c >= '0' && c <= '9');
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	while (name_char(p[n], n == 0))
		n++;
	return n;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t ka_definition(const char *p)
{
	size_t n = *p == '$' ? name_len(p + 1) : 0;

	return n && p[1 + n] == '=' ? n : 0;
}

static int find(const struct ka_text *t, const char *name, size_t len)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strlen(t->define[i].name) == len && memcmp(t->define[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

int ka_define(struct import *im, const char *name, size_t len, const char *value)
{
	struct ka_text *t = im->ka_text;
	int i = find(t, name, len);
	const char *kept = arena_copy(&im->arena, value, strlen(value));

	if (!kept || (i < 0 && t->n == IM_DEFINES))
		return -ENOSPC;
	if (i < 0) {
		i = (int)t->n;
		t->define[i].name = arena_copy(&im->arena, name, len);
		if (!t->define[i].name)
			return -ENOSPC;
		t->n++;
	}
	t->define[i].value = kept;
	return 0;
}

/* A use of a variable at p: its length there, and the variable's index; 0: it is none. */
static size_t use(const struct ka_text *t, const char *p, int *index)
{
	bool braces = p[1] == '{';
	const char *name = p + 1 + braces;
	size_t n = name_len(name);

	if (!n || (braces ? name[n] != '}' : name[n] && !blank(name[n])))
		return 0;
	*index = find(t, name, n);
	return *index < 0 ? 0 : n + 1 + 2u * braces;
}

/* One round; false: there was nothing to replace. */
static bool replace_once(const struct ka_text *t, const char *in, struct txt *out)
{
	bool any = false;

	for (const char *p = in; *p;) {
		int i;
		size_t n = *p == '$' ? use(t, p, &i) : 0;

		if (n) {
			txt_add(out, "%s", t->define[i].value);
			any = true;
			p += n;
		} else {
			txt_put(out, p++, 1);
		}
		if (out->len > REPLACED_MAX)
			out->failed = true;
		if (out->failed)
			break;
	}
	return any;
}

const char *ka_replace(struct import *im, const char *line, const char **why)
{
	const char *at = line;

	for (unsigned round = 0; strchr(at, '$') && !strchr(at, '\n'); round++) {
		struct txt out = {0};
		bool any = replace_once(im->ka_text, at, &out), failed = out.failed;

		if (any && !failed)
			at = arena_copy(&im->arena, out.p ? out.p : "", out.len);
		txt_free(&out);
		if (failed || !at || round == ROUNDS_MAX) {
			*why = "variables make too much of this line, or of themselves";
			return NULL;
		}
		if (!any)
			break;
	}
	return at;
}

void ka_uncomment(char *line)
{
	char quote = '\0';

	for (char *p = line; *p; p++) {
		if (*p == '\\' && p[1] && p[1] != '\n') {
			p++;
		} else if (quote) {
			quote = *p == quote ? '\0' : quote;
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		} else if (*p == '#' || *p == '!') {
			*p = '\0';
			break;
		}
	}
}

const char *ka_condition(const struct import *im, const char *line)
{
	const char *id = im->opts.config_id ? im->opts.config_id : "";

	while (*line == '@') {
		bool not = line[1] == '^', same;
		const char *name = line + 1 + not ;
		size_t n = strcspn(name, " \t\r\n");

		same = strlen(id) == n && memcmp(id, name, n) == 0;
		if (same == not )
			return NULL;
		line = name + n + strspn(name + n, " \t\r\n");
	}
	return line;
}

/* The character that an escape at p stands for; *n is how long it was. */
static char escape(const char *p, size_t *n)
{
	static const char from[] = "abEfnrtv", to[] = "\a\b\033\f\n\r\t\v";
	const char *at = p[1] ? strchr(from, p[1]) : NULL;

	*n = p[1] ? 2 : 1;
	if (at)
		return to[at - from];
	return p[1] ? p[1] : '\\';
}

struct word_scan {
	const char *p;
	struct txt out;
	bool quoted, bad;
};

static void quoted_part(struct word_scan *s)
{
	char quote = *s->p++;

	s->quoted = true;
	while (*s->p && *s->p != quote) {
		size_t n = 1;
		char c = *s->p == '\\' ? escape(s->p, &n) : *s->p;

		txt_put(&s->out, &c, 1);
		s->p += n;
	}
	s->bad = !*s->p;
	s->p += *s->p == quote;
}

/* A variable that nobody defined stays as it is, its braces, too. */
static void plain_part(struct word_scan *s)
{
	size_t n = 1;
	char c = *s->p == '\\' ? escape(s->p, &n) : *s->p;

	if (s->p[0] == '$' && s->p[1] == '{') {
		n = strcspn(s->p, "} \t\r\n");
		n += s->p[n] == '}';
		txt_put(&s->out, s->p, n);
	} else {
		txt_put(&s->out, &c, 1);
	}
	s->p += n;
}

static void one_word(struct word_scan *s)
{
	if (*s->p == '{' || *s->p == '}') {
		txt_put(&s->out, s->p++, 1);
		return;
	}
	while (*s->p && !s->bad && !blank(*s->p) && *s->p != '{' && *s->p != '}') {
		if (*s->p == '"' || *s->p == '\'')
			quoted_part(s);
		else
			plain_part(s);
	}
}

int ka_words(struct import *im, const char *line, char *word[static STMT_WORDS_MAX],
	     bool quoted[static STMT_WORDS_MAX], const char **why)
{
	struct word_scan s = {.p = line};
	int n = 0;

	for (; !s.bad; n++) {
		while (blank(*s.p))
			s.p++;
		if (!*s.p)
			return n;
		s.out = (struct txt){0};
		s.quoted = false;
		one_word(&s);
		if (n < STMT_WORDS_MAX) {
			quoted[n] = s.quoted;
			word[n] = s.out.failed ? NULL
					       : arena_copy(&im->arena, s.out.p ? s.out.p : "",
							    s.out.len);
		}
		s.bad |= n == STMT_WORDS_MAX || !word[n];
		txt_free(&s.out);
	}
	*why = *s.p || n >= STMT_WORDS_MAX ? "too many words in a line"
					   : "a quoted text does not end on its line";
	return -1;
}
