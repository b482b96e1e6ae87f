/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routers of the sync process, by id and by name. Owned by the worker. */
#ifndef VROUTER_SYNC_ROUTERS_H
#define VROUTER_SYNC_ROUTERS_H

#include "replication.h"

struct routers {
	struct replication **at; /* sorted by id */
	bool *touched;		 /* by datagrams of this batch; by the same index */
	unsigned n, cap;
};

void routers_fini(struct routers *r);
/* The place of the first one with this id or a higher one; n: there is none. */
unsigned routers_from(const struct routers *r, uint32_t id);
/* Where it is; n: there is none. */
unsigned routers_find(const struct routers *r, uint32_t id);
struct replication *routers_by_name(const struct routers *r, const char *name);
/* Some of them has heard the name of the controller with this id. */
bool routers_have_peer(const struct routers *r, uint32_t id);
/* A new one; *taken: the sockets are its own, or closed. 0, also when its id is taken by another
 * name (then only the log tells), or -errno. */
must_check int routers_add(struct routers *r, struct shared *shared,
			   const struct sync_msg_router *conf, const int fds[static SYNC_FDS],
			   bool *taken);
/* The one that is named, or all, will report. 0, or -EPROTO. */
must_check int routers_query(struct routers *r, const struct sync_msg_role *m);
void routers_del(struct routers *r, struct shared *shared, const struct replication *which);

#endif
