/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routers of the configuration that an operator has stopped or removed: nothing of them runs until
 * they are started again, also not after a restart of the daemon (router_state.h). */
#ifndef DAEMON_APP_OFF_H
#define DAEMON_APP_OFF_H

#include "router_state.h"
#include "vrouter/conf.h"
#include "vrouter/leftovers.h"

struct app;

struct app_off {
	struct app_off *next;
	enum router_off what;
	bool busy;	 /* its router is still there, and ends */
	uint64_t client; /* busy: to be answered */
	uint64_t since_ms;
	char name[CONF_NAME_MAX];
	char left[NET_LEFT_MAX]; /* removed: what keeps its namespace; empty: nothing */
};

/* NULL: it is not off. */
struct app_off *app_off_find(const struct app *a, const char *name);
/* The first that is still on its way there; NULL: none. */
const struct app_off *app_off_busy(const struct app *a);
/* Is c off since before this process? Then nothing of it may be there, and that is seen to. */
bool app_off_kept(struct app *a, const struct conf_router *c);
/* Its router has ended and was freed. */
void app_off_ended(struct app *a, const char *name);
/* The configuration has it no more. */
void app_off_forget(struct app *a, const char *name);
void app_off_free(struct app *a);

/* The verbs; each is answered through app_on_answer(), now or later. */
void app_off_stop(struct app *a, const struct conf_router *c, enum router_off what,
		  uint64_t client);
void app_off_start(struct app *a, const struct conf_router *c, uint64_t client);

#endif
