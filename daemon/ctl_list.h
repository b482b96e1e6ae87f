/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reply about many things, each of which has a name: which they are is settled when it begins,
 * what there is to say of each is asked for when its turn comes. Who is gone by then is left out,
 * who has come is not in it, and nobody is in it twice. */
#ifndef DAEMON_CTL_LIST_H
#define DAEMON_CTL_LIST_H

#include "vrouter/control.h"

struct ctl_list_ops {
	/* What is before the first item, and behind the last: brackets at least. */
	void (*open)(void *ctx, const struct ctl_request *req, struct jbuf *out);
	void (*close)(const struct ctl_request *req, struct jbuf *out);
	/* Adds a value, or nothing: it is gone. */
	void (*item)(void *ctx, const struct ctl_request *req, const char *name, struct jbuf *out);
};

struct ctl_list;

/* ops and ctx are borrowed and outlive it. NULL: out of memory. */
struct ctl_list *ctl_list_new(const struct ctl_list_ops *ops, void *ctx,
			      const struct ctl_request *req);
void ctl_list_add(struct ctl_list *l, const char *name);
/* Answers the client, and frees it then. */
void ctl_list_send(struct ctl_list *l, struct ctl_server *s, uint64_t client);

#endif
