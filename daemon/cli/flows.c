/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl flows`: asks the daemon where the router is, and reads the kernel's table itself,
 * inside the router's namespace, entry by entry. So a table of any size costs neither the daemon
 * nor this program memory. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <string.h>

#include "flows.h"

#define OUTPUT_BUFFER (256 * 1024)

/* ---- names that the system knows --------------------------------------------------------------
 */

static int proto_of(void *ctx, const char *name)
{
	const struct protoent *p = getprotobyname(name);

	(void)ctx;
	return p ? p->p_proto : -1;
}

/* The map is read when it is needed: that takes a file. */
static struct nfct_labelmap *label_map(struct nfct_labelmap **map)
{
	if (!*map)
		*map = nfct_labelmap_new(NULL);
	return *map;
}

static int label_of(void *ctx, const char *name)
{
	struct nfct_labelmap *map = label_map(ctx);

	return map ? nfct_labelmap_get_bit(map, name) : -1;
}

/* ---- a router ---------------------------------------------------------------------------------
 */

static int look(struct flows_show *s)
{
	const struct flow_ask *a = s->ask;
	int err;

	if (a->count && !a->expect && !a->filter && !a->query.family)
		return flows_total(&s->n);
	if (a->follow)
		err = flows_listen(a, a->expect ? flows_expect_event : flows_show_event, s);
	else
		err = flows_dump(a, a->expect ? flows_expect_entry : flows_show_entry, s);
	flows_show_end(s);
	return err;
}

/* Enters the namespace, looks, comes back. */
static int look_in(const char *namespace, struct flows_show *s)
{
	char path[128];
	int err = 0;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);

	auto_fd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_fd int there = open(path, O_RDONLY | O_CLOEXEC);

	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		err = -errno;
	else
		err = look(s);
	if (home >= 0 && setns(home, CLONE_NEWNET) < 0 && !err)
		err = -errno;
	if (err < 0)
		fprintf(stderr, "vrouterctl: flows: namespace %s: %s\n", namespace, strerror(-err));
	return err;
}

static void print_count(const struct flows_show *s, bool one)
{
	if (s->ask->json)
		printf("{\"router\":\"%s\",\"%s\":%llu}\n", s->router,
		       s->ask->expect ? "expectations" : "flows", (unsigned long long)s->n);
	else if (one)
		printf("%llu\n", (unsigned long long)s->n);
	else
		printf("%s: %llu\n", s->router, (unsigned long long)s->n);
}

static int look_at_all(const struct flow_ask *a, const json_t *routers,
		       struct nfct_labelmap *labels)
{
	const json_t *r;
	size_t i;
	int rc = CLI_DONE;

	json_array_foreach(routers, i, r)
	{
		struct flows_show s = {.ask = a,
				       .router = json_string_value(json_object_get(r, "router")),
				       .labels = labels};
		const char *ns = json_string_value(json_object_get(r, "namespace"));

		if (!ns || !s.router || look_in(ns, &s) < 0)
			rc = CLI_NOT_SO;
		else if (a->count)
			print_count(&s, json_array_size(routers) == 1);
	}
	return rc;
}

/* ---- the command ------------------------------------------------------------------------------
 */

/* Lines of several routers in one list would not say whose they are. */
static int need_one(const json_t *routers)
{
	const json_t *r;
	size_t i;

	fprintf(stderr, "vrouterctl: flows: there are %zu routers, name one of them:",
		json_array_size(routers));
	json_array_foreach(routers, i, r)
	{
		fprintf(stderr, " %s", json_string_value(json_object_get(r, "router")));
	}
	fputs("; --json and --count list all\n", stderr);
	return CLI_USAGE;
}

static int look_or_compare(struct cli *c, const struct flow_ask *a, const json_t *routers,
			   struct nfct_labelmap **labels)
{
	bool list = !a->follow && !a->replica && (a->json || a->count);
	bool names = a->json || a->output & FLOW_OUT_LABELS || a->query.by_label;

	if (json_array_size(routers) > 1 && !list)
		return need_one(routers);
	if (a->replica && json_array_size(routers) == 1)
		return cli_verify_router(
			c, json_string_value(json_object_get(json_array_get(routers, 0), "router")),
			a->peer);
	if (names && !label_map(labels) && a->output & FLOW_OUT_LABELS)
		fprintf(stderr, "vrouterctl: flows: no names of labels: %s: %s\n",
			nfct_labels_get_path(), strerror(errno));
	cli_close(c); /* the daemon has said all that is needed of it */
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);

	int rc = look_at_all(a, routers, names ? *labels : NULL);

	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	fprintf(stderr, "vrouterctl: flows: the output ends too early: %s\n", strerror(errno));
	return CLI_NOT_SO;
}

int cli_flows(struct cli *c, int argc, char **argv)
{
	struct nfct_labelmap *labels = NULL;
	const struct flow_names names = {.proto = proto_of, .label = label_of, .ctx = &labels};
	struct flow_ask ask = {.json = c->json};
	json_t *data = NULL, *args = json_object();
	char why[FLOW_ASK_WHY_MAX];
	int rc = CLI_USAGE;

	if (flow_ask_parse(&ask, argc, argv, &names, why) < 0) {
		fprintf(stderr, "vrouterctl: flows: %s\n", why);
		json_decref(args);
	} else {
		c->json = ask.json;
		if (ask.router)
			json_object_set_new(args, "router", json_string(ask.router));
		rc = cli_request(c, "flows", args, &data);
		if (rc == CLI_DONE)
			rc = look_or_compare(c, &ask, data, &labels);
	}
	json_decref(data);
	if (labels)
		nfct_labelmap_destroy(labels);
	return rc;
}
