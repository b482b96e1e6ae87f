/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keepalived.conf; whatever it includes has a few lines, and includes itself. */
#include "import_target.h"

static int include(void *ctx, struct import *im, const char *pattern, const char *from)
{
	static const char text[] = "priority 7\n$A=x\ninclude b\n";

	(void)ctx;
	(void)from;
	if (pattern[0] == 'n')
		return pattern[1] == 'n' ? -ENOENT : 0;
	import_text(im, pattern, text, sizeof(text) - 1);
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	import_any(data, size, include);
	return 0;
}
