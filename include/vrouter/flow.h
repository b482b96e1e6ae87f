/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow record: one conntrack entry as a plain value, neutral of family, protocol and of where
 * it came from (netlink today), and its compact wire encoding. Pure. Source of the semantics:
 * linux/netfilter/nf_conntrack_common.h, nfnetlink_conntrack.h, nf_conntrack_tcp.h. */
#ifndef VROUTER_FLOW_H
#define VROUTER_FLOW_H

#include "vrouter/addr.h"
#include "vrouter/wire.h"

/* Layer 4 part of a tuple; which member counts follows from the protocol. All network order. */
union flow_l4 {
	struct {
		uint16_t sport_be, dport_be; /* TCP, UDP, UDP-Lite, SCTP, DCCP; GRE: keys */
	};
	struct {
		uint16_t id_be; /* ICMP, ICMPv6 */
		uint8_t type, code;
	} icmp;
	uint32_t raw; /* for comparing and hashing */
};

struct flow_tuple {
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes, the rest zero */
	union flow_l4 l4;
};

/* Which optional parts are known. A kernel update carries only what changed. */
enum {
	FLOW_HAS_STATUS = 1 << 0,
	FLOW_HAS_TCP = 1 << 1,
	FLOW_HAS_MARK = 1 << 2,
	FLOW_HAS_TIMEOUT = 1 << 3, /* from the kernel only, never on the wire */
	FLOW_HAS_REPLY = 1 << 4,   /* always, except in a DEL from the wire */
};

struct flow_tcp {
	uint8_t state;	   /* enum tcp_conntrack */
	uint8_t wscale[2]; /* original, reply */
	uint8_t flags[2];  /* IP_CT_TCP_FLAG_* */
};

struct flow {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t proto;	/* IPPROTO_* */
	uint16_t zone;
	uint32_t has;
	struct flow_tuple orig, reply;
	uint32_t status; /* IPS_* as the kernel reports it */
	uint32_t mark;
	uint32_t timeout_s; /* what is left of it */
	struct flow_tcp tcp;
};

/* The identity of a flow: family, zone, protocol and original tuple. */
bool flow_same(const struct flow *a, const struct flow *b);
/* Keyed, so that nobody outside can aim at a bucket (SipHash-2-4). */
uint64_t flow_hash(const struct flow *f, const uint8_t key[static 16]);
/* The reply tuple of a flow that nobody translated. */
struct flow_tuple flow_invert(const struct flow *f, const struct flow_tuple *t);
bool flow_is_snat(const struct flow *f); /* reply.dst is not orig.src (address or port) */
bool flow_is_dnat(const struct flow *f); /* reply.src is not orig.dst */
/* Replicated state equal? Identity, reply, status bits that matter, protocol state, mark; no
 * timeouts. */
bool flow_equal(const struct flow *a, const struct flow *b);
/* Takes over every part that `from` has. Both describe the same flow. */
void flow_merge(struct flow *into, const struct flow *from);
#define FLOW_STRLEN 256
const char *flow_format(const struct flow *f,
			char buf[static FLOW_STRLEN]); /* for logs and failed tests */

/* A flow goes through the router when neither its origin nor its destination is the router itself.
 */
#define FLOW_LOCALS_MAX 16
struct flow_locals {
	struct ip_addr addr[FLOW_LOCALS_MAX]; /* the VIPs; loopback is always local */
	unsigned n;
};
bool flow_is_through(const struct flow *f, const struct flow_locals *l);

/* The kernel's timeouts by protocol state, in seconds, as the namespace's sysctls say
 * (net.netfilter.nf_conntrack_*_timeout*). */
#define FLOW_TCP_STATES 16
struct flow_timeouts {
	uint32_t tcp[FLOW_TCP_STATES]; /* by enum tcp_conntrack */
	uint32_t udp, udp_stream, icmp, generic;
};
void flow_timeouts_default(struct flow_timeouts *t); /* the kernel's built-in values */
uint32_t flow_timeout_s(const struct flow_timeouts *t, const struct flow *f);

/* ---- wire -------------------------------------------------------------------------------------
 */

enum flow_err {
	FLOW_OK,
	FLOW_E_SHORT,	/* ends too early */
	FLOW_E_VALUE,	/* a number out of its range */
	FLOW_E_MISSING, /* a required field is not there */
	FLOW_E_REF,	/* refers to an address the datagram did not define */
	FLOW_E_N
};
const char *flow_err_name(enum flow_err e);

/* Addresses that records may name by index instead of spelling them; a datagram carries its own
 * table, so it can be decoded alone. */
#define FLOW_REFS_MAX 7
struct flow_refs {
	struct ip_addr addr[FLOW_REFS_MAX];
	unsigned n;
};

/* A record's largest encoding, for buffer sizes. */
#define FLOW_WIRE_MAX 160

/* Body of a PUT: identity, reply where it is not the inverse, every part the flow has. Body of a
 * DEL: identity. */
void flow_encode_put(struct wr *w, const struct flow *f, const struct flow_refs *refs);
void flow_encode_del(struct wr *w, const struct flow *f, const struct flow_refs *refs);
/* body is exactly one record; fields that a newer peer appended are skipped. *out is written on
 * FLOW_OK only. */
must_check enum flow_err flow_decode_put(struct rd body, const struct flow_refs *refs,
					 struct flow *out);
must_check enum flow_err flow_decode_del(struct rd body, const struct flow_refs *refs,
					 struct flow *out);

#endif
