/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory in pages of its own, all zero, of which nothing is there before it is written to, and that
 * is given back at once. malloc() promises none of that: of what each of a thousand routers might
 * need one day it would keep at least a page, for its own notes. Sizes are bytes. */
#ifndef VROUTER_PAGES_H
#define VROUTER_PAGES_H

#include <stdlib.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__ /* which finds what is written past the end of its own pieces only */
#define PAGES_BY_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAGES_BY_MALLOC 1
#endif
#endif

/* NULL: no memory. */
static inline void *pages_new(size_t size)
{
#ifdef PAGES_BY_MALLOC
	return calloc(1, size);
#else
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
#endif
}

/* size: as for pages_new(). */
static inline void pages_free(void *p, size_t size)
{
#ifdef PAGES_BY_MALLOC
	(void)size;
	free(p);
#else
	if (p)
		munmap(p, size);
#endif
}

#endif
