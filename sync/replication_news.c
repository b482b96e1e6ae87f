/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the core is told of a router's replication: kept as facts, not as messages, so a core that
 * is slow to read costs nothing and hears the newest. */
#include "replication_impl.h"

#include <string.h>

#define REPORT_EVERY_MS 50

static void fill_report(struct replication *r, struct sync_msg *m, bool answer)
{
	struct sync_msg_report *rep = &m->report;

	*m = (struct sync_msg){.type = SYNC_MSG_REPORT};
	rep->answer = answer;
	memcpy(rep->router, r->conf.router, sizeof(rep->router));
	protocol_status(&r->proto, &rep->status);
	rep->n_peers = protocol_peers(&r->proto, rep->peer, monotonic_ms());
	rep->n_refused = refused_list(&r->refused, monotonic_ms(), rep->refused);
	rep->counters = r->counters;
	rep->lag_ms = rep->status.lag_ms;
	if (table_count(r->table, &rep->flows, &rep->flows_max) < 0)
		rep->flows = rep->flows_max = 0;
}

static void fill_role(struct replication *r, struct sync_msg *m, enum sync_msg_type type,
		      const struct sync_msg_role *role)
{
	*m = (struct sync_msg){.type = type, .role = *role};
	memcpy(m->role.router, r->conf.router, sizeof(m->role.router));
}

static void fill_path(struct replication *r, struct sync_msg *m, enum sync_msg_type type,
		      const struct sync_msg_path *path)
{
	*m = (struct sync_msg){.type = type, .path = *path};
	memcpy(m->path.router, r->conf.router, sizeof(m->path.router));
}

/* They are of use for some ms only, so one that cannot be sent is not kept. */
static bool take_path(struct replication *r, struct sync_msg *out)
{
	struct news *n = &r->news;

	if (n->vouched)
		fill_path(r, out, SYNC_MSG_VOUCHED, &n->vouched_with);
	else if (n->n_asked)
		fill_path(r, out, SYNC_MSG_ASKED, &n->asked[--n->n_asked]);
	else if (n->wanted)
		fill_path(r, out, SYNC_MSG_WANTED, &n->wanted_with);
	else
		return false;
	n->wanted &= out->type != SYNC_MSG_WANTED;
	n->vouched = false;
	return true;
}

static bool take_leaving(struct replication *r, struct sync_msg *out)
{
	if (!r->news.leaving)
		return false;
	r->news.leaving = false;
	*out = (struct sync_msg){.type = SYNC_MSG_LEAVING,
				 .leaving = {.what = r->news.leaving_with}};
	memcpy(out->leaving.router, r->conf.router, sizeof(out->leaving.router));
	return true;
}

/* A change of phase is told at once, others at a bounded rate. */
static bool take_status(struct replication *r, uint64_t now_ms, struct sync_msg *out, bool *later)
{
	struct engine_status s;

	if (!r->news.status)
		return false;
	protocol_status(&r->proto, &s);
	if (s.phase == r->told_phase && now_ms - r->told_ms < REPORT_EVERY_MS) {
		*later = true;
		return false;
	}
	r->news.status = false;
	r->told_phase = s.phase;
	r->told_ms = now_ms;
	fill_report(r, out, false);
	return true;
}

bool replication_take(struct replication *r, uint64_t now_ms, struct sync_msg *out, bool *later)
{
	struct news *n = &r->news;

	if (n->promoted) {
		n->promoted = false;
		fill_role(r, out, SYNC_MSG_PROMOTED, &n->promoted_with);
		return true;
	}
	if (n->drained) {
		n->drained = false;
		fill_role(r, out, SYNC_MSG_DRAINED, &n->drained_with);
		return true;
	}
	if (take_leaving(r, out) || take_path(r, out) || replication_beats_take(r, out) ||
	    replication_reserve_take(r, out))
		return true;
	if (n->answer) {
		n->answer = false;
		fill_report(r, out, true);
		return true;
	}
	return take_status(r, now_ms, out, later) || replication_neigh_take(r, out) ||
	       replication_verify_take(r, out);
}

void replication_untake(struct replication *r, const struct sync_msg *m)
{
	struct news *n = &r->news;

	if (m->type == SYNC_MSG_PROMOTED)
		n->promoted = true;
	else if (m->type == SYNC_MSG_DRAINED)
		n->drained = true;
	else if (m->type == SYNC_MSG_BEATS)
		n->beats = true;
	else if (m->type == SYNC_MSG_RESERVED)
		replication_reserve_untake(r, m);
	else if (m->type == SYNC_MSG_NEIGH)
		replication_neigh_untake(r, m);
	else if (m->type == SYNC_MSG_VERIFIED)
		replication_verify_untake(r, m);
	else if (m->type != SYNC_MSG_REPORT)
		return;
	else if (m->report.answer)
		n->answer = true;
	else
		n->status = true;
}
