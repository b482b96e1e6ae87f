/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine fed with arbitrary authentic datagrams: a holder of the key with a bug, or a bad one.
 * Input: one byte of role, then datagrams, each: control byte (kind, sender, term, time), sequence
 * number byte, big-endian length, body. The first byte's upper half 0xf: the rest is a header and
 * flow records instead; 0xe: an expectation; 0xd: what a verify found. Its second bit: a verify is
 * asked for, and again whenever it has been answered.
 * Senders answer challenges, and say that they are the source of what they send: otherwise no input
 * would be believed. */
#include <errno.h>

#include "../../sync/ctlmsg.h"
#include "vrouter/engine.h"

#define SELF	    9
#define SENDERS_MAX 5 /* 1 to 4 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sender_said {
	bool heard, asked;
	uint64_t nonce, top; /* highest CONTROL number */
	uint32_t term;	     /* that it vouched for */
};

struct kernel {
	struct engine *e;
	struct sender_said sender[SENDERS_MAX];
	struct flow last;
	struct expect expected;
	uint8_t random;
	bool verified; /* an answer came */
	bool drain;    /* the engine waits for its events */
	unsigned calls;
};

static void op_send(void *ctx, const struct dgram_hdr *h, const uint8_t *body, size_t len)
{
	struct kernel *k = ctx;
	struct rd r = rd_of(body, len);
	struct ctl_msg m;

	if (len > 1500)
		abort();
	while (h->kind == DGRAM_CONTROL && ctl_decode(&r, &m) == CTL_MSG) {
		if (m.type != CTL_CHALLENGE || m.challenge.to >= SENDERS_MAX)
			continue;
		k->sender[m.challenge.to].asked = true;
		k->sender[m.challenge.to].nonce = m.challenge.nonce;
	}
}

static bool op_neighbours(void *ctx, unsigned page, const struct neigh_page *p)
{
	struct kernel *k = ctx;

	if (page >= NEIGH_PAGES_MAX || (p && p->n > NEIGH_PAGE_MAX))
		abort();
	for (unsigned i = 0; p && i < p->n; i++)
		if (!neigh_is_sane(&p->e[i]))
			abort();
	return ++k->calls % 11 != 0;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	struct kernel *k = ctx;
	char text[FLOW_STRLEN];

	flow_format(f, text);
	k->last = *f;
	k->last.has |= FLOW_HAS_TIMEOUT;
	if (++k->calls % 5 == 0)
		engine_on_apply_failed(k->e, f, k->calls % 3 ? -ENOENT : -ENOMEM);
	(void)how;
}

static void op_del(void *ctx, const struct flow *f)
{
	struct kernel *k = ctx;

	if (++k->calls % 7 == 0)
		engine_on_apply_failed(k->e, f, -ENOENT);
}

static void op_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	(void)timeout_s;
	op_del(ctx, f);
}

static int op_expect_put(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	struct kernel *k = ctx;
	char text[FLOW_STRLEN];

	expect_format(x, text);
	k->expected = *x;
	return ++k->calls % 3 && timeout_s ? 0 : -ENOENT;
}

static int op_expect_del(void *ctx, const struct expect *x)
{
	struct kernel *k = ctx;

	return expect_same(x, &k->expected) ? 0 : -ENOENT;
}

static int op_expects(void *ctx)
{
	struct kernel *k = ctx;

	if (k->expected.proto)
		engine_on_expect(k->e, &k->expected);
	return ++k->calls % 13 == 0 ? -EINTR : 0;
}

static void op_nothing(void *ctx)
{
	(void)ctx;
}

static int op_dump(void *ctx, bool start)
{
	struct kernel *k = ctx;

	if (k->last.has)
		engine_on_dump(k->e, &k->last);
	return ++k->calls % 11 == 0 ? -EINTR : start;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	*out = *key;
	return ++((struct kernel *)ctx)->calls % 2 ? 0 : -ENOENT;
}

static uint32_t op_count(void *ctx)
{
	/* as often more as less than what is compared rather than listed */
	return ((struct kernel *)ctx)->calls % 100;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	memset(buf, ++((struct kernel *)ctx)->random, len);
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	(void)ctx;
	(void)acknowledged;
}

static void op_read_events(void *ctx)
{
	((struct kernel *)ctx)->drain = true;
}

static void op_on_verified(void *ctx, const struct verify_page *p)
{
	char text[FLOW_STRLEN];

	if (p->n > VERIFY_PAGE_MAX || p->outcome == VERIFY_WAITS)
		abort();
	for (unsigned i = 0; i < p->n; i++)
		flow_format(p->finding[i].source.family ? &p->finding[i].source
							: &p->finding[i].replica,
			    text);
	((struct kernel *)ctx)->verified |= p->last;
}

static void op_reserve(void *ctx, uint32_t peer, const char *name, const struct reserve_word *word)
{
	bool with_set = word->stage == RESERVE_KEPT || word->stage == RESERVE_HELD;

	(void)ctx;
	if (!peer || !name || !word->stage || word->stage > RESERVE_HELD ||
	    with_set != (word->set.n != 0) || word->set.n > RESERVE_MAX)
		abort();
	for (unsigned i = 0; i < word->set.n; i++)
		if (!ip_addr_is_host(&word->set.addr[i]))
			abort();
}

static const struct engine_ops ops = {
	.on_reserve = op_reserve,
	.send = op_send,
	.neighbours = op_neighbours,
	.put = op_put,
	.del = op_del,
	.set_timeout = op_set_timeout,
	.commit = op_nothing,
	.dump = op_dump,
	.count = op_count,
	.get = op_get,
	.expect_put = op_expect_put,
	.expect_del = op_expect_del,
	.expect_timeout = op_expect_put,
	.expects = op_expects,
	.random = op_random,
	.on_status = op_nothing,
	.on_drained = op_on_drained,
	.read_events = op_read_events,
	.on_verified = op_on_verified,
};

static void say(struct kernel *k, uint32_t sender, const struct ctl_msg *m, uint64_t now)
{
	struct dgram_hdr h = {
		.kind = DGRAM_CONTROL, .sender = sender, .seq = ++k->sender[sender].top};
	uint8_t buf[CTL_BODY_MAX] = {0};
	struct wr w = wr_of(buf, sizeof(buf));

	if (m)
		ctl_encode(&w, m);
	engine_on_datagram(k->e, &h, buf, m ? wr_len(&w) : 0, now);
}

/* What makes the datagram one that may be believed. Time goes on by what it takes. */
static void introduce(struct kernel *k, const struct dgram_hdr *h, uint64_t *now)
{
	struct sender_said *s = &k->sender[h->sender];
	struct ctl_msg m = {.type = CTL_ECHO};

	if (!s->heard) {
		s->heard = true;
		say(k, h->sender, NULL, *now);
		*now += 2;
		(void)engine_run(k->e, *now);
	}
	if (s->asked) {
		s->asked = false;
		m.challenge = (struct ctl_challenge){.to = SELF, .nonce = s->nonce};
		say(k, h->sender, &m, *now);
	}
	if (h->kind != DGRAM_DATA || h->term <= s->term)
		return;
	s->term = h->term;
	m = (struct ctl_msg){.type = CTL_STATUS,
			     .status = {.name = "sender",
					.phase = ENGINE_SOURCE,
					.known_term = h->term,
					.stream = stream_key_of(h),
					.seq = h->seq ? h->seq - 1 : 0}};
	say(k, h->sender, &m, *now);
}

static void feed_engine(struct rd r, bool source, bool verify)
{
	struct kernel k = {.e = NULL, .verified = verify};
	struct sync_counters counters = {.v = {0}};
	struct engine_status status;
	struct engine_conf conf;
	uint64_t now = 1000;

	engine_conf_defaults(&conf);
	strcpy(conf.name, "fuzzed");
	conf.self = SELF;
	conf.mtu_body = 512;
	conf.ring_bytes = 8192;
	conf.reorder_bytes = 8192;
	conf.pin_s = 1;
	if (engine_new(&k.e, &conf, &ops, &k, &counters, now) < 0)
		abort();
	if (source)
		engine_promote(k.e, 0, now);
	while (!rd_done(&r)) {
		uint8_t control = rd_u8(&r);
		struct dgram_hdr h = {.kind = control & 1 ? DGRAM_CONTROL : DGRAM_DATA,
				      .sender = 1u + (control >> 1 & 3),
				      .term = control >> 3 & 3,
				      .seq = rd_u8(&r)};
		struct rd body = rd_sub(&r, rd_be16(&r));

		/* exactly as long as it is, so that a read beyond is seen */
		uint8_t *exact = malloc(body.left + 1);

		if (!exact)
			abort();
		if (body.left)
			memcpy(exact, body.p, body.left);
		introduce(&k, &h, &now);
		if (h.kind == DGRAM_CONTROL) { /* behind what it said in between, or near it */
			h.seq += k.sender[h.sender].top;
			k.sender[h.sender].top = h.seq;
		}
		if (!body.bad)
			engine_on_datagram(k.e, &h, exact, body.left, now);
		free(exact);
		if (k.verified)
			engine_verify(k.e, 1, now);
		k.verified = false;
		if (k.drain)
			engine_on_drained(k.e, now);
		k.drain = false;
		now += control >> 5 ? 1u << 2 * (control >> 5) : 0;
		(void)engine_run(k.e, now);
		if (source && k.last.has)
			engine_on_change(k.e, &k.last, (enum flow_change)(control % 3), now);
		if (source && k.expected.proto)
			engine_on_expect_change(k.e, &k.expected, (enum flow_change)(control % 3),
						now);
	}
	engine_status(k.e, &status);
	if (status.repair_percent > 100)
		abort();
	engine_free(k.e);
}

/* What decodes, encodes to something that decodes to the same. */
static void feed_flow(const uint8_t *data, size_t size)
{
	struct flow_refs refs = {.n = 1, .addr = {{.family = AF_INET, .b = {203, 0, 113, 1}}}};
	struct flow f, again;
	uint8_t buf[FLOW_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct dgram_hdr h;

	if (dgram_hdr_decode(&h, data, size) == DGRAM_OK) {
		uint8_t back[DGRAM_HDR_LEN];

		dgram_hdr_encode(back, &h);
		if (memcmp(back, data, DGRAM_HDR_LEN) != 0)
			abort();
	}
	if (flow_decode_put(rd_of(data, size), &refs, &f) != FLOW_OK)
		return;
	flow_encode_put(&w, &f, &refs);
	if (!wr_ok(&w) || flow_decode_put(rd_of(buf, wr_len(&w)), &refs, &again) != FLOW_OK ||
	    !flow_equal(&f, &again) || !flow_rare_equal(&f, &again) || f.status != again.status)
		abort();
}

static void feed_expect(const uint8_t *data, size_t size)
{
	struct flow_refs refs = {.n = 1, .addr = {{.family = AF_INET, .b = {203, 0, 113, 1}}}};
	struct expect x, again;
	uint8_t buf[EXPECT_WIRE_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	if (expect_decode(rd_of(data, size), &refs, &x) != FLOW_OK)
		return;
	expect_encode(&w, &x, &refs);
	if (!wr_ok(&w) || expect_decode(rd_of(buf, wr_len(&w)), &refs, &again) != FLOW_OK ||
	    !expect_equal(&x, &again) || x.timeout_s != again.timeout_s)
		abort();
}

static void feed_findings(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct verify_finding f, again;
	struct ctl_verified m;

	while (ctl_finding_decode(&r, &f)) {
		struct rd back;

		ctl_findings_encode(&m, &f, 1);
		back = rd_of(m.findings, m.len);
		if (!m.len || !ctl_finding_decode(&back, &again) || !rd_done(&back) ||
		    again.what != f.what)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] >> 4 == 0xf)
		feed_flow(data + 1, size - 1);
	else if (data[0] >> 4 == 0xe)
		feed_expect(data + 1, size - 1);
	else if (data[0] >> 4 == 0xd)
		feed_findings(data + 1, size - 1);
	else
		feed_engine(rd_of(data + 1, size - 1), data[0] & 1, data[0] & 2);
	return 0;
}
