/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The statements of conntrackd.conf that something is kept of. */
#ifndef CONNTRACKD_CONF_CTD_IDS_H
#define CONNTRACKD_CONF_CTD_IDS_H

enum ctd_id {
	CTD_SYNC = 1,
	CTD_MODE,
	CTD_REFRESH,
	CTD_CACHE_TIMEOUT,
	CTD_CHECKSUM,
	CTD_MULTICAST,
	CTD_UNICAST,
	CTD_STREAM,
	CTD_ADDRESS,
	CTD_TARGET,
	CTD_INTERFACE,
	CTD_PORT,
	CTD_FILTER,
	CTD_PROTOCOLS,
	CTD_ADDRESSES,
	CTD_STATES,
	CTD_MEMBER,
};

#endif
