/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service_care.h"

#include <stddef.h>

const char *service_state_name(enum service_state s)
{
	static const char *const name[SERVICE_STATES] = {[SERVICE_OFF] = "off",
							 [SERVICE_STARTING] = "starting",
							 [SERVICE_UP] = "up",
							 [SERVICE_ENDING] = "ending",
							 [SERVICE_WAITING] = "waiting"};

	return s < SERVICE_STATES ? name[s] : "unknown";
}

static bool runs(const struct service_care *c)
{
	return c->state == SERVICE_STARTING || c->state == SERVICE_UP;
}

static uint32_t start(struct service_care *c, uint64_t now)
{
	c->state = SERVICE_STARTING;
	c->heartbeat = (struct heartbeat){0};
	c->renewed = false;
	c->started_ms = now;
	c->starts++;
	c->timer_ms = now + (c->asks ? SERVICE_START_ASK_MS : SERVICE_TRUST_MS);
	return SERVICE_DO_START;
}

static uint32_t end(struct service_care *c)
{
	c->state = SERVICE_ENDING;
	c->timer_ms = SERVICE_NEVER;
	return SERVICE_DO_KILL;
}

static uint32_t ask(struct service_care *c)
{
	c->asked++;
	return SERVICE_DO_ASK;
}

static uint32_t on(struct service_care *c, uint64_t now)
{
	c->wanted = true;
	if (c->state == SERVICE_ENDING)
		c->renewed = true;
	return c->state == SERVICE_OFF ? start(c, now) : 0;
}

static uint32_t off(struct service_care *c)
{
	c->wanted = c->renewed = false;
	c->backoff_ms = 0;
	if (runs(c))
		return end(c);
	if (c->state == SERVICE_WAITING) {
		c->state = SERVICE_OFF;
		c->timer_ms = SERVICE_NEVER;
	}
	return 0;
}

static uint32_t renew(struct service_care *c, uint64_t now)
{
	c->backoff_ms = 0;
	c->renewed = c->wanted;
	if (runs(c))
		return end(c);
	return c->state == SERVICE_WAITING ? start(c, now) : 0;
}

/* From here on it can be asked, or no more. */
static void set_asks(struct service_care *c, bool asks, uint64_t now)
{
	bool change = c->asks != asks;

	c->asks = asks;
	if (!change || !runs(c))
		return;
	c->heartbeat = (struct heartbeat){0};
	if (asks)
		c->timer_ms = now;
	else
		c->timer_ms = c->state == SERVICE_STARTING ? now + SERVICE_TRUST_MS : SERVICE_NEVER;
}

static void answered(struct service_care *c, uint64_t now)
{
	if (!runs(c) || !c->asks)
		return;
	c->answered++;
	c->state = SERVICE_UP;
	c->heartbeat = (struct heartbeat){0};
	c->timer_ms = now + SERVICE_ASK_MS;
}

static uint32_t ended(struct service_care *c, uint64_t now)
{
	if (runs(c)) { /* by itself */
		c->died++;
		c->renewed = false;
	}
	c->state = SERVICE_OFF;
	c->timer_ms = SERVICE_NEVER;
	if (!c->wanted)
		return 0;
	if (c->renewed)
		return start(c, now);
	if (!c->backoff_ms || now - c->started_ms >= SERVICE_SETTLED_MS)
		c->backoff_ms = SERVICE_BACKOFF_MIN_MS;
	c->state = SERVICE_WAITING;
	c->timer_ms = now + c->backoff_ms;
	c->backoff_ms = c->backoff_ms * 2 > SERVICE_BACKOFF_MAX_MS ? SERVICE_BACKOFF_MAX_MS
								   : c->backoff_ms * 2;
	return 0;
}

static struct service_out look(struct service_care *c, const struct service_in *in)
{
	if (c->state == SERVICE_STARTING && in->now_ms - c->started_ms >= SERVICE_START_MS) {
		c->hung++;
		return (struct service_out){end(c), "has not answered since its start"};
	}
	if (c->state == SERVICE_STARTING) {
		c->timer_ms = in->now_ms + SERVICE_START_ASK_MS;
		return (struct service_out){ask(c), NULL};
	}
	c->timer_ms = in->now_ms + SERVICE_STEP_MS;
	if (heartbeat_step(&c->heartbeat, &in->look) != HEARTBEAT_DEAD)
		return (struct service_out){ask(c), NULL};
	c->hung++;
	return (struct service_out){end(c), "does not answer any more"};
}

static struct service_out on_timer(struct service_care *c, const struct service_in *in)
{
	if (in->now_ms < c->timer_ms)
		return (struct service_out){0};
	if (c->state == SERVICE_WAITING)
		return (struct service_out){start(c, in->now_ms), NULL};
	if (runs(c) && c->asks)
		return look(c, in);
	if (c->state == SERVICE_STARTING)
		c->state = SERVICE_UP;
	c->timer_ms = SERVICE_NEVER;
	return (struct service_out){0};
}

struct service_out service_step(struct service_care *c, const struct service_in *in)
{
	struct service_out out = {0};

	switch (in->ev) {
	case SERVICE_EV_ON:
		out.todo = on(c, in->now_ms);
		break;
	case SERVICE_EV_OFF:
		out.todo = off(c);
		break;
	case SERVICE_EV_RENEW:
		out.todo = renew(c, in->now_ms);
		break;
	case SERVICE_EV_ASK:
	case SERVICE_EV_HUSH:
		set_asks(c, in->ev == SERVICE_EV_ASK, in->now_ms);
		break;
	case SERVICE_EV_ANSWERED:
		answered(c, in->now_ms);
		break;
	case SERVICE_EV_ENDED:
		out.todo = ended(c, in->now_ms);
		break;
	case SERVICE_EV_TIMER:
		return on_timer(c, in);
	}
	return out;
}
