/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: JSON lines over a Unix stream socket, for vrouterctl and other local
 * programs.
 *
 *   request  {"cmd": "status", "args": {"router": "vrouter"}}
 *   reply    {"ok": true, "data": ...}  or  {"ok": false, "error": "text", "code": "not-found"}
 *
 * One line each, requests at most CTL_LINE_MAX long; replies come in the order of the requests.
 * After "events" with follow the connection carries only events. Only root and the daemon's own
 * user may connect. A client that is slow, silent or sends garbage costs a bounded buffer, then its
 * connection; never a wait. */
#ifndef VROUTER_CONTROL_H
#define VROUTER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "vrouter/jbuf.h"
#include "vrouter/nat.h"

#define CTL_LINE_MAX	4096
#define CTL_OUT_MAX	(16 * 1024 * 1024) /* what may wait for one client */
#define CTL_CLIENTS_MAX 32
#define CTL_DEADLINE_S	10 /* to send a request, to take a reply */

enum ctl_cmd {
	CTL_STATUS,
	CTL_FLOWS, /* where the flows are: the router's namespace */
	CTL_PEERS,
	CTL_STATS,
	CTL_PROMOTE,
	CTL_DEMOTE,
	CTL_STOP,
	CTL_START,
	CTL_REMOVE,
	CTL_VERIFY,
	CTL_CHECK,
	CTL_PLAN,
	CTL_EVENTS,
	CTL_RELOAD,
	CTL_UPGRADE,
	CTL_VERSION,
	CTL_CMDS
};

enum ctl_code {
	CTL_USAGE,     /* the request is wrong */
	CTL_FAILED,    /* it is right, and could not be done */
	CTL_NOT_FOUND, /* no such router */
	CTL_CODES
};
const char *ctl_code_name(enum ctl_code c);

struct ctl_verb {
	const char *name, *help;
	bool takes_router, needs_router;
};
extern const struct ctl_verb ctl_verbs[CTL_CMDS];

struct ctl_request {
	enum ctl_cmd cmd;
	char router[64]; /* empty: none given */
	bool force, follow;
	bool brief; /* status: of each router what a line of a list has */
	unsigned lines;
	struct nat_target connect; /* family 0: none given */
};

#define CTL_WHY_MAX 160
/* One request line, without its newline. 0, or -EINVAL with why; *out is set only on 0. */
must_check int ctl_request_parse(struct ctl_request *out, const char *line, size_t len,
				 char why[static CTL_WHY_MAX]);

/* ---- server -----------------------------------------------------------------------------------
 */

struct event_base;
struct ctl_server;

struct ctl_stats {
	uint64_t clients, requests, bad_requests, refused_clients, slow_clients;
	uint64_t pieces, longest_us; /* of replies in pieces; that the loop was held by one */
};

/* A reply that is written as its client takes it. Embedded in what knows how far it is. */
struct ctl_pieces {
	/* Adds some more of the data, some KB at most. false: that was the last of it. */
	bool (*more)(struct ctl_pieces *p, struct jbuf *out);
	/* It is done, or nobody reads it any more. Called once. */
	void (*end)(struct ctl_pieces *p);
};

/* Every request is answered exactly once, now or later, with the client's number; the client may be
 * gone by then. */
typedef void ctl_handler(void *ctx, uint64_t client, const struct ctl_request *req);

/* Replaces a stale socket. 0 or -errno. fn and ctx are borrowed and outlive the server. */
must_check int ctl_server_new(struct ctl_server **out, struct event_base *base, const char *path,
			      ctl_handler *fn, void *ctx);
void ctl_server_free(struct ctl_server *s); /* removes the socket; NULL is allowed */
void ctl_server_reply(struct ctl_server *s, uint64_t client, json_t *data); /* takes data over */
/* As a reply with what p tells, which holds the loop for some ms at a time, and a buffer of some KB
 * while the client does not read. p->end() is called, perhaps at once. */
void ctl_server_pieces(struct ctl_server *s, uint64_t client, struct ctl_pieces *p);
void ctl_server_error(struct ctl_server *s, uint64_t client, enum ctl_code code, const char *fmt,
		      ...) printf_like(4, 5);
/* As a reply; then the client gets everything that is published. */
void ctl_server_follow(struct ctl_server *s, uint64_t client, json_t *data);
bool ctl_server_has_followers(const struct ctl_server *s);
void ctl_server_publish(struct ctl_server *s, json_t *line); /* takes line over */
const struct ctl_stats *ctl_server_stats(const struct ctl_server *s);

#endif
