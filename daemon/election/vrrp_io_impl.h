/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the election's I/O: vrrp_io.c steps the instance, vrrp_advert.c sends, vrrp_interface.c
 * has the socket, vrrp_say.c complains of what is heard. */
#ifndef DAEMON_ELECTION_VRRP_IO_IMPL_H
#define DAEMON_ELECTION_VRRP_IO_IMPL_H

#include <net/if.h>

#include "vrrp_stamp.h"
#include "vrrp_why.h"

struct vrrp_io {
	struct event_base *base;
	const struct vrrp_io_ops *ops;
	void *ctx;
	char router[64], interface[IFNAMSIZ];
	struct vrrp_packet ours; /* prio is filled in per packet */
	struct vrrp_cfg cfg;
	struct vrrp_inst inst;
	struct vrrp_stats stats;
	struct vrrp_stamping stamping;
	unsigned answers; /* to challenges, until the next regular advertisement */

	int link_fd; /* for questions about the interface, which may be gone */
	int fd;
	unsigned ifindex; /* that fd is bound to */
	int family;
	struct vrrp_peers peers;
	struct vrrp_ends ends;
	struct event *readable, *timer, *probe;
	uint64_t deadline_us; /* of the instance's timer; 0: off */
	uint64_t due_us;      /* when `timer` should come, for that or something before it */

	bool wanted;	/* started, perhaps waiting for the interface */
	bool owes;	/* the first advertisement as ACTIVE waits for the addresses */
	char fault[96]; /* empty: none */
	int tx_errno;	/* last one that was logged */
	uint64_t started_us, last_tx_us, last_rival_us;
	uint64_t complained_us[VRRP_E_N], interval_us, sum_us;
	struct ip_addr active; /* who advertised a priority above 0 last; family 0: nobody */
	struct vrrp_heard heard;
	bool doubted;	  /* and said so, since the timer was set */
	bool held;	  /* it may not take over */
	bool unheard;	  /* somebody does not hear us, see vrrp_io_unheard() */
	bool beatless;	  /* heartbeats are missing, and no advertisement was heard since */
	uint64_t woke_us; /* after it stood still */

	int watch_fd; /* the kernel tells of links; -1: none */
	struct event *watch;
};

/* ---- vrrp_io.c ---- */

/* One step of the instance, and what it asks for. */
void vrrp_run(struct vrrp_io *io, struct vrrp_in in);
/* START or ADOPT. */
void vrrp_start(struct vrrp_io *io, struct vrrp_in in);
/* Reads at most that many packets. */
void vrrp_receive(struct vrrp_io *io, unsigned max);
/* From this moment on. */
void vrrp_add_event(struct vrrp_io *io, struct event *ev, uint64_t us);

/* ---- vrrp_advert.c ---- */

void vrrp_advertise(struct vrrp_io *io, uint8_t prio);
/* A challenge: who sent that? And the answer to one, if we are ACTIVE. */
void vrrp_ask(struct vrrp_io *io, const struct ip_addr *whom, uint64_t nonce);
void vrrp_answer(struct vrrp_io *io, uint64_t nonce);

/* ---- vrrp_interface.c ---- */

must_check int vrrp_interface_open(struct vrrp_io *io);
void vrrp_interface_close(struct vrrp_io *io);
/* True: it is usable. May run callbacks. */
bool vrrp_look_at_link(struct vrrp_io *io);

/* ---- vrrp_fast.c ---- */

/* When to look whether a takeover without heartbeats is due; UINT64_MAX: never. */
uint64_t vrrp_fast_look_at(const struct vrrp_io *io, uint64_t now);
/* It is due now. Time for which we stood still does not count: nobody was heard. */
bool vrrp_fast_is_due(struct vrrp_io *io);
/* The same judgement by an ACTIVE of itself: it was silent for longer than a BACKUP waits. */
bool vrrp_fast_was_silent(const struct vrrp_io *io);

/* ---- vrrp_watch.c ---- */

/* Looks at the interface whenever a link of this network namespace may have changed. 0 or -errno.
 */
must_check int vrrp_watch_open(struct vrrp_io *io);
void vrrp_watch_close(struct vrrp_io *io);

/* ---- vrrp_say.c ---- */

/* What was heard and could not be used: counted; said once per reason and minute. */
void vrrp_say_unused(struct vrrp_io *io, enum vrrp_err err, const struct ip_addr *src);
/* What was heard is used, but the other's interval, or kind of checksum, is not ours: each once per
 * minute. */
void vrrp_say_differs(struct vrrp_io *io, const struct ip_addr *src, const struct vrrp_packet *p,
		      uint64_t now);

#endif
