/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows to test with. */
#ifndef FLOW_SAMPLES_H
#define FLOW_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "vrouter/expect.h"
#include "vrouter/flow.h"

static inline void sample_addr(uint8_t to[static 16], const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	memcpy(to, a.b, 16);
}

/* An untranslated flow; ports are id and type/code for ICMP. */
static inline struct flow sample_flow(uint8_t proto, const char *src, uint16_t sport,
				      const char *dst, uint16_t dport)
{
	struct flow f = {.family = strchr(src, ':') ? AF_INET6 : AF_INET,
			 .proto = proto,
			 .has = FLOW_HAS_STATUS | FLOW_HAS_REPLY,
			 .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED};

	sample_addr(f.orig.src, src);
	sample_addr(f.orig.dst, dst);
	f.orig.l4.sport_be = htons(sport);
	f.orig.l4.dport_be = htons(dport);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		f.orig.l4.icmp.id_be = htons(sport);
		f.orig.l4.icmp.type = (uint8_t)(dport >> 8);
		f.orig.l4.icmp.code = (uint8_t)dport;
	}
	f.reply = flow_invert(&f, &f.orig);
	if (proto == IPPROTO_TCP) {
		f.has |= FLOW_HAS_TCP;
		f.tcp = (struct flow_tcp){.state = TCP_CONNTRACK_ESTABLISHED,
					  .wscale = {7, 9},
					  .flags = {0x23, 0x22}};
	}
	return f;
}

static inline struct flow sample_snat(struct flow f, const char *vip, uint16_t port)
{
	memset(f.reply.dst, 0, sizeof(f.reply.dst));
	sample_addr(f.reply.dst, vip);
	if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6)
		f.reply.l4.icmp.id_be = htons(port);
	else
		f.reply.l4.dport_be = htons(port);
	f.status |= IPS_SRC_NAT;
	return f;
}

static inline struct flow sample_tcp_snat(uint16_t n)
{
	return sample_snat(sample_flow(IPPROTO_TCP, "10.20.0.7", n, "198.51.100.9", 443),
			   "203.0.113.1", (uint16_t)(n ^ 0x5555));
}

/* Everything that few flows have. */
static inline struct flow sample_rare(struct flow f)
{
	struct flow_rare *r = flow_rare_add(&f, FLOW_HAS_RARE);

	memset(r->labels, 0x81, sizeof(r->labels));
	strcpy(r->helper, "netbios-ns_123.");
	r->master = f.orig;
	r->master.l4.raw ^= 0x01010101;
	r->master_proto = IPPROTO_TCP;
	r->seqadj[0] = (struct flow_seqadj){1, (uint32_t)-2, 3};
	r->seqadj[1] = (struct flow_seqadj){UINT32_MAX, 5, (uint32_t)-6};
	r->synproxy.isn = 7;
	r->synproxy.its = 8;
	r->synproxy.tsoff = UINT32_MAX;
	return f;
}

/* Something that this flow's helper expects. */
static inline struct expect sample_expect(const struct flow *master)
{
	struct expect x = {.family = master->family,
			   .proto = IPPROTO_TCP,
			   .master_proto = master->proto,
			   .zone = master->zone,
			   .master = master->orig,
			   .tuple = master->orig,
			   .timeout_s = 300,
			   .helper = "ftp"};

	memset(&x.mask, 0xff, sizeof(x.mask));
	return x;
}

static inline struct flow sample_sctp(struct flow f)
{
	f.has |= FLOW_HAS_SCTP;
	f.sctp.state = SCTP_CONNTRACK_ESTABLISHED;
	f.sctp.vtag_be[0] = htonl(0x01020304);
	f.sctp.vtag_be[1] = htonl(0xa1a2a3a4);
	return f;
}

static inline struct flow sample_dccp(struct flow f)
{
	f.has |= FLOW_HAS_DCCP;
	f.dccp.state = FLOW_DCCP_OPEN;
	f.dccp.role = 1;
	f.dccp.handshake_seq = 0x0102030405060708;
	return f;
}

#endif
