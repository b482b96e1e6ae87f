/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announcing.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "clock.h"

#define TURN_US 3000 /* then the loop looks after everything else */

struct announcing {
	struct announce_queue queue;
	const struct announcing_ops *ops;
	struct event *timer;
	bool runs;
};

/* One that is told may be put anew by it, or dropped. */
static void serve(struct announcing *a, struct announce_item *it)
{
	enum announce_level level = it->level;
	uint64_t began = now_us();

	if (a->ops->tell(it)) {
		announce_sent(&a->queue, level, now_us() - began);
		return;
	}
	announce_told(&a->queue, it, began);
	a->ops->told(it);
}

static void run(struct announcing *a)
{
	uint64_t began = now_us(), wait;
	struct announce_item *it;
	struct timeval tv;

	a->runs = true;
	while (now_us() - began < TURN_US && (it = announce_turn(&a->queue, now_us())))
		serve(a, it);
	a->runs = false;
	wait = announce_wait_us(&a->queue, now_us());
	tv = timeval_us(wait);
	if (wait == UINT64_MAX)
		evtimer_del(a->timer);
	else
		evtimer_add(a->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	run(ctx);
}

/* Where others wait, it is the timer's turn: a thousand promotions are not to wait for each other's
 * announcements. */
void announcing_put(struct announcing *a, struct announce_item *it, enum announce_level level)
{
	bool others;

	announce_drop(&a->queue, it);
	others = a->queue.stats.waiting != 0;
	announce_put(&a->queue, it, level, now_us());
	if (!others && !a->runs)
		run(a);
	else if (!a->runs && !evtimer_pending(a->timer, NULL))
		evtimer_add(a->timer, &(struct timeval){.tv_sec = 0});
}

void announcing_drop(struct announcing *a, struct announce_item *it)
{
	announce_drop(&a->queue, it);
}

const struct announce_stats *announcing_stats(const struct announcing *a)
{
	return &a->queue.stats;
}

int announcing_new(struct announcing **out, struct event_base *base,
		   const struct announcing_ops *ops)
{
	struct announcing *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	announce_queue_init(&a->queue, now_us());
	a->ops = ops;
	a->timer = evtimer_new(base, on_timer, a);
	if (!a->timer) {
		free(a);
		return -ENOMEM;
	}
	*out = a;
	return 0;
}

void announcing_free(struct announcing *a)
{
	if (!a)
		return;
	event_free(a->timer);
	free(a);
}
