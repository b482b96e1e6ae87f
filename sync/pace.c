/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

static unsigned gather_us(struct pace *p, unsigned work, uint64_t now_ms)
{
	if (now_ms != p->tick) {
		p->before = now_ms == p->tick + 1 ? p->count : 0;
		p->count = 0;
		p->tick = now_ms;
	}
	p->count += work;
	if (p->before < PACE_FAST && p->count < PACE_FAST)
		return 0;
	return p->conntrackd ? PACE_GATHER_CTD_US : PACE_GATHER_US;
}

/* What is still missing of the others' share. Waiting for changes counts as rest; waiting for a CPU
 * does not, for then somebody else of real-time priority had it. */
static unsigned owed_us(struct pace *p, uint64_t now_us, uint64_t cpu_us)
{
	uint64_t busy = cpu_us - p->since_cpu_us, from = p->since_us + busy;
	uint64_t left = now_us > from ? now_us - from : 0, waited;

	if (busy < PACE_WORK_US && left <= PACE_WORK_US)
		return 0;
	waited = p->waited_us ? p->waited_us() : 0;
	left -= waited - p->since_waited_us < left ? waited - p->since_waited_us : left;
	left = busy / PACE_SHARE > left ? busy / PACE_SHARE - left : 0;
	left = left < PACE_REST_MAX_US ? left : PACE_REST_MAX_US;
	p->since_us = now_us + left;
	p->since_cpu_us = cpu_us;
	p->since_waited_us = waited;
	return (unsigned)left;
}

unsigned pace_rest_us(struct pace *p, unsigned work, bool bulk, uint64_t now_us, uint64_t cpu_us)
{
	unsigned gather = gather_us(p, work, now_us / 1000), owed = owed_us(p, now_us, cpu_us);

	if (bulk)
		gather = PACE_BULK_US;
	return owed > gather ? owed : gather;
}
