/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT and filter of a router, as text for libnftables. Pure. */
#include <stdarg.h>
#include <string.h>

#include "hash.h"
#include "ns.h"

struct text {
	char *buf;
	size_t cap, len; /* len counts what did not fit, too */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	size_t left = t->len < t->cap ? t->cap - t->len : 0;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(left ? t->buf + t->len : NULL, left, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
}

/* Without NAT the router only routes: no state is needed to carry on a flow, so none is asked for.
 */
static void put_forward(struct text *t, const struct net_desired *d)
{
	if (d->nat == NET_NAT_NONE)
		return;
	put(t,
	    "\tchain forward {\n"
	    "\t\ttype filter hook forward priority filter; policy accept;\n"
	    /* would leave untranslated, or belongs to a flow whose entry is still on its way */
	    "\t\tct state invalid counter drop\n"
	    "\t\tiifname \"%s\" ct state new counter drop\n"
	    "\t}\n",
	    d->leg[NET_PUBLIC].ifname);
}

/* What the local stack may take on a leg that does not take everything. */
static void put_closed(struct text *t, const struct net_desired *d, enum net_leg_id id)
{
	const char *leg = d->leg[id].ifname;

	put(t, "\t\tiifname \"%s\" ct state established,related accept\n", leg);
	if (!d->closed)
		put(t, "\t\tiifname \"%s\" icmp type echo-request accept\n", leg);
	if (!d->closed && net_wants_ipv6(d))
		put(t, "\t\tiifname \"%s\" icmpv6 type echo-request accept\n", leg);
	put(t, "\t\tiifname \"%s\" counter drop\n", leg);
}

/* A packet of a live flow that this controller does not know must never be answered by the local
 * stack: a RST or an ICMP unreachable kills what a retransmission, some milliseconds later, would
 * have saved. With nf_conntrack_tcp_loose = 0 such TCP is "invalid"; the flags rule says the same
 * without depending on it. Neighbours may always ask who has a VIP. */
static void put_input(struct text *t, const struct net_desired *d)
{
	put(t, "\tchain input {\n"
	       "\t\ttype filter hook input priority filter; policy accept;\n"
	       "\t\tiifname \"lo\" accept\n"
	       "\t\tct state invalid counter drop\n"
	       "\t\ttcp flags & (fin | syn | rst | ack) != syn ct state new counter drop\n");
	if (net_wants_ipv6(d))
		put(t, "\t\ticmpv6 type { mld-listener-query, nd-neighbor-solicit, "
		       "nd-neighbor-advert } accept\n");
	put_closed(t, d, NET_PUBLIC);
	if (d->closed)
		put_closed(t, d, NET_MANAGEMENT);
	put(t, "\t}\n");
}

/* IPv6 has no setting against redirects, and nodes must not be told to bypass the router. */
static void put_output(struct text *t, const struct net_desired *d)
{
	if (net_wants_ipv6(d))
		put(t, "\tchain output {\n"
		       "\t\ttype filter hook output priority filter; policy accept;\n"
		       "\t\ticmpv6 type nd-redirect drop\n"
		       "\t}\n");
}

static void put_nat(struct text *t, const struct net_desired *d)
{
	static const struct {
		int family;
		const char *keyword;
	} row[] = {{AF_INET, "ip"}, {AF_INET6, "ip6"}};
	const char *m = d->leg[NET_MANAGEMENT].ifname, *p = d->leg[NET_PUBLIC].ifname;
	const char *random = d->nat_random ? " fully-random" : "";
	char addr[INET6_ADDRSTRLEN];

	if (d->nat == NET_NAT_NONE)
		return;
	put(t, "\tchain postrouting {\n"
	       "\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	if (d->nat == NET_NAT_MASQUERADE)
		put(t, "\t\tiifname \"%s\" oifname \"%s\" masquerade%s\n", m, p, random);
	for (size_t i = 0; d->nat == NET_NAT_SNAT && i < ARRAY_LEN(row); i++) {
		const struct ip_prefix *vip = ip_prefix_of_family(
			d->leg[NET_PUBLIC].vip, d->leg[NET_PUBLIC].n_vips, row[i].family);

		if (vip)
			put(t, "\t\tiifname \"%s\" oifname \"%s\" snat %s to %s%s\n", m, p,
			    row[i].keyword, ip_addr_format(&vip->addr, addr), random);
	}
	put(t, "\t}\n");
}

/* Such names are refused rather than escaped. */
bool ruleset_takes_name(const char *name)
{
	size_t n = strcspn(name, "*\"\\ \t\n{};#");

	return n > 0 && !name[n];
}

size_t nat_ruleset(char *buf, size_t cap, const struct net_desired *d)
{
	char body[3072], router[NET_NAME_MAX];
	struct text b = {body, sizeof(body), 0}, t = {buf, cap, 0};

	for (unsigned id = 0; id < NET_LEGS; id++)
		if (!ruleset_takes_name(d->leg[id].ifname))
			return 0;
	snprintf(router, sizeof(router), "%s", d->router);
	for (char *c = router; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '_';
	put_forward(&b, d);
	put_input(&b, d);
	put_output(&b, d);
	put_nat(&b, d);
	if (b.len >= sizeof(body))
		return 0;
	put(&t,
	    "add table " NAT_TABLE "\n"
	    "delete table " NAT_TABLE "\n"
	    "table " NAT_TABLE " {\n"
	    "\tcomment \"vrouterd %s %016llx\"\n%s}\n",
	    router, (unsigned long long)hash_text(body), body);
	return t.len;
}

/* nft and we write a line each, two tabs deep, for a rule and for a chain's hook. */
unsigned nat_count_rules(const char *text)
{
	unsigned n = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		n += line[0] == '\t' && line[1] == '\t';
	}
	return n;
}
