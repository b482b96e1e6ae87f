/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a protocol of replication offers to the process that runs it: our own engine
 * (vrouter/engine.h) or conntrackd's (vrouter/ctd.h), one of them per router. What the latter does
 * not have does nothing here: nobody is asked, nothing is handed over, no neighbours are told. */
#ifndef SYNC_PROTOCOL_H
#define SYNC_PROTOCOL_H

#include "vrouter/ctd.h"
#include "vrouter/engine.h"

struct protocol { /* one of them is there */
	struct engine *native;
	struct ctd *conntrackd;
};

void protocol_free(struct protocol *p);

/* Of both. */
uint32_t protocol_promote(struct protocol *p, uint32_t min_term, uint64_t now);
void protocol_demote(struct protocol *p, uint64_t now);
void protocol_drain(struct protocol *p, uint32_t wait_ms, uint64_t now);
void protocol_set_filter(struct protocol *p, const struct flow_filter *filter, uint64_t now);
void protocol_verify(struct protocol *p, uint32_t request, uint64_t now);
void protocol_on_change(struct protocol *p, const struct flow *f, enum flow_change change,
			uint64_t now);
void protocol_on_expect_change(struct protocol *p, const struct expect *x, enum flow_change change,
			       uint64_t now);
void protocol_on_drained(struct protocol *p, uint64_t now);
void protocol_on_overrun(struct protocol *p, uint64_t now);
void protocol_on_dump(struct protocol *p, const struct flow *f);
void protocol_on_expect(struct protocol *p, const struct expect *x);
void protocol_on_apply_failed(struct protocol *p, const struct flow *f, int err);
uint64_t protocol_run(struct protocol *p, uint64_t now);
void protocol_status(const struct protocol *p, struct engine_status *out);
unsigned protocol_peers(const struct protocol *p, struct engine_peer out[static ENGINE_PEERS_MAX],
			uint64_t now);

/* Of our own alone. */
void protocol_slept(struct protocol *p, uint64_t ms);
void protocol_on_gone(struct protocol *p, const struct flow *f, uint64_t now);
void protocol_ask(struct protocol *p, uint64_t question, uint64_t now);
void protocol_vouch(struct protocol *p, uint32_t peer, uint64_t question, uint64_t now);
void protocol_quiet(struct protocol *p, uint32_t quiet_ms);
void protocol_pulsed(struct protocol *p, uint64_t now);
bool protocol_has_peer(const struct protocol *p, uint32_t id);
void protocol_hears(struct protocol *p, enum engine_hearing hearing, uint64_t now);
void protocol_ask_handover(struct protocol *p, uint64_t now);
void protocol_set_leaving(struct protocol *p, const struct engine_leaving *l, uint64_t now);
must_check bool protocol_trail(struct protocol *p, uint64_t now);
must_check bool protocol_trail_ended(const struct protocol *p);
void protocol_set_reserve(struct protocol *p, const struct reserve_word *word, uint64_t now);
void protocol_trail_stop(struct protocol *p);
void protocol_set_beats(struct protocol *p, const struct engine_beats *beats, uint64_t now);
void protocol_set_neighbours(struct protocol *p, unsigned page, const struct neigh_page *n);
void protocol_clear_neighbours(struct protocol *p);
void protocol_move_neighbours(struct protocol *to, struct protocol *from);

#endif
