/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stamps as bytes, and who is believed: a receiver against a sender that restarts, a network that
 * loses, and an attacker who has recorded all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/vrrp_auth.h"

static struct vrrp_auth_stamp stamp(void)
{
	struct vrrp_auth_stamp s = {.key_id = 7,
				    .epoch = 0x0102030405060708,
				    .number = 0x090a0b0c0d0e,
				    .nonce = 0x0f1011121314};

	for (unsigned i = 0; i < sizeof(s.tag); i++)
		s.tag[i] = (uint8_t)(0x15 + i);
	return s;
}

static bool same_stamp(const struct vrrp_auth_stamp *a, const struct vrrp_auth_stamp *b)
{
	return a->key_id == b->key_id && a->epoch == b->epoch && a->number == b->number &&
	       a->nonce == b->nonce && memcmp(a->tag, b->tag, sizeof(a->tag)) == 0;
}

/* Where the option is in what vrrp_auth_header() writes. */
#define V4_AT 20
#define V6_AT 40

static uint8_t header[VRRP_AUTH_HEADER_MAX];

static size_t encode(const struct vrrp_auth_stamp *s, int family)
{
	struct ip_addr src = {.family = (uint8_t)family, .b = {1, 2, 3, 4}}, dst = src;

	dst.b[0] = 224;
	memset(header, 0xee, sizeof(header));
	return vrrp_auth_header(header, s, &src, &dst, 20);
}

static bool find(struct vrrp_auth_stamp *out, int family, const uint8_t *options, size_t len)
{
	/* an own allocation, so that a sanitizer sees one byte too many */
	uint8_t *cut = malloc(len ? len : 1);
	bool found;

	assert_non_null(cut);
	memcpy(cut, options, len);
	found = vrrp_auth_find(out, family, cut, len);
	free(cut);
	return found;
}

static void golden(void **state)
{
	static const uint8_t head[] = {0x4f, 0xc0, 0, 0, 0,   0, 0, 0, 255,  112, 0, 0,
				       1,    2,	   3, 4, 224, 2, 3, 4, 0x9e, 40,  1, 7};
	const struct vrrp_auth_stamp s = stamp();
	struct vrrp_auth_stamp back;

	(void)state;
	assert_int_equal(encode(&s, AF_INET), V4_AT + VRRP_AUTH_OPTION_LEN);
	assert_memory_equal(header, head, sizeof(head));
	for (unsigned i = sizeof(head); i < V4_AT + VRRP_AUTH_OPTION_LEN; i++)
		assert_int_equal(header[i], i - sizeof(head) + 1);
	assert_true(find(&back, AF_INET, header + V4_AT, VRRP_AUTH_OPTION_LEN));
	assert_true(same_stamp(&back, &s));
}

static void golden_ipv6(void **state)
{
	static const uint8_t head[] = {0x6c, 0, 0, 0, 0, 68, 60, 255, 1, 2, 3, 4};
	static const uint8_t dst[] = {224, 2, 3, 4}, options[] = {112, 5, 0x1e, 38, 1, 7};
	static const uint8_t padding[] = {1, 4, 0, 0, 0, 0};
	const struct vrrp_auth_stamp s = stamp();
	struct vrrp_auth_stamp back;

	(void)state;
	assert_int_equal(encode(&s, AF_INET6), VRRP_AUTH_HEADER_MAX);
	assert_memory_equal(header, head, sizeof(head));
	assert_memory_equal(header + 24, dst, sizeof(dst));
	assert_memory_equal(header + V6_AT, options, sizeof(options));
	for (unsigned i = 0; i < 36; i++)
		assert_int_equal(header[V6_AT + sizeof(options) + i], i + 1);
	assert_memory_equal(header + sizeof(header) - sizeof(padding), padding, sizeof(padding));
	assert_true(find(&back, AF_INET6, header + V6_AT, sizeof(header) - V6_AT));
	assert_true(same_stamp(&back, &s));
	/* neither is taken for the other one */
	assert_false(find(&back, AF_INET, header + V6_AT + 2, VRRP_AUTH_OPTION_LEN));
	encode(&s, AF_INET);
	assert_false(find(&back, AF_INET6, header + V4_AT - 2, 2 + VRRP_AUTH_OPTION_LEN));
}

static void found_or_not(void **state)
{
	static const struct {
		int family;
		uint8_t before[8];
		unsigned n;
		bool found;
		const char *why;
	} row[] = {
		{AF_INET, {0}, 0, true, "alone"},
		{AF_INET, {1, 1, 1, 1}, 4, true, "behind padding"},
		{AF_INET, {0x94, 4, 0, 0}, 4, true, "behind a router alert"},
		{AF_INET, {0, 0, 0, 0}, 4, false, "behind the end"},
		{AF_INET, {0x94, 1, 0, 0}, 4, false, "behind an option that is too short"},
		{AF_INET, {0x94, 0, 0, 0}, 4, false, "behind an option of no length"},
		{AF_INET, {0x94, 60, 0, 0}, 4, false, "behind an option that is too long"},
		{AF_INET, {0x9e, 4, 1, 7}, 4, false, "behind a short one of its type"},
		{AF_INET6, {112, 5}, 2, true, "alone, in a header"},
		{AF_INET6, {112, 5, 0, 0, 0}, 5, true, "behind Pad1"},
		{AF_INET6, {112, 5, 1, 2, 9, 9}, 6, true, "behind PadN"},
		{AF_INET6, {112, 5, 1, 0, 0x3e, 0}, 6, true, "behind options of no length"},
		{AF_INET6, {112, 5, 1, 60, 0, 0}, 6, false, "behind PadN that is too long"},
		{AF_INET6, {112, 5, 0x1e, 2, 1, 7}, 6, false, "behind a short one of IPv6"},
		{AF_INET6, {112, 5, 0x1e}, 3, false, "behind what takes it for its length"},
	};
	const struct vrrp_auth_stamp s = stamp();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const bool v4 = row[i].family == AF_INET;
		uint8_t options[8 + VRRP_AUTH_OPTION_LEN];
		struct vrrp_auth_stamp back;

		encode(&s, row[i].family);
		memcpy(options, row[i].before, row[i].n);
		memcpy(options + row[i].n, header + (v4 ? V4_AT : V6_AT + 2), VRRP_AUTH_OPTION_LEN);
		if (find(&back, row[i].family, options, row[i].n + VRRP_AUTH_OPTION_LEN) !=
		    row[i].found)
			fail_msg("%s: found is not %d", row[i].why, row[i].found);
	}
}

static void damaged(void **state)
{
	const struct vrrp_auth_stamp s = stamp();
	struct vrrp_auth_stamp back;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const int family = i ? AF_INET6 : AF_INET;
		uint8_t *options = header + (i ? V6_AT : V4_AT), *ours = options + (i ? 2 : 0);

		encode(&s, family);
		for (size_t n = 0; n < (size_t)(ours - options) + VRRP_AUTH_OPTION_LEN; n++)
			assert_false(find(&back, family, options, n));
		ours[2] = 2; /* another format */
		assert_false(find(&back, family, options, 42));
		ours[2] = 1;
		ours[1]--;
		assert_false(find(&back, family, options, 42));
	}
}

/* The tag is over all but the checksum, which may differ from receiver to receiver. */
static void text_covers_all(void **state)
{
	uint8_t packet[16] = {0x31, 51, 100, 2, 0, 10, 0xaa, 0xbb, 10, 20, 0, 1, 198, 18, 0, 1};
	uint8_t a[VRRP_AUTH_TEXT_MAX], b[VRRP_AUTH_TEXT_MAX];
	struct ip_addr src = ip_addr_v4(htonl(0x0a14000b)), other = ip_addr_v4(htonl(0x0a14000c));
	struct vrrp_auth_stamp s = stamp(), t;
	size_t n = vrrp_auth_text(a, &s, &src, packet, sizeof(packet));

	(void)state;
	assert_int_equal(n, 24 + 4 + 14);
	for (size_t i = 0; i < sizeof(packet); i++) {
		packet[i] ^= 1;
		assert_int_equal(vrrp_auth_text(b, &s, &src, packet, sizeof(packet)), n);
		assert_int_equal(memcmp(a, b, n) == 0, i == 6 || i == 7);
		packet[i] ^= 1;
	}
	t = s;
	t.number++;
	vrrp_auth_text(b, &t, &src, packet, sizeof(packet));
	assert_memory_not_equal(a, b, n);
	t = s;
	t.nonce++;
	vrrp_auth_text(b, &t, &src, packet, sizeof(packet));
	assert_memory_not_equal(a, b, n);
	t = s;
	t.epoch++;
	vrrp_auth_text(b, &t, &src, packet, sizeof(packet));
	assert_memory_not_equal(a, b, n);
	vrrp_auth_text(b, &s, &other, packet, sizeof(packet));
	assert_memory_not_equal(a, b, n);
	assert_int_equal(vrrp_auth_text(b, &s, &src, packet, 7), 0);
	assert_int_equal(vrrp_auth_text(b, &s, &src, packet, VRRP_PACKET_MAX + 1), 0);
}

static void challenge_is_none_to_others(void **state)
{
	struct vrrp_meta meta = {.src = ip_addr_v4(1), .dst = ip_addr_v4(2), .ttl = 255};
	uint8_t packet[VRRP_AUTH_CHALLENGE_LEN];
	struct vrrp_packet out;

	(void)state;
	vrrp_auth_challenge(packet, 51);
	assert_int_equal(packet[1], 51);
	assert_true(vrrp_auth_is_challenge(packet, sizeof(packet)));
	assert_false(vrrp_auth_is_challenge(packet, sizeof(packet) - 1));
	assert_int_equal(vrrp_decode(&out, &meta, packet, sizeof(packet)), VRRP_E_TYPE);
	packet[0] = 0x31;
	assert_false(vrrp_auth_is_challenge(packet, sizeof(packet)));
}

/* ---- who is believed ------------------------------------------------------------------------ */

static struct vrrp_auth_peers peers;
static uint64_t now_us, asked, guess;

static enum vrrp_err hear(uint32_t from, uint64_t epoch, uint64_t number, uint64_t nonce)
{
	const struct vrrp_auth_stamp s = {.epoch = epoch, .number = number, .nonce = nonce};
	struct ip_addr addr = ip_addr_v4(htonl(from));
	uint64_t random = ++guess * 0x9e3779b97f4a7c15u, ask;
	enum vrrp_err err = vrrp_auth_judge(&peers, &addr, &s, now_us, random, &ask);

	if (ask)
		asked = ask;
	return err;
}

static int fresh(void **state)
{
	(void)state;
	memset(&peers, 0, sizeof(peers));
	now_us = 1000000;
	asked = 0;
	return 0;
}

static void proves_itself(void **state)
{
	uint64_t first;

	(void)state;
	assert_int_equal(hear(1, 100, 5, 0), VRRP_E_UNPROVEN);
	assert_true(asked && asked <= VRRP_AUTH_48_BITS);
	first = asked;
	assert_int_equal(hear(1, 100, 6, first + 1), VRRP_E_UNPROVEN); /* no such question */
	assert_int_equal(hear(2, 100, 6, first), VRRP_E_UNPROVEN);     /* it was another's */
	assert_int_equal(hear(1, 100, 7, first), VRRP_OK);
}

static void is_believed(void **state)
{
	uint64_t nonce;

	(void)state;
	assert_int_equal(hear(1, 100, 5, 0), VRRP_E_UNPROVEN);
	nonce = asked;
	assert_int_equal(hear(1, 100, 6, nonce), VRRP_OK);
	assert_int_equal(hear(1, 100, 6, nonce), VRRP_E_REPLAYED);
	assert_int_equal(hear(1, 100, 5, 0), VRRP_E_REPLAYED);
	assert_int_equal(hear(1, 100, 9, 0), VRRP_OK); /* some were lost */
	assert_int_equal(hear(1, 100, 8, 0), VRRP_E_REPLAYED);
	assert_int_equal(hear(1, 100, VRRP_AUTH_LAST, 0), VRRP_OK); /* its guard */
	assert_int_equal(hear(1, 100, 10, 0), VRRP_E_REPLAYED);
	/* it has restarted; the old lifetime counts until the new one has answered, and never again
	 */
	now_us += 10000;
	assert_int_equal(hear(1, 200, 1, 0), VRRP_E_UNPROVEN);
	assert_int_equal(hear(1, 200, 2, nonce), VRRP_E_UNPROVEN); /* an old answer */
	assert_int_equal(hear(1, 200, 3, asked), VRRP_OK);
	assert_int_equal(hear(1, 100, VRRP_AUTH_LAST, 0), VRRP_E_UNPROVEN);
	assert_int_equal(hear(1, 200, 4, 0), VRRP_OK);
}

static void questions_are_bounded(void **state)
{
	unsigned questions = 0;
	uint64_t first, unused;

	(void)state;
	hear(1, 100, 1, 0);
	first = asked;
	for (unsigned i = 0; i < 10000; i++) { /* one second */
		asked = 0;
		now_us += 100;
		assert_int_equal(hear(1, 100 + i, 1, 0), VRRP_E_UNPROVEN);
		questions += asked != 0;
		assert_true(!asked || asked == first);
	}
	assert_in_range(questions, 190, 200);
	/* an answer that is late is none, and the next question is another one */
	now_us += 2000000;
	assert_int_not_equal(hear(1, 100, 2, first), VRRP_OK);
	unused = asked;
	assert_true(asked && asked != first);
	/* nobody answers for seconds: that is worth a word */
	for (unsigned i = 0; i < 40; i++) {
		now_us += 100000;
		if (hear(1, 100, 1, 0) == VRRP_E_UNANSWERED)
			break;
		assert_true(i < 39);
	}
	/* but not who comes back after a silence */
	now_us += 60000000;
	assert_int_equal(hear(1, 300, 1, 0), VRRP_E_UNPROVEN);
	assert_true(asked != unused);
	assert_int_equal(hear(1, 300, 2, asked), VRRP_OK);
}

/* A replay by who knows all old packets does not keep the true one from proving itself, nor does it
 * take its place. */
static void many_senders(void **state)
{
	(void)state;
	for (uint32_t from = 1; from <= VRRP_AUTH_PEERS; from++) {
		now_us += 10000;
		hear(from, from, 1, 0);
		assert_int_equal(hear(from, from, 2, asked), VRRP_OK);
	}
	now_us += 10000;
	hear(1, 1, 3, 0); /* 2 is now the one that was heard the longest ago */
	hear(99, 99, 1, 0);
	assert_int_equal(hear(1, 1, 4, 0), VRRP_OK);
	assert_int_equal(hear(3, 3, 3, 0), VRRP_OK);
	assert_int_equal(hear(2, 2, 3, 0), VRRP_E_UNPROVEN);
}

#define LIVES	 40
#define PER_LIFE 30

static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 27;
}

/* Everything that was ever sent comes again, at random moments, between what is sent: nothing of it
 * is believed, and each new packet of a sender that answers is. Packets are lost, too. */
static void recordings_are_worth_nothing(void **state)
{
	static struct vrrp_auth_stamp tape[LIVES * PER_LIFE];
	const struct ip_addr from = ip_addr_v4(1);
	uint64_t seed = 42, ask, nonce = 0;
	unsigned n = 0, believed = 0;

	(void)state;
	for (unsigned life = 0; life < LIVES; life++) {
		uint64_t epoch = next_random(&seed);

		for (unsigned i = 1; i <= PER_LIFE; i++) {
			struct vrrp_auth_stamp s = {.epoch = epoch, .number = i, .nonce = nonce};

			now_us += 100000;
			for (unsigned k = 0; n && k < 5; k++) {
				const struct vrrp_auth_stamp *old = &tape[next_random(&seed) % n];

				assert_int_not_equal(vrrp_auth_judge(&peers, &from, old, now_us,
								     next_random(&seed), &ask),
						     VRRP_OK);
				nonce = ask ? ask : nonce; /* the true sender hears it, too */
				now_us += 1000;
			}
			if (next_random(&seed) % 10 == 0)
				continue; /* lost, and not recorded either */
			if (vrrp_auth_judge(&peers, &from, &s, now_us, next_random(&seed), &ask) ==
			    VRRP_OK)
				believed++;
			nonce = ask ? ask : 0;
			tape[n++] = s;
		}
	}
	assert_true(believed > LIVES * PER_LIFE * 3 / 4);
}

/* Core, guard, next core, and so on: each believed without being asked, however often; then a new
 * lifetime begins, and never does a number come that is not higher, nor the last one twice. */
static void goes_from_hand_to_hand(void **state)
{
	struct vrrp_lifetime core = {.epoch = 100, .number = 7}, guard;
	unsigned n = 0;

	(void)state;
	hear(1, 100, 1, 0);
	assert_int_equal(hear(1, 100, core.number, asked), VRRP_OK);
	for (; core.epoch; n++) {
		now_us += 100000;
		guard = vrrp_auth_for_guard(core);
		assert_true(guard.epoch && guard.number < VRRP_AUTH_LAST);
		assert_int_equal(hear(1, guard.epoch, ++guard.number, 0), VRRP_OK);
		assert_int_equal(hear(1, core.epoch, core.number + 1000, 0), VRRP_E_REPLAYED);
		core = vrrp_auth_for_core(guard);
		if (core.epoch)
			assert_int_equal(hear(1, core.epoch, ++core.number, 0), VRRP_OK);
	}
	assert_in_range(n, 100, 200);
	guard = vrrp_auth_for_guard((struct vrrp_lifetime){.epoch = 0, .number = 5});
	assert_true(!guard.epoch && !guard.number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(golden_ipv6),
		cmocka_unit_test(found_or_not),
		cmocka_unit_test(damaged),
		cmocka_unit_test(text_covers_all),
		cmocka_unit_test(challenge_is_none_to_others),
		cmocka_unit_test_setup(proves_itself, fresh),
		cmocka_unit_test_setup(is_believed, fresh),
		cmocka_unit_test_setup(questions_are_bounded, fresh),
		cmocka_unit_test_setup(many_senders, fresh),
		cmocka_unit_test_setup(goes_from_hand_to_hand, fresh),
		cmocka_unit_test_setup(recordings_are_worth_nothing, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
