/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a service's program is started, asked, ended and started again. Pure: time and what the
 * kernel says of the process come in, what to do and when to look again come out.
 *
 *                 ON              answered            OFF, RENEW, or no answer
 *        OFF ───────► STARTING ────────────► UP ──────────────────► ENDING ──► OFF
 *                        ▲  └──────────┬──────┘ it has ended           │
 *                        └── WAITING ◄─┴────────────────────────────────┘
 *
 * A program that ends again and again is started ever more slowly, SERVICE_BACKOFF_MIN_MS to
 * SERVICE_BACKOFF_MAX_MS; one that has lived for SERVICE_SETTLED_MS starts from the shortest wait
 * again. One that does not answer is ended (heartbeat.h counts: not what a machine that stands
 * still or does not let it run takes). */
#ifndef DAEMON_SERVICE_CARE_H
#define DAEMON_SERVICE_CARE_H

#include <stdbool.h>
#include <stdint.h>

#include "heartbeat.h"

#define SERVICE_BACKOFF_MIN_MS 100
#define SERVICE_BACKOFF_MAX_MS 30000
#define SERVICE_SETTLED_MS     10000
#define SERVICE_START_MS       10000 /* until it must have answered for the first time */
#define SERVICE_START_ASK_MS   100   /* until then it is asked that often, */
#define SERVICE_TRUST_MS       1000  /* one that is not asked is up when it has lived that long */
#define SERVICE_ASK_MS	       3000  /* and later */
#define SERVICE_STEP_MS	       300 /* while an answer is waited for: HEARTBEAT_MISSED_MAX of these */

enum service_state {
	SERVICE_OFF,
	SERVICE_STARTING, /* it runs, and has not answered yet */
	SERVICE_UP,
	SERVICE_ENDING,	 /* it is killed, and not gone yet */
	SERVICE_WAITING, /* for the next start */
	SERVICE_STATES
};
const char *service_state_name(enum service_state s);

enum service_event {
	SERVICE_EV_ON,
	SERVICE_EV_OFF,
	SERVICE_EV_RENEW, /* its configuration is another one now */
	SERVICE_EV_ASK,	  /* it can be asked from now on: see service_care.asks */
	SERVICE_EV_HUSH,
	SERVICE_EV_ANSWERED,
	SERVICE_EV_ENDED, /* or could not be started */
	SERVICE_EV_TIMER,
};

enum {
	SERVICE_DO_START = 1 << 0,
	SERVICE_DO_KILL = 1 << 1, /* ENDED follows */
	SERVICE_DO_ASK = 1 << 2,  /* ANSWERED follows, or not */
};

#define SERVICE_NEVER UINT64_MAX

struct service_in {
	enum service_event ev;
	uint64_t now_ms;
	struct heartbeat_look look; /* TIMER, while care.heartbeat.waiting */
};

struct service_out {
	uint32_t todo;
	const char *why; /* DO_KILL because of its silence; else NULL */
};

struct service_care { /* all zero but asks: off */
	enum service_state state;
	bool asks; /* it answers; else its life is all that is known of it */
	bool wanted;
	bool renewed; /* the next start is due at once */
	struct heartbeat heartbeat;
	uint64_t timer_ms; /* when TIMER is due; SERVICE_NEVER */
	uint64_t started_ms, backoff_ms;
	uint64_t starts, died, hung, asked, answered;
};

struct service_out service_step(struct service_care *c, const struct service_in *in);

#endif
