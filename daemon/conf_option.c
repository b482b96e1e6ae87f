/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf_option.h"

#include <stddef.h>
#include <string.h>

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define LIST_OF(type, member)                                                                      \
	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member[0])
#define LINE_AT(type, member) .line_offset = offsetof(type, member)

static const char *const words_protocol[] = {"native", NULL};
static const char *const words_security[] = {"none", "sealed", NULL}; /* = conf_sync.sealed */
static const char *const words_nat[] = {"none", "snat", "masquerade", NULL}; /* = enum net_nat */
static const char *const words_mode[] = {"vrrp", "external", "single", NULL};

/* As in enum tcp_conntrack, from 1 on. */
static const char *const words_tcp_state[] = {"SYN_SENT",   "SYN_RECV", "ESTABLISHED", "FIN_WAIT",
					      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",   "CLOSE",
					      "SYN_SENT2",  NULL};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	    {"udplite", IPPROTO_UDPLITE},
	{"icmp", IPPROTO_ICMP}, {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP},
	{"dccp", IPPROTO_DCCP}, {"gre", IPPROTO_GRE},
};

#define NO_SERVICES "this version does not run DNS and NTP servers in the router; remove the option"

static const struct conf_option controller_options[] = {
	{.name = "run-dir", .type = CONF_T_PATH, AT(struct conf, controller.run_dir)},
	{.name = "control-socket", .type = CONF_T_PATH, AT(struct conf, controller.control_socket)},
	{.name = "realtime", .type = CONF_T_BOOL, AT(struct conf, controller.realtime)},
};

static const struct conf_option filter_options[] = {
	{.name = "protocols",
	 .type = CONF_T_PROTOCOL,
	 .list_max = CONF_PROTOCOLS_MAX,
	 LIST_OF(struct conf_filter, protocol),
	 .count_offset = offsetof(struct conf_filter, n_protocols)},
	{.name = "ignore-protocols",
	 .type = CONF_T_PROTOCOL,
	 .list_max = CONF_PROTOCOLS_MAX,
	 LIST_OF(struct conf_filter, ignored_protocol),
	 .count_offset = offsetof(struct conf_filter, n_ignored_protocols),
	 LINE_AT(struct conf_filter, ignored_protocols_line)},
	{.name = "addresses",
	 .type = CONF_T_NET,
	 .list_max = FILTER_NETS_MAX,
	 LIST_OF(struct conf_filter, address),
	 .count_offset = offsetof(struct conf_filter, n_addresses)},
	{.name = "ignore-addresses",
	 .type = CONF_T_NET,
	 .list_max = FILTER_NETS_MAX,
	 LIST_OF(struct conf_filter, ignored_address),
	 .count_offset = offsetof(struct conf_filter, n_ignored_addresses)},
	{.name = "tcp-states",
	 .type = CONF_T_WORD,
	 .list_max = CONF_TCP_STATES,
	 LIST_OF(struct conf_filter, tcp_state),
	 .count_offset = offsetof(struct conf_filter, n_tcp_states),
	 LINE_AT(struct conf_filter, tcp_states_line),
	 .words = words_tcp_state},
	{.name = "assured", .type = CONF_T_BOOL, AT(struct conf_filter, assured)},
};

#define FILTER_OF(type)                                                                            \
	{                                                                                          \
		.name = "filter", .option = filter_options,                                        \
		.n_options = ARRAY_LEN(filter_options), .offset = offsetof(type, filter),          \
		LINE_AT(struct conf_filter, line)                                                  \
	}
static const struct conf_section sync_subs[] = {FILTER_OF(struct conf_sync)};

static const struct conf_option sync_options[] = {
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 .required = true,
	 .list_max = SYNC_LINKS_MAX,
	 LIST_OF(struct conf_sync, interface),
	 .count_offset = offsetof(struct conf_sync, n_interfaces),
	 LINE_AT(struct conf_sync, interface_line)},
	{.name = "group",
	 .type = CONF_T_GROUP,
	 AT(struct conf_sync, group),
	 LINE_AT(struct conf_sync, group_line)},
	{.name = "peers",
	 .type = CONF_T_PEER,
	 .list_max = SYNC_UNICAST_MAX,
	 LIST_OF(struct conf_sync, peer),
	 .count_offset = offsetof(struct conf_sync, n_peers),
	 LINE_AT(struct conf_sync, peers_line)},
	{.name = "port", .type = CONF_T_NUMBER, AT(struct conf_sync, port), .min = 1, .max = 65535},
	/* one word so far: checked, and there is nothing to keep */
	{.name = "protocol", .type = CONF_T_WORD, .words = words_protocol},
	{.name = "security",
	 .type = CONF_T_WORD,
	 AT(struct conf_sync, sealed),
	 .words = words_security},
	{.name = "key-file",
	 .type = CONF_T_PATH,
	 AT(struct conf_sync, key_file),
	 LINE_AT(struct conf_sync, key_file_line)},
	{.name = "ring",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_sync, ring_kb),
	 .min = 64,
	 .max = 1048576,
	 .unit = "KiB"},
	{.name = "hold-new",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_sync, hold_new_ms),
	 .max = 60000,
	 .unit = "ms"},
};

/* The public leg alone has the last one, the way out; it is kept in the router. */
#define IN_PUBLIC(member)                                                                          \
	(offsetof(struct conf_router, member) - offsetof(struct conf_router, leg[1]))
static const struct conf_option leg_options[] = {
	{.name = "attach",
	 .type = CONF_T_BRIDGE,
	 .required = true,
	 AT(struct conf_leg, bridge),
	 LINE_AT(struct conf_leg, attach_line)},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 .required = true,
	 AT(struct conf_leg, interface),
	 LINE_AT(struct conf_leg, interface_line)},
	{.name = "vip",
	 .type = CONF_T_PREFIX,
	 .required = true,
	 AT(struct conf_leg, vip),
	 LINE_AT(struct conf_leg, vip_line)},
	{.name = "gateway",
	 .type = CONF_T_ADDR,
	 .offset = IN_PUBLIC(gateway),
	 .size = sizeof(struct ip_addr),
	 .line_offset = IN_PUBLIC(gateway_line)},
};

static const struct conf_option nat_options[] = {
	{.name = "mode", .type = CONF_T_WORD, AT(struct conf_router, nat), .words = words_nat},
	{.name = "random", .type = CONF_T_BOOL, AT(struct conf_router, nat_random)},
};

static const struct conf_option election_options[] = {
	{.name = "mode",
	 .type = CONF_T_WORD,
	 AT(struct conf_router, election.mode),
	 LINE_AT(struct conf_router, election.mode_line),
	 .words = words_mode},
	{.name = "interface",
	 .type = CONF_T_IFNAME,
	 AT(struct conf_router, election.interface),
	 LINE_AT(struct conf_router, election.interface_line)},
	{.name = "vrid",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.vrid),
	 LINE_AT(struct conf_router, election.vrid_line),
	 .min = 1,
	 .max = 255},
	{.name = "priority",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.priority),
	 .min = 2,
	 .max = 253},
	{.name = "advert-interval",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, election.advert_interval_ms),
	 LINE_AT(struct conf_router, election.advert_line),
	 .min = 10,
	 .max = 40950,
	 .unit = "ms, a multiple of 10"},
	{.name = "preempt", .type = CONF_T_BOOL, AT(struct conf_router, election.preempt)},
};

static const struct conf_option router_options[] = {
	{.name = "namespace",
	 .type = CONF_T_NAME,
	 AT(struct conf_router, namespace),
	 LINE_AT(struct conf_router, namespace_line)},
	{.name = "sync-hold",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, sync_hold_s),
	 .max = 3600,
	 .unit = "s"},
	{.name = "drain",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, drain_ms),
	 .max = 60000,
	 .unit = "ms"},
	{.name = "linger",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, linger_ms),
	 .max = 60000,
	 .unit = "ms"},
	{.name = "announce-refresh",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, announce_refresh_s),
	 .max = 3600,
	 .unit = "s"},
	{.name = "on-role-change", .type = CONF_T_PATH, AT(struct conf_router, on_role_change)},
	{.name = "on-role-change-timeout",
	 .type = CONF_T_NUMBER,
	 AT(struct conf_router, on_role_change_timeout_s),
	 .min = 1,
	 .max = 600,
	 .unit = "s"},
	{.name = "dns-servers", .type = CONF_T_UNSUPPORTED, .list_max = 1, .refusal = NO_SERVICES},
	{.name = "ntp-servers", .type = CONF_T_UNSUPPORTED, .list_max = 1, .refusal = NO_SERVICES},
};

static const struct conf_section router_subs[] = {
	{.name = "management",
	 .required = true,
	 .option = leg_options,
	 .n_options = ARRAY_LEN(leg_options) - 1,
	 .offset = offsetof(struct conf_router, leg[NET_MANAGEMENT]),
	 LINE_AT(struct conf_leg, line)},
	{.name = "public",
	 .required = true,
	 .option = leg_options,
	 .n_options = ARRAY_LEN(leg_options),
	 .offset = offsetof(struct conf_router, leg[NET_PUBLIC]),
	 LINE_AT(struct conf_leg, line)},
	{.name = "nat", .option = nat_options, .n_options = ARRAY_LEN(nat_options)},
	{.name = "election",
	 .option = election_options,
	 .n_options = ARRAY_LEN(election_options),
	 LINE_AT(struct conf_router, election.line)},
	FILTER_OF(struct conf_router),
};

const struct conf_section conf_sections[CONF_SECS] = {
	[CONF_SEC_CONTROLLER] = {.name = "controller",
				 .titled = true,
				 .required = true,
				 .option = controller_options,
				 .n_options = ARRAY_LEN(controller_options),
				 LINE_AT(struct conf, controller.line)},
	[CONF_SEC_SYNC] = {.name = "sync",
			   .option = sync_options,
			   .n_options = ARRAY_LEN(sync_options),
			   .sub = sync_subs,
			   .n_subs = ARRAY_LEN(sync_subs),
			   .offset = offsetof(struct conf, sync),
			   LINE_AT(struct conf_sync, line)},
	[CONF_SEC_ROUTER] = {.name = "router",
			     .titled = true,
			     .required = true,
			     .option = router_options,
			     .n_options = ARRAY_LEN(router_options),
			     .sub = router_subs,
			     .n_subs = ARRAY_LEN(router_subs),
			     LINE_AT(struct conf_router, line)},
};

void conf_defaults(struct conf *c)
{
	strcpy(c->controller.run_dir, "/run/vrouterd");
	c->controller.realtime = true;
	c->sync.port = 3781;
	c->sync.sealed = true;
	c->sync.ring_kb = 2048;
}

void conf_router_defaults(struct conf_router *r)
{
	r->nat = NET_NAT_SNAT;
	r->election.mode = CONF_ELECTION_VRRP;
	r->election.priority = 100;
	r->election.advert_interval_ms = 100;
	r->election.preempt = true;
	r->sync_hold_s = 30;
	r->drain_ms = 500;
	r->linger_ms = 1000;
	r->announce_refresh_s = 30;
	r->on_role_change_timeout_s = 10;
}

static bool chars_ok(const char *s, const char *more)
{
	for (; *s; s++) {
		bool alnum = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			     (*s >= '0' && *s <= '9');

		if (!alnum && !strchr(more, *s))
			return false;
	}
	return true;
}

bool conf_name_ok(const char *name)
{
	return *name && strlen(name) < CONF_NAME_MAX && *name != '-' && *name != '.' &&
	       chars_ok(name, "._-");
}

bool conf_ifname_ok(const char *name)
{
	return *name && strlen(name) < IFNAMSIZ && *name != '-' && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && chars_ok(name, "._-@");
}

static size_t add_words(const struct conf_option *o, char *buf, size_t cap, size_t at)
{
	for (unsigned i = 0; o->words[i] && at < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s\"%s\"", i ? ", " : "", o->words[i]);
	return at;
}

static void add_protocols(char *buf, size_t cap)
{
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(protocols) && at < cap; i++)
		at += (size_t)snprintf(buf + at, cap - at, "\"%s\", ", protocols[i].name);
	if (at < cap)
		snprintf(buf + at, cap - at, "a number from 1 to 255");
}

const char *conf_option_allowed(const struct conf_option *o, char *buf, size_t cap)
{
	switch (o->type) {
	case CONF_T_NAME:
		snprintf(buf, cap, "1 to %d letters, digits, '.', '_' or '-', not first '.' or '-'",
			 CONF_NAME_MAX - 1);
		break;
	case CONF_T_IFNAME:
		snprintf(buf, cap, "an interface name of 1 to %d letters, digits, '.', '_' or '-'",
			 IFNAMSIZ - 1);
		break;
	case CONF_T_BRIDGE:
		snprintf(buf, cap, "\"bridge:NAME\", the name of a Linux bridge");
		break;
	case CONF_T_PATH:
		snprintf(buf, cap, "an absolute path of at most %d characters", CONF_PATH_MAX - 1);
		break;
	case CONF_T_NUMBER:
		snprintf(buf, cap, "a number from %u to %u%s%s%s", o->min, o->max,
			 o->unit ? " (" : "", o->unit ? o->unit : "", o->unit ? ")" : "");
		break;
	case CONF_T_BOOL:
		snprintf(buf, cap, "true, false");
		break;
	case CONF_T_WORD:
		add_words(o, buf, cap, 0);
		break;
	case CONF_T_ADDR:
		snprintf(buf, cap, "an IPv4 address like \"192.0.2.1\"");
		break;
	case CONF_T_GROUP:
		snprintf(buf, cap, "an address like \"239.255.77.1\" or \"ff02::77\"");
		break;
	case CONF_T_PEER:
		snprintf(buf, cap,
			 "an address like \"192.0.2.1\", \"2001:db8::1\" or \"fe80::1%%eth0\"");
		break;
	case CONF_T_PREFIX:
		snprintf(buf, cap, "an IPv4 address with prefix length like \"192.0.2.1/24\"");
		break;
	case CONF_T_PROTOCOL:
		add_protocols(buf, cap);
		break;
	case CONF_T_NET:
		snprintf(buf, cap,
			 "an address or network like \"192.0.2.1\", \"192.0.2.0/24\" or "
			 "\"2001:db8::/32\"");
		break;
	case CONF_T_UNSUPPORTED:
		snprintf(buf, cap, "nothing in this version");
		break;
	}
	return buf;
}

static const char *set_string(const struct conf_option *o, char *to, const char *text, bool ok)
{
	if (!ok || strlen(text) >= o->size)
		return "is not allowed";
	memset(to, 0, o->size);
	memcpy(to, text, strlen(text));
	return NULL;
}

static const char *set_bridge(const struct conf_option *o, char *to, const char *text)
{
	if (strncmp(text, "ovs:", 4) == 0)
		return "Open vSwitch (ovs:) is not supported yet";
	if (strncmp(text, "macvlan:", 8) == 0)
		return "macvlan: is not supported yet";
	if (strncmp(text, "bridge:", 7) != 0)
		return "is not allowed";
	return set_string(o, to, text + 7, conf_ifname_ok(text + 7));
}

static const char *set_number(const struct conf_option *o, void *to, const char *text)
{
	unsigned v = 0;

	if (!*text || strlen(text) > 9)
		return *text ? "is out of range" : "is not a number";
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return "is not a number";
		v = v * 10 + (unsigned)(*text - '0');
	}
	if (v < o->min || v > o->max)
		return "is out of range";
	memcpy(to, &v, sizeof(v));
	return NULL;
}

static const char *set_bool(void *to, const char *text)
{
	bool on = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0;
	bool off =
		strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "off") == 0;

	if (!on && !off)
		return "is not a boolean";
	memcpy(to, &on, sizeof(on));
	return NULL;
}

static const char *set_word(const struct conf_option *o, void *to, const char *text)
{
	for (unsigned i = 0; o->words[i]; i++) {
		bool flag = i != 0;

		if (strcmp(o->words[i], text) != 0)
			continue;
		if (o->size == sizeof(bool))
			memcpy(to, &flag, sizeof(flag));
		else if (o->size)
			memcpy(to, &i, sizeof(i));
		return NULL;
	}
	return "is not allowed";
}

static const char *no_ipv6(const struct ip_addr *a)
{
	return a->family == AF_INET6 ? "IPv6 is not supported yet" : NULL;
}

static const char *set_addr(void *to, const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(&a, text) < 0)
		return "is not an address";
	if (no_ipv6(&a))
		return no_ipv6(&a);
	memcpy(to, &a, sizeof(a));
	return NULL;
}

static const char *set_group(void *to, const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(&a, text) < 0)
		return "is not an address";
	memcpy(to, &a, sizeof(a));
	return NULL;
}

static const char *set_peer(void *to, const char *text)
{
	size_t len = strcspn(text, "%");
	struct sync_peer_addr p = {.interface = ""};
	char addr[INET6_ADDRSTRLEN];

	if (len >= sizeof(addr))
		return "is not an address";
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (ip_addr_parse(&p.addr, addr) < 0)
		return "is not an address";
	if (text[len] && !conf_ifname_ok(text + len + 1))
		return "names no interface after %";
	if (text[len])
		memcpy(p.interface, text + len + 1, strlen(text + len + 1));
	memcpy(to, &p, sizeof(p));
	return NULL;
}

static const char *set_prefix(void *to, const char *text)
{
	struct ip_prefix p;

	if (ip_prefix_parse(&p, text) < 0)
		return "is not an address with prefix length";
	if (no_ipv6(&p.addr))
		return no_ipv6(&p.addr);
	memcpy(to, &p, sizeof(p));
	return NULL;
}

static const char *set_protocol(void *to, const char *text)
{
	const struct conf_option number = {.min = 1, .max = 255};
	const char *why;
	unsigned v = 0;
	uint8_t proto;

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strcmp(protocols[i].name, text) == 0)
			v = protocols[i].number;
	why = v ? NULL : set_number(&number, &v, text);
	if (why)
		return *text >= '0' && *text <= '9' ? why : "is no protocol";
	proto = (uint8_t)v;
	memcpy(to, &proto, sizeof(proto));
	return NULL;
}

static const char *set_net(void *to, const char *text)
{
	struct ip_prefix p = {.len = 0};

	if (ip_addr_parse(&p.addr, text) == 0)
		p.len = p.addr.family == AF_INET ? 32 : 128;
	else if (ip_prefix_parse(&p, text) < 0)
		return "is no address or network";
	memcpy(to, &p, sizeof(p));
	return NULL;
}

const char *conf_option_set(const struct conf_option *o, void *base, unsigned index,
			    const char *text)
{
	char *to = (char *)base + o->offset + index * o->size;

	switch (o->type) {
	case CONF_T_NAME:
		return set_string(o, to, text, conf_name_ok(text));
	case CONF_T_IFNAME:
		return set_string(o, to, text, conf_ifname_ok(text));
	case CONF_T_BRIDGE:
		return set_bridge(o, to, text);
	case CONF_T_PATH:
		return set_string(o, to, text, *text == '/' && text[1]);
	case CONF_T_NUMBER:
		return set_number(o, to, text);
	case CONF_T_BOOL:
		return set_bool(to, text);
	case CONF_T_WORD:
		return set_word(o, to, text);
	case CONF_T_ADDR:
		return set_addr(to, text);
	case CONF_T_GROUP:
		return set_group(to, text);
	case CONF_T_PEER:
		return set_peer(to, text);
	case CONF_T_PREFIX:
		return set_prefix(to, text);
	case CONF_T_PROTOCOL:
		return set_protocol(to, text);
	case CONF_T_NET:
		return set_net(to, text);
	case CONF_T_UNSUPPORTED:
		return o->refusal;
	}
	return "is not allowed";
}
