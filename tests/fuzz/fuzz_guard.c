/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the next core hears from a guard, and the guard from it; either may be of another version.
 * What decodes must encode to what decodes to the same. */
#include <string.h>

#include "../../daemon/guard_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static struct guard_role roles[GUARD_WIRE_ROUTERS], again[GUARD_WIRE_ROUTERS];
static char names[GUARD_WIRE_ROUTERS][NET_NAME_MAX], names_again[GUARD_WIRE_ROUTERS][NET_NAME_MAX];
static uint8_t buf[GUARD_WIRE_MAX];

static void hello(const uint8_t *data, size_t size)
{
	struct guard_hello h = {.role = roles}, back = {.role = again};
	size_t len;

	if (guard_hello_decode(&h, data, size) < 0)
		return;
	check(h.n <= GUARD_WIRE_ROUTERS);
	len = guard_hello_encode(&h, buf, sizeof(buf));
	check(len && guard_hello_decode(&back, buf, len) == 0);
	check(back.n == h.n && back.pid == h.pid && back.sync_id == h.sync_id);
	for (unsigned i = 0; i < h.n; i++)
		check(strcmp(roles[i].router, again[i].router) == 0 && roles[i].id == again[i].id &&
		      roles[i].term == again[i].term && roles[i].since_ms == again[i].since_ms &&
		      roles[i].boosted == again[i].boosted &&
		      roles[i].had_table == again[i].had_table &&
		      roles[i].life.epoch == again[i].life.epoch &&
		      roles[i].life.number == again[i].life.number);
}

static void done(const uint8_t *data, size_t size)
{
	int n = guard_done_decode(names, data, size);
	size_t len;

	if (n < 0)
		return;
	len = guard_done_encode((const char(*)[NET_NAME_MAX])names, (unsigned)n, buf, sizeof(buf));
	check(len && guard_done_decode(names_again, buf, len) == n);
	check(memcmp(names, names_again, (size_t)n * sizeof(*names)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hello(data, size);
	done(data, size);
	return 0;
}
