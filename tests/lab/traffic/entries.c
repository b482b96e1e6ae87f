/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests are written attribute by attribute: what makes the load must cost little beside what
 * is measured under it. */
#include "entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#define FIRST_PORT 1024u
#define PORTS	   (65536u - FIRST_PORT)
#define TIMEOUT_S  3600

struct tuple {
	uint32_t src_be, dst_be;
	uint16_t sport_be, dport_be;
};

struct mnl_socket *entries_open(void)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		die("netlink: %s", strerror(errno));
	return nl;
}

/* Ports run fastest, then source address and destination port together, so that both tuples are
 * unique for many millions. */
static struct tuple entry_tuple(const struct options *o, unsigned i)
{
	return (struct tuple){
		.src_be = htonl(ntohl(o->source.s_addr) + i / PORTS),
		.dst_be = o->target.sin_addr.s_addr,
		.sport_be = htons((uint16_t)(FIRST_PORT + i % PORTS)),
		.dport_be = htons((uint16_t)(ntohs(o->target.sin_port) + i / PORTS)),
	};
}

static void put_tuple(struct nlmsghdr *h, uint16_t type, struct tuple t)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, type), *part;

	part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	mnl_attr_put_u32(h, CTA_IP_V4_SRC, t.src_be);
	mnl_attr_put_u32(h, CTA_IP_V4_DST, t.dst_be);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, t.sport_be);
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, t.dport_be);
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

/* The kernel derives the translated reply tuple from this. */
static void put_nat(struct nlmsghdr *h, uint32_t via_be, uint16_t port_be)
{
	struct nlattr *nat = mnl_attr_nest_start(h, CTA_NAT_SRC), *proto;

	mnl_attr_put_u32(h, CTA_NAT_V4_MINIP, via_be);
	proto = mnl_attr_nest_start(h, CTA_NAT_PROTO);
	mnl_attr_put_u16(h, CTA_PROTONAT_PORT_MIN, port_be);
	mnl_attr_put_u16(h, CTA_PROTONAT_PORT_MAX, port_be);
	mnl_attr_nest_end(h, proto);
	mnl_attr_nest_end(h, nat);
}

static void put_header(struct nlmsghdr *h, uint8_t type, uint16_t flags, uint32_t seq)
{
	struct nfgenmsg *g;

	mnl_nlmsg_put_header(h);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	g->version = NFNETLINK_V0;
}

size_t entries_new(struct nlmsghdr *h, const struct options *o, unsigned i, bool ack)
{
	struct tuple t = entry_tuple(o, i);
	struct tuple reply = {t.dst_be, t.src_be, t.dport_be, t.sport_be};
	struct nlattr *info, *tcp;

	put_header(h, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0), i + 1);
	put_tuple(h, CTA_TUPLE_ORIG, t);
	put_tuple(h, CTA_TUPLE_REPLY, reply);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(TIMEOUT_S));
	info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
	put_nat(h, o->via.s_addr, t.sport_be);
	return h->nlmsg_len;
}

size_t entries_ask(struct nlmsghdr *h, const struct options *o, unsigned i, uint8_t type, bool ack)
{
	put_header(h, type, ack ? NLM_F_ACK : 0, i + 1);
	put_tuple(h, CTA_TUPLE_ORIG, entry_tuple(o, i));
	return h->nlmsg_len;
}

/* What goes well is not answered, so the last message of a batch asks for it. */
static unsigned answers(struct mnl_socket *nl, uint32_t last_seq, int *why)
{
	char buf[16384];
	unsigned refused = 0;

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			die("netlink: %s", strerror(errno));
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			refused += e->error != 0;
			if (e->error)
				*why = -e->error;
			if (h->nlmsg_seq == last_seq)
				return refused;
		}
	}
}

static void send_all(struct mnl_socket *nl, const void *buf, size_t len)
{
	if (mnl_socket_sendto(nl, buf, len) < 0)
		die("netlink: %s", strerror(errno));
}

unsigned entries_make(struct mnl_socket *nl, const struct options *o, unsigned first, unsigned n,
		      int *why)
{
	static char buf[ENTRIES_BATCH * ENTRIES_MESSAGE_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += entries_new((void *)(buf + len), o, first + i, i == n - 1);
	send_all(nl, buf, len);
	return answers(nl, first + n, why);
}

unsigned entries_drop(struct mnl_socket *nl, const struct options *o, unsigned first, unsigned n,
		      int *why)
{
	static char buf[ENTRIES_BATCH * ENTRIES_MESSAGE_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += entries_ask((void *)(buf + len), o, first + i, IPCTNL_MSG_CT_DELETE,
				   i == n - 1);
	send_all(nl, buf, len);
	return answers(nl, first + n, why);
}

/* A GET is answered by the entry or by an error. */
unsigned entries_have(struct mnl_socket *nl, const struct options *o, unsigned first, unsigned n)
{
	static char buf[ENTRIES_BATCH * ENTRIES_MESSAGE_MAX];
	unsigned answered = 0, found = 0;
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += entries_ask((void *)(buf + len), o, first + i, IPCTNL_MSG_CT_GET, false);
	send_all(nl, buf, len);
	while (answered < n) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0)
			die("netlink: %s", strerror(errno));
		for (struct nlmsghdr *h = (void *)buf; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			answered++;
			found += h->nlmsg_type != NLMSG_ERROR;
		}
	}
	return found;
}
