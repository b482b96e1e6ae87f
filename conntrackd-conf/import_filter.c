/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrackd's filter. */
#include <string.h>
#include <strings.h>

#include "import_build.h"

/* Others have numbers in /etc/protocols, which conntrackd asks; these are those that are met. */
static const struct {
	const char *there, *here;
	uint8_t number;
} protocol[] = {
	{"tcp", "tcp", IPPROTO_TCP},
	{"udp", "udp", IPPROTO_UDP},
	{"udplite", "udplite", IPPROTO_UDPLITE},
	{"icmp", "icmp", IPPROTO_ICMP},
	{"ipv6-icmp", "icmpv6", IPPROTO_ICMPV6},
	{"icmpv6", "icmpv6", IPPROTO_ICMPV6},
	{"sctp", "sctp", IPPROTO_SCTP},
	{"dccp", "dccp", IPPROTO_DCCP},
	{"gre", "gre", IPPROTO_GRE},
	{"igmp", "2", 2},
	{"esp", "50", 50},
	{"ah", "51", 51},
	{"ospf", "89", 89},
	{"vrrp", "112", 112},
};

static const char *protocol_of(const struct stmt *s, uint8_t *number)
{
	for (unsigned i = 0; i < ARRAY_LEN(protocol); i++) {
		if (strcasecmp(s->word[0], protocol[i].there) == 0) {
			*number = protocol[i].number;
			return protocol[i].here;
		}
	}
	return NULL;
}

/* False: TCP is not among what is replicated. */
static bool put_protocols(struct import *im, struct txt *out)
{
	const struct im_filter_set *set = &im->ctd.protocols;
	bool tcp = false;
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++) {
		uint8_t number = 0;
		const char *name = protocol_of(set->member[i], &number);

		if (!name) {
			import_say(im, IMPORT_ERROR, set->member[i],
				   "%.80s: is no protocol that is known", set->member[i]->word[0]);
			continue;
		}
		tcp |= number == IPPROTO_TCP;
		txt_add(out, "%s%s",
			n++	      ? ", "
			: set->accept ? "    protocols = { "
				      : "    ignore-protocols = { ",
			name);
	}
	if (n)
		txt_add(out, " }\n");
	return !n || tcp == set->accept;
}

static bool is_own(const struct ip_prefix *p, const struct built *routers, unsigned n)
{
	static const char *const always[] = {"127.0.0.0/8", "::1/128", "fe80::/10", "224.0.0.0/4",
					     "ff00::/8"};
	struct ip_prefix net;

	for (unsigned i = 0; i < ARRAY_LEN(always); i++)
		if (ip_prefix_parse(&net, always[i]) == 0 && net.addr.family == p->addr.family &&
		    net.len <= p->len && ip_prefix_contains(&net, &p->addr))
			return true;
	if (p->len != (p->addr.family == AF_INET ? 32 : 128))
		return false;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < NET_LEGS; k++)
			if (ip_prefix_any_is(routers[i].leg[k].vip, routers[i].leg[k].n_vips,
					     &p->addr))
				return true;
	return false;
}

static void put_addresses(struct import *im, struct txt *out, const struct built *routers,
			  unsigned n_routers)
{
	const struct im_filter_set *set = &im->ctd.addresses;
	unsigned n = 0;

	for (unsigned i = 0; i < set->n; i++) {
		const char *word = set->member[i]->word[1];
		struct ip_prefix p = {.len = 0};

		if (ip_prefix_parse(&p, word) < 0 && ip_addr_parse(&p.addr, word) == 0)
			p.len = p.addr.family == AF_INET ? 32 : 128;
		if (!set->accept && is_own(&p, routers, n_routers)) {
			import_say(im, IMPORT_NOTHING, set->member[i],
				   "%s: flows of the router itself are never replicated", word);
			continue;
		}
		import_say(im, IMPORT_USED, set->member[i], "%s: sync { filter { %s } }", word,
			   set->accept ? "addresses" : "ignore-addresses");
		txt_add(out, "%s\"%s\"",
			n++	      ? ", "
			: set->accept ? "    addresses = { "
				      : "    ignore-addresses = { ",
			word);
	}
	if (n)
		txt_add(out, " }\n");
}

/* conntrackd's names; here CLOSED is CLOSE, and LISTEN the kernel's SYN_SENT2. */
static bool has_state(const struct im_filter_set *set, const char *state)
{
	for (unsigned i = 0; i < set->n; i++) {
		const char *w = set->member[i]->word[0];

		w = strcmp(w, "CLOSED") == 0 ? "CLOSE" : strcmp(w, "LISTEN") == 0 ? "SYN_SENT2" : w;
		if (strcmp(w, state) == 0)
			return true;
	}
	return false;
}

static void put_states(struct import *im, struct txt *out, bool tcp)
{
	static const char *const state[CONF_TCP_STATES] = {
		"SYN_SENT", "SYN_RECV",	 "ESTABLISHED", "FIN_WAIT",  "CLOSE_WAIT",
		"LAST_ACK", "TIME_WAIT", "CLOSE",	"SYN_SENT2",
	};
	const struct im_filter_set *set = &im->ctd.states;
	unsigned n = 0;

	if (set->n && !tcp) {
		import_say(im, IMPORT_NOTHING, set->at, "State: TCP is not replicated");
		return;
	}
	for (unsigned i = 0; set->n && i < ARRAY_LEN(state); i++)
		if (has_state(set, state[i]) == set->accept)
			txt_add(out, "%s%s", n++ ? ", " : "    tcp-states = { ", state[i]);
	if (n)
		txt_add(out, " }\n");
	else if (set->n)
		import_say(im, IMPORT_MISSING, set->at,
			   "State: ignores all of them; leave TCP out of Protocol instead");
}

void built_filter(struct import *im, struct txt *out, const struct built *routers, unsigned n)
{
	struct txt in = {0};

	put_states(im, &in, put_protocols(im, &in));
	put_addresses(im, &in, routers, n);
	if (in.len)
		txt_add(out, "  filter {\n%s  }\n", in.p);
	out->failed |= in.failed;
	txt_free(&in);
}
