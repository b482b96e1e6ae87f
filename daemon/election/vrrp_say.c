/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Complaints about what is heard. */
#include "vrrp_io_impl.h"

#include <inttypes.h>

#include "../clock.h"
#include "vrouter/log.h"

#define COMPLAIN_US 60000000 /* one line per reason and minute; the counters have them all */

void vrrp_say_unused(struct vrrp_io *io, enum vrrp_err err, const struct ip_addr *src)
{
	char from[INET6_ADDRSTRLEN];
	uint64_t now = now_us();

	io->stats.rx_err[err]++;
	/* other virtual routers on the same link are normal */
	if (err == VRRP_E_VRID)
		return;
	if (io->complained_us[err] && now - io->complained_us[err] < COMPLAIN_US)
		return;
	io->complained_us[err] = now;
	log_remote("vrrp", io->router,
		   "a packet from %s on %s was not used: %s (VRID %u, %" PRIu64 " so far)",
		   ip_addr_format(src, from), io->interface, vrrp_err_name(err), io->ours.vrid,
		   io->stats.rx_err[err]);
}

/* It is followed, but a router that starts waits by its own interval and may be too impatient. */
void vrrp_say_interval(struct vrrp_io *io, const struct ip_addr *src, uint16_t adv_cs, uint64_t now)
{
	char from[INET6_ADDRSTRLEN];

	if (adv_cs == io->cfg.adv_cs || (io->interval_us && now - io->interval_us < COMPLAIN_US))
		return;
	io->interval_us = now;
	log_remote("vrrp", io->router,
		   "%s advertises each %u ms, we do each %u ms: they must agree",
		   ip_addr_format(src, from), adv_cs * 10u, io->cfg.adv_cs * 10u);
}
