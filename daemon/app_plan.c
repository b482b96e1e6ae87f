/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl plan`: what a reload would change, found out by what a reload does before its first
 * change. For each router that would change that is: which options, which operations on links,
 * addresses and routes, which rules, which servers. */
#include <string.h>
#include <sys/stat.h>

#include "app.h"

#define RULES_SHOWN_MAX 100 /* of each kind */

static void add_text(void *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

/* ---- the network ------------------------------------------------------------------------------
 */

static json_t *ops_json(const struct net_plan *p, const struct net_desired *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < p->n; i++) {
		char text[NET_OP_TEXT_MAX];

		net_op_text(text, &p->op[i], d);
		add_text(list, text);
	}
	for (unsigned id = 0; id < net_legs(d); id++)
		if (p->ports & 1u << id)
			json_array_append_new(list,
					      json_sprintf("ask Open vSwitch for a port (%s in %s)",
							   d->leg[id].ifname, d->leg[id].bridge));
	return list;
}

/* A port that Open vSwitch is still to be asked for is no fault. */
static json_t *fault_json(const struct net_plan *p)
{
	return p->fault[0] && !p->ports ? json_string(p->fault) : json_null();
}

/* As if its namespace was empty; what it is attached to is there, that was looked at before. */
static void plan_new(struct router_planned *out, const struct conf_router *c)
{
	struct net_actual *nothing = calloc(1, sizeof(*nothing));

	conf_net_desired(&out->desired, c, c->election.mode == CONF_ELECTION_SINGLE);
	out->plan.n = 0;
	if (!nothing)
		return;
	for (unsigned i = 0; i < net_legs(&out->desired); i++) {
		struct net_leg_actual *l = &nothing->leg[i];

		l->bridge_exists = l->bridge_is_bridge = l->bridge_up = l->bridge_filters = true;
		l->bridge_mtu = UINT16_MAX;
	}
	net_plan(&out->plan, &out->desired, nothing);
	free(nothing);
}

static bool has_namespace(const char *name)
{
	char path[NET_NAME_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	return stat(path, &st) == 0;
}

static json_t *added_network(const struct conf_router *c, struct router_planned *p)
{
	bool there = has_namespace(c->namespace);
	json_t *list;

	plan_new(p, c);
	list = ops_json(&p->plan, &p->desired);
	json_array_insert_new(list, 0,
			      json_sprintf("%s (%s)",
					   there ? "take the namespace over with what is in it"
						 : "create the namespace",
					   c->namespace));
	return list;
}

static json_t *removed_network(const struct conf_router *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < conf_legs(c); i++)
		json_array_append_new(list, json_sprintf(c->leg[i].attach == NET_ATTACH_OVS
								 ? "give the port back (%s)"
								 : "delete a leg (%s)",
							 c->leg[i].interface));
	json_array_append_new(list,
			      json_sprintf("delete the route of last resort (%s)", c->namespace));
	return list;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

struct rules {
	json_t *removed, *added;
	size_t more;
};

static void take_rule(struct rules *r, json_t *list, const char *rule)
{
	if (json_array_size(list) < RULES_SHOWN_MAX)
		add_text(list, rule);
	else
		r->more++;
}

static void on_removed(void *ctx, const char *rule)
{
	struct rules *r = ctx;

	take_rule(r, r->removed, rule);
}

static void on_added(void *ctx, const char *rule)
{
	struct rules *r = ctx;

	take_rule(r, r->added, rule);
}

/* "" for NULL. */
static char *ruleset_of(const struct net_desired *d)
{
	char *text = calloc(1, NAT_RULESET_MAX);

	if (text && d && nat_ruleset(text, NAT_RULESET_MAX, d, NULL, NULL) >= NAT_RULESET_MAX)
		text[0] = '\0';
	return text;
}

/* NULL: there is no table before, or after. */
static json_t *rules_json(const struct net_desired *old, const struct net_desired *new)
{
	static const struct nat_diff_ops ops = {.removed = on_removed, .added = on_added};
	auto_free char *a = ruleset_of(old), *b = ruleset_of(new);
	struct rules r = {.removed = json_array(), .added = json_array()};
	bool file = old && new &&
		    (old->rules.file_hash != new->rules.file_hash ||
		     strcmp(old->rules.file, new->rules.file) != 0);

	if (a && b && nat_ruleset_diff(a, b, &ops, &r) < 0)
		r.more = SIZE_MAX;
	return json_pack("{s:b, s:b, s:o, s:o, s:I}", "replaced",
			 (int)(file || !a || !b || strcmp(a, b) != 0), "file", (int)file, "removed",
			 r.removed, "added", r.added, "more", (json_int_t)r.more);
}

/* ---- servers ----------------------------------------------------------------------------------
 */

static bool same_config(const struct conf_router *old, const struct conf_router *new,
			enum service_id id)
{
	auto_free char *a = calloc(1, SERVICE_CONFIG_MAX), *b = calloc(1, SERVICE_CONFIG_MAX);

	return a && b && service_config(a, SERVICE_CONFIG_MAX, old, id) < SERVICE_CONFIG_MAX &&
	       service_config(b, SERVICE_CONFIG_MAX, new, id) < SERVICE_CONFIG_MAX &&
	       strcmp(a, b) == 0;
}

static const char *service_change(const struct conf_router *old, const struct conf_router *new,
				  enum service_id id)
{
	bool before = old && service_is_wanted(old, id), after = new &&service_is_wanted(new, id);

	if (before && after)
		return same_config(old, new, id) ? NULL : "started anew";
	return before ? "ended" : after ? "started" : NULL;
}

/* NULL: there is no such router before, or after. */
static json_t *services_json_of(const struct conf_router *old, const struct conf_router *new)
{
	static const char *const name[SERVICE_IDS] = {
		[SERVICE_DNS] = "dns", [SERVICE_NTP] = "ntp", [SERVICE_DHCP] = "dhcp"};
	json_t *list = json_array();

	for (unsigned i = 0; i < SERVICE_IDS; i++) {
		const char *what = service_change(old, new, (enum service_id)i);

		if (what)
			json_array_append_new(list, json_sprintf("%s is %s", name[i], what));
	}
	return list;
}

/* ---- routers ----------------------------------------------------------------------------------
 */

struct one {
	const struct conf_router *old, *new; /* NULL: it comes, or goes */
	const struct conf_delta *delta;
	bool accepted;
	json_t *j;
};

static void plan_live(struct app *a, const struct one *o, struct router_planned *p)
{
	struct router *r = app_find(a, o->new->name);
	char reason[NET_REASON_MAX] = "it does not run";

	if (!r || router_plan(r, o->new, p, reason) < 0) {
		json_object_set_new(o->j, "fault", json_string(reason));
		return;
	}
	json_object_set_new(o->j, "network", ops_json(&p->plan, &p->desired));
	json_object_set_new(o->j, "fault", fault_json(&p->plan));
	json_object_set_new(o->j, "drift", ops_json(&p->drift, &p->now));
	json_object_set_new(o->j, "rules", rules_json(&p->now, &p->desired));
	json_object_set_new(o->j, "services", services_json_of(o->old, o->new));
}

static void plan_added(const struct one *o, struct router_planned *p)
{
	json_object_set_new(o->j, "network", added_network(o->new, p));
	json_object_set_new(o->j, "fault", fault_json(&p->plan));
	json_object_set_new(o->j, "rules", rules_json(NULL, &p->desired));
	json_object_set_new(o->j, "services", services_json_of(NULL, o->new));
}

static void plan_removed(const struct one *o, struct router_planned *p)
{
	conf_net_desired(&p->now, o->old, false);
	json_object_set_new(o->j, "network", removed_network(o->old));
	json_object_set_new(o->j, "rules", rules_json(&p->now, NULL));
	json_object_set_new(o->j, "services", services_json_of(o->old, NULL));
}

static void plan_one(struct app *a, const struct one *o, struct router_planned *p)
{
	switch (o->delta->change) {
	case CONF_SAME:
	case CONF_REFUSED:
		break;
	case CONF_LIVE:
		plan_live(a, o, p);
		break;
	case CONF_ADDED:
		plan_added(o, p);
		break;
	case CONF_REMOVED:
		plan_removed(o, p);
		break;
	}
}

static json_t *router_json(struct app *a, struct one *o, struct router_planned *p)
{
	static const char *const change[] = {[CONF_SAME] = "same",
					     [CONF_LIVE] = "changed",
					     [CONF_ADDED] = "added",
					     [CONF_REMOVED] = "removed",
					     [CONF_REFUSED] = "refused"};
	json_t *options = json_array();

	o->j = json_pack("{s:s, s:s, s:s?, s:o, s:[], s:[], s:n, s:n, s:[]}", "router",
			 (o->new ? o->new : o->old)->name, "change", change[o->delta->change],
			 "refused", o->delta->what, "options", options, "network", "drift", "fault",
			 "rules", "services");
	if (!o->j)
		return json_null();
	if (o->old && o->new)
		conf_changes(o->old, o->new, add_text, options);
	if (o->accepted)
		plan_one(a, o, p);
	return o->j;
}

/* Those that stay as they are, are left out: there may be a thousand. */
static json_t *routers_json(struct app *a, const struct app_trial *t, bool accepted)
{
	auto_free struct router_planned *p = malloc(sizeof(*p));
	json_t *list = json_array();

	for (unsigned i = 0; p && i < t->n; i++) {
		const struct conf_delta *d = &t->delta[i];
		struct one o = {.delta = d, .accepted = accepted};

		if (d->change == CONF_SAME)
			continue;
		if (d->change != CONF_ADDED)
			o.old = &a->conf->router[d->old_index];
		if (d->change != CONF_REMOVED)
			o.new = &t->conf->router[d->new_index];
		json_array_append_new(list, router_json(a, &o, p));
	}
	return list;
}

json_t *app_plan(struct app *a, char why[static APP_TEXT_MAX])
{
	struct app_trial t;
	bool accepted = app_trial_new(a, &t, why) == 0;
	json_t *data = NULL, *routers;

	if (t.delta) {
		routers = routers_json(a, &t, accepted);
		data = json_pack("{s:s, s:b, s:s?, s:i, s:o}", "config", a->config, "accepted",
				 (int)accepted, "reason", accepted ? NULL : why, "unchanged",
				 (int)(t.n - json_array_size(routers)), "routers", routers);
	}
	app_trial_free(&t);
	return data;
}
