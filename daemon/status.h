/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon knows, as JSON: a member or, with the key NULL, an object for each router. Field
 * names are an interface: they may be added to, not changed. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "app.h"

/* status.c, status_off.c. The members that come before the list of routers; one router, brief: what
 * a line of a list of many has. */
void status_head(struct jbuf *b, const struct app *a);
void status_router(struct jbuf *b, const struct app *a, const struct router *r, bool brief);
void status_off(struct jbuf *b, const struct app_off *o, const struct conf_router *c, bool brief);
/* status_peers.c */
void status_peers(struct jbuf *b, const struct app *a, const struct router *r);
/* status_stats.c */
void status_stats_head(struct jbuf *b, const struct app *a);
void status_stats(struct jbuf *b, const struct router *r);

/* Parts of them. */
#define STATUS_TIME_LEN 40
const char *status_time(uint64_t wall_ms, char text[static STATUS_TIME_LEN]);
/* All of them, and those of each leg. pending: those that are chosen are not yet. */
void status_vips(struct jbuf *b, const struct conf_router *c, bool pending);
void status_neighbours(struct jbuf *b, const struct router_neigh_stats *n);
/* status_nat.c. Packets by reason; new flows by port forward. */
void status_nat(struct jbuf *b, const struct conf_router *c);
void status_drops(struct jbuf *b, const struct nat_counters *c);
void status_forwards(struct jbuf *b, const struct conf_router *c, const struct nat_counters *n);
/* status_services.c: what a router serves */
void status_services(struct jbuf *b, const struct router *r);
void status_services_stats(struct jbuf *b, const struct router *r);
/* status_stock.c: conntrackd as the engine */
void status_stock(struct jbuf *b, const struct router_view *v);
void status_stock_stats(struct jbuf *b, const struct router_view *v);

#endif
