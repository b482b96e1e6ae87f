/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A config file: no text may crash the reader, be accepted without being usable, or be refused
 * without a reason. What is accepted differs from itself in nothing. */
#include <errno.h>
#include <string.h>

#include "vrouter/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* Until VIPs are chosen, something stands in their place that could be. */
static void use_vips(const struct conf_router *r)
{
	struct reserve_set set = {.n = 0};

	check(conf_vips_chosen(r) <= RESERVE_MAX && !conf_vips_refused(r, r));
	for (unsigned i = 0; i < conf_legs(r); i++) {
		check(r->leg[i].automatic == (r->leg[i].n_ranges != 0));
		for (unsigned k = 0; k < r->leg[i].n_ranges; k++)
			set.addr[set.n++] = r->leg[i].vip[k].addr;
	}
	check(conf_vips_fit(r, &set));
}

static void use(const struct conf *c)
{
	struct conf_errors e = {0};
	struct conf_delta *d = calloc(2 * c->n_routers, sizeof(*d));

	check(d && c->n_routers);
	conf_check(c, &e);
	check(!e.n && !e.more);
	check(!conf_diff_global(c, c));
	check(conf_diff(c, c, d) == c->n_routers);
	for (unsigned i = 0; i < c->n_routers; i++) {
		struct flow_filter f;
		struct net_actual nothing = {.lo_up = false};
		struct net_desired n;
		struct net_plan p;
		static char rules[NAT_RULESET_MAX];
		size_t len;

		check(d[i].change == CONF_SAME && d[i].old_index == d[i].new_index);
		conf_net_desired(&n, &c->router[i], true);
		use_vips(&c->router[i]);
		conf_filter(&f, &c->router[i].filter);
		check(flow_filter_equal(&f, &f) && f.n_only <= FILTER_NETS_MAX);
		check(n.namespace[0] && n.leg[NET_PUBLIC].n_vips && n.leg[NET_MANAGEMENT].n_vips);
		net_plan(&p, &n, &nothing);
		check(p.n <= NET_OPS_MAX);
		len = nat_ruleset(rules, sizeof(rules), &n, NULL, NULL);
		check(len > 0 && len < sizeof(rules));
		len = handover_return_ruleset(rules, HANDOVER_RETURN_MAX, &n);
		check(len > 0 && len < HANDOVER_RETURN_MAX);
	}
	free(d);
}

/* The operator's rules are a text, too. */
static void use_as_rules(const char *text)
{
	struct nft_tables t;
	const char *why = NULL;
	int line = nft_file_tables(&t, text, &why);

	check(line >= 0 && (line == 0) == (why == NULL) && t.n <= NAT_FILE_TABLES_MAX);
	check(line || t.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors e = {0};
	struct conf *c = NULL;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';

	use_as_rules(text);

	int err = conf_load_text(&c, text, "fuzz", &e);

	check(err == 0 || err == -EINVAL);
	check((err == 0) == (c != NULL));
	check((err == 0) == (e.n + e.more == 0));
	if (c)
		use(c);
	conf_free(c);
	conf_errors_free(&e);
	free(text);
	return 0;
}
