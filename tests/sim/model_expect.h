/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expectations of the model kernel: at most one per master, and only some flows have a helper.
 * Their version is the translated address. */
#ifndef MODEL_EXPECT_H
#define MODEL_EXPECT_H

#include "model_kernel.h"

#define MODEL_EXPECT_S 300

static inline unsigned model_expect_id(const struct expect *x)
{
	return ntohs(x->tuple.l4.dport_be) - 20000u;
}

static inline uint32_t model_expect_version(const struct expect *x)
{
	uint32_t v;

	memcpy(&v, x->nat_to.src, sizeof(v));
	return v;
}

static inline bool model_has_helper(unsigned id)
{
	return id % 5 == 0;
}

/* Used or expired: the kernel tells both alike. */
static inline void model_expect_end(struct model_kernel *k, unsigned id)
{
	struct expect x = k->expect[id];

	if (!x.proto)
		return;
	k->expect[id].proto = 0;
	model_emit_expect(k, &x, FLOW_DESTROY);
}

/* The master announces what comes: an earlier expectation goes, and its numbers are adjusted when
 * the event is out already. */
static inline void model_expect_new(struct model_kernel *k, unsigned id, uint32_t version,
				    uint64_t adjust_at)
{
	const struct flow *master = &k->flow[id];
	struct expect x = {.family = master->family,
			   .proto = IPPROTO_TCP,
			   .master_proto = master->proto,
			   .master = master->orig,
			   .timeout_s = MODEL_EXPECT_S,
			   .flags = version & 1,
			   .class = id % 3,
			   .helper = "ftp",
			   .fn = "nat-follow-master",
			   .nat = true,
			   .nat_dir = 1};

	model_expect_end(k, id);
	memcpy(x.tuple.src, master->orig.dst, 4);
	memcpy(x.tuple.dst, master->reply.dst, 4);
	x.tuple.l4.dport_be = htons((uint16_t)(20000 + id));
	memset(x.mask.src, 0xff, 4);
	memset(x.mask.dst, 0xff, 4);
	x.mask.l4.dport_be = UINT16_MAX;
	memcpy(x.nat_to.src, &version, sizeof(version));
	k->expect[id] = x;
	model_emit_expect(k, &x, FLOW_NEW);
	k->adjust_at[id] = adjust_at;
	if (!k->adjust_next || adjust_at < k->adjust_next)
		k->adjust_next = adjust_at;
}

/* Without an event. */
static inline void model_adjust(struct model_kernel *k, uint64_t now)
{
	if (!k->adjust_next || now < k->adjust_next)
		return;
	k->adjust_next = 0;
	for (unsigned id = 0; id < k->flows; id++) {
		uint64_t at = k->adjust_at[id];

		if (at && at <= now) {
			flow_rare_add(&k->flow[id], FLOW_HAS_SEQADJ)->seqadj[1].after++;
			k->adjust_at[id] = 0;
		} else if (at && (!k->adjust_next || at < k->adjust_next)) {
			k->adjust_next = at;
		}
	}
}

static inline int model_expect_put(struct model_kernel *k, const struct expect *x,
				   uint32_t timeout_s)
{
	unsigned id = model_expect_id(x);

	if (!model_is_there(k, id) || memcmp(&k->flow[id].orig, &x->master, sizeof(x->master)) != 0)
		return -ENOENT;
	k->expect[id] = *x;
	k->expect[id].timeout_s = timeout_s;
	return 0;
}

static inline int model_expect_del(struct model_kernel *k, const struct expect *x)
{
	unsigned id = model_expect_id(x);

	if (!k->expect[id].proto)
		return -ENOENT;
	k->expect[id].proto = 0;
	return 0;
}

#endif
