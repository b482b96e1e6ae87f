/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One virtual router of this controller: runs what the role machine (vrouter/lifecycle.h) decides,
 * and feeds it what happens. Owns the namespace's handles, the election, the announcers, the
 * timers. The namespace itself outlives it: flows stay for whoever opens it next. */
#ifndef DAEMON_ROUTER_H
#define DAEMON_ROUTER_H

#include "conf_services.h"
#include "event_ring.h"
#include "service.h"
#include "stock.h"
#include "sync_child.h"
#include "vrouter/conf.h"
#include "vrouter/leftovers.h"
#include "vrouter/lifecycle.h"
#include "vrouter/vrrp.h"

struct router;
struct router_group;
extern const struct announcing_ops router_announcing_ops;
struct procwatch;
struct ovs;
struct adopt;
struct announcing;

/* Routers that share one election: each group of them is in this list, and lasts as long as its
 * last router. */
struct router_groups {
	struct router_group *first;
};

/* What a router needs from the daemon; borrowed, outlives every router. */
struct router_env {
	struct event_base *base;
	const char *run_dir, *state_dir, *controller;
	struct sync_child *sync;       /* NULL: no replication by ours */
	const struct conf_sync *stock; /* replication is conntrackd's; NULL: it is not */
	struct guard *guard;	       /* NULL: none */
	const struct adopt *adopt;     /* NULL: nobody stands in for a core before this one */
	struct procwatch *procs;
	struct announcing *announcing;
	struct router_groups *groups;
	struct ovs *ovs;
	struct host_nat *host_nat;
	struct net_host *host;
	struct net_processes *processes; /* NULL: not to be looked for */
	const unsigned *n_routers;	 /* of the daemon */
	uint32_t ring_bytes, hold_new_ms;
	/* Is it a VIP of another router of this controller? */
	bool (*is_taken)(void *ctx, const struct router *asks, const struct ip_addr *a);
	/* Does any replication link work? */
	bool (*is_linked)(void *ctx);
	/* id and time_ms are filled in by the daemon */
	void (*on_happening)(void *ctx, const struct happening *h);
	/* The outcome of router_command(). */
	void (*on_answer)(void *ctx, uint64_t request, bool ok, const char *text);
	/* The role has ended; not called from within a call into the router's own functions. */
	void (*on_ended)(void *ctx, struct router *r);
	void *ctx;
};

/* Opens or creates the namespace and builds the router in it. A fault that may go away by itself (a
 * missing bridge) is no failure but role FAULT. 0 or -errno with reason. */
must_check int router_new(struct router **out, const struct conf_router *conf,
			  const struct router_env *env, char reason[static NET_REASON_MAX]);
void router_free(struct router *r); /* at once, without resigning; NULL is allowed */
/* The router leaves the configuration: its legs and rules go, too. Then free it. */
void router_teardown(struct router *r);

const char *router_name(const struct router *r);
/* The controller's side of host links is as it should be again, or is not. */
void router_link_look(struct router *r);
/* Live changes (see conf_diff). 0 or -errno with reason; what was changed stays changed. */
must_check int router_reconfigure(struct router *r, const struct conf_router *conf,
				  char reason[static NET_REASON_MAX]);
/* The key file was read again. */
void router_rekey(struct router *r);
/* To all routers of its group, if it is in one. Answered once through env.on_answer, now or later.
 */
void router_command(struct router *r, bool promote, bool force, uint64_t request);
/* Resigns in order; on_ended follows. */
void router_stop(struct router *r, const char *why);

/* All routers of the configuration are there: groups that are new may begin. */
void router_groups_whole(struct router_groups *all);
/* Any router of the group, or NULL. */
struct router *router_group_find(const struct router_groups *all, const char *name);
/* The option in which c does not fit the running group of its name; NULL: none, or there is no such
 * group. */
const char *router_group_refuses(const struct router_groups *all, const struct conf_router *c);
/* Ports of Open vSwitch that are legs of c are given back. */
void router_ovs_return(struct ovs *ovs, const struct conf_router *c);
/* What it runs beside the daemon ends now: another core is about to take this process over. */
void router_end_services(struct router *r);

/* It is ACTIVE as it was before this process, and has just said so again. */
bool router_has_adopted(struct router *r);

/* Replication is up (it knows nothing of the router yet), down, or said something about it. */
void router_on_sync_up(struct router *r);
void router_on_sync_down(struct router *r);
void router_on_sync_message(struct router *r, const struct sync_msg *m);

/* A guard is there that knows nothing yet. */
void router_guard_arm(struct router *r);

/* Raised by the election; those of replication are in its report. */
enum router_alarm_kind {
	ROUTER_ALARM_VETO,   /* "veto" */
	ROUTER_ALARM_FENCE,  /* "fence" */
	ROUTER_ALARM_DEAF,   /* "deaf-peer" */
	ROUTER_ALARM_ONEWAY, /* "one-way" */
	ROUTER_ALARM_ALONE,  /* "no-peer" */
	ROUTER_ALARM_ENGINE, /* "conntrackd": something that it needs is missing */
	ROUTER_ALARM_LINK,   /* "host-link" */
	/* of chosen VIPs; those above are those of a whole group */
	ROUTER_ALARM_VIP_CONFLICT, /* "vip-conflict" */
	ROUTER_ALARM_VIP_SPLIT,	   /* "vip-split" */
	ROUTER_ALARMS
};
struct router_alarm {
	char text[256]; /* empty: off */
};
const char *router_alarm_name(enum router_alarm_kind k);

struct router_takeover_stats {
	uint64_t vetoes, fence_runs, fence_failed, fence_killed;
	uint64_t clashes, rivals;
};

/* VIPs that are chosen. */
struct router_vips_stats {
	uint64_t searches, asked; /* probes sent */
	uint64_t not_free;	  /* candidates that somebody has */
	uint64_t conflicts;	  /* times that somebody used one of ours */
};
struct router_vips_view {
	bool pending, failed; /* not agreed on yet; and somebody has to do something */
	const char *why;
	struct router_vips_stats stats;
};

struct router_hook_stats {
	uint64_t runs, failed, killed;
};

/* Neighbours. */
struct router_neigh_stats {
	unsigned known;	    /* ACTIVE: in the kernel; STANDBY: learned from the ACTIVE */
	unsigned installed; /* by the last promotion */
	uint64_t refused;   /* by the kernel */
	uint64_t left_out;  /* no room here */
	uint64_t install_us;
};

/* For status and statistics; valid until control returns to the event loop. */
struct router_view {
	const struct conf_router *conf;
	const struct life *life;
	const struct sync_msg_report *report; /* NULL: none yet, or replication is down */
	const struct vrrp_inst *vrrp;	      /* NULL: no election here */
	const struct vrrp_stats *vrrp_stats;
	const struct vrrp_ends *ends;
	bool heard; /* of another controller's advertisements */
	uint64_t heard_us_ago;
	struct ip_addr heard_from;
	uint8_t heard_prio;
	uint64_t preempt_delay_us; /* that still holds back a preemption */
	uint64_t since_ms;	   /* wall clock: the role began */
	uint64_t repairs, announcements, promotions, promotion_us;
	struct router_hook_stats hook;
	uint64_t hook_coalesced;
	struct router_takeover_stats takeover;
	const struct router_alarm *alarm[ROUTER_ALARMS]; /* its own, or its group's */
	const char *left; /* what is in its namespace, and none of ours; empty: nothing */
	bool busy;	  /* a program of the operator's runs, or is about to */
	struct router_neigh_stats neigh;
	uint8_t priority;    /* with the weights of what fails */
	const char *group;   /* "": none */
	unsigned group_size; /* routers */
	enum engine_heartbeats beats;
	const char *beats_of; /* the router by whose report they are known: of a group, its first */
	bool has_stock;
	struct stock_view stock;
};
/* Of conf->track[i]. */
const struct track *router_track_state(const struct router *r, unsigned i);
/* "fault", "priority"; "none": a weight where there is no election of ours. */
const char *router_track_effect(const struct conf_router *c, unsigned i);
void router_view(const struct router *r, struct router_view *out);
/* Of its rules, from the kernel; 0 where that does not answer. */
void router_counters(const struct router *r, struct nat_counters *out);

/* Looks at all that can be looked at without disturbing anything, for some seconds, and judges it
 * (check.h). fn is called once: lines, or NULL and why there are none. Both are gone afterwards, as
 * the router may be. It is not called from within router_check(). */
struct check_lines;
typedef void router_check_fn(void *ctx, uint64_t request, const struct router_view *v,
			     const struct check_lines *lines, const char *why);
struct router_check_ask {
	struct nat_target connect; /* to be connected to from the public VIP; family 0: nothing */
	router_check_fn *fn;
	void *ctx;
	uint64_t request;
};
/* 0 or -errno; -EBUSY: it is under way already. */
must_check int router_check(struct router *r, const struct router_check_ask *what);

/* What another configuration would do to its network. */
struct router_planned {
	struct net_desired now, desired; /* of the one that runs; of the other one */
	struct net_plan plan;		 /* to the other one */
	struct net_plan drift; /* to the one that runs: about to be repaired, or a fault */
};
/* 0 or -errno with reason. Changes nothing. */
must_check int router_plan(struct router *r, const struct conf_router *to,
			   struct router_planned *out, char reason[static NET_REASON_MAX]);
/* false: its VIPs are as configured. */
bool router_vips_view(const struct router *r, struct router_vips_view *out);
/* Are they, or might they soon be: a VIP that was chosen for it? */
bool router_vips_has(const struct router *r, const struct ip_addr *a);

struct router_service_view {
	struct service_view service;
	uint8_t stratum; /* NTP: as it last answered; 0: it has not */
	bool synchronised;
};
/* False: the config does not ask for it. */
bool router_service_view(const struct router *r, enum service_id id,
			 struct router_service_view *out);
/* Its program is there. 0, or -errno with a sentence that says what to do. */
must_check int router_service_check(enum service_id id, char why[static SERVICE_TEXT_MAX]);

#endif
