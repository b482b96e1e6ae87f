/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the announcements of all routers in the order and at the pace of announce_queue.h. */
#ifndef DAEMON_ANNOUNCING_H
#define DAEMON_ANNOUNCING_H

#include "announce_queue.h"

struct event_base;
struct announcing;

struct announcing_ops {
	bool (*tell)(struct announce_item *it); /* its next VIP; false: all were told */
	void (*told)(struct announce_item *it); /* they were; it may be put anew */
};

/* 0 or -errno. base is borrowed. */
must_check int announcing_new(struct announcing **out, struct event_base *base,
			      const struct announcing_ops *ops);
void announcing_free(struct announcing *a); /* behind the last item */
/* Sends at once what may be sent at once. */
void announcing_put(struct announcing *a, struct announce_item *it, enum announce_level level);
void announcing_drop(struct announcing *a, struct announce_item *it);
const struct announce_stats *announcing_stats(const struct announcing *a);

#endif
