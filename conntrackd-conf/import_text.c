/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A router's section. */
#include <stdarg.h>
#include <string.h>

#include "import_build.h"

/* What a line of the output says, with the mark that nobody wrote it. */
void built_chosen(struct built *b, const char *line, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	txt_add(b->out, "%s  # CHOSEN: %s\n", line, why);
	import_say(b->im, IMPORT_CHOSEN, NULL, "router \"%s\": %s: %s", b->name,
		   line + strspn(line, " "), why);
}

void built_name(char *to, size_t cap, const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < cap; from++) {
		bool word = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
			    (*from >= '0' && *from <= '9') || *from == '_';

		if (word || (n && strchr(".-", *from)))
			to[n++] = *from;
	}
	to[n] = '\0';
	if (!n)
		snprintf(to, cap, "r");
}

/* In single quotes libConfuse takes all as it is, but for these two. */
void built_quoted(struct txt *out, const char *text)
{
	txt_add(out, "'");
	for (; *text; text++) {
		char c = (unsigned char)*text < ' ' ? '?' : *text;

		if (c == '\'' || c == '\\')
			txt_add(out, "\\");
		txt_put(out, &c, 1);
	}
	txt_add(out, "'");
}

/* ---- legs ------------------------------------------------------------------------------------ */

static void put_vips(const struct built_leg *l, struct txt *to)
{
	char text[IP_PREFIX_STRLEN];

	txt_add(to, "    vip = ");
	for (unsigned i = 0; i < l->n_vips; i++)
		txt_add(to, "%s\"%s\"",
			i		? ", "
			: l->n_vips > 1 ? "{ "
					: "",
			ip_prefix_format(&l->vip[i], text));
	txt_add(to, "%s", l->n_vips > 1 ? " }" : "");
}

static void put_addresses(struct built *b, const struct built_leg *l, const char *leg)
{
	struct txt vips = {0};

	put_vips(l, &vips);
	if (!l->dev)
		built_chosen(b, vips.p ? vips.p : "", "the files name no address of the %s leg",
			     leg);
	else if (l->len_chosen)
		built_chosen(b, vips.p ? vips.p : "",
			     "the %s leg has no other address, so a length is needed that takes in "
			     "its neighbours",
			     leg);
	else
		txt_add(b->out, "%s\n", vips.p ? vips.p : "");
	b->out->failed |= vips.failed;
	txt_free(&vips);
}

static void put_gateways(struct built *b)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < b->n_gateways; i++)
		txt_add(b->out, "%s\"%s\"",
			i		    ? ", "
			: b->n_gateways > 1 ? "    gateway = { "
					    : "    gateway = ",
			ip_addr_format(&b->gateway[i], text));
	if (b->n_gateways)
		txt_add(b->out, "%s\n", b->n_gateways > 1 ? " }" : "");
	else
		txt_add(b->out, "    # no gateway: the files have no default route\n");
}

static void put_leg(struct built *b, unsigned which)
{
	static const char *const name[NET_LEGS] = {"management", "public"};
	const struct built_leg *l = &b->leg[which];
	char line[80];

	txt_add(b->out, "  %s {\n", name[which]);
	snprintf(line, sizeof(line), "    attach = \"bridge:%s\"", l->bridge);
	built_chosen(b, line, "the bridge that %s is a port of, or is",
		     l->dev ? l->dev : "the leg's network");
	txt_add(b->out, "    interface = \"%s\"\n", l->interface);
	put_addresses(b, l, name[which]);
	if (which == NET_PUBLIC)
		put_gateways(b);
	txt_add(b->out, "  }\n");
}

/* ---- election -------------------------------------------------------------------------------- */

static const struct built_leg *leg_of(const struct built *b, const char *dev)
{
	for (unsigned i = 0; i < NET_LEGS; i++)
		if (b->leg[i].dev && strcmp(b->leg[i].dev, dev) == 0)
			return &b->leg[i];
	return NULL;
}

const char *built_election(const struct built *b)
{
	const char *interface = b->n_insts ? b->inst[0]->interface : NULL;
	const struct built_leg *l = interface ? leg_of(b, interface) : NULL;

	if (!interface || b->im->opts.namespace || b->im->ka.namespace)
		return NULL;
	return l ? l->bridge : interface;
}

static void put_interface(struct built *b)
{
	const char *interface = built_election(b);
	char line[80];

	snprintf(line, sizeof(line), "    interface = \"%s\"", interface ? interface : "br-mgmt");
	if (interface && strcmp(interface, b->inst[0]->interface) == 0)
		txt_add(b->out, "%s\n", line);
	else
		built_chosen(b, line,
			     "VRRP is spoken in the controller's own namespace, on a link that the "
			     "controllers share and that has an address");
}

static void put_priority(struct built *b, const struct im_inst *in)
{
	int p = (int)(in->priority ? in->priority : 100);
	char line[40];

	if (p == 255) {
		txt_add(b->out, "    priority = 255\n");
		return;
	}
	p += b->bonus;
	snprintf(line, sizeof(line), "    priority = %d", p < 2 ? 2 : p > 253 ? 253 : p);
	if (p < 2 || p > 253)
		built_chosen(b, line, "%d does not go; 2 to 253, or 255 for the owner", p);
	else if (b->bonus)
		txt_add(b->out, "%s  # with what keepalived adds while all is well\n", line);
	else
		txt_add(b->out, "%s\n", line);
}

/* Version 2 counts in seconds, version 3 in centiseconds. */
static void put_interval(struct built *b, const struct im_inst *in, unsigned version)
{
	unsigned unit = version == 2 ? 1000 : 10, most = version == 2 ? 40000 : 40950;
	unsigned asked = in->advert_ms ? in->advert_ms : 1000;
	unsigned ms = (asked + unit - 1) / unit * unit;
	char line[60];

	ms = ms > most ? most : ms;
	snprintf(line, sizeof(line), "    advert-interval = %u", ms);
	if (ms == asked)
		txt_add(b->out, "%s\n", line);
	else
		built_chosen(b, line, "%u ms do not go with version %u", asked, version);
}

static void put_peers(struct built *b, const struct im_inst *in)
{
	char text[INET6_ADDRSTRLEN];
	unsigned n = 0;

	for (unsigned i = 0; in->unicast && i < in->peers.n; i++) {
		const struct ip_addr *a = &in->peers.addr[i];

		if ((a->family == AF_INET6) == b->ipv6)
			txt_add(b->out, "%s\"%s\"", n++ ? ", " : "    peers = { ",
				ip_addr_format(a, text));
		else
			import_say(b->im, IMPORT_MISSING, in->at,
				   "unicast_peer %s: is of the other IP version than the VIPs",
				   ip_addr_format(a, text));
	}
	if (n)
		txt_add(b->out, " }\n");
}

static void put_flags(struct built *b, const struct im_inst *in)
{
	bool strict = in->strict || b->im->ka.strict;

	txt_add(b->out, "    preempt = %s\n", in->nopreempt ? "false" : "true");
	if (in->preempt_delay_s)
		txt_add(b->out, "    preempt-delay = %u\n", in->preempt_delay_s);
	if (in->plain_sum)
		txt_add(b->out, "    checksum = \"no-pseudo-header\"\n");
	if (in->virtual_mac)
		txt_add(b->out, "    virtual-mac = true\n");
	if (in->priority != 255 && (in->accept == IM_NO || (strict && in->accept == IM_UNSAID)))
		txt_add(b->out, "    accept = false\n");
}

static void put_vrrp(struct built *b)
{
	const struct im_inst *in = b->inst[0];
	unsigned said = in->version ? in->version : b->im->ka.version;
	unsigned version = b->ipv6 ? 3 : said ? said : 2; /* keepalived's own default */

	txt_add(b->out, "  election {\n    mode = \"vrrp\"\n");
	put_interface(b);
	if (b->ipv6)
		txt_add(b->out, "    family = \"ipv6\"\n");
	put_peers(b, in);
	if (!in->vrid)
		import_say(b->im, IMPORT_ERROR, in->at, "%.80s: virtual_router_id is missing",
			   in->name);
	txt_add(b->out, "    vrid = %u\n    version = %u\n", in->vrid, version);
	put_priority(b, in);
	put_interval(b, in, version);
	put_flags(b, in);
	txt_add(b->out, "  }\n");
}

void built_router(struct built *b)
{
	unsigned refresh =
		b->n_insts && b->inst[0]->refresh_s ? b->inst[0]->refresh_s : b->im->ka.refresh_s;
	struct txt tracks = {0};
	char line[120];

	built_tracks(b, &tracks);
	txt_add(b->out, "router \"%s\" {\n", b->name);
	snprintf(line, sizeof(line), "  namespace = \"%s\"", b->namespace);
	if (b->im->opts.namespace || b->im->ka.namespace)
		txt_add(b->out, "%s\n", line);
	else
		built_chosen(b, line, "it is made when it does not exist");
	if (refresh)
		txt_add(b->out, "  announce-refresh = %u\n", refresh > 3600 ? 3600 : refresh);
	put_leg(b, NET_MANAGEMENT);
	put_leg(b, NET_PUBLIC);
	built_chosen(b, "  nat { mode = \"snat\" }",
		     "the files say nothing of translation; \"none\" where others do it");
	if (b->n_insts)
		put_vrrp(b);
	else
		built_chosen(b, "  election { mode = \"external\" }",
			     "there is no keepalived.conf; a cluster manager promotes and demotes");
	txt_add(b->out, "%s}\n", tracks.p ? tracks.p : "");
	b->out->failed |= tracks.failed;
	txt_free(&tracks);
}
