/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Others on the link, told apart by the address that they send from, and what each of them has sent
 * and acknowledged: numbers, acknowledgements due, whether it has just started. Pure. */
#ifndef SYNC_CONNTRACKD_PEER_H
#define SYNC_CONNTRACKD_PEER_H

#include "msg.h"
#include "vrouter/engine.h"

#define CTD_ACK_WINDOW 100 /* messages that one acknowledgement is for */
#define CTD_ACK_MS     200 /* or the time for which one of them waits for it */

struct ctd_peer {
	struct ip_addr addr;
	uint64_t heard_at;
	uint64_t data_at; /* it told something of a flow; 0: never */
	bool numbered;	  /* last counts */
	uint32_t last;	  /* number */
	bool starting;	  /* says HELLO */
	bool ack_due;	  /* for ack_from to last */
	uint32_t ack_from;
	unsigned unacked; /* since then */
	uint64_t ack_at;
	bool acks; /* ours, up to acked */
	uint32_t acked;
};

struct ctd_peers {
	struct ctd_peer at[ENGINE_PEERS_MAX];
	unsigned n;
};

/* The one with that address; a new one takes a free place, or that of the one that has been silent
 * for longest and longer than lost_ms. NULL: there is no place. */
struct ctd_peer *ctd_peer_find(struct ctd_peers *p, const struct ip_addr *addr, uint64_t lost_ms,
			       uint64_t now);

enum ctd_order {
	CTD_IN_ORDER,
	CTD_STARTED, /* it says HELLO and did not before: what it sent earlier is of another life */
	CTD_GAP,     /* numbers are missing: *gap of them, before this one */
	CTD_LATE,    /* of before */
};
/* Takes the number of a message over (but that of a late one). */
enum ctd_order ctd_peer_track(struct ctd_peer *p, const struct ctd_msg *m, uint32_t *gap);
/* The message counts for an acknowledgement; true: one is to be sent now. soon: not only with the
 * next sign of life. */
must_check bool ctd_peer_owe(struct ctd_peer *p, uint32_t seq, bool soon, uint64_t now);
/* Its ACK to us, who have sent `sent` messages, the last one with number last. What is another's is
 * left alone. */
void ctd_peer_acked(struct ctd_peer *p, const struct ctd_msg *m, uint32_t last, uint64_t sent);

#endif
