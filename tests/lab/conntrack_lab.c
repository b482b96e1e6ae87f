/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests share; see conntrack_lab.h. */
#include "conntrack_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/* ---- what every test has ------------------------------------------------------------------ */

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
	if (change == FLOW_UPDATE && flow_same(&lab->merged, f))
		flow_merge(&lab->merged, f);
	else
		lab->merged = *f;
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

int lab_setup(void **state)
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
		apply_new(&lab->apply, lab->apply_fd, LAB_PIN_S, on_failed, lab, &lab->counters),
		0);
	*state = lab;
	return 0;
}

uint32_t lab_count(struct lab *lab)
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
	assert_int_equal(lab_count(lab), 0);
}

int lab_teardown(void **state)
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

struct flow flow_plain(uint8_t family, uint8_t proto, uint32_t n)
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
	if (proto == IPPROTO_SCTP) {
		f.has |= FLOW_HAS_SCTP;
		f.sctp.state = SCTP_CONNTRACK_ESTABLISHED;
		f.sctp.vtag_be[0] = htonl(n + 1);
		f.sctp.vtag_be[1] = htonl(0x80000000 + n);
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

struct flow flow_snat(struct flow f, uint16_t port)
{
	set_addr(f.reply.dst, f.family, 30, 1);
	if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6)
		f.reply.l4.icmp.id_be = htons(port);
	else
		f.reply.l4.dport_be = htons(port);
	return f;
}

struct flow flow_dnat(struct flow f, uint16_t port)
{
	set_addr(f.reply.src, f.family, 40, 1);
	/* ICMP has one id for both ends, and it is the origin's */
	if (f.proto != IPPROTO_ICMP && f.proto != IPPROTO_ICMPV6)
		f.reply.l4.sport_be = htons(port);
	return f;
}

struct flow flow_without(struct flow f, uint32_t drop)
{
	f.has &= ~drop;
	return f;
}

bool lab_has(struct lab *lab, const struct flow *key, struct flow *out)
{
	struct flow scratch;
	int err = table_get(lab->table, key, out ? out : &scratch);

	if (err != 0 && err != -ENOENT)
		fail_msg("get: %s", strerror(-err));
	return err == 0;
}

void lab_assert_has(struct lab *lab, const struct flow *f, const char *why)
{
	char want[FLOW_STRLEN], is[FLOW_STRLEN];
	struct flow got;

	if (!lab_has(lab, f, &got))
		fail_msg("%s: not there: %s", why, flow_format(f, want));
	if (!flow_equal(f, &got))
		fail_msg("%s:\nwant %s\nis   %s", why, flow_format(f, want), flow_format(&got, is));
}

void lab_put(struct lab *lab, const struct flow *f, enum flow_put how)
{
	apply_put(lab->apply, f, how);
	apply_commit(lab->apply);
}

void lab_put_other(const struct flow *f)
{
	struct lab *other;
	void *state;

	assert_int_equal(lab_setup(&state), 0);
	other = state;
	lab_put(other, f, FLOW_PUT_NEW);
	assert_int_equal(other->n_failed, 0);
	apply_free(other->apply);
	table_free(other->table);
	capture_free(other->capture);
	close(other->events_fd);
	close(other->dump_fd);
	close(other->apply_fd);
	free(other);
}

void lab_fill(struct lab *lab, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct flow f = flow_plain(AF_INET, IPPROTO_TCP, i);

		apply_put(lab->apply, &f, FLOW_PUT_NEW);
	}
	apply_commit(lab->apply);
}

int main(void)
{
	int failed = lab_run_put_tests();

	failed += lab_run_attr_tests();
	return failed + lab_run_read_tests();
}
