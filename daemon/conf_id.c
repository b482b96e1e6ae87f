/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One number for what must be the same before and after a restart. The same options as those that a
 * reload refuses to change (conf_diff.c): with another value, what was left running belongs to
 * another router. FNV-1a, each text with its end. Pure. */
#include <string.h>

#include "vrouter/conf.h"

static void add(uint64_t *h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		*h = (*h ^ b[i]) * 0x100000001b3u;
}

static void add_text(uint64_t *h, const char *s)
{
	add(h, s, strlen(s) + 1);
}

static void add_number(uint64_t *h, uint64_t v)
{
	uint8_t b[8];

	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(v >> 8 * i);
	add(h, b, sizeof(b));
}

static void add_addr(uint64_t *h, const struct ip_addr *a)
{
	add_number(h, a->family);
	add(h, a->b, sizeof(a->b));
}

#define BASIS 0xcbf29ce484222325u

uint64_t conf_router_id(const struct conf_router *r)
{
	uint64_t h = BASIS;

	add_text(&h, r->namespace);
	for (unsigned i = 0; i < conf_legs(r); i++)
		add_text(&h, r->leg[i].interface);
	add_number(&h, r->election.mode);
	if (r->election.mode != CONF_ELECTION_VRRP)
		return h;
	if (r->election.group[0])
		add_text(&h, r->election.group);
	add_text(&h, r->election.interface);
	add_number(&h, r->election.ipv6);
	add_number(&h, r->election.peers.n != 0);
	add_number(&h, r->election.vrid);
	if (r->election.version == 2) {
		add_number(&h, r->election.version);
		add_number(&h, r->election.advert_interval_ms);
	}
	for (unsigned i = 0; i < conf_legs(r) && !r->election.group[0]; i++) {
		add_number(&h, r->leg[i].n_vips);
		for (unsigned k = 0; k < r->leg[i].n_vips; k++) {
			add_addr(&h, &r->leg[i].vip[k].addr);
			add_number(&h, r->leg[i].vip[k].len);
		}
	}
	return h;
}

uint64_t conf_sync_id(const struct conf *c, const char *build)
{
	const struct conf_sync *s = &c->sync;
	uint64_t h = BASIS;

	add_text(&h, build);
	add_text(&h, c->controller.name);
	add_number(&h, c->controller.realtime);
	add_number(&h, s->n_interfaces);
	for (unsigned i = 0; i < s->n_interfaces; i++) {
		struct ip_addr group = conf_sync_group(s, i);

		add_text(&h, s->interface[i]);
		add_addr(&h, &group);
		add_number(&h, conf_sync_port(s, i));
	}
	add_number(&h, s->n_peers);
	for (unsigned i = 0; i < s->n_peers; i++) {
		add_addr(&h, &s->peer[i].addr);
		add_text(&h, s->peer[i].interface);
	}
	add_number(&h, s->conntrackd);
	add_number(&h, s->mode);
	add_number(&h, s->tcp);
	add_number(&h, s->checksum);
	add_number(&h, s->refresh_s);
	add_number(&h, s->sealed);
	add_number(&h, s->hold_new_ms);
	add_number(&h, s->ring_kb);
	return h;
}
