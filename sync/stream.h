/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP connections of one link in conntrackd's protocol: to and from each peer one, as its
 * programs have them. What is to be sent waits in a buffer, and finds none when a peer does not
 * read: messages are then lost as datagrams are, whole, and are asked for again. What comes is cut
 * at the lengths that messages begin with; a length that cannot be ends the connection, as nothing
 * tells where the next one begins. Sockets come from the core (SYNC_MSG_DIAL). */
#ifndef SYNC_STREAM_H
#define SYNC_STREAM_H

#include "vrouter/sync_ipc.h"

struct event_base;
struct streams;

struct stream_ops {
	/* Whole messages, one or more. true: they are from a controller. */
	bool (*on_messages)(void *ctx, uint8_t *buf, size_t len, const struct ip_addr *from);
	void (*on_batch)(void *ctx);
	void (*on_missing)(void *ctx, const struct sync_msg_stream *which);
};

/* Of conf's link with this index; conf is copied where it counts. 0 or -ENOMEM. */
must_check int streams_new(struct streams **out, struct event_base *base, int priority,
			   const struct sync_msg_conf *conf, unsigned link,
			   const struct stream_ops *ops, void *ctx);
void streams_free(struct streams *s); /* NULL is allowed */
/* Says which connections are missing; anew: nobody can have asked for them since the interface is
 * there. */
void streams_ask(struct streams *s, bool anew);
/* fd is owned from now on; it takes the place of one that there is. */
void streams_take(struct streams *s, unsigned peer, bool out, int fd);
/* Queues and sends. How many peers it found no room, or no connection, for. */
unsigned streams_send(struct streams *s, const uint8_t *buf, size_t len);
/* Delivers what has been received until now. */
void streams_drain(struct streams *s);
void streams_close(struct streams *s);

#endif
