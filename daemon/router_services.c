/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the router serves on its management VIPs. DNS and NTP run whatever the role is, so that they
 * answer with the VIPs' first packet; DHCP and router advertisements only while ACTIVE, since a
 * STANDBY is silent on its legs: they are started from the event loop after a promotion, and killed
 * before the router resigns. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>
#include <linux/capability.h>

#include "router_priv.h"
#include "service_probe.h"
#include "service_query.h"
#include "vrouter/log.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

struct router_server {
	struct router *r;
	enum service_id id;
	struct service *service;
	struct service_probe *probe;
	uint64_t nonce;
	bool was_down; /* and that was told */
	struct sntp_answer ntp;
};

/* dnsmasq wants CAP_NET_ADMIN for DHCP: it puts a node that has no address yet into the ARP table.
 */
static const struct service_kind kinds[SERVICE_IDS] = {
	[SERVICE_DNS] = {.name = "dns",
			 .program = "dnsmasq",
			 .package = "dnsmasq-base",
			 .user = "dnsmasq",
			 .caps = CAP(NET_BIND_SERVICE),
			 .nonlocal = true,
			 .args = {"--conf-file=" SERVICE_CONFIG, NULL}},
	[SERVICE_NTP] = {.name = "ntp",
			 .program = "chronyd",
			 .package = "chrony",
			 .user = "_chrony",
			 .caps = CAP(NET_BIND_SERVICE),
			 .writes = true,
			 /* never sets the clock; not as root; in the foreground */
			 .args = {"-x", "-U", "-u", "_chrony", "-d", "-f", SERVICE_CONFIG, NULL}},
	[SERVICE_DHCP] = {.name = "dhcp",
			  .program = "dnsmasq",
			  .package = "dnsmasq-base",
			  .user = "dnsmasq",
			  .caps = CAP(NET_BIND_SERVICE) | CAP(NET_RAW) | CAP(NET_ADMIN),
			  .args = {"--conf-file=" SERVICE_CONFIG, NULL}},
};

int router_service_check(enum service_id id, char why[static SERVICE_TEXT_MAX])
{
	char path[SERVICE_PATH_MAX];

	return service_find(path, &kinds[id], why);
}

/* ---- questions --------------------------------------------------------------------------------
 */

struct ip_addr router_services_address(const struct router *r)
{
	static const struct ip_addr loopback = {.family = AF_INET, .b = {127, 0, 0, 1}};
	const struct conf_leg *m = &r->conf.leg[NET_MANAGEMENT];
	const struct ip_prefix *vip = ip_prefix_of_family(m->vip, m->n_vips, AF_INET);

	if (!vip)
		vip = ip_prefix_of_family(m->vip, m->n_vips, AF_INET6);
	return r->services.active && vip ? vip->addr : loopback;
}

static void ask(void *ctx)
{
	struct router_server *s = ctx;
	struct ip_addr to = router_services_address(s->r);
	uint8_t query[SERVICE_QUERY_MAX];
	size_t len;
	int err;

	if (getrandom(&s->nonce, sizeof(s->nonce), GRND_NONBLOCK) != sizeof(s->nonce))
		s->nonce++;
	len = s->id == SERVICE_DNS ? dns_query(query, (uint16_t)s->nonce)
				   : sntp_query(query, s->nonce);
	err = service_probe_ask(s->probe, &to,
				s->id == SERVICE_DNS ? SERVICE_DNS_PORT : SERVICE_NTP_PORT, query,
				len);
	if (err < 0)
		log_debug("router", s->r->conf.name, "%s cannot be asked: %s", kinds[s->id].name,
			  strerror(-err));
}

static void on_answer(void *ctx, const uint8_t *buf, size_t len)
{
	struct router_server *s = ctx;

	if (s->id == SERVICE_DNS ? dns_is_answer(buf, len, (uint16_t)s->nonce)
				 : sntp_parse(&s->ntp, buf, len, s->nonce))
		service_answered(s->service);
}

static void on_state(void *ctx, enum service_state state, const char *why)
{
	struct router_server *s = ctx;
	char text[96];

	if (state == SERVICE_UP && !s->was_down)
		return; /* its first start is no news */
	s->was_down = state == SERVICE_WAITING;
	s->ntp.stratum = 0;
	snprintf(text, sizeof(text), "%s: %s is %s", kinds[s->id].name, kinds[s->id].program,
		 s->was_down ? "down, and started again" : "up again");
	router_happened(s->r, HAPPENING_SERVICE, text, s->was_down ? why : "");
}

/* ---- life -------------------------------------------------------------------------------------
 */

/* DHCP cannot be asked without being a node; that it lives is all that is known of it. */
static const struct service_ops asked = {.ask = ask, .on_state = on_state};
static const struct service_ops unasked = {.on_state = on_state};

static void server_free(struct router_server *s)
{
	if (!s)
		return;
	service_free(s->service);
	service_probe_free(s->probe);
	free(s);
}

static int server_new(struct router *r, enum service_id id)
{
	const struct service_ops *ops = id == SERVICE_DHCP ? &unasked : &asked;
	struct router_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->r = r;
	s->id = id;
	err = service_probe_new(&s->probe, r->env->base, r->ns, on_answer, s);
	if (!err)
		err = service_new(&s->service, &kinds[id], &r->services.env, ops, s);
	if (err < 0) {
		server_free(s);
		return err;
	}
	/* NTP has no address of its own: see put_ntp() */
	if (id == SERVICE_NTP)
		service_can_be_asked(s->service, r->services.active);
	r->services.at[id] = s;
	return 0;
}

static int server_run(struct router *r, enum service_id id)
{
	auto_free char *config = malloc(SERVICE_CONFIG_MAX);

	if (!config)
		return -ENOMEM;
	if (service_config(config, SERVICE_CONFIG_MAX, &r->conf, id) >= SERVICE_CONFIG_MAX)
		return -E2BIG;
	return service_run(r->services.at[id]->service, config);
}

/* As config and role want it. */
static int ensure(struct router *r, enum service_id id)
{
	struct router_services *s = &r->services;
	int err = 0;

	if (!service_is_wanted(&r->conf, id)) {
		server_free(s->at[id]);
		s->at[id] = NULL;
		return 0;
	}
	if (!s->at[id])
		err = server_new(r, id);
	if (err < 0)
		return err;
	if (id != SERVICE_DHCP || s->active)
		return server_run(r, id);
	service_end(s->at[id]->service);
	return 0;
}

int router_services_reconfigure(struct router *r)
{
	int err = 0;

	if (router_vips_pending(r)) /* there is nothing to listen on */
		return 0;
	for (unsigned i = 0; i < SERVICE_IDS && !err; i++)
		err = ensure(r, (enum service_id)i);
	return err;
}

/* A promotion is over. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct router *r = ctx;
	int err = router_services_reconfigure(r);

	(void)fd;
	(void)what;
	if (err < 0)
		log_err("router", r->conf.name, "DNS, NTP, DHCP: %s", strerror(-err));
}

int router_services_open(struct router *r)
{
	r->services.env = (struct service_env){.base = r->env->base,
					       .ns = r->ns,
					       .run_dir = r->env->run_dir,
					       .instance = r->conf.name};
	r->services.timer = evtimer_new(r->env->base, on_timer, r);
	return r->services.timer ? router_services_reconfigure(r) : -ENOMEM;
}

void router_end_services(struct router *r)
{
	for (unsigned i = 0; i < SERVICE_IDS; i++) {
		server_free(r->services.at[i]);
		r->services.at[i] = NULL;
	}
}

void router_services_close(struct router *r)
{
	router_end_services(r);
	if (r->services.timer)
		event_free(r->services.timer);
}

void router_services_role(struct router *r)
{
	struct router_services *s = &r->services;
	bool active = r->life.state == LIFE_ACTIVE || r->life.state == LIFE_DRAINING;

	if (!s->timer || s->active == active)
		return;
	s->active = active;
	if (!active && s->at[SERVICE_DHCP])
		service_end(s->at[SERVICE_DHCP]->service);
	if (s->at[SERVICE_NTP])
		service_can_be_asked(s->at[SERVICE_NTP]->service, active);
	router_arm(s->timer, 0);
}

/* Whoever takes over has the same link-local address, and nodes go on with it. */
void router_services_farewell(struct router *r)
{
	struct net_desired d;

	if (!r->conf.services.ra || router_peer_lives(r) || r->life.state == LIFE_STANDBY ||
	    !r->announcer[NET_MANAGEMENT])
		return;
	conf_net_desired(&d, &r->conf, true);
	for (unsigned i = 0; i < d.leg[NET_MANAGEMENT].n_vips; i++) {
		const struct ip_addr *a = &d.leg[NET_MANAGEMENT].vip[i].addr;

		if (ip_addr_is_link_local(a) &&
		    announcer_farewell(r->announcer[NET_MANAGEMENT], a) < 0)
			log_debug("router", r->conf.name, "nodes are not told that it leaves");
	}
}

bool router_service_view(const struct router *r, enum service_id id,
			 struct router_service_view *out)
{
	const struct router_server *s = r->services.at[id];

	if (!s)
		return false;
	service_view(s->service, &out->service);
	out->stratum = s->ntp.stratum;
	out->synchronised = s->ntp.synchronised;
	return true;
}
