/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in a router's namespace that is none of ours: links, nftables tables, processes. It is
 * told, and never taken away. */
#ifndef VROUTER_LEFTOVERS_H
#define VROUTER_LEFTOVERS_H

#include "vrouter/netns.h"

#define NET_LEFT_MAX 256

/* Processes in other network namespaces than that of the caller, as they were at one moment. No
 * right to trace them is needed. NULL: no memory, or no /proc. */
struct net_processes;
struct net_processes *net_processes_read(void);
void net_processes_free(struct net_processes *p); /* NULL is allowed */

/* "link tun7, table ip nat, process 4711 (sleep)", as far as it fits; empty: nothing. Ours are the
 * legs of d, our tables and those of the operator's file, and children of this process. p NULL:
 * processes are not looked for. 0 or -errno, then out says why. */
must_check int net_leftovers(struct netns *ns, const struct net_desired *d,
			     const struct net_processes *p, char out[static NET_LEFT_MAX]);

/* Takes away what we made of a router that does not run: legs, routes, tables. remove: the
 * namespace, too, unless there is something left that is none of ours: then left says what, and it
 * stays. No namespace of that name is fine. 0 or -errno with reason. */
must_check int net_clear(const char *namespace, const struct net_desired *d, bool remove,
			 char left[static NET_LEFT_MAX], char reason[static NET_REASON_MAX]);

#endif
