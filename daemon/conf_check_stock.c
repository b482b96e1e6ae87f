/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sync { engine = "conntrackd" }: what conntrackd cannot do is refused, not left out. Pure. */
#include <string.h>

#include "../conntrackd-conf/ctd_write.h"
#include "conf_check.h"

#define SOCKET_TAIL "/services/.conntrackd/ctl"

struct check {
	const struct conf *c;
	struct conf_errors *errors;
};

static void refuse(const struct check *k, int line, const char *router, const char *what)
{
	const struct conf_sync *s = &k->c->sync;

	if (router)
		conf_error(k->errors, k->c->path, line, "router \"%s\": %s", router, what);
	else
		conf_error(k->errors, k->c->path, line ? line : s->line, "sync: %s", what);
}

static void check_sync(const struct check *k)
{
	const struct conf_sync *s = &k->c->sync;

	if (s->group.family != AF_INET)
		refuse(k, s->group_line, NULL,
		       "engine = \"conntrackd\": its link in the router's namespace has no address "
		       "that others could know; allowed: an IPv4 multicast group");
	if (s->conntrackd)
		refuse(k, s->protocol_line, NULL,
		       "protocol: engine = \"conntrackd\" speaks it by itself; allowed: without, "
		       "or "
		       "engine = \"native\"");
	if (s->n_peers)
		refuse(k, s->peers_line, NULL,
		       "peers: engine = \"conntrackd\" speaks by multicast only; allowed: a group");
	if (s->key_file[0])
		refuse(k, s->key_file_line, NULL,
		       "key-file: conntrackd neither encrypts nor authenticates; allowed: without, "
		       "or engine = \"native\"");
	if (s->hold_new_line)
		refuse(k, s->hold_new_line, NULL,
		       "hold-new: conntrackd tells changes as they come; allowed: without, or "
		       "engine "
		       "= \"native\"");
	if (k->c->n_routers > 1)
		refuse(k, s->engine_line, NULL,
		       "engine = \"conntrackd\": several of them would hear each other; allowed: "
		       "with one router, or engine = \"native\"");
}

/* Its links are in the router's namespace, too. */
static void check_legs(const struct check *k, const struct conf_router *r)
{
	char name[IFNAMSIZ];

	for (unsigned i = 0; i < conf_legs(r); i++)
		for (unsigned n = 0; n < k->c->sync.n_interfaces; n++) {
			ctd_link_name(name, n);
			if (strcmp(r->leg[i].interface, name) == 0)
				refuse(k, r->leg[i].interface_line, r->name,
				       "interface: ctd0 to ctd3 are conntrackd's links (engine = "
				       "\"conntrackd\"); allowed: another name");
		}
}

static void check_router(const struct check *k, const struct conf_router *r)
{
	const char *lacks = ctd_filter_lacks(&r->filter);

	check_legs(k, r);
	if (lacks)
		conf_error(k->errors, k->c->path, r->filter.line,
			   "router \"%s\": filter: %s; allowed: without, or engine = \"native\"",
			   r->name, lacks);
	if (r->crash == CONF_CRASH_ADOPT)
		refuse(k, r->crash_line, r->name,
		       "crash = \"adopt\": conntrackd ends with the daemon, and its cache with it; "
		       "allowed: crash = \"withdraw\", or engine = \"native\"");
	if (r->election.fast_detect)
		refuse(k, r->election.fast_detect_line, r->name,
		       "election: fast-detect: conntrackd sends no heartbeats; allowed: 0, or "
		       "engine = \"native\"");
	if (strlen(k->c->controller.run_dir) + strlen(r->name) + strlen(SOCKET_TAIL) >=
	    CONF_PATH_MAX)
		refuse(k, r->line, r->name,
		       "its name and run-dir are too long for the path of conntrackd's socket; "
		       "allowed: 107 characters for RUN-DIR/services/NAME.conntrackd/ctl");
}

void conf_check_stock(const struct conf *c, struct conf_errors *errors)
{
	const struct check k = {.c = c, .errors = errors};

	if (!c->sync.present || !c->sync.stock)
		return;
	check_sync(&k);
	for (unsigned i = 0; i < c->n_routers; i++)
		check_router(&k, &c->router[i]);
}
