/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to netns/: the host's side, as one watch of a router sees it. */
#ifndef NETNS_WATCH_H
#define NETNS_WATCH_H

#include "hub.h"

/* Borrowed while it is joined. */
struct host_client {
	struct host_client *next, *prev;
	const struct netns *ns; /* its names (watched) matter */
	const struct net_look *look;
	unsigned n_looks;
	/* Something of it may have changed. Must not leave, nor join others. */
	void (*on_news)(struct host_client *c, const struct net_news *news);
};

/* Has the kernel said something about the network that on_change was not told of? */
bool net_watch_has_news(struct net_watch *w);

/* Something inside is about to be changed by ourselves. */
void net_watch_own(struct net_watch *w);

struct hub *host_hub(struct net_host *h);
void host_join(struct net_host *h, struct host_client *c);
void host_leave(struct net_host *h, struct host_client *c);
/* The looks of a client are others now. */
void host_looks_changed(struct net_host *h);

#endif
