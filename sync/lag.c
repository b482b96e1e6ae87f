/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lag.h"

static uint64_t sent_by_source(const struct engine *e, const struct engine_status *s, uint64_t now)
{
	struct engine_peer peer[ENGINE_PEERS_MAX];
	unsigned n = engine_peers(e, peer, now);

	for (unsigned i = 0; i < n; i++)
		if (peer[i].id == s->source && peer[i].phase == ENGINE_SOURCE && !peer[i].lost)
			return peer[i].acked;
	return 0;
}

uint64_t lag_update(struct lag *lag, const struct engine *e, uint64_t now_ms)
{
	struct engine_status s;
	uint64_t sent;

	lag->checked_ms = now_ms;
	engine_status(e, &s);
	if (s.phase == ENGINE_SOURCE || s.phase == ENGINE_ALONE || s.seq >= lag->seq)
		lag->seq = 0;
	if (s.phase == ENGINE_SOURCE || s.phase == ENGINE_ALONE)
		return 0;
	sent = sent_by_source(e, &s, now_ms);
	if (!lag->seq && sent > s.seq) {
		lag->seq = sent;
		lag->since_ms = now_ms;
	}
	return lag->seq ? now_ms - lag->since_ms : 0;
}
