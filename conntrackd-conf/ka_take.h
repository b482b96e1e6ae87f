/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept of keepalived.conf, statement by statement. Pure. */
#ifndef CONNTRACKD_CONF_KA_TAKE_H
#define CONNTRACKD_CONF_KA_TAKE_H

#include "model.h"

enum ka_id {
	KA_GLOBAL = 1, /* global_defs: its statements come next */
	KA_ROUTER_ID,
	KA_NAMESPACE,
	KA_GLOBAL_VERSION,
	KA_GLOBAL_REFRESH,
	KA_GLOBAL_STRICT,
	KA_INST,
	KA_INTERFACE,
	KA_VRID,
	KA_PRIORITY,
	KA_ADVERT,
	KA_VERSION,
	KA_NOPREEMPT,
	KA_PREEMPT_DELAY,
	KA_VMAC,
	KA_ACCEPT,
	KA_STRICT,
	KA_IPV6,
	KA_PLAIN_SUM,
	KA_SOURCE,
	KA_PEER,
	KA_REFRESH,
	KA_PASSWORD,
	KA_VIP,
	KA_ROUTE,
	KA_GROUP,
	KA_MEMBER,
	KA_WEIGHTS,
	KA_TRACK_INTERFACE,
	KA_TRACK_SCRIPT,
	KA_TRACK_PROCESS,
	KA_SCRIPT,
	KA_PROCESS,
	KA_COMMAND,
	KA_INTERVAL,
	KA_TIMEOUT,
	KA_RISE,
	KA_FALL,
	KA_WEIGHT,
	KA_NOTIFY,
};

import_take ka_take;

/* ka_track.c: vrrp_script and vrrp_track_process, and where they are used. */
bool ka_take_check(struct import *im, enum ka_id id, const struct stmt *s);
bool ka_take_track(struct import *im, enum ka_id id, const struct stmt *s);

#endif
