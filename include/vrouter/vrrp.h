/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VRRP version 3 (RFC 9568): packet codec and election state machine, both pure, and the thin I/O
 * that joins them to a raw socket. One instance elects one router, so both of its VIPs move
 * together. On the wire intervals are centiseconds (cs); inside, time is microseconds (us) of a
 * monotonic clock. */
#ifndef VROUTER_VRRP_H
#define VROUTER_VRRP_H

#include "vrouter/addr.h"

#define VRRP_PROTO	 112 /* IP protocol number, RFC 9568 5.1.1.4 */
#define VRRP_TTL	 255 /* RFC 9568 5.1.1.3: anything else has crossed a router */
#define VRRP_GROUP_V4	 "224.0.0.18"
#define VRRP_MAX_ADDRS	 16   /* our own bound; the field allows 255 */
#define VRRP_MAX_ADV_CS	 4095 /* 12 bits */
#define VRRP_PRIO_RESIGN 0
#define VRRP_PRIO_OWNER	 255
#define VRRP_PRIO_BOOST	 254 /* what a `promote` by hand bids with */
#define VRRP_PACKET_MAX	 (8 + VRRP_MAX_ADDRS * 16)

/* ---- codec ---------------------------------------------------------------------------------- */

struct vrrp_packet {
	uint8_t vrid;
	uint8_t prio;
	uint16_t adv_cs;
	uint8_t n_addrs;
	struct ip_addr addrs[VRRP_MAX_ADDRS];
};

/* The IP header's part of what is judged. */
struct vrrp_meta {
	struct ip_addr src, dst;
	uint8_t ttl;
};

/* Why a packet was not used; each has a counter. VRRP_OK is not counted as an error. */
enum vrrp_err {
	VRRP_OK,
	VRRP_E_SHORT, /* shorter than its header or its address list */
	VRRP_E_TTL,   /* not 255 */
	VRRP_E_VERSION,
	VRRP_E_TYPE, /* not an advertisement */
	VRRP_E_CHECKSUM,
	VRRP_E_VRID,	 /* another virtual router's */
	VRRP_E_INTERVAL, /* zero, or a peer's that differs beyond what can be followed */
	VRRP_E_COUNT,	 /* no address, more than VRRP_MAX_ADDRS, or bytes left over */
	VRRP_E_ADDRS,	 /* its addresses are not ours (order does not matter) */
	VRRP_E_OWN,	 /* sent by ourselves */
	VRRP_E_N
};
const char *vrrp_err_name(enum vrrp_err e);

/* Writes the packet with its checksum (RFC 9568 5.2.8, pseudo-header included).
 * Returns its length, or 0 when cap is too small or the packet is not encodable. */
size_t vrrp_encode(const struct vrrp_packet *p, const struct vrrp_meta *meta, uint8_t *buf,
		   size_t cap);

/* Decodes one VRRP packet (what follows the IP header). Judges TTL, version, type, checksum, count
 * and interval; *out is written only on VRRP_OK. */
must_check enum vrrp_err vrrp_decode(struct vrrp_packet *out, const struct vrrp_meta *meta,
				     const uint8_t *buf, size_t len);

/* Judges a decoded packet against what we are configured for: VRID and address list. */
must_check enum vrrp_err vrrp_match(const struct vrrp_packet *theirs,
				    const struct vrrp_packet *ours);

/* ---- state machine -------------------------------------------------------------------------- */

enum vrrp_state { VRRP_INIT, VRRP_BACKUP, VRRP_ACTIVE };
const char *vrrp_state_name(enum vrrp_state s);

struct vrrp_cfg {
	uint8_t prio;	 /* 1..254; 255 is the address owner */
	uint16_t adv_cs; /* our own interval, 1..4095 */
	bool preempt;
};

/* Only vrrp_step() writes it; everybody may read it. */
struct vrrp_inst {
	enum vrrp_state state;
	uint16_t active_adv_cs; /* the interval the ACTIVE advertises (RFC 9568:
				   Active_Adver_Interval) */
	bool gated;   /* must not preempt: its replica is not complete, or it was demoted by hand */
	bool boosted; /* promoted by hand: bids VRRP_PRIO_BOOST until it is demoted */
	bool resigning; /* ACTIVE that advertises priority 0 and waits for a successor */
};

enum vrrp_event {
	VRRP_EV_START,	/* listen first: always through BACKUP, except the address owner */
	VRRP_EV_STOP,	/* leave at once: an ACTIVE resigns with one priority-0 advertisement */
	VRRP_EV_TIMER,	/* the one timer ran out */
	VRRP_EV_ADVERT, /* a valid advertisement of this virtual router by somebody else */
	VRRP_EV_GATE,	/* in.gated says whether preempting is now forbidden */
	VRRP_EV_BOOST,	/* `promote` by hand */
	VRRP_EV_RESIGN, /* planned leave: advertise 0, stay ACTIVE until a successor is heard */
};

struct vrrp_in {
	enum vrrp_event ev;
	uint8_t prio;	       /* ADVERT */
	uint16_t adv_cs;       /* ADVERT */
	bool from_higher_addr; /* ADVERT: the sender's address is greater than ours */
	bool gated;	       /* GATE */
};

/* Effects, to be run in this order. */
enum {
	VRRP_DO_ADVERT = 1 << 0, /* send one with vrrp_bid() */
	VRRP_DO_RESIGN = 1 << 1, /* send one with priority 0 */
	VRRP_DO_BECOME_ACTIVE = 1 << 2,
	VRRP_DO_BECOME_BACKUP = 1 << 3, /* somebody else is ACTIVE, or we left */
};

#define VRRP_TIMER_KEEP UINT64_MAX
#define VRRP_TIMER_OFF	(UINT64_MAX - 1)

struct vrrp_out {
	uint32_t todo;
	uint64_t timer_us; /* from now; or VRRP_TIMER_KEEP, VRRP_TIMER_OFF */
	const char *why;   /* static text, set with BECOME_*: "no advertisement for 360 ms" is the
			      shell's to say */
};

struct vrrp_out vrrp_step(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in);

/* The priority to advertise now. */
uint8_t vrrp_bid(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
/* RFC 9568 6.1, in us: Skew_Time and Active_Down_Interval. */
uint64_t vrrp_skew_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
uint64_t vrrp_down_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);

/* ---- I/O (shell) ---------------------------------------------------------------------------- */

struct event_base;
struct vrrp_io; /* a raw socket on one interface, a timer, an instance; owned by its router */

struct vrrp_io_cfg {
	const char *router;    /* for log lines; borrowed for the call */
	const char *interface; /* in the caller's network namespace */
	uint8_t vrid;
	struct vrrp_cfg fsm;
	struct ip_addr addrs[VRRP_MAX_ADDRS];
	uint8_t n_addrs;
};

struct vrrp_io_ops {
	/* The role was won or lost; why is a static or short-lived text that explains it. */
	void (*on_state)(void *ctx, enum vrrp_state state, const char *why);
	/* The interface went away or came back (fault is NULL when all is well). */
	void (*on_fault)(void *ctx, const char *fault);
};

struct vrrp_stats {
	uint64_t tx, rx, rx_prio_zero, tx_errors;
	uint64_t rx_err[VRRP_E_N];
};

/* Opens the socket, without starting the election. ops and ctx are borrowed and outlive the object.
 * 0 or -errno (-ENODEV no such interface, -EADDRNOTAVAIL it has no IPv4 address, -EPERM). */
must_check int vrrp_io_new(struct vrrp_io **out, struct event_base *base,
			   const struct vrrp_io_cfg *cfg, const struct vrrp_io_ops *ops, void *ctx);
void vrrp_io_free(struct vrrp_io *io); /* NULL is allowed; sends nothing */
/* Feeds START, STOP, GATE, BOOST, RESIGN; on_state may be called before it returns. */
void vrrp_io_event(struct vrrp_io *io, struct vrrp_in in);
/* Live change of priority, interval and preempt: the election goes on, nothing restarts. */
void vrrp_io_reconfigure(struct vrrp_io *io, const struct vrrp_cfg *cfg);
const struct vrrp_inst *vrrp_io_inst(const struct vrrp_io *io);
const struct vrrp_stats *vrrp_io_stats(const struct vrrp_io *io);
/* us since the last valid advertisement of another controller, and who sent it; false: none yet. */
bool vrrp_io_last_heard(const struct vrrp_io *io, uint64_t *us_ago, struct ip_addr *from,
			uint8_t *prio);

#endif
