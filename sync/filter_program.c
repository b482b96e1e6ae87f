/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter as classic BPF. libnetfilter_conntrack's nfct_filter cannot express it: it knows the
 * original tuple only (a translated flow to the VIP looks like one to the router itself), has no
 * "any of these addresses", and drops each change to another TCP state, so that replicas would keep
 * what has left the filter.
 *
 * Every test ends in a return beside it, so no jump is longer than a few instructions; only the
 * one between the IP versions is long, and unconditional. Words of a message come out of a load in
 * host order, as if they were in network order: true for addresses, and swapped back here for the
 * heads, which are in host order.
 *
 * What an attribute holds is found with the kernel's helpers, which give 0 when it is not there;
 * the event passes then. */
#include "vrouter/filter.h"

#include <arpa/inet.h>

#include <linux/filter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#define PASS	 UINT32_MAX
#define DROP	 0
#define AT_ATTRS ((uint32_t)(sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg)))
#define CELLS	 4 /* of the program's memory for an address */
#define HEAD	 ((uint32_t)sizeof(struct nlattr))

struct program {
	struct sock_filter *op;
	unsigned n;
};

static void op(struct program *p, unsigned code, unsigned jt, unsigned jf, uint32_t k)
{
	if (p->n < FILTER_PROGRAM_MAX)
		p->op[p->n] = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
	p->n++;
}

static void ret(struct program *p, uint32_t verdict)
{
	op(p, BPF_RET | BPF_K, 0, 0, verdict);
}

/* A = where the attribute is, from the message's first one or the one at A; 0: nowhere. */
static void look(struct program *p, bool first, uint32_t type)
{
	if (first)
		op(p, BPF_LD | BPF_IMM, 0, 0, AT_ATTRS);
	op(p, BPF_LDX | BPF_IMM, 0, 0, type);
	op(p, BPF_LD | BPF_W | BPF_ABS, 0, 0,
	   (uint32_t)(SKF_AD_OFF + (first ? SKF_AD_NLATTR : SKF_AD_NLATTR_NEST)));
}

/* PASS when it is nowhere. */
static void find(struct program *p, bool first, uint32_t type)
{
	look(p, first, type);
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	ret(p, PASS);
}

/* A = the value of the attribute at A. */
static void value(struct program *p, unsigned size)
{
	op(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	op(p, BPF_LD | size | BPF_IND, 0, 0, HEAD);
}

/* M[] = an address of a tuple. */
static void load_addr(struct program *p, uint8_t family, uint32_t tuple, uint32_t attr)
{
	find(p, true, tuple);
	find(p, false, CTA_TUPLE_IP);
	find(p, false, attr);
	op(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	for (unsigned i = 0; i < (family == AF_INET ? 1u : CELLS); i++) {
		op(p, BPF_LD | BPF_W | BPF_IND, 0, 0, HEAD + 4 * i);
		op(p, BPF_ST, 0, 0, i);
	}
}

static uint32_t word(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The verdict when the address in M[] is in the network. */
static void if_in(struct program *p, const struct ip_prefix *net, uint32_t verdict)
{
	unsigned words = (net->len + 31u) / 32, skip[CELLS];

	for (unsigned i = 0; i < words; i++) {
		unsigned left = net->len - 32 * i;
		uint32_t mask = left < 32 ? ~(UINT32_MAX >> left) : UINT32_MAX;

		op(p, BPF_LD | BPF_MEM, 0, 0, i);
		if (left < 32)
			op(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
		skip[i] = p->n;
		op(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, word(net->addr.b + 4 * i) & mask);
	}
	ret(p, verdict);
	for (unsigned i = 0; i < words && p->n <= FILTER_PROGRAM_MAX; i++)
		p->op[skip[i]].jf = (uint8_t)(p->n - skip[i] - 1);
}

static void if_in_any(struct program *p, uint8_t family, const struct ip_prefix *net, unsigned n,
		      uint32_t verdict)
{
	for (unsigned i = 0; i < n; i++)
		if (net[i].addr.family == family)
			if_in(p, &net[i], verdict);
}

static bool any_of(uint8_t family, const struct ip_prefix *net, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (net[i].addr.family == family)
			return true;
	return false;
}

/* As flow_is_through() has it, but for neighbour discovery. */
static void drop_local(struct program *p, uint8_t family, const struct flow_locals *locals)
{
	static const struct ip_prefix never[] = {
		{{AF_INET, {127}}, 8},	 {{AF_INET, {0}}, 8},
		{{AF_INET, {224}}, 4},	 {{AF_INET, {255, 255, 255, 255}}, 32},
		{{AF_INET6, {0xff}}, 8}, {{AF_INET6, {0xfe, 0x80}}, 10},
		{{AF_INET6, {0}}, 127},
	};

	if_in_any(p, family, never, ARRAY_LEN(never), DROP);
	for (unsigned i = 0; i < locals->n; i++) {
		struct ip_prefix host = {locals->addr[i], family == AF_INET ? 32 : 128};

		if_in_any(p, family, &host, 1, DROP);
	}
}

/* The last part: it always returns. */
static void by_addresses(struct program *p, uint8_t family, const struct flow_filter *f,
			 const struct flow_locals *locals)
{
	const struct {
		uint32_t tuple, attr;
		bool real; /* really an end of the flow */
	} end[] = {
		{CTA_TUPLE_ORIG, family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, true},
		{CTA_TUPLE_REPLY, family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, true},
		{CTA_TUPLE_ORIG, family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST, false},
	};
	bool ignored = any_of(family, f->ignored, f->n_ignored);

	for (size_t i = 0; i < ARRAY_LEN(end); i++) {
		if (!end[i].real && !ignored)
			continue;
		load_addr(p, family, end[i].tuple, end[i].attr);
		if (end[i].real)
			drop_local(p, family, locals);
		if_in_any(p, family, f->ignored, f->n_ignored, DROP);
	}
	for (size_t i = 0; i < ARRAY_LEN(end) && any_of(family, f->only, f->n_only); i++) {
		load_addr(p, family, end[i].tuple, end[i].attr);
		if_in_any(p, family, f->only, f->n_only, PASS);
	}
	ret(p, f->n_only ? DROP : PASS);
}

static void by_protocol(struct program *p, const struct flow_filter *f)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(f->proto_out); i++)
		any |= f->proto_out[i] != 0;
	if (!any)
		return;
	find(p, true, CTA_TUPLE_ORIG);
	find(p, false, CTA_TUPLE_PROTO);
	find(p, false, CTA_PROTO_NUM);
	value(p, BPF_B);
	for (unsigned from = 0, to; from < 256; from = to) { /* runs of the same verdict */
		bool out = flow_filter_proto_out(f, (uint8_t)from);

		for (to = from + 1; to < 256; to++)
			if (flow_filter_proto_out(f, (uint8_t)to) != out)
				break;
		if (!out)
			continue;
		op(p, BPF_JMP | BPF_JGE | BPF_K, 0, 2, from);
		op(p, BPF_JMP | BPF_JGE | BPF_K, 1, 0, to);
		ret(p, DROP);
	}
}

static void by_assured(struct program *p, const struct flow_filter *f)
{
	if (!f->assured)
		return;
	look(p, true, CTA_STATUS);
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 0); /* behind the return */
	value(p, BPF_W);
	op(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, IPS_ASSURED);
	ret(p, DROP);
}

/* Other protocols have no such attribute. A flow that is not new may be leaving, so that is none
 * of this program's business. */
static void by_tcp_state(struct program *p, const struct flow_filter *f)
{
	static const uint32_t path[] = {CTA_PROTOINFO, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE};
	unsigned out[ARRAY_LEN(path)], state_at;

	if (!f->tcp_states)
		return;
	op(p, BPF_LD | BPF_H | BPF_ABS, 0, 0, offsetof(struct nlmsghdr, nlmsg_flags));
	op(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, htons(NLM_F_CREATE));
	state_at = p->n;
	op(p, BPF_JMP | BPF_JA, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		look(p, i == 0, path[i]);
		out[i] = p->n;
		op(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0);
	}
	value(p, BPF_B);
	for (unsigned state = 0; state < 32; state++) {
		if (f->tcp_states >> state & 1)
			continue;
		op(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, state);
		ret(p, DROP);
	}
	p->op[state_at].k = p->n - state_at - 1;
	for (size_t i = 0; i < ARRAY_LEN(path); i++)
		p->op[out[i]].jt = (uint8_t)(p->n - out[i] - 1);
}

/* What is no event of a flow; and flows with a master, which make the source look at that one,
 * whether they are in the filter or not. */
static void pass_others(struct program *p, const struct flow_filter *f)
{
	static const unsigned kinds[] = {IPCTNL_MSG_CT_NEW, IPCTNL_MSG_CT_DELETE};

	op(p, BPF_LD | BPF_H | BPF_ABS, 0, 0, offsetof(struct nlmsghdr, nlmsg_type));
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 2, 0,
	   htons((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | kinds[0])));
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0,
	   htons((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | kinds[1])));
	ret(p, PASS);
	if (flow_filter_is_empty(f))
		return;
	look(p, true, CTA_TUPLE_MASTER);
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0);
	ret(p, PASS);
}

/* The kernel names whoever made the change. */
static void by_port(struct program *p, uint32_t own_port)
{
	op(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct nlmsghdr, nlmsg_pid));
	op(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, htonl(own_port));
	ret(p, DROP);
}

unsigned flow_filter_program(struct sock_filter *out, uint32_t own_port,
			     const struct flow_filter *f, const struct flow_locals *locals)
{
	struct program p = {.op = out};
	unsigned branch;

	by_port(&p, own_port);
	pass_others(&p, f);
	by_protocol(&p, f);
	by_assured(&p, f);
	by_tcp_state(&p, f);
	op(&p, BPF_LD | BPF_B | BPF_ABS, 0, 0, sizeof(struct nlmsghdr)); /* nfgen_family */
	op(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_INET);
	branch = p.n;
	op(&p, BPF_JMP | BPF_JA, 0, 0, 0);
	by_addresses(&p, AF_INET, f, locals);
	p.op[branch].k = p.n - branch - 1;
	op(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_INET6); /* A is the family still */
	ret(&p, PASS);
	by_addresses(&p, AF_INET6, f, locals);
	return p.n <= FILTER_PROGRAM_MAX ? p.n : 0;
}
