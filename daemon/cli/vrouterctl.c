/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrouterctl: one request to the daemon, its answer for people or as JSON. */
#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "vrouter/control.h"

#define DEFAULT_SOCKET "/run/vrouterd/control.sock"
#define LIST_ABOVE     16 /* routers: status is a list of them */

struct command {
	const char *name, *args, *help;
	int (*fn)(struct cli *c, int argc, char **argv);
};

static int usage_error(const char *command, const char *what)
{
	fprintf(stderr, "vrouterctl: %s: %s; see vrouterctl help\n", command, what);
	return CLI_USAGE;
}

/* A command whose only argument is an optional router. */
static int show(struct cli *c, int argc, char **argv, void (*print)(const json_t *data))
{
	json_t *args = json_object(), *data = NULL;
	int rc;

	if (argc > 2) {
		json_decref(args);
		return usage_error(argv[0], "one router at most");
	}
	if (argc == 2)
		json_object_set_new(args, "router", json_string(argv[1]));
	if (c->json)
		return cli_show(c, argv[0], args);
	rc = cli_request(c, argv[0], args, &data);
	if (rc == CLI_DONE)
		print(data);
	json_decref(data);
	return rc;
}

/* brief is named only where it is wanted: a daemon of before an upgrade refuses what it does not
 * know, and the agent of Pacemaker asks it with the vrouterctl of after. */
static json_t *status_args(const char *router, bool brief)
{
	json_t *args = json_object();

	if (brief)
		json_object_set_new(args, "brief", json_true());
	if (router)
		json_object_set_new(args, "router", json_string(router));
	return args;
}

/* Of many routers a line each is what somebody reads, and all there is of them takes a while. */
static int print_status(struct cli *c, const char *router, bool brief, bool all)
{
	json_t *data = NULL;
	bool list = brief || (!all && !router);
	int rc = cli_request(c, "status", status_args(router, list), &data);

	if (rc == CLI_DONE && list && !brief &&
	    json_array_size(json_object_get(data, "routers")) <= LIST_ABOVE) {
		json_decref(data);
		data = NULL;
		list = false;
		rc = cli_request(c, "status", status_args(router, false), &data);
	}
	if (rc == CLI_DONE && list)
		cli_print_list(data);
	else if (rc == CLI_DONE)
		cli_print_status(data);
	json_decref(data);
	return rc;
}

static int do_status(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"brief", no_argument, NULL, 'b'},
					      {"long", no_argument, NULL, 'l'},
					      {NULL, 0, NULL, 0}};
	bool brief = false, all = false;
	const char *router;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "bl", longs, NULL)) != -1) {
		if (opt == '?')
			return CLI_USAGE;
		brief = opt == 'b';
		all = opt == 'l';
	}
	if (argc - optind > 1)
		return usage_error(argv[0], "one router at most");
	router = argv[optind]; /* NULL: none */
	if (c->json)
		return cli_show(c, "status", status_args(router, brief));
	return print_status(c, router, brief, all);
}

static int do_peers(struct cli *c, int argc, char **argv)
{
	return show(c, argc, argv, cli_print_peers);
}

static int do_stats(struct cli *c, int argc, char **argv)
{
	return show(c, argc, argv, cli_print_stats);
}

static int say(struct cli *c, const char *cmd, json_t *args)
{
	json_t *data = NULL;
	int rc = cli_request(c, cmd, args, &data);

	if (rc == CLI_DONE && c->json)
		cli_print_json(data);
	else if (rc == CLI_DONE)
		puts(json_string_value(json_object_get(data, "text")));
	json_decref(data);
	return rc;
}

/* promote, demote */
static int do_move(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"force", no_argument, NULL, 'f'},
					      {NULL, 0, NULL, 0}};
	bool force = false;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "f", longs, NULL)) != -1) {
		if (opt != 'f')
			return CLI_USAGE;
		force = true;
	}
	if (argc - optind != 1)
		return usage_error(argv[0], "needs the name of one router");
	return say(c, argv[0],
		   json_pack("{s:s, s:b}", "router", argv[optind], "force", (int)force));
}

/* stop, start, remove */
static int do_router(struct cli *c, int argc, char **argv)
{
	if (argc != 2)
		return usage_error(argv[0], "needs the name of one router");
	c->reply_ms = CLI_STOP_MS;
	return say(c, argv[0], json_pack("{s:s}", "router", argv[1]));
}

/* reload, upgrade */
static int do_plain(struct cli *c, int argc, char **argv)
{
	if (argc > 1)
		return usage_error(argv[0], "takes no argument");
	return say(c, argv[0], json_object());
}

static void print_event(const struct cli *c, const json_t *e)
{
	if (!c->json) {
		cli_print_event(e);
		return;
	}
	json_dumpf(e, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static int follow(struct cli *c)
{
	for (;;) {
		json_t *e = NULL;
		int rc = cli_next(c, -1, &e);

		if (rc != CLI_DONE)
			return rc;
		print_event(c, e);
		json_decref(e);
		if (ferror(stdout))
			return CLI_DONE;
	}
}

static int do_events(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"follow", no_argument, NULL, 'f'},
					      {"lines", required_argument, NULL, 'n'},
					      {NULL, 0, NULL, 0}};
	json_t *args = json_object(), *data = NULL, *e;
	bool follows = false, bad = false;
	size_t i;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "fn:", longs, NULL)) != -1) {
		char *end = NULL;

		if (opt == 'f')
			follows = true;
		else if (opt == 'n')
			json_object_set_new(args, "lines", json_integer(strtol(optarg, &end, 10)));
		if (opt == '?' || (opt == 'n' && (!*optarg || *end)))
			bad = true;
	}
	if (bad || optind < argc) {
		json_decref(args);
		return usage_error(argv[0], "takes --follow and --lines N");
	}
	json_object_set_new(args, "follow", json_boolean(follows));

	int rc = cli_request(c, "events", args, &data);

	json_array_foreach(data, i, e) print_event(c, e);
	json_decref(data);
	return rc == CLI_DONE && follows ? follow(c) : rc;
}

static int do_version(struct cli *c, int argc, char **argv)
{
	json_t *data = NULL;
	int rc;

	if (argc > 1)
		return usage_error(argv[0], "takes no argument");
	if (!c->json)
		puts("vrouterctl " VR_VERSION);
	rc = cli_request(c, "version", json_object(), &data);
	if (rc == CLI_DONE && c->json)
		cli_print_json(data);
	else if (rc == CLI_DONE)
		printf("vrouterd %s\n", json_string_value(json_object_get(data, "version")));
	json_decref(data);
	return rc;
}

static int do_help(struct cli *c, int argc, char **argv);

static const struct command commands[] = {
	{"status", "[ROUTER] [--brief|--long]", "roles, faults and alarms", do_status},
	{"flows", "[ROUTER] [options]", "the flows in the kernel's table, or their events",
	 cli_flows},
	{"peers", "[ROUTER]", "the other controllers, and how far they are", do_peers},
	{"stats", "[ROUTER]", "every counter", do_stats},
	{"promote", "ROUTER|GROUP [--force]", "make a router, or its group, ACTIVE here", do_move},
	{"demote", "ROUTER|GROUP [--force]", "hand it over to another controller", do_move},
	{"stop", "ROUTER", "hand it over, and take it down here", do_router},
	{"start", "ROUTER", "start it after stop or remove", do_router},
	{"remove", "ROUTER", "stop it, and take away all that it made", do_router},
	{"verify", "ROUTER", "compare the tables of source and replicas now", cli_verify},
	{"check", "ROUTER [--connect HOST:PORT]", "does all of it work? what to do if not",
	 cli_check},
	{"plan", "", "what a reload would change", cli_plan},
	{"events", "[--follow] [--lines N]", "what happened, oldest first", do_events},
	{"reload", "", "read the config file again", do_plain},
	{"upgrade", "", "go on with the binary that is installed now", do_plain},
	{"import", "FILE...", "a vrouterd.conf from those of conntrackd and keepalived",
	 cli_import},
	{"export", "conntrackd [ROUTER]", "a conntrackd.conf from vrouterd.conf", cli_export},
	{"keygen", "[FILE]", "a new key for replication", cli_keygen},
	{"version", "", "versions of this program and of the daemon", do_version},
	{"help", "", "this", do_help},
};

static void print_usage(FILE *to)
{
	fputs("Usage: vrouterctl [--socket PATH] [--json] COMMAND\n\n"
	      "  -s, --socket PATH  the daemon's control socket (default " DEFAULT_SOCKET ")\n"
	      "  -j, --json         print JSON\n"
	      "  -V, --version      print this program's version\n\n",
	      to);
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %-8s %-24s %s\n", commands[i].name, commands[i].args,
			commands[i].help);
	fputs("\n  flows: --count --follow --expect --replica -o OUTPUT, and the filters of\n"
	      "  conntrack(8): -p -s -d -r -q --sport --dport --state -u -m -w -l -n -g -j -f ...\n"
	      "\nExit status: 0 done, 1 not so or not possible, 2 usage, 3 daemon not reachable\n",
	      to);
}

static int do_help(struct cli *c, int argc, char **argv)
{
	(void)c;
	(void)argc;
	(void)argv;
	print_usage(stdout);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].fn(c, argc, argv);
	fprintf(stderr, "vrouterctl: unknown command \"%s\"\n", argv[0]);
	print_usage(stderr);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
					      {"json", no_argument, NULL, 'j'},
					      {"version", no_argument, NULL, 'V'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	struct cli c = {.socket = DEFAULT_SOCKET, .reply_ms = CLI_REPLY_MS, .fd = -1};
	int opt, rc;

	/* '+': what follows the command is the command's */
	while ((opt = getopt_long(argc, argv, "+s:jVh", longs, NULL)) != -1) {
		if (opt == 's') {
			c.socket = optarg;
		} else if (opt == 'j') {
			c.json = true;
		} else if (opt == 'V') {
			puts("vrouterctl " VR_VERSION);
			return CLI_DONE;
		} else {
			print_usage(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? CLI_DONE : CLI_USAGE;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	rc = run(&c, argc - optind, argv + optind);
	cli_close(&c);
	return rc;
}
