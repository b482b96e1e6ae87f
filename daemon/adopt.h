/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core at its start: is there a guard that stands in for the one before (guard_standin.c)? What
 * it tells, what it hands over, and the word that ends it. */
#ifndef DAEMON_ADOPT_H
#define DAEMON_ADOPT_H

#include "guard_wire.h"
#include "sync_child.h"

struct event_base;
struct adopt;

/* Waits for the guard's answer, at most a second. 0; *out is NULL when there is none. -errno: there
 * is one, and it cannot be understood: it leaves when its time is up. base is borrowed. */
must_check int adopt_new(struct adopt **out, struct event_base *base, const char *run_dir);
void adopt_free(struct adopt *a); /* without adopt_done() the guard goes on; NULL is allowed */

/* The router of this name, if it was ACTIVE and is the same one (conf_router_id()); else NULL. */
const struct guard_role *adopt_find(const struct adopt *a, const char *router, uint64_t id);
/* Replication's process, if it is what we would start (conf_sync_id()). If it is another, it is
 * ended now. The descriptors are the caller's. */
bool adopt_take_sync(struct adopt *a, uint64_t id, struct sync_child_kept *out);
/* These are ours now; the guard leaves for all others, and ends. Once. */
void adopt_done(struct adopt *a, const char (*names)[NET_NAME_MAX], unsigned n);

#endif
