/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow as libnetfilter_conntrack prints it. */
#include "vrouter/conntrack.h"

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

static void set_tuple(struct nf_conntrack *ct, const struct flow *f, bool reply)
{
	const struct flow_tuple *t = reply ? &f->reply : &f->orig;
	bool v6 = f->family == AF_INET6, icmp = f->proto == IPPROTO_ICMP;

	nfct_set_attr_u8(ct, reply ? ATTR_REPL_L3PROTO : ATTR_ORIG_L3PROTO, f->family);
	nfct_set_attr_u8(ct, reply ? ATTR_REPL_L4PROTO : ATTR_ORIG_L4PROTO, f->proto);
	if (v6 && reply) {
		nfct_set_attr(ct, ATTR_REPL_IPV6_SRC, t->src);
		nfct_set_attr(ct, ATTR_REPL_IPV6_DST, t->dst);
	} else if (v6) {
		nfct_set_attr(ct, ATTR_ORIG_IPV6_SRC, t->src);
		nfct_set_attr(ct, ATTR_ORIG_IPV6_DST, t->dst);
	} else {
		nfct_set_attr(ct, reply ? ATTR_REPL_IPV4_SRC : ATTR_ORIG_IPV4_SRC, t->src);
		nfct_set_attr(ct, reply ? ATTR_REPL_IPV4_DST : ATTR_ORIG_IPV4_DST, t->dst);
	}
	if (icmp || f->proto == IPPROTO_ICMPV6) {
		if (reply) /* the library has one place for them, and the original's is printed */
			return;
		nfct_set_attr_u16(ct, ATTR_ICMP_ID, t->l4.icmp.id_be);
		nfct_set_attr_u8(ct, ATTR_ICMP_TYPE, t->l4.icmp.type);
		nfct_set_attr_u8(ct, ATTR_ICMP_CODE, t->l4.icmp.code);
		return;
	}
	nfct_set_attr_u16(ct, reply ? ATTR_REPL_PORT_SRC : ATTR_ORIG_PORT_SRC, t->l4.sport_be);
	nfct_set_attr_u16(ct, reply ? ATTR_REPL_PORT_DST : ATTR_ORIG_PORT_DST, t->l4.dport_be);
}

static void set_state(struct nf_conntrack *ct, const struct flow *f)
{
	if (f->has & FLOW_HAS_TCP)
		nfct_set_attr_u8(ct, ATTR_TCP_STATE, f->tcp.state);
	else if (f->has & FLOW_HAS_SCTP)
		nfct_set_attr_u8(ct, ATTR_SCTP_STATE, f->sctp.state);
	else if (f->has & FLOW_HAS_DCCP)
		nfct_set_attr_u8(ct, ATTR_DCCP_STATE, f->dccp.state);
	if (f->has & FLOW_HAS_STATUS)
		nfct_set_attr_u32(ct, ATTR_STATUS, f->status);
	if (f->has & FLOW_HAS_MARK)
		nfct_set_attr_u32(ct, ATTR_MARK, f->mark);
	if (f->zone)
		nfct_set_attr_u16(ct, ATTR_ZONE, f->zone);
	if (f->has & FLOW_HAS_HELPER)
		nfct_set_attr(ct, ATTR_HELPER_NAME, f->rare.helper);
}

const char *flow_text(const struct flow *f, char buf[static FLOW_TEXT_MAX])
{
	struct nf_conntrack *ct = nfct_new();

	buf[0] = '\0';
	if (!ct)
		return buf;
	set_tuple(ct, f, false);
	if (f->has & FLOW_HAS_REPLY)
		set_tuple(ct, f, true);
	set_state(ct, f);
	nfct_snprintf(buf, FLOW_TEXT_MAX, ct, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
	nfct_destroy(ct);
	return buf;
}
