/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replication of one router inside the sync process: its engine, tied to the kernel's
 * conntrack table, to the links and to the loop. Owned by the worker. */
#ifndef VROUTER_SYNC_REPLICATION_H
#define VROUTER_SYNC_REPLICATION_H

#include "link.h"
#include "pulse.h"

/* Event priorities of the loop: a lower number goes first. */
enum { PRIO_IPC, PRIO_LINK, PRIO_CAPTURE, PRIO_BULK, PRIO_N };

struct replication;

/* What all routers share; the worker's. */
struct shared {
	struct event_base *base;
	struct links *links; /* set before the first router */
	struct sync_msg_conf conf;
	uint32_t self;
	struct pulse pulse;
	uint32_t quiet_ms;	    /* see engine_conf; as many routers as there are let it be */
	void (*on_news)(void *ctx); /* some router has something to say (replication_take) */
	void *ctx;
	/* of this round of the loop, for its pace (pace.h) */
	unsigned work;
	bool bulk;
};

/* Owns the sockets, and closes them on failure, too. 0 or -errno. */
must_check int replication_new(struct replication **out, struct shared *shared,
			       const struct sync_msg_router *conf, const int fds[static SYNC_FDS]);
void replication_free(struct replication *r); /* NULL is allowed */
uint32_t replication_id(const struct replication *r);
const char *replication_name(const struct replication *r);

/* What changed needs a new engine; a source opens a new stream. 0 or -errno: all is as it was. */
must_check int replication_change(struct replication *r, const struct sync_msg_router *conf);
/* The links changed: their datagrams may have become smaller, then as above. 0 or -errno. */
must_check int replication_fit(struct replication *r);
/* The key file changed. */
void replication_new_keys(struct replication *r);

/* A datagram with this router's id. buf is header and body, and is changed. */
void replication_on_datagram(struct replication *r, const struct dgram_hdr *h, uint8_t *buf,
			     size_t len);
/* A datagram that came while conntrackd's protocol is spoken. true: from another controller. */
bool replication_on_ctd(struct replication *r, const struct ip_addr *from, const uint8_t *buf,
			size_t len);
/* After a batch of datagrams. What is sent waits for links_flush(). */
void replication_after_batch(struct replication *r);

/* What comes back with the answer is m->request. */
void replication_promote(struct replication *r, const struct sync_msg_role *m);
void replication_demote(struct replication *r, bool flushed);
void replication_drain(struct replication *r, uint32_t wait_ms);
/* The core's neighbours. */
void replication_neighbours(struct replication *r, const struct sync_msg_neigh *m);
void replication_query(struct replication *r);
void replication_quiet(struct replication *r, uint32_t quiet_ms);
/* Who is heard, of the processes of others, is not what it was; again: somebody more. */
void replication_pulsed(struct replication *r, bool again);
/* The controller with this id has said its name as one of this router. */
bool replication_has_peer(const struct replication *r, uint32_t id);
/* Answered in parts, with this number. */
void replication_verify(struct replication *r, uint32_t request);
/* ASK, VOUCH, HEARS, WANT. */
void replication_path(struct replication *r, const struct sync_msg *m);
void replication_reserve(struct replication *r, const struct reserve_word *word);
void replication_leave(struct replication *r, const struct engine_leaving *l);

/* The next thing the core has to be told; false: nothing. now_ms limits how often a mere change of
 * status is reported; *later is set when one was held back. */
must_check bool replication_take(struct replication *r, uint64_t now_ms, struct sync_msg *out,
				 bool *later);
/* It could not be sent: it will be taken again. */
void replication_untake(struct replication *r, const struct sync_msg *m);

uint64_t monotonic_ms(void);

#endif
