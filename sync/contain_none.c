/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of contain_filter.c in builds with sanitizers, which read files and start programs to
 * say what they found. */
#include "vrouter/contain.h"

#include <errno.h>

int contain_root(void)
{
	return -ENOTSUP;
}

int contain_system_calls(bool to_syslog)
{
	(void)to_syslog;
	return -ENOTSUP;
}
