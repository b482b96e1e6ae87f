/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether routers can share one election: what is decided once must be configured once, so each of
 * them says the same. Pure. */
#include <stddef.h>
#include <string.h>

#include "conf_check.h"

struct shared {
	const char *option;
	size_t offset, size;
};

#define SHARED(text, member)                                                                       \
	{                                                                                          \
		.option = text, .offset = offsetof(struct conf_router, member),                    \
		.size = sizeof(((struct conf_router *)0)->member)                                  \
	}

/* Values are kept in zeroed memory, so equal ones are equal bytes. */
static const struct shared shared[] = {
	SHARED("election: interface", election.interface),
	SHARED("election: family", election.ipv6),
	SHARED("election: peers", election.peers),
	SHARED("election: vrid", election.vrid),
	SHARED("election: version", election.version),
	SHARED("election: priority", election.priority),
	SHARED("election: advert-interval", election.advert_interval_ms),
	SHARED("election: preempt", election.preempt),
	SHARED("election: preempt-delay", election.preempt_delay_s),
	SHARED("election: auth", election.auth),
	SHARED("election: checksum", election.plain_sum),
	SHARED("election: veto", election.veto),
	SHARED("election: fast-detect", election.fast_detect),
	SHARED("election: fast-interval", election.fast_interval_ms),
	SHARED("fence", fence),
	SHARED("fence-timeout", fence_timeout_s),
	SHARED("crash", crash),
	SHARED("adopt-timeout", adopt_timeout_s),
};

static int line_of(const struct conf_router *r)
{
	if (r->election.group_line)
		return r->election.group_line;
	return r->election.line ? r->election.line : r->line;
}

static void check_same(const struct conf *c, const struct conf_router *first,
		       const struct conf_router *r, struct conf_errors *errors)
{
	for (unsigned i = 0; i < ARRAY_LEN(shared); i++)
		if (memcmp((const char *)first + shared[i].offset,
			   (const char *)r + shared[i].offset, shared[i].size) != 0)
			conf_error(errors, c->path, line_of(r),
				   "router \"%s\": %s: is another one than router \"%s\" of the "
				   "same group \"%s\" has (line %d); allowed: the same in all "
				   "routers of a group",
				   r->name, shared[i].option, first->name, r->election.group,
				   first->line);
}

/* A command may name either. */
static void check_name(const struct conf *c, const struct conf_router *r,
		       struct conf_errors *errors)
{
	for (unsigned i = 0; i < c->n_routers; i++)
		if (strcmp(c->router[i].name, r->election.group) == 0)
			conf_error(errors, c->path, line_of(r),
				   "router \"%s\": election: group = \"%s\": is the name of a "
				   "router (line %d); allowed: another name",
				   r->name, r->election.group, c->router[i].line);
}

void conf_check_group(const struct conf *c, unsigned i, struct conf_errors *errors)
{
	const struct conf_router *r = &c->router[i], *first = c->router;

	if (!r->election.group[0])
		return;
	if (r->election.mode != CONF_ELECTION_VRRP) {
		conf_error(errors, c->path, line_of(r),
			   "router \"%s\": election: group = \"%s\": there is no election to "
			   "share; allowed: with election mode \"vrrp\"",
			   r->name, r->election.group);
		return;
	}
	while (strcmp(first->election.group, r->election.group) != 0)
		first++;
	if (first == r)
		check_name(c, r, errors);
	else
		check_same(c, first, r, errors);
}
