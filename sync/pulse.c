/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pulse.h"

static uint64_t life_of(const uint8_t epoch[static DGRAM_EPOCH_LEN])
{
	struct rd r = rd_of(epoch, DGRAM_EPOCH_LEN);

	return rd_be64(&r) | 1; /* 0 is none */
}

void pulse_init(struct pulse *p, uint32_t self, const uint8_t epoch[static DGRAM_EPOCH_LEN],
		uint64_t now)
{
	*p = (struct pulse){.self = self, .due = now};
	memcpy(p->epoch, epoch, sizeof(p->epoch));
}

uint64_t pulse_life(const struct pulse *p)
{
	return life_of(p->epoch);
}

void pulse_slept(struct pulse *p, uint64_t ms)
{
	p->slept_ms += ms;
}

/* ---- peers ---- */

static const struct pulse_peer *find(const struct pulse *p, uint32_t id)
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (p->peer[i].id == id)
			return &p->peer[i];
	return NULL;
}

/* A free one, else that of whom is not heard for longest, else NULL. */
static struct pulse_peer *place_for_new(struct pulse *p)
{
	struct pulse_peer *best = NULL;

	if (p->n < ENGINE_PEERS_MAX)
		return &p->peer[p->n++];
	for (unsigned i = 0; i < p->n; i++)
		if (!p->peer[i].alive && (!best || p->peer[i].since < best->since))
			best = &p->peer[i];
	return best;
}

static uint64_t silent_ms(const struct pulse *p, const struct pulse_peer *c, uint64_t now)
{
	uint64_t passed = now - c->heard_at, slept = p->slept_ms - c->slept_ms;

	return passed > slept ? passed - slept : 0;
}

bool pulse_expire(struct pulse *p, uint64_t now)
{
	bool news = false;

	for (unsigned i = 0; i < p->n; i++) {
		struct pulse_peer *c = &p->peer[i];

		if (!c->alive || silent_ms(p, c, now) < PULSE_LOSS_MS)
			continue;
		c->alive = false;
		c->since = now;
		news = true;
	}
	return news;
}

bool pulse_is_alive(const struct pulse *p, uint32_t id, uint64_t life)
{
	const struct pulse_peer *c = find(p, id);

	return c && c->alive && c->life == life;
}

bool pulse_hears(const struct pulse *p, uint32_t id)
{
	const struct pulse_peer *c = find(p, id);

	return c && c->alive;
}

bool pulse_is_gone(const struct pulse *p, uint32_t id, uint64_t life, uint32_t ms, uint64_t now)
{
	const struct pulse_peer *c = life ? find(p, id) : NULL;

	return c && (!c->alive || c->life != life) && now - c->since >= ms;
}

/* ---- what is said ---- */

static void renew(struct pulse *p, uint64_t now, uint64_t random)
{
	if (p->nonce && now - p->nonce_at < PULSE_NONCE_MS)
		return;
	p->former = now - p->nonce_at < 2 * PULSE_NONCE_MS ? p->nonce : 0;
	p->nonce = random | 1;
	p->nonce_at = now;
}

static void fill(struct pulse *p, uint64_t now, struct ctl_pulse *m)
{
	m->nonce = p->nonce;
	m->n = 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct pulse_peer *c = &p->peer[i];

		if (now - c->nonce_at < PULSE_LOSS_MS)
			m->echo[m->n++] = (struct ctl_challenge){.to = c->id, .nonce = c->nonce};
	}
	for (unsigned i = 0; i < p->n_strangers; i++)
		m->echo[m->n++] = p->stranger[i];
	p->n_strangers = 0;
}

_Static_assert(ENGINE_PEERS_MAX + PULSE_STRANGERS <= CTL_PULSE_ECHOES_MAX, "room for all");

bool pulse_next(struct pulse *p, uint64_t now, uint64_t random, struct dgram_hdr *h, struct wr *w)
{
	struct ctl_msg m = {.type = CTL_PULSE};

	if (now < p->due)
		return false;
	p->due += PULSE_EVERY_MS; /* who is late for one is not late for the next */
	if (p->due <= now)
		p->due = now + PULSE_EVERY_MS;
	renew(p, now, random);
	fill(p, now, &m.pulse);
	ctl_encode(w, &m);
	*h = (struct dgram_hdr){
		.kind = DGRAM_CONTROL, .router = PULSE_ROUTER, .sender = p->self, .seq = ++p->seq};
	memcpy(h->epoch, p->epoch, sizeof(h->epoch));
	return true;
}

/* ---- what is heard ---- */

/* Of a number nobody takes back more than what it was: that of the present, or the one before. */
static bool answers(const struct pulse *p, const struct ctl_pulse *m, uint64_t now)
{
	bool fresh = p->nonce && now - p->nonce_at < 2 * PULSE_NONCE_MS;

	for (unsigned i = 0; fresh && i < m->n; i++) {
		const struct ctl_challenge *c = &m->echo[i];

		if (c->to == p->self && c->nonce && (c->nonce == p->nonce || c->nonce == p->former))
			return true;
	}
	return false;
}

static void to_stranger(struct pulse *p, uint32_t id, uint64_t nonce)
{
	for (unsigned i = 0; i < p->n_strangers; i++)
		if (p->stranger[i].to == id && p->stranger[i].nonce == nonce)
			return;
	if (p->n_strangers < PULSE_STRANGERS) /* it will ask again */
		p->stranger[p->n_strangers++] = (struct ctl_challenge){.to = id, .nonce = nonce};
}

static enum pulse_heard on_stranger(struct pulse *p, struct pulse_peer *c,
				    const struct dgram_hdr *h, const struct ctl_pulse *m,
				    uint64_t now)
{
	/* What was recorded a moment before a restart still answers; so nobody is replaced who is
	 * heard. Whoever has restarted is heard as soon as its former life is missed. */
	if (!answers(p, m, now) || (c && c->alive)) {
		to_stranger(p, h->sender, m->nonce);
		return PULSE_UNPROVEN;
	}
	if (!c)
		c = place_for_new(p);
	if (!c)
		return PULSE_UNPROVEN;
	*c = (struct pulse_peer){.id = h->sender,
				 .life = life_of(h->epoch),
				 .top = h->seq,
				 .nonce = m->nonce,
				 .nonce_at = now,
				 .heard_at = now,
				 .slept_ms = p->slept_ms,
				 .alive = true,
				 .since = c->id == h->sender ? c->since : now};
	return PULSE_NEWS;
}

static enum pulse_heard on_known(struct pulse *p, struct pulse_peer *c, const struct dgram_hdr *h,
				 const struct ctl_pulse *m, uint64_t now)
{
	bool was_alive = c->alive, proven = answers(p, m, now);

	if (h->seq <= c->top)
		return PULSE_OLD;
	if (!was_alive && !proven) { /* it may have ended: of no more worth than another's */
		to_stranger(p, h->sender, m->nonce);
		return PULSE_UNPROVEN;
	}
	c->top = h->seq;
	c->nonce = m->nonce;
	c->nonce_at = now;
	if (!proven)
		return PULSE_UNPROVEN;
	c->heard_at = now;
	c->slept_ms = p->slept_ms;
	c->alive = true;
	return was_alive ? PULSE_HEARD : PULSE_NEWS;
}

enum pulse_heard pulse_on(struct pulse *p, const struct dgram_hdr *h, const uint8_t *body,
			  size_t len, uint64_t now)
{
	struct pulse_peer *c = (struct pulse_peer *)find(p, h->sender);
	struct rd r = rd_of(body, len);
	enum ctl_decoded got;
	struct ctl_msg m;

	if (h->sender == p->self)
		return PULSE_OLD;
	do {
		got = ctl_decode(&r, &m);
	} while (got == CTL_UNKNOWN || (got == CTL_MSG && m.type != CTL_PULSE));
	if (got != CTL_MSG)
		return PULSE_BAD;
	if (c && c->life == life_of(h->epoch))
		return on_known(p, c, h, &m.pulse, now);
	return on_stranger(p, c, h, &m.pulse, now);
}
