/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pulsing.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>
#include <sodium.h>

#include "vrouter/log.h"

#define LATE_MS 50 /* a timer that is so late was kept from running */
#define WALK	32 /* routers that are told of something new at once */
#define WALK_MS 5  /* and a pause: a thousand take 160 ms */

/* ---- routers are told ------------------------------------------------------------------------ */

static void walk_on(struct pulsing *p)
{
	const struct timeval tv = {.tv_usec = WALK_MS * 1000};

	event_add(p->walk, &tv);
}

static void on_walk(evutil_socket_t fd, short what, void *arg)
{
	struct pulsing *p = arg;
	unsigned at = routers_from(p->routers, p->from);

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < WALK && at < p->routers->n; i++)
		replication_pulsed(p->routers->at[at++], p->again);
	if (at < p->routers->n) {
		p->from = replication_id(p->routers->at[at]); /* others may come and go */
		walk_on(p);
		return;
	}
	p->from = 0;
	p->again = p->anew;
	if (p->anew)
		walk_on(p);
	p->anew = false;
}

/* All of them look for themselves at what is new. What comes during a walk is for those too that
 * have been told of something. */
static void tell_routers(struct pulsing *p, bool again)
{
	if (p->from)
		p->anew = true;
	p->again |= again;
	if (!event_pending(p->walk, EV_TIMEOUT, NULL))
		walk_on(p);
}

/* ---- the pulse ------------------------------------------------------------------------------- */

static bool is_on(const struct pulsing *p)
{
	return p->shared->self && p->shared->links && !p->shared->conf.conntrackd;
}

static void send_pulse(struct pulsing *p, struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	const bool sealed = p->shared->conf.sealed;
	uint8_t *buf = links_put(p->shared->links,
				 DGRAM_HDR_LEN + len + (sealed ? DGRAM_TAG_LEN : 0), &p->errors);

	if (!buf)
		return;
	h->key_id = sealed ? p->keys.key[0].id : 0;
	dgram_hdr_encode(buf, h);
	memcpy(buf + DGRAM_HDR_LEN, body, len);
	if (sealed && !seal_box(&p->keys, h, buf, len))
		abort(); /* as replication_ops.c has it */
}

static void look_for_pause(struct pulsing *p, uint64_t now)
{
	if (p->due_ms && now >= p->due_ms + LATE_MS)
		pulse_slept(&p->shared->pulse, now - p->due_ms);
}

/* When the next pulse is due: a timer with a beat of its own comes too early for some of them. */
static void wait_for_tick(struct pulsing *p, uint64_t now)
{
	const struct pulse *pulse = &p->shared->pulse;
	struct timeval tv = {0};

	p->due_ms = is_on(p) && pulse->due > now ? pulse->due : now + PULSE_EVERY_MS;
	tv.tv_usec = (suseconds_t)(p->due_ms - now) * 1000;
	event_add(p->tick, &tv);
}

static void beat(struct pulsing *p, uint64_t now)
{
	uint8_t body[CTL_BODY_MAX];
	struct wr w = wr_of(body, sizeof(body));
	struct dgram_hdr h;
	uint64_t random;

	if (pulse_expire(&p->shared->pulse, now)) {
		p->lost++;
		tell_routers(p, false);
	}
	randombytes_buf(&random, sizeof(random));
	if (pulse_next(&p->shared->pulse, now, random, &h, &w))
		send_pulse(p, &h, body, wr_len(&w));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct pulsing *p = arg;
	uint64_t now = monotonic_ms();

	(void)fd;
	(void)what;
	look_for_pause(p, now);
	if (is_on(p))
		beat(p, now);
	wait_for_tick(p, now);
}

static bool is_authentic(const struct pulsing *p, const struct dgram_hdr *h, uint8_t *buf,
			 size_t len)
{
	const bool sealed = p->shared->conf.sealed;

	return h->kind == DGRAM_CONTROL && sealed == (h->key_id != 0) &&
	       (!sealed || seal_open(&p->keys, h, buf, len) >= 0);
}

bool pulsing_on_datagram(struct pulsing *p, const struct dgram_hdr *h, uint8_t *buf, size_t len)
{
	const size_t more = DGRAM_HDR_LEN + (p->shared->conf.sealed ? DGRAM_TAG_LEN : 0);
	enum pulse_heard heard;

	if (!is_on(p) || h->sender == p->shared->self)
		return false;
	if (!is_authentic(p, h, buf, len)) {
		p->bad++;
		return false;
	}
	heard = pulse_on(&p->shared->pulse, h, buf + DGRAM_HDR_LEN, len - more, monotonic_ms());
	p->heard += heard == PULSE_HEARD || heard == PULSE_NEWS;
	p->bad += heard == PULSE_BAD || heard == PULSE_UNPROVEN;
	if (heard == PULSE_NEWS)
		tell_routers(p, true);
	return heard != PULSE_BAD && heard != PULSE_UNPROVEN &&
	       pulse_hears(&p->shared->pulse, h->sender) &&
	       routers_have_peer(p->routers, h->sender);
}

void pulsing_count(const struct pulsing *p, struct sync_counters *c)
{
	c->v[SYNC_RX_PULSES] = p->heard;
	c->v[SYNC_RX_PULSES_BAD] = p->bad;
	c->v[SYNC_PULSES_LOST] = p->lost;
}

void pulsing_configure(struct pulsing *p)
{
	struct pulse *pulse = &p->shared->pulse;
	uint8_t epoch[DGRAM_EPOCH_LEN];

	seal_derive(&p->keys, &p->shared->conf.keys, PULSE_ROUTER);
	if (pulse->self == p->shared->self)
		return;
	randombytes_buf(epoch, sizeof(epoch));
	pulse_init(pulse, p->shared->self, epoch, monotonic_ms());
}

int pulsing_init(struct pulsing *p, struct shared *shared, struct routers *routers)
{
	p->shared = shared;
	p->routers = routers;
	p->tick = event_new(shared->base, -1, 0, on_tick, p);
	p->walk = event_new(shared->base, -1, 0, on_walk, p);
	if (!p->tick || !p->walk)
		return -ENOMEM;
	event_priority_set(p->tick, PRIO_LINK);
	event_priority_set(p->walk, PRIO_LINK);
	return event_add(p->tick, &(struct timeval){0}) < 0 ? -ENOMEM : 0;
}

void pulsing_fini(struct pulsing *p)
{
	if (p->tick)
		event_free(p->tick);
	if (p->walk)
		event_free(p->walk);
	seal_forget(&p->keys);
}
