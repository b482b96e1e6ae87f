/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast detection: a source sends heartbeats every few ms, a replica notices when they are missing
 * (beat.h) and says so. That alone means nothing, as this process may hang, or restart, in a
 * controller that is well: the core puts it together with the silence of the election. Whatever
 * else the source of the followed stream sends is as good as a heartbeat; but none is missed of a
 * source that never sent one. */
#include "engine_impl.h"

static void say(struct engine *e, uint32_t every_ms)
{
	const struct ctl_msg m = {.type = CTL_BEAT,
				  .beat = {.stream = e->stream, .every_ms = every_ms}};

	engine_count(e, SYNC_TX_BEATS);
	engine_send_ctl(e, &m);
}

static void tell(struct engine *e)
{
	if (e->beats_told == e->watch.missing)
		return;
	e->beats_told = e->watch.missing;
	if (e->beats_told)
		engine_count(e, SYNC_BEATS_MISSING);
	if (e->ops->on_beats)
		e->ops->on_beats(e->ctx, e->beats_told, e->now - e->watch.woke_at);
}

void engine_set_beats(struct engine *e, const struct engine_beats *beats, uint64_t now)
{
	bool ends = e->is_source && e->conf.beats.every_ms && !beats->every_ms;

	e->now = now;
	e->conf.beats = *beats;
	e->beat_at = now;
	if (ends) /* or they would be missed */
		say(e, 0);
	if (!beats->every_ms)
		beats_forget(e);
}

void beats_forget(struct engine *e)
{
	e->watch = (struct beat_watch){0};
	tell(e);
}

void beats_alive(struct engine *e)
{
	beat_alive(&e->watch, e->now);
	tell(e);
}

bool beats_on_message(struct engine *e, const struct ctl_beat *m)
{
	if (m->every_ms > ENGINE_BEAT_MAX_MS)
		return false;
	if (e->is_source || !stream_key_equal(&m->stream, &e->stream))
		return true;
	engine_count(e, SYNC_RX_BEATS);
	if (!e->conf.beats.every_ms)
		return true;
	beat_heard(&e->watch, m->every_ms, e->now);
	tell(e);
	return true;
}

static uint64_t send_beat(struct engine *e)
{
	if (e->now < e->beat_at)
		return e->beat_at;
	say(e, e->conf.beats.every_ms);
	e->beat_at += e->conf.beats.every_ms;
	if (e->beat_at <= e->now)
		e->beat_at = e->now + e->conf.beats.every_ms;
	return e->beat_at;
}

uint64_t beats_run(struct engine *e)
{
	unsigned misses = e->conf.beats.misses;

	if (!e->conf.beats.every_ms)
		return UINT64_MAX;
	if (e->is_source)
		return send_beat(e);
	(void)beat_look(&e->watch, misses, e->now);
	tell(e);
	return beat_next(&e->watch, misses);
}

enum engine_heartbeats beats_state(const struct engine *e)
{
	if (!e->conf.beats.every_ms)
		return ENGINE_BEATS_OFF;
	if (e->is_source)
		return ENGINE_BEATS_SENT;
	if (!e->watch.every)
		return ENGINE_BEATS_NONE;
	return e->watch.missing ? ENGINE_BEATS_MISSING : ENGINE_BEATS_HEARD;
}
