/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conntrack entries by number: flow i of a set is established, source-translated TCP. The set is
 * named by --target, --source and --via; the same options give the same tuples, so one process can
 * make what another looks for. */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "traffic.h"

#include <libmnl/libmnl.h>

#define ENTRIES_BATCH	    64
#define ENTRIES_MESSAGE_MAX 512

struct mnl_socket *entries_open(void); /* in the namespace of the calling thread */
/* Write one request at h and say how long it is. type: IPCTNL_MSG_CT_GET or _DELETE. */
must_check size_t entries_new(struct nlmsghdr *h, const struct options *o, unsigned i, bool ack);
must_check size_t entries_ask(struct nlmsghdr *h, const struct options *o, unsigned i, uint8_t type,
			      bool ack);
/* One batch of at most ENTRIES_BATCH entries, answered. How many were refused (errno in *why), or
 * for `have` how many are there. */
must_check unsigned entries_make(struct mnl_socket *nl, const struct options *o, unsigned first,
				 unsigned n, int *why);
must_check unsigned entries_drop(struct mnl_socket *nl, const struct options *o, unsigned first,
				 unsigned n, int *why);
must_check unsigned entries_have(struct mnl_socket *nl, const struct options *o, unsigned first,
				 unsigned n);

#endif
