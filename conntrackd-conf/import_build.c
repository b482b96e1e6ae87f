/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import_build.h"

#include <errno.h>
#include <string.h>

static struct im_inst *find_inst(struct im_ka *k, const char *name)
{
	for (unsigned i = 0; i < k->n_insts; i++)
		if (strcmp(k->inst[i].name, name) == 0)
			return &k->inst[i];
	return NULL;
}

static void one_election(struct import *im, const struct built *b)
{
	for (unsigned i = 1; i < b->n_insts; i++)
		import_say(
			im, IMPORT_MISSING, b->inst[i]->at,
			"vrrp_instance %.60s: one election, that of %.60s, moves all VIPs of the "
			"group",
			b->inst[i]->name, b->inst[0]->name);
}

static void add_group(struct import *im, const struct im_group *g, struct built *b)
{
	b->group = g;
	for (unsigned i = 0; i < g->n_members; i++) {
		struct im_inst *in = find_inst(&im->ka, g->member[i]);

		if (!in || in->grouped) {
			import_say(im, IMPORT_ERROR, g->at, "vrrp_sync_group %.60s: %.60s %s",
				   g->name, g->member[i],
				   in ? "is in a group already" : "is no vrrp_instance");
			continue;
		}
		in->grouped = true;
		b->inst[b->n_insts++] = in;
	}
	one_election(im, b);
}

/* A group is a router, and so is an instance that is in none. Without keepalived.conf there is one
 * all the same, of which nothing is known. */
static unsigned gather(struct import *im, struct built *b)
{
	struct im_ka *k = &im->ka;
	unsigned n = 0;

	for (unsigned i = 0; i < k->n_groups; i++) {
		add_group(im, &k->group[i], &b[n]);
		n += b[n].n_insts > 0;
	}
	for (unsigned i = 0; i < k->n_insts; i++) {
		if (!k->inst[i].grouped) {
			b[n].group = NULL;
			b[n].inst[0] = &k->inst[i];
			b[n++].n_insts = 1;
		}
	}
	return n ? n : 1;
}

/* VRRP's IP version is that of the addresses that it tells. */
static bool all_ipv6(const struct im_inst *in)
{
	for (unsigned i = 0; i < in->n_vips; i++)
		if (in->vip[i].p.addr.family == AF_INET)
			return false;
	return in->n_vips || in->ipv6;
}

/* A name that no router before it has. */
static void name_it(const struct built *all, struct built *b)
{
	const char *wanted = b->group ? b->group->name : b->n_insts ? b->inst[0]->name : "vrouter";
	char name[CONF_NAME_MAX - 12];

	built_name(name, sizeof(name), wanted);
	snprintf(b->name, sizeof(b->name), "%s", name);
	for (unsigned i = 0; i < b->index; i++)
		if (strcmp(all[i].name, b->name) == 0)
			snprintf(b->name, sizeof(b->name), "%s-%u", name, b->index + 1);
}

static void prepare(struct import *im, struct built *all, unsigned n, struct txt *out)
{
	const char *ns = im->opts.namespace ? im->opts.namespace : im->ka.namespace;

	for (unsigned i = 0; i < n; i++) {
		struct built *b = &all[i];
		char name[NET_NAME_MAX - 12];

		b->im = im;
		b->out = out;
		b->index = i;
		b->ipv6 = b->n_insts && all_ipv6(b->inst[0]);
		name_it(all, b);
		built_name(name, sizeof(name), ns ? ns : b->name);
		if (i && ns)
			snprintf(b->namespace, sizeof(b->namespace), "%s-%u", name, i + 1);
		else
			snprintf(b->namespace, sizeof(b->namespace), "%s", name);
		built_legs(b);
	}
}

static void put_head(struct import *im, struct txt *out)
{
	char name[CONF_NAME_MAX];

	built_name(name, sizeof(name),
		   im->ka.router_id	 ? im->ka.router_id
		   : im->opts.controller ? im->opts.controller
					 : "controller-1");
	txt_add(out,
		"# Made by vrouterctl import. What the files did not say is marked CHOSEN: look at "
		"it.\n"
		"controller \"%s\" { }  # another name on each controller\n",
		name);
	import_say(im, IMPORT_CHOSEN, NULL,
		   "controller \"%s\": %s; it must be another one on each controller", name,
		   im->ka.router_id ? "the router_id" : "this machine's name");
}

int import_build(struct import *im, struct txt *out)
{
	auto_free struct built *all = calloc(IM_INSTS, sizeof(*all));
	unsigned n;

	if (!all)
		return -ENOMEM;
	if (!im->ctd.present && !im->ka.present && !im->count[IMPORT_ERROR])
		import_error(im, NULL, 0,
			     "there is neither a Sync section of conntrackd nor a vrrp_instance of "
			     "keepalived");
	if (im->count[IMPORT_ERROR])
		return -EINVAL;
	n = gather(im, all);
	prepare(im, all, n, out);
	put_head(im, out);
	built_sync(im, out, all, n, built_election(&all[0]));
	for (unsigned i = 0; i < n; i++)
		built_router(&all[i]);
	if (out->failed)
		import_error(im, NULL, 0, "the result is too long, or there is no memory");
	return im->count[IMPORT_ERROR] ? -EINVAL : 0;
}
