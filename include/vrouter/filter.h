/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which flows are replicated, as the configuration says (the router's own traffic never is, see
 * flow_is_through()). Pure. The source alone filters: replicas make their tables equal to what it
 * tells, so they need not know its filter. */
#ifndef VROUTER_FILTER_H
#define VROUTER_FILTER_H

#include "vrouter/flow.h"

#define FILTER_NETS_MAX 32

/* All zero: every flow. A plain value without padding that matters: build it from zero, compare it
 * with flow_filter_equal(). */
struct flow_filter {
	uint32_t proto_out[8]; /* a bit per protocol that is not replicated */
	uint32_t tcp_states;   /* a bit per state (enum tcp_conntrack) in which TCP is; 0: all */
	bool assured;	       /* only flows with IPS_ASSURED, which the kernel never takes back */
	/* by any of three addresses: of who opened the flow, the one it was sent to, and the one it
	 * really goes to. `only` empty: all. `ignored` counts before `only`. */
	unsigned n_only, n_ignored;
	struct ip_prefix only[FILTER_NETS_MAX], ignored[FILTER_NETS_MAX];
};

bool flow_filter_equal(const struct flow_filter *a, const struct flow_filter *b);
bool flow_filter_is_empty(const struct flow_filter *f);
/* Can a flow enter and leave it while it lives? */
bool flow_filter_has_state(const struct flow_filter *f);

static inline bool flow_filter_proto_out(const struct flow_filter *f, uint8_t proto)
{
	return f->proto_out[proto / 32] >> proto % 32 & 1;
}

enum filter_verdict {
	FILTER_IN,
	FILTER_NEVER,  /* it is not, and as long as it has lived it never was */
	FILTER_OUT,    /* it is not, but may have been */
	FILTER_UNSURE, /* that part of its state is not known here */
};

enum filter_verdict flow_filter_look(const struct flow_filter *f, const struct flow *flow);

/* ---- the same for the kernel ------------------------------------------------------------------
 */

struct sock_filter;

#define FILTER_PROGRAM_MAX 4096 /* BPF_MAXINSNS */

/* A classic BPF program for a socket that conntrack events arrive at. It drops the events of which
 * the source would say nothing: of changes that the netlink port own_port made, of flows that are
 * never through or never in the filter, and of new flows outside of it. Endings and changes that
 * may take a flow out of the filter pass; so does whatever is no such event. It may be looser than
 * the two, never stricter. out has room for FILTER_PROGRAM_MAX. Returns its length; 0: nothing is
 * to be dropped. */
unsigned flow_filter_program(struct sock_filter *out, uint32_t own_port,
			     const struct flow_filter *f, const struct flow_locals *locals);

#endif
