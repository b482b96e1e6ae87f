/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replication network: a UDP socket on every configured interface. Every datagram leaves on
 * each of them (the engine knows duplicates), to the group; unicast peers are reached through the
 * first. With conntrackd's protocol it leaves on one of them, as conntrackd has it: the first that
 * carries, until that does not; or until the other controller is heard on another one alone. Over
 * TCP a datagram is as much of a connection's stream, and some messages of its protocol are one. An
 * interface that is missing or down is tried again twice a second. Owned by the worker. */
#ifndef VROUTER_SYNC_LINK_H
#define VROUTER_SYNC_LINK_H

#include "vrouter/sync_ipc.h"

struct event_base;
struct links;

#define LINK_DATAGRAM_MAX 9216 /* the largest that is sent or received */

struct link_ops {
	/* buf may be changed. */
	/* true: it is from another controller */
	bool (*on_datagram)(void *ctx, uint8_t *buf, size_t len, const struct ip_addr *from);
	/* After a batch of them. */
	void (*on_batch)(void *ctx);
	/* A connection, see SYNC_MSG_DIAL; asked for twice a second. */
	void (*on_missing)(void *ctx, const struct sync_msg_stream *which);
	void (*on_state)(void *ctx, const char *interface, bool up, const char *text);
};

/* Interfaces that cannot be used yet are no failure. conf is copied; ops and ctx are borrowed. 0 or
 * -errno. */
must_check int links_new(struct links **out, struct event_base *base, int priority,
			 const struct sync_msg_conf *conf, const struct link_ops *ops, void *ctx);
void links_free(struct links *l); /* NULL is allowed */
/* Bytes of UDP payload that fit every usable interface. */
size_t links_payload(const struct links *l);
/* A place in the queue for a datagram of len bytes, to be written before anything else is called;
 * NULL when it cannot be sent. What is lost is added to *errors, which is borrowed until it left,
 * or links_forget(). */
must_check uint8_t *links_put(struct links *l, size_t len, uint64_t *errors);
void links_forget(struct links *l, const uint64_t *errors);
/* Sends what the kernel takes; the rest follows when it takes more. l may be NULL. */
void links_flush(struct links *l);
/* A connection that was missing; fd is owned from now on, and closed where it has no place. 0 or
 * -errno: the message is wrong. */
must_check int links_take(struct links *l, const struct sync_msg_stream *m, int fd);
/* Delivers everything that has been received until now, as one batch. */
void links_drain(struct links *l);

#endif
