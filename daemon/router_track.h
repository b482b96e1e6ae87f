/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of a router's tracking: router_track.c says what the state of a track means for the
 * router, router_track_look.c finds out how the thing itself is. */
#ifndef DAEMON_ROUTER_TRACK_H
#define DAEMON_ROUTER_TRACK_H

#include "conf_track.h"
#include "procwatch.h"
#include "router_priv.h"

struct tracker {
	struct router *r;
	unsigned index; /* in the router's configuration */
	struct track state;
	struct event *timer; /* each interval, and when a hold is over */
	struct net_look look;
	struct net_probe *probe;
	struct event *answer; /* a probe waits for one */
	uint64_t heard_ms;
	struct program *program;
	struct procwatch_item *process;
	bool known, runs; /* the process */
	bool told;	  /* that it fails */
	char why[TRACK_WHY_MAX];
};

static inline const struct conf_track *tracker_conf(const struct tracker *t)
{
	return &t->r->conf.track[t->index];
}

/* The state is another one: tells, and does what follows. */
void tracker_changed(struct tracker *t);
void tracker_sample(struct tracker *t, bool ok, const char *why);
void tracker_news(struct tracker *t, bool ok, const char *why);

/* What its kind needs. 0 or -errno. */
must_check int tracker_open(struct tracker *t);
void tracker_close(struct tracker *t);
/* The router's configuration is another one. */
void tracker_renew(struct tracker *t);
/* Its interval is over. */
void tracker_tick(struct tracker *t);
/* Something changed in links or routes. */
void tracker_look(struct tracker *t);

#endif
