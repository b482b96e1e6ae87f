/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of `vrouterctl flows`: from the kernel's messages to lines. */
#ifndef CLI_FLOWS_H
#define CLI_FLOWS_H

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include "cli.h"
#include "vrouter/flow_query.h"

struct flows_show {
	const struct flow_ask *ask;
	const char *router;
	struct nfct_labelmap *labels; /* NULL: no names */
	uint64_t n;		      /* entries or events that were asked for */
	bool head;		      /* the document of -o xml is open */
};

/* ---- netlink, in the current namespace (flows_netlink.c). 0 or -errno -------------------------
 */

/* Each entry of the table of flows, or with ask->expect of expectations, to fn, which returns
 * MNL_CB_OK or MNL_CB_STOP. The kernel leaves out what it can; fn still has to look. */
must_check int flows_dump(const struct flow_ask *ask, mnl_cb_t fn, void *ctx);
/* The same for events, until SIGINT or SIGTERM, or MNL_CB_STOP. */
must_check int flows_listen(const struct flow_ask *ask, mnl_cb_t fn, void *ctx);
/* What the kernel answers on nl to a dump request of that number, to fn (flows_relay.c). */
must_check int flows_relay(struct mnl_socket *nl, unsigned seq, mnl_cb_t fn, void *ctx);
/* How many flows there are, without looking at one. */
must_check int flows_total(uint64_t *out);
enum nf_conntrack_msg_type flows_event_type(const struct nlmsghdr *nlh);
/* The program that owns a netlink socket of this namespace, or NULL (flows_program.c). */
const char *flows_program(uint32_t port);

/* ---- lines on standard output ------------------------------------------------------------- */

/* mnl_cb_t; ctx is a struct flows_show (flows_show.c) */
int flows_show_entry(const struct nlmsghdr *nlh, void *ctx);
int flows_show_event(const struct nlmsghdr *nlh, void *ctx);
void flows_show_begin(struct flows_show *s, const char *element);
void flows_show_end(struct flows_show *s);
/* Like conntrack -o save (flows_save.c) */
void flows_save(const struct nf_conntrack *ct, enum nf_conntrack_msg_type type);
/* An object and a newline (flows_json.c); type 0: an entry, no event */
void flows_json(const struct flows_show *s, const struct nf_conntrack *ct,
		enum nf_conntrack_msg_type type);
const char *flows_json_event(enum nf_conntrack_msg_type type);
/* Expectations (flows_expect.c), as flows_show_*() */
int flows_expect_entry(const struct nlmsghdr *nlh, void *ctx);
int flows_expect_event(const struct nlmsghdr *nlh, void *ctx);

#endif
