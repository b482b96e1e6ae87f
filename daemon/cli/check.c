/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl check`: does all of a router work? */
#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "cli.h"

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static void print_line(const json_t *l)
{
	const char *result = text(l, "result"), *subject = text(l, "subject"),
		   *advice = text(l, "advice");

	printf("  %-8s %-13s %s%s%s\n", strcmp(result, "wrong") == 0 ? "WRONG" : result,
	       text(l, "check"), subject, *subject ? ": " : "", text(l, "text"));
	if (*advice)
		printf("  %-8s %-13s -> %s\n", "", "", advice);
}

static void print(const json_t *data)
{
	long long wrong = json_integer_value(json_object_get(data, "wrong"));
	const json_t *l;
	size_t i;

	if (wrong)
		printf("%s (%s): %lld thing%s wrong\n", text(data, "router"), text(data, "role"),
		       wrong, wrong == 1 ? " is" : "s are");
	else
		printf("%s (%s): ok\n", text(data, "router"), text(data, "role"));
	json_array_foreach(json_object_get(data, "checks"), i, l) print_line(l);
}

/* "HOST:PORT", IPv6 in brackets: the daemon asks no name server, so a name is looked up here.
 * NULL, with a message, if that leads to nothing. */
static json_t *resolve(const char *where)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[256], addr[INET6_ADDRSTRLEN];
	const char *colon = strrchr(where, ':');
	bool bracket = *where == '[';
	size_t len = colon ? (size_t)(colon - where) : 0, cut = bracket ? 1 : 0;
	json_t *out = NULL;
	int err;

	if (len < 2 * cut + 1 || len >= sizeof(host) || !colon[1] ||
	    (bracket && where[len - 1] != ']')) {
		fprintf(stderr,
			"vrouterctl: check: --connect %s: allowed: HOST:PORT, IPv6 in "
			"brackets\n",
			where);
		return NULL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(len - 2 * cut), where + cut);
	err = getaddrinfo(host, colon + 1, &hints, &found);
	if (!err)
		err = getnameinfo(found->ai_addr, found->ai_addrlen, addr, sizeof(addr), NULL, 0,
				  NI_NUMERICHOST);
	if (err)
		fprintf(stderr, "vrouterctl: check: --connect %s: %s\n", where, gai_strerror(err));
	else /* both families have the port there */
		out = json_sprintf(found->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
				   ntohs(((const struct sockaddr_in *)(const void *)found->ai_addr)
						 ->sin_port));
	if (found)
		freeaddrinfo(found);
	return out;
}

static int request(struct cli *c, json_t *args)
{
	json_t *data = NULL;
	int rc = cli_request(c, "check", args, &data);

	if (rc == CLI_DONE && c->json)
		cli_print_json(data);
	else if (rc == CLI_DONE)
		print(data);
	if (rc == CLI_DONE && !json_is_true(json_object_get(data, "ok")))
		rc = CLI_NOT_SO;
	json_decref(data);
	return rc;
}

int cli_check(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"connect", required_argument, NULL, 'c'},
					      {"json", no_argument, NULL, 'j'},
					      {NULL, 0, NULL, 0}};
	const char *connect = NULL;
	json_t *to = NULL;
	int opt;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "c:j", longs, NULL)) != -1) {
		if (opt == 'c')
			connect = optarg;
		else if (opt == 'j')
			c->json = true;
		else
			return CLI_USAGE;
	}
	if (argc - optind != 1) {
		fprintf(stderr,
			"vrouterctl: check: needs the name of one router; see vrouterctl help\n");
		return CLI_USAGE;
	}
	if (connect && !(to = resolve(connect)))
		return CLI_USAGE;
	return request(c, to ? json_pack("{s:s, s:o}", "router", argv[optind], "connect", to)
			     : json_pack("{s:s}", "router", argv[optind]));
}
