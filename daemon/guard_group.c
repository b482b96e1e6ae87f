/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routers that share an election: one of them is armed with it and speaks for all, and they meet
 * one fate. */
#include <stdio.h>

#include "guard_state.h"

bool guard_follows(const struct guard_armed *a)
{
	return a->orders->group && a->fd[GUARD_FD_VRRP] < 0;
}

static bool is_led_by(const struct guard_armed *a, const struct guard_armed *leader)
{
	return a->orders->group == leader->orders->group && !guard_follows(leader);
}

const struct guard_armed *guard_leader(const struct guard_state *s, const struct guard_armed *a)
{
	if (!guard_follows(a))
		return a;
	for (unsigned i = 0; i < s->n; i++)
		if (is_led_by(a, &s->armed[i]))
			return &s->armed[i];
	return NULL;
}

void guard_seal_fate(struct guard_state *s, struct guard_armed *a, enum guard_fate fate,
		     const char *why)
{
	if (a->fate != GUARD_STAYS)
		return;
	a->fate = fate;
	s->sealed = true;
	snprintf(a->why, sizeof(a->why), "%s", why);
}

/* The one that leads has heard another ACTIVE, or a follower has lost what it had. */
static const struct guard_armed *who_leaves(const struct guard_state *s,
					    const struct guard_armed *leader)
{
	if (leader->fate != GUARD_STAYS)
		return leader;
	for (unsigned i = 0; i < s->n; i++)
		if (is_led_by(&s->armed[i], leader) && s->armed[i].fate != GUARD_STAYS)
			return &s->armed[i];
	return NULL;
}

static void share(struct guard_state *s, const struct guard_armed *leader)
{
	const struct guard_armed *first = who_leaves(s, leader);
	char why[sizeof(first->why)];
	enum guard_fate fate;

	if (!first)
		return;
	fate = first->fate;
	snprintf(why, sizeof(why), "%s", first->why);
	for (unsigned i = 0; i < s->n; i++)
		if (is_led_by(&s->armed[i], leader))
			guard_seal_fate(s, &s->armed[i], fate, why);
}

static void mark_led(struct guard_state *s, const struct guard_armed *leader)
{
	for (unsigned i = 0; i < s->n; i++)
		s->armed[i].led = s->armed[i].led || is_led_by(&s->armed[i], leader);
}

void guard_share_fates(struct guard_state *s)
{
	if (!s->sealed)
		return;
	for (unsigned i = 0; i < s->n; i++)
		s->armed[i].led = !s->armed[i].orders->group;
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->armed[i].orders->group || guard_follows(&s->armed[i]))
			continue;
		share(s, &s->armed[i]);
		mark_led(s, &s->armed[i]);
	}
	for (unsigned i = 0; i < s->n; i++)
		if (!s->armed[i].led)
			guard_seal_fate(s, &s->armed[i], GUARD_RESIGNS,
					"nobody speaks for its group");
	s->sealed = false;
}
