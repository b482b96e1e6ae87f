/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours between engine and core. Of each page only the latest content waits for the core. */
#include "replication_impl.h"

#include <string.h>

#include "vrouter/log.h"

void replication_neighbours(struct replication *r, const struct sync_msg_neigh *m)
{
	if (m->clear)
		protocol_clear_neighbours(&r->proto);
	else
		protocol_set_neighbours(&r->proto, m->page, &m->content);
	replication_after_batch(r);
	links_flush(r->shared->links);
}

void replication_neigh_drop(struct replication *r)
{
	for (unsigned i = 0; r->news.neigh && i < NEIGH_PAGES_MAX; i++)
		free(r->news.neigh[i]);
	free(r->news.neigh);
	r->news.neigh = NULL;
	r->news.neigh_n = 0;
}

static bool store(struct replication *r, unsigned page, const struct neigh_page *p)
{
	struct neigh_page **at;

	if (!r->news.neigh)
		r->news.neigh = calloc(NEIGH_PAGES_MAX, sizeof(struct neigh_page *));
	if (!r->news.neigh)
		return false;
	at = &r->news.neigh[page];
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return false;
		r->news.neigh_n++;
	}
	**at = *p;
	return true;
}

bool replication_neigh_put(void *ctx, unsigned page, const struct neigh_page *p)
{
	struct replication *r = ctx;

	if (!p) {
		replication_neigh_drop(r);
		r->news.neigh_clear = true;
	} else if (!store(r, page, p)) {
		return false;
	}
	replication_news(r);
	return true;
}

bool replication_neigh_take(struct replication *r, struct sync_msg *out)
{
	struct news *n = &r->news;
	unsigned page = 0;

	if (!n->neigh_clear && !n->neigh_n)
		return false;
	*out = (struct sync_msg){.type = SYNC_MSG_NEIGH, .neigh = {.clear = n->neigh_clear}};
	memcpy(out->neigh.router, r->conf.router, sizeof(out->neigh.router));
	if (n->neigh_clear) {
		n->neigh_clear = false;
		return true;
	}
	while (!n->neigh[page])
		page++;
	out->neigh.page = page;
	out->neigh.content = *n->neigh[page];
	free(n->neigh[page]);
	n->neigh[page] = NULL;
	if (!--n->neigh_n)
		replication_neigh_drop(r);
	return true;
}

void replication_neigh_untake(struct replication *r, const struct sync_msg *m)
{
	if (m->neigh.clear)
		r->news.neigh_clear = true;
	else if (!store(r, m->neigh.page, &m->neigh.content))
		log_err("sync", r->conf.router,
			"out of memory: some neighbours are not known here");
}
