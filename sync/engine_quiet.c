/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a STATUS is due. With a thousand routers in one process, ten a second of each would be
 * all that it does; so where nothing happens they are rare, and each says when the next one comes
 * at the latest. Who hears them takes their sender for lost by that, or with its process (pulse.h).
 *
 * A lost datagram must not cost a peer its name: the longer interval is said for a while before it
 * is used. Whatever happens ends it at once: a change of the stream, of a phase, of who is there;
 * and it does not begin before all replicas have said that they have all. Who is lost changes
 * nothing: there is nobody to be told.
 */
#include "engine_impl.h"
#include "pulse.h"

enum {
	QUIET_AFTER_MS = 1000, /* nothing has changed for so long: the longer interval is said */
	QUIET_SAID_MS = 1000,  /* and used after so long */
	QUIET_MOMENTS = 16,    /* of an interval: those of many routers are due together */
	QUIET_APART_MS = 100,  /* at least */
	QUIET_ALONE_MS = 3200, /* at most, where a process has no pulse or does not hear ours: then
				  this alone says that somebody lives, and older versions take no
				  more than 5,000 */
};

/* Those of versions that do not say how often they speak would take us for lost. */
static uint32_t longest_ms(const struct engine *e)
{
	uint32_t ms = e->conf.quiet_ms;

	if (ms > QUIET_ALONE_MS && !e->peers.pulse)
		ms = QUIET_ALONE_MS;
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (!p->id || !p->named || p->lost)
			continue;
		if (!p->status.every_ms)
			return e->conf.heartbeat_ms;
		if (ms > QUIET_ALONE_MS && !pulse_is_alive(e->peers.pulse, p->id, p->status.life))
			ms = QUIET_ALONE_MS;
	}
	return ms;
}

static uint32_t after_ms(const struct engine *e, uint32_t ms)
{
	uint32_t longest = longest_ms(e);

	return longest > e->conf.heartbeat_ms && e->now - e->quiet.busy_at >= ms
		       ? longest
		       : e->conf.heartbeat_ms;
}

uint32_t quiet_said_ms(const struct engine *e)
{
	return e->conf.quiet_ms ? after_ms(e, QUIET_AFTER_MS) : 0;
}

static uint32_t pace_ms(const struct engine *e)
{
	return after_ms(e, QUIET_AFTER_MS + QUIET_SAID_MS);
}

uint64_t quiet_due(const struct engine *e)
{
	uint32_t pace = pace_ms(e), moments = pace / QUIET_APART_MS;
	uint64_t sent = e->status_sent_at, due;

	if (pace <= e->conf.heartbeat_ms)
		return sent + pace;
	moments = moments < QUIET_MOMENTS ? moments : QUIET_MOMENTS;
	if (!moments)
		return sent + pace;
	/* its own one, so that those which something happened to together are not due together
	 * for ever */
	due = sent - sent % pace + (uint64_t)(e->conf.router % moments) * (pace / moments);
	return due > sent ? due : due + pace;
}

static bool somebody_lacks_something(const struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id && peer_follows(p, &e->stream) && p->status.seq < e->sender.seq)
			return true;
	}
	return false;
}

/* What goes on until it is over. */
static bool is_under_way(const struct engine *e)
{
	if (e->leaving.trail_ms || e->rep.trailing)
		return true;
	if (e->is_source)
		return somebody_lacks_something(e);
	return replica_hears_source(e) && e->rep.state != REPLICA_CLEAN;
}

static bool says_the_same(const struct engine *e, const struct engine_quiet *q)
{
	return e->quiet.seq == q->seq && e->quiet.was_source == q->was_source &&
	       e->quiet.neigh == q->neigh && e->quiet.known_term == q->known_term &&
	       e->quiet.hearing == q->hearing && stream_key_equal(&e->quiet.stream, &q->stream);
}

void quiet_look(struct engine *e)
{
	struct engine_quiet fresh = {.busy_at = e->quiet.busy_at,
				     .seq = e->is_source ? e->sender.seq : e->receiver.next,
				     .neigh = e->neigh.version,
				     .known_term = e->known_term,
				     .stream = e->stream,
				     .was_source = e->is_source,
				     .hearing = e->hearing};
	uint64_t due;

	if (e->quiet.stirred || is_under_way(e) || !says_the_same(e, &fresh))
		fresh.busy_at = e->now;
	e->quiet = fresh;
	due = quiet_due(e);
	if (due < e->status_at)
		e->status_at = due;
}

bool engine_has_peer(const struct engine *e, uint32_t id)
{
	for (unsigned i = 0; i < e->peers.n; i++)
		if (e->peers.peer[i].id == id && e->peers.peer[i].named)
			return true;
	return false;
}

/* In whatever life. */
static bool a_lost_one_is_heard(const struct engine *e)
{
	for (unsigned i = 0; i < e->peers.n; i++) {
		const struct peer *p = &e->peers.peer[i];

		if (p->id && p->named && p->lost && pulse_hears(e->peers.pulse, p->id))
			return true;
	}
	return false;
}

void engine_pulsed(struct engine *e, uint64_t now)
{
	if (!a_lost_one_is_heard(e)) /* it is of other routers: they are many */
		return;
	e->now = now;
	e->quiet.busy_at = now;
	e->pulsed_at = now;
}

void engine_set_quiet(struct engine *e, uint32_t quiet_ms)
{
	e->conf.quiet_ms = quiet_ms < ENGINE_QUIET_MAX_MS ? quiet_ms : ENGINE_QUIET_MAX_MS;
}
