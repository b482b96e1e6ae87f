/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What conntrack(8) calls protocols and their states. */
#include "vrouter/flow.h"

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},	    {"udplite", IPPROTO_UDPLITE},
	{"sctp", IPPROTO_SCTP}, {"dccp", IPPROTO_DCCP},	    {"icmp", IPPROTO_ICMP},
	{"gre", IPPROTO_GRE},	{"icmpv6", IPPROTO_ICMPV6},
};

const char *flow_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_LEN(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return NULL;
}

const char *flow_state_name(uint8_t proto, uint8_t state)
{
	static const char *const tcp[] = {"NONE",     "SYN_SENT",   "SYN_RECV", "ESTABLISHED",
					  "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
					  "CLOSE",    "SYN_SENT2"};
	static const char *const sctp[] = {
		"NONE",		  "CLOSED",	    "COOKIE_WAIT",   "COOKIE_ECHOED",
		"ESTABLISHED",	  "SHUTDOWN_SENT",  "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT",
		"HEARTBEAT_SENT", "HEARTBEAT_ACKED"};
	static const char *const dccp[] = {"NONE", "REQUEST",  "RESPOND", "PARTOPEN",
					   "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT"};

	if (proto == IPPROTO_TCP && state < ARRAY_LEN(tcp))
		return tcp[state];
	if (proto == IPPROTO_SCTP && state < ARRAY_LEN(sctp))
		return sctp[state];
	if (proto == IPPROTO_DCCP && state < ARRAY_LEN(dccp))
		return dccp[state];
	return NULL;
}
