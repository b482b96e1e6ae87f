/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the core to the helper that becomes a service's program: one message, with the descriptors
 * of its output and, where it has one, of its namespace. Back comes nothing but the end of the
 * pair, or one text why it failed. */
#ifndef DAEMON_SERVICE_MSG_H
#define DAEMON_SERVICE_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "service.h"

enum { SERVICE_FD_OUTPUT, SERVICE_FD_NETNS, SERVICE_FDS };

struct service_order {
	uint64_t caps;
	bool writes, nonlocal;
	char program[64], package[64], user[32];
	char folder[SERVICE_PATH_MAX];
	char arg[SERVICE_ARGS_MAX][64];
	unsigned n_args;
	uint32_t config_len;
	char config[SERVICE_CONFIG_MAX];
};

#endif
