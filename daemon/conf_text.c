/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libConfuse miscounts lines after comments, silently skips characters that it does not know, and
 * takes the end of the file for every brace that is still open. So comments are blanked before it
 * sees the text, and stray characters and open braces are refused here. */
#include "conf_text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "vrouter/conf.h"

#define DEPTH_MAX 8 /* a router's leg is 2 deep, a list in it 3 */

struct scan {
	char *p, *end;
	int line;
	const char *why;
	unsigned depth;
	int opened[DEPTH_MAX]; /* line of each open brace */
};

static void blank(struct scan *s)
{
	if (*s->p == '\n')
		s->line++;
	else
		*s->p = ' ';
	s->p++;
}

static void line_comment(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		blank(s);
}

static int block_comment(struct scan *s)
{
	int opened = s->line;

	blank(s);
	blank(s);
	while (s->end - s->p >= 2) {
		if (s->p[0] == '*' && s->p[1] == '/') {
			blank(s);
			blank(s);
			return 0;
		}
		blank(s);
	}
	s->why = "a comment that opens here does not end";
	return opened;
}

static int quoted(struct scan *s)
{
	char quote = *s->p++;
	int opened = s->line;

	for (; s->p < s->end; s->p++) {
		if (*s->p == '\n' || *s->p == '\0')
			break;
		if (*s->p == '\\' && s->p + 1 < s->end && s->p[1] != '\n') {
			s->p++;
		} else if (*s->p == quote) {
			s->p++;
			return 0;
		}
	}
	s->why = "a quoted text does not end on its line";
	return opened;
}

static bool word_char(char c)
{
	return (unsigned char)c > ' ' && (unsigned char)c < 127 && !strchr("\"'#={}()+,*", c);
}

static bool at_slash(const struct scan *s, char second)
{
	return s->end - s->p >= 2 && s->p[0] == '/' && s->p[1] == second;
}

static void brace(struct scan *s)
{
	if (*s->p == '}')
		s->depth -= s->depth > 0; /* one too many is left to the parser */
	else if (s->depth == DEPTH_MAX)
		s->why = "braces are nested too deeply";
	else
		s->opened[s->depth++] = s->line;
}

/* One piece outside of comments and quotes. */
static int plain(struct scan *s)
{
	char c = *s->p;

	if (c == '\n')
		s->line++;
	else if (c == '{' || c == '}')
		brace(s);
	else if (c == '+' && (s->end - s->p < 2 || s->p[1] != '='))
		s->why = "a stray '+'";
	else if (!strchr(" \t\r={},+", c) && !word_char(c))
		s->why = "a character that has no meaning here";
	if (c == '\0')
		s->why = "a NUL byte";
	if (s->why)
		return s->line;
	if (!word_char(c)) {
		s->p++;
		return 0;
	}
	while (s->p < s->end && word_char(*s->p) && !at_slash(s, '*'))
		s->p++;
	return 0;
}

int conf_text_strip(char *text, size_t len, const char **why)
{
	struct scan s = {.p = text, .end = text + len, .line = 1};
	int bad = 0;

	while (!bad && s.p < s.end) {
		if (*s.p == '#' || at_slash(&s, '/'))
			line_comment(&s);
		else if (at_slash(&s, '*'))
			bad = block_comment(&s);
		else if (*s.p == '"' || *s.p == '\'')
			bad = quoted(&s);
		else
			bad = plain(&s);
	}
	if (!bad && s.depth) {
		s.why = "a brace that opens here is not closed";
		bad = s.opened[s.depth - 1];
	}
	if (bad)
		*why = s.why;
	return bad;
}

void conf_error(struct conf_errors *e, const char *file, int line, const char *fmt, ...)
{
	char what[1000], *text;
	va_list ap;

	if (e->n == CONF_ERRORS_MAX) {
		e->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);

	int n = line ? asprintf(&text, "%s:%d: %s", file, line, what)
		     : asprintf(&text, "%s: %s", file, what);

	if (n < 0)
		e->more++; /* no memory for its text; it still counts */
	else
		e->text[e->n++] = text;
}

void conf_errors_free(struct conf_errors *e)
{
	for (unsigned i = 0; i < e->n; i++)
		free(e->text[i]);
	*e = (struct conf_errors){0};
}
