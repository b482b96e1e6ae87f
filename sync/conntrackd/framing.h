/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages out of a stream of bytes, wherever that is cut: what has come of one waits for the rest.
 * Nothing but the length in each header says where the next one begins. Pure. */
#ifndef SYNC_CONNTRACKD_FRAMING_H
#define SYNC_CONNTRACKD_FRAMING_H

#include "msg.h"

#define CTD_FRAMING_MAX 65536 /* more than the longest message: there always is room */

/* Empty: len 0. */
struct ctd_framing {
	size_t len; /* bytes that wait */
	uint8_t buf[CTD_FRAMING_MAX];
};

/* One or more whole messages, one after the other. */
typedef void ctd_framing_fn(void *ctx, uint8_t *messages, size_t len);

/* Where the next bytes are to be put. *room: how many, at least one. */
uint8_t *ctd_framing_room(struct ctd_framing *f, size_t *room);
/* n bytes have been put there: fn gets what is whole now, in one piece, if anything is. false: what
 * follows has a length that cannot be, so nothing more of this stream can be read. */
must_check bool ctd_framing_add(struct ctd_framing *f, size_t n, ctd_framing_fn *fn, void *ctx);

#endif
