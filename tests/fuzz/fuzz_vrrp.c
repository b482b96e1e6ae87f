/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A raw packet (IP header first, as the socket delivers it) through all that the election does with
 * it: split, decode, match, one step in each state. What decodes must encode to what decodes to
 * the same; every number that reaches the state machine must leave a timer that can be armed. */
#include <string.h>

#include "vrouter/vrrp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

	check(p->vrid ? n == len : n == 0); /* VRID 0 is not ours to send */
	if (!n)
		return;
	check(vrrp_decode(&back, meta, buf, n) == VRRP_OK);
	check(back.vrid == p->vrid && back.prio == p->prio && back.adv_cs == p->adv_cs);
	check(vrrp_match(&back, p) == VRRP_OK && vrrp_match(p, &back) == VRRP_OK);
}

static void step(const struct vrrp_packet *p, bool higher, enum vrrp_state state)
{
	const struct vrrp_cfg cfg = {.prio = 100, .adv_cs = 10, .preempt = true};
	struct vrrp_inst v = {.state = state, .active_adv_cs = 10};
	struct vrrp_out out = vrrp_step(&cfg, &v,
					(struct vrrp_in){.ev = VRRP_EV_ADVERT,
							 .prio = p->prio,
							 .adv_cs = p->adv_cs,
							 .from_higher_addr = higher});

	check(out.timer_us == VRRP_TIMER_KEEP ||
	      (out.timer_us > 0 && out.timer_us <= 4ull * VRRP_MAX_ADV_CS * 10000));
	check(v.state != VRRP_ACTIVE || state == VRRP_ACTIVE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_meta meta;
	struct vrrp_packet p;
	struct rd body;

	if (vrrp_split_ipv4(&meta, &body, data, size) != VRRP_OK)
		return 0;
	check(body.p >= data && body.left <= size && body.p + body.left <= data + size);
	/* the fuzzer does not have to find this byte */
	meta.ttl = VRRP_TTL;
	if (vrrp_decode(&p, &meta, body.p, body.left) != VRRP_OK)
		return 0;
	check(p.n_addrs >= 1 && p.n_addrs <= VRRP_MAX_ADDRS && p.adv_cs >= 1 &&
	      p.adv_cs <= VRRP_MAX_ADV_CS);
	round_trip(&p, &meta, body.left);
	for (int s = VRRP_INIT; s <= VRRP_ACTIVE; s++)
		step(&p, data[size - 1] & 1, (enum vrrp_state)s);
	return 0;
}
