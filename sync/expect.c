/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vrouter/expect.h. */
#include "vrouter/expect.h"

#include <stdio.h>

static bool tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b)
{
	return a->l4.raw == b->l4.raw && memcmp(a->src, b->src, sizeof(a->src)) == 0 &&
	       memcmp(a->dst, b->dst, sizeof(a->dst)) == 0;
}

bool expect_same(const struct expect *a, const struct expect *b)
{
	return a->family == b->family && a->proto == b->proto && a->zone == b->zone &&
	       tuple_equal(&a->tuple, &b->tuple);
}

static bool nat_equal(const struct expect *a, const struct expect *b)
{
	return a->nat == b->nat &&
	       (!a->nat || (a->nat_dir == b->nat_dir && a->nat_proto == b->nat_proto &&
			    tuple_equal(&a->nat_to, &b->nat_to)));
}

bool expect_equal(const struct expect *a, const struct expect *b)
{
	return expect_same(a, b) && tuple_equal(&a->mask, &b->mask) &&
	       a->master_proto == b->master_proto && tuple_equal(&a->master, &b->master) &&
	       a->flags == b->flags && a->class == b->class && strcmp(a->helper, b->helper) == 0 &&
	       strcmp(a->fn, b->fn) == 0 && nat_equal(a, b);
}

static void identity(const struct expect *x, uint8_t proto, const struct flow_tuple *t,
		     struct flow *out)
{
	flow_clear(out);
	out->family = x->family;
	out->proto = proto;
	out->zone = x->zone;
	out->orig = *t;
}

uint64_t expect_hash(const struct expect *x, const uint8_t key[static 16])
{
	struct flow f;

	identity(x, x->proto, &x->tuple, &f);
	return flow_hash(&f, key);
}

void expect_master(const struct expect *x, struct flow *out)
{
	identity(x, x->master_proto, &x->master, out);
}

bool expect_fn_ok(const char *name, size_t len)
{
	/* the characters of helpers' names, and longer */
	for (size_t i = 0; i < len; i++)
		if (!flow_helper_ok(name + i, 1))
			return false;
	return len && len < EXPECT_FN_LEN;
}

const char *expect_format(const struct expect *x, char buf[static FLOW_STRLEN])
{
	char what[FLOW_STRLEN], by[FLOW_STRLEN];
	struct flow f;

	identity(x, x->proto, &x->tuple, &f);
	flow_format(&f, what);
	expect_master(x, &f);
	flow_format(&f, by);
	snprintf(buf, FLOW_STRLEN, "%.200s expected by %.200s helper %s class %u %s", what, by,
		 x->helper, x->class, x->fn);
	return buf;
}
