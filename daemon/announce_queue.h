/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose turn it is to announce its VIPs, where many routers have to at once. What a bridge is given
 * to flood is copied to each of its ports in the sender's time, so a frame may cost anything from
 * microseconds to milliseconds, and that is measured. Pure; owned by announcing.c.
 *
 * Each level has room: time that may be spent at once, which comes back as its share of the time
 * that passes. A few routers never use it up, and each frame leaves when it is due. Who waits at a
 * level goes before everybody at the next ones, first come first served: no router repeats itself
 * before each one has spoken. */
#ifndef DAEMON_ANNOUNCE_QUEUE_H
#define DAEMON_ANNOUNCE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "vrouter/util.h"

enum announce_level {
	ANNOUNCE_FIRST,	  /* each VIP once */
	ANNOUNCE_SECOND,  /* the other form of ARP */
	ANNOUNCE_REPEAT,  /* the rest of the burst */
	ANNOUNCE_REFRESH, /* for as long as it is ACTIVE */
	ANNOUNCE_LEVELS
};

struct announce_item {
	struct announce_item *next, *prev;
	enum announce_level level;
	bool waits;
	unsigned at; /* how many VIPs were told; the owner's */
	uint64_t since_us;
};

struct announce_stats {
	unsigned waiting, waiting_max; /* routers */
	unsigned unheard;	       /* of these: that have VIPs that nobody was told of */
	uint64_t longest_us;	       /* that one waited until all its VIPs were told once */
	uint64_t spent_us, sends;
};

struct announce_queue {
	struct {
		struct announce_item *head, *tail;
		int64_t room; /* thousandths of a microsecond; below 0: owed */
	} level[ANNOUNCE_LEVELS];
	uint64_t now_us;
	struct announce_stats stats;
};

void announce_queue_init(struct announce_queue *q, uint64_t now_us);
/* Behind all others of that level, from its first VIP on; it may wait at another one already. */
void announce_put(struct announce_queue *q, struct announce_item *it, enum announce_level level,
		  uint64_t now_us);
void announce_drop(struct announce_queue *q, struct announce_item *it); /* also if it waits not */
/* Who may send now, or NULL. It stays first at its level until it is dropped. */
struct announce_item *announce_turn(struct announce_queue *q, uint64_t now_us);
/* It sent something at its level, which took so long. */
void announce_sent(struct announce_queue *q, enum announce_level level, uint64_t cost_us);
/* All its VIPs were told. */
void announce_told(struct announce_queue *q, struct announce_item *it, uint64_t now_us);
/* Microseconds until it is anybody's turn; UINT64_MAX: nobody waits. */
uint64_t announce_wait_us(struct announce_queue *q, uint64_t now_us);

#endif
