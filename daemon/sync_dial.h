/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the connections of conntrackd's protocol over TCP for the sync process, which says which of
 * them are missing (SYNC_MSG_DIAL). So that process can open no connection of its own: whoever took
 * it over could reach the peers that are configured, on the links that are configured, and nobody
 * else. Nothing that a connection carries is read here. A caller that is no configured peer is
 * turned away, and callers are let in ten times a second at most. */
#ifndef VROUTER_SYNC_DIAL_H
#define VROUTER_SYNC_DIAL_H

#include "vrouter/sync_ipc.h"

struct event_base;
struct sync_dial;

/* A connected socket, non-blocking; fd stays the caller's, and is closed after the call. */
typedef void sync_dial_give(void *ctx, const struct sync_msg_stream *s, int fd);

/* Opens nothing before it is asked to. conf is copied, ctx borrowed. 0 or -ENOMEM. */
must_check int sync_dial_new(struct sync_dial **out, struct event_base *base,
			     const struct sync_msg_conf *conf, sync_dial_give *give, void *ctx);
void sync_dial_free(struct sync_dial *d); /* NULL is allowed */
/* What cannot be opened is not answered: it will be asked for again. */
void sync_dial_request(struct sync_dial *d, const struct sync_msg_stream *m);

#endif
