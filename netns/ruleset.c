/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT and filter of a router, as text for libnftables. Pure. */
#include "ruleset.h"

#include <stdarg.h>
#include <string.h>

#include "hash.h"

void put(struct text *t, const char *fmt, ...)
{
	size_t left = t->len < t->cap ? t->cap - t->len : 0;
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(left ? t->buf + t->len : NULL, left, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n;
}

void put_drop(struct text *t, enum nat_drop why)
{
	put(t, "counter name \"%s\" drop\n", nat_drop_name(why));
}

unsigned put_nets(struct text *t, const char *before, const struct ip_prefix *net, unsigned n,
		  int family)
{
	char buf[IP_PREFIX_STRLEN];
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		if (net[i].addr.family != family)
			continue;
		if (!found++)
			put(t, "%s %s {", ip_keyword(family), before);
		put(t, "%s %s", found > 1 ? "," : "", ip_prefix_format(&net[i], buf));
	}
	if (found)
		put(t, " } ");
	return found;
}

const struct ip_prefix *ruleset_vip(const struct net_desired *d, unsigned leg, int family)
{
	return ip_prefix_of_family(d->leg[leg].vip, d->leg[leg].n_vips, family);
}

/* ---- what is passed on -------------------------------------------------------------------------
 */

static bool drops_unsolicited(const struct net_desired *d)
{
	return d->rules.unsolicited == NAT_UNSOLICITED_DROP ||
	       (d->rules.unsolicited == NAT_UNSOLICITED_AUTO && d->nat != NET_NAT_NONE);
}

/* A forward is an address of the public leg's. */
static void put_unsolicited(struct text *t, const struct net_desired *d)
{
	for (unsigned id = 0; id < net_legs(d); id++) {
		if (!net_is_outside(d, id))
			continue;
		put(t, "\t\tiifname \"%s\" ct state new %s", d->leg[id].ifname,
		    id == NET_PUBLIC && d->rules.n_forwards ? "ct status & dnat == 0 " : "");
		put_drop(t, NAT_DROP_UNSOLICITED);
	}
}

/* Who may use the router from there. Flows that are under way go on. */
static void put_sources_of(struct text *t, const struct net_desired *d, unsigned id)
{
	static const struct {
		int family;
		const char *all;
	} row[] = {{AF_INET, "meta nfproto ipv4 "}, {AF_INET6, "meta nfproto ipv6 "}};

	for (size_t i = 0; d->rules.n_sources && i < ARRAY_LEN(row); i++) {
		put(t, "\t\tiifname \"%s\" ct state new ", d->leg[id].ifname);
		if (!put_nets(t, "saddr !=", d->rules.source, d->rules.n_sources, row[i].family))
			put(t, "%s", row[i].all);
		put_drop(t, NAT_DROP_SOURCE);
	}
}

static void put_sources(struct text *t, const struct net_desired *d)
{
	for (unsigned id = 0; id < net_legs(d); id++)
		if (!net_is_outside(d, id))
			put_sources_of(t, d, id);
}

/* A flow's first packet is the one whose entry is not in the table yet; all that come before the
 * answer are "new". */
static void put_limit(struct text *t, const struct net_desired *d)
{
	static const int family[] = {AF_INET, AF_INET6};

	for (size_t i = 0; d->rules.new_flows && i < ARRAY_LEN(family); i++) {
		if (family[i] == AF_INET6 && !net_wants_ipv6(d))
			continue;
		put(t,
		    "\t\tct state new ct status & confirmed == 0 update @new_%s { %s saddr limit "
		    "rate over %u/second burst %u packets } ",
		    ip_keyword(family[i]), ip_keyword(family[i]), d->rules.new_flows,
		    d->rules.new_flows_burst);
		put_drop(t, NAT_DROP_NEW_FLOWS);
	}
}

/* Who has not opened a flow for long enough to have all of its burst again is forgotten. When the
 * set is full, others are not limited. */
static void put_limit_sets(struct text *t, const struct net_desired *d)
{
	unsigned timeout =
		d->rules.new_flows ? d->rules.new_flows_burst / d->rules.new_flows + 2 : 0;

	if (!timeout)
		return;
	put(t,
	    "\tset new_ip {\n\t\ttype ipv4_addr\n\t\tsize %u\n\t\tflags dynamic,timeout\n"
	    "\t\ttimeout %us\n\t}\n",
	    NAT_SET_SIZE, timeout);
	if (net_wants_ipv6(d))
		put(t,
		    "\tset new_ip6 {\n\t\ttype ipv6_addr\n\t\tsize %u\n\t\tflags "
		    "dynamic,timeout\n\t\ttimeout %us\n\t}\n",
		    NAT_SET_SIZE, timeout);
}

/* "rt mtu" is what the smaller one of both directions' routes leaves for a segment. A size that is
 * smaller already stays. */
static void put_mss(struct text *t, const struct net_desired *d)
{
	if (d->rules.mss == NAT_MSS_PATH)
		put(t, "\t\ttcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n");
	else if (d->rules.mss)
		put(t, "\t\ttcp flags & (syn | rst) == syn tcp option maxseg size set %u\n",
		    d->rules.mss);
}

/* Without NAT the router only routes: no state is needed to carry on a flow, so none is asked for,
 * unless an option needs it. */
static void put_forward(struct text *t, const struct net_desired *d)
{
	const struct nat_rules *r = &d->rules;
	bool shut = drops_unsolicited(d);

	if (d->nat == NET_NAT_NONE && !shut && !r->n_sources && !r->mss && !r->new_flows &&
	    !net_wants_link(d))
		return;
	put(t, "\tchain forward {\n"
	       "\t\ttype filter hook forward priority filter; policy accept;\n");
	put_link_forward(t, d);
	if (d->nat != NET_NAT_NONE || shut) {
		/* would leave untranslated, or belongs to a flow whose entry is still on its way */
		put(t, "\t\tct state invalid ");
		put_drop(t, NAT_DROP_INVALID);
	}
	put_routed_pool(t, d);
	if (shut)
		put_unsolicited(t, d);
	put_sources(t, d);
	put_limit(t, d);
	put_mss(t, d);
	put(t, "\t}\n");
}

/* ---- what is for the router itself -------------------------------------------------------------
 */

/* What the local stack may take on a leg that does not take everything. */
static void put_closed(struct text *t, const struct net_desired *d, unsigned id)
{
	const char *leg = d->leg[id].ifname;

	put(t, "\t\tiifname \"%s\" ct state established,related accept\n", leg);
	if (!d->closed)
		put(t, "\t\tiifname \"%s\" icmp type echo-request accept\n", leg);
	if (!d->closed && net_wants_ipv6(d))
		put(t, "\t\tiifname \"%s\" icmpv6 type echo-request accept\n", leg);
	put(t, "\t\tiifname \"%s\" ", leg);
	put_drop(t, NAT_DROP_INPUT_REFUSED);
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
	       "\t\tct state invalid ");
	put_drop(t, NAT_DROP_INPUT_INVALID);
	put(t, "\t\ttcp flags & (fin | syn | rst | ack) != syn ct state new ");
	put_drop(t, NAT_DROP_INPUT_INVALID);
	if (net_wants_ipv6(d))
		put(t, "\t\ticmpv6 type { mld-listener-query, nd-neighbor-solicit, "
		       "nd-neighbor-advert } accept\n");
	put_link_input(t, d);
	for (unsigned id = net_legs(d); id-- > 0;)
		if (d->closed || net_is_outside(d, id))
			put_closed(t, d, id);
	put(t, "\t}\n");
}

/* IPv6 has no setting against redirects, and nodes must not be told to bypass the router. */
static void put_output(struct text *t, const struct net_desired *d)
{
	if (!net_wants_ipv6(d) && !net_wants_link(d))
		return;
	put(t, "\tchain output {\n"
	       "\t\ttype filter hook output priority filter; policy accept;\n");
	if (net_wants_ipv6(d))
		put(t, "\t\ticmpv6 type nd-redirect drop\n");
	put_link_output(t, d);
	put(t, "\t}\n");
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static void put_counter(struct text *t, const char *prefix, const char *name, uint64_t packets,
			uint64_t bytes)
{
	put(t, "\tcounter %s%s {\n\t\tpackets %llu bytes %llu\n\t}\n", prefix, name,
	    (unsigned long long)packets, (unsigned long long)bytes);
}

static void put_counters(struct text *t, const struct net_desired *d, const struct nat_counters *c)
{
	for (unsigned i = 0; i < NAT_DROPS; i++)
		put_counter(t, "", nat_drop_name((enum nat_drop)i), c ? c->drop[i].packets : 0,
			    c ? c->drop[i].bytes : 0);
	for (unsigned i = 0; i < d->rules.n_forwards; i++)
		put_counter(t, "forward.", d->rules.forward[i].name, c ? c->forward[i].packets : 0,
			    c ? c->forward[i].bytes : 0);
}

/* A table can carry no list; a chain that nothing leads to can be its name. */
#define NOTE "file/"

static void put_notes(struct text *t, const struct net_desired *d, const struct nft_tables *tables)
{
	if (!tables || !tables->n)
		return;
	put(t, "\tchain file-%016llx {\n\t}\n", (unsigned long long)d->rules.file_hash);
	for (unsigned i = 0; i < tables->n; i++)
		put(t, "\tchain " NOTE "%s/%s {\n\t}\n", tables->at[i].family, tables->at[i].name);
}

void nat_noted_tables(struct nft_tables *out, const char *text)
{
	static const char mark[] = "\tchain " NOTE;

	*out = (struct nft_tables){.n = 0};
	for (const char *p = strstr(text, mark); p && out->n < ARRAY_LEN(out->at);
	     p = strstr(p, mark)) {
		struct nft_table t;

		p += strlen(mark);
		if (sscanf(p, "%7[a-z0-9]/%63[^ \n]", t.family, t.name) == 2)
			out->at[out->n++] = t;
	}
}

/* Such names are refused rather than escaped. */
bool ruleset_takes_name(const char *name)
{
	size_t n = strcspn(name, "*\"\\ \t\n{};#");

	return n > 0 && !name[n];
}

/* The hash covers what follows the counters. */
#define HASH_FORM "0000000000000000"

static void sign(struct text *t, size_t hash_at, size_t from)
{
	char hash[sizeof(HASH_FORM)];

	if (t->len >= t->cap)
		return;
	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)hash_text(t->buf + from));
	memcpy(t->buf + hash_at, hash, sizeof(hash) - 1);
}

size_t nat_ruleset(char *buf, size_t cap, const struct net_desired *d,
		   const struct nft_tables *tables, const struct nat_counters *counters)
{
	struct text t = {buf, cap, 0};
	char router[NET_NAME_MAX];
	size_t hash_at, body;

	for (unsigned id = 0; id < net_legs(d); id++)
		if (!ruleset_takes_name(d->leg[id].ifname))
			return 0;
	if (net_wants_link(d) && !ruleset_takes_name(d->leg[NET_HOST_LINK].ifname))
		return 0;
	snprintf(router, sizeof(router), "%s", d->router);
	for (char *c = router; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '_';
	put(&t,
	    "add table " NAT_TABLE "\n"
	    "delete table " NAT_TABLE "\n"
	    "table " NAT_TABLE " {\n"
	    "\tcomment \"vrouterd %s ",
	    router);
	hash_at = t.len;
	put(&t, HASH_FORM "\"\n");
	put_counters(&t, d, counters);
	body = t.len;
	put_limit_sets(&t, d);
	put_notes(&t, d, tables);
	put_prerouting(&t, d);
	put_forward(&t, d);
	put_input(&t, d);
	put_output(&t, d);
	put_postrouting(&t, d);
	put(&t, "}\n");
	sign(&t, hash_at, body);
	return t.len;
}

/* nft and we write a line each, two tabs deep, for a rule and for a chain's hook. */
unsigned nat_count_rules(const char *text)
{
	bool in_chain = true;
	unsigned n = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] != '\t')
			continue;
		if (line[1] != '\t' && line[1] != '}')
			in_chain = strncmp(line + 1, "chain ", strlen("chain ")) == 0;
		else if (line[1] == '\t' && line[2] != '\t' && line[2] != ' ')
			n += in_chain;
	}
	return n;
}
