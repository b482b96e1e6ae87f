/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process has of its own in memory, pages that were only read not counted. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <malloc.h>
#include <string.h>

#include "vrouter/pages.h"
#include "vrouter/util.h"

#ifdef PAGES_BY_MALLOC
#define MEMORY_COUNTS 0 /* a sanitizer's own memory is among it, and calloc() clears */
#else
#define MEMORY_COUNTS 1
#endif

/* KB; 0: the kernel does not say. */
static inline unsigned long memory_kb(void)
{
	auto_file FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kb = 0;
	char line[128];

	malloc_trim(0);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %lu kB", &kb) == 1)
			break;
	return kb;
}

#endif
