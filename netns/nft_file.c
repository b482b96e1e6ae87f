/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of the operator's own rules: which tables it defines, and that it does nothing else. nft
 * itself says later whether the rules in them are right. Pure. */
#include "vrouter/nat.h"

#include <string.h>

struct scan {
	const char *p;
	int line;
	const char *why;
};

/* nft's: a word may have these inside. */
static size_t word_len(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./\\");
}

static bool is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

static int bad(struct scan *s, const char *why)
{
	s->why = why;
	return -1;
}

/* One piece that is no word: a comment, a quoted text, or a character. */
static int skip_piece(struct scan *s)
{
	if (*s->p == '#') {
		s->p += strcspn(s->p, "\n");
		return 0;
	}
	if (*s->p == '"') {
		int opened = s->line;

		for (s->p++; *s->p && *s->p != '"'; s->p++)
			s->line += *s->p == '\n';
		if (!*s->p) {
			s->line = opened;
			return bad(s, "a quoted text that begins here does not end");
		}
	}
	s->line += *s->p == '\n';
	s->p++;
	return 0;
}

static int skip_blank(struct scan *s)
{
	while (*s->p && strchr(" \t\r\n;#", *s->p))
		if (skip_piece(s) < 0)
			return -1;
	return 0;
}

/* From a '{' to behind its '}'. */
static int skip_block(struct scan *s)
{
	int opened = s->line, depth = 0;

	do {
		size_t n = word_len(s->p);

		if (is_word(s->p, n, "include"))
			return bad(s, "\"include\" is not possible here; allowed: everything in "
				      "this one file");
		depth += *s->p == '{';
		depth -= *s->p == '}';
		s->p += n;
		if (!n && *s->p && skip_piece(s) < 0)
			return -1;
	} while (depth && *s->p);
	if (!depth)
		return 0;
	s->line = opened;
	return bad(s, "a brace that opens here is not closed");
}

/* The value of a "define": the rest of the line, and as far as its braces go. */
static int skip_define(struct scan *s)
{
	while (*s->p && *s->p != '\n' && *s->p != ';')
		if (*s->p == '{' ? skip_block(s) < 0 : skip_piece(s) < 0)
			return -1;
	return 0;
}

static const char *take_word(struct scan *s, size_t *n)
{
	const char *word;

	s->p += strspn(s->p, " \t");
	word = s->p;
	*n = word_len(word);
	s->p += *n;
	return word;
}

static bool is_family(const char *p, size_t n)
{
	static const char *const family[] = {"ip", "ip6", "inet", "arp", "bridge", "netdev"};

	for (size_t i = 0; i < ARRAY_LEN(family); i++)
		if (is_word(p, n, family[i]))
			return true;
	return false;
}

bool nft_tables_have(const struct nft_tables *t, const struct nft_table *one)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->at[i].family, one->family) == 0 &&
		    strcmp(t->at[i].name, one->name) == 0)
			return true;
	return false;
}

static int take_table(struct scan *s, struct nft_tables *out)
{
	struct nft_table t = {.family = "ip"};
	size_t n;
	const char *word = take_word(s, &n);

	if (is_family(word, n)) {
		snprintf(t.family, sizeof(t.family), "%.*s", (int)n, word);
		word = take_word(s, &n);
	}
	if (!n || n >= sizeof(t.name))
		return bad(s, "this is no name of a table; allowed: table FAMILY NAME { ... } with "
			      "a name of at most 63 characters");
	snprintf(t.name, sizeof(t.name), "%.*s", (int)n, word);
	if (strncmp(t.name, "vrouter", strlen("vrouter")) == 0)
		return bad(s, "a table whose name begins with \"vrouter\" is the daemon's; "
			      "allowed: another name");
	s->p += strspn(s->p, " \t\r");
	if (*s->p != '{')
		return bad(s, "a table without its { ... }; allowed: table FAMILY NAME { ... }");
	if (nft_tables_have(out, &t))
		return skip_block(s);
	if (out->n == ARRAY_LEN(out->at))
		return bad(s, "too many tables; allowed: at most 8");
	out->at[out->n++] = t;
	return skip_block(s);
}

static int take_statement(struct scan *s, struct nft_tables *out)
{
	size_t n;
	const char *word = take_word(s, &n);

	if (is_word(word, n, "table"))
		return take_table(s, out);
	if (is_word(word, n, "define") || is_word(word, n, "redefine") ||
	    is_word(word, n, "undefine"))
		return skip_define(s);
	return bad(s, "this is no table of its own; allowed: table FAMILY NAME { ... } and define "
		      "NAME = VALUE, nothing else");
}

int nft_file_tables(struct nft_tables *out, const char *text, const char **why)
{
	struct scan s = {.p = text, .line = 1};

	*out = (struct nft_tables){.n = 0};
	while (skip_blank(&s) == 0 && *s.p)
		if (take_statement(&s, out) < 0)
			break;
	if (!s.why && !out->n)
		s.why = "there is no table in it; allowed: table FAMILY NAME { ... }";
	if (!s.why)
		return 0;
	*why = s.why;
	return s.line;
}
