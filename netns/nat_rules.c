/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges of addresses, and NAT rules as values. Pure. */
#include "vrouter/nat.h"

#include <errno.h>
#include <string.h>

static const char *const drop_name[NAT_DROPS] = {
	[NAT_DROP_INVALID] = "invalid",
	[NAT_DROP_UNSOLICITED] = "unsolicited",
	[NAT_DROP_SOURCE] = "source",
	[NAT_DROP_NEW_FLOWS] = "new_flow_limit",
	[NAT_DROP_INPUT_INVALID] = "input_invalid",
	[NAT_DROP_INPUT_REFUSED] = "input_refused",
	[NAT_DROP_HOST_LINK] = "host_link",
};

const char *nat_drop_name(enum nat_drop d)
{
	return drop_name[d];
}

/* All host bits of p set to bit. */
static struct ip_addr edge(const struct ip_prefix *p, bool bit)
{
	unsigned bits = (unsigned)ip_addr_size(&p->addr) * 8;
	struct ip_addr a = p->addr;

	for (unsigned i = p->len; i < bits; i++) {
		uint8_t mask = (uint8_t)(0x80u >> i % 8);

		a.b[i / 8] = (uint8_t)(bit ? a.b[i / 8] | mask : a.b[i / 8] & ~mask);
	}
	return a;
}

struct ip_range ip_range_of(const struct ip_prefix *p)
{
	return (struct ip_range){.first = edge(p, false), .last = edge(p, true)};
}

int ip_range_parse(struct ip_range *out, const char *text)
{
	size_t len = strcspn(text, "-");
	char first[INET6_ADDRSTRLEN];
	struct ip_range r;
	struct ip_prefix p;

	if (ip_prefix_parse(&p, text) == 0) {
		*out = ip_range_of(&p);
		return 0;
	}
	if (len >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, len);
	first[len] = '\0';
	if (ip_addr_parse(&r.first, first) < 0 ||
	    ip_addr_parse(&r.last, text[len] ? text + len + 1 : first) < 0)
		return -EINVAL;
	if (r.first.family != r.last.family || ip_addr_cmp(&r.first, &r.last) > 0)
		return -EINVAL;
	*out = r;
	return 0;
}

const char *ip_range_format(const struct ip_range *r, char buf[static IP_RANGE_STRLEN])
{
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];

	ip_addr_format(&r->first, first);
	if (ip_addr_equal(&r->first, &r->last))
		snprintf(buf, IP_RANGE_STRLEN, "%s", first);
	else
		snprintf(buf, IP_RANGE_STRLEN, "%s-%s", first, ip_addr_format(&r->last, last));
	return buf;
}

bool ip_range_contains(const struct ip_range *r, const struct ip_addr *a)
{
	return a->family == r->first.family && ip_addr_cmp(&r->first, a) <= 0 &&
	       ip_addr_cmp(a, &r->last) <= 0;
}

bool ip_range_overlap(const struct ip_range *a, const struct ip_range *b)
{
	return ip_range_contains(a, &b->first) || ip_range_contains(b, &a->first);
}

struct ip_addr ip_addr_next(struct ip_addr a)
{
	for (size_t i = ip_addr_size(&a); i-- > 0;)
		if (++a.b[i])
			break;
	return a;
}

unsigned ip_range_count(const struct ip_range *r, unsigned max)
{
	size_t size = ip_addr_size(&r->first);
	int64_t n = 0;

	/* the difference, from the front: once above max it stays there */
	for (size_t i = 0; i < size && n <= max; i++)
		n = n * 256 + r->last.b[i] - r->first.b[i];
	return n < max ? (unsigned)n + 1 : max;
}

static bool same_nets(const struct ip_prefix *a, unsigned n, const struct ip_prefix *b, unsigned m)
{
	if (n != m)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (a[i].len != b[i].len || !ip_addr_equal(&a[i].addr, &b[i].addr))
			return false;
	return true;
}

static bool same_ports(const struct nat_ports *a, const struct nat_ports *b)
{
	return a->first == b->first && a->last == b->last;
}

static bool same_forward(const struct nat_forward *a, const struct nat_forward *b)
{
	if (a->n_protocols != b->n_protocols)
		return false;
	for (unsigned i = 0; i < a->n_protocols; i++)
		if (a->protocol[i] != b->protocol[i])
			return false;
	return strcmp(a->name, b->name) == 0 && same_ports(&a->port, &b->port) &&
	       ip_addr_equal(&a->address, &b->address) && ip_addr_equal(&a->to.addr, &b->to.addr) &&
	       a->to.port == b->to.port && same_nets(a->from, a->n_from, b->from, b->n_from);
}

bool nat_rules_equal(const struct nat_rules *a, const struct nat_rules *b)
{
	if (a->n_pool != b->n_pool || a->n_forwards != b->n_forwards)
		return false;
	for (unsigned i = 0; i < a->n_pool; i++)
		if (!ip_addr_equal(&a->pool[i].first, &b->pool[i].first) ||
		    !ip_addr_equal(&a->pool[i].last, &b->pool[i].last))
			return false;
	for (unsigned i = 0; i < a->n_forwards; i++)
		if (!same_forward(&a->forward[i], &b->forward[i]))
			return false;
	return same_ports(&a->ports, &b->ports) && a->persistent == b->persistent &&
	       same_nets(a->source, a->n_sources, b->source, b->n_sources) &&
	       a->unsolicited == b->unsolicited && a->mss == b->mss &&
	       a->new_flows == b->new_flows && a->new_flows_burst == b->new_flows_burst &&
	       strcmp(a->file, b->file) == 0 && a->file_hash == b->file_hash;
}
