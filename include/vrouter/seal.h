/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealing of replication datagrams: ChaCha20-Poly1305 (RFC 8439) from libsodium, key file, key
 * derivation. A stream's key = BLAKE2b(pre-shared key; router, sender, epoch); nonce = the
 * datagram's number. */
#ifndef VROUTER_SEAL_H
#define VROUTER_SEAL_H

#include "vrouter/dgram.h"

#define SEAL_KEY_LEN  32
#define SEAL_KEYS_MAX 8

struct seal_keyring {
	struct {
		uint8_t id; /* 1..255 */
		uint8_t key[SEAL_KEY_LEN];
	} key[SEAL_KEYS_MAX];
	unsigned n; /* the first seals, all unseal */
};

#define SEAL_REASON_MAX 256

/* To be called once before any other. 0 or -errno. */
must_check int seal_init(void);
/* Key file: lines "ID BASE64", # comments. Refuses a file that group or others can access. 0 or
 * -errno with a reason that names file and line. */
must_check int seal_keyring_load(struct seal_keyring *out, const char *path,
				 char reason[static SEAL_REASON_MAX]);
/* As above from memory; for fuzzing and tests. */
must_check int seal_keyring_parse(struct seal_keyring *out, const char *text, size_t len,
				  const char *name, char reason[static SEAL_REASON_MAX]);
/* One line for a key file with a fresh random key. */
#define SEAL_LINE_MAX 64
void seal_keygen(uint8_t id, char line[static SEAL_LINE_MAX]);

struct seal_stream { /* derived keys are cached per (key id, router, sender, epoch) by the caller */
	uint8_t key[SEAL_KEY_LEN];
};
/* false: the keyring has no key h->key_id. */
bool seal_derive(struct seal_stream *out, const struct seal_keyring *ring,
		 const struct dgram_hdr *h);
/* Seals body in place: buf holds header | body, grows by DGRAM_TAG_LEN. */
void seal_box(const struct seal_stream *s, const struct dgram_hdr *h, uint8_t *buf,
	      size_t body_len);
/* Opens in place; len counts the whole datagram. false: forged, damaged, or another key; buf then
 * is garbage. */
must_check bool seal_open(const struct seal_stream *s, const struct dgram_hdr *h, uint8_t *buf,
			  size_t len);

#endif
