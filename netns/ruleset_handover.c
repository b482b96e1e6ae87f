/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a planned change of the ACTIVE, in tables of their own that live for its moment. See
 * handover.c. Pure. */
#include "ns.h"

#include <stdarg.h>
#include <stdio.h>

static bool names_are_fine(const struct net_desired *d)
{
	for (unsigned id = 0; id < NET_LEGS; id++)
		if (!ruleset_takes_name(d->leg[id].ifname))
			return false;
	return true;
}

/* A table in the place of what there is of it. Returns the length of all so far; what does not fit
 * is counted, too. */
__attribute__((format(printf, 4, 5))) static size_t put(char *buf, size_t cap, size_t len,
							const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(len < cap ? buf + len : NULL, len < cap ? cap - len : 0, fmt, ap);
	va_end(ap);
	return n > 0 ? len + (size_t)n : len;
}

static size_t put_silence(char *buf, size_t cap, size_t len, const struct net_desired *d,
			  const char *family, const char *what)
{
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;

	return put(buf, cap, len,
		   "add table %s " HANDOVER_SILENCE "\ndelete table %s " HANDOVER_SILENCE "\n"
		   "table %s " HANDOVER_SILENCE " {\n"
		   "\tchain input {\n"
		   "\t\ttype filter hook input priority filter; policy accept;\n"
		   "\t\tiifname { \"%s\", \"%s\" } %scounter drop\n"
		   "\t}\n"
		   "\tchain output {\n"
		   "\t\ttype filter hook output priority filter; policy accept;\n"
		   "\t\toifname { \"%s\", \"%s\" } %scounter drop\n"
		   "\t}\n"
		   "}\n",
		   family, family, family, m, p, what, m, p, what);
}

/* Requests teach like answers do: the kernel asks from a VIP. */
size_t handover_silence_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	size_t len;

	if (!names_are_fine(d))
		return 0;
	len = put_silence(buf, cap, 0, d, "arp", "");
	if (net_wants_ipv6(d))
		len = put_silence(buf, cap, len, d, "ip6",
				  "icmpv6 type { nd-router-solicit, nd-router-advert, "
				  "nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ");
	return len;
}

static size_t put_return(char *buf, size_t cap, size_t len, const struct net_desired *d,
			 const char *family, const char *icmp, const char *to)
{
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;

	return put(buf, cap, len,
		   "add table %s " HANDOVER_RETURN "\ndelete table %s " HANDOVER_RETURN "\n"
		   "table %s " HANDOVER_RETURN " {\n"
		   "\tchain prerouting {\n"
		   "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
		   "\t\tiifname \"%s\" ct state invalid counter dup to %s device \"%s\" drop\n"
		   "\t\tiifname \"%s\" ct state invalid counter dup to %s device \"%s\" drop\n"
		   "\t\tiifname \"%s\" meta l4proto != { tcp, %s } ct state new counter dup to %s "
		   "device \"%s\" drop\n"
		   "\t}\n"
		   "}\n",
		   family, family, family, m, to, m, p, to, p, p, icmp, to, p);
}

/* What belongs to no flow that is here, or does not fit its state here. From inside a new flow is
 * taken; from outside there is none, but for pings to the VIP and what TCP would refuse anyway. */
size_t handover_return_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	size_t len;

	if (!names_are_fine(d))
		return 0;
	len = put_return(buf, cap, 0, d, "ip", "icmp", HANDOVER_RETURN_V4);
	if (net_wants_ipv6(d))
		len = put_return(buf, cap, len, d, "ip6", "ipv6-icmp", HANDOVER_RETURN_V6);
	return len;
}
