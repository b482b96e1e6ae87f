/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines on the control socket: each is a request that makes sense or is refused with a reason. */
#include <errno.h>
#include <string.h>

#include "vrouter/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static void line(const char *text, size_t len)
{
	struct ctl_request r;
	char why[CTL_WHY_MAX] = "";
	int err = ctl_request_parse(&r, text, len, why);

	check(err == 0 || err == -EINVAL);
	if (err) {
		check(why[0] && strlen(why) < sizeof(why));
		return;
	}
	check(r.cmd < CTL_CMDS && strlen(r.router) < sizeof(r.router));
	check(!ctl_verbs[r.cmd].needs_router || r.router[0]);
	check(!r.connect.addr.family || (r.cmd == CTL_CHECK && r.connect.port));
	check(!r.follow || r.cmd == CTL_EVENTS);
	check(!r.brief || r.cmd == CTL_STATUS);
	check(!r.force || r.cmd == CTL_PROMOTE || r.cmd == CTL_DEMOTE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((nl ? nl : end) - at);

		line(at, len < CTL_LINE_MAX ? len : CTL_LINE_MAX);
		at += len + 1;
	}
	return 0;
}
