/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the election's state changed, in words for people. Pure. */
#ifndef DAEMON_ELECTION_VRRP_WHY_H
#define DAEMON_ELECTION_VRRP_WHY_H

#include "vrouter/vrrp.h"

#define VRRP_WHY_LEN 160

/* The last valid advertisement of another controller. */
struct vrrp_heard {
	uint64_t us; /* 0: never */
	struct ip_addr from;
	uint8_t prio;
};

struct vrrp_news {
	const struct vrrp_heard *heard;
	uint64_t now_us, started_us;
	/* before the step: when we had advertised last, and what we bid */
	uint64_t tx_us;
	uint8_t bid;
	const char *fault; /* empty: none */
};

void vrrp_explain(const struct vrrp_news *n, enum vrrp_why reason, char why[static VRRP_WHY_LEN]);

#endif
