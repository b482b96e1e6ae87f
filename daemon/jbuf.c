/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/jbuf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define FIRST_BYTES 4096

void jbuf_free(struct jbuf *b)
{
	free(b->text);
	*b = (struct jbuf){.len = 0};
}

void jbuf_empty(struct jbuf *b)
{
	b->len = 0;
}

/* Room for n more; NULL: there is none. */
static char *room(struct jbuf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_BYTES;
	char *bigger;

	while (cap - b->len < n)
		cap *= 2;
	if (cap == b->cap || b->failed)
		return b->failed ? NULL : b->text + b->len;
	bigger = realloc(b->text, cap);
	if (!bigger) {
		b->failed = true;
		return NULL;
	}
	b->text = bigger;
	b->cap = cap;
	return b->text + b->len;
}

static void put(struct jbuf *b, const char *s, size_t n)
{
	char *to = room(b, n);

	if (!to)
		return;
	memcpy(to, s, n);
	b->len += n;
}

void jbuf_raw(struct jbuf *b, const char *text)
{
	put(b, text, strlen(text));
}

/* Bytes of the UTF-8 character that s begins with; 0: it is none (RFC 3629, section 4). */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* too long for what it says, a half of a UTF-16 pair, more than there are */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* What cannot stand for itself; returns how much of s that was. */
static size_t put_special(struct jbuf *b, const char *s)
{
	const unsigned char c = (unsigned char)*s;
	size_t n = utf8_len((const unsigned char *)s);
	char escape[8];

	if (n > 1)
		put(b, s, n);
	else if (c >= 0x80)
		jbuf_raw(b, "\\ufffd");
	else if (c < 0x20)
		put(b, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
	else
		put(b, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", c));
	return n ? n : 1;
}

static void put_quoted(struct jbuf *b, const char *s)
{
	put(b, "\"", 1);
	while (*s) {
		size_t n = 0;

		while (is_plain((unsigned char)s[n]))
			n++;
		put(b, s, n);
		s += n;
		if (*s)
			s += put_special(b, s);
	}
	put(b, "\"", 1);
}

static void begin(struct jbuf *b, const char *key)
{
	if (b->comma)
		put(b, ",", 1);
	b->comma = true;
	if (!key)
		return;
	put_quoted(b, key);
	put(b, ":", 1);
}

void jbuf_open(struct jbuf *b, const char *key, char bracket)
{
	begin(b, key);
	put(b, &bracket, 1);
	b->comma = false;
}

void jbuf_close(struct jbuf *b, char bracket)
{
	put(b, &bracket, 1);
	b->comma = true;
}

void jbuf_null(struct jbuf *b, const char *key)
{
	begin(b, key);
	jbuf_raw(b, "null");
}

void jbuf_bool(struct jbuf *b, const char *key, bool v)
{
	begin(b, key);
	jbuf_raw(b, v ? "true" : "false");
}

void jbuf_int(struct jbuf *b, const char *key, int64_t v)
{
	char text[24];

	begin(b, key);
	put(b, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, v));
}

void jbuf_text(struct jbuf *b, const char *key, const char *v)
{
	if (!v) {
		jbuf_null(b, key);
		return;
	}
	begin(b, key);
	put_quoted(b, v);
}

void jbuf_said(struct jbuf *b, const char *key, const char *v)
{
	jbuf_text(b, key, v && v[0] ? v : NULL);
}

void jbuf_format(struct jbuf *b, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	jbuf_text(b, key, text);
}

static void new_line(struct jbuf *b, unsigned depth)
{
	static const char spaces[] = "                ";

	put(b, "\n", 1);
	for (unsigned n = 2 * depth; n;) {
		unsigned part = n < sizeof(spaces) - 1 ? n : (unsigned)sizeof(spaces) - 1;

		put(b, spaces, part);
		n -= part;
	}
}

/* How many bytes stay together: a text, a number or word, one sign. */
static size_t token_len(const char *s, size_t len)
{
	size_t n = 1;

	if (*s == '"') {
		while (n < len && s[n] != '"')
			n += s[n] == '\\' ? 2 : 1;
		return n < len ? n + 1 : len;
	}
	if (strchr("{}[],:", *s))
		return 1;
	while (n < len && !strchr("{}[],:\" ", s[n]))
		n++;
	return n;
}

void jbuf_indented(struct jbuf *b, const char *json, size_t len)
{
	unsigned depth = 0;
	char before = ':';

	while (len) {
		size_t n = token_len(json, len);
		bool closes = *json == '}' || *json == ']';

		if (closes && depth)
			depth--;
		/* empty ones are closed where they were opened */
		if (closes ? before != '{' && before != '[' : strchr("{[,", before) != NULL)
			new_line(b, depth);
		put(b, json, n);
		if (*json == ':')
			put(b, " ", 1);
		depth += *json == '{' || *json == '[';
		before = *json;
		json += n;
		len -= n;
	}
}
