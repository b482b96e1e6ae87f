/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guard does for a router whose core died, while the next one is awaited: the election's own
 * state machine as ACTIVE, with an end. (state, event, now) -> what to do. Pure; times are us of a
 * monotonic clock.
 *
 * Two controllers must not both hold the router for longer than with a living core:
 *  - whatever waits in the socket is heard before anything is said, for the core may have stood
 *    still for long before it died;
 *  - until something was said, and after an interruption, any other ACTIVE is a successor, whatever
 *    it bids; otherwise VRRP's rules decide. Who yields does not come back;
 *  - who may be one, but has to prove first that it is no recording (vrouter/vrrp_auth.h), is given
 *    half an interval to do so, once. */
#ifndef DAEMON_GUARD_CARE_H
#define DAEMON_GUARD_CARE_H

#include "vrouter/vrrp_standin.h"

struct care {
	struct vrrp_cfg cfg;
	struct vrrp_inst inst;
	uint64_t until_us; /* nobody came: the end */
	uint64_t next_us;  /* the next advertisement */
	uint64_t sent_us;  /* the last one; 0: none yet */
	bool waited;	   /* for a proof, since then */
	unsigned answers;  /* to challenges, until the next one */
};

enum care_do {
	CARE_NOTHING,
	CARE_ADVERTISE,
	CARE_YIELD,  /* withdraw: there is a better one */
	CARE_RESIGN, /* the time is up: resign and withdraw */
};

/* The first advertisement is due at once. */
void care_start(struct care *c, const struct vrrp_standin *s, uint64_t timeout_us, uint64_t now_us);
/* An advertisement of another controller. */
enum care_do care_heard(struct care *c, const struct vrrp_packet *p, bool from_higher_addr,
			uint64_t now_us);
/* That may be one: its sender has been asked. */
void care_unproven(struct care *c, uint64_t now_us);
/* Who we are is asked. True: answer with an advertisement more. */
bool care_asked(struct care *c);
/* Called when care_due_us() has come, or at any time. */
enum care_do care_time(struct care *c, uint64_t now_us);
uint64_t care_due_us(const struct care *c);

#endif
