/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vrouter/seal.h. Why one nonce never seals two texts under one key: epochs are random and new
 * for each stream and each lifetime of an engine, kind and number are part of the nonce, and within
 * an epoch a number is used once. A retransmission seals the same text again. After a rotation it
 * is sealed with another key: another key stream. The sender is part of the nonce, too, so that two
 * machines whose random numbers are the same (clones of one image) do no harm. The whole header is
 * authenticated as associated data. */
#include "vrouter/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <sodium.h>

#define KEY_FILE_MAX 4096
#define NONCE_LEN    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

static const char derive_label[16] = "vrouterd router", vrrp_label[16] = "vrouterd vrrp";

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert(NONCE_LEN == DGRAM_EPOCH_LEN + 8, "nonce size");
_Static_assert(DGRAM_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag size");
_Static_assert(SEAL_TAG_LEN >= crypto_generichash_BYTES_MIN, "size of tags without text");
_Static_assert(SEAL_KEY_LEN >= crypto_generichash_KEYBYTES_MIN &&
		       SEAL_KEY_LEN <= crypto_generichash_KEYBYTES_MAX,
	       "derivation key size");

int seal_init(void)
{
	return sodium_init() < 0 ? -ENOSYS : 0;
}

/* ---- key file ----------------------------------------------------------------------------- */

struct line {
	const char *name; /* of the file */
	unsigned number;
	const char *p, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blank(struct line *l)
{
	while (l->p < l->end && is_blank(*l->p))
		l->p++;
}

/* 1..255 and then a blank; 0 when it is not that. */
static unsigned read_id(struct line *l)
{
	unsigned id = 0;

	for (; l->p < l->end && *l->p >= '0' && *l->p <= '9'; l->p++) {
		id = id * 10 + (unsigned)(*l->p - '0');
		if (id > UINT8_MAX)
			return 0;
	}
	return l->p < l->end && is_blank(*l->p) ? id : 0;
}

static const char *parse_key(struct seal_keyring *ring, struct line *l)
{
	unsigned id = read_id(l);
	const char *stop;
	size_t n;

	if (!id)
		return "a line is \"ID BASE64\" with an ID of 1 to 255";
	for (unsigned i = 0; i < ring->n; i++)
		if (ring->key[i].id == id)
			return "this ID is used twice";
	if (ring->n == SEAL_KEYS_MAX)
		return "too many keys, at most 8 are allowed";
	skip_blank(l);
	if (sodium_base642bin(ring->key[ring->n].key, SEAL_KEY_LEN, l->p, (size_t)(l->end - l->p),
			      NULL, &n, &stop, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != SEAL_KEY_LEN)
		return "the key must be 32 bytes in base64";
	l->p = stop;
	skip_blank(l);
	if (l->p < l->end && *l->p != '#')
		return "there is something after the key";
	ring->key[ring->n++].id = (uint8_t)id;
	return NULL;
}

int seal_keyring_parse(struct seal_keyring *out, const char *text, size_t len, const char *name,
		       char reason[static SEAL_REASON_MAX])
{
	struct seal_keyring ring = {.n = 0};
	struct line l = {.name = name, .p = text};
	const char *wrong = NULL;

	for (size_t at = 0; at < len && !wrong;) {
		const char *nl = memchr(text + at, '\n', len - at);

		l.number++;
		l.p = text + at;
		l.end = nl ? nl : text + len;
		at = (size_t)(l.end - text) + 1;
		skip_blank(&l);
		if (l.p < l.end && *l.p != '#')
			wrong = parse_key(&ring, &l);
	}
	if (wrong)
		snprintf(reason, SEAL_REASON_MAX, "%s:%u: %s", name, l.number, wrong);
	else if (!ring.n)
		snprintf(reason, SEAL_REASON_MAX, "%s: holds no key", name);
	else
		*out = ring;

	int err = wrong || !ring.n ? -EINVAL : 0;

	sodium_memzero(&ring, sizeof(ring));
	return err;
}

/* A key that others can read or replace is not one. */
static const char *check_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "can be accessed by group or others; use mode 0600";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "belongs to another user";
	if (st->st_size > KEY_FILE_MAX)
		return "is too long for a key file";
	return NULL;
}

static int reason_errno(char reason[static SEAL_REASON_MAX], const char *path, int err)
{
	snprintf(reason, SEAL_REASON_MAX, "%s: %s", path, strerror(err));
	return -err;
}

int seal_keyring_load(struct seal_keyring *out, const char *path,
		      char reason[static SEAL_REASON_MAX])
{
	/* a FIFO in its place must not hang the daemon */
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[KEY_FILE_MAX];
	const char *wrong;
	struct stat st;
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st) < 0)
		return reason_errno(reason, path, errno);
	wrong = check_file(&st);
	if (wrong) {
		snprintf(reason, SEAL_REASON_MAX, "%s: %s", path, wrong);
		return -EPERM;
	}
	while (n > 0 && len < sizeof(text)) {
		n = read(fd, text + len, sizeof(text) - len);
		if (n > 0)
			len += (size_t)n;
	}

	int err = n < 0 ? reason_errno(reason, path, errno)
			: seal_keyring_parse(out, text, len, path, reason);

	sodium_memzero(text, sizeof(text));
	return err;
}

void seal_keygen(uint8_t id, char line[static SEAL_LINE_MAX])
{
	char b64[sodium_base64_ENCODED_LEN(SEAL_KEY_LEN, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t key[SEAL_KEY_LEN];

	randombytes_buf(key, sizeof(key));
	sodium_bin2base64(b64, sizeof(b64), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(line, SEAL_LINE_MAX, "%u %s", (unsigned)id, b64);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(b64, sizeof(b64));
}

/* ---- datagrams ---------------------------------------------------------------------------- */

static void derive(struct seal_keys *out, const struct seal_keyring *ring, uint32_t router,
		   const char label[static sizeof(derive_label)])
{
	uint8_t text[sizeof(derive_label) + 4];
	struct wr w = wr_of(text, sizeof(text));

	wr_bytes(&w, label, sizeof(derive_label));
	wr_be32(&w, router);
	out->n = ring->n;
	for (unsigned i = 0; i < ring->n; i++) {
		out->key[i].id = ring->key[i].id;
		/* fails for lengths only, and those are constants */
		(void)crypto_generichash(out->key[i].key, SEAL_KEY_LEN, text, wr_len(&w),
					 ring->key[i].key, SEAL_KEY_LEN);
	}
}

void seal_derive(struct seal_keys *out, const struct seal_keyring *ring, uint32_t router)
{
	derive(out, ring, router, derive_label);
}

void seal_derive_vrrp(struct seal_keys *out, const struct seal_keyring *ring, uint32_t router)
{
	derive(out, ring, router, vrrp_label);
}

void seal_forget(struct seal_keys *k)
{
	sodium_memzero(k, sizeof(*k));
}

static const uint8_t *key_of(const struct seal_keys *k, uint8_t id)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->key[i].id == id)
			return k->key[i].key;
	return NULL;
}

/* Of the epoch and the sender the cipher derives the key of the stream, the rest counts in it. */
static void nonce_of(uint8_t nonce[static NONCE_LEN], const struct dgram_hdr *h)
{
	struct wr w = wr_of(nonce, NONCE_LEN);

	wr_bytes(&w, h->epoch, DGRAM_EPOCH_LEN);
	wr_be64(&w, (uint64_t)h->kind << 56 ^ h->seq);
	for (unsigned i = 0; i < 4; i++)
		nonce[i] ^= (uint8_t)(h->sender >> 8 * i);
}

bool seal_box(const struct seal_keys *k, const struct dgram_hdr *h, uint8_t *buf, size_t body_len)
{
	const uint8_t *key = key_of(k, h->key_id);
	uint8_t nonce[NONCE_LEN], *body = buf + DGRAM_HDR_LEN;

	if (!key)
		return false;
	nonce_of(nonce, h);
	crypto_aead_xchacha20poly1305_ietf_encrypt(body, NULL, body, body_len, buf, DGRAM_HDR_LEN,
						   NULL, nonce, key);
	return true;
}

int seal_open(const struct seal_keys *k, const struct dgram_hdr *h, uint8_t *buf, size_t len)
{
	const uint8_t *key = key_of(k, h->key_id);
	uint8_t nonce[NONCE_LEN], *body = buf + DGRAM_HDR_LEN;

	if (!key)
		return -ENOKEY;
	if (len < DGRAM_HDR_LEN + DGRAM_TAG_LEN)
		return -EBADMSG;
	nonce_of(nonce, h);
	return crypto_aead_xchacha20poly1305_ietf_decrypt(body, NULL, NULL, body,
							  len - DGRAM_HDR_LEN, buf, DGRAM_HDR_LEN,
							  nonce, key) == 0
		       ? 0
		       : -EBADMSG;
}

/* ---- tags ---------------------------------------------------------------------------------- */

bool seal_tag(const struct seal_keys *k, uint8_t id, const void *text, size_t len,
	      uint8_t tag[static SEAL_TAG_LEN])
{
	const uint8_t *key = key_of(k, id);

	return key && crypto_generichash(tag, SEAL_TAG_LEN, text, len, key, SEAL_KEY_LEN) == 0;
}

int seal_check_tag(const struct seal_keys *k, uint8_t id, const void *text, size_t len,
		   const uint8_t tag[static SEAL_TAG_LEN])
{
	uint8_t good[SEAL_TAG_LEN];

	if (!seal_tag(k, id, text, len, good))
		return -ENOKEY;
	return sodium_memcmp(good, tag, SEAL_TAG_LEN) == 0 ? 0 : -EBADMSG;
}
