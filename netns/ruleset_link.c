/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host link, as rules: the router's side of it in the router's table, the controller's in
 * tables of its own. Pure.
 *
 * Each side alone keeps wrong sources off the wire. Inside, nothing but the router's own, from its
 * own address, leaves by the link, and that address leaves by nothing else. Outside, what comes
 * from a link with another source is dropped, and so is what would leave the controller with that
 * source. And should the controller's rules be gone for a moment (somebody flushes them), what
 * comes from a link ends there: it comes with a TTL that does not suffice for another hop, and it
 * is these rules that raise it. */
#include "ruleset.h"

#include <string.h>

static const int families[NET_FAMILIES] = {[NET_V4] = AF_INET, [NET_V6] = AF_INET6};

#define ND "nd-neighbor-solicit, nd-neighbor-advert"

static const struct ip_prefix *own(const struct net_desired *d, int family)
{
	return ruleset_vip(d, NET_HOST_LINK, family);
}

static const char *name_of(const struct net_desired *d)
{
	return d->leg[NET_HOST_LINK].ifname;
}

/* ---- inside -----------------------------------------------------------------------------------
 */

/* Nothing passes through the link, whatever the routes say. Without a word: in the moments of a
 * promotion this is where a packet vanishes, to be sent again. */
void put_link_forward(struct text *t, const struct net_desired *d)
{
	if (!net_wants_link(d))
		return;
	put(t, "\t\tiifname \"%s\" ", name_of(d));
	put_drop(t, NAT_DROP_HOST_LINK);
	put(t, "\t\toifname \"%s\" ", name_of(d));
	put_drop(t, NAT_DROP_HOST_LINK);
}

/* Answers, and pings of the controller's. The address is nobody else's to speak to. */
void put_link_input(struct text *t, const struct net_desired *d)
{
	char addr[INET6_ADDRSTRLEN];

	if (!net_wants_link(d))
		return;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct ip_prefix *p = own(d, families[i]);

		if (!p)
			continue;
		if (families[i] == AF_INET6)
			put(t, "\t\tiifname \"%s\" icmpv6 type { " ND ", echo-request } accept\n",
			    name_of(d));
		else
			put(t, "\t\tiifname \"%s\" icmp type echo-request accept\n", name_of(d));
		put(t, "\t\tiifname != \"%s\" %s daddr %s ", name_of(d), ip_keyword(families[i]),
		    ip_addr_format(&p->addr, addr));
		put_drop(t, NAT_DROP_HOST_LINK);
	}
	put(t, "\t\tiifname \"%s\" ct state established,related accept\n\t\tiifname \"%s\" ",
	    name_of(d), name_of(d));
	put_drop(t, NAT_DROP_INPUT_REFUSED);
}

static void put_link_family(struct text *t, const struct net_desired *d, int family)
{
	const struct ip_prefix *p = own(d, family);
	const char *ip = ip_keyword(family), *link = name_of(d);
	char addr[INET6_ADDRSTRLEN];

	if (!p) {
		put(t, "\t\toifname \"%s\" meta nfproto %s ", link,
		    family == AF_INET ? "ipv4" : "ipv6");
		put_drop(t, NAT_DROP_HOST_LINK);
		return;
	}
	ip_addr_format(&p->addr, addr);
	put(t, "\t\toifname != { \"lo\", \"%s\" } %s saddr %s ", link, ip, addr);
	put_drop(t, NAT_DROP_HOST_LINK);
	put(t, "\t\toifname \"%s\" %s saddr != %s ", link, ip, addr);
	put_drop(t, NAT_DROP_HOST_LINK);
}

/* What the kernel itself says about a node's packet (ICMP errors) is not the router's own. */
void put_link_output(struct text *t, const struct net_desired *d)
{
	const char *link = name_of(d);

	if (!net_wants_link(d))
		return;
	if (own(d, AF_INET6))
		put(t, "\t\toifname \"%s\" icmpv6 type { " ND " } accept\n", link);
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		put_link_family(t, d, families[i]);
	put(t, "\t\toifname \"%s\" ct state != { new, established } ", link);
	put_drop(t, NAT_DROP_HOST_LINK);
	put(t, "\t\toifname \"%s\" ip ttl set %u\n\t\toifname \"%s\" ip6 hoplimit set %u\n", link,
	    HOST_LINK_TTL, link, HOST_LINK_TTL);
}

/* ---- the controller's side ---------------------------------------------------------------------
 */

void host_link_of(struct host_link *out, const struct net_desired *d)
{
	*out = (struct host_link){.ifname = ""};
	if (!net_wants_link(d))
		return;
	snprintf(out->ifname, sizeof(out->ifname), "%s", d->leg[NET_HOST_LINK].hostname);
	for (unsigned f = 0; f < NET_FAMILIES; f++) {
		const struct ip_prefix *p = own(d, families[f]);

		out->end[f] = d->link_end[f].addr;
		if (p)
			out->router[f] = p->addr;
	}
}

struct all {
	const struct host_link *list;
	unsigned n;
	enum net_family f;
};

static bool has_family(const struct all *a, unsigned i)
{
	return a->list[i].router[a->f].family != 0;
}

enum what { NAMES, PAIRS, ROUTERS, ENDS };

static void put_element(struct text *t, const struct all *a, unsigned i, enum what what)
{
	const struct host_link *l = &a->list[i];
	char addr[INET6_ADDRSTRLEN];

	if (what == NAMES || what == PAIRS)
		put(t, "\"%s\"", l->ifname);
	if (what == PAIRS)
		put(t, " . ");
	if (what != NAMES)
		put(t, "%s", ip_addr_format(what == ENDS ? &l->end[a->f] : &l->router[a->f], addr));
}

/* links has all of them, also those without an address of this IP version. */
static void put_set(struct text *t, const struct all *a, const char *name, const char *type,
		    enum what what)
{
	unsigned n = 0;

	put(t, "\tset %s {\n\t\ttype %s\n", name, type);
	for (unsigned i = 0; i < a->n; i++) {
		if (what != NAMES && !has_family(a, i))
			continue;
		put(t, "%s", n++ ? ", " : "\t\telements = { ");
		put_element(t, a, i, what);
	}
	put(t, "%s\t}\n", n ? " }\n" : "");
}

static void put_sets(struct text *t, const struct all *a)
{
	const char *type = a->f == NET_V6 ? "ipv6_addr" : "ipv4_addr";
	char pair[32];

	snprintf(pair, sizeof(pair), "ifname . %s", type);
	put_set(t, a, "links", "ifname", NAMES);
	put_set(t, a, "may_enter", pair, PAIRS);
	put_set(t, a, "routers", type, ROUTERS);
	put_set(t, a, "ends", type, ENDS);
}

/* An answer comes in on whatever interface of the controller's, which need not forward: it is
 * passed to the link by "dup", with the address that conntrack has put back a moment before. */
static void put_chains(struct text *t, const struct all *a)
{
	const char *ip = ip_keyword(a->f == NET_V6 ? AF_INET6 : AF_INET);

	put(t, "\tcounter wrong_source {\n\t}\n"
	       "\tcounter refused {\n\t}\n"
	       "\tchain from_link {\n"
	       "\t\ttype filter hook prerouting priority raw; policy accept;\n"
	       "\t\tiifname != @links accept\n");
	if (a->f == NET_V6)
		put(t, "\t\ticmpv6 type { " ND " } accept\n");
	put(t,
	    "\t\tiifname . %s saddr != @may_enter counter name \"wrong_source\" drop\n"
	    "\t\t%s set 64\n"
	    "\t}\n"
	    "\tchain to_link {\n"
	    "\t\ttype filter hook prerouting priority dstnat + 10; policy accept;\n"
	    "\t\tiifname \"lo\" accept\n"
	    "\t\tiifname @links %s daddr @routers counter name \"refused\" drop\n"
	    "\t\tiifname @links accept\n"
	    "\t\t%s daddr @routers ct state established,related dup to %s daddr drop\n"
	    "\t\t%s daddr @routers counter name \"refused\" drop\n"
	    "\t\t%s daddr @ends counter name \"refused\" drop\n"
	    "\t}\n"
	    "\tchain translate {\n"
	    "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
	    "\t\toifname != @links %s saddr @routers masquerade\n"
	    "\t}\n"
	    "\tchain leaving {\n"
	    "\t\ttype filter hook postrouting priority srcnat + 10; policy accept;\n"
	    "\t\toifname != @links %s saddr @routers counter name \"wrong_source\" drop\n"
	    "\t}\n",
	    ip, a->f == NET_V6 ? "ip6 hoplimit" : "ip ttl", ip, ip, ip, ip, ip, ip, ip);
}

size_t host_nat_ruleset(char *buf, size_t cap, const struct host_link *list, unsigned n)
{
	struct text t = {buf, cap, 0};

	for (unsigned f = 0; f < NET_FAMILIES; f++) {
		const struct all a = {list, n, (enum net_family)f};
		const char *ip = ip_keyword(families[f]);

		put(&t, "add table %s " HOST_TABLE "\ndelete table %s " HOST_TABLE "\n", ip, ip);
		if (!n)
			continue;
		put(&t, "table %s " HOST_TABLE " {\n", ip);
		put_sets(&t, &a);
		put_chains(&t, &a);
		put(&t, "}\n");
	}
	return t.len;
}
