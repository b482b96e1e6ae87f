/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a STATUS is due. With a thousand routers in one process, ten a second of each would be
 * all that it does; so where nothing happens they are rare, and each says when the next one comes
 * at the latest. Who hears them takes their sender for lost by that.
 *
 * A lost datagram must not cost a peer its name: the longer interval is said for a while before it
 * is used. Whatever happens ends it at once: a change of the stream, of a phase, of who is there.
 */
#include "engine_impl.h"

enum {
	QUIET_AFTER_MS = 1000, /* nothing has changed for so long: the longer interval is said */
	QUIET_SAID_MS = 1000,  /* and used after so long */
	QUIET_TOGETHER = 64,   /* times in an interval: those of many routers are due together */
};

/* Older versions would take us for lost. */
static bool all_can(const struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id && p->named && !p->lost && !p->status.every_ms)
			return false;
	}
	return true;
}

static bool is_quiet_for(const struct engine *e, uint32_t ms)
{
	return e->conf.quiet_ms > e->conf.heartbeat_ms && e->now - e->quiet.busy_at >= ms &&
	       all_can(e);
}

uint32_t quiet_said_ms(const struct engine *e)
{
	if (!e->conf.quiet_ms)
		return 0;
	return is_quiet_for(e, QUIET_AFTER_MS) ? e->conf.quiet_ms : e->conf.heartbeat_ms;
}

static uint32_t pace_ms(const struct engine *e)
{
	return is_quiet_for(e, QUIET_AFTER_MS + QUIET_SAID_MS) ? e->conf.quiet_ms
							       : e->conf.heartbeat_ms;
}

uint64_t quiet_due(const struct engine *e)
{
	uint32_t pace = pace_ms(e), grid = pace / QUIET_TOGETHER;
	uint64_t due = e->status_sent_at + pace;

	return grid > 1 ? due - due % grid : due;
}

void quiet_look(struct engine *e)
{
	uint64_t seq = e->is_source ? e->sender.seq : e->receiver.next, due;
	bool idle = seq == e->quiet.seq && e->is_source == e->quiet.was_source &&
		    stream_key_equal(&e->stream, &e->quiet.stream) && !e->peers_changed &&
		    !e->leaving.trail_ms && !e->rep.trailing &&
		    e->neigh.version == e->quiet.neigh &&
		    (e->is_source || !replica_hears_source(e) || e->rep.state == REPLICA_CLEAN);

	e->quiet.seq = seq;
	e->quiet.was_source = e->is_source;
	e->quiet.stream = e->stream;
	e->quiet.neigh = e->neigh.version;
	if (!idle)
		e->quiet.busy_at = e->now;
	due = quiet_due(e);
	if (due < e->status_at)
		e->status_at = due;
}

void engine_set_quiet(struct engine *e, uint32_t quiet_ms)
{
	e->conf.quiet_ms = quiet_ms < ENGINE_QUIET_MAX_MS ? quiet_ms : ENGINE_QUIET_MAX_MS;
}
