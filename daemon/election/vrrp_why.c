/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrrp_why.h"

#include <inttypes.h>

#define US_PER_MS 1000u

static void explain_silence(const struct vrrp_news *n, bool beatless, char why[static VRRP_WHY_LEN])
{
	char from[INET6_ADDRSTRLEN];

	if (n->heard->us)
		snprintf(why, VRRP_WHY_LEN, "%sno advertisement from %s for %" PRIu64 " ms",
			 beatless ? "heartbeats missing on all links, " : "",
			 ip_addr_format(&n->heard->from, from),
			 (n->now_us - n->heard->us) / US_PER_MS);
	else
		snprintf(why, VRRP_WHY_LEN, "no advertisement heard for %" PRIu64 " ms",
			 (n->now_us - n->started_us) / US_PER_MS);
}

void vrrp_explain(const struct vrrp_news *n, enum vrrp_why reason, char why[static VRRP_WHY_LEN])
{
	char from[INET6_ADDRSTRLEN];
	const char *them = ip_addr_format(&n->heard->from, from);

	switch (reason) {
	case VRRP_WHY_NONE:
		break;
	case VRRP_WHY_STARTED:
		snprintf(why, VRRP_WHY_LEN, "listening for an ACTIVE");
		break;
	case VRRP_WHY_SILENCE:
	case VRRP_WHY_BEATS:
		explain_silence(n, reason == VRRP_WHY_BEATS, why);
		break;
	case VRRP_WHY_RESIGNED:
		snprintf(why, VRRP_WHY_LEN, "%s resigned", them);
		break;
	case VRRP_WHY_WE_BID_MORE:
	case VRRP_WHY_THEY_BID_MORE:
		snprintf(why, VRRP_WHY_LEN, "%s bids %u, we bid %u", them, n->heard->prio, n->bid);
		break;
	case VRRP_WHY_BOOSTED:
		snprintf(why, VRRP_WHY_LEN, "promoted by hand");
		break;
	case VRRP_WHY_THEIR_ADDRESS:
		snprintf(why, VRRP_WHY_LEN, "%s bids %u as we do and has the higher address", them,
			 n->bid);
		break;
	case VRRP_WHY_SUCCEEDED:
		snprintf(why, VRRP_WHY_LEN, "resigned, %s took over", them);
		break;
	case VRRP_WHY_STALLED:
		snprintf(why, VRRP_WHY_LEN, "stood still for %" PRIu64 " ms, %s took over",
			 (n->now_us - n->tx_us) / US_PER_MS, them);
		break;
	case VRRP_WHY_ADOPTED:
		snprintf(why, VRRP_WHY_LEN, "adopted");
		break;
	case VRRP_WHY_STOPPED:
		snprintf(why, VRRP_WHY_LEN, "%s", n->fault[0] ? n->fault : "stopped");
		break;
	}
}
