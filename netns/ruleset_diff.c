/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules one text of nat_ruleset() has and another one lacks. Pure. */
#include <errno.h>
#include <string.h>

#include "hash.h"
#include "vrouter/netns.h"

#define RULES_MAX 2048 /* of a text; what is beyond is not looked at */

struct rules {
	uint64_t hash[RULES_MAX]; /* of chain and rule */
	unsigned n;
};

/* Goes from rule to rule; each is "CHAIN: RULE". */
struct cursor {
	const char *at;
	char chain[64];
	bool in_chain;
};

static bool next_rule(struct cursor *c, char out[static NAT_RULE_MAX])
{
	while (*c->at) {
		const char *line = c->at;
		size_t len = strcspn(line, "\n");

		c->at += len + (line[len] == '\n');
		if (strncmp(line, "\t\t", 2) == 0 && c->in_chain) {
			snprintf(out, NAT_RULE_MAX, "%s: %.*s", c->chain, (int)len - 2, line + 2);
			return true;
		}
		if (line[0] == '\t' && line[1] != '\t' && line[1] != '}')
			c->in_chain = sscanf(line, "\tchain %63[^ \n]", c->chain) == 1;
	}
	return false;
}

static void take(struct rules *out, const char *text)
{
	struct cursor c = {.at = text};
	char line[NAT_RULE_MAX];

	for (out->n = 0; out->n < RULES_MAX && next_rule(&c, line); out->n++)
		out->hash[out->n] = hash_text(line);
}

/* How often the first n of them are this one. */
static unsigned times(const struct rules *r, unsigned n, uint64_t hash)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n && i < r->n; i++)
		found += r->hash[i] == hash;
	return found;
}

static void tell(const char *text, const struct rules *have, const struct rules *lack,
		 void (*fn)(void *ctx, const char *line), void *ctx)
{
	struct cursor c = {.at = text};
	char line[NAT_RULE_MAX];

	for (unsigned i = 0; i < have->n && next_rule(&c, line); i++)
		if (times(have, i + 1, have->hash[i]) > times(lack, lack->n, have->hash[i]))
			fn(ctx, line);
}

int nat_ruleset_diff(const char *old, const char *new, const struct nat_diff_ops *ops, void *ctx)
{
	auto_free struct rules *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	if (!a || !b)
		return -ENOMEM;
	take(a, old);
	take(b, new);
	tell(old, a, b, ops->removed, ctx);
	tell(new, b, a, ops->added, ctx);
	return 0;
}
