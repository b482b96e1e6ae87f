/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NAT and filter as JSON: what is configured, and what the kernel has counted. */
#include "status.h"

#include <string.h>

static const char *const mode_name[] = {"none", "snat", "masquerade"};
static const char *const protocol_name[] = {"tcp", "udp"};

static json_t *nets_json(const struct ip_prefix *net, unsigned n)
{
	char buf[IP_PREFIX_STRLEN];
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_string(ip_prefix_format(&net[i], buf)));
	return list;
}

/* What packets leave with: the pool and, of an IP version that has none, the first VIP. */
static json_t *addresses_json(const struct conf_router *c, const struct nat_rules *r)
{
	static const int family[] = {AF_INET, AF_INET6};
	const struct conf_leg *p = &c->leg[NET_PUBLIC];
	char buf[IP_RANGE_STRLEN];
	json_t *list = json_array();

	for (size_t i = 0; c->nat == NET_NAT_SNAT && i < ARRAY_LEN(family); i++) {
		const struct ip_prefix *vip = ip_prefix_of_family(p->vip, p->n_vips, family[i]);

		for (unsigned k = 0; k < r->n_pool; k++) {
			if (r->pool[k].first.family != family[i])
				continue;
			json_array_append_new(list, json_string(ip_range_format(&r->pool[k], buf)));
			vip = NULL;
		}
		if (vip)
			json_array_append_new(list, json_string(ip_addr_format(&vip->addr, buf)));
	}
	return list;
}

static json_t *ports_json(const struct nat_ports *p)
{
	if (!p->first)
		return json_null();
	return p->first == p->last ? json_sprintf("%u", p->first)
				   : json_sprintf("%u-%u", p->first, p->last);
}

static json_t *forward_json(const struct conf_router *c, const struct nat_forward *f)
{
	const struct conf_leg *p = &c->leg[NET_PUBLIC];
	const struct ip_prefix *vip = ip_prefix_of_family(p->vip, p->n_vips, f->to.addr.family);
	const struct ip_addr *at = f->address.family || !vip ? &f->address : &vip->addr;
	char address[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	json_t *protocols = json_array();

	for (unsigned i = 0; i < f->n_protocols; i++)
		json_array_append_new(protocols, json_string(protocol_name[f->protocol[i]]));
	return json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:o}", "name", f->name, "protocols",
			 protocols, "address", ip_addr_format(at, address), "port",
			 ports_json(&f->port), "to", ip_addr_format(&f->to.addr, to), "to_port",
			 f->to.port ? json_sprintf("%u", f->to.port) : ports_json(&f->port), "from",
			 nets_json(f->from, f->n_from));
}

static json_t *mss_json(unsigned mss)
{
	if (!mss)
		return json_null();
	return mss == NAT_MSS_PATH ? json_string("path") : json_integer(mss);
}

json_t *status_nat_json(const struct conf_router *c)
{
	bool drop =
		c->nat_more.rules.unsolicited == NAT_UNSOLICITED_DROP ||
		(c->nat_more.rules.unsolicited == NAT_UNSOLICITED_AUTO && c->nat != NET_NAT_NONE);
	json_t *forwards = json_array();
	struct nat_rules r;

	conf_nat_rules(&r, c);
	for (unsigned i = 0; i < r.n_forwards; i++)
		json_array_append_new(forwards, forward_json(c, &r.forward[i]));
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:s, s:o, s:i, s:i, s:o, s:o}", "mode",
			 mode_name[c->nat], "random", c->nat_random, "persistent", r.persistent,
			 "addresses", addresses_json(c, &r), "port_range", ports_json(&r.ports),
			 "sources", nets_json(r.source, r.n_sources), "unsolicited",
			 drop ? "drop" : "accept", "mss_clamp", mss_json(r.mss), "new_flow_limit",
			 (int)r.new_flows, "new_flow_burst", (int)r.new_flows_burst, "nft_file",
			 r.file[0] ? json_string(r.file) : json_null(), "forwards", forwards);
}

json_t *status_drops_json(const struct nat_counters *c)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < NAT_DROPS; i++)
		json_object_set_new(j, nat_drop_name((enum nat_drop)i),
				    json_integer((json_int_t)c->drop[i].packets));
	return j;
}

json_t *status_forwards_json(const struct conf_router *c, const struct nat_counters *n)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < c->nat_more.rules.n_forwards; i++)
		json_object_set_new(j, c->nat_more.rules.forward[i].name,
				    json_integer((json_int_t)n->forward[i].packets));
	return j;
}
