/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the options of nat and of port forwards mean for rules and addresses. Pure. */
#include <string.h>

#include "vrouter/conf.h"

#define BURST_FACTOR 2 /* new-flow-burst, where it is not given */

void conf_nat_rules(struct nat_rules *out, const struct conf_router *r)
{
	*out = r->nat_more.rules;
	if (!out->new_flows)
		out->new_flows_burst = 0;
	else if (!out->new_flows_burst)
		out->new_flows_burst = BURST_FACTOR * out->new_flows;
}

struct held {
	const struct conf_leg *leg;
	struct ip_prefix *out;
	unsigned n;
};

/* An address of the leg's network that is no VIP. */
static void hold(struct held *h, const struct ip_addr *a)
{
	const struct ip_prefix p = {.addr = *a, .len = a->family == AF_INET ? 32 : 128};
	unsigned known = h->n < NAT_HELD_MAX ? h->n : NAT_HELD_MAX;

	if (!a->family || ip_addr_is_link_local(a) ||
	    !ip_prefix_around(h->leg->vip, h->leg->n_vips, a) ||
	    ip_prefix_any_is(h->leg->vip, h->leg->n_vips, a) || ip_prefix_any_is(h->out, known, a))
		return;
	if (h->n < NAT_HELD_MAX)
		h->out[h->n] = p;
	h->n++;
}

unsigned conf_nat_held(struct ip_prefix *out, const struct conf_router *r)
{
	const struct nat_rules *n = &r->nat_more.rules;
	struct held h = {.leg = &r->leg[NET_PUBLIC], .out = out};

	for (unsigned i = 0; r->nat == NET_NAT_SNAT && i < n->n_pool; i++) {
		const struct ip_range *range = &n->pool[i];
		unsigned count = ip_range_count(range, NAT_HELD_MAX + NET_VIPS_MAX + 1);
		struct ip_addr a = range->first;

		for (unsigned k = 0; k < count; k++, a = ip_addr_next(a))
			hold(&h, &a);
	}
	for (unsigned i = 0; i < n->n_forwards; i++)
		hold(&h, &n->forward[i].address);
	return h.n;
}
