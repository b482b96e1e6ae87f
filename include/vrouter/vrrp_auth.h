/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Authenticated advertisements: a stamp beside the packet, in an option of the IPv4 header or of a
 * Destination Options header of IPv6, that routers which do not know it skip. A stamp has a tag
 * over sender, packet and itself, made with a key of replication's key file (vrouter/seal.h); here
 * is what it says and who is believed. Pure.
 *
 * A tag shows that a holder of the key made a packet once. So packets of one lifetime (epoch) of a
 * sender have rising numbers, and a lifetime that is not known has to answer a challenge with a
 * random number (nonce) of ours before it is believed: recordings cannot. docs/architecture.md says
 * more. */
#ifndef VROUTER_VRRP_AUTH_H
#define VROUTER_VRRP_AUTH_H

#include "vrouter/vrrp.h"

#define VRRP_AUTH_OPTION_LEN	40 /* all that an IPv4 header has room for; of IPv6 the same */
#define VRRP_AUTH_HEADER_MAX	(40 + 8 + VRRP_AUTH_OPTION_LEN) /* IPv6, and its options */
#define VRRP_WHOLE_MAX		(VRRP_AUTH_HEADER_MAX + VRRP_PACKET_MAX)
#define VRRP_AUTH_TAG_LEN	16
#define VRRP_AUTH_TEXT_MAX	(16 + VRRP_PACKET_MAX + VRRP_AUTH_OPTION_LEN)
#define VRRP_AUTH_CHALLENGE_LEN 8
#define VRRP_AUTH_PEERS		16
#define VRRP_AUTH_48_BITS	0xffffffffffffull
/* The highest: the last one of a lifetime, which the guard sends. */
#define VRRP_AUTH_LAST VRRP_AUTH_48_BITS

/* What goes on from process to process. epoch 0: nothing. */
struct vrrp_lifetime {
	uint64_t epoch, number;
};

struct vrrp_auth_stamp {
	uint8_t key_id;
	uint64_t epoch;
	uint64_t number; /* 48 bits */
	uint64_t nonce;	 /* 48 bits: in a challenge, and in the answer to it; 0: none */
	uint8_t tag[VRRP_AUTH_TAG_LEN];
};

/* The IP header of a packet of packet_len bytes, with the stamp: 60 or 88 bytes. What the kernel
 * fills in (checksum and total length of IPv4) is 0. */
size_t vrrp_auth_header(uint8_t header[static VRRP_AUTH_HEADER_MAX],
			const struct vrrp_auth_stamp *s, const struct ip_addr *src,
			const struct ip_addr *dst, size_t packet_len);
/* Looks for it among the options of an IPv4 header, or in a Destination Options header of IPv6
 * (which begins with Next Header). *out is written only when it is there. */
bool vrrp_auth_find(struct vrrp_auth_stamp *out, int family, const uint8_t *options, size_t len);
/* What the tag is over: not the checksum, so that it is the same whomever the packet goes to.
 * Returns its length, 0: there is no such packet. */
size_t vrrp_auth_text(uint8_t text[static VRRP_AUTH_TEXT_MAX], const struct vrrp_auth_stamp *s,
		      const struct ip_addr *src, const uint8_t *packet, size_t len);

/* The packet that a challenge travels with: a header of version 3, of a type that is no
 * advertisement's. It goes to one controller, never to the group. */
void vrrp_auth_challenge(uint8_t packet[static VRRP_AUTH_CHALLENGE_LEN], uint8_t vrid);
bool vrrp_auth_is_challenge(const uint8_t *packet, size_t len);

/* A core that dies says nothing of its last number. Its guard goes on behind what it was told by
 * more than any core sends (at 3,300 a second in ten years), and the next core behind the guard by
 * more than that sends until it is told to stop. Nothing, if the numbers might run out in the hands
 * of whoever is next: then a new lifetime has to begin. */
#define VRRP_AUTH_GUARD_SKIP (1ull << 40)
#define VRRP_AUTH_CORE_SKIP  (1ull << 20)
struct vrrp_lifetime vrrp_auth_for_guard(struct vrrp_lifetime core);
struct vrrp_lifetime vrrp_auth_for_core(struct vrrp_lifetime guard);

/* ---- who is believed ------------------------------------------------------------------------ */

struct vrrp_auth_peer {
	struct ip_addr addr; /* family 0: this place is free */
	bool proven;
	uint64_t epoch, number; /* proven: its lifetime, and the highest number of it */
	uint64_t nonce, nonce_us;
	uint64_t asked_us, since_us, heard_us; /* since: it does not answer */
};

/* All zero: nobody is known. */
struct vrrp_auth_peers {
	struct vrrp_auth_peer peer[VRRP_AUTH_PEERS];
};

/* Judges a stamp whose tag is good: VRRP_OK, VRRP_E_REPLAYED, VRRP_E_UNPROVEN, or
 * VRRP_E_UNANSWERED when that has lasted for seconds. *ask: the nonce to challenge it with now; 0:
 * do not. random is a number that nobody can guess. */
must_check enum vrrp_err vrrp_auth_judge(struct vrrp_auth_peers *p, const struct ip_addr *from,
					 const struct vrrp_auth_stamp *s, uint64_t now_us,
					 uint64_t random, uint64_t *ask);

/* ---- how a process authenticates (shell) ---------------------------------------------------- */

struct vrrp_stamping {
	enum vrrp_auth mode;
	struct seal_keys keys;
	struct vrrp_lifetime life; /* and the number of what we sent last */
	struct vrrp_auth_peers peers;
};

#endif
