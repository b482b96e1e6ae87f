/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine of a router: ours, or that which speaks conntrackd's protocol. */
#include "replication_impl.h"

#include <string.h>

#define BODY_MIN	512 /* the least that an engine works with */
#define ALARM_PIN_MIN_S 180 /* conntrackd's own default of CacheTimeout */
#define ALARM_PIN	4   /* times what it takes until everything has been told again */

/* At least for control messages, which fail where they do not fit. */
size_t replication_room(const struct replication *r)
{
	const struct shared *s = r->shared;
	size_t room = links_payload(s->links);
	size_t head = DGRAM_HDR_LEN + (s->conf.sealed ? DGRAM_TAG_LEN : 0);

	if (s->conf.conntrackd)
		head = 0;
	return room >= head + BODY_MIN ? room - head : BODY_MIN;
}

/* In mode ALARM what is not told again is over; else flows end by the other one's word. */
uint32_t replication_pin_s(const struct replication *r)
{
	const struct sync_msg_conf *s = &r->shared->conf;
	struct engine_conf defaults;

	engine_conf_defaults(&defaults);
	if (!s->conntrackd || s->ctd_mode != CTD_MODE_ALARM)
		return defaults.pin_s;
	return s->refresh_s * ALARM_PIN > ALARM_PIN_MIN_S ? s->refresh_s * ALARM_PIN
							  : ALARM_PIN_MIN_S;
}

static int make_native(struct replication *r, const struct sync_msg_router *conf,
		       struct engine **out)
{
	const struct shared *s = r->shared;
	struct engine_conf c;

	engine_conf_defaults(&c);
	memcpy(c.name, s->conf.controller, sizeof(c.name));
	c.self = s->self;
	c.router = r->id;
	c.mtu_body = replication_room(r);
	c.ring_bytes = conf->ring_bytes;
	c.hold_new_ms = conf->hold_new_ms;
	c.timeouts = conf->timeouts;
	c.locals = conf->locals;
	c.filter = &conf->filter;
	c.beats = conf->beats;
	c.quiet_ms = s->quiet_ms;
	c.pulse = &s->pulse;
	return engine_new(out, &c, &replication_engine_ops, r, &r->counters, monotonic_ms());
}

static int make_conntrackd(struct replication *r, const struct sync_msg_router *conf,
			   struct ctd **out)
{
	const struct sync_msg_conf *s = &r->shared->conf;
	struct ctd_conf c = {.mode = s->ctd_mode,
			     .room = replication_room(r),
			     .ring_bytes = conf->ring_bytes,
			     .pin_s = replication_pin_s(r),
			     .refresh_ms = s->refresh_s * 1000,
			     .timeouts = conf->timeouts,
			     .locals = conf->locals,
			     .filter = conf->filter,
			     .pair = s->n_interfaces > 1};

	/* whoever is in a group cannot be known beforehand */
	for (unsigned i = 0; !s->group[0].family && i < s->n_peers; i++)
		c.known[c.n_known++] = s->peer[i].addr;
	return ctd_new(out, &c, &replication_ctd_ops, r, &r->counters, monotonic_ms());
}

int replication_make(struct replication *r, const struct sync_msg_router *conf,
		     struct protocol *out)
{
	*out = (struct protocol){.native = NULL};
	return r->shared->conf.conntrackd ? make_conntrackd(r, conf, &out->conntrackd)
					  : make_native(r, conf, &out->native);
}
