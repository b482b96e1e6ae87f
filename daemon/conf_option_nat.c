/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of nat and of port forwards, and what their values may be. Pure. */
#include "conf_option.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const words_nat[] = {"none", "snat", "masquerade", NULL}; /* = enum net_nat */
static const char *const words_unsolicited[] = {"auto", "drop", "accept",
						NULL};	    /* = enum nat_unsolicited */
static const char *const words_l4[] = {"tcp", "udp", NULL}; /* = enum nat_protocol */

#define RULE(member) AT(struct conf_router, nat_more.rules.member)
#define LINE(member) LINE_AT(struct conf_router, nat_more.member)

const struct conf_option conf_nat_options[] = {
	{.name = "mode", .type = CONF_T_WORD, AT(struct conf_router, nat), .words = words_nat},
	{.name = "random", .type = CONF_T_BOOL, AT(struct conf_router, nat_random)},
	{.name = "persistent", .type = CONF_T_BOOL, RULE(persistent), LINE(persistent_line)},
	{.name = "addresses",
	 .type = CONF_T_RANGE,
	 .list_max = NAT_POOL_MAX,
	 LIST_OF(struct conf_router, nat_more.rules.pool),
	 .count_offset = offsetof(struct conf_router, nat_more.rules.n_pool),
	 LINE(addresses_line)},
	{.name = "port-range", .type = CONF_T_PORTS, RULE(ports), LINE(ports_line)},
	{.name = "sources",
	 .type = CONF_T_NET,
	 .list_max = NAT_SOURCES_MAX,
	 LIST_OF(struct conf_router, nat_more.rules.source),
	 .count_offset = offsetof(struct conf_router, nat_more.rules.n_sources),
	 LINE(sources_line)},
	{.name = "unsolicited", .type = CONF_T_WORD, RULE(unsolicited), .words = words_unsolicited},
	{.name = "mss-clamp", .type = CONF_T_MSS, RULE(mss)},
	{.name = "new-flow-limit",
	 .type = CONF_T_NUMBER,
	 RULE(new_flows),
	 LINE(limit_line),
	 .max = 1000000,
	 .unit = "new flows per second and source, 0: no limit"},
	{.name = "new-flow-burst",
	 .type = CONF_T_NUMBER,
	 RULE(new_flows_burst),
	 LINE(burst_line),
	 .min = 1,
	 .max = 10000000,
	 .unit = "new flows"},
	{.name = "nft-file", .type = CONF_T_PATH, RULE(file), LINE(file_line)},
};
static_assert(ARRAY_LEN(conf_nat_options) == CONF_NAT_OPTIONS, "say so in conf_option.h");

const struct conf_option conf_forward_options[] = {
	{.name = "protocol",
	 .type = CONF_T_WORD,
	 .required = true,
	 .list_max = NAT_PROTOCOLS,
	 LIST_OF(struct nat_forward, protocol),
	 .count_offset = offsetof(struct nat_forward, n_protocols),
	 .words = words_l4},
	{.name = "port",
	 .type = CONF_T_PORTS,
	 .required = true,
	 AT(struct nat_forward, port),
	 LINE_AT(struct nat_forward, port_line)},
	{.name = "address",
	 .type = CONF_T_ADDR,
	 AT(struct nat_forward, address),
	 LINE_AT(struct nat_forward, address_line)},
	{.name = "to",
	 .type = CONF_T_TARGET,
	 .required = true,
	 AT(struct nat_forward, to),
	 LINE_AT(struct nat_forward, to_line)},
	{.name = "from",
	 .type = CONF_T_NET,
	 .list_max = NAT_FROM_MAX,
	 LIST_OF(struct nat_forward, from),
	 .count_offset = offsetof(struct nat_forward, n_from),
	 LINE_AT(struct nat_forward, from_line)},
};
static_assert(ARRAY_LEN(conf_forward_options) == CONF_FORWARD_OPTIONS, "say so in conf_option.h");

const char *conf_nat_allowed(enum conf_type type)
{
	if (type == CONF_T_RANGE)
		return "an address, a range or a network like \"192.0.2.10\", "
		       "\"192.0.2.10-192.0.2.19\" or \"203.0.113.0/28\"";
	if (type == CONF_T_PORTS)
		return "a port or a range of ports from 1 to 65535 like \"80\" or \"8000-8099\", "
		       "the lower one first";
	if (type == CONF_T_TARGET)
		return "an address, with a port if it is another one, like \"10.20.0.5\", "
		       "\"10.20.0.5:80\" or \"[2001:db8::5]:80\"";
	return "true (what the path's MTU allows), false, or a number from 536 to 65495 (bytes)";
}

/* A number without sign at the front of text; its end. NULL: there is none up to max. */
static const char *number(const char *text, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		v = v * 10 + (unsigned)(*text - '0');
		if (v > max)
			return NULL;
	}
	*out = v;
	return text;
}

static const char *port(const char *text, uint16_t *out)
{
	unsigned v;
	const char *end = number(text, 65535, &v);

	if (!end || !v)
		return NULL;
	*out = (uint16_t)v;
	return end;
}

static const char *set_ports(void *to, const char *text)
{
	struct nat_ports p;
	const char *end = port(text, &p.first);

	p.last = p.first;
	if (end && *end == '-')
		end = port(end + 1, &p.last);
	if (!end || *end)
		return "is no port or range of ports";
	if (p.first > p.last)
		return "ends before it begins";
	memcpy(to, &p, sizeof(p));
	return NULL;
}

const char *conf_target_parse(struct nat_target *out, const char *text)
{
	struct nat_target t = {.port = 0};
	bool bracket = *text == '[', several = strchr(text, ':') != strrchr(text, ':');
	size_t len = bracket ? strcspn(++text, "]") : several ? strlen(text) : strcspn(text, ":");
	const char *rest = text + len + (bracket && text[len] == ']');
	char addr[INET6_ADDRSTRLEN];

	if (len >= sizeof(addr))
		return "is no address";
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (ip_addr_parse(&t.addr, addr) < 0 ||
	    (bracket && (t.addr.family != AF_INET6 || !text[len])))
		return "is no address";
	if (*rest == ':')
		rest = port(rest + 1, &t.port);
	if (!rest || *rest)
		return "has no port behind its address";
	*out = t;
	return NULL;
}

static const char *set_target(void *to, const char *text)
{
	struct nat_target t;
	const char *why = conf_target_parse(&t, text);

	if (!why)
		memcpy(to, &t, sizeof(t));
	return why;
}

static const char *set_mss(void *to, const char *text)
{
	bool on = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0;
	bool off =
		strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "off") == 0;
	unsigned v = on ? NAT_MSS_PATH : 0;

	if (!on && !off) {
		const char *end = number(text, NAT_MSS_MAX, &v);

		if (!end || *end || v < NAT_MSS_MIN)
			return "is neither a boolean nor such a number";
	}
	memcpy(to, &v, sizeof(v));
	return NULL;
}

static const char *set_range(void *to, const char *text)
{
	struct ip_range r;

	if (ip_range_parse(&r, text) < 0)
		return "is no address or range of addresses";
	memcpy(to, &r, sizeof(r));
	return NULL;
}

const char *conf_nat_set(enum conf_type type, void *to, const char *text)
{
	if (type == CONF_T_RANGE)
		return set_range(to, text);
	if (type == CONF_T_PORTS)
		return set_ports(to, text);
	if (type == CONF_T_TARGET)
		return set_target(to, text);
	return set_mss(to, text);
}
