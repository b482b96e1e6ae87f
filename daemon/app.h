/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon: wires config, routers, replication and control together; owner of all of them. */
#ifndef DAEMON_APP_H
#define DAEMON_APP_H

#include "app_answer.h"
#include "app_off.h"
#include "router.h"
#include "sync_dial.h"
#include "vrouter/control.h"

struct app_opts {
	const char *config;
	bool foreground, debug;
	bool resume; /* in the process of another: where that was, there is no way to go */
};

/* Runs until it is told to end. An exit status. */
int app_run(const struct app_opts *opts);

/* ---- inside, shared by app.c, app_reload.c, app_control.c and status.c ------------------------
 */

#define APP_LINKS_MAX SYNC_LINKS_MAX

struct app {
	const struct app_opts *opts;
	struct conf *conf;
	char *config; /* its absolute path */
	char *exe;    /* ours: where another version may be now */
	/* as at the start; a reload cannot change them, and routers keep pointers to them */
	char run_dir[CONF_PATH_MAX], state_dir[CONF_PATH_MAX], controller[CONF_NAME_MAX];
	struct event_base *base;
	struct router_env env;
	struct sync_child *sync;
	struct conf_sync stock; /* for routers that conntrackd replicates; cannot change */
	struct sync_dial *dial; /* NULL: it has no connections */
	struct guard *guard;
	struct procwatch *procs;
	struct ovs *ovs;
	struct host_nat *host_nat;
	struct net_host *host;
	struct announcing *announcing;
	struct adopt *adopt; /* NULL: nobody stood in for a core before */
	bool adopting;	     /* and has yet to be told what was adopted */
	int listener;	     /* where the next core finds the guard; -1: none is to be adopted */
	struct ctl_server *ctl;
	struct router **router; /* n_routers of room for CONF_ROUTERS_MAX */
	unsigned n_routers;
	uint16_t found[1024]; /* by app_find(), where: by the hash of the name; may be wrong */
	struct router_groups groups;
	bool *leaves; /* by the same index: what it made is to go, too */
	struct app_off *off;
	struct event_ring ring;
	struct event *sigterm, *sigint, *sighup, *watchdog, *notify_timer;
	struct app_answers answers;
	unsigned n_checks;			  /* under way */
	struct app_verify *verify;		  /* requests that wait, a list */
	uint32_t verify_requests;		  /* number of the last one */
	struct sync_msg_link link[APP_LINKS_MAX]; /* that failed */
	unsigned n_links;
	uint64_t started_ms;
	uint64_t watchdog_ms;
	bool stopping;
	struct upgrade *upgrade; /* NULL until the first one */
};

struct router *app_find(struct app *a, const char *name);
/* Stores an event, tells the followers and the service manager. */
void app_happening(struct app *a, const struct happening *h);

/* app_vips.c: what routers that choose their VIPs ask for; ctx is the app. */
bool app_is_taken(void *ctx, const struct router *asks, const struct ip_addr *a);
bool app_is_linked(void *ctx);
/* The router that it was chosen for, or NULL. */
const struct router *app_chosen_for(const struct app *a, const struct ip_addr *vip);
/* Routers that are added from now on tell of processes in their namespaces; or no more. */
void app_know_processes(struct app *a, bool know);
/* It ends in order, and what it made goes; app_off_ended() follows. */
void app_end_router(struct app *a, const char *name, const char *why);

/* For helper processes. */
struct spawn_opts app_spawn_opts(const struct app *a);

/* Are flows replicated by our own process? */
bool app_has_sync(const struct conf *c);
/* What conntrackd's protocol does not have, where it is spoken. */
void app_warn_protocol(const struct conf *c);
/* What routers have to know of the section sync. */
void app_set_sync(struct app *a);
/* app_sync.c. 0 or -errno. */
must_check int app_start_sync(struct app *a);

/* app_guard.c. 0 or -errno. */
must_check int app_look_for_kept(struct app *a); /* first */
must_check int app_start_guard(struct app *a);
void app_end_guard(struct app *a);
/* Gives the guard what the next core will need; again when that has changed. */
void app_hold(struct app *a);

/* app_upgrade.c: answers through app_on_answer(). */
void app_upgrade(struct app *a, uint64_t client);
void app_upgrade_free(struct app *a);

/* app_reload.c */
#define APP_TEXT_MAX 2048
/* A configuration that was read, after all was tried that can fail before the first change. */
struct app_trial {
	struct conf *conf;
	struct conf_delta *delta; /* from the one that runs; NULL: it did not come to that */
	unsigned n;
	struct sync_msg_conf keys;
};
/* 0, or -errno with why: a reload is refused. In either case app_trial_free() follows. */
must_check int app_trial_new(struct app *a, struct app_trial *out, char why[static APP_TEXT_MAX]);
void app_trial_free(struct app_trial *t);
/* 0 or -errno; text says what was done, or why nothing was. */
must_check int app_reload(struct app *a, char text[static APP_TEXT_MAX]);
/* The part of the config that the replication process gets, with its keys. 0 or -errno. */
must_check int app_sync_conf(const struct conf *c, struct sync_msg_conf *out,
			     char why[static APP_TEXT_MAX]);
/* 0 or -errno. */
must_check int app_add_router(struct app *a, const struct conf_router *conf,
			      char reason[static NET_REASON_MAX]);

/* app_control.c */
void app_on_request(void *ctx, uint64_t client, const struct ctl_request *req);
void app_on_answer(void *ctx, uint64_t client, bool ok, const char *text);

/* app_check.c: looks at a router and answers the client. */
void app_check(struct app *a, uint64_t client, const struct ctl_request *req);

/* app_plan.c: what a reload would change, as JSON. NULL with why: the configuration cannot be read,
 * so nothing would. */
json_t *app_plan(struct app *a, char why[static APP_TEXT_MAX]);

/* app_verify.c: compares a router's tables and answers the client. */
void app_verify(struct app *a, const char *router, uint64_t client);
void app_verify_page(struct app *a, const struct sync_msg_verified *m);
void app_verify_down(struct app *a, const char *why); /* nothing will come any more */
void app_verify_ended(struct app *a);		      /* some routers are gone */

/* As JSON, a new reference; NULL: null. */
json_t *happening_json(const struct happening *h);

#endif
