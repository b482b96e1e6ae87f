/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Warm neighbours. While ACTIVE, the kernel's ARP and ND entries of both legs are read and handed
 * to replication; a STANDBY keeps what the ACTIVE has, and puts it into its kernel when it is
 * promoted, right after the VIPs. It is not put there before: on a silent leg the kernel would
 * forget it, or count it against a limit that all namespaces of the host share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_priv.h"
#include "vrouter/log.h"

#define TELL_MS	     200 /* what changes meanwhile goes together */
#define TELL_MORE_MS 20	 /* when not all pages of the first time did */
#define TELL_PAGES   32	 /* the message pair takes more than that */

static void say(struct router *r, struct sync_msg *m)
{
	m->type = SYNC_MSG_NEIGH;
	snprintf(m->neigh.router, sizeof(m->neigh.router), "%s", r->conf.name);
	if (r->env->sync)
		sync_child_send(r->env->sync, m, NULL, 0);
}

/* ---- ACTIVE: what the kernel has --------------------------------------------------------------
 */

static void tell(struct router *r)
{
	struct router_neigh *nb = &r->neigh;
	struct sync_msg m = {0};
	unsigned n = 0;

	if (!nb->table || !r->env->sync || !sync_child_is_up(r->env->sync))
		return;
	while (n < TELL_PAGES && neigh_table_take(nb->table, &m.neigh.page, &m.neigh.content)) {
		say(r, &m);
		n++;
	}
	if (n == TELL_PAGES)
		router_arm(nb->timer, TELL_MORE_MS);
}

static void tell_soon(struct router *r)
{
	if (!evtimer_pending(r->neigh.timer, NULL))
		router_arm(r->neigh.timer, TELL_MS);
}

static void on_neigh(void *ctx, const struct neigh *n, bool there)
{
	struct router *r = ctx;

	if (there)
		neigh_table_put(r->neigh.table, n);
	else
		neigh_table_del(r->neigh.table, n);
	tell_soon(r);
}

static void on_listing(void *ctx, bool begins)
{
	struct router *r = ctx;

	if (begins)
		neigh_table_list_begin(r->neigh.table);
	else
		neigh_table_list_end(r->neigh.table);
	tell_soon(r);
}

static void watch(struct router *r)
{
	static const struct neigh_watch_ops ops = {.on_neigh = on_neigh, .on_listing = on_listing};
	struct router_neigh *nb = &r->neigh;
	struct net_desired d;
	int err;

	neigh_watch_free(nb->watch);
	nb->watch = NULL;
	nb->due = false;
	if (!nb->table)
		nb->table = neigh_table_new();
	conf_net_desired(&d, &r->conf, true);
	err = nb->table ? neigh_watch_new(&nb->watch, r->ns, &d, r->env->host, &ops, r) : -ENOMEM;
	if (err < 0)
		log_warn("router", r->conf.name,
			 "cannot read neighbours: %s; a successor will have to resolve them",
			 strerror(-err));
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;

	(void)fd;
	(void)what;
	if (r->neigh.due)
		watch(r);
	else
		tell(r);
}

void router_neigh_again(struct router *r)
{
	if (r->neigh.table)
		neigh_table_again(r->neigh.table);
	tell_soon(r);
}

/* ---- STANDBY: what the ACTIVE has -------------------------------------------------------------
 */

static void forget(struct router_neigh *nb)
{
	for (unsigned i = 0; nb->warm && i < NEIGH_PAGES_MAX; i++)
		free(nb->warm[i]);
	free(nb->warm);
	nb->warm = NULL;
}

static unsigned warm_count(const struct router_neigh *nb)
{
	unsigned n = 0;

	for (unsigned i = 0; nb->warm && i < NEIGH_PAGES_MAX; i++)
		n += nb->warm[i] ? nb->warm[i]->n : 0;
	return n;
}

void router_neigh_on_page(struct router *r, const struct sync_msg_neigh *m)
{
	struct router_neigh *nb = &r->neigh;

	if (m->clear) {
		forget(nb);
		return;
	}
	if (!r->conf.warm_neighbours || life_wants_vips(&r->life) || m->page >= NEIGH_PAGES_MAX ||
	    m->content.n > NEIGH_PAGE_MAX)
		return;
	if (!nb->warm)
		nb->warm = calloc(NEIGH_PAGES_MAX, sizeof(*nb->warm));
	if (nb->warm && !nb->warm[m->page])
		nb->warm[m->page] = malloc(sizeof(m->content));
	if (nb->warm && nb->warm[m->page])
		*nb->warm[m->page] = m->content;
}

static void install(struct router *r, const struct neigh *list, unsigned n)
{
	struct router_neigh *nb = &r->neigh;
	uint64_t began = now_us();
	struct net_desired d;
	int got;

	conf_net_desired(&d, &r->conf, true);
	got = neigh_install(r->ns, &d, list, n);
	nb->install_us = now_us() - began;
	nb->installed = got > 0 ? (unsigned)got : 0;
	nb->refused += n - nb->installed;
	if (got < 0)
		log_warn("router", r->conf.name, "cannot install neighbours: %s", strerror(-got));
	else
		log_info("router", r->conf.name, "%u of %u neighbours installed in %llu us",
			 nb->installed, n, (unsigned long long)nb->install_us);
}

static void install_warm(struct router *r)
{
	struct router_neigh *nb = &r->neigh;
	unsigned n = 0, all = warm_count(nb);
	struct neigh *list = all ? calloc(all, sizeof(*list)) : NULL;

	for (unsigned i = 0; list && i < NEIGH_PAGES_MAX; i++)
		for (unsigned k = 0; nb->warm[i] && k < nb->warm[i]->n; k++)
			list[n++] = nb->warm[i]->e[k];
	if (list)
		install(r, list, n);
	free(list);
	forget(nb);
}

/* ---- roles ------------------------------------------------------------------------------------
 */

void router_neigh_active(struct router *r)
{
	r->neigh.installed = 0;
	if (!r->conf.warm_neighbours || !r->env->sync)
		return;
	install_warm(r);
	r->neigh.due = true;
	router_arm(r->neigh.timer, router_others_ms(r));
}

void router_neigh_passive(struct router *r)
{
	struct router_neigh *nb = &r->neigh;
	struct sync_msg m = {.neigh = {.clear = true}};

	if (nb->due)
		evtimer_del(nb->timer);
	nb->due = false;
	if (!nb->table)
		return;
	neigh_watch_free(nb->watch);
	nb->watch = NULL;
	nb->left_out += neigh_table_left_out(nb->table);
	neigh_table_free(nb->table);
	nb->table = NULL;
	evtimer_del(nb->timer);
	say(r, &m);
}

void router_neigh_legs_changed(struct router *r)
{
	if (r->neigh.table)
		watch(r);
}

void router_neigh_reconfigure(struct router *r)
{
	bool wanted = r->conf.warm_neighbours && r->env->sync;

	if (!wanted) {
		forget(&r->neigh);
		router_neigh_passive(r);
	} else if (life_wants_vips(&r->life) && !r->neigh.table) {
		watch(r);
	}
}

int router_neigh_open(struct router *r)
{
	r->neigh.timer = evtimer_new(r->env->base, on_timer, r);
	return r->neigh.timer ? 0 : -ENOMEM;
}

void router_neigh_close(struct router *r)
{
	neigh_watch_free(r->neigh.watch);
	neigh_table_free(r->neigh.table);
	forget(&r->neigh);
	if (r->neigh.timer)
		event_free(r->neigh.timer);
}

void router_neigh_view(const struct router *r, struct router_neigh_stats *out)
{
	const struct router_neigh *nb = &r->neigh;

	*out = (struct router_neigh_stats){
		.known = nb->table ? neigh_table_count(nb->table) : warm_count(nb),
		.installed = nb->installed,
		.refused = nb->refused,
		.left_out = nb->left_out + (nb->table ? neigh_table_left_out(nb->table) : 0),
		.install_us = nb->install_us,
	};
}
