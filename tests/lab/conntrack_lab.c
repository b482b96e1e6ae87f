/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture, table and apply against a real kernel. To be run by test_conntrack.sh, as root in a
 * network namespace that nobody else uses: it fills and empties the conntrack table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <sys/wait.h>
#include <time.h>

#include "vrouter/conntrack.h"

#define PIN_S 86400

/* ---- what every test has ------------------------------------------------------------------ */

struct lab {
	int events_fd, dump_fd, apply_fd;
	struct sync_counters counters;
	struct capture *capture;
	struct table *table;
	struct apply *apply;
	/* what came back from apply */
	unsigned n_failed;
	int last_err;
	struct flow last_failed;
	/* what capture told */
	unsigned n_change[3], n_overrun, told_at_overrun;
	struct flow last_change;
	/* what the dump told */
	unsigned n_dumped;
	uint8_t *seen;
};

static void on_failed(void *ctx, const struct flow *f, int err)
{
	struct lab *lab = ctx;

	lab->n_failed++;
	lab->last_err = err;
	lab->last_failed = *f;
}

static void on_change(void *ctx, const struct flow *f, enum flow_change change)
{
	struct lab *lab = ctx;

	lab->n_change[change]++;
	lab->last_change = *f;
}

static void on_overrun(void *ctx)
{
	struct lab *lab = ctx;

	lab->n_overrun++;
	lab->told_at_overrun = lab->n_change[FLOW_NEW];
}

static const struct capture_ops capture_ops = {.on_change = on_change, .on_overrun = on_overrun};

static int checked_socket(void)
{
	int fd = conntrack_socket();

	if (fd < 0)
		fail_msg("no conntrack socket: %s", strerror(-fd));
	return fd;
}

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	uint32_t port;

	assert_non_null(lab);
	lab->events_fd = checked_socket();
	lab->dump_fd = checked_socket();
	lab->apply_fd = checked_socket();
	assert_int_equal(conntrack_port(lab->apply_fd, &port), 0);
	assert_int_equal(
		capture_new(&lab->capture, lab->events_fd, port, &capture_ops, lab, &lab->counters),
		0);
	assert_int_equal(table_new(&lab->table, lab->dump_fd, lab->apply_fd), 0);
	assert_int_equal(
		apply_new(&lab->apply, lab->apply_fd, PIN_S, on_failed, lab, &lab->counters), 0);
	*state = lab;
	return 0;
}

static uint32_t count(struct lab *lab)
{
	uint32_t flows, max;

	assert_int_equal(table_count(lab->table, &flows, &max), 0);
	return flows;
}

static void del_dumped(void *ctx, const struct flow *f)
{
	struct lab *lab = ctx;

	lab->n_dumped++;
	apply_del(lab->apply, f);
}

/* Through the interfaces under test, so their deletions have to work. */
static void empty(struct lab *lab)
{
	for (int more = 1, start = 1; more; start = 0) {
		more = table_dump(lab->table, start, del_dumped, lab);
		assert_true(more >= 0);
		apply_commit(lab->apply);
	}
	assert_int_equal(count(lab), 0);
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	empty(lab);
	apply_free(lab->apply);
	table_free(lab->table);
	capture_free(lab->capture);
	close(lab->events_fd);
	close(lab->dump_fd);
	close(lab->apply_fd);
	free(lab);
	return 0;
}

/* ---- flows -------------------------------------------------------------------------------- */

static void set_addr(uint8_t to[16], uint8_t family, uint8_t net, uint32_t host)
{
	memset(to, 0, 16);
	if (family == AF_INET) {
		to[0] = net;
		to[1] = (uint8_t)(host >> 16);
		to[2] = (uint8_t)(host >> 8);
		to[3] = (uint8_t)host;
	} else {
		to[0] = 0x20;
		to[1] = 0x01;
		to[2] = net;
		to[14] = (uint8_t)(host >> 8);
		to[15] = (uint8_t)host;
	}
}

/* A complete, untranslated flow number n between the networks 10 and 20. */
static struct flow plain(uint8_t family, uint8_t proto, uint32_t n)
{
	struct flow f = {.family = family,
			 .proto = proto,
			 .has = FLOW_HAS_STATUS | FLOW_HAS_REPLY,
			 .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED};

	set_addr(f.orig.src, family, 10, 1 + n / 50000);
	set_addr(f.orig.dst, family, 20, 1);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		f.orig.l4.icmp.id_be = htons((uint16_t)(n + 1));
		f.orig.l4.icmp.type = proto == IPPROTO_ICMP ? 8 : 128;
	} else {
		f.orig.l4.sport_be = htons((uint16_t)(1024 + n % 50000));
		f.orig.l4.dport_be = htons(80);
	}
	f.reply = flow_invert(&f, &f.orig);
	if (proto == IPPROTO_TCP) {
		f.has |= FLOW_HAS_TCP;
		f.tcp.state = TCP_CONNTRACK_ESTABLISHED;
		f.tcp.wscale[0] = 7;
		f.tcp.wscale[1] = 9;
		f.tcp.flags[0] = f.tcp.flags[1] =
			IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM;
	}
	return f;
}

/* Its source becomes 30.0.0.1 and this port. */
static struct flow snat(struct flow f, uint16_t port)
{
	set_addr(f.reply.dst, f.family, 30, 1);
	if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6)
		f.reply.l4.icmp.id_be = htons(port);
	else
		f.reply.l4.dport_be = htons(port);
	return f;
}

static struct flow dnat(struct flow f, uint16_t port)
{
	set_addr(f.reply.src, f.family, 40, 1);
	f.reply.l4.sport_be = htons(port);
	return f;
}

static struct flow masked(struct flow f, uint32_t drop)
{
	f.has &= ~drop;
	return f;
}

static bool there(struct lab *lab, const struct flow *key, struct flow *out)
{
	struct flow scratch;
	int err = table_get(lab->table, key, out ? out : &scratch);

	if (err != 0 && err != -ENOENT)
		fail_msg("get: %s", strerror(-err));
	return err == 0;
}

static void assert_kernel_has(struct lab *lab, const struct flow *f, const char *why)
{
	char want[FLOW_STRLEN], is[FLOW_STRLEN];
	struct flow got;

	if (!there(lab, f, &got))
		fail_msg("%s: not there: %s", why, flow_format(f, want));
	if (!flow_equal(f, &got))
		fail_msg("%s:\nwant %s\nis   %s", why, flow_format(f, want), flow_format(&got, is));
}

static void put(struct lab *lab, const struct flow *f, enum flow_put how)
{
	apply_put(lab->apply, f, how);
	apply_commit(lab->apply);
}

static void put_other(const struct flow *f)
{
	struct lab *other;
	void *state;

	assert_int_equal(setup(&state), 0);
	other = state;
	put(other, f, FLOW_PUT_NEW);
	assert_int_equal(other->n_failed, 0);
	apply_free(other->apply);
	table_free(other->table);
	capture_free(other->capture);
	close(other->events_fd);
	close(other->dump_fd);
	close(other->apply_fd);
	free(other);
}

/* ---- put ---------------------------------------------------------------------------------- */

static void put_and_read_back(void **state)
{
	struct lab *lab = *state;
	const struct {
		struct flow f;
		const char *why;
	} row[] = {
		{plain(AF_INET, IPPROTO_TCP, 1), "TCP"},
		{snat(plain(AF_INET, IPPROTO_TCP, 2), 4711), "TCP, SNAT to another port"},
		{snat(plain(AF_INET, IPPROTO_TCP, 3), 1024 + 3), "TCP, SNAT that keeps the port"},
		{dnat(plain(AF_INET, IPPROTO_TCP, 4), 8080), "TCP, DNAT"},
		{snat(dnat(plain(AF_INET, IPPROTO_TCP, 5), 8080), 4712), "TCP, both"},
		{plain(AF_INET, IPPROTO_UDP, 6), "UDP"},
		{snat(plain(AF_INET, IPPROTO_UDP, 7), 53), "UDP, SNAT"},
		{plain(AF_INET, IPPROTO_ICMP, 8), "ping"},
		{snat(plain(AF_INET, IPPROTO_ICMP, 9), 99), "ping, SNAT to another id"},
		{snat(plain(AF_INET, IPPROTO_ICMP, 10), 11), "ping, SNAT that keeps the id"},
		{plain(AF_INET6, IPPROTO_TCP, 11), "IPv6 TCP"},
		{snat(plain(AF_INET6, IPPROTO_TCP, 12), 4713), "IPv6 TCP, SNAT"},
		{dnat(plain(AF_INET6, IPPROTO_UDP, 13), 5353), "IPv6 UDP, DNAT"},
		{plain(AF_INET6, IPPROTO_ICMPV6, 14), "IPv6 ping"},
		{plain(AF_INET, IPPROTO_SCTP, 15), "SCTP"},
		{plain(AF_INET, IPPROTO_ESP, 16), "a protocol without ports"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct flow f = row[i].f, got;

		if (f.proto == IPPROTO_ESP)
			f.orig.l4.raw = f.reply.l4.raw = 0;
		f.has |= FLOW_HAS_MARK;
		f.mark = 0xc0ffee;
		put(lab, &f, FLOW_PUT_NEW);
		assert_kernel_has(lab, &f, row[i].why);
		assert_true(there(lab, &f, &got));
		if (got.timeout_s < PIN_S - 5 || got.timeout_s > PIN_S)
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
	struct flow a = plain(AF_INET, IPPROTO_UDP, 1), b = a;

	b.zone = 7;
	put(lab, &a, FLOW_PUT_NEW);
	put(lab, &b, FLOW_PUT_NEW);
	assert_int_equal(lab->n_failed, 0);
	assert_int_equal(count(lab), 2);
	apply_del(lab->apply, &a);
	apply_commit(lab->apply);
	assert_false(there(lab, &a, NULL));
	assert_kernel_has(lab, &b, "the other zone's");
}

static void tcp_is_liberal(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	put(lab, &f, FLOW_PUT_NEW);
	assert_true(there(lab, &f, &got));
	for (unsigned d = 0; d < 2; d++) {
		assert_true(got.tcp.flags[d] & IP_CT_TCP_FLAG_BE_LIBERAL);
		assert_true(got.tcp.flags[d] & IP_CT_TCP_FLAG_WINDOW_SCALE);
		assert_int_equal(got.tcp.wscale[d], f.tcp.wscale[d]);
	}
}

static void unreplied(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_UDP, 1), 4711), got;

	f.status = IPS_CONFIRMED;
	put(lab, &f, FLOW_PUT_NEW);
	assert_true(there(lab, &f, &got));
	assert_false(got.status & (IPS_SEEN_REPLY | IPS_ASSURED));
}

static void foreign_status_bits(void **state)
{
	struct lab *lab = *state;
	struct flow f = plain(AF_INET, IPPROTO_UDP, 1), got;

	/* bits of a source's kernel that would be refused, or would do harm here */
	f.status |= IPS_EXPECTED | IPS_SRC_NAT | IPS_SRC_NAT_DONE | IPS_SEQ_ADJUST | IPS_HELPER |
		    IPS_OFFLOAD | IPS_DYING | IPS_FIXED_TIMEOUT;
	put(lab, &f, FLOW_PUT_NEW);
	put(lab, &f, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 0);
	assert_true(there(lab, &f, &got));
	assert_int_equal(got.status & ~(unsigned)IPS_NAT_DONE_MASK,
			 IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
}

static void updates(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	f.status = IPS_CONFIRMED;
	f.tcp.state = TCP_CONNTRACK_SYN_SENT;
	put(lab, &f, FLOW_PUT_NEW);
	f.status |= IPS_SEEN_REPLY | IPS_ASSURED;
	f.tcp.state = TCP_CONNTRACK_FIN_WAIT;
	put(lab, &f, FLOW_PUT_UPDATE);
	assert_kernel_has(lab, &f, "all parts");

	/* only a part */
	f.has |= FLOW_HAS_MARK;
	f.mark = 5;
	apply_timeout(lab->apply, &f, 17);
	struct flow part = masked(f, FLOW_HAS_TCP | FLOW_HAS_STATUS);
	part.status = 0;
	put(lab, &part, FLOW_PUT_UPDATE);
	assert_kernel_has(lab, &f, "the mark only");
	assert_true(there(lab, &f, &got));
	assert_true(got.timeout_s > 17); /* pinned again by every put */
	assert_int_equal(lab->n_failed, 0);
}

static void update_of_a_missing_flow(void **state)
{
	struct lab *lab = *state;
	struct flow whole = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow part = masked(snat(plain(AF_INET, IPPROTO_TCP, 2), 4712), FLOW_HAS_TCP);

	put(lab, &whole, FLOW_PUT_UPDATE);
	assert_kernel_has(lab, &whole, "complete: created");
	assert_int_equal(lab->n_failed, 0);
	put(lab, &part, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 1);
	assert_int_equal(lab->last_err, -ENOENT);
	assert_true(flow_same(&lab->last_failed, &part));
	assert_false(there(lab, &part, NULL));
}

static void status_taken_back(void **state)
{
	struct lab *lab = *state;
	struct flow f = plain(AF_INET, IPPROTO_UDP, 1), got;

	put(lab, &f, FLOW_PUT_NEW);
	f.status &= ~(uint32_t)IPS_ASSURED;
	put(lab, &f, FLOW_PUT_UPDATE);
	assert_int_equal(lab->n_failed, 0);
	assert_true(there(lab, &f, &got));
	assert_false(got.status & IPS_ASSURED);
}

static void new_over_old(void **state)
{
	struct lab *lab = *state;
	struct flow old = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = snat(plain(AF_INET, IPPROTO_TCP, 1), 4799);

	put(lab, &old, FLOW_PUT_NEW);
	put(lab, &fresh, FLOW_PUT_NEW);
	assert_kernel_has(lab, &fresh, "the same original tuple");
	assert_int_equal(count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void reply_clash(void **state)
{
	struct lab *lab = *state;
	struct flow old = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = snat(plain(AF_INET, IPPROTO_TCP, 2), 4711);

	put(lab, &old, FLOW_PUT_NEW);
	put(lab, &fresh, FLOW_PUT_NEW);
	assert_kernel_has(lab, &fresh, "the same reply tuple");
	assert_false(there(lab, &old, NULL));
	assert_int_equal(lab->counters.v[SYNC_APPLY_CLASH], 1);
	assert_int_equal(lab->n_failed, 0);
}

static void incomplete_new(void **state)
{
	struct lab *lab = *state;
	struct flow keep = plain(AF_INET, IPPROTO_TCP, 1);
	struct flow f = masked(plain(AF_INET, IPPROTO_TCP, 2), FLOW_HAS_TCP);

	put(lab, &keep, FLOW_PUT_NEW);
	put(lab, &f, FLOW_PUT_NEW);
	assert_int_equal(lab->n_failed, 1);
	assert_int_equal(lab->last_err, -EINVAL);
	/* a request that cannot be expressed must not become one for the whole table */
	f.family = 0;
	apply_del(lab->apply, &f);
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 2);
	assert_int_equal(count(lab), 1);
}

/* ---- order -------------------------------------------------------------------------------- */

static void refused_put_then_del(void **state)
{
	struct lab *lab = *state;
	struct flow old = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = snat(plain(AF_INET, IPPROTO_TCP, 1), 4799);

	put(lab, &old, FLOW_PUT_NEW);
	apply_put(lab->apply, &fresh, FLOW_PUT_NEW);
	apply_del(lab->apply, &fresh);
	apply_commit(lab->apply);
	assert_int_equal(count(lab), 0); /* not brought back by a second try */
	assert_int_equal(lab->n_failed, 0);
}

static void refused_put_then_update(void **state)
{
	struct lab *lab = *state;
	struct flow old = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow fresh = snat(plain(AF_INET, IPPROTO_TCP, 1), 4799), later = fresh;

	put(lab, &old, FLOW_PUT_NEW);
	later.tcp.state = TCP_CONNTRACK_TIME_WAIT;
	apply_put(lab->apply, &fresh, FLOW_PUT_NEW);
	apply_put(lab->apply, &later, FLOW_PUT_UPDATE);
	apply_commit(lab->apply);
	assert_kernel_has(lab, &later, "tuple of the first, state of the second");
	assert_int_equal(count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void refused_put_gives_way(void **state)
{
	struct lab *lab = *state;
	struct flow stale = snat(plain(AF_INET, IPPROTO_UDP, 1), 4711);
	struct flow brief = snat(plain(AF_INET, IPPROTO_UDP, 2), 4711);
	struct flow lasting = snat(plain(AF_INET, IPPROTO_UDP, 3), 4711);

	/* three flows use one NAT tuple in turn; what the first try left must not win */
	put(lab, &stale, FLOW_PUT_NEW);
	apply_put(lab->apply, &brief, FLOW_PUT_NEW);
	apply_del(lab->apply, &stale);
	apply_del(lab->apply, &brief);
	apply_put(lab->apply, &lasting, FLOW_PUT_NEW);
	apply_commit(lab->apply);
	assert_kernel_has(lab, &lasting, "the last one");
	assert_int_equal(count(lab), 1);
	assert_int_equal(lab->last_err, -ENOENT); /* of deleting what was never there */
	assert_int_equal(lab->n_failed, 1);
}

static void replaced_within_a_batch(void **state)
{
	struct lab *lab = *state;
	struct flow a = snat(plain(AF_INET, IPPROTO_UDP, 1), 4711);
	struct flow b = snat(plain(AF_INET, IPPROTO_UDP, 1), 4712);

	apply_put(lab->apply, &a, FLOW_PUT_NEW);
	apply_del(lab->apply, &a);
	apply_put(lab->apply, &b, FLOW_PUT_NEW);
	apply_del(lab->apply, &b);
	apply_put(lab->apply, &a, FLOW_PUT_NEW);
	apply_commit(lab->apply);
	assert_kernel_has(lab, &a, "the last one");
	assert_int_equal(count(lab), 1);
	assert_int_equal(lab->n_failed, 0);
}

static void everything_clashes(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 3000; /* many queues full */

	for (unsigned i = 0; i < n; i++) {
		struct flow f = snat(plain(AF_INET, IPPROTO_TCP, i), (uint16_t)(1024 + i));

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	/* the same original tuples, each with the NAT port of its neighbour */
	for (unsigned i = 0; i < n; i++) {
		struct flow f =
			snat(plain(AF_INET, IPPROTO_TCP, i), (uint16_t)(1024 + (i + 1) % n));

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 0);
	/* where a neighbour in a later queue still had its old port, it was evicted and then
	 * put anew */
	assert_int_equal(count(lab), n);
	for (unsigned i = 0; i < n; i++) {
		struct flow f =
			snat(plain(AF_INET, IPPROTO_TCP, i), (uint16_t)(1024 + (i + 1) % n));

		assert_kernel_has(lab, &f, "after all");
	}
}

static void missing_deletes(void **state)
{
	struct lab *lab = *state;
	struct flow f = plain(AF_INET, IPPROTO_TCP, 1), keep = plain(AF_INET, IPPROTO_TCP, 2);

	put(lab, &keep, FLOW_PUT_NEW);
	f.has = 0; /* as they come from the wire */
	apply_del(lab->apply, &f);
	apply_timeout(lab->apply, &f, 5);
	apply_commit(lab->apply);
	assert_int_equal(lab->n_failed, 2);
	assert_int_equal(lab->last_err, -ENOENT);
	assert_int_equal(lab->counters.v[SYNC_APPLIED_DEL], 0);
	assert_int_equal(count(lab), 1);
}

static void timeouts(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711), got;

	put(lab, &f, FLOW_PUT_NEW);
	apply_timeout(lab->apply, &f, 100);
	apply_commit(lab->apply);
	assert_kernel_has(lab, &f, "nothing else changes");
	assert_true(there(lab, &f, &got));
	assert_in_range(got.timeout_s, 95, 100);
}

/* ---- dump --------------------------------------------------------------------------------- */

static void fill(struct lab *lab, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct flow f = plain(AF_INET, IPPROTO_TCP, i);

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
}

static void on_seen(void *ctx, const struct flow *f)
{
	struct lab *lab = ctx;
	unsigned n = ((unsigned)f->orig.src[3] - 1) * 50000 + ntohs(f->orig.l4.sport_be) - 1024u;

	lab->n_dumped++;
	lab->seen[n]++;
}

static unsigned dump_rest(struct lab *lab, bool start)
{
	unsigned chunks = 0;

	for (int more = 1; more; start = false, chunks++) {
		more = table_dump(lab->table, start, on_seen, lab);
		assert_true(more >= 0);
	}
	return chunks;
}

static void dump_sees_each_once(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 20000;
	unsigned chunks;

	lab->seen = calloc(n, 1);
	fill(lab, 0, n);
	chunks = dump_rest(lab, true);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(lab->seen[i], 1);
	print_message("%u entries in %u chunks\n", n, chunks);

	/* again, after half of one that nobody read to its end */
	memset(lab->seen, 0, n);
	for (unsigned i = 0; i < chunks / 2; i++)
		assert_int_equal(table_dump(lab->table, i == 0, on_seen, lab), 1);
	memset(lab->seen, 0, n);
	lab->n_dumped = 0;
	(void)dump_rest(lab, true);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(lab->seen[i], 1);
	/* questions while it runs */
	assert_int_equal(table_dump(lab->table, true, on_seen, lab), 1);
	assert_int_equal(count(lab), n);
	struct flow f = plain(AF_INET, IPPROTO_TCP, 5);
	assert_kernel_has(lab, &f, "during a dump");
	(void)dump_rest(lab, false);
	free(lab->seen);
}

static void dump_of_nothing(void **state)
{
	struct lab *lab = *state;

	(void)dump_rest(lab, true);
	assert_int_equal(lab->n_dumped, 0);
}

static void get_is_exact(void **state)
{
	struct lab *lab = *state;
	struct flow f = plain(AF_INET, IPPROTO_UDP, 1), reverse = f, got = {.mark = 77};

	put(lab, &f, FLOW_PUT_NEW);
	reverse.orig = f.reply;
	assert_int_equal(table_get(lab->table, &reverse, &got), -ENOENT);
	assert_int_equal(got.mark, 77); /* untouched */
}

/* ---- capture ------------------------------------------------------------------------------ */

static void read_all(struct lab *lab)
{
	while (capture_read(lab->capture, 4096))
		;
}

static void capture_tells(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	struct flow own = plain(AF_INET, IPPROTO_TCP, 2);

	put_other(&own); /* nobody listens yet */
	assert_int_equal(capture_start(lab->capture), 0);
	put_other(&f);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);
	assert_true(flow_equal(&lab->last_change, &f));
	assert_int_equal(lab->counters.v[SYNC_EVENTS], 1);

	apply_del(lab->apply, &own);
	put(lab, &own, FLOW_PUT_NEW);
	read_all(lab);
	assert_int_equal(lab->counters.v[SYNC_EVENTS], 3);
	assert_int_equal(lab->counters.v[SYNC_EVENTS_OWN], 2);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);

	capture_stop(lab->capture);
	put_other(&f);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1);
	assert_int_equal(lab->counters.v[SYNC_EVENTS_BAD], 0);
}

static void capture_updates_and_ends(void **state)
{
	struct lab *lab = *state;
	struct flow f = snat(plain(AF_INET, IPPROTO_TCP, 1), 4711);
	void *second;

	assert_int_equal(capture_start(lab->capture), 0);
	put_other(&f);
	assert_int_equal(setup(&second), 0);
	struct lab *other = second;
	f.tcp.state = TCP_CONNTRACK_FIN_WAIT;
	put(other, &f, FLOW_PUT_UPDATE);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_UPDATE], 1);
	assert_true(lab->last_change.has & FLOW_HAS_TCP);
	assert_int_equal(lab->last_change.tcp.state, TCP_CONNTRACK_FIN_WAIT);
	apply_del(other->apply, &f);
	apply_commit(other->apply);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_DESTROY], 1);
	assert_true(flow_same(&lab->last_change, &f));
	assert_true(lab->last_change.has & FLOW_HAS_REPLY);
	capture_stop(lab->capture);
	assert_int_equal(teardown(&second), 0);
}

static void capture_is_bounded(void **state)
{
	struct lab *lab = *state;
	void *second;

	assert_int_equal(setup(&second), 0);
	assert_int_equal(capture_start(lab->capture), 0);
	fill(second, 0, 1000);
	assert_true(capture_read(lab->capture, 128));
	assert_in_range(lab->n_change[FLOW_NEW], 128, 128 + 64);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 1000);
	capture_stop(lab->capture);
	assert_int_equal(teardown(&second), 0);
}

static void capture_overrun(void **state)
{
	struct lab *lab = *state;
	void *second;

	assert_int_equal(setup(&second), 0);
	assert_int_equal(capture_start(lab->capture), 0);
	fill(second, 0, 150000); /* more than 64 MiB of events */
	read_all(lab);
	print_message("%u of 150000 events fit\n", lab->n_change[FLOW_NEW]);
	assert_int_equal(lab->n_overrun, 1);
	assert_int_equal(lab->told_at_overrun, lab->n_change[FLOW_NEW]);
	assert_true(lab->n_change[FLOW_NEW] < 150000);
	/* and it goes on */
	lab->n_change[FLOW_NEW] = 0;
	fill(second, 150000, 150100);
	read_all(lab);
	assert_int_equal(lab->n_change[FLOW_NEW], 100);
	capture_stop(lab->capture);
	assert_int_equal(teardown(&second), 0);
}

/* ---- limits ------------------------------------------------------------------------------- */

static void table_full(void **state)
{
	struct lab *lab = *state;
	uint32_t flows, max;

	assert_int_equal(table_count(lab->table, &flows, &max), 0);
	if (max > 2000000)
		skip();
	/* assured ones, so that the kernel does not drop any of them itself */
	fill(lab, 0, max + 500);
	assert_in_range(lab->n_failed, 490, 500);
	if (lab->last_err != -ENOMEM && lab->last_err != -ENOSPC && lab->last_err != -ENFILE)
		fail_msg("a full table is error %d", lab->last_err);
	assert_in_range(lab->counters.v[SYNC_APPLIED_PUT], max, max + 10);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void speed(void **state)
{
	struct lab *lab = *state;
	const unsigned n = 100000;
	double t0 = seconds(), t1, t2, t3;

	for (unsigned i = 0; i < n; i++) {
		struct flow f = plain(AF_INET, IPPROTO_TCP, i);

		f = snat(f, ntohs(f.orig.l4.sport_be));
		f.reply.dst[3] = f.orig.src[3];
		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
	t1 = seconds();
	assert_int_equal(lab->n_failed, 0);
	lab->seen = calloc(n, 1);
	(void)dump_rest(lab, true);
	free(lab->seen);
	t2 = seconds();
	for (unsigned i = 0; i < n; i++) {
		struct flow f = plain(AF_INET, IPPROTO_TCP, i);

		apply_del(lab->apply, &f);
	}
	apply_commit(lab->apply);
	t3 = seconds();
	print_message("put %.0f/s, dump %.0f/s, delete %.0f/s\n", n / (t1 - t0), n / (t2 - t1),
		      n / (t3 - t2));
	assert_int_equal(count(lab), 0);
}

/* Sockets that root opened, used by a process with CAP_NET_ADMIN only, or without it. */
static int as_nobody(struct lab *lab, bool admin)
{
	struct flow f = plain(AF_INET, IPPROTO_UDP, admin ? 1 : 2);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		if (admin)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
		if (capng_change_id(65534, 65534, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
			_exit(99);
		put(lab, &f, FLOW_PUT_NEW);
		if (admin && capture_start(lab->capture) < 0)
			_exit(98);
		_exit(-lab->last_err);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void capabilities(void **state)
{
	assert_int_equal(as_nobody(*state, true), 0);
	assert_int_equal(as_nobody(*state, false), EPERM);
}

#define LAB_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
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
		LAB_TEST(dump_sees_each_once),
		LAB_TEST(dump_of_nothing),
		LAB_TEST(get_is_exact),
		LAB_TEST(capture_tells),
		LAB_TEST(capture_updates_and_ends),
		LAB_TEST(capture_is_bounded),
		LAB_TEST(capture_overrun),
		LAB_TEST(table_full),
		LAB_TEST(speed),
		LAB_TEST(capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
