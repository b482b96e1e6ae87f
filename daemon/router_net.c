/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A router's network: brought to what its role wants, looked at again whenever the kernel says that
 * something changed. What cannot be brought about is a fault, and looked at
 * again each second. */
#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

static void tell_fault(struct router *r, int err, char reason[static NET_REASON_MAX])
{
	unsigned ports = net_ports(r->ns);
	const char *why = router_ovs_why(r, ports);
	bool told;

	if (why)
		snprintf(reason, NET_REASON_MAX, "%s", why);
	told = (r->life.faults & LIFE_FAULT_NET) && strcmp(reason, r->life.reason) == 0;
	router_ovs_missing(r, ports);
	router_arm(r->settle_timer, FAULT_RETRY_MS);
	if (!told)
		router_push(r, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET},
			    reason[0] ? reason : strerror(-err));
}

/* 0 when the network is as the role wants it; else the fault is on its way to the machine. */
static int ensure(struct router *r, bool active, unsigned *changed)
{
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;
	int err;

	*changed = 0;
	router_desired(r, &d, active);
	router_ovs_fill(r, &d);
	err = net_ensure(r->ns, &d, changed, reason);
	router_link_look(r);
	if (err < 0)
		tell_fault(r, err, reason);
	return err;
}

static int promote(struct router *r)
{
	char reason[NET_REASON_MAX] = "";
	struct net_desired d;
	unsigned changed;
	int err;

	router_desired(r, &d, true);
	router_ovs_fill(r, &d);
	err = net_promote(r->ns, &d, &changed, reason);
	if (err < 0)
		tell_fault(r, err, reason);
	return err;
}

static int ensure_nat(struct router *r, bool active, char reason[static NET_REASON_MAX])
{
	struct net_desired d;

	conf_net_desired(&d, &r->conf, active);
	return nat_ensure(r->ns, &d, reason);
}

void router_counters(const struct router *r, struct nat_counters *out)
{
	struct net_desired d;
	int err;

	conf_net_desired(&d, &r->conf, false);
	err = nat_counters_read(r->ns, &d, out);
	if (err < 0)
		log_debug("router", r->conf.name, "counters of the rules: %s", strerror(-err));
}

/* Something changed, or a fault may be over. */
static void repair(struct router *r)
{
	unsigned changed;

	if (ensure(r, life_keeps_vips(&r->life), &changed) < 0)
		return;
	if (r->life.faults & LIFE_FAULT_NET) {
		char reason[NET_REASON_MAX] = "";

		if (ensure_nat(r, life_keeps_vips(&r->life), reason) < 0) {
			router_arm(r->settle_timer, FAULT_RETRY_MS);
			return;
		}
		router_announcers_open(r);
		router_track_quiet(r);
		router_push(r, (struct life_in){.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_NET},
			    NULL);
		router_track_remind(r);
		router_vips_remind(r);
	} else if (changed && r->life.state != LIFE_LINGERING) {
		char text[160];

		r->repairs++;
		snprintf(text, sizeof(text), "network repaired: %u difference%s", changed,
			 changed == 1 ? "" : "s");
		log_warn("router", r->conf.name, "%s: %s", text, net_changes(r->ns));
		router_happened(r, HAPPENING_REPAIR, text, net_changes(r->ns));
		if (life_wants_vips(&r->life))
			router_start_announcing(r);
		router_neigh_legs_changed(r);
		router_track_quiet(r);
	}
}

/* First what is ours to repair: what was repaired has not failed. */
static void look(struct router *r)
{
	if (r->life.state == LIFE_STOPPED)
		return;
	repair(r);
	router_track_look(r);
}

void router_net_look(struct router *r)
{
	look(r);
}

static void on_settled(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	look(ctx);
}

/* Somebody else changed our table: it is replaced at once, with a word about who that was. Flows
 * are in the kernel's table and not in the rules, so they go on as they were. */
static void replace_rules(struct router *r, const char *by)
{
	char reason[NET_REASON_MAX] = "", who[NET_REASON_MAX];
	struct net_desired d;

	if (r->life.state == LIFE_STOPPED)
		return;
	conf_net_desired(&d, &r->conf, life_keeps_vips(&r->life));
	if (nat_replace(r->ns, &d, reason) < 0) {
		router_arm(r->settle_timer, FAULT_RETRY_MS);
		router_push(r, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET},
			    reason);
		return;
	}
	r->repairs++;
	snprintf(who, sizeof(who), "table " NAT_TABLE "%s was changed by %s",
		 r->conf.nat_more.rules.file[0] ? " or one of nft-file" : "",
		 *by ? by : "somebody");
	log_warn("router", r->conf.name, "rules replaced: %s", who);
	router_happened(r, HAPPENING_REPAIR, "rules replaced", who);
}

static void on_net_change(void *ctx, const struct net_news *news)
{
	struct router *r = ctx;

	if (news->rules)
		replace_rules(r, news->by);
	if (news->net)
		look(r);
	else if (news->looks)
		router_track_look(r);
}

void router_vips_on(struct router *r)
{
	router_handover_loud(r);
	if (promote(r) < 0)
		return;
	router_handover_arrived(r);
	router_track_quiet(r);
	router_start_announcing(r);
	r->promotions++;
	r->promotion_us = r->elected_us ? now_us() - r->elected_us : 0;
	router_neigh_active(r);
}

void router_vips_off(struct router *r)
{
	unsigned changed;

	router_stop_announcing(r);
	router_neigh_passive(r);
	router_services_farewell(r);
	/* with their address the kernel ends what it masqueraded: here, and nowhere else */
	if (router_kernel_masquerades(r) && r->events_fd >= 0)
		sync_sockets_hush(r->events_fd);
	(void)ensure(r, false, &changed);
	router_track_quiet(r);
	router_handover_loud(r);
}

static void adopt(struct router *r, unsigned changed)
{
	const struct life_in in = {
		.ev = LIFE_EV_ADOPT, .term = r->kept.term, .followed = r->kept.had_table};
	char text[96] = "adopted as it was: its guard stood in";

	if (changed)
		snprintf(text, sizeof(text), "adopted; %u difference%s in the network repaired",
			 changed, changed == 1 ? "" : "s");
	router_push(r, in, text);
	if (!r->life.adopted)
		return;
	if (changed)
		router_start_announcing(r);
	else
		router_go_on_announcing(r);
	router_neigh_active(r);
	router_guard_arm(r);
}

/* With one controller there is nobody else to be ACTIVE: a running router is adopted with its VIPs.
 * So is one whose guard stands in. Otherwise whatever an earlier daemon left of them goes first. */
void router_net_build(struct router *r)
{
	char reason[NET_REASON_MAX] = "";
	unsigned changed;
	bool kept = r->is_kept, single = r->conf.election.mode == CONF_ELECTION_SINGLE;

	r->is_kept = false;
	router_ovs_check(r);
	if (ensure(r, kept || (single && !router_vips_pending(r)), &changed) < 0)
		return;
	router_announcers_open(r);
	router_handover_reset(r); /* what an earlier daemon left of it */
	if (ensure_nat(r, kept, reason) < 0) {
		router_arm(r->settle_timer, FAULT_RETRY_MS);
		router_push(r, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_NET},
			    reason);
	} else if (kept) {
		adopt(r, changed);
	} else {
		router_push(r, (struct life_in){.ev = LIFE_EV_BUILT}, NULL);
	}
}

int router_net_open(struct router *r, char reason[static NET_REASON_MAX])
{
	bool created;
	int err;

	snprintf(reason, NET_REASON_MAX, "out of memory");
	r->settle_timer = evtimer_new(r->env->base, on_settled, r);
	if (!r->settle_timer || router_announce_open(r) < 0)
		return -ENOMEM;
	err = netns_open(&r->ns, r->conf.namespace, &created, reason);
	if (err < 0)
		return err;
	log_info("router", r->conf.name, "%s namespace %s", created ? "created" : "adopted",
		 r->conf.namespace);
	r->is_found = !created;
	err = router_link_set(r);
	if (!err)
		err = net_watch_new(&r->watch, r->ns, r->env->host, on_net_change, r);
	if (err < 0)
		snprintf(reason, NET_REASON_MAX, "cannot watch the network: %s", strerror(-err));
	return err;
}

/* Told once; it is nobody's fault. */
void router_net_leftovers(struct router *r)
{
	struct net_desired d;
	int err;

	if (!r->is_found)
		return;
	conf_net_desired(&d, &r->conf, false);
	err = net_leftovers(r->ns, &d, r->env->processes, r->left);
	if (err < 0) {
		log_warn("router", r->conf.name, "%s", r->left);
		r->left[0] = '\0';
	} else if (r->left[0]) {
		log_warn("router", r->conf.name,
			 "namespace %s has what is none of ours, and is left alone: %s",
			 r->conf.namespace, r->left);
		router_happened(r, HAPPENING_NOTE,
				"in its namespace there is what is none of ours, and left alone",
				r->left);
	}
}

void router_net_close(struct router *r)
{
	net_watch_free(r->watch);
	router_announce_close(r);
	netns_close(r->ns);
	if (r->settle_timer)
		event_free(r->settle_timer);
}

int router_net_reconfigure(struct router *r, char reason[static NET_REASON_MAX])
{
	unsigned changed;

	router_ovs_check(r);
	if (router_link_set(r) < 0) {
		snprintf(reason, NET_REASON_MAX, "host-link: out of memory");
		return -ENOMEM;
	}
	if (ensure(r, life_keeps_vips(&r->life), &changed) < 0) {
		snprintf(reason, NET_REASON_MAX, "%s", r->life.reason);
		return -EIO;
	}
	if (changed) {
		log_info("router", r->conf.name, "network changed: %s", net_changes(r->ns));
		router_track_quiet(r);
	}
	if (life_wants_vips(&r->life))
		router_start_announcing(r);
	return ensure_nat(r, life_keeps_vips(&r->life), reason);
}
