/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of chosen VIPs: what is taken is written as the same, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "vrouter/reserve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reserve_set set = {.n = 0}, again = {.n = 0};
	char text[RESERVE_TEXT_MAX];
	size_t len;

	if (!reserve_parse(&set, (const char *)data, size))
		return 0;
	if (!set.n || set.n > RESERVE_MAX)
		abort();
	for (unsigned i = 0; i < set.n; i++)
		if (!ip_addr_is_host(&set.addr[i]))
			abort();
	len = reserve_format(&set, text);
	if (len >= sizeof(text) || !reserve_parse(&again, text, len) ||
	    !reserve_set_equal(&set, &again))
		abort();
	return 0;
}
