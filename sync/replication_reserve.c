/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What peers say of chosen VIPs, on its way to the core: they repeat it, the core is told what is
 * new. */
#include "replication_impl.h"

#include <string.h>

static bool same_word(const struct reserve_word *a, const struct reserve_word *b)
{
	return a->stage == b->stage && reserve_set_equal(&a->set, &b->set);
}

/* Of that peer, or a free one; NULL: the table is full. */
static struct reserved *place_of(struct replication *r, uint32_t peer)
{
	for (unsigned i = 0; i < ENGINE_PEERS_MAX; i++)
		if (!r->reserved[i].peer || r->reserved[i].peer == peer)
			return &r->reserved[i];
	return NULL;
}

void replication_reserve_on(void *ctx, uint32_t peer, const char *name,
			    const struct reserve_word *word)
{
	struct replication *r = ctx;
	struct reserved *p;

	if (!r->reserve.stage) /* nothing is chosen here */
		return;
	if (!r->reserved)
		r->reserved = calloc(ENGINE_PEERS_MAX, sizeof(*r->reserved));
	p = r->reserved ? place_of(r, peer) : NULL;
	if (!p || (p->peer && same_word(&p->word, word)))
		return;
	*p = (struct reserved){.peer = peer, .word = *word};
	snprintf(p->name, sizeof(p->name), "%s", name);
	r->news.reserved = true;
	replication_news(r);
}

bool replication_reserve_take(struct replication *r, struct sync_msg *out)
{
	for (unsigned i = 0; r->news.reserved && r->reserved && i < ENGINE_PEERS_MAX; i++) {
		struct reserved *p = &r->reserved[i];

		if (!p->peer || p->told)
			continue;
		p->told = true;
		*out = (struct sync_msg){.type = SYNC_MSG_RESERVED,
					 .reserve = {.peer = p->peer, .word = p->word}};
		memcpy(out->reserve.router, r->conf.router, sizeof(out->reserve.router));
		memcpy(out->reserve.name, p->name, sizeof(out->reserve.name));
		return true;
	}
	r->news.reserved = false;
	return false;
}

void replication_reserve_untake(struct replication *r, const struct sync_msg *m)
{
	for (unsigned i = 0; r->reserved && i < ENGINE_PEERS_MAX; i++)
		if (r->reserved[i].peer == m->reserve.peer)
			r->reserved[i].told = false;
	r->news.reserved = true;
}
