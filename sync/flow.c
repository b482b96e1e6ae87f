/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vrouter/flow.h"

#include <endian.h>
#include <stdarg.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/* The rest of the status follows from the tuples (NAT bits) or is the kernel's own business. */
#define STATUS_COMPARED ((uint32_t)(IPS_SEEN_REPLY | IPS_ASSURED))

static size_t addr_len(uint8_t family)
{
	return family == AF_INET6 ? 16 : 4;
}

bool flow_same(const struct flow *a, const struct flow *b)
{
	return a->orig.l4.raw == b->orig.l4.raw && a->proto == b->proto && a->family == b->family &&
	       a->zone == b->zone && memcmp(a->orig.src, b->orig.src, sizeof(a->orig.src)) == 0 &&
	       memcmp(a->orig.dst, b->orig.dst, sizeof(a->orig.dst)) == 0;
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

struct sip {
	uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v)
{
	v.a += v.b;
	v.b = rotl(v.b, 13) ^ v.a;
	v.a = rotl(v.a, 32);
	v.c += v.d;
	v.d = rotl(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = rotl(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = rotl(v.b, 17) ^ v.c;
	v.c = rotl(v.c, 32);
	return v;
}

static inline struct sip sip_word(struct sip v, uint64_t m)
{
	v.d ^= m;
	v = sip_round(sip_round(v));
	v.a ^= m;
	return v;
}

/* SipHash-2-4 of len bytes, a multiple of 8 (all that is hashed here is padded to that). */
static uint64_t siphash(const uint8_t *p, size_t len, const uint8_t key[static 16])
{
	uint64_t k0 = le64(key), k1 = le64(key + 8);
	struct sip v = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
			k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};

	for (size_t i = 0; i < len; i += 8)
		v = sip_word(v, le64(p + i));
	v = sip_word(v, (uint64_t)len << 56);
	v.c ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		v = sip_round(v);
	return v.a ^ v.b ^ v.c ^ v.d;
}

uint64_t flow_hash(const struct flow *f, const uint8_t key[static 16])
{
	uint8_t b[40];
	uint16_t zone = htons(f->zone); /* controllers may differ in byte order */
	size_t n = addr_len(f->family);

	b[0] = f->family;
	b[1] = f->proto;
	memcpy(b + 2, &zone, 2);
	memcpy(b + 4, &f->orig.l4.raw, 4);
	memcpy(b + 8, f->orig.src, n);
	memcpy(b + 8 + n, f->orig.dst, n);
	return siphash(b, 8 + 2 * n, key);
}

/* What an answer to this ICMP type looks like, as nf_conntrack_proto_icmp(v6).c has it. */
static uint8_t icmp_invert(uint8_t proto, uint8_t type)
{
	static const uint8_t pair[][3] = {
		{IPPROTO_ICMP, 8, 0},	{IPPROTO_ICMP, 13, 14},	    {IPPROTO_ICMP, 15, 16},
		{IPPROTO_ICMP, 17, 18}, {IPPROTO_ICMPV6, 128, 129}, {IPPROTO_ICMPV6, 139, 140},
	};

	for (size_t i = 0; i < ARRAY_LEN(pair); i++) {
		if (pair[i][0] != proto)
			continue;
		if (pair[i][1] == type)
			return pair[i][2];
		if (pair[i][2] == type)
			return pair[i][1];
	}
	return type;
}

struct flow_tuple flow_invert(const struct flow *f, const struct flow_tuple *t)
{
	struct flow_tuple r = {.l4 = t->l4};

	memcpy(r.src, t->dst, sizeof(r.src));
	memcpy(r.dst, t->src, sizeof(r.dst));
	if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6) {
		r.l4.icmp.type = icmp_invert(f->proto, t->l4.icmp.type);
	} else {
		r.l4.sport_be = t->l4.dport_be;
		r.l4.dport_be = t->l4.sport_be;
	}
	return r;
}

bool flow_is_snat(const struct flow *f)
{
	struct flow_tuple r = flow_invert(f, &f->orig);

	return memcmp(r.dst, f->reply.dst, sizeof(r.dst)) != 0 ||
	       r.l4.dport_be != f->reply.l4.dport_be ||
	       /* an ICMP query has one id for both ends, and it is the origin's */
	       ((f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6) &&
		r.l4.icmp.id_be != f->reply.l4.icmp.id_be);
}

bool flow_is_dnat(const struct flow *f)
{
	struct flow_tuple r = flow_invert(f, &f->orig);

	if (memcmp(r.src, f->reply.src, sizeof(r.src)) != 0)
		return true;
	return f->proto != IPPROTO_ICMP && f->proto != IPPROTO_ICMPV6 &&
	       r.l4.sport_be != f->reply.l4.sport_be;
}

static bool tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b)
{
	return memcmp(a->src, b->src, sizeof(a->src)) == 0 &&
	       memcmp(a->dst, b->dst, sizeof(a->dst)) == 0 && a->l4.raw == b->l4.raw;
}

static bool state_equal(const struct flow *a, const struct flow *b)
{
	if ((a->has ^ b->has) & (FLOW_HAS_TCP | FLOW_HAS_SCTP | FLOW_HAS_DCCP))
		return false;
	if (a->has & FLOW_HAS_TCP)
		return a->tcp.state == b->tcp.state;
	if (a->has & FLOW_HAS_SCTP)
		return a->sctp.state == b->sctp.state && a->sctp.vtag_be[0] == b->sctp.vtag_be[0] &&
		       a->sctp.vtag_be[1] == b->sctp.vtag_be[1];
	return !(a->has & FLOW_HAS_DCCP) ||
	       (a->dccp.state == b->dccp.state && a->dccp.role == b->dccp.role &&
		a->dccp.handshake_seq == b->dccp.handshake_seq);
}

bool flow_equal(const struct flow *a, const struct flow *b)
{
	if (!flow_same(a, b) || !tuple_equal(&a->reply, &b->reply))
		return false;
	/* the kernel leaves out a mark of zero, so absent and zero are the same */
	if ((a->has & FLOW_HAS_MARK ? a->mark : 0) != (b->has & FLOW_HAS_MARK ? b->mark : 0))
		return false;
	if ((a->status ^ b->status) & STATUS_COMPARED)
		return false;
	return state_equal(a, b);
}

bool flow_rare_equal(const struct flow *a, const struct flow *b)
{
	const struct flow_rare *x = &a->rare, *y = &b->rare;
	uint32_t has = a->has & FLOW_HAS_RARE;

	if ((a->has ^ b->has) & FLOW_HAS_RARE)
		return false;
	if (has & FLOW_HAS_LABELS && memcmp(x->labels, y->labels, sizeof(x->labels)) != 0)
		return false;
	if (has & FLOW_HAS_HELPER && strcmp(x->helper, y->helper) != 0)
		return false;
	if (has & FLOW_HAS_MASTER &&
	    (x->master_proto != y->master_proto || !tuple_equal(&x->master, &y->master)))
		return false;
	if (has & FLOW_HAS_SEQADJ && memcmp(x->seqadj, y->seqadj, sizeof(x->seqadj)) != 0)
		return false;
	return !(has & FLOW_HAS_SYNPROXY) ||
	       memcmp(&x->synproxy, &y->synproxy, sizeof(x->synproxy)) == 0;
}

bool flow_helper_ok(const char *name, size_t len)
{
	if (!len || len >= FLOW_HELPER_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9') && !memchr("-._", name[i], 3))
			return false;
	return true;
}

static void merge_rare(struct flow *into, const struct flow *from)
{
	struct flow_rare *to = flow_rare_add(into, from->has & FLOW_HAS_RARE);

	if (from->has & FLOW_HAS_LABELS)
		memcpy(to->labels, from->rare.labels, sizeof(to->labels));
	if (from->has & FLOW_HAS_HELPER)
		memcpy(to->helper, from->rare.helper, sizeof(to->helper));
	if (from->has & FLOW_HAS_MASTER) {
		to->master = from->rare.master;
		to->master_proto = from->rare.master_proto;
	}
	if (from->has & FLOW_HAS_SEQADJ)
		memcpy(to->seqadj, from->rare.seqadj, sizeof(to->seqadj));
	if (from->has & FLOW_HAS_SYNPROXY)
		to->synproxy = from->rare.synproxy;
}

static uint8_t digest_state(const struct flow *f, uint8_t state[static 2], uint8_t more[static 8])
{
	if (f->has & FLOW_HAS_TCP) {
		state[0] = f->tcp.state;
		return 1;
	}
	if (f->has & FLOW_HAS_SCTP) {
		state[0] = f->sctp.state;
		memcpy(more, f->sctp.vtag_be, sizeof(f->sctp.vtag_be));
		return 2;
	}
	if (f->has & FLOW_HAS_DCCP) {
		state[0] = f->dccp.state;
		state[1] = f->dccp.role;
		for (unsigned i = 0; i < 8; i++)
			more[i] = (uint8_t)(f->dccp.handshake_seq >> 8 * i);
		return 3;
	}
	return 0;
}

/* Helper and master are given to a new entry only, so they cannot grow apart; and a kernel may
 * refuse them, which no repair would mend. */
#define DIGEST_RARE ((uint32_t)(FLOW_HAS_LABELS | FLOW_HAS_SEQADJ | FLOW_HAS_SYNPROXY))

/* rest: the digest of all else. On its own this part would be the same of two flows, and a bucket's
 * sum would not show which of them has it. */
static uint64_t digest_rare(const struct flow *f, uint64_t rest, const uint8_t key[static 16])
{
	const struct flow_rare *r = &f->rare;
	uint8_t b[64] = {0};
	struct wr w = wr_of(b, sizeof(b));

	wr_be64(&w, rest);
	wr_be32(&w, f->has & DIGEST_RARE);
	if (f->has & FLOW_HAS_LABELS)
		wr_bytes(&w, r->labels, sizeof(r->labels));
	for (unsigned i = 0; i < 2 && f->has & FLOW_HAS_SEQADJ; i++) {
		wr_be32(&w, r->seqadj[i].pos);
		wr_be32(&w, r->seqadj[i].before);
		wr_be32(&w, r->seqadj[i].after);
	}
	if (f->has & FLOW_HAS_SYNPROXY) {
		wr_be32(&w, r->synproxy.isn);
		wr_be32(&w, r->synproxy.its);
		wr_be32(&w, r->synproxy.tsoff);
	}
	return siphash(b, (wr_len(&w) + 7) & ~(size_t)7, key);
}

/* Every field at a place of its own, in network order. */
uint64_t flow_digest(const struct flow *f, const uint8_t key[static 16])
{
	uint8_t b[96] = {f->family, f->proto};
	uint32_t mark = htonl(f->has & FLOW_HAS_MARK ? f->mark : 0);
	uint32_t status = htonl(f->status & STATUS_COMPARED);
	uint16_t zone = htons(f->zone);
	size_t n = addr_len(f->family), at = 32;
	uint64_t digest;

	memcpy(b + 2, &zone, 2);
	b[4] = digest_state(f, b + 5, b + 24);
	memcpy(b + 8, &status, 4);
	memcpy(b + 12, &mark, 4);
	memcpy(b + 16, &f->orig.l4.raw, 4);
	memcpy(b + 20, &f->reply.l4.raw, 4);
	memcpy(b + at, f->orig.src, n);
	memcpy(b + (at += n), f->orig.dst, n);
	memcpy(b + (at += n), f->reply.src, n);
	memcpy(b + (at += n), f->reply.dst, n);
	digest = siphash(b, at + n, key);
	return f->has & DIGEST_RARE ? digest_rare(f, digest, key) : digest;
}

void flow_merge(struct flow *into, const struct flow *from)
{
	if (from->has & FLOW_HAS_STATUS)
		into->status = from->status;
	if (from->has & FLOW_HAS_TCP)
		into->tcp = from->tcp;
	if (from->has & FLOW_HAS_SCTP)
		into->sctp = from->sctp;
	if (from->has & FLOW_HAS_DCCP)
		into->dccp = from->dccp;
	if (from->has & FLOW_HAS_MARK)
		into->mark = from->mark;
	if (from->has & FLOW_HAS_TIMEOUT)
		into->timeout_s = from->timeout_s;
	if (from->has & FLOW_HAS_REPLY)
		into->reply = from->reply;
	if (from->has & FLOW_HAS_RARE)
		merge_rare(into, from);
	into->has |= from->has;
}

/* ---- text ---- */

struct text {
	char *p;
	size_t left;
};

static void add(struct text *t, const char *fmt, ...) printf_like(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->p, t->left, fmt, ap);
	va_end(ap);

	size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;

	t->p += used;
	t->left -= used;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static void add_tuple(struct text *t, uint8_t family, uint8_t proto, const struct flow_tuple *u)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	struct ip_addr a = {.family = family}, b = {.family = family};

	memcpy(a.b, u->src, sizeof(a.b));
	memcpy(b.b, u->dst, sizeof(b.b));
	ip_addr_format(&a, src);
	ip_addr_format(&b, dst);
	if (is_icmp(proto))
		add(t, "%s > %s type %u code %u id %u", src, dst, u->l4.icmp.type, u->l4.icmp.code,
		    ntohs(u->l4.icmp.id_be));
	else
		add(t, "%s:%u > %s:%u", src, ntohs(u->l4.sport_be), dst, ntohs(u->l4.dport_be));
}

static const char *state_name(const struct flow *f, uint8_t state)
{
	const char *name = flow_state_name(f->proto, state);

	return name ? name : "?";
}

static void add_state(struct text *t, const struct flow *f)
{
	if (f->has & FLOW_HAS_TCP)
		add(t, " %s", state_name(f, f->tcp.state));
	if (f->has & FLOW_HAS_SCTP)
		add(t, " %s vtags %08x %08x", state_name(f, f->sctp.state),
		    ntohl(f->sctp.vtag_be[0]), ntohl(f->sctp.vtag_be[1]));
	if (f->has & FLOW_HAS_DCCP)
		add(t, " %s role %u", state_name(f, f->dccp.state), f->dccp.role);
}

static void add_rare(struct text *t, const struct flow *f)
{
	const struct flow_rare *r = &f->rare;

	if (f->has & FLOW_HAS_HELPER)
		add(t, " helper %s", r->helper);
	if (f->has & FLOW_HAS_LABELS) {
		add(t, " labels ");
		for (size_t i = 0; i < sizeof(r->labels); i++)
			add(t, "%02x", r->labels[i]);
	}
	if (f->has & FLOW_HAS_SEQADJ)
		for (unsigned d = 0; d < 2; d++)
			add(t, " seqadj %u %d %d", r->seqadj[d].pos, (int)r->seqadj[d].before,
			    (int)r->seqadj[d].after);
	if (f->has & FLOW_HAS_SYNPROXY)
		add(t, " synproxy %u %u %u", r->synproxy.isn, r->synproxy.its, r->synproxy.tsoff);
	if (f->has & FLOW_HAS_MASTER) {
		add(t, " master %u ", r->master_proto);
		add_tuple(t, f->family, r->master_proto, &r->master);
	}
}

const char *flow_format(const struct flow *f, char buf[static FLOW_STRLEN])
{
	const char *proto = flow_proto_name(f->proto);
	struct text t = {.p = buf, .left = FLOW_STRLEN};

	if (proto)
		add(&t, "%s ", proto);
	else
		add(&t, "proto %u ", f->proto);
	add_tuple(&t, f->family, f->proto, &f->orig);
	if (f->has & FLOW_HAS_REPLY) {
		add(&t, " reply ");
		add_tuple(&t, f->family, f->proto, &f->reply);
	}
	add_state(&t, f);
	if (f->has & FLOW_HAS_STATUS)
		add(&t, "%s%s", f->status & IPS_SEEN_REPLY ? "" : " unreplied",
		    f->status & IPS_ASSURED ? " assured" : "");
	if (f->has & FLOW_HAS_MARK)
		add(&t, " mark %u", f->mark);
	if (f->zone)
		add(&t, " zone %u", f->zone);
	if (f->has & FLOW_HAS_TIMEOUT)
		add(&t, " timeout %u", f->timeout_s);
	add_rare(&t, f);
	return buf;
}

/* ---- through or local ---- */

/* Nothing from or to these is ever forwarded. */
static bool never_forwarded(uint8_t family, const uint8_t *a)
{
	static const uint8_t zero[15];

	if (family == AF_INET6)
		return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
		       (memcmp(a, zero, 15) == 0 && a[15] <= 1);
	return a[0] == 127 || a[0] == 0 || (a[0] & 0xf0) == 0xe0 ||
	       (a[0] == 255 && a[1] == 255 && a[2] == 255 && a[3] == 255);
}

static bool is_local(const struct flow_locals *l, uint8_t family, const uint8_t *a)
{
	if (never_forwarded(family, a))
		return true;
	for (unsigned i = 0; i < l->n; i++)
		if (l->addr[i].family == family && memcmp(l->addr[i].b, a, addr_len(family)) == 0)
			return true;
	return false;
}

/* Multicast listener and neighbour discovery: between neighbours, whatever the addresses. */
static bool is_neighbour_talk(const struct flow *f)
{
	uint8_t type = f->orig.l4.icmp.type;

	return f->proto == IPPROTO_ICMPV6 && ((type >= 130 && type <= 137) || type == 143);
}

bool flow_is_through(const struct flow *f, const struct flow_locals *l)
{
	if (is_neighbour_talk(f))
		return false;
	/* reply.src is where it really goes: the inner server when the VIP is translated */
	return !is_local(l, f->family, f->orig.src) && !is_local(l, f->family, f->reply.src);
}

/* ---- timeouts ---- */

void flow_timeouts_default(struct flow_timeouts *t)
{
	*t = (struct flow_timeouts){
		.tcp = {[TCP_CONNTRACK_NONE] = 120,
			[TCP_CONNTRACK_SYN_SENT] = 120,
			[TCP_CONNTRACK_SYN_RECV] = 60,
			[TCP_CONNTRACK_ESTABLISHED] = 432000,
			[TCP_CONNTRACK_FIN_WAIT] = 120,
			[TCP_CONNTRACK_CLOSE_WAIT] = 60,
			[TCP_CONNTRACK_LAST_ACK] = 30,
			[TCP_CONNTRACK_TIME_WAIT] = 120,
			[TCP_CONNTRACK_CLOSE] = 10,
			[TCP_CONNTRACK_SYN_SENT2] = 120},
		.sctp = {[SCTP_CONNTRACK_NONE] = 10,
			 [SCTP_CONNTRACK_CLOSED] = 10,
			 [SCTP_CONNTRACK_COOKIE_WAIT] = 3,
			 [SCTP_CONNTRACK_COOKIE_ECHOED] = 3,
			 [SCTP_CONNTRACK_ESTABLISHED] = 210,
			 [SCTP_CONNTRACK_SHUTDOWN_SENT] = 3,
			 [SCTP_CONNTRACK_SHUTDOWN_RECD] = 3,
			 [SCTP_CONNTRACK_SHUTDOWN_ACK_SENT] = 3,
			 [SCTP_CONNTRACK_HEARTBEAT_SENT] = 30,
			 [SCTP_CONNTRACK_HEARTBEAT_ACKED] = 210},
		.dccp = {[FLOW_DCCP_NONE] = 240,
			 [FLOW_DCCP_REQUEST] = 240,
			 [FLOW_DCCP_RESPOND] = 480,
			 [FLOW_DCCP_PARTOPEN] = 480,
			 [FLOW_DCCP_OPEN] = 43200,
			 [FLOW_DCCP_CLOSEREQ] = 64,
			 [FLOW_DCCP_CLOSING] = 64,
			 [FLOW_DCCP_TIMEWAIT] = 240},
		.udp = 30,
		.udp_stream = 120,
		.gre = 30,
		.gre_stream = 180,
		.icmp = 30,
		.icmpv6 = 30,
		.generic = 600,
	};
}

uint32_t flow_timeout_s(const struct flow_timeouts *t, const struct flow *f)
{
	switch (f->proto) {
	case IPPROTO_TCP:
		if (!(f->has & FLOW_HAS_TCP) || f->tcp.state >= FLOW_TCP_STATES ||
		    !t->tcp[f->tcp.state])
			return t->tcp[TCP_CONNTRACK_ESTABLISHED];
		return t->tcp[f->tcp.state];
	case IPPROTO_SCTP:
		if (!(f->has & FLOW_HAS_SCTP) || f->sctp.state >= FLOW_SCTP_STATES)
			return t->sctp[SCTP_CONNTRACK_ESTABLISHED];
		return t->sctp[f->sctp.state];
	case IPPROTO_DCCP: /* a kernel that does not know it treats it as any other */
		if (!(f->has & FLOW_HAS_DCCP))
			return t->generic;
		return t->dccp[f->dccp.state < FLOW_DCCP_STATES ? f->dccp.state : FLOW_DCCP_OPEN];
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return f->status & IPS_ASSURED ? t->udp_stream : t->udp;
	case IPPROTO_GRE:
		return f->status & IPS_ASSURED ? t->gre_stream : t->gre;
	case IPPROTO_ICMP:
		return t->icmp;
	case IPPROTO_ICMPV6:
		return t->icmpv6;
	default:
		return t->generic;
	}
}
