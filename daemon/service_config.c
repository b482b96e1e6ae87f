/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configurations of dnsmasq and chronyd. Each names all that it needs: no file of the machine
 * is read or written, and nothing listens but what is named here. */
#include <stdarg.h>
#include <string.h>

#include "conf_services.h"

struct text {
	char *buf;
	size_t cap, at;
};

static void put(struct text *t, const char *fmt, ...) printf_like(2, 3);

static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at < t->cap ? t->buf + t->at : NULL, t->at < t->cap ? t->cap - t->at : 0,
		      fmt, ap);
	va_end(ap);
	t->at += n > 0 ? (size_t)n : 0;
}

static const struct conf_leg *management(const struct conf_router *r)
{
	return &r->leg[NET_MANAGEMENT];
}

/* A link-local one is of use to neighbours only who give it a scope. */
static bool is_served(const struct ip_prefix *vip)
{
	return !ip_addr_is_link_local(&vip->addr);
}

static const struct ip_prefix *first_vip(const struct conf_router *r, int family)
{
	return ip_prefix_of_family(management(r)->vip, management(r)->n_vips, family);
}

static void put_dnsmasq(struct text *t)
{
	put(t, "# made by vrouterd; it is written anew at each start\n"
	       "keep-in-foreground\n"
	       "log-facility=-\n"
	       "pid-file=\n"
	       "bind-interfaces\n");
}

/* 127.0.0.1 is the namespace's own: the daemon asks there while the VIP is elsewhere. */
static void put_dns(struct text *t, const struct conf_router *r)
{
	char buf[INET6_ADDRSTRLEN];

	put_dnsmasq(t);
	put(t, "no-resolv\nno-hosts\nno-poll\ncache-size=1000\nlisten-address=127.0.0.1\n"
	       "host-record=" SERVICE_ALIVE_NAME "," SERVICE_ALIVE_ADDR "\n");
	for (unsigned i = 0; i < management(r)->n_vips; i++)
		if (is_served(&management(r)->vip[i]))
			put(t, "listen-address=%s\n",
			    ip_addr_format(&management(r)->vip[i].addr, buf));
	for (unsigned i = 0; i < r->services.n_dns; i++)
		put(t, "server=%s\n", ip_addr_format(&r->services.dns[i], buf));
}

/* chronyd binds one address of each IP version, whether it is there or not; without one it would
 * listen everywhere. Upstreams that could not be reached before a promotion are asked again within
 * 2^6 seconds; until then it serves the machine's clock. */
static void put_ntp(struct text *t, const struct conf_router *r)
{
	const struct ip_prefix *v4 = first_vip(r, AF_INET), *v6 = first_vip(r, AF_INET6);
	char buf[INET6_ADDRSTRLEN];

	put(t, "# made by vrouterd; it is written anew at each start\n"
	       "cmdport 0\nbindcmdaddress /\npidfile pid\nallow all\nlocal stratum 10\n");
	put(t, "bindaddress %s\n", v4 ? ip_addr_format(&v4->addr, buf) : "127.0.0.1");
	put(t, "bindaddress %s\n", v6 ? ip_addr_format(&v6->addr, buf) : "::1");
	for (unsigned i = 0; i < r->services.n_ntp; i++)
		put(t, "server %s iburst maxpoll 6\n", ip_addr_format(&r->services.ntp[i], buf));
}

static const char *mask_of(unsigned len, char buf[static INET6_ADDRSTRLEN])
{
	uint32_t mask = len ? UINT32_MAX << (32 - len) : 0;

	snprintf(buf, INET6_ADDRSTRLEN, "%u.%u.%u.%u", mask >> 24, mask >> 16 & 255,
		 mask >> 8 & 255, mask & 255);
	return buf;
}

/* Leases are in memory only: see docs/nodes.md. */
static void put_range(struct text *t, const struct conf_router *r)
{
	const struct conf_services *s = &r->services;
	const struct ip_prefix *vip =
		ip_prefix_around(management(r)->vip, management(r)->n_vips, &s->dhcp.first);
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];

	if (!s->dhcp.first.family || !vip)
		return;
	put(t, "leasefile-ro\ndhcp-authoritative\ndhcp-range=%s,%s,%s,%u\n",
	    ip_addr_format(&s->dhcp.first, a), ip_addr_format(&s->dhcp.last, b),
	    mask_of(vip->len, mask), s->lease_s);
	ip_addr_format(&vip->addr, a);
	put(t, "dhcp-option=option:router,%s\n", a);
	if (s->n_dns)
		put(t, "dhcp-option=option:dns-server,%s\n", a);
	if (s->n_ntp)
		put(t, "dhcp-option=option:ntp-server,%s\n",
		    ip_addr_format(&first_vip(r, AF_INET)->addr, b));
}

/* The link-local address that they come from is the leg's only one: the VIPs' own, or the one that
 * moves with them. */
static void put_ra(struct text *t, const struct conf_router *r)
{
	const struct conf_leg *m = management(r);
	char buf[INET6_ADDRSTRLEN];

	if (!r->services.ra)
		return;
	put(t, "enable-ra\nquiet-ra\nra-param=%s,200,1800\n", m->interface);
	for (unsigned i = 0; i < m->n_vips; i++) {
		struct ip_addr net = m->vip[i].addr;

		if (net.family != AF_INET6 || !is_served(&m->vip[i]))
			continue;
		memset(net.b + 8, 0, 8);
		put(t, "dhcp-range=%s,ra-only,64,86400\n", ip_addr_format(&net, buf));
	}
	if (r->services.n_dns)
		put(t, "dhcp-option=option6:dns-server,[%s]\n",
		    ip_addr_format(&first_vip(r, AF_INET6)->addr, buf));
}

static void put_dhcp(struct text *t, const struct conf_router *r)
{
	put_dnsmasq(t);
	put(t, "port=0\ninterface=%s\nexcept-interface=lo\n", management(r)->interface);
	put_range(t, r);
	put_ra(t, r);
}

size_t service_config(char *buf, size_t cap, const struct conf_router *r, enum service_id id)
{
	struct text t = {.buf = buf, .cap = cap};

	switch (id) {
	case SERVICE_DNS:
		put_dns(&t, r);
		break;
	case SERVICE_NTP:
		put_ntp(&t, r);
		break;
	case SERVICE_DHCP:
		put_dhcp(&t, r);
		break;
	case SERVICE_IDS:
		break;
	}
	return t.at;
}
