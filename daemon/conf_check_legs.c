/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the legs of a router fit together, and those of two routers. Pure. */
#include "conf_check.h"

#include <stdarg.h>
#include <string.h>

#define IPV6_MTU_MIN 1280 /* RFC 8200 5 */

struct check {
	const struct conf *c;
	const struct conf_router *r;
	struct conf_errors *errors;
};

static int line_or(int line, int section)
{
	return line ? line : section;
}

const char *conf_leg_name(const struct conf_router *r, unsigned leg)
{
	static const char *const name[NET_LEGS] = {"management", "public"};

	return leg < NET_LEGS ? name[leg] : r->leg[leg].name;
}

bool conf_leg_same_wire(const struct conf_leg *a, const struct conf_leg *b)
{
	return a->attach == b->attach && strcmp(a->bridge, b->bridge) == 0 && a->vlan == b->vlan;
}

/* "router "r1": public: ", and what is wrong. */
static void wrong(const struct check *k, unsigned id, int line, const char *fmt, ...)
	printf_like(4, 5);

static void wrong(const struct check *k, unsigned id, int line, const char *fmt, ...)
{
	const struct conf_leg *leg = &k->r->leg[id];
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error(k->errors, k->c->path, line_or(line, leg->line), "router \"%s\": %s%s%s: %s",
		   k->r->name, id < NET_LEGS ? "" : "leg \"", conf_leg_name(k->r, id),
		   id < NET_LEGS ? "" : "\"", text);
}

/* About election: virtual-mac. */
static void wrong_mac(const struct check *k, const char *fmt, ...) printf_like(2, 3);

static void wrong_mac(const struct check *k, const char *fmt, ...)
{
	const struct conf_router *r = k->r;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error(k->errors, k->c->path,
		   line_or(r->election.virtual_mac_line, line_or(r->election.line, r->line)),
		   "router \"%s\": election: virtual-mac: %s", r->name, text);
}

/* ---- one leg ----------------------------------------------------------------------------------
 */

static void check_vip(const struct check *k, unsigned id, unsigned i)
{
	const struct conf_leg *leg = &k->r->leg[id];
	char buf[IP_PREFIX_STRLEN];

	ip_prefix_format(&leg->vip[i], buf);
	if (!ip_prefix_is_host(&leg->vip[i]))
		wrong(k, id, leg->vip_line,
		      "vip = \"%s\": is no address that a host can have; allowed: not a network's "
		      "first or last address, loopback or multicast",
		      buf);
	if (ip_prefix_any_is(leg->vip, i, &leg->vip[i].addr))
		wrong(k, id, leg->vip_line,
		      "vip = \"%s\": is listed twice; allowed: each address once", buf);
}

static void check_vips(const struct check *k, unsigned id)
{
	const struct conf_leg *leg = &k->r->leg[id];
	bool ipv6 = ip_prefix_of_family(leg->vip, leg->n_vips, AF_INET6);

	for (unsigned i = 0; i < leg->n_vips; i++)
		check_vip(k, id, i);
	if (!ipv6 && !ip_prefix_of_family(leg->vip, leg->n_vips, AF_INET))
		wrong(k, id, leg->vip_line,
		      "vip: there are link-local addresses only; allowed: at least one other");
	if (ipv6 && leg->mtu && leg->mtu < IPV6_MTU_MIN)
		wrong(k, id, leg->mtu_line,
		      "mtu = %u: IPv6 needs more; allowed: at least %u, or no IPv6 vip", leg->mtu,
		      IPV6_MTU_MIN);
}

static void check_name(const struct check *k, unsigned id)
{
	const struct conf_leg *leg = &k->r->leg[id];

	if (strcmp(leg->interface, "lo") == 0)
		conf_error(k->errors, k->c->path, k->r->line,
			   "router \"%s\": interface = \"lo\": is the loopback interface; allowed: "
			   "another name",
			   k->r->name);
	if (id >= NET_LEGS &&
	    (strcmp(leg->name, "management") == 0 || strcmp(leg->name, "public") == 0))
		wrong(k, id, 0, "is the name of another one; allowed: a name of its own");
}

/* Each change of a macvlan's MAC address waits for a grace period of the kernel's, tens to hundreds
 * of ms on a busy machine. That is not done between an election and the VIPs. */
static void check_mac(const struct check *k, unsigned id)
{
	if (k->r->election.virtual_mac && k->r->leg[id].attach == NET_ATTACH_MACVLAN)
		wrong_mac(k,
			  "the %s leg is a macvlan, whose MAC address cannot change at once; "
			  "allowed: with legs that are no macvlans",
			  conf_leg_name(k->r, id));
}

/* ---- two legs of a router ---------------------------------------------------------------------
 */

/* Link-local networks are each link's own. */
static void check_apart(const struct check *k, unsigned a, unsigned b, const struct ip_prefix *m,
			const struct ip_prefix *p)
{
	char mb[IP_PREFIX_STRLEN], pb[IP_PREFIX_STRLEN];

	if (ip_prefix_overlap(m, p) && !ip_addr_is_link_local(&m->addr) &&
	    !ip_addr_is_link_local(&p->addr))
		wrong(k, b, k->r->leg[b].vip_line,
		      "vip = \"%s\": its network overlaps that of the %s vip \"%s\"; allowed: two "
		      "networks apart",
		      ip_prefix_format(p, pb), conf_leg_name(k->r, a), ip_prefix_format(m, mb));
}

static void check_networks(const struct check *k, unsigned a, unsigned b)
{
	const struct conf_leg *m = &k->r->leg[a], *p = &k->r->leg[b];

	for (unsigned i = 0; i < m->n_vips; i++)
		for (unsigned j = 0; j < p->n_vips; j++)
			check_apart(k, a, b, &m->vip[i], &p->vip[j]);
}

/* The kernel has one device for a VLAN of an interface. */
static bool share_vlan_device(const struct conf_leg *a, const struct conf_leg *b)
{
	return a->attach == NET_ATTACH_MACVLAN && a->vlan && conf_leg_same_wire(a, b);
}

#define VLAN_ONCE                                                                                  \
	"vlan = %u: is that of another leg on interface \"%s\", too, and there is one device for " \
	"it; allowed: both attached to a device of yours, as \"macvlan:NAME\" without vlan"

static void check_two(const struct check *k, unsigned a, unsigned b)
{
	const struct conf_leg *m = &k->r->leg[a], *p = &k->r->leg[b];

	check_networks(k, a, b);
	if (strcmp(m->interface, p->interface) == 0)
		wrong(k, b, p->interface_line,
		      "interface = \"%s\": is the %s leg's, too; allowed: a name of its own",
		      p->interface, conf_leg_name(k->r, a));
	if (b >= NET_LEGS && strcmp(m->name, p->name) == 0)
		wrong(k, b, 0, "there is one of this name already (line %d)", m->line);
	if (share_vlan_device(m, p))
		wrong(k, b, p->vlan_line, VLAN_ONCE, p->vlan, p->bridge);
	if (k->r->election.virtual_mac && conf_leg_same_wire(m, p))
		wrong_mac(k, "both legs are on bridge \"%s\"; allowed: with legs on two bridges",
			  p->bridge);
}

static unsigned count_vips(const struct conf_router *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf_legs(r); i++)
		n += r->leg[i].n_vips;
	return n;
}

void conf_check_legs(const struct conf *c, const struct conf_router *r, struct conf_errors *errors)
{
	const struct check k = {.c = c, .r = r, .errors = errors};

	for (unsigned i = 0; i < conf_legs(r); i++) {
		check_vips(&k, i);
		check_name(&k, i);
		check_mac(&k, i);
		for (unsigned j = 0; j < i; j++)
			check_two(&k, j, i);
	}
	if (count_vips(r) > CONF_VIPS_MAX)
		conf_error(errors, c->path, r->line,
			   "router \"%s\": vip: its legs have %u in all; allowed: at most %u",
			   r->name, count_vips(r), CONF_VIPS_MAX);
	if (r->election.virtual_mac && !r->election.vrid)
		wrong_mac(&k, "it is made of the VRID; allowed: with a vrid");
}

/* ---- legs of two routers ----------------------------------------------------------------------
 */

/* Leg x, of router a, and leg id of the other one are on one wire. */
static void check_one_wire(const struct check *k, const struct conf_router *a,
			   const struct conf_leg *x, unsigned id)
{
	const struct conf_router *b = k->r;
	const struct conf_leg *y = &b->leg[id];
	char buf[IP_PREFIX_STRLEN];

	for (unsigned i = 0; i < y->n_vips && !x->automatic && !y->automatic; i++)
		if (ip_prefix_any_is(x->vip, x->n_vips, &y->vip[i].addr))
			wrong(k, id, y->vip_line,
			      "vip = \"%s\": is router \"%s\"'s, too, on one bridge; allowed: an "
			      "address of its own",
			      ip_prefix_format(&y->vip[i], buf), a->name);
	if (share_vlan_device(x, y))
		wrong(k, id, y->vlan_line, VLAN_ONCE, y->vlan, y->bridge);
	if (a->election.virtual_mac && b->election.virtual_mac &&
	    a->election.vrid == b->election.vrid && conf_mac_is_ipv6(a) == conf_mac_is_ipv6(b))
		conf_error(
			k->errors, k->c->path,
			line_or(b->election.virtual_mac_line, b->election.line),
			"router \"%s\": election: virtual-mac: router \"%s\" has the same VRID "
			"and so the same MAC address on bridge \"%s\"; allowed: a VRID of its own",
			b->name, a->name, y->bridge);
}

static void check_other(const struct check *k, const struct conf_router *a, unsigned i, unsigned j)
{
	const struct conf_router *b = k->r;

	if (a->leg[i].attach == NET_ATTACH_OVS && b->leg[j].attach == NET_ATTACH_OVS &&
	    strcmp(a->leg[i].interface, b->leg[j].interface) == 0)
		wrong(k, j, b->leg[j].interface_line,
		      "interface = \"%s\": is a leg of router \"%s\", too, and a port of Open "
		      "vSwitch "
		      "has one name for the whole host; allowed: a name of its own",
		      b->leg[j].interface, a->name);
	if (conf_leg_same_wire(&a->leg[i], &b->leg[j]))
		check_one_wire(k, a, &a->leg[i], j);
}

void conf_check_legs_of_two(const struct conf *c, const struct conf_router *a,
			    const struct conf_router *b, struct conf_errors *errors)
{
	const struct check k = {.c = c, .r = b, .errors = errors};

	if (net_hostnames_equal(a->namespace, b->namespace) &&
	    strcmp(a->namespace, b->namespace) != 0)
		conf_error(errors, c->path, line_or(b->namespace_line, b->line),
			   "router \"%s\": namespace = \"%s\": its legs on bridges would be named "
			   "like those of router \"%s\"; allowed: another name",
			   b->name, b->namespace, a->name);
	for (unsigned i = 0; i < conf_legs(a); i++)
		for (unsigned j = 0; j < conf_legs(b); j++)
			check_other(&k, a, i, j);
}
