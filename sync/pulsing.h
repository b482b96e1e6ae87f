/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pulse of the sync process on its links (pulse.h), and what its routers hear of others'. One,
 * the worker's. Nothing of it is there in conntrackd's protocol. */
#ifndef VROUTER_SYNC_PULSING_H
#define VROUTER_SYNC_PULSING_H

#include "routers.h"

struct pulsing {
	struct shared *shared;
	struct routers *routers;
	struct event *tick, *walk;
	struct seal_keys keys;
	uint64_t due_ms;  /* the next tick */
	uint32_t from;	  /* routers below this id have been told; 0: there is no walk */
	bool again, anew; /* what they are told; and from the first one, when it is through */
	uint64_t heard, bad, lost, errors;
};

/* Both are borrowed. 0 or -ENOMEM; pulsing_fini() is to be called in any case. */
must_check int pulsing_init(struct pulsing *p, struct shared *shared, struct routers *routers);
void pulsing_fini(struct pulsing *p);
/* shared->conf is there, or changed. */
void pulsing_configure(struct pulsing *p);
/* One of PULSE_ROUTER. buf is header and body, and is changed. true: it is of a peer of our
 * routers, or it was that before it came by another link. */
bool pulsing_on_datagram(struct pulsing *p, const struct dgram_hdr *h, uint8_t *buf, size_t len);
void pulsing_count(const struct pulsing *p, struct sync_counters *c);

#endif
