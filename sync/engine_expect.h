/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's part for expectations, in both roles; the memory of it. See engine_expect.c. */
#ifndef VROUTER_ENGINE_EXPECT_H
#define VROUTER_ENGINE_EXPECT_H

#include "repair.h"
#include "vrouter/expect.h"

#define EXPECTS_LOOK_MAX 256
#define EXPECTS_LOOK_MS	 10

/* A master that is to be looked at again. */
struct expects_look {
	uint64_t at;
	struct flow_tuple orig;
	uint16_t zone;
	uint8_t family, proto;
};

/* What the table of expectations is being read for. */
enum expects_job { EXPECTS_TELL, EXPECTS_TELL_OF, EXPECTS_SWEEP, EXPECTS_REARM };

struct engine_expects {
	enum expects_job job;
	uint32_t id; /* of the listing, told or heard last */

	/* source */
	unsigned listed;
	struct flow of; /* TELL_OF: the master */
	bool failed, partial;
	bool rearm; /* timeouts are still those of a replica */
	uint64_t rearm_at;
	struct expects_look *look; /* EXPECTS_LOOK_MAX: a ring, in order of time */
	unsigned look_first, n_look;

	/* replica */
	bool collecting;	 /* between the listing's begin and its end */
	struct repair_seen seen; /* what it listed */
};

struct engine;

void expects_forget(struct engine *e); /* what is heard of a listing: it has a hole */
void expects_promoted(struct engine *e);
void expects_closed(struct engine *e); /* a source no more */
/* Puts all of them into the stream, between a begin and an end. false: the kernel did not tell. */
must_check bool expects_list(struct engine *e);
/* Tells of those of this master, which replicas may not have had until now. */
void expects_tell_of(struct engine *e, const struct flow *master);
/* Looks at the masters that wait for it, and once more when it is their time. */
void expects_look(struct engine *e);
uint64_t expects_run(struct engine *e);

/* An operation of the stream, which one is not of expectations is ignored. false: malformed. */
must_check bool expects_on_op(struct engine *e, unsigned type, struct rd body,
			      const struct flow_refs *refs);

#endif
