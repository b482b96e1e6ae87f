/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An expectation as conntrackd tells it. It names no zone, and no IPv6 address in a translation. */
#include "msg.h"

#include <string.h>

enum {
	X_MASTER_IPV4,
	X_MASTER_IPV6,
	X_MASTER_PROTO,
	X_MASTER_PORT,
	X_EXPECT_IPV4,
	X_EXPECT_IPV6,
	X_EXPECT_PROTO,
	X_EXPECT_PORT,
	X_MASK_IPV4,
	X_MASK_IPV6,
	X_MASK_PROTO,
	X_MASK_PORT,
	X_TIMEOUT,
	X_FLAGS,
	X_CLASS,
	X_NAT_IPV4,
	X_NAT_PORT,
	X_NAT_PROTO,
	X_NAT_DIR,
	X_HELPER,
	X_FN,
	X_N
};

#define EXACTLY(n)                                                                                 \
	{                                                                                          \
		n, n                                                                               \
	}
static const struct ctd_size size[X_N] = {
	[X_MASTER_IPV4] = EXACTLY(8),  [X_MASTER_IPV6] = EXACTLY(32),
	[X_MASTER_PROTO] = EXACTLY(1), [X_MASTER_PORT] = EXACTLY(4),
	[X_EXPECT_IPV4] = EXACTLY(8),  [X_EXPECT_IPV6] = EXACTLY(32),
	[X_EXPECT_PROTO] = EXACTLY(1), [X_EXPECT_PORT] = EXACTLY(4),
	[X_MASK_IPV4] = EXACTLY(8),    [X_MASK_IPV6] = EXACTLY(32),
	[X_MASK_PROTO] = EXACTLY(1),   [X_MASK_PORT] = EXACTLY(4),
	[X_TIMEOUT] = EXACTLY(4),      [X_FLAGS] = EXACTLY(4),
	[X_CLASS] = EXACTLY(4),	       [X_NAT_IPV4] = EXACTLY(8),
	[X_NAT_PORT] = EXACTLY(4),     [X_NAT_PROTO] = EXACTLY(1),
	[X_NAT_DIR] = EXACTLY(4),      [X_HELPER] = {1, FLOW_HELPER_LEN},
	[X_FN] = {1, EXPECT_FN_LEN},
};

/* Addresses, protocol and ports follow each other in each of the three groups. */
static bool read_tuple(const struct ctd_attrs *a, unsigned group, uint8_t family,
		       struct flow_tuple *t)
{
	size_t n = family == AF_INET6 ? 16 : 4;
	unsigned at = group + (family == AF_INET6);
	struct rd v = a->at[at];

	if (!ctd_has(a, at) || ctd_has(a, group + (family != AF_INET6)))
		return false;
	rd_copy(&v, t->src, n);
	rd_copy(&v, t->dst, n);
	ctd_take(a, group + 3, &t->l4, 4);
	return true;
}

static enum ctd_err read_nat(const struct ctd_attrs *a, struct expect *x)
{
	struct rd v = a->at[X_NAT_IPV4];
	uint64_t dir = ctd_number(a, X_NAT_DIR);

	if (!ctd_has(a, X_NAT_IPV4))
		return CTD_OK;
	if (x->family != AF_INET || !ctd_has(a, X_NAT_DIR) || dir > 1)
		return CTD_E_VALUE;
	x->nat = true;
	x->nat_dir = (uint8_t)dir;
	x->nat_proto = (uint8_t)ctd_number(a, X_NAT_PROTO);
	rd_copy(&v, x->nat_to.src, 4);
	ctd_take(a, X_NAT_PORT, &x->nat_to.l4.sport_be, 2);
	return CTD_OK;
}

static enum ctd_err read_texts(const struct ctd_attrs *a, struct expect *x)
{
	if (ctd_has(a, X_HELPER) && (!ctd_text(a, X_HELPER, x->helper, sizeof(x->helper)) ||
				     !flow_helper_ok(x->helper, strlen(x->helper))))
		return CTD_E_VALUE;
	if (ctd_has(a, X_FN) &&
	    (!ctd_text(a, X_FN, x->fn, sizeof(x->fn)) || !expect_fn_ok(x->fn, strlen(x->fn))))
		return CTD_E_VALUE;
	return CTD_OK;
}

static enum ctd_err read_tuples(const struct ctd_attrs *a, struct expect *x)
{
	x->family = ctd_has(a, X_EXPECT_IPV6) ? AF_INET6 : AF_INET;
	x->proto = (uint8_t)ctd_number(a, X_EXPECT_PROTO);
	x->master_proto = (uint8_t)ctd_number(a, X_MASTER_PROTO);
	if (!x->proto || !x->master_proto || !read_tuple(a, X_EXPECT_IPV4, x->family, &x->tuple) ||
	    !read_tuple(a, X_MASTER_IPV4, x->family, &x->master) ||
	    !read_tuple(a, X_MASK_IPV4, x->family, &x->mask))
		return CTD_E_MISSING;
	if (!ctd_has_ports(x->proto) || !ctd_has_ports(x->master_proto))
		return CTD_E_UNSUPPORTED;
	if (!ctd_has(a, X_EXPECT_PORT) || !ctd_has(a, X_MASTER_PORT))
		return CTD_E_MISSING;
	/* all of it counts: the kernel keeps no mask of the destination */
	memset(x->mask.dst, 0xff, x->family == AF_INET6 ? 16 : 4);
	x->mask.l4.dport_be = UINT16_MAX;
	return CTD_OK;
}

/* What the mask leaves open is nothing to look at. */
static void apply_mask(struct expect *x)
{
	for (unsigned i = 0; i < sizeof(x->tuple.src); i++)
		x->tuple.src[i] &= x->mask.src[i];
	x->tuple.l4.sport_be &= x->mask.l4.sport_be;
}

enum ctd_err ctd_expect_decode(struct rd body, struct expect *out)
{
	struct ctd_attrs a;
	struct expect x = {.family = 0};
	enum ctd_err err = ctd_attrs_read(body, size, X_N, &a);

	if (err == CTD_OK)
		err = read_tuples(&a, &x);
	if (err != CTD_OK)
		return err;
	apply_mask(&x);
	x.timeout_s = (uint32_t)ctd_number(&a, X_TIMEOUT);
	x.flags = (uint32_t)ctd_number(&a, X_FLAGS) & EXPECT_FLAGS;
	x.class = (uint32_t)ctd_number(&a, X_CLASS);
	if (x.timeout_s > EXPECT_TIMEOUT_MAX || x.class > UINT8_MAX)
		return CTD_E_VALUE;
	err = read_nat(&a, &x);
	if (err == CTD_OK)
		err = read_texts(&a, &x);
	if (err == CTD_OK)
		*out = x;
	return err;
}

static void put_tuple(struct wr *w, unsigned group, uint8_t family, uint8_t proto,
		      const struct flow_tuple *t)
{
	ctd_put_addrs(w, group, family, t);
	ctd_put_u8(w, group + 2, proto);
	ctd_put(w, group + 3, &t->l4, 4);
}

bool ctd_expect_encode(struct wr *w, const struct expect *x)
{
	if (x->zone || !ctd_has_ports(x->proto) || !ctd_has_ports(x->master_proto) ||
	    (x->nat && x->family == AF_INET6))
		return false;
	put_tuple(w, X_MASTER_IPV4, x->family, x->master_proto, &x->master);
	put_tuple(w, X_EXPECT_IPV4, x->family, x->proto, &x->tuple);
	put_tuple(w, X_MASK_IPV4, x->family, x->proto, &x->mask);
	ctd_put_u32(w, X_TIMEOUT, x->timeout_s);
	ctd_put_u32(w, X_FLAGS, x->flags);
	ctd_put_u32(w, X_CLASS, x->class);
	if (x->nat) {
		ctd_put_addrs(w, X_NAT_IPV4, AF_INET, &x->nat_to);
		ctd_put_u8(w, X_NAT_PROTO, x->nat_proto);
		ctd_put(w, X_NAT_PORT, &x->nat_to.l4, 4);
		ctd_put_u32(w, X_NAT_DIR, x->nat_dir);
	}
	if (x->helper[0])
		ctd_put(w, X_HELPER, x->helper, strlen(x->helper) + 1);
	if (x->fn[0])
		ctd_put(w, X_FN, x->fn, strlen(x->fn) + 1);
	return true;
}
