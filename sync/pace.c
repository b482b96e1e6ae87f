/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

unsigned pace_rest_us(struct pace *p, unsigned work, bool bulk, uint64_t now_ms)
{
	if (now_ms != p->tick) {
		p->before = now_ms == p->tick + 1 ? p->count : 0;
		p->count = 0;
		p->tick = now_ms;
	}
	p->count += work;
	if (bulk)
		return PACE_BULK_US;
	return p->before >= PACE_FAST || p->count >= PACE_FAST ? PACE_GATHER_US : 0;
}
