/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow as conntrackd tells it. What is odd about it, all seen in recordings:
 * - Numbers are big-endian, but for three that go through htons() once more than they should: the
 *   ports that a translation gives, and the id of ICMP. So their bytes are the wrong way round on
 *   the wire (between little-endian machines, which is what conntrackd is run on).
 * - Of a translation the fields that it changes are told, not the reply tuple; of ICMP the ports
 *   that it "changes" are its type and code, and say nothing.
 * - Synproxy's numbers and sequence adjustments are told of flows that have none, as zeros. */
#include "msg.h"

#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

enum {
	A_IPV4,
	A_IPV6,
	A_PROTO,
	A_PORT,
	A_TCP_STATE,
	A_STATUS,
	A_TIMEOUT,
	A_MARK,
	A_MASTER_IPV4,
	A_MASTER_IPV6,
	A_MASTER_PROTO,
	A_MASTER_PORT,
	A_SNAT_IPV4,
	A_DNAT_IPV4,
	A_SPAT_PORT,
	A_DPAT_PORT,
	A_SEQADJ,
	A_SCTP_STATE,
	A_SCTP_VTAG_ORIG,
	A_SCTP_VTAG_REPLY,
	A_DCCP_STATE,
	A_DCCP_ROLE,
	A_ICMP_TYPE,
	A_ICMP_CODE,
	A_ICMP_ID,
	A_WSCALE_ORIG,
	A_WSCALE_REPLY,
	A_HELPER,
	A_LABELS,
	A_SNAT_IPV6,
	A_DNAT_IPV6,
	A_SYNPROXY,
	A_N
};
_Static_assert(A_N <= CTD_ATTRS_MAX, "a bit per attribute");

#define EXACTLY(n)                                                                                 \
	{                                                                                          \
		n, n                                                                               \
	}
static const struct ctd_size size[A_N] = {
	[A_IPV4] = EXACTLY(8),
	[A_IPV6] = EXACTLY(32),
	[A_PROTO] = EXACTLY(1),
	[A_PORT] = EXACTLY(4),
	[A_TCP_STATE] = EXACTLY(1),
	[A_STATUS] = EXACTLY(4),
	[A_TIMEOUT] = EXACTLY(4),
	[A_MARK] = EXACTLY(4),
	[A_MASTER_IPV4] = EXACTLY(8),
	[A_MASTER_IPV6] = EXACTLY(32),
	[A_MASTER_PROTO] = EXACTLY(1),
	[A_MASTER_PORT] = EXACTLY(4),
	[A_SNAT_IPV4] = EXACTLY(4),
	[A_DNAT_IPV4] = EXACTLY(4),
	[A_SPAT_PORT] = EXACTLY(2),
	[A_DPAT_PORT] = EXACTLY(2),
	[A_SEQADJ] = EXACTLY(24),
	[A_SCTP_STATE] = EXACTLY(1),
	[A_SCTP_VTAG_ORIG] = EXACTLY(4),
	[A_SCTP_VTAG_REPLY] = EXACTLY(4),
	[A_DCCP_STATE] = EXACTLY(1),
	[A_DCCP_ROLE] = EXACTLY(1),
	[A_ICMP_TYPE] = EXACTLY(1),
	[A_ICMP_CODE] = EXACTLY(1),
	[A_ICMP_ID] = EXACTLY(2),
	[A_WSCALE_ORIG] = EXACTLY(1),
	[A_WSCALE_REPLY] = EXACTLY(1),
	[A_HELPER] = {1, FLOW_HELPER_LEN},
	[A_LABELS] = {4, FLOW_LABELS_LEN},
	[A_SNAT_IPV6] = EXACTLY(16),
	[A_DNAT_IPV6] = EXACTLY(16),
	[A_SYNPROXY] = EXACTLY(12),
};

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static uint16_t swapped(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

static void swap_out(struct wr *w, unsigned type, uint16_t be)
{
	uint16_t v = swapped(be);

	ctd_put(w, type, &v, 2);
}

static uint16_t swap_in(const struct ctd_attrs *a, unsigned type)
{
	uint16_t v = 0;

	ctd_take(a, type, &v, 2);
	return swapped(v);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static void take_addrs(const struct ctd_attrs *a, unsigned type, size_t n, struct flow_tuple *t)
{
	struct rd v = a->at[type];

	rd_copy(&v, t->src, n);
	rd_copy(&v, t->dst, n);
}

static enum ctd_err read_l4(const struct ctd_attrs *a, struct flow *f)
{
	const uint32_t icmp = 1u << A_ICMP_TYPE | 1u << A_ICMP_CODE | 1u << A_ICMP_ID;

	if (ctd_has_ports(f->proto)) {
		if (!ctd_has(a, A_PORT))
			return CTD_E_MISSING;
		ctd_take(a, A_PORT, &f->orig.l4, 4);
	} else if (is_icmp(f->proto)) {
		if ((a->got & icmp) != icmp)
			return CTD_E_MISSING;
		f->orig.l4.icmp.type = (uint8_t)ctd_number(a, A_ICMP_TYPE);
		f->orig.l4.icmp.code = (uint8_t)ctd_number(a, A_ICMP_CODE);
		f->orig.l4.icmp.id_be = swap_in(a, A_ICMP_ID);
	}
	return CTD_OK;
}

static enum ctd_err read_identity(const struct ctd_attrs *a, struct flow *f)
{
	if (ctd_has(a, A_IPV4) == ctd_has(a, A_IPV6))
		return ctd_has(a, A_IPV4) ? CTD_E_VALUE : CTD_E_MISSING;
	f->family = ctd_has(a, A_IPV6) ? AF_INET6 : AF_INET;
	take_addrs(a, f->family == AF_INET6 ? A_IPV6 : A_IPV4, f->family == AF_INET6 ? 16 : 4,
		   &f->orig);
	f->proto = (uint8_t)ctd_number(a, A_PROTO);
	if (!ctd_has(a, A_PROTO))
		return CTD_E_MISSING;
	if (!ctd_can_name(f->family, f->proto))
		return f->proto == IPPROTO_UDPLITE ? CTD_E_UNSUPPORTED : CTD_E_VALUE;
	return read_l4(a, f);
}

static enum ctd_err read_reply(const struct ctd_attrs *a, struct flow *f)
{
	const uint32_t v4 = 1u << A_SNAT_IPV4 | 1u << A_DNAT_IPV4;
	const uint32_t v6 = 1u << A_SNAT_IPV6 | 1u << A_DNAT_IPV6;
	bool is6 = f->family == AF_INET6;
	size_t n = is6 ? 16 : 4;

	if (a->got & (is6 ? v4 : v6))
		return CTD_E_VALUE;
	f->reply = flow_invert(f, &f->orig);
	ctd_take(a, is6 ? A_SNAT_IPV6 : A_SNAT_IPV4, f->reply.dst, n);
	ctd_take(a, is6 ? A_DNAT_IPV6 : A_DNAT_IPV4, f->reply.src, n);
	if (ctd_has_ports(f->proto) && ctd_has(a, A_SPAT_PORT))
		f->reply.l4.dport_be = swap_in(a, A_SPAT_PORT);
	if (ctd_has_ports(f->proto) && ctd_has(a, A_DPAT_PORT))
		f->reply.l4.sport_be = swap_in(a, A_DPAT_PORT);
	f->has |= FLOW_HAS_REPLY;
	return CTD_OK;
}

static enum ctd_err read_status(const struct ctd_attrs *a, struct flow *f)
{
	const uint32_t told = IPS_SEEN_REPLY | IPS_ASSURED;

	if (!ctd_has(a, A_STATUS))
		return CTD_E_MISSING;
	/* the rest follows from the tuples */
	f->status = IPS_CONFIRMED | ((uint32_t)ctd_number(a, A_STATUS) & told);
	f->status |= (flow_is_snat(f) ? (uint32_t)IPS_SRC_NAT : 0u) |
		     (flow_is_dnat(f) ? (uint32_t)IPS_DST_NAT : 0u);
	f->has |= FLOW_HAS_STATUS;
	return CTD_OK;
}

/* Window scales come from who has TCPWindowTracking on. Without them the kernel could not judge
 * windows, and would drop what is in order. */
static enum ctd_err read_tcp(const struct ctd_attrs *a, struct flow *f)
{
	bool scales = ctd_has(a, A_WSCALE_ORIG) && ctd_has(a, A_WSCALE_REPLY);
	uint8_t flags = IP_CT_TCP_FLAG_SACK_PERM;

	if (!ctd_has(a, A_TCP_STATE))
		return CTD_E_MISSING;
	f->tcp = (struct flow_tcp){
		.state = (uint8_t)ctd_number(a, A_TCP_STATE),
		.wscale = {(uint8_t)ctd_number(a, A_WSCALE_ORIG),
			   (uint8_t)ctd_number(a, A_WSCALE_REPLY)},
	};
	if (f->tcp.state > TCP_CONNTRACK_SYN_SENT2 || f->tcp.wscale[0] > 14 ||
	    f->tcp.wscale[1] > 14)
		return CTD_E_VALUE;
	flags |= scales ? IP_CT_TCP_FLAG_WINDOW_SCALE : IP_CT_TCP_FLAG_BE_LIBERAL;
	f->tcp.flags[0] = f->tcp.flags[1] = flags;
	f->has |= FLOW_HAS_TCP;
	return CTD_OK;
}

static enum ctd_err read_sctp(const struct ctd_attrs *a, struct flow *f)
{
	const uint32_t all = 1u << A_SCTP_STATE | 1u << A_SCTP_VTAG_ORIG | 1u << A_SCTP_VTAG_REPLY;

	if ((a->got & all) != all)
		return CTD_E_MISSING;
	f->sctp.state = (uint8_t)ctd_number(a, A_SCTP_STATE);
	ctd_take(a, A_SCTP_VTAG_ORIG, &f->sctp.vtag_be[0], 4);
	ctd_take(a, A_SCTP_VTAG_REPLY, &f->sctp.vtag_be[1], 4);
	f->has |= FLOW_HAS_SCTP;
	return f->sctp.state < SCTP_CONNTRACK_MAX ? CTD_OK : CTD_E_VALUE;
}

/* A kernel without a tracker of DCCP tells none of it. */
static enum ctd_err read_dccp(const struct ctd_attrs *a, struct flow *f)
{
	if (!ctd_has(a, A_DCCP_STATE) || !ctd_has(a, A_DCCP_ROLE))
		return CTD_OK;
	f->dccp = (struct flow_dccp){.state = (uint8_t)ctd_number(a, A_DCCP_STATE),
				     .role = (uint8_t)ctd_number(a, A_DCCP_ROLE)};
	f->has |= FLOW_HAS_DCCP;
	return f->dccp.state < FLOW_DCCP_STATES && f->dccp.role <= 1 ? CTD_OK : CTD_E_VALUE;
}

static enum ctd_err read_state(const struct ctd_attrs *a, struct flow *f)
{
	switch (f->proto) {
	case IPPROTO_TCP:
		return read_tcp(a, f);
	case IPPROTO_SCTP:
		return read_sctp(a, f);
	case IPPROTO_DCCP:
		return read_dccp(a, f);
	}
	return CTD_OK;
}

static bool any(const struct rd *v)
{
	for (size_t i = 0; i < v->left; i++)
		if (v->p[i])
			return true;
	return false;
}

static enum ctd_err read_master(const struct ctd_attrs *a, struct flow *f)
{
	bool is6 = f->family == AF_INET6;
	struct flow_rare *r;

	if (!ctd_has(a, A_MASTER_IPV4) && !ctd_has(a, A_MASTER_IPV6))
		return CTD_OK;
	if (ctd_has(a, is6 ? A_MASTER_IPV4 : A_MASTER_IPV6))
		return CTD_E_VALUE;
	r = flow_rare_add(f, FLOW_HAS_MASTER);
	r->master_proto = (uint8_t)ctd_number(a, A_MASTER_PROTO);
	take_addrs(a, is6 ? A_MASTER_IPV6 : A_MASTER_IPV4, is6 ? 16 : 4, &r->master);
	ctd_take(a, A_MASTER_PORT, &r->master.l4, 4);
	if (!r->master_proto || (ctd_has_ports(r->master_proto) && !ctd_has(a, A_MASTER_PORT)))
		return CTD_E_MISSING;
	return CTD_OK;
}

/* The kernel's bitmap has its lowest label in its first byte. */
static void swap_words(uint8_t *to, struct rd from)
{
	for (size_t at = 0; at + 4 <= from.left; at += 4)
		for (size_t i = 0; i < 4; i++)
			to[at + i] = from.p[at + 3 - i];
}

static void read_numbers(const struct ctd_attrs *a, struct flow *f)
{
	if (ctd_has(a, A_SEQADJ) && any(&a->at[A_SEQADJ])) {
		struct flow_rare *r = flow_rare_add(f, FLOW_HAS_SEQADJ);
		struct rd v = a->at[A_SEQADJ];

		for (unsigned d = 0; d < 2; d++) {
			r->seqadj[d].pos = rd_be32(&v);
			r->seqadj[d].before = rd_be32(&v);
			r->seqadj[d].after = rd_be32(&v);
		}
	}
	if (ctd_has(a, A_SYNPROXY) && any(&a->at[A_SYNPROXY])) {
		struct flow_rare *r = flow_rare_add(f, FLOW_HAS_SYNPROXY);
		struct rd v = a->at[A_SYNPROXY];

		r->synproxy.its = rd_be32(&v);
		r->synproxy.isn = rd_be32(&v);
		r->synproxy.tsoff = rd_be32(&v);
	}
}

static enum ctd_err read_rest(const struct ctd_attrs *a, struct flow *f)
{
	char helper[FLOW_HELPER_LEN] = "";

	if (ctd_has(a, A_MARK)) {
		f->mark = (uint32_t)ctd_number(a, A_MARK);
		f->has |= FLOW_HAS_MARK;
	}
	if (ctd_has(a, A_HELPER)) {
		if (!ctd_text(a, A_HELPER, helper, sizeof(helper)) ||
		    !flow_helper_ok(helper, strlen(helper)))
			return CTD_E_VALUE;
		memcpy(flow_rare_add(f, FLOW_HAS_HELPER)->helper, helper, sizeof(helper));
	}
	if (ctd_has(a, A_LABELS) && a->at[A_LABELS].left % 4)
		return CTD_E_LENGTH;
	if (ctd_has(a, A_LABELS) && any(&a->at[A_LABELS]))
		swap_words(flow_rare_add(f, FLOW_HAS_LABELS)->labels, a->at[A_LABELS]);
	read_numbers(a, f);
	return read_master(a, f);
}

enum ctd_err ctd_flow_decode(struct rd body, uint8_t type, struct flow *out)
{
	struct ctd_attrs a;
	enum ctd_err err = ctd_attrs_read(body, size, A_N, &a);
	struct flow f;

	flow_clear(&f);
	if (err == CTD_OK)
		err = read_identity(&a, &f);
	if (err == CTD_OK && type != CTD_CT_DEL) {
		err = read_reply(&a, &f);
		if (err == CTD_OK)
			err = read_status(&a, &f);
		if (err == CTD_OK)
			err = read_state(&a, &f);
		if (err == CTD_OK)
			err = read_rest(&a, &f);
	}
	if (err == CTD_OK)
		flow_copy(out, &f);
	return err;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

bool ctd_flow_can_tell(const struct flow *f)
{
	if (f->zone || !ctd_can_name(f->family, f->proto))
		return false;
	if (f->proto == IPPROTO_GRE)
		return !f->orig.l4.raw && (!(f->has & FLOW_HAS_REPLY) || !f->reply.l4.raw);
	return !is_icmp(f->proto) || !(f->has & FLOW_HAS_REPLY) ||
	       f->orig.l4.icmp.id_be == f->reply.l4.icmp.id_be;
}

static void put_l4(struct wr *w, const struct flow *f)
{
	if (ctd_has_ports(f->proto)) {
		ctd_put(w, A_PORT, &f->orig.l4, 4);
	} else if (is_icmp(f->proto)) {
		ctd_put_u8(w, A_ICMP_TYPE, f->orig.l4.icmp.type);
		ctd_put_u8(w, A_ICMP_CODE, f->orig.l4.icmp.code);
		swap_out(w, A_ICMP_ID, f->orig.l4.icmp.id_be);
	}
}

static void put_state(struct wr *w, const struct flow *f)
{
	if (f->proto == IPPROTO_TCP && f->has & FLOW_HAS_TCP) {
		ctd_put_u8(w, A_TCP_STATE, f->tcp.state);
		ctd_put_u8(w, A_WSCALE_ORIG, f->tcp.wscale[0]);
		ctd_put_u8(w, A_WSCALE_REPLY, f->tcp.wscale[1]);
	} else if (f->proto == IPPROTO_SCTP && f->has & FLOW_HAS_SCTP) {
		ctd_put_u8(w, A_SCTP_STATE, f->sctp.state);
		ctd_put(w, A_SCTP_VTAG_ORIG, &f->sctp.vtag_be[0], 4);
		ctd_put(w, A_SCTP_VTAG_REPLY, &f->sctp.vtag_be[1], 4);
	} else if (f->proto == IPPROTO_DCCP && f->has & FLOW_HAS_DCCP) {
		ctd_put_u8(w, A_DCCP_STATE, f->dccp.state);
		ctd_put_u8(w, A_DCCP_ROLE, f->dccp.role);
	}
}

static void put_reply(struct wr *w, const struct flow *f)
{
	struct flow_tuple plain = flow_invert(f, &f->orig);
	bool is6 = f->family == AF_INET6;
	size_t n = is6 ? 16 : 4;

	if (memcmp(plain.dst, f->reply.dst, n) != 0)
		ctd_put(w, is6 ? A_SNAT_IPV6 : A_SNAT_IPV4, f->reply.dst, n);
	if (memcmp(plain.src, f->reply.src, n) != 0)
		ctd_put(w, is6 ? A_DNAT_IPV6 : A_DNAT_IPV4, f->reply.src, n);
	if (!ctd_has_ports(f->proto))
		return;
	if (plain.l4.dport_be != f->reply.l4.dport_be)
		swap_out(w, A_SPAT_PORT, f->reply.l4.dport_be);
	if (plain.l4.sport_be != f->reply.l4.sport_be)
		swap_out(w, A_DPAT_PORT, f->reply.l4.sport_be);
}

static void put_numbers(struct wr *w, const struct flow *f)
{
	const struct flow_rare *r = &f->rare;
	uint8_t b[24];
	struct wr v = wr_of(b, sizeof(b));

	if (f->has & FLOW_HAS_SEQADJ) {
		for (unsigned d = 0; d < 2; d++) {
			wr_be32(&v, r->seqadj[d].pos);
			wr_be32(&v, r->seqadj[d].before);
			wr_be32(&v, r->seqadj[d].after);
		}
		ctd_put(w, A_SEQADJ, b, 24);
	}
	v = wr_of(b, sizeof(b));
	if (f->has & FLOW_HAS_SYNPROXY) {
		wr_be32(&v, r->synproxy.its);
		wr_be32(&v, r->synproxy.isn);
		wr_be32(&v, r->synproxy.tsoff);
		ctd_put(w, A_SYNPROXY, b, 12);
	}
}

static void put_rare(struct wr *w, const struct flow *f)
{
	const struct flow_rare *r = &f->rare;
	uint8_t labels[FLOW_LABELS_LEN];

	if (f->has & FLOW_HAS_MASTER) {
		ctd_put_addrs(w, A_MASTER_IPV4, f->family, &r->master);
		ctd_put_u8(w, A_MASTER_PROTO, r->master_proto);
		if (ctd_has_ports(r->master_proto))
			ctd_put(w, A_MASTER_PORT, &r->master.l4, 4);
	}
	if (f->has & FLOW_HAS_HELPER)
		ctd_put(w, A_HELPER, r->helper, strlen(r->helper) + 1);
	if (f->has & FLOW_HAS_LABELS) {
		swap_words(labels, rd_of(r->labels, sizeof(r->labels)));
		ctd_put(w, A_LABELS, labels, sizeof(labels));
	}
	put_numbers(w, f);
}

bool ctd_flow_encode(struct wr *w, const struct flow *f, uint32_t timeout_s)
{
	if (!ctd_flow_can_tell(f))
		return false;
	ctd_put_addrs(w, A_IPV4, f->family, &f->orig);
	ctd_put_u32(w, A_STATUS, f->has & FLOW_HAS_STATUS ? f->status : (uint32_t)IPS_CONFIRMED);
	ctd_put_u8(w, A_PROTO, f->proto);
	put_l4(w, f);
	put_state(w, f);
	ctd_put_u32(w, A_TIMEOUT, timeout_s);
	if (f->has & FLOW_HAS_MARK)
		ctd_put_u32(w, A_MARK, f->mark);
	if (f->has & FLOW_HAS_REPLY)
		put_reply(w, f);
	if (f->has & FLOW_HAS_RARE)
		put_rare(w, f);
	return true;
}

bool ctd_flow_encode_end(struct wr *w, const struct flow *f)
{
	if (!ctd_flow_can_tell(f))
		return false;
	ctd_put_addrs(w, A_IPV4, f->family, &f->orig);
	ctd_put_u8(w, A_PROTO, f->proto);
	put_l4(w, f);
	return true;
}
