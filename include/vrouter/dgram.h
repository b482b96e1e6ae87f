/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clear header of a replication datagram: authenticated, not encrypted. Pure.
 * All a receiver needs to pick the key and the nonce, and to drop what is not its business before
 * any cryptography. Layout in docs/protocol.md. */
#ifndef VROUTER_DGRAM_H
#define VROUTER_DGRAM_H

#include "vrouter/util.h"
#include "vrouter/wire.h"

#define DGRAM_VERSION	1
#define DGRAM_HDR_LEN	40
#define DGRAM_TAG_LEN	16 /* of the AEAD behind the body; absent with security = "none" */
#define DGRAM_EPOCH_LEN 16

enum dgram_kind {
	DGRAM_DATA = 1,	   /* part of a stream: numbered, ordered, kept for retransmission */
	DGRAM_CONTROL = 2, /* status, NACK, repair request, GONE: unordered */
};

struct dgram_hdr {
	uint8_t kind;	 /* enum dgram_kind */
	uint8_t key_id;	 /* which key of the file sealed it; 0: none */
	uint32_t router; /* id_of(router name) */
	uint32_t sender; /* id_of(controller name) */
	uint32_t term;
	uint8_t epoch[DGRAM_EPOCH_LEN]; /* random per stream; for CONTROL per sender's lifetime */
	uint64_t seq; /* from 1; with the epoch's key it is the nonce, so it never repeats */
};

enum dgram_err { DGRAM_OK, DGRAM_E_SHORT, DGRAM_E_MAGIC, DGRAM_E_VERSION, DGRAM_E_KIND };
const char *dgram_err_name(enum dgram_err e);

void dgram_hdr_encode(uint8_t out[static DGRAM_HDR_LEN], const struct dgram_hdr *h);
must_check enum dgram_err dgram_hdr_decode(struct dgram_hdr *out, const uint8_t *p, size_t len);

/* Stable 32-bit id of a name (never 0). Two names with one id are refused when they meet: status
 * messages carry the name. */
uint32_t id_of(const char *name);

#endif
