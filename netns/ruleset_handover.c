/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a planned change of the ACTIVE, in tables of their own that live for its moment. See
 * handover.c. Pure. */
#include "ruleset.h"

static bool names_are_fine(const struct net_desired *d)
{
	for (unsigned id = 0; id < net_legs(d); id++)
		if (!ruleset_takes_name(d->leg[id].ifname))
			return false;
	return true;
}

/* In the place of what there is of it. */
static void put_table(struct text *t, const char *family, const char *name)
{
	put(t, "add table %s %s\ndelete table %s %s\ntable %s %s {\n", family, name, family, name,
	    family, name);
}

static void put_legs(struct text *t, const struct net_desired *d)
{
	for (unsigned id = 0; id < net_legs(d); id++)
		put(t, "%s\"%s\"", id ? ", " : "{ ", d->leg[id].ifname);
	put(t, " }");
}

static void put_silence(struct text *t, const struct net_desired *d, const char *family,
			const char *what)
{
	put_table(t, family, HANDOVER_SILENCE);
	put(t, "\tchain input {\n"
	       "\t\ttype filter hook input priority filter; policy accept;\n"
	       "\t\tiifname ");
	put_legs(t, d);
	put(t,
	    " %scounter drop\n"
	    "\t}\n"
	    "\tchain output {\n"
	    "\t\ttype filter hook output priority filter; policy accept;\n"
	    "\t\toifname ",
	    what);
	put_legs(t, d);
	put(t,
	    " %scounter drop\n"
	    "\t}\n"
	    "}\n",
	    what);
}

/* Requests teach like answers do: the kernel asks from a VIP. */
size_t handover_silence_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	struct text t = {buf, cap, 0};

	if (!names_are_fine(d))
		return 0;
	put_silence(&t, d, "arp", "");
	if (net_wants_ipv6(d))
		put_silence(&t, d, "ip6",
			    "icmpv6 type { nd-router-solicit, nd-router-advert, "
			    "nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ");
	return t.len;
}

/* A new flow to a port forward is taken, too: whoever makes its entry, it is the same one. */
static void put_forwards(struct text *t, const struct net_desired *d, int family)
{
	for (unsigned i = 0; i < d->rules.n_forwards; i++) {
		const struct nat_forward *f = &d->rules.forward[i];

		for (unsigned k = 0; f->to.addr.family == family && k < f->n_protocols; k++) {
			if (f->protocol[k] != NAT_UDP)
				continue;
			put(t, "\t\tiifname \"%s\" ct state new ", d->leg[NET_PUBLIC].ifname);
			put_forward_match(t, d, f, "udp");
			put(t, " accept\n");
		}
	}
}

static void put_return(struct text *t, const struct net_desired *d, int family, const char *icmp,
		       const char *to)
{
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;

	put_table(t, ip_keyword(family), HANDOVER_RETURN);
	put(t,
	    "\tchain prerouting {\n"
	    "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
	    "\t\tiifname \"%s\" ct state invalid counter dup to %s device \"%s\" drop\n"
	    "\t\tiifname \"%s\" ct state invalid counter dup to %s device \"%s\" drop\n",
	    m, to, m, p, to, p);
	put_forwards(t, d, family);
	put(t,
	    "\t\tiifname \"%s\" meta l4proto != { tcp, %s } ct state new counter dup to %s "
	    "device \"%s\" drop\n"
	    "\t}\n"
	    "}\n",
	    p, icmp, to, p);
}

/* What belongs to no flow that is here, or does not fit its state here. From inside a new flow is
 * taken; from outside there is none, but for pings to the VIP, what TCP would refuse anyway, and
 * forwards. */
size_t handover_return_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	struct text t = {buf, cap, 0};

	if (!names_are_fine(d))
		return 0;
	put_return(&t, d, AF_INET, "icmp", HANDOVER_RETURN_V4);
	if (net_wants_ipv6(d))
		put_return(&t, d, AF_INET6, "ipv6-icmp", HANDOVER_RETURN_V6);
	return t.len;
}
