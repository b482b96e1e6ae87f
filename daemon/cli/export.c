/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl export conntrackd`: a conntrackd.conf out of vrouterd.conf, for one of its routers.
 * Works without a daemon. */
#include <getopt.h>
#include <ifaddrs.h>
#include <string.h>

#include "../../conntrackd-conf/ctd_write.h"
#include "cli.h"

struct export_cli {
	const char *config, *dir, *router;
	struct ip_addr address; /* of the first link, where it is said */
};

static struct ip_addr addr_of(const struct sockaddr *sa)
{
	struct ip_addr a = {0};

	if (sa && sa->sa_family == AF_INET) {
		a.family = AF_INET;
		memcpy(a.b, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa && sa->sa_family == AF_INET6) {
		a.family = AF_INET6;
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
	return a;
}

static bool is_peer(const struct conf_sync *s, const struct ip_addr *a)
{
	for (unsigned i = 0; i < s->n_peers; i++)
		if (ip_addr_equal(&s->peer[i].addr, a))
			return true;
	return false;
}

/* This machine's own: among the peers the one that it has, else the interface's first. */
static void find_own(struct ctd_link *l, const struct conf_sync *s)
{
	int family = s->group.family ? s->group.family : s->peer[0].addr.family;
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct ip_addr a = addr_of(i->ifa_addr);

		if (a.family != family || strcmp(i->ifa_name, l->interface) != 0)
			continue;
		if (!l->own.family || (!s->group.family && is_peer(s, &a)))
			l->own = a;
	}
	freeifaddrs(all);
}

static const struct conf_router *find_router(const struct conf *c, const char *name)
{
	if (!name)
		return c->n_routers == 1 ? &c->router[0] : NULL;
	for (unsigned i = 0; i < c->n_routers; i++)
		if (strcmp(c->router[i].name, name) == 0)
			return &c->router[i];
	return NULL;
}

static int refuse(const char *what)
{
	fprintf(stderr, "vrouterctl: export: %s\n", what);
	return CLI_NOT_SO;
}

static int write_it(const struct export_cli *o, const struct conf *c)
{
	struct ctd_write w = {.sync = &c->sync, .router = find_router(c, o->router), .dir = o->dir};
	char why[CTD_WHY_MAX];
	struct txt out = {0};
	int err;

	if (!c->sync.present)
		return refuse("the configuration has no sync section");
	if (!w.router)
		return refuse(o->router ? "there is no router of this name"
					: "there are several routers; name one");
	if (conf_vips_chosen(w.router))
		return refuse("its vip is \"auto\": the addresses are not in the configuration");
	for (unsigned i = 0; i < c->sync.n_interfaces; i++) {
		w.link[i].interface = c->sync.interface[i];
		if (i == 0 && o->address.family)
			w.link[i].own = o->address;
		else
			find_own(&w.link[i], &c->sync);
	}
	err = ctd_write(&out, &w, why);
	if (!err)
		fputs(out.p, stdout);
	txt_free(&out);
	return err ? refuse(why) : CLI_DONE;
}

static int parse(struct export_cli *o, int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
					      {"address", required_argument, NULL, 'a'},
					      {"dir", required_argument, NULL, 'd'},
					      {NULL, 0, NULL, 0}};
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (opt == 'c')
			o->config = optarg;
		else if (opt == 'd' && *optarg == '/' && !strpbrk(optarg, " \t\"\n"))
			o->dir = optarg;
		else if (opt != 'a' || ip_addr_parse(&o->address, optarg) < 0)
			return CLI_USAGE;
	}
	if (argc - optind < 1 || argc - optind > 2 || strcmp(argv[optind], "conntrackd") != 0)
		return CLI_USAGE;
	o->router = argv[optind + 1]; /* argv ends with NULL */
	return CLI_DONE;
}

int cli_export(struct cli *c, int argc, char **argv)
{
	struct export_cli o = {.config = VR_SYSCONFDIR "/vrouterd/vrouterd.conf",
			       .dir = "/run/conntrackd"};
	struct conf_errors errors = {0};
	struct conf *conf = NULL;
	int rc;

	(void)c;
	if (parse(&o, argc, argv) != CLI_DONE) {
		fprintf(stderr,
			"vrouterctl: export: conntrackd [--config FILE] [--address ADDRESS] "
			"[--dir PATH] [ROUTER]\n");
		return CLI_USAGE;
	}
	rc = conf_load(&conf, o.config, &errors) < 0 ? CLI_NOT_SO : CLI_DONE;
	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	conf_errors_free(&errors);
	if (rc == CLI_DONE)
		rc = write_it(&o, conf);
	conf_free(conf);
	return rc;
}
