/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of conntrackd's protocol: what it needs, and what it does not have. It names no
 * router, so all that is heard is about the one there is; it seals nothing; with several links
 * there are two controllers, since each sends from another address on each of them, and nothing
 * else says who it is. */
#include "conf_check.h"
#include "conf_option.h"

#include <string.h>

#define PORT_CONNTRACKD 3780

void conf_sync_complete(struct conf_sync *s)
{
	if (!s->conntrackd)
		return;
	if (!s->port_line)
		s->port = PORT_CONNTRACKD;
	if (!s->security_line)
		s->sealed = false;
}

struct ip_addr conf_sync_group(const struct conf_sync *s, unsigned i)
{
	return s->groups[i < s->n_groups ? i : s->n_groups ? s->n_groups - 1 : 0];
}

uint16_t conf_sync_port(const struct conf_sync *s, unsigned i)
{
	unsigned last = s->n_ports ? s->n_ports - 1 : 0;

	if (i <= last)
		return (uint16_t)s->ports[i];
	return (uint16_t)(s->ports[last] + (s->conntrackd ? i - last : 0));
}

/* A line of 0: the option is not there. */
static void refuse(const struct conf *c, struct conf_errors *errors, int line, const char *option,
		   const char *why)
{
	if (line)
		conf_error(errors, c->path, line, "sync: %s: %s", option, why);
}

static void check_native(const struct conf *c, struct conf_errors *errors)
{
	const char *why = "is an option of conntrackd's protocol; allowed: with protocol = "
			  "\"conntrackd\"";

	refuse(c, errors, c->sync.mode_line, "mode", why);
	refuse(c, errors, c->sync.transport_line, "transport", why);
	refuse(c, errors, c->sync.checksum_line, "checksum", why);
	refuse(c, errors, c->sync.refresh_line, "refresh", why);
	why = "one for each link is an option of conntrackd's protocol; allowed: one";
	if (c->sync.n_groups > 1)
		refuse(c, errors, c->sync.group_line, "group", why);
	if (c->sync.n_ports > 1)
		refuse(c, errors, c->sync.port_line, "port", why);
}

/* Several links: this controller and one other. */
static void check_links(const struct conf *c, struct conf_errors *errors)
{
	const struct conf_sync *s = &c->sync;
	unsigned most = 0;

	for (unsigned i = 0; i < s->n_interfaces; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < s->n_peers; k++)
			n += s->peer[k].interface[0]
				     ? strcmp(s->peer[k].interface, s->interface[i]) == 0
				     : i == 0;
		if (!n && !s->group.family)
			conf_error(errors, c->path, s->peers_line,
				   "sync: peers: nobody is reached through %s; allowed: an address "
				   "for each interface, as \"ADDRESS%%%s\"",
				   s->interface[i], s->interface[i]);
		most = n > most ? n : most;
	}
	if (s->n_interfaces > 1 && most > 2)
		refuse(c, errors, s->peers_line, "peers",
		       "conntrackd's protocol on several links is spoken by two controllers; "
		       "allowed: on each this one's address and that of one other, or one "
		       "interface");
	if (s->n_groups > s->n_interfaces)
		refuse(c, errors, s->group_line, "group",
		       "more than there are interfaces; allowed: one for each, or for all");
	if (s->n_ports > s->n_interfaces)
		refuse(c, errors, s->port_line, "port",
		       "more than there are interfaces; allowed: one for each, or the first one's");
	for (unsigned i = 1; i < s->n_groups; i++)
		if (s->groups[i].family != s->group.family)
			refuse(c, errors, s->group_line, "group",
			       "groups of both IP versions; allowed: one version on all links");
	for (unsigned i = 0; i < s->n_interfaces; i++)
		if (!conf_sync_port(s, i))
			refuse(c, errors, s->port_line ? s->port_line : s->line, "port",
			       "the links that follow have the next ones, and there is none; "
			       "allowed: 1 to 65535, one for each link");
}

static void check_options(const struct conf *c, struct conf_errors *errors)
{
	const struct conf_sync *s = &c->sync;
	int family = s->group.family ? s->group.family : s->n_peers ? s->peer[0].addr.family : 0;

	if (s->sealed)
		refuse(c, errors, s->security_line, "security",
		       "conntrackd's protocol is not sealed; allowed: \"none\", or protocol = "
		       "\"native\"");
	refuse(c, errors, s->hold_new_line, "hold-new",
	       "conntrackd's protocol tells changes as they come; allowed: with protocol = "
	       "\"native\"");
	if (s->mode != CTD_MODE_ALARM)
		refuse(c, errors, s->refresh_line, "refresh",
		       "nothing is told again without need in this mode; allowed: with mode = "
		       "\"alarm\"");
	if (!s->checksum && family == AF_INET6)
		refuse(c, errors, s->checksum_line, "checksum",
		       "IPv6 does not do without; allowed: true, or addresses of IPv4");
	if (s->tcp && s->group.family)
		refuse(c, errors, s->group_line, "group",
		       "TCP has two ends; allowed: peers, or transport = \"udp\"");
	if (s->tcp && !s->checksum)
		refuse(c, errors, s->checksum_line, "checksum",
		       "TCP does not do without; allowed: true, or transport = \"udp\"");
}

static void check_routers(const struct conf *c, struct conf_errors *errors)
{
	for (unsigned i = 0; i < c->n_routers; i++) {
		const struct conf_router *r = &c->router[i];

		if (i)
			conf_error(errors, c->path, r->line,
				   "router \"%s\": conntrackd's protocol names no router, and "
				   "\"%s\" has it; allowed: one router, or sync's protocol = "
				   "\"native\"",
				   r->name, c->router[0].name);
		if (r->election.fast_detect)
			conf_error(errors, c->path, r->election.fast_detect_line,
				   "router \"%s\": election: fast-detect: conntrackd's protocol "
				   "has no heartbeats for it; allowed: 0, or sync's protocol = "
				   "\"native\"",
				   r->name);
	}
}

void conf_check_conntrackd(const struct conf *c, struct conf_errors *errors)
{
	if (!c->sync.present)
		return;
	if (!c->sync.conntrackd) {
		check_native(c, errors);
		return;
	}
	check_options(c, errors);
	check_links(c, errors);
	check_routers(c, errors);
}
