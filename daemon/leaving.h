/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For how long a STANDBY believes that the ACTIVE is about to leave, and how long the way back to
 * one that left stays. Both are counted in looks of our own and not by a clock: a controller that
 * stands still for two seconds between the news and the resignation has not heard anything that
 * contradicts the news. Pure. */
#ifndef DAEMON_LEAVING_H
#define DAEMON_LEAVING_H

#include <stdbool.h>
#include <stdint.h>

#define LEAVING_LOOK_MS 100 /* between two looks, where nothing stands still */
#define LEAVING_LOOKS	10  /* as long as it is believed; it is told again with each heartbeat */

struct leaving { /* all zero: there is no news */
	uint32_t trail_ms;
	unsigned believed, way; /* looks that are left */
};

/* The source that we follow says that it leaves and forwards for trail_ms then. */
void leaving_heard(struct leaving *l, uint32_t trail_ms);
/* The one that we succeed says so still: it has not left yet. */
void leaving_goes_on(struct leaving *l, uint32_t trail_ms);
/* true: another look is due; false: the way back is no longer needed. */
bool leaving_look(struct leaving *l);
/* For so long the former ACTIVE is followed, should it not say before that it has ended; 0: there
 * is none that leaves. */
uint32_t leaving_trail_ms(const struct leaving *l);

#endif
