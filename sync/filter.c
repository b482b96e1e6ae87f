/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/filter.h"

#include <linux/netfilter/nf_conntrack_common.h>

static bool same_nets(const struct ip_prefix *a, unsigned n, const struct ip_prefix *b, unsigned m)
{
	for (unsigned i = 0; n == m && i < n; i++)
		if (a[i].len != b[i].len || !ip_addr_equal(&a[i].addr, &b[i].addr))
			return false;
	return n == m;
}

bool flow_filter_equal(const struct flow_filter *a, const struct flow_filter *b)
{
	return memcmp(a->proto_out, b->proto_out, sizeof(a->proto_out)) == 0 &&
	       a->tcp_states == b->tcp_states && a->assured == b->assured &&
	       same_nets(a->only, a->n_only, b->only, b->n_only) &&
	       same_nets(a->ignored, a->n_ignored, b->ignored, b->n_ignored);
}

bool flow_filter_is_empty(const struct flow_filter *f)
{
	static const struct flow_filter none;

	return flow_filter_equal(f, &none);
}

bool flow_filter_has_state(const struct flow_filter *f)
{
	return f->assured || f->tcp_states;
}

static bool touches(const struct ip_prefix *net, unsigned n, const struct flow *flow)
{
	const uint8_t *end[] = {flow->orig.src, flow->orig.dst, flow->reply.src};

	for (size_t k = 0; k < ARRAY_LEN(end); k++) {
		struct ip_addr a = {.family = flow->family};

		memcpy(a.b, end[k], sizeof(a.b));
		for (unsigned i = 0; i < n; i++)
			if (ip_prefix_contains(&net[i], &a))
				return true;
	}
	return false;
}

enum filter_verdict flow_filter_look(const struct flow_filter *f, const struct flow *flow)
{
	bool by_tcp = f->tcp_states && flow->proto == IPPROTO_TCP;

	if (flow_filter_proto_out(f, flow->proto))
		return FILTER_NEVER;
	if (f->n_ignored && touches(f->ignored, f->n_ignored, flow))
		return FILTER_NEVER;
	if (f->n_only && !touches(f->only, f->n_only, flow))
		return FILTER_NEVER;
	if (f->assured && flow->has & FLOW_HAS_STATUS && !(flow->status & IPS_ASSURED))
		return FILTER_NEVER;
	if (by_tcp && flow->has & FLOW_HAS_TCP && !(f->tcp_states >> flow->tcp.state % 32 & 1))
		return FILTER_OUT;
	if ((f->assured && !(flow->has & FLOW_HAS_STATUS)) ||
	    (by_tcp && !(flow->has & FLOW_HAS_TCP)))
		return FILTER_UNSURE;
	return FILTER_IN;
}
