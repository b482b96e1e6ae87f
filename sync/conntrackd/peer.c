/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer.h"

static struct ctd_peer *place(struct ctd_peers *p, uint64_t lost_ms, uint64_t now)
{
	struct ctd_peer *oldest = &p->at[0];

	if (p->n < ENGINE_PEERS_MAX)
		return &p->at[p->n++];
	for (unsigned i = 1; i < p->n; i++)
		if (p->at[i].heard_at < oldest->heard_at)
			oldest = &p->at[i];
	return now - oldest->heard_at > lost_ms ? oldest : NULL;
}

struct ctd_peer *ctd_peer_find(struct ctd_peers *p, const struct ip_addr *addr, uint64_t lost_ms,
			       uint64_t now)
{
	struct ctd_peer *peer;

	for (unsigned i = 0; i < p->n; i++)
		if (ip_addr_equal(&p->at[i].addr, addr))
			return &p->at[i];
	peer = place(p, lost_ms, now);
	if (peer)
		*peer = (struct ctd_peer){.addr = *addr};
	return peer;
}

enum ctd_order ctd_peer_track(struct ctd_peer *p, const struct ctd_msg *m, uint32_t *gap)
{
	bool starting = m->flags & CTD_HELLO, began = starting && !p->starting;
	uint32_t ahead = m->seq - (p->last + 1);

	*gap = 0;
	/* while it says so its numbers cannot be judged: it may have begun anew once more */
	if (!starting && p->numbered && ahead > INT32_MAX)
		return CTD_LATE;
	if (!starting && p->numbered)
		*gap = ahead;
	if (began)
		p->ack_due = false;
	p->starting = starting;
	p->numbered = true;
	p->last = m->seq;
	if (began)
		return CTD_STARTED;
	return *gap ? CTD_GAP : CTD_IN_ORDER;
}

bool ctd_peer_owe(struct ctd_peer *p, uint32_t seq, bool soon, uint64_t now)
{
	/* while it says HELLO its numbers may go back */
	if (!p->ack_due || seq - p->ack_from > INT32_MAX) {
		p->ack_due = true;
		p->ack_from = seq;
		p->unacked = 0;
		p->ack_at = UINT64_MAX;
	}
	if (soon && p->ack_at == UINT64_MAX)
		p->ack_at = now + CTD_ACK_MS;
	return ++p->unacked >= CTD_ACK_WINDOW;
}

void ctd_peer_acked(struct ctd_peer *p, const struct ctd_msg *m, uint32_t last, uint64_t sent)
{
	if (last - m->to >= sent)
		return;
	if (!p->acks || m->to - p->acked <= INT32_MAX)
		p->acked = m->to;
	p->acks = true;
}
