/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations of an engine whose kernel has no flows, for tests that are about something else. */
#ifndef TESTS_ENGINE_STUB_H
#define TESTS_ENGINE_STUB_H

#include <string.h>

#include "vrouter/engine.h"

static inline void stub_put(void *ctx, const struct flow *f, enum flow_put how)
{
	(void)ctx;
	(void)f;
	(void)how;
}

static inline void stub_del(void *ctx, const struct flow *f)
{
	(void)ctx;
	(void)f;
}

static inline void stub_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	(void)ctx;
	(void)f;
	(void)timeout_s;
}

static inline void stub_nothing(void *ctx) /* commit, on_status */
{
	(void)ctx;
}

static inline int stub_dump(void *ctx, bool start)
{
	(void)ctx;
	(void)start;
	return 0;
}

static inline int stub_expects(void *ctx)
{
	(void)ctx;
	return 0;
}

static inline int stub_expect_for(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	(void)ctx;
	(void)x;
	(void)timeout_s;
	return 0;
}

/* Not random, but another one each time. */
static inline void stub_random(uint64_t *last, void *buf, size_t len)
{
	++*last;
	memset(buf, 0, len);
	memcpy(buf, last, len < sizeof(*last) ? len : sizeof(*last));
}

static inline uint32_t stub_count(void *ctx)
{
	(void)ctx;
	return 0;
}

#endif
