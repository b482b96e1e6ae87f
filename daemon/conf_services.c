/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf_services.h"

#include <string.h>

struct look {
	const char *path;
	const struct conf_router *r;
	struct conf_errors *errors;
};

static bool is_vip(const struct conf_router *r, const struct ip_addr *a)
{
	for (unsigned i = 0; i < conf_legs(r); i++)
		if (ip_prefix_any_is(r->leg[i].vip, r->leg[i].n_vips, a))
			return true;
	return false;
}

static const char *upstream_wrong(const struct conf_router *r, const struct ip_addr *list,
				  unsigned i)
{
	if (!ip_addr_is_host(&list[i]))
		return "is no address that a host can have; allowed: servers outside of the router";
	if (ip_addr_is_link_local(&list[i]))
		return "is link-local; allowed: an address that can be reached through a gateway";
	if (is_vip(r, &list[i]))
		return "is a vip of the router, which would ask itself; allowed: servers outside "
		       "of it";
	for (unsigned k = 0; k < i; k++)
		if (ip_addr_equal(&list[k], &list[i]))
			return "is listed twice; allowed: each address once";
	return NULL;
}

static void check_upstreams(const struct look *k, const char *option, int line,
			    const struct ip_addr *list, unsigned n)
{
	char buf[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < n; i++) {
		const char *why = upstream_wrong(k->r, list, i);

		if (why)
			conf_error(k->errors, k->path, line, "router \"%s\": %s: \"%s\" %s",
				   k->r->name, option, ip_addr_format(&list[i], buf), why);
	}
}

static const char *range_wrong(const struct conf_router *r, const struct conf_range *range)
{
	const struct conf_leg *m = &r->leg[NET_MANAGEMENT];
	const struct ip_prefix *net = ip_prefix_around(m->vip, m->n_vips, &range->first);
	struct ip_prefix first = {.addr = range->first}, last = {.addr = range->last};

	if (!net || !ip_prefix_contains(net, &range->last))
		return "is not in the network of a management vip; allowed: addresses of one of "
		       "these networks";
	first.len = last.len = net->len;
	if (!ip_prefix_is_host(&first) || !ip_prefix_is_host(&last))
		return "has the network's first or last address in it; allowed: addresses that "
		       "hosts can have";
	if (ip_addr_cmp(&range->first, &range->last) > 0)
		return "ends before it begins; allowed: FIRST-LAST";
	for (unsigned i = 0; i < m->n_vips; i++)
		if (ip_addr_cmp(&range->first, &m->vip[i].addr) <= 0 &&
		    ip_addr_cmp(&m->vip[i].addr, &range->last) <= 0)
			return "has a management vip in it; allowed: a range without it, and "
			       "without the controllers' addresses";
	return NULL;
}

static void check_range(const struct look *k)
{
	const struct conf_services *s = &k->r->services;
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	const char *why = s->dhcp.first.family ? range_wrong(k->r, &s->dhcp) : NULL;

	if (why)
		conf_error(k->errors, k->path, s->dhcp_line,
			   "router \"%s\": dhcp-range = \"%s-%s\": %s", k->r->name,
			   ip_addr_format(&s->dhcp.first, a), ip_addr_format(&s->dhcp.last, b),
			   why);
}

/* SLAAC (RFC 4862 5.5.3) makes an address of 64 bits of the network and 64 of its own. */
static void check_ra(const struct look *k)
{
	const struct conf_leg *m = &k->r->leg[NET_MANAGEMENT];
	char buf[IP_PREFIX_STRLEN];

	if (!k->r->services.ra)
		return;
	if (!ip_prefix_of_family(m->vip, m->n_vips, AF_INET6))
		conf_error(k->errors, k->path, k->r->services.ra_line,
			   "router \"%s\": router-advertisements: there is no management vip of "
			   "IPv6; allowed: with one",
			   k->r->name);
	for (unsigned i = 0; i < m->n_vips; i++)
		if (m->vip[i].addr.family == AF_INET6 && m->vip[i].len != 64 &&
		    !ip_addr_is_link_local(&m->vip[i].addr))
			conf_error(k->errors, k->path, k->r->services.ra_line,
				   "router \"%s\": router-advertisements: nodes cannot make "
				   "addresses in the network of \"%s\"; allowed: management vips "
				   "with a prefix length of 64",
				   k->r->name, ip_prefix_format(&m->vip[i], buf));
}

void conf_services_check(const char *path, const struct conf_router *r, struct conf_errors *errors)
{
	const struct look k = {path, r, errors};
	const struct conf_services *s = &r->services;

	check_upstreams(&k, "dns-servers", s->dns_line, s->dns, s->n_dns);
	check_upstreams(&k, "ntp-servers", s->ntp_line, s->ntp, s->n_ntp);
	check_range(&k);
	check_ra(&k);
	for (unsigned i = 0; i < SERVICE_IDS && !r->election.accept; i++)
		if (service_is_wanted(r, (enum service_id)i))
			conf_error(errors, path, r->election.accept_line,
				   "router \"%s\": election: accept = false: the VIPs take nothing "
				   "for themselves, so %s cannot serve there; allowed: accept = "
				   "true, or without these options",
				   r->name, service_options((enum service_id)i));
}

static bool same_list(const struct ip_addr *a, unsigned n, const struct ip_addr *b, unsigned m)
{
	for (unsigned i = 0; n == m && i < n; i++)
		if (!ip_addr_equal(&a[i], &b[i]))
			return false;
	return n == m;
}

bool conf_services_same(const struct conf_services *a, const struct conf_services *b)
{
	return same_list(a->dns, a->n_dns, b->dns, b->n_dns) &&
	       same_list(a->ntp, a->n_ntp, b->ntp, b->n_ntp) &&
	       ip_addr_equal(&a->dhcp.first, &b->dhcp.first) &&
	       ip_addr_equal(&a->dhcp.last, &b->dhcp.last) && a->lease_s == b->lease_s &&
	       a->ra == b->ra;
}

bool service_is_wanted(const struct conf_router *r, enum service_id id)
{
	switch (id) {
	case SERVICE_DNS:
		return r->services.n_dns != 0;
	case SERVICE_NTP:
		return r->services.n_ntp != 0;
	case SERVICE_DHCP:
		return r->services.dhcp.first.family || r->services.ra;
	case SERVICE_IDS:
		break;
	}
	return false;
}

const char *service_options(enum service_id id)
{
	static const char *const text[SERVICE_IDS] = {
		[SERVICE_DNS] = "dns-servers",
		[SERVICE_NTP] = "ntp-servers",
		[SERVICE_DHCP] = "dhcp-range or router-advertisements"};

	return text[id];
}
