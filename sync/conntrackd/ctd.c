/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctd_impl.h"

#include <errno.h>
#include <string.h>

#define ROOM_MIN    CTD_MSG_MAX
#define SILENT_FOR  3 /* ALARM: so many times what it takes to tell everything */
#define DRAIN_AGAIN 50

static const char *const mode_name[] = {
	[CTD_MODE_FTFW] = "ft-fw", [CTD_MODE_NOTRACK] = "notrack", [CTD_MODE_ALARM] = "alarm"};

const char *ctd_mode_name(enum ctd_mode m)
{
	return (unsigned)m < ARRAY_LEN(mode_name) ? mode_name[m] : "?";
}

uint64_t ctd_lost_ms(const struct ctd *c)
{
	return c->conf.mode == CTD_MODE_ALARM ? SILENT_FOR * (uint64_t)c->conf.refresh_ms
					      : CTD_LOST_MS;
}

bool ctd_lost(const struct ctd *c, const struct ctd_peer *p)
{
	return c->now - p->heard_at > ctd_lost_ms(c);
}

int ctd_new(struct ctd **out, const struct ctd_conf *conf, const struct ctd_ops *ops, void *ctx,
	    struct sync_counters *counters, uint64_t now)
{
	struct ctd *c;

	if (conf->room < ROOM_MIN || conf->n_known > CTD_KNOWN_MAX || !conf->pin_s ||
	    (unsigned)conf->mode >= ARRAY_LEN(mode_name) || !conf->refresh_ms)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->conf = *conf;
	if (c->conf.room > CTD_DATAGRAM_MAX)
		c->conf.room = CTD_DATAGRAM_MAX;
	c->ops = ops;
	c->ctx = ctx;
	c->counters = counters;
	c->now = now;
	c->hello = conf->mode == CTD_MODE_FTFW;
	c->alive_at = now;
	c->renew_at = now + conf->pin_s * 1000ull / 4;
	/* anywhere, so that nobody's numbers are another's, and nobody can know them */
	ops->kernel->random(ctx, &c->seq, sizeof(c->seq));
	ops->kernel->random(ctx, c->hash_key, sizeof(c->hash_key));
	if (ctd_ring_new(&c->ring, conf->ring_bytes) < 0) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void ctd_free(struct ctd *c)
{
	if (!c)
		return;
	ctd_ring_free(&c->ring);
	free(c);
}

/* ---- roles ------------------------------------------------------------------------------------
 */

uint32_t ctd_promote(struct ctd *c, uint32_t min_term, uint64_t now)
{
	c->now = now;
	ctd_commit(c);
	c->source = true;
	c->pass = c->wanted = 0;
	c->told_at = 0;
	c->term = (c->term > min_term ? c->term : min_term) + 1;
	c->ready_at = c->asked_at = 0;
	ctd_want_pass(c, PASS_TELL | PASS_REARM);
	c->begin_at = now + CTD_PROMOTED_MS;
	c->ops->kernel->on_status(c->ctx);
	return c->term;
}

static void drain_over(struct ctd *c, bool acknowledged)
{
	if (!c->draining)
		return;
	c->draining = false;
	c->ops->kernel->on_drained(c->ctx, acknowledged);
}

void ctd_demote(struct ctd *c, uint64_t now)
{
	c->now = now;
	ctd_flush(c);
	c->source = false;
	c->pass = c->wanted = 0;
	c->overrun = false;
	c->alarms = 0;
	c->data_at = 0;
	/* what it lacks was told to nobody but it; it lives on as a replica's */
	ctd_want_pass(c, PASS_RENEW);
	c->begin_at = now + CTD_DEMOTED_MS;
	drain_over(c, false);
	c->ops->kernel->on_status(c->ctx);
}

static bool has_acked(const struct ctd *c)
{
	for (unsigned i = 0; i < c->peers.n; i++) {
		const struct ctd_peer *p = &c->peers.at[i];

		if (!ctd_lost(c, p) && (!p->acks || (int32_t)(c->drain_seq - p->acked) > 0))
			return false;
	}
	return !c->n_asks;
}

/* Everything has left; the number that is skipped makes others say what they have at once. */
static void drain_poke(struct ctd *c)
{
	c->drain_seq = c->seq - 1;
	if (c->conf.mode == CTD_MODE_FTFW) {
		ctd_skip(c);
		ctd_ctl(c, CTD_ALIVE, 0, 0);
	}
	ctd_flush(c);
}

void ctd_drain(struct ctd *c, uint32_t wait_ms, uint64_t now)
{
	c->now = now;
	drain_over(c, false);
	c->draining = true;
	c->drain_until = now + wait_ms;
	drain_poke(c);
}

static uint64_t drain_run(struct ctd *c)
{
	if (!c->draining)
		return UINT64_MAX;
	if (has_acked(c))
		drain_over(c, true);
	/* nobody will say so */
	else if (c->now >= c->drain_until || c->conf.mode != CTD_MODE_FTFW)
		drain_over(c, false);
	return c->draining ? c->drain_until : UINT64_MAX;
}

void ctd_verify(struct ctd *c, uint32_t request)
{
	const struct verify_page p = {.request = request, .last = true, .outcome = VERIFY_PROTOCOL};

	if (c->ops->kernel->on_verified)
		c->ops->kernel->on_verified(c->ctx, &p);
}

/* ---- time -------------------------------------------------------------------------------------
 */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t run_acks(struct ctd *c)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < c->peers.n; i++) {
		struct ctd_peer *p = &c->peers.at[i];

		if (p->ack_due && p->ack_at <= c->now)
			ctd_ack(c, p);
		if (p->ack_due)
			next = least(next, p->ack_at);
	}
	return next;
}

/* A sign of life, where nothing was sent for a second: what is owed, if anything. */
static uint64_t run_alive(struct ctd *c)
{
	uint32_t before = c->seq;

	if (c->conf.mode == CTD_MODE_ALARM)
		return UINT64_MAX;
	if (c->now < c->alive_at)
		return c->alive_at;
	for (unsigned i = 0; i < c->peers.n; i++)
		ctd_ack(c, &c->peers.at[i]);
	if (c->seq == before)
		ctd_ctl(c, CTD_ALIVE, 0, 0);
	return c->alive_at;
}

/* When a peer is lost next: status changes then. */
static uint64_t run_peers(struct ctd *c)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < c->peers.n; i++)
		if (!ctd_lost(c, &c->peers.at[i]))
			next = least(next, c->peers.at[i].heard_at + ctd_lost_ms(c) + 1);
	return next;
}

static uint64_t run_source(struct ctd *c)
{
	if (c->conf.mode != CTD_MODE_ALARM || c->pass & PASS_TELL || c->wanted & PASS_TELL)
		return UINT64_MAX;
	if (c->now >= c->told_at + c->conf.refresh_ms) {
		ctd_want_pass(c, PASS_TELL);
		return c->now;
	}
	return c->told_at + c->conf.refresh_ms;
}

uint64_t ctd_run(struct ctd *c, uint64_t now)
{
	enum engine_phase phase;
	uint64_t next;

	c->now = now;
	ctd_commit(c);
	next = least(run_acks(c), run_peers(c));
	next = least(next, c->source ? run_source(c) : ctd_replica_run(c));
	next = least(next, ctd_resend(c));
	next = least(next, ctd_pass(c));
	next = least(next, drain_run(c));
	next = least(next, run_alive(c));
	ctd_flush_paced(c);
	if (c->len)
		next = least(next, c->now + 1);
	phase = ctd_phase(c);
	if (phase != c->told) {
		c->told = phase;
		c->ops->kernel->on_status(c->ctx);
	}
	return next;
}

/* ---- what is known ----------------------------------------------------------------------------
 */

void ctd_on_apply_failed(struct ctd *c, const struct flow *f, int err)
{
	(void)f;
	if (err == -ENOENT) {
		ctd_count(c, SYNC_APPLY_MISSING);
	} else if (err == -ENOMEM || err == -ENOSPC || err == -ENFILE) {
		ctd_count(c, SYNC_APPLY_TABLE_FULL);
		if (!c->source && !(c->alarms & ENGINE_ALARM_TABLE_FULL)) {
			c->alarms |= ENGINE_ALARM_TABLE_FULL;
			c->ops->kernel->on_status(c->ctx);
		}
	} else {
		ctd_count(c, SYNC_APPLY_ERRORS);
	}
}

/* Who told something of a flow last. */
static const struct ctd_peer *teller(const struct ctd *c)
{
	const struct ctd_peer *last = NULL;

	for (unsigned i = 0; i < c->peers.n; i++) {
		const struct ctd_peer *p = &c->peers.at[i];

		if (!ctd_lost(c, p) && p->data_at && (!last || p->data_at > last->data_at))
			last = p;
	}
	return last;
}

void ctd_status(const struct ctd *c, struct engine_status *out)
{
	const struct ctd_peer *from = c->source ? NULL : teller(c);
	char text[INET6_ADDRSTRLEN];

	*out = (struct engine_status){.phase = ctd_phase(c),
				      .alarms = c->alarms,
				      .term = c->source ? c->term : 0,
				      .known_term = c->term,
				      .seq = c->seq - 1,
				      .beats = ENGINE_BEATS_OFF};
	if (out->phase == ENGINE_READY || c->source)
		out->repair_percent = 100;
	if (from)
		snprintf(out->source_name, sizeof(out->source_name), "%s",
			 ip_addr_format(&from->addr, text));
}

unsigned ctd_peers(const struct ctd *c, struct engine_peer out[static ENGINE_PEERS_MAX],
		   uint64_t now)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < c->peers.n; i++) {
		const struct ctd_peer *p = &c->peers.at[i];
		bool lost = now - p->heard_at > ctd_lost_ms(c);

		out[i] = (struct engine_peer){.phase = ENGINE_UNSAID,
					      .acked = p->acks ? p->acked : 0,
					      .behind = p->acks ? c->seq - 1 - p->acked : 0,
					      .heard_ms_ago = now - p->heard_at,
					      .lost = lost,
					      .follows = c->source && p->acks && !lost};
		snprintf(out[i].name, sizeof(out[i].name), "%s", ip_addr_format(&p->addr, text));
		out[i].id = id_of(out[i].name);
	}
	return c->peers.n;
}
