/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wake-ups from the kernel about links, addresses, routes and rules. A message is never taken for a
 * delta: it only says "look again", and a lost one (ENOBUFS) says the same.
 *
 * One socket hears of all routers' namespaces (hub.c), and one of the host's side (host.c).
 * on_change comes when things have settled, and at most 20 times a second, so a fight with another
 * program over a setting stays bounded, too.
 *
 * Of the rules only those of our table matter, and who changed them. The kernel tells of each
 * transaction first what is in it, then its number; the numbers of our own are known (nat.c). */
#include "watch.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define SETTLE_MS  20		   /* one look for a whole burst of changes */
#define TABLE_NAME (&NAT_TABLE[5]) /* without its family */

struct net_watch {
	struct netns *ns;	  /* borrowed */
	struct net_host *host;	  /* borrowed */
	struct hub_client inside; /* the router's namespace */
	struct host_client host_side;
	struct net_news told; /* since the last on_change */
	bool touched;	      /* our table, by the transaction whose number is yet to come */
	void (*on_change)(void *ctx, const struct net_news *news);
	void *ctx;
};

/* ---- rules ------------------------------------------------------------------------------------
 */

const char *ns_family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	}
	return "";
}

/* Of the operator's file only that a table goes: what happens inside of it is the operator's. */
static bool concerns_us(const struct netns *ns, unsigned message, uint8_t family, const char *table)
{
	struct nft_table t;

	if (family == NFPROTO_INET && strcmp(table, TABLE_NAME) == 0)
		return true;
	if (message != NFT_MSG_DELTABLE || !ns->file)
		return false;
	snprintf(t.family, sizeof(t.family), "%s", ns_family_name(family));
	snprintf(t.name, sizeof(t.name), "%s", table);
	return nft_tables_have(&ns->file->tables, &t);
}

static void on_rules(struct net_watch *w, struct nlmsghdr *nh)
{
	struct rules_event e;

	if (!rules_event(&e, nh))
		return;
	if (!e.ends) {
		w->touched = w->touched || concerns_us(w->ns, e.message, e.family, e.table);
		return;
	}
	if (w->touched && !rules_is_own(&w->ns->own, e.number)) {
		w->told.rules = true;
		if (e.by[0])
			memcpy(w->told.by, e.by, sizeof(w->told.by));
		hub_due(host_hub(w->host), &w->inside, 0);
	}
	w->touched = false;
}

/* ---- what is heard ----------------------------------------------------------------------------
 */

static struct net_watch *of_inside(struct hub_client *c)
{
	return (void *)((char *)c - offsetof(struct net_watch, inside));
}

/* Unknown what was lost. */
static void rules_lost(struct net_watch *w)
{
	w->told.rules = true;
	snprintf(w->told.by, sizeof(w->told.by), "somebody, perhaps: the kernel dropped its news");
	w->touched = false;
	hub_due(host_hub(w->host), &w->inside, 0);
}

static void on_message(struct hub_client *c, enum hub_side side, struct nlmsghdr *nh)
{
	struct net_watch *w = of_inside(c);

	if (side == HUB_NET) {
		w->told.net = w->told.looks = true;
		hub_due(host_hub(w->host), c, SETTLE_MS);
	} else if (nh) {
		on_rules(w, nh);
	} else {
		rules_lost(w);
	}
}

/* It has settled there. */
static void on_host(struct host_client *c, const struct net_news *news)
{
	struct net_watch *w = (void *)((char *)c - offsetof(struct net_watch, host_side));

	w->told.net = w->told.net || news->net;
	w->told.looks = w->told.looks || news->looks;
	hub_due(host_hub(w->host), &w->inside, news->net ? SETTLE_MS : 0);
}

static void serve(struct hub_client *c)
{
	struct net_watch *w = of_inside(c);
	struct net_news news = w->told;

	w->told = (struct net_news){.net = false};
	w->on_change(w->ctx, &news); /* last: it may free w */
}

/* ---- opening ----------------------------------------------------------------------------------
 */

int net_watch_new(struct net_watch **out, struct netns *ns, struct net_host *host,
		  void (*on_change)(void *ctx, const struct net_news *news), void *ctx)
{
	struct net_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	*w = (struct net_watch){.ns = ns,
				.host = host,
				.inside = {.hears = 1u << HUB_NET | 1u << HUB_RULES,
					   .on_message = on_message,
					   .serve = serve},
				.host_side = {.ns = ns, .on_news = on_host},
				.on_change = on_change,
				.ctx = ctx};
	err = hub_join(host_hub(host), &w->inside, ns);
	if (err < 0) {
		free(w);
		return err;
	}
	host_join(host, &w->host_side);
	ns->watch = w;
	*out = w;
	return 0;
}

bool net_watch_has_news(struct net_watch *w)
{
	hub_read(host_hub(w->host), HUB_NET);
	return w->told.net;
}

void net_watch_own(struct net_watch *w)
{
	hub_own(host_hub(w->host));
}

void net_watch_looks(struct net_watch *w, const struct net_look *looks, unsigned n)
{
	w->host_side.look = looks;
	w->host_side.n_looks = n;
	host_looks_changed(w->host);
}

void net_watch_free(struct net_watch *w)
{
	if (!w)
		return;
	host_leave(w->host, &w->host_side);
	hub_leave(host_hub(w->host), &w->inside);
	w->ns->watch = NULL;
	free(w);
}
