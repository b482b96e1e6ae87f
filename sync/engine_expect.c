/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expectations. They are few and short-lived, so they take no part in slots, digests and sweeps:
 *
 * - What the kernel tells of one enters the stream at once, behind all that was told of flows
 *   before: so its master is there. A replica does it at once, too.
 * - All of them are listed in one piece behind COMPARE and before END, and so with every audit. A
 *   replica takes every listing, whatever its state, and deletes what was not listed. The table is
 *   read in one go, between two events, so it is not older than what the stream said (G2).
 * - A replica's clock for them runs longer than the source's; a new source sets it back.
 *
 * Where the master is missing, one that was told live shows that the replica lacks a flow, as an
 * update of a flow does. One that was listed shows nothing: its master's turn comes. */
#include "engine_impl.h"

#include <errno.h>

#define TRIES 5 /* a look that failed once may succeed the next time */

static int get_master(struct engine *e, const struct expect *x, struct flow *out)
{
	struct flow key;
	int err = -EIO;

	expect_master(x, &key);
	for (unsigned i = 0; i < TRIES && err < 0 && err != -ENOENT; i++)
		err = e->ops->get(e->ctx, &key, out);
	return err;
}

/* All there are, for this. */
static int read_all(struct engine *e, enum expects_job job)
{
	int err = -EIO;

	e->expects.job = job;
	e->expects.failed = false;
	for (unsigned i = 0; i < TRIES && err < 0; i++)
		err = e->ops->expects(e->ctx);
	if (err == 0 && e->expects.failed) /* to look at a master */
		err = -EIO;
	return err;
}

void expects_forget(struct engine *e)
{
	repair_seen_free(&e->expects.seen);
	e->expects.collecting = false;
}

/* Not when the source opens another stream: those who follow that may be told of a master as it was
 * before its numbers were adjusted, and nothing else would tell them of it. */
void expects_closed(struct engine *e)
{
	e->expects.n_look = 0;
}

void expects_promoted(struct engine *e)
{
	expects_forget(e);
	e->expects.rearm = true;
	e->expects.rearm_at = e->now + ENGINE_REARM_PAUSE_MS;
}

/* ---- source ---- */

static void look_at(struct engine *e, const struct expects_look *l)
{
	const struct flow master = {
		.family = l->family, .proto = l->proto, .zone = l->zone, .orig = l->orig};

	source_tell_seqadj(e, &master);
}

static void look_first(struct engine *e)
{
	struct engine_expects *s = &e->expects;
	const struct expects_look l = s->look[s->look_first];

	s->look_first = (s->look_first + 1) % EXPECTS_LOOK_MAX;
	s->n_look--;
	look_at(e, &l);
}

static void tell(struct engine *e, enum op_extended type, const struct expect *x)
{
	uint8_t buf[1 + EXPECT_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	wr_u8(&w, (uint8_t)type);
	if (type == OPX_EXPECT_DEL)
		expect_encode_del(&w, x, &e->sender.refs);
	else
		expect_encode(&w, x, &e->sender.refs);
	sender_op(&e->sender, OP_EXTENDED, buf, wr_len(&w));
	engine_count(e, type == OPX_EXPECT_DEL ? SYNC_TX_EXPECT_DEL : SYNC_TX_EXPECT);
}

/* The helper adjusts the master's numbers behind the event: it is looked at once more when the
 * packet surely is through. */
static void look_later(struct engine *e, const struct expect *x)
{
	struct engine_expects *s = &e->expects;

	if (s->n_look == EXPECTS_LOOK_MAX)
		look_first(e);
	s->look[(s->look_first + s->n_look++) % EXPECTS_LOOK_MAX] =
		(struct expects_look){.at = e->now + EXPECTS_LOOK_MS,
				      .orig = x->master,
				      .zone = x->zone,
				      .family = x->family,
				      .proto = x->master_proto};
}

void expects_look(struct engine *e)
{
	const struct engine_expects *s = &e->expects;

	for (unsigned i = 0; i < s->n_look; i++)
		look_at(e, &s->look[(s->look_first + i) % EXPECTS_LOOK_MAX]);
}

static bool is_replicated(const struct engine *e, const struct flow *master)
{
	return flow_is_through(master, &e->conf.locals) && source_wants(e, master);
}

static void tell_new(struct engine *e, const struct expect *x)
{
	struct flow master;
	int err = get_master(e, x, &master);

	if (err == -ENOENT) { /* and so it is no longer there, either */
		engine_count(e, SYNC_EXPECT_LEFT_OUT);
	} else if (err < 0) {
		source_force_repair(e);
	} else if (!is_replicated(e, &master)) {
		engine_count(e, SYNC_EVENTS_LOCAL);
	} else {
		source_release_flow(e, &master);
		sender_flush(&e->sender);
		tell(e, OPX_EXPECT, x);
		look_later(e, x);
	}
}

void engine_on_expect_change(struct engine *e, const struct expect *x, enum flow_change what,
			     uint64_t now)
{
	e->now = now;
	if (!e->is_source)
		return;
	if (what != FLOW_DESTROY) {
		tell_new(e, x);
		return;
	}
	sender_flush(&e->sender);
	tell(e, OPX_EXPECT_DEL, x);
}

/* One that was read from the table: with what will be left of it in a moment. */
static void tell_read(struct engine *e, enum op_extended type, const struct expect *read)
{
	struct expect x = *read;

	if (e->expects.rearm && x.timeout_s > EXPECT_PIN_S)
		x.timeout_s -= EXPECT_PIN_S;
	tell(e, type, &x);
}

static void list_one(struct engine *e, const struct expect *x)
{
	struct engine_expects *s = &e->expects;
	struct flow master;
	int err = get_master(e, x, &master);

	s->failed |= err < 0 && err != -ENOENT;
	if (err < 0 || !is_replicated(e, &master))
		return;
	if (s->listed == EXPECTS_MAX) {
		s->partial = true;
		engine_count(e, SYNC_EXPECT_LEFT_OUT);
		return;
	}
	s->listed++;
	tell_read(e, OPX_EXPECT_LIST, x);
}

static void tell_if_of(struct engine *e, const struct expect *x)
{
	struct flow master;

	expect_master(x, &master);
	if (!flow_same(&master, &e->expects.of))
		return;
	tell_read(e, OPX_EXPECT, x);
	look_later(e, x);
}

void expects_tell_of(struct engine *e, const struct flow *master)
{
	flow_copy(&e->expects.of, master);
	sender_flush(&e->sender);
	if (read_all(e, EXPECTS_TELL_OF) < 0)
		source_force_repair(e);
}

static void bracket(struct engine *e, enum op_extended type, uint8_t flags)
{
	struct op_expects o = {.id = e->expects.id, .flags = flags};
	uint8_t buf[16];

	sender_op(&e->sender, OP_EXTENDED, buf, op_expects_encode(buf, sizeof(buf), type, &o));
}

bool expects_list(struct engine *e)
{
	struct engine_expects *s = &e->expects;

	s->id++;
	s->listed = 0;
	s->partial = false;
	sender_flush(&e->sender);
	bracket(e, OPX_EXPECTS_BEGIN, 0);
	if (read_all(e, EXPECTS_TELL) < 0)
		return false; /* without an end it deletes nothing */
	bracket(e, OPX_EXPECTS_END, s->partial ? EXPECTS_PARTIAL : 0);
	return true;
}

static void rearm_one(struct engine *e, const struct expect *x)
{
	if (x->timeout_s > EXPECT_PIN_S)
		e->ops->expect_timeout(e->ctx, x, x->timeout_s - EXPECT_PIN_S);
}

static uint64_t rearm(struct engine *e)
{
	struct engine_expects *s = &e->expects;

	if (!s->rearm)
		return UINT64_MAX;
	if (e->now < s->rearm_at)
		return s->rearm_at;
	s->rearm = read_all(e, EXPECTS_REARM) < 0;
	s->rearm_at = e->now + ENGINE_RETRY_MS;
	return s->rearm ? s->rearm_at : UINT64_MAX;
}

uint64_t expects_run(struct engine *e)
{
	struct engine_expects *s = &e->expects;
	uint64_t next = rearm(e);
	bool any = false;

	for (; s->n_look && e->now >= s->look[s->look_first].at; any = true)
		look_first(e);
	if (any)
		sender_send(&e->sender, false);
	return s->n_look ? engine_min(next, s->look[s->look_first].at) : next;
}

/* ---- replica ---- */

/* The kernel did not take it. */
static void refused(struct engine *e, const struct expect *x, int err, bool live)
{
	struct flow master;

	engine_count(e, SYNC_EXPECT_REFUSED);
	expect_master(x, &master);
	if (err == -ENOENT && live)
		replica_lacks(e, &master);
}

static bool apply_put(struct engine *e, struct rd body, const struct flow_refs *refs, bool live)
{
	struct engine_expects *s = &e->expects;
	struct expect x;
	int err;

	if (expect_decode(body, refs, &x) != FLOW_OK)
		return false;
	if (!live && !s->collecting)
		return true;
	if (!live)
		repair_seen_add(&s->seen, expect_hash(&x, e->hash_key));
	replica_commit(e);
	err = e->ops->expect_put(e->ctx, &x, x.timeout_s + EXPECT_PIN_S);
	if (err < 0)
		refused(e, &x, err, live);
	else
		engine_count(e, SYNC_APPLIED_EXPECT);
	return true;
}

static bool apply_del(struct engine *e, struct rd body, const struct flow_refs *refs)
{
	struct expect x;

	if (expect_decode_del(body, refs, &x) != FLOW_OK)
		return false;
	replica_commit(e);
	/* one that is not there went with its master */
	if (e->ops->expect_del(e->ctx, &x) == 0)
		engine_count(e, SYNC_APPLIED_EXPECT_DEL);
	return true;
}

static void sweep_one(struct engine *e, const struct expect *x)
{
	struct flow master;
	int err;

	if (repair_seen_has(&e->expects.seen, expect_hash(x, e->hash_key)))
		return;
	err = get_master(e, x, &master);
	e->expects.failed |= err < 0 && err != -ENOENT;
	if (err < 0 || !flow_is_through(&master, &e->conf.locals))
		return;
	if (e->ops->expect_del(e->ctx, x) == 0)
		engine_count(e, SYNC_EXPECT_SWEPT);
}

static bool apply_bracket(struct engine *e, bool begin, struct rd body)
{
	struct engine_expects *s = &e->expects;
	struct op_expects o;

	if (!op_expects_decode(body, &o))
		return false;
	if (begin) {
		repair_seen_start(&s->seen, 0);
		s->collecting = true;
		s->id = o.id;
		return true;
	}
	if (!s->collecting || s->id != o.id)
		return true;
	replica_commit(e);
	if (!(o.flags & EXPECTS_PARTIAL) && (s->seen.failed || read_all(e, EXPECTS_SWEEP) < 0))
		replica_need_repair_later(e);
	expects_forget(e);
	return true;
}

bool expects_on_op(struct engine *e, unsigned type, struct rd body, const struct flow_refs *refs)
{
	switch (type) {
	case OPX_EXPECT:
	case OPX_EXPECT_LIST:
		return apply_put(e, body, refs, type == OPX_EXPECT);
	case OPX_EXPECT_DEL:
		return apply_del(e, body, refs);
	case OPX_EXPECTS_BEGIN:
	case OPX_EXPECTS_END:
		return apply_bracket(e, type == OPX_EXPECTS_BEGIN, body);
	}
	return true; /* of a newer peer */
}

void engine_on_expect(struct engine *e, const struct expect *x)
{
	switch (e->expects.job) {
	case EXPECTS_TELL:
		list_one(e, x);
		break;
	case EXPECTS_TELL_OF:
		tell_if_of(e, x);
		break;
	case EXPECTS_SWEEP:
		sweep_one(e, x);
		break;
	case EXPECTS_REARM:
		rearm_one(e, x);
		break;
	}
}
