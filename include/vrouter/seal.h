/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealing of replication datagrams: XChaCha20-Poly1305 from libsodium, key file, key derivation.
 * The keys of a router = BLAKE2b(pre-shared key; router), made when the key file is read. The nonce
 * is the datagram's epoch, sender, kind and number; the cipher itself makes a key of its own for
 * each epoch (HChaCha20). So nothing is derived or kept per stream, and what does not unseal costs
 * the check of its tag and no more. */
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

struct seal_keys { /* of one router */
	struct {
		uint8_t id;
		uint8_t key[SEAL_KEY_LEN];
	} key[SEAL_KEYS_MAX];
	unsigned n; /* the first seals */
};
void seal_derive(struct seal_keys *out, const struct seal_keyring *ring, uint32_t router);
/* Others, for the tags of this router's advertisements. */
void seal_derive_vrrp(struct seal_keys *out, const struct seal_keyring *ring, uint32_t router);
void seal_forget(struct seal_keys *k);
/* Seals body in place: buf holds header | body, grows by DGRAM_TAG_LEN. false: there is no key
 * h->key_id. The same header must never come with two different bodies. */
must_check bool seal_box(const struct seal_keys *k, const struct dgram_hdr *h, uint8_t *buf,
			 size_t body_len);
/* Opens in place; len counts the whole datagram. 0, -ENOKEY: there is no key h->key_id, or
 * -EBADMSG: forged, damaged, or another key with this id; buf then is garbage. */
must_check int seal_open(const struct seal_keys *k, const struct dgram_hdr *h, uint8_t *buf,
			 size_t len);

/* A tag over text that stays readable (keyed BLAKE2b). */
#define SEAL_TAG_LEN 16
/* false: there is no key id. */
must_check bool seal_tag(const struct seal_keys *k, uint8_t id, const void *text, size_t len,
			 uint8_t tag[static SEAL_TAG_LEN]);
/* 0, -ENOKEY: there is no key id, or -EBADMSG. */
must_check int seal_check_tag(const struct seal_keys *k, uint8_t id, const void *text, size_t len,
			      const uint8_t tag[static SEAL_TAG_LEN]);

#endif
