/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of conntrackd, protocol version 1, as conntrackd 1.4.7 sends them: a datagram holds
 * one or more, each a header of 8 bytes (two more numbers in some control messages) and attributes.
 * Pure. Layout: docs/conntrackd.md. */
#ifndef SYNC_CONNTRACKD_MSG_H
#define SYNC_CONNTRACKD_MSG_H

#include "vrouter/expect.h"

#define CTD_VERSION 1
#define CTD_HDR_LEN 8
#define CTD_ACK_LEN 16	/* of ACK, NACK and RESYNC */
#define CTD_MSG_MAX 512 /* none of ours is longer */

enum ctd_type {
	CTD_CT_NEW,
	CTD_CT_UPD,
	CTD_CT_DEL,
	CTD_EXP_NEW,
	CTD_EXP_UPD,
	CTD_EXP_DEL,
	CTD_CTL = 10,
};

enum { /* flags; the first four are those of a CTL message, which has one of them */
       CTD_RESYNC = 1 << 1,
       CTD_NACK = 1 << 2,
       CTD_ACK = 1 << 3,
       CTD_ALIVE = 1 << 4,
       CTD_HELLO = 1 << 5,	/* the sender has just started */
       CTD_HELLO_BACK = 1 << 6, /* it has heard a HELLO */
};
#define CTD_HELLOS (CTD_HELLO | CTD_HELLO_BACK)

struct ctd_msg {
	uint8_t type; /* enum ctd_type */
	uint8_t flags;
	uint32_t seq;
	uint32_t from, to; /* ACK, NACK: numbers, both included */
	struct rd body;	   /* attributes */
};

enum ctd_err {
	CTD_OK,
	CTD_E_SHORT,	   /* ends before the message does */
	CTD_E_LENGTH,	   /* a length that cannot be, of a message or of an attribute */
	CTD_E_VERSION,	   /* another protocol */
	CTD_E_TYPE,	   /* no such message, or with flags that it cannot have */
	CTD_E_ATTR,	   /* an attribute that is not known, or comes twice */
	CTD_E_VALUE,	   /* a value that cannot be, or does not fit the rest */
	CTD_E_MISSING,	   /* it does not say what it is about */
	CTD_E_UNSUPPORTED, /* about something that this protocol cannot name */
	CTD_E_N
};
const char *ctd_err_name(enum ctd_err e);

/* The next message of a datagram that has not been read to its end. After SHORT and LENGTH nothing
 * more can be read of it (*datagram is empty), after other errors the next message can. */
must_check enum ctd_err ctd_msg_next(struct rd *datagram, struct ctd_msg *out);
/* Bytes of the message at p as its header says, for a stream: 0 when there are too few to know, or
 * a length that cannot be. */
size_t ctd_msg_len(const uint8_t *p, size_t len);

/* A header, whose length is filled in by the end. */
void ctd_msg_begin(struct wr *w, uint8_t type, uint8_t flags, uint32_t seq);
/* The whole message, which began where w did. 0: it did not fit. */
size_t ctd_msg_end(struct wr *w);
/* ACK, NACK, RESYNC: from and to follow the header. */
void ctd_msg_range(struct wr *w, uint32_t from, uint32_t to);

/* ---- attributes ------------------------------------------------------------------------------ */

#define CTD_ATTRS_MAX 32

/* What an attribute's value is long: exactly min, or from min to max. */
struct ctd_size {
	uint16_t min, max;
};

struct ctd_attrs {
	uint32_t got; /* a bit per type */
	struct rd at[CTD_ATTRS_MAX];
};

static inline bool ctd_has(const struct ctd_attrs *a, unsigned type)
{
	return a->got >> type & 1;
}

static inline uint64_t ctd_number(const struct ctd_attrs *a, unsigned type)
{
	struct rd v = a->at[type];

	return ctd_has(a, type) ? rd_be(&v, v.left) : 0;
}

static inline void ctd_take(const struct ctd_attrs *a, unsigned type, void *to, size_t n)
{
	struct rd v = a->at[type];

	if (ctd_has(a, type))
		rd_copy(&v, to, n);
}

must_check enum ctd_err ctd_attrs_read(struct rd body, const struct ctd_size *size, unsigned n,
				       struct ctd_attrs *out);
/* An attribute with its padding. */
void ctd_put(struct wr *w, unsigned type, const void *value, size_t len);
void ctd_put_u8(struct wr *w, unsigned type, uint8_t v);
void ctd_put_u32(struct wr *w, unsigned type, uint32_t v);
/* Source and destination address: of IPv4 or IPv6, each with its own type. */
void ctd_put_addrs(struct wr *w, unsigned type4, uint8_t family, const struct flow_tuple *t);
/* A text with its end. false: it has none, or one too early. */
must_check bool ctd_text(const struct ctd_attrs *a, unsigned type, char *to, size_t cap);

/* Protocols whose ports this protocol tells, and those that have none to tell. */
bool ctd_has_ports(uint8_t proto);
bool ctd_can_name(uint8_t family, uint8_t proto);

/* ---- flows and expectations ------------------------------------------------------------------ */

/* type: of the message; a CT_DEL says the identity alone. *out is written on CTD_OK only. Window
 * scales may be unknown: then the flow is to be tracked liberally. */
must_check enum ctd_err ctd_flow_decode(struct rd body, uint8_t type, struct flow *out);
/* false: this protocol cannot tell it (a zone, ports of UDP-Lite, keys of GRE, a translated id of
 * ICMP). timeout_s: what a flow in this state has. */
must_check bool ctd_flow_encode(struct wr *w, const struct flow *f, uint32_t timeout_s);
/* The same of a CT_DEL, for which the identity is enough (conntrackd says all of it again). */
must_check bool ctd_flow_encode_end(struct wr *w, const struct flow *f);
bool ctd_flow_can_tell(const struct flow *f);

must_check enum ctd_err ctd_expect_decode(struct rd body, struct expect *out);
must_check bool ctd_expect_encode(struct wr *w, const struct expect *x);

#endif
