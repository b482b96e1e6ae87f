/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl verify`: are the tables equal now? */
#include <string.h>

#include "cli.h"

#define ANSWER_MS 40000 /* the daemon answers earlier */

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "-";
}

static long long number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static void print_findings(const json_t *list)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		const char *here = json_string_value(json_object_get(f, "replica_flow"));

		printf("  %-10s %s\n", text(f, "what"), text(f, "flow"));
		if (here)
			printf("  %-10s %s\n", "  there", here);
	}
}

static void print_replica(const json_t *r)
{
	const json_t *findings = json_object_get(r, "findings");
	long long n = number(r, "missing") + number(r, "extra") + number(r, "different");

	printf("%s (%s): ", text(r, "controller"), text(r, "state"));
	if (json_is_string(json_object_get(r, "reason"))) {
		printf("not compared: %s\n", text(r, "reason"));
	} else if (json_is_true(json_object_get(r, "equal"))) {
		printf("equal, %lld flows\n", number(r, "flows"));
	} else {
		printf("%s%lld flows differ: %lld missing, %lld extra, %lld different\n",
		       json_is_true(json_object_get(r, "more")) ? "more than " : "", n,
		       number(r, "missing"), number(r, "extra"), number(r, "different"));
		print_findings(findings);
		if ((long long)json_array_size(findings) < n)
			printf("  and %lld more\n", n - (long long)json_array_size(findings));
	}
}

static void print(const json_t *data)
{
	const json_t *r;
	size_t i;

	if (json_is_string(json_object_get(data, "reason")))
		printf("%s: not compared: %s\n", text(data, "router"), text(data, "reason"));
	else
		printf("%s: %s\n", text(data, "router"),
		       json_is_true(json_object_get(data, "equal")) ? "equal" : "NOT EQUAL");
	json_array_foreach(json_object_get(data, "replicas"), i, r) print_replica(r);
}

/* Keeps the replica of that name, and says whether it is equal. */
static int keep_peer(json_t *data, const char *peer)
{
	json_t *list = json_object_get(data, "replicas"), *r;
	size_t i;

	if (json_is_string(json_object_get(data, "reason")))
		return CLI_DONE; /* nothing was compared */
	json_array_foreach(list, i, r)
	{
		if (strcmp(text(r, "controller"), peer) != 0)
			continue;
		json_object_set(data, "equal", json_object_get(r, "equal"));
		json_object_set_new(data, "replicas", json_pack("[O]", r));
		return CLI_DONE;
	}
	fprintf(stderr, "vrouterctl: there is no replica \"%s\" of %s; there are:", peer,
		text(data, "router"));
	json_array_foreach(list, i, r) fprintf(stderr, " %s", text(r, "controller"));
	fputs(json_array_size(list) ? "\n" : " none\n", stderr);
	return CLI_NOT_SO;
}

int cli_verify_router(struct cli *c, const char *router, const char *peer)
{
	json_t *data = NULL;
	int rc;

	c->reply_ms = ANSWER_MS;
	rc = cli_request(c, "verify", json_pack("{s:s}", "router", router), &data);
	if (rc == CLI_DONE && peer)
		rc = keep_peer(data, peer);
	if (rc == CLI_DONE && c->json)
		cli_print_json(data);
	else if (rc == CLI_DONE)
		print(data);
	if (rc == CLI_DONE && !json_is_true(json_object_get(data, "equal")))
		rc = CLI_NOT_SO;
	json_decref(data);
	return rc;
}

int cli_verify(struct cli *c, int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"vrouterctl: verify: needs the name of one router; see vrouterctl help\n");
		return CLI_USAGE;
	}
	return cli_verify_router(c, argv[1], NULL);
}
