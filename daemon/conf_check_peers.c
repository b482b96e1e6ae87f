/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an election's unicast peers fit together. Which of them is this controller itself is not
 * known here: see vrrp_ends_choose(). */
#include "conf_check.h"

static bool is_vip(const struct conf_router *r, const struct ip_addr *a)
{
	for (unsigned i = 0; i < conf_legs(r); i++)
		if (ip_prefix_any_is(r->leg[i].vip, r->leg[i].n_vips, a))
			return true;
	return false;
}

static bool is_twice(const struct vrrp_peers *p, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (ip_addr_equal(&p->addr[j], &p->addr[i]))
			return true;
	return false;
}

static const char *peer_wrong(const struct conf_router *r, unsigned i)
{
	const struct ip_addr *a = &r->election.peers.addr[i];

	if (!ip_addr_is_host(a))
		return "is no address that a host can have; allowed: the controllers' addresses";
	if (a->family != (r->election.ipv6 ? AF_INET6 : AF_INET))
		return "is of another IP version than family; allowed: one version for both";
	if (ip_addr_is_link_local(a) != ip_addr_is_link_local(&r->election.peers.addr[0]))
		return "is link-local, or is not, other than the first; allowed: all or none";
	if (is_vip(r, a))
		return "is a vip of the router; allowed: the controllers' own addresses";
	return is_twice(&r->election.peers, i) ? "is listed twice; allowed: each address once"
					       : NULL;
}

void conf_check_election_peers(const struct conf *c, const struct conf_router *r,
			       struct conf_errors *errors)
{
	char buf[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < r->election.peers.n; i++) {
		const char *why = peer_wrong(r, i);

		if (why)
			conf_error(errors, c->path, r->election.peers_line,
				   "router \"%s\": election: peers: \"%s\" %s", r->name,
				   ip_addr_format(&r->election.peers.addr[i], buf), why);
	}
}
