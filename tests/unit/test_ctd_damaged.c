/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded datagrams of conntrackd that are cut short, or have one byte changed, at a replica: what
 * is whole is taken as it was, in its order, nothing else is, and what is refused is counted by its
 * reason. */
#include <errno.h>

#include "ctd_captures.h"
#include "flow_samples.h"

#include "../../sync/conntrackd/msg.h"
#include "vrouter/ctd.h"

#define DATAGRAM_MAX 2048
#define MESSAGES_MAX 32

/* What reached the kernel of one message. */
struct told {
	enum { NOTHING, PUT, DEL, EXPECT, EXPECT_DEL } what;
	struct flow flow;
	struct expect expect;
};

static struct {
	struct ctd *ctd;
	struct sync_counters counters;
	struct told told[MESSAGES_MAX];
	unsigned n;
} t;

static struct told *add(int what)
{
	assert_true(t.n < MESSAGES_MAX);
	t.told[t.n].what = what;
	return &t.told[t.n++];
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	(void)ctx;
	(void)how;
	assert_true(f->proto && f->has & FLOW_HAS_REPLY && f->has & FLOW_HAS_STATUS);
	flow_copy(&add(PUT)->flow, f);
}

static void op_del(void *ctx, const struct flow *f)
{
	(void)ctx;
	flow_copy(&add(DEL)->flow, f);
}

static int op_expect_put(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	(void)ctx;
	(void)timeout_s;
	add(EXPECT)->expect = *x;
	return 0;
}

static int op_expect_del(void *ctx, const struct expect *x)
{
	(void)ctx;
	add(EXPECT_DEL)->expect = *x;
	return 0;
}

static void op_nothing(void *ctx)
{
	(void)ctx;
}

static void op_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 1, len);
}

static void op_send(void *ctx, const uint8_t *datagram, size_t len)
{
	(void)ctx;
	(void)datagram;
	(void)len;
}

static const struct engine_ops kernel = {
	.put = op_put,
	.del = op_del,
	.expect_put = op_expect_put,
	.expect_del = op_expect_del,
	.commit = op_nothing,
	.random = op_random,
	.on_status = op_nothing,
};
static const struct ctd_ops ops = {.kernel = &kernel, .send = op_send};

/* Without acknowledgements: whatever its number is, a message is looked at. */
static int setup(void **state)
{
	struct ctd_conf conf = {.mode = CTD_MODE_NOTRACK,
				.room = 1472,
				.ring_bytes = 65536,
				.pin_s = 600,
				.refresh_ms = 1000};

	(void)state;
	memset(&t, 0, sizeof(t));
	flow_timeouts_default(&conf.timeouts);
	return ctd_new(&t.ctd, &conf, &ops, NULL, &t.counters, 1);
}

static int teardown(void **state)
{
	(void)state;
	ctd_free(t.ctd);
	return 0;
}

static uint64_t refused(void)
{
	uint64_t n = 0;

	for (unsigned i = SYNC_CTD_SHORT; i <= SYNC_CTD_UNSUPPORTED; i++)
		n += t.counters.v[i];
	return n;
}

/* How many messages are refused of a datagram, for one of the reasons that are counted; what is
 * taken is in t.told. */
static uint64_t take(const uint8_t *datagram, size_t len)
{
	struct ip_addr from = ip_addr_v4(htonl(0x0a090002));
	uint8_t *copy = malloc(len ? len : 1); /* one byte behind its end is one too many */
	uint64_t before = refused();

	assert_non_null(copy);
	memcpy(copy, datagram, len);
	t.n = 0;
	(void)ctd_on_datagram(t.ctd, &from, copy, len, 2);
	free(copy);
	return refused() - before;
}

/* A recording, and what is taken of it. */
static struct {
	uint8_t buf[DATAGRAM_MAX];
	size_t len, start[MESSAGES_MAX + 1];
	unsigned messages;
	struct told told[MESSAGES_MAX]; /* of each message */
} rec;

static void load(unsigned i)
{
	rec.len = ctd_from_hex(rec.buf, sizeof(rec.buf), ctd_captures[i].hex);
	rec.messages = 0;
	for (size_t at = 0; at < rec.len; at += (size_t)rec.buf[at + 2] << 8 | rec.buf[at + 3]) {
		assert_true(rec.messages < MESSAGES_MAX);
		rec.start[rec.messages++] = at;
	}
	rec.start[rec.messages] = rec.len;
	for (unsigned m = 0; m < rec.messages; m++) {
		uint64_t bad = take(rec.buf + rec.start[m], rec.start[m + 1] - rec.start[m]);

		assert_true(t.n + bad <= 1);
		rec.told[m] = t.n ? t.told[0] : (struct told){.what = NOTHING};
	}
}

static bool same(const struct told *a, const struct told *b)
{
	if (a->what != b->what)
		return false;
	if (a->what >= EXPECT)
		return expect_equal(&a->expect, &b->expect);
	return flow_same(&a->flow, &b->flow) &&
	       (a->what == DEL ||
		(flow_equal(&a->flow, &b->flow) && flow_rare_equal(&a->flow, &b->flow)));
}

/* The messages from `from` up to `to` of the recording are what was taken from the nth on. How many
 * that were. */
static unsigned assert_taken(unsigned nth, unsigned from, unsigned to)
{
	unsigned was = nth;

	for (unsigned m = from; m < to; m++) {
		if (rec.told[m].what == NOTHING)
			continue;
		if (nth >= t.n || !same(&t.told[nth], &rec.told[m]))
			fail_msg("message %u of %u is not what it was", m, rec.messages);
		nth++;
	}
	return nth - was;
}

static void test_truncated(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(ctd_captures); i++) {
		uint64_t bad = 0; /* of the whole ones */
		unsigned whole = 0;

		load(i);
		for (size_t cut = 0; cut <= rec.len; cut++) {
			uint64_t n = take(rec.buf, cut);

			if (cut == rec.start[whole + 1]) {
				whole++;
				bad = n;
			}
			/* the rest of one that is not whole is refused as such */
			assert_int_equal(n, bad + (cut != rec.start[whole]));
			assert_int_equal(assert_taken(0, 0, whole), t.n);
		}
	}
}

/* Message m has one byte changed, which is not one of its length. */
static void assert_changed(unsigned m, uint64_t refused_before)
{
	uint64_t bad = take(rec.buf, rec.len);
	unsigned first = assert_taken(0, 0, m), other;

	other = 0;
	for (unsigned k = m + 1; k < rec.messages; k++)
		other += rec.told[k].what != NOTHING;
	/* all others are there; it was taken for what it now says, or refused, and counted */
	assert_in_range(t.n, first + other, first + other + 1);
	assert_taken(t.n - other, m + 1, rec.messages);
	assert_in_range(bad, refused_before > 0 ? refused_before - 1 : 0, refused_before + 1);
	if (t.n == first + other && rec.told[m].what != NOTHING)
		assert_true(bad == refused_before + 1 || t.counters.v[SYNC_CTD_LOCAL]);
}

static void test_changed(void **state)
{
	static const uint8_t flip[] = {1, 2, 4, 8, 16, 32, 64, 128, 0xff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(ctd_captures); i++) {
		unsigned m = 0, step;
		uint64_t bad;

		load(i);
		bad = take(rec.buf, rec.len);
		/* long ones hold what short ones do, many times over */
		step = rec.len > 300 ? 4 : 1;
		for (size_t at = 0; at < rec.len; at++) {
			uint8_t was = rec.buf[at];

			m += at == rec.start[m + 1];
			for (unsigned k = 0; k < ARRAY_LEN(flip); k += step) {
				rec.buf[at] = was ^ flip[k];
				t.counters.v[SYNC_CTD_LOCAL] = 0;
				if (at - rec.start[m] != 2 && at - rec.start[m] != 3) {
					assert_changed(m, bad);
				} else {
					/* nobody knows where the next one begins */
					assert_true(take(rec.buf, rec.len) > 0);
					(void)assert_taken(0, 0, m);
				}
			}
			rec.buf[at] = was;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
