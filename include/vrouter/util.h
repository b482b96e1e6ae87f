/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few macros that every module may use. */
#ifndef VROUTER_UTIL_H
#define VROUTER_UTIL_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define must_check	       __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* Function-local scratch only; nothing that outlives the function. */
static inline void cleanup_fd_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file_(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_free_(void *p)
{
	free(*(void **)p);
}

#define auto_fd	  __attribute__((cleanup(cleanup_fd_)))
#define auto_file __attribute__((cleanup(cleanup_file_)))
#define auto_free __attribute__((cleanup(cleanup_free_)))

#endif
