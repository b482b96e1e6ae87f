/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "group.h"

#include <stdio.h>
#include <string.h>

/* ---- sums -------------------------------------------------------------------------------------
 */

static struct group_part part_of(const struct group_member *m)
{
	const uint32_t others = LIFE_FAULT_GROUP | LIFE_FAULT_ELECTION;
	const struct life *l = m->life;
	bool built = l->state != LIFE_INIT && l->state != LIFE_STOPPED;
	bool active = life_wants_vips(l);
	struct group_part p = {.fit = built && !(l->faults & ~others)};
	bool works = p.fit && (!m->late || m->has_addresses || m->group->state != VRRP_ACTIVE);

	p.counts = (m->counts || works) && l->state != LIFE_STOPPED;
	if (!p.counts)
		return p;
	p.gated = l->gated;
	/* the others hold the table, whatever the new one does not have */
	p.blind = l->blind && !m->late;
	p.shared = !m->sole;
	p.stays = active && !m->resigns;
	p.leaves = active && m->resigns;
	p.bare = !m->has_addresses;
	p.priority = m->priority;
	return p;
}

static void add(struct group *g, const struct group_part *p, unsigned n)
{
	if (!p->counts)
		return;
	g->sum.counts += n;
	g->sum.unfit += p->fit ? 0 : n;
	g->sum.gated += p->gated ? n : 0;
	g->sum.blind += p->blind ? n : 0;
	g->sum.shared += p->shared ? n : 0;
	g->sum.stays += p->stays ? n : 0;
	g->sum.leaves += p->leaves ? n : 0;
	g->sum.bare += p->bare ? n : 0;
	g->sum.behind += p->behind ? n : 0;
	g->sum.priority[p->priority] += n;
}

static bool before(const struct group_member *a, const struct group_member *b)
{
	return !b || strcmp(a->name, b->name) < 0;
}

static void set_first(struct group *g, struct group_member *m)
{
	struct group_member *was = g->first;

	g->first = m;
	if (was == m)
		return;
	if (was)
		g->ops->first(was);
	if (m)
		g->ops->first(m);
}

static void choose_first(struct group *g)
{
	struct group_member *best = NULL;

	for (struct group_member *m = g->members; m; m = m->next)
		if (m->counts && before(m, best))
			best = m;
	set_first(g, best);
}

/* m begins to count, or does so no more. */
static void look_for_first(struct group *g, struct group_member *m)
{
	if (m->counts && before(m, g->first))
		set_first(g, m);
	else if (!m->counts && g->first == m)
		choose_first(g);
}

static void update(struct group_member *m)
{
	struct group_part p = part_of(m);
	bool counted = m->counts;

	if (p.fit && !m->part.fit)
		m->stale = m->along; /* its own fault's words are what it says */
	p.behind = p.counts && p.fit && (!m->along || m->stale);
	add(m->group, &m->part, -1u);
	add(m->group, &p, 1);
	m->part = p;
	m->counts = p.counts;
	if (m->counts != counted)
		look_for_first(m->group, m);
}

static uint8_t lowest(const struct group *g)
{
	for (unsigned i = 0; i < 256; i++)
		if (g->sum.priority[i])
			return (uint8_t)i;
	return 0;
}

/* ---- all or nothing ---------------------------------------------------------------------------
 */

static const struct group_member *find_culprit(const struct group *g)
{
	const struct group_member *m = g->members;

	while (m && (!m->part.counts || m->part.fit))
		m = m->next;
	return m;
}

static void take_along(struct group *g)
{
	const struct life_in in = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_GROUP};
	const struct group_member *c = g->culprit;
	char why[LIFE_REASON_MAX];
	bool news = !c || c->part.fit || !c->part.counts;

	if (!news && !g->sum.behind)
		return;
	c = news ? find_culprit(g) : c;
	if (!c)
		return;
	g->culprit = c;
	snprintf(why, sizeof(why), "router \"%.40s\" of its group: %.90s", c->name,
		 c->life->state == LIFE_INIT ? "it is being built" : c->life->reason);
	for (struct group_member *m = g->members; m; m = m->next) {
		if (!m->part.counts || !m->part.fit || !(news || m->part.behind))
			continue;
		g->along += !m->along;
		m->along = true;
		m->stale = false;
		update(m);
		g->ops->tell(m, &in, why);
	}
}

static void bring_back(struct group *g)
{
	const struct life_in in = {.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_GROUP};

	g->culprit = NULL;
	for (struct group_member *m = g->along ? g->members : NULL; m; m = m->next) {
		if (!m->along)
			continue;
		g->along--;
		m->along = m->stale = false;
		update(m);
		g->ops->tell(m, &in, NULL);
	}
}

/* ---- what the election is told ----------------------------------------------------------------
 */

static void elect(struct group *g, enum vrrp_event ev)
{
	g->ops->elect(g->ctx, &(struct vrrp_in){.ev = ev,
						.gated = g->gated,
						.blind = g->blind,
						.sole = g->sole,
						.boosted = g->boosted});
}

static void tell_bid(struct group *g)
{
	uint8_t was = g->bid, now = lowest(g);

	if (!now || now == was)
		return;
	g->bid = now;
	g->ops->bid(g->ctx, was, now);
}

static void tell_gate(struct group *g, bool anyway)
{
	bool gated = g->sum.gated, blind = g->sum.blind, sole = !g->sum.shared;

	if (!anyway && gated == g->gated && blind == g->blind && sole == g->sole)
		return;
	g->gated = gated;
	g->blind = blind;
	g->sole = sole;
	elect(g, VRRP_EV_GATE);
}

/* Is there one that is ACTIVE as a core that died left it? */
static bool is_adopted(const struct group *g)
{
	for (const struct group_member *m = g->members; m; m = m->next)
		if (m->part.counts && m->life->adopted)
			return true;
	return false;
}

static void start(struct group *g)
{
	g->on = true;
	tell_bid(g);
	if (is_adopted(g)) {
		elect(g, VRRP_EV_ADOPT);
		tell_gate(g, true);
	} else {
		tell_gate(g, true);
		elect(g, VRRP_EV_START);
	}
}

static void go_on(struct group *g)
{
	bool boost = g->boost, leaves = g->sum.leaves && !g->sum.stays;

	tell_bid(g);
	tell_gate(g, false);
	g->boost = false;
	if (boost)
		elect(g, VRRP_EV_BOOST);
	if (g->state != VRRP_ACTIVE)
		return;
	if (!g->addressed && !g->sum.bare) {
		g->addressed = true;
		g->ops->has_addresses(g->ctx);
	}
	if (leaves && !g->resigning) {
		g->resigning = true;
		elect(g, VRRP_EV_RESIGN);
	}
}

static void settle_once(struct group *g)
{
	bool fit = g->sum.counts && !g->sum.unfit;

	if (!g->whole)
		return;
	if (fit) {
		bring_back(g);
		if (!g->on)
			start(g);
		else
			go_on(g);
		return;
	}
	g->boost = false;
	if (g->on) {
		g->on = false;
		elect(g, VRRP_EV_STOP);
	}
	take_along(g);
}

void group_hold(struct group *g)
{
	g->held++;
}

void group_release(struct group *g)
{
	g->again = true;
	while (g->held == 1 && g->again) {
		g->again = false;
		settle_once(g);
	}
	g->held--;
}

/* ---- what members say -------------------------------------------------------------------------
 */

static void settle(struct group *g)
{
	group_hold(g);
	group_release(g);
}

void group_look(struct group_member *m)
{
	if (!m->group)
		return;
	update(m);
	settle(m->group);
}

/* The lifecycle took RESIGN back, as nobody came. */
static void stay(struct group *g, struct group_member *m)
{
	m->resigns = false;
	if (!g->resigning)
		return;
	g->resigning = false;
	elect(g, VRRP_EV_STAY);
}

/* It came, or is well again, later than the others. */
static void follow(struct group *g, struct group_member *m)
{
	const struct life_in fault = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_ELECTION};
	const struct life_in elected = {.ev = LIFE_EV_ELECTED};

	if (g->fault[0])
		g->ops->tell(m, &fault, g->fault);
	else if (g->state == VRRP_ACTIVE)
		g->ops->tell(m, &elected, "its group is ACTIVE");
}

void group_elect(struct group_member *m, enum vrrp_event ev)
{
	struct group *g = m->group;

	switch (ev) {
	case VRRP_EV_START:
		follow(g, m);
		break;
	case VRRP_EV_RESIGN:
		m->resigns = true;
		break;
	case VRRP_EV_STAY:
		stay(g, m);
		break;
	case VRRP_EV_BOOST:
		g->boost = true;
		break;
	case VRRP_EV_STOP: /* update() sees why, as it sees a gate */
	case VRRP_EV_GATE:
	case VRRP_EV_ADOPT:
	case VRRP_EV_TIMER:
	case VRRP_EV_ADVERT:
	case VRRP_EV_RECONF:
		break;
	}
	group_look(m);
}

void group_has_addresses(struct group_member *m)
{
	m->has_addresses = true;
	group_look(m);
}

/* ---- what the election says -------------------------------------------------------------------
 */

void group_on_state(struct group *g, enum vrrp_state state, const char *why)
{
	const struct life_in in = {.ev = state == VRRP_ACTIVE ? LIFE_EV_ELECTED : LIFE_EV_LOST};

	group_hold(g);
	g->state = state;
	g->resigning = g->addressed = false;
	for (struct group_member *m = g->members; m; m = m->next) {
		m->resigns = m->has_addresses = m->late = false;
		update(m);
	}
	for (struct group_member *m = g->members; m && state != VRRP_INIT; m = m->next)
		g->ops->tell(m, &in, why);
	group_release(g);
}

void group_on_fault(struct group *g, const char *fault)
{
	const struct life_in in = {.ev = fault ? LIFE_EV_FAULT : LIFE_EV_RECOVERED,
				   .fault = LIFE_FAULT_ELECTION};

	snprintf(g->fault, sizeof(g->fault), "%s", fault ? fault : "");
	group_hold(g);
	for (struct group_member *m = g->members; m; m = m->next)
		g->ops->tell(m, &in, fault);
	group_release(g);
}

/* ---- life -------------------------------------------------------------------------------------
 */

void group_init(struct group *g, const char *name, const struct group_ops *ops, void *ctx)
{
	*g = (struct group){.ops = ops, .ctx = ctx};
	snprintf(g->name, sizeof(g->name), "%s", name);
}

/* Of those that were kept one that is not is new. */
void group_whole(struct group *g)
{
	bool kept = false;

	if (g->whole)
		return;
	for (const struct group_member *m = g->members; m; m = m->next)
		kept = kept || m->kept;
	for (struct group_member *m = g->members; m && kept; m = m->next) {
		m->late = !m->kept;
		m->counts = m->counts && m->kept;
		look_for_first(g, m);
		update(m);
	}
	g->whole = true;
	settle(g);
}

void group_join(struct group *g, struct group_member *m)
{
	m->group = g;
	m->prev = g->last;
	m->next = NULL;
	m->late = g->whole;
	*(g->last ? &g->last->next : &g->members) = m;
	g->last = m;
	g->n++;
	m->counts = !g->whole;
	if (m->counts)
		look_for_first(g, m);
	update(m);
}

void group_leave(struct group_member *m)
{
	struct group *g = m->group;

	if (!g)
		return;
	group_hold(g);
	add(g, &m->part, -1u);
	*(m->prev ? &m->prev->next : &g->members) = m->next;
	*(m->next ? &m->next->prev : &g->last) = m->prev;
	g->n--;
	g->along -= m->along;
	if (g->culprit == m)
		g->culprit = NULL;
	m->counts = false;
	m->group = NULL;
	look_for_first(g, m);
	group_release(g);
}
