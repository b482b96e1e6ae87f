/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "leaving.h"

void leaving_heard(struct leaving *l, uint32_t trail_ms)
{
	l->trail_ms = trail_ms;
	l->believed = LEAVING_LOOKS;
	leaving_goes_on(l, trail_ms);
}

void leaving_goes_on(struct leaving *l, uint32_t trail_ms)
{
	l->way = LEAVING_LOOKS + trail_ms / LEAVING_LOOK_MS;
}

bool leaving_look(struct leaving *l)
{
	l->believed -= l->believed > 0;
	l->way -= l->way > 0;
	return l->way > 0;
}

uint32_t leaving_trail_ms(const struct leaving *l)
{
	/* beyond what it says: for when it is slow, or dead */
	return l->believed ? l->trail_ms + LEAVING_LOOKS * LEAVING_LOOK_MS : 0;
}
