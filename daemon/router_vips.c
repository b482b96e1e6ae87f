/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "router_vips.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "clock.h"
#include "router_state.h"
#include "vrouter/log.h"

#define TICK_MS 100

static void tick(struct router *r);

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;

	(void)fd;
	(void)what;
	if (r->vips->pending)
		tick(r);
	else
		vips_watch_tick(r);
}

static bool is_taken(void *ctx, const struct ip_addr *a)
{
	const struct router *r = ctx;

	return r->env->is_taken(r->env->ctx, r, a);
}

/* Could these be ours? */
static bool fits(struct router *r, const struct reserve_set *set)
{
	if (!conf_vips_fit(&r->conf, set))
		return false;
	for (unsigned i = 0; i < set->n; i++)
		if (is_taken(r, &set->addr[i]))
			return false;
	return true;
}

bool router_vips_pending(const struct router *r)
{
	return r->vips && r->vips->pending;
}

bool router_vips_has(const struct router *r, const struct ip_addr *a)
{
	const struct router_vips *v = r->vips;

	if (!v)
		return false;
	for (unsigned i = 0; i < v->search.n; i++)
		if (ip_addr_equal(&v->search.slot[i].addr, a))
			return true;
	for (unsigned i = 0; i < v->reserve.word.set.n; i++)
		if (ip_addr_equal(&v->reserve.word.set.addr[i], a))
			return true;
	return false;
}

/* ---- the search -------------------------------------------------------------------------------
 */

static void end_search(struct router_vips *v)
{
	v->search.n = 0;
	vips_slots_close(v);
}

static void on_claimed(void *ctx, const uint8_t mac[static NET_MAC_BYTES])
{
	struct vips_slot *s = ctx;
	struct router_vips *v = s->r->vips;
	char buf[INET6_ADDRSTRLEN];

	log_info("router", s->r->conf.name,
		 "%s is not free: %02x:%02x:%02x:%02x:%02x:%02x has it, or wants it",
		 ip_addr_format(&v->search.slot[s->i].addr, buf), mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	v->stats.not_free++;
	net_probe_free(s->probe);
	s->probe = NULL;
	reserve_answered(&v->search, s->i, now_ms());
	router_arm(v->timer, 0);
}

/* What a leg sends before its port forwards gets nowhere, and nobody would answer. */
static bool can_ask(struct router *r, char why[static NET_REASON_MAX])
{
	unsigned leg = 0;

	if (r->life.faults & LIFE_FAULT_NET)
		return false;
	for (unsigned i = 0; i < conf_vips_chosen(&r->conf); i++) {
		struct net_look look = {.kind = NET_LOOK_PORT, .host = true};

		(void)conf_vips_range(&r->conf, i, &leg);
		if (r->conf.leg[leg].attach != NET_ATTACH_BRIDGE)
			continue;
		snprintf(look.bridge, sizeof(look.bridge), "%s", r->conf.leg[leg].bridge);
		net_hostname(look.ifname, r->conf.namespace, leg);
		if (net_look(r->ns, &look, why) == 0)
			return false;
	}
	return true;
}

static void begin_search(struct router *r)
{
	struct router_vips *v = r->vips;
	struct reserve_range range[RESERVE_MAX];
	unsigned n = conf_vips_chosen(&r->conf), leg;

	for (unsigned i = 0; i < n; i++) {
		const struct ip_range *of = &conf_vips_range(&r->conf, i, &leg)->range;

		range[i] = (struct reserve_range){
			.first = of->first, .count = ip_range_count(of, CONF_VIP_CHOICES_MAX)};
	}
	v->stats.searches++;
	reserve_search_begin(&v->search, r->conf.name, range, n, is_taken, r, now_ms());
}

static void ask(struct router *r, unsigned i)
{
	struct router_vips *v = r->vips;
	int err = vips_slot_ask(&v->slot[i], &v->search.slot[i].addr, NET_PROBE_CLAIMS, on_claimed);

	if (err < 0)
		log_debug("router", r->conf.name, "cannot probe for a free VIP: %s",
			  strerror(-err));
	reserve_asked(&v->search, i, !err, now_ms());
}

/* What came of it, or RESERVE_WAIT; *at: when to look again. */
static enum reserve_do search(struct router *r, uint64_t *at)
{
	struct router_vips *v = r->vips;
	struct reserve_set found;
	uint64_t now = now_ms(), which;

	for (;;) {
		switch (reserve_search_step(&v->search, now, &which)) {
		case RESERVE_SEARCH_WAIT:
			*at = which;
			return RESERVE_WAIT;
		case RESERVE_SEARCH_ASK:
			ask(r, (unsigned)which);
			break;
		case RESERVE_SEARCH_FOUND:
			reserve_search_result(&v->search, &found);
			end_search(v);
			return reserve_found(&v->reserve, &found, now);
		case RESERVE_SEARCH_NONE:
			v->exhausted = true;
			v->exhausted_slot = (unsigned)which;
			end_search(v);
			return reserve_found(&v->reserve, NULL, now);
		}
	}
}

/* ---- agreeing ---------------------------------------------------------------------------------
 */

static void save(struct router *r)
{
	struct router_vips *v = r->vips;
	const struct reserve_set *set = &v->reserve.word.set;
	int err = reserve_set_equal(set, &v->saved)
			  ? 0
			  : router_vips_write(r->env->state_dir, r->conf.name, set);

	if (err < 0)
		log_warn("router", r->conf.name,
			 "cannot write its VIPs to %s, so another start may choose others: %s",
			 r->env->state_dir, strerror(-err));
	else
		v->saved = *set;
}

static void agreed(struct router *r)
{
	struct router_vips *v = r->vips;
	char reason[NET_REASON_MAX] = "", text[LIFE_REASON_MAX];
	auto_free struct conf_router *conf = malloc(sizeof(*conf));

	if (!conf) {
		reserve_again(&v->reserve, now_ms());
		return;
	}
	*conf = r->conf;
	v->pending = false;
	v->exhausted = false;
	v->why[0] = '\0';
	end_search(v);
	evtimer_del(v->timer);
	save(r);
	vips_text(&v->reserve.word.set, text, sizeof(text));
	log_info("router", r->conf.name, "VIPs agreed on: %s", text);
	router_happened(r, HAPPENING_NOTE, "VIPs agreed on", text);
	if (router_reconfigure(r, conf, reason) < 0)
		log_err("router", r->conf.name, "with its VIPs: %s", reason);
	router_vips_tell(r);
	router_push(r,
		    (struct life_in){.ev = LIFE_EV_RECOVERED,
				     .fault = LIFE_FAULT_CHOOSING | LIFE_FAULT_VIPS},
		    NULL);
	router_track_remind(r);
}

static void explain_range(const struct router *r, char *buf, size_t cap)
{
	char text[IP_RANGE_STRLEN];
	unsigned leg;
	const struct ip_range *range =
		&conf_vips_range(&r->conf, r->vips->exhausted_slot, &leg)->range;

	snprintf(buf, cap,
		 "%s: vip-range %s is exhausted, all its %u are in use: widen it on all "
		 "controllers and reload, or free one",
		 conf_leg_name(&r->conf, leg), ip_range_format(range, text),
		 ip_range_count(range, CONF_VIP_CHOICES_MAX));
}

/* true: it is a fault, which somebody has to do something about. */
static bool explain(struct router *r, bool linked, char buf[static LIFE_REASON_MAX])
{
	const struct router_vips *v = r->vips;
	const struct reserve_peer *other = reserve_other(&v->reserve);
	const struct reserve_peer *awaited = reserve_awaited(&v->reserve);
	char why[NET_REASON_MAX] = "its network is not there";

	if (other) {
		snprintf(why, sizeof(why), "%.40s holds ", other->name);
		vips_text(&other->word.set, why + strlen(why), sizeof(why) - strlen(why));
		snprintf(buf, LIFE_REASON_MAX,
			 "%.70s: not of our vip-range, or another router's here: make that equal",
			 why);
		return true;
	}
	if (v->exhausted) {
		explain_range(r, buf, LIFE_REASON_MAX);
		return true;
	}
	if (v->reserve.word.stage == RESERVE_CHOOSING || v->reserve.alone) {
		bool can = v->search.n || can_ask(r, why);

		snprintf(buf, LIFE_REASON_MAX, "looks for free VIPs%s%.100s",
			 can ? "" : ", but cannot yet: ", can ? "" : why);
	} else if (!linked) {
		snprintf(buf, LIFE_REASON_MAX,
			 "VIPs are to be agreed on, and no replication link works");
	} else if (awaited) {
		snprintf(buf, LIFE_REASON_MAX, "waits for the VIPs that %.63s chooses",
			 awaited->name);
	} else {
		snprintf(buf, LIFE_REASON_MAX, "asks the other controllers for the VIPs");
	}
	return false;
}

static void tell_fault(struct router *r, bool linked)
{
	struct router_vips *v = r->vips;
	struct life_in in = {.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_CHOOSING};
	char text[LIFE_REASON_MAX];
	bool failed = explain(r, linked, text), was = v->failed;

	if (strcmp(text, v->why) == 0)
		return;
	memcpy(v->why, text, sizeof(text));
	v->failed = failed;
	if (failed)
		in.fault |= LIFE_FAULT_VIPS;
	else if (was)
		router_push(r, (struct life_in){.ev = LIFE_EV_RECOVERED, .fault = LIFE_FAULT_VIPS},
			    NULL);
	if (failed)
		log_err("router", r->conf.name, "%s", text);
	router_push(r, in, text);
}

void router_vips_remind(struct router *r)
{
	if (router_vips_pending(r) && r->vips->why[0])
		router_push(r, (struct life_in){.ev = LIFE_EV_FAULT, .fault = LIFE_FAULT_CHOOSING},
			    r->vips->why);
}

static void tick(struct router *r)
{
	struct router_vips *v = r->vips;
	uint64_t now = now_ms(), at = now + TICK_MS;
	bool linked = r->env->is_linked(r->env->ctx);
	enum reserve_do what = reserve_step(&v->reserve, linked, now);
	char why[NET_REASON_MAX];

	if (r->life.state == LIFE_STOPPED)
		return;
	if (what == RESERVE_STOP)
		end_search(v);
	if (v->reserve.word.stage == RESERVE_CHOOSING && !v->search.n && can_ask(r, why))
		begin_search(r);
	if (v->search.n && what != RESERVE_AGREED)
		what = search(r, &at);
	if (what == RESERVE_AGREED) {
		agreed(r);
		return;
	}
	router_vips_tell(r);
	tell_fault(r, linked);
	router_arm(v->timer, at > now ? at - now : 0);
}

/* ---- others -----------------------------------------------------------------------------------
 */

static bool same_word(const struct reserve_word *a, const struct reserve_word *b)
{
	return a->stage == b->stage && reserve_set_equal(&a->set, &b->set);
}

void router_vips_tell(struct router *r)
{
	struct sync_msg m = {.type = SYNC_MSG_RESERVE};

	if (!r->vips || !r->env->sync || !sync_child_is_up(r->env->sync) ||
	    same_word(&r->vips->told, &r->vips->reserve.word))
		return;
	r->vips->told = r->vips->reserve.word;
	snprintf(m.reserve.router, sizeof(m.reserve.router), "%s", r->conf.name);
	m.reserve.word = r->vips->told;
	sync_child_send(r->env->sync, &m, NULL, 0);
}

void router_vips_tell_again(struct router *r)
{
	if (r->vips)
		r->vips->told.stage = 0;
	router_vips_tell(r);
}

/* Two sets are in use: nothing here can put that right without ending flows. */
static void look_for_split(struct router *r)
{
	const struct reserve_peer *p = reserve_other(&r->vips->reserve);
	char text[sizeof(r->alarm[0].text)] = "", sets[2][80];

	if (p && !r->vips->pending)
		snprintf(text, sizeof(text),
			 "%.40s has chosen %s, and we %s: remove %.60s/%.40s.vips there or here, "
			 "and restart",
			 p->name, vips_text(&p->word.set, sets[0], sizeof(sets[0])),
			 vips_text(&r->vips->reserve.word.set, sets[1], sizeof(sets[1])),
			 r->env->state_dir, r->conf.name);
	router_alarm(r, ROUTER_ALARM_VIP_SPLIT, text);
}

void router_vips_message(struct router *r, const struct sync_msg_reserve *m)
{
	struct router_vips *v = r->vips;

	if (!v)
		return;
	reserve_hear(&v->reserve, m->peer, m->name, &m->word,
		     !m->word.set.n || fits(r, &m->word.set));
	look_for_split(r);
	if (v->pending)
		router_arm(v->timer, 0);
}

void router_vips_report(struct router *r)
{
	uint32_t id[ENGINE_PEERS_MAX];
	unsigned n = 0;

	if (!r->vips)
		return;
	for (unsigned i = 0; i < r->report->n_peers; i++)
		if (!r->report->peer[i].lost)
			id[n++] = r->report->peer[i].id;
	reserve_living(&r->vips->reserve, id, n);
	look_for_split(r);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int router_vips_open(struct router *r)
{
	struct router_vips *v;

	if (!conf_vips_chosen(&r->conf))
		return 0;
	v = r->vips = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->pending = true;
	for (unsigned i = 0; i < RESERVE_MAX; i++)
		v->slot[i] = (struct vips_slot){.r = r, .i = i};
	v->timer = evtimer_new(r->env->base, on_timer, r);
	if (!v->timer)
		return -ENOMEM;
	if (!router_vips_read(r->env->state_dir, r->conf.name, &v->saved))
		return 0;
	if (fits(r, &v->saved)) {
		conf_vips_use(&r->conf, &v->saved);
		return 0;
	}
	log_warn("router", r->conf.name,
		 "the VIPs in %s are not of vip-range any more, or another router's: others will "
		 "be chosen",
		 r->env->state_dir);
	v->saved.n = 0;
	return 0;
}

void router_vips_init(struct router *r)
{
	struct router_vips *v = r->vips;

	if (!v)
		return;
	reserve_init(&v->reserve, id_of(r->env->controller), !r->env->sync, &v->saved, r->is_kept,
		     now_ms());
	v->pending = v->reserve.word.stage != RESERVE_HELD;
	if (v->pending)
		r->is_kept = false; /* it had others, which are unknown */
}

void router_vips_begin(struct router *r)
{
	if (!router_vips_pending(r))
		return;
	tell_fault(r, true);
	router_arm(r->vips->timer, 0);
}

void router_vips_use(const struct router *r, struct conf_router *to)
{
	const struct router_vips *v = r->vips;

	if (v && v->reserve.word.set.n && conf_vips_fit(to, &v->reserve.word.set))
		conf_vips_use(to, &v->reserve.word.set);
}

void router_vips_reconfigure(struct router *r)
{
	struct router_vips *v = r->vips;

	if (!v)
		return;
	if (v->reserve.word.set.n) {
		conf_vips_use(&r->conf, &v->reserve.word.set);
	} else {
		end_search(v);
		v->exhausted = false;
		reserve_again(&v->reserve, now_ms());
		router_arm(v->timer, 0);
	}
}

void router_vips_close(struct router *r)
{
	struct router_vips *v = r->vips;

	if (!v)
		return;
	vips_slots_close(v);
	if (v->timer)
		event_free(v->timer);
	free(v);
	r->vips = NULL;
}

bool router_vips_view(const struct router *r, struct router_vips_view *out)
{
	const struct router_vips *v = r->vips;

	if (!v)
		return false;
	*out = (struct router_vips_view){
		.pending = v->pending, .failed = v->failed, .why = v->why, .stats = v->stats};
	return true;
}
