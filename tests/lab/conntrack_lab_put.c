/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What apply brings into the kernel, and in which order. */
#include "conntrack_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/* ---- put ---------------------------------------------------------------------------------- */

static void put_and_read_back(void **state)
{
	struct lab *lab = *state;
	const struct {
		struct flow f;
		const char *why;
	} row[] = {
		{flow_plain(AF_INET, IPPROTO_TCP, 1), "TCP"},
		{flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 2), 4711), "TCP, SNAT to another port"},
		{flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 3), 1024 + 3),
		 "TCP, SNAT that keeps the port"},
		{flow_dnat(flow_plain(AF_INET, IPPROTO_TCP, 4), 8080), "TCP, DNAT"},
		{flow_snat(flow_dnat(flow_plain(AF_INET, IPPROTO_TCP, 5), 8080), 4712),
		 "TCP, both"},
		{flow_plain(AF_INET, IPPROTO_UDP, 6), "UDP"},
		{flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 7), 53), "UDP, SNAT"},
		{flow_plain(AF_INET, IPPROTO_ICMP, 8), "ping"},
		{flow_snat(flow_plain(AF_INET, IPPROTO_ICMP, 9), 99), "ping, SNAT to another id"},
		{flow_snat(flow_plain(AF_INET, IPPROTO_ICMP, 10), 11),
		 "ping, SNAT that keeps the id"},
		{flow_plain(AF_INET6, IPPROTO_TCP, 11), "IPv6 TCP"},
		{flow_snat(flow_plain(AF_INET6, IPPROTO_TCP, 12), 4713), "IPv6 TCP, SNAT"},
		{flow_dnat(flow_plain(AF_INET6, IPPROTO_UDP, 13), 5353), "IPv6 UDP, DNAT"},
		{flow_plain(AF_INET6, IPPROTO_ICMPV6, 14), "IPv6 ping"},
		{flow_plain(AF_INET, IPPROTO_SCTP, 15), "SCTP"},
		{flow_plain(AF_INET, IPPROTO_ESP, 16), "a protocol without ports"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct flow f = row[i].f, got;

		if (f.proto == IPPROTO_ESP)
			f.orig.l4.raw = f.reply.l4.raw = 0;
		f.has |= FLOW_HAS_MARK;
		f.mark = 0xc0ffee;
		lab_put(lab, &f, FLOW_PUT_NEW);
		lab_assert_has(lab, &f, row[i].why);
		assert_true(lab_has(lab, &f, &got));
		if (got.timeout_s < LAB_PIN_S - 5 || got.timeout_s > LAB_PIN_S)
			fail_msg("%s: timeout %u", row[i].why, got.timeout_s);
		if (!(got.status & IPS_SRC_NAT) != !flow_is_snat(&f) ||
		    !(got.status & IPS_DST_NAT) != !flow_is_dnat(&f))
			fail_msg("%s: NAT bits of status %x", row[i].why, got.status);
	}
	assert_int_equal(lab->n_failed, 0);
	assert_int_equal(lab->counters.v[SYNC_APPLIED_PUT], ARRAY_LEN(row));
	assert_int_equal(lab->counters.v[SYNC_APPLY_CLASH], 0);
}

static void zones_are_apart(void **state)
{
	struct lab *lab = *state;
	struct flow a = flow_plain(AF_INET, IPPROTO_UDP, 1), b = a;

	b.zone = 7;
	lab_put(lab, &a, FLOW_PUT_NEW);
	lab_put(lab, &b, FLOW_PUT_NEW);
	assert_int_equal(lab->n_failed, 0);
	assert_int_equal(lab_count(lab), 2);
	apply_del(lab->apply, &a);
	apply_commit(lab->apply);
	assert_false(lab_has(lab, &a, NULL));
	lab_assert_has(lab, &b, "the other zone's");
}

static void tcp_is_liberal(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	lab_put(lab, &f, FLOW_PUT_NEW);
	assert_true(lab_has(lab, &f, &got));
	for (unsigned d = 0; d < 2; d++) {
		assert_true(got.tcp.flags[d] & IP_CT_TCP_FLAG_BE_LIBERAL);
		assert_true(got.tcp.flags[d] & IP_CT_TCP_FLAG_WINDOW_SCALE);
		assert_int_equal(got.tcp.wscale[d], f.tcp.wscale[d]);
	}
}

static void unreplied(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 1), 4711), got;

	f.status = IPS_CONFIRMED;
	lab_put(lab, &f, FLOW_PUT_NEW);
	assert_true(lab_has(lab, &f, &got));
	assert_false(got.status & (IPS_SEEN_REPLY | IPS_ASSURED));
}

static void foreign_status_bits(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_plain(AF_INET, IPPROTO_UDP, 1), got;

	/* bits of a source's kernel that would be refused, or would do harm here */
	f.status |= IPS_EXPECTED | IPS_SRC_NAT | IPS_SRC_NAT_DONE | IPS_SEQ_ADJUST | IPS_HELPER |
		    IPS_OFFLOAD | IPS_DYING | IPS_FIXED_TIMEOUT;
	lab_put(lab, &f, FLOW_PUT_NEW);
	lab_put(lab, &f, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 0);
	assert_true(lab_has(lab, &f, &got));
	assert_int_equal(got.status & ~(unsigned)IPS_NAT_DONE_MASK,
			 IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
}

static void updates(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	f.status = IPS_CONFIRMED;
	f.tcp.state = TCP_CONNTRACK_SYN_SENT;
	lab_put(lab, &f, FLOW_PUT_NEW);
	f.status |= IPS_SEEN_REPLY | IPS_ASSURED;
	f.tcp.state = TCP_CONNTRACK_FIN_WAIT;
	lab_put(lab, &f, FLOW_PUT_UPDATE);
	lab_assert_has(lab, &f, "all parts");

	/* only a part */
	f.has |= FLOW_HAS_MARK;
	f.mark = 5;
	apply_timeout(lab->apply, &f, 17);
	struct flow part = flow_without(f, FLOW_HAS_TCP | FLOW_HAS_STATUS);
	part.status = 0;
	lab_put(lab, &part, FLOW_PUT_UPDATE);
	lab_assert_has(lab, &f, "the mark only");
	assert_true(lab_has(lab, &f, &got));
	assert_true(got.timeout_s > 17); /* pinned again by every put */
	assert_int_equal(lab->n_failed, 0);
}

static void update_of_a_missing_flow(void **state)
{
	struct lab *lab = *state;
	struct flow whole = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow part =
		flow_without(flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 2), 4712), FLOW_HAS_TCP);

	lab_put(lab, &whole, FLOW_PUT_UPDATE);
	lab_assert_has(lab, &whole, "complete: created");
	assert_int_equal(lab->n_failed, 0);
	lab_put(lab, &part, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 1);
	assert_int_equal(lab->last_err, -ENOENT);
	assert_true(flow_same(&lab->last_failed, &part));
	assert_false(lab_has(lab, &part, NULL));
}

static void status_taken_back(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_plain(AF_INET, IPPROTO_UDP, 1), got;

	lab_put(lab, &f, FLOW_PUT_NEW);
	f.status &= ~(uint32_t)IPS_ASSURED;
	lab_put(lab, &f, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 0);
	assert_true(lab_has(lab, &f, &got));
	assert_false(got.status & IPS_ASSURED);
}

static void new_over_old(void **state)
{
	struct lab *lab = *state;
	struct flow old = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4799);

	lab_put(lab, &old, FLOW_PUT_NEW);
	lab_put(lab, &fresh, FLOW_PUT_NEW);
	lab_assert_has(lab, &fresh, "the same original tuple");
	assert_int_equal(lab_count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void reply_clash(void **state)
{
	struct lab *lab = *state;
	struct flow old = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 2), 4711);

	lab_put(lab, &old, FLOW_PUT_NEW);
	lab_put(lab, &fresh, FLOW_PUT_NEW);
	lab_assert_has(lab, &fresh, "the same reply tuple");
	assert_false(lab_has(lab, &old, NULL));
	assert_int_equal(lab->counters.v[SYNC_APPLY_CLASH], 1);
	assert_int_equal(lab->n_failed, 0);
}

static void incomplete_new(void **state)
{
	struct lab *lab = *state;
	struct flow keep = flow_plain(AF_INET, IPPROTO_TCP, 1);
	struct flow f = flow_without(flow_plain(AF_INET, IPPROTO_TCP, 2), FLOW_HAS_TCP);

	lab_put(lab, &keep, FLOW_PUT_NEW);
	lab_put(lab, &f, FLOW_PUT_NEW);
	assert_int_equal(lab->n_failed, 1);
	assert_int_equal(lab->last_err, -EINVAL);
	/* a request that cannot be expressed must not become one for the whole table */
	f.family = 0;
	apply_del(lab->apply, &f);
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 2);
	assert_int_equal(lab_count(lab), 1);
}

/* ---- order -------------------------------------------------------------------------------- */

static void refused_put_then_del(void **state)
{
	struct lab *lab = *state;
	struct flow old = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4799);

	lab_put(lab, &old, FLOW_PUT_NEW);
	apply_put(lab->apply, &fresh, FLOW_PUT_NEW);
	apply_del(lab->apply, &fresh);
	apply_commit(lab->apply);
	assert_int_equal(lab_count(lab), 0); /* not brought back by a second try */
	assert_int_equal(lab->n_failed, 0);
}

static void refused_put_then_update(void **state)
{
	struct lab *lab = *state;
	struct flow old = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4799), later = fresh;

	lab_put(lab, &old, FLOW_PUT_NEW);
	later.tcp.state = TCP_CONNTRACK_TIME_WAIT;
	apply_put(lab->apply, &fresh, FLOW_PUT_NEW);
	apply_put(lab->apply, &later, FLOW_PUT_UPDATE);
	apply_commit(lab->apply);
	lab_assert_has(lab, &later, "tuple of the first, state of the second");
	assert_int_equal(lab_count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void refused_put_gives_way(void **state)
{
	struct lab *lab = *state;
	struct flow stale = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 1), 4711);
	struct flow brief = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 2), 4711);
	struct flow lasting = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 3), 4711);

	/* three flows use one NAT tuple in turn; what the first try left must not win */
	lab_put(lab, &stale, FLOW_PUT_NEW);
	apply_put(lab->apply, &brief, FLOW_PUT_NEW);
	apply_del(lab->apply, &stale);
	apply_del(lab->apply, &brief);
	apply_put(lab->apply, &lasting, FLOW_PUT_NEW);
	apply_commit(lab->apply);
	lab_assert_has(lab, &lasting, "the last one");
	assert_int_equal(lab_count(lab), 1);
	assert_int_equal(lab->last_err, -ENOENT); /* of deleting what was never there */
	assert_int_equal(lab->n_failed, 1);
}

static void replaced_within_a_batch(void **state)
{
	struct lab *lab = *state;
	struct flow a = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 1), 4711);
	struct flow b = flow_snat(flow_plain(AF_INET, IPPROTO_UDP, 1), 4712);

	apply_put(lab->apply, &a, FLOW_PUT_NEW);
	apply_del(lab->apply, &a);
	apply_put(lab->apply, &b, FLOW_PUT_NEW);
	apply_del(lab->apply, &b);
	apply_put(lab->apply, &a, FLOW_PUT_NEW);
	apply_commit(lab->apply);
	lab_assert_has(lab, &a, "the last one");
	assert_int_equal(lab_count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void everything_clashes(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 3000; /* many queues full */

	for (unsigned i = 0; i < n; i++) {
		struct flow f =
			flow_snat(flow_plain(AF_INET, IPPROTO_TCP, i), (uint16_t)(1024 + i));

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	/* the same original tuples, each with the NAT port of its neighbour */
	for (unsigned i = 0; i < n; i++) {
		struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, i),
					  (uint16_t)(1024 + (i + 1) % n));

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 0);
	/* where a neighbour in a later queue still had its old port, it was evicted and then
	 * put anew */
	assert_int_equal(lab_count(lab), n);
	for (unsigned i = 0; i < n; i++) {
		struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, i),
					  (uint16_t)(1024 + (i + 1) % n));

		lab_assert_has(lab, &f, "after all");
	}
}

static void missing_deletes(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_plain(AF_INET, IPPROTO_TCP, 1),
		    keep = flow_plain(AF_INET, IPPROTO_TCP, 2);

	lab_put(lab, &keep, FLOW_PUT_NEW);
	f.has = 0; /* as they come from the wire */
	apply_del(lab->apply, &f);
	apply_timeout(lab->apply, &f, 5);
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 2);
	assert_int_equal(lab->last_err, -ENOENT);
	assert_int_equal(lab->counters.v[SYNC_APPLIED_DEL], 0);
	assert_int_equal(lab_count(lab), 1);
}

static void timeouts(void **state)
{
	struct lab *lab = *state;
	struct flow f = flow_snat(flow_plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	lab_put(lab, &f, FLOW_PUT_NEW);
	apply_timeout(lab->apply, &f, 100);
	apply_commit(lab->apply);
	lab_assert_has(lab, &f, "nothing else changes");
	assert_true(lab_has(lab, &f, &got));
	assert_in_range(got.timeout_s, 95, 100);
}

int lab_run_put_tests(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(put_and_read_back),
		LAB_TEST(zones_are_apart),
		LAB_TEST(tcp_is_liberal),
		LAB_TEST(unreplied),
		LAB_TEST(foreign_status_bits),
		LAB_TEST(updates),
		LAB_TEST(update_of_a_missing_flow),
		LAB_TEST(status_taken_back),
		LAB_TEST(new_over_old),
		LAB_TEST(reply_clash),
		LAB_TEST(incomplete_new),
		LAB_TEST(refused_put_then_del),
		LAB_TEST(refused_put_then_update),
		LAB_TEST(refused_put_gives_way),
		LAB_TEST(replaced_within_a_batch),
		LAB_TEST(everything_clashes),
		LAB_TEST(missing_deletes),
		LAB_TEST(timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
