/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of Open vSwitch: made, looked at and given back through ovs-vsctl, beside the event loop,
 * one run at a time for all routers. Nothing here blocks. */
#ifndef DAEMON_OVS_H
#define DAEMON_OVS_H

#include "ovs_record.h"

struct event_base;
struct ovs;

/* ifindex: of the port on the host's side, 0: there is none (it may be inside of a namespace). why:
 * empty, or what is wrong and what to do; valid during the call. From the event loop. */
typedef void ovs_answer(void *ctx, unsigned leg, unsigned ifindex, const char *why);

/* db: path of the database's socket; borrowed. 0 or -errno. */
must_check int ovs_new(struct ovs **out, struct event_base *base, const char *db);
/* Nobody is answered any more. NULL is allowed. */
void ovs_free(struct ovs *o);
/* Brings it about. lost: no interface of it is to be found. One answer; where the same ctx and leg
 * wait for the same already, it is theirs. */
void ovs_want(struct ovs *o, const struct ovs_port *port, bool lost, ovs_answer *fn, void *ctx,
	      unsigned leg);
/* Takes it away, if it is ours. */
void ovs_give_back(struct ovs *o, const struct ovs_port *port);
/* Something is still to be done. */
bool ovs_works(const struct ovs *o);
/* Who waits with this ctx is gone. */
void ovs_forget(struct ovs *o, const void *ctx);

#endif
