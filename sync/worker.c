/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sync process: one loop for all routers. It reads what the network sends, so it holds nothing
 * but CAP_NET_ADMIN and the sockets it was given. The core owns it: it does what the message pair
 * says, ignores the signals a terminal or service manager sends to everybody, and ends when the
 * pair closes. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "pace.h"
#include "pulsing.h"
#include "routers.h"
#include "vrouter/contain.h"
#include "vrouter/log.h"

#define IPC_TURN 16 /* messages before others get their turn, and the core its answers */
#define LATER_MS 50
#define PRIORITY 1 /* below the core's */
/* Pages of its own for each larger piece: temporary ones go back to the system, and of those that
 * stay (for each router) what is never used is never there: calloc() would clear it in the heap. */
#define MMAP_ABOVE (16 * 1024)

struct worker {
	struct shared shared;
	struct event *on_ipc, *on_ipc_writable, *on_later;
	bool configured, links_changed, pong;
	struct routers routers;
	struct pulsing pulsing;
	struct {
		bool due;
		struct sync_msg_link msg;
	} link_news[SYNC_LINKS_MAX];
	uint64_t bad_header, other_router; /* datagrams that belong to no router */
	bool left;
	int status; /* of exit */
};

static int schedstat = -1;

static uint64_t clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t monotonic_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

static void leave(struct worker *w, int status)
{
	w->status = status;
	w->left = true;
	event_base_loopbreak(w->shared.base);
}

/* ---- datagrams ---------------------------------------------------------------------------- */

/* The protocol of conntrackd names no router: there is one. */
static bool on_ctd(struct worker *w, const uint8_t *buf, size_t len, const struct ip_addr *from)
{
	if (w->routers.n != 1) {
		w->other_router++;
		return false;
	}
	w->routers.touched[0] = true;
	return replication_on_ctd(w->routers.at[0], from, buf, len);
}

static bool on_datagram(void *ctx, uint8_t *buf, size_t len, const struct ip_addr *from)
{
	struct worker *w = ctx;
	char text[INET6_ADDRSTRLEN];
	struct dgram_hdr h;
	enum dgram_err err;
	unsigned at;

	if (w->shared.conf.conntrackd)
		return on_ctd(w, buf, len, from);
	err = dgram_hdr_decode(&h, buf, len);
	if (err == DGRAM_OK && len < DGRAM_HDR_LEN + (w->shared.conf.sealed ? DGRAM_TAG_LEN : 0))
		err = DGRAM_E_SHORT;
	if (err != DGRAM_OK) {
		w->bad_header++;
		log_remote("sync", NULL, "a datagram from %s is not one of ours: %s",
			   ip_addr_format(from, text), dgram_err_name(err));
		return false;
	}
	if (h.router == PULSE_ROUTER)
		return pulsing_on_datagram(&w->pulsing, &h, buf, len);
	at = routers_find(&w->routers, h.router);
	if (at == w->routers.n) {
		w->other_router++; /* that of another cluster, or not configured here */
		return false;
	}
	replication_on_datagram(w->routers.at[at], &h, buf, len);
	w->routers.touched[at] = true;
	return h.sender != w->shared.self;
}

static void on_batch(void *ctx)
{
	struct worker *w = ctx;

	for (unsigned i = 0; i < w->routers.n; i++) {
		if (!w->routers.touched[i])
			continue;
		w->routers.touched[i] = false;
		replication_after_batch(w->routers.at[i]);
	}
	links_flush(w->shared.links);
}

/* ---- to the core -------------------------------------------------------------------------- */

static void on_link_state(void *ctx, const char *interface, bool up, const char *text)
{
	struct worker *w = ctx;
	unsigned i = 0;

	while (i + 1 < w->shared.conf.n_interfaces &&
	       strcmp(w->shared.conf.interface[i], interface) != 0)
		i++;
	w->links_changed |= up;
	w->link_news[i].due = true;
	w->link_news[i].msg = (struct sync_msg_link){.up = up};
	snprintf(w->link_news[i].msg.interface, IFNAMSIZ, "%s", interface);
	snprintf(w->link_news[i].msg.text, sizeof(w->link_news[i].msg.text), "%s", text);
	w->shared.on_news(w);
}

static void on_news(void *ctx)
{
	struct worker *w = ctx;

	/* from within an engine: told when the loop comes round */
	event_active(w->on_ipc_writable, EV_WRITE, 0);
}

/* false: the pair is full, or broken. */
static bool send_message(struct worker *w, const struct sync_msg *m)
{
	int err = sync_ipc_send(SYNC_IPC_FD, m, NULL, 0);

	if (err == -EAGAIN || err == -ENOBUFS)
		event_add(w->on_ipc_writable, NULL);
	else if (err < 0)
		leave(w, EXIT_SUCCESS); /* the core is gone */
	return err == 0;
}

static bool send_link_news(struct worker *w)
{
	for (unsigned i = 0; i < SYNC_LINKS_MAX; i++) {
		struct sync_msg m = {.type = SYNC_MSG_LINK, .link = w->link_news[i].msg};

		if (!w->link_news[i].due)
			continue;
		if (!send_message(w, &m))
			return false;
		w->link_news[i].due = false;
	}
	return true;
}

static bool send_router_news(struct worker *w, struct replication *r, bool *later)
{
	uint64_t now = monotonic_ms();
	struct sync_msg m;

	while (replication_take(r, now, &m, later)) {
		if (m.type == SYNC_MSG_REPORT) {
			m.report.counters.v[SYNC_RX_BAD_HEADER] = w->bad_header;
			m.report.counters.v[SYNC_RX_OTHER_ROUTER] = w->other_router;
			pulsing_count(&w->pulsing, &m.report.counters);
		}
		if (!send_message(w, &m)) {
			replication_untake(r, &m);
			return false;
		}
	}
	return true;
}

static void fit_links(struct worker *w)
{
	w->links_changed = false;
	for (unsigned i = 0; i < w->routers.n; i++)
		if (replication_fit(w->routers.at[i]) < 0)
			leave(w, EXIT_FAILURE);
}

static void send_news(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval in = {.tv_usec = LATER_MS * 1000};
	struct worker *w = arg;
	bool later = false;

	(void)fd;
	(void)what;
	if (w->links_changed)
		fit_links(w);
	if (w->pong && !send_message(w, &(struct sync_msg){.type = SYNC_MSG_PONG}))
		return;
	w->pong = false;
	if (!send_link_news(w))
		return;
	for (unsigned i = 0; i < w->routers.n; i++)
		if (!send_router_news(w, w->routers.at[i], &later))
			return;
	if (later)
		event_add(w->on_later, &in);
}

/* ---- from the core ------------------------------------------------------------------------ */

/* The core is asked again until there is one, so it may be lost. */
static void on_missing(void *ctx, const struct sync_msg_stream *which)
{
	const struct sync_msg m = {.type = SYNC_MSG_DIAL, .stream = *which};

	(void)ctx;
	(void)!sync_ipc_send(SYNC_IPC_FD, &m, NULL, 0);
}

static const struct link_ops link_ops = {.on_datagram = on_datagram,
					 .on_batch = on_batch,
					 .on_state = on_link_state,
					 .on_missing = on_missing};

static bool same_links(const struct sync_msg_conf *a, const struct sync_msg_conf *b)
{
	return memcmp(a->interface, b->interface, sizeof(a->interface)) == 0 &&
	       a->n_interfaces == b->n_interfaces &&
	       memcmp(a->group, b->group, sizeof(a->group)) == 0 &&
	       memcmp(a->peer, b->peer, sizeof(a->peer)) == 0 && a->n_peers == b->n_peers &&
	       memcmp(a->port, b->port, sizeof(a->port)) == 0 && a->tcp == b->tcp &&
	       a->no_checksum == b->no_checksum;
}

/* Counts come from the other end of the pair; it is our own binary, and still. */
static bool conf_is_sane(const struct sync_msg_conf *c)
{
	return memchr(c->controller, '\0', sizeof(c->controller)) &&
	       c->n_interfaces <= SYNC_LINKS_MAX && c->n_peers <= SYNC_UNICAST_MAX &&
	       c->keys.n <= SEAL_KEYS_MAX && (!c->sealed || c->keys.n > 0) &&
	       (!c->conntrackd || (!c->sealed && (unsigned)c->ctd_mode <= CTD_MODE_ALARM));
}

/* Another core may have taken the former one's place. */
static void tell_links_again(struct worker *w)
{
	for (unsigned i = 0; i < SYNC_LINKS_MAX; i++)
		w->link_news[i].due |= w->link_news[i].msg.interface[0] && !w->link_news[i].msg.up;
	on_news(w);
}

static int configure(struct worker *w, const struct sync_msg_conf *conf)
{
	bool relink = !w->configured || !same_links(&w->shared.conf, conf);

	if (!conf_is_sane(conf))
		return -EINVAL;
	w->shared.conf = *conf;
	w->shared.self = id_of(conf->controller);
	w->configured = true;
	for (unsigned i = 0; i < w->routers.n; i++)
		replication_new_keys(w->routers.at[i]);
	pulsing_configure(&w->pulsing);
	if (!relink) {
		tell_links_again(w);
		return 0;
	}
	/* the old sockets would be in the way of the new ones */
	links_free(w->shared.links);
	w->shared.links = NULL;
	memset(w->link_news, 0, sizeof(w->link_news));
	return links_new(&w->shared.links, w->shared.base, PRIO_LINK, conf, &link_ops, w);
}

static int on_router(struct worker *w, const struct sync_msg_router *conf, const int *fds,
		     unsigned n_fds, bool *taken)
{
	struct replication *r;

	if (!w->configured || !memchr(conf->router, '\0', sizeof(conf->router)) ||
	    conf->locals.n > FLOW_LOCALS_MAX || conf->filter.n_only > FILTER_NETS_MAX ||
	    conf->filter.n_ignored > FILTER_NETS_MAX)
		return -EPROTO;
	r = routers_by_name(&w->routers, conf->router);
	if (r)
		return replication_change(r, conf);
	return n_fds == SYNC_FDS ? routers_add(&w->routers, &w->shared, conf, fds, taken) : -EPROTO;
}

static int on_role(struct worker *w, const struct sync_msg *m)
{
	struct replication *r;

	if (!memchr(m->role.router, '\0', sizeof(m->role.router)))
		return -EPROTO;
	r = routers_by_name(&w->routers, m->role.router);
	if (!r) {
		log_err("sync", m->role.router, "message %u of the core: no such router", m->type);
		return 0;
	}
	if (m->type == SYNC_MSG_PROMOTE)
		replication_promote(r, &m->role);
	else if (m->type == SYNC_MSG_DEMOTE)
		replication_demote(r, m->role.flushed);
	else if (m->type == SYNC_MSG_DRAIN)
		replication_drain(r, m->role.wait_ms);
	else if (m->type == SYNC_MSG_VERIFY)
		replication_verify(r, m->role.request);
	else
		routers_del(&w->routers, &w->shared, r);
	return 0;
}

/* What may come before the router, or after it: then it is of no use. */
static int on_news_of(struct worker *w, const struct sync_msg *m)
{
	const char *name = m->path.router; /* all of them begin with it */
	struct replication *r;

	if (!memchr(name, '\0', sizeof(m->path.router)) ||
	    (m->type == SYNC_MSG_HEARS && (unsigned)m->path.hearing > ENGINE_HEARING_DEAF))
		return -EPROTO;
	r = routers_by_name(&w->routers, name);
	if (!r)
		return 0;
	if (m->type == SYNC_MSG_NEIGH)
		replication_neighbours(r, &m->neigh);
	else if (m->type == SYNC_MSG_LEAVE)
		replication_leave(r, &m->leaving.what);
	else if (m->type == SYNC_MSG_RESERVE)
		replication_reserve(r, &m->reserve.word);
	else
		replication_path(r, m);
	return 0;
}

static int on_message(struct worker *w, const struct sync_msg *m, const int *fds, unsigned n_fds,
		      bool *taken)
{
	switch ((enum sync_msg_type)m->type) {
	case SYNC_MSG_CONF:
		return configure(w, &m->conf);
	case SYNC_MSG_ROUTER:
		return on_router(w, &m->router, fds, n_fds, taken);
	case SYNC_MSG_ROUTER_DEL:
	case SYNC_MSG_PROMOTE:
	case SYNC_MSG_DEMOTE:
	case SYNC_MSG_DRAIN:
	case SYNC_MSG_VERIFY:
		return on_role(w, m);
	case SYNC_MSG_ASK:
	case SYNC_MSG_VOUCH:
	case SYNC_MSG_HEARS:
	case SYNC_MSG_WANT:
	case SYNC_MSG_LEAVE:
	case SYNC_MSG_RESERVE:
	case SYNC_MSG_NEIGH:
		return on_news_of(w, m);
	case SYNC_MSG_STREAM:
		*taken = w->configured && n_fds == 1;
		return *taken ? links_take(w->shared.links, &m->stream, fds[0]) : -EPROTO;
	case SYNC_MSG_QUERY:
		return routers_query(&w->routers, &m->role);
	case SYNC_MSG_PING:
		w->pong = true;
		on_news(w);
		return 0;
	case SYNC_MSG_UP:
	case SYNC_MSG_PONG:
	case SYNC_MSG_PROMOTED:
	case SYNC_MSG_DRAINED:
	case SYNC_MSG_REPORT:
	case SYNC_MSG_ASKED:
	case SYNC_MSG_VOUCHED:
	case SYNC_MSG_BEATS:
	case SYNC_MSG_VERIFIED:
	case SYNC_MSG_WANTED:
	case SYNC_MSG_LEAVING:
	case SYNC_MSG_DIAL:
	case SYNC_MSG_RESERVED:
	case SYNC_MSG_LINK:
		break;
	}
	return -EPROTO;
}

/* An order that cannot be followed ends the process: the core starts it again and says all again,
 * which is the one way back to a state that both know. */
static void on_ipc(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct sync_msg m;

	(void)what;
	for (unsigned i = 0; i < IPC_TURN; i++) {
		int fds[SYNC_FDS], got, err = 0;
		bool taken = false; /* the descriptors */
		unsigned n_fds;

		got = sync_ipc_recv(fd, &m, fds, &n_fds);
		if (got == -EAGAIN)
			break;
		if (got == -ECONNRESET) /* closed before it had read all of ours */
			got = 0;
		if (got == 1)
			err = on_message(w, &m, fds, n_fds, &taken);
		while (got == 1 && !taken && n_fds)
			close(fds[--n_fds]);
		if (got == 1 && err == 0)
			continue;
		if (got < 0 || err < 0)
			log_err("sync", NULL, "message %u of the core: %s", m.type,
				strerror(err < 0 ? -err : -got));
		leave(w, got == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		break;
	}
	sodium_memzero(&m, sizeof(m)); /* it may have held keys */
}

/* ---- the process -------------------------------------------------------------------------- */

static void ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

static struct event_base *make_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	if (base && event_base_priority_init(base, PRIO_N) < 0) {
		event_base_free(base);
		base = NULL;
	}
	return base;
}

static int worker_init(struct worker *w)
{
	w->shared.on_news = on_news;
	w->shared.ctx = w;
	w->shared.base = make_base();
	if (!w->shared.base)
		return -ENOMEM;
	w->on_ipc = event_new(w->shared.base, SYNC_IPC_FD, EV_READ | EV_PERSIST, on_ipc, w);
	w->on_ipc_writable = event_new(w->shared.base, SYNC_IPC_FD, EV_WRITE, send_news, w);
	w->on_later = event_new(w->shared.base, -1, 0, send_news, w);
	if (!w->on_ipc || !w->on_ipc_writable || !w->on_later)
		return -ENOMEM;
	event_priority_set(w->on_ipc, PRIO_IPC);
	event_priority_set(w->on_ipc_writable, PRIO_IPC);
	event_priority_set(w->on_later, PRIO_IPC);
	if (event_add(w->on_ipc, NULL) < 0)
		return -ENOMEM;
	return pulsing_init(&w->pulsing, &w->shared, &w->routers);
}

static void worker_fini(struct worker *w)
{
	routers_fini(&w->routers);
	pulsing_fini(&w->pulsing);
	links_free(w->shared.links);
	if (w->on_ipc)
		event_free(w->on_ipc);
	if (w->on_ipc_writable)
		event_free(w->on_ipc_writable);
	if (w->on_later)
		event_free(w->on_later);
	if (w->shared.base)
		event_base_free(w->shared.base);
	sodium_memzero(&w->shared.conf, sizeof(w->shared.conf));
}

static void warn_without(const char *what, int err)
{
	if (err < 0)
		log_warn("sync", NULL, "no %s: %s", what,
			 err == -ENOTSUP ? "not in this build" : strerror(-err));
}

/* Where the kernel cannot, replicating without it is better than not to replicate. A syslog daemon
 * that was restarted has to be found by its path. */
static void leave_files(bool to_syslog)
{
	if (!to_syslog)
		warn_without("empty root directory", contain_root());
}

static int start(struct worker *w, bool realtime)
{
	bool to_syslog = log_prepare();
	int err;

	prctl(PR_SET_NAME, "vrouterd-sync", 0, 0, 0);
	mallopt(M_MMAP_THRESHOLD, MMAP_ABOVE);
	ignore_signals();
	contain_lock_memory();
	if (realtime)
		contain_schedule(PRIORITY);
	err = seal_init();
	schedstat = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	leave_files(to_syslog);
	if (err == 0)
		err = contain_drop_privileges();
	if (err == 0)
		err = worker_init(w);
	if (err == 0)
		warn_without("system call filter", contain_system_calls(to_syslog));
	if (err == 0)
		err = sync_ipc_send(SYNC_IPC_FD, &(struct sync_msg){.type = SYNC_MSG_UP}, NULL, 0);
	return err;
}

/* Second number: nanoseconds on a run queue (Documentation/scheduler/sched-stats.rst). */
static uint64_t waited_us(void)
{
	unsigned long long ns = 0;
	char text[80];
	ssize_t n = pread(schedstat, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%*u %llu", &ns) == 1 ? ns / 1000 : 0;
}

/* Until the core has something to say: a promotion does not wait for it. */
static void rest(unsigned us)
{
	const struct timespec t = {.tv_nsec = (long)us * 1000};
	struct pollfd order = {.fd = SYNC_IPC_FD, .events = POLLIN};

	if (us)
		(void)ppoll(&order, 1, &t, NULL);
}

static void run(struct worker *w)
{
	struct event_base *base = w->shared.base;
	struct pace pace = {.waited_us = waited_us};

	while (event_base_loop(base, EVLOOP_ONCE) == 0 && !w->left) {
		unsigned us;

		links_flush(w->shared.links);
		pace.conntrackd = w->shared.conf.conntrackd;
		us = pace_rest_us(&pace, w->shared.work, w->shared.bulk, clock_us(CLOCK_MONOTONIC),
				  clock_us(CLOCK_PROCESS_CPUTIME_ID));

		w->shared.work = 0;
		w->shared.bulk = false;
		rest(us);
	}
}

int sync_worker_main(bool realtime)
{
	struct worker w = {.status = EXIT_SUCCESS};
	int err = start(&w, realtime);

	if (err < 0) {
		log_err("sync", NULL, "cannot start: %s%s", strerror(-err),
			err == -EPERM ? " (it needs CAP_NET_ADMIN)" : "");
		w.status = EXIT_FAILURE;
	} else {
		run(&w);
	}
	worker_fini(&w);
	return w.status;
}
