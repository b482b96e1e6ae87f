/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pulses of anybody who has the key. Input: datagrams, each: control byte (sender, its life, time,
 * whether our number is brought back in front), sequence number byte, length byte, body. */
#include "../../sync/pulse.h"

#define SELF 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void say(struct pulse *p, uint64_t now)
{
	uint8_t body[CTL_BODY_MAX];
	struct wr w = wr_of(body, sizeof(body));
	struct rd r;
	struct dgram_hdr h;
	struct ctl_msg m;

	if (!pulse_next(p, now, now, &h, &w))
		return;
	r = rd_of(body, wr_len(&w));
	check(wr_ok(&w) && h.router == PULSE_ROUTER && h.sender == SELF);
	check(ctl_decode(&r, &m) == CTL_MSG && m.type == CTL_PULSE && rd_done(&r));
	check(m.pulse.nonce && m.pulse.n <= ENGINE_PEERS_MAX + PULSE_STRANGERS);
}

static size_t answer(const struct pulse *p, uint8_t *out, size_t cap)
{
	const struct ctl_msg m = {
		.type = CTL_PULSE,
		.pulse = {.nonce = 5, .n = 1, .echo = {{.to = SELF, .nonce = p->nonce}}}};
	struct wr w = wr_of(out, cap);

	ctl_encode(&w, &m);
	return wr_len(&w);
}

static void look(const struct pulse *p)
{
	unsigned same = 0;

	check(p->n <= ENGINE_PEERS_MAX && p->n_strangers <= PULSE_STRANGERS);
	for (unsigned i = 0; i < p->n; i++) {
		const struct pulse_peer *c = &p->peer[i];

		check(c->life && c->id != SELF);
		check(!c->alive || pulse_is_alive(p, c->id, c->life));
		for (unsigned k = 0; k < i; k++)
			same += p->peer[k].id == c->id;
	}
	check(!same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t epoch[DGRAM_EPOCH_LEN] = {1};
	struct rd r = rd_of(data, size);
	uint64_t now = 1000;
	struct pulse p;

	pulse_init(&p, SELF, epoch, now);
	while (!rd_done(&r)) {
		uint8_t control = rd_u8(&r);
		struct dgram_hdr h = {.kind = DGRAM_CONTROL,
				      .sender = 1u + (control & 31),
				      .epoch = {control >> 5 & 1},
				      .seq = rd_u8(&r)};
		struct rd body = rd_sub(&r, rd_u8(&r));
		uint8_t *exact = malloc(body.left + 64);
		size_t len;

		check(exact != NULL);
		say(&p, now);
		len = control & 0x40 ? answer(&p, exact, 64) : 0;
		if (body.left)
			memcpy(exact + len, body.p, body.left);
		if (!body.bad)
			(void)pulse_on(&p, &h, exact, len + body.left, now);
		free(exact);
		now += control & 0x80 ? 1u << (control & 15) : 1;
		if (pulse_expire(&p, now))
			look(&p);
	}
	look(&p);
	return 0;
}
