/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctd_write.h"

#include <errno.h>
#include <string.h>

#define HASH_SIZE  65536u
#define HASH_LIMIT 4194304u /* what is beyond is not replicated, silently */
#define BUFFER	   24985600u
/* s: a flow that is not told again is forgotten, as a replica of ours does it */
#define CACHE_REFRESHES 4
#define CACHE_MIN	180
#define NETLINK		16777216u
#define GROWTH		67108864u

void ctd_link_name(char out[static IFNAMSIZ], unsigned i)
{
	snprintf(out, IFNAMSIZ, "ctd%u", i);
}

/* FNV-1a, folded to 16 bits; neither the network's first nor its last address. */
void ctd_link_address(struct ip_prefix *out, const char *controller, const char *router)
{
	uint32_t h = 2166136261u;

	for (const char *p = controller; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	h = (h ^ '/') * 16777619u;
	for (const char *p = router; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	h = (h >> 16 ^ h) & 0xffff;
	*out = (struct ip_prefix){.addr = {.family = AF_INET, .b = {169, 254}}, .len = 16};
	out->addr.b[2] = (uint8_t)(1 + (h >> 8) % 254);
	out->addr.b[3] = (uint8_t)(1 + (h & 0xff) % 254);
}

/* ---- filter ---------------------------------------------------------------------------------- */

/* The names that its parser looks up in /etc/protocols. */
static const char *protocol_name(uint8_t number)
{
	static const struct {
		uint8_t number;
		const char *name;
	} row[] = {{IPPROTO_TCP, "TCP"},	  {IPPROTO_UDP, "UDP"},	  {IPPROTO_ICMP, "ICMP"},
		   {IPPROTO_ICMPV6, "IPv6-ICMP"}, {IPPROTO_SCTP, "SCTP"}, {IPPROTO_DCCP, "DCCP"},
		   {IPPROTO_UDPLITE, "udplite"},  {IPPROTO_GRE, "gre"}};

	for (unsigned i = 0; i < ARRAY_LEN(row); i++)
		if (row[i].number == number)
			return row[i].name;
	return NULL;
}

static bool names_all(const uint8_t *protocol, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!protocol_name(protocol[i]))
			return false;
	return true;
}

const char *ctd_filter_lacks(const struct conf_filter *f)
{
	if (f->assured)
		return "assured: conntrackd has no such filter";
	if (f->n_addresses && f->n_ignored_addresses)
		return "addresses and ignore-addresses: conntrackd has one of them";
	if (!names_all(f->protocol, f->n_protocols) ||
	    !names_all(f->ignored_protocol, f->n_ignored_protocols))
		return "protocols by number: conntrackd takes names only";
	return NULL;
}

static void put_protocols(struct txt *out, const char *policy, const uint8_t *p, unsigned n)
{
	if (!n)
		return;
	txt_add(out, "        Protocol %s {", policy);
	for (unsigned i = 0; i < n; i++)
		txt_add(out, " %s", protocol_name(p[i]));
	txt_add(out, " }\n");
}

static void put_net(struct txt *out, const struct ip_prefix *p)
{
	bool v4 = p->addr.family == AF_INET, host = p->len == (v4 ? 32 : 128);
	char net[IP_PREFIX_STRLEN], addr[INET6_ADDRSTRLEN];

	txt_add(out, "            %s %s\n", v4 ? "IPv4_address" : "IPv6_address",
		host ? ip_addr_format(&p->addr, addr) : ip_prefix_format(p, net));
}

static void put_address(struct txt *out, const struct ip_addr *a)
{
	put_net(out, &(struct ip_prefix){.addr = *a, .len = a->family == AF_INET ? 32 : 128});
}

#define LINKS                                                                                      \
	"169.254.0.0/16" /* what links between two machines have when nobody gave them any         \
			  */

static bool is_links(const struct ip_addr *a)
{
	struct ip_prefix net;

	return ip_prefix_parse(&net, LINKS) == 0 && ip_prefix_contains(&net, a);
}

/* Its own: loopback, the links between the controllers, the VIPs. It looks at the real source of
 * either direction, so what is translated to a VIP is not meant by it. */
static void put_own(struct txt *out, const struct conf_router *r, const struct ctd_write *w)
{
	txt_add(out, "            IPv4_address 127.0.0.0/8\n            IPv6_address ::1\n"
		     "            IPv4_address " LINKS "\n");
	for (unsigned i = 0; i < w->sync->n_interfaces; i++)
		if (w->link[i].own.family && !is_links(&w->link[i].own))
			put_address(out, &w->link[i].own);
	for (unsigned i = 0; i < w->sync->n_peers; i++)
		put_address(out, &w->sync->peer[i].addr);
	for (unsigned leg = 0; leg < conf_legs(r); leg++)
		for (unsigned i = 0; i < r->leg[leg].n_vips; i++)
			put_address(out, &r->leg[leg].vip[i].addr);
}

static void put_addresses(struct txt *out, const struct conf_filter *f, const struct ctd_write *w)
{
	bool accept = f->n_addresses > 0;

	txt_add(out, "        Address %s {\n", accept ? "Accept" : "Ignore");
	for (unsigned i = 0; i < f->n_addresses; i++)
		put_net(out, &f->address[i]);
	for (unsigned i = 0; i < f->n_ignored_addresses; i++)
		put_net(out, &f->ignored_address[i]);
	if (!accept)
		put_own(out, w->router, w);
	txt_add(out, "        }\n");
}

static void put_states(struct txt *out, const struct conf_filter *f)
{
	static const char *const name[CONF_TCP_STATES] = {
		"SYN_SENT", "SYN_RECV",	 "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT",
		"LAST_ACK", "TIME_WAIT", "CLOSED",	"LISTEN",
	};

	if (!f->n_tcp_states)
		return;
	txt_add(out, "        State Accept {");
	for (unsigned i = 0; i < f->n_tcp_states; i++)
		txt_add(out, " %s", name[f->tcp_state[i]]);
	txt_add(out, " for TCP }\n");
}

/* ---- mode and links
 * ----------------------------------------------------------------------------------- */

static void put_ends(struct txt *out, const struct ctd_write *w, unsigned i)
{
	txt_add(out,
		"        Interface %s\n        SndSocketBuffer %u\n        RcvSocketBuffer %u\n"
		"        Checksum %s\n    }\n",
		w->link[i].interface, BUFFER, BUFFER, w->sync->checksum ? "on" : "off");
}

/* Native has no modes, and then this is conntrackd's best. */
static void put_mode(struct txt *out, const struct conf_sync *s)
{
	static const char *const name[] = {[CTD_MODE_FTFW] = "FTFW",
					   [CTD_MODE_NOTRACK] = "NOTRACK",
					   [CTD_MODE_ALARM] = "ALARM"};
	unsigned cache = s->refresh_s * CACHE_REFRESHES;

	txt_add(out, "Sync {\n    Mode %s {\n", name[s->mode]);
	if (s->mode == CTD_MODE_ALARM)
		txt_add(out, "        RefreshTime %u\n        CacheTimeout %u\n", s->refresh_s,
			cache > CACHE_MIN ? cache : CACHE_MIN);
	else
		txt_add(out, "        DisableExternalCache off\n");
	txt_add(out, "    }\n");
}

/* Each link has a port of its own: there is one socket for each, and all would hear all. */
static unsigned port_of(const struct conf_sync *s, unsigned i)
{
	return s->conntrackd ? conf_sync_port(s, i) : s->port + i;
}

static int put_multicast(struct txt *out, const struct ctd_write *w, unsigned i, char *why)
{
	const struct ip_addr to = conf_sync_group(w->sync, i);
	bool v4 = to.family == AF_INET;
	char group[INET6_ADDRSTRLEN], own[INET6_ADDRSTRLEN];

	if (v4 && w->link[i].own.family != AF_INET) {
		snprintf(why, CTD_WHY_MAX, "this controller's IPv4 address on %s is not known",
			 w->link[i].interface);
		return -EINVAL;
	}
	txt_add(out, "    Multicast%s {\n        %s %s\n        Group %u\n", i ? "" : " Default",
		v4 ? "IPv4_address" : "IPv6_address", ip_addr_format(&to, group),
		port_of(w->sync, i));
	if (v4)
		txt_add(out, "        IPv4_interface %s\n", ip_addr_format(&w->link[i].own, own));
	put_ends(out, w, i);
	return 0;
}

/* The one other controller on link i; NULL: none, or *many of them. */
static const struct ip_addr *other(const struct ctd_write *w, unsigned i, bool *many)
{
	const struct ip_addr *found = NULL;

	*many = false;
	for (unsigned k = 0; k < w->sync->n_peers; k++) {
		const struct sync_peer_addr *p = &w->sync->peer[k];
		bool here =
			p->interface[0] ? strcmp(p->interface, w->sync->interface[i]) == 0 : i == 0;

		if (!here || ip_addr_equal(&p->addr, &w->link[i].own))
			continue;
		*many = found != NULL;
		found = &p->addr;
	}
	return *many ? NULL : found;
}

static int put_unicast(struct txt *out, const struct ctd_write *w, unsigned i, char *why)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	bool many;
	const struct ip_addr *to = other(w, i, &many), *own = &w->link[i].own;
	int v = to && to->family == AF_INET6 ? 6 : 4;

	if (!to || own->family != to->family) {
		snprintf(why, CTD_WHY_MAX, "%s: %s", w->link[i].interface,
			 many ? "conntrackd by unicast has one other controller, no more"
			 : to ? "this controller's address is not known"
			      : "there is no other controller among the peers");
		return -EINVAL;
	}
	txt_add(out,
		"    %s%s {\n        IPv%d_address %s\n        IPv%d_Destination_Address %s\n"
		"        Port %u\n",
		w->sync->tcp ? "TCP" : "UDP", i ? "" : " Default", v, ip_addr_format(own, a), v,
		ip_addr_format(to, b), port_of(w->sync, i));
	put_ends(out, w, i);
	return 0;
}

int ctd_write(struct txt *out, const struct ctd_write *w, char why[static CTD_WHY_MAX])
{
	const struct conf_filter *f = &w->router->filter;
	const char *lacks = ctd_filter_lacks(f);
	int err = lacks ? -EINVAL : 0;

	snprintf(why, CTD_WHY_MAX, "filter: %s", lacks ? lacks : "");
	txt_add(out, "# Made by vrouterctl export for the router \"%s\".\n", w->router->name);
	put_mode(out, w->sync);
	for (unsigned i = 0; !err && i < w->sync->n_interfaces; i++)
		err = w->sync->group.family ? put_multicast(out, w, i, why)
					    : put_unicast(out, w, i, why);
	txt_add(out,
		"    Options {\n        ExpectationSync on\n    }\n}\n"
		"General {\n    HashSize %u\n    HashLimit %u\n    LogFile off\n    Syslog off\n"
		"    LockFile %s/lock\n    UNIX {\n        Path %s/ctl\n    }\n"
		"    NetlinkBufferSize %u\n    NetlinkBufferSizeMaxGrowth %u\n"
		"    NetlinkOverrunResync on\n    Filter From Userspace {\n",
		HASH_SIZE, HASH_LIMIT, w->dir, w->dir, NETLINK, GROWTH);
	put_protocols(out, "Accept", f->protocol, f->n_protocols);
	put_protocols(out, "Ignore", f->ignored_protocol, f->n_ignored_protocols);
	put_addresses(out, f, w);
	put_states(out, f);
	txt_add(out, "    }\n}\n");
	if (!err && out->failed) {
		snprintf(why, CTD_WHY_MAX, "out of memory");
		err = -EINVAL;
	}
	return err;
}
