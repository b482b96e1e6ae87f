/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc_look.h"

#include <fcntl.h>
#include <string.h>

#include "vrouter/util.h"

struct heartbeat_look proc_look(pid_t pid)
{
	char path[32], text[512] = "";
	unsigned long user = 0, system = 0;
	struct heartbeat_look look = {0};
	const char *p;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);

	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return look;
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (p && sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user,
			&system) == 3) {
		look.runnable = state == 'R';
		look.uninterruptible = state == 'D';
		look.cpu_ticks = (uint64_t)user + system;
	}
	return look;
}
