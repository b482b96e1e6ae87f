/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stamps what is sent and judges the stamps of others (vrouter/vrrp_auth.h), for an election's own
 * process. */
#ifndef DAEMON_ELECTION_VRRP_STAMP_H
#define DAEMON_ELECTION_VRRP_STAMP_H

#include "vrouter/vrrp_auth.h"
#include "vrrp_sock.h"

/* Which packet of our lifetime it is, and what it asks or answers; nonce 0: nothing. */
struct vrrp_serial {
	uint64_t number, nonce;
};

/* A lifetime begins. 0 or -errno. */
must_check int vrrp_stamp_open(struct vrrp_stamping *s);
void vrrp_stamp_use(struct vrrp_stamping *s, const struct vrrp_io_cfg *cfg);
/* Makes a packet whole, in buf, if stamps are wanted; else leaves it as it is. 0 or -errno. */
must_check int vrrp_stamp(const struct vrrp_stamping *s, struct vrrp_serial serial,
			  struct vrrp_parcel *p, uint8_t buf[static VRRP_WHOLE_MAX]);
/* The same with the question who p->dst is. */
must_check int vrrp_stamp_question(struct vrrp_stamping *s, uint8_t vrid, uint64_t nonce,
				   struct vrrp_parcel *p, uint8_t buf[static VRRP_WHOLE_MAX]);

/* VRRP_OK: it is no challenge. VRRP_E_CHALLENGE: it is a good one, and *nonce what an ACTIVE
 * answers with (0: nothing). */
must_check enum vrrp_err vrrp_stamp_challenge(const struct vrrp_stamping *s, uint8_t vrid,
					      const struct vrrp_datagram *d, uint64_t *nonce);
/* Judges an advertisement of our router. *ask: the nonce to question its sender with; 0: do not. */
must_check enum vrrp_err vrrp_stamp_judge(struct vrrp_stamping *s, const struct vrrp_datagram *d,
					  uint64_t *ask);

#endif
