/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VRRP version 3 (RFC 9568) and 2 (RFC 3768): packet codec and election state machine, both pure,
 * and the thin I/O that joins them to a raw socket. One instance elects one router, so both of its
 * VIPs move together. On the wire intervals are centiseconds (cs), of version 2 seconds; inside,
 * time is microseconds (us) of a monotonic clock. */
#ifndef VROUTER_VRRP_H
#define VROUTER_VRRP_H

#include "vrouter/addr.h"
#include "vrouter/seal.h"
#include "vrouter/wire.h"

#define VRRP_PROTO	 112 /* IP protocol number, RFC 9568 5.1.1.4 */
#define VRRP_TTL	 255 /* RFC 9568 5.1.1.3: anything else has crossed a router */
#define VRRP_MAX_ADDRS	 17  /* our own bound: VIPs of all legs, a link-local address */
#define VRRP_MAX_PEERS	 8
#define VRRP_MAX_ADV_CS	 4095 /* 12 bits */
#define VRRP_V2_ADV_CS	 100  /* version 2 counts in seconds, in 8 bits */
#define VRRP_PRIO_RESIGN 0
#define VRRP_PRIO_OWNER	 255
#define VRRP_PRIO_BOOST	 254 /* what a `promote` by hand bids with */
#define VRRP_PRIO_BLIND	 1   /* what an ACTIVE bids that nobody should follow, see vrrp_inst */
#define VRRP_PACKET_MAX	 (8 + VRRP_MAX_ADDRS * 16)

/* ---- codec ---------------------------------------------------------------------------------- */

struct vrrp_packet {
	uint8_t version; /* 2 (IPv4 only) or 3 */
	uint8_t vrid;
	uint8_t prio;
	uint8_t auth_type; /* version 2; we neither send nor accept another than 0, none */
	uint16_t adv_cs;   /* version 2: whole seconds */
	/* Version 3 over IPv4: the checksum leaves the pseudo-header out (see vrrp_wire.c). */
	bool plain_sum;
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
	VRRP_E_IP,	/* no whole IP packet of protocol 112 */
	VRRP_E_SHORT,	/* shorter than its header or its address list */
	VRRP_E_TTL,	/* not 255 */
	VRRP_E_VERSION, /* neither 2 nor 3, or not ours */
	VRRP_E_TYPE,	/* not an advertisement */
	VRRP_E_CHECKSUM,
	VRRP_E_VRID,	       /* another virtual router's */
	VRRP_E_INTERVAL,       /* zero */
	VRRP_E_OTHER_INTERVAL, /* version 2, where all must have the same (RFC 3768 7.1) */
	VRRP_E_AUTH_TYPE,      /* version 2 with a password, or what else is not 0 */
	VRRP_E_COUNT,	       /* no address, more than VRRP_MAX_ADDRS, or bytes left over */
	VRRP_E_ADDRS,	       /* its addresses are not ours (order does not matter) */
	VRRP_E_OWN,	       /* from our own address */
	VRRP_E_PEER,	       /* by unicast, from none of our peers */
	/* authentication, see vrouter/vrrp_auth.h */
	VRRP_E_NO_AUTH,	   /* without a stamp */
	VRRP_E_AUTH_KEY,   /* with a key that we do not have */
	VRRP_E_AUTH_BAD,   /* forged, damaged, or another key with this id */
	VRRP_E_REPLAYED,   /* heard before, or older than what was */
	VRRP_E_UNPROVEN,   /* of a lifetime that has not answered our challenge yet */
	VRRP_E_UNANSWERED, /* the same, for seconds: a recording, or it does not hear us */
	VRRP_E_CHALLENGE,  /* a challenge by another controller; not wrong, but no advertisement */
	VRRP_E_N
};
const char *vrrp_err_name(enum vrrp_err e);

/* Splits what a raw IPv4 socket delivers: the IP header goes to *meta, the VRRP packet becomes
 * *body (inside buf). */
must_check enum vrrp_err vrrp_split_ipv4(struct vrrp_meta *meta, struct rd *body,
					 const uint8_t *buf, size_t len);

/* Writes the packet with its checksum. Returns its length, or 0 when cap is too small or the packet
 * is not encodable. */
size_t vrrp_encode(const struct vrrp_packet *p, const struct vrrp_meta *meta, uint8_t *buf,
		   size_t cap);

/* Decodes one VRRP packet (what follows the IP header). Judges TTL, version, type, checksum, count
 * and interval; *out is written only on VRRP_OK. */
must_check enum vrrp_err vrrp_decode(struct vrrp_packet *out, const struct vrrp_meta *meta,
				     const uint8_t *buf, size_t len);

/* Judges a decoded packet against what we are configured for: VRID, version, address list; with
 * version 2 also authentication and interval. */
must_check enum vrrp_err vrrp_match(const struct vrrp_packet *theirs,
				    const struct vrrp_packet *ours);

/* ---- state machine -------------------------------------------------------------------------- */

enum vrrp_state { VRRP_INIT, VRRP_BACKUP, VRRP_ACTIVE };
const char *vrrp_state_name(enum vrrp_state s);

struct vrrp_cfg {
	uint8_t prio;	 /* 1..254; 255 is the address owner */
	uint16_t adv_cs; /* our own interval, 1..4095 */
	bool preempt;	 /* the address owner always preempts */
	bool fast;	 /* heartbeats of the ACTIVE are watched, see vrrp_fast_us() */
	uint8_t version; /* 2: Skew_Time is a part of a second, not of the interval */
	/* So long an ACTIVE that bids less has been heard before it is preempted. */
	uint64_t preempt_delay_us;
};

/* Why the state changed. The shell turns it into a text with names and figures. */
enum vrrp_why {
	VRRP_WHY_NONE,
	VRRP_WHY_STARTED,	/* INIT -> BACKUP: listening first */
	VRRP_WHY_SILENCE,	/* BACKUP -> ACTIVE: nobody advertised */
	VRRP_WHY_BEATS,		/* BACKUP -> ACTIVE: heartbeats and an advertisement are missing */
	VRRP_WHY_RESIGNED,	/* BACKUP -> ACTIVE: the ACTIVE advertised priority 0 */
	VRRP_WHY_WE_BID_MORE,	/* BACKUP -> ACTIVE: preempts */
	VRRP_WHY_BOOSTED,	/* BACKUP -> ACTIVE: promoted by hand */
	VRRP_WHY_THEY_BID_MORE, /* ACTIVE -> BACKUP: higher priority */
	VRRP_WHY_THEIR_ADDRESS, /* ACTIVE -> BACKUP: same priority, higher address */
	VRRP_WHY_SUCCEEDED,	/* ACTIVE -> BACKUP: a resigner heard its successor */
	VRRP_WHY_STALLED,	/* ACTIVE -> BACKUP: replaced while it could not advertise */
	VRRP_WHY_ADOPTED,	/* INIT -> ACTIVE: the guard advertised meanwhile */
	VRRP_WHY_STOPPED	/* any -> INIT */
};

/* Only vrrp_step() writes it; everybody may read it. All zero is a valid new instance. */
struct vrrp_inst {
	enum vrrp_state state;
	uint16_t active_adv_cs; /* what the ACTIVE advertises (RFC 9568: Active_Adver_Interval) */
	uint8_t active_prio; /* BACKUP: what the ACTIVE we heard last bids; 0: none, or resigned */
	/* BACKUP: when the ACTIVE was first heard to bid less than we do; 0: it does not. */
	uint64_t lower_since_us;
	bool gated; /* must not preempt: its replica is not complete, or it was demoted by hand */
	/* Never held a complete table and nobody follows it: bids VRRP_PRIO_BLIND while ACTIVE, so
	 * that whoever holds the table wins when they meet. Therefore it does not preempt either,
	 * and such a bid is not preempted: it becomes a real one within a bounded time. */
	bool blind;
	/* Nobody else could succeed an ACTIVE that resigns: there is no other to leave the first
	 * move to, so Skew_Time is not waited for. */
	bool sole;
	bool boosted;	/* promoted by hand: bids VRRP_PRIO_BOOST while it stays ACTIVE */
	bool resigning; /* ACTIVE that advertises priority 0 and waits for a successor */
	uint8_t claims; /* advertisements still to be sent with priority 255, see VRRP_EV_BOOST */
	enum vrrp_why timer_why; /* BACKUP: why it will be ACTIVE when the timer runs out */
};

enum vrrp_event {
	/* Listen first: always through BACKUP. The address owner, too, other than RFC 9568 6.4.1
	 * says: who might be ACTIVE has the flows. */
	VRRP_EV_START,
	VRRP_EV_STOP,	/* leave at once: an ACTIVE resigns with one priority-0 advertisement */
	VRRP_EV_TIMER,	/* the one timer ran out */
	VRRP_EV_ADVERT, /* a valid advertisement of this virtual router by somebody else */
	VRRP_EV_GATE,	/* in.gated: preempting is forbidden now; in.blind: see vrrp_inst */
	/* Promotion by hand: a BACKUP is ACTIVE at once, whatever preempt and the gate say, and
	 * bids 254 from then on; the other one hears that and leaves, so nobody waits for a timer
	 * and no moment is without ACTIVE. When the other one was promoted by hand before (bids
	 * 254, too), the first three advertisements bid 255: the later promotion wins. */
	VRRP_EV_BOOST,
	/* Planned leave: advertise 0 and stay ACTIVE until a successor is heard. Who waits for it
	 * bounds the wait with STOP or STAY. To keep a preempting router from coming back, close
	 * its gate. */
	VRRP_EV_RESIGN,
	VRRP_EV_STAY, /* no successor came: take RESIGN back */
	/* INIT: the guard advertises for a core that died, and hands the role over. */
	VRRP_EV_ADOPT,
	VRRP_EV_RECONF /* cfg has changed */
};

struct vrrp_in {
	enum vrrp_event ev;
	uint8_t prio;	       /* ADVERT */
	uint16_t adv_cs;       /* ADVERT */
	uint64_t now_us;       /* ADVERT; never 0 */
	bool from_higher_addr; /* ADVERT: the sender's address is greater than ours */
	/* ADVERT: the last one with a priority above 0 came from somebody else. */
	bool from_other;
	/* ADVERT: our own last one is older than a BACKUP waits (the process or the machine stood
	 * still), so the sender rightly took over and has the newer flows: do not fight it,
	 * unless it bids that it has none (VRRP_PRIO_BLIND). */
	bool overdue;
	bool gated, blind, sole; /* GATE */
	/* RECONF: the priority is lower because something fails. A promotion by hand no longer
	 * outbids then: whoever made it did not know of that. */
	bool worse;
	bool boosted; /* ADOPT: as it was; see vrrp_inst */
	/* TIMER: BACKUP: a takeover because of silence is not allowed (yet); or, where it preempts,
	 * the ACTIVE was asked to hand over and is given time. ACTIVE: it stood still, and another
	 * one says that it is ACTIVE. */
	bool held;
	/* TIMER: it ran out early, because of missing heartbeats. */
	bool beatless;
};

/* Effects, to be run in this order. */
enum {
	VRRP_DO_ADVERT = 1 << 0, /* send one with vrrp_bid() */
	VRRP_DO_RESIGN = 1 << 1, /* send one with priority 0 */
	VRRP_DO_RIVAL = 1 << 2,	 /* a second ACTIVE was heard and has to leave: announce again */
	VRRP_DO_BECOME = 1 << 3, /* the state is a new one */
};

#define VRRP_TIMER_KEEP UINT64_MAX
#define VRRP_TIMER_OFF	(UINT64_MAX - 1)

struct vrrp_out {
	uint32_t todo;
	enum vrrp_why why; /* with VRRP_DO_BECOME */
	uint64_t timer_us; /* from now; or VRRP_TIMER_KEEP, VRRP_TIMER_OFF */
};

struct vrrp_out vrrp_step(const struct vrrp_cfg *cfg, struct vrrp_inst *v, struct vrrp_in in);

/* A new ACTIVE says so when its addresses are there, not before: whoever hands the role over keeps
 * them until it hears its successor. Not where a third one may be about to succeed, too: it must
 * hear at once. */
bool vrrp_addresses_first(const struct vrrp_inst *v, enum vrrp_why why);

/* The priority to advertise now. */
uint8_t vrrp_bid(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
/* RFC 9568 6.1, RFC 3768 6.1, in us: Skew_Time and Active_Down_Interval. */
uint64_t vrrp_skew_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
uint64_t vrrp_down_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
uint64_t vrrp_adv_us(const struct vrrp_cfg *cfg);
/* In us: after how long a silence of its own an ACTIVE may have been replaced. Not after three
 * intervals but after half of that where somebody goes by what replication says (of heartbeats, or
 * because it does not hear advertisements): it gives up sooner. */
uint64_t vrrp_replaced_us(const struct vrrp_cfg *cfg, bool by_replication);
/* In us: how long preempt_delay_us still holds back a BACKUP that would preempt the ACTIVE. */
uint64_t vrrp_delay_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v, uint64_t now_us);
/* In us before a BACKUP's timer runs out: when to ask whether the ACTIVE is well. One advertisement
 * is missing by then, and by half an interval, so a dead one is not asked before it is dead; the
 * answer has an interval and a half to come. */
uint64_t vrrp_doubt_us(const struct vrrp_inst *v);
/* Heartbeats of the ACTIVE are missing: in us, how long the last advertisement has to be ago before
 * a BACKUP takes over. The next one is late by half an interval then, and by Skew_Time where
 * another BACKUP may be about to do the same. */
uint64_t vrrp_fast_us(const struct vrrp_cfg *cfg, const struct vrrp_inst *v);
/* Whether it may at all, at the moment at which they are missing: it has heard an ACTIVE and is not
 * held back. One whose table is not complete waits for VRRP's time, as another may hold more. (A
 * little later every replica is without its source, and held back.) */
bool vrrp_may_be_fast(const struct vrrp_inst *v);

/* ---- addresses ------------------------------------------------------------------------------ */

#define VRRP_IF_ADDRS_MAX 64 /* of an interface and one IP version; more are not looked at */

enum vrrp_addr_state {
	VRRP_ADDR_USABLE,
	VRRP_ADDR_TENTATIVE, /* IPv6: duplicate address detection is not done (RFC 4862 5.4) */
	VRRP_ADDR_DUPLICATE  /* IPv6: it has failed */
};

/* What an interface has, in the kernel's order. */
struct vrrp_if_addrs {
	struct {
		struct ip_addr addr;
		enum vrrp_addr_state state;
	} a[VRRP_IF_ADDRS_MAX];
	unsigned n;
};

/* Controllers that are spoken to by unicast, this one perhaps among them; none: by multicast. */
struct vrrp_peers {
	struct ip_addr addr[VRRP_MAX_PEERS];
	unsigned n;
};

/* Whom an election speaks to, and as whom. */
struct vrrp_ends {
	struct ip_addr self; /* family 0: it could not be chosen yet */
	bool unicast;
	struct ip_addr to[VRRP_MAX_PEERS]; /* the group, or the peers that are not ourselves */
	unsigned n_to;			   /* 0: none of them is another one */
};

/* 224.0.0.18 or ff02::12 */
struct ip_addr vrrp_group(int family);
/* Chooses our address. By multicast: of IPv4 the primary one, of IPv6 a link-local one (RFC 9568
 * 5.1.2.1). By unicast one that the peers list, as the others take no other; without any, one of
 * their kind (link-local, or not). What *e has is kept while it is usable. NULL, or what is wrong
 * with the interface (static text); then *e is untouched. */
const char *vrrp_ends_choose(struct vrrp_ends *e, int family, const struct vrrp_peers *peers,
			     const struct vrrp_if_addrs *own);
bool vrrp_ends_hear(const struct vrrp_ends *e, const struct ip_addr *from);

/* ---- I/O (shell) ---------------------------------------------------------------------------- */

struct event_base;
struct vrrp_io; /* a raw socket on one interface, a timer, an instance; owned by its router */

/* Whether advertisements are stamped, and whether those of others have to be. */
enum vrrp_auth { VRRP_AUTH_NONE, VRRP_AUTH_OFFER, VRRP_AUTH_HMAC };

struct vrrp_io_cfg {
	const char *router;    /* for log lines; borrowed for the call */
	const char *interface; /* in the caller's network namespace */
	int family; /* AF_INET or AF_INET6: what advertisements are sent with, and list */
	struct vrrp_peers peers;
	uint8_t vrid;
	struct vrrp_cfg fsm;
	enum vrrp_auth auth;
	struct seal_keys keys; /* with auth; the first seals, all are accepted */
	bool plain_sum;	       /* what we send, see struct vrrp_packet; both are accepted */
	struct ip_addr addrs[VRRP_MAX_ADDRS];
	uint8_t n_addrs;
};

/* Called from the event loop and from vrrp_io_event() and vrrp_io_reconfigure(). They may feed
 * events, but must not free the object. */
struct vrrp_io_ops {
	/* The state is a new one; exactly one call per transition, advertisements that belong to it
	 * are sent, but for that of vrrp_io_has_addresses(). why is a short-lived text with names
	 * and figures. */
	void (*on_state)(void *ctx, enum vrrp_state state, const char *why);
	/* The interface is unusable, or usable again (NULL). Before the former the state becomes
	 * INIT, after the latter the election starts by itself if it was started. */
	void (*on_fault)(void *ctx, const char *fault);
	/* May be NULL. A second ACTIVE was heard and has to leave: what points to it (ARP caches,
	 * switches) must be won back. At most once per second. */
	void (*on_rival)(void *ctx, const char *what);
	/* The four below are all NULL, or none is. An advertisement is missing, and a BACKUP will
	 * take over before long (vrrp_doubt_us()). True: the ACTIVE is being asked. */
	bool (*on_doubt)(void *ctx);
	/* The time is up: may it? If not, it is asked again after two intervals, with an on_doubt()
	 * in between. */
	bool (*may_take_over)(void *ctx);
	/* An ACTIVE that stood still for longer than a BACKUP waits has called on_doubt(), and
	 * waited half an interval before it advertises again: did another one answer? */
	bool (*was_replaced)(void *ctx);
	/* It was held back, and now an ACTIVE is heard. */
	void (*on_heard)(void *ctx);
	/* May be NULL. vrrp_io_ends() has changed, and so has what it takes to resign. */
	void (*on_ends)(void *ctx);
	/* May be NULL. The time is up, and it preempts. false: the ACTIVE was asked to hand over
	 * instead; it is asked again after two intervals, until this says true. */
	bool (*may_preempt)(void *ctx);
	/* May be NULL. Authentication refused a packet; what: from whom and why. At most once per
	 * reason and minute. */
	void (*on_refused)(void *ctx, const char *what);
};

struct vrrp_stats {
	uint64_t tx, rx, rx_prio_zero, tx_errors; /* packets: by unicast one for each peer */
	uint64_t fast_takeovers;		  /* because of missing heartbeats */
	uint64_t rx_plain_sum;			  /* of rx, see struct vrrp_packet */
	uint64_t tx_challenges;
	uint64_t rx_err[VRRP_E_N];
};

/* Opens the socket, without starting the election. base has microsecond timers
 * (EVENT_BASE_FLAG_PRECISE_TIMER). ops and ctx are borrowed and outlive the object.
 * 0 or -errno (-ENODEV no such interface, -EAFNOSUPPORT a kernel without IPv6, -EPERM). */
must_check int vrrp_io_new(struct vrrp_io **out, struct event_base *base,
			   const struct vrrp_io_cfg *cfg, const struct vrrp_io_ops *ops, void *ctx);
void vrrp_io_free(struct vrrp_io *io); /* NULL is allowed; sends nothing */
/* Feeds START, ADOPT, STOP, GATE, BOOST, RESIGN, STAY; on_state may be called before it returns. A
 * START on an unusable interface waits for it (on_fault says so). */
void vrrp_io_event(struct vrrp_io *io, struct vrrp_in in);
/* Before ADOPT: what was sent in our place was of this lifetime. */
struct vrrp_lifetime;
void vrrp_io_continue(struct vrrp_io *io, const struct vrrp_lifetime *l);
/* It is allowed now to take over, perhaps: judged again at once, if it was held back. */
void vrrp_io_judge(struct vrrp_io *io);
/* Heartbeats of the ACTIVE are missing on all links, or no longer. Who noticed has been awake for
 * that long. An advertisement that is heard afterwards proves that it lives, and this counts no
 * more until it is said again. */
void vrrp_io_beats(struct vrrp_io *io, bool missing, uint64_t awake_us);
/* Another controller says, by another way, that it does not hear this one's advertisements; or no
 * more. Then an ACTIVE that stood still asks sooner whether it was replaced: it will not hear so.
 */
void vrrp_io_unheard(struct vrrp_io *io, bool unheard);
/* ACTIVE, not about to leave, and has advertised in time: neighbours can count on it. */
bool vrrp_io_is_well(const struct vrrp_io *io);
/* An ACTIVE's addresses are there. One that takes over from an ACTIVE which is still there does not
 * say so before this (nor later than after one interval). */
void vrrp_io_has_addresses(struct vrrp_io *io);
/* Live change of fsm (but for the version), plain_sum, auth and keys: the election goes on, nothing
 * restarts. Other addresses are for who has not started yet. worse: see struct vrrp_in. */
void vrrp_io_reconfigure(struct vrrp_io *io, const struct vrrp_io_cfg *cfg, bool worse);
/* Other peers, where there were and still are some. */
void vrrp_io_set_peers(struct vrrp_io *io, const struct vrrp_peers *peers);
const struct vrrp_inst *vrrp_io_inst(const struct vrrp_io *io);
const struct vrrp_stats *vrrp_io_stats(const struct vrrp_io *io);
uint64_t vrrp_io_delay_us(const struct vrrp_io *io); /* vrrp_delay_us() now */
/* us since the last valid advertisement of another controller, and who sent it; false: none yet. */
bool vrrp_io_last_heard(const struct vrrp_io *io, uint64_t *us_ago, struct ip_addr *from,
			uint8_t *prio);
const struct vrrp_ends *vrrp_io_ends(const struct vrrp_io *io);

#endif
