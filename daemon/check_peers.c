/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there a replica that could take over, or are we one? */
#include "check.h"

#define LAG_MS 2000 /* as the alarm replica-behind */

static void judge_replica(struct check_lines *out, const struct engine_peer *p)
{
	struct check_line *l = check_add(out, CHECK_PEER, p->name);

	if (p->lost)
		check_wrong(l, "is it up? Look at it, and at the replication links",
			    "not heard any more for %llu s",
			    (unsigned long long)(p->heard_ms_ago / 1000));
	else if (p->phase == ENGINE_SYNCING)
		check_wrong(l, "ask again in a moment: it is being repaired",
			    "holds a part of the flows only (%u %%)", p->percent);
	else if (p->phase == ENGINE_SOURCE)
		check_wrong(l, "`vrouterctl status` on both: one of them has to go",
			    "is ACTIVE, too");
	else if (p->phase == ENGINE_ALONE)
		check_wrong(l, "ask again in a moment; else look at the replication links",
			    "does not hear this controller's stream");
	else if (p->detailed && p->lag_ms >= LAG_MS)
		check_wrong(l, "is that machine overloaded? `vrouterctl peers` says more",
			    "is %llu ms behind", (unsigned long long)p->lag_ms);
	else if (p->phase == ENGINE_UNSAID)
		check_ok(l, "follows");
	else
		check_ok(l, "in sync");
}

static void judge_replicas(struct check_lines *out, const struct check_facts *f)
{
	for (unsigned i = 0; i < f->report->n_peers; i++)
		judge_replica(out, &f->report->peer[i]);
	if (!f->report->n_peers && f->conf->election.mode == CONF_ELECTION_SINGLE)
		check_skip(check_add(out, CHECK_PEER, ""), "there is one controller only");
	else if (!f->report->n_peers)
		check_wrong(check_add(out, CHECK_PEER, ""),
			    "start the other one; look at the replication links, and at UDP in "
			    "firewalls between the two",
			    "no other controller is heard: nobody could take over");
}

static void judge_own(struct check_lines *out, const struct check_facts *f)
{
	const struct engine_status *s = &f->report->status;
	struct check_line *l = check_add(out, CHECK_PEER, s->source_name);

	if (s->phase == ENGINE_READY && s->lag_ms < LAG_MS)
		check_ok(l, "this replica is in sync with it");
	else if (s->phase == ENGINE_READY)
		check_wrong(l, "is this machine overloaded? `vrouterctl peers` says more",
			    "this replica is %llu ms behind it", (unsigned long long)s->lag_ms);
	else if (s->phase == ENGINE_SYNCING)
		check_wrong(l, "ask again in a moment: it is being repaired",
			    "this replica holds a part of its flows only (%u %%)",
			    s->repair_percent);
	else
		check_wrong(l,
			    "is another controller ACTIVE? Look at the replication links, and at "
			    "UDP in firewalls between the two",
			    "no ACTIVE controller is heard: this one has no copy of the flows");
}

/* Of somebody who is understood it was another one that claimed to be it. */
static bool is_understood(const struct sync_msg_report *r, uint32_t sender)
{
	for (unsigned i = 0; i < r->n_peers; i++)
		if (r->peer[i].id == sender && !r->peer[i].lost)
			return true;
	return false;
}

static void judge_refused(struct check_lines *out, const struct refused_entry *e)
{
	char id[16];
	struct check_line *l;

	snprintf(id, sizeof(id), "%08x", e->sender);
	l = check_add(out, CHECK_PEER, id);
	switch (e->why) {
	case REFUSED_KEY_UNKNOWN:
	case REFUSED_KEY_WRONG:
		check_wrong(l, "all controllers need the same key file: copy it, and reload",
			    "is heard, and has another key (id %u)", e->key_id);
		break;
	case REFUSED_CLEAR:
	case REFUSED_SEALED:
		check_wrong(
			l, "give all controllers the same `security` in sync", "is heard, and %s",
			e->why == REFUSED_CLEAR ? "does not seal what it sends"
						: "seals what it sends, which this one does not");
		break;
	}
}

void check_judge_peers(struct check_lines *out, const struct check_facts *f)
{
	bool knows = f->life->sync != LIFE_SYNC_DOWN && f->report;

	if (f->life->sync == LIFE_SYNC_NONE)
		check_skip(check_add(out, CHECK_PEER, ""), "replication is not configured");
	else if (!knows)
		check_wrong(check_add(out, CHECK_PEER, ""),
			    "it is started again by itself; the journal says why it ended",
			    "the replication process does not run");
	else if (check_is_active(f))
		judge_replicas(out, f);
	else
		judge_own(out, f);
	for (unsigned i = 0; knows && i < f->report->n_refused; i++)
		if (!is_understood(f->report, f->report->refused[i].sender))
			judge_refused(out, &f->report->refused[i]);
}
