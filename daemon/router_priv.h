/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of a router, shared by router.c (executor), router_net.c and router_sync.c only. */
#ifndef DAEMON_ROUTER_PRIV_H
#define DAEMON_ROUTER_PRIV_H

#include <stddef.h>

#include "adopt.h"
#include "announcing.h"
#include "group.h"
#include "hook_queue.h"
#include "leaving.h"
#include "ovs.h"
#include "program.h"
#include "router.h"
#include "takeover.h"

#define FAULT_RETRY_MS 1000 /* the thing that is missing may make no wake-up */
#define QUEUE_MAX      16

struct queued {
	struct queued *next;
	struct life_in in;
	char why[LIFE_REASON_MAX];
	uint64_t request; /* PROMOTE, DEMOTE */
};

#define ENV_MAX	 24
#define ENV_TEXT 512 /* all VIPs of a leg */

/* Of an operator's program. */
struct environment {
	char text[ENV_MAX][ENV_TEXT];
	char *list[ENV_MAX + 1];
	unsigned n;
};

struct router_neigh {
	struct event *timer;
	bool due;		   /* the watch is to be opened */
	struct neigh_watch *watch; /* while ACTIVE, and */
	struct neigh_table *table; /* what it found */
	unsigned installed;	   /* by the last promotion */
	uint64_t refused, left_out, install_us;
	/* NEIGH_PAGES_MAX of the ACTIVE that is followed; NULL: none was told of yet */
	struct neigh_page **warm;
};

struct tracker;
struct router_track {
	bool started;
	uint8_t priority;	       /* to bid */
	struct tracker *at[TRACK_MAX]; /* conf.n_tracks of them */
};

/* What the guard was told. */
struct router_guarded {
	bool armed, had_table, boosted, blind;
	uint8_t priority;
	unsigned adopt_s;
	uint32_t term;
	uint64_t since_ms;
};

#define ROUTER_TRAIL_MS 500 /* a former ACTIVE forwards that long */

/* router_handover.c */
struct router_handover {
	struct event *timer;	/* a look, see leaving.h */
	bool silent, returning; /* rules that are there */
	uint8_t mac[NET_LEGS][NET_MAC_BYTES];
	struct leaving leaving; /* the source that we follow */
};

struct router_check;
struct router_server;
struct router_services {
	struct service_env env;
	struct router_server *at[SERVICE_IDS]; /* NULL: not wanted */
	struct event *timer;
	bool active;
};

/* router_ovs.c, by leg */
struct router_ovs {
	unsigned ifindex[NET_LEGS_MAX]; /* of the port on the host's side, as last told */
	char why[NET_LEGS_MAX][NET_REASON_MAX];
	bool patient; /* an answer was just there */
};

struct router_announce {
	struct announce_item item;
	struct event *timer; /* of the next time that it is due */
	uint64_t since_ms;   /* all VIPs were told first */
	unsigned bursts;     /* that were, since then */
};

struct router {
	const struct router_env *env;
	struct life_cfg life_cfg;
	struct life life;
	struct netns *ns;
	struct net_watch *watch;
	struct vrrp_io *vrrp;	    /* the group's, if there is one; else its own */
	struct router_group *group; /* NULL: none; see router_group.c */
	struct group_member member;
	struct announcer *announcer[NET_LEGS_MAX];
	struct event *life_timer, *settle_timer, *save_timer;
	struct router_announce announce;

	bool running, ended;
	uint64_t pending_request; /* the command that waits */
	uint32_t promote_request; /* number of the last PROMOTE sent */
	uint64_t sync_asked_ms;	  /* when replication was told to do what is waited for */

	bool reported;
	bool sole;	 /* nobody else could succeed the ACTIVE */
	uint32_t alarms; /* as last told */

	struct takeover takeover;
	struct program *fence;
	struct router_takeover_stats takeover_stats;
	enum engine_hearing hearing; /* as replication was told */
	uint64_t rival_ms;	     /* when a second ACTIVE was heard last; 0: never */

	struct program *program; /* on-role-change */
	struct event *hook_timer;
	struct router_hook_stats hook;

	struct guard_role kept; /* is_kept: as it was, until it is adopted or that has failed */
	bool is_kept;
	struct router_guarded guarded;
	struct router_services services;
	struct router_handover handover;
	struct stock *stock;	   /* NULL: flows are not replicated by conntrackd */
	struct event *stock_timer; /* it is ready then, or has to ask again */
	bool stock_asked;
	struct router_vips *vips;   /* NULL: as configured */
	int events_fd;		    /* replication's, see sync_sockets_hush(); -1 */
	struct router_check *check; /* NULL: none is under way */
	bool is_found;		    /* its namespace was there before */

	uint64_t elected_us, since_ms;
	char standby_label[32];
	uint64_t repairs, announcements, promotions, promotion_us;

	unsigned n_queued;
	struct queued *queue, **queue_end; /* owned; what happened while it runs */
	struct sync_msg_report *report;	   /* owned; its peers end with the last that there is */
	unsigned report_room;		   /* for peers */
	struct router_neigh neigh;
	struct router_track track;
	struct conf_router conf;

	/* From its third leg on, what most routers do not use: pages that are not written to are
	 * not there. */
	struct hook_queue hook_queue;
	struct hook_news hook_due; /* what hook_timer is about */
	struct net_look track_look[TRACK_MAX];
	char track_fault[LIFE_REASON_MAX]; /* as the role machine knows it; empty: none */
	struct router_alarm alarm[ROUTER_ALARMS];
	struct router_ovs ovs;
	char left[NET_LEFT_MAX]; /* what is in its namespace, and none of ours */
};

#define ROUTER_PAGE 4096
_Static_assert(offsetof(struct router, conf) + offsetof(struct conf_router, leg[NET_LEGS]) <=
		       ROUTER_PAGE,
	       "what each of a thousand routers uses is one page of it");

/* ---- router.c ---- */

void router_push_command(struct router *r, struct life_in in, uint64_t request);
/* Queues an event and, unless that is already under way, handles all that are queued. */
void router_push(struct router *r, struct life_in in, const char *why);
void router_happened(struct router *r, enum happening_type type, const char *text,
		     const char *reason);
/* Starts a timer over. */
void router_arm(struct event *timer, uint64_t ms);
/* What other routers may need that are promoted together with this one: what can wait is done
 * after that. */
uint32_t router_others_ms(const struct router *r);

/* ---- router_election.c ---- */

must_check int router_election_open(struct router *r, char reason[static NET_REASON_MAX]);
/* What the role machine says to it. */
void router_elect(struct router *r, enum vrrp_event ev);
/* With what is tracked, and with keys: to be forgotten. */
void router_election_cfg(struct vrrp_io_cfg *cfg, const struct router *r);
void router_election_reconfigure(struct router *r);
/* A second ACTIVE was heard; what: from whom. */
void router_election_rival(struct router *r, const char *what);
/* Replication said something, or is down. */
void router_on_report(struct router *r);

/* ---- router_net.c ---- */

int router_net_open(struct router *r, char reason[static NET_REASON_MAX]);
void router_net_close(struct router *r);
/* Builds what belongs to a router that starts, or finds what was kept; ends in BUILT, ADOPT or
 * FAULT. */
void router_net_build(struct router *r);
/* What is in its namespace and is none of ours. */
void router_net_leftovers(struct router *r);
void router_vips_on(struct router *r);
void router_vips_off(struct router *r);
/* Addresses, routes, rules of changed options. 0 or -errno. */
must_check int router_net_reconfigure(struct router *r, char reason[static NET_REASON_MAX]);

/* Looks at the network now. */
void router_net_look(struct router *r);

/* ---- router_announce.c ---- */

must_check int router_announce_open(struct router *r);
void router_announce_close(struct router *r);
/* Those that are missing. */
void router_announcers_open(struct router *r);
void router_start_announcing(struct router *r);
/* Neighbours have heard of it: the next announcement is a refresh. */
void router_go_on_announcing(struct router *r);
void router_stop_announcing(struct router *r);

/* ---- router_link.c: the host link. 0 or -errno.
 */

must_check int router_link_set(struct router *r); /* the controller's side, as configured */
void router_link_close(struct router *r);

/* ---- router_ovs.c ---- */

void router_ovs_close(struct router *r);
/* What is known of ports goes into d. */
void router_ovs_fill(const struct router *r, struct net_desired *d);
/* These (bits of legs, see net_ports()) are missing: asks for them. */
void router_ovs_missing(struct router *r, unsigned ports);
/* Why the first of these is missing, or NULL. */
const char *router_ovs_why(const struct router *r, unsigned ports);
/* All of them are there, as configured? */
void router_ovs_check(struct router *r);
/* Ports that legs do not have any more go. */
void router_ovs_reconfigure(struct router *r, const struct conf_router *was);

/* ---- router_handover.c ---- */

must_check int router_handover_open(struct router *r);
void router_handover_close(struct router *r);
/* What the configuration wants in this state. */
void router_desired(const struct router *r, struct net_desired *d, bool active);
/* Whatever rules there are, also of a former daemon, go. */
void router_handover_reset(struct router *r);
uint32_t router_handover_linger_ms(const struct conf_router *c);
/* It has its addresses: the way back can be laid for IPv6, too. */
void router_handover_arrived(struct router *r);
/* It is about to resign; it stays after all; its successor is there; its addresses are about to be
 * its own again, or have gone. */
void router_handover_leave(struct router *r);
void router_handover_stay(struct router *r);
void router_handover_linger(struct router *r);
void router_handover_loud(struct router *r);
/* For so long the former ACTIVE forwards still; 0: there is none. */
uint32_t router_handover_trail_ms(const struct router *r);
/* The election's: see struct vrrp_io_ops. ctx is the router. */
bool router_handover_may_preempt(void *ctx);
/* Replication's: SYNC_MSG_WANTED, LEAVING. */
void router_handover_message(struct router *r, const struct sync_msg *m);

/* ---- router_neigh.c ---- */

must_check int router_neigh_open(struct router *r);
void router_neigh_close(struct router *r);
/* The VIPs are on: installs what is known, and tells replicas of what there is from now on. */
void router_neigh_active(struct router *r);
/* They are about to go. */
void router_neigh_passive(struct router *r);
void router_neigh_legs_changed(struct router *r);
void router_neigh_reconfigure(struct router *r);
/* Replication has started, and knows nothing. */
void router_neigh_again(struct router *r);
void router_neigh_on_page(struct router *r, const struct sync_msg_neigh *m);
void router_neigh_view(const struct router *r, struct router_neigh_stats *out);

/* ---- router_track.c ---- */

/* Once the network was built for the first time, so that it is not found missing. 0 or -errno. */
must_check int router_track_open(struct router *r);
void router_track_close(struct router *r);
/* After conf has changed; was: before. What is still looked at keeps its state. The election is not
 * told of the priority. */
must_check int router_track_reconfigure(struct router *r, const struct conf_router *was);
/* The role is another one. */
void router_track_role(struct router *r);
/* Links or routes changed, and what of it is ours was looked after. */
void router_track_look(struct router *r);
/* We changed the router's network ourselves. */
void router_track_quiet(struct router *r);
/* Another fault is over: says again what is left of ours. */
void router_track_remind(struct router *r);

/* ---- router_services.c ---- */

/* The namespace is open. 0 or -errno. */
must_check int router_services_open(struct router *r);
void router_services_close(struct router *r);
must_check int router_services_reconfigure(struct router *r);
/* Where DNS listens now, and NTP of an ACTIVE. */
struct ip_addr router_services_address(const struct router *r);
/* The role may be another one; its addresses are still as before. */
void router_services_role(struct router *r);
/* The addresses are about to go. */
void router_services_farewell(struct router *r);

/* ---- router_check.c ---- */

/* The state may be another one. */
void router_check_role(struct router *r);
void router_check_cancel(struct router *r, const char *why);

/* ---- router_guard.c ---- */

void router_guard_disarm(struct router *r);
/* Tells it what has changed. */
void router_guard_refresh(struct router *r);

/* ---- router_vips.c ---- */

/* r->conf is as configured: with what was chosen before, if it was. 0 or -errno. */
must_check int router_vips_open(struct router *r);
void router_vips_close(struct router *r);
/* Then: are these its VIPs, as it is still running with them, or are they to be agreed on? */
void router_vips_init(struct router *r);
/* Before the network is built. */
void router_vips_begin(struct router *r);
/* Puts what was chosen in, if it fits. */
void router_vips_use(const struct router *r, struct conf_router *to);
/* r->conf is as configured again. */
void router_vips_reconfigure(struct router *r);
/* The role is another one. */
void router_vips_role(struct router *r);
/* Not agreed on yet. */
bool router_vips_pending(const struct router *r);
/* Another fault is over: says again why it cannot begin. */
void router_vips_remind(struct router *r);
/* Replication is to know what we say; it knows nothing. */
void router_vips_tell(struct router *r);
void router_vips_tell_again(struct router *r);
void router_vips_message(struct router *r, const struct sync_msg_reserve *m);
void router_vips_report(struct router *r);

/* ---- router_hook.c ---- */

must_check int router_hook_open(struct router *r);
void router_hook_close(struct router *r);
/* The role is another one. */
void router_hook_tell(struct router *r);
/* A run is due or under way; it ends by itself, at the latest after its time limit. */
bool router_hook_busy(const struct router *r);

/* Fills it with what is told of the router. */
void router_environment(struct environment *e, const struct router *r,
			const struct hook_news *news);
void router_environment_add(struct environment *e, const char *name, const char *value);

/* ---- router_takeover.c ---- */

must_check int router_takeover_open(struct router *r);
void router_takeover_close(struct router *r);
/* text: NULL or empty: over. One line and one event per change. */
void router_alarm(struct router *r, enum router_alarm_kind k, const char *text);
void router_send_path(struct router *r, struct sync_msg_path path, enum sync_msg_type type);
/* The election's: see struct vrrp_io_ops. ctx is the router. */
bool router_takeover_doubt(void *ctx);
bool router_takeover_may(void *ctx);
bool router_takeover_was_replaced(void *ctx);
void router_takeover_heard(void *ctx);
/* Replication's: SYNC_MSG_ASKED, VOUCHED. */
void router_takeover_message(struct router *r, const struct sync_msg *m);
/* A new report is there; before: the alarms of the last. */
void router_takeover_report(struct router *r, uint32_t before);
/* Whom the election speaks to has changed. */
void router_takeover_ends(void *ctx);
/* A second ACTIVE was heard, which has to leave; from: its election's words. */
void router_takeover_rival(struct router *r);

/* ---- router_stock.c ---- */

/* Only where conntrackd is the engine. */
must_check int router_stock_open(struct router *r);
void router_stock_close(struct router *r);
void router_stock_role(struct router *r, enum sync_msg_type type);

/* ---- router_sync.c ---- */

void router_sync_role(struct router *r, enum sync_msg_type type);
/* Some flows may be masqueraded by the kernel itself: towards several legs outside, by the
 * operator's own rules, or since a version before this one. */
bool router_kernel_masquerades(const struct router *r);
void router_sync_reconfigure(struct router *r);
/* For a report with so many peers. 0 or -ENOMEM. */
must_check int router_report_room(struct router *r, unsigned peers);
/* Brings `sole` up to date; true when it has changed. */
bool router_sync_sole(struct router *r);
bool router_peer_lives(const struct router *r);

#endif
