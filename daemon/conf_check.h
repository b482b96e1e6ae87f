/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of conf_check(). Pure. */
#ifndef DAEMON_CONF_CHECK_H
#define DAEMON_CONF_CHECK_H

#include "vrouter/conf.h"

/* What goes together with protocol = "conntrackd", and what needs it. */
void conf_check_conntrackd(const struct conf *c, struct conf_errors *errors);
void conf_check_election_peers(const struct conf *c, const struct conf_router *r,
			       struct conf_errors *errors);
/* Of router i, against those before it, and the names of all. */
void conf_check_group(const struct conf *c, unsigned i, struct conf_errors *errors);
/* NAT, who may use the router, port forwards; and of two routers. */
void conf_nat_check(const struct conf *c, const struct conf_router *r, struct conf_errors *errors);
void conf_nat_check_pair(const struct conf *c, const struct conf_router *a,
			 const struct conf_router *b, struct conf_errors *errors);
/* Those of one router, with its virtual MAC; those of two routers beside each other. */
void conf_check_legs(const struct conf *c, const struct conf_router *r, struct conf_errors *errors);
/* Ranges that VIPs are chosen from. */
void conf_vips_check(const struct conf *c, const struct conf_router *r, struct conf_errors *errors);
void conf_check_legs_of_two(const struct conf *c, const struct conf_router *a,
			    const struct conf_router *b, struct conf_errors *errors);

/* What does not go with sync { engine = "conntrackd" }. */
void conf_check_stock(const struct conf *c, struct conf_errors *errors);

/* Static routes, the host link, other networks; and the links of two routers. */
void conf_check_routes(const struct conf *c, const struct conf_router *r,
		       struct conf_errors *errors);
void conf_check_host_links(const struct conf *c, const struct conf_router *a,
			   const struct conf_router *b, struct conf_errors *errors);

#endif
