/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an engine needs from outside: the links, the kernel's table, the core. */
#include "replication_impl.h"

#include <string.h>

#include <sodium.h>

void replication_news(struct replication *r)
{
	r->shared->on_news(r->shared->ctx);
}

static void op_send(void *ctx, const struct dgram_hdr *given, const uint8_t *body, size_t body_len)
{
	struct replication *r = ctx;
	const struct sync_msg_conf *conf = &r->shared->conf;
	size_t len = DGRAM_HDR_LEN + body_len + (conf->sealed ? DGRAM_TAG_LEN : 0);
	struct dgram_hdr h = *given;
	uint8_t *buf;

	h.key_id = conf->sealed ? r->keys.key[0].id : 0;
	buf = links_put(r->shared->links, len, &r->counters.v[SYNC_TX_ERRORS]);
	if (!buf)
		return;
	dgram_hdr_encode(buf, &h);
	memcpy(buf + DGRAM_HDR_LEN, body, body_len);
	if (conf->sealed && !seal_box(&r->keys, &h, buf, body_len))
		abort(); /* never in the clear instead; configure() has seen that there is a key */
	r->counters.v[SYNC_TX_BYTES] += len;
}

static void op_put(void *ctx, const struct flow *f, enum flow_put how)
{
	apply_put(((struct replication *)ctx)->apply, f, how);
}

static void op_del(void *ctx, const struct flow *f)
{
	apply_del(((struct replication *)ctx)->apply, f);
}

static void op_set_timeout(void *ctx, const struct flow *f, uint32_t timeout_s)
{
	apply_timeout(((struct replication *)ctx)->apply, f, timeout_s);
}

static void op_commit(void *ctx)
{
	apply_commit(((struct replication *)ctx)->apply);
}

static void on_dumped(void *ctx, const struct flow *f)
{
	protocol_on_dump(&((struct replication *)ctx)->proto, f);
}

static int op_dump(void *ctx, bool start)
{
	return table_dump(((struct replication *)ctx)->table, start, on_dumped, ctx);
}

static uint32_t op_count(void *ctx)
{
	struct replication *r = ctx;
	uint32_t flows;

	return table_count(r->table, &flows, &r->flows_max) < 0 ? 0 : flows;
}

static uint32_t op_limit(void *ctx)
{
	return ((struct replication *)ctx)->flows_max;
}

static int op_get(void *ctx, const struct flow *key, struct flow *out)
{
	return table_get(((struct replication *)ctx)->table, key, out);
}

static int op_expect_put(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	return expects_put(((struct replication *)ctx)->expects, x, timeout_s);
}

static int op_expect_del(void *ctx, const struct expect *x)
{
	return expects_del(((struct replication *)ctx)->expects, x);
}

static int op_expect_timeout(void *ctx, const struct expect *x, uint32_t timeout_s)
{
	return expects_timeout(((struct replication *)ctx)->expects, x, timeout_s);
}

static void on_expect_read(void *ctx, const struct expect *x)
{
	protocol_on_expect(&((struct replication *)ctx)->proto, x);
}

static int op_expects(void *ctx)
{
	struct replication *r = ctx;

	return expects_read(r->expects, on_expect_read, r);
}

static void op_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static void op_on_status(void *ctx)
{
	struct replication *r = ctx;

	r->news.status = true;
	replication_news(r);
}

static void op_on_drained(void *ctx, bool acknowledged)
{
	struct replication *r = ctx;

	r->news.drained = true;
	r->news.drained_with.ok = acknowledged;
	replication_news(r);
}

/* One question a peer: of who asks again, the newer one alone is of use. */
static void op_on_asked(void *ctx, uint32_t peer, uint64_t question)
{
	struct news *n = &((struct replication *)ctx)->news;
	unsigned i = 0;

	while (i < n->n_asked && n->asked[i].peer != peer)
		i++;
	if (i == ENGINE_PEERS_MAX)
		return;
	n->n_asked += i == n->n_asked;
	n->asked[i] = (struct sync_msg_path){.peer = peer, .question = question};
	replication_news(ctx);
}

static void op_on_vouched(void *ctx, const char *name, uint32_t term, uint64_t question)
{
	struct news *n = &((struct replication *)ctx)->news;

	n->vouched = true;
	n->vouched_with = (struct sync_msg_path){.term = term, .question = question};
	snprintf(n->vouched_with.name, sizeof(n->vouched_with.name), "%s", name);
	replication_news(ctx);
}

static void op_on_handover(void *ctx, const char *name)
{
	struct news *n = &((struct replication *)ctx)->news;

	n->wanted = true;
	n->wanted_with = (struct sync_msg_path){.question = 0};
	snprintf(n->wanted_with.name, sizeof(n->wanted_with.name), "%s", name);
	replication_news(ctx);
}

static void op_on_leaving(void *ctx, const struct engine_leaving *l)
{
	struct news *n = &((struct replication *)ctx)->news;

	n->leaving = true;
	n->leaving_with = *l;
	replication_news(ctx);
}

const struct engine_ops replication_engine_ops = {
	.send = op_send,
	.put = op_put,
	.del = op_del,
	.set_timeout = op_set_timeout,
	.commit = op_commit,
	.dump = op_dump,
	.count = op_count,
	.limit = op_limit,
	.get = op_get,
	.expect_put = op_expect_put,
	.expect_del = op_expect_del,
	.expect_timeout = op_expect_timeout,
	.expects = op_expects,
	.neighbours = replication_neigh_put,
	.random = op_random,
	.on_status = op_on_status,
	.on_drained = op_on_drained,
	.read_events = replication_verify_read_events,
	.on_verified = replication_verify_put,
	.on_asked = op_on_asked,
	.on_vouched = op_on_vouched,
	.on_beats = replication_beats_on,
	.on_handover = op_on_handover,
	.on_leaving = op_on_leaving,
	.on_reserve = replication_reserve_on,
};

static void ctd_send(void *ctx, const uint8_t *datagram, size_t len)
{
	struct replication *r = ctx;
	uint8_t *buf = links_put(r->shared->links, len, &r->counters.v[SYNC_TX_ERRORS]);

	if (!buf)
		return;
	memcpy(buf, datagram, len);
	r->counters.v[SYNC_TX_BYTES] += len;
}

const struct ctd_ops replication_ctd_ops = {.kernel = &replication_engine_ops, .send = ctd_send};
