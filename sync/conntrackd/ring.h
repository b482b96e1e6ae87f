/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was sent under which number, to answer a NACK: of a flow its identity, since what is told
 * again is what the kernel has now. The oldest goes when there is no room. Pure. */
#ifndef SYNC_CONNTRACKD_RING_H
#define SYNC_CONNTRACKD_RING_H

#include "msg.h"

struct ctd_sent {
	uint32_t seq;
	uint8_t type, flags; /* of a CTL message; flags 0: there is nothing to send again */
	uint8_t family, proto;
	union {
		struct flow_tuple orig; /* of a flow; of an expectation: what is expected */
		struct {
			uint32_t from, to;
		};
	};
};

struct ctd_ring {
	struct ctd_sent *at; /* owned */
	size_t room;
	uint64_t head, tail; /* ever dropped and added; numbers follow each other without a hole */
};

must_check int ctd_ring_new(struct ctd_ring *r, size_t bytes);
void ctd_ring_free(struct ctd_ring *r);
void ctd_ring_add(struct ctd_ring *r, const struct ctd_sent *s);
/* NULL: it is not there (any more). */
const struct ctd_sent *ctd_ring_get(const struct ctd_ring *r, uint32_t seq);

#endif
