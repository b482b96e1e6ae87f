/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The track sections of a router: which options belong to which kind, what they are when they are
 * not given, and whether two are the same. Pure. */
#include "conf_track.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define MAIN_TABLE 254 /* RT_TABLE_MAIN */

#define BIT(kind) (1u << (kind))
static const struct {
	const char *option;
	size_t line_offset;
	unsigned kinds;
} options[] = {
#define LINE(member) offsetof(struct conf_track, member)
	{"timeout", LINE(timeout_line), BIT(TRACK_GATEWAY) | BIT(TRACK_SCRIPT)},
	{"hold", LINE(hold_line), BIT(TRACK_GATEWAY) | BIT(TRACK_ROUTE)},
	{"leg", LINE(leg_line), BIT(TRACK_CARRIER) | BIT(TRACK_BRIDGE_PORT) | BIT(TRACK_GATEWAY)},
	{"interface", LINE(interface_line), BIT(TRACK_CARRIER) | BIT(TRACK_BRIDGE_PORT)},
	{"bridge", LINE(bridge_line), BIT(TRACK_BRIDGE_PORT)},
	{"target", LINE(target_line), BIT(TRACK_GATEWAY)},
	{"program", LINE(program_line), BIT(TRACK_SCRIPT)},
	{"arguments", LINE(arguments_line), BIT(TRACK_SCRIPT)},
	{"process", LINE(process_line), BIT(TRACK_PROCESS)},
	{"pid-file", LINE(pid_file_line), BIT(TRACK_PROCESS)},
	{"destination", LINE(destination_line), BIT(TRACK_ROUTE)},
	{"table", LINE(table_line), BIT(TRACK_ROUTE)},
	{"namespace", LINE(namespace_line), BIT(TRACK_ROUTE)},
#undef LINE
};

/* ---- what is not given ------------------------------------------------------------------------
 */

void conf_track_defaults(void *to)
{
	struct conf_track *t = to;

	t->interval_ms = 1000;
	t->hold_s = 60;
	t->table = MAIN_TABLE;
	t->leg = NET_PUBLIC;
}

/* The first gateway that this leg can reach. */
static void default_target(struct conf_track *t, const struct conf_router *r)
{
	if (!t->target.family && t->leg == NET_PUBLIC && r->n_gateways)
		t->target = r->gateway[0];
}

void conf_track_complete(struct conf_track *t, const struct conf_router *r)
{
	bool asked = t->kind == TRACK_GATEWAY || t->kind == TRACK_SCRIPT;

	/* What is looked at is so; what is asked may miss a question. */
	if (!t->rule.rise)
		t->rule.rise = asked ? 2 : 1;
	if (!t->rule.fall)
		t->rule.fall = asked ? 3 : 1;
	if (!t->timeout_ms)
		t->timeout_ms = t->kind == TRACK_GATEWAY ? t->interval_ms : 1000;
	if (t->kind == TRACK_GATEWAY)
		default_target(t, r);
	t->rule.active_only = t->kind == TRACK_GATEWAY || (t->kind == TRACK_ROUTE && !t->host);
	t->rule.ours =
		t->rule.active_only ||
		((t->kind == TRACK_CARRIER || t->kind == TRACK_BRIDGE_PORT) && !t->interface[0]);
	t->rule.hold_ms = t->hold_s * 1000;
}

/* ---- checks -----------------------------------------------------------------------------------
 */

struct check {
	const char *path;
	const struct conf_router *router;
	const struct conf_track *t;
	struct conf_errors *errors;
};

static void wrong(const struct check *k, int line, const char *fmt, ...) printf_like(3, 4);

static void wrong(const struct check *k, int line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_error(k->errors, k->path, line ? line : k->t->line, "router \"%s\": track \"%s\": %s",
		   k->router->name, k->t->name, text);
}

static int line_at(const struct conf_track *t, size_t offset)
{
	int line;

	memcpy(&line, (const char *)t + offset, sizeof(line));
	return line;
}

static void check_belongs(const struct check *k)
{
	char known[160];

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int line = line_at(k->t, options[i].line_offset);
		size_t at = 0;

		if (!line || (options[i].kinds & BIT(k->t->kind)))
			continue;
		known[0] = '\0';
		for (size_t j = 0; j < ARRAY_LEN(options); j++)
			if ((options[j].kinds & BIT(k->t->kind)) && at < sizeof(known))
				at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
						       at ? ", " : "", options[j].option);
		wrong(k, line,
		      "%s does not belong to kind \"%s\"; allowed: kind, weight, interval, rise, "
		      "fall, %s",
		      options[i].option, track_kind_name(k->t->kind), known);
	}
}

static void check_link(const struct check *k)
{
	const struct conf_track *t = k->t;

	if (!t->leg_line == !t->interface_line)
		wrong(k, t->interface_line,
		      "leg and interface are %s; allowed: leg = \"management\" or \"public\", or "
		      "interface = the name of one of the controller's",
		      t->leg_line ? "both given" : "both missing");
	else if (t->kind == TRACK_BRIDGE_PORT && t->leg_line &&
		 k->router->leg[t->leg].attach != NET_ATTACH_BRIDGE)
		wrong(k, t->leg_line,
		      "its leg is no port of a Linux bridge; allowed: kind = \"carrier\", or a leg "
		      "with attach = \"bridge:NAME\"");
	else if (t->kind == TRACK_BRIDGE_PORT && !t->bridge_line != !t->interface_line)
		wrong(k, t->bridge_line,
		      "bridge is %s; allowed: the name of a bridge with interface, and none with "
		      "leg, which has its own",
		      t->bridge_line ? "given with leg" : "missing");
}

static void check_gateway(const struct check *k)
{
	const struct conf_leg *leg = &k->router->leg[k->t->leg];
	const struct conf_track *t = k->t;
	char addr[INET6_ADDRSTRLEN];

	if (t->timeout_ms > t->interval_ms)
		wrong(k, t->timeout_line,
		      "timeout = %u: is longer than interval; allowed: at most %u (ms)",
		      t->timeout_ms, t->interval_ms);
	if (!t->target.family) {
		wrong(k, 0,
		      "target is missing, and the leg has no gateway; allowed: an address in the "
		      "network of one of its VIPs");
		return;
	}
	ip_addr_format(&t->target, addr);
	if (ip_prefix_any_is(leg->vip, leg->n_vips, &t->target))
		wrong(k, t->target_line, "target = \"%s\": is a VIP of the router itself", addr);
	else if (ip_addr_is_link_local(&t->target)
			 ? !ip_prefix_of_family(leg->vip, leg->n_vips, AF_INET6)
			 : !ip_prefix_around(leg->vip, leg->n_vips, &t->target))
		wrong(k, t->target_line,
		      "target = \"%s\": cannot be asked; allowed: an address in the network of a "
		      "VIP of its leg",
		      addr);
}

static void check_kind(const struct check *k)
{
	const struct conf_track *t = k->t;

	switch (t->kind) {
	case TRACK_CARRIER:
	case TRACK_BRIDGE_PORT:
		check_link(k);
		break;
	case TRACK_GATEWAY:
		check_gateway(k);
		break;
	case TRACK_SCRIPT:
		if (!t->program[0])
			wrong(k, 0, "program is missing; allowed: an absolute path");
		break;
	case TRACK_PROCESS:
		if (!t->process_line == !t->pid_file_line)
			wrong(k, t->pid_file_line,
			      "process and pid-file are %s; allowed: one of them",
			      t->process_line ? "both given" : "both missing");
		break;
	case TRACK_ROUTE:
		if (!t->destination.addr.family)
			wrong(k, 0,
			      "destination is missing; allowed: a network like \"192.0.2.0/24\", "
			      "\"0.0.0.0/0\" or \"::/0\"");
		else if (t->host && t->hold_line)
			wrong(k, t->hold_line,
			      "hold: a route of the host can be looked at in any role; allowed: "
			      "with namespace = \"router\"");
		break;
	case TRACK_KINDS:
		break;
	}
}

void conf_track_check(const char *path, const struct conf_router *r, struct conf_errors *errors)
{
	for (unsigned i = 0; i < r->n_tracks; i++) {
		const struct check k = {
			.path = path, .router = r, .t = &r->track[i], .errors = errors};

		check_belongs(&k);
		check_kind(&k);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(r->track[j].name, k.t->name) == 0)
				wrong(&k, 0, "there is one of this name already (line %d)",
				      r->track[j].line);
	}
}

/* ---- comparing --------------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool same_arguments(const struct conf_track *a, const struct conf_track *b)
{
	if (a->n_arguments != b->n_arguments)
		return false;
	for (unsigned i = 0; i < a->n_arguments; i++)
		if (!same_text(a->argument[i], b->argument[i]))
			return false;
	return true;
}

bool conf_track_same_look(const struct conf_track *a, const struct conf_track *b)
{
	return same_text(a->name, b->name) && a->kind == b->kind && a->leg == b->leg &&
	       same_text(a->interface, b->interface) && same_text(a->bridge, b->bridge) &&
	       ip_addr_equal(&a->target, &b->target) && same_text(a->program, b->program) &&
	       same_arguments(a, b) && same_text(a->process, b->process) &&
	       same_text(a->pid_file, b->pid_file) &&
	       ip_addr_equal(&a->destination.addr, &b->destination.addr) &&
	       a->destination.len == b->destination.len && a->table == b->table &&
	       a->host == b->host &&
	       /* the helper was told how often to look */
	       (a->kind != TRACK_PROCESS || a->interval_ms == b->interval_ms);
}

static bool same_track(const struct conf_track *a, const struct conf_track *b)
{
	return conf_track_same_look(a, b) && a->rule.weight == b->rule.weight &&
	       a->rule.rise == b->rule.rise && a->rule.fall == b->rule.fall &&
	       a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->hold_s == b->hold_s;
}

bool conf_tracks_same(const struct conf_router *a, const struct conf_router *b)
{
	if (a->n_tracks != b->n_tracks)
		return false;
	for (unsigned i = 0; i < a->n_tracks; i++)
		if (!same_track(&a->track[i], &b->track[i]))
			return false;
	return true;
}

/* ---- views ------------------------------------------------------------------------------------
 */

void conf_track_look(struct net_look *out, const struct conf_router *r, const struct conf_track *t)
{
	const struct conf_leg *leg = &r->leg[t->leg];

	*out = (struct net_look){.host = t->host, .dst = t->destination, .table = t->table};
	out->kind = t->kind == TRACK_CARRIER	   ? NET_LOOK_CARRIER
		    : t->kind == TRACK_BRIDGE_PORT ? NET_LOOK_PORT
						   : NET_LOOK_ROUTE;
	if (t->kind == TRACK_ROUTE)
		return;
	out->host = t->interface[0] || t->kind == TRACK_BRIDGE_PORT;
	/* of Open vSwitch the port alone tells something: its bridge need not even be up */
	if (t->interface[0] || leg->attach != NET_ATTACH_OVS)
		snprintf(out->bridge, sizeof(out->bridge), "%s",
			 t->interface[0] ? t->bridge : leg->bridge);
	snprintf(out->ifname, sizeof(out->ifname), "%s",
		 t->interface[0] ? t->interface : leg->interface);
	if (!t->interface[0] && t->kind == TRACK_BRIDGE_PORT)
		net_hostname(out->ifname, r->namespace, t->leg);
}

static void what_link(const struct conf_track *t, char out[static CONF_TRACK_WHAT_MAX])
{
	static const char *const leg[NET_LEGS] = {"management leg", "public leg"};

	snprintf(out, CONF_TRACK_WHAT_MAX, "%s%s%s", t->interface[0] ? t->interface : leg[t->leg],
		 t->bridge[0] ? " in " : "", t->bridge);
}

const char *conf_track_what(const struct conf_track *t, char out[static CONF_TRACK_WHAT_MAX])
{
	char addr[IP_PREFIX_STRLEN];

	switch (t->kind) {
	case TRACK_CARRIER:
	case TRACK_BRIDGE_PORT:
		what_link(t, out);
		break;
	case TRACK_GATEWAY:
		snprintf(out, CONF_TRACK_WHAT_MAX, "%s", ip_addr_format(&t->target, addr));
		break;
	case TRACK_SCRIPT:
		snprintf(out, CONF_TRACK_WHAT_MAX, "%s", t->program);
		break;
	case TRACK_PROCESS:
		snprintf(out, CONF_TRACK_WHAT_MAX, "%s", t->process[0] ? t->process : t->pid_file);
		break;
	case TRACK_ROUTE:
		snprintf(out, CONF_TRACK_WHAT_MAX, "%s in table %u of the %s",
			 ip_prefix_format(&t->destination, addr), t->table,
			 t->host ? "host" : "router");
		break;
	case TRACK_KINDS:
		out[0] = '\0';
		break;
	}
	return out;
}
