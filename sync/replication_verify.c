/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A verify between engine and core: its answer comes from the engine at once, and leaves part by
 * part. */
#include "replication_impl.h"

#include <string.h>

#include <event2/event.h>

#include "vrouter/log.h"

struct verified {
	struct verified *next;
	struct verify_page page;
};

void replication_verify_put(void *ctx, const struct verify_page *p)
{
	struct replication *r = ctx;
	struct news *n = &r->news;
	struct verified *v = malloc(sizeof(*v));

	if (!v) { /* the core does not wait for ever */
		log_err("sync", r->conf.router, "out of memory: a verify is not answered");
		return;
	}
	*v = (struct verified){.page = *p};
	if (!n->verified)
		n->verified_end = &n->verified;
	*n->verified_end = v;
	n->verified_end = &v->next;
	replication_news(r);
}

/* The event's function tells the engine when nothing is left. */
void replication_verify_read_events(void *ctx)
{
	struct replication *r = ctx;

	if (r->source)
		event_active(r->on_capture, EV_READ, 0);
}

bool replication_verify_take(struct replication *r, struct sync_msg *out)
{
	struct news *n = &r->news;
	struct verified *v = n->verified;

	if (!v)
		return false;
	*out = (struct sync_msg){.type = SYNC_MSG_VERIFIED, .verified = {.page = v->page}};
	memcpy(out->verified.router, r->conf.router, sizeof(out->verified.router));
	n->verified = v->next;
	free(v);
	return true;
}

void replication_verify_untake(struct replication *r, const struct sync_msg *m)
{
	struct news *n = &r->news;
	struct verified *rest = n->verified;

	n->verified = NULL;
	replication_verify_put(r, &m->verified.page);
	if (!rest)
		return;
	if (!n->verified) {
		n->verified = rest; /* an answer with a gap: see above */
		return;
	}
	n->verified->next = rest;
	while (*n->verified_end)
		n->verified_end = &(*n->verified_end)->next;
}

void replication_verify_drop(struct replication *r)
{
	struct sync_msg m;

	while (replication_verify_take(r, &m))
		;
}
