/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The expectation record: what a helper of the kernel (FTP, SIP, ...) foresees to come in the wake
 * of a flow, its master; and its wire encoding. Pure. Source of the semantics: the kernel's
 * nf_conntrack_expect.c, and ctnetlink_*_expect() in nf_conntrack_netlink.c. */
#ifndef VROUTER_EXPECT_H
#define VROUTER_EXPECT_H

#include "vrouter/flow.h"

/* Expectations are few: the kernel's own bound for all namespaces together is 4096 by default. */
#define EXPECTS_MAX	   4096
#define EXPECT_FN_LEN	   24	       /* with its final zero */
#define EXPECT_TIMEOUT_MAX (7 * 86400) /* seconds; more is told as this */
/* On a replica an expectation ends by the source's word. Its own clock runs that much longer than
 * the source's, so that it never ends there first: a helper may prolong it without an event, which
 * comes to replicas with the next audit. Two audits, in seconds. */
#define EXPECT_PIN_S 600

enum { /* NF_CT_EXPECT_* of linux/netfilter/nf_conntrack_common.h */
       EXPECT_FLAGS = 0x07,
};

struct expect {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t proto;
	uint8_t master_proto;
	uint16_t zone;		  /* of the master, too */
	struct flow_tuple tuple;  /* what is expected */
	struct flow_tuple mask;	  /* which bits of it count; of src and the source port only */
	struct flow_tuple master; /* the original tuple of the flow that expects it */
	uint32_t timeout_s;	  /* what is left of it */
	uint32_t flags;
	uint32_t class;		      /* of the helper's policies */
	char helper[FLOW_HELPER_LEN]; /* the master's; "": the kernel did not say */
	char fn[EXPECT_FN_LEN];	      /* what the kernel calls when it comes; "": nothing */
	bool nat;		      /* the rest is known */
	uint8_t nat_dir;	      /* of the master: 0 original, 1 reply */
	uint8_t nat_proto;	      /* may be 0 */
	struct flow_tuple nat_to;     /* where it really goes: src and source port only */
};

/* The kernel lets no two expectations overlap, so family, zone, protocol and tuple name one. */
bool expect_same(const struct expect *a, const struct expect *b);
/* In all but what is left of the timeout. */
bool expect_equal(const struct expect *a, const struct expect *b);
/* Of the identity, keyed. */
uint64_t expect_hash(const struct expect *x, const uint8_t key[static 16]);
/* The master's identity (has == 0, no reply tuple). */
void expect_master(const struct expect *x, struct flow *out);
/* May a function be called so? */
bool expect_fn_ok(const char *name, size_t len);
const char *expect_format(const struct expect *x, char buf[static FLOW_STRLEN]);

/* ---- wire ---- */

#define EXPECT_WIRE_MAX 256

/* Body of EXPECT and EXPECT_LIST: all; of EXPECT_DEL: the identity. */
void expect_encode(struct wr *w, const struct expect *x, const struct flow_refs *refs);
void expect_encode_del(struct wr *w, const struct expect *x, const struct flow_refs *refs);
/* body is exactly one record; fields that a newer peer appended are skipped. *out is written on
 * FLOW_OK only. */
must_check enum flow_err expect_decode(struct rd body, const struct flow_refs *refs,
				       struct expect *out);
must_check enum flow_err expect_decode_del(struct rd body, const struct flow_refs *refs,
					   struct expect *out);

#endif
