/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct flow <-> conntrack netlink messages, straight, without an object in between: this is the
 * hot path of source and replica. Facts of the kernel (nf_conntrack_netlink.c) that shape it:
 * - NAT cannot be set through status bits. A new entry is given its untranslated reply tuple and
 *   CTA_NAT_SRC/DST with exactly one address and port; the kernel then derives the reply tuple, and
 *   binds the other direction to nothing. With the translated reply tuple it would find nothing to
 *   change and mark the entry as not translated.
 * - An existing entry refuses CTA_NAT_*; SEEN_REPLY and ASSURED can only be added; CONFIRMED has to
 *   be as it is, which is set.
 * - A helper and a master can be given to a new entry only. Labels that the namespace has no room
 *   for are ignored with a new entry and refused with an update, so they go in a request of their
 *   own.
 * - A delete without a tuple empties the table: a message whose tuple could not be built has no
 *   length, so nobody sends it. */
#include "vrouter/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "attr.h"
#include "flow_netlink_priv.h"

/* What a request may say about status; the rest belongs to the kernel that holds the entry. */
#define STATUS_SETTABLE (IPS_SEEN_REPLY | IPS_ASSURED)
/* Without window numbers these are what is worth knowing of a TCP direction. */
#define TCP_FLAGS                                                                                  \
	(IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_CLOSE_INIT |      \
	 IP_CT_TCP_FLAG_BE_LIBERAL)

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_ip(const struct nlattr *nest, struct flow_tuple *t, uint8_t family)
{
	const struct nlattr *a;
	bool src = false, dst = false;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_IP_V4_SRC:
			src = family == AF_INET && take(a, t->src, 4);
			break;
		case CTA_IP_V4_DST:
			dst = family == AF_INET && take(a, t->dst, 4);
			break;
		case CTA_IP_V6_SRC:
			src = family == AF_INET6 && take(a, t->src, 16);
			break;
		case CTA_IP_V6_DST:
			dst = family == AF_INET6 && take(a, t->dst, 16);
			break;
		}
	}
	return src && dst;
}

static bool read_proto(const struct nlattr *nest, struct flow_tuple *t, uint8_t *proto)
{
	const struct nlattr *a;
	bool ok = true, num = false;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_PROTO_NUM:
			num = take(a, proto, 1);
			break;
		case CTA_PROTO_SRC_PORT:
			ok &= take(a, &t->l4.sport_be, 2);
			break;
		case CTA_PROTO_DST_PORT:
			ok &= take(a, &t->l4.dport_be, 2);
			break;
		case CTA_PROTO_ICMP_ID:
		case CTA_PROTO_ICMPV6_ID:
			ok &= take(a, &t->l4.icmp.id_be, 2);
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			ok &= take(a, &t->l4.icmp.type, 1);
			break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE:
			ok &= take(a, &t->l4.icmp.code, 1);
			break;
		}
	}
	return ok && num;
}

int flow_netlink_read_tuple(const struct nlattr *nest, struct flow_tuple *t, uint8_t family,
			    uint8_t *proto)
{
	const struct nlattr *a;
	bool ip = false, l4 = false;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_TUPLE_IP:
			ip = read_ip(a, t, family);
			break;
		case CTA_TUPLE_PROTO:
			l4 = read_proto(a, t, proto);
			break;
		case CTA_TUPLE_ZONE: /* a zone for one direction only */
			return -EOPNOTSUPP;
		}
	}
	return ip && l4 ? 0 : -EPROTO;
}

static bool read_tcp_flags(const struct nlattr *a, uint8_t *flags)
{
	struct nf_ct_tcp_flags f;

	if (!take(a, &f, sizeof(f)))
		return false;
	*flags = f.flags;
	return true;
}

static bool read_tcp(const struct nlattr *nest, struct flow *f)
{
	const struct nlattr *a;
	bool ok = true, state = false;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_PROTOINFO_TCP_STATE:
			state = take(a, &f->tcp.state, 1);
			break;
		case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
			ok &= take(a, &f->tcp.wscale[0], 1);
			break;
		case CTA_PROTOINFO_TCP_WSCALE_REPLY:
			ok &= take(a, &f->tcp.wscale[1], 1);
			break;
		case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
			ok &= read_tcp_flags(a, &f->tcp.flags[0]);
			break;
		case CTA_PROTOINFO_TCP_FLAGS_REPLY:
			ok &= read_tcp_flags(a, &f->tcp.flags[1]);
			break;
		}
	}
	if (state)
		f->has |= FLOW_HAS_TCP;
	return ok;
}

static bool read_protoinfo(const struct nlattr *nest, struct flow *f)
{
	const struct nlattr *a;
	bool ok = true;

	for (a = attr_first(nest); a; a = attr_next(a, nest)) {
		switch (attr_type(a)) {
		case CTA_PROTOINFO_TCP:
			ok &= read_tcp(a, f);
			break;
		case CTA_PROTOINFO_SCTP:
			ok &= flow_netlink_read_sctp(a, f);
			break;
		case CTA_PROTOINFO_DCCP:
			ok &= flow_netlink_read_dccp(a, f);
			break;
		}
	}
	return ok;
}

static bool read_u32(const struct nlattr *a, struct flow *f, uint32_t *to, uint32_t has)
{
	f->has |= has;
	return take_be32(a, to);
}

/* One attribute of the message itself. 0 or -errno. */
static int read_attr(const struct nlattr *a, struct flow *f, uint8_t proto[static 2])
{
	bool ok = true;
	uint16_t be;

	switch (attr_type(a)) {
	case CTA_TUPLE_ORIG:
		return flow_netlink_read_tuple(a, &f->orig, f->family, &proto[0]);
	case CTA_TUPLE_REPLY:
		f->has |= FLOW_HAS_REPLY;
		return flow_netlink_read_tuple(a, &f->reply, f->family, &proto[1]);
	case CTA_STATUS:
		ok = read_u32(a, f, &f->status, FLOW_HAS_STATUS);
		break;
	case CTA_TIMEOUT:
		ok = read_u32(a, f, &f->timeout_s, FLOW_HAS_TIMEOUT);
		break;
	case CTA_MARK:
		ok = read_u32(a, f, &f->mark, FLOW_HAS_MARK);
		break;
	case CTA_ZONE:
		ok = take(a, &be, sizeof(be));
		f->zone = ok ? ntohs(be) : 0;
		break;
	case CTA_PROTOINFO:
		ok = read_protoinfo(a, f);
		break;
	default: /* what few entries have */
		return flow_netlink_read_rare(a, f);
	}
	return ok ? 0 : -EPROTO;
}

static int read_kind(const struct nlmsghdr *nlh, enum flow_change *change)
{
	switch (nlh->nlmsg_type) {
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW:
		*change = nlh->nlmsg_flags & NLM_F_CREATE ? FLOW_NEW : FLOW_UPDATE;
		return 0;
	case NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE:
		*change = FLOW_DESTROY;
		return 0;
	}
	return -EPROTO;
}

int flow_netlink_parse(const struct nlmsghdr *nlh, struct flow *out, enum flow_change *change)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	uint8_t proto[2] = {0, 0};
	const struct nlattr *a;
	enum flow_change kind;
	struct flow f;
	int err;

	flow_clear(&f);
	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*nfg)))
		return -EPROTO;
	err = read_kind(nlh, &kind);
	if (err < 0)
		return err;
	f.family = nfg->nfgen_family;
	if (f.family != AF_INET && f.family != AF_INET6)
		return -EOPNOTSUPP;
	for (a = attr_first_of(nlh, sizeof(*nfg)); a; a = attr_next_of(a, nlh)) {
		err = read_attr(a, &f, proto);
		if (err < 0)
			return err;
	}
	if (!proto[0] || !(f.has & FLOW_HAS_REPLY) || proto[0] != proto[1])
		return -EPROTO;
	f.proto = proto[0];
	/* the parts share their place, and the kernel tells the one of the protocol only */
	if (((f.has & FLOW_HAS_TCP) && f.proto != IPPROTO_TCP) ||
	    ((f.has & FLOW_HAS_SCTP) && f.proto != IPPROTO_SCTP) ||
	    ((f.has & FLOW_HAS_DCCP) && f.proto != IPPROTO_DCCP))
		return -EPROTO;
	flow_copy(out, &f);
	*change = kind;
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void put_ip(struct nlmsghdr *nlh, uint8_t family, const struct flow_tuple *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	if (family == AF_INET) {
		mnl_attr_put(nlh, CTA_IP_V4_SRC, 4, t->src);
		mnl_attr_put(nlh, CTA_IP_V4_DST, 4, t->dst);
	} else {
		mnl_attr_put(nlh, CTA_IP_V6_SRC, 16, t->src);
		mnl_attr_put(nlh, CTA_IP_V6_DST, 16, t->dst);
	}
	mnl_attr_nest_end(nlh, nest);
}

void flow_netlink_put_tuple(struct nlmsghdr *nlh, uint16_t type, uint8_t family, uint8_t proto,
			    const struct flow_tuple *t)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;

	put_ip(nlh, family, t);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	switch (proto) {
	case IPPROTO_ICMP:
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, t->l4.icmp.id_be);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_TYPE, t->l4.icmp.type);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_CODE, t->l4.icmp.code);
		break;
	case IPPROTO_ICMPV6:
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMPV6_ID, t->l4.icmp.id_be);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_TYPE, t->l4.icmp.type);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_CODE, t->l4.icmp.code);
		break;
	default: /* protocols without ports ignore them */
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, t->l4.sport_be);
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, t->l4.dport_be);
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct flow *f,
		      const struct flow_tuple *t)
{
	flow_netlink_put_tuple(nlh, type, f->family, f->proto, t);
}

static void put_tcp_flags(struct nlmsghdr *nlh, uint16_t type, uint8_t flags)
{
	struct nf_ct_tcp_flags v = {
		.flags = (flags & TCP_FLAGS) | IP_CT_TCP_FLAG_BE_LIBERAL,
		.mask = TCP_FLAGS,
	};

	mnl_attr_put(nlh, type, sizeof(v), &v);
}

/* Window numbers are not replicated, so this kernel must not judge by them: liberal. The kernel
 * takes window scales only where both directions have the flag for them. */
static void put_tcp(struct nlmsghdr *nlh, const struct flow_tcp *tcp)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, tcp->state);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp->wscale[0]);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp->wscale[1]);
	put_tcp_flags(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, tcp->flags[0]);
	put_tcp_flags(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, tcp->flags[1]);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, info);
}

static bool has_nat_port(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	}
	return false;
}

/* The port is always given where there is one: without it the kernel may choose another. */
static void put_nat(struct nlmsghdr *nlh, uint16_t type, const struct flow *f, const uint8_t *addr,
		    uint16_t port_be)
{
	struct nlattr *nat = mnl_attr_nest_start(nlh, type), *nest;

	if (f->family == AF_INET)
		mnl_attr_put(nlh, CTA_NAT_V4_MINIP, 4, addr);
	else
		mnl_attr_put(nlh, CTA_NAT_V6_MINIP, 16, addr);
	if (has_nat_port(f->proto)) {
		nest = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MIN, port_be);
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MAX, port_be);
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, nat);
}

static bool is_icmp(const struct flow *f)
{
	return f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6;
}

static void put_nats(struct nlmsghdr *nlh, const struct flow *f)
{
	/* what a reply is sent to is the translated source; ICMP has one id for both directions,
	 * and it is the source's */
	if (flow_is_snat(f))
		put_nat(nlh, CTA_NAT_SRC, f, f->reply.dst,
			is_icmp(f) ? f->reply.l4.icmp.id_be : f->reply.l4.dport_be);
	if (flow_is_dnat(f))
		put_nat(nlh, CTA_NAT_DST, f, f->reply.src,
			is_icmp(f) ? f->reply.l4.icmp.id_be : f->reply.l4.sport_be);
}

static struct nlmsghdr *start(void *buf, size_t cap, const struct flow *f, unsigned type,
			      unsigned flags, uint32_t seq)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;

	/* the longest request is known to fit, so nothing is checked again on the way */
	if (cap < FLOW_NETLINK_MAX || (f->family != AF_INET && f->family != AF_INET6) || !f->proto)
		return NULL;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = f->family;
	nfg->version = NFNETLINK_V0;
	if (f->zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(f->zone));
	return nlh;
}

/* What creating and updating have in common. */
static void put_state(struct nlmsghdr *nlh, const struct flow *f, uint32_t timeout_s)
{
	if (f->has & FLOW_HAS_STATUS)
		mnl_attr_put_u32(nlh, CTA_STATUS,
				 htonl((f->status & STATUS_SETTABLE) | IPS_CONFIRMED));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(timeout_s));
	if (f->proto == IPPROTO_TCP && f->has & FLOW_HAS_TCP)
		put_tcp(nlh, &f->tcp);
	if (f->has & FLOW_HAS_MARK)
		mnl_attr_put_u32(nlh, CTA_MARK, htonl(f->mark));
	if (f->has & (FLOW_HAS_SCTP | FLOW_HAS_DCCP | FLOW_HAS_RARE))
		flow_netlink_put_more(nlh, f);
}

bool flow_netlink_complete(const struct flow *f)
{
	uint32_t needs = FLOW_HAS_STATUS | FLOW_HAS_REPLY;

	if (f->proto == IPPROTO_TCP)
		needs |= FLOW_HAS_TCP;
	if (f->proto == IPPROTO_SCTP) /* it would drop every packet for its tag */
		needs |= FLOW_HAS_SCTP;
	return (f->has & needs) == needs;
}

size_t flow_netlink_create(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			   uint32_t seq)
{
	struct nlmsghdr *nlh =
		start(buf, cap, f, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, seq);
	struct flow_tuple reply;

	if (!nlh || !flow_netlink_complete(f))
		return 0;
	reply = flow_invert(f, &f->orig);
	/* the kernel translates addresses of GRE, but keys only where it had given them out itself
	 */
	if (f->proto == IPPROTO_GRE)
		reply.l4 = f->reply.l4;
	put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	put_tuple(nlh, CTA_TUPLE_REPLY, f, &reply);
	put_state(nlh, f, timeout_s);
	put_nats(nlh, f);
	if (f->has & FLOW_HAS_RARE)
		flow_netlink_put_created(nlh, f);
	return nlh->nlmsg_len;
}

size_t flow_netlink_update(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			   uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, f, IPCTNL_MSG_CT_NEW, 0, seq);

	if (!nlh)
		return 0;
	put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	put_state(nlh, f, timeout_s);
	return nlh->nlmsg_len;
}

size_t flow_netlink_labels(void *buf, size_t cap, const struct flow *f, uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, f, IPCTNL_MSG_CT_NEW, 0, seq);

	if (!nlh || !(f->has & FLOW_HAS_LABELS))
		return 0;
	put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	mnl_attr_put(nlh, CTA_LABELS, FLOW_LABELS_LEN, f->rare.labels);
	return nlh->nlmsg_len;
}

size_t flow_netlink_timeout(void *buf, size_t cap, const struct flow *f, uint32_t timeout_s,
			    uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, f, IPCTNL_MSG_CT_NEW, 0, seq);

	if (!nlh)
		return 0;
	put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(timeout_s));
	return nlh->nlmsg_len;
}

size_t flow_netlink_delete(void *buf, size_t cap, const struct flow *f, enum flow_netlink_key key,
			   uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, f, IPCTNL_MSG_CT_DELETE, 0, seq);

	if (!nlh || (key == FLOW_NETLINK_REPLY && !(f->has & FLOW_HAS_REPLY)))
		return 0;
	if (key == FLOW_NETLINK_ORIG)
		put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	else
		put_tuple(nlh, CTA_TUPLE_REPLY, f, &f->reply);
	return nlh->nlmsg_len;
}

size_t flow_netlink_get(void *buf, size_t cap, const struct flow *f, uint32_t seq)
{
	struct nlmsghdr *nlh = start(buf, cap, f, IPCTNL_MSG_CT_GET, 0, seq);

	if (!nlh)
		return 0;
	put_tuple(nlh, CTA_TUPLE_ORIG, f, &f->orig);
	return nlh->nlmsg_len;
}
