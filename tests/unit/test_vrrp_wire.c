/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrouter/vrrp.h"

/* Sent by keepalived 2.2.7 with its defaults for VRRP version 3: checksum with pseudo-header. */
#define KEEPALIVED_IP	"45c0002400010000ff70d0770a14000be0000012"
#define KEEPALIVED_VRRP "31339602000a7de50a140001c6120001"
/* With vrrp_version 2: one second, authentication data behind the addresses. */
#define KEEPALIVED_V2 "21339602000178a00a140001c61200010000000000000000"
/* The same advertisement with the checksum of RFC 9568. */
#define RFC9568_VRRP "31339602000a68970a140001c6120001"
/* Sent by keepalived 2.2.7 from fe80::602b:47ff:fe00:6565, its link-local VIP listed last. */
#define KEEPALIVED_IPV6                                                                            \
	"31338c03000adef820010db800010000000000000000000120010db8ffff00000000000000000001fe80"     \
	"0000000000000000000000000001"
#define IPV6_VRRP "3107640100646deefe800000000000000000000000000005"

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(&a, text), 0);
	return a;
}

static struct vrrp_meta meta(void)
{
	return (struct vrrp_meta){.src = addr("10.20.0.11"), .dst = addr("224.0.0.18"), .ttl = 255};
}

static struct vrrp_packet packet(void)
{
	return (struct vrrp_packet){
		.version = 3,
		.vrid = 51,
		.prio = 150,
		.adv_cs = 10,
		.n_addrs = 2,
		.addrs = {addr("10.20.0.1"), addr("198.18.0.1")},
	};
}

static size_t from_hex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= cap);
	for (size_t i = 0; i < n; i++) {
		char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

static bool same_packet(const struct vrrp_packet *a, const struct vrrp_packet *b)
{
	if (a->version != b->version || a->plain_sum != b->plain_sum || a->vrid != b->vrid ||
	    a->prio != b->prio || a->adv_cs != b->adv_cs || a->n_addrs != b->n_addrs)
		return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!ip_addr_equal(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

/* One's complement checksum of the whole packet without pseudo-header, computed another way than
 * the codec does: 64-bit sum of 16-bit words, one division. */
static void set_checksum(uint8_t *b, size_t len)
{
	uint64_t sum = 0;

	b[6] = b[7] = 0;
	for (size_t i = 0; i < len; i++)
		sum += (uint64_t)b[i] << (i % 2 ? 0 : 8);
	sum = 0xffff - sum % 0xffff;
	b[6] = (uint8_t)(sum >> 8);
	b[7] = (uint8_t)sum;
}

static void golden(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX], want[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet p = packet(), back;
	size_t want_len = from_hex(want, sizeof(want), KEEPALIVED_VRRP);

	(void)state;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_OK);
	assert_true(same_packet(&back, &p));

	want_len = from_hex(want, sizeof(want), RFC9568_VRRP);
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_OK);
	assert_true(back.plain_sum);
	p.plain_sum = true;
	assert_true(same_packet(&back, &p));
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
}

static struct vrrp_packet packet_v2(void)
{
	struct vrrp_packet p = packet();

	p.version = 2;
	p.adv_cs = 100;
	return p;
}

static void golden_v2(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX], want[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet p = packet_v2(), back;
	size_t want_len = from_hex(want, sizeof(want), KEEPALIVED_V2);

	(void)state;
	assert_int_equal(want_len, 24);
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_OK);
	assert_true(same_packet(&back, &p));
	/* the addresses of the IP header are not in its checksum, and there is one form only */
	m.src = addr("10.20.0.12");
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_OK);
	p.plain_sum = true;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
	for (size_t n = 0; n < want_len; n++)
		assert_int_equal(vrrp_decode(&back, &m, want, n), VRRP_E_SHORT);
	m.src = addr("fe80::1");
	m.dst = addr("ff02::12");
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_E_VERSION);
}

static void judged_v2(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum vrrp_err err;
		const char *why;
	} row[] = {
		{0, 0x21, VRRP_OK, "as it should be"},
		{0, 0x22, VRRP_E_TYPE, "type 2"},
		{0, 0x11, VRRP_E_VERSION, "version 1"},
		{3, 0, VRRP_E_COUNT, "no address"},
		{3, 1, VRRP_E_COUNT, "bytes left over"},
		{3, 3, VRRP_E_SHORT, "one address missing"},
		{4, 1, VRRP_E_AUTH_TYPE, "a password"},
		{4, 2, VRRP_E_AUTH_TYPE, "an IP authentication header"},
		{5, 0, VRRP_E_INTERVAL, "interval zero"},
		{5, 2, VRRP_E_OTHER_INTERVAL, "two seconds"},
		{5, 255, VRRP_E_OTHER_INTERVAL, "the longest"},
		{1, 52, VRRP_E_VRID, "another virtual router's"},
		{23, 7, VRRP_OK, "authentication data means nothing"},
	};
	const struct vrrp_packet ours = packet_v2();
	struct vrrp_meta m = meta();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[32] = {0};
		size_t len = from_hex(buf, sizeof(buf), KEEPALIVED_V2);
		struct vrrp_packet out;
		enum vrrp_err err;

		buf[row[i].at] = row[i].value;
		set_checksum(buf, len);
		err = vrrp_decode(&out, &m, buf, len);
		if (err == VRRP_OK)
			err = vrrp_match(&out, &ours);
		if (err != row[i].err)
			fail_msg("%s: %s", row[i].why, vrrp_err_name(err));
	}
}

static void golden_ipv6(void **state)
{
	struct vrrp_meta m = {.src = addr("fe80::1"), .dst = addr("ff02::12"), .ttl = 255};
	struct vrrp_packet p = {.version = 3, .vrid = 7, .prio = 100, .adv_cs = 100, .n_addrs = 1},
			   back;
	uint8_t buf[VRRP_PACKET_MAX], want[VRRP_PACKET_MAX];
	size_t want_len = from_hex(want, sizeof(want), IPV6_VRRP);

	(void)state;
	p.addrs[0] = addr("fe80::5");
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
	assert_int_equal(vrrp_decode(&back, &m, buf, want_len), VRRP_OK);
	assert_true(same_packet(&back, &p));
	/* here the pseudo-header is not optional */
	set_checksum(buf, want_len);
	assert_int_equal(vrrp_decode(&back, &m, buf, want_len), VRRP_E_CHECKSUM);
}

static void golden_keepalived_ipv6(void **state)
{
	struct vrrp_meta m = {
		.src = addr("fe80::602b:47ff:fe00:6565"), .dst = vrrp_group(AF_INET6), .ttl = 255};
	struct vrrp_packet p = {.version = 3, .vrid = 51, .prio = 140, .adv_cs = 10, .n_addrs = 3},
			   back;
	uint8_t buf[VRRP_PACKET_MAX], want[VRRP_PACKET_MAX];
	size_t want_len = from_hex(want, sizeof(want), KEEPALIVED_IPV6);

	(void)state;
	p.addrs[0] = addr("2001:db8:1::1");
	p.addrs[1] = addr("2001:db8:ffff::1");
	p.addrs[2] = addr("fe80::1");
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), want_len);
	assert_memory_equal(buf, want, want_len);
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_OK);
	assert_true(same_packet(&back, &p));

	/* ours lists the link-local one first */
	p.addrs[0] = addr("fe80::1");
	p.addrs[2] = addr("2001:db8:1::1");
	assert_int_equal(vrrp_match(&back, &p), VRRP_OK);

	/* what the pseudo-header has is judged, too */
	m.ttl = 64;
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_E_TTL);
	m.ttl = 255;
	m.dst = addr("2001:db8:1::11");
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_E_CHECKSUM);
	m.dst = vrrp_group(AF_INET6);
	m.src.b[15]++;
	assert_int_equal(vrrp_decode(&back, &m, want, want_len), VRRP_E_CHECKSUM);
}

static void round_trip(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet p = packet(), back;

	(void)state;
	for (unsigned n = 1; n <= VRRP_MAX_ADDRS; n++) {
		p.n_addrs = (uint8_t)n;
		p.vrid = (uint8_t)(n * 15);
		p.prio = (uint8_t)(n * 17 - 17);
		p.adv_cs = (uint16_t)(n == 1 ? 1 : n * VRRP_MAX_ADV_CS / VRRP_MAX_ADDRS);
		p.addrs[n - 1] = ip_addr_v4(n * 0x01020304u);

		size_t len = vrrp_encode(&p, &m, buf, sizeof(buf));

		assert_int_equal(len, 8 + 4 * n);
		assert_int_equal(vrrp_decode(&back, &m, buf, len), VRRP_OK);
		assert_true(same_packet(&back, &p));
		assert_int_equal(vrrp_encode(&p, &m, buf, len - 1), 0);
	}
}

static void not_encodable(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	const struct vrrp_packet good = packet();
	struct vrrp_packet p;

	(void)state;
	p = good;
	p.n_addrs = 0;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p.n_addrs = VRRP_MAX_ADDRS + 1;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p = good;
	p.adv_cs = 0;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p.adv_cs = VRRP_MAX_ADV_CS + 1;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p = good;
	p.vrid = 0;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p = good;
	p.version = 4;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p.version = 2; /* and 100 ms */
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p.adv_cs = 25600;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p.adv_cs = 25500;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 24);
	p.auth_type = 1;
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
	p = good;
	p.addrs[1] = addr("2001:db8::1");
	assert_int_equal(vrrp_encode(&p, &m, buf, sizeof(buf)), 0);
}

static void truncation(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet p = packet(), out;
	size_t len = vrrp_encode(&p, &m, buf, sizeof(buf));

	(void)state;
	for (size_t n = 0; n < len; n++) {
		/* an own allocation, so that a sanitizer sees one byte too many */
		uint8_t *cut = malloc(n ? n : 1);

		assert_non_null(cut);
		memcpy(cut, buf, n);
		assert_int_equal(vrrp_decode(&out, &m, cut, n), VRRP_E_SHORT);
		free(cut);
	}
}

static void single_byte_flips(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet p = packet(), out;
	size_t len = vrrp_encode(&p, &m, buf, sizeof(buf));

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (unsigned x = 1; x < 256; x++) {
			memset(&out, 0xa5, sizeof(out));
			buf[i] ^= (uint8_t)x;
			if (vrrp_decode(&out, &m, buf, len) == VRRP_OK)
				fail_msg("byte %zu xor %02x was accepted", i, x);
			if (out.vrid != 0xa5)
				fail_msg("output was written on failure");
			buf[i] ^= (uint8_t)x;
		}
	}
}

static void judged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		size_t len;
		enum vrrp_err err;
		const char *why;
	} row[] = {
		{0, 0x31, 16, VRRP_OK, "as it should be"},
		{0, 0x21, 16, VRRP_E_SHORT, "version 2 has authentication data"},
		{0, 0x11, 16, VRRP_E_VERSION, "version 1"},
		{0, 0x41, 16, VRRP_E_VERSION, "version 4"},
		{0, 0x30, 16, VRRP_E_TYPE, "type 0"},
		{0, 0x32, 16, VRRP_E_TYPE, "type 2"},
		{3, 0, 16, VRRP_E_COUNT, "no address"},
		{3, 1, 16, VRRP_E_COUNT, "bytes left over"},
		{3, 3, 16, VRRP_E_SHORT, "one address missing"},
		{3, VRRP_MAX_ADDRS + 1, 16, VRRP_E_COUNT, "more than our bound"},
		{3, 255, 16, VRRP_E_COUNT, "the field's maximum"},
		{5, 0, 16, VRRP_E_INTERVAL, "interval zero"},
		{4, 0xf0, 16, VRRP_OK, "reserved bits are ignored"},
		{2, 0, 16, VRRP_OK, "priority 0"},
		{2, 255, 16, VRRP_OK, "priority 255"},
		{3, 2, 20, VRRP_E_COUNT, "trailing bytes"},
	};
	struct vrrp_meta m = meta();
	struct vrrp_packet out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[32] = {0};

		from_hex(buf, sizeof(buf), RFC9568_VRRP);
		buf[row[i].at] = row[i].value;
		set_checksum(buf, row[i].len);

		enum vrrp_err err = vrrp_decode(&out, &m, buf, row[i].len);

		if (err != row[i].err)
			fail_msg("%s: %s", row[i].why, vrrp_err_name(err));
		if (err == VRRP_OK)
			assert_int_equal(out.adv_cs, 10);
	}
}

/* What the IP header says counts, too: hop limit, and both addresses through the checksum. */
static void judged_by_ip(void **state)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_meta m = meta();
	struct vrrp_packet out;
	size_t len = from_hex(buf, sizeof(buf), KEEPALIVED_VRRP);

	(void)state;
	m.ttl = 254;
	assert_int_equal(vrrp_decode(&out, &m, buf, len), VRRP_E_TTL);
	m = meta();
	m.src = addr("10.20.0.12");
	assert_int_equal(vrrp_decode(&out, &m, buf, len), VRRP_E_CHECKSUM);
	m = meta();
	m.dst = addr("10.20.0.12");
	assert_int_equal(vrrp_decode(&out, &m, buf, len), VRRP_E_CHECKSUM);
}

static void match(void **state)
{
	const struct vrrp_packet ours = packet();
	struct vrrp_packet p = ours;

	(void)state;
	p.prio = 1;
	p.adv_cs = 77;
	assert_int_equal(vrrp_match(&p, &ours), VRRP_OK);
	p.addrs[0] = ours.addrs[1];
	p.addrs[1] = ours.addrs[0];
	assert_int_equal(vrrp_match(&p, &ours), VRRP_OK);
	p.addrs[1] = p.addrs[0];
	assert_int_equal(vrrp_match(&p, &ours), VRRP_E_ADDRS);
	p = ours;
	p.n_addrs = 1;
	assert_int_equal(vrrp_match(&p, &ours), VRRP_E_ADDRS);
	p = ours;
	p.addrs[1] = addr("198.18.0.2");
	assert_int_equal(vrrp_match(&p, &ours), VRRP_E_ADDRS);
	p = ours;
	p.version = 2;
	assert_int_equal(vrrp_match(&p, &ours), VRRP_E_VERSION);
	p.vrid = 52; /* other virtual routers may be of any version */
	assert_int_equal(vrrp_match(&p, &ours), VRRP_E_VRID);
}

static void split(void **state)
{
	uint8_t buf[64];
	size_t len = from_hex(buf, sizeof(buf), KEEPALIVED_IP KEEPALIVED_VRRP);
	struct vrrp_meta m, expect = meta();
	struct rd body;

	(void)state;
	assert_int_equal(len, 36);
	assert_int_equal(vrrp_split_ipv4(&m, &body, buf, len), VRRP_OK);
	assert_true(ip_addr_equal(&m.src, &expect.src));
	assert_true(ip_addr_equal(&m.dst, &expect.dst));
	assert_int_equal(m.ttl, 255);
	assert_ptr_equal(body.p, buf + 20);
	assert_int_equal(body.left, 16);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(vrrp_split_ipv4(&m, &body, buf, n), VRRP_E_IP);
	/* link padding after the packet is not part of it */
	assert_int_equal(vrrp_split_ipv4(&m, &body, buf, len + 10), VRRP_OK);
	assert_int_equal(body.left, 16);
}

static void split_judged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum vrrp_err err;
		size_t left;
		const char *why;
	} row[] = {
		{0, 0x65, VRRP_E_IP, 0, "not IPv4"},
		{0, 0x44, VRRP_E_IP, 0, "header shorter than an IPv4 header"},
		{0, 0x46, VRRP_OK, 12, "one word of options"},
		{0, 0x49, VRRP_OK, 0, "options up to the end"},
		{0, 0x4a, VRRP_E_IP, 0, "options beyond the end"},
		{9, 17, VRRP_E_IP, 0, "UDP"},
		{3, 19, VRRP_E_IP, 0, "total length shorter than the header"},
		{3, 20, VRRP_OK, 0, "nothing but a header"},
		{3, 37, VRRP_E_IP, 0, "total length beyond what was received"},
		{2, 1, VRRP_E_IP, 0, "total length far beyond"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t buf[36];
		struct vrrp_meta m;
		struct rd body;

		from_hex(buf, sizeof(buf), KEEPALIVED_IP KEEPALIVED_VRRP);
		buf[row[i].at] = row[i].value;

		enum vrrp_err err = vrrp_split_ipv4(&m, &body, buf, sizeof(buf));

		if (err != row[i].err)
			fail_msg("%s: %s", row[i].why, vrrp_err_name(err));
		if (err == VRRP_OK)
			assert_int_equal(body.left, row[i].left);
	}
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < VRRP_E_N; i++) {
		const char *name = vrrp_err_name((enum vrrp_err)i);

		assert_non_null(name);
		assert_string_not_equal(name, "unknown");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, vrrp_err_name((enum vrrp_err)j));
	}
	assert_string_equal(vrrp_err_name(VRRP_E_N), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(golden_ipv6),
		cmocka_unit_test(golden_keepalived_ipv6),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(not_encodable),
		cmocka_unit_test(truncation),
		cmocka_unit_test(single_byte_flips),
		cmocka_unit_test(judged),
		cmocka_unit_test(judged_by_ip),
		cmocka_unit_test(match),
		cmocka_unit_test(split),
		cmocka_unit_test(split_judged),
		cmocka_unit_test(names),
		cmocka_unit_test(golden_v2),
		cmocka_unit_test(judged_v2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
