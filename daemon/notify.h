/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the service manager is told, and asks for: the protocol of sd_notify(3), which is stable and
 * may be spoken without libsystemd. That library brings seven others along, each with its pages in
 * each of our processes. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

#include "vrouter/util.h"

/* Lines of NAME=VALUE; nothing happens where no service manager asked for them (NOTIFY_SOCKET). */
void notify(const char *fmt, ...) printf_like(1, 2);
/* The watchdog's time in us; 0: it wants none of this process. */
uint64_t notify_watchdog_us(void);

#endif
