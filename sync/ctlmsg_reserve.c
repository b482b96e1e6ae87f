/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a controller says of the VIPs that it chooses (vrouter/reserve.h). */
#include "ctlmsg.h"

#include <string.h>

enum { FAMILY_V4 = 4, FAMILY_V6 = 6 };

void ctl_reserve_encode(struct wr *w, const struct reserve_word *m)
{
	wr_u8(w, m->stage);
	wr_u8(w, (uint8_t)m->set.n);
	for (unsigned i = 0; i < m->set.n; i++) {
		const struct ip_addr *a = &m->set.addr[i];

		wr_u8(w, a->family == AF_INET ? FAMILY_V4 : FAMILY_V6);
		wr_bytes(w, a->b, ip_addr_size(a));
	}
}

static void decode_addr(struct rd *r, struct ip_addr *a)
{
	uint8_t family = rd_u8(r);

	*a = (struct ip_addr){.family = family == FAMILY_V4 ? AF_INET : AF_INET6};
	rd_copy(r, a->b, ip_addr_size(a));
	if ((family != FAMILY_V4 && family != FAMILY_V6) || !ip_addr_is_host(a))
		r->bad = true;
}

void ctl_reserve_decode(struct rd *r, struct reserve_word *m)
{
	bool with_set;

	memset(m, 0, sizeof(*m));
	m->stage = rd_u8(r);
	m->set.n = rd_u8(r);
	with_set = m->stage == RESERVE_KEPT || m->stage == RESERVE_HELD;
	if (m->stage < RESERVE_LOOKING || m->stage > RESERVE_HELD || m->set.n > RESERVE_MAX ||
	    with_set != (m->set.n != 0))
		r->bad = true;
	for (unsigned i = 0; i < m->set.n && rd_ok(r); i++)
		decode_addr(r, &m->set.addr[i]);
}
