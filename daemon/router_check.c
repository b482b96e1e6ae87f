/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `vrouterctl check`: finds out what check.h judges. All of it happens in the event loop, in steps
 * of TICK_MS; nothing waits, and it ends by itself.
 *
 * It disturbs nothing: it has sockets of its own, so the kernel's neighbour entries, what is
 * tracked and what the services are asked otherwise stay as they are. Only an ACTIVE asks on the
 * legs, and from its VIPs; with the next change of the state, or of the configuration, the check is
 * given up. A STANDBY sends nothing but questions to its own servers, and to theirs where it has a
 * way to them. */
#include "router_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "check.h"
#include "clock.h"
#include "service_probe.h"
#include "vrouter/conntrack.h"

#define TICK_MS		100
#define TICKS_MAX	25 /* then whoever has not answered does not */
#define TICKS_MIN	12 /* so long others may say that they have a VIP, too */
#define ASK_EVERY	4  /* ticks: neighbours are asked thrice, at 0, 4 and 8 */
#define ASK_AGAIN	12 /* a server that has not answered until then */
#define CHUNKS_PER_TICK 4  /* of the table */
#define NEIGHBOURS_MAX	(CHECK_VIPS_MAX + NET_FAMILIES)
#define SERVERS_MAX	(SERVICE_IDS + 2 * CONF_UPSTREAMS_MAX)

/* On a leg. */
struct neighbour {
	struct net_probe *probe;
	struct ip_addr from;
	struct check_question *q;
	uint8_t *mac; /* NULL: of no interest */
	const struct router_check *check;
	unsigned leg;
};

/* By UDP. */
struct server {
	struct service_probe *probe;
	enum service_id id;
	struct ip_addr to;
	uint64_t nonce;
	struct check_question *q;
	uint8_t *rcode; /* DNS of others; NULL: our own */
	struct sntp_answer *ntp;
};

struct router_check {
	struct router *r;
	router_check_fn *fn;
	void *ctx;
	uint64_t request;
	enum life_state state; /* when it began */
	struct check_facts facts;
	struct net_desired desired;
	struct net_actual actual;
	struct net_plan plan;
	char net_why[NET_REASON_MAX];
	struct neighbour neighbour[NEIGHBOURS_MAX];
	struct server server[SERVERS_MAX];
	unsigned n_neighbours, n_servers;
	int tcp, table_fd; /* -1: none */
	struct event *tcp_event, *timer;
	struct table *table;
	bool table_begun;
	unsigned ticks;
};

static void close_table(struct router_check *c)
{
	table_free(c->table);
	c->table = NULL;
	if (c->table_fd >= 0)
		close(c->table_fd);
	c->table_fd = -1;
}

static void close_tcp(struct router_check *c)
{
	if (c->tcp_event)
		event_free(c->tcp_event);
	c->tcp_event = NULL;
	if (c->tcp >= 0)
		close(c->tcp);
	c->tcp = -1;
}

static void check_free(struct router_check *c)
{
	for (unsigned i = 0; i < c->n_neighbours; i++)
		net_probe_free(c->neighbour[i].probe);
	for (unsigned i = 0; i < c->n_servers; i++)
		service_probe_free(c->server[i].probe);
	close_tcp(c);
	close_table(c);
	if (c->timer)
		event_free(c->timer);
	free(c);
}

void router_check_cancel(struct router *r, const char *why)
{
	struct router_check *c = r->check;

	if (!c)
		return;
	r->check = NULL;
	c->fn(c->ctx, c->request, NULL, NULL, why);
	check_free(c);
}

void router_check_role(struct router *r)
{
	if (r->check && r->check->state != r->life.state)
		router_check_cancel(r, "its role has just changed: ask again");
}

/* ---- neighbours -------------------------------------------------------------------------------
 */

/* Two legs may be on one wire. */
static bool is_own_other_leg(const struct neighbour *n, const uint8_t mac[static NET_MAC_BYTES])
{
	const struct router_check *c = n->check;

	for (unsigned i = 0; i < net_legs(&c->desired); i++)
		if (i != n->leg && memcmp(c->actual.leg[i].mac, mac, NET_MAC_BYTES) == 0)
			return true;
	return false;
}

static void on_heard(void *ctx, const uint8_t mac[static NET_MAC_BYTES])
{
	struct neighbour *n = ctx;

	if (!n->q->asked) /* what was said before says nothing of now */
		return;
	if (n->mac && is_own_other_leg(n, mac))
		return;
	n->q->answered = true;
	if (n->mac)
		memcpy(n->mac, mac, NET_MAC_BYTES);
}

static void ask_neighbour(struct neighbour *n)
{
	if (n->q->answered || !n->probe)
		return;
	n->q->err = net_probe_send(n->probe, &n->from);
	n->q->asked = n->q->asked || !n->q->err;
}

/* from: NULL: it cannot be asked. */
static void add_neighbour(struct router_check *c, unsigned leg, const struct ip_addr *target,
			  const struct ip_addr *from, struct check_question *q)
{
	struct neighbour *n = &c->neighbour[c->n_neighbours++];

	*n = (struct neighbour){.q = q, .check = c, .leg = leg};
	q->err = -EADDRNOTAVAIL;
	if (!from)
		return;
	n->from = *from;
	q->err = net_probe_new(&n->probe, c->r->ns, c->r->env->base, c->desired.leg[leg].ifname,
			       target, NET_PROBE_ANSWERS, on_heard, n);
}

static void add_gateways(struct router_check *c)
{
	const struct net_leg *public = &c->desired.leg[NET_PUBLIC];

	for (unsigned i = 0; i < NET_FAMILIES; i++)
		if (c->desired.gateway[i].family)
			add_neighbour(c, NET_PUBLIC, &c->desired.gateway[i],
				      probe_source(public, &c->desired.gateway[i]),
				      &c->facts.gateway[i]);
}

static void add_vip(struct router_check *c, unsigned leg, const struct ip_addr *vip)
{
	struct check_vip *v = &c->facts.vip[c->facts.n_vips];
	struct ip_addr from = probe_nobody(&c->desired.leg[leg], vip);

	if (c->facts.n_vips == CHECK_VIPS_MAX)
		return;
	c->facts.n_vips++;
	*v = (struct check_vip){.leg = leg, .addr = *vip};
	if (!check_is_active(&c->facts))
		return;
	add_neighbour(c, leg, vip, &from, &v->q);
	c->neighbour[c->n_neighbours - 1].mac = v->mac;
}

static void add_neighbours(struct router_check *c)
{
	if (check_is_active(&c->facts))
		add_gateways(c);
	for (unsigned id = 0; id < net_legs(&c->desired); id++)
		for (unsigned i = 0; i < c->desired.leg[id].n_vips; i++)
			add_vip(c, id, &c->desired.leg[id].vip[i].addr);
}

/* ---- servers ----------------------------------------------------------------------------------
 */

static void on_answer(void *ctx, const uint8_t *buf, size_t len)
{
	struct server *s = ctx;
	bool is;

	if (s->id == SERVICE_NTP)
		is = sntp_parse(s->ntp, buf, len, s->nonce);
	else if (s->rcode)
		is = dns_root_parse(s->rcode, buf, len, (uint16_t)s->nonce);
	else
		is = dns_is_answer(buf, len, (uint16_t)s->nonce);
	s->q->answered = s->q->answered || is;
}

static void ask_server(struct server *s)
{
	uint16_t port = s->id == SERVICE_NTP ? SERVICE_NTP_PORT : SERVICE_DNS_PORT;
	uint8_t query[SERVICE_QUERY_MAX];
	size_t len;

	if (s->q->answered || !s->probe)
		return;
	if (getrandom(&s->nonce, sizeof(s->nonce), GRND_NONBLOCK) != sizeof(s->nonce))
		s->nonce++;
	if (s->id == SERVICE_NTP)
		len = sntp_query(query, s->nonce);
	else if (s->rcode)
		len = dns_root_query(query, (uint16_t)s->nonce);
	else
		len = dns_query(query, (uint16_t)s->nonce);
	s->q->err = service_probe_ask(s->probe, &s->to, port, query, len);
	s->q->asked = s->q->asked || !s->q->err;
}

static struct server *add_server(struct router_check *c, enum service_id id,
				 const struct ip_addr *to, struct check_question *q)
{
	struct server *s = &c->server[c->n_servers++];

	*s = (struct server){.id = id, .to = *to, .q = q};
	q->err = service_probe_new(&s->probe, c->r->env->base, c->r->ns, on_answer, s);
	return s;
}

static void add_upstream(struct router_check *c, enum service_id id, const struct ip_addr *addr)
{
	struct check_service *f = &c->facts.service[id];
	struct check_upstream *u = &f->up[f->n_up++];
	struct server *s;

	u->addr = *addr;
	s = add_server(c, id, addr, &u->q);
	s->ntp = &u->ntp;
	if (id == SERVICE_DNS)
		s->rcode = &u->rcode;
}

/* DHCP cannot be asked without being a node; NTP has the VIP alone to listen on. */
static bool can_be_asked(const struct router_check *c, enum service_id id)
{
	return c->facts.service[id].state == SERVICE_UP &&
	       (id == SERVICE_DNS || (id == SERVICE_NTP && check_is_active(&c->facts)));
}

static void add_service(struct router_check *c, enum service_id id)
{
	const struct conf_services *conf = &c->r->conf.services;
	struct check_service *f = &c->facts.service[id];
	struct router_service_view v;

	f->wanted = router_service_view(c->r, id, &v);
	if (!f->wanted)
		return;
	f->state = v.service.care->state;
	snprintf(f->reason, sizeof(f->reason), "%s", v.service.reason);
	snprintf(f->program, sizeof(f->program), "%s", v.service.kind->program);
	f->at = router_services_address(c->r);
	if (can_be_asked(c, id))
		add_server(c, id, &f->at, &f->q)->ntp = &f->ntp;
	for (unsigned i = 0; id == SERVICE_DNS && i < conf->n_dns; i++)
		add_upstream(c, id, &conf->dns[i]);
	for (unsigned i = 0; id == SERVICE_NTP && i < conf->n_ntp; i++)
		add_upstream(c, id, &conf->ntp[i]);
}

/* ---- a connection -----------------------------------------------------------------------------
 */

static int open_tcp(void *arg)
{
	const struct router_check *c = arg;
	int fd =
		socket(c->facts.connect.addr.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static socklen_t socket_address(struct sockaddr_storage *out, const struct ip_addr *a,
				uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool ipv6 = a->family == AF_INET6;

	memcpy(&v4.sin_addr, a->b, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->b, sizeof(v6.sin6_addr));
	memcpy(out, ipv6 ? (const void *)&v6 : (const void *)&v4, ipv6 ? sizeof(v6) : sizeof(v4));
	return ipv6 ? sizeof(v6) : sizeof(v4);
}

static void on_connected(evutil_socket_t fd, short what, void *ctx)
{
	struct router_check *c = ctx;
	int err = 0;
	socklen_t len = sizeof(err);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	c->facts.connected.answered = !err;
	c->facts.connected.err = -err;
	close_tcp(c);
}

/* From the public VIP. 0 or -errno. */
static int start_tcp(struct router_check *c, const struct ip_addr *vip)
{
	const struct nat_target *to = &c->facts.connect;
	struct sockaddr_storage a;
	socklen_t len;

	c->tcp = netns_run(c->r->ns, open_tcp, c);
	if (c->tcp < 0)
		return c->tcp;
	len = socket_address(&a, vip, 0);
	if (bind(c->tcp, (const struct sockaddr *)&a, len) < 0)
		return -errno;
	len = socket_address(&a, &to->addr, to->port);
	if (connect(c->tcp, (const struct sockaddr *)&a, len) < 0 && errno != EINPROGRESS)
		return -errno;
	c->tcp_event = event_new(c->r->env->base, c->tcp, EV_WRITE, on_connected, c);
	return c->tcp_event && event_add(c->tcp_event, NULL) == 0 ? 0 : -ENOMEM;
}

static void connect_out(struct router_check *c)
{
	const struct conf_leg *public = &c->r->conf.leg[NET_PUBLIC];
	const struct ip_prefix *vip =
		ip_prefix_of_family(public->vip, public->n_vips, c->facts.connect.addr.family);

	if (!c->facts.connect.addr.family || !vip || !check_is_active(&c->facts))
		return;
	c->facts.connected.asked = true;
	c->facts.connected.err = start_tcp(c, &vip->addr);
	if (c->facts.connected.err < 0)
		close_tcp(c);
}

/* ---- the kernel's table -----------------------------------------------------------------------
 */

static int open_conntrack(void *arg)
{
	(void)arg;
	return conntrack_socket();
}

static void open_table(struct router_check *c)
{
	if (c->desired.nat == NET_NAT_NONE)
		return;
	c->table_fd = netns_run(c->r->ns, open_conntrack, NULL);
	if (c->table_fd < 0 || table_new(&c->table, c->table_fd, c->table_fd) < 0)
		close_table(c);
}

static void on_flow(void *ctx, const struct flow *f)
{
	struct router_check *c = ctx;

	check_flow(&c->facts.flows, &c->desired, f);
}

/* A little of it at a time, until there is one that is translated. */
static void read_table(struct router_check *c)
{
	for (unsigned i = 0; c->table && i < CHUNKS_PER_TICK; i++) {
		int more = table_dump(c->table, !c->table_begun, on_flow, c);

		c->table_begun = true;
		c->facts.flows.all = more == 0;
		if (more <= 0 || c->facts.flows.translated)
			close_table(c);
	}
}

/* ---- the check --------------------------------------------------------------------------------
 */

static void ask(struct router_check *c)
{
	for (unsigned i = 0;
	     c->ticks < TICKS_MIN && c->ticks % ASK_EVERY == 0 && i < c->n_neighbours; i++)
		ask_neighbour(&c->neighbour[i]);
	for (unsigned i = 0; (c->ticks == 0 || c->ticks == ASK_AGAIN) && i < c->n_servers; i++)
		ask_server(&c->server[i]);
}

/* Nothing is waited for any more but that others have a VIP. */
static bool all_answered(const struct router_check *c)
{
	for (unsigned i = 0; i < c->n_neighbours; i++)
		if (!c->neighbour[i].mac && c->neighbour[i].q->asked &&
		    !c->neighbour[i].q->answered)
			return false;
	for (unsigned i = 0; i < c->n_servers; i++)
		if (c->server[i].q->asked && !c->server[i].q->answered)
			return false;
	return c->tcp < 0 && !c->table;
}

static bool is_over(const struct router_check *c)
{
	unsigned least = check_is_active(&c->facts) ? TICKS_MIN : 1;

	return c->ticks >= TICKS_MAX || (c->ticks >= least && all_answered(c));
}

static void finish(struct router_check *c)
{
	auto_free struct check_lines *lines = malloc(sizeof(*lines));
	struct router_view v;

	c->r->check = NULL;
	c->facts.report = c->r->reported ? c->r->report : NULL;
	if (lines)
		check_judge(lines, &c->facts);
	router_view(c->r, &v);
	c->fn(c->ctx, c->request, &v, lines, lines ? NULL : "out of memory");
	check_free(c);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct router_check *c = ctx;

	(void)fd;
	(void)what;
	read_table(c);
	if (is_over(c)) {
		finish(c);
		return;
	}
	ask(c);
	c->ticks++;
	router_arm(c->timer, TICK_MS);
}

static void read_network(struct router_check *c)
{
	struct router *r = c->r;

	router_desired(r, &c->desired, life_keeps_vips(&r->life));
	router_ovs_fill(r, &c->desired);
	if (net_read(r->ns, &c->desired, &c->actual, c->net_why) < 0 && !c->net_why[0])
		snprintf(c->net_why, sizeof(c->net_why), "the kernel does not say");
	if (!c->net_why[0])
		net_plan(&c->plan, &c->desired, &c->actual);
}

int router_check(struct router *r, const struct router_check_ask *what)
{
	struct router_check *c = r->check ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return r->check ? -EBUSY : -ENOMEM;
	*c = (struct router_check){.r = r,
				   .fn = what->fn,
				   .ctx = what->ctx,
				   .request = what->request,
				   .state = r->life.state,
				   .tcp = -1,
				   .table_fd = -1,
				   .timer = evtimer_new(r->env->base, on_tick, c)};
	if (!c->timer) {
		check_free(c);
		return -ENOMEM;
	}
	c->facts = (struct check_facts){.conf = &r->conf,
					.life = &r->life,
					.desired = &c->desired,
					.actual = &c->actual,
					.plan = &c->plan,
					.net_why = c->net_why,
					.connect = what->connect};
	read_network(c);
	add_neighbours(c);
	for (unsigned i = 0; i < SERVICE_IDS; i++)
		add_service(c, (enum service_id)i);
	connect_out(c);
	open_table(c);
	r->check = c;
	router_arm(c->timer, 0);
	return 0;
}
