/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_out.h"

#include "out.h"

static void put_quoted(const char *s)
{
	out_char('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			out_char('\\');
		if (c < 0x20 || c >= 0x7f) /* nobody says which encoding it has */
			printf("\\u%04x", c);
		else
			out_char(c);
	}
	out_char('"');
}

static void begin(struct json_out *j, const char *key)
{
	if (j->comma)
		out_char(',');
	j->comma = true;
	if (!key)
		return;
	out_char('"');
	out_text(key);
	out_text("\":");
}

void json_out_open(struct json_out *j, const char *key, char bracket)
{
	begin(j, key);
	out_char(bracket);
	j->comma = false;
}

void json_out_close(struct json_out *j, char bracket)
{
	out_char(bracket);
	j->comma = true;
}

void json_out_number(struct json_out *j, const char *key, uint64_t v)
{
	begin(j, key);
	out_number(v);
}

void json_out_text(struct json_out *j, const char *key, const char *v)
{
	begin(j, key);
	if (v)
		put_quoted(v);
	else
		out_text("null");
}
