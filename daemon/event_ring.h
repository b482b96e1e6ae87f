/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last things that happened, for `vrouterctl events`. Bounded: the oldest goes. Pure. */
#ifndef DAEMON_EVENT_RING_H
#define DAEMON_EVENT_RING_H

#include <stdint.h>

#define EVENT_RING_SIZE 256

enum happening_type {
	HAPPENING_ROLE,	   /* a router changed its role */
	HAPPENING_NOTE,	   /* something about a router that is no change of role */
	HAPPENING_SYNC,	   /* replication: process, links, phases, alarms */
	HAPPENING_REPAIR,  /* the router's network was not as it should be, and is again */
	HAPPENING_CONFIG,  /* reload */
	HAPPENING_WINNER,  /* two were ACTIVE, and one is left */
	HAPPENING_TRACK,   /* something that is tracked fails, or is well again */
	HAPPENING_SERVICE, /* a server that the router runs is down, or up again */
	HAPPENING_TYPES
};
const char *happening_name(enum happening_type t);

struct happening {
	uint64_t id;	  /* from 1, no gaps */
	uint64_t time_ms; /* of the wall clock */
	enum happening_type type;
	char router[64]; /* empty: the daemon */
	char text[160];
	char reason[160];
	uint32_t term;
};

struct event_ring { /* all zero is an empty one */
	struct happening at[EVENT_RING_SIZE];
	uint64_t next; /* id of the next one, minus 1 */
};

/* Stores a copy with the next id; returns it. */
const struct happening *event_ring_add(struct event_ring *r, const struct happening *h);
/* The one with this id, NULL when it is gone or yet to come. */
const struct happening *event_ring_get(const struct event_ring *r, uint64_t id);
/* The id of the first of the last n, and in *end the one after the last. */
uint64_t event_ring_last(const struct event_ring *r, uint64_t n, uint64_t *end);

#endif
