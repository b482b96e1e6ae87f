/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replication of one router in the protocol of conntrackd, version 1: what the engine
 * (vrouter/engine.h) is for our own. Pure. The same kernel side (engine_ops), the same order at a
 * promotion. What that protocol does not have is not here: it names no router, no controller and no
 * role, nobody says that its table is complete, and nothing is sealed. docs/conntrackd.md says what
 * is sent when, and what READY is worth. Times are ms of a monotonic clock. */
#ifndef VROUTER_CTD_H
#define VROUTER_CTD_H

#include "vrouter/engine.h"

struct ctd;

enum ctd_mode {
	CTD_MODE_FTFW,	  /* messages are acknowledged, and asked for again when they are missing */
	CTD_MODE_NOTRACK, /* they are not */
	CTD_MODE_ALARM,	  /* nor that; everything is told again from time to time */
};
const char *ctd_mode_name(enum ctd_mode m);

#define CTD_KNOWN_MAX 8 /* addresses that are listened to */

struct ctd_conf {
	enum ctd_mode mode;
	size_t room;	     /* bytes of a datagram */
	size_t ring_bytes;   /* bound of what is remembered of sent messages */
	uint32_t pin_s;	     /* timeout of flows on a replica */
	uint32_t refresh_ms; /* ALARM: everything is told so often, here and by others */
	struct flow_timeouts timeouts;
	struct flow_locals locals;
	struct flow_filter filter; /* as source */
	/* Only these are listened to; none: everybody on the link. */
	struct ip_addr known[CTD_KNOWN_MAX];
	unsigned n_known;
	/* Several links: whoever is heard is the one other controller, from whichever address. */
	bool pair;
};

struct ctd_ops {
	/* What it is to the kernel and the core; the parts of it that are of our own protocol are
	 * not called. */
	const struct engine_ops *kernel;
	/* Queue one datagram for everybody; borrowed for the call. */
	void (*send)(void *ctx, const uint8_t *datagram, size_t len);
};

/* 0, -EINVAL or -ENOMEM. ops, ctx and counters are borrowed. Starts as a replica, and says HELLO
 * until it is answered. */
must_check int ctd_new(struct ctd **out, const struct ctd_conf *conf, const struct ctd_ops *ops,
		       void *ctx, struct sync_counters *counters, uint64_t now);
void ctd_free(struct ctd *c); /* NULL is allowed */

/* The following are what the engine's are, see vrouter/engine.h. */
uint32_t ctd_promote(struct ctd *c, uint32_t min_term, uint64_t now);
void ctd_demote(struct ctd *c, uint64_t now);
void ctd_set_filter(struct ctd *c, const struct flow_filter *filter, uint64_t now);
void ctd_drain(struct ctd *c, uint32_t wait_ms, uint64_t now);
/* Answered at once: this protocol cannot compare. */
void ctd_verify(struct ctd *c, uint32_t request);

void ctd_on_change(struct ctd *c, const struct flow *f, enum flow_change change, uint64_t now);
void ctd_on_expect_change(struct ctd *c, const struct expect *x, enum flow_change change,
			  uint64_t now);
void ctd_on_drained(struct ctd *c, uint64_t now);
void ctd_on_overrun(struct ctd *c, uint64_t now);
void ctd_on_dump(struct ctd *c, const struct flow *f);
void ctd_on_expect(struct ctd *c, const struct expect *x);
void ctd_on_apply_failed(struct ctd *c, const struct flow *f, int err);

/* A datagram, which anybody can have sent. true: it is from a controller, as far as it can be told.
 */
bool ctd_on_datagram(struct ctd *c, const struct ip_addr *from, const uint8_t *buf, size_t len,
		     uint64_t now);
uint64_t ctd_run(struct ctd *c, uint64_t now);

void ctd_status(const struct ctd *c, struct engine_status *out);
unsigned ctd_peers(const struct ctd *c, struct engine_peer out[static ENGINE_PEERS_MAX],
		   uint64_t now);

#endif
