/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core and sync process say to each other, over a SOCK_SEQPACKET pair. Both ends are the same
 * binary (the core executes /proc/self/exe), so messages are plain structs; lengths are still
 * checked. The core owns configuration, namespaces and term; sync owns the engine of each router
 * and the replication sockets. When either end closes, the other notices at once: sync exits, the
 * core restarts it and says all again. */
#ifndef VROUTER_SYNC_IPC_H
#define VROUTER_SYNC_IPC_H

#include <net/if.h>

#include "vrouter/ctd.h"
#include "vrouter/seal.h"

#define SYNC_IPC_FD	 3 /* the pair's end in the sync process */
#define SYNC_LINKS_MAX	 4
#define SYNC_UNICAST_MAX 8

enum sync_msg_type {
	/* core -> sync */
	SYNC_MSG_CONF = 1, /* first, once; again on reload (keys, what can change live) */
	SYNC_MSG_ROUTER,   /* add or change a router; carries its three conntrack sockets when it is
			      new */
	SYNC_MSG_ROUTER_DEL,
	SYNC_MSG_PROMOTE, /* answered by PROMOTED */
	SYNC_MSG_DEMOTE,  /* not answered */
	SYNC_MSG_DRAIN,	  /* answered by DRAINED */
	SYNC_MSG_QUERY,	  /* answered by a REPORT of the router, or by one of each */
	SYNC_MSG_PING,	  /* answered by PONG: the loop goes round */
	SYNC_MSG_ASK,	  /* is the source well? perhaps answered by VOUCHED */
	SYNC_MSG_VOUCH,	  /* the answer to ASKED, if this controller is well */
	SYNC_MSG_HEARS,	  /* what the election hears has changed */
	SYNC_MSG_VERIFY,  /* compare the tables now; answered by VERIFIED, one or many */
	SYNC_MSG_WANT,	  /* the source is to be asked to hand over to us */
	SYNC_MSG_LEAVE,	  /* we, the source, are about to leave; or stay after all */
	SYNC_MSG_STREAM,  /* the answer to DIAL, with a connected socket; or one that a peer opened
			   */
	SYNC_MSG_RESERVE, /* what is to be said of chosen VIPs; all that peers say is told anew */
	/* both ways: neighbours, from the ACTIVE's kernel to the core that will need them */
	SYNC_MSG_NEIGH,
	/* sync -> core */
	SYNC_MSG_UP,	   /* ready for messages: sockets open, privileges dropped */
	SYNC_MSG_PROMOTED, /* all received flows are in the kernel, events are subscribed, the
			      stream is open */
	SYNC_MSG_PONG,
	SYNC_MSG_DRAINED,
	SYNC_MSG_REPORT,  /* on change of status, on QUERY */
	SYNC_MSG_ASKED,	  /* a replica asks whether we, the source, are well */
	SYNC_MSG_VOUCHED, /* the source answers an ASK */
	SYNC_MSG_BEATS,	  /* heartbeats of the source are missing on all links, or no longer */
	SYNC_MSG_VERIFIED,
	SYNC_MSG_WANTED,   /* a replica asks us, the source, to hand over to it: path.name */
	SYNC_MSG_LEAVING,  /* the source is about to leave */
	SYNC_MSG_RESERVED, /* a peer says something else of them than before */
	SYNC_MSG_DIAL,	   /* conntrackd's protocol over TCP: a connection of a link is missing */
	SYNC_MSG_LINK,	   /* a replication link came up (also the first time) or failed: text says
			      how or why */
};

/* A peer that is reached by unicast. */
struct sync_peer_addr {
	struct ip_addr addr;
	char interface[IFNAMSIZ]; /* that leads to it; "": the first */
};

struct sync_msg_conf {
	char controller[64];
	char interface[SYNC_LINKS_MAX][IFNAMSIZ]; /* multicast leaves through each */
	unsigned n_interfaces;
	/* of each link; family 0, on all of them: unicast peers only */
	struct ip_addr group[SYNC_LINKS_MAX];
	struct sync_peer_addr peer[SYNC_UNICAST_MAX];
	unsigned n_peers;
	uint16_t port[SYNC_LINKS_MAX];
	bool sealed;
	bool no_checksum; /* UDP's, over IPv4 */
	bool conntrackd;  /* its protocol is spoken, for one router, never sealed */
	enum ctd_mode ctd_mode;
	bool tcp;	    /* conntrackd's protocol, to peers: see SYNC_MSG_DIAL */
	uint32_t refresh_s; /* mode ALARM */
	struct seal_keyring keys;
};

/* Sockets are NETLINK_NETFILTER, opened by the core inside the router's namespace (entering one
 * needs CAP_SYS_ADMIN, which sync does not have), passed by SCM_RIGHTS in this order. */
enum { SYNC_FD_EVENTS, SYNC_FD_DUMP, SYNC_FD_APPLY, SYNC_FDS };

struct sync_msg_router {
	char router[64];
	uint32_t ring_bytes, hold_new_ms;
	struct flow_timeouts timeouts;
	struct flow_locals locals;
	struct flow_filter filter;
	struct engine_beats beats;
};

struct sync_msg_role {	  /* ROUTER_DEL, PROMOTE, DEMOTE, DRAIN, QUERY, VERIFY; PROMOTED, DRAINED */
	char router[64];  /* QUERY: empty, all */
	uint32_t term;	  /* PROMOTE: the stream's term must be above; PROMOTED: what it is */
	uint32_t wait_ms; /* DRAIN: at most */
	uint32_t request; /* PROMOTE, VERIFY: the core's number of it; PROMOTED: which one it
			     answers */
	/* PROMOTE: the former source forwards for so long, and what that changes is still taken:
	 * PROMOTED comes at once, and again when the stream is open. 0: it does not. */
	uint32_t trail_ms;
	/* DEMOTE: with the address that went the kernel ends flows that it masqueraded, if there
	 * are any, some time later */
	bool flushed;
	bool ok; /* DRAINED: acknowledged by every healthy replica; PROMOTED: events are
		    subscribed, false: nothing will be replicated */
};

struct sync_msg_report {
	char router[64];
	bool answer; /* to a QUERY */
	struct engine_status status;
	unsigned n_peers, n_refused;
	struct sync_counters counters;
	uint32_t flows, flows_max; /* the namespace's conntrack count; nf_conntrack_max */
	uint64_t lag_ms; /* replica: age of the oldest change known of and not applied; 0: none */
	struct refused_entry refused[REFUSED_MAX];
	struct engine_peer peer[ENGINE_PEERS_MAX]; /* last: few of them are there */
};

struct sync_msg_path { /* ASK, VOUCH, HEARS, WANT; ASKED, VOUCHED, BEATS, WANTED */
	char router[64];
	uint64_t question;	     /* ASK, VOUCH, ASKED, VOUCHED: its number, of who asks */
	uint32_t peer;		     /* ASKED, VOUCH: who asks */
	uint32_t term;		     /* VOUCHED: of its stream */
	char name[64];		     /* VOUCHED: the source's; WANTED: who asks */
	enum engine_hearing hearing; /* HEARS */
	bool missing;		     /* BEATS */
	uint64_t awake_ms;	     /* BEATS: the process was, without a pause */
};

struct sync_msg_leaving { /* LEAVE; LEAVING */
	char router[64];
	struct engine_leaving what;
};

struct sync_msg_reserve { /* RESERVE; RESERVED */
	char router[64];
	uint32_t peer; /* RESERVED, and its name */
	char name[64];
	struct reserve_word word;
};

struct sync_msg_neigh {
	char router[64];
	bool clear; /* all pages are empty; the rest does not count */
	unsigned page;
	struct neigh_page content;
};

struct sync_msg_verified {
	char router[64];
	struct verify_page page;
};

struct sync_msg_link {
	char interface[IFNAMSIZ];
	bool up;
	char text[160];
};

/* TCP's connections are made by the core, so that the sync process cannot reach anybody it is not
 * to speak to. Each has one direction: what a controller sends goes through the one that it has
 * opened. DIAL: the core listens on the link for it (anew: its interface has come), and opens it
 * where it is an outgoing one. STREAM: here it is, non-blocking, with a descriptor. */
struct sync_msg_stream {
	unsigned link, peer; /* indices of sync_msg_conf */
	bool out;
	bool anew; /* DIAL */
};

struct sync_msg {
	uint32_t type; /* enum sync_msg_type */
	union {
		struct sync_msg_conf conf;
		struct sync_msg_router router;
		struct sync_msg_role role;
		struct sync_msg_path path;
		struct sync_msg_report report;
		struct sync_msg_link link;
		struct sync_msg_stream stream;
		struct sync_msg_neigh neigh;
		struct sync_msg_verified verified;
		struct sync_msg_leaving leaving;
		struct sync_msg_reserve reserve;
	};
};

/* Sends one message with n_fds descriptors (they stay open here). 0 or -errno; -EAGAIN when the
 * pair is full (non-blocking): the caller treats sync as hung. */
must_check int sync_ipc_send(int fd, const struct sync_msg *m, const int *fds, unsigned n_fds);
/* 1 one message, 0 the other end closed, -EAGAIN nothing there, -EPROTO malformed. *n_fds
 * descriptors are now the caller's. */
must_check int sync_ipc_recv(int fd, struct sync_msg *m, int fds[static SYNC_FDS], unsigned *n_fds);

/* main() of the sync process: "vrouterd --sync-worker", SYNC_IPC_FD open and nothing above it,
 * but for what logs. realtime: SCHED_RR 1, below the core's. Returns an exit status. */
int sync_worker_main(bool realtime);

#endif
