/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of conntrackd's protocol: what it needs, and what it does not have. It names no
 * router, so all that is heard is about the one there is; it seals nothing; it has one link, since
 * copies on a second one would come from another address, and so be another controller's. */
#include "conf_check.h"
#include "conf_option.h"

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
	refuse(c, errors, c->sync.checksum_line, "checksum", why);
	refuse(c, errors, c->sync.refresh_line, "refresh", why);
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
	if (s->n_interfaces > 1)
		refuse(c, errors, s->interface_line ? s->interface_line : s->line, "interface",
		       "conntrackd's protocol is spoken on one link; allowed: one interface");
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
	check_routers(c, errors);
}
