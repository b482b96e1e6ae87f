/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's conntrack table of one namespace, as the replication sees it: where changes come
 * from (capture), what is there (table) and where changes go (apply). Nothing behind these three
 * may be assumed to be netlink. Sockets come from the core, which opened them inside the namespace;
 * they are borrowed here. */
#ifndef VROUTER_CONNTRACK_H
#define VROUTER_CONNTRACK_H

#include "vrouter/counters.h"
#include "vrouter/engine.h"

/* ---- capture: the kernel tells what changes ----------------------------------------------- */

struct capture;

struct capture_ops {
	void (*on_change)(void *ctx, const struct flow *f, enum flow_change change);
	/* an expectation: new or gone. NULL: nobody asks */
	void (*on_expect)(void *ctx, const struct expect *x, enum flow_change change);
	/* the kernel dropped changes; all that it told before it did have been told */
	void (*on_overrun)(void *ctx);
};

/* own_port: changes that this netlink port made are not told. fd, ops, ctx and counters are
 * borrowed. 0 or -errno. */
must_check int capture_new(struct capture **out, int fd, uint32_t own_port,
			   const struct capture_ops *ops, void *ctx,
			   struct sync_counters *counters);
void capture_free(struct capture *c); /* NULL is allowed */
/* The kernel drops events of which the engine would say nothing, see flow_filter_program(); what it
 * dropped is not counted. Instead of an earlier filter, at once. 0 or -errno: none is in place. */
must_check int capture_filter(struct capture *c, const struct flow_filter *filter,
			      const struct flow_locals *locals);
/* For waiting: readable means that there is something to read. */
int capture_fd(const struct capture *c);
/* Changes from now on. 0 or -errno. */
must_check int capture_start(struct capture *c);
/* Ends of flows alone, from now on, until capture_stop(). 0 or -errno. */
must_check int capture_start_ends(struct capture *c);
/* Tells at most about max changes. true: more is waiting, false: all is told. */
must_check bool capture_read(struct capture *c, unsigned max);
/* No more changes; what was not read is lost. */
void capture_stop(struct capture *c);

/* ---- table: what is there ----------------------------------------------------------------- */

struct table;

/* query_fd answers single questions and may be the apply socket. 0 or -errno. */
must_check int table_new(struct table **out, int dump_fd, int query_fd);
void table_free(struct table *t); /* NULL is allowed */

typedef void table_fn(void *ctx, const struct flow *f);
/* One chunk of the table to fn; start: from the beginning. 1 more, 0 that was the last, or -errno.
 * A start while another dump is under way first reads that one to its end, a chunk per call, and
 * tells nothing of it. The kernel fills a chunk one call ahead. */
must_check int table_dump(struct table *t, bool start, table_fn *fn, void *ctx);
/* The flow with key's identity as it is now. 0, -ENOENT or another -errno. */
must_check int table_get(struct table *t, const struct flow *key, struct flow *out);
/* Entries in the namespace, and how many the kernel allows. 0 or -errno. */
must_check int table_count(struct table *t, uint32_t *flows, uint32_t *flows_max);

/* ---- apply: changes for the kernel -------------------------------------------------------- */

struct apply;

/* A change that the kernel refused for good, from within apply_put/del/timeout/commit: deletions of
 * what is not there, too. The fn counts it, and may queue changes. f and err as in
 * engine_on_apply_failed(). */
typedef void apply_failed_fn(void *ctx, const struct flow *f, int err);

/* Borrows fd (shared with table queries), fn's ctx and counters. Flows are put with a timeout of
 * pin_s. 0 or -errno. */
must_check int apply_new(struct apply **out, int fd, uint32_t pin_s, apply_failed_fn *fn, void *ctx,
			 struct sync_counters *counters);
void apply_free(struct apply *a); /* what is queued is lost; NULL is allowed */
/* Queue a change; a full queue commits itself. Changes of one flow are applied in their order. */
void apply_put(struct apply *a, const struct flow *f, enum flow_put how);
void apply_del(struct apply *a, const struct flow *f);
void apply_timeout(struct apply *a, const struct flow *f, uint32_t timeout_s);
void apply_commit(struct apply *a);

/* ---- expectations: all of that for them ---------------------------------------------------- */

struct expects;

/* fd is borrowed, and may be the apply socket. 0 or -errno. */
must_check int expects_new(struct expects **out, int fd);
void expects_free(struct expects *t); /* NULL is allowed */
/* At once; see engine_ops. 0 or -errno. */
int expects_put(struct expects *t, const struct expect *x, uint32_t timeout_s);
int expects_del(struct expects *t, const struct expect *x);
int expects_timeout(struct expects *t, const struct expect *x, uint32_t timeout_s);

typedef void expects_fn(void *ctx, const struct expect *x);
/* All that there are to fn, which may ask the kernel for other things: the table has been read
 * before the first is told. 0 or -errno. */
must_check int expects_read(struct expects *t, expects_fn *fn, void *ctx);

/* ---- netlink sockets and messages (behind the above, and for tests) ------------------------- */

/* A NETLINK_NETFILTER socket in the current namespace, non-blocking. fd or -errno. */
must_check int conntrack_socket(void);
/* The socket's port; binds it when it has none. 0 or -errno. */
must_check int conntrack_port(int fd, uint32_t *port);

struct nlmsghdr;

/* A conntrack message of the kernel: event, dump entry or answer. 0, -EPROTO (not such a message or
 * damaged) or -EOPNOTSUPP (an entry that struct flow cannot hold). *out and *change only on 0. */
must_check int flow_netlink_parse(const struct nlmsghdr *nlh, struct flow *out,
				  enum flow_change *change);

/* Requests. Each writes one message at buf and returns its length, or 0 when the flow cannot be
 * expressed or does not fit; nothing is to be sent then. */
#define FLOW_NETLINK_MAX 768 /* no request is longer */
enum flow_netlink_key { FLOW_NETLINK_ORIG, FLOW_NETLINK_REPLY };
size_t flow_netlink_create(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			   uint32_t seq);
size_t flow_netlink_update(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			   uint32_t seq);
/* Labels of an entry that is there; the other two leave them out. */
size_t flow_netlink_labels(void *buf, size_t cap, const struct flow *f, uint32_t seq);
size_t flow_netlink_timeout(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			    uint32_t seq);
size_t flow_netlink_delete(void *buf, size_t cap, const struct flow *f, enum flow_netlink_key key,
			   uint32_t seq);
size_t flow_netlink_get(void *buf, size_t cap, const struct flow *f, uint32_t seq);

/* A message about an expectation? */
bool expect_netlink_is(const struct nlmsghdr *nlh);
/* The same for expectations; requests ask for an acknowledgement. */
must_check int expect_netlink_parse(const struct nlmsghdr *nlh, struct expect *out,
				    enum flow_change *change);
size_t expect_netlink_put(void *buf, size_t cap, const struct expect *x, uint32_t timeout_s,
			  uint32_t seq);
size_t expect_netlink_delete(void *buf, size_t cap, const struct expect *x, uint32_t seq);

/* As conntrack(8) and `vrouterctl flows` print it, without what is left of its timeout. "" if there
 * is no memory. */
#define FLOW_TEXT_MAX 1024
const char *flow_text(const struct flow *f, char buf[static FLOW_TEXT_MAX]);

/* Has all that a new entry needs? */
bool flow_netlink_complete(const struct flow *f);

#endif
