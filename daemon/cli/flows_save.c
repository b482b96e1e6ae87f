/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow as arguments of conntrack(8), which `conntrack --load-file` reads. */
#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>

#include "flows.h"
#include "out.h"

enum kind { U8, U16, U32, BE16, BE32, IPV4, IPV6, STATUS, STATE, ROLE };

struct field {
	const char *option;
	enum nf_conntrack_attr attr;
	enum kind kind;
};

#define FIELD_MAX 8

static void put_status(uint32_t status)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} row[] = {{IPS_EXPECTED, "EXPECTED"},
		   {IPS_SEEN_REPLY, "SEEN_REPLY"},
		   {IPS_ASSURED, "ASSURED"},
		   {IPS_FIXED_TIMEOUT, "FIXED_TIMEOUT"}};
	const char *comma = "";

	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		if (!(status & row[i].bit))
			continue;
		out_text(comma);
		out_text(row[i].name);
		comma = ",";
	}
	if (!*comma)
		out_text("UNSET");
}

static void put_state(const struct nf_conntrack *ct, uint8_t state)
{
	const char *name = flow_state_name(nfct_get_attr_u8(ct, ATTR_L4PROTO), state);

	if (name)
		out_text(name);
	else
		out_number(state);
}

static void put_value(const struct nf_conntrack *ct, const struct field *f)
{
	char addr[INET6_ADDRSTRLEN];

	switch (f->kind) {
	case U8:
		out_number(nfct_get_attr_u8(ct, f->attr));
		break;
	case U16:
		out_number(nfct_get_attr_u16(ct, f->attr));
		break;
	case U32:
		out_number(nfct_get_attr_u32(ct, f->attr));
		break;
	case BE16:
		out_number(ntohs(nfct_get_attr_u16(ct, f->attr)));
		break;
	case BE32:
		out_number(ntohl(nfct_get_attr_u32(ct, f->attr)));
		break;
	case IPV4:
	case IPV6:
		out_text(inet_ntop(f->kind == IPV4 ? AF_INET : AF_INET6, nfct_get_attr(ct, f->attr),
				   addr, sizeof(addr)));
		break;
	case STATUS:
		put_status(nfct_get_attr_u32(ct, f->attr));
		break;
	case STATE:
		put_state(ct, nfct_get_attr_u8(ct, f->attr));
		break;
	case ROLE:
		out_text(nfct_get_attr_u8(ct, f->attr) ? "server" : "client");
		break;
	}
}

/* At most FIELD_MAX of them; one without an option ends them. */
static void put_fields(const struct nf_conntrack *ct, const struct field *f)
{
	for (unsigned i = 0; i < FIELD_MAX && f[i].option; i++) {
		if (nfct_attr_is_set(ct, f[i].attr) <= 0)
			continue;
		out_char(' ');
		out_text(f[i].option);
		out_char(' ');
		put_value(ct, &f[i]);
	}
}

static void put_addresses(const struct nf_conntrack *ct)
{
	bool v4 = nfct_get_attr_u8(ct, ATTR_L3PROTO) == AF_INET;
	enum kind kind = v4 ? IPV4 : IPV6;
	const struct field row[] = {{"-s", v4 ? ATTR_ORIG_IPV4_SRC : ATTR_ORIG_IPV6_SRC, kind},
				    {"-d", v4 ? ATTR_ORIG_IPV4_DST : ATTR_ORIG_IPV6_DST, kind},
				    {nfct_getobjopt(ct, NFCT_GOPT_IS_DNAT) > 0 ? "-g" : "-r",
				     v4 ? ATTR_REPL_IPV4_SRC : ATTR_REPL_IPV6_SRC, kind},
				    {nfct_getobjopt(ct, NFCT_GOPT_IS_SNAT) > 0 ? "-n" : "-q",
				     v4 ? ATTR_REPL_IPV4_DST : ATTR_REPL_IPV6_DST, kind},
				    {NULL, 0, 0}};

	put_fields(ct, row);
}

#define PORTS                                                                                      \
	{"--sport", ATTR_ORIG_PORT_SRC, BE16}, {"--dport", ATTR_ORIG_PORT_DST, BE16},              \
		{"--reply-port-src", ATTR_REPL_PORT_SRC, BE16},                                    \
	{                                                                                          \
		"--reply-port-dst", ATTR_REPL_PORT_DST, BE16                                       \
	}

static const struct {
	uint8_t proto;
	struct field field[FIELD_MAX];
} protos[] = {
	{IPPROTO_TCP, {PORTS, {"--state", ATTR_TCP_STATE, STATE}}},
	{IPPROTO_UDP, {PORTS}},
	{IPPROTO_UDPLITE, {PORTS}},
	{IPPROTO_SCTP,
	 {PORTS,
	  {"--state", ATTR_SCTP_STATE, STATE},
	  {"--orig-vtag", ATTR_SCTP_VTAG_ORIG, BE32},
	  {"--reply-vtag", ATTR_SCTP_VTAG_REPL, BE32}}},
	{IPPROTO_DCCP,
	 {PORTS, {"--state", ATTR_DCCP_STATE, STATE}, {"--role", ATTR_DCCP_ROLE, ROLE}}},
	{IPPROTO_ICMP,
	 {{"--icmp-type", ATTR_ICMP_TYPE, U8},
	  {"--icmp-code", ATTR_ICMP_CODE, U8},
	  {"--icmp-id", ATTR_ICMP_ID, BE16}}},
	{IPPROTO_ICMPV6,
	 {{"--icmpv6-type", ATTR_ICMP_TYPE, U8},
	  {"--icmpv6-code", ATTR_ICMP_CODE, U8},
	  {"--icmpv6-id", ATTR_ICMP_ID, BE16}}},
	{IPPROTO_GRE,
	 {{"--srckey", ATTR_ORIG_PORT_SRC, BE16},
	  {"--dstkey", ATTR_ORIG_PORT_DST, BE16},
	  {"--reply-key-src", ATTR_REPL_PORT_SRC, BE16},
	  {"--reply-key-dst", ATTR_REPL_PORT_DST, BE16}}},
};

static void put_proto(const struct nf_conntrack *ct)
{
	uint8_t proto = nfct_get_attr_u8(ct, ATTR_L4PROTO);

	for (unsigned i = 0; i < ARRAY_LEN(protos); i++) {
		if (protos[i].proto != proto)
			continue;
		out_text(" -p ");
		out_text(flow_proto_name(proto));
		put_fields(ct, protos[i].field);
		return;
	}
	out_text(" -p ");
	out_number(proto);
}

void flows_save(const struct nf_conntrack *ct, enum nf_conntrack_msg_type type)
{
	static const struct field row[] = {{"-t", ATTR_TIMEOUT, U32},
					   {"-u", ATTR_STATUS, STATUS},
					   {"-c", ATTR_SECMARK, U32},
					   {"-w", ATTR_ZONE, U16},
					   {"--orig-zone", ATTR_ORIG_ZONE, U16},
					   {"--reply-zone", ATTR_REPL_ZONE, U16},
					   {NULL, 0, 0}};

	out_text(type == NFCT_T_DESTROY ? "-D" : type == NFCT_T_UPDATE ? "-U" : "-A");
	put_fields(ct, row);
	put_addresses(ct);
	put_proto(ct);
}
