/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce_queue.h"

/* Longer than it takes to make good any debt, and far from an overflow. */
#define PASSED_MAX_US INT64_C(3600000000)

/* At once, and of each second. Who was just promoted is not reached until it has spoken, and has
 * nearly all of the loop's time; the rest is for whoever is promoted next. Refreshes go on for ever
 * and are in no hurry: who has heard the burst needs none. */
static const struct {
	int64_t at_once_us;
	int64_t share; /* per mille */
} bounds[ANNOUNCE_LEVELS] = {
	[ANNOUNCE_FIRST] = {20000, 800},
	[ANNOUNCE_SECOND] = {20000, 500},
	[ANNOUNCE_REPEAT] = {10000, 200},
	[ANNOUNCE_REFRESH] = {5000, 3},
};

void announce_queue_init(struct announce_queue *q, uint64_t now_us)
{
	*q = (struct announce_queue){.now_us = now_us};
	for (unsigned i = 0; i < ANNOUNCE_LEVELS; i++)
		q->level[i].room = bounds[i].at_once_us * 1000;
}

static void refill(struct announce_queue *q, uint64_t now_us)
{
	uint64_t us = now_us > q->now_us ? now_us - q->now_us : 0;
	int64_t passed = us < PASSED_MAX_US ? (int64_t)us : PASSED_MAX_US;

	for (unsigned i = 0; i < ANNOUNCE_LEVELS; i++) {
		q->level[i].room += passed * bounds[i].share;
		if (q->level[i].room > bounds[i].at_once_us * 1000)
			q->level[i].room = bounds[i].at_once_us * 1000;
	}
	if (now_us > q->now_us)
		q->now_us = now_us;
}

void announce_drop(struct announce_queue *q, struct announce_item *it)
{
	if (!it->waits)
		return;
	if (it->prev)
		it->prev->next = it->next;
	else
		q->level[it->level].head = it->next;
	if (it->next)
		it->next->prev = it->prev;
	else
		q->level[it->level].tail = it->prev;
	it->waits = false;
	q->stats.waiting--;
	q->stats.unheard -= it->level == ANNOUNCE_FIRST;
}

void announce_put(struct announce_queue *q, struct announce_item *it, enum announce_level level,
		  uint64_t now_us)
{
	announce_drop(q, it);
	*it = (struct announce_item){
		.prev = q->level[level].tail, .level = level, .waits = true, .since_us = now_us};
	if (it->prev)
		it->prev->next = it;
	else
		q->level[level].head = it;
	q->level[level].tail = it;
	q->stats.unheard += level == ANNOUNCE_FIRST;
	if (++q->stats.waiting > q->stats.waiting_max)
		q->stats.waiting_max = q->stats.waiting;
}

static unsigned first_level(const struct announce_queue *q)
{
	unsigned i = 0;

	while (i < ANNOUNCE_LEVELS && !q->level[i].head)
		i++;
	return i;
}

struct announce_item *announce_turn(struct announce_queue *q, uint64_t now_us)
{
	unsigned i = first_level(q);

	refill(q, now_us);
	return i < ANNOUNCE_LEVELS && q->level[i].room > 0 ? q->level[i].head : NULL;
}

void announce_sent(struct announce_queue *q, enum announce_level level, uint64_t cost_us)
{
	/* a process that stood still for seconds meanwhile has not sent for seconds */
	uint64_t most = (uint64_t)bounds[level].at_once_us * 10;

	q->level[level].room -= (int64_t)(cost_us < most ? cost_us : most) * 1000;
	q->stats.spent_us += cost_us;
	q->stats.sends++;
}

void announce_told(struct announce_queue *q, struct announce_item *it, uint64_t now_us)
{
	uint64_t us = now_us > it->since_us ? now_us - it->since_us : 0;

	if (it->waits && it->level == ANNOUNCE_FIRST && us > q->stats.longest_us)
		q->stats.longest_us = us;
	announce_drop(q, it);
}

uint64_t announce_wait_us(struct announce_queue *q, uint64_t now_us)
{
	unsigned i = first_level(q);

	if (i == ANNOUNCE_LEVELS)
		return UINT64_MAX;
	refill(q, now_us);
	if (q->level[i].room > 0)
		return 0;
	return (uint64_t)(-q->level[i].room / bounds[i].share) + 1;
}
