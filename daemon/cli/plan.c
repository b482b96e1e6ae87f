/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl plan`: what would a reload change? */
#include <getopt.h>
#include <string.h>

#include "cli.h"

static const char *text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

/* Each on a line of its own, the first behind what it is. */
static void print_list(const char *what, const json_t *list, const char *mark)
{
	const json_t *s;
	size_t i;

	json_array_foreach(list, i, s)
		printf("  %-9s %s%s\n", i ? "" : what, mark, json_string_value(s));
}

static void print_rules(const json_t *r)
{
	json_int_t more = json_integer_value(json_object_get(r, "more"));
	const json_t *removed = json_object_get(r, "removed"), *added = json_object_get(r, "added");
	bool any = json_array_size(removed) || json_array_size(added);

	if (!json_is_true(json_object_get(r, "replaced")))
		return;
	print_list("rules", removed, "- ");
	print_list(json_array_size(removed) ? "" : "rules", added, "+ ");
	if (more)
		printf("  %-9s and %lld more\n", "", (long long)more);
	if (json_is_true(json_object_get(r, "file")))
		printf("  %-9s those of nft-file are replaced\n", any ? "" : "rules");
	else if (!any)
		printf("  %-9s the same ones in another order, or with other sets\n", "rules");
}

static void print_router(const json_t *r)
{
	const char *refused = text(r, "refused"), *fault = text(r, "fault");

	printf("router \"%s\": %s\n", text(r, "router"), text(r, "change"));
	print_list("options", json_object_get(r, "options"), "");
	if (refused)
		printf("  %-9s %s cannot change while it runs\n", "refused", refused);
	print_list("network", json_object_get(r, "network"), "");
	if (fault)
		printf("  %-9s %s\n", "fault", fault);
	print_list("drift", json_object_get(r, "drift"), "");
	print_rules(json_object_get(r, "rules"));
	print_list("services", json_object_get(r, "services"), "");
}

static void print(const json_t *data)
{
	const json_t *routers = json_object_get(data, "routers"), *r;
	size_t i;

	if (!json_is_true(json_object_get(data, "accepted")))
		printf("a reload would be refused, and change nothing: %s\n", text(data, "reason"));
	else if (!json_array_size(routers))
		puts("a reload would change no router");
	json_array_foreach(routers, i, r) print_router(r);
}

int cli_plan(struct cli *c, int argc, char **argv)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	json_t *data = NULL;
	int opt, rc;

	optind = 0;
	while ((opt = getopt_long(argc, argv, "j", longs, NULL)) != -1) {
		if (opt != 'j')
			return CLI_USAGE;
		c->json = true;
	}
	if (optind < argc) {
		fprintf(stderr, "vrouterctl: plan: takes no argument but --json\n");
		return CLI_USAGE;
	}
	rc = cli_request(c, "plan", json_object(), &data);
	if (rc == CLI_DONE && c->json)
		cli_print_json(data);
	else if (rc == CLI_DONE)
		print(data);
	if (rc == CLI_DONE && !json_is_true(json_object_get(data, "accepted")))
		rc = CLI_NOT_SO;
	json_decref(data);
	return rc;
}
