/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Complaints about what is heard. */
#include "vrrp_io_impl.h"

#include <inttypes.h>

#include "../clock.h"
#include "vrouter/log.h"

#define COMPLAIN_US 60000000 /* one line per reason and minute; the counters have them all */

static bool is_silent(uint64_t *last_us, uint64_t now)
{
	if (*last_us && now - *last_us < COMPLAIN_US)
		return true;
	*last_us = now;
	return false;
}

void vrrp_say_unused(struct vrrp_io *io, enum vrrp_err err, const struct ip_addr *src)
{
	char from[INET6_ADDRSTRLEN], what[INET6_ADDRSTRLEN + 32];
	uint64_t now = now_us();

	io->stats.rx_err[err]++;
	/* other virtual routers on the same link are normal, and so is who starts */
	if (err == VRRP_E_VRID || err == VRRP_E_CHALLENGE || err == VRRP_E_UNPROVEN)
		return;
	if (is_silent(&io->complained_us[err], now))
		return;
	log_remote("vrrp", io->router,
		   "a packet from %s on %s was not used: %s (VRID %u, %" PRIu64 " so far)",
		   ip_addr_format(src, from), io->interface, vrrp_err_name(err), io->ours.vrid,
		   io->stats.rx_err[err]);
	if (io->ops->on_refused && err >= VRRP_E_NO_AUTH) {
		snprintf(what, sizeof(what), "%s: %s", from, vrrp_err_name(err));
		io->ops->on_refused(io->ctx, what);
	}
}

/* It is followed, but a router that starts waits by its own interval and may be too impatient. */
static void say_interval(struct vrrp_io *io, const char *from, uint16_t adv_cs, uint64_t now)
{
	if (adv_cs == io->cfg.adv_cs || is_silent(&io->interval_us, now))
		return;
	log_remote("vrrp", io->router,
		   "%s advertises each %u ms, we do each %u ms: they must agree", from,
		   adv_cs * 10u, io->cfg.adv_cs * 10u);
}

/* Who makes them one way may not take the other. */
static void say_checksum(struct vrrp_io *io, const char *from, bool plain, uint64_t now)
{
	if (plain == io->ours.plain_sum || is_silent(&io->sum_us, now))
		return;
	log_remote("vrrp", io->router,
		   "%s makes its checksums with%s the pseudo-header, we make ours with%s: it may "
		   "not hear us (option checksum)",
		   from, plain ? "out" : "", plain ? "" : "out");
}

void vrrp_say_differs(struct vrrp_io *io, const struct ip_addr *src, const struct vrrp_packet *p,
		      uint64_t now)
{
	char from[INET6_ADDRSTRLEN];

	ip_addr_format(src, from);
	say_interval(io, from, p->adv_cs, now);
	if (p->version == 3)
		say_checksum(io, from, p->plain_sum, now);
}
