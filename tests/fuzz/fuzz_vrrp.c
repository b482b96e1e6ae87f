/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet (IP header first, as a raw IPv4 socket delivers it; of IPv6 what the socket tells of the
 * headers) through all that the election does with it: split, look for a stamp, decode, match, one
 * step in each state. What decodes must encode to what decodes to the same; every number that
 * reaches the state machine must leave a timer that can be armed. */
#include <string.h>

#include "vrouter/vrrp_auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define V2_ADV_CS_MAX 25500

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void round_trip(const struct vrrp_packet *p, const struct vrrp_meta *meta, size_t len)
{
	uint8_t buf[VRRP_PACKET_MAX];
	struct vrrp_packet back;
	size_t n = vrrp_encode(p, meta, buf, sizeof(buf));

	/* VRID 0 and passwords are not ours to send */
	check(p->vrid && !p->auth_type ? n == len : n == 0);
	if (!n)
		return;
	check(vrrp_decode(&back, meta, buf, n) == VRRP_OK);
	check(back.version == p->version && back.plain_sum == p->plain_sum);
	check(back.vrid == p->vrid && back.prio == p->prio && back.adv_cs == p->adv_cs);
	check(vrrp_match(&back, p) == VRRP_OK && vrrp_match(p, &back) == VRRP_OK);
}

static void step(const struct vrrp_packet *p, bool higher, enum vrrp_state state)
{
	const struct vrrp_cfg cfg = {.prio = 100,
				     .adv_cs = 10,
				     .preempt = true,
				     .version = p->version,
				     .preempt_delay_us = higher ? 0 : 1000000};
	struct vrrp_inst v = {.state = state, .active_adv_cs = 10};
	struct vrrp_out out = vrrp_step(&cfg, &v,
					(struct vrrp_in){.ev = VRRP_EV_ADVERT,
							 .prio = p->prio,
							 .adv_cs = p->adv_cs,
							 .now_us = 1,
							 .from_higher_addr = higher});

	check(out.timer_us == VRRP_TIMER_KEEP ||
	      (out.timer_us > 0 && out.timer_us <= 4ull * V2_ADV_CS_MAX * 10000));
	check(v.state != VRRP_ACTIVE || state == VRRP_ACTIVE);
}

/* The kernel's part of what vrrp_sock_recv() returns: a Destination Options header goes beside. */
static enum vrrp_err split_ipv6(struct vrrp_meta *meta, struct rd *options, struct rd *body,
				const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	uint8_t next;

	*meta = (struct vrrp_meta){.src.family = AF_INET6, .dst.family = AF_INET6};
	rd_bytes(&r, 6);
	next = rd_u8(&r);
	rd_bytes(&r, 1);
	rd_copy(&r, meta->src.b, 16);
	rd_copy(&r, meta->dst.b, 16);
	if (rd_ok(&r) && r.left > 1 && next == 60)
		*options = rd_sub(&r, 8 * (r.p[1] + 1u));
	*body = r;
	return rd_ok(&r) ? VRRP_OK : VRRP_E_IP;
}

static enum vrrp_err split(struct vrrp_meta *meta, struct rd *options, struct rd *body,
			   const uint8_t *data, size_t size)
{
	enum vrrp_err err;

	*options = rd_of(data, 0);
	if (size && data[0] >> 4 == 6)
		return split_ipv6(meta, options, body, data, size);
	err = vrrp_split_ipv4(meta, body, data, size);
	if (err == VRRP_OK)
		*options = rd_of(data + 20, (size_t)(body->p - data) - 20);
	return err;
}

/* The fuzzer does not have to find the checksum: 0 - x for what it is made of, pseudo-header
 * included. */
static void mend(uint8_t *b, size_t len, const struct vrrp_meta *m)
{
	uint64_t sum = VRRP_PROTO + len;

	if (len < 8)
		return;
	b[6] = b[7] = 0;
	for (size_t i = 0; i < len; i++)
		sum += (uint64_t)b[i] << (i % 2 ? 0 : 8);
	for (size_t i = 0; i < ip_addr_size(&m->src); i++)
		sum += (uint64_t)(m->src.b[i] + m->dst.b[i]) << (i % 2 ? 0 : 8);
	sum = 0xffff - sum % 0xffff;
	b[6] = (uint8_t)(sum >> 8);
	b[7] = (uint8_t)sum;
}

static bool decodes(struct vrrp_packet *p, const struct vrrp_meta *meta, const struct rd *body)
{
	uint8_t buf[2048];
	enum vrrp_err err = vrrp_decode(p, meta, body->p, body->left);

	if (err != VRRP_E_CHECKSUM || body->left > sizeof(buf))
		return err == VRRP_OK;
	memcpy(buf, body->p, body->left);
	mend(buf, body->left, meta);
	return vrrp_decode(p, meta, buf, body->left) == VRRP_OK;
}

static void stamped(const struct vrrp_meta *meta, const struct rd *options, const struct rd *body)
{
	struct vrrp_auth_peers peers = {.peer[0] = {.addr = meta->src, .proven = true, .epoch = 1}};
	const size_t at = meta->src.family == AF_INET ? 20 : 40;
	uint8_t header[VRRP_AUTH_HEADER_MAX], text[VRRP_AUTH_TEXT_MAX];
	struct vrrp_auth_stamp s, back;
	uint64_t ask;
	size_t len;

	vrrp_auth_is_challenge(body->p, body->left);
	if (!vrrp_auth_find(&s, meta->src.family, options->p, options->left))
		return;
	check(s.number <= VRRP_AUTH_48_BITS && s.nonce <= VRRP_AUTH_48_BITS);
	len = vrrp_auth_header(header, &s, &meta->src, &meta->dst, body->left);
	check(vrrp_auth_find(&back, meta->src.family, header + at, len - at));
	check(back.key_id == s.key_id && back.epoch == s.epoch && back.number == s.number &&
	      back.nonce == s.nonce && memcmp(back.tag, s.tag, sizeof(s.tag)) == 0);
	len = vrrp_auth_text(text, &s, &meta->src, body->p, body->left);
	check(len <= sizeof(text));
	check(vrrp_auth_judge(&peers, &meta->src, &s, 1, s.epoch, &ask) != VRRP_OK ||
	      (s.epoch == 1 && s.number > 0));
	check(ask <= VRRP_AUTH_48_BITS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_meta meta;
	struct vrrp_packet p;
	struct rd options, body;

	if (split(&meta, &options, &body, data, size) != VRRP_OK)
		return 0;
	check(body.p >= data && body.left <= size && body.p + body.left <= data + size);
	stamped(&meta, &options, &body);
	/* the fuzzer does not have to find this byte */
	meta.ttl = VRRP_TTL;
	if (!decodes(&p, &meta, &body))
		return 0;
	check(p.n_addrs >= 1 && p.n_addrs <= VRRP_MAX_ADDRS && p.adv_cs >= 1 &&
	      p.adv_cs <= (p.version == 2 ? V2_ADV_CS_MAX : VRRP_MAX_ADV_CS));
	check(p.version == 2 || p.version == 3);
	round_trip(&p, &meta, body.left);
	for (int s = VRRP_INIT; s <= VRRP_ACTIVE; s++)
		step(&p, data[size - 1] & 1, (enum vrrp_state)s);
	return 0;
}
