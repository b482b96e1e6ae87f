/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section sync: conntrackd's dedicated links and its filter. */
#include <string.h>

#include "import_build.h"

#define GROUP	       "239.255.77.1"
#define CTD_PORT_USUAL 3780

struct built_sync {
	struct import *im;
	const char *interface[SYNC_LINKS_MAX];
	unsigned n_interfaces;
	struct ip_addr group[SYNC_LINKS_MAX];
	unsigned port[SYNC_LINKS_MAX]; /* 0: not said */
	struct txt peers;
	unsigned n_peers;
	bool tcp;
	bool chosen_interface, chosen_group, ipv6;
};

/* Conntrackd's protocol has a group and a port for each link, native one for all. */
static void add_target(struct built_sync *s, const struct im_channel *c)
{
	unsigned i = s->n_interfaces - 1;

	s->port[i] = c->port;
	if (c->multicast)
		s->group[i] = c->address;
	if (i == 0 || s->im->opts.conntrackd)
		return;
	if ((c->port && c->port != s->port[0]) ||
	    (c->multicast && !ip_addr_equal(&c->address, &s->group[0])))
		import_say(s->im, IMPORT_MISSING, c->at,
			   "%s: all links have one group and one port, those of the first",
			   c->at->word[0]);
}

static const char *add_interface(struct built_sync *s, const struct im_channel *c)
{
	for (unsigned i = 0; i < s->n_interfaces; i++)
		if (strcmp(s->interface[i], c->interface) == 0)
			return s->interface[i];
	s->interface[s->n_interfaces++] = c->interface;
	return c->interface;
}

static void add_peer(struct built_sync *s, const struct ip_addr *a, const char *interface)
{
	char text[INET6_ADDRSTRLEN];

	if (!a->family || s->n_peers == SYNC_UNICAST_MAX)
		return;
	txt_add(&s->peers, "%s\"%s%%%s\"", s->n_peers++ ? ", " : "", ip_addr_format(a, text),
		interface);
}

static void add_channel(struct built_sync *s, const struct im_channel *c,
			const struct im_channel *lead)
{
	const char *interface;

	if (!c->interface) {
		import_say(s->im, IMPORT_ERROR, c->at, "%s: Interface is missing", c->at->word[0]);
		return;
	}
	if (c->address.family != lead->address.family ||
	    (c->multicast && !ip_addr_is_multicast(&c->address))) {
		import_say(s->im, IMPORT_ERROR, c->at, "%s: %s", c->at->word[0],
			   c->multicast
				   ? "needs the address of a multicast group, all of one IP version"
				   : "needs addresses, all of one IP version");
		return;
	}
	interface = add_interface(s, c);
	if (!c->multicast) {
		add_peer(s, &c->target, interface);
		add_peer(s, &c->address, interface);
	}
	add_target(s, c);
}

/* What conntrackd's protocol does not have here. */
static const char *lacks(const struct built_sync *s, const struct im_channel *c,
			 const struct im_channel *lead)
{
	if (c->multicast != lead->multicast || c->tcp != lead->tcp)
		return "is of another kind than the default one; all links of sync are of one";
	for (unsigned i = 0; c->interface && i < s->n_interfaces; i++)
		if (strcmp(s->interface[i], c->interface) == 0)
			return "is on the same interface as another one";
	return NULL;
}

/* Default says which link is used first. */
static void add_channels(struct built_sync *s, const struct im_ctd *c)
{
	const struct im_channel *lead = NULL;

	for (unsigned i = 0; i < c->n_channels; i++)
		if (!lead || (c->channel[i].is_default && !lead->is_default))
			lead = &c->channel[i];
	if (!lead)
		return;
	s->tcp = lead->tcp;
	s->ipv6 = lead->address.family == AF_INET6;
	add_channel(s, lead, lead);
	for (unsigned i = 0; i < c->n_channels; i++) {
		const struct im_channel *other = &c->channel[i];
		const char *why = s->im->opts.conntrackd ? lacks(s, other, lead) : NULL;

		if (other != lead && why)
			import_say(s->im, IMPORT_MISSING, other->at, "%s: %s", other->at->word[0],
				   why);
		else if (other != lead)
			add_channel(s, other, lead);
	}
}

static void choose(struct built_sync *s, const char *election)
{
	bool inside = s->im->opts.namespace || s->im->ka.namespace;

	if (!s->n_interfaces || inside) {
		s->interface[0] = election ? election : "br-mgmt";
		s->n_interfaces = 1;
		s->chosen_interface = true;
		txt_free(&s->peers); /* they name the interfaces that are not taken */
		s->n_peers = 0;
	}
	if (!s->group[0].family && !s->n_peers) {
		s->chosen_group = ip_addr_parse(&s->group[0], GROUP) == 0;
	}
}

/* One for each link of conntrackd's protocol, one for all else. */
static void put_targets(const struct built_sync *s, struct txt *out)
{
	unsigned n = s->im->opts.conntrackd ? s->n_interfaces : 1;
	const char *open = n > 1 ? "{ " : "", *close = n > 1 ? " }" : "";
	char group[INET6_ADDRSTRLEN];

	if (s->group[0].family) {
		txt_add(out, "  group = %s", open);
		for (unsigned i = 0; i < n; i++)
			txt_add(out, "%s\"%s\"", i ? ", " : "",
				ip_addr_format(&s->group[i], group));
		txt_add(out, "%s%s\n", close, s->chosen_group ? "  # CHOSEN" : "");
	}
	if (s->n_peers)
		txt_add(out, "  peers = { %s }\n", s->peers.p);
	if (!s->port[0] && n == 1)
		return;
	txt_add(out, "  port = %s", open);
	for (unsigned i = 0; i < n; i++)
		txt_add(out, "%s%u", i ? ", " : "", s->port[i] ? s->port[i] : CTD_PORT_USUAL);
	txt_add(out, "%s\n", close);
}

static void put_links(const struct built_sync *s, struct txt *out)
{
	txt_add(out, "  interface = ");
	for (unsigned i = 0; i < s->n_interfaces; i++)
		txt_add(out, "%s\"%s\"",
			i		      ? ", "
			: s->n_interfaces > 1 ? "{ "
					      : "",
			s->interface[i]);
	txt_add(out, "%s%s\n", s->n_interfaces > 1 ? " }" : "",
		s->chosen_interface ? "  # CHOSEN: one that the controllers meet on" : "");
	put_targets(s, out);
}

/* What conntrackd's protocol does not say for IPv6, or outside of a mode, the daemon refuses. */
static void put_protocol(const struct built_sync *s, struct txt *out)
{
	const struct im_ctd *c = &s->im->ctd;

	if (!s->im->opts.conntrackd) {
		txt_add(out, "  security = \"sealed\"\n"
			     "  key-file = \"/etc/vrouterd/sync.key\"  # CHOSEN: make it with "
			     "vrouterctl keygen\n");
		return;
	}
	txt_add(out, "  protocol = \"conntrackd\"\n  security = \"none\"\n");
	if (c->mode)
		txt_add(out, "  mode = \"%s\"\n", c->mode);
	if (c->refresh && c->mode && strcmp(c->mode, "alarm") == 0)
		txt_add(out, "  refresh = %u\n", c->refresh);
	if (s->tcp)
		txt_add(out, "  transport = \"tcp\"\n");
	else if (c->no_checksum && !s->ipv6)
		txt_add(out, "  checksum = false\n");
}

static void report(const struct built_sync *s)
{
	if (s->chosen_interface)
		import_say(s->im, IMPORT_CHOSEN, NULL,
			   "sync { interface = \"%s\" }: an interface of the controller's own "
			   "namespace that the others are reached by",
			   s->interface[0]);
	if (s->chosen_group)
		import_say(s->im, IMPORT_CHOSEN, NULL, "sync { group = \"" GROUP "\" }");
	if (!s->im->opts.conntrackd)
		import_say(s->im, IMPORT_CHOSEN, NULL,
			   "sync { key-file }: make it with vrouterctl keygen, and copy it to all "
			   "controllers");
}

void built_sync(struct import *im, struct txt *out, const struct built *routers, unsigned n,
		const char *election)
{
	struct built_sync s = {.im = im};

	add_channels(&s, &im->ctd);
	choose(&s, election);
	txt_add(out, "sync {\n");
	put_links(&s, out);
	put_protocol(&s, out);
	built_filter(im, out, routers, n);
	txt_add(out, "}\n");
	report(&s);
	txt_free(&s.peers);
}
