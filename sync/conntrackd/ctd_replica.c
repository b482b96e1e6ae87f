/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replica: what others tell is made true in the kernel at once. Nobody says that it was all. So
 * READY is what can be known: everything was asked for, no message has been missing since, and
 * either nothing more comes or it has gone on for longer than a listing takes. */
#include "ctd_impl.h"

#define QUIET_MS   500	 /* nothing is told: the listing is over */
#define SETTLED_MS 10000 /* or it lasts so long that it is live traffic */
#define ANSWER_MS  1500	 /* an answer begins within a sign of life */
#define ASK_MS	   5000	 /* again, where messages are missing and nobody sends them again */
#define RENEWALS   4

static enum sync_counter counter_of(enum ctd_err err)
{
	switch (err) {
	case CTD_E_SHORT:
		return SYNC_CTD_SHORT;
	case CTD_E_LENGTH:
		return SYNC_CTD_LENGTH;
	case CTD_E_VERSION:
		return SYNC_CTD_VERSION;
	case CTD_E_TYPE:
		return SYNC_CTD_TYPE;
	case CTD_E_ATTR:
		return SYNC_CTD_ATTR;
	case CTD_E_VALUE:
		return SYNC_CTD_VALUE;
	case CTD_E_MISSING:
		return SYNC_CTD_MISSING;
	case CTD_E_UNSUPPORTED:
	case CTD_OK:
	case CTD_E_N:
		break;
	}
	return SYNC_CTD_UNSUPPORTED;
}

void ctd_commit(struct ctd *c)
{
	if (!c->uncommitted)
		return;
	c->uncommitted = false;
	c->ops->kernel->commit(c->ctx);
}

static void take_flow(struct ctd *c, uint8_t type, const struct flow *f)
{
	/* an end names the flow alone; one that does not go through is not there */
	if (type != CTD_CT_DEL && !flow_is_through(f, &c->conf.locals)) {
		ctd_count(c, SYNC_CTD_LOCAL);
		return;
	}
	c->uncommitted = true;
	if (type == CTD_CT_DEL)
		c->ops->kernel->del(c->ctx, f);
	else
		c->ops->kernel->put(c->ctx, f, type == CTD_CT_NEW ? FLOW_PUT_NEW : FLOW_PUT_EITHER);
}

static void take_expect(struct ctd *c, uint8_t type, const struct expect *x)
{
	const struct engine_ops *k = c->ops->kernel;

	ctd_commit(c); /* its master is there before it, or the kernel refuses it */
	if (type == CTD_EXP_DEL) {
		if (k->expect_del(c->ctx, x) == 0)
			ctd_count(c, SYNC_APPLIED_EXPECT_DEL);
		return;
	}
	ctd_count(c, k->expect_put(c->ctx, x, x->timeout_s) < 0 ? SYNC_EXPECT_REFUSED
								: SYNC_APPLIED_EXPECT);
}

static void take_data(struct ctd *c, struct ctd_peer *p, const struct ctd_msg *m)
{
	struct expect x;
	enum ctd_err err;
	struct flow f;

	/* whoever is the source knows better */
	if (c->source) {
		ctd_count(c, SYNC_RX_OTHER_STREAM);
		return;
	}
	p->data_at = c->data_at = c->now;
	if (m->type <= CTD_CT_DEL) {
		err = ctd_flow_decode(m->body, m->type, &f);
		if (err == CTD_OK)
			take_flow(c, m->type, &f);
	} else {
		err = ctd_expect_decode(m->body, &x);
		if (err == CTD_OK)
			take_expect(c, m->type, &x);
	}
	if (err != CTD_OK)
		ctd_count(c, counter_of(err));
}

static void take_ctl(struct ctd *c, struct ctd_peer *p, const struct ctd_msg *m)
{
	if (m->flags & CTD_RESYNC) {
		if (c->source)
			ctd_want_pass(c, PASS_TELL);
	} else if (c->conf.mode != CTD_MODE_FTFW) {
		return;
	} else if (m->flags & CTD_ACK) {
		ctd_peer_acked(p, m, c->seq - 1, c->sent);
	} else if (m->flags & CTD_NACK) {
		ctd_on_nack(c, m->from, m->to);
	}
}

/* It has just started: it knows nothing, and what it had told before is of no use to it. */
static void on_started(struct ctd *c, struct ctd_peer *p)
{
	p->acks = false;
	if (c->source)
		ctd_want_pass(c, PASS_TELL);
	else
		ctd_ask_all(c);
}

static void on_gap(struct ctd *c, struct ctd_peer *p, const struct ctd_msg *m, uint32_t gap)
{
	uint32_t before = m->seq - 1;

	c->counters->v[SYNC_CTD_LOST] += gap;
	c->gap_at = c->now;
	if (c->conf.mode != CTD_MODE_FTFW)
		return;
	if (p->ack_due)
		ctd_ctl(c, CTD_ACK, p->ack_from, before - gap);
	p->ack_due = false;
	ctd_count(c, SYNC_RX_GAPS);
	ctd_ctl(c, CTD_NACK, before - gap + 1, before);
}

/* false: it is not to be looked at. */
static bool track(struct ctd *c, struct ctd_peer *p, const struct ctd_msg *m)
{
	uint32_t gap;
	enum ctd_order order = ctd_peer_track(p, m, &gap);

	if (m->flags & CTD_HELLO)
		c->hello_back = true;
	if (m->flags & CTD_HELLO_BACK)
		c->hello = false;
	if (order == CTD_LATE) {
		ctd_count(c, SYNC_CTD_LATE);
		/* it will be sent again with another number, if it was missed; elsewhere not */
		return c->conf.mode != CTD_MODE_FTFW;
	}
	if (order == CTD_STARTED)
		on_started(c, p);
	else if (order == CTD_GAP)
		on_gap(c, p, m, gap);
	if (c->conf.mode == CTD_MODE_FTFW && ctd_peer_owe(p, m->seq, m->type != CTD_CTL, c->now))
		ctd_ack(c, p);
	return true;
}

static bool is_known(const struct ctd *c, const struct ip_addr *from)
{
	for (unsigned i = 0; i < c->conf.n_known; i++)
		if (ip_addr_equal(&c->conf.known[i], from))
			return true;
	return !c->conf.n_known;
}

/* Over several links the other one has as many addresses, and one sequence of numbers. */
static struct ctd_peer *sender(struct ctd *c, const struct ip_addr *from)
{
	if (c->conf.pair && c->peers.n)
		c->peers.at[0].addr = *from;
	return ctd_peer_find(&c->peers, from, ctd_lost_ms(c), c->now);
}

static bool take(struct ctd *c, const struct ip_addr *from, const struct ctd_msg *m)
{
	struct ctd_peer *p = sender(c, from);
	bool was_lost;

	if (!p) {
		ctd_count(c, SYNC_RX_NO_PLACE);
		return false;
	}
	was_lost = !p->heard_at || ctd_lost(c, p);
	p->heard_at = c->now;
	if (was_lost)
		c->ops->kernel->on_status(c->ctx);
	if (track(c, p, m)) {
		if (m->type == CTD_CTL)
			take_ctl(c, p, m);
		else
			take_data(c, p, m);
	}
	return true;
}

bool ctd_on_datagram(struct ctd *c, const struct ip_addr *from, const uint8_t *buf, size_t len,
		     uint64_t now)
{
	struct rd datagram = rd_of(buf, len);
	bool any = false;

	c->now = now;
	c->counters->v[SYNC_RX_BYTES] += len;
	if (!is_known(c, from)) {
		ctd_count(c, SYNC_CTD_STRANGER);
		return false;
	}
	while (!rd_done(&datagram)) {
		struct ctd_msg m;
		enum ctd_err err = ctd_msg_next(&datagram, &m);

		if (err == CTD_OK)
			any |= take(c, from, &m);
		else
			ctd_count(c, counter_of(err));
	}
	if (any)
		ctd_count(c, SYNC_RX_DATAGRAMS);
	return any;
}

/* ---- readiness --------------------------------------------------------------------------------
 */

static bool anybody(const struct ctd *c)
{
	for (unsigned i = 0; i < c->peers.n; i++)
		if (!ctd_lost(c, &c->peers.at[i]))
			return true;
	return false;
}

void ctd_ask_all(struct ctd *c)
{
	c->asked_at = c->now;
	c->ready_at = 0;
	c->alarms &= ~(uint32_t)ENGINE_ALARM_TABLE_FULL; /* until something is refused again */
	if (c->conf.mode != CTD_MODE_ALARM)		 /* there all comes by itself */
		ctd_ctl(c, CTD_RESYNC, 0, 0);
}

/* When the replica is READY at the earliest, as far as is known now. */
static uint64_t ready_when(const struct ctd *c)
{
	uint64_t answered = c->asked_at + ANSWER_MS, quiet = c->data_at + QUIET_MS;
	uint64_t settled = c->asked_at + SETTLED_MS;

	if (c->conf.mode == CTD_MODE_ALARM)
		return c->asked_at + c->conf.refresh_ms;
	if (quiet > settled)
		quiet = settled;
	return quiet > answered ? quiet : answered;
}

enum engine_phase ctd_phase(const struct ctd *c)
{
	if (c->source)
		return ENGINE_SOURCE;
	if (!anybody(c))
		return ENGINE_ALONE;
	return c->ready_at ? ENGINE_READY : ENGINE_SYNCING;
}

/* What is missing is sent again where numbers can be asked for; elsewhere all of it is. So it is
 * with what found no room. */
static bool lacks(const struct ctd *c)
{
	if (c->alarms & ENGINE_ALARM_TABLE_FULL)
		return true;
	return c->conf.mode == CTD_MODE_NOTRACK && c->gap_at > c->asked_at;
}

uint64_t ctd_replica_run(struct ctd *c)
{
	uint64_t when;

	if (c->now >= c->renew_at) {
		if (c->conf.mode != CTD_MODE_ALARM)
			ctd_want_pass(c, PASS_RENEW);
		c->renew_at = c->now + c->conf.pin_s * 1000ull / RENEWALS;
	}
	if (!anybody(c)) {
		c->asked_at = c->ready_at = 0;
		return c->renew_at;
	}
	if (lacks(c))
		c->ready_at = 0;
	if (!c->asked_at || (lacks(c) && c->now - c->asked_at >= ASK_MS))
		ctd_ask_all(c);
	when = lacks(c) ? c->asked_at + ASK_MS : ready_when(c);
	if (!c->ready_at && when <= c->now)
		c->ready_at = c->now;
	return c->ready_at ? c->renew_at : when;
}
