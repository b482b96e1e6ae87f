/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/sender.h"

#define LOG_MAX 4096

struct seen_op {
	unsigned type;
	struct flow f;
};

struct world {
	struct sender s;
	struct sync_counters counters;
	struct engine_conf conf;
	struct seen_op op[LOG_MAX];
	unsigned n, datagrams;
	size_t bytes, largest;
	uint64_t last_seq;
	bool ack;
};

static void on_emit(void *ctx, uint64_t seq, const uint8_t *body, size_t len)
{
	struct world *w = ctx;
	struct rd r = rd_of(body, len), op;
	struct flow_refs refs;
	uint8_t flags;

	w->last_seq = seq;
	w->datagrams++;
	w->bytes += len;
	if (len > w->largest)
		w->largest = len;
	assert_true(data_decode_head(&r, &flags, &refs));
	w->ack = flags & DATA_ACK;
	while (!rd_done(&r)) {
		struct seen_op *o = &w->op[w->n++];

		assert_true(w->n < LOG_MAX);
		assert_true(op_decode(&r, &o->type, &op));
		if (o->type == OP_DEL)
			assert_int_equal(flow_decode_del(op, &refs, &o->f), FLOW_OK);
		else
			assert_int_equal(flow_decode_put(op, &refs, &o->f), FLOW_OK);
	}
}

static struct world *set_up(size_t ring)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	engine_conf_defaults(&w->conf);
	w->conf.locals.n = 2;
	assert_int_equal(ip_addr_parse(&w->conf.locals.addr[0], "203.0.113.1"), 0);
	assert_int_equal(ip_addr_parse(&w->conf.locals.addr[1], "10.20.0.1"), 0);
	if (ring)
		w->conf.ring_bytes = ring;
	assert_int_equal(sender_init(&w->s, &w->conf, &w->counters, on_emit, w), 0);
	return w;
}

static void tear_down(struct world *w)
{
	sender_fini(&w->s);
	free(w);
}

static void change(struct world *w, const struct flow *f, enum flow_change c)
{
	static const uint8_t key[16] = {1, 2, 3};

	sender_change(&w->s, flow_hash(f, key), f, c, false);
}

/* A script of changes "flow change" and what leaves: N new, U update, D destroy; n, u, d on the
 * wire; flows are letters. */
static void coalescing(void **state)
{
	static const struct {
		const char *in, *out, *why;
	} row[] = {
		{"aN", "an", "as it is"},
		{"aNaU", "an", "new and update are one"},
		{"aNaUaU", "an", "new and updates are one"},
		{"aUaU", "au", "updates are one"},
		{"aNaD", "", "new and destroyed is nothing"},
		{"aNaUaD", "", "also with an update"},
		{"aUaD", "ad", "what is deleted needs no update"},
		{"aD", "ad", "a deletion"},
		{"aDaN", "adan", "both, in order"},
		{"aDaNaU", "adan", "the new one takes updates"},
		{"aDaNaD", "ad", "the new one is nothing, the deletion stays"},
		{"aDaNaDaN", "adan", "and again"},
		{"aUaDaN", "adan", "deleted, then new"},
		{"aDaU", "adau", "events were lost between them"},
		{"aNbNaU", "anbn", "order of the first touch"},
		{"aUbUaUbU", "aubu", "order of the first touch"},
		{"aUbUaDbU", "adbu", "a deletion may go early"},
		{"aDbN", "adbn", "b may use the NAT tuple of a"},
		{"bNaDbD", "ad", "b is gone"},
		{"bNbDaDbN", "adbn", "the second b may use the NAT tuple of a"},
		{"bDaDbN", "bdadbn", "b was there before, too"},
		{"bUbDaDbNbU", "bdadbn", "b was there before, too"},
		{"aNaN", "anan", "a lost deletion: the second may need what is between"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct world *w = set_up(0);
		char got[64] = "";

		for (const char *p = row[i].in; *p; p += 2) {
			struct flow f = sample_tcp_snat((uint16_t)p[0]);

			change(w, &f,
			       p[1] == 'N'   ? FLOW_NEW
			       : p[1] == 'U' ? FLOW_UPDATE
					     : FLOW_DESTROY);
		}
		sender_send(&w->s, false);
		for (unsigned k = 0; k < w->n; k++) {
			got[2 * k] = (char)ntohs(w->op[k].f.orig.l4.sport_be);
			got[2 * k + 1] = " nud"[w->op[k].type];
		}
		if (strcmp(got, row[i].out) != 0)
			fail_msg("%s: got %s: %s", row[i].in, got, row[i].why);
		tear_down(w);
	}
}

static void merged_content(void **state)
{
	struct world *w = set_up(0);
	struct flow f = sample_tcp_snat(1), partial = f;

	(void)state;
	f.tcp.state = TCP_CONNTRACK_SYN_SENT;
	f.status = IPS_CONFIRMED | IPS_SRC_NAT;
	change(w, &f, FLOW_NEW);
	partial.has = FLOW_HAS_REPLY | FLOW_HAS_STATUS; /* as the kernel: no protocol state */
	change(w, &partial, FLOW_UPDATE);
	sender_send(&w->s, false);
	assert_int_equal(w->n, 1);
	assert_true(w->op[0].f.has & FLOW_HAS_TCP);
	assert_int_equal(w->op[0].f.tcp.state, TCP_CONNTRACK_SYN_SENT);
	assert_true(w->op[0].f.status & IPS_ASSURED);
	assert_int_equal(w->counters.v[SYNC_COALESCED], 1);
	tear_down(w);
}

static void kept_deletion(void **state)
{
	struct world *w = set_up(0);
	struct flow f = sample_tcp_snat(1);

	(void)state;
	sender_change(&w->s, 5, &f, FLOW_NEW, true);
	sender_change(&w->s, 5, &f, FLOW_DESTROY, true);
	sender_send(&w->s, false);
	assert_int_equal(w->n, 1);
	assert_int_equal(w->op[0].type, OP_DEL);
	tear_down(w);
}

/* More flows than slots, many hashes alike: nothing is lost, nothing is twice. */
static void many(void **state)
{
	struct world *w = set_up(0);

	(void)state;
	for (uint16_t i = 0; i < 1000; i++) {
		struct flow f = sample_tcp_snat(i);

		sender_change(&w->s, i % 7, &f, FLOW_NEW, false);
		sender_change(&w->s, i % 7, &f, FLOW_UPDATE, false);
	}
	sender_send(&w->s, false);
	assert_int_equal(w->n, 1000);
	for (uint16_t i = 0; i < 1000; i++)
		assert_int_equal(ntohs(w->op[i].f.orig.l4.sport_be), i);
	assert_true(w->largest <= w->conf.mtu_body);
	tear_down(w);
}

/* Bytes per operation with all overhead: IPv4 and UDP, our header, the tag; 1500 bytes a packet. */
static void sizes(void **state)
{
	const size_t overhead = 28 + DGRAM_HDR_LEN + DGRAM_TAG_LEN;
	struct world *w = set_up(0);

	(void)state;
	assert_int_equal(w->conf.mtu_body + overhead, 1500);
	for (uint16_t i = 0; i < 2000; i++) {
		struct flow f = sample_tcp_snat(i);

		change(w, &f, FLOW_NEW);
	}
	sender_send(&w->s, false);

	double put = (double)(w->bytes + w->datagrams * overhead) / w->n;

	w->bytes = w->datagrams = w->n = 0;
	for (uint16_t i = 0; i < 2000; i++) {
		struct flow f = sample_tcp_snat(i);

		change(w, &f, FLOW_DESTROY);
	}
	sender_send(&w->s, false);

	double del = (double)(w->bytes + w->datagrams * overhead) / w->n;

	print_message("on the wire: PUT %.1f bytes, DEL %.1f bytes\n", put, del);
	assert_true(put <= 24.0); /* the design asked for 32 and 16 */
	assert_true(del <= 15.5);
	tear_down(w);
}

static void acknowledgement(void **state)
{
	struct world *w = set_up(0);
	struct flow f = sample_tcp_snat(1);

	(void)state;
	sender_send(&w->s, false);
	assert_int_equal(w->datagrams, 0); /* nothing to say */
	sender_send(&w->s, true);
	assert_int_equal(w->datagrams, 1);
	assert_true(w->ack);
	change(w, &f, FLOW_NEW);
	sender_send(&w->s, false);
	assert_false(w->ack);
	w->s.ack_every = 4;
	for (unsigned i = 3; i <= 9; i++) {
		change(w, &f, FLOW_UPDATE);
		sender_send(&w->s, false);
		assert_int_equal(w->last_seq, i);
		assert_int_equal(w->ack, i % 4 == 0);
	}
	tear_down(w);
}

static void ring(void **state)
{
	struct world *w = set_up(8 * 1416);
	uint64_t oldest = 0;

	(void)state;
	for (uint16_t i = 0; i < 3000; i++) {
		struct flow f = sample_tcp_snat(i);

		change(w, &f, FLOW_NEW);
		if (i % 3 == 0 || i > 1000)
			sender_send(&w->s, false);
		/* what is in the ring is what was sent */
		assert_true(w->s.first <= w->s.seq + 1);
		assert_true(w->s.seq < 8 || w->s.first + 7 <= w->s.seq);
		if (i % 100)
			continue;
		oldest = w->s.first;
		w->n = 0;
		assert_true(sender_resend(&w->s, oldest, i + 1, true));
		assert_int_equal(w->last_seq, oldest);
		assert_true(w->n > 0);
		assert_false(sender_resend(&w->s, oldest - 1, i + 1, true));
		assert_false(sender_resend(&w->s, w->s.seq + 1, i + 1, true));
		w->n = 0;
	}
	tear_down(w);
}

static void resend_once(void **state)
{
	struct world *w = set_up(0);
	struct flow f = sample_tcp_snat(1);

	(void)state;
	change(w, &f, FLOW_NEW);
	sender_send(&w->s, false);
	assert_true(sender_resend(&w->s, 1, 100, false));
	assert_true(sender_resend(&w->s, 1, 101, false)); /* another replica asks for the same */
	assert_int_equal(w->datagrams, 2);
	assert_true(sender_resend(&w->s, 1, 102, false));
	assert_int_equal(w->datagrams, 3);
	assert_int_equal(w->counters.v[SYNC_TX_RESENT], 2);
	sender_open(&w->s);
	assert_false(sender_resend(&w->s, 1, 200, false));
	tear_down(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coalescing),	 cmocka_unit_test(merged_content),
		cmocka_unit_test(kept_deletion), cmocka_unit_test(many),
		cmocka_unit_test(sizes),	 cmocka_unit_test(acknowledgement),
		cmocka_unit_test(ring),		 cmocka_unit_test(resend_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
