/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The replication process as the core sees it: started, spoken to, restarted when it dies. Its end
 * is noticed by the closed socket pair; what it knew is told again by the owner in on_up. */
#ifndef DAEMON_SYNC_CHILD_H
#define DAEMON_SYNC_CHILD_H

#include "patience.h"
#include "spawn.h"
#include "vrouter/netns.h"
#include "vrouter/sync_ipc.h"

struct event_base;
struct sync_child;

struct sync_child_ops {
	void (*on_up)(void *ctx); /* ready for routers; has its configuration */
	void (*on_down)(void *ctx, const char *why);
	void (*on_message)(void *ctx, const struct sync_msg *m);
};

/* A process that was started by another core, with the same meaning of all messages: the pair to
 * it, and its pidfd. */
struct sync_child_kept {
	int fd, pidfd;
};

/* Starts the first process from the event loop, or goes on with that which was kept (NULL: none;
 * its descriptors are the object's from here on, also when it fails). ops and ctx are borrowed and
 * outlive the object. */
must_check int sync_child_new(struct sync_child **out, struct event_base *base,
			      const struct sync_msg_conf *conf, const struct spawn_opts *opts,
			      const struct sync_child_kept *kept, const struct sync_child_ops *ops,
			      void *ctx);
/* Ends the process and waits for that, at most for half a second before it is killed. */
void sync_child_free(struct sync_child *c); /* NULL is allowed */
bool sync_child_is_up(const struct sync_child *c);
pid_t sync_child_pid(const struct sync_child *c); /* 0: none */
/* An answer may still come (patience.h); false also when there is no process. */
bool sync_child_is_worth_waiting(struct sync_child *c, const struct patience_of *q);
bool sync_child_hangs(const struct sync_child *c); /* it did, and has said nothing since */
/* It is the one that was kept: it may have routers already. */
bool sync_child_is_kept(const struct sync_child *c);
/* What another core would have to be given (borrowed, until the process ends). False: none is up.
 */
bool sync_child_share(const struct sync_child *c, struct sync_child_kept *out);
unsigned sync_child_restarts(const struct sync_child *c);
/* New keys: told to this process and every later one. */
void sync_child_set_conf(struct sync_child *c, const struct sync_msg_conf *conf);
/* With another protocol, say: the process ends, on_down is called, and another one is started with
 * this. Not from within an operation of sync_child_ops. */
void sync_child_replace(struct sync_child *c, const struct sync_msg_conf *conf);
/* The keys that it was told; borrowed, until the next change. */
const struct seal_keyring *sync_child_keys(const struct sync_child *c);
/* A process that does not take the message is treated as dead (on_down comes from the event loop).
 */
void sync_child_send(struct sync_child *c, const struct sync_msg *m, const int *fds,
		     unsigned n_fds);

/* The three conntrack sockets of a namespace, for SYNC_MSG_ROUTER. 0 or -errno. */
must_check int sync_sockets_open(const struct netns *ns, int fds[static SYNC_FDS]);
void sync_sockets_close(int fds[static SYNC_FDS]);
/* From now on the socket (SYNC_FD_EVENTS, shared with the process) hears of no flow that ends,
 * until the router is promoted again. What is in its queue stays. */
void sync_sockets_hush(int fd);
/* The conntrack timeouts of a namespace; what cannot be read keeps the kernel's built-in value. */
void sync_timeouts_read(const struct netns *ns, struct flow_timeouts *out);

#endif
