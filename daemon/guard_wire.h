/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guard that stands in for a dead core and the next core say to each other, one datagram
 * each, over the socket RUN-DIR/guard.sock. The two may be of different versions: known fields
 * never change, fields are appended to an entry or to the end, and what is not known is skipped.
 * All numbers are big-endian. Pure.
 *
 *   HELLO  magic (4), type (1), pid (4), sync id (8), count (2), entries: length (2) of
 *            name length (1), name, id (8), term (4), since (8), flags (1),
 *            epoch (8), number (8): of the advertisements' stamps; 0: none, or an older version
 *          with replication's pair and a pidfd of its process, if there is one
 *   DONE   magic (4), type (1), count (2), entries: length (2) of name length (1), name */
#ifndef DAEMON_GUARD_WIRE_H
#define DAEMON_GUARD_WIRE_H

#include "vrouter/netns.h"
#include "vrouter/vrrp_auth.h"

#define GUARD_WIRE_ROUTERS 1024
/* The longest datagram that we send; a longer one of another version is refused. */
#define GUARD_WIRE_MAX (19 + GUARD_WIRE_ROUTERS * (2 + 1 + NET_NAME_MAX + 37))

/* A router that is ACTIVE, as the core told its guard. */
struct guard_role {
	char router[NET_NAME_MAX];
	uint64_t id; /* conf_router_id() */
	uint32_t term;
	uint64_t since_ms; /* wall clock: it became ACTIVE */
	bool boosted;	   /* see struct vrrp_inst */
	bool had_table;	   /* see struct life */
	struct vrrp_lifetime life;
};

struct guard_hello {
	uint32_t pid;	  /* of the guard, in its own namespace of them */
	uint64_t sync_id; /* conf_sync_id(), of who started the process */
	unsigned n;
	struct guard_role *role; /* n of them */
};

/* The length, or 0 when cap is too small or n too large. */
size_t guard_hello_encode(const struct guard_hello *h, uint8_t *buf, size_t cap);
/* out->role: room for GUARD_WIRE_ROUTERS. 0 or -EPROTO. */
must_check int guard_hello_decode(struct guard_hello *out, const uint8_t *buf, size_t len);

/* The routers that were adopted; the guard leaves for all others. */
size_t guard_done_encode(const char (*names)[NET_NAME_MAX], unsigned n, uint8_t *buf, size_t cap);
/* names: room for GUARD_WIRE_ROUTERS. How many, or -EPROTO. */
must_check int guard_done_decode(char (*names)[NET_NAME_MAX], const uint8_t *buf, size_t len);

#endif
