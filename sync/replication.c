/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See replication.h. Whatever enters an engine ends in settle(): the engine gets its turn for
 * timers and one step of bulk work, and the loop learns when it wants the next. Bulk work waits
 * behind everything that came in meanwhile. */
#include "replication_impl.h"

#include <errno.h>
#include <string.h>

#include <event2/event.h>

#include "vrouter/log.h"
#include "vrouter/pages.h"

#define CAPTURE_TURN 4096   /* changes before others get their turn */
#define LATE_MS	     50	    /* a timer that is so late was kept from running */
#define CAPTURE_LAST 262144 /* changes read at most when the router stops being the source */

uint32_t replication_id(const struct replication *r)
{
	return r->id;
}

const char *replication_name(const struct replication *r)
{
	return r->conf.router;
}

static void trail_end(struct replication *r);

/* ---- turns -------------------------------------------------------------------------------- */

static void look_for_pause(struct replication *r, uint64_t now)
{
	if (!r->armed_ms || now < r->armed_ms + LATE_MS)
		return;
	protocol_slept(&r->proto, now - r->armed_ms);
	r->armed_ms = 0;
}

static void settle(struct replication *r)
{
	uint64_t now = monotonic_ms(), due;

	look_for_pause(r, now);
	/* first, as the engine's next step may be one of a repair */
	if (r->trail_until && (now >= r->trail_until || protocol_trail_ended(&r->proto)))
		trail_end(r);
	due = protocol_run(&r->proto, now);
	if (r->trail_until && r->trail_until < due)
		due = r->trail_until;
	if (due <= now) {
		r->shared->bulk = true;
		event_active(r->on_bulk, EV_TIMEOUT, 0);
		return;
	}
	/* one that is armed for an earlier time will look anew then */
	if (r->armed_ms > now && r->armed_ms <= due)
		return;

	uint64_t wait = due - now < 60000 ? due - now : 60000;
	struct timeval tv = {.tv_sec = (time_t)(wait / 1000),
			     .tv_usec = (suseconds_t)(wait % 1000 * 1000)};

	r->armed_ms = now + wait;
	event_add(r->on_time, &tv);
}

static void turn(struct replication *r)
{
	settle(r);
	links_flush(r->shared->links);
}

/* The worker rests after it. By itself libevent does not end a round while an event is active, and
 * this one is again until the work is done. */
static void on_bulk(evutil_socket_t fd, short what, void *arg)
{
	struct replication *r = arg;

	(void)fd;
	(void)what;
	turn(r);
	event_base_loopbreak(r->shared->base);
}

/* libevent counts from when its loop woke up, which may be long ago: it can be early, and is not
 * armed any longer. Those of many routers are due together, and what they send leaves at the end of
 * the round. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct replication *r = arg;

	(void)fd;
	(void)what;
	look_for_pause(r, monotonic_ms());
	r->armed_ms = 0;
	settle(r);
}

static void on_change(void *ctx, const struct flow *f, enum flow_change change)
{
	struct replication *r = ctx;

	r->shared->work++;
	if (!r->watches)
		protocol_on_change(&r->proto, f, change, monotonic_ms());
	else if (change == FLOW_DESTROY)
		protocol_on_gone(&r->proto, f, monotonic_ms());
}

static void on_expect(void *ctx, const struct expect *x, enum flow_change change)
{
	((struct replication *)ctx)->shared->work++;
	protocol_on_expect_change(&((struct replication *)ctx)->proto, x, change, monotonic_ms());
}

static void on_overrun(void *ctx)
{
	struct replication *r = ctx;

	if (r->watches) {
		protocol_on_gone(&r->proto, NULL, monotonic_ms());
		return;
	}
	log_warn("sync", r->conf.router, "the kernel dropped events: replicas will be repaired");
	protocol_on_overrun(&r->proto, monotonic_ms());
}

static const struct capture_ops capture_ops = {
	.on_change = on_change, .on_expect = on_expect, .on_overrun = on_overrun};

static void on_captured(evutil_socket_t fd, short what, void *arg)
{
	struct replication *r = arg;

	(void)fd;
	(void)what;
	if (!capture_read(r->capture, CAPTURE_TURN))
		protocol_on_drained(&r->proto, monotonic_ms());
	turn(r);
}

/* All that the kernel has told until now. */
static void capture_rest(struct replication *r)
{
	if (capture_read(r->capture, CAPTURE_LAST))
		log_warn("sync", r->conf.router,
			 "changes come faster than they can be read: the last ones are not sent");
	protocol_on_drained(&r->proto, monotonic_ms());
}

/* ---- datagrams ---------------------------------------------------------------------------- */

static void refuse(struct replication *r, enum refused_why why, const struct dgram_hdr *h)
{
	static const char *const text[] = {
		[REFUSED_KEY_UNKNOWN] = "seals with a key that is not in the key file",
		[REFUSED_KEY_WRONG] = "does not unseal: another key with this id, or forged",
		[REFUSED_CLEAR] = "sends in the clear, we do not",
		[REFUSED_SEALED] = "sends sealed, we do not",
	};

	r->counters.v[why == REFUSED_KEY_WRONG ? SYNC_RX_BAD_SEAL : SYNC_RX_BAD_KEY]++;
	refused_note(&r->refused, h->sender, why, h->key_id, monotonic_ms());
	log_remote("sync", r->conf.router, "a datagram of controller %08x, key %u: %s", h->sender,
		   h->key_id, text[why]);
}

void replication_on_datagram(struct replication *r, const struct dgram_hdr *h, uint8_t *buf,
			     size_t len)
{
	bool sealed = r->shared->conf.sealed;
	int err = 0;

	r->counters.v[SYNC_RX_BYTES] += len;
	if (sealed != (h->key_id != 0)) {
		refuse(r, sealed ? REFUSED_CLEAR : REFUSED_SEALED, h);
		return;
	}
	if (sealed)
		err = seal_open(&r->keys, h, buf, len);
	if (err < 0) {
		refuse(r, err == -ENOKEY ? REFUSED_KEY_UNKNOWN : REFUSED_KEY_WRONG, h);
		return;
	}
	engine_on_datagram(r->proto.native, h, buf + DGRAM_HDR_LEN,
			   len - DGRAM_HDR_LEN - (sealed ? DGRAM_TAG_LEN : 0), monotonic_ms());
}

bool replication_on_ctd(struct replication *r, const struct ip_addr *from, const uint8_t *buf,
			size_t len)
{
	return ctd_on_datagram(r->proto.conntrackd, from, buf, len, monotonic_ms());
}

void replication_after_batch(struct replication *r)
{
	settle(r);
}

/* ---- orders of the core ------------------------------------------------------------------- */

static uint32_t current_term(const struct replication *r)
{
	struct engine_status s;

	protocol_status(&r->proto, &s);
	return s.term;
}

static void become_source(struct replication *r, uint32_t min_term)
{
	int err = capture_start(r->capture);

	if (err < 0)
		log_err("sync", r->conf.router, "cannot subscribe to conntrack events: %s",
			strerror(-err));
	r->news.promoted_with.ok = err == 0;
	r->news.promoted_with.term = protocol_promote(&r->proto, min_term, monotonic_ms());
	r->source = true;
	event_add(r->on_capture, NULL);
}

static void stop_source(struct replication *r)
{
	capture_rest(r);
	protocol_demote(&r->proto, monotonic_ms());
	capture_stop(r->capture);
	event_del(r->on_capture);
	r->source = false;
}

static void stop_watching(struct replication *r)
{
	if (!r->watches)
		return;
	capture_stop(r->capture);
	event_del(r->on_capture);
	r->watches = false;
}

/* When the kernel is through with that nobody can know. On a busy machine the comparison with the
 * next source may be over by then; so a flow that goes later is a reason to compare again. */
static void watch(struct replication *r)
{
	int err = capture_start_ends(r->capture);

	if (err < 0) {
		log_err("sync", r->conf.router, "cannot subscribe to conntrack events: %s",
			strerror(-err));
		return;
	}
	event_add(r->on_capture, NULL);
	r->watches = true;
}

/* The former source forwards still, and its stream goes on. */
static bool trail(struct replication *r, const struct sync_msg_role *m)
{
	struct engine_status s;

	if (r->source || r->trail_until || !m->trail_ms ||
	    !protocol_trail(&r->proto, monotonic_ms()))
		return r->trail_until;
	protocol_status(&r->proto, &s);
	r->trail_until = monotonic_ms() + m->trail_ms;
	r->trail_term = (s.known_term > m->term ? s.known_term : m->term) + 1;
	r->news.promoted_with.ok = true;
	r->news.promoted_with.term = r->trail_term;
	return true;
}

static void trail_end(struct replication *r)
{
	r->trail_until = 0;
	become_source(r, r->trail_term - 1);
	r->news.promoted = true;
	replication_news(r);
}

void replication_promote(struct replication *r, const struct sync_msg_role *m)
{
	/* everything that a former source sent and that reached us counts */
	links_drain(r->shared->links);
	stop_watching(r);
	r->news.promoted_with.request = m->request;
	if (r->source && current_term(r) <= m->term)
		stop_source(r);
	if (!r->source && !trail(r, m))
		become_source(r, m->term);
	r->news.promoted = true;
	turn(r);
	replication_news(r);
}

void replication_demote(struct replication *r, bool flushed)
{
	r->trail_until = 0;
	protocol_trail_stop(&r->proto);
	if (r->source)
		stop_source(r);
	if (flushed && !r->watches)
		watch(r);
	turn(r);
}

void replication_leave(struct replication *r, const struct engine_leaving *l)
{
	protocol_set_leaving(&r->proto, l, monotonic_ms());
	turn(r);
}

void replication_reserve(struct replication *r, const struct reserve_word *word)
{
	r->reserve = *word;
	free(r->reserved); /* the core may be another one, which has heard nothing yet */
	r->reserved = NULL;
	protocol_set_reserve(&r->proto, word, monotonic_ms());
	turn(r);
}

void replication_drain(struct replication *r, uint32_t wait_ms)
{
	if (r->trail_until)
		trail_end(r);
	if (r->source) {
		capture_rest(r);
		protocol_drain(&r->proto, wait_ms, monotonic_ms());
	} else {
		replication_engine_ops.on_drained(r, true); /* nothing of ours is under way */
	}
	turn(r);
}

void replication_verify(struct replication *r, uint32_t request)
{
	protocol_verify(&r->proto, request, monotonic_ms());
	turn(r);
}

void replication_query(struct replication *r)
{
	r->news.answer = true;
	replication_news(r);
}

void replication_quiet(struct replication *r, uint32_t quiet_ms)
{
	protocol_quiet(&r->proto, quiet_ms);
}

void replication_pulsed(struct replication *r, bool again)
{
	if (again)
		protocol_pulsed(&r->proto, monotonic_ms());
	settle(r);
}

bool replication_has_peer(const struct replication *r, uint32_t id)
{
	return protocol_has_peer(&r->proto, id);
}

void replication_path(struct replication *r, const struct sync_msg *m)
{
	uint64_t now = monotonic_ms();

	if (m->type == SYNC_MSG_ASK)
		protocol_ask(&r->proto, m->path.question, now);
	else if (m->type == SYNC_MSG_VOUCH)
		protocol_vouch(&r->proto, m->path.peer, m->path.question, now);
	else if (m->type == SYNC_MSG_WANT)
		protocol_ask_handover(&r->proto, now);
	else
		protocol_hears(&r->proto, m->path.hearing, now);
	turn(r);
}

/* ---- life --------------------------------------------------------------------------------- */

/* What the kernel does not drop, the engine does; so a filter that is not there costs time alone.
 */
static void filter_events(struct replication *r)
{
	int err = capture_filter(r->capture, &r->conf.filter, &r->conf.locals);

	if (err < 0)
		log_err("sync", r->conf.router, "the kernel does not take a filter of events: %s",
			strerror(-err));
}

static int replace_engine(struct replication *r, const struct sync_msg_router *conf)
{
	bool was_source = r->source || r->trail_until;
	uint32_t term = current_term(r);
	struct protocol fresh;
	int err = replication_make(r, conf, &fresh);

	if (err < 0)
		return err;
	if (r->source)
		stop_source(r);
	r->trail_until = 0;
	protocol_move_neighbours(&fresh, &r->proto);
	protocol_set_reserve(&fresh, &r->reserve, monotonic_ms());
	protocol_free(&r->proto);
	r->proto = fresh;
	r->room = replication_room(r);
	r->conf = *conf;
	filter_events(r);
	if (was_source)
		become_source(r, term);
	turn(r);
	replication_engine_ops.on_status(r);
	return 0;
}

int replication_change(struct replication *r, const struct sync_msg_router *conf)
{
	struct sync_msg_router rest = *conf;
	int err = 0;

	replication_beats_set(r, &conf->beats);
	memcpy(&rest.filter, &r->conf.filter, sizeof(rest.filter));
	if (memcmp(&r->conf, &rest, sizeof(rest)) != 0) {
		err = replace_engine(r, conf);
	} else if (!flow_filter_equal(&r->conf.filter, &conf->filter)) {
		r->conf = *conf;
		/* before the new stream begins: its repair finds what the old filter dropped */
		filter_events(r);
		protocol_set_filter(&r->proto, &conf->filter, monotonic_ms());
	}
	turn(r);
	return err;
}

int replication_fit(struct replication *r)
{
	const struct sync_msg_router conf = r->conf;

	if (replication_room(r) >= r->room)
		return 0;
	log_info("sync", r->conf.router, "datagrams of %zu bytes no longer fit the links: now %zu",
		 r->room, replication_room(r));
	return replace_engine(r, &conf);
}

void replication_new_keys(struct replication *r)
{
	seal_derive(&r->keys, &r->shared->conf.keys, r->id);
}

static int make_events(struct replication *r)
{
	struct event_base *base = r->shared->base;

	r->on_capture =
		event_new(base, capture_fd(r->capture), EV_READ | EV_PERSIST, on_captured, r);
	r->on_time = event_new(base, -1, 0, on_due, r);
	r->on_bulk = event_new(base, -1, 0, on_bulk, r);
	if (!r->on_capture || !r->on_time || !r->on_bulk)
		return -ENOMEM;
	event_priority_set(r->on_capture, PRIO_CAPTURE);
	/* not behind the input of other routers: heartbeats must leave in time */
	event_priority_set(r->on_time, PRIO_LINK);
	event_priority_set(r->on_bulk, PRIO_BULK);
	return 0;
}

static void on_apply_failed(void *ctx, const struct flow *f, int err)
{
	protocol_on_apply_failed(&((struct replication *)ctx)->proto, f, err);
}

static int make_kernel(struct replication *r)
{
	uint32_t port;
	int err = conntrack_port(r->fd[SYNC_FD_APPLY], &port);

	if (err == 0)
		err = capture_new(&r->capture, r->fd[SYNC_FD_EVENTS], port, &capture_ops, r,
				  &r->counters);
	if (err == 0)
		err = table_new(&r->table, r->fd[SYNC_FD_DUMP], r->fd[SYNC_FD_APPLY]);
	if (err == 0)
		err = apply_new(&r->apply, r->fd[SYNC_FD_APPLY], replication_pin_s(r),
				on_apply_failed, r, &r->counters);
	if (err == 0)
		err = expects_new(&r->expects, r->fd[SYNC_FD_APPLY]);
	return err;
}

static void close_fds(const int fds[static SYNC_FDS])
{
	for (unsigned i = 0; i < SYNC_FDS; i++)
		close(fds[i]);
}

void replication_free(struct replication *r)
{
	if (!r)
		return;

	struct event *events[] = {r->on_capture, r->on_time, r->on_bulk};

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (events[i])
			event_free(events[i]);
	replication_neigh_drop(r);
	protocol_free(&r->proto);
	replication_verify_drop(r);
	free(r->reserved);
	apply_free(r->apply);
	table_free(r->table);
	expects_free(r->expects);
	capture_free(r->capture);
	links_forget(r->shared->links, &r->counters.v[SYNC_TX_ERRORS]);
	close_fds(r->fd);
	seal_forget(&r->keys);
	pages_free(r, sizeof(*r));
}

int replication_new(struct replication **out, struct shared *shared,
		    const struct sync_msg_router *conf, const int fds[static SYNC_FDS])
{
	struct replication *r = pages_new(sizeof(*r));
	int err;

	if (!r) {
		close_fds(fds);
		return -ENOMEM;
	}
	r->shared = shared;
	r->conf = *conf;
	r->id = id_of(conf->router);
	replication_new_keys(r);
	memcpy(r->fd, fds, sizeof(r->fd));
	err = make_kernel(r);
	if (err == 0)
		err = replication_make(r, conf, &r->proto);
	r->room = replication_room(r);
	if (err == 0)
		filter_events(r);
	if (err == 0)
		err = make_events(r);
	if (err < 0) {
		replication_free(r);
		return err;
	}
	turn(r);
	replication_engine_ops.on_status(r);
	*out = r;
	return 0;
}
