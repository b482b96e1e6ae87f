/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a router and the replication process say to each other. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "router_group.h"
#include "vrouter/log.h"

bool router_kernel_masquerades(const struct router *r)
{
	return r->conf.nat == NET_NAT_MASQUERADE || r->conf.nat_more.rules.file[0];
}

void router_sync_role(struct router *r, enum sync_msg_type type)
{
	struct sync_msg m = {.type = type};

	if (r->stock) {
		router_stock_role(r, type);
		return;
	}
	r->sync_asked_ms = now_ms();
	snprintf(m.role.router, sizeof(m.role.router), "%s", r->conf.name);
	m.role.term = r->life.term;
	m.role.wait_ms = r->conf.drain_ms;
	if (type == SYNC_MSG_PROMOTE) {
		m.role.request = ++r->promote_request;
		m.role.trail_ms = router_handover_trail_ms(r);
	}
	m.role.flushed = type == SYNC_MSG_DEMOTE && router_kernel_masquerades(r);
	if (r->env->sync)
		sync_child_send(r->env->sync, &m, NULL, 0);
}

/* VIPs, and what the router's programs ask from while these are elsewhere. */
static void add_locals(const struct router *r, struct flow_locals *l)
{
	struct net_desired d;

	for (unsigned i = 0; i < conf_legs(&r->conf); i++)
		for (unsigned k = 0; k < r->conf.leg[i].n_vips; k++)
			l->addr[l->n++] = r->conf.leg[i].vip[k].addr;
	conf_net_desired(&d, &r->conf, false);
	for (unsigned i = 0; i < d.leg[NET_HOST_LINK].n_vips; i++)
		l->addr[l->n++] = d.leg[NET_HOST_LINK].vip[i].addr;
}

static void sync_router_msg(struct router *r, struct sync_msg *m)
{
	*m = (struct sync_msg){.type = SYNC_MSG_ROUTER};
	snprintf(m->router.router, sizeof(m->router.router), "%s", r->conf.name);
	m->router.ring_bytes = r->env->ring_bytes;
	m->router.hold_new_ms = r->env->hold_new_ms;
	if (r->conf.election.fast_detect && router_group_is_first(r))
		m->router.beats =
			(struct engine_beats){.every_ms = r->conf.election.fast_interval_ms,
					      .misses = r->conf.election.fast_detect};
	conf_filter(&m->router.filter, &r->conf.filter);
	sync_timeouts_read(r->ns, &m->router.timeouts);
	add_locals(r, &m->router.locals);
}

void router_on_sync_up(struct router *r)
{
	const bool kept = sync_child_is_kept(r->env->sync);
	struct sync_msg m;
	int fds[SYNC_FDS];
	int err = sync_sockets_open(r->ns, fds);

	if (err < 0) {
		log_err("router", r->conf.name, "cannot open conntrack sockets in namespace %s: %s",
			r->conf.namespace, strerror(-err));
		return;
	}
	sync_router_msg(r, &m);
	sync_child_send(r->env->sync, &m, fds, SYNC_FDS);
	if (r->events_fd >= 0)
		close(r->events_fd);
	r->events_fd = fcntl(fds[SYNC_FD_EVENTS], F_DUPFD_CLOEXEC, 0);
	sync_sockets_close(fds);
	router_neigh_again(r);
	router_vips_tell_again(r);
	if (kept && !life_wants_vips(&r->life)) /* what it was is over */
		router_sync_role(r, SYNC_MSG_DEMOTE);
	router_push(r, (struct life_in){.ev = LIFE_EV_SYNC_UP, .kept = kept}, NULL);
}

void router_on_sync_down(struct router *r)
{
	if (r->events_fd >= 0)
		close(r->events_fd);
	r->events_fd = -1;
	r->reported = false;
	r->alarms = 0;
	r->hearing = ENGINE_HEARING_UNKNOWN;
	router_takeover_report(r, 0);
	if (r->vrrp)
		vrrp_io_beats(r->vrrp, false, 0);
	router_on_report(r);
	router_push(r, (struct life_in){.ev = LIFE_EV_SYNC_DOWN}, NULL);
}

static enum life_sync phase_of(enum engine_phase p)
{
	switch (p) {
	case ENGINE_ALONE:
		return LIFE_SYNC_ALONE;
	case ENGINE_SYNCING:
		return LIFE_SYNC_SYNCING;
	case ENGINE_READY:
		return LIFE_SYNC_READY;
	case ENGINE_SOURCE:
	case ENGINE_UNSAID:
		break;
	}
	return LIFE_SYNC_SOURCE;
}

/* Which replicas an alarm of the source is about: " (NAME, NAME)", or nothing. */
static void alarm_names(const struct router *r, uint32_t alarm, char *buf, size_t cap)
{
	const struct sync_msg_report *m = r->report;
	size_t at = 0;

	*buf = '\0';
	for (unsigned i = 0; i < m->n_peers && m->status.phase == ENGINE_SOURCE; i++) {
		const struct engine_peer *p = &m->peer[i];
		bool late = alarm == ENGINE_ALARM_BEHIND && p->lag_ms >= ENGINE_CAUGHT_UP_MS;
		bool small = alarm == ENGINE_ALARM_TABLE_SMALL && p->flows_max &&
			     p->flows_max < m->flows;

		if (p->follows && (late || small) && at < cap)
			at += (size_t)snprintf(buf + at, cap - at, "%s%s", at ? ", " : " (",
					       p->name);
	}
	if (at && at + 1 < cap)
		strcpy(buf + at, ")");
}

static void tell_alarms(struct router *r, uint32_t alarms)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} row[] = {
		{ENGINE_ALARM_TABLE_FULL, "the conntrack table is full: flows are missing here"},
		{ENGINE_ALARM_ID_CLASH, "another controller has this controller's name or id"},
		{ENGINE_ALARM_OVERRUN, "kernel events were lost: replicas repair"},
		{ENGINE_ALARM_TWO_SOURCES, "another controller sends as source, too"},
		{ENGINE_ALARM_TABLE_SMALL,
		 "nf_conntrack_max of a replica is smaller than the table of the source"},
		{ENGINE_ALARM_BEHIND, "a replica lags behind by seconds"},
		{ENGINE_ALARM_CLASH, "own flows had to make room for flows of the source"},
		{ENGINE_ALARM_SEND, "replication datagrams could not be sent"},
	};
	char names[80], text[160];

	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		bool on = alarms & row[i].bit;

		if (on == ((r->alarms & row[i].bit) != 0))
			continue;
		if (on)
			alarm_names(r, row[i].bit, names, sizeof(names));
		snprintf(text, sizeof(text), "%s%s", row[i].text, on ? names : "");
		log_warn("router", r->conf.name, "alarm%s: %s", on ? "" : " over", text);
		router_happened(r, HAPPENING_SYNC, on ? "alarm" : "alarm over", text);
	}
	r->alarms = alarms;
}

/* Is one of them heard again that was not for a while? */
static bool has_returned(const struct sync_msg_report *before, const struct sync_msg_report *now)
{
	for (unsigned i = 0; i < before->n_peers; i++)
		for (unsigned k = 0; k < now->n_peers; k++)
			if (before->peer[i].id == now->peer[k].id && before->peer[i].lost &&
			    !now->peer[k].lost)
				return true;
	return false;
}

/* Another controller was a source too, or stood still, or was cut off: it may have held the VIPs
 * all the time, and neighbours may have learned its address. They hear ours again. */
static bool was_there_another(const struct router *r, const struct sync_msg_report *now)
{
	if (!r->reported)
		return false;
	return (r->alarms & ~now->status.alarms & ENGINE_ALARM_TWO_SOURCES) ||
	       has_returned(r->report, now);
}

static bool is_followed(const struct sync_msg_report *m)
{
	for (unsigned i = 0; i < m->n_peers; i++)
		if (m->peer[i].follows)
			return true;
	return false;
}

/* Who resigns hears its successor's stream before it leaves: that is the plan. */
static uint32_t alarms_of(const struct router *r, const struct sync_msg_report *m)
{
	bool leaves = r->life.state == LIFE_RESIGNING || r->life.state == LIFE_LINGERING;
	uint32_t expected = leaves ? ENGINE_ALARM_TWO_SOURCES : 0;

	return m->status.alarms & ~expected;
}

int router_report_room(struct router *r, unsigned peers)
{
	size_t size = offsetof(struct sync_msg_report, peer) + peers * sizeof(r->report->peer[0]);
	struct sync_msg_report *more = r->report ? realloc(r->report, size) : calloc(1, size);

	if (!more)
		return -ENOMEM;
	r->report = more;
	r->report_room = peers;
	return 0;
}

/* Without the room for more peers than there are, which is most of it. */
static void keep_report(struct router *r, const struct sync_msg_report *m)
{
	unsigned n = m->n_peers < ENGINE_PEERS_MAX ? m->n_peers : ENGINE_PEERS_MAX;

	if (n > r->report_room && router_report_room(r, n) < 0)
		n = r->report_room;
	memcpy(r->report, m, offsetof(struct sync_msg_report, peer));
	memcpy(r->report->peer, m->peer, n * sizeof(m->peer[0]));
	r->report->n_peers = n;
}

static void take_report(struct router *r, const struct sync_msg_report *m)
{
	struct life_in in = {.ev = LIFE_EV_SYNC_PHASE,
			     .phase = phase_of(m->status.phase),
			     .term = m->status.known_term,
			     .followed = is_followed(m)};
	bool news = in.followed && !r->life.had_table;
	enum life_sync before = r->life.sync;
	uint32_t alarms = r->alarms;

	if (was_there_another(r, m) && life_wants_vips(&r->life))
		router_start_announcing(r);
	keep_report(r, m);
	r->reported = true;
	router_on_report(r);
	tell_alarms(r, alarms_of(r, m));
	router_takeover_report(r, alarms);
	router_vips_report(r);
	if (in.phase == before && in.term <= r->life.term && !news && !r->life.unsure)
		return;
	router_push(r, in, NULL);
	if (r->life.sync != before) {
		/* of who is the source itself there is nothing to say */
		const char *of = m->status.phase == ENGINE_SOURCE ? "" : m->status.source_name;
		char text[64];

		snprintf(text, sizeof(text), "replication: %s -> %s", life_sync_name(before),
			 life_sync_name(r->life.sync));
		log_info("router", r->conf.name, "%s%s%s", text, *of ? ", source " : "", of);
		router_happened(r, HAPPENING_SYNC, text, of);
	}
}

static void on_promoted(struct router *r, const struct sync_msg_role *m)
{
	/* the role came, went and came again: this one says nothing about the flows of today */
	if (m->request != r->promote_request)
		return;
	if (!m->ok) {
		log_err("router", r->conf.name, "no conntrack events: changes are not replicated");
		router_happened(r, HAPPENING_SYNC, "no conntrack events",
				"changes are not replicated");
	}
	router_push(r, (struct life_in){.ev = LIFE_EV_PROMOTED, .term = m->term}, NULL);
}

void router_on_sync_message(struct router *r, const struct sync_msg *m)
{
	switch ((enum sync_msg_type)m->type) {
	case SYNC_MSG_PROMOTED:
		on_promoted(r, &m->role);
		break;
	case SYNC_MSG_DRAINED:
		router_push(r, (struct life_in){.ev = LIFE_EV_DRAINED, .ok = m->role.ok}, NULL);
		break;
	case SYNC_MSG_REPORT:
		take_report(r, &m->report);
		break;
	case SYNC_MSG_ASKED:
	case SYNC_MSG_VOUCHED:
	case SYNC_MSG_BEATS:
		router_takeover_message(r, m);
		break;
	case SYNC_MSG_WANTED:
	case SYNC_MSG_LEAVING:
		router_handover_message(r, m);
		break;
	case SYNC_MSG_RESERVED:
		router_vips_message(r, &m->reserve);
		break;
	case SYNC_MSG_NEIGH:
		router_neigh_on_page(r, &m->neigh);
		break;
	case SYNC_MSG_CONF:
	case SYNC_MSG_ROUTER:
	case SYNC_MSG_ROUTER_DEL:
	case SYNC_MSG_PROMOTE:
	case SYNC_MSG_DEMOTE:
	case SYNC_MSG_DRAIN:
	case SYNC_MSG_QUERY:
	case SYNC_MSG_PING:
	case SYNC_MSG_ASK:
	case SYNC_MSG_VOUCH:
	case SYNC_MSG_HEARS:
	case SYNC_MSG_VERIFY:
	case SYNC_MSG_WANT:
	case SYNC_MSG_LEAVE:
	case SYNC_MSG_RESERVE:
	case SYNC_MSG_UP:
	case SYNC_MSG_PONG:
	case SYNC_MSG_STREAM:
	case SYNC_MSG_VERIFIED: /* the daemon's */
	case SYNC_MSG_DIAL:
	case SYNC_MSG_LINK:
		break;
	}
}

bool router_peer_lives(const struct router *r)
{
	if (r->stock) /* it does not say; who is told to leave comes back when nobody takes over */
		return stock_is_up(r->stock);
	for (unsigned i = 0; r->reported && i < r->report->n_peers; i++)
		if (!r->report->peer[i].lost)
			return true;
	return false;
}

/* As replication knows it: the ACTIVE that we follow is the only other controller. */
bool router_sync_sole(struct router *r)
{
	const struct sync_msg_report *m = r->report;
	bool before = r->sole, ready = r->reported && m->status.phase == ENGINE_READY;
	unsigned living = 0;

	for (unsigned i = 0; r->reported && i < m->n_peers; i++)
		living += !m->peer[i].lost;
	r->sole = ready && living == 1;
	return r->sole != before;
}

void router_sync_reconfigure(struct router *r)
{
	struct sync_msg m;

	if (r->stock)
		stock_reconfigure(r->stock, &r->conf);
	if (!r->env->sync || !sync_child_is_up(r->env->sync))
		return;
	sync_router_msg(r, &m);
	sync_child_send(r->env->sync, &m, NULL, 0);
}
