/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A conntrackd.conf for conntrackd 1.4.7 out of our settings. Pure. */
#ifndef CONNTRACKD_CONF_CTD_WRITE_H
#define CONNTRACKD_CONF_CTD_WRITE_H

#include "stmt.h"
#include "vrouter/conf.h"

struct ctd_link {
	const char *interface; /* as conntrackd sees it */
	struct ip_addr own;    /* this controller's address on it; none is needed for IPv6 groups */
};

struct ctd_write {
	const struct conf_sync *sync;
	const struct conf_router *router;
	const char *dir; /* of lock file and socket */
	/* Of sync.interface[i]. */
	struct ctd_link link[SYNC_LINKS_MAX];
};

#define CTD_WHY_MAX 200
/* 0, or -EINVAL: conntrackd cannot do that, why says what; then out is to be thrown away. */
must_check int ctd_write(struct txt *out, const struct ctd_write *w, char why[static CTD_WHY_MAX]);

/* What of a filter conntrackd cannot do, or NULL. */
const char *ctd_filter_lacks(const struct conf_filter *f);

/* Its link inside of a router's namespace (sync { engine = "conntrackd" }): the i-th's name, and an
 * address for it, made of both names, in 169.254.0.0/16: nobody asks for it, as all is multicast.
 */
void ctd_link_name(char out[static IFNAMSIZ], unsigned i);
void ctd_link_address(struct ip_prefix *out, const char *controller, const char *router);

#endif
