/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A planned change of the ACTIVE, as far as two routers have to work together for it.
 *
 *   who comes                                 who leaves
 *   bids more: asks for the role  ──────────> drains: says so, and where its legs are
 *   the way back is laid          <────────── resigns
 *   takes over, its addresses are there ────> lingers: silent, but it forwards what still comes
 *   passes back what it cannot place ───────> and tells what that changes
 *   opens its stream              <────────── ends its own, its addresses go
 *
 * Each step that does not come is waited for by a bounded time only, and then the next follows. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

#define ASKED_MS 500 /* beyond the time that the ACTIVE may need to drain */

/* Who lingers and cannot be silent must not have the addresses. */
void router_desired(const struct router *r, struct net_desired *d, bool active)
{
	bool lingers = r->life.state == LIFE_LINGERING;

	conf_net_desired(d, &r->conf, active && (!lingers || r->handover.silent));
}

/* Two legs with one MAC are one to a switch. */
uint32_t router_handover_linger_ms(const struct conf_router *c)
{
	return c->election.virtual_mac ? 0 : ROUTER_TRAIL_MS;
}

static void clear(struct router *r)
{
	char reason[NET_REASON_MAX] = "";

	r->handover.silent = r->handover.returning = false;
	if (handover_clear(r->ns, reason) < 0)
		log_err("router", r->conf.name, "%s", reason);
}

void router_handover_reset(struct router *r)
{
	evtimer_del(r->handover.timer);
	r->handover.leaving = (struct leaving){0};
	clear(r);
}

void router_handover_loud(struct router *r)
{
	if (r->handover.silent)
		clear(r);
}

/* ---- who leaves ------------------------------------------------------------------------------
 */

static void tell_leaving(struct router *r, const struct engine_leaving *what)
{
	struct sync_msg m = {.type = SYNC_MSG_LEAVE, .leaving = {.what = *what}};

	snprintf(m.leaving.router, sizeof(m.leaving.router), "%s", r->conf.name);
	if (r->env->sync)
		sync_child_send(r->env->sync, &m, NULL, 0);
}

void router_handover_leave(struct router *r)
{
	struct engine_leaving l = {.trail_ms = r->life_cfg.trail_ms};
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;
	struct net_actual a;

	/* nothing may come back that we pass on */
	if (r->handover.returning)
		router_handover_reset(r);
	router_desired(r, &d, true);
	if (!l.trail_ms || net_read(r->ns, &d, &a, reason) < 0)
		return;
	for (unsigned i = 0; i < NET_LEGS; i++)
		memcpy(l.mac[i], a.leg[i].mac, sizeof(l.mac[i]));
	tell_leaving(r, &l);
}

void router_handover_stay(struct router *r)
{
	tell_leaving(r, &(struct engine_leaving){.trail_ms = 0});
}

void router_handover_linger(struct router *r)
{
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;

	router_stop_announcing(r);
	router_desired(r, &d, true);
	r->handover.silent = handover_silence(r->ns, &d, reason) == 0;
	if (!r->handover.silent)
		log_err("router", r->conf.name, "cannot be silent, so it leaves at once: %s",
			reason);
	router_net_look(r);
}

/* ---- who comes -------------------------------------------------------------------------------
 */

static void lay_way_back(struct router *r, const struct engine_leaving *l)
{
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;

	if (r->conf.nat == NET_NAT_NONE ||
	    (r->handover.returning && memcmp(r->handover.mac, l->mac, sizeof(l->mac)) == 0))
		return;
	router_desired(r, &d, true);
	memcpy(r->handover.mac, l->mac, sizeof(l->mac));
	r->handover.returning = true;
	if (handover_return(r->ns, &d, l->mac, reason) < 0)
		log_warn("router", r->conf.name, "%s", reason);
}

void router_handover_arrived(struct router *r)
{
	const struct router_handover *h = &r->handover;
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;

	if (!h->returning)
		return;
	router_desired(r, &d, true);
	if (handover_return_ipv6(r->ns, &d, h->mac, reason) < 0)
		log_warn("router", r->conf.name, "%s", reason);
}

static void on_leaving(struct router *r, const struct engine_leaving *l)
{
	if (r->life.state == LIFE_STANDBY) {
		leaving_heard(&r->handover.leaving, l->trail_ms);
		lay_way_back(r, l);
	} else if (r->handover.returning) {
		leaving_goes_on(&r->handover.leaving, l->trail_ms);
	}
	if (r->handover.leaving.way && !evtimer_pending(r->handover.timer, NULL))
		router_arm(r->handover.timer, LEAVING_LOOK_MS);
}

uint32_t router_handover_trail_ms(const struct router *r)
{
	return leaving_trail_ms(&r->handover.leaving);
}

bool router_handover_may_preempt(void *ctx)
{
	struct router *r = ctx;

	if (r->life.sync != LIFE_SYNC_READY || !router_peer_lives(r) ||
	    !takeover_waits(&r->takeover, now_ms(), r->conf.drain_ms + ASKED_MS))
		return true;
	router_send_path(r, (struct sync_msg_path){.question = 0}, SYNC_MSG_WANT);
	return false;
}

void router_handover_message(struct router *r, const struct sync_msg *m)
{
	char why[sizeof(m->path.name) + 32];

	if (m->type == SYNC_MSG_LEAVING) {
		on_leaving(r, &m->leaving.what);
		return;
	}
	snprintf(why, sizeof(why), "%.63s bids more and asks for it", m->path.name);
	if (r->group)
		router_group_wanted(r, why);
	else
		router_push(r, (struct life_in){.ev = LIFE_EV_WANTED}, why);
}

/* ---- life ------------------------------------------------------------------------------------
 */

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;

	(void)fd;
	(void)what;
	if (leaving_look(&r->handover.leaving))
		router_arm(r->handover.timer, LEAVING_LOOK_MS);
	else if (r->handover.returning)
		clear(r);
}

int router_handover_open(struct router *r)
{
	r->handover.timer = evtimer_new(r->env->base, on_timer, r);
	return r->handover.timer ? 0 : -ENOMEM;
}

void router_handover_close(struct router *r)
{
	if (r->handover.timer)
		event_free(r->handover.timer);
}
