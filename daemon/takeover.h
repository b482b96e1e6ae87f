/* SPDX-License-Identifier: GPL-2.0-or-later */
/* May a BACKUP that hears no advertisement take over? VRRP alone says yes: silence is a dead
 * ACTIVE. Here two others have a word, and each can only hold it back:
 *  - the ACTIVE itself, asked over the replication links before the time is up (a veto);
 *  - a program of the operator's that has to succeed first (a fence).
 * Each "not yet" is judged again soon, so a veto ends with the next question that is not answered.
 * A planned change of roles is not judged. Pure; times are ms of a monotonic clock. */
#ifndef DAEMON_TAKEOVER_H
#define DAEMON_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#define TAKEOVER_RETRY_MIN_MS 1000 /* after a fence that failed; doubles */
#define TAKEOVER_RETRY_MAX_MS 30000

struct takeover_cfg {
	bool veto, fence;
};

enum takeover_fence { TAKEOVER_UNFENCED, TAKEOVER_FENCING, TAKEOVER_FENCED };

struct takeover {	   /* all zero at the start, but for question: any number */
	uint64_t question; /* the last that was asked */
	bool vouched;	   /* it was answered */
	char name[64];	   /* by whom */
	uint32_t term;
	enum takeover_fence fence;
	uint64_t retry_at;
	uint32_t retry_ms;
	uint64_t asked_until; /* for the role, see takeover_waits() */
};

/* The next question's number; what was answered before counts no more. */
uint64_t takeover_ask(struct takeover *t);
/* An answer. Heeded when it is to the last question. */
void takeover_vouched(struct takeover *t, uint64_t question, const char *name, uint32_t term);

/* Heartbeats of the ACTIVE are missing since: it answered before that. An answer that is still
 * under way counts. */
void takeover_silent(struct takeover *t);

enum takeover_verdict {
	TAKEOVER_GO,
	TAKEOVER_VETO,	/* name says that it is ACTIVE and well */
	TAKEOVER_FENCE, /* not yet: start the program, then call takeover_ended() */
	TAKEOVER_WAIT,	/* not yet: the program runs, or has failed lately */
};
enum takeover_verdict takeover_judge(const struct takeover_cfg *cfg, struct takeover *t,
				     uint64_t now);
/* The program ended. false: it was started for a silence that is over, and says nothing now. */
bool takeover_ended(struct takeover *t, bool ok, uint64_t now);
/* We bid more than the ACTIVE. true: it is to be asked for the role, and waited for: not longer
 * than wait_ms after the first time. What it was about is over when our state is another one; and,
 * should we no longer bid more meanwhile, when as much time again has passed. */
bool takeover_waits(struct takeover *t, uint64_t now, uint32_t wait_ms);
void takeover_waits_no_more(struct takeover *t);
/* The silence is over: an ACTIVE is heard, or this is one. */
void takeover_over(struct takeover *t);

#endif
