/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attributes of conntrack messages that belong to few entries. A new entry of this kernel that
 * came by netlink has room for sequence adjustments and synproxy, so its synproxy is told as zeros:
 * those are taken for none. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "flow_netlink_priv.h"

/* ---- reading ------------------------------------------------------------------------------ */

bool flow_netlink_read_sctp(const struct nlattr *nest, struct flow *f)
{
	const struct nlattr *a;
	unsigned seen = 0;
	bool ok = true;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		seen |= 1u << (attr_type(a) & 7);
		switch (attr_type(a)) {
		case CTA_PROTOINFO_SCTP_STATE:
			ok &= take(a, &f->sctp.state, 1);
			break;
		case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL:
			ok &= take(a, &f->sctp.vtag_be[0], 4);
			break;
		case CTA_PROTOINFO_SCTP_VTAG_REPLY:
			ok &= take(a, &f->sctp.vtag_be[1], 4);
			break;
		}
	}
	/* a deletion tells the state alone */
	if (seen & 1u << CTA_PROTOINFO_SCTP_STATE &&
	    seen & 1u << CTA_PROTOINFO_SCTP_VTAG_ORIGINAL &&
	    seen & 1u << CTA_PROTOINFO_SCTP_VTAG_REPLY)
		f->has |= FLOW_HAS_SCTP;
	return ok;
}

bool flow_netlink_read_dccp(const struct nlattr *nest, struct flow *f)
{
	const struct nlattr *a;
	uint64_t seq = 0;
	unsigned seen = 0;
	bool ok = true;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		seen |= 1u << (attr_type(a) & 7);
		switch (attr_type(a)) {
		case CTA_PROTOINFO_DCCP_STATE:
			ok &= take(a, &f->dccp.state, 1);
			break;
		case CTA_PROTOINFO_DCCP_ROLE:
			ok &= take(a, &f->dccp.role, 1);
			break;
		case CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ:
			ok &= take(a, &seq, 8);
			f->dccp.handshake_seq = be64toh(seq);
			break;
		}
	}
	if (seen & 1u << CTA_PROTOINFO_DCCP_STATE && seen & 1u << CTA_PROTOINFO_DCCP_ROLE &&
	    seen & 1u << CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ)
		f->has |= FLOW_HAS_DCCP;
	return ok;
}

/* A helper of user space may have any name; the flow is worth more than an odd one. */
static int read_helper(const struct nlattr *nest, struct flow *f)
{
	const struct nlattr *a;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		const char *name = attr_data(a);
		size_t room = attr_len(a), len = strnlen(name, room);

		if (attr_type(a) == CTA_HELP_NAME && len < room && flow_helper_ok(name, len))
			memcpy(flow_rare_add(f, FLOW_HAS_HELPER)->helper, name, len + 1);
	}
	return 0;
}

static int read_labels(const struct nlattr *a, struct flow *f)
{
	static const uint8_t none[FLOW_LABELS_LEN];
	uint8_t labels[FLOW_LABELS_LEN];

	if (!take(a, labels, sizeof(labels)))
		return -EPROTO;
	if (memcmp(labels, none, sizeof(none)) != 0)
		memcpy(flow_rare_add(f, FLOW_HAS_LABELS)->labels, labels, sizeof(labels));
	return 0;
}

static int read_seqadj(const struct nlattr *nest, struct flow *f, unsigned dir)
{
	struct flow_seqadj *s = &flow_rare_add(f, FLOW_HAS_SEQADJ)->seqadj[dir];
	const struct nlattr *a;
	bool ok = true;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_SEQADJ_CORRECTION_POS:
			ok &= take_be32(a, &s->pos);
			break;
		case CTA_SEQADJ_OFFSET_BEFORE:
			ok &= take_be32(a, &s->before);
			break;
		case CTA_SEQADJ_OFFSET_AFTER:
			ok &= take_be32(a, &s->after);
			break;
		}
	}
	return ok ? 0 : -EPROTO;
}

static int read_synproxy(const struct nlattr *nest, struct flow *f)
{
	uint32_t isn = 0, its = 0, tsoff = 0;
	const struct nlattr *a;
	struct flow_rare *r;
	bool ok = true;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_SYNPROXY_ISN:
			ok &= take_be32(a, &isn);
			break;
		case CTA_SYNPROXY_ITS:
			ok &= take_be32(a, &its);
			break;
		case CTA_SYNPROXY_TSOFF:
			ok &= take_be32(a, &tsoff);
			break;
		}
	}
	if (!ok)
		return -EPROTO;
	if (!isn && !its && !tsoff)
		return 0;
	r = flow_rare_add(f, FLOW_HAS_SYNPROXY);
	r->synproxy.isn = isn;
	r->synproxy.its = its;
	r->synproxy.tsoff = tsoff;
	return 0;
}

int flow_netlink_read_rare(const struct nlattr *a, struct flow *f)
{
	struct flow_rare *r;

	switch (attr_type(a)) {
	case CTA_HELP:
		return read_helper(a, f);
	case CTA_LABELS:
		return read_labels(a, f);
	case CTA_SEQ_ADJ_ORIG:
		return read_seqadj(a, f, 0);
	case CTA_SEQ_ADJ_REPLY:
		return read_seqadj(a, f, 1);
	case CTA_SYNPROXY:
		return read_synproxy(a, f);
	case CTA_TUPLE_MASTER:
		r = flow_rare_add(f, FLOW_HAS_MASTER);
		return flow_netlink_read_tuple(a, &r->master, f->family, &r->master_proto);
	}
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_sctp(struct nlmsghdr *nlh, const struct flow_sctp *sctp)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_SCTP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_SCTP_STATE, sctp->state);
	mnl_attr_put_u32(nlh, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, sctp->vtag_be[0]);
	mnl_attr_put_u32(nlh, CTA_PROTOINFO_SCTP_VTAG_REPLY, sctp->vtag_be[1]);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, info);
}

static void put_dccp(struct nlmsghdr *nlh, const struct flow_dccp *dccp)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_DCCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_DCCP_STATE, dccp->state);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_DCCP_ROLE, dccp->role);
	mnl_attr_put_u64(nlh, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, htobe64(dccp->handshake_seq));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, info);
}

static void put_seqadj(struct nlmsghdr *nlh, uint16_t type, const struct flow_seqadj *s)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put_u32(nlh, CTA_SEQADJ_CORRECTION_POS, htonl(s->pos));
	mnl_attr_put_u32(nlh, CTA_SEQADJ_OFFSET_BEFORE, htonl(s->before));
	mnl_attr_put_u32(nlh, CTA_SEQADJ_OFFSET_AFTER, htonl(s->after));
	mnl_attr_nest_end(nlh, nest);
}

void flow_netlink_put_more(struct nlmsghdr *nlh, const struct flow *f)
{
	struct nlattr *nest;

	if (f->has & FLOW_HAS_SCTP)
		put_sctp(nlh, &f->sctp);
	if (f->has & FLOW_HAS_DCCP)
		put_dccp(nlh, &f->dccp);
	if (f->has & FLOW_HAS_SEQADJ) {
		put_seqadj(nlh, CTA_SEQ_ADJ_ORIG, &f->rare.seqadj[0]);
		put_seqadj(nlh, CTA_SEQ_ADJ_REPLY, &f->rare.seqadj[1]);
	}
	if (f->has & FLOW_HAS_SYNPROXY) {
		nest = mnl_attr_nest_start(nlh, CTA_SYNPROXY);
		mnl_attr_put_u32(nlh, CTA_SYNPROXY_ISN, htonl(f->rare.synproxy.isn));
		mnl_attr_put_u32(nlh, CTA_SYNPROXY_ITS, htonl(f->rare.synproxy.its));
		mnl_attr_put_u32(nlh, CTA_SYNPROXY_TSOFF, htonl(f->rare.synproxy.tsoff));
		mnl_attr_nest_end(nlh, nest);
	}
}

void flow_netlink_put_created(struct nlmsghdr *nlh, const struct flow *f)
{
	struct nlattr *nest;

	if (f->has & FLOW_HAS_HELPER) {
		nest = mnl_attr_nest_start(nlh, CTA_HELP);
		mnl_attr_put_strz(nlh, CTA_HELP_NAME, f->rare.helper);
		mnl_attr_nest_end(nlh, nest);
	}
	if (f->has & FLOW_HAS_MASTER)
		flow_netlink_put_tuple(nlh, CTA_TUPLE_MASTER, f->family, f->rare.master_proto,
				       &f->rare.master);
}
