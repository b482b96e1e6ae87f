/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame as a packet socket delivers it, judged as an answer of each of two targets. What counts
 * has the target's address in it. */
#include <string.h>

#include "vrouter/netns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, const struct ip_addr *target)
{
	size_t n = ip_addr_size(target);

	if (probe_is_answer(data, size, target) && !probe_is_claim(data, size, target))
		abort();
	if (!probe_is_claim(data, size, target))
		return;
	for (size_t at = 14; at + n <= size; at++)
		if (memcmp(data + at, target->b, n) == 0)
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_addr v4, v6;

	if (ip_addr_parse(&v4, "198.18.0.254") < 0 || ip_addr_parse(&v6, "fe80::fe") < 0)
		abort();
	check(data, size, &v4);
	check(data, size, &v6);
	return 0;
}
