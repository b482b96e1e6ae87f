/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vip = "auto": the ranges that VIPs are chosen from, as options, and as a list that goes over all
 * legs. Pure. */
#include <string.h>

#include "conf_check.h"
#include "conf_option.h"

#define AUTO "auto"

/* ---- values -----------------------------------------------------------------------------------
 */

static const char *set_vip(void *to, const char *text)
{
	struct ip_prefix p = {.len = 0};

	if (strcmp(text, AUTO) != 0 && ip_prefix_parse(&p, text) < 0)
		return "is not an address with prefix length";
	memcpy(to, &p, sizeof(p));
	return NULL;
}

static const char *range_wrong(const struct ip_prefix *first, const struct ip_prefix *last)
{
	struct ip_range r = {.first = first->addr, .last = last->addr};

	if (!ip_prefix_contains(last, &first->addr))
		return "is not of one network";
	if (ip_addr_cmp(&first->addr, &last->addr) > 0)
		return "ends before it begins";
	if (!ip_prefix_is_host(first) || !ip_prefix_is_host(last) ||
	    ip_addr_is_link_local(&first->addr))
		return "has addresses in it that a router cannot have: a network's first or last "
		       "one, loopback, multicast or link-local";
	if (ip_range_count(&r, CONF_VIP_CHOICES_MAX + 1) > CONF_VIP_CHOICES_MAX)
		return "has too many addresses";
	return NULL;
}

static const char *set_range(void *to, const char *text)
{
	size_t len = strcspn(text, "-");
	char buf[INET6_ADDRSTRLEN];
	struct ip_prefix first = {.len = 0}, last;
	struct conf_vip_range r;
	const char *why;

	if (len >= sizeof(buf) || !text[len])
		return "is no range of addresses";
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (ip_addr_parse(&first.addr, buf) < 0 || ip_prefix_parse(&last, text + len + 1) < 0)
		return "is no range of addresses with a prefix length";
	first.len = last.len;
	why = range_wrong(&first, &last);
	if (why)
		return why;
	r = (struct conf_vip_range){.range = {.first = first.addr, .last = last.addr},
				    .len = last.len};
	memcpy(to, &r, sizeof(r));
	return NULL;
}

const char *conf_vips_set(enum conf_type type, void *to, const char *text)
{
	return type == CONF_T_VIP ? set_vip(to, text) : set_range(to, text);
}

/* ---- options together -------------------------------------------------------------------------
 */

struct check {
	const char *path;
	const struct conf_router *r;
	struct conf_errors *errors;
};

static void wrong(const struct check *k, unsigned id, int line, const char *text)
{
	const struct conf_leg *leg = &k->r->leg[id];

	conf_error(k->errors, k->path, line ? line : leg->line, "router \"%s\": %s%s%s: %s",
		   k->r->name, id < NET_LEGS ? "" : "leg \"", conf_leg_name(k->r, id),
		   id < NET_LEGS ? "" : "\"", text);
}

static const char *ranges_wrong(const struct conf_leg *leg)
{
	if (leg->n_ranges == 2 &&
	    leg->range[0].range.first.family == leg->range[1].range.first.family)
		return "vip-range: there are two of one IP version; allowed: one for IPv4 and one "
		       "for IPv6";
	return NULL;
}

static void complete(const struct check *k, struct conf_leg *leg, unsigned id)
{
	unsigned autos = 0;

	for (unsigned i = 0; i < leg->n_vips; i++)
		autos += !leg->vip[i].addr.family;
	if (!autos && leg->n_ranges)
		wrong(k, id, leg->range_line,
		      "vip-range: there is nothing to choose; allowed: with vip = \"" AUTO "\"");
	if (!autos)
		return;
	if (leg->n_vips > 1)
		wrong(k, id, leg->vip_line,
		      "vip: \"" AUTO "\" is one of several; allowed: it alone");
	if (!leg->n_ranges)
		wrong(k, id, leg->vip_line,
		      "vip = \"" AUTO "\": vip-range is missing; allowed: with one range of "
		      "addresses to choose from, or one of each IP version");
	if (ranges_wrong(leg))
		wrong(k, id, leg->range_line, ranges_wrong(leg));
	leg->automatic = true;
	leg->n_vips = leg->n_ranges;
	for (unsigned i = 0; i < leg->n_ranges; i++)
		leg->vip[i] = (struct ip_prefix){.addr = leg->range[i].range.first,
						 .len = leg->range[i].len};
}

/* What is wrong in text has been reported already, and leaves no value: not here once more. */
void conf_vips_complete(struct conf_router *r, const char *path, struct conf_errors *errors)
{
	const struct check k = {.path = path, .r = r, .errors = errors};

	if (errors->n || errors->more)
		return;
	for (unsigned i = 0; i < conf_legs(r); i++)
		complete(&k, &r->leg[i], i);
}

/* ---- what else there is in a range ------------------------------------------------------------
 */

static const char *services_in(const struct conf_services *s, const struct ip_range *range)
{
	const struct ip_range dhcp = {.first = s->dhcp.first, .last = s->dhcp.last};

	for (unsigned i = 0; i < s->n_dns; i++)
		if (ip_range_contains(range, &s->dns[i]))
			return "one of dns-servers";
	for (unsigned i = 0; i < s->n_ntp; i++)
		if (ip_range_contains(range, &s->ntp[i]))
			return "one of ntp-servers";
	return dhcp.first.family && ip_range_overlap(range, &dhcp) ? "addresses of dhcp-range"
								   : NULL;
}

static const char *nat_in(const struct nat_rules *n, const struct ip_range *range)
{
	for (unsigned i = 0; i < n->n_pool; i++)
		if (ip_range_overlap(range, &n->pool[i]))
			return "addresses of nat";
	for (unsigned i = 0; i < n->n_forwards; i++)
		if (ip_range_contains(range, &n->forward[i].address) ||
		    ip_range_contains(range, &n->forward[i].to.addr))
			return "an address of a forward";
	return NULL;
}

/* Whatever is chosen must do; so nothing that is known may be in it. */
static const char *known_in(const struct conf_router *r, const struct ip_range *range)
{
	const char *what = services_in(&r->services, range);

	for (unsigned i = 0; i < r->n_gateways; i++)
		if (ip_range_contains(range, &r->gateway[i]))
			return "the gateway";
	for (unsigned i = 0; i < r->n_tracks; i++)
		if (ip_range_contains(range, &r->track[i].target))
			return "the target of a track";
	return what ? what : nat_in(&r->nat_more.rules, range);
}

static void check_range(const struct check *k, unsigned id, const struct ip_range *range)
{
	const char *what = known_in(k->r, range);
	char text[IP_RANGE_STRLEN + 128], buf[IP_RANGE_STRLEN];

	if (!what)
		return;
	snprintf(text, sizeof(text),
		 "vip-range: \"%s\" has %s in it; allowed: addresses that nobody has",
		 ip_range_format(range, buf), what);
	wrong(k, id, k->r->leg[id].range_line, text);
}

/* Controllers agree over sync, in our own protocol. */
static const char *sync_wrong(const struct conf *c, const struct conf_router *r)
{
	if (c->sync.present && c->sync.conntrackd)
		return "vip = \"" AUTO "\": controllers cannot agree in conntrackd's protocol; "
		       "allowed: with protocol = \"native\"";
	if (!c->sync.present && r->election.mode != CONF_ELECTION_SINGLE)
		return "vip = \"" AUTO "\": controllers agree by replication; allowed: with a sync "
		       "section, or election mode \"single\"";
	return NULL;
}

void conf_vips_check(const struct conf *c, const struct conf_router *r, struct conf_errors *errors)
{
	const struct check k = {.path = c->path, .r = r, .errors = errors};
	const char *why = sync_wrong(c, r);

	for (unsigned i = 0; i < conf_legs(r); i++) {
		const struct conf_leg *leg = &r->leg[i];

		if (leg->automatic && why)
			wrong(&k, i, leg->vip_line, why);
		for (unsigned n = 0; n < leg->n_ranges; n++)
			check_range(&k, i, &leg->range[n].range);
	}
}

/* ---- one list over all legs -------------------------------------------------------------------
 */

unsigned conf_vips_chosen(const struct conf_router *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf_legs(r); i++)
		n += r->leg[i].n_ranges;
	return n;
}

const struct conf_vip_range *conf_vips_range(const struct conf_router *r, unsigned i, unsigned *leg)
{
	for (*leg = 0; i >= r->leg[*leg].n_ranges; (*leg)++)
		i -= r->leg[*leg].n_ranges;
	return &r->leg[*leg].range[i];
}

bool conf_vips_fit(const struct conf_router *r, const struct reserve_set *set)
{
	unsigned leg;

	if (set->n != conf_vips_chosen(r))
		return false;
	for (unsigned i = 0; i < set->n; i++)
		if (!ip_range_contains(&conf_vips_range(r, i, &leg)->range, &set->addr[i]))
			return false;
	return true;
}

void conf_vips_use(struct conf_router *r, const struct reserve_set *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < conf_legs(r); i++)
		for (unsigned k = 0; k < r->leg[i].n_ranges; k++)
			r->leg[i].vip[k].addr = set->addr[n++];
}

/* Of the same network, and nothing that was in has gone. */
static bool is_within(const struct conf_vip_range *a, const struct conf_vip_range *b)
{
	return a->len == b->len && ip_range_contains(&b->range, &a->range.first) &&
	       ip_range_contains(&b->range, &a->range.last);
}

const char *conf_vips_refused(const struct conf_router *a, const struct conf_router *b)
{
	for (unsigned i = 0; i < conf_legs(a); i++) {
		const struct conf_leg *x = &a->leg[i], *y = &b->leg[i];

		if (x->automatic != y->automatic)
			return "vip = \"" AUTO "\"";
		if (x->n_ranges != y->n_ranges)
			return "the number of vip-range";
		for (unsigned k = 0; k < x->n_ranges; k++)
			if (!is_within(&x->range[k], &y->range[k]))
				return "vip-range, but for a wider one,";
	}
	return NULL;
}
