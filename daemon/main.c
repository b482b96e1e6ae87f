/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrouterd: options, and which of its two programs this process is. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>

#include "app.h"
#include "guard.h"
#include "procwatch.h"
#include "service.h"
#include "spawn.h"
#include "startup.h"
#include "uninstall.h"
#include "vrouter/log.h"

enum { EXIT_USAGE = 2 };

struct options {
	struct app_opts app;
	bool check, uninstall, worker, to_syslog, realtime, guard, procwatch, service;
};

static const char usage[] =
	"Usage: vrouterd [--config FILE] [--foreground] [--debug]\n"
	"       vrouterd [--config FILE] --check-config | --uninstall\n"
	"\n"
	"  -c, --config FILE   configuration (default " VR_SYSCONFDIR "/vrouterd/vrouterd.conf)\n"
	"  -f, --foreground    stay in the foreground, log to standard error\n"
	"  -t, --check-config  say what is wrong with the configuration, and end\n"
	"  -d, --debug         log more\n"
	"      --uninstall     take away all that was made by this configuration\n"
	"  -V, --version       print the version, and end\n"
	"  -h, --help          print this, and end\n";

enum {
	OPT_WORKER = 256,
	OPT_SYSLOG,
	OPT_REALTIME,
	OPT_GUARD,
	OPT_PROCWATCH,
	OPT_SERVICE,
	OPT_RESUME,
	OPT_UNINSTALL
};

static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
				      {"foreground", no_argument, NULL, 'f'},
				      {"check-config", no_argument, NULL, 't'},
				      {"debug", no_argument, NULL, 'd'},
				      {"version", no_argument, NULL, 'V'},
				      {"help", no_argument, NULL, 'h'},
				      {"sync-worker", no_argument, NULL, OPT_WORKER},
				      {"syslog", no_argument, NULL, OPT_SYSLOG},
				      {"realtime", no_argument, NULL, OPT_REALTIME},
				      {"guard", no_argument, NULL, OPT_GUARD},
				      {"procwatch", no_argument, NULL, OPT_PROCWATCH},
				      {"service", no_argument, NULL, OPT_SERVICE},
				      {"uninstall", no_argument, NULL, OPT_UNINSTALL},
				      {"resume", no_argument, NULL, OPT_RESUME},
				      {NULL, 0, NULL, 0}};

/* -1: go on; else the exit status. */
static int parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:ftdVh", longs, NULL)) != -1) {
		if (c == 'c') {
			o->app.config = optarg;
		} else if (c == 'f') {
			o->app.foreground = true;
		} else if (c == 't') {
			o->check = true;
		} else if (c == 'd') {
			o->app.debug = true;
		} else if (c == OPT_UNINSTALL) {
			o->uninstall = true;
		} else if (c == OPT_WORKER) { /* for the daemon itself, not for people */
			o->worker = true;
		} else if (c == OPT_SYSLOG) {
			o->to_syslog = true;
		} else if (c == OPT_GUARD) {
			o->guard = true;
		} else if (c == OPT_PROCWATCH) {
			o->procwatch = true;
		} else if (c == OPT_SERVICE) {
			o->service = true;
		} else if (c == OPT_RESUME) {
			o->app.resume = true;
		} else if (c == OPT_REALTIME) {
			o->realtime = true;
		} else if (c == 'V') {
			puts("vrouterd " VR_VERSION);
			return EXIT_SUCCESS;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		} else {
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "vrouterd: unexpected argument \"%s\"\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

/* resume: a daemon that runs without one of its servers is upgraded all the same. */
static int check_config(const char *path, bool resume)
{
	struct conf_errors errors = {0};
	char why[STARTUP_WHY_MAX];
	struct conf *c;
	int err = conf_load(&c, path, &errors);

	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	if (errors.more)
		fprintf(stderr, "and %u more\n", errors.more);
	conf_errors_free(&errors);
	if (err < 0)
		return EXIT_FAILURE;
	err = startup_check_rules(c, why);
	if (err == -EPERM)
		err = 0;
	if (err == 0 && !resume)
		err = startup_check_services(c, why);
	if (err < 0) {
		fprintf(stderr, "%s\n", why);
		conf_free(c);
		return EXIT_FAILURE;
	}
	printf("%s: no errors, %u router%s\n", path, c->n_routers, c->n_routers == 1 ? "" : "s");
	conf_free(c);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = {.app.config = VR_SYSCONFDIR "/vrouterd/vrouterd.conf"};
	int rc = parse(&o, argc, argv);

	if (rc >= 0)
		return rc;
	/* what a careless parent left open would be kept open for as long as we run */
	close_range(o.worker || o.guard || o.procwatch || o.service ? SPAWN_FD + 1
								    : STDERR_FILENO + 1,
		    ~0U, 0);
	log_init("vrouterd", o.to_syslog, o.app.debug);
	spawn_many_files();
	/* Room of which little is used is to cost that little: "always" in
	 * /sys/kernel/mm/transparent_hugepage/enabled would make 2 MiB of each first byte. */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (o.worker)
		return sync_worker_main(o.realtime);
	if (o.guard)
		return guard_main(o.realtime);
	if (o.procwatch)
		return procwatch_main();
	if (o.service)
		return service_main();
	if (o.check)
		return check_config(o.app.config, o.app.resume);
	if (o.uninstall)
		return uninstall(o.app.config);
	return app_run(&o.app);
}
