/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for standard output, of which one thread writes: stdio's locks cost as much as the text. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdint.h>
#include <stdio.h>

static inline void out_text(const char *s)
{
	fputs_unlocked(s, stdout);
}

static inline void out_char(int c)
{
	putc_unlocked(c, stdout);
}

static inline void out_number(uint64_t v)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	out_text(p);
}

#endif
