/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a planned change of the ACTIVE, in tables of their own that live for its moment. See
 * handover.c. Pure. */
#include "ns.h"

#include <stdio.h>

#define REPLACE(table) "add table " table "\ndelete table " table "\ntable " table " {\n"

static bool names_are_fine(const struct net_desired *d)
{
	for (unsigned id = 0; id < NET_LEGS; id++)
		if (!ruleset_takes_name(d->leg[id].ifname))
			return false;
	return true;
}

static size_t length(int n)
{
	return n > 0 ? (size_t)n : 0;
}

/* Requests teach like answers do: the kernel asks from a VIP. */
size_t handover_silence_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;

	if (!names_are_fine(d))
		return 0;
	return length(snprintf(
		buf, cap,
		REPLACE(HANDOVER_SILENCE_TABLE) "\tchain input {\n"
						"\t\ttype filter hook input priority filter; "
						"policy accept;\n"
						"\t\tiifname { \"%s\", \"%s\" } counter drop\n"
						"\t}\n"
						"\tchain output {\n"
						"\t\ttype filter hook output priority filter; "
						"policy accept;\n"
						"\t\toifname { \"%s\", \"%s\" } counter drop\n"
						"\t}\n"
						"}\n",
		m, p, m, p));
}

/* What belongs to no flow that is here, or does not fit its state here. From inside a new flow is
 * taken; from outside there is none, but for pings to the VIP and what TCP would refuse anyway. */
size_t handover_return_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;

	if (!names_are_fine(d))
		return 0;
	return length(snprintf(
		buf, cap,
		REPLACE(HANDOVER_RETURN_TABLE) "\tchain prerouting {\n"
					       "\t\ttype filter hook prerouting priority mangle; "
					       "policy accept;\n"
					       "\t\tiifname \"%s\" ct state invalid counter dup "
					       "to " HANDOVER_RETURN_ADDR " device \"%s\" drop\n"
					       "\t\tiifname \"%s\" ct state invalid counter dup "
					       "to " HANDOVER_RETURN_ADDR " device \"%s\" drop\n"
					       "\t\tiifname \"%s\" meta l4proto != { tcp, icmp } "
					       "ct state new counter dup to " HANDOVER_RETURN_ADDR
					       " device \"%s\" drop\n"
					       "\t}\n"
					       "}\n",
		m, m, p, p, p, p));
}
