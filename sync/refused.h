/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is heard and not understood: the latest few senders of datagrams that were refused for their
 * seal. What it says of a sender is not authentic: it helps to find a wrong key, and decides
 * nothing. Embedded in its owner; all zero is empty. Pure. */
#ifndef VROUTER_SYNC_REFUSED_H
#define VROUTER_SYNC_REFUSED_H

#include "vrouter/engine.h"

struct refused {
	struct refused_entry entry[REFUSED_MAX]; /* heard_at: when */
};

void refused_note(struct refused *r, uint32_t sender, enum refused_why why, uint8_t key_id,
		  uint64_t now);
/* Those of the last REFUSED_SHOWN_MS, at most REFUSED_MAX; heard_at: ms ago. */
unsigned refused_list(const struct refused *r, uint64_t now, struct refused_entry *out);

#endif
