/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast detection: heartbeats are missing on all replication links (sync/beat.c), and the next
 * advertisement is late. A process that hangs or ends takes the other along only when the whole
 * controller does. Whether the ACTIVE is well is not asked: its answer would come the way on which
 * it is silent. */
#include "vrrp_io_impl.h"

#include "../clock.h"

static bool is_fast(const struct vrrp_io *io)
{
	return io->beatless && io->inst.state == VRRP_BACKUP &&
	       io->inst.timer_why == VRRP_WHY_SILENCE;
}

static uint64_t fast_at(const struct vrrp_io *io)
{
	uint64_t since = io->heard.us > io->woke_us ? io->heard.us : io->woke_us;

	return since + vrrp_fast_us(&io->cfg, &io->inst);
}

/* A quarter of an interval between two looks. One that comes two of them late is a pause; on a
 * machine that wakes up slowly many are late by a little. */
static uint64_t step_us(const struct vrrp_io *io)
{
	return vrrp_doubt_us(&io->inst) / 6;
}

uint64_t vrrp_fast_look_at(const struct vrrp_io *io, uint64_t now)
{
	uint64_t at = fast_at(io), look = now + step_us(io);

	if (!is_fast(io))
		return UINT64_MAX;
	return at < look ? at : look;
}

bool vrrp_fast_is_due(struct vrrp_io *io)
{
	uint64_t now = now_us();

	if (!is_fast(io))
		return false;
	if (now - io->due_us > 2 * step_us(io))
		io->woke_us = now;
	return fast_at(io) <= now;
}

bool vrrp_fast_was_silent(const struct vrrp_io *io)
{
	return io->cfg.fast && now_us() - io->last_tx_us > vrrp_replaced_us(&io->cfg, true);
}
