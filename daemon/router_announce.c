/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router's neighbours are told: that its VIPs are here now. Together with all other routers
 * (announcing.h), and so perhaps later than it is due. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

static struct router *router_of(struct announce_item *it)
{
	return (void *)((char *)it - offsetof(struct router, announce.item));
}

static void drop_announcers(struct router *r)
{
	for (unsigned i = 0; i < NET_LEGS_MAX; i++) {
		announcer_free(r->announcer[i]);
		r->announcer[i] = NULL;
	}
}

/* Opened beforehand where possible: announcing is part of a promotion. */
void router_announcers_open(struct router *r)
{
	for (unsigned i = 0; i < conf_legs(&r->conf); i++) {
		int err = r->announcer[i] ? 0
					  : announcer_new(&r->announcer[i], r->ns,
							  r->conf.leg[i].interface);

		if (err < 0)
			log_debug("router", r->conf.name, "announcer on %s: %s",
				  r->conf.leg[i].interface, strerror(-err));
	}
}

/* ---- one VIP ----------------------------------------------------------------------------------
 */

/* Once would do; but some stacks learn from a request only, some from a reply (announce_build()).
 */
static enum announce_forms forms_of(enum announce_level level)
{
	return level == ANNOUNCE_FIRST	  ? ANNOUNCE_ONE
	       : level == ANNOUNCE_SECOND ? ANNOUNCE_OTHER
					  : ANNOUNCE_ALL;
}

static int send_vip(struct router *r, unsigned leg, const struct ip_addr *vip,
		    enum announce_forms forms)
{
	return r->announcer[leg] ? announcer_send(r->announcer[leg], vip, forms) : -ENODEV;
}

static void announce_vip(struct router *r, unsigned leg, const struct ip_addr *vip)
{
	enum announce_level level = r->announce.item.level;
	int err = send_vip(r, leg, vip, forms_of(level));

	if (err < 0) { /* the interface may be a new one of the same name */
		announcer_free(r->announcer[leg]);
		r->announcer[leg] = NULL;
		router_announcers_open(r);
		err = send_vip(r, leg, vip, forms_of(level));
	}
	if (err < 0)
		log_warn("router", r->conf.name, "cannot announce the %s VIP: %s",
			 conf_leg_name(&r->conf, leg), strerror(-err));
	else
		r->announcements += level != ANNOUNCE_SECOND;
}

static bool tell(struct announce_item *it)
{
	struct router *r = router_of(it);
	unsigned n = it->at++;
	struct net_desired d;

	if (!life_wants_vips(&r->life))
		return false;
	conf_net_desired(&d, &r->conf, true);
	for (unsigned i = 0; i < net_legs(&d); i++) {
		if (n < d.leg[i].n_vips) {
			announce_vip(r, i, &d.leg[i].vip[n].addr);
			return true;
		}
		n -= d.leg[i].n_vips;
	}
	return false;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static uint64_t due_ms(const struct router *r)
{
	return announce_due_ms(r->announce.bursts, (uint64_t)r->conf.announce_refresh_s * 1000);
}

/* Counted from when all VIPs were told for the first time. What was due while it waited is made up
 * for by what was sent now. */
static void arm_next(struct router *r)
{
	uint64_t since = now_ms() - r->announce.since_ms;

	r->announce.bursts++;
	while (due_ms(r) <= since)
		r->announce.bursts++;
	if (due_ms(r) != UINT64_MAX)
		router_arm(r->announce.timer, due_ms(r) - since);
}

static void told(struct announce_item *it)
{
	struct router *r = router_of(it);

	if (!life_wants_vips(&r->life))
		return;
	if (it->level != ANNOUNCE_FIRST) {
		arm_next(r);
		return;
	}
	r->announce.since_ms = now_ms();
	announcing_put(r->env->announcing, it, ANNOUNCE_SECOND);
	if (r->group)
		group_has_addresses(&r->member);
	else if (r->vrrp)
		vrrp_io_has_addresses(r->vrrp);
}

const struct announcing_ops router_announcing_ops = {.tell = tell, .told = told};

static void on_announce(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;
	bool burst = announce_due_ms(r->announce.bursts, 0) != UINT64_MAX;

	(void)fd;
	(void)what;
	if (life_wants_vips(&r->life))
		announcing_put(r->env->announcing, &r->announce.item,
			       burst ? ANNOUNCE_REPEAT : ANNOUNCE_REFRESH);
}

void router_start_announcing(struct router *r)
{
	evtimer_del(r->announce.timer);
	r->announce.bursts = 0;
	announcing_put(r->env->announcing, &r->announce.item, ANNOUNCE_FIRST);
}

void router_go_on_announcing(struct router *r)
{
	r->announce.since_ms = now_ms();
	for (r->announce.bursts = 0; announce_due_ms(r->announce.bursts, 0) != UINT64_MAX;)
		r->announce.bursts++;
	if (due_ms(r) != UINT64_MAX)
		router_arm(r->announce.timer, due_ms(r));
}

void router_stop_announcing(struct router *r)
{
	if (r->announce.timer)
		evtimer_del(r->announce.timer);
	announcing_drop(r->env->announcing, &r->announce.item);
}

int router_announce_open(struct router *r)
{
	r->announce.timer = evtimer_new(r->env->base, on_announce, r);
	return r->announce.timer ? 0 : -ENOMEM;
}

void router_announce_close(struct router *r)
{
	router_stop_announcing(r);
	drop_announcers(r);
	if (r->announce.timer)
		event_free(r->announce.timer);
}
