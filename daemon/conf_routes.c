/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static routes, the host link and what is reached through it: how they fit together and to the
 * legs, and those of two routers. Pure. */
#include "conf_check.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "conf_option.h"

#define LINK_BITS 2u /* at least so many for hosts: two ends, and the network's first and last */
#define TEXT_MAX  (3 * IP_PREFIX_STRLEN + 16)

struct check {
	const struct conf *c;
	const struct conf_router *r;
	struct conf_errors *errors;
};

static void wrong(const struct check *k, int line, const char *fmt, ...) printf_like(3, 4);

static void wrong(const struct check *k, int line, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error(k->errors, k->c->path, line ? line : k->r->line, "router \"%s\": %s", k->r->name,
		   text);
}

static bool same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

/* Is inner a part of outer, or all of it? */
static bool is_inside(const struct ip_prefix *inner, const struct ip_prefix *outer)
{
	return inner->len >= outer->len && ip_prefix_overlap(inner, outer);
}

static bool has_host_bits(const struct ip_prefix *p)
{
	struct ip_range all = ip_range_of(p);

	return !ip_addr_equal(&all.first, &p->addr);
}

/* Of the host link, of an IP version; or NULL. */
static const struct ip_prefix *link_net(const struct conf_router *r, int family)
{
	for (unsigned i = 0; r->host_link.line && i < r->host_link.n_prefixes; i++)
		if (r->host_link.prefix[i].addr.family == family)
			return &r->host_link.prefix[i];
	return NULL;
}

static const char *network_wrong(const struct ip_prefix *p)
{
	if (has_host_bits(p))
		return "is an address in a network; allowed: the network, with its host bits zero";
	if (p->len && !ip_addr_is_host(&p->addr))
		return "is no network that hosts can be in";
	if (p->len && ip_addr_is_link_local(&p->addr))
		return "is link-local, which is not routed";
	return NULL;
}

/* ---- static routes ----------------------------------------------------------------------------
 */

static const char *route_text(const struct net_static *r, char buf[static TEXT_MAX])
{
	char to[IP_PREFIX_STRLEN], via[INET6_ADDRSTRLEN], from[IP_PREFIX_STRLEN];

	snprintf(buf, TEXT_MAX, "%s via %s%s%s", ip_prefix_format(&r->to, to),
		 ip_addr_format(&r->via, via), r->from.addr.family ? " from " : "",
		 r->from.addr.family ? ip_prefix_format(&r->from, from) : "");
	return buf;
}

/* The leg that an address is on: whose VIPs have it in their network, or NET_LEGS_MAX. A link-local
 * one is the public leg's. */
static unsigned leg_of(const struct conf_router *r, const struct ip_addr *via)
{
	if (ip_addr_is_link_local(via))
		return NET_PUBLIC;
	for (unsigned i = 0; i < conf_legs(r); i++)
		if (ip_prefix_around(r->leg[i].vip, r->leg[i].n_vips, via))
			return i;
	return NET_LEGS_MAX;
}

static const char *via_wrong(const struct conf_router *r, const struct ip_addr *via)
{
	unsigned leg = leg_of(r, via);
	const struct conf_leg *l = &r->leg[leg < NET_LEGS_MAX ? leg : 0];
	const struct ip_prefix *net = ip_prefix_around(l->vip, l->n_vips, via);
	struct ip_prefix host = {.addr = *via, .len = net ? net->len : 0};

	if (leg == NET_LEGS_MAX)
		return "its gateway is in the network of no leg; allowed: a host in the network of "
		       "a vip";
	if (ip_prefix_any_is(l->vip, l->n_vips, via))
		return "its gateway is a vip of the router itself; allowed: another host";
	if (ip_addr_is_link_local(via) && !ip_prefix_of_family(l->vip, l->n_vips, AF_INET6))
		return "its gateway cannot be reached: there is no public vip of IPv6";
	if (net && !ip_prefix_is_host(&host))
		return "its gateway is no address that a host can have";
	return NULL;
}

/* A leg's network is there by its VIP; a part of it through somebody else would hide nodes. */
static const char *to_wrong(const struct conf_router *r, const struct net_static *s)
{
	const struct ip_prefix *link = link_net(r, s->to.addr.family);

	if (!s->to.len && !s->from.addr.family)
		return "is a default route; allowed: gateway in public, or with from";
	for (unsigned i = 0; i < conf_legs(r); i++)
		for (unsigned k = 0; k < r->leg[i].n_vips; k++)
			if (is_inside(&s->to, &r->leg[i].vip[k]))
				return "overlaps the network of a vip, which is reached without a "
				       "gateway; allowed: networks beyond the legs'";
	if (link && is_inside(&s->to, link))
		return "overlaps the prefix of the host-link; allowed: networks beyond it";
	return network_wrong(&s->to);
}

static const char *route_wrong(const struct conf_router *r, unsigned i)
{
	const struct net_static *s = &r->route[i];
	const char *why = to_wrong(r, s);

	if (!why)
		why = via_wrong(r, &s->via);
	if (!why && s->from.addr.family)
		why = s->from.len ? network_wrong(&s->from)
				  : "is from everybody; allowed: without from";
	for (unsigned k = 0; !why && k < i; k++)
		if (same_prefix(&r->route[k].to, &s->to) &&
		    same_prefix(&r->route[k].from, &s->from))
			why = "there is a route to there (from there) already; allowed: one";
	return why;
}

static void check_routes(const struct check *k)
{
	char text[TEXT_MAX];

	for (unsigned i = 0; i < k->r->n_routes; i++) {
		const char *why = route_wrong(k->r, i);

		if (why)
			wrong(k, k->r->routes_line, "routes: \"%s\": %s",
			      route_text(&k->r->route[i], text), why);
	}
}

/* ---- the host link ----------------------------------------------------------------------------
 */

static const char *prefix_wrong(const struct conf_router *r, const struct ip_prefix *p)
{
	const char *why = network_wrong(p);

	if (why)
		return why;
	if (p->len + LINK_BITS > (unsigned)ip_addr_size(&p->addr) * 8)
		return "is too small for two ends; allowed: at most /30, of IPv6 /126";
	if (!p->len)
		return "is everything; allowed: a network that is used for nothing else";
	for (unsigned i = 0; i < conf_legs(r); i++)
		for (unsigned k = 0; k < r->leg[i].n_vips; k++)
			if (ip_prefix_overlap(p, &r->leg[i].vip[k]))
				return "overlaps the network of a vip; allowed: a network that is "
				       "used for nothing else";
	return NULL;
}

static void check_prefixes(const struct check *k)
{
	const struct conf_host_link *l = &k->r->host_link;
	char buf[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < l->n_prefixes; i++) {
		const char *why = prefix_wrong(k->r, &l->prefix[i]);

		if (!why && i && l->prefix[i].addr.family == l->prefix[0].addr.family)
			why = "is the second one of its IP version; allowed: one for IPv4 and one "
			      "for IPv6";
		if (why)
			wrong(k, l->prefix_line, "host-link: prefix = \"%s\": %s",
			      ip_prefix_format(&l->prefix[i], buf), why);
	}
}

static void check_link(const struct check *k)
{
	const struct conf_host_link *l = &k->r->host_link;

	if (!l->line)
		return;
	check_prefixes(k);
	if (strcmp(l->interface, "lo") == 0)
		wrong(k, l->interface_line,
		      "host-link: interface = \"lo\": is the loopback interface; allowed: another "
		      "name");
	for (unsigned i = 0; i < conf_legs(k->r); i++)
		if (strcmp(k->r->leg[i].interface, l->interface) == 0)
			wrong(k, l->interface_line ? l->interface_line : l->line,
			      "host-link: interface = \"%s\": is the %s leg's, too; allowed: a "
			      "name "
			      "of its own",
			      l->interface, conf_leg_name(k->r, i));
}

/* ---- other networks ---------------------------------------------------------------------------
 */

static const char *other_wrong(const struct conf_router *r, unsigned i)
{
	const struct ip_prefix *p = &r->other[i], *link = link_net(r, p->addr.family);
	const char *why = network_wrong(p);

	if (why)
		return why;
	if (!p->len)
		return "is everything; allowed: networks, or default-route = true in host-link";
	if (!link)
		return "cannot be reached through the controller; allowed: with a host-link that "
		       "has a prefix of this IP version";
	if (is_inside(p, link))
		return "overlaps the prefix of the host-link; allowed: networks beyond it";
	for (unsigned k = 0; k < i; k++)
		if (same_prefix(&r->other[k], p))
			return "is listed twice; allowed: each network once";
	return NULL;
}

static void check_others(const struct check *k)
{
	char buf[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < k->r->n_others; i++) {
		const char *why = other_wrong(k->r, i);

		if (why)
			wrong(k, k->r->other_line, "other-networks: \"%s\": %s",
			      ip_prefix_format(&k->r->other[i], buf), why);
	}
}

void conf_check_routes(const struct conf *c, const struct conf_router *r,
		       struct conf_errors *errors)
{
	const struct check k = {.c = c, .r = r, .errors = errors};

	check_routes(&k);
	check_link(&k);
	check_others(&k);
}

/* All links end on the controller. */
void conf_check_host_links(const struct conf *c, const struct conf_router *a,
			   const struct conf_router *b, struct conf_errors *errors)
{
	const struct check k = {.c = c, .r = b, .errors = errors};
	const struct conf_host_link *l = &b->host_link;
	char buf[IP_PREFIX_STRLEN], other[IP_PREFIX_STRLEN];

	for (unsigned i = 0; l->line && i < l->n_prefixes; i++) {
		const struct ip_prefix *x = link_net(a, l->prefix[i].addr.family);

		if (x && ip_prefix_overlap(x, &l->prefix[i]))
			wrong(&k, l->prefix_line,
			      "host-link: prefix = \"%s\": overlaps that of router \"%s\", \"%s\"; "
			      "allowed: a network of its own",
			      ip_prefix_format(&l->prefix[i], buf), a->name,
			      ip_prefix_format(x, other));
	}
}

/* ---- a reload ---------------------------------------------------------------------------------
 */

static bool same_nets(const struct ip_prefix *a, unsigned n, const struct ip_prefix *b, unsigned m)
{
	for (unsigned i = 0; n == m && i < n; i++)
		if (!same_prefix(&a[i], &b[i]))
			return false;
	return n == m;
}

static bool same_link(const struct conf_host_link *a, const struct conf_host_link *b)
{
	if (!a->line || !b->line)
		return !a->line && !b->line;
	return same_nets(a->prefix, a->n_prefixes, b->prefix, b->n_prefixes) &&
	       strcmp(a->interface, b->interface) == 0 && a->default_route == b->default_route;
}

bool conf_routes_same(const struct conf_router *a, const struct conf_router *b)
{
	if (a->n_routes != b->n_routes)
		return false;
	for (unsigned i = 0; i < a->n_routes; i++)
		if (!same_prefix(&a->route[i].to, &b->route[i].to) ||
		    !same_prefix(&a->route[i].from, &b->route[i].from) ||
		    !ip_addr_equal(&a->route[i].via, &b->route[i].via))
			return false;
	return same_nets(a->other, a->n_others, b->other, b->n_others) &&
	       same_link(&a->host_link, &b->host_link);
}

/* ---- the netns module's view ------------------------------------------------------------------
 */

/* Larger than any packet of a node's: were it smaller than a leg's MTU, the kernel would answer
 * such a packet ("fragmentation needed") before the filter lets it vanish. The way on has its own.
 */
#define LINK_MTU 65535

static void net_link(struct net_desired *d, const struct conf_router *r)
{
	struct net_leg *l = &d->leg[NET_HOST_LINK];

	l->attach = NET_ATTACH_HOST;
	l->mtu = LINK_MTU;
	snprintf(l->name, sizeof(l->name), "host-link");
	net_hostname(l->hostname, r->namespace, NET_HOST_LINK);
	if (!r->host_link.line)
		return;
	snprintf(l->ifname, sizeof(l->ifname), "%s", r->host_link.interface);
	d->link_default = r->host_link.default_route;
	for (unsigned i = 0; i < r->host_link.n_prefixes; i++) {
		const struct ip_prefix *p = &r->host_link.prefix[i];
		struct ip_prefix *end = &d->link_end[p->addr.family == AF_INET6 ? NET_V6 : NET_V4];

		end->len = p->len;
		end->addr = ip_addr_next(p->addr);
		l->vip[l->n_vips++] =
			(struct ip_prefix){.addr = ip_addr_next(end->addr), .len = p->len};
	}
}

void conf_net_routes(struct net_desired *d, const struct conf_router *r)
{
	net_link(d, r);
	for (unsigned i = 0; i < r->n_routes; i++) {
		d->route[i] = r->route[i];
		d->route[i].leg = leg_of(r, &r->route[i].via);
	}
	d->n_routes = r->n_routes;
	memcpy(d->other, r->other, sizeof(d->other));
	d->n_others = r->n_others;
}

/* ---- options and text -------------------------------------------------------------------------
 */

const struct conf_option conf_host_link_options[CONF_HOST_LINK_OPTIONS] = {
	{.name = "prefix",
	 .type = CONF_T_NET,
	 .required = true,
	 .list_max = NET_FAMILIES,
	 LIST_OF(struct conf_host_link, prefix),
	 .count_offset = offsetof(struct conf_host_link, n_prefixes),
	 LINE_AT(struct conf_host_link, prefix_line)},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 AT(struct conf_host_link, interface),
	 LINE_AT(struct conf_host_link, interface_line)},
	{.name = "default-route", .type = CONF_T_BOOL, AT(struct conf_host_link, default_route)},
};

/* The next word of *at into word. */
static bool next_word(const char **at, char *word, size_t cap)
{
	size_t n;

	*at += strspn(*at, " \t");
	n = strcspn(*at, " \t");
	if (!n || n >= cap)
		return false;
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
	return true;
}

static bool expect(const char **at, const char *what)
{
	char word[8];

	return next_word(at, word, sizeof(word)) && strcmp(word, what) == 0;
}

static bool net_parse(struct ip_prefix *out, const char *text)
{
	if (ip_addr_parse(&out->addr, text) < 0)
		return ip_prefix_parse(out, text) == 0;
	out->len = (uint8_t)(ip_addr_size(&out->addr) * 8);
	return true;
}

const char *conf_route_set(struct net_static *to, const char *text)
{
	char net[IP_PREFIX_STRLEN], via[INET6_ADDRSTRLEN], from[IP_PREFIX_STRLEN];
	struct net_static r = {.leg = 0};

	if (!next_word(&text, net, sizeof(net)) || !expect(&text, "via") ||
	    !next_word(&text, via, sizeof(via)))
		return "is no route";
	if (ip_addr_parse(&r.via, via) < 0)
		return "has no address after \"via\"";
	if (strcmp(net, "default") == 0)
		r.to.addr.family = r.via.family;
	else if (!net_parse(&r.to, net))
		return "does not begin with an address, a network or \"default\"";
	if (text[strspn(text, " \t")]) {
		if (!expect(&text, "from") || !next_word(&text, from, sizeof(from)) ||
		    !net_parse(&r.from, from) || text[strspn(text, " \t")])
			return "has something else than \"from NETWORK\" behind it";
	}
	if (r.to.addr.family != r.via.family ||
	    (r.from.addr.family && r.from.addr.family != r.via.family))
		return "mixes IP versions";
	*to = r;
	return NULL;
}
