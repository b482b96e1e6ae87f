/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every counter. */
#include "announcing.h"
#include "guard.h"
#include "procwatch.h"
#include "status.h"

/* ---- the daemon's -----------------------------------------------------------------------------
 */

static void put_control(struct jbuf *b, const struct app *a)
{
	const struct ctl_stats *c = ctl_server_stats(a->ctl);

	jbuf_open(b, "control", '{');
	jbuf_int(b, "clients", (int64_t)c->clients);
	jbuf_int(b, "requests", (int64_t)c->requests);
	jbuf_int(b, "bad_requests", (int64_t)c->bad_requests);
	jbuf_int(b, "refused_clients", (int64_t)c->refused_clients);
	jbuf_int(b, "slow_clients", (int64_t)c->slow_clients);
	jbuf_int(b, "pieces", (int64_t)c->pieces);
	jbuf_int(b, "longest_us", (int64_t)c->longest_us);
	jbuf_int(b, "reports", (int64_t)a->answers.reports);
	jbuf_close(b, '}');
}

static void put_process(struct jbuf *b, const char *key, pid_t pid, unsigned restarts)
{
	jbuf_open(b, key, '{');
	jbuf_int(b, "pid", pid);
	jbuf_int(b, "restarts", restarts);
	jbuf_close(b, '}');
}

static void put_announcing(struct jbuf *b, const struct announce_stats *s)
{
	jbuf_open(b, "announcing", '{');
	jbuf_int(b, "waiting", s->waiting);
	jbuf_int(b, "unheard", s->unheard);
	jbuf_int(b, "waiting_max", s->waiting_max);
	jbuf_int(b, "longest_wait_us", (int64_t)s->longest_us);
	jbuf_int(b, "sends", (int64_t)s->sends);
	jbuf_int(b, "spent_us", (int64_t)s->spent_us);
	jbuf_close(b, '}');
}

static void put_heard(struct jbuf *b, const struct net_heard *h)
{
	jbuf_open(b, "namespaces", '{');
	jbuf_int(b, "messages", (int64_t)h->messages);
	jbuf_int(b, "foreign", (int64_t)h->foreign);
	jbuf_int(b, "overflows", (int64_t)h->overflows);
	jbuf_int(b, "looks", (int64_t)h->served);
	jbuf_int(b, "deaf", (int64_t)h->deaf);
	jbuf_close(b, '}');
}

void status_stats_head(struct jbuf *b, const struct app *a)
{
	put_control(b, a);
	jbuf_open(b, "replication_process", '{');
	jbuf_bool(b, "up", a->sync && sync_child_is_up(a->sync));
	jbuf_int(b, "pid", a->sync ? sync_child_pid(a->sync) : 0);
	jbuf_int(b, "restarts", a->sync ? sync_child_restarts(a->sync) : 0);
	jbuf_close(b, '}');
	put_process(b, "guard", guard_pid(a->guard), guard_restarts(a->guard));
	put_process(b, "procwatch", procwatch_pid(a->procs), procwatch_restarts(a->procs));
	put_announcing(b, announcing_stats(a->announcing));
	put_heard(b, net_host_heard(a->host));
}

/* ---- a router's -------------------------------------------------------------------------------
 */

static void put_network(struct jbuf *b, const struct router_view *v)
{
	jbuf_open(b, "network", '{');
	jbuf_int(b, "promotions", (int64_t)v->promotions);
	jbuf_int(b, "last_promotion_us", (int64_t)v->promotion_us);
	jbuf_int(b, "announcements", (int64_t)v->announcements);
	jbuf_int(b, "repairs", (int64_t)v->repairs);
	jbuf_close(b, '}');
}

static void put_vrrp(struct jbuf *b, const struct vrrp_stats *s)
{
	if (!s) {
		jbuf_null(b, "vrrp");
		return;
	}
	jbuf_open(b, "vrrp", '{');
	jbuf_int(b, "tx", (int64_t)s->tx);
	jbuf_int(b, "rx", (int64_t)s->rx);
	jbuf_int(b, "rx_prio_zero", (int64_t)s->rx_prio_zero);
	jbuf_int(b, "rx_no_pseudo_header", (int64_t)s->rx_plain_sum);
	jbuf_int(b, "tx_errors", (int64_t)s->tx_errors);
	jbuf_int(b, "tx_challenges", (int64_t)s->tx_challenges);
	jbuf_int(b, "fast_takeovers", (int64_t)s->fast_takeovers);
	jbuf_open(b, "rx_refused", '{');
	for (unsigned i = 1; i < VRRP_E_N; i++)
		jbuf_int(b, vrrp_err_name((enum vrrp_err)i), (int64_t)s->rx_err[i]);
	jbuf_close(b, '}');
	jbuf_close(b, '}');
}

static void put_replication(struct jbuf *b, const struct sync_msg_report *r)
{
	if (!r) {
		jbuf_null(b, "replication");
		return;
	}
	jbuf_open(b, "replication", '{');
	for (unsigned i = 0; i < SYNC_COUNTER_N; i++)
		jbuf_int(b, sync_counter_name((enum sync_counter)i), (int64_t)r->counters.v[i]);
	jbuf_close(b, '}');
}

static void put_hook(struct jbuf *b, const struct router_view *v)
{
	jbuf_open(b, "on_role_change", '{');
	jbuf_int(b, "runs", (int64_t)v->hook.runs);
	jbuf_int(b, "failed", (int64_t)v->hook.failed);
	jbuf_int(b, "killed", (int64_t)v->hook.killed);
	jbuf_int(b, "coalesced", (int64_t)v->hook_coalesced);
	jbuf_close(b, '}');
}

static void put_takeover(struct jbuf *b, const struct router_takeover_stats *s)
{
	jbuf_open(b, "takeover", '{');
	jbuf_int(b, "vetoes", (int64_t)s->vetoes);
	jbuf_int(b, "clashes", (int64_t)s->clashes);
	jbuf_int(b, "rivals", (int64_t)s->rivals);
	jbuf_int(b, "fence_runs", (int64_t)s->fence_runs);
	jbuf_int(b, "fence_failed", (int64_t)s->fence_failed);
	jbuf_int(b, "fence_killed", (int64_t)s->fence_killed);
	jbuf_close(b, '}');
}

void status_stats(struct jbuf *b, const struct router *r)
{
	struct nat_counters counters;
	struct router_view v;

	router_view(r, &v);
	router_counters(r, &counters);
	jbuf_open(b, NULL, '{');
	jbuf_text(b, "router", v.conf->name);
	put_network(b, &v);
	put_vrrp(b, v.vrrp_stats);
	put_replication(b, v.report);
	put_hook(b, &v);
	put_takeover(b, &v.takeover);
	status_neighbours(b, &v.neigh);
	status_drops(b, &counters);
	status_forwards(b, v.conf, &counters);
	status_services_stats(b, r);
	status_stock_stats(b, &v);
	jbuf_close(b, '}');
}
