/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_out.h"

static void put(struct json_out *j, const char *s)
{
	fputs_unlocked(s, j->to);
}

static void put_quoted(struct json_out *j, const char *s)
{
	putc_unlocked('"', j->to);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			putc_unlocked('\\', j->to);
		if (c < 0x20 || c >= 0x7f) /* nobody says which encoding it has */
			fprintf(j->to, "\\u%04x", c);
		else
			putc_unlocked(c, j->to);
	}
	putc_unlocked('"', j->to);
}

static void begin(struct json_out *j, const char *key)
{
	if (j->comma)
		putc_unlocked(',', j->to);
	j->comma = true;
	if (!key)
		return;
	putc_unlocked('"', j->to);
	put(j, key);
	put(j, "\":");
}

void json_out_open(struct json_out *j, const char *key, char bracket)
{
	begin(j, key);
	putc_unlocked(bracket, j->to);
	j->comma = false;
}

void json_out_close(struct json_out *j, char bracket)
{
	putc_unlocked(bracket, j->to);
	j->comma = true;
}

void json_out_number(struct json_out *j, const char *key, uint64_t v)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	begin(j, key);
	put(j, p);
}

void json_out_text(struct json_out *j, const char *key, const char *v)
{
	begin(j, key);
	if (v)
		put_quoted(j, v);
	else
		put(j, "null");
}
