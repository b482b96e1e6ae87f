/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translation: port forwards on the way in, the pool of addresses on the way out. Pure. */
#include "ruleset.h"

#include <string.h>

static const int families[] = {AF_INET, AF_INET6};
static const char *const protocol_name[] = {[NAT_TCP] = "tcp", [NAT_UDP] = "udp"};

static void put_addr(struct text *t, const struct ip_addr *a, bool bracket)
{
	char buf[INET6_ADDRSTRLEN];

	ip_addr_format(a, buf);
	put(t, bracket && a->family == AF_INET6 ? "[%s]" : "%s", buf);
}

/* ---- on the way in ---------------------------------------------------------------------------
 */

static void put_protocols(struct text *t, const struct nat_forward *f)
{
	put(t, "{ ");
	for (unsigned i = 0; i < f->n_protocols; i++)
		put(t, "%s%s", i ? ", " : "", protocol_name[f->protocol[i]]);
	put(t, " }");
}

void put_forward_match(struct text *t, const struct net_desired *d, const struct nat_forward *f,
		       const char *protocols)
{
	int family = f->to.addr.family;
	const struct ip_prefix *vip = ruleset_vip(d, NET_PUBLIC, family);
	const struct ip_addr *at = f->address.family || !vip ? &f->address : &vip->addr;
	char addr[INET6_ADDRSTRLEN];

	put_nets(t, "saddr", f->from, f->n_from, family);
	put(t, "%s daddr %s meta l4proto ", ip_keyword(family), ip_addr_format(at, addr));
	if (protocols)
		put(t, "%s", protocols);
	else
		put_protocols(t, f);
	put(t, " th dport %u", f->port.first);
	if (f->port.last != f->port.first)
		put(t, "-%u", f->port.last);
}

static void put_forward_rule(struct text *t, const struct net_desired *d,
			     const struct nat_forward *f)
{
	int family = f->to.addr.family;

	put(t, "\t\t");
	put_forward_match(t, d, f, NULL);
	put(t, " counter name \"forward.%s\" dnat %s to ", f->name, ip_keyword(family));
	put_addr(t, &f->to.addr, f->to.port);
	if (f->to.port)
		put(t, ":%u", f->to.port);
	put(t, "\n");
}

void put_prerouting(struct text *t, const struct net_desired *d)
{
	if (!d->rules.n_forwards)
		return;
	put(t, "\tchain prerouting {\n"
	       "\t\ttype nat hook prerouting priority dstnat; policy accept;\n");
	for (unsigned i = 0; i < d->rules.n_forwards; i++)
		put_forward_rule(t, d, &d->rules.forward[i]);
	put(t, "\t}\n");
}

/* ---- on the way out --------------------------------------------------------------------------
 */

/* Ranges share the sources by their sizes, by a hash that is the same on every router. */
#define SHARE_MAX 65536

void put_flags(struct text *t, const struct net_desired *d)
{
	bool persistent = d->rules.persistent && d->nat == NET_NAT_SNAT;

	if (d->nat_random || persistent)
		put(t, " %s%s%s", d->nat_random ? "fully-random" : "",
		    d->nat_random && persistent ? "," : "", persistent ? "persistent" : "");
	put(t, "\n");
}

void put_ports_match(struct text *t)
{
	put(t, "meta l4proto { tcp, udp, udplite, dccp, sctp } ");
}

/* bracket: ports follow */
static void put_range(struct text *t, const struct ip_range *r, bool bracket)
{
	put_addr(t, &r->first, bracket);
	if (ip_addr_equal(&r->first, &r->last))
		return;
	put(t, "-");
	put_addr(t, &r->last, bracket);
}

void put_out(struct text *t, const struct way *w)
{
	put(t, "\t\tiifname \"%s\" oifname \"%s\" ", w->d->leg[w->in].ifname,
	    w->d->leg[w->out].ifname);
}

void put_snat(struct text *t, const struct way *w, const struct ip_range *r, const char *match)
{
	const struct nat_ports *ports = &w->d->rules.ports;
	const char *ip = ip_keyword(r->first.family);

	if (ports->first) {
		put_out(t, w);
		put(t, "%s", match);
		put_ports_match(t);
		put(t, "snat %s to ", ip);
		put_range(t, r, true);
		put(t, ":%u-%u", ports->first, ports->last);
		put_flags(t, w->d);
	}
	put_out(t, w);
	put(t, "%ssnat %s to ", match, ip);
	put_range(t, r, false);
	put_flags(t, w->d);
}

static unsigned weight(const struct net_desired *d, unsigned i, int family)
{
	const struct ip_range *r = &d->rules.pool[i];

	return r->first.family == family ? ip_range_count(r, SHARE_MAX) : 0;
}

/* The last range takes what is left: all, if it is the only one. The pool is the public leg's;
 * another one has its VIP. */
static void put_pool(struct text *t, const struct way *w, int family)
{
	const struct net_desired *d = w->d;
	unsigned sum = 0, before = 0;

	for (unsigned i = 0; w->out == NET_PUBLIC && i < d->rules.n_pool; i++)
		sum += weight(d, i, family);
	for (unsigned i = 0; sum && i < d->rules.n_pool; i++) {
		unsigned part = weight(d, i, family);
		char share[64] = "";

		if (!part)
			continue;
		if (before + part < sum)
			snprintf(share, sizeof(share), "jhash %s saddr mod %u seed 0x1 %u-%u ",
				 ip_keyword(family), sum, before, before + part - 1);
		put_snat(t, w, &d->rules.pool[i], share);
		before += part;
	}
	if (!sum) {
		const struct ip_prefix *vip = ruleset_vip(d, w->out, family);

		if (vip)
			put_snat(t, w, &(struct ip_range){vip->addr, vip->addr}, "");
	}
}

static void put_way(struct text *t, const struct way *w)
{
	if (w->d->nat == NET_NAT_MASQUERADE)
		put_masquerade(t, w);
	for (size_t i = 0; w->d->nat == NET_NAT_SNAT && i < ARRAY_LEN(families); i++)
		put_pool(t, w, families[i]);
}

/* A node that uses a forward from inside: the answer has to come back to us, or the two would speak
 * to each other past the translation. */
static void put_hairpin(struct text *t, const struct net_desired *d, unsigned id, int family)
{
	const struct ip_prefix *vip = ruleset_vip(d, id, family);
	const char *m = d->leg[id].ifname;
	char addr[INET6_ADDRSTRLEN];
	bool any = false;

	for (unsigned i = 0; i < d->rules.n_forwards; i++)
		any = any || d->rules.forward[i].to.addr.family == family;
	if (any && vip)
		put(t, "\t\tiifname \"%s\" oifname \"%s\" ct status dnat snat %s to %s%s\n", m, m,
		    ip_keyword(family), ip_addr_format(&vip->addr, addr),
		    d->nat_random ? " fully-random" : "");
}

void put_postrouting(struct text *t, const struct net_desired *d)
{
	if (d->nat == NET_NAT_NONE && !d->rules.n_forwards)
		return;
	put(t, "\tchain postrouting {\n"
	       "\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	for (unsigned in = 0; in < net_legs(d); in++) {
		if (net_is_outside(d, in))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(families); i++)
			put_hairpin(t, d, in, families[i]);
		for (unsigned out = 0; out < net_legs(d); out++)
			if (net_is_outside(d, out))
				put_way(t, &(struct way){d, in, out});
	}
	put(t, "\t}\n");
}

/* What comes for such an address and was not translated back is nobody's; routed it would go where
 * it came from, and come again. */
void put_routed_pool(struct text *t, const struct net_desired *d)
{
	const struct net_leg *p = &d->leg[NET_PUBLIC];

	for (unsigned i = 0; d->nat == NET_NAT_SNAT && i < d->rules.n_pool; i++) {
		const struct ip_range *r = &d->rules.pool[i];

		if (ip_prefix_any_is(p->vip, p->n_vips, &r->first))
			continue;
		put(t, "\t\t%s daddr ", ip_keyword(r->first.family));
		put_range(t, r, false);
		put(t, " ");
		put_drop(t, NAT_DROP_UNSOLICITED);
	}
}
