/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protocol.h"

void protocol_free(struct protocol *p)
{
	engine_free(p->native);
	ctd_free(p->conntrackd);
	*p = (struct protocol){.native = NULL};
}

/* ---- of both ----------------------------------------------------------------------------------
 */

uint32_t protocol_promote(struct protocol *p, uint32_t min_term, uint64_t now)
{
	return p->conntrackd ? ctd_promote(p->conntrackd, min_term, now)
			     : engine_promote(p->native, min_term, now);
}

void protocol_demote(struct protocol *p, uint64_t now)
{
	if (p->conntrackd)
		ctd_demote(p->conntrackd, now);
	else
		engine_demote(p->native, now);
}

void protocol_drain(struct protocol *p, uint32_t wait_ms, uint64_t now)
{
	if (p->conntrackd)
		ctd_drain(p->conntrackd, wait_ms, now);
	else
		engine_drain(p->native, wait_ms, now);
}

void protocol_set_filter(struct protocol *p, const struct flow_filter *filter, uint64_t now)
{
	if (p->conntrackd)
		ctd_set_filter(p->conntrackd, filter, now);
	else
		engine_set_filter(p->native, filter, now);
}

void protocol_on_change(struct protocol *p, const struct flow *f, enum flow_change change,
			uint64_t now)
{
	if (p->conntrackd)
		ctd_on_change(p->conntrackd, f, change, now);
	else
		engine_on_change(p->native, f, change, now);
}

void protocol_on_expect_change(struct protocol *p, const struct expect *x, enum flow_change change,
			       uint64_t now)
{
	if (p->conntrackd)
		ctd_on_expect_change(p->conntrackd, x, change, now);
	else
		engine_on_expect_change(p->native, x, change, now);
}

void protocol_on_drained(struct protocol *p, uint64_t now)
{
	if (p->conntrackd)
		ctd_on_drained(p->conntrackd, now);
	else
		engine_on_drained(p->native, now);
}

void protocol_on_overrun(struct protocol *p, uint64_t now)
{
	if (p->conntrackd)
		ctd_on_overrun(p->conntrackd, now);
	else
		engine_on_overrun(p->native, now);
}

void protocol_on_dump(struct protocol *p, const struct flow *f)
{
	if (p->conntrackd)
		ctd_on_dump(p->conntrackd, f);
	else
		engine_on_dump(p->native, f);
}

void protocol_on_expect(struct protocol *p, const struct expect *x)
{
	if (p->conntrackd)
		ctd_on_expect(p->conntrackd, x);
	else
		engine_on_expect(p->native, x);
}

void protocol_on_apply_failed(struct protocol *p, const struct flow *f, int err)
{
	if (p->conntrackd)
		ctd_on_apply_failed(p->conntrackd, f, err);
	else
		engine_on_apply_failed(p->native, f, err);
}

uint64_t protocol_run(struct protocol *p, uint64_t now)
{
	return p->conntrackd ? ctd_run(p->conntrackd, now) : engine_run(p->native, now);
}

void protocol_status(const struct protocol *p, struct engine_status *out)
{
	if (p->conntrackd)
		ctd_status(p->conntrackd, out);
	else
		engine_status(p->native, out);
}

unsigned protocol_peers(const struct protocol *p, struct engine_peer out[static ENGINE_PEERS_MAX],
			uint64_t now)
{
	return p->conntrackd ? ctd_peers(p->conntrackd, out, now)
			     : engine_peers(p->native, out, now);
}

void protocol_verify(struct protocol *p, uint32_t request, uint64_t now)
{
	if (p->conntrackd)
		ctd_verify(p->conntrackd, request);
	else
		engine_verify(p->native, request, now);
}

/* ---- of our own alone -------------------------------------------------------------------------
 */

void protocol_slept(struct protocol *p, uint64_t ms)
{
	if (p->native)
		engine_slept(p->native, ms);
}

void protocol_on_gone(struct protocol *p, const struct flow *f, uint64_t now)
{
	if (p->native)
		engine_on_gone(p->native, f, now);
}

void protocol_ask(struct protocol *p, uint64_t question, uint64_t now)
{
	if (p->native)
		engine_ask(p->native, question, now);
}

void protocol_vouch(struct protocol *p, uint32_t peer, uint64_t question, uint64_t now)
{
	if (p->native)
		engine_vouch(p->native, peer, question, now);
}

void protocol_quiet(struct protocol *p, uint32_t quiet_ms)
{
	if (p->native)
		engine_set_quiet(p->native, quiet_ms);
}

void protocol_pulsed(struct protocol *p, uint64_t now)
{
	if (p->native)
		engine_pulsed(p->native, now);
}

bool protocol_has_peer(const struct protocol *p, uint32_t id)
{
	return p->native && engine_has_peer(p->native, id);
}

void protocol_hears(struct protocol *p, enum engine_hearing hearing, uint64_t now)
{
	if (p->native)
		engine_hears(p->native, hearing, now);
}

void protocol_ask_handover(struct protocol *p, uint64_t now)
{
	if (p->native)
		engine_ask_handover(p->native, now);
}

void protocol_set_leaving(struct protocol *p, const struct engine_leaving *l, uint64_t now)
{
	if (p->native)
		engine_set_leaving(p->native, l, now);
}

void protocol_set_reserve(struct protocol *p, const struct reserve_word *word, uint64_t now)
{
	if (p->native)
		engine_set_reserve(p->native, word, now);
}

void protocol_trail_stop(struct protocol *p)
{
	if (p->native)
		engine_trail_stop(p->native);
}

void protocol_set_beats(struct protocol *p, const struct engine_beats *beats, uint64_t now)
{
	if (p->native)
		engine_set_beats(p->native, beats, now);
}

void protocol_set_neighbours(struct protocol *p, unsigned page, const struct neigh_page *n)
{
	if (p->native)
		engine_set_neighbours(p->native, page, n);
}

void protocol_clear_neighbours(struct protocol *p)
{
	if (p->native)
		engine_clear_neighbours(p->native);
}

bool protocol_trail(struct protocol *p, uint64_t now)
{
	return p->native && engine_trail(p->native, now);
}

bool protocol_trail_ended(const struct protocol *p)
{
	return !p->native || engine_trail_ended(p->native);
}

void protocol_move_neighbours(struct protocol *to, struct protocol *from)
{
	if (to->native && from->native)
		engine_move_neighbours(to->native, from->native);
}
