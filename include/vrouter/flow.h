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
	FLOW_HAS_SCTP = 1 << 5,
	FLOW_HAS_DCCP = 1 << 6,
	/* in struct flow_rare */
	FLOW_HAS_LABELS = 1 << 7, /* not all zero: the kernel does not tell those */
	FLOW_HAS_HELPER = 1 << 8, /* can only be given to a new entry */
	FLOW_HAS_MASTER = 1 << 9, /* the same */
	FLOW_HAS_SEQADJ = 1 << 10,
	FLOW_HAS_SYNPROXY = 1 << 11,
	FLOW_HAS_RARE = FLOW_HAS_LABELS | FLOW_HAS_HELPER | FLOW_HAS_MASTER | FLOW_HAS_SEQADJ |
			FLOW_HAS_SYNPROXY,
};

struct flow_tcp {
	uint8_t state;	   /* enum tcp_conntrack */
	uint8_t wscale[2]; /* original, reply */
	uint8_t flags[2];  /* IP_CT_TCP_FLAG_* */
};

struct flow_sctp {
	uint8_t state;	     /* enum sctp_conntrack */
	uint32_t vtag_be[2]; /* original, reply; without them the kernel drops what follows */
};

/* The kernel's states of DCCP, which it names in no header for user space. */
enum flow_dccp_state {
	FLOW_DCCP_NONE,
	FLOW_DCCP_REQUEST,
	FLOW_DCCP_RESPOND,
	FLOW_DCCP_PARTOPEN,
	FLOW_DCCP_OPEN,
	FLOW_DCCP_CLOSEREQ,
	FLOW_DCCP_CLOSING,
	FLOW_DCCP_TIMEWAIT,
	FLOW_DCCP_STATES,
};

struct flow_dccp {
	uint8_t state; /* enum flow_dccp_state */
	uint8_t role;  /* of who opened it: 0 client, 1 server */
	uint64_t handshake_seq;
};

struct flow_seqadj {
	uint32_t pos, before, after; /* as CTA_SEQADJ_* */
};

#define FLOW_LABELS_LEN 16
#define FLOW_HELPER_LEN 16 /* with its final zero */

/* What few flows have. Undefined while no bit of FLOW_HAS_RARE is set. */
struct flow_rare {
	uint8_t labels[FLOW_LABELS_LEN];
	char helper[FLOW_HELPER_LEN];
	struct flow_tuple master; /* the original tuple of the flow that expected this one */
	uint8_t master_proto;
	struct flow_seqadj seqadj[2]; /* original, reply */
	struct {
		uint32_t isn, its, tsoff;
	} synproxy;
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
	union {
		struct flow_tcp tcp;
		struct flow_sctp sctp;
		struct flow_dccp dccp;
	};		       /* which one follows from proto, its presence from has */
	struct flow_rare rare; /* last: what is hot is copied without it */
};

static inline void flow_copy(struct flow *to, const struct flow *from)
{
	memcpy(to, from, offsetof(struct flow, rare));
	if (from->has & FLOW_HAS_RARE)
		to->rare = from->rare;
}

/* Empty, but for rare, which nobody reads then. */
static inline void flow_clear(struct flow *f)
{
	memset(f, 0, offsetof(struct flow, rare));
}

/* For writing the part of rare whose FLOW_HAS_* bit this sets. */
static inline struct flow_rare *flow_rare_add(struct flow *f, uint32_t has)
{
	if (!(f->has & FLOW_HAS_RARE))
		memset(&f->rare, 0, sizeof(f->rare));
	f->has |= has;
	return &f->rare;
}

/* The identity of a flow: family, zone, protocol and original tuple. */
bool flow_same(const struct flow *a, const struct flow *b);
/* Keyed, so that nobody outside can aim at a bucket (SipHash-2-4). */
uint64_t flow_hash(const struct flow *f, const uint8_t key[static 16]);
/* The reply tuple of a flow that nobody translated. */
struct flow_tuple flow_invert(const struct flow *f, const struct flow_tuple *t);
bool flow_is_snat(const struct flow *f); /* reply.dst is not orig.src (address or port) */
bool flow_is_dnat(const struct flow *f); /* reply.src is not orig.dst */
/* What replication makes equal: identity, reply, status bits that matter, protocol state (with
 * SCTP's tags), mark; no timeouts. */
bool flow_equal(const struct flow *a, const struct flow *b);
/* Keyed hash of what flow_equal() and flow_rare_equal() compare, but for helper and master: what is
 * equal has equal digests, and what differs in anything else has different ones. */
uint64_t flow_digest(const struct flow *f, const uint8_t key[static 16]);
/* The rest of what is replicated. Not a part of flow_equal(), because a replica's kernel may refuse
 * it, and because sequence adjustments change without an event. */
bool flow_rare_equal(const struct flow *a, const struct flow *b);
/* May a helper be called so? */
bool flow_helper_ok(const char *name, size_t len);
/* Takes over every part that `from` has. Both describe the same flow. */
void flow_merge(struct flow *into, const struct flow *from);
#define FLOW_STRLEN 512
const char *flow_format(const struct flow *f,
			char buf[static FLOW_STRLEN]); /* for logs and failed tests */

/* What conntrack(8) calls a protocol, and a state of TCP, SCTP or DCCP; NULL: it has no name. */
const char *flow_proto_name(uint8_t proto);
const char *flow_state_name(uint8_t proto, uint8_t state);

/* A flow goes through the router when neither its origin nor its destination is the router itself,
 * nor something that no router forwards: link-local, multicast, neighbour discovery. */
#define FLOW_LOCALS_MAX 18 /* of all legs of a router, and its host link */
struct flow_locals {
	/* the VIPs, and those of the host link; loopback is always local */
	struct ip_addr addr[FLOW_LOCALS_MAX];
	unsigned n;
};
bool flow_is_through(const struct flow *f, const struct flow_locals *l);

/* The kernel's timeouts by protocol state, in seconds, as the namespace's sysctls say
 * (net.netfilter.nf_conntrack_*_timeout*). */
#define FLOW_TCP_STATES	 16
#define FLOW_SCTP_STATES 10
struct flow_timeouts {
	uint32_t tcp[FLOW_TCP_STATES];	 /* by enum tcp_conntrack */
	uint32_t sctp[FLOW_SCTP_STATES]; /* by enum sctp_conntrack */
	uint32_t dccp[FLOW_DCCP_STATES];
	uint32_t udp, udp_stream; /* UDP-Lite, too */
	uint32_t gre, gre_stream;
	uint32_t icmp, icmpv6, generic;
};
void flow_timeouts_default(struct flow_timeouts *t); /* the kernel's built-in values */
uint32_t flow_timeout_s(const struct flow_timeouts *t, const struct flow *f);

/* ---- wire -------------------------------------------------------------------------------------
 */

enum flow_err {
	FLOW_OK,
	FLOW_E_SHORT,	/* ends too early */
	FLOW_E_VALUE,	/* a number out of its range, or something twice */
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
#define FLOW_WIRE_MAX 256

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
