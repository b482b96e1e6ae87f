/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `vrouterctl verify` hears of one replica: whether its table and the source's are equal, and
 * which flows differ. Plain values, from the engine to whoever shows them. */
#ifndef VROUTER_VERIFY_H
#define VROUTER_VERIFY_H

#include "vrouter/flow.h"

#define VERIFY_TOLD_MAX 100 /* findings of one replica that are named; all are counted */
#define VERIFY_PAGE_MAX 4   /* findings in one struct verify_page */

enum verify_what {
	VERIFY_MISSING = 1, /* the source has it, the replica has not */
	VERIFY_EXTRA,	    /* the replica has it, the source has not */
	VERIFY_DIFFERENT,   /* both have it, and not the same */
	VERIFY_WHATS,
};
const char *verify_what_name(enum verify_what w); /* as in JSON */

/* family 0: that side does not have it, or (VERIFY_DIFFERENT, replica) there was no room to tell.
 */
struct verify_finding {
	enum verify_what what;
	struct flow source, replica;
};

/* How a comparison came out. */
enum verify_outcome {
	VERIFY_WAITS, /* not known yet; never told */
	VERIFY_COMPARED,
	VERIFY_NO_REPLICA, /* we are the source, and nobody is there */
	VERIFY_NO_SOURCE,  /* we are a replica, and hear no source */
	VERIFY_LOST,	   /* it is no longer heard */
	VERIFY_OTHER,	   /* it does not follow this source */
	VERIFY_SYNCING,	   /* it is being repaired */
	VERIFY_SILENT,	   /* it does not answer: an older version? */
	VERIFY_CUT,	   /* repairs came in between, again and again */
	VERIFY_TIMEOUT,
	VERIFY_ROLE,	 /* the source is another one now */
	VERIFY_PROTOCOL, /* protocol = "conntrackd" has nothing to compare with */
	VERIFY_OUTCOMES,
};
/* "" for VERIFY_COMPARED. */
const char *verify_outcome_text(enum verify_outcome o);

/* A replica's result, or a part of it: pages of one replica follow each other and differ in their
 * findings only. */
struct verify_page {
	uint32_t request;
	bool last;     /* of all replicas */
	uint32_t id;   /* of the replica; 0: the outcome is about all of it */
	char name[64]; /* its */
	uint8_t phase; /* enum engine_phase */
	enum verify_outcome outcome;
	bool more;	/* there are more than were compared one by one: counts are lower bounds */
	uint64_t flows; /* that it has compared */
	uint64_t missing, extra, different;
	unsigned n;
	struct verify_finding finding[VERIFY_PAGE_MAX];
};

#endif
