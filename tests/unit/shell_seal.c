/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "vrouter/seal.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "/////////////////////////////////////////w8="

static void key_file_text(void **state)
{
	static const struct {
		const char *text;
		unsigned n;	  /* 0: refused */
		const char *said; /* part of the reason */
		const char *why;
	} row[] = {
		{"1 " KEY_A, 1, "", "one key, no newline"},
		{"1 " KEY_A "\n", 1, "", "one key"},
		{"# keys\n\n  7\t" KEY_A "  # old\r\n255 " KEY_B "\n", 2, "",
		 "comments, blanks, CR"},
		{"", 0, "k: holds no key", "empty"},
		{"# 1 " KEY_A "\n", 0, "k: holds no key", "only a comment"},
		{"0 " KEY_A "\n", 0, "k:1:", "id 0 means unsealed"},
		{"256 " KEY_A "\n", 0, "k:1:", "id beyond one byte"},
		{"4294967297 " KEY_A "\n", 0, "k:1:", "id that would wrap"},
		{"x " KEY_A "\n", 0, "k:1:", "id is a number"},
		{"1" KEY_A "\n", 0, "k:1:", "no blank between"},
		{"1\n", 0, "k:1:", "no key"},
		{"1 \n", 0, "k:1: the key", "no key behind the blank"},
		{"\n1 AAEC\n", 0, "k:2: the key", "too short, second line"},
		{"1 " KEY_A "AAAA\n", 0, "k:1:", "too long"},
		{"1 " KEY_A " x\n", 0, "k:1: there is something", "trailing text"},
		{"1 " KEY_A "\n1 " KEY_B "\n", 0, "k:2: this ID", "twice"},
		{"1 !!ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 0, "k:1: the key",
		 "not base64"},
		{"1 " KEY_A "\n2 " KEY_A "\n3 " KEY_A "\n4 " KEY_A "\n5 " KEY_A "\n6 " KEY_A
		 "\n7 " KEY_A "\n8 " KEY_A "\n9 " KEY_A "\n",
		 0, "k:9: too many", "more than the ring holds"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct seal_keyring ring = {.n = 99};
		char reason[SEAL_REASON_MAX] = "";
		int err = seal_keyring_parse(&ring, row[i].text, strlen(row[i].text), "k", reason);

		if ((err == 0) != (row[i].n > 0) || (err < 0 && err != -EINVAL))
			fail_msg("%s: %d %s", row[i].why, err, reason);
		if (ring.n != (err == 0 ? row[i].n : 99))
			fail_msg("%s: %u keys", row[i].why, ring.n);
		if (!strstr(reason, row[i].said))
			fail_msg("%s: says \"%s\"", row[i].why, reason);
	}
}

static void key_file_content(void **state)
{
	static const char text[] = "9 " KEY_A "\n3 " KEY_B "\n";
	struct seal_keyring ring;
	char reason[SEAL_REASON_MAX];

	(void)state;
	assert_int_equal(seal_keyring_parse(&ring, text, strlen(text), "k", reason), 0);
	assert_int_equal(ring.key[0].id, 9);
	assert_int_equal(ring.key[1].id, 3);
	for (unsigned i = 0; i < SEAL_KEY_LEN; i++)
		assert_int_equal(ring.key[0].key[i], i);
	assert_int_equal(ring.key[1].key[0], 0xff);
	assert_int_equal(ring.key[1].key[SEAL_KEY_LEN - 1], 0x0f);
}

static void key_file_nul_byte(void **state)
{
	static const char text[] = "1 " KEY_A "\0\n";
	struct seal_keyring ring;
	char reason[SEAL_REASON_MAX];

	(void)state;
	assert_int_equal(seal_keyring_parse(&ring, text, sizeof(text) - 1, "k", reason), -EINVAL);
}

static void generated_keys(void **state)
{
	char line[2][SEAL_LINE_MAX], reason[SEAL_REASON_MAX];
	struct seal_keyring ring;

	(void)state;
	seal_keygen(255, line[0]);
	seal_keygen(255, line[1]);
	assert_string_not_equal(line[0], line[1]);
	assert_int_equal(seal_keyring_parse(&ring, line[0], strlen(line[0]), "k", reason), 0);
	assert_int_equal(ring.n, 1);
	assert_int_equal(ring.key[0].id, 255);
}

/* ---- files -------------------------------------------------------------------------------- */

struct tmp {
	char dir[32], path[64];
};

static int make_tmp(void **state)
{
	struct tmp *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strcpy(t->dir, "/tmp/shell_seal.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/key", t->dir);
	*state = t;
	return 0;
}

static int drop_tmp(void **state)
{
	struct tmp *t = *state;

	unlink(t->path);
	rmdir(t->dir);
	free(t);
	return 0;
}

static void write_file(const struct tmp *t, mode_t mode, const char *text, size_t len)
{
	int fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void load_file(void **state)
{
	static const struct {
		mode_t mode;
		int err;
		const char *said;
	} row[] = {
		{0600, 0, ""},
		{0400, 0, ""},
		{0640, -EPERM, "group or others"},
		{0604, -EPERM, "group or others"},
		{0601, -EPERM, "group or others"},
	};
	static const char text[] = "1 " KEY_A "\n";
	const struct tmp *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char reason[SEAL_REASON_MAX] = "";
		struct seal_keyring ring;

		write_file(t, row[i].mode, text, strlen(text));
		assert_int_equal(seal_keyring_load(&ring, t->path, reason), row[i].err);
		assert_non_null(strstr(reason, row[i].said));
		if (row[i].err)
			assert_non_null(strstr(reason, t->path));
	}
}

static void load_what_is_no_file(void **state)
{
	const struct tmp *t = *state;
	char reason[SEAL_REASON_MAX], big[5000];
	struct seal_keyring ring;

	assert_int_equal(seal_keyring_load(&ring, t->path, reason), -ENOENT);
	assert_non_null(strstr(reason, "No such file"));
	assert_int_equal(seal_keyring_load(&ring, t->dir, reason), -EPERM);
	assert_int_equal(mkfifo(t->path, 0600), 0);
	assert_int_equal(seal_keyring_load(&ring, t->path, reason), -EPERM); /* does not hang */
	assert_int_equal(unlink(t->path), 0);
	memset(big, '#', sizeof(big));
	write_file(t, 0600, big, sizeof(big));
	assert_int_equal(seal_keyring_load(&ring, t->path, reason), -EPERM);
	assert_non_null(strstr(reason, "too long"));
}

/* ---- datagrams ---------------------------------------------------------------------------- */

#define BODY	  "twenty bytes of body"
#define BODY_LEN  (sizeof(BODY) - 1)
#define DGRAM_LEN (DGRAM_HDR_LEN + BODY_LEN + DGRAM_TAG_LEN)

static struct seal_keyring ring_of(const char *text)
{
	struct seal_keyring ring;
	char reason[SEAL_REASON_MAX];

	assert_int_equal(seal_keyring_parse(&ring, text, strlen(text), "k", reason), 0);
	return ring;
}

static const struct dgram_hdr header = {
	.kind = DGRAM_DATA,
	.key_id = 1,
	.router = 0x11223344,
	.sender = 0x55667788,
	.term = 3,
	.epoch = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	.seq = 42,
};

static void make_box(uint8_t buf[static DGRAM_LEN], const struct seal_keyring *ring,
		     const struct dgram_hdr *h)
{
	struct seal_keys keys;

	seal_derive(&keys, ring, header.router);
	dgram_hdr_encode(buf, h);
	memcpy(buf + DGRAM_HDR_LEN, BODY, BODY_LEN);
	assert_true(seal_box(&keys, h, buf, BODY_LEN));
}

static bool opens(const uint8_t *given, size_t len, const struct seal_keyring *ring,
		  const struct dgram_hdr *h)
{
	struct seal_keys keys;
	uint8_t buf[DGRAM_LEN];

	memcpy(buf, given, len);
	seal_derive(&keys, ring, h->router);
	if (seal_open(&keys, h, buf, len) < 0)
		return false;
	assert_memory_equal(buf + DGRAM_HDR_LEN, BODY, BODY_LEN);
	return true;
}

static void box_and_open(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A), other = ring_of("1 " KEY_B);
	uint8_t buf[DGRAM_LEN];

	(void)state;
	make_box(buf, &ring, &header);
	assert_memory_not_equal(buf + DGRAM_HDR_LEN, BODY, BODY_LEN);
	assert_true(opens(buf, DGRAM_LEN, &ring, &header));
	assert_false(opens(buf, DGRAM_LEN, &other, &header));
	for (size_t len = DGRAM_HDR_LEN; len < DGRAM_LEN; len++)
		assert_false(opens(buf, len, &ring, &header));
	/* every bit counts, those of the clear header, too */
	for (size_t bit = 0; bit < DGRAM_LEN * 8; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (opens(buf, DGRAM_LEN, &ring, &header))
			fail_msg("opens with bit %zu turned", bit);
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* What was sealed for one place must not open in another. */
static void bound_to_its_stream(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A "\n2 " KEY_A);
	struct dgram_hdr other[6];
	uint8_t buf[DGRAM_LEN];

	(void)state;
	make_box(buf, &ring, &header);
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		other[i] = header;
	other[0].router++;
	other[1].sender++;
	other[2].epoch[15]++;
	other[3].seq++;
	other[4].kind = DGRAM_CONTROL;
	other[5].term++;
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		dgram_hdr_encode(buf, &other[i]);
		if (opens(buf, DGRAM_LEN, &ring, &other[i]))
			fail_msg("opens as %zu", i);
	}
}

static void nonces_differ(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A);
	struct dgram_hdr data = header, control = header;
	uint8_t a[DGRAM_LEN], b[DGRAM_LEN];

	(void)state;
	control.kind = DGRAM_CONTROL;
	make_box(a, &ring, &data);
	make_box(b, &ring, &control);
	assert_memory_not_equal(a + DGRAM_HDR_LEN, b + DGRAM_HDR_LEN, BODY_LEN);
	/* a retransmission is the same bytes */
	make_box(b, &ring, &data);
	assert_memory_equal(a, b, DGRAM_LEN);
}

/* No two streams share a key stream: their numbers are the same. */
static void streams_differ(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A "\n2 " KEY_B);
	uint8_t box[8][DGRAM_LEN];
	struct dgram_hdr h[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(h); i++)
		h[i] = header;
	h[1].seq++;
	h[2].sender++;
	h[3].epoch[0]++;
	h[4].key_id = 2;
	h[5].kind = DGRAM_CONTROL;
	h[6].epoch[15]++;
	h[7].seq ^= 1ull << 55;
	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		make_box(box[i], &ring, &h[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(box[i] + DGRAM_HDR_LEN, box[k] + DGRAM_HDR_LEN,
						BODY_LEN);
	}
}

static void routers_differ(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A "\n2 " KEY_B);
	struct seal_keys a, b;

	(void)state;
	seal_derive(&a, &ring, 1);
	seal_derive(&b, &ring, 2);
	assert_memory_not_equal(a.key[0].key, b.key[0].key, SEAL_KEY_LEN);
	assert_memory_not_equal(a.key[0].key, a.key[1].key, SEAL_KEY_LEN);
	assert_memory_not_equal(a.key[0].key, ring.key[0].key, SEAL_KEY_LEN);
	seal_forget(&a);
	assert_int_equal(a.n, 0);
}

/* Of readable text; with keys of their own, so that no tag is of use elsewhere. */
static void tags(void **state)
{
	struct seal_keyring ring = ring_of("7 " KEY_A "\n2 " KEY_B);
	uint8_t tag[SEAL_TAG_LEN], other[SEAL_TAG_LEN];
	struct seal_keys keys, streams, elsewhere;
	char text[] = "an advertisement";

	(void)state;
	seal_derive_vrrp(&keys, &ring, 1);
	seal_derive_vrrp(&elsewhere, &ring, 2);
	seal_derive(&streams, &ring, 1);
	assert_int_equal(keys.n, 2);
	assert_true(seal_tag(&keys, 7, text, sizeof(text), tag));
	assert_int_equal(seal_check_tag(&keys, 7, text, sizeof(text), tag), 0);
	assert_int_equal(seal_check_tag(&keys, 2, text, sizeof(text), tag), -EBADMSG);
	assert_int_equal(seal_check_tag(&keys, 3, text, sizeof(text), tag), -ENOKEY);
	assert_int_equal(seal_check_tag(&elsewhere, 7, text, sizeof(text), tag), -EBADMSG);
	assert_int_equal(seal_check_tag(&streams, 7, text, sizeof(text), tag), -EBADMSG);
	assert_false(seal_tag(&keys, 3, text, sizeof(text), other));
	assert_int_equal(seal_check_tag(&keys, 7, text, sizeof(text) - 1, tag), -EBADMSG);
	for (size_t i = 0; i < 8 * sizeof(text); i++) {
		text[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(seal_check_tag(&keys, 7, text, sizeof(text), tag), -EBADMSG);
		text[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < 8 * sizeof(tag); i++) {
		tag[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(seal_check_tag(&keys, 7, text, sizeof(text), tag), -EBADMSG);
		tag[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

/* Through a rotation every datagram in flight opens, and what is sent again does so, too. */
static void rotation(void **state)
{
	const struct seal_keyring step[] = {
		ring_of("1 " KEY_A),
		ring_of("1 " KEY_A "\n2 " KEY_B),
		ring_of("2 " KEY_B "\n1 " KEY_A),
		ring_of("2 " KEY_B),
	};
	uint8_t buf[DGRAM_LEN];

	(void)state;
	for (size_t from = 0; from < ARRAY_LEN(step); from++) {
		for (size_t to = 0; to < ARRAY_LEN(step); to++) {
			struct dgram_hdr h = header;

			if (from > to + 1 || to > from + 1)
				continue; /* one step at a time */
			h.key_id = step[from].key[0].id;
			make_box(buf, &step[from], &h);
			assert_true(opens(buf, DGRAM_LEN, &step[to], &h));
		}
	}
}

/* Millions of forged epochs and senders leave the keys as they are: const, and nothing else is
 * kept. Derivation is counted by its only possible place: the object that seal_derive() writes. */
static void forged_derive_nothing(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A);
	struct seal_keys keys, before;
	struct dgram_hdr h = header;
	uint8_t good[DGRAM_LEN], buf[DGRAM_LEN];

	(void)state;
	make_box(good, &ring, &header);
	seal_derive(&keys, &ring, header.router);
	before = keys;
	for (unsigned i = 0; i < 10000; i++) {
		memcpy(h.epoch, &i, sizeof(i));
		h.sender = i;
		memcpy(buf, good, DGRAM_LEN);
		dgram_hdr_encode(buf, &h);
		assert_int_equal(seal_open(&keys, &h, buf, DGRAM_LEN), -EBADMSG);
	}
	assert_memory_equal(&keys, &before, sizeof(keys));
	assert_int_equal(seal_open(&keys, &header, good, DGRAM_LEN), 0);
}

static void keys_by_id(void **state)
{
	struct seal_keyring ring = ring_of("1 " KEY_A), rotated = ring_of("2 " KEY_B "\n1 " KEY_A);
	struct dgram_hdr h = header;
	struct seal_keys keys;
	uint8_t buf[DGRAM_LEN];

	(void)state;
	make_box(buf, &ring, &header);
	assert_true(opens(buf, DGRAM_LEN, &rotated, &header)); /* the old key still opens */
	seal_derive(&keys, &rotated, header.router);
	h.key_id = 3;
	assert_false(seal_box(&keys, &h, buf, BODY_LEN));
	assert_int_equal(seal_open(&keys, &h, buf, DGRAM_LEN), -ENOKEY);
	h.key_id = 0;
	assert_false(seal_box(&keys, &h, buf, BODY_LEN));
	assert_int_equal(seal_open(&keys, &h, buf, DGRAM_LEN), -ENOKEY);
}

static int init(void **state)
{
	(void)state;
	return seal_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_file_text),
		cmocka_unit_test(key_file_content),
		cmocka_unit_test(key_file_nul_byte),
		cmocka_unit_test(generated_keys),
		cmocka_unit_test_setup_teardown(load_file, make_tmp, drop_tmp),
		cmocka_unit_test_setup_teardown(load_what_is_no_file, make_tmp, drop_tmp),
		cmocka_unit_test(box_and_open),
		cmocka_unit_test(bound_to_its_stream),
		cmocka_unit_test(nonces_differ),
		cmocka_unit_test(streams_differ),
		cmocka_unit_test(routers_differ),
		cmocka_unit_test(tags),
		cmocka_unit_test(rotation),
		cmocka_unit_test(forged_derive_nothing),
		cmocka_unit_test(keys_by_id),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
