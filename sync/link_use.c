/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which links are silent, and which one conntrackd's protocol uses. */
#include "link_priv.h"

#include "vrouter/log.h"

#define BACK_MAX 8 /* looks, to go back to an earlier link: else two would change places */

/* Every controller sends on every link, several times a second. So a link is silent because it is
 * broken if another one is not. */
void link_count_silence(struct links *l)
{
	bool any = false;

	for (unsigned i = 0; i < l->n; i++)
		any |= l->link[i].heard;
	for (unsigned i = 0; i < l->n; i++) {
		struct link *k = &l->link[i];

		if (k->heard)
			k->silent = 0;
		else if (any && k->silent < BACK_MAX)
			k->silent++;
		k->heard = false;
	}
}

/* Where the other one is heard, while it is silent on the link in use. */
static struct link *heard_elsewhere(struct links *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct link *k = &l->link[i];

		if (k != l->in_use && k->fd >= 0 && k->carrier && !k->silent &&
		    l->in_use->silent >= (k < l->in_use ? BACK_MAX : LINK_SILENT))
			return k;
	}
	return NULL;
}

/* The link to send on. What waits in the queue leaves there. */
void link_choose(struct links *l)
{
	struct link *to = NULL;

	if (!l->in_use)
		return;
	if (l->in_use->fd >= 0 && l->in_use->carrier)
		to = heard_elsewhere(l);
	else
		for (unsigned i = 0; i < l->n && !to; i++)
			to = l->link[i].fd >= 0 && l->link[i].carrier ? &l->link[i] : NULL;
	if (!to || to == l->in_use)
		return;
	log_warn("sync", to->name, "is used now, no longer %s", l->in_use->name);
	to->pos = l->head * to->n_dests;
	l->in_use = to;
}
