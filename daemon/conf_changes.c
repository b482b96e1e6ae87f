/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options of a router have other values, by the same tables that they are read with: an
 * option that can be given is one that is told. Whether a daemon that runs can take them is
 * conf_diff()'s affair. Pure. */
#include <string.h>

#include "conf_option.h"

#define WHERE_MAX 96 /* of a section */

struct walk {
	conf_changes_fn *fn;
	void *ctx;
};

static void tell(const struct walk *w, const char *where, const char *what)
{
	char text[CONF_CHANGE_MAX];

	snprintf(text, sizeof(text), "%.95s%s%.60s", where, *where && *what ? ": " : "", what);
	w->fn(w->ctx, text);
}

static bool same_target(const struct nat_target *a, const struct nat_target *b)
{
	return a->port == b->port && ip_addr_equal(&a->addr, &b->addr);
}

/* What the value's setter writes. */
static bool same_value(const struct conf_option *o, const void *a, const void *b)
{
	switch (o->type) {
	case CONF_T_NAME:
	case CONF_T_IFNAME:
	case CONF_T_PATH:
	case CONF_T_TEXT:
	case CONF_T_PROCESS:
		return strcmp(a, b) == 0;
	case CONF_T_TARGET:
		return same_target(a, b);
	case CONF_T_ATTACH: /* and its kind, see same_option() */
	case CONF_T_NUMBER:
	case CONF_T_BOOL:
	case CONF_T_WORD:
	case CONF_T_ADDR:
	case CONF_T_GROUP:
	case CONF_T_PEER:
	case CONF_T_PREFIX:
	case CONF_T_VIP:
	case CONF_T_VIP_RANGE:
	case CONF_T_ROUTE:
	case CONF_T_PROTOCOL:
	case CONF_T_NET:
	case CONF_T_WEIGHT:
	case CONF_T_RANGE:
	case CONF_T_PORTS:
	case CONF_T_MSS:
	case CONF_T_DHCP:
		break;
	}
	return memcmp(a, b, o->size) == 0;
}

static unsigned count_at(const void *base, ptrdiff_t offset)
{
	unsigned n;

	memcpy(&n, (const char *)base + offset, sizeof(n));
	return n;
}

/* a and b: the section's structs. */
static bool same_option(const struct conf_option *o, const void *a, const void *b)
{
	unsigned n = o->list_max ? count_at(a, o->count_offset) : 1;

	if (o->list_max && n != count_at(b, o->count_offset))
		return false;
	if (o->type == CONF_T_ATTACH) {
		const struct conf_leg *x = a, *y = b;

		return x->attach == y->attach && strcmp(x->bridge, y->bridge) == 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (!same_value(o, (const char *)a + o->offset + i * o->size,
				(const char *)b + o->offset + i * o->size))
			return false;
	return true;
}

static void walk_options(const struct walk *w, const struct conf_section *s, const char *where,
			 const void *a, const void *b)
{
	for (unsigned i = 0; i < s->n_options; i++)
		if (!same_option(&s->option[i], a, b))
			tell(w, where, s->option[i].name);
}

static const void *find(const struct conf_section *s, const void *router, const char *title)
{
	const char *list = (const char *)router + s->offset;

	for (unsigned i = 0; i < count_at(router, s->count_offset); i++)
		if (strcmp(list + i * s->size, title) == 0)
			return list + i * s->size;
	return NULL;
}

/* Sections with a title are the same ones if that is. */
static void walk_list(const struct walk *w, const struct conf_section *s, const void *a,
		      const void *b)
{
	char where[WHERE_MAX];

	for (unsigned i = 0; i < count_at(a, s->count_offset); i++) {
		const char *old = (const char *)a + s->offset + i * s->size;
		const void *new = find(s, b, old);

		snprintf(where, sizeof(where), "%s \"%s\"", s->name, old);
		if (new)
			walk_options(w, s, where, old, new);
		else
			tell(w, where, "removed");
	}
	for (unsigned i = 0; i < count_at(b, s->count_offset); i++) {
		const char *new = (const char *)b + s->offset + i * s->size;

		snprintf(where, sizeof(where), "%s \"%s\"", s->name, new);
		if (!find(s, a, new))
			tell(w, where, "added");
	}
}

static bool same_order(const struct conf_section *s, const void *a, const void *b)
{
	unsigned n = count_at(a, s->count_offset);

	if (n != count_at(b, s->count_offset))
		return true; /* more is told than that */
	for (unsigned i = 0; i < n; i++) {
		const char *at_a = (const char *)a + s->offset + i * s->size;
		const char *at_b = (const char *)b + s->offset + i * s->size;

		if (find(s, b, at_a) && strcmp(at_a, at_b) != 0)
			return false;
	}
	return true;
}

void conf_changes(const struct conf_router *a, const struct conf_router *b, conf_changes_fn *fn,
		  void *ctx)
{
	const struct conf_section *router = &conf_sections[CONF_SEC_ROUTER];
	const struct walk w = {fn, ctx};

	walk_options(&w, router, "", a, b);
	for (unsigned i = 0; i < router->n_subs; i++) {
		const struct conf_section *s = &router->sub[i];

		if (!s->list_max) {
			walk_options(&w, s, s->name, (const char *)a + s->offset,
				     (const char *)b + s->offset);
			continue;
		}
		walk_list(&w, s, a, b);
		if (!same_order(s, a, b))
			tell(&w, s->name, "their order");
	}
	if (strcmp(a->nat_more.rules.file, b->nat_more.rules.file) == 0 &&
	    a->nat_more.rules.file_hash != b->nat_more.rules.file_hash)
		tell(&w, "nat: nft-file", "what is in it");
}
