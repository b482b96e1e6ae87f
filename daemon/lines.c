/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lines.h"

static void say(struct lines *l, lines_fn *fn, void *ctx)
{
	l->text[l->len] = '\0';
	l->len = 0;
	if (l->n < l->max)
		fn(ctx, l->text);
	else if (l->n == l->max)
		fn(ctx, NULL);
	l->n += l->n <= l->max;
}

void lines_end(struct lines *l, lines_fn *fn, void *ctx)
{
	if (l->len)
		say(l, fn, ctx);
}

void lines_take(struct lines *l, const char *buf, size_t n, lines_fn *fn, void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)buf[i];

		if (ch == '\n' ? l->len || l->empty : l->len == sizeof(l->text) - 1)
			say(l, fn, ctx);
		if (ch != '\n')
			l->text[l->len++] = ch < 0x20 || ch == 0x7f ? '?' : buf[i];
	}
}
