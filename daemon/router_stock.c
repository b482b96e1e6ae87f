/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A router whose flows are replicated by the stock conntrackd (stock.h): to the role machine it is
 * replication like ours, with less to say. It does not tell whether its cache is complete, nor who
 * the other controller is; so a replica counts as ready a while after it has asked for the other's
 * table, and an ACTIVE as followed. */
#include "router_priv.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "stock.h"
#include "vrouter/log.h"

#define BULK_MS 2000 /* for the other one's table to come */

static bool is_active(void *ctx)
{
	const struct router *r = ctx;

	return life_keeps_vips(&r->life);
}

static void phase(struct router *r, enum life_sync to)
{
	enum life_sync before = r->life.sync;
	char text[64];

	router_push(r,
		    (struct life_in){.ev = LIFE_EV_SYNC_PHASE,
				     .phase = to,
				     .term = r->life.term,
				     .followed = to == LIFE_SYNC_SOURCE},
		    NULL);
	if (to == before)
		return;
	snprintf(text, sizeof(text), "replication: %s -> %s", life_sync_name(before),
		 life_sync_name(to));
	log_info("router", r->conf.name, "%s (conntrackd)", text);
	router_happened(r, HAPPENING_SYNC, text, "conntrackd");
}

static void on_up(void *ctx)
{
	struct router *r = ctx;

	router_happened(r, HAPPENING_SYNC, "conntrackd is up", NULL);
	router_push(r, (struct life_in){.ev = LIFE_EV_SYNC_UP}, NULL);
	phase(r, is_active(r) ? LIFE_SYNC_SOURCE : LIFE_SYNC_SYNCING);
}

static void on_down(void *ctx, const char *why)
{
	struct router *r = ctx;

	evtimer_del(r->stock_timer);
	router_happened(r, HAPPENING_SYNC, "conntrackd is down", why);
	router_push(r, (struct life_in){.ev = LIFE_EV_SYNC_DOWN}, NULL);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;

	(void)fd;
	(void)what;
	if (is_active(r) || r->life.sync != LIFE_SYNC_SYNCING)
		return;
	if (r->stock_asked)
		phase(r, LIFE_SYNC_READY);
	else
		stock_request(r->stock);
}

/* Whether or not the commit went well, the role is ours: nobody else has it. It may have taken
 * longer than the VIPs waited. */
static void on_committed(struct router *r)
{
	if (r->life.state != LIFE_PROMOTING && !life_wants_vips(&r->life))
		return;
	router_push(r, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = r->life.term + 1}, NULL);
	phase(r, LIFE_SYNC_SOURCE);
}

static void on_command(void *ctx, enum stock_command c, const char *failed)
{
	struct router *r = ctx;

	if (failed) {
		log_err("router", r->conf.name, "%s%s", failed,
			c == STOCK_COMMIT ? ": flows may be missing" : "");
		router_happened(r, HAPPENING_SYNC, "a command of conntrackd failed", failed);
	}
	/* the role came, went and came again: its own commit is to come */
	if (c == STOCK_COMMIT && !stock_is_due(r->stock, STOCK_COMMIT))
		on_committed(r);
	if (c == STOCK_REQUEST && !is_active(r)) {
		r->stock_asked = !failed;
		router_arm(r->stock_timer, BULK_MS);
	}
}

static void on_left_out(void *ctx, unsigned n)
{
	struct router *r = ctx;
	char text[64];

	snprintf(text, sizeof(text), "%u flows could not be committed", n);
	log_err("router", r->conf.name, "conntrackd: %s: they are missing", text);
	router_happened(r, HAPPENING_SYNC, text, "conntrackd");
}

static void on_trouble(void *ctx, const char *what)
{
	struct router *r = ctx;

	snprintf(r->alarm[ROUTER_ALARM_ENGINE].text, sizeof(r->alarm[0].text), "%s",
		 what ? what : "");
	if (what)
		log_err("router", r->conf.name, "conntrackd: %s", what);
	router_happened(r, HAPPENING_SYNC, what ? "alarm" : "alarm over",
			what ? what : "conntrackd has what it needs");
}

int router_stock_open(struct router *r)
{
	static const struct stock_ops ops = {.is_active = is_active,
					     .on_up = on_up,
					     .on_down = on_down,
					     .on_command = on_command,
					     .on_left_out = on_left_out,
					     .on_trouble = on_trouble};
	const struct stock_env env = {.base = r->env->base,
				      .ns = r->ns,
				      .run_dir = r->env->run_dir,
				      .controller = r->env->controller,
				      .sync = r->env->stock};

	if (!r->env->stock)
		return 0;
	r->stock_timer = evtimer_new(r->env->base, on_ready, r);
	return r->stock_timer ? stock_new(&r->stock, &env, &r->conf, &ops, r) : -ENOMEM;
}

void router_stock_close(struct router *r)
{
	stock_free(r->stock);
	r->stock = NULL;
	if (r->stock_timer)
		event_free(r->stock_timer);
}

/* A promotion while it is up already (ACTIVE, and conntrackd is new) needs no commit: see
 * stock_plan_up(). */
void router_stock_role(struct router *r, enum sync_msg_type type)
{
	if (type == SYNC_MSG_PROMOTE && r->life.state == LIFE_PROMOTING) {
		stock_promote(r->stock);
	} else if (type == SYNC_MSG_DEMOTE) {
		evtimer_del(r->stock_timer);
		phase(r, LIFE_SYNC_SYNCING);
		stock_demote(r->stock);
	} else if (type == SYNC_MSG_DRAIN) {
		/* it tells of changes as they come; there is nothing to wait for */
		router_push(r, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = true}, NULL);
	}
}
