/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes, byte by byte, and what counts as an answer; tests/lab/net_lab has the kernel answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/netns.h"

static const uint8_t mac[NET_MAC_BYTES] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static size_t build(uint8_t frame[static PROBE_FRAME_MAX], const char *from, const char *target)
{
	struct ip_addr f = addr(from), t = addr(target);

	memset(frame, 0xee, PROBE_FRAME_MAX);
	return probe_build(frame, mac, &f, &t);
}

static void arp(void **state)
{
	static const uint8_t want[60] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x08, 0x06,
		0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55,
		198,  18,   0,	  1,	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 198,  18,	0,    254,
	};
	uint8_t frame[PROBE_FRAME_MAX];

	(void)state;
	assert_int_equal(build(frame, "198.18.0.1", "198.18.0.254"), sizeof(want));
	assert_memory_equal(frame, want, sizeof(want));
}

static void solicitation(void **state)
{
	/* written down from RFC 4861 4.3 and RFC 8200 3, the checksum by hand */
	static const uint8_t want[] = {
		0x33, 0x33, 0xff, 0xfe, 0x12, 0x34, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x86,
		0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8,
		0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff,
		0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0xfe,
		0x12, 0x34, 0x87, 0x00, 0xCC, 0xCC, 0x00, 0x00, 0x00, 0x00, 0x20, 0x01, 0x0d,
		0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfe, 0x12, 0x34,
		0x01, 0x01, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55,
	};
	uint8_t frame[PROBE_FRAME_MAX];
	uint32_t sum = 0x20 + 0x3a;

	(void)state;
	assert_int_equal(build(frame, "2001:db8:1::1", "2001:db8:1::fe:1234"), sizeof(want));
	assert_memory_equal(frame, want, 56);
	assert_memory_equal(frame + 58, want + 58, sizeof(want) - 58);
	/* addresses and message, the checksum in it: all ones (RFC 1071) */
	for (size_t i = 22; i < sizeof(want); i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

/* What a target sends looks like what we would send in its place. */
static void answers(void **state)
{
	struct ip_addr gw = addr("198.18.0.254"), gw6 = addr("fe80::fe"),
		       other = addr("198.18.0.2");
	struct announcement na;
	uint8_t frame[PROBE_FRAME_MAX];
	size_t n;

	(void)state;
	n = build(frame, "198.18.0.254", "198.18.0.77");
	assert_true(probe_is_answer(frame, n, &gw));
	assert_false(probe_is_answer(frame, n, &other));
	assert_false(probe_is_answer(frame, n, &gw6));
	for (size_t len = 0; len < 42; len++)
		assert_false(probe_is_answer(frame, len, &gw));
	frame[18] = 8; /* another length of addresses */
	assert_false(probe_is_answer(frame, n, &gw));

	n = build(frame, "fe80::fe", "fe80::1");
	assert_true(probe_is_answer(frame, n, &gw6));
	n = build(frame, "fe80::1", "fe80::fe");
	assert_false(probe_is_answer(frame, n, &gw6)); /* that is the question */
	announce_build(&na, mac, &gw6);
	assert_true(probe_is_answer(na.frame[0], na.len, &gw6));
	for (size_t len = 0; len < 14 + 40 + 24; len++)
		assert_false(probe_is_answer(na.frame[0], len, &gw6));
	na.frame[0][21] = 254; /* it has come through a router */
	assert_false(probe_is_answer(na.frame[0], na.len, &gw6));
}

/* From nobody, or from an address that is not in question. */
static void from_nobody(void **state)
{
	struct net_leg leg = {.n_vips = 3};
	struct ip_addr v4 = addr("198.18.0.1"), v6 = addr("2001:db8::1"), local = addr("fe80::1"),
		       other = addr("2001:db8::7"), from;
	uint8_t frame[PROBE_FRAME_MAX];

	(void)state;
	assert_int_equal(ip_prefix_parse(&leg.vip[0], "198.18.0.1/24"), 0);
	assert_int_equal(ip_prefix_parse(&leg.vip[1], "2001:db8::1/64"), 0);
	assert_int_equal(ip_prefix_parse(&leg.vip[2], "fe80::1/64"), 0);
	from = probe_nobody(&leg, &v4);
	assert_int_equal(probe_build(frame, mac, &from, &v4), 60);
	assert_memory_equal(frame + 28, "\0\0\0\0", 4); /* RFC 5227 2.1.1 */
	assert_memory_equal(frame + 38, v4.b, 4);
	from = probe_nobody(&leg, &v6);
	assert_true(ip_addr_equal(&from, &local));
	from = probe_nobody(&leg, &local);
	assert_true(ip_addr_equal(&from, &v6));
	assert_int_equal(ip_prefix_parse(&leg.vip[2], "2001:db8::7/64"), 0);
	from = probe_nobody(&leg, &v6);
	assert_true(ip_addr_equal(&from, &other));
	leg.n_vips = 2;
	from = probe_nobody(&leg, &v6);
	assert_int_equal(from.family, AF_INET6);
	/* RFC 4861 4.3: without a link-layer address */
	assert_int_equal(probe_build(frame, mac, &from, &v6), 78);
	assert_int_equal(frame[19], 24);
	assert_memory_equal(frame + 22, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* Whoever asks from nowhere means to have it. */
static void claims(void **state)
{
	struct ip_addr v4 = addr("198.18.0.7"), v6 = addr("2001:db8::7"),
		       other = addr("198.18.0.8");
	struct announcement a;
	uint8_t frame[PROBE_FRAME_MAX];
	uint32_t sum = 24 + 0x3a;
	size_t n;

	(void)state;
	n = build(frame, "0.0.0.0", "198.18.0.7");
	assert_true(probe_is_claim(frame, n, &v4));
	assert_false(probe_is_answer(frame, n, &v4));
	assert_false(probe_is_claim(frame, n, &other));
	frame[21] = 2; /* a reply from nowhere says nothing */
	assert_false(probe_is_claim(frame, n, &v4));
	n = build(frame, "198.18.0.9", "198.18.0.7"); /* somebody who has one asks for it */
	assert_false(probe_is_claim(frame, n, &v4));
	announce_build(&a, mac, &v4);
	assert_true(probe_is_claim(a.frame[0], a.len, &v4));

	/* RFC 4861 4.3: no option with the MAC when there is no source */
	n = build(frame, "::", "2001:db8::7");
	assert_int_equal(n, 14 + 40 + 24);
	assert_int_equal(frame[14 + 5], 24);
	for (size_t i = 22; i < n; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	assert_true(probe_is_claim(frame, n, &v6));
	assert_false(probe_is_answer(frame, n, &v6));
	for (size_t len = 0; len < n; len++)
		assert_false(probe_is_claim(frame, len, &v6));
	n = build(frame, "2001:db8::9", "2001:db8::7");
	assert_false(probe_is_claim(frame, n, &v6));
	announce_build(&a, mac, &v6);
	assert_true(probe_is_claim(a.frame[0], a.len, &v6));
}

static void sources(void **state)
{
	struct net_leg leg = {.n_vips = 3};
	struct ip_addr outside = addr("10.0.0.1"), v4 = addr("198.18.0.254"),
		       v6 = addr("2001:db8::9"), local = addr("fe80::9");

	(void)state;
	assert_int_equal(ip_prefix_parse(&leg.vip[0], "198.18.0.1/24"), 0);
	assert_int_equal(ip_prefix_parse(&leg.vip[1], "2001:db8::1/64"), 0);
	assert_int_equal(ip_prefix_parse(&leg.vip[2], "fe80::1/64"), 0);
	assert_ptr_equal(probe_source(&leg, &v4), &leg.vip[0].addr);
	assert_ptr_equal(probe_source(&leg, &v6), &leg.vip[1].addr);
	assert_ptr_equal(probe_source(&leg, &local), &leg.vip[2].addr);
	assert_null(probe_source(&leg, &outside));
	leg.n_vips = 1;
	assert_null(probe_source(&leg, &local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp),	   cmocka_unit_test(solicitation),
		cmocka_unit_test(answers), cmocka_unit_test(claims),
		cmocka_unit_test(sources), cmocka_unit_test(from_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
