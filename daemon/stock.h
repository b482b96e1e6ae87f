/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stock conntrackd of one router (sync { engine = "conntrackd" }): a supervised child in the
 * router's namespace (service.h), and its commands, each a run of the same program beside the event
 * loop, one at a time and with a time limit. Nothing here blocks. */
#ifndef DAEMON_STOCK_H
#define DAEMON_STOCK_H

#include "service.h"
#include "stock_plan.h"
#include "vrouter/conf.h"

#define STOCK_COMMIT_MS 10000 /* then it is killed, and the VIPs come without */

struct event_base;
struct netns;
struct stock;

struct stock_env {
	struct event_base *base;
	struct netns *ns;
	const char *run_dir, *controller;
	const struct conf_sync *sync;
};

struct stock_ops {
	bool (*is_active)(void *ctx);		     /* the router */
	void (*on_up)(void *ctx);		     /* a new one answers; stock_plan_up() is due */
	void (*on_down)(void *ctx, const char *why); /* that one is no more */
	/* A command has ended: well, or why not. */
	void (*on_command)(void *ctx, enum stock_command c, const char *failed);
	/* A commit has left out so many flows or expectations. */
	void (*on_left_out)(void *ctx, unsigned n);
	/* What it cannot do without is missing; NULL: no longer. */
	void (*on_trouble)(void *ctx, const char *what);
};

struct stock_stats {
	uint64_t runs[STOCK_COMMANDS], failed[STOCK_COMMANDS];
	uint64_t left_out; /* flows and expectations that commits did not bring into the kernel */
	uint64_t starts, died, hung;
};

struct stock_view {
	struct service_view service;
	struct stock_stats stats;
	bool up;
	enum stock_command running, failed; /* failed: the last one that did, or NONE */
	const char *reason;		    /* of that */
};

/* Of env, ns and sync are borrowed; the router's configuration (until stock_reconfigure()), ops and
 * ctx, too. It starts from the event loop. 0 or -errno. */
must_check int stock_new(struct stock **out, const struct stock_env *env,
			 const struct conf_router *router, const struct stock_ops *ops, void *ctx);
/* Ends it, and its links go. NULL is allowed. */
void stock_free(struct stock *s);
/* Another filter or other VIPs: it is started anew where its file is another one. */
void stock_reconfigure(struct stock *s, const struct conf_router *router);
bool stock_is_up(const struct stock *s);
/* The role begins (on_command tells of the commit), or has ended. Down: nothing is done. */
void stock_promote(struct stock *s);
void stock_demote(struct stock *s);
void stock_request(struct stock *s); /* for the other one's table, again */
/* It will still do that for the role of now: what has ended was for another one. */
bool stock_is_due(const struct stock *s, enum stock_command c);
void stock_view(const struct stock *s, struct stock_view *out);

#endif
