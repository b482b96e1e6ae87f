/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `vrouterctl flows` is asked for: the options of conntrack(8) 1.4.7, as far as they are about
 * looking, with its names and its meaning. Pure, but for getopt(3)'s variables. Where the two
 * differ docs/conntrack.md says so. */
#ifndef VROUTER_FLOW_QUERY_H
#define VROUTER_FLOW_QUERY_H

#include "vrouter/flow.h"

enum flow_end { FLOW_ORIG_SRC, FLOW_ORIG_DST, FLOW_REPLY_SRC, FLOW_REPLY_DST, FLOW_ENDS };
enum flow_icmp { FLOW_ICMP_TYPE, FLOW_ICMP_CODE, FLOW_ICMP_ID, FLOW_ICMPS };
enum flow_zone { FLOW_ZONE, FLOW_ZONE_ORIG, FLOW_ZONE_REPLY, FLOW_ZONES };
enum flow_nat { FLOW_SNAT, FLOW_DNAT, FLOW_NATS };

/* What a filter can look at, of one flow. Numbers in host order; -1: it has none. */
struct flow_facts {
	uint8_t family, proto;
	struct ip_addr addr[FLOW_ENDS];
	int32_t port[FLOW_ENDS]; /* GRE: keys */
	int32_t icmp[FLOW_ICMPS];
	int32_t state; /* of TCP, SCTP, DCCP */
	uint32_t status, mark;
	uint16_t zone[FLOW_ZONES]; /* 0: the default one */
	uint8_t labels[FLOW_LABELS_LEN];
};

struct flow_query_net {
	struct ip_addr addr, mask; /* addr.family 0: any. Bits outside of mask are zero */
};

struct flow_query_nat {
	bool wanted;
	struct ip_addr addr; /* family 0: any */
	int32_t port;	     /* -1: any */
};

#define FLOW_QUERY_STATED 3 /* protocols with states: TCP, SCTP, DCCP */

struct flow_query {
	uint8_t family; /* 0: both */
	int32_t proto;	/* -1: any */
	struct flow_query_net net[FLOW_ENDS];
	int32_t port[FLOW_ENDS], icmp[FLOW_ICMPS], zone[FLOW_ZONES]; /* -1: any */
	bool by_state, by_mark, by_label;
	int32_t state[FLOW_QUERY_STATED]; /* -1: that protocol has none of that name */
	uint32_t mark, mark_mask;
	uint32_t status_set, status_clear; /* IPS_* */
	uint8_t labels[FLOW_LABELS_LEN];   /* all of these */
	struct flow_query_nat nat[FLOW_NATS];
	bool any_nat; /* one of them is enough */
};

bool flow_query_match(const struct flow_query *q, const struct flow_facts *f);

/* ---- arguments --------------------------------------------------------------------------------
 */

enum {
	FLOW_OUT_XML = 1 << 0,
	FLOW_OUT_EXTENDED = 1 << 1,
	FLOW_OUT_TIMESTAMP = 1 << 2,
	FLOW_OUT_ID = 1 << 3,
	FLOW_OUT_KTIMESTAMP = 1 << 4,
	FLOW_OUT_LABELS = 1 << 5,
	FLOW_OUT_SAVE = 1 << 6,
};

enum { /* = NF_NETLINK_CONNTRACK_*; those of expectations are the same three bits higher */
       FLOW_ASK_NEW = 1 << 0,
       FLOW_ASK_UPDATES = 1 << 1,
       FLOW_ASK_DESTROY = 1 << 2,
       FLOW_ASK_ALL = FLOW_ASK_NEW | FLOW_ASK_UPDATES | FLOW_ASK_DESTROY,
};

struct flow_ask {
	struct flow_query query;
	const char *filter; /* the first option that narrows; NULL: all flows. --family is none */
	unsigned output;    /* FLOW_OUT_* */
	unsigned events;    /* FLOW_ASK_* */
	int buffer;	    /* bytes; 0: the default */
	bool json, count, zero, follow, expect, replica;
	const char *peer, *router; /* borrowed from argv; NULL: not named */
};

/* Names that only the system knows. Each returns the number, or -1. */
struct flow_names {
	int (*proto)(void *ctx, const char *name);
	int (*label)(void *ctx, const char *name);
	void *ctx;
};

#define FLOW_ASK_WHY_MAX 256
/* argv[0] is the command. a->json is set before, all else here. 0, or -EINVAL and in why which
 * argument is wrong and what is allowed. */
must_check int flow_ask_parse(struct flow_ask *a, int argc, char **argv,
			      const struct flow_names *names, char why[static FLOW_ASK_WHY_MAX]);

#endif
