/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived's addresses have devices; a router of vrouterd has two legs. Which is which shows the
 * default route, else a public address, else their order. */
#include <string.h>

#include "import_build.h"

#define DEVS_MAX 16

struct devs {
	const char *name[DEVS_MAX];
	unsigned n;
	int public; /* -1: none looks so */
};

static const char *dev_of(const struct im_inst *in, const char *dev)
{
	if (!dev || (in->vmac && strcmp(dev, in->vmac) == 0))
		return in->interface ? in->interface : "eth0";
	return dev;
}

static int dev_index(struct devs *d, const char *name, bool add)
{
	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->name[i], name) == 0)
			return (int)i;
	if (!add || d->n == DEVS_MAX)
		return -1;
	d->name[d->n] = name;
	return (int)d->n++;
}

static bool in_net(const struct ip_addr *a, const char *net)
{
	struct ip_prefix p;

	return ip_prefix_parse(&p, net) == 0 && p.addr.family == a->family &&
	       ip_prefix_contains(&p, a);
}

static bool is_private(const struct ip_addr *a)
{
	static const char *const net[] = {"10.0.0.0/8",	   "172.16.0.0/12",  "192.168.0.0/16",
					  "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
					  "fe80::/10"};

	for (unsigned i = 0; i < ARRAY_LEN(net); i++)
		if (in_net(a, net[i]))
			return true;
	return false;
}

/* OpenStack's: an address that only VRRP needs, on a link of its own. */
static bool is_elections(const struct im_inst *in, const struct im_vip *v)
{
	return in_net(&v->p.addr, "169.254.0.0/16") && in->interface &&
	       strcmp(dev_of(in, v->dev), in->interface) == 0;
}

static void look(struct built *b, struct devs *d)
{
	d->public = -1;
	for (unsigned k = 0; k < b->n_insts; k++) {
		for (unsigned i = 0; i < b->inst[k]->n_vips; i++) {
			const struct im_vip *v = &b->inst[k]->vip[i];
			int at = is_elections(b->inst[k], v)
					 ? -1
					 : dev_index(d, dev_of(b->inst[k], v->dev), true);

			if (at < 0 || is_private(&v->p.addr))
				continue;
			b->is_public = true;
			if (d->public < 0)
				d->public = at;
		}
	}
}

/* The device that a default route leaves by, if it has an address. */
static int routed(const struct built *b, struct devs *d)
{
	for (unsigned k = 0; k < b->n_insts; k++) {
		const struct im_inst *in = b->inst[k];

		for (unsigned i = 0; i < in->n_gateways; i++) {
			const struct im_vip *g = &in->gateway[i];
			int at = g->dev ? dev_index(d, dev_of(in, g->dev), false) : -1;

			for (unsigned n = 0; at < 0 && n < in->n_vips; n++)
				if (in->vip[n].p.addr.family == g->p.addr.family &&
				    ip_prefix_contains(&in->vip[n].p, &g->p.addr))
					at = dev_index(d, dev_of(in, in->vip[n].dev), false);
			if (at >= 0)
				return at;
		}
	}
	return -1;
}

static void add_vip(struct built *b, struct built_leg *l, const struct im_vip *v)
{
	struct ip_prefix p = v->p;
	bool v4 = p.addr.family == AF_INET;

	if (l->n_vips == NET_VIPS_MAX) {
		import_say(b->im, IMPORT_MISSING, v->at, "%.80s: a leg has at most %d addresses",
			   v->at->word[0], NET_VIPS_MAX);
		return;
	}
	if (p.len == (v4 ? 32 : 128)) {
		p.len = v4 ? 24 : 64;
		l->len_chosen = true;
	}
	if (!ip_prefix_is_host(&p)) {
		import_say(b->im, IMPORT_ERROR, v->at, "%.80s: is no address that a host can have",
			   v->at->word[0]);
		return;
	}
	if (!ip_prefix_any_is(l->vip, l->n_vips, &p.addr))
		l->vip[l->n_vips++] = p;
	import_say(b->im, IMPORT_USED, v->at, "%.80s: %s { vip }", v->at->word[0],
		   l == &b->leg[NET_PUBLIC] ? "public" : "management");
}

static void add_vips(struct built *b)
{
	for (unsigned k = 0; k < b->n_insts; k++) {
		for (unsigned i = 0; i < b->inst[k]->n_vips; i++) {
			const struct im_vip *v = &b->inst[k]->vip[i];
			const char *dev = dev_of(b->inst[k], v->dev);
			struct built_leg *l = NULL;

			for (unsigned n = 0; n < NET_LEGS; n++)
				if (b->leg[n].dev && strcmp(b->leg[n].dev, dev) == 0)
					l = &b->leg[n];
			if (is_elections(b->inst[k], v))
				import_say(b->im, IMPORT_NOTHING, v->at,
					   "%.80s: is VRRP's alone; the election needs no address "
					   "in the router",
					   v->at->word[0]);
			else if (!l)
				import_say(b->im, IMPORT_MISSING, v->at,
					   "%.80s: is on %.40s; a router has two legs, management "
					   "and public",
					   v->at->word[0], dev);
			else
				add_vip(b, l, v);
		}
	}
}

static void take_gateway(struct built *b, const struct im_vip *g)
{
	b->gateway[b->n_gateways++] = g->p.addr;
	import_say(b->im, IMPORT_USED, g->at, "%.80s: public { gateway }", g->at->word[0]);
}

static void add_gateways(struct built *b)
{
	const struct built_leg *l = &b->leg[NET_PUBLIC];

	for (unsigned k = 0; k < b->n_insts; k++) {
		for (unsigned i = 0; i < b->inst[k]->n_gateways; i++) {
			const struct im_vip *g = &b->inst[k]->gateway[i];
			bool near = ip_addr_is_link_local(&g->p.addr) ||
				    ip_prefix_around(l->vip, l->n_vips, &g->p.addr);

			if (!near || b->n_gateways == NET_FAMILIES ||
			    (b->n_gateways && b->gateway[0].family == g->p.addr.family))
				import_say(b->im, IMPORT_MISSING, g->at,
					   "%.80s: its gateway is not in the network of an address "
					   "of the public leg, or a second one",
					   g->at->word[0]);
			else
				take_gateway(b, g);
		}
	}
}

/* A bridge of the controller keeps its name; in front of anything else there has to be one. */
static void name_leg(struct built_leg *l)
{
	if (strncmp(l->dev, "br", 2) == 0) {
		snprintf(l->bridge, sizeof(l->bridge), "%.15s", l->dev);
		snprintf(l->interface, sizeof(l->interface), "vr-%.12s", l->dev);
	} else {
		snprintf(l->bridge, sizeof(l->bridge), "br-%.12s", l->dev);
		snprintf(l->interface, sizeof(l->interface), "%.15s", l->dev);
	}
}

/* Nothing is known of it: addresses of documentation (RFC 5737), so that nobody's are taken. */
static void invent_leg(struct built *b, unsigned which)
{
	struct built_leg *l = &b->leg[which];
	bool public = which == NET_PUBLIC;
	char text[IP_PREFIX_STRLEN];

	snprintf(l->bridge, sizeof(l->bridge), "%s", public ? "br-ex" : "br-mgmt");
	snprintf(l->interface, sizeof(l->interface), "%s", public ? "vr-ex" : "vr-mgmt");
	snprintf(text, sizeof(text), "%s.%u/24", public ? "198.51.100" : "192.0.2", b->index + 1);
	l->n_vips = ip_prefix_parse(&l->vip[0], text) == 0;
}

void built_legs(struct built *b)
{
	struct devs d = {.n = 0};
	int public, management = -1;

	look(b, &d);
	public = routed(b, &d);
	if (public < 0)
	public = d.public;
	if (public < 0 && d.n > 1)
	public = (int)d.n - 1;
	for (unsigned i = 0; i < d.n && management < 0; i++)
		if ((int)i != public)
			management = (int)i;
	b->leg[NET_PUBLIC].dev = public < 0 ? NULL : d.name[public];
	b->leg[NET_MANAGEMENT].dev = management < 0 ? NULL : d.name[management];
	add_vips(b);
	add_gateways(b);
	for (unsigned i = 0; i < NET_LEGS; i++) {
		if (b->leg[i].dev && b->leg[i].n_vips) {
			name_leg(&b->leg[i]);
		} else {
			b->leg[i].dev = NULL;
			invent_leg(b, i);
		}
	}
}
