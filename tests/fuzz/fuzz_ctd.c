/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A datagram as of conntrackd: first through the decoders, where what is accepted must be written
 * as what is read the same; then, as a whole, at replicas and sources of all three modes, whose
 * kernels take everything. */
#include <errno.h>
#include <string.h>

#include "../../sync/conntrackd/msg.h"
#include "vrouter/ctd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void look_at_flow(const struct ctd_msg *m)
{
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct flow f, back;

	if (ctd_flow_decode(m->body, m->type, &f) != CTD_OK)
		return;
	check(ctd_flow_encode_end(&w, &f) && wr_ok(&w));
	check(ctd_flow_decode(rd_of(buf, wr_len(&w)), CTD_CT_DEL, &back) == CTD_OK);
	check(flow_same(&f, &back));
	if (m->type == CTD_CT_DEL)
		return;
	w = wr_of(buf, sizeof(buf));
	check(ctd_flow_encode(&w, &f, 1) && wr_ok(&w));
	check(ctd_flow_decode(rd_of(buf, wr_len(&w)), m->type, &back) == CTD_OK);
	check(flow_equal(&f, &back) && flow_rare_equal(&f, &back));
}

static void look_at_expect(const struct ctd_msg *m)
{
	uint8_t buf[CTD_MSG_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct expect x, back;

	if (ctd_expect_decode(m->body, &x) != CTD_OK)
		return;
	check(ctd_expect_encode(&w, &x) && wr_ok(&w));
	check(ctd_expect_decode(rd_of(buf, wr_len(&w)), &back) == CTD_OK);
	check(expect_equal(&x, &back));
}

static void put(void *ctx, const struct flow *f, enum flow_put how)
{
	(void)ctx;
	(void)how;
	check(f->proto && f->has & FLOW_HAS_REPLY);
}

static void del(void *ctx, const struct flow *f)
{
	(void)ctx;
	check(f->proto);
}

static void set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	(void)ctx;
	(void)f;
	(void)timeout_s;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static int dump(void *ctx, bool start)
{
	(void)ctx;
	(void)start;
	return 0;
}

static int get(void *ctx, const struct flow *key, struct flow *out)
{
	(void)ctx;
	(void)key;
	(void)out;
	return -ENOENT;
}

static int expect_any(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	(void)ctx;
	(void)timeout_s;
	check(x->proto);
	return 0;
}

static int expect_del(void *ctx, const struct expect *x)
{
	return expect_any(ctx, x, 0);
}

static int expects(void *ctx)
{
	(void)ctx;
	return 0;
}

static void random_bytes(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 0, len);
}

static void on_drained(void *ctx, bool acknowledged)
{
	(void)ctx;
	(void)acknowledged;
}

/* What leaves can be read. */
static void send_datagram(void *ctx, const uint8_t *p, size_t len)
{
	struct rd r = rd_of(p, len);
	struct ctd_msg m;

	(void)ctx;
	while (!rd_done(&r))
		check(ctd_msg_next(&r, &m) == CTD_OK);
}

static const struct engine_ops kernel = {
	.put = put,
	.del = del,
	.set_timeout = set_timeout,
	.commit = nothing,
	.dump = dump,
	.get = get,
	.expect_put = expect_any,
	.expect_del = expect_del,
	.expects = expects,
	.random = random_bytes,
	.on_status = nothing,
	.on_drained = on_drained,
};
static const struct ctd_ops ops = {.kernel = &kernel, .send = send_datagram};

static void run(enum ctd_mode mode, bool source, const uint8_t *data, size_t size)
{
	struct ctd_conf conf = {
		.mode = mode, .room = 1472, .ring_bytes = 65536, .pin_s = 600, .refresh_ms = 1000};
	struct ip_addr from = ip_addr_v4(1);
	struct sync_counters counters = {{0}};
	struct ctd *c;

	flow_timeouts_default(&conf.timeouts);
	check(ctd_new(&c, &conf, &ops, NULL, &counters, 1) == 0);
	(void)ctd_run(c, 1);
	if (source)
		ctd_promote(c, 1, 1);
	for (uint64_t now = 2; now < 2000; now += 500) {
		(void)ctd_on_datagram(c, &from, data, size, now);
		check(ctd_run(c, now) >= now);
	}
	ctd_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);

	while (!rd_done(&r)) {
		struct ctd_msg m;

		if (ctd_msg_next(&r, &m) != CTD_OK || m.type == CTD_CTL)
			continue;
		if (m.type <= CTD_CT_DEL)
			look_at_flow(&m);
		else
			look_at_expect(&m);
	}
	for (int mode = CTD_MODE_FTFW; mode <= CTD_MODE_ALARM; mode++) {
		run((enum ctd_mode)mode, false, data, size);
		run((enum ctd_mode)mode, true, data, size);
	}
	return 0;
}
