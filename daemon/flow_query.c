/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a flow one of those that were asked for? */
#include "vrouter/flow_query.h"

#include <linux/netfilter/nf_conntrack_common.h>

static bool in_net(const struct flow_query_net *n, const struct ip_addr *a)
{
	size_t len = ip_addr_size(&n->addr);

	if (!n->addr.family)
		return true;
	if (a->family != n->addr.family)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((a->b[i] & n->mask.b[i]) != n->addr.b[i])
			return false;
	return true;
}

/* wanted and have: n numbers each; a wanted one that is negative is none. */
static bool same_numbers(const int32_t *wanted, const int32_t *have, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (wanted[i] >= 0 && wanted[i] != have[i])
			return false;
	return true;
}

static bool match_ends(const struct flow_query *q, const struct flow_facts *f)
{
	if ((q->family && q->family != f->family) || (q->proto >= 0 && q->proto != f->proto))
		return false;
	for (unsigned i = 0; i < FLOW_ENDS; i++)
		if (!in_net(&q->net[i], &f->addr[i]))
			return false;
	return same_numbers(q->port, f->port, FLOW_ENDS) &&
	       same_numbers(q->icmp, f->icmp, FLOW_ICMPS);
}

static bool match_state(const struct flow_query *q, const struct flow_facts *f)
{
	static const uint8_t protos[FLOW_QUERY_STATED] = {IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_DCCP};

	if (!q->by_state)
		return true;
	for (unsigned i = 0; i < FLOW_QUERY_STATED; i++)
		if (f->proto == protos[i])
			return f->state >= 0 && f->state == q->state[i];
	return false;
}

static bool match_zone(const struct flow_query *q, const struct flow_facts *f)
{
	for (unsigned i = 0; i < FLOW_ZONES; i++)
		if (q->zone[i] >= 0 && q->zone[i] != f->zone[i])
			return false;
	return true;
}

static bool match_labels(const struct flow_query *q, const struct flow_facts *f)
{
	for (unsigned i = 0; q->by_label && i < FLOW_LABELS_LEN; i++)
		if ((f->labels[i] & q->labels[i]) != q->labels[i])
			return false;
	return true;
}

/* Of a direction: is what replies come back to (or from) another than in the original packet? The
 * kernel sets the status bit for all that went through its NAT hooks, translated or not. */
static bool match_nat(const struct flow_query_nat *n, const struct flow_facts *f, enum flow_nat dir)
{
	enum flow_end from = dir == FLOW_SNAT ? FLOW_ORIG_SRC : FLOW_ORIG_DST;
	enum flow_end to = dir == FLOW_SNAT ? FLOW_REPLY_DST : FLOW_REPLY_SRC;
	uint32_t done = dir == FLOW_SNAT ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
	bool addr, port;

	if (!(f->status & done))
		return false;
	addr = !ip_addr_equal(&f->addr[from], &f->addr[to]);
	port = f->port[from] >= 0 && f->port[from] != f->port[to];
	if (!n->addr.family && n->port < 0)
		return addr || port;
	return (!n->addr.family || (addr && ip_addr_equal(&f->addr[to], &n->addr))) &&
	       (n->port < 0 || (port && f->port[to] == n->port));
}

static bool match_nats(const struct flow_query *q, const struct flow_facts *f)
{
	bool one = false, all = true;

	for (unsigned i = 0; i < FLOW_NATS; i++) {
		bool is = q->nat[i].wanted && match_nat(&q->nat[i], f, (enum flow_nat)i);

		one |= is;
		all &= is || !q->nat[i].wanted;
	}
	return q->any_nat ? one : all;
}

bool flow_query_match(const struct flow_query *q, const struct flow_facts *f)
{
	return match_ends(q, f) && match_state(q, f) && match_zone(q, f) &&
	       (!q->by_mark || (f->mark & q->mark_mask) == q->mark) &&
	       (f->status & (q->status_set | q->status_clear)) == q->status_set &&
	       match_labels(q, f) && match_nats(q, f);
}
