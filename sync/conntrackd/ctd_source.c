/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source: what changes in the kernel's table is told as it comes, and everything now and then:
 * after a promotion, when somebody asks (RESYNC) or has just started, in mode ALARM all the time.
 */
#include "ctd_impl.h"

#include <errno.h>
#include <string.h>

bool ctd_wants(const struct ctd *c, const struct flow *f)
{
	return flow_is_through(f, &c->conf.locals) &&
	       flow_filter_look(&c->conf.filter, f) == FILTER_IN;
}

/* Does the event say all that the other one's kernel needs of it? */
static bool is_whole(const struct flow *f)
{
	uint32_t needs = FLOW_HAS_STATUS | FLOW_HAS_REPLY;

	if (f->proto == IPPROTO_TCP)
		needs |= FLOW_HAS_TCP;
	else if (f->proto == IPPROTO_SCTP)
		needs |= FLOW_HAS_SCTP;
	return (f->has & needs) == needs;
}

/* What the event does not tell is read from the kernel. */
static bool make_whole(struct ctd *c, const struct flow *f, struct flow *whole)
{
	int err = c->ops->kernel->get(c->ctx, f, whole);

	if (err == 0)
		flow_merge(whole, f);
	else if (err != -ENOENT) /* else its end follows */
		ctd_want_pass(c, PASS_TELL);
	return err == 0;
}

/* A helper adjusts the numbers of a master without an event; when what it expected comes it is done
 * with it. */
static void tell_master(struct ctd *c, const struct flow *f)
{
	struct flow key, master;

	flow_clear(&key);
	key.family = f->family;
	key.proto = f->rare.master_proto;
	key.orig = f->rare.master;
	if (c->ops->kernel->get(c->ctx, &key, &master) == 0 && master.has & FLOW_HAS_SEQADJ &&
	    ctd_wants(c, &master))
		ctd_tell(c, CTD_CT_UPD, &master);
}

static void tell_change(struct ctd *c, const struct flow *f, enum flow_change change)
{
	enum filter_verdict verdict = flow_filter_look(&c->conf.filter, f);
	struct flow whole;

	if (verdict != FILTER_NEVER && change != FLOW_DESTROY &&
	    (verdict == FILTER_UNSURE || !is_whole(f) ||
	     (change == FLOW_UPDATE && flow_filter_has_state(&c->conf.filter)))) {
		if (!make_whole(c, f, &whole))
			return;
		f = &whole;
		verdict = flow_filter_look(&c->conf.filter, f);
	}
	if (verdict == FILTER_NEVER || (verdict == FILTER_OUT && change == FLOW_NEW)) {
		ctd_count(c, SYNC_EVENTS_FILTERED);
		return;
	}
	if (change == FLOW_DESTROY || verdict == FILTER_OUT) {
		ctd_tell(c, CTD_CT_DEL, f);
		return;
	}
	ctd_tell(c, change == FLOW_NEW ? CTD_CT_NEW : CTD_CT_UPD, f);
	if (change == FLOW_NEW && f->has & FLOW_HAS_MASTER)
		tell_master(c, f);
}

void ctd_on_change(struct ctd *c, const struct flow *f, enum flow_change change, uint64_t now)
{
	c->now = now;
	if (!c->source)
		return;
	if (!flow_is_through(f, &c->conf.locals)) {
		ctd_count(c, SYNC_EVENTS_LOCAL);
		return;
	}
	if (c->pass & PASS_TELL)
		repair_changed_add(&c->changed, flow_hash(f, c->hash_key));
	tell_change(c, f, change);
}

void ctd_on_expect_change(struct ctd *c, const struct expect *x, enum flow_change change,
			  uint64_t now)
{
	struct flow key, master;

	c->now = now;
	if (!c->source)
		return;
	expect_master(x, &key);
	/* of an end the master may be gone already */
	if (change == FLOW_DESTROY)
		ctd_tell_expect(c, CTD_EXP_DEL, x);
	else if (c->ops->kernel->get(c->ctx, &key, &master) == 0 && ctd_wants(c, &master))
		ctd_tell_expect(c, CTD_EXP_NEW, x);
	else
		ctd_count(c, SYNC_EXPECT_LEFT_OUT);
}

void ctd_on_drained(struct ctd *c, uint64_t now)
{
	c->now = now;
	ctd_flush_paced(c);
}

/* Ends among what was lost cannot be told any more. */
void ctd_on_overrun(struct ctd *c, uint64_t now)
{
	c->now = now;
	ctd_count(c, SYNC_EVENT_OVERRUNS);
	if (!c->source)
		return;
	c->alarms |= ENGINE_ALARM_OVERRUN;
	c->overrun = true;
	ctd_want_pass(c, PASS_TELL);
	c->ops->kernel->on_status(c->ctx);
}

void ctd_set_filter(struct ctd *c, const struct flow_filter *filter, uint64_t now)
{
	c->now = now;
	if (flow_filter_equal(filter, &c->conf.filter))
		return;
	c->conf.filter = *filter;
	if (c->source)
		ctd_want_pass(c, PASS_TELL);
}

/* ---- passes over the table --------------------------------------------------------------------
 */

void ctd_want_pass(struct ctd *c, unsigned what)
{
	c->wanted |= what;
}

/* The chunk may be as old as the call before: what changed since then is told as it is now. */
static void tell_dumped(struct ctd *c, const struct flow *f)
{
	struct flow now_is;

	if (!flow_is_through(f, &c->conf.locals))
		return;
	if (repair_changed_has(&c->changed, flow_hash(f, c->hash_key))) {
		if (c->ops->kernel->get(c->ctx, f, &now_is) < 0)
			return;
		f = &now_is;
	}
	if (!ctd_wants(c, f))
		return;
	ctd_count(c, SYNC_REPAIR_FLOWS);
	ctd_tell(c, CTD_CT_UPD, f);
}

static void set_timeout(struct ctd *c, const struct flow *f, uint32_t timeout_s)
{
	struct flow id = *f;

	id.has = 0;
	c->ops->kernel->set_timeout(c->ctx, &id, timeout_s);
	c->uncommitted = true;
}

void ctd_on_dump(struct ctd *c, const struct flow *f)
{
	uint32_t normal = flow_timeout_s(&c->conf.timeouts, f);

	if (c->pass & PASS_TELL)
		tell_dumped(c, f);
	if (!(f->has & FLOW_HAS_TIMEOUT) || !flow_is_through(f, &c->conf.locals))
		return;
	if (c->pass & PASS_REARM && f->timeout_s > normal) {
		set_timeout(c, f, normal);
		ctd_count(c, SYNC_REARMED);
	}
	if (c->pass & PASS_RENEW && f->timeout_s < c->conf.pin_s / 2)
		set_timeout(c, f, c->conf.pin_s);
}

void ctd_on_expect(struct ctd *c, const struct expect *x)
{
	ctd_on_expect_change(c, x, FLOW_NEW, c->now);
}

/* Is a listing too far ahead of somebody? */
static bool too_far(const struct ctd *c)
{
	for (unsigned i = 0; i < c->peers.n; i++) {
		const struct ctd_peer *p = &c->peers.at[i];

		if (p->acks && !ctd_lost(c, p) && c->seq - 1 - p->acked > CTD_AHEAD)
			return true;
	}
	return false;
}

static bool anybody_acks(const struct ctd *c)
{
	for (unsigned i = 0; i < c->peers.n; i++)
		if (c->peers.at[i].acks && !ctd_lost(c, &c->peers.at[i]))
			return true;
	return false;
}

static void pass_over(struct ctd *c)
{
	if (c->pass & PASS_TELL && c->ops->kernel->expects(c->ctx) < 0)
		c->wanted |= PASS_TELL;
	if (c->pass & PASS_TELL) {
		ctd_count(c, SYNC_REPAIRS_SERVED);
		c->told_at = c->now;
		if (c->overrun && !(c->wanted & PASS_TELL)) {
			c->overrun = false;
			c->alarms &= ~(uint32_t)ENGINE_ALARM_OVERRUN;
			c->ops->kernel->on_status(c->ctx);
		}
	}
	c->pass = 0;
}

/* When the next one may begin; RESYNC can be asked for by anybody, and is not cheap. */
static uint64_t may_begin(const struct ctd *c)
{
	uint64_t at = c->begin_at;

	if (c->wanted == PASS_TELL && c->told_at && c->told_at + CTD_BULK_MS > at)
		at = c->told_at + CTD_BULK_MS;
	return at > c->now ? at : c->now;
}

static uint64_t begin(struct ctd *c)
{
	uint64_t at = c->wanted ? may_begin(c) : UINT64_MAX;

	if (at > c->now)
		return at;
	c->pass = c->wanted;
	c->wanted = 0;
	c->fresh = true;
	c->pass_at = c->now;
	repair_changed_clear(&c->changed);
	return c->now;
}

uint64_t ctd_pass(struct ctd *c)
{
	bool tells, blind;
	int more;

	if (!c->pass && begin(c) > c->now)
		return c->wanted ? may_begin(c) : UINT64_MAX;
	if (c->pass_at > c->now)
		return c->pass_at;
	more = c->ops->kernel->dump(c->ctx, c->fresh);
	c->fresh = false;
	repair_changed_clear(&c->changed);
	ctd_commit(c);
	tells = c->pass & PASS_TELL;
	if (more < 0)
		c->wanted |= c->pass;
	if (more > 0) {
		blind = !anybody_acks(c);
		c->pass_at = c->now + (!tells	    ? 1
				       : blind	    ? CTD_BLIND_MS
				       : too_far(c) ? CTD_AHEAD_MS
						    : 0);
		return c->pass_at;
	}
	if (more < 0)
		c->pass = 0;
	else
		pass_over(c);
	return c->now + CTD_RETRY_MS;
}
