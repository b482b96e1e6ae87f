/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other controllers, as a router's replication knows them. */
#include "status.h"

static void put_repair(struct jbuf *b, const struct repair_cost *c)
{
	if (!c->why) {
		jbuf_null(b, "last_repair");
		return;
	}
	jbuf_open(b, "last_repair", '{');
	jbuf_text(b, "why", engine_repair_why(c->why));
	jbuf_int(b, "ago_ms", (int64_t)c->ago_ms);
	jbuf_int(b, "took_ms", (int64_t)c->took_ms);
	jbuf_int(b, "listed", (int64_t)c->listed);
	jbuf_int(b, "deleted", (int64_t)c->deleted);
	jbuf_int(b, "bytes", (int64_t)c->bytes);
	jbuf_close(b, '}');
}

static void put_progress(struct jbuf *b, const struct engine_peer *p)
{
	jbuf_int(b, "percent", p->percent);
	if (!p->detailed)
		return;
	jbuf_int(b, "flows", p->flows);
	jbuf_int(b, "flows_max", p->flows_max);
	jbuf_int(b, "lag_ms", (int64_t)p->lag_ms);
	put_repair(b, &p->repair);
}

/* In the same form as a peer. */
static void put_self(struct jbuf *b, const struct app *a, const struct sync_msg_report *m)
{
	const struct engine_peer self = {.percent = m->status.repair_percent,
					 .detailed = true,
					 .flows = m->flows,
					 .flows_max = m->flows_max,
					 .lag_ms = m->status.lag_ms,
					 .repair = m->status.repair};

	jbuf_open(b, "self", '{');
	jbuf_text(b, "name", a->conf->controller.name);
	jbuf_text(b, "phase", engine_phase_name(m->status.phase));
	jbuf_int(b, "term", m->status.term);
	put_progress(b, &self);
	jbuf_text(b, "heartbeats", engine_heartbeats_name(m->status.beats));
	jbuf_close(b, '}');
}

/* ---- who is heard and not understood ----------------------------------------------------------
 */

static void put_problem(struct jbuf *b, const struct refused_entry *e)
{
	static const char *const text[] = {[REFUSED_KEY_WRONG] = "wrong key",
					   [REFUSED_CLEAR] = "not sealed",
					   [REFUSED_SEALED] = "sealed, we are not"};

	if (e && e->why == REFUSED_KEY_UNKNOWN)
		jbuf_format(b, "problem", "key %u unknown", e->key_id);
	else
		jbuf_text(b, "problem",
			  e && (size_t)e->why < ARRAY_LEN(text) ? text[e->why] : NULL);
}

/* Not of those that are understood: then it was somebody else. */
static const struct refused_entry *refused_of(const struct sync_msg_report *m,
					      const struct engine_peer *p)
{
	const struct refused_entry *last = NULL;

	for (unsigned i = 0; p->lost && i < m->n_refused; i++)
		if (m->refused[i].sender == p->id)
			last = &m->refused[i];
	return last;
}

static bool is_peer(const struct sync_msg_report *m, uint32_t id)
{
	for (unsigned i = 0; i < m->n_peers; i++)
		if (m->peer[i].id == id)
			return true;
	return false;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static void put_peer(struct jbuf *b, const struct engine_peer *p, const char *phase)
{
	jbuf_text(b, "name", p->name);
	jbuf_format(b, "id", "%08x", p->id);
	jbuf_text(b, "phase", phase);
	jbuf_int(b, "term", p->term);
	jbuf_int(b, "acked", (int64_t)p->acked);
	jbuf_int(b, "behind", (int64_t)p->behind);
	jbuf_int(b, "heard_ms_ago", (int64_t)p->heard_ms_ago);
	jbuf_bool(b, "lost", p->lost);
}

static void put_known(struct jbuf *b, const struct sync_msg_report *m)
{
	for (unsigned i = 0; i < m->n_peers; i++) {
		const struct engine_peer *p = &m->peer[i];

		jbuf_open(b, NULL, '{');
		put_peer(b, p, engine_phase_name(p->phase));
		put_progress(b, p);
		put_problem(b, refused_of(m, p));
		jbuf_close(b, '}');
	}
}

static void put_unknown(struct jbuf *b, const struct sync_msg_report *m)
{
	for (unsigned i = 0; i < m->n_refused; i++) {
		const struct refused_entry *e = &m->refused[i];
		const struct engine_peer unknown = {.id = e->sender, .heard_ms_ago = e->heard_at};

		if (is_peer(m, e->sender))
			continue;
		jbuf_open(b, NULL, '{');
		put_peer(b, &unknown, "unknown");
		put_problem(b, e);
		jbuf_close(b, '}');
	}
}

void status_peers(struct jbuf *b, const struct app *a, const struct router *r)
{
	struct router_view v;

	router_view(r, &v);
	jbuf_open(b, NULL, '{');
	jbuf_text(b, "router", v.conf->name);
	if (v.report)
		put_self(b, a, v.report);
	else
		jbuf_null(b, "self");
	jbuf_open(b, "peers", '[');
	if (v.report) {
		put_known(b, v.report);
		put_unknown(b, v.report);
	}
	jbuf_close(b, ']');
	jbuf_close(b, '}');
}
