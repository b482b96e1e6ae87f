/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending: messages gather in one datagram until it is full or there are no more. All have one
 * sequence of numbers. What is asked for again leaves with a new number, and as the kernel has it
 * now: so nothing old ever overtakes anything newer, and what was told of one flow twice is told
 * once more at most. */
#include "ctd_impl.h"

#include <errno.h>
#include <string.h>

struct wr ctd_start(struct ctd *c, uint8_t buf[static CTD_MSG_MAX], uint8_t type, uint8_t flags)
{
	struct wr w = wr_of(buf, CTD_MSG_MAX);

	if (c->hello)
		flags |= CTD_HELLO;
	if (c->hello_back)
		flags |= CTD_HELLO_BACK;
	ctd_msg_begin(&w, type, flags, c->seq);
	return w;
}

void ctd_flush(struct ctd *c)
{
	if (!c->len)
		return;
	c->ops->send(c->ctx, c->datagram, c->len);
	ctd_count(c, SYNC_TX_DATAGRAMS);
	c->len = 0;
	c->flushed_at = c->now;
}

void ctd_flush_paced(struct ctd *c)
{
	if (c->now != c->flushed_at)
		ctd_flush(c);
}

void ctd_finish(struct ctd *c, struct wr *w, const struct ctd_sent *sent)
{
	size_t len = ctd_msg_end(w);
	struct ctd_sent s = *sent;

	if (!len)
		return;
	if (c->len + len > c->conf.room)
		ctd_flush(c);
	memcpy(c->datagram + c->len, w->start, len);
	c->len += len;
	s.seq = c->seq++;
	c->sent++;
	ctd_ring_add(&c->ring, &s);
	c->hello_back = false;
	c->alive_at = c->now + CTD_ALIVE_MS;
}

void ctd_ctl(struct ctd *c, uint8_t flags, uint32_t from, uint32_t to)
{
	struct ctd_sent s = {.type = CTD_CTL, .flags = flags, .from = from, .to = to};
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = ctd_start(c, buf, CTD_CTL, flags);

	if (flags != CTD_ALIVE)
		ctd_msg_range(&w, from, to);
	ctd_finish(c, &w, &s);
}

void ctd_skip(struct ctd *c)
{
	struct ctd_sent s = {.seq = c->seq++, .type = CTD_CTL};

	c->sent++;
	ctd_ring_add(&c->ring, &s);
}

void ctd_ack(struct ctd *c, struct ctd_peer *p)
{
	if (p->ack_due && c->conf.mode == CTD_MODE_FTFW)
		ctd_ctl(c, CTD_ACK, p->ack_from, p->last);
	p->ack_due = false;
}

void ctd_tell(struct ctd *c, uint8_t type, const struct flow *f)
{
	struct ctd_sent s = {.type = type, .family = f->family, .proto = f->proto, .orig = f->orig};
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = ctd_start(c, buf, type, 0);
	bool told = type == CTD_CT_DEL
			    ? ctd_flow_encode_end(&w, f)
			    : ctd_flow_encode(&w, f, flow_timeout_s(&c->conf.timeouts, f));

	if (!told) {
		ctd_count(c, SYNC_CTD_LEFT_OUT);
		return;
	}
	ctd_count(c, type == CTD_CT_DEL ? SYNC_TX_DEL : SYNC_TX_PUT);
	ctd_finish(c, &w, &s);
}

void ctd_tell_expect(struct ctd *c, uint8_t type, const struct expect *x)
{
	struct ctd_sent s = {
		.type = type, .family = x->family, .proto = x->proto, .orig = x->tuple};
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = ctd_start(c, buf, type, 0);

	if (!ctd_expect_encode(&w, x)) {
		ctd_count(c, SYNC_EXPECT_LEFT_OUT);
		return;
	}
	ctd_count(c, type == CTD_EXP_DEL ? SYNC_TX_EXPECT_DEL : SYNC_TX_EXPECT);
	ctd_finish(c, &w, &s);
}

/* ---- once more --------------------------------------------------------------------------------
 */

static void resend_flow(struct ctd *c, const struct ctd_sent *s)
{
	struct flow key, f;
	int err;

	flow_clear(&key);
	key.family = s->family;
	key.proto = s->proto;
	key.orig = s->orig;
	err = c->ops->kernel->get(c->ctx, &key, &f);
	if (err == 0)
		ctd_tell(c, CTD_CT_UPD, &f);
	else if (err == -ENOENT)
		ctd_tell(c, CTD_CT_DEL, &key);
	else
		ctd_want_pass(c, PASS_TELL);
}

static void resend(struct ctd *c, const struct ctd_sent *s)
{
	if (s->type == CTD_CTL) {
		if (s->flags & (CTD_ACK | CTD_NACK | CTD_RESYNC))
			ctd_ctl(c, s->flags, s->from, s->to);
		return;
	}
	if (!c->source)
		return;
	ctd_count(c, SYNC_TX_RESENT);
	if (s->type <= CTD_CT_DEL)
		resend_flow(c, s);
	else /* they are few, and listed in one go */
		ctd_want_pass(c, PASS_TELL);
}

void ctd_on_nack(struct ctd *c, uint32_t from, uint32_t to)
{
	uint32_t last = c->seq - 1;

	/* numbers are everybody's own: what was asked of another is most often none of ours */
	if (last - to >= c->sent || !c->sent)
		return;
	if (c->n_asks == CTD_ASKS_MAX || !ctd_ring_get(&c->ring, from)) {
		ctd_count(c, SYNC_TX_GONE);
		if (c->source)
			ctd_want_pass(c, PASS_TELL);
	}
	if (c->n_asks < CTD_ASKS_MAX)
		c->ask[c->n_asks++] = (struct ctd_range){from, to};
}

uint64_t ctd_resend(struct ctd *c)
{
	unsigned turn = CTD_RESEND_TURN;

	if (!c->n_asks)
		return UINT64_MAX;
	if (c->now < c->resend_at)
		return c->resend_at;
	c->resend_at = c->now + CTD_RESEND_MS;
	while (c->n_asks && turn) {
		struct ctd_range *r = &c->ask[0];
		const struct ctd_sent *s = ctd_ring_get(&c->ring, r->from);
		/* a copy: what is sent takes a place in the ring */
		struct ctd_sent copy = s ? *s : (struct ctd_sent){.type = CTD_CTL};
		bool last = r->from == r->to;

		/* what has left the ring is not looked at number by number */
		if (!s && c->ring.tail != c->ring.head) {
			uint32_t first = c->ring.at[c->ring.head % c->ring.room].seq;

			last = first - r->from > r->to - r->from;
			r->from = first;
		} else {
			r->from++;
			turn--;
		}
		if (last)
			memmove(c->ask, c->ask + 1, --c->n_asks * sizeof(*c->ask));
		resend(c, &copy);
	}
	return c->n_asks ? c->resend_at : UINT64_MAX;
}
