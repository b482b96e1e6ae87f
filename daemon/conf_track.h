/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The track sections of a router's config, between the reader's tables and who runs them. Pure. */
#ifndef DAEMON_CONF_TRACK_H
#define DAEMON_CONF_TRACK_H

#include "vrouter/conf.h"

/* Before the section is read: what holds when an option is not given. */
void conf_track_defaults(void *to); /* a struct conf_track */
/* After it: what depends on its kind, or on the router. */
void conf_track_complete(struct conf_track *t, const struct conf_router *r);
void conf_track_check(const char *path, const struct conf_router *r, struct conf_errors *errors);

/* The same name and thing to look at: what is known of the one holds for the other. */
bool conf_track_same_look(const struct conf_track *a, const struct conf_track *b);
/* In every option, and in this order. */
bool conf_tracks_same(const struct conf_router *a, const struct conf_router *b);

/* Of a carrier, bridge-port or route. */
void conf_track_look(struct net_look *out, const struct conf_router *r, const struct conf_track *t);
/* What is looked at, in words. Returns out. */
#define CONF_TRACK_WHAT_MAX 128
const char *conf_track_what(const struct conf_track *t, char out[static CONF_TRACK_WHAT_MAX]);

#endif
