/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ka_take.h"

#include <string.h>

static bool refuse(struct import *im, const struct stmt *s, const char *what)
{
	import_say(im, IMPORT_ERROR, s, "%.80s: %s", s->word[0], what);
	return false;
}

static unsigned number(const struct stmt *s)
{
	unsigned v = 0;

	(void)!word_number(s->word[1], &v); /* the table has checked it */
	return v;
}

static unsigned seconds_up(const struct stmt *s, unsigned scale)
{
	uint64_t us = 0;

	(void)!word_seconds(s->word[1], &us);
	return (unsigned)((us * scale + 999999) / 1000000);
}

static bool optional_bool(const struct stmt *s)
{
	bool v = true;

	if (s->n > 1)
		(void)!word_bool(s->word[1], &v);
	return v;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool take_inst(struct import *im, const struct stmt *s)
{
	struct im_ka *k = &im->ka;

	for (unsigned i = 0; i < k->n_insts; i++)
		if (strcmp(k->inst[i].name, s->word[1]) == 0)
			return refuse(im, s, "there is an instance of this name already");
	if (k->n_insts == IM_INSTS)
		return refuse(im, s, "there are too many of them; at most 64");
	k->cur_inst = &k->inst[k->n_insts++];
	k->cur_group = NULL;
	k->cur_inst->at = s;
	k->cur_inst->name = s->word[1];
	k->present = true;
	return true;
}

static bool take_group(struct import *im, const struct stmt *s)
{
	struct im_ka *k = &im->ka;

	if (k->n_groups == IM_GROUPS)
		return refuse(im, s, "there are too many of them; at most 32");
	k->cur_group = &k->group[k->n_groups++];
	k->cur_inst = NULL;
	k->cur_group->at = s;
	k->cur_group->name = s->word[1];
	return true;
}

static bool take_member(struct import *im, const struct stmt *s)
{
	struct im_group *g = im->ka.cur_group;

	if (g->n_members == IM_INSTS)
		return refuse(im, s, "the group has too many members; at most 64");
	g->member[g->n_members++] = s->word[0];
	return true;
}

/* ---- addresses and routes -------------------------------------------------------------------- */

/* The word after `key` among a statement's, or NULL. */
static const char *after(const struct stmt *s, const char *key)
{
	for (unsigned i = 0; i + 1 < s->n; i++)
		if (strcmp(s->word[i], key) == 0)
			return s->word[i + 1];
	return NULL;
}

static bool parse_net(const char *w, struct ip_prefix *out)
{
	struct ip_addr a;

	if (ip_prefix_parse(out, w) == 0)
		return true;
	if (ip_addr_parse(&a, w) < 0)
		return false;
	*out = (struct ip_prefix){.addr = a, .len = a.family == AF_INET ? 32 : 128};
	return true;
}

static bool take_vip(struct import *im, const struct stmt *s)
{
	struct im_inst *in = im->ka.cur_inst;
	struct im_vip v = {.at = s, .dev = after(s, "dev")};

	if (!parse_net(s->word[0], &v.p))
		return refuse(im, s, "is no address");
	if (v.dev && !conf_ifname_ok(v.dev))
		return refuse(im, s, "dev needs the name of an interface");
	if (in->n_vips == IM_VIPS)
		return refuse(im, s, "there are too many addresses; at most 64");
	in->vip[in->n_vips++] = v;
	return true;
}

static bool is_default(const struct stmt *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->word[i], "0.0.0.0/0") == 0 || strcmp(s->word[i], "::/0") == 0 ||
		    strcmp(s->word[i], "default") == 0)
			return true;
	return false;
}

/* The default route is the public leg's gateway; there are no others. */
static bool take_route(struct import *im, const struct stmt *s)
{
	struct im_inst *in = im->ka.cur_inst;
	const char *via = after(s, "via"), *gw = via ? via : after(s, "gw");
	struct im_vip r = {.at = s, .dev = after(s, "dev"), .p.len = 0};

	if (!is_default(s) || !gw || after(s, "table") || after(s, "nexthop") || after(s, "or")) {
		import_say(im, IMPORT_MISSING, s,
			   "%.80s: only a default route with one gateway is made; "
			   "set others with on-role-change",
			   s->word[0]);
		return false;
	}
	if (ip_addr_parse(&r.p.addr, gw) < 0)
		return refuse(im, s, "its gateway is no address");
	for (unsigned i = 0; i < in->n_gateways; i++)
		if (in->gateway[i].p.addr.family == r.p.addr.family)
			return refuse(im, s, "is the second default route");
	in->gateway[in->n_gateways++] = r;
	return true;
}

/* ---- an instance ----------------------------------------------------------------------------- */

static bool take_peer(struct import *im, const struct stmt *s, const char *word)
{
	struct vrrp_peers *p = &im->ka.cur_inst->peers;
	struct ip_addr a;

	if (ip_addr_parse(&a, word) < 0)
		return refuse(im, s, "is no address");
	for (unsigned i = 0; i < p->n; i++)
		if (ip_addr_equal(&p->addr[i], &a))
			return true;
	if (p->n == VRRP_MAX_PEERS)
		return refuse(im, s, "there are too many peers; at most 8");
	p->addr[p->n++] = a;
	return true;
}

static bool take_password(struct import *im, const struct stmt *s)
{
	im->ka.cur_inst->password = true;
	import_say(
		im, IMPORT_MISSING, s,
		"auth_pass: VRRP has no passwords here (nor in version 3); see election { auth }. "
		"A keepalived that has one for version 2 does not hear vrouterd");
	return false;
}

static bool take_vmac(struct im_inst *in, const struct stmt *s)
{
	in->virtual_mac = true;
	if (s->n > 1 && !strchr(s->word[1], ':'))
		in->vmac = s->word[1];
	return true;
}

static bool take_in_inst(struct import *im, enum ka_id id, const struct stmt *s)
{
	struct im_inst *in = im->ka.cur_inst;

	if (id == KA_INTERFACE && !conf_ifname_ok(s->word[1]))
		return refuse(im, s, "needs the name of an interface");
	if (id == KA_INTERFACE)
		in->interface = s->word[1];
	else if (id == KA_VRID)
		in->vrid = number(s);
	else if (id == KA_PRIORITY)
		in->priority = number(s);
	else if (id == KA_ADVERT)
		in->advert_ms = seconds_up(s, 1000);
	else if (id == KA_VERSION)
		in->version = number(s);
	else if (id == KA_NOPREEMPT)
		in->nopreempt = true;
	else if (id == KA_PREEMPT_DELAY)
		in->preempt_delay_s = seconds_up(s, 1);
	else if (id == KA_ACCEPT)
		in->accept = strcmp(s->word[0], "accept") == 0 ? IM_YES : IM_NO;
	else if (id == KA_STRICT)
		in->strict = optional_bool(s);
	else if (id == KA_IPV6)
		in->ipv6 = true;
	else if (id == KA_PLAIN_SUM)
		in->plain_sum = optional_bool(s);
	else
		in->refresh_s = seconds_up(s, 1);
	return true;
}

static bool take_global(struct import *im, enum ka_id id, const struct stmt *s)
{
	struct im_ka *k = &im->ka;

	if (id == KA_ROUTER_ID)
		k->router_id = s->word[1];
	else if (id == KA_NAMESPACE)
		k->namespace = s->word[1];
	else if (id == KA_GLOBAL_VERSION)
		k->version = number(s);
	else if (id == KA_GLOBAL_REFRESH)
		k->refresh_s = seconds_up(s, 1);
	else if (id == KA_GLOBAL_STRICT)
		k->strict = optional_bool(s);
	return true;
}

/* conntrackd's own scripts are not needed any more; others cannot be run as they are. */
static bool take_notify(struct import *im, const struct stmt *s)
{
	const char *what = s->n > 1 ? s->word[1] : "";

	if (strstr(what, "primary-backup") || strstr(what, "conntrack"))
		import_say(im, IMPORT_NOTHING, s,
			   "%.80s: the flows are in the kernel before the VIPs come", s->word[0]);
	else
		import_say(im, IMPORT_MISSING, s,
			   "%.80s %.200s: on-role-change runs one program, without arguments; "
			   "VROUTERD_ROLE says ACTIVE, STANDBY or FAULT",
			   s->word[0], what);
	return false;
}

/* The tables let each statement in where it belongs only, so the instance or group is there. */
bool ka_take(struct import *im, unsigned id, const struct stmt *s)
{
	switch ((enum ka_id)id) {
	case KA_GLOBAL:
	case KA_ROUTER_ID:
	case KA_NAMESPACE:
	case KA_GLOBAL_VERSION:
	case KA_GLOBAL_REFRESH:
	case KA_GLOBAL_STRICT:
		return take_global(im, (enum ka_id)id, s);
	case KA_INST:
		return take_inst(im, s);
	case KA_GROUP:
		return take_group(im, s);
	case KA_MEMBER:
		return take_member(im, s);
	case KA_WEIGHTS:
		return im->ka.cur_group->weights = true;
	case KA_INTERFACE:
	case KA_VRID:
	case KA_PRIORITY:
	case KA_ADVERT:
	case KA_VERSION:
	case KA_NOPREEMPT:
	case KA_PREEMPT_DELAY:
	case KA_ACCEPT:
	case KA_STRICT:
	case KA_IPV6:
	case KA_PLAIN_SUM:
	case KA_REFRESH:
		return take_in_inst(im, (enum ka_id)id, s);
	case KA_VMAC:
		return take_vmac(im->ka.cur_inst, s);
	case KA_SOURCE:
		return take_peer(im, s, s->word[1]);
	case KA_PEER:
		im->ka.cur_inst->unicast = true;
		return take_peer(im, s, s->word[0]);
	case KA_PASSWORD:
		return take_password(im, s);
	case KA_VIP:
		return take_vip(im, s);
	case KA_ROUTE:
		return take_route(im, s);
	case KA_NOTIFY:
		return take_notify(im, s);
	case KA_TRACK_INTERFACE:
	case KA_TRACK_SCRIPT:
	case KA_TRACK_PROCESS:
		return ka_take_track(im, (enum ka_id)id, s);
	case KA_SCRIPT:
	case KA_PROCESS:
	case KA_COMMAND:
	case KA_INTERVAL:
	case KA_TIMEOUT:
	case KA_RISE:
	case KA_FALL:
	case KA_WEIGHT:
		return ka_take_check(im, (enum ka_id)id, s);
	}
	return false;
}
