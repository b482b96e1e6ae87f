/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_samples.h"

#include "../../sync/digest.h"

static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static struct flow v6(void)
{
	return sample_flow(IPPROTO_TCP, "fd00::1", 1000, "fd00::2", 80);
}

#define CHANGE(name, statement)                                                                    \
	static void name(struct flow *f)                                                           \
	{                                                                                          \
		statement;                                                                         \
	}
CHANGE(nothing, (void)f)
CHANGE(zone_0, f->zone = 0)
CHANGE(proto, f->proto = IPPROTO_SCTP)
CHANGE(zone, f->zone = 7)
CHANGE(orig_src, f->orig.src[1] ^= 1)
CHANGE(orig_dst, f->orig.dst[3] ^= 1)
CHANGE(orig_l4, f->orig.l4.dport_be ^= 1)
CHANGE(reply_src, f->reply.src[2] ^= 1)
CHANGE(reply_dst, f->reply.dst[0] ^= 1)
CHANGE(reply_l4, f->reply.l4.sport_be ^= 1)
CHANGE(assured, f->status ^= IPS_ASSURED)
CHANGE(seen_reply, f->status ^= IPS_SEEN_REPLY)
CHANGE(other_status, f->status ^= IPS_SRC_NAT_DONE | IPS_CONFIRMED | IPS_SEQ_ADJUST)
CHANGE(tcp_state, f->tcp.state = TCP_CONNTRACK_CLOSE)
CHANGE(tcp_state_0, f->tcp.state = 0)
CHANGE(no_tcp, f->has &= ~(uint32_t)FLOW_HAS_TCP)
CHANGE(tcp_rest, f->tcp.wscale[0] ^= 3; f->tcp.flags[1] ^= 0x0f)
CHANGE(sctp, f->has = FLOW_HAS_SCTP; memset(&f->dccp, 0, sizeof(f->dccp)))
CHANGE(sctp_state, sctp(f); f->sctp.state = 3)
CHANGE(vtag, sctp(f); f->sctp.vtag_be[1] = 1)
CHANGE(dccp, f->has = FLOW_HAS_DCCP; memset(&f->dccp, 0, sizeof(f->dccp)))
CHANGE(dccp_role, dccp(f); f->dccp.role = 1)
CHANGE(dccp_seq, dccp(f); f->dccp.handshake_seq = 1)
CHANGE(mark, f->has |= FLOW_HAS_MARK; f->mark = 5)
CHANGE(mark_0, f->has |= FLOW_HAS_MARK; f->mark = 0)
CHANGE(timeout, f->has |= FLOW_HAS_TIMEOUT; f->timeout_s = 5)
CHANGE(labels, flow_rare_add(f, FLOW_HAS_LABELS)->labels[3] = 1)
CHANGE(other_labels, flow_rare_add(f, FLOW_HAS_LABELS)->labels[3] = 2)
CHANGE(seqadj, flow_rare_add(f, FLOW_HAS_SEQADJ)->seqadj[0].pos = 1)
CHANGE(other_seqadj, flow_rare_add(f, FLOW_HAS_SEQADJ)->seqadj[1].after = 1)
CHANGE(synproxy, flow_rare_add(f, FLOW_HAS_SYNPROXY)->synproxy.its = 1)
CHANGE(other_synproxy, flow_rare_add(f, FLOW_HAS_SYNPROXY)->synproxy.tsoff = 1)
CHANGE(helper, strcpy(flow_rare_add(f, FLOW_HAS_HELPER)->helper, "ftp"))
CHANGE(master, flow_rare_add(f, FLOW_HAS_MASTER)->master_proto = 6)
CHANGE(no_rare, memset(&f->rare, 0xa5, sizeof(f->rare)))
CHANGE(stale, f->mark = 9; f->timeout_s = 9)

/* A digest differs exactly when flow_equal() or flow_rare_equal() say so. */
static void as_flow_equal(void **state)
{
	static const struct {
		void (*change)(struct flow *f);
		const char *why;
	} row[] = {
		{nothing, "the same"},
		{labels, "labels"},
		{other_labels, "other labels"},
		{seqadj, "sequence adjustment"},
		{other_seqadj, "of the other direction"},
		{synproxy, "synproxy"},
		{other_synproxy, "another synproxy"},
		{no_rare, "what is undefined does not count"},
		{zone_0, "zone 0"},
		{proto, "protocol"},
		{zone, "zone"},
		{orig_src, "original source"},
		{orig_dst, "original destination"},
		{orig_l4, "original port"},
		{reply_src, "reply source"},
		{reply_dst, "reply destination"},
		{reply_l4, "reply port"},
		{assured, "ASSURED"},
		{seen_reply, "SEEN_REPLY"},
		{other_status, "status of the kernel's own"},
		{tcp_state, "TCP state"},
		{tcp_state_0, "TCP state 0"},
		{no_tcp, "no TCP state"},
		{tcp_rest, "window scale, flags"},
		{sctp, "SCTP"},
		{sctp_state, "SCTP state"},
		{vtag, "SCTP tag"},
		{dccp, "DCCP"},
		{dccp_role, "DCCP role"},
		{dccp_seq, "DCCP number"},
		{mark, "mark"},
		{mark_0, "a mark of zero"},
		{timeout, "timeout"},
		{stale, "fields that do not count"},
	};

	(void)state;
	for (unsigned a = 0; a < ARRAY_LEN(row); a++) {
		for (unsigned b = 0; b < 2 * ARRAY_LEN(row); b++) {
			struct flow x = b % 2 ? v6() : sample_tcp_snat(9), y = x;

			row[a].change(&x);
			row[b / 2].change(&y);
			if ((flow_equal(&x, &y) && flow_rare_equal(&x, &y)) !=
			    (flow_digest(&x, key) == flow_digest(&y, key)))
				fail_msg("%s, %s", row[a].why, row[b / 2].why);
		}
	}
}

/* A kernel may refuse these; a comparison that insisted on them would never end. */
static void but_for_what_may_be_refused(void **state)
{
	struct flow x = sample_tcp_snat(9), y = x;

	(void)state;
	helper(&y);
	master(&y);
	assert_false(flow_rare_equal(&x, &y));
	assert_true(flow_digest(&x, key) == flow_digest(&y, key));
	labels(&y);
	assert_false(flow_digest(&x, key) == flow_digest(&y, key));
}

static void sizes(void **state)
{
	static const struct {
		uint64_t flows;
		uint8_t log2;
	} row[] = {
		{0, 3},	      {1, 3},	     {64, 3},	    {65, 4},	      {1000, 7},
		{100000, 14}, {1000000, 17}, {8388608, 20}, {UINT64_MAX, 20},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(buckets_log2(row[i].flows), row[i].log2);
}

static void sums(void **state)
{
	const struct buckets by = {.log2 = 4, .key = {9, 8, 7}};
	struct digests a = {.n = 0}, b = {.n = 0};

	(void)state;
	assert_true(digests_start(&a, &by));
	assert_true(digests_start(&b, &by));
	for (uint16_t i = 0; i < 200; i++) { /* whatever the order */
		struct flow x = sample_tcp_snat(i), y = sample_tcp_snat((uint16_t)(199 - i));

		digests_add(&a, &by, &x);
		digests_add(&b, &by, &y);
	}
	assert_memory_equal(a.sum, b.sum, 16 * sizeof(*a.sum));

	struct flow f = sample_tcp_snat(77), changed = f;
	uint32_t bucket = buckets_of(&by, &f);

	changed.status &= ~(uint32_t)IPS_ASSURED;
	assert_int_equal(buckets_of(&by, &changed), bucket); /* a flow stays where it is */
	assert_true(bucket < buckets_n(&by));
	digests_add(&a, &by, &f); /* twice is not the same as not at all */
	digests_add(&b, &by, &changed);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(a.sum[i] != b.sum[i], i == bucket);
	assert_true(digests_start(&a, &by));
	assert_int_equal(a.sum[bucket], 0);
	digests_free(&a);
	digests_free(&b);
	digests_free(&b);
}

/* The same part of two flows, and each side has it with the other one. */
static void tells_whose(void **state)
{
	static void (*const part[])(struct flow * f) = {labels, seqadj, synproxy, mark, tcp_state};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(part); i++) {
		struct flow a = sample_tcp_snat(1), b = sample_tcp_snat(2), with_a = a, with_b = b;

		part[i](&with_a);
		part[i](&with_b);
		if (flow_digest(&with_a, key) + flow_digest(&b, key) ==
		    flow_digest(&a, key) + flow_digest(&with_b, key))
			fail_msg("part %u", i);
	}
}

static void sets(void **state)
{
	const struct buckets by = {.log2 = 12};
	struct bucket_set s = {.size = 0}, t = {.size = 0};
	uint8_t bits[DIGEST_PART] = {[3] = 0x10};

	(void)state;
	assert_false(bucket_set_has(&s, 5));
	bucket_set_add(&s, 5); /* of no effect */
	assert_int_equal(bucket_set_count(&s), 0);
	assert_false(bucket_set_covers(&s, &t));
	assert_true(bucket_set_start(&s, &by));
	assert_true(bucket_set_start(&t, &by));
	assert_int_equal(bucket_set_parts(&s), 2);
	bucket_set_add(&s, 5);
	bucket_set_add(&s, 4095);
	assert_int_equal(bucket_set_count(&s), 2);
	assert_true(bucket_set_has(&s, 4095));
	assert_false(bucket_set_has(&s, 4094));
	assert_true(bucket_set_covers(&s, &t));
	bucket_set_add(&t, 4095);
	assert_true(bucket_set_covers(&s, &t));
	bucket_set_add(&t, 28);
	assert_false(bucket_set_covers(&s, &t));
	assert_true(bucket_set_part_empty(&t, 0) == false);
	assert_false(bucket_set_part_covered(&s, 0, bits, sizeof(bits)));
	assert_true(bucket_set_part_covered(&t, 0, bits, sizeof(bits)));
	assert_true(bucket_set_part_add(&s, 0, bits, sizeof(bits)));
	assert_true(bucket_set_has(&s, 28));
	assert_true(bucket_set_covers(&s, &t));
	assert_false(bucket_set_part_add(&s, 2, bits, sizeof(bits)));
	assert_false(bucket_set_part_add(&s, SIZE_MAX, bits, sizeof(bits)));
	assert_false(bucket_set_part_add(&s, 1, bits, sizeof(bits) - 1));
	bucket_set_clear(&s);
	assert_int_equal(bucket_set_count(&s), 0);
	assert_true(bucket_set_part_empty(&s, 1));
	bucket_set_free(&s);
	bucket_set_free(&t);
}

/* The smallest set has less than a part. */
static void small_set(void **state)
{
	const struct buckets by = {.log2 = DIGEST_LOG2_MIN};
	struct bucket_set s = {.size = 0};
	const uint8_t bits = 0x81;

	(void)state;
	assert_true(bucket_set_start(&s, &by));
	assert_int_equal(bucket_set_parts(&s), 1);
	assert_int_equal(bucket_set_part_size(&s, 0), 1);
	assert_true(bucket_set_part_add(&s, 0, &bits, 1));
	assert_true(bucket_set_has(&s, 7) && bucket_set_has(&s, 0));
	assert_int_equal(bucket_set_count(&s), 2);
	bucket_set_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_flow_equal), cmocka_unit_test(but_for_what_may_be_refused),
		cmocka_unit_test(sizes),	 cmocka_unit_test(sums),
		cmocka_unit_test(tells_whose),	 cmocka_unit_test(sets),
		cmocka_unit_test(small_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
