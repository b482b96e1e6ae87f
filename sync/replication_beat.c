/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heartbeats of the source: what the core wants of them, and what it is told. */
#include "replication_impl.h"

#include <string.h>

void replication_beats_set(struct replication *r, const struct engine_beats *beats)
{
	if (memcmp(&r->conf.beats, beats, sizeof(*beats)) == 0)
		return;
	r->conf.beats = *beats;
	protocol_set_beats(&r->proto, beats, monotonic_ms());
}

void replication_beats_on(void *ctx, bool missing, uint64_t awake_ms)
{
	struct replication *r = ctx;

	r->news.beats = true;
	r->news.beats_missing = missing;
	r->news.beats_awake_ms = awake_ms;
	replication_news(r);
}

bool replication_beats_take(struct replication *r, struct sync_msg *out)
{
	if (!r->news.beats)
		return false;
	r->news.beats = false;
	*out = (struct sync_msg){
		.type = SYNC_MSG_BEATS,
		.path = {.missing = r->news.beats_missing, .awake_ms = r->news.beats_awake_ms}};
	memcpy(out->path.router, r->conf.router, sizeof(out->path.router));
	return true;
}
