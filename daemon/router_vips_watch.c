/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chosen VIPs of an ACTIVE router: somebody else who has one of them, too, is an alarm, and nothing
 * more. With other VIPs all flows would end, and who is wrong nobody can tell from here. */
#include "router_vips.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"

#define GRACE_MS  1000	/* what the former ACTIVE has sent may still come */
#define ASK_MS	  30000 /* some hosts say nothing unless asked */
#define AGAIN_MS  1000	/* once could be an echo of something old */
#define FORGET_MS 90000

void vips_slots_close(struct router_vips *v)
{
	for (unsigned i = 0; i < RESERVE_MAX; i++) {
		net_probe_free(v->slot[i].probe);
		v->slot[i].probe = NULL;
	}
}

/* From nowhere, so that nobody learns anything by it. */
int vips_slot_ask(struct vips_slot *s, const struct ip_addr *addr, enum net_probe_for what,
		  void (*on_heard)(void *ctx, const uint8_t mac[static NET_MAC_BYTES]))
{
	const struct ip_addr nowhere = {.family = addr->family};
	struct router *r = s->r;
	unsigned leg;
	int err = 0;

	(void)conf_vips_range(&r->conf, s->i, &leg);
	if (!s->probe)
		err = net_probe_new(&s->probe, r->ns, r->env->base, r->conf.leg[leg].interface,
				    addr, what, on_heard, s);
	if (!err)
		err = net_probe_send(s->probe, &nowhere);
	r->vips->stats.asked += !err;
	return err;
}

static void on_used(void *ctx, const uint8_t mac[static NET_MAC_BYTES])
{
	struct vips_slot *s = ctx;
	struct router_vips *v = s->r->vips;
	uint64_t now = now_ms();
	char text[sizeof(s->r->alarm[0].text)], buf[INET6_ADDRSTRLEN];

	if (now - v->active_ms < GRACE_MS)
		return;
	v->stats.conflicts++;
	if (!v->first_ms || now - v->heard_ms > FORGET_MS) {
		v->first_ms = now;
		router_arm(v->timer, AGAIN_MS);
	}
	v->heard_ms = now;
	if (now - v->first_ms < AGAIN_MS / 2)
		return;
	snprintf(text, sizeof(text),
		 "%02x:%02x:%02x:%02x:%02x:%02x uses the VIP %s, too: take it away there; the VIP "
		 "stays, as its flows would end",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
		 ip_addr_format(&v->reserve.word.set.addr[s->i], buf));
	router_alarm(s->r, ROUTER_ALARM_VIP_CONFLICT, text);
}

void vips_watch_tick(struct router *r)
{
	struct router_vips *v = r->vips;

	if (!v->watching)
		return;
	if (v->heard_ms && now_ms() - v->heard_ms > FORGET_MS) {
		v->first_ms = v->heard_ms = 0;
		router_alarm(r, ROUTER_ALARM_VIP_CONFLICT, NULL);
	}
	/* a leg that is away now is there again at the next time */
	for (unsigned i = 0; i < v->reserve.word.set.n; i++)
		(void)!vips_slot_ask(&v->slot[i], &v->reserve.word.set.addr[i], NET_PROBE_ANSWERS,
				     on_used);
	router_arm(v->timer, ASK_MS);
}

void router_vips_role(struct router *r)
{
	struct router_vips *v = r->vips;
	bool active = r->life.state == LIFE_ACTIVE;

	if (!v || v->pending || v->watching == active)
		return;
	v->watching = active;
	v->first_ms = v->heard_ms = 0;
	v->active_ms = now_ms();
	if (active) {
		router_arm(v->timer, 2 * GRACE_MS);
		return;
	}
	evtimer_del(v->timer);
	vips_slots_close(v);
	router_alarm(r, ROUTER_ALARM_VIP_CONFLICT, NULL);
}

const char *vips_text(const struct reserve_set *set, char *buf, size_t cap)
{
	char text[INET6_ADDRSTRLEN];
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < set->n && at < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s%s", i ? ", " : "",
				       ip_addr_format(&set->addr[i], text));
	return buf;
}
