/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a value of each type may be, and how it gets from text into a struct. */
#include "conf_option.h"

#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	    {"udplite", IPPROTO_UDPLITE},
	{"icmp", IPPROTO_ICMP}, {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP},
	{"dccp", IPPROTO_DCCP}, {"gre", IPPROTO_GRE},
};

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

/* Of types that are the same for every option. */
static const char *allowed_fixed(enum conf_type type)
{
	switch (type) {
	case CONF_T_ADDR:
		return "an address like \"192.0.2.1\" or \"2001:db8::1\"";
	case CONF_T_GROUP:
		return "an address like \"239.255.77.1\" or \"ff02::77\"";
	case CONF_T_PEER:
		return "an address like \"192.0.2.1\", \"2001:db8::1\" or \"fe80::1%eth0\"";
	case CONF_T_PREFIX:
		return "an address with prefix length like \"192.0.2.1/24\" or "
		       "\"2001:db8::1/64\"";
	case CONF_T_VIP:
		return "an address with prefix length like \"192.0.2.1/24\" or "
		       "\"2001:db8::1/64\", or \"auto\"";
	case CONF_T_VIP_RANGE:
		return "addresses of one network, at most 65536, like "
		       "\"192.0.2.10-192.0.2.99/24\" or \"2001:db8::10-2001:db8::99/64\"";
	case CONF_T_NET:
		return "an address or network like \"192.0.2.1\", \"192.0.2.0/24\" or "
		       "\"2001:db8::/32\"";
	case CONF_T_DHCP:
		return "two IPv4 addresses like \"192.0.2.100-192.0.2.199\"";
	case CONF_T_ROUTE:
		return "a route like \"192.0.2.0/24 via 198.51.100.1\" or \"default via "
		       "198.51.100.2 from 203.0.113.0/24\"";
	case CONF_T_ATTACH:
		return "\"bridge:NAME\", a Linux bridge, \"macvlan:NAME\", an interface, or "
		       "\"ovs:NAME\", a bridge of Open vSwitch";
	case CONF_T_BOOL:
		return "true, false";
	case CONF_T_NAME:
	case CONF_T_IFNAME:
	case CONF_T_PATH:
	case CONF_T_NUMBER:
	case CONF_T_WORD:
	case CONF_T_PROTOCOL:
	case CONF_T_WEIGHT:
	case CONF_T_TEXT:
	case CONF_T_PROCESS:
		break;
	case CONF_T_RANGE:
	case CONF_T_PORTS:
	case CONF_T_TARGET:
	case CONF_T_MSS:
		return conf_nat_allowed(type);
	}
	return "nothing in this version";
}

static void allowed_number(const struct conf_option *o, char *buf, size_t cap)
{
	int at = snprintf(buf, cap, "a number from %u to %u", o->min, o->max);

	if (o->also && at > 0 && (size_t)at < cap)
		at += snprintf(buf + at, cap - (size_t)at, ", or %u", o->also);
	if (o->unit && at > 0 && (size_t)at < cap)
		snprintf(buf + at, cap - (size_t)at, " (%s)", o->unit);
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
	case CONF_T_PATH:
		snprintf(buf, cap, "an absolute path of at most %d characters", CONF_PATH_MAX - 1);
		break;
	case CONF_T_NUMBER:
		allowed_number(o, buf, cap);
		break;
	case CONF_T_WORD:
		add_words(o, buf, cap, 0);
		break;
	case CONF_T_PROTOCOL:
		add_protocols(buf, cap);
		break;
	case CONF_T_WEIGHT:
		snprintf(buf, cap,
			 "a number from -%d to %d, but for 0; without one, failing is a fault",
			 TRACK_WEIGHT_MAX, TRACK_WEIGHT_MAX);
		break;
	case CONF_T_TEXT:
		snprintf(buf, cap, "a text of at most %u characters", o->max);
		break;
	case CONF_T_PROCESS:
		snprintf(
			buf, cap,
			"the name of a process as ps shows it with \"-o comm\", 1 to %d characters "
			"and no '/'",
			CONF_PROCESS_MAX - 1);
		break;
	case CONF_T_ATTACH:
	case CONF_T_BOOL:
	case CONF_T_ADDR:
	case CONF_T_GROUP:
	case CONF_T_PEER:
	case CONF_T_PREFIX:
	case CONF_T_VIP:
	case CONF_T_VIP_RANGE:
	case CONF_T_NET:
	case CONF_T_DHCP:
	case CONF_T_ROUTE:
	case CONF_T_RANGE:
	case CONF_T_PORTS:
	case CONF_T_TARGET:
	case CONF_T_MSS:
		snprintf(buf, cap, "%s", allowed_fixed(o->type));
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

static const char *set_attach(const struct conf_option *o, struct conf_leg *leg, const char *text)
{
	static const char *const kind[] = {[NET_ATTACH_BRIDGE] = "bridge:",
					   [NET_ATTACH_MACVLAN] = "macvlan:",
					   [NET_ATTACH_OVS] = "ovs:"};

	for (unsigned i = 0; i < ARRAY_LEN(kind); i++) {
		size_t n = strlen(kind[i]);

		if (strncmp(text, kind[i], n) != 0)
			continue;
		leg->attach = (enum net_attach)i;
		return set_string(o, leg->bridge, text + n, conf_ifname_ok(text + n));
	}
	return "is not allowed";
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
	if ((v < o->min || v > o->max) && (!o->also || v != o->also))
		return "is out of range";
	memcpy(to, &v, sizeof(v));
	return NULL;
}

static const char *set_weight(void *to, const char *text)
{
	const struct conf_option number = {.min = 1, .max = TRACK_WEIGHT_MAX};
	bool minus = *text == '-';
	unsigned v = 0;
	const char *why = set_number(&number, &v, text + (minus || *text == '+'));
	int weight;

	if (why)
		return why;
	weight = minus ? -(int)v : (int)v;
	memcpy(to, &weight, sizeof(weight));
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

static const char *set_addr(void *to, const char *text)
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

static const char *set_range(void *to, const char *text)
{
	size_t len = strcspn(text, "-");
	char first[INET6_ADDRSTRLEN];
	struct conf_range r;

	if (len >= sizeof(first) || !text[len])
		return "is no range of addresses";
	memcpy(first, text, len);
	first[len] = '\0';
	if (ip_addr_parse(&r.first, first) < 0 || ip_addr_parse(&r.last, text + len + 1) < 0 ||
	    r.first.family != AF_INET || r.last.family != AF_INET)
		return "is no range of IPv4 addresses";
	memcpy(to, &r, sizeof(r));
	return NULL;
}

static const char *set_prefix(void *to, const char *text)
{
	struct ip_prefix p;

	if (ip_prefix_parse(&p, text) < 0)
		return "is not an address with prefix length";
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
	case CONF_T_ATTACH:
		return set_attach(o, base, text);
	case CONF_T_PATH:
		return set_string(o, to, text, *text == '/' && text[1]);
	case CONF_T_NUMBER:
		return set_number(o, to, text);
	case CONF_T_BOOL:
		return set_bool(to, text);
	case CONF_T_WORD:
		return set_word(o, to, text);
	case CONF_T_ADDR:
	case CONF_T_GROUP:
		return set_addr(to, text);
	case CONF_T_PEER:
		return set_peer(to, text);
	case CONF_T_PREFIX:
		return set_prefix(to, text);
	case CONF_T_VIP:
	case CONF_T_VIP_RANGE:
		return conf_vips_set(o->type, to, text);
	case CONF_T_PROTOCOL:
		return set_protocol(to, text);
	case CONF_T_NET:
		return set_net(to, text);
	case CONF_T_DHCP:
		return set_range(to, text);
	case CONF_T_ROUTE:
		return conf_route_set((struct net_static *)(void *)to, text);
	case CONF_T_WEIGHT:
		return set_weight(to, text);
	case CONF_T_TEXT:
		return set_string(o, to, text, true);
	case CONF_T_PROCESS:
		return set_string(o, to, text, *text && !strchr(text, '/'));
	case CONF_T_RANGE:
	case CONF_T_PORTS:
	case CONF_T_TARGET:
	case CONF_T_MSS:
		return conf_nat_set(o->type, to, text);
	}
	return "is not allowed";
}
