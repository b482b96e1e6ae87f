/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT and filter as JSON: what is configured, and what the kernel has counted. */
#include "status.h"

#include <string.h>

static const char *const mode_name[] = {"none", "snat", "masquerade"};
static const char *const protocol_name[] = {"tcp", "udp"};

static void put_nets(struct jbuf *b, const char *key, const struct ip_prefix *net, unsigned n)
{
	char buf[IP_PREFIX_STRLEN];

	jbuf_open(b, key, '[');
	for (unsigned i = 0; i < n; i++)
		jbuf_text(b, NULL, ip_prefix_format(&net[i], buf));
	jbuf_close(b, ']');
}

/* Of an IP version: the pool, or the first VIP where that has none. */
static void put_source(struct jbuf *b, const struct conf_router *c, const struct nat_rules *r,
		       int family)
{
	const struct conf_leg *p = &c->leg[NET_PUBLIC];
	const struct ip_prefix *vip = ip_prefix_of_family(p->vip, p->n_vips, family);
	char buf[IP_RANGE_STRLEN];

	for (unsigned k = 0; k < r->n_pool; k++) {
		if (r->pool[k].first.family != family)
			continue;
		jbuf_text(b, NULL, ip_range_format(&r->pool[k], buf));
		vip = NULL;
	}
	if (vip)
		jbuf_text(b, NULL, ip_addr_format(&vip->addr, buf));
}

/* What packets leave with. */
static void put_addresses(struct jbuf *b, const struct conf_router *c, const struct nat_rules *r)
{
	jbuf_open(b, "addresses", '[');
	if (c->nat == NET_NAT_SNAT) {
		put_source(b, c, r, AF_INET);
		put_source(b, c, r, AF_INET6);
	}
	jbuf_close(b, ']');
}

static void put_ports(struct jbuf *b, const char *key, const struct nat_ports *p)
{
	if (!p->first)
		jbuf_null(b, key);
	else if (p->first == p->last)
		jbuf_format(b, key, "%u", p->first);
	else
		jbuf_format(b, key, "%u-%u", p->first, p->last);
}

static void put_forward(struct jbuf *b, const struct conf_router *c, const struct nat_forward *f)
{
	const struct conf_leg *p = &c->leg[NET_PUBLIC];
	const struct ip_prefix *vip = ip_prefix_of_family(p->vip, p->n_vips, f->to.addr.family);
	const struct ip_addr *at = f->address.family || !vip ? &f->address : &vip->addr;
	char text[INET6_ADDRSTRLEN];

	jbuf_open(b, NULL, '{');
	jbuf_text(b, "name", f->name);
	jbuf_open(b, "protocols", '[');
	for (unsigned i = 0; i < f->n_protocols; i++)
		jbuf_text(b, NULL, protocol_name[f->protocol[i]]);
	jbuf_close(b, ']');
	jbuf_text(b, "address", ip_addr_format(at, text));
	put_ports(b, "port", &f->port);
	jbuf_text(b, "to", ip_addr_format(&f->to.addr, text));
	if (f->to.port)
		jbuf_format(b, "to_port", "%u", f->to.port);
	else
		put_ports(b, "to_port", &f->port);
	put_nets(b, "from", f->from, f->n_from);
	jbuf_close(b, '}');
}

static void put_mss(struct jbuf *b, unsigned mss)
{
	if (mss && mss != NAT_MSS_PATH)
		jbuf_int(b, "mss_clamp", mss);
	else
		jbuf_text(b, "mss_clamp", mss ? "path" : NULL);
}

static void put_rules(struct jbuf *b, const struct conf_router *c, const struct nat_rules *r)
{
	bool drop = r->unsolicited == NAT_UNSOLICITED_DROP ||
		    (r->unsolicited == NAT_UNSOLICITED_AUTO && c->nat != NET_NAT_NONE);

	jbuf_bool(b, "persistent", r->persistent);
	put_addresses(b, c, r);
	put_ports(b, "port_range", &r->ports);
	put_nets(b, "sources", r->source, r->n_sources);
	jbuf_text(b, "unsolicited", drop ? "drop" : "accept");
	put_mss(b, r->mss);
	jbuf_int(b, "new_flow_limit", r->new_flows);
	jbuf_int(b, "new_flow_burst", r->new_flows_burst);
	jbuf_said(b, "nft_file", r->file);
	jbuf_open(b, "forwards", '[');
	for (unsigned i = 0; i < r->n_forwards; i++)
		put_forward(b, c, &r->forward[i]);
	jbuf_close(b, ']');
}

void status_nat(struct jbuf *b, const struct conf_router *c)
{
	struct nat_rules r;

	conf_nat_rules(&r, c);
	jbuf_open(b, "nat", '{');
	jbuf_text(b, "mode", mode_name[c->nat]);
	jbuf_bool(b, "random", c->nat_random);
	put_rules(b, c, &r);
	jbuf_close(b, '}');
}

void status_drops(struct jbuf *b, const struct nat_counters *c)
{
	jbuf_open(b, "drops", '{');
	for (unsigned i = 0; i < NAT_DROPS; i++)
		jbuf_int(b, nat_drop_name((enum nat_drop)i), (int64_t)c->drop[i].packets);
	jbuf_close(b, '}');
}

void status_forwards(struct jbuf *b, const struct conf_router *c, const struct nat_counters *n)
{
	jbuf_open(b, "forwards", '{');
	for (unsigned i = 0; i < c->nat_more.rules.n_forwards; i++)
		jbuf_int(b, c->nat_more.rules.forward[i].name, (int64_t)n->forward[i].packets);
	jbuf_close(b, '}');
}
